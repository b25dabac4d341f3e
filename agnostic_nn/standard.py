"""Functions of the Array API standard: which map each number by itself, and of what kind it is.

Whole numbers, fractions, yes and no: the standard says which function takes which.
"""

from __future__ import annotations


def words(names: str) -> frozenset[str]:
    """Return names that stand one after the other."""
    return frozenset(names.split())


#: Kinds of functions: of real numbers; of fractions; from numbers to yes or no; of anything to yes
#: or no; of yes and no; of whole numbers or yes and no; of whole numbers.
_NAMES = {
    "numeric": """
        abs negative positive sign square ceil floor round trunc
        add subtract multiply maximum minimum pow remainder floor_divide""",
    "floating": """
        acos acosh asin asinh atan atanh cos cosh exp expm1 log log1p log2 log10 reciprocal sin
        sinh sqrt tan tanh divide atan2 copysign hypot logaddexp nextafter""",
    "test": "less less_equal greater greater_equal isfinite isinf isnan signbit",
    "either": "equal not_equal",
    "logical": "logical_and logical_or logical_xor logical_not",
    "bitwise": "bitwise_and bitwise_or bitwise_xor bitwise_invert",
    "shift": "bitwise_left_shift bitwise_right_shift",
}
KIND_OF = {name: kind for kind, names in _NAMES.items() for name in names.split()}

_BINARY = """
    add subtract multiply maximum minimum pow remainder floor_divide divide atan2 copysign hypot
    logaddexp nextafter less less_equal greater greater_equal equal not_equal logical_and logical_or
    logical_xor bitwise_and bitwise_or bitwise_xor bitwise_left_shift bitwise_right_shift"""
#: Those that take one array.
UNARY = frozenset(KIND_OF) - words(_BINARY)

#: Any part of their result needs the same part of what they are given alone.
ELEMENTWISE = frozenset({*KIND_OF, "where", "astype"})

INTEGRAL = ("signed integer", "unsigned integer")
