"""What a network computes of rows: its outputs and what they cost, chunk by chunk."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from .activations import ACTIVATIONS
from .backends import Backend, backend_of, get_backend, move
from .backends.base import DTYPES, Rows
from .errors import InvalidArgument
from .namespace import Array, Namespace
from .objective import Objective
from .prediction import Prediction
from .rows import is_finite, one_hot, read_rows, read_weights, scale_weights


class Predicting:
    """The part of a network that predicts, and reads what it is to predict from."""

    objective: Objective
    backend: Backend
    dtype: Any
    compiled: dict[Any, Any]
    theta: Array
    buffers: Array

    @property
    def xp(self) -> Namespace:
        """The array namespace of the backend."""
        return self.backend.xp

    @property
    def dtype_name(self) -> str:
        """The name of the dtype, the same for every library."""
        for name in DTYPES:
            if self.dtype == getattr(self.xp, name, None):
                return name
        raise AssertionError(self.dtype)

    def predict(self, X: Any) -> Any:
        """Compute the outputs A[L] for X.

        Parameters
        ----------
        X : array-like, shape (n_samples, n_features)
            One example per row.

        Returns
        -------
        array, shape (n_samples, n_outputs)
            Of the library that X belongs to; a NumPy array for lists and DataFrames.

        Raises
        ------
        InvalidArgument
            If X has not n_features columns, or holds NaN or infinity, or numbers so large that
            an output becomes so.

        Examples
        --------
        >>> from agnostic_nn import Network
        >>> Network([2, 3], "categorical_cross_entropy").predict([[0.0, 0.0]]).shape
        (1, 3)
        """
        answer = self.outputs(self.check_rows("X", X, self.objective.features))
        if not is_finite(answer, self.backend):
            raise InvalidArgument(
                f"X: not every output is finite in {self.dtype_name}: its numbers, or the "
                f"parameters of {self!r}, are too large."
            )
        giver = backend_of(X) or get_backend("numpy")
        return answer if giver is self.backend else move(answer, giver)

    def outputs(self, X: Array) -> Array:
        """Compute `predict` of rows that `check_rows` returned, in chunks of bounded memory."""
        return self._joined(found["A"] for found, _ in self._predicted("A", rows=(X,)))

    def cost(self, X: Any, Y: Any, sample_weight: Any = None) -> float:
        """Compute the cost of the predictions for X, with the L2 penalty, without dropout.

        Of an ensemble it is the mean of its members' costs, which is what training minimizes; what
        `train` says of validation is the cost of the members' mean.

        Parameters
        ----------
        X : array-like, shape (n_samples, n_features)
            One example per row.
        Y : array-like, shape (n_samples, n_outputs) or (n_samples,)
            The targets.
        sample_weight : array-like, shape (n_samples,), optional
            What each example counts for; only the proportions matter.

        Returns
        -------
        float

        Raises
        ------
        InvalidArgument
            If a shape does not fit, or a value is NaN or infinite.

        Examples
        --------
        >>> from agnostic_nn import Network
        >>> net = Network([1, 1], "squared_error", initializer="zeros")
        >>> net.cost([[1.0], [2.0]], [1.0, 3.0])
        2.5
        """
        return self.mean_cost(*self.check_data(X, Y, sample_weight))

    def mean_cost(self, X: Array, Y: Array, sample_weight: Array | None = None) -> float:
        """Compute `cost` of rows that `check_data` returned."""
        found = self._predicted("cost", rows=(X, Y, sample_weight))
        return self._total(each["cost"] * share for each, share in found)

    def outputs_and_cost(
        self, X: Array, Y: Array, sample_weight: Array | None = None
    ) -> tuple[Array, float]:
        """Compute `outputs` and their cost in one pass.

        It is `mean_cost`, but of an ensemble, of which it is the cost of the members' mean.
        """
        found = [*self._predicted("A", "cost", rows=(X, Y, sample_weight))]
        cost = self._total(each["cost"] * share for each, share in found)
        return self._joined(each["A"] for each, _ in found), cost

    def _predicted(self, *asked: str, rows: Rows) -> Iterator[tuple[dict[str, Array], float]]:
        """Yield what is asked for of each chunk of rows, and what share of all rows it is."""
        objective, (X, *_) = self.objective, rows
        assert X is not None
        held = (self.theta, self.buffers) if objective.buffers else (self.theta,)
        size = max(1, self.backend.chunk // max(objective.sizes))
        chunks = self.backend.predict(Prediction(objective, asked), held, rows, size, self.compiled)
        for i, found in enumerate(chunks):
            yield found, min(size, X.shape[0] - i * size) / X.shape[0]

    def _total(self, costs: Iterable[Array]) -> float:
        """Return the sum of costs, with the L2 penalty."""
        objective = self.objective
        total: Any = objective.penalty(self.theta, self.xp) if objective.l2 > 0.0 else 0.0
        for cost in costs:
            total = total + cost
        return float(self.backend.to_numpy(total))

    def _joined(self, chunks: Iterable[Array]) -> Array:
        first, *others = chunks
        return self.xp.concat([first, *others], axis=0) if others else first

    # Data at the border: rows become arrays of the backend, in the network's dtype

    def check_data(
        self, X: Any, Y: Any, sample_weight: Any = None
    ) -> tuple[Array, Array, Array | None]:
        """Return rows X, Y and weights of mean 1 as arrays of the backend, checked."""
        rows = self.check_rows("X", X, self.objective.features)
        n = rows.shape[0]
        classes = self.objective.widths[-1]
        if classes > 1 and self.objective.loss.activation == ACTIVATIONS["softmax"]:
            Y = one_hot(Y, classes, of=self)
        targets = self.check_rows("Y", Y, classes)
        if targets.shape[0] != n:
            raise InvalidArgument(
                f"X has {n} rows and Y has {targets.shape[0]}: wanted one target per example."
            )
        return rows, targets, self.check_weights(sample_weight, n)

    def check_weights(
        self, sample_weight: Any, n: int, among: Any = None, where: str = ""
    ) -> Array | None:
        """Return weights (n, 1) of mean 1 as an array of the backend, checked; None stays None.

        Where `among` numbers some of the rows, the mean is theirs; `where` says which they are.
        """
        if sample_weight is None:
            return None
        weights = read_weights(sample_weight, of=self)
        if weights.shape[0] != n:
            raise InvalidArgument(
                f"X has {n} rows and sample_weight has {weights.shape[0]}: wanted one weight each."
            )
        return self.backend.hold(scale_weights(weights, self.dtype_name, among, where), self.dtype)

    def check_rows(self, name: str, values: Any, width: int) -> Array:
        """Return `values` as rows of the given width, on this backend, in this dtype."""
        return read_rows(name, values, width, self.backend, self.dtype, of=self)
