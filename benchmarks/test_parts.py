"""The parts of a training step, to find which one became slower.

    pytest benchmarks/test_parts.py --benchmark-autosave
    pytest benchmarks/test_parts.py --benchmark-compare --benchmark-compare-fail=median:10%

Needs pytest-benchmark. The nets are those of `python -m benchmarks`.
"""

from __future__ import annotations

from types import SimpleNamespace

import array_api_compat.numpy as xp
import numpy as np
import pytest

import agnostic_nn as ann
from agnostic_nn.backends.base import Epoch
from agnostic_nn.backends.recorded import RecordedStep
from agnostic_nn.training import TrainingStep

from .tasks import TASKS, make_data, one_hot

pytest.importorskip("pytest_benchmark")

NETS = ("64-100-10", "30-64-64-2", "784-512-512-10")


@pytest.fixture(params=NETS)
def net(request):
    """A network with a minibatch, and its first layer with what that layer is given."""
    task = TASKS[request.param]
    X, y = make_data(task)
    X, Y = X[: task.batch], one_hot(y[: task.batch], task.widths[-1])
    network = ann.Network(task.widths, "categorical_cross_entropy", backend="numpy")
    W, b = network.parameters[0]
    A, cache = ann.forward_propagation_layer(X.T, W, b, "relu", xp=xp)
    return SimpleNamespace(
        network=network, X=X, Y=Y, W=W, b=b, cache=cache, dA=np.ones_like(A), batch=task.batch
    )


def step_of(net):
    """The training step, and the state it works on."""
    optimizer = ann.Adam()
    network = net.network
    state = (network.theta, *optimizer.initial_state(network.theta, xp))
    return TrainingStep(net.network.objective, optimizer), state


def epoch_of(net):
    """One minibatch of all examples, shuffled."""
    data, order = (net.X, net.Y, None), np.arange(net.batch)
    return Epoch(data, order, net.batch, [(0.001, 0.0)], np.ones((1, 2), np.int32))


def test_layer_forward(benchmark, net):
    benchmark(ann.forward_propagation_layer, net.X.T, net.W, net.b, "relu", xp=xp)


def test_layer_back(benchmark, net):
    benchmark(ann.backward_propagation_layer, net.dA, net.cache, "relu", xp=xp)


def test_update(benchmark, net):
    optimizer, theta = ann.Adam(), net.network.theta
    slots, gradient = optimizer.initial_state(theta, xp), np.ones_like(theta)
    benchmark(optimizer.update, theta, gradient, slots, 0.001, xp)


def test_plain_step(benchmark, net):
    step, state = step_of(net)
    key = np.ones(2, np.int32)
    benchmark(step, state, (net.X, net.Y, None), (0.001, 0.0), key, xp)


def test_recorded_step(benchmark, net):
    step, state = step_of(net)
    epoch = epoch_of(net)
    benchmark(RecordedStep(step, state, epoch, net.batch), epoch, 0)


def test_recording(benchmark, net):
    step, state = step_of(net)
    benchmark(RecordedStep, step, state, epoch_of(net), net.batch)


def test_comparing(benchmark, net):
    step, state = step_of(net)
    epoch = epoch_of(net)
    benchmark(RecordedStep(step, state, epoch, net.batch).compare, step, epoch, 0)


def test_prediction(benchmark, net):
    benchmark(net.network.predict, net.X)
