"""Every layer in the registry: what it computes, its gradients, the same numbers everywhere."""

import definitions
import numpy as np
import pytest

import agnostic_nn as ann
from agnostic_nn.bounds import Bounding
from agnostic_nn.layers import LAYERS, Layer, Parameter
from agnostic_nn.parity.layer_cases import FEATURES, inputs
from agnostic_nn.testing import assert_gradients


def tried(name, backend):
    """An example of the layer, and A_prev, dA and what it holds, as every backend gets them."""
    layer = LAYERS[name].example()
    return layer, *(backend.to_numpy(backend.asarray(x)).astype("float64") for x in inputs(layer))


def assert_defined(function, arrays, expected, backend):
    """The numbers are those of the definition, within what rounding explains."""
    got = function(*(backend.asarray(x) for x in arrays), xp=backend.xp)
    bounding = Bounding(backend.dtype)
    bounds = function(*(bounding.asarray(x) for x in arrays), xp=bounding)
    one = isinstance(expected, np.ndarray)
    for a, b, bound in zip(*([x] if one else x for x in (got, expected, bounds)), strict=True):
        a = backend.to_numpy(a)
        assert (a.shape, a.dtype.name) == (b.shape, backend.dtype)
        # the definition is off as well, in float64
        assert np.all(np.abs(a.astype("float64") - b) <= 2.0 * bound.error + 1e-15 * np.abs(b))


@pytest.mark.parametrize("name", LAYERS)
def test_definition(name, backend):
    layer, A_prev, _, *held = tried(name, backend)
    expected = definitions.LAYERS[name](A_prev, *held)

    def forward(A_prev, *p, xp):
        return layer.forward(A_prev, p, xp=xp)[0]

    assert_defined(forward, (A_prev, *held), expected, backend)


@pytest.mark.parametrize("name", LAYERS)
def test_definition_of_a_prediction(name, backend):
    layer, A_prev, _, *held = tried(name, backend)
    held = held[: len(held) - len(layer.masks(FEATURES))]
    definition = definitions.PREDICTING.get(name, definitions.LAYERS[name])

    def predict(A_prev, *p, xp):
        return layer.predict(A_prev, p, xp=xp)

    assert_defined(predict, (A_prev, *held), definition(A_prev, *held), backend)


@pytest.mark.parametrize("name", [name for name in LAYERS if LAYERS[name].example().buffers(4)])
def test_definition_of_what_is_remembered(name, backend):
    layer, A_prev, _, *held = tried(name, backend)
    expected = definitions.REMEMBERING[name](A_prev, *held)

    def remember(A_prev, *p, xp):
        return layer.remember(layer.forward(A_prev, p, xp=xp)[1], xp=xp)

    assert_defined(remember, (A_prev, *held), expected, backend)


@pytest.mark.parametrize("name", LAYERS)
def test_gradients_against_differences(name):
    layer = LAYERS[name].example()
    A_prev = inputs(layer)[0]  # with whole numbers in it
    assert_gradients(layer, A_prev)


@pytest.mark.parametrize("name", LAYERS)
def test_backward_is_the_same_everywhere(name, backend):
    layer, *arrays = tried(name, backend)

    def back(A_prev, dA, *p, xp):
        dA_prev, dp = layer.backward(dA, layer.forward(A_prev, p, xp=xp)[1], xp=xp)
        return dA_prev, *dp

    assert_defined(back, arrays, back(*arrays, xp=np), backend)


class Wrong(Layer):
    """A layer with one mistake on the way back."""

    def __init__(self, mistake):
        self.mistake = mistake

    def parameters(self, n_prev):
        return [Parameter("s", (n_prev, 1))]

    def forward(self, A_prev, p, *, xp):
        return p[0] * A_prev, (A_prev, p[0])

    def backward(self, dA, cache, *, input_gradient=True, xp):
        A_prev, s = cache
        ds = 1 / dA.shape[1] * xp.sum(dA * A_prev, axis=1, keepdims=True)
        wrong = 1.001 if self.mistake == "dA_prev" else 1.0
        return wrong * s * dA, (ds if self.mistake != "ds" else 6.0 * ds,)


@pytest.mark.parametrize("mistake", ["dA_prev", "ds"])
def test_a_wrong_gradient_is_named(mistake):
    with pytest.raises(AssertionError, match=rf"^{mistake} of Wrong at \w+\[0, 0\] = .*expected"):
        assert_gradients(Wrong(mistake))


def test_points_of_a_layer():
    with pytest.raises(ann.InvalidArgument, match="points: wanted A_prev alone for the layer"):
        assert_gradients(Wrong(""), [[1.0]], [[1.0]])
