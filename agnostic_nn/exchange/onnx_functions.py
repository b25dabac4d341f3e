"""Functions of the Array API standard in ONNX's operators, those of opset 13.

What is spelled out is what ONNX has not.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from ..errors import NotRecordable
from ..programs.program import Call
from ..programs.sizes import Growing, Size, Sizes
from ..programs.views import ends
from .onnx_graph import Graph


def _named(operator: str) -> Callable[..., str]:
    return lambda g, *inputs: g(operator, *inputs)


#: Element by element, and products, under the operators' own names.
_OPERATORS = {
    "abs": "Abs", "negative": "Neg", "positive": "Identity", "sign": "Sign", "ceil": "Ceil",
    "floor": "Floor", "round": "Round", "sqrt": "Sqrt", "exp": "Exp", "log": "Log",
    "reciprocal": "Reciprocal", "sin": "Sin", "cos": "Cos", "tan": "Tan", "asin": "Asin",
    "acos": "Acos", "atan": "Atan", "sinh": "Sinh", "cosh": "Cosh", "tanh": "Tanh",
    "asinh": "Asinh", "acosh": "Acosh", "atanh": "Atanh", "add": "Add", "subtract": "Sub",
    "multiply": "Mul", "divide": "Div", "maximum": "Max", "minimum": "Min", "pow": "Pow",
    "less": "Less", "less_equal": "LessOrEqual", "greater": "Greater",
    "greater_equal": "GreaterOrEqual", "equal": "Equal", "logical_and": "And", "logical_or": "Or",
    "logical_xor": "Xor", "logical_not": "Not", "isnan": "IsNaN", "where": "Where",
    "matmul": "MatMul",
}  # fmt: skip


def _log1p(g: Graph, x: str) -> str:
    """Log(u) x / (u - 1) with u = 1 + x, so that what rounding does to u cancels (Kahan)."""
    u = g("Add", x, 1.0)
    d = g("Sub", u, 1.0)
    near = g("Where", g("Equal", d, 0.0), x, g("Div", g("Mul", g("Log", u), x), d))
    return g("Where", g("Greater", x, 1.0), g("Log", u), near)


def _expm1(g: Graph, x: str) -> str:
    """(u - 1) x / log(u) with u = exp(x), likewise."""
    u = g("Exp", x)
    d = g("Sub", u, 1.0)
    near = g("Where", g("Equal", d, 0.0), x, g("Div", g("Mul", d, x), g("Log", u)))
    return g("Where", g("Greater", g("Abs", x), 1.0), d, near)


def _logaddexp(g: Graph, x: str, y: str) -> str:
    larger = g("Max", x, y)
    return g("Add", larger, _log1p(g, g("Exp", g("Sub", g("Min", x, y), larger))))


#: Element by element: ``(graph, *inputs) -> name``.
ELEMENTWISE: dict[str, Callable[..., str]] = {
    **{name: _named(operator) for name, operator in _OPERATORS.items()},
    "trunc": lambda g, x: g("Mul", g("Sign", x), g("Floor", g("Abs", x))),
    "square": lambda g, x: g("Mul", x, x),
    "hypot": lambda g, x, y: g("Sqrt", g("Add", g("Mul", x, x), g("Mul", y, y))),
    "log1p": _log1p,
    "expm1": _expm1,
    "log2": lambda g, x: g("Mul", g("Log", x), 1.0 / math.log(2.0)),
    "log10": lambda g, x: g("Mul", g("Log", x), 1.0 / math.log(10.0)),
    "logaddexp": _logaddexp,
    "not_equal": lambda g, x, y: g("Not", g("Equal", x, y)),
    "isfinite": lambda g, x: g("Less", g("Abs", x), math.inf),
    "isinf": lambda g, x: g("Equal", g("Abs", x), math.inf),
}


#: What the operators &, |, ^ and ~ are of yes and no.
_OF_YES_AND_NO = {
    "bitwise_and": "logical_and",
    "bitwise_or": "logical_or",
    "bitwise_xor": "logical_xor",
    "bitwise_invert": "logical_not",
}

#: Sums and their like, by operators that take axes. ReduceSum's are an input since opset 13.
_REDUCED = {"mean": "ReduceMean", "max": "ReduceMax", "min": "ReduceMin", "prod": "ReduceProd"}


def write(g: Graph, call: Call, inputs: Sequence[str], growing: Growing) -> str:
    """Add the nodes of a call, and return what comes of them.

    Raises
    ------
    NotRecordable
        If ONNX has nothing like it.
    """
    function, options, shape = call.function, growing.options[call], growing.shapes[call]
    if call.dtype.kind == "bool":
        function = _OF_YES_AND_NO.get(function, function)
    if function in ELEMENTWISE:
        return ELEMENTWISE[function](g, *inputs)
    if function in ("sum", "var", "std", *_REDUCED):
        return _reduced(g, function, *inputs, **options)
    match function:
        case "astype":
            return g("Cast", *inputs, to=g.kind(call.dtype))
        case "permute_dims":
            return g("Transpose", *inputs, perm=list(options["axes"]))
        case "reshape":
            return g("Reshape", *inputs, _one_left_out(g, shape))
        case "broadcast_to" | "full":
            return g("Expand", *inputs, g.sizes(shape))
        case "expand_dims":
            return g("Unsqueeze", *inputs, g.whole(options["axis"]))
        case "squeeze":
            return g("Squeeze", *inputs, g.whole(*options["axis"]))
        case "flip":
            axes = options["axis"]
            last, first, back = ([n] * len(axes) for n in (-1, _BEFORE_ALL, -1))
            return g("Slice", *inputs, *(g.whole(*each) for each in (last, first, axes, back)))
        case "getitem":
            return _part(g, inputs[0], growing.shapes[call.inputs[0]], options["key"])
        case "arange":
            names = ("start", "stop", "step")
            numbers = [g("Squeeze", g.sizes((options[name],)), g.whole(0)) for name in names]
            return g("Cast", g("Range", *numbers), to=g.kind(call.dtype))
        case "concat":
            return g("Concat", *inputs, axis=options["axis"])
        case "take":
            return g("Gather", *inputs, axis=options["axis"])
        case "take_along_axis":
            return g("GatherElements", *inputs, axis=options["axis"])
        case "argmax" | "argmin":
            operator, keepdims = "ArgMax" if function == "argmax" else "ArgMin", options["keepdims"]
            return g(operator, *inputs, axis=options["axis"], keepdims=int(keepdims))
        case "cumulative_sum":
            return g("CumSum", *inputs, g.whole(options["axis"]))
    raise NotRecordable(f"xp.{function}, for which no operator of ONNX is known here")


#: What a slice that goes backward ends at, to take the first element too.
_BEFORE_ALL = -(2**62)


def _one_left_out(g: Graph, shape: Sizes) -> str:
    """A shape whose size that grows follows from the others."""
    grow = [isinstance(n, Size) for n in shape]
    if sum(grow) != 1 or 0 in shape:
        return g.sizes(shape)
    return g.whole(*(-1 if isinstance(n, Size) else n for n in shape))


def _part(g: Graph, x: str, before: Sizes, key: Sequence[Any]) -> str:
    """X[key]: what is cut, places as slices of length 1 that are squeezed, and new axes."""
    parts = enumerate(part for part in key if part is not None)
    cut = {axis: part for axis, part in parts if part != (0, before[axis], 1)}
    slices = {a: part if isinstance(part, tuple) else (part, 1, 1) for a, part in cut.items()}
    if any(isinstance(n, Size) for part in slices.values() for n in part):
        raise NotRecordable("a part of an array that depends on how many examples there are")
    if cut:
        starts, stops, steps = zip(*map(ends, slices.values()), strict=True)
        stops = tuple(_BEFORE_ALL if stop is None else stop for stop in stops)
        x = g("Slice", x, *(g.whole(*each) for each in (starts, stops, cut, steps)))
    places = [axis for axis, part in cut.items() if not isinstance(part, tuple)]
    x = g("Squeeze", x, g.whole(*places)) if places else x
    axes = [part for part in key if part is None or isinstance(part, tuple)]
    new = [axis for axis, part in enumerate(axes) if part is None]
    return g("Unsqueeze", x, g.whole(*new)) if new else x


def _reduced(
    g: Graph, function: str, x: str, *, axis: Sequence[int], keepdims: bool, correction: float = 0.0
) -> str:
    if correction != 0.0:
        raise NotRecordable(f"xp.{function} with a correction")
    if not axis:
        raise NotRecordable(f"xp.{function} over no axis")
    if function == "std":
        return g("Sqrt", _reduced(g, "var", x, axis=axis, keepdims=keepdims))
    if function == "var":
        d = g("Sub", x, _reduced(g, "mean", x, axis=axis, keepdims=True))
        return _reduced(g, "mean", g("Mul", d, d), axis=axis, keepdims=keepdims)
    if function == "sum":
        return g("ReduceSum", x, g.whole(*axis), keepdims=int(keepdims))
    return g(_REDUCED[function], x, axes=list(axis), keepdims=int(keepdims))
