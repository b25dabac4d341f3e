"""Which rows are held out: at random, whole groups, or the latest, so that nothing leaks."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from ..backends import host
from ..errors import InvalidArgument, shown
from .frames import few, import_pandas
from .targets import natural
from .text import date_format_of, dates_in, days_of, distinct, is_ambiguous


class Fold(NamedTuple):
    """One of the folds: where the rows to train on stand, and those held out."""

    repeat: int
    number: int
    kept: Any
    held: Any


@dataclass(frozen=True)
class Splits:
    """How the rows of a table are divided.

    Classes are held out in the proportions they have. With groups, all rows of a group are on one
    side; with times, what is held out is later than all that is trained on, and rows of one moment
    stay together.

    Parameters
    ----------
    y : pandas.Series
        The target.
    stratified : bool
        Whether it is classes.
    seed : int
        Of what is drawn.
    groups : pandas.Series, optional
        Which group each row belongs to.
    times : pandas.Series, optional
        When each row was: numbers, dates, or dates as text.

    Examples
    --------
    >>> import pandas as pd
    >>> y = pd.Series(range(6), name="y")
    >>> kept, held = Splits(y, False, 0, groups=pd.Series(list("aabbcc"))).hold_out(0.3)
    >>> kept.tolist(), held.tolist()
    ([0, 1, 4, 5], [2, 3])
    """

    y: Any
    stratified: bool
    seed: int
    groups: Any = None
    times: Any = None

    def __post_init__(self) -> None:
        if self.groups is not None and self.times is not None:
            raise InvalidArgument(
                f"group={self.groups.name!r} and time={self.times.name!r}: wanted one of them, "
                "rows are held out by group or by time."
            )
        for argument, column in (("group", self.groups), ("time", self.times)):
            if column is not None and (absent := int((distinct(column).codes < 0).sum())):
                raise InvalidArgument(
                    f"{argument}={column.name!r} has {absent} missing values in {len(column)} "
                    "rows: wanted a value in every place."
                )
        if self.times is not None:
            object.__setattr__(self, "times", _moments(self.times))

    @property
    def by(self) -> str | None:
        """What decides where a row goes, beside chance: the group or the time; None if nothing."""
        column = self.groups if self.groups is not None else self.times
        return None if column is None else str(column.name)

    def describe(self) -> str:
        """Return how rows are held out, for people."""
        if self.groups is not None:
            return f"whole groups of {self.groups.name!r}"
        if self.times is not None:
            return f"the latest by {self.times.name!r}"
        return "rows at random" + (", each class in its proportion" if self.stratified else "")

    def hold_out(
        self, fraction: float, rows: Any = None, argument: str = "test_fraction"
    ) -> tuple[Any, Any]:
        """Divide rows into those to train on and those held out.

        Parameters
        ----------
        fraction : float
            How much to hold out: of the rows, or of the groups.
        rows : sequence of int, optional
            Where the rows to divide stand; left out, all.
        argument : str
            What messages call the fraction.

        Returns
        -------
        kept, held : array of int
            Where they stand in the table.

        Raises
        ------
        InvalidArgument
            If the rows cannot be divided like this.
        """
        rows = self.rows if rows is None else host.asarray(rows)
        try:
            if self.times is not None:
                kept, held = self._latest(rows, fraction)
            elif self.groups is not None:
                kept, held = self._some_groups(rows, fraction)
            else:
                kept, held = self._at_random(rows, fraction)
        except ValueError as error:
            if isinstance(error, InvalidArgument):
                raise
            reason = str(error).splitlines()[0].rstrip(".")
            raise InvalidArgument(
                f"{argument}={fraction} cannot split {len(rows)} rows: {reason}."
            ) from error
        self._check_classes(kept, held)
        return kept, held

    def watch(self, fraction: float, rows: Any) -> tuple[Any, Any]:
        """Divide rows into those to train on and those to choose the best epoch by.

        As `hold_out`, but as well as can be where rows are too few for that: a class is not held
        out as a whole, and where nothing can be, None is.
        """
        try:
            return self.hold_out(fraction, rows, "validation")
        except InvalidArgument:
            pass
        try:
            kept, held = replace(self, stratified=False).hold_out(fraction, rows, "validation")
        except InvalidArgument:
            return rows, None
        if self.stratified:
            known = self.y.iloc[held].isin(self.y.iloc[kept].unique()).to_numpy()
            kept, held = host.concatenate([kept, held[~known]]), held[known]
        return (kept, held) if len(held) else (rows, None)

    def folds(self, number: int, repeats: int = 1) -> Iterator[Fold]:
        """Divide all rows into folds, each of which is held out once in a repeat.

        Parameters
        ----------
        number : int
            Of folds. By time, one more part is made: the first is only trained on.
        repeats : int, default 1
            How often to draw other folds.

        Yields
        ------
        Fold

        Raises
        ------
        InvalidArgument
            If the rows cannot be divided like this.
        """
        rows = self.rows
        if self.times is not None and repeats > 1:
            raise InvalidArgument(
                f"repeats={repeats}: wanted 1 with time={self.times.name!r}, which has one order."
            )
        for repeat in range(repeats):
            try:
                with warnings.catch_warnings():
                    # a class with fewer rows than folds is missing from some, and the scores say so
                    warnings.simplefilter("ignore", UserWarning)
                    found = list(self._folds(rows, number, self.seed + repeat))
            except ValueError as error:
                reason = str(error).splitlines()[0].rstrip(".")
                raise InvalidArgument(
                    f"folds={number} cannot split {len(rows)} rows: {reason}."
                ) from error
            for i, (kept, held) in enumerate(found):
                alone = self._alone(rows)[held]
                kept, held = host.concatenate([kept, held[alone]]), held[~alone]
                self._check_classes(rows[kept], rows[held])
                yield Fold(repeat + 1, i + 1, rows[kept], rows[held])

    @property
    def rows(self) -> Any:
        """Where all rows stand."""
        return import_pandas().RangeIndex(len(self.y)).to_numpy()

    @property
    def notes(self) -> tuple[str, ...]:
        """What is worth telling about how rows are held out, in a sentence each."""
        labels = self.y[self._alone(self.rows)].tolist()
        if not labels:
            return ()
        if len(labels) == 1:
            return (f"the class {shown(labels[0])} has a single row: it is never held out.",)
        return (f"{len(labels)} classes have a single row, never held out: {few(labels)}.",)

    def _alone(self, rows: Any) -> Any:
        """Return which rows, held out at random, would be the only ones of their class."""
        y = self.y.iloc[rows]
        if not self.stratified or self.by is not None:
            return (y != y).to_numpy()  # none is
        return ~y.duplicated(keep=False).to_numpy()

    def _at_random(self, rows: Any, fraction: float) -> tuple[Any, Any]:
        """Hold rows out at random, some of each class; the only row of a class is kept."""
        from sklearn.model_selection import train_test_split

        alone = self._alone(rows)
        y = self.y.iloc[rows[~alone]]
        if len(y) == 0:
            raise InvalidArgument(
                f"target={self.y.name!r} has a class of its own in each of {len(rows)} rows: "
                "wanted classes of at least two rows, one to train on and one to test on."
            )
        n, held, classes = len(y), math.ceil(fraction * len(y)), 1
        if self.stratified:
            classes = int(y.nunique())
            # by number where they have one: the split that scikit-learn's users know by its seed
            y = y.cat.codes if hasattr(y, "cat") else y
        if min(held, n - held) < classes:
            wanted = f"one of each of {classes} classes" if self.stratified else "one"
            raise ValueError(
                f"{held} would be held out and {n - held} kept, wanted {wanted} on either side"
            )
        kept, held = train_test_split(
            rows[~alone],
            test_size=fraction,
            random_state=self.seed,
            stratify=y if self.stratified else None,
        )
        return host.concatenate([kept, rows[alone]]), held

    def _folds(self, rows: Any, number: int, seed: int) -> Iterator[tuple[Any, Any]]:
        from sklearn import model_selection

        if self.times is not None:
            yield from self._folds_in_time(rows, number)
            return
        settings = {"n_splits": number, "shuffle": True, "random_state": seed}
        if self.groups is not None:
            kind = "StratifiedGroupKFold" if self.stratified else "GroupKFold"
        else:
            kind = "StratifiedKFold" if self.stratified else "KFold"
        splitter = getattr(model_selection, kind)(**settings)
        groups = self._group_of(rows, seed)
        if groups is not None and number > (there := len(set(groups.tolist()))):
            raise ValueError(f"there are {there} groups")
        yield from splitter.split(rows, self._codes(rows), groups)

    def _some_groups(self, rows: Any, fraction: float) -> tuple[Any, Any]:
        """Hold out groups: where there are classes, those that keep their proportions."""
        from sklearn import model_selection

        groups, parts = self._group_of(rows, self.seed), round(1.0 / fraction)
        if self.stratified and 2 <= parts <= len(set(groups.tolist())):
            splitter = model_selection.StratifiedGroupKFold(
                parts, shuffle=True, random_state=self.seed
            )
        else:
            splitter = model_selection.GroupShuffleSplit(
                1, test_size=fraction, random_state=self.seed
            )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # a class with fewer rows than parts
            kept, held = next(splitter.split(rows, self._codes(rows), groups))
        return rows[kept], rows[held]

    def _latest(self, rows: Any, fraction: float) -> tuple[Any, Any]:
        """Hold out what comes at and after the moment that leaves about the fraction."""
        times = self.times.iloc[rows]
        first = times.sort_values().iloc[-max(1, round(fraction * len(rows)))]
        held = times >= first
        if held.all():
            raise ValueError(f"{int((times == first).sum())} of them have the time {first}")
        return rows[~held.to_numpy()], rows[held.to_numpy()]

    def _folds_in_time(self, rows: Any, number: int) -> Iterator[tuple[Any, Any]]:
        from sklearn.model_selection import TimeSeriesSplit

        order = self.times.argsort(kind="stable").to_numpy()
        ordered = self.times.to_numpy()[order]
        for kept, held in TimeSeriesSplit(number).split(rows):
            before = kept[ordered[kept] < ordered[held].min()]  # rows of one moment stay together
            if len(before) == 0:
                raise ValueError(f"too many of them have the time {ordered[held].min()}")
            yield order[before], order[held]

    def _codes(self, rows: Any) -> Any:
        """Return the target as splitters take it: classes by number."""
        y = self.y.iloc[rows]
        return import_pandas().factorize(y.astype(str), sort=True)[0] if self.stratified else y

    def _group_of(self, rows: Any, seed: int) -> Any:
        """Return the group of each row, by a number that is drawn.

        Of groups that are alike scikit-learn 1.6 takes the first ones, whatever the seed.
        """
        if self.groups is None:
            return None
        codes, names = import_pandas().factorize(self.groups, sort=True)
        return host.permutation(len(names), seed)[codes[rows]]

    def _check_classes(self, kept: Any, held: Any) -> None:
        """Raise if there is a class to test on that there is none of to train on."""
        if not self.stratified:
            return
        known = self.y.iloc[kept].unique()
        strange = self.y.iloc[held]
        strange = strange[~strange.isin(known)]
        if len(strange):
            raise InvalidArgument(
                f"target={self.y.name!r}: the class {shown(strange.tolist()[0])} is in held-out "
                f"rows alone, which are {self.describe()}: wanted rows of it to train on too."
            )


def _moments(times: Any) -> Any:
    """Return times as numbers that can be ordered; dates are days since 1970."""
    pandas = import_pandas()
    if pandas.api.types.is_datetime64_any_dtype(times):
        return pandas.Series(days_of(times), times.index, name=times.name)
    numbers = natural(times)
    if pandas.api.types.is_numeric_dtype(numbers):
        return numbers
    found = distinct(times)
    form = date_format_of(found)
    if form is not None and is_ambiguous(found.texts, form):
        raise InvalidArgument(
            f"time={times.name!r} holds {shown(found.texts[0])}, where day and month could be "
            "either: wanted dates such as 2024-12-31."
        )
    days = dates_in(found.texts, form or "ISO8601")
    strange = found.texts[days != days]
    if len(strange):
        raise InvalidArgument(
            f"time={times.name!r} holds {shown(strange[0])}: wanted numbers, or dates such as "
            "2024-12-31."
        )
    return pandas.Series(found.spread(days, 0.0), times.index, name=times.name)
