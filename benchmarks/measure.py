"""One process, one number of threads: every contender in turn, several rounds.

What is known is written to the file of the results after every task, and not at the end.

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

from . import machine, on_gpu, tasks
from .contenders import contenders
from .kept import keep

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
    content = json.loads(options.out.read_text())
    content["versions"] = machine.versions(backends)
    on_a_gpu = []
    for name in options.tasks.split(","):
        task = tasks.TASKS[name]
        task = tasks.quick(task) if options.quick else task
        result, runs = measure(task, backends, options.rounds, only, options.quick)
        content["results"].append(result | {"threads": options.threads})
        keep(options.out, content)
        of_gpu = [one for one in result["contenders"] if one["device"] == "gpu"]
        on_a_gpu += [(one, runs[one["name"]], task.count) for one in of_gpu]
        del runs
    # a profiler may make slower what comes after it, so it comes last
    for one, run, steps in on_a_gpu:
        say(f"{one['name']} is watched")
        one["step"] = on_gpu.step_of(run, steps)
        keep(options.out, content)


def measure(
    task: tasks.Task, backends: list[str], rounds: int, only: list[str], quick: bool
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what every contender needed for a unit of the task, round by round, and who they are.

    What is returned first are seconds, and for a GPU bytes; what is returned last runs them again.
    """
    left_out: dict[str, str] = {}
    runs: dict[str, Any] = {}
    more: dict[str, dict[str, Any]] = {}
    X, y = tasks.make_data(task)
    for one in contenders(task, backends, quick):
        if only and not any(words.lower() in one.name.lower() for words in only):
            continue
        say(f"{task.title}: {one.name} warms up")
        if one.build is None:
            left_out[one.name] = one.reason
            continue
        before = on_gpu.memory_in_use(release=True) if one.device == "gpu" else None
        try:
            run = one.build(task, X, y)
            run(1)  # what is compiled, recorded and allocated once is not measured
            if task.kind == "train":
                run(1)
        except Exception as error:  # a peer may fail in ways of its own
            left_out[one.name] = f"{type(error).__name__}: {(str(error) or '-').splitlines()[0]}"
            continue
        runs[one.name], more[one.name] = run, {"device": one.device}
        if before is not None:
            taken = on_gpu.memory_in_use(release=False)
            more[one.name]["memory"] = None if taken is None else taken - before

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
    result = {
        "task": task.name,
        "title": task.title,
        "kind": task.kind,
        "unit": task.unit,
        "units_per_turn": task.repeats * task.count,
        "contenders": [
            {
                "name": name,
                **more[name],
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
    return result, runs


def say(text: str) -> None:
    """Show what is going on to a person who watches."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
