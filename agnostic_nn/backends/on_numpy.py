"""NumPy: the CPU. An epoch repeats one recorded step over memory that is laid out once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import array_api_compat.numpy
import numpy as np

from ..errors import InvalidArgument
from ..namespace import Array
from .base import Backend, Step, examples
from .record import record
from .replay import compile_tape


class NumPyBackend(Backend):
    """NumPy arrays on the CPU."""

    install = "pip install numpy"

    @classmethod
    def open(cls, device: str) -> Backend:
        """Return the backend; NumPy has one device."""
        if device not in ("", "cpu"):
            raise InvalidArgument(f"backend='numpy:{device}': NumPy runs on the CPU alone.")
        return cls("numpy", array_api_compat.numpy, "cpu")

    def epoch(
        self,
        step: Step,
        state: tuple[Array, ...],
        data: Sequence[Array | None],
        order: np.ndarray[Any, Any] | None,
        batch_size: int,
        rates: Sequence[tuple[float, ...]],
        t: int,
        compiled: dict[Any, Any],
    ) -> tuple[tuple[Array, ...], float]:
        """Repeat the recorded step; a step that cannot be recorded runs as it stands."""
        n = examples(data, order)
        costs = np.empty(len(rates))
        sizes = np.full(len(rates), batch_size)
        sizes[-1] = n - batch_size * (len(rates) - 1)
        for i, (size, now) in enumerate(zip(sizes.tolist(), rates, strict=True)):
            key = (
                step,
                size,
                tuple(map(id, state)),
                *(None if x is None else x.shape[1] for x in data),
            )
            if key not in compiled:
                compiled[key] = recorded(step, state, data, size, len(now))
            if compiled[key] is None:
                return super().epoch(step, state, data, order, batch_size, rates, t, compiled)
            costs[i] = compiled[key](data, order, i * batch_size, now, t + i)
        return state, float(costs @ sizes / n)


def recorded(*arguments: Any) -> RecordedStep | None:
    """Record a step; None where it does what cannot be recorded."""
    try:
        return RecordedStep(*arguments)
    except Exception:  # a function of the user's own may do anything with an array
        return None  # and if that is an error, running the step as it stands will raise it


class RecordedStep:
    """A training step on minibatches of one size, as a list of NumPy calls."""

    def __init__(
        self,
        step: Step,
        state: Sequence[Array],
        data: Sequence[Array | None],
        size: int,
        rates: int,
    ) -> None:
        dtype = state[0].dtype
        self.state = state
        self.batch = [None if x is None else np.ones((size, x.shape[1]), x.dtype) for x in data]
        self.rates = np.ones(rates, dtype)
        self.clock = np.ones(1, np.int32)
        tape, cost = record(step, state, self.batch, self.rates, self.clock)
        self.calls, self.cost = compile_tape(tape, cost)

    def __call__(
        self,
        data: Sequence[Array | None],
        order: np.ndarray[Any, Any] | None,
        start: int,
        rates: tuple[float, ...],
        t: int,
    ) -> Array:
        """Gather a minibatch, make the calls, and return the cost."""
        for rows, batch in zip(data, self.batch, strict=True):
            if rows is None or batch is None:
                continue
            if order is None:
                batch[...] = rows[start : start + len(batch)]
            else:  # mode="clip" lets NumPy write to `out` without a buffer in between
                chosen = order[start : start + len(batch)]
                np.take(rows, chosen, axis=0, out=batch, mode="clip")
        self.rates[...] = rates
        self.clock[0] = t
        for call in self.calls:
            call()
        return self.cost
