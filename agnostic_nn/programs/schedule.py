"""What every reader begins with: what is computed, in which order, and where it lies."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from .memory import Plan, plan
from .passes import joins, once_and_always, runs, simplified
from .program import Call, Program, Value
from .views import Layouts


@dataclass(frozen=True)
class Schedule:
    """A program, ready for a machine.

    Attributes
    ----------
    program : Program
        Without repeats and what nobody needs.
    once : list of Call
        What never changes: to be computed before the first run.
    runs : list of lists of Call
        What is computed every time, in order; of a run with a height a block at a time.
    heights : list of int
        How many numbers along the first axis make a block, for each run; 0 for all at once.
    parts : mapping of Value to (Value, int)
        What is computed in its place in a concatenation, as `joins` finds it.
    plan : Plan
        Where everything lies.
    layouts : Layouts
    """

    program: Program
    once: Sequence[Call]
    runs: Sequence[Sequence[Call]]
    heights: Sequence[int]
    parts: Mapping[Value, tuple[Value, int]]
    plan: Plan
    layouts: Layouts

    @property
    def calls(self) -> int:
        """How many functions are computed every time."""
        return sum(map(len, self.runs))

    @property
    def numbers(self) -> int:
        """How many numbers they make."""
        return sum(call.size for run in self.runs for call in run)


def schedule(program: Program, height: Callable[[Call], int] = lambda _: 0) -> Schedule:
    """Prepare a program for a machine.

    Parameters
    ----------
    program : Program
    height : callable, optional
        How many rows of a call make a block; 0 where it is better left whole, and where it is
        not elementwise.
    """
    program, layouts = simplified(program), Layouts()
    once, always = once_and_always(program)
    work = [call for call in always if not layouts.is_view(call)]
    parts = joins(work, layouts)
    groups = runs(work, layouts, lambda call: height(call) > 0)
    heights = [height(run[0]) for run in groups]
    arguments = {argument.name: argument for argument in program.arguments}
    homes = {arguments[name]: v for name, v in program.results.items() if name in arguments}
    kept = [value for name, value in program.results.items() if name not in arguments]
    placed = plan(groups, parts, homes, kept, layouts, heights)
    return Schedule(program, once, groups, heights, parts, placed, layouts)
