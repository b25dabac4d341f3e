"""What a network is trained for: cost and gradient, as functions of one flat vector theta.

theta is what all layers learn, W[1], b[1], W[2], b[2], ... laid end to end; the layers are handed
views into it. One vector means one update, one copy, one buffer to send. What layers remember
without learning it, running means say, lies end to end in a second vector, the buffers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

from .activations import Activation, get_activation
from .checks import check_number
from .dropout import LARGEST_RATE, dropout_masks
from .errors import InvalidArgument, InvalidType, shown
from .layer import Buffer, Held, Layer, Mask, Parameter
from .layers import Dense, Dropout, Sequential
from .losses import Loss, compute_cost, get_loss, initialize_backward
from .namespace import Array, Namespace
from .schedules import Schedule


class Perceptron(NamedTuple):
    """A multi-layer perceptron: dense layers in a row, dropout behind the hidden ones.

    Attributes
    ----------
    widths : tuple of int, length L + 1
        n[0], the number of features, to n[L], the number of outputs.
    activations : tuple of Activation, length L
        The function g of each layer.
    dropout : tuple of float, length L
        The fraction of each layer's units that a training step leaves out; 0 for the last.
    """

    widths: tuple[int, ...]
    activations: tuple[Activation, ...]
    dropout: tuple[float, ...]


@dataclass(frozen=True)
class Objective:
    """Layers, the loss of what comes out, and the penalty: a cost, and its gradient.

    Attributes
    ----------
    features : int
        n[0], how many features go in.
    layers : Sequential
        Up to the logits Z[L]: the function of the last layer is `output`.
    output : Activation
        g[L], which makes predictions of logits.
    loss : Loss
        What the cost is the mean of.
    l2 : float
        The cost carries l2 / 2 times the sum of all squares of what decays: weights, not biases.
    drops : bool
        Whether a training step draws dropout masks; without them it is a smooth function.
    """

    features: int
    layers: Sequential
    output: Activation
    loss: Loss
    l2: float = 0.0
    drops: bool = True

    @classmethod
    def of(
        cls,
        widths: Sequence[int | Layer],
        loss: str | Loss,
        activation: str | Activation | Sequence[str | Activation] = "relu",
        output: str | Activation | None = None,
        dropout: float | Sequence[float] = 0.0,
        l2: float = 0.0,
        initializer: str | None = None,
    ) -> Objective:
        """Check what a user says of a network, and fill in what was left out."""
        if not isinstance(widths, (list, tuple)) or len(widths) < 2:
            raise InvalidArgument(
                f"widths={shown(widths)}: wanted at least two, the number of features, "
                "the units of each hidden layer, and the number of outputs."
            )
        features, *inside, last = widths
        for width in (features, *(each for each in (*inside, last) if not isinstance(each, Layer))):
            check_number("widths", width, at_least=1, integer=True)
        hidden = sum(not isinstance(each, Layer) for each in inside)
        loss = get_loss(loss)
        gs = [get_activation(g) for g in _per_layer("activation", activation, hidden)]
        rates = _per_layer("dropout", dropout, hidden)
        for rate in rates:
            check_number("dropout", rate, at_least=0.0, at_most=LARGEST_RATE)
        check_number("l2", l2, at_least=0.0)

        plain = iter(zip(gs, rates, strict=True))
        layers: list[Layer] = []
        for each in inside:
            if isinstance(each, Layer):
                layers.append(each)
                continue
            g, rate = next(plain)
            layers.append(Dense(each, g, initializer))
            if rate > 0.0:
                layers.append(Dropout(rate))
        last, output = _last(last, output, loss, initializer)
        chain = Sequential((*layers, last))
        chain.check_members(1)
        chain.parameters(int(features))  # layers that do not fit say so here
        for mask in chain.masks(int(features)):
            if not isinstance(mask.rate, Schedule):  # what one says is cut down to the largest
                check_number("rate", mask.rate, at_least=0.0, at_most=LARGEST_RATE)
        return cls(int(features), chain, output, loss, float(l2))

    # What there is

    @cached_property
    def parameters(self) -> list[Parameter]:
        """What is learned, in theta's order."""
        return self.layers.parameters(self.features)

    @cached_property
    def buffers(self) -> list[Buffer]:
        """What is remembered from step to step without being learned."""
        return self.layers.buffers(self.features)

    @cached_property
    def dropouts(self) -> list[Mask]:
        """The masks that a training step draws."""
        return self.layers.masks(self.features) if self.drops else []

    @cached_property
    def widths(self) -> tuple[int, ...]:
        """How many features there are before the first layer and behind each."""
        return tuple(self.layers.widths(self.features))

    @cached_property
    def sizes(self) -> tuple[int, ...]:
        """How many numbers come about for one example: the features, and layer by layer."""
        return (self.features, *self.layers.sizes(self.features))

    @cached_property
    def size(self) -> int:
        """How many numbers theta holds."""
        return sum(parameter.size for parameter in self.parameters)

    @cached_property
    def paired(self) -> bool:
        """Whether output activation and loss belong together, and training starts from Z[L]."""
        return self.loss.starts_from_logits(self.output)

    @property
    def perceptron(self) -> Perceptron | None:
        """The layers as a multi-layer perceptron; None where they are anything else."""
        widths, activations, dropout = [self.features], [], []
        for layer in self.layers.layers:
            if type(layer) is Dense:
                widths.append(layer.units)
                activations.append(get_activation(layer.activation))
                dropout.append(0.0)
            elif type(layer) is Dropout and dropout and dropout[-1] == 0.0:
                if isinstance(layer.rate, Schedule):
                    return None
                dropout[-1] = layer.rate
            else:
                return None
        if type(self.layers.layers[-1]) is not Dense:
            return None
        return Perceptron(tuple(widths), (*activations[:-1], self.output), tuple(dropout))

    # theta and its parts

    def unflatten(self, vector: Array, parts: Sequence[Parameter | Buffer], xp: Namespace) -> Held:
        """Return the parts of theta, or of the buffers, as views of their shapes."""
        views, start = [], 0
        for part in parts:
            stop = start + part.size
            views.append(xp.reshape(vector[start:stop], part.shape))
            start = stop
        return tuple(views)

    def flatten(self, parts: Sequence[Array], xp: Namespace) -> Array:
        """Return what belongs to each parameter, its gradient say, as one flat vector."""
        return xp.concat([xp.reshape(array, (-1,)) for array in parts])

    def held(self, theta: Array, buffers: Array | None, xp: Namespace) -> Held:
        """Return what the layers hold in a prediction; a training step draws masks as well."""
        parameters = self.unflatten(theta, self.parameters, xp)
        return (*parameters, *self.unflatten(buffers, self.buffers, xp))

    def decayed(self, theta: Array, xp: Namespace) -> Array:
        """Return at every number of theta how strongly it decays: weights 1, biases 0."""
        return self._by_parameter([float(q.decays) for q in self.parameters], theta, xp)

    def rates(self, theta: Array, xp: Namespace) -> Array | None:
        """Return each number's factor of the learning rate; None where all learn alike."""
        factors = [parameter.rate for parameter in self.parameters]
        return self._by_parameter(factors, theta, xp) if {*factors} - {1.0} else None

    def copies(self, theta: Array, xp: Namespace) -> Array | float | None:
        """Return of how many copies each number of theta is one; None where there are none.

        It is a Python number where it is the same one for all of theta.
        """
        copies = [float(parameter.copies) for parameter in self.parameters]
        if not {*copies} - {1.0}:
            return None
        return copies[0] if len({*copies}) == 1 else self._by_parameter(copies, theta, xp)

    def _by_parameter(self, values: Sequence[float], theta: Array, xp: Namespace) -> Array:
        views = self.unflatten(theta, self.parameters, xp)
        return self.flatten(
            [value * xp.ones_like(view) for view, value in zip(views, values, strict=True)], xp
        )

    # Forward, cost, backward

    def outputs(self, theta: Array, buffers: Array | None, X: Array, xp: Namespace) -> Array:
        """Return A[L], (n[L], m), of X, (n[0], m); of an ensemble, the mean of its members'."""
        return self.outputs_of(self.logits(theta, buffers, X, xp), xp)

    def logits(self, theta: Array, buffers: Array | None, X: Array, xp: Namespace) -> Array:
        """Return Z[L], (n[L], m), of X, (n[0], m), as predictions are made."""
        return self.layers.predict(X, self.held(theta, buffers, xp), xp=xp)

    def outputs_of(self, Z: Array, xp: Namespace) -> Array:
        """Return A[L] of logits."""
        A, members = self.output(Z, xp=xp), self.layers.members
        if members == 1:
            return A
        return xp.mean(xp.reshape(A, (A.shape[0], members, -1)), axis=1)

    def cost_of(self, Z: Array, Y: Array, sample_weight: Array | None, xp: Namespace) -> Array:
        """Return the cost of logits against Y (n[L], m), without the L2 penalty."""
        return compute_cost(**self._against(Z, Y, sample_weight, xp), xp=xp)

    def cost_of_prediction(
        self, Z: Array, A: Array, Y: Array, sample_weight: Array | None, xp: Namespace
    ) -> Array:
        """Return the cost of A[L], made of logits Z; of an ensemble, that of the members' mean."""
        if self.layers.members == 1:
            return self.cost_of(Z, Y, sample_weight, xp)
        return compute_cost(A, Y, loss=self.loss, sample_weight=sample_weight, xp=xp)

    def penalty(self, theta: Array, xp: Namespace) -> Any:
        """Return l2 / 2 times the sum of all squares of what decays; of copies, their mean."""
        views = zip(self.unflatten(theta, self.parameters, xp), self.parameters, strict=True)
        squares = [each.decays / each.copies * xp.sum(W * W) for W, each in views if each.decays]
        return 0.5 * self.l2 * sum(squares)

    def masks(self, key: Array, like: Array, xp: Namespace) -> Held:
        """Draw a training step's dropout masks, for as many examples as `like` has rows."""
        return dropout_masks(self.dropouts, key, like, xp)

    def cost_and_gradient(
        self,
        theta: Array,
        buffers: Array | None,
        X: Array,
        Y: Array,
        sample_weight: Array | None = None,
        *,
        masks: Held = (),
        xp: Namespace,
    ) -> tuple[Array, Array, Array | None]:
        """Run forward, cost and backward on X (n[0], m) and Y (n[L], m).

        Returns
        -------
        cost : array, shape ()
            With the L2 penalty, where there is one.
        gradient : array, the shape of theta
        buffers : array, the shape of buffers, or None
            With what the layers remember of this step; None where no layer remembers anything.
        """
        held = self.held(theta, buffers, xp)

        Z, caches = self.layers.forward(X, (*held, *masks), xp=xp)
        against = self._against(Z, Y, sample_weight, xp)
        cost = compute_cost(**against, xp=xp)
        dAL = initialize_backward(**against, xp=xp)
        dZ = dAL if self.paired else self.output.backward(dAL, Z, xp=xp)
        _, gradients = self.layers.backward(dZ, caches, input_gradient=False, xp=xp)

        if self.l2 > 0.0:
            cost = cost + self.penalty(theta, xp)
            gradients = tuple(
                dW + self.l2 * (each.decays / each.copies) * W if each.decays else dW
                for dW, W, each in zip(gradients, held, self.parameters, strict=False)
            )
        remembered = self.layers.remember(caches, xp=xp)
        after = self.flatten(remembered, xp) if remembered else None
        return cost, self.flatten(gradients, xp), after

    def _against(
        self, Z: Array, Y: Array, sample_weight: Array | None, xp: Namespace
    ) -> dict[str, Any]:
        """What the cost of logits Z and its gradient are computed from, as keywords."""
        members = self.layers.members
        if members > 1:  # each is held against the same targets
            Y = xp.concat([Y] * members, axis=1)
            if sample_weight is not None:
                sample_weight = xp.concat([sample_weight] * members, axis=1)
        return {
            "AL": Z if self.paired else self.output(Z, xp=xp),
            "Y": Y,
            "loss": self.loss,
            "sample_weight": sample_weight,
            "from_logits": self.paired,
        }


def _last(
    last: int | Layer,
    output: str | Activation | None,
    loss: Loss,
    initializer: str | None,
) -> tuple[Layer, Activation]:
    """Return the last layer up to the logits, and the function that makes predictions of them."""
    own = get_activation((last.activation if isinstance(last, Layer) else None) or "identity")
    if isinstance(last, Layer) and own.name != "identity":
        if output is not None:
            raise InvalidArgument(
                f"output={shown(output)}: the last layer has an activation already, {own.name!r}: "
                "wanted one of the two."
            )
        bare: Any = last
        if not hasattr(last, "__dataclass_fields__"):
            raise InvalidType(
                f"widths: the last layer, {shown(last)}, ends with an activation, and is no "
                "dataclass: wanted one without, and output= for the activation."
            )
        return replace(bare, activation="identity"), own
    g = loss.activation if output is None else get_activation(output)
    if isinstance(last, Layer):
        return last, g
    return Dense(last, "identity", g.initializer if initializer is None else initializer), g


def _per_layer(name: str, value: Any, hidden: int) -> list[Any]:
    if isinstance(value, (str, Activation)) or not isinstance(value, Sequence):
        return [value] * hidden
    if len(value) != hidden:
        raise InvalidArgument(
            f"{name} has {len(value)} entries for {hidden} hidden layers: wanted one value, "
            "or one for each."
        )
    return list(value)
