"""A program as the source of one Python function: an epoch of steps as loops, for Numba to compile.

All numbers of a dtype lie in one array, each value at a place of its own that is known beforehand,
so that the compiler sees what cannot overlap. (With places and sizes as variables one text would
serve all sizes, but its loops are 1.3 to 3.7 times as slow.) Neighbouring elementwise calls become
one loop in which what nobody else needs never reaches memory; products are BLAS's, into memory that
is there.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from ..errors import NotRecordable
from ..programs.arena import Arena, Piece
from ..programs.dtypes import DType, decoded, encoded
from ..programs.program import Call, Constant, Program, Value
from ..programs.schedule import Schedule, schedule
from ..programs.views import broadcast_strides, c_strides, in_order
from .numba_text import REDUCTIONS, called, expression, indented, index, nested

#: Types that are compiled; Numba has no float16 on a CPU.
_TYPES = ("float32", "float64", "int32", "int64", "bool")


@dataclass
class Source:
    """The text of an epoch, and what it has to be given.

    Attributes
    ----------
    text : str
        Lines of a function's body; see `EPOCH` for its arguments.
    sizes : dict of str to int
        How many numbers the array of each dtype holds.
    places : dict of str to Piece
        Where each argument of the program lies.
    fixed : dict of Value to Piece
        Where what never changes is to lie.
    counts : list of int
        How often the loops go round; the compiler is better off not to know.
    constants : list of float
        Numbers that the text knows by their place alone.
    """

    once: Sequence[Call]
    sizes: dict[str, int]
    places: dict[str, Piece]
    fixed: dict[Value, Piece]
    constants: list[float] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)
    text: str = ""


def source_of(program: Program, data: Sequence[str]) -> Source:
    """Write a program as source.

    Parameters
    ----------
    program : Program
        Of a training step, as `record_step` records it.
    data : sequence of str
        Which of "X", "Y" and "weight" there are.

    Raises
    ------
    NotRecordable
        If there is something in it that has no form here.
    """
    return _Writer(program, data).source


class _Writer:
    def __init__(self, program: Program, data: Sequence[str]) -> None:
        self.ready: Schedule = schedule(
            program, lambda call: int(call.elementwise and call.shape != ())
        )
        self.layouts, self.plan = self.ready.layouts, self.ready.plan
        self.arena = Arena(self.ready, _TYPES)
        self.source = Source(
            once=self.ready.once, sizes=self.arena.sizes, places=self.arena.arguments,
            fixed=self.arena.fixed,
        )  # fmt: skip
        self._names: dict[Value, str] = {}
        self._rows_of_ones: dict[tuple[int, DType], Constant] = {}
        self._top: list[str] = []
        self._count = 0
        body = [line for run in self.ready.runs for line in self._run(run)]
        body += self._copies()
        cost = self.ready.program.results["cost"]
        lines = [*self._gathered(data), *body, f"costs[step] = {self._scalar(cost)}"]
        self.source.counts = sorted({int(n) for n in re.findall(r"\bn(\d+)\b", "\n".join(lines))})
        self._top += [f"n{n} = counts[{i}]" for i, n in enumerate(self.source.counts)]
        self.source.text = "\n".join([*self._top, "for step in range(first, last):",
                                      *indented(lines)])  # fmt: skip

    def _new(self, letter: str) -> str:
        """Return a name that nothing else has: Numba wants one type for each."""
        self._count += 1
        return f"{letter}{self._count}"

    # Where values lie

    def _element(
        self, base: Value, offset: int, strides: Sequence[int] = (), loops: Sequence[int] = ()
    ) -> str:
        """Return the text of a number of a value, in loops over its axes."""
        array, begin = self.arena.place(base)
        return f"{array}s[{index(begin + offset, strides, loops)}]"

    def _scalar(self, value: Value) -> str:
        """Return the name of a value that is a single number."""
        if isinstance(value, Constant):
            return self._number(value)
        if value in self._names:
            return self._names[value]
        layout = self.layouts[value]
        if layout.base.shape == () and layout.base is not value:
            return self._scalar(layout.base)
        return self._element(layout.base, layout.offset)

    def _number(self, value: Constant) -> str:
        number, dtype = decoded(value.data, value.dtype), value.dtype
        if not dtype.floating:
            return repr(number) if dtype.kind == "bool" else f"np.{dtype}({number})"
        # each use has a name of its own: that two numbers are equal is no part of the text
        name = f"c{len(self.source.constants)}"
        self._top.append(f"{name} = np.{dtype}(constants[{len(self.source.constants)}])")
        self.source.constants.append(number)
        return name

    def _matrices(self, value: Value, many: int) -> tuple[list[str], str, bool]:
        """Return where a matrix begins, in loops over many, and whether it is its transpose.

        Before it come the lines that bring it into an order which BLAS takes, where it is in none.
        """
        layout, shape, lines = self.layouts[value], value.shape, list[str]()
        strides, matrix = layout.strides, shape[-2:]
        place, turned = self.arena.place(layout.base)[1] + layout.offset, False
        if not in_order(matrix, strides[-2:]):
            turned = len(shape) > 1 and in_order(matrix[::-1], strides[-2:][::-1])
            if not turned:
                packed = Value(shape, value.dtype)  # a place of its own
                lines = [*self._copy(value, packed, 0, None)]
                place, strides = self.arena.place(packed)[1], c_strides(shape)
        same = many - len(shape[:-2])  # loops in which it is the same one
        return lines, index(place, (0,) * same + strides[:-2], (1,) * same + shape[:-2]), turned

    # What calls become

    def _run(self, run: Sequence[Call]) -> Iterator[str]:
        call = run[0]
        if call.elementwise:
            yield from self._loop(run)
        elif call.function == "matmul":
            yield from self._product(call)
        elif call.function in REDUCTIONS or call.function == "mean":
            yield from self._reduction(call)
        elif call.function == "concat":
            yield from self._concat(call)
        elif call.function == "reshape":
            yield from self._copy(call.inputs[0], call, 0, None)
        elif call.function == "take" and dict(call.options)["axis"] == 0:
            yield from self._take(call)
        else:
            raise NotRecordable(f"xp.{call.function}, which is not compiled")

    def _loop(self, run: Sequence[Call]) -> Iterator[str]:
        """Write neighbouring elementwise calls as one loop."""
        shape, made = run[0].shape, set(run)
        outside = dict.fromkeys(x for call in run for x in call.inputs if x not in made)
        flat = all(x.shape == () or self._flat(x, shape) for x in outside)
        axes = [(run[0].size, tuple(1 for _ in range(1)))] if flat and shape else None
        loops = [n for n, _ in axes] if axes else list(shape)
        levels: list[list[str]] = [[] for _ in range(len(loops) + 1)]
        for x in outside:
            if x.shape == ():
                if x not in self._names and not isinstance(x, Constant):  # read before the loop
                    name = self._new("s")
                    levels[0].append(f"{name} = {self._scalar(x)}")
                    self._names[x] = name
                continue
            strides = [1] if axes else broadcast_strides(self.layouts[x], shape)
            used = [k for k, (n, s) in enumerate(zip(loops, strides, strict=True)) if n > 1 and s]
            layout = self.layouts[x]
            name = self._names[x] = self._new("x")
            level = used[-1] + 1 if used else 0
            source = self._element(layout.base, layout.offset, strides, loops)
            levels[level].append(f"{name} = {source}")
        inside = levels[-1]
        for call in run:
            given = [self._scalar(x) if x.shape == () else self._names[x] for x in call.inputs]
            name = self._names[call] = self._new("v")
            inside.append(f"{name} = {expression(call, given)}")
            buffer, _ = self.plan.places[self._unit(call)]
            if not buffer.local:
                strides = [1] if axes else list(self.layouts[call].strides)
                inside.append(f"{self._element(call, 0, strides, loops)} = {name}")
        yield from nested(levels, loops)
        for x in (*outside, *run):
            if x.shape != ():
                del self._names[x]

    def _unit(self, value: Value) -> Value:
        return value if value in self.plan.places else self.layouts[value].base

    def _flat(self, x: Value, shape: tuple[int, ...]) -> bool:
        return x.shape == shape and in_order(shape, self.layouts[x].strides)

    def _product(self, call: Call) -> Iterator[str]:
        a, b = call.inputs
        if not call.dtype.floating:
            raise NotRecordable(f"xp.matmul of {call.dtype} {a.shape} and {b.shape}")
        rows, inner = a.shape[-2:] if len(a.shape) > 1 else (1, a.shape[0])
        columns = b.shape[-1] if len(b.shape) > 1 else 1
        many = call.shape[: len(call.shape) - (len(a.shape) > 1) - (len(b.shape) > 1)]
        first, left, left_turned = self._matrices(a, len(many))
        second, right, right_turned = self._matrices(b, len(many))
        out = index(self.arena.place(call)[1], c_strides((*many, rows, columns))[:-2], many)
        yield from (*first, *second)
        line = called(
            "product", call, rows, inner, columns, left, left_turned, right, right_turned, out
        )
        yield from nested([*([] for _ in many), [line]], many)

    def _reduction(self, call: Call) -> Iterator[str]:
        (x,), axes = call.inputs, dict(call.options)["axis"]
        layout, n = self.layouts[x], 1
        for axis in axes:
            n *= x.shape[axis]
        last = tuple(range(len(x.shape) - len(axes), len(x.shape)))
        place = self.arena.place(layout.base)[1] + layout.offset
        rounds = [call.size] if call.size > 1 else []
        out = self._element(call, 0, [1] * len(rounds), rounds)
        whole = in_order(x.shape, layout.strides)
        if call.function in ("sum", "mean") and axes == last and call.dtype.floating and whole:
            if rounds:  # a product with ones adds up rows
                ones = self.arena.place(self._ones(n, call.dtype))[1]
                out_place = self.arena.place(call)[1]
                given = (call.size, n, 1, place, False, ones, False, out_place)
                yield called("product", call, *given)
            else:
                yield f"{out} = {called('added_up', call, place, n)}"
        else:
            yield from self._general_reduction(call, x, axes)
        if call.function == "mean":
            yield from nested([[], [f"{out} /= np.{call.dtype}({n})"]][-1 - len(rounds) :], rounds)

    def _ones(self, n: int, dtype: DType) -> Constant:
        if (n, dtype) not in self._rows_of_ones:
            self._rows_of_ones[n, dtype] = Constant((n, 1), dtype, encoded(1.0, dtype) * n)
        return self._rows_of_ones[n, dtype]

    def _general_reduction(self, call: Call, x: Value, axes: Sequence[int]) -> Iterator[str]:
        begin, step = REDUCTIONS["sum" if call.function == "mean" else call.function]
        if call.function in ("max", "min") and not call.dtype.floating:
            raise NotRecordable(f"xp.{call.function} of {call.dtype}")
        begin = begin if call.dtype.kind == "bool" else f"np.{call.dtype}({begin})"
        kept = [1 if axis in axes else n for axis, n in enumerate(x.shape)]
        strides, size = [0] * len(kept), 1
        for axis in reversed(range(len(kept))):
            strides[axis], size = (0 if axis in axes else size), size * kept[axis]
        loops = list(x.shape)
        layout = self.layouts[x]
        given = broadcast_strides(layout, x.shape)
        number = self._element(layout.base, layout.offset, given, loops)
        out = self._element(call, 0, strides, loops)
        rounds = [call.size] if call.size > 1 else []
        line = f"{self._element(call, 0, [1] * len(rounds), rounds)} = {begin}"
        yield from nested([[], [line]][-1 - len(rounds) :], rounds)
        x_name, y_name = self._new("x"), self._new("y")
        made = step.format(y_name, x_name)
        made = made if "if" in made or call.dtype.kind == "bool" else f"np.{call.dtype}({made})"
        levels: list[list[str]] = [[] for _ in loops]
        lines = [f"{x_name} = {number}", f"{y_name} = {out}", f"{out} = {made}"]
        yield from nested([*levels, lines], loops)

    def _concat(self, call: Call) -> Iterator[str]:
        axis, start = dict(call.options)["axis"], 0
        strides = list(self.layouts[call].strides)
        for x, again in itertools.groupby(call.inputs):
            begin, times = start * strides[axis], len([*again])
            layout = self.layouts[x]
            home = self.ready.parts.get(layout.base)
            if times > 1:  # one loop for all of them
                loops, apart = [times, *x.shape], x.shape[axis] * strides[axis]
                given = [0, *broadcast_strides(layout, x.shape)]
                source = self._element(layout.base, layout.offset, given, loops)
                target = self._element(call, begin, [apart, *strides], loops)
                yield from nested([*([] for _ in loops), [f"{target} = {source}"]], loops)
            elif not (home and home[0] is call and home[1] == begin and layout.whole):
                yield from self._copy(x, call, begin, strides)
            start += times * x.shape[axis]

    def _copy(self, x: Value, into: Value, begin: int, strides: list[int] | None) -> Iterator[str]:
        """Copy a value to somewhere else."""
        layout, loops = self.layouts[x], list(x.shape)
        if strides is None or in_order(x.shape, tuple(strides)):
            strides = list(c_strides(x.shape))
        if in_order(x.shape, layout.strides) and in_order(x.shape, tuple(strides)):
            loops, given, strides = [x.size], [1], [1]
        else:
            given = broadcast_strides(layout, x.shape)
        source = self._element(layout.base, layout.offset, given, loops)
        line = f"{self._element(into, begin, strides, loops)} = {source}"
        levels: list[list[str]] = [[] for _ in loops]
        yield from nested([*levels, [line]], loops)

    def _take(self, call: Call) -> Iterator[str]:
        x, places = call.inputs
        if not in_order(x.shape, self.layouts[x].strides) or len(places.shape) != 1:
            raise NotRecordable("xp.take from every other number of an array")
        width = x.size // x.shape[0]
        where, layout, k = self.layouts[places], self.layouts[x], self._new("k")
        source = self._element(layout.base, layout.offset, [width, 1], [2, 2]).replace(
            "i *", f"{k} *"
        )
        yield f"for i in range(n{places.size}):"
        yield f"    {k} = {self._element(where.base, where.offset, where.strides, [2])}"
        yield f"    {k} = {k} + {x.shape[0]} if {k} < 0 else {k}"
        yield f"    for j in range(n{width}):"
        yield f"        {self._element(call, 0, [width, 1], [2, 2])} = {source}"

    def _copies(self) -> Iterator[str]:
        """Bring results home; first to safety what lies where another one belongs."""
        moves: list[str] = []
        for value, argument in self.plan.copies:
            safe = Value(argument.shape, argument.dtype)  # a place of its own
            yield from self._copy(value, safe, 0, None)
            moves += self._copy(safe, argument, 0, None)
        yield from moves

    def _gathered(self, data: Sequence[str]) -> Iterator[str]:
        """Take the rows of the minibatch, and the numbers of the step."""
        arguments = {argument.name: argument for argument in self.ready.program.arguments}
        first = arguments[data[0]]
        yield f"for i in range(n{first.shape[0]}):"
        yield f"    row = order[step * {first.shape[0]} + i]"
        for name in data:
            width, dtype = arguments[name].shape[1], arguments[name].dtype
            yield f"    for j in range(n{width}):"
            target = self._element(arguments[name], 0, [width, 1], [2, 2])
            yield f"        {target} = np.{dtype}({name}[row, j])"
        for name, table in (("rates", "rates"), ("key", "keys")):
            yield f"for i in range(n{arguments[name].size}):"
            yield f"    {self._element(arguments[name], 0, [1], [2])} = {table}[step, i]"


def dtype_names() -> tuple[str, ...]:
    """Return the dtypes of the arrays that an epoch is given, in order."""
    return _TYPES


__all__ = ["DType", "Source", "dtype_names", "source_of"]
