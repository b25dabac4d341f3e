"""What the scores of a comparison say: which model is ahead, by how much, and who was left out."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from ..tabular.scores import Score
    from ..tabular.splits import Fold

#: The scores of a model on a fold, and the seconds it took.
Row = dict[str, Any]


class Turn(NamedTuple):
    """A fold, at its place among those of all repeats, and the model that learns from it."""

    place: int
    fold: Fold
    model: str


def in_common(rows: Sequence[Row]) -> list[Row]:
    """Return the rows of the folds that every model had its turn in.

    Examples
    --------
    >>> rows = [{"model": model, "repeat": 1, "fold": fold}
    ...         for fold, model in [(1, "a"), (1, "b"), (2, "a")]]
    >>> in_common(rows) == rows[:2], in_common(rows[:1]) == rows[:1]
    (True, True)
    """
    models = {row["model"] for row in rows}
    had = Counter((row["repeat"], row["fold"]) for row in rows)
    return [row for row in rows if had[row["repeat"], row["fold"]] == len(models)]


def summary(rows: Sequence[Row], lead: Score) -> list[dict[str, Any]]:
    """Return mean and spread of the leading score and the mean time of each model, best first."""
    found = []
    for name in dict.fromkeys(row["model"] for row in rows):
        own = [row for row in rows if row["model"] == name]
        values = [row[lead.name] for row in own if row[lead.name] is not None]
        found.append({
            "model": name,
            "mean": statistics.fmean(values) if values else None,
            "spread": statistics.stdev(values) if len(values) > 1 else None,
            "seconds": statistics.fmean(row["seconds"] for row in own),
        })  # fmt: skip
    defined = [one for one in found if one["mean"] is not None]
    defined.sort(key=lambda one: one["mean"], reverse=lead.higher)
    return defined + [one for one in found if one["mean"] is None]


def verdict(ranked: Sequence[dict[str, Any]], rows: Sequence[Row], lead: Score) -> str:
    """Return in a sentence how the lead of the first over the second stands beside its spread."""
    if len(ranked) < 2 or ranked[1]["mean"] is None:
        return f"There is nothing to compare: {lead.title} is defined for one model at most."
    first, second = (one["model"] for one in ranked[:2])
    of = {(row["model"], row["repeat"], row["fold"]): row[lead.name] for row in rows}
    gaps = [
        lead.better(of[first, *fold], of[second, *fold])
        for model, *fold in of
        if model == first and None not in (of[first, *fold], of[second, *fold])
    ]
    if len(gaps) < 2:
        return f"{lead.title} is defined on one fold at most: there is no telling who is ahead."
    gap, spread = statistics.fmean(gaps), statistics.stdev(gaps)
    wins = sum(each > 0.0 for each in gaps)
    if gap == 0.0:
        return f"{first} and {second} are equal in {lead.title}."
    text = (
        f"{first} is ahead of {second} by {gap:.4g} in {lead.title}, on {wins} of {len(gaps)} "
        f"folds; from fold to fold that differs by {spread:.4g}"
    )
    return text + (": too little to tell which is better." if gap <= spread else ".")


def left_out(turns: Sequence[Turn], had: int, why: str) -> str | None:
    """Return in a sentence which turns came to nothing after so many; None where all were had."""
    lacking: dict[int, list[str]] = {}
    for turn in turns[had:]:
        lacking.setdefault(turn.place, []).append(turn.model)
    models = len({turn.model for turn in turns})
    parts = [f"{', '.join(names)} in fold {place}" for place, names in lacking.items()
             if len(names) < models]  # fmt: skip
    whole = [place for place, names in lacking.items() if len(names) == models]
    if whole:
        parts.append(f"all in fold {whole[0]}" if len(whole) == 1 else
                     f"all in folds {whole[0]} to {whole[-1]}")  # fmt: skip
    return f"{why} before these had their turn: {'; '.join(parts)}." if parts else None
