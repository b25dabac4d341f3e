import copy
import dataclasses
import math
import pickle

import definitions
import numpy as np
import pytest

import agnostic_nn as ann
from agnostic_nn.activations import ACTIVATIONS
from agnostic_nn.losses import LOSSES
from agnostic_nn.testing import assert_gradients, assert_parity

A = np.asarray([[0.125, 0.5, 0.75, 0.625], [0.875, 0.5, 0.25, 0.375]])
Y = np.asarray([[0.0, 1.0, 1.0, 0.0], [1.0, 0.0, 0.0, 1.0]])


def by_definition(name, a, y, weight=None):
    weight = np.ones((1, a.shape[1])) if weight is None else weight
    pairs = zip(a.ravel(), y.ravel(), np.broadcast_to(weight, a.shape).ravel(), strict=True)
    return sum(definitions.LOSSES[name](*pair) * w for *pair, w in pairs) / a.shape[1]


@pytest.mark.parametrize("name", LOSSES)
def test_cost_is_the_mean_over_examples(name, backend, close):
    a, y = 4.0 * A, 3.0 * Y  # so that huber sees both of its branches
    if name.endswith("cross_entropy"):
        a, y = A, Y
    cost = ann.compute_cost(backend.asarray(a), backend.asarray(y), loss=name)
    close(cost, by_definition(name, a, y), units=32)


@pytest.mark.parametrize("name", ["squared_error", "binary_cross_entropy"])
def test_cost_of_many_in_half_precision(name, backend):
    """Their sum is beyond 65504, the largest number of float16; their mean is not."""
    if not hasattr(backend.xp, "float16"):
        pytest.skip("the standard has no float16")
    n = 200_000
    a = backend.asarray(np.full((1, n), 2.0 if name == "squared_error" else 0.25), "float16")
    cost = ann.compute_cost(a, backend.xp.zeros_like(a), loss=name)
    assert cost.dtype == a.dtype
    expected = 2.0 if name == "squared_error" else -math.log(0.75)
    assert float(backend.to_numpy(cost)) == pytest.approx(expected, rel=2.0**-9)


@pytest.mark.parametrize("name", LOSSES)
def test_sample_weights(name, backend, close):
    weight = np.asarray([[0.5, 0.0, 2.0, 1.5]])
    arrays = [backend.asarray(array) for array in (A, Y)]
    cost = ann.compute_cost(*arrays, loss=name, sample_weight=backend.asarray(weight))
    close(cost, by_definition(name, A, Y, weight), units=32)
    plain = ann.initialize_backward(*arrays, loss=name)
    weighted = ann.initialize_backward(*arrays, loss=name, sample_weight=backend.asarray(weight))
    close(weighted, backend.to_numpy(plain).astype(np.float64) * weight, units=2)


@pytest.mark.parametrize("function", [ann.compute_cost, ann.initialize_backward])
@pytest.mark.parametrize("dtype", ["int32", "bool", "float32"])
def test_labels_and_weights_of_other_dtypes(function, dtype, backend):
    """Labels are whole numbers as a rule; the answer is in the dtype of the predictions."""
    AL, weight = backend.asarray(A), np.asarray([[1.0, 0.0, 1.0, 1.0]])
    other = [
        backend.xp.astype(backend.asarray(each), getattr(backend.xp, dtype)) for each in (Y, weight)
    ]
    result = function(AL, other[0], sample_weight=other[1])
    expected = function(AL, backend.asarray(Y), sample_weight=backend.asarray(weight))
    assert result.dtype == AL.dtype
    np.testing.assert_array_equal(backend.to_numpy(result), backend.to_numpy(expected))


@pytest.mark.parametrize("name", LOSSES)
def test_gradient_against_differences(name):
    assert_gradients(LOSSES[name], A, 0.25 + 0.5 * Y)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("what", ["function", "derivative", "logit_function", "logit_derivative"])
def test_parity(name, what, backend):
    assert_parity(getattr(LOSSES[name], what), A, Y, backends=[backend])


def test_the_lesson_s_start(backend, close):
    dAL = ann.initialize_backward(backend.asarray(A), backend.asarray(Y))
    close(dAL, -(np.divide(Y, A) - np.divide(1 - Y, 1 - A)), units=4)


@pytest.mark.parametrize("name", LOSSES)
def test_finite_at_exactly_0_and_1(name, backend):
    a = backend.asarray([[0.0, 1.0, 0.0, 1.0], [1.0, 0.0, 0.0, 1.0]])
    y = backend.asarray([[1.0, 0.0, 0.0, 1.0], [0.0, 1.0, 1.0, 0.0]])
    cost = ann.compute_cost(a, y, loss=name)
    dAL = ann.initialize_backward(a, y, loss=name)
    assert np.isfinite(backend.to_numpy(cost))
    assert np.all(np.isfinite(backend.to_numpy(dAL)))


def test_a_sure_and_right_prediction_costs_nothing(backend):
    sure = backend.asarray([[0.0, 1.0]])
    for name in ("binary_cross_entropy", "categorical_cross_entropy"):
        assert float(backend.to_numpy(ann.compute_cost(sure, sure, loss=name))) == 0.0


def test_a_sure_and_wrong_prediction_has_a_gradient_that_points_back(backend):
    dAL = ann.initialize_backward(backend.asarray([[0.0, 1.0]]), backend.asarray([[1.0, 0.0]]))
    down, up = backend.to_numpy(dAL)[0]
    assert down < -1e20
    assert up > 1e20


PAIRED = [name for name, loss in LOSSES.items() if loss.of_logits or name == "squared_error"]


def lesson_s_start(loss, Z, Y, xp):
    """Eq. 1 for the lesson's dA[L]."""
    g = loss.activation
    return g.backward(loss.derivative(g(Z, xp=xp), Y, xp=xp), Z, xp=xp)


@pytest.mark.parametrize("name", PAIRED)
def test_pair_starts_from_prediction_minus_target(name, backend, close):
    loss, xp = LOSSES[name], backend.xp
    g = loss.activation
    Z = backend.asarray([[-2.0, 0.5, 1.5, 0.0], [1.0, -0.5, 0.25, -1.0]])
    y = backend.asarray(Y)
    AL = g(Z, xp=xp)
    dZ = ann.initialize_backward(Z, y, loss=name, from_logits=True)
    close(dZ, backend.to_numpy(AL).astype(np.float64) - Y, units=4)

    # and it is what Eq. 1 makes of the lesson's dA[L]
    close(lesson_s_start(loss, Z, y, xp), backend.to_numpy(dZ), units=32)
    of_logits = ann.compute_cost(Z, y, loss=name, from_logits=True)
    close(ann.compute_cost(AL, y, loss=name), backend.to_numpy(of_logits), units=64)


@pytest.mark.parametrize("name", PAIRED)
def test_logits_do_not_overflow(name, backend):
    # as far as the cost itself is still a number
    largest = float(np.finfo(backend.dtype).max)
    far = {"poisson": math.log(largest) - 5.0, "squared_error": math.sqrt(largest) / 8.0}.get(
        name, largest / 8.0
    )
    Z = backend.asarray([[-far, far, 0.0, far], [far, -far, far, far]])
    for y in (backend.asarray(Y), backend.asarray(1.0 - Y)):
        assert np.isfinite(backend.to_numpy(ann.compute_cost(Z, y, loss=name, from_logits=True)))
        dZ = ann.initialize_backward(Z, y, loss=name, from_logits=True)
        assert np.all(np.isfinite(backend.to_numpy(dZ)))


def test_binary_cross_entropy_counts_every_output(close, backend):
    both = ann.compute_cost(backend.asarray(A), backend.asarray(Y))
    each = [by_definition("binary_cross_entropy", A[i : i + 1], Y[i : i + 1]) for i in (0, 1)]
    close(both, sum(each), units=32)


def test_a_loss_of_your_own(backend, close):
    quartic = ann.Loss(
        "quartic",
        lambda A, Y, *, xp: (A - Y) ** 4,  # noqa: ARG005
        lambda A, Y, *, xp: 4.0 * (A - Y) ** 3,  # noqa: ARG005
        "identity",
    )
    assert_gradients(quartic)
    cost = ann.compute_cost(backend.asarray(A), backend.asarray(Y), loss=quartic)
    close(cost, np.sum((A - Y) ** 4) / 4, units=32)


def cubed(**options):
    """|A - Y|^3 / 3 of a sigmoid's A, which nothing says how to have from logits."""
    return ann.Loss(
        "cubed",
        lambda A, Y, *, xp: xp.abs(A - Y) ** 3 / 3.0,
        lambda A, Y, *, xp: (A - Y) * xp.abs(A - Y),
        "sigmoid",
        **options,
    )


X = np.asarray([[0.5, -1.0], [2.0, 0.3], [-0.4, 0.1]])


def test_a_loss_of_your_own_is_computed_on_predictions(backend, close):
    """Where it says nothing of logits, the network's output activation comes first."""
    loss, Y = cubed(), np.asarray([[1.0], [0.0], [1.0]])
    net = ann.Network([2, 3, 1], loss, activation="tanh", dtype=backend.dtype,
                      backend=backend.backend)  # fmt: skip
    AL = net.predict(X).astype(np.float64)
    cost = np.mean(np.abs(AL - Y) ** 3 / 3.0)
    assert net.cost(X, Y) == pytest.approx(cost, rel=64 * backend.unit_roundoff)

    Z, y = backend.asarray(np.log(AL / (1.0 - AL)).T), backend.asarray(Y.T)
    of_logits = ann.compute_cost(Z, y, loss=loss, from_logits=True)
    close(of_logits, cost, units=64)
    dZ = ann.initialize_backward(Z, y, loss=loss, from_logits=True)
    close(dZ, ((AL - Y) * np.abs(AL - Y) * AL * (1.0 - AL)).T, units=64)
    # what training minimizes is what `cost` says
    history = ann.train(net, X, Y, epochs=1, batch_size=3, optimizer=ann.SGD(1e-30))
    assert history["cost"] == pytest.approx([net.cost(X, Y)], rel=64 * backend.unit_roundoff)


def test_a_loss_brings_its_own_derivative_of_logits(backend):
    """Right or wrong, it is the one that training takes."""
    right = LOSSES["binary_cross_entropy"]
    doubled = dataclasses.replace(
        right,
        derivative_of_logits=lambda Z, Y, *, xp: 2.0 * right.derivative_of_logits(Z, Y, xp=xp),
    )
    Z, y = backend.asarray(4.0 * A - 2.0), backend.asarray(Y)
    once, twice = (
        backend.to_numpy(ann.initialize_backward(Z, y, loss=loss, from_logits=True))
        for loss in (right, doubled)
    )
    np.testing.assert_array_equal(twice, 2.0 * once)
    with pytest.raises(AssertionError, match=r"^dZ\[L\] of binary_cross_entropy from logits"):
        assert_gradients(doubled)


def test_without_a_derivative_of_logits_it_is_equation_1(backend, close):
    loss = dataclasses.replace(LOSSES["binary_cross_entropy"], derivative_of_logits=None)
    Z, y = backend.asarray(4.0 * A - 2.0), backend.asarray(Y)
    dZ = ann.initialize_backward(Z, y, loss=loss, from_logits=True)
    close(dZ, 1.0 / (1.0 + np.exp(2.0 - 4.0 * A)) - Y, units=32)
    assert_gradients(loss)


def test_an_activation_that_is_called_the_same_is_another():
    """Called "sigmoid", and half as steep: its logits are not those that the loss knows."""
    gentle = ann.Activation(
        "sigmoid",
        lambda Z, *, xp: ann.sigmoid(0.5 * Z, xp=xp),
        lambda Z, *, xp: 0.5 * ann.sigmoid_derivative(0.5 * Z, xp=xp),
    )
    Y = np.asarray([[1.0], [0.0], [1.0]])
    net = ann.Network([2, 1], "binary_cross_entropy", output=gentle, dtype="float64")
    AL = net.predict(X)
    assert net.cost(X, Y) == pytest.approx(-np.mean(np.log(np.where(Y == 1.0, AL, 1.0 - AL))))
    assert ann.gradient_check(net, X, Y) < 1e-7
    assert not LOSSES["binary_cross_entropy"].starts_from_logits(gentle)


def test_a_name_that_changes_hands_takes_no_loss_along(monkeypatch):
    monkeypatch.setitem(ACTIVATIONS, "sigmoid", ACTIVATIONS["softplus"])
    net = ann.Network([2, 1], "binary_cross_entropy", output="sigmoid", dtype="float64")
    assert not net.objective.paired
    assert ann.Network([2, 1], "binary_cross_entropy").objective.paired


@pytest.mark.parametrize("name", [name for name, loss in LOSSES.items() if loss.of_logits])
def test_copies_belong_together_as_well(name):
    for copied in (copy.deepcopy, lambda net: pickle.loads(pickle.dumps(net))):
        assert copied(ann.Network([2, 2], name)).objective.paired


@pytest.mark.parametrize("total", [0.0, 0.5, 3.0])
def test_class_targets_of_any_sum(total, backend, close):
    """-sum_k Y_k log A_k, whose gradient is A sum_k Y_k - Y."""
    loss, xp = LOSSES["categorical_cross_entropy"], backend.xp
    Y = total * np.asarray([[0.25, 1.0], [0.75, 0.0]])
    Z = np.asarray([[-2.0, 0.5], [1.0, -0.5]])
    AL, z, y = np.exp(Z) / np.sum(np.exp(Z), axis=0), backend.asarray(Z), backend.asarray(Y)
    dZ = ann.initialize_backward(z, y, loss=loss, from_logits=True)
    close(dZ, AL * total - Y, units=32)
    close(lesson_s_start(loss, z, y, xp), AL * total - Y, units=64)


def test_gradient_of_class_targets_of_any_sum():
    net = ann.Network([2, 3, 3], "categorical_cross_entropy", activation="tanh", dtype="float64")
    Y = [[0.5, 0.0, 0.0], [2.0, 0.0, 1.0], [0.0, 0.0, 0.0]]
    assert ann.gradient_check(net, X, Y) < 1e-7
