"""Networks of every layer in the registry, on every backend; and what is said of single layers."""

import math
import pickle
from dataclasses import dataclass

import numpy as np
import pytest

import agnostic_nn as ann
from agnostic_nn import saving
from agnostic_nn.backends.base import Backend
from agnostic_nn.backends.numpy_calls import constant
from agnostic_nn.backends.on_jax import JAXBackend
from agnostic_nn.backends.on_numpy import NumPyBackend
from agnostic_nn.dropout import step_keys
from agnostic_nn.layers import (
    LAYERS,
    Activate,
    BatchNorm,
    Clip,
    Dense,
    Dropout,
    Embedding,
    EnsembleDense,
    Layer,
    LayerNorm,
    Mask,
    MemberDense,
    Members,
    NeuralTangentDense,
    Parameter,
    ParametricActivation,
    PeriodicEmbedding,
    PiecewiseLinearEmbedding,
    Residual,
    RMSNorm,
    Scale,
    Sequential,
)
from agnostic_nn.programs.enclosure import enclose, holds
from agnostic_nn.programs.steps import record_step, state_names
from agnostic_nn.step import TrainingStep
from agnostic_nn.training import resume

RANDOM = np.random.default_rng(5)
#: Eight examples of three numbers, of which the first is a category: 0, 1, 2, or one never seen.
X = np.concatenate([[[0], [1], [2], [3], [1], [0], [2], [1]], RANDOM.standard_normal((8, 2))], 1)

every_layer = pytest.mark.parametrize("name", LAYERS)


def network(name, times=2, **options):
    """The layer as the first and as the last, and in between, among dense ones."""
    layer = LAYERS[name].example()
    before = [Members(layer.k)] if hasattr(layer, "k") and layer.members == 1 else []
    more = [3, layer] * (times - 1)
    options = {"activation": "tanh", "dtype": "float64", "l2": 0.01, **options}
    net = ann.Network([3, *before, layer, *more], "squared_error", **options)
    random = np.random.default_rng(1)  # off what parameters begin at, zeros and ones
    theta = net.backend.to_numpy(net.theta) + 0.3 * random.standard_normal(net.theta.shape)
    net.theta = net.backend.asarray(theta, net.dtype)
    return net


def targets(net):
    return np.random.default_rng(2).standard_normal((8, net.objective.widths[-1]))


def trained(net, **options):
    rule = ann.Momentum(0.001)  # so slow that rounding stays what it is
    options = {"epochs": 1, "batch_size": 4, "optimizer": rule, "progress": False} | options
    ann.train(net, X, targets(net), **options)
    return net


def bits(net):
    return [net.backend.to_numpy(array).tobytes() for array in net.state]


@pytest.fixture
def compiled(monkeypatch):
    """Steps are recorded or compiled where the backend can, and never run as they stand."""

    plain = Backend.epoch

    def epoch(self, *args):
        assert not isinstance(self, (NumPyBackend, JAXBackend)), "the step runs as it stands"
        return plain(self, *args)

    monkeypatch.setattr(Backend, "epoch", epoch)


# In a network


@every_layer
def test_gradient_check(name):
    net = network(name, 3)
    assert ann.gradient_check(net, X, targets(net)) <= 1e-7
    assert ann.gradient_check(net, X, targets(net), step=2) <= 1e-7


@every_layer
@pytest.mark.usefixtures("compiled")
def test_a_step_is_the_one_written_down(name, backend):
    """Within bounds of the program that hold however a machine rounds and orders its sums."""
    dtype = backend.dtype
    net = network(name, dtype=dtype, backend=backend.backend)
    Y, rule = targets(net).astype(dtype), ann.SGD(0.5, weight_decay=0.25)
    before = [backend.to_numpy(array) for array in (net.theta, net.buffers)]
    before = before if net.objective.buffers else before[:1]
    step = TrainingStep(net.objective, rule)
    program = record_step(step, before, [3, Y.shape[1], None], 8, 2).program
    given = dict(zip(state_names(len(before)), before, strict=True))
    given |= {"X": X.astype(dtype), "Y": Y, "rates": np.asarray([0.5, 0.125], dtype)}
    given["key"] = step_keys(net.seed, 0, np.asarray([0], np.int32), np)[0]
    bounds = enclose(program, given, np.arange(before[0].size), np, constant)
    trained(net, batch_size=8, optimizer=rule, shuffle=False)
    cost = np.asarray(net.training.history["cost"][0])
    after = dict(zip(state_names(len(before)), map(backend.to_numpy, net.state), strict=True))
    for what, array in {**after, "cost": cost}.items():
        bound = bounds[what]
        assert holds(bound, array.reshape(bound.low.shape), np), what
        assert np.max(bound.high - bound.low) < 2**18 * np.finfo(dtype).eps, what


@every_layer
@pytest.mark.usefixtures("compiled")
def test_training_goes_on(name, backend, tmp_path):
    """Stopped and resumed, saved and loaded, moved there and back: to the same bits."""
    options = {"dtype": backend.dtype, "backend": backend.backend}
    whole = trained(network(name, **options), epochs=3)

    def stop(net, _):
        if net.training.epoch == 2:
            raise KeyboardInterrupt

    path, stopped = tmp_path / "checkpoint", network(name, **options)
    with pytest.raises(KeyboardInterrupt):
        trained(stopped, epochs=3, checkpoint=path, callbacks=[stop])
    resumed = resume(path, X, targets(whole), progress=False)
    assert bits(resumed) == bits(whole)

    saving.save(stopped, tmp_path / "model", training=True)
    loaded = saving.load(tmp_path / "model", backend=backend.backend, training=True)
    assert loaded.objective == stopped.objective
    assert bits(loaded) == bits(stopped)
    assert bits(trained(loaded)) == bits(whole)

    stopped.to("numpy").to(backend.backend)
    assert bits(trained(stopped)) == bits(whole)
    elsewhere = trained(trained(network(name, **options)).to("numpy"), epochs=2)
    unit = np.finfo(backend.dtype).eps  # six steps, each some hundred roundings
    for ours, theirs in zip(elsewhere.state, whole.state, strict=True):
        theirs = backend.to_numpy(theirs)
        bound = 2000 * unit * max(1.0, np.abs(theirs).max(initial=0.0))
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=bound)


@every_layer
def test_each_parameter_learns_at_its_rate_and_decays_if_it_does(name):
    net = network(name, l2=0.0)
    objective, theta, Y = net.objective, net.theta.copy(), targets(net)
    masks = objective.masks(step_keys(net.seed, 0, np.asarray([0], np.int32), np)[0], X, np)
    buffers = net.buffers if objective.buffers else None
    _, g, _ = objective.cost_and_gradient(theta, buffers, X.T, Y.T, masks=masks, xp=np)
    expected, start = [], 0
    for parameter in objective.parameters:
        W, dW = (x[start : start + parameter.size] for x in (theta, g))
        alpha = 0.5 * parameter.rate
        expected.append(W - alpha * 0.1 * parameter.decays * W - alpha * parameter.copies * dW)
        start += parameter.size
    trained(net, batch_size=8, shuffle=False, optimizer=ann.SGD(0.5, weight_decay=0.1))
    np.testing.assert_allclose(net.theta, np.concatenate(expected), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(
    ("layer", "decaying", "rates"),
    [
        (Dense(2), ["W"], {}),
        (BatchNorm(), [], {}),
        (Scale(0.5), [], {"s": 0.5}),
        (ParametricActivation("relu", 0.25), [], {"a": 0.25}),
        (NeuralTangentDense(2, bias_rate=0.5), ["W"], {"b": 0.5}),
        (EnsembleDense(2, 2), ["W", "r", "s"], {}),
        (PeriodicEmbedding(rate=0.5), ["w1", "b1", "W2", "b2"],
         {"w1": 0.5, "b1": 0.5, "W2": 0.5, "b2": 0.5}),
        (PiecewiseLinearEmbedding([[0.0, 1.0]]), ["W", "w"], {}),
    ],
)  # fmt: skip
def test_what_decays_and_how_fast_it_learns(layer, decaying, rates):
    parameters = layer.parameters(3)
    assert [parameter.name for parameter in parameters if parameter.decays] == decaying
    assert {each.name: each.rate for each in parameters if each.rate != 1.0} == rates


class TestBatchNorm:
    def test_running_moments(self, backend, close):
        """Those of each minibatch, the variance unbiased, replace a tenth of what was there."""
        net = ann.Network(
            [3, BatchNorm(), 2], "huber", dtype=backend.dtype, backend=backend.backend
        )
        mean, variance = np.zeros(3), np.ones(3)
        for _ in range(2):
            for rows in (X[:5], X[5:]):
                mean = 0.9 * mean + 0.1 * rows.mean(0)
                variance = 0.9 * variance + 0.1 * rows.var(0, ddof=1)
        trained(net, epochs=2, batch_size=5, shuffle=False)
        close(net.buffers, np.concatenate([mean, variance]), units=64)

    def test_a_prediction_does_not_depend_on_the_others(self):
        net = trained(ann.Network([3, BatchNorm(), 2], "huber", dtype="float64"))
        alone = np.concatenate([net.predict(row[None, :]) for row in X])
        np.testing.assert_allclose(net.predict(X), alone, rtol=1e-13)
        assert net.cost(X[:1], targets(net)[:1]) != net.cost(X, targets(net))

    def test_best_epoch_brings_its_moments_back(self, backend):
        net = ann.Network(
            [3, BatchNorm(), 2], "huber", dtype=backend.dtype, backend=backend.backend
        )
        kept = []

        def keep(net, history):
            kept.append((history["validation_cost"][-1], bits(net)[:2]))

        trained(net, epochs=12, optimizer=ann.SGD(2.0), validation=(X, -targets(net)), patience=3,
                callbacks=[keep])  # fmt: skip
        best = min(range(len(kept)), key=lambda i: kept[i][0])
        assert best < len(kept) - 1
        assert bits(net)[:2] == kept[best][1]
        assert len({tuple(each) for _, each in kept}) == len(kept)

    def test_one_example_in_a_batch(self):
        """Has no variance to learn from; a step leaves nothing infinite behind."""
        net = trained(ann.Network([3, BatchNorm(), 2], "huber", dtype="float64"), batch_size=7)
        assert np.isfinite(net.theta).all()
        assert np.isfinite(net.buffers).all()


@pytest.mark.parametrize("layer", [LayerNorm(), RMSNorm(), BatchNorm()], ids=repr)
@pytest.mark.parametrize("scale", [0.01, 1.0, 500.0])
def test_norms_in_float16(layer, scale, backend):
    """Whose squares end at 256."""
    if "float16" not in dir(backend.xp):
        pytest.skip("no float16")
    n, random = 5, np.random.default_rng(8)
    A_prev, dA = scale * random.standard_normal((n, 8)), random.standard_normal((n, 8))
    held = [np.full((n, 1), 1.5), np.full((n, 1), 0.25)][: len(layer.parameters(n))]
    held += [np.full((n, 1), 0.5 * scale) for _ in layer.buffers(n)]
    given = [backend.asarray(array, "float16") for array in (A_prev, dA, *held)]
    exact = [backend.to_numpy(array).astype("float64") for array in given]

    def everything(A_prev, dA, *p, xp):
        A, cache = layer.forward(A_prev, p, xp=xp)
        dA_prev, dp = layer.backward(dA, cache, xp=xp)
        predicted = layer.predict(A_prev, p, xp=xp)
        return A, dA_prev, *dp, predicted, *layer.remember(cache, xp=xp)

    found = everything(*given, xp=backend.xp)
    for got, wanted in zip(found, everything(*exact, xp=np), strict=True):
        assert got.dtype == given[0].dtype
        # a few roundings, in terms of the largest: small gradients are below what is normal
        np.testing.assert_allclose(
            backend.to_numpy(got).astype("float64"),
            wanted,
            rtol=0,
            atol=0.02 * np.abs(wanted).max(),
        )


@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning")
def test_a_running_moment_beyond_the_dtype_is_not_lost_silently():
    net = ann.Network([3, BatchNorm(), 2], "huber", dtype="float16")
    with pytest.warns(ann.TrainingWarning, match="not finite after epoch 1.*dtype='float32'"):
        ann.train(net, 1e4 * X, targets(net), progress=False)


class TestEnsembles:
    @pytest.fixture(params=[EnsembleDense, MemberDense])
    def kind(self, request):
        return request.param

    def ensemble(self, kind, backend="numpy", dtype="float64"):
        return ann.Network(
            [3, Members(3), kind(4, 3, "tanh"), Scale(), kind(2, 3)], "categorical_cross_entropy",
            dtype=dtype, backend=backend,
        )  # fmt: skip

    def alone(self, net, kind, j):
        """Member j as a network of dense layers."""
        first, (s,), last = net.parameters
        layers = []
        for parameters in (first, last):
            W, *others = (np.asarray(x) for x in parameters)
            if kind is EnsembleDense:
                r, s_own, b = (x[:, j : j + 1] for x in others)
                layers += [s_own * W * r.T, b]
            else:
                layers += [W[j], others[0][j]]
        layers[2] = layers[2] * s[:, 0]
        member = ann.Network([3, 4, 2], "categorical_cross_entropy", activation="tanh",
                             dtype="float64")  # fmt: skip
        member.theta = np.concatenate([x.ravel() for x in layers])
        return member

    def test_mean_of_the_members(self, kind):
        """Of what they predict, and of their costs, each as if it were alone."""
        net = self.ensemble(kind)
        net.theta = net.theta + 0.5 * RANDOM.standard_normal(net.theta.shape)
        members = [self.alone(net, kind, j) for j in range(3)]
        expected = [member.predict(X) for member in members]
        assert len({each.tobytes() for each in expected}) == 3
        np.testing.assert_allclose(net.predict(X), sum(expected) / 3, rtol=1e-12)
        Y, weight = np.eye(2)[[0, 1, 1, 0, 1, 0, 0, 1]], np.arange(1.0, 9.0)
        for weights in (None, weight):
            costs = [member.cost(X, Y, weights) for member in members]
            np.testing.assert_allclose(net.cost(X, Y, weights), sum(costs) / 3, rtol=1e-12)
        assert ann.gradient_check(net, X, Y, sample_weight=weight) <= 1e-7

    def test_a_step_moves_each_member_as_if_it_were_alone(self):
        """But by a third: the cost is the mean of three."""
        Y = np.eye(2)[[0, 1, 1, 0, 1, 0, 0, 1]]
        net = self.ensemble(MemberDense)
        net.theta = net.theta + 0.5 * RANDOM.standard_normal(net.theta.shape)
        members = [self.alone(net, MemberDense, j) for j in range(3)]
        options = {"batch_size": 8, "shuffle": False, "progress": False, "epochs": 1}
        ann.train(net, X, Y, optimizer=ann.SGD(0.3), **options)
        for j, member in enumerate(members):
            ann.train(member, X, Y, optimizer=ann.SGD(0.1), **options)
            np.testing.assert_allclose(net.parameters[0][0][j], member.parameters[0].W, rtol=1e-12)

    def test_on_every_backend(self, kind, backend, close):
        net = self.ensemble(kind, backend.backend, backend.dtype)
        plain = self.ensemble(kind)
        plain.theta = backend.to_numpy(net.theta).astype("float64")
        close(net.predict(backend.asarray(X)), plain.predict(backend.to_numpy(backend.asarray(X))),
              units=64)  # fmt: skip

    def test_k_that_does_not_fit(self, kind):
        name = r"k=2: wanted {}, as many as there are columns for one example; Members\(2\)"
        for widths, there in (
            ([3, kind(2, 2)], 1),
            ([3, Members(3), kind(2, 2)], 3),
            ([3, Members(2), Members(2), kind(2, 2)], 4),
            ([3, Members(3), Residual([Scale(), kind(3, 2)])], 3),
        ):
            with pytest.raises(ann.InvalidArgument, match=name.format(there)):
                ann.Network(widths, "huber")

    def test_no_members_inside_a_residual(self):
        with pytest.raises(ann.InvalidArgument, match="wanted Members before a Residual"):
            ann.Network([3, Residual([Members(2)]), 2], "huber")


def test_categories_never_seen_are_nothing(backend):
    """Neither a number that is no category, nor one between two of them."""
    net = ann.Network([2, Embedding({1: 3}, 2), 1], "huber", dtype=backend.dtype,
                      backend=backend.backend)  # fmt: skip
    codes = [0.0, 1.0, 2.0, 3.0, -1.0, 0.5, 1e30]
    answers = net.predict(np.asarray([[0.5, code] for code in codes]))[:, 0].tolist()
    assert len(set(answers)) == 4
    assert len(set(answers[3:])) == 1
    before = [backend.to_numpy(x).copy() for x in net.parameters[0]]
    ann.train(net, np.asarray([[0.5, 3.0]] * 4), np.ones(4), epochs=2, progress=False)
    assert all(map(np.array_equal, map(backend.to_numpy, net.parameters[0]), before))


def test_a_category_learns_alone():
    net = ann.Network([2, Embedding({1: 3}, 2), 1], "huber", dtype="float64")
    (before,) = (E.copy() for E in net.parameters[0])
    ann.train(net, np.asarray([[0.5, 1.0]] * 4), np.ones(4), epochs=2, progress=False)
    changed = (net.parameters[0][0] != before).any(axis=0)
    assert changed.tolist() == [False, True, False]


# What the layers refuse


def test_a_piecewise_linear_embedding_begins_as_a_line_and_bends_at_its_edges():
    layer = PiecewiseLinearEmbedding(np.asarray([[0.0, 1.0, 3.0], [0.0, 1.0, 2.0]]), length=4)
    net = ann.Network([3, layer, 2], "squared_error", dtype="float64")
    W, w, b = net.parameters[0]
    assert not W.any()
    for each in (w, b):  # uniform between -1/2 and 1/2
        assert 0.2 < np.abs(each).max() <= 0.5
    x = np.asarray([-2.0, 0.5, 1.0, 2.0, 3.0, 7.0])
    A_prev = np.stack([x, 0.0 * x, x])
    A = layer.predict(A_prev, (W, w, b), xp=np)
    np.testing.assert_allclose(A[:4], w[0][:, None] * x + b[0][:, None], rtol=1e-15)
    np.testing.assert_array_equal(A[8:], A_prev[2:])
    W = W.copy()
    W[0, 0, :] = [1.0, 10.0]
    bent = layer.predict(A_prev, (W, w, b), xp=np) - A
    np.testing.assert_allclose(bent[0], [-2.0, 0.5, 1.0, 6.0, 11.0, 31.0], rtol=1e-12)
    assert not bent[1:].any()


def test_the_edges_of_an_embedding_are_kept_in_a_file(tmp_path):
    edges = [[-0.1, 0.3], [1 / 3, 2 / 3, 1e30]]
    net = ann.Network([2, PiecewiseLinearEmbedding(edges, 3), 1], "huber")
    ann.save(net, tmp_path / "model.safetensors")
    (layer, _) = ann.load(tmp_path / "model.safetensors").objective.layers.layers
    assert layer.edges == tuple(map(tuple, edges))
    assert repr(layer) == "PiecewiseLinearEmbedding(<2 columns, up to 2 bins>, length=3)"


def test_features_that_belong_together_begin_alike():
    layer = EnsembleDense(4, 32, r="normal", runs=(1, 3, 2))
    net = ann.Network([6, Members(32), layer, MemberDense(1, 32)], "squared_error", dtype="float64")
    r = net.parameters[0][1]  # (n[l-1], k)
    apart = [not np.array_equal(r[i], r[i + 1]) for i in range(5)]
    assert apart == [True, False, False, True, False]
    assert len({*r[0].tolist()}) == 32  # the members differ
    spread = np.std(r[[0, 1, 4]])  # of 96 numbers from N(0, 1): three times 1 / sqrt(2 * 96)
    assert abs(spread - 1.0) < 0.22


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Activate("rleu"), "activation='rleu' is not known. Did you mean 'relu'?"),
        (lambda: BatchNorm(1.5), "momentum=1.5: wanted a number at least 0.0 and at most 1.0"),
        (lambda: BatchNorm(epsilon=-1.0), "epsilon=-1.0: wanted a number at least 0.0"),
        (lambda: Dense(0), "units=0: wanted a whole number at least 1"),
        (lambda: Dense(2.5), "units=2.5: wanted a whole number"),
        (lambda: Dense(2, "tnah"), "activation='tnah' is not known"),
        (lambda: Dense(2, initializer="he"), "initializer='he' is not known"),
        (lambda: Dropout(1.0), "rate=1.0: wanted a number at least 0.0 and at most 0.99996"),
        (lambda: Dropout(0.99999), "rate=0.99999: wanted a number"),
        (lambda: Embedding({}), "columns={}: wanted"),
        (lambda: Embedding(5), "columns=5: wanted the number of categories of each column"),
        (lambda: Embedding({-1: 2}), "columns=-1: wanted a whole number at least 0"),
        (lambda: Embedding({0: 0}), "categories=0: wanted a whole number at least 1"),
        (lambda: Embedding([(0, 2), (0, 3)]), "columns=[(0, 2), (0, 3)]: wanted different columns"),
        (lambda: Embedding({0: 2}, 0), "length=0: wanted a whole number at least 1"),
        (lambda: EnsembleDense(2, 0), "k=0: wanted a whole number at least 1"),
        (lambda: EnsembleDense(0, 2), "units=0: wanted a whole number at least 1"),
        (lambda: EnsembleDense(2, 2, "tnah"), "activation='tnah' is not known"),
        (lambda: EnsembleDense(2, 2, r="one"), "r='one' is not known. Did you mean 'ones'?"),
        (lambda: EnsembleDense(2, 2, s="sign"), "s='sign' is not known. Did you mean 'signs'?"),
        (lambda: EnsembleDense(2, 2, runs=(2, 0)), "runs=0: wanted a whole number at least 1"),
        (lambda: LayerNorm("a"), "epsilon='a': wanted a number at least 0.0"),
        (lambda: MemberDense(2, 1.5), "k=1.5: wanted a whole number at least 1"),
        (lambda: MemberDense(2, 2, initializer="he"), "initializer='he' is not known"),
        (lambda: Members(0), "k=0: wanted a whole number at least 1"),
        (lambda: NeuralTangentDense(0), "units=0: wanted"),
        (lambda: NeuralTangentDense(2, weights="ones"), "weights='ones' is not known"),
        (lambda: NeuralTangentDense(2, biases="ones"), "biases='ones' is not known"),
        (lambda: NeuralTangentDense(2, bias_rate=-1.0), "bias_rate=-1.0: wanted"),
        (lambda: ParametricActivation("tnah"), "function='tnah' is not known"),
        (lambda: ParametricActivation("relu", -0.5), "rate=-0.5: wanted a number at least 0.0"),
        (lambda: PeriodicEmbedding(0), "columns=0: wanted a whole number at least 1"),
        (lambda: PeriodicEmbedding(frequencies=0), "frequencies=0: wanted"),
        (lambda: PeriodicEmbedding(length=1), "length=1: wanted a whole number at least"),
        (lambda: PeriodicEmbedding(sigma=0.0), "sigma=0.0: wanted a number above 0.0"),
        (lambda: PeriodicEmbedding(rate=-1), "rate=-1: wanted a number at least 0.0"),
        (lambda: PiecewiseLinearEmbedding([]), "edges=[]: wanted those of at least one column"),
        (lambda: PiecewiseLinearEmbedding(5), "edges=5: wanted the edges of each column's bins"),
        (lambda: PiecewiseLinearEmbedding([["a"]]), "edges=[['a']]: wanted the edges of each"),
        (lambda: PiecewiseLinearEmbedding([[0.0, 1.0], [2.0]]), "edges[1]=[2.0]: wanted at least"),
        (lambda: PiecewiseLinearEmbedding([[0.0, 1.0, 1.0]]), "edges[0]=[0.0, 1.0, 1.0]: wanted"),
        (lambda: PiecewiseLinearEmbedding([[1.0, 0.0]]), "each larger than the one before it"),
        (lambda: PiecewiseLinearEmbedding([[0.0, math.nan]]), "two finite numbers"),
        (lambda: PiecewiseLinearEmbedding([[0.0, math.inf]]), "two finite numbers"),
        (lambda: PiecewiseLinearEmbedding([[0.0, 5e-324]]), "two finite numbers"),
        (lambda: PiecewiseLinearEmbedding([[0.0, 1.0]], 0), "length=0: wanted a whole number"),
        (lambda: RMSNorm(-1e-5), "epsilon=-1e-05: wanted a number at least 0.0"),
        (lambda: Residual(5), "layers=5: wanted a list of layers"),
        (lambda: Residual([5]), "layers holds 5: wanted layers alone"),
        (lambda: Scale(-1.0), "rate=-1.0: wanted a number at least 0.0"),
        (lambda: Sequential([Dense]), "wanted layers alone"),
        (
            lambda: ann.Network([3, Embedding({3: 2}), 1], "huber"),
            "columns: 3 is to be embedded, and there are 3 features, numbered from 0",
        ),
        (
            lambda: ann.Network([3, PeriodicEmbedding(4), 1], "huber"),
            "columns=4: wanted at most as many as there are features, 3",
        ),
        (
            lambda: ann.Network([3, Members(2), EnsembleDense(1, 2, runs=(2, 2))], "huber"),
            "runs=(2, 2): wanted as many as there are features, 3",
        ),
        (
            lambda: ann.Network([1, PiecewiseLinearEmbedding([[0.0, 1.0]] * 2), 1], "huber"),
            "edges are those of 2 columns: wanted at most as many as there are features, 1",
        ),
        (
            lambda: ann.Network([3, Dense(1, "tanh")], "huber", output="relu"),
            "output='relu': the last layer has an activation already, 'tanh': wanted one of",
        ),
        (lambda: ann.Network([Dense(3), 1], "huber"), "widths=Dense("),
    ],
)  # fmt: skip
def test_messages(make, message):
    with pytest.raises((ann.InvalidArgument, ann.InvalidType)) as refused:
        make()
    assert message in str(refused.value)
    assert str(refused.value).endswith((".", "ones", "zeros."))


# Layers of one's own


@dataclass(frozen=True)
class Shift(Layer):
    """A = A_prev + c, written by a user."""

    start: float = 0.5

    def parameters(self, n_prev):
        return [Parameter("c", (n_prev, 1), self.start)]

    def forward(self, A_prev, p, *, xp):
        return A_prev + p[0], None

    def backward(self, dA, cache, *, input_gradient=True, xp):
        return dA, (1 / dA.shape[1] * xp.sum(dA, axis=1, keepdims=True),)


class TestOnesOwn:
    @pytest.mark.usefixtures("compiled")
    def test_trains_and_is_saved_by_its_name(self, backend, tmp_path, monkeypatch):
        net = ann.Network([3, Shift(), 2], "huber", dtype=backend.dtype, backend=backend.backend)
        trained(net)
        with pytest.raises(ann.InvalidArgument, match=r"Shift has no name .* agnostic_nn\.LAYERS"):
            saving.save(net, tmp_path / "model")
        monkeypatch.setitem(LAYERS, "Shift", Shift)
        saving.save(net, tmp_path / "model")
        assert saving.load(tmp_path / "model").objective == net.objective
        monkeypatch.delitem(LAYERS, "Shift")
        with pytest.raises(ann.InvalidArgument, match="needs 'Shift', which is not registered"):
            saving.load(tmp_path / "model")

    def test_gradient_check(self):
        net = ann.Network([3, Shift(), 2], "huber", activation="tanh", dtype="float64")
        assert ann.gradient_check(net, X, targets(net)) <= 1e-7

    def test_a_mask_that_keeps_nothing(self):
        class Nothing(Shift):
            def masks(self, n_prev):
                return [Mask(n_prev, 1.0)]

        with pytest.raises(ann.InvalidArgument, match=r"^rate=1\.0: wanted a number"):
            ann.Network([3, Nothing(), 2], "huber")


# PyTorch's modules


def torch_modules(nn, widths=3):
    return {
        "BatchNorm": (BatchNorm(), nn.BatchNorm1d(widths)),
        "Dense": (Dense(2), nn.Linear(widths, 2)),
        "LayerNorm": (LayerNorm(), nn.LayerNorm(widths)),
        "RMSNorm": (RMSNorm(), nn.RMSNorm(widths, eps=1e-5)),
        "Embedding": (Embedding({0: 3}, 2), nn.Embedding(3, 2)),
        "Dropout": (Dropout(0.5), nn.Dropout(0.5)),
    }


@pytest.mark.parametrize(
    "name", ["BatchNorm", "Dense", "LayerNorm", "RMSNorm", "Embedding", "Dropout"]
)
def test_as_pytorch_has_it(name):
    """Values, gradients and running moments, in training and in prediction."""
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    layer, module = torch_modules(torch.nn)[name]
    module = module.double()
    rows = X.copy()
    rows[3, 0] = 0.0
    inputs = (
        torch.tensor(rows[:, 0]).long()
        if name == "Embedding"
        else torch.tensor(rows).requires_grad_()
    )
    A_prev = rows.T[:1] if name == "Embedding" else rows.T
    with torch.no_grad():
        for tensor in module.parameters():
            tensor.normal_()
    parameters = [tensor.detach().numpy() for tensor in module.parameters()]
    shapes = [parameter.shape for parameter in layer.parameters(len(A_prev))]
    if name == "Embedding":
        parameters = [parameters[0].T]
    buffers = [np.zeros((3, 1)), np.ones((3, 1))] if name == "BatchNorm" else []
    p = tuple(x.reshape(shape) for x, shape in zip(parameters, shapes, strict=True))

    if name == "Dropout":
        module.eval()  # its masks are drawn otherwise
    theirs = module(inputs)
    A, cache = layer.forward(A_prev, (*p, *buffers), xp=np)
    np.testing.assert_allclose(A.T, theirs.detach().numpy(), rtol=1e-12, atol=1e-12)

    dA = RANDOM.standard_normal(A.shape)
    (theirs * torch.tensor(dA.T)).sum().backward()
    dA_prev, dp = layer.backward(dA, cache, xp=np)
    if name != "Embedding":
        np.testing.assert_allclose(dA_prev.T, inputs.grad.numpy(), rtol=1e-10, atol=1e-12)
    for ours, tensor in zip(dp, module.parameters(), strict=True):  # ours is of the mean
        grad = tensor.grad.numpy()
        grad = grad.T if name == "Embedding" else grad.reshape(ours.shape)
        np.testing.assert_allclose(8 * ours, grad, rtol=1e-10, atol=1e-12)

    remembered = layer.remember(cache, xp=np)
    if name == "BatchNorm":
        for ours, running in zip(
            remembered, (module.running_mean, module.running_var), strict=True
        ):
            np.testing.assert_allclose(ours[:, 0], running.numpy(), rtol=1e-12)
    module.eval()
    with torch.no_grad():
        theirs = module(inputs).numpy()
    ours = layer.predict(A_prev, (*p, *remembered), xp=np)
    np.testing.assert_allclose(ours.T, theirs, rtol=1e-12, atol=1e-12)


@every_layer
def test_pickled(name):
    """As estimators are by those who copy them to other processes."""
    net = trained(network(name))
    again = pickle.loads(pickle.dumps(net))
    assert bits(again) == bits(net)
    assert again.objective == net.objective


@pytest.mark.parametrize(
    ("layer", "which"),
    [
        (Scale(rate=2.0, decay=3.0), "s"),
        (ParametricActivation("tanh", rate=2.0, decay=3.0), "a"),
        (PeriodicEmbedding(rate=2.0, decay=3.0), "w1"),
        (Embedding({0: 3}, decay=6.0), "E0"),
    ],
)
def test_how_strongly_a_layer_decays(layer, which):
    """Beside the weights, in a step without a gradient: by its own factor, and its rate's."""
    net = ann.Network([3, layer, 1], "squared_error", dtype="float64")
    names = [parameter.name for parameter in net.objective.parameters]
    parts = net.objective.unflatten(net.theta, net.objective.parameters, np)
    first, W = (np.array(parts[names.index(name)]) for name in (f"0.{which}", "1.W"))
    ann.train(net, X, net.predict(X), epochs=1, batch_size=8,
              optimizer=ann.SGD(0.01, weight_decay=0.5))  # fmt: skip
    parts = net.objective.unflatten(net.theta, net.objective.parameters, np)
    np.testing.assert_allclose(parts[names.index("1.W")], W * (1.0 - 0.005), rtol=1e-14)
    np.testing.assert_allclose(
        parts[names.index(f"0.{which}")], first * (1.0 - 6.0 * 0.005), rtol=1e-14
    )


def test_the_penalty_counts_by_how_strongly_it_decays():
    net = ann.Network([3, Scale(decay=3.0), 1], "squared_error", l2=0.5, dtype="float64")
    (s,), (W, _) = net.parameters
    expected = 0.25 * (3.0 * np.sum(s * s) + np.sum(W * W))
    assert float(net.objective.penalty(net.theta, np)) == pytest.approx(expected, rel=1e-15)
    assert ann.gradient_check(net, X, targets(net)) < 1e-7


def test_the_ends_of_a_clip():
    with pytest.raises(ann.InvalidArgument, match=r"^low=2\.0: wanted at most high=1\.0\.$"):
        Clip(2.0, 1.0)
