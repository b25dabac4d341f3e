"""The types of numbers in a program: by name, and what becomes of two of them.

Two types make what the standard says. Where it leaves that open (a whole number with a floating
one, yes or no with either) it is what NumPy 2 and CuPy do, whose arrays programs run on.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from typing import Any, NamedTuple

from ..errors import NotRecordable
from ..standard import INTEGRAL


@dataclass(frozen=True, eq=False)
class DType:
    """A type of numbers; equal to every library's type of that name."""

    name: str
    kind: str  # "bool", "signed integer", "unsigned integer", "real floating"
    bits: int
    code: str  # of the struct module, and of what memoryview calls a format

    def __eq__(self, other: object) -> bool:
        return self is other or _name_of(other) == self.name

    def __hash__(self) -> int:
        return hash(self.name)

    def __str__(self) -> str:
        return self.name

    __repr__ = __str__

    @property
    def floating(self) -> bool:
        """Whether it holds fractions."""
        return self.kind == "real floating"


#: What NumPy takes Python's own types for.
_PYTHONS = {"float": "float64", "int": "int64"}


def _name_of(dtype: object) -> str:
    """Return how a library's type is called, without the library."""
    name = str(getattr(dtype, "name", None) or getattr(dtype, "__name__", None) or dtype)
    return _PYTHONS.get(name, name).rpartition(".")[2]


DTYPES: dict[str, DType] = {
    dtype.name: dtype
    for dtype in (
        DType("bool", "bool", 8, "?"),
        *(DType(f"int{8 * 2**i}", "signed integer", 8 * 2**i, "bhiq"[i]) for i in range(4)),
        *(DType(f"uint{8 * 2**i}", "unsigned integer", 8 * 2**i, "BHIQ"[i]) for i in range(4)),
        *(DType(f"float{16 * 2**i}", "real floating", 16 * 2**i, "efd"[i]) for i in range(3)),
    )
}
BOOL, INT32, INT64, FLOAT64 = (DTYPES[name] for name in ("bool", "int32", "int64", "float64"))

#: Digits of the significand and the largest exponent (IEEE 754-2008, table 3.5).
_FORMATS = {"float16": (11, 15), "float32": (24, 127), "float64": (53, 1023)}


_KINDS = {"integral": INTEGRAL, "numeric": (*INTEGRAL, "real floating", "complex floating")}


class FloatInfo(NamedTuple):
    """What `finfo` of the standard tells."""

    bits: int
    eps: float
    max: float
    min: float
    smallest_normal: float
    dtype: DType


class IntegerInfo(NamedTuple):
    """What `iinfo` of the standard tells."""

    bits: int
    max: int
    min: int
    dtype: DType


def finfo(dtype: Any) -> FloatInfo:
    """Return the limits of a floating-point type, or of the type of an array."""
    dtype = as_dtype(getattr(dtype, "dtype", dtype))
    if not dtype.floating:
        raise NotRecordable(f"finfo of {dtype}")
    digits, exponent = _FORMATS[dtype.name]
    largest = math.ldexp(2.0 - 2.0 ** (1 - digits), exponent)
    smallest = math.ldexp(1.0, 1 - exponent)
    return FloatInfo(dtype.bits, 2.0 ** (1 - digits), largest, -largest, smallest, dtype)


def iinfo(dtype: Any) -> IntegerInfo:
    """Return the limits of a type of whole numbers, or of the type of an array."""
    dtype = as_dtype(getattr(dtype, "dtype", dtype))
    if dtype.kind not in INTEGRAL:
        raise NotRecordable(f"iinfo of {dtype}")
    sign = int(dtype.kind == "signed integer")
    return IntegerInfo(
        dtype.bits, 2 ** (dtype.bits - sign) - 1, -sign * 2 ** (dtype.bits - 1), dtype
    )


def as_dtype(dtype: Any) -> DType:
    """Return the type that is meant: one of ours, or any library's of that name."""
    if isinstance(dtype, DType):
        return dtype
    if (name := _name_of(dtype)) in DTYPES:
        return DTYPES[name]
    raise NotRecordable(f"numbers of the type {dtype!r}")


def isdtype(dtype: Any, kind: Any) -> bool:
    """Whether a type is of a kind that the standard names, of one of several, or is another."""
    dtype = as_dtype(dtype)
    if isinstance(kind, tuple):
        return any(isdtype(dtype, each) for each in kind)
    if isinstance(kind, str):
        return dtype.kind in _KINDS.get(kind, (kind,))
    return bool(dtype == as_dtype(kind))


def promoted(a: DType, b: DType) -> DType:
    """Return the type that holds what both hold."""
    if a == b or b.kind == "bool":
        return a
    if a.kind == "bool":
        return b
    if a.kind == b.kind:
        return a if a.bits >= b.bits else b
    if b.floating:
        a, b = b, a
    if a.floating:  # the narrowest that holds every number of both; float64 if none does
        return promoted(a, DTYPES[{8: "float16", 16: "float32"}.get(b.bits, "float64")])
    signed, unsigned = (a, b) if a.kind == "signed integer" else (b, a)
    if signed.bits > unsigned.bits:
        return signed
    return DTYPES.get(f"int{2 * unsigned.bits}", FLOAT64)


def of_python_number(value: Any, beside: DType | None) -> DType:
    """Return the type that a Python number takes beside an array of another type, or alone."""
    if isinstance(value, bool):
        return BOOL if beside is None else beside
    if isinstance(value, int):
        if beside is not None and beside.floating:
            return beside
        dtype = INT64 if beside is None or beside.kind == "bool" else beside
        if not iinfo(dtype).min <= value <= iinfo(dtype).max:
            raise NotRecordable(f"{value} beside numbers of the type {dtype}")
        return dtype
    return beside if beside is not None and beside.floating else FLOAT64


def encoded(value: Any, dtype: DType) -> bytes:
    """Return a Python number as the bytes of that type; what is too large becomes infinite."""
    number = float(value) if dtype.floating else int(value)
    try:
        return struct.pack("=" + dtype.code, number)
    except OverflowError:
        return struct.pack("=" + dtype.code, math.copysign(math.inf, number))


def decoded(data: bytes, dtype: DType) -> Any:
    """Return the Python number that bytes of that type are."""
    return struct.unpack("=" + dtype.code, data)[0]
