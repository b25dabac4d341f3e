"""What a program may come to: bounds that hold however a machine rounds and orders its sums.

Interval arithmetic in float64 (Moore, "Interval Analysis", 1966), by the rules of `intervals`. What
hangs on something that may come to anything is not checked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ..namespace import Array, Namespace
from ..standard import ELEMENTWISE
from .intervals import CPU, Interval, Machine, Rules
from .program import Constant, Program, Shape, Value


def enclose(
    program: Program,
    arguments: Mapping[str, Array | Interval],
    at: Array,
    xp: Namespace,
    constant: Callable[[Constant], Array],
    machine: Machine = CPU,
) -> dict[str, Interval]:
    """Return bounds on the results of a program.

    Parameters
    ----------
    program : Program
    arguments : mapping of str to array or Interval
        Arrays are known exactly.
    at : int array, one axis
        Of vectors as long as theta only these places are looked at.
    xp : namespace
        Whose arrays the arguments are; one that has float64.
    constant : callable
        What makes an array of a constant.
    machine : Machine, optional
        What runs the program.

    Returns
    -------
    dict of str to Interval
        Floating-point results in float64.
    """
    rules = Rules(xp, constant, machine)
    results = list(program.results.values())
    shape = program.arguments[0].shape
    in_part, whole = _demand(program, shape)
    last = {value: call for call in program.calls for value in (*call.inputs, call)}
    wholes: dict[Value, Interval] = {}
    parts: dict[Value, Interval] = {}

    def place(value: Value, found: Interval) -> None:
        wholes[value] = found
        if value in in_part:
            low = xp.take(found.low, at, axis=0)
            parts[value] = Interval(low, low if found.known else xp.take(found.high, at, axis=0))

    for argument in program.arguments:
        given = arguments[argument.name]
        known = not isinstance(given, Interval)
        place(argument, rules.exactly(argument, given) if known else given)
    for value in {*(x for call in program.calls for x in call.inputs), *results}:
        if isinstance(value, Constant):
            place(value, rules.exactly(value, constant(value)))
    for call in program.calls:
        if call in whole:
            place(call, rules.apply(call, [wholes[value] for value in call.inputs]))
        elif call in in_part:
            inputs = [parts[x] if x.shape == shape else wholes[x] for x in call.inputs]
            parts[call] = rules.apply(call, inputs)
        for value in {*call.inputs, call}:
            if last[value] is call and value not in results:
                wholes.pop(value, None)
                parts.pop(value, None)
    return {
        name: rules.taken(parts[value] if value.shape == shape else wholes[value], value)
        for name, value in program.results.items()
    }


def _demand(program: Program, shape: Shape) -> tuple[set[Value], set[Value]]:
    """Tell the values of which some places are needed, and those that are needed whole."""
    in_part = {value for value in program.results.values() if value.shape == shape}
    whole = {value for value in program.results.values() if value.shape != shape}
    for call in reversed(program.calls):
        if call in in_part and call not in whole and call.function in ELEMENTWISE:
            for value in call.inputs:
                (in_part if value.shape == shape else whole).add(value)
        elif call in whole or call in in_part:
            whole.add(call)
            whole.update(call.inputs)
    return in_part, whole


def holds(interval: Interval, array: Array, xp: Namespace) -> bool:
    """Whether every number of an array lies in its interval; NaN does where anything may come."""
    array = xp.astype(array, interval.low.dtype)
    anything = (interval.low == -xp.inf) & (interval.high == xp.inf)
    return bool(xp.all(((interval.low <= array) & (array <= interval.high)) | anything))
