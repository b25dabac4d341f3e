"""The kinds of columns there are, by the names that model files have for them."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from .categorical import Categorical
from .columns import Column
from .measured import Boolean, DateTime, Numeric

KINDS: dict[str, type[Column]] = {
    kind.kind: kind for kind in (Numeric, Boolean, Categorical, DateTime)
}


def _texts(values: Any) -> tuple[str, ...]:
    return tuple(map(str, values))


def _maybe(value: Any) -> float | None:
    return None if value is None else float(value)


#: What the attributes of columns are made of.
_MADE_OF: dict[str, Any] = {
    "mean": float, "scale": float, "fill": _maybe, "indicator": bool, "blanks": _texts,
    "categories": _texts, "missing": bool, "others": bool, "parts": _texts,
}  # fmt: skip


def column_from_json(content: dict[str, Any]) -> Column:
    """Return the column that `to_json` described; one of the first format says no kind."""
    kind: Any = KINDS[content.get("kind", "categorical" if "categories" in content else "numeric")]
    known = {
        field.name: _MADE_OF.get(field.name, str)(content[field.name])
        for field in fields(kind)
        if field.name in content
    }
    column: Column = kind(**known)
    return column
