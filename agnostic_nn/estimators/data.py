"""Data at the border: what a user hands over, checked, on the host or where its library keeps it.

scikit-learn's validators look after NumPy arrays, lists, DataFrames and sparse matrices. Arrays of
other libraries stay where they are; the network itself checks their values.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse
from sklearn.model_selection import train_test_split
from sklearn.utils import check_array, check_consistent_length
from sklearn.utils.validation import _check_sample_weight, validate_data

from ..backends import Backend, backend_of, get_backend, host
from ..errors import InvalidArgument
from ..rows import check_unmasked

#: Features in either of these stay as they are; of all else NumPy makes the first.
DTYPES = ("float64", "float32")


def library_of(values: Any) -> Backend:
    """Return the backend that an array belongs to; NumPy for lists, DataFrames, sparse matrices."""
    return backend_of(values) or get_backend("numpy")


def as_numpy(values: Any) -> Any:
    """Return an array of any library as a NumPy array, everything else as it is."""
    library = backend_of(values)
    return values if library is None else library.to_numpy(values)


def check_features(estimator: Any, X: Any, *, reset: bool) -> Any:
    """Return X as a dense array of NumPy, or as it is where it belongs to another library."""
    check_unmasked("X", X)
    if library_of(X).name == "numpy":
        X = validate_data(
            estimator, X, accept_sparse=["csr", "csc"], dtype=list(DTYPES), reset=reset
        )
        return X.toarray() if sparse.issparse(X) else X
    if X.ndim != 2:
        raise InvalidArgument(
            f"X has shape {tuple(X.shape)}, wanted (n_samples, n_features): reshape one feature "
            "with (-1, 1), one example with (1, -1)."
        )
    return validate_data(estimator, X, reset=reset, skip_check_array=True)


def check_targets(estimator: Any, X: Any, y: Any, *, numeric: bool) -> Any:
    """Return y as it is where it belongs to the library of X, else checked and on the host."""
    if y is None:
        raise InvalidArgument(
            f"{type(estimator).__name__} requires y to be passed, but the target y is None."
        )
    check_unmasked("y", y)
    library = library_of(X)
    if not numeric or library.name == "numpy" or library_of(y).xp is not library.xp:
        y = check_array(
            as_numpy(y), accept_sparse="csr", ensure_2d=False, dtype=None, input_name="y",
            estimator=estimator,
        )  # fmt: skip
        if numeric and y.dtype.kind == "O":
            y = y.astype("float64")
    check_consistent_length(X, y)
    return y


def class_columns(y: Any, classes: Any) -> Any:
    """Return a column for each class with 1 where y is that class; of two classes the second's.

    It is what `LabelBinarizer` returns, which checks labels once more and takes longer than some
    epochs: y is one label an example, and each of them is known.
    """
    places = np.searchsorted(classes, y)
    return host.one_hot(places, len(classes)) if len(classes) > 2 else places.reshape(-1, 1)


def check_weights(sample_weight: Any, n: int) -> Any:
    """Return weights as a vector of NumPy; None stays None."""
    if sample_weight is None:
        return None
    check_unmasked("sample_weight", sample_weight)
    return _check_sample_weight(as_numpy(sample_weight), np.zeros(n), ensure_non_negative=True)


def dtype_name(dtype: Any, X: Any) -> str:
    """Return the type of the network's numbers: the one asked for, else that of X."""
    name = str(X.dtype if dtype is None else getattr(dtype, "__name__", dtype)).rsplit(".", 1)[-1]
    if dtype is not None or name in DTYPES:
        return name
    return str((X + 0.5).dtype).rsplit(".", 1)[-1] if X.shape[0] else DTYPES[0]


def split(data: tuple[Any, ...], fraction: float, random: Any, stratify: Any) -> tuple[Any, Any]:
    """Return data to train on and data to watch, each (X, Y, weights or None)."""
    rows = train_test_split(
        np.arange(data[0].shape[0]), test_size=fraction, random_state=random, stratify=stratify
    )
    if len(rows[1]) < 2:
        raise InvalidArgument(
            f"validation_fraction={fraction!r} holds {len(rows[1])} of {data[0].shape[0]} "
            "examples out: wanted at least 2. Raise it, or give more data."
        )
    train, held_out = (tuple(_rows(array, chosen) for array in data) for chosen in rows)
    return train, held_out


def _rows(array: Any, chosen: Any) -> Any:
    if array is None:
        return None
    library = library_of(array)
    return library.xp.take(array, library.asarray(chosen), axis=0)
