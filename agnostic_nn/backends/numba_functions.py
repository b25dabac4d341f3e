"""What compiled epochs call: sums, products, and elementary functions that loops go through fast.

Numba's exp, log and tanh are those of the C library, one number at a time. These here are plain
arithmetic without a branch, so that a loop computes eight or sixteen at once: the series of exp and
of log after the argument was brought near 0 by powers of 2, which are made from their bits. They
are within 4 ULPs, and right where numbers are infinite, not a number, or too small to be normal.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numba
import numpy as np
from numba.core import types
from numba.extending import intrinsic

_ALONE: Any = {"error_model": "numpy", "nogil": True, "cache": True}
_INSIDE: Any = {"error_model": "numpy", "nogil": True, "forceinline": True}


# Sums may be taken in any order, which a loop needs to go through several numbers at once; NaN
# and infinity stay what they are.
@numba.njit(fastmath={"reassoc", "contract", "nsz"}, **_ALONE)
def added_up(x: Any, begin: Any, n: Any) -> Any:
    """Return the sum of n numbers of a vector."""
    total = x.dtype.type(0)
    for i in range(n):
        total += x[begin + i]
    return total


@numba.njit(**_ALONE)
def product(
    x: Any, rows: Any, inner: Any, columns: Any, a: Any, a_turned: Any, b: Any, b_turned: Any,
    out: Any,
) -> None:  # fmt: skip
    """Multiply two matrices that begin at a and b; turned ones lie there as their transposes."""
    C = x[out : out + rows * columns].reshape((rows, columns))
    A, B = x[a : a + rows * inner], x[b : b + inner * columns]
    if columns == 1 and not a_turned:
        np.dot(A.reshape((rows, inner)), B, x[out : out + rows])
    elif a_turned:
        if b_turned:
            np.dot(A.reshape((inner, rows)).T, B.reshape((columns, inner)).T, C)
        else:
            np.dot(A.reshape((inner, rows)).T, B.reshape((inner, columns)), C)
    elif b_turned:
        np.dot(A.reshape((rows, inner)), B.reshape((columns, inner)).T, C)
    else:
        np.dot(A.reshape((rows, inner)), B.reshape((inner, columns)), C)


# Numbers and their bits


def _reinterpreted(to: Any) -> Any:
    """Return the function that reads the bits of a number as one of another type."""

    @intrinsic
    def reinterpreted(context: Any, x: Any) -> Any:
        del context

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return builder.bitcast(arguments[0], context.get_value_type(signature.return_type))

        return to(x), generate

    return reinterpreted


#: The natural logarithm of 2, to a hundred binary places.
_LOG_2 = sum(Fraction(1, k << k) for k in range(1, 100))


def _functions(float_: Any, int_: Any, digits: int, exponent: int, terms: int) -> dict[str, Any]:
    """Make the functions of a floating-point type.

    `digits` and `exponent` are those of IEEE 754; the series of exp ends after so many `terms`.
    """
    as_float = _reinterpreted(getattr(types, float_.__name__))
    as_int = _reinterpreted(getattr(types, int_.__name__))
    shift, bias = int_(digits - 1), int_(exponent)
    # log(2) in two parts: any exponent times the first is exact
    high = Fraction(round(_LOG_2 * 2**12), 2**12)
    log_2, rest, per_log_2 = float_(high), float_(_LOG_2 - high), float_(1 / _LOG_2)
    lowest, highest = float_(-(exponent + digits) * _LOG_2), float_((exponent + 2) * _LOG_2)
    smallest, inf, nan = float_(2.0 ** (1 - exponent)), float_(np.inf), float_(np.nan)
    one, two, half, zero = float_(1), float_(2), float_(0.5), float_(0)
    fraction, middle = int_((1 << (digits - 1)) - 1), float_(2.0**0.5)
    scale, wide = float_(2.0**digits), int_(digits)
    exp_series = tuple(float_(1.0 / math.factorial(k)) for k in range(terms, 0, -1))
    log_series = tuple(float_(2.0 / (2 * k + 1)) for k in range(terms - terms // 4, -1, -1))

    @numba.njit(**_INSIDE)
    def power(k: Any) -> Any:
        return as_float(int_((int_(k) + bias) << shift))

    @numba.njit(**_INSIDE)
    def around_zero(x: Any) -> Any:
        """x = k log(2) + r, and exp(r) - 1 = r + r^2 / 2! + r^3 / 3! + ..."""
        k = np.rint(x * per_log_2)
        r = (x - k * log_2) - k * rest
        total = zero
        for c in exp_series:
            total = total * r + c
        return k, total * r

    @numba.njit(**_INSIDE)
    def scaled(x: Any, k: Any) -> Any:
        """Multiply by 2^k in two steps, for 2^k itself may be too large or too small."""
        first = np.floor(k * half)
        return (x * power(first)) * power(k - first)

    @numba.njit(**_INSIDE)
    def exp(x: Any) -> Any:
        within = max(lowest, x)
        within = min(highest, within)
        k, less_one = around_zero(within)
        return x if x != x else scaled(one + less_one, k)

    @numba.njit(**_INSIDE)
    def expm1(x: Any) -> Any:
        within = max(lowest, x)
        within = min(highest, within)
        k, less_one = around_zero(within)
        kept = k if k < bias else float_(bias)
        kept = kept if kept > -wide - 1 else float_(-wide - 1)
        p = power(kept)
        near = less_one * p + (p - one)
        far = scaled(one + less_one, k) - one
        return x if x != x else (far if k > wide else near)

    @numba.njit(**_INSIDE)
    def log(x: Any) -> Any:
        """log(2^e m) = e log(2) + 2 (s + s^3 / 3 + ...), s = (m - 1) / (m + 1)."""
        normal = x if x >= smallest else x * scale
        bits = as_int(normal)
        m = as_float(int_((bits & fraction) | int_(bias << shift)))
        e = float_(int_((bits >> shift) - bias))
        e = e if x >= smallest else e - float_(wide)
        e = e + one if m > middle else e
        m = m * half if m > middle else m
        s = (m - one) / (m + one)
        z, total = s * s, zero
        for c in log_series:
            total = total * z + c
        found = e * log_2 + (total * s + e * rest)
        found = found if x < inf else x
        found = found if x > zero else -inf
        return found if x >= zero else nan

    @numba.njit(**_INSIDE)
    def log1p(x: Any) -> Any:
        """What is lost of x in 1 + x is made good: log(1 + x) is nearly a multiple of x there."""
        u = one + x
        kept = u - one
        found = log(u) * (x / (kept if kept != zero else one))
        found = found if kept != zero else x
        return found if x < inf else x

    @numba.njit(**_INSIDE)
    def tanh(x: Any) -> Any:
        t = expm1(-two * abs(x))
        return np.copysign(-t / (t + two), x)

    return {"exp": exp, "expm1": expm1, "log": log, "log1p": log1p, "tanh": tanh}


#: By the standard's name and the dtype, as in exp_float32.
FUNCTIONS: dict[str, Any] = {
    f"{name}_{dtype}": function
    for dtype, functions in (
        ("float32", _functions(np.float32, np.int32, 24, 127, 8)),
        ("float64", _functions(np.float64, np.int64, 53, 1023, 14)),
    )
    for name, function in functions.items()
}
globals().update(FUNCTIONS)
