"""What bad input gets: one sentence that names the argument, what it was, what was wanted."""

import numpy as np
import pytest

import agnostic_nn as ann

X, Y = np.ones((4, 3)), np.zeros((4, 1))


def network(**options):
    return ann.Network([3, 2, 1], "squared_error", **options)


def holding(value, row, column, shape=(4, 3)):
    array = np.ones(shape)
    array[row, column] = value
    return array


#: What every way into a network says of its data.
DATA = [
    (holding(np.nan, 2, 1), Y, r"^X holds nan at row 2, column 1: wanted finite numbers\.$"),
    (holding(np.inf, 3, 0), Y, r"^X holds inf at row 3, column 0"),
    (holding(-np.inf, 0, 2), Y, r"^X holds -inf at row 0, column 2"),
    (X, holding(np.nan, 3, 0, (4, 1)), r"^Y holds nan at row 3, column 0"),
    (np.ones((4, 2)), Y, r"^X has shape \(4, 2\), wanted \(n_samples, 3\): one example per row"),
    (np.ones(3), Y, r"^X has shape \(3,\), wanted \(n_samples, 3\)"),
    (np.ones((4, 3, 1)), Y, r"^X has shape \(4, 3, 1\), wanted \(n_samples, 3\)"),
    (X, np.ones((4, 2)), r"^Y has shape \(4, 2\), wanted \(n_samples, 1\)"),
    (X, np.ones((3, 1)), r"^X has 4 rows and Y has 3: wanted one target per example\.$"),
    (np.ones((0, 3)), np.ones((0, 1)), r"^X has no rows: wanted at least one example\.$"),
    (X, np.ones((0, 1)), r"^Y has no rows"),
    ([["a", "b", "c"]], [1.0], r"^X cannot be read as numbers: .*'a'"),
    ([[1.0, 2.0], [1.0]], [1.0], r"^X cannot be read as numbers: "),
    (X, [{}, {}, {}, {}], r"^Y cannot be read as numbers: "),
    (X, None, r"^Y "),
    ("digits", Y, r"^X cannot be read as numbers"),
]


@pytest.mark.parametrize(("X", "Y", "message"), DATA)
@pytest.mark.parametrize("way", ["train", "cost", "gradient_check"])
def test_data(way, X, Y, message):
    net = network()
    theta = net.theta.copy()
    ways = {"train": ann.train, "cost": ann.Network.cost, "gradient_check": ann.gradient_check}
    with pytest.raises(ann.InvalidArgument, match=message):
        ways[way](net, X, Y)
    np.testing.assert_array_equal(net.theta, theta)
    assert net.training is None


@pytest.mark.parametrize(
    ("X", "message"), [(X, message) for X, _, message in DATA if message.startswith("^X has shape")]
)
def test_predict(X, message):
    with pytest.raises(ann.InvalidArgument, match=message):
        network().predict(X)


def test_not_finite_on_every_backend(backend):
    net = network(backend=backend.backend)
    with pytest.raises(ann.InvalidArgument, match=r"^X holds nan at row 2, column 1"):
        net.predict(backend.asarray(holding(np.nan, 2, 1)))


def test_not_finite_far_down(monkeypatch):
    monkeypatch.setattr("agnostic_nn.rows.CHUNK", 3 * 10)
    with pytest.raises(ann.InvalidArgument, match=r"^X holds nan at row 37, column 2"):
        network().predict(holding(np.nan, 37, 2, (50, 3)))


def test_too_large_for_the_dtype():
    with pytest.raises(ann.InvalidArgument, match=r"^X holds .* at row 1, column 1"):
        network(dtype="float32").predict(holding(1e300, 1, 1))


def test_validation_set_is_checked():
    with pytest.raises(ann.InvalidArgument, match=r"has shape \(4, 2\), wanted \(n_samples, 3\)"):
        ann.train(network(), X, Y, validation=(np.ones((4, 2)), Y))


WEIGHTS = [
    (np.ones(3), r"^X has 4 rows and sample_weight has 3: wanted one weight each\.$"),
    (np.ones((4, 2)), r"^sample_weight has shape \(4, 2\)"),
    ([1.0, -1.0, 1.0, 1.0], r"^sample_weight: wanted weights at least 0 and not all 0\.$"),
    (np.zeros(4), r"^sample_weight: wanted weights at least 0 and not all 0\.$"),
    ([1.0, np.nan, 1.0, 1.0], r"^sample_weight holds nan at row 1"),
]


@pytest.mark.parametrize(("weight", "message"), WEIGHTS)
def test_sample_weight(weight, message):
    with pytest.raises(ann.InvalidArgument, match=message):
        ann.train(network(), X, Y, sample_weight=weight)


def masked(array, place=0):
    holes = np.ma.masked_array(array)
    holes[place] = np.ma.masked
    return holes


@pytest.mark.parametrize("name", ["X", "Y", "sample_weight", "a list"])
def test_masked_entries(name):
    """What lies beneath a mask is no number that anybody vouches for."""
    data = {"X": X, "Y": Y, "sample_weight": np.ones(4)}
    if name == "a list":
        name, data["X"] = "X", [masked(row) for row in X]
    else:
        data[name] = masked(data[name])
    message = rf"^{name} has masked entries: wanted all numbers there"
    with pytest.raises(ann.InvalidArgument, match=message):
        ann.train(network(), **data)
    if name == "X":
        with pytest.raises(ann.InvalidArgument, match=message):
            network().predict(data["X"])


def test_a_mask_that_hides_nothing():
    np.testing.assert_array_equal(
        network().predict(np.ma.masked_array(X, mask=False)), network().predict(X)
    )


@pytest.mark.filterwarnings("ignore:(overflow|invalid value) encountered:RuntimeWarning")
@pytest.mark.parametrize("output", ["identity", "sigmoid"])
def test_outputs_that_are_not_finite(output, backend):
    """Features that are, and whose products are not, or infinity less infinity."""
    far = backend.asarray([[0.0, 0.0], [1.0, 1.0]]) * (0.9 * float(np.finfo(backend.dtype).max))
    net = ann.Network([2, 8, 1], "squared_error", output=output, dtype=backend.dtype,
                      backend=backend.backend)  # fmt: skip
    net.theta = net.theta * 4.0
    net.predict(far[:1, :])
    with pytest.raises(
        ann.InvalidArgument,
        match=rf"^X: not every output is finite in {backend.dtype}: its numbers, or the "
        r"parameters of Network\(.*\), are too large\.$",
    ):
        net.predict(far)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"epochs": -1}, r"^epochs=-1: wanted a whole number at least 0\.$"),
        ({"epochs": 1.5}, r"^epochs=1\.5: wanted a whole number at least 0\.$"),
        ({"epochs": True}, r"^epochs=True: wanted a whole number"),
        ({"batch_size": 0}, r"^batch_size=0: wanted a whole number at least 1\.$"),
        ({"batch_size": "all"}, r"^batch_size='all': wanted a whole number at least 1\.$"),
        ({"patience": 0}, r"^patience=0: wanted a whole number at least 1\.$"),
        ({"tolerance": -0.1}, r"^tolerance=-0\.1: wanted a number at least 0\.0\.$"),
        ({"clip_norm": 0.0}, r"^clip_norm=0\.0: wanted a number above 0\.0\.$"),
        ({"clip_norm": float("nan")}, r"^clip_norm=nan: wanted a number above 0\.0\.$"),
        ({"validation": 1.0}, r"^validation=1\.0: wanted a number above 0\.0 and below 1\.0\.$"),
        ({"validation": 0}, r"^validation=0: wanted a number above 0\.0 and below 1\.0\.$"),
        ({"optimizer": "adan"}, r"^optimizer='adan' is not known\. Did you mean 'adam'\? Known: "),
        ({"optimizer": ann.Adam}, r"optimizer=<class .*Adam'> is not known"),
    ],
)
def test_arguments_of_train(options, message):
    net = network()
    with pytest.raises(ann.InvalidArgument, match=message):
        ann.train(net, X, Y, **options)
    assert net.training is None


def test_nothing_to_hold_out():
    with pytest.raises(ann.InvalidArgument, match=r"validation=0\.5: wanted at least 2 examples"):
        ann.train(network(), X[:1], Y[:1], validation=0.5)


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (([3], "huber"), {}, r"^widths=\[3\]: wanted at least two, the number of features"),
        ((3, "huber"), {}, r"^widths=3: wanted at least two"),
        (("30", "huber"), {}, r"^widths='30': wanted at least two"),
        (([3, 0], "huber"), {}, r"^widths=0: wanted a whole number at least 1\.$"),
        (([3, 1.5], "huber"), {}, r"^widths=1\.5: wanted a whole number at least 1\.$"),
        (([3, 1], "hubert"), {}, r"^loss='hubert' is not known\. Did you mean 'huber'\? Known: "),
        (([3, 2, 1], "huber"), {"activation": "rellu"}, r"^activation='rellu' .*mean 'relu'\?"),
        (
            ([3, 2, 1], "huber"),
            {"activation": ["relu"] * 2},
            r"^activation has 2 entries for 1 hid",
        ),
        (([3, 1], "huber"), {"output": "sigmoyd"}, r"Did you mean 'sigmoid'"),
        (
            ([3, 2, 1], "huber"),
            {"dropout": 1.0},
            r"^dropout=1\.0: wanted a number at least 0\.0 and",
        ),
        (
            ([3, 2, 1], "huber"),
            {"dropout": 0.999999},
            r"^dropout=0\.999999: wanted a number at least 0\.0 and at most 0\.99996948",
        ),
        (
            ([3, 2, 1], "huber"),
            {"dropout": [0.1] * 3},
            r"^dropout has 3 entries for 1 hidden layer",
        ),
        (([3, 2, 1], "huber"), {"dropout": "half"}, r"^dropout='half': wanted a number"),
        (([3, 2, 1], "huber"), {"l2": -1}, r"^l2=-1: wanted a number at least 0\.0\.$"),
        (([3, 2, 1], "huber"), {"seed": -1}, r"^seed=-1: wanted a whole number at least 0 and"),
        (([3, 2, 1], "huber"), {"seed": 0.5}, r"^seed=0\.5: wanted a whole number"),
        (([3, 1], "huber"), {"dtype": "float23"}, r"^dtype='float23' .*Did you mean 'float32'"),
        (([3, 1], "huber"), {"backend": "numpyy"}, r"^backend='numpyy' .*Did you mean 'numpy'"),
        (([3, 1], "huber"), {"initializer": "xavier"}, r"^initializer='xavier' is not known\. Kno"),
    ],
)
def test_arguments_of_network(arguments, options, message):
    with pytest.raises(ann.InvalidArgument, match=message):
        ann.Network(*arguments, **options)


class TestFunctions:
    def test_cost(self):
        with pytest.raises(ann.InvalidArgument, match=r"^AL has shape \(1, 3\) and Y \(1, 4\): "):
            ann.compute_cost(np.ones((1, 3)), np.ones((1, 4)))

    def test_backward(self):
        with pytest.raises(ann.InvalidArgument, match=r"^AL has shape \(3, 1\) and Y \(1, 3\): "):
            ann.initialize_backward(np.ones((3, 1)), np.ones((1, 3)))

    def test_weights(self):
        with pytest.raises(
            ann.InvalidArgument, match=r"sample_weight has shape \(3,\), wanted \(1"
        ):
            ann.compute_cost(np.ones((1, 3)), np.ones((1, 3)), sample_weight=np.ones(3))

    def test_loss(self):
        with pytest.raises(ann.InvalidArgument, match="Did you mean 'squared_error'"):
            ann.compute_cost(np.ones((1, 3)), np.ones((1, 3)), loss="square_error")


def test_errors_are_what_python_calls_them():
    for error, kind in (
        (ann.InvalidArgument, ValueError),
        (ann.InvalidType, TypeError),
        (ann.BackendUnavailable, RuntimeError),
        (ann.DependencyMissing, ImportError),
        (ann.OutOfMemory, MemoryError),
    ):
        assert issubclass(error, kind)
        assert issubclass(error, ann.AgnosticNNError)
    assert issubclass(ann.TrainingWarning, UserWarning)
