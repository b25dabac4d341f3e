"""The learning rate over time: functions of the epoch, which is a fraction inside an epoch.

A schedule is asked ``schedule(epoch, epochs, costs)``: how much of training is behind (2.5 is
the middle of the third epoch), how many epochs are planned, and the cost that is watched, one
number per finished epoch. It keeps no state, so training that resumes asks it and goes on.
"""

from __future__ import annotations

import contextlib
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import ClassVar

from .checks import check_number, look_up
from .errors import InvalidArgument, shown
from .values import Value


@dataclass(frozen=True)
class Schedule(Value):
    """Base of the schedules.

    Parameters
    ----------
    initial : float, default 0.001
        The learning rate at the start.
    """

    initial: float = 0.001

    #: Where in a step it is read: in its middle, or with 0 where it begins.
    within_step: ClassVar[float] = 0.5

    def __post_init__(self) -> None:
        for field in fields(self):
            if field.type in ("float", "int", float, int):
                check_number(field.name, getattr(self, field.name), at_least=0.0)

    def __call__(self, epoch: float, epochs: int, costs: Sequence[float] = ()) -> float:
        """Return the learning rate after `epoch` epochs out of `epochs`."""
        raise NotImplementedError


@dataclass(frozen=True)
class Constant(Schedule):
    """The same rate throughout."""

    def __call__(self, epoch: float, epochs: int, costs: Sequence[float] = ()) -> float:
        return self.initial


@dataclass(frozen=True)
class InverseScaling(Schedule):
    """initial * (1 + epoch)^-power.

    Examples
    --------
    >>> InverseScaling(0.1, power=0.5)(3, 10)
    0.05
    """

    power: float = 0.5

    def __call__(self, epoch: float, epochs: int, costs: Sequence[float] = ()) -> float:
        return float(self.initial * (1.0 + epoch) ** -self.power)


@dataclass(frozen=True)
class StepDecay(Schedule):
    """Times `factor`, at most 1, after every `every` epochs.

    Examples
    --------
    >>> [StepDecay(0.8, every=10, factor=0.5)(epoch, 30) for epoch in (0, 9.9, 10, 20)]
    [0.8, 0.8, 0.4, 0.2]
    """

    every: float = 10
    factor: float = 0.1

    def __post_init__(self) -> None:
        super().__post_init__()
        check_number("every", self.every, above=0.0)
        check_number("factor", self.factor, at_least=0.0, at_most=1.0)

    def __call__(self, epoch: float, epochs: int, costs: Sequence[float] = ()) -> float:
        times = min(epoch / self.every, sys.float_info.max)  # a quotient may overflow
        return float(self.initial * self.factor ** float(math.floor(times)))


@dataclass(frozen=True)
class Exponential(Schedule):
    """initial * factor^epoch."""

    factor: float = 0.95

    def __call__(self, epoch: float, epochs: int, costs: Sequence[float] = ()) -> float:
        with contextlib.suppress(OverflowError):
            rate = float(self.initial * self.factor**epoch)
            if math.isfinite(rate):
                return rate
        raise InvalidArgument(
            f"factor={self.factor}: after {epoch:g} epochs no number holds the learning rate."
        )


@dataclass(frozen=True)
class Cosine(Schedule):
    """Half a cosine from `initial` down to `final` at the last epoch (Loshchilov & Hutter 2017).

    Examples
    --------
    >>> [round(Cosine(1.0)(epoch, 10), 3) for epoch in (0, 5, 10)]
    [1.0, 0.5, 0.0]
    """

    final: float = 0.0

    def __call__(self, epoch: float, epochs: int, costs: Sequence[float] = ()) -> float:
        return _half_cosine(self.initial, self.final, epoch / max(epochs, 1))


@dataclass(frozen=True)
class OneCycle(Schedule):
    """Up to `peak` during the first `rise` of training, then down to `final` (Smith 2018).

    Examples
    --------
    >>> schedule = OneCycle(0.1, peak=1.0, rise=0.5)
    >>> [round(schedule(epoch, 10), 3) for epoch in (0, 5, 10)]
    [0.1, 1.0, 0.0]
    """

    peak: float = 0.01
    rise: float = 0.3
    final: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_number("rise", self.rise, above=0.0, below=1.0)

    def __call__(self, epoch: float, epochs: int, costs: Sequence[float] = ()) -> float:
        done = epoch / max(epochs, 1)
        if done < self.rise:
            return _half_cosine(self.initial, self.peak, done / self.rise)
        return _half_cosine(self.peak, self.final, (done - self.rise) / (1.0 - self.rise))


@dataclass(frozen=True)
class CosLog(Schedule):
    """Up from 0 to `initial` and down again, `cycles` times, each twice as long as the one before.

    initial (1 - cos(2 pi log2(1 + (2^cycles - 1) t))) / 2 at the share t of training, where a step
    begins (Holzmüller, Grinsztajn & Steinwart, "Better by default", NeurIPS 2024). It is 0 at
    t = (2^j - 1) / (2^cycles - 1).

    Examples
    --------
    >>> schedule = CosLog(1.0, cycles=2)
    >>> [round(schedule(epoch, 9), 3) for epoch in (0, 3, 9)]
    [0.0, 0.0, 0.0]
    >>> round(schedule(3 * (2**0.5 - 1), 9), 3)  # the first top
    1.0
    """

    cycles: int = 4

    within_step: ClassVar[float] = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_number("cycles", self.cycles, at_least=1, at_most=52, integer=True)

    def __call__(self, epoch: float, epochs: int, costs: Sequence[float] = ()) -> float:
        done = min(epoch / max(epochs, 1), 1.0)
        turns = math.log2(1.0 + (2**self.cycles - 1) * done)
        return 0.5 * self.initial * (1.0 - math.cos(2.0 * math.pi * turns))


@dataclass(frozen=True)
class FlatCosine(Schedule):
    """The same throughout the first `flat` of training, then half a cosine down to 0.

    It is read where a step begins.

    Examples
    --------
    >>> [round(FlatCosine(1.0, flat=0.5)(epoch, 12), 3) for epoch in (0, 6, 8, 9, 12)]
    [1.0, 1.0, 0.75, 0.5, 0.0]
    """

    flat: float = 0.5

    within_step: ClassVar[float] = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_number("flat", self.flat, at_least=0.0, below=1.0)

    def __call__(self, epoch: float, epochs: int, costs: Sequence[float] = ()) -> float:
        done = epoch / max(epochs, 1)
        return _half_cosine(self.initial, 0.0, (done - self.flat) / (1.0 - self.flat))


@dataclass(frozen=True)
class ReduceOnPlateau(Schedule):
    """Times `factor`, at most 1, whenever the cost has not fallen for `patience` epochs.

    The cost is that of the validation set where there is one, else that of training.

    Examples
    --------
    >>> schedule = ReduceOnPlateau(0.1, factor=0.5, patience=2)
    >>> schedule(3, 10, [1.0, 0.9, 0.8]), schedule(5, 10, [1.0, 0.9, 0.8, 0.8, 0.8])
    (0.1, 0.05)
    """

    factor: float = 0.1
    patience: int = 5
    tolerance: float = 1e-4

    def __post_init__(self) -> None:
        super().__post_init__()
        check_number("factor", self.factor, at_least=0.0, at_most=1.0)
        check_number("patience", self.patience, at_least=1, integer=True)

    def __call__(self, epoch: float, epochs: int, costs: Sequence[float] = ()) -> float:
        plateau = getattr(self, "_plateau", None)
        if plateau is None or not plateau.goes_on_in(costs):
            plateau = _Plateau(costs, self.initial)
            object.__setattr__(self, "_plateau", plateau)
        return plateau.rate_of(self)


class _Plateau:
    """How far `ReduceOnPlateau` has read the costs, so that no epoch reads all of them again.

    A list of costs only grows; one that is another, or has changed its end, is read anew.
    """

    def __init__(self, costs: Sequence[float], rate: float) -> None:
        self.costs, self.rate = costs, rate
        self.best, self.waited, self.read = math.inf, 0, 0
        self.last = math.nan

    def goes_on_in(self, costs: Sequence[float]) -> bool:
        """Whether these are the costs that were read, and perhaps more of them."""
        read = self.read
        return costs is self.costs and (
            read == 0 or (len(costs) >= read and costs[read - 1] == self.last)
        )

    def rate_of(self, schedule: ReduceOnPlateau) -> float:
        """Read on to the end."""
        for cost in self.costs[self.read :]:
            least = schedule.tolerance * abs(self.best) if self.best < math.inf else 0.0
            if cost < self.best - least:
                self.best, self.waited = cost, 0
            else:
                self.waited += 1
            if self.waited == schedule.patience:
                self.rate, self.waited = self.rate * schedule.factor, 0
            self.last = cost
        self.read = len(self.costs)
        return self.rate


@dataclass(frozen=True)
class WarmUp(Schedule):
    """From 0 up to another schedule's rate, in a straight line over the first `length` epochs.

    Examples
    --------
    >>> schedule = WarmUp(Constant(0.2), length=2)
    >>> [schedule(epoch, 10) for epoch in (0, 1, 2, 3)]
    [0.0, 0.1, 0.2, 0.2]
    """

    initial: Schedule | float = 0.001  # type: ignore[assignment]
    length: float = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "initial", as_schedule(self.initial))
        check_number("length", self.length, above=0.0)

    def __call__(self, epoch: float, epochs: int, costs: Sequence[float] = ()) -> float:
        after = as_schedule(self.initial)
        if epoch >= self.length:
            return after(epoch - self.length, max(epochs - self.length, 1), costs)  # type: ignore[arg-type]
        return after(0, epochs) * epoch / self.length


def _half_cosine(start: float, end: float, done: float) -> float:
    return end + (start - end) * 0.5 * (1.0 + math.cos(math.pi * min(max(done, 0.0), 1.0)))


#: Every schedule by name. A new one is a class above and a line here.
SCHEDULES: dict[str, type[Schedule]] = {
    "constant": Constant,
    "inverse_scaling": InverseScaling,
    "step": StepDecay,
    "exponential": Exponential,
    "cosine": Cosine,
    "one_cycle": OneCycle,
    "cos_log": CosLog,
    "flat_cosine": FlatCosine,
    "reduce_on_plateau": ReduceOnPlateau,
    "warm_up": WarmUp,
}


def get_schedule(name: str) -> type[Schedule]:
    """Return the schedule class of that name."""
    return look_up("schedule", name, SCHEDULES)


def as_schedule(learning_rate: float | Schedule) -> Schedule:
    """Return a number as the constant schedule, a schedule as it is."""
    if isinstance(learning_rate, Schedule):
        return learning_rate
    try:
        return Constant(learning_rate)
    except InvalidArgument:
        raise InvalidArgument(
            f"learning_rate={shown(learning_rate)}: wanted a number at least 0.0 or a Schedule."
        ) from None
