"""Epochs: the loop over training steps, until the last epoch or an earlier end."""

from __future__ import annotations

import math
import signal
import threading
import time
import warnings
from collections.abc import Callable, Sequence
from typing import Any, Self

from .backends import get_backend, host
from .backends.base import Epoch
from .checkpoints import Best, Checkpoint, Settings
from .dropout import step_keys
from .errors import OutOfMemory, TrainingWarning
from .metrics import Metric, metric_for
from .namespace import Array
from .network import ORDER, Network, training_of
from .optimizers import get_optimizer
from .progress import ProgressBar
from .rows import is_finite
from .step import TrainingStep
from .training_state import History, Training

#: ``callback(net, history)`` after each epoch; a true answer stops training.
Callback = Callable[[Network, History], Any]

#: X, Y and the weights of the examples, one example per row.
Data = tuple[Array, Array, Array | None]


def run(
    net: Network,
    data: Data,
    chosen: Any,
    held_out: Data | None,
    settings: Settings,
    best: Best,
    checkpoint: Checkpoint | None,
    callbacks: tuple[Callback, ...],
    progress: bool | None,
) -> None:
    """Train from where the network stands to the last epoch, or to an earlier end."""
    training = training_of(net)
    history, last, batch_size = training.history, settings.last, settings.batch_size
    metric, step = metric_for(net.objective.loss.name), None
    n = int(data[0].shape[0]) if chosen is None else len(chosen)
    steps = -(-n // batch_size)
    watched = "cost" if held_out is None else "validation_cost"
    diverged = False
    with (
        ProgressBar(last, n, metric.name, progress) as bar,
        Interrupts(wait=checkpoint is not None) as interrupts,
    ):
        while training.epoch < last:
            began = time.perf_counter()
            step = _step(net, settings.clip_norm, step)
            rates = _rates(training, steps, last, history.get(watched, ()))
            try:
                state, cost = net.backend.epoch(
                    step,
                    net.state,
                    # nothing else holds the order: it is gone before the next one is drawn
                    Epoch(
                        data,
                        _order(net.seed, training.epoch, n, chosen, settings.shuffle),
                        batch_size,
                        rates,
                        _keys(net, training.epoch, steps),
                    ),
                    net.compiled,
                )
            except Exception as error:
                if net.backend.ran_out_of_memory(error):
                    raise _step_out_of_memory(net, min(batch_size, n)) from error
                raise
            net.state = state
            training.step += steps
            training.epoch += 1
            row = {
                "epoch": training.epoch,
                "cost": cost,
                "learning_rate": training.optimizer.schedule(
                    training.epoch, last, history.get(watched, ())
                ),
                "seconds": time.perf_counter() - began,
            }
            if held_out is not None:
                row |= _evaluate(net, held_out, metric)
            for name, value in row.items():
                history.setdefault(name, []).append(value)
            bar.update(row)

            # the last step of an epoch may break what its cost does not show yet
            diverged = not (
                math.isfinite(cost)
                and math.isfinite(row[watched])
                and is_finite(net.theta, net.backend)
            )
            if diverged:
                _warn_not_finite(net, row["learning_rate"], best)
                break
            if row[watched] < best.cost - (settings.tolerance if best.cost < math.inf else 0.0):
                copies = (net.xp.asarray(x, copy=True) for x in (net.theta, net.buffers))
                best = Best(row[watched], training.epoch, *copies)
            try:
                stop = _call_back(callbacks, net)
            except BaseException:
                if checkpoint is not None:
                    checkpoint.write(net, best)
                raise
            waited = training.epoch - max(best.epoch, settings.first)
            if stop or (settings.patience is not None and waited >= settings.patience):
                break
            if checkpoint is not None and training.epoch < last:
                if interrupts.seen or checkpoint.is_due(training.epoch):
                    checkpoint.write(net, best)
                if interrupts.seen:
                    raise KeyboardInterrupt
        if (settings.patience is not None or diverged) and best.theta is not None:
            net.theta, net.buffers = best.theta, best.buffers
            if diverged:  # and so did what the optimizer remembers
                training.state = training.optimizer.initial_state(net.theta, net.xp)
                training.step = 0
        if checkpoint is not None:
            if diverged and best.theta is None:
                checkpoint.discard()
            else:
                checkpoint.write(net, best, finished=True)


class Interrupts:
    """Ctrl-C waits for the end of the epoch, where training can be kept; a second one does not.

    Only in the main thread, which is where Python takes signals, and only where nobody has a
    handler of their own.
    """

    def __init__(self, *, wait: bool) -> None:
        self.seen = False
        self._waits = (
            wait
            and threading.current_thread() is threading.main_thread()
            and signal.getsignal(signal.SIGINT) is signal.default_int_handler
        )

    def __enter__(self) -> Self:
        if self._waits:
            signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if self._waits:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        if self.seen and kind is None:
            raise KeyboardInterrupt

    def _note(self, *_: object) -> None:
        if self.seen:
            raise KeyboardInterrupt
        self.seen = True


def _step(net: Network, clip_norm: float | None, before: TrainingStep | None) -> TrainingStep:
    """Return the training step: that of the epoch before, where no callback changed anything."""
    step = TrainingStep(net.objective, training_of(net).optimizer.in_a_step(), clip_norm)
    return before if before is not None and before == step else step


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
            training.state = training.optimizer.initial_state(net.theta, net.xp)
            training.step = 0


def _rates(
    training: Training, steps: int, epochs: int, costs: Sequence[float]
) -> list[tuple[float, float]]:
    """The update's rate and the weight decay of each step; the schedule is read mid-step."""
    optimizer, rates = training.optimizer, []
    for i in range(steps):
        alpha = optimizer.schedule(training.epoch + (i + 0.5) / steps, epochs, costs)
        rates.append((optimizer.rate(alpha, training.step + i + 1), alpha * optimizer.weight_decay))
    return rates


def _keys(net: Network, epoch: int, steps: int) -> Any:
    """The key of each step, from which its dropout masks are drawn."""
    xp = get_backend("numpy").xp
    numbers = xp.arange(steps, dtype=xp.int32)
    if not net.objective.dropouts:
        return xp.stack([numbers, numbers], axis=1)  # nobody draws from them
    return step_keys(net.seed, epoch, numbers, xp)


def _order(seed: int, epoch: int, n: int, chosen: Any, shuffle: bool) -> Any:
    """The rows an epoch visits; None for all of them as they stand."""
    if not shuffle:
        return chosen
    order = host.permutation(n, seed, ORDER, epoch)
    return order if chosen is None else chosen[order]


def _evaluate(
    net: Network, data: tuple[Array, Array, Array | None], metric: Metric
) -> dict[str, float]:
    X, Y, _ = data
    score = metric(net.outputs(X), Y, xp=net.xp)
    return {
        "validation_cost": net.mean_cost(*data),
        "validation_score": float(net.backend.to_numpy(score)),
    }


def _step_out_of_memory(net: Network, batch_size: int) -> OutOfMemory:
    # theta, its gradient and the optimizer's vectors; forward and backward, Z and A and their d's
    numbers = (2 + training_of(net).optimizer.slots) * net.objective.size
    numbers += 4 * batch_size * sum(net.objective.widths) * net.objective.layers.members
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
