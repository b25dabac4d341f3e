"""Columns of categories."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from .columns import Column, Differences, Part
from .text import HostArray, distinct


@dataclass(frozen=True)
class Categorical(Column):
    """A column of categories, one-hot; a category not seen in training is all zeros.

    Attributes
    ----------
    name : str
    categories : tuple of str
    missing : bool
        Whether no value is a category of its own, behind the others, as it was in training.
    others : bool
        Whether all further categories, rare or never seen, share one, behind `categories`.
    note : str
    """

    kind: ClassVar[str] = "categorical"

    name: str
    categories: tuple[str, ...]
    missing: bool = False
    others: bool = False
    note: str = ""

    @classmethod
    def learn(
        cls,
        values: Any,
        missing: Collection[str],
        note: str = "",
        categories: Collection[str] | None = None,
    ) -> Self:
        """Learn from a training column; where `categories` are given, all others share one."""
        found = distinct(values, missing)
        known = tuple(sorted(found.texts if categories is None else categories))
        absent, others = bool((found.codes < 0).any()), len(known) < len(found.texts)
        return cls(str(values.name), known, absent, others, note)

    def outputs(self) -> list[str]:
        """Return a name for each category."""
        last = [*(["another"] if self.others else []), *(["missing"] if self.missing else [])]
        return [
            *(f"{self.name} = {category}" for category in self.categories),
            *(f"{self.name} is {what}" for what in last),
        ]

    def read(self, values: Any, missing: Collection[str], differences: Differences) -> Part:
        """Return the categories' places; see `Column.read`."""
        place = {category: i for i, category in enumerate(self.categories)}
        # a model of before spaces were cut off, or words taken for missing, may know them
        found = distinct(values, set(missing) - place.keys(), strip=False)
        each = np.asarray([_place(text, place, missing) for text in found.texts], dtype=np.int64)
        codes = found.spread(each, _ABSENT)
        absent, unseen = codes == _ABSENT, codes == _UNSEEN
        codes[absent] = len(self.categories) + self.others if self.missing else -1
        codes[unseen] = len(self.categories) if self.others else -1
        if unseen.any() and not self.others:
            example = str(found.texts[each == _UNSEEN][0])
            differences.count("unseen", self.name, int(unseen.sum()), example)
        if not self.missing:
            differences.count("absent", self.name, int(absent.sum()))
        return Part(absent, codes=codes)

    def check(self) -> None:
        """Raise ValueError for what cannot have been learned: a file may say anything."""
        if self.width == 0 or len(set(self.categories)) < len(self.categories):
            raise ValueError("categories are different, and there are some")

    def encode(self, part: Part, out: HostArray) -> None:
        """Write a 1 in the input of each row's category."""
        assert part.codes is not None
        out[...] = 0.0
        known = np.flatnonzero(part.codes >= 0)
        out[known, part.codes[known]] = 1.0

    def describe(self) -> str:
        """Return in a few words what it is."""
        levels = f"{len(self.categories):,} categories"
        levels += ", the others together" if self.others else ""
        return levels + (", missing as one of its own" if self.missing else "")


#: Places of what is no category.
_UNSEEN, _ABSENT = -1, -2


def _place(text: str, place: dict[str, int], missing: Collection[str]) -> int:
    """Return the place of a category, also where other software wrote it."""
    if text in place:
        return place[text]
    text = text.strip()
    if text in missing:
        return _ABSENT
    if text not in place and text.rstrip("0").endswith("."):  # 3.0 is 3
        text = text.rstrip("0").removesuffix(".")
    return place.get(text, _UNSEEN)
