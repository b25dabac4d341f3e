"""Epochs: the loop over training steps, until the last epoch or an earlier end."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from .backends import host
from .backends.base import Epoch
from .checkpoints import Best, Checkpoint, Plan
from .dropout import step_keys, units_kept
from .errors import OutOfMemory, TrainingWarning
from .interrupts import Interrupts
from .metrics import Metric, metric_for
from .namespace import Array
from .network import ORDER, Network, training_of
from .optimizers import begin, get_optimizer
from .progress import ProgressBar
from .rows import is_finite
from .schedules import Schedule
from .step import TrainingStep
from .training_state import History, Training

#: ``callback(net, history)`` after each epoch; a true answer stops training.
Callback = Callable[[Network, History], Any]

#: What reads a schedule in step i of an epoch.
Read = Callable[[int, Schedule], float]

#: X, Y and the weights of the examples, one example per row.
Data = tuple[Array, Array, Array | None]


@dataclass(frozen=True)
class Examples:
    """What an epoch goes through, and what is watched beside it.

    Attributes
    ----------
    data : tuple of (X, Y, weights or None)
        Rows, one example each.
    chosen : int array of the host, or None
        The rows to train on; None for all.
    held_out : tuple of (X, Y, weights or None), or None
        Other examples to watch the cost on.
    """

    data: Data
    chosen: Any = None
    held_out: Data | None = None

    @property
    def n(self) -> int:
        """How many examples an epoch goes through."""
        return int(self.data[0].shape[0]) if self.chosen is None else len(self.chosen)


@dataclass
class Run:
    """Training, from where a network stands to the last epoch or to an earlier end.

    Attributes
    ----------
    net : Network
        Whose training has begun.
    examples : Examples
        What it is trained on.
    plan : Plan
        What `train` was asked for.
    best : Best
        The best epoch so far.
    checkpoint : Checkpoint or None
        The file to keep where training stands in.
    callbacks : tuple of callable
        Called after each epoch.
    progress : bool or None
        Whether to show a progress bar.
    """

    net: Network
    examples: Examples
    plan: Plan
    best: Best = field(default_factory=Best)
    checkpoint: Checkpoint | None = None
    callbacks: tuple[Callback, ...] = ()
    progress: bool | None = None
    _step: TrainingStep | None = None

    def __call__(self) -> None:
        """Train."""
        training, plan, n = training_of(self.net), self.plan, self.examples.n
        diverged = stopped = False
        with (
            ProgressBar(plan.last, n, self._metric.name, self.progress) as bar,
            Interrupts(wait=self.checkpoint is not None) as interrupts,
        ):
            while training.epoch < plan.last and not stopped:
                row = self._epoch()
                bar.update(row)
                diverged = not self._is_finite(row)
                if diverged:
                    _warn_not_finite(self.net, row["learning_rate"], self.best)
                    break
                self._compare(row)
                stopped = self._call_back() or self._waited_long_enough()
                if not stopped:
                    self._keep(interrupts)
            self._end(diverged=diverged)

    @property
    def _metric(self) -> Metric:
        return metric_for(self.net.objective.loss.name)

    @property
    def _watched(self) -> str:
        """The cost that decides which epoch is the best."""
        return "cost" if self.examples.held_out is None else "validation_cost"

    def _epoch(self) -> dict[str, float]:
        """Run one epoch, and return what the history keeps of it."""
        began, net, plan, examples = time.perf_counter(), self.net, self.plan, self.examples
        training, n = training_of(net), examples.n
        if plan.drop_last and n >= plan.batch_size:
            n -= n % plan.batch_size
        steps = -(-n // plan.batch_size)
        costs = training.history.get(self._watched, ())
        read = _reader(training, steps, plan.last, costs)
        step = TrainingStep(net.objective, training.optimizer.in_a_step(), plan.clip_norm)
        before = self._step  # a callback may have changed something; else it is the same one
        if before is not None and before.objective is step.objective and before == step:
            step = before
        self._step = step
        try:
            net.state, cost = net.backend.epoch(
                step,
                net.state,
                # nothing else holds the order: it is gone before the next one is drawn
                Epoch(
                    examples.data,
                    _order(net.seed, training.epoch, examples, plan.shuffle, n),
                    plan.batch_size,
                    _rates(training, steps, read),
                    _keys(net, training.epoch, steps, read),
                    training.step,
                ),
                net.compiled,
            )
        except Exception as error:
            if net.backend.ran_out_of_memory(error):
                raise _step_out_of_memory(net, min(plan.batch_size, n)) from error
            raise
        training.step += steps
        training.epoch += 1
        row = {
            "epoch": training.epoch,
            "cost": cost,
            "learning_rate": training.optimizer.schedule(training.epoch, plan.last, costs),
            "seconds": time.perf_counter() - began,
        }
        if examples.held_out is not None:
            row |= _evaluate(net, examples.held_out, self._metric)
        for name, value in row.items():
            training.history.setdefault(name, []).append(value)
        return row

    def _is_finite(self, row: dict[str, float]) -> bool:
        """Whether training has not diverged."""
        costs = math.isfinite(row["cost"]) and math.isfinite(row[self._watched])
        # the last step of an epoch may break what its cost does not show yet
        arrays = (self.net.theta, self.net.buffers)
        return costs and all(is_finite(array, self.net.backend) for array in arrays)

    def _compare(self, row: dict[str, float]) -> None:
        """Keep a copy of the parameters where the epoch is better than any before."""
        score = self.plan.watch == "score"
        cost = -row["validation_score"] if score else row[self._watched]
        if self.best.is_beaten_by(cost, self.plan):
            arrays = (self.net.theta, self.net.buffers)
            copies = (self.net.xp.asarray(array, copy=True) for array in arrays)
            self.best = Best(cost, int(row["epoch"]), *copies)

    def _call_back(self) -> bool:
        """Call every callback, and return whether one asks to stop."""
        try:
            return _call_back(self.callbacks, self.net)
        except BaseException:
            if self.checkpoint is not None:
                self.checkpoint.write(self.net, self.best)
            raise

    def _waited_long_enough(self) -> bool:
        """Whether as many epochs as `patience` says have brought nothing better."""
        waited = training_of(self.net).epoch - max(self.best.epoch, self.plan.first)
        return self.plan.patience is not None and waited >= self.plan.patience

    def _keep(self, interrupts: Interrupts) -> None:
        """Write a checkpoint where one is due, or where Ctrl-C is waiting for it."""
        epoch = training_of(self.net).epoch
        if self.checkpoint is None or epoch >= self.plan.last:
            return
        if interrupts.seen or self.checkpoint.is_due(epoch):
            self.checkpoint.write(self.net, self.best)
        if interrupts.seen:
            raise KeyboardInterrupt

    def _end(self, *, diverged: bool) -> None:
        """Go back to the best epoch where that was asked for or is needed, and keep the end."""
        net, best, training = self.net, self.best, training_of(self.net)
        if (self.plan.patience is not None or diverged) and best.theta is not None:
            net.theta, net.buffers = best.theta, best.buffers
            if diverged:  # and so did what the optimizer remembers
                training.state = begin(training.optimizer, net.theta, net.xp)
                training.step = 0
        if self.checkpoint is not None:
            if diverged and best.theta is None:
                self.checkpoint.discard()
            else:
                self.checkpoint.write(net, best, finished=True)


def _call_back(callbacks: Sequence[Callback], net: Network) -> bool:
    """Call every callback, and return whether one asks to stop.

    An optimizer that one of them put in the place of another takes effect with the next epoch;
    it goes on from what the other remembered where it is of the same kind.
    """
    training = training_of(net)
    kind = type(training.optimizer)
    try:
        return any([callback(net, training.history) for callback in callbacks])  # noqa: C419
    finally:
        training.optimizer = get_optimizer(training.optimizer)
        if type(training.optimizer) is not kind:
            training.state = begin(training.optimizer, net.theta, net.xp)
            training.step = 0


def _reader(training: Training, steps: int, epochs: int, costs: Sequence[float]) -> Read:
    """Return what reads a schedule where it wants to be read, in step i of the epoch."""

    def read(i: int, schedule: Schedule) -> float:
        return schedule(training.epoch + (i + schedule.within_step) / steps, epochs, costs)

    return read


def _rates(training: Training, steps: int, read: Read) -> list[tuple[float, float]]:
    """The update's rate and the weight decay of each step."""
    optimizer, first = training.optimizer, training.step + 1
    schedule, weight_decay = optimizer.schedule, optimizer.decay_schedule
    alphas = [read(i, schedule) for i in range(steps)]
    rates = [optimizer.rate(alpha, first + i) for i, alpha in enumerate(alphas)]
    if not optimizer.decays:
        return [(rate, 0.0) for rate in rates]
    decays = (alpha * read(i, weight_decay) for i, alpha in enumerate(alphas))
    return list(zip(rates, decays, strict=True))


def _keys(net: Network, epoch: int, steps: int, read: Read) -> Any:
    """The key of each step, from which its dropout masks are drawn."""
    numbers, masks = np.arange(steps, dtype=np.int32), net.objective.dropouts
    if not masks:
        return np.stack([numbers, numbers], axis=1)  # nobody draws from them
    keys = step_keys(net.seed, epoch, numbers, np)
    kept = [units_kept(masks, partial(read, i)) for i in range(steps)]
    return np.concatenate([keys, np.asarray(kept, dtype=np.int32)], axis=1)


def _order(seed: int, epoch: int, examples: Examples, shuffle: bool, n: int) -> Any:
    """The n rows an epoch visits; None for all of them as they stand."""
    chosen, there = examples.chosen, examples.n
    if not shuffle and chosen is None:
        return None if n == there else np.arange(n)
    order = host.permutation(there, seed, ORDER, epoch) if shuffle else np.arange(there)
    return (order if chosen is None else chosen[order])[:n]


def _evaluate(
    net: Network, data: tuple[Array, Array, Array | None], metric: Metric
) -> dict[str, float]:
    outputs, cost = net.outputs_and_cost(*data)
    score = metric(outputs, net.backend.asarray(data[1]), xp=net.xp)  # they may be on the host
    return {
        "validation_cost": cost,
        "validation_score": float(net.backend.to_numpy(score)),
    }


def _step_out_of_memory(net: Network, batch_size: int) -> OutOfMemory:
    # theta, its gradient and the optimizer's vectors; forward and backward, Z and A and their d's
    numbers = (2 + training_of(net).optimizer.slots) * net.objective.size
    numbers += 4 * batch_size * sum(net.objective.sizes)
    return out_of_memory(
        net,
        f"a step with batch_size={batch_size}",
        numbers,
        "beside the data",
        "take smaller batches or fewer units",
    )


def out_of_memory(net: Network, what: str, numbers: int, more: str, remedy: str) -> OutOfMemory:
    """Build the error that says what was needed and what there was."""
    needed = numbers * net.xp.finfo(net.dtype).bits / 8 / 2**30
    device, memory = net.backend.describe()
    there = f"{device} has {memory / 2**30:.1f} GiB" if memory else f"{device} has less"
    return OutOfMemory(f"{what} needs about {needed:,.1f} GiB {more}, and {there}: {remedy}.")


def _warn_not_finite(net: Network, learning_rate: float, best: Best) -> None:
    kept = f"those of epoch {best.epoch}" if best.theta is not None else "not worth keeping"
    narrow = ", dtype='float32'" if net.dtype_name in ("float16", "bfloat16") else ""
    warnings.warn(
        f"the cost is not finite after epoch {training_of(net).epoch}: training stopped at a "
        f"learning rate of {learning_rate:.3g}, the parameters are {kept}. A smaller learning "
        f"rate{narrow}, clip_norm or standardized features may help.",
        TrainingWarning,
        stacklevel=4,
    )
