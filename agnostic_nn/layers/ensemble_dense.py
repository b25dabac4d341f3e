"""The dense layer of an ensemble whose members share their weights (BatchEnsemble).

Wen, Tran & Ba, "BatchEnsemble", ICLR 2020; without a non-linearity between the members' own
vectors and W, as in Gorishniy, Kotelnikov & Babenko, "TabM", ICLR 2025.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from ..activations import Activation, get_activation
from ..checks import check_number, look_up
from ..errors import InvalidArgument, shown
from ..initializers import get_initializer, standard_normal
from ..layer import Held, Initializer, Layer, Parameter
from ..namespace import Array, Namespace

#: Z, V, R, A_prev by member, W, r and s.
Cache = tuple[Array, ...]


def _signs(shape: tuple[int, ...], generator: Any) -> Array:
    return 2.0 * generator.integers(0, 2, shape) - 1.0


def _in_runs(
    runs: Sequence[int], draw: Initializer, shape: tuple[int, ...], generator: Any
) -> Array:
    rows = draw((len(runs), *shape[1:]), generator)
    return [row for row, length in zip(rows, runs, strict=True) for _ in range(length)]


#: How the adapters r and s may begin: alike, or so that the members differ.
_ADAPTERS: dict[str, Initializer | float] = {
    "ones": 1.0,
    "signs": _signs,
    "normal": standard_normal,
}


@dataclass(frozen=True, repr=False)
class EnsembleDense(Layer):
    """A = g(s (W (r A_prev)) + b), with vectors r, s and b for each of k members and one W.

    All members' columns go through one product.

    Parameters
    ----------
    units : int
        n[l], how many features come out.
    k : int
        How many members there are: what the layer `Members` before it says.
    activation : str or Activation, default "identity"
        The function g.
    r, s : {"ones", "signs", "normal"}, default "ones"
        How the adapters begin: at 1, at 1 or -1 at random, or from N(0, 1).
    initializer : str, optional
        How W begins; left out, as suits the activation. b begins at zero.
    runs : sequence of int, optional
        How many features belong together, one run after the other, such as those that one column of
        a table was made into: in each r begins alike. Left out, each feature is on its own.

    Examples
    --------
    >>> import numpy as np
    >>> r, s = np.asarray([[1.0, -1.0]]), np.asarray([[2.0, 3.0]])  # (n[l-1], k), (n[l], k)
    >>> p = (np.ones((1, 1)), r, s, np.zeros((1, 2)))
    >>> EnsembleDense(1, k=2).predict(np.asarray([[5.0, 5.0]]), p, xp=np)
    array([[ 10., -15.]])
    """

    units: int
    k: int
    activation: Activation | str = "identity"
    r: str = "ones"
    s: str = "ones"
    initializer: str | None = None
    runs: Sequence[int] | None = None

    def __post_init__(self) -> None:
        for name in ("units", "k"):
            check_number(name, getattr(self, name), at_least=1, integer=True)
            object.__setattr__(self, name, int(getattr(self, name)))
        object.__setattr__(self, "activation", get_activation(self.activation))
        self._draw()
        look_up("r", self.r, _ADAPTERS)
        look_up("s", self.s, _ADAPTERS)
        if self.runs is not None:
            for length in self.runs:
                check_number("runs", length, at_least=1, integer=True)
            object.__setattr__(self, "runs", tuple(int(length) for length in self.runs))

    def _draw(self) -> Any:
        return get_initializer(self.initializer, get_activation(self.activation).initializer)

    @classmethod
    def example(cls) -> EnsembleDense:
        """Return one with 3 units for 2 members."""
        return cls(3, k=2, activation="tanh")

    def width(self, n_prev: int) -> int:
        """Return n[l]."""
        return self.units

    def parameters(self, n_prev: int) -> list[Parameter]:
        """W (n[l], n[l-1]), r (n[l-1], k), s (n[l], k) and b (n[l], k)."""
        draw, r, s = self._draw(), _ADAPTERS[self.r], _ADAPTERS[self.s]
        if self.runs is not None:
            if sum(self.runs) != n_prev:
                raise InvalidArgument(
                    f"runs={shown(self.runs)}: wanted as many as there are features, {n_prev}."
                )
            r = partial(_in_runs, self.runs, r) if callable(r) else r
        return [
            Parameter("W", (self.units, n_prev), draw, decays=True),
            Parameter("r", (n_prev, self.k), r, decays=True),
            Parameter("s", (self.units, self.k), s, decays=True),
            Parameter("b", (self.units, self.k)),
        ]

    def check_members(self, members: int) -> None:
        """There have to be k."""
        check_k(self.k, members)

    def forward(self, A_prev: Array, p: Held, *, xp: Namespace) -> tuple[Array, Cache]:
        """A = g(s V + b) with V = W R and R = r A_prev."""
        W, r, s, b = p
        A_prev = by_member(A_prev, self.k, xp)  # (n[l-1], k, m)
        R = xp.reshape(r[:, :, None] * A_prev, (W.shape[1], -1))  # (n[l-1], k m)
        V = by_member(W @ R, self.k, xp)  # (n[l], k, m)
        Z = s[:, :, None] * V + b[:, :, None]
        Z = xp.reshape(Z, (W.shape[0], -1))  # (n[l], k m)
        return get_activation(self.activation)(Z, xp=xp), (Z, V, R, A_prev, W, r, s)

    def backward(
        self, dA: Array, cache: Cache, *, input_gradient: bool = True, xp: Namespace
    ) -> tuple[Array, tuple[Array, ...]]:
        """Eq. 1, and then the product rule, member by member."""
        Z, V, R, A_prev, W, r, s = cache
        km = Z.shape[1]
        dZ = get_activation(self.activation).backward(dA, Z, xp=xp)
        dZ = by_member(dZ, self.k, xp)  # (n[l], k, m)
        db = 1 / km * xp.sum(dZ, axis=2)  # (n[l], k)
        ds = 1 / km * xp.sum(dZ * V, axis=2)  # (n[l], k)
        dV = xp.reshape(s[:, :, None] * dZ, (W.shape[0], -1))  # (n[l], k m)
        dW = (1 / km * dV) @ R.T  # (n[l], n[l-1])
        dR = by_member(W.T @ dV, self.k, xp)  # (n[l-1], k, m)
        dr = 1 / km * xp.sum(dR * A_prev, axis=2)  # (n[l-1], k)
        dA_prev = xp.reshape(r[:, :, None] * dR, (W.shape[1], -1))  # (n[l-1], k m)
        return dA_prev, (dW, dr, ds, db)


def check_k(k: int, members: int) -> None:
    """Raise InvalidArgument where there are not k members."""
    if k != members:
        raise InvalidArgument(
            f"k={k}: wanted {members}, as many as there are columns for one example; "
            f"Members({k}) before it makes them."
        )


def by_member(A: Array, k: int, xp: Namespace) -> Array:
    """(n, k m) -> (n, k, m)."""
    return xp.reshape(A, (A.shape[0], k, A.shape[1] // k))
