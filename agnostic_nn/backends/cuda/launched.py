"""Launched steps: a recorded step as launches on a device, repeated without the host in between.

What the device is hides behind `Device`: CuPy's on a GPU, another one in the tests. The host fills
tables before an epoch (the order of the rows, rates, keys), starts step after step, and reads the
costs when all is over.
"""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

import numpy as np

from ...errors import NotRecordable
from ...namespace import Array
from ...programs.intervals import Machine
from ...programs.steps import DATA, state_names
from ..base import Backend, Epoch, Rows, State, Step
from ..numpy_calls import NDArray, fixed_values
from ..recorded import RecordedStep, RecordedSteps
from .launches import Launches
from .source import launches_of


class Device(Protocol):
    """What launched steps need of a device."""

    backend: Backend
    machine: Machine

    def at_work(self) -> AbstractContextManager[Any]:
        """Return what everything is done within: one thing after the other, on this device."""

    def zeros(self, size: int, dtype: str) -> Array:
        """Return an array of one axis that stays where it is."""

    def address(self, array: Array) -> int:
        """Return where the first number of an array of the device lies."""

    def write(self, array: Array, values: Any) -> None:
        """Copy values, of the host or of the device, into an array of the device."""

    def read(self, array: Array) -> NDArray:
        """Return an array on the host, once all that was started is done."""

    def prepare(self, launches: Launches, arrays: Mapping[str, Array]) -> Callable[[], None]:
        """Return what makes a step, with the arrays that the launches name.

        It makes some before it returns, with whatever the arrays hold.
        """

    def release(self) -> None:
        """Give memory back that nobody holds."""


#: Places of data that are remembered on the device, where minibatches come from the host.
KNOWN = 16


class Tables:
    """What changes from step to step and from epoch to epoch, on the device.

    Parameters
    ----------
    device : Device
    epoch : Epoch
        The longest one that there is room for.
    dtype : str
        Of the rates.
    """

    def __init__(self, device: Device, epoch: Epoch, dtype: str) -> None:
        self._device, self._dtype, steps = device, dtype, len(epoch.rates)
        self._kind, self._room = self._kind_of(epoch), (epoch.examples, steps)
        self._at: tuple[int, ...] = ()
        self._known: dict[tuple[int, ...], Array] = {}
        self._written: Callable[[], Epoch | None] = lambda: None
        self.arrays = {
            "data": device.zeros(len(DATA), "int64"),
            "order": device.zeros(epoch.examples, "int64"),
            "rates": device.zeros(steps * len(epoch.rates[0]), dtype),
            "keys": device.zeros(epoch.keys.size, "int32"),
            "step": device.zeros(1, "int64"),
            "costs": device.zeros(steps, "float64"),
        }

    def fits(self, epoch: Epoch) -> bool:
        """Whether an epoch finds room, and its data lie as those before."""
        examples, steps = self._room
        enough = epoch.examples <= examples and len(epoch.rates) <= steps
        return enough and self._kind_of(epoch) == self._kind

    def _kind_of(self, epoch: Epoch) -> tuple[Any, ...]:
        """Return what launches know of an epoch."""
        numbers = (epoch.batch_size, len(epoch.rates[0]), epoch.keys.shape[1])
        return *numbers, *rows_of(epoch, self._device.backend, self._dtype).items()

    def begin(self, epoch: Epoch, first: int) -> None:
        """Write everything there that an epoch needs, from step `first` on."""
        if epoch is not self._written():
            order = np.arange(epoch.examples) if epoch.order is None else epoch.order
            if stays(epoch, self._device.backend):  # what comes is in order, from row 0 on
                order = np.arange(epoch.examples) % epoch.batch_size
            self._write("order", order)
            self._write("rates", np.asarray(epoch.rates, np.float64).reshape(-1))
            self._write("keys", epoch.keys.reshape(-1))
            self._written = weakref.ref(epoch)  # its data are not held longer than need be
        self._write("step", np.asarray([first]))
        self._write("costs", np.full(len(epoch.rates), np.nan))

    def take(self, data: Rows) -> None:
        """Let steps read these arrays from now on; the host waits for nothing."""
        at = tuple(0 if x is None else self._device.address(x) for x in data)
        if at == self._at:
            return
        if at not in self._known:
            if len(self._known) >= KNOWN:
                self._known.clear()
            addresses = self._device.zeros(len(at), "int64")
            self._device.write(addresses, np.asarray(at))
            self._known[at] = addresses  # not before they are there: Ctrl-C may come in between
        self._device.write(self.arrays["data"][: len(at)], self._known[at])
        self._at = at

    def _write(self, name: str, values: NDArray) -> None:
        self._device.write(self.arrays[name][: len(values)], values)

    def end(self, first: int, last: int) -> Array:
        """Return the costs of the steps from `first` to before `last`, once they are done."""
        done = int(self._device.read(self.arrays["step"])[0])
        if done != last:
            raise RuntimeError(f"the GPU has done {done - first} steps of {last - first}.")
        return self._device.read(self.arrays["costs"])[first:last]


class LaunchedSteps(RecordedSteps):
    """The steps of one training on a device."""

    _tables: Tables | None = None

    def __init__(self, step: Step, state: State, device: Device) -> None:
        super().__init__(step, state)
        self._device = device

    def run(self, epoch: Epoch) -> float:
        """Run an epoch; see `RecordedSteps`."""
        with self._device.at_work():
            return super().run(epoch)

    def for_sizes(self, sizes: Sequence[int], epoch: Epoch) -> dict[int, RecordedStep]:
        """Return the step for each of these sizes; see `RecordedSteps`."""
        self._check_whether_to()
        if self._tables is None or not self._tables.fits(epoch):
            self._steps = {}  # they hold the addresses of other tables
            self._tables = Tables(self._device, epoch, str(self._state[0].dtype))
        return super().for_sizes(sizes, epoch)

    def _check_state(self) -> None:
        """The state is copied to where the launches have it."""

    def _check_read(self, read: Sequence[Any]) -> None:
        """What the host reads is not on the device."""

    def _made(self, step: Step, state: State, epoch: Epoch, size: int) -> RecordedStep:
        assert self._tables is not None
        return LaunchedStep(step, state, epoch, size, self._device, self._tables)


class LaunchedStep(RecordedStep):
    """A training step on minibatches of one size, as launches on a device."""

    def __init__(
        self, step: Step, state: State, epoch: Epoch, size: int, device: Device, tables: Tables
    ) -> None:
        self._device, self._tables, self._size = device, tables, size
        self._xp, self._asarray = device.backend.xp, device.backend.asarray
        self._machine = device.machine
        super().__init__(step, state, epoch, size)

    def _prepare(self, epoch: Epoch) -> None:
        device = self._device
        data = rows_of(epoch, device.backend, str(self._state[0].dtype))
        self.launches = launches_of(self.program, data, epoch.batch_size)
        try:
            self._memory = {
                name: device.zeros(size, name) for name, size in self.launches.sizes.items() if size
            }
            for (array, begin, size), given in fixed_values(
                self.launches.fixed, self.launches.once
            ):
                device.write(self._memory[array][begin : begin + size], given)
            self._tables.begin(epoch, 0)
            arrays = {f"{name}s": array for name, array in self._memory.items()}
            for rows in self._rows(epoch, 0, 1):  # which are there as long as steps are made
                self._tables.take(rows)
                self._step = device.prepare(self.launches, arrays | self._tables.arrays)
        except NotRecordable:
            raise
        except Exception as error:  # whatever a driver or a compiler can raise
            if device.backend.ran_out_of_memory(error):
                raise
            reason = (str(error).strip() or type(error).__name__).splitlines()[-1]
            raise NotRecordable(f"the GPU does not take it ({reason})") from error

    def _home(self, name: str) -> Array:
        array, begin, size = self.launches.places[name]
        return self._memory[array][begin : begin + size]

    def __call__(self, epoch: Epoch, i: int) -> Array:
        """Run minibatch i, and return the cost."""
        return self.run(epoch, i, i + 1)[0]

    def run(self, epoch: Epoch, first: int, last: int) -> Array:
        """Run the minibatches from `first` to before `last`, and return their costs."""
        names = state_names(len(self._state))
        for name, array in zip(names, self._state, strict=True):
            self._device.write(self._home(name), array.reshape(-1))
        self._tables.begin(epoch, first)
        for rows in self._rows(epoch, first, last):
            self._tables.take(rows)
            self._step()
        costs = self._tables.end(first, last)
        for name, array in zip(names, self._state, strict=True):
            array[...] = self._home(name).reshape(array.shape)
        return costs

    def _rows(self, epoch: Epoch, first: int, last: int) -> Iterator[Rows]:
        """Yield what each step reads: all data, or what comes from the host for this one."""
        backend, size = self._device.backend, epoch.batch_size
        if stays(epoch, backend):
            order = np.arange(epoch.examples) if epoch.order is None else epoch.order
            chosen = order[first * size : last * size]
            yield from backend.batches(epoch.data, chosen, size, self._state[0].dtype)
        else:
            yield from itertools.repeat(epoch.data, last - first)

    def compare(self, step: Step, epoch: Epoch, i: int) -> None:
        """Hold this against the step as it stands, on minibatch i and on another one.

        What should change from step to step and does not shows on the second.
        """
        others = [len(epoch.rates) - 2] if self._size == epoch.batch_size else []
        try:
            for each in dict.fromkeys([i, *(other for other in others if other > i)]):
                self._compare(step, epoch, each)
        finally:
            self._device.release()  # bounds are large

    def _compare(self, step: Step, epoch: Epoch, i: int) -> None:
        backend, start = self._device.backend, i * epoch.batch_size
        rows = np.arange(start, start + self._size)
        rows = rows if epoch.order is None else epoch.order[rows]
        (batch,) = backend.batches(epoch.data, rows, self._size, self._state[0].dtype, own=True)
        given = dict(zip(DATA, batch, strict=False)) | dict(
            zip(state_names(len(self._state)), self._state, strict=True)
        )
        before = {n: np.array(backend.to_numpy(x)) for n, x in given.items() if x is not None}
        copies = tuple(backend.xp.asarray(array, copy=True) for array in self._state)
        key = backend.asarray(epoch.keys[i])
        plain, cost = step(copies, batch, tuple(epoch.rates[i]), key, backend.xp)
        expected = [np.array(backend.to_numpy(x)) for x in (*plain, cost)]
        try:
            (got,) = self.run(epoch, i, i + 1)
            recorded = [np.array(backend.to_numpy(x)) for x in self._state]
        except Exception as error:
            raise NotRecordable(f"its launches fail: {type(error).__name__}: {error}") from error
        finally:
            for name, array in zip(state_names(len(self._state)), self._state, strict=True):
                array[...] = backend.asarray(before[name])
        recorded.append(np.asarray(got, expected[-1].dtype))
        self._judge(before | {"key": epoch.keys[i]}, epoch.rates[i], recorded, expected)


def stays(epoch: Epoch, backend: Backend) -> bool:
    """Whether data stay on the host, from where they come minibatch by minibatch."""
    return not all(x is None or backend.owns(x) for x in epoch.data)


def rows_of(epoch: Epoch, backend: Backend, dtype: str) -> dict[str, tuple[str, tuple[int, int]]]:
    """Return the dtype of the rows that a step reads, and how far apart their numbers are."""
    data = {name: x for name, x in zip(DATA, epoch.data, strict=False) if x is not None}
    if stays(epoch, backend):  # what comes is of that dtype, and lies close together
        return {name: (dtype, (int(x.shape[1]), 1)) for name, x in data.items()}
    return {name: (str(x.dtype), _strides(x)) for name, x in data.items()}


def _strides(x: Array) -> tuple[int, int]:
    down, along = (int(stride) // int(x.dtype.itemsize) for stride in x.strides)
    return down, along
