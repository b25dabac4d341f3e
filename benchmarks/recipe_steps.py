"""A training step of the recipes beside the library they come from.

The time of a step is what some epochs more take in a whole fit, by their steps: reading the table,
recording and compiling fall out, and validation after every epoch is in it on both sides. Columns
of numbers, two classes, the settings of the recipes on both sides, one thread. Run it with

    pip install pytabkit
    OMP_NUM_THREADS=1 python -m benchmarks.recipe_steps
"""

from __future__ import annotations

import argparse
import logging
import statistics
import time
import warnings
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from . import machine
from .kept import keep

ROWS, COLUMNS, BATCH = 5_404, 5, 256
#: By recipe: what pytabkit calls it, epochs of the shorter fit, and how many the longer one adds.
RECIPES = {
    "realmlp-s": ("RealMLP_TD_S_Classifier", 4, 24),
    "realmlp": ("RealMLP_TD_Classifier", 4, 24),
    "tabm": ("TabM_D_Classifier", 1, 2),
}
#: Held out for validation, on both sides.
FRACTION = 0.2

Fit = Callable[[int], object]


def contenders(recipe: str, backends: list[str]) -> Iterator[tuple[str, Fit]]:
    """Yield who fits a recipe, and a function that does so for a number of epochs."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((ROWS, COLUMNS)).astype("float32")
    y = (X[:, 0] * X[:, 1] + 0.3 * rng.standard_normal(ROWS) > 0).astype(int)

    def ours(backend: str) -> Fit:
        import agnostic_nn as ann
        from agnostic_nn.backends.base import at_once

        kind = ann.TabMClassifier if recipe == "tabm" else ann.RealMLPClassifier
        options = {"backend": backend, "validation_fraction": FRACTION, "random_state": 0}

        def fit(epochs: int) -> object:
            with at_once():  # these few epochs would not pay for compiling
                return kind(recipe, epochs=epochs, **options).fit(X, y)

        return fit

    def theirs(epochs: int) -> object:
        import pytabkit

        kind = getattr(pytabkit, RECIPES[recipe][0])
        options = {"device": "cpu", "n_threads": 1, "val_fraction": FRACTION, "random_state": 0}
        return kind(n_epochs=epochs, **options).fit(X, y)

    for backend in backends:
        yield backend, ours(backend)
    yield "pytabkit", theirs


def milliseconds(fit: Fit, few: int, more: int) -> float:
    """Return the time of a step: what more epochs take, by their steps."""
    seconds = []
    for epochs in (few, few + more):
        began = time.perf_counter()
        fit(epochs)
        seconds.append(time.perf_counter() - began)
    steps = more * (int(ROWS * (1 - FRACTION)) // BATCH)
    return 1e3 * (seconds[1] - seconds[0]) / steps


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.recipe_steps", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, metavar="N")
    parser.add_argument("--recipes", metavar="NAME,NAME", default=",".join(RECIPES))
    parser.add_argument("--backends", metavar="NAME,NAME", default="numpy,numba")
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    warnings.filterwarnings("ignore")
    logging.disable(logging.INFO)

    backends = options.backends.split(",")
    found: dict[str, Any] = machine.describe() | {"rows": ROWS, "columns": COLUMNS, "batch": BATCH}
    found["milliseconds"] = {}
    for recipe in options.recipes.split(","):
        _, few, more = RECIPES[recipe]
        fits = dict(contenders(recipe, backends))
        for fit in fits.values():
            fit(1)  # imports, compiles
        times: dict[str, list[float]] = {name: [] for name in fits}
        for _ in range(options.rounds):
            for name, fit in fits.items():  # in turn, so that a slow minute is everybody's
                times[name].append(milliseconds(fit, few, more))
        found["milliseconds"][recipe] = times
        theirs = statistics.median(times["pytabkit"])
        for name, values in times.items():
            median = statistics.median(values)
            print(f"{recipe:10} {name:9} median {median:8.2f} ms  minimum {min(values):8.2f} ms  "
                  f"pytabkit / this {theirs / median:.2f}", flush=True)  # fmt: skip
    found["versions"] = machine.installed() | {"BLAS": machine.versions(backends)["BLAS"]}
    found["versions"]["pytabkit"] = version("pytabkit")
    if options.json:
        keep(options.json, found)


if __name__ == "__main__":
    main()
