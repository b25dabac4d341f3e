"""`python -m benchmarks.startup`: what importing and the first step cost, in fresh processes."""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
from pathlib import Path

from . import machine, report

_CLOCK = "import time; began = time.perf_counter()\n"
_END = "\nprint(time.perf_counter() - began)"
_FIRST_STEP = """
import agnostic_nn as ann
net = ann.Network([784, 512, 512, 10], "categorical_cross_entropy")
ann.train(net, X, Y, epochs=1, batch_size=128, progress=False)"""
_DATA = "import numpy as np\nX, Y = np.ones((128, 784), 'f4'), np.eye(10, dtype='f4')[[0] * 128]\n"

#: What is run, with its clock started where it belongs.
PROGRAMS = {
    "import numpy": f"{_CLOCK}import numpy{_END}",
    "import numpy, array_api_compat": f"{_CLOCK}import numpy, array_api_compat{_END}",
    "import agnostic_nn": f"{_CLOCK}import agnostic_nn{_END}",
    "import, construct, first step, after numpy": f"{_DATA}{_CLOCK}{_FIRST_STEP}{_END}",
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.startup", description=__doc__)
    parser.add_argument("--rounds", type=int, default=11, metavar="N")
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    report.ask_for_packages(parser)

    seconds: dict[str, list[float]] = {name: [] for name in PROGRAMS}
    for _ in range(options.rounds + 1):
        for name, code in PROGRAMS.items():  # in turn, so that a slow minute is everybody's
            done = subprocess.run(
                [sys.executable, "-c", code], check=True, capture_output=True, text=True
            )
            seconds[name].append(float(done.stdout))
    seconds = {name: values[1:] for name, values in seconds.items()}  # the first fills the caches
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    ratio = medians["import agnostic_nn"] / medians["import numpy, array_api_compat"]

    from rich.console import Console
    from rich.table import Table

    table = Table("", "median ms", "minimum ms", title=f"{options.rounds} fresh processes each")
    for name, values in seconds.items():
        table.add_row(name, f"{1e3 * medians[name]:.0f}", f"{1e3 * min(values):.0f}")
    console = Console()
    console.print(table)
    console.print(f"import agnostic_nn / import numpy, array_api_compat: {ratio:.2f}")
    if options.json:
        found = machine.describe() | {"seconds": seconds, "medians": medians, "ratio": ratio}
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
