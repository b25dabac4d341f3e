"""From a table, and what was said about it, to what a network is fitted to and tested on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ..errors import InvalidArgument, unknown_name
from .choices import recipe_of
from .common import table_options
from .options import Settings
from .parts import Examples, Part, TaskData

#: What the table of predictions on held-out rows calls its own columns.
OWN_COLUMNS = ("row", "repeat", "fold", "true", "prediction")

if TYPE_CHECKING:
    from ..tabular import Preparation
    from ..tabular.splits import Splits


@dataclass(frozen=True)
class Source:
    """A table that was read, and how its rows are to be divided.

    Attributes
    ----------
    name : str
        Of the table.
    examples : Examples
        All rows.
    splits : Splits
        How rows are held out.
    task, reason : str
        "classification" or "regression", and why.
    digest : str
        Of the whole table, to know it again.
    notes : tuple of str
        What is worth telling about how it was read.
    decimal : str or None
        What comes before a fraction, where the table shows it.
    aside : tuple
        The columns that are not predicted from, and why, as far as somebody said so.
    """

    name: str
    examples: Examples
    splits: Splits
    task: str
    reason: str
    digest: str
    notes: tuple[str, ...] = ()
    decimal: str | None = None
    aside: tuple[tuple[str, str], ...] = ()

    @classmethod
    def read(cls, settings: Settings) -> Source:
        """Read a table and look at its target; the same settings give the same rows."""
        from ..tabular import read_table, task_of
        from ..tabular.scores import leading
        from ..tabular.splits import Splits

        if not settings.data:
            raise InvalidArgument("DATA is missing: wanted a table to train on.")
        options = table_options(
            settings.separator, settings.encoding, settings.decimal, settings.max_memory
        )
        table = read_table(settings.data, missing=_missing(settings), **options)
        # rows are called by their place in the table, also where the file has an index of its own
        table = replace(table, frame=table.frame.reset_index(drop=True))
        table = table.labelled(settings.target)
        X, y = table.split()
        task, reason = task_of(y)
        if settings.task is not None:
            task, reason = settings.task, "as --task says"
        leading(settings.metric, task)
        if settings.class_weight is not None and task != "classification":
            raise InvalidArgument(
                f"class_weight={settings.class_weight!r}: wanted classes, the task is {task}."
            )
        roles = {
            role: _column(role, name, X, y)
            for role in ("id", "weight", "group", "time")
            if (name := getattr(settings, role)) is not None
        }
        examples = Examples(
            _features(X, settings), y, weights_in(roles.get("weight")), roles.get("id")
        )
        splits = Splits(
            y, task == "classification", settings.seed, roles.get("group"), roles.get("time")
        )
        return cls(
            table.name, examples, splits, task, reason, digest(table.frame),
            (*table.notes, *splits.notes), table.decimal, _aside(X, examples.X, settings),
        )  # fmt: skip

    def divide(self, settings: Settings) -> TaskData:
        """Hold out the rows to test on, or the first fold, and prepare all."""
        if settings.folds is not None:
            fold = next(self.splits.folds(settings.folds, settings.repeats))
            return self.prepare(settings, fold.kept, fold.held)
        kept, held = self.splits.hold_out(settings.test_fraction)
        return self.prepare(settings, kept, held)

    def prepare(self, settings: Settings, kept: Any, held: Any = None) -> TaskData:
        """Learn from the rows at `kept` how to prepare the table; test on those at `held`."""
        from ..tabular import Differences, Preparation

        recipe = recipe_of(settings)
        watched, fraction = None, settings.watched
        if fraction is not None:
            asked_for = recipe is None or settings.validation is not None
            divided = (
                self.splits.hold_out(fraction, kept, "validation")
                if asked_for
                else self.splits.watch(fraction, kept)
            )
            kept, watched = divided
        train = self.examples.at(kept)
        preparation = Preparation.fit(
            train.X,
            train.y,
            self.task,
            categorical=_names("categorical", settings.categorical or (), train.X.columns),
            numeric=_names("numeric", settings.numeric or (), train.X.columns),
            missing=_missing(settings),
            decimal=self.decimal,
        )
        if recipe is not None:
            preparation = recipe.prepared(
                preparation, preparation.blocks(train.X, differences=Differences())
            )
        weights = _class_weights(preparation) if settings.class_weight is not None else None
        # what the network would round to anyhow takes half of the memory
        dtype = "float64" if settings.dtype == "float64" else "float32"

        def part(examples: Examples) -> Part:
            return Part(examples, preparation, weights, dtype=dtype)

        return TaskData(
            preparation,
            part(train),
            None if watched is None else part(self.examples.at(watched)),
            None if held is None else part(self.examples.at(held)),
        )

    def describe(self, preparation: Preparation) -> str:
        """Return the data in a line."""
        from ..tabular import DateTime, Numeric

        columns = preparation.columns
        numeric = sum(isinstance(column, Numeric) for column in columns)
        dates = sum(isinstance(column, DateTime) for column in columns)
        others, inputs = len(columns) - numeric - dates, preparation.n_features
        kinds = [
            f"{count} {what.format('column' if count == 1 else 'columns')}"
            for count, what in (
                (numeric, "numeric {}"), (dates, "{} of dates"), (others, "{} of categories")
            )
            if count
        ]  # fmt: skip
        read_as = f"{inputs} {'input' if inputs == 1 else 'inputs'}"
        return f"{self.name}, {len(self.examples):,} rows, {' and '.join(kinds)}, {read_as}"


def digest(frame: Any) -> str:
    """Return a digest of a table: its columns, and all values in their order."""
    import hashlib

    from ..tabular import import_pandas

    found = hashlib.sha256(repr([str(column) for column in frame.columns]).encode())
    hashed = import_pandas().util.hash_pandas_object
    for name in frame.columns:
        column = frame[name]
        try:
            numbers = hashed(column, index=False)
        except TypeError:  # lists and records are no values that can be hashed
            numbers = hashed(column.astype(str), index=False)
        found.update(numbers.to_numpy().astype("<u8").tobytes())
    return found.hexdigest()


def _column(role: str, name: str, X: Any, y: Any) -> Any:
    """Return the column that has a role of its own."""
    if name == y.name:
        raise InvalidArgument(f"{role}={name!r} is the target: wanted another column.")
    if name not in X.columns:
        raise unknown_name(role, name, X.columns)
    if role == "id" and name in OWN_COLUMNS:
        raise InvalidArgument(
            f"id={name!r}: predictions have a column of that name, wanted another name."
        )
    return X[name]


def _features(X: Any, settings: Settings) -> Any:
    """Return the columns to predict from: those named, without those that have another role."""
    if settings.features is not None:
        chosen = _names("features", settings.features, X.columns)
    else:
        roles = {settings.id, settings.weight, settings.group, settings.time}
        chosen = [name for name in X.columns if name not in roles]
    dropped = set(_names("drop", settings.drop or [], X.columns))
    chosen = [name for name in chosen if name not in dropped]
    if not chosen:
        raise InvalidArgument("features: no column is left to predict from, wanted at least one.")
    return X[chosen]


def _aside(X: Any, features: Any, settings: Settings) -> tuple[tuple[str, str], ...]:
    """Return the columns that are not predicted from, and why."""
    roles = {
        settings.id: "names a row",
        settings.weight: "says what a row counts for",
        settings.group: "says what is held out together",
        settings.time: "says what is held out",
    }
    asked = "not among --features" if settings.features is not None else "as --drop says"
    return tuple((name, roles.get(name, asked)) for name in X.columns if name not in features)


def _names(argument: str, said: Sequence[str], columns: Sequence[str]) -> list[str]:
    """Return columns by name: a whole name, which may hold a comma, or several with commas."""
    names: dict[str, None] = {}  # each once, in their order
    for text in said:
        for name in [text] if text in columns else text.split(","):
            name = name if name in columns else name.strip()
            if name not in columns:
                raise unknown_name(argument, name, columns)
            names[name] = None
    return list(names)


def _missing(settings: Settings) -> tuple[str, ...]:
    """Return the texts that stand for no value."""
    from ..tabular import MISSING

    more = (word for text in settings.na or () for word in text.split(","))
    return tuple(dict.fromkeys((*MISSING, *more)))


def weights_in(column: Any) -> Any:
    """Return what rows count for, as numbers.

    Raises
    ------
    InvalidArgument
        If the column holds anything else.
    """
    if column is None:
        return None
    from ..tabular import import_pandas, natural

    weight = import_pandas().to_numeric(natural(column), errors="coerce").astype("float64")
    wrong = column[~weight.between(0.0, float("inf"), inclusive="left")]
    if len(wrong):
        raise InvalidArgument(
            f"weight={column.name!r} holds {wrong.tolist()[0]!r} in {len(wrong)} of {len(column)} "
            "rows: wanted numbers of at least 0 in every place."
        )
    if weight.sum() == 0.0:
        raise InvalidArgument(f"weight={column.name!r} is 0 in every row: wanted rows that count.")
    return weight


def _class_weights(preparation: Preparation) -> dict[Any, float]:
    """Return what each class counts for where all count the same together."""
    k = len(preparation.classes)
    shares = zip(preparation.classes, preparation.shares, strict=True)
    return {label: 1.0 / (k * share) for label, share in shares}
