"""Rows at the border: what a user hands over becomes arrays of a backend, checked."""

from __future__ import annotations

from typing import Any

import numpy as np

from .backends import Backend, backend_of, get_backend, host, to_host
from .errors import InvalidArgument
from .namespace import Array

#: About how many numbers are looked at, or computed a layer, at once: they stay in the caches.
CHUNK = 2**19


def read_rows(
    name: str, values: Any, width: int, backend: Backend, dtype: Any, *, of: Any
) -> Array:
    """Return `values` as rows of the given width on a backend, finite numbers in a dtype.

    Parameters
    ----------
    name : str
        Of the argument, for the messages.
    values : array-like
        One example per row; one number per example may come without its second axis.
    width : int
        How many numbers an example has.
    backend : Backend
        Where the rows are to be.
    dtype : dtype
        Of that backend.
    of : object
        The network they are for, for the messages.
    """
    check_unmasked(name, values)
    try:
        source = values if backend_of(values) is not None else np.asarray(values)
        if str(source.dtype) in ("object", "str") or str(source.dtype).startswith("<U"):
            source = source.astype("float64")
        if any(kind in str(source.dtype) for kind in ("complex", "datetime", "timedelta")):
            raise TypeError(f"they are {source.dtype}")
        array = backend.hold(to_host(source, unless=backend), dtype)
    except (TypeError, ValueError, OverflowError) as error:
        reason = str(error).splitlines()[0]
        raise InvalidArgument(f"{name} cannot be read as numbers: {reason}.") from error
    if array.ndim == 1 and (width == 1 and name != "X"):
        array = backend.xp.reshape(array, (-1, 1))
    if array.ndim != 2 or array.shape[1] != width:
        raise InvalidArgument(
            f"{name} has shape {tuple(array.shape)}, wanted (n_samples, {width}): "
            f"one example per row for {of!r}."
        )
    if array.shape[0] == 0:
        raise InvalidArgument(f"{name} has no rows: wanted at least one example.")
    _check_finite(name, array, backend, dtype)
    return array


def one_hot(Y: Any, classes: int, *, of: Any) -> Any:
    """Return labels, one whole number from 0 on for each example, as one-hot rows.

    What has a number for each class in a row is returned as it is.
    """
    check_unmasked("Y", Y)
    source = Y if backend_of(Y) is not None else np.asarray(Y)
    if not (source.ndim == 1 or (source.ndim == 2 and source.shape[1] == 1)):
        return Y
    labels = np.asarray(to_host(source, unless=get_backend("numpy"))).reshape(-1)
    found = host.one_hot(labels, classes)
    wrong = (found.sum(axis=1) != 1).nonzero()[0]
    if len(wrong):
        raise InvalidArgument(
            f"Y holds {labels[wrong[0]].item()!r} at row {wrong[0]}: wanted labels from 0 to "
            f"{classes - 1}, or one-hot rows (n_samples, {classes}), for {of!r}."
        )
    return found


def read_weights(sample_weight: Any, *, of: Any) -> Any:
    """Return weights (n, 1) on the host in float64: it is their proportions that matter."""
    on = get_backend("numpy")
    return read_rows("sample_weight", sample_weight, 1, on, on.dtype("float64"), of=of)


def scale_weights(weights: Any, dtype: str, among: Any = None, where: str = "") -> Any:
    """Return weights that `read_weights` returned, scaled to a mean of 1, which `dtype` can hold.

    Where `among` numbers some of the rows, the mean is theirs; `where` says which they are.
    """
    counted = weights if among is None else weights[among]
    if bool((weights < 0.0).any()) or not bool((counted > 0.0).any()):
        raise InvalidArgument(f"sample_weight: wanted weights at least 0 and not all 0{where}.")
    if not host.fits(host.with_mean_one(counted, counted), dtype):
        raise InvalidArgument(
            f"sample_weight: scaled to a mean of 1{where} it is more than {dtype} holds."
        )
    return host.with_mean_one(weights, counted)


def check_unmasked(name: str, values: Any) -> None:
    """Refuse what has holes: as an array like any other it would show what lies beneath them."""
    if host.is_masked(values):
        raise InvalidArgument(
            f"{name} has masked entries: wanted all numbers there; fill them in, or leave their "
            "rows out."
        )


def is_finite(array: Array, backend: Backend) -> bool:
    """Whether an array of the backend holds neither NaN nor infinity."""
    return bool(backend.to_numpy(backend.xp.all(backend.xp.isfinite(array))))


def _check_finite(name: str, array: Array, backend: Backend, dtype: Any) -> None:
    """Raise if rows hold NaN or infinity, and say where the first one is."""
    xp, start = backend.xp, 0
    for (rows,) in backend.batches((array,), None, max(1, CHUNK // array.shape[1]), dtype):
        finite = xp.isfinite(rows)
        if not bool(backend.to_numpy(xp.all(finite))):
            row, column = (int(places[0]) for places in (~backend.to_numpy(finite)).nonzero())
            value = float(backend.to_numpy(rows[row, column]))
            raise InvalidArgument(
                f"{name} holds {value} at row {start + row}, column {column}: "
                "wanted finite numbers."
            )
        start += rows.shape[0]
