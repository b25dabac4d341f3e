"""`python -m benchmarks`: this package beside its peers, a table, a JSON file and a picture.

The JSON file is written anew after every round: what an error or Ctrl-C ends is kept and shown.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from . import machine, report
from .contenders import missing_peers
from .kept import keep
from .tasks import TASKS


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--nets", metavar="NAME,NAME", help=f"of {', '.join(TASKS)}; default all")
    parser.add_argument("--backends", metavar="NAME,NAME", default="numpy,numba,torch,jax")
    parser.add_argument(
        "--threads", metavar="N,N", help='default "1,all", and "all" where there is a GPU'
    )
    parser.add_argument("--rounds", type=int, metavar="N", help="turns of each; default 7")
    parser.add_argument(
        "--only", metavar="WORDS,WORDS", default="", help="contenders whose names hold these"
    )
    parser.add_argument(
        "--tf32", action="store_true", help="let every GPU library compute float32 products in TF32"
    )
    parser.add_argument(
        "--seconds", type=float, metavar="N", help="begin with no other net after so many"
    )
    parser.add_argument("--quick", action="store_true", help="only to see that everything runs")
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--picture", type=Path, metavar="FILE", help=".png, .svg or .pdf")
    options = parser.parse_args()
    report.ask_for_packages(parser, picture=options.picture is not None)
    for name, module in missing_peers(options.only):
        print(f"{name} does not take part: {module} is not installed", file=sys.stderr)

    gpu = uses_gpu(options.backends)
    cores = machine.usable_cores()
    threads = options.threads or ("all" if gpu or options.quick else "1,all")
    numbers = [cores if n == "all" else int(n) for n in threads.split(",")]
    chosen = options.nets.split(",") if options.nets else default_tasks(gpu, options.quick)
    if unknown := [name for name in chosen if name not in TASKS]:
        parser.error(f"unknown nets {', '.join(unknown)}; there are {', '.join(TASKS)}")
    rounds = options.rounds or (2 if options.quick else 7)

    with tempfile.TemporaryDirectory() as folder:
        out = options.json or Path(folder) / "found.json"
        found: dict[str, Any] = machine.describe() | {
            "quick": options.quick,
            "rounds": rounds,
            "products": machine.TF32 if options.tf32 else machine.FLOAT32,
            "results": [],
        }
        keep(out, found)
        for n in dict.fromkeys(numbers):  # with one core, "1,all" is one run
            known = len(found["results"])
            status = in_a_process(options, n, chosen, rounds, out)
            found = json.loads(out.read_text())
            report.show(found["results"][known:])
            if late := found.get("not begun"):
                print(f"not begun within {options.seconds:.0f} s: {', '.join(late)}")
            if status:
                break
        if "versions" in found:
            report.show_machine(found)
    if status:
        where = f" and is in {options.json}" if options.json else ""
        sys.exit(f"benchmarks: ended early; what was measured by then stands above{where}")
    if options.picture:
        report.draw(found, options.picture)


def uses_gpu(backends: str) -> bool:
    return any(map(machine.is_on_a_gpu, backends.split(",")))


def default_tasks(gpu: bool, quick: bool) -> list[str]:
    slow = ("784-2048-2048-10",) if quick else ()
    return [task.name for task in TASKS.values() if (gpu or not task.gpu_only)
            and task.name not in slow]  # fmt: skip


def in_a_process(options: Any, threads: int, chosen: list[str], rounds: int, out: Path) -> int:
    """Measure with so many threads; libraries read their number when they are imported.

    Return the status of the process, which is 0 where it measured all.
    """
    command = [sys.executable, "-m", "benchmarks.measure", "--out", str(out)]
    command += ["--tasks", ",".join(chosen), "--backends", options.backends]
    command += ["--threads", str(threads), "--rounds", str(rounds), "--only", options.only]
    command += ["--quick"] if options.quick else []
    command += [] if options.seconds is None else ["--seconds", str(options.seconds)]
    environment = os.environ | machine.environment(threads)
    if uses_gpu(options.backends):
        environment |= machine.gpu_environment(options.tf32)
    try:
        return subprocess.run(command, env=environment, check=False).returncode
    except KeyboardInterrupt:
        return 1


if __name__ == "__main__":
    main()
