"""The functions of the standard, for arrays that carry error bounds."""

# ruff: noqa: D102, ARG002 -- functions of the standard, which says what they and their arguments are

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ..backends import get_backend
from ..errors import InvalidArgument
from ..namespace import Array, Namespace
from .arrays import DIVISION_ULPS, FUNCTION_ULPS, Bounded, Decision


class Bounding:
    """An Array API namespace of `Bounded` arrays, with what the equations use of the standard.

    Parameters
    ----------
    dtype : str
        The dtype whose rounding is followed.

    Examples
    --------
    >>> xp = Bounding("float32")
    >>> A = xp.exp(xp.asarray([0.0, 1.0]))
    >>> [round(error / value * 2**24) for value, error in zip(A.value, A.error)]  # 4 ULP = 8 u
    [8, 8]
    """

    def __init__(self, dtype: str) -> None:
        self.host: Namespace = get_backend("numpy").xp
        self.dtype = getattr(self.host, dtype)
        limits = self.host.finfo(self.dtype)
        self.unit = float(limits.eps) / 2.0
        self.smallest = float(limits.smallest_normal)

    def __getattr__(self, name: str) -> Any:
        """Return a type or a constant, or a function of whole numbers, which round nothing."""
        if name.startswith("_"):  # what Python itself looks for
            raise AttributeError(name)
        known = getattr(self.host, name, None)
        if known is not None and (isinstance(known, type) or not callable(known)):
            return known

        def function(*arguments: Any, **options: Any) -> Any:
            operands = [x for given in arguments for x in (given if _is_list(given) else [given])]
            if known is None or any(isinstance(x, (Bounded, Decision, float)) for x in operands):
                raise InvalidArgument(
                    f"xp.{name} has no error bound: it needs one in agnostic_nn.bounds.functions."
                )
            return known(*arguments, **options)

        return function

    def gamma(self, n: int) -> float:
        """Bound the relative error of n roundings, in whatever order they come."""
        return n * self.unit / (1.0 - n * self.unit)

    # How results come about

    def asarray(
        self, values: Any, dtype: Any = None, *, device: Any = None, copy: bool | None = None
    ) -> Bounded:
        """Return exact values, the bits that every backend is given; tuples as it rounds them."""
        if isinstance(values, Bounded):  # nobody writes into one
            return values
        if isinstance(values, tuple):
            return self.lift(values)
        value = self.host.asarray(values, dtype=self.host.float64)
        return Bounded(self, value, self.host.zeros_like(value))

    def lift(self, value: Any) -> Bounded:
        """Return Python numbers as the backend rounds them; a `Bounded` as it is."""
        if isinstance(value, Bounded):
            return value
        xp = self.host
        exact = xp.asarray(value, dtype=xp.float64)
        rounded = xp.astype(xp.astype(exact, self.dtype), xp.float64)
        same = rounded == exact  # also infinities, which have no difference
        error = xp.abs(xp.where(same, 0.0, rounded) - xp.where(same, 0.0, exact))
        return Bounded(self, exact, error, frozenset() if xp.all(same) else frozenset("R"))

    def made(self, value: Array, error: Array, *operands: Bounded, code: str = "") -> Bounded:
        """Return a result with the error it was handed; it may be flushed to zero."""
        xp = self.host
        flushed = xp.where(xp.abs(value) < self.smallest, xp.abs(value), 0.0) if code else 0.0
        origin = frozenset(code).union(*(operand.origin for operand in operands))
        terms = max((operand.terms for operand in operands), default=0)
        return Bounded(self, value, error + flushed, origin, terms)

    def rounded(
        self, value: Array, error: Array, *operands: Bounded, ulps: float = 0.5, code: str = "R"
    ) -> Bounded:
        """Return a result that is itself off by some ULPs; half of one is correct rounding."""
        own = 2.0 * ulps * self.unit * (self.host.abs(value) + error)
        return self.made(value, error + own, *operands, code=code)

    def exact(self, function: Callable[[Array], Array], *operands: Bounded) -> Bounded:
        """Return what only moves numbers about."""
        (operand,) = operands
        return self.made(function(operand.value), function(operand.error), operand)

    # Functions whose bound is that of their argument times the steepest slope around it

    def exp(self, x: Bounded) -> Bounded:
        value = self.host.exp(x.value)
        return self._function(value, value * self.host.expm1(x.error), x)

    def expm1(self, x: Bounded) -> Bounded:
        spread = self.host.exp(x.value) * self.host.expm1(x.error)
        return self._function(self.host.expm1(x.value), spread, x)

    def log(self, x: Bounded) -> Bounded:
        spread = -self.host.log1p(-self._share(x.error, x.value))
        return self._function(self.host.log(x.value), spread, x)

    def log1p(self, x: Bounded) -> Bounded:
        spread = -self.host.log1p(-self._share(x.error, 1.0 + x.value))
        return self._function(self.host.log1p(x.value), spread, x)

    def tanh(self, x: Bounded) -> Bounded:
        q = self.host.exp(-2.0 * self.host.maximum(self.host.abs(x.value) - x.error, 0.0))
        slope = 4.0 * q / ((1.0 + q) * (1.0 + q))  # 1 - tanh^2 where it is steepest
        return self._function(self.host.tanh(x.value), slope * x.error, x)

    def cos(self, x: Bounded) -> Bounded:
        return self._function(self.host.cos(x.value), x.error, x)  # no slope is above 1

    def sin(self, x: Bounded) -> Bounded:
        return self._function(self.host.sin(x.value), x.error, x)

    def sqrt(self, x: Bounded) -> Bounded:
        xp = self.host
        root = xp.sqrt(x.value)
        below = root + xp.sqrt(xp.maximum(x.value - x.error, 0.0))
        spread = xp.where(below > 0.0, x.error / xp.where(below > 0.0, below, 1.0), 0.0)
        spread = xp.where(below > 0.0, spread, xp.sqrt(x.error))
        return self.rounded(root, spread, x, ulps=DIVISION_ULPS)

    def _function(self, value: Array, error: Array, x: Bounded) -> Bounded:
        return self.rounded(value, error, x, ulps=FUNCTION_ULPS, code="F")

    def _share(self, error: Array, of: Array) -> Array:
        return self.host.where(of > error, error / self.host.where(of > 0.0, of, 1.0), 1.0)

    def mean(self, x: Bounded, *, axis: int | None = None, keepdims: bool = False) -> Bounded:
        total = self.sum(x, axis=axis, keepdims=keepdims)
        return total * (math.prod(total.shape) / math.prod(x.shape))

    def sum(self, x: Bounded, *, axis: int | None = None, keepdims: bool = False) -> Bounded:
        xp, n = self.host, 1
        for size in x.shape if axis is None else (x.shape[axis],):
            n *= size
        value, error, size = (
            xp.sum(array, axis=axis, keepdims=keepdims)
            for array in (x.value, x.error, xp.abs(x.value) + x.error)
        )
        made = self.made(value, error + self.gamma(n - 1) * size, x, code="S")
        made.terms = max(made.terms, n)
        return made

    # Functions that choose among their arguments, and lose nothing

    def abs(self, x: Bounded) -> Bounded:
        return self.made(self.host.abs(x.value), x.error, x)

    def sign(self, x: Bounded) -> Bounded:
        unsure = (self.host.abs(x.value) <= x.error) & (x.error > 0.0)
        return self.made(self.host.sign(x.value), self.host.where(unsure, 2.0, 0.0), x)

    def maximum(self, x: Any, y: Any) -> Bounded:
        x, y = self.lift(x), self.lift(y)
        # an argument that is smaller beyond doubt cannot come through
        xp, gap = self.host, x.value - y.value
        far = xp.abs(gap) > x.error + y.error
        error = xp.where(far, xp.where(gap > 0.0, x.error, y.error), xp.maximum(x.error, y.error))
        return self.made(xp.maximum(x.value, y.value), error, x, y)

    def minimum(self, x: Any, y: Any) -> Bounded:
        return -self.maximum(-self.lift(x), -self.lift(y))

    def clip(self, x: Bounded, low: Any, high: Any) -> Bounded:
        return self.minimum(self.maximum(x, low), high)

    def max(self, x: Bounded, *, axis: int | None = None, keepdims: bool = False) -> Bounded:
        value = self.host.max(x.value, axis=axis, keepdims=keepdims)
        return self.made(value, self.host.max(x.error, axis=axis, keepdims=keepdims), x)

    def argmax(self, x: Bounded, *, axis: int, keepdims: bool = False) -> Decision:
        xp = self.host
        chosen = xp.argmax(x.value, axis=axis, keepdims=True)
        least = xp.take_along_axis(x.value - x.error, chosen, axis=axis)
        close = (x.value + x.error >= least) & (x.error > 0.0)
        rivals = xp.sum(xp.astype(close, xp.int64), axis=axis, keepdims=keepdims)
        return Decision(xp.argmax(x.value, axis=axis, keepdims=keepdims), rivals > 1)

    def where(self, condition: Decision, x: Any, y: Any) -> Bounded:
        x, y = self.lift(x), self.lift(y)
        xp = self.host
        error = xp.where(condition.value, x.error, y.error)
        either = xp.abs(x.value - y.value) + xp.maximum(x.error, y.error)
        error = xp.where(condition.unsure, either, error)
        return self.made(xp.where(condition.value, x.value, y.value), error, x, y)

    def isfinite(self, x: Bounded) -> Array:
        return self.host.isfinite(x.value)

    def any(self, x: Any) -> Any:
        return self.host.any(x.value if isinstance(x, Decision) else x)

    def astype(self, x: Any, dtype: Any) -> Any:
        if isinstance(x, Bounded):
            return x
        if isinstance(x, Decision):
            as_numbers = (self.host.astype(part, self.host.float64) for part in (x.value, x.unsure))
            return Bounded(self, *as_numbers)
        number = self.host.astype(x, dtype)
        return self.asarray(number) if dtype == self.dtype else number

    # Functions that make and move

    def finfo(self, dtype: Any) -> Any:
        return self.host.finfo(dtype)

    def arange(self, n: int, *, dtype: Any, device: Any = None) -> Any:
        numbers = self.host.arange(n, dtype=dtype)
        return self.asarray(numbers) if dtype == self.dtype else numbers

    def ones_like(self, x: Bounded) -> Bounded:
        return Bounded(self, self.host.ones_like(x.value), self.host.zeros_like(x.value))

    def zeros_like(self, x: Bounded) -> Bounded:
        return Bounded(self, self.host.zeros_like(x.value), self.host.zeros_like(x.value))

    def reshape(self, x: Any, shape: tuple[int, ...]) -> Any:
        return self._moved(lambda array: self.host.reshape(array, shape), x)

    def permute_dims(self, x: Any, axes: tuple[int, ...]) -> Any:
        return self._moved(lambda array: self.host.permute_dims(array, axes), x)

    def take(self, x: Any, indices: Array, *, axis: int) -> Any:
        return self._moved(lambda array: self.host.take(array, indices, axis=axis), x)

    def _moved(self, how: Callable[[Array], Array], x: Any) -> Any:
        return self.exact(how, x) if isinstance(x, Bounded) else how(x)

    def concat(self, arrays: list[Any], *, axis: int | None = 0) -> Any:
        if not any(isinstance(x, Bounded) for x in arrays):
            return self.host.concat(arrays, axis=axis)
        value = self.host.concat([x.value for x in arrays], axis=axis)
        return self.made(value, self.host.concat([x.error for x in arrays], axis=axis), *arrays)


def rounding_of(
    function: Callable[..., Any], arrays: Sequence[Array], dtype: str
) -> list[Array | float]:
    """Return how far rounding may take each number of what a function returns.

    Parameters
    ----------
    function : callable
        ``function(*arrays, xp=...)``, which returns an array, or arrays in lists and tuples.
    arrays : sequence of host arrays
        Its arguments: the numbers that every backend is given.
    dtype : str
        In which the function computes.

    Returns
    -------
    list of arrays of the host, or 0.0 for what is not rounded

    Raises
    ------
    InvalidArgument
        If the function uses one that has no bound.

    Examples
    --------
    >>> import numpy as np
    >>> (error,) = rounding_of(lambda Z, *, xp: Z * Z, [np.asarray([3.0])], "float32")
    >>> error.tolist() == [9.0 * 2.0**-24]
    True
    """
    xp = Bounding(dtype)
    floating = "real floating"
    given = [xp.asarray(x) if xp.host.isdtype(x.dtype, floating) else x for x in arrays]
    return [_error(result) for result in _flat(function(*given, xp=xp))]


def _error(result: Any) -> Any:
    if isinstance(result, Decision):
        return math.inf * result.unsure
    return result.error if isinstance(result, Bounded) else 0.0


def _flat(result: Any) -> Iterator[Any]:
    if not _is_list(result):
        yield result
        return
    for part in result:
        yield from _flat(part)


def _is_list(given: Any) -> bool:
    return isinstance(given, (list, tuple))
