"""RMS normalization (Zhang & Sennrich 2019)."""

from __future__ import annotations

from dataclasses import dataclass

from ..checks import check_number
from ..layer import Held, Layer, Parameter
from ..namespace import Array, Namespace
from .normalize import Cache, of_dtype, over_examples, wide


@dataclass(frozen=True, repr=False)
class RMSNorm(Layer):
    """Each example with mean square 1 over its features, then gamma N.

    Zhang & Sennrich, "Root mean square layer normalization", NeurIPS 2019.

    Parameters
    ----------
    epsilon : float, default 1e-5
        Added to the mean square.

    Examples
    --------
    >>> import numpy as np
    >>> RMSNorm(0.0).predict(np.asarray([[3.0], [3.0]]), (np.ones((2, 1)),), xp=np)
    array([[1.],
           [1.]])
    """

    epsilon: float = 1e-5

    def __post_init__(self) -> None:
        check_number("epsilon", self.epsilon, at_least=0.0)

    def parameters(self, n_prev: int) -> list[Parameter]:
        """gamma, (n[l-1], 1)."""
        return [Parameter("gamma", (n_prev, 1), 1.0)]

    def forward(self, A_prev: Array, p: Held, *, xp: Namespace) -> tuple[Array, Cache]:
        """A = gamma N, N = A_prev / sqrt(mean(A_prev^2) + epsilon)."""
        (gamma,) = p
        A = wide(A_prev, xp)
        r = 1.0 / xp.sqrt(xp.mean(A * A, axis=0, keepdims=True) + self.epsilon)  # (1, m)
        N, r = (of_dtype(array, A_prev.dtype, xp) for array in (A * r, r))
        return gamma * N, (N, r, gamma)

    def backward(
        self, dA: Array, cache: Cache, *, input_gradient: bool = True, xp: Namespace
    ) -> tuple[Array, tuple[Array, ...]]:
        """dA_prev = r (dN - N mean(dN N)) with dN = gamma dA; dgamma = (1/m) sum(dA N)."""
        N, r, gamma = cache
        dN = gamma * dA
        dA_prev = r * (dN - N * xp.mean(dN * N, axis=0, keepdims=True))
        return dA_prev, (over_examples(dA * N, xp),)
