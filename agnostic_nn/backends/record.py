"""Recording a training step: the same equations, run once on arrays that write down each call.

NumPy lets an array type take over every operator and function it is given to, so the step runs
over the ordinary NumPy namespace; `Recorded` arrays compute as always and leave a `Call` on the
tape. `replay` makes of the tape a program that repeats the step without the equations' Python.

A step that looks at values (``if Z.max() > 0``) cannot be recorded; it is run as it stands.
"""

from __future__ import annotations

import functools
import inspect
import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import array_api_compat.numpy as xp
import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

NDArray = np.ndarray[Any, Any]


class NotRecordable(Exception):
    """The step does something that cannot be written down."""


@dataclass(eq=False)
class Storage:
    """Memory that recorded arrays are views of: an argument of the step, or a temporary."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    argument: NDArray | None = None  # None for a temporary
    writes: int = 0


@dataclass(eq=False)
class Call:
    """One call of the tape.

    `function` is a ufunc, or a binder: ``function(*inputs, out)`` returns what will compute it.
    """

    function: Callable[..., Any]
    inputs: list[Any]  # Recorded arrays, and constant arrays
    output: Recorded
    versions: tuple[int, ...]  # how often each input had been written to by then

    @property
    def elementwise(self) -> bool:
        """Whether any part of the output needs the same part of the inputs alone."""
        if isinstance(self.function, np.ufunc):
            return self.function.signature is None
        return self.function is assign

    def bind(self, inputs: Sequence[Any], out: NDArray) -> Callable[[], Any]:
        """Return the call with its arrays, ready to be made."""
        if not isinstance(self.function, np.ufunc):
            return self.function(*inputs, out)  # type: ignore[no-any-return]
        if self.function in (np.maximum, np.minimum):  # these alone want a keyword
            return functools.partial(self.function, *inputs, out=out)
        if self.function is np.matmul and out.ndim == 2 and out.flags.c_contiguous:
            return functools.partial(np.dot, *inputs, out)  # the same product, half a µs sooner
        return functools.partial(self.function, *inputs, out)  # a third faster than a keyword


@dataclass
class Tape:
    """All calls of a step, in order."""

    calls: list[Call] = field(default_factory=list)
    constants: dict[Any, NDArray] = field(default_factory=dict)

    def constant(self, value: Any, shape: tuple[int, ...], dtype: Any) -> NDArray:
        """Return an array of one number, the same array for the same number and shape."""
        key = (float(value), shape, np.dtype(dtype))
        if key not in self.constants:
            self.constants[key] = np.full(shape, value, dtype=dtype)
        return self.constants[key]

    def call(
        self,
        function: Callable[..., Any],
        inputs: Sequence[Any],
        value: NDArray,
        into: Recorded | None = None,
    ) -> Recorded:
        """Write down a call whose result is `value`, and return its output."""
        if into is None:
            value = np.array(value, order="C", copy=None)
            into = Recorded(self, Storage(value.shape, value.dtype), value)
        else:
            into.value[...] = value
        versions = tuple(x.storage.writes if isinstance(x, Recorded) else 0 for x in inputs)
        self.calls.append(Call(function, list(inputs), into, versions))
        into.storage.writes += 1
        return into

    def argument(self, array: NDArray) -> Recorded:
        """Return an argument of the step; only a copy of it is computed with."""
        return Recorded(self, Storage(array.shape, array.dtype, array), array.copy())


class Recorded(NDArrayOperatorsMixin):
    """An array whose operations are written down."""

    device = "cpu"

    def __init__(
        self,
        tape: Tape,
        storage: Storage,
        value: NDArray,
        views: tuple[Callable[[NDArray], NDArray], ...] = (),
    ) -> None:
        self.tape, self.storage, self.value, self.views = tape, storage, value, views

    shape = property(lambda self: self.value.shape)
    dtype = property(lambda self: self.value.dtype)
    ndim = property(lambda self: self.value.ndim)
    size = property(lambda self: self.value.size)
    T = property(lambda self: self.view(np.transpose))

    def view(self, how: Callable[[NDArray], NDArray]) -> Recorded:
        """Return other strides over the same memory."""
        return Recorded(self.tape, self.storage, how(self.value), (*self.views, how))

    def __getitem__(self, key: Any) -> Recorded:
        keys = key if isinstance(key, tuple) else (key,)
        if not all(k in (None, Ellipsis) or isinstance(k, (slice, int)) for k in keys):
            raise NotRecordable("indexing by an array")
        # with the ellipsis an integer gives a 0-d view, without it a number
        return self.view(operator.itemgetter(keys if Ellipsis in keys else (*keys, ...)))

    def _decide(self, *_: Any) -> Any:
        raise NotRecordable("a decision that depends on a value")

    __bool__ = __float__ = __int__ = __index__ = __array__ = __iter__ = _decide

    def astype(self, dtype: Any, copy: bool = True) -> Recorded:
        """Return the same numbers in another dtype."""
        if self.dtype == dtype and not copy:
            return self
        return self.tape.call(assign, [self], self.value.astype(dtype))

    def __array_ufunc__(
        self, function: np.ufunc, method: str, *operands: Any, **options: Any
    ) -> Recorded:
        (into,) = options.pop("out", (None,))
        if method != "__call__" or options or not isinstance(into, (Recorded, type(None))):
            raise NotRecordable(f"{function.__name__}.{method} with {sorted(options)}")
        value = function(*map(_value, operands))
        # NumPy takes a Python number twice as slowly as an array of the right dtype, and the
        # larger or smaller of an array and a number three times as slowly as that of two arrays
        kind = next(x.dtype for x in operands if isinstance(x, (Recorded, np.ndarray)))
        shape = value.shape if function in (np.maximum, np.minimum) else ()
        inputs = [
            x if isinstance(x, (Recorded, np.ndarray)) else self.tape.constant(x, shape, kind)
            for x in operands
        ]
        return self.tape.call(function, inputs, value, into)

    def __array_function__(
        self, function: Callable[..., Any], types: Any, args: Any, options: Any
    ) -> Any:
        del types
        options = {name: value for name, value in options.items() if value is not None}
        if function in _HANDLERS and _fits(_HANDLERS[function], args, options):
            return _HANDLERS[function](*args, **options)
        inside = [x for arg in args if isinstance(arg, (list, tuple)) for x in arg]
        if any(isinstance(x, Recorded) for x in (*inside, *options.values())):
            raise NotRecordable(f"{function.__name__} with arrays inside other arguments")
        value = function(*map(_value, args), **options)
        if "out" in options or not isinstance(value, (np.ndarray, np.generic)):
            raise NotRecordable(f"{function.__name__} does more than return an array")

        def bind(*inputs_and_out: Any) -> Callable[[], Any]:
            *inputs, out = inputs_and_out
            return lambda: np.copyto(out, function(*inputs, **options))

        return self.tape.call(bind, args, np.asarray(value))


def _fits(handler: Callable[..., Any], args: Any, options: Any) -> bool:
    try:
        inspect.signature(handler).bind(*args, **options)
    except TypeError:
        return False
    return True


def record(
    step: Callable[..., Any],
    state: Sequence[NDArray],
    batch: Sequence[NDArray | None],
    rates: NDArray,
    key: NDArray,
) -> tuple[Tape, Recorded]:
    """Run a training step once on copies, and return its tape and its cost.

    The arguments are the arrays that the repeated step will read from and write to.
    """
    tape = Tape()
    before = tuple(tape.argument(array) for array in state)
    rows = [None if array is None else tape.argument(array) for array in batch]
    numbers = tape.argument(rates)
    now = tuple(numbers[i] for i in range(rates.shape[0]))
    after, cost = step(before, rows, now, tape.argument(key), xp)
    for old, new in zip(before, after, strict=True):
        if new.storage is not old.storage:  # a rule that returned a fresh array
            tape.call(assign, [new], new.value, old)
    return tape, cost


def assign(value: NDArray, out: NDArray) -> Callable[[], Any]:
    """Bind a copy of numbers, whatever the dtypes."""
    return functools.partial(np.copyto, out, value, "unsafe")


def _value(x: Any) -> Any:
    return x.value if isinstance(x, Recorded) else x


# What NumPy's other functions leave on the tape


def _reshape(x: Recorded, shape: Any) -> Recorded:
    if not x.value.flags.c_contiguous:
        x = x.tape.call(assign, [x], x.value.copy())
    return x.view(lambda array: array.reshape(shape))


def _sum(x: Recorded, axis: Any = None, keepdims: bool = False) -> Recorded:
    value = np.sum(x.value, axis=axis, keepdims=keepdims)
    if x.ndim == 2 and keepdims and axis == 1 and x.dtype in (np.float32, np.float64):
        # a product with ones adds up rows three times as fast as NumPy's own sum
        return x.tape.call(np.matmul, [x, x.tape.constant(1.0, (x.shape[1], 1), x.dtype)], value)
    return x.tape.call(_reduction(np.add, axis, keepdims), [x], value)


def _max(x: Recorded, axis: Any = None, keepdims: bool = False) -> Recorded:
    value = np.max(x.value, axis=axis, keepdims=keepdims)
    return x.tape.call(_reduction(np.maximum, axis, keepdims), [x], value)


@functools.cache  # so that two reductions over the same axis are the same function
def _reduction(function: np.ufunc, axis: Any, keepdims: bool) -> Callable[..., Any]:
    def bind(array: NDArray, out: NDArray) -> Callable[[], Any]:
        return functools.partial(function.reduce, array, axis, None, out, keepdims)  # type: ignore[call-arg]

    return bind


def _concatenate(arrays: Sequence[Any], axis: int = 0) -> Recorded:
    tape = next(x.tape for x in arrays if isinstance(x, Recorded))
    value = np.concatenate([_value(x) for x in arrays], axis=axis)
    whole = Recorded(tape, Storage(value.shape, value.dtype), value)
    start = 0
    for x in arrays:  # one at a time, so that a part can be computed where it belongs
        stop = start + x.shape[axis]
        part = whole[(slice(None),) * axis + (slice(start, stop),)]
        tape.call(assign, [x], _value(x), part)
        start = stop
    return whole


#: These take the arguments the standard gives them; whatever else is asked of them, and every
#: other function, is called as it is and its result copied.
_HANDLERS: dict[Any, Callable[..., Any]] = {
    np.reshape: _reshape,
    np.sum: _sum,
    np.max: _max,
    np.concatenate: _concatenate,
    np.transpose: lambda x: x.T,
    # these depend on the shape alone: made once, never again
    np.ones_like: lambda x, **options: np.ones_like(x.value, **options),
    np.zeros_like: lambda x, **options: np.zeros_like(x.value, **options),
}
