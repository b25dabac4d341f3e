"""`assert_parity`: the same numbers on every backend."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

from ..backends import Backend, get_backend
from ..backends.base import Epoch
from ..bounds import rounding_of
from ..namespace import Namespace
from .variants import VARIANTS, Variant, place_of, unit_roundoff, usable_variants


def assert_parity(
    function: Callable[..., Any],
    *arrays: Any,
    backends: Iterable[str | Backend | Variant] | None = None,
    dtype: str | None = None,
    tolerance: float | None = None,
    in_a_step: bool = True,
) -> None:
    """Assert that a function gives the same numbers on every backend.

    The reference is NumPy in float64, given the arrays as rounded to the tested dtype. Everywhere
    the function is called as it stands, and then the way a training step is run: recorded or
    compiled with other numbers, and repeated with these.

    Parameters
    ----------
    function : callable
        ``function(*arrays, xp=...)``, which returns an array, or arrays in lists and tuples.
    *arrays : array-like
        Its arguments. Lists and floating-point arrays take the tested dtype, arrays of whole
        numbers or booleans stay what they are.
    backends : iterable of str, Backend or Variant, optional
        Where to run it: names in `VARIANTS`, or backends. Left out, every variant usable here.
    dtype : str, optional
        The dtype to test; left out, each variant's own.
    tolerance : float, optional
        How far a number may lie from the reference, in unit roundoffs u of the dtype times the
        largest magnitude in that result: ``|got - expected| <= tolerance * u * max|expected|``.
        Left out, every number has a bound of its own, from running error analysis of the function
        (`agnostic_nn.bounds`). Where the function uses what has no bound there, it is 8 + n for
        the longest axis n among the arrays: a sum of n terms is right to n u (Higham 2002, section
        3.1), and 8 leaves room for the elementary functions, which libraries compute to a few u.
    in_a_step : bool, default True
        Whether to run it as a part of a training step as well. Not so for functions that no step
        has, as one that decides by the values of its arrays, which JAX cannot compile.

    Raises
    ------
    AssertionError
        If a number, a shape or a dtype differs, or if a result is not an array of the backend
        it was computed on: two results that both became NumPy arrays prove nothing.

    Examples
    --------
    >>> def softsign(Z, *, xp):
    ...     return Z / (1.0 + xp.abs(Z))
    >>> assert_parity(softsign, [[-1.0, 0.5]], backends=["numpy"])
    >>> def mean(Z, *, xp):
    ...     return float(xp.mean(Z))
    >>> assert_parity(mean, [[-1.0, 0.5]], backends=["numpy"])
    Traceback (most recent call last):
    AssertionError: mean on numpy in float64: the result is a float, wanted an array of numpy.
    """
    variants = _variants(backends, dtype)
    for variant in variants:
        given = [variant.asarray(array) for array in arrays]
        reference = VARIANTS["numpy"]
        exact = [reference.asarray(variant.to_numpy(array), "float64") for array in given]
        expected = list(_flat(function(*exact, xp=reference.xp)))
        allowed = _allowed(function, exact, expected, variant.dtype, tolerance)
        for where, got in _runs(function, given, variant, in_a_step=in_a_step):
            if len(got) != len(expected):
                raise AssertionError(f"{where}: expected {len(expected)} arrays, got {len(got)}.")
            for i, (a, b) in enumerate(zip(got, expected, strict=True)):
                result = "the result" if len(got) == 1 else f"result {i}"
                _check_kind(f"{where}: {result}", a, b, variant)
                _check_close(f"{where}: {result}", variant.to_numpy(a), b, allowed[i])


def _runs(
    function: Callable[..., Any], given: list[Any], variant: Variant, *, in_a_step: bool
) -> Iterator[tuple[str, list[Any]]]:
    """Yield the results of each way to run a function there, and how and where it was run."""
    where = f"{_name(function)} on {variant.name} in {variant.dtype}"
    with variant.restricted():
        got = list(_flat(function(*given, xp=variant.xp)))
    yield where, got
    if in_a_step and got:
        with variant.restricted():
            got = _in_a_step(function, given, got, variant, where)
        yield f"{where}, in a training step", got


def _in_a_step(
    function: Callable[..., Any], given: list[Any], got: list[Any], variant: Variant, where: str
) -> list[Any]:
    """Return what a training step leaves that calls the function, run as the backend runs steps.

    The step before it gets the same numbers in another order, so that what is kept of it shows.
    """
    host = VARIANTS["numpy"].xp
    dtype = variant.backend.dtype(variant.dtype)
    numbers = [array for array in given if array.dtype == dtype]
    flat = [host.reshape(variant.to_numpy(array), (-1,)) for array in numbers]
    rows = [host.concat([*order, host.ones(1)]) for order in ([x[::-1] for x in flat], flat)]

    def step(state: Any, batch: Any, rates: Any, key: Any, xp: Namespace) -> Any:
        del rates, key
        arrays, start = [], 0
        for array in given:
            if array.dtype == dtype:
                stop = start + math.prod(array.shape)
                array, start = xp.reshape(batch[0][0, start:stop], array.shape), stop
            arrays.append(array)
        return (state[0], *_flat(function(*arrays, xp=xp))), xp.sum(batch[0])

    state = (
        variant.backend.asarray([0.0], dtype),
        *(variant.xp.zeros_like(result) for result in got),
    )
    keys = host.zeros((2, 2), dtype=host.int32)
    epoch = Epoch((variant.asarray(host.stack(rows)),), None, 1, [(0.0,)] * 2, keys)
    try:
        (_, *results), _ = variant.backend.epoch(step, state, epoch, {})
    except Exception as error:
        reason = str(error).splitlines()[0]
        raise AssertionError(
            f"{where} runs as it stands, and not in a training step ({type(error).__name__}: "
            f"{reason}); in_a_step=False leaves that out."
        ) from error
    return results


def _variants(
    backends: Iterable[str | Backend | Variant] | None, dtype: str | None
) -> list[Variant]:
    if backends is None:
        variants = usable_variants()
        if all(variant.of == "numpy" for variant in variants):
            raise AssertionError(
                "NumPy alone is usable here, and compared with itself it proves nothing: "
                "pip install array-api-strict, or name backends=[...]."
            )
    else:
        variants = []
        for one in backends:
            if isinstance(one, Variant):
                variants.append(one)
            elif isinstance(one, str) and one in VARIANTS:
                variants.append(VARIANTS[one])
            else:
                variants.append(Variant(name := get_backend(one).name, name, "float64"))
    return variants if dtype is None else [replace(v, dtype=dtype) for v in variants]


def _flat(result: Any) -> Iterator[Any]:
    if isinstance(result, (list, tuple)):
        for part in result:
            yield from _flat(part)
    elif result is not None:
        yield result


def _check_kind(what: str, got: Any, expected: Any, variant: Variant) -> None:
    if not variant.backend.owns(got):
        kind = f"{type(got).__module__}.{type(got).__qualname__}".removeprefix("builtins.")
        raise AssertionError(f"{what} is a {kind}, wanted an array of {variant.of}.")
    if tuple(got.shape) != tuple(expected.shape):
        raise AssertionError(
            f"{what} has shape {tuple(got.shape)}, expected {tuple(expected.shape)}."
        )
    home = variant.asarray(0.0)
    if VARIANTS["numpy"].xp.isdtype(expected.dtype, "real floating") and got.dtype != home.dtype:
        raise AssertionError(f"{what} has dtype {got.dtype}, expected {home.dtype}.")
    places = [type(variant.backend).device_of(array) for array in (got, home)]
    if places[0] != places[1]:
        raise AssertionError(
            f"{what} is on the device {places[0] or 'default'!r}, "
            f"its arguments on {places[1] or 'default'!r}."
        )


def _allowed(
    function: Callable[..., Any],
    exact: list[Any],
    expected: list[Any],
    dtype: str,
    tolerance: float | None,
) -> list[Any]:
    """How far the numbers of each result may be off: one for all of them, or one for each."""
    xp = VARIANTS["numpy"].xp
    if tolerance is None:
        try:
            # the reference may be off as well, in the opposite direction
            bounds = [2.0 * error for error in rounding_of(function, exact, dtype)]
        except Exception:  # what people write may do anything with an array that is none of NumPy's
            bounds = []
        if len(bounds) == len(expected) and not any(
            xp.any(xp.isnan(xp.asarray(bound))) for bound in bounds
        ):
            return bounds
    axes = [n for array in exact for n in array.shape]
    units = 8 + max(axes, default=0) if tolerance is None else tolerance
    return [units * unit_roundoff(dtype) * _largest(array) for array in expected]


def _largest(expected: Any) -> float:
    """The largest magnitude among the numbers that are finite."""
    xp = VARIANTS["numpy"].xp
    numbers = xp.astype(xp.asarray(expected), xp.float64)
    finite = xp.where(xp.isfinite(numbers), xp.abs(numbers), 0.0)
    return float(xp.max(finite)) if numbers.size else 0.0


def _check_close(what: str, got: Any, expected: Any, allowed: Any) -> None:
    """Both on the host; so is `allowed`, one number or as many."""
    xp = VARIANTS["numpy"].xp
    got, expected = (xp.astype(xp.asarray(array), xp.float64) for array in (got, expected))
    # what is not finite must be the same; it takes no part in the difference
    same = (got == expected) | (xp.isnan(got) & xp.isnan(expected))
    comparable = xp.isfinite(expected) & xp.isfinite(got)
    difference = xp.abs(xp.where(comparable, got, 0.0) - xp.where(comparable, expected, 0.0))
    wrong = ~(same | (comparable & (difference <= allowed)))
    if xp.any(wrong):
        worst = place_of(int(xp.argmax(xp.where(wrong & comparable, difference, 0.0))), got.shape)
        if not wrong[worst]:
            worst = place_of(int(xp.argmax(wrong)), got.shape)
        there = xp.broadcast_to(xp.asarray(allowed), got.shape)[worst]
        raise AssertionError(
            f"{what} at {list(worst)}: expected {expected[worst]!s}, got {got[worst]!s}; "
            f"a difference of {there:.3g} is allowed."
        )


def _name(function: Any) -> str:
    return str(getattr(function, "name", None) or getattr(function, "__name__", function))
