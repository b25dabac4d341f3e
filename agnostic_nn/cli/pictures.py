"""Pictures of a run, as PNG: matplotlib without a window and without a global state."""

from __future__ import annotations

import io
import math
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from ..backends import host
from ..errors import printable

_BLUE, _ORANGE, _GREY = "#1f77b4", "#d95f02", "#777777"


def learning_curves(history: Mapping[str, Sequence[float]], score: str) -> bytes:
    """Draw the cost, and the score on held-out rows, epoch by epoch."""
    from matplotlib.ticker import LogLocator, NullFormatter

    figure = _figure(9.0, 3.8)
    left, right = figure.subplots(1, 2)
    epochs = history["epoch"]
    left.plot(epochs, history["cost"], color=_BLUE, label="training")
    left.plot(epochs, history["validation_cost"], color=_ORANGE, label="held out")
    left.set(xlabel="epoch", ylabel="cost", title="Cost")
    costs = [*history["cost"], *history["validation_cost"]]
    if min(costs) > 0.0 and max(costs) > 10.0 * min(costs):
        left.set_yscale("log")
        left.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        left.yaxis.set_major_formatter("{x:g}")  # 0.2, not 2 x 10^-1
        left.yaxis.set_minor_formatter(NullFormatter())
    left.legend(frameon=False)
    values = history["validation_score"]
    right.plot(epochs, values, color=_ORANGE, label=f"held out, {values[-1]:.4f} at the end")
    right.set(xlabel="epoch", ylabel=score, title=f"{score[0].upper()}{score[1:]}")
    # the first epochs of a regression can be far below 0, and would flatten the rest
    lowest = min((value for value in values if math.isfinite(value)), default=0.0)
    right.set_ylim(bottom=max(lowest, -0.2) - 0.02)
    right.legend(frameon=False, loc="lower right")
    for axes in (left, right):
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
    return _png(figure)


def confusion_matrix(truth: Any, predicted: Any, classes: Sequence[Any], accuracy: float) -> bytes:
    """Draw how often each class was taken for each."""
    place = {label: i for i, label in enumerate(classes)}
    counts = [[0] * len(classes) for _ in classes]
    for is_, said in zip(truth, predicted, strict=True):
        counts[place[is_]][place[said]] += 1
    # colours show shares of a row, so that a rare class is seen as well as a frequent one
    shares = [[count / max(1, sum(row)) for count in row] for row in counts]
    side = min(12.0, 3.0 + 0.45 * len(classes))
    figure = _figure(side + 1.0, side)
    axes = figure.subplots()
    image = axes.imshow(host.asarray(shares), cmap="Blues", vmin=0.0, vmax=1.0)
    figure.colorbar(image, ax=axes, label="share of the true class", fraction=0.046, pad=0.04)
    names = [printable(str(label)) for label in classes]
    turned = {"rotation": 45, "ha": "right"} if max(map(len, names)) > 3 else {}
    axes.set_xticks(range(len(names)), names, **turned)
    axes.set_yticks(range(len(names)), names)
    axes.set(xlabel="predicted class", ylabel="true class")
    axes.set_title(f"Held-out rows: accuracy {accuracy:.4f}")
    if len(names) <= 30:
        for i, row in enumerate(counts):
            for j, count in enumerate(row):
                if count:
                    colour = "white" if shares[i][j] > 0.5 else "black"
                    axes.text(j, i, str(count), ha="center", va="center", color=colour)
    return _png(figure)


def predicted_against_true(truth: Any, predicted: Any, target: str, R2: float) -> bytes:
    """Draw each held-out row's prediction over its true value."""
    figure = _figure(5.6, 5.2)
    axes = figure.subplots()
    low = float(min(truth.min(), predicted.min()))
    high = float(max(truth.max(), predicted.max()))
    axes.plot([low, high], [low, high], color=_GREY, linestyle="--", label="predicted = true")
    axes.scatter(truth, predicted, s=22, alpha=0.6, color=_BLUE, edgecolors="none",
                 label="held-out rows")  # fmt: skip
    name = printable(target)
    axes.set(xlabel=f"true {name}", ylabel=f"predicted {name}")
    axes.set_title(f"Held-out rows: R2 {R2:.4f}")
    axes.set_aspect("equal", adjustable="datalim")
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, loc="upper left")
    return _png(figure)


def _figure(width: float, height: float) -> Any:
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def _png(figure: Any) -> bytes:
    from matplotlib.text import Text

    for text in figure.findobj(Text):
        text.set_parse_math(False)  # a $ in the name of a column or a class begins no formula
    # a figure made without pyplot draws with Agg, and belongs to nobody else
    content = io.BytesIO()
    with warnings.catch_warnings():
        # a letter that the font has not is drawn as a box
        warnings.filterwarnings("ignore", "Glyph .* missing from", UserWarning)
        figure.savefig(content, format="png", dpi=130)
    return content.getvalue()
