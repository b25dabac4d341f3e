"""A program as CUDA C: kernels and products over memory laid out once, for a GPU to repeat.

Neighbouring elementwise calls become one kernel, in which what nobody else needs never reaches
memory. A first kernel takes the rows of the minibatch and the numbers of the step, a last one keeps
the cost and counts the step: what changes is read from the device, so that all steps are the same
launches.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence

from ...errors import NotRecordable
from ...programs.arena import Arena
from ...programs.program import Argument, Call, Program, Value
from ...programs.schedule import Schedule, schedule
from ...programs.steps import DATA
from ...programs.views import broadcast_strides, c_strides
from .launches import Kernel, Launch, Launches, Product, Span, check, evenly_apart, leading
from .text import TYPES, Writing, expression, functions, number_text, type_of

#: The operation that makes one number of many, and what it begins with; None for one of them.
_REDUCTIONS: dict[str, tuple[str, str | None]] = {
    "sum": ("Sum", "0"), "mean": ("Sum", "0"), "var": ("Sum", "0"), "std": ("Sum", "0"),
    "prod": ("Product", "1"), "max": ("Largest", None), "min": ("Smallest", None),
    "any": ("Any", "false"), "all": ("All", "true"),
}  # fmt: skip

#: Threads of a block that adds up together, at most; shorter sums are one thread's.
TOGETHER, SHORT = 512, 64
#: Blocks that add up parts of very long sums, at most.
PARTS = 256


def launches_of(
    program: Program, data: Mapping[str, tuple[str, tuple[int, int]]], batch_size: int
) -> Launches:
    """Write a program for CUDA.

    Parameters
    ----------
    program : Program
        Of a training step, as `record_step` records it.
    data : mapping of str to (str, (int, int))
        The dtype of "X", "Y" and "weight", of those that there are, and how far apart in memory
        the numbers of a column and of a row are.
    batch_size : int
        Rows from one minibatch to the next.

    Raises
    ------
    NotRecordable
        If there is something in it that has no form here.
    """
    return _Writer(program, data, batch_size).launches


class _Writer:
    def __init__(
        self,
        program: Program,
        data: Mapping[str, tuple[str, tuple[int, int]]],
        batch_size: int,
    ) -> None:
        self.ready: Schedule = schedule(
            program, lambda call: int(call.elementwise and call.shape != ())
        )
        self.layouts, self.plan = self.ready.layouts, self.ready.plan
        self.arena = Arena(self.ready, list(TYPES))
        self.steps: list[Launch] = []
        self._begin(data, batch_size)
        for run in _scalars_together(self.ready.runs):
            self._run(run)
        self._end()
        self._copies()
        for launch in self.steps:
            check(launch, self.arena.sizes)
        kernels = [launch.text for launch in self.steps if isinstance(launch, Kernel)]
        text = "\n\n".join([functions(), f"typedef {self._index()} Index;", *kernels])
        self.launches = Launches(
            self.steps, text, self.arena.sizes, self.arena.arguments, self.arena.fixed,
            self.ready.once,
        )  # fmt: skip

    def _index(self) -> str:
        """Return the type of what counts numbers, of which a view may have more than memory."""
        spans = (span for launch in self.steps for span in (*launch.reads, *launch.writes))
        most = max([*self.arena.sizes.values(), *(math.prod(span.shape) for span in spans)])
        # a counter goes beyond what it counts by as many threads as there are
        return "int" if most < 2**30 else "int64"

    # Where values lie

    def span(self, value: Value, shape: tuple[int, ...] | None = None) -> Span:
        """Return where the numbers of a value lie, as those of one of that shape."""
        layout = self.layouts[value]
        shape = value.shape if shape is None else shape
        array, begin = self.arena.place(layout.base)
        strides = tuple(broadcast_strides(layout, shape))
        return Span(array, begin + layout.offset, shape, strides)

    def _writing(self, what: str) -> Writing:
        """Begin a kernel."""
        return Writing(f"k{len(self.steps)}_{what}", self.span)

    # What calls become

    def _run(self, run: Sequence[Call]) -> None:
        call = run[0]
        if call.size == 0:
            return
        if call.elementwise:
            self._elementwise(run)
        elif call.function == "matmul":
            self._product(call)
        elif call.function in _REDUCTIONS:
            self._reduction(call)
        elif call.function in ("argmax", "argmin", "cumulative_sum"):
            self._line(call)
        elif call.function == "concat":
            self._concat(call)
        elif call.function == "reshape":
            self._copy(self.span(call.inputs[0]), self.span(call))
        elif call.function in ("take", "take_along_axis", "roll"):
            self._moved(call)
        elif call.function in ("tril", "triu"):
            self._triangle(call)
        else:
            raise NotRecordable(f"xp.{call.function}, which is not compiled")

    def _elementwise(self, run: Sequence[Call]) -> None:
        first, last = run[0].function, run[-1].function
        kernel = self._writing(first if len(run) == 1 else f"{first}_to_{last}")
        names: dict[Value, str] = {}
        for call in run:
            given = []
            for x in call.inputs:
                if x not in names:
                    names[x] = kernel.read(x, call.shape)
                given.append(names[x])
            names[call] = f"v{len(names)}"
            kernel.line(f"const {type_of(call)} {names[call]} = {expression(call, given)};")
            base = call if call in self.plan.places else self.layouts[call].base
            if not self.plan.places[base][0].local:
                kernel.write(self.span(call), names[call])
        self.steps.append(kernel.each(run[0].size))

    def _product(self, call: Call) -> None:
        a, b = call.inputs
        if not call.dtype.floating:
            raise NotRecordable(f"xp.matmul of {call.dtype} {a.shape} and {b.shape}")
        many = call.shape[: len(call.shape) - (len(a.shape) > 1) - (len(b.shape) > 1)]
        left, right = self._matrices(a, many, "row"), self._matrices(b, many, "column")
        shape = (*many, left.shape[-2], right.shape[-1])
        array, begin = self.arena.place(call)
        product = Product(left, right, Span(array, begin, shape, c_strides(shape)))
        self.steps += evenly_apart(product)

    def _matrices(self, value: Value, many: tuple[int, ...], vector: str) -> Span:
        """Return where matrices lie; those whose numbers lie apart both ways are copied first."""
        matrices = _matrix(self.span(value), vector)
        if leading(matrices) is None:
            packed = Value(value.shape, value.dtype)  # a place of its own
            self._copy(self.span(value), self.span(packed))
            matrices = _matrix(self.span(packed), vector)
        return matrices.repeated(many)

    def _reduction(self, call: Call) -> None:
        (x,), axes = call.inputs, list(dict(call.options)["axis"])
        kept = [axis for axis in range(len(x.shape)) if axis not in axes]
        source, n = self.span(x), math.prod(x.shape[axis] for axis in axes)
        parts = min(n // (8 * TOGETHER), PARTS // call.size)
        if parts > 1 and call.function not in ("var", "std"):
            some = self.span(Value((call.size, parts), call.dtype))  # a place of its own
            self._reduced(call, source, kept, axes, some, parts)
            source, kept, axes = some, [0], [1]
        self._reduced(call, source, kept, axes, self.span(call))

    def _reduced(
        self, call: Call, source: Span, kept: list[int], axes: list[int], out: Span, parts: int = 1
    ) -> None:
        """Write what makes one number of those along axes, or of each of so many parts of them."""
        (x,), options = call.inputs, dict(call.options)
        n = math.prod(source.shape[axis] for axis in axes)
        together, threads = n >= SHORT, 32
        while threads < TOGETHER and threads * 8 * parts <= n:
            threads *= 2
        kernel = self._writing(call.function)
        number = kernel.element(source, {"i": kept, "j": axes})
        operation, begin = _REDUCTIONS[call.function]
        # one number twice changes nothing of the largest
        begin = begin or kernel.element(source, {"i": kept}, note=False)
        loop = f"j = 0; j < {n}; ++j"
        if together:
            block = f"blockIdx.x % {parts} * {threads} + " if parts > 1 else ""
            loop = f"j = {block}threadIdx.x; j < {n}; j += {threads * parts}"

        def made_one(name: str, number: str) -> None:
            kernel.line(f"{type_of(call)} {name} = {begin};")
            kernel.line(f"for (Index {loop}) {name} = xp::{operation}::of({name}, {number});")
            if together:
                kernel.line(f"{name} = xp::over_block<xp::{operation}, {threads}>({name});")

        made_one("total", number)
        result, of = "total", x.size // call.size
        if call.function in ("mean", "var", "std") and parts == 1:
            kernel.line(f"const {type_of(call)} mean = xp::divide(total, ({type_of(call)}){of});")
            result = "mean"
        if call.function in ("var", "std"):
            made_one("squares", f"xp::square(xp::subtract({number}, mean))")
            left = number_text(of - options["correction"], call.dtype)
            result = f"xp::divide(squares, {left})"
            result = f"xp::sqrt({result})" if call.function == "std" else result
        flat = Span(out.array, out.begin, (call.size * parts,), (1,))
        target = kernel.target(flat, "blockIdx.x" if together else "i")
        if together:
            kernel.line(f"if (threadIdx.x == 0) {target} = {result};")
            self.steps.append(kernel.blocks(call.size * parts, threads, parts))
        else:
            kernel.line(f"{target} = {result};")
            self.steps.append(kernel.each(call.size))

    def _line(self, call: Call) -> None:
        """Write a function that goes along an axis, one thread a line."""
        (x,), axis = call.inputs, dict(call.options)["axis"]
        n, kept = x.shape[axis], [k for k in range(len(x.shape)) if k != axis]
        lines = x.size // n
        kernel = self._writing(call.function)
        number = kernel.element(self.span(x), {"i": kept, "j": [axis]})
        if call.function == "cumulative_sum":
            target = kernel.element(self.span(call), {"i": kept, "j": [axis]}, write=True)
            kernel.line(f"{type_of(call)} total = 0;")
            kernel.line(f"for (Index j = 0; j < {n}; ++j) {target} = total = xp::add(total, "
                        f"{number});")  # fmt: skip
        else:
            better = "greater" if call.function == "argmax" else "less"
            kernel.line("int64 found = 0;")
            kernel.line("Index j = 0;")
            kernel.line(f"{type_of(x)} best = {number};")
            kernel.line(f"for (j = 1; j < {n}; ++j) {{")
            kernel.line(f"    const {type_of(x)} x = {number};")
            kernel.line(f"    if (xp::{better}(x, best) || (xp::isnan(x) && !xp::isnan(best))) {{ "
                        "best = x; found = j; }")  # fmt: skip
            kernel.line("}")
            out = self.span(call)
            target = kernel.target(Span(out.array, out.begin, (lines,), (1,)), "i")
            kernel.line(f"{target} = found;")
        self.steps.append(kernel.each(lines))

    def _moved(self, call: Call) -> None:
        """Write a function that takes numbers from another place along an axis."""
        (x, *places), options = call.inputs, dict(call.options)
        axis, shape = options["axis"], call.shape
        n, inner = x.shape[axis], math.prod(shape[axis + 1 :])
        kernel = self._writing(call.function)
        if call.function == "roll":
            k = f"i / {inner} % {n} - ({options['shift'] % n})"
        elif call.function == "take":
            span = self.span(places[0])
            kernel.line(f"const Index p = i / {inner} % {shape[axis]};")
            k = kernel.element(span, {"p": [0]})
        else:
            k = kernel.element(self.span(places[0]), {"i": list(range(len(shape)))})
        # from the end, and around it, as CuPy has it: nothing beyond is ever read
        kernel.line(f"const int64 k = ((int64){k} % {n} + {n}) % {n};")
        if axis > 0:
            kernel.line(f"const Index a = i / {inner * shape[axis]};")
        if axis < len(shape) - 1:
            kernel.line(f"const Index b = i % {inner};")
        rest = list(range(len(shape)))
        number = kernel.element(
            self.span(x), {"a": rest[:axis], "k": [axis], "b": rest[axis + 1 :]}
        )
        kernel.write(self.span(call), number)
        self.steps.append(kernel.each(call.size))

    def _triangle(self, call: Call) -> None:
        rows, columns = call.shape[-2:]
        kernel = self._writing(call.function)
        sign = "<=" if call.function == "tril" else ">="
        inside = f"i % {columns} - i / {columns} % {rows} {sign} {dict(call.options)['k']}"
        number = kernel.element(self.span(call.inputs[0]), {"i": list(range(len(call.shape)))})
        kernel.write(self.span(call), f"{inside} ? {number} : ({type_of(call)})0")
        self.steps.append(kernel.each(call.size))

    def _concat(self, call: Call) -> None:
        axis, start = dict(call.options)["axis"], 0
        array, begin = self.arena.place(call)
        strides = c_strides(call.shape)
        for x, again in itertools.groupby(call.inputs):
            at, apart, times = start * strides[axis], x.shape[axis] * strides[axis], len([*again])
            layout = self.layouts[x]
            there = int(layout.whole and self.ready.parts.get(layout.base) == (call, at))
            source = self.span(x, (times - there, *x.shape))
            first = begin + at + there * apart
            self._copy(source, Span(array, first, source.shape, (apart, *strides)))
            start += times * x.shape[axis]

    def _copy(self, source: Span, target: Span) -> None:
        """Write number after number, in whatever order either lies."""
        n = math.prod(source.shape)
        if n == 0:
            return
        kernel = self._writing("copy")
        every = list(range(len(source.shape)))
        kernel.write(target, kernel.element(source, {"i": every}))
        self.steps.append(kernel.each(n))

    # What comes before and after

    def _begin(self, data: Mapping[str, tuple[str, tuple[int, int]]], batch_size: int) -> None:
        """Take the rows of the minibatch, and the numbers of the step."""
        arguments = {argument.name: argument for argument in self.ready.program.arguments}
        largest = max(arguments[name].size for name in (*data, "rates", "key"))
        kernel = self._writing("begin")
        kernel.line("const int64 now = step[0];", "step", "order")
        for name, (dtype, (down, along)) in data.items():
            argument = arguments[name]
            if dtype not in TYPES:
                raise NotRecordable(f"data of type {dtype}")
            kernel.within(argument.size)
            kernel.line(
                f"    const {TYPES[dtype]}* {name} = (const {TYPES[dtype]}*)"
                f"data[{DATA.index(name)}];", "data",
            )  # fmt: skip
            kernel.line(
                f"    const int64 row = order[now * {batch_size} + i / {argument.shape[1]}];"
            )
            column = f"(int64)(i % {argument.shape[1]})"
            kernel.write(
                self.span(argument),
                f"({type_of(argument)}){name}[row * {down} + {column} * {along}]", deep=1,
            )  # fmt: skip
            kernel.line("}")
        for name, table in (("rates", "rates"), ("key", "keys")):
            argument = arguments[name]
            kernel.give(table, type_of(argument))
            kernel.within(argument.size)
            kernel.write(self.span(argument), f"{table}[now * {argument.size} + i]", deep=1)
            kernel.line("}")
        self.steps.append(kernel.each(largest))

    def _end(self) -> None:
        """Keep the cost, and count the step."""
        kernel = self._writing("end")
        cost = kernel.read(self.ready.program.results["cost"], ())
        kernel.line(f"costs[step[0]] = {cost};", "costs", "step")
        kernel.line("step[0] += 1;")
        self.steps.append(kernel.each(1))

    def _copies(self) -> None:
        """Bring results home; first to safety what lies where another one belongs."""
        moves: list[tuple[Value, Argument]] = []
        for value, argument in self.plan.copies:
            safe = Value(argument.shape, argument.dtype)  # a place of its own
            self._copy(self.span(value), self.span(safe))
            moves.append((safe, argument))
        for safe, argument in moves:
            self._copy(self.span(safe), self.span(argument))


def _matrix(span: Span, vector: str) -> Span:
    """Return a vector as a matrix: a "row" or a "column"."""
    if len(span.shape) > 1:
        return span
    (n,), (stride,) = span.shape, span.strides
    shape, strides = ((1, n), (n, stride)) if vector == "row" else ((n, 1), (stride, 1))
    return Span(span.array, span.begin, shape, strides)


def _scalars_together(runs: Sequence[Sequence[Call]]) -> Iterator[Sequence[Call]]:
    """Join neighbouring calls that make single numbers, which one thread makes in order."""
    waiting: list[Call] = []
    for run in runs:
        if run[0].elementwise and run[0].shape == ():
            waiting += run
            continue
        if waiting:
            yield waiting
            waiting = []
        yield run
    if waiting:
        yield waiting
