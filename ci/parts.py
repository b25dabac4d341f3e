"""Parts of a long run, each with a budget of time: what each found is on disk when it ends.

A part is a list of commands. One that fails, or is stopped because its time is over, keeps none of
the others from running. The result is one JSON file, which is written anew after every command.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.kept import keep

#: A command's state, from the best to the worst; that of a part is the worst of its commands.
STATES = ("passed", "not reached", "stopped", "failed")

#: What is written of a command that is at work.
RUNNING = "running"

#: Seconds of its budget that a command has to end in after it was interrupted.
GRACE = 5.0

#: Lines of what it printed that are kept of a command, where it passed and where it did not.
KEPT_LINES, KEPT_LINES_OF_A_FAILURE = 20, 200

#: Names the file to which `outcomes`, a plugin of pytest, writes what came of each test.
OUTCOMES = "OUTCOMES_OF_TESTS"


@dataclass(frozen=True)
class Part:
    """Commands that belong together.

    Parameters
    ----------
    name : str
    seconds : float
        What all of them may take; who is at work then is stopped, the others are not reached.
    commands : sequence of (sequence of str)
        "{folder}" in one of them is a folder of its own; what it leaves there as found.json becomes
        a part of the result.
    environment : dict of str to str
        What they find in their environment beside what is there.
    """

    name: str
    seconds: float
    commands: Sequence[Sequence[str]]
    environment: dict[str, str] = field(default_factory=dict)


class Results:
    """The results of a run, in a file that is up to date whenever it is read.

    Parameters
    ----------
    file : Path
        Of JSON; what the commands print goes to one of the same name that ends in .log.
    facts : dict
        What holds for all parts: the machine, the versions.
    """

    def __init__(self, file: Path, facts: dict[str, Any]) -> None:
        self.file, self.log = file, file.with_suffix(".log")
        self.found: dict[str, Any] = facts | {"parts": []}
        keep(self.file, self.found)
        self.log.write_bytes(b"")

    @property
    def parts(self) -> list[dict[str, Any]]:
        """What is known of each part, in the order they ran."""
        found: list[dict[str, Any]] = self.found["parts"]
        return found

    def run(self, part: Part) -> dict[str, Any]:
        """Run the commands of a part; return what came of it, as it stands in the file."""
        record: dict[str, Any] = {
            "name": part.name,
            "state": RUNNING,
            "budget": part.seconds,
            "seconds": 0.0,
            "environment": part.environment,
            "commands": [],
        }
        self.parts.append(record)
        began = time.perf_counter()
        for command in part.commands:
            one: dict[str, Any] = {"command": " ".join(command), "state": RUNNING}
            record["commands"].append(one)
            keep(self.file, self.found)
            left = part.seconds - GRACE - (time.perf_counter() - began)
            one |= self._execute(command, left, part.environment)
            record["seconds"] = round(time.perf_counter() - began, 1)
            print(f"{part.name}: {one['state']}: {one['command']}", flush=True)
        record["state"] = max((one["state"] for one in record["commands"]), key=STATES.index)
        keep(self.file, self.found)
        return record

    def _execute(
        self, command: Sequence[str], seconds: float, environment: dict[str, str]
    ) -> dict[str, Any]:
        """Run a command for at most so long, and return what is known of it."""
        if seconds <= 0.0:
            return {"state": "not reached"}
        began = time.perf_counter()
        with tempfile.TemporaryDirectory() as folder, self.log.open("ab") as log:
            left, outcomes = Path(folder) / "found.json", Path(folder) / "outcomes"
            log.write(f"\n$ {' '.join(command)}\n".encode())
            log.flush()
            start = log.tell()
            process = subprocess.Popen(
                [word.replace("{folder}", folder) for word in command],
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                env=os.environ | environment | {OUTCOMES: str(outcomes)},
                start_new_session=True,  # so that it can be stopped with all that it started
            )  # fmt: skip
            stopped = not _ends_within(process, seconds)
            failed = not stopped and process.returncode != 0
            found: dict[str, Any] = {
                "state": "stopped" if stopped else "failed" if failed else "passed",
                "exit": process.returncode,
                "seconds": round(time.perf_counter() - began, 1),
            }
            if outcomes.exists():
                found["tests"], found["tests failed"] = _counted(outcomes)
                if found["tests failed"]:  # also of a suite that was stopped
                    found["state"] = "failed"
            if left.exists():
                found["found"] = _read(left)
        lines = self.log.read_bytes()[start:].decode(errors="replace").splitlines()
        kept = KEPT_LINES if found["state"] == "passed" else KEPT_LINES_OF_A_FAILURE
        return found | {"printed": lines[-kept:]}

    @property
    def exit_code(self) -> int:
        """0 where everything passed, 1 where something failed, 3 where only time ran out."""
        states = {part["state"] for part in self.parts}
        return 1 if "failed" in states else 0 if states <= {"passed"} else 3

    def summary(self) -> str:
        """Return a table: a line for each part, and below it what did not pass."""
        rows = [("part", "state", "seconds", "of", "tests passed", "failed", "skipped")]
        notes = []
        for part in self.parts:
            counts: Counter[str] = Counter()
            for one in part["commands"]:
                counts.update(one.get("tests", {}))
                if one["state"] != "passed":
                    notes.append(f"{part['name']}: {one['state']}: {one['command']}")
                    notes += [f"    {name}" for name in one.get("tests failed", {})]
            numbers = [str(counts[name]) if counts else "" for name in
                       ("passed", "failed", "skipped")]  # fmt: skip
            rows.append((part["name"], part["state"], f"{part['seconds']:.1f}",
                         f"{part['budget']:.0f}", *numbers))  # fmt: skip
        widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
        lines = [
            "  ".join(
                cell.ljust(width) if i < 2 else cell.rjust(width)
                for i, (cell, width) in enumerate(zip(row, widths, strict=True))
            ).rstrip()
            for row in rows
        ]
        return "\n".join([*lines, *notes])


def _ends_within(process: subprocess.Popen[bytes], seconds: float) -> bool:
    """Wait for a process; stop it, and whatever it started, where it takes longer."""
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(GRACE)
        return False
    finally:
        with contextlib.suppress(ProcessLookupError):  # nobody of them is left
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    return True


def _counted(outcomes: Path) -> tuple[dict[str, int], dict[str, str]]:
    """Return how many tests passed, failed and were skipped, and why those failed that did."""
    counts: Counter[str] = Counter({"passed": 0, "failed": 0, "skipped": 0})
    failed = {}
    for line in outcomes.read_text().splitlines():
        outcome, name, why = json.loads(line)
        counts[outcome] += 1
        if outcome == "failed":
            failed[name] = why
    return dict(counts), failed


def _read(file: Path) -> Any:
    try:
        return json.loads(file.read_text())
    except ValueError as error:  # it was stopped while it wrote
        return f"not JSON: {error}"


def python(*words: str) -> list[str]:
    """Return a command of the Python that runs this one."""
    return [sys.executable, *words]
