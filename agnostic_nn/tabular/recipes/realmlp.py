"""RealMLP-TD: RealMLP-TD-S with embeddings, learned activations, dropout and weight decay.

Holzmüller, Grinsztajn & Steinwart, "Better by default: Strong pre-tuned MLPs and boosted trees on
tabular data", NeurIPS 2024, table A.1 (arXiv 2407.04491).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ...backends import host
from ...layer import Layer
from ...layers import (
    Clip,
    Dropout,
    Embedding,
    NeuralTangentDense,
    ParametricActivation,
    PeriodicEmbedding,
    Scale,
)
from ...network import WEIGHTS, Network
from ...optimizers import Adam, Optimizer
from ...schedules import CosLog, FlatCosine
from ..inputs import Inputs
from ..text import HostArray
from .recipe import Recipe, Task

#: How many examples the bias of a unit begins from, and the most that all of it begins from.
_CORNERS, _MOST = 5, 20_000


@dataclass(frozen=True)
class RealMLP(Recipe):
    """RealMLP-TD, the whole recipe.

    Parameters
    ----------
    hidden : tuple of int, default (256, 256, 256)
        The units of each hidden layer.
    learning_rate : float, optional
        At the tops of the schedule; left out, 0.04 for classes and 0.2 for a quantity.
    dropout : float, default 0.15
        The fraction of units that a step leaves out during the first half of training.
    weight_decay : float, default 0.02
        In the first half of training; both go down to 0 in the second one.

    Notes
    -----
    A group of parameters that learns f times as fast as the weights decays f^2 times as strongly,
    as in the authors' implementation, with which the recipe was chosen; biases do not decay.

    Examples
    --------
    >>> RealMLP().optimizer(Task(classes=0)).schedule
    CosLog(initial=0.2, cycles=4)
    """

    label_smoothing: float = 0.1
    hidden: tuple[int, ...] = (256, 256, 256)
    learning_rate: float | None = None
    dropout: float = 0.15
    weight_decay: float = 0.02

    most_one_hot: ClassVar[int | None] = 8

    def layers(self, inputs: Inputs, task: Task) -> list[Layer]:
        """Return embeddings, a factor for each feature, and dense layers with what follows each."""
        layers: list[Layer] = []
        if inputs.places:
            layers.append(Embedding(inputs.places, length=8, decay=1.0))
        if inputs.numbers:
            layers.append(PeriodicEmbedding(inputs.numbers, 16, 4, sigma=0.1, rate=0.1, decay=0.1))
        layers.append(Scale(rate=6.0, decay=6.0))
        for units in self.hidden:
            layers += [
                NeuralTangentDense(units, bias_rate=0.1),
                ParametricActivation("selu" if task.classes else "mish", rate=0.1, decay=0.1),
                Dropout(FlatCosine(self.dropout)),
            ]
        layers.append(NeuralTangentDense(task.outputs, bias_rate=0.1))
        return layers if task.classes else [*layers, Clip(task.low, task.high)]

    def optimizer(self, task: Task) -> Optimizer:
        """Return Adam with a shorter memory, and a rate that comes up four times."""
        rate = self.learning_rate or (0.04 if task.classes else 0.2)
        decay = FlatCosine(self.weight_decay)
        return Adam(CosLog(rate), beta1=0.9, beta2=0.95, weight_decay=decay)

    def begin(self, net: Network, X: HostArray) -> None:
        """Begin each dense layer such that its units are of size 1 on the examples, and differ.

        W is scaled to a standard deviation of 1 of what it makes of the examples, unit by unit. The
        bias is minus a random mean, with weights that are uniform on the simplex, of what it makes
        of five of them.
        """
        xp, backend = net.xp, net.backend
        random = host.generator(net.seed, WEIGHTS, len(net.objective.layers.layers))
        X = X[random.permutation(len(X))[:_MOST]]
        held = list(net.objective.held(net.theta, net.buffers, xp))
        parts: list[HostArray] = []
        A = backend.asarray(X, net.dtype).T
        for layer, n in zip(net.objective.layers.layers, net.objective.widths, strict=False):
            own = [held.pop(0) for _ in layer.parameters(n)]
            if isinstance(layer, NeuralTangentDense):
                W = backend.to_numpy(own[0]).astype("float64")
                W, b = _standardized(W, backend.to_numpy(A).astype("float64"), random)
                own = [backend.asarray(part, net.dtype) for part in (W, b)]
            parts += [backend.to_numpy(part) for part in own]
            A = layer.predict(A, tuple(own), xp=xp)
        net.theta = backend.asarray(host.concatenate(parts), net.dtype)


def _standardized(
    W: HostArray, A: HostArray, random: np.random.Generator
) -> tuple[HostArray, HostArray]:
    """Return weights, (n[l], n[l-1]), and biases, (n[l], 1), for activations A, (n[l-1], m)."""
    V = W @ A / np.sqrt(W.shape[1])  # (n[l], m)
    size = V.std(axis=1, keepdims=True)
    size = np.where(size > 0.0, size, 1.0)
    V /= size
    corners = random.integers(V.shape[1], size=(V.shape[0], _CORNERS))
    shares = random.dirichlet(np.ones(_CORNERS), size=V.shape[0])
    b = -(np.take_along_axis(V, corners, axis=1) * shares).sum(axis=1, keepdims=True)
    return W / size, b
