import math

import definitions
import numpy as np
import pytest

import agnostic_nn as ann
from agnostic_nn.optimizers import OPTIMIZERS, clip_by_global_norm, decay_weights, get_optimizer
from agnostic_nn.testing import assert_parity

STEPS = 6
THETA = np.asarray([1.0, -2.0, 0.5, 3.0])


def gradient(theta, t):
    """Of a bowl that turns a little with the step, so that the order of the steps matters."""
    return 2.0 * theta + np.cos(t + np.arange(theta.shape[0]))


def run(optimizer, steps=STEPS, learning_rate=None):
    """Minimize with the package's rule, as training does."""
    theta = THETA.copy()
    state = optimizer.initial_state(theta, np)
    for t in range(1, steps + 1):
        alpha = optimizer.schedule(0.0, 1) if learning_rate is None else learning_rate
        g = gradient(theta, t)
        if optimizer.weight_decay > 0.0:
            theta = decay_weights(theta, np.ones_like(theta), alpha * optimizer.weight_decay)
        theta, state = optimizer.update(theta, g, state, optimizer.rate(alpha, t), np)
    return theta


RULES = {
    **{name: (rule(), definitions.OPTIMIZERS.get(name)) for name, rule in OPTIMIZERS.items()},
    "other numbers": (ann.Adam(0.05, beta1=0.7, beta2=0.9), definitions.adam(0.05, 0.7, 0.9)),
    "other rho": (
        ann.RMSprop(0.02, rho=0.5, epsilon=1e-3),
        definitions.rmsprop(0.02, 0.5, 1e-3),
    ),
    "other momentum": (ann.Momentum(0.02, momentum=0.5), definitions.momentum(0.02, 0.5)),
}


@pytest.mark.parametrize("name", RULES)
def test_textbook(name):
    optimizer, rule = RULES[name]
    x, states = THETA.copy(), [{} for _ in THETA]
    for t in range(1, STEPS + 1):
        g = gradient(x, t)
        x = np.asarray([rule(x[i], g[i], t, states[i]) for i in range(x.shape[0])])
    # some 10 operations a step, in numbers up to 4
    np.testing.assert_allclose(run(optimizer), x, rtol=0.0, atol=10 * STEPS * 4 * 2.0**-53)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_same_update_everywhere(name, backend):
    optimizer = get_optimizer(name)

    def three_steps(theta, *gradients, xp):
        theta = xp.asarray(theta, copy=True)
        state = optimizer.initial_state(theta, xp)
        for t, g in enumerate(gradients, start=1):
            theta, state = optimizer.update(theta, g, state, optimizer.rate(0.125, t), xp)
        return theta, state

    gradients = [gradient(THETA, t) for t in range(3)]
    # m and v are compared too
    assert_parity(three_steps, THETA, *gradients, backends=[backend])


def test_torch_agrees_where_it_means_the_same():
    torch = pytest.importorskip("torch", reason="torch is not installed")
    # torch keeps the learning rate out of the velocity, which is the same while it is constant,
    # and adds epsilon to the corrected moment of Adam (Algorithm 1), which epsilon=0 hides.
    # Its Nesterov starts from v = g and not from 0, which changes nothing either: 0.9 * 0 + g.
    pairs = [
        (ann.SGD(0.1), lambda p: torch.optim.SGD(p, lr=0.1)),
        (ann.Momentum(0.1), lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9)),
        (ann.Nesterov(0.1), lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True)),
        (ann.RMSprop(0.01), lambda p: torch.optim.RMSprop(p, lr=0.01, alpha=0.9, eps=1e-8)),
        (ann.Adam(0.01, epsilon=0.0), lambda p: torch.optim.Adam(p, lr=0.01, eps=0.0)),
    ]
    for ours, theirs in pairs:
        x = torch.tensor(THETA, requires_grad=True)
        optimizer = theirs([x])
        for t in range(1, STEPS + 1):
            x.grad = torch.tensor(gradient(x.detach().numpy(), t))
            optimizer.step()
        np.testing.assert_allclose(
            run(ours), x.detach().numpy(), rtol=0.0, atol=10 * STEPS * 4 * 2.0**-53
        )


def test_adam_s_first_step_is_the_learning_rate():
    # section 2.1 of the paper: the size of the first step is alpha, whatever the gradient
    for scale in (1e-3, 1.0, 1e3):
        theta = np.zeros(2)
        rule = ann.Adam(0.25, epsilon=0.0)
        state = rule.initial_state(theta, np)
        theta, _ = rule.update(
            theta, scale * np.asarray([1.0, -3.0]), state, rule.rate(0.25, 1), np
        )
        np.testing.assert_allclose(theta, [-0.25, 0.25], rtol=1e-12)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_half_precision_divides_by_no_zero(name, backend):
    """A gradient of 0, as ReLU gives, moves nothing: epsilon must not be 0 in float16."""
    if not hasattr(backend.xp, "float16"):
        pytest.skip("the standard has no float16")
    xp, optimizer = backend.xp, get_optimizer(name)
    theta, g = (backend.asarray(x, "float16") for x in ([1.0, 2.0], [0.0, 0.5]))
    theta, rate = xp.asarray(theta, copy=True), optimizer.rate(0.125, 1)
    theta, _ = optimizer.update(theta, g, optimizer.initial_state(theta, xp), rate, xp)
    theta = backend.to_numpy(theta)
    assert theta[0] == 1.0
    assert 1.0 < theta[1] < 2.0


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_step_is_the_same_for_every_learning_rate(name):
    """So that no backend compiles it anew; whether weights decay is another step."""
    steps = [
        OPTIMIZERS[name](learning_rate, weight_decay=decay).in_a_step()
        for learning_rate in (0.1, ann.Cosine(0.2))
        for decay in (0.1, 0.2)
    ]
    assert all(step == steps[0] for step in steps)
    assert OPTIMIZERS[name](0.1, weight_decay=0.0).in_a_step() != steps[0]


def test_a_rule_that_may_read_its_learning_rate_is_another_for_each():
    class Mine(ann.SGD):
        def update(self, theta, g, *_):
            return theta - self.schedule.initial * g, ()

    assert Mine(0.1).in_a_step() != Mine(0.2).in_a_step()
    net = ann.Network([1, 1], "squared_error", initializer="zeros", dtype="float64")
    ann.train(net, [[0.0]], [1.0], epochs=1, optimizer=Mine(0.5))
    assert net.theta.tolist() == [0.0, 0.5]


class Averages(ann.Optimizer):
    """Pulls theta to what it was; writes in place, and says theta where it means its numbers."""

    slots = 2

    def initial_state(self, theta, xp):
        zeros = xp.zeros_like(theta)
        return zeros, zeros

    def update(self, theta, g, state, rate, xp):
        before, m = state
        m *= 0.9
        m += g
        theta -= rate * m + 0.5 * (theta - before)
        return theta, (theta, m)


class AveragesPurely(Averages):
    def update(self, theta, g, state, rate, xp):
        before, m = state
        m = 0.9 * m + g
        theta = theta - (rate * m + 0.5 * (theta - before))
        return theta, (theta, m)


def test_what_is_written_in_place_shows_in_nothing_else(backend):
    """On every backend alike, whether theta and the state are told apart by the rule or not."""
    thetas = []
    for rule in (Averages(0.1), AveragesPurely(0.1)):
        net = ann.Network([1, 1], "squared_error", backend=backend.of, dtype=backend.dtype)
        ann.train(net, [[1.0], [2.0]], [[1.0], [0.0]], epochs=4, batch_size=1, optimizer=rule)
        thetas.append(backend.to_numpy(net.theta))
    np.testing.assert_allclose(*thetas, rtol=100 * backend.unit_roundoff)


def test_decoupled_decay_leaves_biases_alone(backend, close):
    net = ann.Network([2, 3, 1], "squared_error", initializer="he_normal", dtype=backend.dtype,
                      backend=backend.backend)  # fmt: skip
    net.theta = net.theta + 0.25  # biases that decay could be seen on
    before = backend.to_numpy(net.theta).astype(np.float64)
    # the outputs meet their targets, so the gradient is 0 and decay alone moves theta
    X = np.asarray([[0.5, -1.0], [1.0, 2.0]])
    ann.train(net, X, net.predict(X), epochs=1, batch_size=2, shuffle=False,
              optimizer=ann.SGD(0.5, weight_decay=0.125))  # fmt: skip
    weights = np.asarray([1.0] * 6 + [0.0] * 3 + [1.0] * 3 + [0.0])
    # the gradient is what rounding leaves of A - Y, times activations of a few units
    close(net.theta, before * (1.0 - 0.5 * 0.125 * weights), units=64)


def test_decay_is_only_what_it_says():
    theta, decayed = np.asarray([1.0, 2.0]), np.asarray([1.0, 0.0])
    assert decay_weights(theta, decayed, 0.25).tolist() == [0.75, 2.0]


def test_adamw_is_adam_with_decay():
    assert ann.AdamW().weight_decay == 0.01
    assert ann.Adam().weight_decay == 0.0
    without = ann.AdamW(0.01, weight_decay=0.0)
    np.testing.assert_array_equal(run(without), run(ann.Adam(0.01)))


def test_clip(backend, close):
    clip = lambda g, largest: clip_by_global_norm(backend.asarray(g), largest, backend.xp)  # noqa: E731
    close(clip([3.0, -4.0], 2.5), [1.5, -2.0], units=4)
    close(clip([3.0, -4.0], 10.0), [3.0, -4.0], units=0)
    close(clip([0.0, 0.0], 1.0), [0.0, 0.0], units=0)


def test_clip_in_half_precision(backend):
    """To half of 3, 4 in units of 2**12, whose squares are beyond 65504, and not to 0."""
    if not hasattr(backend.xp, "float16"):
        pytest.skip("the standard has no float16")
    g = backend.asarray([3.0 * 2.0**12, -4.0 * 2.0**12], "float16")
    clipped = clip_by_global_norm(g, 2.5 * 2.0**12, backend.xp)
    assert clipped.dtype == g.dtype
    assert backend.to_numpy(clipped).tolist() == [1.5 * 2.0**12, -2.0 * 2.0**12]


@pytest.mark.filterwarnings("ignore:(overflow|invalid value) encountered:RuntimeWarning")
def test_clip_of_a_gradient_whose_norm_overflows(backend):
    """NaN, at which training stops; at 0 it would go on and learn nothing."""
    g = backend.asarray([0.5 * float(np.finfo(backend.dtype).max), 1.0])
    assert np.isnan(backend.to_numpy(clip_by_global_norm(g, 1.0, backend.xp))).all()


def test_training_clips(two_moons):
    X, Y = two_moons
    nets = [ann.Network([2, 3, 1], "squared_error", dtype="float64") for _ in range(2)]
    before = nets[0].theta.copy()
    for net, scale in zip(nets, (1.0, None), strict=True):
        ann.train(net, 100.0 * X, Y, epochs=1, batch_size=40, optimizer=ann.SGD(0.5),
                  clip_norm=scale)  # fmt: skip
    moved = [np.linalg.norm(net.theta - before) for net in nets]
    assert moved[0] == pytest.approx(0.5, rel=1e-14)
    assert moved[1] > 0.5


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ann.Momentum(momentum=1.0), r"momentum=1\.0: wanted a number at least 0\.0 and"),
        (lambda: ann.Adam(beta1=-0.1), r"beta1=-0\.1: wanted a number"),
        (lambda: ann.Adam(beta2=1.5), r"beta2=1\.5: wanted a number"),
        (lambda: ann.RMSprop(rho="much"), r"rho='much': wanted a number"),
        (lambda: ann.RMSprop(epsilon=-1.0), r"epsilon=-1\.0: wanted a number at least 0\.0\."),
        (lambda: ann.SGD(weight_decay=-1.0), r"weight_decay=-1\.0: wanted"),
        (lambda: ann.SGD(-0.1), r"learning_rate=-0\.1: wanted a number at least 0\.0 or a Sched"),
        (lambda: ann.SGD("fast"), r"learning_rate='fast': wanted"),
        (lambda: ann.SGD(math.nan), r"learning_rate=nan: wanted"),
        (lambda: get_optimizer("adamm"), r"Did you mean 'adam'"),
    ],
)
def test_messages(make, message):
    with pytest.raises(ann.InvalidArgument, match=message):
        make()
