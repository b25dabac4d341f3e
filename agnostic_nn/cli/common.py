"""What several commands need: arguments, the backend and why, a model with its preparation."""

from __future__ import annotations

import contextlib
import sys
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import TableWarning, TrainingWarning, printable

if TYPE_CHECKING:
    from ..backends import Backend
    from ..network import Network
    from ..tabular import Preparation

#: Seconds until the first line of `EpochLines`.
FIRST_LINE = 5.0

_DATA = (
    "digits, breast_cancer, wine, iris, diabetes; a file: .csv, .tsv, .jsonl, .parquet, .feather, "
    ".xlsx, .npz, .npy; a folder of them; - for standard input."
)
Data = Annotated[str, typer.Argument(metavar="DATA", help=_DATA, show_default=False)]
DataFiles = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="DATA", help=f"{_DATA} Several are one below the other.", show_default=False
    ),
]
AsJSON = Annotated[
    bool, typer.Option("--json", help="Print one JSON object, and nothing else, instead.")
]
NewFolder = Annotated[
    Path | None, typer.Option(help="A new folder.", show_default="runs/DATA-date-time")
]
Model = Annotated[
    Path,
    typer.Argument(
        metavar="MODEL", help="A run folder, or a .safetensors file.", show_default=False
    ),
]
BackendName = Annotated[
    str | None,
    typer.Option(
        "--backend",
        metavar="NAME",
        help="auto, numpy, numba, cupy, cuda, torch, jax, with a device behind a colon: cupy:1.",
        show_default="auto: a GPU where one is usable",
    ),
]

Separator = Annotated[
    str | None,
    typer.Option("--sep", help="Between columns: a character, or tab.", show_default="found"),
]
Encoding = Annotated[
    str | None,
    typer.Option(help="Of text: utf-8, cp1252, shift_jis.", show_default="found"),
]
Decimal = Annotated[
    str | None,
    typer.Option(help="Before the fraction of numbers: . or a comma.", show_default="found"),
]
MaxMemory = Annotated[
    str | None,
    typer.Option(
        metavar="SIZE",
        help="Of a table in memory, or of a part where it is read in parts: 500MB, 8GB.",
        show_default="half of the machine's",
    ),
]


def table_options(
    separator: str | None, encoding: str | None, decimal: str | None, max_memory: str | None
) -> dict[str, Any]:
    """Return how a table is to be read, in the terms of `read_table`."""
    return {
        "separator": separator,
        "encoding": encoding,
        "decimal": decimal,
        "max_memory": None if max_memory is None else in_number(max_memory),
    }


def in_number(size: str) -> int:
    """Return how many bytes "500MB" or "8 GB" are."""
    from ..errors import InvalidArgument

    units = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
    number = size.strip().upper().rstrip("BKMGT ")
    unit = size.strip().upper()[len(number) :].strip()
    try:
        found = float(number) * units[unit if unit.endswith("B") or not unit else f"{unit}B"]
        if not 0 < found < float("inf"):
            raise ValueError
    except (KeyError, ValueError):
        raise InvalidArgument(
            f"max_memory={size!r}: wanted a number of bytes such as 500MB or 8GB."
        ) from None
    return int(found)


def say(line: str, *, err: bool = False) -> None:
    """Print a line; what names of files, columns and classes hold does not steer the terminal."""
    typer.echo(printable(line), err=err)


def print_json(content: Any) -> None:
    """Print what a program is going to read."""
    import json

    typer.echo(json.dumps(content, allow_nan=False))


def quiet(line: str, *, err: bool = False) -> None:
    """Print nothing, where a program reads what is printed."""


class EpochLines:
    """Says now and then how training goes, where no progress bar does: a callback of `train`.

    Lines go to standard error, further and further apart.
    """

    def __init__(self) -> None:
        self._watched = sys.stderr.isatty()  # by a person, who has the bar
        self._pause, self._next = FIRST_LINE, time.monotonic() + FIRST_LINE

    def __call__(self, _: Network, history: Mapping[str, Sequence[float]]) -> None:
        """Say how far it is, if it is time to."""
        if self._watched or time.monotonic() < self._next:
            return
        self._pause = min(2.0 * self._pause, 60.0)
        self._next = time.monotonic() + self._pause
        text = f"epoch {history['epoch'][-1]}: cost {history['cost'][-1]:.4g}"
        if "validation_cost" in history:
            text += f", {history['validation_cost'][-1]:.4g} on rows that are watched"
        say(f"{text}, {history['seconds'][-1]:.2g} s", err=True)


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


def choose_backend(name: str | None) -> tuple[Backend, str]:
    """Return the backend, and one line that says which it is and why."""
    from ..backends import VARIABLE, availability, chosen_backend, get_backend

    if name is None and chosen_backend() is not None:
        backend, why = get_backend(), f"as {VARIABLE} says"
    elif name not in (None, "auto"):
        backend, why = get_backend(name), "as --backend says"
    else:
        backend, gpu = get_backend("auto"), availability("cupy")
        why = gpu.device if gpu.usable else f"no usable CUDA GPU (cupy: {gpu.reason})"
    return backend, f"{backend.name}: {why}"


def model_file(path: Path) -> Path:
    """Return the file of a model, which may be called by its run's folder."""
    return path / "model.safetensors" if path.is_dir() else path


def told_of(path: Path) -> dict[str, Any]:
    """Return the settings of the run that a model is from; none where the file does not say."""
    from ..saving import describe

    run = describe(model_file(path)).get("run")
    settings = run.get("settings") if isinstance(run, dict) else None
    return settings if isinstance(settings, dict) else {}


def load_model(path: Path, backend: Backend) -> tuple[Network, Preparation]:
    """Return a trained network, and how its data is prepared."""
    from ..saving import load_with_preparation
    from ..tabular import Preparation

    file = model_file(path)
    net, stored = load_with_preparation(file, backend=backend)
    preparation = Preparation.from_json(stored)
    preparation.check_network(net, f"path={str(file)!r}")
    return net, preparation


def warn_of_known_rows(preparation: Preparation, X: Any) -> None:
    """Say where a table has rows that the model was trained on: its scores would flatter it."""
    same, of = preparation.known_rows(X)
    if same > 0.1 * of:
        say(
            f"agnostic-nn: warning: {same:,} of {of:,} rows are equal to rows that the model was "
            "trained on: rows it has never seen would tell how good it is.",
            err=True,
        )
