"""DataFrames, whichever library they are of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import DependencyMissing, InvalidArgument, InvalidType, shown
from ..installing import install_line


def import_pandas() -> Any:
    """Return pandas; raise with the line that installs it where it is missing."""
    try:
        import pandas as pd
    except ImportError:
        raise DependencyMissing(f"tables need pandas: {install_line('tables')}") from None
    return pd


def import_arrow() -> Any:
    """Return pyarrow; raise with the line that installs it where it is missing."""
    try:
        import pyarrow as pa
    except ImportError:
        raise DependencyMissing(
            f"Parquet, Feather, Arrow and .zst need pyarrow: {install_line('tables')}"
        ) from None
    return pa


def as_frame(table: Any, argument: str = "X") -> Any:
    """Return a table as a pandas DataFrame whose columns have names.

    Parameters
    ----------
    table : DataFrame, table or array
        Of pandas, polars, Arrow or whatever else speaks Arrow; a dict of columns; or an array
        (n_samples, n_features), whose columns are called "0", "1", and so on.
    argument : str
        What messages call it.

    Raises
    ------
    InvalidType
        If it is none of these.
    InvalidArgument
        If two columns have one name.

    Examples
    --------
    >>> list(as_frame([[1.0, 2.0]]).columns)
    ['0', '1']
    """
    pandas = import_pandas()
    if hasattr(table, "tocsr"):
        raise InvalidType(f"{argument} is sparse, which is not supported: wanted a dense array.")
    if isinstance(table, pandas.DataFrame):
        frame = table
    elif hasattr(table, "to_pandas"):
        frame = table.to_pandas()
    elif hasattr(table, "__arrow_c_stream__"):
        frame = import_arrow().table(table).to_pandas()
    elif isinstance(table, dict):
        frame = pandas.DataFrame(table)
    else:
        frame = pandas.DataFrame(_as_rows(table, argument))
    names = [str(name) for name in frame.columns]
    if names != list(frame.columns):
        frame = frame.set_axis(names, axis=1)
    check_names(names, argument)
    return frame


def has_names(table: Any) -> bool:
    """Whether the columns of a table have names, so that they may come in any order."""
    named = ("columns", "to_pandas", "__arrow_c_stream__")
    return isinstance(table, dict) or any(hasattr(table, name) for name in named)


def _as_rows(table: Any, argument: str) -> Any:
    """Return an array of rows; raise where a table is none."""
    listed = hasattr(table, "__len__") and not isinstance(table, str)
    if not (listed or hasattr(table, "__array__")):
        raise InvalidType(
            f"{argument} is of type {type(table).__name__}: wanted a DataFrame of pandas or "
            "polars, an Arrow table, or an array (n_samples, n_features)."
        )
    rows = np.asarray(table)
    if rows.ndim != 2:
        raise InvalidArgument(
            f"{argument} has shape {rows.shape}: wanted a table, (n_samples, n_features). Reshape "
            "your data."
        )
    return rows


def as_series(values: Any, name: str = "target") -> Any:
    """Return a column as a pandas Series: one of pandas, polars or Arrow, an array or a list."""
    pandas = import_pandas()
    if isinstance(values, pandas.Series):
        return values
    name = str(getattr(values, "name", None) or name)
    if getattr(values, "ndim", 1) == 2 and values.shape[1] == 1:
        values = np.asarray(values).reshape(-1)
    if hasattr(values, "to_pandas"):
        return values.to_pandas().rename(name)
    if hasattr(values, "__array__"):
        values = np.asarray(values)
    try:
        return pandas.Series(values, name=name)
    except (TypeError, ValueError):
        raise InvalidArgument(
            f"y has shape {getattr(values, 'shape', '?')}: wanted one value for each row."
        ) from None


def check_names(names: Sequence[str], argument: str) -> None:
    """Raise if two columns have one name: nobody could say which is meant."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise InvalidArgument(
                f"{argument} has the column {shown(name)} more than once: wanted a name of its own "
                "for each column."
            )
        seen.add(name)


def check_complete(argument: str, frame: Any) -> None:
    """Raise if values are missing, and say how many and in which column."""
    empty = frame.isna().sum()
    empty = empty[empty > 0]
    if len(empty):
        more = f", and {len(empty) - 1} more columns have some" if len(empty) > 1 else ""
        raise InvalidArgument(
            f"{argument} has {int(empty.iloc[0])} missing values in {len(frame)} rows of the "
            f"column {shown(str(empty.index[0]))}{more}: wanted a value in every place."
        )


def few(names: Sequence[Any]) -> str:
    """Return names for a message: a dozen at most, and how many there are."""
    text = ", ".join(" ".join(str(name).split()) for name in names[:12])
    return text if len(names) <= 12 else f"{text}, ... ({len(names)} in all)"
