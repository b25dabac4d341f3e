"""What a backend answers: where arrays live, and how an epoch of training steps runs best."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import array_api_compat
import numpy as np

from ..errors import InvalidArgument, NotRecordable, RecordingWarning, shown, unknown_name
from ..namespace import Array, Namespace

#: Floating-point types that theta may have, where a backend has them.
DTYPES = ("float32", "float64", "float16", "bfloat16")

#: theta and the optimizer's vectors.
State = tuple[Array, ...]

#: X, Y and the weights of the examples, or None for them; one example per row.
Rows = Sequence[Array | None]

#: ``(state, batch, rates, key, xp) -> (state, cost)``: one pure training step on a minibatch of
#: rows, with the numbers that change from step to step, and an int32 array, of shape (2,)
#: or longer, that everything random in it is drawn from.
Step = Callable[..., tuple[State, Array]]

#: ``(held, rows, xp) -> arrays by name``: what a network that holds these arrays makes of a chunk
#: of rows, purely. Two that are equal are the same.
Prediction = Callable[..., dict[str, Array]]


@dataclass(frozen=True)
class Epoch:
    """One pass over the examples: the minibatches, and what changes from one to the next.

    Attributes
    ----------
    data : sequence of (array or None)
        X, Y and the weights, one example per row.
    order : int array of the host, or None
        The rows to visit, in this order; None for all as they stand.
    batch_size : int
        Rows per step; the last step takes what is left.
    rates : sequence of tuples of float
        The numbers that change with the step, one tuple a step.
    keys : int32 array of the host, shape (n_steps, 2)
        What each step's random numbers are drawn from.
    done : int
        Steps of this training before these.
    """

    data: Rows
    order: np.ndarray[Any, Any] | None
    batch_size: int
    rates: Sequence[tuple[float, ...]]
    keys: np.ndarray[Any, Any]
    done: int = 0

    @property
    def examples(self) -> int:
        """How many examples are visited."""
        return _examples(self.data, self.order)


def _examples(data: Rows, order: np.ndarray[Any, Any] | None) -> int:
    assert data[0] is not None
    return int(data[0].shape[0]) if order is None else len(order)


@dataclass(frozen=True)
class Availability:
    """Whether a backend can be used here, and if not, why not and what to install."""

    name: str
    version: str | None = None
    usable: bool = False
    device: str = ""
    memory: int | None = None
    reason: str = ""
    install: str = ""


class Backend:
    """Base of the backends; all of it holds for a library that needs nothing special.

    Attributes
    ----------
    name : str
        What `get_backend` knows it by, with the device: "numpy", "cupy:1", "torch:cuda".
    xp : namespace
        Its functions, as array-api-compat gives them.
    device : object
        Where its arrays live, in the library's own terms; None where there is one place only.
    """

    #: The line that installs what the backend needs.
    install = ""
    #: The module it needs, where that has another name than the backend.
    library = ""
    #: About how many numbers a prediction computes a layer at once: they stay in the caches.
    chunk = 2**19

    def __init__(self, name: str, xp: Namespace, device: Any = None) -> None:
        self.name = name
        self.xp = xp
        self.device = device

    def __repr__(self) -> str:
        return f"<backend {self.name}>"

    def __reduce__(self) -> tuple[Any, ...]:
        from . import get_backend  # the registry stands above its entries

        return get_backend, (self.name,)

    # Is it usable, and if not, why

    @classmethod
    def open(cls, device: str) -> Backend:
        """Return the backend on that device ("" for the default); raise if it cannot be had."""
        raise NotImplementedError

    @classmethod
    def device_of(cls, array: Array) -> str:
        """Return the device of this library's array as `open` takes it; "" for the default."""
        del array
        return ""

    def describe(self) -> tuple[str, int | None]:
        """Return the device in words, and its memory in bytes where that is known."""
        return "CPU", None

    def probe(self) -> None:
        """Run a small product and an elementwise kernel; raise what goes wrong."""
        ones = self.asarray(np.ones((2, 2)), self.dtype("float32"))
        if not np.all(self.to_numpy(self.xp.exp(ones @ ones - 2.0)) == 1.0):
            raise RuntimeError("a small product came out wrong")

    # In and out

    def dtype(self, name: str) -> Any:
        """Return the library's floating-point type of that name."""
        given, name = name, _name_of(name)
        if name not in DTYPES:
            raise unknown_name("dtype", given, DTYPES)
        if not hasattr(self.xp, name):
            raise InvalidArgument(f"dtype={name!r} does not exist in the backend {self.name!r}.")
        return getattr(self.xp, name)

    def owns(self, array: Any) -> bool:
        """Whether `array` belongs to this backend's library."""
        return bool(
            array_api_compat.is_array_api_obj(array)
            and array_api_compat.array_namespace(array) is self.xp
        )

    def asarray(self, values: Any, dtype: Any = None) -> Array:
        """Return `values`, from the host or already here, as an array on this device."""
        return self.xp.asarray(values, dtype=dtype, device=self.device)

    def hold(self, values: Any, dtype: Any) -> Array:
        """Return data to train on or predict from; `batches` gives it the dtype at the latest."""
        return self.asarray(values, dtype)

    def to_numpy(self, array: Array) -> np.ndarray[Any, Any]:
        """Copy an array to the host."""
        return np.asarray(array)

    def synchronize(self) -> None:
        """Wait until everything that was started is done."""

    def ran_out_of_memory(self, error: BaseException) -> bool:
        """Whether that is what an error says."""
        return isinstance(error, MemoryError)

    # Running

    def epoch(
        self, step: Step, state: State, epoch: Epoch, compiled: dict[Any, Any]
    ) -> tuple[State, float]:
        """Run a step for every minibatch, and read the mean cost once at the end.

        Parameters
        ----------
        step : callable
            The training step.
        state : tuple of arrays
            theta and the optimizer's vectors; may be changed in place.
        epoch : Epoch
            The minibatches, and what changes from one to the next.
        compiled : dict
            Kept from epoch to epoch, for whatever a backend prepares for these very arrays.

        Returns
        -------
        state : tuple of arrays
        cost : float
            The mean over the examples.
        """
        del compiled  # nothing is prepared
        keys = self.asarray(epoch.keys)
        total: Any = 0.0
        batches = self.batches(epoch.data, epoch.order, epoch.batch_size, state[0].dtype, own=True)
        for i, (batch, rates) in enumerate(zip(batches, epoch.rates, strict=True)):
            state, cost = step(state, batch, rates, keys[i, ...], self.xp)
            total = total + cost * (batch[0].shape[0] / epoch.examples)
        return state, float(self.to_numpy(total))

    def predict(
        self,
        prediction: Prediction,
        held: Sequence[Array],
        data: Rows,
        size: int,
        compiled: dict[Any, Any],
    ) -> Iterator[dict[str, Array]]:
        """Yield what a prediction makes of each chunk of rows.

        Parameters
        ----------
        prediction : callable
        held : sequence of arrays
            What the network holds; nothing is written to.
        data : sequence of (array or None)
            X, and perhaps Y and the weights, one example per row.
        size : int
            Rows of a chunk.
        compiled : dict
            Kept from call to call, for whatever a backend prepares.
        """
        del compiled  # nothing is prepared
        for rows in self.batches(data, None, size, held[0].dtype, own=True):
            yield prediction(held, rows, self.xp)

    def batches(
        self,
        data: Rows,
        order: np.ndarray[Any, Any] | None,
        batch_size: int,
        dtype: Any,
        *,
        own: bool = False,
    ) -> Iterator[list[Array]]:
        """Yield each minibatch in `dtype`: gathered by `order`, or views; None stays None.

        `own` ones have memory of their own, so that who writes to them writes to no data.
        """
        n = _examples(data, order)
        rows = None if order is None else self.asarray(order)
        for start in range(0, n, batch_size):
            stop = min(start + batch_size, n)
            yield [self._rows(array, rows, start, stop, dtype, own) for array in data]

    def _rows(
        self, array: Array | None, order: Array | None, start: int, stop: int, dtype: Any, own: bool
    ) -> Array | None:
        if array is None:
            return None
        if order is not None:
            rows = self.xp.take(array, order[start:stop], axis=0)
        else:
            rows = array[start:stop, ...]
            if own and rows.dtype == dtype:
                return self.xp.asarray(rows, copy=True)
        return rows if rows.dtype == dtype else self.xp.astype(rows, dtype)


_AT_ONCE: ContextVar[bool] = ContextVar("at once", default=False)


@contextmanager
def at_once() -> Iterator[None]:
    """Within it, what is compiled only where that pays is compiled from the first step on.

    So whoever compares backends compares what a long training is computed with: parity and the
    fixtures of tests do.

    Examples
    --------
    >>> with at_once():
    ...     waits()
    False
    """
    token = _AT_ONCE.set(True)
    try:
        yield
    finally:
        _AT_ONCE.reset(token)


def waits() -> bool:
    """Whether to compile only where that pays; not so within `at_once`."""
    return not _AT_ONCE.get()


def warn_once(message: str, compiled: dict[Any, Any]) -> None:
    """Say why steps run slower than they might, unless that was said."""
    said = compiled.setdefault("said", set())
    if message not in said:
        said.add(message)
        warnings.warn(message, RecordingWarning, stacklevel=6)


def as_it_stands(reason: NotRecordable) -> str:
    """Return what to say of a step that cannot be recorded."""
    return (
        "the training step runs as it stands, which is slower, for it cannot be recorded: "
        f"{reason}."
    )


def _name_of(dtype: Any) -> str:
    """Return the name in "float32", `torch.float32`, `numpy.float32` or a NumPy dtype."""
    names = (dtype, *(getattr(dtype, attribute, None) for attribute in ("name", "__name__")))
    text = next((name for name in names if isinstance(name, str)), shown(dtype))
    return text.rsplit(".", 1)[-1]
