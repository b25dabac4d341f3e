"""Networks as the members of one, which is trained, saved and predicts as any other; and back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from .backends import host
from .errors import InvalidArgument, InvalidType, shown
from .layer import Buffer, Parameter
from .layers import Ensemble, Layer, Sequential
from .namespace import Array
from .network import Network, check_network, on_host


def side_by_side(networks: Sequence[Network]) -> Network:
    """Return networks of the same layers as one network, the mean of whose members it predicts.

    Training it trains all of them, as one batched program, on the same minibatches in the same
    order; with that order each learns as it would alone, but for rounding and for its dropout
    masks. What they have learned before is kept; training begins anew.

    Parameters
    ----------
    networks : sequence of Network
        They differ in their parameters and seeds alone. Order and dropout are those of the first
        one's seed.

    Returns
    -------
    Network
        Of one layer, an `Ensemble`; of one network alone, that network.

    Raises
    ------
    InvalidType
        If `networks` is no list of networks.
    InvalidArgument
        If there are none, or they differ in anything else.

    Examples
    --------
    >>> nets = [Network([2, 3, 1], "squared_error", seed=seed) for seed in range(4)]
    >>> net = side_by_side(nets)
    >>> [array.shape for array in net.parameters[0]]
    [(4, 3, 2), (4, 3, 1), (4, 1, 3), (4, 1, 1)]
    >>> X = [[0.5, -1.0]]
    >>> mean = sum(each.predict(X) for each in nets) / 4
    >>> bool(abs(net.predict(X) - mean) < 1e-6)
    True
    """
    if not isinstance(networks, (list, tuple)):
        raise InvalidType(f"networks={shown(networks)}: wanted a list of networks.")
    if not networks:
        raise InvalidArgument("networks=[]: wanted at least one.")
    first: Network = networks[0]
    for net in networks:
        check_network(net)
        for what in ("objective", "dtype_name", "backend"):
            if getattr(net, what) != getattr(first, what):
                raise InvalidArgument(
                    f"networks holds {first!r} and {net!r}: wanted networks that differ in their "
                    "parameters alone."
                )
    if len(networks) == 1:
        return first
    objective = first.objective
    layers: tuple[Layer, ...] = (Ensemble(objective.layers.layers, len(networks)),)

    def stacked(name: str, parts: Sequence[Parameter | Buffer]) -> Array:
        held = [
            objective.unflatten(on_host(net, getattr(net, name)), parts, np) for net in networks
        ]
        arrays = [np.stack(each) for each in zip(*held, strict=True)]
        return host.concatenate(arrays) if arrays else np.zeros(0)

    net = Network.holding(
        replace(objective, layers=Sequential(layers)),
        stacked("theta", objective.parameters),
        stacked("buffers", objective.buffers),
        seed=first.seed,
        dtype=first.dtype_name,
        backend=first.backend,
    )
    net.backend_was_chosen = first.backend_was_chosen
    return net


def members_of(network: Network) -> list[Network]:
    """Return the members of what `side_by_side` made, each as a network of its own.

    Parameters
    ----------
    network : Network
        Of one layer, an `Ensemble`.

    Returns
    -------
    list of Network
        With copies of the parameters as they are now.

    Raises
    ------
    InvalidArgument
        If the network is another one.

    Examples
    --------
    >>> net = Network([2, 1], "squared_error", dtype="float64")
    >>> twice = members_of(side_by_side([net, net]))
    >>> [bool((each.theta == net.theta).all()) for each in twice]
    [True, True]
    """
    check_network(network)
    objective, layers = network.objective, network.objective.layers.layers
    ensemble = layers[0]
    if len(layers) > 1 or not isinstance(ensemble, Ensemble):
        raise InvalidArgument(f"network is {network!r}: wanted one of a single layer, an Ensemble.")
    of_each = replace(objective, layers=Sequential(ensemble.layers))

    def part(j: int, name: str, parts: Sequence[Parameter | Buffer]) -> Array:
        held = objective.unflatten(on_host(network, getattr(network, name)), parts, np)
        return host.concatenate([array[j] for array in held]) if held else np.zeros(0)

    return [
        Network.holding(
            of_each,
            part(j, "theta", objective.parameters),
            part(j, "buffers", objective.buffers),
            seed=network.seed,
            dtype=network.dtype_name,
            backend=network.backend,
        )
        for j in range(ensemble.k)
    ]
