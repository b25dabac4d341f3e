"""Whether the same data have come again: shapes, and digests of every number in them."""

from __future__ import annotations

from typing import Any

import numpy as np

from .checks import check_number
from .errors import InvalidArgument, InvalidType, shown
from .namespace import Array
from .network import Network, on_host

#: Shape and digest of arrays by name, in terms of JSON.
Prints = dict[str, dict[str, Any]]

#: Rows are looked at in chunks of so many numbers.
CHUNK = 2**22

_NAMES = ("X", "Y", "sample_weight")

#: What is looked at: the data, and those to watch the cost on.
NAMES = (*_NAMES, *(f"validation_{name}" for name in _NAMES))


def fingerprint(
    net: Network, arrays: dict[str, Array | None], like: Prints | None = None
) -> Prints:
    """Return what is known of rows, the same on every backend.

    Parameters
    ----------
    net : Network
        In whose dtype the numbers are looked at.
    arrays : dict of str to (array or None)
        Rows on the network's backend, by one of `NAMES`.
    like : dict, optional
        An earlier answer to compare with: where it was had in an older way, that way is kept.
    """
    older = {name for name, each in (like or {}).items() if "digest" in each}
    answer: Prints = {}
    for name, array in arrays.items():
        if array is not None:
            n, width = array.shape
            order = _sample(n, width) if name in older else None
            key = "digest" if name in older else "sha256"
            digest = _digest(net, array, order)
            answer[name] = {"shape": [int(n), int(width)], key: digest}
    return answer


def _digest(net: Network, array: Array, order: Any) -> str:
    import hashlib

    digest = hashlib.sha256()
    chunk = max(1, CHUNK // array.shape[1])
    for (rows,) in net.backend.batches((array,), order, chunk, net.dtype):
        digest.update(on_host(net, rows).tobytes())
    return digest.hexdigest()


def _sample(n: int, width: int) -> Any:
    """Return the rows that older checkpoints looked at: of many, those at even distances."""
    return np.asarray(range(0, n, -(-n * width // CHUNK))) if n * width > CHUNK else None


def check_prints(stored: Any) -> Prints:
    """Return what a file says of its data, once it has been seen to be of that kind."""
    if not isinstance(stored, dict) or not stored.keys() <= set(NAMES):
        raise InvalidType(f"data={shown(stored)}: wanted {', '.join(NAMES)}.")
    for name, each in stored.items():
        if not isinstance(each, dict) or not isinstance(
            each.get("sha256", each.get("digest")), str
        ):
            raise InvalidType(f"{name}={shown(each)}: wanted a shape and a digest.")
        n, width = each["shape"]
        check_number(f"rows of {name}", n, at_least=1, integer=True)
        check_number(f"columns of {name}", width, at_least=1, integer=True)
    return stored


def check_same_data(before: Prints, now: Prints) -> None:
    """Raise if what `fingerprint` said of the data before is not what it says now."""
    for name in {**before, **now}:
        was, is_ = before.get(name), now.get(name)
        label = name.replace("validation_", "validation's ")
        if was is None or is_ is None:
            raise InvalidArgument(
                f"{label} was {'not ' if was is None else ''}there when the checkpoint was "
                f"written, and is {'not ' if is_ is None else ''}there now: wanted the same data."
            )
        if was["shape"] != is_["shape"]:
            raise InvalidArgument(
                f"{label} has shape {tuple(is_['shape'])}, and had {tuple(was['shape'])} when the "
                "checkpoint was written: wanted the same data."
            )
        # the older digest of weights was had after they were scaled, which backends round
        # differently
        if was != is_ and not ("digest" in was and "sample_weight" in name):
            raise InvalidArgument(
                f"{label} has other values than when the checkpoint was written: wanted the same "
                "data in the same order."
            )
