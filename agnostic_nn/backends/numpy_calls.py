"""A program as NumPy calls: over memory that is laid out once, ready to be made again and again.

Runs of elementwise calls on long vectors go through the cache block by block.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import array_api_compat.numpy as xp
import numpy as np

from ..programs.arena import Piece
from ..programs.dtypes import DType
from ..programs.evaluate import evaluate
from ..programs.program import Argument, Call, Constant, Program, Value
from ..programs.schedule import schedule
from ..programs.views import Layout

NDArray = np.ndarray[Any, Any]

#: A call with its arrays, ready to be made.
Bound = Callable[[], Any]

#: Numbers of a block: a handful of operands of this length stay in the caches together.
BLOCK = 2**16

_REDUCTIONS: dict[str, np.ufunc] = {
    "sum": np.add, "prod": np.multiply, "max": np.maximum, "min": np.minimum,
    "any": np.logical_or, "all": np.logical_and,
}  # fmt: skip


class NumPyCalls:
    """A program that runs in the memory of its arguments.

    Parameters
    ----------
    program : Program
    arguments : dict of str to array
        By name: contiguous arrays, which each run reads and, where a result has the argument's
        name, writes.

    Attributes
    ----------
    calls : list of callable
        What a run does, in order.
    results : dict of str to array
        Where a run leaves what is no argument's.
    plan : Plan
        Where every value lies.
    """

    def __init__(self, program: Program, arguments: Mapping[str, NDArray]) -> None:
        ready = schedule(program, _height)
        self.plan, self._layouts, self._parts = ready.plan, ready.layouts, ready.parts
        self._fixed = {
            value: np.asarray(array, order="C")
            for value, array in evaluate(ready.once, {}, xp, constant).items()
        }
        self._memory = {
            buffer: np.zeros(buffer.size, numpy_dtype(buffer.dtype)) for buffer in self.plan.buffers
        }
        self._arguments = {value: arguments[value.name] for value in program.arguments}
        self.calls = [
            bound
            for run, height in zip(ready.runs, ready.heights, strict=True)
            for block in _blocks(run[0], height)
            for call in run
            for bound in self._bind(call, block)
        ]
        self.results = {
            name: self._array(value)
            for name, value in ready.program.results.items()
            if name not in arguments
        }
        self.calls += [*self._bind_results(), *self._bind_copies()]

    def __call__(self) -> None:
        """Make all calls."""
        for call in self.calls:
            call()

    # Where values lie

    def _array(self, value: Value, block: slice | None = None) -> NDArray:
        """Return the array that a value lies in, or a block of its rows."""
        layout = self._layouts[value]
        if value in self.plan.places and self.plan.places[value][0].local:
            assert block is not None
            rows = self._memory[self.plan.places[value][0]]
            height = block.stop - block.start
            return rows[: height * (value.size // value.shape[0])].reshape(height, *value.shape[1:])
        array = self._view(layout)
        return array if block is None else array[block]

    def _view(self, layout: Layout) -> NDArray:
        base, start = layout.base, 0
        if isinstance(base, Constant):
            memory = constant(base)
        elif base in self._fixed:
            memory = self._fixed[base]
        elif base in self.plan.places:
            buffer, start = self.plan.places[base]
            memory = (
                self._memory[buffer] if buffer.argument is None
                else self._arguments[buffer.argument]
            )  # fmt: skip
        else:
            assert isinstance(base, Argument)
            memory = self._arguments[base]
        width = memory.dtype.itemsize
        strides = [width * stride for stride in layout.strides]
        offset = width * (start + layout.offset)
        return np.ndarray(layout.shape, memory.dtype, memory, offset, strides)

    def _input(self, value: Value, call: Call, block: slice | None) -> NDArray:
        """Return what a call reads: of a block its rows, or what is the same for all rows."""
        aligned = len(value.shape) == len(call.shape) and value.shape[:1] == call.shape[:1]
        return self._array(value, block if aligned else None)

    # What calls become

    def _bind(self, call: Call, block: slice | None) -> Iterator[Bound]:
        out = self._array(call, block)
        inputs = [self._input(value, call, block) for value in call.inputs]
        if call.function == "concat":
            yield from self._bind_parts(call, inputs, out)
        elif call.function in _REDUCTIONS:
            yield _reduction(call, inputs[0], out)
        elif call.function == "matmul":
            yield _product(inputs[0], inputs[1], out)
        elif call.function == "where" and call.shape:
            condition, a, b = inputs
            yield from _chosen(condition, a, b, out)
        elif call.function == "astype":
            yield functools.partial(np.copyto, out, inputs[0], "unsafe")
        elif call.function == "reshape":
            yield functools.partial(np.copyto, out.reshape(inputs[0].shape), inputs[0])
        elif isinstance(function := getattr(xp, call.function), np.ufunc):
            yield _ufunc(function, call, inputs, out)
        else:
            options = {name: _option(value) for name, value in call.options}
            yield _copied(functools.partial(function, *inputs, **options), out)

    def _bind_parts(self, call: Call, inputs: Sequence[NDArray], out: NDArray) -> Iterator[Bound]:
        axis, start = dict(call.options)["axis"], 0
        for value, part in zip(call.inputs, inputs, strict=True):
            stop = start + part.shape[axis]
            at_home = self._parts.get(self._layouts[value].base, (None, 0))[0] is call
            if not (at_home and self._begins(value) == self._begins(call) + start * _row(call)):
                yield functools.partial(
                    np.copyto, out[(slice(None),) * axis + (slice(start, stop),)], part
                )
            start = stop

    def _begins(self, value: Value) -> int:
        return self.plan.places[self._layouts[value].base][1]

    def _bind_results(self) -> Iterator[Bound]:
        """Bring to safety what is a part of an argument, which is about to change."""
        for name, array in self.results.items():
            if any(np.may_share_memory(array, other) for other in self._arguments.values()):
                self.results[name] = np.empty_like(array, order="C")
                yield functools.partial(np.copyto, self.results[name], array)

    def _bind_copies(self) -> Iterator[Bound]:
        """Bring results home; first to safety what lies where another one belongs."""
        moves = []
        for value, argument in self.plan.copies:
            source, home = self._array(value), self._arguments[argument]
            if any(np.may_share_memory(source, other) for other in self._arguments.values()):
                safe = np.empty_like(source, order="C")
                yield functools.partial(np.copyto, safe, source)
                source = safe
            moves.append(functools.partial(np.copyto, home, source))
        yield from moves


def numpy_dtype(dtype: DType) -> np.dtype[Any]:
    """Return NumPy's dtype."""
    return np.dtype(dtype.name)


def constant(value: Constant) -> NDArray:
    """Return a constant as an array that refuses to be written to."""
    return np.frombuffer(value.data, numpy_dtype(value.dtype)).reshape(value.shape)


def fixed_values(
    fixed: Mapping[Value, Piece], once: Sequence[Call]
) -> Iterator[tuple[Piece, NDArray]]:
    """Yield where each value that never changes is to lie, and its numbers one after the other.

    Parameters
    ----------
    fixed : mapping of Value to Piece
        Constants, and results of `once`.
    once : sequence of Call
        What is computed from constants alone.
    """
    computed = evaluate(once, {}, xp, constant)
    for value, piece in fixed.items():
        array = constant(value) if isinstance(value, Constant) else computed[value]
        yield piece, array.reshape(-1)


def _row(call: Call) -> int:
    return call.size // call.shape[0] if call.shape[0] else 0


def _height(call: Call) -> int:
    """Return how many rows of an elementwise call make a block; 0 where it is better left whole."""
    if not call.elementwise or not call.shape or call.size < 4 * BLOCK:
        return 0
    return max(1, BLOCK * call.shape[0] // call.size)


def _blocks(call: Call, height: int) -> list[slice | None]:
    """Return the rows to take at a time; None for all of them."""
    if height == 0:
        return [None]
    rows = call.shape[0]
    return [slice(start, min(start + height, rows)) for start in range(0, rows, height)]


def _ufunc(function: np.ufunc, call: Call, inputs: Sequence[NDArray], out: NDArray) -> Bound:
    numbers = [isinstance(x, Constant) and x.shape == () for x in call.inputs]
    if function in (np.maximum, np.minimum):
        # of an array and a number they are three times as slow as of two arrays; and these alone
        # want a keyword
        full = [np.full(out.shape, x) if n else x for x, n in zip(inputs, numbers, strict=True)]
        return functools.partial(function, *full, out=out)
    if function is np.power and numbers[1] and inputs[1] == 2:  # as NumPy's ** does
        return functools.partial(np.square, inputs[0], out)
    return functools.partial(function, *inputs, out)  # a third faster than a keyword


def _chosen(condition: NDArray, a: NDArray, b: NDArray, out: NDArray) -> Iterator[Bound]:
    """Choose without a branch, by bits: b ^ ((a ^ b) * condition).

    NumPy's `where` asks for every number, and is ten times as slow where the answers are mixed.
    """
    a, b, out = (x.view(f"i{x.itemsize}") for x in (a, b, out))
    differing = np.empty_like(out, order="C") if np.may_share_memory(b, out) else out
    yield functools.partial(np.bitwise_xor, a, b, differing)
    yield functools.partial(np.multiply, differing, condition, differing)
    yield functools.partial(np.bitwise_xor, differing, b, out)


def _product(a: NDArray, b: NDArray, out: NDArray) -> Bound:
    if a.ndim == b.ndim == 2 and out.flags.c_contiguous:
        return functools.partial(np.dot, a, b, out)  # the same product, half a µs sooner
    return _copied(functools.partial(np.matmul, a, b), out) if out.ndim == 0 else (
        functools.partial(np.matmul, a, b, out)
    )  # fmt: skip


def _reduction(call: Call, x: NDArray, out: NDArray) -> Bound:
    options = dict(call.options)
    axes, keepdims = options["axis"], options["keepdims"]
    if (
        call.function == "sum"
        and x.ndim > 1
        and axes == (x.ndim - 1,)
        and x.dtype.char in "fd"
        and (x.ndim == 2 or x.flags.c_contiguous)
        and out.flags.c_contiguous
    ):
        # a product with ones adds up rows three times as fast as NumPy's own sum
        n = x.shape[-1]
        ones = np.ones((n, 1), x.dtype)
        return functools.partial(np.dot, x.reshape(-1, n), ones, out.reshape(-1, 1))
    axis = axes[0] if len(axes) == 1 else None if len(axes) == x.ndim else axes
    reduce: Any = _REDUCTIONS[call.function].reduce
    return functools.partial(reduce, x, axis, None, out, keepdims)


def _copied(function: Callable[[], Any], out: NDArray) -> Bound:
    return lambda: np.copyto(out, function())


def _option(value: Any) -> Any:
    return numpy_dtype(value) if isinstance(value, DType) else value
