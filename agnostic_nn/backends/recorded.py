"""Recorded steps: kept for the present theta, compared with the step before they are trusted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, Self

import array_api_compat.numpy as xp
import numpy as np

from ..errors import NotRecordable
from ..namespace import Array, Namespace
from ..programs.enclosure import enclose, holds
from ..programs.intervals import CPU, Interval, Machine
from ..programs.program import Program
from ..programs.schedule import schedule
from ..programs.steps import DATA, record_step, state_names
from ..programs.watch import Watch
from .base import Epoch, State, Step
from .numpy_calls import NDArray, NumPyCalls, constant

#: ULPs that two ways to compute the same may differ by and need no closer look.
SAME = 4.0
#: Of more parameters that differ by more, as many are looked at: those furthest apart.
LOOKED_AT = 2**16


class RecordedSteps:
    """The steps of one training, one for each size of a minibatch.

    They read and write the arrays of one state, and are gone with it.

    Parameters
    ----------
    step : callable
    state : tuple of arrays
    """

    def __init__(self, step: Step, state: State) -> None:
        self._step, self._state = step, state
        self._watch = Watch(step)
        self._steps: dict[Any, RecordedStep] = {}
        self._refusal: NotRecordable | None = None

    @classmethod
    def of(cls, step: Step, state: State, compiled: dict[Any, Any], *more: Any) -> Self:
        """Return those that are kept, unless they are of another step or another state.

        `more` is what making them takes besides.
        """
        kept: Self | None = compiled.get("steps")
        if kept is None or not kept.serves(step, state):
            compiled["steps"] = kept = cls(step, state, *more)
        return kept

    @property
    def asked_not_to(self) -> bool:
        """Whether something in the step says that it is not to be recorded."""
        return self._watch.unrecordable is not None

    def serves(self, step: Step, state: State) -> bool:
        """Whether they are of this step and this state, and still true."""
        if (
            step is not self._step
            and step == self._step
            and Watch(step).things == self._watch.things
        ):
            self._step = step  # that of another call of `train`; it is looked through once
        return (
            step is self._step
            and len(state) == len(self._state)
            and all(new is old for new, old in zip(state, self._state, strict=True))
            and self._watch.changed() is None
            and all(recorded.recording.still_holds() for recorded in self._steps.values())
        )

    def run(self, epoch: Epoch) -> float:
        """Run an epoch, and return the mean cost over its examples.

        Raises
        ------
        NotRecordable
            If there are no such steps; nothing has happened then.
        """
        sizes = np.full(len(epoch.rates), epoch.batch_size)
        sizes[-1] = epoch.examples - epoch.batch_size * (len(epoch.rates) - 1)
        steps, costs = self.for_sizes(sizes.tolist(), epoch), np.empty(len(sizes))
        whole = len(sizes) - (sizes[-1] != sizes[0])
        costs[:whole] = steps[sizes[0]].run(epoch, 0, whole)
        if whole < len(sizes):
            costs[-1] = steps[sizes[-1]](epoch, whole)
        return float(costs @ sizes / epoch.examples)

    def for_sizes(self, sizes: Sequence[int], epoch: Epoch) -> dict[int, RecordedStep]:
        """Return the recorded step for each of these sizes, compared with the step as it stands.

        Raises
        ------
        NotRecordable
            If there is none; the message says why.
        """
        self._check_whether_to()
        kept = {}
        for i, size in ((0, sizes[0]), (len(sizes) - 1, sizes[-1])):
            key = (size, *(x is None for x in epoch.data))
            if key not in self._steps:
                try:
                    self._steps[key] = self._recorded(epoch, i, size)
                except NotRecordable as refusal:
                    self._refusal = NotRecordable(str(refusal))
                    raise
            kept[size] = self._steps[key]
        return kept

    def _check_whether_to(self) -> None:
        """Raise where there will be none, as far as is known."""
        if self.asked_not_to:
            raise NotRecordable(f"{self._watch.unrecordable} is not to be recorded")
        if self._refusal is not None:
            raise self._refusal

    def _recorded(self, epoch: Epoch, i: int, size: int) -> RecordedStep:
        self._check_state()
        with self._watch.held():
            recorded = self._made(self._step, self._state, epoch, size)
            self._check_read([*self._watch.arrays, *(x for x, _ in recorded.recording.read)])
            self._watch.check()
            recorded.compare(self._step, epoch, i)
        return recorded

    def _check_state(self) -> None:
        for array in self._state:
            if not (array.flags.c_contiguous and array.flags.writeable):
                raise NotRecordable("parameters that do not lie in memory one after the other")

    def _check_read(self, read: Sequence[Any]) -> None:
        """Raise where what a step reads besides is the state itself."""
        if any(np.may_share_memory(a, b) for a in map(np.asarray, read) for b in self._state):
            raise NotRecordable("a function that reads the parameters behind the step's back")

    def _forget(self, recorded: RecordedStep) -> None:
        self._steps = {key: step for key, step in self._steps.items() if step is not recorded}

    def _made(self, step: Step, state: State, epoch: Epoch, size: int) -> RecordedStep:
        return RecordedStep(step, state, epoch, size)


class RecordedStep:
    """A training step on minibatches of one size, as a list of NumPy calls."""

    #: Where bounds are computed, and what brings arrays of the host there.
    _xp: Namespace = xp
    _asarray: Callable[[Any], Array] = staticmethod(np.asarray)
    #: What computes the step, as it stands and recorded.
    _machine: Machine = CPU

    def __init__(self, step: Step, state: State, epoch: Epoch, size: int) -> None:
        dtype, self._state = state[0].dtype, state
        widths = [None if x is None else int(x.shape[1]) for x in epoch.data]
        rates, key = len(epoch.rates[0]), epoch.keys.shape[1]
        self.recording = record_step(step, state, widths, size, rates, key)
        self._batch = [None if n is None else np.zeros((size, n), dtype) for n in widths]
        self._rates = np.zeros(rates, dtype)
        self._key = np.zeros(key, np.int32)
        self._prepare(epoch)

    def _prepare(self, epoch: Epoch) -> None:
        """Make of the program what runs it."""
        del epoch
        try:
            made = NumPyCalls(self.program, self._arguments)
        except Exception as error:  # the step itself may run all the same
            raise NotRecordable(f"NumPy refuses its record: {_said(error)}") from error
        self.calls, self.cost = made.calls, made.results["cost"]

    @property
    def program(self) -> Program:
        """What the step is."""
        return self.recording.program

    @cached_property
    def work(self) -> tuple[int, int]:
        """How many calls the program is, and how many numbers they make."""
        ready = schedule(self.program)
        return ready.calls, ready.numbers

    @property
    def _arguments(self) -> dict[str, NDArray]:
        data = {n: x for n, x in zip(DATA, self._batch, strict=False) if x is not None}
        state = dict(zip(state_names(len(self._state)), self._state, strict=True))
        return {**state, **data, "rates": self._rates, "key": self._key}

    def __call__(self, epoch: Epoch, i: int) -> Array:
        """Gather minibatch i, make the calls, and return the cost."""
        self._gather(epoch, i)
        for call in self.calls:
            call()
        return self.cost

    def run(self, epoch: Epoch, first: int, last: int) -> Array:
        """Run the minibatches from `first` to before `last`, and return their costs."""
        return np.asarray([float(self(epoch, i)) for i in range(first, last)])

    def _gather(self, epoch: Epoch, i: int) -> None:
        start = i * epoch.batch_size
        for rows, batch in zip(epoch.data, self._batch, strict=True):
            if rows is None or batch is None:
                continue
            chosen = slice(start, start + len(batch))
            if epoch.order is None:
                batch[...] = rows[chosen]
            elif rows.dtype != batch.dtype:
                batch[...] = rows[epoch.order[chosen]]
            else:  # mode="clip" lets NumPy write to `out` without a buffer in between
                rows.take(epoch.order[chosen], 0, batch, "clip")
        self._rates[...] = epoch.rates[i]
        self._key[...] = epoch.keys[i]

    def compare(self, step: Step, epoch: Epoch, i: int) -> None:
        """Hold this against the step as it stands, on minibatch i; the state stays what it was.

        Raises
        ------
        NotRecordable
            If the two differ by more than rounding can explain.
        """
        before = [array.copy() for array in self._state]
        self._gather(epoch, i)
        batch = [None if x is None else x.copy() for x in self._batch]
        plain, cost = step(
            tuple(array.copy() for array in before),
            batch, tuple(epoch.rates[i]), self._key.copy(), xp,
        )  # fmt: skip
        try:
            self(epoch, i)
            recorded = [*(array.copy() for array in self._state), self.cost.copy()]
        except Exception as error:
            raise NotRecordable(f"its replay fails: {_said(error)}") from error
        finally:
            for array, old in zip(self._state, before, strict=True):
                array[...] = old
        expected = [np.asarray(array) for array in (*plain, cost)]
        given = self._arguments | dict(zip(state_names(len(before)), before, strict=True))
        self._judge(given, epoch.rates[i], recorded, expected)

    def _judge(
        self,
        given: dict[str, NDArray],
        rates: Sequence[float],
        recorded: Sequence[NDArray],
        expected: Sequence[NDArray],
    ) -> None:
        """Raise where the state and the cost of two ways to compute a step are too far apart."""
        names = (*state_names(len(recorded) - 1), "cost")
        for name, got, wanted in zip(names, recorded, expected, strict=True):
            if got.dtype != wanted.dtype or got.shape != wanted.shape:
                raise NotRecordable(
                    f"{name} comes out as {wanted.dtype} {wanted.shape}, recorded as {got.dtype} "
                    f"{got.shape}"
                )
        if not all(map(np.array_equal, recorded, expected)):
            exact = np.asarray(rates, np.float64)
            rounded = exact.astype(self._rates.dtype).astype(np.float64)
            either = Interval(np.minimum(exact, rounded), np.maximum(exact, rounded))
            self._enclose({**given, "rates": either}, dict(zip(names, recorded, strict=True)),
                          dict(zip(names, expected, strict=True)))  # fmt: skip

    def _enclose(
        self, given: dict[str, Any], recorded: dict[str, NDArray], expected: dict[str, NDArray]
    ) -> None:
        """Hold both against what the program may come to."""
        at, xp, asarray = _far_apart(recorded, expected), self._xp, self._asarray
        try:
            there = {
                name: Interval(*map(asarray, x)) if isinstance(x, Interval) else asarray(x)
                for name, x in given.items()
            }
            bounds = enclose(
                self.program, there, asarray(at), xp, lambda c: asarray(constant(c)), self._machine
            )
        except Exception as error:  # of a rule; the step itself may run all the same
            raise NotRecordable(f"its bounds are not to be had: {_said(error)}") from error
        for name, bound in bounds.items():
            for made, what in ((recorded, "its replay"), (expected, "the step as it stands")):
                array = made[name]
                array = array[at] if array.shape == made["theta"].shape else array
                if not holds(bound, asarray(array), xp):
                    raise NotRecordable(
                        f"on the first minibatch {what} gives another {name} than its record says"
                    )


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def _far_apart(recorded: dict[str, NDArray], expected: dict[str, NDArray]) -> NDArray:
    """Return the places where theta, or a vector like it, differs by more than a few ULPs."""
    apart: Any = np.zeros(recorded["theta"].shape)
    for name, a in recorded.items():
        if a.shape == apart.shape:
            (differ,) = np.nonzero(a != expected[name])  # few, as a rule
            x, y = a[differ], expected[name][differ]
            size: Any = 0.0
            if y.dtype.kind == "f":
                limits = np.finfo(y.dtype)
                size = np.abs(y) * limits.eps + limits.tiny * limits.eps
            off = np.abs(x.astype(float) - y) / size
            apart[differ] = np.maximum(apart[differ], np.where(np.isnan(off), np.inf, off))
    (places,) = np.nonzero(apart > SAME)
    if len(places) > LOOKED_AT:
        places = places[np.argsort(apart[places])[-LOOKED_AT:]]
    return places
