"""A training step, and a prediction, as programs: their arguments and results by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..errors import NotRecordable
from .dtypes import INT32, DType, as_dtype
from .program import Argument
from .record import Recording, record

#: What a step is given of the data; what is None is left out.
DATA = ("X", "Y", "weight")

#: What a network holds, as a prediction is given it.
HELD = ("theta", "buffers")


def state_names(n: int) -> tuple[str, ...]:
    """Return what theta and the optimizer's vectors are called."""
    return ("theta", *(f"state[{i}]" for i in range(n - 1)))


def record_step(
    step: Callable[..., Any],
    state: Sequence[Any],
    widths: Sequence[int | None],
    examples: int,
    rates: int,
    key: int = 2,
) -> Recording:
    """Record a training step.

    Parameters
    ----------
    step : callable
        ``(state, batch, rates, key, xp) -> (state, cost)``.
    state : sequence of arrays
        Of which the shapes and dtypes are read.
    widths : sequence of (int or None)
        The columns of X, Y and the weights; None for what there is not.
    examples : int
        Rows of a minibatch.
    rates : int
        How many numbers change from step to step.
    key : int, default 2
        How long the key is.

    Returns
    -------
    Recording
        Its program's arguments are "theta", "state[0]", ..., those of "X", "Y" and "weight" that
        there are, "rates" and "key"; its results are the state by the same names, and "cost".
    """
    names, dtype = state_names(len(state)), as_dtype(state[0].dtype)
    before = [
        Argument(tuple(array.shape), as_dtype(array.dtype), name)
        for name, array in zip(names, state, strict=True)
    ]
    data = _rows(widths, examples, dtype)
    numbers = [Argument((rates,), dtype, "rates"), Argument((key,), INT32, "key")]

    def named(*arrays: Any, xp: Any) -> dict[str, Any]:
        given = iter(arrays)
        theta_and_slots = tuple(next(given) for _ in names)
        batch = [None if width is None else next(given) for width in widths]
        now, drawn_from = next(given), next(given)
        after, cost = step(
            theta_and_slots, batch, tuple(now[i, ...] for i in range(rates)), drawn_from, xp
        )
        return {**dict(zip(names, after, strict=True)), "cost": cost}

    recording = record(named, [*before, *data, *numbers], names)
    for argument in before:
        result = recording.program.results[argument.name]
        if (result.shape, result.dtype) != (argument.shape, argument.dtype):
            raise NotRecordable(
                f"{argument.name} of {argument.dtype} {argument.shape}, which comes out of the "
                f"step as {result.dtype} {result.shape}"
            )
    return recording


def record_prediction(
    prediction: Callable[..., Mapping[str, Any]],
    held: Sequence[Any],
    widths: Sequence[int | None],
    examples: int,
) -> Recording:
    """Record a prediction.

    Parameters
    ----------
    prediction : callable
        ``(held, rows, xp) -> arrays by name``.
    held : sequence of arrays
        theta, and buffers where there are any; of which the shapes and dtypes are read.
    widths : sequence of (int or None)
        The columns of X, and perhaps of Y and the weights; None for what there is not.
    examples : int
        Rows of a chunk.

    Returns
    -------
    Recording
        Its program's arguments are "theta", "buffers" where there are any, and those of "X", "Y"
        and "weight" that there are; its results have the names that the prediction gives them.
    """
    dtype = as_dtype(held[0].dtype)
    arguments = [
        Argument(tuple(array.shape), dtype, name) for name, array in zip(HELD, held, strict=False)
    ]

    def named(*arrays: Any, xp: Any) -> Mapping[str, Any]:
        given = iter(arrays)
        before = [next(given) for _ in held]
        return prediction(before, [None if n is None else next(given) for n in widths], xp)

    return record(named, [*arguments, *_rows(widths, examples, dtype)], ())


def _rows(widths: Sequence[int | None], examples: int, dtype: DType) -> list[Argument]:
    return [
        Argument((examples, width), dtype, name)
        for name, width in zip(DATA, widths, strict=False)
        if width is not None
    ]
