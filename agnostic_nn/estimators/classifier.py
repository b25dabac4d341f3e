"""The classifier, with the interface of scikit-learn's."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

from sklearn.base import ClassifierMixin, _fit_context
from sklearn.metrics import accuracy_score
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import (
    _check_partial_fit_first_call,
    type_of_target,
    unique_labels,
)
from sklearn.utils.validation import column_or_1d

from ..errors import InvalidArgument
from ..namespace import Array
from ..training import History
from .base import BaseMLP, takes_minibatches
from .data import as_numpy, class_columns, library_of
from .parameters import CONSTRAINTS


@dataclass(eq=False, repr=False)
class MLPClassifier(ClassifierMixin, BaseMLP):  # type: ignore[misc]
    """A classifier with hidden layers; the interface of scikit-learn's `MLPClassifier`.

    Every parameter up to `max_fun` means what it means there. Those after it are this package's,
    as are the further choices of `activation`, `solver` and `learning_rate`.

    Parameters
    ----------
    hidden_layer_sizes : array-like of int or int, default=(100,)
        The units of each hidden layer.
    activation : str, Activation or list of them, default='relu'
        The function of the hidden layers, one for all or one for each: "identity", "logistic",
        "tanh", "relu", any other name in `agnostic_nn.ACTIVATIONS`, or an `Activation`.
    solver : str or Optimizer, default='adam'
        "adam", "sgd" (with `momentum` and `nesterovs_momentum`), "lbfgs", or another name in
        `agnostic_nn.OPTIMIZERS`. An `Optimizer` brings its own learning rate and settings.
    alpha : float, default=0.0001
        Strength of the L2 penalty: a batch of n examples adds alpha / (2 n) times the sum of all
        squared weights to its mean loss.
    batch_size : int or 'auto', default='auto'
        Examples per step; "auto" is the smaller of 200 and all.
    learning_rate : str or Schedule, default='constant'
        How the learning rate goes. "invscaling" (by `power_t`, with the examples seen) and
        "adaptive" (a fifth whenever training stalls) apply to every solver but "adam", as in
        scikit-learn; a name in `agnostic_nn.SCHEDULES` or a `Schedule` applies to all.
    learning_rate_init : float, default=0.001
        The learning rate at the start.
    power_t : float, default=0.5
        The exponent of "invscaling" and "inverse_scaling".
    max_iter : int, default=200
        The most epochs; iterations for "lbfgs".
    shuffle : bool, default=True
        Whether every epoch visits the examples in another order.
    random_state : int, RandomState instance or None, default=None
        Of the initial weights, the order of the examples, the split and dropout.
    tol : float, default=1e-4
        An epoch counts as a gain when the loss, or the validation score, is better by this.
    verbose : bool, default=False
        Whether to print the loss of every epoch.
    warm_start : bool, default=False
        Whether `fit` goes on from the last fit: its weights, and its optimizer's state.
    momentum : float, default=0.9
        What remains of the last step, for "sgd", "momentum" and "nesterov".
    nesterovs_momentum : bool, default=True
        Whether the momentum of "sgd" is Nesterov's.
    early_stopping : bool, default=False
        Whether to stop when the validation score no longer rises, and go back to the weights of
        its best epoch.
    validation_fraction : float, default=0.1
        The share of the examples that early stopping holds out where `fit` is given none.
    beta_1, beta_2 : float, default=0.9 and 0.999
        How much of its moments "adam" and "adamw" keep.
    epsilon : float, default=1e-8
        Keeps the division of "adam", "adamw" and "rmsprop" finite.
    n_iter_no_change : int, default=10
        Epochs without a gain before training stops.
    max_fun : int, default=15000
        The most evaluations of the cost for "lbfgs".
    backend : str, Backend or None, default=None
        Where to compute: see `agnostic_nn.get_backend`. None is where X is.
    dtype : str or None, default=None
        The type of the network's numbers. None is that of X: float32 or float64.
    dropout : float or list of float, default=0.0
        The fraction of each hidden layer's units that a step leaves out, one for all or one for
        each layer.
    initializer : str or None, default=None
        The initial weights, a name in `agnostic_nn.INITIALIZERS`. None draws those of
        scikit-learn for its activations, and what suits the activation otherwise.
    weight_decay : float or None, default=None
        Decoupled weight decay; None is the solver's own: 0.01 for "adamw", else 0.
    clip_norm : float or None, default=None
        The largest norm a gradient may have.
    callbacks : list of callable or None, default=None
        Each is called as ``callback(network, history)`` after each epoch; a true answer stops.
    progress : bool or None, default=False
        Whether to show a progress bar; None is when a person watches.
    class_weight : dict, list of dicts, 'balanced' or None, default=None
        What each class counts for, times the sample weights; see
        :func:`sklearn.utils.class_weight.compute_sample_weight`.

    Attributes
    ----------
    classes_ : ndarray, shape (n_classes,)
        The labels.
    network_ : Network
        What was trained; `agnostic_nn.save` takes it.
    coefs_, intercepts_ : list of array
        Weights (n_in, n_out) and biases (n_out,) of every layer. Assigning to them changes the
        network.
    loss_ : float
        The loss of the last epoch.
    best_loss_ : float or None
        The smallest; None with early stopping. Not there for "lbfgs".
    loss_curve_ : list of float
        The loss of every epoch. Not there for "lbfgs".
    validation_scores_ : list of float or None
        The accuracy on the validation data after every epoch, where there are any.
    best_validation_score_ : float or None
        The highest, with early stopping.
    n_iter_ : int
        The epochs of the last call.
    t_ : int
        The examples seen in all epochs.
    stopped_ : bool
        Whether training stopped because it no longer gained; after `partial_fit`, a loop may end.
    n_layers_ : int
        The number of layers, input and output counted.
    n_outputs_ : int
        The number of outputs.
    out_activation_ : str
        "softmax" or "logistic".
    n_features_in_ : int
        The number of features.
    feature_names_in_ : ndarray, shape (n_features_in_,)
        Their names, where X had names.

    Examples
    --------
    >>> from sklearn.datasets import make_classification
    >>> X, y = make_classification(n_samples=200, random_state=0)
    >>> classifier = MLPClassifier(learning_rate_init=0.01, tol=0.01, random_state=0).fit(X, y)
    >>> classifier.score(X, y) > 0.9
    True
    >>> classifier.predict_proba(X[:2]).shape
    (2, 2)

    Dropout, an activation per layer, weights for the classes, another rule and its schedule:

    >>> classifier = MLPClassifier(
    ...     (32, 16), activation=("gelu", "tanh"), dropout=(0.2, 0.1), class_weight="balanced",
    ...     solver="adamw", learning_rate="cosine", learning_rate_init=0.01, max_iter=20,
    ...     tol=0, n_iter_no_change=20, early_stopping=True, random_state=0)
    >>> from sklearn.exceptions import ConvergenceWarning
    >>> import warnings
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore", ConvergenceWarning)
    ...     classifier.fit(X[:150], y[:150], validation=(X[150:], y[150:])).network_
    Network([20, 32, 16, 1], gelu, tanh, sigmoid; binary_cross_entropy; float64 on numpy)
    >>> classifier.best_validation_score_ == max(classifier.validation_scores_)
    True

    A callback, and early stopping in `partial_fit`:

    >>> stream = MLPClassifier(
    ...     early_stopping=True, n_iter_no_change=3, random_state=0,
    ...     callbacks=[lambda network, history: history["cost"][-1] < 0.01])
    >>> for _ in range(200):
    ...     stream = stream.partial_fit(X, y, classes=[0, 1])
    ...     if stream.stopped_:
    ...         break
    >>> stream.stopped_
    True
    """

    loss = "log_loss"
    _numeric_targets = False
    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **CONSTRAINTS,
        "class_weight": [dict, list, StrOptions({"balanced"}), None],
    }

    hidden_layer_sizes: Any = (100,)
    activation: Any = "relu"
    class_weight: Any = field(default=None, kw_only=True)

    @_fit_context(prefer_skip_nested_validation=True)  # type: ignore[untyped-decorator]
    def fit(self, X: Any, y: Any, sample_weight: Any = None, *, validation: Any = None) -> Self:
        """Train on X and y.

        Parameters
        ----------
        X : array-like or sparse matrix, shape (n_samples, n_features)
            Features, one example per row, standardized as a rule.
        y : array-like, shape (n_samples,) or (n_samples, n_classes)
            Labels; 0 and 1 for each class where an example may have several.
        sample_weight : array-like, shape (n_samples,), optional
            What each example counts for.
        validation : tuple (X, y) or (X, y, sample_weight), optional
            Examples to watch the score on; early stopping uses them, and holds none out.

        Returns
        -------
        MLPClassifier
            This estimator.
        """
        return self._fit(X, y, sample_weight, validation, incremental=False)

    @available_if(takes_minibatches)  # type: ignore[untyped-decorator]
    @_fit_context(prefer_skip_nested_validation=True)  # type: ignore[untyped-decorator]
    def partial_fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        classes: Any = None,
        *,
        validation: Any = None,
    ) -> Self:
        """Train for one epoch on X and y, from where training stands.

        Parameters
        ----------
        X : array-like or sparse matrix, shape (n_samples, n_features)
            Features, one example per row.
        y : array-like, shape (n_samples,) or (n_samples, n_classes)
            Labels.
        sample_weight : array-like, shape (n_samples,), optional
            What each example counts for.
        classes : array-like, shape (n_classes,), optional
            All labels there will be; wanted in the first call.
        validation : tuple (X, y) or (X, y, sample_weight), optional
            As for `fit`. With early stopping, calls count as epochs: once too many gained
            nothing, the best weights come back and `stopped_` is true.

        Returns
        -------
        MLPClassifier
            This estimator.
        """
        y = as_numpy(y)
        if _check_partial_fit_first_call(self, classes):
            of = y if type_of_target(y).startswith("multilabel") else as_numpy(classes)
            self._label_binarizer = LabelBinarizer().fit(of)
        return self._fit(X, y, sample_weight, validation, incremental=True)

    def predict(self, X: Any) -> Array:
        """Predict the label of every row.

        Parameters
        ----------
        X : array-like or sparse matrix, shape (n_samples, n_features)
            Features, one example per row.

        Returns
        -------
        array, shape (n_samples,) or (n_samples, n_classes)
            Of the library that X belongs to. Labels that it cannot hold, as strings, come in
            NumPy.
        """
        return self._labels(self._outputs(X, "predict"))

    def predict_proba(self, X: Any) -> Array:
        """Predict the probability of every class.

        Parameters
        ----------
        X : array-like or sparse matrix, shape (n_samples, n_features)
            Features, one example per row.

        Returns
        -------
        array, shape (n_samples, n_classes)
            In the order of `classes_`, of the library that X belongs to.
        """
        return self._probabilities(self._outputs(X, "predict_proba"))

    def predict_log_proba(self, X: Any) -> Array:
        """Predict the logarithm of the probability of every class.

        Parameters
        ----------
        X : array-like or sparse matrix, shape (n_samples, n_features)
            Features, one example per row.

        Returns
        -------
        array, shape (n_samples, n_classes)
            In the order of `classes_`, of the library that X belongs to.
        """
        A = self._probabilities(self._outputs(X, "predict_log_proba"))
        return library_of(A).xp.log(A)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the accuracy: the share of rows whose labels are all predicted right.

        Parameters
        ----------
        X : array-like or sparse matrix, shape (n_samples, n_features)
            Features, one example per row.
        y : array-like, shape (n_samples,) or (n_samples, n_classes)
            The labels.
        sample_weight : array-like, shape (n_samples,), optional
            What each example counts for.

        Returns
        -------
        float
        """
        return self._score_on_host(accuracy_score, X, y, sample_weight)

    def _probabilities(self, A: Array) -> Array:
        if A.shape[1] > 1:
            return A
        return library_of(A).xp.concat([1.0 - A, A], axis=1)

    def _labels(self, A: Array) -> Array:
        library = library_of(A)
        if library.name == "numpy" or self.classes_.dtype.kind not in "biuf":
            A = library.to_numpy(A)
            A = A[:, 0] if A.shape[1] == 1 else A
            return self._label_binarizer.inverse_transform(A)
        xp = library.xp
        if self._label_binarizer.y_type_.startswith("multilabel"):
            return xp.argmax(xp.stack([1.0 - A, A]), axis=0)
        chosen = xp.argmax(self._probabilities(A), axis=1)
        if len(self.classes_) == 1:
            chosen = xp.zeros_like(chosen)
        return xp.take(library.asarray(self.classes_), chosen)

    # Labels, on the way in

    def _encode(self, y: Any, *, first: bool, incremental: bool) -> Any:
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        if not hasattr(self, "classes_") or (first and not incremental):
            self._label_binarizer = LabelBinarizer().fit(y)
            self.classes_ = self._label_binarizer.classes_
        else:
            known, given = set(self.classes_.tolist()), set(unique_labels(y).tolist())
            if given - known or (given != known and not incremental):
                wanted = "some of these classes" if incremental else "the same classes"
                raise InvalidArgument(
                    f"y has the classes {sorted(given)}, and training began with "
                    f"{self.classes_}: wanted {wanted}."
                )
        if y.ndim > 1:  # several labels an example
            return self._label_binarizer.transform(y)
        return class_columns(y, self.classes_)

    def _weigh(self, y: Any, weight: Any, incremental: bool) -> Any:
        if self.class_weight is None:
            return weight
        if incremental and self.class_weight == "balanced":
            raise InvalidArgument(
                "class_weight='balanced' needs all labels at once, and partial_fit sees a part: "
                "give it a dict of weights."
            )
        by_class = compute_sample_weight(self.class_weight, y)
        return by_class if weight is None else weight * by_class

    def _stratify(self, Y: Any) -> Any:
        return Y if Y.shape[1] == 1 else None

    def _loss_and_output(self) -> tuple[str, None]:
        multi_class = self._label_binarizer.y_type_ == "multiclass"
        return ("categorical" if multi_class else "binary") + "_cross_entropy", None

    def _validation_score(self, history: History, held_out: tuple[Any, ...]) -> float:
        X, Y, weight = held_out
        if weight is None and (Y.shape[1] == 1 or self.out_activation_ == "softmax"):
            return history["validation_score"][-1]
        # several labels an example: right when all are
        predicted, expected = (self._labels(A) for A in (as_numpy(self.network_.predict(X)), Y))
        return float(accuracy_score(expected, predicted, sample_weight=weight))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
