"""How the functions of the standard, and loops over arrays, are written down for Numba."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from ..programs.dtypes import decoded
from ..programs.program import Call, Constant

#: What is written otherwise than by a function of NumPy's of the same name.
_SPELLED: dict[str, Callable[..., str]] = {
    "add": "({} + {})".format,
    "subtract": "({} - {})".format,
    "multiply": "({} * {})".format,
    "divide": "({} / {})".format,
    "pow": "({} ** {})".format,
    "remainder": "({} % {})".format,
    "floor_divide": "({} // {})".format,
    "negative": "(-{})".format,
    "positive": "{}".format,
    "square": "({0} * {0})".format,
    "reciprocal": "(one / {})".format,
    "abs": "abs({})".format,
    "less": "({} < {})".format,
    "less_equal": "({} <= {})".format,
    "greater": "({} > {})".format,
    "greater_equal": "({} >= {})".format,
    "equal": "({} == {})".format,
    "not_equal": "({} != {})".format,
    "logical_and": "({} & {})".format,
    "logical_or": "({} | {})".format,
    "logical_xor": "({} ^ {})".format,
    "logical_not": "(not {})".format,
    "bitwise_and": "({} & {})".format,
    "bitwise_or": "({} | {})".format,
    "bitwise_xor": "({} ^ {})".format,
    "bitwise_invert": "(~{})".format,
    "bitwise_left_shift": "({} << {})".format,
    "bitwise_right_shift": "({} >> {})".format,
    # NaN comes through, as the standard has it
    "maximum": "({0} if ({0} >= {1}) | ({0} != {0}) else {1})".format,
    "minimum": "({0} if ({0} <= {1}) | ({0} != {0}) else {1})".format,
    "where": "({1} if {0} else {2})".format,
    "astype": "{}".format,
    "acos": "np.arccos({})".format,
    "acosh": "np.arccosh({})".format,
    "asin": "np.arcsin({})".format,
    "asinh": "np.arcsinh({})".format,
    "atan": "np.arctan({})".format,
    "atanh": "np.arctanh({})".format,
    "atan2": "np.arctan2({}, {})".format,
    "round": "np.rint({})".format,
}

#: Functions that `numba_functions` has for loops.
FAST = frozenset({"exp", "expm1", "log", "log1p", "tanh"})

#: What a place along each axis is called.
_AXES = "ijklpq"

#: How a reduction begins, and what each number makes of it.
REDUCTIONS = {
    "sum": ("0", "{0} + {1}"),
    "prod": ("1", "{0} * {1}"),
    "max": ("-np.inf", "{1} if ({1} > {0}) | ({1} != {1}) else {0}"),
    "min": ("np.inf", "{1} if ({1} < {0}) | ({1} != {1}) else {0}"),
    "any": ("False", "{0} | {1}"),
    "all": ("True", "{0} & {1}"),
}


def expression(call: Call, given: Sequence[str]) -> str:
    """Return what an elementwise call makes of its inputs, which go by these names."""
    spelled = _SPELLED.get(call.function)
    if call.function == "pow" and isinstance(call.inputs[1], Constant):
        exponent = decoded(call.inputs[1].data, call.dtype)
        spelled = _SPELLED["square"] if exponent == 2 else spelled
    if call.function in FAST:
        return f"{call.function}_{call.dtype}({given[0]})"
    text = spelled(*given) if spelled else f"np.{call.function}({', '.join(given)})"
    if call.function == "reciprocal":
        text = text.replace("one", f"np.{call.dtype}(1)")
    if call.dtype.kind == "bool":
        return f"({text} != 0)" if call.function == "astype" else text
    # Numba makes wide numbers of narrow ones, and NumPy does not
    return text if call.function in ("maximum", "minimum", "where") else f"np.{call.dtype}({text})"


def called(function: str, call: Call, *given: int | str) -> str:
    """Return the call of a function on places in the array of a dtype.

    None of the numbers is said: for every number that is, Numba compiles the function once more.
    """
    names = (f"n{int(x)}" if isinstance(x, int) or x.isdigit() else x for x in given)
    return f"{function}({call.dtype}s, {', '.join(names)})"


def index(offset: int, strides: Sequence[int], loops: Sequence[int]) -> str:
    """Return the place of a number, in loops over the axes of an array."""
    terms = [
        f"{_AXES[axis]}" if stride == 1 else f"{_AXES[axis]} * {stride}"
        for axis, (stride, n) in enumerate(zip(strides, loops, strict=True))
        if stride and n > 1
    ]
    return " + ".join([*terms, str(offset)] if offset or not terms else terms)


def nested(levels: Sequence[Sequence[str]], loops: Sequence[int]) -> Iterator[str]:
    """Write loops into each other, with what belongs before each."""
    depth = 0
    for axis, lines in enumerate(levels):
        yield from indented(lines, depth)
        if axis < len(loops) and loops[axis] > 1:
            yield "    " * depth + f"for {_AXES[axis]} in range(n{loops[axis]}):"
            depth += 1


def indented(lines: Sequence[str], depth: int = 1) -> Iterator[str]:
    """Move lines to the right."""
    return ("    " * depth + line for line in lines)
