"""What parity found, for people and for programs: a table, a JSON file, a picture."""

from __future__ import annotations

import json
import math
import platform
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..bounds import DIVISION_ULPS, FUNCTION_ULPS
from ..version import __version__
from . import Report, Row
from .faults import Fault
from .trajectories import DISTURBED_RUNS, FACTOR

#: Where a tolerance comes from, by the code the table shows.
LEGEND = {
    "=": "nothing is rounded: the numbers must be equal",
    "R": f"rounding: u for each + - x and constant, {DIVISION_ULPS} ULP for each division and root",
    "F": f"functions: {FUNCTION_ULPS} ULP for each exp, expm1, log, log1p and tanh",
    "Sn": "sums of n terms: n u / (1 - n u) times the sum of their magnitudes, |W| |A| for W A",
    "D": f"drift: {FACTOR:g} x how far {DISTURBED_RUNS} float64 trainings came apart on NumPy, "
    "disturbed by what rounding is worth",
}


def worst_rows(report: Report) -> list[Row]:
    """Return of each thing and dtype the pair that used the most of its tolerance."""
    worst: dict[tuple[str, str, str], Row] = {}
    for row in report.rows:
        key = (row.group, row.name, row.dtype)
        if key not in worst or row.used > worst[key].used:
            worst[key] = row
    return list(worst.values())


def table(report: Report, *, every_pair: bool = False) -> Any:
    """Return the rows as a table of rich."""
    from rich.markup import escape
    from rich.table import Table

    rows = report.rows if every_pair else worst_rows(report)
    groups = list(dict.fromkeys(row.group for row in rows))
    names = list(dict.fromkeys((row.group, row.name) for row in rows))
    rows = sorted(rows, key=lambda r: (groups.index(r.group), names.index((r.group, r.name))))
    shown = Table(title="Every pair" if every_pair else "The worst pair of each row and dtype")
    for heading in ("", "dtype", "backends"):
        shown.add_column(heading, overflow="fold")
    for heading in ("absolute", "relative", "ULP", "tolerance", "used"):
        shown.add_column(heading, justify="right", no_wrap=True)
    shown.add_column("from", no_wrap=True)
    shown.add_column("verdict", no_wrap=True)
    group = ""
    for row in rows:
        if row.group != group:
            group = row.group
            shown.add_section()
            shown.add_row(f"[bold]{group}[/bold]")
        shown.add_row(
            escape(row.name),
            row.dtype,
            ", ".join(row.pair),
            _number(row.absolute),
            _number(row.relative),
            f"{row.ulps:.0f}" if row.ulps < 1e5 else _number(row.ulps),
            _number(row.tolerance),
            f"{row.used:.1%}" if row.used < 10.0 else _number(row.used),
            row.origin,
            "holds" if row.holds else f"[bold red]FAILS[/bold red] {escape(row.note)}".rstrip(),
        )
    return shown


def table_of_faults(found: Iterable[tuple[Fault, str, Sequence[Row]]]) -> Any:
    """Return what caught each planted fault as a table of rich."""
    from rich.markup import escape
    from rich.table import Table

    shown = Table(title="Planted faults, one at a time")
    for heading in ("fault", "planted in", "dtype", "caught by"):
        shown.add_column(heading, overflow="fold")
    shown.add_column("verdict", no_wrap=True)
    for fault, dtype, rows in found:
        names = list(dict.fromkeys(row.name for row in rows))
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        shown.add_row(
            escape(fault.name),
            fault.backend,
            dtype,
            escape(", ".join(names[:3])) + more,
            "caught" if rows else "[bold red]PASSES[/bold red]",
        )
    return shown


def _number(value: float) -> str:
    return "0" if value == 0.0 else f"{value:.1e}"


def notes(report: Report) -> str:
    """Return what a reader of the table needs to know."""
    devices = ", ".join(
        f"{name} {found.version} ({found.device})" for name, found in report.backends.items()
    )
    failed = sum(not row.holds for row in report.rows)
    verdict = f"{failed} of {len(report.rows)} fail" if failed else f"all {len(report.rows)} hold"
    lines = [
        "absolute, relative, ULP: the largest of each, not of the same number. Where terms cancel",
        "  (gelu far left of 0, say), ULPs and relative differences are large beside a small",
        "  absolute one, and so is the condition of the equation, which the tolerance takes in.",
        "tolerance: where the difference is largest; every number has its own, from its operands.",
        "used: the largest share of its tolerance that any number took.",
        "from: u is the unit roundoff, 2**-24 in float32 and 2**-53 in float64.",
        *(f"  {code:3} {text}" for code, text in LEGEND.items()),
        "",
        f"{devices}; trained on {report.data}.",
        f"{verdict}, {report.seconds:.0f} s.",
    ]
    return "\n".join(lines)


def as_json(report: Report) -> str:
    """Return everything that was found, with versions; infinity becomes null."""
    content = {
        "holds": report.holds,
        "seconds": round(report.seconds, 3),
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "agnostic_nn": __version__,
        "backends": {name: asdict(found) for name, found in report.backends.items()},
        "data": report.data,
        "legend": LEGEND,
        "rows": [asdict(row) | {"holds": row.holds} for row in report.rows],
        "trajectories": [asdict(drift) for drift in report.drifts],
    }
    return json.dumps(_finite(content), indent=1, allow_nan=False) + "\n"


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def draw(report: Report, file: Path) -> None:
    """Draw how trajectories move apart, step by step, below what rounding explains."""
    from matplotlib.figure import Figure

    dtypes = list(dict.fromkeys(drift.dtype for drift in report.drifts))
    figure = Figure(figsize=(5.6 * len(dtypes), 4.6), layout="constrained")
    all_axes = figure.subplots(1, len(dtypes), squeeze=False)[0]
    for axes, dtype in zip(all_axes, dtypes, strict=True):
        unit = {"float32": 2.0**-24, "float64": 2.0**-53}[dtype]
        drifts = [drift for drift in report.drifts if drift.dtype == dtype]
        limit = drifts[0]
        axes.plot(limit.steps, limit.tolerance, "k--", linewidth=1.2, label="tolerance")
        axes.axhline(unit, color="0.6", linewidth=1.0, linestyle=":")
        axes.annotate("unit roundoff", (limit.steps[-1], unit), (-4, -10), fontsize=8, color="0.4",
                      ha="right", textcoords="offset points")  # fmt: skip
        for drift in drifts:
            moving = drift.name == "moving"
            label = " - ".join(drift.pair) if not moving else f"moving: {drift.pair[0]}"
            points = [distance if distance > 0.0 else math.nan for distance in drift.distance]
            axes.plot(
                drift.steps,
                points,
                linestyle="-." if moving else "-",
                linewidth=2.0 if moving else 1.2,
                label=label + (" (no difference)" if not any(drift.distance) else ""),
            )
        axes.set_yscale("log")
        axes.set_xlim(0, limit.steps[-1])
        axes.set_xlabel("training step")
        axes.set_title(dtype)
        axes.grid(visible=True, alpha=0.3)
    all_axes[0].set_ylabel("largest difference between parameters")
    handles, labels = all_axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2, fontsize=8)
    figure.suptitle(f"How trajectories drift apart ({report.data})")
    figure.savefig(file, dpi=150)
