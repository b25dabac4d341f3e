"""A run's folder: what lies in it while the run goes on, and what the run leaves."""

from __future__ import annotations

import contextlib
import json
import shlex
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InvalidArgument
from .common import say
from .options import Settings

if TYPE_CHECKING:
    from ..backends import Backend
    from .data import Source

#: While a run goes on, for `agnostic-nn resume`.
CHECKPOINT = "checkpoint.safetensors"

#: What it was told, for `train --like` and `resume`; and what it leaves.
SETTINGS, MODEL, METRICS = "settings.json", "model.safetensors", "metrics.json"


class Diverged(InvalidArgument):
    """Training ended worse than it began: there is nothing to keep, or to go on with."""


@contextlib.contextmanager
def run_folder(name: str, out: Path | None) -> Iterator[Path]:
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
    except Diverged:
        (folder / CHECKPOINT).unlink(missing_ok=True)
        raise
    except BaseException:
        if (folder / CHECKPOINT).exists():
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
        return {**content, "settings": Settings.from_json(content["settings"])}
    except OSError as error:
        raise InvalidArgument(
            f"{argument}={str(run)!r} holds no {SETTINGS}: wanted the folder of a run."
        ) from error
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidArgument(
            f"{argument}={str(run)!r}: its {SETTINGS} is damaged ({error})."
        ) from error


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
