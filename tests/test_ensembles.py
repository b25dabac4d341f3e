"""Networks side by side: each learns as it would alone, and the mean of all is one network."""

from dataclasses import dataclass, replace
from types import SimpleNamespace

import numpy as np
import pytest

import agnostic_nn as ann
from agnostic_nn import saving
from agnostic_nn.batched import Batching
from agnostic_nn.dropout import step_keys
from agnostic_nn.layers import (
    LAYERS,
    BatchNorm,
    Clip,
    Dense,
    Dropout,
    Embedding,
    Ensemble,
    Layer,
    MemberDense,
    Members,
    NeuralTangentDense,
    ParametricActivation,
    PeriodicEmbedding,
    Residual,
    Scale,
)
from agnostic_nn.parity.layer_cases import FEATURES, inputs
from agnostic_nn.testing import assert_gradients

RANDOM = np.random.default_rng(7)
X = np.concatenate([RANDOM.integers(0, 3, (40, 1)), RANDOM.standard_normal((40, 3))], axis=1)
LABELS = RANDOM.integers(0, 3, 40)
Y = np.eye(3)[LABELS]

#: All that the recipes for tables are made of, and layers that remember.
EVERYTHING = (
    Embedding({0: 3}, 2, decay=1.0),
    PeriodicEmbedding(2, 3, 2, rate=0.1, decay=0.1),
    Scale(rate=6.0, decay=6.0),
    NeuralTangentDense(6, bias_rate=0.1),
    ParametricActivation("selu", rate=0.1, decay=0.1),
    BatchNorm(),
    Residual((Dense(6, "mish"),)),
    NeuralTangentDense(3),
    Clip(-30.0, 30.0),
)


def networks(*layers, k=3, loss="categorical_cross_entropy", dtype="float64", **options):
    return [ann.Network([4, *layers], loss, seed=seed, dtype=dtype, **options) for seed in range(k)]


def trained(net, Y=Y, **options):
    given = {"epochs": 3, "batch_size": 16, "shuffle": False, "progress": False} | options
    ann.train(net, X, Y, **given)
    return net


# They learn as they would alone


def test_each_learns_as_it_would_alone(backend, close):
    """With an epsilon that a gradient is felt beside, were it a third of what it is alone."""
    options = {"dtype": backend.dtype, "backend": backend.backend, "l2": 0.05}
    rule = ann.Adam(0.01, beta2=0.95, epsilon=0.1, weight_decay=ann.FlatCosine(0.02))
    how = {"optimizer": rule, "sample_weight": np.arange(1.0, 41.0)}
    alone = networks(*EVERYTHING, **options)
    together = trained(ann.side_by_side(alone), **how)
    for net, member in zip(alone, ann.members_of(together), strict=True):
        trained(net, **how)
        for ours, theirs in ((member.theta, net.theta), (member.buffers, net.buffers)):
            close(ours, backend.to_numpy(theirs), units=2000)
    costs = [net.training.history["cost"] for net in alone]
    np.testing.assert_allclose(
        together.training.history["cost"],
        np.mean(costs, axis=0),
        rtol=200 * backend.unit_roundoff,
    )


@pytest.mark.parametrize("name", ann.OPTIMIZERS)
def test_with_every_optimizer(name):
    rule = ann.OPTIMIZERS[name](0.01)
    if hasattr(rule, "epsilon"):
        rule = replace(rule, epsilon=0.1)
    alone = networks(Dense(5, "tanh"), Dense(3))
    together = trained(ann.side_by_side(alone), optimizer=rule)
    for net, member in zip(alone, ann.members_of(together), strict=True):
        trained(net, optimizer=rule)
        np.testing.assert_allclose(member.theta, net.theta, rtol=0, atol=1e-13)


def test_dropout_masks_are_of_each_member():
    """Who is given the same mask alone has the same gradient."""
    alone = networks(Dense(6, "tanh"), Dropout(0.5), Dense(3))
    together = ann.side_by_side(alone)
    key = step_keys(5, 0, np.asarray([0], np.int32), np)[0]
    masks = together.objective.masks(key, X, np)
    by_member = [mask.reshape(3, 6, -1) for mask in masks]
    assert len({mask[j].tobytes() for mask in by_member for j in range(3)}) == 3
    given = {"theta": together.theta, "buffers": None, "X": X.T, "Y": Y.T, "xp": np}
    _, gradient, _ = together.objective.cost_and_gradient(**given, masks=masks)
    for j, net in enumerate(alone):
        own = tuple(mask[j] for mask in by_member)
        _, expected, _ = net.objective.cost_and_gradient(**{**given, "theta": net.theta}, masks=own)
        parts = together.objective.unflatten(gradient, together.objective.parameters, np)
        member = np.concatenate([3.0 * part[j].ravel() for part in parts])
        np.testing.assert_allclose(member, expected, rtol=0, atol=1e-14)


def test_layers_before_and_behind_are_shared():
    """They learn by the mean of the members' costs, and the members each by its own."""
    net = ann.Network([4, 5, Ensemble([Dense(4, "tanh")], 3), 3], "huber", activation="tanh",
                      dtype="float64", l2=0.1)  # fmt: skip
    assert [parameter.copies for parameter in net.objective.parameters] == [1, 1, 3, 3, 1, 1]
    assert ann.gradient_check(net, X, Y) <= 1e-7
    before = net.theta.copy()
    _, gradient, _ = net.objective.cost_and_gradient(before, None, X.T, Y.T, xp=np)
    trained(net, epochs=1, batch_size=40, optimizer=ann.SGD(0.1))
    copies = np.concatenate([np.full(each.size, each.copies) for each in net.objective.parameters])
    np.testing.assert_allclose(net.theta, before - 0.1 * copies * gradient, rtol=1e-12, atol=1e-15)


# Every layer inside


def of_one(name):
    layer = LAYERS[name].example()
    return (Members(layer.k), layer) if hasattr(layer, "k") and layer.members == 1 else (layer,)


@pytest.mark.parametrize("name", LAYERS)
def test_every_layer_inside(name, backend, close):
    """Forward, backward, predicting and remembering, as each member does it alone."""
    inside = of_one(name)
    ensemble, alone = Ensemble(inside, 2), ann.layers.Sequential(inside)
    A_prev, dA, *held = inputs(ensemble)
    learned = len(ensemble.parameters(FEATURES))
    kept = learned + len(ensemble.buffers(FEATURES))

    def everything(layer, A_prev, dA, *held, xp):
        A, cache = layer.forward(A_prev, held, xp=xp)
        dA_prev, dp = layer.backward(dA, cache, xp=xp)
        predicted = layer.predict(A_prev, held[:kept], xp=xp)
        return (A, predicted), dA_prev, (*dp, *layer.remember(cache, xp=xp))

    given = [backend.asarray(array) for array in (A_prev, dA, *held)]
    by_column, dA_prev, by_member = everything(ensemble, *given, xp=backend.xp)
    A_prev, dA, *held = (backend.to_numpy(array).astype("float64") for array in given)
    expected_dA_prev = 0.0
    for j in range(2):
        own = [array[j] for array in held[:kept]] + [
            x.reshape(2, len(x), -1)[j] for x in held[kept:]
        ]
        columns = slice(j * dA.shape[1] // 2, (j + 1) * dA.shape[1] // 2)
        expected, back, parts = everything(alone, A_prev, dA[:, columns], *own, xp=np)
        for got, wanted in zip(by_column, expected, strict=True):
            close(got[:, columns], wanted, units=400)
        for i, (got, wanted) in enumerate(zip(by_member, parts, strict=True)):
            # the cost is the mean of two, and what is remembered is each one's own
            close(got[j, ...], 0.5 * wanted if i < learned else wanted, units=400)
        expected_dA_prev = expected_dA_prev + 0.5 * back
    close(dA_prev, expected_dA_prev, units=400)


@pytest.mark.parametrize("name", LAYERS)
def test_gradients_of_every_layer_inside(name):
    assert_gradients(Ensemble(of_one(name), 2))


@pytest.mark.parametrize(
    "layers",
    [
        [Ensemble([Members(2), MemberDense(3, 2, "tanh"), Dropout(0.5), MemberDense(3, 2)], 2)],
        [Members(2), Ensemble([MemberDense(3, 2, "tanh"), Dropout(0.5), Dense(3)], 2)],
        [Ensemble([Ensemble([Dense(3, "tanh"), Dropout(0.5), BatchNorm()], 2), Dense(3)], 2)],
    ],
    ids=["members inside", "members before", "an ensemble inside"],
)
def test_ensembles_of_ensembles(layers, backend, close):
    options = {"dtype": backend.dtype, "backend": backend.backend}
    net = ann.Network([4, *layers], "categorical_cross_entropy", **options)
    plain = ann.Network([4, *layers], "categorical_cross_entropy", dtype="float64")
    assert net.objective.layers.members == 4
    plain.theta = backend.to_numpy(net.theta).astype("float64")
    assert ann.gradient_check(plain, X, Y, step=1) <= 1e-7
    for each in (net, plain):
        trained(each, optimizer=ann.Momentum(0.01))
    close(net.theta, plain.theta, units=2000)
    close(net.outputs(net.check_rows("X", X, 4)), plain.predict(X), units=2000)


# One network


def test_predicts_the_mean_and_is_split_again(backend, close):
    options = {"dtype": backend.dtype, "backend": backend.backend}
    alone = networks(*EVERYTHING, **options)
    net = ann.side_by_side(alone)
    mean = sum(each.predict(X).astype("float64") for each in alone) / 3.0
    close(net.outputs(net.check_rows("X", X, 4)), mean, units=64)
    for one, other in zip(alone, ann.members_of(net), strict=True):
        assert other.objective == one.objective
        for name in ("theta", "buffers"):
            ours, theirs = (backend.to_numpy(getattr(each, name)) for each in (one, other))
            np.testing.assert_array_equal(ours, theirs)


def test_in_bfloat16():
    pytest.importorskip("torch", reason="PyTorch is not installed")
    alone = networks(Dense(3), k=2, dtype="bfloat16", backend="torch")
    net = ann.side_by_side(alone)
    assert net.dtype_name == "bfloat16"
    for one, other in zip(alone, ann.members_of(net), strict=True):
        assert bool((one.theta == other.theta).all())


def test_one_alone_is_no_ensemble():
    (net,) = networks(3, k=1)
    assert ann.side_by_side([net]) is net


def test_who_chose_the_backend():
    """The first data do, where nobody did."""
    assert not ann.side_by_side(networks(3)).backend_was_chosen
    assert ann.side_by_side(networks(3, backend="numpy")).backend_was_chosen


def test_saved_and_loaded(backend, tmp_path):
    net = ann.side_by_side(networks(*EVERYTHING, dtype=backend.dtype, backend=backend.backend))
    trained(net)
    saving.save(net, tmp_path / "m.safetensors", training=True)
    again = saving.load(tmp_path / "m.safetensors", backend=backend.backend, training=True)
    assert again.objective == net.objective
    for one, other in ((net, again), (trained(net), trained(again))):
        for ours, theirs in zip(one.state, other.state, strict=True):
            assert backend.to_numpy(ours).tobytes() == backend.to_numpy(theirs).tobytes()


def test_the_best_epoch_is_that_of_the_mean():
    """Not of the members: their costs are the mean of theirs, and the mean predicts better."""
    alone = networks(Dense(8, "tanh"), Dense(3))
    net = trained(ann.side_by_side(alone), validation=(X, Y), epochs=2)
    history = net.training.history
    expected = float(ann.compute_cost(net.predict(X).T, Y.T, loss="categorical_cross_entropy"))
    assert history["validation_cost"][-1] == pytest.approx(expected, rel=1e-12)
    costs = [each.cost(X, Y) for each in ann.members_of(net)]
    assert net.cost(X, Y) == pytest.approx(np.mean(costs), rel=1e-12)
    assert expected < np.mean(costs) - 1e-4
    weight = np.arange(1.0, 41.0)
    weighed = trained(ann.side_by_side(alone), validation=(X, Y, weight), epochs=2)
    A = weighed.predict(X)
    expected = np.sum(weight * -np.log(A[np.arange(40), LABELS])) / np.sum(weight)
    assert weighed.training.history["validation_cost"][-1] == pytest.approx(expected, rel=1e-12)


def test_memory_is_counted_with_what_is_inside():
    net = ann.side_by_side(networks(Dense(100), Residual([Dense(50), Dense(100)]), Dense(3)))
    assert net.objective.sizes == (4, 300, 150, 300, 300, 9)
    tabm = ann.Network([4, Members(2), MemberDense(5, 2), 3], "huber")
    assert tabm.objective.sizes == (4, 8, 10, 6)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Ensemble([Dense(1)], 0), r"^k=0: wanted a whole number at least 1\.$"),
        (lambda: Ensemble(Dense(1), 2), r"^layers=Dense\(1\): wanted a list of layers\.$"),
        (lambda: ann.side_by_side([]), r"^networks=\[\]: wanted at least one\.$"),
        (lambda: ann.side_by_side(5), r"^networks=5: wanted a list of networks\.$"),
        (lambda: ann.side_by_side([5]), r"^net is of type int: wanted a Network\.$"),
        (
            lambda: ann.side_by_side([networks(3)[0], networks(4)[0]]),
            r"^networks holds Network\(.*\) and Network\(.*\): wanted networks that differ in th",
        ),
        (
            lambda: ann.side_by_side([networks(3)[0], networks(3, dtype="float32")[0]]),
            r"^networks holds .* on numpy\) and .*: wanted networks that differ in",
        ),
        (
            lambda: ann.members_of(networks(3)[0]),
            r"^network is Network\(.*\): wanted one of a single layer, an Ensemble\.$",
        ),
        (
            lambda: trained(ann.side_by_side(networks(3)), clip_norm=1.0),
            r"^clip_norm=1\.0: wanted none for an Ensemble, whose members would be scaled down t",
        ),
        (
            lambda: ann.Network([4, Residual([Ensemble([Dense(4)], 2)]), 3], "huber"),
            r"wanted Members before a Residual",
        ),
        (
            lambda: ann.Network([4, Ensemble([MemberDense(3, 2)], 2)], "huber"),
            r"^k=2: wanted 1, as many as there are columns for one example",
        ),
    ],
)
def test_messages(make, message):
    with pytest.raises((ann.InvalidArgument, ann.InvalidType), match=message):
        make()


# The namespace that equations run under


P, Q = RANDOM.standard_normal((2, 3, 3, 4))  # of three members each, (3, 4)
V = RANDOM.standard_normal((3, 3))  # the same vectors, (3,)
ALL = RANDOM.standard_normal((3, 4))  # the same for all

#: What a layer of one's own may do, beside what those of the registry do.
CALLS = {
    "add of a vector": lambda t: t.a.T + t.v,
    "from a vector": lambda t: 1.0 - t.v[:, None] * t.a,
    "products": lambda t: t.xp.matmul(t.a, t.b.T) @ t.c,
    "a product from the right": lambda t: t.c @ t.a.mT,
    "products of many": lambda t: t.xp.stack([t.a, t.b]) @ t.a.T,
    "powers": lambda t: t.a**2 + 2.0**t.b,
    "divisions": lambda t: (t.a / t.b) // 0.5 % 2.0,
    "reflected": lambda t: 1.0 / t.a + (2.0 - t.b) + 3.0 * t.a + (7.0 // t.b) + 5.0 % t.a,
    "signs": lambda t: -abs(t.a) + +t.b,
    "tests": lambda t: t.xp.where((t.a > 0.0) & ~(t.b <= 0.1) | (t.a == t.b), t.a, 0.0),
    "more tests": lambda t: t.xp.where((t.a < t.b) ^ (t.a >= 0.0) & (t.a != t.b), t.c, t.b),
    "bounds": lambda t: t.xp.minimum(t.xp.maximum(t.a, t.b), 0.5),
    "clip": lambda t: t.xp.clip(t.a, -0.5, None),
    "sum of all": lambda t: t.a - t.xp.sum(t.a),
    "sums": lambda t: t.xp.sum(t.a, axis=-1) + t.xp.max(t.b, axis=1),
    "a sum of several": lambda t: t.xp.sum(t.xp.stack([t.a, t.b]), axis=(0, 2)),
    "deviations": lambda t: t.xp.std(t.a, axis=0, keepdims=True, correction=1.0),
    "vecdot": lambda t: t.xp.vecdot(t.a, t.b, axis=-2),
    "largest": lambda t: t.xp.astype(t.xp.argmax(t.a, axis=0), t.a.dtype),
    "running sums": lambda t: t.xp.cumulative_sum(t.a, axis=1),
    "sorted": lambda t: t.xp.sort(t.a) + t.xp.sort(t.b, axis=0),
    "turned": lambda t: t.xp.flip(t.a, axis=1) + t.xp.roll(t.b, 1, axis=-1),
    "all turned": lambda t: t.xp.flip(t.a),
    "moved": lambda t: t.xp.permute_dims(t.xp.stack([t.a, t.b], axis=-1), (2, 0, 1)),
    "transposed": lambda t: t.xp.matrix_transpose(t.xp.stack([t.a, t.b])),
    "reshaped": lambda t: t.xp.reshape(t.a, (-1,)) * t.xp.reshape(t.b, (12,)),
    "axes": lambda t: t.xp.squeeze(t.xp.expand_dims(t.a, axis=-1) * t.b[:, :, None], axis=2),
    "parts": lambda t: t.a[1:, ::2] + t.b[..., 0][:2, None] + t.a[-1, 0],
    "end to end": lambda t: t.xp.concat([t.a, t.c, t.b], axis=-1),
    "all end to end": lambda t: t.xp.concat([t.a, t.c], axis=None),
    "apart": lambda t: t.xp.unstack(t.a, axis=1)[2],
    "broadcast": lambda t: t.xp.broadcast_to(t.v, (2, 3)),
    "taken": lambda t: t.xp.take(t.a, t.xp.asarray([2, 0], device=t.like["device"]), axis=0),
    "taken along": lambda t: t.xp.take_along_axis(t.a, t.xp.argsort(t.b, axis=1), axis=1),
    "triangles": lambda t: t.xp.tril(t.a) + t.xp.triu(t.b, k=1),
    "made": lambda t: t.xp.full((4,), 2.0, **t.like) * t.a + t.xp.ones((3, 1), **t.like),
    "made alike": lambda t: t.xp.zeros_like(t.a) + t.xp.full_like(t.v, 2.0)[:, None],
    "counted": lambda t: t.a * t.xp.arange(4, **t.like),
    "copied": lambda t: t.xp.asarray(t.a, copy=True),
    "the same for all": lambda t: t.xp.exp(t.c) @ t.c.T,
    "constants": lambda t: t.a * (t.xp.pi + float(t.xp.finfo(t.a.dtype).eps)),
}


@pytest.mark.parametrize("what", CALLS)
def test_calls_are_those_of_each_member(what, backend, close):
    a, b, v, c = (backend.asarray(x) for x in (P, Q, V, ALL))
    like = {"dtype": c.dtype, "device": getattr(c, "device", None)}

    def called(xp, a, b, v, c):
        return CALLS[what](SimpleNamespace(xp=xp, a=a, b=b, v=v, c=c, like=like))

    batching = Batching(backend.xp)
    got = called(batching, *map(batching.of_each, (a, b, v)), batching.of_all(c))
    whole = batching.unbatched(got, 3)
    for j in range(3):
        expected = called(backend.xp, *(x[j, ...] for x in (a, b, v)), c)
        assert got.shape == tuple(expected.shape)
        close(whole[j, ...], backend.to_numpy(expected), units=16)


@dataclass(frozen=True)
class Odd(Layer):
    """A layer that does what cannot be done for several members at once."""

    how: object

    def forward(self, A_prev, p, *, xp):
        return self.how(SimpleNamespace(A=A_prev, xp=xp)), None

    def backward(self, dA, cache, *, input_gradient=True, xp):
        return dA, ()


@pytest.mark.parametrize(
    ("how", "message"),
    [
        (
            lambda t: t.A if t.xp.any(t.A > 0.0) else -t.A,
            r"^a decision, or a Python number, depends",
        ),
        (
            lambda t: t.A * float(t.xp.sum(t.A)),
            r"^a decision, or a Python number, depends on",
        ),
        (lambda t: np.exp(np.asarray(t.A)), r"^a decision, or a Python number, depends on"),
        (lambda t: t.xp.unique_values(t.A), r"^xp\.unique_values cannot be computed for all m"),
        (lambda t: t.xp.roll(t.A, 1), r"^xp\.roll in an ensemble, without an axis: wanted one\.$"),
        (lambda t: t.A[t.A > 0.0], r"^an index of the arrays of an ensemble is an array itself"),
        (lambda t: t.xp.sum(t.A, axis=2), r"^axis=2 of an array of 2 axes: wanted one of them\.$"),
        (
            lambda t: t.A[0, :] @ t.A[0, :],
            r"^xp\.matmul of the shapes \(\d+,\) and \(\d+,\) in",
        ),
        (
            lambda t: t.xp.take(t.A, t.xp.argmax(t.A, axis=0), axis=0),
            r"^xp\.take of places that differ between the members of an ensemble: wanted the same",
        ),
    ],
)
def test_what_cannot_be_done_for_all_at_once(how, message):
    A = np.ones((4, 5))
    layer = Ensemble([Scale(), Odd(how)], 2)
    with pytest.raises((ann.InvalidArgument, ann.InvalidType), match=message):
        layer.forward(A, (np.ones((2, 4, 1)),), xp=np)
