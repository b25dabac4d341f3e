"""`agnostic-nn resume`: go on with a run that was stopped, to the same end."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import InvalidArgument
from .common import AsJSON, plain_warnings, quiet, say
from .runs import CHECKPOINT, MODEL, SETTINGS, held_run, read_run, says_how_to_resume

if TYPE_CHECKING:
    from ..training import Callback


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
    json: AsJSON = False,
) -> None:
    """Go on with RUN after Ctrl-C or a crash: the model is the one it would have been."""
    from ..deadlines import Deadline
    from . import fitting
    from .choices import check
    from .data import Source
    from .finishing import finish
    from .in_time import Clock, keep_some, tell_if_cut, used, warn_of_overrun
    from .outcome import tested

    tell = quiet if json else say
    with held_run(run, "run"):
        _check_there(run)
        settings = read_run(run)["settings"]
        limit = settings.time_limit
        deadline = None if limit is None else Deadline(limit, used(run))
        check(settings)
        line = fitting.where_it_stands(run / CHECKPOINT, run)
        source = Source.read(settings)
        data = source.divide(settings)
        tell(f"data: {source.describe(data.preparation)}")
        callbacks: tuple[Callback, ...] = ()
        if deadline is not None:
            keep_some(deadline)
            line += f", with {max(0.0, deadline.left):.1f} s left of time_limit={limit:g}"
            callbacks = (Clock(run, deadline), Deadline(deadline.share()))
        tell(f"training: goes on {line}")
        with says_how_to_resume(run), plain_warnings():
            net = fitting.go_on(run / CHECKPOINT, data, settings, backend, callbacks)
            tell_if_cut(net, settings, tell)
            tell(f"network: {net!r}")
            found = tested(net, data, settings, deadline)
            finish(found, source, settings, run, as_json=json)
    warn_of_overrun(deadline)


def _check_there(run: Path) -> None:
    """Raise where there is nothing to go on from, and say why."""
    if (run / CHECKPOINT).exists() and (run / SETTINGS).exists():
        return
    why = ""
    if (run / MODEL).exists():
        why = " It is done."
    elif (run / SETTINGS).exists():
        why = f" Begin it again with: agnostic-nn train --like {shlex.quote(str(run))}"
    raise InvalidArgument(
        f"run={str(run)!r} holds no {CHECKPOINT} and {SETTINGS} to go on from.{why}"
    )
