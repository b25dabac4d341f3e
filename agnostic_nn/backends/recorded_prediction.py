"""Recorded predictions: of as many rows again and again, from the same parameters."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from threading import Lock

import array_api_compat.numpy as xp
import numpy as np

from ..namespace import Array
from ..programs.record import Recording
from ..programs.steps import DATA, HELD, record_prediction
from ..programs.watch import Watch
from .base import Prediction, Rows, waits
from .numpy_calls import NumPyCalls

#: Chunks of as many rows that recording takes to pay: the time of some 30 of a few rows.
ENOUGH = 32


class RecordedPrediction:
    """A prediction of chunks of one size, as NumPy calls over memory that is laid out once.

    What it returns has the bits that the prediction gives as it stands, or it is not recorded.

    Parameters
    ----------
    prediction : callable
    held : sequence of arrays
    data : sequence of (array or None)
    size : int
        Rows of a chunk.
    """

    def __init__(
        self, prediction: Prediction, held: Sequence[Array], data: Rows, size: int
    ) -> None:
        self._prediction, self._held = prediction, held
        self._widths = [None if rows is None else int(rows.shape[1]) for rows in data]
        self._size, self._chunks = size, 0
        self._watch: Watch | None = None
        self._recording: Recording | None = None
        self._calls: NumPyCalls | None = None
        self._rows: list[Array | None] = []
        self._refused = False
        self._lock = Lock()  # the memory is for one thread at a time

    def serves(self, prediction: Prediction, held: Sequence[Array], data: Rows, size: int) -> bool:
        """Whether it is of this prediction by these arrays, of as many rows, and still true."""
        return (
            prediction == self._prediction
            and size == self._size
            and len(held) == len(self._held)
            and all(new is old for new, old in zip(held, self._held, strict=True))
            and self._widths == [None if rows is None else rows.shape[1] for rows in data]
            and (self._watch is None or self._watch.changed() is None)
            and (self._recording is None or self._recording.still_holds())
        )

    def expect(self, chunks: int) -> None:
        """Take note of how many whole chunks there are to come."""
        self._chunks += chunks

    def __call__(self, rows: Sequence[Array | None]) -> dict[str, Array]:
        """Return what the prediction makes of a chunk of rows, which may be views of the data."""
        assert rows[0] is not None
        if rows[0].shape[0] == self._size and self._lock.acquire(blocking=False):
            try:
                if self._calls is None and not self._refused:
                    self._record(rows)
                if self._calls is not None:
                    return self._replayed(self._calls, rows)
            finally:
                self._lock.release()
        return self._as_it_stands(rows)

    def _as_it_stands(self, rows: Sequence[Array | None]) -> dict[str, Array]:
        own = [None if x is None else xp.asarray(x, copy=True) for x in rows]
        return self._prediction(self._held, own, xp)

    def _replayed(self, calls: NumPyCalls, rows: Sequence[Array | None]) -> dict[str, Array]:
        for x, memory in zip(rows, self._rows, strict=True):
            if memory is not None:
                memory[...] = x
        calls()
        return {name: array.copy() for name, array in calls.results.items()}

    def _record(self, rows: Sequence[Array | None]) -> None:
        """Record it where that pays by now; where that cannot be, it stays as it stands."""
        if waits() and self._chunks < ENOUGH:
            return
        self._refused, self._watch = True, Watch(self._prediction)
        if self._watch.unrecordable is not None:
            return
        with suppress(Exception):  # what is wrong with the prediction itself it says by itself
            with self._watch.held():
                calls = self._equal_calls(rows)
            self._calls = calls
        self._refused = self._calls is None

    def _equal_calls(self, rows: Sequence[Array | None]) -> NumPyCalls | None:
        """Record it; return nothing where it has other bits than as it stands."""
        self._recording = record_prediction(self._prediction, self._held, self._widths, self._size)
        self._rows = [None if x is None else np.empty_like(x, order="C") for x in rows]
        given = [*zip(HELD, self._held, strict=False), *zip(DATA, self._rows, strict=False)]
        arguments = {name: array for name, array in given if array is not None}
        calls = NumPyCalls(self._recording.program, arguments)
        replayed, expected = self._replayed(calls, rows), self._as_it_stands(rows)
        same = (replayed[k].tobytes() == np.asarray(x).tobytes() for k, x in expected.items())
        return calls if all(same) else None
