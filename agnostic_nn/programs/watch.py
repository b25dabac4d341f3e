"""What the functions of a step read besides what they are given, and whether it has changed.

A program holds what was there when it was recorded. Here that is found, so that a change is noticed
and what a recording did to it undone.
"""

from __future__ import annotations

import functools
import io
import types
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from typing import Any

from ..errors import NotRecordable
from .places import PLAIN, Place, buffer, content, is_installed, places_of, same


class Watch:
    """What the functions of a step read, as it is now.

    Libraries are not looked into, what they hold for the step is.

    Parameters
    ----------
    step : object
        Everything that can be reached from it and is not this package's own is looked at.

    Attributes
    ----------
    unrecordable : str or None
        The first thing that says of itself ``recordable = False``.
    arrays : list
        Plain arrays of the host that were found.
    """

    def __init__(self, step: Any) -> None:
        self._seen: dict[int, Any] = {}
        self.unrecordable: str | None = None
        self._iterator: str | None = None
        self.arrays: list[Any] = []
        self._places: list[Place] = []
        waiting = [step]
        while waiting:
            thing = waiting.pop()
            if not isinstance(thing, (*PLAIN, types.ModuleType)) and id(thing) not in self._seen:
                waiting += self._look_at(thing)

    @property
    def things(self) -> set[int]:
        """What was found that is not this package's own."""
        return {key for key, thing in self._seen.items() if not _is_ours(thing)}

    @property
    def state(self) -> tuple[Any, ...]:
        """Everything that is read, to be compared with what is read another time."""
        return tuple(
            _Read(name, value) for place in self._places for name, value in place.before.items()
        )

    def changed(self) -> str | None:
        """Return what is not as it was when the watch began; None where all is."""
        return next((what for place in self._places if (what := place.changed())), None)

    def check(self) -> None:
        """Raise NotRecordable where something has changed, or changes whenever it is asked."""
        changed = self.changed()
        if changed is not None:
            raise NotRecordable(f"a function that keeps something of its own: {changed}")
        if self._iterator is not None:
            raise NotRecordable(f"a function that goes on with a thing of type {self._iterator}")

    @contextmanager
    def held(self) -> Iterator[None]:
        """Raise where something changes within, as `check` does, and put everything back."""
        try:
            self.check()
            yield
            self.check()
        finally:
            self.restore()

    def restore(self) -> None:
        """Put everything back."""
        for place in self._places:
            if place.changed():
                place.write(place.before)

    def _look_at(self, thing: Any) -> list[Any]:
        """Take down what is read of a thing, and return what else is to be looked at."""
        self._seen[id(thing)] = thing  # kept, so that nothing else takes its id
        if getattr(thing, "recordable", True) is False and self.unrecordable is None:
            self.unrecordable = str(getattr(thing, "name", type(thing).__name__))
        if hasattr(type(thing), "__next__") and not isinstance(thing, io.IOBase):
            self._iterator = self._iterator or type(thing).__name__
            return []
        inside = list(_parts(thing))
        if _is_ours(thing):
            return inside
        if buffer(thing) is not None:
            self.arrays.append(thing)
        places = list(places_of(thing))
        self._places += places
        return inside + [x for place in places for x in place.before.values() if _is_of_use(x)]


def _parts(thing: Any) -> Iterator[Any]:
    """Yield what else a thing is made of."""
    if isinstance(thing, functools.partial):
        yield from (thing.func, *thing.args, *thing.keywords.values())
    elif isinstance(thing, (types.MethodType, types.BuiltinMethodType)):
        yield from (thing.__self__, getattr(thing, "__func__", None))
    elif isinstance(thing, types.FunctionType):
        yield from (*(thing.__defaults__ or ()), *(thing.__kwdefaults__ or {}).values())
        if _is_ours(thing) and thing.__closure__:  # a decorator of this package around another's
            yield from map(content, thing.__closure__)
    elif isinstance(thing, (staticmethod, classmethod)):
        yield thing.__func__
    elif isinstance(thing, property):
        yield from (thing.fget,)
    elif isinstance(thing, functools.cached_property):
        yield thing.func
    elif isinstance(thing, (tuple, frozenset)):
        yield from thing
    elif is_dataclass(thing) and not isinstance(thing, type):
        # what takes no part in comparing two is no part of the value
        yield from (getattr(thing, each.name, None) for each in fields(thing) if each.compare)
    if not isinstance(thing, type):
        yield type(thing)  # whose methods read on


def _is_ours(thing: Any) -> bool:
    """Whether it is this package's own, which changes nothing of itself."""
    kind = thing if isinstance(thing, (types.FunctionType, type)) else type(thing)
    return str(kind.__module__).partition(".")[0] == __name__.partition(".")[0]


def _is_of_use(thing: Any) -> bool:
    """Whether what stands in a place is to be looked at: what libraries define is not."""
    owner = getattr(thing, "__self__", None)
    if owner is not None and not isinstance(owner, (types.ModuleType, type)):
        return True  # a method, of a generator of random numbers say
    return not (isinstance(thing, type) or callable(thing)) or not is_installed(thing)


class _Read:
    """Something that is read; equal to what is the same."""

    def __init__(self, name: Any, value: Any) -> None:
        self.name, self.value = name, value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Read) and same(self.value, other.value)

    def __hash__(self) -> int:
        return hash(str(self.name))
