"""Where arrays live: NumPy, CuPy or any other library of the Array API standard, by name.

This folder is the only one that names an array library. A backend knows no mathematics.
"""

from __future__ import annotations

import functools
import importlib
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from importlib.util import find_spec
from typing import Any

import array_api_compat

from ..errors import AgnosticNNError, BackendUnavailable, InvalidArgument, unknown_name
from ..namespace import Array
from .base import Availability, Backend

__all__ = [
    "BACKENDS",
    "Availability",
    "Backend",
    "availability",
    "available_backends",
    "backend_of",
    "get_backend",
    "move",
    "to_host",
    "use_backend",
]

#: Every backend by its library's name: the module and the class that know it. A new one is a file
#: and a line here; a module of another package has its full name.
BACKENDS: dict[str, tuple[str, str]] = {
    "numpy": (".on_numpy", "NumPyBackend"),
    "numba": (".on_numba", "NumbaBackend"),
    "cupy": (".on_cupy", "CuPyBackend"),
    "cuda": (".on_cuda", "CUDABackend"),
    "torch": (".on_torch", "TorchBackend"),
    "jax": (".on_jax", "JAXBackend"),
    "array_api_strict": (".on_strict", "StrictBackend"),
}

#: What "auto" looks for, in this order; not for "cuda", as long as it has not run on a GPU.
AUTOMATIC = ("cupy", "numba", "numpy")

#: The environment variable that names a backend for a whole process.
VARIABLE = "AGNOSTIC_NN_BACKEND"

_in_use: ContextVar[str | None] = ContextVar("backend in use", default=None)


def get_backend(name: str | Backend | None = None) -> Backend:
    """Return the backend of that name, ready to use.

    Parameters
    ----------
    name : str, Backend or None
        "numpy", "numba", "cupy", "cuda", "torch", "jax" or "array_api_strict", with a device behind
        a colon where the library has several: "cupy:1", "torch:cuda". "auto" is CuPy where a GPU
        is usable, else Numba where it is installed, and NumPy otherwise. None is what
        `use_backend` or the environment variable AGNOSTIC_NN_BACKEND says, and NumPy where
        neither does.

    Returns
    -------
    Backend

    Raises
    ------
    InvalidArgument
        If there is no backend or device of that name.
    BackendUnavailable
        If it cannot be used here; the message says why and what to install.

    Examples
    --------
    >>> get_backend("numpy")
    <backend numpy>
    """
    if isinstance(name, Backend):
        return name
    if name is None:
        name = chosen_backend() or "numpy"
    if not isinstance(name, str):
        raise unknown_name("backend", name, (*BACKENDS, "auto"))
    if name == "auto":
        for name in AUTOMATIC:
            with suppress(BackendUnavailable):
                return get_backend(name)
    return _open(name)


def chosen_backend() -> str | None:
    """Return the name that `use_backend` or the environment gives; None where neither does."""
    return _in_use.get() or os.environ.get(VARIABLE) or None


@contextmanager
def use_backend(name: str | Backend) -> Iterator[Backend]:
    """Make `name` the backend of everything that is made inside, where nothing else is said.

    Parameters
    ----------
    name : str or Backend
        As for `get_backend`.

    Yields
    ------
    Backend

    Examples
    --------
    >>> with use_backend("numpy") as backend:
    ...     get_backend() is backend
    True
    """
    backend = get_backend(name)
    token = _in_use.set(backend.name)
    try:
        yield backend
    finally:
        _in_use.reset(token)


def available_backends() -> dict[str, Availability]:
    """Return what is installed, what is usable, and why not, for every backend by name.

    A backend counts as usable when a small product and an elementwise kernel ran on it.

    Returns
    -------
    dict of str to Availability

    Examples
    --------
    >>> available_backends()["numpy"].usable
    True
    """
    return {name: availability(name) for name in BACKENDS}


def backend_of(array: Any) -> Backend | None:
    """Return the backend an array belongs to; None for lists, DataFrames and other host data."""
    if not array_api_compat.is_array_api_obj(array):
        return None
    library = array_api_compat.array_namespace(array).__name__.split(".")
    for name in library:  # of "array_api_compat.torch" the second part, of "jax.numpy" the first
        if name in BACKENDS:
            device = _backend_class(name).device_of(array)
            return get_backend(f"{name}:{device}" if device else name)
    return None


def move(array: Any, to: Backend, dtype: Any = None) -> Array:
    """Return any library's array, or host data, as an array of the backend `to`."""
    return to.asarray(to_host(array, unless=to), dtype)


def to_host(array: Any, unless: Backend) -> Any:
    """Return an array as a NumPy array, unless it is of the library of that backend."""
    source = backend_of(array)
    return array if source is None or source.xp is unless.xp else source.to_numpy(array)


def _backend_class(name: str) -> type[Backend]:
    module, kind = BACKENDS[name]
    found: type[Backend] = getattr(importlib.import_module(module, __name__), kind)
    return found


@functools.cache
def _open(name: str) -> Backend:
    called, _, device = name.partition(":")
    if called not in BACKENDS:
        raise unknown_name("backend", called, (*BACKENDS, "auto"))
    backend_class = _backend_class(called)
    library = backend_class.library or called
    if find_spec(library) is None:
        raise BackendUnavailable(
            f"backend={name!r} is not usable: {library} is not installed. "
            f"Install it with: {backend_class.install}"
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("default")  # a warning is no reason, also where it is an error
            backend = backend_class.open(device)
            backend.probe()
    except InvalidArgument:
        raise
    except Exception as error:  # whatever a driver or a compiler can raise
        raise BackendUnavailable(
            f"backend={name!r} is not usable: {library} is installed, but a small computation "
            f"failed ({type(error).__name__}: {_first_line(error)}). "
            f"Install what it needs with: {backend_class.install}"
        ) from error
    return backend


@functools.cache
def availability(name: str) -> Availability:
    """Return whether a backend is installed and usable, and if not, why not."""
    backend_class = _backend_class(name)
    library = backend_class.library or name
    if find_spec(library) is None:
        return Availability(name, reason="not installed", install=backend_class.install)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("default")
            version = str(importlib.import_module(library).__version__)
    except Exception as error:  # a library may be installed and yet not be importable
        return Availability(name, reason=_first_line(error), install=backend_class.install)
    try:
        device, memory = get_backend(name).describe()
    except AgnosticNNError as error:
        reason = _first_line(error.__cause__ or error)
        return Availability(name, version, reason=reason, install=backend_class.install)
    return Availability(name, version, True, device, memory)


def _first_line(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]
