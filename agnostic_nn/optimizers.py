"""Update rules on one flat vector theta, which holds every W and b of a network.

A rule is two equations over the same symbols: `rate`, what changes with the step t and not with
the parameter, computed in Python floats, and `update`, what happens to every parameter,
wherever the arrays are. theta and the optimizer's state outlive the step, so `update` changes
them in place where arrays allow that.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeVar

from .checks import check_number, look_up
from .namespace import Array, Namespace
from .schedules import Schedule, as_schedule
from .values import Value

#: What an optimizer remembers from step to step: vectors shaped like theta.
Slots = tuple[Array, ...]
#: A Python float, or a 0-d array where a step is compiled.
Rate = Any
Updated = tuple[Array, Slots]
Update = TypeVar("Update", bound=Callable[..., Updated])


def by_rate_alone(update: Update) -> Update:
    """Say of an `update` that learning rate and weight decay reach it by its arguments alone.

    A step that was compiled with it is then the step for all of them.
    """
    update.by_rate_alone = True  # type: ignore[attr-defined]
    return update


@dataclass(frozen=True)
class Optimizer(Value):
    """Base of the update rules.

    Parameters
    ----------
    learning_rate : float or Schedule
        The step alpha, or how it goes over time.
    weight_decay : float or Schedule, default 0.0
        Decoupled weight decay: the fraction of each weight, times the learning rate, that a
        step takes away before the update. Biases are not decayed.
    """

    learning_rate: float | Schedule = 0.01
    weight_decay: float | Schedule = field(default=0.0, kw_only=True)

    #: How many vectors shaped like theta the rule remembers.
    slots: ClassVar[int] = 0
    #: False where `update` has chance or a memory of its own, and is to be called in every step;
    #: what a rule remembers belongs into its state. See `Activation`.
    recordable: ClassVar[bool] = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "learning_rate", as_schedule(self.learning_rate))
        for name in ("momentum", "rho", "beta1", "beta2"):
            check_number(name, getattr(self, name, 0.0), at_least=0.0, below=1.0)
        check_number("epsilon", getattr(self, "epsilon", 0.0), at_least=0.0)
        if not isinstance(self.weight_decay, Schedule):
            check_number("weight_decay", self.weight_decay, at_least=0.0)

    @property
    def schedule(self) -> Schedule:
        """The learning rate over time."""
        return as_schedule(self.learning_rate)

    @property
    def decay_schedule(self) -> Schedule:
        """The weight decay over time."""
        return as_schedule(self.weight_decay)

    @property
    def decays(self) -> bool:
        """Whether a step takes something away from the weights."""
        return isinstance(self.weight_decay, Schedule) or self.weight_decay > 0.0

    def initial_state(self, theta: Array, xp: Namespace) -> Slots:
        """Zeros, one vector per slot."""
        return tuple(xp.zeros_like(theta) for _ in range(self.slots))

    def rate(self, learning_rate: float, t: int) -> float:
        """Return what `update` multiplies with at step t = 1, 2, ...: alpha itself, or alpha_t."""
        return learning_rate

    def update(self, theta: Array, g: Array, state: Slots, rate: Rate, xp: Namespace) -> Updated:
        """Return theta and the state after a step with the gradient g."""
        raise NotImplementedError

    def in_a_step(self) -> Optimizer:
        """Return what a training step is compiled with: the same for every learning rate.

        That is so where `by_rate_alone` says it of the rule; any other one stays as it is.
        """
        if not hasattr(type(self).update, "by_rate_alone"):
            return self
        rule = copy.copy(self)
        object.__setattr__(rule, "learning_rate", None)
        object.__setattr__(rule, "weight_decay", 1.0 if self.decays else 0.0)
        return rule


def begin(optimizer: Optimizer, theta: Array, xp: Namespace) -> Slots:
    """Return what an optimizer remembers before the first step."""
    return apart(theta, optimizer.initial_state(theta, xp), xp)


def apart(theta: Array, state: Slots, xp: Namespace) -> Slots:
    """Return the state with a copy of each array that is theta, or there twice.

    What is written to one of them in place would else show in the other, on some libraries.
    """
    seen, arrays = [theta], []
    for array in state:
        shared = any(array is other for other in seen)
        arrays.append(xp.asarray(array, copy=True) if shared else array)
        seen.append(array)
    return tuple(arrays)


def decay_weights(theta: Array, decayed: Array, rate: Rate) -> Array:
    """theta = theta - rate * theta, where `decayed` is 1 (the weights) and not 0 (the biases)."""
    theta -= rate * decayed * theta
    return theta


@dataclass(frozen=True)
class SGD(Optimizer):
    """Gradient descent: theta = theta - alpha * g.

    Parameters
    ----------
    learning_rate : float or Schedule, default 0.1
        The step alpha.

    Examples
    --------
    >>> import numpy as np
    >>> theta, state = SGD(0.5).update(
    ...     np.asarray([1.0, 2.0]), np.asarray([1.0, -1.0]), (), 0.5, np)
    >>> theta
    array([0.5, 2.5])
    """

    learning_rate: float | Schedule = 0.1

    @by_rate_alone
    def update(self, theta: Array, g: Array, state: Slots, rate: Rate, xp: Namespace) -> Updated:
        theta -= rate * g
        return theta, ()


@dataclass(frozen=True)
class Momentum(Optimizer):
    """Gradient descent with momentum (Polyak 1964): steps along a decaying sum of gradients.

    Parameters
    ----------
    learning_rate : float or Schedule, default 0.1
        The step alpha.
    momentum : float, default 0.9
        What remains of the velocity after a step, in [0, 1).
    """

    learning_rate: float | Schedule = 0.1
    momentum: float = 0.9
    slots = 1

    @by_rate_alone
    def update(self, theta: Array, g: Array, state: Slots, rate: Rate, xp: Namespace) -> Updated:
        (velocity,) = state
        velocity *= self.momentum
        velocity -= rate * g
        theta += velocity
        return theta, (velocity,)


@dataclass(frozen=True)
class Nesterov(Optimizer):
    """Momentum with the gradient taken one step ahead (Nesterov 1983; as in Sutskever 2013).

    Parameters
    ----------
    learning_rate : float or Schedule, default 0.1
        The step alpha.
    momentum : float, default 0.9
        What remains of the velocity after a step, in [0, 1).
    """

    learning_rate: float | Schedule = 0.1
    momentum: float = 0.9
    slots = 1

    @by_rate_alone
    def update(self, theta: Array, g: Array, state: Slots, rate: Rate, xp: Namespace) -> Updated:
        (velocity,) = state
        step = rate * g
        velocity *= self.momentum
        velocity -= step
        theta += self.momentum * velocity - step
        return theta, (velocity,)


@dataclass(frozen=True)
class RMSprop(Optimizer):
    """Each parameter's step divided by the root mean square of its gradients (Hinton 2012).

    Parameters
    ----------
    learning_rate : float or Schedule, default 0.001
        The step alpha.
    rho : float, default 0.9
        How much of the mean square remains after a step, in [0, 1).
    epsilon : float, default 1e-8
        Keeps the division finite.
    """

    learning_rate: float | Schedule = 0.001
    rho: float = 0.9
    epsilon: float = 1e-8
    slots = 1

    @by_rate_alone
    def update(self, theta: Array, g: Array, state: Slots, rate: Rate, xp: Namespace) -> Updated:
        (v,) = state
        v *= self.rho
        v += (1.0 - self.rho) * g * g
        theta -= rate * g / (xp.sqrt(v) + _held(self.epsilon, v, xp))
        return theta, (v,)


@dataclass(frozen=True)
class Adam(Optimizer):
    """Adaptive moments (Kingma & Ba 2015), with the bias correction in the step size.

    Their section 2 gives this order of the computation:
    alpha_t = alpha * sqrt(1 - beta2^t) / (1 - beta1^t), then
    theta = theta - alpha_t * m / (sqrt(v) + epsilon).

    Parameters
    ----------
    learning_rate : float or Schedule, default 0.001
        The step alpha.
    beta1, beta2 : float, default 0.9 and 0.999
        How much of the first and second moment remains after a step, in [0, 1).
    epsilon : float, default 1e-8
        Keeps the division finite.

    Examples
    --------
    >>> round(Adam().rate(0.001, t=1), 12)
    0.000316227766
    """

    learning_rate: float | Schedule = 0.001
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    slots = 2

    def rate(self, learning_rate: float, t: int) -> float:
        return learning_rate * math.sqrt(1.0 - self.beta2**t) / (1.0 - self.beta1**t)

    @by_rate_alone
    def update(self, theta: Array, g: Array, state: Slots, rate: Rate, xp: Namespace) -> Updated:
        m, v = state
        m *= self.beta1
        m += (1.0 - self.beta1) * g
        v *= self.beta2
        v += (1.0 - self.beta2) * g * g
        theta -= rate * m / (xp.sqrt(v) + _held(self.epsilon, v, xp))
        return theta, (m, v)


@dataclass(frozen=True)
class AdamW(Adam):
    """Adam with decoupled weight decay (Loshchilov & Hutter 2019); biases are not decayed.

    Parameters
    ----------
    learning_rate, beta1, beta2, epsilon : float
        As for `Adam`.
    weight_decay : float or Schedule, default 0.01
        The fraction of each weight, times the learning rate, that a step takes away.
    """

    weight_decay: float | Schedule = field(default=0.01, kw_only=True)


def _held(epsilon: float, v: Array, xp: Namespace) -> float:
    """Epsilon, held where the dtype still has it: to float16 1e-8 is 0, and 0 / 0 no step."""
    return max(epsilon, float(xp.finfo(v.dtype).smallest_normal))


def clip_by_global_norm(gradient: Array, largest: float, xp: Namespace) -> Array:
    """Scale the gradient so that its Euclidean norm is at most `largest` (Pascanu et al. 2013)."""
    wide = gradient
    if xp.finfo(gradient.dtype).bits < 32:  # the squares of float16 end at a norm of 256
        wide = xp.astype(gradient, xp.float32)
    norm = xp.sqrt(xp.sum(wide * wide))
    # a norm beyond float32 is no reason to stand still: 0 times infinity is NaN, which stops
    scale = largest / xp.maximum(norm, largest) + 0.0 * norm
    return gradient * (scale if wide is gradient else xp.astype(scale, gradient.dtype))


#: Every optimizer by name. A new one is a class above and a line here.
OPTIMIZERS: dict[str, type[Optimizer]] = {
    "sgd": SGD,
    "momentum": Momentum,
    "nesterov": Nesterov,
    "rmsprop": RMSprop,
    "adam": Adam,
    "adamw": AdamW,
}


def get_optimizer(optimizer: str | Optimizer) -> Optimizer:
    """Return the optimizer of that name with its defaults; an `Optimizer` as it is."""
    if isinstance(optimizer, Optimizer):
        return optimizer
    return look_up("optimizer", optimizer, OPTIMIZERS)()
