"""Tables: the data sets that come with scikit-learn, and files, as pandas DataFrames."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..errors import AgnosticNNError, DependencyMissing, InvalidArgument, shown, unknown_name
from ..installing import install_line
from .frames import check_complete, check_names, few, import_pandas
from .readers import BUILT_IN, ENDINGS, READERS, Chunk, built_in
from .sources import Source, Written, default_max_memory, standard_input
from .targets import natural
from .text import MISSING

#: How many rows a part has of a file that is read in parts.
ROWS = 2**17


@dataclass(frozen=True)
class Table:
    """What files or a built-in data set hold: a DataFrame, and which column is the target.

    Attributes
    ----------
    name : str
        For messages and folders: "digits", or the file's name without its ending.
    frame : pandas.DataFrame
        All columns, the target among them where there is one; every value of a text file is text.
    target : str or None
        The target column, where the data itself says which one that is.
    notes : tuple of str
        What is worth telling about how it was read, a sentence each.
    decimal : str or None
        What comes before a fraction, where a text file shows it.
    missing : tuple of str
        The texts that stand for no value.
    """

    name: str
    frame: Any
    target: str | None = None
    notes: tuple[str, ...] = ()
    decimal: str | None = None
    missing: tuple[str, ...] = MISSING

    def split(self, target: str | None = None) -> tuple[Any, Any]:
        """Return the features, a DataFrame, and the target, a Series: numbers, bools or text.

        Parameters
        ----------
        target : str, optional
            The target column; left out, the one the data itself names.

        Raises
        ------
        InvalidArgument
            If there is no such column, or no other, or values are missing in it: `labelled`
            leaves out the rows where they are.
        """
        target = self._target(target)
        if self.frame.shape[1] < 2:
            raise InvalidArgument(
                f"{self.name} has the column {target!r} alone: wanted at least one more to "
                "predict it from, with commas between the columns."
            )
        y = self._natural(target)
        check_complete("target", y.to_frame())
        return self.frame.drop(columns=target), y

    def labelled(self, target: str | None = None) -> Table:
        """Return the rows that have a target, with it as what it is; see `natural`.

        How many rows have none is told in the notes.

        Parameters
        ----------
        target : str, optional
            The target column; left out, the one the data itself names.

        Raises
        ------
        InvalidArgument
            If there is no such column, or no row has a target.
        """
        target = self._target(target)
        written = self.frame[target]
        y = self._natural(target)
        absent = y.isna()
        if not absent.any():
            return replace(self, frame=self.frame.assign(**{target: y}), target=target)
        if absent.all():
            raise InvalidArgument(f"target={target!r} has no value in any row: wanted some.")
        words = sorted({str(word) for word in written[absent].unique() if isinstance(word, str)})
        written_as = f" ({', '.join(map(repr, words[:3]))})" if words not in ([], [""]) else ""
        note = (
            f"{int(absent.sum()):,} of {len(y):,} rows are left out: they have no "
            f"{shown(target)}{written_as}."
        )
        frame = self.frame.assign(**{target: y})[~absent]
        return replace(self, frame=frame, target=target, notes=(*self.notes, note))

    def _natural(self, target: str) -> Any:
        y = self.frame[target]
        # categories have an order of their own
        kept = isinstance(y.dtype, import_pandas().CategoricalDtype)
        return y if kept else natural(y, self.missing, self.decimal)

    def _target(self, target: str | None) -> str:
        target = self.target if target is None else target
        columns = [str(column) for column in self.frame.columns]
        if target is None:
            raise InvalidArgument(
                f"target is needed: say which column of {self.name} is to be predicted. "
                f"Columns: {few(columns)}."
            )
        if target not in columns:
            raise unknown_name("target", target, columns)
        return target


def read_table(
    data: str | Path | Sequence[str | Path],
    *,
    separator: str | None = None,
    encoding: str | None = None,
    decimal: str | None = None,
    missing: Collection[str] = MISSING,
    max_memory: int | None = None,
) -> Table:
    """Read a built-in data set, a file, several files or a folder of them.

    Parameters
    ----------
    data : str, path or sequence of them
        "digits", "breast_cancer", "wine", "iris" or "diabetes", which come with scikit-learn; or
        a file: .csv or .tsv with a header, .jsonl or .json with a record for each row, .parquet,
        .feather, .xlsx, .npy with the target in the last column, or .npz with arrays X and y. The
        columns of arrays are called "0", "1", and so on. Text may be packed (.csv.gz, .bz2, .xz,
        .zip, .zst). Several files, or those of a folder, are one table below the other. "-" is
        standard input.
    separator, encoding, decimal : str, optional
        How text is written; left out, what it looks like. Values of text files stay text:
        `Preparation` decides what they are.
    missing : collection of str
        The texts that stand for no value.
    max_memory : int, optional
        How many bytes the table may take in memory; left out, half of the machine's.

    Returns
    -------
    Table

    Raises
    ------
    InvalidArgument
        If there is no such data, it cannot be read, two columns have one name, or it takes more
        memory than it may.
    DependencyMissing
        If a library that reads it is not installed.

    Examples
    --------
    >>> read_table("iris").frame.shape
    (150, 5)
    """
    as_written = Written(separator, encoding, decimal)
    chunks: list[Chunk] = []
    size, limit = 0, default_max_memory() if max_memory is None else max_memory
    for chunk in _chunks(data, None, limit, as_written):
        size += int(chunk.frame.memory_usage(deep=True).sum())
        Source(Path(), _called(data), limit).check_size(size)
        chunks.append(chunk)
    frames = [chunk.frame for chunk in chunks]
    frame = frames[0] if len(frames) == 1 else import_pandas().concat(frames, ignore_index=True)
    first = chunks[0]
    return Table(
        _name_of(data), frame, first.target, tuple(first.notes), first.decimal, tuple(missing)
    )


def read_parts(
    data: str | Path | Sequence[str | Path],
    *,
    separator: str | None = None,
    encoding: str | None = None,
    decimal: str | None = None,
    missing: Collection[str] = MISSING,
    max_memory: int | None = None,
    rows: int | None = None,
) -> Iterator[Table]:
    """Read a table part by part, so that it may be larger than memory.

    Parameters
    ----------
    data, separator, encoding, decimal, missing
        As for `read_table`.
    max_memory : int, optional
        How many bytes a part may take.
    rows : int, optional
        How many rows a part has; left out, what suits the format. Only text, Parquet and Feather
        are read in parts.

    Yields
    ------
    Table
    """
    as_written = Written(separator, encoding, decimal)
    limit = default_max_memory() if max_memory is None else max_memory
    name = _name_of(data)
    for chunk in _chunks(data, ROWS if rows is None else rows, limit, as_written):
        yield Table(
            name, chunk.frame, chunk.target, tuple(chunk.notes), chunk.decimal, tuple(missing)
        )


def _name_of(data: Any) -> str:
    """Return what a table is called: after its file, the folder its files lie in, or the data."""
    if isinstance(data, (list, tuple)):
        return _name_of(data[0])
    if str(data) == "-":
        return "stdin"
    name = Path(data).resolve().name if str(data) not in BUILT_IN else str(data)
    return name[: len(name) - len(_ending(name))]


def _called(data: Any) -> str:
    """Return what messages call data: one file, or several with commas."""
    return few([str(each) for each in data] if isinstance(data, (list, tuple)) else [str(data)])


def _chunks(data: Any, rows: int | None, max_memory: int, written: Written) -> Iterator[Chunk]:
    """Yield the parts of all files, each with the columns of the first."""
    files = _files(data)
    written.check()
    names, empty = None, True
    for file in files:
        for chunk in _chunks_of(Source(Path(file), file, max_memory, rows, written)):
            frame = chunk.frame.set_axis([str(column) for column in chunk.frame.columns], axis=1)
            check_names(list(frame.columns), f"data={file!r}")
            if names is None:
                names = list(frame.columns)
                if len(files) > 1:
                    chunk.notes.append(f"{len(files)} files are read as one table.")
            elif set(frame.columns) != set(names):
                odd = min(set(frame.columns) ^ set(names))
                has = "has" if odd in frame.columns else "does not have"
                raise InvalidArgument(
                    f"data={file!r} {has} the column {shown(odd)}, other than {files[0]!r}: "
                    "wanted the same columns in all files."
                )
            if len(frame):
                empty = False
                yield replace(chunk, frame=frame[names])
    if empty:
        raise InvalidArgument(f"data={_called(data)!r} has no rows: wanted at least one example.")


def _files(data: Any) -> list[str]:
    """Return the files, or the built-in data set, that somebody asks for."""
    if isinstance(data, (list, tuple)):
        if not data:
            raise InvalidArgument("data=[] names no file: wanted at least one.")
        return [file for each in data for file in _files(each)]
    path = Path(data)
    if str(data) in BUILT_IN or str(data) == "-" or not path.is_dir():
        return [str(data)]
    inside = sorted(each for each in path.iterdir() if _ending(each.name) in READERS)
    if not inside:
        raise InvalidArgument(
            f"data={str(data)!r} is a folder without a table: wanted files that end in "
            f"{', '.join(ENDINGS)}."
        )
    return [str(each) for each in inside]


def _chunks_of(source: Source) -> Iterator[Chunk]:
    """Yield the parts of one file, or the one part of a built-in data set."""
    data = source.name
    if data in BUILT_IN:
        yield built_in(data)
        return
    if data == "-":
        with standard_input() as path:
            yield from _read(replace(source, path=path), _kind_of(path))
        return
    ending = _ending(source.path.name)
    if not source.path.is_file():
        if ending in READERS or source.path.exists():
            raise InvalidArgument(f"data={data!r}: there is no such file.")
        raise unknown_name("data", data, [*BUILT_IN, *(f"FILE{known}" for known in ENDINGS)])
    if ending not in READERS:
        raise InvalidArgument(
            f"data={data!r} ends in {source.path.suffix!r}: wanted one of {', '.join(ENDINGS)}, "
            f"or a built-in data set: {', '.join(BUILT_IN)}."
        )
    yield from _read(source, ending)


def _read(source: Source, ending: str) -> Iterator[Chunk]:
    if source.path.stat().st_size == 0:
        raise InvalidArgument(f"{source.where}: the file is empty.")
    reader = READERS[ending](source)
    while True:
        with _reading(source.where, ending):
            chunk = next(reader, None)
        if chunk is None:
            return
        yield chunk


def _ending(name: str) -> str:
    """Return a file's ending, without that of what packed it: ".csv" of "shop.csv.gz"."""
    lower = name.lower()
    found = (ending for ending in READERS if lower.endswith(ending))
    return max(found, key=len, default=Path(lower).suffix)


def _kind_of(path: Path) -> str:
    """Tell by its first bytes what a file is that has no name."""
    with path.open("rb") as file:
        start = file.read(6)
    magics = {b"PAR1": ".parquet", b"ARROW1": ".feather", b"\x93NUMPY": ".npy", b"{": ".jsonl"}
    return next((kind for magic, kind in magics.items() if start.startswith(magic)), ".csv")


@contextlib.contextmanager
def _reading(where: str, ending: str) -> Iterator[None]:
    """Say in one sentence that a file cannot be read, whatever its reader raises."""
    try:
        yield
    except ImportError as error:
        if isinstance(error, AgnosticNNError):
            raise
        extra = "excel" if error.name == "openpyxl" or "openpyxl" in str(error) else "tables"
        raise DependencyMissing(
            f"{where} needs {error.name or 'openpyxl'}: {install_line(extra)}"
        ) from None
    except AgnosticNNError:
        raise
    except Exception as error:
        reason = (str(error) or type(error).__name__).splitlines()[0].rstrip(".")
        raise InvalidArgument(f"{where} cannot be read as {ending[1:]}: {reason}.") from error
