"""CuPy: one CUDA GPU."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..errors import InvalidArgument
from ..installing import install_line
from ..namespace import Array
from .base import Backend, Epoch, Rows, State, Step
from .streamed import streamed

#: Data that would take more than this share of the GPU's free memory stays on the host, and comes
#: minibatch by minibatch.
SHARE = 0.5
#: So few numbers go to the GPU without asking it, which takes longer than to predict from them.
FEW = 2**20


class CuPyBackend(Backend):
    """CuPy arrays on a CUDA GPU."""

    install = install_line("cuda13")
    library = "cupy"
    #: What `get_backend` calls it.
    called = "cupy"

    @classmethod
    def open(cls, device: str) -> Backend:
        """Return the backend on the GPU of that number; raise where there is none."""
        import array_api_compat.cupy as xp
        import cupy

        number = device.removeprefix("cuda").removeprefix(":") or "0"
        if not number.isdecimal():
            raise InvalidArgument(f"backend='{cls.called}:{device}': wanted the number of a GPU.")
        count = cupy.cuda.runtime.getDeviceCount()
        if int(number) >= count:
            raise InvalidArgument(
                f"backend='{cls.called}:{device}': this machine has {count} GPU(s)."
            )
        name = cls.called if device == "" else f"{cls.called}:{number}"
        return cls(name, xp, cupy.cuda.Device(int(number)))

    @classmethod
    def device_of(cls, array: Array) -> str:
        """Return the device of an array as `open` takes it."""
        return str(array.device.id) if array.device.id else ""

    def describe(self) -> tuple[str, int | None]:
        """Return the GPU's name and memory."""
        import cupy

        properties = cupy.cuda.runtime.getDeviceProperties(self.device.id)
        return properties["name"].decode(), int(properties["totalGlobalMem"])

    def asarray(self, values: Any, dtype: Any = None) -> Array:
        """Return `values` as an array on this GPU."""
        with self.device:
            return self.xp.asarray(values, dtype=dtype)

    def hold(self, values: Any, dtype: Any) -> Array:
        """Return data on the GPU, or as it is on the host where there is too much of it."""
        rows = isinstance(values, np.ndarray) and values.ndim == 2 and values.dtype.kind in "biuf"
        if rows and values.size > FEW:
            needed = values.size * self.xp.finfo(dtype).bits / 8
            if needed > SHARE * self._free_memory():
                return values
        return self.asarray(values, dtype)

    def _free_memory(self) -> int:
        """Return how much of the GPU's memory nobody uses, in bytes."""
        import cupy

        with self.device:
            free, _ = cupy.cuda.runtime.memGetInfo()
            kept = cupy.get_default_memory_pool().free_bytes()  # for arrays to come
        return int(free + kept)

    def to_numpy(self, array: Array) -> np.ndarray[Any, Any]:
        """Copy an array to the host."""
        import cupy

        host: np.ndarray[Any, Any] = cupy.asnumpy(array)
        return host

    def synchronize(self) -> None:
        """Wait for the GPU."""
        self.device.synchronize()

    def batches(
        self,
        data: Rows,
        order: np.ndarray[Any, Any] | None,
        batch_size: int,
        dtype: Any,
        *,
        own: bool = False,
    ) -> Iterator[list[Array | None]]:
        """Yield each minibatch as `Backend.batches` does; what is on the host is streamed."""
        on_host: list[Any] = [x for x in data if x is not None and not self.owns(x)]
        if not on_host:
            yield from super().batches(data, order, batch_size, dtype, own=own)
            return
        n = len(on_host[0]) if order is None else len(order)
        rows = None if order is None else self.asarray(order)
        for i, streams in enumerate(streamed(on_host, order, batch_size, dtype, self.device)):
            start, stop, fetched = i * batch_size, min((i + 1) * batch_size, n), iter(streams)
            yield [
                self._rows(x, rows, start, stop, dtype, own)
                if x is None or self.owns(x)
                else next(fetched)
                for x in data
            ]

    def epoch(
        self, step: Step, state: State, epoch: Epoch, compiled: dict[Any, Any]
    ) -> tuple[State, float]:
        """Run the steps as one sequence of launches, the same each time.

        Everything that changes from step to step is read from the device: the rows to take, the
        rates, the key of its random numbers. Nothing is copied from the host and nothing waited
        for until the cost is read, so that a step can be captured as a CUDA graph.
        """
        if not all(x is None or self.owns(x) for x in epoch.data):  # some stay on the host
            with self.device:
                return super().epoch(step, state, epoch, compiled)
        del compiled
        n, size, xp = epoch.examples, epoch.batch_size, self.xp
        with self.device:
            order = self.asarray(np.arange(n) if epoch.order is None else epoch.order)
            rates = self.asarray(np.asarray(epoch.rates), state[0].dtype)
            keys = self.asarray(epoch.keys)
            batch = self.asarray(np.arange(min(size, n)))  # where the minibatch lies in the order
            place = self.asarray(np.zeros(1, dtype=np.int64))  # of rates and keys in their tables
            total = self.asarray(np.zeros(()), state[0].dtype)
            for first in range(0, n, size):
                if first + size > n:
                    batch = batch[: n - first]
                rows = xp.take(order, batch, axis=0)
                data = [None if x is None else xp.take(x, rows, axis=0) for x in epoch.data]
                now = xp.take(rates, place, axis=0)
                numbers = tuple(now[0, i] for i in range(now.shape[1]))
                key = xp.take(keys, place, axis=0)[0, ...]
                state, cost = step(state, data, numbers, key, xp)
                total += cost * (batch.shape[0] / n)
                place += 1
                batch = batch + size
            return state, float(self.to_numpy(total))
