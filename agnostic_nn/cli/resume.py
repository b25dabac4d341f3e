"""`agnostic-nn resume`: go on with a run that was stopped, to the same end."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from ..errors import InvalidArgument
from .common import say
from .train import CHECKPOINT, SETTINGS, TaskData, finish, plain_warnings, says_how_to_resume


def resume(
    run: Annotated[
        Path,
        typer.Argument(
            metavar="RUN", help="The folder of a run that was stopped.", show_default=False
        ),
    ],
    backend: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Where to go on, as for train.", show_default="where it was"
        ),
    ] = None,
) -> None:
    """Go on with RUN after Ctrl-C or a crash: the model is the one it would have been."""
    from .. import training
    from ..saving import describe

    checkpoint = run / CHECKPOINT
    if not (checkpoint.exists() and (run / SETTINGS).exists()):
        done = " It is done." if (run / "model.safetensors").exists() else ""
        raise InvalidArgument(
            f"run={str(run)!r} holds no {CHECKPOINT} and {SETTINGS} to go on from.{done}"
        )
    try:
        stands = describe(checkpoint)["training"]
        data = TaskData.read(**json.loads((run / SETTINGS).read_text()))
        line = f"after epoch {stands['epoch']} of {stands['settings']['last']}"
    except (KeyError, TypeError, ValueError) as error:
        if isinstance(error, InvalidArgument):
            raise
        raise InvalidArgument(
            f"run={str(run)!r}: its {CHECKPOINT} or {SETTINGS} is damaged ({error!r})."
        ) from error
    say(f"data: {data.describe()}")
    say(f"training: goes on {line}")
    with says_how_to_resume(run):
        with plain_warnings():
            net = training.resume(checkpoint, *data.train, validation=data.test, backend=backend)
        say(f"network: {net!r}")
        finish(net, data, run)
