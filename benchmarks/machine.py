"""What a result is worth nothing without: the machine, the versions, the settings.

`python -m benchmarks.machine NAME NAME` says which backends are usable, and how they multiply.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime as dt
import importlib
import importlib.metadata
import json
import os
import platform
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

PACKAGES = (
    "agnostic_nn", "numpy", "array_api_compat", "cupy", "torch", "jax", "optax", "sklearn",
    "thinc", "skorch",
)  # fmt: skip

#: What is looked up without importing anything, by the names under which it is installed.
DISTRIBUTIONS = (
    "numpy", "array-api-compat", "array-api-strict", "cupy-cuda12x", "cupy-cuda13x", "cupy",
    "nvmath-python", "torch", "triton", "jax", "jaxlib", "optax", "numba", "scikit-learn", "scipy",
)  # fmt: skip

#: What products of float32 matrices are computed in on a GPU.
FLOAT32, TF32 = "float32", "TF32"

#: Backends that are on a GPU whatever device they name, beside those that name one: "torch:cuda".
GPU_BACKENDS = ("cupy", "cuda")


def is_on_a_gpu(name: str) -> bool:
    """Whether a backend of that name computes on a GPU."""
    library, _, device = name.partition(":")
    return library in GPU_BACKENDS or device.startswith(("cuda", "gpu"))


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


def gpus() -> list[dict[str, str]]:
    """Return name, driver and memory of each NVIDIA GPU, as the driver's own tool tells them."""
    asked = ("name", "driver_version", "memory.total", "compute_cap")
    command = ["nvidia-smi", f"--query-gpu={','.join(asked)}", "--format=csv,noheader"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    except (OSError, subprocess.SubprocessError):
        return []
    rows = (line.split(",") for line in done.stdout.splitlines())
    return [dict(zip(asked, (cell.strip() for cell in row), strict=False)) for row in rows]


def installed() -> dict[str, str]:
    """Return the versions of what is installed, without importing it."""
    found = {}
    for name in DISTRIBUTIONS:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found


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

    Left alone, JAX rounds the factors to TF32, and PyTorch and CuPy do not. It would also take
    most of the GPU's memory at once, which leaves the others none.
    """
    return {
        "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
        "JAX_DEFAULT_MATMUL_PRECISION": "tensorfloat32" if tf32 else "float32",
        "CUPY_TF32": str(int(tf32)),
        "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE": str(int(tf32)),
    }


def versions(backends: Sequence[str]) -> dict[str, Any]:
    """Return the versions of everything, the BLAS, where the backends run and how they multiply."""
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
    found["devices"], found["products"] = {}, {}
    for name in backends:
        with contextlib.suppress(ann.AgnosticNNError):  # the results say why it is left out
            backend = ann.get_backend(name)
            found["devices"][name] = backend.describe()[0]
            found["products"][name] = math_mode(backend)
    return found


def math_mode(backend: Any) -> str:
    """Return what a backend computes float32 products in, by how far one is from the truth."""
    import numpy as np

    factors = np.random.default_rng(0).standard_normal((2, 256, 256), dtype=np.float32)
    exact = np.matmul(*factors.astype(np.float64))
    A, B = (backend.asarray(factor, backend.dtype("float32")) for factor in factors)
    error = np.linalg.norm(backend.to_numpy(A @ B) - exact) / np.linalg.norm(exact)
    # factors of 11 bits are off by 3e-4, those of 24 bits by less than 1e-6
    return FLOAT32 if error < 1e-5 else TF32 if error < 1e-3 else f"off by {error:.0e}"


def usable(names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return for each backend whether it is usable, where it computes and how, or why not."""
    import agnostic_nn as ann

    found: dict[str, dict[str, Any]] = {}
    for name in names:
        try:
            backend = ann.get_backend(name)
        except ann.AgnosticNNError as error:
            found[name] = {"usable": False, "why": str(error).splitlines()[0]}
        else:
            device, memory = backend.describe()
            found[name] = {"usable": True, "device": device, "memory": memory}
            found[name]["products"] = math_mode(backend)
    return found


def cuda() -> dict[str, Any]:
    """Return the versions of CUDA that CuPy was built for, runs with, and that the driver knows."""
    try:
        import cupy
    except Exception:  # whatever a broken installation raises
        return {}
    runtime = cupy.cuda.runtime
    asked = {"driver": runtime.driverGetVersion, "runtime": runtime.runtimeGetVersion,
             "NVRTC": cupy.cuda.nvrtc.getVersion}  # fmt: skip
    found: dict[str, Any] = {}
    for name, ask in asked.items():
        try:
            found[name] = ask()
        except Exception as error:  # no driver, no NVRTC
            found[name] = f"{type(error).__name__}: {error}"
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


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.machine", description=__doc__)
    parser.add_argument("backends", nargs="+", metavar="NAME")
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    found = {"backends": usable(options.backends), "CUDA": cuda()}
    for name, one in found["backends"].items():
        what = f"{one['device']}, products in {one['products']}" if one["usable"] else one["why"]
        print(f"{name}: {what}")
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
