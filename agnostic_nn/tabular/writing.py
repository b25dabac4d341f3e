"""Tables written part by part, in the format that a file's name says."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import lzma
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from ..errors import InvalidArgument
from ..files import written
from ..installing import install_line
from .frames import import_arrow, import_pandas

#: Takes the parts of a table one after the other.
Write = Callable[[Any], None]


@contextlib.contextmanager
def table_written(path: Path | None, *, records: bool = False) -> Iterator[Write]:
    """Give a function that takes a table part by part; the file is there once all of it is.

    Parameters
    ----------
    path : Path or None
        A new file: .csv, .tsv or .jsonl, which may be packed (.gz, .bz2, .xz), .parquet, .feather
        or .xlsx; None for standard output.
    records : bool, default False
        Whether a JSON object for each row goes there, and not CSV.

    Raises
    ------
    InvalidArgument
        If the file is there, its name says no format, or it cannot be written.
    """
    if path is None:
        file = sys.stdout.buffer
        yield _records(file) if records else _delimited(file, ",")
        sys.stdout.buffer.flush()
        return
    writer = _writer_for(path)
    try:
        with written(path) as part:
            with writer(part) as write:
                yield write
            if path.exists():
                raise _exists(path)
    except OSError as error:
        raise InvalidArgument(f"out={str(path)!r} cannot be written: {error.strerror}.") from error


def check_out(path: Path) -> None:
    """Raise if a table cannot be written to a file of this name."""
    _writer_for(path)


def _writer_for(path: Path) -> Any:
    name = path.name.lower()
    for ending in sorted(WRITERS, key=len, reverse=True):
        if name.endswith(ending):
            if path.exists():
                raise _exists(path)
            return WRITERS[ending]
    raise InvalidArgument(
        f"out={str(path)!r} ends in {path.suffix!r}: wanted one of {', '.join(WRITERS)}."
    )


def _exists(path: Path) -> InvalidArgument:
    return InvalidArgument(f"out={str(path)!r} exists: choose a name that is free.")


def no_formula(value: Any) -> Any:
    """Return a text as a spreadsheet may read it: text stays text, -1.5 stays a number.

    Examples
    --------
    >>> [no_formula(value) for value in ("=1+1", "-1.5", "yes", 3)]
    ["'=1+1", '-1.5', 'yes', 3]
    """
    if not (isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r"))):
        return value
    try:
        float(value)
    except ValueError:
        return f"'{value}"
    return value


def for_spreadsheets(table: Any) -> Any:
    """Return a table whose texts are no formulas, and whose numbers are short."""
    types = import_pandas().api.types

    def column(values: Any) -> Any:
        if types.is_float_dtype(values):
            digits = "{:.6g}" if str(values.name).startswith("probability_") else "{:.9g}"
            return values.map(digits.format)
        return values if types.is_numeric_dtype(values) else values.map(no_formula)

    return table.apply(column).rename(columns=no_formula)


# A writer for each kind of file


def _delimited(file: BinaryIO, separator: str) -> Write:
    first = True

    def write(table: Any) -> None:
        nonlocal first
        text = for_spreadsheets(table).to_csv(
            index=False, sep=separator, header=first, lineterminator="\n"
        )
        file.write(text.encode())
        first = False

    return write


def _records(file: BinaryIO) -> Write:
    def write(table: Any) -> None:
        text = table.to_json(orient="records", lines=True, force_ascii=False)
        file.write(text.rstrip("\n").encode() + b"\n")

    return write


def _text(make: Callable[..., Write], opened: Callable[..., Any], *options: Any) -> Any:
    @contextlib.contextmanager
    def writer(path: Path) -> Iterator[Write]:
        with opened(path, "wb") as file:
            yield make(file, *options)

    return writer


def _arrow(opened: Callable[..., Any]) -> Any:
    @contextlib.contextmanager
    def writer(path: Path) -> Iterator[Write]:
        pa = import_arrow()
        with contextlib.ExitStack() as stack:
            open_file: list[Any] = []

            def write(table: Any) -> None:
                content = pa.Table.from_pandas(table, preserve_index=False)
                if not open_file:
                    open_file.append(stack.enter_context(opened(path, content.schema)))
                open_file[0].write_table(content)

            yield write

    return writer


def _parquet(path: Path, schema: Any) -> Any:
    import pyarrow.parquet as parquet

    return parquet.ParquetWriter(path, schema)


def _feather(path: Path, schema: Any) -> Any:
    import pyarrow.ipc as ipc

    return ipc.new_file(str(path), schema)


@contextlib.contextmanager
def _excel(path: Path) -> Iterator[Write]:
    pandas = import_pandas()
    parts: list[Any] = []
    yield parts.append
    table = pandas.concat(parts, ignore_index=True)
    try:
        table.map(no_formula).rename(columns=no_formula).to_excel(path, index=False)
    except ImportError:
        raise InvalidArgument(
            f"out={path.name!r} needs openpyxl: {install_line('excel')}"
        ) from None


_OPENED: dict[str, Callable[..., Any]] = {
    "": open, ".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open,
}  # fmt: skip

WRITERS: dict[str, Any] = {
    f"{ending}{packed}": _text(make, opened, *options)
    for ending, make, *options in (
        (".csv", _delimited, ","), (".tsv", _delimited, "\t"), (".jsonl", _records),
    )
    for packed, opened in _OPENED.items()
} | {
    ".parquet": _arrow(_parquet), ".feather": _arrow(_feather), ".xlsx": _excel,
}  # fmt: skip
