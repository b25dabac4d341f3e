"""One learned factor for each feature."""

from __future__ import annotations

from dataclasses import dataclass

from ..checks import check_number
from ..layer import Held, Layer, Parameter
from ..namespace import Array, Namespace


@dataclass(frozen=True, repr=False)
class Scale(Layer):
    """A = s A_prev, with one factor for each feature.

    In front of a network it learns which features count (Holzmüller, Grinsztajn & Steinwart,
    "Better by default", NeurIPS 2024). The factors begin at 1.

    Parameters
    ----------
    rate : float, default 1.0
        How fast the factors learn beside the other parameters.
    decay : float, default 0.0
        How strongly they decay beside the weights.

    Examples
    --------
    >>> import numpy as np
    >>> Scale().predict(np.ones((2, 1)), (np.asarray([[3.0], [0.5]]),), xp=np)
    array([[3. ],
           [0.5]])
    """

    rate: float = 1.0
    decay: float = 0.0

    def __post_init__(self) -> None:
        for name in ("rate", "decay"):
            check_number(name, getattr(self, name), at_least=0.0)

    def parameters(self, n_prev: int) -> list[Parameter]:
        """Return s, (n[l-1], 1)."""
        return [Parameter("s", (n_prev, 1), 1.0, decays=self.decay, rate=self.rate)]

    def forward(self, A_prev: Array, p: Held, *, xp: Namespace) -> tuple[Array, tuple[Array, ...]]:
        """A = s A_prev, (n[l-1], 1) * (n[l-1], m)."""
        (s,) = p
        return s * A_prev, (A_prev, s)

    def backward(
        self,
        dA: Array,
        cache: tuple[Array, ...],
        *,
        input_gradient: bool = True,
        xp: Namespace,
    ) -> tuple[Array, tuple[Array, ...]]:
        """dA_prev = s dA and ds = (1/m) sum(dA A_prev)."""
        A_prev, s = cache
        m = dA.shape[1]
        ds = 1 / m * xp.sum(dA * A_prev, axis=1, keepdims=True)  # (n[l-1], 1)
        return s * dA, (ds,)
