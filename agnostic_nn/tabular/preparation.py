"""How a table becomes the numbers a network reads, and its outputs become predictions."""

from __future__ import annotations

import itertools
import math
from dataclasses import asdict, dataclass
from typing import Any

from ..errors import InvalidArgument, unknown_name
from ..namespace import Array
from .reading import check_complete, few, import_pandas

#: Whole numbers with more distinct values than this are a quantity, not class labels.
MOST_CLASSES = 20

#: A column of text with more distinct values than this is an identifier, not a category.
MOST_CATEGORIES = 1000


def task_of(y: Any) -> tuple[str, str]:
    """Tell classification from regression by the target.

    It is classification when the target is text or true/false, or whole numbers with at most 20
    distinct values and at least 5 rows for each on average; otherwise it is regression.

    Parameters
    ----------
    y : pandas.Series
        The target.

    Returns
    -------
    task : str
        "classification" or "regression".
    why : str
        What decided it.

    Examples
    --------
    >>> import pandas as pd
    >>> task_of(pd.Series(["yes", "no"]))
    ('classification', 'the target is text')
    >>> task_of(pd.Series([1.5, 2.0]))
    ('regression', 'the target is not whole numbers')
    """
    pandas = import_pandas()
    if pandas.api.types.is_bool_dtype(y):
        return "classification", "the target is true or false"
    if not pandas.api.types.is_numeric_dtype(y):
        return "classification", "the target is text"
    if not bool((y % 1 == 0).all()):
        return "regression", "the target is not whole numbers"
    distinct = int(y.nunique())
    counted = f"the target is whole numbers, {distinct} distinct values in {len(y)} rows"
    if distinct <= MOST_CLASSES and len(y) >= 5 * distinct:
        return "classification", counted
    return "regression", counted


@dataclass(frozen=True)
class Numeric:
    """A column of numbers, standardized: (x - mean) / scale."""

    name: str
    mean: float
    scale: float


@dataclass(frozen=True)
class Categorical:
    """A column of categories, one-hot; a category not seen in training is all zeros."""

    name: str
    categories: tuple[str, ...]


@dataclass(frozen=True)
class Preparation:
    """How a table becomes a network's inputs and targets, and its outputs predictions.

    Numeric columns are standardized and all others one-hot encoded. Classes become one output
    of 0 or 1 where there are two, and one-hot rows where there are more; a quantity is
    standardized, and predictions are turned back into its units.

    Attributes
    ----------
    target : str
        The target column.
    columns : tuple of Numeric or Categorical
        The columns that are read, in the network's order; a table may have them in any order.
    classes : tuple
        The class labels, sorted, of the type they have in the table; empty for regression.
    shares : tuple of float
        How much of the training data each class is.
    mean, scale : float
        Of the target in training; 0 and 1 for classification.

    Examples
    --------
    >>> import pandas as pd
    >>> X = pd.DataFrame({"size": [1.0, 3.0], "colour": ["red", "blue"]})
    >>> preparation = Preparation.fit(X, pd.Series(["no", "yes"], name="sold"))
    >>> preparation.features(X)
    array([[-1.,  0.,  1.],
           [ 1.,  1.,  0.]])
    >>> preparation.targets(pd.Series(["yes", "no"])).tolist()
    [[1.0], [0.0]]
    >>> preparation == Preparation.from_json(preparation.to_json())
    True
    """

    target: str
    columns: tuple[Numeric | Categorical, ...]
    classes: tuple[Any, ...] = ()
    shares: tuple[float, ...] = ()
    mean: float = 0.0
    scale: float = 1.0

    @classmethod
    def fit(cls, X: Any, y: Any, task: str | None = None) -> Preparation:
        """Learn from training data how to prepare it and what comes after.

        Parameters
        ----------
        X : pandas.DataFrame
            Features.
        y : pandas.Series
            Target.
        task : str, optional
            "classification" or "regression"; left out, what `task_of` says.

        Raises
        ------
        InvalidArgument
            If values are missing or infinite, or the target has one value only.
        """
        if task not in (None, "classification", "regression"):
            raise unknown_name("task", task, ("classification", "regression"))
        check_complete("data", X)
        target = str(y.name)
        columns = tuple(_column(X[name]) for name in X.columns)
        y = _plain(y)
        if y.nunique() < 2:
            raise InvalidArgument(
                f"target={target!r} is {y.tolist()[0]!r} in every row: wanted at least two "
                "different values to tell apart."
            )
        if (task or task_of(y)[0]) == "classification":
            shares = y.value_counts(normalize=True).sort_index()
            return cls(target, columns, tuple(shares.index.tolist()), tuple(shares.tolist()))
        column = _numeric(_numbers(y, target))
        return cls(target, columns, mean=column.mean, scale=column.scale)

    @property
    def task(self) -> str:
        """Return "classification" or "regression"."""
        return "classification" if self.classes else "regression"

    @property
    def loss(self) -> str:
        """The loss to train with."""
        if not self.classes:
            return "squared_error"
        return "binary_cross_entropy" if len(self.classes) == 2 else "categorical_cross_entropy"

    @property
    def n_features(self) -> int:
        """How many inputs the network has."""
        return sum(
            1 if isinstance(column, Numeric) else len(column.categories) for column in self.columns
        )

    @property
    def n_outputs(self) -> int:
        """How many outputs the network has."""
        return len(self.classes) if len(self.classes) > 2 else 1

    def features(self, frame: Any) -> Array:
        """Return the network's inputs, shape (n_samples, n_features).

        Parameters
        ----------
        frame : pandas.DataFrame
            Has the columns of training, in any order; others are not looked at. A category not
            seen in training becomes all zeros.

        Raises
        ------
        InvalidArgument
            If a column is missing, holds text where there were numbers, or has empty places.
        """
        pandas = import_pandas()
        names = [column.name for column in self.columns]
        missing = [name for name in names if name not in frame.columns]
        if missing:
            raise InvalidArgument(
                f"data has no column {missing[0]!r}"
                + (f" and {len(missing) - 1} more that are wanted" if len(missing) > 1 else "")
                + f": the model was trained with {few(names)}."
            )
        check_complete("data", frame[names])
        parts = []
        for column in self.columns:
            values = frame[column.name]
            if isinstance(column, Numeric):
                parts.append((_numbers(values, column.name) - column.mean) / column.scale)
            else:
                text = values.astype(str)
                text = text.where(text.isin(column.categories))  # unseen: missing, so all zeros
                known = pandas.Categorical(text, categories=column.categories)
                parts.append(pandas.get_dummies(known).set_index(frame.index))
        return pandas.concat(parts, axis=1).to_numpy(dtype="float64")

    def targets(self, y: Any) -> Array:
        """Return the network's targets, shape (n_samples, n_outputs).

        Parameters
        ----------
        y : pandas.Series
            The target.

        Raises
        ------
        InvalidArgument
            If a class was not seen in training.
        """
        pandas = import_pandas()
        if not self.classes:
            standardized = (_numbers(y, self.target) - self.mean) / self.scale
            return standardized.to_numpy(dtype="float64").reshape(-1, 1)
        y = self.labels(y)
        strange = y[~y.isin(self.classes)]
        if len(strange):
            raise InvalidArgument(
                f"target={self.target!r} holds {strange.tolist()[0]!r}, which the model does not "
                f"know: wanted one of {few(self.classes)}."
            )
        one_hot = pandas.get_dummies(pandas.Categorical(y, categories=self.classes))
        array = one_hot.to_numpy(dtype="float64")
        return array[:, 1:] if len(self.classes) == 2 else array

    def predictions(self, outputs: Array) -> Any:
        """Return what the network's outputs mean, as a Series: class labels, or the quantity."""
        pandas = import_pandas()
        if not self.classes:
            values = outputs[:, 0].astype("float64") * self.scale + self.mean
            return pandas.Series(values, name="prediction")
        best = self.probabilities(outputs).to_numpy().argmax(axis=1)
        labels = pandas.Series([self.classes[i] for i in best], name="prediction", dtype=object)
        return labels.infer_objects()

    def probabilities(self, outputs: Array) -> Any:
        """Return the probability of each class, as a DataFrame with the classes as columns."""
        frame = import_pandas().DataFrame(outputs.astype("float64"))
        if len(self.classes) == 2:
            frame.insert(0, "no", 1.0 - frame[0])
        frame.columns = list(self.classes)
        return frame

    def to_json(self) -> dict[str, Any]:
        """Return it in terms of JSON."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: Any) -> Preparation:
        """Return the preparation that `to_json` described.

        Raises
        ------
        InvalidArgument
            If this is no such description.
        """
        try:
            columns = tuple(
                Categorical(str(column["name"]), tuple(map(str, column["categories"])))
                if "categories" in column
                else Numeric(str(column["name"]), float(column["mean"]), float(column["scale"]))
                for column in content["columns"]
            )
            preparation = cls(
                str(content["target"]),
                columns,
                tuple(content["classes"]),
                tuple(map(float, content["shares"])),
                float(content["mean"]),
                float(content["scale"]),
            )
            preparation._check()
            return preparation
        except (KeyError, TypeError, ValueError, OverflowError):
            raise InvalidArgument(
                "the model does not say how its data is prepared: wanted one that "
                "`agnostic-nn train` made."
            ) from None

    def _check(self) -> None:
        """Raise ValueError for what `fit` cannot have learned: a file may say anything."""
        categorical = [c.categories for c in self.columns if isinstance(c, Categorical)]
        numeric = [c for c in self.columns if isinstance(c, Numeric)]
        lists: list[tuple[Any, ...]] = [tuple(c.name for c in self.columns), *categorical]
        if not self.columns or any(len(set(names)) < len(names) for names in lists):
            raise ValueError("columns and their categories have different names")
        kinds = {type(label) for label in self.classes}
        if len(kinds) > 1 or not kinds <= {str, bool, int, float} or len(self.classes) == 1:
            raise ValueError("classes are labels of one kind")
        if len({*self.classes}) < len(self.classes) or len(self.shares) != len(self.classes):
            raise ValueError("classes are different, and each has a share")
        moments = [(self.mean, self.scale), *((c.mean, c.scale) for c in numeric)]
        if not all(math.isfinite(mean) and 0.0 < scale < math.inf for mean, scale in moments):
            raise ValueError("means and scales are finite")
        for name in (self.target, *itertools.chain(*lists), *map(str, self.classes)):
            name.encode()  # what cannot be written as text cannot be printed

    def labels(self, y: Any) -> Any:
        """Return a target with labels as the model's are: a file of digits looks like numbers."""
        y = _plain(y)
        return y.astype(str) if isinstance(self.classes[0], str) else y


def _column(values: Any) -> Numeric | Categorical:
    """Look at a training column."""
    name = str(values.name)
    if import_pandas().api.types.is_numeric_dtype(values):
        return _numeric(_numbers(values, name))
    categories = sorted(values.astype(str).unique().tolist())
    if len(categories) > MOST_CATEGORIES:
        raise InvalidArgument(
            f"data has {len(categories)} different texts in the column {name!r}, such as "
            f"{categories[0]!r}: wanted numbers, or at most {MOST_CATEGORIES} categories; drop "
            "the column if it is a name or a number of the row."
        )
    return Categorical(name, tuple(categories))


def _numeric(values: Any) -> Numeric:
    mean, scale = float(values.mean()), float(values.std(ddof=0))
    if not math.isfinite(scale):
        raise InvalidArgument(
            f"data has numbers too large to standardize in the column {values.name!r}: "
            f"up to {values.abs().max():g}."
        )
    # a constant column is 0 throughout, also where its rounded mean is not quite its value
    constant = values.max() == values.min() or scale == 0.0
    return Numeric(str(values.name), mean, 1.0 if constant else scale)


def _numbers(values: Any, name: str) -> Any:
    """Return a column as float64; raise if it holds text or infinity."""
    try:
        numbers = values.astype("float64")
    except (TypeError, ValueError):
        numbers = import_pandas().to_numeric(values, errors="coerce")
        example = values[numbers.isna()].tolist()[0]
        raise InvalidArgument(
            f"data holds {example!r} in the column {name!r}: wanted numbers."
        ) from None
    infinite = int(numbers.isin([math.inf, -math.inf]).sum())
    if infinite:
        raise InvalidArgument(
            f"data holds infinity in {infinite} of {len(values)} rows of the column {name!r}: "
            "wanted finite numbers."
        )
    return numbers


def _plain(y: Any) -> Any:
    """Return a target as numbers, bools or text: pandas has more types than JSON."""
    types = import_pandas().api.types
    if types.is_bool_dtype(y):
        return y.astype(bool)
    if types.is_integer_dtype(y):
        return y.astype("int64")
    return y.astype("float64") if types.is_numeric_dtype(y) else y.astype(str)
