"""One array for each dtype, in which every value of a program has a place that is known beforehand.

For readers that write a program out as source: what is compiled then knows every address, and what
cannot overlap.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ..errors import NotRecordable
from .memory import Buffer
from .program import Constant, Value
from .schedule import Schedule

#: Numbers between places where values begin: whole lines of a cache.
LINE = 16


class Piece(NamedTuple):
    """So many numbers of the array of a dtype."""

    array: str
    begin: int
    size: int


class Arena:
    """Where everything that a schedule computes with lies.

    Parameters
    ----------
    ready : Schedule
    dtypes : sequence of str
        Types that the reader has.

    Attributes
    ----------
    sizes : dict of str to int
        How many numbers the array of each dtype holds, as far as is known.
    arguments : dict of str to Piece
        Where each argument of the program lies.
    fixed : dict of Value to Piece
        Where what never changes is to lie, of what was asked for.
    """

    def __init__(self, ready: Schedule, dtypes: Sequence[str]) -> None:
        self.sizes = dict.fromkeys(dtypes, 0)
        self.fixed: dict[Value, Piece] = {}
        self._plan, self._once = ready.plan, set(ready.once)
        self._pieces: dict[Buffer | Value, Piece] = {}
        self.arguments = {x.name: self._piece(x, x) for x in ready.program.arguments}

    def place(self, value: Value) -> tuple[str, int]:
        """Return the array that a value lies in which is no view, and where it begins."""
        if value in self._plan.places:
            buffer, start = self._plan.places[value]
            array, begin, _ = self._piece(buffer.argument or buffer, buffer)
            return array, begin + start
        piece = self._piece(value, value)
        if isinstance(value, Constant) or value in self._once:
            self.fixed[value] = piece
        return piece.array, piece.begin

    def _piece(self, key: Buffer | Value, value: Buffer | Value) -> Piece:
        if key not in self._pieces:
            name = value.dtype.name
            if name not in self.sizes:
                raise NotRecordable(f"numbers of type {name}, which are not compiled")
            self._pieces[key] = Piece(name, self.sizes[name], value.size)
            self.sizes[name] += -(-value.size // LINE) * LINE
        return self._pieces[key]
