"""Batch normalization (Ioffe & Szegedy 2015)."""

from __future__ import annotations

from dataclasses import dataclass

from ..checks import check_number
from ..layer import Buffer, Held, Layer, Parameter
from ..namespace import Array, Namespace
from .normalize import Cache, moments, normalize, normalize_backward, of_dtype, over_examples, wide


@dataclass(frozen=True, repr=False)
class BatchNorm(Layer):
    """Each feature with mean 0 and variance 1 over the minibatch, then gamma N + beta.

    Ioffe & Szegedy, "Batch normalization", ICML 2015. A prediction goes by running means of what
    training steps have seen, so that its answer for one example does not depend on the others.

    Parameters
    ----------
    momentum : float, default 0.1
        How much of a running mean a step replaces, in [0, 1].
    epsilon : float, default 1e-5
        Added to the variance.

    Examples
    --------
    >>> import numpy as np
    >>> layer, ones, zeros = BatchNorm(epsilon=0.0), np.ones((1, 1)), np.zeros((1, 1))
    >>> A, cache = layer.forward(np.asarray([[1.0, 3.0]]), (ones, zeros, zeros, ones), xp=np)
    >>> A
    array([[-1.,  1.]])
    >>> mean, variance = layer.remember(cache, xp=np)
    >>> mean
    array([[0.2]])
    """

    momentum: float = 0.1
    epsilon: float = 1e-5

    def __post_init__(self) -> None:
        check_number("momentum", self.momentum, at_least=0.0, at_most=1.0)
        check_number("epsilon", self.epsilon, at_least=0.0)

    def parameters(self, n_prev: int) -> list[Parameter]:
        """gamma and beta, (n[l-1], 1) each."""
        return [Parameter("gamma", (n_prev, 1), 1.0), Parameter("beta", (n_prev, 1))]

    def buffers(self, n_prev: int) -> list[Buffer]:
        """Return the running mean and variance, (n[l-1], 1) each."""
        return [Buffer("mean", (n_prev, 1)), Buffer("variance", (n_prev, 1), 1.0)]

    def forward(self, A_prev: Array, p: Held, *, xp: Namespace) -> tuple[Array, Cache]:
        """A = gamma N + beta, with the minibatch's own moments."""
        gamma, beta, *running = p
        mean, variance = moments(A_prev, 1, xp)  # (n[l-1], 1)
        N, r = normalize(A_prev, mean, variance, self.epsilon, xp)  # (n[l-1], m), (n[l-1], 1)
        return gamma * N + beta, (N, r, gamma, mean, variance, *running)

    def backward(
        self, dA: Array, cache: Cache, *, input_gradient: bool = True, xp: Namespace
    ) -> tuple[Array, tuple[Array, ...]]:
        """Compute dA_prev, dgamma = (1/m) sum(dA N) and dbeta = (1/m) sum(dA)."""
        N, r, gamma, *_ = cache
        dA_prev = normalize_backward(gamma * dA, N, r, 1, xp)
        return dA_prev, (over_examples(dA * N, xp), over_examples(dA, xp))

    def predict(self, A_prev: Array, p: Held, *, xp: Namespace) -> Array:
        """A = gamma N + beta, with the running moments."""
        gamma, beta, mean, variance = p
        N, _ = normalize(A_prev, mean, variance, self.epsilon, xp)
        return gamma * N + beta

    def remember(self, cache: Cache, *, xp: Namespace) -> tuple[Array, ...]:
        """Move the running moments towards the minibatch's; the variance is the unbiased one."""
        N, _, _, mean, variance, *running = cache
        m = N.shape[1]
        now = (mean, m / max(1, m - 1) * variance)
        old = 1.0 - self.momentum
        return tuple(
            of_dtype(old * wide(before, xp) + self.momentum * new, N.dtype, xp)
            for before, new in zip(running, now, strict=True)
        )
