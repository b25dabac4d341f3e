"""Files that are written whole or not at all."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Any

from .errors import InvalidArgument, InvalidType, shown

if TYPE_CHECKING:
    from pathlib import Path  # at run time where it is used: the import of the package is light


def write(path: str | os.PathLike[str], content: bytes) -> None:
    """Write a file whole or not at all: beside its place, to the disk, then renamed into place."""
    import secrets
    from pathlib import Path

    where = where_is(path)
    target = Path(path)
    if not target.name:
        raise InvalidArgument(f"{where} cannot be written: it is a folder.")
    beside = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    try:
        with beside.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(target)
        _sync_folder(target.parent)
    except OSError as error:
        raise InvalidArgument(f"{where} cannot be written: {error.strerror}.") from error
    finally:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)


def where_is(path: Any, argument: str = "path") -> str:
    """Return what messages call a file, once its name can be one."""
    try:
        name = os.fspath(path)
        possible = isinstance(name, str) and name != "" and b"\0" not in os.fsencode(name)
    except TypeError:
        raise InvalidType(f"{argument}={shown(path)}: wanted the name of a file.") from None
    except UnicodeError:
        possible = False
    if not possible:
        raise InvalidArgument(f"{argument}={shown(path)}: wanted the name of a file.")
    return f"{argument}={name!r}"


def _sync_folder(folder: Path) -> None:
    """Bring a renaming to the disk; where folders cannot be opened, that is the system's affair."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
