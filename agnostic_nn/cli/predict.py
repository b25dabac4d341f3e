"""`agnostic-nn predict`: predictions for a table, as CSV."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from .common import BackendName, Data, Model, choose_backend, load_model, say


def predict(
    model: Model,
    data: Data,
    out: Annotated[
        Path | None,
        typer.Option(help="A new CSV file.", show_default="standard output"),
    ] = None,
    backend: BackendName = None,
) -> None:
    """Print a prediction for each row of DATA; with the probability of each class, if there are.

    DATA has the columns the model was trained with, in any order; others are not looked at.
    A class whose name a spreadsheet would take for a formula has an apostrophe before it.
    """
    from ..errors import InvalidArgument
    from ..files import write
    from ..tabular import read_table

    if out is not None and out.exists():
        raise InvalidArgument(f"out={str(out)!r} exists: choose a name that is free.")
    net, preparation = load_model(model, choose_backend(backend)[0])
    outputs = net.predict(preparation.features(read_table(data).frame))
    table = preparation.predictions(outputs).to_frame()
    if not preparation.classes:
        table["prediction"] = table["prediction"].map("{:.9g}".format)
    else:
        table["prediction"] = table["prediction"].map(_no_formula)
        for label, column in preparation.probabilities(outputs).items():
            table[f"probability_{label}"] = column.map("{:.6g}".format)
    text = table.to_csv(index=False)
    if out is not None:
        write(out, text.encode())
        say(f"{len(table):,} predictions: {out}")
    elif sys.stdout.isatty():
        for line in text.split("\n")[:-1]:
            say(line)
    else:
        typer.echo(text, nl=False)


def _no_formula(label: Any) -> Any:
    """Return a class as a spreadsheet may read it: its text is text, -1.5 stays a number."""
    if not (isinstance(label, str) and label.startswith(("=", "+", "-", "@", "\t", "\r"))):
        return label
    try:
        float(label)
    except ValueError:
        return f"'{label}"
    return label
