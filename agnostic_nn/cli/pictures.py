"""Pictures of a run: matplotlib without a window and without a global state."""

from __future__ import annotations

import io
import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..backends import host
from ..network import training_of
from .lettering import fonts_for, label_names, spelled

if TYPE_CHECKING:
    from ..tabular.importance import Importance
    from ..tabular.scores import Score
    from .outcome import Outcome

_BLUE, _ORANGE, _GREY = "#1f77b4", "#d95f02", "#777777"

#: From here on points would cover each other: their number is shown by colour.
MANY_POINTS = 5000

#: More bars than this say nothing more.
MOST_BARS = 20

#: With more classes, counts are not written into a confusion matrix, nor every name beside it.
MOST_COUNTS, MOST_NAMES = 30, 60


@dataclass(frozen=True)
class Picture:
    """A picture: the name of its file, what it shows, and the figure."""

    name: str
    caption: str
    figure: Any = field(repr=False)

    def png(self) -> bytes:
        """Return it as PNG, for the run's folder."""
        from matplotlib.text import Text

        texts = self.figure.findobj(Text)
        fonts, lacking = fonts_for(text.get_text() for text in texts)
        if lacking:
            _spell(self.figure, texts, lacking)
        return self._drawn("png", {"font.family": fonts}, dpi=130)

    def svg(self) -> str:
        """Return it as SVG to be put into HTML, whose letters are the browser's."""
        # identifiers that come from what is drawn: two pictures in one page do not share them
        settings = {"svg.fonttype": "none", "svg.hashsalt": self.name}
        text = self._drawn("svg", settings, metadata={"Date": None}).decode()
        return text[text.index("<svg") :]

    @property
    def width(self) -> float:
        """How wide it is, in inches."""
        return float(self.figure.get_figwidth())

    def _drawn(self, form: str, settings: dict[str, Any], **options: Any) -> bytes:
        import matplotlib as mpl
        from matplotlib.text import Text

        for text in self.figure.findobj(Text):
            text.set_parse_math(False)  # a $ in the name of a column or a class begins no formula
            text.set_fontfamily(settings.get("font.family", ["sans-serif"]))
        # a figure made without pyplot draws with Agg, and belongs to nobody else
        content = io.BytesIO()
        with warnings.catch_warnings(), mpl.rc_context(settings):
            # the browser has fonts of its own
            warnings.filterwarnings("ignore", "Glyph .* missing from", UserWarning)
            # letters stand beside each other there that a script would join
            warnings.filterwarnings("ignore", "Matplotlib currently does not support", UserWarning)
            self.figure.savefig(content, format=form, **options)
        return content.getvalue()


def _spell(figure: Any, texts: Sequence[Any], lacking: set[str]) -> None:
    """Put escapes for letters that no font here has."""
    from matplotlib.ticker import FixedFormatter

    for text in texts:
        text.set_text(spelled(text.get_text(), lacking))
    for axes in figure.axes:  # which have the names beside them from a list of their own
        for axis in (axes.xaxis, axes.yaxis):
            names = axis.get_major_formatter()
            if isinstance(names, FixedFormatter):
                names.seq = label_names([spelled(name, lacking) for name in names.seq])


def of_run(outcome: Outcome, lead: Score) -> list[Picture]:
    """Draw all there is to see of a run."""
    from ..metrics import metric_for
    from ..tabular.scores import calibration

    preparation, held = outcome.data.preparation, outcome.held
    history, watched = training_of(outcome.net).history, "held out"
    if outcome.data.validation is not None:
        watched = "watched"
    drawn = [learning_curves(history, metric_for(preparation.loss).name, watched)]
    value = outcome.scores["test"]["network"][lead.name]
    title = f"Held-out rows: {lead.title} " + ("not defined" if value is None else f"{value:.4f}")
    predicted = preparation.predictions(outcome.outputs)
    if preparation.classes:
        truth = preparation.labels(held.examples.y)
        drawn.append(confusion_matrix(truth, predicted, preparation.classes, title))
        arrays = (preparation, held.targets, outcome.outputs, held.weight)
        drawn.append(reliability(calibration(*arrays)))
    else:
        truth = held.targets[:, 0] * preparation.scale + preparation.mean
        drawn.append(predicted_against_true(truth, predicted.to_numpy(), preparation.target, title))
    if outcome.importance:
        drawn.append(importance(outcome.importance, lead))
    return drawn


def learning_curves(
    history: Mapping[str, Sequence[float]], score: str, watched: str = "held out"
) -> Picture:
    """Draw the cost, and the score on watched rows where there are any, epoch by epoch."""
    from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter

    curves = {"training": (history["cost"], _BLUE)}
    if "validation_cost" in history:
        curves[watched] = (history["validation_cost"], _ORANGE)
    scores = history.get("validation_score", ())
    figure = _figure(9.0 if scores else 4.8, 3.8)
    left, *right = figure.subplots(1, 2, squeeze=False)[0] if scores else [figure.subplots()]
    epochs = history["epoch"]
    for name, (costs, colour) in curves.items():
        left.plot(epochs, _finite(costs), color=colour, label=name, **_mark(epochs))
    left.set(xlabel="epoch", ylabel="cost", title="Cost")
    costs = [cost for costs, _ in curves.values() for cost in costs if math.isfinite(cost)]
    if costs and min(costs) > 0.0 and max(costs) > 10.0 * min(costs):
        left.set_yscale("log")
        if max(costs) < 1e6 * min(costs):
            left.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        left.yaxis.set_major_formatter("{x:g}")  # 0.2, not 2 x 10^-1
        left.yaxis.set_minor_formatter(NullFormatter())
    if right:
        axes, last = right[0], scores[-1]
        end = f", {last:.4f} at the end" if math.isfinite(last) else ""
        axes.plot(epochs, _finite(scores), color=_ORANGE, label=watched + end, **_mark(epochs))
        axes.set(xlabel="epoch", ylabel=score, title=f"{score[0].upper()}{score[1:]}")
        # the first epochs of a regression can be far below 0, and would flatten the rest
        finite = [value for value in scores if math.isfinite(value)] or [0.0]
        if min(finite) < -0.2 < max(finite):
            axes.set_ylim(bottom=-0.22)
        axes.legend(frameon=False, loc="lower right")
    for axes in (left, *right):
        _plain(axes)
        axes.set_xlim(*_wide(epochs))
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        for epoch, *values in zip(epochs, *(values for values, _ in curves.values()), strict=True):
            if not all(map(math.isfinite, values)):
                axes.axvline(epoch, color=_GREY, linestyle=":", label="not finite")
                break
    left.legend(frameon=False)
    return Picture("learning_curves", "How the cost fell, epoch by epoch.", figure)


def confusion_matrix(truth: Any, predicted: Any, classes: Sequence[Any], title: str) -> Picture:
    """Draw how often each class was taken for each."""
    place = {label: i for i, label in enumerate(classes)}
    counts = [[0] * len(classes) for _ in classes]
    for is_, said in zip(truth, predicted, strict=True):
        counts[place[is_]][place[said]] += 1
    # colours show shares of a row, so that a rare class is seen as well as a frequent one
    shares = [[count / max(1, sum(row)) for count in row] for row in counts]
    n = len(classes)
    names, step = label_names(classes), -(-n // MOST_NAMES)
    side = min(8.0, 2.6 + 0.45 * n) + 0.05 * max(map(len, names))
    figure = _figure(side + 1.0, side)
    axes = figure.subplots()
    image = axes.imshow(host.asarray(shares), cmap="Blues", vmin=0.0, vmax=1.0)
    figure.colorbar(image, ax=axes, label="share of the true class", fraction=0.046, pad=0.04)
    size = 10.0 if n <= 16 else max(5.5, 170.0 / min(n, MOST_NAMES))
    long = max(map(len, names)) * size > 30.0 or n > 16
    turned = {"rotation": 90} if n > 16 else {"rotation": 45, "ha": "right"} if long else {}
    for axis in (axes.xaxis, axes.yaxis):
        _name_ticks(axis, range(0, n, step), names[::step])
    axes.tick_params(labelsize=size)
    for label in axes.get_xticklabels():
        label.set(**turned)
    axes.set(xlabel="predicted class", ylabel="true class", title=title)
    if n <= MOST_COUNTS:
        for i, row in enumerate(counts):
            for j, count in enumerate(row):
                if count:
                    colour = "white" if shares[i][j] > 0.5 else "black"
                    axes.text(j, i, _short(count), ha="center", va="center", color=colour,
                              fontsize=min(10.0, size))  # fmt: skip
    caption = (
        "How often rows of each class were taken for each; colours are shares of the true one."
    )
    return Picture("confusion_matrix", caption, figure)


def predicted_against_true(truth: Any, predicted: Any, target: str, title: str) -> Picture:
    """Draw each held-out row's prediction over its true value, and how far off it is."""
    figure = _figure(9.6, 4.6)
    left, right = figure.subplots(1, 2)
    low = float(min(truth.min(), predicted.min()))
    high = float(max(truth.max(), predicted.max()))
    left.plot([low, high], [low, high], color=_GREY, linestyle="--", label="predicted = true")
    right.axhline(0.0, color=_GREY, linestyle="--")
    for axes, x, y in ((left, truth, predicted), (right, predicted, predicted - truth)):
        if len(truth) > MANY_POINTS:
            axes.hexbin(x, y, gridsize=60, bins="log", cmap="Blues", mincnt=1, linewidths=0.1)
        else:
            axes.scatter(x, y, s=22 if len(truth) < 1000 else 8, alpha=0.6, color=_BLUE,
                         edgecolors="none", label="held-out rows")  # fmt: skip
        _plain(axes)
    (name,) = label_names([target])
    left.set(xlabel=f"true {name}", ylabel=f"predicted {name}", title=title)
    right.set(xlabel=f"predicted {name}", ylabel="predicted - true", title="Residuals")
    left.legend(frameon=False, loc="upper left")
    caption = "Each held-out row: its prediction over its true value, and by how much it is off."
    return Picture("predicted_against_true", caption, figure)


def reliability(parts: Sequence[Mapping[str, float]]) -> Picture:
    """Draw how often predictions are right over how sure they are."""
    figure = _figure(4.8, 4.2)
    axes = figure.subplots()
    sure, right = ([part[name] for part in parts] for name in ("confidence", "accuracy"))
    whole = sum(part["weight"] for part in parts)
    sizes = [20.0 + 400.0 * part["weight"] / whole for part in parts]
    axes.plot([0.0, 1.0], [0.0, 1.0], color=_GREY, linestyle="--", label="as sure as right")
    axes.plot(sure, right, color=_BLUE, linewidth=1.0)
    axes.scatter(sure, right, s=sizes, color=_BLUE, alpha=0.8, edgecolors="none",
                 label="held-out rows")  # fmt: skip
    axes.set(xlabel="probability of the predicted class", ylabel="share that is right")
    axes.set(title="Calibration", xlim=(0.0, 1.03), ylim=(0.0, 1.05))
    axes.legend(frameon=False, loc="upper left", markerscale=0.5)
    _plain(axes)
    caption = "Above the line predictions are right more often than they are sure, below it less."
    return Picture("calibration", caption, figure)


def importance(found: Sequence[Importance], lead: Score) -> Picture:
    """Draw how much each column matters."""
    shown = list(reversed(found[:MOST_BARS]))
    names = label_names([one.column for one in shown])
    figure = _figure(4.8 + 0.06 * max(map(len, names)), 1.2 + 0.26 * len(shown))
    axes = figure.subplots()
    places = range(len(shown))
    axes.barh(places, [one.mean for one in shown], xerr=[one.spread for one in shown],
              color=_BLUE, alpha=0.8, error_kw={"ecolor": _GREY})  # fmt: skip
    _name_ticks(axes.yaxis, places, names)
    change = "falls" if lead.higher else "rises"
    axes.set_xlabel(f"how much {lead.title} {change} when the column is shuffled")
    _plain(axes)
    more = f" The first {MOST_BARS} of {len(found)}." if len(found) > MOST_BARS else ""
    caption = f"What the network leans on; columns that say the same cover for each other.{more}"
    return Picture("importance", caption, figure)


def comparison(
    ranked: Sequence[Mapping[str, Any]], rows: Sequence[Mapping[str, Any]], lead: Score
) -> Picture:
    """Draw each model's score on each fold with their mean, and the time it took; best on top."""
    from matplotlib.ticker import NullFormatter

    figure = _figure(9.6, 1.3 + 0.42 * len(ranked))
    left, right = figure.subplots(1, 2, sharey=True, width_ratios=(2, 1))
    places = range(len(ranked))
    for place, one in zip(places, ranked, strict=True):
        own = [row[lead.name] for row in rows if row["model"] == one["model"]]
        values = [value for value in own if value is not None]
        left.scatter(values, [place] * len(values), s=22, alpha=0.5, color=_BLUE,
                     edgecolors="none", label=None if place else "a fold")  # fmt: skip
        if one["mean"] is not None:
            left.errorbar(one["mean"], place, xerr=one["spread"], fmt="D", color=_ORANGE,
                          capsize=3, label=None if place else "mean ± deviation")  # fmt: skip
    right.scatter([one["seconds"] for one in ranked], places, s=40, color=_BLUE)
    right.set_xscale("log")
    right.xaxis.set_major_formatter("{x:g}")  # 0.1, not 10^-1
    right.xaxis.set_minor_formatter(NullFormatter())
    _name_ticks(left.yaxis, places, label_names([one["model"] for one in ranked]))
    left.set_ylim(len(ranked) - 0.5, -0.5)
    better = "to the right" if lead.higher else "to the left"
    left.set(xlabel=f"{lead.title} on held-out rows (better {better})", title="Score")
    right.set(xlabel="seconds a fold (logarithmic)", title="Time")
    figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=2,
                  frameon=False)  # fmt: skip
    for axes in (left, right):
        _plain(axes)
    caption = "Each model on each of the folds, which are the same for all, and what a fold took."
    return Picture("comparison", caption, figure)


def _finite(values: Sequence[float]) -> list[float]:
    """Leave a gap where a curve is not finite."""
    return [value if math.isfinite(value) else math.nan for value in values]


def _mark(epochs: Sequence[float]) -> dict[str, str]:
    """A curve of one epoch is a point."""
    return {"marker": "o"} if len(epochs) < 3 else {}


def _wide(epochs: Sequence[float]) -> tuple[float, float]:
    margin = max(0.5, 0.03 * (epochs[-1] - epochs[0]))
    return epochs[0] - margin, epochs[-1] + margin


def _short(count: int) -> str:
    return str(count) if count < 10_000 else f"{count / 1000:.0f}k"


def _name_ticks(axis: Any, places: Sequence[int], names: Sequence[str]) -> None:
    """Put names beside an axis; other than `set_ticks`, in a list that can be had again."""
    from matplotlib.ticker import FixedFormatter, FixedLocator

    axis.set_major_locator(FixedLocator(places))
    axis.set_major_formatter(FixedFormatter(names))


def _plain(axes: Any) -> None:
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)


def _figure(width: float, height: float) -> Any:
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")
