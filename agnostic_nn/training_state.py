"""Where training stands, so that it can go on: here, on another backend, or from a file."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any, Self

from .backends import host
from .checks import check_number, look_up_stored
from .errors import InvalidArgument, InvalidType, shown
from .namespace import Array
from .network import Network, on_host
from .optimizers import OPTIMIZERS, Optimizer, State
from .schedules import SCHEDULES, Schedule
from .values import settings

#: Epoch by epoch: "epoch", "cost", "learning_rate", "seconds", and with a validation set
#: "validation_cost" and "validation_score".
History = dict[str, list[float]]

#: What the names of its tensors in a file begin with.
PREFIX = "training."

_REGISTRIES: dict[str, dict[str, Any]] = {"OPTIMIZERS": OPTIMIZERS, "SCHEDULES": SCHEDULES}


@dataclass
class Training:
    """Where training stands."""

    optimizer: Optimizer
    state: State
    step: int = 0
    epoch: int = 0
    history: History = field(default_factory=dict)
    compiled: dict[Any, Any] = field(default_factory=dict, repr=False)  # the backend's own

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"compiled": {}}  # copies and pickles leave it behind

    def pack(self, net: Network) -> tuple[dict[str, Array], dict[str, Any]]:
        """Return it as tensors of the host by name, and the rest in terms of JSON."""
        tensors = {
            f"{PREFIX}optimizer.{i}": on_host(net, slot) for i, slot in enumerate(self.state)
        }
        tensors |= {
            f"{PREFIX}history.{name}": _numbers(name, v) for name, v in self.history.items()
        }
        return tensors, {
            "optimizer": to_json(self.optimizer),
            "step": self.step,
            "epoch": self.epoch,
            "history": list(self.history),
        }

    @classmethod
    def unpack(
        cls, net: Network, tensors: dict[str, Array], stored: dict[str, Any], where: str
    ) -> Self:
        """Return what `pack` made tensors and JSON of."""
        rule = from_json(stored["optimizer"], "OPTIMIZERS", where)
        for name in ("step", "epoch"):
            check_number(name, stored[name], at_least=0, integer=True)
        if not isinstance(stored["history"], list):
            raise InvalidType(f"history={shown(stored['history'])}: wanted a list of names.")
        return cls(
            rule,
            tuple(vector(net, tensors[f"{PREFIX}optimizer.{i}"]) for i in range(rule.slots)),
            stored["step"],
            stored["epoch"],
            {name: _values(name, tensors) for name in stored["history"]},
        )


def vector(net: Network, tensor: Array) -> Array:
    """Return a tensor of the file as a vector like theta, which may be written to."""
    if tensor.shape != tuple(net.theta.shape) or tensor.dtype.kind != "f":
        raise ValueError(
            f"{tensor.dtype} of shape {tensor.shape}, wanted shape {tuple(net.theta.shape)}"
        )
    return net.backend.asarray(host.concatenate([tensor]), net.dtype)


def _numbers(name: str, values: Any) -> Array:
    try:
        return host.asarray([float(value) for value in values])
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


# Optimizers and schedules: by their registered names


def to_json(thing: Optimizer | Schedule) -> dict[str, Any]:
    """Return an optimizer or a schedule in terms of JSON: its registered name and its settings."""
    registry = "OPTIMIZERS" if isinstance(thing, Optimizer) else "SCHEDULES"
    known = _REGISTRIES[registry]
    name = next((name for name, kind in known.items() if kind is type(thing)), None)
    if name is None:
        raise InvalidArgument(
            f"{type(thing).__name__} has no name that a file could call it by: put it "
            f"into agnostic_nn.{registry} under one first."
        )
    fields = {each.name: getattr(thing, each.name) for each in dataclasses.fields(thing)}
    if beside := sorted(settings(thing).keys() - fields.keys()):
        raise InvalidArgument(
            f"{type(thing).__name__} has settings that a file cannot keep, {', '.join(beside)}: "
            "make it a dataclass, and them its fields."
        )
    return {"name": name} | {key: plain(key, value) for key, value in fields.items()}


def from_json(content: dict[str, Any], registry: str, where: str) -> Any:
    """Return the optimizer or the schedule that `to_json` described."""
    settings = dict(content)
    name = settings.pop("name")
    kind = look_up_stored(where, registry, name, _REGISTRIES[registry])
    for key, value in settings.items():
        if isinstance(value, dict):
            settings[key] = from_json(value, "SCHEDULES", where)
    return kind(**settings)


def plain(name: str, value: Any) -> Any:
    """Return a setting in terms of JSON."""
    if isinstance(value, Schedule):
        return to_json(value)
    try:
        if isinstance(value, (bool, int, str)):
            return value
        return int(value) if not isinstance(value, float) and int(value) == value else float(value)
    except (TypeError, ValueError, OverflowError):
        raise InvalidArgument(
            f"{name}={shown(value)} cannot be kept in a file: wanted a number, a text "
            "or a Schedule."
        ) from None
