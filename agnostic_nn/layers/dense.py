"""The lesson's layer: A = g(W A_prev + b)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ..activations import Activation, get_activation
from ..checks import check_number
from ..initializers import get_initializer
from ..layer import Held, Layer, Parameter
from ..namespace import Array, Namespace
from ..propagation import LayerCache, backward_propagation_layer, forward_propagation_layer


@dataclass(frozen=True, repr=False)
class Dense(Layer):
    """A fully connected layer: A = g(W A_prev + b).

    Parameters
    ----------
    units : int
        n[l], how many features come out.
    activation : str or Activation, default "identity"
        The function g.
    initializer : str, optional
        How W begins; left out, as suits the activation. b begins at zero.

    Examples
    --------
    >>> import numpy as np
    >>> layer = Dense(2, "relu")
    >>> [parameter.shape for parameter in layer.parameters(3)]
    [(2, 3), (2, 1)]
    >>> A, cache = layer.forward(np.ones((3, 1)), (np.ones((2, 3)), np.zeros((2, 1))), xp=np)
    >>> A
    array([[3.],
           [3.]])
    """

    units: int
    activation: Activation | str = "identity"
    initializer: str | None = field(default=None, compare=False)  # no part of what it computes

    def __post_init__(self) -> None:
        check_number("units", self.units, at_least=1, integer=True)
        object.__setattr__(self, "units", int(self.units))
        object.__setattr__(self, "activation", get_activation(self.activation))
        self._draw()

    def _draw(self) -> Any:
        return get_initializer(self.initializer, get_activation(self.activation).initializer)

    @classmethod
    def example(cls) -> Dense:
        """Return one with 3 units."""
        return cls(3, "tanh")

    def width(self, n_prev: int) -> int:
        """Return n[l]."""
        return self.units

    def parameters(self, n_prev: int) -> list[Parameter]:
        """W (n[l], n[l-1]) and b (n[l], 1)."""
        draw = self._draw()
        return [
            Parameter("W", (self.units, n_prev), draw, decays=True),
            Parameter("b", (self.units, 1)),
        ]

    def forward(self, A_prev: Array, p: Held, *, xp: Namespace) -> tuple[Array, LayerCache]:
        """A = g(W A_prev + b)."""
        W, b = p
        return forward_propagation_layer(A_prev, W, b, self.activation, xp=xp)

    def backward(
        self, dA: Array, cache: LayerCache, *, input_gradient: bool = True, xp: Namespace
    ) -> tuple[Array, tuple[Array, ...]]:
        """Eq. 1 to 4."""
        dA_prev, dW, db = backward_propagation_layer(
            dA, cache, self.activation, input_gradient=input_gradient, xp=xp
        )
        return dA_prev, (dW, db)
