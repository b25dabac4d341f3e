"""What a layer is: a value with two functions, forward with a cache, and backward.

Whatever a layer holds, nobody outside looks into it: all parameters of a network lie end to end
in one flat vector theta, and a layer is handed its own as views. A layer of one's own is a class
like those in `layers`, inside the package or out of it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import MISSING, dataclass
from typing import Any

from .activations import Activation
from .namespace import Array, Namespace
from .schedules import Schedule

#: ``(shape, generator) -> array of the host``, with a random generator that has NumPy's methods.
Initializer = Callable[[tuple[int, ...], Any], Array]

#: The arrays a layer is handed: its parameters, then its buffers, then its masks.
Held = tuple[Array, ...]

#: What forward keeps for backward, a layer's own affair.
Cache = Any


@dataclass(frozen=True)
class Parameter:
    """An array that a layer learns.

    Parameters
    ----------
    name : str
        What it is called in files, among those of its layer.
    shape : tuple of int
        Its shape.
    initial : callable or float, default 0.0
        How it begins: ``(shape, generator) -> array``, or one number for all of it.
    decays : bool or float, default False
        Whether weight decay and the L2 penalty pull it towards zero: weights do, biases do not. A
        number says how strongly beside the weights.
    rate : float, default 1.0
        How fast it learns beside the others: a factor of the learning rate.
    copies : int, default 1
        How many networks that learn side by side have one each, stacked in this array. The cost is
        the mean of theirs, so its gradient is a fraction of what each of them learns by alone; a
        training step gives it back.
    """

    name: str
    shape: tuple[int, ...]
    initial: Initializer | float = 0.0
    decays: bool | float = False
    rate: float = 1.0
    copies: int = 1

    @property
    def size(self) -> int:
        """How many numbers it has."""
        return math.prod(self.shape)


@dataclass(frozen=True)
class Buffer:
    """An array that a layer remembers from step to step without learning it."""

    name: str
    shape: tuple[int, ...]
    initial: float = 0.0

    @property
    def size(self) -> int:
        """How many numbers it has."""
        return math.prod(self.shape)


@dataclass(frozen=True)
class Mask:
    """A dropout mask that a layer wants drawn in every training step, of the shape of its input.

    It holds 0 for the fraction `rate` of the units, and 1 / (1 - rate) for the others. The rate
    may follow a schedule.
    """

    width: int
    rate: float | Schedule
    members: int = 1  # how many columns there are for one example


class Layer:
    """Base of the layers; all of it holds for a layer without parameters that keeps the width.

    Only `forward` and `backward` have to be written. Their arrays have one example per column.

    Examples
    --------
    A layer of one's own:

    >>> import numpy as np
    >>> class Halve(Layer):
    ...     def forward(self, A_prev, p, *, xp):
    ...         return 0.5 * A_prev, None
    ...
    ...     def backward(self, dA, cache, *, input_gradient=True, xp):
    ...         return 0.5 * dA, ()
    >>> A, cache = Halve().forward(np.ones((2, 1)), (), xp=np)
    >>> A
    array([[0.5],
           [0.5]])
    """

    #: The function g that the layer ends with, where it ends with one: a last layer leaves it to
    #: the network, so that it can start backward from the logits.
    activation: Activation | str | None = None

    #: How many columns come out for one that goes in: the members of an ensemble.
    members: int = 1

    @classmethod
    def example(cls) -> Layer:
        """Return a small layer of this kind, for what tries every one in the registry."""
        return cls()

    def __repr__(self) -> str:
        """Return it as it was written, without what was left out."""
        given, settings = [], getattr(self, "__dataclass_fields__", {})
        for each in settings.values():
            value, name = getattr(self, each.name), "" if each.default is MISSING else each.name
            if each.init and _plain(value) != each.default:
                given.append(f"{name}={_plain(value)!r}" if name else f"{_plain(value)!r}")
        return f"{type(self).__name__}({', '.join(given)})"

    def width(self, n_prev: int) -> int:
        """Return n[l], how many features come out for n[l-1] that go in."""
        return n_prev

    def sizes(self, n_prev: int) -> list[int]:
        """Return how many numbers come about for one column that goes in, layer by layer inside."""
        return [self.members * self.width(n_prev)]

    def parameters(self, n_prev: int) -> list[Parameter]:
        """Return what the layer learns."""
        return []

    def buffers(self, n_prev: int) -> list[Buffer]:
        """Return what the layer remembers between steps without learning it."""
        return []

    def masks(self, n_prev: int) -> list[Mask]:
        """Return the dropout masks the layer wants in a training step; prediction draws none."""
        return []

    def check_members(self, members: int) -> None:
        """Raise InvalidArgument where the layer cannot work with so many columns an example."""

    def forward(self, A_prev: Array, p: Held, *, xp: Namespace) -> tuple[Array, Cache]:
        """Compute a training step's activations.

        Parameters
        ----------
        A_prev : array, shape (n[l-1], m)
            Activations of the previous layer, one example per column.
        p : tuple of arrays
            Parameters, buffers and masks, in the order they were asked for.
        xp : namespace
            The array namespace.

        Returns
        -------
        A : array, shape (n[l], m)
        cache : object
            Whatever `backward` needs.
        """
        raise NotImplementedError

    def backward(
        self, dA: Array, cache: Cache, *, input_gradient: bool = True, xp: Namespace
    ) -> tuple[Array, tuple[Array, ...]]:
        """Compute the gradients from that of the activations.

        Parameters
        ----------
        dA : array, shape (n[l], m)
            Gradient of each example's loss with respect to the activations.
        cache : object
            From `forward`.
        input_gradient : bool, default True
            Whether anybody needs dA_prev; a layer may compute it all the same.
        xp : namespace
            The array namespace.

        Returns
        -------
        dA_prev : array, shape (n[l-1], m), or None
        dp : tuple of arrays
            Gradient of the cost, the mean over the m examples, for each parameter.
        """
        raise NotImplementedError

    def predict(self, A_prev: Array, p: Held, *, xp: Namespace) -> Array:
        """Compute the activations of a prediction; `p` has no masks."""
        A, _ = self.forward(A_prev, p, xp=xp)
        return A

    def remember(self, cache: Cache, *, xp: Namespace) -> tuple[Array, ...]:
        """Return the buffers after the training step that left this cache."""
        return ()


def drawn(layer: Layer, n_prev: int, m: int, generator: Any) -> Held:
    """Draw numbers for all that a layer holds, to try it with m examples.

    Parameters
    ----------
    layer : Layer
        The layer.
    n_prev, m : int
        n[l-1], how many features go in, and of how many examples.
    generator : object
        Random numbers, with the methods of NumPy's.

    Returns
    -------
    tuple of arrays of the host
        Parameters from N(0, 1), buffers between 1/2 and 3/2, for they may be variances, and masks
        of 0 and 2.
    """
    return (
        *(generator.standard_normal(q.shape) for q in layer.parameters(n_prev)),
        *(0.5 + generator.random(q.shape) for q in layer.buffers(n_prev)),
        *(
            2.0 * generator.integers(0, 2, (mask.width, mask.members * m))
            for mask in layer.masks(n_prev)
        ),
    )


def _plain(value: Any) -> Any:
    """Return a setting as a user writes it."""
    if isinstance(value, Activation):
        return value.name
    return [_plain(each) for each in value] if isinstance(value, tuple) else value
