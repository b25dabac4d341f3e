"""A network: its layers, its parameters, and where they live."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .activations import Activation
from .backends import Backend, chosen_backend, get_backend, host, move
from .backends.base import State
from .checks import check_number
from .errors import InvalidArgument, InvalidType, OutOfMemory, shown
from .layer import Layer, Parameter
from .losses import Loss
from .namespace import Array
from .objective import Objective
from .predicting import Predicting
from .programs.record import not_in_a_step
from .propagation import LayerParameters
from .rows import is_finite
from .training_state import Training

#: What random numbers are drawn for, so that no two draws share their bits.
WEIGHTS, ORDER, SPLIT = range(3)

#: No network has more parameters than this; more would overflow before memory runs out.
_LARGEST = 2**48


class Network(Predicting):
    """A network of layers, trained by `train`.

    Parameters
    ----------
    widths : sequence of int or Layer
        The number of features, the units of each hidden layer, and the number of outputs. A whole
        number behind the first is a dense layer; any other layer of `agnostic_nn.layers`, or of
        your own, may stand in its place or between them.
    loss : str or Loss
        What to minimize: "binary_cross_entropy", "categorical_cross_entropy", "squared_error",
        "absolute_error", "huber", "poisson", or a `Loss` of your own.
    activation : str, Activation or sequence of them, default "relu"
        The function g of the hidden layers that are whole numbers: one for all, or one for each.
    output : str or Activation, optional
        The function g of the last layer; left out, the layer's own where it has one, else the
        one the loss belongs to.
    dropout : float or sequence of float, default 0.0
        The fraction of units that a training step leaves out behind each of those layers, from 0
        to 0.9999.
    l2 : float, default 0.0
        Adds l2 / 2 times the sum of all squared weights to the cost.
    initializer : str, optional
        The initial weights of the layers that are whole numbers; left out, He for ReLU and its
        kin, LeCun for SELU, else Glorot.
    seed : int, default 0
        Of everything random: the weights, the order of the examples, dropout.
    dtype : str, default "float32"
        The type of every number in the network.
    backend : str or Backend, optional
        Where it lives; see `get_backend`. Left out, what `use_backend` or the environment says,
        else where the first data to train on lives.

    Attributes
    ----------
    theta : array, shape (size,)
        All that the layers learn, end to end. It may be assigned to.
    buffers : array
        All that the layers remember without learning it, such as running means, end to end.
    parameters : list of tuples of arrays
        Of each layer that learns, as views into theta: of a dense layer W[l], (n[l], n[l-1]), and
        b[l], (n[l], 1).
    objective : Objective
        The layers, the loss and the penalty.
    training : Training or None
        What `train` needs to go on: optimizer, its state, step, history. None before.

    Raises
    ------
    InvalidArgument
        If a value or a name is not one the network can work with.
    BackendUnavailable
        If the backend cannot be used here.

    Examples
    --------
    >>> net = Network([30, 16, 8, 1], loss="binary_cross_entropy")
    >>> net
    Network([30, 16, 8, 1], relu, relu, sigmoid; binary_cross_entropy; float32 on numpy)
    >>> [W.shape for W, b in net.parameters]
    [(16, 30), (8, 16), (1, 8)]

    Layers of other kinds go between:

    >>> from agnostic_nn.layers import Dense, LayerNorm, Residual
    >>> Network([20, 64, LayerNorm(), Residual([Dense(64, "relu"), Dense(64)]), 3],
    ...         loss="categorical_cross_entropy", activation="gelu").predict([[0.5] * 20]).shape
    (1, 3)
    """

    def __init__(
        self,
        widths: Sequence[int | Layer],
        loss: str | Loss,
        *,
        activation: str | Activation | Sequence[str | Activation] = "relu",
        output: str | Activation | None = None,
        dropout: float | Sequence[float] = 0.0,
        l2: float = 0.0,
        initializer: str | None = None,
        seed: int = 0,
        dtype: str = "float32",
        backend: str | Backend | None = None,
    ) -> None:
        objective = Objective.of(widths, loss, activation, output, dropout, l2, initializer)
        self._settle(objective, seed, dtype, backend)

    @classmethod
    def holding(
        cls,
        objective: Objective,
        theta: Any,
        buffers: Any = None,
        *,
        seed: int = 0,
        dtype: str = "float32",
        backend: str | Backend | None = None,
    ) -> Network:
        """Return a network with these parameters, of the host; nothing is drawn."""
        net = cls.__new__(cls)
        net._settle(objective, seed, dtype, backend, theta, buffers)  # noqa: SLF001
        return net

    def _settle(
        self,
        objective: Objective,
        seed: int,
        dtype: str,
        backend: str | Backend | None,
        theta: Any = None,
        buffers: Any = None,
    ) -> None:
        check_number("seed", seed, at_least=0, below=2**63, integer=True)
        self.objective, self.seed = objective, int(seed)
        self.backend = get_backend(backend)
        self.backend_was_chosen = backend is not None or chosen_backend() is not None
        self.dtype = self.backend.dtype(dtype)
        self._training: Training | None = None
        #: What the backend prepared for these very arrays.
        self.compiled: dict[Any, Any] = {}
        size = objective.size
        if size > _LARGEST:
            raise InvalidArgument(f"widths: {shown(size)} parameters are more than any memory has.")
        try:
            theta = self._initial_theta() if theta is None else theta
            buffers = self._initial_buffers() if buffers is None else buffers
            self._theta = self.backend.asarray(theta, self.dtype)
            self._buffers = self.backend.asarray(buffers, self.dtype)
        except MemoryError as error:
            raise OutOfMemory(
                f"widths: there is too little memory for {size:,} numbers."
            ) from error

    def _initial_theta(self) -> Array:
        """Draw each layer's parameters, from a generator of its own."""
        arrays = []
        for layer, parameters in enumerate(self._parameters_by_layer()):
            generator = host.generator(self.seed, WEIGHTS, layer)
            for each in parameters:
                if callable(each.initial):
                    arrays.append(each.initial(each.shape, generator))
                else:
                    arrays.append(np.full(each.shape, each.initial))
        return host.concatenate(arrays) if arrays else np.full((0,), 0.0)

    def _initial_buffers(self) -> Array:
        buffers = [np.full(each.shape, each.initial) for each in self.objective.buffers]
        return host.concatenate(buffers) if buffers else np.full((0,), 0.0)

    def _parameters_by_layer(self) -> list[list[Parameter]]:
        """What each layer learns, of those that learn."""
        objective = self.objective
        layers = zip(objective.layers.layers, objective.widths, strict=False)
        return [parameters for layer, n in layers if (parameters := layer.parameters(n))]

    def __repr__(self) -> str:
        objective, plain = self.objective, self.objective.perceptron
        if plain is not None:
            names = ", ".join(g.name for g in plain.activations)
            what = f"{list(plain.widths)}, {names}"
        else:
            layers = ", ".join(map(repr, (objective.features, *objective.layers.layers)))
            what = f"[{layers}], {objective.output.name}"
        return f"Network({what}; {objective.loss.name}; {self.dtype_name} on {self.backend.name})"

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"compiled": {}}  # copies and pickles leave it behind

    @property
    def training(self) -> Training | None:
        """What `train` needs to go on; None before."""
        not_in_a_step("a network")
        return self._training

    @training.setter
    def training(self, training: Training | None) -> None:
        self._training = training

    @property
    def theta(self) -> Array:
        """All that the layers learn, end to end."""
        not_in_a_step("a network")
        return self._theta

    @theta.setter
    def theta(self, theta: Array) -> None:
        self._theta = self._replaced("theta", theta, self._theta)

    @property
    def buffers(self) -> Array:
        """All that the layers remember without learning it, end to end."""
        not_in_a_step("a network")
        return self._buffers

    @buffers.setter
    def buffers(self, buffers: Array) -> None:
        self._buffers = self._replaced("buffers", buffers, self._buffers)

    def _replaced(self, name: str, array: Any, before: Array) -> Array:
        """Return what a user put in an array's place, once it fits there."""
        if array is before:  # net.theta *= 0.9, where arrays change in place
            return array
        if not self.backend.owns(array):
            raise InvalidType(
                f"{name} is of type {type(array).__name__}: wanted an array of the backend "
                f"{self.backend.name!r}."
            )
        if tuple(array.shape) != tuple(before.shape) or array.dtype != before.dtype:
            raise InvalidArgument(
                f"{name} has shape {tuple(array.shape)} and dtype {array.dtype}: wanted "
                f"{tuple(before.shape)} and {before.dtype}."
            )
        for recorded in ("steps", "predictions"):  # for the array before; what was said stays
            self.compiled.pop(recorded, None)
        return array

    @property
    def state(self) -> State:
        """All that a training step changes: theta, buffers, and the optimizer's vectors."""
        buffers = (self._buffers,) if self.objective.buffers else ()
        slots = () if self.training is None else self.training.state
        return (self._theta, *buffers, *slots)

    @state.setter
    def state(self, state: State) -> None:
        self._theta, *slots = state
        if self.objective.buffers:
            self._buffers = slots.pop(0)
        if self.training is not None:
            self.training.state = tuple(slots)

    @property
    def parameters(self) -> list[Any]:
        """What each layer learns, of those that learn, as views into theta."""
        views = iter(self.objective.unflatten(self.theta, self.objective.parameters, self.xp))
        by_layer: list[Any] = []
        for parameters in self._parameters_by_layer():
            own = tuple(next(views) for _ in parameters)
            names = tuple(parameter.name for parameter in parameters)
            by_layer.append(LayerParameters(*own) if names == LayerParameters._fields else own)
        return by_layer

    def to(self, backend: str | Backend, dtype: str | None = None) -> Network:
        """Move the parameters and the optimizer's state; training goes on there.

        Parameters
        ----------
        backend : str or Backend
            Where to; see `get_backend`.
        dtype : str, optional
            The new type of every number; left out, it stays.

        Returns
        -------
        Network
            This same network.

        Raises
        ------
        InvalidArgument
            If a parameter, or what the optimizer remembers, is beyond what the new type holds;
            the network stays as it was.
        BackendUnavailable
            If the backend cannot be used here; the network stays where it was.

        Examples
        --------
        >>> Network([2, 1], "squared_error").to("numpy", "float64").dtype_name
        'float64'
        """
        to = get_backend(backend)
        name = self.dtype_name if dtype is None else dtype
        kind = to.dtype(name)
        training = self.training
        # the buffers too where there are none: an empty array is of a backend as well
        before = (self._theta, self._buffers, *(() if training is None else training.state))
        after = tuple(move(array, to, kind) for array in before)
        if name != self.dtype_name:
            for old, new in zip(before, after, strict=True):
                if is_finite(old, self.backend) and not is_finite(new, to):
                    raise InvalidArgument(
                        f"dtype={shown(dtype)}: the network, or its optimizer, holds numbers that "
                        "are too large for this type."
                    )
        self._theta, self._buffers, *slots = after
        if training is not None:
            training.state = tuple(slots)
        self.compiled = {}
        self.dtype, self.backend = kind, to
        self.backend_was_chosen = True
        return self


def training_of(net: Network) -> Training:
    """Return where the training of a network stands; raise where it has not begun."""
    if net.training is None:
        raise InvalidArgument(f"{net!r} has not been trained: wanted one that has.")
    return net.training


def check_network(net: Any) -> None:
    """Refuse what is no network."""
    if not isinstance(net, Network):
        raise InvalidType(f"net is of type {type(net).__name__}: wanted a Network.")


def on_host(net: Network, array: Array) -> Array:
    """Return an array of the network on the host, which knows no bfloat16: float32 holds it."""
    name = "float32" if net.dtype_name == "bfloat16" else net.dtype_name
    return move(net.xp.astype(array, getattr(net.xp, name)), get_backend("numpy"))
