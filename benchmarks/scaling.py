"""`python -m benchmarks.scaling`: time per example and memory, from few examples to many.

64-100-10, batch 200, Adam, examples in memory and in a memory-mapped .npy file. The sizes take
turns in one process, so that a machine that slows down slows all of them; memory is measured for
each in a process of its own. "Allocated" is the peak of what Python and NumPy allocated during
training, as tracemalloc counts it; "grown" is how far the process's largest size (VmHWM) rose,
which holds every library's memory, and for a mapped file also the pages of it that were read.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from . import machine, report

WIDTHS, BATCH = (64, 100, 10), 200

#: Turns of each size, and about how many examples are visited in one.
ROUNDS, EXAMPLES = 9, 200_000


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scaling", description=__doc__)
    parser.add_argument("--examples", default="10000,100000,1000000", metavar="N,N")
    parser.add_argument("--backend", default="numpy", metavar="NAME")
    parser.add_argument("--threads", type=int, default=1, metavar="N")
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        wish = json.loads(options.child)
        print(json.dumps({"time": times, "memory": memory}[wish.pop("what")](**wish)))
        return

    report.ask_for_packages(parser)
    sizes, rows = [int(n) for n in options.examples.split(",")], []
    with tempfile.TemporaryDirectory() as folder:
        for n in sizes:
            write_examples(n, *files(folder, n))
        for mapped in (False, True):
            wish = {"folder": folder, "mapped": mapped, "backend": options.backend}
            seconds = in_a_process(wish | {"what": "time", "sizes": sizes}, options.threads)
            for n, each in zip(sizes, seconds, strict=True):
                row = {"examples": n, "mapped": mapped, "order": 8 * n, **each}
                for traced in (False, True):
                    ask = wish | {"what": "memory", "n": n, "traced": traced}
                    row |= in_a_process(ask, options.threads)
                rows.append(row)
    show(rows)
    if options.json:
        found = machine.describe() | {"backend": options.backend, "threads": options.threads}
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(found | {"rows": rows}, indent=1) + "\n")


def files(folder: str, n: int) -> tuple[Path, Path]:
    return Path(folder) / f"X{n}.npy", Path(folder) / f"Y{n}.npy"


def write_examples(n: int, X: Path, Y: Path, widths: Sequence[int] = WIDTHS) -> None:
    """Write n examples, part by part."""
    import numpy as np
    from numpy.lib.format import open_memmap

    random, part = np.random.default_rng(0), 10_000
    features = open_memmap(X, "w+", np.float32, (n, widths[0]))
    targets = open_memmap(Y, "w+", np.float32, (n, widths[-1]))
    for start in range(0, n, part):
        rows = min(part, n - start)
        features[start : start + rows] = random.standard_normal((rows, widths[0]), np.float32)
        classes = random.integers(0, widths[-1], rows)
        targets[start : start + rows] = np.eye(widths[-1], dtype=np.float32)[classes]
    features.flush()
    targets.flush()


def in_a_process(wish: dict[str, Any], threads: int) -> Any:
    import os

    command = [sys.executable, "-m", "benchmarks.scaling", "--child", json.dumps(wish)]
    environment = os.environ | machine.environment(threads)
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def read(folder: str, n: int, mapped: bool) -> tuple[Any, Any]:
    import numpy as np

    X, Y = (np.load(file, mmap_mode="r" if mapped else None) for file in files(folder, n))
    return X, Y


def train(backend: str, X: Any, Y: Any, epochs: int, net: Any = None) -> Any:
    import agnostic_nn as ann

    net = net or ann.Network(WIDTHS, "categorical_cross_entropy", backend=backend)
    ann.train(net, X, Y, epochs=epochs, batch_size=BATCH, progress=False)
    return net


def times(folder: str, sizes: list[int], mapped: bool, backend: str) -> list[dict[str, float]]:
    """Say how many seconds an example takes, for each number of examples."""
    data = {n: read(folder, n, mapped) for n in sizes}
    nets = {n: train(backend, *data[n], 1) for n in sizes}  # the first epoch also records
    found: dict[int, list[float]] = {n: [] for n in sizes}
    for _ in range(ROUNDS):
        for n in sizes:
            epochs = max(1, EXAMPLES // n)
            began = time.perf_counter()
            train(backend, *data[n], epochs, nets[n])
            found[n].append((time.perf_counter() - began) / (epochs * n))
    return [{"median": statistics.median(each), "minimum": min(each)} for each in found.values()]


def memory(folder: str, n: int, mapped: bool, backend: str, traced: bool) -> dict[str, Any]:
    """Say what memory two epochs need beyond the data, in bytes."""
    X, Y = read(folder, n, mapped)
    train(backend, X[:BATCH], Y[:BATCH], 2)  # what is imported and recorded once is not what grows
    if traced:
        tracemalloc.start()
        train(backend, X, Y, 2)
        return {"allocated": tracemalloc.get_traced_memory()[1]}
    before = largest_size()
    train(backend, X, Y, 2)
    grown = None if before is None else (largest_size() or 0) - before
    return {"data": X.nbytes + Y.nbytes, "grown": grown}


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
    headings = ("examples", "lie in", "ns an example", "minimum", "data MB", "grown MB",
                "allocated MB", "of it the order MB")  # fmt: skip
    for heading in headings:
        table.add_column(heading, justify="right")

    def megabytes(value: float | None) -> str:
        return "-" if value is None else f"{value / 1e6:,.1f}"

    for row in rows:
        table.add_row(
            f"{row['examples']:,}", "a mapped file" if row["mapped"] else "memory",
            f"{row['median'] * 1e9:,.0f}", f"{row['minimum'] * 1e9:,.0f}",
            *(megabytes(row[name]) for name in ("data", "grown", "allocated", "order")),
        )  # fmt: skip
    console.print(table)
    for mapped in (False, True):
        chosen = [row["median"] for row in rows if row["mapped"] == mapped]
        where = "in a mapped file" if mapped else "in memory"
        console.print(f"{where}: slowest size / fastest size {max(chosen) / min(chosen):.2f}")


if __name__ == "__main__":
    main()
