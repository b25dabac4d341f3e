"""`agnostic-nn evaluate`: a model's scores on a labelled table."""

from __future__ import annotations

from .common import BackendName, Data, Model, choose_backend, load_model


def evaluate(model: Model, data: Data, backend: BackendName = None) -> None:
    """Print how good the model's predictions for DATA are, beside a baseline."""
    from ..tabular import read_table
    from .report import scores, show_scores

    net, preparation = load_model(model, choose_backend(backend)[0])
    table = read_table(data)
    X, y = table.split(preparation.target)
    found, _ = scores(net, preparation, X, y)
    show_scores(preparation, f"{table.name}: {len(y):,} rows", found)
