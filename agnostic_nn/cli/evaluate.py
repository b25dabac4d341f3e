"""`agnostic-nn evaluate`: a model's scores on a labelled table."""

from __future__ import annotations

from .common import (
    AsJSON,
    BackendName,
    Data,
    Decimal,
    Encoding,
    MaxMemory,
    Model,
    Separator,
    choose_backend,
    load_model,
    plain_warnings,
    print_json,
    quiet,
    say,
    table_options,
    told_of,
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
    json: AsJSON = False,
) -> None:
    """Print how good the model's predictions for DATA are, beside a baseline."""
    from ..tabular import read_table
    from .data import weights_in
    from .outcome import answers
    from .parts import Examples, Part
    from .report import show_scores

    tell = quiet if json else say
    net, preparation = load_model(model, choose_backend(backend)[0])
    options = table_options(separator, encoding, decimal, max_memory)
    table = read_table(data, missing=preparation.missing, **options).labelled(preparation.target)
    for note in table.notes:
        tell(f"data: {note}")
    X, y = table.split()
    weight = told_of(model).get("weight")
    if weight in X.columns:
        tell(f"data: rows count for what {weight!r} says, as in training")
    elif weight is not None:
        say(f"agnostic-nn: warning: data has no column {weight!r}, which said in training what a "
            "row counts for: all count the same", err=True)  # fmt: skip
    examples = Examples(X, y, weights_in(X[weight]) if weight in X.columns else None)
    part = Part(examples, preparation, warns=True)
    with plain_warnings():
        scores = answers(net, part)
    if json:
        print_json({"data": table.name, "rows": len(part), **scores})
    else:
        show_scores(preparation, f"{table.name}: {len(part):,} rows", scores)
    warn_of_known_rows(preparation, part.examples.X)
