import builtins
import contextlib
import functools
import re
import subprocess
import sys
import tomllib
import warnings
from pathlib import Path

import numpy as np
import pytest

import agnostic_nn as ann
from agnostic_nn import backends
from agnostic_nn.backends import backend_of, get_backend, move
from agnostic_nn.backends.on_cupy import CuPyBackend
from agnostic_nn.testing import VARIANTS, assert_parity


@pytest.fixture(autouse=True)
def nothing_chosen(monkeypatch):
    monkeypatch.delenv("AGNOSTIC_NN_BACKEND", raising=False)


@pytest.fixture
def not_installed(monkeypatch):
    """Make a library look as if it were not installed."""

    def hide(library):
        monkeypatch.setattr(
            backends, "find_spec", lambda name: None if name == library else builtins.object()
        )
        backends._open.cache_clear()
        backends.availability.cache_clear()

    yield hide
    monkeypatch.undo()
    backends._open.cache_clear()
    backends.availability.cache_clear()


class TestNames:
    def test_same_name_same_backend(self, backend):
        assert get_backend(backend.of) is backend.backend
        assert get_backend(backend.backend) is backend.backend
        assert backend.backend.name == backend.of
        assert repr(backend.backend) == f"<backend {backend.of}>"

    def test_numpy_by_default(self):
        assert get_backend().name == "numpy"
        assert get_backend(None).name == "numpy"

    @pytest.mark.parametrize(
        ("name", "message"),
        [
            (
                "nunpy",
                r"backend='nunpy' is not known\. Did you mean 'numpy'\? Known: .*cupy.*torch",
            ),
            ("cuppy", "Did you mean 'cupy'"),
            ("numpy:1", "NumPy runs on the CPU alone"),
        ],
    )
    def test_unknown(self, name, message):
        with pytest.raises(ann.InvalidArgument, match=message):
            get_backend(name)

    def test_unknown_device(self):
        pytest.importorskip("array_api_strict", reason="array_api_strict is not installed")
        with pytest.raises(ann.InvalidArgument, match=r"wanted CPU_DEVICE, device1 or device2"):
            get_backend("array_api_strict:device9")


class TestChoice:
    def test_use_backend(self, backend):
        with ann.use_backend(backend.of) as chosen:
            assert chosen is backend.backend
            assert get_backend() is chosen
            assert ann.Network([2, 1], "squared_error").backend is chosen
            with ann.use_backend("numpy"):
                assert get_backend().name == "numpy"
            assert get_backend() is chosen
        assert get_backend().name == "numpy"

    def test_use_backend_ends_with_an_error_too(self):
        def fail():
            with ann.use_backend("array_api_strict"):
                raise KeyError

        pytest.importorskip("array_api_strict", reason="array_api_strict is not installed")
        with pytest.raises(KeyError):
            fail()
        assert get_backend().name == "numpy"

    def test_environment(self, backend, monkeypatch):
        monkeypatch.setenv("AGNOSTIC_NN_BACKEND", backend.of)
        assert get_backend() is backend.backend
        assert ann.Network([2, 1], "squared_error").backend is backend.backend
        with ann.use_backend("numpy"):
            assert get_backend().name == "numpy"

    def test_empty_environment_says_nothing(self, monkeypatch):
        monkeypatch.setenv("AGNOSTIC_NN_BACKEND", "")
        assert get_backend().name == "numpy"

    def test_wrong_environment(self, monkeypatch):
        monkeypatch.setenv("AGNOSTIC_NN_BACKEND", "numpi")
        with pytest.raises(ann.InvalidArgument, match="Did you mean 'numpy'"):
            ann.Network([2, 1], "squared_error")

    def test_what_was_chosen_wins_over_the_data(self, backend):
        X, Y = (backend.asarray(values) for values in ([[0.5], [1.0]], [[0.0], [1.0]]))
        net = ann.Network([1, 1], "squared_error", backend="numpy")
        ann.train(net, X, Y, epochs=1)
        assert net.backend.name == "numpy"

    def test_auto_without_numba(self, not_installed):
        not_installed("numba")
        usable = ann.available_backends()["cupy"].usable
        assert get_backend("auto").name == ("cupy" if usable else "numpy")

    def test_auto_is_the_first_that_is_usable(self):
        found = ann.available_backends()
        first = next(name for name in ("cupy", "numba", "numpy") if found[name].usable)
        assert get_backend("auto").name == first


class TestNotUsable:
    @pytest.mark.parametrize("library", ["numba", "cupy", "torch", "jax", "array_api_strict"])
    def test_not_installed(self, library, not_installed):
        not_installed(library)
        with pytest.raises(ann.BackendUnavailable, match=f"{library} is not installed.*pip inst"):
            get_backend(library)
        found = ann.available_backends()[library]
        assert not found.usable
        assert found.reason == "not installed"
        assert "pip install" in found.install

    def test_cuda_is_cupy_with_other_steps(self, not_installed):
        not_installed("cupy")
        with pytest.raises(ann.BackendUnavailable, match="'cuda:1' is not usable: cupy is not ins"):
            get_backend("cuda:1")
        assert ann.available_backends()["cuda"].reason == "not installed"
        assert "cuda13-graph" in ann.available_backends()["cuda"].install

    def test_installed_but_does_not_compute(self, monkeypatch, not_installed):
        not_installed("nothing")

        def probe(self):
            raise RuntimeError("CUDA driver version is insufficient\nand a second line")

        monkeypatch.setattr(
            "agnostic_nn.backends.on_numpy.NumPyBackend.probe", probe, raising=False
        )
        with pytest.raises(
            ann.BackendUnavailable,
            match=r"numpy is installed, but a small computation failed \(RuntimeError: CUDA driver "
            r"version is insufficient\)\. Install what it needs with: pip",
        ):
            get_backend("numpy")
        found = ann.available_backends()["numpy"]
        assert (found.usable, found.version) == (False, np.__version__)
        assert found.reason == "CUDA driver version is insufficient"

    def test_a_warning_of_a_library_is_no_reason(self, monkeypatch, not_installed):
        not_installed("nothing")

        def warns(self):
            warnings.warn("multiple CuPy packages are installed", UserWarning, stacklevel=1)

        monkeypatch.setattr("agnostic_nn.backends.on_numpy.NumPyBackend.probe", warns)
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("error")
            assert get_backend("numpy").name == "numpy"
        assert [str(warning.message) for warning in seen] == [
            "multiple CuPy packages are installed"
        ]

    def test_a_wrong_product_is_seen(self, monkeypatch, not_installed):
        not_installed("nothing")
        monkeypatch.setattr(
            "agnostic_nn.backends.on_numpy.NumPyBackend.to_numpy", lambda *_: np.zeros((2, 2)),
            raising=False,
        )  # fmt: skip
        with pytest.raises(ann.BackendUnavailable, match="came out wrong"):
            get_backend("numpy")

    def test_moving_there_leaves_the_network_where_it_was(self, not_installed):
        not_installed("cupy")
        net = ann.Network([2, 1], "squared_error")
        theta = net.theta
        with pytest.raises(ann.BackendUnavailable):
            net.to("cupy")
        assert net.backend.name == "numpy"
        assert net.theta is theta

    def test_available(self, backend):
        found = ann.available_backends()
        assert list(found) == list(backends.BACKENDS)
        library = found[backend.of.partition(":")[0]]
        assert library.usable
        assert library.version
        assert library.device


class TestInAndOut:
    def test_there_and_back(self, backend):
        for name in ("float32", "float64"):
            values = np.asarray([[1.5, -2.0]], dtype=name)
            array = backend.backend.asarray(values, backend.backend.dtype(name))
            assert backend.backend.owns(array)
            back = backend.backend.to_numpy(array)
            assert type(back) is np.ndarray
            assert back.dtype == values.dtype
            np.testing.assert_array_equal(back, values)
        backend.backend.synchronize()

    def test_arrays_know_their_backend(self, backend):
        array = backend.asarray([1.0])
        found = backend_of(array)
        assert found.xp is backend.xp
        assert type(found).device_of(array) == type(backend.backend).device_of(array)

    def test_host_data_have_none(self):
        for values in ([1.0], 1.0, None, "numpy"):
            assert backend_of(values) is None

    def test_move_between_all(self, backend):
        start = np.asarray([[1.5, -2.0]])
        there = move(start, backend.backend)
        again = move(there, get_backend("numpy"))
        np.testing.assert_array_equal(again, start)

    def test_dtypes(self, backend):
        assert backend.backend.dtype("numpy.float32") == backend.backend.dtype("float32")
        with pytest.raises(ann.InvalidArgument, match=r"dtype='flaot32'.*Did you mean 'float32'"):
            backend.backend.dtype("flaot32")

    def test_a_dtype_the_backend_has_not(self):
        with pytest.raises(ann.InvalidArgument, match=r"'bfloat16' does not exist in .*'numpy'"):
            ann.Network([2, 1], "squared_error", dtype="bfloat16", backend="numpy")


def test_mixed_libraries():
    strict = pytest.importorskip("array_api_strict", reason="array_api_strict is not installed")
    W, b = strict.ones((2, 3)), strict.ones((2, 1))
    with pytest.raises(ann.InvalidType, match="one library, got array_api_strict and numpy"):
        ann.forward_propagation_layer(np.ones((3, 1)), W, b, "relu")
    with pytest.raises(ann.InvalidType, match="one library"):
        ann.compute_cost(np.ones((1, 1)), strict.ones((1, 1)))


def test_no_array_at_all():
    with pytest.raises(ann.InvalidType, match=r"an array is wanted .*, got list"):
        ann.relu([1.0, 2.0])


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam"])
def test_moving_in_the_middle_of_training(optimizer, backend, two_moons):
    """NumPy, there, and NumPy again, against NumPy all along: the state goes with the network."""

    def trained(*places):
        net = ann.Network([2, 5, 1], "binary_cross_entropy", activation="tanh", dropout=0.25,
                          seed=3, dtype="float64", backend="numpy")  # fmt: skip
        for place in places:
            if place is not net.backend:  # the reference is never moved
                assert net.to(place) is net
            assert all(place.owns(array) for array in (net.theta, *(
                net.training.state if net.training else ())))  # fmt: skip
            ann.train(net, *two_moons, epochs=2, batch_size=16,
                      optimizer=None if net.training else optimizer)  # fmt: skip
        assert net.training.history["epoch"] == [1, 2, 3, 4, 5, 6]
        return net.to("numpy").theta

    home = get_backend("numpy")
    # 18 steps, each a few products of at most 16 terms, in numbers of order 1; Adam divides small
    # gradients by their size, which passes relative errors of theirs on at learning-rate size
    allowed = 18 * 64 * 2.0**-53
    np.testing.assert_allclose(
        trained(home, backend.backend, home), trained(home, home, home), rtol=0.0, atol=allowed
    )


def test_training_carries_on_where_it_was_moved(backend):
    net = ann.Network([1, 1], "squared_error", dtype=backend.dtype)
    ann.train(net, [[1.0]], [1.0], epochs=1, optimizer="momentum")
    net.to(backend.backend)
    ann.train(net, [[1.0]], [1.0], epochs=1)
    assert net.backend is backend.backend
    assert net.training.step == 2
    assert np.isfinite(net.backend.to_numpy(net.theta)).all()


class TestWhatJAXCompiles:
    """Once for networks that differ in numbers alone which a compiled step is given."""

    def programs(self, **options):
        pytest.importorskip("jax", reason="jax is not installed")
        from agnostic_nn.backends import on_jax

        before = on_jax._compile.cache_info().misses
        for seed, rate in ((1, 0.1), (2, ann.Cosine(0.2)), (3, 0.3)):
            changed = {name: value(seed) for name, value in options.items()}
            net = ann.Network([3, 4, 1], "huber", seed=seed, dropout=0.1, backend="jax")
            ann.train(net, np.ones((10, 3)), np.ones(10), epochs=2, batch_size=4,
                      optimizer=ann.Nesterov(rate, **changed))  # fmt: skip
            assert len(net.compiled) == 2  # for 4 examples, and for the 2 that are left
        return on_jax._compile.cache_info().misses - before

    def test_seed_and_learning_rate_are_not_compiled(self):
        assert self.programs(weight_decay=lambda seed: 0.5 / seed) == 2

    def test_what_is_in_the_equations_is_compiled(self):
        assert self.programs(momentum=lambda seed: 0.5 + 0.1 * seed) == 6

    def test_programs_do_not_pile_up(self):
        pytest.importorskip("jax", reason="jax is not installed")
        from agnostic_nn.backends import on_jax

        assert on_jax._compile.cache_info().maxsize <= 16
        net = ann.Network([1, 1], "huber", backend="jax")
        for size in (1, 2, 3):
            ann.train(net, np.ones((3, 1)), np.ones(3), epochs=1, batch_size=size)
        assert len(net.compiled) == 1


class TestAssertParity:
    Z = ((-1.0, 0.5), (2.0, 3.0))

    def fails(self, function, backend, message):
        with pytest.raises(AssertionError, match=message):
            assert_parity(function, self.Z, backends=[backend])

    def test_right(self, backend):
        assert_parity(lambda Z, *, xp: (xp.exp(Z), [xp.sum(Z), None]), self.Z, backends=[backend])

    def test_became_numpy(self, backend):
        if backend.of in ("numpy", "numba"):
            pytest.skip("here NumPy is what is wanted")
        # as if both sides had been copied to the host
        self.fails(lambda *_, **__: np.ones((2, 2)), backend, r"is a numpy\.ndarray, wanted an arr")
        self.fails(lambda *_, **__: 1.0, backend, r"is a float, wanted an array of")

    def test_an_error_is_seen(self, backend):
        """Of 40 unit roundoffs in one element: 8 and the longest axis, 2, are allowed."""
        references = [True]  # the reference is computed first

        def function(Z, *, xp):
            if references:
                references.pop()
                return Z
            return Z * (1.0 + backend.asarray([[0.0, 0.0], [0.0, 40.0 * backend.unit_roundoff]]))

        self.fails(function, backend, r"at \[1, 1\]: expected 3\.0, got 3\.0000")

    def test_another_shape(self, backend):
        references = [True]

        def function(Z, *, xp):
            return Z if references and references.pop() else Z[:1, :]

        self.fails(function, backend, r"has shape \(1, 2\), expected \(2, 2\)")

    def test_another_dtype(self, backend):
        references = [True]
        other = backend.backend.dtype("float32" if backend.dtype == "float64" else "float64")

        def function(Z, *, xp):
            return Z if references and references.pop() else xp.astype(Z, other)

        self.fails(function, backend, "has dtype .*, expected")

    def test_every_number_has_a_bound_of_its_own(self):
        """A small number that is off is seen beside a large one."""
        strict = get_backend("array_api_strict").xp

        def twice(Z, *, xp):
            return Z * xp.asarray([2.0, 2.001], dtype=Z.dtype) if xp is strict else 2.0 * Z

        with pytest.raises(AssertionError, match=r"at \[1\]: expected 0\.00019.*, got 0\.0002000"):
            assert_parity(twice, [1e4, 1e-4], backends=["array_api_strict"], dtype="float32")

    def test_a_function_without_a_bound(self):
        """Its numbers are compared with the largest."""
        strict = get_backend("array_api_strict").xp

        def sinh(Z, *, xp, off=1.0):
            return xp.sinh(Z) * (off if xp is strict else 1.0)

        assert_parity(sinh, [0.1, 1.0], backends=["array_api_strict"], in_a_step=False)
        with pytest.raises(AssertionError, match=r"at \[1\]: expected 1\.1752.*, got 1\.1753"):
            assert_parity(
                functools.partial(sinh, off=1.0001), [0.1, 1.0], backends=["array_api_strict"]
            )

    def test_writing_to_an_argument(self):
        def writes(Z, *, xp):
            Z += 1.0
            return Z

        with pytest.raises(ValueError, match="read-only"):
            assert_parity(writes, self.Z, backends=["numpy (read-only)"])

    def test_a_training_step_that_computes_something_else(self, backend, monkeypatch):
        """As a recording that is not faithful does."""
        run = type(backend.backend).epoch

        def unfaithful(*args):
            (first, *results), cost = run(*args)
            return (first, *(1.01 * result for result in results)), cost

        monkeypatch.setattr(type(backend.backend), "epoch", unfaithful)
        self.fails(lambda Z, *, xp: xp.exp(Z), backend, "in a training step: the result at")
        assert_parity(lambda Z, *, xp: xp.exp(Z), self.Z, backends=[backend], in_a_step=False)

    def test_a_training_step_that_cannot_be_had(self):
        pytest.importorskip("jax", reason="jax is not installed")

        def decides(Z, *, xp):
            return Z if bool(xp.any(Z > 0.0)) else -Z

        self.fails(
            decides, "jax", r"runs as it stands, and not in a training step \(.*Tracer.*; in_a_"
        )
        assert_parity(decides, self.Z, backends=["jax"], in_a_step=False)

    def test_a_function_of_whole_numbers(self, backend):
        def function(places, Z, *, xp):
            return places + 1, xp.take(xp.reshape(Z, (-1,)), places)

        assert_parity(function, np.arange(3), self.Z, backends=[backend])

    def test_another_device(self):
        pytest.importorskip("array_api_strict", reason="array_api_strict is not installed")
        with pytest.raises(AssertionError, match="is on the device 'default', its arguments on 'd"):
            assert_parity(lambda Z, *, xp: xp.zeros((2, 2), dtype=Z.dtype), self.Z,
                          backends=["array_api_strict:device1"])  # fmt: skip

    def test_numpy_alone_proves_nothing(self, monkeypatch):
        monkeypatch.setattr(
            "agnostic_nn.testing.parity.usable_variants", lambda: [VARIANTS["numpy"]] * 2
        )
        with pytest.raises(AssertionError, match="compared with itself it proves nothing"):
            assert_parity(lambda Z, *, xp: Z, self.Z)  # noqa: ARG005


class TestPlugin:
    name = "agnostic_nn.testing.plugin"

    def run(self, tmp_path, *options):
        test = tmp_path / "test_mine.py"
        test.write_text(
            "def test_mine(backend):\n    assert backend.backend.owns(backend.asarray([1.0]))\n"
            "def test_xp(xp):\n    assert bool(xp.asarray(1.0) == 1.0)\n"
            "def test_other():\n    pass\n"
        )
        answer = subprocess.run(
            [sys.executable, "-m", "pytest", "-v", "-rs", "-p", self.name, str(test), *options],
            capture_output=True, text=True, check=False, timeout=120, cwd=tmp_path,
        )  # fmt: skip
        return answer.returncode, answer.stdout + answer.stderr

    def test_chosen(self, tmp_path):
        code, text = self.run(tmp_path, "--agnostic-nn-backends", "numpy, array_api_strict:device1")
        assert code == 0
        ids = ["numpy", "numpy (read-only)", "array_api_strict:device1"]
        for name in ("numpy", "numpy (read-only)", "array_api_strict:device1"):
            assert f"test_mine[{name}]" in text
        assert text.count("test_mine[") == text.count("test_xp[") == len(ids)

    def test_what_is_not_usable_says_why(self, tmp_path):
        if not VARIANTS["cupy"].why_not():
            pytest.skip("CuPy is usable here")
        code, text = self.run(tmp_path, "--agnostic-nn-backends", "cupy")
        assert code == 0
        assert re.search(
            r"SKIPPED \[2\] .*plugin.py:\d+: backend='cupy' is not usable: .*pip in", text
        )

    def test_unknown(self, tmp_path):
        code, text = self.run(tmp_path, "--agnostic-nn-backends", "nunpy")
        assert code != 0
        assert "--agnostic-nn-backends='nunpy' is not known. Did you mean 'numpy'" in text

    def test_a_project_with_such_an_option_of_its_own(self, tmp_path):
        (tmp_path / "conftest.py").write_text(
            "def pytest_addoption(parser):\n    parser.addoption('--backends')\n"
        )
        code, text = self.run(tmp_path, "--backends", "mine", "--agnostic-nn-backends", "numpy")
        assert code == 0, text

    def test_nobody_gets_it_who_does_not_ask(self):
        """Installed, the package is in no pytest run: it would import NumPy into every one."""
        project_file = Path(__file__).parents[1] / "pyproject.toml"
        project = tomllib.loads(project_file.read_text())["project"]
        assert "pytest11" not in project.get("entry-points", {})


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("name", ["numpy", "array_api_strict:device1"])
def test_cupys_way_through_an_epoch(name, shuffle):
    """Without a GPU: CuPy's sequence of launches, over the namespace of another library."""
    other = get_backend(name)

    class OnCuPysPaths(type(other)):
        epoch = CuPyBackend.epoch

    stand_in = OnCuPysPaths(name, other.xp, other.device)
    stand_in.device = contextlib.nullcontext()
    stand_in.asarray = lambda values, dtype=None: other.asarray(values, dtype)
    X, Y = np.random.default_rng(0).standard_normal((2, 70, 3))
    thetas = []
    for backend in (other, stand_in):
        net = ann.Network(
            [3, 8, 3], "squared_error", dropout=0.2, dtype="float64", backend=backend, seed=3
        )
        ann.train(
            net, X, Y, epochs=3, batch_size=32, optimizer="adamw", shuffle=shuffle,
            sample_weight=np.arange(1.0, 71.0),
        )  # fmt: skip
        thetas.append(other.to_numpy(net.theta))
    np.testing.assert_allclose(*thetas, rtol=1e-9)
