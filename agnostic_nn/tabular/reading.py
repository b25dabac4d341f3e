"""Tables: the data sets that come with scikit-learn, and files, as pandas DataFrames."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..backends import host
from ..errors import DependencyMissing, InvalidArgument, unknown_name
from ..installing import install_line

#: The data sets that come with scikit-learn, by the name the command line knows them by.
BUILT_IN = ("breast_cancer", "diabetes", "digits", "iris", "wine")


@dataclass(frozen=True)
class Table:
    """What a file or a built-in data set holds: a DataFrame, and which column is the target.

    Attributes
    ----------
    name : str
        For messages and folders: "digits", or the file's name without its ending.
    frame : pandas.DataFrame
        All columns, the target among them where there is one.
    target : str or None
        The target column, where the data itself says which one that is.
    """

    name: str
    frame: Any
    target: str | None = None

    def split(self, target: str | None = None) -> tuple[Any, Any]:
        """Return the features, a DataFrame, and the target, a Series.

        Parameters
        ----------
        target : str, optional
            The target column; left out, the one the data itself names.

        Raises
        ------
        InvalidArgument
            If there is no such column, or no other, or values are missing in it.
        """
        target = self.target if target is None else target
        columns = [str(column) for column in self.frame.columns]
        if target is None:
            raise InvalidArgument(
                f"target is needed: say which column of {self.name} is to be predicted. "
                f"Columns: {few(columns)}."
            )
        if target not in columns:
            raise unknown_name("target", target, columns)
        if len(columns) < 2:
            raise InvalidArgument(
                f"{self.name} has the column {target!r} alone: wanted at least one more to "
                "predict it from, with commas between the columns."
            )
        y = self.frame[target]
        check_complete("target", self.frame[[target]])
        return self.frame.drop(columns=target), y


def read_table(data: str) -> Table:
    """Read a built-in data set or a file.

    Parameters
    ----------
    data : str
        "digits", "breast_cancer", "wine", "iris" or "diabetes", which come with scikit-learn; or
        a file: .csv with a header, .parquet, .npy with the target in the last column, or .npz
        with arrays X and y. The columns of arrays are called "0", "1", and so on.

    Returns
    -------
    Table

    Raises
    ------
    InvalidArgument
        If there is no such data, or it cannot be read.
    DependencyMissing
        If a library that reads it is not installed.

    Examples
    --------
    >>> read_table("iris").frame.shape
    (150, 5)
    """
    if data in BUILT_IN:
        return _built_in(data)
    path = Path(data)
    if not path.is_file():
        if path.suffix.lower() in _READERS or path.exists():
            what = "is a folder, not a file" if path.is_dir() else "there is no such file"
            raise InvalidArgument(f"data={data!r}: {what}.")
        raise unknown_name("data", data, [*BUILT_IN, *(f"FILE{ending}" for ending in _READERS)])
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise InvalidArgument(
            f"data={data!r} ends in {path.suffix!r}: wanted one of {', '.join(_READERS)}, or a "
            f"built-in data set: {', '.join(BUILT_IN)}."
        )
    if path.stat().st_size == 0:
        raise InvalidArgument(f"data={data!r}: the file is empty.")
    frame, target = reader(path)
    frame.columns = [str(column) for column in frame.columns]
    if len(frame) == 0:
        raise InvalidArgument(f"data={data!r} has no rows: wanted at least one example.")
    twice = frame.columns[frame.columns.duplicated()]
    if len(twice):
        raise InvalidArgument(f"data={data!r} has the column {twice[0]!r} more than once.")
    return Table(path.stem, frame, target)


def _built_in(name: str) -> Table:
    try:
        import sklearn.datasets
    except ImportError:
        raise DependencyMissing(
            f"data={name!r} comes with scikit-learn: {install_line('cli')}"
        ) from None
    bunch = getattr(sklearn.datasets, f"load_{name}")(as_frame=True)
    frame = bunch.frame
    names = [str(label) for label in bunch.get("target_names", ())]
    if any(label.isalpha() or "_" in label for label in names):  # not those of the digits
        frame["target"] = import_pandas().Categorical.from_codes(frame["target"], names)
    return Table(name, frame, "target")


def _read_csv(path: Path) -> tuple[Any, str | None]:
    pandas = import_pandas()
    with _reading(path):
        # the whole column decides its type, not the part that was read first
        return pandas.read_csv(path, low_memory=False), None


def _read_parquet(path: Path) -> tuple[Any, str | None]:
    pandas = import_pandas()
    try:
        with _reading(path):
            return pandas.read_parquet(path), None
    except ImportError:
        raise DependencyMissing(
            f"data={str(path)!r} needs pyarrow: {install_line('cli')}"
        ) from None


def _read_npy(path: Path) -> tuple[Any, str | None]:
    with _reading(path):
        array = host.read_arrays(str(path))
    if isinstance(array, Mapping) or array.ndim != 2:
        shape = "several arrays" if isinstance(array, Mapping) else f"shape {array.shape}"
        raise InvalidArgument(
            f"data={str(path)!r} has {shape}: wanted one array (n_samples, n_features + 1), with "
            "the target in its last column."
        )
    frame = import_pandas().DataFrame(array)
    return frame, str(frame.shape[1] - 1)


def _read_npz(path: Path) -> tuple[Any, str | None]:
    with _reading(path):
        arrays = host.read_arrays(str(path))
    if not isinstance(arrays, Mapping) or "X" not in arrays:
        held = few(list(arrays)) if isinstance(arrays, Mapping) else "a single array"
        raise InvalidArgument(f"data={str(path)!r} holds {held}: wanted the arrays X and y.")
    X, y = arrays["X"], arrays.get("y")
    if X.ndim != 2 or (y is not None and y.shape not in ((len(X),), (len(X), 1))):
        shapes = f"X {X.shape}" + ("" if y is None else f" and y {y.shape}")
        raise InvalidArgument(
            f"data={str(path)!r} holds {shapes}: wanted X (n_samples, n_features) and y "
            "(n_samples,)."
        )
    frame = import_pandas().DataFrame(X)
    return (frame, None) if y is None else (frame.assign(y=y.reshape(-1)), "y")


_READERS = {
    ".csv": _read_csv,
    ".parquet": _read_parquet,
    ".npz": _read_npz,
    ".npy": _read_npy,
}


@contextlib.contextmanager
def _reading(path: Path) -> Any:
    """Say in one sentence that a file cannot be read, whatever its reader raises."""
    try:
        yield
    except (ImportError, InvalidArgument):
        raise
    except Exception as error:
        reason = (str(error) or type(error).__name__).splitlines()[0].rstrip(".")
        raise InvalidArgument(
            f"data={str(path)!r} cannot be read as {path.suffix[1:]}: {reason}."
        ) from error


def check_complete(argument: str, frame: Any) -> None:
    """Raise if values are missing, and say how many and in which column."""
    empty = frame.isna().sum()
    empty = empty[empty > 0]
    if len(empty):
        more = f", and {len(empty) - 1} more columns have some" if len(empty) > 1 else ""
        raise InvalidArgument(
            f"{argument} has {int(empty.iloc[0])} missing values in {len(frame)} rows of the "
            f"column {str(empty.index[0])!r}{more}: wanted a value in every place."
        )


def few(names: Sequence[Any]) -> str:
    """Return names for a message: a dozen at most, and how many there are."""
    shown = ", ".join(str(name) for name in names[:12])
    return shown if len(names) <= 12 else f"{shown}, ... ({len(names)} in all)"


def import_pandas() -> Any:
    """Return pandas; raise with the line that installs it where it is missing."""
    try:
        import pandas as pd
    except ImportError:
        raise DependencyMissing(f"tables need pandas: {install_line('cli')}") from None
    return pd
