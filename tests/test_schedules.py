import math

import definitions
import numpy as np
import pytest

import agnostic_nn as ann
from agnostic_nn.schedules import SCHEDULES, as_schedule, get_schedule


@pytest.mark.parametrize(
    ("schedule", "epoch", "expected"),
    [
        (ann.Constant(0.3), 7.5, 0.3),
        (ann.InverseScaling(0.4, power=1.0), 3, 0.1),
        (ann.InverseScaling(0.4, power=0.5), 3, 0.2),
        (ann.StepDecay(0.8, every=3, factor=0.5), 2.9, 0.8),
        (ann.StepDecay(0.8, every=3, factor=0.5), 3, 0.4),
        (ann.StepDecay(0.8, every=3, factor=0.5), 7.5, 0.2),
        (ann.StepDecay(0.1, every=1e-308), 0, 0.1),
        (ann.StepDecay(0.1, every=1e-308), 7.5, 0.0),
        (ann.StepDecay(0.1, every=1e-308, factor=1.0), 7.5, 0.1),
        (ann.Exponential(0.8, factor=0.5), 2, 0.2),
        (ann.Exponential(0.8, factor=0.25), 0.5, 0.4),
        (ann.Cosine(1.0, final=0.2), 0, 1.0),
        (ann.Cosine(1.0, final=0.2), 5, 0.6),
        (ann.Cosine(1.0, final=0.2), 10, 0.2),
        (ann.Cosine(1.0), 10 / 3, 0.75),  # cos(pi / 3) = 1/2
        (ann.OneCycle(0.1, peak=1.0, rise=0.4, final=0.01), 0, 0.1),
        (ann.OneCycle(0.1, peak=1.0, rise=0.4, final=0.01), 2, 0.55),
        (ann.OneCycle(0.1, peak=1.0, rise=0.4, final=0.01), 4, 1.0),
        (ann.OneCycle(0.1, peak=1.0, rise=0.4, final=0.01), 7, 0.505),
        (ann.OneCycle(0.1, peak=1.0, rise=0.4, final=0.01), 10, 0.01),
        (ann.CosLog(0.5, cycles=1), 10 * (2**0.5 - 1), 0.5),  # log2 of the square root of 2
        (ann.CosLog(0.5, cycles=4), 10 / 15 * (2**0.25 - 1), 0.25),
        (ann.FlatCosine(0.4), 5, 0.4),
        (ann.FlatCosine(0.4, flat=0.25), 2.5, 0.4),
        (ann.FlatCosine(0.4, flat=0.25), 5, 0.3),  # cos(pi / 3) = 1/2
        (ann.FlatCosine(0.4, flat=0.0), 5, 0.2),
        (ann.FlatCosine(0.4), 10, 0.0),
        (ann.WarmUp(0.2, length=4), 0, 0.0),
        (ann.WarmUp(0.2, length=4), 1, 0.05),
        (ann.WarmUp(0.2, length=4), 9, 0.2),
        (ann.WarmUp(ann.Cosine(1.0), length=2), 1, 0.5),
        (ann.WarmUp(ann.Cosine(1.0), length=2), 6, 0.5),  # the middle of the 8 epochs left
    ],
)
def test_values(schedule, epoch, expected):
    assert schedule(epoch, 10) == pytest.approx(expected, rel=1e-15 * 10, abs=1e-16)


@pytest.mark.parametrize("schedule", [ann.Cosine(1.0), ann.OneCycle(0.1, peak=1.0, final=0.05)])
def test_after_the_last_epoch_it_stays(schedule):
    assert schedule(25, 10) == schedule(10, 10)


def test_plateau():
    schedule = ann.ReduceOnPlateau(1.0, factor=0.5, patience=2)
    rate = lambda *costs: schedule(len(costs), 99, costs)  # noqa: E731
    assert rate() == 1.0
    assert rate(3.0, 2.0, 1.0) == 1.0
    assert rate(1.0, 1.0) == 1.0
    assert rate(1.0, 1.0, 1.0) == 0.5
    assert rate(1.0, 1.0, 0.5, 0.5) == 1.0  # the wait begins anew
    assert rate(1.0, *[1.0] * 4) == 0.25
    assert rate(1.0, 1.0 - 1e-5, 1.0 - 2e-5) == 0.5  # less than the tolerance is no fall


def test_plateau_of_costs_below_zero():
    """As a likelihood's are: what is constant does not fall, whatever its sign."""
    schedule = ann.ReduceOnPlateau(1.0, factor=0.5, patience=2, tolerance=0.1)
    rate = lambda *costs: schedule(len(costs), 99, costs)  # noqa: E731
    assert rate(-1.0, -1.0, -1.0) == 0.5
    assert rate(-1.0, -1.05, -1.05) == 0.5  # less than the tolerance
    assert rate(-1.0, -1.2, -1.4) == 1.0
    assert rate(1.0, 0.0, -1.0) == 1.0
    assert rate(0.0, 0.0, 0.0) == 0.5


class Counted(list):
    """Costs that count how many of them are looked at."""

    looks = 0

    def __getitem__(self, places):
        found = super().__getitem__(places)
        self.looks += len(found) if isinstance(places, slice) else 1
        return found

    def __iter__(self):
        self.looks += len(self)
        return super().__iter__()


def test_plateau_reads_no_cost_twice():
    """However often it is asked: every step of every epoch does."""
    schedule, costs = ann.ReduceOnPlateau(1.0, factor=0.5, patience=3), Counted()
    for epoch in range(100):
        costs.append(1.0 / (1 + epoch // 10))
        for part in (0.25, 0.75):
            rate = schedule(epoch + part, 100, costs)
            assert rate == ann.ReduceOnPlateau(1.0, factor=0.5, patience=3)(0, 0, tuple(costs))
    by_this_test = 2 * sum(range(101))
    assert costs.looks <= by_this_test + 3 * len(costs)


def test_plateau_of_costs_that_are_others():
    """The same list with other costs in it, fewer of them, another list of the same length."""
    schedule = ann.ReduceOnPlateau(1.0, factor=0.5, patience=2)
    costs = [1.0, 1.0, 1.0]
    assert schedule(3, 9, costs) == 0.5
    costs[:] = [1.0, 0.5]
    assert schedule(2, 9, costs) == 1.0
    costs[:] = [1.0, 0.9, 0.8]
    assert schedule(3, 9, costs) == 1.0
    assert schedule(3, 9, [1.0, 1.0, 1.0]) == 0.5
    assert schedule == ann.ReduceOnPlateau(1.0, factor=0.5, patience=2)  # it has no state


@pytest.mark.parametrize("name", SCHEDULES)
def test_definition(name):
    schedule, epochs = SCHEDULES[name](), 40
    for i in range(4 * epochs + 1):
        t = i / 4
        expected = definitions.SCHEDULES[name](t, epochs)
        assert schedule(t, epochs, [1.0] * (i // 4)) == pytest.approx(
            expected, rel=1e-14, abs=1e-17
        )


@pytest.mark.parametrize("name", SCHEDULES)
def test_every_schedule_gives_a_rate_all_along(name):
    schedule = SCHEDULES[name]()
    rates = [schedule(i / 4, 10, [1.0] * (i // 4)) for i in range(41)]
    assert all(math.isfinite(rate) and rate >= 0.0 for rate in rates)
    assert any(rate > 0.0 for rate in rates)


@pytest.mark.parametrize("cycles", [1, 4, 6])
def test_cos_log_is_zero_between_its_cycles(cycles):
    """And nowhere else: the j-th cycle, from one zero to the next, is at its top in between."""
    zeros = [(2**j - 1) / (2**cycles - 1) for j in range(cycles + 1)]
    tops = [(2 ** (j + 0.5) - 1) / (2**cycles - 1) for j in range(cycles)]
    schedule = ann.CosLog(0.04, cycles=cycles)
    assert [schedule(256 * t, 256) for t in zeros] == pytest.approx([0.0] * len(zeros), abs=1e-16)
    assert [schedule(256 * t, 256) for t in tops] == pytest.approx([0.04] * len(tops), rel=1e-14)


def test_a_number_is_a_constant_schedule():
    assert as_schedule(0.5) == ann.Constant(0.5)
    assert as_schedule(chosen := ann.Cosine(1.0)) is chosen


def test_training_follows_the_schedule():
    """Each step reads the schedule in its middle; SGD on J = (w - 1)^2 / 2 shows the rates."""
    schedule = ann.Exponential(0.5, factor=0.25)
    net = ann.Network([1, 1], "squared_error", initializer="zeros", dtype="float64")
    ann.train(net, [[0.0], [0.0]], [1.0, 1.0], epochs=2, batch_size=1, optimizer=ann.SGD(schedule))
    left = 1.0
    for i in range(4):
        left *= 1.0 - schedule((i + 0.5) / 2, 2)
    assert float(net.parameters[0].b[0, 0]) == pytest.approx(1.0 - left, rel=1e-14)


def test_training_reads_some_schedules_where_a_step_begins():
    """The rate and the weight decay; b would stay 1 but for the decay of w in w x + b."""
    rate, decay = ann.FlatCosine(0.5, flat=0.0), ann.FlatCosine(0.25, flat=0.0)
    net = ann.Network([1, 1], "squared_error", initializer="zeros", dtype="float64")
    net.theta = np.asarray([1.0, 0.0])
    rule = ann.SGD(rate, weight_decay=decay)  # at x = 0, w has no gradient
    ann.train(net, [[0.0], [0.0]], [1.0, 1.0], epochs=2, batch_size=1, optimizer=rule)
    w = b = 1.0
    for i in range(4):
        w *= 1.0 - rate(i / 2, 2) * decay(i / 2, 2)
        b *= 1.0 - rate(i / 2, 2)
    assert net.theta.tolist() == pytest.approx([w, 1.0 - b], rel=1e-14)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ann.CosLog(cycles=0), r"cycles=0: wanted a whole number at least 1 and at mos"),
        (lambda: ann.FlatCosine(flat=1.0), r"flat=1\.0: wanted a number at least 0\.0 and below"),
        (lambda: ann.StepDecay(0.1, every=0), r"every=0: wanted a number above 0\.0\."),
        (lambda: ann.OneCycle(0.1, rise=1.0), r"rise=1\.0: wanted a number above 0\.0 and below"),
        (lambda: ann.ReduceOnPlateau(0.1, patience=0), r"patience=0: wanted a whole number at le"),
        (lambda: ann.WarmUp(0.1, length=0), r"length=0: wanted a number above"),
        (lambda: ann.Cosine(-1.0), r"initial=-1\.0: wanted a number at least 0\.0\."),
        (lambda: ann.Cosine(None), r"initial=None: wanted a number at least 0\.0\."),
        (lambda: ann.StepDecay(factor=2.0), r"factor=2\.0: wanted a number at least 0\.0 and at m"),
        (lambda: ann.ReduceOnPlateau(factor=2.0), r"factor=2\.0: wanted .* at most 1\.0\."),
        (lambda: ann.Exponential(factor=1e9)(100, 100), r"factor=1000000000\.0: after 100 epochs"),
        (lambda: as_schedule([0.1]), r"learning_rate=\[0\.1\]: wanted a number at least 0\.0 or a"),
        (lambda: get_schedule(["cosine"]), r"schedule=\['cosine'\] is not known\. Known: const"),
        (lambda: get_schedule("cosin"), r"schedule='cosin' is not known\. Did you mean 'cosine'"),
    ],
)
def test_messages(make, message):
    with pytest.raises(ann.InvalidArgument, match=message):
        make()
