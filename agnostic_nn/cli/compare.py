"""`agnostic-nn compare`: the recipes and what else people take for a table, on the same folds."""

from __future__ import annotations

import json as json_
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .common import AsJSON, NewFolder, choose_backend, plain_warnings, print_json, quiet, say
from .options import PLAIN, Settings, takes
from .ranking import Row, Turn, in_common, left_out, summary, verdict
from .runs import METRICS, run_folder

if TYPE_CHECKING:
    from ..backends import Backend
    from ..deadlines import Deadline
    from ..tabular.scores import Score
    from .contenders import Contender
    from .data import Source

#: The options of `agnostic-nn train` that say something here as well.
SHARED = (
    "data", "separator", "encoding", "decimal", "max_memory", "target", "task", "features", "drop",
    "categorical", "numeric", "na", "id", "weight", "group", "time", "repeats", "seed", "backend",
    "metric", "time_limit",
)  # fmt: skip

COMPARISON = "comparison"


@takes(Settings, SHARED)
def compare(
    *,
    folds: Annotated[int, typer.Option(help="Hold out each of so many parts in turn.")] = 5,
    models: Annotated[
        str | None,
        typer.Option(
            metavar="NAME,NAME",
            help="realmlp, realmlp-s, tabm, plain, sklearn-mlp, gradient-boosting, linear.",
            show_default="all but tabm, which takes its time",
        ),
    ] = None,
    epochs: Annotated[
        int | None,
        typer.Option(
            help="Of the networks, for a quick look.", show_default="what each has for a default"
        ),
    ] = None,
    out: NewFolder = None,
    json: AsJSON = False,
    **options: Any,
) -> None:
    """Compare recipes, scikit-learn's MLP, gradient boosting and a linear model on DATA."""
    from ..deadlines import Deadline
    from ..tabular.scores import leading
    from .choices import check
    from .contenders import chosen
    from .data import Source
    from .in_time import keep_some, warn_of_overrun

    settings = Settings(**options, folds=folds, epochs=epochs, recipe=PLAIN)
    contenders = chosen(models)
    check(settings)
    deadline = None if settings.time_limit is None else Deadline(settings.time_limit)
    backend, why = choose_backend(settings.backend)
    tell, source = quiet if json else say, Source.read(settings)
    lead = leading(settings.metric, source.task)
    parts = enumerate(source.splits.folds(folds, settings.repeats), 1)
    turns = [Turn(place, fold, name) for place, fold in parts for name in contenders]
    tell(f"backend: {why}")
    for note in source.notes:
        tell(f"data: {note}")
    tell(f"task: {source.task} of {source.examples.y.name!r} ({source.reason})")
    keep_some(deadline, least=0.0)
    rows: list[Row] = []
    found = None
    with run_folder(source.name, out) as folder, plain_warnings():
        try:
            for row in measured(source, settings, turns, contenders, backend, tell, deadline):
                rows.append(row)
                tell(_line(turns[len(rows) - 1], turns[-1].place, row, lead))
                lacking = left_out(turns, len(rows), "The comparison was stopped")
                found = _found(source, lead, rows, lacking)
                _write(folder, found)
            lacking = left_out(turns, len(rows), "The time limit was over")
            found = _found(source, lead, rows, lacking)
        finally:  # one that is stopped leaves what there is
            if found is not None:
                _conclude(found, lead, folder, as_json=json)
    warn_of_overrun(deadline)


def measured(
    source: Source,
    settings: Settings,
    turns: Sequence[Turn],
    contenders: dict[str, Contender],
    backend: Backend,
    tell: Any,
    deadline: Deadline | None = None,
) -> Iterator[Row]:
    """Yield for each turn its scores and the seconds it took.

    With a deadline each has an equal share of the time that is left; those whose turn has not come
    until then have none, but for the first.
    """
    from ..tabular.scores import scores_of
    from .contenders import Entry
    from .in_time import share

    prepared = None
    for i, (place, fold, name) in enumerate(turns):
        contender = contenders[name]
        told = replace(settings, recipe=contender.recipe)
        if prepared != (prepared := (place, told)):
            data = source.prepare(told, fold.kept, fold.held)
            for part in data.parts.values():
                part.arrays  # noqa: B018 - preparing the table is nobody's time
        seconds = share(deadline, len(turns) - i)
        if i > 0 and seconds == 0.0:
            return
        entry = Entry(data, told, backend, seconds, tell)
        began = time.perf_counter()
        outputs = contender.answer(entry)
        took = time.perf_counter() - began
        test = entry.test
        scores = scores_of(data.preparation, test.targets, outputs, test.weight)
        yield {"model": name, "repeat": fold.repeat, "fold": fold.number, "seconds": took} | scores


def _line(turn: Turn, of: int, row: Row, lead: Score) -> str:
    """Return what came of a turn."""
    value = row[lead.name]
    said = "not defined" if value is None else f"{value:.4f}"
    return f"fold {turn.place} of {of}: {turn.model}: {lead.title} {said}, {row['seconds']:.1f} s"


def _found(source: Source, lead: Score, rows: list[Row], lacking: str | None) -> dict[str, Any]:
    """Return what has been found, in terms of JSON; ranked by what all have in common."""
    counted = in_common(rows)
    ranked = summary(counted, lead)
    return {
        "task": source.task, "metric": lead.name, "models": ranked, "folds": rows,
        "verdict": verdict(ranked, counted, lead), "left_out": lacking,
    }  # fmt: skip


def _write(folder: Path, found: dict[str, Any]) -> None:
    from ..files import write
    from ..tabular import import_pandas

    table: str = import_pandas().DataFrame(found["folds"]).to_csv(index=False)
    write(folder / f"{COMPARISON}.csv", table.encode())
    write(folder / METRICS, json_.dumps(found, indent=2).encode())


def _conclude(found: dict[str, Any], lead: Score, folder: Path, *, as_json: bool) -> None:
    """Write and draw what was found, and say it."""
    from ..files import write
    from .pictures import comparison

    _write(folder, found)
    counted = in_common(found["folds"])
    write(folder / f"{COMPARISON}.png", comparison(found["models"], counted, lead).png())
    if as_json:
        print_json({"run": str(folder), **found})
        return
    _show(found["models"], lead, len({(row["repeat"], row["fold"]) for row in counted}))
    for sentence in (found["left_out"], found["verdict"]):
        if sentence is not None:
            say(sentence)
    say(f"picture: {folder / f'{COMPARISON}.png'}")


def _show(ranked: list[dict[str, Any]], lead: Score, folds: int) -> None:
    from rich.console import Console
    from rich.table import Table

    from .report import cell

    over = f"mean and standard deviation over {folds} folds" if folds > 1 else "of one fold"
    say(f"held-out rows, {over}, best first:")
    table = Table("")
    for heading in (lead.title, "seconds"):
        table.add_column(heading, justify="right")
    for one in ranked:
        score = cell(one["mean"], one["spread"], lead.name in ("rmse", "mae"))
        table.add_row(one["model"], score, f"{one['seconds']:.2f}")
    Console().print(table)
