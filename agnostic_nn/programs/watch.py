"""What the functions of a step read besides what they are given, and whether it has changed.

A program holds what was there when it was recorded: attributes, variables of an enclosing function,
globals, what plain arrays hold. Here they are found, so that a change is noticed and what a
recording did to them undone.
"""

from __future__ import annotations

import functools
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

_PLAIN = (bool, int, float, complex, str, bytes, type(None))


@dataclass
class _Place:
    """Names that stand for something, and how to have them stand for what they stood for."""

    label: str
    read: Callable[[], dict[Any, Any]]
    write: Callable[[dict[Any, Any]], None]
    before: dict[Any, Any]

    def changed(self) -> str | None:
        """Return what is not as it was."""
        now = self.read()
        for name in {**self.before, **now}:
            if not (name in now and name in self.before and _same(now[name], self.before[name])):
                return f"{name!s} of {self.label}"
        return None


class Watch:
    """What the functions of a step read, as it is now.

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
        self.arrays: list[Any] = []
        self._places = list(self._places_of(step))

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

    def restore(self) -> None:
        """Put everything back."""
        for place in self._places:
            if place.changed():
                place.write(place.before)

    def _places_of(self, thing: Any) -> Iterator[_Place]:
        if isinstance(thing, (*_PLAIN, types.ModuleType, type)) or id(thing) in self._seen:
            return
        self._seen[id(thing)] = thing  # kept, so that nothing else takes its id
        if getattr(thing, "recordable", True) is False and self.unrecordable is None:
            self.unrecordable = str(getattr(thing, "name", type(thing).__name__))
        for place in self._own_places(thing):
            yield place
            for inside in place.before.values():
                yield from self._places_of(inside)
        for part in _parts(thing):
            yield from self._places_of(part)

    def _own_places(self, thing: Any) -> Iterator[_Place]:
        if _is_ours(thing):
            return
        if isinstance(thing, types.FunctionType):
            yield from _places_of_function(thing)
        elif _contents(thing) is not None:
            self.arrays.append(thing)
            yield _place("an array", lambda: {"the contents": _contents(thing)}, lambda _: None)
        elif isinstance(thing, dict):
            yield _place("a dict", lambda: dict(thing), _refill(thing))
        elif isinstance(thing, list):
            yield _place("a list", lambda: dict(enumerate(thing)), _refill_list(thing))
        elif hasattr(thing, "__dict__"):
            label = f"a {type(thing).__name__}"
            yield _place(label, lambda: dict(vars(thing)), _refill(vars(thing)))
            yield _place(label, lambda: _of_class(type(thing)), lambda _: None)


def _place(
    label: str, read: Callable[[], dict[Any, Any]], write: Callable[[dict[Any, Any]], None]
) -> _Place:
    return _Place(label, read, write, read())


def _places_of_function(function: types.FunctionType) -> Iterator[_Place]:
    cells = dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=True))

    def read_cells() -> dict[str, Any]:
        return {name: _content(cell) for name, cell in cells.items()}

    def write_cells(before: dict[str, Any]) -> None:
        for name, value in before.items():
            if value is not _EMPTY:
                cells[name].cell_contents = value

    names = [name for name in _names(function.__code__) if name in function.__globals__]

    def read_globals() -> dict[str, Any]:
        return {name: function.__globals__.get(name) for name in names}

    yield _place(function.__name__, read_cells, write_cells)
    yield _place(function.__name__, read_globals, function.__globals__.update)
    if function.__dict__:
        yield _place(function.__name__, lambda: dict(vars(function)), _refill(vars(function)))


#: Larger arrays are not looked through; where a step computes with one, its record does.
_LARGE = 2**26


def _contents(thing: Any) -> int | None:
    """Return a fingerprint of what a plain array holds; None for anything else."""
    try:
        numbers = memoryview(thing)
    except TypeError:
        return None
    if numbers.ndim == 0 or numbers.nbytes > _LARGE:
        return None
    return hash(numbers.tobytes())


_EMPTY = object()


def _content(cell: types.CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # nothing yet
        return _EMPTY


def _names(code: types.CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _names(constant)


def _parts(thing: Any) -> Iterator[Any]:
    """Yield what else a thing is made of."""
    if isinstance(thing, functools.partial):
        yield from (thing.func, *thing.args, *thing.keywords.values())
    elif isinstance(thing, types.MethodType):
        yield from (thing.__self__, thing.__func__)
    elif isinstance(thing, types.FunctionType):
        yield from (*(thing.__defaults__ or ()), *(thing.__kwdefaults__ or {}).values())
        if _is_ours(thing) and thing.__closure__:  # a decorator of this package around another's
            yield from map(_content, thing.__closure__)
    elif isinstance(thing, (tuple, frozenset, set)):
        yield from thing
    elif is_dataclass(thing):  # what takes no part in comparing two is no part of the value
        yield from (getattr(thing, each.name, None) for each in fields(thing) if each.compare)
    if callable(thing) and not isinstance(thing, (types.FunctionType, types.MethodType)):
        yield from (vars(kind).get("__call__") for kind in type(thing).__mro__)


def _is_ours(thing: Any) -> bool:
    """Whether it is this package's own, which changes nothing of itself."""
    kind = thing if isinstance(thing, types.FunctionType) else type(thing)
    return str(getattr(kind, "__module__", "")).split(".")[0] == __name__.split(".")[0]


def _of_class(kind: type) -> dict[str, Any]:
    """Return plain attributes of a class, which its instances read."""
    return {
        name: value
        for each in reversed(kind.__mro__)
        for name, value in vars(each).items()
        if isinstance(value, _PLAIN) and not name.startswith("__")
    }


def _refill(names: dict[Any, Any]) -> Callable[[dict[Any, Any]], None]:
    def write(before: dict[Any, Any]) -> None:
        names.clear()
        names.update(before)

    return write


def _refill_list(items: list[Any]) -> Callable[[dict[Any, Any]], None]:
    def write(before: dict[Any, Any]) -> None:
        items[:] = before.values()

    return write


class _Read:
    """Something that is read; equal to what is the same."""

    def __init__(self, name: Any, value: Any) -> None:
        self.name, self.value = name, value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Read) and _same(self.value, other.value)

    def __hash__(self) -> int:
        return hash(str(self.name))


def _same(a: Any, b: Any) -> bool:
    return a is b or (type(a) is type(b) and isinstance(a, _PLAIN) and repr(a) == repr(b))
