"""Results for people: tables in the terminal, and a picture."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from . import machine
from .contenders import OURS, PRODUCTS, TRAIN

#: What is shown beside the time for who runs on a GPU: memory that was taken by the time it had
#: warmed up, launches and kernels a step, how long the kernels are busy, the products' part of it.
ON_GPU = ("MiB", "launches", "kernels", "busy, products")

OURS_COLOUR, PEER_COLOUR, _LIMIT_COLOUR = "#1f77b4", "#b0b0b0", "#404040"


def ask_for_packages(parser: argparse.ArgumentParser, picture: bool = False) -> None:
    """Refuse to begin where what shows the results is missing, and not when all is measured."""
    needs = {"rich": "shows the results"} | ({"matplotlib": "draws the picture"} if picture else {})
    for module, what in needs.items():
        if find_spec(module) is None:
            parser.error(f"{module} is not installed, which {what}: pip install {module}")


def ratio(result: dict[str, Any], contender: dict[str, Any], to: str) -> float | None:
    """Return how many times as long a contender took as `to` on its device; None without one."""
    if contender["device"] == "gpu" and to == PRODUCTS:
        to = f"{PRODUCTS} (gpu)"
    for other in result["contenders"]:
        if other["name"] == to:
            return float(contender["median"] / other["median"])
    return None


def beside_limit(result: dict[str, Any], contender: dict[str, Any]) -> float | None:
    """Return how many times as long a contender took as what limits it.

    These are the products alone, and for a fit the same training by `train`.
    """
    fits = result["kind"] == "fit"
    return ratio(result, contender, contender["name"] + TRAIN if fits else PRODUCTS)


def seconds(value: float) -> str:
    """Return a time with its unit, in three digits."""
    for factor, unit in ((1e6, "µs"), (1e3, "ms"), (1.0, "s")):
        if value * factor < 1000 or unit == "s":
            number = value * factor
            digits = 0 if number >= 100 else 1 if number >= 10 else 2
            return f"{number:.{digits}f} {unit}"
    raise AssertionError


def times(value: float | None) -> str:
    """Return a ratio in two or three digits."""
    return "-" if value is None else f"{value:.2f}" if value < 9.995 else f"{value:.1f}"


def threads_of(result: dict[str, Any]) -> str:
    return "1 thread" if result["threads"] == 1 else f"{result['threads']} threads"


def rounds_of(result: dict[str, Any]) -> str:
    """Say how many rounds there were, which are fewer than planned where it ended early."""
    rounds = max((len(one["seconds"]) for one in result["contenders"]), default=0)
    return "1 round" if rounds == 1 else f"{rounds} rounds"


def show(results: Iterable[dict[str, Any]]) -> None:
    """Print a table for each task; "processor" is the least that it was busy."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console()
    if not console.is_terminal:
        console = Console(width=130)
    for result in results:
        table = Table(
            title=f"{result['title']}; {threads_of(result)}, {rounds_of(result)}",
            title_justify="left",
        )
        table.add_column(f"a {result['unit']}".replace("a 1,000", "1,000"))
        on_gpu = any(one["device"] == "gpu" for one in result["contenders"])
        limit = "/ train" if result["kind"] == "fit" else "/ products"
        headings = ("median", "minimum", limit, f"/ {OURS} numpy", "processor", "cores", "loss")
        for heading in (*headings, *(ON_GPU if on_gpu else ())):
            table.add_column(heading, justify="right")
        for one in sorted(result["contenders"], key=lambda one: one["median"]):
            loss = f"{one['loss']:.4f}" if "loss" in one else ""
            if "epochs" in one:
                loss += f" after {one['epochs']} epochs, accuracy {one['accuracy']:.4f}"
            table.add_row(
                escape(one["name"]), seconds(one["median"]), seconds(one["minimum"]),
                times(beside_limit(result, one)), times(ratio(result, one, f"{OURS} numpy")),
                seconds(one["processor"]), f"{one['cores']:.1f}", loss,
                *(of_the_gpu(one) if on_gpu else ()),
                style="bold" if one["name"].startswith(OURS) else None,
            )  # fmt: skip
        if result["contenders"]:
            console.print(table)
        else:
            console.print(f"{result['title']}: nobody takes part", highlight=False)
        for one in result["contenders"]:
            for note in one.get("said", ()):
                console.print(f"{one['name']}: {note}", markup=False, highlight=False)
        for name, reason in result["left_out"].items():
            console.print(f"left out: {name}: {reason}", markup=False, highlight=False)


def of_the_gpu(contender: dict[str, Any]) -> tuple[str, ...]:
    """Return what `ON_GPU` names, "" for what is not known."""
    memory, step = contender.get("memory"), contender.get("step", {})
    taken = "" if memory is None else f"{memory / 2**20:,.0f}"
    if "kernels" not in step:
        return taken, "", "", ""
    busy = step["kernel seconds"]
    share = f"{step['product seconds'] / busy:.0%}" if busy else ""
    return taken, f"{step['launches']:.1f}", f"{step['kernels']:.1f}", f"{seconds(busy)}, {share}"


def show_machine(found: dict[str, Any]) -> None:
    """Print what the numbers depend on."""
    from rich.console import Console

    console = Console()
    for line in machine_lines(found):
        console.print(line, markup=False, highlight=False)


def machine_lines(found: dict[str, Any]) -> list[str]:
    """Say on which machine, with which versions."""
    versions = {name: version for name, version in found["versions"].items() if version}
    blas, devices = versions.pop("BLAS"), versions.pop("devices")
    asked, modes = found["products"], versions.pop("products", {})
    others = ", ".join(f"{mode} by {name}" for name, mode in modes.items() if mode != asked)
    gpus = {where for name, where in devices.items() if machine.is_on_a_gpu(name)}
    lines = [
        f"{found['processor']}, {found['cores']} cores, {found['memory_GiB']} GiB"
        + "".join(f"; {gpu}" for gpu in sorted(gpus)),
        f"{found['system']}, Python {found['python']}, {found['date'][:10]}",
        ", ".join(f"{name} {version}" for name, version in versions.items()),
        f"{blas}; products in {asked}" + (f", but in {others}" if others else ""),
    ]
    if found["quick"]:
        lines.append("A quick run: these times say nothing.")
    return lines


# The picture


def draw(found: dict[str, Any], file: Path) -> None:
    """Draw how many times the products alone everybody takes: tasks beside each other."""
    from matplotlib.figure import Figure

    results = [result for result in found["results"] if limits(result)]
    if not results:
        return
    rows = list(dict.fromkeys(result["threads"] for result in results))
    columns = list(dict.fromkeys(result["task"] for result in results))
    names = order_of(results)
    ratios = [ratio(result, one, PRODUCTS) or 1.0
              for result in results for one in result["contenders"]]  # fmt: skip
    # compiled code may be faster than the products called one by one from Python
    least = 0.9 * min(1.0, *ratios)
    figure = Figure(
        figsize=(2.2 + 2.6 * len(columns), 1.5 + (0.6 + 0.27 * len(names)) * len(rows)),
        layout="constrained",
    )
    grid = figure.subplots(len(rows), len(columns), squeeze=False, sharex=True, sharey=True)
    for axes in grid.flat:
        axes.set_axis_off()
    for result in results:
        axes = grid[rows.index(result["threads"])][columns.index(result["task"])]
        axes.set_axis_on()
        _bars(axes, result, names, least)
        axes.set_xlim(least, max(ratios) * 2.2)
        if result["threads"] == rows[0]:
            axes.set_title(_two_lines(result["title"]), fontsize=10)
        if result["task"] == columns[0]:
            axes.set_ylabel(threads_of(result), fontsize=11)
    figure.suptitle("Time, in times of the matrix products alone", fontsize=13)
    figure.supxlabel(
        f"{found['processor']}, {found['cores']} cores; medians of {found['rounds']} rounds; "
        f"float32, Adam; {found['date'][:10]}. Logarithmic: each step to the right is as many "
        "times slower.",
        fontsize=8,
        color="#555555",
    )
    figure.savefig(file, dpi=150)


def _bars(axes: Any, result: dict[str, Any], names: Sequence[str], least: float) -> None:
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    for one in result["contenders"]:
        value = ratio(result, one, PRODUCTS)
        if value is None or one["name"] not in names:
            continue
        ours = one["name"].startswith(OURS)
        place = names.index(one["name"])
        axes.barh(place, value - least, left=least, height=0.72,
                  color=OURS_COLOUR if ours else PEER_COLOUR)  # fmt: skip
        axes.annotate(
            times(value), (max(value, 1.0), place), xytext=(4, 0), textcoords="offset points",
            va="center", fontsize=8.5, fontweight="bold" if ours else "normal",
        )  # fmt: skip
    axes.set_xscale("log")
    axes.set_yticks(range(len(names)), names, fontsize=9)
    for label in axes.get_yticklabels():
        if label.get_text().startswith(OURS):
            label.set(color=OURS_COLOUR, fontweight="bold")
    axes.set_ylim(len(names) - 0.4, -0.6)  # the first on top
    axes.xaxis.set_major_locator(FixedLocator([1, 2, 4, 10, 30, 100, 1000]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.grid(axis="x", alpha=0.35)
    axes.set_axisbelow(True)
    axes.axvline(1.0, color=_LIMIT_COLOUR, linewidth=1.5)
    axes.tick_params(axis="y", length=0)
    axes.spines[["top", "right", "left"]].set_visible(False)


def limits(result: dict[str, Any]) -> bool:
    """Whether the products alone were measured, and somebody beside them."""
    names = [one["name"] for one in result["contenders"]]
    return len(names) > 1 and any(name.startswith(PRODUCTS) for name in names)


def order_of(results: Sequence[dict[str, Any]]) -> list[str]:
    """Return the contenders without the limit: ours first, each in the order they took part."""
    names = dict.fromkeys(one["name"] for result in results for one in result["contenders"])
    others = [name for name in names if not name.startswith(PRODUCTS)]
    return sorted(others, key=lambda name: not name.startswith(OURS))


def _two_lines(title: str) -> str:
    first, _, second = title.partition(", ")
    if title.startswith("prediction"):
        first, _, second = title.rpartition(", ")
    return f"{first}\n{second}"
