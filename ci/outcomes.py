"""A plugin of pytest: what came of each test is written down the moment it is known.

So a run that is stopped, or whose process is lost, still says what passed and what did not. With
pytest-xdist the tests run in other processes, and this one hears of them. `parts` reads the file.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from parts import OUTCOMES

#: Of a failure so much is kept, from its end; the log has the rest.
KEPT = 2000


def pytest_configure(config: pytest.Config) -> None:
    """Let one process write, and not those that pytest-xdist starts for it."""
    if OUTCOMES in os.environ and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Outcomes(Path(os.environ[OUTCOMES])))


class Outcomes:
    """Writes what came of each test to a file."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Write a line of JSON for each test: what came of it, its name, and why it failed."""
        if report.when == "call" or not report.passed:  # set up and torn down it is no test yet
            self._write(report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Write a line for a file that could not be read."""
        if report.failed:
            self._write(report)

    def _write(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        why = str(report.longrepr)[-KEPT:] if report.failed else ""
        with self._file.open("a") as file:
            file.write(json.dumps([report.outcome, report.nodeid, why]) + "\n")
