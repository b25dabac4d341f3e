"""Initial weights, drawn on the host, so that every backend starts from the same bits.

Each function takes the shape (n[l], n[l-1]) of W and a random generator with NumPy's methods,
and returns float64; the network rounds to its own dtype. Biases start at zero.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from .checks import look_up
from .namespace import Array

Shape = tuple[int, int]


def zeros(shape: Shape, generator: Any) -> Array:
    """All zeros: for a single layer, where there is no symmetry to break."""
    return 0.0 * generator.random(shape)


def _normal(shape: Shape, generator: Any, variance: float) -> Array:
    return math.sqrt(variance) * generator.standard_normal(shape)


def _uniform(shape: Shape, generator: Any, variance: float) -> Array:
    return uniform(math.sqrt(3.0 * variance), shape, generator)


def uniform(bound: float, shape: tuple[int, ...], generator: Any) -> Array:
    """Draw uniformly from -bound to bound, for layers that bring the scale themselves."""
    return bound * (2.0 * generator.random(shape) - 1.0)


def standard_normal(shape: tuple[int, ...], generator: Any) -> Array:
    """Draw from N(0, 1), for layers that bring the scale themselves."""
    return generator.standard_normal(shape)


def he_normal(shape: Shape, generator: Any) -> Array:
    """Variance 2 / n[l-1], for ReLU and its kin (He et al. 2015)."""
    return _normal(shape, generator, 2.0 / shape[1])


def he_uniform(shape: Shape, generator: Any) -> Array:
    """Variance 2 / n[l-1], uniform (He et al. 2015)."""
    return _uniform(shape, generator, 2.0 / shape[1])


def glorot_normal(shape: Shape, generator: Any) -> Array:
    """Variance 2 / (n[l-1] + n[l]), for tanh, sigmoid and outputs (Glorot & Bengio 2010)."""
    return _normal(shape, generator, 2.0 / sum(shape))


def glorot_uniform(shape: Shape, generator: Any) -> Array:
    """Variance 2 / (n[l-1] + n[l]), uniform (Glorot & Bengio 2010)."""
    return _uniform(shape, generator, 2.0 / sum(shape))


def lecun_normal(shape: Shape, generator: Any) -> Array:
    """Variance 1 / n[l-1], for SELU (LeCun et al. 1998)."""
    return _normal(shape, generator, 1.0 / shape[1])


def lecun_uniform(shape: Shape, generator: Any) -> Array:
    """Variance 1 / n[l-1], uniform (LeCun et al. 1998)."""
    return _uniform(shape, generator, 1.0 / shape[1])


#: Every initializer by name. A new one is a function above and a line here.
INITIALIZERS: dict[str, Callable[[Shape, Any], Array]] = {
    function.__name__: function
    for function in (
        he_normal,
        he_uniform,
        glorot_normal,
        glorot_uniform,
        lecun_normal,
        lecun_uniform,
        zeros,
    )
}


def get_initializer(initializer: str | None, default: str) -> Callable[[Shape, Any], Array]:
    """Return the initializer of that name; for None, the default."""
    return look_up("initializer", default if initializer is None else initializer, INITIALIZERS)
