"""Which Array API namespace a function works in: that of its arrays, unless it is told."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Annotated, Any, NamedTuple, TypeVar, cast, get_args, get_type_hints

import array_api_compat

from .errors import InvalidType


class Kind(NamedTuple):
    """What the numbers of an array may be: in words, and in the standard's names of dtypes."""

    wanted: str
    dtypes: tuple[str, ...]


_FLOATS = Kind("floating-point numbers, such as float32", ("real floating",))

#: An array of floating-point numbers, of any library that follows the Array API standard.
Array = Annotated[Any, _FLOATS]
#: An array that may hold whole numbers or yes and no as well: labels, counts, weights.
Numbers = Annotated[Any, Kind("real numbers", ("real floating", "integral", "bool"))]
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
            kinds = _kinds(function)
            _check_arrays(dict(zip(kinds, args, strict=False)) | options, kinds, xp)
        return function(*args, xp=xp, **options)

    return cast(Function, with_namespace)


@functools.cache
def _kinds(function: Callable[..., Any]) -> dict[str, tuple[Kind | None, bool]]:
    """Return what the annotation of each parameter says: the kind of array, and whether of none."""
    kinds = {}
    for name, hint in get_type_hints(function, include_extras=True).items():
        parts = get_args(hint) if type(None) in get_args(hint) else (hint,)
        found = [kind for part in parts for kind in getattr(part, "__metadata__", ())]
        kinds[name] = (found[0] if found else None, len(parts) > 1)
    return kinds


def _check_arrays(
    arguments: dict[str, Any], kinds: dict[str, tuple[Kind | None, bool]], xp: Namespace
) -> None:
    """What is called an array is one, and of numbers that all libraries reckon with alike."""
    for name, value in arguments.items():
        kind, optional = kinds.get(name, (None, False))
        if value is None and optional:
            continue
        if kind is not None and not array_api_compat.is_array_api_obj(value):
            raise InvalidType(f"{name} is of type {type(value).__name__}: wanted an array.")
        wanted, dtypes = kind or _FLOATS
        for array in _arrays([value]):
            if not xp.isdtype(array.dtype, dtypes):
                raise InvalidType(f"{name} is an array of {array.dtype}: wanted {wanted}.")


def _arrays(values: Any, levels: int = 3) -> Iterator[Array]:
    for value in values:
        if isinstance(value, (list, tuple)) and levels > 1:
            yield from _arrays(value, levels - 1)
        elif array_api_compat.is_array_api_obj(value):
            yield value
