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


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Write a line of JSON for each test: what came of it, its name, and why it failed."""
    if "PYTEST_XDIST_WORKER" in os.environ or OUTCOMES not in os.environ:
        return
    if report.when == "call" or not report.passed:  # set up and torn down it is no test yet
        why = str(report.longrepr)[-KEPT:] if report.failed else ""
        with Path(os.environ[OUTCOMES]).open("a") as file:
            file.write(json.dumps([report.outcome, report.nodeid, why]) + "\n")


def pytest_collectreport(report: pytest.CollectReport) -> None:
    """Write a line for a file that could not be read."""
    if report.failed and "PYTEST_XDIST_WORKER" not in os.environ and OUTCOMES in os.environ:
        with Path(os.environ[OUTCOMES]).open("a") as file:
            file.write(json.dumps(["failed", report.nodeid, str(report.longrepr)[-KEPT:]]) + "\n")
