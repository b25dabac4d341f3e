"""CuPy arrays on a CUDA GPU, and a step as kernels of its own, captured as one CUDA graph.

The recorded step is written out as CUDA C as soon as that pays; what CuPy compiles is kept on disk.
Until then, and where a step has no form there, it runs as on CuPy. Not yet run on a GPU.
"""

from __future__ import annotations

from typing import Any

from ..errors import NotRecordable
from ..installing import install_line
from .base import Epoch, State, Step, as_it_stands, waits, warn_once
from .cuda.device import CuPyDevice
from .cuda.launched import LaunchedSteps
from .on_cupy import CuPyBackend

#: From how many steps of a training on compiling pays: CuPy's calls take some microseconds each,
#: compiling a kernel some milliseconds. Estimated, and not measured. Nobody waits `at_once`.
STEPS = 1000


class CUDABackend(CuPyBackend):
    """CuPy arrays on a CUDA GPU, a step as kernels of its own."""

    called = "cuda"
    install = install_line("cuda13-graph")

    def epoch(
        self, step: Step, state: State, epoch: Epoch, compiled: dict[Any, Any]
    ) -> tuple[State, float]:
        """Repeat the launches of a step; a step that cannot be launched runs as on CuPy."""
        if waits() and epoch.done + len(epoch.rates) < STEPS:
            return super().epoch(step, state, epoch, compiled)
        device = compiled.get("device")
        if device is None:
            compiled["device"] = device = CuPyDevice(self)
        steps = LaunchedSteps.of(step, state, compiled, device)
        try:
            cost = steps.run(epoch)
        except NotRecordable as reason:
            found = super().epoch(step, state, epoch, compiled)
            if not steps.asked_not_to:
                warn_once(as_it_stands(reason), compiled)
            return found
        if device.uncaptured:
            warn_once(
                "the training step is not captured as one CUDA graph, and its kernels are launched "
                f"one by one: {device.uncaptured}.",
                compiled,
            )
        return state, cost
