"""Where training stands, as a file keeps it: tensors, and the rest in terms of JSON."""

from __future__ import annotations

from typing import Any

import numpy as np

from .backends import host
from .checks import check_number
from .errors import InvalidArgument, InvalidType, shown
from .namespace import Array
from .network import Network, on_host, training_of
from .registered import from_json, to_json
from .training_state import Training

#: What the names of its tensors in a file begin with.
PREFIX = "training."


def pack_training(net: Network) -> tuple[dict[str, Array], dict[str, Any]]:
    """Return where training stands as tensors of the host by name, and the rest as JSON."""
    training = training_of(net)
    tensors = {
        f"{PREFIX}optimizer.{i}": on_host(net, slot) for i, slot in enumerate(training.state)
    }
    tensors |= {
        f"{PREFIX}history.{name}": _numbers(name, values)
        for name, values in training.history.items()
    }
    return tensors, {
        "optimizer": to_json(training.optimizer),
        "step": training.step,
        "epoch": training.epoch,
        "history": list(training.history),
    }


def unpack_training(
    net: Network, tensors: dict[str, Array], stored: dict[str, Any], where: str
) -> Training:
    """Return what `pack_training` made tensors and JSON of."""
    rule = from_json(stored["optimizer"], "OPTIMIZERS", where)
    for name in ("step", "epoch"):
        check_number(name, stored[name], at_least=0, integer=True)
    if not isinstance(stored["history"], list):
        raise InvalidType(f"history={shown(stored['history'])}: wanted a list of names.")
    slots = [tensors[f"{PREFIX}optimizer.{i}"] for i in range(rule.slots)]
    return Training(
        rule,
        tuple(vector(net, slot, net.theta) for slot in slots),
        stored["step"],
        stored["epoch"],
        {name: _values(name, tensors) for name in stored["history"]},
    )


def vector(net: Network, tensor: Array, like: Array) -> Array:
    """Return a tensor of the file as a vector like that one, which may be written to."""
    if tensor.shape != tuple(like.shape) or tensor.dtype.kind != "f":
        raise ValueError(
            f"{tensor.dtype} of shape {tensor.shape}, wanted shape {tuple(like.shape)}"
        )
    return net.backend.asarray(host.concatenate([tensor]), net.dtype)


def _numbers(name: str, values: Any) -> Array:
    try:
        return np.asarray([float(value) for value in values])
    except (TypeError, ValueError):
        raise InvalidArgument(
            f"history[{name!r}] holds something else than numbers, which a file cannot keep."
        ) from None


def _values(name: str, tensors: dict[str, Array]) -> list[float]:
    tensor = tensors[f"{PREFIX}history.{name}"]
    if tensor.ndim != 1 or tensor.dtype.name != "float64":
        raise ValueError(
            f"history {name!r}: {tensor.dtype} of shape {tensor.shape}, wanted a row of float64"
        )
    return list(map(int if name == "epoch" else float, tensor))
