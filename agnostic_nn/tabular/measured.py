"""Columns of numbers, true and false, dates and times."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np

from ..errors import InvalidArgument, shown
from .columns import Column, Differences, Part
from .frames import few, import_pandas
from .text import (
    NEARLY_ALL,
    HostArray,
    dates_in,
    days_of,
    distinct,
    numbers_in,
    share_of,
    truths_in,
)

#: The parts of a date that come round again: how long a round takes, and where in it a day is.
CYCLES: dict[str, tuple[float, str]] = {
    "month": (12.0, "month"),
    "day": (31.0, "day"),
    "weekday": (7.0, "day_of_week"),
    "hour": (24.0, "hour"),
    "minute": (60.0, "minute"),
}

#: So many texts that are no numbers a model keeps; those of training that were more are told
#: again where they are met.
MOST_BLANKS = 100


@dataclass(frozen=True)
class Measured(Column):
    """A column whose every value is a number, or is made into one, standardized.

    Attributes
    ----------
    name : str
    mean, scale : float
        Of the numbers in training, missing ones filled in.
    fill : float or None
        What is put where a number is missing, the median of training; None for the mean.
    indicator : bool
        Whether another input says where a number is missing, as some were in training.
    blanks : tuple of str
        Texts in training that were no numbers, and stand for a missing one.
    note : str
    """

    name: str
    mean: float = 0.0
    scale: float = 1.0
    fill: float | None = None
    indicator: bool = False
    blanks: tuple[str, ...] = ()
    note: str = ""

    @classmethod
    def learn(cls, values: Any, missing: Collection[str], **options: Any) -> Self:
        """Learn from a training column; options are attributes that are known beforehand."""
        column = cls(str(values.name), **options)
        numbers, strange = column.numbers_of(values, missing)
        absent = np.isnan(numbers)
        fill = _median(numbers[~absent])
        mean, scale = moments(np.where(absent, fill, numbers), column.name)
        return replace(
            column, mean=mean, scale=scale, fill=fill, indicator=bool(absent.any()),
            blanks=column.blanks or tuple(sorted(strange)[:MOST_BLANKS]),
        )  # fmt: skip

    def read(self, values: Any, missing: Collection[str], differences: Differences) -> Part:
        """Return the numbers; see `Column.read`."""
        numbers, strange = self.numbers_of(values, {*missing, *self.blanks})
        absent, unreadable = np.isnan(numbers), sum(strange.values())
        if unreadable:
            differences.count("unreadable", self.name, unreadable, next(iter(strange)))
        if not self.indicator:
            differences.count("absent", self.name, int(absent.sum()) - unreadable)
        numbers[absent] = self.mean if self.fill is None else self.fill
        return Part(absent, numbers.reshape(-1, 1))

    def outputs(self) -> list[str]:
        """Return the column's name, and one for where it is missing."""
        return [self.name, f"{self.name} is missing"] if self.indicator else [self.name]

    def encode(self, part: Part, out: HostArray) -> None:
        """Write the standardized numbers, what was made beside them, and where one is missing."""
        assert part.numbers is not None
        k = part.numbers.shape[1]
        out[:, 0] = (part.numbers[:, 0] - self.mean) / self.scale
        out[:, 1:k] = part.numbers[:, 1:]
        if self.indicator:
            out[:, k] = part.absent

    def check(self) -> None:
        """Raise ValueError for what cannot have been learned: a file may say anything."""
        finite = math.isfinite(self.mean) and math.isfinite(self.fill or 0.0)
        if not (finite and 0.0 < self.scale < math.inf):
            raise ValueError("means, scales and medians are finite")

    def numbers_of(self, values: Any, missing: Collection[str]) -> tuple[HostArray, dict[str, int]]:
        """Return the numbers, NaN where one is missing, and how often a text is none.

        Raises
        ------
        InvalidArgument
            If many texts are none, or numbers are infinite.
        """
        numbers, strange = self._typed(values), {}
        if numbers is None:
            found = distinct(values, missing)
            each = self._in_text(found.texts)
            none = np.isnan(each)
            strange = dict(zip(found.texts[none], found.counts()[none].tolist(), strict=True))
            if none.any() and share_of(~none, found) < NEARLY_ALL:
                raise InvalidArgument(
                    f"data holds {shown(next(iter(strange)))} in the column {shown(self.name)}: "
                    f"wanted {self.wanted()}."
                )
            numbers = found.spread(each, np.nan)
        infinite = int(np.isinf(numbers).sum())
        if infinite:
            raise InvalidArgument(
                f"data holds infinity in {infinite} of {len(numbers)} rows of the column "
                f"{shown(self.name)}: wanted finite numbers."
            )
        return numbers, strange

    def wanted(self) -> str:
        """Return what messages call the values."""
        return "numbers"

    def _typed(self, values: Any) -> HostArray | None:
        """Return the numbers of values that are no text; None where they are."""
        raise NotImplementedError

    def _in_text(self, texts: HostArray) -> HostArray:
        """Return the number that each text is, NaN where it is none."""
        raise NotImplementedError


@dataclass(frozen=True)
class Numeric(Measured):
    """A column of numbers, standardized: (x - mean) / scale.

    Attributes
    ----------
    decimal : str
        What comes before the fraction where numbers are text; the others are those of `Measured`.
    """

    kind: ClassVar[str] = "numeric"

    decimal: str = "."

    def describe(self) -> str:
        """Return in a few words what it is."""
        filled = f", median {self.fill:.5g} where missing" if self.indicator else ""
        return f"numbers, mean {self.mean:.5g}, standard deviation {self.scale:.5g}{filled}"

    def check(self) -> None:
        """Raise ValueError for what cannot have been learned: a file may say anything."""
        super().check()
        if self.decimal not in (".", ","):
            raise ValueError("a decimal sign is a point or a comma")

    def _typed(self, values: Any) -> HostArray | None:
        pandas = import_pandas()
        if pandas.api.types.is_complex_dtype(values):
            raise InvalidArgument(
                f"data holds complex numbers in the column {shown(self.name)}. Complex data not "
                "supported: split it into two columns."
            )
        if pandas.api.types.is_timedelta64_dtype(values):
            values = values / pandas.Timedelta(seconds=1)
        if isinstance(values.dtype, pandas.CategoricalDtype):
            return None
        if not pandas.api.types.is_numeric_dtype(values):
            return None
        numbers: HostArray = values.to_numpy(dtype="float64", na_value=np.nan, copy=True)
        return numbers

    def _in_text(self, texts: HostArray) -> HostArray:
        numbers = numbers_in(texts, self.decimal)
        none = np.isnan(numbers)  # a file has true and false where an array had 1 and 0
        numbers[none] = truths_in(texts[none])
        return numbers


@dataclass(frozen=True)
class Boolean(Numeric):
    """A column of true and false, read as 1 and 0 and standardized as numbers are."""

    kind: ClassVar[str] = "boolean"

    def describe(self) -> str:
        """Return in a few words what it is."""
        return f"true or false, true in {self.mean:.0%}"

    def wanted(self) -> str:
        """Return what messages call the values."""
        return "true or false"


@dataclass(frozen=True)
class DateTime(Measured):
    """A column of dates or times: how much time has passed, and where in the year, week and day.

    The time that has passed is standardized; each part that comes round again, such as the month,
    becomes a sine and a cosine, so that December is beside January.

    Attributes
    ----------
    format : str
        Of dates that are text; "ISO8601", or in the terms of `datetime.strptime`. Mean, scale and
        median are in days since 1970.
    parts : tuple of str
        Of `CYCLES`, those that varied in training.
    """

    kind: ClassVar[str] = "datetime"

    format: str = "ISO8601"
    parts: tuple[str, ...] = ()

    @classmethod
    def learn(cls, values: Any, missing: Collection[str], **options: Any) -> Self:
        """Learn from a training column."""
        column = super().learn(values, missing, **options)
        days, _ = column.numbers_of(values, missing)
        where = _calendar(days[~np.isnan(days)])
        varied = (part for part in CYCLES if where[part].max() > where[part].min())
        return replace(column, parts=tuple(varied))

    def read(self, values: Any, missing: Collection[str], differences: Differences) -> Part:
        """Return days since 1970 and the parts as sines and cosines; see `Column.read`."""
        part = super().read(values, missing, differences)
        assert part.numbers is not None
        where, numbers = _calendar(part.numbers[:, 0]), [part.numbers[:, 0]]
        for each in self.parts:
            turn = where[each] * (2.0 * math.pi / CYCLES[each][0])
            numbers += [np.where(part.absent, 0.0, wave(turn)) for wave in (np.sin, np.cos)]
        return Part(part.absent, np.stack(numbers, axis=1))

    def outputs(self) -> list[str]:
        """Return names for the time that has passed, the parts, and where it is missing."""
        passed, *missing = super().outputs()
        rounds = [
            f"{wave} of the {part} of {self.name}"
            for part in self.parts
            for wave in ("sine", "cosine")
        ]
        return [passed, *rounds, *missing]

    def describe(self) -> str:
        """Return in a few words what it is."""
        form = "" if self.format == "ISO8601" else f" as {self.format}"
        return f"dates{form}: the time that has passed, and {few(self.parts) or 'nothing else'}"

    def check(self) -> None:
        """Raise ValueError for what cannot have been learned: a file may say anything."""
        super().check()
        if not set(self.parts) <= set(CYCLES):
            raise ValueError("the parts of a date are those in CYCLES")
        self.wanted()

    def wanted(self) -> str:
        """Return what messages call the values."""
        form = "%Y-%m-%d" if self.format == "ISO8601" else self.format
        example = import_pandas().Timestamp("2020-12-31 23:59").strftime(form)
        return f"dates or times such as {example}"

    def _typed(self, values: Any) -> HostArray | None:
        dates = import_pandas().api.types.is_datetime64_any_dtype(values)
        return days_of(values) if dates else None

    def _in_text(self, texts: HostArray) -> HostArray:
        return dates_in(texts, self.format)


def _calendar(days: HostArray) -> dict[str, HostArray]:
    """Return where in each cycle the days since 1970 are."""
    pandas = import_pandas()
    seconds = np.round(days * 86_400.0)  # a fraction of a day is not exact
    times = pandas.DatetimeIndex(seconds.astype("datetime64[s]"))
    return {part: getattr(times, of).to_numpy(dtype="float64") for part, (_, of) in CYCLES.items()}


def moments(numbers: HostArray, name: str) -> tuple[float, float]:
    """Return mean and standard deviation of finite numbers, which may be as large as they like."""
    if len(numbers) == 0:
        return 0.0, 1.0
    lowest, highest, size = float(numbers.min()), float(numbers.max()), _size(numbers)
    mean = float((numbers / size).mean()) * size
    scale = float((numbers / size).std()) * size
    if math.isinf(highest - mean) or math.isinf(lowest - mean):
        raise InvalidArgument(
            f"data has numbers too large to standardize in the column {shown(name)}: "
            f"up to {max(-lowest, highest):g}."
        )
    # a constant column is 0 throughout, also where its rounded mean is not quite its value
    return mean, 1.0 if highest == lowest or scale == 0.0 else scale


def _size(numbers: HostArray) -> float:
    """Return what to divide by, so that no square or sum of the numbers leaves their range."""
    largest = float(np.abs(numbers).max(initial=0.0))
    return 1.0 if largest == 0.0 or 1e-140 < largest < 1e140 else largest


def _median(numbers: HostArray) -> float:
    size = _size(numbers)
    return float(np.median(numbers / size)) * size if len(numbers) else 0.0
