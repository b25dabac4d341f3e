"""RealMLP-TD-S: a plain multi-layer perceptron whose every setting suits tables.

Holzmüller, Grinsztajn & Steinwart, "Better by default: Strong pre-tuned MLPs and boosted trees on
tabular data", NeurIPS 2024, table A.1 (arXiv 2407.04491).
"""

from __future__ import annotations

from dataclasses import dataclass

from ...layer import Layer
from ...layers import NeuralTangentDense, Scale
from ...optimizers import Adam, Optimizer
from ...schedules import CosLog
from ..inputs import Inputs
from .recipe import Recipe, Task


@dataclass(frozen=True)
class RealMLPS(Recipe):
    """RealMLP-TD-S, the simplified recipe.

    Parameters
    ----------
    hidden : tuple of int, default (256, 256, 256)
        The units of each hidden layer.
    learning_rate : float, optional
        At the tops of the schedule; left out, 0.04 for classes and 0.07 for a quantity.

    Examples
    --------
    >>> recipe = RealMLPS()
    >>> recipe.optimizer(Task(classes=2)).schedule
    CosLog(initial=0.04, cycles=4)
    """

    label_smoothing: float = 0.1
    hidden: tuple[int, ...] = (256, 256, 256)
    learning_rate: float | None = None

    def layers(self, inputs: Inputs, task: Task) -> list[Layer]:
        """Return a factor for each input, three hidden layers, and one that begins at zero."""
        del inputs
        g = "selu" if task.classes else "mish"
        hidden = [NeuralTangentDense(units, g, bias_rate=0.1) for units in self.hidden]
        last = NeuralTangentDense(task.outputs, weights="zeros", biases="zeros", bias_rate=0.1)
        return [Scale(rate=6.0), *hidden, last]

    def optimizer(self, task: Task) -> Optimizer:
        """Return Adam with a shorter memory, and a rate that comes up four times."""
        rate = self.learning_rate or (0.04 if task.classes else 0.07)
        return Adam(CosLog(rate), beta1=0.9, beta2=0.95)
