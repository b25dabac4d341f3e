"""What a network computes, apart from its numbers: cost and gradient as functions of theta.

theta is one flat vector, W[1], b[1], W[2], b[2], ... laid end to end; the layers are views into
it. One vector means one update, one copy, one buffer to send.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .activations import Activation, get_activation
from .checks import check_number
from .dropout import LARGEST_RATE, dropout_masks
from .errors import InvalidArgument, shown
from .losses import Loss, compute_cost, get_loss, initialize_backward
from .namespace import Array, Namespace
from .propagation import (
    LayerGradients,
    LayerParameters,
    backward_propagation,
    forward_propagation,
    forward_propagation_layer,
)


@dataclass(frozen=True)
class Architecture:
    """The layers of a network, and the cost they are trained for.

    Attributes
    ----------
    widths : tuple of int, length L + 1
        n[0], the number of features, to n[L], the number of outputs.
    activations : tuple of Activation, length L
        The function g of each layer.
    loss : Loss
        What the cost is the mean of.
    dropout : tuple of float, length L
        The fraction of each layer's units that a training step leaves out; 0 for the last.
    l2 : float
        The cost carries l2 / 2 times the sum of all squared weights; biases are not counted.
    """

    widths: tuple[int, ...]
    activations: tuple[Activation, ...]
    loss: Loss
    dropout: tuple[float, ...]
    l2: float = 0.0

    @classmethod
    def of(
        cls,
        widths: Sequence[int],
        loss: str | Loss,
        activation: str | Activation | Sequence[str | Activation] = "relu",
        output: str | Activation | None = None,
        dropout: float | Sequence[float] = 0.0,
        l2: float = 0.0,
    ) -> Architecture:
        """Check what a user says of a network, and fill in what was left out."""
        if not isinstance(widths, (list, tuple)) or len(widths) < 2:
            raise InvalidArgument(
                f"widths={shown(widths)}: wanted at least two, the number of features, "
                "the units of each hidden layer, and the number of outputs."
            )
        for width in widths:
            check_number("widths", width, at_least=1, integer=True)
        hidden = len(widths) - 2
        loss = get_loss(loss)
        gs = [get_activation(g) for g in _per_layer("activation", activation, hidden)]
        rates = _per_layer("dropout", dropout, hidden)
        for rate in rates:
            check_number("dropout", rate, at_least=0.0, at_most=LARGEST_RATE)
        check_number("l2", l2, at_least=0.0)
        gs.append(loss.activation if output is None else get_activation(output))
        fractions = (*map(float, rates), 0.0)
        return cls(tuple(int(width) for width in widths), tuple(gs), loss, fractions, float(l2))

    @property
    def depth(self) -> int:
        """L, the number of layers that have parameters."""
        return len(self.widths) - 1

    @property
    def shapes(self) -> list[tuple[int, int]]:
        """The shape (n[l], n[l-1]) of each W."""
        return [(n, n_prev) for n_prev, n in zip(self.widths, self.widths[1:], strict=False)]

    @property
    def size(self) -> int:
        """How many numbers theta holds."""
        return sum(n * n_prev + n for n, n_prev in self.shapes)

    @property
    def paired(self) -> bool:
        """Whether output activation and loss belong together, and training starts from Z[L]."""
        return self.loss.starts_from_logits(self.activations[-1])

    def unflatten(self, theta: Array, xp: Namespace) -> list[LayerParameters]:
        """Return W[l] and b[l] of every layer as views into theta."""
        layers, start = [], 0
        for n, n_prev in self.shapes:
            middle = start + n * n_prev
            W = xp.reshape(theta[start:middle], (n, n_prev))
            b = xp.reshape(theta[middle : middle + n], (n, 1))
            layers.append(LayerParameters(W, b))
            start = middle + n
        return layers

    def flatten(self, layers: Sequence[tuple[Array, Array]], xp: Namespace) -> Array:
        """Return (W, b) or (dW, db) of every layer as one flat vector."""
        return xp.concat([xp.reshape(array, (-1,)) for layer in layers for array in layer])

    def decayed(self, theta: Array, xp: Namespace) -> Array:
        """Return 1 at every weight of theta and 0 at every bias."""
        layers = self.unflatten(theta, xp)
        return self.flatten([(xp.ones_like(W), xp.zeros_like(b)) for W, b in layers], xp)

    def outputs(self, theta: Array, X: Array, xp: Namespace, *, logits: bool = False) -> Array:
        """Return A[L], (n[L], m), of X, (n[0], m), or Z[L]; no caches are kept."""
        A = X
        for (W, b), g in zip(self.unflatten(theta, xp), self._functions(logits), strict=True):
            A, _ = forward_propagation_layer(A, W, b, g, xp=xp)
        return A

    def cost(
        self, theta: Array, X: Array, Y: Array, sample_weight: Array | None, xp: Namespace
    ) -> Array:
        """Return the cost of X (n[0], m) against Y (n[L], m), without the L2 penalty."""
        AL = self.outputs(theta, X, xp, logits=self.paired)
        return compute_cost(
            AL, Y, loss=self.loss, sample_weight=sample_weight, from_logits=self.paired, xp=xp
        )

    def penalty(self, parameters: Sequence[LayerParameters], xp: Namespace) -> Any:
        """Return l2 / 2 times the sum of all squared weights."""
        return 0.5 * self.l2 * sum(xp.sum(W * W) for W, _ in parameters)

    def cost_and_gradient(
        self,
        theta: Array,
        X: Array,
        Y: Array,
        sample_weight: Array | None = None,
        *,
        masks: Sequence[Array | None] | None = None,
        xp: Namespace,
    ) -> tuple[Array, Array]:
        """Run forward, cost and backward on X (n[0], m) and Y (n[L], m).

        Returns
        -------
        cost : array, shape ()
            With the L2 penalty, where there is one.
        gradient : array, the shape of theta
        """
        activations = self._functions(logits=self.paired)
        parameters = self.unflatten(theta, xp)

        AL, caches = forward_propagation(X, parameters, activations, masks=masks, xp=xp)
        of: Any = {"loss": self.loss, "sample_weight": sample_weight, "from_logits": self.paired}
        cost = compute_cost(AL, Y, **of, xp=xp)
        dAL = initialize_backward(AL, Y, **of, xp=xp)
        gradients = backward_propagation(dAL, caches, activations, masks=masks, xp=xp)

        if self.l2 > 0.0:
            cost = cost + self.penalty(parameters, xp)
            gradients = [
                LayerGradients(dW + self.l2 * W, db)
                for (dW, db), (W, _) in zip(gradients, parameters, strict=True)
            ]
        return cost, self.flatten(gradients, xp)

    def _functions(self, logits: bool) -> tuple[Activation, ...]:
        # up to the logits, so that the way back starts from dZ[L]
        if logits:
            return (*self.activations[:-1], get_activation("identity"))
        return self.activations

    def masks(self, key: Array, like: Array, xp: Namespace) -> list[Array | None]:
        """Draw a training step's dropout masks, for as many examples as `like` has rows."""
        return dropout_masks(self.dropout, self.widths[1:], key, like, xp)


def _per_layer(name: str, value: Any, hidden: int) -> list[Any]:
    if isinstance(value, (str, Activation)) or not isinstance(value, Sequence):
        return [value] * hidden
    if len(value) != hidden:
        raise InvalidArgument(
            f"{name} has {len(value)} entries for {hidden} hidden layers: wanted one value, "
            "or one for each."
        )
    return list(value)
