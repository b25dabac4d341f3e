"""How good predictions are, beside a baseline that looks at no feature."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..backends import get_backend
from ..errors import printable
from ..losses import compute_cost
from ..metrics import metric_for

if TYPE_CHECKING:
    from ..network import Network
    from ..tabular import Preparation

#: Each score with the network's value and the baseline's.
Scores = dict[str, tuple[float, float]]


def scores(net: Network, preparation: Preparation, X: Any, y: Any) -> tuple[Scores, Any]:
    """Return the scores on a table, and the network's outputs for it on the host."""
    outputs = net.predict(preparation.features(X)).astype("float64")
    targets = preparation.targets(y)
    baseline = _baseline(preparation, targets)
    if not preparation.classes:
        return _regression(preparation, outputs, baseline, targets), outputs

    def both(function: Any) -> tuple[float, float]:
        return float(function(outputs)), float(function(baseline))

    score, xp = metric_for(preparation.loss), get_backend("numpy").xp
    return {
        "accuracy": both(lambda A: score(A, targets, xp=xp)),
        "cross-entropy": both(lambda A: compute_cost(A.T, targets.T, loss=preparation.loss)),
    }, outputs


def _baseline(preparation: Preparation, targets: Any) -> Any:
    """The share of each class in training, whose largest is the majority; or the mean, 0."""
    shares = preparation.shares[-targets.shape[1] :] if preparation.classes else (0.0,)
    return 0.0 * targets + get_backend("numpy").asarray(shares)


def _regression(preparation: Preparation, outputs: Any, baseline: Any, targets: Any) -> Scores:
    R2, xp = metric_for(preparation.loss), get_backend("numpy").xp

    def both(function: Any) -> tuple[float, float]:
        return function(outputs), function(baseline)

    return {
        "R2": both(lambda A: float(R2(A, targets, xp=xp))),
        "RMSE": both(lambda A: preparation.scale * float(((A - targets) ** 2).mean()) ** 0.5),
        "MAE": both(lambda A: preparation.scale * float(abs(A - targets).mean())),
    }


def show_scores(preparation: Preparation, title: str, scores: Scores) -> None:
    """Print the scores as a table."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    baseline = "majority class" if preparation.classes else "mean"
    table = Table(title=escape(printable(title)), title_justify="left")
    table.add_column("")
    table.add_column("network", justify="right")
    table.add_column(f"baseline ({baseline})", justify="right")
    for name, (network, other) in scores.items():
        with_unit = name in ("RMSE", "MAE")
        form = "{:.5g}" if with_unit else "{:.4f}"
        unit = f" (in units of {preparation.target})" if with_unit else ""
        table.add_row(escape(printable(name + unit)), form.format(network), form.format(other))
    Console().print(table)
