"""Where a table's bytes come from, unpacked and counted: no file takes more than is allowed."""

from __future__ import annotations

import codecs
import contextlib
import io
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

from ..errors import InvalidArgument, shown, unknown_name

#: The first bytes of packed files.
_PACKED = {
    b"\x1f\x8b": "gzip", b"BZh": "bz2", b"\xfd7zXZ\x00": "xz", b"PK\x03\x04": "zip",
    b"\x28\xb5\x2f\xfd": "zstd",
}  # fmt: skip


_WORDS = {"tab": "\t", "comma": ",", "semicolon": ";", "pipe": "|", "\\t": "\t"}


@dataclass(frozen=True)
class Written:
    """How a text file is written; None where that is to be found.

    Attributes
    ----------
    separator : str or None
        Between columns: one character, or "tab".
    encoding : str or None
    decimal : str or None
        Before the fraction of a number: "." or ",".
    quote : str
        Around text that holds a separator.
    skipped : int
        How many lines there are before the one of names.
    """

    separator: str | None = None
    encoding: str | None = None
    decimal: str | None = None
    quote: str = '"'
    skipped: int = 0

    def check(self) -> Written:
        """Return it with the separator as a character; raise where it cannot be."""
        separator = self.separator
        if separator is not None:
            separator = _WORDS.get(separator, separator)
            if len(separator) != 1 or separator in "\r\n\"'":
                raise InvalidArgument(
                    f"separator={shown(self.separator)}: wanted one character, or tab."
                )
        if self.encoding is not None:
            try:
                codecs.lookup(self.encoding)
            except (LookupError, ValueError):
                raise InvalidArgument(
                    f"encoding={shown(self.encoding)} is not known: wanted a name such as utf-8, "
                    "cp1252 or shift_jis."
                ) from None
        if self.decimal not in (None, ".", ","):
            raise unknown_name("decimal", self.decimal, (".", ","))
        return replace(self, separator=separator)

    def told(self) -> str:
        """Return what is unusual about it, in a sentence; "" where nothing is."""
        unusual = []
        if self.separator not in (",", "\t"):
            unusual.append(f"{self.separator!r} between the columns")
        if self.decimal == ",":
            unusual.append("a comma before fractions")
        if self.encoding not in ("utf-8-sig", "ascii", None):
            guess = " (a guess: it is not UTF-8)" if self.encoding == "cp1252" else ""
            unusual.append(f"text in {self.encoding}{guess}")
        return f"read with {', '.join(unusual)}." if unusual else ""


@dataclass(frozen=True)
class Source:
    """A file, and how much memory what is in it may take.

    Attributes
    ----------
    path : Path
    name : str
        What it is called: the path, or "-" for standard input.
    max_memory : int
        In bytes: of the table, or of each part where it is read in parts.
    rows : int or None
        How many rows a part has; None where the table is read as a whole.
    written : Written
        How text is written, as far as somebody says so.
    """

    path: Path
    name: str
    max_memory: int
    rows: int | None = None
    written: Written = Written()

    @property
    def where(self) -> str:
        """What messages call it."""
        return f"data={self.name!r}"

    @contextlib.contextmanager
    def open(self) -> Iterator[Counted]:
        """Open the file for reading; what is packed comes unpacked, and at most `max_memory`."""
        with contextlib.ExitStack() as stack:
            file = stack.enter_context(self.path.open("rb"))
            yield stack.enter_context(Counted(self, _unpacked(file, self.where, stack)))

    def check_size(self, size: float) -> None:
        """Raise where so many bytes are more than is allowed."""
        if size > self.max_memory:
            raise InvalidArgument(
                f"{self.where} takes more than {in_bytes(self.max_memory)} of memory: wanted at "
                "most that; max_memory is how much it may be, half of the machine's where nobody "
                "says."
            )


class Counted(io.RawIOBase):
    """A stream that refuses to give more than its source allows since it was last started over."""

    def __init__(self, source: Source, stream: BinaryIO) -> None:
        self._source, self._stream, self._given = source, stream, 0

    def readable(self) -> bool:
        """Whether it can be read: yes."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer as far as there is something; return how far."""
        block = self._stream.read(len(buffer))
        buffer[: len(block)] = block
        self._given += len(block)
        self._source.check_size(self._given)
        return len(block)

    def start_over(self) -> None:
        """Count from here: what was given has been worked off."""
        self._given = 0


def _unpacked(file: BinaryIO, where: str, stack: contextlib.ExitStack) -> Any:
    import bz2
    import gzip
    import lzma
    import zipfile

    start = file.read(6)
    file.seek(0)
    packing = next((name for magic, name in _PACKED.items() if start.startswith(magic)), None)
    if packing == "zip":
        archive = stack.enter_context(zipfile.ZipFile(file))
        names = [name for name in archive.namelist() if not name.startswith(("__MACOSX", "."))]
        if len(names) != 1:
            raise InvalidArgument(f"{where} holds {len(names)} files: wanted one.")
        return stack.enter_context(archive.open(names[0]))
    open_with: Any = {
        "gzip": gzip.open, "bz2": bz2.open, "xz": lzma.open, "zstd": _open_zstd,
    }.get(packing or "")  # fmt: skip
    return file if open_with is None else stack.enter_context(open_with(file))


def _open_zstd(file: BinaryIO) -> Any:
    from .frames import import_arrow

    return import_arrow().input_stream(file, compression="zstd")


@contextlib.contextmanager
def standard_input() -> Iterator[Path]:
    """Keep what comes in by standard input as a file, for as long as it is read."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "standard input"
        with path.open("wb") as file:
            shutil.copyfileobj(sys.stdin.buffer, file)
        yield path


def default_max_memory() -> int:
    """Return half of the machine's memory; 8 GB where it does not say how much it has."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
    except (AttributeError, OSError, ValueError):
        return 8 * 10**9


def in_bytes(size: float) -> str:
    """Return a number of bytes as people say it.

    Examples
    --------
    >>> in_bytes(1_500_000_000)
    '1.5 GB'
    """
    for unit in ("bytes", "kB", "MB"):
        if size < 1000:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.3g} GB"
