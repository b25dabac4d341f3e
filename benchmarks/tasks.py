"""The work that is measured: training steps of several nets, prediction, a whole fit."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any


@dataclass(frozen=True)
class Task:
    """One piece of work, the same for every contender.

    Attributes
    ----------
    kind : str
        "train" (epochs of training steps), "predict" (all rows once) or "fit" (a classifier).
    repeats : int
        Epochs, or predictions, that are timed together in one turn of a contender.
    gpu_only : bool
        Whether a CPU would take too long for it.
    epochs : int
        Of a fit; 0 for the classifier as it is by default, on digits.
    dtype : str
        Of the features.
    """

    name: str
    kind: str
    widths: tuple[int, ...]
    batch: int = 0
    steps: int = 1
    rows: int = 0
    repeats: int = 1
    gpu_only: bool = False
    epochs: int = 0
    dtype: str = "float32"

    @property
    def count(self) -> float:
        """How many units of work one repeat is: steps, thousands of rows, fits."""
        return {"train": self.steps, "predict": self.rows / 1000, "fit": 1}[self.kind]

    @property
    def unit(self) -> str:
        return {"train": "step", "predict": "1,000 rows", "fit": "fit"}[self.kind]

    @property
    def title(self) -> str:
        if self.kind == "train":
            return f"{self.name}, batch {self.batch}"
        if self.kind == "predict":
            return f"prediction of {self.rows:,} rows, {'-'.join(map(str, self.widths))}"
        if self.epochs:
            net = "-".join(map(str, self.widths))
            return f"fit of {net}, batch {self.batch}, {self.epochs} epochs, {self.dtype}"
        return "fit of a classifier on digits"

    @property
    def settings(self) -> dict[str, Any]:
        """What a classifier with scikit-learn's interface is made with."""
        if not self.epochs:
            return {"random_state": 0}
        return {
            "hidden_layer_sizes": self.widths[1:-1],
            "batch_size": self.batch,
            "max_iter": self.epochs,
            "n_iter_no_change": math.inf,
            "random_state": 0,
        }


def _train(batch: int, *widths: int, steps: int, repeats: int, gpu_only: bool = False) -> Task:
    name = "-".join(map(str, widths))
    return Task(name, "train", widths, batch, steps, batch * steps, repeats, gpu_only)


def _fit(like: Task, epochs: int, dtype: str) -> Task:
    name = f"fit-{like.name}-{dtype}"
    return replace(like, name=name, kind="fit", repeats=1, epochs=epochs, dtype=dtype)


_SMALL = _train(200, 64, 100, 10, steps=50, repeats=10)
_SMALLEST = _train(32, 30, 64, 64, 2, steps=60, repeats=20)
_LARGE = _train(128, 784, 512, 512, 10, steps=50, repeats=2)

TASKS = {
    task.name: task
    for task in (
        _SMALL,
        _SMALLEST,
        _LARGE,
        _train(512, 784, 2048, 2048, 10, steps=10, repeats=1),
        Task("predict", "predict", (784, 512, 512, 10), rows=100_000),
        Task("fit", "fit", (64, 100, 10)),
        *(
            _fit(like, epochs, dtype)
            for dtype in ("float32", "float64")
            for like, epochs in ((_SMALL, 20), (_SMALLEST, 40), (_LARGE, 3))
        ),
        _train(4096, 1024, 8192, 8192, 10, steps=5, repeats=2, gpu_only=True),
    )
}


def quick(task: Task) -> Task:
    """Return a small version of a task, to see that everything runs."""
    if task.kind == "predict":
        return replace(task, rows=min(task.rows, 5000))
    steps = min(task.steps, 5)
    return replace(
        task, steps=steps, rows=steps * task.batch, repeats=1, epochs=min(task.epochs, 2)
    )


def make_data(task: Task) -> tuple[Any, Any]:
    """Return features, and class numbers that follow from them by a rule and noise."""
    import numpy as np

    if task.kind == "fit" and not task.epochs:
        from sklearn.datasets import load_digits

        X, y = load_digits(return_X_y=True)
        return (X / 16.0).astype(np.float32), y
    random = np.random.default_rng(0)
    features, classes = task.widths[0], task.widths[-1]
    X = random.standard_normal((task.rows, features), dtype=np.float32)
    rule = random.standard_normal((features, classes), dtype=np.float32)
    scores = X @ rule / np.float32(features**0.5)
    scores += 0.5 * random.standard_normal(scores.shape, dtype=np.float32)
    y = scores.argmax(axis=1)
    y[:classes] = np.arange(classes)  # each class is there
    return X.astype(task.dtype, copy=False), y


def one_hot(y: Any, classes: int) -> Any:
    """Return a float32 row for each example, with a 1 where its class is."""
    import numpy as np

    return np.eye(classes, dtype=np.float32)[y]
