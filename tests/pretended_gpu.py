"""A GPU that is none: what CuPy's streams and events promise, and not a bit more.

What is started on a stream happens as late as it may, or as early: `lazy` names the streams that
do nothing before somebody waits for them. So a copy that is not waited for has not happened yet
when its target is read, and memory that is handed on too early is overwritten.
"""

from __future__ import annotations

import sys
import threading
from contextlib import nullcontext
from types import SimpleNamespace

import numpy as np


class Stream:
    def __init__(self, lazy):
        self._lazy, self._queue = lazy, []
        self._lock = threading.RLock()

    def start(self, work):
        """Queue what returns whether it was possible; it may have to wait for another stream."""
        with self._lock:
            self._queue.append(work)
            if not self._lazy:
                self.go_on(force=False)

    def go_on(self, *, force, until=lambda: False):
        with self._lock:
            while self._queue and not until():
                if not self._queue[0](force):
                    return
                self._queue.pop(0)

    def wait_event(self, event):
        wanted = event.recorded

        def wait(force):
            if force:
                event.reach(wanted)
            return event.reached >= wanted

        self.start(wait)

    def synchronize(self):
        self.go_on(force=True)


class Event:
    def __init__(self, disable_timing):
        assert disable_timing  # or else it is slow
        self.recorded = self.reached = 0
        self._stream = None

    def record(self, stream):
        self.recorded += 1
        number, self._stream = self.recorded, stream

        def record(force):
            self.reached = number
            return True

        stream.start(record)

    def reach(self, number):
        if self.reached < number:
            self._stream.go_on(force=True, until=lambda: self.reached >= number)

    def synchronize(self):
        self.reach(self.recorded)


class Memory:
    """Memory of the device; `host` is what the tests may look at."""

    def __init__(self, host):
        self.host, self.dtype, self.shape = host, host.dtype, host.shape

    def __getitem__(self, rows):
        return Memory(self.host[rows])

    def set(self, host, stream):
        assert host.flags.c_contiguous
        assert (host.shape, host.dtype) == (self.shape, self.dtype)

        def copy(force):
            self.host[...] = host
            return True

        stream.start(copy)


class PretendedGPU:
    """Stands in for `cupy` and `cupyx`; `read` is what a step does with a minibatch.

    Parameters
    ----------
    lazy : set of str
        Of "copying", "computing".
    """

    def __init__(self, monkeypatch, lazy):
        self.computing = Stream("computing" in lazy)
        cuda = SimpleNamespace(
            Event=Event,
            Stream=lambda non_blocking: Stream("copying" in lazy and non_blocking),
            get_current_stream=lambda: self.computing,
        )
        cupy = SimpleNamespace(cuda=cuda, empty=self._empty)
        monkeypatch.setitem(sys.modules, "cupy", cupy)
        monkeypatch.setitem(sys.modules, "cupyx", SimpleNamespace(empty_pinned=np.empty))
        self.device = nullcontext()

    def _empty(self, shape, dtype):
        """Memory that a kernel still writes to, which was started before it became free."""
        memory = Memory(np.zeros(shape, dtype))

        def kernel(force):
            memory.host[...] = -1.0
            return True

        self.computing.start(kernel)
        return memory

    def read(self, array, into):
        """Start a kernel that reads an array, some time."""

        def kernel(force):
            into.append(array.host.copy())
            return True

        self.computing.start(kernel)
