"""What training does with each of its settings, on every backend, within derived bounds.

One epoch, as each backend runs it: recorded, compiled or step by step. Compared are theta with the
optimizer's state, the history that training reports, and what the trained network predicts. The
bounds come from the same epoch on `Reference`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ..backends import Backend, get_backend, host
from ..backends.base import at_once
from ..bounds import Reference
from ..layers import BatchNorm, Dense, Residual
from ..namespace import Array
from ..network import Network, training_of
from ..optimizers import OPTIMIZERS, SGD
from ..training import History, train

#: What training reports, apart from numbers of the host.
REPORTED = ("cost", "validation_cost", "validation_score")

#: From this many elements on, NumPy cuts vectors into blocks. No more fit in the cache, and with
#: few products behind each of them, their bounds stay narrow.
LARGE = 2**18


@dataclass(frozen=True)
class Training:
    """One epoch of training.

    Attributes
    ----------
    name : str
        The setting it is there for.
    network, settings : dict
        What `Network` and `train` are told, apart from the data.
    widths : tuple of int and Layer
        Of the network; few parameters, for the bound on an optimizer's step is wide where a
        gradient is near 0.
    examples, batch_size : int
        How many there are to train on, and in a step.
    """

    name: str
    network: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    widths: tuple[Any, ...] = (4, 6, 5, 3)
    examples: int = 32
    batch_size: int = 16

    def on(self, backend: Backend, dtype: str) -> dict[str, Array]:
        """Train on a backend; return what is compared, on the host, by name."""
        net, history = self._trained(backend, dtype)
        xp = get_backend("numpy").xp
        return {
            f"{self.name}: trained": _flat(
                backend.to_numpy(x) for x in (net.theta, net.buffers, *training_of(net).state)
            ),
            f"{self.name}: history": xp.asarray(
                [history[name][-1] for name in REPORTED], dtype=getattr(xp, dtype)
            ),
            f"{self.name}: predict": _flat([net.predict(self._held_out(dtype)[0])]),
        }

    def bounds(self, dtype: str) -> dict[str, list[Array]]:
        """Return the same with bounds."""
        backend = Reference(dtype)
        net, history = self._trained(backend, dtype)
        return {
            f"{self.name}: trained": [net.theta, net.buffers, *training_of(net).state],
            f"{self.name}: history": [backend.bounded(history[name][-1]) for name in REPORTED],
            f"{self.name}: predict": [net.outputs(backend.asarray(self._held_out(dtype)[0]))],
        }

    def _trained(self, backend: Backend, dtype: str) -> tuple[Network, History]:
        X, Y, weight = self._data(dtype)
        net = Network(
            self.widths,
            "categorical_cross_entropy",
            activation="tanh",
            seed=3,
            dtype=dtype,
            backend=backend,
            **self.network,
        )
        settings = {"optimizer": SGD(0.5)} | self.settings
        if settings.pop("sample_weight", False):
            settings["sample_weight"] = weight
        with at_once():
            history = train(
                net,
                X,
                Y,
                epochs=1,
                batch_size=self.batch_size,
                validation=self._held_out(dtype),
                progress=False,
                **settings,
            )
        return net, history

    def _held_out(self, dtype: str) -> tuple[Array, Array]:
        X, Y, _ = self._data(dtype)
        return X[: self.batch_size], Y[: self.batch_size]

    def _data(self, dtype: str) -> tuple[Array, Array, Array]:
        random = host.generator(8)
        n = self.examples
        X = random.standard_normal((n, self.widths[0]))
        classes = random.integers(0, self.widths[-1], n)
        Y = 1.0 * (classes[:, None] == host.asarray(range(self.widths[-1]))[None, :])
        weight = 0.5 + random.random(n)
        xp = get_backend("numpy").xp
        X, Y, weight = (xp.astype(array, getattr(xp, dtype)) for array in (X, Y, weight))
        return X, Y, weight


def _flat(arrays: Any) -> Array:
    return host.concatenate(list(arrays))


def trainings() -> Iterator[Training]:
    """Yield every optimizer and setting, layers, and a network of vectors cut into blocks."""
    for name in OPTIMIZERS:
        yield Training(name, settings={"optimizer": name})
    yield Training("sample weights", settings={"sample_weight": True})
    yield Training("clipping", settings={"clip_norm": 0.1})
    yield Training("weight decay", settings={"optimizer": SGD(0.5, weight_decay=0.1)})
    yield Training("dropout", network={"dropout": 0.5})
    yield Training("L2", network={"l2": 0.1})
    yield Training(
        "layers",
        settings={"optimizer": SGD(0.01)},
        widths=(4, BatchNorm(), 6, Residual((Dense(6, "tanh"),)), 3),
    )
    yield Training(
        "in blocks",
        settings={"optimizer": SGD(0.01)},
        widths=(64, LARGE // 60, 3),
        examples=80,
        batch_size=80,
    )
