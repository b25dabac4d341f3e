"""Files that are written whole or not at all, by one writer at a time.

Beside the file ``m`` may lie ``.m.ann-lock``, which whoever writes it holds, and ``.m.ann-part``,
which becomes ``m`` once it is complete. Neither outlives its writer, except one that is killed;
the next to hold the file clears them away, and touches no other name.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from .errors import DependencyMissing, InvalidArgument, InvalidType, shown
from .installing import install_line

if TYPE_CHECKING:
    from pathlib import Path  # at run time where it is used: the import of the package is light

#: Seconds that a writer waits for another one to be done.
PATIENCE = 10.0

_LOCK, _PART = "ann-lock", "ann-part"


def write(path: str | os.PathLike[str], content: bytes) -> None:
    """Write a file whole or not at all: beside its place, to the disk, then renamed into place."""
    with held(path, patience=PATIENCE):
        replace(path, content)


def replace(path: str | os.PathLike[str], content: bytes) -> None:
    """Write a file that is held: what its name points to is replaced, and keeps its mode."""
    where, target = where_is(path), _target(path)
    part = _beside(target, _PART)
    try:
        mode = target.stat().st_mode if target.exists() else None
        if not target.name or (mode is not None and not stat.S_ISREG(mode)):
            raise InvalidArgument(f"{where} cannot be written: it is not a file.")
        try:
            with part.open("wb") as file:
                if mode is not None:  # before there is anything to read
                    part.chmod(stat.S_IMODE(mode))
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            part.replace(target)
        finally:
            _clear(part)
        _sync_folder(target.parent)
    except OSError as error:
        raise InvalidArgument(f"{where} cannot be written: {error.strerror}.") from error


@contextlib.contextmanager
def written(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a place of the file's own name, in a folder beside; what is there then is the file."""
    target = _target(path)
    with held(path, patience=PATIENCE):
        folder = _beside(target, _PART)
        try:
            folder.mkdir()
            yield folder / target.name
            with (folder / target.name).open("r+b") as file:
                os.fsync(file.fileno())
            (folder / target.name).replace(target)
            _sync_folder(target.parent)
        finally:
            _clear(folder)


@contextlib.contextmanager
def held(
    path: str | os.PathLike[str], argument: str = "path", *, patience: float = 0.0
) -> Iterator[None]:
    """Hold a file, so that nobody else writes it; raise if somebody does and goes on doing so.

    In a folder that cannot be written to there is nothing to hold, and nothing is: who writes
    there will hear of it.
    """
    filelock = _filelock()
    where, target = where_is(path, argument), _target(path)
    lock = filelock.FileLock(_beside(target, _LOCK), timeout=patience, thread_local=False)
    try:
        target.parent.stat()  # which would be made
        lock.acquire()
    except filelock.Timeout:
        raise InvalidArgument(
            f"{where} is being written by another run: wait for its end, or choose another file."
        ) from None
    except OSError:
        yield
        return
    try:
        _clear(_beside(target, _PART))  # of a writer that was killed
        yield
    finally:
        with contextlib.suppress(OSError):
            _beside(target, _LOCK).unlink()  # while it is held: a waiter then makes its own
        lock.release()


def is_left_over(path: Path) -> bool:
    """Whether a file is one of those that a killed writer leaves behind."""
    return path.name.startswith(".") and path.name.endswith((f".{_LOCK}", f".{_PART}"))


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


def _target(path: str | os.PathLike[str]) -> Path:
    """Return the file that a name points to: a link stays one."""
    from pathlib import Path

    return Path(os.path.realpath(path))


def _beside(target: Path, ending: str) -> Path:
    return target.parent / f".{target.name}.{ending}"


def _clear(part: Path) -> None:
    import shutil

    with contextlib.suppress(OSError):
        part.unlink()
    shutil.rmtree(part, ignore_errors=True)  # where it is a folder


def _sync_folder(folder: Path) -> None:
    """Bring a renaming to the disk; where folders cannot be opened, that is the system's affair."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _filelock() -> Any:
    try:
        import filelock
    except ImportError:
        raise DependencyMissing(
            f"files are written with filelock: {install_line('save')}"
        ) from None
    return filelock
