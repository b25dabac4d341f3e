"""Other libraries: each direction against the other library's own predictions."""

import re
import warnings

import numpy as np
import pytest

import agnostic_nn as ann
from agnostic_nn import saving
from agnostic_nn.exchange import from_sklearn, from_torch, to_onnx, to_sklearn, to_torch
from agnostic_nn.installing import install_line

RANDOM = np.random.default_rng(3)
X = RANDOM.standard_normal((50, 4)).astype("float32")
WIDE = (X * np.geomspace(1e-3, 60.0, 50, dtype="float32")[:, None]).astype("float32")

#: Products are summed in another order: a few units in the last place of float32.
CLOSE = {"rtol": 2e-5, "atol": 2e-6}


def spread(net, scale=1.0):
    """Give a network biases too, which start at zero."""
    random = np.random.default_rng(11)
    theta = net.backend.to_numpy(net.theta)
    net.theta = net.backend.asarray(
        (theta + scale * 0.3 * random.standard_normal(theta.shape)).astype(theta.dtype), net.dtype
    )
    return net


def own(name="relu"):
    return ann.Activation(name, lambda Z, **_: Z * Z, lambda Z, **_: 2.0 * Z)


class TestSklearn:
    @pytest.fixture(autouse=True)
    def _library(self):
        self.library = pytest.importorskip(
            "sklearn.neural_network", reason="scikit-learn is not installed"
        )

    def fitted(self, kind, y, **settings):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it has not converged, and need not
            settings |= {"hidden_layer_sizes": (6, 5), "max_iter": 20, "random_state": 0}
            estimator = getattr(self.library, kind)(**settings)
            return estimator.fit(X, y)

    @pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "relu"])
    @pytest.mark.parametrize("solver", ["adam", "lbfgs"])
    def test_from_a_regressor(self, activation, solver):
        theirs = self.fitted("MLPRegressor", X[:, :2] ** 2, activation=activation, solver=solver)
        net = from_sklearn(theirs)
        assert net.dtype_name == ("float32" if solver == "adam" else "float64")
        np.testing.assert_allclose(net.predict(X), theirs.predict(X), **CLOSE)

    def test_from_a_poisson_regressor(self):
        try:
            theirs = self.fitted("MLPRegressor", np.abs(X[:, 0]), loss="poisson")
        except TypeError:
            pytest.skip("scikit-learn has Poisson from version 1.7")
        net = from_sklearn(theirs)
        np.testing.assert_allclose(net.predict(X)[:, 0], theirs.predict(X), **CLOSE)
        assert net.objective.loss.name == "poisson"
        back = to_sklearn(net)
        np.testing.assert_allclose(back.predict(X), theirs.predict(X), **CLOSE)

    def test_from_a_classifier_of_two(self):
        theirs = self.fitted("MLPClassifier", np.where(X[:, 0] > 0, "yes", "no"))
        net = from_sklearn(theirs)
        assert net.objective.loss.name == "binary_cross_entropy"
        np.testing.assert_allclose(net.predict(X)[:, 0], theirs.predict_proba(X)[:, 1], **CLOSE)

    def test_from_a_classifier_of_three(self):
        theirs = self.fitted("MLPClassifier", np.digitize(X[:, 0], [-0.5, 0.5]))
        net = from_sklearn(theirs, dtype="float64")
        assert net.objective.loss.name == "categorical_cross_entropy"
        np.testing.assert_allclose(net.predict(X), theirs.predict_proba(X), **CLOSE)
        assert ann.train(net, X, np.eye(3)[np.digitize(X[:, 0], [-0.5, 0.5])], epochs=2)

    def test_from_several_labels(self):
        theirs = self.fitted("MLPClassifier", (X[:, :3] > 0).astype(int))
        net = from_sklearn(theirs)
        assert net.objective.loss.name == "binary_cross_entropy"
        np.testing.assert_allclose(net.predict(X), theirs.predict_proba(X), **CLOSE)

    @pytest.mark.parametrize(
        "estimator", [None, 3, "MLP", object(), ann.Network([2, 1], "huber")], ids=type
    )
    def test_from_anything_else(self, estimator):
        with pytest.raises(ann.InvalidArgument, match="wanted a fitted MLPClassifier"):
            from_sklearn(estimator)

    def test_from_an_unfitted_one(self):
        with pytest.raises(ann.InvalidArgument, match="wanted a fitted MLPClassifier"):
            from_sklearn(self.library.MLPClassifier())

    def test_from_parameters_that_are_not_finite(self):
        theirs = self.fitted("MLPRegressor", X[:, 0])
        theirs.coefs_[1][0, 0] = np.nan
        with pytest.raises(ann.InvalidArgument, match="not finite"):
            from_sklearn(theirs)

    def test_numbers_too_large_for_the_dtype(self):
        theirs = self.fitted("MLPRegressor", X[:, 0])
        theirs.coefs_[1][0, 0] = 1e30
        with pytest.raises(ann.InvalidArgument, match="too large for float16"):
            from_sklearn(theirs, dtype="float16")

    @pytest.mark.parametrize("activation", ["identity", "sigmoid", "tanh", "relu"])
    @pytest.mark.parametrize("dtype", ["float32", "float64"])
    def test_to_a_regressor(self, activation, dtype):
        net = spread(
            ann.Network([4, 6, 5, 2], "squared_error", activation=activation, dtype=dtype, l2=0.1)
        )
        theirs = to_sklearn(net)
        np.testing.assert_allclose(theirs.predict(X), net.predict(X), **CLOSE)
        np.testing.assert_allclose(from_sklearn(theirs).theta, net.theta)

    @pytest.mark.parametrize(("outputs", "labels"), [(1, [0, 1]), (1, ["no", "yes"])])
    def test_to_a_classifier_of_two(self, outputs, labels):
        net = spread(ann.Network([4, 6, outputs], "binary_cross_entropy"))
        theirs = to_sklearn(net, classes=labels)
        np.testing.assert_allclose(theirs.predict_proba(X)[:, 1:], net.predict(X), **CLOSE)
        expected = np.asarray(labels)[(net.predict(X)[:, 0] > 0.5).astype(int)]
        assert theirs.predict(X).tolist() == expected.tolist()

    def test_to_a_classifier_of_three(self):
        net = spread(ann.Network([4, 3], "categorical_cross_entropy"))
        theirs = to_sklearn(net, classes=["a", "b", "c"])
        np.testing.assert_allclose(theirs.predict_proba(X), net.predict(X), **CLOSE)
        assert set(theirs.predict(X)) <= {"a", "b", "c"}

    def test_to_several_labels(self):
        net = spread(ann.Network([4, 6, 3], "binary_cross_entropy"))
        theirs = to_sklearn(net)
        np.testing.assert_allclose(theirs.predict_proba(X), net.predict(X), **CLOSE)
        np.testing.assert_array_equal(theirs.predict(X), net.predict(X) > 0.5)

    def test_training_goes_on_there(self):
        net = spread(ann.Network([4, 6, 1], "binary_cross_entropy"))
        theirs = to_sklearn(net)
        y = (X[:, 0] > 0).astype(int)
        before = theirs.score(X, y)
        for _ in range(200):
            theirs.partial_fit(X, y)
        assert theirs.score(X, y) > before + 0.1

    @pytest.mark.parametrize(
        ("arguments", "options", "message"),
        [
            (([4, 3, 1], "huber"), {}, "'huber', which scikit-learn has not"),
            (([4, 3, 1], "squared_error"), {"activation": "gelu"}, "hidden activations gelu"),
            (([4, 3, 3, 1], "squared_error"), {"activation": ["relu", "tanh"]}, "relu, tanh"),
            (([4, 3, 1], "squared_error"), {"output": "sigmoid"}, "comes with 'identity'"),
            (([4, 3, 2], "categorical_cross_entropy"), {}, "2 softmax outputs"),
            (([4, 3, 1], "squared_error"), {"activation": own()}, "of its own called 'relu'"),
        ],
    )
    def test_what_it_has_not(self, arguments, options, message):
        with pytest.raises(ann.InvalidArgument, match=message):
            to_sklearn(ann.Network(*arguments, **options))

    @pytest.mark.parametrize(
        "classes", [["b", "a"], ["a"], ["a", "a"], "ab", [0, 1, 2], 5, [[0], 1]]
    )
    def test_classes_that_do_not_fit(self, classes):
        net = ann.Network([4, 1], "binary_cross_entropy")
        if classes == "ab":
            assert to_sklearn(net, classes=classes).classes_.tolist() == ["a", "b"]
            return
        with pytest.raises(ann.InvalidArgument, match="classes="):
            to_sklearn(net, classes=classes)

    def test_classes_of_what_has_none(self):
        with pytest.raises(ann.InvalidArgument, match="has none"):
            to_sklearn(ann.Network([4, 1], "squared_error"), classes=[1])
        with pytest.raises(ann.InvalidArgument, match="yes or no of its own"):
            to_sklearn(ann.Network([4, 3], "binary_cross_entropy"), classes=[1, 2, 3])


#: The activations that PyTorch has too.
MODULES = {name: g.torch_module for name, g in ann.ACTIVATIONS.items() if g.torch_module}


class TestTorch:
    @pytest.fixture(autouse=True)
    def _library(self):
        self.torch = pytest.importorskip("torch", reason="PyTorch is not installed")
        self.nn = self.torch.nn
        self.torch.manual_seed(0)

    def module(self, name):
        kind, *settings = MODULES[name]
        return getattr(self.nn, kind)(**{key: value for key, value, *_ in settings})

    def predictions(self, model, rows=X):
        dtype = next(model.parameters()).dtype
        with self.torch.no_grad():
            return model.eval()(self.torch.asarray(rows).to(dtype)).numpy()

    @pytest.mark.parametrize("name", MODULES)
    def test_from_a_sequential(self, name):
        nn = self.nn
        model = nn.Sequential(
            nn.Linear(4, 7), self.module(name), nn.Linear(7, 3, bias=False), self.module(name)
        )
        net = from_torch(model, "squared_error")
        assert [g.name for g in net.objective.perceptron.activations] == [name, name]
        np.testing.assert_allclose(net.predict(WIDE), self.predictions(model, WIDE), **CLOSE)

    def test_logits_get_the_output_of_the_loss(self):
        nn = self.nn
        model = nn.Sequential(nn.Linear(4, 7), nn.ReLU(), nn.Dropout(0.25), nn.Linear(7, 3))
        net = from_torch(model, "categorical_cross_entropy")
        assert net.objective.perceptron.dropout == (0.25, 0.0)
        expected = self.torch.softmax(self.torch.asarray(self.predictions(model)), 1).numpy()
        np.testing.assert_allclose(net.predict(X), expected, **CLOSE)
        net = from_torch(model, "categorical_cross_entropy", output="identity")
        np.testing.assert_allclose(net.predict(X), self.predictions(model), **CLOSE)

    @pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "bfloat16"])
    def test_from_a_state_dict(self, dtype):
        nn = self.nn
        model = nn.Sequential(nn.Linear(4, 7), nn.Tanh(), nn.Linear(7, 1))
        state = model.to(getattr(self.torch, dtype)).state_dict()
        net = from_torch(state, "squared_error", activation="tanh")
        assert net.dtype_name == ("float32" if dtype == "bfloat16" else dtype)
        if dtype in ("float32", "float64"):
            np.testing.assert_allclose(net.predict(X), self.predictions(model), **CLOSE)

    def test_layers_by_number_not_by_letter(self):
        nn = self.nn
        model = nn.Sequential(
            *[module for _ in range(7) for module in (nn.Linear(4, 4), nn.ReLU())]
        )
        state = dict(sorted(model.state_dict().items()))
        assert list(state)[2] == "10.bias"
        net = from_torch(state, "squared_error", output="relu")
        np.testing.assert_allclose(net.predict(X), self.predictions(model), **CLOSE)

    def test_names_of_ones_own_stand_in_order(self):
        nn = self.nn

        class Model(nn.Module):
            def __init__(self):
                super().__init__()
                self.entry, self.back = nn.Linear(4, 5), nn.Linear(5, 2)

            def forward(self, x):
                return self.back(self.entry(x).relu())

        model = Model()
        net = from_torch(model.state_dict(), "squared_error")
        np.testing.assert_allclose(net.predict(X), self.predictions(model), **CLOSE)
        with pytest.raises(ann.InvalidArgument, match=r"wanted an nn\.Sequential or a state dict"):
            from_torch(model, "squared_error")

    def test_what_it_has_not(self):
        nn = self.nn
        for modules, message in [
            ((nn.Linear(4, 2), nn.GELU()), r"model\[1\] is GELU with approximate='none'"),
            ((nn.Linear(4, 2), nn.LeakyReLU(0.2)), "negative_slope=0.2"),
            ((nn.Linear(4, 2), nn.Softmax(dim=0)), "dim=0"),
            ((nn.Linear(4, 2), nn.BatchNorm1d(2)), "is BatchNorm1d"),
            ((nn.Linear(4, 2), nn.ReLU(), nn.Tanh()), r"model\[2\] is Tanh"),
            ((nn.ReLU(), nn.Linear(4, 2)), r"model\[0\] is ReLU"),
            ((nn.Linear(4, 2), nn.Dropout(0.5)), "Dropout after the last Linear"),
            ((), "no linear layers"),
        ]:
            with pytest.raises(ann.InvalidArgument, match=message):
                from_torch(nn.Sequential(*modules), "squared_error")
        with pytest.raises(ann.InvalidArgument, match="leave it out"):
            from_torch(nn.Sequential(nn.Linear(4, 2), nn.Tanh()), "huber", output="relu")

    @pytest.mark.parametrize(
        ("state", "message"),
        [
            ({}, "no linear layers"),
            ({"0.weight": np.zeros((2, 3)), "0.running_mean": np.zeros(2)}, "running_mean"),
            ({"0.bias": np.zeros(2)}, "entry '0.bias'"),
            ({"0.weight": np.zeros((2, 3, 3)), "0.bias": np.zeros(2)}, "do not fit"),
            ({"0.weight": np.zeros((2, 3)), "0.bias": np.zeros(3)}, "do not fit"),
            ({"0.weight": np.zeros((2, 3)), "2.weight": np.zeros((2, 3))}, "do not fit"),
            ({"0.weight": np.zeros((2, 3), "int8"), "0.bias": np.zeros(2)}, "int8"),
            ({"0.weight": np.full((2, 3), np.inf)}, "not finite"),
            ({"0.weight": "abc"}, "do not fit"),
            ({"0.weight": None}, "do not fit"),
            ({3: np.zeros(2)}, "entry 3"),
            ({"0.weight": np.zeros((0, 3)), "0.bias": np.zeros(0)}, "widths=0"),
        ],
    )
    def test_a_state_dict_that_is_none(self, state, message):
        with pytest.raises(ann.InvalidArgument, match=message):
            from_torch(state, "squared_error")

    @pytest.mark.parametrize("dtype", ["float32", "float64"])
    @pytest.mark.parametrize("backend", ["numpy", "torch"])
    def test_to_a_sequential(self, dtype, backend):
        nn = self.nn
        net = ann.Network(
            [4, 7, 5, 3],
            "categorical_cross_entropy",
            activation=["tanh", "silu"],
            dtype=dtype,
            backend=backend,
        )
        spread(net)
        model = nn.Sequential(
            nn.Linear(4, 7), nn.Tanh(), nn.Linear(7, 5), nn.SiLU(), nn.Linear(5, 3), nn.Softmax(1)
        ).to(getattr(self.torch, dtype))
        state = to_torch(net)
        model.load_state_dict(state)  # which wants exactly the names it has
        np.testing.assert_allclose(net.predict(X), self.predictions(model), **CLOSE)
        net.theta += 1.0
        np.testing.assert_allclose(state["0.weight"], model.state_dict()["0.weight"])

    def test_there_and_back(self):
        net = spread(ann.Network([4, 5, 2], "huber", activation="tanh"))
        back = from_torch(to_torch(net), "huber", activation="tanh")
        np.testing.assert_array_equal(back.theta, net.theta)
        assert back.objective == net.objective


@pytest.mark.parametrize("function", [to_sklearn, to_torch])
def test_layers_without_a_name_there(function):
    pytest.importorskip("torch")
    pytest.importorskip("sklearn")
    net = ann.Network([4, ann.layers.LayerNorm(), 1], "squared_error")
    with pytest.raises(ann.InvalidArgument, match=r"has layers that are not dense: wanted dense"):
        function(net)


@pytest.mark.parametrize("function", [to_sklearn, to_torch, lambda net: to_onnx(net, "m.onnx")])
def test_no_network(function):
    with pytest.raises(ann.InvalidType, match="net is of type str: wanted a Network"):
        function("net")


@pytest.mark.parametrize(
    ("function", "module", "extra"),
    [
        (to_sklearn, "sklearn.neural_network", "sklearn"),
        (lambda net: to_onnx(net, "m.onnx"), "onnx", "onnx"),
    ],
)
def test_without_the_library(monkeypatch, function, module, extra):
    monkeypatch.setitem(__import__("sys").modules, module, None)
    with pytest.raises(ann.DependencyMissing, match=re.escape(install_line(extra))):
        function(ann.Network([4, 1], "squared_error"))


@pytest.mark.parametrize("backend", ["array_api_strict", "torch", "jax"])
def test_saved_on_numpy_loaded_elsewhere(tmp_path, backend):
    pytest.importorskip(backend)
    net = spread(ann.Network([4, 6, 3], "categorical_cross_entropy", activation="gelu"))
    saving.save(net, tmp_path / "m")
    elsewhere = saving.load(tmp_path / "m", backend=backend)
    np.testing.assert_allclose(elsewhere.predict(X), net.predict(X), **CLOSE)
    saving.save(elsewhere, tmp_path / "again")
    np.testing.assert_array_equal(saving.load(tmp_path / "again").theta, net.theta)
