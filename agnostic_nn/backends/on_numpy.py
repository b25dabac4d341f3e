"""NumPy: the CPU. An epoch repeats one recorded step over memory that is laid out once."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Any

import array_api_compat.numpy
import numpy as np

from ..errors import InvalidArgument, NotRecordable
from ..namespace import Array
from .base import Backend, Epoch, Prediction, Rows, State, Step, as_it_stands, warn_once
from .recorded import RecordedSteps
from .recorded_prediction import RecordedPrediction

#: Elements of another dtype that are converted at once; more are converted batch by batch.
WHOLE = 2**24


class NumPyBackend(Backend):
    """NumPy arrays on the CPU."""

    install = "pip install numpy"
    chunk = 2**17  # a replay takes no longer for being called more often

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
        return self.run(RecordedSteps.of(step, state, compiled), step, state, epoch, compiled)

    def run(
        self,
        recorded: RecordedSteps,
        step: Step,
        state: State,
        epoch: Epoch,
        compiled: dict[Any, Any],
    ) -> tuple[State, float]:
        """Run an epoch of recorded steps, or of the step as it stands where there are none."""
        # a cost that overflows is training's to report, once
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            try:
                return state, recorded.run(epoch)
            except NotRecordable as reason:
                found = super().epoch(step, state, epoch, {})
                if not recorded.asked_not_to:
                    warn_once(as_it_stands(reason), compiled)
                return found

    def predict(
        self,
        prediction: Prediction,
        held: Sequence[Array],
        data: Rows,
        size: int,
        compiled: dict[Any, Any],
    ) -> Iterator[dict[str, Array]]:
        """Repeat the recorded prediction once that pays."""
        assert data[0] is not None
        n = int(data[0].shape[0])
        size = min(size, n)
        kept = compiled.setdefault("predictions", {})  # outputs beside outputs and cost
        recorded = kept.get(len(data))
        if recorded is None or not recorded.serves(prediction, held, data, size):
            kept[len(data)] = recorded = RecordedPrediction(prediction, held, data, size)
        recorded.expect(n // size)
        for rows in self.batches(data, None, size, held[0].dtype):
            yield recorded(rows)
