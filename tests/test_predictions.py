"""Predictions that come again and again are recorded, and have the bits they have as they stand."""

import pickle
import threading

import numpy as np
import pytest

import agnostic_nn as ann
from agnostic_nn.backends import recorded_prediction
from agnostic_nn.backends.base import Backend, at_once
from agnostic_nn.backends.on_numpy import NumPyBackend
from agnostic_nn.layers import LAYERS, Members

RANDOM = np.random.default_rng(0)
X, Y = RANDOM.standard_normal((40, 5)), RANDOM.standard_normal((40, 3))
WEIGHT = RANDOM.random((40, 1))


def network(*between, backend="numpy", **options):
    given = {"activation": "gelu", "dtype": "float64", **options}
    net = ann.Network([5, *(between or (8,)), 3], "squared_error", backend=backend, **given)
    noise = RANDOM.standard_normal(net.theta.shape)
    net.theta = net.theta + net.backend.asarray(0.1 * noise, net.dtype)
    return net


def as_it_stands(net, function, *arguments):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(NumPyBackend, "predict", Backend.predict)
        return function(*arguments)


def is_recorded(net):
    return [kept._calls is not None for kept in net.compiled["predictions"].values()] == [True]


def assert_recorded_to_the_bit(net, X=X):
    expected = as_it_stands(net, net.predict, X)
    with at_once():
        first, again = net.predict(X), net.predict(X)
    assert is_recorded(net)
    assert first.tobytes() == again.tobytes() == expected.tobytes()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("activation", ann.ACTIVATIONS)
def test_every_activation(activation, dtype):
    assert_recorded_to_the_bit(network(activation=activation, dtype=dtype))


@pytest.mark.parametrize("name", LAYERS)
def test_every_layer(name):
    layer = LAYERS[name].example()
    before = [Members(layer.k)] if hasattr(layer, "k") and layer.members == 1 else []
    assert_recorded_to_the_bit(network(*before, layer), np.abs(X))


@pytest.mark.parametrize("loss", ann.LOSSES)
@pytest.mark.parametrize("weight", [None, WEIGHT])
def test_every_cost(loss, weight):
    net = ann.Network([5, 8, 3], loss)
    data = net.check_data(X, RANDOM.dirichlet(np.ones(3), 40), weight)
    expected, cost = as_it_stands(net, net.outputs_and_cost, *data)
    with at_once():
        for _ in range(2):
            got, same = net.outputs_and_cost(*data)
            assert got.tobytes() == expected.tobytes()
            assert same == cost
    assert is_recorded(net)


def test_in_chunks_with_fewer_rows_in_the_last(backend, monkeypatch):
    monkeypatch.setattr(type(backend.backend), "chunk", 8 * 9)
    net = network(backend=backend.backend, dtype=backend.dtype)
    one_by_one = np.concatenate([net.predict(X[i : i + 9]) for i in range(0, 40, 9)])
    together = net.predict(X)
    assert together.shape == (40, 3)
    assert together.tobytes() == one_by_one.tobytes()


def test_parameters_that_change_are_read_anew(backend):
    """In place, as training changes them, or another array in their place."""
    net = network(backend=backend.backend, dtype=backend.dtype)
    for _ in range(2):
        net.theta *= 0.5
        before = net.predict(X)
        assert list(net.compiled) == (["predictions"] if backend.of in ("numpy", "numba") else [])
        fresh = network(backend=backend.backend, dtype=backend.dtype)
        fresh.theta = net.theta + 0.0
        assert before.tobytes() == fresh.predict(X).tobytes()
        net.theta = net.theta * 0.5
        assert "predictions" not in net.compiled  # with the array before


def test_what_was_predicted_stays():
    net = network()
    with at_once():
        first = net.predict(X)
        kept = first.copy()
        net.predict(-X)
    assert first.tobytes() == kept.tobytes()


def test_few_predictions_are_not_recorded():
    net = network()
    for _ in range(recorded_prediction.ENOUGH - 1):
        net.predict(X)
    net.predict(X[:7])  # of another size: what comes after is counted anew
    for _ in range(recorded_prediction.ENOUGH - 1):
        net.predict(X)
    assert not is_recorded(net)
    net.predict(X)
    assert is_recorded(net)


def test_one_of_many_chunks_is(monkeypatch):
    net = network()
    monkeypatch.setattr(NumPyBackend, "chunk", 8)  # a row at a time
    net.predict(X)
    assert is_recorded(net)


def test_a_function_that_reads_what_changes():
    slopes = [2.0]

    def bent(Z, *, xp):
        return xp.where(Z > 0.0, Z, slopes[0] * Z)

    net = network(activation=ann.Activation("bent", bent, bent))
    for slopes[0] in (2.0, 3.0, -1.0):
        assert_recorded_to_the_bit(net)


@pytest.mark.parametrize("recordable", [True, False])
def test_a_function_with_chance_of_its_own(recordable):
    generator = np.random.default_rng(0)

    def noisy(Z, *, xp):
        return Z + generator.standard_normal(Z.shape)

    net = network(activation=ann.Activation("noisy", noisy, noisy, recordable=recordable))
    with at_once():
        answers = [net.predict(X).tobytes() for _ in range(3)]
    assert len(set(answers)) == 3
    generator = np.random.default_rng(0)  # and nothing was drawn in vain
    assert answers == [as_it_stands(net, net.predict, X).tobytes() for _ in range(3)]


def test_a_function_that_keeps_count():
    """It computes the same, and is yet none that can be left out."""
    seen = []

    def counting(Z, *, xp):
        seen.append(1)
        return Z + 0.0

    net = network(activation=ann.Activation("counting", counting, counting))
    with at_once():
        for _ in range(3):
            net.predict(X)
    assert len(seen) == 3


def test_what_fails_as_it_stands_fails_so():
    def broken(Z, *, xp):
        raise ZeroDivisionError("at home")

    net = network(activation=ann.Activation("broken", broken, broken))
    with at_once(), pytest.raises(ZeroDivisionError, match="at home"):
        net.predict(X)


def test_threads_do_not_mix_their_rows():
    net = network(64, 64)
    rows = [RANDOM.standard_normal((50, 5)) for _ in range(2)]
    expected = [as_it_stands(net, net.predict, each).tobytes() for each in rows]
    wrong = []

    def predict(each, answer):
        with at_once():
            wrong.extend(None for _ in range(200) if net.predict(each).tobytes() != answer)

    threads = [
        threading.Thread(target=predict, args=one) for one in zip(rows, expected, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert is_recorded(net)


def test_copies_leave_it_behind():
    net = network()
    with at_once():
        answer = net.predict(X)
    assert pickle.loads(pickle.dumps(net)).predict(X).tobytes() == answer.tobytes()
