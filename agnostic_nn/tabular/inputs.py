"""A table's columns as the recipes' networks read them: robustly scaled, clipped, embedded."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Self, TypeVar

import numpy as np

from ..errors import InvalidArgument
from ..namespace import Array
from .categorical import Categorical
from .columns import Column, Part
from .measured import Boolean
from .text import HostArray

T = TypeVar("T")

#: No number that a network reads is larger than this.
LARGEST = 3.0


@dataclass(frozen=True)
class Blocks:
    """A table's columns as numbers that are not encoded yet, for networks that do that themselves.

    Attributes
    ----------
    numeric : array of float64, (n_samples, n_numeric)
        Numbers, true and false as 1 and 0, and what dates are made into; medians where one was
        missing.
    indicators : array of bool, (n_samples, n_indicators)
        Where a value was missing, of the columns that had missing ones in training.
    codes : array of int64, (n_samples, n_categorical)
        The place of each category; -1 where it was not seen in training.
    numeric_names, indicator_names, categorical_names : tuple of str
        What the columns of these are.
    sizes : tuple of int
        How many categories each column of `codes` has, the one for missing values among them.
    """

    numeric: HostArray
    indicators: HostArray
    codes: HostArray
    numeric_names: tuple[str, ...]
    indicator_names: tuple[str, ...]
    categorical_names: tuple[str, ...]
    sizes: tuple[int, ...]

    @classmethod
    def of(cls, parts: Iterable[tuple[Column, Part]], n: int) -> Blocks:
        """Return what columns made of n rows, those of a kind beside each other."""
        parts = list(parts)
        with_numbers = [(c, p) for c, p in parts if p.numbers is not None]
        with_codes = [(c, p) for c, p in parts if p.codes is not None]
        with_indicator = [(c, p) for c, p in with_numbers if getattr(c, "indicator", False)]
        return cls(
            _beside([p.numbers for _, p in with_numbers], n, "float64"),
            _beside([p.absent for _, p in with_indicator], n, "bool"),
            _beside([p.codes for _, p in with_codes], n, "int64"),
            tuple(
                name
                for c, p in with_numbers
                if p.numbers is not None
                for name in c.outputs()[: p.numbers.shape[1]]
            ),
            tuple(c.name for c, _ in with_indicator),
            tuple(c.name for c, _ in with_codes),
            tuple(c.width for c, _ in with_codes),
        )

    def rows(self) -> HostArray:
        """Return all of it as one array of numbers."""
        return np.concatenate([self.numeric, self.indicators, self.codes], axis=1)

    def take(self, rows: HostArray) -> Blocks:
        """Return some of the rows."""
        return replace(
            self,
            numeric=self.numeric[rows],
            indicators=self.indicators[rows],
            codes=self.codes[rows],
        )


def _beside(arrays: list[Any], n: int, dtype: str) -> HostArray:
    """Return arrays of n rows beside each other."""
    columns = [array.reshape(n, -1) for array in arrays]
    return np.concatenate([np.empty((n, 0), dtype), *columns], axis=1, dtype=dtype)


@dataclass(frozen=True)
class Inputs:
    """How the columns of a table become a network's inputs, as RealMLP has it.

    Numbers, and categories as one-hot columns, are centred on their median, divided by the distance
    of their quartiles, and clipped smoothly (Holzmüller, Grinsztajn & Steinwart, "Better by
    default", NeurIPS 2024). Of two categories there is one column of 1 and -1. A category that is
    missing or was never seen is 0 in all of them. Categories that are to be embedded come behind,
    as their places.

    Attributes
    ----------
    order : tuple of int
        The columns of numbers and of indicators, in this order: those that measure something
        first.
    numbers : int
        How many of them measure something: are neither true or false nor made up, and had more
        than one value in training.
    one_hot : tuple of (int, int)
        The columns of codes that become one-hot columns, and their categories.
    embedded : tuple of (int, int)
        Those that stay as they are, and their categories, the missing one among them.
    centers, factors : tuple of float
        What is taken away from each column, and what it is multiplied by: 0 where training had one
        value alone, of which nothing can be learned. Where there are quantiles it is else 0 and 1.
    quantiles : tuple of tuples of float
        Of each column that measures something, at equal steps from its smallest number to its
        largest: it becomes what a normal variable has at these.
    clipped : bool
        Whether columns are clipped smoothly; where numbers go by their quantiles the others stay as
        they are, as TabM has it.
    """

    order: tuple[int, ...]
    numbers: int
    one_hot: tuple[tuple[int, int], ...]
    embedded: tuple[tuple[int, int], ...]
    centers: tuple[float, ...] = ()
    factors: tuple[float, ...] = ()
    quantiles: tuple[tuple[float, ...], ...] = ()
    clipped: bool = True

    @classmethod
    def fit(
        cls,
        columns: Sequence[Column],
        blocks: Blocks,
        most_one_hot: int | None = None,
        *,
        quantiles: bool = False,
    ) -> Inputs:
        """Learn from the rows of training.

        Parameters
        ----------
        columns : sequence of Column
            Of the table.
        blocks : Blocks
            What they make of the rows of training.
        most_one_hot : int, optional
            Columns of more categories are embedded; left out, none is.
        quantiles : bool, default False
            Whether numbers go by their quantiles, and not by a robust scale.
        """
        made = {c.name for c in columns if isinstance(c, Boolean)}
        varies = blocks.numeric.max(axis=0) > blocks.numeric.min(axis=0)
        measure = [
            bool(several) and name not in made
            for name, several in zip(blocks.numeric_names, varies, strict=True)
        ]
        first = [i for i, measures in enumerate(measure) if measures]
        others = [i for i, measures in enumerate(measure) if not measures]
        indicators = range(len(measure), len(measure) + len(blocks.indicator_names))
        missing = [c.missing for c in columns if isinstance(c, Categorical)]
        hot, embedded = [], []
        for column, (size, has_missing) in enumerate(zip(blocks.sizes, missing, strict=True)):
            categories = size - has_missing
            if most_one_hot is None or categories <= most_one_hot:
                hot.append((column, categories))
            else:
                embedded.append((column, size))
        found = cls((*first, *others, *indicators), len(first), (*hot,), (*embedded,))
        return found._scaled(found._columns(blocks), quantiles)

    def _scaled(self, columns: HostArray, quantiles: bool) -> Inputs:
        """Return these inputs with what is learned of the columns."""
        if quantiles:
            steps = np.linspace(0.0, 1.0, max(10, min(1000, len(columns) // 30)))
            factors = (columns.max(axis=0) > columns.min(axis=0)).astype("float64")
            numbers = factors[: self.numbers] * columns[:, : self.numbers]
            found = np.quantile(numbers, steps, axis=0).T.tolist()
            return replace(
                self, centers=(0.0,) * len(factors), factors=tuple(factors.tolist()),
                quantiles=tuple(map(tuple, found)), clipped=False,
            )  # fmt: skip
        centers, factors = robust_scale(columns)
        return replace(self, centers=tuple(centers.tolist()), factors=tuple(factors.tolist()))

    @property
    def width(self) -> int:
        """How many inputs there are."""
        return len(self.centers) + len(self.embedded)

    @property
    def places(self) -> dict[int, int]:
        """The inputs that are places of categories, and how many categories each has."""
        return {len(self.centers) + i: size for i, (_, size) in enumerate(self.embedded)}

    @property
    def runs(self) -> tuple[int, ...]:
        """How many inputs come of each column, one after the other."""
        return (
            *(1 for _ in self.order),
            *(one_hot(np.zeros(0), q).shape[1] for _, q in self.one_hot),
            *(1 for _ in self.embedded),
        )

    def each(
        self, numbers: Sequence[T], categories: Sequence[Sequence[T]], codes: Sequence[T]
    ) -> list[T]:
        """Return for each input what is said of what it comes from.

        Parameters
        ----------
        numbers : sequence
            What is said of each column of numbers, and of indicators behind them.
        categories : sequence of sequence
            Of each category of each column of codes; of two categories the first one's is taken.
        codes : sequence
            Of each column of codes itself.
        """
        hot = [
            said
            for column, q in self.one_hot
            for said in categories[column][: one_hot(np.zeros(0), q).shape[1]]
        ]
        return [*(numbers[i] for i in self.order), *hot, *(codes[c] for c, _ in self.embedded)]

    def rows(self, blocks: Blocks) -> HostArray:
        """Return the inputs, (n_samples, width), of what the columns make of a table."""
        columns = scaled(self._columns(blocks), self.centers, self.factors)
        for i, quantiles in enumerate(self.quantiles):
            columns[:, i] = normal_scores(columns[:, i], quantiles)
        columns = clip_smoothly(columns) if self.clipped else columns
        codes = [blocks.codes[:, column] for column, _ in self.embedded]
        return np.concatenate([columns, *(code[:, None] for code in codes)], axis=1)

    def _columns(self, blocks: Blocks) -> HostArray:
        """Return numbers, indicators and one-hot columns, as they are."""
        numbers = np.concatenate([blocks.numeric, blocks.indicators], axis=1)[:, list(self.order)]
        hot = [one_hot(blocks.codes[:, column], q) for column, q in self.one_hot]
        return np.concatenate([numbers, *hot], axis=1)

    def to_json(self) -> dict[str, Any]:
        """Return it in terms of JSON."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: Any) -> Self:
        """Return the inputs that `to_json` described."""
        try:
            found = cls(
                tuple(map(int, content["order"])),
                int(content["numbers"]),
                _pairs(content["one_hot"]),
                _pairs(content["embedded"]),
                tuple(map(float, content["centers"])),
                tuple(map(float, content["factors"])),
                tuple(tuple(map(float, each)) for each in content["quantiles"]),
                bool(content.get("clipped", not content["quantiles"])),  # the first did not say
            )
            learned = (found.centers, found.factors, *found.quantiles)
            if not all(np.isfinite(numbers).all() for numbers in learned):
                raise ValueError("centers, factors and quantiles are finite")
        except (KeyError, TypeError, ValueError, OverflowError):
            raise InvalidArgument(
                "the model does not say what its network reads of a table: wanted one that a "
                "recipe made."
            ) from None
        return found


def _pairs(stored: Any) -> tuple[tuple[int, int], ...]:
    return tuple((int(column), int(categories)) for column, categories in stored)


def one_hot(codes: HostArray, categories: int) -> Array:
    """Return a column for each category; of two categories one column of 1 and -1.

    What is no category of these is 0.

    Examples
    --------
    >>> one_hot(np.asarray([0, 1, -1]), 2).T
    array([[ 1., -1.,  0.]])
    """
    hot = (codes[:, None] == np.arange(categories)).astype("float64")
    return hot[:, :1] - hot[:, 1:] if categories == 2 else hot


def robust_scale(columns: HostArray) -> tuple[HostArray, HostArray]:
    """Return the median of each column, and 1 over the distance of its quartiles.

    Where the quartiles are the same it is 2 over the distance of the ends, and 0 where these are.

    Examples
    --------
    >>> robust_scale(np.asarray([[0.0, 7.0, 0.0], [2.0, 7.0, 0.0], [4.0, 7.0, 0.0],
    ...                          [6.0, 7.0, 0.0], [8.0, 7.0, 5.0]]))
    (array([4., 7., 0.]), array([0.25, 0.  , 0.4 ]))
    """
    low, q25, median, q75, high = np.quantile(columns, [0.0, 0.25, 0.5, 0.75, 1.0], axis=0)
    with np.errstate(over="ignore"):
        width = np.where(q75 > q25, q75 - q25, 0.5 * high - 0.5 * low)
    with np.errstate(over="ignore", divide="ignore"):
        factors = np.where(width > 0.0, 1.0 / np.where(width > 0.0, width, 1.0), 0.0)
    return median, np.minimum(factors, np.finfo("float64").max)


def scaled(columns: HostArray, centers: Sequence[float], factors: Sequence[float]) -> Array:
    """Return (x - center) factor, column by column; what overflows is the largest number."""
    largest = np.finfo("float64").max
    with np.errstate(over="ignore", invalid="ignore"):
        product = (columns - np.asarray(centers)) * np.asarray(factors)
    return np.nan_to_num(product, nan=0.0, posinf=largest, neginf=-largest)


def normal_scores(x: HostArray, quantiles: Sequence[float]) -> Array:
    """Return what a normal variable has where a column has these numbers, from -5.2 to 5.2.

    Its place among the rows is linear from one quantile to the next; a number that many rows have
    has the middle of their places, as it comes to where noise is added before (Gorishniy,
    Kotelnikov & Babenko, "TabM").

    Examples
    --------
    >>> normal_scores(np.asarray([1.0, 1.5, 2.0, 9.0]), [0.0, 1.0, 2.0]).round(1)
    array([0. , 0.7, 5.2, 5.2])
    """
    from scipy.special import ndtri  # which scikit-learn brings

    q, places = np.asarray(quantiles), np.linspace(0.0, 1.0, len(quantiles))
    from_left, from_right = np.interp(x, q, places), -np.interp(-x, -q[::-1], -places[::-1])
    return ndtri(np.clip(0.5 * (from_left + from_right), 1e-7, 1.0 - 1e-7))


def clip_smoothly(x: HostArray) -> Array:
    """Return x / sqrt(1 + (x / 3)^2): near 0 it is x, and it never goes beyond -3 and 3.

    Examples
    --------
    >>> clip_smoothly(np.asarray([0.0, 4.0, -1e308])).round(3)
    array([ 0. ,  2.4, -3. ])
    """
    return x / np.hypot(1.0, x / LARGEST)
