"""What the estimators have beyond scikit-learn's, and the libraries whose arrays they take."""

import importlib.util
import pickle
import warnings

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="the estimators are scikit-learn's interface")

from sklearn import config_context
from sklearn.datasets import load_digits, make_multilabel_classification
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import accuracy_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import LabelBinarizer, MinMaxScaler

from agnostic_nn import (
    ACTIVATIONS,
    INITIALIZERS,
    LOSSES,
    OPTIMIZERS,
    SCHEDULES,
    Adam,
    InvalidArgument,
    Network,
    TrainingWarning,
    use_backend,
)
from agnostic_nn.backends import available_backends, backend_of, get_backend
from agnostic_nn.estimators import MLPClassifier, MLPRegressor
from agnostic_nn.estimators.data import class_columns

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

ELSEWHERE = ["torch", "jax", "array_api_strict", "array_api_strict:device1", "cupy"]


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return X[:300] / 16.0, y[:300]


@pytest.fixture(params=ELSEWHERE)
def library(request):
    found = available_backends()[request.param.split(":")[0]]
    if not found.usable:
        pytest.skip(f"{request.param}: {found.reason}")
    return get_backend(request.param)


def classifier(**settings):
    return MLPClassifier(
        **({"hidden_layer_sizes": (12,), "max_iter": 5, "random_state": 0} | settings)
    )


def regressor(**settings):
    return MLPRegressor(
        **({"hidden_layer_sizes": (12,), "max_iter": 5, "random_state": 0} | settings)
    )


# Arrays of other libraries


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize("kind", ["many", "two", "labels", "numbers"])
def test_data_stay_in_their_library(library, digits, kind, solver):
    X, y = (array[:220] for array in digits)
    y = {"many": y, "two": y > 4, "labels": np.stack([y > 4, y % 2], axis=1), "numbers": y / 10}
    y = np.asarray(y[kind] * 1, dtype="float32" if kind == "numbers" else "int64")
    X = X.astype("float32")
    make = regressor if kind == "numbers" else classifier
    settings = {"activation": "tanh", "solver": solver, "early_stopping": solver == "adam"}
    on_numpy = make(**settings).fit(X, y)
    there = library.asarray(X)
    model = make(**settings).fit(there, library.asarray(y))

    assert model.network_.backend is library
    assert model.network_.dtype_name == "float32"
    for name in ("predict", "predict_proba", "predict_log_proba"):
        if not hasattr(model, name):
            continue
        answer, expected = getattr(model, name)(there), getattr(on_numpy, name)(X)
        assert backend_of(answer) is library, name
        answer = library.to_numpy(answer)
        assert answer.shape == expected.shape
        if name == "predict" and kind != "numbers":
            assert np.mean(answer == expected) > 0.99
        else:
            np.testing.assert_allclose(answer, expected, rtol=0.02, atol=1e-3)
    assert all(backend_of(array) is library for array in (*model.coefs_, *model.intercepts_))
    assert model.score(there, library.asarray(y)) == pytest.approx(on_numpy.score(X, y), abs=0.01)
    assert isinstance(model.predict(X), np.ndarray)  # what comes in goes out


def test_float64_is_equal_to_rounding(library, digits):
    if library.name == "jax":
        pytest.skip("float64 changes JAX for the whole process")
    X, y = digits
    expected = classifier().fit(X, y).predict_proba(X)
    model = classifier().fit(library.asarray(X), y)
    np.testing.assert_allclose(
        library.to_numpy(model.predict_proba(library.asarray(X))), expected, rtol=1e-8
    )


def test_computing_elsewhere_answers_in_numpy(library, digits):
    X, y = digits
    model = classifier(backend=library.name, dtype="float32").fit(X, y)
    assert model.network_.backend is library
    assert isinstance(model.predict_proba(X), np.ndarray)
    assert isinstance(model.coefs_[0], np.ndarray)
    np.testing.assert_allclose(
        model.predict_proba(X),
        classifier(dtype="float32").fit(X, y).predict_proba(X),
        rtol=1e-3,
        atol=1e-4,
    )


def test_with_array_api_dispatch(library, digits, monkeypatch):
    """Between scikit-learn's own tools, which then compute in the library of the data as well."""
    if library.name == "jax":
        pytest.skip("scikit-learn's own tools write to arrays, which JAX's do not allow")
    pytest.importorskip("scipy", "1.14", reason="scikit-learn asks for it")
    monkeypatch.setenv("SCIPY_ARRAY_API", "1")  # scikit-learn asks for it; nothing here is SciPy's
    X, y = digits
    there = library.asarray(X.astype("float32")), library.asarray(y)
    with config_context(array_api_dispatch=True):
        model = make_pipeline(MinMaxScaler(), classifier(max_iter=30, learning_rate_init=0.01)).fit(
            *there
        )
        predicted = model.predict(there[0])
        assert backend_of(predicted) is library
        assert accuracy_score(there[1], predicted) > 0.8
        with pytest.raises(ValueError, match="same namespace and device"):
            model[-1].predict(X)


def test_strings_are_predicted_from_arrays_elsewhere(library, digits):
    X, y = digits
    names = np.asarray(["even", "odd"])[y % 2]
    there = library.asarray(X.astype("float32"))
    assert set(classifier().fit(there, names).predict(there)) <= {"even", "odd"}


@pytest.mark.parametrize("estimator", [classifier, regressor])
def test_everything_follows_x(library, digits, estimator):
    X, y = digits
    there = library.asarray(X.astype("float32"))
    model = estimator().fit(there, y, sample_weight=np.ones(len(y)))
    assert model.network_.backend is library
    assert estimator().fit(X, library.asarray(y)).network_.backend.name == "numpy"


def test_pickles_wherever_it_is(library, digits):
    X, y = digits
    there = library.asarray(X.astype("float32"))
    model = classifier().fit(there, y)
    copy = pickle.loads(pickle.dumps(model)).partial_fit(there, y)
    assert copy.network_.backend is library


def test_what_use_backend_says(digits):
    X, y = digits
    pytest.importorskip("array_api_strict", reason="a second backend that is always the same")
    with use_backend("array_api_strict"):
        model = classifier().fit(X, y)
    assert model.network_.backend.name == "array_api_strict"
    assert isinstance(model.predict(X), np.ndarray)


@pytest.mark.parametrize("shape", [(10,), (10, 3)])
def test_shapes_of_arrays_elsewhere_are_checked(library, digits, shape):
    X, y = digits
    model = classifier().fit(library.asarray(X.astype("float32")), y)
    with pytest.raises(ValueError, match="features"):
        model.predict(library.asarray(np.ones(shape, "float32")))


# Choices this package adds: every name in a registry


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_activations(name, digits):
    if name == "softmax":
        with pytest.raises(ValueError, match="activation"):
            classifier(activation=name).fit(*digits)
        return
    model = classifier(activation=name, hidden_layer_sizes=(8, 4)).fit(*digits)
    assert [g.name for g in model.network_.objective.perceptron.activations] == [
        name,
        name,
        "softmax",
    ]


@pytest.mark.parametrize("name", sorted(OPTIMIZERS))
def test_solvers(name, digits):
    model = classifier(solver=name, max_iter=30).fit(*digits)
    assert model.loss_curve_[-1] < model.loss_curve_[0]


@pytest.mark.parametrize("name", sorted(SCHEDULES))
def test_schedules(name, digits):
    model = classifier(learning_rate=name, learning_rate_init=0.01).fit(*digits)
    assert isinstance(model.network_.training.optimizer.schedule, SCHEDULES[name])


@pytest.mark.parametrize("name", sorted(INITIALIZERS))
def test_initializers(name, digits):
    classifier(initializer=name).fit(*digits)


@pytest.mark.parametrize("name", sorted(LOSSES))
def test_losses(name, digits):
    X, y = digits
    if "entropy" in name:
        with pytest.raises(ValueError, match="loss"):
            regressor(loss=name).fit(X, y)
        return
    model = regressor(loss=name, max_iter=30).fit(X, y / 10)
    assert model.loss_curve_[-1] < model.loss_curve_[0]
    assert model.network_.objective.loss is LOSSES[name]


def test_poisson_is_for_counts(digits):
    X, y = digits
    with pytest.raises(ValueError, match="below 0"):
        regressor(loss="poisson").fit(X, y - 5)


def test_objects_of_the_package(digits):
    model = classifier(
        solver=Adam(0.01, beta1=0.8), activation=(ACTIVATIONS["gelu"], "logistic"),
        hidden_layer_sizes=(8, 4), dropout=(0.1, 0.2), clip_norm=1.0,
    ).fit(*digits)  # fmt: skip
    architecture = model.network_.objective.perceptron
    assert [g.name for g in architecture.activations] == ["gelu", "sigmoid", "softmax"]
    assert architecture.dropout == (0.1, 0.2, 0.0)
    assert model.network_.training.optimizer == Adam(0.01, beta1=0.8)


def test_weight_decay_is_the_solvers_own_where_not_given(digits):
    decay = [
        classifier(**settings).fit(*digits).network_.training.optimizer.weight_decay
        for settings in ({}, {"solver": "adamw"}, {"solver": "adamw", "weight_decay": 0.1})
    ]
    assert decay == [0.0, 0.01, 0.1]


@pytest.mark.parametrize("dtype", ["float32", np.float32, "float64"])
def test_dtype(dtype, digits):
    model = classifier(dtype=dtype).fit(*digits)
    assert model.predict_proba(digits[0]).dtype == np.dtype(dtype)


@pytest.mark.parametrize("kind", ["float32", "float64", "int64", "uint8"])
def test_dtype_follows_x(kind, digits):
    X, y = digits
    wanted = kind if kind.startswith("float") else "float64"
    assert classifier().fit((X * 16).astype(kind), y).network_.dtype_name == wanted


def test_class_weight(digits):
    X, y = digits
    y = np.asarray(y == 3)
    plain = classifier(max_iter=15).fit(X, y)
    for weight in ("balanced", {False: 1, True: 30}):
        assert (
            classifier(max_iter=15, class_weight=weight).fit(X, y).predict(X).sum()
            > plain.predict(X).sum()
        )
    by_hand = classifier().fit(X, y, sample_weight=np.where(y, 30.0, 1.0))
    by_class = classifier(class_weight={False: 1, True: 30}).fit(X, y)
    np.testing.assert_array_equal(by_hand.coefs_[0], by_class.coefs_[0])
    with pytest.raises(ValueError, match="balanced"):
        classifier(class_weight="balanced").partial_fit(X, y, classes=[False, True])


# Validation, callbacks, going on


@pytest.mark.parametrize(
    "y", [["b", "a", "a"], [3, 1, 2, 1], [1.0, 0.0], [True, False], ["x", "x"], list("qrpq")]
)
def test_columns_of_classes_are_those_of_scikit_learn(y):
    y = np.asarray(y)
    expected = LabelBinarizer().fit_transform(y)
    columns = class_columns(y, np.unique(y))
    assert columns.shape == expected.shape
    assert np.array_equal(columns, expected)


def test_given_validation_set(digits):
    X, y = digits
    model = classifier(max_iter=30, early_stopping=True, learning_rate_init=0.01)
    model.fit(X[:200], y[:200], validation=(X[200:], y[200:]))
    assert model.t_ == 200 * model.n_iter_  # none was held out
    assert model.score(X[200:], y[200:]) == pytest.approx(model.best_validation_score_)
    watched = classifier().fit(X[:200], y[:200], validation=(X[200:], y[200:]))
    assert len(watched.validation_scores_) == 5
    assert watched.best_validation_score_ is None  # watched, and no more
    with pytest.raises(InvalidArgument, match="validation"):
        classifier().fit(X, y, validation=X)
    with pytest.raises(InvalidArgument, match="classes"):
        classifier().fit(X, y % 2, validation=(X, y))


def test_validation_scores_count_weights_and_whole_label_sets(digits):
    X, Y = make_multilabel_classification(n_samples=80, random_state=0)
    held_out = (X[60:], Y[60:])
    model = classifier(max_iter=3).fit(X[:60], Y[:60], validation=held_out)
    assert model.validation_scores_[-1] == pytest.approx(model.score(*held_out))
    weight = np.arange(20.0)
    X, y = digits
    for make in (classifier, regressor):
        held_out = (X[:20], y[:20], weight)
        model = make(max_iter=3).fit(X, y, validation=held_out)
        assert model.validation_scores_[-1] == pytest.approx(model.score(*held_out))


def test_partial_fit_with_early_stopping(digits):
    X, y = digits
    model = classifier(early_stopping=True, n_iter_no_change=2, learning_rate_init=0.05)
    calls = 0
    while not getattr(model, "stopped_", False):
        model.partial_fit(X[:200], y[:200], classes=range(10), validation=(X[200:], y[200:]))
        calls += 1
        assert calls < 200
    assert len(model.validation_scores_) == calls > 3
    assert model.score(X[200:], y[200:]) == pytest.approx(max(model.validation_scores_))


def test_partial_fit_holds_the_same_examples_out(digits):
    X, y = digits
    model = classifier(early_stopping=True, random_state=None)
    seen = []

    def note(net, history):
        seen.append(net.cost(X, np.eye(10)[y]))

    model.set_params(callbacks=[note])
    for _ in range(3):
        model.partial_fit(X, y, classes=range(10))
    assert model.t_ == 3 * 270
    assert len(seen) == 3


def test_callbacks_stop(digits):
    for solver in ("adam", "lbfgs"):
        called = []

        def stop(net, history, called=called):
            called.append(isinstance(net, Network))
            return len(history["cost"]) == 2

        model = classifier(callbacks=[stop], solver=solver).fit(*digits)
        assert called == [True, True]
        assert model.n_iter_ == 2


def test_warm_start_goes_on_with_the_optimizer(digits):
    two = classifier(max_iter=3, warm_start=True).fit(*digits).fit(*digits)
    once = classifier(max_iter=6).fit(*digits)
    np.testing.assert_array_equal(two.coefs_[0], once.coefs_[0])
    assert (two.n_iter_, two.t_, len(two.loss_curve_)) == (3, once.t_, 6)


def test_warm_start_after_another_solver(digits):
    model = classifier(solver="lbfgs", warm_start=True).fit(*digits)
    loss = model.loss_
    model.set_params(solver="adam", early_stopping=True).fit(*digits)
    assert model.loss_curve_[0] < 2 * loss
    assert len(model.validation_scores_) == 5
    model.set_params(solver="lbfgs").fit(*digits)


def test_warm_start_takes_up_new_parameters(digits):
    model = classifier(warm_start=True).fit(*digits)
    model.set_params(alpha=1.0, learning_rate_init=0.1, dropout=0.5).fit(*digits)
    assert model.network_.training.optimizer.schedule.initial == 0.1
    assert model.network_.objective.perceptron.dropout == (0.5, 0.0)
    assert model.network_.objective.l2 == 1.0 / 200
    with pytest.raises(ValueError, match="widths"):
        model.set_params(hidden_layer_sizes=(3,)).fit(*digits)
    with pytest.raises(ValueError, match="classes"):
        classifier(warm_start=True).fit(*digits).fit(digits[0], digits[1] % 2)


def test_partial_fit_wants_known_classes(digits):
    X, y = digits
    with pytest.raises(ValueError, match="classes"):
        classifier().partial_fit(X, y)
    model = classifier().partial_fit(X, y % 2, classes=[0, 1])
    with pytest.raises(ValueError, match="classes"):
        model.partial_fit(X, y)
    assert not hasattr(classifier(solver="lbfgs"), "partial_fit")


def test_assigned_weights_are_used(digits):
    X, y = digits
    a, b = classifier().fit(X, y), classifier(random_state=1).fit(X, y)
    b.coefs_, b.intercepts_ = a.coefs_, a.intercepts_
    np.testing.assert_array_equal(a.predict_proba(X), b.predict_proba(X))
    with pytest.raises(ValueError, match="shapes"):
        b.coefs_ = a.coefs_[::-1]


def test_interruption_keeps_the_network(digits):
    def interrupt(net, history):
        raise KeyboardInterrupt

    with pytest.warns(UserWarning, match="interrupted"):
        model = classifier(callbacks=[interrupt]).fit(*digits)
    assert model.n_iter_ == 1


def test_divergence_is_said(digits):
    X, y = digits
    with (
        pytest.warns(TrainingWarning, match="not finite"),
        pytest.raises(ValueError, match="finite"),
    ):
        regressor(solver="sgd", learning_rate_init=1e200).fit(X, y)


def test_warnings_as_scikit_learn_gives_them(digits):
    X, y = digits
    with pytest.warns(ConvergenceWarning, match="max_iter=2"):
        classifier(max_iter=2).fit(X, y)
    with pytest.warns(ConvergenceWarning, match="lbfgs"):
        classifier(max_iter=2, solver="lbfgs").fit(X, y)
    with pytest.warns(UserWarning, match="batch_size=1000"):
        classifier(batch_size=1000).fit(X, y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        classifier(max_iter=500, tol=0.1).fit(X, y)


@pytest.mark.parametrize("name", ["X", "y", "sample_weight"])
def test_masked_entries(digits, name):
    """scikit-learn's validators take what lies beneath the mask."""
    X, y = digits
    data = {"X": X, "y": y, "sample_weight": np.ones(len(y))}
    data[name] = np.ma.masked_array(data[name], mask=np.zeros_like(data[name], dtype=bool))
    classifier(max_iter=1, tol=1.0).fit(**data)
    data[name][3] = np.ma.masked
    with pytest.raises(ValueError, match=rf"^{name} has masked entries: wanted all numbers"):
        classifier().fit(**data)


def test_lbfgs_takes_no_dropout(digits):
    with pytest.raises(ValueError, match="dropout"):
        classifier(solver="lbfgs", dropout=0.5).fit(*digits)


def test_no_hidden_layer_and_one_class(digits):
    X, y = digits
    linear = classifier(hidden_layer_sizes=(), learning_rate_init=0.01, max_iter=50).fit(X, y)
    assert linear.score(X, y) > 0.8
    assert set(classifier().fit(X, np.full(len(X), 7)).predict(X)) == {7}


def test_progress_bar(digits, capsys):
    if importlib.util.find_spec("rich") is None:
        pytest.skip("rich is not installed")
    classifier(progress=True).fit(*digits)
    assert "epoch" in capsys.readouterr().err
