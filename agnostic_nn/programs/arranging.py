"""Functions of the Array API standard that compute nothing: views, copies in order, new arrays."""

# ruff: noqa: D102 -- functions of the standard, which says what they and their arguments are

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ..standard import INTEGRAL
from .dtypes import FLOAT64, INT64, DType, as_dtype
from .program import Call, Shape, Value
from .traced import Tape, Traced, is_number, whole


class ArrangingNamespace:
    """What arranges numbers: each function leaves a call on the tape."""

    def __init__(self, tape: Tape) -> None:
        self._tape = tape

    # Views

    def getitem(self, x: Traced, key: Any) -> Traced:
        """Write down ``x[key]``: places, slices, new axes."""
        tape, value = self._tape, self._tape.value(x)
        keys = list(key) if isinstance(key, tuple) else [key]
        if any(isinstance(k, (Traced, list)) or hasattr(k, "shape") for k in keys):
            raise tape.refused("an index that is an array; xp.take takes one")
        dots = [i for i, k in enumerate(keys) if k is Ellipsis]
        taken = sum(k is not None and k is not Ellipsis for k in keys)
        if taken > len(value.shape) or len(dots) > 1:
            raise tape.refused(
                f"an index with {taken} places into an array of {len(value.shape)} axes"
            )
        rest = [slice(None)] * (len(value.shape) - taken)
        at = dots[0] if dots else len(keys)
        keys[at : at + len(dots)] = rest
        parts: list[Any] = []
        shape: list[int] = []
        sizes = iter(value.shape)
        for k in keys:
            if k is None:
                parts.append(None)
                shape.append(1)
            elif isinstance(k, slice):
                n = next(sizes)
                start, stop, step = k.indices(n)
                length = len(range(start, stop, step))
                parts.append((start if length else 0, length, step))
                shape.append(length)
            else:
                n, place = next(sizes), whole(tape, k, "an index")
                if not -n <= place < n:
                    raise tape.refused(f"the index {place} into an axis of {n}")
                parts.append(place % n)
        if all(part == (0, n, 1) for part, n in zip(parts, value.shape, strict=False)) and len(
            parts
        ) == len(value.shape):
            return x.view_of(value)
        return self._view(x, tuple(shape), "getitem", ("key", tuple(parts)))

    def permute_dims(self, x: Traced, axes: Sequence[int]) -> Traced:
        value = self._tape.value(x)
        order = tuple(self._axis(value, axis) for axis in axes)
        if sorted(order) != list(range(len(value.shape))):
            raise self._tape.refused(f"the axes {order} of an array of {len(value.shape)}")
        return self._view(x, tuple(value.shape[i] for i in order), "permute_dims", ("axes", order))

    def matrix_transpose(self, x: Traced) -> Traced:
        *first, last, end = range(x.ndim)
        return self.permute_dims(x, (*first, end, last))

    def moveaxis(self, x: Traced, source: Any, destination: Any) -> Traced:
        value = self._tape.value(x)
        sources, places = self._axes(value, source), self._axes(value, destination)
        order = [axis for axis in range(x.ndim) if axis not in sources]
        for place, axis in sorted(zip(places, sources, strict=True)):
            order.insert(place, axis)
        return self.permute_dims(x, order)

    def reshape(self, x: Traced, shape: Any, *, copy: bool | None = None) -> Traced:
        value = self._tape.value(x)
        given = shape if isinstance(shape, (tuple, list)) else (shape,)
        sizes = [whole(self._tape, n, "a shape") for n in given]
        known = math.prod(n for n in sizes if n != -1)
        if sizes.count(-1) == 1 and known:
            sizes = [value.size // known if n == -1 else n for n in sizes]
        if min(sizes, default=0) < 0 or math.prod(sizes) != value.size:
            raise self._tape.refused(f"an array of shape {value.shape} as one of {tuple(sizes)}")
        if copy:
            raise self._tape.refused("xp.reshape with copy=True")
        return self._view(x, tuple(sizes), "reshape", ("shape", tuple(sizes)))

    def expand_dims(self, x: Traced, *, axis: int = 0) -> Traced:
        value = self._tape.value(x)
        n, place = len(value.shape) + 1, whole(self._tape, axis, "an axis")
        if not -n <= place < n:
            raise self._tape.refused(f"the axis {place} of an array of {n}")
        shape = [*value.shape]
        shape.insert(place % n, 1)
        return self._view(x, tuple(shape), "expand_dims", ("axis", place % n))

    def squeeze(self, x: Traced, axis: Any) -> Traced:
        value = self._tape.value(x)
        axes = self._axes(value, axis)
        if any(value.shape[each] != 1 for each in axes):
            raise self._tape.refused(f"xp.squeeze of the axes {axes} of {value.shape}")
        shape = tuple(n for i, n in enumerate(value.shape) if i not in axes)
        return self._view(x, shape, "squeeze", ("axis", axes))

    def flip(self, x: Traced, *, axis: Any = None) -> Traced:
        value = self._tape.value(x)
        return self._view(x, value.shape, "flip", ("axis", self._axes(value, axis)))

    def broadcast_to(self, x: Traced, shape: Any) -> Traced:
        value = self._tape.value(x)
        wanted = tuple(whole(self._tape, n, "a shape") for n in shape)
        if self._tape.shape_of(value.shape, wanted) != wanted:
            raise self._tape.refused(f"an array of shape {value.shape} as one of {wanted}")
        return self._view(x, wanted, "broadcast_to", ("shape", wanted))

    def broadcast_arrays(self, *arrays: Traced) -> tuple[Traced, ...]:
        shape = self._tape.shape_of(*(self._tape.value(x).shape for x in arrays))
        return tuple(self.broadcast_to(x, shape) for x in arrays)

    def unstack(self, x: Traced, *, axis: int = 0) -> tuple[Traced, ...]:
        (axis,) = self._axes(self._tape.value(x), axis)
        before = (slice(None),) * axis
        return tuple(self.getitem(x, (*before, i)) for i in range(x.shape[axis]))

    def _view(self, x: Any, shape: Shape, function: str, *options: Any) -> Traced:
        value = self._tape.value(x)
        call = Call(shape, value.dtype, function, (value,), options)
        return x.view_of(call) if isinstance(x, Traced) else self._tape.new(call)

    # What moves numbers about

    def concat(self, arrays: Sequence[Any], *, axis: int | None = 0) -> Traced:
        values = self._tape.together(*arrays)
        if axis is None:
            arrays, axis = [self.reshape(self._tape.new(v), (-1,)) for v in values], 0
            values = [self._tape.value(x) for x in arrays]
        (axis,) = self._axes(values[0], axis)
        if len({(*v.shape[:axis], *v.shape[axis + 1 :]) for v in values}) > 1:
            raise self._tape.refused(f"xp.concat of the shapes {[v.shape for v in values]}")
        total = sum(value.shape[axis] for value in values)
        shape = (*values[0].shape[:axis], total, *values[0].shape[axis + 1 :])
        options = (("axis", axis),)
        return self._tape.new(Call(shape, values[0].dtype, "concat", tuple(values), options))

    def stack(self, arrays: Sequence[Any], *, axis: int = 0) -> Traced:
        n = len(self._tape.value(arrays[0]).shape) + 1
        return self.concat([self.expand_dims(x, axis=axis) for x in arrays], axis=axis % n)

    def take(self, x: Any, indices: Any, *, axis: int | None = None) -> Traced:
        value, places = self._tape.value(x), self._tape.value(indices)
        if axis is None and len(value.shape) != 1:
            raise self._tape.refused("xp.take without an axis")
        (axis,) = self._axes(value, 0 if axis is None else axis)
        if places.dtype.kind not in INTEGRAL or len(places.shape) != 1:
            raise self._tape.refused(f"xp.take of places {places.dtype} {places.shape}")
        shape = (*value.shape[:axis], *places.shape, *value.shape[axis + 1 :])
        return self._tape.new(Call(shape, value.dtype, "take", (value, places), (("axis", axis),)))

    def take_along_axis(self, x: Any, indices: Any, *, axis: int = -1) -> Traced:
        value, places = self._tape.value(x), self._tape.value(indices)
        (axis,) = self._axes(value, axis)
        rest = [(*v.shape[:axis], *v.shape[axis + 1 :]) for v in (value, places)]
        if places.dtype.kind not in INTEGRAL or rest[0] != rest[1]:
            raise self._tape.refused(f"xp.take_along_axis of places {places.dtype} {places.shape}")
        options = (("axis", axis),)
        call = Call(places.shape, value.dtype, "take_along_axis", (value, places), options)
        return self._tape.new(call)

    def roll(self, x: Any, shift: int, *, axis: int | None = None) -> Traced:
        value = self._tape.value(x)
        shift = whole(self._tape, shift, "a shift")
        return self._along("roll", value, axis, ("shift", shift))

    def tril(self, x: Any, *, k: int = 0) -> Traced:
        return self._triangle("tril", x, k)

    def triu(self, x: Any, *, k: int = 0) -> Traced:
        return self._triangle("triu", x, k)

    def _triangle(self, function: str, x: Any, k: int) -> Traced:
        value = self._tape.value(x)
        options = (("k", whole(self._tape, k, "a diagonal")),)
        return self._tape.new(Call(value.shape, value.dtype, function, (value,), options))

    # What makes arrays

    def asarray(
        self, obj: Any, *, dtype: Any = None, device: Any = None, copy: bool | None = None
    ) -> Traced:
        del device
        if isinstance(obj, list):
            raise self._tape.refused("xp.asarray of a list, which may change")
        if isinstance(obj, tuple):
            value: Value = self._tape.numbers(obj, FLOAT64 if dtype is None else as_dtype(dtype))
        elif is_number(obj):
            (value,) = self._tape.together(obj)
        else:
            value = self._tape.value(obj)
        if dtype is not None and value.dtype != as_dtype(dtype):
            return self._tape.new(self._tape.cast(value, as_dtype(dtype)))
        return obj if isinstance(obj, Traced) and not copy else self._tape.new(value)

    def full(self, shape: Any, fill_value: Any, *, dtype: Any = None, device: Any = None) -> Traced:
        del device
        sizes = shape if isinstance(shape, (tuple, list)) else (shape,)
        if not is_number(fill_value):
            raise self._tape.refused("xp.full of an array")
        (value,) = self._tape.together(fill_value)
        value = value if dtype is None else self._tape.number(fill_value, as_dtype(dtype))
        wanted = tuple(whole(self._tape, n, "a shape") for n in sizes)
        call = Call(wanted, value.dtype, "full", (value,), (("shape", wanted),))
        return self._tape.new(call)

    def zeros(self, shape: Any, *, dtype: Any = None, device: Any = None) -> Traced:
        return self.full(shape, 0.0, dtype=dtype, device=device)

    def ones(self, shape: Any, *, dtype: Any = None, device: Any = None) -> Traced:
        return self.full(shape, 1.0, dtype=dtype, device=device)

    def full_like(
        self, x: Traced, fill_value: Any, *, dtype: Any = None, device: Any = None
    ) -> Traced:
        return self.full(x.shape, fill_value, dtype=dtype or x.dtype, device=device)

    def zeros_like(self, x: Traced, *, dtype: Any = None, device: Any = None) -> Traced:
        return self.full_like(x, 0, dtype=dtype, device=device)

    def ones_like(self, x: Traced, *, dtype: Any = None, device: Any = None) -> Traced:
        return self.full_like(x, 1, dtype=dtype, device=device)

    def arange(
        self, start: Any, stop: Any = None, step: Any = 1, *, dtype: Any = None, device: Any = None
    ) -> Traced:
        del device
        start, stop = (0, start) if stop is None else (start, stop)
        first, end, by = (whole(self._tape, n, "xp.arange's end") for n in (start, stop, step))
        kind = INT64 if dtype is None else as_dtype(dtype)
        options = (("start", first), ("stop", end), ("step", by), ("dtype", kind))
        return self._tape.new(Call((len(range(first, end, by)),), kind, "arange", (), options))

    # Axes

    def _axis(self, value: Value, axis: Any) -> int:
        n, place = len(value.shape), whole(self._tape, axis, "an axis")
        if not -n <= place < n:
            raise self._tape.refused(f"the axis {place} of an array of {n}")
        return place % n

    def _axes(self, value: Value, axis: Any) -> tuple[int, ...]:
        if axis is None:
            return tuple(range(len(value.shape)))
        given = axis if isinstance(axis, (tuple, list)) else (axis,)
        return tuple(self._axis(value, each) for each in given)

    def _along(
        self, function: str, value: Value, axis: int | None, *more: Any, dtype: DType | None = None
    ) -> Traced:
        if axis is None:
            raise self._tape.refused(f"xp.{function} without an axis")
        (axis,) = self._axes(value, axis)
        options = (("axis", axis), *more)
        return self._tape.new(Call(value.shape, dtype or value.dtype, function, (value,), options))
