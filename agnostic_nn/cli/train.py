"""`agnostic-nn train`: from a table to a trained network, its scores and its pictures."""

from __future__ import annotations

import contextlib
import json
import math
import shlex
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import InvalidArgument, TableWarning, TrainingWarning
from .common import BackendName, Data, choose_backend, say

if TYPE_CHECKING:
    from ..network import Network
    from ..optimizers import Optimizer
    from ..tabular import Preparation

#: How many steps an epoch count that was left out aims at.
STEPS = 1000

#: From here on a table is seen less often, in larger batches.
MANY_ROWS = 10_000

#: What a run's folder holds until the run is done, for `agnostic-nn resume`.
CHECKPOINT, SETTINGS = "checkpoint.safetensors", "settings.json"


def train(
    data: Data,
    target: Annotated[
        str | None,
        typer.Option(
            help="The column to predict; its number in an .npy file.",
            show_default="what the data itself says",
        ),
    ] = None,
    task: Annotated[
        str | None,
        typer.Option(
            help="classification or regression.",
            show_default="classification where the target is text, true/false, or at most 20 "
            "distinct whole numbers with 5 rows for each",
        ),
    ] = None,
    backend: BackendName = None,
    hidden: Annotated[
        str, typer.Option(metavar="N,N,...", help="Units of each hidden layer; 0 for none.")
    ] = "128,64",
    activation: Annotated[str, typer.Option(help="Of the hidden layers.")] = "relu",
    optimizer: Annotated[
        str, typer.Option(help="sgd, momentum, nesterov, rmsprop, adam or adamw.")
    ] = "adamw",
    learning_rate: Annotated[
        float | None,
        typer.Option(
            help="At the start; it falls to 0 along half a cosine.",
            show_default="0.002, or 0.05 for sgd, momentum and nesterov",
        ),
    ] = None,
    epochs: Annotated[
        int | None,
        typer.Option(
            help="How often to go through the data.",
            show_default=f"{STEPS:,} steps, in 60 to 300 epochs; 20 from {MANY_ROWS:,} rows on",
        ),
    ] = None,
    batch_size: Annotated[
        int | None,
        typer.Option(help="Examples per step.", show_default="32, and more from 10,000 rows on"),
    ] = None,
    dropout: Annotated[
        float, typer.Option(help="Fraction of hidden units a step leaves out.")
    ] = 0.3,
    dtype: Annotated[str, typer.Option(help="float32, float64, float16 or bfloat16.")] = "float32",
    seed: Annotated[
        int, typer.Option(help="Of the split, the weights, the order and dropout.")
    ] = 0,
    test_fraction: Annotated[
        float, typer.Option(help="Share of the rows to hold out and test on.")
    ] = 0.2,
    out: Annotated[
        Path | None,
        typer.Option(help="A new folder.", show_default="runs/DATA-date-time"),
    ] = None,
    checkpoint_every: Annotated[
        int | None,
        typer.Option(
            metavar="EPOCHS",
            help="How often to keep what a stopped run can go on from; 0 for never.",
            show_default="as often as takes a twentieth of the time",
        ),
    ] = None,
) -> None:
    """Train a network on DATA, and test it on rows that were held out."""
    from .. import training
    from ..activations import get_activation
    from ..checks import check_number
    from ..files import write
    from ..network import Network

    # whatever can be wrong is found before any work is done
    widths = _widths(hidden)
    get_activation(activation)
    rule = _optimizer(optimizer, learning_rate)
    check_number("test_fraction", test_fraction, above=0.0, below=1.0)
    check_number("seed", seed, at_least=0, below=2**32, integer=True)
    if checkpoint_every is not None:
        check_number("checkpoint_every", checkpoint_every, at_least=0, integer=True)
    where, why = choose_backend(backend)
    where.dtype(dtype)
    task_data = TaskData.read(data, target, task, test_fraction, seed)
    preparation, n = task_data.preparation, len(task_data.train[0])
    batch_size = _batch_size(n) if batch_size is None else batch_size
    check_number("batch_size", batch_size, at_least=1, integer=True)
    epochs = _epochs(n, batch_size) if epochs is None else epochs
    check_number("epochs", epochs, at_least=1, integer=True)
    net = Network(
        [preparation.n_features, *widths, preparation.n_outputs],
        preparation.loss,
        activation=activation,
        dropout=dropout,
        seed=seed,
        dtype=dtype,
        backend=where,
    )

    say(f"backend: {why}")
    say(f"data: {task_data.describe()}")
    for note in task_data.notes:
        say(f"data: {note}")
    say(f"task: {_describe_task(preparation)} ({task_data.reason})")
    say(f"network: {net!r}")
    say(
        f"training: {n:,} rows, {len(task_data.y_test):,} held out; {epochs} epochs in batches of "
        f"{min(batch_size, n)}, {optimizer} from learning rate {rule.schedule.initial:g}, "
        f"seed {seed}"
    )

    with _run_folder(task_data.name, out) as folder, says_how_to_resume(folder):
        checkpoint = None if checkpoint_every == 0 else folder / CHECKPOINT
        if checkpoint is not None:
            file = str(Path(data).resolve()) if Path(data).is_file() else data
            settings = {
                "data": file, "target": target, "task": task, "test_fraction": test_fraction,
                "seed": seed,
            }  # fmt: skip
            write(folder / SETTINGS, json.dumps(settings, indent=2).encode())
        with plain_warnings():
            # the held-out rows are looked at after each epoch, and decide nothing
            training.train(
                net, *task_data.train, epochs=epochs, batch_size=batch_size, optimizer=rule,
                validation=task_data.test, checkpoint=checkpoint,
                checkpoint_every=checkpoint_every or None,
            )  # fmt: skip
        finish(net, task_data, folder)


@dataclass(frozen=True)
class TaskData:
    """A table made ready: what to train on, what to test on, and how it was prepared.

    Attributes
    ----------
    name : str
        Of the table.
    X : pandas.DataFrame
        All rows.
    X_test, y_test : pandas.DataFrame, pandas.Series
        The rows that were held out.
    train, test : tuple of two arrays
        The network's inputs and targets, of the rows to train on and of those held out.
    preparation : Preparation
        Fitted on the rows to train on.
    reason : str
        Why it is the task it is.
    notes : tuple of str
        What was decided about the table, a sentence each.
    """

    name: str
    X: Any
    X_test: Any
    y_test: Any
    train: tuple[Any, Any]
    test: tuple[Any, Any]
    preparation: Preparation
    reason: str
    notes: tuple[str, ...] = ()

    @classmethod
    def read(
        cls, data: str, target: str | None, task: str | None, test_fraction: float, seed: int
    ) -> TaskData:
        """Read a table and hold rows out; the same arguments give the same data."""
        from ..tabular import Differences, Preparation, read_table, task_of

        table = read_table(data).labelled(target)
        X, y = table.split()
        found, reason = task_of(y)
        reason = reason if task is None else "as --task says"
        X_train, X_test, y_train, y_test = _split(X, y, task or found, test_fraction, seed)
        preparation = Preparation.fit(X_train, y_train, task or found)
        train = preparation.features(X_train), preparation.targets(y_train)
        test = preparation.features(X_test, differences=Differences()), preparation.targets(y_test)
        notes = (*table.notes, *preparation.notes)
        return cls(table.name, X, X_test, y_test, train, test, preparation, reason, notes)

    def describe(self) -> str:
        """Return the data in a line."""
        return _describe_data(self.name, self.X, self.preparation)


def finish(net: Network, data: TaskData, folder: Path) -> None:
    """Test the network, write the run's folder, and say how good it is and where it lies."""
    from ..files import write
    from ..network import is_finite
    from ..saving import save
    from ..tabular import import_pandas
    from . import pictures, report

    history, rate = net.training.history, net.training.optimizer.schedule.initial
    if not is_finite(net.theta, net.backend):
        raise InvalidArgument(
            f"learning_rate={rate:g}: training diverged and left no network to keep: wanted a "
            "smaller learning rate."
        )
    preparation, y_test = data.preparation, data.y_test
    save(net, folder / "model.safetensors", preparation=preparation.to_json())
    rows = len(history["epoch"])
    columns = import_pandas().DataFrame({name: values[:rows] for name, values in history.items()})
    write(folder / "history.csv", columns.astype({"epoch": int}).to_csv(index=False).encode())
    found, outputs = report.scores(net, preparation, data.X_test, y_test)
    name, (score, _) = next(iter(found.items()))
    learning = pictures.learning_curves(history, name)
    write(folder / "learning_curves.png", learning)
    predicted = preparation.predictions(outputs)
    if preparation.classes:
        truth = preparation.labels(y_test)
        picture = pictures.confusion_matrix(truth, predicted, preparation.classes, score)
        write(folder / "confusion_matrix.png", picture)
    else:
        picture = pictures.predicted_against_true(y_test, predicted, preparation.target, score)
        write(folder / "predicted_against_true.png", picture)

    report.show_scores(preparation, f"{len(y_test):,} held-out rows", found)
    seconds = sum(history["seconds"])
    speed = len(data.train[0]) * rows / seconds
    say(f"training time: {seconds:.1f} s, {speed:,.0f} examples/s")
    say(f"model: {folder / 'model.safetensors'}")
    say(f"test {name}: {score:.4f}")
    say(f"pictures: {folder}")
    for name in (CHECKPOINT, SETTINGS):  # there is nothing left to go on with
        (folder / name).unlink(missing_ok=True)


def _widths(hidden: str) -> list[int]:
    try:
        widths = [int(width) for width in hidden.split(",")]
    except ValueError:
        widths = [-1]
    if widths == [0]:
        return []
    if min(widths) < 1:
        raise InvalidArgument(
            f"hidden={hidden!r}: wanted the units of each hidden layer, such as 128,64, or 0."
        )
    return widths


def _optimizer(name: str, learning_rate: float | None) -> Optimizer:
    """Return the rule with a learning rate that falls to 0, so that no epoch has to be chosen."""
    from ..checks import check_number
    from ..optimizers import AdamW, get_optimizer
    from ..schedules import Cosine

    kind = type(get_optimizer(name))
    if learning_rate is None:
        learning_rate = 0.05 if name in ("sgd", "momentum", "nesterov") else 0.002
    check_number("learning_rate", learning_rate, above=0.0, below=math.inf)
    schedule = Cosine(learning_rate)
    # small tables are soon learned by heart: a strong decay, beside dropout
    return AdamW(schedule, weight_decay=1.0) if kind is AdamW else kind(schedule)


def _batch_size(n: int) -> int:
    """32, and from 10,000 rows on what keeps the steps of an epoch below about 300, up to 1024."""
    return 32 if n < MANY_ROWS else min(1024, 2 ** math.ceil(math.log2(n / 300)))


def _epochs(n: int, batch_size: int) -> int:
    """As many as make `STEPS` steps, within bounds: fewer for what would be learned by heart."""
    least = 60 if n < MANY_ROWS else 20
    return min(300, max(least, round(STEPS * batch_size / n)))


def _split(X: Any, y: Any, task: str, test_fraction: float, seed: int) -> Any:
    """Hold rows out; the same share of each class."""
    from sklearn.model_selection import train_test_split

    stratify = None
    if task == "classification":
        counts = y.value_counts()
        counts = counts[counts > 0]  # a categorical column may name classes it has no row of
        if len(counts) > 1 and counts.iloc[-1] < 2:
            alone = counts.index[counts == 1].tolist()
            more = f" and {len(alone) - 1} more classes have" if len(alone) > 1 else " has"
            raise InvalidArgument(
                f"target={y.name!r}: the class {alone[0]!r}{more} a single row: wanted at least "
                "two, one to train and one to test on."
            )
        # by number where classes have one: the split that scikit-learn's users know by its seed
        stratify = getattr(y, "cat", None)
        stratify = y if stratify is None else stratify.codes
    try:
        return train_test_split(X, y, test_size=test_fraction, random_state=seed, stratify=stratify)
    except ValueError as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise InvalidArgument(
            f"test_fraction={test_fraction} cannot split {len(y)} rows: {reason}."
        ) from error


def _describe_data(name: str, X: Any, preparation: Preparation) -> str:
    from ..tabular import Numeric

    numeric = sum(isinstance(column, Numeric) for column in preparation.columns)
    kinds = [f"{numeric} numeric columns"] if numeric else []
    if others := len(preparation.columns) - numeric:
        kinds.append(f"{others} columns of categories")
    inputs = preparation.n_features
    return f"{name}, {len(X):,} rows, {' and '.join(kinds)}, {inputs} inputs"


def _describe_task(preparation: Preparation) -> str:
    if preparation.classes:
        return f"classification of {preparation.target!r}, {len(preparation.classes)} classes"
    return f"regression of {preparation.target!r}"


@contextlib.contextmanager
def _run_folder(name: str, out: Path | None) -> Iterator[Path]:
    """Make the run's folder, which must be new or empty, and take it back if nothing came of it."""
    if out is None:
        first = folder = Path("runs") / f"{name}-{time.strftime('%Y%m%d-%H%M%S')}"
        again = 2
        while folder.exists():  # two runs in one second
            folder = first.with_name(f"{first.name}_{again}")
            again += 1
    else:
        folder = out
        if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
            raise InvalidArgument(f"out={str(out)!r} exists: choose a folder that is new or empty.")
    folder.mkdir(parents=True, exist_ok=True)
    try:
        yield folder
    except BaseException:
        with contextlib.suppress(OSError):
            if not (folder / CHECKPOINT).exists():
                (folder / SETTINGS).unlink(missing_ok=True)
            folder.rmdir()  # refuses, as it should, where there is something in it
        raise


@contextlib.contextmanager
def says_how_to_resume(folder: Path) -> Iterator[None]:
    """Say how to go on with a run that did not come to its end, whatever stopped it."""
    try:
        yield
    except BaseException:
        if (folder / CHECKPOINT).exists():
            say(
                f"stopped; what was learned is kept. Go on with: agnostic-nn resume "
                f"{shlex.quote(str(folder))}"
            )
        raise


@contextlib.contextmanager
def plain_warnings() -> Iterator[None]:
    """Say warnings as the command line says everything: in one line, without code."""

    def show(message: Warning | str, *_: Any, **__: Any) -> None:
        say(f"agnostic-nn: warning: {message}", err=True)

    with warnings.catch_warnings():
        warnings.simplefilter("always", TrainingWarning)
        warnings.simplefilter("always", TableWarning)
        warnings.simplefilter("ignore", RuntimeWarning)  # overflow: the cost will tell
        warnings.showwarning = show
        yield
