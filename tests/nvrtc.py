"""NVIDIA's compiler of kernels, which needs no GPU: the wheel nvidia-cuda-nvrtc, by ctypes."""

import ctypes
import functools
import sysconfig
from pathlib import Path

from agnostic_nn.backends.cuda.device import OPTIONS

#: What to compile for: the oldest GPUs that CUDA 12 and 13 both know.
ARCHITECTURE = "compute_75"

#: What CuPy says to it besides.
OF_CUPY = ("-ftz=true", "--device-as-default-execution-space")


@functools.cache
def library():
    """The compiler, or None where it is not installed."""
    packages = Path(sysconfig.get_paths()["purelib"], "nvidia")
    for pattern in ("cuda_nvrtc/lib/libnvrtc.so.*", "cu*/lib/libnvrtc.so.*"):
        for path in sorted(packages.glob(pattern)):
            if ".alt" not in path.name:
                return ctypes.CDLL(str(path))
    return None


def compiled(text):
    """Compile CUDA C; return what the compiler says where it refuses or warns, and the PTX."""
    nvrtc, program = library(), ctypes.c_void_p()
    created = nvrtc.nvrtcCreateProgram(
        ctypes.byref(program), text.encode(), b"step.cu", 0, None, None
    )
    assert created == 0
    options = [f"--gpu-architecture={ARCHITECTURE}", *OPTIONS, *OF_CUPY]
    given = (ctypes.c_char_p * len(options))(*map(str.encode, options))
    failed = nvrtc.nvrtcCompileProgram(program, len(options), given)
    said = _text(program, nvrtc.nvrtcGetProgramLogSize, nvrtc.nvrtcGetProgramLog)
    ptx = "" if failed else _text(program, nvrtc.nvrtcGetPTXSize, nvrtc.nvrtcGetPTX)
    nvrtc.nvrtcDestroyProgram(ctypes.byref(program))
    return said, ptx


def _text(program, size, content):
    length = ctypes.c_size_t()
    assert size(program, ctypes.byref(length)) == 0
    found = ctypes.create_string_buffer(length.value)
    assert content(program, found) == 0
    return found.value.decode()
