"""Programs: what is written down, what is left out, where values lie, and what they may come to."""

from types import SimpleNamespace

import array_api_compat.numpy as xp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import agnostic_nn as ann
from agnostic_nn.backends import numpy_calls
from agnostic_nn.backends.numpy_calls import NumPyCalls, constant
from agnostic_nn.epochs import TrainingStep
from agnostic_nn.layers import Dropout
from agnostic_nn.programs.dtypes import DTYPES, as_dtype, finfo, iinfo, isdtype, promoted
from agnostic_nn.programs.enclosure import enclose, holds
from agnostic_nn.programs.evaluate import evaluate
from agnostic_nn.programs.intervals import CPU, Machine
from agnostic_nn.programs.passes import (
    joins,
    once_and_always,
    runs,
    simplified,
    without_repeats,
    without_unused,
)
from agnostic_nn.programs.program import Argument
from agnostic_nn.programs.record import record
from agnostic_nn.programs.schedule import schedule
from agnostic_nn.programs.steps import record_step
from agnostic_nn.programs.views import Layouts


def program_of(function, *, changes=("x",), **arrays):
    """Record a function of named arrays that returns arrays by name."""
    arguments = [
        Argument(array.shape, as_dtype(array.dtype), name) for name, array in arrays.items()
    ]
    return record(function, arguments, changes).program


def vector(n=6, dtype="float32"):
    return np.arange(1.0, n + 1.0, dtype=dtype)


class TestText:
    def test_a_dropout_rate_that_follows_a_schedule(self):
        rate = ann.FlatCosine(0.5)
        net = ann.Network([3, Dropout(rate), 2, Dropout(rate), 1], "squared_error")
        assert "key: int32 4" in str(ann.program(net)).splitlines()

    def test_a_program_as_people_read_it(self):
        def function(x, y, *, xp):
            z = xp.exp(x[1:4]) @ y.T
            x -= 0.5
            return {"x": x, "z": z + (x > 0.0)[0]}

        text = str(program_of(function, x=vector(4), y=np.ones((2, 3), np.float32)))
        assert text.splitlines() == [
            "x: float32 4",
            "y: float32 2 x 3",
            "%1 = x[1:4]: float32 3",
            "%2 = exp(%1): float32 3",
            "%3 = permute_dims(y, axes=(1, 0)): float32 3 x 2",
            "%4 = matmul(%2, %3): float32 2",
            "%5 = subtract(x, 0.5): float32 4",
            "%6 = greater(%5, 0.0): bool 4",
            "%7 = %6[0]: bool ()",
            "%8 = astype(%7, dtype=float32): float32 ()",
            "%9 = add(%4, %8): float32 2",
            "x <- %5",
            "z <- %9",
            "6 functions to compute, 28 bytes beside the arguments",
        ]

    def test_program_of_a_network(self):
        net = ann.Network([3, 4, 2], "categorical_cross_entropy", dropout=0.5)
        program = ann.program(net, batch_size=8, weighted=True, clip_norm=1.0)
        names = ["theta", "state[0]", "state[1]", "X", "Y", "weight", "rates", "key"]
        assert [argument.name for argument in program.arguments] == names
        assert list(program.results) == ["theta", "state[0]", "state[1]", "cost"]
        assert str(program) == str(ann.program(net, batch_size=8, weighted=True, clip_norm=1.0))

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"batch_size": 0}, "batch_size=0: wanted a whole number at least 1"),
            ({"weighted": 1}, "weighted=1: wanted True or False"),
            ({"optimizer": "adan"}, "optimizer='adan' is not known"),
            ({"clip_norm": 0.0}, "clip_norm=0.0: wanted a number above 0.0"),
        ],
    )
    def test_arguments(self, options, message):
        with pytest.raises(ann.AgnosticNNError, match=message):
            ann.program(ann.Network([2, 1], "squared_error"), **options)

    def test_why_there_is_none(self):
        g = ann.Activation("looks", lambda Z, **_: Z if Z[0, 0] > 0 else -Z, None)
        with pytest.raises(ann.NotRecordable, match="depends on an array's values"):
            ann.program(ann.Network([2, 3, 1], "squared_error", activation=g))

    def test_no_library_and_no_values_are_needed(self):
        """Anything with a shape and a dtype will do, such as the arrays of a GPU elsewhere."""
        net = ann.Network([3, 2], "squared_error")
        step = TrainingStep(net.objective, ann.SGD())
        theta = SimpleNamespace(shape=(8,), dtype="float32")
        recorded = record_step(step, (theta,), (3, 2, None), 4, 2)
        assert str(simplified(recorded.program)) == str(
            ann.program(net, batch_size=4, optimizer="sgd")
        )


class TestDTypes:
    @pytest.mark.parametrize("a", DTYPES)
    @pytest.mark.parametrize("b", DTYPES)
    def test_two_types_make_what_they_make_in_numpy(self, a, b):
        assert promoted(DTYPES[a], DTYPES[b]).name == np.result_type(a, b).name

    @pytest.mark.parametrize("name", ["float16", "float32", "float64"])
    def test_limits_of_fractions(self, name):
        ours, theirs = finfo(DTYPES[name]), np.finfo(name)
        for limit in ("bits", "eps", "max", "min", "smallest_normal"):
            assert getattr(ours, limit) == float(getattr(theirs, limit))

    @pytest.mark.parametrize("name", [name for name in DTYPES if "int" in name])
    def test_limits_of_whole_numbers(self, name):
        ours, theirs = iinfo(DTYPES[name]), np.iinfo(name)
        assert (ours.bits, ours.min, ours.max) == (theirs.bits, theirs.min, theirs.max)

    @pytest.mark.parametrize("name", DTYPES)
    @pytest.mark.parametrize(
        "kind", ["bool", "signed integer", "unsigned integer", "integral", "real floating",
                 "numeric", ("bool", "real floating"), "complex floating"],
    )  # fmt: skip
    def test_kinds(self, name, kind):
        assert isdtype(DTYPES[name], kind) == xp.isdtype(np.dtype(name), kind)

    @pytest.mark.parametrize("name", DTYPES)
    def test_equal_to_every_library_s_type_of_the_name(self, name):
        torch = pytest.importorskip("torch", reason="torch is not installed")
        for other in (name, np.dtype(name), getattr(np, name if name != "bool" else "bool_")):
            assert as_dtype(other) == DTYPES[name]
        assert DTYPES["float32"] == torch.float32
        assert DTYPES["float64"] == np.dtype(float)
        assert as_dtype(float) == DTYPES["float64"]
        assert DTYPES["float32"] != np.float64


PYTHON_NUMBERS = [True, 2, -3, 0.5, 0.0, -0.0, 1e300]


@pytest.mark.parametrize("number", PYTHON_NUMBERS)
@pytest.mark.parametrize("dtype", ["bool", "int32", "float32", "float64", "float16"])
@pytest.mark.parametrize("function", [
    "x + c", "c - x", "x * c", "x / c", "x < c", "xp.where(x == x, x, c)", "c**x",
    "xp.maximum(x, c)", "x**c", "xp.clip(x, 0, 2)",
])  # fmt: skip
@np.errstate(all="ignore")
def test_python_numbers_take_the_type_they_take_in_numpy(function, dtype, number):
    x = np.asarray([0, 1, 3, 1], dtype=dtype)
    try:
        expected = eval(function, {"x": x, "c": number, "xp": xp})
    except (TypeError, OverflowError, ValueError):  # what NumPy refuses, a record may
        return
    try:
        program = program_of(
            lambda x, *, xp: {"y": eval(function, {"x": x, "c": number, "xp": xp})}, x=x
        )
    except ann.NotRecordable:
        return
    calls = NumPyCalls(program, {"x": x})
    calls()
    got = calls.results["y"]
    assert got.dtype == expected.dtype
    np.testing.assert_array_equal(got, expected)
    np.testing.assert_array_equal(np.signbit(got.astype(float)), np.signbit(expected.astype(float)))


class TestPasses:
    def test_what_is_computed_twice_is_computed_once(self):
        def function(x, *, xp):
            return {"y": xp.exp(x[1:]) * xp.exp(x[1:]) + 0.0 * x[1:] + -0.0 * x[1:]}

        before = program_of(function, x=vector())
        after = without_repeats(before)
        names = [call.function for call in after.calls]
        assert names.count("exp") == names.count("getitem") == 1
        assert names.count("multiply") == 3  # 0.0 and -0.0 are two numbers
        assert [call.function for call in before.calls].count("exp") == 2

    def test_what_nobody_needs_is_left_out(self):
        def function(x, *, xp):
            xp.log(x)
            return {"y": xp.exp(x)}

        assert [c.function for c in without_unused(program_of(function, x=vector())).calls] == [
            "exp"
        ]

    def test_what_no_argument_reaches_is_computed_once_for_all(self):
        def function(x, *, xp):
            return {"y": x + xp.concat([xp.arange(3, dtype=x.dtype), xp.ones_like(x)[:3]])}

        once, always = once_and_always(program_of(function, x=vector()))
        assert [call.function for call in once] == ["arange", "full", "getitem", "concat"]
        assert [call.function for call in always] == ["add"]

    def test_parts_of_a_concatenation_are_computed_in_their_place(self):
        def function(x, *, xp):
            a, b = xp.exp(x), xp.reshape(xp.sin(x), (2, 3))
            return {"y": xp.concat([a, xp.reshape(b.T, (-1,)), xp.reshape(b, (-1,)), x])}

        program = program_of(function, x=vector())
        calls = {call.function: call for call in program.calls}
        found = joins(program.calls, Layouts())
        # the transpose is copied, and so is what is given; a copy has its place as well
        assert found[calls["exp"]] == (calls["concat"], 0)
        assert found[calls["sin"]] == (calls["concat"], 12)
        assert len(found) == 3

    def test_runs_end_where_something_is_read_in_another_layout(self):
        def function(x, *, xp):
            a = xp.exp(x)
            b = a * 2.0 + x.T
            c = b + b[:1, :]
            return {"y": c * c}

        program = program_of(function, x=np.ones((3, 3), np.float32))
        layouts = Layouts()
        work = [call for call in program.calls if not layouts.is_view(call)]
        found = [[call.function for call in run] for run in runs(work, layouts, lambda _: True)]
        assert found == [["exp", "multiply", "add"], ["add", "multiply"]]

    def test_memory_is_used_again_when_nobody_needs_what_is_in_it(self):
        def function(x, *, xp):
            for _ in range(10):
                x = xp.exp(xp.flip(x))
            return {"y": x}

        assert schedule(program_of(function, x=vector())).plan.bytes == 2 * 6 * 4

    def test_results_are_computed_where_they_belong(self):
        def function(x, y, *, xp):
            y *= 0.9
            y += x
            x -= xp.sqrt(y)
            return {"x": x, "y": y}

        program = program_of(function, x=vector(), y=vector(), changes=("x", "y"))
        ready = schedule(program)
        assert ready.plan.copies == []
        assert ready.plan.bytes == 6 * 4  # of the square root

    def test_a_step_computes_no_more_than_it_must(self):
        """sigmoid(Z) serves forward and backward; there are no more products than needed."""
        net = ann.Network([5, 64, 32, 3], "categorical_cross_entropy", activation="sigmoid")
        program = ann.program(net)
        functions = [call.function for call in program.calls]
        assert functions.count("exp") == 3  # one a layer
        assert functions.count("matmul") == 8  # forward 3, dW 3, dA 2
        assert schedule(program).plan.copies == []


# What a program means does not depend on where its values are kept

UNARY = ["exp", "tanh", "abs", "negative", "sqrt", "square"]
BINARY = ["add", "subtract", "multiply", "maximum"]


def change(xp, x, how, other):
    """One of many things to do with a matrix, each of which gives a matrix of the same shape."""
    n, m = x.shape
    match how % 13:
        case 0:
            return getattr(xp, UNARY[how // 13 % len(UNARY)])(xp.tanh(xp.abs(x)))
        case 1 | 2 | 3:
            return getattr(xp, BINARY[how // 13 % len(BINARY)])(x, other)
        case 4:
            return xp.reshape(x.T, (n, m))
        case 5:
            return x + xp.flip(other, axis=how // 13 % 2)
        case 6:
            return x * other[:1, :] - other[:, -1:]
        case 7:
            return xp.concat([x[n // 2 :, :], other[: n // 2, :]], axis=0)
        case 8:
            return xp.concat([x[:, 1:], other[:, :1]], axis=-1)
        case 9:
            return x / (1.0 + xp.sum(xp.abs(other), axis=how // 13 % 2, keepdims=True))
        case 10:
            x *= 0.5
            x += other
            return x
        case 11:
            return xp.where(x > other, x, -other[::-1, :])
        case _:
            return x @ xp.reshape(xp.tanh(other), (m, n)) @ other / (1.0 + xp.max(xp.abs(other)))


@settings(deadline=None, max_examples=150)
@given(
    steps=st.lists(st.tuples(st.integers(0, 400), st.integers(0, 3), st.integers(0, 3)),
                   min_size=1, max_size=14),
    shape=st.sampled_from([(4, 4), (6, 2), (1, 5), (3, 1)]),
    returned=st.tuples(st.integers(0, 3), st.integers(0, 3)),
    block=st.sampled_from([1, 3, 2**16]),
)  # fmt: skip
def test_random_programs(steps, shape, returned, block):
    """Views, writes in place, parts, results that change places: as NumPy runs them, bit by bit
    but for sums, three times in a row."""

    def function(x, y, *, xp):
        arrays = [x, y, xp.tanh(x), y * 0.25]
        for how, i, j in steps:
            arrays[i] = change(xp, arrays[i], how, arrays[j])
        x, y = (arrays[i] for i in returned)
        return {"x": x, "y": y, "z": xp.sum(arrays[0])}

    random = np.random.default_rng(len(steps))
    x, y = random.uniform(-1.0, 1.0, (2, *shape))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(numpy_calls, "BLOCK", block)
        try:
            program = program_of(function, x=x, y=y, changes=("x", "y"))
        except ann.NotRecordable as refusal:
            assert "another" in str(refusal)  # noqa: PT017 -- name, or array's view
            return
        arguments = {"x": x.copy(), "y": y.copy()}
        calls = NumPyCalls(program, arguments)
    for _ in range(3):
        with np.errstate(all="ignore"):
            calls()
            made = function(x.copy(), y.copy(), xp=xp)
        x, y = (np.array(made[name]) for name in ("x", "y"))
        scale = max(1.0, np.abs(x).max(), np.abs(y).max())
        if not scale < 1e6:  # where differences say nothing
            return
        np.testing.assert_allclose(arguments["x"], x, atol=1e-12 * scale, rtol=1e-9)
        np.testing.assert_allclose(arguments["y"], y, atol=1e-12 * scale, rtol=1e-9)
        x, y = arguments["x"].copy(), arguments["y"].copy()


WEIGHTS = np.asarray([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])


@pytest.mark.parametrize("function", [
    "x[9:, 5:]", "x[-9::-1]", "xp.flip(x[:0], axis=0)", "x[:, 2:2][::-1, ::-1]", "x", "x[1:, ::-1]",
    "x @ xp.exp(-xp.permute_dims(xp.asarray(WEIGHTS), (1, 0)))",
    "x + xp.sort(xp.asarray(WEIGHTS), axis=1, descending=True)",
    "x * xp.asarray(((0.1, float('-inf'), 3.0),), dtype=x.dtype)",
])  # fmt: skip
def test_results_are_those_of_the_function(function):
    """Nothing at all, what lies where something else comes to lie, constants that are turned."""
    x = np.arange(6.0).reshape(2, 3)

    def apply(x, xp):
        return eval(function, {"x": x, "xp": xp, "WEIGHTS": WEIGHTS})

    program = program_of(lambda x, *, xp: {"x": 2.0 * x, "y": apply(x, xp)}, x=x)
    arguments = {"x": x.copy()}
    calls = NumPyCalls(program, arguments)
    calls()
    expected, y = apply(x, xp), program.results["y"]
    values = evaluate(program.calls, {program.arguments[0]: x}, xp, constant)
    for got in (calls.results["y"], values[y]):
        assert got.dtype == expected.dtype
        np.testing.assert_allclose(got, expected, rtol=1e-14, strict=True)
    assert np.array_equal(arguments["x"], 2.0 * x)


@pytest.mark.parametrize(("numbers", "reason"), [
    ([1.0, 2.0], "a list, which may change"),
    (((1.0, 2.0), (3.0,)), "tuples that differ in length"),
    (((1.0, 2.0), 3.0), "tuples that differ in length"),
    ((1.0, 2), "a tuple of anything but floats"),
])  # fmt: skip
def test_what_is_no_constant(numbers, reason):
    with pytest.raises(ann.NotRecordable, match=reason):
        program_of(lambda x, *, xp: {"x": x + xp.asarray(numbers)}, x=np.ones(2))


def test_evaluating_is_what_recording_was_of(backend):
    """The same program over every library."""
    net = ann.Network([3, 8, 2], "categorical_cross_entropy", activation="gelu")
    program = ann.program(net, batch_size=4, optimizer="momentum")
    random = np.random.default_rng(0)
    arrays = {
        value.name: random.uniform(0.1, 1.0, value.shape).astype(value.dtype.name)
        for value in program.arguments
    }
    given_there = {v: backend.asarray(arrays[v.name], "float32") if v.dtype.floating
                   else backend.asarray(arrays[v.name]) for v in program.arguments}  # fmt: skip

    def make(value):
        return backend.backend.asarray(constant(value).copy())

    values = evaluate(program.calls, given_there, backend.xp, make)
    calls = NumPyCalls(program, arrays)
    calls()
    for name in ("theta", "state[0]", "cost"):
        expected = arrays.get(name, calls.results.get(name))
        got = backend.to_numpy(values[program.results[name]])
        np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int32", "bool"])
def test_choosing_is_bit_for_bit(dtype):
    """Also where one is not a number, where one is the same for all, and where it is in place."""
    random = np.random.default_rng(3)
    a, b = (random.standard_normal((7, 5)).astype(dtype) for _ in range(2))
    condition = random.random((7, 5)) < 0.5
    if a.dtype.kind == "f":
        a[0, 0], b[0, 0], a[1], b[2] = np.nan, -0.0, np.inf, np.nan
    given = {"c": condition, "a": a, "b": b}

    def choose(c, a, b, *, xp):
        return {
            "a": xp.where(c, a, b),
            "b": xp.where(c[0, :], b[1, 2], b),
            "other": xp.where(c, a.T[0, 1], xp.where(c[:, 1:2], a, xp.ones_like(a))),
        }

    program = program_of(choose, changes=("a", "b"), **given)
    expected = choose(**{name: array.copy() for name, array in given.items()}, xp=xp)
    calls = NumPyCalls(program, given)
    calls()
    for name, array in {**given, **calls.results}.items():
        if name in expected:
            assert array.tobytes() == expected[name].tobytes()


class TestEnclosure:
    @pytest.fixture(params=sorted(set(ann.ACTIVATIONS) - {"exponential"}))
    def case(self, request):
        net = ann.Network([3, 8, 8, 2], "squared_error", activation=request.param, l2=0.1)
        program = ann.program(net, batch_size=16, clip_norm=1.0)
        random = np.random.default_rng(0)
        arrays = {
            v.name: random.uniform(0.1, 1.0, v.shape).astype(v.dtype.name)
            for v in program.arguments
        } | {"theta": net.theta}  # fmt: skip
        return program, arrays

    def bounds_of(self, program, arrays):
        return enclose(program, arrays, np.arange(arrays["theta"].size), xp, constant)

    def test_holds_every_way_to_compute_it(self, case):
        program, arrays = case
        bounds = self.bounds_of(program, arrays)
        calls = NumPyCalls(program, arrays)
        calls()
        for name, bound in bounds.items():
            assert holds(bound, arrays.get(name, calls.results.get(name)), xp)
            assert np.all(np.isfinite(bound.low))

    def test_refuses_what_is_off_by_more(self, case):
        program, arrays = case
        bounds = self.bounds_of(program, arrays)
        calls = NumPyCalls(program, arrays)
        calls()
        for name, bound in bounds.items():
            array = arrays.get(name, calls.results.get(name))
            assert not holds(bound, array * np.float32(1.01), xp)

    def test_places_alone_are_bounded_as_they_are_among_all(self, case):
        program, arrays = case
        everywhere = self.bounds_of(program, arrays)
        places = np.asarray([3, 0, 17])
        for name, bound in enclose(program, arrays, places, xp, constant).items():
            among_all = everywhere[name].low
            np.testing.assert_array_equal(
                bound.low, among_all if name == "cost" else among_all[places]
            )

    def test_where_a_part_of_a_sum_overflows_anything_may_come(self):
        x = np.asarray([[3e38, 3e38, -3e38]], np.float32)
        program = program_of(lambda x, *, xp: {"y": x @ xp.ones_like(x).T, "z": xp.sum(x)}, x=x)
        for bound in enclose(program, {"x": x}, np.arange(0), xp, constant).values():
            assert np.all(bound.low == -np.inf)
            assert holds(bound, np.full(bound.low.shape, np.nan, np.float32), xp)

    @pytest.mark.parametrize("function", [
        "exp", "expm1", "log", "log1p", "sqrt", "tanh", "sin", "cos", "cosh", "abs", "square",
        "reciprocal", "sign", "floor",
    ])  # fmt: skip
    def test_functions(self, function):
        """Of numbers between bounds, what any of them gives."""
        x = np.linspace(0.1, 3.0, 24)

        def apply(x, y, *, xp):
            return {"z": getattr(xp, function)(x * y)}

        program = program_of(apply, x=x, y=x)
        (bound,) = enclose(program, {"x": x, "y": x}, np.arange(24), xp, constant).values()
        with np.errstate(all="ignore"):
            assert holds(bound, getattr(np, function)(x * x), xp)
            assert not holds(bound, getattr(np, function)(x * x) + 1.0, xp)

    def test_numbers_that_a_machine_takes_for_0(self):
        """Below the smallest normal one: what is made of them may be made of 0."""
        x = np.asarray([1e-40, -1e-40, 1.0], np.float32)

        def function(x, *, xp):
            return {"y": xp.multiply(x, 1e10), "z": x * 1e-39, "w": x > 0.0}

        program = program_of(function, x=x)
        given = program, {"x": x}, np.arange(3), xp, constant
        exactly, roughly = enclose(*given), enclose(*given, Machine(flushes=True))
        for name, flushed in (("y", [0, 0, 1e10]), ("z", [0, 0, 0]), ("w", [False, False, True])):
            array = np.asarray(flushed, program.results[name].dtype.name)
            assert not holds(exactly[name], array, xp)
            assert holds(roughly[name], array, xp)
            assert not holds(roughly[name], np.ones_like(array) + array, xp)

    def test_factors_that_a_machine_rounds(self):
        x = np.asarray([[1.0 + 2.0**-11, 0.0]], np.float32)
        program = program_of(lambda x, *, xp: {"y": xp.matmul(x, x.T)}, x=x)
        given = program, {"x": x}, np.arange(0), xp, constant
        cut_off = np.ones((1, 1), np.float32)  # to 10 bits of the fraction
        (exactly,), (roughly,) = (
            enclose(*given, machine).values() for machine in (CPU, Machine(factors=2.0**-10))
        )
        assert not holds(exactly, cut_off, xp)
        assert holds(roughly, cut_off, xp)
        assert not holds(roughly, 1.01 * cut_off, xp)

    def test_bounds_in_the_standard_alone(self, case):
        """Whose array library has float64 can compute them."""
        strict = pytest.importorskip("array_api_strict", reason="array_api_strict is not installed")
        program, arrays = case
        there = {name: strict.asarray(array) for name, array in arrays.items()}
        places = strict.arange(arrays["theta"].size)
        bounds = enclose(
            program, there, places, strict, lambda c: strict.asarray(constant(c)),
            Machine(factors=2.0**-10, flushes=True),
        )  # fmt: skip
        for name, bound in self.bounds_of(program, arrays).items():
            assert np.all(np.asarray(bounds[name].low) <= bound.low)
            assert np.all(np.asarray(bounds[name].high) >= bound.high)


def test_a_program_as_a_picture():
    """Every call in its row; what it says of memory is what the plan says."""
    from xml.etree import ElementTree as ET

    step = ann.program(ann.Network([4, 3, 1], "binary_cross_entropy"), optimizer="momentum")
    picture = ET.fromstring(step.svg())
    texts = [text.text for text in picture.iter("{http://www.w3.org/2000/svg}text")]
    ready = schedule(step)
    calls = [call for run in ready.runs for call in run]
    rows = [text.split() for text in texts if text.lstrip()[:1].isdigit() and " B" not in text]
    assert [row[1] for row in rows[:-1]] == [call.function for call in calls]
    assert texts[-1] == str(step).splitlines()[-1]
    assert {"theta, 76 B", "X, 512 B", "Y, 128 B"} <= set(texts)
    beside = [int(text[:-2]) for text in texts if text.endswith(" B") and "," not in text]
    assert sum(beside) == ready.plan.bytes
    squares = [box for box in picture.iter("{http://www.w3.org/2000/svg}rect")
               if box.get("width") == "12"]  # fmt: skip
    assert len(squares) == len(calls)
    assert step._repr_svg_() == step.svg()


@pytest.mark.parametrize("layers", [
    [Dropout(0.5)], [ann.layers.BatchNorm(), 3], [ann.layers.Embedding({0: 4}, 2)],
    [ann.layers.Members(2), ann.layers.MemberDense(3, 2)],
])  # fmt: skip
def test_whatever_is_recorded_has_a_picture(layers):
    units = [] if isinstance(layers[0], ann.layers.Members) else [2]
    net = ann.Network([4, *layers, *units], "squared_error")
    assert ann.program(net).svg().endswith("</svg>")
