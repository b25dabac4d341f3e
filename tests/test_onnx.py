"""ONNX files, as onnxruntime reads them, against what the network predicts."""

import numpy as np
import pytest

import agnostic_nn as ann
from agnostic_nn.backends.numpy_calls import constant
from agnostic_nn.exchange import from_torch, to_onnx, to_torch
from agnostic_nn.exchange.onnx_functions import ELEMENTWISE
from agnostic_nn.layers import LAYERS, BatchNorm, Dense, Layer, Members, Residual
from agnostic_nn.prediction import Prediction
from agnostic_nn.programs.enclosure import enclose, holds
from agnostic_nn.programs.steps import record_prediction
from agnostic_nn.standard import KIND_OF, UNARY

pytest.importorskip("onnx", reason="onnx is not installed")
runtime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")

RANDOM = np.random.default_rng(3)
X = RANDOM.standard_normal((50, 4))
X[:, 0] = RANDOM.integers(0, 4, 50)  # categories, for the layer that reads them
WIDE = X * np.geomspace(1e-3, 60.0, 50)[:, None]
DTYPES = ["float16", "float32", "float64"]


@pytest.fixture
def exported(tmp_path):
    """Return a function that runs a network's file on rows."""

    def run(net, rows):
        to_onnx(net, tmp_path / "m.onnx")
        options = {"providers": ["CPUExecutionProvider"]}
        session = runtime.InferenceSession(str(tmp_path / "m.onnx"), **options)
        (answer,) = session.run(None, {"X": rows})
        return answer

    return run


def spread(net):
    """Give every parameter a number of its own, and buffers too."""
    random = np.random.default_rng(11)
    net.theta = net.theta + 0.3 * random.standard_normal(net.theta.shape).astype(net.dtype)
    net.buffers = net.buffers + random.random(net.buffers.shape).astype(net.dtype)
    return net


def assert_predicts(answer, net, rows):
    """Within bounds that hold for the program of the prediction on any machine."""
    objective = net.objective
    held = {"theta": net.theta} | ({"buffers": net.buffers} if objective.buffers else {})
    widths = [rows.shape[1]]
    recording = record_prediction(Prediction(objective), [*held.values()], widths, len(rows))
    given = {**held, "X": rows}
    bound = enclose(recording.program, given, np.arange(0), np, constant)["A"]
    assert answer.dtype == net.dtype
    assert holds(bound, answer, np)
    assert holds(bound, net.predict(rows), np)
    if net.dtype_name != "float16":  # whose few digits leave wide bounds
        width = (bound.high - bound.low) / (1.0 + np.abs(bound.high))
        assert np.max(width) < 2**13 * np.finfo(net.dtype).eps


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ann.ACTIVATIONS)
def test_every_activation(exported, name, dtype):
    """Of hidden layers, and of the output."""
    output = name if name != "exponential" else "identity"
    options = {"activation": name, "output": output, "dtype": dtype}
    net = spread(ann.Network([4, 6, 3], "squared_error", **options))
    rows = (X / 4.0 if dtype == "float16" or name == "exponential" else WIDE).astype(dtype)
    assert_predicts(exported(net, rows), net, rows)


@pytest.mark.parametrize("name", ann.ACTIVATIONS)
def test_activations_at_the_extremes(exported, name):
    """The exported function overflows no sooner than ours."""
    net = ann.Network([1, 2], "squared_error", output=name, initializer="zeros")
    net.theta += np.asarray([1.0, -1.0, 0.0, 0.0], "float32")
    rows = np.asarray([[0.0], [1e-30], [50.0], [1e4], [1e30], [-1e4], [-1e30]], "float32")
    expected = net.predict(rows)
    assert np.isfinite(expected).all()
    np.testing.assert_allclose(exported(net, rows), expected, rtol=2e-6, atol=1e-37)


@pytest.mark.parametrize("activation", sorted(set(ann.ACTIVATIONS) - {"exponential"}))
@pytest.mark.parametrize("loss", ann.LOSSES)
def test_every_activation_with_the_output_of_every_loss(exported, loss, activation):
    net = spread(ann.Network([4, 6, 3], loss, activation=activation))
    rows = X.astype("float32")
    assert_predicts(exported(net, rows), net, rows)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", LAYERS)
def test_every_layer(exported, name, dtype):
    """As the first and the last, with any number of rows."""
    layer = LAYERS[name].example()
    before = [Members(layer.k)] if hasattr(layer, "k") and layer.members == 1 else []
    net = ann.Network([4, *before, layer, 3, layer], "huber", activation="tanh", dtype=dtype)
    spread(net)
    for rows in (X, X[:1], X[:7]):
        rows = rows.astype(dtype)
        assert_predicts(exported(net, rows), net, rows)


@pytest.mark.parametrize("kind", ["EnsembleDense", "MemberDense"])
def test_ensembles_of_blocks(exported, kind):
    """Trained, so that everything is as networks are."""
    dense = LAYERS[kind]
    block = Residual([BatchNorm(), dense(6, 3, "silu"), ann.layers.Dropout(0.1), dense(5, 3)])
    net = ann.Network(
        [4, ann.layers.PeriodicEmbedding(2), Members(3), block, ann.layers.LayerNorm(), block,
         dense(3, 3)],
        "categorical_cross_entropy", dtype="float64",
    )  # fmt: skip
    ann.train(net, X, np.eye(3)[RANDOM.integers(0, 3, 50)], epochs=3, progress=False)
    np.testing.assert_allclose(exported(net, X), net.predict(X), rtol=1e-11)


def test_names_are_those_of_a_saved_network(exported, tmp_path):
    import onnx

    net = ann.Network([4, BatchNorm(), Residual([Dense(3)]), 2], "huber")
    exported(net, X.astype("float32"))
    graph = onnx.load(tmp_path / "m.onnx").graph
    held = {tensor.name for tensor in graph.initializer}
    assert {"layers.1.projection.W", "layers.1.layers.0.b", "layers.2.W", "layers.0.beta"} <= held
    assert [each.name for each in (*graph.input, *graph.output)] == ["X", "A"]


def test_bfloat16_becomes_float32(exported):
    pytest.importorskip("torch")
    net = ann.Network([4, 3, 1], "huber", dtype="bfloat16", backend="torch")
    expected = from_torch(to_torch(net), "huber").predict(X)
    np.testing.assert_allclose(exported(net, X.astype("float32")), expected, rtol=2e-5, atol=2e-6)


# What users write themselves


def own(function, name="own", **options):
    return ann.Activation(name, function, lambda Z, *, xp: xp.ones_like(Z), **options)


def network(function, **options):
    return spread(ann.Network([4, 3], "huber", output=own(function), dtype="float64", **options))


#: Where functions are asked, if not anywhere.
DOMAINS = dict.fromkeys(
    ["acosh", "log", "log1p", "log2", "log10", "sqrt", "pow", "reciprocal"], lambda z: abs(z) + 1e-3
) | {"acosh": lambda z: abs(z) + 1.5}
DOMAINS |= dict.fromkeys(["acos", "asin", "atanh", "tan"], lambda z: z / (1.0 + abs(z)))
#: Those that onnxruntime has for float32 alone.
NARROW = {"tan", "asin", "acos", "atan", "sinh", "cosh", "asinh", "acosh", "atanh"}
NUMBERS = sorted(
    name for name in ELEMENTWISE if KIND_OF.get(name) not in (None, "logical") or name == "where"
)


@pytest.mark.parametrize("name", NUMBERS)
def test_every_function(exported, name):
    """In an activation of the user's own, of numbers that are known exactly."""

    def function(Z, *, xp):
        z = DOMAINS[name](Z) if name in DOMAINS else Z
        other = xp.where(Z > 1.0, z, 0.7 - 0.5 * z)
        function, others = getattr(xp, name), () if name in UNARY else (other,)
        found = function(Z > 0.0, z, other) if name == "where" else function(z, *others)
        return xp.astype(found, Z.dtype)

    dtype = "float32" if name in NARROW else "float64"
    net = ann.Network([4, 4], "huber", output=own(function), dtype=dtype)
    net.theta = np.concatenate([np.eye(4).ravel(), np.zeros(4)]).astype(dtype)
    rows = np.concatenate([X, 1e-9 * X]).astype(dtype)
    # a few roundings, of which float32 has more where its functions are fast ones
    rtol = 1e-6 if name in NARROW else 4e-15
    np.testing.assert_allclose(exported(net, rows), net.predict(rows), rtol=rtol, atol=0.0)


def test_yes_and_no(exported):
    def function(Z, *, xp):
        yes, no = Z > 0, Z[:1, :] < 1
        either = xp.logical_xor(xp.logical_and(yes, no), xp.logical_or(yes, no))
        same = (yes & no) | (yes ^ ~no)
        return xp.astype(either, Z.dtype) + 2.0 * xp.astype(xp.logical_not(same), Z.dtype)

    net = network(function)
    np.testing.assert_array_equal(exported(net, X), net.predict(X))


def pairs(Z, xp):
    m = Z.shape[1]
    return Z + xp.sum(xp.reshape(xp.matrix_transpose(Z) @ Z, (m, 1, m)), axis=(1, 2))


FUNCTIONS = {
    "sums": lambda Z, xp: Z - xp.mean(Z, axis=0, keepdims=True) + xp.sum(Z, axis=0)[None, :],
    "extremes": lambda Z, xp: Z * xp.max(Z, axis=0, keepdims=True) - xp.min(Z, axis=0),
    "products": lambda Z, xp: Z + xp.prod(Z, axis=0, keepdims=True),
    "spread": lambda Z, xp: Z * xp.std(Z, axis=0, keepdims=True) + xp.var(Z, axis=0),
    "over all examples": lambda Z, xp: Z - xp.mean(Z, axis=1, keepdims=True),
    "parts": lambda Z, xp: Z[::-1, :] + Z[1, :] + xp.concat([Z[:1, :], Z[1:, :]], axis=0),
    "backwards": lambda Z, xp: Z + xp.flip(Z, axis=0) * Z[::2, :][:1, ...],
    "axes": lambda Z, xp: xp.squeeze(xp.expand_dims(Z, axis=1), 1) + Z[:, None, :][:, 0, :],
    "pairs of examples": pairs,
    "numbered": lambda Z, xp: Z * xp.arange(Z.shape[1], dtype=Z.dtype),
    "broadcast": lambda Z, xp: xp.broadcast_to(Z[:1, :], Z.shape) + 2.0 * xp.ones_like(Z),
    "logic": lambda Z, xp: xp.where(((Z > 0) & (Z < 1)) | ~(Z >= -1), Z, xp.zeros_like(Z)),
    "either": lambda Z, xp: xp.where(xp.logical_xor(Z > 0, Z[:1, :] > 0), Z, -Z),
    "taken": lambda Z, xp: xp.take(Z, xp.argmax(Z[:, :1], axis=0), axis=0) + Z,
    "along": lambda Z, xp: xp.take_along_axis(Z, xp.argmin(Z, axis=0, keepdims=True), axis=0) + Z,
    "running": lambda Z, xp: xp.cumulative_sum(Z, axis=0),
    "constants": lambda Z, xp: Z * xp.asarray(FACTORS) + xp.astype(Z > 0, Z.dtype) * xp.pi,
}  # fmt: skip
FACTORS = np.asarray([[1.0], [-2.0], [0.5]])


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_that_look_at_more_than_a_number(exported, name):
    net = network(lambda Z, *, xp: FUNCTIONS[name](Z, xp))
    for rows in (X, X[:2], X[:1]):
        np.testing.assert_allclose(exported(net, rows), net.predict(rows), rtol=1e-12, atol=1e-13)


class Halves(Layer):
    """A layer of the user's own, with nothing registered."""

    def width(self, n_prev):
        return 2 * n_prev

    def forward(self, A_prev, p, *, xp):
        return xp.concat([A_prev / 2.0, xp.log1p(A_prev * A_prev)], axis=0), None


def test_a_layer_of_ones_own(exported):
    net = spread(ann.Network([4, Halves(), 2], "huber", dtype="float64"))
    assert_predicts(exported(net, X), net, X)


def test_another_function_under_a_known_name(exported):
    relu = own(lambda Z, *, xp: Z * Z, "relu")  # noqa: ARG005
    net = spread(ann.Network([4, 3, 1], "huber", activation=relu, dtype="float64"))
    assert_predicts(exported(net, X), net, X)


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (lambda Z, *, xp: xp.tril(Z), r"xp\.tril, for which no operator of ONNX is"),
        (lambda Z, *, xp: xp.sort(Z, axis=0), r"xp\.sort, for which no operator of ONNX is"),
        (lambda Z, *, xp: xp.erf(Z), r"xp\.erf, which cannot be written down"),
        (lambda Z, *, xp: xp.var(Z, axis=0, correction=1) + Z, r"xp\.var with a correction"),
        (lambda Z, *, xp: xp.abs(Z) / Z.shape[1], "a result that depends on how many examples"),
        (lambda Z, *, xp: xp.concat([Z[:, :1], Z[:, 1:]], axis=1), "a part of an array that dep"),
        (lambda Z, *, xp: xp.concat([Z[:, i:i + 1] for i in range(Z.shape[1] % 7)], axis=1),
         "depends on"),
        (lambda Z, *, xp: Z if bool(xp.all(Z > 0)) else -Z, "a decision"),
        (lambda Z, *, xp: xp.log1p(xp.astype(Z, xp.float32)), "what ONNX has not"),
    ],
)  # fmt: skip
def test_what_cannot_be_written(tmp_path, function, reason):
    with pytest.raises(
        ann.InvalidArgument, match=rf"^net cannot be written to ONNX, for .*{reason}"
    ):
        to_onnx(network(function), tmp_path / "m.onnx")
    assert list(tmp_path.iterdir()) == []


def test_what_says_that_it_has_chance_in_it(tmp_path):
    noise = own(lambda Z, *, xp: Z + 1.0, "noise", recordable=False)  # noqa: ARG005
    net = ann.Network([4, 3, 1], "huber", activation=noise)
    with pytest.raises(ann.InvalidArgument, match="needs noise, which says that it is not to be"):
        to_onnx(net, tmp_path / "m.onnx")


def test_parameters_that_are_not_finite_and_a_folder_that_is_not_there(tmp_path):
    net = ann.Network([4, 3, 1], "huber")
    with pytest.raises(ann.InvalidArgument, match="cannot be written"):
        to_onnx(net, tmp_path / "nowhere" / "m.onnx")
    net = ann.Network([4, BatchNorm(), 1], "huber")
    net.buffers[0] = np.inf
    with pytest.raises(ann.InvalidArgument, match="NaN or infinite"):
        to_onnx(net, tmp_path / "m.onnx")
    net = ann.Network([4, 3, 1], "huber")
    net.theta[0] = np.nan
    with pytest.raises(ann.InvalidArgument, match="NaN or infinite"):
        to_onnx(net, tmp_path / "m.onnx")
    assert list(tmp_path.iterdir()) == []
