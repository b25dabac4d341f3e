"""`python -m benchmarks.scaling`: time per example and memory, from few examples to many.

Each size is measured in a process of its own: 64-100-10, batch 200, Adam, examples in memory and
in a memory-mapped .npy file. "Allocated" is the peak of what Python and NumPy allocated during
training, as tracemalloc counts it; "grown" is how far the process's largest size (VmHWM) rose,
which holds every library's memory, and for a mapped file also the pages of it that were read.
"""

from __future__ import annotations

import argparse
import itertools
import json
import statistics
import subprocess
import sys
import tempfile
import time
import tracemalloc
from pathlib import Path
from typing import Any

from . import machine

WIDTHS, BATCH = (64, 100, 10), 200


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scaling", description=__doc__)
    parser.add_argument("--examples", default="10000,100000,1000000", metavar="N,N")
    parser.add_argument("--backend", default="numpy", metavar="NAME")
    parser.add_argument("--threads", type=int, default=1, metavar="N")
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(child(json.loads(options.child))))
        return

    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for n in map(int, options.examples.split(",")):
            X, Y = Path(folder) / "X.npy", Path(folder) / "Y.npy"
            write_examples(n, X, Y)
            for mapped in (False, True):
                wish = {"n": n, "X": str(X), "Y": str(Y), "mapped": mapped,
                        "backend": options.backend}  # fmt: skip
                timed, traced = (
                    in_a_process(wish | {"traced": traced}, options.threads)
                    for traced in (False, True)
                )
                rows.append(timed | {"allocated": traced["allocated"]})
    show(rows)
    if options.json:
        found = machine.describe() | {"backend": options.backend, "threads": options.threads}
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(found | {"rows": rows}, indent=1) + "\n")


def write_examples(n: int, X: Path, Y: Path) -> None:
    """Write n examples, part by part."""
    import numpy as np
    from numpy.lib.format import open_memmap

    random, part = np.random.default_rng(0), 10_000
    features = open_memmap(X, "w+", np.float32, (n, WIDTHS[0]))
    targets = open_memmap(Y, "w+", np.float32, (n, WIDTHS[-1]))
    for start in range(0, n, part):
        rows = min(part, n - start)
        features[start : start + rows] = random.standard_normal((rows, WIDTHS[0]), np.float32)
        classes = random.integers(0, WIDTHS[-1], rows)
        targets[start : start + rows] = np.eye(WIDTHS[-1], dtype=np.float32)[classes]
    features.flush()
    targets.flush()


def in_a_process(wish: dict[str, Any], threads: int) -> dict[str, Any]:
    import os

    command = [sys.executable, "-m", "benchmarks.scaling", "--child", json.dumps(wish)]
    environment = os.environ | machine.environment(threads)
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def child(wish: dict[str, Any]) -> dict[str, Any]:
    """Train in this process, and say how long an example took and what memory it needed."""
    import numpy as np

    import agnostic_nn as ann

    mode = "r" if wish["mapped"] else None
    X, Y = np.load(wish["X"], mmap_mode=mode), np.load(wish["Y"], mmap_mode=mode)
    net = ann.Network(WIDTHS, "categorical_cross_entropy", backend=wish["backend"])
    # what is imported and recorded once is not what grows
    small = ann.Network(WIDTHS, "categorical_cross_entropy", backend=wish["backend"])
    ann.train(small, X[:BATCH], Y[:BATCH], epochs=2, batch_size=BATCH, progress=False)
    del small

    n = wish["n"]
    epochs = max(4, 2_000_000 // n)
    ends: list[float] = []
    if wish["traced"]:
        epochs = 2  # so that the order of one epoch and of the next are counted
        tracemalloc.start()
    before = largest_size()
    began = time.perf_counter()
    ann.train(
        net, X, Y, epochs=epochs, batch_size=BATCH, progress=False,
        callbacks=[lambda *_: ends.append(time.perf_counter())],
    )  # fmt: skip
    # from the end of one epoch to the end of the next; the first also checks and records
    each = [b - a for a, b in itertools.pairwise(ends)] or [ends[0] - began]
    return {
        "examples": n,
        "mapped": wish["mapped"],
        "seconds_per_example": statistics.median(each) / n,
        "first_epoch_per_example": (ends[0] - began) / n,
        "data": X.nbytes + Y.nbytes,
        "grown": None if before is None else (largest_size() or 0) - before,
        "allocated": tracemalloc.get_traced_memory()[1] if wish["traced"] else None,
        "order": 8 * n,
    }


def largest_size() -> int | None:
    """Return the most memory this process has had, in bytes."""
    try:
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    try:
        import resource
    except ImportError:  # Windows
        return None
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def show(rows: list[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    if not console.is_terminal:
        console = Console(width=130)
    table = Table(title="64-100-10, batch 200", title_justify="left")
    headings = ("examples", "lie in", "ns an example", "first epoch", "data MB", "grown MB",
                "allocated MB", "of it the order MB")  # fmt: skip
    for heading in headings:
        table.add_column(heading, justify="right")

    def megabytes(value: float | None) -> str:
        return "-" if value is None else f"{value / 1e6:,.1f}"

    for row in rows:
        table.add_row(
            f"{row['examples']:,}", "a mapped file" if row["mapped"] else "memory",
            f"{row['seconds_per_example'] * 1e9:,.0f}",
            f"{row['first_epoch_per_example'] * 1e9:,.0f}",
            *(megabytes(row[name]) for name in ("data", "grown", "allocated", "order")),
        )  # fmt: skip
    console.print(table)
    for mapped in (False, True):
        times = [row["seconds_per_example"] for row in rows if row["mapped"] == mapped]
        where = "in a mapped file" if mapped else "in memory"
        console.print(f"{where}: slowest size / fastest size {max(times) / min(times):.2f}")


if __name__ == "__main__":
    main()
