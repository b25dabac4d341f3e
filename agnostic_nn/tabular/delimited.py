"""Delimited text as people write it: separator, encoding and decimal sign found, or told."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterator
from typing import Any

from ..errors import InvalidArgument
from .frames import check_names, import_pandas
from .sources import Counted, Source, Written
from .text import decimal_in, numbers_in

#: What may stand between columns, the most usual first.
SEPARATORS = (",", ";", "\t", "|")

#: How much of a file is looked at to tell how it is written, and how many lines at least.
SAMPLE, LINES = 2**16, 2

#: How much text is read at a time.
CHUNK = 2**25

#: The line that Excel puts, and wants, before the names where the separator is not the country's.
_SEPARATOR_SAID = re.compile(r'"?sep=(.)"?\r?\n', re.IGNORECASE)

_BAD_LINE = re.compile(r"Expected (\d+) fields in line (\d+), saw (\d+)")


def how_written(source: Source) -> tuple[Written, list[str], list[str]]:
    """Find how a text file is written.

    Parameters
    ----------
    source : Source
        Whose `written` says what is known beforehand.

    Returns
    -------
    written : Written
        With nothing left open.
    names : list of str
        Of the columns.
    notes : list of str
        What is worth telling.

    Raises
    ------
    InvalidArgument
        If the text is in no encoding, or two columns have one name.
    """
    wished = source.written.check()
    encoding = wished.encoding or _encoding_of(source)
    text = _start_of(source, encoding)
    said = _SEPARATOR_SAID.match(text)
    text = text if said is None else text[said.end() :]
    separator, quote = wished.separator, _quote_of(text)
    if separator is None and said is not None:
        separator = said[1]
    elif separator is None:
        first = "\t" if ".tsv" in source.name.lower() else ","
        separator = _separator_of(text, quote, first)
    records = _records(text, separator, quote)
    if not records:
        raise InvalidArgument(f"{source.where}: wanted a line of names, and rows below it.")
    names, width = records[0], max(map(len, records[1:50]), default=0)
    if width == len(names) + 1:  # row names without a head, or a separator behind the last column
        behind = all(record[-1] == "" for record in records[1:] if len(record) == width)
        names = [*names, ""] if behind else ["", *names]
    names = [name.strip() or f"Unnamed: {i}" for i, name in enumerate(names)]
    check_names(names, source.where)
    fields = [field.strip() for record in records[1:] for field in record]
    decimal = wished.decimal or decimal_in(fields) or ("," if separator == ";" else None)
    written = Written(separator, encoding, decimal, quote, 0 if said is None else 1)
    notes = [told] if (told := written.told()) else []
    if _are_values(names):
        notes.append(
            f"the first line, {', '.join(names[:3])}, ..., is taken for the columns' names."
        )
    return written, names, notes


def read_delimited(source: Source, written: Written, names: list[str]) -> Iterator[Any]:
    """Read a text file part by part, every value as the text it is.

    Parameters
    ----------
    source : Source
    written : Written
    names : list of str
        Of the columns.

    Raises
    ------
    InvalidArgument
        If a line has more fields than there are columns, the text is not in the encoding, or a
        part is larger than the source's `max_memory`.
    """
    pandas = import_pandas()
    with source.open() as stream:
        text = io.TextIOWrapper(io.BufferedReader(stream, 2**18), written.encoding, newline="")
        try:
            parts = pandas.read_csv(
                text, sep=written.separator, quotechar=written.quote, header=0, names=names,
                index_col=False if len(names) == 1 else None, dtype=str, na_filter=False,
                skiprows=written.skipped, skipinitialspace=written.separator != "\t",
                chunksize=_rows(source),
            )  # fmt: skip
            for part in parts:
                yield part.reset_index(drop=True)
                stream.start_over()
        except pandas.errors.EmptyDataError:
            return
        except pandas.errors.ParserError as error:
            bad = _BAD_LINE.search(str(error))
            if bad is None:
                raise
            raise InvalidArgument(
                f"{source.where}: line {bad[2]} has {bad[3]} fields: wanted {bad[1]}, with "
                f"{written.separator!r} between them."
            ) from None
        except UnicodeError:
            raise _not_in(source, written.encoding) from None


def _start_of(source: Source, encoding: str) -> str:
    """Return a sample of whole lines from the beginning, however long the first ones are."""
    decoder, text = codecs.getincrementaldecoder(encoding)(), ""
    with source.open() as stream:
        try:
            while block := stream.read(SAMPLE):
                text += decoder.decode(block)
                if text.count("\n") > LINES:
                    return text[: text.rindex("\n") + 1]
        except UnicodeError:
            raise _not_in(source, encoding) from None
    return text


def _are_values(names: list[str]) -> bool:
    """Whether a line of names is one of values: all of it numbers, or some with a fraction."""
    numbers = numbers_in(names)  # NaN is no number
    return not any(x != x for x in numbers) or any(x == x and x % 1.0 != 0.0 for x in numbers)


def _not_in(source: Source, encoding: str | None) -> InvalidArgument:
    return InvalidArgument(
        f"{source.where}: the text is not in {encoding}: wanted the encoding it was written in."
    )


def _rows(source: Source) -> int:
    """How many rows are about `CHUNK` bytes of text, and no more than are asked for."""
    with source.open() as stream:
        start = stream.read(SAMPLE)
    rows = max(100, CHUNK * max(1, start.count(b"\n")) // len(start))
    return rows if source.rows is None else min(rows, source.rows)


def _encoding_of(source: Source) -> str:
    """UTF-8 or UTF-16, as far as the bytes show; of all others, that of Western Europe."""
    with source.open() as stream:
        start = stream.read(4)
        if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return "utf-16"
        if _is(stream, start, "utf-8"):
            return "utf-8-sig"
    with source.open() as stream:
        if _is(stream, b"", "cp1252"):
            return "cp1252"
    raise InvalidArgument(
        f"{source.where}: the text is neither in UTF-8 nor in cp1252: say its encoding."
    )


def _is(stream: Counted, start: bytes, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        decoder.decode(start)
        while block := stream.read(2**20):
            decoder.decode(block)
            stream.start_over()
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _quote_of(text: str) -> str:
    """Return what stands around text that holds a separator."""
    single = re.findall(r"(?:^|[,;\t|])'[^'\n]*'(?=$|[,;\t|\r])", text, re.MULTILINE)
    return "'" if len(single) > 2 and '"' not in text else '"'


def _records(text: str, separator: str, quote: str) -> list[list[str]]:
    reader = csv.reader(
        io.StringIO(text, newline=""), delimiter=separator, quotechar=quote, skipinitialspace=True
    )
    usual = csv.field_size_limit(max(len(text), csv.field_size_limit()))
    try:
        return [record for record in reader if record][:1000]
    finally:
        csv.field_size_limit(usual)


def _separator_of(text: str, quote: str, first: str) -> str:
    """Return the separator that gives most lines as many fields as the first line has."""
    best, separator = (0.0, 0), first
    for candidate in (first, *SEPARATORS):
        records = _records(text, candidate, quote)
        width = len(records[0]) if records else 0
        if width < 2:
            continue
        alike = sum(len(record) in (width, width + 1) for record in records) / len(records)
        if (alike, width) > best:
            best, separator = (alike, width), candidate
    return separator
