"""The prediction: forward, and the cost of what comes out, as a pure function of rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .namespace import Array, Namespace
from .objective import Objective


@dataclass(frozen=True, eq=False)
class Prediction:
    """What a network makes of rows: a pure function of what it holds and of a chunk of them.

    Attributes
    ----------
    objective : Objective
    asked : tuple of str
        What for: "A", the outputs with one example per row; "cost", without the penalty; or both,
        in one pass: then the cost is that of the outputs, which of an ensemble is another.
    """

    objective: Objective
    asked: tuple[str, ...] = ("A",)

    def __eq__(self, other: object) -> bool:
        # of this very objective: what equals it may hold functions that read other things
        return (
            isinstance(other, Prediction)
            and self.objective is other.objective
            and self.asked == other.asked
        )

    def __hash__(self) -> int:
        return hash((id(self.objective), self.asked))

    def __call__(
        self, held: Sequence[Array], rows: Sequence[Array | None], xp: Namespace
    ) -> dict[str, Array]:
        """Return what is asked for, by name.

        Parameters
        ----------
        held : sequence of arrays
            theta, and the layers' buffers where they have any.
        rows : sequence of (array or None)
            X; and for the cost Y and the weights of the examples, one example per row.
        xp : namespace
            The array namespace.
        """
        theta, buffers = held if len(held) > 1 else (*held, None)
        X, *against = (None if each is None else each.T for each in rows)
        Z = self.objective.logits(theta, buffers, X, xp)
        found = {}
        if "A" in self.asked:
            A = self.objective.outputs_of(Z, xp)
            found["A"] = A.T
        if "cost" in self.asked:
            Y, weight = against
            if "A" in self.asked:
                cost = self.objective.cost_of_prediction(Z, A, Y, weight, xp)
            else:
                cost = self.objective.cost_of(Z, Y, weight, xp)
            found["cost"] = cost
        return found
