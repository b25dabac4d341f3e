"""Checkpoints: where training stands, in one file, from which it goes on as if never stopped.

A checkpoint is the network's file, as `save` writes it and `load` reads it, with tensors beside
the network's: what the optimizer remembers, the best epoch's parameters, and the history. The
settings are JSON. Random numbers need no room: they are drawn from the seed, the epoch and the
step.
"""

from __future__ import annotations

import contextlib
import dataclasses
import math
import os
import time
from dataclasses import dataclass, field
from typing import Any

from .backends import Backend, get_backend, host, move
from .checks import check_flag, check_number
from .errors import InvalidArgument, shown
from .namespace import Array
from .network import Network
from .optimizers import OPTIMIZERS, Optimizer, State
from .schedules import SCHEDULES, Schedule

#: Epoch by epoch: "epoch", "cost", "learning_rate", "seconds", and with a validation set
#: "validation_cost" and "validation_score".
History = dict[str, list[float]]

#: Where no interval is given, training takes at least this many times as long as writing.
SPARING = 20

#: Of data with more numbers than this, rows at even distances are looked at.
MANY_NUMBERS = 2**22

_REGISTRIES: dict[str, dict[str, Any]] = {"OPTIMIZERS": OPTIMIZERS, "SCHEDULES": SCHEDULES}


@dataclass
class Training:
    """Where training stands, so that it can go on."""

    optimizer: Optimizer
    state: State
    step: int = 0
    epoch: int = 0
    history: History = field(default_factory=dict)
    compiled: dict[Any, Any] = field(default_factory=dict, repr=False)  # the backend's own

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"compiled": {}}  # copies and pickles leave it behind


@dataclass
class Best:
    """The best epoch so far, by the cost that is watched."""

    cost: float = math.inf
    epoch: int = 0
    theta: Array = None


@dataclass(frozen=True)
class Settings:
    """What `train` was asked for, beside the data, the optimizer and who looks on.

    Attributes
    ----------
    first, last : int
        The epochs that were behind at the beginning, and those that will be at the end.
    validation : float or None
        The fraction to hold out; None where other data or none are watched.
    """

    first: int
    last: int
    batch_size: int
    shuffle: bool
    validation: float | None
    patience: int | None
    tolerance: float
    clip_norm: float | None

    def __post_init__(self) -> None:
        check_number("batch_size", self.batch_size, at_least=1, integer=True)
        check_flag("shuffle", self.shuffle)
        check_number("tolerance", self.tolerance, at_least=0.0)
        if self.patience is not None:
            check_number("patience", self.patience, at_least=1, integer=True)
        if self.clip_norm is not None:
            check_number("clip_norm", self.clip_norm, above=0.0)


class Checkpoint:
    """The file that training writes now and then.

    Parameters
    ----------
    path : str or path
        The file.
    every : int or None
        Epochs from one writing to the next; None for as often as takes little of the time.
    settings : Settings
        Of the training.
    data : dict
        What `fingerprint` says of its data.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        every: int | None,
        settings: Settings,
        data: dict[str, Any],
    ) -> None:
        import glob
        from pathlib import Path

        self.path, self.every, self.settings, self.data = Path(path), every, settings, data
        self._epoch: int | None = None  # of the last writing; when it ended, and what it took
        self._wrote = self._took = 0.0
        for left in self.path.parent.glob(f".{glob.escape(self.path.name)}.????????"):
            with contextlib.suppress(OSError):
                left.unlink()  # half a file, of a writer that was killed

    def is_due(self, epoch: int) -> bool:
        """Whether it should be written after this epoch."""
        if self.every is not None:
            return epoch % self.every == 0
        return time.perf_counter() - self._wrote >= SPARING * self._took

    def write(self, net: Network, best: Best, *, finished: bool = False) -> None:
        """Write where training stands, whole or not at all; the file before stays until then."""
        from .saving import TRAINING, encode, write

        began = time.perf_counter()
        training: Training = net.training
        tensors = {f"optimizer.{i}": _on_host(net, slot) for i, slot in enumerate(training.state)}
        if best.theta is not None:
            tensors["best"] = _on_host(net, best.theta)
        for name, values in training.history.items():
            tensors[f"history.{name}"] = _numbers(name, values)
        content = encode(
            net,
            {f"{TRAINING}{name}": tensor for name, tensor in tensors.items()},
            training={
                "backend": net.backend.name,
                "optimizer": to_json(training.optimizer),
                "step": training.step,
                "epoch": training.epoch,
                "history": list(training.history),
                "best": None if best.theta is None else {"cost": best.cost, "epoch": best.epoch},
                "settings": {
                    name: value if value is None else _plain(name, value)
                    for name, value in dataclasses.asdict(self.settings).items()
                },
                "every": None if self.every is None else int(self.every),
                "data": self.data,
                "finished": finished,
            },
        )
        try:
            write(self.path, content)
        except InvalidArgument as error:
            reason = getattr(error.__cause__, "strerror", None) or "it cannot be written"
            kept = (
                f"the checkpoint of epoch {self._epoch} is whole: training goes on from there"
                if self._epoch is not None
                else "no epoch has been kept: training can begin anew"
            )
            raise InvalidArgument(
                f"checkpoint={str(self.path)!r}: {reason}. Training stopped after epoch "
                f"{training.epoch}; {kept} once the file can be written."
            ) from error
        self._epoch, self._wrote = training.epoch, time.perf_counter()
        self._took = self._wrote - began


def check_path(path: str | os.PathLike[str], every: int | None) -> None:
    """Refuse, before any work is done, a checkpoint that could not or should not be written."""
    from pathlib import Path

    from .saving import describe, where_is

    where = where_is(path, "checkpoint")
    if every is not None:
        check_number("checkpoint_every", every, at_least=1, integer=True)
    target = Path(path)
    if not os.access(target.parent, os.W_OK) or not target.parent.is_dir():
        raise InvalidArgument(f"{where}: wanted a file in a folder that can be written to.")
    if not target.exists():
        return
    try:
        finished = describe(path)["training"]["finished"]
    except (InvalidArgument, KeyError, TypeError):
        raise InvalidArgument(
            f"{where} exists and is no checkpoint: choose a name that is free."
        ) from None
    if not finished:
        raise InvalidArgument(
            f"{where} holds training that has not ended: go on from it with "
            f"resume({os.fspath(path)!r}, X, Y), or remove it."
        )


def read(
    path: str | os.PathLike[str], backend: str | Backend | None
) -> tuple[Network, Checkpoint, Best, bool]:
    """Read a checkpoint.

    Parameters
    ----------
    path : str or path
        The file.
    backend : str, Backend or None
        Where to go on; None for where training was.

    Returns
    -------
    net : Network
        With `net.training` as it was.
    checkpoint : Checkpoint
        To go on writing.
    best : Best
    finished : bool
        Whether training had come to its end.
    """
    from .saving import TRAINING, decode, describe, where_is

    where = where_is(path)
    stored = describe(path).get("training")
    if not isinstance(stored, dict):
        raise InvalidArgument(
            f"{where} holds a network, and not where its training stands: wanted a file that "
            "train(..., checkpoint=...) wrote."
        )
    net, description, tensors = decode(path, backend=backend or str(stored.get("backend")))
    try:
        stored = description["training"]  # its digest has been looked at
        rule = from_json(stored["optimizer"], "OPTIMIZERS", where)
        slots = [tensors[f"{TRAINING}optimizer.{i}"] for i in range(rule.slots)]
        history = {
            name: list(map(int if name == "epoch" else float, tensors[f"{TRAINING}history.{name}"]))
            for name in stored["history"]
        }
        net.training = Training(
            rule,
            tuple(_vector(net, slot) for slot in slots),
            int(stored["step"]),
            int(stored["epoch"]),
            history,
        )
        best = Best()
        if stored["best"] is not None:
            theta = _vector(net, tensors[f"{TRAINING}best"])
            best = Best(float(stored["best"]["cost"]), int(stored["best"]["epoch"]), theta)
        data = {
            name: {"shape": list(each["shape"]), "digest": each["digest"]}
            for name, each in stored["data"].items()
        }
        checkpoint = Checkpoint(path, stored["every"], Settings(**stored["settings"]), data)
        return net, checkpoint, best, bool(stored["finished"])
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        if isinstance(error, InvalidArgument):
            raise
        raise InvalidArgument(f"{where}: the file's description is damaged ({error!r}).") from error


def _vector(net: Network, tensor: Array) -> Array:
    """Return a tensor of the file as a vector like theta, which may be written to."""
    if tensor.shape != tuple(net.theta.shape):
        raise ValueError(f"shape {tensor.shape}, wanted {tuple(net.theta.shape)}")
    return net.backend.asarray(host.concatenate([tensor]), net.dtype)


def _on_host(net: Network, array: Array) -> Array:
    # bfloat16 is unknown to the host; float32 holds the same numbers
    name = "float32" if net.dtype_name == "bfloat16" else net.dtype_name
    return move(net.xp.astype(array, getattr(net.xp, name)), get_backend("numpy"))


def _numbers(name: str, values: Any) -> Array:
    try:
        return host.asarray([float(value) for value in values])
    except (TypeError, ValueError):
        raise InvalidArgument(
            f"history[{name!r}] holds something else than numbers, which a checkpoint cannot keep."
        ) from None


# The data: the same rows have to come again


def fingerprint(net: Network, **arrays: Array | None) -> dict[str, Any]:
    """Return the shape and a digest of rows by name, the same on every backend."""
    import hashlib

    answer: dict[str, Any] = {}
    for name, array in arrays.items():
        if array is None:
            continue
        n, width = array.shape
        digest = hashlib.sha256()
        order = None
        if n * width > MANY_NUMBERS:
            order = host.asarray(range(0, n, -(-n * width // MANY_NUMBERS)))
        chunk = max(1, MANY_NUMBERS // width)
        for (rows,) in net.backend.batches((array,), order, chunk, net.dtype):
            digest.update(_on_host(net, rows).tobytes())
        answer[name] = {"shape": [int(n), int(width)], "digest": digest.hexdigest()}
    return answer


def check_same_data(before: dict[str, Any], now: dict[str, Any]) -> None:
    """Raise if what `fingerprint` said of the data before is not what it says now."""
    for name in {**before, **now}:
        was, is_ = before.get(name), now.get(name)
        label = name.replace("validation_", "validation's ")
        if was is None or is_ is None:
            raise InvalidArgument(
                f"{label} was {'not ' if was is None else ''}there when the checkpoint was "
                f"written, and is {'not ' if is_ is None else ''}there now: wanted the same data."
            )
        if was["shape"] != is_["shape"]:
            raise InvalidArgument(
                f"{label} has shape {tuple(is_['shape'])}, and had {tuple(was['shape'])} when the "
                "checkpoint was written: wanted the same data."
            )
        # weights are scaled to a mean of 1, which may differ in the last digit elsewhere
        if was["digest"] != is_["digest"] and "sample_weight" not in name:
            raise InvalidArgument(
                f"{label} has other values than when the checkpoint was written: wanted the same "
                "data in the same order."
            )


# Optimizers and schedules: by their registered names


def to_json(thing: Optimizer | Schedule) -> dict[str, Any]:
    """Return an optimizer or a schedule in terms of JSON: its registered name and its settings."""
    registry = "OPTIMIZERS" if isinstance(thing, Optimizer) else "SCHEDULES"
    known = _REGISTRIES[registry]
    name = next((name for name, kind in known.items() if kind is type(thing)), None)
    if name is None:
        raise InvalidArgument(
            f"checkpoint: {type(thing).__name__} has no name that a file could call it by: put it "
            f"into agnostic_nn.{registry} under one before training."
        )
    fields = {each.name: getattr(thing, each.name) for each in dataclasses.fields(thing)}
    return {"name": name} | {key: _plain(key, value) for key, value in fields.items()}


def from_json(content: dict[str, Any], registry: str, where: str) -> Any:
    """Return the optimizer or the schedule that `to_json` described."""
    settings = dict(content)
    name = settings.pop("name")
    if name not in _REGISTRIES[registry]:
        raise InvalidArgument(
            f"{where} needs {name!r}, which is not registered: put it into "
            f"agnostic_nn.{registry}[{name!r}] before going on."
        )
    for key, value in settings.items():
        if isinstance(value, dict):
            settings[key] = from_json(value, "SCHEDULES", where)
    return _REGISTRIES[registry][name](**settings)


def _plain(name: str, value: Any) -> Any:
    if isinstance(value, Schedule):
        return to_json(value)
    try:
        if isinstance(value, (bool, int, str)):
            return value
        return int(value) if not isinstance(value, float) and int(value) == value else float(value)
    except (TypeError, ValueError, OverflowError):
        raise InvalidArgument(
            f"checkpoint: {name}={shown(value)} cannot be kept in a file: wanted a number, a text "
            "or a Schedule."
        ) from None
