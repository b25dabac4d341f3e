"""A network: its architecture, its parameters, and where they live."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from .activations import Activation
from .architecture import Architecture
from .backends import Backend, backend_of, chosen_backend, get_backend, host, move, to_host
from .backends.base import DTYPES
from .checks import check_number
from .errors import InvalidArgument, InvalidType, OutOfMemory, shown
from .initializers import get_initializer
from .losses import Loss
from .namespace import Array, Namespace
from .propagation import LayerParameters

#: What random numbers are drawn for, so that no two draws share their bits.
WEIGHTS, ORDER, SPLIT = range(3)

#: About how many numbers the widest layer of a prediction may hold at once.
_CHUNK = 2**22

#: No network has more parameters than this; more would overflow before memory runs out.
_LARGEST = 2**48


class Network:
    """A network of fully connected layers, trained by `train`.

    Parameters
    ----------
    widths : sequence of int
        The number of features, the units of each hidden layer, and the number of outputs.
    loss : str or Loss
        What to minimize: "binary_cross_entropy", "categorical_cross_entropy", "squared_error",
        "absolute_error", "huber", "poisson", or a `Loss` of your own.
    activation : str, Activation or sequence of them, default "relu"
        The function g of the hidden layers: one for all, or one for each.
    output : str or Activation, optional
        The function g of the last layer; left out, the one the loss belongs to.
    dropout : float or sequence of float, default 0.0
        The fraction of each hidden layer's units that a training step leaves out, from 0 to 0.9999.
    l2 : float, default 0.0
        Adds l2 / 2 times the sum of all squared weights to the cost.
    initializer : str, optional
        The initial weights; left out, He for ReLU and its kin, LeCun for SELU, else Glorot.
    seed : int, default 0
        Of everything random: the weights, the order of the examples, dropout.
    dtype : str, default "float32"
        The type of every number in the network.
    backend : str or Backend, optional
        Where it lives; see `get_backend`. Left out, what `use_backend` or the environment says,
        else where the first data to train on lives.

    Attributes
    ----------
    theta : array, shape (size,)
        All parameters, end to end.
    parameters : list of LayerParameters
        Views W[l], (n[l], n[l-1]), and b[l], (n[l], 1), into theta.
    training : object or None
        What `train` needs to go on: optimizer, its state, step, history. None before.

    Raises
    ------
    InvalidArgument
        If a value or a name is not one the network can work with.
    BackendUnavailable
        If the backend cannot be used here.

    Examples
    --------
    >>> net = Network([30, 16, 8, 1], loss="binary_cross_entropy")
    >>> net
    Network([30, 16, 8, 1], relu, relu, sigmoid; binary_cross_entropy; float32 on numpy)
    >>> [W.shape for W, b in net.parameters]
    [(16, 30), (8, 16), (1, 8)]
    """

    def __init__(
        self,
        widths: Sequence[int],
        loss: str | Loss,
        *,
        activation: str | Activation | Sequence[str | Activation] = "relu",
        output: str | Activation | None = None,
        dropout: float | Sequence[float] = 0.0,
        l2: float = 0.0,
        initializer: str | None = None,
        seed: int = 0,
        dtype: str = "float32",
        backend: str | Backend | None = None,
    ) -> None:
        self.architecture = Architecture.of(widths, loss, activation, output, dropout, l2)
        check_number("seed", seed, at_least=0, below=2**63, integer=True)
        self.seed = int(seed)
        self.backend = get_backend(backend)
        self.backend_was_chosen = backend is not None or chosen_backend() is not None
        self.dtype = self.backend.dtype(dtype)
        self.training: Any = None
        size = self.architecture.size
        if size > _LARGEST:
            raise InvalidArgument(f"widths: {shown(size)} parameters are more than any memory has.")
        try:
            self.theta = self.backend.asarray(self._initial_theta(initializer), self.dtype)
        except MemoryError as error:
            raise OutOfMemory(
                f"widths: there is too little memory for {size:,} numbers."
            ) from error

    def _initial_theta(self, initializer: str | None) -> Array:
        arrays = []
        architecture = self.architecture
        for layer, (shape, g) in enumerate(
            zip(architecture.shapes, architecture.activations, strict=True)
        ):
            draw = get_initializer(initializer, g.name)
            W = draw(shape, host.generator(self.seed, WEIGHTS, layer))
            arrays += [W, [0.0] * shape[0]]
        return host.concatenate(arrays)

    def __repr__(self) -> str:
        names = ", ".join(g.name for g in self.architecture.activations)
        return (
            f"Network({list(self.architecture.widths)}, {names}; {self.architecture.loss.name}; "
            f"{self.dtype_name} on {self.backend.name})"
        )

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

    @property
    def parameters(self) -> list[LayerParameters]:
        """W[l] and b[l] of every layer, as views into theta."""
        return self.architecture.unflatten(self.theta, self.xp)

    def to(self, backend: str | Backend, dtype: str | None = None) -> Network:
        """Move the parameters and the optimizer's state; training goes on there.

        Parameters
        ----------
        backend : str or Backend
            Where to; see `get_backend`.
        dtype : str, optional
            The new type of every number; left out, it stays.

        Returns
        -------
        Network
            This same network.

        Raises
        ------
        InvalidArgument
            If a parameter, or what the optimizer remembers, is beyond what the new type holds;
            the network stays as it was.
        BackendUnavailable
            If the backend cannot be used here; the network stays where it was.

        Examples
        --------
        >>> Network([2, 1], "squared_error").to("numpy", "float64").dtype_name
        'float64'
        """
        to = get_backend(backend)
        name = self.dtype_name if dtype is None else dtype
        kind = to.dtype(name)
        before = (self.theta, *(() if self.training is None else self.training.state))
        after = tuple(move(array, to, kind) for array in before)
        if name != self.dtype_name:
            for old, new in zip(before, after, strict=True):
                if is_finite(old, self.backend) and not is_finite(new, to):
                    raise InvalidArgument(
                        f"dtype={shown(dtype)}: the network, or its optimizer, holds numbers that "
                        "are too large for this type."
                    )
        self.theta, *state = after
        if self.training is not None:
            self.training.state, self.training.compiled = tuple(state), {}
        self.dtype, self.backend = kind, to
        self.backend_was_chosen = True
        return self

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
        >>> Network([2, 3], "categorical_cross_entropy").predict([[0.0, 0.0]]).shape
        (1, 3)
        """
        answer = self.outputs(self.check_rows("X", X, self.architecture.widths[0]))
        if not is_finite(answer, self.backend):
            raise InvalidArgument(
                f"X: not every output is finite in {self.dtype_name}: its numbers, or the "
                f"parameters of {self!r}, are too large."
            )
        giver = backend_of(X) or get_backend("numpy")
        return answer if giver is self.backend else move(answer, giver)

    def outputs(self, X: Array) -> Array:
        """Compute `predict` of rows that `check_rows` returned, in chunks of bounded memory."""
        chunks = [self.architecture.outputs(self.theta, x.T, self.xp).T for (x,) in self._chunks(X)]
        return chunks[0] if len(chunks) == 1 else self.xp.concat(chunks, axis=0)

    def cost(self, X: Any, Y: Any, sample_weight: Any = None) -> float:
        """Compute the cost of the predictions for X, with the L2 penalty, without dropout.

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
        >>> net = Network([1, 1], "squared_error", initializer="zeros")
        >>> net.cost([[1.0], [2.0]], [1.0, 3.0])
        2.5
        """
        return self.mean_cost(*self.check_data(X, Y, sample_weight))

    def mean_cost(self, X: Array, Y: Array, sample_weight: Array | None = None) -> float:
        """Compute `cost` of rows that `check_data` returned."""
        total: Any = self.architecture.penalty(self.parameters, self.xp)
        for x, y, w in self._chunks(X, Y, sample_weight):
            cost = self.architecture.cost(self.theta, x.T, y.T, None if w is None else w.T, self.xp)
            total = total + cost * (x.shape[0] / X.shape[0])
        return float(self.backend.to_numpy(total))

    # Data at the border: rows become arrays of the backend, in the network's dtype

    def check_data(
        self, X: Any, Y: Any, sample_weight: Any = None
    ) -> tuple[Array, Array, Array | None]:
        """Return rows X, Y and weights of mean 1 as arrays of the backend, checked."""
        rows = self.check_rows("X", X, self.architecture.widths[0])
        n = rows.shape[0]
        targets = self.check_rows("Y", Y, self.architecture.widths[-1])
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
        # on the host in float64, so that it is their proportions alone that matter
        on = get_backend("numpy")
        weights = self._rows("sample_weight", sample_weight, 1, on, on.dtype("float64"))
        if weights.shape[0] != n:
            raise InvalidArgument(
                f"X has {n} rows and sample_weight has {weights.shape[0]}: wanted one weight each."
            )
        counted = weights if among is None else weights[among]
        if bool((weights < 0.0).any()) or not bool((counted > 0.0).any()):
            raise InvalidArgument(f"sample_weight: wanted weights at least 0 and not all 0{where}.")
        if not host.fits(host.with_mean_one(counted, counted), self.dtype_name):
            raise InvalidArgument(
                f"sample_weight: scaled to a mean of 1{where} it is more than {self.dtype_name} "
                "holds."
            )
        scaled = host.with_mean_one(weights, counted)
        return self.backend.hold(scaled, self.dtype)

    def check_rows(self, name: str, values: Any, width: int) -> Array:
        """Return `values` as rows of the given width, on this backend, in this dtype."""
        return self._rows(name, values, width, self.backend, self.dtype)

    def _rows(self, name: str, values: Any, width: int, backend: Backend, dtype: Any) -> Array:
        check_unmasked(name, values)
        try:
            source = values if backend_of(values) is not None else host.asarray(values)
            if str(source.dtype) in ("object", "str") or str(source.dtype).startswith("<U"):
                source = source.astype("float64")
            if any(kind in str(source.dtype) for kind in ("complex", "datetime", "timedelta")):
                raise TypeError(f"they are {source.dtype}")
            array = backend.hold(to_host(source, unless=backend), dtype)
        except (TypeError, ValueError, OverflowError) as error:
            reason = str(error).splitlines()[0]
            raise InvalidArgument(f"{name} cannot be read as numbers: {reason}.") from error
        if array.ndim == 1 and (width == 1 and name != "X"):
            array = backend.xp.reshape(array, (-1, 1))
        if array.ndim != 2 or array.shape[1] != width:
            raise InvalidArgument(
                f"{name} has shape {tuple(array.shape)}, wanted (n_samples, {width}): "
                f"one example per row for {self!r}."
            )
        if array.shape[0] == 0:
            raise InvalidArgument(f"{name} has no rows: wanted at least one example.")
        check_finite(name, array, backend, dtype)
        return array

    def _chunks(self, *data: Array | None) -> Iterator[list[Array]]:
        size = max(1, _CHUNK // max(self.architecture.widths))
        return self.backend.batches(data, None, size, self.dtype)


def check_network(net: Any) -> None:
    """Refuse what is no network."""
    if not isinstance(net, Network):
        raise InvalidType(f"net is of type {type(net).__name__}: wanted a Network.")


def check_unmasked(name: str, values: Any) -> None:
    """Refuse what has holes: as an array like any other it would show what lies beneath them."""
    if host.is_masked(values):
        raise InvalidArgument(
            f"{name} has masked entries: wanted all numbers there; fill them in, or leave their "
            "rows out."
        )


def on_host(net: Network, array: Array) -> Array:
    """Return an array of the network on the host, which knows no bfloat16: float32 holds it."""
    name = "float32" if net.dtype_name == "bfloat16" else net.dtype_name
    return move(net.xp.astype(array, getattr(net.xp, name)), get_backend("numpy"))


def is_finite(array: Array, backend: Backend) -> bool:
    """Whether an array of the backend holds neither NaN nor infinity."""
    return bool(backend.to_numpy(backend.xp.all(backend.xp.isfinite(array))))


def check_finite(name: str, array: Array, backend: Backend, dtype: Any) -> None:
    """Raise if rows hold NaN or infinity, and say where the first one is."""
    xp, start = backend.xp, 0
    for (rows,) in backend.batches((array,), None, max(1, _CHUNK // array.shape[1]), dtype):
        finite = xp.isfinite(rows)
        if not bool(backend.to_numpy(xp.all(finite))):
            row, column = (int(places[0]) for places in (~backend.to_numpy(finite)).nonzero())
            value = float(backend.to_numpy(rows[row, column]))
            raise InvalidArgument(
                f"{name} holds {value} at row {start + row}, column {column}: "
                "wanted finite numbers."
            )
        start += rows.shape[0]
