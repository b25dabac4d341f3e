"""Fitting: from prepared data and settings to a trained network."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InvalidArgument
from .choices import ACTIVATION, DROPOUT, optimizer_of, recipe_of, widths_of
from .common import EpochLines
from .options import Settings
from .parts import TaskData

if TYPE_CHECKING:
    from ..backends import Backend
    from ..namespace import Array
    from ..network import Network
    from ..training import Callback


def fit(
    data: TaskData,
    settings: Settings,
    backend: Backend,
    *,
    callbacks: tuple[Callback, ...] = (),
    checkpoint: Path | None = None,
    checkpoint_every: int | None = None,
    watched: bool = True,
) -> Network:
    """Train a network, and show how that goes; ``net.training.history`` says how it went."""
    from .. import training

    for part in (*data.parts.values(), *data.plain.parts.values()):
        part.arrays  # noqa: B018 - what cannot be read is found before any work is done
    net, (inputs, targets, weight) = network(data, settings, backend), _arrays(data, settings)
    training.train(
        net,
        inputs,
        targets,
        sample_weight=weight,
        checkpoint=checkpoint,
        checkpoint_every=checkpoint_every,
        callbacks=(EpochLines(), *callbacks) if watched else callbacks,
        progress=None if watched else False,
        **_how(data, settings),
    )
    return net


def go_on(
    checkpoint: Path,
    data: TaskData,
    settings: Settings,
    backend: str | None,
    callbacks: tuple[Callback, ...] = (),
) -> Network:
    """Go on with `fit` from its checkpoint."""
    from .. import training

    inputs, targets, weight = _arrays(data, settings)
    return training.resume(
        checkpoint,
        inputs,
        targets,
        sample_weight=weight,
        validation=None if data.watched is None else data.watched.arrays,
        callbacks=(EpochLines(), *callbacks),
        backend=backend,
    )


def _arrays(data: TaskData, settings: Settings) -> tuple[Array, Array, Array | None]:
    """Return inputs, what is to be learned of them, and what each row counts for."""
    recipe, train = recipe_of(settings), data.train
    if recipe is None:
        return train.inputs, train.targets, train.cost_weight
    targets = recipe.targets(data.preparation, train.targets)
    return train.inputs, targets, train.cost_weight


def _how(data: TaskData, settings: Settings) -> dict[str, Any]:
    """Return how `train` is to train: its arguments, by name."""
    recipe = recipe_of(settings)
    if recipe is not None:
        part = data.validation
        watched = None if part is None else (part.inputs, part.targets, part.cost_weight)
        return recipe.how(data.preparation, data.train.targets, watched)
    return {
        "epochs": settings.epochs,
        "batch_size": settings.batch_size,
        "optimizer": optimizer_of(settings),
        "validation": None if data.watched is None else data.watched.arrays,
        "patience": settings.patience,
    }


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
    """Return the network that is going to be trained, or several as one."""
    from ..ensembles import side_by_side

    seeds = range(settings.seed, settings.seed + settings.n_ens)
    return side_by_side([_one(data, settings, backend, seed) for seed in seeds])


def _one(data: TaskData, settings: Settings, backend: Backend, seed: int) -> Network:
    from ..network import Network

    recipe, preparation = recipe_of(settings), data.preparation
    if recipe is not None:
        return recipe.network(
            preparation, data.train.inputs, data.train.targets,
            seed=seed, dtype=settings.dtype, backend=backend,
        )  # fmt: skip
    return Network(
        [preparation.n_features, *widths_of(settings.hidden), preparation.n_outputs],
        preparation.loss,
        activation=settings.activation or ACTIVATION,
        dropout=DROPOUT if settings.dropout is None else settings.dropout,
        seed=seed,
        dtype=settings.dtype,
        backend=backend,
    )
