"""What a model file says of a network, format by format.

A description is what JSON can hold; the parameters are tensors beside it, by names that any reader
of safetensors can use. A format says how a description is read; those of earlier versions stay.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from .activations import ACTIVATIONS
from .backends import Backend, get_backend
from .checks import look_up_stored
from .container import Container, taking_apart
from .errors import InvalidArgument, shown
from .losses import LOSSES
from .network import Network
from .training_state import PREFIX
from .version import __version__

#: A file with more layers than this is refused.
MOST_LAYERS = 10_000

_ITEM_SIZE = {"F16": 2, "F32": 4, "F64": 8}
_CODES = {"float16": "F16", "bfloat16": "F32", "float32": "F32", "float64": "F64"}

#: The parts of theta by name, each with its shape, in theta's order.
Layout = dict[str, list[int]]


@dataclass(frozen=True)
class Format:
    """How descriptions of one format are read.

    Attributes
    ----------
    layout : callable
        ``description -> Layout``, which must take no more memory than the description does.
    arguments : callable
        ``(description, where) -> dict``: what `Network` is called with.
    """

    layout: Callable[[dict[str, Any]], Layout]
    arguments: Callable[[dict[str, Any], str], dict[str, Any]]


def describe(net: Network) -> dict[str, Any]:
    """Return the description of a network, in the newest format."""
    _check_registered(net)
    architecture = net.architecture
    if architecture.depth > MOST_LAYERS:
        raise InvalidArgument(
            f"net has {architecture.depth:,} layers: wanted at most {MOST_LAYERS:,}."
        )
    return {
        "format_version": FORMAT_VERSION,
        "version": __version__,
        "widths": list(architecture.widths),
        "activations": [g.name for g in architecture.activations],
        "loss": architecture.loss.name,
        "dropout": list(architecture.dropout[:-1]),
        "l2": architecture.l2,
        "seed": net.seed,
        "dtype": net.dtype_name,
    }


def _check_registered(net: Network) -> None:
    """Refuse what would be read back as something else."""
    uses: list[tuple[dict[str, Any], Any]] = [
        *((ACTIVATIONS, g) for g in net.architecture.activations),
        (LOSSES, net.architecture.loss),
    ]
    for known, used in uses:
        if known.get(used.name, used) != used:
            raise InvalidArgument(
                f"net uses a {type(used).__name__} of its own called {used.name!r}, and another "
                "one is registered under that name: give it a name of its own."
            )


def check_format(description: dict[str, Any], where: str) -> None:
    """Refuse a description of a format that this version does not read."""
    version = description.get("format_version")
    if isinstance(version, int) and version > FORMAT_VERSION:
        raise InvalidArgument(
            f"{where} has format version {shown(version)}, written by agnostic_nn "
            f"{shown(description.get('version'))}; this version reads up to {FORMAT_VERSION}: "
            "wanted a later agnostic_nn."
        )
    if type(version) is not int or version not in FORMATS:
        raise InvalidArgument(
            f"{where}: format_version={shown(version)}: the file is damaged, "
            f"wanted {' or '.join(map(str, FORMATS))}."
        )


def layout_of(description: dict[str, Any]) -> Layout:
    """Return what the parts of theta are called in the file, and their shapes."""
    return FORMATS[description["format_version"]].layout(description)


def network_of(file: Container, backend: str | Backend | None, dtype: str | None) -> Network:
    """Return the network, with zeros for parameters, once the tensors are known to fit it."""
    description, where = file.description, file.where
    check_format(description, where)
    with taking_apart(where):
        arguments = FORMATS[description["format_version"]].arguments(description, where)
        _check_tensors(description, file.header, where)
    home = get_backend(backend)
    if dtype is not None:
        home.dtype(dtype)
    elif not hasattr(home.xp, description["dtype"]):
        raise InvalidArgument(
            f"{where} holds {description['dtype']} numbers, which the backend {home.name!r} has "
            "not: load it with dtype='float32'."
        )
    with taking_apart(where):
        return Network(
            **arguments,
            dtype=dtype or description["dtype"],
            backend=backend,
            initializer="zeros",
        )


def _check_tensors(description: dict[str, Any], header: dict[str, Any], where: str) -> None:
    """The tensors of the header must be those of the description, before room is made for them."""
    code = _CODES[description["dtype"]]
    wanted = layout_of(description)
    training = "training" in description  # has tensors of its own
    found = {name for name in header if not (training and name.startswith(PREFIX))}
    if found != set(wanted):
        raise InvalidArgument(
            f"{where} holds the tensors {_names(found)}: wanted {_names(wanted)}."
        )
    for name, shape in wanted.items():
        entry = header[name]
        if entry["shape"] != shape or entry["dtype"] != code:
            raise InvalidArgument(
                f"{where}: {name} is {shown(entry['dtype'])} of shape {shown(entry['shape'])}, "
                f"wanted {code} of shape {shape}."
            )
        start, end = entry["data_offsets"]
        if end - start != _ITEM_SIZE[code] * math.prod(shape):
            raise InvalidArgument(f"{where}: the file is damaged: {name} has the wrong size.")


def _names(names: Iterable[str]) -> str:
    first = sorted(names)[:6]
    return (", ".join(shown(name) for name in first) or "none") + ", ..." * (len(first) > 5)


# Format 1: fully connected layers


def _layout_1(description: dict[str, Any]) -> Layout:
    widths = description["widths"]
    if not isinstance(widths, list) or not all(type(n) is int and n > 0 for n in widths):
        raise TypeError(f"widths={shown(widths)}")
    if len(widths) > MOST_LAYERS + 1:
        raise InvalidArgument(f"{len(widths) - 1:,} layers: wanted at most {MOST_LAYERS:,}.")
    layout: Layout = {}
    for i, (n_prev, n) in enumerate(itertools.pairwise(widths)):
        layout |= {f"layers.{i}.weight": [n, n_prev], f"layers.{i}.bias": [n]}
    return layout


def _arguments_1(description: dict[str, Any], where: str) -> dict[str, Any]:
    *hidden, output = [
        look_up_stored(where, "ACTIVATIONS", name, ACTIVATIONS, "the activation ")
        for name in description["activations"]
    ]
    arguments = {name: description[name] for name in ("widths", "dropout", "l2", "seed")}
    if not len(hidden) == len(arguments["dropout"]) == len(arguments["widths"]) - 2:
        raise ValueError("not one activation and dropout for each layer")
    loss = look_up_stored(where, "LOSSES", description["loss"], LOSSES, "the loss ")
    return arguments | {"loss": loss, "activation": hidden, "output": output}


#: A new format is an entry here; those before it stay, with a file of each among the tests' data.
FORMATS = {1: Format(_layout_1, _arguments_1)}

#: What this version writes, and the newest it reads.
FORMAT_VERSION = max(FORMATS)
