"""Parity: the same numbers from every backend, and how close.

From the same bits every equation, activation, loss and update of the package runs on each
backend; what two of them may differ by is derived from the equation and the data (`bounds`), and
for whole trainings from how far rounding carries this network (`trajectories`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from ..backends import Availability, Backend, available_backends, get_backend
from ..checks import check_number
from ..errors import InvalidArgument, unknown_name
from . import cases
from .comparison import Row, compare_cases, compare_masks, compare_trainings
from .layer_cases import layers
from .trainings import trainings
from .trajectories import Drift, compare_training, data

__all__ = ["DTYPES", "GROUPS", "Drift", "Report", "Row", "parity"]

#: The dtypes every backend has.
DTYPES = ("float32", "float64")

#: The parts of the table, apart from long trainings: backends and a dtype to rows.
GROUPS: dict[str, Callable[[Sequence[Backend], str], Iterable[Row]]] = {
    "equations": lambda backends, dtype: compare_cases(backends, dtype, cases.equations()),
    "layers": lambda backends, dtype: compare_cases(backends, dtype, layers()),
    "activations": lambda backends, dtype: compare_cases(backends, dtype, cases.activations()),
    "losses": lambda backends, dtype: compare_cases(backends, dtype, cases.of_losses()),
    "optimizers": lambda backends, dtype: compare_cases(backends, dtype, cases.updates()),
    "dropout": compare_masks,
    "training": lambda backends, dtype: compare_trainings(backends, dtype, trainings()),
}


@dataclass(frozen=True)
class Report:
    """What `parity` found.

    Attributes
    ----------
    rows : list of Row
        Every comparison of two backends.
    drifts : list of Drift
        The trainings, step by step.
    backends : dict of str to Availability
        What was compared, with versions and devices.
    data : str
        What the networks were trained on.
    seconds : float
        How long it all took.
    """

    rows: list[Row]
    drifts: list[Drift]
    backends: dict[str, Availability]
    data: str
    seconds: float

    @property
    def holds(self) -> bool:
        """Whether every row holds."""
        return all(row.holds for row in self.rows)


def parity(
    backends: Sequence[str] | None = None,
    dtypes: Sequence[str] = DTYPES,
    *,
    steps: int = 200,
    progress: Callable[[str], object] = str,
) -> Report:
    """Compare backends: the equations, activations, losses, updates, dropout and trainings.

    Parameters
    ----------
    backends : sequence of str, optional
        Two names or more, as `get_backend` takes them; left out, all that can be used here.
    dtypes : sequence of str, default ("float32", "float64")
        In which types.
    steps : int, default 200
        Of training; 0 for none. They are taken in epochs of five.
    progress : callable, optional
        Is told in a few words what is being done.

    Returns
    -------
    Report

    Raises
    ------
    InvalidArgument
        If there are fewer than two backends, or a name is not known.
    BackendUnavailable
        If a backend cannot be used here.

    Examples
    --------
    >>> report = parity(["numpy", "array_api_strict"], ["float64"], steps=5)
    >>> report.holds
    True
    >>> max(row.absolute for row in report.rows if row.name == "relu")
    0.0
    """
    began = time.perf_counter()
    check_number("steps", steps, at_least=0, integer=True)
    check_dtypes(dtypes)
    available = available_backends()
    if backends is None:
        backends = [name for name, found in available.items() if found.usable]
    opened = {backend.name: backend for backend in map(get_backend, backends)}
    if len(opened) < 2:
        usable = [name for name, found in available.items() if found.usable]
        remedy = f"Usable here are {', '.join(usable)}."
        if len(usable) < 2:
            lightest = available["array_api_strict"].install
            remedy = f"No other is usable here; the lightest to install: {lightest}"
        raise InvalidArgument(
            f"backends={', '.join(opened) or 'none'}: wanted at least two to compare. {remedy}"
        )
    rows: list[Row] = []
    drifts: list[Drift] = []
    chosen = list(opened.values())
    for dtype in dtypes:
        for group, rows_of in GROUPS.items():
            progress(f"{dtype}: {group}")
            rows += rows_of(chosen, dtype)
        if steps > 0:
            progress(f"{dtype}: {steps} steps of training on each backend")
            for row, drift in compare_training(chosen, dtype, steps):
                rows.append(row)
                drifts.append(drift)
    found = {name: available[name.partition(":")[0]] for name in opened}
    return Report(rows, drifts, found, data()[2], time.perf_counter() - began)


def check_dtypes(dtypes: Sequence[str]) -> None:
    """Refuse a dtype that not every backend has."""
    for dtype in dtypes:
        if dtype not in DTYPES:
            raise unknown_name("dtype", dtype, DTYPES)
