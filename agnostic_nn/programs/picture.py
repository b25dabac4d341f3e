"""A program as a picture: every call in its row, and what memory is in use meanwhile."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from .memory import Buffer
from .program import Argument, Call, Program, Value
from .schedule import Schedule, schedule
from .text import counted, shape_text

#: The height of a row, the width of a lane, and where the lanes begin, in pixels.
_ROW, _LANE, _LEFT, _TOP = 18, 22, 330, 120

#: What a call is, by the colour of what it writes.
_COLOURS = {"product": "#1f77b4", "reduction": "#d95f02", "elementwise": "#6b7785"}

_REDUCTIONS = ("sum", "mean", "max", "min", "prod", "any", "all")


def as_svg(program: Program) -> str:
    """Return a program as a picture, in SVG.

    Its rows are what is computed, from the first call to the last; its lanes are memory: what it
    is given, and what is laid out beside. A square is written there, a ring is read, and a line
    between them is memory in use.
    """
    ready = schedule(program)
    calls = [call for run in ready.runs for call in run]
    lanes, marks = _lanes(ready, calls)
    width = _LEFT + _LANE * len(lanes) + 20
    height = _TOP + _ROW * len(calls) + 40
    size, font = f'width="{width}" height="{height}"', 'font-family="monospace" font-size="12"'
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} {font}>',
            f'<rect {size} fill="white"/>',
            *_heads(lanes),
            *_rows(calls, marks, lanes),
            _text(12, height - 14, counted(ready)),
            "</svg>",
        ]
    )


_Lane = Argument | Buffer

#: Which lanes a call reads, and which it writes.
_Marks = list[tuple[list[_Lane], _Lane]]


def _lanes(ready: Schedule, calls: Sequence[Call]) -> tuple[list[_Lane], _Marks]:
    """Return the memory there is, arguments first, and what each call does with it."""
    marks: _Marks = []
    for call in calls:
        written = _lane(ready, call)
        assert written is not None  # every call has a place
        found = (_lane(ready, value) for value in call.inputs)
        marks.append(([lane for lane in found if lane is not None], written))
    used = dict.fromkeys(lane for read, written in marks for lane in (*read, written))
    given = [lane for lane in ready.program.arguments if lane in used]
    return [*given, *(lane for lane in used if lane not in given)], marks


def _lane(ready: Schedule, value: Value) -> _Lane | None:
    """Return where a value lies; constants, and what is made of them alone, lie nowhere here."""
    base = ready.layouts[value].base
    while base in ready.parts:
        base = ready.parts[base][0]
    if base in ready.plan.places:
        buffer, _ = ready.plan.places[base]
        return buffer if buffer.argument is None else buffer.argument
    return base if isinstance(base, Argument) else None


def _heads(lanes: Sequence[_Lane]) -> Iterator[str]:
    for i, lane in enumerate(lanes):
        size = lane.size * lane.dtype.bits // 8
        name = f"{lane.name}, {size:,} B" if isinstance(lane, Argument) else f"{size:,} B"
        x = _LEFT + _LANE * i + _LANE // 2
        yield (
            f'<text x="{x}" y="{_TOP - 10}" transform="rotate(-60 {x} {_TOP - 10})">'
            f"{escape(name)}</text>"
        )


def _rows(calls: Sequence[Call], marks: _Marks, lanes: Sequence[_Lane]) -> list[str]:
    place = {lane: _LEFT + _LANE * i + _LANE // 2 for i, lane in enumerate(lanes)}
    since = dict.fromkeys(lanes, _TOP)  # where it was written last; arguments are there before
    under, lines, over = [], [], []
    for row, (call, (read, written)) in enumerate(zip(calls, marks, strict=True)):
        y = _TOP + _ROW * row + _ROW // 2
        if row % 2:
            under.append(
                f'<rect y="{y - _ROW // 2}" width="{_LEFT + _LANE * len(lanes)}" '
                f'height="{_ROW}" fill="#f4f6f8"/>'
            )
        under.append(_text(12, y + 4, f"{row + 1:3} {call.function}"))
        under.append(_text(160, y + 4, f"{call.dtype} {shape_text(call.shape)}"))
        for lane in dict.fromkeys(read):
            x = place[lane]
            lines.append(f'<path d="M{x} {since[lane]}V{y}" stroke="#aab4be" stroke-width="3"/>')
            over.append(f'<circle cx="{x}" cy="{y}" r="4" fill="white" stroke="#3b4650"/>')
        x, since[written] = place[written], y
        colour = _COLOURS[_kind(call)]
        over.append(f'<rect x="{x - 6}" y="{y - 6}" width="12" height="12" fill="{colour}"/>')
    return [*under, *lines, *over]


def _kind(call: Call) -> str:
    if call.function == "matmul":
        return "product"
    return "reduction" if call.function in _REDUCTIONS else "elementwise"


def _text(x: int, y: int, text: str) -> str:
    return f'<text x="{x}" y="{y}" xml:space="preserve">{escape(text)}</text>'
