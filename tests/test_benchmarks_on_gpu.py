"""The benchmarks on a GPU, as far as they go without one."""

import contextlib
import itertools
import json
import sys
import warnings
from types import SimpleNamespace

import numpy as np
import pytest

import agnostic_nn as ann
from benchmarks import contenders, machine, measure, on_gpu, report, table, tasks
from benchmarks.on_gpu import Event

SEEN = [
    Event("cudaLaunchKernel", on_device=False, seconds=5e-6),
    Event("cuLaunchKernelEx", on_device=False, seconds=5e-6),
    Event("cudaGraphLaunch", on_device=False, seconds=9e-6),
    Event("cudaDeviceSynchronize", on_device=False, seconds=1e-3),
    Event("aten::mm", on_device=False, seconds=1e-5),
    *[Event("nvjet_sm90_sss_64x8", on_device=True, seconds=3e-6)] * 2,
    Event("cutlass_80_simt_sgemm_128x64", on_device=True, seconds=2e-6),
    Event("fused_relu", on_device=True, seconds=1e-6),
    Event("fused_adam", on_device=True, seconds=7e-6),
    Event("Memcpy HtoD (Pinned -> Device)", on_device=True, seconds=4e-6),
]


def test_what_a_step_comes_to():
    found = on_gpu.summed(SEEN, steps=2)
    assert (found["launches"], found["kernels"], found["copies"]) == (1.5, 2.5, 0.5)
    assert found["kernel seconds"] == pytest.approx(8e-6)
    assert found["product seconds"] == pytest.approx(4e-6)
    assert [one["kernel"] for one in found["longest"]] == [
        "fused_adam", "nvjet_sm90_sss_64x8", "cutlass_80_simt_sgemm_128x64", "fused_relu",
    ]  # fmt: skip
    assert found["longest"][1] == {
        "kernel": "nvjet_sm90_sss_64x8", "seconds": pytest.approx(3e-6), "times": 1.0,
    }  # fmt: skip


def test_a_profiler_that_sees_nothing_says_so():
    assert on_gpu.summed(SEEN[:5], steps=1) == {"why not": "the profiler saw no kernels"}


@pytest.mark.filterwarnings("ignore::UserWarning")  # of torch, that there is no CUDA
def test_a_profiler_that_fails_costs_no_result():
    def fails(repeats):
        raise RuntimeError("CUPTI_ERROR_INSUFFICIENT_PRIVILEGES\nand more")

    pytest.importorskip("torch")
    why = on_gpu.step_of(fails, 1)["why not"]
    assert why == "RuntimeError: CUPTI_ERROR_INSUFFICIENT_PRIVILEGES"


@pytest.mark.filterwarnings("ignore::UserWarning")  # of torch, that there is no CUDA
def test_the_profiler_runs():
    torch = pytest.importorskip("torch")
    calls = []

    def run(repeats):
        calls.append(repeats)
        with torch.profiler.record_function("what a person calls it"):
            return torch.ones(2) + 1.0

    events = list(on_gpu._watched(run))
    assert calls == [1]
    assert not any(event.name == "what a person calls it" for event in events)
    assert any(event.name == "aten::add" and not event.on_device for event in events)


class TestMemory:
    def test_what_is_taken(self, monkeypatch):
        freed = []
        cupy = SimpleNamespace(
            cuda=SimpleNamespace(
                is_available=lambda: True,
                runtime=SimpleNamespace(memGetInfo=lambda: (30, 100)),
            ),
            get_default_memory_pool=lambda: SimpleNamespace(
                free_all_blocks=lambda: freed.append(1)
            ),
        )
        monkeypatch.setitem(sys.modules, "cupy", cupy)
        assert on_gpu.memory_in_use(release=False) == 70
        assert freed == []
        assert on_gpu.memory_in_use(release=True) == 70
        assert freed == [1]

    def test_without_a_gpu_nothing_is_known(self, monkeypatch):
        monkeypatch.delitem(sys.modules, "cupy", raising=False)
        monkeypatch.setitem(
            sys.modules, "torch",
            SimpleNamespace(cuda=SimpleNamespace(is_available=lambda: False)),
        )  # fmt: skip
        assert on_gpu.memory_in_use(release=True) is None


def rounded_to(bits):
    """A backend whose products take factors of so many bits, as a GPU's may."""

    class Factor:
        def __init__(self, values):
            mantissa, exponent = np.frexp(np.asarray(values, np.float64))
            self.values = np.ldexp(np.round(mantissa * 2**bits) / 2**bits, exponent)

        def __matmul__(self, other):
            return self.values @ other.values

    return SimpleNamespace(
        dtype=lambda name: name,
        asarray=lambda values, dtype: Factor(values),  # noqa: ARG005
        to_numpy=np.asarray,
    )


@pytest.mark.parametrize(("bits", "mode"), [(24, "float32"), (11, "TF32"), (8, "off by 2e-03")])
def test_a_product_shows_its_math_mode(bits, mode):
    assert machine.math_mode(rounded_to(bits)) == mode


def test_math_mode_of_every_backend(backend):
    assert machine.math_mode(backend.backend) == machine.FLOAT32


def test_a_report_says_who_multiplies_in_another_way():
    versions = {"BLAS": "cuBLAS", "devices": {"cupy": "GPU"}, "numpy": "2.5"}
    found = machine.describe() | {"products": "TF32", "quick": False}
    modes = {"cupy": "TF32", "jax:gpu": "float32"}
    lines = report.machine_lines(found | {"versions": versions | {"products": modes}})
    assert "cuBLAS; products in TF32, but in float32 by jax:gpu" in lines
    modes["jax:gpu"] = "TF32"
    lines = report.machine_lines(found | {"versions": versions | {"products": modes}})
    assert "cuBLAS; products in TF32" in lines


def test_which_backends_are_on_a_gpu():
    on_gpu = ["cupy", "cupy:1", "cuda", "torch:cuda", "torch:cuda:1", "jax:gpu", "jax:cuda:0"]
    elsewhere = ["numpy", "numba", "torch", "torch:cpu", "jax", "jax:cpu", "array_api_strict"]
    assert [name for name in on_gpu + elsewhere if machine.is_on_a_gpu(name)] == on_gpu


def test_what_is_usable_and_why_not():
    found = machine.usable(["numpy", "array_api_strict:device9"])
    assert found["numpy"]["usable"]
    assert found["numpy"]["products"] == "float32"
    assert not found["array_api_strict:device9"]["usable"]
    assert "array_api_strict" in found["array_api_strict:device9"]["why"]


@pytest.mark.parametrize("name", ["64-100-10", "predict"])
def test_products_are_those_of_the_equations(name):
    """As many multiplications as forward and backward of the net have, and no more."""
    task, counted = tasks.quick(tasks.TASKS[name]), []

    def matmul(A, B, out):
        counted.append(A.shape[0] * A.shape[1] * B.shape[1])
        return np.matmul(A, B, out=out)

    _, step, m = contenders._products(task, matmul, np.asarray)
    weights = [n_in * n_out for n_in, n_out in itertools.pairwise(task.widths)]
    step()
    assert sum(counted) == m * (3 * sum(weights) - weights[0])  # dA[0] is not computed


def test_contenders_of_a_gpu_are_shown_with_what_it_does():
    step = on_gpu.summed(SEEN, steps=2)
    assert report.of_the_gpu({"memory": 3 * 2**20, "step": step}) == (
        "3", "1.5", "2.5", "8.00 µs, 50%",
    )  # fmt: skip
    assert report.of_the_gpu({"memory": None, "step": {"why not": "no rights"}}) == ("",) * 4


def test_what_the_gpu_does_is_a_table_of_its_own():
    one = {"name": "PyTorch eager (gpu)", "device": "gpu", "median": 1e-3, "memory": 2**21,
           "step": on_gpu.summed(SEEN, steps=2)}  # fmt: skip
    result = {"title": "64-100-10, batch 200", "unit": "step", "kind": "train", "threads": 1,
              "contenders": [one], "left_out": {}}  # fmt: skip
    found = machine.describe() | {"rounds": 1, "products": "TF32", "quick": False}
    found |= {"results": [result], "versions": {"BLAS": "cuBLAS", "devices": {"cupy": "H"}}}
    lines = table.markdown(found).splitlines()
    row = lines.index("| a step on the GPU | MiB | launches | kernels | busy, products |") + 2
    name = "64-100-10, batch 200: PyTorch eager (gpu)"
    assert lines[row] == f"| {name} | 2 | 1.5 | 2.5 | 8.00 µs, 50% |"
    one["device"] = "cpu"
    assert "a step on the GPU" not in table.markdown(found)


def test_peers_run_where_they_are_installed():
    """On the CPU: what would stop a benchmark on a GPU is found here, a wrong word for example."""
    task = tasks.quick(tasks.TASKS["30-64-64-2"])
    turns = measure.Turns(task, ["numpy"], "products,eager,scan,agn", quick=True)
    turns.take(1)
    result = turns.result()
    names = [one["name"] for one in result["contenders"]]
    assert names[:2] == ["products alone", "agnostic_nn numpy"]
    assert set(turns.runs) == set(names)
    reasons = result["left_out"]
    assert all("is not installed" in reason for reason in reasons.values()), reasons


@pytest.fixture
def measured(tmp_path):
    """Measure the products of some tasks, and return what is on disk then."""

    def run(chosen, seconds=60.0):
        out = tmp_path / "found.json"
        out.write_text(json.dumps({"results": [{"task": "one of before"}]}))
        options = SimpleNamespace(tasks=chosen, backends="numpy", threads=1, rounds=1, quick=True,
                                  only="products", seconds=seconds, out=out)  # fmt: skip
        with contextlib.suppress(KeyError):
            measure.measure(options)
        return json.loads(out.read_text())

    return run


def test_what_is_measured_is_on_disk_task_by_task(measured):
    found = measured("30-64-64-2,no-such-task")
    assert [result["task"] for result in found["results"]] == ["one of before", "30-64-64-2"]
    assert found["versions"]["numpy"] == np.__version__


def test_no_net_is_begun_when_time_is_over(measured):
    found = measured("30-64-64-2,64-100-10", seconds=0.0)
    assert [result["task"] for result in found["results"]] == ["one of before"]
    assert found["not begun"] == ["30-64-64-2", "64-100-10"]


def test_streaming_beside_data_in_memory(tmp_path, monkeypatch, capsys):
    from benchmarks import streaming

    out = tmp_path / "found.json"
    monkeypatch.setattr("agnostic_nn.backends.on_cupy.SHARE", 0.5)  # put back what it sets
    monkeypatch.setattr(sys, "argv", [
        "streaming", "--net", "30-64-64-2", "--examples", "100", "--rounds", "2",
        "--json", str(out),
    ])  # fmt: skip
    streaming.main()
    found = json.loads(out.read_text())
    memory, mapped = (found["step"][where] for where in streaming.WHERE)
    assert len(memory["rounds"]) == len(mapped["rounds"]) == 2
    assert found["ratio"] == mapped["median"] / memory["median"]
    assert "in a mapped file / in memory: " in capsys.readouterr().out


def test_who_runs_in_another_way_than_its_name_says_is_shown(monkeypatch, capsys):
    def slower(task, X, y):
        warnings.warn("it runs as it stands, which is slower", ann.RecordingWarning, stacklevel=1)
        return lambda _: {}

    only = contenders.Contender("agnostic_nn mine", "cpu", slower)
    monkeypatch.setattr(measure, "contenders", lambda *_: [only])
    turns = measure.Turns(tasks.quick(tasks.TASKS["30-64-64-2"]), [], "", quick=True)
    turns.take(1)
    result = turns.result() | {"threads": 1}
    (one,) = result["contenders"]
    assert one["said"] == ["it runs as it stands, which is slower"]
    report.show([result])
    assert "agnostic_nn mine: it runs as it stands, which is slower" in capsys.readouterr().out
