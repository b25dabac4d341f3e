"""`agnostic-nn backends`: what is installed, what is usable, and why not."""

from __future__ import annotations

from .common import AsJSON, print_json


def backends(json: AsJSON = False) -> None:
    """Show which backends can be used here, and how to install the others."""
    from dataclasses import asdict

    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from ..backends import available_backends

    if json:
        print_json({name: asdict(found) for name, found in available_backends().items()})
        return
    table = Table()
    for heading in ("backend", "version", "usable", "device and memory, or what is missing"):
        table.add_column(heading, overflow="fold")
    for name, found in available_backends().items():
        if found.usable:
            memory = f", {found.memory / 2**30:.1f} GiB" if found.memory else ""
            notes = f"{found.device}{memory}"
        else:
            notes = f"{found.reason}; {found.install}"
        table.add_row(name, found.version or "-", "yes" if found.usable else "no", escape(notes))
    Console().print(table)
