"""What is in a table: each column looked at once, and what it is decided and told."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import InvalidArgument, shown, unknown_name
from .categorical import Categorical
from .columns import Column, LeftOut
from .frames import import_pandas
from .measured import MOST_BLANKS, Boolean, DateTime, Numeric
from .text import (
    MISSING,
    NEARLY_ALL,
    Distinct,
    HostArray,
    are_codes,
    date_format_of,
    decimal_in,
    distinct,
    is_ambiguous,
    numbers_in,
    share_of,
    truths_in,
)

#: A column of text has at most so many categories; of one with more, the frequent ones are kept.
MOST_CATEGORIES = 1000

#: How many are kept then, and in how many rows a category has to be.
FREQUENT, LEAST_ROWS = 100, 10

#: In a table of fewer rows, that all values of a column differ says nothing.
FEW_ROWS = 20

#: There are not more ways than these to write true and false.
FEW_TRUTHS = 20

_ID = re.compile(
    r"(?i:(?:^|.*[\W_])(?:id|ids|uuid|guid|key|index|idx|no|nr|row|rowid|rownames?|rownumber))"
    r"|.*[a-z](?:ID|Id)"
)
_BLANK = re.compile(r"\s*|Unnamed: \d+")


@dataclass(frozen=True)
class Wishes:
    """What somebody says about the columns: it goes before what they look like.

    Attributes
    ----------
    categorical, numeric, drop : collection of str
        Columns that are categories, that are numbers, and that are not to be looked at.
    missing : collection of str
        The texts that stand for no value.
    decimal : str or None
        What comes before a fraction in a column that does not show it.
    """

    categorical: Collection[str] = ()
    numeric: Collection[str] = ()
    drop: Collection[str] = ()
    missing: Collection[str] = MISSING
    decimal: str | None = None

    def check(self, names: Sequence[str]) -> None:
        """Raise if a column is named that is not there, or is wished to be two things."""
        for argument in ("categorical", "numeric", "drop"):
            wished = getattr(self, argument)
            if isinstance(wished, str):
                raise InvalidArgument(f"{argument}={wished!r}: wanted a list of columns.")
            for name in wished:
                if name not in names:
                    raise unknown_name(argument, name, names)
        for one, other in (
            ("categorical", "numeric"),
            ("categorical", "drop"),
            ("numeric", "drop"),
        ):
            both = set(getattr(self, one)) & set(getattr(self, other))
            if both:
                raise InvalidArgument(
                    f"{one} and {other} both name the column {shown(min(both))}: wanted it in one "
                    "of them."
                )


def inspect(frame: Any, wishes: Wishes) -> list[Column | LeftOut]:
    """Look at each column of a training table, and learn it.

    Parameters
    ----------
    frame : pandas.DataFrame
        The features.
    wishes : Wishes

    Returns
    -------
    list of Column or LeftOut
        In the table's order.

    Raises
    ------
    InvalidArgument
        If no column is left to learn from, or one cannot be read.
    """
    wishes.check(list(frame.columns))
    if frame.shape[1] == 0:
        raise InvalidArgument(
            f"data has 0 feature(s) (shape={frame.shape}) while a minimum of 1 is required."
        )
    if len(frame) < 2:
        raise InvalidArgument(
            f"data has n_samples = {len(frame)} rows: wanted at least two, which differ."
        )
    found = [_look(frame[name], wishes) for name in frame.columns]
    if not any(isinstance(column, Column) for column in found):  # time may count the rows as well
        found = [getattr(column, "column", None) or column for column in found]
    if not any(isinstance(column, Column) for column in found):
        reasons = "; ".join(f"{shown(column.name)} is {column.note}" for column in found[:3])
        raise InvalidArgument(
            f"data has no column to learn from ({reasons}): wanted one that differs from row to "
            "row and is no name of the row; say categorical or numeric to have one read."
        )
    return found


def _look(values: Any, wishes: Wishes) -> Column | LeftOut:
    """Decide what a column is, and learn it."""
    pandas = import_pandas()
    name, missing, types = str(values.name), wishes.missing, pandas.api.types
    if name in wishes.drop:
        return LeftOut(name, "left out, as was asked for")
    if name in wishes.categorical:
        return _categories(values, wishes, asked=True)
    if isinstance(values.dtype, pandas.CategoricalDtype):
        return _text(values, wishes) if name in wishes.numeric else _categories(values, wishes)
    dates, durations = types.is_datetime64_any_dtype(values), types.is_timedelta64_dtype(values)
    if not (dates or durations or types.is_numeric_dtype(values)):  # numeric are true and false too
        return _text(values, wishes)
    if values.isna().all():
        return LeftOut(name, "left out: it has no value in any row")
    if values.nunique(dropna=False) == 1:
        return LeftOut(name, "left out: the same in every row")
    if types.is_bool_dtype(values):
        return Boolean.learn(values, missing)
    return DateTime.learn(values, missing) if dates else _number(values, wishes)


def _text(values: Any, wishes: Wishes) -> Column | LeftOut:
    """Decide what a column of text is."""
    name, missing = str(values.name), wishes.missing
    found = distinct(values, missing)
    if len(found.texts) == 0:
        return LeftOut(name, "left out: it has no value in any row")
    if len(found.texts) == 1 and found.present == len(values):
        return LeftOut(name, f"left out: {shown(found.texts[0])} in every row")
    decimal = decimal_in(found.texts) or wishes.decimal or "."
    if name in wishes.numeric:
        Numeric(name, decimal=decimal).numbers_of(values, missing)  # raises where many are none
        return _written_numbers(name, found, decimal, wishes, "read as numbers, as was asked for")
    if len(found.texts) < FEW_TRUTHS and not np.isnan(truths_in(found.texts)).any():
        return Boolean.learn(values, missing)
    if are_codes(found.texts):
        return _categories(values, wishes, note="digits with leading zeros, read as text")
    sample = found.texts[:: max(1, len(found.texts) // 200)]
    if np.isnan(numbers_in(sample, decimal)).mean() <= 0.5:
        numbers = numbers_in(found.texts, decimal)
        if share_of(~np.isnan(numbers), found) >= NEARLY_ALL:
            return _written_numbers(name, found, decimal, wishes)
    form = date_format_of(found)
    if form is not None:
        note = ""
        if is_ambiguous(found.texts, form):
            order = "the month first" if form.index("%m") < form.index("%d") else "the day first"
            note = f"dates that do not tell day from month, read with {order}"
        return DateTime.learn(values, missing, format=form, note=note)
    return _categories(values, wishes)


def _written_numbers(
    name: str, found: Distinct, decimal: str, wishes: Wishes, note: str = ""
) -> Column | LeftOut:
    """Learn a column of text as numbers, and tell what is not plainly one."""
    pandas = import_pandas()
    numbers = numbers_in(found.texts, decimal)
    none, told = np.isnan(numbers), [note] if note else []
    plain = pandas.to_numeric(found.texts, errors="coerce")
    adorned = np.flatnonzero(np.isnan(plain.astype("float64")) & ~none)
    if len(adorned):
        told.append(f"text such as {found.texts[adorned[0]]!r} is read as a number")
    if none.any():
        rows = int(found.counts()[none].sum())
        told.append(
            f"{rows:,} values such as {shown(str(found.texts[none][0]))} are taken as missing"
        )
    values = pandas.Series(found.spread(numbers, np.nan), name=name)
    blanks = tuple(sorted(found.texts[none])[:MOST_BLANKS])
    return _number(values, wishes, note="; ".join(told), decimal=decimal, blanks=blanks)


def _number(values: Any, wishes: Wishes, **options: Any) -> Column | LeftOut:
    """Learn a column of numbers; leave it out where it is an id."""
    name = str(values.name)
    column = Numeric.learn(values, wishes.missing, **options)
    if name in wishes.numeric or len(values) < FEW_ROWS:
        return column
    numbers, _ = column.numbers_of(values, wishes.missing)
    if not _whole_and_different(numbers):
        return column
    if _BLANK.fullmatch(name):
        return LeftOut(name, "left out: an index that was saved with the table")
    if _ID.fullmatch(name):
        return LeftOut(name, "left out: an id, a different whole number in each row")
    if numbers.min() >= 0 and numbers.max() <= 2 * len(values):
        return LeftOut(name, "left out: it counts the rows", column)
    return column


def _whole_and_different(numbers: HostArray) -> bool:
    """Whether all numbers are there, whole, and each another one."""
    n = len(numbers)
    if not numbers.max() - numbers.min() >= n - 1 or (numbers % 1 != 0).any():  # NaN is neither
        return False
    return len(np.unique(numbers)) == n


def _categories(
    values: Any, wishes: Wishes, note: str = "", *, asked: bool = False
) -> Column | LeftOut:
    """Learn a column of categories; of too many, those that are frequent."""
    name = str(values.name)
    found = distinct(values, wishes.missing)
    count = len(found.texts)
    many = count > MOST_CATEGORIES
    if not asked and len(values) >= FEW_ROWS:
        many = many or 2 * count > found.present
    if not many:
        column: Column = Categorical.learn(values, wishes.missing, note)
        return column if column.width > 1 else LeftOut(name, "left out: the same in every row")
    rows = found.counts()
    frequent = [i for i in np.argsort(-rows, kind="stable")[:FREQUENT] if rows[i] >= LEAST_ROWS]
    if frequent:
        kept = f"the {len(frequent)} most frequent are kept, all others are one"
    elif found.present == len(values):
        if count == len(values):
            return LeftOut(name, "left out: a different text in every row")
        return LeftOut(name, f"left out: {count:,} different texts in {len(values):,} rows")
    else:
        kept = "only whether there is one is kept"
    note = f"{count:,} different texts in {found.present:,} rows: {kept}"
    learned: Column = Categorical.learn(
        values, wishes.missing, note, [found.texts[i] for i in frequent]
    )
    return learned
