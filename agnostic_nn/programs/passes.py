"""What is common to all readers of programs: less to compute, and an order to compute it in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from .program import Call, Program, Value, reached
from .views import Layout, Layouts


def without_repeats(program: Program) -> Program:
    """Leave out calls whose result an earlier one has: the sigmoid of Z, forward and backward."""
    first: dict[Any, Call] = {}
    same: dict[Value, Value] = {}
    calls = []
    for call in program.calls:
        inputs = tuple(same.get(value, value) for value in call.inputs)
        key = (call.function, call.shape, call.dtype, inputs, call.options)
        if key not in first:
            first[key] = call if inputs == call.inputs else replace(call, inputs=inputs)
            calls.append(first[key])
        same[call] = first[key]
    results = {name: same.get(value, value) for name, value in program.results.items()}
    return Program(program.arguments, tuple(calls), results)


def without_unused(program: Program) -> Program:
    """Leave out calls whose result nobody needs."""
    needed = set(reached(program.results.values()))
    calls = tuple(call for call in program.calls if call in needed)
    return replace(program, calls=calls)


def simplified(program: Program) -> Program:
    """Leave out what need not be computed."""
    return without_unused(without_repeats(program))


def once_and_always(program: Program) -> tuple[list[Call], list[Call]]:
    """Tell the calls that no argument reaches, whose results never change, from all others."""
    changing: set[Value] = set(program.arguments)
    once: list[Call] = []
    always: list[Call] = []
    for call in program.calls:
        if changing.isdisjoint(call.inputs):
            once.append(call)
        else:
            changing.add(call)
            always.append(call)
    return once, always


def joins(calls: Sequence[Call], layouts: Layouts) -> dict[Value, tuple[Value, int]]:
    """Find values that can be computed in their place in a concatenation.

    Returns
    -------
    dict of Value to (Value, int)
        The concatenation that a value is a part of, and at which of its numbers it begins.
    """
    computed = {call for call in calls if not layouts.is_view(call)}
    places: dict[Value, tuple[Value, int]] = {}
    for whole in calls:
        if whole.function != "concat" or dict(whole.options)["axis"] != 0:
            continue
        start = 0
        for part in whole.inputs:
            layout = layouts[part]
            if layout.whole and layout.base in computed and layout.base not in places:
                places[layout.base] = (whole, start)
            start += part.size
    return places


def runs(calls: Sequence[Call], layouts: Layouts, long: Callable[[Call], bool]) -> list[list[Call]]:
    """Group neighbouring elementwise calls of one shape, which can be made block by block.

    A call joins a run if it reads what the run makes as it stands. What it reads through a view
    (a transpose, a row) has to be there whole, and ends the run.

    Parameters
    ----------
    calls : sequence of Call
        Without views, which are no work.
    layouts : Layouts
    long : callable
        Whether a call is worth cutting into blocks.
    """
    groups: list[list[Call]] = []
    for call in calls:
        run = groups[-1] if groups else []
        if (
            run
            and all(each.elementwise and long(each) for each in (call, run[-1]))
            and call.shape == run[-1].shape
            and _reads_as_it_stands(call, run, layouts)
        ):
            run.append(call)
        else:
            groups.append([call])
    return groups


def _reads_as_it_stands(call: Call, run: Sequence[Call], layouts: Layouts) -> bool:
    return all(layouts[x].base not in run or x in run for x in call.inputs)


def aligned(x: Value, call: Call, layouts: Layouts) -> bool:
    """Whether an elementwise call reads a number where it writes the one it makes of it."""
    layout: Layout = layouts[x]
    return call.elementwise and x.shape == call.shape and layout.whole
