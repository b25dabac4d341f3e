"""Networks side by side: the same layers several times, as one batched program."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from functools import partial

from ..batched import Batching
from ..checks import check_number
from ..layer import Buffer, Cache, Held, Layer, Mask, Parameter
from ..namespace import Array, Namespace
from .batch_norm import BatchNorm
from .dense import Dense
from .dropout import Dropout
from .member_dense import drawn_for_each, members_behind, members_first
from .sequential import Sequential


@dataclass(frozen=True, repr=False)
class Ensemble(Layer):
    """The same layers k times, each time with all they hold their own: (n, m) becomes (n[L], k m).

    Every example goes through all members, which learn as they would alone: from the gradient of
    their own cost, each behind dropout masks of its own. Nothing of the layers' equations is
    written a second time: they run over arrays that have the members in front, where one call
    computes all of them, and one batched product stands for k products.

    The cost is the mean of the members' costs, and the network predicts the mean of what they
    predict.

    Parameters
    ----------
    layers : sequence of Layer
        What each member is made of.
    k : int
        How many members there are.

    Examples
    --------
    >>> import numpy as np
    >>> from agnostic_nn.layers import Dense
    >>> layer = Ensemble([Dense(1)], 2)
    >>> [(parameter.name, parameter.shape) for parameter in layer.parameters(1)]
    [('0.W', (2, 1, 1)), ('0.b', (2, 1, 1))]
    >>> W, b = np.asarray([[[2.0]], [[3.0]]]), np.zeros((2, 1, 1))
    >>> layer.predict(np.asarray([[1.0, 10.0]]), (W, b), xp=np)
    array([[ 2., 20.,  3., 30.]])
    """

    layers: tuple[Layer, ...]
    k: int
    _inside: Sequential = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        check_number("k", self.k, at_least=1, integer=True)
        object.__setattr__(self, "k", int(self.k))
        object.__setattr__(self, "_inside", Sequential(self.layers))
        object.__setattr__(self, "layers", self._inside.layers)

    @classmethod
    def example(cls) -> Ensemble:
        """Return one of 2 members with all that a layer may hold."""
        return cls((BatchNorm(), Dropout(0.5), Dense(3, "tanh")), 2)

    @property
    def members(self) -> int:  # type: ignore[override]
        """Return k, times the members within each."""
        return self.k * self._inside.members

    def width(self, n_prev: int) -> int:
        """Return the number of features behind the last layer."""
        return self._inside.width(n_prev)

    def sizes(self, n_prev: int) -> list[int]:
        """Return those of all members."""
        return [self.k * size for size in self._inside.sizes(n_prev)]

    def parameters(self, n_prev: int) -> list[Parameter]:
        """Return those of the layers, (k, ...) each."""
        return [
            dataclasses.replace(
                q,
                shape=(self.k, *q.shape),
                initial=partial(drawn_for_each, q.initial) if callable(q.initial) else q.initial,
                copies=self.k * q.copies,
            )
            for q in self._inside.parameters(n_prev)
        ]

    def buffers(self, n_prev: int) -> list[Buffer]:
        """Return those of the layers, (k, ...) each."""
        return [
            dataclasses.replace(q, shape=(self.k, *q.shape)) for q in self._inside.buffers(n_prev)
        ]

    def masks(self, n_prev: int) -> list[Mask]:
        """Return those of the layers, of k times as many columns."""
        return [
            dataclasses.replace(mask, members=self.k * mask.members)
            for mask in self._inside.masks(n_prev)
        ]

    def check_members(self, members: int) -> None:
        """Every member has the columns that there are."""
        self._inside.check_members(members)

    def forward(self, A_prev: Array, p: Held, *, xp: Namespace) -> tuple[Array, Cache]:
        """Run the lesson's forward propagation, for all members at once."""
        batching = Batching(xp)
        held = self._held(p, A_prev.shape[0], batching)
        A, cache = self._inside.forward(batching.of_all(A_prev), held, xp=batching)
        return members_behind(batching.unbatched(A, self.k), xp), cache

    def backward(
        self, dA: Array, cache: Cache, *, input_gradient: bool = True, xp: Namespace
    ) -> tuple[Array, tuple[Array, ...]]:
        """Run the lesson's backward propagation; the cost is the mean over all members' columns."""
        batching = Batching(xp)
        dA = batching.of_each(members_first(1 / self.k * dA, self.k, xp))
        dA_prev, dp = self._inside.backward(dA, cache, input_gradient=input_gradient, xp=batching)
        gradients = tuple(batching.unbatched(d, self.k) for d in dp)
        if not input_gradient:
            return None, gradients
        return xp.sum(batching.unbatched(dA_prev, self.k), axis=0), gradients

    def predict(self, A_prev: Array, p: Held, *, xp: Namespace) -> Array:
        """Let all members predict."""
        batching = Batching(xp)
        held = self._held(p, A_prev.shape[0], batching)
        A = self._inside.predict(batching.of_all(A_prev), held, xp=batching)
        return members_behind(batching.unbatched(A, self.k), xp)

    def remember(self, cache: Cache, *, xp: Namespace) -> tuple[Array, ...]:
        """Return the buffers of all members."""
        batching = Batching(xp)
        remembered = self._inside.remember(cache, xp=batching)
        return tuple(batching.unbatched(array, self.k) for array in remembered)

    def _held(self, p: Held, n_prev: int, batching: Batching) -> Held:
        """Return what the layers hold: parameters and buffers as they are, and masks by member."""
        kept, xp = self._inside.kept(n_prev), batching.xp
        # one draw is as good as another: that which lies together is a member's
        masks = (xp.reshape(mask, (self.k, mask.shape[0], -1)) for mask in p[kept:])
        return tuple(map(batching.of_each, (*p[:kept], *masks)))
