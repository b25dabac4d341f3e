"""How far two backends are from each other, and whether that is what rounding explains."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from ..backends import Backend, get_backend, host
from ..bounds import Bounded, Bounding
from ..errors import AgnosticNNError
from ..namespace import Array
from .cases import Case, dropout_mask
from .trainings import Training


@dataclass(frozen=True)
class Row:
    """One thing compared between two backends in one dtype.

    Attributes
    ----------
    group, name : str
        What was compared.
    dtype : str
        In which dtype.
    pair : tuple of str
        Between which backends.
    absolute, relative, ulps : float
        The largest difference: as it is, as a fraction of the larger number, and counted in
        numbers of the dtype that lie between. Numbers that may be flushed to zero count as zero.
    tolerance : float
        What was allowed where the difference is largest; every number has its own.
    used : float
        The largest share of its tolerance that a difference took; above 1 the row fails.
    origin : str
        The codes of where the tolerance comes from; see `report.LEGEND`.
    note : str
        What went wrong, apart from a difference.
    """

    group: str
    name: str
    dtype: str
    pair: tuple[str, str]
    absolute: float
    relative: float
    ulps: float
    tolerance: float
    used: float
    origin: str
    note: str = ""

    @property
    def holds(self) -> bool:
        """The verdict: every difference is within its tolerance."""
        return self.used <= 1.0


def compare_cases(backends: Sequence[Backend], dtype: str, cases: Iterable[Case]) -> Iterator[Row]:
    """Run every case on every backend, and compare each pair within what rounding explains."""
    bounding = Bounding(dtype)
    for case in cases:
        bounds = case.run([bounding.asarray(x) for x in rounded(case, dtype)], bounding)
        results = {backend.name: _outcome(_run, case, backend, dtype) for backend in backends}
        yield from _within(bounds, results, case.group, dtype)


def compare_trainings(
    backends: Sequence[Backend], dtype: str, trainings: Iterable[Training]
) -> Iterator[Row]:
    """Train on every backend, and compare each pair within what rounding explains."""
    for training in trainings:
        results = {backend.name: _outcome(training.on, backend, dtype) for backend in backends}
        yield from _within(training.bounds(dtype), results, "training", dtype)


def _within(
    bounds: dict[str, list[Bounded]],
    results: dict[str, dict[str, Array] | AgnosticNNError],
    group: str,
    dtype: str,
) -> Iterator[Row]:
    for name, expected in bounds.items():
        # two backends may both be off, in opposite directions
        tolerance = join([2.0 * part.error for part in expected])
        origin = _origin(expected)
        for a, b in combinations(results, 2):
            x, y = results[a], results[b]
            if isinstance(x, AgnosticNNError) or isinstance(y, AgnosticNNError):
                stopped = f"{a}: {x}" if isinstance(x, AgnosticNNError) else f"{b}: {y}"
                yield _failed(group, name, dtype, (a, b), origin, stopped)
            else:
                yield compare(group, name, dtype, (a, b), x[name], y[name], tolerance, origin)


def _outcome(
    run: Callable[..., dict[str, Array]], *arguments: Any
) -> dict[str, Array] | AgnosticNNError:
    """Return what comes of it, be it an error: numbers that are not finite may be refused."""
    try:
        return run(*arguments)
    except AgnosticNNError as error:
        return error


def _failed(
    group: str, name: str, dtype: str, pair: tuple[str, str], origin: str, note: str
) -> Row:
    worst = math.inf
    return Row(group, name, dtype, pair, worst, worst, worst, 0.0, worst, origin, note)


def compare_masks(backends: Sequence[Backend], dtype: str) -> Iterator[Row]:
    """Draw dropout masks on every backend; they are the same bits."""
    results = {
        backend.name: join([backend.to_numpy(mask) for mask in dropout_mask(backend, dtype)])
        for backend in backends
    }
    for a, b in combinations(results, 2):
        yield compare("dropout", "masks", dtype, (a, b), results[a], results[b], 0.0, "=")


def rounded(case: Case, dtype: str) -> list[Array]:
    """Return the inputs as every backend gets them, in float64."""
    xp = get_backend("numpy").xp
    return [xp.astype(xp.astype(x, getattr(xp, dtype)), xp.float64) for x in case.inputs]


def _run(case: Case, backend: Backend, dtype: str) -> dict[str, Array]:
    # astype copies: updates are in place, and no backend may write to what another one reads
    arrays = [backend.asarray(x.astype(dtype), backend.dtype(dtype)) for x in rounded(case, dtype)]
    results = case.run(arrays, backend.xp)
    return {
        name: join([backend.to_numpy(part) for part in parts]) for name, parts in results.items()
    }


def join(parts: list[Array]) -> Array:
    """Return host arrays as one flat one."""
    return host.concatenate(parts)


def _origin(parts: list[Bounded]) -> str:
    codes = sorted(frozenset().union(*(part.origin for part in parts)))
    terms = max(part.terms for part in parts)
    return " ".join(f"S{terms}" if code == "S" else code for code in codes) or "="


def compare(
    group: str,
    name: str,
    dtype: str,
    pair: tuple[str, str],
    a: Array,
    b: Array,
    tolerance: Array | float,
    origin: str,
) -> Row:
    """Compare two flat host arrays element by element; the tolerance may be one for all."""
    xp = get_backend("numpy").xp
    wrong = _wrong(a, b, pair, dtype)
    if wrong:
        return _failed(group, name, dtype, pair, origin, wrong)
    x, y = xp.astype(a, xp.float64), xp.astype(b, xp.float64)
    tolerance = tolerance + xp.zeros_like(x)
    difference = xp.abs(x - y)
    used = xp.where(difference > tolerance, math.inf, 0.0)  # where nothing is allowed
    allowed = xp.where(tolerance > 0.0, tolerance, 1.0)
    used = xp.where(tolerance > 0.0, difference / allowed, used)
    # shown is the tolerance where the difference is largest, or where there is none the widest
    shown = xp.argmax(difference if bool(xp.any(difference > 0.0)) else tolerance)

    smallest = float(xp.finfo(a.dtype).smallest_normal)
    a, b = (xp.where(xp.abs(array) < smallest, 0.0 * array, array) for array in (a, b))
    larger = xp.maximum(xp.abs(x), xp.abs(y))
    relative = xp.where(larger < smallest, 0.0, difference / xp.where(larger > 0.0, larger, 1.0))
    return Row(
        group,
        name,
        dtype,
        pair,
        absolute=float(xp.max(difference)),
        relative=float(xp.max(relative)),
        ulps=float(xp.max(host.ulp_distance(a, b))),
        tolerance=float(tolerance[int(shown)]),
        used=float(xp.max(used)),
        origin=origin,
    )


def _wrong(a: Array, b: Array, pair: tuple[str, str], dtype: str) -> str:
    """Say what keeps two results from being compared; nothing, where they can be."""
    xp = get_backend("numpy").xp
    for name, array in zip(pair, (a, b), strict=True):
        if str(array.dtype) != dtype:
            return f"{name} gave {array.dtype}"
        if not bool(xp.all(xp.isfinite(array))):
            return f"{name} gave NaN or infinity"
    return "" if a.shape == b.shape else f"{a.shape[0]} numbers and {b.shape[0]}"
