"""Programs for any number of examples: what grows with them, seen by recording with several."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import NotRecordable
from .program import Constant, Program, Value

#: Numbers of examples to record with: three of them, so that what does not grow in a straight line
#: is seen, and none that a network's own sizes are likely to be.
NUMBERS = (10_007, 10_009, 10_037)


@dataclass(frozen=True)
class Size:
    """A size that grows with the examples: so much for each, and so much besides."""

    each: int
    besides: int


#: A shape for any number of examples.
Sizes = tuple[int | Size, ...]


@dataclass(frozen=True)
class Growing:
    """A program for any number of examples.

    Attributes
    ----------
    program : Program
        For the first of `NUMBERS`.
    shapes : dict of Value to Sizes
        The shape of each argument and of each call.
    options : dict of Value to dict
        The options of each call, with a `Size` for every number that grows.
    """

    program: Program
    shapes: Mapping[Value, Sizes]
    options: Mapping[Value, dict[str, Any]]

    def grows(self, value: Value) -> bool:
        """Whether a call depends by itself on the number of examples."""
        return _has_size(self.shapes[value]) or _has_size(self.options[value])


def growing(record: Callable[[int], Program]) -> Growing:
    """Record with several numbers of examples, and say what grows with them.

    Raises
    ------
    NotRecordable
        If it cannot be recorded, or does other things for other numbers of examples.
    """
    programs = [record(n) for n in NUMBERS]
    if len({len(program.calls) for program in programs}) > 1:
        raise NotRecordable("calls whose number depends on that of the examples")
    shapes: dict[Value, Sizes] = {}
    options: dict[Value, dict[str, Any]] = {}
    places: dict[Value, int] = {}
    for arguments in zip(*(program.arguments for program in programs), strict=True):
        shapes[arguments[0]] = _common([argument.shape for argument in arguments])
        places |= dict.fromkeys(arguments, len(places))
    for calls in zip(*(program.calls for program in programs), strict=True):
        first = calls[0]
        _check_same([call.function for call in calls])
        _check_same([call.dtype for call in calls])
        _check_same([len(call.inputs) for call in calls])
        for inputs in zip(*(call.inputs for call in calls), strict=True):
            _check_same([_what(value, places) for value in inputs])
        shapes[first] = _common([call.shape for call in calls])
        options[first] = _common([dict(call.options) for call in calls])
        places |= dict.fromkeys(calls, len(places))
    return Growing(programs[0], shapes, options)


def _what(value: Value, places: Mapping[Value, int]) -> Any:
    """Return what is the same in every recording of one value."""
    if isinstance(value, Constant):
        return value.dtype, value.data
    return places[value]


def _check_same(things: Sequence[Any]) -> None:
    if any(thing != things[0] for thing in things):
        raise NotRecordable("a result that depends on how many examples there are")


def _common(things: Sequence[Any]) -> Any:
    """Return what holds for any number of examples: equal things, or whole numbers that grow."""
    first = things[0]
    if isinstance(first, dict):
        _check_same([list(thing) for thing in things])
        return {name: _common([thing[name] for thing in things]) for name in first}
    if isinstance(first, tuple):
        _check_same([len(thing) for thing in things])
        return tuple(_common(each) for each in zip(*things, strict=True))
    if type(first) is int and any(thing != first for thing in things):
        each = (things[1] - first) // (NUMBERS[1] - NUMBERS[0])
        besides = [n - each * m for n, m in zip(things, NUMBERS, strict=True)]
        _check_same(besides)
        return Size(each, besides[0])
    _check_same(things)
    return first


def _has_size(thing: Any) -> bool:
    if isinstance(thing, dict):
        return any(map(_has_size, thing.values()))
    return any(map(_has_size, thing)) if isinstance(thing, tuple) else isinstance(thing, Size)
