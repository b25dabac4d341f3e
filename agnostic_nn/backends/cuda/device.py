"""A GPU, by CuPy, as launched steps need one: kernels by NVRTC, steps as one CUDA graph.

Not yet run on a GPU: the tests run all of it over a stand-in for CuPy.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from ...namespace import Array
from ...programs.intervals import Machine
from ..base import Backend
from ..numpy_calls import NDArray
from .launches import Kernel, Launch, Launches
from .products import WORKSPACE, CuBLAS, CuPyProducts, Products

#: How kernels are compiled. CuPy adds -ftz=true, as to its own: numbers below the smallest normal
#: one become 0. All else is as IEEE 754 has it, but that a product and a sum may be rounded once.
OPTIONS = ("--std=c++17",)

#: The most ULPs that CUDA states are those of powf; TF32 keeps 10 bits of the fraction.
FUNCTION_ULPS, TF32 = 9.0, 2.0**-10


class CuPyDevice:
    """A GPU with a stream and memory of its own.

    Parameters
    ----------
    backend : Backend
        Of CuPy's.

    Attributes
    ----------
    machine : Machine
        What it may do to numbers.
    uncaptured : str
        Why steps are launched one by one; empty where they are captured.
    """

    def __init__(self, backend: Backend) -> None:
        import cupy

        self.backend, self._cupy = backend, cupy
        self.uncaptured = ""
        self._on_their_way: list[NDArray] = []  # of the host, which copies may still read
        tf32 = int(os.environ.get("CUPY_TF32") or 0) > 0  # as CuPy's own products are made
        self.machine = Machine(FUNCTION_ULPS, TF32 if tf32 else 0.0, flushes=True)
        with backend.device:
            self._stream = cupy.cuda.Stream(non_blocking=True)
            self._pool = cupy.cuda.MemoryPool()
            self._products = self._make_products(tf32=tf32)

    def _make_products(self, *, tf32: bool) -> Products:
        workspace = self.zeros(WORKSPACE, "uint8")
        try:
            return CuBLAS(self._stream, workspace, tf32=tf32)
        except Exception as error:  # of an import, or of a library that is not found
            self.uncaptured = f"its products need nvmath-python, which does not load ({error})"
            return CuPyProducts()

    @contextlib.contextmanager
    def at_work(self) -> Iterator[None]:
        """Do everything inside on the stream: after what was started before, before what comes."""
        cuda = self._cupy.cuda
        with self.backend.device:
            around = cuda.get_current_stream()
            self._stream.wait_event(around.record())
            try:
                with self._stream, cuda.using_allocator(self._pool.malloc):
                    yield
            finally:
                around.wait_event(self._stream.record())

    def zeros(self, size: int, dtype: str) -> Array:
        """Return an array of one axis that stays where it is."""
        with self._cupy.cuda.using_allocator(self._pool.malloc):
            return self._cupy.zeros(size, dtype)

    def address(self, array: Array) -> int:
        """Return where the first number of an array of the device lies."""
        return int(array.data.ptr)

    def write(self, array: Array, values: Any) -> None:
        """Copy values, of the host or of the device, into an array of the device."""
        if isinstance(values, np.ndarray):
            values = np.ascontiguousarray(values, array.dtype)
            array.set(values, self._stream)
            self._on_their_way.append(values)
        else:
            array[...] = values

    def read(self, array: Array) -> NDArray:
        """Return an array on the host, once all that was started is done."""
        self._stream.synchronize()
        self._on_their_way.clear()
        return self.backend.to_numpy(array)

    def prepare(self, launches: Launches, arrays: Mapping[str, Array]) -> Callable[[], None]:
        """Return what makes a step: a graph, or its launches where they cannot be captured."""
        module = self._cupy.RawModule(code=launches.text, options=OPTIONS)
        bound = [self._bound(launch, module, arrays) for launch in launches.steps]

        def step() -> None:
            for launch in bound:
                launch()

        step()  # what is loaded and planned at first cannot be captured
        self._stream.synchronize()
        if isinstance(self._products, CuPyProducts) and len(launches.kernels) < len(bound):
            return step
        try:
            graph = self._captured(step)
        except Exception as error:  # whatever a driver or a library can raise
            self.uncaptured = f"{type(error).__name__}: {_first_line(error)}"
            return step
        return _Replay(graph, self._stream, bound)

    def _bound(
        self, launch: Launch, module: Any, arrays: Mapping[str, Array]
    ) -> Callable[[], None]:
        if not isinstance(launch, Kernel):
            return self._products.bound(launch, arrays)
        function = module.get_function(launch.name)
        grid, block = (launch.blocks,), (launch.threads,)
        given = tuple(arrays[name] for name in launch.arrays)
        return lambda: function(grid, block, given)

    def _captured(self, step: Callable[[], None]) -> Any:
        stream = self._stream
        stream.begin_capture(self._cupy.cuda.runtime.streamCaptureModeRelaxed)
        try:
            step()
        except BaseException:
            with contextlib.suppress(Exception):  # it says again that the capture failed
                stream.end_capture()
            raise
        return stream.end_capture()

    def release(self) -> None:
        """Give memory back that nobody holds."""
        self._pool.free_all_blocks()


class _Replay:
    """A captured step, with what it holds the addresses of."""

    def __init__(self, graph: Any, stream: Any, held: Any) -> None:
        self._graph, self._stream, self._held = graph, stream, held

    def __call__(self) -> None:
        self._graph.launch(self._stream)


def _first_line(error: Exception) -> str:
    return (str(error).strip() or "-").splitlines()[0]
