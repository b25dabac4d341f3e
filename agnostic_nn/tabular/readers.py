"""A reader for each kind of file: from its bytes to DataFrames."""

from __future__ import annotations

import io
import itertools
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..errors import DependencyMissing, InvalidArgument
from ..installing import install_line
from .arrays import read_arrays
from .delimited import how_written, read_delimited
from .frames import few, import_arrow, import_pandas
from .sources import Source

#: The data sets that come with scikit-learn, by the name the command line knows them by.
BUILT_IN = ("breast_cancer", "diabetes", "digits", "iris", "wine")

#: How many rows of a columnar file are unpacked at a time.
ROWS = 2**17


@dataclass(frozen=True)
class Chunk:
    """A part of a table, or all of it.

    Attributes
    ----------
    frame : pandas.DataFrame
    target : str or None
        The target, where the data says which column that is.
    decimal : str or None
        What comes before a fraction, where text shows it.
    notes : list of str
        What is worth telling about how it was read.
    """

    frame: Any
    target: str | None = None
    decimal: str | None = None
    notes: list[str] = field(default_factory=list)


def built_in(name: str) -> Chunk:
    """Return a data set that comes with scikit-learn."""
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
    return Chunk(frame, "target")


def _read_delimited(source: Source) -> Iterator[Chunk]:
    written, names, notes = how_written(source)
    for frame in read_delimited(source, written, names):
        yield Chunk(frame, decimal=written.decimal, notes=notes)


def _read_json(source: Source) -> Iterator[Chunk]:
    with source.open() as stream:
        text = io.TextIOWrapper(io.BufferedReader(stream), source.written.encoding or "utf-8-sig")
        yield _of_records(source, json.load(text))


def _read_json_lines(source: Source) -> Iterator[Chunk]:
    with source.open() as stream:
        text = io.TextIOWrapper(io.BufferedReader(stream), source.written.encoding or "utf-8-sig")
        lines = (line for line in text if not line.isspace())
        while records := [json.loads(line) for line in itertools.islice(lines, source.rows)]:
            yield _of_records(source, records)
            stream.start_over()


def _of_records(source: Source, records: Any) -> Chunk:
    if not isinstance(records, list) or not all(isinstance(each, dict) for each in records):
        raise InvalidArgument(
            f"{source.where} holds something else than records: wanted an object with the columns' "
            "names for each row."
        )
    return Chunk(import_pandas().DataFrame(records))


def _read_parquet(source: Source) -> Iterator[Chunk]:
    pa = import_arrow()
    import pyarrow.parquet as parquet

    with parquet.ParquetFile(source.path) as file:
        schema = file.schema_arrow
        texts = [f.name for f in schema if pa.types.is_string(f.type)]
    # text that repeats itself is read as such: what it takes is known before it is written out
    with parquet.ParquetFile(source.path, read_dictionary=texts) as file:
        n = file.metadata.num_rows
        rows = n if source.rows is None else source.rows
        source.check_size(len(schema) * min(rows, n))
        yield from _arrow_chunks(source, file.iter_batches(_batch(rows, len(schema))), schema)


def _batch(rows: int, columns: int) -> int:
    """How many rows of so many columns to unpack at a time."""
    return max(1, min(rows, ROWS, 2**23 // max(1, columns)))


def _read_feather(source: Source) -> Iterator[Chunk]:
    import_arrow()
    import pyarrow.ipc as ipc

    with source.path.open("rb") as file:
        try:
            reader = ipc.open_file(file)
        except ValueError:
            file.seek(0)
            stream = ipc.open_stream(file)
            yield from _arrow_chunks(source, stream, stream.schema)
            return
        batches = (reader.get_batch(i) for i in range(reader.num_record_batches))
        yield from _arrow_chunks(source, batches, reader.schema)


def _arrow_chunks(source: Source, batches: Iterable[Any], schema: Any) -> Iterator[Chunk]:
    """Yield batches as DataFrames, or all as one where the table is read as a whole."""
    pa = import_arrow()
    held, size = [], 0
    for batch in batches:
        table = pa.Table.from_batches([batch])
        size += sum(_written_out(column) for column in table.columns)
        source.check_size(size)
        table = table.cast(schema)
        if source.rows is None:
            held.append(table)
        else:
            yield Chunk(table.to_pandas())
            size = 0
    if source.rows is None:
        yield Chunk((pa.concat_tables(held) if held else schema.empty_table()).to_pandas())


def _written_out(column: Any) -> int:
    """How many bytes a column of Arrow takes with every text written out."""
    import pyarrow as pa
    import pyarrow.compute as pc

    size = int(column.nbytes)
    if pa.types.is_dictionary(column.type) and pa.types.is_string(column.type.value_type):
        for chunk in column.chunks:
            lengths = pc.take(pc.binary_length(chunk.dictionary), chunk.indices)
            size += pc.sum(lengths).as_py() or 0
    return size


def _read_excel(source: Source) -> Iterator[Chunk]:
    import zipfile

    pandas = import_pandas()
    with zipfile.ZipFile(source.path) as archive:
        source.check_size(sum(member.file_size for member in archive.infolist()))
    cells = pandas.read_excel(source.path, header=None, dtype=object, na_filter=False)
    head = [] if len(cells) == 0 else cells.iloc[0]
    names = [str(name).strip() or f"Unnamed: {i}" for i, name in enumerate(head)]
    yield Chunk(cells.iloc[1:].reset_index(drop=True).set_axis(names, axis=1))


def _read_npy(source: Source) -> Iterator[Chunk]:
    array = read_arrays(source.path, source.max_memory)
    if isinstance(array, Mapping) or array.ndim != 2:
        shape = "several arrays" if isinstance(array, Mapping) else f"shape {array.shape}"
        raise InvalidArgument(
            f"{source.where} has {shape}: wanted one array (n_samples, n_features + 1), with "
            "the target in its last column."
        )
    frame = import_pandas().DataFrame(array)
    yield Chunk(frame, str(frame.shape[1] - 1))


def _read_npz(source: Source) -> Iterator[Chunk]:
    arrays = read_arrays(source.path, source.max_memory)
    if not isinstance(arrays, Mapping) or "X" not in arrays:
        held = few(list(arrays)) if isinstance(arrays, Mapping) else "a single array"
        raise InvalidArgument(f"{source.where} holds {held}: wanted the arrays X and y.")
    X, y = arrays["X"], arrays.get("y")
    if X.ndim != 2 or (y is not None and y.shape not in ((len(X),), (len(X), 1))):
        shapes = f"X {X.shape}" + ("" if y is None else f" and y {y.shape}")
        raise InvalidArgument(
            f"{source.where} holds {shapes}: wanted X (n_samples, n_features) and y (n_samples,)."
        )
    frame = import_pandas().DataFrame(X)
    frame.columns = [str(column) for column in frame.columns]
    yield Chunk(frame) if y is None else Chunk(frame.assign(y=y.reshape(-1)), "y")


_TEXT: dict[str, Any] = {
    ".csv": _read_delimited,
    ".tsv": _read_delimited,
    ".jsonl": _read_json_lines,
    ".json": _read_json,
}

READERS: dict[str, Any] = {
    **_TEXT,
    ".parquet": _read_parquet,
    ".feather": _read_feather,
    ".arrow": _read_feather,
    ".xlsx": _read_excel,
    ".npz": _read_npz,
    ".npy": _read_npy,
    **{
        ending + packed: read
        for ending, read in _TEXT.items()
        for packed in (".gz", ".bz2", ".xz", ".zip", ".zst")
    },
}

#: The endings, without those of packed files.
ENDINGS = tuple(ending for ending in READERS if ending.count(".") == 1)
