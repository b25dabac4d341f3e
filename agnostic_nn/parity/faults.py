"""Faults, planted one at a time in one backend: what parity is there to find.

A `Fault` stands for a mistake in an equation, or in what a backend makes of a training step. Every
registry is walked, so what is new gets its faults without a line here.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, is_dataclass, replace
from itertools import chain
from typing import Any

import numpy as np

from .. import losses, optimizers, propagation
from ..activations import ACTIVATIONS, Activation
from ..backends import Backend, availability, get_backend
from ..layers import LAYERS
from ..losses import LOSSES
from ..metrics import Metric
from ..network import Network, training_of
from ..objective import Objective
from ..optimizers import OPTIMIZERS
from . import GROUPS, Row, check_dtypes, trajectories
from .layer_cases import FEATURES
from .trainings import LARGE

#: What the equations are compared between: faults in them are planted in the second.
BACKENDS = ("numpy", "array_api_strict")

#: What runs an epoch in a way of its own, so that it can be wrong there alone.
EPOCHS = ("numpy", "numba")

#: The smallest relative error that has to be found.
SMALLEST = {"float32": 1e-4, "float64": 1e-12}

#: Of the trainings that are asked where no other row finds a fault.
STEPS = 20

#: Parameters that the update reaches, where of a vector cut into blocks the first alone is seen to.
BLOCK = LARGE // 4

#: ``(function, *arguments, **options)``: calls a function, and spoils what goes in or comes out.
Change = Callable[..., Any]


@dataclass(frozen=True)
class Fault:
    """A function that is wrong on one backend.

    Attributes
    ----------
    name : str
        What is wrong, in a few words.
    group, row : str
        The part of the table that is there to find it, and the row there.
    owner, attribute : object, str
        What has the function: a module, a class, or an entry of a registry.
    change : callable
        What is called in its place, with the function itself as the first argument.
    backend : str
        Where it is wrong.
    """

    name: str
    group: str
    row: str
    owner: Any
    attribute: str
    change: Change
    backend: str = BACKENDS[1]

    @property
    def between(self) -> tuple[str, str]:
        """The backends to compare: this one, and one that is right."""
        return (self.backend if self.backend in EPOCHS else BACKENDS[0]), BACKENDS[1]


@contextmanager
def planted(fault: Fault) -> Iterator[None]:
    """Make the function wrong where a call has to do with that backend."""
    owner, name, backend = fault.owner, fault.attribute, get_backend(fault.backend)
    function = getattr(owner, name)

    def faulty(*arguments: Any, **options: Any) -> Any:
        if _on(backend, (*arguments, *options.values())):
            return fault.change(function, *arguments, **options)
        return function(*arguments, **options)

    # an entry of a registry is frozen for everybody else
    put = object.__setattr__ if is_dataclass(owner) and not isinstance(owner, type) else setattr
    take = object.__delattr__ if put is object.__setattr__ else delattr
    own = vars(owner).get(name)
    put(owner, name, faulty)
    try:
        yield
    finally:
        if own is None:  # it was that of a class
            take(owner, name)
        else:
            put(owner, name, own)


def _on(backend: Backend, arguments: Sequence[Any]) -> bool:
    """Whether a network, a namespace or an array of the backend is among the arguments."""
    for x in arguments:
        if isinstance(x, Network):  # whose data may come from anywhere
            return x.backend is backend
    return any(x is backend or x is backend.xp or backend.owns(x) for x in arguments)


def failing(group: str, dtype: str, between: Sequence[str] = BACKENDS) -> list[Row]:
    """Return the rows of a part of the table that fail between two backends."""
    backends = [get_backend(name) for name in between]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # such as for the root of a wrong sign
        return [row for row in _rows(group, backends, dtype) if not row.holds]


def _rows(group: str, backends: Sequence[Backend], dtype: str) -> Iterable[Row]:
    if group != "trajectories":
        return GROUPS[group](backends, dtype)
    return (row for row, _ in trajectories.compare_training(backends, dtype, STEPS))


def caught_by(fault: Fault, dtype: str) -> list[Row]:
    """Return the rows that fail with the fault; long trainings are asked where no other does."""
    with planted(fault):
        found = [row for group in GROUPS for row in failing(group, dtype, fault.between)]
        return found or failing("trajectories", dtype, fault.between)


def plant(
    dtypes: Sequence[str], *, progress: Callable[[str], object] = str
) -> Iterator[tuple[Fault, str, list[Row]]]:
    """Plant every fault in every dtype, and yield the rows that catch it: none, where it passes."""
    check_dtypes(dtypes)
    for dtype in dtypes:
        for fault in faults(dtype):
            progress(f"{dtype}: {fault.name}")
            yield fault, dtype, caught_by(fault, dtype)


def faults(dtype: str) -> Iterator[Fault]:
    """Yield every fault, as small as it has to be found in that dtype."""
    little = 1.0 + SMALLEST[dtype]
    for kind, scale in {"sign": -1.0, "a little": little, "no 1/m": 100.0}.items():
        for fault in chain(
            _of_equations(scale), _of_layers(scale), _of_entries(scale), _of_updates(scale)
        ):
            if kind != "no 1/m" or "1/m" in fault.row:
                yield replace(fault, name=f"{fault.name}: {kind}")
    for backend in EPOCHS:
        if availability(backend).usable:
            yield from _of_epochs(backend)
    yield from _of_training()


def scaled(scale: float, *part: int) -> Change:
    """Return what multiplies a result, or of several the one in that place."""

    def change(function: Change, *arguments: Any, **options: Any) -> Any:
        result = function(*arguments, **options)
        if not part:
            return scale * result
        return tuple(scale * x if i in part and x is not None else x for i, x in enumerate(result))

    return change


def _of_equations(scale: float) -> Iterator[Fault]:
    def in_Z(function: Change, *arguments: Any, **options: Any) -> Any:  # noqa: N802
        A, cache = function(*arguments, **options)
        return A, cache._replace(Z=scale * cache.Z)

    layer = (propagation, "forward_propagation_layer")
    back = (propagation, "backward_propagation_layer")
    network = (Objective, "cost_and_gradient")
    for row, (owner, attribute), change in (
        ("Z = W A_prev + b", layer, in_Z),
        ("A = g(Z)", layer, scaled(scale, 0)),
        ("Eq. 1: dZ = dA g'(Z)", (Activation, "backward"), scaled(scale)),
        ("Eq. 2: dW = 1/m dZ A_prev.T", back, scaled(scale, 1)),
        ("Eq. 3: db = 1/m sum dZ", back, scaled(scale, 2)),
        ("Eq. 4: dA_prev = W.T dZ", back, scaled(scale, 0)),
        ("J = 1/m sum of losses", (losses, "compute_cost"), scaled(scale)),
        ("dZ[L], weighted", (losses, "initialize_backward"), scaled(scale)),
        ("L layers: cost", network, scaled(scale, 0)),
        ("L layers: gradient", network, scaled(scale, 1)),
        ("clipped gradient", (optimizers, "clip_by_global_norm"), scaled(scale)),
    ):
        yield Fault(row, "equations", row, owner, attribute, change)


def _of_layers(scale: float) -> Iterator[Fault]:
    def in_dp(i: int) -> Change:
        def change(function: Change, *arguments: Any, **options: Any) -> Any:
            dA_prev, dp = function(*arguments, **options)
            return dA_prev, tuple(scale * d if j == i else d for j, d in enumerate(dp))

        return change

    for name, kind in LAYERS.items():
        layer = kind.example()
        changes = {
            "A": ("forward", scaled(scale, 0)),
            "dA_prev": ("backward", scaled(scale, 0)),
            "predict": ("predict", scaled(scale)),
        }
        for i, parameter in enumerate(layer.parameters(FEATURES)):
            changes[f"d{parameter.name}"] = ("backward", in_dp(i))
        for i, buffer in enumerate(layer.buffers(FEATURES)):
            changes[buffer.name] = ("remember", scaled(scale, i))
        for row, (attribute, change) in changes.items():
            row = f"{name}: {row}"
            yield Fault(row, "layers", row, kind, attribute, change)


def _of_entries(scale: float) -> Iterator[Fault]:
    for name, g in ACTIVATIONS.items():
        for attribute, row in (("function", name), ("backward", f"{name}, Eq. 1")):
            yield Fault(row, "activations", row, g, attribute, scaled(scale))
    for name, loss in LOSSES.items():
        parts = {"function": name, "derivative": f"{name}, dA[L]"}
        if loss.of_logits is not None:
            parts |= {
                "logit_function": f"{name}, of logits",
                "logit_derivative": f"{name}, dZ[L]",
            }
        for attribute, row in parts.items():
            yield Fault(row, "losses", row, loss, attribute, scaled(scale))


def _of_updates(scale: float) -> Iterator[Fault]:
    def step(function: Change, rule: Any, theta: Any, *arguments: Any) -> Any:
        before = theta + 0.0
        theta, state = function(rule, theta, *arguments)
        return before + scale * (theta - before), state

    def last_of_the_state(function: Change, *arguments: Any) -> Any:
        theta, state = function(*arguments)
        return theta, (*state[:-1], scale * state[-1])

    for name, rule in OPTIMIZERS.items():
        changes = {"theta": scaled(scale, 0), "its step": step}
        if rule.slots > 0:
            changes["its state"] = last_of_the_state
        for part, change in changes.items():
            yield Fault(f"{name}, {part}", "optimizers", name, rule, "update", change)
    yield Fault("decay", "optimizers", "adamw", optimizers, "decay_weights", scaled(scale))


def _of_epochs(name: str) -> Iterator[Fault]:
    """What a backend may make of an epoch of steps."""
    owner = type(get_backend(name))
    for what, row, change in (
        ("sample weights ignored", "sample weights: trained", _without_weights),
        ("clipping ignored", "clipping: trained", _taking(_unclipped)),
        ("weight decay ignored", "weight decay: trained", _without_decay),
        ("dropout ignored", "dropout: trained", _taking(_undropped)),
        ("L2 ignored", "L2: trained", _taking(_unpenalized)),
        ("the first block alone", "in blocks: trained", _first_block_alone),
        ("the first minibatch again", "sgd: trained", _repeating("order")),
        ("the first rate again", "adam: trained", _repeating("rates")),
        ("the first masks again", "dropout: trained", _repeating("keys")),
        ("cost reported twice", "sgd: history", scaled(2.0, 1)),
    ):
        yield Fault(f"{what}, on {name}", "training", row, owner, "epoch", change, name)


def _of_training() -> Iterator[Fault]:
    """What a backend may make of a mask, and of what is asked of a network."""
    yield Fault("one other bit", "dropout", "masks", Objective, "masks", _one_other_bit)
    for name, row, (owner, attribute), change in (
        ("validation cost twice", "sgd: history", (Objective, "cost_of"), scaled(2.0)),
        ("validation score halved", "sgd: history", (Metric, "__call__"), scaled(0.5)),
        ("predictions off by 10 %", "sgd: predict", (Network, "predict"), scaled(1.1)),
    ):
        yield Fault(name, "training", row, owner, attribute, change, "numpy")
    row = f"moving, {STEPS} steps"
    yield Fault("a move forgets the optimizer", "trajectories", row, Network, "to", _forgetting)


def _one_other_bit(function: Change, *arguments: Any) -> Any:
    masks = function(*arguments)
    if masks:
        flat = arguments[-1].reshape(masks[0], (-1,))
        flat[0] = 2.0 - flat[0]
    return masks


def _taking(another: Callable[[Any], Any]) -> Change:
    """Return what runs an epoch with another step."""

    def change(function: Change, backend: Any, step: Any, *arguments: Any) -> Any:
        return function(backend, another(step), *arguments)

    return change


def _unclipped(step: Any) -> Any:
    return replace(step, clip_norm=None)


def _undropped(step: Any) -> Any:
    return replace(step, objective=replace(step.objective, drops=False))


def _unpenalized(step: Any) -> Any:
    return replace(step, objective=replace(step.objective, l2=0.0))


def _without_weights(function: Change, *arguments: Any) -> Any:
    *before, epoch, compiled = arguments
    return function(*before, replace(epoch, data=(*epoch.data[:2], None)), compiled)


def _without_decay(function: Change, *arguments: Any) -> Any:
    *before, epoch, compiled = arguments
    rates = [(rate, 0.0) for rate, _ in epoch.rates]
    return function(*before, replace(epoch, rates=rates), compiled)


def _repeating(what: str) -> Change:
    """Return what runs an epoch with that of its first step in every step."""

    def change(function: Change, *arguments: Any) -> Any:
        *before, epoch, compiled = arguments
        first = getattr(epoch, what)[: epoch.batch_size if what == "order" else 1]
        every = np.resize(np.asarray(first), np.shape(getattr(epoch, what)))
        return function(*before, replace(epoch, **{what: every}), compiled)

    return change


def _first_block_alone(
    function: Change, backend: Any, step: Any, state: Any, *arguments: Any
) -> Any:
    before = backend.xp.asarray(state[0], copy=True)
    (theta, *slots), cost = function(backend, step, state, *arguments)
    theta[BLOCK:] = before[BLOCK:]
    return (theta, *slots), cost


def _forgetting(function: Change, net: Network, *arguments: Any) -> Any:
    function(net, *arguments)
    training = training_of(net)
    training.state = tuple(0.0 * slot for slot in training.state)
    return net
