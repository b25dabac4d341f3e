"""What a column is, and how it becomes numbers: one class for each kind of column.

A column is learned once, and then reads any other table's column of that name in the same way,
whatever file it comes from: a text that was a category stays one, also where it looks like a
number. It is read in two steps. `read` makes a `Part` of it: numbers as they are, or the places
of categories. `encode` writes a part as a network takes it: standardized, one-hot.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import asdict, dataclass, field, fields
from typing import Any, ClassVar, Self

import numpy as np

from ..errors import InvalidArgument, shown
from .frames import few, import_pandas
from .text import (
    NEARLY_ALL,
    Distinct,
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
    "weekday": (7.0, "dayofweek"),
    "hour": (24.0, "hour"),
    "minute": (60.0, "minute"),
}


@dataclass(frozen=True)
class Part:
    """A column that was read.

    Attributes
    ----------
    numbers : array of float, (n_samples, n_numbers), or None
        As they are in the table; what was missing has been filled in.
    codes : array of int, (n_samples,), or None
        The place among the categories; -1 for none of them.
    absent : array of bool, (n_samples,)
        Where there was no value.
    """

    absent: HostArray
    numbers: HostArray | None = None
    codes: HostArray | None = None


@dataclass
class Differences:
    """How a table differs from the one that was learned from: what is counted while reading.

    Attributes
    ----------
    rows : int
        How many rows were read.
    lacking : list of str
        Columns that are not there.
    unseen, unreadable, absent : dict of str to a count and an example
        By column: categories that were not there in training, text where numbers were, and
        places without a value where there always was one.
    """

    rows: int = 0
    lacking: list[str] = field(default_factory=list)
    unseen: dict[str, tuple[int, str]] = field(default_factory=dict)
    unreadable: dict[str, tuple[int, str]] = field(default_factory=dict)
    absent: dict[str, tuple[int, str]] = field(default_factory=dict)

    def count(self, kind: str, column: str, rows: int, example: str = "") -> None:
        """Add rows of a kind, "unseen", "unreadable" or "absent", in a column."""
        if rows:
            counted = getattr(self, kind)
            before, first = counted.get(column, (0, example))
            counted[column] = before + rows, first

    def sentence(self) -> str:
        """Return it in one sentence; "" where there is no difference."""
        told = []
        if self.lacking:
            names = few([shown(name) for name in self.lacking])
            told.append(f"no column {names}: taken as missing in every row")
        kinds = (
            ("unseen", "a category not seen in training"),
            ("unreadable", "text where numbers were"),
            ("absent", "no value where training had one in every row"),
        )
        for kind, what in kinds:
            counted = getattr(self, kind)
            columns = [
                f"{shown(name)} ({rows:,} rows"
                + (f", such as {shown(example)})" if example else ")")
                for name, (rows, example) in counted.items()
            ]
            if columns:
                told.append(f"{what}: {few(columns)}")
        return f"in {self.rows:,} rows: {'; '.join(told)}." if told else ""


class Column:
    """What all kinds of columns have in common.

    Attributes
    ----------
    name : str
        In the table.
    kind : str
        What a file calls it.
    note : str
        What is worth telling about how it is read; "" where nothing is.
    """

    kind: ClassVar[str]
    name: str
    note: str

    @property
    def width(self) -> int:
        """How many of the network's inputs it becomes."""
        return len(self.outputs())

    def outputs(self) -> list[str]:
        """Return a name for each of the network's inputs that it becomes."""
        raise NotImplementedError

    def read(self, values: Any, missing: Collection[str], differences: Differences) -> Part:
        """Return what the column of a table holds.

        Parameters
        ----------
        values : pandas.Series
        missing : collection of str
            The texts that stand for no value.
        differences : Differences
            Where to count what training did not have.
        """
        raise NotImplementedError

    def encode(self, part: Part, out: HostArray) -> None:
        """Write a part that was read as a network takes it, (n_samples, width)."""
        raise NotImplementedError

    def describe(self) -> str:
        """Return in a few words what it is."""
        raise NotImplementedError

    def check(self) -> None:
        """Raise ValueError for what cannot have been learned: a file may say anything."""
        raise NotImplementedError

    def to_json(self) -> dict[str, Any]:
        """Return it in terms of JSON."""
        return {"kind": self.kind, **asdict(self)}  # type: ignore[call-overload]


@dataclass(frozen=True)
class Numeric(Column):
    """A column of numbers, standardized: (x - mean) / scale.

    Attributes
    ----------
    name : str
    mean, scale : float
        Of the numbers in training, missing ones filled in.
    fill : float or None
        What is put where a number is missing, the median of training; None for the mean.
    indicator : bool
        Whether another input says where a number is missing, as some were in training.
    decimal : str
        What comes before the fraction where numbers are text.
    note : str
    """

    kind: ClassVar[str] = "numeric"

    name: str
    mean: float
    scale: float
    fill: float | None = None
    indicator: bool = False
    decimal: str = "."
    note: str = ""

    @classmethod
    def learn(cls, values: Any, missing: Collection[str], note: str = "", **options: Any) -> Self:
        """Learn from a training column."""
        name = str(values.name)
        blank = cls(name, 0.0, 1.0, note=note, **options)
        numbers, absent, _ = blank._numbers(values, missing)
        fill = _median(numbers[~absent])
        numbers[absent] = fill
        mean, scale = moments(numbers, name)
        return cls(name, mean, scale, fill, bool(absent.any()), note=note, **options)

    def outputs(self) -> list[str]:
        """Return the column's name, and one for where it is missing."""
        return [self.name, f"{self.name} is missing"] if self.indicator else [self.name]

    def read(self, values: Any, missing: Collection[str], differences: Differences) -> Part:
        """Return the numbers; see `Column.read`."""
        numbers, absent, strange = self._numbers(values, missing)
        if strange:
            differences.count("unreadable", self.name, *strange)
        if not self.indicator:
            rows = int(absent.sum()) - (strange[0] if strange else 0)
            differences.count("absent", self.name, rows)
        numbers[absent] = self.mean if self.fill is None else self.fill
        return Part(absent, numbers.reshape(-1, 1))

    def encode(self, part: Part, out: HostArray) -> None:
        """Write the standardized numbers, and where they are missing."""
        assert part.numbers is not None
        out[:, 0] = (part.numbers[:, 0] - self.mean) / self.scale
        if self.indicator:
            out[:, 1] = part.absent

    def describe(self) -> str:
        """Return in a few words what it is."""
        filled = f", median {self.fill:.5g} where missing" if self.indicator else ""
        return f"numbers, mean {self.mean:.5g}, standard deviation {self.scale:.5g}{filled}"

    def check(self) -> None:
        """Raise ValueError for what cannot have been learned: a file may say anything."""
        _check_moments(self.mean, self.scale, self.fill)
        if self.decimal not in (".", ","):
            raise ValueError("a decimal sign is a point or a comma")

    def _numbers(
        self, values: Any, missing: Collection[str]
    ) -> tuple[HostArray, HostArray, tuple[int, str] | None]:
        """Return the numbers, where there are none, and how many texts are none of them."""
        pandas = import_pandas()
        strange = None
        if pandas.api.types.is_complex_dtype(values):
            raise InvalidArgument(
                f"data holds complex numbers in the column {shown(self.name)}: wanted real ones; "
                "split it into two columns."
            )
        if pandas.api.types.is_timedelta64_dtype(values):
            values = values / pandas.Timedelta(seconds=1)
        typed = pandas.api.types.is_numeric_dtype(values)
        if typed and not isinstance(values.dtype, pandas.CategoricalDtype):
            numbers = values.to_numpy(dtype="float64", na_value=np.nan, copy=True)
        else:
            found = distinct(values, missing)
            each = self._in_text(found.texts)
            strange = self._strange(found, each)
            numbers = found.spread(each, np.nan)
        infinite = int(np.isinf(numbers).sum())
        if infinite:
            raise InvalidArgument(
                f"data holds infinity in {infinite} of {len(numbers)} rows of the column "
                f"{shown(self.name)}: wanted finite numbers."
            )
        return numbers, np.isnan(numbers), strange

    def _in_text(self, texts: HostArray) -> HostArray:
        numbers = numbers_in(texts, self.decimal)
        truths = truths_in(texts)  # a file has true and false where an array had 1 and 0
        return np.where(np.isnan(numbers), truths, numbers)

    def _strange(self, found: Distinct, numbers: HostArray) -> tuple[int, str] | None:
        """How many rows hold text that is no number, with an example; refuse where many do."""
        none = np.isnan(numbers)
        if not none.any():
            return None
        example = str(found.texts[none][0])
        if share_of(~none, found) < NEARLY_ALL:
            raise InvalidArgument(
                f"data holds {shown(example)} in the column {shown(self.name)}: wanted "
                f"{self._wanted}."
            )
        return int(found.counts()[none].sum()), example

    _wanted: ClassVar[str] = "numbers"


@dataclass(frozen=True)
class Boolean(Numeric):
    """A column of true and false, read as 1 and 0 and standardized as numbers are."""

    kind: ClassVar[str] = "boolean"
    _wanted: ClassVar[str] = "true or false"

    def describe(self) -> str:
        """Return in a few words what it is."""
        return f"true or false, true in {self.mean:.0%}"


@dataclass(frozen=True)
class Categorical(Column):
    """A column of categories, one-hot; a category not seen in training is all zeros.

    Attributes
    ----------
    name : str
    categories : tuple of str
    missing : bool
        Whether no value is a category of its own, behind the others, as it was in training.
    others : bool
        Whether all further categories, rare or never seen, share one, behind `categories`.
    note : str
    """

    kind: ClassVar[str] = "categorical"

    name: str
    categories: tuple[str, ...]
    missing: bool = False
    others: bool = False
    note: str = ""

    @classmethod
    def learn(
        cls,
        values: Any,
        missing: Collection[str],
        note: str = "",
        categories: Collection[str] | None = None,
    ) -> Self:
        """Learn from a training column; where `categories` are given, all others share one."""
        found = distinct(values, missing)
        known = tuple(sorted(found.texts if categories is None else categories))
        absent, others = bool((found.codes < 0).any()), len(known) < len(found.texts)
        return cls(str(values.name), known, absent, others, note)

    def outputs(self) -> list[str]:
        """Return a name for each category."""
        last = [*(["another"] if self.others else []), *(["missing"] if self.missing else [])]
        return [
            *(f"{self.name} = {category}" for category in self.categories),
            *(f"{self.name} is {what}" for what in last),
        ]

    def read(self, values: Any, missing: Collection[str], differences: Differences) -> Part:
        """Return the categories' places; see `Column.read`."""
        place = {category: i for i, category in enumerate(self.categories)}
        # a model of before spaces were cut off, or words taken for missing, may know them
        found = distinct(values, set(missing) - place.keys(), strip=False)
        each = np.asarray([_place(text, place, missing) for text in found.texts], dtype=np.int64)
        codes = found.spread(each, _ABSENT)
        absent, unseen = codes == _ABSENT, codes == _UNSEEN
        codes[absent] = len(self.categories) + self.others if self.missing else -1
        codes[unseen] = len(self.categories) if self.others else -1
        if unseen.any() and not self.others:
            example = str(found.texts[each == _UNSEEN][0])
            differences.count("unseen", self.name, int(unseen.sum()), example)
        if not self.missing:
            differences.count("absent", self.name, int(absent.sum()))
        return Part(absent, codes=codes)

    def check(self) -> None:
        """Raise ValueError for what cannot have been learned: a file may say anything."""
        if self.width == 0 or len(set(self.categories)) < len(self.categories):
            raise ValueError("categories are different, and there are some")

    def encode(self, part: Part, out: HostArray) -> None:
        """Write a 1 in the input of each row's category."""
        assert part.codes is not None
        out[...] = 0.0
        known = np.flatnonzero(part.codes >= 0)
        out[known, part.codes[known]] = 1.0

    def describe(self) -> str:
        """Return in a few words what it is."""
        levels = f"{len(self.categories):,} categories"
        levels += ", the others together" if self.others else ""
        return levels + (", missing as one of its own" if self.missing else "")


#: Places of what is no category.
_UNSEEN, _ABSENT = -1, -2


def _place(text: str, place: dict[str, int], missing: Collection[str]) -> int:
    """Return the place of a category, also where other software wrote it."""
    if text in place:
        return place[text]
    text = text.strip()
    if text in missing:
        return _ABSENT
    if text not in place and text.rstrip("0").endswith("."):  # 3.0 is 3
        text = text.rstrip("0").removesuffix(".")
    return place.get(text, _UNSEEN)


@dataclass(frozen=True)
class DateTime(Column):
    """A column of dates or times: how much time has passed, and where in the year, week and day.

    The time that has passed is standardized; each part that comes round again, such as the month,
    becomes a sine and a cosine, so that December is beside January.

    Attributes
    ----------
    name : str
    format : str
        Of dates that are text; "ISO8601", or in the terms of `datetime.strptime`.
    mean, scale : float
        Of the days since 1970 in training.
    fill : float
        What is put where a date is missing: the median of training.
    indicator : bool
        Whether another input says where a date is missing.
    parts : tuple of str
        Of `CYCLES`, those that varied in training.
    note : str
    """

    kind: ClassVar[str] = "datetime"

    name: str
    format: str
    mean: float
    scale: float
    fill: float
    indicator: bool = False
    parts: tuple[str, ...] = ()
    note: str = ""

    @classmethod
    def learn(cls, values: Any, missing: Collection[str], form: str, note: str = "") -> Self:
        """Learn from a training column."""
        name = str(values.name)
        days, absent, _ = cls(name, form, 0.0, 1.0, 0.0)._days(  # noqa: SLF001 - of its own kind
            values, missing
        )
        fill = _median(days[~absent])
        known = _calendar(days[~absent])
        varied = tuple(part for part in CYCLES if known[part].max() > known[part].min())
        mean, scale = moments(np.where(absent, fill, days), name)
        return cls(name, form, mean, scale, fill, bool(absent.any()), varied, note)

    def outputs(self) -> list[str]:
        """Return names for the time that has passed, the parts, and where it is missing."""
        rounds = [
            f"{wave} of the {part} of {self.name}"
            for part in self.parts
            for wave in ("sine", "cosine")
        ]
        return [self.name, *rounds, *([f"{self.name} is missing"] if self.indicator else [])]

    def read(self, values: Any, missing: Collection[str], differences: Differences) -> Part:
        """Return days since 1970 and the parts as sines and cosines; see `Column.read`."""
        days, absent, strange = self._days(values, missing)
        if strange:
            differences.count("unreadable", self.name, *strange)
        if not self.indicator:
            rows = int(absent.sum()) - (strange[0] if strange else 0)
            differences.count("absent", self.name, rows)
        days[absent] = self.fill
        numbers = [days]
        calendar = _calendar(days)
        for part in self.parts:
            turn = calendar[part] * (2.0 * math.pi / CYCLES[part][0])
            numbers += [np.where(absent, 0.0, np.sin(turn)), np.where(absent, 0.0, np.cos(turn))]
        return Part(absent, np.stack(numbers, axis=1))

    def encode(self, part: Part, out: HostArray) -> None:
        """Write the standardized days, the parts, and where they are missing."""
        assert part.numbers is not None
        k = part.numbers.shape[1]
        out[:, 0] = (part.numbers[:, 0] - self.mean) / self.scale
        out[:, 1:k] = part.numbers[:, 1:]
        if self.indicator:
            out[:, k] = part.absent

    def describe(self) -> str:
        """Return in a few words what it is."""
        form = "" if self.format == "ISO8601" else f" as {self.format}"
        return f"dates{form}: the time that has passed, and {few(self.parts) or 'nothing else'}"

    def check(self) -> None:
        """Raise ValueError for what cannot have been learned: a file may say anything."""
        _check_moments(self.mean, self.scale, self.fill)
        if not set(self.parts) <= set(CYCLES):
            raise ValueError("the parts of a date are those in CYCLES")
        self._example()

    def _days(
        self, values: Any, missing: Collection[str]
    ) -> tuple[HostArray, HostArray, tuple[int, str] | None]:
        """Return days since 1970, where there are none, and how many texts are no date."""
        pandas = import_pandas()
        if pandas.api.types.is_datetime64_any_dtype(values):
            days = days_of(values)
            return days, np.isnan(days), None
        found = distinct(values, missing)
        each = dates_in(found.texts, self.format)
        strange, none = None, np.isnan(each)
        if none.any():
            example = str(found.texts[none][0])
            if share_of(~none, found) < NEARLY_ALL:
                raise InvalidArgument(
                    f"data holds {shown(example)} in the column {shown(self.name)}: wanted dates "
                    f"or times such as {self._example()}."
                )
            strange = int(found.counts()[none].sum()), example
        days = found.spread(each, np.nan)
        return days, np.isnan(days), strange

    def _example(self) -> str:
        form = "%Y-%m-%d" if self.format == "ISO8601" else self.format
        return str(import_pandas().Timestamp("2020-12-31 23:59").strftime(form))


def _check_moments(mean: float, scale: float, fill: float | None) -> None:
    if not (math.isfinite(mean) and 0.0 < scale < math.inf and math.isfinite(fill or 0.0)):
        raise ValueError("means, scales and medians are finite")


def _calendar(days: HostArray) -> dict[str, HostArray]:
    """Return where in each cycle the days since 1970 are."""
    pandas = import_pandas()
    times = pandas.DatetimeIndex(pandas.Timestamp(0) + pandas.to_timedelta(days, unit="D"))
    times = times.round("s")  # a fraction of a day is not exact
    return {part: getattr(times, of).to_numpy(dtype="float64") for part, (_, of) in CYCLES.items()}


@dataclass(frozen=True)
class LeftOut:
    """A column that is not looked at, and why.

    Attributes
    ----------
    name : str
    note : str
    column : Column or None
        What it would be, where it may yet be looked at for want of others.
    """

    name: str
    note: str
    column: Column | None = field(default=None, compare=False)


#: The kinds of columns, by what a file calls them.
KINDS: dict[str, type[Any]] = {
    kind.kind: kind for kind in (Numeric, Boolean, Categorical, DateTime)
}


def column_from_json(content: dict[str, Any]) -> Any:
    """Return the column that `to_json` described; one of the first format says no kind."""
    kind = KINDS[content.get("kind", "categorical" if "categories" in content else "numeric")]
    known = {f.name: content[f.name] for f in fields(kind) if f.name in content}
    for name in ("mean", "scale", "fill"):
        if known.get(name) is not None:
            known[name] = float(known[name])
    for name in ("categories", "parts"):
        if name in known:
            known[name] = tuple(map(str, known[name]))
    return kind(**known)


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
