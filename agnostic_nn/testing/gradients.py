"""`assert_gradients`: a derivative is that of its function."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..activations import Activation, get_activation
from ..backends import host
from ..errors import InvalidArgument
from ..gradients import central_differences, gradient_check
from ..layer import Layer, drawn
from ..losses import Loss
from ..network import Network
from .variants import VARIANTS, place_of, unit_roundoff


def assert_gradients(
    subject: str | Activation | Loss | Layer | Network,
    *points: Any,
    tolerance: float = 1e-7,
    seed: int = 0,
) -> None:
    r"""Assert that a derivative is that of its function, by central differences in float64.

    .. math:: f'(z) \approx \frac{f(z + h) - f(z - h)}{2 h}, \qquad h = u^{1/3} \max(1, |z|)

    Parameters
    ----------
    subject : Activation, Loss, Layer, Network or str
        An activation: its derivative, and Eq. 1. A loss: dA[L], and dZ[L] and the cost from
        logits where it has them. A layer: dA_prev, and the gradient of each of its parameters,
        which are drawn from N(0, 1). A network in float64: every parameter's gradient, after
        those of its activations and its loss. A name in `ACTIVATIONS` will do.
    *points : array-like
        Where to look, besides 3 by 8 random points: Z for an activation; A and Y, of one shape,
        for a loss; A_prev for a layer, whose random one is 4 by 6. X and Y, one example per row,
        for a network, which has no random ones. At a kink, where there is no derivative,
        differences find another number.
    tolerance : float, default 1e-7
        Allowed difference, relative to 1 + \|f'\|; for a network the relative error that
        `gradient_check` returns. Differences are right to about h^2 f''' and u f / h, some
        4e-11; a wrong equation is usually off in its first digits.
    seed : int, default 0
        Of the random points.

    Raises
    ------
    AssertionError
        If a gradient is off: which element, what was expected, what came.

    Examples
    --------
    >>> wrong = Activation("square", lambda Z, *, xp: Z * Z, lambda Z, *, xp: 3.0 * Z)
    >>> assert_gradients(wrong, [[0.5]])
    Traceback (most recent call last):
    AssertionError: the derivative of square at Z[0, 0] = 0.5: expected 1, got 1.5.
    """
    if isinstance(subject, Network):
        _assert_network_gradients(subject, points, tolerance, seed)
    elif isinstance(subject, Loss):
        _assert_loss_gradients(subject, points, tolerance, seed)
    elif isinstance(subject, Layer):
        _assert_layer_gradients(subject, points, tolerance, seed)
    else:
        _assert_activation_gradients(get_activation(subject), points, tolerance, seed)


def _assert_activation_gradients(
    g: Activation, points: Sequence[Any], tolerance: float, seed: int
) -> None:
    xp, random = VARIANTS["numpy"].xp, host.generator(seed)
    if len(points) > 1:
        raise InvalidArgument(f"points: wanted Z alone for the activation {g.name}.")
    for given in (*points, 2.0 * random.standard_normal((3, 8))):
        Z = VARIANTS["numpy"].asarray(given)
        if g.derivative is not None:  # element by element, so that 1 stands for every dA
            expected = _differences(lambda Z: g(Z, xp=xp), Z)
            got = g.derivative(Z, xp=xp)
            _check_gradient(f"the derivative of {g.name}", "Z", Z, expected, got, tolerance)
        dA = random.standard_normal(Z.shape)
        expected = _differences(lambda Z: g(Z, xp=xp), Z, dA)
        got = g.backward(dA, Z, xp=xp)
        _check_gradient(f"Eq. 1 of {g.name}, dZ", "Z", Z, expected, got, tolerance)


def _assert_loss_gradients(loss: Loss, points: Sequence[Any], tolerance: float, seed: int) -> None:
    xp, random = VARIANTS["numpy"].xp, host.generator(seed)
    if len(points) not in (0, 2):
        raise InvalidArgument(f"points: wanted A and Y for the loss {loss.name}.")
    output = loss.activation  # its range is that of both A and Y
    Z, Y = random.standard_normal((3, 8)), output(random.standard_normal((3, 8)), xp=xp)
    for given in (points, (output(Z, xp=xp), Y)) if points else ((output(Z, xp=xp), Y),):
        A, targets = (VARIANTS["numpy"].asarray(array) for array in given)

        def losses(A: Any, Y: Any = targets) -> Any:
            return loss.function(A, Y, xp=xp)

        expected = _differences(losses, A)
        got = loss.derivative(A, targets, xp=xp)
        _check_gradient(f"dA[L] of {loss.name}", "A", A, expected, got, tolerance)
    if loss.of_logits is not None:
        expected = _differences(lambda Z: loss.logit_function(Z, Y, xp=xp), Z)
        got = loss.logit_derivative(Z, Y, xp=xp)
        _check_gradient(f"dZ[L] of {loss.name} from logits", "Z", Z, expected, got, tolerance)
        expected = loss.function(output(Z, xp=xp), Y, xp=xp)
        got = loss.logit_function(Z, Y, xp=xp)
        _check_gradient(f"the loss {loss.name} from logits", "Z", Z, expected, got, tolerance)


def _assert_layer_gradients(
    layer: Layer, points: Sequence[Any], tolerance: float, seed: int
) -> None:
    xp, random = VARIANTS["numpy"].xp, host.generator(seed)
    name = type(layer).__name__
    if len(points) > 1:
        raise InvalidArgument(f"points: wanted A_prev alone for the layer {name}.")
    A_prev = VARIANTS["numpy"].asarray(points[0] if points else random.standard_normal((4, 6)))
    n_prev, m = A_prev.shape
    held = drawn(layer, n_prev, m, random)
    A, cache = layer.forward(A_prev, held, xp=xp)
    dA = random.standard_normal(A.shape)
    dA_prev, dp = layer.backward(dA, cache, xp=xp)
    weights = dA / A.shape[1]  # the cost is the mean over the columns: of each member's, too

    def expected(i: int) -> Any:
        """The gradient of the cost by A_prev, or by what follows it."""
        given = [A_prev, *held]

        def forward(moved: Any) -> Any:
            arrays = (*given[:i], moved, *given[i + 1 :])
            return layer.forward(arrays[0], arrays[1:], xp=xp)[0]

        return _differences(forward, given[i], weights)

    what = f"dA_prev of {name}"
    _check_gradient(what, "A_prev", A_prev, m * expected(0), dA_prev, tolerance)
    for i, (parameter, got) in enumerate(zip(layer.parameters(n_prev), dp, strict=True)):
        what = f"d{parameter.name} of {name}"
        _check_gradient(what, parameter.name, held[i], expected(i + 1), got, tolerance)


def _assert_network_gradients(
    net: Network, points: Sequence[Any], tolerance: float, seed: int
) -> None:
    if len(points) not in (2, 3):
        raise InvalidArgument(f"points: wanted X and Y, and perhaps sample_weight, for {net!r}.")
    if net.dtype_name != "float64":
        raise InvalidArgument(
            f"differences say little in {net.dtype_name}: wanted dtype='float64' for {net!r}."
        )
    plain = net.objective.perceptron
    activations = plain.activations if plain else (net.objective.output,)
    for g in activations:  # these can say which element is wrong
        _assert_activation_gradients(g, (), tolerance, seed)
    _assert_loss_gradients(net.objective.loss, (), tolerance, seed)
    X, Y, *weight = points
    error = gradient_check(net, X, Y, sample_weight=weight[0] if weight else None)
    if not error <= tolerance:
        raise AssertionError(
            f"the gradient of {net!r}: expected that of the cost within a relative error of "
            f"{tolerance:.3g}, got {error:.3g}."
        )


def _differences(function: Callable[[Any], Any], at: Any, weights: Any = 1.0) -> Any:
    """Return the derivative of sum(weights * function(at)) by every element of `at`."""
    epsilon = unit_roundoff("float64") ** (1 / 3)
    return central_differences(lambda moved: weights * function(moved), at, epsilon)


def _check_gradient(
    what: str, name: str, at: Any, expected: Any, got: Any, tolerance: float
) -> None:
    xp = VARIANTS["numpy"].xp
    if tuple(got.shape) != tuple(at.shape):
        raise AssertionError(f"{what} has shape {tuple(got.shape)}, expected {tuple(at.shape)}.")
    wrong = ~(xp.abs(got - expected) <= tolerance * (1.0 + xp.abs(expected)))  # NaN is wrong too
    if xp.any(wrong):
        place = place_of(int(xp.argmax(wrong)), at.shape)
        raise AssertionError(
            f"{what} at {name}{list(place)} = {at[place]:.9g}: "
            f"expected {expected[place]:.9g}, got {got[place]:.9g}."
        )
