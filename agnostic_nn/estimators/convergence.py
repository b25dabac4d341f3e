"""When training stops, and what the learning rate does when it stalls: scikit-learn's rules."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

from ..namespace import Array
from ..network import Network, training_of

#: An adaptive learning rate goes down by this, as long as it is above the smallest.
_SHRINK, _SMALLEST = 5.0, 1e-6


@dataclass
class Convergence:
    """The best epoch so far, and how many have passed since that did not gain `tol` on it.

    An epoch is worth its validation score, or where none is watched its loss with the sign
    turned around: more is better.
    """

    best: float = -math.inf
    stalled: int = 0
    theta: Array = None

    def add(self, worth: float, tol: float, net: Network | None) -> None:
        """Count an epoch; where a network is given, its parameters are kept if it is the best."""
        self.stalled = self.stalled + 1 if worth < self.best + tol else 0
        if worth > self.best:
            self.best = worth
            if net is not None:
                self.theta = net.xp.asarray(net.theta, copy=True)

    def restore(self, net: Network) -> None:
        """Give the network the parameters of the best epoch."""
        if self.theta is not None:
            net.theta = self.theta
            self.theta = None


def learning_rate(net: Network) -> float:
    """Return the constant learning rate that training goes on with."""
    return float(training_of(net).optimizer.schedule.initial)


def set_learning_rate(net: Network, rate: float) -> None:
    """Let training go on with another constant learning rate; the optimizer's state stays."""
    training = training_of(net)
    training.optimizer = replace(training.optimizer, learning_rate=rate)


def adapt(net: Network) -> bool:
    """Lower the learning rate; false where it is as low as it gets."""
    rate = learning_rate(net)
    if rate <= _SMALLEST:
        return False
    set_learning_rate(net, rate / _SHRINK)
    return True


def same_rule(a: Any, b: Any) -> bool:
    """Whether two optimizers remember the same things, so that one can go on from the other."""
    return type(a) is type(b)
