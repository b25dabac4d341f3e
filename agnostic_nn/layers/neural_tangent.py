"""The dense layer in neural-tangent parametrization (Jacot, Gabriel & Hongler, NeurIPS 2018)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from ..activations import Activation, get_activation
from ..checks import check_number, look_up
from ..initializers import standard_normal
from ..layer import Held, Layer, Parameter
from ..namespace import Array, Namespace
from ..propagation import LayerCache, backward_propagation_layer, forward_propagation_layer

#: How W and b may begin: from N(0, 1), or at zero.
_BEGINNINGS: dict[str, Any] = {"normal": standard_normal, "zeros": 0.0}


@dataclass(frozen=True, repr=False)
class NeuralTangentDense(Layer):
    """A = g(V A_prev + b) with V = W / sqrt(n[l-1]): W is of size 1 whatever the width.

    Parameters
    ----------
    units : int
        n[l], how many features come out.
    activation : str or Activation, default "identity"
        The function g.
    weights, biases : {"normal", "zeros"}, default "normal"
        How W and b begin: from N(0, 1), or at zero.
    bias_rate : float, default 1.0
        How fast b learns beside the other parameters.

    Examples
    --------
    >>> import numpy as np
    >>> W, b = np.ones((1, 4)), np.zeros((1, 1))
    >>> NeuralTangentDense(1).predict(np.ones((4, 1)), (W, b), xp=np)
    array([[2.]])
    """

    units: int
    activation: Activation | str = "identity"
    weights: str = "normal"
    biases: str = "normal"
    bias_rate: float = 1.0

    def __post_init__(self) -> None:
        check_number("units", self.units, at_least=1, integer=True)
        check_number("bias_rate", self.bias_rate, at_least=0.0)
        look_up("weights", self.weights, _BEGINNINGS)
        look_up("biases", self.biases, _BEGINNINGS)
        object.__setattr__(self, "units", int(self.units))
        object.__setattr__(self, "activation", get_activation(self.activation))

    @classmethod
    def example(cls) -> NeuralTangentDense:
        """Return one with 3 units."""
        return cls(3, "tanh")

    def width(self, n_prev: int) -> int:
        """Return n[l]."""
        return self.units

    def parameters(self, n_prev: int) -> list[Parameter]:
        """W (n[l], n[l-1]) and b (n[l], 1)."""
        return [
            Parameter("W", (self.units, n_prev), _BEGINNINGS[self.weights], decays=True),
            Parameter("b", (self.units, 1), _BEGINNINGS[self.biases], rate=self.bias_rate),
        ]

    def forward(self, A_prev: Array, p: Held, *, xp: Namespace) -> tuple[Array, LayerCache]:
        """Run the lesson's layer with V for its weights."""
        W, b = p
        V = 1.0 / math.sqrt(W.shape[1]) * W
        return forward_propagation_layer(A_prev, V, b, self.activation, xp=xp)

    def backward(
        self, dA: Array, cache: LayerCache, *, input_gradient: bool = True, xp: Namespace
    ) -> tuple[Array, tuple[Array, ...]]:
        """Eq. 1 to 4 for V, and dW = dV / sqrt(n[l-1])."""
        dA_prev, dV, db = backward_propagation_layer(
            dA, cache, self.activation, input_gradient=input_gradient, xp=xp
        )
        return dA_prev, (1.0 / math.sqrt(dV.shape[1]) * dV, db)
