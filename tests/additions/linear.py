"""A schedule."""

from dataclasses import dataclass

from agnostic_nn import Schedule

FALL = 1.0


@dataclass(frozen=True)
class Linear(Schedule):
    def __call__(self, epoch, epochs, costs=()):
        return self.initial * (1.0 - FALL * min(epoch / max(epochs, 1), 1.0))
