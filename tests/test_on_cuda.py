"""The backend "cuda", from `train` to the launches, over a stand-in for CuPy that has no GPU."""

import numpy as np
import pytest
from checking_device import COMPILER
from fake_cupy import FakeCuPy, on_device

import agnostic_nn as ann
from agnostic_nn import layers
from agnostic_nn.backends import base, get_backend, on_cuda
from agnostic_nn.backends.cuda.text import Writing

pytestmark = [
    pytest.mark.skipif(COMPILER is None, reason="there is no C++ compiler here"),
    pytest.mark.filterwarnings("ignore::RuntimeWarning"),  # NumPy's, where CuPy has none
]

rng = np.random.default_rng(0)
X = rng.standard_normal((70, 5))
Y = rng.dirichlet(np.ones(3), 70)

#: Of 70 rows in batches of 32: two whole ones, and the last; looked at beforehand are all three.
STEPS, COMPARED = 3, 3


@pytest.fixture
def at_once():
    """Compile from the first step on."""
    with base.at_once():
        yield


@pytest.fixture
def gpu(tmp_path, monkeypatch):
    """What makes a stand-in, with what goes wrong, and the backend on it."""

    def make(*planted):
        cupy = FakeCuPy(tmp_path, *planted)
        return cupy, cupy.install(monkeypatch)

    return make


def trained(
    backend, *, widths=(5, 16, 12, 3), dtype="float32", epochs=2, net_options=None, **options
):
    given = {"loss": "categorical_cross_entropy", "activation": "tanh"} | (net_options or {})
    net = ann.Network(list(widths), dtype=dtype, backend=backend, **given)
    ann.train(net, X, Y, epochs=epochs, batch_size=32, progress=False, **options)
    return net


def assert_same(backend, units=1000, **options):
    """The numbers that NumPy comes to."""
    ours, recorded = (trained(each, **options) for each in (backend, "numpy"))
    unit = np.finfo(recorded.theta.dtype).eps
    bound = units * unit * np.abs(recorded.theta).max()
    np.testing.assert_allclose(ours.theta, recorded.theta, rtol=0, atol=bound)
    costs = [net.training.history["cost"] for net in (ours, recorded)]
    np.testing.assert_allclose(*costs, rtol=units * unit)


@pytest.mark.usefixtures("at_once")
class TestCaptured:
    def replayed(self, cupy, epochs=2):
        """Every step was a graph, and every product in it cuBLAS's own."""
        assert cupy.replays == COMPARED + epochs * STEPS
        assert set(cupy.products) == {"cublas"}
        assert [options for _, options in cupy.texts] == [("--std=c++17",)] * 2
        assert cupy.waits == 2 * epochs  # for what was started before, and before what comes

    @pytest.mark.parametrize("dtype", ["float32", "float64"])
    def test_everything_at_once(self, dtype, gpu):
        cupy, backend = gpu()
        assert_same(
            backend, dtype=dtype, optimizer="adamw", clip_norm=1.0,
            sample_weight=np.arange(1.0, 71.0), net_options={"dropout": 0.2, "l2": 1e-3},
        )  # fmt: skip
        self.replayed(cupy)
        assert cupy.math_modes == [0]

    def test_many_products_at_once(self, gpu):
        members = [layers.Members(3), layers.EnsembleDense(6, 3, "tanh"), layers.MemberDense(3, 3)]
        cupy, backend = gpu()
        assert_same(backend, widths=[5, layers.PeriodicEmbedding(5, 4, 3), *members],
                    optimizer="sgd")  # fmt: skip
        self.replayed(cupy)

    def test_products_that_do_not_lie_together(self, gpu):
        inside = [layers.PeriodicEmbedding(5, 4, 3), layers.Members(2), layers.MemberDense(3, 2)]
        cupy, backend = gpu()
        assert_same(backend, widths=[5, layers.Ensemble(inside, 3)], optimizer="sgd")
        self.replayed(cupy)

    def test_what_layers_remember(self, gpu):
        cupy, backend = gpu()
        assert_same(backend, widths=[5, layers.BatchNorm(), 6, 3], dtype="float64",
                    optimizer="sgd")  # fmt: skip
        self.replayed(cupy)

    @pytest.mark.parametrize("which", ["all", "features"])
    @pytest.mark.parametrize("options", [
        {}, {"shuffle": False}, {"sample_weight": np.arange(1.0, 71.0), "validation": 0.2},
    ], ids=["shuffled", "as they stand", "weighted"])  # fmt: skip
    def test_data_that_stay_on_the_host(self, which, options, gpu, monkeypatch):
        """They come in two places by turns, which hold what is wanted for one step alone."""
        cupy, backend = gpu()
        hold, came = backend.hold, []

        def stays(values, dtype):
            few = values.shape[1] < 5 and which == "features"
            return hold(values, dtype) if few else np.asarray(values)

        def batches(data, order, size, dtype, *, own=False):
            places = [[None if x is None else on_device(np.zeros((size, x.shape[1]), dtype))
                       for x in data] for _ in range(2)]  # fmt: skip
            for i, batch in enumerate(get_backend("numpy").batches(data, order, size, dtype)):
                came.append(len(batch[0]))
                there = [None if x is None else place[: len(x)]
                         for x, place in zip(batch, places[i % 2], strict=True)]  # fmt: skip
                for x, rows, old in zip(batch, there, places[1 - i % 2], strict=True):
                    if x is not None:
                        rows[...], old[...] = x, np.nan  # the next is on its way to there
                yield there

        monkeypatch.setattr(backend, "hold", stays)
        monkeypatch.setattr(backend, "batches", batches)
        assert_same(backend, optimizer="sgd", **options)
        assert came.count(32) >= 2
        assert cupy.replays > 2 * 2
        assert set(cupy.products) == {"cublas"}

    def test_a_handle_ends_with_its_network(self, gpu):
        cupy, backend = gpu()
        net = trained(backend)
        assert len(cupy.stream_of) == 1
        del net
        assert not cupy.stream_of

    def test_tf32(self, gpu, monkeypatch):
        """Asked for as CuPy is asked; the steps are then compared within what it may lose."""
        monkeypatch.setenv("CUPY_TF32", "1")
        cupy, backend = gpu("tf32")
        assert_same(backend, units=1e5, optimizer="sgd")
        self.replayed(cupy)
        assert cupy.math_modes == [3]

    def test_tf32_unasked(self, gpu):
        """What TF32 loses is more than float32 may."""
        _, backend = gpu("tf32")
        with pytest.warns(ann.RecordingWarning, match="its replay gives another theta"):
            assert_same(backend, optimizer="sgd")


def test_until_compiling_pays_it_is_as_on_cupy(gpu, monkeypatch):
    monkeypatch.setattr(on_cuda, "STEPS", 2 * STEPS)
    cupy, backend = gpu()
    net = trained(backend, epochs=1)
    assert not cupy.texts
    ann.train(net, X, Y, epochs=1, batch_size=32, progress=False)
    assert cupy.replays == COMPARED + STEPS
    np.testing.assert_allclose(net.theta, trained("numpy").theta, rtol=1e-4, atol=1e-6)


@pytest.mark.usefixtures("at_once")
class TestFaults:
    """Each is said once, with its reason, and costs time alone."""

    def said(self, backend, message, **options):
        with pytest.warns(ann.RecordingWarning, match=message) as caught:
            assert_same(backend, **options)
        assert [each.category for each in caught].count(ann.RecordingWarning) == 1

    def test_no_products_that_can_be_captured(self, gpu):
        cupy, backend = gpu("nvmath")
        self.said(backend, "launched one by one: its products need nvmath-python, which does not")
        assert cupy.replays == 0
        assert set(cupy.products) == {"cupy"}

    @pytest.mark.parametrize(("planted", "reason"), [("capture", "cudaErrorNotSupported")])
    def test_a_capture_that_is_refused(self, planted, reason, gpu):
        cupy, backend = gpu(planted)
        self.said(backend, f"launched one by one: RuntimeError: {reason}")
        assert cupy.replays == 0
        assert set(cupy.products) == {"cublas"}

    def test_something_that_cannot_be_captured(self, gpu, monkeypatch):
        """The stream is fit for use afterwards."""
        cupy, backend = gpu()
        start = type(cupy.current).start

        def wait_first(stream, work):
            if stream.captured:
                stream.synchronize()
            start(stream, work)

        monkeypatch.setattr(type(cupy.current), "start", wait_first)
        self.said(backend, "RuntimeError: cudaErrorStreamCaptureUnsupported: waiting")
        assert cupy.replays == 0

    def test_a_graph_that_is_not_the_step(self, gpu):
        _, backend = gpu("graph")
        self.said(backend, "runs as it stands.*its launches fail: RuntimeError: the GPU has done 0")

    def test_a_compiler_that_refuses(self, gpu):
        cupy, backend = gpu("compile")
        self.said(backend, r"runs as it stands.*the GPU does not take it \(step.cu\(7\): error: id")
        assert not cupy.products

    def test_a_wrong_kernel(self, gpu, monkeypatch):
        finished = Writing._finished

        def with_fault(self, *arguments):
            kernel = finished(self, *arguments)
            kernel.text = kernel.text.replace("xp::tanh(", "xp::sin(")
            return kernel

        monkeypatch.setattr(Writing, "_finished", with_fault)
        _, backend = gpu()
        self.said(backend, "runs as it stands.*its replay gives another")

    def test_steps_that_are_not_made_are_not_taken_for_made(self, gpu):
        cupy, backend = gpu()
        cupy.last_replay = COMPARED + STEPS - 2
        with pytest.raises(RuntimeError, match="the GPU has done 1 steps of 2"):
            trained(backend)

    def test_too_little_memory(self, gpu):
        _, backend = gpu("memory")
        with pytest.raises(ann.OutOfMemory, match=r"a GPU that is none has 1\.0 GiB"):
            trained(backend)

    def test_what_is_not_to_be_recorded_is_not_spoken_of(self, gpu):
        g = ann.Activation("mine", lambda Z, *, xp: xp.positive(Z), None,
                           ann.ACTIVATIONS["identity"].gradient, recordable=False)  # fmt: skip
        cupy, backend = gpu()
        trained(backend, net_options={"activation": g})
        assert not cupy.texts
