"""The commands, by name."""

from __future__ import annotations

import typer

from .backends import backends
from .bench import bench
from .evaluate import evaluate
from .parity import parity
from .predict import predict
from .resume import resume
from .train import train

app = typer.Typer(
    help="Train neural networks on tables, on the CPU or a GPU.",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

# A new command is a file of its own and a line here.
app.command()(train)
app.command()(resume)
app.command()(predict)
app.command()(evaluate)
app.command()(backends)
app.command()(parity)
app.command()(bench)
