"""Deadlines: training that ends in time, with what it has learned until then."""

from __future__ import annotations

import time

from .network import Network
from .training_state import History


class Deadline:
    """A callback of `train` that begins no epoch that would end too late.

    Parameters
    ----------
    seconds : float
        From now on.

    Examples
    --------
    >>> deadline = Deadline(60.0)
    >>> deadline(None, {"seconds": [0.1]}), deadline(None, {"seconds": [0.1, 90.0]})
    (False, True)
    """

    def __init__(self, seconds: float) -> None:
        self.end = time.perf_counter() + seconds

    @property
    def left(self) -> float:
        """How many seconds there are yet."""
        return self.end - time.perf_counter()

    def share(self, of: int, kept: float = 0.0) -> float:
        """Return how many seconds each of so many has, where some are kept for what comes after.

        Examples
        --------
        >>> 11.0 < Deadline(60.0).share(of=5, kept=4.0) < 11.2
        True
        >>> Deadline(3.0).share(of=5, kept=4.0)
        0.0
        """
        return max(0.0, self.left - kept) / of

    def __call__(self, net: Network | None, history: History) -> bool:
        """Whether another epoch as long as the last one would end too late."""
        del net
        return history["seconds"][-1] >= self.left
