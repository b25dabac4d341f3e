"""What is compared by its settings: optimizers, schedules, activations, losses."""

import copy
import dataclasses
import pickle

import numpy as np
import pytest

import agnostic_nn as ann
from agnostic_nn.schedules import Schedule


class Scaled(ann.Optimizer):
    """No dataclass: its setting is an attribute."""

    def __init__(self, scale):
        super().__init__(0.1)
        object.__setattr__(self, "scale", scale)

    def update(self, theta, g, state, rate, xp):
        del state, xp
        return theta - self.scale * rate * g, ()


class SteeperAdam(ann.Adam):
    """Of a dataclass, and none itself."""

    def __init__(self, scale):
        super().__init__()
        object.__setattr__(self, "scale", scale)


@dataclasses.dataclass(frozen=True)
class Dataclass(Scaled):
    scale: float = 1.0

    __init__ = Scaled.__init__


class Halving(Schedule):
    def __init__(self, scale):
        super().__init__(0.1)
        object.__setattr__(self, "scale", scale)

    def __call__(self, epoch, *_):
        return self.initial * self.scale**epoch


class Tempered(ann.Activation):
    def __init__(self, scale):
        super().__init__("tempered", ann.sigmoid, ann.sigmoid_derivative)
        object.__setattr__(self, "scale", scale)


@pytest.mark.parametrize("kind", [Scaled, SteeperAdam, Dataclass, Halving, Tempered])
def test_equal_where_all_settings_are(kind):
    assert kind(2.0) == kind(2.0)
    assert hash(kind(2.0)) == hash(kind(2.0))
    assert kind(2.0) != kind(3.0)
    for copied in (copy.deepcopy(kind(2.0)), pickle.loads(pickle.dumps(kind(2.0)))):
        assert copied == kind(2.0)
    assert kind([2.0]) == kind([2.0])  # which has no hash
    assert hash(kind([2.0])) == hash(kind([3.0]))
    assert kind(np.ones(2)) != kind(np.ones(2))  # neither equal nor not: another, to be safe


def test_not_equal_to_another_kind():
    assert ann.AdamW(0.1, weight_decay=0.0) != ann.Adam(0.1)
    assert Scaled(2.0) != ann.Optimizer(0.1)
    assert ann.SGD(0.1) != 0.1


def test_an_equality_of_ones_own():
    class Same(Scaled):
        def __eq__(self, other):
            return True

        __hash__ = None

    class Below(Same):
        pass

    assert Below(1.0) == Below(2.0)


def test_training_goes_on_with_the_settings_that_are_given():
    """The same kind with another setting was taken for the one that training was begun with."""
    thetas = []
    for scale in (2.0, 3.0):
        net = ann.Network([1, 1], "squared_error", initializer="zeros", dtype="float64")
        ann.train(net, [[1.0]], [1.0], epochs=1, optimizer=Scaled(1.0))
        ann.train(net, [[1.0]], [1.0], epochs=1, optimizer=Scaled(scale))
        thetas.append(net.theta.tolist())
    assert thetas[0] == pytest.approx([0.26, 0.26])  # 0.1, then 0.8 of it left, twice 0.1 of that
    assert thetas[1] == pytest.approx([0.34, 0.34])


def test_a_file_keeps_all_settings_or_none(tmp_path, monkeypatch):
    monkeypatch.setitem(ann.OPTIMIZERS, "scaled", Scaled)
    net = ann.Network([1, 1], "squared_error")
    ann.train(net, [[1.0]], [1.0], epochs=1, optimizer=Scaled(2.0))
    with pytest.raises(
        ann.InvalidArgument, match=r"^Scaled has settings that .* keep, scale: make"
    ):
        ann.save(net, tmp_path / "m", training=True)
