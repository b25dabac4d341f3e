"""What several commands need: arguments, the backend and why, a model with its preparation."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import printable

if TYPE_CHECKING:
    from ..backends import Backend
    from ..network import Network
    from ..tabular import Preparation

Data = Annotated[
    str,
    typer.Argument(
        metavar="DATA",
        help="digits, breast_cancer, wine, iris, diabetes, or a .csv, .parquet, .npz or .npy file.",
        show_default=False,
    ),
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
        help="auto, numpy, cupy, torch, jax, with a device behind a colon: cupy:1.",
        show_default="auto: a GPU where one is usable",
    ),
]


def say(line: str, *, err: bool = False) -> None:
    """Print a line; what names of files, columns and classes hold does not steer the terminal."""
    typer.echo(printable(line), err=err)


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


def load_model(path: Path, backend: Backend) -> tuple[Network, Preparation]:
    """Return a trained network, and how its data is prepared."""
    from ..errors import InvalidArgument
    from ..saving import load_with_preparation
    from ..tabular import Preparation

    file = path / "model.safetensors" if path.is_dir() else path
    net, preparation = load_with_preparation(file, backend=backend)
    found, widths = Preparation.from_json(preparation), net.architecture.widths
    if (found.n_features, found.n_outputs) != (widths[0], widths[-1]):
        raise InvalidArgument(
            f"path={str(file)!r}: the preparation gives {found.n_features} features and "
            f"{found.n_outputs} outputs, the network has {widths[0]} and {widths[-1]}."
        )
    return net, found
