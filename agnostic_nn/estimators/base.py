"""What the classifier and the regressor share: parameters, and how `fit` becomes `train`."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from sklearn import get_config
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from ..backends import Backend, get_backend, move
from ..backends import chosen_backend as backend_in_use
from ..errors import InvalidArgument
from ..losses import Loss
from ..namespace import Array
from ..network import Network, training_of
from ..objective import Objective
from ..optimizers import Optimizer
from ..rows import is_finite
from ..training import History, train
from .convergence import Convergence, adapt, same_rule, set_learning_rate
from .data import (
    as_numpy,
    check_features,
    check_targets,
    check_weights,
    dtype_name,
    library_of,
    split,
)
from .lbfgs import minimize_cost
from .parameters import (
    CONSTRAINTS,
    activations_of,
    batch_size_of,
    dropout_of,
    initial_theta,
    optimizer_of,
    sklearn_name,
)


def takes_minibatches(estimator: Any) -> bool:
    """Whether an estimator has `partial_fit`; raise with the reason where not."""
    if estimator.solver == "lbfgs":
        raise AttributeError(
            "partial_fit needs a solver that takes minibatches, and lbfgs does not: "
            "use 'adam' or 'sgd'."
        )
    return True


# a dataclass keeps its arguments as scikit-learn wants it: untouched, by their own names
@dataclass(kw_only=True, eq=False, repr=False)
class BaseMLP(BaseEstimator):  # type: ignore[misc]
    """Base of `MLPClassifier` and `MLPRegressor`, with the parameters they share."""

    solver: Any = "adam"
    alpha: float = 0.0001
    batch_size: Any = "auto"
    learning_rate: Any = "constant"
    learning_rate_init: float = 0.001
    power_t: float = 0.5
    max_iter: int = 200
    shuffle: bool = True
    random_state: Any = None
    tol: float = 1e-4
    verbose: Any = False
    warm_start: bool = False
    momentum: float = 0.9
    nesterovs_momentum: bool = True
    early_stopping: bool = False
    validation_fraction: float = 0.1
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8
    n_iter_no_change: float = 10
    max_fun: int = 15000
    backend: Any = None
    dtype: Any = None
    dropout: Any = 0.0
    initializer: str | None = None
    weight_decay: float | None = None
    clip_norm: float | None = None
    callbacks: Any = None
    progress: bool | None = False

    _parameter_constraints: ClassVar[dict[str, Any]] = CONSTRAINTS

    # What the two estimators say differently

    def _encode(self, y: Any, *, first: bool, incremental: bool) -> Any:
        """Return the targets Y, (n_samples, n_outputs), of y as the user has it."""
        raise NotImplementedError

    def _loss_and_output(self) -> tuple[str | Loss, str | None]:
        """Return the loss, and the output activation where it is not the loss's own."""
        raise NotImplementedError

    def _weigh(self, y: Any, weight: Any, incremental: bool) -> Any:
        """Return the sample weights with what y adds to them."""
        del y, incremental
        return weight

    def _stratify(self, Y: Any) -> Any:
        """Return what a split should keep the proportions of; None for nothing."""
        del Y

    def _validation_score(self, history: History, held_out: tuple[Any, ...]) -> float:
        """Return the score of the epoch on the validation data."""
        raise NotImplementedError

    # fit

    def _fit(
        self, X: Any, y: Any, sample_weight: Any, validation: Any, *, incremental: bool
    ) -> Self:
        first = not hasattr(self, "network_") or not (self.warm_start or incremental)
        sizes = self._hidden_sizes()
        X = check_features(self, X, reset=first)
        y = check_targets(self, X, y, numeric=self._numeric_targets)
        weight = self._weigh(y, check_weights(sample_weight, X.shape[0]), incremental)
        Y = self._encode(y, first=first, incremental=incremental)
        data, held_out = (X, Y, weight), self._check_validation(validation)
        widths = [X.shape[1], *sizes, Y.shape[1]]

        random = check_random_state(self.random_state)
        theta = initial_theta(self, widths, random) if first else None
        by, seed = random, None if first else self.network_.seed
        if incremental:  # an example that comes again has to fall on the same side again
            by = seed = int(random.randint(2**31 - 1)) if seed is None else seed
        if self.early_stopping and held_out is None and self.solver != "lbfgs":
            data, held_out = split(data, self.validation_fraction, by, self._stratify(Y))
        if first:
            seed = int(random.randint(2**31 - 1)) if seed is None else seed
            self._begin(widths, dtype_name(self.dtype, X), theta, library_of(X), seed)
        net = self._settle(widths, data)

        if self.solver == "lbfgs":
            self._fit_lbfgs(net, data)
        else:
            self._fit_stochastic(net, data, held_out, incremental=incremental)
        if not is_finite(net.theta, net.backend):
            raise InvalidArgument(
                "training ended in parameters that are not finite: standardize the features, "
                "or lower learning_rate_init."
            )
        return self

    def _hidden_sizes(self) -> list[int]:
        sizes = self.hidden_layer_sizes
        sizes = list(sizes) if hasattr(sizes, "__iter__") else [sizes]
        if any(size <= 0 for size in sizes):
            raise InvalidArgument(f"hidden_layer_sizes must be > 0, got {sizes}.")
        return [int(size) for size in sizes]

    def _check_validation(self, validation: Any) -> tuple[Any, ...] | None:
        if validation is None:
            return None
        if not isinstance(validation, (tuple, list)) or len(validation) not in (2, 3):
            raise InvalidArgument("validation: wanted (X, y) or (X, y, sample_weight).")
        X, y, weight = (*validation, None)[:3]
        X = check_features(self, X, reset=False)
        y = check_targets(self, X, y, numeric=self._numeric_targets)
        Y = self._encode(y, first=False, incremental=True)
        return X, Y, check_weights(weight, X.shape[0])

    def _begin(
        self, widths: list[int], dtype: str, theta: Any, library: Backend, seed: int
    ) -> None:
        """Start from a new network, and forget what an earlier one reached."""
        loss, output = self._loss_and_output()
        net = Network(
            widths,
            loss,
            activation=activations_of(self),
            output=output,
            dropout=dropout_of(self),
            initializer="zeros" if theta is not None else self.initializer,
            seed=seed,
            dtype=dtype,
            backend=self.backend or backend_in_use() or library,
        )
        if theta is not None:
            net.theta = net.backend.asarray(theta, net.dtype)
        self.network_, self._library, self._convergence = net, library, Convergence()
        self.t_ = 0
        self.n_layers_, self.n_outputs_ = len(widths), widths[-1]
        self.out_activation_ = sklearn_name(net.objective.output.name)
        if self.solver != "lbfgs":
            self.validation_scores_: list[float] | None = None

    def _settle(self, widths: list[int], data: tuple[Any, ...]) -> Network:
        """Bring the network up to the parameters, which may have changed since it was made."""
        net = self.network_
        before = net.objective.perceptron
        assert before is not None
        if list(before.widths) != widths:
            raise InvalidArgument(
                f"the network to go on with has the widths {list(before.widths)}, "
                f"hidden_layer_sizes, X and y ask for {widths}: warm_start and partial_fit "
                "cannot change them."
            )
        if self.backend is not None and get_backend(self.backend) is not net.backend:
            net.to(self.backend)
        X, _, weight = data
        n = X.shape[0]
        batch = n if self.solver == "lbfgs" else batch_size_of(self, n)
        # scikit-learn adds alpha / 2 ||W||^2 to the sum over a batch, this package to its mean
        share = 1.0 if weight is None else n / max(float(weight.sum()), 1e-300)
        objective = Objective.of(
            widths,
            net.objective.loss,
            activations_of(self),
            net.objective.output,
            dropout_of(self),
            self.alpha / batch * share,
        )
        if objective != net.objective:
            net.objective = objective
            net.compiled.clear()
        return net

    def _fit_stochastic(
        self,
        net: Network,
        data: tuple[Any, ...],
        held_out: tuple[Any, ...] | None,
        *,
        incremental: bool,
    ) -> None:
        n = data[0].shape[0]
        if self.batch_size != "auto" and self.batch_size > n:
            warnings.warn(
                f"batch_size={self.batch_size} is more than the {n} examples: a batch is all "
                "of them.",
                stacklevel=5,
            )
        rule, before = optimizer_of(self), net.training
        chosen: Optimizer | None = rule
        if before is not None and same_rule(rule, before.optimizer):
            if not incremental:
                before.optimizer = rule  # the settings may have changed; its state goes on
            chosen = None
        began = 0 if before is None else before.epoch
        scores = getattr(self, "validation_scores_", None)  # not there after lbfgs
        self.validation_scores_ = [] if scores is None and held_out is not None else scores

        self.stopped_ = False
        X, Y, weight = data
        try:
            train(
                net, X, Y,
                epochs=1 if incremental else self.max_iter,
                batch_size=batch_size_of(self, n),
                optimizer=chosen,
                sample_weight=weight,
                shuffle=self.shuffle,
                validation=held_out,
                clip_norm=self.clip_norm,
                callbacks=(self._after_epoch(n, held_out, began), *(self.callbacks or ())),
                progress=self.progress,
            )  # fmt: skip
        except KeyboardInterrupt:
            warnings.warn("training was interrupted; the network is as it was then.", stacklevel=5)
        self._take_history(net, began)
        if self.early_stopping and (self.stopped_ or not incremental):
            self._convergence.restore(net)
        if not (incremental or self.stopped_) and self.n_iter_ == self.max_iter:
            warnings.warn(
                f"training went through all max_iter={self.max_iter} epochs and was still "
                "gaining: it has not converged.",
                ConvergenceWarning,
                stacklevel=5,
            )

    def _after_epoch(
        self, n: int, held_out: tuple[Any, ...] | None, began: int
    ) -> Callable[[Network, History], bool]:
        """Return the callback that applies scikit-learn's rules after each epoch."""
        convergence = self._convergence
        sklearn_rate = self.learning_rate if self.solver != "adam" else "constant"

        def after_epoch(net: Network, history: History) -> bool:
            loss, score = history["cost"][-1], None
            self.t_ += n
            if self.verbose:
                print(f"Iteration {training_of(net).epoch - began}, loss = {loss:.8f}")
            if held_out is not None:
                score = self._validation_score(history, held_out)
                assert self.validation_scores_ is not None
                self.validation_scores_.append(score)
                if self.verbose:
                    print(f"Validation score: {score:f}")
            if self.early_stopping:
                assert score is not None
                convergence.add(score, self.tol, net)
            else:
                convergence.add(-loss, self.tol, None)

            if sklearn_rate == "invscaling":
                rate = self.learning_rate_init / (self.t_ + 1) ** self.power_t
                set_learning_rate(net, rate)
            if convergence.stalled <= self.n_iter_no_change:
                return False
            if sklearn_rate == "adaptive" and adapt(net):
                convergence.stalled = 0
                return False
            self.stopped_ = True
            return True

        return after_epoch

    def _take_history(self, net: Network, began: int) -> None:
        training, best = training_of(net), self._convergence.best
        self.n_iter_ = training.epoch - began
        self.loss_curve_ = list(training.history.get("cost", ()))
        self.loss_ = self.loss_curve_[-1] if self.loss_curve_ else math.inf
        self.best_loss_ = None if self.early_stopping else -best
        self.best_validation_score_ = best if self.early_stopping else None

    def _fit_lbfgs(self, net: Network, data: tuple[Any, ...]) -> None:
        if net.objective.dropouts:
            raise InvalidArgument(
                f"dropout={self.dropout!r} with solver='lbfgs': it takes all examples at once, "
                "without chance. Wanted dropout=0, or another solver."
            )

        def report(_: Network, history: History) -> None:
            print(f"Iteration {len(history['cost'])}, loss = {history['cost'][-1]:.8f}")

        result = minimize_cost(
            net,
            data,
            max_iter=self.max_iter,
            max_fun=self.max_fun,
            tol=self.tol,
            callbacks=((report,) if self.verbose else ()) + tuple(self.callbacks or ()),
        )
        self.n_iter_ = min(result.nit, self.max_iter)
        self.loss_ = float(result.fun)
        if result.status not in (0, 99):  # 99: a callback asked to stop
            warnings.warn(
                f"lbfgs stopped after {result.nit} iterations before it converged "
                f"({result.message}). Raise max_iter, or scale the data.",
                ConvergenceWarning,
                stacklevel=5,
            )

    # What was fitted

    def _outputs(self, X: Any, method: str) -> Array:
        """Return A[L] for X, in the library of X."""
        check_is_fitted(self)
        library = library_of(X)
        if get_config()["array_api_dispatch"] and library.name != self._library.name:
            raise ValueError(
                f"{type(self).__name__}.{method}() must use the same namespace and device as "
                f"fit, {self._library.name}, while array_api_dispatch is on; got {library.name}."
            )
        return self.network_.predict(check_features(self, X, reset=False))

    @property
    def coefs_(self) -> list[Array]:
        """The weights of every layer, (n[l-1], n[l]), in the library that `fit` was given."""
        return [self._given(W.T) for W, _ in self.network_.parameters]

    @coefs_.setter
    def coefs_(self, coefs: list[Array]) -> None:
        self._set_parameters(coefs, self.intercepts_)

    @property
    def intercepts_(self) -> list[Array]:
        """The biases of every layer, (n[l],), in the library that `fit` was given."""
        net = self.network_
        return [self._given(net.xp.reshape(b, (-1,))) for _, b in net.parameters]

    @intercepts_.setter
    def intercepts_(self, intercepts: list[Array]) -> None:
        self._set_parameters(self.coefs_, intercepts)

    def _given(self, array: Array) -> Array:
        backend = self.network_.backend
        return array if backend.xp is self._library.xp else move(array, self._library)

    def _set_parameters(self, coefs: list[Array], intercepts: list[Array]) -> None:
        net = self.network_
        layers = [
            tuple(move(array, net.backend, net.dtype) for array in layer)
            for layer in zip(coefs, intercepts, strict=True)
        ]
        wanted = [tuple(W.T.shape) for W, _ in net.parameters]
        if [tuple(W.shape) for W, _ in layers] != wanted:
            raise InvalidArgument(f"wanted coefs_ of the shapes {wanted}.")
        parts = [array for W, b in layers for array in (W.T, b)]
        net.theta = net.objective.flatten(parts, net.xp)

    def _score_on_host(self, metric: Any, X: Any, y: Any, sample_weight: Any) -> float:
        predicted = as_numpy(self.predict(X))
        return float(metric(as_numpy(y), predicted, sample_weight=as_numpy(sample_weight)))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.array_api_support = True
        return tags
