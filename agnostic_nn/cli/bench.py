"""`agnostic-nn bench`: how fast each backend trains here, and which one to use."""

from __future__ import annotations

import os
import statistics
import time
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from .common import AsJSON, print_json

if TYPE_CHECKING:
    from ..backends import Backend
    from ..network import Network

#: Widths, examples per step, steps per epoch.
NETS: tuple[tuple[tuple[int, ...], int, int], ...] = (
    ((30, 64, 64, 2), 32, 60),
    ((64, 100, 10), 200, 50),
    ((784, 512, 512, 10), 128, 20),
)

#: Turns of each backend, and seconds of a turn; all of them together stay below a minute.
TURNS, SECONDS = 3, 0.6

#: Threads of one library wait actively for more work for a while, and would disturb the next.
PAUSE = 0.05

#: Below this, one backend is not called faster than another.
MARGIN = 1.1

#: A machine is busy where a loop gets less than this share of a core, or where there is this much
#: to do for each core before anything has begun.
LEAST_SHARE, MOST_LOAD = 0.9, 0.5


def bench(
    backends: Annotated[
        str | None,
        typer.Option(metavar="NAME,NAME", show_default="all that are usable", help="Which ones."),
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Rougher, in a few seconds.")] = False,
    json: AsJSON = False,
) -> None:
    """Measure how fast each backend trains on this machine, and say which one to use."""
    from rich.console import Console

    places = _backends(backends)
    load, shares = _load(), [_share_of_a_core()]
    aside = Console(stderr=True)
    steps: Steps = {}
    with aside.status("bench") as status:
        for widths, batch, count in NETS:
            name = "-".join(map(str, widths))
            races = []
            for backend in places:
                status.update(f"{name} on {backend.name}")
                races.append(_Race(backend, widths, batch, 5 if quick else count))
            status.update(name)
            steps[name, batch] = _run(races, 0.02 if quick else SECONDS)
            shares.append(_share_of_a_core())

    middle = {
        name: {backend: times.middle for backend, times in found.items()}
        for (name, _), found in steps.items()
    }
    advice, busy = recommendation(middle), busy_line(load, statistics.median(shares))
    if json:
        print_json({"steps": _rows(steps), "advice": advice, "busy": busy})
        return
    for backend in places:
        typer.echo(f"{backend.name}: {backend.describe()[0]}")
    console = Console()
    if not console.is_terminal:
        console = Console(width=120)  # a file has no edge to wrap at
    console.print(_table(steps))
    for line in advice if busy is None else [*advice, busy]:
        typer.echo(line)


def _rows(steps: Steps) -> list[dict[str, Any]]:
    """Return what was measured in terms of JSON."""
    return [
        {"net": net, "batch": batch, "backend": backend, "seconds": times._asdict()}
        for (net, batch), found in steps.items()
        for backend, times in found.items()
    ]


def _table(steps: Steps) -> Any:
    """Return what was measured for people."""
    from rich.box import SIMPLE_HEAD
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD)  # which fits into 80 columns
    for heading in ("net", "batch", "backend", "µs a step", "half of them", "examples/s", "times"):
        justify: Any = "left" if heading in ("net", "backend") else "right"
        table.add_column(heading, justify=justify, no_wrap=True)
    for (net, batch), found in steps.items():
        fastest = min(times.middle for times in found.values())
        for backend, times in sorted(found.items(), key=lambda item: item[1].middle):
            table.add_row(
                net, str(batch), escape(backend), f"{1e6 * times.middle:,.0f}",
                f"{1e6 * times.low:,.0f}-{1e6 * times.high:,.0f}",
                f"{batch / times.middle:,.0f}", f"{times.middle / fastest:.1f}",
                style="bold" if times.middle == fastest else None,
            )  # fmt: skip
        table.add_section()
    return table


def _backends(names: str | None) -> list[Backend]:
    from ..backends import available_backends, get_backend

    if names is not None:
        return [get_backend(name.strip()) for name in names.split(",")]
    # array-api-strict checks, and nobody trains on it
    return [
        get_backend(name)
        for name, found in available_backends().items()
        if found.usable and name != "array_api_strict"
    ]


class _Race:
    """A net in training on one backend."""

    def __init__(self, backend: Backend, widths: tuple[int, ...], batch: int, steps: int) -> None:
        from ..backends import host
        from ..network import Network

        self.backend, self.batch, self.steps, n = backend, batch, steps, batch * steps
        random = host.generator(0)
        X = random.standard_normal((n, widths[0]), "float32")
        Y = random.multinomial(1, [1.0 / widths[-1]] * widths[-1], n)
        self.net: Network = Network(widths, "categorical_cross_entropy", backend=backend)
        self.X = backend.asarray(X, self.net.dtype)
        self.Y = backend.asarray(Y, self.net.dtype)
        self.times: list[float] = []
        for _ in range(2):  # what is compiled and allocated once is not measured
            began = time.perf_counter()
            self._epoch()
            if time.perf_counter() - began > 2.0 * SECONDS:
                break  # on a busy machine an epoch can take long

    def turn(self, seconds: float) -> None:
        """Train for so many seconds, and note what a step took in each epoch."""
        time.sleep(PAUSE)
        until = time.perf_counter() + seconds
        while True:
            self.times.append(self._epoch() / self.steps)
            if time.perf_counter() > until:
                break

    def _epoch(self) -> float:
        from ..training import train

        history: Any = train(
            self.net, self.X, self.Y, epochs=1, batch_size=self.batch, progress=False
        )
        seconds: float = history["seconds"][-1]  # which ends when its cost has been read
        return seconds


class Times(NamedTuple):
    """What a step took: the median, and between which times half of them were."""

    low: float
    middle: float
    high: float

    @classmethod
    def of(cls, times: list[float]) -> Times:
        """Return the quartiles."""
        return cls(*statistics.quantiles(times, n=4)) if len(times) > 1 else cls(*3 * times)


#: For each net and batch size, what a step takes on each backend.
Steps = dict[tuple[str, int], dict[str, Times]]


def _load() -> float:
    """Return how much there is to do for each core; 0 where the system does not say."""
    try:
        return os.getloadavg()[0] / (os.cpu_count() or 1)
    except (AttributeError, OSError):
        return 0.0


def _share_of_a_core() -> float:
    """Return how much of a core a loop gets that wants one whole."""
    began, used = time.perf_counter(), time.thread_time()
    while time.perf_counter() - began < 0.05:
        pass
    return (time.thread_time() - used) / (time.perf_counter() - began)


def busy_line(load: float, share: float) -> str | None:
    """Return a sentence where the machine had other things to do; None where it had not.

    Parameters
    ----------
    load : float
        How much there was to do for each core before the measurement.
    share : float
        How much of a core a loop got meanwhile that wanted one whole.

    Examples
    --------
    >>> busy_line(0.1, 0.99)
    >>> busy_line(1.5, 0.6)
    'The machine was busy (load 1.5 for each core, 60 % of a core to be had): measure again.'
    """
    if share >= LEAST_SHARE and load <= MOST_LOAD:
        return None
    return (
        f"The machine was busy (load {load:.1f} for each core, {100.0 * share:.0f} % of a core to "
        "be had): measure again."
    )


def _run(races: list[_Race], seconds: float) -> dict[str, Times]:
    """Train in turn, so that a slow moment is everybody's; return what each one's steps take."""
    until = time.perf_counter() + 1.5 * TURNS * SECONDS * len(races)
    for turn in range(TURNS):
        for race in races:
            if turn == 0 or time.perf_counter() < until:
                race.turn(seconds)
    return {race.backend.name: Times.of(race.times) for race in races}


def recommendation(steps: dict[str, dict[str, float]]) -> list[str]:
    """Say which backend to use for which net: the fastest, or NumPy where that is as good.

    Parameters
    ----------
    steps : dict of str to dict of str to float
        For each net, the seconds a step takes on each backend.

    Returns
    -------
    list of str
        A sentence for each backend that is worth using.
    """
    wins: dict[str, list[tuple[str, float]]] = {}
    for net, found in steps.items():
        if len(found) == 1:
            return [f'"{next(iter(found))}" is the only backend here.']
        best = min(found, key=found.__getitem__)
        if "numpy" in found and found["numpy"] < MARGIN * found[best]:
            best = "numpy"  # the one that is always there
        others = {name: seconds for name, seconds in found.items() if name != best}
        compared = others.get("numpy", min(others.values()))
        wins.setdefault(best, []).append((net, compared / found[best]))
    lines = []
    for best, won in wins.items():
        nets = " and ".join(net for net, _ in won)
        low, high = (f"{limit(factor for _, factor in won):.1f}" for limit in (min, max))
        factor = low if low == high else f"{low} to {high}"
        than = "numpy" if best != "numpy" and "numpy" in found else "the next"
        said = f"{factor} times as fast as {than}."
        if max(factor for _, factor in won) < MARGIN:
            said = "no other is clearly faster."
        lines.append(f'Use backend "{best}" for nets like {nets}: {said}')
    return lines
