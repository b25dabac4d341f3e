"""The namespace that equations are recorded over: functions of the Array API standard 2024.12.

Each function says what shape and dtype come out. Nothing is computed, and what is not here cannot
be recorded.
"""

# ruff: noqa: D102 -- functions of the standard, which says what they and their arguments are

from __future__ import annotations

import math
from typing import Any

from ..standard import INTEGRAL, KIND_OF, UNARY
from .arranging import ArrangingNamespace
from .dtypes import BOOL, DTYPES, FLOAT64, INT64, DType, as_dtype, finfo, iinfo, isdtype
from .program import Call, Value
from .traced import Traced, is_number


class RecordingNamespace(ArrangingNamespace):
    """The functions, each of which leaves a call on the tape."""

    finfo, iinfo, isdtype = staticmethod(finfo), staticmethod(iinfo), staticmethod(isdtype)
    pi, e, inf, nan, newaxis = math.pi, math.e, math.inf, math.nan, None
    __name__ = __name__  # which array-api-compat asks for

    def __getattr__(self, name: str) -> Any:
        if name in DTYPES:
            return DTYPES[name]
        if name in KIND_OF:
            return lambda *arrays: self.call(name, *arrays)
        raise self._tape.refused(f"xp.{name}, which cannot be written down")

    # Element by element

    def call(self, function: str, *operands: Any) -> Traced:
        """Write down an elementwise function, or a product."""
        if function == "matmul":
            return self.matmul(*operands)
        tape, kind = self._tape, KIND_OF[function]
        if len(operands) != (1 if function in UNARY else 2):
            raise tape.refused(f"{len(operands)} arrays for xp.{function}")
        if all(map(is_number, operands)):
            raise tape.refused(f"xp.{function} of Python numbers alone")
        values = tape.together(*operands)
        dtype = values[0].dtype
        if function == "pow" and any(getattr(x, "dtype", None) == BOOL for x in operands):
            raise tape.refused("xp.pow of yes and no")
        allowed = {
            "numeric": dtype.kind != "bool",
            "floating": dtype.floating or function == "divide",
            "test": dtype.kind != "bool",
            "either": True,
            "logical": dtype.kind == "bool",
            "bitwise": not dtype.floating,
            "shift": dtype.kind in INTEGRAL,
        }[kind]
        if not allowed:
            raise tape.refused(f"xp.{function} of numbers of type {dtype}")
        if function == "divide" and not dtype.floating:
            dtype = FLOAT64
            values = [tape.cast(value, dtype) for value in values]
        result = BOOL if kind in ("test", "either", "logical") else dtype
        shape = tape.shape_of(*(value.shape for value in values))
        return tape.new(Call(shape, result, function, tuple(values)))

    def where(self, condition: Any, x1: Any, x2: Any) -> Traced:
        chosen = self._tape.value(condition)
        if chosen.dtype != BOOL:
            raise self._tape.refused(f"xp.where on a condition of type {chosen.dtype}")
        values = self._tape.together(x1, x2)
        shape = self._tape.shape_of(chosen.shape, *(value.shape for value in values))
        return self._tape.new(Call(shape, values[0].dtype, "where", (chosen, *values)))

    def clip(self, x: Any, min: Any = None, max: Any = None) -> Traced:
        if any(isinstance(bound, Traced) or not (bound is None or is_number(bound))
               for bound in (min, max)):  # fmt: skip
            raise self._tape.refused("xp.clip to an array")
        value = self._tape.value(x)
        if value.dtype == BOOL:
            raise self._tape.refused("xp.clip of yes and no")
        for bound in (min, max):  # a bound never changes the dtype
            if bound is not None and isinstance(bound, float) and not value.dtype.floating:
                raise self._tape.refused(f"xp.clip of {value.dtype} to {bound!r}")
        if min is not None:
            x = self.call("maximum", x, min)
        if max is not None:
            x = self.call("minimum", x, max)
        return self.call("positive", x) if min is max is None else x

    def astype(self, x: Traced, dtype: Any, *, copy: bool = True, device: Any = None) -> Traced:
        value, dtype = self._tape.value(x), as_dtype(dtype)
        if value.dtype == dtype and not copy:
            return x
        if value.dtype == dtype:  # the same numbers, in memory of their own
            return self._tape.new(value)
        return self._tape.new(self._tape.cast(value, dtype))

    # Products

    def matmul(self, x1: Any, x2: Any) -> Traced:
        if is_number(x1) or is_number(x2):
            raise self._tape.refused("xp.matmul of a Python number")
        a, b = self._tape.together(x1, x2)
        if not a.shape or not b.shape or a.dtype == BOOL:
            raise self._tape.refused(f"xp.matmul of {a.dtype} {a.shape} and {b.shape}")
        left = a.shape if len(a.shape) > 1 else (1, *a.shape)
        right = b.shape if len(b.shape) > 1 else (*b.shape, 1)
        if left[-1] != right[-2]:
            raise self._tape.refused(f"xp.matmul of the shapes {a.shape} and {b.shape}")
        shape = self._tape.shape_of(left[:-2], right[:-2]) if len(left) + len(right) > 4 else ()
        shape += (left[-2],) * (len(a.shape) > 1) + (right[-1],) * (len(b.shape) > 1)
        return self._tape.new(Call(shape, a.dtype, "matmul", (a, b)))

    def vecdot(self, x1: Any, x2: Any, *, axis: int = -1) -> Traced:
        return self.sum(self.call("multiply", x1, x2), axis=axis)

    # Sums and their like

    def sum(self, x: Any, *, axis: Any = None, dtype: Any = None, keepdims: bool = False) -> Traced:
        return self._added_up("sum", x, axis, dtype, keepdims)

    def prod(
        self, x: Any, *, axis: Any = None, dtype: Any = None, keepdims: bool = False
    ) -> Traced:
        return self._added_up("prod", x, axis, dtype, keepdims)

    def _added_up(self, function: str, x: Any, axis: Any, dtype: Any, keepdims: bool) -> Traced:
        value = self._tape.value(x)
        if dtype is not None:
            value = self._tape.cast(value, as_dtype(dtype))
        elif not value.dtype.floating:  # narrow whole numbers are added up in wide ones
            wide = "uint64" if value.dtype.kind == "unsigned integer" else "int64"
            value = self._tape.cast(value, DTYPES[wide])
        return self._reduced(function, value, axis, keepdims, value.dtype)

    def mean(self, x: Any, *, axis: Any = None, keepdims: bool = False) -> Traced:
        return self._of_floats("mean", x, axis, keepdims)

    def var(
        self, x: Any, *, axis: Any = None, correction: float = 0.0, keepdims: bool = False
    ) -> Traced:
        return self._of_floats("var", x, axis, keepdims, ("correction", float(correction)))

    def std(
        self, x: Any, *, axis: Any = None, correction: float = 0.0, keepdims: bool = False
    ) -> Traced:
        return self._of_floats("std", x, axis, keepdims, ("correction", float(correction)))

    def _of_floats(self, function: str, x: Any, axis: Any, keepdims: bool, *more: Any) -> Traced:
        value = self._tape.value(x)
        if not value.dtype.floating:
            raise self._tape.refused(f"xp.{function} of numbers of type {value.dtype}")
        return self._reduced(function, value, axis, keepdims, value.dtype, *more)

    def max(self, x: Any, *, axis: Any = None, keepdims: bool = False) -> Traced:
        return self._extreme("max", x, axis, keepdims)

    def min(self, x: Any, *, axis: Any = None, keepdims: bool = False) -> Traced:
        return self._extreme("min", x, axis, keepdims)

    def _extreme(self, function: str, x: Any, axis: Any, keepdims: bool) -> Traced:
        value = self._tape.value(x)
        axes = self._axes(value, axis)
        if value.dtype == BOOL or any(value.shape[each] == 0 for each in axes):
            raise self._tape.refused(f"xp.{function} of {value.dtype} {value.shape}")
        return self._reduced(function, value, axis, keepdims, value.dtype)

    def any(self, x: Any, *, axis: Any = None, keepdims: bool = False) -> Traced:
        return self._reduced("any", self._yes_or_no(x), axis, keepdims, BOOL)

    def all(self, x: Any, *, axis: Any = None, keepdims: bool = False) -> Traced:
        return self._reduced("all", self._yes_or_no(x), axis, keepdims, BOOL)

    def _yes_or_no(self, x: Any) -> Value:
        value = self._tape.value(x)
        if value.dtype != BOOL:
            raise self._tape.refused(f"xp.any or xp.all of numbers of type {value.dtype}")
        return value

    def _reduced(
        self, function: str, value: Value, axis: Any, keepdims: bool, dtype: DType, *more: Any
    ) -> Traced:
        axes = self._axes(value, axis)
        shape = tuple(
            1 if i in axes else n for i, n in enumerate(value.shape) if keepdims or i not in axes
        )
        options = (("axis", axes), ("keepdims", bool(keepdims)), *more)
        return self._tape.new(Call(shape, dtype, function, (value,), options))

    def argmax(self, x: Any, *, axis: int | None = None, keepdims: bool = False) -> Traced:
        return self._place("argmax", x, axis, keepdims)

    def argmin(self, x: Any, *, axis: int | None = None, keepdims: bool = False) -> Traced:
        return self._place("argmin", x, axis, keepdims)

    def _place(self, function: str, x: Any, axis: int | None, keepdims: bool) -> Traced:
        value = self._tape.value(x)
        if axis is None or value.dtype == BOOL or value.size == 0:
            raise self._tape.refused(f"xp.{function} of {value.dtype} {value.shape}, no axis")
        (axis,) = self._axes(value, axis)
        shape = (*value.shape[:axis], *((1,) * keepdims), *value.shape[axis + 1 :])
        options = (("axis", axis), ("keepdims", bool(keepdims)))
        return self._tape.new(Call(shape, INT64, function, (value,), options))

    def cumulative_sum(self, x: Any, *, axis: int | None = None) -> Traced:
        value = self._tape.value(x)
        if not value.dtype.floating:
            raise self._tape.refused(f"xp.cumulative_sum of numbers of type {value.dtype}")
        return self._along("cumulative_sum", value, axis)

    def sort(
        self, x: Any, *, axis: int = -1, descending: bool = False, stable: bool = True
    ) -> Traced:
        more = (("descending", bool(descending)), ("stable", bool(stable)))
        return self._along("sort", self._tape.value(x), axis, *more)

    def argsort(
        self, x: Any, *, axis: int = -1, descending: bool = False, stable: bool = True
    ) -> Traced:
        more = (("descending", bool(descending)), ("stable", bool(stable)))
        return self._along("argsort", self._tape.value(x), axis, *more, dtype=INT64)
