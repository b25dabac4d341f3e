"""Reading and encoding a table by the columns of training, and telling what differs from them."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from ..errors import InvalidArgument, TableWarning, shown
from ..namespace import Array
from .columns import Column, Differences, Part
from .frames import as_frame, few, import_pandas


def known(columns: Sequence[Column], frame: Any, counted: Differences) -> Any:
    """Return the table with the columns of training; what it lacks is missing throughout.

    Raises
    ------
    InvalidArgument
        If it lacks all of them.
    """
    frame = as_frame(frame, "data")
    names = [column.name for column in columns]
    lacking = [name for name in names if name not in frame.columns]
    if len(lacking) == len(names):
        raise InvalidArgument(
            f"data has no column {shown(lacking[0])}"
            + (f" and {len(lacking) - 1} more that are wanted" if len(lacking) > 1 else "")
            + f": the model was trained with {few(names)}."
        )
    counted.rows += len(frame)
    counted.lacking += [name for name in lacking if name not in counted.lacking]
    return frame


def read(
    columns: Iterable[Column], frame: Any, missing: Collection[str], counted: Differences
) -> Iterator[tuple[Column, Part]]:
    """Yield each column with what it makes of its own in the table."""
    for column in columns:
        if column.name in frame.columns:
            yield column, column.read(frame[column.name], missing, counted)
        else:
            nothing = import_pandas().Series([None] * len(frame), name=column.name, dtype=object)
            yield column, column.read(nothing, missing, Differences())


def encoded(parts: Iterable[tuple[Column, Part]], shape: tuple[int, int], dtype: str) -> Array:
    """Return the columns standardized and one-hot encoded, one beside the other.

    Raises
    ------
    InvalidArgument
        If a number becomes too large for its type.
    """
    out, start = np.empty(shape, dtype=dtype), 0
    for column, part in parts:
        block = out[:, start : start + column.width]
        with np.errstate(over="ignore"):
            column.encode(part, block)
        if not np.isfinite(block).all():
            raise _too_large(column, part, block)
        start += column.width
    return out


def tell(differences: Differences) -> None:
    """Warn of what differs from training, in one sentence, if anything does."""
    sentence = differences.sentence()
    if sentence:
        warnings.warn(f"data differs from training {sentence}", TableWarning, stacklevel=3)


def _too_large(column: Column, part: Part, block: Array) -> InvalidArgument:
    """Build the error for a number that standardizing makes larger than any of its type."""
    row = int(np.argmin(np.isfinite(block).all(axis=1)))
    value = "a number" if part.numbers is None else f"{np.ravel(part.numbers[row])[0]:g}"
    return InvalidArgument(
        f"data holds {value} in the column {shown(column.name)}, which is too far from the numbers "
        f"of training ({column.describe()}) for {block.dtype}: wanted nearer ones, or float64."
    )
