"""`agnostic-nn evaluate`: a model's scores on a labelled table."""

from __future__ import annotations

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
    warn_of_known_rows,
)


def evaluate(
    model: Model,
    data: Data,
    backend: BackendName = None,
    separator: Separator = None,
    encoding: Encoding = None,
    decimal: Decimal = None,
    max_memory: MaxMemory = None,
) -> None:
    """Print how good the model's predictions for DATA are, beside a baseline."""
    from ..tabular import read_table
    from .report import scores, show_scores
    from .train import plain_warnings

    net, preparation = load_model(model, choose_backend(backend)[0])
    options = table_options(separator, encoding, decimal, max_memory)
    table = read_table(data, **options).labelled(preparation.target, missing=preparation.missing)
    for note in table.notes:
        say(f"data: {note}")
    X, y = table.split()
    with plain_warnings():
        found, _ = scores(net, preparation, X, y)
    show_scores(preparation, f"{table.name}: {len(y):,} rows", found)
    warn_of_known_rows(preparation, X)
