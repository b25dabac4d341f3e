"""NumPy: the CPU."""

from __future__ import annotations

import array_api_compat.numpy

from ..errors import InvalidArgument
from .base import Backend


class NumPyBackend(Backend):
    """NumPy arrays on the CPU."""

    install = "pip install numpy"

    @classmethod
    def open(cls, device: str) -> Backend:
        """Return the backend; NumPy has one device."""
        if device not in ("", "cpu"):
            raise InvalidArgument(f"backend='numpy:{device}': NumPy runs on the CPU alone.")
        return cls("numpy", array_api_compat.numpy, "cpu")
