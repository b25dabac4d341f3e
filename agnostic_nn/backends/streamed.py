"""Minibatches from the host to a GPU: the next ones are fetched while it computes with this one.

Two places take turns, each in page-locked memory of the host and in memory of the device. While
the device computes from one, a thread gathers rows into the other, and a stream of its own copies
them. Events keep the order: nothing is overwritten that a copy or a step still reads.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from ..namespace import Array
from .host import HostArray

#: Minibatches that are on their way or in use.
PLACES = 2


def streamed(
    data: Sequence[HostArray], order: HostArray | None, batch_size: int, dtype: Any, device: Any
) -> Iterator[list[Array]]:
    """Yield each minibatch of rows of the host as arrays of the current CuPy stream, in `dtype`.

    They hold until the next minibatch is asked for, and another one is fetched to their place; the
    last ones stay.

    Parameters
    ----------
    data : sequence of arrays of the host, shape (n, width)
        One example per row; a memory map is read row by row.
    order : int array of the host, or None
        The rows to visit; None for all as they stand.
    batch_size : int
        Rows in a minibatch; the last has what is left.
    dtype : dtype
        Of what is yielded.
    device : cupy.cuda.Device
        Where it is to be.
    """
    n = len(data[0]) if order is None else len(order)
    slices = [slice(start, min(start + batch_size, n)) for start in range(0, n, batch_size)]
    counts = [rows.stop - rows.start for rows in slices]
    with device:
        places = [_Place(data, counts[0], dtype, device) for _ in slices[:PLACES]]
    with ThreadPoolExecutor(1, "gathering rows") as thread:

        def fetch(i: int) -> Any:
            rows = slices[i] if order is None else order[slices[i]]
            return thread.submit(places[i % PLACES].fetch, data, rows, counts[i])

        try:
            coming = [fetch(i) for i in range(len(places))]
            for i, count in enumerate(counts):
                coming[i % PLACES].result()
                yield places[i % PLACES].given(count)
                places[i % PLACES].release()
                if i + PLACES < len(slices):
                    coming[i % PLACES] = fetch(i + PLACES)
        finally:  # also where nobody wants the rest: the memory is free when no copy writes to it
            thread.shutdown(cancel_futures=True)
            for place in places:
                place.wait()


class _Place:
    """Memory for a minibatch, on the host and on the device, and who may use it when."""

    def __init__(self, data: Sequence[HostArray], rows: int, dtype: Any, device: Any) -> None:
        import cupy
        import cupyx

        shapes = [(rows, *array.shape[1:]) for array in data]
        self._host = [cupyx.empty_pinned(shape, dtype) for shape in shapes]
        self._there = [cupy.empty(shape, dtype) for shape in shapes]
        self._device, self._using = device, cupy.cuda.get_current_stream()
        self._copying = cupy.cuda.Stream(non_blocking=True)
        self._copied = cupy.cuda.Event(disable_timing=True)
        self._used = cupy.cuda.Event(disable_timing=True)
        self.release()  # by whoever had this memory of the device before

    def fetch(self, data: Sequence[HostArray], rows: slice | HostArray, count: int) -> None:
        """Gather so many rows, and start to copy them."""
        with self._device:  # a thread has a current device of its own
            self._copied.synchronize()  # the memory of the host is free
            self._copying.wait_event(self._used)  # and that of the device
            for array, host, there in zip(data, self._host, self._there, strict=True):
                _gather(array, rows, host[:count])
                there[:count].set(host[:count], stream=self._copying)
            self._copied.record(self._copying)

    def given(self, count: int) -> list[Array]:
        """Return the rows for the stream that computes: what it does now comes after the copy."""
        self._using.wait_event(self._copied)
        return [there[:count] for there in self._there]

    def release(self) -> None:
        """Say that all that reads the rows was started; the next copy comes after it."""
        self._used.record(self._using)

    def wait(self) -> None:
        """Wait until nothing is copied any more."""
        self._copying.synchronize()


def _gather(array: HostArray, rows: slice | HostArray, out: HostArray) -> None:
    """Write rows of an array to another, in the dtype of that one."""
    if isinstance(rows, slice) or array.dtype != out.dtype or not array.flags.c_contiguous:
        with np.errstate(over="ignore"):  # what is too large becomes infinite, as everywhere
            out[...] = array[rows]
    else:  # without a copy in between, which checking the rows would make as well
        np.take(array, rows, axis=0, out=out, mode="clip")
