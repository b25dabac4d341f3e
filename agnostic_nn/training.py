"""Training a network, and going on with it after a crash."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable
from typing import Any

from .backends import Backend, backend_of, host
from .checkpoints import (
    Best,
    Checkpoint,
    Plan,
    claimed,
    resumed,
)
from .checks import check_flag, check_number
from .epochs import Callback, Examples, Run, out_of_memory
from .errors import InvalidArgument, InvalidType, shown
from .fingerprints import NAMES, check_same_data, fingerprint
from .namespace import Array
from .network import SPLIT, Network, check_network, training_of
from .optimizers import Optimizer, begin, get_optimizer
from .registered import to_json
from .rows import read_weights
from .step import TrainingStep
from .training_state import History, Training

__all__ = ["Callback", "History", "Training", "TrainingStep", "resume", "train"]


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
    watch: str = "cost",
    among_equals: str = "first",
    drop_last: bool = False,
    clip_norm: float | None = None,
    callbacks: Iterable[Callback] = (),
    progress: bool | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    checkpoint_every: int | None = None,
) -> History:
    """Train a network; called again, training goes on where it stopped.

    Parameters
    ----------
    net : Network
        Its parameters change in place.
    X : array-like, shape (n_samples, n_features)
        Features, one example per row, standardized as a rule.
    Y : array-like, shape (n_samples, n_outputs) or (n_samples,)
        Targets: 0 and 1 for binary cross-entropy; for categorical cross-entropy one-hot rows, or
        labels, whole numbers from 0 on.
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
    watch : {"cost", "score"}, default "cost"
        What tells a better epoch: a lower cost, or a higher score of the validation examples,
        each of which counts the same there, whatever their weights.
    among_equals : {"first", "last"}, default "first"
        Which of equally good epochs is the best one; `patience` counts from there.
    drop_last : bool, default False
        Whether an epoch leaves out the examples that do not fill its last minibatch, which are
        others each time where it shuffles. With fewer examples than a minibatch none is left out.
    clip_norm : float, optional
        The largest norm a gradient may have; larger ones are scaled down. Not for an `Ensemble`,
        whose members' gradients would be scaled together.
    callbacks : iterable of callable
        Each is called as ``callback(net, history)`` after each epoch; a true answer stops. It may
        put another optimizer in the place of ``net.training.optimizer``: the next epoch takes it,
        and what is remembered goes on where it is of the same kind.
    progress : bool, optional
        Whether to show a progress bar; left out, when a person watches a terminal.
    checkpoint : str or path, optional
        A file to keep where training stands in, from before the first epoch on, for `resume` to
        go on from after a crash. One run writes it at a time. With it, Ctrl-C waits for the end
        of the epoch, and a second one does not wait.
    checkpoint_every : int, optional
        Epochs from one checkpoint to the next; left out, as often as takes at most about a
        twentieth of the time.

    Returns
    -------
    dict of str to list of float
        Epoch by epoch, all training of this network so far: "epoch", "cost", "learning_rate",
        "seconds", and with validation "validation_cost" and "validation_score" (accuracy, or
        R^2 for regression), of an ensemble both those of its members' mean.

    Raises
    ------
    InvalidType
        If an argument is of another kind than described.
    InvalidArgument
        If a value is not one training can work with, or the checkpoint cannot be written.
    OutOfMemory
        If the device has too little memory; the message says what was needed.

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
    check_network(net)
    check_number("epochs", epochs, at_least=0, integer=True)
    first = 0 if net.training is None else net.training.epoch
    fraction = None if isinstance(validation, (tuple, list)) else validation
    plan = Plan(
        first, first + epochs, batch_size, shuffle, fraction, patience, tolerance, clip_norm,
        drop_last, watch, among_equals,
    )  # fmt: skip
    if plan.watch == "score" and validation is None:
        raise InvalidArgument("watch='score': wanted validation as well, to have a score of.")
    if clip_norm is not None and any(each.copies > 1 for each in net.objective.parameters):
        raise InvalidArgument(
            f"clip_norm={shown(clip_norm)}: wanted none for an Ensemble, whose members would be "
            "scaled down together."
        )
    rule, watchers = _rule(net, optimizer), _watchers(callbacks, progress)
    with claimed(checkpoint, checkpoint_every):
        if checkpoint is not None:
            from .saving import encode

            encode(net, training=to_json(rule))  # what cannot be written is found before any work
        _settle(net, X)
        examples = _examples(net, X, Y, sample_weight, validation)
        writer = None
        if checkpoint is not None:
            arrays = _arrays(net, examples, sample_weight, validation)
            writer = Checkpoint(checkpoint, checkpoint_every, plan, fingerprint(net, arrays))
        _take_up(net, rule)
        if writer is not None:
            writer.write(net, Best())  # however early it is stopped, training can go on
        Run(net, examples, plan, Best(), writer, watchers, progress)()
    return training_of(net).history


def resume(
    path: str | os.PathLike[str],
    X: Any,
    Y: Any,
    *,
    sample_weight: Any = None,
    validation: tuple[Any, ...] | None = None,
    callbacks: Iterable[Callback] = (),
    progress: bool | None = None,
    backend: str | Backend | None = None,
) -> Network:
    """Go on with training from a checkpoint, as if it had never stopped.

    On the same backend, the network ends with the same bits as one whose training was not
    interrupted. The optimizer and all settings are those of the checkpoint, which goes on being
    written.

    Parameters
    ----------
    path : str or path
        The file that ``train(..., checkpoint=path)`` wrote.
    X, Y, sample_weight : array-like
        The same data that training began with, in the same order: a checkpoint knows them by
        their shapes and a digest of every number, in the network's dtype.
    validation : tuple (X, Y) or (X, Y, sample_weight), optional
        The same, where training was given other examples to watch the cost on.
    callbacks : iterable of callable
        As for `train`; what they remember themselves is not in the file.
    progress : bool, optional
        As for `train`.
    backend : str or Backend, optional
        Where to go on; left out, where training was: the library of the backend that the file
        names is then imported.

    Returns
    -------
    Network
        The trained network; its ``training.history`` is that of all epochs.

    Raises
    ------
    InvalidArgument
        If the file is not a checkpoint or damaged, the data are not the same, or another run
        goes on from it at this moment.
    BackendUnavailable
        If the backend cannot be used here.
    OutOfMemory
        If the device has too little memory; the message says what was needed.

    Examples
    --------
    >>> import tempfile
    >>> X, Y = [[0.0], [1.0], [2.0]], [0.0, 1.0, 2.0]
    >>> def crash(net, history):
    ...     if net.training.epoch == 3:
    ...         raise RuntimeError("power failure")
    >>> net = Network([1, 4, 1], "squared_error")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = f"{folder}/checkpoint.safetensors"
    ...     try:
    ...         history = train(net, X, Y, epochs=5, checkpoint=path, callbacks=[crash])
    ...     except RuntimeError:
    ...         net = resume(path, X, Y)
    >>> net.training.history["epoch"]
    [1, 2, 3, 4, 5]
    """
    watchers = _watchers(callbacks, progress)
    if validation is not None and not isinstance(validation, (tuple, list)):
        raise InvalidArgument(
            f"validation={shown(validation)}: wanted the data that training was given, or nothing: "
            "a fraction is in the checkpoint."
        )
    with resumed(path, backend) as (net, checkpoint, best, finished):
        given = checkpoint.plan.validation if validation is None else validation
        examples = _examples(net, X, Y, sample_weight, given)
        arrays = _arrays(net, examples, sample_weight, validation)
        check_same_data(checkpoint.data, fingerprint(net, arrays, like=checkpoint.data))
        if not finished:
            Run(net, examples, checkpoint.plan, best, checkpoint, watchers, progress)()
    return net


def _settle(net: Network, X: Any) -> None:
    """Where nobody chose a backend, the first data to train on does."""
    library = backend_of(X)
    if library is not None and not net.backend_was_chosen:
        net.to(library)


def _rule(net: Network, optimizer: str | Optimizer | None) -> Optimizer:
    """Return the optimizer: left out, the one that training was begun with."""
    if optimizer is None and net.training is not None:
        return net.training.optimizer
    return get_optimizer("adam" if optimizer is None else optimizer)


def _watchers(callbacks: Iterable[Callback], progress: bool | None) -> tuple[Callback, ...]:
    """Check who looks on."""
    if progress is not None:
        check_flag("progress", progress)
    try:
        watchers = tuple(callbacks)
    except TypeError:  # also of what only looks as if one could go through it
        raise InvalidType(
            f"callbacks is of type {type(callbacks).__name__}: wanted a list."
        ) from None
    for callback in watchers:
        if not callable(callback):
            raise InvalidType(f"callbacks holds {shown(callback)}: wanted what can be called.")
    return watchers


def _take_up(net: Network, rule: Optimizer) -> None:
    """Go on with the same optimizer, or begin with a new one; the history goes on either way."""
    training = net.training
    if training is None:
        net.training = Training(rule, begin(rule, net.theta, net.xp))
    elif training.optimizer != rule:
        training.optimizer, training.state = rule, begin(rule, net.theta, net.xp)
        training.step = 0


def _examples(net: Network, X: Any, Y: Any, sample_weight: Any, validation: Any) -> Examples:
    """Check the data, and divide them where a fraction is to be held out."""
    try:
        data = net.check_data(X, Y, sample_weight)
    except Exception as error:
        if net.backend.ran_out_of_memory(error):
            numbers = sum(math.prod(getattr(values, "shape", (0,))) for values in (X, Y))
            raise out_of_memory(
                net, "the data", numbers, "beside the network", "take fewer examples"
            ) from error
        raise
    if validation is None:
        return Examples(data)
    if isinstance(validation, (tuple, list)) and len(validation) in (2, 3):
        return Examples(data, held_out=net.check_data(*validation))
    check_number("validation", validation, above=0.0, below=1.0)
    n = int(data[0].shape[0])
    if n < 2:
        raise InvalidArgument(
            f"validation={validation!r}: wanted at least 2 examples to hold some out, got {n}."
        )
    order = host.permutation(n, net.seed, SPLIT)
    held = min(max(1, round(validation * n)), n - 1)
    chosen, watched = order[held:], order[:held]
    # weights of mean 1 keep the scale of a cost: those of its own examples
    X, Y, _ = data
    of_chosen = net.check_weights(sample_weight, n, chosen, " among the examples trained on")
    of_watched = net.check_weights(sample_weight, n, watched, " among those held out")
    ((x, y, weight),) = net.backend.batches((X, Y, of_watched), watched, held, net.dtype)
    return Examples((X, Y, of_chosen), chosen, (x, y, weight))


def _arrays(
    net: Network, examples: Examples, sample_weight: Any, validation: Any
) -> dict[str, Array | None]:
    """Return what a checkpoint knows data by: all that was given."""
    arrays = [*examples.data[:2], _shares(net, sample_weight)]
    if isinstance(validation, (tuple, list)):
        assert examples.held_out is not None
        arrays += [
            *examples.held_out[:2],
            _shares(net, validation[2] if len(validation) > 2 else None),
        ]
    return dict(zip(NAMES, arrays, strict=False))


def _shares(net: Network, sample_weight: Any) -> Array | None:
    """Return weights as shares of the largest: a division, which every machine rounds alike."""
    if sample_weight is None:
        return None
    weights = read_weights(sample_weight, of=net)
    return net.backend.hold(weights / weights.max(), net.dtype)
