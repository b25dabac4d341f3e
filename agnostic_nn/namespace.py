"""Which Array API namespace a function works in: that of its arrays, unless it is told."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any, TypeVar, cast

import array_api_compat

from .errors import InvalidType

#: An array of any library that follows the Array API standard.
Array = Any
#: A module with the functions of the Array API standard.
Namespace = Any

Function = TypeVar("Function", bound=Callable[..., Any])


def namespace_of(*values: Any) -> Namespace:
    """Return the Array API namespace shared by all arrays among `values`, nested ones too."""
    arrays = list(_arrays(values))
    if not arrays:
        given = ", ".join(type(value).__name__ for value in values) or "nothing"
        raise InvalidType(f"an array is wanted (NumPy, CuPy, torch, JAX, ...), got {given}.")
    try:
        return array_api_compat.array_namespace(*arrays)
    except TypeError as error:
        libraries = sorted({type(array).__module__.split(".")[0] for array in arrays})
        raise InvalidType(
            f"all arrays must come from one library, got {' and '.join(libraries)}: "
            "convert them to one of the two first."
        ) from error


def agnostic(function: Function) -> Function:
    """Give `function` the keyword ``xp=None``: left out, it is the namespace of its arrays.

    The lookup costs a few microseconds, so a loop resolves the namespace once and passes it on.
    """

    @functools.wraps(function)
    def with_namespace(*args: Any, xp: Namespace | None = None, **options: Any) -> Any:
        if xp is None:
            xp = namespace_of(*args, *options.values())
        return function(*args, xp=xp, **options)

    return cast(Function, with_namespace)


def _arrays(values: Any) -> Iterator[Array]:
    for value in values:
        if isinstance(value, (list, tuple)):
            yield from _arrays(value)
        elif array_api_compat.is_array_api_obj(value):
            yield value
