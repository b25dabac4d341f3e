"""Which Array API namespace a function works in: that of its arrays, unless it is told."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any, TypeVar, cast

import array_api_compat

from .errors import InvalidType

#: An array of floating-point numbers, of any library that follows the Array API standard.
Array = Any
#: An array that may hold whole numbers or yes and no as well: labels, counts, weights.
Numbers = Any
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

    The lookup costs a few microseconds, so a loop resolves the namespace once and passes it on;
    whoever passes it answers for the arrays. Left out, what is annotated as `Array` or `Numbers`
    has to be one.
    """

    @functools.wraps(function)
    def with_namespace(*args: Any, xp: Namespace | None = None, **options: Any) -> Any:
        if xp is None:
            xp = namespace_of(*args, *options.values())
            kinds = function.__annotations__
            _check_arrays(dict(zip(kinds, args, strict=False)) | options, kinds, xp)
        return function(*args, xp=xp, **options)

    return cast(Function, with_namespace)


def _check_arrays(arguments: dict[str, Any], kinds: dict[str, str], xp: Namespace) -> None:
    """What is called an array is one, and of numbers that all libraries reckon with alike."""
    for name, value in arguments.items():
        kind, _, optional = str(kinds.get(name, "")).partition(" | ")
        if value is None and optional:
            continue
        if kind in ("Array", "Numbers") and not array_api_compat.is_array_api_obj(value):
            raise InvalidType(f"{name} is of type {type(value).__name__}: wanted an array.")
        whole = ("bool", "integral") if kind == "Numbers" else ()
        for array in _arrays([value]):
            if not xp.isdtype(array.dtype, ("real floating", *whole)):
                wanted = "real numbers" if whole else "floating-point numbers, such as float32"
                raise InvalidType(f"{name} is an array of {array.dtype}: wanted {wanted}.")


def _arrays(values: Any, levels: int = 3) -> Iterator[Array]:
    for value in values:
        if isinstance(value, (list, tuple)) and levels > 1:
            yield from _arrays(value, levels - 1)
        elif array_api_compat.is_array_api_obj(value):
            yield value
