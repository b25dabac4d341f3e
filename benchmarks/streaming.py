"""`python -m benchmarks.streaming`: training on a memory map beside training on data in memory.

On a GPU the map's rows are copied to it while it computes. Where a step takes longer than the copy
and the disk has been read before, that should cost nothing.
"""

from __future__ import annotations

import argparse
import math
import statistics
import tempfile
from pathlib import Path
from typing import Any

from . import machine
from .kept import keep
from .scaling import files, read, write_examples
from .tasks import TASKS

#: In memory: for a GPU that is its own.
WHERE = ("in memory", "in a mapped file")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.streaming", description=__doc__)
    parser.add_argument("--backend", default="numpy", metavar="NAME")
    parser.add_argument("--net", default="784-2048-2048-10", metavar="NAME")
    parser.add_argument("--examples", type=int, default=100_000, metavar="N")
    parser.add_argument("--rounds", type=int, default=5, metavar="N")
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()

    task = TASKS[options.net]
    with tempfile.TemporaryDirectory() as folder:
        write_examples(options.examples, *files(folder, options.examples), task.widths)
        seconds = rounds(folder, options.examples, task, options.backend, options.rounds)
    steps = math.ceil(options.examples / task.batch)
    found = machine.describe() | {
        "backend": options.backend,
        "task": task.title,
        "examples": options.examples,
        "bytes": 4 * options.examples * (task.widths[0] + task.widths[-1]),
        "step": {where: summary(each, steps) for where, each in seconds.items()},
    }
    memory, mapped = (found["step"][where]["median"] for where in WHERE)
    found["ratio"] = mapped / memory
    for where in WHERE:
        print(f"{task.title}, data {where}: {found['step'][where]['median'] * 1e6:,.0f} µs a step")
    print(f"in a mapped file / in memory: {found['ratio']:.2f}")
    if options.json:
        keep(options.json, found)


def rounds(folder: str, n: int, task: Any, name: str, count: int) -> dict[str, list[float]]:
    """Return how many seconds an epoch takes, the data in either place, in turn."""
    import agnostic_nn as ann
    from agnostic_nn.backends import on_cupy
    from agnostic_nn.backends.base import at_once

    backend = ann.get_backend(name)
    there = tuple(backend.asarray(array) for array in read(folder, n, mapped=False))
    data = dict(zip(WHERE, (there, read(folder, n, mapped=True)), strict=True))
    nets = {
        where: ann.Network(task.widths, "categorical_cross_entropy", backend=backend)
        for where in WHERE
    }
    on_cupy.SHARE, on_cupy.FEW = 0.0, 0  # what is on the host stays there, however little it is
    seconds: dict[str, list[float]] = {where: [] for where in WHERE}
    for _ in range(count + 1):
        for where in WHERE:
            with at_once():
                history = ann.train(
                    nets[where], *data[where], epochs=1, batch_size=task.batch, progress=False
                )
            seconds[where].append(history["seconds"][-1])
    return {where: each[1:] for where, each in seconds.items()}  # the first also compiles


def summary(seconds: list[float], steps: int) -> dict[str, Any]:
    """Return what a step takes."""
    each = [one / steps for one in seconds]
    return {"median": statistics.median(each), "minimum": min(each), "rounds": each}


if __name__ == "__main__":
    main()
