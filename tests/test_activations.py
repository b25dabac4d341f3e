import math

import definitions
import numpy as np
import pytest

import agnostic_nn as ann
from agnostic_nn.activations import ACTIVATIONS, get_activation
from agnostic_nn.testing import assert_gradients, assert_parity

Z_VALUES = np.asarray([[-6.0, -2.5, -1.0, -0.1, 0.0], [0.0, 0.3, 1.0, 2.2, 6.0]])


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_values(name, backend, close):
    Z = backend.asarray(Z_VALUES)
    expected = definitions.ACTIVATIONS[name](backend.to_numpy(Z).astype(np.float64))
    # 10 elementary operations at most, each right to a few unit roundoffs
    close(ACTIVATIONS[name](Z, xp=backend.xp), expected, units=32)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_eq_1_against_differences(name):
    assert_gradients(name, [[-7.0, -1.0, -0.01, 0.01, 0.5, 7.0]])


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_eq_1_is_the_same_everywhere(name, backend):
    g = ACTIVATIONS[name]
    dA = np.random.default_rng(3).standard_normal(Z_VALUES.shape)
    assert_parity(g.backward, dA, Z_VALUES, backends=[backend])


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_nothing_overflows(name, backend):
    g, xp = ACTIVATIONS[name], backend.xp
    largest = float(np.finfo(backend.dtype).max)
    if name == "selu":
        largest /= 1.06  # its values are 1.05 Z, which have to be numbers of the dtype
    far = [largest, largest / 2, 1e30, 1e4, 800.0, 90.0, 20.0, 0.0, 1e-30]
    row = [*far, *(-z for z in far)]
    # the columns, which softmax adds up, hold entries as far apart as numbers can be
    Z = backend.asarray([row, row[::-1], row[9:] + row[:9]])
    dA = backend.asarray(np.ones((3, 18)))
    for array in (g(Z, xp=xp), g.backward(dA, Z, xp=xp)):  # a NumPy warning fails the test too
        assert tuple(array.shape) == (3, 18)
        assert array.dtype == Z.dtype
        assert np.all(np.isfinite(backend.to_numpy(array)))


def test_limits():
    Z = np.asarray([-1e300, 0.0, 1e300])
    for name, expected in {
        "relu": [0.0, 0.0, 1e300],
        "elu": [-1.0, 0.0, 1e300],
        "gelu": [0.0, 0.0, 1e300],
        "silu": [0.0, 0.0, 1e300],
        "mish": [0.0, 0.0, 1e300],
        "softplus": [0.0, math.log(2.0), 1e300],
        "tanh": [-1.0, 0.0, 1.0],
        "sigmoid": [0.0, 0.5, 1.0],
    }.items():
        np.testing.assert_allclose(ACTIVATIONS[name](Z, xp=np), expected, rtol=4e-16, atol=0.0)


@pytest.mark.parametrize("name", ["relu", "sigmoid", "relu_derivative", "sigmoid_derivative"])
def test_namespace_is_found(name, backend):
    Z = backend.asarray(Z_VALUES)
    function = getattr(ann, name)
    found, told = function(Z), function(Z, xp=backend.xp)
    assert backend.backend.owns(found)
    np.testing.assert_array_equal(backend.to_numpy(found), backend.to_numpy(told))


def test_softmax_columns_sum_to_one(backend, close):
    A = ann.softmax(backend.asarray([[1000.0, -3.0], [1000.0, 2.0], [999.0, 0.0]]))
    close(backend.xp.sum(A, axis=0), [1.0, 1.0], units=4)


def test_relu_derivative_is_0_at_0():
    assert ann.relu_derivative(np.zeros(3)).tolist() == [0.0, 0.0, 0.0]


def test_own_activation_serves_as_it_is():
    own = ann.Activation("own", ann.relu, ann.relu_derivative)
    assert get_activation(own) is own


def test_unknown_name():
    with pytest.raises(ann.InvalidArgument, match=r"'rleu' is not known\. Did you mean 'relu'\?"):
        get_activation("rleu")
