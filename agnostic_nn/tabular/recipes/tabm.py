"""TabM: an ensemble of perceptrons that share nearly all their weights, as one batched product.

Gorishniy, Kotelnikov & Babenko, "TabM: Advancing tabular deep learning with parameter-efficient
ensembling", ICLR 2025 (arXiv 2410.24210).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from ...backends import host
from ...layer import Layer
from ...layers import Dropout, EnsembleDense, MemberDense, Members
from ...network import WEIGHTS, Network
from ...optimizers import AdamW, Optimizer
from ..inputs import Inputs
from ..text import HostArray
from .recipe import Recipe, Task


@dataclass(frozen=True)
class TabM(Recipe):
    """TabM with the settings of its authors' package, without embeddings of numbers.

    Every member is held against the same minibatch; the cost is the mean of theirs, the prediction
    the mean of what they predict.

    Parameters
    ----------
    k : int, default 32
        How many members there are.
    blocks, units : int, default 3 and 512
        Hidden layers, and the units of each.
    dropout : float, default 0.1
        The fraction of units that a step leaves out.
    learning_rate, weight_decay : float, default 0.002 and 0.0003
        Of AdamW.

    Examples
    --------
    >>> inputs = Inputs(order=(0, 1), numbers=2, one_hot=(), embedded=())
    >>> [type(layer).__name__ for layer in TabM(blocks=1).layers(inputs, Task(classes=2))]
    ['Members', 'EnsembleDense', 'Dropout', 'MemberDense']
    """

    epochs: int = 1000
    patience: int | None = 16
    k: int = 32
    blocks: int = 3
    units: int = 512
    dropout: float = 0.1
    learning_rate: float = 0.002
    weight_decay: float = 0.0003

    among_equals: ClassVar[str] = "first"
    drop_last: ClassVar[bool] = False
    quantiles: ClassVar[bool] = True

    def layers(self, inputs: Inputs, task: Task) -> list[Layer]:
        """Return hidden layers whose members differ by what they take of the inputs."""
        dense = partial(EnsembleDense, self.units, self.k, "relu", initializer="lecun_uniform")
        layers: list[Layer] = [Members(self.k), dense(r="signs", runs=inputs.runs)]
        for _ in range(self.blocks - 1):
            layers += [Dropout(self.dropout), dense()]
        return [
            *layers,
            Dropout(self.dropout),
            MemberDense(task.outputs, self.k, initializer="lecun_uniform"),
        ]

    def optimizer(self, task: Task) -> Optimizer:
        """Return AdamW with a constant rate."""
        del task
        return AdamW(self.learning_rate, weight_decay=self.weight_decay)

    def begin(self, net: Network, X: HostArray) -> None:
        """Begin W and b uniform in -1/sqrt(n[l-1]) to 1/sqrt(n[l-1]), b alike for all members."""
        del X
        xp, backend, parts = net.xp, net.backend, []
        random = host.generator(net.seed, WEIGHTS, len(net.objective.layers.layers))
        bound = 0.0
        theta = net.objective.unflatten(net.theta, net.objective.parameters, xp)
        for parameter, array in zip(net.objective.parameters, theta, strict=True):
            values = backend.to_numpy(array).astype("float64")
            if parameter.name.endswith(".W"):
                bound = parameter.shape[-1] ** -0.5
                values = values / 3.0**0.5  # of the variance 1 / n[l-1]
            elif parameter.name.endswith(".b"):
                shared = (parameter.shape[0], 1) if len(parameter.shape) == 2 else parameter.shape
                values = values + bound * (2.0 * random.random(shared) - 1.0)
            parts.append(values)
        net.theta = backend.asarray(host.concatenate(parts), net.dtype)
