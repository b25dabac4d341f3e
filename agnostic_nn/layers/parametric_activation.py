"""An activation with a learned parameter for each feature."""

from __future__ import annotations

from dataclasses import dataclass

from ..activations import Activation, get_activation
from ..checks import check_number
from ..layer import Held, Layer, Parameter
from ..namespace import Array, Namespace


@dataclass(frozen=True, repr=False)
class ParametricActivation(Layer):
    """A = Z + a (g(Z) - Z): for each feature something between g and the identity.

    From Holzmüller, Grinsztajn & Steinwart, "Better by default", NeurIPS 2024. The share `a`
    begins at 1, the activation itself.

    Parameters
    ----------
    function : str or Activation
        The function g.
    rate : float, default 1.0
        How fast `a` learns beside the other parameters.
    decay : float, default 0.0
        How strongly it decays beside the weights.

    Examples
    --------
    >>> import numpy as np
    >>> Z, a = np.asarray([[-1.0, 2.0]]), np.asarray([[0.5]])
    >>> ParametricActivation("relu").predict(Z, (a,), xp=np)
    array([[-0.5,  2. ]])
    """

    function: Activation | str
    rate: float = 1.0
    decay: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "function", get_activation(self.function, "function"))
        for name in ("rate", "decay"):
            check_number(name, getattr(self, name), at_least=0.0)

    @classmethod
    def example(cls) -> ParametricActivation:
        """Return the hyperbolic tangent's."""
        return cls("tanh")

    def parameters(self, n_prev: int) -> list[Parameter]:
        """Return a, (n[l-1], 1)."""
        return [Parameter("a", (n_prev, 1), 1.0, decays=self.decay, rate=self.rate)]

    def forward(self, A_prev: Array, p: Held, *, xp: Namespace) -> tuple[Array, tuple[Array, ...]]:
        """A = Z + a (g(Z) - Z), Z = A_prev (n[l-1], m)."""
        (a,), Z = p, A_prev
        difference = get_activation(self.function)(Z, xp=xp) - Z
        return Z + a * difference, (Z, difference, a)

    def backward(
        self,
        dA: Array,
        cache: tuple[Array, ...],
        *,
        input_gradient: bool = True,
        xp: Namespace,
    ) -> tuple[Array, tuple[Array, ...]]:
        """dZ = dA + a (g'(Z) dA - dA) and da = (1/m) sum(dA (g(Z) - Z))."""
        Z, difference, a = cache
        m = Z.shape[1]
        dZ = dA + a * (get_activation(self.function).backward(dA, Z, xp=xp) - dA)
        da = 1 / m * xp.sum(dA * difference, axis=1, keepdims=True)  # (n[l-1], 1)
        return dZ, (da,)
