"""Gradient checking: backward propagation against differences of the cost."""

from __future__ import annotations

from typing import Any

from .backends import host
from .checks import check_number
from .dropout import step_keys
from .network import Network, check_network


def gradient_check(
    net: Network,
    X: Any,
    Y: Any,
    *,
    sample_weight: Any = None,
    step: int | None = None,
    epsilon: float = 1e-6,
) -> float:
    r"""Compare the gradient of backward propagation with central differences of the cost.

    .. math:: \frac{\|g - d\|}{\|g\| + \|d\|}, \qquad
        d_i = \frac{J(\theta + \epsilon e_i) - J(\theta - \epsilon e_i)}{2 \epsilon}

    Parameters
    ----------
    net : Network
        In float64, else the differences say little; it is not changed.
    X : array-like, shape (n_samples, n_features)
        A few examples.
    Y : array-like, shape (n_samples, n_outputs) or (n_samples,)
        Their targets.
    sample_weight : array-like, shape (n_samples,), optional
        What each example counts for.
    step : int, optional
        Check with the dropout masks of this step of the first epoch, counted from 1; left out,
        without dropout.
    epsilon : float, default 1e-6
        How far each parameter is moved.

    Returns
    -------
    float
        The relative error: about 1e-9 for right equations away from kinks, 1e-2 or more for
        wrong ones.

    Raises
    ------
    InvalidType
        If an argument is of another kind than described.
    InvalidArgument
        If a shape does not fit, a value is NaN or infinite, or `epsilon` is not between 0 and 1.

    Examples
    --------
    >>> net = Network([2, 3, 1], "binary_cross_entropy", activation="tanh", dtype="float64")
    >>> gradient_check(net, [[0.5, -1.0], [2.0, 0.3]], [1.0, 0.0]) < 1e-7
    True
    """
    check_network(net)
    check_number("epsilon", epsilon, above=0.0, below=1.0)
    if step is not None:
        check_number("step", step, at_least=1, below=2**31, integer=True)
    xp, architecture = net.xp, net.architecture
    rows, targets, weights = net.check_data(X, Y, sample_weight)
    weight = None if weights is None else weights.T
    masks = None
    if step is not None:
        number = net.backend.asarray(host.asarray([step - 1]), xp.int32)
        masks = architecture.masks(step_keys(net.seed, 0, number, xp)[0, ...], rows, xp)

    def cost_and_gradient(theta: Any) -> tuple[Any, Any]:
        at = net.backend.asarray(theta, net.dtype)
        cost, gradient = architecture.cost_and_gradient(
            at, rows.T, targets.T, weight, masks=masks, xp=xp
        )
        return float(net.backend.to_numpy(cost)), net.backend.to_numpy(gradient)

    theta = net.backend.to_numpy(net.theta).copy()
    _, gradient = cost_and_gradient(theta)
    differences = 0.0 * theta
    for i in range(theta.shape[0]):
        here = theta[i]
        theta[i] = here + epsilon
        above, _ = cost_and_gradient(theta)
        theta[i] = here - epsilon
        below, _ = cost_and_gradient(theta)
        theta[i] = here
        differences[i] = (above - below) / (2.0 * epsilon)
    scale = norm(gradient) + norm(differences)
    return norm(gradient - differences) / scale if scale > 0.0 else 0.0


def norm(vector: Any) -> float:
    """Return the Euclidean norm of a host vector."""
    return float((vector * vector).sum() ** 0.5)
