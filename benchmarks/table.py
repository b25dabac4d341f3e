"""`python -m benchmarks.table FILE.json`: a result file, or one of `ci/gpu`, as Markdown tables."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from . import report
from .contenders import OURS, PRODUCTS


def runs(found: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield each run of the benchmarks in a file: one, or those among the parts of `ci/gpu`."""
    if "parts" not in found:
        yield found
    for part in found.get("parts", ()):
        for command in part["commands"]:
            if command.get("found", {}).get("results"):
                yield command["found"]


def markdown(found: dict[str, Any]) -> str:
    """Return a table for each number of threads: contenders down, tasks across."""
    lines = []
    for threads in dict.fromkeys(result["threads"] for result in found["results"]):
        results = [result for result in found["results"] if result["threads"] == threads]
        names = list(dict.fromkeys(one["name"] for r in results for one in r["contenders"]))
        limits = [name for name in names if name.startswith(PRODUCTS)]
        lines += ["", f"**{report.threads_of(results[0])}**", ""]
        lines.append("| | " + " | ".join(f"{r['title']}, a {r['unit']}".replace("a 1,", "1,")
                                         for r in results) + " |")  # fmt: skip
        lines.append("|---|" + "---:|" * len(results))
        for name in [*limits, *report.order_of(results)]:
            cells = [_cell(result, name) for result in results]
            shown = f"**{name}**" if name.startswith(OURS) else name
            lines.append(f"| {shown} | {' | '.join(cells)} |")
    lines += _on_the_gpu(found["results"])
    left_out = {
        f"{name} ({reason})" for r in found["results"] for name, reason in r["left_out"].items()
    }
    note = (
        "In brackets: times of the matrix products alone, for a fit times of `train`. Medians of "
        f"{found['rounds']} rounds in one run, contenders in turn; float32 where nothing is said."
    )
    lines += ["", note]
    lines += [f"Left out: {', '.join(sorted(left_out))}."] if left_out else []
    lines += ["", *(f"{line}  " for line in report.machine_lines(found))]
    return "\n".join(lines).strip()


def _on_the_gpu(results: list[dict[str, Any]]) -> list[str]:
    """Return a table of what the GPU does in a step, where one took part."""
    lines = [
        f"| {result['title']}: {one['name']} | {' | '.join(report.of_the_gpu(one))} |"
        for result in results
        for one in result["contenders"]
        if one["device"] == "gpu"
    ]
    if not lines:
        return []
    head = f"| a step on the GPU | {' | '.join(report.ON_GPU)} |"
    return ["", head, "|---|" + "---:|" * len(report.ON_GPU), *lines]


def _cell(result: dict[str, Any], name: str) -> str:
    for one in result["contenders"]:
        if one["name"] == name:
            value = report.beside_limit(result, one)
            text = report.seconds(one["median"])
            return text if value is None else f"{text} ({report.times(value)})"
    return ""


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m benchmarks.table FILE.json")
    content = json.loads(Path(sys.argv[1]).read_text())
    print("\n\n".join(markdown(found) for found in runs(content)))
