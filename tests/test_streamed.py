"""Data that stay on the host and come to a GPU minibatch by minibatch, over a pretended GPU."""

from contextlib import nullcontext

import numpy as np
import pytest
from pretended_gpu import PretendedGPU

import agnostic_nn as ann
from agnostic_nn.backends import get_backend, on_cupy
from agnostic_nn.backends import streamed as module
from agnostic_nn.backends.on_cupy import CuPyBackend
from agnostic_nn.backends.streamed import streamed

LAZY = [set(), {"copying"}, {"computing"}, {"copying", "computing"}]


class Inline:
    """An executor without a thread: what is asked for happens at once."""

    def __init__(self, *arguments):
        pass

    def __enter__(self):
        return self

    def __exit__(self, *error):
        pass

    def submit(self, function, *arguments):
        answer = function(*arguments)
        return type("Future", (), {"result": lambda _: answer})()

    def shutdown(self, **how):
        pass


@pytest.fixture(params=LAZY, ids=lambda lazy: "+".join(sorted(lazy)) or "nobody")
def gpu(request, monkeypatch):
    return PretendedGPU(monkeypatch, request.param)


def through(gpu, data, order, batch_size, dtype="float32"):
    """What steps read of each minibatch, array by array."""
    seen = [[] for _ in data]
    for batch in streamed(data, order, batch_size, dtype, gpu.device):
        for array, into in zip(batch, seen, strict=True):
            gpu.read(array, into)
    gpu.computing.synchronize()
    return seen


@pytest.mark.parametrize("threaded", [False, True])
@pytest.mark.parametrize("order", ["as they stand", "shuffled"])
@pytest.mark.parametrize("n", [1, 3, 4, 8, 21])
def test_steps_read_what_is_on_the_host(gpu, monkeypatch, n, order, threaded):
    if not threaded:
        monkeypatch.setattr(module, "ThreadPoolExecutor", Inline)
    random = np.random.default_rng(n)
    data = [random.standard_normal((n, width)).astype("float32") for width in (3, 1)]
    order = None if order == "as they stand" else random.permutation(n)
    seen = through(gpu, data, order, 4)
    for array, batches in zip(data, seen, strict=True):
        assert [len(batch) for batch in batches] == [4] * (n // 4) + [n % 4] * (n % 4 > 0)
        np.testing.assert_array_equal(
            np.concatenate(batches), array if order is None else array[order]
        )


@pytest.mark.parametrize("dtype", ["float64", "int16", "bool", "uint8"])
def test_other_types_are_converted_on_the_way(gpu, dtype):
    X = (10.0 * np.random.default_rng(0).standard_normal((9, 2))).astype(dtype)
    (seen,) = through(gpu, [X], np.arange(9)[::-1], 4)
    assert all(batch.dtype == "float32" for batch in seen)
    np.testing.assert_array_equal(np.concatenate(seen), X[::-1].astype("float32"))


def test_what_is_too_large_becomes_infinite(gpu):
    (seen,) = through(gpu, [np.asarray([[1e300], [-1e300], [1.0]])], None, 2)
    assert np.concatenate(seen).reshape(-1).tolist() == [np.inf, -np.inf, 1.0]


def test_rows_of_a_file_and_rows_that_lie_apart(gpu, tmp_path):
    X = np.random.default_rng(0).standard_normal((10, 6)).astype("float32")
    np.save(tmp_path / "X.npy", X)
    data = [np.load(tmp_path / "X.npy", mmap_mode="r"), X[:, ::2]]
    order = np.random.default_rng(1).permutation(10)[:7]
    whole, apart = through(gpu, data, order, 3)
    np.testing.assert_array_equal(np.concatenate(whole), X[order])
    np.testing.assert_array_equal(np.concatenate(apart), X[order, ::2])


def test_who_stops_in_between_leaves_no_copy_behind(gpu):
    X = np.arange(40.0, dtype="float32").reshape(20, 2)
    batches = streamed([X], None, 4, "float32", gpu.device)
    places = [next(batches)[0].host.base, next(batches)[0].host.base]
    batches.close()
    before = [place.copy() for place in places]
    gpu.computing.synchronize()
    for place, then in zip(places, before, strict=True):
        np.testing.assert_array_equal(place, then)


def test_an_error_while_rows_are_gathered_is_raised(gpu):
    class Broken(np.ndarray):
        def __getitem__(self, rows):
            raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        through(gpu, [np.zeros((8, 2)).view(Broken)], None, 4)


# CuPy's backend over another namespace, whose arrays are not those of the host


class OnCuPysPaths(CuPyBackend):
    def __init__(self):
        self._other = get_backend("array_api_strict")
        super().__init__("stand-in", self._other.xp, nullcontext())
        self.free = 10**9

    def _free_memory(self):
        return self.free

    def asarray(self, values, dtype=None):
        return self._other.asarray(values, dtype)

    def to_numpy(self, array):
        return self._other.to_numpy(array)


@pytest.fixture
def stand_in(monkeypatch):
    """The backend, and the numbers of rows that were streamed to it, minibatch by minibatch."""
    pytest.importorskip("array_api_strict", reason="arrays that are not the host's")
    backend, sizes = OnCuPysPaths(), []

    def streamed(data, order, batch_size, dtype, device):
        for start in range(0, len(data[0]) if order is None else len(order), batch_size):
            rows = slice(start, start + batch_size)
            batch = [array[rows if order is None else order[rows]] for array in data]
            sizes.append(len(batch[0]))
            yield [backend.asarray(array.astype("float64"), dtype) for array in batch]

    monkeypatch.setattr(on_cupy, "streamed", streamed)
    monkeypatch.setattr(on_cupy, "FEW", 0)
    return backend, sizes


def test_what_stays_on_the_host(stand_in, monkeypatch):
    backend, _ = stand_in
    X, float32 = np.zeros((10, 5), "float64"), backend.dtype("float32")
    needed = 10 * 5 * 4  # in the dtype it is to have there
    backend.free = 2 * needed
    assert backend.owns(backend.hold(X, float32))
    backend.free = 2 * needed - 2
    assert backend.hold(X, float32) is X
    assert backend.owns(backend.hold(X[:, 0], float32))  # one number a row is little
    assert backend.owns(backend.hold(backend.asarray(X, float32), float32))
    monkeypatch.setattr(on_cupy, "FEW", X.size)
    assert backend.owns(backend.hold(X, float32))


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("weighted", [True, False])
def test_training_is_the_same_wherever_the_data_are(stand_in, shuffle, weighted):
    backend, sizes = stand_in
    random = np.random.default_rng(0)
    X, Y = random.standard_normal((70, 6)), random.standard_normal((70, 1))
    weights = np.arange(1.0, 71.0) if weighted else None
    found = []
    for free in (10**9, 70 * 6 * 8):  # X alone is too much then
        backend.free = free
        sizes.clear()
        net = ann.Network([6, 8, 1], "squared_error", dtype="float64", backend=backend, seed=3)
        history = ann.train(
            net, X, Y, epochs=2, batch_size=32, shuffle=shuffle, sample_weight=weights,
            validation=0.2, progress=False,
        )  # fmt: skip
        answers = [backend.to_numpy(net.theta), net.predict(X), net.cost(X, Y, weights)]
        found.append([*answers, history["cost"], history["validation_cost"]])
    assert sizes.count(32) >= 2  # it was streamed
    for here, there in zip(*found, strict=True):
        np.testing.assert_allclose(there, here, rtol=1e-12)


def test_validation_where_the_targets_stay_on_the_host(stand_in):
    backend, _ = stand_in
    backend.free = 8
    X, Y = np.random.default_rng(0).standard_normal((2, 12, 2))
    net = ann.Network([2, 4, 2], "squared_error", dtype="float64", backend=backend)
    history = ann.train(net, X, Y, epochs=1, validation=(X, Y), progress=False)
    assert history["validation_score"][-1] < 1.0
