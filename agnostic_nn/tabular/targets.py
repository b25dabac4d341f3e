"""What is to be predicted: class labels, or a quantity."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np

from .frames import as_series, import_pandas
from .text import (
    MISSING,
    NEARLY_ALL,
    Distinct,
    HostArray,
    are_codes,
    decimal_in,
    distinct,
    numbers_in,
    share_of,
    truths_in,
)

#: Whole numbers with more distinct values than this are a quantity, not class labels.
MOST_CLASSES = 20


def task_of(y: Any) -> tuple[str, str]:
    """Tell classification from regression by the target.

    It is classification when the target is text or true/false, or whole numbers with at most 20
    distinct values and at least 5 rows for each on average; otherwise it is regression.

    Parameters
    ----------
    y : pandas.Series
        The target.

    Returns
    -------
    task : str
        "classification" or "regression".
    why : str
        What decided it.

    Examples
    --------
    >>> import pandas as pd
    >>> task_of(pd.Series(["yes", "no"]))
    ('classification', 'the target is text')
    >>> task_of(pd.Series([1.5, 2.0]))
    ('regression', 'the target is not whole numbers')
    """
    pandas = import_pandas()
    y = natural(as_series(y))
    if pandas.api.types.is_bool_dtype(y):
        return "classification", "the target is true or false"
    if not pandas.api.types.is_numeric_dtype(y):
        return "classification", "the target is text"
    if not bool((y % 1 == 0).all()):
        return "regression", "the target is not whole numbers"
    distinct_values = int(y.nunique())
    counted = f"the target is whole numbers, {distinct_values} distinct values in {len(y)} rows"
    if distinct_values <= MOST_CLASSES and len(y) >= 5 * distinct_values:
        return "classification", counted
    return "regression", counted


def natural(values: Any, missing: Collection[str] = MISSING, decimal: str | None = None) -> Any:
    """Return a target as what it is: true and false, numbers, or text; None where it is missing.

    Whole numbers are int64 where all are there, and text is without spaces around it. Digits with
    leading zeros stay text, and so do categories. Where nearly all texts are one of many numbers,
    the others are missing.

    Parameters
    ----------
    values : pandas.Series
    missing : collection of str
        The texts that stand for no value.
    decimal : str, optional
        What comes before a fraction where the column does not show it.

    Examples
    --------
    >>> import pandas as pd
    >>> natural(pd.Series(["1", "", "3"], name="y")).tolist()
    [1, <NA>, 3]
    >>> natural(pd.Series([" a", "b", "?"], name="y")).tolist()
    ['a', 'b', nan]
    """
    pandas = import_pandas()
    types = pandas.api.types
    if not isinstance(values.dtype, pandas.CategoricalDtype) and types.is_numeric_dtype(values):
        return values if values.isna().any() else _plain(values)
    found = distinct(values, missing)
    each, none = found.texts, None
    if len(each) and not isinstance(values.dtype, pandas.CategoricalDtype):
        each, none = _natural_texts(found, decimal)
    series = pandas.Series(found.spread(each, none), index=values.index, name=values.name)
    if not series.isna().any():
        return _plain(series.infer_objects())
    whole = each.dtype.kind == "i"
    return series.astype("Int64") if whole else series


def _natural_texts(found: Distinct, decimal: str | None) -> tuple[HostArray, Any]:
    """Return what texts are, and what stands for a missing one."""
    texts = found.texts
    truths = truths_in(texts)
    if not np.isnan(truths).any():
        return truths.astype(bool).astype(object), None
    numbers = numbers_in(texts, decimal_in(texts) or decimal or ".")
    none = np.isnan(numbers)
    if are_codes(texts):
        return texts, None
    if none.any():
        # a word among many numbers is no number; among few it may be a class
        many = int((~none).sum()) > MOST_CLASSES
        slips = many and share_of(~none, found) >= NEARLY_ALL
        return (numbers, np.nan) if slips else (texts, None)
    if all(text.lstrip("+-").isdecimal() for text in texts) and abs(numbers).max() < 2**53:
        return numbers.astype("int64"), None
    return numbers, np.nan


def in_order(labels: Sequence[Any]) -> list[Any]:
    """Return labels sorted as people do: numbers within texts are numbers.

    Examples
    --------
    >>> in_order(["class 10", "class 2", "Class 1"])
    ['Class 1', 'class 2', 'class 10']
    """

    def key(label: Any) -> tuple[Any, ...]:
        if not isinstance(label, str):
            return (label,)
        # what stands between numbers, and numbers, in turn: like is compared with like
        parts = re.split(r"([0-9]{1,18})", label)
        return [int(part) if i % 2 else part.casefold() for i, part in enumerate(parts)], label

    return sorted(labels, key=key)


def labels_like(y: Any, classes: tuple[Any, ...], missing: Collection[str] = MISSING) -> Any:
    """Return labels of the type of a model's classes: a file of digits looks like numbers."""
    pandas = import_pandas()
    kind = type(classes[0])
    if kind is not str:
        return natural(y, missing)
    found = distinct(y, (), strip=False)
    # a class may be called as what is missing, or have spaces around it
    each = [text if text in classes else text.strip() for text in found.texts]
    labels = found.spread(np.asarray(each, dtype=object), None)
    return pandas.Series(labels, index=y.index, name=y.name)


def _plain(y: Any) -> Any:
    """Return a complete target as numbers, bools or text: pandas has more types than JSON."""
    types = import_pandas().api.types
    if types.is_bool_dtype(y):
        return y.astype(bool)
    if types.is_numeric_dtype(y):
        whole = types.is_integer_dtype(y)
        return y.astype("int64" if whole else "float64")
    return y.astype(str)
