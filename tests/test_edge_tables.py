"""Tables at the edge, from the rows to the answers, by the formulas of RealMLP-TD-S.

Ten rows, a class seen once, columns of one value and of no range, categories and numbers that are
missing or unknown: what is read, learned and answered is written here a second time, in NumPy, for
a network of one hidden layer whose minibatch is all rows.
"""

import math
import statistics

import numpy as np
import pytest
from definitions import ACTIVATIONS, SELU_ALPHA, SELU_SCALE

pd = pytest.importorskip("pandas")

from agnostic_nn.tabular import Preparation  # noqa: E402
from agnostic_nn.tabular.recipes import Examples, RealMLPS, fit_recipe  # noqa: E402

EPOCHS, UNITS = 12, 8

# Ten rows, and what is asked afterwards; `None` is missing, "z" was never seen.
FRAME = pd.DataFrame({
    "x": [0.5, -1.0, 2.5, 0.0, 1.5, 3.0, -2.0, 0.25, 4.0, -0.75],
    "gap": [1.0, None, 3.0, 4.0, None, 6.0, 7.0, 8.0, 9.0, 10.0],
    "still": [0.0] * 9 + [5.0],  # its quartiles are the same
    "two": list("abbabaabba"),
    "some": ["p", "q", None, "r", "p", "q", "r", "p", None, "p"],
})  # fmt: skip
ASKED = pd.DataFrame({
    "x": [1e9, 0.1, 0.2],
    "gap": [None, 2.0, 4.0],
    "still": [5.0, -1e12, 0.0],
    "two": ["a", None, "z"],
    "some": ["r", "z", None],
})  # fmt: skip
TARGETS = {
    "two classes": [0, 1, 1, 0, 1, 1, 0, 0, 1, 0],
    "a class seen once": [0, 1, 1, 0, 1, 1, 0, 2, 1, 0],
    "a quantity": [3.0, -1.0, 7.5, 2.0, 4.5, 9.0, -5.0, 1.5, 12.0, 0.0],
}


#: What each row counts for. Were it the same for all, the last bias could learn nothing of a
#: standardized quantity but rounding, which Adam makes large.
WEIGHT = np.asarray([3.0, 1.0, 2.0, 1.0, 1.0, 0.0, 1.0, 4.0, 1.0, 1.0])


# What is read


def scaled(training, values):
    """Robustly, by the numbers of training, and smoothly clipped."""
    center = statistics.median(training)
    q25, q75 = np.quantile(training, [0.25, 0.75])
    low, high = min(training), max(training)
    factor = 1.0 / (q75 - q25) if q75 > q25 else 2.0 / (high - low) if high > low else 0.0
    z = (np.asarray(values) - center) * factor
    return z / np.sqrt(1.0 + (z / 3.0) ** 2)


def read(frame):
    """Return the inputs of a frame with the columns of `FRAME`, column by column."""

    def both(make):
        return scaled(make(FRAME), make(frame))

    middle = FRAME["gap"].median()
    columns = [
        both(lambda f: f["x"].to_numpy()),
        both(lambda f: f["gap"].fillna(middle).to_numpy()),
        both(lambda f: f["still"].to_numpy()),
        both(lambda f: f["gap"].isna().to_numpy(float)),
        both(lambda f: (f["two"] == "a").to_numpy(float) - (f["two"] == "b").to_numpy(float)),
        *(both(lambda f, c=c: (f["some"] == c).to_numpy(float)) for c in "pqr"),
    ]
    return np.stack(columns, axis=1)


# What is learned


def selu_derivative(z):
    return SELU_SCALE * np.where(z > 0.0, 1.0, SELU_ALPHA * np.exp(z))


def mish_derivative(z):
    inner = np.tanh(np.log(1.0 + np.exp(z)))
    return inner + z * (1.0 - inner**2) / (1.0 + np.exp(-z))


def parts_of(theta, n_in, n_out):
    """Return scale, W and b of the hidden layer, W and b of the last one."""
    shapes = [(n_in,), (UNITS, n_in), (UNITS,), (n_out, UNITS), (n_out,)]
    ends = np.cumsum([math.prod(shape) for shape in shapes])
    return [p.reshape(s) for p, s in zip(np.split(theta, ends[:-1]), shapes, strict=True)]


def forward(parts, X, g):
    s, W1, b1, W2, b2 = parts
    Z = (X * s) @ W1.T / math.sqrt(X.shape[1]) + b1
    return Z, g(Z), g(Z) @ W2.T / math.sqrt(UNITS) + b2


def probabilities(logits):
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    return shares / shares.sum(axis=1, keepdims=True)


def learned(theta, X, Y, classes, disturb=0.0):
    """Return theta after as many steps as there are epochs.

    Errors, and theta after each step, are so much larger or smaller where they are to be disturbed.
    """
    random = np.random.default_rng(1)

    def rounded(values):
        return values * (1.0 + disturb * random.choice([-1.0, 1.0], values.shape))

    g, derivative = (ACTIVATIONS["selu"], selu_derivative) if classes else (
        ACTIVATIONS["mish"], mish_derivative)  # fmt: skip
    parts = parts_of(theta, X.shape[1], Y.shape[1])
    Y = 0.9 * Y + 0.1 / classes if classes else Y
    moments = [(0.0, 0.0)] * 5
    for i in range(EPOCHS):
        s, W1, _, W2, _ = parts
        Z, A, outputs = forward(parts, X, g)
        dZ2 = rounded((probabilities(outputs) if classes else outputs) - Y)
        dZ2 = dZ2 * WEIGHT[:, None] / WEIGHT.sum()
        dZ1 = rounded(dZ2 @ W2 / math.sqrt(UNITS) * derivative(Z))
        root = math.sqrt(X.shape[1])
        gradients = [
            (dZ1 @ W1 / root * X).sum(axis=0), dZ1.T @ (X * s) / root, dZ1.sum(axis=0),
            dZ2.T @ A / math.sqrt(UNITS), dZ2.sum(axis=0),
        ]  # fmt: skip
        t = i / EPOCHS
        rate = (0.04 if classes else 0.07) * (1 - math.cos(2 * math.pi * math.log2(1 + 15 * t))) / 2
        correction = math.sqrt(1 - 0.95 ** (i + 1)) / (1 - 0.9 ** (i + 1))
        moments = [(0.9 * m + 0.1 * d, 0.95 * v + 0.05 * d * d)
                   for (m, v), d in zip(moments, gradients, strict=True)]  # fmt: skip
        parts = [
            p - factor * rate * correction * m / (np.sqrt(v) + 1e-8)
            for p, (m, v), factor in zip(parts, moments, (6.0, 1.0, 0.1, 1.0, 0.1), strict=True)
        ]
        parts = [rounded(p) for p in parts]
    return np.concatenate([p.ravel() for p in parts])


@pytest.mark.filterwarnings("ignore::agnostic_nn.TableWarning")  # of what was never seen
@pytest.mark.parametrize("kind", TARGETS)
def test_ten_rows(kind, backend):
    """As far apart as rounding explains: as far as disturbed runs of the formulas come."""
    y = np.asarray(TARGETS[kind])
    classes = len(set(y)) if y.dtype.kind == "i" else 0
    recipe = RealMLPS(hidden=(UNITS,), epochs=EPOCHS)
    where = {"backend": backend.backend, "dtype": backend.dtype}
    preparation = Preparation.fit(FRAME).with_outputs(tuple(range(classes)))
    examples = Examples(preparation.blocks(FRAME), y, WEIGHT)
    preparation, net = fit_recipe(recipe, preparation, examples, **where)
    np.testing.assert_allclose(preparation.features(FRAME), read(FRAME), rtol=1e-14, atol=1e-15)
    np.testing.assert_allclose(preparation.features(ASKED), read(ASKED), rtol=1e-14, atol=1e-15)

    X, Y = read(FRAME), np.eye(classes)[y] if classes else ((y - y.mean()) / y.std())[:, None]
    begun = recipe.network(preparation, X, Y, **where)
    theta = backend.to_numpy(begun.theta).astype("float64")
    expected = learned(theta, X, Y, classes)
    assert np.max(np.abs(expected - theta)) > 0.1  # it has come a long way
    rounding = math.sqrt(16) * backend.unit_roundoff  # of sums of at most 16 terms
    disturbed = learned(theta, X, Y, classes, disturb=rounding)
    allowed = 8.0 * np.max(np.abs(disturbed - expected))
    assert net.training.step == EPOCHS  # a minibatch of ten rows is one that is whole
    assert 0.0 < allowed < 1e-2
    np.testing.assert_allclose(backend.to_numpy(net.theta), expected, rtol=0.0, atol=allowed)

    def answers(theta):
        g = ACTIVATIONS["selu" if classes else "mish"]
        outputs = forward(parts_of(theta, X.shape[1], Y.shape[1]), read(ASKED), g)[-1]
        return probabilities(outputs) if classes else outputs

    allowed = 8.0 * np.max(np.abs(answers(disturbed) - answers(expected)))
    got = net.predict(preparation.features(ASKED))
    np.testing.assert_allclose(got, answers(expected), rtol=0.0, atol=allowed)


@pytest.mark.parametrize(("n", "batch_size", "steps"), [(10, 256, 1), (10, 4, 2), (3, 2, 1)])
def test_a_minibatch_that_is_not_full_is_left_out_but_for_the_only_one(n, batch_size, steps):
    preparation = Preparation.fit(FRAME).with_outputs(())
    examples = Examples(preparation.blocks(FRAME.iloc[:n]), np.asarray(TARGETS["a quantity"])[:n])
    recipe = RealMLPS(hidden=(UNITS,), epochs=3, batch_size=batch_size)
    _, net = fit_recipe(recipe, preparation, examples)
    assert net.training.step == 3 * steps
