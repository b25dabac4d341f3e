"""Numba: NumPy arrays on the CPU, and an epoch as one compiled function.

The recorded step is written out as the source of one Python function, which Numba compiles as soon
as that pays; what it compiled is kept on disk. Until then, and where a step cannot be compiled, it
runs as on NumPy.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import array_api_compat.numpy as xp
import numpy as np

from ..errors import InvalidArgument, NotRecordable
from ..installing import install_line
from ..namespace import Array
from ..programs.steps import DATA, state_names
from .base import Backend, Epoch, State, Step, waits, warn_once
from .numba_source import Source, dtype_names, source_of
from .numpy_calls import fixed_values
from .on_numpy import NumPyBackend
from .recorded import RecordedStep, RecordedSteps

#: Seconds that compiling takes for each call of a program.
BUDGET = 0.025
#: Seconds that a compiled step saves for each call, and for each number that is computed.
PER_CALL, PER_NUMBER = 4e-7, 4e-11

_ARGUMENTS = "constants, counts, X, Y, weight, order, rates, keys, first, last, costs"

_HEADER = '''"""Written by agnostic_nn: an epoch of training steps, for Numba to compile."""

import numba
import numpy as np

from agnostic_nn.backends.numba_functions import *


@numba.njit(cache={cache}, error_model="numpy", fastmath={{"contract"}}, nogil=True)
def {name}({arguments}):
'''


class NumbaBackend(NumPyBackend):
    """NumPy arrays on the CPU, an epoch compiled by Numba."""

    install = install_line("fast")

    @classmethod
    def open(cls, device: str) -> Backend:
        """Return the backend; Numba's products need SciPy."""
        if device not in ("", "cpu"):
            raise InvalidArgument(f"backend='numba:{device}': Numba runs on the CPU alone.")
        if find_spec("scipy") is None:
            raise ImportError("scipy is not installed, which Numba's matrix products need")
        return cls("numba", xp, "cpu")

    def epoch(
        self, step: Step, state: State, epoch: Epoch, compiled: dict[Any, Any]
    ) -> tuple[State, float]:
        """Run the whole batches in the compiled function, and what is left as on NumPy."""
        steps = CompiledSteps.of(step, state, compiled)
        found = self.run(steps, step, state, epoch, compiled)
        if steps.refusal is not None:
            warn_once(
                f"the training step is not compiled, and runs as on NumPy: {steps.refusal}.",
                compiled,
            )
        return found


class CompiledSteps(RecordedSteps):
    """The steps of one training: whole batches compiled once that pays, all else recorded.

    Attributes
    ----------
    refusal : NotRecordable or None
        Why they are not compiled, once that is known.
    """

    refusal: NotRecordable | None = None
    _compiling = False

    def for_sizes(self, sizes: Sequence[int], epoch: Epoch) -> dict[int, RecordedStep]:
        """Return the step for each of these sizes; see `RecordedSteps`."""
        steps = super().for_sizes(sizes, epoch)
        whole = steps[sizes[0]]
        if self.refusal is None and not isinstance(whole, CompiledStep) and _pays(whole, epoch):
            self._forget(whole)
            steps = super().for_sizes(sizes, epoch)
        return steps

    def _recorded(self, epoch: Epoch, i: int, size: int) -> RecordedStep:
        """Return the step compiled where that pays, and recorded where it cannot be trusted."""
        self._compiling = False
        try:
            return super()._recorded(epoch, i, size)
        except NotRecordable as reason:
            if not self._compiling:
                raise
            self.refusal = NotRecordable(str(reason))
            return super()._recorded(epoch, i, size)

    def _made(self, step: Step, state: State, epoch: Epoch, size: int) -> RecordedStep:
        recorded = super()._made(step, state, epoch, size)
        whole = size == min(epoch.batch_size, epoch.examples)
        if self.refusal is not None or not whole or not _pays(recorded, epoch):
            return recorded
        self._compiling = True
        return CompiledStep(step, state, epoch, size)


def pays_after(calls: int, numbers: int) -> float:
    """Return in how many steps of so many calls compiled ones save what compiling takes.

    Counted and not measured, so that the same training is always computed in the same way.
    """
    return BUDGET * calls / (PER_CALL * calls + PER_NUMBER * numbers)


def _pays(recorded: RecordedStep, epoch: Epoch) -> bool:
    """Whether a compiled step would have saved by now what compiling takes; always `at_once`."""
    return not waits() or epoch.done + len(epoch.rates) >= pays_after(*recorded.work)


class CompiledStep(RecordedStep):
    """A training step on minibatches of one size, as a function that runs many of them."""

    def _prepare(self, epoch: Epoch) -> None:
        names = [n for n, x in zip(DATA, self._batch, strict=False) if x is not None]
        try:
            self._compile(epoch, names)
        except NotRecordable:
            raise
        except Exception as error:  # whatever a compiler can raise
            reason = (str(error).strip() or type(error).__name__).splitlines()[-1]
            raise NotRecordable(f"Numba does not take it ({reason})") from error

    def _compile(self, epoch: Epoch, names: Sequence[str]) -> None:
        source = source_of(self.program, names)
        self._memory = {name: _aligned(size, name) for name, size in source.sizes.items()}
        self._homes = {
            name: self._memory[array][begin : begin + size]
            for name, (array, begin, size) in source.places.items()
        }
        self._constants, self._counts = np.asarray(source.constants), np.asarray(source.counts)
        for (array, begin, size), given in fixed_values(source.fixed, source.once):
            self._memory[array][begin : begin + size] = given
        self.cost = np.zeros((), self._state[0].dtype)
        self._function = compiled(source)
        self.run(epoch, 0, 0)  # no step, but compiled

    def __call__(self, epoch: Epoch, i: int) -> Array:
        """Run minibatch i, and return the cost."""
        self.cost[...] = self.run(epoch, i, i + 1)[0]
        return self.cost

    def run(self, epoch: Epoch, first: int, last: int) -> Array:
        """Run the minibatches from `first` to before `last`, and return their costs."""
        names = state_names(len(self._state))
        for name, array in zip(names, self._state, strict=True):
            self._homes[name][...] = array.reshape(-1)
        costs = np.zeros(last)
        nothing = np.zeros((1, 1), self._state[0].dtype)
        data = [*epoch.data, None, None][:3]
        order = np.arange(epoch.examples) if epoch.order is None else epoch.order
        self._function(
            *(self._memory[name] for name in dtype_names()),
            self._constants,
            self._counts,
            *(nothing if x is None else x for x in data),
            order,
            np.asarray(epoch.rates, self._state[0].dtype),
            epoch.keys,
            first,
            last,
            costs,
        )
        for name, array in zip(names, self._state, strict=True):
            array[...] = self._homes[name].reshape(array.shape)
        return costs[first:]


def _aligned(size: int, dtype: str) -> Array:
    """Return zeros that begin where a line of the cache does."""
    memory = np.zeros(size + 64, dtype)
    start = -memory.ctypes.data % 64 // memory.itemsize
    return memory[start : start + size]


def compiled(source: Source) -> Callable[..., None]:
    """Return the function of a source: what was compiled before is read from disk."""
    arguments = ", ".join([*(f"{name}s" for name in dtype_names()), _ARGUMENTS])
    body = "\n".join(f"    {line}" for line in source.text.splitlines())
    name = _name(body)
    if name in sys.modules:
        return getattr(sys.modules[name], name)  # type: ignore[no-any-return]
    with contextlib.suppress(OSError):
        text = _HEADER.format(cache=True, name=name, arguments=arguments) + body + "\n"
        path = _written(name, text)
        specification = importlib.util.spec_from_file_location(name, path)
        assert specification is not None
        assert specification.loader is not None
        module = importlib.util.module_from_spec(specification)
        specification.loader.exec_module(module)
        sys.modules[name] = module
        return getattr(module, name)  # type: ignore[no-any-return]
    text = _HEADER.format(cache=False, name=name, arguments=arguments) + body + "\n"
    namespace: dict[str, Any] = {"__name__": name}
    exec(text, namespace)  # no folder to keep it in
    return namespace[name]  # type: ignore[no-any-return]


def _name(body: str) -> str:
    """Return a name that no other function has, which would confuse Numba's cache.

    It hangs on the functions that are called as well: what is compiled has them inside.
    """
    called = Path(__file__).with_name("numba_functions.py").read_bytes()
    return f"epoch_{hashlib.sha256(body.encode() + called).hexdigest()[:24]}"


def _written(name: str, text: str) -> Path:
    """Write a source where its compiled form will lie, unless it is there."""
    folder = cache_folder()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / f"{name}.py"
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        with tempfile.NamedTemporaryFile(
            "w", dir=folder, suffix=".tmp", delete=False, encoding="utf-8"
        ) as file:
            file.write(text)
        Path(file.name).replace(path)
    return path


def cache_folder() -> Path:
    """Return the user's own folder for what can be made again."""
    home = os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA")
    return Path(home or Path.home() / ".cache") / "agnostic_nn" / "numba"
