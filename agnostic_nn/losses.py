"""Losses: what a prediction costs, and dA[L], where backward propagation starts.

A loss maps predictions A[L] and targets Y, both (n[L], m), to the loss of every output of every
example, (n[L], m). `compute_cost` adds them up over the outputs and takes the mean over the m
examples; `initialize_backward` is the gradient of each example's loss. The factor 1/m of the
cost stands in Eq. 2 and 3 of `propagation`, and nowhere here.

Each loss names the output activation it belongs to. Where it has functions of the logits Z[L],
training the two together starts there, and nothing overflows: the cost from `of_logits`, the
gradient dZ[L] from its derivative, which is A[L] - Y in the best-known pairs, and what Eq. 1 makes
of dA[L] in all of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

from .activations import (
    Activation,
    below_overflow,
    exponential,
    from_the_largest,
    get_activation,
    sigmoid,
    softmax,
    softplus,
)
from .checks import check_arrays, check_columns, check_flag, check_same_shape, look_up
from .errors import InvalidArgument
from .namespace import Array, Namespace, Numbers, agnostic
from .values import Value


@dataclass(frozen=True)
class Loss(Value):
    """A loss with its derivative and the output activation it belongs to.

    Parameters
    ----------
    name : str
        What it is called in messages, tables and saved models.
    function : callable
        ``(A, Y, *, xp)``, element by element, the shape of A.
    derivative : callable
        ``(A, Y, *, xp) -> dA[L]``, element by element.
    output : str or Activation
        The output activation whose range the predictions of this loss have: a network's, where
        it is not told another.
    of_logits : callable, optional
        ``(Z, Y, *, xp)``: the loss of A = output(Z), without overflow. A network trains from Z[L]
        where its loss has this and its output activation is `output` itself, and from A[L] where
        either is not so; one that is merely called the same is another.
    derivative_of_logits : callable, optional
        ``(Z, Y, *, xp) -> dZ[L]``, the derivative of `of_logits`. Left out, it is Eq. 1 for
        `derivative` and `output`.
    recordable : bool, default True
        As for `Activation`: False where the functions have chance or a memory of their own.
    """

    name: str
    function: Callable[..., Array]
    derivative: Callable[..., Array]
    output: str | Activation
    of_logits: Callable[..., Array] | None = None
    derivative_of_logits: Callable[..., Array] | None = None
    recordable: bool = True
    #: What `output` stands for; looked up once, for what takes the name later is another function.
    activation: Activation = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "activation", get_activation(self.output))

    def starts_from_logits(self, output: Activation) -> bool:
        """Whether training with that output activation goes by Z[L] instead of A[L]."""
        return self.of_logits is not None and output == self.activation

    def logit_function(self, Z: Array, Y: Array, *, xp: Namespace) -> Array:
        """Return the losses of A = output(Z), without overflow where there is `of_logits`."""
        if self.of_logits is None:
            return self.function(self.activation(Z, xp=xp), Y, xp=xp)
        return self.of_logits(Z, Y, xp=xp)

    def logit_derivative(self, Z: Array, Y: Array, *, xp: Namespace) -> Array:
        """Return dZ[L] of A = output(Z)."""
        if self.derivative_of_logits is None:
            dA = self.derivative(self.activation(Z, xp=xp), Y, xp=xp)
            return self.activation.backward(dA, Z, xp=xp)
        return self.derivative_of_logits(Z, Y, xp=xp)


def _floor(A: Array, xp: Namespace) -> float:
    """A number near the dtype's smallest, whose reciprocal leaves room for weights and sums."""
    return math.pow(xp.finfo(A.dtype).smallest_normal, 0.75)


def binary_cross_entropy(A: Array, Y: Array, *, xp: Namespace) -> Array:
    """-Y log A - (1 - Y) log(1 - A): one independent yes or no per output."""
    floor = _floor(A, xp)
    return -(Y * xp.log(xp.maximum(A, floor)) + (1.0 - Y) * xp.log(xp.maximum(1.0 - A, floor)))


def binary_cross_entropy_derivative(A: Array, Y: Array, *, xp: Namespace) -> Array:
    """dA[L] = -Y / A + (1 - Y) / (1 - A)."""
    floor = _floor(A, xp)
    return -(Y / xp.maximum(A, floor)) + (1.0 - Y) / xp.maximum(1.0 - A, floor)


def binary_cross_entropy_of_logits(Z: Array, Y: Array, *, xp: Namespace) -> Array:
    """log(1 + exp(Z)) - Y Z."""
    return softplus(Z, xp=xp) - Y * Z


def binary_cross_entropy_derivative_of_logits(Z: Array, Y: Array, *, xp: Namespace) -> Array:
    """dZ[L] = A[L] - Y, with A = sigmoid(Z)."""
    return sigmoid(Z, xp=xp) - Y


def categorical_cross_entropy(A: Array, Y: Array, *, xp: Namespace) -> Array:
    """-Y log A: one class out of n[L] per example."""
    return -(Y * xp.log(xp.maximum(A, _floor(A, xp))))


def categorical_cross_entropy_derivative(A: Array, Y: Array, *, xp: Namespace) -> Array:
    """dA[L] = -Y / A."""
    return -(Y / xp.maximum(A, _floor(A, xp)))


def categorical_cross_entropy_of_logits(Z: Array, Y: Array, *, xp: Namespace) -> Array:
    """Y (log sum_k exp(Z_k) - Z)."""
    shifted = from_the_largest(Z, xp=xp)
    return Y * (xp.log(xp.sum(xp.exp(shifted), axis=0, keepdims=True)) - shifted)


def categorical_cross_entropy_derivative_of_logits(Z: Array, Y: Array, *, xp: Namespace) -> Array:
    """dZ[L] = A[L] sum_k Y_k - Y, with A = softmax(Z): A[L] - Y where targets add up to 1."""
    return softmax(Z, xp=xp) * xp.sum(Y, axis=0, keepdims=True) - Y


def squared_error(A: Array, Y: Array, *, xp: Namespace) -> Array:
    """(A - Y)^2 / 2."""
    error = A - Y
    return 0.5 * error * error


def squared_error_derivative(A: Array, Y: Array, *, xp: Namespace) -> Array:
    """dA[L] = A - Y."""
    return A - Y


def absolute_error(A: Array, Y: Array, *, xp: Namespace) -> Array:
    """|A - Y|."""
    return xp.abs(A - Y)


def absolute_error_derivative(A: Array, Y: Array, *, xp: Namespace) -> Array:
    """dA[L] = sign(A - Y)."""
    return xp.sign(A - Y)


def huber(A: Array, Y: Array, *, delta: float = 1.0, xp: Namespace) -> Array:
    """Squared error up to delta, absolute error beyond (Huber 1964)."""
    size = xp.abs(A - Y)
    inside = xp.minimum(size, delta)
    return inside * (size - 0.5 * inside)


def huber_derivative(A: Array, Y: Array, *, delta: float = 1.0, xp: Namespace) -> Array:
    """dA[L] = A - Y, held within [-delta, delta]."""
    return xp.minimum(xp.maximum(A - Y, -delta), delta)


def poisson(A: Array, Y: Array, *, xp: Namespace) -> Array:
    """Y log(Y / A) + A - Y: half the Poisson deviance of counts Y whose mean is A."""
    return Y * (_log(Y, xp) - xp.log(xp.maximum(A, _floor(A, xp)))) + (A - Y)


def poisson_derivative(A: Array, Y: Array, *, xp: Namespace) -> Array:
    """dA[L] = 1 - Y / A."""
    return 1.0 - Y / xp.maximum(A, _floor(A, xp))


def poisson_of_logits(Z: Array, Y: Array, *, xp: Namespace) -> Array:
    """Y (log Y - Z) + exp(Z) - Y."""
    Z = below_overflow(Z, xp=xp)
    return Y * (_log(Y, xp) - Z) + (xp.exp(Z) - Y)


def poisson_derivative_of_logits(Z: Array, Y: Array, *, xp: Namespace) -> Array:
    """dZ[L] = A[L] - Y, with A = exp(Z)."""
    return exponential(Z, xp=xp) - Y


def _log(Y: Array, xp: Namespace) -> Array:
    return xp.log(xp.where(Y > 0.0, Y, xp.ones_like(Y)))  # so that 0 log 0 = 0


#: Every loss by name. A new one is two to four functions above and a line here.
LOSSES: dict[str, Loss] = {
    loss.name: loss
    for loss in (
        Loss(
            "binary_cross_entropy",
            binary_cross_entropy,
            binary_cross_entropy_derivative,
            "sigmoid",
            binary_cross_entropy_of_logits,
            binary_cross_entropy_derivative_of_logits,
        ),
        Loss(
            "categorical_cross_entropy",
            categorical_cross_entropy,
            categorical_cross_entropy_derivative,
            "softmax",
            categorical_cross_entropy_of_logits,
            categorical_cross_entropy_derivative_of_logits,
        ),
        Loss("squared_error", squared_error, squared_error_derivative, "identity"),
        Loss("absolute_error", absolute_error, absolute_error_derivative, "identity"),
        Loss("huber", huber, huber_derivative, "identity"),
        Loss(
            "poisson",
            poisson,
            poisson_derivative,
            "exponential",
            poisson_of_logits,
            poisson_derivative_of_logits,
        ),
    )
}


def get_loss(loss: str | Loss) -> Loss:
    """Return the loss of that name; a `Loss` is returned as it is."""
    if isinstance(loss, Loss):
        return loss
    return look_up("loss", loss, LOSSES)


@agnostic
def compute_cost(
    AL: Array,
    Y: Numbers,
    *,
    loss: str | Loss = "binary_cross_entropy",
    sample_weight: Numbers | None = None,
    from_logits: bool = False,
    xp: Namespace = None,
) -> Array:
    r"""Compute the cost of predictions AL: the mean over the examples of their losses.

    .. math:: J = -\frac{1}{m} \sum_i y^{(i)} \log a^{(i)} + (1-y^{(i)}) \log(1-a^{(i)})

    Parameters
    ----------
    AL : array, shape (n[L], m)
        Predictions. Values of exactly 0 and 1 are allowed; the cost stays finite.
    Y : array, shape (n[L], m)
        Targets; whole numbers will do.
    loss : str or Loss, default "binary_cross_entropy"
        A name in `LOSSES`, or a `Loss` of your own. The equation above is the default's.
    sample_weight : array, shape (1, m), optional
        What each example counts for; weights of mean 1 keep the scale of the cost.
    from_logits : bool, default False
        Whether `AL` holds the pre-activations Z[L] of the loss's own output activation.
    xp : namespace, optional
        The array namespace; left out, that of the arrays.

    Returns
    -------
    array, shape ()
        The cost, in the dtype of `AL`.

    Raises
    ------
    InvalidType
        If an argument is of another kind than described.
    InvalidArgument
        If the shapes differ, or the loss is not known.

    Examples
    --------
    >>> import numpy as np
    >>> float(compute_cost(np.asarray([[0.5, 0.25]]), np.asarray([[1.0, 0.0]]))).__round__(4)
    0.4904
    """
    loss = get_loss(loss)
    check_flag("from_logits", from_logits)
    Y, sample_weight = _targets(AL, Y, sample_weight, xp)
    losses = loss.logit_function(AL, Y, xp=xp) if from_logits else loss.function(AL, Y, xp=xp)
    if sample_weight is not None:
        losses = losses * sample_weight
    if xp.finfo(AL.dtype).bits < 32:  # the mean is a number of float16, the sum may be none
        total = 1 / AL.shape[1] * xp.sum(losses, dtype=xp.float32)
        return xp.astype(total, AL.dtype)
    return 1 / AL.shape[1] * xp.sum(losses)


@agnostic
def initialize_backward(
    AL: Array,
    Y: Numbers,
    *,
    loss: str | Loss = "binary_cross_entropy",
    sample_weight: Numbers | None = None,
    from_logits: bool = False,
    xp: Namespace = None,
) -> Array:
    r"""Compute dA[L], the gradient of each example's loss with respect to its prediction.

    .. math:: dA^{[L]} = -\frac{Y}{A^{[L]}} + \frac{1-Y}{1-A^{[L]}}

    Parameters
    ----------
    AL : array, shape (n[L], m)
        Predictions. Values of exactly 0 and 1 are allowed; the gradient stays finite.
    Y : array, shape (n[L], m)
        Targets; whole numbers will do.
    loss : str or Loss, default "binary_cross_entropy"
        A name in `LOSSES`, or a `Loss` of your own. The equation above is the default's.
    sample_weight : array, shape (1, m), optional
        What each example counts for.
    from_logits : bool, default False
        Whether `AL` holds the pre-activations Z[L] of the loss's own output activation; the
        gradient is then dZ[L], with respect to them.
    xp : namespace, optional
        The array namespace; left out, that of the arrays.

    Returns
    -------
    array, shape (n[L], m)
        dA[L], in the dtype of `AL`.

    Raises
    ------
    InvalidType
        If an argument is of another kind than described.
    InvalidArgument
        If the shapes differ, or the loss is not known.

    Examples
    --------
    >>> import numpy as np
    >>> initialize_backward(np.asarray([[0.5, 0.75]]), np.asarray([[1.0, 0.0]]))
    array([[-2.,  4.]])
    """
    loss = get_loss(loss)
    check_flag("from_logits", from_logits)
    Y, sample_weight = _targets(AL, Y, sample_weight, xp)
    dAL = loss.logit_derivative(AL, Y, xp=xp) if from_logits else loss.derivative(AL, Y, xp=xp)
    return dAL if sample_weight is None else dAL * sample_weight


def _targets(
    AL: Array, Y: Numbers, sample_weight: Numbers | None, xp: Namespace
) -> tuple[Array, Array | None]:
    """Return Y and the weights, checked, in the dtype of AL."""
    check_columns("AL", AL)
    check_same_shape("AL", AL, "Y", Y)
    if sample_weight is not None:
        check_arrays(sample_weight=sample_weight)
        if tuple(sample_weight.shape) != (1, AL.shape[1]):
            raise InvalidArgument(
                f"sample_weight has shape {tuple(sample_weight.shape)}, wanted "
                f"{(1, AL.shape[1])}: one weight per column of AL {tuple(AL.shape)}."
            )
        sample_weight = _in_dtype(sample_weight, AL, xp)
    return _in_dtype(Y, AL, xp), sample_weight


def _in_dtype(numbers: Numbers, like: Array, xp: Namespace) -> Array:
    return numbers if numbers.dtype == like.dtype else xp.astype(numbers, like.dtype)
