"""`n_ens`: the networks of a recipe side by side, as one network that is saved with its table."""

from dataclasses import replace

import numpy as np
import pytest

import agnostic_nn as ann

pd = pytest.importorskip("pandas")
pytest.importorskip("sklearn")

from sklearn.utils.estimator_checks import parametrize_with_checks  # noqa: E402

from agnostic_nn.tabular import Preparation  # noqa: E402
from agnostic_nn.tabular.recipes import Examples, RealMLPS, fit_recipe, get_recipe  # noqa: E402

#: Recipes that are small, and learn something in the few epochs they are given.
SMALL = {
    "realmlp": {"hidden": (16, 8)},
    "realmlp-s": {"hidden": (16, 8)},
    "tabm": {"k": 3, "units": 8, "learning_rate": 0.01},
}
QUICK = {"epochs": 8, "random_state": 0, "dtype": "float64", "n_ens": 3}

every_recipe = pytest.mark.parametrize("name", SMALL)


def table(n=120):
    random = np.random.default_rng(0)
    y = random.integers(0, 3, n)
    X = pd.DataFrame(random.standard_normal((n, 3)) + 2.0 * np.eye(3)[y], columns=list("abc"))
    return X.assign(d=pd.Categorical(list("pqrst" * (n // 5)))), y


def small(name, **settings):
    return replace(get_recipe(name)(), **SMALL[name] | settings)


def prepared():
    X, y = table()
    preparation = Preparation.fit(X).with_outputs((0, 1, 2))
    return preparation, Examples(preparation.blocks(X), y)


@every_recipe
def test_each_network_begins_as_it_would_alone(name, backend):
    """With what its recipe makes of the rows of training, by a seed of its own."""
    still = small(name, epochs=1, learning_rate=1e-30)
    options = {"dtype": backend.dtype, "backend": backend.backend}
    _, net = fit_recipe(still, *prepared(), seeds=(3, 7), **options)
    assert net.seed == 3
    for member, seed in zip(ann.members_of(net), (3, 7), strict=True):
        _, alone = fit_recipe(still, *prepared(), seeds=(seed,), **options)
        ours, theirs = (backend.to_numpy(each.theta) for each in (member, alone))
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-27)


def test_the_first_learns_as_it_would_alone():
    """On its own minibatches, which are those of all."""
    recipe = RealMLPS(epochs=3, batch_size=32, hidden=(16, 8))
    _, net = fit_recipe(recipe, *prepared(), seeds=(3, 7), dtype="float64")
    _, alone = fit_recipe(recipe, *prepared(), seeds=(3,), dtype="float64")
    first, second = ann.members_of(net)
    np.testing.assert_allclose(first.theta, alone.theta, rtol=0, atol=1e-9)
    assert np.abs(second.theta - alone.theta).max() > 0.1


@every_recipe
@pytest.mark.parametrize("kind", ["Classifier", "Regressor"])
def test_predicts_the_mean_and_is_saved(name, kind, tmp_path):
    X, y = table()
    estimator = getattr(ann, ("TabM" if name == "tabm" else "RealMLP") + kind)
    model = estimator(small(name), **QUICK).fit(X, y)
    rows = model.preparation_.features(X)
    members = [net.predict(rows) for net in ann.members_of(model.network_)]
    assert len({each.tobytes() for each in members}) == 3
    mean = sum(members) / 3.0
    if kind == "Classifier":
        np.testing.assert_allclose(model.predict_proba(X), mean, rtol=1e-12)
    else:
        mean = mean[:, 0] * model.preparation_.scale + model.preparation_.mean
        np.testing.assert_allclose(model.predict(X), mean, rtol=1e-12, atol=1e-12)
    ann.save(model, tmp_path / "model.safetensors")
    loaded = ann.load(tmp_path / "model.safetensors")
    assert loaded.network_.objective == model.network_.objective
    np.testing.assert_allclose(loaded.predict(X), model.predict(X), rtol=2.0**-50)


@pytest.mark.parametrize("weights", [None, np.linspace(0.5, 2.0, 40)])
@pytest.mark.parametrize("kind", ["Classifier", "Regressor"])
def test_the_best_epoch_is_that_of_the_mean(kind, weights):
    X, y = table()
    # a rate at which the epochs differ
    estimator = getattr(ann, "RealMLP" + kind)(small("realmlp-s", learning_rate=0.5), **QUICK)
    model = estimator.fit(X[:80], y[:80], validation=(X[80:], y[80:], weights))
    history = model.network_.training.history
    if kind == "Classifier" and weights is None:
        assert model.score(X[80:], y[80:]) == max(history["validation_score"])
        return
    answers, inside = model.network_.predict(model.preparation_.features(X[80:])), y[80:]
    if kind == "Classifier":
        losses = -np.log(answers[np.arange(40), inside])
    else:
        targets = (inside - model.preparation_.mean) / model.preparation_.scale
        losses = 0.5 * (answers[:, 0] - targets) ** 2
    best = min(history["validation_cost"])
    assert np.average(losses, weights=weights) == pytest.approx(best, rel=1e-12)


def test_the_time_limit_is_that_of_all():
    X, y = table()
    model = ann.RealMLPClassifier(time_limit=1e-9, n_ens=3, random_state=0).fit(X, y)
    assert model.network_.training.epoch == 1
    assert len(ann.members_of(model.network_)) == 3


def test_one_network_is_no_ensemble():
    X, y = table()
    model = ann.RealMLPClassifier(small("realmlp-s"), **QUICK | {"n_ens": 1}).fit(X, y)
    assert model.network_.objective.layers.members == 1


@pytest.mark.filterwarnings("ignore::agnostic_nn.TrainingWarning")
@pytest.mark.filterwarnings("ignore:.*A column-vector y:sklearn.exceptions.DataConversionWarning")
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
@parametrize_with_checks(
    [ann.RealMLPClassifier(RealMLPS(hidden=(16,)), **QUICK | {"epochs": 24, "n_ens": 2})],
    expected_failed_checks=lambda _: {
        "check_sample_weight_equivalence_on_dense_data": "which rows make a minibatch is drawn"
    },
)
def test_check(estimator, check):
    check(estimator)
