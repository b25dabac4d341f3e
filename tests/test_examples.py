"""Every example runs, and reaches what it says."""

import importlib.util
from pathlib import Path

import pytest

import agnostic_nn as ann
from agnostic_nn.backends import Availability

pytest.importorskip("sklearn", reason="the examples' data ship with scikit-learn")

EXAMPLES = Path(__file__).parent.parent / "examples"


def example(name):
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_example_is_here():
    assert {path.stem for path in EXAMPLES.glob("*.py")} == {
        "three_layer_network",
        "digits",
        "cpu_or_gpu",
        "your_own_activation",
        "your_own_layer",
    }


def test_three_layer_network(capsys):
    assert example("three_layer_network").main() >= 0.95
    costs = [float(line.split()[-1]) for line in capsys.readouterr().out.splitlines()[:7]]
    assert costs == sorted(costs, reverse=True)
    assert costs[-1] < 0.2 * costs[0]


def test_digits():
    assert example("digits").main() >= 0.96


@pytest.mark.parametrize("backend", ["auto", "numpy"])
def test_cpu_or_gpu(backend):
    assert example("cpu_or_gpu").main(backend) < 0.01


def test_your_own_activation():
    assert example("your_own_activation").main() < 0.01


@pytest.mark.parametrize("backend", ["numpy", "array_api_strict"])
def test_your_own_layer(backend):
    """Also over arrays that have nothing but what the standard has."""
    if backend != "numpy":
        pytest.importorskip(backend)
    with ann.use_backend(backend):
        first, second, *others = example("your_own_layer").main()
    assert min(first, second) > max(others)


def test_your_own_activation_where_numpy_is_alone(capsys, monkeypatch):
    found = {"numpy": ann.available_backends()["numpy"], "torch": Availability("torch")}
    monkeypatch.setattr(ann, "available_backends", lambda: found)
    assert example("your_own_activation").main() < 0.01
    assert "pip install array-api-strict" in capsys.readouterr().out
