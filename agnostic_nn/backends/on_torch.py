"""torch: the CPU or a GPU, through array-api-compat."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import InvalidArgument
from ..namespace import Array
from .base import Backend, State, Step


class TorchBackend(Backend):
    """torch tensors; their automatic gradients are switched off, the equations have their own."""

    install = "pip install torch"

    @classmethod
    def open(cls, device: str) -> Backend:
        """Return the backend on "cpu" (the default), "cuda", "cuda:1", "mps", ..."""
        import array_api_compat.torch as xp
        import torch

        try:
            place = torch.device(device or "cpu")
        except RuntimeError:
            raise InvalidArgument(
                f"backend='torch:{device}': wanted a torch device, cpu or cuda or cuda:1."
            ) from None
        return cls("torch" + (f":{device}" if device else ""), xp, place)

    @classmethod
    def device_of(cls, array: Array) -> str:
        """Return the device of an array as `open` takes it."""
        return "" if array.device.type == "cpu" else str(array.device)

    def describe(self) -> tuple[str, int | None]:
        """Return the device's name, and a GPU's memory."""
        import torch

        if self.device.type != "cuda":
            return self.device.type.upper(), None
        properties = torch.cuda.get_device_properties(self.device)
        return properties.name, properties.total_memory

    def asarray(self, values: Any, dtype: Any = None) -> Array:
        """Return `values` as a tensor on this device, apart from any automatic gradient."""
        if not self.owns(values):
            values = np.array(values)  # torch wants memory that it may write to
        return self.xp.asarray(values, dtype=dtype, device=self.device).detach()

    def to_numpy(self, array: Array) -> np.ndarray[Any, Any]:
        """Copy a tensor to the host."""
        import torch

        if array.dtype == torch.bfloat16:
            array = array.float()  # NumPy has no bfloat16; float32 holds the same numbers
        host: np.ndarray[Any, Any] = array.detach().cpu().numpy()
        return host

    def ran_out_of_memory(self, error: BaseException) -> bool:
        """Whether that is what an error says."""
        import torch

        # for the CPU torch has no class of its own
        return isinstance(error, (MemoryError, torch.OutOfMemoryError)) or (
            isinstance(error, RuntimeError) and "can't allocate memory" in str(error)
        )

    def synchronize(self) -> None:
        """Wait for the GPU, where there is one."""
        import torch

        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    def epoch(self, step: Step, *args: Any) -> tuple[State, float]:
        """Run the steps without recording them for automatic gradients."""
        import torch

        with torch.inference_mode():
            state, cost = super().epoch(step, *args)
        # what a rule made anew in there refuses to be written to out here
        return tuple(x.clone() if x.is_inference() else x for x in state), cost
