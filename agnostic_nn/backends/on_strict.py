"""array-api-strict: the standard and nothing else, with a second device to test against."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import InvalidArgument
from ..namespace import Array
from .base import Backend


class StrictBackend(Backend):
    """array-api-strict arrays; on "device1" every accidental host copy is an error."""

    install = "pip install array-api-strict"

    @classmethod
    def open(cls, device: str) -> Backend:
        """Return the backend on "CPU_DEVICE" (the default), "device1" or "device2"."""
        import array_api_strict as xp

        device = device or "CPU_DEVICE"
        try:
            place = xp.Device(device)
        except ValueError:
            raise InvalidArgument(
                f"backend='array_api_strict:{device}': wanted CPU_DEVICE, device1 or device2."
            ) from None
        name = "array_api_strict" + ("" if device == "CPU_DEVICE" else f":{device}")
        return cls(name, xp, place)

    @classmethod
    def device_of(cls, array: Array) -> str:
        """Return the device of an array as `open` takes it."""
        name = str(array.device).split("'")[1]  # its representation alone tells the name
        return "" if name == "CPU_DEVICE" else name

    def describe(self) -> tuple[str, int | None]:
        """Return the device's name."""
        return self.name.partition(":")[2] or "CPU", None

    def to_numpy(self, array: Array) -> np.ndarray[Any, Any]:
        """Copy an array to the host."""
        import array_api_strict as xp

        return np.asarray(xp.asarray(array, device=xp.Device("CPU_DEVICE")))
