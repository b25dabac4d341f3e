import numpy as np
import pytest

import agnostic_nn as ann


def test_theta_is_what_the_views_look_into(backend):
    net = ann.Network([3, 4, 2], "squared_error", backend=backend.backend)
    layers = net.parameters
    assert [(tuple(W.shape), tuple(b.shape)) for W, b in layers] == [
        ((4, 3), (4, 1)),
        ((2, 4), (2, 1)),
    ]
    end_to_end = [backend.to_numpy(a).ravel() for layer in layers for a in layer]
    np.testing.assert_array_equal(np.concatenate(end_to_end), backend.to_numpy(net.theta))
    assert isinstance(layers[0], ann.LayerParameters)


def test_views_share_memory():
    net = ann.Network([3, 2], "squared_error")
    net.parameters[0].b[...] = 7.0
    assert net.theta[-2:].tolist() == [7.0, 7.0]


def test_predict_is_the_lesson_s_forward_propagation(backend):
    net = ann.Network([3, 4, 2], "categorical_cross_entropy", activation="tanh", seed=3,
                      dtype=backend.dtype, backend=backend.backend)  # fmt: skip
    X = backend.asarray(np.random.default_rng(0).standard_normal((5, 3)))
    AL, _ = ann.forward_propagation(X.T, net.parameters, ["tanh", "softmax"])
    answer = net.predict(X)
    assert tuple(answer.shape) == (5, 2)
    np.testing.assert_array_equal(backend.to_numpy(answer), backend.to_numpy(AL).T)


def test_predictions_are_of_the_kind_that_was_given(backend):
    X = [[0.5, -1.0], [2.0, 0.0]]
    net = ann.Network([2, 3, 1], "squared_error", backend="numpy")
    assert backend.backend.owns(net.predict(backend.asarray(X)))
    for host in (X, np.asarray(X)):
        there = ann.Network([2, 3, 1], "squared_error", backend=backend.backend)
        assert type(there.predict(host)) is np.ndarray


def test_dtype_of_the_data_does_not_matter():
    net = ann.Network([2, 3, 1], "squared_error")
    for X in (np.ones((2, 2)), np.ones((2, 2), dtype=np.int64), np.ones((2, 2), dtype=bool)):
        assert net.predict(X).dtype == np.float32


def test_prediction_in_chunks_is_the_same(monkeypatch):
    net = ann.Network([3, 8, 2], "squared_error", dtype="float64")
    X = np.random.default_rng(0).standard_normal((23, 3))
    Y = np.random.default_rng(1).standard_normal((23, 2))
    whole, cost = net.predict(X), net.cost(X, Y)
    monkeypatch.setattr(net.backend, "chunk", 8 * 5)
    # the order of the sums may differ with the shape of a product
    np.testing.assert_allclose(net.predict(X), whole, rtol=0, atol=16 * 2.0**-53 * abs(whole).max())
    assert net.cost(X, Y) == pytest.approx(cost, rel=32 * 2.0**-53)


def test_cost_has_penalty_and_weights(backend):
    net = ann.Network([2, 1], "squared_error", l2=0.5, dtype="float64", backend=backend.backend)
    W = backend.to_numpy(net.parameters[0].W)
    X, Y, weight = np.asarray([[1.0, 2.0], [0.0, -1.0]]), np.asarray([1.0, 2.0]), [1.0, 3.0]
    losses = 0.5 * ((X @ W.T)[:, 0] - Y) ** 2
    expected = np.average(losses, weights=weight) + 0.25 * np.sum(W * W)
    assert net.cost(X, Y, weight) == pytest.approx(expected, rel=32 * 2.0**-53)


def test_seed_decides():
    one, same, other = (ann.Network([3, 3], "squared_error", seed=s).theta for s in (1, 1, 2))
    assert one.tobytes() == same.tobytes()
    assert np.any(one != other)


def test_defaults():
    net = ann.Network([4, 3, 2], "categorical_cross_entropy")
    assert [g.name for g in net.objective.perceptron.activations] == ["relu", "softmax"]
    assert net.dtype_name == "float32"
    assert repr(net) == (
        "Network([4, 3, 2], relu, softmax; categorical_cross_entropy; float32 on numpy)"
    )


def test_an_activation_and_a_dropout_for_each_layer():
    net = ann.Network([4, 3, 3, 1], "huber", activation=["tanh", "gelu"], dropout=[0.0, 0.5])
    assert [g.name for g in net.objective.perceptron.activations] == ["tanh", "gelu", "identity"]
    assert net.objective.perceptron.dropout == (0.0, 0.5, 0.0)


def test_dtypes(backend):
    for name in ("float32", "float64"):
        net = ann.Network([2, 1], "squared_error", dtype=name, backend=backend.backend)
        assert net.dtype_name == name
        assert net.theta.dtype == backend.backend.dtype(name)


def test_to_a_dtype_that_is_too_narrow():
    """Parameters that would become infinite stay as they were."""
    net = ann.Network([2, 1], "squared_error", dtype="float64")
    net.theta[0] = 1e5
    with pytest.raises(
        ann.InvalidArgument, match=r"dtype='float16': the network, or its optimizer, holds"
    ):
        net.to("numpy", "float16")
    assert net.dtype_name == "float64"
    assert net.theta[0] == 1e5
    net.theta[0] = 1.0
    ann.train(net, [[1e4, 1e4]], [1e8], epochs=1, optimizer="rmsprop")
    assert net.training.state[0].max() > 1e5
    with pytest.raises(ann.InvalidArgument, match="optimizer, holds numbers that are too large"):
        net.to("numpy", "float16")


def test_names_of_a_dtype():
    for dtype in ("float64", np.float64, np.dtype("float64"), np.str_("float64")):
        assert ann.Network([2, 1], "squared_error", dtype=dtype).dtype_name == "float64"
    with pytest.raises(ann.InvalidArgument, match=r"^dtype=3 is not known\. Known: bfloat16, "):
        ann.Network([2, 1], "squared_error", dtype=3)


def test_to_another_dtype():
    net = ann.Network([2, 1], "squared_error", dtype="float64")
    before = net.theta
    assert net.to("numpy", "float32") is net
    np.testing.assert_array_equal(net.theta, before.astype(np.float32))
    assert net.theta.dtype == np.float32
