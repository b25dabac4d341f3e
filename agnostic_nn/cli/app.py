"""The commands, by name."""

from __future__ import annotations

from typing import Annotated

import typer

from ..version import __version__
from .backends import backends
from .bench import bench
from .compare import compare
from .evaluate import evaluate
from .parity import parity
from .predict import predict
from .resume import resume
from .show import show
from .train import train

app = typer.Typer(
    help="Train neural networks on tables, on the CPU or a GPU.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"agnostic-nn {__version__}")
        raise typer.Exit


@app.callback()
def _always(
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Show the version and exit.", callback=_show_version, is_eager=True
        ),
    ] = False,
) -> None:
    pass


# A new command is a file of its own and a line here.
app.command()(train)
app.command()(resume)
app.command()(predict)
app.command()(evaluate)
app.command()(show)
app.command()(compare)
app.command()(backends)
app.command()(parity)
app.command()(bench)
