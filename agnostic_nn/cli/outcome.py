"""What a run found: the scores of the network, of a linear model and of a baseline."""

from __future__ import annotations

import math
import statistics
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..backends import host
from ..errors import TrainingWarning
from ..network import training_of
from . import fitting
from .data import Source
from .in_time import fitted_in_time, share
from .options import Settings
from .parts import Part, TaskData
from .runs import Diverged

if TYPE_CHECKING:
    from ..backends import Backend
    from ..deadlines import Deadline
    from ..namespace import Array
    from ..network import Network
    from ..tabular import Preparation
    from ..tabular.importance import Importance

#: Each score by its name; None where it is not defined.
Scores = dict[str, float | None]

#: A cost so many times that of always giving the same answer is not that of a network that learned.
DIVERGED = 10.0

NETWORK, LINEAR, BASELINE = "network", "linear model", "baseline"


@dataclass(frozen=True)
class Outcome:
    """The network that is kept, and how good it is.

    Attributes
    ----------
    net : Network
        Trained.
    data : TaskData
        What it was trained on.
    scores : dict
        For each part of the data ("train", "validation", "test") the scores of each model. Over
        folds they are means.
    folds : list of dict
        For each fold the scores of each model; empty where there are none.
    held : Part
        All rows that were held out, in terms of the network that is kept.
    outputs : array
        For them, of the network that was not trained on them.
    places : list of tuple
        For each of them (repeat, fold); empty where there are no folds.
    importance : list of Importance
        Of each column, on the held-out rows.
    linear_rows : int
        How many rows the linear model was fitted to.
    """

    net: Network
    data: TaskData
    scores: dict[str, dict[str, Scores]]
    folds: list[dict[str, Scores]]
    held: Part
    outputs: Array
    places: list[tuple[int, int]]
    importance: list[Importance]
    linear_rows: int

    @property
    def spread(self) -> dict[str, Scores]:
        """Return for each model and score the standard deviation over folds."""

        def spread(values: Sequence[float]) -> float:
            return statistics.stdev(values) if len(values) > 1 else 0.0

        return _over(self.folds, spread) if self.folds else {}


def tested(net: Network, data: TaskData, settings: Settings, deadline: Deadline | None) -> Outcome:
    """Let the network, a linear model and the baseline answer for every part of the data.

    With a deadline, what the columns are worth is looked at as often as there is time for.

    Raises
    ------
    Diverged
        If the network is so far off, on the very rows it was trained on, that training diverged.
    """
    from ..rows import is_finite
    from ..tabular.importance import MOST_SHUFFLES, permutation_importance
    from ..tabular.linear import fit_linear
    from ..tabular.scores import leading

    if not is_finite(net.theta, net.backend):
        raise _diverged(net, "left no network to keep")
    outputs = {name: _outputs(net, part) for name, part in data.parts.items()}
    found = {name: _scores(part, {NETWORK: outputs[name]}) for name, part in data.parts.items()}
    _check_learned(net, data, settings, found["train"][NETWORK])
    plain = data.plain
    linear, rows = fit_linear(plain.preparation, *plain.kept, settings.seed)
    for name, part in plain.parts.items():
        found[name] |= _scores(part, {LINEAR: linear(part.inputs), BASELINE: None})
    name, held = ("train", data.train) if data.test is None else ("test", data.test)
    lead = leading(settings.metric, data.preparation.task)
    importance = permutation_importance(
        net.predict, data.preparation, held.inputs, held.targets, held.weight,
        score=lead, seed=settings.seed,
        seconds=None if deadline is None else 0.5 * deadline.kept,
    )  # fmt: skip
    few_enough = len(plain.preparation.columns) <= MOST_SHUFFLES
    defined = found[name][NETWORK][lead.name] is not None
    if deadline is not None and few_enough and defined and not importance:
        warnings.warn(
            f"what each column is worth is left out: time_limit={deadline.seconds:g} leaves too "
            "little time to shuffle them.",
            TrainingWarning,
            stacklevel=2,
        )
    return Outcome(net, data, found, [], held, outputs[name], [], importance, rows)


def cross_validated(
    source: Source,
    settings: Settings,
    backend: Backend,
    tell: Callable[[str], None],
    deadline: Deadline | None = None,
) -> Outcome:
    """Test on each fold a network that was trained on the others; keep one trained on all rows."""
    from ..tabular.importance import mean_importance

    number = settings.folds or 0
    folds = list(source.splits.folds(number, settings.repeats))
    found: list[Outcome] = []
    for fold in folds:
        data = source.prepare(settings, fold.kept, fold.held)
        others = len(folds) - len(found)
        seconds = share(deadline, others + 1, tests=others)
        net = fitted_in_time(data, settings, backend, tell, seconds)
        found.append(tested(net, data, settings, deadline))
        tell(f"fold {len(found)} of {len(folds)}: {_line(found[-1], settings)}")
    data = source.prepare(settings, source.splits.rows)
    net = fitted_in_time(data, settings, backend, tell, share(deadline))
    whole = tested(net, data, settings, deadline)
    tests = [one.scores["test"] for one in found]
    outputs = [_in_terms_of(data.preparation, one) for one in found]
    return Outcome(
        whole.net,
        data,
        {**whole.scores, "test": _over(tests, statistics.fmean)},
        tests,
        Part(source.examples.at([row for fold in folds for row in fold.held]), data.preparation),
        host.concatenate(outputs).reshape(-1, data.preparation.n_outputs),
        [(fold.repeat, fold.number) for fold in folds for _ in fold.held],
        mean_importance([one.importance for one in found]),
        whole.linear_rows,
    )


def answers(net: Network, part: Part) -> dict[str, Scores]:
    """Return the network's and the baseline's scores for a part."""
    return _scores(part, {NETWORK: _outputs(net, part), BASELINE: None})


def _line(one: Outcome, settings: Settings) -> str:
    from ..tabular.scores import leading

    score = leading(settings.metric, one.data.preparation.task)
    value = one.scores["test"][NETWORK][score.name]
    return f"test {score.title}: " + ("not defined" if value is None else f"{value:.4f}")


def _in_terms_of(preparation: Preparation, one: Outcome) -> Array:
    """Return a fold's outputs as if they were of a network with this preparation.

    Its own may know classes in another order, and have standardized quantities otherwise.
    """
    own, outputs = one.data.preparation, one.outputs
    if not preparation.classes:
        quantity = own.predictions(outputs).to_numpy().reshape(-1, 1)
        return (quantity - preparation.mean) / preparation.scale
    probabilities = own.probabilities(outputs)
    frame = probabilities.reindex(columns=list(preparation.classes), fill_value=0.0)
    return frame.to_numpy()[:, -preparation.n_outputs :]


def _over(
    folds: Sequence[dict[str, Scores]], summary: Callable[[Sequence[float]], float]
) -> dict[str, Scores]:
    """Return a summary over folds of each model's scores, of those that are defined."""
    found: dict[str, Scores] = {}
    for model, scores in folds[0].items():
        found[model] = {}
        for name in scores:
            values = [value for fold in folds if (value := fold[model][name]) is not None]
            found[model][name] = summary(values) if values else None
    return found


def _outputs(net: Network, part: Part) -> Array:
    return net.predict(part.inputs).astype("float64")


def _scores(part: Part, outputs: dict[str, Array | None]) -> dict[str, Scores]:
    from ..tabular.scores import scores_of

    baseline = _baseline(part.preparation, part.targets)
    return {
        name: scores_of(
            part.preparation, part.targets, baseline if found is None else found, part.weight
        )
        for name, found in outputs.items()
    }


def _baseline(preparation: Preparation, targets: Array) -> Array:
    """The share of each class in training, whose largest is the majority; or the mean, 0."""
    shares = preparation.shares[-targets.shape[1] :] if preparation.classes else (0.0,)
    return 0.0 * targets + host.asarray(shares)


def _check_learned(net: Network, data: TaskData, settings: Settings, scores: Scores) -> None:
    """Refuse a network that gives far worse answers than always the same, and than untrained."""
    name, power = ("log_loss", 1) if data.preparation.classes else ("rmse", 2)

    def cost(scores: Scores) -> float:
        value = scores[name]
        return math.inf if value is None else value**power

    constant, cost_now = cost(_scores(data.train, {BASELINE: None})[BASELINE]), cost(scores)
    if cost_now <= DIVERGED * constant:
        return
    begin = _outputs(fitting.network(data, settings, net.backend), data.train)
    if cost_now > cost(_scores(data.train, {NETWORK: begin})[NETWORK]):
        ended = "beyond all numbers" if cost_now == math.inf else f"{scores[name]:.3g}"
        raise _diverged(net, f"ended with {name} {ended}, worse than it began")


def _diverged(net: Network, how: str) -> Diverged:
    rate = training_of(net).optimizer.schedule.initial
    return Diverged(
        f"learning_rate={rate:g}: training diverged and {how}: wanted a smaller learning rate."
    )
