"""An activation as a layer of its own."""

from __future__ import annotations

from dataclasses import dataclass

from ..activations import Activation, get_activation
from ..layer import Held, Layer
from ..namespace import Array, Namespace


@dataclass(frozen=True, repr=False)
class Activate(Layer):
    """A = g(A_prev), for where an activation does not stand right behind a product.

    Parameters
    ----------
    activation : str or Activation
        The function g.

    Examples
    --------
    >>> import numpy as np
    >>> Activate("relu").predict(np.asarray([[-1.0, 2.0]]), (), xp=np)
    array([[0., 2.]])
    """

    activation: Activation | str

    def __post_init__(self) -> None:
        object.__setattr__(self, "activation", get_activation(self.activation))

    @classmethod
    def example(cls) -> Activate:
        """Return the hyperbolic tangent."""
        return cls("tanh")

    def forward(self, A_prev: Array, p: Held, *, xp: Namespace) -> tuple[Array, Array]:
        """A = g(Z), Z = A_prev."""
        return get_activation(self.activation)(A_prev, xp=xp), A_prev

    def backward(
        self, dA: Array, cache: Array, *, input_gradient: bool = True, xp: Namespace
    ) -> tuple[Array, tuple[Array, ...]]:
        """Eq. 1."""
        return get_activation(self.activation).backward(dA, cache, xp=xp), ()
