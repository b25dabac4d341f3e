"""Periodic embedding of numeric columns.

Gorishniy, Rubachev & Babenko, "On embeddings for numerical features in tabular deep learning",
NeurIPS 2022, in the form with a bias in the cosine and x itself beside it that Holzmüller,
Grinsztajn & Steinwart, "Better by default", NeurIPS 2024, call PBLD.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import Any

from ..checks import check_number
from ..errors import InvalidArgument
from ..initializers import uniform
from ..layer import Held, Layer, Parameter
from ..namespace import Array, Namespace

#: x, the cosines and the sines, w1 and W2.
Cache = tuple[Array, ...]


def _normal(deviation: float, shape: tuple[int, ...], generator: Any) -> Array:
    return deviation * generator.standard_normal(shape)


@dataclass(frozen=True, repr=False)
class PeriodicEmbedding(Layer):
    """Each number x becomes (x, W2 cos(2 pi w1 x + b1) + b2), with vectors of its own.

    Parameters
    ----------
    columns : int, optional
        How many of the first columns are embedded; the others pass, behind them. Left out, all.
    frequencies : int, default 16
        The length of w1.
    length : int, default 4
        How many numbers x becomes, x itself among them.
    sigma : float, default 0.1
        The standard deviation from which w1 begins: how high the frequencies are.
    rate : float, default 1.0
        How fast all of it learns beside the other parameters.
    decay : float, default 1.0
        How strongly all of it decays beside the weights.

    Examples
    --------
    >>> import numpy as np
    >>> w1, b1 = np.asarray([[1.0]]), np.asarray([[0.0]])  # one frequency
    >>> W2, b2 = np.asarray([[[3.0]]]), np.asarray([[1.0]])
    >>> layer = PeriodicEmbedding(frequencies=1, length=2)
    >>> layer.predict(np.asarray([[0.5, 1.0]]), (w1, b1, W2, b2), xp=np)
    array([[ 0.5,  1. ],
           [-2. ,  4. ]])
    """

    columns: int | None = None
    frequencies: int = 16
    length: int = 4
    sigma: float = 0.1
    rate: float = 1.0
    decay: float = 1.0

    def __post_init__(self) -> None:
        if self.columns is not None:
            check_number("columns", self.columns, at_least=1, integer=True)
        check_number("frequencies", self.frequencies, at_least=1, integer=True)
        check_number("length", self.length, at_least=2, integer=True)
        check_number("sigma", self.sigma, above=0.0)
        for name in ("rate", "decay"):
            check_number(name, getattr(self, name), at_least=0.0)

    def _embedded(self, n_prev: int) -> int:
        columns = n_prev if self.columns is None else self.columns
        if columns > n_prev:
            raise InvalidArgument(
                f"columns={columns}: wanted at most as many as there are features, {n_prev}."
            )
        return columns

    def width(self, n_prev: int) -> int:
        """Return `length` for each embedded column, and what passes."""
        return n_prev + self._embedded(n_prev) * (self.length - 1)

    def parameters(self, n_prev: int) -> list[Parameter]:
        """w1, b1 (columns, h), W2 (columns, length - 1, h) and b2 (columns, length - 1)."""
        n, h = self._embedded(n_prev), self.frequencies
        frequencies, phases = partial(_normal, self.sigma), partial(uniform, math.pi)
        linear = partial(uniform, 1.0 / math.sqrt(h))
        return [
            Parameter("w1", (n, h), frequencies, decays=self.decay, rate=self.rate),
            Parameter("b1", (n, h), phases, decays=self.decay, rate=self.rate),
            Parameter("W2", (n, self.length - 1, h), linear, decays=self.decay, rate=self.rate),
            Parameter("b2", (n, self.length - 1), linear, decays=self.decay, rate=self.rate),
        ]

    def forward(self, A_prev: Array, p: Held, *, xp: Namespace) -> tuple[Array, Cache]:
        """A = (x, W2 cos(2 pi w1 x + b1) + b2), column by column."""
        w1, b1, W2, b2 = p
        n = w1.shape[0]
        x = A_prev[:n, :][:, None, :]  # (n, 1, m)
        angles = 2.0 * math.pi * w1[:, :, None] * x + b1[:, :, None]  # (n, h, m)
        C = xp.cos(angles)
        V = W2 @ C + b2[:, :, None]  # (n, length - 1, m)
        A = xp.reshape(xp.concat([x, V], axis=1), (n * self.length, -1))
        if n < A_prev.shape[0]:
            A = xp.concat([A, A_prev[n:, :]], axis=0)
        return A, (x, C, xp.sin(angles), w1, W2)

    def backward(
        self, dA: Array, cache: Cache, *, input_gradient: bool = True, xp: Namespace
    ) -> tuple[Array, tuple[Array, ...]]:
        """Go through the sum, the cosine and the product with x, each by the chain rule."""
        x, C, S, w1, W2 = cache
        n, m = w1.shape[0], dA.shape[1]
        own = xp.reshape(dA[: n * self.length, :], (n, self.length, m))
        dx, dV = own[:, :1, :], own[:, 1:, :]  # (n, 1, m), (n, length - 1, m)
        dW2 = (1 / m * dV) @ xp.permute_dims(C, (0, 2, 1))  # (n, length - 1, h)
        db2 = 1 / m * xp.sum(dV, axis=2)  # (n, length - 1)
        dangles = -S * (xp.permute_dims(W2, (0, 2, 1)) @ dV)  # (n, h, m)
        dw1 = 2.0 * math.pi / m * xp.sum(dangles * x, axis=2)  # (n, h)
        db1 = 1 / m * xp.sum(dangles, axis=2)
        dA_prev = None
        if input_gradient:
            through = 2.0 * math.pi * xp.sum(w1[:, :, None] * dangles, axis=1)  # (n, m)
            dA_prev = xp.concat([dx[:, 0, :] + through, dA[n * self.length :, :]], axis=0)
        return dA_prev, (dw1, db1, dW2, db2)
