"""Predictions held within a range."""

from __future__ import annotations

from dataclasses import dataclass

from ..checks import check_number
from ..errors import InvalidArgument
from ..layer import Held, Layer
from ..namespace import Array, Namespace


@dataclass(frozen=True, repr=False)
class Clip(Layer):
    """A prediction is held between `low` and `high`; a training step leaves it as it is.

    Behind a last layer whose targets lie in a range it keeps what is predicted in it.

    Parameters
    ----------
    low, high : float
        The ends.

    Examples
    --------
    >>> import numpy as np
    >>> Clip(-1.0, 1.0).predict(np.asarray([[-3.0, 0.5]]), (), xp=np)
    array([[-1. ,  0.5]])
    """

    low: float
    high: float

    def __post_init__(self) -> None:
        check_number("low", self.low)
        check_number("high", self.high)
        if self.low > self.high:
            raise InvalidArgument(f"low={self.low}: wanted at most high={self.high}.")

    @classmethod
    def example(cls) -> Clip:
        """Return one that cuts some of what is predicted."""
        return cls(-1.0, 1.0)

    def forward(self, A_prev: Array, p: Held, *, xp: Namespace) -> tuple[Array, None]:
        """A = A_prev."""
        del p, xp
        return A_prev, None

    def backward(
        self, dA: Array, cache: None, *, input_gradient: bool = True, xp: Namespace
    ) -> tuple[Array, tuple[Array, ...]]:
        """dA_prev = dA."""
        del cache, input_gradient, xp
        return dA, ()

    def predict(self, A_prev: Array, p: Held, *, xp: Namespace) -> Array:
        """A = A_prev, held between the ends."""
        del p
        return xp.minimum(xp.maximum(A_prev, self.low), self.high)
