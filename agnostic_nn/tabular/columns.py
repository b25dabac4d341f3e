"""What all kinds of columns have in common: how one is read, and how it becomes numbers.

A column is learned once, and then reads any other table's column of that name in the same way,
whatever file it comes from: a text that was a category stays one, also where it looks like a
number. It is read in two steps. `read` makes a `Part` of it: numbers as they are, or the places
of categories. `encode` writes a part as a network takes it: standardized, one-hot.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar

from ..errors import shown
from .frames import few
from .text import HostArray


@dataclass(frozen=True)
class Part:
    """A column that was read.

    Attributes
    ----------
    numbers : array of float, (n_samples, n_numbers), or None
        As they are in the table; what was missing has been filled in.
    codes : array of int, (n_samples,), or None
        The place among the categories; -1 for none of them.
    absent : array of bool, (n_samples,)
        Where there was no value.
    """

    absent: HostArray
    numbers: HostArray | None = None
    codes: HostArray | None = None


@dataclass
class Differences:
    """How a table differs from the one that was learned from: what is counted while reading.

    Attributes
    ----------
    rows : int
        How many rows were read.
    lacking : list of str
        Columns that are not there.
    unseen, unreadable, absent : dict of str to a count and an example
        By column: categories that were not there in training, text where numbers were, and
        places without a value where there always was one.
    """

    rows: int = 0
    lacking: list[str] = field(default_factory=list)
    unseen: dict[str, tuple[int, str]] = field(default_factory=dict)
    unreadable: dict[str, tuple[int, str]] = field(default_factory=dict)
    absent: dict[str, tuple[int, str]] = field(default_factory=dict)

    def count(self, kind: str, column: str, rows: int, example: str = "") -> None:
        """Add rows of a kind, "unseen", "unreadable" or "absent", in a column."""
        if rows:
            counted = getattr(self, kind)
            before, first = counted.get(column, (0, example))
            counted[column] = before + rows, first

    def sentence(self) -> str:
        """Return it in one sentence; "" where there is no difference."""
        told = []
        if self.lacking:
            names = few([shown(name) for name in self.lacking])
            told.append(f"no column {names}: taken as missing in every row")
        kinds = (
            ("unseen", "a category not seen in training"),
            ("unreadable", "text where numbers were"),
            ("absent", "no value where training had one in every row"),
        )
        for kind, what in kinds:
            counted = getattr(self, kind)
            columns = [
                f"{shown(name)} ({rows:,} rows"
                + (f", such as {shown(example)})" if example else ")")
                for name, (rows, example) in counted.items()
            ]
            if columns:
                told.append(f"{what}: {few(columns)}")
        return f"in {self.rows:,} rows: {'; '.join(told)}." if told else ""


class Column:
    """What all kinds of columns have in common.

    Attributes
    ----------
    name : str
        In the table.
    kind : str
        What a file calls it.
    note : str
        What is worth telling about how it is read; "" where nothing is.
    """

    kind: ClassVar[str]
    name: str
    note: str

    @property
    def width(self) -> int:
        """How many of the network's inputs it becomes."""
        return len(self.outputs())

    def outputs(self) -> list[str]:
        """Return a name for each of the network's inputs that it becomes."""
        raise NotImplementedError

    def read(self, values: Any, missing: Collection[str], differences: Differences) -> Part:
        """Return what the column of a table holds.

        Parameters
        ----------
        values : pandas.Series
        missing : collection of str
            The texts that stand for no value.
        differences : Differences
            Where to count what training did not have.
        """
        raise NotImplementedError

    def encode(self, part: Part, out: HostArray) -> None:
        """Write a part that was read as a network takes it, (n_samples, width)."""
        raise NotImplementedError

    def describe(self) -> str:
        """Return in a few words what it is."""
        raise NotImplementedError

    def check(self) -> None:
        """Raise ValueError for what cannot have been learned: a file may say anything."""
        raise NotImplementedError

    def to_json(self) -> dict[str, Any]:
        """Return it in terms of JSON."""
        return {"kind": self.kind, **asdict(self)}  # type: ignore[call-overload]


@dataclass(frozen=True)
class LeftOut:
    """A column that is not looked at, and why.

    Attributes
    ----------
    name : str
    note : str
    column : Column or None
        What it would be, where it may yet be looked at for want of others.
    """

    name: str
    note: str
    column: Column | None = field(default=None, compare=False)
