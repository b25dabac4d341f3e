"""Which columns a model leans on: how much worse it is where one of them is shuffled."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from ..backends import host
from ..deadlines import Deadline
from ..namespace import Array
from .preparation import Preparation
from .scores import Score, score_of

#: At most so many rows are looked at, each column is shuffled so often, and so much in all.
MOST_ROWS, MOST_REPEATS, MOST_SHUFFLES = 2000, 5, 400


class Importance(NamedTuple):
    """How much worse the score is without a column, and the standard deviation of that."""

    column: str
    mean: float
    spread: float


def permutation_importance(
    predict: Callable[[Array], Any],
    preparation: Preparation,
    X: Array,
    targets: Array,
    weight: Array | None = None,
    *,
    score: Score,
    seed: int = 0,
    seconds: float | None = None,
) -> list[Importance]:
    """Shuffle one column of the table after another, and see how much worse the score becomes.

    Columns that say the same cover for each other: both look unimportant. With more than 400
    columns there is no answer, nor where there is no time to shuffle each of them once.

    Parameters
    ----------
    predict : callable
        From inputs to outputs.
    preparation : Preparation
        Says which inputs a column is.
    X, targets, weight : array
        Rows that the model was not trained on, as a network takes them.
    score : Score
        What to look at.
    seed : int, default 0
        Of the shuffling.
    seconds : float, optional
        How long it may take: columns are shuffled less often where that is too short.

    Returns
    -------
    list of Importance
        The most important first.

    Source: Breiman, "Random forests", Machine Learning 45 (2001), with repeats.
    """
    places: dict[str, list[int]] = {column.name: [] for column in preparation.columns}
    for i, owner in enumerate(preparation.owners):
        places[owner].append(i)
    repeats = min(MOST_REPEATS, MOST_SHUFFLES // len(places))
    if len(X) > MOST_ROWS:
        rows = host.permutation(len(X), seed)[:MOST_ROWS]
        X, targets, weight = X[rows], targets[rows], None if weight is None else weight[rows]

    def value(inputs: Array) -> float | None:
        return score_of(score, preparation, targets, predict(inputs), weight)

    end = None if seconds is None else Deadline(seconds)
    whole, found = value(X), []
    if end is not None:  # one answer tells how long the others take
        rounds = end.left / max(len(places) * end.since, 1e-9)
        repeats = min(repeats, max(0, int(rounds)))
    if whole is None or repeats == 0:
        return []
    for i, (column, its) in enumerate(places.items()):
        inputs, worse = X.copy(), []
        for repeat in range(repeats):
            order = host.permutation(len(X), seed, i, repeat)
            inputs[:, its] = X[order][:, its]
            shuffled = value(inputs)
            if shuffled is not None:
                worse.append(score.better(whole, shuffled))
        if worse:
            spread = statistics.stdev(worse) if len(worse) > 1 else 0.0
            found.append(Importance(column, statistics.fmean(worse), spread))
    return sorted(found, key=lambda one: -one.mean)


def mean_importance(folds: Sequence[Sequence[Importance]]) -> list[Importance]:
    """Return the mean over folds, and the standard deviation of that over them."""
    values: dict[str, list[float]] = {}
    for fold in folds:
        for one in fold:
            values.setdefault(one.column, []).append(one.mean)
    found = [
        Importance(name, statistics.fmean(v), statistics.stdev(v) if len(v) > 1 else 0.0)
        for name, v in values.items()
    ]
    return sorted(found, key=lambda one: -one.mean)
