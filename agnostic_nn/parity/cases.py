"""What parity compares: every equation of the package, each with data to run it on.

The cases walk the registries, so a new activation, loss or optimizer is compared without a line
here. A case calls the package's own functions, from the same bits on every backend.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from .. import losses, optimizers, propagation
from ..activations import ACTIVATIONS, get_activation
from ..backends import get_backend, host
from ..dropout import step_keys
from ..losses import LOSSES
from ..namespace import Array, Namespace
from ..objective import Objective
from ..optimizers import OPTIMIZERS

#: Layer l has N units, layer l-1 has N_PREV; M examples. One shape serves all elementwise cases,
#: because some libraries compile anew for every shape.
N, N_PREV, M = 10, 64, 100

#: Where activations saturate, bend, or meet the end of a dtype's range.
EDGES = (0.0, 1e-3, -1e-3, 1.0, -1.0, 20.0, -20.0, 80.0, -80.0, 100.0, -100.0)

#: Every optimizer takes this many steps.
UPDATES = 4


@dataclass(frozen=True)
class Case:
    """One thing to run on every backend.

    Attributes
    ----------
    group : str
        The part of the table.
    run : callable
        ``(arrays, xp)`` to a dict: a row's name, and the arrays to compare.
    inputs : tuple of host arrays
        In float64; they are rounded to the dtype once, before any backend sees them.
    """

    group: str
    run: Callable[[list[Array], Namespace], dict[str, list[Array]]]
    inputs: tuple[Array, ...]


def equations() -> Iterator[Case]:
    """Yield a layer forward, the four equations of a layer back, and L layers with their cost."""
    draw = host.generator(0).standard_normal
    A_prev, W, b, dA = draw((N_PREV, M)), draw((N, N_PREV)) / 8.0, draw((N, 1)), draw((N, M))
    Z = W @ A_prev + b
    Y = 1.0 * (draw((N, M)) > 0.0)
    weight = 0.5 + host.generator(1).random((1, M))

    def forward(arrays: list[Array], xp: Namespace) -> dict[str, list[Array]]:
        A_prev, W, b = arrays
        A, cache = propagation.forward_propagation_layer(A_prev, W, b, "tanh", xp=xp)
        return {"Z = W A_prev + b": [cache.Z], "A = g(Z)": [A]}

    def backward(arrays: list[Array], xp: Namespace) -> dict[str, list[Array]]:
        dA, cache = arrays[0], propagation.LayerCache(*arrays[1:])
        dA_prev, dW, db = propagation.backward_propagation_layer(dA, cache, "tanh", xp=xp)
        dZ = get_activation("tanh").backward(dA, cache.Z, xp=xp)
        return {
            "Eq. 1: dZ = dA g'(Z)": [dZ],
            "Eq. 2: dW = 1/m dZ A_prev.T": [dW],
            "Eq. 3: db = 1/m sum dZ": [db],
            "Eq. 4: dA_prev = W.T dZ": [dA_prev],
        }

    def ends(arrays: list[Array], xp: Namespace) -> dict[str, list[Array]]:
        of = {"sample_weight": arrays[2], "from_logits": True, "xp": xp}
        return {
            "J = 1/m sum of losses": [losses.compute_cost(*arrays[:2], **of)],
            "dZ[L], weighted": [losses.initialize_backward(*arrays[:2], **of)],
        }

    yield Case("equations", forward, (A_prev, W, b))
    yield Case("equations", backward, (dA, Z, A_prev, W, b))
    yield Case("equations", ends, (Z[:1, :], Y[:1, :], weight))
    yield whole_network(A_prev[:N, :], Y[:1, :])


def whole_network(X: Array, Y: Array) -> Case:
    """Build the case of L layers forward and back, with dropout, L2 and a clipped gradient."""
    objective = Objective.of(
        (N, N, N, 1), "binary_cross_entropy", ("gelu", "relu"), dropout=(0.5, 0.0), l2=0.01
    )
    draw = host.generator(2).standard_normal
    theta = draw(objective.size) / 4.0
    mask = 2.0 * (draw((N, M)) > 0.0)

    def run(arrays: list[Array], xp: Namespace) -> dict[str, list[Array]]:
        theta, X, Y, mask = arrays
        cost, gradient, _ = objective.cost_and_gradient(theta, None, X, Y, masks=(mask,), xp=xp)
        clipped = optimizers.clip_by_global_norm(gradient, 0.1, xp)
        return {
            "L layers: cost": [cost],
            "L layers: gradient": [gradient],
            "clipped gradient": [clipped],
        }

    return Case("equations", run, (theta, X, Y, mask))


def activations() -> Iterator[Case]:
    """Yield every activation and its Eq. 1."""
    draw = host.generator(3).standard_normal
    Z, dA = 2.0 * draw((N, M)), draw((N, M))
    Z.reshape(-1)[: len(EDGES)] = EDGES
    for name in ACTIVATIONS:
        yield Case("activations", _activation(name), (Z, dA))


def _activation(name: str) -> Callable[[list[Array], Namespace], dict[str, list[Array]]]:
    def run(arrays: list[Array], xp: Namespace) -> dict[str, list[Array]]:
        (Z, dA), g = arrays, ACTIVATIONS[name]
        return {name: [g(Z, xp=xp)], f"{name}, Eq. 1": [g.backward(dA, Z, xp=xp)]}

    return run


def of_losses() -> Iterator[Case]:
    """Yield every loss with dA[L], and where it has one, its form from the logits with dZ[L]."""
    random = host.generator(4)
    Z = 2.0 * random.standard_normal((N, M))
    classes = random.integers(0, N, M)
    targets = {  # what the output activation of a loss says about its targets
        "sigmoid": 1.0 * (random.random((N, M)) < 0.5),
        "softmax": 1.0 * (host.asarray(range(N))[:, None] == classes[None, :]),
        "exponential": 1.0 * random.poisson(1.5, (N, M)),
    }
    anything = random.standard_normal((N, M))
    for name, loss in LOSSES.items():
        A = loss.activation(Z, xp=get_backend("numpy").xp)
        Y = targets.get(loss.activation.name, anything)
        yield Case("losses", _loss(name), (A, Y))
        if loss.of_logits is not None:
            yield Case("losses", _loss_of_logits(name), (Z, Y))


def _loss(name: str) -> Callable[[list[Array], Namespace], dict[str, list[Array]]]:
    def run(arrays: list[Array], xp: Namespace) -> dict[str, list[Array]]:
        (A, Y), loss = arrays, LOSSES[name]
        of_A, dA = loss.function(A, Y, xp=xp), loss.derivative(A, Y, xp=xp)
        return {name: [of_A], f"{name}, dA[L]": [dA]}

    return run


def _loss_of_logits(name: str) -> Callable[[list[Array], Namespace], dict[str, list[Array]]]:
    def run(arrays: list[Array], xp: Namespace) -> dict[str, list[Array]]:
        (Z, Y), loss = arrays, LOSSES[name]
        of_Z, dZ = loss.logit_function(Z, Y, xp=xp), loss.logit_derivative(Z, Y, xp=xp)
        return {f"{name}, of logits": [of_Z], f"{name}, dZ[L]": [dZ]}

    return run


def updates() -> Iterator[Case]:
    """Yield every optimizer: theta and state after a few steps, and the decay of weights."""
    random = host.generator(5)
    theta = random.standard_normal(M)
    theta[: M // 2] = 0.0  # there theta becomes the sum of its steps, and nothing hides them
    decayed = 1.0 * (host.asarray(range(M)) % 4 > 0)
    gradients = random.standard_normal((UPDATES, M)) + 1.0
    for name in OPTIMIZERS:
        yield Case("optimizers", _update(name), (theta, decayed, *gradients))


def _update(name: str) -> Callable[[list[Array], Namespace], dict[str, list[Array]]]:
    def run(arrays: list[Array], xp: Namespace) -> dict[str, list[Array]]:
        rule = OPTIMIZERS[name]()
        alpha = rule.schedule(0.0, 1, ())
        theta, decayed, *gradients = arrays
        state = rule.initial_state(theta, xp)
        for t, gradient in enumerate(gradients, 1):
            if rule.decays:
                theta = optimizers.decay_weights(
                    theta, decayed, alpha * rule.decay_schedule(0.0, 1)
                )
            theta, state = rule.update(theta, gradient, state, rule.rate(alpha, t), xp)
        return {name: [theta, *state]}

    return run


def dropout_mask(backend: Any, dtype: str) -> list[Array]:
    """Draw the masks of a step, which are the same bits on every backend."""
    xp = backend.xp
    objective = Objective.of((N_PREV, N, N_PREV, 1), "squared_error", dropout=(0.5, 0.1))
    rows = backend.asarray(host.asarray([[0.0] * N_PREV] * M), backend.dtype(dtype))
    step = backend.asarray(host.asarray([7]), xp.int32)
    return list(objective.masks(step_keys(2**40 + 3, 2, step, xp)[0, ...], rows, xp))
