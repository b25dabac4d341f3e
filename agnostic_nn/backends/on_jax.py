"""JAX: an epoch is one compiled loop."""

from __future__ import annotations

from typing import Any

from ..errors import InvalidArgument
from ..namespace import Array
from .base import Backend


class JAXBackend(Backend):
    """JAX arrays."""

    install = "pip install jax"

    @classmethod
    def open(cls, device: str) -> Backend:
        """Return the backend on JAX's default device, or on "cpu", "gpu", "gpu:1", ..."""
        import jax
        import jax.numpy as xp

        platform, _, number = device.partition(":")
        try:
            place = jax.devices(platform or None)[int(number or 0)]
        except (RuntimeError, IndexError, ValueError) as error:
            raise InvalidArgument(f"backend='jax:{device}': {str(error).splitlines()[0]}") from None
        return cls("jax" + (f":{device}" if device else ""), xp, place)

    @classmethod
    def device_of(cls, array: Array) -> str:
        """Return the device of an array as `open` takes it."""
        return f"{array.device.platform}:{array.device.id}" if array.device.id else ""

    def describe(self) -> tuple[str, int | None]:
        """Return the device's kind, and its memory where JAX says."""
        statistics = self.device.memory_stats() or {}
        return self.device.device_kind, statistics.get("bytes_limit")

    def asarray(self, values: Any, dtype: Any = None) -> Array:
        """Return `values` as a JAX array; float64 where that is asked for."""
        import jax

        with jax.enable_x64(True):
            return self.xp.asarray(values, dtype=dtype, device=self.device)

    def synchronize(self) -> None:
        """Wait for everything that was started."""
        import jax

        jax.effects_barrier()
