"""What a step on a GPU is made of: launches of kernels and products, over memory laid out once."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from ...errors import NotRecordable
from ...programs.arena import Piece
from ...programs.program import Call, Value


class Span(NamedTuple):
    """Numbers of an array: from which on, how many along each axis, how far apart."""

    array: str
    begin: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def repeated(self, many: tuple[int, ...]) -> Span:
        """Return matrices as so many, the same ones along the axes in which there is one."""
        own = zip(self.shape[:-2], self.strides[:-2], strict=True)
        strides = tuple(stride if n > 1 else 0 for n, stride in own)
        strides = (0,) * (len(many) - len(strides)) + strides
        return Span(self.array, self.begin, many + self.shape[-2:], strides + self.strides[-2:])

    @property
    def ends(self) -> tuple[int, int]:
        """The first of its numbers, and the first after all of them."""
        if 0 in self.shape:
            return self.begin, self.begin
        reach = [(n - 1) * s for n, s in zip(self.shape, self.strides, strict=True)]
        low = self.begin + sum(r for r in reach if r < 0)
        return low, self.begin + sum(r for r in reach if r > 0) + 1

    @property
    def axes(self) -> list[tuple[int, int]]:
        """How many and how far apart along each axis: as few axes as say it."""
        found: list[tuple[int, int]] = []
        for n, stride in zip(self.shape, self.strides, strict=True):
            if n == 1:
                continue
            if found and found[-1][1] == n * stride:
                found[-1] = (found[-1][0] * n, stride)
            else:
                found.append((n, stride))
        return found

    def meets(self, other: Span) -> bool:
        """Whether there may be a number in both."""
        (a, b), (c, d) = self.ends, other.ends
        return self.array == other.array and a < d and c < b and a < b and c < d

    def is_as(self, other: Span) -> bool:
        """Whether number i of the one is number i of the other, for every i."""
        return (self.array, self.begin, self.axes) == (other.array, other.begin, other.axes)


@dataclass
class Kernel:
    """A function of CUDA C, and how it is launched.

    Attributes
    ----------
    name : str
    text : str
    arrays : tuple of str
        What it is given the addresses of, in this order.
    blocks, threads : int
    reads, writes : list of Span
        Of the arrays of the arena.
    in_order : bool
        Whether it is one thread, which may read what it wrote.
    """

    name: str
    text: str = ""
    arrays: tuple[str, ...] = ()
    blocks: int = 1
    threads: int = 1
    reads: list[Span] = field(default_factory=list)
    writes: list[Span] = field(default_factory=list)
    in_order: bool = False


@dataclass
class Product:
    """A matrix product, or many: of two spans into a third, which is in order."""

    a: Span
    b: Span
    out: Span

    @property
    def reads(self) -> list[Span]:
        """What is multiplied."""
        return [self.a, self.b]

    @property
    def writes(self) -> list[Span]:
        """What is made."""
        return [self.out]

    in_order = False


Launch = Kernel | Product


@dataclass
class Launches:
    """A step, to be launched again and again.

    Attributes
    ----------
    steps : list of Launch
        In order.
    text : str
        CUDA C of all kernels.
    sizes : dict of str to int
        How many numbers the array of each dtype holds.
    places : dict of str to Piece
        Where each argument of the program lies.
    fixed : dict of Value to Piece
        Where what never changes is to lie.
    once : sequence of Call
        What it is computed by.
    """

    steps: list[Launch]
    text: str
    sizes: Mapping[str, int]
    places: Mapping[str, Piece]
    fixed: Mapping[Value, Piece]
    once: Sequence[Call]

    @property
    def kernels(self) -> list[Kernel]:
        """Those that are no products."""
        return [launch for launch in self.steps if isinstance(launch, Kernel)]


def check(launch: Launch, sizes: Mapping[str, int]) -> None:
    """Raise NotRecordable where threads could read what others write, or outside of the arrays.

    In place is allowed: a thread may write where it, and nobody else, has read.
    """
    for span in (*launch.reads, *launch.writes):
        first, last = span.ends
        if first < 0 or last > sizes[span.array]:
            raise NotRecordable(f"numbers {first} to {last} of {sizes[span.array]} {span.array}")
    if launch.in_order:
        return
    for written in launch.writes:
        axes = zip(written.shape, written.strides, strict=True)
        distinct = all(stride or n == 1 for n, stride in axes)
        in_place = isinstance(launch, Kernel)
        for read in launch.reads:
            if written.meets(read) and not (in_place and distinct and written.is_as(read)):
                raise NotRecordable(f"{read} is read where {written} is written")
    for one, other in itertools.combinations(launch.writes, 2):
        if one.meets(other) and not one.is_as(other):
            raise NotRecordable(f"{one} is written where {other} is")


def evenly_apart(product: Product) -> Iterator[Product]:
    """Yield products as BLAS takes them: of two matrices, or of two rows of evenly spaced ones.

    Of axes that do not lie together so the longest is the row.
    """
    spans = (product.a, product.b, product.out)
    axes: list[tuple[int, tuple[int, ...]]] = []
    for n, *apart in zip(product.out.shape[:-2], *(span.strides for span in spans), strict=False):
        if axes and all(s == n * t for s, t in zip(axes[-1][1], apart, strict=True)):
            axes[-1] = (axes[-1][0] * n, tuple(apart))
        elif n > 1:
            axes.append((n, tuple(apart)))
    axes.sort(key=lambda axis: axis[0])
    *others, (n, row) = axes or [(1, (0, 0, 0))]
    for place in itertools.product(*(range(m) for m, _ in others)):
        found = []
        for k, span in enumerate(spans):
            begin = span.begin + sum(i * s[k] for i, (_, s) in zip(place, others, strict=True))
            shape: tuple[int, ...] = span.shape[-2:]
            strides: tuple[int, ...] = span.strides[-2:]
            if n > 1:
                shape, strides = (n, *shape), (row[k], *strides)
            found.append(Span(span.array, begin, shape, strides))
        yield Product(*found)


def leading(matrix: Span) -> tuple[bool, int] | None:
    """Return whether BLAS reads a matrix as its transpose, and how far apart its rows then are.

    None where its numbers lie apart along both of the last two axes, which BLAS cannot read.
    """
    (rows, columns), (down, along) = matrix.shape[-2:], matrix.strides[-2:]
    if min(matrix.strides) < 0:
        return None
    if (along == 1 or columns == 1) and (down >= columns or rows == 1):
        return False, max(down if rows > 1 else columns, 1)
    if (down == 1 or rows == 1) and (along >= rows or columns == 1):
        return True, max(along if columns > 1 else rows, 1)
    return None
