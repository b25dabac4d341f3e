"""Who takes part in `agnostic-nn compare`: each learns from a fold, and answers for its rest."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..backends import host
from ..errors import unknown_name
from ..tabular.recipes import RECIPES
from .choices import settled
from .in_time import fitted_in_time
from .options import PLAIN, Settings
from .parts import Part, TaskData

if TYPE_CHECKING:
    from ..backends import Backend
    from ..namespace import Array
    from ..tabular import Preparation


@dataclass(frozen=True)
class Entry:
    """What a contender learns from, and how.

    Attributes
    ----------
    data : TaskData
        Of the fold, prepared as the contender wants it.
    settings : Settings
        As of `agnostic-nn train`, with what was left out left out.
    backend : Backend
    seconds : float or None
        How long it may take; None for as long as it wants.
    tell : callable
        Where to say what came of that.
    """

    data: TaskData
    settings: Settings
    backend: Backend
    seconds: float | None
    tell: Callable[[str], None]

    @property
    def test(self) -> Part:
        """The rows to answer for."""
        assert self.data.test is not None  # a fold has some
        return self.data.test


@dataclass(frozen=True)
class Contender:
    """One that takes part.

    Attributes
    ----------
    recipe : str
        The table is prepared for it as `agnostic-nn train` does for this recipe.
    answer : callable
        From what there is to learn from to outputs for the rows held out, as a network with that
        preparation has them.
    """

    recipe: str
    answer: Callable[[Entry], Array]


def chosen(models: str | None) -> dict[str, Contender]:
    """Return the contenders of these names, with commas; left out, all but the slowest.

    Raises
    ------
    InvalidArgument
        If there is none of a name.
    """
    if models is None:
        return {name: one for name, one in CONTENDERS.items() if name != "tabm"}
    names = [name.strip() for name in models.split(",")]
    for name in names:
        if name not in CONTENDERS:
            raise unknown_name("models", name, CONTENDERS)
    return {name: CONTENDERS[name] for name in names}


def _network(entry: Entry) -> Array:
    """The network that `train` trains with the recipe."""
    settings = settled(entry.settings, len(entry.data.train))
    net = fitted_in_time(entry.data, settings, entry.backend, entry.tell, entry.seconds)
    return net.predict(entry.test.inputs).astype("float64")


def _sklearn_mlp(entry: Entry) -> Array:
    """scikit-learn's MLP with its defaults, on the inputs that `train` gives a plain network."""
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    kind = MLPClassifier if entry.data.preparation.classes else MLPRegressor
    options = {} if entry.settings.epochs is None else {"max_iter": entry.settings.epochs}
    model = kind(random_state=entry.settings.seed, **options)
    return _answers(entry, model, entry.data.train.inputs, entry.test.inputs)


def _gradient_boosting(entry: Entry) -> Array:
    """scikit-learn's histogram gradient boosting, which is told which columns are categories."""
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    from ..tabular import Differences

    preparation, data = entry.data.preparation, entry.data
    train, test = (
        preparation.blocks(part.examples.X, differences=Differences())
        for part in (data.train, entry.test)
    )
    # more categories than it has bins for are taken as numbers
    before = train.numeric.shape[1] + train.indicators.shape[1]
    categories = [before + i for i, size in enumerate(train.sizes) if size <= 255]
    classes = preparation.classes
    kind = HistGradientBoostingClassifier if classes else HistGradientBoostingRegressor
    model = kind(categorical_features=categories or None, random_state=entry.settings.seed)
    return _answers(entry, model, train.rows(), test.rows())


def _linear(entry: Entry) -> Array:
    """The linear model that `train` shows beside its network."""
    from ..tabular.linear import fit_linear

    train, test = entry.data.train, entry.test
    predict, _ = fit_linear(
        entry.data.preparation, train.inputs, train.targets, train.weight, entry.settings.seed
    )
    return predict(test.inputs)


def _answers(entry: Entry, model: Any, X: Array, X_test: Array) -> Array:
    """Fit a model of scikit-learn, and return what it answers in terms of a network."""
    from sklearn.exceptions import ConvergenceWarning

    train, preparation = entry.data.train, entry.data.preparation
    y = preparation.places(train.targets) if preparation.classes else train.targets[:, 0]

    def fit(model: Any) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # its defaults are what is compared
            # its perceptron takes Ctrl-C for enough of it, where all the comparison is to stop
            warnings.filterwarnings("error", "Training interrupted by user")
            try:
                model.fit(X, y, sample_weight=train.weight)
            except UserWarning as interrupted:
                raise KeyboardInterrupt from interrupted

    if entry.seconds is None:
        fit(model)
    else:
        _fit_in_time(model, fit, entry)
    if not preparation.classes:
        return model.predict(X_test).reshape(-1, 1)
    return _of_classes(preparation, model.predict_proba(X_test))


def _fit_in_time(model: Any, fit: Callable[[Any], None], entry: Entry) -> None:
    """Fit a model with as many iterations as there is time for: a few tell how long more take."""
    from ..deadlines import Deadline

    assert entry.seconds is not None
    end, most = Deadline(entry.seconds), model.max_iter
    there_is_time_for, tried = min(2, most), 0
    while there_is_time_for > tried:
        tried, began = there_is_time_for, time.perf_counter()
        fit(model.set_params(max_iter=tried))
        took = time.perf_counter() - began
        there_is_time_for = min(most, int(tried * end.left / took))
    if tried < most:
        entry.tell(
            f"training: {tried} of at most {most} iterations, within "
            f"time_limit={entry.settings.time_limit:g}"
        )


def _of_classes(preparation: Preparation, probabilities: Array) -> Array:
    """Return probabilities as a network has them: of two classes that of the second."""
    return host.asarray(probabilities)[:, -preparation.n_outputs :]


#: Every contender by name.
CONTENDERS: dict[str, Contender] = {
    **{name: Contender(name, _network) for name in (*RECIPES, PLAIN)},
    "sklearn-mlp": Contender(PLAIN, _sklearn_mlp),
    "gradient-boosting": Contender(PLAIN, _gradient_boosting),
    "linear": Contender(PLAIN, _linear),
}
