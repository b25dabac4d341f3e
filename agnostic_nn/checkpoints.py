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
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .backends import Backend, host
from .checks import check_flag, check_number, look_up
from .errors import InvalidArgument, shown
from .fingerprints import Prints, check_prints
from .namespace import Array
from .network import Network, on_host, training_of
from .registered import plain
from .training_files import PREFIX, pack_training, vector

#: Where no interval is given, training takes at least this many times as long as writing.
SPARING = 20

#: What tells which epoch is the best, and which of equally good ones is.
WATCHED, AMONG_EQUALS = (dict.fromkeys(names) for names in (("cost", "score"), ("first", "last")))

_BEST, _BEST_BUFFERS = f"{PREFIX}best", f"{PREFIX}best_buffers"


@dataclass
class Best:
    """The best epoch so far, by the cost that is watched, or by minus the score."""

    cost: float = math.inf
    epoch: int = 0
    theta: Array = None
    buffers: Array = None

    def is_beaten_by(self, cost: float, plan: Plan) -> bool:
        """Whether an epoch with this cost is a better one."""
        least = self.cost - (plan.tolerance if self.cost < math.inf else 0.0)
        return cost <= least if plan.among_equals == "last" else cost < least


@dataclass(frozen=True)
class Plan:
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
    drop_last: bool = False
    watch: str = "cost"
    among_equals: str = "first"

    def __post_init__(self) -> None:
        check_number("first", self.first, at_least=0, integer=True)
        check_number("last", self.last, at_least=self.first, integer=True)
        check_number("batch_size", self.batch_size, at_least=1, integer=True)
        check_flag("shuffle", self.shuffle)
        object.__setattr__(self, "batch_size", int(self.batch_size))  # NumPy's own are no JSON
        object.__setattr__(self, "shuffle", bool(self.shuffle))
        check_number("tolerance", self.tolerance, at_least=0.0)
        if self.patience is not None:
            check_number("patience", self.patience, at_least=1, integer=True)
        if self.clip_norm is not None:
            check_number("clip_norm", self.clip_norm, above=0.0)
        check_flag("drop_last", self.drop_last)
        object.__setattr__(self, "drop_last", bool(self.drop_last))
        look_up("watch", self.watch, WATCHED)
        look_up("among_equals", self.among_equals, AMONG_EQUALS)


class Checkpoint:
    """The file that training writes now and then.

    Parameters
    ----------
    path : str or path
        The file.
    every : int or None
        Epochs from one writing to the next; None for as often as takes little of the time.
    plan : Plan
        Of the training.
    data : dict
        What `fingerprint` says of its data.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        every: int | None,
        plan: Plan,
        data: Prints,
    ) -> None:
        from pathlib import Path

        self.path, self.every, self.plan, self.data = Path(path), every, plan, data
        self._wrote = self._took = 0.0  # when the last writing ended, and what it took

    def is_due(self, epoch: int) -> bool:
        """Whether it should be written after this epoch."""
        if self.every is not None:
            return epoch % self.every == 0
        return time.perf_counter() - self._wrote >= SPARING * self._took

    def write(self, net: Network, best: Best, *, finished: bool = False) -> None:
        """Write where training stands, whole or not at all; the file before stays until then."""
        from .files import replace
        from .saving import encode

        began = time.perf_counter()
        training = training_of(net)
        tensors, description = pack_training(net)
        if best.theta is not None:
            tensors[_BEST] = on_host(net, best.theta)
            tensors[_BEST_BUFFERS] = on_host(net, best.buffers)
        content = encode(
            net,
            tensors,
            training=description
            | {
                "backend": net.backend.name,
                "best": None if best.theta is None else {"cost": best.cost, "epoch": best.epoch},
                "settings": {
                    name: value if value is None else plain(name, value)
                    for name, value in dataclasses.asdict(self.plan).items()
                },
                "every": None if self.every is None else int(self.every),
                "data": self.data,
                "finished": finished,
            },
        )
        try:
            replace(self.path, content)
        except InvalidArgument as error:
            reason = getattr(error.__cause__, "strerror", None) or "it cannot be written"
            stopped = "Training has not begun."
            if training.epoch > self.plan.first:
                stopped = f"Training stopped after epoch {training.epoch}; {self._what_is_kept()}."
            raise InvalidArgument(f"checkpoint={str(self.path)!r}: {reason}. {stopped}") from error
        self._wrote = time.perf_counter()
        self._took = self._wrote - began

    def discard(self) -> None:
        """Remove the file, where nothing came of the training."""
        with contextlib.suppress(OSError):
            self.path.unlink()

    def _what_is_kept(self) -> str:
        """Look at what lies on the disk, which may be gone or not what was written."""
        from .container import Container

        try:
            file = Container.read(self.path)
            file.tensors()
            kept = int(file.description["training"]["epoch"])
        except (InvalidArgument, KeyError, TypeError, ValueError):
            kept = 0
        if kept <= self.plan.first:
            return "no epoch has been kept: training can begin anew once the file can be written"
        return (
            f"the checkpoint of epoch {kept} is whole: training goes on from there once the file "
            "can be written"
        )


@contextlib.contextmanager
def claimed(path: str | os.PathLike[str] | None, every: int | None) -> Iterator[None]:
    """Hold the checkpoint that training will write; refuse one that could or should not be."""
    from .files import held, where_is

    if path is None:
        if every is not None:
            raise InvalidArgument(f"checkpoint_every={shown(every)}: wanted checkpoint as well.")
        yield
        return
    where = where_is(path, "checkpoint")
    if every is not None:
        check_number("checkpoint_every", every, at_least=1, integer=True)
    _check_folder(path, where)
    with held(path, "checkpoint"):
        _check_replaceable(path, where)
        yield


def _check_folder(path: str | os.PathLike[str], where: str) -> None:
    from pathlib import Path

    folder = Path(os.path.realpath(path)).parent
    if not os.access(folder, os.W_OK) or not folder.is_dir():
        raise InvalidArgument(f"{where}: wanted a file in a folder that can be written to.")


def _check_replaceable(path: str | os.PathLike[str], where: str) -> None:
    """Of what is there, nothing may be lost."""
    from pathlib import Path

    if not Path(path).exists():
        return
    try:
        epochs, finished = progress_of(path)
    except InvalidArgument:
        raise InvalidArgument(
            f"{where} exists and is no checkpoint: choose a name that is free."
        ) from None
    if epochs > 0 and not finished:
        raise InvalidArgument(
            f"{where} holds training that has not ended: go on from it with "
            f"resume({os.fspath(path)!r}, X, Y), or remove it."
        )


def progress_of(path: str | os.PathLike[str]) -> tuple[int, bool]:
    """Return how many epochs are behind the training of a checkpoint, and if it has ended."""
    from .container import taking_apart
    from .files import where_is
    from .saving import describe

    stands: Any = describe(path).get("training")
    with taking_apart(where_is(path)):
        epochs: int = stands["epoch"] - stands["settings"]["first"]
        check_number("epochs", epochs, at_least=0, integer=True)
        return epochs, bool(stands["finished"])


@contextlib.contextmanager
def resumed(
    path: str | os.PathLike[str], backend: str | Backend | None
) -> Iterator[tuple[Network, Checkpoint, Best, bool]]:
    """Hold a checkpoint and `read` it; what has not ended must be such that it can go on."""
    from .files import held, where_is

    where = where_is(path)
    with held(path):
        found = read(path, backend)
        if not found[-1]:
            _check_folder(path, where)
        yield found


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
    where_to = stored.get("backend") if backend is None else backend
    if backend is None and not isinstance(where_to, str):
        raise InvalidArgument(
            f"{where}: the file's description is damaged: backend={shown(where_to)}."
        )
    net, description, tensors = decode(path, backend=where_to, training=True)
    with taking_apart(where):
        stored = description["training"]  # its digest has been looked at
        plan, every = Plan(**stored["settings"]), stored["every"]
        done = training_of(net).epoch
        check_number("epoch", done, at_least=plan.first, at_most=plan.last)
        if every is not None:
            check_number("every", every, at_least=1, integer=True)
        if plan.validation is not None:
            check_number("validation", plan.validation, above=0.0, below=1.0)
        check_flag("finished", stored["finished"])
        best = Best()
        if stored["best"] is not None:
            cost, epoch = stored["best"]["cost"], stored["best"]["epoch"]
            check_number("best cost", cost)
            check_number("best epoch", epoch, above=plan.first, at_most=done, integer=True)
            best = Best(cost, epoch, *_best_of(net, tensors))
        checkpoint = Checkpoint(path, every, plan, check_prints(stored["data"]))
        return net, checkpoint, best, stored["finished"]


def _best_of(net: Network, tensors: dict[str, Array]) -> tuple[Array, Array]:
    """Return theta and the buffers of the best epoch."""
    # files of format 1 have no layers that remember anything
    remembers = _BEST_BUFFERS in tensors or net.buffers.shape[0] > 0
    names = (_BEST, _BEST_BUFFERS) if remembers else (_BEST,)
    for name in names:
        if not host.all_finite(tensors[name]):
            raise ValueError(f"{name} holds NaN or infinity")
    theta = vector(net, tensors[_BEST], net.theta)
    return theta, vector(net, tensors[_BEST_BUFFERS], net.buffers) if remembers else net.buffers
