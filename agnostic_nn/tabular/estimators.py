"""scikit-learn's interface to tables: a transformer, and estimators that answer in labels.

They take a DataFrame of pandas or polars, an Arrow table or an array, as people have them: with
text, categories, dates and missing values.
"""

from __future__ import annotations

from collections.abc import Collection
from importlib.util import find_spec
from typing import Any, ClassVar, Self

import numpy as np

from ..errors import DependencyMissing, InvalidArgument
from ..installing import install_line
from ..namespace import Array
from ..network import Network
from .frames import as_frame, as_series, has_names
from .preparation import Preparation
from .text import MISSING

if find_spec("sklearn") is None:
    raise DependencyMissing(
        f"TableTransformer and table estimators need scikit-learn: {install_line('sklearn')}"
    )

from sklearn.base import (
    BaseEstimator,
    ClassifierMixin,
    RegressorMixin,
    TransformerMixin,
    clone,
)
from sklearn.utils.validation import check_is_fitted, column_or_1d

from ..estimators import MLPClassifier, MLPRegressor


class OnTables(BaseEstimator):  # type: ignore[misc]
    """What takes tables: the columns as somebody says they are."""

    categorical: Collection[str] | None
    numeric: Collection[str] | None
    drop: Collection[str] | None
    missing: Collection[str] | None

    def _prepare(self, X: Any, y: Any = None, task: str | None = None) -> Preparation:
        frame = as_frame(X)
        self.preparation_ = Preparation.fit(
            frame,
            y,
            task,
            categorical=self.categorical or (),
            numeric=self.numeric or (),
            drop=self.drop or (),
            missing=MISSING if self.missing is None else self.missing,
        )
        self.n_features_in_ = frame.shape[1]
        self.feature_names_in_ = np.asarray(frame.columns, dtype=object)
        return self.preparation_

    def _features(self, X: Any, dtype: str) -> Array:
        """Return the network's inputs; columns without names have to be as many as there were."""
        frame = as_frame(X)
        if not has_names(X) and frame.shape[1] != self.n_features_in_:
            raise InvalidArgument(
                f"X has {frame.shape[1]} features, but {type(self).__name__} is expecting "
                f"{self.n_features_in_} features as input."
            )
        return self.preparation_.features(frame, dtype=dtype)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = tags.input_tags.categorical = tags.input_tags.string = True
        return tags


class TableTransformer(TransformerMixin, OnTables):  # type: ignore[misc]
    """A table as the numbers a network learns from, (n_samples, n_features).

    What each column is, is decided in `fit`; see `Preparation`, which is `preparation_` then, and
    whose `notes` tell what was decided. `transform` reads any other table as that one, and warns
    of what differs.

    Parameters
    ----------
    categorical, numeric, drop : collection of str, optional
        Columns that are categories, that are numbers, and that are not to be looked at, whatever
        they look like.
    missing : collection of str, optional
        The texts that stand for no value; left out, those of `MISSING`.
    dtype : str, default "float64"
        Of what `transform` returns.

    Attributes
    ----------
    preparation_ : Preparation
    n_features_in_ : int
    feature_names_in_ : array of str

    Examples
    --------
    >>> import pandas as pd
    >>> X = pd.DataFrame({"size": [1.0, None, 4.0], "colour": ["red", "blue", "red"]})
    >>> transformer = TableTransformer().fit(X)
    >>> transformer.transform(X).shape
    (3, 4)
    >>> transformer.get_feature_names_out().tolist()
    ['size', 'size is missing', 'colour = blue', 'colour = red']
    """

    def __init__(
        self,
        *,
        categorical: Collection[str] | None = None,
        numeric: Collection[str] | None = None,
        drop: Collection[str] | None = None,
        missing: Collection[str] | None = None,
        dtype: str = "float64",
    ) -> None:
        self.categorical = categorical
        self.numeric = numeric
        self.drop = drop
        self.missing = missing
        self.dtype = dtype

    def fit(self, X: Any, y: Any = None) -> Self:
        """Decide what each column of X is, and learn it; y is not looked at.

        Raises
        ------
        InvalidArgument
            If values are infinite, or no column is left to learn from.
        """
        del y
        self._prepare(X)
        return self

    def transform(self, X: Any) -> Any:
        """Return X as numbers.

        Raises
        ------
        InvalidArgument
            If none of the columns is there, or one holds text where there were numbers.
        """
        check_is_fitted(self)
        return self._features(X, self.dtype)

    def get_feature_names_out(self, input_features: Any = None) -> Any:
        """Return a name for each column of what `transform` returns."""
        del input_features
        check_is_fitted(self)
        return np.asarray(self.preparation_.feature_names, dtype=object)


class _TableEstimator(OnTables):
    """A network with its preparation: what `TableClassifier` and `TableRegressor` share."""

    _task: ClassVar[str]

    def __init__(
        self,
        estimator: Any = None,
        *,
        categorical: Collection[str] | None = None,
        numeric: Collection[str] | None = None,
        drop: Collection[str] | None = None,
        missing: Collection[str] | None = None,
    ) -> None:
        self.estimator = estimator
        self.categorical = categorical
        self.numeric = numeric
        self.drop = drop
        self.missing = missing

    @classmethod
    def of(cls, network: Network, preparation: Preparation) -> Self:
        """Return a fitted estimator of a network that was trained on what was so prepared.

        Raises
        ------
        InvalidArgument
            If the two do not fit each other.
        """
        preparation.check_network(network)
        fitted = cls()
        fitted._take(network, preparation)
        names = [each.name for each in preparation.columns]
        names += [each.name for each in preparation.left_out]
        fitted.feature_names_in_ = np.asarray(names, dtype=object)
        fitted.n_features_in_ = len(names)
        return fitted

    def _take(self, network: Network, preparation: Preparation) -> None:
        self.network_, self.preparation_ = network, preparation

    def _targets(self, y: Any) -> Array:
        """Return what the inner estimator learns: places of classes, or standardized numbers."""
        raise NotImplementedError

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Prepare the table, and train.

        Parameters
        ----------
        X : DataFrame, (n_samples, n_columns)
            Of pandas, polars or Arrow, or an array.
        y : Series, (n_samples,)
            Labels, or a quantity; complete.
        sample_weight : array-like, (n_samples,), optional

        Raises
        ------
        InvalidArgument
            If values are infinite, no column is left to learn from, or y has missing values or
            one value only.
        """
        preparation = self._prepare(X, self._check_target(y), self._task)
        inner = self._default() if self.estimator is None else clone(self.estimator)
        weight = {} if sample_weight is None else {"sample_weight": sample_weight}
        inner.fit(preparation.features(X), self._targets(y), **weight)
        self.estimator_ = inner
        self._take(inner.network_, preparation)
        return self

    def _outputs(self, X: Any) -> Any:
        check_is_fitted(self, "network_")
        dtype = "float32" if self.network_.dtype_name == "float32" else "float64"
        return self.network_.predict(self._features(X, dtype))

    def predict(self, X: Any) -> Any:
        """Return what is predicted for each row: a label, or the quantity in its units."""
        outputs = self._outputs(X)
        return self.preparation_.predictions(outputs).to_numpy()

    def _check_target(self, y: Any) -> Any:
        """Return y as a column; raise where it is nothing to learn."""
        if y is None:
            raise InvalidArgument(
                f"{type(self).__name__} requires y to be passed, but the target y is None."
            )
        if isinstance(y, np.ndarray) and y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        return as_series(y)

    @staticmethod
    def _default() -> Any:
        raise NotImplementedError

    def __getattr__(self, name: str) -> Any:
        network = self.__dict__.get("network_")
        if not name.startswith("_") and hasattr(network, name):
            raise AttributeError(
                f"{type(self).__name__} has no {name!r}, its network has: wanted .network_.{name}."
            )
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}.")


class TableClassifier(ClassifierMixin, _TableEstimator):  # type: ignore[misc]
    """A classifier of tables as people have them, which answers in labels.

    Parameters
    ----------
    estimator : MLPClassifier, optional
        What is trained on the prepared table; left out, an `MLPClassifier` as it is.
    categorical, numeric, drop, missing
        As for `TableTransformer`.

    Attributes
    ----------
    network_ : Network
    preparation_ : Preparation
        Its `notes` tell what was decided about the columns.
    classes_ : array
    estimator_ : MLPClassifier
        As it was fitted; not there where the model was loaded.

    Examples
    --------
    >>> import pandas as pd
    >>> X = pd.DataFrame({"size": [1.0, None, 4.0] * 9, "colour": ["red", "blue", "red"] * 9})
    >>> y = pd.Series(["no", "no", "yes"] * 9, name="sold")
    >>> from agnostic_nn import MLPClassifier
    >>> model = TableClassifier(MLPClassifier(random_state=0, solver="lbfgs")).fit(X, y)
    >>> model.predict(X[:3]).tolist()
    ['no', 'no', 'yes']
    """

    _task = "classification"

    @staticmethod
    def _default() -> Any:
        return MLPClassifier()

    def _take(self, network: Network, preparation: Preparation) -> None:
        super()._take(network, preparation)
        self.classes_ = np.asarray(preparation.classes)

    def _targets(self, y: Any) -> Array:
        return self.preparation_.places(self.preparation_.targets(y))

    def _check_target(self, y: Any) -> Any:
        y = super()._check_target(y)
        if y.dtype.kind == "f" and (y.dropna() % 1 != 0).any():
            raise InvalidArgument(
                f"y holds {y[y % 1 != 0].iloc[0]!r}: Unknown label type: wanted classes, and it is "
                "continuous; TableRegressor learns a quantity."
            )
        if y.nunique() == 1:
            raise InvalidArgument(
                f"y has one class only, {y.dropna().tolist()[0]!r}: wanted at least two classes to "
                "tell apart."
            )
        return y

    def predict_proba(self, X: Any) -> Any:
        """Return the probability of each class, (n_samples, n_classes)."""
        outputs = self._outputs(X)
        return self.preparation_.probabilities(outputs).to_numpy()

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the share of right answers."""
        labels = self.preparation_.labels(as_series(y)).to_numpy()
        return float(super().score(X, labels, sample_weight))


class TableRegressor(RegressorMixin, _TableEstimator):  # type: ignore[misc]
    """A regressor of tables as people have them, which answers in the units of y.

    Parameters
    ----------
    estimator : MLPRegressor, optional
        What is trained on the prepared table, and on y standardized; left out, an `MLPRegressor`
        as it is.
    categorical, numeric, drop, missing
        As for `TableTransformer`.

    Attributes
    ----------
    network_ : Network
    preparation_ : Preparation
        Its `notes` tell what was decided about the columns.
    estimator_ : MLPRegressor
        As it was fitted; not there where the model was loaded.

    Examples
    --------
    >>> import pandas as pd
    >>> X = pd.DataFrame({"size": ["1,5", "2,5", "3,5"] * 9})
    >>> model = TableRegressor().fit(X, [10.0, 20.0, 30.0] * 9)
    >>> model.predict(X[:2]).shape
    (2,)
    """

    _task = "regression"

    @staticmethod
    def _default() -> Any:
        return MLPRegressor()

    def _targets(self, y: Any) -> Array:
        return self.preparation_.targets(y)[:, 0]


def table_model(network: Network, preparation: Preparation) -> Any:
    """Return the estimator that a network and its preparation are.

    Raises
    ------
    InvalidArgument
        If they do not fit each other.
    """
    kind: Any = TableClassifier if preparation.classes else TableRegressor
    return kind.of(network, preparation)


def of_pipeline(pipeline: Any) -> Any:
    """Return a fitted pipeline of a `TableTransformer` and an MLP as one estimator.

    Raises
    ------
    InvalidArgument
        If it is made of something else.
    """
    steps = [step for _, step in pipeline.steps]
    shape = len(steps) == 2 and isinstance(steps[0], TableTransformer)
    if not (shape and isinstance(steps[1], (MLPClassifier, MLPRegressor))):
        raise InvalidArgument(
            "model is a pipeline of "
            f"{' and '.join(type(step).__name__ for step in steps)}: wanted a TableTransformer and "
            "an MLPClassifier or MLPRegressor; other steps cannot be saved without pickle."
        )
    preparation, inner = steps[0].preparation_, steps[1]
    if isinstance(inner, MLPRegressor):
        return TableRegressor.of(inner.network_, preparation.with_outputs())
    labels = [label.item() if isinstance(label, np.generic) else label for label in inner.classes_]
    return TableClassifier.of(inner.network_, preparation.with_outputs(tuple(labels)))
