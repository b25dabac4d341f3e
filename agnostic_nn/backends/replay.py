"""A recorded step as a program: the same calls, over memory that is laid out once.

What a compiler does for a language, on a tape of NumPy calls: what is computed twice is computed
once, what nobody needs is left out, memory is used again as soon as it is free, and runs of
elementwise calls on long vectors go through the cache block by block.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .record import Call, NDArray, Recorded, Storage, Tape, assign

#: Elements of a block: a handful of operands of this length fit a core's own cache together.
BLOCK = 2**14

Bound = Callable[[], Any]


def compile_tape(tape: Tape, cost: Recorded) -> tuple[list[Bound], NDArray]:
    """Return the calls of the step, ready to be made in order, and where they leave the cost."""
    calls = _without_repeats(tape.calls, cost)
    calls = _without_unused(calls, cost)
    calls, pieces = _without_joins(calls)
    runs = _runs(calls)
    memory = _Memory(runs, pieces, cost)
    bound: list[Bound] = []
    for run in runs:
        n = run[0].output.shape[0] if len(run) > 1 else 0
        for start in range(0, n, BLOCK) or [0]:
            block = slice(start, min(start + BLOCK, n)) if n else None
            for call in run:
                inputs = [memory.array(x, block) for x in call.inputs]
                out = memory.array(call.output, block)
                bound.append(call.bind(inputs, out))
    return bound, memory.array(cost)


def _without_repeats(calls: Sequence[Call], cost: Recorded) -> list[Call]:
    """Leave out calls whose result an earlier one has: the sigmoid of Z, forward and backward."""
    first: dict[Any, Storage] = {}
    same: dict[Storage, Storage] = {}
    kept = []
    for call in calls:
        operands: list[Any] = [call.function, call.output.shape, call.output.dtype]
        for x, version in zip(call.inputs, call.versions, strict=True):
            if isinstance(x, Recorded):
                x.storage = same.get(x.storage, x.storage)
                operands += [x.storage, _place(x), version]
            else:  # a constant, or an argument such as an axis
                operands.append(id(x))
        output = call.output.storage
        # what is written to again later, or in part, is nobody else's result
        once = output.argument is None and output.writes == 1 and not call.output.views
        if once and first.setdefault(tuple(operands), output) is not output:
            same[output] = first[tuple(operands)]
        else:
            kept.append(call)
    cost.storage = same.get(cost.storage, cost.storage)
    return kept


def _without_unused(calls: Sequence[Call], cost: Recorded) -> list[Call]:
    """Leave out calls whose result nobody needs."""
    needed, kept = {cost.storage}, []
    for call in reversed(calls):
        if call.output.storage in needed or call.output.storage.argument is not None:
            needed.update(_read(call))
            kept.append(call)
    return kept[::-1]


def _without_joins(calls: Sequence[Call]) -> tuple[list[Call], dict[Storage, Recorded]]:
    """Leave out copies into a part of a vector, where the part can be computed in its place."""
    pieces: dict[Storage, Recorded] = {}
    kept = []
    for call in calls:
        whole = call.output.storage
        if call.function is assign and whole.argument is None and call.output.views:
            (x,) = call.inputs
            if (
                isinstance(x, Recorded)
                and x.storage.argument is None
                and x.storage.writes == 1
                and x.storage not in pieces
                and x.storage.dtype == whole.dtype
                and _place(x) == (0, x.shape, (x.dtype.itemsize,))
                and x.size == _size(x.storage)
            ):
                pieces[x.storage] = call.output
                continue
        kept.append(call)
    return kept, pieces


def _runs(calls: Sequence[Call]) -> list[list[Call]]:
    """Group neighbouring elementwise calls on long vectors of the same length."""
    runs: list[list[Call]] = []
    for call in calls:
        n = _vector(call)
        if n and runs and _vector(runs[-1][-1]) == n:
            runs[-1].append(call)
        else:
            runs.append([call])
    return runs


def _vector(call: Call) -> int:
    """Return the length of the vectors of an elementwise call that is worth cutting, else 0."""
    if not call.elementwise or call.output.ndim != 1 or call.output.shape[0] < 4 * BLOCK:
        return 0
    n = int(call.output.shape[0])
    return n if all(x.size == 1 or x.shape == (n,) for x in call.inputs) else 0


class _Memory:
    """The memory of every temporary, from the call that makes it to the last that needs it."""

    def __init__(
        self, runs: Sequence[Sequence[Call]], pieces: dict[Storage, Recorded], cost: Recorded
    ) -> None:
        self._flat: dict[Storage, NDArray] = {}
        self._blocks: set[Storage] = set()  # temporaries as long as a block, not as their vector
        self._free: dict[tuple[int, Any], list[NDArray]] = {}
        first, last = self._lives(runs, cost)
        for piece in pieces.values():  # a vector with parts computed in place is never shared
            whole = piece.storage
            self._flat.setdefault(whole, np.zeros(_size(whole), whole.dtype))
        for part, piece in pieces.items():
            self._flat[part] = self.array(piece)
        place = 0
        for number, run in enumerate(runs):
            for call in run:
                ending = [s for s in _read(call) if last[s] == (number, place)]
                over = [s for s in ending if _may_overwrite(call, s)]
                self._release(over)
                local = (
                    len(run) > 1
                    and first.get(call.output.storage) == last.get(call.output.storage, (0, 0))[0]
                )
                self._take(call.output.storage, local)
                self._release([s for s in ending if s not in over])
                place += 1

    def array(self, x: Any, block: slice | None = None) -> NDArray:
        """Return the NumPy array that a recorded one stands for, or a block of it."""
        if not isinstance(x, Recorded):
            array: NDArray = x
        elif x.storage in self._blocks:
            assert block is not None
            return self._flat[x.storage][: block.stop - block.start]
        else:
            storage = x.storage
            base = storage.argument
            if base is None:
                base = self._flat[storage].reshape(storage.shape)
            array = functools.reduce(lambda array, how: how(array), x.views, base)
        return array if block is None or array.size == 1 else array[block]

    @staticmethod
    def _lives(
        runs: Sequence[Sequence[Call]], cost: Recorded
    ) -> tuple[dict[Storage, int], dict[Storage, tuple[int, int]]]:
        """Return the run that first writes to each storage, and run and call that need it last."""
        first: dict[Storage, int] = {}
        last: dict[Storage, tuple[int, int]] = {}
        place = 0
        for number, run in enumerate(runs):
            for call in run:
                first.setdefault(call.output.storage, number)
                for storage in (*_read(call), call.output.storage):
                    last[storage] = (number, place)
                place += 1
        last[cost.storage] = (len(runs), place)
        return first, last

    def _take(self, storage: Storage, local: bool) -> None:
        if storage.argument is not None or storage in self._flat:
            return
        size = min(BLOCK, _size(storage)) if local else _size(storage)
        free = self._free.get((size, storage.dtype))
        self._flat[storage] = free.pop() if free else np.zeros(size, storage.dtype)
        if local:
            self._blocks.add(storage)

    def _release(self, storages: Sequence[Storage]) -> None:
        for storage in storages:
            if storage.argument is None:
                flat = self._flat[storage]
                if flat.base is None:  # a part of a vector is not memory of its own
                    self._free.setdefault((flat.size, flat.dtype), []).append(flat)


def _read(call: Call) -> set[Storage]:
    return {x.storage for x in call.inputs if isinstance(x, Recorded)}


def _size(storage: Storage) -> int:
    return math.prod(storage.shape)


def _place(x: Recorded) -> tuple[int, tuple[int, ...], tuple[int, ...]]:
    """Where in its storage a view begins, its shape and its strides."""
    base = np.empty(x.storage.shape, dtype=x.storage.dtype)
    array = functools.reduce(lambda array, how: how(array), x.views, base)
    begin = array.__array_interface__["data"][0] - base.__array_interface__["data"][0]
    return begin, array.shape, array.strides


def _may_overwrite(call: Call, storage: Storage) -> bool:
    """Whether the output may take an input's memory: element by element, in the same layout."""
    views = [x for x in call.inputs if isinstance(x, Recorded) and x.storage is storage]
    return call.elementwise and all(not x.views and x.shape == call.output.shape for x in views)
