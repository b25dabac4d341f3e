"""The package's own errors: one clear sentence each, under the built-in type users expect."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


class AgnosticNNError(Exception):
    """Base of every error this package raises on purpose."""


class InvalidArgument(AgnosticNNError, ValueError):
    """An argument has a value the function cannot work with."""


class InvalidType(AgnosticNNError, TypeError):
    """An argument is of a kind the function cannot work with."""


class BackendUnavailable(AgnosticNNError, RuntimeError):
    """A backend was asked for that cannot run here; the message says why and what to install."""


class DependencyMissing(AgnosticNNError, ImportError):
    """An optional package is needed; the message has the line that installs it."""


class OutOfMemory(AgnosticNNError, MemoryError):
    """A device has too little memory; the message says what was needed and what there was."""


class NotRecordable(AgnosticNNError):
    """A training step does something that cannot be written down; the message says what."""


class TrainingWarning(UserWarning):
    """Training ended early, or its result deserves a second look."""


class TableWarning(UserWarning):
    """A table differs from the one a model was trained with."""


class RecordingWarning(UserWarning):
    """A training step cannot be recorded: it runs as it stands, right and slower."""


def shown(value: Any) -> str:
    """Return what a message says of a value: its repr on one line, cut short where it is long."""
    try:
        text = " ".join(repr(value).split())
    except Exception:  # a whole number of too many digits, a list too deep
        text = f"<{type(value).__name__}>"
    return text if len(text) <= 200 else f"{text[:150]}... ({len(text):,} characters)"


def printable(text: str) -> str:
    """Return text as a terminal may show it: what would steer it stands there as an escape."""
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape").decode() for each in text
    )


def unknown_name(kind: str, name: object, known: Iterable[str]) -> InvalidArgument:
    """Build the error for a name that is not in a registry, with the nearest one that is."""
    import difflib

    known = sorted(known)
    near = difflib.get_close_matches(name[:100], known, n=1) if isinstance(name, str) else []
    hint = f" Did you mean {near[0]!r}?" if near else ""
    return InvalidArgument(f"{kind}={shown(name)} is not known.{hint} Known: {', '.join(known)}.")
