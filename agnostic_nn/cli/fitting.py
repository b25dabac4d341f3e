"""Fitting: from prepared data and settings to a trained network; what was left out is chosen."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import InvalidArgument, unknown_name
from .common import EpochLines
from .data import TaskData
from .options import MANY_ROWS, STEPS, Settings

if TYPE_CHECKING:
    from ..backends import Backend
    from ..network import Network
    from ..optimizers import Optimizer

#: What can be trained in: Adam's epsilon is 0 in float16, and its largest number 65,504.
DTYPES = ("float32", "float64", "bfloat16")


def check(settings: Settings) -> None:
    """Raise for whatever can be wrong before any data has been looked at."""
    from ..activations import get_activation
    from ..checks import check_number

    _widths(settings.hidden)
    get_activation(settings.activation)
    _optimizer(settings)
    check_number("test_fraction", settings.test_fraction, above=0.0, below=1.0)
    if settings.validation is not None:
        check_number("validation", settings.validation, above=0.0, below=1.0)
    if settings.folds is not None:
        check_number("folds", settings.folds, at_least=2, integer=True)
    check_number("repeats", settings.repeats, at_least=1, integer=True)
    if settings.repeats > 1 and settings.folds is None:
        raise InvalidArgument(f"repeats={settings.repeats}: wanted folds as well.")
    check_number("seed", settings.seed, at_least=0, below=2**32, integer=True)
    for name in ("batch_size", "epochs", "patience"):
        if (value := getattr(settings, name)) is not None:
            check_number(name, value, at_least=1, integer=True)
    for name, known in (
        ("class_weight", ("balanced",)),
        ("task", ("classification", "regression")),
    ):
        if (value := getattr(settings, name)) not in (None, *known):
            raise unknown_name(name, value, known)
    if settings.dtype == "float16":
        raise InvalidArgument(
            f"dtype='float16' is too narrow to train in: wanted one of {', '.join(DTYPES)}."
        )


def settled(settings: Settings, n: int) -> Settings:
    """Return the settings with what was left out chosen for n rows."""
    batch_size = _batch_size(n) if settings.batch_size is None else settings.batch_size
    epochs = _epochs(n, batch_size) if settings.epochs is None else settings.epochs
    rule = _optimizer(settings)
    return replace(
        settings,
        validation=settings.watched,
        batch_size=batch_size,
        epochs=epochs,
        learning_rate=rule.schedule.initial,
        weight_decay=rule.decay_schedule.initial,
    )


def fit(
    data: TaskData,
    settings: Settings,
    backend: Backend,
    *,
    checkpoint: Path | None = None,
    checkpoint_every: int | None = None,
) -> Network:
    """Train a plain multi-layer perceptron; ``net.training.history`` says how it went."""
    from .. import training

    assert settings.epochs is not None and settings.batch_size is not None  # noqa: PT018
    net = network(data, settings, backend)
    inputs, targets, *weight = data.train.arrays
    training.train(
        net,
        inputs,
        targets,
        sample_weight=weight[0] if weight else None,
        epochs=settings.epochs,
        batch_size=settings.batch_size,
        optimizer=_optimizer(settings),
        validation=None if data.watched is None else data.watched.arrays,
        patience=settings.patience,
        checkpoint=checkpoint,
        checkpoint_every=checkpoint_every,
        callbacks=[EpochLines()],
    )
    return net


def go_on(checkpoint: Path, data: TaskData, backend: str | None) -> Network:
    """Go on with `fit` from its checkpoint."""
    from .. import training

    inputs, targets, *weight = data.train.arrays
    return training.resume(
        checkpoint,
        inputs,
        targets,
        sample_weight=weight[0] if weight else None,
        validation=None if data.watched is None else data.watched.arrays,
        callbacks=[EpochLines()],
        backend=backend,
    )


def where_it_stands(checkpoint: Path, run: Path) -> str:
    """Return how far a run has come.

    Raises
    ------
    InvalidArgument
        If the checkpoint does not say.
    """
    from ..saving import describe

    try:
        stands = describe(checkpoint)["training"]
        return f"after epoch {stands['epoch']} of {stands['settings']['last']}"
    except (KeyError, TypeError) as error:
        raise InvalidArgument(
            f"run={str(run)!r}: its {checkpoint.name} is damaged ({error!r})."
        ) from error


def network(data: TaskData, settings: Settings, backend: Backend) -> Network:
    """Return the network that is going to be trained."""
    from ..network import Network

    preparation = data.preparation
    return Network(
        [preparation.n_features, *_widths(settings.hidden), preparation.n_outputs],
        preparation.loss,
        activation=settings.activation,
        dropout=settings.dropout,
        seed=settings.seed,
        dtype=settings.dtype,
        backend=backend,
    )


def _widths(hidden: str) -> list[int]:
    try:
        widths = [int(width) for width in hidden.split(",")]
    except ValueError:
        widths = [-1]
    if widths == [0]:
        return []
    if min(widths) < 1:
        raise InvalidArgument(
            f"hidden={hidden!r}: wanted the units of each hidden layer, such as 128,64, or 0."
        )
    return widths


def _optimizer(settings: Settings) -> Optimizer:
    """Return the rule with a learning rate that falls to 0, so that no epoch has to be chosen."""
    from ..checks import check_number
    from ..optimizers import AdamW, get_optimizer
    from ..schedules import Cosine

    name, rate, decay = settings.optimizer, settings.learning_rate, settings.weight_decay
    kind = type(get_optimizer(name))
    if rate is None:
        rate = 0.05 if name in ("sgd", "momentum", "nesterov") else 0.002
    if decay is None:
        # small tables are soon learned by heart: a strong decay, beside dropout
        decay = 1.0 if kind is AdamW else 0.0
    check_number("learning_rate", rate, above=0.0, below=math.inf)
    check_number("weight_decay", decay, at_least=0.0, below=math.inf)
    return kind(Cosine(rate), weight_decay=decay)


def _batch_size(n: int) -> int:
    """32, and from 10,000 rows on what keeps the steps of an epoch below about 300, up to 1024."""
    return 32 if n < MANY_ROWS else min(1024, 2 ** math.ceil(math.log2(n / 300)))


def _epochs(n: int, batch_size: int) -> int:
    """As many as make `STEPS` steps, within bounds: fewer for what would be learned by heart."""
    least = 60 if n < MANY_ROWS else 20
    return min(300, max(least, round(STEPS * batch_size / n)))
