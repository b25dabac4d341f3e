"""Values as people write them: numbers, dates, true and false, and what stands for none."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import InvalidArgument, shown
from .frames import import_pandas

HostArray = np.ndarray[Any, Any]

#: Text that stands for no value, where nobody says otherwise: what pandas takes for it, and "?".
MISSING = (
    "", "?", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND",
    "1.#QNAN", "<NA>", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null",
)  # fmt: skip

#: What has to be a number, or a date, for a column to be read as one: the rest are slips.
NEARLY_ALL = 0.95

#: So many numbers that show what comes before a fraction are enough to tell.
ENOUGH = 100

#: Dates, in the order in which they are tried: of those that fit alike, the first is taken.
DATES = (
    "%d.%m.%Y", "%m/%d/%Y", "%d/%m/%Y", "%d-%m-%Y", "%m-%d-%Y", "%Y/%m/%d", "%d.%m.%y",
    "%m/%d/%y", "%d/%m/%y", "%d %b %Y", "%d %B %Y", "%b %d %Y", "%b %d, %Y", "%B %d, %Y",
    "%d-%b-%Y", "%d-%b-%y",
)  # fmt: skip
TIMES = ("%H:%M", "%H:%M:%S", "%I:%M %p", "%I:%M:%S %p")

_CURRENCY = r"[$€£¥₹₽₩₺]"
_DATE_LIKE = re.compile(r"\d.*[-/.: ].*\d|\d\d?[- ][A-Za-z]{3}|[A-Za-z]{3,9} \d")


@dataclass(frozen=True)
class Distinct:
    """A column as the different texts in it, and which of them stands in each row.

    Attributes
    ----------
    texts : array of str, (n_distinct,)
        Without spaces around them; in the order in which they come.
    codes : array of int, (n_samples,)
        The place in `texts`; -1 where there is no value.
    """

    texts: HostArray
    codes: HostArray

    def spread(self, values: HostArray, missing: Any) -> HostArray:
        """Return a value for each row, of one for each distinct text."""
        return np.append(values, missing)[self.codes]

    def counts(self) -> HostArray:
        """Return in how many rows each text stands."""
        return np.bincount(self.codes[self.codes >= 0], minlength=len(self.texts))

    @property
    def present(self) -> int:
        """In how many rows there is a value."""
        return int((self.codes >= 0).sum())


def distinct(values: Any, missing: Collection[str] = MISSING, *, strip: bool = True) -> Distinct:
    """Return the different texts of a column, and where they stand.

    Parameters
    ----------
    values : pandas.Series
        Of any kind; whole numbers are written without a decimal point.
    missing : collection of str
        What stands for no value.
    strip : bool, default True
        Whether spaces around a text belong to it or not.

    Raises
    ------
    InvalidArgument
        If the column holds records, lists or bytes.
    """
    pandas = import_pandas()
    name = str(values.name)
    if isinstance(values.dtype, pandas.CategoricalDtype):
        values = values.cat.remove_unused_categories()
        codes, found = np.asarray(values.cat.codes), values.cat.categories
    else:
        try:
            codes, found = pandas.factorize(values)
        except TypeError:
            example = next(value for value in values if not _hashable(value))
            raise InvalidArgument(
                f"data holds {shown(example)} in the column {shown(name)}: wanted a number or a "
                "text in each place."
            ) from None
    texts = [each if isinstance(each, str) else as_text(each, name) for each in found.tolist()]
    if strip:
        texts = [text.strip() for text in texts]
    if len(texts) == 0:
        return Distinct(np.asarray([], dtype=object), codes)
    # texts that became the same are one, and those that stand for nothing are none
    place: dict[str, int] = dict.fromkeys(missing, -1)
    firsts: list[str] = []
    new = np.empty(len(texts) + 1, dtype=np.int64)
    for i, text in enumerate(texts):
        if text not in place:
            place[text] = len(firsts)
            firsts.append(text)
        new[i] = place[text]
    new[-1] = -1
    return Distinct(np.asarray(firsts, dtype=object), new[codes])


def as_text(value: Any, name: str = "") -> str:
    """Return a value as the text that a file would have for it."""
    if isinstance(value, str):
        return value
    if isinstance(value, (bytes, bytearray, memoryview)):
        raise InvalidArgument(
            f"data holds bytes in the column {shown(name)}: wanted a number or a text in each "
            "place; drop the column, or decode it."
        )
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _hashable(value: Any) -> bool:
    try:
        hash(value)
    except TypeError:
        return False
    return True


# Numbers


def numbers_in(texts: Sequence[str] | HostArray, decimal: str = ".") -> HostArray:
    """Return the number that each text is, NaN where it is none.

    Thousands may be set apart, a currency or a percent sign may stand beside the number, and
    what is in parentheses is negative: books are kept so.

    Parameters
    ----------
    texts : array of str
    decimal : str, default "."
        "." or ",", whichever comes before the fraction; the other one sets thousands apart.

    Examples
    --------
    >>> import numpy as np
    >>> texts = np.asarray(["7", "$8,348.88", "12 %", "(3)", "call us", "1,5"], dtype=object)
    >>> numbers_in(texts).tolist()
    [7.0, 8348.88, 0.12, -3.0, nan, nan]
    >>> numbers_in(texts[-1:], ",").tolist()
    [1.5]
    """
    pandas = import_pandas()
    plain = pandas.to_numeric(pandas.Series(texts, dtype=object), errors="coerce")
    found = np.array(plain, dtype="float64")
    if decimal == ",":  # 1.234 is a thousand and more
        found[[i for i, text in enumerate(texts) if "." in text]] = np.nan
    pattern = _written_number(decimal)
    thousands = "." if decimal == "," else ","
    for i in np.flatnonzero(np.isnan(found)).tolist():
        match = pattern.fullmatch(texts[i])
        if match is None:
            continue
        digits = re.sub(r"[\s'\u2019]", "", match["number"].replace(thousands, ""))
        number = float(digits.replace(decimal, "."))
        negative = match["open"] is not None or not set("-\u2212").isdisjoint(match["sign"] or "")
        found[i] = (-number if negative else number) / (100.0 if match["percent"] else 1.0)
    return found


def _written_number(decimal: str) -> re.Pattern[str]:
    point, comma = (r"\.", ",") if decimal == "." else (",", r"\.")
    digits = rf"(?:\d{{1,3}}(?:(?P<by>[{comma}\s'\u2019])\d{{3}})(?:(?P=by)\d{{3}})*|\d+)"
    number = rf"(?P<number>{digits}(?:{point}\d*)?(?:[eE][-+]?\d+)?|{point}\d+)"
    return re.compile(
        rf"(?P<open>\()?\s*(?P<sign>[-+\u2212]{_CURRENCY}?|{_CURRENCY}\s*[-+\u2212]?)?\s*{number}"
        rf"\s*(?:(?P<percent>%)|{_CURRENCY})?\s*(?(open)\))"
    )


def decimal_in(texts: Sequence[str] | HostArray) -> str | None:
    """Return what comes before the fraction of written numbers; None where nothing tells.

    In 39,1 it is plain, and in 1.234,5; 1,234 may be either.

    Examples
    --------
    >>> [decimal_in(texts) for texts in (["39,1"], ["1,234", "0.5"], ["1,234"], ["7"])]
    [',', '.', None, None]
    """
    shown = {",": 0, ".": 0}
    for text in texts:
        if "," not in text and "." not in text:
            continue
        for sign, pattern in _SHOWS.items():
            if pattern.fullmatch(text):
                shown[sign] += 1
        if sum(shown.values()) == ENOUGH:
            break
    if shown[","] == shown["."]:
        return "." if shown["."] else None
    return max(shown, key=lambda sign: shown[sign])


def _shows(sign: str, other: str) -> re.Pattern[str]:
    """Numbers that show what comes before the fraction: no three digits alone, or both signs."""
    sign, other = re.escape(sign), re.escape(other)
    groups = rf"\d{{1,3}}(?:{other}\d{{3}})+"
    fraction = rf"(?:\d*{sign}(?:\d{{1,2}}|\d{{4,}})|0?{sign}\d+|\d{{4,}}{sign}\d+)"
    several = rf"\d{{1,3}}(?:{other}\d{{3}}){{2,}}"
    number = rf"(?:{fraction}|{groups}{sign}\d+|{several})"
    return re.compile(
        rf"[-+(\u2212]?{_CURRENCY}?\s?[-+]?{number}(?:[eE][-+]?\d+)?\s?[%)]?{_CURRENCY}?"
    )


_SHOWS = {",": _shows(",", "."), ".": _shows(".", ",")}


def are_codes(texts: Sequence[str] | HostArray) -> bool:
    """Whether texts of digits are codes, not numbers: of one length, some with a leading zero.

    Examples
    --------
    >>> [are_codes(texts) for texts in (["01234", "98765"], ["05", "5"], ["1234", "0.5"])]
    [True, False, False]
    """
    one_length = len({len(text) for text in texts}) == 1
    return (
        one_length
        and len(texts[0]) > 1
        and any(text[0] == "0" for text in texts)
        and all(text.isdecimal() for text in texts)
    )


def share_of(found: HostArray, values: Distinct) -> float:
    """Return in which share of the rows that have a value it was found to be one of a kind."""
    present = values.present
    return float(values.counts()[found].sum()) / present if present else 0.0


# True and false

_TRUTH = {"true": 1.0, "false": 0.0}


def truths_in(texts: HostArray) -> HostArray:
    """Return 1 for true and 0 for false, however they are written, NaN for any other text."""
    return np.asarray([_TRUTH.get(text.lower(), np.nan) for text in texts], dtype="float64")


# Dates and times


def date_format_of(values: Distinct) -> str | None:
    """Return the format in which nearly all texts of a column are dates, or None.

    Where day and month could change places in all of them, the first of `DATES` that fits is
    taken; `is_ambiguous` says so.
    """
    sample = values.texts[:: max(1, len(values.texts) // 200)]
    if sum(bool(_DATE_LIKE.search(text)) for text in sample) < NEARLY_ALL * len(sample):
        return None
    best: tuple[float, str] | None = None
    for form in _forms(sample):
        if np.isnan(dates_in(sample, form)).mean() < 0.5:
            share = share_of(~np.isnan(dates_in(values.texts, form)), values)
            if share >= NEARLY_ALL and (best is None or share > best[0]):
                best = share, form
    return None if best is None else best[1]


def _forms(sample: HostArray) -> list[str]:
    """The formats worth a try: those with a time where there is a colon."""
    if any(":" in text for text in sample):
        return ["ISO8601", *TIMES, *(f"{date} {time}" for date in DATES for time in TIMES)]
    return ["ISO8601", *DATES]


def is_ambiguous(texts: HostArray, form: str) -> bool:
    """Whether day and month could change places in all of the dates."""
    if form == "ISO8601" or not ("%d" in form and "%m" in form) or form.startswith("%Y"):
        return False
    other = form.replace("%d", "\0").replace("%m", "%d").replace("\0", "%m")
    return not bool((np.isnan(dates_in(texts, other)) & ~np.isnan(dates_in(texts, form))).any())


def dates_in(texts: Any, form: str) -> HostArray:
    """Return the days since 1970 that texts are, with the time of day as a fraction; else NaN."""
    pandas = import_pandas()
    times = pandas.to_datetime(
        pandas.Series(texts, dtype=object), format=form, errors="coerce", utc=True
    )
    return days_of(times)


def days_of(times: Any) -> HostArray:
    """Return the days since 1970 of a column of times; NaN where there is none."""
    if getattr(times.dt, "tz", None) is not None:
        times = times.dt.tz_convert("UTC").dt.tz_localize(None)
    microseconds = times.to_numpy(dtype="datetime64[us]")
    days: HostArray = microseconds.astype("int64") / 86_400e6
    days[np.isnat(microseconds)] = np.nan
    return days
