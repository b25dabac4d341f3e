"""Where something stands that a function may read, and how to have it stand there again.

Attributes, variables of an enclosing function, globals and attributes of modules that a function
names, what lists and plain arrays hold, the state of a generator of random numbers.
"""

from __future__ import annotations

import collections
import contextlib
import functools
import pickle
import random
import sys
import types
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

#: What never changes.
PLAIN = (bool, int, float, complex, str, bytes, type(None))

#: Arrays of more bytes are looked at, but not kept.
_KEPT = 2**20

_CONTAINERS = (dict, list, set, collections.deque)
_EMPTY = object()

Names = dict[Any, Any]


@dataclass
class Place:
    """Names that stand for something, and how to have them stand for what they stood for.

    Attributes
    ----------
    label : str
        Whose names they are.
    read : callable
        Returns what they stand for now.
    write : callable
        Puts back what `read` returned.
    before : dict
        What they stood for in the beginning.
    """

    label: str
    read: Callable[[], Names]
    write: Callable[[Names], object]
    before: Names

    @classmethod
    def of(
        cls, label: str, read: Callable[[], Names], write: Callable[[Names], object] = id
    ) -> Place:
        """Return a place as it is now."""
        return cls(label, read, write, read())

    def changed(self) -> str | None:
        """Return what is not as it was."""
        now = self.read()
        for name in {**self.before, **now}:
            if not (name in now and name in self.before and same(now[name], self.before[name])):
                return f"{name!s} of {self.label}"
        return None


def same(a: Any, b: Any) -> bool:
    """Whether a name stands for what it stood for; what is inside of it is another place."""
    return a is b or (type(a) is type(b) and isinstance(a, PLAIN) and repr(a) == repr(b))


def places_of(thing: Any) -> Iterator[Place]:
    """Yield what can be read of a thing and may change."""
    label = f"a {type(thing).__name__}"
    if isinstance(thing, types.FunctionType):
        yield from _of_function(thing)
    elif isinstance(thing, type):
        if not is_installed(thing):
            yield Place.of(thing.__name__, lambda: _of_class(thing), functools.partial(_set, thing))
    elif (numbers := buffer(thing)) is not None:
        yield _of_array(numbers)
    elif isinstance(thing, _CONTAINERS):
        yield Place.of(label, lambda: _items(thing), functools.partial(_refill, thing))
    elif (state := _state_of_generator(thing)) is not None:
        yield Place.of(label, *state)
    else:
        if hasattr(thing, "__dict__"):
            yield _of_names(label, vars(thing))
        if slots := tuple(_slots(type(thing))):
            read = functools.partial(_attributes, thing, slots)
            yield Place.of(label, read, functools.partial(_set, thing))


def _of_names(label: str, names: Names) -> Place:
    return Place.of(label, lambda: dict(names), functools.partial(_refill, names))


# Functions


def _of_function(function: types.FunctionType) -> Iterator[Place]:
    name, space = function.__name__, function.__globals__
    cells = dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=True))

    def write_cells(before: Names) -> None:
        for each, value in before.items():
            if value is not _EMPTY:
                cells[each].cell_contents = value

    yield Place.of(name, lambda: {each: content(cell) for each, cell in cells.items()}, write_cells)
    named = dict.fromkeys(_names(function.__code__))
    names = [each for each in named if each in space]
    yield Place.of(name, functools.partial(_among, space, names), space.update)
    if function.__dict__:
        yield _of_names(name, vars(function))
    found = [*map(space.get, names), *map(content, cells.values())]
    # what is imported within the function is found among what the process has imported
    found += [sys.modules.get(each) for each in named if each not in space]
    for module in _modules(found, named):
        read = functools.partial(_among, vars(module), [n for n in named if n in vars(module)])
        yield Place.of(module.__name__, read, vars(module).update)


def _modules(found: Iterable[Any], names: Iterable[str]) -> list[types.ModuleType]:
    """Return the modules among what was found, and those that they are asked for by name."""
    modules: dict[types.ModuleType, None] = {}
    waiting = [each for each in found if isinstance(each, types.ModuleType)]
    while waiting:
        module = waiting.pop()
        if module not in modules:
            modules[module] = None
            inside = (vars(module).get(name) for name in names)
            waiting += [each for each in inside if isinstance(each, types.ModuleType)]
    return list(modules)


def _names(code: types.CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _names(constant)


def content(cell: types.CellType) -> Any:
    """Return what a variable of an enclosing function stands for."""
    try:
        return cell.cell_contents
    except ValueError:  # nothing yet
        return _EMPTY


def _among(space: Names, names: Iterable[str]) -> Names:
    return {name: space.get(name) for name in names}


# Classes and their instances


def _of_class(kind: type) -> Names:
    """Return what instances of a class read of it: attributes and methods."""
    return {
        name: value
        for each in reversed(kind.__mro__)
        if not is_installed(each)
        for name, value in vars(each).items()
        if not name.startswith("__") or isinstance(value, types.FunctionType)
    }


def _slots(kind: type) -> Iterator[str]:
    for each in kind.__mro__:
        names = vars(each).get("__slots__", ())
        for name in (names,) if isinstance(names, str) else names:
            private = name.startswith("__") and not name.endswith("__")
            yield f"_{each.__name__.lstrip('_')}{name}" if private else name


def _attributes(thing: Any, names: Iterable[str]) -> Names:
    return {name: getattr(thing, name, _EMPTY) for name in names}


def _set(thing: Any, before: Names) -> None:
    put: Any = type.__setattr__ if isinstance(thing, type) else object.__setattr__
    for name, value in before.items():
        if value is not _EMPTY and getattr(thing, name, _EMPTY) is not value:
            put(thing, name, value)


@functools.cache
def _is_installed(module: str) -> bool:
    root = module.partition(".")[0]
    file = str(getattr(sys.modules.get(root), "__file__", None))
    own = __name__.partition(".")[0]
    return root in {own, *sys.stdlib_module_names} or "-packages" in file


def is_installed(thing: Any) -> bool:
    """Whether a function or class, or the class of anything else, is a library's."""
    kind = thing if isinstance(thing, (type, types.FunctionType)) else type(thing)
    return _is_installed(str(kind.__module__))


# What holds something


def _items(thing: Any) -> Names:
    return dict(thing) if isinstance(thing, dict) else dict(enumerate(thing))


def _refill(thing: Any, before: Names) -> None:
    thing.clear()
    if isinstance(thing, (list, collections.deque)):
        thing.extend(before.values())
    else:
        thing.update(before if isinstance(thing, dict) else before.values())


def buffer(thing: Any) -> memoryview | None:
    """Return the numbers of a plain array of the host; None for anything else."""
    try:
        return memoryview(thing)
    except (TypeError, ValueError, BufferError):
        return None


def _of_array(numbers: memoryview) -> Place:
    kept = numbers.tobytes() if numbers.nbytes <= _KEPT and not numbers.readonly else None

    def write(_: Names) -> None:
        if kept is not None:
            with contextlib.suppress(TypeError, ValueError):  # not one after the other in memory
                numbers.cast("B")[:] = kept

    return Place.of("an array", lambda: {"the contents": _print(numbers)}, write)


def _print(numbers: memoryview) -> int:
    """Return a number that another content would most likely not have."""
    try:
        flat = numbers.cast("B")
    except (TypeError, ValueError):  # in no order, or of nothing
        flat = memoryview(numbers.tobytes())
    return hash(tuple(hash(bytes(flat[i : i + _KEPT])) for i in range(0, len(flat), _KEPT)))


def _state_of_generator(
    thing: Any,
) -> tuple[Callable[[], Names], Callable[[Names], object]] | None:
    """Return how to read and to put back where a generator of random numbers stands."""
    get: Callable[[], Any]
    put: Callable[[Any], object]
    if hasattr(type(thing), "bit_generator"):  # NumPy's
        bits = thing.bit_generator
        get, put = lambda: bits.state, functools.partial(setattr, bits, "state")
    elif isinstance(thing, random.Random):
        get, put = thing.getstate, thing.setstate
    elif is_installed(thing) and hasattr(type(thing), "get_state"):
        get, put = thing.get_state, thing.set_state
    else:
        return None
    return (
        lambda: {"the state": pickle.dumps(get())},
        lambda before: put(pickle.loads(before["the state"])),
    )
