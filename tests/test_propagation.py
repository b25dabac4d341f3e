from itertools import pairwise

import numpy as np
import pytest

import agnostic_nn as ann
from agnostic_nn.testing import assert_parity


def parameters_of(*widths, seed=0):
    random = np.random.default_rng(seed)
    return [
        (random.standard_normal((n, n_prev)), random.standard_normal((n, 1)))
        for n_prev, n in pairwise(widths)
    ]


def relu(Z):
    return np.maximum(Z, 0.0)


def sigmoid(Z):
    return 1.0 / (1.0 + np.exp(-Z))


def test_shapes_and_cache(backend):
    W, b = parameters_of(3, 2)[0]
    A_prev, W, b = (backend.asarray(array) for array in (np.ones((3, 5)), W, b))
    A, cache = ann.forward_propagation_layer(A_prev, W, b, "relu")
    assert isinstance(cache, ann.LayerCache)
    assert cache._fields == ("Z", "A_prev", "W", "b")
    assert cache.A_prev is A_prev
    assert cache.W is W
    assert cache.b is b
    assert tuple(A.shape) == tuple(cache.Z.shape) == (2, 5)
    dA_prev, dW, db = ann.backward_propagation_layer(A, cache, "relu")
    assert [tuple(d.shape) for d in (dA_prev, dW, db)] == [(3, 5), (2, 3), (2, 1)]
    assert {d.dtype for d in (A, dA_prev, dW, db)} == {A_prev.dtype}


@pytest.mark.parametrize("activation", ["relu", "sigmoid"])
@pytest.mark.parametrize("m", [1, 4])
def test_the_lesson_s_two_functions(activation, m, backend, close):
    random = np.random.default_rng(1)
    ((W, b),) = parameters_of(3, 2)
    A_prev, dA = random.standard_normal((3, m)), random.standard_normal((2, m))

    Z = np.dot(W, A_prev) + b
    g = relu if activation == "relu" else sigmoid
    derivative = (Z > 0) if activation == "relu" else sigmoid(Z) * (1 - sigmoid(Z))
    dZ = dA * derivative
    dW = (1 / m) * np.dot(dZ, A_prev.T)
    db = (1 / m) * np.sum(dZ, axis=1, keepdims=True)
    dA_prev = np.dot(W.T, dZ)

    A, cache = ann.forward_propagation_layer(
        *(backend.asarray(array) for array in (A_prev, W, b)), activation
    )
    close(A, g(Z), units=16)
    close(cache.Z, Z, units=16)
    got = ann.backward_propagation_layer(backend.asarray(dA), cache, activation)
    for ours, lesson in zip(got, (dA_prev, dW, db), strict=True):
        close(ours, lesson, units=32)


def test_single_example_has_the_single_example_equations():
    ((W, b),) = parameters_of(3, 2)
    a_prev, da = np.asarray([[1.0], [-2.0], [0.5]]), np.asarray([[0.3], [-0.7]])
    _, cache = ann.forward_propagation_layer(a_prev, W, b, "identity")
    da_prev, dW, db = ann.backward_propagation_layer(da, cache, "identity")
    np.testing.assert_array_equal(dW, np.outer(da, a_prev))  # Eq. 2: dz a_prev^T
    np.testing.assert_array_equal(db, da)  # Eq. 3: dz
    np.testing.assert_allclose(da_prev, W.T @ da, rtol=1e-15)  # Eq. 4


def test_m_examples_are_the_mean_of_each():
    parameters, activations = parameters_of(3, 4, 1), ["tanh", "sigmoid"]
    random = np.random.default_rng(2)
    X, Y = random.standard_normal((3, 6)), (random.random((1, 6)) > 0.5).astype(float)

    def gradients(X, Y):
        AL, caches = ann.forward_propagation(X, parameters, activations)
        return ann.backward_propagation(ann.initialize_backward(AL, Y), caches, activations)

    one_by_one = [gradients(X[:, i : i + 1], Y[:, i : i + 1]) for i in range(6)]
    for layer, together in enumerate(gradients(X, Y)):
        for k in range(2):
            mean = sum(single[layer][k] for single in one_by_one) / 6
            np.testing.assert_allclose(together[k], mean, rtol=0, atol=64 * 2.0**-53)


def test_the_lesson_s_complete_example(backend, close):
    """Three layers, one training iteration, line by line as the lesson writes it."""
    (W1, b1), (W2, b2), (W3, b3) = parameters_of(4, 5, 3, 1, seed=3)
    random = np.random.default_rng(4)
    X, Y = random.standard_normal((4, 7)), (random.random((1, 7)) > 0.5).astype(float)
    m, alpha = 7, 0.1

    Z1 = np.dot(W1, X) + b1
    A1 = relu(Z1)
    Z2 = np.dot(W2, A1) + b2
    A2 = relu(Z2)
    Z3 = np.dot(W3, A2) + b3
    A3 = sigmoid(Z3)
    cost = -(1 / m) * np.sum(Y * np.log(A3) + (1 - Y) * np.log(1 - A3))
    dA3 = -(np.divide(Y, A3) - np.divide(1 - Y, 1 - A3))
    dZ3 = dA3 * A3 * (1 - A3)
    dW3, db3 = (1 / m) * np.dot(dZ3, A2.T), (1 / m) * np.sum(dZ3, axis=1, keepdims=True)
    dZ2 = np.dot(W3.T, dZ3) * (Z2 > 0)
    dW2, db2 = (1 / m) * np.dot(dZ2, A1.T), (1 / m) * np.sum(dZ2, axis=1, keepdims=True)
    dZ1 = np.dot(W2.T, dZ2) * (Z1 > 0)
    dW1, db1 = (1 / m) * np.dot(dZ1, X.T), (1 / m) * np.sum(dZ1, axis=1, keepdims=True)

    x, y, w1, c1, w2, c2, w3, c3 = (
        backend.asarray(array) for array in (X, Y, W1, b1, W2, b2, W3, b3)
    )
    a1, cache1 = ann.forward_propagation_layer(x, w1, c1, "relu")
    a2, cache2 = ann.forward_propagation_layer(a1, w2, c2, "relu")
    a3, cache3 = ann.forward_propagation_layer(a2, w3, c3, "sigmoid")
    # 3 products of inner dimension 5 and logits Z3 of some units make the errors
    units = 64 * max(1.0, np.abs(Z3).max(), np.abs(dA3).max())
    close(a3, A3, units)
    close(ann.compute_cost(a3, y), cost, units)
    da3 = ann.initialize_backward(a3, y)
    da2, *layer3 = ann.backward_propagation_layer(da3, cache3, "sigmoid")
    da1, *layer2 = ann.backward_propagation_layer(da2, cache2, "relu")
    _, *layer1 = ann.backward_propagation_layer(da1, cache1, "relu")
    for ours, lesson in zip(
        (*layer3, *layer2, *layer1), (dW3, db3, dW2, db2, dW1, db1), strict=True
    ):
        close(ours, lesson, units)
    close(w1 - alpha * layer1[0], W1 - alpha * dW1, units)

    # and L layers at once do the same
    activations = ["relu", "relu", "sigmoid"]
    AL, caches = ann.forward_propagation(x, [(w1, c1), (w2, c2), (w3, c3)], activations)
    gradients = ann.backward_propagation(da3, caches, activations)
    assert [type(layer) for layer in gradients] == [ann.LayerGradients] * 3
    np.testing.assert_array_equal(backend.to_numpy(AL), backend.to_numpy(a3))
    for together, alone in zip(gradients, (layer1, layer2, layer3), strict=True):
        for k in range(2):
            np.testing.assert_array_equal(backend.to_numpy(together[k]), backend.to_numpy(alone[k]))


@pytest.mark.parametrize("activation", ["relu", "tanh", "softmax"])
def test_parity_of_the_four_equations(activation, backend):
    ((W, b),) = parameters_of(6, 4)
    random = np.random.default_rng(5)
    A_prev, dA = random.standard_normal((6, 9)), random.standard_normal((4, 9))

    def layer(A_prev, W, b, dA, *, xp):
        A, cache = ann.forward_propagation_layer(A_prev, W, b, activation, xp=xp)
        return A, cache, ann.backward_propagation_layer(dA, cache, activation, xp=xp)

    assert_parity(layer, A_prev, W, b, dA, backends=[backend])


def test_inputs_are_never_written():
    parameters = parameters_of(3, 4, 2)
    X, Y = np.ones((3, 5)), np.zeros((2, 5))
    masks = [np.ones((4, 5)), None]
    given = [X, Y, masks[0], *(array for layer in parameters for array in layer)]
    before = [array.copy() for array in given]
    AL, caches = ann.forward_propagation(X, parameters, ["relu", "sigmoid"], masks=masks)
    kept = [array.copy() for cache in caches for array in cache]
    dAL = ann.initialize_backward(AL, Y)
    ann.backward_propagation(dAL, caches, ["relu", "sigmoid"], masks=masks)
    for now, then in zip(given, before, strict=True):
        np.testing.assert_array_equal(now, then)
    for now, then in zip((a for cache in caches for a in cache), kept, strict=True):
        np.testing.assert_array_equal(now, then)


def test_masks_multiply_the_way_there_and_back():
    parameters = parameters_of(2, 3, 1)
    X, dAL = np.asarray([[1.0, -1.0], [0.5, 2.0]]), np.asarray([[1.0, -2.0]])
    mask = np.asarray([[2.0, 0.0], [0.0, 2.0], [2.0, 2.0]])
    AL, caches = ann.forward_propagation(X, parameters, ["tanh", "identity"], masks=[mask, None])
    (W1, b1), (W2, b2) = parameters
    A1 = np.tanh(W1 @ X + b1)
    np.testing.assert_allclose(AL, W2 @ (A1 * mask) + b2, rtol=1e-14)
    first, second = ann.backward_propagation(dAL, caches, ["tanh", "identity"], masks=[mask, None])
    np.testing.assert_allclose(second.dW, dAL @ (A1 * mask).T / 2, rtol=1e-14)
    dZ1 = (W2.T @ dAL) * mask * (1 - A1**2)
    np.testing.assert_allclose(first.dW, dZ1 @ X.T / 2, rtol=1e-13)


def test_first_layer_s_input_gradient_can_be_left_out(backend):
    ((W, b),) = parameters_of(2, 3)
    A, cache = ann.forward_propagation_layer(
        backend.asarray(np.ones((2, 4))), backend.asarray(W), backend.asarray(b), "tanh"
    )
    with_it = ann.backward_propagation_layer(A, cache, "tanh")
    without = ann.backward_propagation_layer(A, cache, "tanh", input_gradient=False)
    assert without[0] is None
    for k in (1, 2):
        np.testing.assert_array_equal(backend.to_numpy(with_it[k]), backend.to_numpy(without[k]))


class TestMessages:
    def test_width(self):
        with pytest.raises(ann.InvalidArgument, match=r"W of shape \(2, 3\) .*A_prev .*\(4, 5\)"):
            ann.forward_propagation_layer(np.ones((4, 5)), np.ones((2, 3)), np.ones((2, 1)), "relu")

    def test_one_dimension(self):
        with pytest.raises(ann.InvalidArgument, match=r"A_prev of shape \(3,\).*\(n\[l-1\], m\)"):
            ann.forward_propagation_layer(np.ones(3), np.ones((2, 3)), np.ones((2, 1)), "relu")

    def test_bias(self):
        with pytest.raises(ann.InvalidArgument, match=r"b has shape \(2,\), wanted \(2, 1\)"):
            ann.forward_propagation_layer(np.ones((3, 5)), np.ones((2, 3)), np.ones(2), "relu")

    def test_gradient(self):
        _, cache = ann.forward_propagation_layer(
            np.ones((3, 5)), np.ones((2, 3)), np.ones((2, 1)), "relu"
        )
        with pytest.raises(ann.InvalidArgument, match=r"dA has shape \(2, 4\) and Z \(2, 5\)"):
            ann.backward_propagation_layer(np.ones((2, 4)), cache, "relu")

    def test_number_of_layers(self):
        with pytest.raises(ann.InvalidArgument, match="parameters: 2, activations: 1"):
            ann.forward_propagation(np.ones((3, 5)), parameters_of(3, 2, 1), ["relu"])

    def test_activation(self):
        with pytest.raises(ann.InvalidArgument, match="Did you mean 'sigmoid'"):
            ann.forward_propagation_layer(
                np.ones((3, 5)), np.ones((2, 3)), np.ones((2, 1)), "sigmoidd"
            )

    def test_layers_that_are_no_pairs(self):
        with pytest.raises(ann.InvalidType, match=r"parameters: wanted \(W, b\), got int"):
            ann.forward_propagation(np.ones((3, 5)), [3], ["relu"])

    @pytest.mark.parametrize("cache", [3, (np.ones((2, 5)),), None])
    def test_a_cache_that_is_none(self, cache):
        with pytest.raises(ann.InvalidType, match=r"cache: wanted \(Z, A_prev, W, b\), got \w+"):
            ann.backward_propagation(np.ones((2, 5)), [cache], ["relu"])

    def test_a_cache_of_two_layers(self):
        A_prev, W, b = np.ones((3, 5)), np.ones((2, 3)), np.ones((2, 1))
        with pytest.raises(ann.InvalidArgument, match=r"Z has shape \(2, 4\), W @ A_prev \(2, 5\)"):
            ann.backward_propagation_layer(np.ones((2, 4)), (np.ones((2, 4)), A_prev, W, b), "relu")

    def test_a_mask_of_another_shape(self):
        layers = parameters_of(3, 2)
        mask = np.ones((2, 4))
        with pytest.raises(
            ann.InvalidArgument, match=r"masks\[0\] has shape \(2, 4\) and A \(2, 5\)"
        ):
            ann.forward_propagation(np.ones((3, 5)), layers, ["relu"], masks=[mask])
        AL, caches = ann.forward_propagation(np.ones((3, 5)), layers, ["relu"])
        with pytest.raises(
            ann.InvalidArgument, match=r"masks\[0\] has shape \(2, 4\) and dA \(2, 5\)"
        ):
            ann.backward_propagation(AL, caches, ["relu"], masks=[mask])

    def test_no_classes(self):
        with pytest.raises(ann.InvalidArgument, match=r"Z has shape \(0, 5\): wanted \(n_classes"):
            ann.softmax(np.ones((0, 5)))
