"""`agnostic-nn compare`: the recipes and what else people take for a table, on the same folds."""

from __future__ import annotations

import json as json_
import statistics
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import printable
from .common import AsJSON, NewFolder, choose_backend, plain_warnings, print_json, quiet, say
from .options import PLAIN, Settings, takes
from .runs import METRICS, run_folder

if TYPE_CHECKING:
    from ..tabular.scores import Score

#: The options of `agnostic-nn train` that say something here as well.
SHARED = (
    "data", "separator", "encoding", "decimal", "max_memory", "target", "task", "features", "drop",
    "categorical", "numeric", "na", "id", "weight", "group", "time", "repeats", "seed", "backend",
    "metric",
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
    from ..files import write
    from ..tabular.scores import leading
    from . import fitting
    from .contenders import chosen
    from .data import Source
    from .pictures import comparison

    # the fold is prepared as for a plain network; recipes prepare it as they want it
    settings = Settings(**options, folds=folds, epochs=epochs, recipe=PLAIN)
    contenders = chosen(models)
    fitting.check(settings)
    backend, why = choose_backend(settings.backend)
    tell, source = quiet if json else say, Source.read(settings)
    lead = leading(settings.metric, source.task)
    tell(f"backend: {why}")
    tell(f"task: {source.task} of {source.examples.y.name!r} ({source.reason})")
    with run_folder(source.name, out) as folder, plain_warnings():
        rows = measured(source, settings, contenders, backend, lead, tell)
        ranked = summary(rows, lead)
        found = {
            "task": source.task, "metric": lead.name, "models": ranked, "folds": rows,
            "verdict": verdict(ranked, rows, lead),
        }  # fmt: skip
        write(folder / f"{COMPARISON}.csv", _as_csv(rows))
        write(folder / METRICS, json_.dumps(found, indent=2).encode())
        write(folder / f"{COMPARISON}.png", comparison(ranked, rows, lead).png())
    if json:
        print_json({"run": str(folder), **found})
        return
    _show(ranked, lead, len({(row["repeat"], row["fold"]) for row in rows}))
    say(verdict(ranked, rows, lead))
    say(f"picture: {folder / f'{COMPARISON}.png'}")


def measured(
    source: Any, settings: Settings, contenders: Any, backend: Any, lead: Score, tell: Any
) -> list[dict[str, Any]]:
    """Return for each fold and contender its scores and the seconds it took."""
    from ..tabular.scores import scores_of
    from .contenders import Entry

    folds, rows = list(source.splits.folds(settings.folds, settings.repeats)), []
    for i, fold in enumerate(folds):
        data = source.prepare(settings, fold.kept, fold.held)
        test = data.test
        for part in (data.train, test):
            _ = part.inputs, part.targets  # preparing the table is nobody's time
        for name, contender in contenders.items():
            began = time.perf_counter()
            outputs = contender(Entry(source, data, fold.kept, settings, backend))
            seconds = time.perf_counter() - began
            scores = scores_of(data.preparation, test.targets, outputs, test.weight)
            rows.append(
                {"model": name, "repeat": fold.repeat, "fold": fold.number, "seconds": seconds}
                | scores
            )
            value = scores[lead.name]
            said = "not defined" if value is None else f"{value:.4f}"
            tell(f"fold {i + 1} of {len(folds)}: {name}: {lead.title} {said}, {seconds:.1f} s")
    return rows


def summary(rows: list[dict[str, Any]], lead: Score) -> list[dict[str, Any]]:
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


def verdict(ranked: list[dict[str, Any]], rows: list[dict[str, Any]], lead: Score) -> str:
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


def _show(ranked: list[dict[str, Any]], lead: Score, folds: int) -> None:
    from rich.console import Console
    from rich.table import Table

    from .report import cell

    title = f"held-out rows, mean and standard deviation over {folds} folds, best first"
    table = Table(title=printable(title), title_justify="left")
    table.add_column("")
    for heading in (lead.title, "seconds"):
        table.add_column(heading, justify="right")
    for one in ranked:
        score = cell(one["mean"], one["spread"], lead.name in ("rmse", "mae"))
        table.add_row(one["model"], score, f"{one['seconds']:.2f}")
    Console().print(table)


def _as_csv(rows: list[dict[str, Any]]) -> bytes:
    from ..tabular import import_pandas

    text: str = import_pandas().DataFrame(rows).to_csv(index=False)
    return text.encode()
