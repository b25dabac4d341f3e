"""A program as text: what it is given, one call a line, what comes of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .dtypes import DType, decoded
from .program import Constant, Program, Shape, Value
from .schedule import Schedule, schedule
from .views import Part, ends


def as_text(program: Program) -> str:
    """Return a program as people read it."""
    return "\n".join([*_lines(program), counted(schedule(program))])


def counted(ready: Schedule) -> str:
    """Return how much there is to compute, and how much memory it takes."""
    return f"{ready.calls} functions to compute, {ready.plan.bytes:,} bytes beside the arguments"


def _lines(program: Program) -> Iterator[str]:
    names: dict[Value, str] = {value: value.name for value in program.arguments}
    for argument in program.arguments:
        yield f"{argument.name}: {_kind(argument)}"
    for number, call in enumerate(program.calls, start=1):
        inputs = [_name(value, names) for value in call.inputs]
        if call.function == "getitem":
            text = inputs[0] + index_text(dict(call.options)["key"])
        else:
            options = [f"{name}={_option(option)}" for name, option in call.options]
            text = f"{call.function}({', '.join([*inputs, *options])})"
        names[call] = f"%{number}"
        yield f"%{number} = {text}: {_kind(call)}"
    for name, value in program.results.items():
        yield f"{name} <- {_name(value, names)}"


def _name(value: Value, names: dict[Value, str]) -> str:
    if not isinstance(value, Constant):
        return names[value]
    return str(decoded(value.data, value.dtype)) if value.shape == () else f"<{_kind(value)}>"


def _kind(value: Value) -> str:
    return f"{value.dtype} {shape_text(value.shape)}"


def _option(option: Any) -> str:
    return str(option) if isinstance(option, DType) else repr(option)


def shape_text(shape: Shape) -> str:
    """Return a shape as people write it: 64 x 200."""
    return " x ".join(map(str, shape)) if shape else "()"


def index_text(key: tuple[Part, ...]) -> str:
    """Return an index as people write it: [0:6400, None]."""
    texts = []
    for part in key:
        if isinstance(part, tuple):
            start, stop, step = ends(part)
            stop_text = "" if stop is None else str(stop)
            texts.append(f"{start}:{stop_text}" + (f":{step}" if step != 1 else ""))
        else:
            texts.append(str(part))
    return f"[{', '.join(texts)}]"
