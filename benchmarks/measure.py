"""One process, one number of threads: every contender in turn, several rounds.

What is known is written to the file of the results after every round, and not at the end.

Started by `python -m benchmarks`, with the number of threads already in the environment; array
libraries read it when they are imported, so none is imported before the cores are chosen.
"""

from __future__ import annotations

import argparse
import gc
import json
import math
import os
import random
import statistics
import sys
import time
import warnings
from pathlib import Path
from typing import Any

from . import machine, on_gpu, tasks
from .contenders import Contender, contenders, takes_part
from .kept import keep
from .peers import Run

#: Libraries' threads wait actively for more work for a while; nobody starts before they sleep.
PAUSE = 0.05


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--tasks", required=True)
    parser.add_argument("--backends", required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--rounds", type=int, required=True)
    parser.add_argument("--only", default="")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--seconds", type=float, default=math.inf)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()

    if hasattr(os, "sched_setaffinity"):  # also for threads that read no environment variable
        cores = sorted(os.sched_getaffinity(0))[-options.threads :]
        os.sched_setaffinity(0, cores)
    try:
        import torch
    except ImportError:
        pass
    else:
        torch.set_num_threads(options.threads)
    from agnostic_nn.backends.base import at_once

    with at_once():  # compiled from the first step on, which is not measured
        measure(options)


def measure(options: Any) -> None:
    """Measure task by task, and keep what is known."""
    backends = options.backends.split(",")
    content = json.loads(options.out.read_text())
    content["versions"] = machine.versions(backends)
    on_a_gpu, began = [], time.perf_counter()
    for name in options.tasks.split(","):
        if time.perf_counter() - began >= options.seconds:
            content.setdefault("not begun", []).append(name)
            keep(options.out, content)
            continue
        task = tasks.TASKS[name]
        task = tasks.quick(task) if options.quick else task
        turns = Turns(task, backends, options.only, options.quick)
        result: dict[str, Any] = {"threads": options.threads}
        content["results"].append(result)
        for number in range(1, options.rounds + 1):
            turns.take(number)
            result |= turns.result()
            keep(options.out, content)
        of_gpu = [one for one in result["contenders"] if one["device"] == "gpu"]
        on_a_gpu += [(one, turns.runs[one["name"]], task.count) for one in of_gpu]
        del turns  # before those of the next task ask for memory
    say("")
    # a profiler may make slower what comes after it, so it comes last
    for one, run, steps in on_a_gpu:
        say(f"{one['name']} is watched")
        one["step"] = on_gpu.step_of(run, steps)
        keep(options.out, content)


class Turns:
    """A task, and those who take part in it: they warm up, and then take turns, round by round.

    Who fails is left out, with the reason, and keeps none of the others from running.

    Parameters
    ----------
    task : Task
    backends : sequence of str
        Of this package.
    only : str
        Who takes part; see `takes_part`.
    quick : bool
        Whether it is enough to see that everything runs.

    Attributes
    ----------
    runs : dict of str to callable
        What runs the task for a contender, by name.
    """

    def __init__(self, task: tasks.Task, backends: list[str], only: str, quick: bool) -> None:
        self.task, self.runs = task, dict[str, Run]()
        self._left_out: dict[str, str] = {}
        self._known: dict[str, dict[str, Any]] = {}
        gc.unfreeze()
        X, y = tasks.make_data(task)
        for one in contenders(task, backends, quick):
            if takes_part(one.name, only):
                say(f"{task.title}: {one.name} warms up")
                self._warm_up(one, X, y)
        self._seconds: dict[str, list[float]] = {name: [] for name in self.runs}
        self._busy: dict[str, list[float]] = {name: [] for name in self.runs}
        self._shuffler = random.Random(0)
        gc.collect()
        gc.freeze()  # what is there now stays: collecting between turns takes no time for it

    def _warm_up(self, one: Contender, X: Any, y: Any) -> None:
        """Run what is compiled, recorded and allocated once, and is not measured."""
        from agnostic_nn import RecordingWarning

        if one.build is None:
            self._left_out[one.name] = one.reason
            return
        before = on_gpu.memory_in_use(release=True) if one.device == "gpu" else None
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            try:
                run = one.build(self.task, X, y)
                run(1)
                if self.task.kind == "train":
                    run(1)
            except Exception as error:  # a peer may fail in ways of its own
                self._leave_out(one.name, error)
                return
        self.runs[one.name], self._known[one.name] = run, {"device": one.device}
        # such as that it runs in another way than its name says
        if notes := [str(each.message) for each in said if each.category is RecordingWarning]:
            self._known[one.name]["said"] = notes
        if before is not None:
            taken = on_gpu.memory_in_use(release=False)
            self._known[one.name]["memory"] = None if taken is None else taken - before

    def _leave_out(self, name: str, error: Exception) -> None:
        self._left_out[name] = f"{type(error).__name__}: {(str(error) or '-').splitlines()[0]}"
        self.runs.pop(name, None)
        say(f"{self.task.title}: {name} is left out: {self._left_out[name]}\n")

    def take(self, number: int) -> None:
        """Let everybody run once; `number` counts the rounds."""
        task, names = self.task, list(self.runs)
        self._shuffler.shuffle(names)  # so that nobody always follows the same neighbour
        for name in names:
            say(f"{task.title}: round {number}, {name}")
            gc.collect()
            time.sleep(PAUSE)
            busy, began = time.process_time(), time.perf_counter()
            try:
                found = self.runs[name](task.repeats)
            except Exception as error:
                self._leave_out(name, error)
                continue
            wall, busy = time.perf_counter() - began, time.process_time() - busy
            self._known[name] |= found
            self._seconds[name].append(wall / (task.repeats * task.count))
            self._busy[name].append(busy / (task.repeats * task.count))

    def _of(self, name: str) -> dict[str, Any]:
        """Return what a contender needed; the processor's seconds say more on a shared machine."""
        seconds, busy = self._seconds[name], self._busy[name]
        return {
            "name": name,
            "median": statistics.median(seconds),
            "minimum": min(seconds),
            "processor": min(busy),
            "cores": statistics.median(b / s for b, s in zip(busy, seconds, strict=True)),
            "seconds": seconds,
            **self._known[name],
        }

    def result(self) -> dict[str, Any]:
        """Return what everybody needed for a unit of the task, in seconds, round by round."""
        task = self.task
        return {
            "task": task.name,
            "title": task.title,
            "kind": task.kind,
            "unit": task.unit,
            "units_per_turn": task.repeats * task.count,
            "contenders": [self._of(name) for name in self.runs if self._seconds[name]],
            "left_out": self._left_out,
        }


def say(text: str) -> None:
    """Show what is going on to a person who watches."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:  # what is known is on disk
        sys.exit(130)
