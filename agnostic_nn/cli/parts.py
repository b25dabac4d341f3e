"""Rows of a table, and what they are to a network: to train on, to watch, to test on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ..backends import host

if TYPE_CHECKING:
    from ..namespace import Array
    from ..tabular import Preparation


@dataclass(frozen=True)
class Examples:
    """Rows of a table: features, target, what each row counts for, and what it is called."""

    X: Any
    y: Any
    weight: Any = None
    id: Any = None

    def __len__(self) -> int:
        return len(self.y)

    def at(self, rows: Any) -> Examples:
        """Return the rows that stand at these places."""
        columns = (self.X, self.y, self.weight, self.id)
        return Examples(*(None if column is None else column.iloc[rows] for column in columns))


@dataclass(frozen=True)
class Part:
    """Examples, and what they are to a network.

    Attributes
    ----------
    class_weight : dict or None
        What each class counts for in the cost, beside the row's own weight.
    warns : bool
        Whether a warning says where the rows differ from those of training.
    dtype : str
        Of the inputs.
    """

    examples: Examples
    preparation: Preparation
    class_weight: dict[Any, float] | None = None
    warns: bool = False
    dtype: str = "float64"

    def __len__(self) -> int:
        return len(self.examples)

    @cached_property
    def inputs(self) -> Array:
        """The network's inputs."""
        from ..tabular import Differences

        counted = None if self.warns else Differences()
        return self.preparation.features(self.examples.X, dtype=self.dtype, differences=counted)

    @cached_property
    def targets(self) -> Array:
        """The network's targets."""
        return self.preparation.targets(self.examples.y)

    def some(self, fraction: float) -> Part:
        """Return the first rows, as if each counted the same."""
        first = range(max(1, round(fraction * len(self))))
        examples = replace(self.examples.at(first), weight=None)
        return replace(self, examples=examples, class_weight=None)

    @property
    def weight(self) -> Array | None:
        """What each row counts for in a score."""
        weight = self.examples.weight
        return None if weight is None else weight.to_numpy(dtype="float64")

    @property
    def cost_weight(self) -> Array | None:
        """What each row counts for in the cost."""
        if self.class_weight is None:
            return self.weight
        labels = self.preparation.labels(self.examples.y)
        factors = labels.map(self.class_weight).to_numpy(dtype="float64")
        return factors if self.weight is None else factors * self.weight

    @property
    def arrays(self) -> tuple[Array, ...]:
        """Inputs, targets, and what each row counts for in the cost where that differs."""
        weight = self.cost_weight
        return (self.inputs, self.targets, *(() if weight is None else (weight,)))


@dataclass(frozen=True)
class TaskData:
    """What a model is fitted to, what is watched meanwhile, and what it is tested on."""

    preparation: Preparation
    train: Part
    validation: Part | None = None
    test: Part | None = None

    @property
    def parts(self) -> dict[str, Part]:
        """What there is, by name."""
        named = {"train": self.train, "validation": self.validation, "test": self.test}
        return {name: part for name, part in named.items() if part is not None}

    def some(self, fraction: float) -> TaskData:
        """Return the first rows of each part, as if each counted the same."""
        parts = {name: part.some(fraction) for name, part in self.parts.items()}
        return TaskData(self.preparation, **parts)

    @cached_property
    def plain(self) -> TaskData:
        """The same as a linear model takes it: standardized and one-hot encoded."""
        if self.preparation.inputs is None:
            return self
        plain = self.preparation.plain
        parts = {name: replace(part, preparation=plain) for name, part in self.parts.items()}
        return TaskData(plain, **parts)

    @property
    def kept(self) -> tuple[Array, Array, Array | None]:
        """What is not held out to test on, for models that have no epoch to choose.

        Inputs, targets, and what each row counts for in the cost.
        """
        if self.validation is None:
            return self.train.inputs, self.train.targets, self.train.cost_weight
        parts = (self.train.arrays, self.validation.arrays)
        X, Y, *weight = (host.stacked(arrays) for arrays in zip(*parts, strict=True))
        return X, Y, weight[0] if weight else None

    @property
    def watched(self) -> Part | None:
        """The rows to watch: those that may decide something, else those that decide nothing."""
        return self.test if self.validation is None else self.validation
