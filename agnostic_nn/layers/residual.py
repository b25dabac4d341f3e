"""A residual block (He, Zhang, Ren & Sun, "Deep residual learning", CVPR 2016)."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any

from ..errors import InvalidArgument
from ..layer import Buffer, Cache, Held, Layer, Mask, Parameter
from ..namespace import Array, Namespace
from .dense import Dense
from .sequential import Sequential


@dataclass(frozen=True, repr=False)
class Residual(Layer):
    """A = A_prev + F(A_prev), where F is any layers in a row.

    Where F changes the number of features, A_prev is projected first: A = P A_prev + c + F(A_prev).

    Parameters
    ----------
    layers : sequence of Layer
        What F is made of.

    Examples
    --------
    >>> import numpy as np
    >>> block = Residual([Dense(2)])
    >>> p = (np.ones((2, 2)), np.zeros((2, 1)))
    >>> block.predict(np.ones((2, 1)), p, xp=np)
    array([[3.],
           [3.]])
    >>> [parameter.name for parameter in block.parameters(3)]  # 3 features to 2: projected
    ['projection.W', 'projection.b', 'layers.0.W', 'layers.0.b']
    """

    layers: tuple[Layer, ...]
    _inside: Sequential = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_inside", Sequential(self.layers))
        object.__setattr__(self, "layers", self._inside.layers)

    def _projection(self, n_prev: int) -> Dense | None:
        n = self.width(n_prev)
        return None if n == n_prev else Dense(n)

    @classmethod
    def example(cls) -> Residual:
        """Return a block of one dense layer, with a projection of 4 features."""
        return cls((Dense(3, "tanh"),))

    def width(self, n_prev: int) -> int:
        """Return the number of features behind F."""
        return self._inside.width(n_prev)

    def sizes(self, n_prev: int) -> list[int]:
        """Return those of F, and of the sum."""
        return [*self._inside.sizes(n_prev), self.width(n_prev)]

    def parameters(self, n_prev: int) -> list[Parameter]:
        """Return those of the projection, where there is one, and those of F."""
        projection = self._projection(n_prev)
        own = [] if projection is None else _under("projection", projection.parameters(n_prev))
        return [*own, *_under("layers", self._inside.parameters(n_prev))]

    def buffers(self, n_prev: int) -> list[Buffer]:
        """Return those of F."""
        return _under("layers", self._inside.buffers(n_prev))

    def masks(self, n_prev: int) -> list[Mask]:
        """Return those of F."""
        return self._inside.masks(n_prev)

    def check_members(self, members: int) -> None:
        """F must not change the number of columns."""
        self._inside.check_members(members)
        if self._inside.members > 1:
            raise InvalidArgument("layers: wanted Members before a Residual, not inside it.")

    def forward(self, A_prev: Array, p: Held, *, xp: Namespace) -> tuple[Array, Cache]:
        """A = A_prev + F(A_prev), with A_prev projected where the widths differ."""
        projection = self._projection(A_prev.shape[0])
        F, cache = self._inside.forward(A_prev, p if projection is None else p[2:], xp=xp)
        if projection is None:
            return A_prev + F, (cache, None, None)
        A, own = projection.forward(A_prev, p[:2], xp=xp)
        return A + F, (cache, projection, own)

    def backward(
        self, dA: Array, cache: Cache, *, input_gradient: bool = True, xp: Namespace
    ) -> tuple[Array, tuple[Array, ...]]:
        """dA_prev = dA + what comes back through F: the sum of both ways."""
        inside, projection, own = cache
        dF, dp = self._inside.backward(dA, inside, input_gradient=input_gradient, xp=xp)
        shortcut, dP = dA, ()
        if projection is not None:
            shortcut, dP = projection.backward(dA, own, input_gradient=input_gradient, xp=xp)
        return (shortcut + dF if input_gradient else None), (*dP, *dp)

    def predict(self, A_prev: Array, p: Held, *, xp: Namespace) -> Array:
        """A = A_prev + F(A_prev), as F predicts."""
        projection = self._projection(A_prev.shape[0])
        if projection is None:
            return A_prev + self._inside.predict(A_prev, p, xp=xp)
        A = projection.predict(A_prev, p[:2], xp=xp)
        return A + self._inside.predict(A_prev, p[2:], xp=xp)

    def remember(self, cache: Cache, *, xp: Namespace) -> tuple[Array, ...]:
        """Return the buffers of F."""
        return self._inside.remember(cache[0], xp=xp)


def _under(name: str, held: list[Any]) -> list[Any]:
    return [dataclasses.replace(q, name=f"{name}.{q.name}") for q in held]
