"""`agnostic-nn train`: from a table to a trained network, its scores and its pictures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import InvalidArgument
from .common import AsJSON, NewFolder, choose_backend, plain_warnings, quiet, say
from .options import CHOSEN, PLAIN, Settings, takes
from .runs import CHECKPOINT, read_run, run_folder, says_how_to_resume, write_settings

if TYPE_CHECKING:
    from .data import Source
    from .parts import TaskData


@takes(Settings)
def train(
    *,
    context: typer.Context,
    like: Annotated[
        Path | None,
        typer.Option(
            metavar="RUN",
            help="Do as that run did, but for what is said here.",
            show_default=False,
        ),
    ] = None,
    out: NewFolder = None,
    checkpoint_every: Annotated[
        int | None,
        typer.Option(
            metavar="EPOCHS",
            help="How often to keep what a stopped run can go on from; 0 for never.",
            show_default="as often as takes a twentieth of the time",
        ),
    ] = None,
    json: AsJSON = False,
    **options: Any,
) -> None:
    """Train a network on DATA, and test it on rows that were held out."""
    from ..deadlines import Deadline
    from . import fitting
    from .choices import check, settled
    from .data import Source
    from .finishing import finish
    from .in_time import Clock, fitted_in_time, keep_some, share, warn_of_overrun
    from .outcome import cross_validated, tested

    # whatever can be wrong is found before any work is done
    given = [name for name in options if _was_given(context, name)]
    if not options["data"] and "data" in given:
        given.remove("data")  # for some versions of typer no file at all is a list that was given
    settings = _settings(options, given, like).with_recipe
    deadline = None if settings.time_limit is None else Deadline(settings.time_limit)
    if like is not None:  # what was asked for there is asked for here
        given += [name for name in read_run(like, "like").get("given", ()) if name not in given]
    _check_checkpoint(checkpoint_every, settings)
    backend, why = choose_backend(settings.backend)
    check(settings)
    backend.dtype(settings.dtype)

    tell, source = quiet if json else say, Source.read(settings)
    if like is not None:
        _compare(source, read_run(like, "like"), like)
    data = source.divide(settings)
    settings = settled(settings, len(data.train))
    tell(f"backend: {why}")
    for line in _introduction(
        source, data, settings, given, repr(fitting.network(data, settings, backend))
    ):
        tell(line)
    keep_some(deadline)
    with run_folder(source.name, out) as folder, says_how_to_resume(folder), plain_warnings():
        write_settings(folder, settings, source, backend, given)
        if settings.folds is not None:
            found = cross_validated(source, settings, backend, tell, deadline)
        else:
            net = fitted_in_time(
                data, settings, backend, tell, share(deadline),
                callbacks=() if deadline is None else (Clock(folder, deadline),),
                checkpoint=None if checkpoint_every == 0 else folder / CHECKPOINT,
                checkpoint_every=checkpoint_every or None,
            )  # fmt: skip
            found = tested(net, data, settings, deadline)
        finish(found, source, settings, folder, as_json=json)
    warn_of_overrun(deadline)


def _was_given(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def _settings(options: dict[str, Any], given: list[str], like: Path | None) -> Settings:
    """Return what was said; where a run is to be like another, beside what that one was told."""
    said = Settings(**options)
    if said.data:  # as it is called wherever the run is done again
        paths = [str(Path(data).resolve()) if Path(data).exists() else data for data in said.data]
        said = replace(said, data=paths)
    if like is None:
        return said
    run = read_run(like, "like")
    before: Settings = run["settings"]
    of_plain = {"activation", "optimizer"} & {*given} and "recipe" not in run.get("given", ())
    if "recipe" not in given and of_plain:
        given, said = [*given, "recipe"], replace(said, recipe=PLAIN)
    if "recipe" in given and said.recipe != before.recipe:  # another one says the rest anew
        told = {*run.get("given", ())} - {"recipe"}
        of_old = {name: getattr(Settings(), name) for name in CHOSEN if name not in told}
        before = replace(before, **of_old)
    return replace(before, **{name: getattr(said, name) for name in given})


def _check_checkpoint(every: int | None, settings: Settings) -> None:
    from ..checks import check_number

    if every is not None:
        check_number("checkpoint_every", every, at_least=0, integer=True)
        if settings.folds is not None and every > 0:
            raise InvalidArgument(
                f"checkpoint_every={every} and folds={settings.folds}: wanted one of them, a run "
                "over folds begins anew after it was stopped."
            )


def _compare(source: Source, before: dict[str, Any], like: Path) -> None:
    """Say where the data are not those of the run that this one is to be like."""
    digest = before.get("data", {}).get("digest")
    if digest is not None and digest != source.digest:
        say(
            f"agnostic-nn: warning: the data are not those of {like}: {before['data']['rows']:,} "
            f"rows then, {len(source.examples):,} now, or other values.",
            err=True,
        )


def _introduction(
    source: Source, data: TaskData, settings: Settings, given: list[str], net: str
) -> Iterator[str]:
    """Yield what is going to be done, in lines."""
    preparation, n = data.preparation, len(data.train)
    classes = f", {len(preparation.classes)} classes" if preparation.classes else ""
    yield f"data: {source.describe(preparation)}"
    yield from (f"data: {note}" for note in (*source.notes, *preparation.notes))
    yield f"task: {source.task} of {preparation.target!r}{classes} ({source.reason})"
    named = next((name for name in ("activation", "optimizer") if name in given), None)
    why = f", as --{named} says" if named and "recipe" not in given else ""
    yield f"recipe: {settings.recipe}{why}"
    yield f"network: {net}"
    rows = f"{n:,} rows"
    if data.validation is not None:
        rows += f", {len(data.validation):,} watched"
    if data.test is not None:
        rows += f", {len(data.test):,} held out"
    if source.splits.by is not None:
        rows += f" ({source.splits.describe()})"
    if settings.folds is not None:
        again = f", {settings.repeats} times" if settings.repeats > 1 else ""
        rows += f" in each of {settings.folds} folds{again}, and then all"
    batch = min(settings.batch_size or n, n)
    yield (
        f"training: {rows}; {settings.epochs} epochs in batches of {batch}, "
        + ("" if settings.recipe != PLAIN else f"{settings.optimizer} from learning rate "
           f"{settings.learning_rate:g}, ")
        + f"seed {settings.seed}"
    )  # fmt: skip
