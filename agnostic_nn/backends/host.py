"""The host: NumPy, where data comes in, and where random numbers are drawn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

HostArray = np.ndarray[Any, Any]


def generator(seed: int, *purpose: int) -> np.random.Generator:
    """Return a counter-based generator (Philox) of its own for each seed and purpose."""
    # Different keys are different generators, so a key may be as plain as this one
    words = 0
    for number in purpose:
        words = (words << 24) + number + 1
    return np.random.Generator(np.random.Philox(key=seed + (words << 64)))


def permutation(n: int, seed: int, *purpose: int) -> HostArray:
    """Return the numbers 0 to n-1 in random order."""
    return generator(seed, *purpose).permutation(n)


def concatenate(arrays: list[Any]) -> HostArray:
    """Return arrays of the host as one flat array."""
    return np.concatenate([np.reshape(array, -1) for array in arrays])


def stacked(arrays: Sequence[Any]) -> HostArray:
    """Return arrays of the host, the rows of one under those of another."""
    return np.concatenate(arrays)


def full(shape: tuple[int, ...], value: float) -> HostArray:
    """Return an array of one number."""
    return np.full(shape, value)


def asarray(values: Any) -> HostArray:
    """Return lists, scalars, DataFrames or arrays of the host as a NumPy array."""
    return np.asarray(values)


def read_only(array: HostArray) -> HostArray:
    """Return a copy of a host array that refuses to be written to."""
    copy = np.array(array)
    copy.setflags(write=False)
    return copy


def all_finite(array: HostArray) -> bool:
    """Whether an array of the host holds neither NaN nor infinity."""
    return bool(np.isfinite(array).all())


def fits(array: HostArray, dtype: str) -> bool:
    """Whether finite numbers of the host stay finite in another floating-point type."""
    if dtype == "bfloat16":  # unknown to the host; its range is that of float32
        dtype = "float32"
    largest = np.finfo(dtype).max
    return bool(array.max(initial=0.0) <= largest and array.min(initial=0.0) >= -largest)


def one_hot(labels: HostArray, classes: int) -> HostArray:
    """Return a row for each label with a 1 at its place; all 0 for what is no label."""
    if labels.dtype.kind in "SU":  # text is equal to no number
        return np.zeros((len(labels), classes), dtype="uint8")
    found: HostArray = (labels.reshape(-1, 1) == np.arange(classes)).astype("uint8")
    return found


def is_masked(values: Any) -> bool:
    """Whether something is masked in an array, or in one of a list of them."""
    parts = values if isinstance(values, (list, tuple)) else (values,)
    return any(np.ma.is_masked(part) for part in parts)


def with_mean_one(weights: HostArray, counted: HostArray) -> HostArray:
    """Scale weights, at least 0, so that those which are counted have the mean 1.

    The others are cut down to the largest of these, and scaled alike.
    """
    largest = counted.max()  # divided by it no sum overflows, and no reciprocal either
    scaled: HostArray = np.minimum(weights, largest) / largest / np.mean(counted / largest)
    return scaled


def ulp_distance(a: HostArray, b: HostArray) -> HostArray:
    """Return how many numbers of their dtype lie between a and b, element by element."""
    width = a.dtype.itemsize
    integer = np.dtype(f"i{width}")
    # read as integers, floats of one sign are in order; mirroring the negative ones orders all
    lowest = np.iinfo(integer).min
    x, y = (
        np.where(bits < 0, lowest - bits, bits)
        for bits in (np.ascontiguousarray(array).view(integer) for array in (a, b))
    )
    unsigned = np.dtype(f"u{width}")
    x, y = np.maximum(x, y).view(unsigned), np.minimum(x, y).view(unsigned)
    distance: HostArray = x - y  # of up to twice the range of the signed integers
    return distance
