"""Training on every backend, step by step, and how far rounding may take it.

Training amplifies what rounding begins, by how much is a property of the problem: it is measured,
apart from the backends that are compared. A step's rounding is no worse than a small change of
what the step reads: by a share of about sqrt(n) u for sums of n terms, whose errors add up at
random (Higham & Mary, "A new approach to probabilistic rounding error analysis", 2019). So NumPy
trains in float64 once as it is and a few times with theta and the optimizer's state disturbed by
that much after every step, the signs at random; how far the disturbed runs have come from the
undisturbed one is what rounding in that dtype explains (after Monte Carlo arithmetic: Parker,
"Monte Carlo arithmetic", 1997). Being an estimate from a few runs, it is allowed `FACTOR` times,
for two backends that may go opposite ways and for the tail beyond the few runs.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import accumulate, combinations
from typing import Any

from ..backends import Backend, get_backend, host
from ..backends.base import at_once
from ..namespace import Array
from ..network import Network, training_of
from ..optimizers import Adam
from ..training import train
from .comparison import Row, compare

EXAMPLES, BATCH = 450, 100
STEPS = 5  # of an epoch; the last one has fewer examples
WIDTHS = (64, 32, 10)

DISTURBED_RUNS = 4
#: 2 for two backends in opposite directions, times 4 for the tail of what few runs show.
FACTOR = 8.0


@dataclass(frozen=True)
class Drift:
    """How two trajectories move apart.

    Attributes
    ----------
    dtype, name : str
        What was trained, and how: "training" or "moving".
    pair : tuple of str
        The backends; of a moving network, the way it took and where the other one stayed.
    steps : list of int
        When the two were compared.
    distance : list of float
        The largest difference between their parameters.
    tolerance : list of float
        What was allowed.
    """

    dtype: str
    name: str
    pair: tuple[str, str]
    steps: list[int]
    distance: list[float]
    tolerance: list[float]


Path = list[Array]  # theta after each epoch, on the host


@functools.cache
def data() -> tuple[Array, Array, str]:
    """Return X and one-hot Y, one example per row, and the name of the data."""
    xp = get_backend("numpy").xp
    if find_spec("sklearn") is not None:
        from sklearn.datasets import load_digits

        X, classes = load_digits(return_X_y=True)
        X, classes, name = X[:EXAMPLES] / 16.0, classes[:EXAMPLES], "digits"
    else:
        random = host.generator(6)
        classes = random.integers(0, WIDTHS[-1], EXAMPLES)
        centres = random.random((WIDTHS[-1], WIDTHS[0]))
        X = centres[classes] + 0.5 * random.standard_normal((EXAMPLES, WIDTHS[0]))
        X, name = xp.round(16.0 * X) / 16.0, "generated classes"  # the same in every dtype
    Y = 1.0 * (classes[:, None] == host.asarray(range(WIDTHS[-1]))[None, :])
    return X, Y, name


def network(backend: str | Backend, dtype: str) -> Network:
    """Return the network that is trained: smooth, for kinks are no matter of rounding alone."""
    return Network(
        WIDTHS,
        "categorical_cross_entropy",
        activation="tanh",
        dropout=0.1,
        l2=1e-4,
        dtype=dtype,
        backend=backend,
    )


def path(
    net: Network,
    epochs: int,
    X: Array = None,
    *,
    meanwhile: Callable[[Network, int], Any] | None = None,
) -> Path:
    """Train, and return theta after each epoch; `meanwhile` is called before it is kept."""
    examples, Y, _ = data()
    thetas: Path = []

    def record(net: Network, _: Any) -> None:
        if meanwhile is not None:
            meanwhile(net, training_of(net).epoch)
        thetas.append(net.backend.to_numpy(net.theta).astype("float64"))

    X = examples if X is None else X
    with at_once():
        train(
            net,
            X,
            Y,
            epochs=epochs,
            batch_size=BATCH,
            optimizer=Adam(0.01),
            callbacks=[record],
            progress=False,
        )
    return thetas


def distances(a: Path, b: Path) -> list[float]:
    """Return the largest difference between the parameters of two paths, epoch by epoch."""
    return [float(abs(x - y).max()) for x, y in zip(a, b, strict=True)]


def explained(dtype: str, epochs: int) -> list[float]:
    """Return how far apart rounding in that dtype may take two backends, epoch by epoch."""
    xp = get_backend("numpy").xp
    unit = float(xp.finfo(getattr(xp, dtype)).eps) / 2.0
    sums = math.sqrt(max(BATCH, *WIDTHS)) * unit
    updates = math.sqrt(STEPS) * unit
    X = data()[0]

    def begin() -> Network:  # from the bits the dtype starts from
        net = network("numpy", "float64")
        net.theta[...] = network("numpy", dtype).theta
        return net

    undisturbed = path(begin(), epochs)
    spread = [0.0] * epochs
    for run in range(DISTURBED_RUNS):

        def disturb(net: Network, epoch: int, run: int = run) -> None:
            for slot, vector in enumerate((net.theta, *training_of(net).state)):
                vector *= 1.0 + updates * signs(vector.shape, run, epoch, slot)

        net, examples = begin(), X * (1.0 + sums * signs(X.shape, run))
        disturbed = path(net, epochs, examples, meanwhile=disturb)
        spread = [max(pair) for pair in zip(spread, distances(undisturbed, disturbed), strict=True)]
    # once apart, two runs need not come together again
    return [FACTOR * distance for distance in accumulate(spread, max)]


def signs(shape: tuple[int, ...], *purpose: int) -> Array:
    """Return -1 and 1 at random."""
    return 2.0 * host.generator(7, *purpose).integers(0, 2, shape) - 1.0


def compare_training(
    backends: Sequence[Backend], dtype: str, steps: int
) -> Iterator[tuple[Row, Drift]]:
    """Train on every backend, and on all of them in turn, and compare the ways they go."""
    epochs = max(1, math.ceil(steps / STEPS))
    allowed = explained(dtype, epochs)
    paths = {backend.name: path(network(backend, dtype), epochs) for backend in backends}
    for pair in combinations(paths, 2):
        yield _compared(dtype, "training", pair, paths[pair[0]], paths[pair[1]], allowed)
    toured, way = tour(backends, dtype, epochs)
    stayed = backends[0].name
    yield _compared(dtype, "moving", (way, stayed), toured, paths[stayed], allowed)


def tour(backends: Sequence[Backend], dtype: str, epochs: int) -> tuple[Path, str]:
    """Train on the first backend, move to each of the others in turn, and back to the first."""
    stations = [*backends, backends[0]]
    net, thetas = network(stations[0], dtype), []
    for i, backend in enumerate(stations):
        if i > 0:
            net.to(backend)
        share = epochs * (i + 1) // len(stations) - epochs * i // len(stations)
        if share > 0:
            thetas += path(net, share)
    return thetas, " > ".join(backend.name for backend in stations)


def _compared(
    dtype: str, name: str, pair: tuple[str, str], a: Path, b: Path, allowed: list[float]
) -> tuple[Row, Drift]:
    xp = get_backend("numpy").xp
    x, y = (xp.astype(host.concatenate(way), getattr(xp, dtype)) for way in (a, b))
    tolerance = host.concatenate(
        [xp.full(theta.shape, limit) for theta, limit in zip(a, allowed, strict=True)]
    )
    title = f"{name}, {STEPS * len(a)} steps"
    row = compare("trajectories", title, dtype, pair, x, y, tolerance, "D")
    steps = [STEPS * epoch for epoch in range(1, len(a) + 1)]
    return row, Drift(dtype, name, pair, steps, distances(a, b), allowed)
