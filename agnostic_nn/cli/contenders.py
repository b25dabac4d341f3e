"""Who takes part in `agnostic-nn compare`: each learns from a fold, and answers for its rest."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ..backends import host
from ..errors import unknown_name
from . import fitting
from .data import Examples, Part, Source, TaskData
from .options import RECIPE_WATCHED, Settings

if TYPE_CHECKING:
    from ..backends import Backend
    from ..namespace import Array
    from ..tabular import Preparation


@dataclass(frozen=True)
class Entry:
    """What a contender learns from, and how.

    Attributes
    ----------
    source : Source
    data : TaskData
        Of the fold, prepared as for `agnostic-nn train`.
    kept : array of int
        Where its rows to learn from stand in the table.
    settings : Settings
    backend : Backend
    """

    source: Source
    data: TaskData
    kept: Any
    settings: Settings
    backend: Backend

    @property
    def test(self) -> Part:
        """The rows to answer for."""
        assert self.data.test is not None  # a fold has some
        return self.data.test


#: From what there is to learn from to outputs for the rows held out, in terms of a network that has
#: the preparation of the fold.
Contender = Callable[[Entry], "Array"]


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


def _recipe(name: str) -> Contender:
    """Return a recipe of this package, which holds some rows out to choose its best epoch by."""

    def outputs(entry: Entry) -> Array:
        from ..tabular.recipes import fit_recipe, get_recipe

        recipe, settings = get_recipe(name)(), entry.settings
        if settings.epochs is not None:
            recipe = replace(recipe, epochs=settings.epochs)
        learn, watch = entry.source.splits.watch(RECIPE_WATCHED, entry.kept)
        preparation = entry.data.preparation
        own, (net,) = fit_recipe(
            recipe, preparation, _learned(entry, learn),
            None if watch is None else _learned(entry, watch),
            seeds=(settings.seed,), backend=entry.backend,
        )  # fmt: skip
        rows = own.features(entry.test.examples.X, differences=_uncounted())
        found = net.predict(rows).astype("float64")
        if not preparation.classes:
            return (found * own.scale + own.mean - preparation.mean) / preparation.scale
        return _of_classes(found / found.sum(axis=1, keepdims=True))

    return outputs


def _plain(entry: Entry) -> Array:
    """The perceptron of `train --recipe plain`."""
    settings = fitting.settled(entry.settings, len(entry.data.train))
    net = fitting.fit(entry.data, settings, entry.backend)
    return net.predict(entry.test.inputs).astype("float64")


def _learned(entry: Entry, rows: Any) -> Any:
    """Return rows of the table as recipes learn from them."""
    from ..tabular.recipes import Examples as Learned

    examples: Examples = entry.source.examples.at(rows)
    preparation = entry.data.preparation
    y = _places(preparation, preparation.targets(examples.y))
    if not preparation.classes:
        y = y * preparation.scale + preparation.mean
    blocks = preparation.blocks(examples.X, differences=_uncounted())
    weight = None if examples.weight is None else examples.weight.to_numpy(dtype="float64")
    return Learned(blocks, y, weight)


def _sklearn_mlp(entry: Entry) -> Array:
    """scikit-learn's MLP with its defaults, on the inputs that `train` gives a network."""
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    kind = MLPClassifier if entry.data.preparation.classes else MLPRegressor
    options = {} if entry.settings.epochs is None else {"max_iter": entry.settings.epochs}
    model = kind(random_state=entry.settings.seed, **options)
    return _answers(entry, model, entry.data.train.inputs, entry.test.inputs)


def _gradient_boosting(entry: Entry) -> Array:
    """scikit-learn's histogram gradient boosting, which is told which columns are categories."""
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    preparation, data = entry.data.preparation, entry.data
    train, test = (
        preparation.blocks(part.examples.X, differences=_uncounted())
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
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # its defaults are what is compared
        model.fit(X, _places(preparation, train.targets), sample_weight=train.weight)
    if not preparation.classes:
        return model.predict(X_test).reshape(-1, 1)
    return _of_classes(model.predict_proba(X_test))


def _places(preparation: Preparation, targets: Array) -> Array:
    """Return the place of each row's class, or its standardized quantity."""
    return preparation.places(targets) if preparation.classes else targets[:, 0]


def _of_classes(probabilities: Array) -> Array:
    """Return probabilities as a network has them: of two classes that of the second."""
    found = host.asarray(probabilities)
    return found[:, 1:] if found.shape[1] == 2 else found


def _uncounted() -> Any:
    from ..tabular import Differences

    return Differences()


#: Every contender by name.
CONTENDERS: dict[str, Contender] = {
    "realmlp": _recipe("realmlp"),
    "realmlp-s": _recipe("realmlp-s"),
    "tabm": _recipe("tabm"),
    "plain": _plain,
    "sklearn-mlp": _sklearn_mlp,
    "gradient-boosting": _gradient_boosting,
    "linear": _linear,
}
