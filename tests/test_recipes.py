"""The recipes for tables: what their networks read, how they are trained, their estimators."""

import math
import re
from dataclasses import replace
from itertools import pairwise
from statistics import NormalDist

import numpy as np
import pytest

import agnostic_nn as ann

pd = pytest.importorskip("pandas")
pytest.importorskip("sklearn")

from sklearn.base import clone  # noqa: E402
from sklearn.preprocessing import QuantileTransformer  # noqa: E402
from sklearn.utils.estimator_checks import parametrize_with_checks  # noqa: E402

from agnostic_nn.layers import (  # noqa: E402
    Embedding,
    EnsembleDense,
    Members,
    NeuralTangentDense,
    PeriodicEmbedding,
)
from agnostic_nn.tabular import Preparation  # noqa: E402
from agnostic_nn.tabular.inputs import (  # noqa: E402
    Inputs,
    clip_smoothly,
    normal_scores,
    robust_scale,
    scaled,
)
from agnostic_nn.tabular.recipes import (  # noqa: E402
    RECIPES,
    Examples,
    RealMLP,
    RealMLPS,
    Recipe,
    TabM,
    Task,
    fit_recipe,
    get_recipe,
)

# What the networks read


def inputs_of(X, most_one_hot=None):
    preparation = Preparation.fit(X)
    inputs = Inputs.fit(preparation.columns, preparation.blocks(X), most_one_hot)
    return replace(preparation, inputs=inputs)


def clipped(x):
    return x / math.sqrt(1.0 + (x / 3.0) ** 2)


@pytest.mark.parametrize(
    ("column", "center", "factor"),
    [
        ([0.0, 1.0, 2.0, 3.0, 4.0], 2.0, 1.0 / 2.0),  # quartiles 1 and 3
        ([5.0, 5.0, 5.0, 5.0, 7.0], 5.0, 2.0 / 2.0),  # the quartiles are the same
        ([5.0] * 5, 5.0, 0.0),
        ([-1e308, -1e308, 0.0, 1e308, 1e308], 0.0, 0.0),  # beyond what a number holds
        ([0.0, 0.0, 0.0, 0.0, 1e-320], 0.0, np.finfo("float64").max),
    ],
)
def test_robust_scale(column, center, factor):
    centers, factors = robust_scale(np.asarray(column)[:, None])
    assert centers.tolist() == [center]
    assert factors.tolist() == [factor]
    x = clip_smoothly(scaled(np.asarray(column)[:, None], centers, factors))
    assert np.isfinite(x).all()
    assert np.abs(x).max() <= 3.0


def test_numbers_are_centred_scaled_and_clipped():
    X = pd.DataFrame({"x": [0.5, 1.5, 2.5, 3.5, 4.5] * 4})
    got = inputs_of(X).features(pd.DataFrame({"x": [2.5, 4.5, -95.5, 1e300]}))
    expected = [clipped(x) for x in (0.0, 1.0, -49.0)] + [3.0]
    assert got[:, 0].tolist() == pytest.approx(expected, rel=1e-15)


@pytest.mark.parametrize(
    ("column", "given", "expected"),
    [  # one column of 1 and -1, whose median is 1, and whose quartiles are 2 apart
        (list("aabab") * 4, ["a", "b"], [[0.0], [-1.0]]),
        (list("aabab") * 4, ["c", None], [[-0.5], [-0.5]]),  # unknown and missing are 0
        # three columns of 0 and 1, whose quartiles are the same, but for the last
        (list("aaabbccccc") * 4, ["b", "z"], [[0.0, 2.0, -1.0], [0.0, 0.0, -1.0]]),
    ],
)
def test_categories(column, given, expected):
    with pytest.warns(ann.TableWarning) if given[1] != "b" else pytest.MonkeyPatch.context():
        got = inputs_of(pd.DataFrame({"c": column})).features(pd.DataFrame({"c": given}))
    columns = pd.get_dummies(pd.Series(column)).to_numpy(float)
    if columns.shape[1] == 2:
        columns = columns[:, :1] - columns[:, 1:]
    centers, factors = robust_scale(columns)
    raw = {"a": [1.0, 0.0, 0.0], "b": [0.0, 1.0, 0.0], "c": [0.0, 0.0, 1.0]}
    if columns.shape[1] == 1:
        raw = {"a": [1.0], "b": [-1.0]}
    nothing = [0.0] * columns.shape[1]
    wanted = [(np.asarray(raw.get(c, nothing)) - centers) * factors for c in given]
    np.testing.assert_allclose(got, clip_smoothly(np.asarray(wanted)), rtol=1e-15)
    if columns.shape[1] == 1:
        np.testing.assert_allclose(got, clip_smoothly(np.asarray(expected)), rtol=1e-15)


def test_what_was_missing_in_training_is_zero_and_has_an_indicator():
    X = pd.DataFrame({"n": [1.0, 2.0, None, 4.0] * 5, "c": ["a", None, "b", "c"] * 5})
    inputs = inputs_of(X).inputs
    assert inputs.one_hot == ((0, 3),)  # and none for the missing ones
    assert inputs.order == (0, 1)
    assert inputs.numbers == 1
    rows = inputs_of(X).features(X)
    assert rows.shape == (20, 2 + 3)
    absent, there = rows[1, 2:], rows[0, 2:]
    assert there[0] != absent[0]
    assert there[1:].tolist() == absent[1:].tolist()


def test_columns_of_many_categories_are_embedded():
    X = pd.DataFrame({"c": list("abcdefghi") * 4, "d": list("ab") * 18, "x": np.arange(36) * 0.5})
    preparation = inputs_of(X, most_one_hot=8)
    assert preparation.inputs.places == {2: 9}
    assert preparation.n_features == 3
    got = preparation.features(X)
    assert got[:9, 2].tolist() == list(range(9))
    with pytest.warns(ann.TableWarning):
        strange = preparation.features(pd.DataFrame({"c": ["z"], "d": ["a"], "x": [0.0]}))
    assert strange[0, 2] == -1.0


def test_dates_and_truths():
    days = pd.date_range("2024-01-01", periods=30).astype(str)
    X = pd.DataFrame({"day": days, "yes": [True, False, True] * 10})
    preparation = inputs_of(X)
    assert preparation.inputs.numbers == preparation.n_features - 1  # the truth comes behind
    rows = preparation.features(X)
    assert np.isfinite(rows).all()
    assert len(set(rows[:, -1])) == 2


def test_normal_scores():
    """What a normal variable has at the quantiles; ties come to the middle of their places."""
    n = 3000
    x = np.random.default_rng(0).exponential(size=n)
    X = pd.DataFrame({"x": x, "c": list("abc") * (n // 3)})
    preparation = Preparation.fit(X)
    inputs = Inputs.fit(preparation.columns, preparation.blocks(X), quantiles=True)
    assert len(inputs.quantiles[0]) == n // 30
    assert Inputs.from_json(inputs.to_json()) == inputs
    rows = inputs.rows(preparation.blocks(X))
    assert sorted(set(rows[:, 1:].ravel().tolist())) == [0.0, 1.0]
    expected = [NormalDist().inv_cdf((i + 0.5) / n) for i in np.argsort(np.argsort(x))]
    # between two quantiles lie 30 rows, whose places are sqrt(30) / 2 off: 0.001 of all, over the
    # density of 0.13 at 1.5; three of these, and what the curve is off a line
    inside = np.abs(rows[:, 0]) < 1.5
    np.testing.assert_allclose(rows[inside, 0], np.asarray(expected)[inside], rtol=0.0, atol=0.03)


def test_normal_scores_are_those_of_scikit_learn():
    """With ties inside; at the ends they come to the middle of their places, as all others."""
    x = np.concatenate([np.arange(40.0), [17.5] * 30, np.arange(40.0, 60.0)])
    theirs = QuantileTransformer(n_quantiles=40, output_distribution="normal").fit(x[:, None])
    (quantiles,) = theirs.quantiles_.T.tolist()
    given = np.concatenate([x, [-3.0, 17.6, 99.0]])
    expected = theirs.transform(given[:, None])[:, 0]
    np.testing.assert_allclose(normal_scores(given, quantiles), expected, rtol=1e-6)
    tied = normal_scores(np.asarray([0.0, 1.0]), [0.0] * 5 + [1.0] * 5)
    middle = NormalDist().inv_cdf(2 / 9)
    assert tied.tolist() == pytest.approx([middle, -middle], rel=1e-12)


def test_members_begin_alike_but_for_their_signs_and_their_last_layer():
    X, y = blobs(30)
    model = ann.TabMClassifier(TabM(k=3, units=8, learning_rate=1e-30), **QUICK | {"epochs": 1})
    model.fit(X, y)
    W, r, s, b = model.network_.parameters[0]
    bound = 1.0 / np.sqrt(W.shape[1])
    for values in (W, b):
        assert np.abs(values).max() <= bound
        assert 0.4 < np.std(values) / bound < 0.75  # 1 / sqrt(3) of a uniform variable
    assert set(r.ravel().tolist()) == {-1.0, 1.0}
    assert set(s.ravel().tolist()) == {1.0}
    np.testing.assert_allclose(b, b[:, :1] + 0.0 * b, rtol=1e-6)
    last, _ = model.network_.parameters[-1]
    assert np.any(last[0] != last[1])


def test_what_a_column_becomes_begins_alike():
    """A sign for each column and member: that of a category is the same for all it is made into."""
    X, y = blobs(60)
    X["c"] = ["u", "v"] * 30
    recipe = TabM(k=8, units=8, learning_rate=1e-30)
    model = ann.TabMClassifier(recipe, **QUICK | {"epochs": 1}).fit(X, y)
    assert model.preparation_.inputs.runs == (1, 3, 1)
    r = model.network_.parameters[0][1]
    assert [np.array_equal(r[i], r[i + 1]) for i in range(4)] == [False, True, True, False]


@pytest.mark.parametrize("embeddings", ["piecewise-linear", "periodic"])
def test_numbers_of_tabm_are_embedded(embeddings, tmp_path):
    """Columns of many values, of few, with missing ones; of one value in training, and none."""
    n = 90
    X = pd.DataFrame({"x": np.arange(n) * 0.5, "few": np.arange(n) % 3 * 1e9})
    X["gaps"] = X["x"].where(np.arange(n) % 4 > 0)
    X["late"], X["c"] = [7.0] * 80 + [8.0] * 10, list("uvw") * 30
    y = (X["x"] + (X["few"] > 0) * 20 > 30).astype(int)
    preparation = Preparation.fit(X, numeric=["few", "late"]).with_outputs((0, 1))
    examples = Examples(preparation.blocks(X), y.to_numpy()).take(np.arange(80))
    recipe = TabM(k=4, units=16, learning_rate=0.02, embeddings=embeddings, epochs=40)
    prepared, net = fit_recipe(recipe, preparation, examples)
    rows = prepared.features(X)
    assert np.mean(net.predict(rows).argmax(axis=1) == y) > 0.9
    inputs, (embedding, *others) = prepared.inputs, net.objective.layers.layers
    assert inputs.numbers == 3  # not the one of one value, nor what says where one was missing
    length = 16 if embeddings == "piecewise-linear" else 4
    assert others[1].runs == (length, length, length, 1, 1, 3)
    assert (others[1].r, sum(isinstance(each, EnsembleDense) for each in others)) == ("normal", 2)
    if embeddings == "piecewise-linear":
        steps = np.linspace(0.0, 1.0, 49)
        for i, edges in enumerate(embedding.edges):
            quantiles = np.quantile(rows[:80, i], steps).astype("float32")
            assert edges == tuple(sorted({*quantiles.tolist()}))
        assert len(embedding.edges[0]) == 49
        assert 3 <= len(embedding.edges[1]) <= 5  # of three values
    ann.save(net, tmp_path / "model.safetensors")
    again = ann.load(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(again.predict(rows), net.predict(rows))


def test_without_numbers_nothing_is_embedded():
    recipe = TabM(embeddings="piecewise-linear")
    inputs = Inputs((0,), 0, ((0, 3),), ())
    assert recipe.encoding(inputs, np.zeros((5, 4))) == []
    layers = recipe.layers(inputs, Task(2))
    assert [type(layer) for layer in layers[:2]] == [Members, EnsembleDense]
    assert (layers[1].r, layers[1].runs) == ("signs", (1, 3))
    assert sum(isinstance(each, EnsembleDense) for each in layers) == 3


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"embeddings": "periodical"}, "embeddings='periodical' is not known. Did you mean 'peri"),
        ({"blocks": 0}, "blocks=0: wanted a whole number at least 1"),
    ],
)
def test_what_tabm_refuses(settings, message):
    with pytest.raises(ann.InvalidArgument, match=re.escape(message)):
        TabM(**settings)


def test_a_thousand_columns():
    """Each is scaled by its own quartiles, and a network learns from the one that says it."""
    X = pd.DataFrame(np.random.default_rng(0).standard_normal((60, 1000)))
    y = np.arange(60) % 2
    X[17] = y * 8.0 + X[17]
    rows = inputs_of(X).features(X)
    centers, factors = robust_scale(X.to_numpy())
    expected = clip_smoothly((X.to_numpy() - centers) * factors)
    np.testing.assert_allclose(rows, expected, rtol=1e-12)
    model = ann.RealMLPClassifier("realmlp-s", **QUICK).fit(X, y)
    assert model.score(X, y) > 0.9


def test_a_column_of_one_value_changes_nothing():
    X, y = blobs(60)
    with_constant = X.assign(one=7.0)
    models = [
        ann.RealMLPClassifier("realmlp-s", **QUICK).fit(each, y) for each in (X, with_constant)
    ]
    np.testing.assert_array_equal(
        models[0].predict_proba(X), models[1].predict_proba(with_constant.assign(one=-1e9))
    )


@pytest.mark.parametrize("quantiles", [False, True])
def test_of_one_value_nothing_is_read(quantiles):
    """Not when another one comes: no weight has learned what to make of it."""
    X = pd.DataFrame({"x": np.arange(16.0), "one": [7.0] * 8 + [-1e308, 8.0] * 4})
    X["flag"], X["c"] = X["one"] > 7.0, ["a"] * 8 + ["b", "c"] * 4
    preparation = Preparation.fit(X, numeric=["one"])
    blocks = preparation.blocks(X)
    inputs = Inputs.fit(preparation.columns, blocks.take(np.arange(8)), quantiles=quantiles)
    rows = inputs.rows(blocks)
    assert rows.shape == (16, 6)  # the category is three of them
    assert np.ptp(rows[:8, 0]) > 0.0
    assert np.ptp(rows[:, 1:], axis=0).tolist() == [0.0] * 5


def test_where_there_are_no_numbers_tabm_reads_categories_as_they_are():
    X = pd.DataFrame({"c": list("abcabcab"), "d": list("xyxyxyxy")})
    preparation = TabM().prepared(Preparation.fit(X), Preparation.fit(X).blocks(X))
    assert np.unique(preparation.features(X)).tolist() == [-1.0, 0.0, 1.0]
    described = preparation.to_json()
    assert Preparation.from_json(described) == preparation
    del described["inputs"]["clipped"]  # a model of before was trained on clipped ones
    found = np.unique(Preparation.from_json(described).features(X))
    np.testing.assert_allclose(found, [clipped(x) for x in (-1.0, 0.0, 1.0)], rtol=1e-15)


def test_inputs_travel_with_the_preparation():
    X = pd.DataFrame({"c": list("abcdefghij") * 4, "x": np.arange(40) * 0.5})
    preparation = inputs_of(X, most_one_hot=8).with_outputs(("n", "y"))
    again = Preparation.from_json(preparation.to_json())
    assert again == preparation
    assert (again.n_outputs, again.loss) == (2, "categorical_cross_entropy")
    assert again.targets(pd.Series(["y", "n"])).tolist() == [[0.0, 1.0], [1.0, 0.0]]
    assert again.probabilities(np.asarray([[0.25, 0.75]])).to_numpy().tolist() == [[0.25, 0.75]]
    broken = preparation.to_json() | {"inputs": {"order": [0]}}
    with pytest.raises(ann.InvalidArgument, match="does not say what its network reads"):
        Preparation.from_json(broken)


# RealMLP-TD-S, against a transcription of its formulas


def transcribed(theta, X, Y, classes, epochs, batch, disturb=0.0):
    """Train in torch, in float64, and return theta; `disturb` is added to it after each step."""
    torch = pytest.importorskip("torch")
    random = np.random.default_rng(1)
    n_in, n_out = X.shape[1], Y.shape[1]
    widths = [n_in, 8, 8, 8, n_out]
    shapes = [(n_in,)]
    for n_prev, n in pairwise(widths):
        shapes += [(n, n_prev), (n,)]
    parts, start = [], 0
    for shape in shapes:
        parts.append(torch.tensor(theta[start : start + math.prod(shape)].reshape(shape)))
        start += math.prod(shape)
    factors = [6.0] + [1.0, 0.1] * 4
    moments = [(torch.zeros_like(p), torch.zeros_like(p)) for p in parts]
    g = torch.nn.functional.selu if classes else torch.nn.functional.mish
    X, Y = torch.tensor(X), torch.tensor(Y)
    if classes:
        Y = 0.9 * Y + 0.1 / classes
    steps = len(X) // batch
    for i in range(epochs * steps):
        rows = slice(i % steps * batch, (i % steps + 1) * batch)
        parts = [p.detach().requires_grad_() for p in parts]
        A = X[rows] * parts[0]
        for layer in range(4):
            W, b = parts[1 + 2 * layer], parts[2 + 2 * layer]
            A = A @ W.T / math.sqrt(W.shape[1]) + b
            A = g(A) if layer < 3 else A
        if classes:
            cost = torch.nn.functional.cross_entropy(A, Y[rows])
        else:
            cost = ((A - Y[rows]) ** 2).mean() / 2
        gradients = torch.autograd.grad(cost, parts)
        t = i / (epochs * steps)
        rate = (0.04 if classes else 0.07) * (1 - math.cos(2 * math.pi * math.log2(1 + 15 * t))) / 2
        k, after = i + 1, []
        for p, d, factor, (m, v) in zip(parts, gradients, factors, moments, strict=True):
            m.mul_(0.9).add_(0.1 * d)
            v.mul_(0.95).add_(0.05 * d * d)
            alpha = factor * rate * math.sqrt(1 - 0.95**k) / (1 - 0.9**k)
            p = p.detach() - alpha * m / (v.sqrt() + 1e-8)
            signs = torch.tensor(random.choice([-1.0, 1.0], p.shape))
            after.append(p * (1.0 + disturb * signs))
        parts = after
    return np.concatenate([p.numpy().ravel() for p in parts])


@pytest.mark.parametrize("classes", [3, 0])
def test_the_trajectory_is_that_of_the_formulas(classes):
    """As far apart as rounding explains: as far as disturbed runs of the transcription come."""
    random = np.random.default_rng(0)
    X = random.standard_normal((27, 4))
    y = random.integers(0, 3, 27) if classes else None
    Y = np.eye(3)[y] if classes else random.standard_normal((27, 1))
    recipe, task = RealMLPS(hidden=(8, 8, 8)), Task(classes)
    inputs = Inputs((), 4, (), (), (0.0,) * 4, (1.0,) * 4)
    net = ann.Network(
        [4, *recipe.layers(inputs, task)],
        "categorical_cross_entropy" if classes else "squared_error",
        dtype="float64",
        seed=5,
    )
    before = np.asarray(net.theta).copy()
    smooth = 0.9 * Y + 0.1 / 3 if classes else Y
    ann.train(net, X, smooth, epochs=8, batch_size=8, shuffle=False, drop_last=True,
              optimizer=recipe.optimizer(task))  # fmt: skip
    expected = transcribed(before, X, Y, classes, 8, 8)
    rounding = math.sqrt(64) * 2.0**-53  # of sums of at most 64 terms, whose errors add at random
    disturbed = transcribed(before, X, Y, classes, 8, 8, disturb=rounding)
    allowed = 8.0 * np.max(np.abs(disturbed - expected))
    assert np.max(np.abs(expected - before)) > 0.1  # it has come a long way
    assert 0.0 < allowed < 1e-9
    np.testing.assert_allclose(net.theta, expected, rtol=0.0, atol=allowed)


# TabM with piecewise-linear embeddings, likewise


def tabm_transcribed(theta, shapes, edges, X, Y, steps, disturb=0.0):
    """Train in torch, in float64, member by member, on the same minibatches."""
    torch = pytest.importorskip("torch")
    random = np.random.default_rng(1)
    sizes = [math.prod(shape) for shape in shapes]
    parts = [p.reshape(s) for p, s in zip(torch.tensor(theta).split(sizes), shapes, strict=True)]
    decays = [0.0003 * (i not in (2, 6, 10, 12)) for i in range(13)]  # biases do not
    moments = [(torch.zeros_like(p), torch.zeros_like(p)) for p in parts]
    X, Y = torch.tensor(X), torch.tensor(Y)
    for i in range(steps):
        rows = slice(i % 3 * 8, i % 3 * 8 + 8)
        parts = [p.detach().requires_grad_() for p in parts]
        V, w, c, *hidden, last, bias = parts
        embedded = []
        for column, a in enumerate(edges):
            x = X[rows, column]
            e = torch.zeros(8, V.shape[2], dtype=X.dtype)
            for t in range(1, len(a)):
                into = (x - a[t - 1]) / (a[t] - a[t - 1])
                into = into if t == 1 else torch.where(x < a[t - 1], 0.0, into)
                e[:, t - 1] = into if t == len(a) - 1 else torch.where(x >= a[t], 1.0, into)
            embedded.append(e @ V[column].T + x[:, None] * w[column] + c[column])
        embedded = torch.cat([*embedded, X[rows, len(edges) :]], dim=1)
        costs = []
        for member in range(2):
            A = embedded
            for W, r, s, b in (hidden[:4], hidden[4:]):
                A = torch.relu((A * r[:, member]) @ W.T * s[:, member] + b[:, member])
            Z = A @ last[member].T + bias[member].T
            costs.append(torch.nn.functional.cross_entropy(Z, Y[rows]))
        gradients = torch.autograd.grad(sum(costs) / 2, parts)
        n, after = i + 1, []
        for p, d, decay, (m, v) in zip(parts, gradients, decays, moments, strict=True):
            m.mul_(0.9).add_(0.1 * d)
            v.mul_(0.999).add_(0.001 * d * d)
            correction = math.sqrt(1 - 0.999**n) / (1 - 0.9**n)
            p = p.detach() * (1.0 - 0.002 * decay)
            p = p - 0.002 * correction * m / (v.sqrt() + 1e-8)
            signs = torch.tensor(random.choice([-1.0, 1.0], p.shape))
            after.append(p * (1.0 + disturb * signs))
        parts = after
    return np.concatenate([p.numpy().ravel() for p in parts])


def test_the_trajectory_of_tabm_is_that_of_the_formulas():
    """As far apart as rounding explains, with columns of many values, of two, and of no numbers."""
    random = np.random.default_rng(0)
    X = np.column_stack([random.standard_normal(24), np.arange(24) % 2.0, random.random(24)])
    Y = np.eye(3)[random.integers(0, 3, 24)]
    recipe = TabM(k=2, units=6, dropout=0.0, embeddings="piecewise-linear")
    inputs = Inputs((0, 1, 2), 2, (), (), (0.0,) * 3, (1.0,) * 3)
    layers = [*recipe.encoding(inputs, X), *recipe.layers(inputs, Task(3))]
    net = ann.Network([3, *layers], "categorical_cross_entropy", dtype="float64", seed=5)
    recipe.begin(net, X)
    shapes = [parameter.shape for parameter in net.objective.parameters]
    edges = [np.unique(np.float32(np.quantile(x, np.linspace(0.0, 1.0, 24)))) for x in X.T[:2]]
    assert list(map(len, edges)) == [24, 2]
    edges = [a.tolist() for a in edges]
    before = np.asarray(net.theta).copy()
    ann.train(
        net, X, Y, epochs=20, batch_size=8, shuffle=False, optimizer=recipe.optimizer(Task(3))
    )
    expected = tabm_transcribed(before, shapes, edges, X, Y, 60)
    rounding = math.sqrt(64) * 2.0**-53  # of sums of at most 64 terms, whose errors add at random
    disturbed = tabm_transcribed(before, shapes, edges, X, Y, 60, disturb=rounding)
    allowed = 8.0 * np.max(np.abs(disturbed - expected))
    assert np.max(np.abs(expected - before)) > 0.05  # it has come a long way
    assert 0.0 < allowed < 1e-9
    np.testing.assert_allclose(net.theta, expected, rtol=0.0, atol=allowed)


# What RealMLP-TD begins with


def test_units_begin_with_size_one_and_their_zero_among_the_examples():
    """Standard deviation 1 of V A_prev, and a bias in the reach of what it makes of them."""
    X, y = blobs()
    preparation = Preparation.fit(X).with_outputs((0, 1, 2))
    examples = Examples(preparation.blocks(X), y)
    prepared, net = fit_recipe(RealMLP(epochs=1, learning_rate=1e-30), preparation, examples)
    assert isinstance(net.objective.layers.layers[0], PeriodicEmbedding)
    A, held = net.backend.asarray(prepared.features(X), net.dtype).T, net.parameters
    for layer in net.objective.layers.layers:
        own = held.pop(0) if layer.parameters(A.shape[0]) else ()
        if isinstance(layer, NeuralTangentDense):
            V = own[0] @ A / np.sqrt(A.shape[0])
            np.testing.assert_allclose(V.std(axis=1), 1.0, rtol=1e-4)
            assert np.all(own[1][:, 0] >= -V.max(axis=1) - 1e-4)
            assert np.all(own[1][:, 0] <= -V.min(axis=1) + 1e-4)
            assert len({*own[1][:, 0].tolist()}) == len(own[1])
        A = layer.predict(A, own, xp=np)


def test_what_is_predicted_stays_in_the_range_of_training():
    X, y = blobs()
    model = ann.RealMLPRegressor(validation_fraction=0.0, **QUICK).fit(X, 1.0 * y)
    far = model.predict(pd.DataFrame({"a": [-1e6, 1e6], "b": ["x", "z"]}))
    assert far.min() >= -1e-12
    assert far.max() <= 2.0 + 1e-12


def test_categories_beyond_eight_are_embedded():
    X, y = blobs(270)
    X["b"] = list("abcdefghi") * 30
    model = ann.RealMLPClassifier(**QUICK).fit(X, y)
    assert isinstance(model.network_.objective.layers.layers[0], Embedding)
    assert model.score(X, y) > 0.9


# How they are trained


def blobs(n=300, classes=3):
    random = np.random.default_rng(2)
    y = np.arange(n) % classes
    X = pd.DataFrame({"a": y + 0.2 * random.standard_normal(n), "b": list("xyz") * (n // 3)})
    return X, y


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_learns_on_every_backend(name, backend):
    X, y = blobs(150)
    preparation = Preparation.fit(X).with_outputs((0, 1, 2))
    examples, held_out = Examples(preparation.blocks(X), y).split(0.2, 0)
    assert (len(examples), len(held_out)) == (120, 30)
    few = {"k": 4, "units": 32, "learning_rate": 0.02} if name == "tabm" else {}
    recipe = replace(get_recipe(name)(), epochs=6, batch_size=32, **few)
    preparation, net = fit_recipe(
        recipe, preparation, examples, held_out, backend=backend.backend, dtype=backend.dtype
    )
    preparation.check_network(net)
    assert net.training.history["validation_score"][-1] > 0.9
    assert (preparation.predictions(net.predict(preparation.features(X))) == y).mean() > 0.9


def test_what_a_recipe_learns_comes_from_the_rows_of_training():
    X = pd.DataFrame({"x": np.arange(40.0) + 0.5})
    y = np.arange(40.0)
    preparation = Preparation.fit(X)
    examples = Examples(preparation.blocks(X), y).take(np.arange(10))
    prepared, _ = fit_recipe(RealMLPS(epochs=1), preparation, examples)
    assert prepared.inputs.centers == (5.0,)
    assert prepared.mean == 4.5


# The estimators

QUICK = {"epochs": 24, "random_state": 0, "dtype": "float64"}
DRAWN = {
    "check_sample_weight_equivalence_on_dense_data": "which rows are held out, and which make a "
    "minibatch, is drawn by their number"
}


@pytest.mark.filterwarnings("ignore::agnostic_nn.TrainingWarning")
@pytest.mark.filterwarnings("ignore:.*A column-vector y:sklearn.exceptions.DataConversionWarning")
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
@parametrize_with_checks(
    [
        ann.RealMLPClassifier("realmlp-s", **QUICK),
        ann.RealMLPRegressor("realmlp-s", **QUICK),
        ann.RealMLPClassifier(**QUICK),
        ann.RealMLPRegressor(**QUICK),
        ann.TabMClassifier(TabM(k=4, units=16, learning_rate=0.02), **QUICK),
        ann.TabMRegressor(TabM(k=4, units=16, learning_rate=0.02), **QUICK),
    ],
    expected_failed_checks=lambda _: DRAWN,
)
def test_check(estimator, check):
    check(estimator)


def test_a_table_as_people_have_it(backend):
    X, y = blobs()
    labels = np.asarray(["low", "middle", "high"])[y]
    X = X.assign(c=pd.Categorical(list("pq") * 150), d=pd.date_range("2024-01-01", periods=300))
    X.loc[::7, "a"] = None
    X.loc[::11, "b"] = None
    model = ann.RealMLPClassifier(**QUICK | {"dtype": backend.dtype}, backend=backend.backend)
    model.fit(X, labels)
    assert model.score(X.iloc[:, ::-1], labels) > 0.8
    assert model.classes_.tolist() == ["high", "low", "middle"]
    probabilities = model.predict_proba(X)
    assert probabilities.shape == (300, 3)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0, rtol=1e-12)


def test_a_quantity():
    X, y = blobs()
    model = ann.RealMLPRegressor(**QUICK).fit(X, 1000.0 + 50.0 * y)
    assert model.score(X, 1000.0 + 50.0 * y) > 0.9


def test_a_saved_model_answers_as_before(tmp_path):
    X, y = blobs()
    labels = np.asarray(["low", "middle", "high"])[y]
    model = ann.RealMLPClassifier(**QUICK).fit(X, labels)
    ann.save(model, tmp_path / "model.safetensors")
    loaded = ann.load(tmp_path / "model.safetensors")
    # which the one adds up to 1 in float64, and the other in the dtype of the network
    np.testing.assert_allclose(loaded.predict_proba(X), model.predict_proba(X), rtol=2.0**-50)
    assert loaded.predict(X).tolist() == model.predict(X).tolist()


def test_validation_of_one_s_own_and_the_best_epoch():
    X, y = blobs()
    model = ann.RealMLPClassifier(**QUICK).fit(X[:200], y[:200], validation=(X[200:], y[200:]))
    best = max(model.network_.training.history["validation_score"])
    assert model.score(X[200:], y[200:]) == pytest.approx(best)


def test_where_probabilities_count_no_label_is_smoothed():
    X, y = blobs()
    seen = {}
    for probabilities in (False, True):
        model = ann.RealMLPClassifier("realmlp-s", probabilities=probabilities, **QUICK).fit(X, y)
        seen[probabilities] = model.predict_proba(X).max()
    assert seen[False] < 0.96 < 0.99 < seen[True]


def test_weights_of_classes_and_examples():
    X, y = blobs()
    heavy = ann.RealMLPClassifier(class_weight={0: 1e-3, 1: 1.0, 2: 1.0}, **QUICK).fit(X, y)
    ignored = ann.RealMLPClassifier(**QUICK).fit(X, y, sample_weight=np.where(y == 0, 1e-3, 1.0))
    for model in (heavy, ignored):
        plain = ann.RealMLPClassifier(**QUICK).fit(X, y)
        assert model.predict_proba(X)[:, 0].mean() < plain.predict_proba(X)[:, 0].mean()
    np.testing.assert_array_equal(heavy.predict_proba(X), ignored.predict_proba(X))


def test_the_time_is_limited():
    X, y = blobs()
    model = ann.RealMLPClassifier(time_limit=1e-9, random_state=0).fit(X, y)
    assert model.network_.training.epoch == 1
    assert model.predict(X).shape == y.shape


@pytest.mark.parametrize("n", [2, 5, 10])
def test_a_few_rows(n):
    X, y = blobs()
    model = clone(ann.RealMLPClassifier(**QUICK | {"epochs": 2})).fit(X[:n], y[:n])
    assert model.predict(X[:n]).shape == (n,)


def test_a_class_seen_once():
    X, y = blobs()
    y = np.where(np.arange(300) == 7, 3, y)
    model = ann.RealMLPClassifier(**QUICK | {"epochs": 2}).fit(X, y)
    assert model.predict_proba(X).shape == (300, 4)


@pytest.mark.parametrize(
    ("fit", "message"),
    [
        (lambda X, y: ann.RealMLPClassifier().fit(X, 0 * y), r"^y has one class only, 0: wanted"),
        (lambda X, y: ann.RealMLPClassifier("realmpl").fit(X, y), r"^recipe='realmpl' is not kno"),
        (lambda X, y: ann.RealMLPClassifier(n_ens=0).fit(X, y), r"^n_ens=0: wanted a whole numb"),
        (lambda X, y: ann.RealMLPClassifier(epochs=0).fit(X, y), r"^epochs=0: wanted a whole num"),
        (lambda X, y: ann.RealMLPClassifier(time_limit=0).fit(X, y), r"^time_limit=0: wanted a n"),
        (
            lambda X, y: ann.RealMLPClassifier(validation_fraction=1.0).fit(X, y),
            r"^validation_fraction=1\.0: wanted",
        ),
        (
            lambda X, y: ann.RealMLPClassifier().fit(X, y, validation=X),
            r"^validation: wanted \(X, y\) or \(X, y, sample_weight\)\.$",
        ),
        (
            lambda X, y: ann.RealMLPClassifier().fit(X, y, validation=(X, y + 1)),
            r"^validation: y has the class 3, which is not among those of training\.$",
        ),
    ],
)
def test_messages(fit, message):
    with pytest.raises(ann.InvalidArgument, match=message):
        fit(*blobs(30))


def test_a_recipe_of_one_s_own():
    class Small(Recipe):
        def layers(self, inputs, task):
            return RealMLPS(hidden=(4,)).layers(inputs, task)

        def optimizer(self, task):
            return ann.Adam(0.01)

    X, y = blobs(30)
    model = ann.RealMLPClassifier(Small(epochs=2)).fit(X, y)
    assert model.network_.objective.widths[-2:] == (4, 3)


def test_a_date_is_its_day_scaled_as_numbers_are():
    X = pd.DataFrame({"day": pd.date_range("2024-01-01", periods=41, freq="5D").astype(str)})
    preparation = Preparation.fit(X)
    preparation = RealMLPS().prepared(preparation, preparation.blocks(X))
    found = preparation.features(X)[:, preparation.feature_names.index("day")]
    days = 5.0 * np.arange(41)  # whatever the first one is, the median is taken away
    z = (days - 100.0) / (150.0 - 50.0)
    np.testing.assert_allclose(found, z / np.sqrt(1.0 + (z / 3.0) ** 2), rtol=1e-12, atol=1e-12)
