"""The backend that knows how far off the others may be: its arrays carry error bounds.

Networks live on it and are trained as on every other, so what training does, stores and reports
gets its bounds from the very code that runs, the steps one by one as they stand.
"""

from __future__ import annotations

from typing import Any

from ..backends import Backend
from ..namespace import Array
from .arrays import Bounded
from .functions import Bounding


class Reference(Backend):
    """`Bounding` as a backend, for one dtype.

    Parameters
    ----------
    dtype : str
        The dtype whose rounding is followed; networks here have to be of it.

    Examples
    --------
    >>> backend = Reference("float32")
    >>> A = backend.asarray([[1.0, 0.1]])
    >>> (A + A).error[0].tolist() == [2.0 * 2.0**-24, 0.2 * 2.0**-24]
    False
    """

    def __init__(self, dtype: str) -> None:
        super().__init__("reference", Bounding(dtype))
        self._read: dict[float, Bounded] = {}

    def asarray(self, values: Any, dtype: Any = None) -> Array:
        """Return numbers as every backend gets them, rounded to the dtype; others as they are."""
        host = self.xp.host
        if isinstance(values, Bounded):
            return values
        values = host.asarray(values)
        kind = values.dtype if dtype is None else dtype
        if host.isdtype(kind, "real floating"):
            return self.xp.asarray(host.astype(values, self.xp.dtype))
        return host.astype(values, kind)

    def to_numpy(self, array: Array) -> Any:
        """Return the values, and remember the bound of a single one."""
        if not isinstance(array, Bounded):
            return array
        if array.ndim == 0:
            self._read[float(array.value)] = array
        return array.value

    def bounded(self, number: float) -> Bounded:
        """Return a number that was read from here, with its bound, rounded to the dtype."""
        read = self._read[number]
        rounded: Bounded = self.xp.rounded(read.value, read.error, read)
        return rounded
