"""How good predictions for a table are: the scores people compare models by.

scikit-learn's metrics do the arithmetic; what is here is which of them, under which names, and
what happens where one is not defined.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import InvalidArgument, unknown_name
from ..namespace import Array
from .preparation import Preparation

#: How many equal parts of [0, 1] calibration is looked at in.
BINS = 10


@dataclass(frozen=True)
class Score:
    """A score: its name in files, what people call it, which way is better, what it is."""

    name: str
    title: str
    higher: bool
    meaning: str
    function: Callable[..., float | None]

    def better(self, a: float, b: float) -> float:
        """Return how much better the value a is than b; below 0 where it is worse."""
        return a - b if self.higher else b - a


def leading(metric: str | None, task: str) -> Score:
    """Return the score that leads: the one asked for, else the task's first.

    Raises
    ------
    InvalidArgument
        If the task has no such score.

    Examples
    --------
    >>> leading(None, "regression").title
    'R2'
    """
    known = {score.name: score for score in SCORES[task]}
    if metric is None:
        return SCORES[task][0]
    if metric not in known:
        error = unknown_name("metric", metric, known)
        raise InvalidArgument(f"{error} (The task is {task}.)")
    return known[metric]


def scores_of(
    preparation: Preparation, targets: Array, outputs: Array, weight: Array | None = None
) -> dict[str, float | None]:
    """Return every score of the task by its name; None where it is not defined.

    Parameters
    ----------
    preparation : Preparation
        Says what targets and outputs mean.
    targets : array, shape (n_samples, n_outputs)
        As ``preparation.targets`` gives them.
    outputs : array, shape (n_samples, n_outputs)
        Of the network.
    weight : array, shape (n_samples,), optional
        What each row counts for.

    Examples
    --------
    >>> import pandas as pd
    >>> y = pd.Series(["no", "yes", "yes", "no"], name="sold")
    >>> preparation = Preparation.fit(pd.DataFrame({"x": [1.0, 2.0, 3.0, 4.0]}), y)
    >>> found = scores_of(preparation, preparation.targets(y), preparation.targets(y))
    >>> found["accuracy"], found["auc"], found["brier"]
    (1.0, 1.0, 0.0)
    """
    terms = _terms(preparation, targets, outputs)
    return {score.name: _value(score, *terms, weight) for score in SCORES[preparation.task]}


def score_of(
    score: Score,
    preparation: Preparation,
    targets: Array,
    outputs: Array,
    weight: Array | None = None,
) -> float | None:
    """Return one score; None where it is not defined. See `scores_of`."""
    return _value(score, *_terms(preparation, targets, outputs), weight)


def by_class(
    preparation: Preparation, targets: Array, outputs: Array, weight: Array | None = None
) -> list[dict[str, Any]]:
    """Return for each class: precision, recall, F1, and how many rows it has.

    Parameters
    ----------
    preparation, targets, outputs, weight
        As for `scores_of`.
    """
    truth, P = _terms(preparation, targets, outputs)
    rows = np.bincount(truth, minlength=P.shape[1])
    columns = zip(preparation.classes, *_by_class(truth, P, weight), rows, strict=True)
    return [
        {"class": label, "precision": float(precision), "recall": float(recall), "f1": float(f1),
         "rows": int(n)}
        for label, precision, recall, f1, n in columns
    ]  # fmt: skip


def calibration(
    preparation: Preparation, targets: Array, outputs: Array, weight: Array | None = None
) -> list[dict[str, float]]:
    """Return how sure predictions are and how often they are right, in equal parts of [0, 1].

    Parameters
    ----------
    preparation, targets, outputs, weight
        As for `scores_of`.
    """
    return _calibration(*_terms(preparation, targets, outputs), weight)


def _terms(preparation: Preparation, targets: Array, outputs: Array) -> tuple[Any, Any]:
    """Return what scores are functions of: classes by number and the probability of each class.

    Or, for a quantity, true and predicted values in its units.
    """
    k, outputs = len(preparation.classes), outputs.astype("float64")
    if k == 0:
        return preparation.scale * targets[:, 0], preparation.scale * outputs[:, 0]
    if preparation.n_outputs == 1:  # of two classes, the second one's
        return preparation.places(targets), np.hstack([1.0 - outputs, outputs])
    # float32 does not quite add up to 1
    return preparation.places(targets), outputs / outputs.sum(axis=1, keepdims=True)


def _value(score: Score, truth: Any, said: Any, weight: Array | None) -> float | None:
    if weight is not None and not weight.any():
        return None  # no row counts
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # overflow becomes infinity: no score
        value = score.function(truth, said, weight)
    return None if value is None or not math.isfinite(value) else float(value)


def _by_class(truth: Array, P: Array, weight: Array | None) -> Any:
    """Return precision, recall and F1 of each class."""
    from sklearn.metrics import precision_recall_fscore_support

    return precision_recall_fscore_support(
        truth, P.argmax(axis=1), labels=list(range(P.shape[1])), sample_weight=weight,
        zero_division=0.0,
    )[:3]  # fmt: skip


def _accuracy(truth: Array, P: Array, weight: Array | None) -> float:
    return _mean(truth == P.argmax(axis=1), weight)


def _balanced_accuracy(truth: Array, P: Array, weight: Array | None) -> float:
    there = np.unique(truth)
    return float(_by_class(truth, P, weight)[1][there].mean())


def _f1(truth: Array, P: Array, weight: Array | None) -> float:
    from sklearn.metrics import f1_score

    predicted = P.argmax(axis=1)
    return float(
        f1_score(truth, predicted, average="macro", sample_weight=weight, zero_division=0.0)
    )


def _auc(truth: Array, P: Array, weight: Array | None) -> float | None:
    """Return the mean over classes of each against the others; None where there is one class."""
    from sklearn.metrics import roc_auc_score

    there = sorted(set(truth.tolist()))
    if len(there) < 2:
        return None
    if P.shape[1] == 2:
        there = [1]  # against the others it is the same for both
    found = [roc_auc_score(truth == code, P[:, code], sample_weight=weight) for code in there]
    return float(sum(found) / len(found))


def _log_loss(truth: Array, P: Array, weight: Array | None) -> float:
    from sklearn.metrics import log_loss

    return float(log_loss(truth, P, labels=list(range(P.shape[1])), sample_weight=weight))


def _brier(truth: Array, P: Array, weight: Array | None) -> float:
    one_hot = truth[:, None] == np.arange(P.shape[1])
    squared = ((P - one_hot) ** 2).sum(axis=1)
    # of two classes, as it is known: that of one of them
    return _mean(squared, weight) / (2 if P.shape[1] == 2 else 1)


def _calibration(truth: Array, P: Array, weight: Array | None) -> list[dict[str, float]]:
    sure, right = P.max(axis=1), P.argmax(axis=1) == truth
    weight = np.ones(len(truth)) if weight is None else weight
    part = np.minimum((BINS * sure).astype(int), BINS - 1)
    whole, confidence, accuracy = (
        np.bincount(part, weight * values, BINS) for values in (1.0, sure, right)
    )
    return [
        {"confidence": float(confidence[i] / whole[i]), "accuracy": float(accuracy[i] / whole[i]),
         "weight": float(whole[i])}
        for i in range(BINS) if whole[i] > 0.0
    ]  # fmt: skip


def _calibration_error(truth: Array, P: Array, weight: Array | None) -> float | None:
    parts = _calibration(truth, P, weight)
    whole = sum(part["weight"] for part in parts)
    gaps = [part["weight"] * abs(part["confidence"] - part["accuracy"]) for part in parts]
    return sum(gaps) / whole if whole else None


def _r2(truth: Array, predicted: Array, weight: Array | None) -> float | None:
    from sklearn.metrics import r2_score

    if len(truth) < 2:
        return None
    return float(r2_score(truth, predicted, sample_weight=weight))


def _rmse(truth: Array, predicted: Array, weight: Array | None) -> float:
    return math.sqrt(_mean((predicted - truth) ** 2, weight))


def _mae(truth: Array, predicted: Array, weight: Array | None) -> float:
    return _mean(abs(predicted - truth), weight)


def _mean(values: Array, weight: Array | None) -> float:
    if weight is None:
        return float(values.mean())
    return float((values * weight).sum()) / float(weight.sum())


#: The scores of each task; the first leads where nothing else is asked for.
SCORES: dict[str, tuple[Score, ...]] = {
    "classification": (
        Score("accuracy", "accuracy", True, "share of rows whose class is right", _accuracy),
        Score("balanced_accuracy", "balanced accuracy", True, "mean of the classes' own shares",
              _balanced_accuracy),
        Score("f1", "F1", True, "mean over classes of 2 PR / (P + R), precision and recall", _f1),
        Score("auc", "AUC", True, "chance that a row of a class is ranked above one of another",
              _auc),
        Score("log_loss", "log-loss", False, "mean of -log of the true class's probability",
              _log_loss),
        Score("brier", "Brier score", False, "mean squared error of the probabilities", _brier),
        Score("calibration_error", "calibration error", False,
              "mean gap between how sure predictions are and how often they are right",
              _calibration_error),
    ),
    "regression": (
        Score("r2", "R2", True, "share of the variance explained", _r2),
        Score("rmse", "RMSE", False, "root of the mean squared error", _rmse),
        Score("mae", "MAE", False, "mean absolute error", _mae),
    ),
}  # fmt: skip
