"""Where tests run: backends, each with a dtype and what it allows."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

from ..backends import BACKENDS, Backend, backend_of, get_backend, host, move
from ..backends.base import at_once
from ..errors import AgnosticNNError, unknown_name
from ..namespace import Array, Namespace


@dataclass(frozen=True)
class Variant:
    """A backend as tests use it: with a dtype, and perhaps with less allowed than usual.

    Parameters
    ----------
    name : str
        What tests show, and ``--agnostic-nn-backends`` takes.
    of : str
        The backend's own name, as `get_backend` takes it.
    dtype : str
        The type of the floating-point arrays that `asarray` makes.
    read_only : bool, default False
        Whether those arrays refuse to be written to, which finds functions that change what
        they are given. NumPy alone can.
    minimal : bool, default False
        Whether every optional feature of the standard is switched off while a test runs.
        array-api-strict alone can.

    Examples
    --------
    >>> numpy = VARIANTS["numpy (read-only)"]
    >>> A = numpy.asarray([1, 2.5])
    >>> A.dtype.name, A.flags.writeable
    ('float32', False)
    >>> numpy.to_numpy(A)
    array([1. , 2.5], dtype=float32)
    """

    name: str
    of: str
    dtype: str
    read_only: bool = False
    minimal: bool = False

    @property
    def backend(self) -> Backend:
        """The backend itself; raises where it is not usable."""
        return get_backend(self.of)

    @property
    def xp(self) -> Namespace:
        """Its array namespace."""
        return self.backend.xp

    @property
    def unit_roundoff(self) -> float:
        """The largest relative error of rounding to `dtype`."""
        return unit_roundoff(self.dtype)

    def asarray(self, values: Any, dtype: str | None = None) -> Array:
        """Return `values` as an array there, of `dtype`, or else the variant's own.

        Arrays of whole numbers or booleans keep their type.
        """
        source = backend_of(values)
        floating = source is None or source.xp.isdtype(values.dtype, "real floating")
        kind = self.backend.dtype(dtype or self.dtype) if floating else None
        array = move(values if source else host.asarray(values), self.backend, kind)
        return host.read_only(array) if self.read_only else array

    def to_numpy(self, array: Array) -> Any:
        """Copy an array to the host."""
        return self.backend.to_numpy(array)

    @contextmanager
    def restricted(self) -> Iterator[None]:
        """Switch off what this variant does without, and compile at once, inside a ``with``."""
        flags: Any = nullcontext()
        if self.minimal:
            flags = self.xp.ArrayAPIStrictFlags(
                boolean_indexing=False, data_dependent_shapes=False, enabled_extensions=()
            )
        with flags, at_once():
            yield

    def why_not(self) -> str:
        """Return why it is not usable here; empty where it is."""
        return _why_not(self.of)


#: Every variant by name. A backend need not be installed to stand here.
VARIANTS: dict[str, Variant] = {name: Variant(name, name, "float32") for name in BACKENDS} | {
    variant.name: variant
    for variant in (
        Variant("numpy", "numpy", "float64"),
        Variant("numpy (read-only)", "numpy", "float32", read_only=True),
        Variant("array_api_strict", "array_api_strict", "float64"),
        Variant("array_api_strict:device1", "array_api_strict:device1", "float32", minimal=True),
        Variant("torch:cuda", "torch:cuda", "float32"),
        Variant("jax:gpu", "jax:gpu", "float32"),
    )
}


def choose_variants(names: Sequence[str]) -> list[Variant]:
    """Return the variants of those names; a library's name alone stands for all of its own."""
    chosen = []
    for name in names:
        found = [
            variant
            for variant in VARIANTS.values()
            if name in (variant.name, variant.of.partition(":")[0])
        ]
        if not found:
            raise unknown_name("backends", name, VARIANTS)
        chosen += [variant for variant in found if variant not in chosen]
    return chosen


def usable_variants() -> list[Variant]:
    """Return every variant whose backend can be used here."""
    return [variant for variant in VARIANTS.values() if not variant.why_not()]


@functools.cache
def _why_not(backend: str) -> str:
    try:
        get_backend(backend)
    except AgnosticNNError as error:
        return str(error)
    return ""


def unit_roundoff(dtype: str) -> float:
    """Return the largest relative error of rounding to a dtype."""
    digits = {"float64": 53, "float32": 24, "float16": 11, "bfloat16": 8}
    return float(2.0 ** -digits[dtype])


def place_of(flat: int, shape: Sequence[int]) -> tuple[int, ...]:
    """The index along each axis of the element with that number."""
    index: list[int] = []
    for n in reversed(shape):
        flat, i = divmod(flat, n)
        index.insert(0, i)
    return tuple(index)
