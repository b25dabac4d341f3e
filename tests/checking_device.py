"""A device of launched steps that has no GPU: kernels run as the host's compiler understands them.

It runs the very text that a GPU would be given, over NumPy arrays, launch by launch, and refuses
whatever a captured step may not do. Threads run in an order that can be turned round: what depends
on it is wrong.
"""

import contextlib
import ctypes
import shutil
import subprocess
from pathlib import Path

import numpy as np

from agnostic_nn.backends import get_backend
from agnostic_nn.backends.cuda.launched import LaunchedSteps
from agnostic_nn.backends.cuda.launches import Kernel, check
from agnostic_nn.backends.on_numpy import NumPyBackend
from agnostic_nn.programs.intervals import CPU

COMPILER = shutil.which("g++") or shutil.which("c++")
HERE = Path(__file__).parent


class CheckingDevice:
    """NumPy arrays, and kernels compiled by the host's compiler into a folder."""

    machine = CPU

    def __init__(self, folder, *, backwards=False):
        self.backwards = backwards
        self.folder = Path(folder)
        self.backend = get_backend("numpy")
        self.inside = False
        self.prepared = []
        self.launched = []

    def at_work(self):
        return contextlib.nullcontext()

    def zeros(self, size, dtype):
        self.refuse_inside("an allocation")
        return np.zeros(size, dtype)

    def address(self, array):
        return array.ctypes.data

    def write(self, array, values):
        self.refuse_inside("a copy")
        array[...] = values

    def read(self, array):
        self.refuse_inside("a copy")
        return array

    def release(self):
        pass

    def refuse_inside(self, what):
        assert not self.inside, f"{what} inside a step"

    def prepare(self, launches, arrays):
        self.refuse_inside("a compilation")
        library = compiled(launches.text, self.folder)
        library.turn_round(self.backwards)
        self.prepared.append(launches)
        addresses = {name: array.ctypes.data for name, array in arrays.items()}
        bound = [self.bind(launch, library, arrays) for launch in launches.steps]

        def step():
            self.inside = True
            try:
                assert addresses == {name: array.ctypes.data for name, array in arrays.items()}
                for launch, make in zip(launches.steps, bound, strict=True):
                    check(launch, launches.sizes)
                    self.launched.append(launch)
                    make()
            finally:
                self.inside = False

        return step

    def bind(self, launch, library, arrays):
        if isinstance(launch, Kernel):
            function = getattr(library, f"run_{launch.name}")
            given = [ctypes.c_void_p(arrays[name].ctypes.data) for name in launch.arrays]
            return lambda: function(launch.blocks, launch.threads, *given)
        a, b, out = (view(span, arrays) for span in (launch.a, launch.b, launch.out))
        return lambda: np.matmul(a, b, out=out)


def view(span, arrays):
    """The numbers of a span as an array."""
    memory = arrays[f"{span.array}s"]
    width = memory.itemsize
    first, last = span.ends
    assert 0 <= first <= last <= memory.size
    strides = [width * stride for stride in span.strides]
    return np.ndarray(span.shape, memory.dtype, memory, width * span.begin, strides)


def compiled(text, folder):
    """Compile kernels for the host: of each a function run_NAME(blocks, threads, addresses...)."""
    lines = [f'#include "{HERE / "cuda_on_the_host.h"}"', text, 'extern "C" {']
    for each in text.split('extern "C" __global__ void ')[1:]:
        kernel, _, body = each.partition("(")
        types = [given.rpartition("*")[0] for given in body.partition(")")[0].split(", ")]
        names = [f"p{i}" for i in range(len(types))]
        lines += [f"static void *{name}_{kernel};" for name in names]
        given = ", ".join(
            f"({kind}*){name}_{kernel}" for kind, name in zip(types, names, strict=True)
        )
        lines.append(f"static void body_{kernel}() {{ {kernel}({given}); }}")
        parameters = "".join(f", void *{name}" for name in names)
        how = "by_turns" if "over_block" in body else "one_after_the_other"
        kept = " ".join(f"{name}_{kernel} = {name};" for name in names)
        lines.append(
            f"void run_{kernel}(unsigned blocks, unsigned threads{parameters}) "
            f"{{ {kept} body = body_{kernel}; {how}(blocks, threads); }}"
        )
    lines.append("}")
    source = folder / f"kernels_{len([*folder.iterdir()])}.cpp"
    source.write_text("\n".join(lines))
    library = source.with_suffix(".so")
    command = [COMPILER, "-O0", "-w", "-shared", "-fPIC", "-o", str(library), str(source)]
    made = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert made.returncode == 0, made.stderr[:3000]
    return ctypes.CDLL(str(library))


class CheckedBackend(NumPyBackend):
    """NumPy, every epoch as launches on a checking device."""

    def __init__(self, device):
        numpy = device.backend
        super().__init__("numpy", numpy.xp, numpy.device)
        self.checking = device

    def epoch(self, step, state, epoch, compiled):
        steps = LaunchedSteps.of(step, state, compiled, self.checking)
        return self.run(steps, step, state, epoch, compiled)
