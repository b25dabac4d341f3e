"""Checkpoints: where training stands, in one file, from which it goes on as if never stopped.

A checkpoint is the network's file, as ``save(net, path, training=True)`` writes it and `load`
reads it, with the best epoch's parameters and the settings beside. Random numbers need no room:
they are drawn from the seed, the epoch and the step.
"""

from __future__ import annotations

import contextlib
import dataclasses
import math
import os
import time
from dataclasses import dataclass
from typing import Any

from .backends import Backend, host
from .checks import check_flag, check_number
from .errors import InvalidArgument
from .namespace import Array
from .network import Network, on_host
from .training_state import PREFIX, Training, plain, vector

#: Where no interval is given, training takes at least this many times as long as writing.
SPARING = 20

_BEST = f"{PREFIX}best"

#: Of data with more numbers than this, rows at even distances are looked at.
MANY_NUMBERS = 2**22


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
        object.__setattr__(self, "batch_size", int(self.batch_size))  # NumPy's own are no JSON
        object.__setattr__(self, "shuffle", bool(self.shuffle))
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
        from .files import write
        from .saving import encode

        began = time.perf_counter()
        training: Training = net.training
        tensors, description = training.pack(net)
        if best.theta is not None:
            tensors[_BEST] = on_host(net, best.theta)
        content = encode(
            net,
            tensors,
            training=description
            | {
                "backend": net.backend.name,
                "best": None if best.theta is None else {"cost": best.cost, "epoch": best.epoch},
                "settings": {
                    name: value if value is None else plain(name, value)
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

    from .files import where_is
    from .saving import describe

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
    from .container import taking_apart
    from .files import where_is
    from .saving import decode, describe

    where = where_is(path)
    stored = describe(path).get("training")
    if not isinstance(stored, dict) or "settings" not in stored:
        raise InvalidArgument(
            f"{where} is no checkpoint: wanted a file that train(..., checkpoint=...) wrote."
        )
    where_to = str(stored.get("backend")) if backend is None else backend
    net, description, tensors = decode(path, backend=where_to, training=True)
    with taking_apart(where):
        stored = description["training"]  # its digest has been looked at
        best = Best()
        if stored["best"] is not None:
            theta = vector(net, tensors[_BEST])
            best = Best(float(stored["best"]["cost"]), int(stored["best"]["epoch"]), theta)
        data = {
            name: {"shape": list(each["shape"]), "digest": each["digest"]}
            for name, each in stored["data"].items()
        }
        checkpoint = Checkpoint(path, stored["every"], Settings(**stored["settings"]), data)
        return net, checkpoint, best, bool(stored["finished"])


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
            digest.update(on_host(net, rows).tobytes())
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
