"""Gradient checking: backward propagation against differences of the cost."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .backends.base import Epoch
from .checks import check_number
from .dropout import step_keys, units_kept
from .namespace import Array, Namespace
from .network import Network, check_network
from .optimizers import Optimizer, Rate, Slots, Updated
from .step import TrainingStep


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
        d_i = \frac{J(\theta + \epsilon_i e_i) - J(\theta - \epsilon_i e_i)}{2 \epsilon_i},
        \quad \epsilon_i = \epsilon \max(1, |\theta_i|)

    The gradient is computed as training does it on this backend, recorded or compiled, and so is
    a cost, which has to be J as well; J is that of the equations as they stand.

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
        How far each parameter is moved, or which part of itself where it is above 1.

    Returns
    -------
    float
        The relative error: about 1e-9 for right equations away from kinks, 1e-2 or more for
        wrong ones, infinite where a number is NaN or infinite.

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
    backend = net.backend
    objective = replace(net.objective, drops=step is not None)
    data = net.check_data(X, Y, sample_weight)
    numbers = np.asarray([0 if step is None else step - 1], dtype="int32")
    kept = units_kept(objective.dropouts, lambda schedule: schedule(0.0, 1))
    keys = np.append(step_keys(net.seed, 0, numbers, np), np.asarray([kept], "int32"), axis=1)
    training_step, still = TrainingStep(objective, _Gradient()), (0.0, 0.0)

    def state(theta: Any) -> tuple[Array, ...]:
        at = backend.asarray(theta, net.dtype)
        buffers = (net.xp.asarray(net.buffers, copy=True),) if objective.buffers else ()
        return (at, *buffers, net.xp.zeros_like(at))

    def as_it_stands(theta: Any) -> Any:
        _, cost = training_step(state(theta), data, still, backend.asarray(keys)[0, ...], net.xp)
        return backend.to_numpy(cost)

    theta = backend.to_numpy(net.theta)
    every = Epoch(data, None, int(data[0].shape[0]), [still], keys)
    (*_, gradient), cost = backend.epoch(training_step, state(theta.copy()), every, {})
    differences = central_differences(as_it_stands, theta, epsilon)
    copies = objective.copies(theta, np)
    if copies is not None:  # a step learns by each member's own cost
        differences = differences * copies
    return max(
        _relative_error(backend.to_numpy(gradient), differences),
        _relative_error(np.asarray([cost]), as_it_stands(theta).reshape(1)),
    )


@dataclass(frozen=True)
class _Gradient(Optimizer):
    """Moves nothing, and remembers the gradient."""

    slots = 1

    def update(
        self,
        theta: Array,
        g: Array,
        state: Slots,  # noqa: ARG002
        rate: Rate,  # noqa: ARG002
        xp: Namespace,  # noqa: ARG002
    ) -> Updated:
        return theta, (g,)


def central_differences(function: Callable[[Any], Any], at: Any, epsilon: float) -> Any:
    """Return the derivative of the sum of `function` by every element of a host array.

    Each is moved by `epsilon` times its magnitude, or `epsilon` where that is below 1.
    """
    result = 0.0 * at.copy()  # in the order of the elements, as the copies below
    for i, here in enumerate(at.reshape(-1).tolist()):
        h = epsilon * max(1.0, abs(here))
        above, below = at.copy(), at.copy()
        above.reshape(-1)[i] += h
        below.reshape(-1)[i] -= h
        # subtracted before they are added up: most elements do not move, and cancel exactly
        rise = (function(above) - function(below)).sum()
        result.reshape(-1)[i] = rise / (above - below).sum()
    return result


def _relative_error(got: Any, expected: Any) -> float:
    """Return the distance of two host vectors, relative to their norms; infinite for NaN."""
    scale = math.hypot(*got.tolist()) + math.hypot(*expected.tolist())
    error = math.hypot(*(got - expected).tolist()) / scale if scale != 0.0 else 0.0
    return error if math.isfinite(error) else math.inf
