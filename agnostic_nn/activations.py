"""Activation functions g and their derivatives g', side by side.

Every function maps an array Z of any shape to an array of the same shape and dtype; `softmax`
alone looks at more than one element: its outputs lie along axis 0, one example per column.
All are written so that no intermediate value overflows, whatever finite Z is given.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .checks import look_up
from .errors import InvalidArgument
from .namespace import Array, Namespace, agnostic
from .values import Value


@dataclass(frozen=True)
class Activation(Value):
    """An activation function with what backward propagation needs of it.

    Parameters
    ----------
    name : str
        What it is called in messages, tables and saved models.
    function : callable
        ``g(Z, *, xp) -> A``, the shape and dtype of Z.
    derivative : callable or None
        ``g'(Z, *, xp)``, element by element. None where dZ is no elementwise product.
    gradient : callable, optional
        ``(dA, Z, *, xp) -> dZ``, Eq. 1 whole. Only where it can be had more simply than
        ``dA * derivative(Z)``, or where the derivative is not elementwise.
    recordable : bool, default True
        Whether a training step may be written down once and repeated, as NumPy and JAX do it. Say
        False where the functions have chance or a memory of their own (noise, running means):
        they are then called in every step. Attributes, globals and plain arrays that they read may
        change from epoch to epoch, and are read anew when they have. Where a memory, a generator,
        an iterator or the network itself is noticed in them, the step runs as it stands, with a
        `RecordingWarning`.
    initializer : str, default "glorot_uniform"
        The name of the initial weights that suit it.
    kinks : tuple of float, optional
        Where its derivative jumps: there, differences say nothing of it.
    torch_module : tuple, optional
        The class of PyTorch's ``nn`` that is this function, and behind it each setting with the
        values that make it so: ``("Softmax", ("dim", 1, -1))``.

    Examples
    --------
    >>> import numpy as np
    >>> square = Activation("square", lambda Z, *, xp: Z * Z, lambda Z, *, xp: 2.0 * Z)
    >>> square.backward(np.asarray([1.0, 1.0]), np.asarray([3.0, -1.0]), xp=np)
    array([ 6., -2.])
    """

    name: str
    function: Callable[..., Array]
    derivative: Callable[..., Array] | None
    gradient: Callable[..., Array] | None = None
    recordable: bool = True
    initializer: str = "glorot_uniform"
    kinks: tuple[float, ...] = ()
    torch_module: tuple[Any, ...] = ()

    def __call__(self, Z: Array, *, xp: Namespace) -> Array:
        """A = g(Z)."""
        return self.function(Z, xp=xp)

    def backward(self, dA: Array, Z: Array, *, xp: Namespace) -> Array:
        """Eq. 1: dZ = dA * g'(Z)."""
        if self.gradient is not None:
            return self.gradient(dA, Z, xp=xp)
        assert self.derivative is not None
        return dA * self.derivative(Z, xp=xp)


@agnostic
def identity(Z: Array, *, xp: Namespace = None) -> Array:
    """g(Z) = Z."""
    return Z


@agnostic
def identity_derivative(Z: Array, *, xp: Namespace = None) -> Array:
    """g'(Z) = 1."""
    return xp.ones_like(Z)


@agnostic
def relu(Z: Array, *, xp: Namespace = None) -> Array:
    """g(Z) = max(0, Z).

    Parameters
    ----------
    Z : array
        Pre-activations, any shape.
    xp : namespace, optional
        The array namespace; left out, that of `Z`.

    Returns
    -------
    array
        The shape and dtype of `Z`.

    Examples
    --------
    >>> import numpy as np
    >>> relu(np.asarray([-2.0, 0.0, 3.0]))
    array([0., 0., 3.])
    """
    return xp.maximum(Z, 0.0)


@agnostic
def relu_derivative(Z: Array, *, xp: Namespace = None) -> Array:
    """g'(Z) = 1 where Z > 0, else 0.

    Parameters
    ----------
    Z : array
        Pre-activations, any shape.
    xp : namespace, optional
        The array namespace; left out, that of `Z`.

    Returns
    -------
    array
        The shape and dtype of `Z`. At 0, where g has no derivative, it is 0.

    Examples
    --------
    >>> import numpy as np
    >>> relu_derivative(np.asarray([-2.0, 0.0, 3.0]))
    array([0., 0., 1.])
    """
    return xp.astype(Z > 0.0, Z.dtype)


@agnostic
def leaky_relu(Z: Array, *, slope: float = 0.01, xp: Namespace = None) -> Array:
    """g(Z) = Z where Z > 0, else slope * Z (Maas et al. 2013)."""
    return xp.where(Z > 0.0, Z, slope * Z)


@agnostic
def leaky_relu_derivative(Z: Array, *, slope: float = 0.01, xp: Namespace = None) -> Array:
    """g'(Z) = 1 where Z > 0, else slope."""
    return xp.where(Z > 0.0, xp.ones_like(Z), slope)


@agnostic
def elu(Z: Array, *, alpha: float = 1.0, xp: Namespace = None) -> Array:
    """g(Z) = Z where Z > 0, else alpha * (exp(Z) - 1) (Clevert et al. 2016)."""
    return xp.where(Z > 0.0, Z, alpha * xp.expm1(xp.minimum(Z, 0.0)))


@agnostic
def elu_derivative(Z: Array, *, alpha: float = 1.0, xp: Namespace = None) -> Array:
    """g'(Z) = 1 where Z > 0, else alpha * exp(Z)."""
    return xp.where(Z > 0.0, xp.ones_like(Z), alpha * xp.exp(xp.minimum(Z, 0.0)))


# The fixed point of Klambauer et al. 2017: mean 0 and variance 1 reproduce themselves.
_SELU_ALPHA, _SELU_SCALE = 1.6732632423543772, 1.0507009873554805


@agnostic
def selu(Z: Array, *, xp: Namespace = None) -> Array:
    """g(Z) = scale * elu(Z, alpha), with the two constants of Klambauer et al. 2017."""
    return _SELU_SCALE * elu(Z, alpha=_SELU_ALPHA, xp=xp)


@agnostic
def selu_derivative(Z: Array, *, xp: Namespace = None) -> Array:
    """g'(Z) = scale * elu'(Z, alpha)."""
    return _SELU_SCALE * elu_derivative(Z, alpha=_SELU_ALPHA, xp=xp)


@agnostic
def sigmoid(Z: Array, *, xp: Namespace = None) -> Array:
    """g(Z) = 1 / (1 + exp(-Z)).

    Parameters
    ----------
    Z : array
        Pre-activations, any shape.
    xp : namespace, optional
        The array namespace; left out, that of `Z`.

    Returns
    -------
    array
        Values in [0, 1], the shape and dtype of `Z`.

    Examples
    --------
    >>> import numpy as np
    >>> sigmoid(np.asarray([-1000.0, 0.0, 1000.0]))
    array([0. , 0.5, 1. ])
    """
    e = xp.exp(-xp.abs(Z))  # never above 1, so nothing overflows
    return xp.where(Z >= 0.0, xp.ones_like(Z), e) / (1.0 + e)


@agnostic
def sigmoid_derivative(Z: Array, *, xp: Namespace = None) -> Array:
    """g'(Z) = g(Z) (1 - g(Z)).

    Parameters
    ----------
    Z : array
        Pre-activations, any shape.
    xp : namespace, optional
        The array namespace; left out, that of `Z`.

    Returns
    -------
    array
        Values in [0, 1/4], the shape and dtype of `Z`.

    Examples
    --------
    >>> import numpy as np
    >>> sigmoid_derivative(np.asarray([-1000.0, 0.0, 1000.0]))
    array([0.  , 0.25, 0.  ])
    """
    e = xp.exp(-xp.abs(Z))  # g is even around 0: g(Z) (1 - g(Z)) = e / (1 + e)^2
    return e / ((1.0 + e) * (1.0 + e))


@agnostic
def tanh(Z: Array, *, xp: Namespace = None) -> Array:
    """g(Z) = tanh(Z)."""
    return xp.tanh(Z)


@agnostic
def tanh_derivative(Z: Array, *, xp: Namespace = None) -> Array:
    """g'(Z) = 1 - tanh(Z)^2."""
    A = xp.tanh(Z)
    return (1.0 - A) * (1.0 + A)


@agnostic
def softplus(Z: Array, *, xp: Namespace = None) -> Array:
    """g(Z) = log(1 + exp(Z))."""
    return xp.maximum(Z, 0.0) + xp.log1p(xp.exp(-xp.abs(Z)))


@agnostic
def softplus_derivative(Z: Array, *, xp: Namespace = None) -> Array:
    """g'(Z) = sigmoid(Z)."""
    return sigmoid(Z, xp=xp)


@agnostic
def silu(Z: Array, *, xp: Namespace = None) -> Array:
    """g(Z) = Z sigmoid(Z) (Elfwing et al. 2018; also called swish)."""
    return Z * sigmoid(Z, xp=xp)


@agnostic
def silu_derivative(Z: Array, *, xp: Namespace = None) -> Array:
    """g'(Z) = s + Z s (1 - s), with s = sigmoid(Z)."""
    return sigmoid(Z, xp=xp) + Z * sigmoid_derivative(Z, xp=xp)


@agnostic
def mish(Z: Array, *, xp: Namespace = None) -> Array:
    """g(Z) = Z tanh(softplus(Z)) (Misra 2020)."""
    return Z * xp.tanh(softplus(Z, xp=xp))


@agnostic
def mish_derivative(Z: Array, *, xp: Namespace = None) -> Array:
    """g'(Z) = t + Z (1 - t^2) sigmoid(Z), with t = tanh(softplus(Z))."""
    t = xp.tanh(softplus(Z, xp=xp))
    return t + Z * ((1.0 - t) * (1.0 + t)) * sigmoid(Z, xp=xp)


_GELU_SCALE, _GELU_CUBIC = math.sqrt(2.0 / math.pi), 0.044715


@agnostic
def gelu(Z: Array, *, xp: Namespace = None) -> Array:
    """g(Z) = Z/2 (1 + tanh(s (Z + c Z^3))) (Hendrycks & Gimpel 2016; the standard has no erf)."""
    return 0.5 * Z * (1.0 + _gelu_tanh(Z, xp=xp))


@agnostic
def gelu_derivative(Z: Array, *, xp: Namespace = None) -> Array:
    """g'(Z) = (1 + t)/2 + Z/2 (1 - t^2) s (1 + 3 c Z^2), with t the tanh of `gelu`."""
    t = _gelu_tanh(Z, xp=xp)
    U = _within(Z, 10.0, xp)
    inner = _GELU_SCALE * (1.0 + (3.0 * _GELU_CUBIC) * U * U)
    return 0.5 * (1.0 + t) + 0.5 * U * ((1.0 - t) * (1.0 + t)) * inner


def _within(Z: Array, limit: float, xp: Namespace) -> Array:
    # not xp.clip: array-api-compat's looks at the values, which makes a GPU wait
    return xp.minimum(xp.maximum(Z, -limit), limit)


def _gelu_tanh(Z: Array, *, xp: Namespace) -> Array:
    U = _within(Z, 10.0, xp)  # tanh is exactly 1 long before 10, and the cube stays small
    return xp.tanh(_GELU_SCALE * (U + _GELU_CUBIC * U * U * U))


@agnostic
def exponential(Z: Array, *, xp: Namespace = None) -> Array:
    """g(Z) = exp(Z), held below the dtype's largest number; its own derivative."""
    return xp.exp(below_overflow(Z, xp=xp))


def below_overflow(Z: Array, *, xp: Namespace) -> Array:
    """Z, held where exp(Z) is below the dtype's largest number."""
    return xp.minimum(Z, math.log(float(xp.finfo(Z.dtype).max)) - 1.0)


@agnostic
def softmax(Z: Array, *, xp: Namespace = None) -> Array:
    """g(Z)_i = exp(Z_i) / sum_k exp(Z_k), over axis 0: one distribution per column.

    Parameters
    ----------
    Z : array, shape (n_classes, m)
        Pre-activations, one example per column.
    xp : namespace, optional
        The array namespace; left out, that of `Z`.

    Returns
    -------
    array, shape (n_classes, m)
        Each column sums to 1.

    Raises
    ------
    InvalidArgument
        If there is no class.

    Examples
    --------
    >>> import numpy as np
    >>> softmax(np.asarray([[1000.0, 0.0], [1000.0, 0.0]]))
    array([[0.5, 0.5],
           [0.5, 0.5]])
    """
    e = xp.exp(from_the_largest(Z, xp=xp))
    return e / xp.sum(e, axis=0, keepdims=True)


def from_the_largest(Z: Array, *, xp: Namespace) -> Array:
    """Z_i - max_k Z_k, over axis 0: at most 0, so its exponential is at most 1."""
    if Z.ndim == 0 or Z.shape[0] == 0:
        raise InvalidArgument(f"Z has shape {tuple(Z.shape)}: wanted (n_classes, m).")
    Z = _within(Z, float(xp.finfo(Z.dtype).max) / 4.0, xp)  # so that no difference overflows
    return Z - xp.max(Z, axis=0, keepdims=True)


def softmax_gradient(dA: Array, Z: Array, *, xp: Namespace) -> Array:
    """dZ_i = A_i (dA_i - sum_k A_k dA_k): every output depends on every pre-activation."""
    A = softmax(Z, xp=xp)
    return A * (dA - xp.sum(A * dA, axis=0, keepdims=True))


def identity_gradient(dA: Array, Z: Array, *, xp: Namespace) -> Array:
    """dZ = dA."""
    return dA


_HE, _LECUN, _AT_0 = "he_normal", "lecun_normal", (0.0,)

#: Every activation by name. A new one is two functions above and a line here.
ACTIVATIONS: dict[str, Activation] = {
    activation.name: activation
    for activation in (
        Activation("identity", identity, identity_derivative, identity_gradient,
                   torch_module=("Identity",)),
        Activation("relu", relu, relu_derivative, initializer=_HE, kinks=_AT_0,
                   torch_module=("ReLU",)),
        Activation("leaky_relu", leaky_relu, leaky_relu_derivative, initializer=_HE, kinks=_AT_0,
                   torch_module=("LeakyReLU", ("negative_slope", 0.01))),
        Activation("elu", elu, elu_derivative, initializer=_HE, kinks=_AT_0,
                   torch_module=("ELU", ("alpha", 1.0))),
        Activation("selu", selu, selu_derivative, initializer=_LECUN, kinks=_AT_0,
                   torch_module=("SELU",)),
        Activation("gelu", gelu, gelu_derivative, initializer=_HE,
                   torch_module=("GELU", ("approximate", "tanh"))),
        Activation("silu", silu, silu_derivative, initializer=_HE, torch_module=("SiLU",)),
        Activation("mish", mish, mish_derivative, initializer=_HE, torch_module=("Mish",)),
        Activation("softplus", softplus, softplus_derivative, initializer=_HE,
                   torch_module=("Softplus", ("beta", 1.0), ("threshold", 20.0))),  # 2e-9 off
        Activation("tanh", tanh, tanh_derivative, torch_module=("Tanh",)),
        Activation("sigmoid", sigmoid, sigmoid_derivative, torch_module=("Sigmoid",)),
        Activation("exponential", exponential, exponential),
        Activation("softmax", softmax, None, softmax_gradient,
                   torch_module=("Softmax", ("dim", 1, -1))),
    )
}  # fmt: skip


def get_activation(activation: str | Activation, argument: str = "activation") -> Activation:
    """Return the activation of that name; an `Activation` is returned as it is."""
    if isinstance(activation, Activation):
        return activation
    return look_up(argument, activation, ACTIVATIONS)
