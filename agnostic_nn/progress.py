"""A progress bar for people; silent where nobody watches, or where rich is not installed."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from typing import Any, Self

from .errors import DependencyMissing
from .installing import install_line


class ProgressBar:
    """Shows epoch, cost, score and examples per second while training runs.

    Parameters
    ----------
    epochs : int
        The number of the last epoch.
    examples : int
        Examples per epoch.
    score : str
        What the validation score is called.
    show : bool or None
        None for "if standard error is a terminal and rich is installed".
    """

    def __init__(self, epochs: int, examples: int, score: str, show: bool | None) -> None:
        installed = find_spec("rich") is not None
        if show and not installed:
            raise DependencyMissing(
                f"progress=True needs rich: {install_line('cli')}, or leave it out."
            )
        self._shown = sys.stderr.isatty() and installed if show is None else show
        self._epochs, self._examples, self._score = epochs, examples, score
        self._bar: Any = None

    def __enter__(self) -> Self:
        if self._shown:
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

            self._bar = Progress(
                TextColumn("epoch"),
                MofNCompleteColumn(),
                BarColumn(),
                TextColumn("{task.description}"),
                console=Console(stderr=True),
            )
            self._bar.start()
            self._task = self._bar.add_task("", total=self._epochs)
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def update(self, row: dict[str, float]) -> None:
        """Show the numbers of an epoch that is done."""
        if self._bar is None:
            return
        text = f"cost {row['cost']:.4g}"
        if "validation_score" in row:
            text += f"  {self._score} {row['validation_score']:.4f}"
        text += f"  {self._examples / max(row['seconds'], 1e-9):,.0f} examples/s"
        self._bar.update(self._task, completed=row["epoch"], description=text)
