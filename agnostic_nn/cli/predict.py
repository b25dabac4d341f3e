"""`agnostic-nn predict`: predictions for a table, in the format that is asked for."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from ..errors import InvalidArgument
from .common import (
    BackendName,
    Data,
    Decimal,
    Encoding,
    MaxMemory,
    Model,
    Separator,
    choose_backend,
    load_model,
    say,
    table_options,
    told_of,
)

#: How many rows are read at a time, and how many numbers they may become.
ROWS, NUMBERS = 2**17, 2**25


def predict(
    model: Model,
    data: Data,
    out: Annotated[
        Path | None,
        typer.Option(
            help="A new file: .csv, .tsv, .jsonl, .parquet, .feather or .xlsx.",
            show_default="CSV on standard output",
        ),
    ] = None,
    backend: BackendName = None,
    separator: Separator = None,
    encoding: Encoding = None,
    decimal: Decimal = None,
    max_memory: MaxMemory = None,
    json: Annotated[
        bool, typer.Option("--json", help="Print a JSON object for each row, instead.")
    ] = False,
) -> None:
    """Print a prediction for each row of DATA; with the probability of each class, if there are.

    DATA has the columns the model was trained with, in any order; others are not looked at, but
    for the one that names rows, which predictions carry. It is read part by part, and may be
    larger than memory. A class whose name a spreadsheet would take
    for a formula has an apostrophe before it.
    """
    from ..tabular import Differences, read_parts
    from ..tabular.writing import check_out, for_spreadsheets, table_written

    if out is not None:
        check_out(out)
    net, preparation = load_model(model, choose_backend(backend)[0])
    options = table_options(separator, encoding, decimal, max_memory)
    options["rows"] = max(1, min(ROWS, NUMBERS // preparation.n_features))
    dtype = "float32" if net.dtype_name == "float32" else "float64"
    id_column = told_of(model).get("id")
    differences, rows = Differences(), 0

    def show(table: Any) -> None:
        text = for_spreadsheets(table).to_csv(index=False, header=rows == 0)
        for line in text.split("\n")[:-1]:
            say(line)

    with table_written(out, records=json) as write:
        if out is None and sys.stdout.isatty() and not json:
            write = show
        for part in read_parts(data, **options):
            inputs = preparation.features(part.frame, dtype=dtype, differences=differences)
            table = _named(preparation.answers(net.predict(inputs)), part.frame, id_column)
            write(table)
            rows += len(table)
    if sentence := differences.sentence():
        say(f"agnostic-nn: warning: data differs from training {sentence}", err=True)
    if out is not None:
        say(f"{rows:,} predictions: {out}")


def _named(answers: Any, frame: Any, id_column: str | None) -> Any:
    """Return answers with the column that names rows before them, where there is one."""
    if id_column is None or id_column not in frame.columns:
        return answers
    if id_column in answers.columns:
        raise InvalidArgument(
            f"id={id_column!r}: the answers have a column of that name, wanted another name."
        )
    answers.insert(0, id_column, frame[id_column].to_numpy())
    return answers
