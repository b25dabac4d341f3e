"""Where an ensemble begins: every example once for each member."""

from __future__ import annotations

from dataclasses import dataclass

from ..checks import check_number
from ..layer import Held, Layer
from ..namespace import Array, Namespace


@dataclass(frozen=True, repr=False)
class Members(Layer):
    """Every example k times, for k members: (n, m) becomes (n, k m), member by member.

    Behind it, every layer treats the members' columns as examples of their own; the layers that
    know members are `EnsembleDense` and `MemberDense`. The cost is then the mean of the members'
    costs, and the network predicts the mean of what they predict.

    Parameters
    ----------
    k : int
        How many members there are.

    Examples
    --------
    >>> import numpy as np
    >>> Members(3).predict(np.asarray([[1.0, 2.0]]), (), xp=np)
    array([[1., 2., 1., 2., 1., 2.]])
    """

    k: int

    def __post_init__(self) -> None:
        check_number("k", self.k, at_least=1, integer=True)
        object.__setattr__(self, "k", int(self.k))

    @classmethod
    def example(cls) -> Members:
        """Return that of 2 members."""
        return cls(2)

    @property
    def members(self) -> int:  # type: ignore[override]
        """Return k."""
        return self.k

    def forward(self, A_prev: Array, p: Held, *, xp: Namespace) -> tuple[Array, None]:
        """(n, m) -> (n, k m)."""
        return xp.concat([A_prev] * self.k, axis=1), None

    def backward(
        self, dA: Array, cache: None, *, input_gradient: bool = True, xp: Namespace
    ) -> tuple[Array, tuple[Array, ...]]:
        """dA_prev = (1/k) sum over the members: the cost is the mean over k m columns."""
        if not input_gradient:
            return None, ()
        by_member = xp.reshape(dA, (dA.shape[0], self.k, -1))  # (n, k, m)
        return xp.mean(by_member, axis=1), ()
