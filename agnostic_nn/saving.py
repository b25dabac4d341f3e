"""Model files: safetensors with a JSON description and a digest; nothing in them is executed.

The tensors are `layers.0.weight`, (n[1], n[0]), `layers.0.bias`, (n[1],), and so on, so that any
reader of safetensors can use them; what an optimizer remembers is under names of its own beside
them. All else is one JSON string in the file's metadata.
"""

from __future__ import annotations

import math
import os
from typing import Any

from . import descriptions
from .backends import Backend, host
from .checks import check_flag
from .container import Container, pack, safetensors, taking_apart
from .errors import InvalidArgument, InvalidType, OutOfMemory
from .files import where_is, write
from .namespace import Array
from .network import Network, on_host
from .training_files import PREFIX, pack_training, unpack_training


def save(
    net: Any,
    path: str | os.PathLike[str],
    *,
    preparation: dict[str, Any] | None = None,
    training: bool = False,
) -> None:
    """Write a network, or that of a fitted estimator, as `models.save` says."""
    net = getattr(net, "network_", net)
    if not isinstance(net, Network):
        raise InvalidType(
            f"net is of type {type(net).__name__}: wanted a Network or a fitted estimator."
        )
    check_flag("training", training)
    tensors: dict[str, Array] = {}
    more: dict[str, Any] = {} if preparation is None else {"preparation": preparation}
    if training and net.training is not None:
        tensors, more["training"] = pack_training(net)
    write(path, encode(net, tensors, **more))


def encode(net: Network, tensors: dict[str, Array] | None = None, **more: Any) -> bytes:
    """Return the bytes of a network's file, with more tensors of the host and more description."""
    description = descriptions.describe(net)
    tensors = _parts(net) | (tensors or {})
    return pack(tensors, description | more, next(iter(more), "description"))


def _parts(net: Network) -> dict[str, Array]:
    """Return theta and the buffers in parts, on the host."""
    numbers = host.concatenate([on_host(net, vector) for vector in (net.theta, net.buffers)])
    tensors: dict[str, Array] = {}
    start = 0
    for name, shape in descriptions.layout_of(net).items():
        stop = start + math.prod(shape)
        tensors[name] = numbers[start:stop].reshape(shape)
        start = stop
        if not host.all_finite(tensors[name]):
            raise InvalidArgument(
                f"net cannot be saved: {name} holds NaN or infinity, as after training that "
                "diverged."
            )
    return tensors


def load(
    path: str | os.PathLike[str],
    *,
    backend: str | Backend | None = None,
    dtype: str | None = None,
    training: bool = False,
) -> Network:
    """Read a network that `save` wrote, as `models.load` says."""
    check_flag("training", training)
    net, _, _ = decode(path, backend=backend, dtype=dtype, training=training)
    return net


def load_with_preparation(
    path: str | os.PathLike[str],
    *,
    backend: str | Backend | None = None,
    dtype: str | None = None,
) -> tuple[Network, dict[str, Any] | None]:
    """Read a network, and the preparation that was saved with it.

    Parameters
    ----------
    path, backend, dtype
        As for `load`.

    Returns
    -------
    net : Network
    preparation : dict or None
    """
    net, description, _ = decode(path, backend=backend, dtype=dtype)
    return net, description.get("preparation")


def describe(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Return the description in a network's file, before its digest has been looked at."""
    file = Container.read(path, tensors=False)
    descriptions.check_format(file.description, file.where)
    return file.description


def decode(
    path: str | os.PathLike[str],
    *,
    backend: str | Backend | None = None,
    dtype: str | None = None,
    training: bool = False,
) -> tuple[Network, dict[str, Any], dict[str, Array]]:
    """Read a network's file: the network, the description, and all tensors by name."""
    where = where_is(path)
    safetensors()  # where it is missing, that is what to say
    try:
        return _decode(Container.read(path), backend, dtype, training)
    except MemoryError as error:
        raise OutOfMemory(f"{where}: there is too little memory for the file.") from error


def _decode(
    file: Container, backend: str | Backend | None, dtype: str | None, training: bool
) -> tuple[Network, dict[str, Any], dict[str, Array]]:
    where, description = file.where, file.description
    found = descriptions.Described.of(file, backend, dtype)
    tensors = file.tensors()
    for name, tensor in tensors.items():
        # what an optimizer remembers may well be infinite: a squared gradient in float16
        if not (name.startswith(PREFIX) or host.all_finite(tensor)):
            raise InvalidArgument(f"{where}: {name} holds NaN or infinity: wanted finite numbers.")
    numbers = host.concatenate([tensors[name] for name in found.layout])
    if not host.fits(numbers, found.dtype):
        raise InvalidArgument(f"{where} holds numbers too large for dtype={found.dtype!r}.")
    size = found.objective.size
    net = Network.holding(
        found.objective,
        numbers[:size],
        numbers[size:],
        seed=found.seed,
        dtype=found.dtype,
        backend=backend if backend is None else found.backend,
    )
    if training and "training" in description:
        with taking_apart(where):
            net.training = unpack_training(net, tensors, description["training"], where)
    return net, description, tensors
