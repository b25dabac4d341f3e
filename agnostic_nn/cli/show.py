"""`agnostic-nn show`: what a model is, what it wants, and what it was tested on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import InvalidArgument
from .common import AsJSON, Model, load_model, model_file, print_json, say

if TYPE_CHECKING:
    from ..network import Network
    from ..tabular import Preparation

#: More columns or classes than this are counted, not listed.
MOST = 40


def show(model: Model, json: AsJSON = False) -> None:
    """Tell what MODEL is, which columns it wants, and how good it was on rows held out."""
    from ..backends import get_backend
    from ..saving import describe

    net, preparation = load_model(model, get_backend("numpy"))
    description = describe(model_file(model))
    run = description.get("run", {})
    if json:
        print_json(_content(net, preparation, description))
        return
    say(f"model: {net!r}, {net.objective.size:,} parameters")
    say(f"written by: agnostic_nn {description.get('version', 'of an unknown version')}")
    say(f"predicts: {preparation.target!r}, {preparation.task}{_classes(preparation)}")
    _show_columns(preparation)
    if not run:
        say("tested on: the file does not say")
        return
    try:
        data, rows = run["data"], run["rows"]
        parts = ", ".join(f"{rows[name]:,} {what}" for name, what in _PARTS if name in rows)
        say(f"data: {data['name']}, {data['rows']:,} rows: {parts}")
        say(f"digest: {data['digest']}")
        told = {name: value for name, value in run["settings"].items() if value is not None}
        say("settings: " + ", ".join(f"{name} {_value(value)}" for name, value in told.items()))
        _show_scores(preparation, run)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InvalidArgument(
            f"path={str(model)!r}: what it says of its run is damaged ({error!r})."
        ) from error


_PARTS = (("train", "to train on"), ("validation", "to watch"), ("test", "to test on"))


def _show_columns(preparation: Preparation) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from ..errors import printable

    columns = preparation.columns
    inputs = preparation.n_features
    title = f"wants {len(columns):,} columns, in any order, which become {inputs:,} inputs"
    table = Table(title=title, title_justify="left")
    for heading in ("column", "is read as"):
        table.add_column(heading, overflow="fold")
    for column in columns[:MOST]:
        table.add_row(escape(printable(column.name)), escape(printable(column.describe())))
    if len(columns) > MOST:
        table.add_row("...", f"{len(columns) - MOST:,} more")
    Console().print(table)


def _show_scores(preparation: Preparation, run: dict[str, Any]) -> None:
    from .report import show_scores

    title = f"tested on {run['rows']['test']:,} held-out rows"
    if run["spread"]:
        title += ", mean and standard deviation over folds"
    show_scores(preparation, title, run["scores"]["test"], run["spread"])


def _classes(preparation: Preparation) -> str:
    from ..tabular import few

    labels = preparation.classes
    return f" of {len(labels)} classes: {few(labels)}" if labels else ""


def _value(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _content(net: Network, preparation: Preparation, description: dict[str, Any]) -> dict[str, Any]:
    """Return all of it in terms of JSON."""
    return {
        "network": repr(net),
        "parameters": net.objective.size,
        "version": description.get("version"),
        "task": preparation.task,
        "target": preparation.target,
        "classes": list(preparation.classes),
        "columns": [
            {"name": column.name, "read_as": column.describe(), "inputs": column.width}
            for column in preparation.columns
        ],
        "run": description.get("run"),
    }
