"""How the functions of the standard, and kernels over arrays, are written down in CUDA C."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.resources import files

from ...errors import NotRecordable
from ...programs.dtypes import DType, decoded
from ...programs.program import Call, Constant, Value
from .launches import Kernel, Span

#: What CUDA C calls each type.
TYPES = {
    "float32": "float", "float64": "double", "bool": "bool",
    "int8": "signed char", "int16": "short", "int32": "int", "int64": "int64",
    "uint8": "unsigned char", "uint16": "unsigned short", "uint32": "unsigned", "uint64": "uint64",
}  # fmt: skip

#: What the kernels that begin and end a step are given besides, in CUDA C.
_TABLES = {"data": "int64", "order": "int64", "step": "int64", "costs": "double"}

#: Threads of a block, and blocks of a kernel whose threads take one number after the other.
THREADS, BLOCKS = 256, 4096


class Writing:
    """A kernel that is being written; `i` counts what its threads make.

    Parameters
    ----------
    name : str
    span : callable
        What tells where the numbers of a value lie, as those of one of some shape.
    """

    def __init__(self, name: str, span: Callable[[Value, tuple[int, ...]], Span]) -> None:
        self._kernel, self._span = Kernel(name), span
        self._given: dict[str, str] = {}
        self._lines: list[str] = []

    def give(self, name: str, kind: str) -> None:
        """Hand an array over."""
        self._given[name] = kind

    def line(self, text: str, *tables: str) -> None:
        """Write a line, which needs these tables."""
        self._given |= {table: _TABLES[table] for table in tables}
        self._lines.append(text)

    def within(self, n: int) -> None:
        """Begin what is for so many numbers alone."""
        self._lines.append(f"if (i < {n}) {{")

    def read(self, value: Value, shape: tuple[int, ...]) -> str:
        """Return the text of a number of a value, as of one of that shape."""
        if isinstance(value, Constant) and value.shape == ():
            return number_text(decoded(value.data, value.dtype), value.dtype)
        span = self._span(value, shape)
        name = f"x{len(self._lines)}_{len(self._kernel.reads)}"
        text = self.element(span, {"i": list(range(len(shape)))})
        self.line(f"const {type_of(value)} {name} = {text};")
        return name

    def element(
        self, span: Span, axes: Mapping[str, Sequence[int]], *, write: bool = False,
        note: bool = True,
    ) -> str:  # fmt: skip
        """Return the text of a number: each variable counts along some axes."""
        self.give(f"{span.array}s", TYPES[span.array])
        if note:
            (self._kernel.writes if write else self._kernel.reads).append(span)
        terms = [str(span.begin)] if span.begin else []
        for variable, along in axes.items():
            part = Span("", 0, *(tuple(x[k] for k in along) for x in (span.shape, span.strides)))
            terms += _terms(variable, part)
        return f"{span.array}s[{' + '.join(terms) or '0'}]"

    def target(self, span: Span, variable: str) -> str:
        """Return the text of where a number is written."""
        return self.element(span, {variable: list(range(len(span.shape)))}, write=True)

    def write(self, span: Span, text: str, deep: int = 0) -> None:
        """Write a number."""
        self.line(f"{'    ' * deep}{self.target(span, 'i')} = {text};")

    def each(self, n: int) -> Kernel:
        """Finish a kernel whose threads make one number after the other, of n."""
        self._kernel.in_order = n == 1
        head = (
            f"for (Index i = blockIdx.x * (Index){THREADS} + threadIdx.x; i < {n}; "
            f"i += (Index)gridDim.x * {THREADS}) {{"
        )
        if n == 1:  # one thread, and nothing to count
            return self._finished(self._counted("0"), 1, 1)
        body = [head, *("    " + line for line in self._lines), "}"]
        blocks = min(-(-n // THREADS), BLOCKS)
        return self._finished(body, blocks, THREADS)

    def blocks(self, n: int, threads: int, parts: int = 1) -> Kernel:
        """Finish a kernel whose blocks make one number each, or one of so many parts of it."""
        i = "blockIdx.x" if parts == 1 else f"blockIdx.x / {parts}"
        return self._finished(self._counted(i), n, threads)

    def _counted(self, i: str) -> list[str]:
        used = any(re.search(r"\bi\b", line) for line in self._lines)
        return [f"const Index i = {i};", *self._lines] if used else self._lines

    def _finished(self, body: Sequence[str], blocks: int, threads: int) -> Kernel:
        kernel = self._kernel
        kernel.arrays, kernel.blocks, kernel.threads = tuple(self._given), blocks, threads
        given = ", ".join(f"{kind}* {name}" for name, kind in self._given.items())
        lines = "\n".join(f"    {line}" for line in body)
        kernel.text = f'extern "C" __global__ void {kernel.name}({given}) {{\n{lines}\n}}'
        return kernel


def _terms(variable: str, span: Span) -> Iterator[str]:
    """Yield what a variable that counts the numbers of a span adds to their place."""
    inner, axes = 1, span.axes
    for k, (n, stride) in reversed([*enumerate(axes)]):
        part = variable if inner == 1 else f"{variable} / {inner}"
        part = part if k == 0 else f"{part} % {n}"
        if stride:
            yield part if stride == 1 else f"({part}) * {stride}"
        inner *= n


def expression(call: Call, given: Sequence[str]) -> str:
    """Return what an elementwise call makes of its inputs, which go by these names."""
    if call.function == "astype":
        return f"xp::astype<{type_of(call)}>({given[0]})"
    if call.function == "pow" and isinstance(call.inputs[1], Constant):
        exponent = decoded(call.inputs[1].data, call.dtype)
        if exponent == 2:  # as NumPy has it
            return f"xp::square({given[0]})"
        if not call.dtype.floating and exponent >= 0:
            return f"xp::pow({', '.join(given)})"
    if call.function == "pow" and not call.dtype.floating:
        raise NotRecordable("xp.pow of whole numbers, which may be below 0")
    return f"xp::{call.function}({', '.join(given)})"


def number_text(number: float, dtype: DType) -> str:
    """Return the text of a number, exactly."""
    kind = TYPES[dtype.name]
    if dtype.kind == "bool":
        return str(bool(number)).lower()
    if not dtype.floating:
        # the least of all is written as a difference, for there is no such literal
        text = (
            f"{number + 1}ll - 1" if number == -(2**63) else f"{number}{_ENDS.get(dtype.name, '')}"
        )
        return f"({kind})({text})"
    end = "f" if dtype.name == "float32" else ""
    if math.isnan(number):
        return f"(0.0{end} / 0.0{end})"
    if math.isinf(number):
        return f"({'-' if number < 0 else ''}1.0{end} / 0.0{end})"
    return f"({float(number)!r}{end})"


_ENDS = {"int64": "ll", "uint64": "ull", "uint32": "u"}


def type_of(value: Value) -> str:
    """Return what CUDA C calls the type of a value's numbers."""
    name = value.dtype.name
    if name not in TYPES:
        raise NotRecordable(f"numbers of type {name}, which are not compiled")
    return TYPES[name]


def functions() -> str:
    """Return the standard's functions in CUDA C."""
    return files(__package__).joinpath("functions.cuh").read_text(encoding="utf-8")
