"""`agnostic-nn parity`: the same numbers from every backend, and how close."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console


def parity(
    backends: Annotated[
        str | None,
        typer.Option(metavar="NAME,NAME", show_default="all that are usable", help="Which ones."),
    ] = None,
    dtypes: Annotated[
        str, typer.Option(metavar="NAME,NAME", help="In which types of numbers.")
    ] = "float32,float64",
    json: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write everything, with versions; - prints it instead."),
    ] = None,
    picture: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Draw how trajectories drift apart (.png, .svg, .pdf)."),
    ] = None,
    steps: Annotated[int, typer.Option(help="Training steps; 0 for none.")] = 200,
    every_pair: Annotated[
        bool, typer.Option("--all", help="Show every pair, not the worst of each row.")
    ] = False,
    plant: Annotated[
        bool,
        typer.Option("--plant", help="For maintainers: plant faults, and see what catches each."),
    ] = False,
) -> None:
    """Compare backends: every equation, activation, loss, update, and training; 1 if a row fails.

    Every tolerance is derived from the equation it is for; the table says how. With --plant, 1 if
    a fault passes.
    """
    from rich.console import Console

    from ..errors import InvalidArgument
    from ..parity import parity as compare
    from ..parity import report

    if picture is not None and steps == 0:
        raise InvalidArgument("--picture shows training: wanted --steps of at least 1.")
    kinds = [name.strip() for name in dtypes.split(",")]
    console, aside = Console(), Console(stderr=True)
    if not console.is_terminal:
        console = Console(width=160)  # a file has no edge to wrap at
    if plant:
        if not (backends is None and json is None and picture is None):
            raise InvalidArgument("--plant chooses the backends and shows a table: wanted no more.")
        raise typer.Exit(_plant(console, aside, kinds))
    with aside.status("parity") as status:
        found = compare(
            None if backends is None else [name.strip() for name in backends.split(",")],
            kinds,
            steps=steps,
            progress=status.update,
        )
    if json is not None and str(json) == "-":
        typer.echo(report.as_json(found), nl=False)
    else:
        console.print(report.table(found, every_pair=every_pair))
        console.print(report.notes(found), markup=False, highlight=False)
        if json is not None:
            json.write_text(report.as_json(found))
    if picture is not None:
        report.draw(found, picture)
    if not found.holds:
        raise typer.Exit(1)


def _plant(console: Console, aside: Console, dtypes: list[str]) -> int:
    """Show what catches each planted fault; 1 if one passes."""
    from ..parity import report
    from ..parity.faults import plant

    with aside.status("parity") as status:
        caught = list(plant(dtypes, progress=status.update))
    passed = sum(not rows for _, _, rows in caught)
    console.print(report.table_of_faults(caught))
    console.print(f"{len(caught)} faults, {passed} pass.", markup=False, highlight=False)
    return 1 if passed else 0
