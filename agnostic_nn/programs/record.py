"""Recording: a function of arrays runs once, over arrays that know their shape and dtype alone.

Every call is written down. What cannot be raises `NotRecordable`, and so a program never means
anything else than the function it was recorded from.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from ..errors import NotRecordable
from .namespace import RecordingNamespace
from .program import Argument, Call, Program, reached
from .traced import ELSEWHERE, Memory, Tape, Traced


class Recording:
    """A program, and what it takes for granted.

    Attributes
    ----------
    program : Program
    read : list of (memoryview, bytes)
        Plain arrays of the host that are constants of the program, with what they held.
    """

    def __init__(self, program: Program, read: list[tuple[memoryview, bytes]]) -> None:
        self.program, self.read = program, read

    def still_holds(self) -> bool:
        """Whether the plain arrays hold what they held."""
        return all(array.tobytes() == data for array, data in self.read)


#: Why the function that is being recorded cannot be, as far as is known; None where none is.
_REASONS: ContextVar[list[str] | None] = ContextVar("reasons", default=None)


@contextmanager
def refusing() -> Iterator[None]:
    """Within it, what calls `not_in_a_step` makes the whole of it raise NotRecordable."""
    reasons: list[str] = []
    before = _REASONS.set(reasons)
    try:
        yield
    finally:
        _REASONS.reset(before)
        if reasons:  # whoever caught it does not make the recording right
            raise NotRecordable(reasons[0])


def not_in_a_step(what: str) -> None:
    """Raise NotRecordable where a step is being recorded or compiled: `what` changes unseen."""
    reasons = _REASONS.get()
    if reasons is not None:
        reasons.append(f"a function that reads {what}, which changes as training goes on")
        raise NotRecordable(reasons[0])


def record(
    function: Callable[..., Mapping[str, Any]], arguments: Sequence[Argument], owned: Sequence[str]
) -> Recording:
    """Run a function once over arrays without values, and return the program that it is.

    Parameters
    ----------
    function : callable
        ``function(*arrays, xp=...)``, which returns arrays by name.
    arguments : sequence of Argument
        What stands for each array.
    owned : sequence of str
        The names of those that the function may change in place.

    Returns
    -------
    Recording

    Raises
    ------
    NotRecordable
        If the function does anything that a program cannot say.
    """
    tape = Tape()
    tape.namespace = RecordingNamespace(tape)
    arrays = [
        Traced(tape, argument, Memory(), view=argument.name not in owned) for argument in arguments
    ]
    try:
        with refusing():
            found = function(*arrays, xp=tape.namespace)
        results = {name: tape.value(array) for name, array in found.items()}
    except NotRecordable:
        raise
    except Exception as error:  # a function of the user's own may do anything with an array
        reason = f"{type(error).__name__}: {(str(error) or '-').splitlines()[0]}"
        if "__array_ufunc__" in reason:  # what NumPy says of an array that it cannot take
            reason = ELSEWHERE
        raise NotRecordable(tape.refusal or reason) from error
    finally:
        tape.over = True
    if tape.refusal is not None:
        raise NotRecordable(tape.refusal)
    del found, arrays
    if any(handle() is not None for handle in tape.handles):
        gc.collect()
    if any(handle() is not None for handle in tape.handles):
        raise NotRecordable("a function that keeps an array beyond the step")
    made = reached([*tape.values, *results.values()])
    calls = [value for value in made if isinstance(value, Call)]
    return Recording(Program(tuple(arguments), tuple(calls), results), tape.read)
