"""An optimizer."""

from dataclasses import dataclass

from agnostic_nn import Optimizer, Schedule
from agnostic_nn.optimizers import by_rate_alone

MOMENTUM = 0.75


@dataclass(frozen=True)
class HeavyBall(Optimizer):
    learning_rate: float | Schedule = 0.05
    slots = 1

    @by_rate_alone
    def update(self, theta, g, state, rate, xp):
        (step,) = state
        step *= MOMENTUM
        step -= rate * g
        theta += step
        return theta, (step,)
