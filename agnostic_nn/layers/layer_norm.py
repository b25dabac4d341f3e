"""Layer normalization (Ba, Kiros & Hinton 2016)."""

from __future__ import annotations

from dataclasses import dataclass

from ..checks import check_number
from ..layer import Held, Layer, Parameter
from ..namespace import Array, Namespace
from .normalize import Cache, moments, normalize, normalize_backward, over_examples


@dataclass(frozen=True, repr=False)
class LayerNorm(Layer):
    """Each example with mean 0 and variance 1 over its features, then gamma N + beta.

    Ba, Kiros & Hinton, "Layer normalization", 2016.

    Parameters
    ----------
    epsilon : float, default 1e-5
        Added to the variance.

    Examples
    --------
    >>> import numpy as np
    >>> LayerNorm(0.0).predict(
    ...     np.asarray([[1.0], [3.0]]), (np.ones((2, 1)), np.zeros((2, 1))), xp=np)
    array([[-1.],
           [ 1.]])
    """

    epsilon: float = 1e-5

    def __post_init__(self) -> None:
        check_number("epsilon", self.epsilon, at_least=0.0)

    def parameters(self, n_prev: int) -> list[Parameter]:
        """gamma and beta, (n[l-1], 1) each."""
        return [Parameter("gamma", (n_prev, 1), 1.0), Parameter("beta", (n_prev, 1))]

    def forward(self, A_prev: Array, p: Held, *, xp: Namespace) -> tuple[Array, Cache]:
        """A = gamma N + beta."""
        gamma, beta = p
        mean, variance = moments(A_prev, 0, xp)  # (1, m)
        N, r = normalize(A_prev, mean, variance, self.epsilon, xp)  # (n[l-1], m), (1, m)
        return gamma * N + beta, (N, r, gamma)

    def backward(
        self, dA: Array, cache: Cache, *, input_gradient: bool = True, xp: Namespace
    ) -> tuple[Array, tuple[Array, ...]]:
        """Compute dA_prev, dgamma = (1/m) sum(dA N) and dbeta = (1/m) sum(dA)."""
        N, r, gamma = cache
        dA_prev = normalize_backward(gamma * dA, N, r, 0, xp)
        return dA_prev, (over_examples(dA * N, xp), over_examples(dA, xp))
