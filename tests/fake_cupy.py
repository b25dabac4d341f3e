"""As much of CuPy and nvmath-python as a step on a GPU needs, over memory of the host.

Kernels are compiled by the host's compiler. A stream that captures runs nothing, and refuses what
CUDA and CuPy refuse then; a graph runs what was captured. What a test plants goes wrong.
"""

import contextlib
import ctypes
import functools
import itertools
import sys
import types
import weakref
from pathlib import Path

import array_api_compat.numpy
import numpy as np
from checking_device import compiled

from agnostic_nn.backends.on_cuda import CUDABackend


class ndarray(np.ndarray):  # noqa: N801
    """An array of the device; those of the host are NumPy's own."""

    @property
    def data(self):
        return types.SimpleNamespace(ptr=self.ctypes.data)

    def set(self, values, stream):
        assert type(values) is np.ndarray
        assert (values.dtype, values.shape) == (self.dtype, self.shape)
        stream.refuse("a copy")
        stream.copied.append(weakref.ref(values))
        self[...] = values


def on_device(x):
    """The same numbers as an array of the device, which has no numbers outside of arrays."""
    return np.asarray(x).view(ndarray) if isinstance(x, (np.ndarray, np.generic)) else x


class Namespace:
    """NumPy's, with arrays of the device."""

    def __getattr__(self, name):
        found = getattr(array_api_compat.numpy, name)
        if isinstance(found, type) or not callable(found):
            return found
        return lambda *given, **options: on_device(found(*given, **options))


class Stream:
    def __init__(self, cupy=None, non_blocking=False):
        self.cupy, self.non_blocking = cupy, non_blocking
        self.ptr = id(self)
        self.captured = None
        self.copied = []

    def __enter__(self):
        self.cupy.streams.append(self)

    def __exit__(self, *_):
        assert self.cupy.streams.pop() is self

    def refuse(self, what):
        if self.captured is not None:
            self.captured = "invalid"
            raise RuntimeError(f"cudaErrorStreamCaptureUnsupported: {what}")

    def start(self, work):
        """Run what a stream is given, or write it down."""
        if self.captured is None:
            work()
        else:
            self.captured.append(work)

    def synchronize(self):
        self.refuse("waiting")
        assert all(array() is not None for array in self.copied)  # copies may have read them
        self.copied.clear()

    def record(self):
        self.refuse("an event that nobody of the capture waits for")
        return object()

    def wait_event(self, event):
        self.cupy.waits += 1

    def begin_capture(self, mode):
        assert self.non_blocking
        assert mode == "relaxed"
        if "capture" in self.cupy.planted:
            raise RuntimeError("cudaErrorNotSupported: operation not supported")
        self.captured = []

    def end_capture(self):
        captured, self.captured = self.captured, None
        if captured == "invalid":
            raise RuntimeError("cudaErrorStreamCaptureInvalidated")
        return Graph(self.cupy, captured[:-1] if "graph" in self.cupy.planted else captured)


class Graph:
    def __init__(self, cupy, work):
        self.cupy, self.work = cupy, work

    def launch(self, stream):
        self.cupy.replays += 1
        if self.cupy.replays > self.cupy.last_replay:
            return
        for each in self.work:
            stream.start(each)


class CompileException(Exception):
    pass


class FakeCuPy:
    """The modules, and what happened.

    Parameters
    ----------
    folder : Path
        For what is compiled.
    *planted : str
        What goes wrong: "nvmath", "compile", "capture", "graph", "memory", "tf32".
    """

    def __init__(self, folder, *planted):
        self.folder, self.planted = Path(folder), planted
        self.replays, self.last_replay, self.waits, self.eager = 0, float("inf"), 0, 0
        self.texts, self.products, self.streams = [], [], [Stream(self)]
        self.stream_of, self.math_modes = {}, []

    def install(self, monkeypatch):
        """Let them be imported, and return a backend on them."""
        cupy = types.ModuleType("cupy")
        cupy.ndarray, cupy.zeros, cupy.matmul = ndarray, self._zeros, self._matmul
        cupy.RawModule = self._module
        cupy.asnumpy = self._asnumpy
        cupy.cuda = types.SimpleNamespace(
            Stream=functools.partial(Stream, self),
            MemoryPool=lambda: types.SimpleNamespace(malloc=None, free_all_blocks=lambda: None),
            get_current_stream=lambda: self.current,
            using_allocator=lambda _: contextlib.nullcontext(),
            runtime=types.SimpleNamespace(
                streamCaptureModeRelaxed="relaxed", memGetInfo=lambda: (2**30, 2**30)
            ),
        )
        cupy.get_default_memory_pool = lambda: types.SimpleNamespace(free_bytes=lambda: 0)
        tricks = types.ModuleType("cupy.lib.stride_tricks")
        tricks.as_strided = np.lib.stride_tricks.as_strided
        modules = {"cupy": cupy, "cupy.lib": types.ModuleType("cupy.lib"),
                   "cupy.lib.stride_tricks": tricks, "nvmath": None}  # fmt: skip
        if "nvmath" not in self.planted:
            modules |= {name: types.ModuleType(name) for name in ("nvmath", "nvmath.bindings")}
            modules["nvmath.bindings"].cublas = self._cublas()
        for name, module in modules.items():
            monkeypatch.setitem(sys.modules, name, module)
        return _Backend(self)

    @property
    def current(self):
        return self.streams[-1]

    # CuPy

    def _zeros(self, size, dtype):
        self.current.refuse("an allocation")
        if "memory" in self.planted:
            raise MemoryError("Out of memory allocating 1,000 bytes")
        return on_device(np.zeros(size, dtype))

    def _asnumpy(self, array):
        self.current.refuse("a copy")
        return np.array(array)

    def _matmul(self, a, b, out):
        if self.current.captured is not None:
            raise NotImplementedError("calling cuBLAS API during stream capture")
        self.products.append("cupy")
        np.matmul(a, b, out=out)

    def _module(self, *, code, options):
        self.current.refuse("a compilation")
        if "compile" in self.planted:
            raise CompileException('step.cu(7): error: identifier "v9" is undefined')
        self.texts.append((code, options))
        library = compiled(code, self.folder)

        def get_function(name):
            function = getattr(library, f"run_{name}")

            def launch(grid, block, arrays):
                (blocks,), (threads,) = grid, block
                assert all(type(array) is ndarray for array in arrays)
                given = [ctypes.c_void_p(array.data.ptr) for array in arrays]
                self.current.start(lambda: function(blocks, threads, *given))

            return launch

        return types.SimpleNamespace(get_function=get_function)

    # cuBLAS, by its own description: matrices by columns, op(A) is m x k, op(B) k x n

    def _cublas(self):
        handles = itertools.count(1)

        def create():
            self.stream_of[handle := next(handles)] = None
            return handle

        def set_workspace(handle, address, size):
            assert self.stream_of[handle] is not None  # or it would be reset
            assert size >= 2**22

        def set_stream(handle, address):
            self.stream_of[handle] = address

        return types.SimpleNamespace(
            create=create, destroy=lambda handle: self.stream_of.pop(handle),
            set_stream=set_stream, set_workspace=set_workspace,
            set_math_mode=lambda _, mode: self.math_modes.append(mode),
            Math=types.SimpleNamespace(DEFAULT_MATH=0, TF32_TENSOR_OP_MATH=3),
            Operation=types.SimpleNamespace(N=0, T=1),
            **{f"{kind}gemm": functools.partial(self._gemm, dtype)
               for kind, dtype in (("s", np.float32), ("d", np.float64))},
            **{f"{kind}gemm_strided_batched": functools.partial(self._gemms, dtype)
               for kind, dtype in (("s", np.float32), ("d", np.float64))},
        )  # fmt: skip

    def _gemm(self, dtype, handle, ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc):
        self._gemms(dtype, handle, ta, tb, m, n, k, alpha, a, lda, 0, b, ldb, 0, beta, c, ldc, 0, 1)

    def _gemms(self, dtype, handle, ta, tb, m, n, k, alpha, a, lda, next_a, b, ldb, next_b, beta,
               c, ldc, next_c, count):  # fmt: skip
        assert self.stream_of[handle] == self.current.ptr
        width = np.dtype(dtype).itemsize

        def matrix(address, rows, columns, ld):
            assert ld >= max(rows, 1)
            size = (ld * (columns - 1) + rows) * width
            memory = (ctypes.c_char * size).from_address(address)
            return np.ndarray((rows, columns), dtype, memory, 0, (width, ld * width))

        def work():
            one, zero = (matrix(number, 1, 1, 1)[0, 0] for number in (alpha, beta))
            for i in range(count):
                A, B = (matrix(x + i * step * width, *shape, ld) for x, step, shape, ld in (
                    (a, next_a, (k, m) if ta else (m, k), lda),
                    (b, next_b, (n, k) if tb else (k, n), ldb)))  # fmt: skip
                C = matrix(c + i * next_c * width, m, n, ldc)
                A, B = (self._rounded(x.T if turned else x) for x, turned in ((A, ta), (B, tb)))
                assert (one, zero) == (1.0, 0.0)
                C[...] = A @ B

        self.products.append("cublas")
        self.current.start(work)

    def _rounded(self, x):
        """As TF32 has it, where that was planted: 10 bits of the fraction are left."""
        if "tf32" not in self.planted or x.dtype != np.float32:
            return x
        return (np.ascontiguousarray(x).view(np.uint32) & 0xFFFFE000).view(np.float32)


class _Backend(CUDABackend):
    """The backend itself, on the stand-in."""

    def __init__(self, cupy):
        super().__init__("cuda", Namespace(), contextlib.nullcontext())
        self.cupy = cupy

    def owns(self, array):
        return isinstance(array, ndarray)

    def describe(self):
        return "a GPU that is none", 2**30

    def synchronize(self):
        pass
