"""A network's layers on the host, as other libraries have them, and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..activations import ACTIVATIONS, Activation
from ..backends import Backend, host
from ..errors import InvalidArgument
from ..losses import LOSSES, Loss
from ..namespace import Array
from ..network import Network, on_host
from ..objective import Perceptron


def check_own(*uses: Activation | Loss) -> None:
    """Refuse another function under a known name: it would be taken for the known one."""
    for used in uses:
        known: Any = ACTIVATIONS if isinstance(used, Activation) else LOSSES
        if known.get(used.name, used) != used:
            raise InvalidArgument(
                f"net uses a {type(used).__name__} of its own called {used.name!r}: the name "
                "means another one elsewhere."
            )


def layers_of(net: Network, *, at_least_float32: bool = False) -> list[tuple[Array, Array]]:
    """Return W, (n[l], n[l-1]), and b, (n[l],), of every layer, on the host."""
    theta = on_host(net, net.theta)
    if at_least_float32 and net.dtype_name == "float16":
        theta = theta.astype("float32")
    check_finite_numbers(theta)
    perceptron_of(net)
    parts = net.objective.unflatten(theta, net.objective.parameters, np)
    return [(W, b.reshape(-1)) for W, b in zip(parts[::2], parts[1::2], strict=True)]


def check_finite_numbers(theta: Array) -> None:
    """Refuse parameters with which nothing can be predicted."""
    if not host.all_finite(theta):
        raise InvalidArgument("net has parameters that are NaN or infinite: wanted finite numbers.")


def perceptron_of(net: Network) -> Perceptron:
    """Return the layers of a network, where all of them are dense, with dropout behind."""
    plain = net.objective.perceptron
    if plain is None:
        raise InvalidArgument(f"{net!r} has layers that are not dense: wanted dense ones alone.")
    return plain


def network_of(
    source: str,
    layers: Sequence[tuple[Array, Array]],
    loss: str | Loss,
    activation: Any,
    output: str | Activation | None,
    dropout: Any,
    backend: str | Backend | None,
    dtype: str | None,
) -> Network:
    """Return a network with these weights, once they are known to fit each other."""
    if not layers:
        raise InvalidArgument(f"{source} has no linear layers: wanted at least one.")
    widths = [layers[0][0].shape[-1] if layers[0][0].ndim else 0]
    for i, (W, b) in enumerate(layers):
        if W.ndim != 2 or W.shape[1] != widths[-1] or b.shape != W.shape[:1]:
            raise InvalidArgument(
                f"{source}: linear layer {i} has a weight of shape {W.shape} and a bias of shape "
                f"{b.shape} after {widths[-1]} units: they do not fit."
            )
        if W.dtype.kind != "f" or not (host.all_finite(W) and host.all_finite(b)):
            raise InvalidArgument(
                f"{source}: linear layer {i} holds numbers of {W.dtype} that are no floats or "
                "not finite: wanted finite floats."
            )
        widths.append(W.shape[0])
    net = Network(
        widths,
        loss,
        activation=activation,
        output=output,
        dropout=dropout,
        initializer="zeros",
        dtype=dtype or str(layers[0][0].dtype),
        backend=backend,
    )
    theta = host.concatenate([array for layer in layers for array in layer])
    if not host.fits(theta, net.dtype_name):
        raise InvalidArgument(f"{source} holds numbers too large for {net.dtype_name}.")
    net.theta = net.backend.asarray(theta, net.dtype)
    return net
