"""A preparation in terms of JSON, as a model's file carries it, and back."""

from __future__ import annotations

import itertools
import math
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ..errors import InvalidArgument, shown
from .categorical import Categorical
from .columns import LeftOut
from .inputs import Inputs
from .kinds import column_from_json
from .seen import Seen
from .text import MISSING

if TYPE_CHECKING:
    from .preparation import Preparation

#: The newest description that this version reads; the first said no number.
FORMAT = 3


def description_of(preparation: Preparation) -> dict[str, Any]:
    """Return a preparation in terms of JSON."""
    inputs = preparation.inputs
    return {
        "format": FORMAT,
        "target": preparation.target,
        "columns": [column.to_json() for column in preparation.columns],
        "classes": list(preparation.classes),
        "shares": list(preparation.shares),
        "mean": preparation.mean,
        "scale": preparation.scale,
        "left_out": [{"name": one.name, "note": one.note} for one in preparation.left_out],
        "missing": list(preparation.missing),
        "seen": asdict(preparation.seen),
        "inputs": None if inputs is None else inputs.to_json(),
    }


def described(content: Any) -> dict[str, Any]:
    """Return the attributes of the preparation that `description_of` described.

    Raises
    ------
    InvalidArgument
        If this is no such description.
    """
    try:
        if int(content.get("format", 1)) not in range(1, FORMAT + 1):
            raise InvalidArgument(
                f"the model's preparation has format {shown(content['format'])}: wanted "
                f"{FORMAT} or less; a later version of agnostic-nn reads it."
            )
        inputs = content.get("inputs")
        attributes: dict[str, Any] = {
            "target": str(content["target"]),
            "columns": tuple(column_from_json(column) for column in content["columns"]),
            "classes": tuple(content["classes"]),
            "shares": tuple(map(float, content["shares"])),
            "mean": float(content["mean"]),
            "scale": float(content["scale"]),
            "left_out": tuple(
                LeftOut(str(column["name"]), str(column["note"]))
                for column in content.get("left_out", ())
            ),
            "missing": tuple(map(str, content.get("missing", MISSING))),
            "seen": Seen(**content.get("seen", {})),
            "inputs": None if inputs is None else Inputs.from_json(inputs),
        }
        _check(**attributes)
        return attributes
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
        if isinstance(error, InvalidArgument):
            raise
        raise InvalidArgument(
            "the model does not say how its data is prepared: wanted one that "
            "`agnostic-nn train` made."
        ) from None


def _check(
    *,
    target: str,
    columns: Any,
    classes: Any,
    shares: Any,
    mean: float,
    scale: float,
    seen: Seen,
    **_: Any,
) -> None:
    """Raise ValueError for what no preparation can have learned: a file may say anything."""
    names = tuple(column.name for column in columns)
    lists = [names, *(c.categories for c in columns if isinstance(c, Categorical))]
    if not columns or any(len(set(each)) < len(each) for each in lists):
        raise ValueError("columns and their categories have different names")
    for column in columns:
        column.check()
    seen.check()
    kinds = {type(label) for label in classes}
    if len(kinds) > 1 or not kinds <= {str, bool, int, float} or len(classes) == 1:
        raise ValueError("classes are labels of one kind")
    if len({*classes}) < len(classes) or len(shares) != len(classes):
        raise ValueError("classes are different, and each has a share")
    if not (math.isfinite(mean) and 0.0 < scale < math.inf):
        raise ValueError("means and scales are finite")
    for name in (target, *itertools.chain(*lists), *map(str, classes)):
        name.encode()  # what cannot be written as text cannot be printed
