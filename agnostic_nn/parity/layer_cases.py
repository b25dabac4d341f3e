"""Every layer in the registry, forward and backward, with what it predicts and remembers."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ..backends import get_backend, host
from ..layer import Layer, drawn
from ..layers import LAYERS
from ..namespace import Array, Namespace
from .cases import Case

#: Features that go in, examples, and what members the layers that know of them have.
FEATURES, EXAMPLES = 4, 6


def layers() -> Iterator[Case]:
    """Yield the example that each layer gives of itself."""
    for name, kind in LAYERS.items():
        layer = kind.example()
        yield Case("layers", _layer(name, layer), inputs(layer))


def inputs(layer: Layer) -> tuple[Array, ...]:
    """A_prev, with whole numbers in its first row, dA, and what the layer holds."""
    random = host.generator(9)
    A_prev = random.standard_normal((FEATURES, EXAMPLES))
    A_prev[0, :] = random.integers(0, 3, EXAMPLES)
    held = drawn(layer, FEATURES, EXAMPLES, random)
    A, _ = layer.forward(A_prev, held, xp=get_backend("numpy").xp)
    return (A_prev, random.standard_normal(A.shape), *held)


def _layer(name: str, layer: Layer) -> Callable[[list[Array], Namespace], dict[str, list[Array]]]:
    parameters, buffers = layer.parameters(FEATURES), layer.buffers(FEATURES)

    def run(arrays: list[Array], xp: Namespace) -> dict[str, list[Array]]:
        A_prev, dA, *held = arrays
        A, cache = layer.forward(A_prev, tuple(held), xp=xp)
        dA_prev, dp = layer.backward(dA, cache, xp=xp)
        remembered = layer.remember(cache, xp=xp)
        learned = tuple(held[: len(parameters) + len(buffers)])
        rows = {
            f"{name}: A": A,
            f"{name}: dA_prev": dA_prev,
            **{f"{name}: d{q.name}": d for q, d in zip(parameters, dp, strict=True)},
            **{f"{name}: {q.name}": x for q, x in zip(buffers, remembered, strict=True)},
            f"{name}: predict": layer.predict(A_prev, learned, xp=xp),
        }
        return {row: [array] for row, array in rows.items()}

    return run
