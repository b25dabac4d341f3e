"""Matrix products on a GPU, into memory that is there already: by cuBLAS itself, or by CuPy."""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ...errors import NotRecordable
from ...namespace import Array
from ..numpy_calls import NDArray
from .launches import Product, Span, leading

#: Bytes that cuBLAS asks for on the GPUs that ask for the most.
WORKSPACE = 32 * 2**20


class CuBLAS:
    """Products by cuBLAS, with a handle of our own: unlike CuPy's, it runs while a stream captures.

    Parameters
    ----------
    stream : cupy.cuda.Stream
        Where they run.
    workspace : array
        Memory for cuBLAS to work with; a handle that has none of its own might allocate in a step.
    tf32 : bool
        Whether float32 matrices may be multiplied as TF32.
    """

    def __init__(self, stream: Any, workspace: Array, *, tf32: bool) -> None:
        from nvmath.bindings import cublas

        self._cublas = cublas
        self._scalars: dict[Any, tuple[NDArray, NDArray]] = {}  # read by their addresses
        self._handle = handle = cublas.create()
        end = weakref.finalize(self, _destroy, cublas, handle, stream, workspace)
        # by then the driver may be gone
        end.atexit = False  # type: ignore[misc,unused-ignore]  # older stubs
        cublas.set_stream(handle, stream.ptr)
        cublas.set_workspace(handle, workspace.data.ptr, workspace.nbytes)  # a stream resets it
        mode = cublas.Math.TF32_TENSOR_OP_MATH if tf32 else cublas.Math.DEFAULT_MATH
        cublas.set_math_mode(handle, int(mode))

    def bound(self, product: Product, arrays: Mapping[str, Array]) -> Callable[[], None]:
        """Return what makes a product of numbers in these arrays.

        cuBLAS reads columns where we have rows: to it every matrix is its transpose, and
        C = A B is C.T = B.T A.T.
        """
        cublas, out = self._cublas, product.out
        dtype = arrays[f"{out.array}s"].dtype
        kind = {"float32": "s", "float64": "d"}.get(out.array)
        if kind is None:
            raise NotRecordable(f"xp.matmul of {out.array}, which cuBLAS is not asked for")
        one, zero = self._scalars.setdefault(dtype, (np.ones(1, dtype), np.zeros(1, dtype)))
        (*many, rows, columns), inner = out.shape, product.a.shape[-1]
        (turn_b, *b), (turn_a, *a) = (
            self._matrix(span, arrays, batched=bool(many)) for span in (product.b, product.a)
        )
        target = [_address(out, arrays), columns, *out.strides[:-2]]
        arguments = (
            self._handle, turn_b, turn_a, columns, rows, inner,
            one.ctypes.data, *b, *a, zero.ctypes.data, *target, *many,
        )  # fmt: skip
        gemm = getattr(cublas, f"{kind}gemm_strided_batched" if many else f"{kind}gemm")
        return functools.partial(self._make, gemm, arguments)

    def _make(self, gemm: Callable[..., None], arguments: Sequence[int]) -> None:
        """Make a product: a method, so that what it has the addresses of lives as long as it."""
        gemm(*arguments)

    def _matrix(self, span: Span, arrays: Mapping[str, Array], *, batched: bool) -> list[int]:
        """Return whether to turn a matrix, where it lies, and how far apart its columns are.

        Of many also how far apart they are; 0 where one is for all.
        """
        found = leading(span)
        assert found is not None  # what BLAS cannot read was copied
        turned, apart = found
        operation = self._cublas.Operation.T if turned else self._cublas.Operation.N
        stride = [span.strides[0] if span.shape[0] > 1 else 0] if batched else []
        return [int(operation), _address(span, arrays), apart, *stride]


class CuPyProducts:
    """Products by `cupy.matmul`, which CuPy refuses while a stream captures (cupy/cupy#6290)."""

    def bound(self, product: Product, arrays: Mapping[str, Array]) -> Callable[[], None]:
        """Return what makes a product of numbers in these arrays."""
        import cupy

        a, b, out = (_view(span, arrays) for span in (product.a, product.b, product.out))
        return functools.partial(cupy.matmul, a, b, out=out)


Products = CuBLAS | CuPyProducts


def _destroy(cublas: Any, handle: int, *_: Any) -> None:
    """Give a handle back, before what it works with."""
    cublas.destroy(handle)


def _address(span: Span, arrays: Mapping[str, Array]) -> int:
    memory = arrays[f"{span.array}s"]
    return int(memory.data.ptr) + span.begin * int(memory.itemsize)


def _view(span: Span, arrays: Mapping[str, Array]) -> Array:
    """Return the numbers of a span as an array."""
    from cupy.lib.stride_tricks import as_strided

    memory = arrays[f"{span.array}s"]
    strides = tuple(stride * memory.itemsize for stride in span.strides)
    return as_strided(memory[span.begin :], span.shape, strides)
