"""A linear model on the same inputs: what a network adds is what it has beyond this one."""

from __future__ import annotations

import warnings
from collections.abc import Callable

from ..backends import host
from ..namespace import Array
from .preparation import Preparation

#: With more numbers than this in the inputs times the outputs, some of the rows have to do.
MOST_NUMBERS = 20_000_000


def fit_linear(
    preparation: Preparation, X: Array, Y: Array, weight: Array | None = None, seed: int = 0
) -> tuple[Callable[[Array], Array], int]:
    """Fit scikit-learn's logistic regression, or ridge regression, with its defaults.

    Parameters
    ----------
    preparation : Preparation
        Says whether there are classes.
    X, Y : array, shape (n_samples, n_features) and (n_samples, n_outputs)
        As a network is trained on.
    weight : array, shape (n_samples,), optional
        What each row counts for.
    seed : int, default 0
        Of the rows that are drawn where there are very many.

    Returns
    -------
    predict : callable
        From inputs to outputs like a network's.
    rows : int
        How many it was fitted to.

    Examples
    --------
    >>> import pandas as pd
    >>> X, y = pd.DataFrame({"x": [0.0, 1.0, 2.0, 3.0]}), pd.Series([1.0, 3.0, 5.0, 7.0], name="y")
    >>> preparation = Preparation.fit(X, y, "regression")
    >>> inputs = preparation.features(X)
    >>> predict, rows = fit_linear(preparation, inputs, preparation.targets(y))
    >>> preparation.predictions(predict(inputs)).round().tolist(), rows
    ([2.0, 3.0, 5.0, 6.0], 4)
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression, Ridge

    most = max(1000, MOST_NUMBERS // (X.shape[1] * Y.shape[1]))
    if len(X) > most:
        rows = host.permutation(len(X), seed)[:most]
        X, Y, weight = X[rows], Y[rows], None if weight is None else weight[rows]
    if not preparation.classes:
        ridge = Ridge().fit(X, Y[:, 0], weight)
        return lambda inputs: ridge.predict(inputs).reshape(-1, 1), len(X)

    k = len(preparation.classes)
    codes = preparation.places(Y)
    there = sorted(set(codes.tolist()))
    if len(there) < 2:  # the rows that were drawn are of one class
        return lambda inputs: inputs[:, :1] * 0.0 + Y[:1], len(X)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # near enough to compare with
        model = LogisticRegression(max_iter=200).fit(X, codes, weight)

    def predict(inputs: Array) -> Array:
        found = model.predict_proba(inputs)
        if k == 2:
            return found[:, 1:]
        outputs = inputs[:, :1] * 0.0 + Y[:1] * 0.0
        outputs[:, there] = found
        return outputs

    return predict, len(X)
