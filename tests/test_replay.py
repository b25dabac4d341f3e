"""A recorded step does what the step does, whatever the tape and the memory go through."""

import numpy as np
import pytest

import agnostic_nn as ann
from agnostic_nn.backends import on_numpy, replay
from agnostic_nn.backends.base import Backend

rng = np.random.default_rng(0)
X = rng.standard_normal((70, 5))
Y = rng.dirichlet(np.ones(3), 70)
WEIGHT = np.arange(1.0, 71.0)


def trained(epoch, monkeypatch, *, loss="categorical_cross_entropy", activation="tanh", **options):
    """Train with that way to run an epoch: batches of 32, 32 and 6, with everything on."""
    monkeypatch.setattr(on_numpy.NumPyBackend, "epoch", epoch)
    net = ann.Network(
        [5, 64, 300, 3], loss, activation=activation, dropout=0.2, l2=1e-3, dtype="float64"
    )
    settings = {"epochs": 2, "batch_size": 32, "sample_weight": WEIGHT, "clip_norm": 1.0}
    ann.train(net, X, Y, **(settings | options))
    return net


@pytest.fixture(params=["whole", "blocks"])
def recorded(request, monkeypatch):
    """The recorded epoch as it is, and with every elementwise call cut into blocks."""
    if request.param == "blocks":
        monkeypatch.setattr(replay, "BLOCK", 64)
    return on_numpy.NumPyBackend.epoch


def assert_same(monkeypatch, recorded, **options):
    plain = trained(Backend.epoch, monkeypatch, **options)
    replayed = trained(recorded, monkeypatch, **options)
    steps = replayed.training.compiled.values()
    assert len(steps) == 2  # one for the whole batches, one for the last
    assert all(isinstance(step, on_numpy.RecordedStep) for step in steps)
    # sums are taken in another order: a few hundred roundings in six steps
    bound = 1000 * np.finfo(np.float64).eps * np.abs(plain.theta).max()
    np.testing.assert_allclose(replayed.theta, plain.theta, rtol=0, atol=bound)
    np.testing.assert_allclose(replayed.training.history["cost"], plain.training.history["cost"])


@pytest.mark.parametrize("activation", sorted(set(ann.ACTIVATIONS) - {"exponential"}))
def test_every_activation(activation, recorded, monkeypatch):
    assert_same(monkeypatch, recorded, activation=activation)


@pytest.mark.parametrize("loss", ann.LOSSES)
def test_every_loss(loss, recorded, monkeypatch):
    assert_same(monkeypatch, recorded, loss=loss)


@pytest.mark.parametrize("optimizer", ann.OPTIMIZERS)
def test_every_optimizer(optimizer, recorded, monkeypatch):
    assert_same(monkeypatch, recorded, optimizer=optimizer)


@pytest.mark.parametrize("shuffle", [True, False])
def test_rows_in_order_and_shuffled(shuffle, recorded, monkeypatch):
    assert_same(monkeypatch, recorded, shuffle=shuffle)


def test_what_is_computed_twice_or_for_nobody_is_left_out():
    """sigmoid(Z) serves forward and backward; there are no more products than needed."""
    net = ann.Network([5, 64, 32, 3], "categorical_cross_entropy", activation="sigmoid")
    ann.train(net, X, Y, epochs=1, batch_size=len(X))
    (step,) = net.training.compiled.values()
    functions = [getattr(call, "func", None) for call in step.calls]
    assert functions.count(np.exp) == 3  # one a layer
    # forward 3, dW 3, dA 2, and the sums over the examples 3
    assert functions.count(np.dot) == 11


def test_data_of_another_dtype_is_converted_batch_by_batch(monkeypatch):
    monkeypatch.setattr(on_numpy, "WHOLE", 10)
    images = rng.integers(0, 255, (70, 5), dtype=np.uint8)
    nets = []
    for given in (images, images.astype(np.float32)):
        net = ann.Network([5, 8, 3], "squared_error")
        ann.train(net, given, Y, epochs=2, validation=0.2)
        nets.append(net)
    assert np.array_equal(nets[0].theta, nets[1].theta)
    assert np.array_equal(nets[0].predict(images), nets[1].predict(images))


def looks_at_values(Z, *, xp):
    return xp.maximum(Z, 0.0) if float(xp.max(Z)) > 0 else Z


def uses_methods(Z, *, xp):
    return Z.clip(0.0)


def writes_to_its_own_array(Z, *, xp):
    A = np.empty(Z.shape)
    np.copyto(A, Z)
    A[A < 0] = 0.0
    return A


def calls_numpy_by_name(Z, *, xp):
    return np.where(np.isnan(Z), 0.0, np.multiply(0.5, Z + np.sqrt(Z * Z)))


@pytest.mark.parametrize(
    ("function", "recordable"),
    [
        (looks_at_values, False),
        (uses_methods, False),
        (writes_to_its_own_array, False),
        (calls_numpy_by_name, True),
    ],
)
def test_functions_of_the_users_own(function, recordable, monkeypatch):
    """What cannot be recorded runs as it stands, and gives the same as the relu it is."""
    relu = ann.Activation("relu", function, ann.relu_derivative)
    own = trained(on_numpy.NumPyBackend.epoch, monkeypatch, activation=relu)
    assert all((step is not None) == recordable for step in own.training.compiled.values())
    built_in = trained(on_numpy.NumPyBackend.epoch, monkeypatch, activation="relu")
    np.testing.assert_allclose(own.theta, built_in.theta, atol=1e-12)


def test_an_error_of_the_users_function_is_the_users_to_see():
    def broken(Z, *, xp):
        raise ZeroDivisionError("mine")

    net = ann.Network([5, 4, 3], "squared_error", activation=ann.Activation("b", broken, broken))
    with pytest.raises(ZeroDivisionError, match="mine"):
        ann.train(net, X, Y, epochs=1)
