import numpy as np
import pytest

import agnostic_nn as ann
from agnostic_nn import propagation
from agnostic_nn.activations import ACTIVATIONS
from agnostic_nn.dropout import step_keys
from agnostic_nn.losses import LOSSES
from agnostic_nn.testing import assert_gradients

#: What a loss can be asked of, where that is not every number: A in (0, 1) or A > 0.
DOMAINS = {
    "binary_cross_entropy": ("sigmoid", "softmax"),
    "categorical_cross_entropy": ("sigmoid", "softmax", "softplus", "exponential"),
    "poisson": ("sigmoid", "softmax", "softplus", "exponential"),
}


def targets(loss, random, m, n):
    if loss == "binary_cross_entropy":
        return (random.random((m, n)) > 0.5).astype(np.float64)
    if loss == "categorical_cross_entropy":
        return np.eye(n)[random.integers(n, size=m)]
    if loss == "poisson":
        return random.integers(4, size=(m, n)).astype(np.float64)
    return random.standard_normal((m, n))


def smooth(net, X, Y, step, distance=1e-4):
    """Whether no pre-activation and no error lies near a kink, on the way of the differences."""
    key = step_keys(net.seed, 0, np.asarray([step - 1], dtype=np.int32), np)[0]
    drawn, plain = iter(net.objective.masks(key, X, np)), net.objective.perceptron
    masks = [next(drawn) if rate > 0.0 else None for rate in plain.dropout]
    AL, caches = ann.forward_propagation(X.T, net.parameters, plain.activations, masks=masks)
    near = [
        np.min(np.abs(cache.Z - kink))
        for cache, g in zip(caches, plain.activations, strict=True)
        for kink in g.kinks
    ]
    errors = np.abs(AL - Y.T)
    if net.objective.loss.name == "absolute_error":
        near.append(np.min(errors))
    if net.objective.loss.name == "huber":
        near.append(np.min(np.abs(errors - 1.0)))
    return min(near, default=1.0) > distance


def case(activation, output, loss, depth):
    """A tiny network and examples that lie away from kinks: the first seed that gives such."""
    for seed in range(200):
        random = np.random.default_rng(seed)
        net = ann.Network(
            [3, *[3] * (depth - 1), 2],
            loss,
            activation=activation,
            output=output,
            dropout=0.25,
            l2=0.1,
            seed=seed,
            dtype="float64",
        )
        net.theta += 0.2 * random.standard_normal(net.theta.shape)  # biases that are not 0
        X, Y = random.standard_normal((4, 3)), targets(loss, random, 4, 2)
        if smooth(net, X, Y, step=seed + 1):
            return net, X, Y, 0.5 + random.random(4), seed + 1
    raise AssertionError("no smooth point found")


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_hidden_activation_with_loss(activation, loss):
    """Every activation x loss x 1 to 4 layers, with dropout, weights and L2.

    The activation is that of the hidden layers, and of the output where the loss is defined on
    its range: the logarithm of a negative prediction has no gradient to check.
    """
    outputs = {None}
    if activation in DOMAINS.get(loss, ACTIVATIONS):
        outputs.add(activation)
    for output in outputs:
        for depth in (1, 2, 3, 4):
            net, X, Y, weight, step = case(activation, output, loss, depth)
            error = ann.gradient_check(net, X, Y, sample_weight=weight, step=step)
            assert error <= 1e-7, f"output {output}, {depth} layers"


def test_a_wrong_derivative_is_seen():
    wrong = ann.Activation("wrong", ann.sigmoid, lambda Z, *, xp: 1.01 * ann.sigmoid_derivative(Z))  # noqa: ARG005
    net = ann.Network([2, 3, 1], "squared_error", activation=wrong, dtype="float64")
    assert ann.gradient_check(net, [[0.5, -1.0]], [1.0]) > 1e-4


@pytest.mark.filterwarnings("ignore:invalid value encountered:RuntimeWarning")
def test_what_is_not_finite_is_no_gradient():
    """A NaN is neither near to what it should be nor far from it."""
    broken = ann.Activation("broken", ann.sigmoid, lambda Z, *, xp: xp.nan * Z)
    nowhere = ann.Activation("nowhere", lambda Z, *, xp: xp.nan * Z, ann.sigmoid_derivative)
    for g in (broken, nowhere):
        net = ann.Network([2, 3, 1], "squared_error", activation=g, dtype="float64")
        assert ann.gradient_check(net, [[0.5, -1.0]], [1.0]) == np.inf
        with pytest.raises(AssertionError, match="nan"):
            assert_gradients(net, [[0.5, -1.0]], [1.0])


@pytest.mark.parametrize("part", ["gradient", "cost"])
def test_the_step_of_training_is_what_is_checked(part, backend, monkeypatch):
    """What a backend records or compiles, and not the equations alone."""
    net = ann.Network([2, 3, 1], "squared_error", activation="tanh", dtype="float64",
                      backend=backend.backend)  # fmt: skip
    run = type(backend.backend).epoch

    def unfaithful(*args):
        (*state, gradient), cost = run(*args)
        return (*state, 1.01 * gradient if part == "gradient" else gradient), (
            1.01 * cost if part == "cost" else cost
        )

    assert ann.gradient_check(net, [[0.5, -1.0]], [1.0]) < 1e-7
    monkeypatch.setattr(type(backend.backend), "epoch", unfaithful)
    assert ann.gradient_check(net, [[0.5, -1.0]], [1.0]) > 1e-3
    with pytest.raises(AssertionError, match=r"^the gradient of Network"):
        assert_gradients(net, [[0.5, -1.0]], [1.0])


def test_large_parameters_are_moved_by_more():
    """By 1e-6 a cost of 5e17 does not change by more than its rounding."""
    net = ann.Network([1, 1], "squared_error", dtype="float64")
    net.theta[...] = [0.5, 1e9]
    assert ann.gradient_check(net, [[0.0]], [0.0]) < 1e-7


def test_without_step_there_is_no_dropout():
    X, Y = [[0.5, -1.0]], [1.0]
    nets = [
        ann.Network([2, 8, 1], "squared_error", activation="tanh", dropout=d, dtype="float64")
        for d in (0.0, 0.5)
    ]
    plain, with_dropout = (ann.gradient_check(net, X, Y) for net in nets)
    assert plain == with_dropout
    assert ann.gradient_check(nets[1], X, Y, step=3) != plain


def test_network_is_not_changed(backend):
    net = ann.Network([2, 2, 1], "squared_error", activation="tanh", dtype="float64",
                      backend=backend.backend)  # fmt: skip
    before = backend.to_numpy(net.theta).copy()
    assert ann.gradient_check(net, [[0.5, -1.0], [1.0, 2.0]], [1.0, 0.0]) <= 1e-7
    np.testing.assert_array_equal(backend.to_numpy(net.theta), before)
    assert net.training is None


class TestAssertGradients:
    def test_says_which_element(self):
        """Wrong above 1 alone, where a random point or a given one has to find it."""

        def derivative(Z, *, xp):
            return xp.where(Z > 1.0, 2.1 * Z, 2.0 * Z)

        wrong = ann.Activation("square", lambda Z, *, xp: Z * Z, derivative)  # noqa: ARG005
        with pytest.raises(
            AssertionError,
            match=r"^the derivative of square at Z\[1, 0\] = 3: expected 6, got 6\.3\.$",
        ):
            assert_gradients(wrong, [[0.5, 1.0], [3.0, 0.0]])
        somewhere = r"^the derivative of square at Z\[\d, \d\] = [1-9]\."
        with pytest.raises(AssertionError, match=somewhere):
            assert_gradients(wrong)

    def test_equation_1_of_its_own(self):
        right = ACTIVATIONS["softmax"]
        assert_gradients(right)
        wrong = ann.Activation(
            "mine", right.function, None, lambda dA, Z, *, xp: right(Z, xp=xp) * dA
        )
        with pytest.raises(AssertionError, match=r"^Eq\. 1 of mine, dZ at Z\["):
            assert_gradients(wrong)

    def test_nan_and_wrong_shapes(self):
        nan = ann.Activation("nan", ann.sigmoid, lambda Z, *, xp: xp.nan * Z)
        with pytest.raises(AssertionError, match="got nan"):
            assert_gradients(nan)
        short = ann.Activation("short", ann.sigmoid, lambda Z, *, xp: xp.ones((1, 1)))  # noqa: ARG005
        with pytest.raises(AssertionError, match=r"has shape \(1, 1\), expected \(3, 8\)"):
            assert_gradients(short)

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"derivative": lambda A, Y, *, xp: Y - A}, r"^dA\[L\] of mine at A\["),  # noqa: ARG005
            ({"of_logits": lambda Z, Y, *, xp: Z * Z - Y}, r"^dZ\[L\] of mine from"),  # noqa: ARG005
        ],
    )
    def test_loss(self, change, message):
        right = LOSSES["binary_cross_entropy"]
        parts = {"function": right.function, "derivative": right.derivative} | change
        with pytest.raises(AssertionError, match=message):
            assert_gradients(ann.Loss("mine", output="sigmoid", **parts))

    def test_cost_from_logits_is_the_cost(self):
        """With the right slope, and yet another number."""
        right = LOSSES["binary_cross_entropy"]
        shifted = ann.Loss(
            "mine", right.function, right.derivative, "sigmoid",
            lambda Z, Y, *, xp: right.of_logits(Z, Y, xp=xp) + 1.0,
        )  # fmt: skip
        with pytest.raises(AssertionError, match=r"^the loss mine from logits"):
            assert_gradients(shifted)

    def test_network(self):
        net = ann.Network([2, 3, 1], "squared_error", activation="tanh", dtype="float64")
        X, Y = [[0.5, -1.0], [2.0, 0.25]], [1.0, 0.0]
        assert_gradients(net, X, Y)
        assert_gradients(net, X, Y, [1.0, 2.0])
        with pytest.raises(ann.InvalidArgument, match="wanted dtype='float64'"):
            assert_gradients(ann.Network([2, 1], "squared_error"), X, Y)
        with pytest.raises(ann.InvalidArgument, match="wanted X and Y"):
            assert_gradients(net)

    def test_network_with_a_wrong_activation(self):
        wrong = ann.Activation("wrong", ann.relu, ann.sigmoid)
        net = ann.Network([2, 3, 1], "squared_error", activation=wrong, dtype="float64")
        with pytest.raises(AssertionError, match=r"^the derivative of wrong at Z\["):
            assert_gradients(net, [[0.5, -1.0]], [1.0])

    def test_network_with_a_wrong_equation(self, monkeypatch):
        """Right derivatives, and a sign lost on the way back."""
        backward = propagation.backward_through
        monkeypatch.setattr(
            "agnostic_nn.layers.sequential.backward_through",
            lambda *args, **options: (
                None,
                [(-dW, db) for dW, db in backward(*args, **options)[1]],
            ),
        )
        net = ann.Network([2, 3, 1], "squared_error", activation="tanh", dtype="float64")
        with pytest.raises(
            AssertionError, match=r"^the gradient of Network.*relative error of 1e-07"
        ):
            assert_gradients(net, [[0.5, -1.0]], [1.0])


@pytest.mark.parametrize("options", [{"epsilon": 0.0}, {"epsilon": 1.0}, {"step": 0}])
def test_messages(options):
    net = ann.Network([2, 1], "squared_error", dtype="float64")
    ((name, value),) = options.items()
    with pytest.raises(ann.InvalidArgument, match=f"^{name}={value}: wanted a"):
        ann.gradient_check(net, [[0.5, -1.0]], [1.0], **options)
