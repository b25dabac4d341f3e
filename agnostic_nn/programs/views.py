"""Views: values that are others in another order, and where in memory their numbers lie."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from .program import Call, Shape, Value

#: The functions that make them. A `reshape` is one where the numbers lie in order already.
VIEWS = frozenset({"getitem", "permute_dims", "expand_dims", "squeeze", "flip", "broadcast_to"})

#: One part of an index: a place, a new axis, or (first place, how many, step).
Part = int | None | tuple[int, int, int]


@dataclass(frozen=True)
class Layout:
    """Where the numbers of a value lie: in the memory of `base`, from `offset` on.

    Offset and strides count numbers, not bytes. What is no view lies in its own memory in C order.
    """

    base: Value
    offset: int
    shape: Shape
    strides: tuple[int, ...]

    @property
    def whole(self) -> bool:
        """Whether these are all numbers of the base, in the order they lie in."""
        return (
            self.offset == 0
            and math.prod(self.shape) == self.base.size
            and in_order(self.shape, self.strides)
        )


class Layouts:
    """The layout of every value, worked out once."""

    def __init__(self) -> None:
        self._known: dict[Value, Layout] = {}

    def __getitem__(self, value: Value) -> Layout:
        if value not in self._known:
            self._known[value] = self._of(value)
        return self._known[value]

    def is_view(self, value: Value) -> bool:
        """Whether a value has no memory of its own."""
        return self[value].base is not value

    def _of(self, value: Value) -> Layout:
        own = Layout(value, 0, value.shape, c_strides(value.shape))
        if not isinstance(value, Call) or value.function not in (*VIEWS, "reshape"):
            return own
        seen = self[value.inputs[0]]
        if value.size == 0:  # nothing, which lies nowhere
            return Layout(seen.base, 0, value.shape, own.strides)
        if value.function == "reshape":
            if not in_order(seen.shape, seen.strides):
                return own
            return Layout(seen.base, seen.offset, value.shape, c_strides(value.shape))
        offset, strides = _step(value, seen)
        return Layout(seen.base, seen.offset + offset, value.shape, tuple(strides))


def _step(view: Call, seen: Layout) -> tuple[int, list[int]]:
    """Return by how much a view moves the offset, and its strides."""
    options: dict[str, Any] = dict(view.options)
    offset, strides = 0, list(seen.strides)
    match view.function:
        case "permute_dims":
            strides = [strides[axis] for axis in options["axes"]]
        case "expand_dims":
            strides.insert(options["axis"], 0)
        case "squeeze":
            strides = [s for axis, s in enumerate(strides) if axis not in options["axis"]]
        case "flip":
            for axis in options["axis"]:
                offset += strides[axis] * (seen.shape[axis] - 1)
                strides[axis] = -strides[axis]
        case "broadcast_to":
            new = len(view.shape) - len(strides)
            kept = zip(strides, seen.shape, view.shape[new:], strict=True)
            strides = [0] * new + [0 if n != wanted else s for s, n, wanted in kept]
        case "getitem":
            given, strides = iter(strides), []
            for part in options["key"]:
                if part is None:
                    strides.append(0)
                    continue
                stride = next(given)
                if isinstance(part, tuple):
                    strides.append(stride * part[2])
                offset += stride * (part[0] if isinstance(part, tuple) else part)
    return offset, strides


def c_strides(shape: Shape) -> tuple[int, ...]:
    """Return the strides of an array in C order: the last axis varies fastest."""
    return tuple(math.prod(shape[axis + 1 :]) for axis in range(len(shape)))


def broadcast_strides(layout: Layout, shape: Shape) -> list[int]:
    """Return the strides of a value as one of that shape; 0 where it is the same for all."""
    own = zip(layout.strides, layout.shape, strict=True)
    return [0] * (len(shape) - len(layout.shape)) + [s if n > 1 else 0 for s, n in own]


def in_order(shape: Shape, strides: tuple[int, ...]) -> bool:
    """Whether numbers lie in C order without gaps; the stride of a single one does not matter."""
    if 0 in shape:
        return True
    wanted = c_strides(shape)
    return all(n == 1 or s == w for n, s, w in zip(shape, strides, wanted, strict=True))


def as_index(key: tuple[Part, ...]) -> tuple[Any, ...]:
    """Return an index as Python writes it."""
    return (*(slice(*ends(part)) if isinstance(part, tuple) else part for part in key), ...)


def ends(part: tuple[int, int, int]) -> tuple[int, int | None, int]:
    """Return start, stop and step of a slice."""
    start, length, step = part
    stop = start + length * step
    return start, None if stop < 0 else stop, step
