"""Layers in a row: what a network is, and what other layers can be made of."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ..errors import InvalidType, shown
from ..layer import Buffer, Cache, Held, Layer, Mask, Parameter
from ..namespace import Array, Namespace
from ..propagation import backward_through, forward_propagation
from .activate import Activate


@dataclass(frozen=True, repr=False)
class Sequential(Layer):
    """One layer after the other.

    Parameters
    ----------
    layers : sequence of Layer
        From the first to the last.

    Examples
    --------
    >>> from agnostic_nn.layers import Dense, Scale
    >>> Sequential([Scale(), Dense(2, "relu")])
    Sequential([Scale(), Dense(2, activation='relu')])
    >>> [parameter.name for parameter in Sequential([Scale(), Dense(2)]).parameters(3)]
    ['0.s', '1.W', '1.b']
    """

    layers: tuple[Layer, ...]
    #: How many parameters, buffers and masks each layer holds, by the features that come in.
    _counts: dict[int, list[tuple[int, int, int]]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        if not isinstance(self.layers, (list, tuple)):
            raise InvalidType(f"layers={shown(self.layers)}: wanted a list of layers.")
        for layer in self.layers:
            if not isinstance(layer, Layer):
                raise InvalidType(f"layers holds {shown(layer)}: wanted layers alone.")
        object.__setattr__(self, "layers", tuple(self.layers))

    @classmethod
    def example(cls) -> Sequential:
        """Return two activations in a row."""
        return cls((Activate("tanh"), Activate("sigmoid")))

    @property
    def members(self) -> int:  # type: ignore[override]
        """How many columns come out for one that goes in."""
        product = 1
        for layer in self.layers:
            product *= layer.members
        return product

    def widths(self, n_prev: int) -> list[int]:
        """Return the number of features before the first layer and behind each."""
        widths = [n_prev]
        for layer in self.layers:
            widths.append(layer.width(widths[-1]))
        return widths

    def width(self, n_prev: int) -> int:
        """Return the number of features behind the last layer."""
        return self.widths(n_prev)[-1]

    def sizes(self, n_prev: int) -> list[int]:
        """Return those of all layers, in their order."""
        sizes, members = [], 1
        for layer, n in self._with_inputs(n_prev):
            sizes += [members * size for size in layer.sizes(n)]
            members *= layer.members
        return sizes

    def parameters(self, n_prev: int) -> list[Parameter]:
        """Return those of all layers, in their order."""
        self._count(n_prev)  # here, for a step is run many times, and remembers nothing
        return [q for layer in self._named("parameters", n_prev) for q in layer]

    def buffers(self, n_prev: int) -> list[Buffer]:
        """Return those of all layers, in their order."""
        return [q for layer in self._named("buffers", n_prev) for q in layer]

    def masks(self, n_prev: int) -> list[Mask]:
        """Return those of all layers, in their order."""
        masks, members = [], 1
        for layer, n in self._with_inputs(n_prev):
            masks += [
                dataclasses.replace(mask, members=members * mask.members) for mask in layer.masks(n)
            ]
            members *= layer.members
        return masks

    def check_members(self, members: int) -> None:
        """Every layer has to work with the members there are where it stands."""
        for layer in self.layers:
            layer.check_members(members)
            members *= layer.members

    def kept(self, n_prev: int) -> int:
        """Return how many of the arrays it holds are there in a prediction as well: no masks."""
        return sum(learned + remembered for learned, remembered, _ in self._count(n_prev))

    def deal(self, p: Held, n_prev: int) -> list[Held]:
        """Hand out what all layers hold, to each its own."""
        counts = self._count(n_prev)
        first = sum(count[0] for count in counts)
        second = first + sum(count[1] for count in counts)
        # a prediction has no masks: nobody gets any
        piles = (iter(p[:first]), iter(p[first:second]), iter(p[second:]))
        return [
            tuple(x for pile, n in zip(piles, each, strict=True) for x in itertools.islice(pile, n))
            for each in counts
        ]

    def _count(self, n_prev: int) -> list[tuple[int, int, int]]:
        if n_prev not in self._counts:
            self._counts[n_prev] = [
                (len(layer.parameters(n)), len(layer.buffers(n)), len(layer.masks(n)))
                for layer, n in self._with_inputs(n_prev)
            ]
        return self._counts[n_prev]

    def forward(self, A_prev: Array, p: Held, *, xp: Namespace) -> tuple[Array, list[Cache]]:
        """Run the lesson's forward propagation."""
        return forward_propagation(A_prev, self.deal(p, A_prev.shape[0]), self.layers, xp=xp)

    def backward(
        self, dA: Array, cache: list[Cache], *, input_gradient: bool = True, xp: Namespace
    ) -> tuple[Array, tuple[Array, ...]]:
        """Run the lesson's backward propagation."""
        dA_prev, gradients = backward_through(
            dA,
            cache,
            self.layers,
            [None] * len(cache),
            input_gradient=input_gradient,
            xp=xp,
        )
        return dA_prev, tuple(array for gradient in gradients for array in gradient)

    def predict(self, A_prev: Array, p: Held, *, xp: Namespace) -> Array:
        """Let one layer predict after the other."""
        A = A_prev
        for layer, held in zip(self.layers, self.deal(p, A_prev.shape[0]), strict=True):
            A = layer.predict(A, held, xp=xp)
        return A

    def remember(self, cache: list[Cache], *, xp: Namespace) -> tuple[Array, ...]:
        """Return the buffers of all layers."""
        return tuple(
            array
            for layer, own in zip(self.layers, cache, strict=True)
            for array in layer.remember(own, xp=xp)
        )

    def _with_inputs(self, n_prev: int) -> Iterator[tuple[Layer, int]]:
        """Each layer, with the number of features that go into it."""
        return zip(self.layers, self.widths(n_prev), strict=False)

    def _named(self, kind: str, n_prev: int) -> Iterator[list[Any]]:
        """The parameters or buffers of each layer, under names that say whose they are."""
        for i, (layer, n) in enumerate(self._with_inputs(n_prev)):
            yield [dataclasses.replace(q, name=f"{i}.{q.name}") for q in getattr(layer, kind)(n)]
