"""Scores that people read: how often a prediction is right, how much of the variance it explains.

Like the losses they take predictions A and targets Y, but one example per row, (n_samples, n).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from .namespace import Array, Namespace, agnostic


class Metric(NamedTuple):
    """A score and what it is called."""

    name: str
    function: Callable[..., Array]

    def __call__(self, A: Array, Y: Array, *, xp: Namespace) -> Array:
        """Return the score, larger is better."""
        return self.function(A, Y, xp=xp)


@agnostic
def accuracy(A: Array, Y: Array, *, xp: Namespace = None) -> Array:
    """Return the share of examples whose most probable class is the right one.

    Examples
    --------
    >>> import numpy as np
    >>> Y = np.asarray([[1.0, 0.0], [0.0, 1.0]])
    >>> float(accuracy(np.asarray([[0.9, 0.1], [0.6, 0.4]]), Y))
    0.5
    """
    right = xp.argmax(A, axis=1) == xp.argmax(Y, axis=1)
    return xp.mean(xp.astype(right, A.dtype))


@agnostic
def binary_accuracy(A: Array, Y: Array, *, xp: Namespace = None) -> Array:
    """Return the share of outputs on the right side of 1/2.

    Examples
    --------
    >>> import numpy as np
    >>> float(binary_accuracy(np.asarray([[0.9], [0.6]]), np.asarray([[1.0], [0.0]])))
    0.5
    """
    return xp.mean(xp.astype((A >= 0.5) == (Y >= 0.5), A.dtype))


@agnostic
def r2_score(A: Array, Y: Array, *, xp: Namespace = None) -> Array:
    """Return R^2, the share of the variance explained, the mean over the outputs.

    Examples
    --------
    >>> import numpy as np
    >>> Y = np.asarray([[1.0], [2.0], [3.0]])
    >>> float(r2_score(Y, Y)), float(r2_score(0.0 * Y + 2.0, Y))
    (1.0, 0.0)
    """
    dtype = A.dtype
    if xp.finfo(dtype).bits < 32:  # whose sums end at 65504, or have three digits
        A, Y = xp.astype(A, xp.float32), xp.astype(Y, xp.float32)
    left, whole = _norm(Y - A, xp), _norm(Y - xp.mean(Y, axis=0, keepdims=True), xp)
    flat = whole == 0.0  # a constant target: 1 where it is met, else 0, as scikit-learn has it
    share = 1.0 - (left / xp.where(flat, xp.ones_like(whole), whole)) ** 2
    score = xp.mean(xp.where(flat, xp.astype(left == 0.0, share.dtype), share))
    return xp.astype(score, dtype)


def _norm(x: Array, xp: Namespace) -> Array:
    """Return the Euclidean norm of each column, by way of the largest, whose square overflows."""
    largest = xp.max(xp.abs(x), axis=0)
    unit = xp.where(largest > 0.0, largest, xp.ones_like(largest))
    return unit * xp.sqrt(xp.sum((x / unit) ** 2, axis=0))


#: The score that goes with a loss; R^2 with every other.
_METRICS = {
    "binary_cross_entropy": Metric("accuracy", binary_accuracy),
    "categorical_cross_entropy": Metric("accuracy", accuracy),
}


def metric_for(loss: str) -> Metric:
    """Return the score that goes with a loss of that name."""
    return _METRICS.get(loss, Metric("R2", r2_score))
