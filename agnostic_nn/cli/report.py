"""Scores as tables on the screen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import printable
from .outcome import BASELINE, LINEAR, NETWORK, Outcome, Scores

if TYPE_CHECKING:
    from ..tabular import Preparation
    from ..tabular.scores import Score


def show_outcome(outcome: Outcome) -> None:
    """Print how good the network is on held-out rows, beside a linear model and a baseline."""
    rows = f"{len(outcome.held):,} held-out rows"
    if outcome.folds:
        rows += f", mean and standard deviation over {len(outcome.folds)} folds"
    show_scores(outcome.data.preparation, rows, outcome.scores["test"], outcome.spread)


def show_scores(
    preparation: Preparation,
    title: str,
    scores: dict[str, Scores],
    spread: dict[str, Scores] | None = None,
) -> None:
    """Print scores as a table, a column a model."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from ..tabular.scores import SCORES

    table = Table(title=escape(printable(title)), title_justify="left")
    table.add_column("")
    for model in scores:
        table.add_column(heading(model, preparation), justify="right")
    for score in SCORES[preparation.task]:
        with_unit = score.name in ("rmse", "mae")
        name = f"{score.title} (in units of {preparation.target})" if with_unit else score.title
        cells = [
            cell(found[score.name], (spread or {}).get(model, {}).get(score.name), with_unit)
            for model, found in scores.items()
        ]
        table.add_row(escape(printable(name)), *cells)
    Console().print(table)


def verdict(outcome: Outcome, lead: Score) -> str:
    """Return in a sentence what the network adds to what stands beside it."""
    network, linear, constant = (
        outcome.scores["test"][model][lead.name] for model in (NETWORK, LINEAR, BASELINE)
    )
    if network is None or linear is None or constant is None:
        return f"{lead.title} is not defined on these rows."
    if lead.better(network, constant) <= 0.0:
        return "The network is no better than giving the same answer to every row."
    if lead.better(network, linear) <= 0.0:
        return "A linear model does as well: the network adds nothing to it here."
    return f"Beyond a linear model the network adds {abs(network - linear):.4g} in {lead.title}."


def heading(model: str, preparation: Preparation) -> str:
    """Return what a model is called above its scores."""
    always = "majority class" if preparation.classes else "mean"
    return f"{BASELINE} ({always})" if model == BASELINE else model


def cell(value: float | None, spread: float | None = None, with_unit: bool = False) -> str:
    """Return a score for people, with its spread if it has one; "-" where it is not defined."""
    if value is None:
        return "-"
    form = "{:.5g}" if with_unit else "{:.4f}"
    text = form.format(value)
    if float(text) == 0.0:
        text = text.removeprefix("-")
    return (
        text if spread is None else f"{text} ± {('{:.2g}' if with_unit else form).format(spread)}"
    )
