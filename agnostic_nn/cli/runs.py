"""A run's folder: what lies in it while the run goes on, and what the run leaves."""

from __future__ import annotations

import contextlib
import itertools
import json
import shlex
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..checks import check_number
from ..errors import InvalidArgument, InvalidType, shown
from .common import say
from .options import Settings

if TYPE_CHECKING:
    from ..backends import Backend
    from .data import Source

#: While a run goes on, for `agnostic-nn resume`: the training, and the seconds that it has used
#: where there is a time limit.
CHECKPOINT, CLOCK = "checkpoint.safetensors", "clock.json"

#: What it was told, for `train --like` and `resume`; and what it leaves.
SETTINGS, MODEL, METRICS = "settings.json", "model.safetensors", "metrics.json"


class Diverged(InvalidArgument):
    """Training ended worse than it began: there is nothing to keep, or to go on with."""


@contextlib.contextmanager
def run_folder(name: str, out: Path | None) -> Iterator[Path]:
    """Make the run's folder, which must be new or empty, and take it back if nothing came of it.

    A folder whose run was killed before its first epoch was over is as good as empty.
    """
    folder = _new_folder(name) if out is None else out
    if folder.exists() and not folder.is_dir():
        raise InvalidArgument(f"out={str(out)!r} exists: choose a folder that is new or empty.")
    folder.mkdir(parents=True, exist_ok=True)
    with held_run(folder, "out"):
        if not _is_as_good_as_empty(folder):
            raise InvalidArgument(f"out={str(out)!r} exists: choose a folder that is new or empty.")
        try:
            yield folder
        except BaseException:
            if _is_as_good_as_empty(folder):
                remove(folder, CHECKPOINT, CLOCK, SETTINGS)
            raise


def remove(folder: Path, *names: str) -> None:
    """Remove files of a run, as far as they are there."""
    for name in names:
        (folder / name).unlink(missing_ok=True)


def _new_folder(name: str) -> Path:
    first = folder = Path("runs") / f"{name}-{time.strftime('%Y%m%d-%H%M%S')}"
    for again in itertools.count(2):
        try:
            folder.mkdir(parents=True)
        except FileExistsError:  # two runs in one second
            folder = first.with_name(f"{first.name}_{again}")
        else:
            break
    return folder


@contextlib.contextmanager
def held_run(folder: Path, argument: str) -> Iterator[None]:
    """Hold a run's folder, so that no other run writes there; an empty one goes at the end."""
    from ..files import held

    try:
        with held(folder / "run", argument):
            yield
    finally:
        with contextlib.suppress(OSError):
            folder.rmdir()  # refuses, as it should, where there is something in it


def _is_as_good_as_empty(folder: Path) -> bool:
    """Whether all that is in a folder is of a run that has not come past its first epoch."""
    from ..checkpoints import progress_of
    from ..files import is_left_over

    names = {file.name for file in folder.iterdir() if not is_left_over(file)}
    if not names <= {CHECKPOINT, CLOCK, SETTINGS}:
        return False
    try:
        if SETTINGS in names:
            read_run(folder)  # it is a run's
        return CHECKPOINT not in names or progress_of(folder / CHECKPOINT)[0] == 0
    except InvalidArgument:
        return False


@contextlib.contextmanager
def says_how_to_resume(folder: Path) -> Iterator[None]:
    """Say how to go on with a run that did not come to its end, whatever stopped it."""
    try:
        yield
    except Diverged:
        remove(folder, CHECKPOINT, CLOCK)
        raise
    except BaseException:
        if (folder / CHECKPOINT).exists() and not _is_as_good_as_empty(folder):
            say(
                f"stopped; what was learned is kept. Go on with: agnostic-nn resume "
                f"{shlex.quote(str(folder))}"
            )
        raise


def write_settings(
    folder: Path, settings: Settings, source: Source, backend: Backend, given: list[str]
) -> None:
    """Write all that is needed to run it again."""
    from ..files import write

    content = {
        "settings": settings.to_json(),
        "given": given,
        "data": {"rows": len(source.examples), "digest": source.digest},
        "versions": versions(backend),
        "date": time.strftime("%Y-%m-%d %H:%M:%S"),
    }
    write(folder / SETTINGS, json.dumps(content, indent=2).encode())


def read_run(run: Path, argument: str = "run") -> dict[str, Any]:
    """Return what a run was told, with its settings as `Settings`.

    Raises
    ------
    InvalidArgument
        If the folder does not say.
    """
    try:
        content = json.loads((run / SETTINGS).read_text(encoding="utf-8"))
        # before there was more to tell, the settings were all there was
        content = content if "settings" in content else {"settings": content}
        content = {**content, "settings": Settings.from_json(content["settings"])}
        _check_told(content)
        return content
    except OSError as error:
        raise InvalidArgument(
            f"{argument}={str(run)!r} holds no {SETTINGS}: wanted the folder of a run."
        ) from error
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise InvalidArgument(
            f"{argument}={str(run)!r}: its {SETTINGS} is damaged ({error})."
        ) from error


def _check_told(content: dict[str, Any]) -> None:
    """What else stands beside the settings, in runs that tell more than those."""
    kinds = {"given": list, "data": dict, "versions": dict, "date": str}
    for name, kind in kinds.items():
        if name in content and not isinstance(content[name], kind):
            raise InvalidType(f"{name}={shown(content[name])}: wanted a {kind.__name__}")
    if "data" in content:
        check_number("rows", content["data"]["rows"], at_least=0, integer=True)
        if not isinstance(content["data"]["digest"], str):
            raise InvalidType(f"digest={shown(content['data']['digest'])}: wanted a text")


def versions(backend: Backend) -> dict[str, str]:
    """Return what a run was made with."""
    import platform
    from importlib.metadata import PackageNotFoundError, version

    from ..version import __version__

    found = {"agnostic_nn": __version__, "python": platform.python_version()}
    library = backend.name.partition(":")[0].replace("_", "-")
    for name in dict.fromkeys(("numpy", library, "pandas", "scikit-learn")):
        with contextlib.suppress(PackageNotFoundError):
            found[name] = version(name)
    return {**found, "machine": platform.platform()}
