"""What a result is worth nothing without: the machine, the versions, the settings."""

from __future__ import annotations

import contextlib
import datetime as dt
import importlib
import os
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Any

PACKAGES = (
    "agnostic_nn", "numpy", "array_api_compat", "cupy", "torch", "jax", "optax", "sklearn",
    "thinc", "skorch",
)  # fmt: skip


def describe() -> dict[str, Any]:
    """Return processor, memory and system."""
    return {
        "date": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "processor": _processor(),
        "cores": usable_cores(),
        "memory_GiB": _memory(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    }


def usable_cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _memory() -> float | None:
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
    except (AttributeError, OSError, ValueError):
        return None


def environment(threads: int) -> dict[str, str]:
    """Return what a process has to find in its environment, before it imports anything."""
    names = ("OMP", "OPENBLAS", "MKL", "BLIS", "NUMEXPR")
    found = {f"{name}_NUM_THREADS": str(threads) for name in names}
    found["VECLIB_MAXIMUM_THREADS"] = found["NPROC"] = str(threads)  # Apple's BLAS, XLA's pool
    if threads == 1:
        flags = os.environ.get("XLA_FLAGS", "")
        found["XLA_FLAGS"] = f"{flags} --xla_cpu_multi_thread_eigen=false".strip()
    return found


def gpu_environment(tf32: bool) -> dict[str, str]:
    """Return what makes every library compute float32 products on a GPU in the same way.

    Left alone, JAX rounds the factors to TF32, and PyTorch and CuPy do not.
    """
    return {
        "JAX_DEFAULT_MATMUL_PRECISION": "tensorfloat32" if tf32 else "float32",
        "CUPY_TF32": str(int(tf32)),
        "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE": str(int(tf32)),
    }


def versions(backends: Sequence[str]) -> dict[str, Any]:
    """Return the versions of everything, the BLAS, and where the backends run."""
    import agnostic_nn as ann

    found: dict[str, Any] = {}
    for name in PACKAGES:
        try:
            module = importlib.import_module(name)
        except Exception:
            found[name] = None
        else:
            found[name] = getattr(module, "__version__", "?")
    found["BLAS"] = _blas()
    found["devices"] = {}
    for name in backends:
        with contextlib.suppress(ann.AgnosticNNError):  # the results say why it is left out
            found["devices"][name] = ann.get_backend(name).describe()[0]
    return found


def _blas() -> str:
    import numpy as np

    try:
        from threadpoolctl import threadpool_info
    except ImportError:
        blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
        return f"{blas['name']} {blas['version']}"
    pools = (pool for pool in threadpool_info() if "numpy" in pool["filepath"])
    return ", ".join(
        f"{pool['internal_api']} {pool['version']} ({pool.get('architecture', '?')}, "
        f"{pool['num_threads']} threads)"
        for pool in pools
    )
