"""Arrays with an axis in front that equations do not see: one call for many networks at once.

A `Batched` array is (k, n, m), and shows what one member of an ensemble has, (n, m). An equation
runs over such arrays as it is written, and each of its calls computes all k: a product becomes one
batched product. (JAX calls the like `vmap`.) What is the same for all members is (1, n, m), and is
computed once.
"""

# ruff: noqa: D102 -- functions of the standard, which says what they and their arguments are

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

from .errors import InvalidArgument, InvalidType
from .namespace import Array, Namespace
from .standard import ELEMENTWISE, words

#: What is of no array: types, constants, and questions about types.
_OF_NO_ARRAY = words(
    """bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float16 bfloat16 float32 float64
    pi e inf nan newaxis finfo iinfo isdtype"""
)
_ELEMENTWISE = ELEMENTWISE - {"astype"} | words(
    "clip zeros_like ones_like full_like empty_like tril triu"
)
_MAKING = words("zeros ones full empty arange linspace eye")
#: Functions along axes, by what it means where none is said: all of them, the last, or an error.
_ALONG_ALL = words("sum prod mean var std max min any all flip")
_ALONG_LAST = words("sort argsort")
_ALONG_ONE = words("argmax argmin cumulative_sum cumulative_prod roll")


def _operator(function: Callable[[Any, Any], Any]) -> tuple[Any, Any]:
    """Return an operator, and the one for where the other operand comes first."""

    def method(self: Batched, other: Any) -> Batched:
        return self.space.call(function, self, other)

    def reflected(self: Batched, other: Any) -> Batched:
        return self.space.call(function, other, self)

    return method, reflected


def _unary(function: Callable[[Any], Any]) -> Any:
    def method(self: Batched) -> Batched:
        return self.space.call(function, self)

    return method


class Batched:
    """An array of each member.

    Operators in place are left out: the name is rebound, as it is on JAX.

    Parameters
    ----------
    space : Batching
        The namespace it belongs to.
    array : array
        With the members in front, or 1 that stands for all of them.
    """

    __array_ufunc__ = None  # the arrays of the host leave operators to this class
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, space: Batching, array: Array) -> None:
        self.space, self.array = space, array

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.array.shape[1:])

    @property
    def ndim(self) -> int:
        return len(self.array.shape) - 1

    @property
    def dtype(self) -> Any:
        return self.array.dtype

    @property
    def device(self) -> Any:
        return getattr(self.array, "device", None)

    @property
    def T(self) -> Batched:  # noqa: N802
        return self.space.permute_dims(self, range(self.ndim)[::-1])

    @property
    def mT(self) -> Batched:  # noqa: N802
        return self.space.matrix_transpose(self)

    def __array_namespace__(self, *, api_version: str | None = None) -> Batching:
        del api_version
        return self.space

    def __getitem__(self, key: Any) -> Batched:
        keys = key if isinstance(key, tuple) else (key,)
        if any(hasattr(each, "shape") for each in keys):
            raise InvalidArgument(
                "an index of the arrays of an ensemble is an array itself: wanted xp.take."
            )
        return Batched(self.space, self.array[(slice(None), *keys)])

    def _decide(self, *_: Any, **__: Any) -> Any:
        raise InvalidType(
            "a decision, or a Python number, depends on the values of arrays of an ensemble, whose "
            "members differ: wanted functions of xp alone, such as xp.where."
        )

    __bool__ = __float__ = __int__ = __index__ = __complex__ = __contains__ = _decide
    __array__ = _decide  # what is not of xp would take its members for a list

    __add__, __radd__ = _operator(operator.add)
    __sub__, __rsub__ = _operator(operator.sub)
    __mul__, __rmul__ = _operator(operator.mul)
    __truediv__, __rtruediv__ = _operator(operator.truediv)
    __floordiv__, __rfloordiv__ = _operator(operator.floordiv)
    __mod__, __rmod__ = _operator(operator.mod)
    __pow__, __rpow__ = _operator(operator.pow)
    __and__, __rand__ = _operator(operator.and_)
    __or__, __ror__ = _operator(operator.or_)
    __xor__, __rxor__ = _operator(operator.xor)
    __lshift__, __rlshift__ = _operator(operator.lshift)
    __rshift__, __rrshift__ = _operator(operator.rshift)
    __lt__, __gt__ = _operator(operator.lt)[0], _operator(operator.gt)[0]
    __le__, __ge__ = _operator(operator.le)[0], _operator(operator.ge)[0]
    __eq__, __ne__ = _operator(operator.eq)[0], _operator(operator.ne)[0]
    __neg__, __pos__ = _unary(operator.neg), _unary(operator.pos)
    __abs__, __invert__ = _unary(operator.abs), _unary(operator.invert)

    def __matmul__(self, other: Any) -> Batched:
        return self.space.matmul(self, other)

    def __rmatmul__(self, other: Any) -> Batched:
        return self.space.matmul(other, self)


class Batching:
    """The namespace of `Batched` arrays: that of the arrays within, one axis further on.

    Parameters
    ----------
    xp : namespace
        Of the arrays within.

    Examples
    --------
    >>> import numpy as np
    >>> xp = Batching(np)
    >>> W, X = xp.of_each(np.asarray([[[2.0]], [[3.0]]])), xp.of_all(np.asarray([[1.0, 10.0]]))
    >>> (W @ X).shape
    (1, 2)
    >>> (W @ X).array.tolist()  # of two members
    [[[2.0, 20.0]], [[3.0, 30.0]]]
    """

    __name__ = __name__  # which array-api-compat asks for

    def __init__(self, xp: Namespace) -> None:
        self.xp = xp
        #: How many axes there are in front: an ensemble may be a member of another one.
        self.depth: int = 1 + (xp.depth if isinstance(xp, Batching) else 0)

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.xp, name)
        if name in _OF_NO_ARRAY:
            return found
        if name in _ELEMENTWISE:
            return lambda *operands, **options: self.call(found, *operands, **options)
        if name in _MAKING:
            return lambda *sizes, **options: self.of_all(found(*sizes, **options))
        if name in _ALONG_ALL | _ALONG_LAST | _ALONG_ONE:
            return lambda x, *more, **options: self._along(name, x, *more, **options)
        raise InvalidArgument(
            f"xp.{name} cannot be computed for all members of an ensemble at once: wanted a "
            "function that works element by element or along an axis, or one that arranges."
        )

    # In and out

    def of_each(self, array: Array) -> Batched:
        """Take an array that has the members in front."""
        return Batched(self, array)

    def of_all(self, array: Array) -> Batched:
        """Take an array that is the same for all members."""
        return Batched(self, array[None, ...])

    def unbatched(self, x: Batched, k: int) -> Array:
        """Return an array with k members in front, also where it is the same for all."""
        return x.array if x.array.shape[0] == k else self.xp.concat([x.array] * k, axis=0)

    def _taken(self, x: Any) -> Any:
        """Return an operand as one of ours; Python's numbers stay what they are."""
        if isinstance(x, Batched) and x.space.depth == self.depth:
            return x
        return self.of_all(x) if hasattr(x, "shape") else x

    # Element by element, and products

    def call(self, function: Callable[..., Any], *operands: Any, **options: Any) -> Batched:
        """Call a function of arrays which meet by their last axes, as they show themselves."""
        taken = [self._taken(x) for x in operands]
        ndim = max(x.ndim for x in taken if isinstance(x, Batched))
        arrays = [self._aligned(x, ndim) if isinstance(x, Batched) else x for x in taken]
        return Batched(self, function(*arrays, **options))

    def _aligned(self, x: Batched, ndim: int) -> Array:
        """Return the array within, with axes of 1 between the members and what it shows."""
        if x.ndim == ndim:
            return x.array
        return self.xp.reshape(x.array, self._shape(x, (1,) * (ndim - x.ndim) + x.shape))

    def astype(self, x: Batched, dtype: Any, **options: Any) -> Batched:
        return Batched(self, self.xp.astype(x.array, dtype, **options))

    def matmul(self, x1: Any, x2: Any) -> Batched:
        if self._taken(x1).ndim < 2 or self._taken(x2).ndim < 2:
            raise InvalidArgument(
                f"xp.matmul of the shapes {tuple(x1.shape)} and {tuple(x2.shape)} in an ensemble: "
                "wanted matrices."
            )
        return self.call(operator.matmul, x1, x2)

    def vecdot(self, x1: Any, x2: Any, *, axis: int = -1) -> Batched:
        return self._along("sum", x1 * x2, axis=axis)

    # Along axes

    def _along(
        self, name: str, x: Batched, *more: Any, axis: Any = None, **options: Any
    ) -> Batched:
        if axis is None and name in _ALONG_ONE:
            raise InvalidArgument(f"xp.{name} in an ensemble, without an axis: wanted one.")
        if axis is None:
            axis = -1 if name in _ALONG_LAST else tuple(range(x.ndim))
        several = isinstance(axis, (tuple, list))
        axes = tuple(self._axis(each, x.ndim) for each in (axis if several else (axis,)))
        function = getattr(self.xp, name)
        return Batched(self, function(x.array, *more, axis=axes if several else axes[0], **options))

    def _axis(self, axis: int, ndim: int) -> int:
        """Return where an axis is that shows itself as this one."""
        if not -ndim <= axis < ndim:
            raise InvalidArgument(f"axis={axis} of an array of {ndim} axes: wanted one of them.")
        return axis % ndim + 1

    # Arranging

    def _shape(self, x: Batched, shape: Sequence[int]) -> tuple[int, ...]:
        return (x.array.shape[0], *shape)

    def reshape(self, x: Batched, shape: Any, **options: Any) -> Batched:
        sizes = shape if isinstance(shape, (tuple, list)) else (shape,)
        return Batched(self, self.xp.reshape(x.array, self._shape(x, sizes), **options))

    def permute_dims(self, x: Batched, axes: Sequence[int]) -> Batched:
        order = (0, *(self._axis(axis, x.ndim) for axis in axes))
        return Batched(self, self.xp.permute_dims(x.array, order))

    def matrix_transpose(self, x: Batched) -> Batched:
        *first, last, end = range(x.ndim)
        return self.permute_dims(x, (*first, end, last))

    def expand_dims(self, x: Batched, *, axis: int = 0) -> Batched:
        place = self._axis(axis, x.ndim + 1)
        return self.reshape(x, (*x.shape[: place - 1], 1, *x.shape[place - 1 :]))

    def squeeze(self, x: Batched, axis: Any) -> Batched:
        axes = axis if isinstance(axis, (tuple, list)) else (axis,)
        places = tuple(self._axis(each, x.ndim) for each in axes)
        return Batched(self, self.xp.squeeze(x.array, axis=places))

    def broadcast_to(self, x: Batched, shape: Sequence[int]) -> Batched:
        array = self._aligned(x, len(shape))
        return Batched(self, self.xp.broadcast_to(array, self._shape(x, shape)))

    def concat(self, arrays: Sequence[Any], *, axis: int | None = 0) -> Batched:
        taken = [self._taken(x) for x in arrays]
        if axis is None:
            taken, axis = [self.reshape(x, (-1,)) for x in taken], 0
        k = max(x.array.shape[0] for x in taken)
        place = self._axis(axis, taken[0].ndim)
        return Batched(self, self.xp.concat([self.unbatched(x, k) for x in taken], axis=place))

    def stack(self, arrays: Sequence[Any], *, axis: int = 0) -> Batched:
        return self.concat([self.expand_dims(self._taken(x), axis=axis) for x in arrays], axis=axis)

    def unstack(self, x: Batched, *, axis: int = 0) -> tuple[Batched, ...]:
        before = (slice(None),) * (self._axis(axis, x.ndim) - 1)
        return tuple(x[(*before, i)] for i in range(x.shape[len(before)]))

    def take(self, x: Batched, indices: Any, *, axis: int) -> Batched:
        places = self._taken(indices).array
        if places.shape[0] != 1:
            raise InvalidArgument(
                "xp.take of places that differ between the members of an ensemble: wanted the same."
            )
        place = self._axis(axis, x.ndim)
        return Batched(self, self.xp.take(x.array, places[0, ...], axis=place))

    def take_along_axis(self, x: Batched, indices: Any, *, axis: int = -1) -> Batched:
        k = max(x.array.shape[0], self._taken(indices).array.shape[0])
        arrays = (self.unbatched(self._taken(each), k) for each in (x, indices))
        return Batched(self, self.xp.take_along_axis(*arrays, axis=self._axis(axis, x.ndim)))

    def asarray(self, obj: Any, **options: Any) -> Batched:
        if isinstance(obj, Batched):
            return Batched(self, self.xp.asarray(obj.array, **options))
        return self.of_all(self.xp.asarray(obj, **options))
