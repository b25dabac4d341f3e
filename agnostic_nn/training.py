"""Training: minibatches, epochs, validation, early stopping, history.

A step is the lesson's iteration, forward -> cost -> backward -> update, as one pure function of
theta, the optimizer's state and a minibatch; the backend runs an epoch of them.
"""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from .architecture import Architecture
from .backends import backend_of, host
from .backends.base import Epoch
from .checks import check_number
from .errors import InvalidArgument, OutOfMemory, TrainingWarning
from .metrics import Metric, metric_for
from .namespace import Array, Namespace
from .network import ORDER, SPLIT, Network
from .optimizers import Optimizer, State, clip_by_global_norm, decay_weights, get_optimizer
from .progress import ProgressBar

#: Epoch by epoch: "epoch", "cost", "learning_rate", "seconds", and with a validation set
#: "validation_cost" and "validation_score".
History = dict[str, list[float]]

#: ``callback(net, history)`` after each epoch; a true answer stops training.
Callback = Callable[[Network, History], Any]


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


def train(
    net: Network,
    X: Any,
    Y: Any,
    *,
    epochs: int = 100,
    batch_size: int = 32,
    optimizer: str | Optimizer | None = None,
    sample_weight: Any = None,
    shuffle: bool = True,
    validation: float | tuple[Any, ...] | None = None,
    patience: int | None = None,
    tolerance: float = 0.0,
    clip_norm: float | None = None,
    callbacks: Iterable[Callback] = (),
    progress: bool | None = None,
) -> History:
    """Train a network; called again, training goes on where it stopped.

    Parameters
    ----------
    net : Network
        Its parameters change in place.
    X : array-like, shape (n_samples, n_features)
        Features, one example per row, standardized as a rule.
    Y : array-like, shape (n_samples, n_outputs) or (n_samples,)
        Targets: 0 and 1 for binary cross-entropy, one-hot rows for categorical.
    epochs : int, default 100
        How often to go through all examples.
    batch_size : int, default 32
        Examples per step.
    optimizer : str or Optimizer, optional
        "sgd", "momentum", "nesterov", "rmsprop", "adam", "adamw", or one with settings of its
        own. Left out, the one training was begun with, and "adam" at the beginning.
    sample_weight : array-like, shape (n_samples,), optional
        What each example counts for; only the proportions matter.
    shuffle : bool, default True
        Whether each epoch visits the examples in an order of its own.
    validation : float or tuple (X, Y) or (X, Y, sample_weight), optional
        The fraction of the examples to hold out, or other examples, to watch the cost on.
    patience : int, optional
        Stop after this many epochs without a lower cost, and go back to the best epoch. The cost
        is that of the validation examples where there are any, else that of training.
    tolerance : float, default 0.0
        How much lower a cost has to be to count as lower.
    clip_norm : float, optional
        The largest norm a gradient may have; larger ones are scaled down.
    callbacks : iterable of callable
        Each is called as ``callback(net, history)`` after each epoch; a true answer stops.
    progress : bool, optional
        Whether to show a progress bar; left out, when a person watches a terminal.

    Returns
    -------
    dict of str to list of float
        Epoch by epoch, all training of this network so far: "epoch", "cost", "learning_rate",
        "seconds", and with validation "validation_cost" and "validation_score" (accuracy, or
        R^2 for regression).

    Raises
    ------
    InvalidArgument
        If a value is not one training can work with.

    Warns
    -----
    TrainingWarning
        If the cost became NaN or infinite: training stops, and the network is that of its best
        epoch.

    Examples
    --------
    >>> from agnostic_nn import Nesterov
    >>> net = Network([2, 8, 1], "binary_cross_entropy")
    >>> X, Y = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], [0.0, 1.0, 1.0, 0.0]
    >>> history = train(net, X, Y, epochs=500, optimizer=Nesterov(learning_rate=0.5))
    >>> history["cost"][-1] < 0.1 * history["cost"][0]
    True
    >>> net.predict(X).round().reshape(-1).tolist()
    [0.0, 1.0, 1.0, 0.0]
    """
    check_number("epochs", epochs, at_least=0, integer=True)
    check_number("batch_size", batch_size, at_least=1, integer=True)
    check_number("tolerance", tolerance, at_least=0.0)
    if patience is not None:
        check_number("patience", patience, at_least=1, integer=True)
    if clip_norm is not None:
        check_number("clip_norm", clip_norm, above=0.0)
    callbacks = tuple(callbacks)  # an iterator would be used up after one epoch
    _settle(net, X)
    data = net.check_data(X, Y, sample_weight)
    chosen, held_out = _validation(net, data, validation)
    training = _begin(net, optimizer)
    step = TrainingStep(net.architecture, training.optimizer, net.seed, clip_norm)
    metric = metric_for(net.architecture.loss.name)

    n = int(data[0].shape[0]) if chosen is None else len(chosen)
    steps = -(-n // batch_size)
    history, best = training.history, Best()
    watched = "cost" if held_out is None else "validation_cost"
    first, last = training.epoch, training.epoch + epochs
    with ProgressBar(last, n, metric.name, progress) as bar:
        while training.epoch < last:
            began = time.perf_counter()
            rates = _rates(training, steps, last, history.get(watched, ()))
            order = _order(net.seed, training.epoch, n, chosen, shuffle)
            work = Epoch(data, order, batch_size, rates, training.step + 1)
            try:
                state, cost = net.backend.epoch(
                    step, (net.theta, *training.state), work, training.compiled
                )
            except Exception as error:
                if net.backend.ran_out_of_memory(error):
                    raise _out_of_memory(net, training.optimizer, min(batch_size, n)) from error
                raise
            net.theta, *slots = state
            training.state = tuple(slots)
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

            if not math.isfinite(row[watched]) or not math.isfinite(cost):
                _warn_not_finite(training.epoch, best)
                break
            if row[watched] < best.cost - (tolerance if best.cost < math.inf else 0.0):
                copy = net.xp.asarray(net.theta, copy=True)
                best = Best(row[watched], training.epoch, copy)
            # every callback is called, also after one has asked to stop
            stop = [callback(net, history) for callback in callbacks]
            if any(stop):
                break
            if patience is not None and training.epoch - max(best.epoch, first) >= patience:
                break
    diverged = bool(history.get("cost")) and not math.isfinite(history[watched][-1])
    if (patience is not None or diverged) and best.theta is not None:
        net.theta = best.theta
        training.compiled.clear()  # what was prepared for the other array
    return history


@dataclass(frozen=True)
class TrainingStep:
    """The lesson's iteration as a pure function: forward -> cost -> backward -> update.

    Two equal steps compute the same, so a backend that compiles one need not compile the other.
    """

    architecture: Architecture
    optimizer: Optimizer
    seed: int
    clip_norm: float | None = None

    def __call__(
        self,
        state: State,
        batch: Sequence[Array | None],
        rates: Sequence[Any],
        t: Array,
        xp: Namespace,
    ) -> tuple[State, Array]:
        """Return the state after training step t, and the cost before it."""
        theta, *slots = state
        X, Y, weight = (None if rows is None else rows.T for rows in batch)
        masks = self.architecture.masks(self.seed, t, batch[0], xp)

        cost, gradient = self.architecture.cost_and_gradient(
            theta, X, Y, weight, masks=masks, xp=xp
        )
        if self.clip_norm is not None:
            gradient = clip_by_global_norm(gradient, self.clip_norm, xp)

        rate, decay = rates
        if self.optimizer.weight_decay > 0.0:
            theta = decay_weights(theta, self.architecture.decayed(theta, xp), decay)
        theta, updated = self.optimizer.update(theta, gradient, tuple(slots), rate, xp)
        return (theta, *updated), cost


def _settle(net: Network, X: Any) -> None:
    """Where nobody chose a backend, the first data to train on does."""
    library = backend_of(X)
    if library is not None and not net.backend_was_chosen:
        net.to(library)


def _begin(net: Network, optimizer: str | Optimizer | None) -> Training:
    """Go on with the same optimizer, or begin with a new one; the history goes on either way."""
    before: Training | None = net.training
    if before is not None and optimizer is None:
        return before
    rule = get_optimizer("adam" if optimizer is None else optimizer)
    if before is None:
        before = Training(rule, rule.initial_state(net.theta, net.xp))
    elif before.optimizer != rule:
        before.optimizer, before.state = rule, rule.initial_state(net.theta, net.xp)
        before.step = 0
    net.training = before
    return before


def _rates(
    training: Training, steps: int, epochs: int, costs: Sequence[float]
) -> list[tuple[float, float]]:
    """The update's rate and the weight decay of each step; the schedule is read mid-step."""
    optimizer, rates = training.optimizer, []
    for i in range(steps):
        alpha = optimizer.schedule(training.epoch + (i + 0.5) / steps, epochs, costs)
        rates.append((optimizer.rate(alpha, training.step + i + 1), alpha * optimizer.weight_decay))
    return rates


def _order(seed: int, epoch: int, n: int, chosen: Any, shuffle: bool) -> Any:
    """The rows an epoch visits; None for all of them as they stand."""
    if not shuffle:
        return chosen
    order = host.permutation(n, seed, ORDER, epoch)
    return order if chosen is None else host.take(chosen, order)


def _validation(
    net: Network, data: tuple[Array, Array, Array | None], validation: Any
) -> tuple[Any, tuple[Array, Array, Array | None] | None]:
    """Return the rows to train on, None for all, and the data to watch the cost on."""
    if validation is None:
        return None, None
    if isinstance(validation, (tuple, list)) and len(validation) in (2, 3):
        return None, net.check_data(*validation)
    check_number("validation", validation, above=0.0, below=1.0)
    n = int(data[0].shape[0])
    if n < 2:
        raise InvalidArgument(
            f"validation={validation!r}: wanted at least 2 examples to hold some out, got {n}."
        )
    order = host.permutation(n, net.seed, SPLIT)
    held = min(max(1, round(validation * n)), n - 1)
    ((X, Y, weight),) = net.backend.batches(data, order[:held], held, net.dtype)
    return order[held:], (X, Y, weight)


def _evaluate(
    net: Network, data: tuple[Array, Array, Array | None], metric: Metric
) -> dict[str, float]:
    X, Y, _ = data
    score = metric(net.outputs(X), Y, xp=net.xp)
    return {
        "validation_cost": net.mean_cost(*data),
        "validation_score": float(net.backend.to_numpy(score)),
    }


def _out_of_memory(net: Network, optimizer: Optimizer, batch_size: int) -> OutOfMemory:
    # theta, its gradient and the optimizer's vectors; forward and backward, Z and A and their d's
    numbers = (2 + optimizer.slots) * net.architecture.size
    numbers += 4 * batch_size * sum(net.architecture.widths)
    needed = numbers * net.xp.finfo(net.dtype).bits / 8 / 2**30
    device, memory = net.backend.describe()
    there = f"{device} has {memory / 2**30:.1f} GiB" if memory else f"{device} has less"
    return OutOfMemory(
        f"a step with batch_size={batch_size} needs about {needed:,.1f} GiB beside the data, and "
        f"{there}: take smaller batches or fewer units."
    )


def _warn_not_finite(epoch: int, best: Best) -> None:
    kept = f"those of epoch {best.epoch}" if best.theta is not None else "not worth keeping"
    warnings.warn(
        f"the cost is not finite after epoch {epoch}: training stopped, the parameters are "
        f"{kept}. A smaller learning rate, clip_norm or standardized features may help.",
        TrainingWarning,
        stacklevel=3,
    )
