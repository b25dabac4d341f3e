"""CuPy: one CUDA GPU."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import InvalidArgument
from ..namespace import Array
from .base import Backend, State, Step


class CuPyBackend(Backend):
    """CuPy arrays on a CUDA GPU."""

    install = 'pip install "agnostic-nn[cuda13]"'

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

    def epoch(self, step: Step, *args: Any) -> tuple[State, float]:
        """Run the steps with this GPU as the current one."""
        with self.device:
            return super().epoch(step, *args)
