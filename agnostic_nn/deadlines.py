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
        In all.
    used : float, default 0.0
        How many of them were used before; the others are from now on.

    Attributes
    ----------
    kept : float
        How many seconds at the end `share` leaves for what comes after; 0 at first.

    Examples
    --------
    >>> deadline = Deadline(60.0)
    >>> deadline(None, {"seconds": [0.1]}), deadline(None, {"seconds": [0.1, 90.0]})
    (False, True)
    """

    def __init__(self, seconds: float, used: float = 0.0) -> None:
        self.seconds, self.kept, self._before = seconds, 0.0, used
        self._begun = time.perf_counter()
        self._epoch_ended: float | None = None

    @property
    def since(self) -> float:
        """How many seconds it has been since it was set."""
        return time.perf_counter() - self._begun

    @property
    def used(self) -> float:
        """How many seconds were used until now, with those before."""
        return self._before + self.since

    @property
    def left(self) -> float:
        """How many seconds there are yet; below 0 where it is over."""
        return self.seconds - self.used

    def share(self, of: int = 1) -> float:
        """Return how many seconds there are for each of so many.

        Examples
        --------
        >>> deadline = Deadline(60.0)
        >>> deadline.kept = 4.0
        >>> 11.0 < deadline.share(of=5) < 11.2
        True
        """
        return max(0.0, self.left - self.kept) / of

    def __call__(self, net: Network | None, history: History) -> bool:
        """Whether another epoch as long as the last one would end too late."""
        del net
        took, before = history["seconds"][-1], self._epoch_ended
        self._epoch_ended = self.since
        if before is not None:  # with validation and whatever else comes after an epoch
            took = max(took, self._epoch_ended - before)
        return took >= self.left
