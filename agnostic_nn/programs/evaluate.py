"""A program's meaning: every call made as it stands, in any namespace of the standard."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ..namespace import Array, Namespace
from .dtypes import DType
from .program import Call, Constant, Value
from .views import as_index

#: Functions that are written otherwise where arrays are had.
_SPELLED: dict[str, Callable[..., Any]] = {
    "getitem": lambda xp, x, *, key: x[as_index(key)],  # noqa: ARG005
    "full": lambda xp, x, *, shape: xp.asarray(xp.broadcast_to(x, shape), copy=True),
    "arange": lambda xp, *, start, stop, step, dtype: xp.arange(start, stop, step, dtype=dtype),
    "astype": lambda xp, x, *, dtype: xp.astype(x, dtype),
    "permute_dims": lambda xp, x, *, axes: xp.permute_dims(x, axes),
    "reshape": lambda xp, x, *, shape: xp.reshape(x, shape),
    "broadcast_to": lambda xp, x, *, shape: xp.broadcast_to(x, shape),
    "concat": lambda xp, *arrays, axis: xp.concat(arrays, axis=axis),
}


def evaluate(
    calls: Iterable[Call],
    arguments: Mapping[Value, Array],
    xp: Namespace,
    constant: Callable[[Constant], Array],
) -> dict[Value, Array]:
    """Make calls one after the other, and return all that comes of them.

    Parameters
    ----------
    calls : iterable of Call
    arguments : mapping of Value to array
        What is there to begin with.
    xp : namespace
    constant : callable
        What makes an array of a constant.
    """
    values = dict(arguments)

    def array(value: Value) -> Array:
        return constant(value) if isinstance(value, Constant) else values[value]

    for call in calls:
        inputs = [array(value) for value in call.inputs]
        options = {
            name: getattr(xp, option.name) if isinstance(option, DType) else option
            for name, option in call.options
        }
        if call.function in _SPELLED:
            values[call] = _SPELLED[call.function](xp, *inputs, **options)
        else:
            values[call] = getattr(xp, call.function)(*inputs, **options)
    return values
