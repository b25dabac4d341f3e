"""The dense layer of an ensemble whose members have weights of their own."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

from ..activations import Activation, get_activation
from ..checks import check_number
from ..initializers import get_initializer
from ..layer import Held, Initializer, Layer, Parameter
from ..namespace import Array, Namespace
from .ensemble_dense import by_member, check_k

#: Z, A_prev by member, and W.
Cache = tuple[Array, ...]


@dataclass(frozen=True, repr=False)
class MemberDense(Layer):
    """A[j] = g(W[j] A_prev[j] + b[j]) for each of k members: k dense layers in one batched product.

    Parameters
    ----------
    units : int
        n[l], how many features come out.
    k : int
        How many members there are: what the layer `Members` before it says.
    activation : str or Activation, default "identity"
        The function g.
    initializer : str, optional
        How each W[j] begins; left out, as suits the activation. b begins at zero.

    Examples
    --------
    >>> import numpy as np
    >>> W, b = np.asarray([[[2.0]], [[3.0]]]), np.zeros((2, 1, 1))  # k = 2 of (1, 1) each
    >>> MemberDense(1, k=2).predict(np.asarray([[1.0, 1.0]]), (W, b), xp=np)
    array([[2., 3.]])
    """

    units: int
    k: int
    activation: Activation | str = "identity"
    initializer: str | None = None

    def __post_init__(self) -> None:
        for name in ("units", "k"):
            check_number(name, getattr(self, name), at_least=1, integer=True)
            object.__setattr__(self, name, int(getattr(self, name)))
        object.__setattr__(self, "activation", get_activation(self.activation))
        self._draw()

    def _draw(self) -> Any:
        return get_initializer(self.initializer, get_activation(self.activation).initializer)

    @classmethod
    def example(cls) -> MemberDense:
        """Return one with 3 units for 2 members."""
        return cls(3, k=2, activation="tanh")

    def width(self, n_prev: int) -> int:
        """Return n[l]."""
        return self.units

    def parameters(self, n_prev: int) -> list[Parameter]:
        """W (k, n[l], n[l-1]) and b (k, n[l], 1)."""
        each = partial(drawn_for_each, self._draw())
        return [
            Parameter("W", (self.k, self.units, n_prev), each, decays=True),
            Parameter("b", (self.k, self.units, 1)),
        ]

    def check_members(self, members: int) -> None:
        """There have to be k."""
        check_k(self.k, members)

    def forward(self, A_prev: Array, p: Held, *, xp: Namespace) -> tuple[Array, Cache]:
        """A = g(W A_prev + b), one product for each member."""
        W, b = p
        A_prev = members_first(A_prev, self.k, xp)  # (k, n[l-1], m)
        Z = members_behind(W @ A_prev + b, xp)  # (n[l], k m)
        return get_activation(self.activation)(Z, xp=xp), (Z, A_prev, W)

    def backward(
        self, dA: Array, cache: Cache, *, input_gradient: bool = True, xp: Namespace
    ) -> tuple[Array, tuple[Array, ...]]:
        """Eq. 1 to 4, member by member; the cost is the mean over all k m columns."""
        Z, A_prev, W = cache
        km = Z.shape[1]
        dZ = get_activation(self.activation).backward(dA, Z, xp=xp)
        dZ = members_first(dZ, self.k, xp)  # (k, n[l], m)
        dW = (1 / km * dZ) @ xp.permute_dims(A_prev, (0, 2, 1))  # (k, n[l], n[l-1])
        db = 1 / km * xp.sum(dZ, axis=2, keepdims=True)  # (k, n[l], 1)
        if not input_gradient:
            return None, (dW, db)
        return members_behind(xp.permute_dims(W, (0, 2, 1)) @ dZ, xp), (dW, db)


def drawn_for_each(draw: Initializer, shape: tuple[int, ...], generator: Any) -> Array:
    """Draw numbers for one member after the other, (k, ...)."""
    return [draw(shape[1:], generator) for _ in range(shape[0])]


def members_first(A: Array, k: int, xp: Namespace) -> Array:
    """(n, k m) -> (k, n, m)."""
    return xp.permute_dims(by_member(A, k, xp), (1, 0, 2))


def members_behind(A: Array, xp: Namespace) -> Array:
    """(k, n, m) -> (n, k m)."""
    return xp.reshape(xp.permute_dims(A, (1, 0, 2)), (A.shape[1], -1))
