"""CuPy: one CUDA GPU."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import InvalidArgument
from ..installing import install_line
from ..namespace import Array
from .base import Backend, Epoch, State, Step


class CuPyBackend(Backend):
    """CuPy arrays on a CUDA GPU."""

    install = install_line("cuda13")

    @classmethod
    def open(cls, device: str) -> Backend:
        """Return the backend on the GPU of that number; raise where there is none."""
        import array_api_compat.cupy as xp
        import cupy

        number = device.removeprefix("cuda").removeprefix(":") or "0"
        if not number.isdecimal():
            raise InvalidArgument(f"backend='cupy:{device}': wanted the number of a GPU.")
        count = cupy.cuda.runtime.getDeviceCount()
        if int(number) >= count:
            raise InvalidArgument(f"backend='cupy:{device}': this machine has {count} GPU(s).")
        name = "cupy" if device == "" else f"cupy:{number}"
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

    def to_numpy(self, array: Array) -> np.ndarray[Any, Any]:
        """Copy an array to the host."""
        import cupy

        host: np.ndarray[Any, Any] = cupy.asnumpy(array)
        return host

    def synchronize(self) -> None:
        """Wait for the GPU."""
        self.device.synchronize()

    def epoch(
        self, step: Step, state: State, epoch: Epoch, compiled: dict[Any, Any]
    ) -> tuple[State, float]:
        """Run the steps as one sequence of launches, the same each time.

        Everything that changes from step to step is read from the device: the rows to take, the
        rates, the key of its random numbers. Nothing is copied from the host and nothing waited
        for until the cost is read, so that a step can be captured as a CUDA graph.
        """
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
