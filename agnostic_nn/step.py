"""The training step: the lesson's iteration, forward -> cost -> backward -> update."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .namespace import Array, Namespace
from .objective import Objective
from .optimizers import Optimizer, apart, clip_by_global_norm, decay_weights


@dataclass(frozen=True)
class TrainingStep:
    """The lesson's iteration as a pure function of what changes: the state and a minibatch.

    Two equal steps compute the same, so a backend that compiles one need not compile the other.
    """

    objective: Objective
    optimizer: Optimizer
    clip_norm: float | None = None

    def __call__(
        self,
        state: Sequence[Array],
        batch: Sequence[Array | None],
        rates: Sequence[Any],
        key: Array,
        xp: Namespace,
    ) -> tuple[tuple[Array, ...], Array]:
        """Return the state after a training step, and the cost before it.

        Parameters
        ----------
        state : tuple of arrays
            theta, the layers' buffers where they have any, and what the optimizer remembers.
        batch : sequence of (array or None)
            X, Y and the weights of the examples, one example per row.
        rates : (update's rate, weight decay)
            Numbers that change from step to step.
        key : int32 array, shape (2,) or longer
            What everything random is drawn from.
        xp : namespace
            The array namespace.
        """
        theta, *slots = state
        buffers = slots.pop(0) if self.objective.buffers else None
        X, Y, weight = (None if rows is None else rows.T for rows in batch)
        masks = self.objective.masks(key, batch[0], xp)

        cost, gradient, buffers = self.objective.cost_and_gradient(
            theta, buffers, X, Y, weight, masks=masks, xp=xp
        )
        copies = self.objective.copies(theta, xp)
        if copies is not None:  # the cost is the mean of an ensemble's; each learns by its own
            gradient = gradient * copies
        if self.clip_norm is not None:
            gradient = clip_by_global_norm(gradient, self.clip_norm, xp)

        rate, decay = rates
        factors = self.objective.rates(theta, xp)
        if self.optimizer.decays:
            decayed = self.objective.decayed(theta, xp)
            theta = decay_weights(theta, decayed if factors is None else decayed * factors, decay)
        if factors is not None:
            rate = rate * factors
        theta, updated = self.optimizer.update(theta, gradient, tuple(slots), rate, xp)
        remembered = () if buffers is None else (buffers,)
        return (theta, *remembered, *apart(theta, updated, xp)), cost
