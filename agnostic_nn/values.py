"""What is its settings and nothing else: equal where they are, and no other thing."""

from __future__ import annotations

from typing import Any


class Value:
    """Base of what is compared by its kind and by all that it holds.

    A subclass is so as well, whether it is a dataclass or sets attributes of its own: a step that
    was recorded or compiled with other settings is never taken for one with these. Attributes
    whose names begin with an underscore are notes, and no settings.
    """

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        # `dataclass` leaves what it finds in the class, and would else compare its fields alone
        for name in ("__eq__", "__hash__"):
            if name not in vars(cls):
                setattr(cls, name, getattr(cls, name))

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other):
            return NotImplemented
        mine, others = settings(self), settings(other)
        return mine.keys() == others.keys() and all(
            _same(value, others[name]) for name, value in mine.items()
        )

    def __hash__(self) -> int:
        return hash((type(self), *(_hash(value) for value in settings(self).values())))


def settings(thing: object) -> dict[str, Any]:
    """Return all that an object was given, by name and in the order of the names."""
    return {name: vars(thing)[name] for name in sorted(vars(thing)) if not name.startswith("_")}


def _same(a: Any, b: Any) -> bool:
    try:
        return a is b or bool(a == b)
    except (TypeError, ValueError):  # arrays, which have no answer: not the same, to be safe
        return False


def _hash(value: Any) -> int:
    try:
        return hash(value)
    except TypeError:  # a list, say; equality will tell
        return 0
