"""scikit-learn's own checks, and its users' scripts with the import changed."""

import copy
import io
import os
import pickle
import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="the estimators are scikit-learn's interface")

from sklearn import clone, config_context
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_digits, load_iris, make_multilabel_classification
from sklearn.ensemble import StackingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score, learning_curve
from sklearn.neural_network import MLPClassifier as TheirClassifier
from sklearn.neural_network import MLPRegressor as TheirRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from agnostic_nn.backends import available_backends
from agnostic_nn.estimators import MLPClassifier, MLPRegressor

stops_early = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning"  # the checks give few epochs on purpose
)


@stops_early
@pytest.mark.filterwarnings("ignore:.*A column-vector y:sklearn.exceptions.DataConversionWarning")
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
@parametrize_with_checks([MLPClassifier(max_iter=100), MLPRegressor(max_iter=100)])
def test_check(estimator, check):
    check(estimator)


@stops_early
@pytest.mark.parametrize(
    "estimator",
    [MLPClassifier(solver="lbfgs"), MLPRegressor(solver="sgd", tol=1e-2, random_state=42)],
    ids=["lbfgs", "sgd"],
)
def test_sample_weights_count_as_repeats(estimator):
    """The settings scikit-learn's own suite takes for its estimators."""
    from sklearn.utils.estimator_checks import check_sample_weight_equivalence_on_dense_data

    check_sample_weight_equivalence_on_dense_data(type(estimator).__name__, estimator)


ARRAY_API_CHECKS = """
import warnings
warnings.simplefilter("ignore")
from sklearn.utils.estimator_checks import check_estimator
from agnostic_nn.estimators import MLPClassifier, MLPRegressor
for estimator in (MLPClassifier(max_iter=5), MLPRegressor(max_iter=5)):
    results = check_estimator(estimator, on_fail=None, on_skip=None)
    of_arrays = [r for r in results if "array_api" in r["check_name"]]
    assert sum(r["status"] == "passed" for r in of_arrays) >= 3
    for r in of_arrays:
        assert r["status"] in ("passed", "skipped"), (r["check_name"], r["exception"])
"""


@pytest.mark.skipif(
    not available_backends()["array_api_strict"].usable, reason="array-api-strict is not installed"
)
def test_array_api_checks():
    environment = os.environ | {"SCIPY_ARRAY_API": "1"}  # read when SciPy is imported
    subprocess.run(
        [sys.executable, "-c", ARRAY_API_CHECKS], check=True, timeout=300, env=environment
    )


@pytest.mark.parametrize(("ours", "theirs"), [
    (MLPClassifier, TheirClassifier), (MLPRegressor, TheirRegressor),
])  # fmt: skip
def test_parameters_are_those_of_scikit_learn(ours, theirs):
    mine, wanted = ours().get_params(), theirs().get_params()
    assert wanted.items() <= mine.items()
    assert list(mine)  # and where they may be given by position, in that order
    assert ours((5,)).get_params()["hidden_layer_sizes" if ours is MLPClassifier else "loss"] == (
        5,
    )


WRONG = [
    {"alpha": -1}, {"activation": "nothing"}, {"solver": "magic"}, {"batch_size": 0},
    {"learning_rate": 0.1}, {"learning_rate_init": 0}, {"max_iter": 0}, {"momentum": 2},
    {"beta_1": 1}, {"epsilon": 0}, {"n_iter_no_change": -1}, {"validation_fraction": 1},
    {"hidden_layer_sizes": -1}, {"shuffle": "yes"}, {"tol": -1}, {"hidden_layer_sizes": (4, 0)},
]  # fmt: skip


@pytest.mark.parametrize("wrong", WRONG, ids=str)
@pytest.mark.parametrize(("ours", "theirs"), [
    (MLPClassifier, TheirClassifier), (MLPRegressor, TheirRegressor),
])  # fmt: skip
def test_errors_are_of_the_same_kind(ours, theirs, wrong):
    X, y = np.eye(4), np.asarray([0, 1, 0, 1])
    for estimator in (ours, theirs):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            estimator(**wrong).fit(X, y)


# The same numbers as scikit-learn, where chance is the same: without a shuffle


def digits(n=200):
    X, y = load_digits(return_X_y=True)
    return X[:n] / 16.0, y[:n]


SAME = [
    {"solver": "adam"},
    {"solver": "adam", "activation": "logistic", "alpha": 0.5},
    {"solver": "adam", "early_stopping": True, "activation": "tanh"},
    {"solver": "sgd", "learning_rate_init": 0.1},
    {"solver": "sgd", "nesterovs_momentum": False, "learning_rate_init": 0.1},
    {"solver": "sgd", "learning_rate": "invscaling", "learning_rate_init": 0.3, "momentum": 0},
    {"solver": "sgd", "learning_rate": "adaptive", "tol": 0.01, "n_iter_no_change": 2},
    {"solver": "adam", "learning_rate": "adaptive", "tol": 0.5, "n_iter_no_change": 2},
    {"solver": "lbfgs", "alpha": 1.0, "activation": "tanh"},  # relu's corner makes chaos of ulps
    {"solver": "adam", "batch_size": 50, "alpha": 0.3},
]


@stops_early
@pytest.mark.parametrize("settings", SAME, ids=str)
@pytest.mark.parametrize("kind", ["many", "two", "labels", "numbers", "counts"])
def test_same_numbers_as_scikit_learn(settings, kind):
    X, y = digits()
    settings = {"max_iter": 15, "shuffle": False, "random_state": 3} | settings
    y = {
        "many": y, "two": y > 4, "labels": (np.stack([y > 4, y % 2 == 0], axis=1)).astype(int),
        "numbers": y / 10.0, "counts": y / 10.0,
    }[kind]  # fmt: skip
    ours, theirs = MLPClassifier, TheirClassifier
    if kind in ("numbers", "counts"):
        ours, theirs = MLPRegressor, TheirRegressor
        settings["loss"] = "poisson" if kind == "counts" else "squared_error"
    mine, wanted = (
        estimator(hidden_layer_sizes=(12, 8), **settings).fit(X, y) for estimator in (ours, theirs)
    )

    for name in ("n_iter_", "t_", "n_layers_", "n_outputs_", "out_activation_", "n_features_in_"):
        assert getattr(mine, name) == getattr(wanted, name), name
    numbers = ["loss_", "best_loss_", "loss_curve_", "validation_scores_", "best_validation_score_"]
    for name in numbers[: 1 if settings["solver"] == "lbfgs" else None]:
        expected = getattr(wanted, name)
        if expected is None:
            assert getattr(mine, name) is None
        else:
            np.testing.assert_allclose(getattr(mine, name), expected, rtol=1e-4, err_msg=name)
    for got, expected in zip(mine.coefs_, wanted.coefs_, strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(mine.predict(X), wanted.predict(X), rtol=1e-4)
    assert mine.score(X, y) == pytest.approx(wanted.score(X, y))


@stops_early
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
def test_same_numbers_with_weights_and_warm_start(solver, weighted):
    X, y = digits()
    weight = np.random.default_rng(0).random(len(y)) if weighted else None
    answers = []
    for estimator in (MLPClassifier, TheirClassifier):
        model = estimator(
            (10,), solver=solver, max_iter=4, shuffle=False, random_state=0, warm_start=True
        )
        model.fit(X, y, sample_weight=weight)
        if solver != "adam":  # whose moments live on here
            model.fit(X, y, sample_weight=weight)
        answers.append(model.predict_proba(X))
    if solver == "sgd":  # so does the velocity
        return
    np.testing.assert_allclose(*answers, rtol=1e-6)


@stops_early
def test_same_numbers_in_partial_fit():
    X, y = digits()
    answers = []
    for estimator in (MLPClassifier, TheirClassifier):
        model = estimator(
            (10,), shuffle=False, random_state=0, solver="sgd", learning_rate_init=0.1
        )
        for start in (0, 100, 0, 100):
            rows = slice(start, start + 100)
            model.partial_fit(X[rows], y[rows], classes=np.arange(10))
        assert (model.n_iter_, model.t_, len(model.loss_curve_)) == (1, 400, 4)
        answers.append(model.predict_proba(X))
    np.testing.assert_allclose(*answers, rtol=1e-9)


# A user's script


def pipeline(**settings):
    return make_pipeline(
        StandardScaler(), MLPClassifier((8,), max_iter=40, learning_rate_init=0.02, **settings)
    )


@stops_early
def test_script():
    X, y = load_iris(return_X_y=True, as_frame=True)
    names = np.asarray(["a", "b", "c"])[y]
    search = GridSearchCV(
        pipeline(random_state=0), {"mlpclassifier__alpha": [1e-4, 1e-2]}, cv=2, n_jobs=2
    ).fit(X, names)
    assert search.best_estimator_.score(X, names) > 0.6
    assert list(search.best_estimator_[-1].classes_) == ["a", "b", "c"]
    _, train_scores, _ = learning_curve(
        pipeline(random_state=0), X, y, cv=2, train_sizes=[0.5, 1.0], shuffle=True, random_state=0
    )
    assert train_scores.shape == (2, 2)
    assert cross_val_score(pipeline(random_state=0), X, y, cv=2).mean() > 0.5
    calibrated = CalibratedClassifierCV(pipeline(random_state=0), cv=2).fit(X, names)
    assert calibrated.predict_proba(X).shape == (150, 3)
    stacked = StackingClassifier(
        [("net", pipeline(random_state=0))], LogisticRegression(), cv=2
    ).fit(X, names)
    assert stacked.score(X, names) > 0.6


@stops_early
def test_stream():
    X, y = digits(600)
    model = MLPClassifier(learning_rate_init=0.005, random_state=0)
    for _ in range(10):
        for rows in np.split(np.arange(600), 6):
            model.partial_fit(X[rows], y[rows], classes=range(10))
    assert model.score(X, y) > 0.8


@stops_early
def test_copies_and_files(tmp_path):
    import joblib

    X, y = digits()
    model = MLPClassifier((8,), max_iter=5, random_state=0).fit(X, y)
    joblib.dump(model, tmp_path / "model.joblib")
    for other in (
        pickle.loads(pickle.dumps(model)),
        copy.deepcopy(model),
        joblib.load(tmp_path / "model.joblib"),
    ):
        np.testing.assert_array_equal(other.predict_proba(X), model.predict_proba(X))
        a, b = other.partial_fit(X, y), copy.deepcopy(model).partial_fit(X, y)
        np.testing.assert_array_equal(a.coefs_[0], b.coefs_[0])
    assert not hasattr(clone(model), "network_")


@stops_early
def test_names_representation_and_routing():
    X, y = load_iris(return_X_y=True, as_frame=True)
    model = MLPClassifier((4,), max_iter=5, random_state=0).fit(X, y)
    assert list(model.feature_names_in_) == list(X.columns)
    assert "MLPClassifier" in model._repr_html_()
    with pytest.raises(ValueError, match="feature names"):
        model.predict(X.rename(columns=str.upper))
    chain = pipeline(random_state=0).set_output(transform="pandas")
    assert list(chain.fit(X, y)[-1].feature_names_in_) == list(X.columns)
    with config_context(enable_metadata_routing=True):
        asks = MLPClassifier((4,), max_iter=5, random_state=0)
        asks.set_fit_request(sample_weight=True, validation=True)
        asks.set_score_request(sample_weight=True)
        chain = make_pipeline(StandardScaler().set_fit_request(sample_weight=False), asks)
        chain.fit(X, y, sample_weight=np.ones(150), validation=(X.to_numpy(), y))
        assert len(chain[-1].validation_scores_) == 5


@stops_early
@pytest.mark.parametrize("container", ["csr_array", "csc_matrix", "csr_matrix"])
def test_sparse_features(container):
    import scipy.sparse

    X, y = digits()
    sparse = getattr(scipy.sparse, container)(X)
    dense, got = (MLPClassifier((8,), max_iter=5, random_state=0).fit(A, y) for A in (X, sparse))
    np.testing.assert_array_equal(got.predict_proba(sparse), dense.predict_proba(X))


@stops_early
def test_sparse_labels():
    import scipy.sparse

    X, Y = make_multilabel_classification(n_samples=80, random_state=0)
    model = MLPClassifier((8,), max_iter=5, random_state=0).fit(X, scipy.sparse.csr_matrix(Y))
    assert scipy.sparse.issparse(model.predict(X))
    assert model.predict(X).shape == Y.shape


@stops_early
def test_verbose_prints_the_loss(monkeypatch):
    X, y = digits()
    for solver in ("adam", "lbfgs"):
        out = io.StringIO()
        monkeypatch.setattr(sys, "stdout", out)
        MLPClassifier((4,), max_iter=3, random_state=0, verbose=True, solver=solver).fit(X, y)
        lines = out.getvalue().splitlines()
        assert [line.split(",")[0] for line in lines] == [f"Iteration {i}" for i in (1, 2, 3)]
