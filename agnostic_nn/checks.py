"""Checks of arguments that say in one sentence what was given and what was wanted."""

from __future__ import annotations

import math
import numbers
import operator
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from .errors import InvalidArgument, InvalidType, shown, unknown_name
from .namespace import Array

Entry = TypeVar("Entry")

#: Whole numbers are below this: libraries and files hold no larger ones.
LARGEST = 2**63


def look_up(kind: str, name: Any, registry: Mapping[str, Entry]) -> Entry:
    """Return what a registry has under a name, which must be one of its own."""
    if not isinstance(name, str) or name not in registry:
        raise unknown_name(kind, name, registry)
    return registry[name]


def look_up_stored(
    where: str, registry: str, name: Any, entries: Mapping[str, Entry], kind: str = ""
) -> Entry:
    """Return what a file calls by a name; `registry` is the public one that should have it."""
    if name not in entries:
        raise InvalidArgument(
            f"{where} needs {kind}{shown(name)}, which is not registered: put it into "
            f"agnostic_nn.{registry}[{shown(name)}] before loading."
        )
    return entries[name]


def check_arrays(**arrays: Array) -> None:
    """What has no shape is no array."""
    for name, array in arrays.items():
        if not hasattr(array, "shape"):
            raise InvalidType(
                f"{name} is of type {type(array).__name__}: wanted an array, of the same library "
                "as the others."
            )


def check_columns(name: str, array: Array) -> None:
    """One example per column, and at least one: the cost is a mean."""
    check_arrays(**{name: array})
    if array.ndim != 2 or array.shape[1] == 0:
        raise InvalidArgument(
            f"{name} has shape {tuple(array.shape)}: wanted one example per column, at least one."
        )


def check_layer(A_prev: Array, W: Array, b: Array) -> None:
    """A_prev (n[l-1], m), W (n[l], n[l-1]) and b (n[l], 1) must fit each other."""
    check_arrays(A_prev=A_prev, W=W, b=b)
    if W.ndim != 2 or A_prev.ndim != 2 or W.shape[1] != A_prev.shape[0]:
        raise InvalidArgument(
            f"W of shape {tuple(W.shape)} cannot multiply A_prev of shape {tuple(A_prev.shape)}: "
            "wanted W (n[l], n[l-1]) and A_prev (n[l-1], m), one example per column."
        )
    if tuple(b.shape) != (W.shape[0], 1):
        raise InvalidArgument(
            f"b has shape {tuple(b.shape)}, wanted {(W.shape[0], 1)}: one bias per row of W "
            f"{tuple(W.shape)}."
        )


def check_pair(parameters: Any) -> tuple[Array, Array]:
    """A dense layer has a pair of parameters."""
    _check_parts("parameters", parameters, ("W", "b"))
    W, b = parameters
    return W, b


def check_cache(cache: Any) -> None:
    """(Z, A_prev, W, b) must be such that Z = W A_prev + b may have been."""
    _check_parts("cache", cache, ("Z", "A_prev", "W", "b"))
    Z, A_prev, W, b = cache
    check_layer(A_prev, W, b)
    check_columns("Z", Z)
    if tuple(Z.shape) != (W.shape[0], A_prev.shape[1]):
        raise InvalidArgument(
            f"Z has shape {tuple(Z.shape)}, W @ A_prev {(W.shape[0], A_prev.shape[1])}: "
            "wanted the same shape."
        )


def _check_parts(name: str, entry: Any, parts: Sequence[str]) -> None:
    if not isinstance(entry, (tuple, list)) or len(entry) != len(parts):
        got = f"{len(entry)} entries" if isinstance(entry, (tuple, list)) else type(entry).__name__
        raise InvalidType(f"{name}: wanted ({', '.join(parts)}), got {got}.")


def check_same_shape(name: str, array: Array, other_name: str, other: Array) -> None:
    """Two arrays that meet element by element must have the same shape."""
    check_arrays(**{name: array, other_name: other})
    if tuple(array.shape) != tuple(other.shape):
        raise InvalidArgument(
            f"{name} has shape {tuple(array.shape)} and {other_name} {tuple(other.shape)}: "
            "wanted the same shape."
        )


def check_same_length(**sequences: Sequence[Any]) -> None:
    """Sequences with one entry per layer must be equally long."""
    for name, sequence in sequences.items():
        if not isinstance(sequence, Sequence) or isinstance(sequence, (str, bytes)):
            raise InvalidType(
                f"{name} is of type {type(sequence).__name__}: wanted a list, one entry per layer."
            )
    lengths = {name: len(sequence) for name, sequence in sequences.items()}
    if len(set(lengths.values())) > 1:
        given = ", ".join(f"{name}: {length}" for name, length in lengths.items())
        raise InvalidArgument(f"one entry per layer is wanted in each, got {given}.")


def check_flag(name: str, value: Any) -> None:
    """A flag is true or false, and nothing that could be taken for either."""
    if type(value).__name__ not in ("bool", "bool_"):  # Python's, NumPy's
        raise InvalidType(f"{name}={shown(value)}: wanted True or False.")


def check_number(
    name: str,
    value: Any,
    *,
    above: float | None = None,
    at_least: float | None = None,
    below: float | None = None,
    at_most: float | None = None,
    integer: bool = False,
) -> None:
    """A number must be a number, and lie in its range."""
    if integer and below is None and isinstance(value, numbers.Integral) and int(value) >= LARGEST:
        below = LARGEST
    bounds = (
        ("above", above, operator.gt),
        ("at least", at_least, operator.ge),
        ("below", below, operator.lt),
        ("at most", at_most, operator.le),
    )
    wanted = " and ".join(f"{word} {bound}" for word, bound, _ in bounds if bound is not None)
    kind = "a whole number" if integer else "a number"
    if isinstance(value, float) and math.isinf(value):
        kind = kind.replace("a", "a finite", 1)
    try:
        holds = isinstance(value, numbers.Integral if integer else numbers.Real)
        holds = holds and not isinstance(value, bool)
        holds = holds and (integer or math.isfinite(value))
        holds = holds and all(
            inside(value, bound) for _, bound, inside in bounds if bound is not None
        )
    except OverflowError:  # a whole number beyond any float
        holds, kind = False, "a finite number"
    if not holds:
        raise InvalidArgument(f"{name}={shown(value)}: wanted {kind} {wanted}".rstrip() + ".")
