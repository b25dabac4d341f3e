"""Files of arrays, .npy and .npz: looked at before they are read, and never unpickled."""

from __future__ import annotations

import math
import zipfile
from pathlib import Path
from typing import IO

import numpy as np

from .text import HostArray

#: What arrays may hold, in NumPy's letters: numbers, true and false, text, times.
_KINDS = "biufSUmM"

_OTHERS = {
    "O": "Python objects, which would have to be unpickled",
    "V": "records of several values",
    "c": "complex numbers",
}


def read_arrays(path: Path, largest: float) -> HostArray | dict[str, HostArray]:
    """Return the array of an .npy file, or those of an .npz file by name; no pickle.

    Raises
    ------
    ValueError
        If headers announce anything but arrays of numbers, true and false, text or times, or
        more than `largest` bytes in all. Nothing has been read by then.
    """
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                with archive.open(name) as member:
                    largest -= _check(f"its member {name!r}", member, largest)
    else:
        with path.open("rb") as file:
            _check("it", file, largest)
    content = np.load(path, allow_pickle=False)
    if isinstance(content, np.ndarray):
        return content
    with content:
        return dict(content)


def _check(what: str, file: IO[bytes], largest: float) -> int:
    """Look at an array's header; return how many bytes the array will take."""
    form = np.lib.format
    try:
        version = form.read_magic(file)
        read_header = (
            form.read_array_header_1_0 if version == (1, 0) else form.read_array_header_2_0
        )
        shape, _, dtype = read_header(file)
    except ValueError:
        raise ValueError(f"{what} is no array") from None
    if dtype.kind not in _KINDS:
        raise ValueError(f"{what} holds {_OTHERS.get(dtype.kind, str(dtype))}: wanted numbers")
    size = math.prod(shape) * dtype.itemsize
    if size > largest:
        raise ValueError(
            f"{what} takes {size:,} bytes of memory: wanted at most {largest:,.0f}, the max_memory"
        )
    return size
