"""A recorded step as a program: the same calls, over memory that is laid out once.

What a compiler does for a language, on a tape of NumPy calls: what is computed twice is computed
once, what nobody needs is left out, memory is used again as soon as it is free, and runs of
elementwise calls on long vectors go through the cache block by block.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from .record import Call, NDArray, Recorded, Storage, Tape, assign

#: Elements of a block: a handful of operands of this length stay in the caches together.
BLOCK = 2**16

#: A call with its arrays, ready to be made.
Bound = Callable[[], Any]


def compile_tape(tape: Tape, cost: Recorded) -> tuple[list[Bound], NDArray]:
    """Return the calls of the step, ready to be made in order, and where they leave the cost."""
    calls = _without_repeats(tape.calls, cost)
    calls = _without_unused(calls, cost)
    calls, parts = _without_joins(calls)
    runs = _runs(calls)
    memory = _Memory(runs, parts, cost)
    bound = [memory.bind(call, block) for run in runs for block in _blocks(run) for call in run]
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
                operands += [x.storage, _layout(x), version]
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
    parts: dict[Storage, Recorded] = {}
    kept = []
    for call in calls:
        whole = call.output.storage
        if call.function is assign and whole.argument is None and call.output.views:
            (x,) = call.inputs
            if (
                isinstance(x, Recorded)
                and x.storage.argument is None
                and x.storage.writes == 1
                and x.storage not in parts
                and x.storage.dtype == whole.dtype
                and _layout(x) == (0, x.shape, (x.dtype.itemsize,))
                and x.size == math.prod(x.storage.shape)
            ):
                parts[x.storage] = call.output
                continue
        kept.append(call)
    return kept, parts


def _runs(calls: Sequence[Call]) -> list[list[Call]]:
    """Group neighbouring elementwise calls on large arrays of one shape."""
    runs: list[list[Call]] = []
    for call in calls:
        previous = runs[-1][-1] if runs else None
        if (
            previous is not None
            and _height(call) > 0
            and _height(previous) > 0
            and previous.output.shape == call.output.shape
        ):
            runs[-1].append(call)
        else:
            runs.append([call])
    return runs


def _blocks(run: Sequence[Call]) -> list[slice | None]:
    """Return the rows to take at a time; None for all of them."""
    height = _height(run[0])
    if height == 0:
        return [None]
    rows = int(run[0].output.shape[0])
    return [slice(start, min(start + height, rows)) for start in range(0, rows, height)]


def _height(call: Call) -> int:
    """Return how many rows of an elementwise call make a block; 0 where it is better left whole."""
    out = call.output
    if not call.elementwise or out.ndim == 0 or out.size < 4 * BLOCK:
        return 0
    if any(x.size > 1 and x.ndim != out.ndim for x in call.inputs):
        return 0
    return int(max(1, BLOCK * int(out.shape[0]) // out.size))


class _Memory:
    """The memory of every temporary, from the call that makes it to the last that needs it."""

    def __init__(
        self, runs: Sequence[Sequence[Call]], parts: dict[Storage, Recorded], cost: Recorded
    ) -> None:
        self._flat: dict[Storage, NDArray] = {}
        self._local: dict[Storage, NDArray] = {}  # as many rows as a block has
        self._free: dict[tuple[int, Any], list[NDArray]] = {}
        for part in parts.values():  # a vector with parts computed in place is never shared
            self._flat.setdefault(part.storage, _empty(part.storage))
        for storage, part in parts.items():
            self._flat[storage] = self.array(part)

        first: dict[Storage, int] = {}
        last: dict[Storage, Call | None] = {}
        for number, run in enumerate(runs):
            for call in run:
                first.setdefault(call.output.storage, number)
                last |= dict.fromkeys((*_read(call), call.output.storage), call)
        last[cost.storage] = None  # needed beyond the last call
        for number, run in enumerate(runs):
            self._place(run, {s for s in _written(run) if first[s] == number}, last)

    def _place(
        self, run: Sequence[Call], new: set[Storage], last: dict[Storage, Call | None]
    ) -> None:
        blocks = _height(run[0]) > 0
        # What is read in another layout than it is written may not change before the run is over
        viewed = {x.storage for call in run for x in _operands(call) if not _as_output(x, call)}
        later: set[Storage] = set()
        for call in run:
            ending = {s for s in _read(call) if last[s] is call}
            at_once = ending - viewed if call.elementwise else set()
            self._release(at_once)
            output = call.output.storage
            if output in new and output.argument is None and output not in self._flat:
                local = blocks and output not in viewed and last[output] in run
                if local:
                    shape = (_height(call), *output.shape[1:])
                    self._local[output] = np.zeros(shape, output.dtype)
                else:
                    self._take(output)
            new.discard(output)
            later |= ending - at_once
            if not blocks:
                self._release(later)
                later = set()
        self._release(later)

    def bind(self, call: Call, block: slice | None) -> Bound:
        """Return a call with its arrays, or with a block of their rows."""
        inputs = [self.array(x, block) for x in call.inputs]
        return call.bind(inputs, self.array(call.output, block))

    def array(self, x: Any, block: slice | None = None) -> NDArray:
        """Return the NumPy array that a recorded one stands for, or a block of its rows."""
        if isinstance(x, Recorded):
            storage = x.storage
            if storage in self._local:
                assert block is not None
                return self._local[storage][: block.stop - block.start]
            base = storage.argument
            if base is None:
                base = self._flat[storage].reshape(storage.shape)
            x = functools.reduce(lambda array, how: how(array), x.views, base)
        array: NDArray = x
        return array if block is None or array.ndim == 0 or array.shape[0] == 1 else array[block]

    def _take(self, storage: Storage) -> None:
        free = self._free.get((math.prod(storage.shape), storage.dtype))
        self._flat[storage] = free.pop() if free else _empty(storage)

    def _release(self, storages: Iterable[Storage]) -> None:
        for storage in storages:
            if storage.argument is None and storage not in self._local:
                flat = self._flat[storage]
                if flat.base is None:  # a part of a vector is not memory of its own
                    self._free.setdefault((flat.size, flat.dtype), []).append(flat)


def _empty(storage: Storage) -> NDArray:
    return np.zeros(math.prod(storage.shape), storage.dtype)


def _operands(call: Call) -> list[Recorded]:
    return [x for x in (*call.inputs, call.output) if isinstance(x, Recorded)]


def _read(call: Call) -> set[Storage]:
    return {x.storage for x in call.inputs if isinstance(x, Recorded)}


def _written(run: Sequence[Call]) -> set[Storage]:
    return {call.output.storage for call in run}


def _as_output(x: Recorded, call: Call) -> bool:
    """Whether an operand is a whole array in the very layout of the call's output."""
    return not x.views and x.shape == call.output.shape


def _layout(x: Recorded) -> tuple[int, tuple[int, ...], tuple[int, ...]]:
    """Where in its storage a view begins, its shape and its strides."""
    base = np.empty(x.storage.shape, dtype=x.storage.dtype)
    array = functools.reduce(lambda array, how: how(array), x.views, base)
    begin = array.__array_interface__["data"][0] - base.__array_interface__["data"][0]
    return begin, array.shape, array.strides
