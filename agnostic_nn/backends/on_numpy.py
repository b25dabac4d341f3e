"""NumPy: the CPU. An epoch repeats one recorded step over memory that is laid out once."""

from __future__ import annotations

import os
from typing import Any

import array_api_compat.numpy
import numpy as np

from ..errors import InvalidArgument
from ..namespace import Array
from .base import Backend, Epoch, State, Step
from .record import record
from .replay import compile_tape

#: Elements of another dtype that are converted at once; more are converted batch by batch.
WHOLE = 2**24


class NumPyBackend(Backend):
    """NumPy arrays on the CPU."""

    install = "pip install numpy"

    @classmethod
    def open(cls, device: str) -> Backend:
        """Return the backend; NumPy has one device."""
        if device not in ("", "cpu"):
            raise InvalidArgument(f"backend='numpy:{device}': NumPy runs on the CPU alone.")
        return cls("numpy", array_api_compat.numpy, "cpu")

    def describe(self) -> tuple[str, int | None]:
        """Return the CPU, and the machine's memory where the system tells."""
        try:
            return "CPU", os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        except (AttributeError, ValueError, OSError):
            return "CPU", None

    def asarray(self, values: Any, dtype: Any = None) -> Array:
        """Return `values` as a NumPy array; what is too large for the dtype becomes infinite."""
        with np.errstate(over="ignore"):
            return super().asarray(values, dtype)

    def hold(self, values: Any, dtype: Any) -> Array:
        """Return data as it is where converting all of it would double a lot of memory."""
        if isinstance(values, np.ndarray) and values.dtype.kind in "biuf" and values.size > WHOLE:
            return values
        return self.asarray(values, dtype)

    def epoch(
        self, step: Step, state: State, epoch: Epoch, compiled: dict[Any, Any]
    ) -> tuple[State, float]:
        """Repeat the recorded step; a step that cannot be recorded runs as it stands."""
        sizes = np.full(len(epoch.rates), epoch.batch_size)
        sizes[-1] = epoch.examples - epoch.batch_size * (len(epoch.rates) - 1)
        costs = np.empty(len(sizes))
        # a cost that overflows is training's to report, once
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            steps = {
                size: self._recorded(step, state, epoch, size, compiled)
                for size in {int(sizes[0]), int(sizes[-1])}
            }
            if None in steps.values():
                return super().epoch(step, state, epoch, compiled)
            for i, size in enumerate(sizes.tolist()):
                costs[i] = steps[size](epoch, i)
        return state, float(costs @ sizes / epoch.examples)

    @staticmethod
    def _recorded(
        step: Step, state: State, epoch: Epoch, size: int, compiled: dict[Any, Any]
    ) -> Any:
        """Return the step on minibatches of that size; None where it cannot be recorded."""
        key = (step, size, *map(id, state), *(x is None for x in epoch.data))
        if key not in compiled:
            try:
                compiled[key] = RecordedStep(step, state, epoch, size)
            except Exception:  # a function of the user's own may do anything with an array,
                compiled[key] = None  # and if that is an error, running it as it stands raises it
        return compiled[key]


class RecordedStep:
    """A training step on minibatches of one size, as a list of NumPy calls."""

    def __init__(self, step: Step, state: State, epoch: Epoch, size: int) -> None:
        dtype = state[0].dtype
        self.state = state  # keeps the arrays, and so their ids, alive
        self.batch = [None if x is None else np.ones((size, x.shape[1]), dtype) for x in epoch.data]
        self.rates = np.ones(len(epoch.rates[0]), dtype)
        self.key = np.ones(2, np.int32)
        tape, cost = record(step, state, self.batch, self.rates, self.key)
        self.calls, self.cost = compile_tape(tape, cost)

    def __call__(self, epoch: Epoch, i: int) -> Array:
        """Gather minibatch i, make the calls, and return the cost."""
        start = i * epoch.batch_size
        for rows, batch in zip(epoch.data, self.batch, strict=True):
            if rows is None or batch is None:
                continue
            chosen = slice(start, start + len(batch))
            if epoch.order is None:
                batch[...] = rows[chosen]
            elif rows.dtype != batch.dtype:
                batch[...] = rows[epoch.order[chosen]]
            else:  # mode="clip" lets NumPy write to `out` without a buffer in between
                rows.take(epoch.order[chosen], 0, batch, "clip")
        self.rates[...] = epoch.rates[i]
        self.key[...] = epoch.keys[i]
        for call in self.calls:
            call()
        return self.cost
