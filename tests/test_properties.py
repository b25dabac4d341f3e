"""For any input the right answer, or a clear error of ours; never another, never a silent NaN.

The estimators are not here: their arguments and errors are scikit-learn's by contract, and
scikit-learn's own checks run on them.
"""

import contextlib
import inspect
import itertools
import math
import sys
import warnings
from fractions import Fraction

import numpy as np
import pytest

pytest.importorskip("hypothesis", reason="hypothesis is not installed")
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import agnostic_nn as ann
from agnostic_nn import metrics

quick = settings(
    deadline=None,
    derandomize=True,
    max_examples=60,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
thorough = settings(quick, max_examples=150)

DTYPES = ("float16", "float32", "float64")

#: Of more digits than Python writes.
HUGE = 10**5000

#: What no argument of ours may be; some happen to fit some.
HOSTILE = (
    None, True, -1, 0, 3, 2**63, HUGE, 0.5, -0.0, math.nan, math.inf, -math.inf, 1j, "", "x",
    "relu", b"x", (), [], [[]], {}, {"x": 1}, set(), object(), int, len, [1, "a"], [None], [[1], 2],
    np.float64(2), np.asarray(3.0), np.ones(3), np.ones((2, 2)), np.ones((0, 2)), np.ones((2, 0)),
    np.ones((1, 2, 3)), np.asarray([["a", "b"]]), np.asarray([[1 + 2j]]), np.full((2, 2), np.nan),
    np.asarray([[None]]), np.asarray(["2020-01-01"], "datetime64[D]"), np.ones((2, 2), "int8"),
)  # fmt: skip
hostile = st.sampled_from(HOSTILE)


@pytest.fixture(autouse=True)
def _floating_point():
    """What overflows, overflows: that is what these tests look at."""
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        yield


def ours(call, *arguments, **options):
    """Return what a call returns, or the error of ours that it raises."""
    try:
        return call(*arguments, **options)
    except ann.AgnosticNNError as error:
        refusal = error
    assert 0 < len(str(refusal)) < 2000
    assert "\n" not in str(refusal)
    return refusal


def numbers(dtype, low=None, high=None):
    """Finite numbers of a dtype, the extreme ones among them."""
    info = np.finfo(dtype)
    low = float(info.min) if low is None else low
    high = float(info.max) if high is None else high
    edges = [low, high, 0.0, 1.0, -1.0, float(info.tiny), float(info.smallest_subnormal)]
    width = info.bits
    return st.one_of(
        st.sampled_from([edge for edge in edges if low <= edge <= high]),
        st.floats(low, high, width=width, allow_nan=False),
    )


@st.composite
def arrays(draw, shape, dtype=None, low=None, high=None):
    dtype = dtype or draw(st.sampled_from(DTYPES))
    return draw(hnp.arrays(dtype, shape, elements=numbers(dtype, low, high)))


shapes = st.tuples(st.integers(1, 4), st.integers(1, 5))


# Activations


@thorough
@given(st.sampled_from(list(ann.ACTIVATIONS)), st.data())
def test_activations_of_finite_numbers(name, data):
    Z = data.draw(arrays(data.draw(shapes)))
    dA = data.draw(arrays(Z.shape, Z.dtype.name, -1.0, 1.0))
    g = ann.ACTIVATIONS[name]
    for result in (g(Z, xp=np), g.backward(dA, Z, xp=np)):
        assert result.shape == Z.shape
        assert result.dtype == Z.dtype
        assert not np.isnan(result).any()  # selu of the largest number overflows


@pytest.mark.parametrize("name", ["relu", "sigmoid", "softmax", "relu_derivative"])
@pytest.mark.parametrize("shape", [(0,), (3, 0), (1, 1), (2, 3, 4), ()])
def test_activations_of_any_shape(name, shape):
    A = ours(getattr(ann, name), np.ones(shape))
    if name == "softmax" and shape[:1] in ((), (0,)):
        assert isinstance(A, ann.InvalidArgument)  # a distribution over no classes
    else:
        assert A.shape == shape


@quick
@given(st.sampled_from(["relu", "sigmoid", "softmax", "relu_derivative", "sigmoid_derivative"]))
def test_activations_of_nan_are_nan_or_numbers(name):
    for value in (math.nan, math.inf, -math.inf):
        assert getattr(ann, name)(np.full((2, 2), value)).shape == (2, 2)


# Losses

#: The range of predictions and of targets that a loss is meant for.
RANGES = {
    "binary_cross_entropy": ((0.0, 1.0), (0.0, 1.0)),
    "categorical_cross_entropy": ((0.0, 1.0), (0.0, 1.0)),
    "poisson": ((0.0, None), (0.0, None)),
}


@thorough
@given(st.sampled_from(list(ann.LOSSES)), st.booleans(), st.booleans(), st.data())
def test_losses_of_finite_numbers(name, from_logits, weighted, data):
    predictions, targets = RANGES.get(name, ((None, None), (None, None)))
    shape = data.draw(shapes)
    dtype = data.draw(st.sampled_from(DTYPES))
    if from_logits:
        predictions = (None, None)
    AL = data.draw(arrays(shape, dtype, *predictions))
    Y = data.draw(arrays(shape, dtype, *targets))
    weight = data.draw(arrays((1, shape[1]), dtype, 0.5, 2.0)) if weighted else None
    options = {"loss": name, "from_logits": from_logits, "sample_weight": weight}
    cost = ann.compute_cost(AL, Y, **options)
    dAL = ann.initialize_backward(AL, Y, **options)
    assert cost.shape == ()
    assert dAL.shape == shape
    assert cost.dtype == dAL.dtype == AL.dtype
    assert cost > -math.inf  # what overflows is infinitely dear, never cheap, and never NaN
    assert not np.isnan(dAL).any()


@quick
@given(st.data())
def test_losses_of_any_shapes(data):
    any_shape = hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3)
    AL, Y = np.full(data.draw(any_shape), 0.5), np.full(data.draw(any_shape), 0.5)
    weight = data.draw(st.none() | any_shape.map(np.ones))
    for function in (ann.compute_cost, ann.initialize_backward):
        result = ours(function, AL, Y, sample_weight=weight)
        fits = AL.shape == Y.shape and AL.ndim == 2 and AL.shape[1] > 0
        fits = fits and (weight is None or weight.shape == (1, AL.shape[1]))
        assert isinstance(result, ann.InvalidArgument) != fits
        if fits:
            assert np.isfinite(result).all()


# Propagation


@st.composite
def networks_of_arrays(draw):
    """Parameters, activations and examples that fit each other, of moderate size."""
    dtype = draw(st.sampled_from(("float32", "float64")))
    widths = draw(st.lists(st.integers(1, 4), min_size=2, max_size=4))
    m = draw(st.integers(1, 5))
    random = np.random.default_rng(draw(st.integers(0, 2**16)))
    parameters = [
        (random.standard_normal((n, p)).astype(dtype), random.standard_normal((n, 1)).astype(dtype))
        for p, n in itertools.pairwise(widths)
    ]
    names = st.sampled_from([name for name in ann.ACTIVATIONS if name != "exponential"])
    activations = draw(st.lists(names, min_size=len(parameters), max_size=len(parameters)))
    return random.standard_normal((widths[0], m)).astype(dtype), parameters, activations


@quick
@given(networks_of_arrays())
def test_propagation(given_):
    X, parameters, activations = given_
    AL, caches = ann.forward_propagation(X, parameters, activations)
    assert AL.shape == (parameters[-1][0].shape[0], X.shape[1])
    gradients = ann.backward_propagation(np.ones_like(AL), caches, activations)
    for (W, b), (dW, db) in zip(parameters, gradients, strict=True):
        assert dW.shape == W.shape
        assert db.shape == b.shape
        assert dW.dtype == X.dtype
        assert np.isfinite(dW).all()
        assert np.isfinite(db).all()


@thorough
@given(st.data())
def test_propagation_of_any_shapes(data):
    any_shape = hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3)
    A_prev, W, b, dA = (np.ones(data.draw(any_shape)) for _ in range(4))
    forward = ours(ann.forward_propagation_layer, A_prev, W, b, "relu")
    fits = W.ndim == A_prev.ndim == 2 and W.shape[1] == A_prev.shape[0]
    fits = fits and b.shape == (W.shape[0], 1)
    assert isinstance(forward, ann.InvalidArgument) != fits
    if fits:
        backward = ours(ann.backward_propagation_layer, dA, forward[1], "relu")
        fits = dA.shape == forward[0].shape and dA.shape[1] > 0
        assert isinstance(backward, ann.InvalidArgument) != fits
    whole = ours(ann.forward_propagation, A_prev, [(W, b)], ["relu", "relu"][: W.ndim])
    assert isinstance(whole, (tuple, ann.InvalidArgument))


@quick
@given(networks_of_arrays(), st.integers(-2, 2))
def test_propagation_with_layers_missing(given_, missing):
    X, parameters, activations = given_
    AL, caches = ann.forward_propagation(X, parameters, activations)
    if missing:
        activations = (activations * 2)[: len(activations) + missing]
    for call, arguments in (
        (ann.forward_propagation, (X, parameters, activations)),
        (ann.backward_propagation, (AL, caches, activations)),
    ):
        fits = len(activations) == len(parameters)
        assert isinstance(ours(call, *arguments), ann.InvalidArgument) != fits


# Networks


def network(dtype="float32", loss="squared_error", **options):
    return ann.Network([2, 3, 1], loss, dtype=dtype, **options)


@thorough
@given(st.sampled_from(list(inspect.signature(ann.Network).parameters)), st.data())
def test_networks_of_anything(name, data):
    value = data.draw(hostile)
    options = {"widths": [2, 3, 1], "loss": "squared_error"} | {name: value}
    net = ours(ann.Network, **options)
    if isinstance(net, ann.Network):
        assert np.isfinite(net.predict([[1.0, 2.0]])).all()


@pytest.mark.parametrize(
    "widths", [[2**40, 2**40], [2**62, 2**62], [2**70, 1], [10**5000, 1], [1, 2**62, 1]]
)
def test_networks_too_large(widths):
    assert isinstance(ours(ann.Network, widths, "squared_error"), ann.AgnosticNNError)


@thorough
@given(st.data(), st.sampled_from(DTYPES))
def test_predictions_of_finite_numbers(data, dtype):
    """Of numbers whose products and sums do not overflow; else the answer may be infinite."""
    X = data.draw(arrays((data.draw(st.integers(1, 6)), 2), dtype, -1e3, 1e3))
    for loss in ann.LOSSES:
        assert np.isfinite(network(dtype, loss, seed=3).predict(X)).all()


@thorough
@given(hostile)
def test_data_that_is_anything(value):
    net = network()
    before = net.theta.copy()
    for call in (
        lambda: net.predict(value),
        lambda: net.cost(value, [[1.0]] * 2),
        lambda: net.cost([[1.0, 2.0]] * 2, value),
        lambda: net.cost([[1.0, 2.0]] * 2, [[1.0]] * 2, value),
        lambda: ann.gradient_check(value, [[1.0, 2.0]] * 2, [[1.0]] * 2),
        lambda: ann.gradient_check(net, value, [[1.0]] * 2),
        lambda: ann.program(value),
        lambda: ann.program(net, batch_size=value),
        lambda: ann.program(net, optimizer=value),
        lambda: ann.program(net, weighted=value),
        lambda: ann.program(net, clip_norm=value),
        lambda: ann.gradient_check(net, [[1.0, 2.0]] * 2, [[1.0]] * 2, epsilon=value),
        lambda: ann.gradient_check(net, [[1.0, 2.0]] * 2, [[1.0]] * 2, step=value),
        lambda: ann.train(value, [[1.0, 2.0]] * 2, [[1.0]] * 2, epochs=0),
        lambda: ann.train(net, value, [[1.0]] * 2, epochs=0),
        lambda: ann.train(net, [[1.0, 2.0]] * 2, value, epochs=0),
        lambda: ann.train(net, [[1.0, 2.0]] * 2, [[1.0]] * 2, epochs=0, sample_weight=value),
    ):
        result = ours(call)
        if isinstance(result, (float, np.ndarray)):
            assert np.isfinite(result).all()
    np.testing.assert_array_equal(net.theta, before)


@thorough
@given(hnp.arrays(st.sampled_from([*DTYPES, "int32", "uint8", "bool"]),
                  hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3)))  # fmt: skip
def test_data_of_any_shape_and_dtype(X):
    for dtype in DTYPES:
        net = network(dtype)
        result = ours(net.predict, X)
        with np.errstate(over="ignore"):
            finite = np.isfinite(X.astype(dtype)).all()
        fits = X.ndim == 2 and X.shape[1] == 2 and X.shape[0] > 0 and finite
        assert isinstance(result, ann.InvalidArgument) != fits
        if fits:
            assert result.shape == (X.shape[0], 1)


@quick
@given(st.sampled_from(list(inspect.signature(ann.train).parameters)[3:]), st.data())
def test_training_with_anything(tmp_path, name, data):
    value = data.draw(hostile)
    if name == "epochs" and isinstance(value, int) and value > 3:
        return  # that many are really asked for
    if name == "checkpoint" and isinstance(value, (str, bytes)) and value:
        return  # that is a name
    net = network()
    options = {"epochs": 1, name: value}
    if name == "checkpoint_every":
        (tmp_path / "checkpoint").unlink(missing_ok=True)
        options["checkpoint"] = tmp_path / "checkpoint"
    history = ours(ann.train, net, [[1.0, 2.0]] * 4, [1.0] * 4, **options)
    if isinstance(history, dict):
        assert np.isfinite(net.theta).all()


@pytest.mark.parametrize("m", [1, 2, 7])
@pytest.mark.parametrize("batch_size", [1, 2, 6, 7, 8, 10**12])
def test_batches_of_any_size(m, batch_size):
    history = ann.train(
        network(), np.ones((m, 2)), np.ones(m), epochs=2, batch_size=batch_size, progress=False
    )
    assert np.isfinite(history["cost"]).all()


@quick
@given(st.data())
def test_training_on_extreme_numbers(data):
    """It ends with a warning of ours, or well; the parameters stay finite."""
    X, Y = data.draw(arrays((4, 2), "float32")), data.draw(arrays((4, 1), "float32"))
    net = network()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ann.TrainingWarning)
        warnings.simplefilter("ignore", RuntimeWarning)
        history = ours(ann.train, net, X, Y, epochs=2, progress=False)
    costs = history["cost"] if isinstance(history, dict) else [0.0]
    if not np.isfinite(costs).all():
        assert any(issubclass(warning.category, ann.TrainingWarning) for warning in caught)


@quick
@given(st.sampled_from(list(inspect.signature(ann.resume).parameters)[1:]), st.data())
def test_going_on_with_anything(tmp_path, name, data):
    X, Y = [[1.0, 2.0]] * 4, [1.0] * 4
    path = tmp_path / "checkpoint"
    path.unlink(missing_ok=True)
    ann.train(network(), X, Y, epochs=1, checkpoint=path)
    options = {"X": X, "Y": Y, name: data.draw(hostile)}
    net = ours(ann.resume, path, **options)
    if isinstance(net, ann.Network):
        assert np.isfinite(net.theta).all()


# Scores


@quick
@given(st.sampled_from(["accuracy", "binary_accuracy", "r2_score"]), st.data())
def test_scores(name, data):
    shape = data.draw(shapes)
    A, Y = (data.draw(arrays(shape, "float64", -1e3, 1e3)) for _ in range(2))
    score = float(getattr(metrics, name)(A, Y))
    assert score <= 1.0
    if math.isinf(score):  # targets that hardly differ: the true R^2 is beyond any float64
        A, Y = ([[Fraction(x) for x in row] for row in array.tolist()] for array in (A, Y))
        shares = []
        for a, y in zip(zip(*A, strict=True), zip(*Y, strict=True), strict=True):
            mean = sum(y) / len(y)
            spread = sum((each - mean) ** 2 for each in y)
            error = sum((got - each) ** 2 for got, each in zip(a, y, strict=True))
            shares.append(error / spread if spread else Fraction(0))
        assert max(shares) > Fraction(sys.float_info.max) / 4


# Optimizers and schedules


@quick
@given(st.sampled_from(list(ann.OPTIMIZERS)), hostile, st.data())
def test_optimizers_of_anything(name, value, data):
    kind = ann.OPTIMIZERS[name]
    argument = data.draw(st.sampled_from(list(inspect.signature(kind).parameters)))
    rule = ours(kind, **{argument: value})
    if isinstance(rule, ann.Optimizer):
        rate = rule.rate(rule.schedule(0.5, 10, [1.0]), 1)
        assert math.isfinite(rate)
        theta, state = np.ones(3), rule.initial_state(np.ones(3), np)
        theta, state = rule.update(theta, np.ones(3), state, rate, np)
        assert np.isfinite(theta).all()


@quick
@given(st.sampled_from(list(ann.SCHEDULES)), hostile | st.sampled_from([1e308, 1e-308]), st.data())
def test_schedules_of_anything(name, value, data):
    kind = ann.SCHEDULES[name]
    argument = data.draw(st.sampled_from(list(inspect.signature(kind).parameters)))
    schedule = ours(kind, **{argument: value})
    if isinstance(schedule, ann.Schedule):
        for epoch in (0, 0.5, 3, 10):
            rate = ours(schedule, epoch, 10, [1.0, 0.5])
            if not isinstance(rate, ann.InvalidArgument):
                assert math.isfinite(rate)
                assert rate >= 0.0


# Files


@quick
@given(hostile)
def test_paths_that_are_anything(value):
    if isinstance(value, str) and value:
        return  # that is a name
    assert isinstance(ours(ann.load, value), ann.AgnosticNNError)
    assert isinstance(ours(ann.resume, value, [[1.0, 2.0]], [1.0]), ann.AgnosticNNError)
    assert isinstance(ours(ann.save, network(), value), ann.AgnosticNNError)
    assert isinstance(ours(ann.save, value, "nowhere"), ann.AgnosticNNError)


@quick
@given(hostile)
def test_preparations_that_are_anything(tmp_path, value):
    result = ours(ann.save, network(), tmp_path / "m", preparation=value)
    if result is None:
        assert ann.load(tmp_path / "m")


# The functions of the lesson, whatever they are given for arrays


LESSON = [name for name in ann.__all__ if hasattr(getattr(ann, name), "__wrapped__")]


@thorough
@given(st.sampled_from(LESSON), st.data())
def test_the_lesson_of_anything(name, data):
    """Its arguments are anything, alone or in lists and pairs, and arrays among them."""
    function = getattr(ann, name)
    anything = hostile | st.just(np.ones((2, 2)))
    anything |= st.lists(anything, max_size=2) | st.lists(st.tuples(anything, anything), max_size=2)
    arguments = {
        parameter.name: data.draw(anything)
        for parameter in inspect.signature(function).parameters.values()
        if parameter.name != "xp"
        and (parameter.default is parameter.empty or data.draw(st.booleans()))
    }
    ours(function, **arguments)


@quick
@given(networks_of_arrays(), hostile, st.integers(0, 3), st.booleans())
def test_caches_and_masks_of_anything(given_, value, place, whole):
    X, parameters, activations = given_
    AL, caches = ann.forward_propagation(X, parameters, activations)
    masks = [None] * len(caches)
    masks[-1] = value
    ours(ann.forward_propagation, X, parameters, activations, masks=masks)
    ours(ann.backward_propagation, AL, caches, activations, masks=masks)
    caches[-1] = value if whole else (*caches[-1][:place], value, *caches[-1][place + 1 :])
    ours(ann.backward_propagation, AL, caches, activations)
    ours(ann.backward_propagation_layer, AL, caches[-1], activations[-1])


@pytest.mark.parametrize("dtype", ["int8", "int64", "uint32", "bool", "complex64", "<U3", "object"])
def test_the_lesson_wants_floating_point_numbers(dtype):
    numbers, half = np.ones((2, 2), dtype), np.full((2, 2), 0.5)
    wanted = f"is an array of {numbers.dtype}: wanted floating-point numbers, such as float32."
    for name, call in {
        "Z": lambda: ann.relu(numbers),
        "AL": lambda: ann.compute_cost(numbers, half),
        "parameters": lambda: ann.forward_propagation(half, [(numbers, half[:, :1])], ["relu"]),
    }.items():
        with pytest.raises(ann.InvalidType) as refusal:
            call()
        assert str(refusal.value) == f"{name} {wanted}"


def test_labels_that_are_no_numbers():
    with pytest.raises(ann.InvalidType, match="Y is an array of <U3: wanted real numbers"):
        ann.compute_cost(np.ones((1, 1)), np.asarray([["yes"]]))


@thorough
@given(hostile)
def test_names_that_are_anything(value):
    for look_up in (ann.get_backend, ann.use_backend, network().to):
        if value is not None:
            with contextlib.suppress(ann.BackendUnavailable), pytest.raises(ann.AgnosticNNError):
                look_up(value).__enter__()
    for options in ({"backend": value}, {"dtype": value}):
        assert isinstance(ours(ann.load, "nowhere", **options), ann.AgnosticNNError)


@thorough
@given(st.lists(hostile, max_size=2), hostile)
def test_networks_that_are_anything(values, value):
    for networks in (value, [network(), *values]):
        ours(ann.side_by_side, networks)
    ours(ann.members_of, value)
    assert isinstance(ours(ann.members_of, network()), ann.AgnosticNNError)


#: What is tested elsewhere, by whom it was built, or has nothing to test.
ELSEWHERE = {
    "available_backends", "get_backend", "use_backend",  # test_backends.py
    "MLPClassifier", "MLPRegressor",  # scikit-learn's own checks
}  # fmt: skip


def test_every_public_function_has_its_property():
    """A new public function is named here, or in ELSEWHERE."""
    source = inspect.getsource(inspect.getmodule(test_every_public_function_has_its_property))
    for name in ann.__all__:
        if inspect.isfunction(getattr(ann, name)) and name not in ELSEWHERE:
            assert f"ann.{name}" in source or f'"{name}"' in source, name
