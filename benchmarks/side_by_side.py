"""Networks side by side beside the same networks one after the other: milliseconds of a step.

A step of k networks as one batched program, over k times a step of one of them, by the processor's
time, which a machine with other work to do tells better than the clock. Run it with

    OPENBLAS_NUM_THREADS=1 python -m benchmarks.side_by_side --out benchmarks/results/side.json
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import agnostic_nn as ann
from agnostic_nn.network import Network
from agnostic_nn.tabular import Preparation
from agnostic_nn.tabular.recipes import Examples, get_recipe

from .machine import describe, versions

ROWS, COLUMNS, CLASSES, BATCH = 2560, 10, 5, 256
RECIPES, UNITS, BACKENDS = ("realmlp-s", "realmlp"), (64, 256), ("numpy", "numba")


def measure(recipe: str, units: int, backend: str, k: int, rounds: int) -> dict[str, Any]:
    """Return milliseconds of a step of one network, and of k side by side: least and median."""
    steps = ROWS // BATCH
    found: dict[int, list[float]] = {1: [], k: []}
    for _ in range(rounds):  # in turns: what else the machine does meets both
        for each, times in found.items():
            times += [1e3 * seconds / steps for seconds in epochs(recipe, units, backend, each)]
    return {
        "recipe": recipe, "units": units, "backend": backend, "k": k,
        **{
            name: {"least": min(times), "median": statistics.median(times)}
            for name, times in zip(("one", "side by side"), found.values(), strict=True)
        },
    }  # fmt: skip


def epochs(name: str, units: int, backend: str, k: int) -> Iterator[float]:
    """Yield the processor's seconds of each epoch but the first ones, which prepare the step."""
    random = np.random.default_rng(0)
    y = random.integers(0, CLASSES, ROWS)
    X = random.standard_normal((ROWS, COLUMNS)) + np.eye(COLUMNS)[y]
    frame = pd.DataFrame(X, columns=[f"x{i}" for i in range(COLUMNS)])
    preparation = Preparation.fit(frame).with_outputs(tuple(range(CLASSES)))
    examples = Examples(preparation.blocks(frame), y)
    recipe = replace(get_recipe(name)(), epochs=14, batch_size=BATCH, hidden=(units,) * 3)
    preparation = recipe.prepared(preparation, examples.blocks)
    assert preparation.inputs is not None
    rows, targets = preparation.inputs.rows(examples.blocks), np.eye(CLASSES)[y]
    nets = [
        recipe.network(preparation, rows, targets, seed=seed, backend=backend) for seed in range(k)
    ]
    marks: list[float] = []

    def mark(net: Network, history: Any) -> None:
        del net, history
        marks.append(time.process_time())

    how = recipe.how(preparation, targets)
    ann.train(ann.side_by_side(nets), rows, targets, callbacks=[mark], progress=False, **how)
    yield from np.diff(marks)[2:]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path)
    parser.add_argument("--k", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=4)
    arguments = parser.parse_args()
    results = []
    for units in UNITS:
        for recipe in RECIPES:
            for backend in BACKENDS:
                row = measure(recipe, units, backend, arguments.k, arguments.rounds)
                one, together = row["one"], row["side by side"]
                ratios = [together[x] / (arguments.k * one[x]) for x in ("least", "median")]
                print(
                    f"{recipe}, {units} units, {backend}: one {one['least']:.2f} ms, "
                    f"{arguments.k} side by side {together['least']:.2f} ms, "
                    f"{ratios[0]:.2f} of one after the other (medians {ratios[1]:.2f})",
                    flush=True,
                )
                results.append(row)
    if arguments.out:
        content = {"machine": describe(), "versions": versions(["numpy"]), "results": results}
        arguments.out.write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
