"""A program: a computation written down as calls by the standard's names, with no library in it.

A value is what makes it: an argument, a constant, or the call of a function on other values, of
known shape and dtype. No value ever changes, so what a program means does not depend on where
its values are kept; a reader decides that, and knows no mathematics.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..standard import ELEMENTWISE
from .dtypes import DType

Shape = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Value:
    """An array that is known by shape and dtype alone."""

    shape: Shape
    dtype: DType

    @property
    def size(self) -> int:
        """How many numbers it holds."""
        return math.prod(self.shape)

    @property
    def bytes(self) -> int:
        """How much memory that takes."""
        return self.size * self.dtype.bits // 8


@dataclass(frozen=True, eq=False)
class Argument(Value):
    """A value that whoever runs the program hands over."""

    name: str


@dataclass(frozen=True, eq=False)
class Constant(Value):
    """A value that is always the same."""

    data: bytes = field(repr=False)


@dataclass(frozen=True, eq=False)
class Call(Value):
    """The value that a function of the standard makes of others.

    `inputs` are its positional arguments in the standard's order, `options` all others.
    """

    function: str
    inputs: tuple[Value, ...] = field(repr=False)  # of which each may be part of many
    options: tuple[tuple[str, Any], ...] = ()

    @property
    def elementwise(self) -> bool:
        """Whether any part of it needs the same part of its inputs alone."""
        return self.function in ELEMENTWISE


@dataclass(frozen=True)
class Program:
    """Calls in an order in which each finds its inputs made.

    Attributes
    ----------
    arguments : tuple of Argument
        What it is given.
    calls : tuple of Call
        What it computes.
    results : dict of str to Value
        What of all that is asked for, by name. A result that has an argument's name takes the
        argument's place when the program runs again.
    """

    arguments: tuple[Argument, ...]
    calls: tuple[Call, ...]
    results: Mapping[str, Value]

    def __str__(self) -> str:
        from .text import as_text  # which looks at values from above

        return as_text(self)

    def svg(self) -> str:
        """Return it as a picture, in SVG; notebooks show it by themselves.

        A row for each function that is computed, and a lane for each piece of memory: squares are
        written there, rings are read.
        """
        from .picture import as_svg  # likewise

        return as_svg(self)

    _repr_svg_ = svg


def reached(values: Iterable[Value]) -> list[Value]:
    """Return all values that these are made of, each after its inputs; these come last."""
    order: dict[Value, None] = {}
    waiting: list[tuple[Value, bool]] = [(value, False) for value in reversed(list(values))]
    while waiting:
        value, ready = waiting.pop()
        if value in order:
            continue
        if ready or not isinstance(value, Call):
            order[value] = None
        else:
            waiting.append((value, True))
            waiting += [(each, False) for each in reversed(value.inputs)]
    return list(order)
