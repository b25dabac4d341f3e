"""Memory by lifetime: where a value lies from the call that makes it to the last that reads it.

Values never change, so memory may be used again as soon as nobody needs what is in it, and that is
all that has to be right.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from .dtypes import DType
from .passes import aligned
from .program import Argument, Call, Value
from .views import Layouts


@dataclass(eq=False)
class Buffer:
    """A piece of memory: so many numbers of one dtype.

    Attributes
    ----------
    argument : Argument or None
        Whose memory it is, where it is not the reader's own.
    local : bool
        Whether it holds a block of its values at a time.
    """

    size: int
    dtype: DType
    argument: Argument | None = None
    local: bool = False


@dataclass
class Plan:
    """Where values lie, and what has to be copied at the end.

    Attributes
    ----------
    places : dict of Value to (Buffer, int)
        For every value with memory of its own; the number is where in the buffer it begins.
    copies : list of (Value, Argument)
        Results that did not come to be where they belong, which is in that argument's memory.
    """

    places: dict[Value, tuple[Buffer, int]] = field(default_factory=dict)
    copies: list[tuple[Value, Argument]] = field(default_factory=list)

    @property
    def buffers(self) -> list[Buffer]:
        """All buffers that a reader has to provide."""
        found = dict.fromkeys(buffer for buffer, _ in self.places.values())
        return [buffer for buffer in found if buffer.argument is None]

    @property
    def bytes(self) -> int:
        """How much memory they take."""
        return sum(buffer.size * buffer.dtype.bits // 8 for buffer in self.buffers)


def plan(
    runs: Sequence[Sequence[Call]],
    parts: Mapping[Value, tuple[Value, int]],
    results: Mapping[Argument, Value],
    kept: Sequence[Value],
    layouts: Layouts,
    heights: Sequence[int] | None = None,
) -> Plan:
    """Lay out the memory of all calls.

    Parameters
    ----------
    runs : sequence of sequences of Call
        In order, without views; of a run with a height the reader makes a block at a time.
    parts : mapping
        As `joins` finds them.
    results : mapping of Argument to Value
        What each argument's memory is to hold in the end.
    kept : sequence of Value
        What is to be read after the end.
    layouts : Layouts
    heights : sequence of int, optional
        How many numbers along the first axis make a block, for each run; 0 for all at once.
    """
    return _Planner(runs, parts, results, kept, layouts, heights or [0] * len(runs)).plan


class _Planner:
    def __init__(
        self,
        runs: Sequence[Sequence[Call]],
        parts: Mapping[Value, tuple[Value, int]],
        results: Mapping[Argument, Value],
        kept: Sequence[Value],
        layouts: Layouts,
        heights: Sequence[int],
    ) -> None:
        self.plan = Plan()
        self._layouts, self._parts = layouts, parts
        self._last = self._last_readers(runs)
        self._beyond = {self._unit(value) for value in (*results.values(), *kept)}
        self._wanted = self._wishes(runs, results)
        self._free: dict[tuple[int, DType, bool], list[Buffer]] = {}
        self._own = {argument: Buffer(argument.size, argument.dtype, argument)
                     for argument in results}  # fmt: skip
        #: Arguments whose numbers nobody needs any more: their memory may take the result.
        read = {unit for unit in self._last if isinstance(unit, Argument)}
        self._vacant = {x for x in results if x not in read and x not in self._beyond}
        for run, height in zip(runs, heights, strict=True):
            self._place_run(run, height)
        self.plan.copies = [
            (value, argument)
            for argument, value in results.items()
            if not self._is_home(value, argument)
        ]

    def _unit(self, value: Value) -> Value:
        """Return what lives and dies with a value: the array it is a view or a part of."""
        base = self._layouts[value].base
        while base in self._parts:
            base = self._parts[base][0]
        return base

    def _last_readers(self, runs: Sequence[Sequence[Call]]) -> dict[Value, Call]:
        """Return the last call that reads or writes each unit."""
        last: dict[Value, Call] = {}
        for run in runs:
            for call in run:
                for value in (*call.inputs, call):
                    last[self._unit(value)] = call
        return last

    def _wishes(
        self, runs: Sequence[Sequence[Call]], results: Mapping[Argument, Value]
    ) -> dict[Value, Argument]:
        """Return what would best be computed where a result belongs, and which result it is.

        That is the result itself, and what an elementwise call makes it of in place.
        """
        calls = {call for run in runs for call in run}
        wishes: dict[Value, Argument] = {}
        for argument, result in results.items():
            value: Value | None = self._layouts[result].base
            if not self._layouts[result].whole:
                continue
            while isinstance(value, Call) and value in calls and value not in wishes:
                if value in self._parts or value.shape != argument.shape:
                    break
                wishes[value] = argument
                value = next((x for x in value.inputs if self._dies_in(x, value)), None)
        return wishes

    def _dies_in(self, x: Value, call: Call) -> bool:
        return (
            self._unit(x) is x
            and x.dtype == call.dtype
            and aligned(x, call, self._layouts)
            and self._last.get(x) is call
            and x not in self._beyond
        )

    def _place_run(self, run: Sequence[Call], height: int) -> None:
        # What is read in another layout than it is written may not change before the run is over
        viewed = {
            self._unit(x) for call in run for x in call.inputs
            if not aligned(x, call, self._layouts)
        }  # fmt: skip
        later: list[Value] = []
        for call in run:
            ending = [
                unit
                for unit in dict.fromkeys(map(self._unit, call.inputs))
                if self._last[unit] is call and unit not in self._beyond
            ]
            self._release(unit for unit in ending if unit not in viewed)
            later += [unit for unit in ending if unit in viewed]
            unit = self._unit(call)
            if unit not in self.plan.places:
                inside = height > 0 and unit is call and self._last[unit] in run
                local = inside and unit not in viewed and unit not in self._beyond
                self.plan.places[unit] = (self._buffer(unit, height if local else 0), 0)
            if unit is not call:
                self.plan.places[call] = (self.plan.places[unit][0], self._start(call))
            if self._last[unit] is call and unit not in self._beyond:  # made for nobody
                later.append(unit)
        self._release(later)

    def _start(self, part: Value) -> int:
        start = 0
        while part in self._parts:
            part, offset = self._parts[part]
            start += offset
        return start

    def _buffer(self, unit: Value, height: int) -> Buffer:
        argument = self._wanted.get(unit)
        if argument is not None and argument in self._vacant:
            self._vacant.remove(argument)
            return self._own[argument]
        size = unit.size if height == 0 else height * (unit.size // unit.shape[0])
        free = self._free.get((size, unit.dtype, height > 0))
        return free.pop() if free else Buffer(size, unit.dtype, local=height > 0)

    def _release(self, units: object) -> None:
        for unit in units:  # type: ignore[attr-defined]
            if isinstance(unit, Argument):
                if unit in self._own:
                    self._vacant.add(unit)
            elif unit in self.plan.places:  # and not made once, before the first run
                buffer, _ = self.plan.places[unit]
                if buffer.argument is not None:
                    self._vacant.add(buffer.argument)
                else:
                    key = (buffer.size, buffer.dtype, buffer.local)
                    self._free.setdefault(key, []).append(buffer)

    def _is_home(self, value: Value, argument: Argument) -> bool:
        layout = self._layouts[value]
        if layout.base is argument:
            return layout.whole
        place = self.plan.places.get(layout.base)
        return layout.whole and place is not None and place[0] is self._own.get(argument)
