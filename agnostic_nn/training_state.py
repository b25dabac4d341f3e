"""Where training stands, so that it can go on."""

from __future__ import annotations

from dataclasses import dataclass, field

from .optimizers import Optimizer, Slots

#: Epoch by epoch: "epoch", "cost", "learning_rate", "seconds", and with a validation set
#: "validation_cost" and "validation_score".
History = dict[str, list[float]]


@dataclass
class Training:
    """Where training stands.

    Attributes
    ----------
    optimizer : Optimizer
        The update rule.
    state : tuple of arrays
        What it remembers.
    step, epoch : int
        The steps of this optimizer that are behind, and the epochs of all training.
    history : dict of str to list of float
        What `train` returns.
    """

    optimizer: Optimizer
    state: Slots
    step: int = 0
    epoch: int = 0
    history: History = field(default_factory=dict)
