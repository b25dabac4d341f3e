import definitions
import numpy as np
import pytest

import agnostic_nn as ann
from agnostic_nn.backends import host
from agnostic_nn.initializers import INITIALIZERS, get_initializer

SHAPE = (300, 200)  # (n[l], n[l-1])


@pytest.mark.parametrize("name", INITIALIZERS)
def test_mean_and_variance(name):
    W = INITIALIZERS[name](SHAPE, host.generator(1))
    n, variance = W.size, definitions.INITIALIZERS[name]
    assert W.shape == SHAPE
    assert W.dtype == np.float64
    # five standard errors; that of a normal sample's variance is variance * sqrt(2 / n)
    assert abs(W.mean()) <= 5 * np.sqrt(variance / n)
    assert abs(W.var() - variance) <= 5 * variance * np.sqrt(2 / n)


@pytest.mark.parametrize("name", [name for name in INITIALIZERS if name.endswith("uniform")])
def test_uniform_has_its_bounds(name):
    W, bound = (
        INITIALIZERS[name](SHAPE, host.generator(1)),
        np.sqrt(3 * definitions.INITIALIZERS[name]),
    )
    assert np.abs(W).max() <= bound
    assert np.abs(W).max() >= 0.999 * bound


@pytest.mark.parametrize("name", INITIALIZERS)
def test_same_generator_same_weights(name):
    first, again, other = (INITIALIZERS[name]((4, 3), host.generator(s)) for s in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert name == "zeros" or not np.any(first == other)


def test_same_bits_on_every_backend(backend):
    widths = [5, 4, 3]
    there = ann.Network(
        widths, "squared_error", seed=11, dtype=backend.dtype, backend=backend.backend
    )
    here = ann.Network(widths, "squared_error", seed=11, dtype=backend.dtype, backend="numpy")
    assert backend.to_numpy(there.theta).tobytes() == here.theta.tobytes()


def test_weights_do_not_depend_on_the_dtype():
    one, two = (ann.Network([5, 4], "squared_error", dtype=d) for d in ("float32", "float64"))
    np.testing.assert_array_equal(one.theta, two.theta.astype(np.float32))


def test_biases_start_at_zero_and_layers_differ():
    net = ann.Network([4, 4, 4], "squared_error", activation="tanh")
    (W1, b1), (W2, b2) = net.parameters
    assert not np.any(b1)
    assert not np.any(b2)
    assert not np.any(W1 == W2)


@pytest.mark.parametrize(
    ("activation", "name"),
    [
        ("relu", "he_normal"),
        ("gelu", "he_normal"),
        ("selu", "lecun_normal"),
        ("tanh", "glorot_uniform"),
        ("softmax", "glorot_uniform"),
    ],
)
def test_default_suits_the_activation(activation, name):
    assert get_initializer(None, ann.ACTIVATIONS[activation].initializer) is INITIALIZERS[name]


def test_unknown_name():
    with pytest.raises(ann.InvalidArgument, match="Did you mean 'he_normal'"):
        ann.Network([2, 1], "squared_error", initializer="he_norml")
