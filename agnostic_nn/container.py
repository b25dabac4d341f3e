"""The container of model files: safetensors, with a description in JSON under a digest.

What the tensors and the description say is the business of whoever writes them; here is all that
holds for any file: nothing in it is executed, and nothing is allocated before it is known to fit.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .errors import AgnosticNNError, DependencyMissing, InvalidArgument, shown
from .files import where_is
from .installing import install_line
from .namespace import Array

#: A header larger than this is refused before any of it is read.
LARGEST_HEADER = 2**24

#: As is one with more commas and brackets than this: they are what makes JSON slow and large.
MOST_ENTRIES = 2**20

_KEY = "agnostic_nn"


def pack(tensors: dict[str, Array], description: dict[str, Any], what: str) -> bytes:
    """Return the bytes of a file with tensors of the host, and a description called `what`."""
    import json

    try:
        text = json.dumps(description, allow_nan=False)
        description = json.loads(text)  # as a reader will see it: tuples are lists
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidArgument(f"{what} cannot be written as JSON: {error}.") from error
    description["digest"] = digest_of(tensors, description)
    metadata = {_KEY: json.dumps(description, allow_nan=False)}
    if len(metadata[_KEY]) > LARGEST_HEADER // 2:
        raise InvalidArgument(
            f"{what} takes {len(text):,} characters: wanted at most {LARGEST_HEADER // 2:,}."
        )
    content: bytes = safetensors().save(tensors, metadata=metadata)
    length = int.from_bytes(content[:8], "little")
    if length > LARGEST_HEADER or _entries(content[8 : 8 + length]) > MOST_ENTRIES:
        raise InvalidArgument(f"{what} has too many entries: more than `load` would take.")
    return content


def digest_of(tensors: dict[str, Array], description: dict[str, Any]) -> str:
    """SHA-256 over the description and every tensor with its name, type and shape."""
    import hashlib
    import json

    digest = hashlib.sha256(json.dumps(description, sort_keys=True).encode())
    for name, tensor in sorted(tensors.items()):
        digest.update(f"\n{name} {tensor.dtype} {tensor.shape}\n".encode())
        digest.update(tensor.tobytes())
    return digest.hexdigest()


@dataclass(frozen=True)
class Container:
    """A file whose sizes have been seen to fit.

    Attributes
    ----------
    where : str
        What messages call it.
    header : dict
        What safetensors says of each tensor: "dtype", "shape", "data_offsets".
    description : dict
        As it was written, before the digest has been looked at.
    content : bytes
        The whole file; empty where only the header was read.
    """

    where: str
    header: dict[str, Any]
    description: dict[str, Any]
    content: bytes

    @classmethod
    def read(cls, path: str | os.PathLike[str], *, tensors: bool = True) -> Container:
        """Read a file; without `tensors`, only its header."""
        where = where_is(path)
        content, header = _read(path, where, tensors=tensors)
        metadata = header.pop("__metadata__", None)
        text = metadata.get(_KEY) if isinstance(metadata, dict) else None
        if not isinstance(text, str):
            raise InvalidArgument(f"{where} is a safetensors file, but not one of agnostic_nn.")
        return cls(where, header, _parse(text, where), content)

    def tensors(self) -> dict[str, Array]:
        """Return all tensors by name, once the digest has been seen to fit."""
        try:
            tensors: dict[str, Array] = safetensors().load(self.content)
        except Exception as error:  # the library has an exception of its own
            raise InvalidArgument(f"{self.where}: the file is damaged ({shown(error)}).") from error
        description = dict(self.description)
        try:
            whole = description.pop("digest", None) == digest_of(tensors, description)
        except RecursionError:  # what could just be read may be too deep to be written
            whole = False
        if not whole:
            raise InvalidArgument(
                f"{self.where}: the file is damaged: its digest does not fit its content."
            )
        return tensors


@contextlib.contextmanager
def taking_apart(where: str) -> Iterator[None]:
    """What goes wrong inside is the fault of the file's description."""
    try:
        yield
    except (
        KeyError,
        TypeError,
        AttributeError,
        ValueError,
        OverflowError,
        RecursionError,
    ) as error:
        ours = isinstance(error, AgnosticNNError)
        if ours and str(error).startswith(where):  # says all there is to say
            raise
        what = f": {error}" if ours else f" ({shown(error)})."
        raise InvalidArgument(f"{where}: the file's description is damaged{what}") from error


def safetensors() -> Any:
    """Return the library; raise with the line that installs it where it is missing."""
    try:
        import safetensors.numpy
    except ImportError:
        raise DependencyMissing(f"model files need safetensors: {install_line('save')}") from None
    return safetensors.numpy


# Reading: nothing is allocated before it is known to fit


def _read(
    path: str | os.PathLike[str], where: str, *, tensors: bool = True
) -> tuple[bytes, dict[str, Any]]:
    """Return the file's bytes and its header, once the sizes in it have been seen to fit.

    Without `tensors`, only the header is read from the disk, and no bytes are returned.
    """
    from pathlib import Path

    try:
        if not stat.S_ISREG(Path(path).stat().st_mode):  # a pipe would be waited for
            raise InvalidArgument(f"{where} cannot be read: it is not a file.")
        with Path(path).open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            length = int.from_bytes(file.read(8), "little")
            if size < 8:
                raise InvalidArgument(
                    f"{where}: the file has {size} bytes: it is cut short, or no model file."
                )
            if length > LARGEST_HEADER:
                raise InvalidArgument(
                    f"{where} is not a model file: its header would take {length:,} bytes, "
                    f"wanted at most {LARGEST_HEADER:,}."
                )
            if length > size - 8:
                raise InvalidArgument(
                    f"{where}: the file is cut short: its header takes {length:,} bytes, "
                    f"and it has {size:,}."
                )
            header = _parse(file.read(length), where)
            wanted = 8 + length + _data_size(header, where)
            if wanted != size:
                raise InvalidArgument(
                    f"{where}: the file has {size:,} bytes, and its header says {wanted:,}: "
                    "it is cut short or damaged."
                )
            file.seek(0)
            return file.read(size if tensors else 0), header
    except FileNotFoundError:
        raise InvalidArgument(f"{where}: there is no such file.") from None
    except OSError as error:
        raise InvalidArgument(f"{where} cannot be read: {error.strerror}.") from error


def _entries(text: bytes) -> int:
    """How many values JSON may have, at most."""
    return sum(map(text.count, (b",", b"[", b"{")))


def _parse(text: bytes | str, where: str) -> dict[str, Any]:
    import json

    try:
        encoded = text if isinstance(text, bytes) else text.encode()
        if _entries(encoded) > MOST_ENTRIES:
            raise ValueError("too many entries")
        parsed = json.loads(encoded, object_pairs_hook=_distinct, parse_constant=_constant)
    except (ValueError, RecursionError):
        parsed = None
    if not isinstance(parsed, dict):
        raise InvalidArgument(f"{where} is not a model file: its header is not JSON of ours.")
    return parsed


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse a name that occurs twice: readers differ in which value they take."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name occurs twice")
    return found


def _constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _data_size(header: dict[str, Any], where: str) -> int:
    """Return how many bytes the tensors take, which lie end to end."""
    total = last = 0
    try:
        for name, entry in header.items():
            if name != "__metadata__":
                start, end = entry["data_offsets"]
                if not (type(start) is type(end) is int and 0 <= start <= end < 2**63):
                    raise ValueError
                total, last = total + end - start, max(last, end)
    except (KeyError, TypeError, ValueError):
        total = -1
    if total != last:  # were they to overlap, a small file would take much memory
        raise InvalidArgument(f"{where} is not a model file: its header is damaged.")
    return total
