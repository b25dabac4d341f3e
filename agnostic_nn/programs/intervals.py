"""The rules of an enclosure: what a function may make of numbers that are known within bounds.

With u the unit roundoff of a value's dtype, each operation of IEEE 754 may be off by one ULP and a
function such as exp by four (the most that NumPy states for its vector loops, numpy/numpy#19478); a
sum of n terms by n u / (1 - n u) times the sum of their magnitudes, in whatever order they are
added (Higham, "Accuracy and Stability of Numerical Algorithms", 2002, sections 2.2 and 3.1). A
function without a rule of its own, given what is not known exactly, may come to anything.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from ..namespace import Array, Namespace
from ..standard import words
from .dtypes import DType, finfo, iinfo, promoted
from .evaluate import evaluate
from .program import Call, Constant, Value
from .views import VIEWS


@dataclass(frozen=True)
class Machine:
    """What a machine may do to numbers; as it stands, a CPU.

    Attributes
    ----------
    function_ulps : float
        ULPs that its library may be off in one call of a function such as exp.
    factors : float
        By what part of itself each factor of a product of float32 matrices may be off before it is
        multiplied, as in TF32.
    flushes : bool
        Whether numbers below the smallest normal one may be taken for 0.
    """

    function_ulps: float = 4.0
    factors: float = 0.0
    flushes: bool = False


#: IEEE 754 as it is written, but for the functions.
CPU = Machine()


class Interval(NamedTuple):
    """All numbers from `low` to `high`; the same array twice where the numbers are known."""

    low: Array
    high: Array

    @property
    def known(self) -> bool:
        """Whether there is one number only."""
        return self.low is self.high


class Rules:
    """The rule of every function."""

    def __init__(
        self, xp: Namespace, constant: Callable[[Constant], Array], machine: Machine = CPU
    ) -> None:
        self.xp, self.constant, self.machine = xp, constant, machine

    def exactly(self, value: Value, array: Array) -> Interval:
        """Return an array whose numbers are known."""
        wide = self.xp.astype(array, self.xp.float64) if value.dtype.floating else array
        return Interval(wide, wide)

    def apply(self, call: Call, inputs: list[Interval]) -> Interval:
        """Return what a call may come to."""
        function = call.function
        if function in _MOVING:
            return self._both(call, inputs)
        inputs = [self.taken(x, value) for x, value in zip(inputs, call.inputs, strict=True)]
        rule = getattr(self, f"_{function}", None)
        if function in _INCREASING:
            found = self._increasing(call, inputs)
        elif all(x.known for x in inputs) and function not in _SUMS:
            found = self._at(call, [x.low for x in inputs])
        elif rule is not None:
            found = rule(call, inputs)
        else:
            found = self._anything(call, inputs)
        return self._rounded(call, found)

    def taken(self, x: Interval, value: Value) -> Interval:
        """Return what the machine may take numbers for."""
        if not (self.machine.flushes and value.dtype.floating):
            return x
        xp, least = self.xp, finfo(value.dtype).smallest_normal
        above, below = (x.low > 0.0) & (x.low < least), (x.high < 0.0) & (x.high > -least)
        if not bool(xp.any(above | below)):
            return x
        return Interval(xp.where(above, 0.0, x.low), xp.where(below, 0.0, x.high))

    def _at(self, call: Call, inputs: list[Array]) -> Interval:
        """Return what a call makes of numbers that are known."""
        values = dict(zip(call.inputs, inputs, strict=True))
        array = evaluate([call], values, self.xp, lambda value: values[value])[call]
        if call.dtype.floating and array.dtype != self.xp.float64:
            array = self.xp.astype(array, self.xp.float64)
        return Interval(array, array)

    def _both(self, call: Call, inputs: list[Interval]) -> Interval:
        low, _ = self._at(call, [x.low for x in inputs])
        if all(x.known for x in inputs):
            return Interval(low, low)
        return Interval(low, self._at(call, [x.high for x in inputs])[0])

    _increasing = _both

    def _rounded(self, call: Call, found: Interval) -> Interval:
        """Widen what was found by what a machine rounds; what is beyond the dtype is infinite."""
        if not call.dtype.floating or _loses_nothing(call):
            return found
        xp, limits = self.xp, finfo(call.dtype)
        ulps = 1.0 if call.function in _CORRECT else self.machine.function_ulps

        def off(x: Array) -> Array:
            size = xp.abs(x) + limits.smallest_normal
            return ulps * limits.eps * xp.where(x == 0.0, 0.0, size)

        below = off(found.low)
        above = below if found.known else off(found.high)
        # rounding never goes past zero
        low = xp.where(found.low < 0.0, found.low - below, xp.maximum(found.low - below, 0.0))
        high = xp.where(found.high > 0.0, found.high + above, xp.minimum(found.high + above, 0.0))
        low = xp.where(low < -limits.max, -xp.inf, xp.minimum(low, limits.max))
        high = xp.where(high > limits.max, xp.inf, xp.maximum(high, -limits.max))
        lost = xp.isnan(low) | xp.isnan(high)  # what was not a number has stayed so
        return Interval(xp.where(lost, -xp.inf, low), xp.where(lost, xp.inf, high))

    def _anything(self, call: Call, inputs: list[Interval]) -> Interval:
        xp, kind, shape = self.xp, call.dtype, call.shape
        if call.elementwise:  # of which there may be some places alone
            shape = xp.broadcast_arrays(*(x.low for x in inputs))[0].shape
        if kind.floating:
            return Interval(xp.full(shape, -xp.inf), xp.full(shape, xp.inf))
        least, most = (0, 1) if kind.kind == "bool" else (iinfo(kind).min, iinfo(kind).max)
        dtype = getattr(xp, kind.name)
        return Interval(*(xp.full(shape, n, dtype=dtype) for n in (least, most)))

    def _corners(self, function: Callable[..., Array], a: Interval, b: Interval) -> Interval:
        """Return the least and the most of a function that is monotone in each of two numbers."""
        xp = self.xp
        made = [function(x, y) for x in a for y in b]
        low, high = made[0], made[0]
        for array in made[1:]:
            low, high = xp.minimum(low, array), xp.maximum(high, array)
        return Interval(low, high)

    # Arithmetic

    def _add(self, call: Call, inputs: list[Interval]) -> Interval:
        if not call.dtype.floating:
            return self._anything(call, inputs)
        a, b = inputs
        return Interval(a.low + b.low, a.high + b.high)

    def _subtract(self, call: Call, inputs: list[Interval]) -> Interval:
        if not call.dtype.floating:
            return self._anything(call, inputs)
        a, b = inputs
        return Interval(a.low - b.high, a.high - b.low)

    def _negative(self, call: Call, inputs: list[Interval]) -> Interval:
        (x,) = inputs
        return Interval(-x.high, -x.low)

    def _multiply(self, call: Call, inputs: list[Interval]) -> Interval:
        if not call.dtype.floating:
            return self._anything(call, inputs)
        if call.inputs[0] is call.inputs[1]:
            return self._square(call, inputs[:1])
        return self._corners(self.xp.multiply, *inputs)

    def _divide(self, call: Call, inputs: list[Interval]) -> Interval:
        xp, (a, b) = self.xp, inputs
        found = self._corners(xp.divide, a, b)
        across = (b.low <= 0.0) & (b.high >= 0.0)
        return Interval(xp.where(across, -xp.inf, found.low), xp.where(across, xp.inf, found.high))

    def _reciprocal(self, call: Call, inputs: list[Interval]) -> Interval:
        one = self.xp.ones_like(inputs[0].low)
        return self._divide(call, [Interval(one, one), *inputs])

    def _abs(self, call: Call, inputs: list[Interval]) -> Interval:
        xp, (x,) = self.xp, inputs
        low = xp.maximum(xp.maximum(x.low, -x.high), xp.zeros_like(x.low))
        return Interval(low, xp.maximum(-x.low, x.high))

    def _square(self, call: Call, inputs: list[Interval]) -> Interval:
        size = self._abs(call, inputs)
        return Interval(size.low * size.low, size.high * size.high)

    def _pow(self, call: Call, inputs: list[Interval]) -> Interval:
        xp, (x, y) = self.xp, inputs
        if not call.dtype.floating:
            return self._anything(call, inputs)
        found = self._corners(xp.pow, x, y)
        whole = xp.all(y.low == xp.round(y.low)) & y.known
        across = (x.low <= 0.0) & (x.high >= 0.0)
        sure = (x.low > 0.0) | ((y.low > 0.0) if whole else False)
        low = xp.where(across, xp.minimum(found.low, 0.0), found.low)
        high = xp.where(across, xp.maximum(found.high, 0.0), found.high)
        return Interval(xp.where(sure, low, -xp.inf), xp.where(sure, high, xp.inf))

    # Functions that go up and down

    def _cos(self, call: Call, inputs: list[Interval]) -> Interval:
        return self._wave(self.xp.cos, inputs[0])

    def _sin(self, call: Call, inputs: list[Interval]) -> Interval:
        return self._wave(self.xp.sin, inputs[0])

    def _wave(self, function: Callable[[Array], Array], x: Interval) -> Interval:
        """A slope is at most 1, and so is the value."""
        xp, middle, radius = self.xp, (x.low + x.high) / 2.0, (x.high - x.low) / 2.0
        value = function(middle)
        return Interval(xp.maximum(value - radius, -1.0), xp.minimum(value + radius, 1.0))

    def _cosh(self, call: Call, inputs: list[Interval]) -> Interval:
        size = self._abs(call, inputs)
        return Interval(self.xp.cosh(size.low), self.xp.cosh(size.high))

    def _hypot(self, call: Call, inputs: list[Interval]) -> Interval:
        a, b = (self._abs(call, [x]) for x in inputs)
        return Interval(self.xp.hypot(a.low, b.low), self.xp.hypot(a.high, b.high))

    # Yes and no: False below True

    def _less(self, call: Call, inputs: list[Interval]) -> Interval:
        a, b = inputs
        return Interval(a.high < b.low, a.low < b.high)

    def _less_equal(self, call: Call, inputs: list[Interval]) -> Interval:
        a, b = inputs
        return Interval(a.high <= b.low, a.low <= b.high)

    def _greater(self, call: Call, inputs: list[Interval]) -> Interval:
        return self._less(call, inputs[::-1])

    def _greater_equal(self, call: Call, inputs: list[Interval]) -> Interval:
        return self._less_equal(call, inputs[::-1])

    def _equal(self, call: Call, inputs: list[Interval]) -> Interval:
        a, b = inputs
        surely = (a.low == a.high) & (b.low == b.high) & (a.low == b.low)
        return Interval(surely, (a.low <= b.high) & (b.low <= a.high))

    def _not_equal(self, call: Call, inputs: list[Interval]) -> Interval:
        return self._logical_not(call, [self._equal(call, inputs)])

    def _logical_not(self, call: Call, inputs: list[Interval]) -> Interval:
        (x,) = inputs
        return Interval(~x.high, ~x.low)

    def _bitwise_invert(self, call: Call, inputs: list[Interval]) -> Interval:
        return self._logical_not(call, inputs)  # it turns the order of whole numbers as well

    def _where(self, call: Call, inputs: list[Interval]) -> Interval:
        xp, (c, a, b) = self.xp, inputs
        low = xp.where(c.low, a.low, xp.where(c.high, xp.minimum(a.low, b.low), b.low))
        high = xp.where(c.low, a.high, xp.where(c.high, xp.maximum(a.high, b.high), b.high))
        return Interval(low, high)

    def _astype(self, call: Call, inputs: list[Interval]) -> Interval:
        if call.dtype.kind == "bool":
            return self._not_equal(call, [*inputs, self.exactly(call, self.xp.zeros(()))])
        dtype = self.xp.float64 if call.dtype.floating else getattr(self.xp, call.dtype.name)
        return Interval(*(self.xp.astype(x, dtype) for x in inputs[0]))

    # Sums

    def _matmul(self, call: Call, inputs: list[Interval]) -> Interval:
        if not call.dtype.floating:
            known = all(x.known for x in inputs)
            return (
                self._at(call, [x.low for x in inputs]) if known else self._anything(call, inputs)
            )
        xp, (a, b) = self.xp, inputs
        (A, dA), (B, dB) = (self._middle(x) for x in (a, b))
        gamma = self._gamma(call.inputs[0].shape[-1], call.dtype)
        if call.dtype.name == "float32":
            gamma = (1.0 + gamma) * (1.0 + self.machine.factors) ** 2 - 1.0
        size_A, size_B = xp.abs(A), xp.abs(B)
        error = size_A @ (dB + gamma * (size_B + dB))
        if not a.known:
            error = error + dA @ ((1.0 + gamma) * (size_B + dB))
        value = A @ B
        found = Interval(value - error, value + error)
        largest = xp.max(size_A + dA) * xp.max(size_B + dB) * call.inputs[0].shape[-1]
        if value.size == 0 or bool(largest <= finfo(call.dtype).max):
            return found
        return self._unless_lost(found, (size_A + dA) @ (size_B + dB), call)

    def _unless_lost(self, found: Interval, size: Array, call: Call) -> Interval:
        """Where a part of a sum may be beyond the dtype, anything may come of it."""
        xp, lost = self.xp, ~(size <= finfo(call.dtype).max)
        return Interval(xp.where(lost, -xp.inf, found.low), xp.where(lost, xp.inf, found.high))

    def _middle(self, x: Interval) -> tuple[Array, Array]:
        if x.known:
            return x.low, self.xp.zeros_like(x.low)
        middle = (x.low + x.high) / 2.0
        return middle, self.xp.maximum(x.high - middle, middle - x.low)

    def _sum(self, call: Call, inputs: list[Interval]) -> Interval:
        return self._added_up(call, inputs, self.xp.sum)

    def _cumulative_sum(self, call: Call, inputs: list[Interval]) -> Interval:
        return self._added_up(call, inputs, self.xp.cumulative_sum)

    def _mean(self, call: Call, inputs: list[Interval]) -> Interval:
        total, n = self._added_up(call, inputs, self.xp.sum), self._terms(call)
        return Interval(total.low / n, total.high / n)

    def _var(self, call: Call, inputs: list[Interval]) -> Interval:
        (x,), options = inputs, dict(call.options)
        axes, n = options["axis"], self._terms(call)
        mean = [self.xp.sum(each, axis=axes, keepdims=True) / n for each in x]
        off = self._gamma(n, call.dtype) * self.xp.max(
            self.xp.maximum(-x.low, x.high), axis=axes, keepdims=True
        )
        away = Interval(x.low - mean[1] - off, x.high - mean[0] + off)
        total = self._added_up(call, [self._square(call, [away])], self.xp.sum)
        left = n - options["correction"]
        return Interval(self.xp.maximum(total.low, 0.0) / left, total.high / left)

    def _std(self, call: Call, inputs: list[Interval]) -> Interval:
        return Interval(*map(self.xp.sqrt, self._var(call, inputs)))

    def _added_up(self, call: Call, inputs: list[Interval], add: Callable[..., Array]) -> Interval:
        (x,) = inputs
        options = {k: v for k, v in call.options if k in ("axis", "keepdims")}
        low = add(x.low, **options)
        high = low if x.known else add(x.high, **options)
        if not call.dtype.floating:
            return Interval(low, high)
        size = add(self.xp.maximum(-x.low, x.high), **options)
        error = self._gamma(self._terms(call), call.dtype) * size
        return self._unless_lost(Interval(low - error, high + error), size, call)

    def _terms(self, call: Call) -> int:
        shape, axes = call.inputs[0].shape, dict(call.options)["axis"]
        n = 1
        for axis in axes if isinstance(axes, tuple) else (axes,):
            n *= shape[axis]
        return n

    def _prod(self, call: Call, inputs: list[Interval]) -> Interval:
        (x,) = inputs
        if not call.dtype.floating or not bool(self.xp.all(x.low >= 0.0)):
            return self._anything(call, inputs)
        options = dict(call.options)
        gamma = self._gamma(self._terms(call), call.dtype)
        low, high = (self.xp.prod(each, **options) for each in x)
        size = self.xp.prod(self.xp.maximum(x.high, 1.0), **options)
        return self._unless_lost(Interval(low * (1.0 - gamma), high * (1.0 + gamma)), size, call)

    def _gamma(self, n: int, dtype: DType) -> float:
        off = n * finfo(dtype).eps / 2.0
        return off / (1.0 - off) if off < 0.5 else self.xp.inf

    # Places

    def _argmax(self, call: Call, inputs: list[Interval]) -> Interval:
        return self._any_place(call, call.inputs[0].shape[dict(call.options)["axis"]])

    _argmin = _argsort = _argmax

    def _any_place(self, call: Call, n: int) -> Interval:
        dtype = getattr(self.xp, call.dtype.name)
        return Interval(*(self.xp.full(call.shape, i, dtype=dtype) for i in (0, n - 1)))

    def _take(self, call: Call, inputs: list[Interval]) -> Interval:
        x, places = inputs
        if places.known:
            return Interval(*(self._at(call, [each, places.low])[0] for each in x))
        axis, xp = dict(call.options)["axis"], self.xp
        low, high = (
            xp.min(x.low, axis=axis, keepdims=True),
            xp.max(x.high, axis=axis, keepdims=True),
        )
        return Interval(*(xp.broadcast_to(each, call.shape) for each in (low, high)))

    _take_along_axis = _take


def _loses_nothing(call: Call) -> bool:
    if call.function == "astype":
        given = call.inputs[0].dtype
        return promoted(given, call.dtype) == call.dtype
    return call.function in _EXACT


#: What moves numbers about.
_MOVING = VIEWS | {"reshape", "concat", "roll", "tril", "triu", "positive"}
#: Functions that grow with everything they are given.
_INCREASING = words(
    "exp expm1 log log1p log2 log10 sqrt tanh sinh asinh atan asin acosh atanh floor ceil round "
    "trunc sign maximum minimum logaddexp logical_and logical_or max min any all sort"
)
#: Functions that lose nothing.
_EXACT = _MOVING | words(
    "negative abs sign floor ceil round trunc maximum minimum where max min sort full arange take "
    "take_along_axis argmax argmin argsort copysign"
)
#: Functions that are rounded correctly, on a CPU.
_CORRECT = words("add subtract multiply divide sqrt square reciprocal astype")
#: Functions whose error grows with how much they are given, also where that is known.
_SUMS = words("matmul sum cumulative_sum mean var std prod")
