"""The host: NumPy, where data comes in, and where random numbers are drawn."""

from __future__ import annotations

from typing import Any

import numpy as np

HostArray = np.ndarray[Any, Any]


def generator(seed: int, *purpose: int) -> np.random.Generator:
    """Return a counter-based generator (Philox) of its own for each seed and purpose."""
    return np.random.Generator(np.random.Philox(np.random.SeedSequence((seed, *purpose))))


def permutation(n: int, seed: int, *purpose: int) -> HostArray:
    """Return the numbers 0 to n-1 in random order."""
    return generator(seed, *purpose).permutation(n)


def concatenate(arrays: list[Any]) -> HostArray:
    """Return arrays of the host as one flat array."""
    return np.concatenate([np.reshape(array, -1) for array in arrays])


def take(rows: Any, order: Any) -> Any:
    """Return the given rows of a host array."""
    return rows[order]


def asarray(values: Any) -> HostArray:
    """Return lists, scalars, DataFrames or arrays of the host as a NumPy array."""
    return np.asarray(values)
