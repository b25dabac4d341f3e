"""Arrays that carry, beside each value, a bound on how far any backend can be away from it.

Their arithmetic is that of arrays of the standard; `bounds` says where the bounds come from, and
has the functions.
"""

# ruff: noqa: D102 -- attributes of the standard, which says what they are

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..namespace import Array

if TYPE_CHECKING:
    from .functions import Bounding

#: ULPs that a library may be off in one call.
FUNCTION_ULPS = 4
DIVISION_ULPS = 2


class Bounded:
    """Values in float64, each with a bound on the error of any backend.

    Parameters
    ----------
    space : Bounding
        Which dtype the errors are those of.
    value, error : array
        Of the host, in float64, the same shape.
    origin : frozenset of str
        The codes of the errors.
    terms : int
        Of the longest sum.
    """

    def __init__(
        self,
        space: Bounding,
        value: Array,
        error: Array,
        origin: frozenset[str] = frozenset(),
        terms: int = 0,
    ) -> None:
        self.space, self.value, self.error = space, value, error
        self.origin, self.terms = origin, terms

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.value.shape)

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def dtype(self) -> Any:
        return self.space.dtype

    @property
    def T(self) -> Bounded:  # noqa: N802
        return self.space.exact(lambda array: array.T, self)

    def __getitem__(self, key: Any) -> Bounded:
        return self.space.exact(lambda array: array[key], self)

    def __neg__(self) -> Bounded:
        return self.space.made(-self.value, self.error, self)

    def __add__(self, other: Any) -> Bounded:
        other = self.space.lift(other)
        return self.space.rounded(self.value + other.value, self.error + other.error, self, other)

    def __sub__(self, other: Any) -> Bounded:
        return self + -self.space.lift(other)

    def __rsub__(self, other: Any) -> Bounded:
        return -self + self.space.lift(other)

    def __mul__(self, other: Any) -> Bounded:
        xp, other = self.space.host, self.space.lift(other)
        error = (
            xp.abs(self.value) * other.error
            + self.error * xp.abs(other.value)
            + self.error * other.error
        )
        return self.space.rounded(self.value * other.value, error, self, other)

    def __truediv__(self, other: Any) -> Bounded:
        xp, other = self.space.host, self.space.lift(other)
        value = self.value / other.value
        # |a'/b' - a/b| <= (ea + |a/b| eb) / (|b| - eb)
        room = xp.maximum(xp.abs(other.value) - other.error, 0.0)
        error = (self.error + xp.abs(value) * other.error) / room
        return self.space.rounded(value, error, self, other, ulps=DIVISION_ULPS)

    def __rtruediv__(self, other: Any) -> Bounded:
        lifted: Bounded = self.space.lift(other)
        return lifted / self

    def __matmul__(self, other: Bounded) -> Bounded:
        xp, n = self.space.host, self.shape[-1]
        a, b = xp.abs(self.value), xp.abs(other.value)
        handed = a @ other.error + self.error @ b + self.error @ other.error
        rounding = self.space.gamma(n) * ((a + self.error) @ (b + other.error))
        made = self.space.made(self.value @ other.value, handed + rounding, self, other, code="S")
        made.terms = max(made.terms, n)
        return made

    def __pow__(self, n: int) -> Bounded:
        product = self
        for _ in range(n - 1):
            product = product * self
        # some libraries multiply, others call a function
        return (
            product
            if n == 2
            else self.space.rounded(
                product.value, product.error, product, ulps=FUNCTION_ULPS, code="F"
            )
        )

    def __eq__(self, other: object) -> Decision:  # type: ignore[override]
        other = self.space.lift(other)
        return Decision(self.value == other.value, self._near(other))

    def __gt__(self, other: Any) -> Decision:
        other = self.space.lift(other)
        return Decision(self.value > other.value, self._near(other))

    def __ge__(self, other: Any) -> Decision:
        other = self.space.lift(other)
        return Decision(self.value >= other.value, self._near(other))

    def __lt__(self, other: Any) -> Decision:
        return self.space.lift(other) > self

    def __le__(self, other: Any) -> Decision:
        return self.space.lift(other) >= self

    def _near(self, other: Bounded) -> Array:
        room = self.error + other.error
        near = self.space.host.abs(self.value - other.value) <= room
        return near & (room > 0.0)

    __radd__, __rmul__ = __add__, __mul__
    __hash__ = None  # type: ignore[assignment]


class Decision:
    """What comparisons decide, and where a backend may decide it another way."""

    def __init__(self, value: Array, unsure: Array) -> None:
        self.value, self.unsure = value, unsure

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.value.shape)

    def __eq__(self, other: object) -> Decision:  # type: ignore[override]
        assert isinstance(other, Decision)
        return Decision(self.value == other.value, self.unsure | other.unsure)

    __hash__ = None  # type: ignore[assignment]
