"""What the estimators of all recipes share: tables and targets, checked as scikit-learn does."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import KW_ONLY, dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.utils import check_random_state
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import (
    _check_sample_weight,
    _check_y,
    check_consistent_length,
    check_is_fitted,
    column_or_1d,
    validate_data,
)

from ...backends import Backend
from ...checks import check_flag, check_number
from ...errors import InvalidArgument
from ...namespace import Array
from ...training import Callback
from ..columns import Differences
from ..estimators import OnTables
from ..frames import as_frame
from ..preparation import Preparation
from ..text import MISSING
from .recipe import Examples, Recipe, fit_recipe


# a dataclass keeps its arguments as scikit-learn wants it: untouched, by their own names
@dataclass(eq=False, repr=False)
class RecipeEstimator(OnTables):
    """What the estimators of all recipes share."""

    recipe: str | Recipe | None = None
    _: KW_ONLY
    epochs: int | None = None
    validation_fraction: float = 0.2
    n_ens: int = 1
    time_limit: float | None = None
    random_state: Any = None
    backend: str | Backend | None = None
    dtype: str = "float32"
    callbacks: Sequence[Callback] | None = None
    progress: bool | None = False
    categorical: Collection[str] | None = None
    numeric: Collection[str] | None = None
    drop: Collection[str] | None = None
    missing: Collection[str] | None = None

    _default: ClassVar[str]

    # What the two kinds say differently

    def _learn_targets(self, y: Any) -> tuple[Array, tuple[Any, ...]]:
        """Return what a recipe learns, and the classes, and remember them."""
        raise NotImplementedError

    def _targets(self, y: Any) -> Array:
        """Return the same of other targets."""
        raise NotImplementedError

    def _weigh(self, y: Any, weight: Any) -> Any:
        del y
        return weight

    # fit

    def fit(self, X: Any, y: Any, sample_weight: Any = None, *, validation: Any = None) -> Self:
        """Learn from a table.

        Parameters
        ----------
        X : DataFrame, (n_samples, n_columns)
            Of pandas, polars or Arrow, or an array of numbers.
        y : Series, (n_samples,)
            Labels, or a quantity; complete.
        sample_weight : array-like, (n_samples,), optional
            What each example counts for.
        validation : tuple (X, y) or (X, y, sample_weight), optional
            Examples to choose the best epoch by; left out, some of the others are held out.

        Raises
        ------
        InvalidArgument
            If a value is not one to work with, no column is left to learn from, or y has one class
            only.
        """
        recipe, frame = self._recipe(), self._table(X, reset=True)
        y = self._checked(y)
        check_consistent_length(frame, y)
        targets, classes = self._learn_targets(y)
        preparation = self._preparation(X, frame).with_outputs(classes)
        examples = self._examples(preparation, frame, targets, y, sample_weight)
        random = check_random_state(self.random_state)
        seeds = random.randint(2**31 - 1, size=self.n_ens + 1).tolist()
        if validation is None:
            examples, held_out = examples.split(self.validation_fraction, seeds.pop())
        else:
            seeds.pop()
            held_out = self._validation(preparation, validation)
        self.preparation_, self.network_ = fit_recipe(
            recipe,
            preparation,
            examples,
            held_out,
            seeds=seeds,
            backend=self.backend,
            dtype=self.dtype,
            seconds=self.time_limit,
            callbacks=self.callbacks or (),
            progress=self.progress,
        )
        return self

    def _recipe(self) -> Recipe:
        """Return the recipe with what was said beside it."""
        from . import get_recipe

        check_number("n_ens", self.n_ens, at_least=1, integer=True)
        check_number("validation_fraction", self.validation_fraction, at_least=0.0, below=1.0)
        if self.time_limit is not None:
            check_number("time_limit", self.time_limit, above=0.0)
        recipe = self._default if self.recipe is None else self.recipe
        recipe = recipe if isinstance(recipe, Recipe) else get_recipe(recipe)()
        if self.epochs is None:
            return recipe
        check_number("epochs", self.epochs, at_least=1, integer=True)
        return replace(recipe, epochs=int(self.epochs))

    def _preparation(self, X: Any, frame: Any) -> Preparation:
        """Learn the columns; those of an array are numbers, unless somebody says otherwise."""
        said = {*(self.categorical or ()), *(self.drop or ())}
        numeric = self.numeric or ()
        if not _is_table(X):
            numeric = [name for name in frame.columns if name not in said]
        return Preparation.fit(
            frame,
            categorical=self.categorical or (),
            numeric=numeric,
            drop=self.drop or (),
            missing=MISSING if self.missing is None else self.missing,
        )

    def _table(self, X: Any, *, reset: bool) -> Any:
        """Return X as a DataFrame, checked as scikit-learn does where it is an array."""
        if not _is_table(X):
            X = validate_data(
                self, X, reset=reset, dtype="numeric", ensure_all_finite="allow-nan",
                ensure_min_samples=2 if reset else 1,
            )  # fmt: skip
            return as_frame(X)
        frame = as_frame(X)
        if reset:
            validate_data(self, frame, reset=True, skip_check_array=True)
        return frame

    def _checked(self, y: Any) -> Any:
        """Return y as it can be learned from; raise where it cannot."""
        if y is None:
            raise InvalidArgument(
                f"{type(self).__name__} requires y to be passed, but the target y is None."
            )
        return y

    def _examples(
        self, preparation: Preparation, frame: Any, targets: Array, y: Any, weight: Any
    ) -> Examples:
        if weight is not None:
            weight = _check_sample_weight(weight, targets, ensure_non_negative=True)
        weight = self._weigh(y, weight)
        blocks = preparation.blocks(frame, differences=Differences())
        return Examples(blocks, targets, weight)

    def _validation(self, preparation: Preparation, validation: Any) -> Examples:
        if not isinstance(validation, (tuple, list)) or len(validation) not in (2, 3):
            raise InvalidArgument("validation: wanted (X, y) or (X, y, sample_weight).")
        X, y, weight = (*validation, None)[:3]
        frame = self._table(X, reset=False)
        y = self._checked(y)
        check_consistent_length(frame, y)
        return self._examples(preparation, frame, self._targets(y), y, weight)

    def _outputs(self, X: Any) -> Array:
        """Return what the network answers, (n_samples, n_outputs)."""
        check_is_fitted(self, "network_")
        rows = self.preparation_.features(self._table(X, reset=False))
        return self.network_.predict(rows).astype("float64")


@dataclass(eq=False, repr=False)
class RecipeClassifier(ClassifierMixin, RecipeEstimator):  # type: ignore[misc]
    """What the classifiers of all recipes share."""

    _: KW_ONLY
    probabilities: bool = False
    class_weight: Any = None

    def predict_proba(self, X: Any) -> Array:
        """Return the probability of each class, (n_samples, n_classes)."""
        outputs = self._outputs(X)
        return outputs / outputs.sum(axis=1, keepdims=True)

    def predict(self, X: Any) -> Array:
        """Return a label for each row."""
        chosen = self._outputs(X).argmax(axis=1)
        return self.classes_[chosen]

    def _recipe(self) -> Recipe:
        check_flag("probabilities", self.probabilities)
        recipe = super()._recipe()
        return replace(recipe, label_smoothing=0.0, watch="cost") if self.probabilities else recipe

    def _checked(self, y: Any) -> Any:
        y = column_or_1d(super()._checked(y), warn=True)
        if y.dtype.kind == "f":
            _check_y(y, estimator=self)
        check_classification_targets(y)
        return y

    def _learn_targets(self, y: Any) -> tuple[Array, tuple[Any, ...]]:
        self.classes_, places = np.unique(y, return_inverse=True)
        labels = tuple(x.item() if isinstance(x, np.generic) else x for x in self.classes_)
        if len(labels) < 2:
            raise InvalidArgument(
                f"y has one class only, {labels[0]!r}: wanted at least two classes to tell apart."
            )
        return places, labels

    def _targets(self, y: Any) -> Array:
        strange = y[~np.isin(y, self.classes_)]
        if len(strange):
            raise InvalidArgument(
                f"validation: y has the class {strange.tolist()[0]!r}, which is not among those of "
                "training."
            )
        return np.searchsorted(self.classes_, y)

    def _weigh(self, y: Any, weight: Any) -> Any:
        if self.class_weight is None:
            return weight
        by_class = compute_sample_weight(self.class_weight, y)
        return by_class if weight is None else weight * by_class


class RecipeRegressor(RegressorMixin, RecipeEstimator):  # type: ignore[misc]
    """What the regressors of all recipes share."""

    def predict(self, X: Any) -> Array:
        """Return the quantity for each row, in the units of y."""
        return self._outputs(X)[:, 0] * self.preparation_.scale + self.preparation_.mean

    def _checked(self, y: Any) -> Any:
        y = _check_y(super()._checked(y), y_numeric=True, estimator=self)
        return column_or_1d(y).astype("float64")

    def _learn_targets(self, y: Any) -> tuple[Array, tuple[Any, ...]]:
        return y, ()

    def _targets(self, y: Any) -> Array:
        return y


def _is_table(X: Any) -> bool:
    """Whether the columns of X have names and types of their own."""
    return type(X) is dict or any(
        hasattr(X, name) for name in ("columns", "__arrow_c_stream__", "to_pandas")
    )
