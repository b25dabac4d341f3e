"""How a table becomes the numbers a network reads, and its outputs become predictions."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ..errors import InvalidArgument, shown, unknown_name
from ..namespace import Array
from ..network import Network
from .columns import Column, Differences, LeftOut
from .described import described, description_of
from .encoding import encoded, known, read, tell
from .frames import as_frame, as_series, check_complete, few, import_pandas
from .inputs import Blocks, Inputs
from .inspecting import Wishes, inspect
from .measured import Numeric, moments
from .seen import Seen
from .targets import in_order, labels_like, natural, task_of
from .text import MISSING


@dataclass(frozen=True)
class Preparation:
    """How a table becomes a network's inputs and targets, and its outputs predictions.

    Each column is numbers, true or false, dates or categories: numbers and dates are standardized
    and categories one-hot encoded. Where values were missing in training, another input or
    another category says so. Classes become one output of 0 or 1 where there are two, and one-hot
    rows where there are more; a quantity is standardized, and predictions are turned back into
    its units.

    Attributes
    ----------
    target : str
        The target column; "" where there is none.
    columns : tuple of Column
        The columns that are read, in the network's order; a table may have them in any order.
    classes : tuple
        The class labels, sorted, of the type they have in the table; empty for regression.
    shares : tuple of float
        How much of the training data each class is.
    mean, scale : float
        Of the target in training; 0 and 1 for classification.
    left_out : tuple of LeftOut
        The columns that are not read, and why.
    missing : tuple of str
        The texts that stand for no value.
    seen : Seen
        The rows of training, to know them again.
    inputs : Inputs or None
        How the columns become what a recipe's network reads, which has an output for each class,
        also where there are two; None where they are standardized and one-hot encoded.

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
    columns: tuple[Column, ...]
    classes: tuple[Any, ...] = ()
    shares: tuple[float, ...] = ()
    mean: float = 0.0
    scale: float = 1.0
    left_out: tuple[LeftOut, ...] = field(default=(), compare=False)
    missing: tuple[str, ...] = MISSING
    seen: Seen = field(default_factory=Seen)
    inputs: Inputs | None = None

    @classmethod
    def fit(
        cls,
        X: Any,
        y: Any = None,
        task: str | None = None,
        *,
        categorical: Collection[str] = (),
        numeric: Collection[str] = (),
        drop: Collection[str] = (),
        missing: Collection[str] = MISSING,
        decimal: str | None = None,
    ) -> Preparation:
        """Learn from training data how to prepare it and what comes after.

        Parameters
        ----------
        X : DataFrame
            Features: of pandas, polars or Arrow, or an array.
        y : Series, optional
            Target; without one, only features are prepared.
        task : str, optional
            "classification" or "regression"; left out, what `task_of` says.
        categorical, numeric, drop : collection of str
            Columns that are categories, that are numbers, and that are not to be looked at,
            whatever they look like.
        missing : collection of str
            The texts that stand for no value.
        decimal : str, optional
            "." or ",", what comes before a fraction in a column of text that does not show it.

        Raises
        ------
        InvalidArgument
            If values are infinite, no column is left to learn from, or the target has missing
            values or one value only.
        """
        if task not in (None, "classification", "regression"):
            raise unknown_name("task", task, ("classification", "regression"))
        if decimal not in (None, ".", ","):
            raise unknown_name("decimal", decimal, (".", ","))
        X, words = as_frame(X), tuple(missing)
        found = inspect(X, Wishes(categorical, numeric, drop, words, decimal))
        columns = tuple(column for column in found if isinstance(column, Column))
        left_out = tuple(column for column in found if isinstance(column, LeftOut))
        features = cls("", columns, left_out=left_out, missing=words)
        rows = features.blocks(X, differences=Differences()).rows()
        features = replace(features, seen=Seen.of(rows))
        if y is None:
            return features
        return features.with_target(natural(as_series(y), words, decimal), task)

    def with_target(self, y: Any, task: str | None = None) -> Preparation:
        """Return the preparation of the same features for a complete target, a Series."""
        target = str(y.name)
        check_complete("target", y.to_frame())
        if y.nunique() < 2:
            raise InvalidArgument(
                f"target={target!r} is {y.tolist()[0]!r} in every row: wanted at least two "
                "different values to tell apart."
            )
        if (task or task_of(y)[0]) == "classification":
            counted = y.value_counts(normalize=True)
            share = dict(zip(counted.index.tolist(), counted.tolist(), strict=True))
            classes = tuple(in_order(list(share)))
            shares = tuple(share[label] for label in classes)
            return replace(self, target=target, classes=classes, shares=shares)
        mean, scale = moments(_quantity(y, target, self.missing), target)
        return replace(self, target=target, mean=mean, scale=scale)

    def with_outputs(self, classes: tuple[Any, ...] = ()) -> Preparation:
        """Return it for outputs that are these classes, or a quantity in its own units."""
        shares = tuple(1.0 / len(classes) for _ in classes)
        return replace(self, target="target", classes=classes, shares=shares, mean=0.0, scale=1.0)

    def check_network(self, network: Network, where: str = "preparation") -> None:
        """Raise if a network has other inputs and outputs than what is prepared."""
        widths = network.objective.widths
        if (self.n_features, self.n_outputs) != (widths[0], widths[-1]):
            raise InvalidArgument(
                f"{where}: the preparation gives {self.n_features} features and "
                f"{self.n_outputs} outputs, the network has {widths[0]} and {widths[-1]}."
            )

    @property
    def task(self) -> str:
        """Return "classification" or "regression"."""
        return "classification" if self.classes else "regression"

    @property
    def loss(self) -> str:
        """The loss to train with."""
        if not self.classes:
            return "squared_error"
        return "binary_cross_entropy" if self._has_one_of_two else "categorical_cross_entropy"

    @property
    def _has_one_of_two(self) -> bool:
        """Whether the one output is the probability of the second of two classes."""
        return len(self.classes) == 2 and self.inputs is None

    @property
    def n_features(self) -> int:
        """How many inputs the network has."""
        if self.inputs is not None:
            return self.inputs.width
        return sum(column.width for column in self.columns)

    @property
    def n_outputs(self) -> int:
        """How many outputs the network has."""
        return 1 if self._has_one_of_two else len(self.classes) or 1

    @property
    def feature_names(self) -> list[str]:
        """What each of the network's inputs is."""
        return [name for _, name in self._each_input()]

    @property
    def owners(self) -> list[str]:
        """The column of the table that each of the network's inputs is made of."""
        return [column for column, _ in self._each_input()]

    def _each_input(self) -> list[tuple[str, str]]:
        """Return for each of the network's inputs its column, and what it is."""
        said = [[(c.name, name) for name in c.outputs()] for c in self.columns]
        if self.inputs is None:
            return [each for column in said for each in column]
        numbers, indicators, categories, codes = [], [], [], []
        table = import_pandas().DataFrame()  # of no rows: what columns are read as is the question
        parts = read(self.columns, table, self.missing, Differences())
        for (column, part), names in zip(parts, said, strict=True):
            if part.numbers is None:
                categories.append(names)
                codes.append((column.name, column.name))
            else:
                k = part.numbers.shape[1]
                numbers += names[:k]
                indicators += names[k:]
        return self.inputs.each([*numbers, *indicators], categories, codes)

    @property
    def plain(self) -> Preparation:
        """The same of a plain network, whose inputs are standardized and one-hot encoded."""
        return replace(self, inputs=None)

    @property
    def notes(self) -> tuple[str, ...]:
        """What was decided about columns that is worth telling, in a sentence each."""
        found: tuple[Column | LeftOut, ...] = (*self.columns, *self.left_out)
        return tuple(f"{shown(column.name)}: {column.note}." for column in found if column.note)

    def features(
        self, frame: Any, *, dtype: str = "float64", differences: Differences | None = None
    ) -> Array:
        """Return the network's inputs, shape (n_samples, n_features).

        Parameters
        ----------
        frame : DataFrame
            Has the columns of training, in any order; others are not looked at.
        dtype : str, default "float64"
            Of the array.
        differences : Differences, optional
            Where to count how the table differs from the one of training; left out, a warning
            tells that in one sentence. A category not seen in training is all zeros, and a number
            that is missing is the median of training.

        Raises
        ------
        InvalidArgument
            If no column of training is there, or one holds text where there were numbers.
        """
        counted = Differences() if differences is None else differences
        if self.inputs is not None:
            blocks = self.blocks(frame, differences=counted)
            if differences is None:
                tell(counted)
            return self.inputs.rows(blocks).astype(dtype)
        frame = known(self.columns, frame, counted)
        parts = read(self.columns, frame, self.missing, counted)
        rows = encoded(parts, (len(frame), self.n_features), dtype)
        if differences is None:
            tell(counted)
        return rows

    def blocks(self, frame: Any, *, differences: Differences | None = None) -> Blocks:
        """Return the columns as numbers that are not encoded yet; see `features`."""
        counted = Differences() if differences is None else differences
        frame = known(self.columns, frame, counted)
        blocks = Blocks.of(read(self.columns, frame, self.missing, counted), len(frame))
        if differences is None:
            tell(counted)
        return blocks

    def targets(self, y: Any) -> Array:
        """Return the network's targets, shape (n_samples, n_outputs).

        Parameters
        ----------
        y : Series
            The target.

        Raises
        ------
        InvalidArgument
            If a class was not seen in training.
        """
        pandas = import_pandas()
        if not self.classes:
            quantity = _quantity(as_series(y), self.target, self.missing)
            return ((quantity - self.mean) / self.scale).reshape(-1, 1)
        y = self.labels(y)
        strange = y[~y.isin(self.classes)]
        if len(strange):
            raise InvalidArgument(
                f"target={self.target!r} holds {strange.tolist()[0]!r}, which the model does not "
                f"know: wanted one of {few(self.classes)}."
            )
        codes = pandas.Categorical(y, categories=self.classes).codes
        if self._has_one_of_two:
            return codes.astype("float64").reshape(-1, 1)
        return np.eye(len(self.classes))[codes]

    @staticmethod
    def places(targets: Array) -> Array:
        """Return which class each row of targets is; of two with one output, 0 or 1."""
        return targets[:, 0].astype(int) if targets.shape[1] == 1 else targets.argmax(axis=1)

    def labels(self, y: Any) -> Any:
        """Return a target with labels as the model's are: a file of digits looks like numbers."""
        return labels_like(as_series(y), self.classes, self.missing)

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
        if self._has_one_of_two:
            frame.insert(0, "no", 1.0 - frame[0])
        frame.columns = list(self.classes)
        return frame

    def known_rows(self, frame: Any) -> tuple[int, int]:
        """Return how many rows of a table are equal to rows of training, of how many it is known.

        (0, 0) where the rows of training are too much alike for that, or the model is of before
        it was taken down.
        """
        if not self.seen.tells:
            return 0, 0
        return self.seen.among(self.blocks(frame, differences=Differences()).rows())

    def answers(self, outputs: Array) -> Any:
        """Return predictions as a table: "prediction", and "probability_CLASS" for each class."""
        table = self.predictions(outputs).to_frame()
        if not self.classes:
            return table
        probabilities = self.probabilities(outputs).add_prefix("probability_")
        return import_pandas().concat([table, probabilities], axis=1)

    def to_json(self) -> dict[str, Any]:
        """Return it in terms of JSON."""
        return description_of(self)

    @classmethod
    def from_json(cls, content: Any) -> Preparation:
        """Return the preparation that `to_json` described, of this version or an earlier one.

        Raises
        ------
        InvalidArgument
            If this is no such description.
        """
        return cls(**described(content))


def _quantity(y: Any, target: str, missing: Collection[str]) -> Array:
    """Return a target as float64, every number finite."""
    numbers, _ = Numeric(target).numbers_of(natural(y, missing), missing)
    absent = int(np.isnan(numbers).sum())
    if absent:
        raise InvalidArgument(
            f"target={target!r} has {absent} missing values in {len(numbers)} rows: wanted a value "
            "in every place."
        )
    return numbers
