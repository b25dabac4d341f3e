"""`python -m benchmarks.break_even`: the first result, and from which step on compiling has paid.

Fresh processes import the package, make a network and train it for 100 steps: with NumPy, with
Numba that has nothing on disk, and with Numba that finds what an earlier process compiled. All of
it is time a user waits. What a step takes after that says how many of them it needs until the
compiled ones have caught up with NumPy's; "auto" compiles after as many steps as it counts that
this takes, whatever is on disk, so that the same training always has the same numbers.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from . import machine, report
from .kept import keep
from .tasks import TASKS, make_data, one_hot

NETS = ("64-100-10", "30-64-64-2", "784-512-512-10")

LOSS = "categorical_cross_entropy"

#: Steps until the first result, and how often as many are timed after that.
STEPS, TIMES = 100, 5

#: Who is measured: the name, the backend, and whether there is something on disk.
WAYS = (("numpy", "numpy", False), ("numba, cold", "numba", False), ("numba, warm", "numba", True))

#: The parts of the first result.
PARTS = ("import", "construct", "100 steps")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.break_even", description=__doc__)
    parser.add_argument("--nets", metavar="NAME,NAME", default=",".join(NETS))
    parser.add_argument("--rounds", type=int, metavar="N", default=5)
    parser.add_argument("--threads", type=int, metavar="N", default=1)
    parser.add_argument(
        "--processor", action="store_true",
        help="count the seconds of the processor alone, which say more on a machine that is shared",
    )  # fmt: skip
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        clock = time.process_time if options.processor else time.perf_counter
        print(json.dumps(first_result(*options.child, clock)))
        return

    report.ask_for_packages(parser)
    found: dict[str, Any] = machine.describe() | {
        "threads": options.threads,
        "clock": "processor" if options.processor else "wall",
        "nets": {},
    }
    with tempfile.TemporaryDirectory() as warm:
        for name in options.nets.split(","):
            seen = found["nets"][name] = {way: [] for way, _, _ in WAYS}
            in_a_process(options, name, "numba", warm)  # leaves something on disk
            for _ in range(options.rounds):
                for way, backend, is_warm in WAYS:  # in turn: a slow minute is everybody's
                    with tempfile.TemporaryDirectory() as cold:
                        cache = warm if is_warm else cold
                        seen[way].append(in_a_process(options, name, backend, cache))
                if options.json:
                    keep(options.json, found)
            show(name, seen)


def in_a_process(options: Any, net: str, backend: str, cache: str) -> dict[str, float]:
    """Return what a fresh process needs, which keeps what it compiles in that folder."""
    command = [sys.executable, "-m", "benchmarks.break_even", "--child", net, backend]
    command += ["--processor"] if options.processor else []
    environment = os.environ | machine.environment(options.threads) | {"XDG_CACHE_HOME": cache}
    done = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def first_result(name: str, backend: str, clock: Callable[[], float]) -> dict[str, float]:
    """Return the seconds of each part, those of a step from then on, and when "auto" compiles."""
    began = clock()
    import agnostic_nn as ann
    from agnostic_nn.backends import on_numba
    from agnostic_nn.backends.base import at_once
    from agnostic_nn.programs.schedule import schedule

    seconds = {"import": clock() - began}
    task = TASKS[name]
    task = replace(task, steps=STEPS, rows=STEPS * task.batch)
    X, y = make_data(task)
    Y = one_hot(y, task.widths[-1])
    program = schedule(ann.program(ann.Network(task.widths, LOSS), batch_size=task.batch))
    auto = on_numba.pays_after(program.calls, program.numbers)

    began = clock()
    net = ann.Network(task.widths, LOSS, backend=backend)
    seconds["construct"] = clock() - began

    def steps() -> float:
        began = clock()
        ann.train(net, X, Y, epochs=1, batch_size=task.batch, progress=False)
        return clock() - began

    with at_once():  # Numba compiles before the first step
        seconds["100 steps"] = steps()
        seconds["step"] = min(steps() for _ in range(TIMES)) / STEPS
    return seconds | {"auto": auto}


def break_even(seen: dict[str, Any], way: str, of: Callable[[Sequence[float]], float]) -> float:
    """Return after how many steps a way has caught up with NumPy."""

    def of_a_way(way: str) -> tuple[float, float]:
        first = of([sum(one[part] for part in PARTS) for one in seen[way]])
        return first, of([one["step"] for one in seen[way]])

    (first, step), (numpy_first, numpy_step) = of_a_way(way), of_a_way("numpy")
    if step >= numpy_step:
        return float("inf")
    return max(STEPS, STEPS + (first - numpy_first) / (numpy_step - step))


def show(name: str, seen: dict[str, Any]) -> None:
    """Print what was found of a net."""
    from rich.console import Console
    from rich.table import Table

    console = Console(width=None if sys.stdout.isatty() else 130)
    table = Table(
        "", *PARTS, "first result", "minimum", "a step then", "break-even", "of minima",
        title=f"{name}: medians of {len(seen['numpy'])} fresh processes", title_justify="left",
    )  # fmt: skip
    for way, runs in seen.items():
        firsts = [sum(one[part] for part in PARTS) for one in runs]
        medians = [statistics.median(one[part] for one in runs) for part in (*PARTS, "step")]
        *parts, step = (report.seconds(value) for value in medians)
        evens = (break_even(seen, way, of) for of in (statistics.median, min))
        table.add_row(
            way, *parts, report.seconds(statistics.median(firsts)), report.seconds(min(firsts)),
            step, *("-" if way == "numpy" else f"{even:,.0f} steps" for even in evens),
        )  # fmt: skip
    console.print(table)
    console.print(f'"auto" compiles after {seen["numpy"][0]["auto"]:,.0f} steps', highlight=False)


if __name__ == "__main__":
    main()
