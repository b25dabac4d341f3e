import numpy as np
import pytest

import agnostic_nn as ann
from agnostic_nn.dropout import (
    LARGEST_RATE,
    dropout_masks,
    step_keys,
    threefry_2x32,
    units_kept,
)
from agnostic_nn.layer import Mask
from agnostic_nn.layers import Dropout


def int32(*words):
    return tuple(np.asarray([word], dtype=np.uint32).view(np.int32) for word in words)


#: kat_vectors of Random123 1.14: threefry2x32, rounds, counter, key, result.
KNOWN = [
    (13, (0, 0), (0, 0), (0x9D1C5EC6, 0x8BD50731)),
    (13, (0xFFFFFFFF,) * 2, (0xFFFFFFFF,) * 2, (0xFD36D048, 0x2D17272C)),
    (13, (0x243F6A88, 0x85A308D3), (0x13198A2E, 0x03707344), (0xBA3E4725, 0xF27D669E)),
    (20, (0, 0), (0, 0), (0x6B200159, 0x99BA4EFE)),
    (20, (0xFFFFFFFF,) * 2, (0xFFFFFFFF,) * 2, (0x1CB996FC, 0xBB002BE7)),
    (20, (0x243F6A88, 0x85A308D3), (0x13198A2E, 0x03707344), (0xC4923A9C, 0x483DF7A0)),
]


@pytest.mark.parametrize(("rounds", "counter", "key", "expected"), KNOWN)
def test_known_answers(rounds, counter, key, expected, backend):
    words = [tuple(backend.asarray(word) for word in int32(*pair)) for pair in (key, counter)]
    got = [backend.to_numpy(x).view(np.uint32)[0] for x in threefry_2x32(*words, rounds)]
    assert [hex(word) for word in got] == [hex(word) for word in expected]


def masks(rates, widths, seed, step, like, xp, epoch=0):
    wanted = [Mask(width, rate) for width, rate in zip(widths, rates, strict=True)]
    step = xp.asarray([step], dtype=xp.int32, device=getattr(like, "device", None))
    return dropout_masks(wanted, step_keys(seed, epoch, step, xp)[0, ...], like, xp)


def drawn(rate=0.25, n=64, m=100, seed=5, step=1, epoch=0):
    return masks([rate], [n], seed, step, np.ones((m, 1)), np, epoch)[0]


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_a_rate_that_follows_a_schedule(dtype, backend):
    """The masks are those of the rate that it has in that step, on every backend."""
    if not hasattr(backend.xp, dtype):
        pytest.skip("the standard has no float16")
    xp, like = backend.xp, backend.xp.ones((9, 1), dtype=getattr(backend.xp, dtype),
                                           device=backend.backend.device)  # fmt: skip
    moving = [Mask(50, ann.FlatCosine(0.5)), Mask(50, 0.25), Mask(50, ann.FlatCosine(0.9))]
    for epoch in (0.0, 3.0, 3.5, 4.0):
        rates = [0.5 * (t := ann.FlatCosine(1.0)(epoch, 4)), 0.25, 0.9 * t]
        expected = masks(rates, [50] * 3, 7, 1, np.ones((9, 1), dtype), np)
        kept = units_kept(moving, lambda schedule, epoch=epoch: schedule(epoch, 4))
        key = np.append(step_keys(7, 0, np.asarray([1], np.int32), np)[0], np.int32(kept))
        got = dropout_masks(moving, backend.backend.asarray(np.int32(key)), like, xp)
        for a, b in zip(got, expected, strict=True):
            np.testing.assert_allclose(
                backend.to_numpy(a), b, rtol=2.0 * float(np.finfo(dtype).eps), atol=0.0
            )


def test_training_drops_less_and_less(backend):
    """A step whose input is all ones tells its mask by the gradient of W; the last drops little."""
    seen = []

    class Looked(ann.SGD):
        recordable = False  # it keeps something of its own

        def update(self, theta, g, slots, rate, xp):
            seen.append(backend.to_numpy(g)[:400])
            return theta, ()

    net = ann.Network([400, Dropout(ann.FlatCosine(0.5, flat=0.25)), 1], "squared_error",
                      backend=backend.backend, dtype=backend.dtype)  # fmt: skip
    ann.train(net, np.ones((1, 400)), [9.0], epochs=4, optimizer=Looked(0.0))
    shares = [float(np.mean(g == 0.0)) for g in seen]
    for share, rate in zip(shares, (0.5, 0.5, 0.375, 0.125), strict=True):
        assert abs(share - rate) < 4.0 * np.sqrt(rate * (1.0 - rate) / 400)


def test_a_rate_that_follows_a_schedule_is_saved(tmp_path):
    layer = Dropout(ann.FlatCosine(0.5))
    net = ann.Network([2, layer, 1], "squared_error")
    ann.save(net, tmp_path / "model.safetensors")
    loaded = ann.load(tmp_path / "model.safetensors")
    assert loaded.objective == net.objective
    assert loaded.objective.layers.layers[0] == layer


def test_words_are_uniform():
    """Chi-square over the 256 values of every byte, for consecutive counters and keys."""
    count = 2**16
    places = np.arange(count, dtype=np.int32)
    zero = np.zeros(1, dtype=np.int32)
    for key, counter in (
        ((zero + 7, zero + 1), (places, zero)),
        ((zero + 7, places), (zero, zero)),
    ):
        for word in threefry_2x32(key, counter):
            for byte in word.view(np.uint8).reshape(-1, 4).T:
                seen = np.bincount(byte, minlength=256)
                chi_square = np.sum((seen - count / 256) ** 2) / (count / 256)
                # 255 degrees of freedom: mean 255, deviation sqrt(510); 5 of those either way
                assert abs(chi_square - 255) < 5 * np.sqrt(510)


def test_masks_are_uniform_over_units_and_examples():
    kept = drawn(rate=0.25, n=64, m=1024) > 0.0
    for axis, count in ((0, 64), (1, 1024)):
        share = kept.mean(axis=axis)
        chi_square = np.sum((share - 0.75) ** 2) / (0.75 * 0.25 / count)
        degrees = share.size
        assert abs(chi_square - degrees) < 5 * np.sqrt(2 * degrees)


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_fraction_and_scale(rate):
    mask = drawn(rate=rate, n=128, m=1024)
    kept = mask > 0.0
    assert abs(kept.mean() - (1.0 - rate)) < 5 * np.sqrt(rate * (1.0 - rate) / mask.size)
    scale = np.unique(mask[kept])
    assert scale.shape == (1,)
    # the rate goes in steps of 2**-16, and what is kept is scaled for its own rate exactly
    kept_of_65536 = round((1.0 - rate) * 65536)
    assert scale[0] == 65536 / kept_of_65536


def test_the_largest_rate_keeps_something(backend):
    narrowest = "float16" if hasattr(backend.xp, "float16") else None  # the standard has none
    like = backend.asarray(np.ones((2**10, 1)), narrowest)
    (mask,) = masks([LARGEST_RATE], [2**8], 5, 1, like, backend.xp)
    assert set(np.unique(backend.to_numpy(mask)).tolist()) == {0.0, 2.0**15}


def test_same_bytes_everywhere(backend):
    like = np.ones((7, 3))
    rates, widths = [0.25, 0.5], [5, 3]
    expected = masks(rates, widths, 2**40 + 3, 9, like.astype(backend.dtype), np)
    got = masks(rates, widths, 2**40 + 3, 9, backend.asarray(like), backend.xp)
    for layer, shape in ((0, (5, 7)), (1, (3, 7))):
        assert tuple(got[layer].shape) == shape
        assert backend.to_numpy(got[layer]).tobytes() == expected[layer].tobytes()


def test_none_where_nothing_is_dropped():
    assert masks([], [], 1, 1, np.ones((4, 1)), np) == ()


def correlation(a, b):
    return np.corrcoef(a.ravel(), b.ravel())[0, 1]


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 6},
        {"seed": 5 + 2**32},
        {"seed": 5 << 32},  # the same bits in the other word
        {"step": 2},
        {"step": 10**6},
        {"epoch": 1},
        {"epoch": 1, "step": 0},
        {"epoch": 2**31},
    ],
)
def test_other_seed_epoch_or_step_other_mask(change):
    one, other = drawn(), drawn(**change)
    assert abs(correlation(one, other)) < 5 / np.sqrt(one.size)


def test_a_change_of_optimizer_repeats_no_mask(monkeypatch):
    """The optimizer counts its steps anew; the masks do not."""
    from agnostic_nn.objective import Objective

    seen = []
    draw = Objective.masks

    def masks(self, key, like, xp):
        seen.append(tuple(backend.to_numpy(key).tolist()))
        return draw(self, key, like, xp)

    monkeypatch.setattr(Objective, "masks", masks)
    net = ann.Network([3, 4, 1], "squared_error", dropout=0.5, backend="array_api_strict")
    backend = net.backend
    ann.train(net, np.eye(3), np.ones(3), epochs=2, optimizer="sgd")
    ann.train(net, np.eye(3), np.ones(3), epochs=2, optimizer="adam")
    assert len(seen) == len(set(seen)) == 4


def test_other_layer_other_mask():
    one, other = masks([0.5, 0.5], [64, 64], 1, 1, np.ones((100, 1)), np)
    assert abs(correlation(one, other)) < 5 / np.sqrt(one.size)


def test_halves_of_a_word_are_independent():
    mask = drawn(n=100, m=400).ravel()
    for lag in (1, 100, 400, mask.size // 4, mask.size // 2):
        assert abs(correlation(mask[:-lag], mask[lag:])) < 5 / np.sqrt(mask.size - lag)


def test_prediction_drops_nothing():
    plain, with_dropout = (
        ann.Network([3, 4, 1], "squared_error", dropout=rate) for rate in (0.0, 0.5)
    )
    X = np.ones((2, 3))
    np.testing.assert_array_equal(plain.predict(X), with_dropout.predict(X))


def test_training_drops():
    def trained(dropout, seed=1):
        net = ann.Network([3, 16, 1], "squared_error", dropout=dropout, initializer="he_normal")
        net.seed = seed  # of the masks alone: the weights are drawn
        ann.train(net, np.eye(3), np.ones(3), epochs=3, shuffle=False)
        return net.theta

    np.testing.assert_array_equal(trained(0.5), trained(0.5))
    assert np.any(trained(0.5) != trained(0.0))
    assert np.any(trained(0.5) != trained(0.5, seed=2))
