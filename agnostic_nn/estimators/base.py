"""What the classifier and the regressor share: parameters, and how `fit` becomes `train`."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from numbers import Integral, Real
from typing import Any, ClassVar, Self

from sklearn import get_config
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, Options, StrOptions
from sklearn.utils.validation import check_is_fitted

from ..activations import ACTIVATIONS, Activation
from ..architecture import Architecture
from ..backends import Backend, backend_of, get_backend, host, move
from ..backends import chosen_backend as backend_in_use
from ..errors import InvalidArgument
from ..initializers import INITIALIZERS
from ..losses import Loss
from ..namespace import Array
from ..network import Network
from ..optimizers import OPTIMIZERS, SGD, Momentum, Nesterov, Optimizer
from ..schedules import SCHEDULES, Constant, Schedule, get_schedule
from ..training import History, train
from .convergence import Convergence, adapt, same_rule, set_learning_rate, set_theta
from .data import check_features, check_targets, check_weights, dtype_name, library_of, on_host, split
from .lbfgs import minimize_cost

#: scikit-learn's names where this package has others.
_SKLEARN_NAMES = {"logistic": "sigmoid", "exp": "exponential"}
_SKLEARN_ACTIVATIONS = ("identity", "logistic", "sigmoid", "tanh", "relu")


def own_name(activation: Any) -> Any:
    """Return this package's name for an activation of scikit-learn."""
    return _SKLEARN_NAMES.get(activation, activation) if isinstance(activation, str) else activation


def sklearn_name(activation: str) -> str:
    """Return scikit-learn's name for an activation of this package."""
    return {own: name for name, own in _SKLEARN_NAMES.items()}.get(activation, activation)


class BaseMLP(BaseEstimator):  # type: ignore[misc]
    """Base of `MLPClassifier` and `MLPRegressor`."""

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "hidden_layer_sizes": ["array-like", Interval(Integral, 1, None, closed="left")],
        "activation": [
            StrOptions({"logistic", *ACTIVATIONS} - {"softmax"}), Activation, "array-like",
        ],
        "solver": [StrOptions({"lbfgs", *OPTIMIZERS}), Optimizer],
        "alpha": [Interval(Real, 0, None, closed="left")],
        "batch_size": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "learning_rate": [StrOptions({"invscaling", "adaptive", *SCHEDULES}), Schedule],
        "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
        "power_t": [Interval(Real, 0, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "shuffle": ["boolean"],
        "random_state": ["random_state"],
        "tol": [Interval(Real, 0, None, closed="left")],
        "verbose": ["verbose"],
        "warm_start": ["boolean"],
        "momentum": [Interval(Real, 0, 1, closed="both")],
        "nesterovs_momentum": ["boolean"],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="left")],
        "beta_1": [Interval(Real, 0, 1, closed="left")],
        "beta_2": [Interval(Real, 0, 1, closed="left")],
        "epsilon": [Interval(Real, 0, None, closed="neither")],
        "n_iter_no_change": [
            Interval(Integral, 1, None, closed="left"), Options(Real, {math.inf}),
        ],
        "max_fun": [Interval(Integral, 1, None, closed="left")],
        "backend": [str, Backend, None],
        "dtype": "no_validation",
        "dropout": [Interval(Real, 0, 1, closed="left"), "array-like"],
        "initializer": [StrOptions(set(INITIALIZERS)), None],
        "weight_decay": [Interval(Real, 0, None, closed="left"), None],
        "clip_norm": [Interval(Real, 0, None, closed="neither"), None],
        "callbacks": ["array-like", None],
        "progress": ["boolean", None],
    }  # fmt: skip

    def _store(self, parameters: Mapping[str, Any]) -> None:
        """Keep the arguments of the constructor, as scikit-learn wants them: untouched."""
        for name in parameters:
            if name not in ("self", "__class__"):
                setattr(self, name, parameters[name])

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
        theta = self._initial_theta(widths, random) if first else None
        if incremental:  # an example that comes again has to fall on the same side again
            random = check_random_state(_seed(random) if first else self.network_.seed)
        if self.early_stopping and held_out is None and self.solver != "lbfgs":
            data, held_out = split(data, self.validation_fraction, random, self._stratify(Y))
        if first:
            self._begin(widths, dtype_name(self.dtype, X), theta, library_of(X), _seed(random))
        net = self._settle(widths, data)

        if self.solver == "lbfgs":
            self._fit_lbfgs(net, data)
        else:
            self._fit_stochastic(net, data, held_out, incremental=incremental)
        if not bool(net.backend.to_numpy(net.xp.all(net.xp.isfinite(net.theta)))):
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

    def _initial_theta(self, widths: list[int], random: Any) -> Any:
        """Draw the weights that scikit-learn would; None where another way was asked for."""
        names = self.activation if isinstance(self.activation, (list, tuple)) else [self.activation]
        if self.initializer is not None or any(g not in _SKLEARN_ACTIVATIONS for g in names):
            return None
        arrays = []
        factor = 2.0 if all(own_name(g) == "sigmoid" for g in names) else 6.0
        for n_prev, n in zip(widths, widths[1:], strict=False):
            bound = math.sqrt(factor / (n_prev + n))
            arrays.append(random.uniform(-bound, bound, (n_prev, n)).T)
            arrays.append(random.uniform(-bound, bound, n))
        return host.concatenate(arrays)

    def _begin(
        self, widths: list[int], dtype: str, theta: Any, library: Backend, random: Any
    ) -> None:
        """Start from a new network, and forget what an earlier one reached."""
        loss, output = self._loss_and_output()
        net = Network(
            widths,
            loss,
            activation=self._activations(),
            output=output,
            dropout=self._dropout(),
            initializer="zeros" if theta is not None else self.initializer,
            seed=int(random.randint(2**31 - 1)),
            dtype=dtype,
            backend=self.backend or backend_in_use() or library,
        )
        if theta is not None:
            net.theta = net.backend.asarray(theta, net.dtype)
        self.network_, self._library, self._convergence = net, library, Convergence()
        self.t_ = 0
        self.n_layers_, self.n_outputs_ = len(widths), widths[-1]
        self.out_activation_ = sklearn_name(net.architecture.activations[-1].name)
        if self.solver != "lbfgs":
            self.validation_scores_: list[float] | None = None

    def _settle(self, widths: list[int], data: tuple[Any, ...]) -> Network:
        """Bring the network up to the parameters, which may have changed since it was made."""
        net = self.network_
        if list(net.architecture.widths) != widths:
            raise InvalidArgument(
                f"the network to go on with has the widths {list(net.architecture.widths)}, "
                f"hidden_layer_sizes, X and y ask for {widths}: warm_start and partial_fit "
                "cannot change them."
            )
        if self.backend is not None and get_backend(self.backend) is not net.backend:
            net.to(self.backend)
        X, _, weight = data
        n = X.shape[0]
        batch = n if self.solver == "lbfgs" else self._batch_size(n)
        # scikit-learn adds alpha / 2 ||W||^2 to the sum over a batch, this package to its mean
        share = 1.0 if weight is None else n / float(weight.sum())
        architecture = Architecture.of(
            widths,
            net.architecture.loss,
            self._activations(),
            net.architecture.activations[-1],
            self._dropout(),
            self.alpha / batch * share,
        )
        if architecture != net.architecture:
            net.architecture = architecture
            if net.training is not None:
                net.training.compiled.clear()
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
                stacklevel=4,
            )
        rule, before = self._optimizer(), net.training
        if before is not None and same_rule(rule, before.optimizer):
            if not incremental:
                before.optimizer = rule  # the settings may have changed; its state goes on
            rule = None
        began = 0 if before is None else before.epoch
        if held_out is not None and self.validation_scores_ is None:
            self.validation_scores_ = []

        self.stopped_ = False
        X, Y, weight = data
        try:
            train(
                net, X, Y,
                epochs=1 if incremental else self.max_iter,
                batch_size=self._batch_size(n),
                optimizer=rule,
                sample_weight=weight,
                shuffle=self.shuffle,
                validation=held_out,
                clip_norm=self.clip_norm,
                callbacks=(self._after_epoch(n, held_out), *(self.callbacks or ())),
                progress=self.progress,
            )  # fmt: skip
        except KeyboardInterrupt:
            warnings.warn("training was interrupted; the network is as it was then.", stacklevel=4)
        self._take_history(net, began)
        if self.early_stopping and (self.stopped_ or not incremental):
            self._convergence.restore(net)
        if not (incremental or self.stopped_) and self.n_iter_ == self.max_iter:
            warnings.warn(
                f"training went through all max_iter={self.max_iter} epochs and was still "
                "gaining: it has not converged.",
                ConvergenceWarning,
                stacklevel=4,
            )

    def _after_epoch(
        self, n: int, held_out: tuple[Any, ...] | None
    ) -> Callable[[Network, History], bool]:
        """Return the callback that applies scikit-learn's rules after each epoch."""
        convergence = self._convergence
        sklearn_rate = self.learning_rate if self.solver != "adam" else "constant"

        def after_epoch(net: Network, history: History) -> bool:
            loss, score = history["cost"][-1], None
            self.t_ += n
            if self.verbose:
                print(f"Iteration {net.training.epoch}, loss = {loss:.8f}")  # noqa: T201
            if held_out is not None:
                score = self._validation_score(history, held_out)
                assert self.validation_scores_ is not None
                self.validation_scores_.append(score)
                if self.verbose:
                    print(f"Validation score: {score:f}")  # noqa: T201
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
        training, best = net.training, self._convergence.best
        self.n_iter_ = training.epoch - began
        self.loss_curve_ = list(training.history.get("cost", ()))
        self.loss_ = self.loss_curve_[-1] if self.loss_curve_ else math.inf
        self.best_loss_ = None if self.early_stopping else -best
        self.best_validation_score_ = best if self.early_stopping else None

    def _fit_lbfgs(self, net: Network, data: tuple[Any, ...]) -> None:
        if any(net.architecture.dropout):
            raise InvalidArgument(
                f"dropout={self.dropout!r} with solver='lbfgs': it takes all examples at once, "
                "without chance. Wanted dropout=0, or another solver."
            )

        def report(net: Network, history: History) -> None:
            print(f"Iteration {len(history['cost'])}, loss = {history['cost'][-1]:.8f}")  # noqa: T201

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
                stacklevel=4,
            )

    # Parameters, as this package takes them

    def _activations(self) -> Any:
        if isinstance(self.activation, (str, Activation)):
            return own_name(self.activation)
        return [own_name(g) for g in self.activation]

    def _dropout(self) -> Any:
        return self.dropout if isinstance(self.dropout, Real) else list(self.dropout)

    def _batch_size(self, n: int) -> int:
        return min(200 if self.batch_size == "auto" else int(self.batch_size), n)

    def _optimizer(self) -> Optimizer:
        if isinstance(self.solver, Optimizer):
            return self.solver
        rule = OPTIMIZERS[self.solver]
        if self.solver == "sgd" and self.momentum > 0.0:
            rule = Nesterov if self.nesterovs_momentum else Momentum
        elif self.solver == "sgd":
            rule = SGD
        settings = {
            "learning_rate": self._schedule(),
            "momentum": self.momentum,
            "beta1": self.beta_1,
            "beta2": self.beta_2,
            "epsilon": self.epsilon,
        }
        if self.weight_decay is not None:
            settings["weight_decay"] = self.weight_decay
        taken = {field.name for field in fields(rule)}
        return rule(**{name: value for name, value in settings.items() if name in taken})

    def _schedule(self) -> Schedule:
        if isinstance(self.learning_rate, Schedule):
            return self.learning_rate
        if self.learning_rate in ("constant", "invscaling", "adaptive"):
            return Constant(self.learning_rate_init)
        schedule = get_schedule(self.learning_rate)(self.learning_rate_init)
        return replace(schedule, power=self.power_t) if hasattr(schedule, "power") else schedule

    def _check_solver(self) -> bool:
        if self.solver == "lbfgs":
            raise AttributeError(
                "partial_fit needs a solver that takes minibatches, and lbfgs does not: "
                "use 'adam' or 'sgd'."
            )
        return True

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
        if [tuple(W.T.shape) for W, _ in layers] != net.architecture.shapes:
            raise InvalidArgument(
                f"wanted coefs_ of the shapes {[shape[::-1] for shape in net.architecture.shapes]}."
            )
        set_theta(net, net.architecture.flatten([(W.T, b) for W, b in layers], net.xp))

    def _score_on_host(self, metric: Any, X: Any, y: Any, sample_weight: Any) -> float:
        predicted = on_host(self.predict(X))
        return float(metric(on_host(y), predicted, sample_weight=on_host(sample_weight)))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.array_api_support = True
        return tags


def is_array(values: Any) -> bool:
    """Whether values belong to an array library that is not NumPy."""
    library = backend_of(values)
    return library is not None and library.name != "numpy"
