"""What the normalizing layers share.

They turn A_prev into N, of mean square 1 over an axis (and of mean 0, but for RMS norm), and N
into A = gamma N + beta, with one gamma and one beta for each feature.
"""

from __future__ import annotations

from typing import Any

from ..namespace import Array, Namespace

#: N, 1 / deviation and gamma, and what else the layer needs.
Cache = tuple[Array, ...]


def normalize(
    A: Array, mean: Array, variance: Array, epsilon: float, xp: Namespace
) -> tuple[Array, Array]:
    """N = (A - mean) r with r = 1 / sqrt(variance + epsilon); return both."""
    r = 1.0 / xp.sqrt(wide(variance, xp) + epsilon)
    N = (wide(A, xp) - wide(mean, xp)) * r
    return of_dtype(N, A.dtype, xp), of_dtype(r, A.dtype, xp)


def normalize_backward(dN: Array, N: Array, r: Array, axis: int, xp: Namespace) -> Array:
    """dA = r (dN - mean(dN) - N mean(dN N)), for mean and variance depend on A as well."""
    shift = xp.mean(dN, axis=axis, keepdims=True)
    stretch = xp.mean(dN * N, axis=axis, keepdims=True)
    return r * (dN - shift - N * stretch)


def moments(A: Array, axis: int, xp: Namespace) -> tuple[Array, Array]:
    """Mean and variance over an axis, which stays with length 1; in float32 at least."""
    A = wide(A, xp)
    mean = xp.mean(A, axis=axis, keepdims=True)
    return mean, xp.mean((A - mean) * (A - mean), axis=axis, keepdims=True)


def over_examples(dA: Array, xp: Namespace) -> Array:
    """(1/m) sum over the m examples, (n, m) -> (n, 1)."""
    return 1 / dA.shape[1] * xp.sum(dA, axis=1, keepdims=True)


def wide(A: Array, xp: Namespace) -> Array:
    """A in float32 where it is narrower: the squares of float16 end at 256."""
    return xp.astype(A, xp.float32) if xp.finfo(A.dtype).bits < 32 else A


def of_dtype(A: Array, dtype: Any, xp: Namespace) -> Array:
    """A back in the dtype that everything else is in."""
    return A if A.dtype == dtype else xp.astype(A, dtype)
