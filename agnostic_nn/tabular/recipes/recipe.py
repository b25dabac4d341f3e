"""What a recipe is: how a network for a table is made and trained, all of it said beforehand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from ...backends import Backend, host
from ...deadlines import Deadline
from ...ensembles import side_by_side
from ...layer import Layer
from ...namespace import Array
from ...network import SPLIT, Network
from ...optimizers import Optimizer
from ...training import Callback, train
from ..inputs import Blocks, Inputs
from ..preparation import Preparation
from ..text import HostArray


@dataclass(frozen=True)
class Task:
    """What a network is to predict.

    Attributes
    ----------
    classes : int
        How many classes there are; 0 for a quantity.
    low, high : float
        The ends of a quantity in the rows of training, standardized.
    """

    classes: int
    low: float = 0.0
    high: float = 0.0

    @property
    def outputs(self) -> int:
        """How many outputs the network has: one for each class, also where there are two."""
        return self.classes or 1


@dataclass(frozen=True)
class Recipe:
    """Base of the recipes: which layers, which rule, how long.

    Parameters
    ----------
    epochs : int, default 256
        How often training goes through all examples.
    batch_size : int, default 256
        Examples per step.
    label_smoothing : float, default 0.0
        How much of each target's probability is spread over all classes.
    watch : {"score", "cost"}, default "score"
        What tells the best epoch where there are classes: the fewest errors, or the least
        cross-entropy, which it always is where examples have weights.
    patience : int, optional
        Stop after so many epochs without a better one; left out, training goes to its end.
    """

    epochs: int = 256
    batch_size: int = 256
    label_smoothing: float = 0.0
    watch: str = "score"
    patience: int | None = None

    #: Which of equally good epochs is kept.
    among_equals: ClassVar[str] = "last"
    #: Columns of more categories than this are embedded; None where none is.
    most_one_hot: ClassVar[int | None] = None
    #: Whether numbers go by their quantiles, and not by a robust scale.
    quantiles: ClassVar[bool] = False
    #: Whether what does not fill the last minibatch of an epoch is left out of it.
    drop_last: ClassVar[bool] = True

    def encoding(self, inputs: Inputs, X: HostArray) -> list[Layer]:
        """Return layers before the others that come from X, the inputs of training; here none."""
        del inputs, X
        return []

    def layers(self, inputs: Inputs, task: Task) -> list[Layer]:
        """Return the network's layers."""
        raise NotImplementedError

    def optimizer(self, task: Task) -> Optimizer:
        """Return the update rule, with its schedule."""
        raise NotImplementedError

    def begin(self, net: Network, X: HostArray) -> None:
        """Set what the network begins with, where that comes from the inputs of training."""

    def prepared(self, preparation: Preparation, blocks: Blocks) -> Preparation:
        """Return the preparation with what a network of the recipe reads of these rows."""
        inputs = Inputs.fit(
            preparation.columns, blocks, self.most_one_hot, quantiles=self.quantiles
        )
        return replace(preparation, inputs=inputs)

    def network(
        self,
        preparation: Preparation,
        X: HostArray,
        Y: HostArray,
        *,
        seed: int = 0,
        dtype: str = "float32",
        backend: str | Backend | None = None,
    ) -> Network:
        """Return the network as it begins.

        Parameters
        ----------
        preparation : Preparation
            As of `prepared`.
        X, Y : array, shape (n_samples, n_features) and (n_samples, n_outputs)
            What it makes of the rows of training.
        seed, dtype, backend
            As for `Network`.
        """
        inputs = preparation.inputs
        assert inputs is not None
        layers = [*self.encoding(inputs, X), *self.layers(inputs, _task(preparation, Y))]
        net = Network(
            [inputs.width, *layers], preparation.loss, seed=seed, dtype=dtype, backend=backend
        )
        self.begin(net, X)
        return net

    def targets(self, preparation: Preparation, Y: HostArray) -> Array:
        """Return what the network learns: of classes, probabilities that are smoothed."""
        if not preparation.classes:
            return Y
        return (1.0 - self.label_smoothing) * Y + self.label_smoothing / Y.shape[1]

    def how(self, preparation: Preparation, Y: HostArray, watched: Any = None) -> dict[str, Any]:
        """Return how `train` is to train: its arguments, by name.

        Parameters
        ----------
        preparation : Preparation
            As of `prepared`.
        Y : array, shape (n_samples, n_outputs)
            The targets of training, as the preparation has them.
        watched : tuple of (X, Y, weight or None), optional
            Examples to choose the best epoch by.
        """
        # the score counts rows, all alike: where they have weights, the cost takes these in
        by_score = bool(preparation.classes) and watched is not None and watched[2] is None
        return {
            "epochs": self.epochs,
            "batch_size": min(self.batch_size, len(Y)),
            "optimizer": self.optimizer(_task(preparation, Y)),
            "validation": watched,
            "patience": None if watched is None else self.patience or max(1, self.epochs),
            "watch": self.watch if by_score else "cost",
            "among_equals": self.among_equals,
            "drop_last": self.drop_last,
        }


def _task(preparation: Preparation, Y: HostArray) -> Task:
    if preparation.classes:
        return Task(len(preparation.classes))
    return Task(0, float(Y.min()), float(Y.max()))


@dataclass(frozen=True)
class Examples:
    """Rows of a table that a recipe learns from, or is watched on.

    Attributes
    ----------
    blocks : Blocks
        What the preparation makes of the features.
    y : array, shape (n_samples,)
        The places of the classes, or the quantity.
    weight : array, shape (n_samples,), or None
        What each example counts for.
    """

    blocks: Blocks
    y: HostArray
    weight: HostArray | None = None

    def __len__(self) -> int:
        return len(self.y)

    def take(self, rows: HostArray) -> Examples:
        """Return some of the rows."""
        return Examples(
            self.blocks.take(rows), self.y[rows], None if self.weight is None else self.weight[rows]
        )

    def split(self, fraction: float, seed: int) -> tuple[Examples, Examples | None]:
        """Return the rows to learn from, and a fraction of the rows to be watched on."""
        held = int(fraction * len(self))
        if held == 0:
            return self, None
        order = host.permutation(len(self), seed, SPLIT)
        return self.take(order[held:]), self.take(order[:held])


def fit_recipe(
    recipe: Recipe,
    preparation: Preparation,
    examples: Examples,
    held_out: Examples | None = None,
    *,
    seeds: Sequence[int] = (0,),
    backend: str | Backend | None = None,
    dtype: str = "float32",
    seconds: float | None = None,
    callbacks: Sequence[Callback] = (),
    progress: bool | None = False,
) -> tuple[Preparation, Network]:
    """Train a recipe's network on examples, for each seed one, all of them side by side.

    Several begin as each would alone, and are the members of one network from then on: they see the
    same minibatches, whose order is that of the first seed, behind dropout masks of their own. The
    best epoch is that of their mean, which is what the network predicts.

    Parameters
    ----------
    recipe : Recipe
    preparation : Preparation
        Of the table that the examples come from, with its classes.
    examples, held_out : Examples
        To learn from, and to choose the best epoch by, if any: with the fewest errors, or the
        least squared error.
    seeds : sequence of int
        Of the initial weights.
    seconds : float, optional
        How long all of it may take; then no epoch begins.
    backend, dtype, callbacks, progress
        As for `Network` and `train`.

    Returns
    -------
    preparation : Preparation
        With what the network reads of a table, and what its outputs mean.
    network : Network
    """
    preparation = recipe.prepared(_standardizing(preparation, examples), examples.blocks)
    X, Y, *_ = _rows(preparation, examples)
    how = recipe.how(preparation, Y, None if held_out is None else _rows(preparation, held_out))
    end = () if seconds is None else (Deadline(seconds),)
    networks = [
        recipe.network(preparation, X, Y, seed=seed, dtype=dtype, backend=backend) for seed in seeds
    ]
    net = side_by_side(networks)
    train(
        net, X, recipe.targets(preparation, Y), sample_weight=examples.weight,
        callbacks=(*callbacks, *end), progress=progress, **how,
    )  # fmt: skip
    return preparation, net


def _standardizing(preparation: Preparation, examples: Examples) -> Preparation:
    """Return the preparation with the mean and scale of a quantity among the examples."""
    if preparation.classes:
        return preparation
    mean, scale = float(examples.y.mean()), float(examples.y.std())
    return replace(preparation, mean=mean, scale=scale if scale > 0.0 else 1.0)


def _rows(
    preparation: Preparation, examples: Examples
) -> tuple[HostArray, HostArray, HostArray | None]:
    """Return inputs, targets and weights of examples."""
    assert preparation.inputs is not None
    rows = preparation.inputs.rows(examples.blocks)
    return rows, _targets(preparation, examples), examples.weight


def _targets(preparation: Preparation, examples: Examples) -> Array:
    """Return the network's targets: one-hot rows, or the quantity, standardized."""
    if preparation.classes:
        return np.eye(len(preparation.classes))[examples.y]
    return ((examples.y - preparation.mean) / preparation.scale).reshape(-1, 1)
