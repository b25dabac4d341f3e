"""A recorded step does what the step does, whatever people write; what cannot be recorded runs."""

import collections
import functools
import itertools
import os
import random
import types
from dataclasses import dataclass

import numpy as np
import pytest

import agnostic_nn as ann
from agnostic_nn.backends import numpy_calls, on_numpy, recorded
from agnostic_nn.backends.base import Backend

rng = np.random.default_rng(0)
X = rng.standard_normal((70, 5))
Y = rng.dirichlet(np.ones(3), 70)
WEIGHT = np.arange(1.0, 71.0)
LARGE = np.random.default_rng(1).standard_normal((512, 5)), rng.dirichlet(np.ones(3), 512)


def trained(
    *, plain=False, loss="categorical_cross_entropy", activation="tanh", data=(X, Y), widths=None,
    dtype="float64", net_options=None, **options,
):  # fmt: skip
    """Train with batches of 32, 32 and 6; `plain` by running every step as it stands."""
    with pytest.MonkeyPatch.context() as patch:
        if plain:
            patch.setattr(on_numpy.NumPyBackend, "epoch", Backend.epoch)
        net = ann.Network(
            widths or [data[0].shape[1], 16, 30, data[1].shape[1]],
            loss, activation=activation, dtype=dtype, **(net_options or {}),
        )  # fmt: skip
        ann.train(net, *data, **({"epochs": 2, "batch_size": 32, "progress": False} | options))
        return net


def assert_recorded(net):
    steps = net.compiled["steps"]
    assert steps._steps
    assert steps._refusal is None


def assert_same(**options):
    """The recorded step was used, and gives what the step as it stands gives."""
    replayed, plain = trained(**options), trained(plain=True, **options)
    assert_recorded(replayed)
    # sums are taken in another order: a few hundred roundings in six steps
    unit = np.finfo(plain.theta.dtype).eps
    bound = 1000 * unit * np.abs(plain.theta).max()
    np.testing.assert_allclose(replayed.theta, plain.theta, rtol=0, atol=bound)
    costs = [net.training.history["cost"] for net in (replayed, plain)]
    np.testing.assert_allclose(*costs, rtol=1000 * unit)


def assert_runs_as_it_stands(reason, **options):
    """A warning says why, once, and the numbers are those of the step itself."""
    with pytest.warns(ann.RecordingWarning, match=reason) as caught:
        own = trained(**options)
    assert len(caught) == 1
    plain = trained(plain=True, **options)
    assert np.array_equal(own.theta, plain.theta)


EVERYTHING = {
    "sample_weight": WEIGHT, "clip_norm": 1.0, "net_options": {"dropout": 0.2, "l2": 1e-3},
    "widths": [5, 64, 300, 3],
}  # fmt: skip


class TestWhatIsBuiltIn:
    """None of it runs as it stands: a warning is an error in this suite."""

    @pytest.fixture(params=["whole", "blocks"], autouse=True)
    def blocks(self, request, monkeypatch):
        """As it is, and with every elementwise call cut into blocks."""
        if request.param == "blocks":
            monkeypatch.setattr(numpy_calls, "BLOCK", 64)

    @pytest.mark.parametrize("activation", sorted(set(ann.ACTIVATIONS) - {"exponential"}))
    def test_every_activation(self, activation):
        assert_same(activation=activation, **EVERYTHING)

    @pytest.mark.parametrize("loss", ann.LOSSES)
    def test_every_loss(self, loss):
        assert_same(loss=loss, **EVERYTHING)

    @pytest.mark.parametrize("optimizer", ann.OPTIMIZERS)
    def test_every_optimizer(self, optimizer):
        assert_same(optimizer=optimizer, **EVERYTHING)

    @pytest.mark.filterwarnings("ignore::agnostic_nn.TrainingWarning")  # some pairs diverge
    @pytest.mark.parametrize("output", ann.ACTIVATIONS)
    @pytest.mark.parametrize("loss", ann.LOSSES)
    def test_every_loss_of_every_output(self, loss, output):
        net = trained(loss=loss, net_options={"output": output}, optimizer="sgd", epochs=1)
        assert_recorded(net)

    @pytest.mark.parametrize("shuffle", [True, False])
    def test_rows_in_order_and_shuffled(self, shuffle):
        assert_same(shuffle=shuffle)

    @pytest.mark.parametrize("dtype", ["float32", "float16"])
    def test_narrow_dtypes(self, dtype):
        assert_recorded(trained(dtype=dtype, optimizer="sgd", epochs=1))


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


# Optimizers of one's own


class ReturnsWhatWas(ann.Optimizer):
    """Momentum that remembers theta itself."""

    slots = 1

    def initial_state(self, theta, xp):
        return (xp.asarray(theta, copy=True),)

    def update(self, theta, g, state, rate, xp):
        (before,) = state
        return theta - rate * g + 0.9 * (theta - before), (theta,)


class ReturnsOneTwice(ann.Optimizer):
    slots = 2

    def update(self, theta, g, state, rate, xp):
        first, _ = state
        return theta - rate * (g + 0.5 * first), (g, g)


class Swaps(ann.Optimizer):
    slots = 2

    def update(self, theta, g, state, rate, xp):
        first, second = state
        return theta - rate * (g + first), (second + g, first)


class ReadsAfterwards(ann.Optimizer):
    slots = 1

    def update(self, theta, g, state, rate, xp):
        (m,) = state
        twice = 2.0 * theta
        theta -= rate * g
        m += twice - theta
        return theta - 0.01 * m, (m,)


class KeepsThePart(ann.Optimizer):
    """Reads parts of the gradient after the whole was changed in place."""

    def update(self, theta, g, state, rate, xp):
        parts = xp.concat([g[7:], g[:7]], axis=-1)
        scaled = g * 1.0
        scaled *= 3.0
        return theta - rate * (scaled + parts), ()


class CountsInWholeNumbers(ann.Optimizer):
    """How often each gradient was positive."""

    slots = 1

    def initial_state(self, theta, xp):
        return (xp.zeros(theta.shape, dtype=xp.int32),)

    def update(self, theta, g, state, rate, xp):
        t = state[0] + xp.astype(g > 0.0, xp.int32)
        return theta - rate * g / (1.0 + xp.astype(t, theta.dtype)), (t,)


@pytest.mark.parametrize("optimizer", [
    ReturnsWhatWas, ReturnsOneTwice, Swaps, ReadsAfterwards, KeepsThePart, CountsInWholeNumbers,
])  # fmt: skip
@pytest.mark.parametrize("block", [64, 2**16])
def test_optimizers_of_ones_own(optimizer, block, monkeypatch):
    monkeypatch.setattr(numpy_calls, "BLOCK", block)
    assert_same(optimizer=optimizer(0.01), widths=[5, 64, 64, 3])


def test_views_that_are_read_after_what_they_see_has_changed():
    class Stale(ann.Optimizer):
        def update(self, theta, g, state, rate, xp):
            first = theta[:4]
            theta -= rate * g
            return xp.concat([first, theta[4:]]), ()

    assert_runs_as_it_stands("changed through another name", optimizer=Stale(0.1))


def test_operators_in_place_on_views():
    class WritesToAView(ann.Optimizer):
        def update(self, theta, g, state, rate, xp):
            row = xp.reshape(theta, (1, -1))
            row -= rate * g
            return theta, ()

    assert_runs_as_it_stands("in place on a view", optimizer=WritesToAView(0.1))


# Losses and activations of one's own


def own(name, function, derivative=None, **options):
    return ann.Activation(
        name, function, derivative or (lambda Z, *, xp: xp.ones_like(Z)), **options
    )


def loss_of(function):
    return ann.Loss("own", function, lambda A, Y, **_: A - Y, "identity")


def ranking(A, Y, *, xp):
    """Every example against every other: (m, m)."""
    E = xp.sum(A - Y, axis=0, keepdims=True)
    D = xp.tanh(E - E.T)
    return (A - Y) + xp.sum(xp.maximum(D - D.T, 0.0), axis=0, keepdims=True) / A.shape[1]


def flipped(A, Y, *, xp):
    E = xp.exp(-xp.abs(xp.sum(A, axis=0, keepdims=True) - xp.sum(Y, axis=0, keepdims=True).T))
    E = E * E[-1:, :] + xp.flip(E, axis=0) + E[::-1, ::-1]
    return (A - Y) + xp.sum(E, axis=0, keepdims=True) / A.shape[1] ** 2


def row_from_all(A, Y, *, xp):
    B = xp.tanh(xp.sum(A, axis=0, keepdims=True) + xp.sum(Y, axis=0, keepdims=True).T)
    B -= B[:1]
    B *= B[:, :1]
    return (A - Y) ** 2 + xp.sum(B * B, axis=0, keepdims=True) / A.shape[1]


@pytest.mark.parametrize("function", [ranking, flipped, row_from_all])
def test_blocks_see_what_is_read_in_another_layout(function):
    """With 512 examples (m, m) goes through the cache block by block."""
    cost = loss_of(function)
    assert_same(loss=cost, data=LARGE, batch_size=512, optimizer="sgd", epochs=3)


def whole_numbers(Z, *, xp):
    t = xp.astype(Z > 0.0, xp.int32) + 2
    return Z * xp.astype(0.9**t, Z.dtype) + 0.5 * xp.sum(xp.astype(Z > 0.0, Z.dtype))


def yes_and_no(Z, *, xp):
    return Z * xp.astype(0.1 + 0.9 * (Z > 0.0), Z.dtype)


def tiny(Z, *, xp):
    return Z * xp.astype(xp.astype(Z, xp.float64) * 0.0 + np.finfo(float).tiny * 1e300, Z.dtype)


def signed_zeros(Z, *, xp):
    zero = xp.zeros_like(Z)
    return Z + xp.copysign(1.0 + zero, zero * 0.0) + xp.copysign(1.0 + zero, zero * -0.0 + -0.0)


def named_axes(Z, *, xp):
    both = xp.concat([Z, 2.0 * Z], axis=-1)
    return xp.sort(both, axis=-1)[:, : Z.shape[1]] + xp.mean(both, axis=-1, keepdims=True)


def other_views(Z, *, xp):
    thick = xp.expand_dims(xp.permute_dims(Z, (1, 0)), axis=0)
    return xp.squeeze(xp.reshape(thick * 2.0, (1, *Z.T.shape)), axis=0).T


def takes_no_namespace(Z, *, xp):
    return ann.sigmoid(Z)


FUNCTIONS = [
    takes_no_namespace,
    whole_numbers,
    yes_and_no,
    tiny,
    signed_zeros,
    named_axes,
    other_views,
]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("function", FUNCTIONS)
def test_functions_of_ones_own(function, dtype):
    assert_same(activation=own("own", function), dtype=dtype, optimizer="sgd")


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
    return np.maximum(Z, 0.0)


def calls_numpy_by_name_too(Z, *, xp):
    return np.where(np.isnan(Z), 0.0, Z)


def has_a_shape_of_its_values(Z, *, xp):
    return Z + float(xp.unique_values(xp.sign(Z)).shape[0])


def has_two_outputs(Z, *, xp):
    return np.modf(Z)[0]


def writes_to_a_part(Z, *, xp):
    A = Z * 1.0
    A[0, :] = 0.0
    return A


def goes_over_rows(Z, *, xp):
    return xp.stack([2.0 * row for row in Z])


def asks_which_library(Z, *, xp):
    return 2.0 * Z if "numpy" in xp.__name__ else Z


def asks_for_more_than_there_is(Z, *, xp):
    return xp.spence(Z) if hasattr(xp, "spence") else Z * 2.0


def gives_up_quietly(Z, *, xp):
    try:
        return np.maximum(Z, 0.0)
    except Exception:
        return xp.zeros_like(Z)


def sorts_everything(Z, *, xp):
    return Z + np.sort(Z, axis=None)[0]


NOT_RECORDABLE = [
    (looks_at_values, "depends on an array's values"),
    (uses_methods, r"\.clip, which arrays of the standard do not have"),
    (writes_to_its_own_array, "such as np.exp"),
    (calls_numpy_by_name, "such as np.exp"),
    (calls_numpy_by_name_too, "such as np.exp"),
    (has_a_shape_of_its_values, r"xp\.unique_values, which cannot be written down"),
    (has_two_outputs, "such as np.exp"),
    (writes_to_a_part, "a part of an array that is written to"),
    (goes_over_rows, "depends on an array's values"),
    (asks_which_library, "the first minibatch"),
    (asks_for_more_than_there_is, "xp.spence"),
    (gives_up_quietly, "the first minibatch"),
    (sorts_everything, "such as np.exp"),
]


@pytest.mark.parametrize(("function", "reason"), NOT_RECORDABLE)
def test_what_cannot_be_recorded_runs_as_it_stands(function, reason):
    assert_runs_as_it_stands(reason, activation=own("own", function), optimizer="sgd")


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (looks_at_values, "ConcretizationTypeError|TracerBool"),
        (lambda Z, *, xp: Z * xp.asarray(np.maximum(np.asarray(Z), 0.5)), "TracerArrayConversion"),
        (lambda Z, *, xp: Z + 0.01 * xp.mean(Z[Z > 0.0]), "NonConcreteBooleanIndex"),
    ],
)
def test_what_jax_cannot_compile_runs_as_it_stands(function, reason):
    pytest.importorskip("jax", reason="jax is not installed")
    jax = ann.get_backend("jax")

    def run():
        net = ann.Network([5, 4, 3], "squared_error", activation=own("own", function), backend=jax)
        ann.train(net, X, Y, epochs=2, batch_size=35, optimizer="sgd")
        return jax.to_numpy(net.theta)

    with pytest.warns(ann.RecordingWarning, match=reason) as caught:
        got = run()
    assert len(caught) == 1
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(jax), "epoch", Backend.epoch)
        assert np.array_equal(got, run())


def test_an_error_of_the_users_function_is_the_users_to_see():
    def broken(Z, *, xp):
        raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine"):
        trained(activation=ann.Activation("b", broken, broken))


def test_a_state_in_another_dtype_is_not_cast_without_a_word():
    class Widens(ann.Optimizer):
        def update(self, theta, g, state, rate, xp):
            return xp.astype(theta, xp.float64) - 0.1 * xp.astype(g, xp.float64), ()

    with pytest.warns(ann.RecordingWarning, match="comes out of the step as float64"):
        net = trained(optimizer=Widens(), dtype="float32")
    assert net.theta.dtype == np.float64


# What functions read besides what they are given


def test_a_plain_array_is_read_as_it_was_at_that_moment():
    class Counts(ann.Optimizer):
        def update(self, theta, g, state, rate, xp):
            scale = np.ones(1)
            first = g * scale
            scale[0] = 5.0
            return theta - rate * (first + 0.0 * scale), ()

    assert_same(optimizer=Counts(0.01))


def test_a_plain_array_that_changes_between_epochs():
    scale = np.ones((3, 1))

    def scaled(A, Y, *, xp):
        return scale * (A - Y)

    def callback(net, history):
        scale[...] *= 2.0

    def run(plain):
        scale[...] = 1.0
        loss = ann.Loss("own", lambda A, Y, **_: A - Y, scaled, "identity")
        return trained(plain=plain, loss=loss, callbacks=[callback], epochs=3, optimizer="sgd")

    replayed = run(False)
    assert_recorded(replayed)
    np.testing.assert_allclose(replayed.theta, run(True).theta, atol=1e-12)


@dataclass(eq=False)
class Softened:
    temperature: float = 4.0

    def __call__(self, Z, *, xp):
        return xp.tanh(Z / self.temperature)


def test_an_attribute_that_changes_between_epochs(backend):
    """A temperature that a callback lowers, on every backend."""

    def run(lowers):
        soft = Softened()

        def lower(net, history):
            soft.temperature *= lowers

        net = ann.Network(
            [5, 4, 3], "squared_error", backend=backend.of, dtype=backend.dtype,
            activation=own("soft", soft),
        )  # fmt: skip
        ann.train(net, X, Y, epochs=3, optimizer="sgd", callbacks=[lower])
        return backend.to_numpy(net.theta), soft.temperature

    (changed, temperature), (same, _) = run(0.5), run(1.0)
    assert temperature == 0.5
    assert not np.allclose(changed, same, atol=1e-4)

    def by_hand(temperatures):
        net = None
        for t in temperatures:
            g, before = own("soft", functools.partial(soft_at, t)), net
            net = ann.Network(
                [5, 4, 3], "squared_error", backend=backend.of, dtype=backend.dtype, activation=g
            )
            if before is not None:
                net.theta, net.training = before.theta, before.training
            ann.train(net, X, Y, epochs=1, optimizer="sgd")
        return backend.to_numpy(net.theta)

    np.testing.assert_allclose(changed, by_hand([4.0, 2.0, 1.0]), atol=100 * backend.unit_roundoff)


def soft_at(t, Z, *, xp):
    return xp.tanh(Z / t)


SLOPE = 1.0


class Slope:
    """A slope that is read as an attribute of the class, in a method."""

    __slots__ = ("own",)
    shared = 1.0

    def __init__(self):
        self.own = 1.0

    @property
    def of_the_module(self):
        return SLOPE

    def by(self, what):
        return getattr(self, what)


class Sloping(ann.layers.Layer):
    def forward(self, A_prev, p, *, xp):
        return A_prev * SLOPE, None

    def backward(self, dA, cache, *, input_gradient=True, xp):
        return dA * SLOPE, ()


class SlopingSGD(ann.Optimizer):
    def update(self, theta, g, state, rate, xp):
        return theta - rate * SLOPE * g, ()


def read_somewhere(where):
    """Return a network, an optimizer, and how to change the slope that one of them reads."""
    slope, module, queue = Slope(), types.ModuleType("module"), collections.deque([1.0])
    module.slope, single, many = 1.0, np.ones(()), np.ones(2**20)
    functions = {
        "module": lambda Z, **_: Z * module.slope,
        "class": lambda Z, **_: Z * Slope.shared,
        "slots": lambda Z, **_: Z * slope.by("own"),
        "property": lambda Z, **_: Z * slope.by("of_the_module"),
        "deque": lambda Z, **_: Z * queue[0],
        "array of one": lambda Z, **_: Z * float(single),
        "array of many": lambda Z, **_: Z * float(many[-1]),
    }
    changes = {
        "module": lambda to: setattr(module, "slope", to),
        "class": lambda to: setattr(Slope, "shared", to),
        "slots": lambda to: setattr(slope, "own", to),
        "deque": lambda to: queue.__setitem__(0, to),
        "array of one": lambda to: single.fill(to),
        "array of many": lambda to: many.fill(to),
    }
    inside = Sloping() if where == "layer" else 4
    g = own("sloping", functions.get(where, lambda Z, **_: Z))
    optimizer = SlopingSGD(0.01) if where == "optimizer" else "sgd"
    change = changes.get(where, lambda to: globals().__setitem__("SLOPE", to))
    return [5, inside, 3], g, optimizer, change


@pytest.fixture
def writing(request):
    """A backend that writes a step down: a program, or what JAX compiles."""
    pytest.importorskip(request.param, reason=f"{request.param} is not installed")
    return ann.get_backend(request.param)


@pytest.mark.parametrize(("where", "writing"), [
    *((where, "numpy") for where in ("module", "class", "slots", "property", "deque",
                                     "array of one", "array of many", "layer", "optimizer")),
    ("module", "jax"), ("layer", "jax"),
], indirect=["writing"])  # fmt: skip
def test_wherever_something_is_read_that_changes_between_epochs(where, writing):
    widths, g, optimizer, change = read_somewhere(where)

    def run():
        net = ann.Network(widths, "squared_error", activation=g, backend=writing)
        for slope in (1.0, 0.5):
            change(slope)
            ann.train(net, X, Y, epochs=1, batch_size=35, optimizer=optimizer)
        change(1.0)
        return writing.to_numpy(net.theta)

    got = run()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(writing), "epoch", Backend.epoch)
        expected = run()
    np.testing.assert_allclose(got, expected, atol=100 * np.finfo(np.float32).eps)


@pytest.mark.parametrize(("kind", "writing"), [
    *((kind, "numpy") for kind in ("array", "generator", "old generator", "Python's", "iterator")),
    ("array", "jax"), ("iterator", "jax"),
], indirect=["writing"])  # fmt: skip
def test_a_memory_or_chance_is_where_it_would_be_without_the_attempt(kind, writing):
    """The step runs as it stands, to the same numbers as if nobody had tried."""

    def run():
        calls, numbers = np.zeros(1), itertools.count(1)
        new, old, plain = np.random.default_rng(1), np.random.RandomState(1), random.Random(1)

        def next_number():
            calls[0] += 1.0
            return float(calls[0])

        draw = {
            "array": next_number, "generator": new.random, "old generator": old.rand,
            "Python's": plain.random, "iterator": lambda: next(numbers),
        }[kind]  # fmt: skip
        net = ann.Network(
            [5, 4, 3], "squared_error", backend=writing,
            activation=own("moving", lambda Z, **_: Z * (1.0 + 0.1 * draw())),
        )  # fmt: skip
        ann.train(net, X, Y, epochs=2, batch_size=35, optimizer="sgd")
        return writing.to_numpy(net.theta)

    reason = "goes on with a thing of type" if kind == "iterator" else "something of its own"
    with pytest.warns(ann.RecordingWarning, match=reason) as caught:
        got = run()
    assert len(caught) == 1
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(writing), "epoch", Backend.epoch)
        assert np.array_equal(got, run())


@pytest.mark.parametrize("writing", ["numpy", "jax"], indirect=True)
def test_a_network_that_is_read_in_its_own_step(writing):
    """Its epoch changes between epochs, and its predictions in every step."""
    nets = []

    def run():
        def annealed(Z, **_):
            training = nets[-1].training
            return Z * (0.5**training.epoch)

        nets.append(
            ann.Network(
                [5, 4, 3], "squared_error", backend=writing,
                activation=own("annealed", annealed),
            )
        )  # fmt: skip
        ann.train(nets[-1], X, Y, epochs=3, batch_size=35, optimizer="sgd")
        return writing.to_numpy(nets[-1].theta)

    with pytest.warns(ann.RecordingWarning, match="a function that reads a network"):
        got = run()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(writing), "epoch", Backend.epoch)
        assert np.array_equal(got, run())


def test_a_global_and_a_variable_that_change_between_epochs(monkeypatch):
    bend = 1.0

    def bent(Z, *, xp):
        return Z * SLOPE + bend

    def callback(net, history):
        nonlocal bend
        bend *= 2.0
        monkeypatch.setitem(globals(), "SLOPE", SLOPE * 1.5)

    def run(plain):
        nonlocal bend
        bend = 1.0
        monkeypatch.setitem(globals(), "SLOPE", 1.0)
        options = {"callbacks": [callback], "epochs": 3, "optimizer": "sgd"}
        return trained(plain=plain, activation=own("bent", bent), **options)

    replayed = run(False)
    assert_recorded(replayed)
    np.testing.assert_allclose(replayed.theta, run(True).theta, atol=1e-10)


class RunningMean:
    """Keeps what it saw, as an array."""

    def __init__(self):
        self.mean = 0.0

    def __call__(self, Z, *, xp):
        self.mean = 0.9 * self.mean + 0.1 * xp.mean(Z)
        return Z - self.mean


def test_a_function_with_a_memory_runs_as_it_stands_and_keeps_no_recorded_array():
    g = RunningMean()
    with pytest.warns(ann.RecordingWarning, match="keeps an array|keeps something of its own"):
        net = trained(activation=own("running", g))
    assert isinstance(g.mean, np.floating)
    assert isinstance(net.predict(X), np.ndarray)


def test_a_function_that_keeps_arrays_out_of_sight():
    class Hides:
        __slots__ = ("kept",)

        def __call__(self, Z, *, xp):
            self.kept = Z
            return Z * 2.0

    assert_runs_as_it_stands("keeps an array beyond the step", activation=own("hides", Hides()))


class Counts:
    def __init__(self):
        self.calls = 0

    def __call__(self, Z, *, xp):
        self.calls += 1
        return Z * (1.0 + 0.1 * self.calls)


def test_a_function_that_counts_is_not_advanced_by_the_attempt():
    with pytest.warns(ann.RecordingWarning, match="calls of a Counts"):
        own_net = trained(activation=own("counts", Counts()), epochs=1)
    plain = trained(plain=True, activation=own("counts", Counts()), epochs=1)
    assert np.array_equal(own_net.theta, plain.theta)


def test_noise_is_found_by_comparing():
    def noisy(Z, *, xp):
        return Z + float(int.from_bytes(os.urandom(2)))

    with pytest.warns(ann.RecordingWarning, match="on the first minibatch"):
        trained(activation=own("noisy", noisy))


def test_what_is_not_to_be_recorded_is_called_in_every_step(backend):
    """It has chance of its own, and says so: nobody warns, and no backend writes it down."""
    calls = []

    def noisy(Z, *, xp):
        calls.append(len(calls))
        return Z + 0.01 * len(calls)

    net = ann.Network(
        [5, 4, 3], "squared_error", backend=backend.of, dtype=backend.dtype,
        activation=own("noisy", noisy, recordable=False),
    )  # fmt: skip
    ann.train(net, X, Y, epochs=3, batch_size=35, optimizer="sgd")
    assert len(calls) == 6


def test_parameters_read_behind_the_steps_back():
    net = ann.Network([5, 4, 3], "squared_error", dtype="float64")
    theta = net.theta

    def drawn_to(A, Y, *, xp):
        return (A - Y) * theta[0]

    loss = ann.Loss("own", lambda A, Y, **_: A - Y, drawn_to, "identity")
    net.objective = ann.Network([5, 4, 3], loss).objective
    with pytest.warns(ann.RecordingWarning, match="behind the step's back"):
        ann.train(net, X, Y, epochs=1)


# What is kept


def test_programs_are_kept_for_the_present_parameters_alone():
    """A callback that puts an average of the weights in place of them."""

    def average(net, history):
        net.theta = 0.5 * net.theta

    net = trained(callbacks=[average], epochs=5)
    assert set(net.compiled) <= {"said"}  # the last ones are gone with their parameters
    net = trained(
        callbacks=[lambda net, _: average(net, _) if net.training.epoch < 5 else None], epochs=5
    )
    assert len(net.compiled["steps"]._steps) == 2  # the whole batches and the last
    assert set(net.compiled) <= {"steps", "said"}


def test_training_again_uses_what_was_recorded():
    net = trained(epochs=1)
    before = net.compiled["steps"]
    ann.train(net, X, Y, epochs=1, batch_size=32)
    assert net.compiled["steps"] is before


def test_settings_that_an_optimizer_does_not_compare():
    class Scaled(ann.Optimizer):
        def __init__(self, scale):
            super().__init__(0.1)
            object.__setattr__(self, "scale", scale)

        def update(self, theta, g, state, rate, xp):
            return theta - self.scale * rate * g, ()

    net = trained(optimizer=Scaled(0.0), epochs=1)
    before = net.theta.copy()
    net.training.optimizer = Scaled(1.0)
    ann.train(net, X, Y, epochs=1)
    assert not np.array_equal(net.theta, before)


# The guard


@pytest.mark.parametrize("wrong", ["state", "cost", "error"])
def test_a_replay_that_is_wrong_is_not_trusted(wrong, monkeypatch):
    real = recorded.RecordedStep.__call__

    def broken(self, epoch, i):
        real(self, epoch, i)
        if wrong == "error":
            raise MemoryError("mine")
        target = self.cost if wrong == "cost" else self._state[0]
        target[...] *= 1.0 + 1e-4

    monkeypatch.setattr(recorded.RecordedStep, "__call__", broken)
    reason = "its replay fails: MemoryError: mine" if wrong == "error" else "its replay gives"
    assert_runs_as_it_stands(reason)


def test_a_record_that_numpy_refuses(monkeypatch):
    def refuse(self, program, arguments):
        raise ValueError("mine")

    monkeypatch.setattr(numpy_calls.NumPyCalls, "__init__", refuse)
    assert_runs_as_it_stands("NumPy refuses its record: ValueError: mine")


def test_a_record_without_bounds_is_not_trusted(monkeypatch):
    def refuse(*_):
        raise ValueError("mine")

    monkeypatch.setattr(recorded, "enclose", refuse)
    assert_runs_as_it_stands("its bounds are not to be had: ValueError: mine")


def test_a_record_that_is_wrong_is_not_trusted(monkeypatch):
    """The step as it stands does something else when it is not recorded."""

    def changes(Z, *, xp):
        return Z * (1.001 if type(Z) is np.ndarray else 1.0)

    assert_runs_as_it_stands("the step as it stands gives", activation=own("changes", changes))


def test_comparing_changes_nothing():
    net = trained(epochs=0)
    ann.train(net, X, Y, epochs=1, batch_size=32)
    steps = net.compiled["steps"]
    (whole, _) = steps._steps.values()
    before = [array.copy() for array in (net.theta, *net.training.state)]
    order, keys = np.arange(70), np.zeros((3, 2), np.int32)
    epoch = recorded.Epoch((X, Y, None), order, 32, [(0.1, 0.0)] * 3, keys)
    whole.compare(steps._step, epoch, 0)
    for old, new in zip(before, (net.theta, *net.training.state), strict=True):
        assert np.array_equal(old, new)
