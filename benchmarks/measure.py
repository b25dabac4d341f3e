"""One process, one number of threads: every contender in turn, several rounds.

Started by `python -m benchmarks`, with the number of threads already in the environment; array
libraries read it when they are imported, so none is imported before the cores are chosen.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import random
import statistics
import sys
import time
from pathlib import Path
from typing import Any

from . import machine, tasks
from .contenders import contenders

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

    backends = options.backends.split(",")
    only = [words for words in options.only.split(",") if words]
    results = []
    for name in options.tasks.split(","):
        task = tasks.TASKS[name]
        task = tasks.quick(task) if options.quick else task
        results.append(measure(task, backends, options.rounds, only, options.quick))
        results[-1]["threads"] = options.threads
    content = {"versions": machine.versions(backends), "results": results}
    options.out.write_text(json.dumps(content))


def measure(
    task: tasks.Task, backends: list[str], rounds: int, only: list[str], quick: bool
) -> dict[str, Any]:
    """Return what every contender needed for a unit of the task, in seconds, round by round."""
    left_out: dict[str, str] = {}
    runs: dict[str, Any] = {}
    devices: dict[str, str] = {}
    X, y = tasks.make_data(task)
    for one in contenders(task, backends, quick):
        if only and not any(words.lower() in one.name.lower() for words in only):
            continue
        say(f"{task.title}: {one.name} warms up")
        if one.build is None:
            left_out[one.name] = one.reason
            continue
        try:
            run = one.build(task, X, y)
            run(1)  # what is compiled, recorded and allocated once is not measured
            if task.kind == "train":
                run(1)
        except Exception as error:  # a peer may fail in ways of its own
            left_out[one.name] = f"{type(error).__name__}: {(str(error) or '-').splitlines()[0]}"
            continue
        runs[one.name], devices[one.name] = run, one.device

    times: dict[str, list[float]] = {name: [] for name in runs}
    cores: dict[str, list[float]] = {name: [] for name in runs}
    found: dict[str, dict[str, Any]] = {}
    names, shuffler = list(runs), random.Random(0)
    for number in range(rounds):
        shuffler.shuffle(names)  # so that nobody always follows the same neighbour
        for name in names:
            say(f"{task.title}: round {number + 1} of {rounds}, {name}")
            gc.collect()
            time.sleep(PAUSE)
            busy, began = time.process_time(), time.perf_counter()
            found[name] = runs[name](task.repeats)
            wall, busy = time.perf_counter() - began, time.process_time() - busy
            times[name].append(wall / (task.repeats * task.count))
            cores[name].append(busy / wall)
    say("")
    return {
        "task": task.name,
        "title": task.title,
        "kind": task.kind,
        "unit": task.unit,
        "units_per_turn": task.repeats * task.count,
        "contenders": [
            {
                "name": name,
                "device": devices[name],
                "median": statistics.median(times[name]),
                "minimum": min(times[name]),
                "cores": statistics.median(cores[name]),
                "seconds": times[name],
                **found[name],
            }
            for name in runs
        ],
        "left_out": left_out,
    }


def say(text: str) -> None:
    """Show what is going on to a person who watches."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
