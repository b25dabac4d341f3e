"""The report of a run: one HTML file with everything in it, for a browser."""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_type_hints

from ..errors import printable
from ..files import write
from .data import Source
from .options import Settings
from .outcome import BASELINE, LINEAR, NETWORK, Outcome
from .pictures import Picture
from .report import cell, heading, verdict

if TYPE_CHECKING:
    from ..tabular.scores import Score

#: So many of the rows that are most wrong are shown, and so many of their columns.
MOST_ROWS, MOST_COLUMNS = 20, 12

#: More columns or classes than this are not listed one by one.
MOST_LINES = 200

TEMPLATE = "report.html.jinja"


def write_report(
    path: Path,
    *,
    outcome: Outcome,
    source: Source,
    run: dict[str, Any],
    lead: Score,
    metrics: dict[str, Any],
    predictions: Any,
    pictures: Sequence[Picture],
) -> None:
    """Write the report of a run."""
    import jinja2
    from markupsafe import Markup

    environment = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters["cell"] = cell
    # what is already HTML is a kind of text of its own
    environment.finalize = lambda value: printable(value) if type(value) is str else value
    template = environment.from_string(
        Path(__file__).with_name(TEMPLATE).read_text(encoding="utf-8")
    )
    preparation = outcome.data.preparation
    text = template.render(
        preparation=preparation,
        source=source,
        outcome=outcome,
        metrics=metrics,
        lead=lead,
        leading=[
            (heading(model, preparation), outcome.scores["test"][model][lead.name],
             outcome.spread.get(model, {}).get(lead.name))
            for model in (NETWORK, LINEAR, BASELINE)
        ],
        verdict=verdict(outcome, lead),
        scores=list(_scores(outcome)),
        columns=preparation.columns[:MOST_LINES],
        more_columns=max(0, len(preparation.columns) - MOST_LINES),
        classes=metrics.get("by_class", [])[:MOST_LINES],
        choices=list(_choices(run["settings"], run.get("given", ()))),
        wrong=_most_wrong(outcome, predictions),
        pictures={picture.name: (Markup(picture.svg()), picture.caption, 67.0 * picture.width)
                  for picture in pictures},
        run=run,
        again=f"agnostic-nn train --like {shlex.quote(str(path.parent))}",
    )  # fmt: skip
    write(path, text.encode())


def _scores(outcome: Outcome) -> Iterator[tuple[str, str, list[str]]]:
    """Yield each score: its title, what it is, and its cells."""
    from ..tabular.scores import SCORES

    for score in SCORES[outcome.data.preparation.task]:
        with_unit = score.name in ("rmse", "mae")
        cells = [
            cell(scores[score.name], outcome.spread.get(model, {}).get(score.name), with_unit)
            for model, scores in outcome.scores["test"].items()
        ]
        parts = [name for name in ("train", "validation") if name in outcome.scores]
        cells += [cell(outcome.scores[p][NETWORK][score.name], None, with_unit) for p in parts]
        better = "higher is better" if score.higher else "lower is better"
        yield score.title, f"{score.meaning}; {better}", cells


def _choices(settings: Settings, given: Sequence[str]) -> Iterator[tuple[str, Any, str]]:
    """Yield each option, its value, and why it has that."""
    for name, hint in get_type_hints(Settings, include_extras=True).items():
        value, option = getattr(settings, name), hint.__metadata__[0]
        if value is None or name in ("data", "target"):
            continue
        if name in given:
            why = "as asked for"
        elif isinstance(option.show_default, str):
            why = f"by default: {option.show_default}"
        else:
            why = "by default"
        value = ", ".join(value) if isinstance(value, list) else value
        yield name.replace("_", " "), f"{value:g}" if isinstance(value, float) else value, why


def _most_wrong(outcome: Outcome, predictions: Any) -> dict[str, Any]:
    """Return the held-out rows that the network is furthest off on, as a table."""
    from ..tabular import import_pandas

    preparation, X = outcome.data.preparation, outcome.held.examples.X
    if preparation.classes:
        names = {label: f"probability_{label}" for label in preparation.classes}
        table = predictions[list(names.values())].to_numpy()
        places = import_pandas().Categorical(predictions["true"], categories=preparation.classes)
        said = table[range(len(table)), places.codes]
        wrong, heading = -said, "probability of the true class"
    else:
        said = (predictions["prediction"] - predictions["true"]).to_numpy()
        wrong, heading = abs(said), "predicted - true"
    order = list(wrong.argsort(kind="stable")[::-1])
    # over repeats a row is held out several times
    seen = predictions["row"].iloc[order].duplicated().to_numpy()
    order = [i for i, again in zip(order, seen, strict=True) if not again][:MOST_ROWS]
    known = ["row", "true", "prediction", *([str(outcome.held.examples.id.name)]
             if outcome.held.examples.id is not None else [])]  # fmt: skip
    matter = [one.column for one in outcome.importance] or [c.name for c in preparation.columns]
    columns = [name for name in matter if name in X.columns][:MOST_COLUMNS]
    rows = [
        [*(predictions[name].iloc[i] for name in known), f"{said[i]:.4g}",
         *(X[name].iloc[i] for name in columns)]
        for i in order
    ]  # fmt: skip
    return {"heading": [*known, heading, *columns], "rows": [list(map(_text, row)) for row in rows]}


def _text(value: Any) -> str:
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    if len(text) > 9:
        with contextlib.suppress(ValueError):  # a number with more digits than anybody reads
            text = f"{float(text):.6g}" if "." in text else text
    return text if len(text) <= 40 else f"{text[:38]}…"
