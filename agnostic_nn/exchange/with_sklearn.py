"""scikit-learn's MLPClassifier and MLPRegressor, both ways."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..activations import Activation
from ..backends import Backend
from ..errors import DependencyMissing, InvalidArgument
from ..installing import install_line
from ..network import Network, check_network
from .layers import check_own, layers_of, network_of, perceptron_of

#: What scikit-learn calls the activations that it has too.
_OF_SKLEARN = {
    "identity": "identity",
    "logistic": "sigmoid",
    "tanh": "tanh",
    "relu": "relu",
    "softmax": "softmax",
    "exp": "exponential",
}
_HIDDEN_IN_SKLEARN = {"identity": "identity", "sigmoid": "logistic", "tanh": "tanh", "relu": "relu"}


def from_sklearn(
    estimator: Any, *, backend: str | Backend | None = None, dtype: str | None = None
) -> Network:
    """Make a network of scikit-learn's fitted `MLPClassifier` or `MLPRegressor`.

    Parameters
    ----------
    estimator : MLPClassifier or MLPRegressor
        Fitted. The network's outputs are its probabilities, in the order of `classes_`, or its
        predictions; of two classes there is the probability of the second alone.
    backend : str or Backend, optional
        Where the network will live; see `get_backend`.
    dtype : str, optional
        The type of every number; left out, that of the estimator's weights.

    Returns
    -------
    Network

    Raises
    ------
    InvalidArgument
        If the estimator is of another kind or not fitted, or its weights are not finite.

    Examples
    --------
    >>> from sklearn.neural_network import MLPRegressor
    >>> X, y = [[0.0], [1.0]], [0.0, 1.0]
    >>> estimator = MLPRegressor(hidden_layer_sizes=4, solver="lbfgs", random_state=0).fit(X, y)
    >>> from_sklearn(estimator)
    Network([1, 4, 1], relu, identity; squared_error; float64 on numpy)
    """
    try:
        layers = [
            (np.asarray(W).T, np.asarray(b))
            for W, b in zip(estimator.coefs_, estimator.intercepts_, strict=True)
        ]
        activation = _OF_SKLEARN[estimator.activation]
        output, loss = _OF_SKLEARN[estimator.out_activation_], estimator.loss
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InvalidArgument(
            f"estimator is of type {type(estimator).__name__}: wanted a fitted MLPClassifier or "
            f"MLPRegressor of scikit-learn ({error})."
        ) from error
    if loss == "log_loss":
        loss = ("categorical" if output == "softmax" else "binary") + "_cross_entropy"
    return network_of("estimator", layers, loss, activation, output, 0.0, backend, dtype)


def to_sklearn(net: Network, *, classes: Sequence[Any] | None = None) -> Any:
    """Make a fitted `MLPClassifier` or `MLPRegressor` of scikit-learn that predicts the same.

    scikit-learn has one of four activations (identity, sigmoid, tanh, relu) for all hidden
    layers, and the losses binary and categorical cross-entropy, squared error and, from version
    1.7, Poisson, each with its own output. `partial_fit` goes on from these weights, with the
    estimator's own settings: alpha is 0, all else as scikit-learn has it.

    Parameters
    ----------
    net : Network
        What to convert.
    classes : sequence, optional
        The labels of a classifier, in the order of the outputs and sorted; left out, 0, 1, 2, ...
        Several outputs with binary cross-entropy are several labels per example, and have none.

    Returns
    -------
    MLPClassifier or MLPRegressor

    Raises
    ------
    InvalidArgument
        If scikit-learn has no such network, or the classes do not fit its outputs.
    DependencyMissing
        If scikit-learn is not installed.

    Examples
    --------
    >>> net = Network([2, 3, 1], "binary_cross_entropy", activation="tanh", initializer="zeros")
    >>> to_sklearn(net, classes=["no", "yes"]).predict_proba([[1.0, 2.0]])
    array([[0.5, 0.5]])
    """
    check_network(net)
    try:
        from sklearn.neural_network import MLPClassifier, MLPRegressor
    except ImportError:
        raise DependencyMissing(
            f"to_sklearn needs scikit-learn: {install_line('sklearn')}"
        ) from None
    plain, objective = perceptron_of(net), net.objective
    *hidden, output = plain.activations
    check_own(*plain.activations, objective.loss)
    loss = objective.loss.name
    activation = _same_hidden(hidden)
    sizes = plain.widths[1:-1]
    if loss not in (
        "binary_cross_entropy",
        "categorical_cross_entropy",
        "squared_error",
        "poisson",
    ):
        raise InvalidArgument(f"net has the loss {loss!r}, which scikit-learn has not.")
    if output != objective.loss.activation:
        raise InvalidArgument(
            f"net has the output {output.name!r} with the loss {loss!r}: in scikit-learn that "
            f"loss comes with {objective.loss.activation.name!r}."
        )
    settings: dict[str, Any] = {"hidden_layer_sizes": sizes, "activation": activation, "alpha": 0.0}
    if loss.endswith("cross_entropy"):
        estimator = MLPClassifier(**settings)
        _set_classes(estimator, loss, plain.widths[-1], classes)
    else:
        if classes is not None:
            raise InvalidArgument(
                f"classes={classes!r}: a network with the loss {loss!r} has none."
            )
        try:
            estimator = MLPRegressor(**settings, **({"loss": loss} if loss == "poisson" else {}))
        except TypeError:
            raise InvalidArgument(
                "net has the loss 'poisson', which scikit-learn has from version 1.7."
            ) from None

    layers = layers_of(net, at_least_float32=True)
    estimator.coefs_ = [W.T.copy() for W, _ in layers]
    estimator.intercepts_ = [b.copy() for _, b in layers]
    estimator.n_layers_, estimator.n_outputs_ = len(plain.widths), plain.widths[-1]
    estimator.n_features_in_ = plain.widths[0]
    names = {ours: theirs for theirs, ours in _OF_SKLEARN.items()}
    estimator.out_activation_ = names[output.name]
    # of its training scikit-learn knows nothing, and partial_fit begins its count here
    estimator.n_iter_ = estimator.t_ = estimator._no_improvement_count = 0  # noqa: SLF001
    estimator.loss_, estimator.best_loss_, estimator.loss_curve_ = math.nan, math.inf, []
    estimator.validation_scores_ = estimator.best_validation_score_ = None
    return estimator


def _same_hidden(hidden: Sequence[Activation]) -> str:
    names = {g.name for g in hidden} or {"identity"}
    if len(names) > 1 or not names <= set(_HIDDEN_IN_SKLEARN):
        raise InvalidArgument(
            f"net has the hidden activations {', '.join(g.name for g in hidden)}: scikit-learn "
            f"has one for all hidden layers, one of {', '.join(_HIDDEN_IN_SKLEARN)}."
        )
    return _HIDDEN_IN_SKLEARN[names.pop()]


def _set_classes(estimator: Any, loss: str, outputs: int, classes: Sequence[Any] | None) -> None:
    """Give a classifier its labels, as its `fit` does."""
    from sklearn.preprocessing import LabelBinarizer

    binary = loss == "binary_cross_entropy"
    if binary and outputs > 1:  # several labels per example: an indicator matrix
        if classes is not None:
            raise InvalidArgument(
                f"classes={classes!r}: each of the {outputs} outputs is a yes or no of its own, "
                "and scikit-learn numbers them."
            )
        labels = np.asarray([[int(i == j) for j in range(outputs)] for i in range(outputs)])
    elif not binary and outputs < 3:
        raise InvalidArgument(
            f"net has {outputs} softmax outputs: scikit-learn tells two classes apart with one "
            "sigmoid output, and has softmax from three."
        )
    else:
        number = 2 if binary else outputs
        try:
            labels = np.asarray(range(number) if classes is None else list(classes))
            fits = labels.shape == (number,) and sorted(set(labels.tolist())) == labels.tolist()
        except (TypeError, ValueError):
            fits = False
        if not fits:
            raise InvalidArgument(
                f"classes={classes!r}: wanted {number} different labels, sorted as scikit-learn "
                "has them."
            )
    estimator._label_binarizer = LabelBinarizer().fit(labels)  # noqa: SLF001
    estimator.classes_ = estimator._label_binarizer.classes_  # noqa: SLF001
