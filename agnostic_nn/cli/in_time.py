"""Time limits: how many epochs there is time for, and what is kept of it for all the rest."""

from __future__ import annotations

import json
import math
import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..checks import check_number
from ..errors import InvalidArgument, TrainingWarning
from . import fitting
from .common import say
from .options import Settings
from .parts import TaskData
from .runs import CLOCK

if TYPE_CHECKING:
    from ..backends import Backend
    from ..deadlines import Deadline
    from ..network import Network
    from ..training import Callback
    from ..training_state import History

#: The share of the time that is left which is kept to test, draw and write; or so many times what
#: reading took, where that is more.
AFTERWARDS, READING = 0.2, 2.0

#: How many steps are tried first to tell how long an epoch takes, how many times as many next, and
#: the share of the time that is enough for a trial.
TRIED, MORE, ENOUGH = 2, 8, 0.01


def keep_some(deadline: Deadline | None, least: float = AFTERWARDS) -> None:
    """Keep as many seconds for what comes after training as that is going to take."""
    if deadline is not None:
        deadline.kept = max(least * deadline.left, READING * deadline.since)


def share(deadline: Deadline | None, of: int = 1, tests: int = 0) -> float | None:
    """Return how many seconds there are to train each of so many networks; None for no limit.

    Each of so many tests before the end takes about half of what is kept for the last one, with
    its report.
    """
    if deadline is None:
        return None
    return max(0.0, deadline.share(of) - tests * 0.5 * deadline.kept / of)


def fitted_in_time(
    data: TaskData,
    settings: Settings,
    backend: Backend,
    tell: Callable[[str], None],
    seconds: float | None,
    *,
    callbacks: tuple[Callback, ...] = (),
    **checkpoints: Any,
) -> Network:
    """Train a network for so many seconds, and tell where that cut it short."""
    from ..deadlines import Deadline

    if seconds is None:
        return fitting.fit(data, settings, backend, callbacks=callbacks, **checkpoints)
    end = Deadline(seconds)
    epochs = epochs_within(end, data, settings, backend)
    net = fitting.fit(
        data, replace(settings, epochs=epochs), backend, callbacks=(*callbacks, end), **checkpoints
    )
    tell_if_cut(net, settings, tell)
    return net


def tell_if_cut(net: Network, settings: Settings, tell: Callable[[str], None]) -> None:
    """Tell how many epochs there were within the time limit, if not all of them."""
    from ..network import training_of

    done = len(training_of(net).history["epoch"])
    if settings.time_limit is None or settings.epochs is None or done >= settings.epochs:
        return
    tell(
        f"training: {done} of at most {settings.epochs} epochs, within "
        f"time_limit={settings.time_limit:g}"
    )


def epochs_within(end: Deadline, data: TaskData, settings: Settings, backend: Backend) -> int:
    """Return how many epochs there is time for, so that the schedules come to their end.

    Training on some of the rows tells how long one takes: on more of them, until that has taken
    long enough to tell.
    """
    most, batch_size = settings.epochs or 1, settings.batch_size or 1
    rows, n = TRIED * batch_size, len(data.train)
    while end.left > 0.0:
        fraction = min(1.0, rows / n)
        took = seconds_of_epoch(data.some(fraction), settings, backend)
        if fraction == 1.0 or took >= ENOUGH * end.left:
            return max(1, min(most, int(end.left * fraction / max(took, 1e-9))))
        rows *= MORE
    return 1


def seconds_of_epoch(data: TaskData, settings: Settings, backend: Backend) -> float:
    """Return how long a second epoch takes, of a network that is not kept."""
    ended: list[float] = []

    def note(*_: Any) -> None:
        ended.append(time.perf_counter())

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TrainingWarning)  # the network that is kept will warn
        fitting.fit(data, replace(settings, epochs=2), backend, callbacks=(note,), watched=False)
    return ended[1] - ended[0] if len(ended) == 2 else math.inf  # it may have diverged


class Clock:
    """Keeps in a run's folder how many seconds were used: a callback of `train`."""

    def __init__(self, folder: Path, deadline: Deadline) -> None:
        self._file, self._deadline, self._next = folder / CLOCK, deadline, 0.0

    def __call__(self, net: Network, history: History) -> None:
        """Write it, at most once a second."""
        from ..files import write

        del net, history
        if (used := self._deadline.used) >= self._next:
            self._next = used + 1.0
            write(self._file, json.dumps({"seconds": used}).encode())


def used(run: Path) -> float:
    """Return how many seconds of its time limit a run has used, as far as its folder says.

    Raises
    ------
    InvalidArgument
        If what is there does not say.
    """
    file = run / CLOCK
    if not file.exists():
        return 0.0
    try:
        seconds = json.loads(file.read_text(encoding="utf-8"))["seconds"]
        check_number("seconds", seconds, at_least=0.0)
        return float(seconds)
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise InvalidArgument(f"run={str(run)!r}: its {CLOCK} is damaged ({error}).") from error


def warn_of_overrun(deadline: Deadline | None) -> None:
    """Say where a time limit could not be kept."""
    if deadline is not None and deadline.left < 0.0:
        say(
            f"agnostic-nn: warning: time_limit={deadline.seconds:g} was overrun by "
            f"{-deadline.left:.1f} s: reading, an epoch, testing and writing are the least there "
            "is to do.",
            err=True,
        )
