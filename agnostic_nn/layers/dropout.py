"""Dropout (Srivastava, Hinton, Krizhevsky, Sutskever & Salakhutdinov 2014), inverted."""

from __future__ import annotations

from dataclasses import dataclass

from ..checks import check_number
from ..dropout import LARGEST_RATE
from ..layer import Held, Layer, Mask
from ..namespace import Array, Namespace
from ..schedules import Schedule


@dataclass(frozen=True, repr=False)
class Dropout(Layer):
    """A training step leaves out a fraction of the features, another one for each example.

    What is kept is scaled by 1 / (1 - rate), so that a prediction, which leaves out nothing,
    meets the same mean.

    Parameters
    ----------
    rate : float or Schedule
        The fraction to leave out, from 0 to 0.9999, or how it goes over time.

    Examples
    --------
    >>> import numpy as np
    >>> mask = np.asarray([[0.0, 2.0]])
    >>> A, cache = Dropout(0.5).forward(np.ones((1, 2)), (mask,), xp=np)
    >>> A
    array([[0., 2.]])
    """

    rate: float | Schedule

    def __post_init__(self) -> None:
        if isinstance(self.rate, Schedule):
            return
        check_number("rate", self.rate, at_least=0.0, at_most=LARGEST_RATE)
        object.__setattr__(self, "rate", float(self.rate))

    @classmethod
    def example(cls) -> Dropout:
        """Return one that leaves out half."""
        return cls(0.5)

    def masks(self, n_prev: int) -> list[Mask]:
        """One, of the shape of A_prev (n[l-1], m)."""
        drops = isinstance(self.rate, Schedule) or self.rate > 0.0
        return [Mask(n_prev, self.rate)] if drops else []

    def forward(self, A_prev: Array, p: Held, *, xp: Namespace) -> tuple[Array, Held]:
        """A = mask * A_prev."""
        return (A_prev * p[0], p) if p else (A_prev, p)

    def backward(
        self, dA: Array, cache: Held, *, input_gradient: bool = True, xp: Namespace
    ) -> tuple[Array, tuple[Array, ...]]:
        """dA_prev = mask * dA."""
        return (dA * cache[0] if cache else dA), ()
