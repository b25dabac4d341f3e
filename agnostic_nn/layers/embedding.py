"""Embedding of whole-number columns: a learned vector for every category.

Guo & Berkhahn, "Entity embeddings of categorical variables", 2016.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..checks import check_number
from ..errors import InvalidArgument, InvalidType, shown
from ..initializers import standard_normal
from ..layer import Held, Layer, Parameter
from ..namespace import Array, Namespace

#: The one-hot matrix of each embedded column, and the matrices E.
Cache = tuple[Array, ...]


@dataclass(frozen=True, repr=False)
class Embedding(Layer):
    """Chosen columns of whole numbers become learned vectors; the others pass, and come first.

    A column of q categories, numbered from 0, has a matrix E (length, q), and category c becomes
    E[:, c]. What is no such number becomes 0, as does what was never seen. The Array API has no
    function that adds to chosen places, so both ways are products with a one-hot matrix.

    Parameters
    ----------
    columns : mapping of int to int
        The columns (rows of A_prev) to embed, and how many categories each has.
    length : int, default 8
        How long the vectors are. They begin as random numbers from N(0, 1).
    decay : float, default 0.0
        How strongly they decay beside the weights.

    Examples
    --------
    >>> import numpy as np
    >>> E = np.asarray([[10.0, 20.0, 30.0]])  # vectors of length 1 for three categories
    >>> A_prev = np.asarray([[2.0, 0.0, 7.0], [0.1, 0.2, 0.3]])
    >>> Embedding({0: 3}, length=1).predict(A_prev, (E,), xp=np)
    array([[ 0.1,  0.2,  0.3],
           [30. , 10. ,  0. ]])
    """

    columns: Any  # given as a mapping, kept as sorted pairs
    length: int = 8
    decay: float = 0.0

    def __post_init__(self) -> None:
        pairs = self.columns.items() if isinstance(self.columns, Mapping) else self.columns
        try:
            pairs = tuple(sorted((column, categories) for column, categories in pairs))
        except (TypeError, ValueError):
            raise InvalidType(
                f"columns={shown(self.columns)}: wanted the number of categories of each column, "
                "such as {0: 5}."
            ) from None
        for column, categories in pairs:
            check_number("columns", column, at_least=0, integer=True)
            check_number("categories", categories, at_least=1, integer=True)
        if not pairs or len({column for column, _ in pairs}) < len(pairs):
            raise InvalidArgument(f"columns={shown(self.columns)}: wanted different columns.")
        check_number("length", self.length, at_least=1, integer=True)
        check_number("decay", self.decay, at_least=0.0)
        object.__setattr__(self, "columns", tuple((int(i), int(q)) for i, q in pairs))
        object.__setattr__(self, "length", int(self.length))

    @classmethod
    def example(cls) -> Embedding:
        """Return one of 3 categories in the first column."""
        return cls({0: 3}, length=2)

    def width(self, n_prev: int) -> int:
        """Return what passes, and the length of a vector for each embedded column."""
        if self.columns[-1][0] >= n_prev:
            raise InvalidArgument(
                f"columns: {self.columns[-1][0]} is to be embedded, and there are {n_prev} "
                "features, numbered from 0."
            )
        return n_prev + len(self.columns) * (self.length - 1)

    def parameters(self, n_prev: int) -> list[Parameter]:
        """E (length, categories) of each embedded column."""
        return [
            Parameter(f"E{i}", (self.length, q), standard_normal, self.decay)
            for i, q in self.columns
        ]

    def forward(self, A_prev: Array, p: Held, *, xp: Namespace) -> tuple[Array, tuple[Any, ...]]:
        """E @ one-hot, (length, categories) @ (categories, m), for each embedded column."""
        passing = [A_prev[start:stop, :] for start, stop in self._passing(A_prev.shape[0])]
        hot = [_one_hot(A_prev[i : i + 1, :], q, xp) for i, q in self.columns]
        vectors = [E @ one for E, one in zip(p, hot, strict=True)]
        return xp.concat([*passing, *vectors], axis=0), (A_prev.shape[0], hot)

    def backward(
        self,
        dA: Array,
        cache: tuple[Any, ...],
        *,
        input_gradient: bool = True,
        xp: Namespace,
    ) -> tuple[Array, tuple[Array, ...]]:
        """DE = (1/m) dA one-hot^T; a category has no gradient, and what passes has its own."""
        n_prev, hot = cache
        m, first = dA.shape[1], n_prev - len(self.columns)
        dE = []
        for i, one in enumerate(hot):
            start = first + i * self.length
            part = dA[start : start + self.length, :]  # (length, m)
            dE.append((1 / m * part) @ one.T)  # (length, m) @ (m, categories)
        return (self._spread(dA, n_prev, xp) if input_gradient else None), tuple(dE)

    def _spread(self, dA: Array, n_prev: int, xp: Namespace) -> Array:
        """Put the gradients of what passes to their places, and 0 to those of the categories."""
        rows, done = [], 0
        embedded = {i for i, _ in self.columns}
        zero = xp.zeros_like(dA[0:1, :])
        for i in range(n_prev):
            if i in embedded:
                rows.append(zero)
            else:
                rows.append(dA[done : done + 1, :])
                done += 1
        return xp.concat(rows, axis=0)

    def _passing(self, n_prev: int) -> list[tuple[int, int]]:
        """Where the columns that pass begin and end, run by run."""
        edges = [-1, *(i for i, _ in self.columns), n_prev]
        runs = [(a + 1, b) for a, b in itertools.pairwise(edges)]
        return [(start, stop) for start, stop in runs if start < stop]


def _one_hot(codes: Array, categories: int, xp: Namespace) -> Array:
    """1 where a code (1, m) is the number of the row, 0 elsewhere: (categories, m)."""
    numbers = xp.arange(categories, dtype=codes.dtype, device=getattr(codes, "device", None))
    return xp.astype(numbers[:, None] == codes, codes.dtype)
