"""Steps for a GPU, without one: what is launched, in which order, where, and what comes of it."""

import itertools

import array_api_compat.numpy as xp
import numpy as np
import nvrtc
import pytest
from checking_device import COMPILER, CheckedBackend, CheckingDevice, compiled

import agnostic_nn as ann
from agnostic_nn import layers
from agnostic_nn.backends.cuda.launches import Kernel, Product, Span, check, evenly_apart, leading
from agnostic_nn.backends.cuda.source import launches_of
from agnostic_nn.backends.cuda.text import TYPES, Writing, functions
from agnostic_nn.programs.dtypes import DTYPES
from agnostic_nn.programs.program import Argument
from agnostic_nn.programs.record import record
from agnostic_nn.programs.views import c_strides
from agnostic_nn.standard import KIND_OF, UNARY

rng = np.random.default_rng(0)
X = rng.standard_normal((70, 5))
Y = rng.dirichlet(np.ones(3), 70)

#: Every loss, every optimizer: as many networks as there are of the more.
PAIRS = [
    (loss or "squared_error", rule or "sgd")
    for loss, rule in itertools.zip_longest(ann.LOSSES, ann.OPTIMIZERS)
]

needs_compiler = pytest.mark.skipif(COMPILER is None, reason="there is no C++ compiler here")


@pytest.fixture
def device(tmp_path):
    return CheckingDevice(tmp_path)


def trained(
    backend, *, widths=(5, 16, 12, 3), dtype="float32", data=X, net_options=None, **options
):
    given = {"loss": "categorical_cross_entropy", "activation": "tanh"} | (net_options or {})
    net = ann.Network(list(widths), dtype=dtype, backend=backend, **given)
    ann.train(net, data, Y, **({"epochs": 2, "batch_size": 32, "progress": False} | options))
    return net


def assert_same(device, **options):
    ours, recorded = (trained(b, **options) for b in (CheckedBackend(device), "numpy"))
    assert len(device.prepared) == 2  # whole batches, and the last one
    unit = np.finfo(recorded.theta.dtype).eps
    bound = 1000 * unit * np.abs(recorded.theta).max()
    np.testing.assert_allclose(ours.theta, recorded.theta, rtol=0, atol=bound)
    costs = [net.training.history["cost"] for net in (ours, recorded)]
    np.testing.assert_allclose(*costs, rtol=1000 * unit)
    for launches in device.prepared:
        assert_compiles(launches.text, [kernel.name for kernel in launches.kernels])
        if options.get("dtype", "float32") == "float32":  # all but the data and the costs
            inner = launches.kernels[1:]
            assert all("double" not in k.text for k in inner if "costs" not in k.text)


def assert_compiles(text, names):
    """Without a warning, for a GPU; where NVRTC is not installed another test says so."""
    if nvrtc.library() is not None:
        said, ptx = nvrtc.compiled(text)
        assert said.strip("\0\n ") == ""
        assert all(f".entry {name}(" in ptx for name in names)


def test_the_compiler_of_kernels_is_there():
    if nvrtc.library() is None:
        pytest.skip("nvidia-cuda-nvrtc is not installed: no kernel is compiled for a GPU")
    said, ptx = nvrtc.compiled("float f(")
    assert "error" in said
    assert ptx == ""


@needs_compiler
class TestOverTheRegistries:
    """The same steps as on NumPy, and every kernel compiles for GPUs where NVRTC is installed."""

    def test_every_activation_in_one_network(self, device):
        names = sorted(set(ann.ACTIVATIONS) - {"exponential"})
        assert_same(
            device, widths=[5, *[6] * len(names), 3], optimizer="sgd",
            net_options={"activation": names},
        )  # fmt: skip

    def test_the_activation_that_grows(self, device):
        assert_same(device, widths=[5, 4, 3], net_options={"activation": "exponential"})

    def test_every_layer_in_one_network(self, device):
        """Those that make an ensemble have one of their own, below."""
        examples = [kind.example() for kind in layers.LAYERS.values()]
        alone = [layer for layer in examples if not hasattr(layer, "k")]
        between = [each for layer in alone for each in (layer, 5)]
        assert_same(device, widths=[5, *between, 3], dtype="float64",
                    optimizer=ann.Momentum(0.001))  # fmt: skip

    def test_ensembles(self, device):
        members = [layers.Members(3), layers.EnsembleDense(6, 3, "tanh"), layers.MemberDense(3, 3)]
        assert_same(
            device, widths=[5, layers.PeriodicEmbedding(5, 4, 3), *members], optimizer="sgd"
        )

    def test_products_of_each_member_for_each_column(self, device):
        inside = [layers.PeriodicEmbedding(5, 4, 3), layers.Members(2), layers.MemberDense(3, 2)]
        assert_same(device, widths=[5, layers.Ensemble(inside, 3)], optimizer="sgd")

    @pytest.mark.parametrize(("loss", "rule"), PAIRS)
    def test_every_loss_and_every_optimizer(self, loss, rule, device):
        assert_same(device, widths=[5, 4, 3], optimizer=rule, net_options={"loss": loss})

    @pytest.mark.parametrize("dtype", ["float32", "float64"])
    def test_everything_at_once(self, dtype, device):
        assert_same(
            device, dtype=dtype, optimizer="adamw", clip_norm=1.0,
            sample_weight=np.arange(1.0, 71.0), net_options={"dropout": 0.2, "l2": 1e-3},
        )  # fmt: skip


def moves(Z, *, xp):
    """Functions that no activation of the registry uses."""
    turned = xp.roll(xp.tril(Z, k=1), 2, axis=1) - xp.triu(Z, k=-1)
    places = xp.reshape(xp.argmax(Z, axis=0, keepdims=True), (1, -1))
    chosen = xp.take_along_axis(Z, places, axis=0)
    few = xp.take(Z, xp.reshape(xp.argmin(Z, axis=1), (-1,)) - 2, axis=1)
    spread = xp.std(Z, axis=0, keepdims=True) + xp.var(Z, axis=(0, 1), correction=1.0)
    sums = xp.cumulative_sum(Z, axis=1) / 32.0 + xp.prod(xp.tanh(Z), axis=0)
    joined = xp.concat([few, few, few, Z[::-1, :]], axis=1)[:, : Z.shape[1]]
    again = xp.concat([xp.tanh(Z[:1, :])] * Z.shape[0], axis=0)
    chosen = xp.where(xp.any(Z > 3.0, axis=0) | xp.all(Z > 0.0, axis=0), chosen, xp.min(Z, axis=0))
    turned += again
    return xp.tanh(turned + chosen + spread + sums + joined @ (Z.T[:, ::-1] @ Z[::-1, :]) / 100.0)


@needs_compiler
class TestLaunches:
    def test_functions_that_move_numbers(self, device):
        g = ann.Activation("moves", moves, None, ann.ACTIVATIONS["identity"].gradient)
        assert_same(device, dtype="float64", widths=[5, 7, 3], optimizer="sgd",
                    net_options={"activation": g})  # fmt: skip

    def test_long_sums_are_made_together(self, device):
        assert_same(device, widths=[5, 90, 200, 3], epochs=1, clip_norm=0.1)
        texts = [kernel.text for kernel in device.prepared[0].kernels]
        assert any("over_block<xp::Sum, 512>" in text for text in texts)  # of the gradient
        assert any("for (Index j = 0" in text for text in texts)
        parts = next(text for text in texts if "blockIdx.x % 4" in text)  # of 19,343 numbers
        assert "j += 2048" in parts

    def test_the_order_of_threads_changes_nothing(self, tmp_path):
        options = {"optimizer": "adamw", "clip_norm": 1.0, "net_options": {"dropout": 0.2}}
        found = []
        for backwards in (False, True):
            folder = tmp_path / str(backwards)
            folder.mkdir()
            device = CheckingDevice(folder, backwards=backwards)
            found.append(trained(CheckedBackend(device), **options).theta)
            assert device.launched
        assert np.array_equal(*found)

    def test_every_step_is_the_same_launches(self, device):
        """Rows, rates, keys and the number of the step are read from the device."""
        trained(CheckedBackend(device), widths=[5, 4, 3], net_options={"dropout": 0.5})
        whole, last = (launches.steps for launches in device.prepared)
        compared = [*whole, *whole, *last]  # on two minibatches, and on the last
        epoch = [*whole, *whole, *last]
        assert len(device.launched) == len(compared) + 2 * len(epoch)
        assert all(map(lambda a, b: a is b, device.launched, [*compared, *epoch, *epoch]))

    def test_a_step_allocates_and_copies_nothing(self, device):
        device.inside = True
        for forbidden in (
            lambda: device.zeros(3, "float32"),
            lambda: device.write(np.zeros(3), 0.0),
            lambda: device.prepare(None, {}),
        ):
            with pytest.raises(AssertionError, match="inside a step"):
                forbidden()

    @pytest.mark.parametrize("given", [
        rng.integers(0, 255, (70, 5), dtype=np.uint8), np.asfortranarray(X), X[::-1, ::-1],
        rng.random((70, 5)) > 0.5, rng.integers(-9, 9, (70, 5)),
    ], ids=["uint8", "columns", "backwards", "bool", "int64"])  # fmt: skip
    def test_data_of_any_type_and_order(self, given, device, monkeypatch):
        """Also where they stay as they are, for converting them would take much memory."""
        monkeypatch.setattr("agnostic_nn.backends.on_numpy.WHOLE", 1)
        assert_same(device, data=given, widths=[5, 3], optimizer="sgd")

    @pytest.mark.parametrize(("times", "index"), [(10, "int"), (2**30, "int64")])
    def test_what_counts_numbers_has_room_for_all_of_them(self, times, index):
        """A view has more of them than there are in memory."""

        def function(theta, rates, key, *, xp):
            return {"theta": theta, "cost": xp.sum(xp.broadcast_to(theta, (times, 3)))}

        arguments = [
            Argument((3,), DTYPES["float32"], "theta"), Argument((1,), DTYPES["float32"], "rates"),
            Argument((2,), DTYPES["int32"], "key"),
        ]  # fmt: skip
        program = record(function, arguments, ["theta"]).program
        assert f"typedef {index} Index;" in launches_of(program, {}, 32).text

    def test_a_refused_step_runs_as_it_stands_and_says_so_once(self, device):
        g = ann.Activation("sorts", lambda Z, *, xp: xp.sort(Z, axis=0), None,
                           ann.ACTIVATIONS["identity"].gradient)  # fmt: skip
        options = {"net_options": {"activation": g}, "optimizer": "sgd"}
        with pytest.warns(ann.RecordingWarning, match="xp.sort, which is not compiled") as caught:
            net = trained(CheckedBackend(device), **options)
        assert len(caught) == 1
        plain = trained("numpy", **options)
        np.testing.assert_allclose(net.theta, plain.theta, rtol=1e-5, atol=1e-6)

    def test_what_is_not_a_number_stays_that(self, device):
        def spoilt(backend):
            net = ann.Network([5, 4, 3], "squared_error", backend=backend, activation="relu")
            net.theta[0] = np.nan
            with pytest.warns(ann.TrainingWarning, match="not finite"):
                ann.train(net, X, Y, epochs=1, optimizer="sgd")
            return np.isnan(net.theta)

        assert np.array_equal(spoilt(CheckedBackend(device)), spoilt("numpy"))

    def test_other_data_and_other_lengths(self, device):
        """Launches find the data in a table, and go on with any that find room in the tables."""
        net, plain = (ann.Network([5, 3], "squared_error", backend=b)
                      for b in (CheckedBackend(device), "numpy"))  # fmt: skip
        for n, prepared in ((64, 1), (64, 1), (33, 2), (70, 4)):
            for each in (net, plain):
                ann.train(each, X[:n].copy(), Y[:n], epochs=1, batch_size=32, progress=False)
            assert len(device.prepared) == prepared
        np.testing.assert_allclose(net.theta, plain.theta, rtol=1e-4, atol=1e-6)


#: Faults of what nobody has seen run, each a text of a kernel that is not what it should be.
FAULTS = {
    "a function": ("xp::tanh(", "xp::sin("),
    "a rate that is baked in": ("= rates[now *", "= rates[0 *"),
    "rows that are baked in": ("order[now *", "order[0 *"),
    "masks that are baked in": ("= keys[now *", "= keys[0 *"),
    "a sum that is cut short": ("xp::Sum::of(total,", "xp::Sum::of(total, 0.5f *"),
    "a step that is not counted": ("step[0] += 1;", "step[0] += 0;"),
}


@needs_compiler
@pytest.mark.parametrize("fault", FAULTS)
def test_no_fault_of_a_kernel_goes_unseen(fault, device, monkeypatch):
    """The steps are compared with the step as it stands, which runs in their place."""
    right, wrong = FAULTS[fault]
    finished = Writing._finished
    planted = []

    def with_fault(self, *arguments):
        kernel = finished(self, *arguments)
        planted.append(right in kernel.text)
        kernel.text = kernel.text.replace(right, wrong)
        return kernel

    monkeypatch.setattr(Writing, "_finished", with_fault)
    options = {
        "optimizer": ann.SGD(ann.Cosine(0.5)), "net_options": {"dropout": 0.3}, "batch_size": 16,
    }  # fmt: skip
    with pytest.warns(ann.RecordingWarning, match="runs as it stands"):
        net = trained(CheckedBackend(device), **options)
    assert any(planted)
    plain = trained("numpy", **options)
    np.testing.assert_allclose(net.theta, plain.theta, rtol=1e-4, atol=1e-6)


def span(begin, shape, strides):
    return Span("float32", begin, shape, strides)


class TestCheck:
    def kernel(self, reads, writes, **options):
        return Kernel("k", reads=reads, writes=writes, **options)

    def test_in_place_is_allowed(self):
        check(self.kernel([span(4, (2, 3), (3, 1))], [span(4, (6,), (1,))]), {"float32": 10})

    @pytest.mark.parametrize(("read", "written"), [
        (span(4, (6,), (1,)), span(5, (6,), (1,))),  # one further
        (span(4, (2, 3), (1, 2)), span(4, (2, 3), (3, 1))),  # turned
        (span(9, (6,), (-1,)), span(4, (6,), (1,))),  # backwards
        (span(4, (6,), (0,)), span(4, (6,), (1,))),  # the same for all
    ])  # fmt: skip
    def test_what_others_write_is_not_read(self, read, written):
        with pytest.raises(ann.NotRecordable, match="is read where"):
            check(self.kernel([read], [written]), {"float32": 20})
        check(self.kernel([read], [written], in_order=True), {"float32": 20})
        with pytest.raises(ann.NotRecordable, match="is read where"):
            check(Product(written, read, written), {"float32": 20})

    def test_two_are_not_written_to_one_place(self):
        with pytest.raises(ann.NotRecordable, match="is written where"):
            check(self.kernel([], [span(0, (3,), (1,)), span(2, (3,), (1,))]), {"float32": 10})

    @pytest.mark.parametrize("beyond", [span(5, (6,), (1,)), span(2, (4,), (-1,))])
    def test_nothing_lies_beyond_memory(self, beyond):
        with pytest.raises(ann.NotRecordable, match="of 10 float32"):
            check(self.kernel([beyond], []), {"float32": 10})

    @pytest.mark.parametrize(("many", "strides", "calls"), [
        ((), (), 1), ((5,), (12,), 1), ((5,), (0,), 1), ((2, 5), (60, 12), 1), ((2, 5), (0, 0), 1),
        ((2, 5), (0, 12), 2), ((5, 2), (12, 0), 2), ((2, 1, 5), (60, 0, 12), 1),
        ((2, 3, 5), (0, 60, 12), 2),
    ])  # fmt: skip
    def test_products_as_few_calls(self, many, strides, calls):
        """One for each row of evenly spaced matrices, and each matrix once."""
        out = span(0, (*many, 2, 3), c_strides((*many, 2, 3)))
        a, b = span(7, (*many, 2, 4), (*strides, 4, 1)), span(0, (4, 3), (3, 1))
        product = Product(a, span(0, (*many, *b.shape), (*[0] * len(many), *b.strides)), out)
        found = [*evenly_apart(product)]
        assert len(found) == calls

        def begins(each):
            at = itertools.product(*map(range, each.shape[:-2]))
            return [each.begin + sum(map(np.multiply, i, each.strides)) for i in at]

        made = [
            pair for each in found for pair in zip(begins(each.out), begins(each.a), strict=True)
        ]
        assert sorted(made) == sorted(zip(begins(out), begins(a), strict=True))

    @pytest.mark.parametrize("shape", [(3, 4), (1, 4), (3, 1), (1, 1)])
    @pytest.mark.parametrize("turned", [False, True])
    def test_what_blas_reads(self, shape, turned):
        """Number (i, j) lies where BLAS looks for it."""
        memory = np.arange(60.0)
        array = memory.reshape(10, 6)[: shape[0], : shape[1]]
        array = array.T if turned else array
        found = leading(span(0, array.shape, tuple(stride // 8 for stride in array.strides)))
        assert found is not None
        transposed, apart = found
        assert apart >= array.shape[0 if transposed else 1]
        for i, j in itertools.product(*map(range, array.shape)):
            assert array[i, j] == memory[j * apart + i if transposed else i * apart + j]

    def test_what_blas_does_not_read(self):
        assert leading(span(0, (3, 4), (8, 2))) is None
        assert leading(span(11, (3, 4), (-4, 1))) is None
        assert leading(span(0, (3, 4), (0, 1))) is None


#: Numbers at the edges, of each kind.
EDGES = {
    "bool": [False, True],
    "signed integer": [0, 1, -1, 2, -3, 7, 31, 63, "max", "min"],
    "unsigned integer": [0, 1, 2, 7, 31, 63, "max"],
    "real floating": [0.0, -0.0, 1.0, -1.0, 0.5, -2.5, 3.5, 1e-3, 100.0, -7.25, 2.0**-24, 1e30,
                      np.inf, -np.inf, np.nan],
}  # fmt: skip

#: Whether the functions of a kind take numbers of a type.
ALLOWED = {
    "numeric": lambda d: d.kind != "bool", "floating": lambda d: d.floating,
    "test": lambda d: d.kind != "bool", "either": lambda _: True,
    "logical": lambda d: d.kind == "bool", "bitwise": lambda d: not d.floating,
    "shift": lambda d: "integer" in d.kind,
}  # fmt: skip


def operands(name, dtype):
    """Every number at the edge, or every pair of them."""
    limits = np.iinfo(dtype.name) if "integer" in dtype.kind else None
    edges = [getattr(limits, x) if isinstance(x, str) else x for x in EDGES[dtype.kind]]
    x = np.asarray(edges, dtype.name)
    if name in UNARY:
        return (x,)
    a, b = (np.ascontiguousarray(each) for each in np.meshgrid(x, x, indexing="ij"))
    if KIND_OF[name] == "shift" or (name == "pow" and not dtype.floating):
        fine = (b >= 0) & (b < 2 * dtype.bits)  # a shift by less than nothing means nothing
        a, b = a[fine], b[fine]
    return a.reshape(-1), b.reshape(-1)


@needs_compiler
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("dtype", TYPES)
def test_every_function_of_the_standard(dtype, tmp_path):
    """As NumPy has it, at the edges too: NaN, infinity, signs of zero, numbers that wrap."""
    kind, d = TYPES[dtype], DTYPES[dtype]
    names = [name for name in KIND_OF if ALLOWED[KIND_OF[name]](d)]
    kernels = []
    for name in names:
        result = "bool" if KIND_OF[name] in ("test", "either", "logical") else kind
        given = "a[i]" if name in UNARY else "a[i], b[i]"
        text = (
            f'extern "C" __global__ void k_{name}({kind}* a, {kind}* b, {result}* out, int* n) '
            f"{{ for (int i = 0; i < n[0]; ++i) out[i] = xp::{name}({given}); }}"
        )
        kernels.append(Kernel(f"k_{name}", text, ("a", "b", "out", "n")))
    text = "\n".join([functions(), *(kernel.text for kernel in kernels)])
    assert_compiles(text, [kernel.name for kernel in kernels])
    library, device = compiled(text, tmp_path), CheckingDevice("")
    for name, kernel in zip(names, kernels, strict=True):
        given = operands(name, d)
        expected = getattr(xp, name)(*given)
        out = np.zeros(expected.shape, expected.dtype)
        arrays = {"a": given[0], "b": given[-1], "out": out, "n": np.asarray([out.size], np.int32)}
        device.bind(kernel, library, arrays)()
        if expected.dtype.kind != "f":
            np.testing.assert_array_equal(out, expected, err_msg=name)
            continue
        exact = KIND_OF[name] == "numeric" and name != "pow"
        np.testing.assert_array_equal(np.isnan(out), np.isnan(expected), err_msg=name)
        # of two zeros either is the larger
        signed = ~np.isnan(out) & ((out != 0.0) | (name not in ("maximum", "minimum")))
        signs = (np.signbit(x[signed]) for x in (out, expected))
        np.testing.assert_array_equal(*signs, err_msg=name)
        rtol = 0.0 if exact else 16 * np.finfo(dtype).eps
        np.testing.assert_allclose(out, expected, rtol=rtol, err_msg=name)
