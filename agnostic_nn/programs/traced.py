"""Arrays that know their shape and dtype alone, and the tape that their calls land on.

What has no form there (a decision on a value, a function outside the standard, memory written
through one name and read through another) raises `NotRecordable`.
"""

from __future__ import annotations

import operator
import weakref
from collections.abc import Callable
from typing import Any

from ..errors import NotRecordable
from .dtypes import DTYPES, DType, encoded, of_python_number, promoted
from .program import Call, Constant, Shape, Value

#: Why a function cannot be recorded that is not of the namespace.
ELSEWHERE = "a function that is not of the namespace it is given, such as np.exp"

#: Kinds of numbers in the order in which NumPy casts what is written in place.
_KINDS = ("bool", "unsigned integer", "signed integer", "real floating")


class Tape:
    """What is written while a function runs."""

    def __init__(self) -> None:
        self.namespace: Any = None  # the functions that write on this tape
        self.over = False
        self.refusal: str | None = None
        self.handles: list[weakref.ref[Traced]] = []
        self.values: list[Value] = []  # in the order in which they came about
        #: Plain arrays of the host that were read, with what they held: they must not change.
        self.read: list[tuple[memoryview, bytes]] = []
        self._constants: dict[Any, Constant] = {}

    def refused(self, reason: str) -> NotRecordable:
        """Return what is to be raised; whoever catches it does not make the recording right."""
        self.refusal = self.refusal or reason
        return NotRecordable(reason)

    def constant(self, shape: Shape, dtype: DType, data: bytes) -> Constant:
        """Return a constant, the same one for the same bytes."""
        key = (shape, dtype, data)
        return self._constants.setdefault(key, Constant(shape, dtype, data))

    def number(self, number: Any, dtype: DType) -> Constant:
        """Return a Python number as a constant."""
        return self.constant((), dtype, encoded(number, dtype))

    def numbers(self, numbers: tuple[Any, ...], dtype: DType) -> Constant:
        """Return a tuple of floats, or of tuples of them and so on, as a constant."""
        shape: Shape = ()
        flat: list[Any] = [numbers]
        while flat and isinstance(flat[0], tuple):
            lengths = {len(each) if isinstance(each, tuple) else -1 for each in flat}
            if len(lengths) > 1:
                raise self.refused("xp.asarray of tuples that differ in length")
            shape = (*shape, *lengths)
            flat = [x for each in flat for x in each]
        if not all(type(x) is float for x in flat):
            raise self.refused("xp.asarray of a tuple of anything but floats")
        return self.constant(shape, dtype, b"".join(encoded(x, dtype) for x in flat))

    def new(self, value: Value) -> Traced:
        """Return an array that has memory of its own."""
        return Traced(self, value, Memory())

    def value(self, x: Any) -> Value:
        """Return what an array is at this moment: one of ours, or a plain one of the host."""
        if isinstance(x, Traced):
            return x.value(self)
        try:
            numbers = memoryview(x)
            data = numbers.tobytes()
        except TypeError:
            raise self.refused(f"{_kind(x)} among the arrays of a step") from None
        dtype = next((d for d in DTYPES.values() if _same_format(d, numbers)), None)
        if dtype is None:
            raise self.refused(f"an array of numbers of the format {numbers.format!r}")
        if not numbers.readonly or numbers.ndim > 0:  # and no number of NumPy's
            self.read.append((numbers, data))
        return self.constant(tuple(numbers.shape or ()), dtype, data)

    def together(self, *operands: Any) -> list[Value]:
        """Return arrays and Python numbers as values of the one dtype that holds them all."""
        values = [None if is_number(x) else self.value(x) for x in operands]
        common: DType | None = None
        for value in values:
            if value is not None:
                common = value.dtype if common is None else promoted(common, value.dtype)
        beside = common
        for x in operands:
            if is_number(x):
                dtype = of_python_number(x, beside)
                common = dtype if common is None else promoted(common, dtype)
        assert common is not None
        return [
            self.number(x, common) if value is None else self.cast(value, common)
            for x, value in zip(operands, values, strict=True)
        ]

    def cast(self, value: Value, dtype: DType) -> Value:
        """Return the same numbers in another dtype."""
        if value.dtype == dtype:
            return value
        return Call(value.shape, dtype, "astype", (value,), (("dtype", dtype),))

    def shape_of(self, *shapes: Shape) -> Shape:
        """Return the shape of arrays that meet element by element."""
        ndim = max(map(len, shapes))
        result = [1] * ndim
        for shape in shapes:
            for axis, n in enumerate(shape, start=ndim - len(shape)):
                if n != 1:
                    if result[axis] not in (1, n):
                        raise self.refused(
                            f"the shapes {' and '.join(map(str, shapes))} do not fit"
                        )
                    result[axis] = n
        return tuple(result)


class Memory:
    """What several arrays may be views of; counts how often it was written to."""

    writes = 0


def _operator(function: str) -> Callable[[Any, Any], Any]:
    def method(self: Traced, other: Any) -> Any:
        return self.namespace.call(function, self, other)

    return method


def _reflected(function: str) -> Callable[[Any, Any], Any]:
    def method(self: Traced, other: Any) -> Any:
        return self.namespace.call(function, other, self)

    return method


def _in_place(function: str) -> Callable[[Any, Any], Any]:
    def method(self: Traced, other: Any) -> Any:
        return self.become(self.namespace.call(function, self, other))

    return method


def _unary(function: str) -> Callable[[Any], Any]:
    def method(self: Traced) -> Any:
        return self.namespace.call(function, self)

    return method


class Traced:
    """An array that is being recorded: a name for a value, which an operator in place changes."""

    device = "cpu"  # for the standard's sake; whoever reads the program decides where it runs
    __array_ufunc__ = None  # NumPy's arrays leave operators to this class
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, tape: Tape, value: Value, memory: Memory, *, view: bool = False) -> None:
        self._tape, self._value, self._memory, self._view = tape, value, memory, view
        self._writes = memory.writes
        tape.handles.append(weakref.ref(self))
        tape.values.append(value)

    @property
    def namespace(self) -> Any:
        """The functions that write on its tape."""
        return self._tape.namespace

    def __array_namespace__(self, *, api_version: str | None = None) -> Any:
        del api_version
        return self.namespace

    def value(self, tape: Tape) -> Value:
        """Return the value that this is a name for, at this moment."""
        if tape is not self._tape or tape.over:
            raise tape.refused("an array of a recording that is over")
        if self._writes != self._memory.writes:
            raise tape.refused("an array that was changed through another name, and then read")
        return self._value

    def view_of(self, value: Value) -> Traced:
        """Return a value that may lie in the memory of this array."""
        return Traced(self._tape, value, self._memory, view=True)

    def become(self, result: Traced) -> Traced:
        """Take over a result, as an operator in place does: every name of this array sees it."""
        tape, value = self._tape, result.value(self._tape)
        if self._view:
            raise tape.refused("an operator in place on a view of another array, or on a minibatch")
        if value.shape != self.shape:
            raise tape.refused(
                f"an operator in place that makes {self.shape} an array of {value.shape}"
            )
        if _KINDS.index(value.dtype.kind) > _KINDS.index(self.dtype.kind):
            raise tape.refused(f"an operator in place that puts {value.dtype} into {self.dtype}")
        value = tape.cast(value, self.dtype)
        self._memory.writes += 1
        if self.ndim == 0:  # where a number is no array, its other names go on having the old one
            return tape.new(value)
        self._value, self._writes = value, self._memory.writes
        tape.values.append(value)
        return self

    # What is known of it

    shape = property(lambda self: self._value.shape)
    dtype = property(lambda self: self._value.dtype)
    ndim = property(lambda self: len(self._value.shape))
    size = property(lambda self: self._value.size)
    T = property(lambda self: self.namespace.permute_dims(self, range(self.ndim)[::-1]))
    mT = property(lambda self: self.namespace.matrix_transpose(self))

    def __len__(self) -> int:
        return int(self.shape[0])

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise self._tape.refused(f".{name}, which arrays of the standard do not have")

    def __getitem__(self, key: Any) -> Any:
        return self.namespace.getitem(self, key)

    def __setitem__(self, key: Any, value: Any) -> None:
        raise self._tape.refused("a part of an array that is written to")

    def _decide(self, *_: Any, **__: Any) -> Any:
        raise self._tape.refused(
            "a decision, or a Python number, that depends on an array's values"
        )

    __bool__ = __float__ = __int__ = __index__ = __complex__ = __iter__ = __contains__ = _decide

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise self._tape.refused(ELSEWHERE)

    __add__, __radd__, __iadd__ = _operator("add"), _reflected("add"), _in_place("add")
    __sub__, __rsub__ = _operator("subtract"), _reflected("subtract")
    __isub__ = _in_place("subtract")
    __mul__, __rmul__ = _operator("multiply"), _reflected("multiply")
    __imul__ = _in_place("multiply")
    __truediv__, __rtruediv__ = _operator("divide"), _reflected("divide")
    __itruediv__ = _in_place("divide")
    __floordiv__, __rfloordiv__ = _operator("floor_divide"), _reflected("floor_divide")
    __ifloordiv__ = _in_place("floor_divide")
    __mod__, __rmod__, __imod__ = (
        _operator("remainder"),
        _reflected("remainder"),
        _in_place("remainder"),
    )
    __pow__, __rpow__, __ipow__ = _operator("pow"), _reflected("pow"), _in_place("pow")
    __and__, __rand__ = _operator("bitwise_and"), _reflected("bitwise_and")
    __iand__ = _in_place("bitwise_and")
    __or__, __ror__ = _operator("bitwise_or"), _reflected("bitwise_or")
    __ior__ = _in_place("bitwise_or")
    __xor__, __rxor__ = _operator("bitwise_xor"), _reflected("bitwise_xor")
    __ixor__ = _in_place("bitwise_xor")
    __lshift__, __rlshift__ = _operator("bitwise_left_shift"), _reflected("bitwise_left_shift")
    __ilshift__ = _in_place("bitwise_left_shift")
    __rshift__, __rrshift__ = _operator("bitwise_right_shift"), _reflected("bitwise_right_shift")
    __irshift__ = _in_place("bitwise_right_shift")
    __matmul__, __rmatmul__ = _operator("matmul"), _reflected("matmul")
    __imatmul__ = _in_place("matmul")
    __lt__, __le__ = _operator("less"), _operator("less_equal")
    __gt__, __ge__ = _operator("greater"), _operator("greater_equal")
    __eq__, __ne__ = _operator("equal"), _operator("not_equal")
    __neg__, __pos__, __abs__ = _unary("negative"), _unary("positive"), _unary("abs")
    __invert__ = _unary("bitwise_invert")


def is_number(x: Any) -> bool:
    """Whether it is a number of Python's own, which has no dtype of its own."""
    return type(x) in (bool, int, float)


def whole(tape: Tape, x: Any, what: str) -> int:
    """Return a whole number that is none of an array's values."""
    if isinstance(x, (bool, Traced)):
        raise tape.refused(f"{what} that is no plain whole number")
    try:
        return operator.index(x)
    except TypeError:
        raise tape.refused(f"{what} that is no plain whole number") from None


def _same_format(dtype: DType, numbers: memoryview) -> bool:
    code = {"l": "q", "L": "Q"}.get(numbers.format, numbers.format)
    return dtype.code == code and numbers.itemsize * 8 == dtype.bits


def _kind(x: Any) -> str:
    kind = type(x)
    name = kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"
    return f"a thing of type {name}"
