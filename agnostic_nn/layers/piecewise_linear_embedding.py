"""Piecewise-linear embedding of numeric columns.

Gorishniy, Rubachev & Babenko, "On embeddings for numerical features in tabular deep learning",
NeurIPS 2022, section 3.2, with a linear embedding beside it, as version B in the authors' package
and in Gorishniy, Kotelnikov & Babenko, "TabM", ICLR 2025.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

from ..checks import check_number
from ..errors import InvalidArgument, InvalidType, shown
from ..initializers import uniform
from ..layer import Held, Layer, Parameter
from ..namespace import Array, Namespace

#: x, e, W, w, and of each bin its ends and its slope.
Cache = tuple[Array, ...]


@dataclass(frozen=True, repr=False)
class PiecewiseLinearEmbedding(Layer):
    """Each number x becomes W e + w x + b, with weights of its own; e is where x lies in its bins.

    Of T bins between the edges a[0] < a[1] < ... < a[T], e has a number for each:

        e[t] = (x - a[t-1]) / (a[t] - a[t-1]), held between 0 and 1;

    the first goes on below 0, and the last beyond 1. W begins at zero, so that the embedding is
    linear at first, and learns where to bend. The edges are not learned.

    Parameters
    ----------
    edges : sequence of sequences of float
        The edges of the bins of each of the first columns; quantiles of the rows of training, say.
        The columns behind them pass, and come behind.
    length : int, default 16
        How many numbers x becomes.

    Examples
    --------
    >>> import numpy as np
    >>> W, w, b = np.asarray([[[10.0, 100.0]]]), np.zeros((1, 1)), np.ones((1, 1))
    >>> layer = PiecewiseLinearEmbedding([[0.0, 1.0, 3.0]], length=1)  # of two bins
    >>> layer.predict(np.asarray([[-1.0, 0.5, 2.0, 5.0]]), (W, w, b), xp=np)
    array([[ -9.,   6.,  61., 211.]])
    """

    edges: Sequence[Sequence[float]]
    length: int = 16

    def __post_init__(self) -> None:
        check_number("length", self.length, at_least=1, integer=True)
        try:
            edges = tuple(tuple(float(a) for a in column) for column in self.edges)
        except (TypeError, ValueError):
            raise InvalidType(
                f"edges={shown(self.edges)}: wanted the edges of each column's bins, such as "
                "[[0.0, 1.0, 3.0]]."
            ) from None
        if not edges:
            raise InvalidArgument("edges=[]: wanted those of at least one column.")
        for i, column in enumerate(edges):
            widths = [b - a for a, b in pairwise(column)]
            if not widths or not all(w > 0.0 and 0.0 < 1.0 / w < math.inf for w in widths):
                raise InvalidArgument(
                    f"edges[{i}]={shown(list(column))}: wanted at least two finite numbers, each "
                    "larger than the one before it."
                )
        object.__setattr__(self, "edges", edges)
        object.__setattr__(self, "length", int(self.length))

    def __repr__(self) -> str:
        """Return it without the edges, which are many."""
        bins = max(map(len, self.edges)) - 1
        columns = f"<{len(self.edges)} columns, up to {bins} bins>"
        return f"{type(self).__name__}({columns}, length={self.length})"

    @classmethod
    def example(cls) -> PiecewiseLinearEmbedding:
        """Return one of two columns, with two bins and with one."""
        return cls([[-0.75, 0.25, 2.25], [-0.5, 0.5]], length=2)

    def width(self, n_prev: int) -> int:
        """Return `length` for each embedded column, and what passes."""
        if len(self.edges) > n_prev:
            raise InvalidArgument(
                f"edges are those of {len(self.edges)} columns: wanted at most as many as there "
                f"are features, {n_prev}."
            )
        return n_prev + len(self.edges) * (self.length - 1)

    def parameters(self, n_prev: int) -> list[Parameter]:
        """W (columns, length, bins), w and b (columns, length)."""
        n, bins = len(self.edges), max(map(len, self.edges)) - 1
        linear = partial(uniform, 1.0 / math.sqrt(self.length))
        return [
            Parameter("W", (n, self.length, bins), decays=True),
            Parameter("w", (n, self.length), linear, decays=True),
            Parameter("b", (n, self.length), linear),
        ]

    def forward(self, A_prev: Array, p: Held, *, xp: Namespace) -> tuple[Array, Cache]:
        """A = W e + w x + b, column by column."""
        W, w, b = p
        n = w.shape[0]
        x = A_prev[:n, :][:, None, :]  # (n, 1, m)
        start, low, high, slope = self._bins(A_prev, xp)  # (n, bins, 1)
        e = slope * (xp.minimum(xp.maximum(x, low), high) - start)  # (n, bins, m)
        V = W @ e + w[:, :, None] * x + b[:, :, None]  # (n, length, m)
        A = xp.reshape(V, (n * self.length, -1))
        if n < A_prev.shape[0]:
            A = xp.concat([A, A_prev[n:, :]], axis=0)
        return A, (x, e, W, w, low, high, slope)

    def backward(
        self, dA: Array, cache: Cache, *, input_gradient: bool = True, xp: Namespace
    ) -> tuple[Array, tuple[Array, ...]]:
        """Go through both sums; through e where x lies in the bin, its lower edge included."""
        x, e, W, w, low, high, slope = cache
        n, m = w.shape[0], dA.shape[1]
        dV = xp.reshape(dA[: n * self.length, :], (n, self.length, m))
        dW = (1 / m * dV) @ xp.permute_dims(e, (0, 2, 1))  # (n, length, bins)
        dw = 1 / m * xp.sum(dV * x, axis=2)  # (n, length)
        db = 1 / m * xp.sum(dV, axis=2)
        dA_prev = None
        if input_gradient:
            through = slope * (xp.permute_dims(W, (0, 2, 1)) @ dV)  # (n, bins, m)
            outside = xp.zeros_like(through)
            through = xp.where(x < low, outside, xp.where(x < high, through, outside))
            dx = xp.sum(through, axis=1) + xp.sum(w[:, :, None] * dV, axis=1)  # (n, m)
            dA_prev = xp.concat([dx, dA[n * self.length :, :]], axis=0)
        return dA_prev, (dW, dw, db)

    def _bins(self, A_prev: Array, xp: Namespace) -> list[Array]:
        """Return of each bin where it starts, what it holds x between, and 1 over its width."""
        most = max(map(len, self.edges)) - 1
        columns = []
        for edges in self.edges:
            bins = [[a, a, b, 1.0 / (b - a)] for a, b in pairwise(edges)]
            bins[0][1], bins[-1][2] = -math.inf, math.inf
            columns.append(bins + [[0.0] * 4] * (most - len(bins)))  # bins of no width: e = 0
        like = {"dtype": A_prev.dtype, "device": getattr(A_prev, "device", None)}
        return [
            xp.asarray(tuple(tuple((each[i],) for each in bins) for bins in columns), **like)
            for i in range(4)
        ]
