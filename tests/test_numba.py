"""The compiled epoch: what a recorded step computes, from the step on at which compiling pays."""

import itertools
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import agnostic_nn as ann
from agnostic_nn import layers
from agnostic_nn.backends import base, numba_source, on_numba, recorded
from agnostic_nn.backends.numba_source import source_of

numba = pytest.importorskip("numba", reason="numba is not installed")
pytest.importorskip("scipy", reason="scipy is not installed")

from agnostic_nn.backends.numba_functions import FUNCTIONS, added_up, product  # noqa: E402

rng = np.random.default_rng(0)
X = rng.standard_normal((70, 5))
Y = rng.dirichlet(np.ones(3), 70)


#: Every loss, every optimizer: as many networks as there are of the more.
PAIRS = [
    (loss or "squared_error", rule or "sgd")
    for loss, rule in itertools.zip_longest(ann.LOSSES, ann.OPTIMIZERS)
]


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory):
    """Nothing that was compiled before is found."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture
def at_once():
    """Compile from the first step on."""
    with base.at_once():
        yield


def trained(backend, *, widths=(5, 16, 12, 3), dtype="float64", net_options=None, **options):
    given = {"loss": "categorical_cross_entropy", "activation": "tanh"} | (net_options or {})
    net = ann.Network(list(widths), dtype=dtype, backend=backend, **given)
    ann.train(net, X, Y, **({"epochs": 2, "batch_size": 32, "progress": False} | options))
    return net


def compiled_steps(net):
    return [s for s in net.compiled["steps"]._steps.values() if hasattr(s, "_function")]


def assert_same(**options):
    compiled, recorded = (trained(backend, **options) for backend in ("numba", "numpy"))
    assert len(compiled_steps(compiled)) == 1  # the whole batches; the last one is recorded
    unit = np.finfo(recorded.theta.dtype).eps
    bound = 1000 * unit * np.abs(recorded.theta).max()
    np.testing.assert_allclose(compiled.theta, recorded.theta, rtol=0, atol=bound)
    costs = [net.training.history["cost"] for net in (compiled, recorded)]
    np.testing.assert_allclose(*costs, rtol=1000 * unit)


@pytest.mark.usefixtures("at_once")
class TestCompiled:
    def test_every_activation_in_one_network(self):
        names = sorted(set(ann.ACTIVATIONS) - {"exponential"})
        assert_same(
            widths=[5, *[6] * len(names), 3], dtype="float32", optimizer="sgd",
            net_options={"activation": names},
        )  # fmt: skip

    def test_every_layer_in_one_network(self):
        """Those that make an ensemble have one of their own, below."""
        examples = [kind.example() for kind in layers.LAYERS.values()]
        alone = [layer for layer in examples if not hasattr(layer, "k")]
        between = [each for layer in alone for each in (layer, 5)]
        assert_same(widths=[5, *between, 3], optimizer=ann.Momentum(0.001))

    @pytest.mark.parametrize(("loss", "rule"), PAIRS)
    def test_every_loss_and_every_optimizer(self, loss, rule):
        assert_same(widths=[5, 4, 3], optimizer=rule, net_options={"loss": loss})

    def test_everything_at_once(self):
        assert_same(
            optimizer="adamw", clip_norm=1.0, sample_weight=np.arange(1.0, 71.0),
            net_options={"dropout": 0.2, "l2": 1e-3},
        )  # fmt: skip

    @pytest.mark.parametrize("loss", ann.LOSSES)
    def test_the_gradient_of_every_loss(self, loss):
        net = ann.Network([5, 4, 3], loss, activation="tanh", dropout=0.25, l2=0.1,
                          dtype="float64", backend="numba")  # fmt: skip
        assert ann.gradient_check(net, X[:4], Y[:4], step=1) < 1e-7

    def test_the_gradient_of_every_activation(self):
        names = list(ann.ACTIVATIONS)
        net = ann.Network([5, *[6] * len(names), 3], "categorical_cross_entropy",
                          activation=names, dtype="float64", backend="numba")  # fmt: skip
        assert ann.gradient_check(net, X[:4], Y[:4]) < 1e-7

    @pytest.mark.parametrize("dtype", ["float32", "float64"])
    def test_many_products_at_once(self, dtype):
        """One for each column, and one for each member of an ensemble; some lie in no order."""
        members = [layers.Members(3), layers.EnsembleDense(6, 3, "tanh"), layers.MemberDense(3, 3)]
        assert_same(
            widths=[5, layers.PeriodicEmbedding(5, 4, 3), *members], dtype=dtype, optimizer="sgd"
        )

    def test_products_of_each_member_for_each_column(self):
        inside = [layers.PeriodicEmbedding(5, 4, 3), layers.Members(2), layers.MemberDense(3, 2)]
        assert_same(widths=[5, layers.Ensemble(inside, 3)], optimizer="sgd")

    def test_data_of_another_dtype(self):
        images = rng.integers(0, 255, (70, 5), dtype=np.uint8)
        nets = []
        for given in (images, images.astype(np.float32)):
            net = ann.Network([5, 4, 3], "squared_error", backend="numba")
            ann.train(net, given, Y, epochs=1, optimizer="sgd")
            nets.append(net)
        assert np.array_equal(nets[0].theta, nets[1].theta)

    def test_a_state_that_changes_places(self):
        class Swaps(ann.Optimizer):
            slots = 2

            def update(self, theta, g, slots, rate, xp):
                first, second = slots
                return theta - rate * (g + first), (second + g, first)

        assert_same(optimizer=Swaps(0.01), widths=[5, 3])

    def test_a_state_that_is_a_single_number(self):
        class Slows(ann.Optimizer):
            slots = 1

            def initial_state(self, theta, xp):
                return (xp.ones((), dtype=theta.dtype),)

            def update(self, theta, g, slots, rate, xp):
                (pace,) = slots
                pace = 0.5 * pace
                return theta - rate * pace * g, (pace,)

        assert_same(optimizer=Slows(0.1), widths=[5, 3])

    def test_what_is_not_compiled_runs_as_on_numpy_and_says_so_once(self):
        def sort(Z, *, xp):
            return xp.sort(Z, axis=0)

        sorts = ann.Activation("sorts", sort, None, ann.ACTIVATIONS["identity"].gradient)
        with pytest.warns(ann.RecordingWarning, match="sort, which is not compiled") as caught:
            net = trained("numba", net_options={"activation": sorts}, optimizer="sgd")
        assert len(caught) == 1
        plain = trained("numpy", net_options={"activation": sorts}, optimizer="sgd")
        assert np.array_equal(net.theta, plain.theta)

    def test_what_is_compiled_wrongly_is_not_trusted(self, monkeypatch):
        """It is held against the step as it stands; see `agnostic_nn.parity` for what it misses."""
        written = numba_source.expression
        monkeypatch.setattr(
            numba_source, "expression", lambda call, given: f"({written(call, given)} + 1)"
        )
        with pytest.warns(ann.RecordingWarning, match="gives another .* than its record says"):
            net = trained("numba", widths=[5, 3], optimizer="sgd")
        assert np.array_equal(net.theta, trained("numpy", widths=[5, 3], optimizer="sgd").theta)

    def test_float16(self):
        with pytest.warns(ann.RecordingWarning, match="numbers of type float16"):
            trained("numba", dtype="float16", optimizer="sgd", epochs=1)

    def test_what_is_not_a_number_stays_that(self):
        def spoilt(backend):
            net = ann.Network([5, 4, 3], "squared_error", backend=backend, activation="relu")
            net.theta[0] = np.nan
            with pytest.warns(ann.TrainingWarning, match="not finite"):
                ann.train(net, X, Y, epochs=1, optimizer="sgd")
            return np.isnan(net.theta)

        assert np.array_equal(spoilt("numba"), spoilt("numpy"))

    def test_a_second_process_does_not_compile(self):
        code = (
            "import sys; import numpy as np; import agnostic_nn as ann\n"
            "from agnostic_nn.backends.base import at_once\n"
            "net = ann.Network([2, 3, 1], 'squared_error', backend='numba')\n"
            "with at_once():\n"
            "    ann.train(net, np.ones((4, 2)), np.ones(4), epochs=1, progress=False)\n"
            "(step,) = net.compiled['steps']._steps.values()\n"
            "print(sum(step._function.stats.cache_hits.values()))"
        )
        hits = [
            subprocess.run(
                [sys.executable, "-c", code],
                capture_output=True,
                text=True,
                check=True,
                timeout=120,
            ).stdout.strip()
            for _ in range(2)
        ]
        assert hits == ["0", "1"]

    def test_other_functions_are_compiled_anew(self, monkeypatch):
        """What is kept on disk has them inside."""
        names = [compiled_steps(trained("numba", widths=[5, 3]))[0]._function.__name__]
        read = Path.read_bytes
        monkeypatch.setattr(Path, "read_bytes", lambda path: read(path) + b"# a later version")
        names += [compiled_steps(trained("numba", widths=[5, 3]))[0]._function.__name__]
        assert names[0] != names[1]

    def test_what_is_called_is_compiled_once_for_all_sizes(self):
        """A number that the source says would be a function of its own to Numba."""
        for width in (5, 9):
            trained("numba", widths=[5, width, 3], optimizer="sgd", epochs=1)
        for function in (product, added_up):
            dtypes = [signature[0].dtype for signature in function.signatures]
            assert len(dtypes) == len(set(dtypes))

    def test_no_folder_to_keep_it_in(self, monkeypatch, tmp_path):
        (tmp_path / "file").touch()
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
        assert_same(widths=[5, 7, 3], optimizer="sgd")


class TestWhenItPays:
    def test_a_short_training_is_recorded_and_equal_to_numpy(self):
        net = trained("numba")
        assert compiled_steps(net) == []
        assert np.array_equal(net.theta, trained("numpy").theta)

    def test_a_long_one_is_compiled_from_the_same_step_on_however_it_came_there(self, monkeypatch):
        """The choice hangs on the steps done and not on a clock: resumed training makes it too."""
        calls, saved = calls_and_saved(trained("numba", epochs=0, optimizer="sgd"))
        budget = 4.5 * saved / calls  # in the second epoch of three steps
        monkeypatch.setattr(on_numba, "BUDGET", budget)
        whole = trained("numba", epochs=3, optimizer="sgd")
        assert len(compiled_steps(whole)) == 1
        parts = trained("numba", epochs=1, optimizer="sgd")
        assert compiled_steps(parts) == []
        for _ in range(2):
            ann.train(parts, X, Y, epochs=1, batch_size=32, progress=False)
        assert len(compiled_steps(parts)) == 1
        assert np.array_equal(whole.theta, parts.theta)


def calls_and_saved(net):
    """How many calls a step of 32 is, and what it saves when it is compiled, in seconds."""
    ready = recorded.schedule(ann.program(net, optimizer="sgd"))
    numbers = sum(call.size for run in ready.runs for call in run)
    return ready.calls, on_numba.PER_CALL * ready.calls + on_numba.PER_NUMBER * numbers


def test_the_source_depends_on_no_number_of_the_equations():
    """What is compiled for one l2 serves another."""
    texts = {
        source_of(ann.program(ann.Network([2, 3, 1], "squared_error", l2=l2)), ["X", "Y"]).text
        for l2 in (0.1, 0.2)
    }
    assert len(texts) == 1


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_are_as_right_as_an_enclosure_allows(name):
    """Within 4 ULPs of the true value, everywhere."""
    function, dtype = name.split("_")
    limits = np.finfo(dtype)
    with np.errstate(all="ignore"):
        sizes = np.exp(
            np.linspace(np.log(float(limits.tiny)) * 1.01, np.log(float(limits.max)), 4001)
        )
        near = np.linspace(-3.0, 3.0, 4001)
        x = np.concatenate([sizes, -sizes, near, 1.0 + near * 1e-3, sizes[:3000] - 1.0, 100 * near,
                            [0.0, np.inf, -np.inf, np.nan]]).astype(dtype)  # fmt: skip
        wide = np.float64 if dtype == "float32" else np.longdouble
        if np.finfo(wide).eps >= limits.eps:
            pytest.skip("nothing here is more exact than float64")
        expected = getattr(np, function)(x.astype(wide))
        rounded = expected.astype(dtype)
        g = FUNCTIONS[name]
        got = numba.njit(lambda x: np.array([g(each) for each in x]))(x)
    assert got.dtype == dtype
    finite = np.isfinite(rounded)
    np.testing.assert_array_equal(got[~finite], rounded[~finite])
    off = np.abs(got[finite].astype(wide) - expected[finite])
    assert np.all(off <= 4.0 * np.spacing(np.abs(rounded[finite])))


def test_what_a_step_saves_is_counted_once(monkeypatch):
    """It is asked for in every epoch, and takes longer than a small one."""
    counted = []
    schedule = recorded.schedule
    monkeypatch.setattr(
        recorded, "schedule", lambda program: counted.append(1) or schedule(program)
    )
    net = ann.Network([3, 4, 2], "categorical_cross_entropy", backend="numba")
    X = np.random.default_rng(0).random((20, 3))
    ann.train(net, X, (X[:, 0] > 0.5).astype(int), epochs=6, batch_size=20, progress=False)
    assert len(counted) == 1
