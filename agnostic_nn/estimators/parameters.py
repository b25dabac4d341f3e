"""The parameters of the estimators: what each may be, and what it is in this package's terms."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import fields
from itertools import pairwise
from numbers import Integral, Real
from typing import Any

from sklearn.utils._param_validation import Interval, Options, StrOptions

from ..activations import ACTIVATIONS, Activation
from ..backends import Backend, host
from ..initializers import INITIALIZERS
from ..optimizers import OPTIMIZERS, Momentum, Nesterov, Optimizer
from ..schedules import SCHEDULES, Constant, InverseScaling, Schedule, get_schedule

#: scikit-learn's names where this package has others.
_SKLEARN_NAMES = {"logistic": "sigmoid", "exp": "exponential"}
_SKLEARN_ACTIVATIONS = ("identity", "logistic", "sigmoid", "tanh", "relu")


def own_name(activation: Any) -> Any:
    """Return this package's name for an activation of scikit-learn."""
    return _SKLEARN_NAMES.get(activation, activation) if isinstance(activation, str) else activation


def sklearn_name(activation: str) -> str:
    """Return scikit-learn's name for an activation of this package."""
    return {own: name for name, own in _SKLEARN_NAMES.items()}.get(activation, activation)


#: What each parameter may be, as scikit-learn checks it.
CONSTRAINTS: dict[str, Any] = {
    "hidden_layer_sizes": ["array-like", Interval(Integral, 1, None, closed="left")],
    "activation": [
        StrOptions({"logistic", *ACTIVATIONS} - {"softmax"}), Activation, "array-like",
    ],
    "solver": [StrOptions({"lbfgs", *OPTIMIZERS}), Optimizer],
    "alpha": [Interval(Real, 0, None, closed="left")],
    "batch_size": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
    "learning_rate": [StrOptions({"invscaling", "adaptive", *SCHEDULES}), Schedule],
    "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
    "power_t": [Interval(Real, 0, None, closed="left")],
    "max_iter": [Interval(Integral, 1, None, closed="left")],
    "shuffle": ["boolean"],
    "random_state": ["random_state"],
    "tol": [Interval(Real, 0, None, closed="left")],
    "verbose": ["verbose"],
    "warm_start": ["boolean"],
    "momentum": [Interval(Real, 0, 1, closed="both")],
    "nesterovs_momentum": ["boolean"],
    "early_stopping": ["boolean"],
    "validation_fraction": [Interval(Real, 0, 1, closed="left")],
    "beta_1": [Interval(Real, 0, 1, closed="left")],
    "beta_2": [Interval(Real, 0, 1, closed="left")],
    "epsilon": [Interval(Real, 0, None, closed="neither")],
    "n_iter_no_change": [
        Interval(Integral, 1, None, closed="left"), Options(Real, {math.inf}),
    ],
    "max_fun": [Interval(Integral, 1, None, closed="left")],
    "backend": [str, Backend, None],
    "dtype": "no_validation",
    "dropout": [Interval(Real, 0, 1, closed="left"), "array-like"],
    "initializer": [StrOptions(set(INITIALIZERS)), None],
    "weight_decay": [Interval(Real, 0, None, closed="left"), None],
    "clip_norm": [Interval(Real, 0, None, closed="neither"), None],
    "callbacks": ["array-like", None],
    "progress": ["boolean", None],
}  # fmt: skip


def initial_theta(estimator: Any, widths: Sequence[int], random: Any) -> Any:
    """Draw the weights that scikit-learn would; None where another way was asked for."""
    given = estimator.activation
    names = given if isinstance(given, (list, tuple)) else [given]
    if estimator.initializer is not None or any(g not in _SKLEARN_ACTIVATIONS for g in names):
        return None
    factor = 2.0 if all(own_name(g) == "sigmoid" for g in names) else 6.0
    arrays = []
    for n_prev, n in pairwise(widths):
        bound = math.sqrt(factor / (n_prev + n))
        arrays.append(random.uniform(-bound, bound, (n_prev, n)).T)
        arrays.append(random.uniform(-bound, bound, n))
    return host.concatenate(arrays)


def activations_of(estimator: Any) -> Any:
    """Return the hidden activations, one for all or a list, under this package's names."""
    given = estimator.activation
    if isinstance(given, (str, Activation)):
        return own_name(given)
    return [own_name(g) for g in given]


def dropout_of(estimator: Any) -> Any:
    """Return the dropout, one number for all hidden layers or a list."""
    return estimator.dropout if isinstance(estimator.dropout, Real) else list(estimator.dropout)


def batch_size_of(estimator: Any, n: int) -> int:
    """Return how many of n examples a step takes."""
    return min(200 if estimator.batch_size == "auto" else int(estimator.batch_size), n)


def optimizer_of(estimator: Any) -> Optimizer:
    """Return the update rule of a solver that takes minibatches."""
    solver = estimator.solver
    if isinstance(solver, Optimizer):
        return solver
    rule = OPTIMIZERS[solver]
    if solver == "sgd" and estimator.momentum > 0.0:
        rule = Nesterov if estimator.nesterovs_momentum else Momentum
    settings: dict[str, Any] = {
        "learning_rate": schedule_of(estimator),
        "momentum": estimator.momentum,
        "beta1": estimator.beta_1,
        "beta2": estimator.beta_2,
        "epsilon": estimator.epsilon,
    }
    if estimator.weight_decay is not None:
        settings["weight_decay"] = estimator.weight_decay
    taken = {field.name for field in fields(rule)}
    return rule(**{name: value for name, value in settings.items() if name in taken})


def schedule_of(estimator: Any) -> Schedule:
    """Return the learning rate over time; "invscaling" and "adaptive" change it as they go."""
    name, initial = estimator.learning_rate, estimator.learning_rate_init
    if isinstance(name, Schedule):
        return name
    if name in ("constant", "invscaling", "adaptive"):
        return Constant(initial)
    kind = get_schedule(name)
    if kind is InverseScaling:
        return InverseScaling(initial, power=estimator.power_t)
    return kind(initial)
