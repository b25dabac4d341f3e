"""TabM: an ensemble of perceptrons that share nearly all their weights, as one batched product.

Gorishniy, Kotelnikov & Babenko, "TabM: Advancing tabular deep learning with parameter-efficient
ensembling", ICLR 2025 (arXiv 2410.24210).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import ClassVar, NamedTuple

import numpy as np

from ...backends import host
from ...checks import check_number, look_up
from ...layer import Layer
from ...layers import (
    Dropout,
    EnsembleDense,
    MemberDense,
    Members,
    PeriodicEmbedding,
    PiecewiseLinearEmbedding,
)
from ...network import WEIGHTS, Network
from ...optimizers import AdamW, Optimizer
from ..inputs import Inputs
from ..text import HostArray
from .recipe import Recipe, Task


@dataclass(frozen=True)
class TabM(Recipe):
    """TabM with the settings of its authors' package.

    Every member is held against the same minibatch; the cost is the mean of theirs, the prediction
    the mean of what they predict.

    Parameters
    ----------
    k : int, default 32
        How many members there are.
    blocks : int, optional
        Hidden layers; left out, 3, and 2 behind embeddings.
    units : int, default 512
        Of each hidden layer.
    dropout : float, default 0.1
        The fraction of units that a step leaves out.
    learning_rate, weight_decay : float, default 0.002 and 0.0003
        Of AdamW.
    embeddings : {"piecewise-linear", "periodic"}, optional
        What numbers become: left out, they stay what they are. "piecewise-linear" is of 48 bins
        between quantiles of training, and 16 numbers long; "periodic" is that of RealMLP-TD.

    Examples
    --------
    >>> recipe, inputs = TabM(embeddings="piecewise-linear"), Inputs((0,), 1, (), ())
    >>> recipe.encoding(inputs, np.arange(60.0)[:, None])
    [PiecewiseLinearEmbedding(<1 columns, up to 48 bins>, length=16)]
    >>> [type(layer).__name__ for layer in recipe.layers(inputs, Task(classes=2))[:3]]
    ['Members', 'EnsembleDense', 'Dropout']
    """

    epochs: int = 1000
    patience: int | None = 16
    k: int = 32
    blocks: int | None = None
    units: int = 512
    dropout: float = 0.1
    learning_rate: float = 0.002
    weight_decay: float = 0.0003
    embeddings: str | None = None

    among_equals: ClassVar[str] = "first"
    drop_last: ClassVar[bool] = False
    quantiles: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.blocks is not None:
            check_number("blocks", self.blocks, at_least=1, integer=True)
        if self.embeddings is not None:
            look_up("embeddings", self.embeddings, _EMBEDDINGS)

    def encoding(self, inputs: Inputs, X: HostArray) -> list[Layer]:
        """Return the embedding of numbers, if any are embedded."""
        embedding = self._embedding(inputs)
        return [] if embedding is None else [embedding.of(X[:, : inputs.numbers])]

    def layers(self, inputs: Inputs, task: Task) -> list[Layer]:
        """Return hidden layers whose members differ by what they take of the inputs."""
        r, blocks, runs = "signs", self.blocks or 3, inputs.runs
        if (embedding := self._embedding(inputs)) is not None:
            r, blocks = "normal", self.blocks or 2
            runs = (embedding.length,) * inputs.numbers + runs[inputs.numbers :]
        dense = partial(EnsembleDense, self.units, self.k, "relu", initializer="lecun_uniform")
        layers: list[Layer] = [Members(self.k), dense(r=r, runs=runs), Dropout(self.dropout)]
        for _ in range(blocks - 1):
            layers += [dense(), Dropout(self.dropout)]
        return [*layers, MemberDense(task.outputs, self.k, initializer="lecun_uniform")]

    def _embedding(self, inputs: Inputs) -> _Embedding | None:
        if self.embeddings is None or not inputs.numbers:
            return None
        return _EMBEDDINGS[self.embeddings]

    def optimizer(self, task: Task) -> Optimizer:
        """Return AdamW with a constant rate."""
        del task
        return AdamW(self.learning_rate, weight_decay=self.weight_decay)

    def begin(self, net: Network, X: HostArray) -> None:
        """Begin W and b uniform in -1/sqrt(n[l-1]) to 1/sqrt(n[l-1]), b alike where W is shared."""
        del X
        random = host.generator(net.seed, WEIGHTS, len(net.objective.layers.layers))
        theta = list(net.objective.unflatten(net.theta, net.objective.parameters, net.xp))
        parts: list[HostArray] = []
        for layer, n in zip(net.objective.layers.layers, net.objective.widths, strict=False):
            own = [net.backend.to_numpy(theta.pop(0)) for _ in layer.parameters(n)]
            if isinstance(layer, (EnsembleDense, MemberDense)):
                W, *adapters, b = own
                W = W.astype("float64") / 3.0**0.5  # it was of the variance 1 / n[l-1]
                shape = (*b.shape[:-1], 1)
                b = b + (2.0 * random.random(shape) - 1.0) * W.shape[-1] ** -0.5
                own = [W, *adapters, b]
            parts += own
        net.theta = net.backend.asarray(host.concatenate(parts), net.dtype)


def _piecewise_linear(columns: HostArray) -> Layer:
    """Return 48 bins between quantiles, each once, as numbers of float32 tell them apart."""
    steps = np.linspace(0.0, 1.0, min(48, len(columns) - 1) + 1)
    quantiles = np.quantile(columns, steps, axis=0).astype("float32")
    return PiecewiseLinearEmbedding([np.unique(q).tolist() for q in quantiles.T], length=16)


def _periodic(columns: HostArray) -> Layer:
    return PeriodicEmbedding(columns.shape[1], frequencies=16, length=4, sigma=0.1)


class _Embedding(NamedTuple):
    """The layer that embeds columns, and how many numbers each becomes."""

    of: Callable[[HostArray], Layer]
    length: int


_EMBEDDINGS = {
    "piecewise-linear": _Embedding(_piecewise_linear, 16),
    "periodic": _Embedding(_periodic, 4),
}
