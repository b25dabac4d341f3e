"""The regressor, with the interface of scikit-learn's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Self

from sklearn.base import RegressorMixin, _fit_context
from sklearn.metrics import r2_score
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import column_or_1d

from ..errors import InvalidArgument
from ..losses import LOSSES, Loss, get_loss
from ..namespace import Array
from ..training import History
from .base import BaseMLP, takes_minibatches
from .data import as_numpy, library_of
from .parameters import CONSTRAINTS

#: Losses of a probability, which a regressor does not predict.
_OF_PROBABILITIES = {"binary_cross_entropy", "categorical_cross_entropy"}


@dataclass(eq=False, repr=False)
class MLPRegressor(RegressorMixin, BaseMLP):  # type: ignore[misc]
    """A regressor with hidden layers; the interface of scikit-learn's `MLPRegressor`.

    Parameters
    ----------
    loss : str or Loss, default='squared_error'
        What to minimize: "squared_error" (half of it), "poisson" (half the deviance of counts, of
        predictions that are the exponential of the last layer), "absolute_error", "huber", or a
        `Loss` of your own.
    hidden_layer_sizes, activation, solver, alpha, batch_size : as in `MLPClassifier`
        The network, the rule and its step.
    learning_rate, learning_rate_init, power_t, max_iter, shuffle : as in `MLPClassifier`
        How training goes.
    random_state, tol, verbose, warm_start, momentum, nesterovs_momentum : as in `MLPClassifier`
        Chance, when to stop, what to print, where to begin.
    early_stopping, validation_fraction, n_iter_no_change : as in `MLPClassifier`
        The score that early stopping watches is R^2.
    beta_1, beta_2, epsilon, max_fun : as in `MLPClassifier`
        Settings of the solvers.
    backend, dtype, dropout, initializer : as in `MLPClassifier`
        Where the network lives, and how it begins.
    weight_decay, clip_norm, callbacks, progress : as in `MLPClassifier`
        What `agnostic_nn.train` offers beyond.

    Attributes
    ----------
    network_ : Network
        What was trained; `agnostic_nn.save` takes it.
    coefs_, intercepts_ : list of array
        Weights (n_in, n_out) and biases (n_out,) of every layer. Assigning to them changes the
        network.
    loss_, best_loss_, loss_curve_ : float, float or None, list of float
        As in `MLPClassifier`.
    validation_scores_, best_validation_score_ : list of float or None, float or None
        R^2 on the validation data, where there are any.
    n_iter_, t_, stopped_, n_layers_, n_outputs_, out_activation_ : int or str
        As in `MLPClassifier`; the output activation is "identity" or "exp".
    n_features_in_, feature_names_in_ : int, ndarray
        The number of features, and their names, where X had names.

    Examples
    --------
    >>> from sklearn.datasets import make_regression
    >>> X, y = make_regression(n_samples=200, n_features=5, random_state=0)
    >>> regressor = MLPRegressor(solver="lbfgs", max_iter=500, tol=1e-3, random_state=0)
    >>> regressor.fit(X, y / 100.0).score(X, y / 100.0) > 0.99
    True

    Another loss, and float32:

    >>> regressor = MLPRegressor("huber", dtype="float32", tol=0.01, random_state=0)
    >>> regressor.fit(X, y / 100.0).predict(X).dtype
    dtype('float32')
    """

    _numeric_targets = True
    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **CONSTRAINTS,
        "loss": [StrOptions(set(LOSSES) - _OF_PROBABILITIES), Loss],
    }

    loss: Any = "squared_error"
    hidden_layer_sizes: Any = (100,)
    activation: Any = "relu"

    @_fit_context(prefer_skip_nested_validation=True)  # type: ignore[untyped-decorator]
    def fit(self, X: Any, y: Any, sample_weight: Any = None, *, validation: Any = None) -> Self:
        """Train on X and y.

        Parameters
        ----------
        X : array-like or sparse matrix, shape (n_samples, n_features)
            Features, one example per row, standardized as a rule.
        y : array-like, shape (n_samples,) or (n_samples, n_outputs)
            Targets.
        sample_weight : array-like, shape (n_samples,), optional
            What each example counts for.
        validation : tuple (X, y) or (X, y, sample_weight), optional
            Examples to watch the score on; early stopping uses them, and holds none out.

        Returns
        -------
        MLPRegressor
            This estimator.
        """
        return self._fit(X, y, sample_weight, validation, incremental=False)

    @available_if(takes_minibatches)  # type: ignore[untyped-decorator]
    @_fit_context(prefer_skip_nested_validation=True)  # type: ignore[untyped-decorator]
    def partial_fit(
        self, X: Any, y: Any, sample_weight: Any = None, *, validation: Any = None
    ) -> Self:
        """Train for one epoch on X and y, from where training stands.

        Parameters
        ----------
        X : array-like or sparse matrix, shape (n_samples, n_features)
            Features, one example per row.
        y : array-like, shape (n_samples,) or (n_samples, n_outputs)
            Targets.
        sample_weight : array-like, shape (n_samples,), optional
            What each example counts for.
        validation : tuple (X, y) or (X, y, sample_weight), optional
            As for `fit`. With early stopping, calls count as epochs: once too many gained
            nothing, the best weights come back and `stopped_` is true.

        Returns
        -------
        MLPRegressor
            This estimator.
        """
        return self._fit(X, y, sample_weight, validation, incremental=True)

    def predict(self, X: Any) -> Array:
        """Predict the target of every row.

        Parameters
        ----------
        X : array-like or sparse matrix, shape (n_samples, n_features)
            Features, one example per row.

        Returns
        -------
        array, shape (n_samples,) or (n_samples, n_outputs)
            Of the library that X belongs to.
        """
        A = self._outputs(X, "predict")
        return A[:, 0] if A.shape[1] == 1 else A

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return R^2, the share of the variance of y that the predictions explain.

        Parameters
        ----------
        X : array-like or sparse matrix, shape (n_samples, n_features)
            Features, one example per row.
        y : array-like, shape (n_samples,) or (n_samples, n_outputs)
            The targets.
        sample_weight : array-like, shape (n_samples,), optional
            What each example counts for.

        Returns
        -------
        float
        """
        return self._score_on_host(r2_score, X, y, sample_weight)

    def _encode(self, y: Any, *, first: bool, incremental: bool) -> Any:
        del first, incremental
        library = library_of(y)
        if library.name == "numpy" and y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        if self.loss == "poisson" and bool(library.to_numpy(library.xp.any(y < 0))):
            raise InvalidArgument("y holds numbers below 0: loss='poisson' is for counts.")
        return library.xp.reshape(y, (-1, 1)) if y.ndim == 1 else y

    def _loss_and_output(self) -> tuple[str | Loss, str | None]:
        return get_loss(self.loss), None

    def _validation_score(self, history: History, held_out: tuple[Any, ...]) -> float:
        X, Y, weight = held_out
        if weight is None:
            return history["validation_score"][-1]
        predicted = as_numpy(self.network_.predict(X))
        return float(r2_score(as_numpy(Y), predicted, sample_weight=weight))
