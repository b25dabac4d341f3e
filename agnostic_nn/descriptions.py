"""What a model file says of a network, format by format.

A description is what JSON can hold; the parameters are tensors beside it, by names that any reader
of safetensors can use. A format says how a description is read; those of earlier versions stay.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from .backends import Backend, get_backend
from .checks import check_number
from .container import Container, taking_apart
from .errors import InvalidArgument, shown
from .layer import Buffer, Parameter
from .network import Network
from .objective import Objective
from .registered import from_json, registered_name, stored_activation, stored_loss, to_json
from .training_files import PREFIX
from .version import __version__

#: A file with more layers than this is refused.
MOST_LAYERS = 10_000

_ITEM_SIZE = {"F16": 2, "F32": 4, "F64": 8}
_CODES = {"float16": "F16", "bfloat16": "F32", "float32": "F32", "float64": "F64"}

#: The parts of theta, and then of the buffers, by name, each with its shape, in their order.
Layout = dict[str, list[int]]


@dataclass(frozen=True)
class Format:
    """How descriptions of one format are read.

    Attributes
    ----------
    objective : callable
        ``(description, where) -> Objective``, which must take no more memory than the description
        does.
    layout : callable
        ``objective -> Layout``.
    """

    objective: Callable[[dict[str, Any], str], Objective]
    layout: Callable[[Objective], Layout]


def describe(net: Network) -> dict[str, Any]:
    """Return the description of a network, in the newest format."""
    objective = net.objective
    layers = objective.layers.layers
    if len(layers) > MOST_LAYERS:
        raise InvalidArgument(f"net has {len(layers):,} layers: wanted at most {MOST_LAYERS:,}.")
    return {
        "format_version": FORMAT_VERSION,
        "version": __version__,
        "features": objective.features,
        "layers": [to_json(layer) for layer in layers],
        "output": registered_name(objective.output),
        "loss": registered_name(objective.loss),
        "l2": objective.l2,
        "seed": net.seed,
        "dtype": net.dtype_name,
    }


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


def layout_of(net: Network) -> Layout:
    """Return what the parts of a network are called in a file of the newest format."""
    layout = FORMATS[FORMAT_VERSION].layout(net.objective)
    if len(layout) < len(net.objective.parameters) + len(net.objective.buffers):
        raise InvalidArgument(f"{net!r} has a layer with two arrays of one name: wanted different.")
    return layout


@dataclass(frozen=True)
class Described:
    """What a file says of a network, once its tensors are known to fit."""

    objective: Objective
    layout: Layout
    backend: Backend
    dtype: str
    seed: int

    @classmethod
    def of(cls, file: Container, backend: str | Backend | None, dtype: str | None) -> Described:
        """Read it, before room is made for any tensor."""
        description, where = file.description, file.where
        check_format(description, where)
        with taking_apart(where):
            read = FORMATS[description["format_version"]]
            objective = read.objective(description, where)
            layout = read.layout(objective)
            _check_tensors(layout, description, file.header, where)
            check_number("seed", description["seed"], at_least=0, below=2**63, integer=True)
        home = get_backend(backend)
        if dtype is not None:
            home.dtype(dtype)
        elif not hasattr(home.xp, description["dtype"]):
            raise InvalidArgument(
                f"{where} holds {description['dtype']} numbers, which the backend {home.name!r} "
                "has not: load it with dtype='float32'."
            )
        name = dtype or description["dtype"]
        return cls(objective, layout, home, name, description["seed"])


def _check_tensors(
    wanted: Layout, description: dict[str, Any], header: dict[str, Any], where: str
) -> None:
    """The tensors of the header must be those of the description."""
    code = _CODES[description["dtype"]]
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


# Format 1: dense layers in a row


def _objective_1(description: dict[str, Any], where: str) -> Objective:
    widths = description["widths"]
    if not isinstance(widths, list) or not all(type(n) is int and n > 0 for n in widths):
        raise TypeError(f"widths={shown(widths)}")
    if len(widths) > MOST_LAYERS + 1:
        raise InvalidArgument(f"{len(widths) - 1:,} layers: wanted at most {MOST_LAYERS:,}.")
    *hidden, output = [stored_activation(name, where) for name in description["activations"]]
    if not len(hidden) == len(description["dropout"]) == len(widths) - 2:
        raise ValueError("not one activation and dropout for each layer")
    loss = stored_loss(description["loss"], where)
    return Objective.of(widths, loss, hidden, output, description["dropout"], description["l2"])


def _layout_1(objective: Objective) -> Layout:
    layout: Layout = {}
    parameters = objective.parameters
    for i, (W, b) in enumerate(zip(parameters[::2], parameters[1::2], strict=True)):
        layout |= {f"layers.{i}.weight": list(W.shape), f"layers.{i}.bias": [b.size]}
    return layout


# Format 2: any layers, each by its registered name with its settings


def _objective_2(description: dict[str, Any], where: str) -> Objective:
    layers, features = description["layers"], description["features"]
    if not isinstance(layers, list) or type(features) is not int:
        raise TypeError(f"layers={shown(layers)}, features={shown(features)}")
    if len(layers) > MOST_LAYERS:
        raise InvalidArgument(f"{len(layers):,} layers: wanted at most {MOST_LAYERS:,}.")
    return Objective.of(
        [features, *(from_json(layer, "LAYERS", where) for layer in layers)],
        stored_loss(description["loss"], where),
        output=stored_activation(description["output"], where),
        l2=description["l2"],
    )


def _layout_2(objective: Objective) -> Layout:
    held: tuple[Parameter | Buffer, ...] = (*objective.parameters, *objective.buffers)
    return {f"layers.{each.name}": list(each.shape) for each in held}


#: A new format is an entry here; those before it stay, with a file of each among the tests' data.
FORMATS = {1: Format(_objective_1, _layout_1), 2: Format(_objective_2, _layout_2)}

#: What this version writes, and the newest it reads.
FORMAT_VERSION = max(FORMATS)
