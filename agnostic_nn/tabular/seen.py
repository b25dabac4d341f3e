"""Which rows a model was trained on: digests that tell whether another table has them too."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any

import numpy as np

from .frames import import_pandas
from .text import HostArray

#: How many digests are kept: the lowest ones, which are a sample of all.
KEPT = 20_000

#: Rows of which fewer differ cannot be told from one another.
TOO_ALIKE = 0.5


@dataclass(frozen=True)
class Seen:
    """The rows of a training table, as digests that cannot be turned back into rows.

    Attributes
    ----------
    rows : int
        How many there were.
    lowest : str
        The lowest digests, at most `KEPT`: in order, four bytes each, in base 64.

    Examples
    --------
    >>> import numpy as np
    >>> rows = np.arange(12.0).reshape(6, 2)
    >>> Seen.of(rows[:4]).among(rows)
    (4, 6)
    """

    rows: int = 0
    lowest: str = ""

    @classmethod
    def of(cls, rows: HostArray) -> Seen:
        """Take down rows of numbers, (n_samples, n_numbers)."""
        lowest = np.unique(_digests(rows))[:KEPT]
        return cls(len(rows), base64.b64encode(lowest.astype("<u4").tobytes()).decode())

    def among(self, rows: HostArray) -> tuple[int, int]:
        """Return how many of the rows were there in training, of how many it can be told."""
        known, digests = self._known(), _digests(rows)
        complete = len(known) < KEPT
        if not complete:
            digests = digests[digests <= known[-1]]
        return int(np.isin(digests, known).sum()), len(digests)

    @property
    def tells(self) -> bool:
        """Whether enough rows of training differ for one to be known again."""
        known = len(self._known())
        return known > 0 and known >= TOO_ALIKE * min(self.rows, KEPT)

    def check(self) -> None:
        """Raise ValueError for what is no list of digests."""
        self._known()

    def _known(self) -> Any:
        return np.frombuffer(base64.b64decode(self.lowest, validate=True), dtype="<u4")


def _digests(rows: HostArray) -> HostArray:
    """Return a number of 32 bits for each row, the same for what is equal in float32."""
    pandas = import_pandas()
    if rows.shape[1] == 0:
        return np.zeros(len(rows), dtype=np.uint32)
    with np.errstate(over="ignore"):
        single = rows.astype("float32") + np.float32(0.0)  # -0.0 is 0.0
    digests = pandas.util.hash_pandas_object(pandas.DataFrame(single), index=False)
    found: HostArray = (digests.to_numpy() >> np.uint64(32)).astype(np.uint32)
    return found
