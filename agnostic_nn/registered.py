"""Things with registered names, in terms of JSON: the name, and the settings it was made with."""

from __future__ import annotations

import dataclasses
from typing import Any

from .activations import ACTIVATIONS, Activation
from .checks import look_up_stored
from .errors import InvalidArgument, shown
from .layer import Layer
from .layers import LAYERS
from .losses import LOSSES, Loss
from .optimizers import OPTIMIZERS, Optimizer
from .schedules import SCHEDULES, Schedule
from .values import settings

#: Of what can be made anew from its settings: its registry, and that of what stands in them.
_MADE: dict[str, tuple[type, dict[str, Any], str]] = {
    "OPTIMIZERS": (Optimizer, OPTIMIZERS, "SCHEDULES"),
    "SCHEDULES": (Schedule, SCHEDULES, "SCHEDULES"),
    "LAYERS": (Layer, LAYERS, "LAYERS"),
}


def to_json(thing: Optimizer | Schedule | Layer) -> dict[str, Any]:
    """Return a thing in terms of JSON: its registered name and its settings."""
    registry = next(name for name, (kind, *_) in _MADE.items() if isinstance(thing, kind))
    known = _MADE[registry][1]
    name = next((name for name, kind in known.items() if kind is type(thing)), None)
    if name is None:
        raise InvalidArgument(
            f"{type(thing).__name__} has no name that a file could call it by: put it "
            f"into agnostic_nn.{registry} under one first."
        )
    if not dataclasses.is_dataclass(thing):
        raise InvalidArgument(
            f"{type(thing).__name__} is no dataclass, so a file cannot keep its settings: "
            "wanted one."
        )
    fields = [each.name for each in dataclasses.fields(thing) if each.init]
    if beside := sorted(settings(thing).keys() - {*fields}):
        raise InvalidArgument(
            f"{type(thing).__name__} has settings that a file cannot keep, {', '.join(beside)}: "
            "make it a dataclass, and them its fields."
        )
    return {"name": name} | {key: plain(key, getattr(thing, key)) for key in fields}


def from_json(content: dict[str, Any], registry: str, where: str) -> Any:
    """Return what `to_json` described."""
    _, known, inside = _MADE[registry]

    def made(value: Any) -> Any:
        if isinstance(value, list):
            return tuple(made(each) for each in value)
        if not isinstance(value, dict):
            return value
        if "activation" in value and "name" not in value:
            return stored_activation(value["activation"], where)
        # what stands in a layer may be a schedule as well
        return from_json(value, "SCHEDULES" if value["name"] in SCHEDULES else inside, where)

    given = dict(content)
    kind = look_up_stored(where, registry, given.pop("name"), known)
    return kind(**{key: made(value) for key, value in given.items()})


def plain(name: str, value: Any) -> Any:
    """Return a setting in terms of JSON."""
    if isinstance(value, (Schedule, Layer)):
        return to_json(value)
    if isinstance(value, Activation):
        return {"activation": registered_name(value)}
    if isinstance(value, (list, tuple)):
        return [plain(name, each) for each in value]
    try:
        if value is None or isinstance(value, (bool, int, str)):
            return value
        return int(value) if not isinstance(value, float) and int(value) == value else float(value)
    except (TypeError, ValueError, OverflowError):
        raise InvalidArgument(
            f"{name}={shown(value)} cannot be kept in a file: wanted a number, a text, a Schedule "
            "or a Layer."
        ) from None


def registered_name(used: Activation | Loss) -> str:
    """Return the name of a function; raise where a file's reader would take it for another."""
    known: Any = ACTIVATIONS if isinstance(used, Activation) else LOSSES
    if known.get(used.name, used) != used:
        raise InvalidArgument(
            f"net uses a {type(used).__name__} of its own called {used.name!r}, and another "
            "one is registered under that name: give it a name of its own."
        )
    return used.name


def stored_activation(name: Any, where: str) -> Activation:
    """Return the activation that a file calls by that name."""
    return look_up_stored(where, "ACTIVATIONS", name, ACTIVATIONS, "the activation ")


def stored_loss(name: Any, where: str) -> Loss:
    """Return the loss that a file calls by that name."""
    return look_up_stored(where, "LOSSES", name, LOSSES, "the loss ")
