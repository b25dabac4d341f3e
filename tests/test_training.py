import copy

import numpy as np
import pytest

import agnostic_nn as ann
from agnostic_nn.backends import host
from agnostic_nn.network import SPLIT


def network(backend="numpy", **options):
    options = {"activation": "tanh", "seed": 3, "dtype": "float64"} | options
    return ann.Network([2, 5, 1], "binary_cross_entropy", backend=backend, **options)


def without_seconds(history):
    return {name: values for name, values in history.items() if name != "seconds"}


def test_the_cost_falls(backend, two_moons):
    net = network(backend.backend, dtype=backend.dtype)
    before = net.cost(*two_moons)
    history = ann.train(net, *two_moons, epochs=15, batch_size=10, optimizer=ann.Adam(0.05))
    assert net.cost(*two_moons) < 0.7 * before
    assert history["cost"][-1] < history["cost"][0]


def test_a_step_is_the_lesson_s_iteration(backend, close):
    """One minibatch, gradient descent, against the lesson's functions called one by one."""
    X, Y = np.asarray([[0.5, -1.0], [2.0, 0.25], [-0.5, 1.0]]), np.asarray([[1.0], [0.0], [1.0]])
    net = network(backend.backend, activation="relu", dtype=backend.dtype)
    (W1, b1), (W2, b2) = (
        tuple(backend.to_numpy(a).astype(np.float64) for a in layer) for layer in net.parameters
    )
    A1, cache1 = ann.forward_propagation_layer(X.T, W1, b1, "relu")
    A2, cache2 = ann.forward_propagation_layer(A1, W2, b2, "sigmoid")
    cost = float(ann.compute_cost(A2, Y.T))
    dA1, dW2, db2 = ann.backward_propagation_layer(
        ann.initialize_backward(A2, Y.T), cache2, "sigmoid"
    )
    _, dW1, db1 = ann.backward_propagation_layer(dA1, cache1, "relu")

    history = ann.train(net, X, Y, epochs=1, batch_size=3, shuffle=False, optimizer=ann.SGD(0.5))
    assert history["cost"] == [pytest.approx(cost, rel=64 * backend.unit_roundoff)]
    expected = [W1 - 0.5 * dW1, b1 - 0.5 * db1, W2 - 0.5 * dW2, b2 - 0.5 * db2]
    close(net.theta, np.concatenate([array.ravel() for array in expected]), units=64)


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("validation", [None, 0.25])
def test_the_last_minibatch_is_dropped(backend, shuffle, validation):
    """Each pair is a step, and one is left: of seven examples, or the five that train."""
    X, Y = np.ones((7, 1)), np.arange(7) / 8.0
    runs = []
    for drop_last in (True, False):
        net = ann.Network([1, 1], "squared_error", backend=backend.backend, dtype=backend.dtype)
        ann.train(net, X, Y, epochs=3, batch_size=2, shuffle=shuffle, validation=validation,
                  optimizer="sgd", drop_last=drop_last)  # fmt: skip
        runs.append(net.training.step)
    trained_on = 7 if validation is None else 5
    assert runs == [3 * (trained_on // 2), 3 * -(-trained_on // 2)]


def test_what_is_dropped_is_not_seen():
    X, Y = np.eye(3), np.ones(3)
    net = ann.Network([3, 1], "squared_error", initializer="zeros", dtype="float64")
    ann.train(net, X, Y, epochs=1, batch_size=2, shuffle=False, drop_last=True, optimizer="sgd")
    w = net.parameters[0].W[0, :]
    assert w[0] > 0.0
    assert w[1] > 0.0
    assert w[2] == 0.0


def test_fewer_examples_than_a_minibatch_are_all_seen():
    net = ann.Network([1, 1], "squared_error")
    ann.train(net, [[1.0], [2.0]], [1.0, 2.0], epochs=2, batch_size=3, drop_last=True)
    assert net.training.step == 2


@pytest.mark.parametrize(("among_equals", "expected"), [("first", 1), ("last", 2)])
def test_the_best_epoch_by_the_score(among_equals, expected):
    """The score stays 1 from the first epoch on and falls in the third; the cost falls in all."""
    X, Y = [[1.0], [-1.0]], [1.0, 0.0]
    thetas = [[1.0, 0.0], [2.0, 0.0], [-9.0, 0.0]]
    kept = []

    def played(net, history):  # what comes after the epoch that this is the end of
        kept.append(net.theta.tolist())
        if len(kept) < 3:
            net.theta = np.asarray(thetas[len(kept)])

    net = ann.Network([1, 1], "binary_cross_entropy", dtype="float64")
    net.theta = np.asarray(thetas[0])
    ann.train(net, X, Y, epochs=3, optimizer=ann.SGD(0.0), validation=(X, Y), patience=3,
              watch="score", among_equals=among_equals, callbacks=[played])  # fmt: skip
    assert kept == thetas
    assert net.theta.tolist() == thetas[expected - 1]


@pytest.mark.parametrize("optimizer", ["momentum", "adamw"])
def test_same_seed_same_bits(optimizer, two_moons):
    def trained(seed):
        net = network(seed=seed, dropout=0.25)
        return ann.train(net, *two_moons, epochs=3, optimizer=optimizer, batch_size=16), net.theta

    (history, theta), (again, theta_again), (_, other) = trained(3), trained(3), trained(4)
    assert without_seconds(history) == without_seconds(again)
    assert theta.tobytes() == theta_again.tobytes()
    assert np.all(theta != other)


@pytest.mark.parametrize("optimizer", [ann.Nesterov(), ann.RMSprop(), ann.AdamW(0.01)])
def test_training_in_parts_is_training_at_once(optimizer, backend, two_moons):
    """Exactly: the step, the order of the examples, the masks and the state go on."""

    def trained(*parts):
        net = network(backend.backend, dropout=0.25, dtype=backend.dtype)
        for i, epochs in enumerate(parts):
            history = ann.train(net, *two_moons, epochs=epochs, batch_size=16,
                                optimizer=None if i else optimizer)  # fmt: skip
        return history, backend.to_numpy(net.theta)

    (at_once, theta), (in_parts, theta_parts) = trained(4), trained(1, 3)
    assert in_parts["epoch"] == [1, 2, 3, 4]
    assert without_seconds(in_parts) == without_seconds(at_once)
    assert theta.tobytes() == theta_parts.tobytes()


def test_a_copy_trains_on_alone(two_moons):
    net = network()
    ann.train(net, *two_moons, epochs=1)
    other = copy.deepcopy(net)
    ann.train(net, *two_moons, epochs=2)
    theta = net.theta.copy()
    assert np.any(other.theta != theta)
    ann.train(other, *two_moons, epochs=2)
    assert other.theta.tobytes() == theta.tobytes()
    assert net.theta.tobytes() == theta.tobytes()


def test_another_optimizer_begins_anew(two_moons):
    net = network()
    ann.train(net, *two_moons, epochs=2, optimizer="adam")
    middle = net.theta.copy()
    ann.train(net, *two_moons, epochs=1, batch_size=40, shuffle=False,
              optimizer=ann.Adam(0.25, epsilon=0.0))  # fmt: skip
    # Adam's first step is as long as its learning rate; later ones are not
    np.testing.assert_allclose(np.abs(net.theta - middle), 0.25, rtol=1e-12)


def test_history_is_a_mapping_of_lists(two_moons):
    history = ann.train(network(), *two_moons, epochs=3, optimizer=ann.SGD(ann.Exponential(0.5)))
    assert type(history) is dict
    assert list(history) == ["epoch", "cost", "learning_rate", "seconds"]
    assert all(type(values) is list and len(values) == 3 for values in history.values())
    assert all(type(value) is float for value in history["cost"] + history["seconds"])
    assert history["epoch"] == [1, 2, 3]


def test_no_epochs_change_nothing(two_moons):
    net = network()
    theta = net.theta.copy()
    history = ann.train(net, *two_moons, epochs=0)
    assert not any(history.values())
    np.testing.assert_array_equal(net.theta, theta)


def test_cost_of_an_epoch_is_the_mean_over_examples():
    """With a last smaller batch: with a rate of 0 it is the cost of the network itself."""
    X, Y = np.random.default_rng(0).standard_normal((7, 2)), np.asarray([0.0, 1.0] * 3 + [1.0])
    for shuffle in (True, False):
        net = network()
        history = ann.train(net, X, Y, epochs=2, batch_size=3, shuffle=shuffle,
                            optimizer=ann.SGD(0.0))  # fmt: skip
        assert history["cost"] == [pytest.approx(net.cost(X, Y), rel=32 * 2.0**-53)] * 2


def test_last_smaller_batch_is_a_step_of_its_own(backend):
    X, Y = np.random.default_rng(0).standard_normal((5, 2)), np.asarray([0.0, 1.0, 1.0, 0.0, 1.0])
    net, by_hand = (network(backend.backend, dtype=backend.dtype) for _ in range(2))
    ann.train(net, X, Y, epochs=1, batch_size=2, shuffle=False, optimizer=ann.SGD(0.5))
    for rows in (slice(0, 2), slice(2, 4), slice(4, 5)):
        ann.train(by_hand, X[rows], Y[rows], epochs=1, batch_size=5, shuffle=False,
                  optimizer=ann.SGD(0.5))  # fmt: skip
    # a compiled epoch may sum in another order than a single step
    np.testing.assert_allclose(
        backend.to_numpy(net.theta),
        backend.to_numpy(by_hand.theta),
        rtol=0.0,
        atol=3 * 64 * backend.unit_roundoff,
    )
    assert net.training.step == 3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"watch": "score"}, r"^watch='score': wanted validation as well, to have a score of\.$"),
        ({"watch": "scores"}, r"^watch='scores' is not known\. Did you mean 'score'"),
        ({"among_equals": "next"}, r"^among_equals='next' is not known\. Known: first, last"),
        ({"drop_last": 2}, r"^drop_last=2: wanted True or False"),
    ],
)
def test_what_cannot_be_watched_or_dropped(options, message, two_moons):
    with pytest.raises((ann.InvalidArgument, ann.InvalidType), match=message):
        ann.train(network(), *two_moons, **options)


def test_shuffle(two_moons):
    X, Y = two_moons
    plain, shuffled = network(), network()
    ann.train(plain, X, Y, epochs=1, shuffle=False, batch_size=8)
    ann.train(shuffled, X, Y, epochs=1, shuffle=True, batch_size=8)
    assert np.any(plain.theta != shuffled.theta)
    # one batch of all: the order is that of a sum, and no more
    plain, shuffled = network(), network()
    ann.train(plain, X, Y, epochs=1, shuffle=False, batch_size=40, optimizer="sgd")
    ann.train(shuffled, X, Y, epochs=1, shuffle=True, batch_size=40, optimizer="sgd")
    np.testing.assert_allclose(plain.theta, shuffled.theta, rtol=0.0, atol=64 * 2.0**-53)


def test_equal_weights_change_nothing(two_moons):
    plain, weighted = network(), network()
    ann.train(plain, *two_moons, epochs=2)
    ann.train(weighted, *two_moons, epochs=2, sample_weight=np.full(40, 8.0))
    np.testing.assert_allclose(weighted.theta, plain.theta, rtol=0.0, atol=64 * 2.0**-53)


@pytest.mark.parametrize("factor", [1e308, 3e38, 1e-300, 5e-324])
def test_weights_of_any_size(factor, two_moons, backend):
    """Their sum overflows the dtype, or float64 even; their reciprocal does."""
    weight, thetas = np.asarray([1.0, 0.0] * 20), []
    for weights in (weight, factor * weight):
        net = network(dtype=backend.dtype, backend=backend.backend)
        ann.train(net, *two_moons, epochs=1, sample_weight=weights)
        thetas.append(backend.to_numpy(net.theta))
    np.testing.assert_array_equal(*thetas)


def test_a_weight_that_the_dtype_cannot_hold():
    n = 100_000
    weight = np.zeros(n)
    weight[0] = 1.0
    net = ann.Network([1, 1], "squared_error", dtype="float16")
    message = "^sample_weight: scaled to a mean of 1 it is more than float16 holds\\.$"
    with pytest.raises(ann.InvalidArgument, match=message):
        net.cost(np.ones((n, 1)), np.ones(n), weight)


def test_an_example_of_weight_2_is_two_examples(two_moons):
    X, Y = two_moons
    weight = 1.0 + (np.arange(40) % 3 == 0)
    weighted, doubled = network(), network()
    twice = np.repeat(np.arange(40), weight.astype(int))
    options = {"epochs": 5, "batch_size": 100, "shuffle": False, "optimizer": ann.SGD(0.5)}
    first = ann.train(weighted, X, Y, sample_weight=weight, **options)
    second = ann.train(doubled, X[twice], Y[twice], **options)
    # sums of 54 terms, in 5 steps of a rate below 1
    np.testing.assert_allclose(weighted.theta, doubled.theta, rtol=0, atol=5 * 54 * 2.0**-53)
    np.testing.assert_allclose(first["cost"], second["cost"], rtol=5 * 54 * 2.0**-53)


def test_an_example_of_weight_0_is_none(two_moons):
    X, Y = two_moons
    options = {"epochs": 3, "batch_size": 100, "shuffle": False, "optimizer": ann.SGD(0.5)}
    weighted, shorter = network(), network()
    ann.train(weighted, X, Y, sample_weight=np.arange(40) < 30, **options)
    ann.train(shorter, X[:30], Y[:30], **options)
    np.testing.assert_allclose(weighted.theta, shorter.theta, rtol=0, atol=3 * 40 * 2.0**-53)


class TestValidation:
    def test_set(self, two_moons):
        X, Y = two_moons
        net = network()
        history = ann.train(net, X[:30], Y[:30], epochs=3, validation=(X[30:], Y[30:]))
        assert list(history)[-2:] == ["validation_cost", "validation_score"]
        assert history["validation_cost"][-1] == net.cost(X[30:], Y[30:])
        right = (net.predict(X[30:]) >= 0.5) == (Y[30:] >= 0.5)
        assert history["validation_score"][-1] == pytest.approx(right.mean(), rel=1e-15)

    def test_set_with_weights(self, two_moons):
        X, Y = two_moons
        net, weight = network(), np.arange(1.0, 11.0)
        history = ann.train(net, X[:30], Y[:30], epochs=1, validation=(X[30:], Y[30:], weight))
        assert history["validation_cost"][-1] == net.cost(X[30:], Y[30:], weight)

    def test_the_set_does_not_teach(self, two_moons):
        watched, alone = network(), network()
        ann.train(watched, *two_moons, epochs=2, validation=two_moons)
        ann.train(alone, *two_moons, epochs=2)
        assert watched.theta.tobytes() == alone.theta.tobytes()

    def costs(self, data, weight, **options):
        history = ann.train(network(), *data, sample_weight=weight, epochs=1, batch_size=40,
                            optimizer=ann.SGD(0.0), **options)  # fmt: skip
        return history["cost"][0], history["validation_cost"][0]

    def held_out(self):
        return host.permutation(40, network().seed, SPLIT)[:10]

    def test_fraction_is_held_out(self, two_moons):
        """An example's weight is seen by the validation cost or by training, never by both."""
        plain, held = self.costs(two_moons, np.ones(40), validation=0.25), []
        for i in range(40):
            weight = np.ones(40)
            weight[i] = 3.0
            cost, validation_cost = self.costs(two_moons, weight, validation=0.25)
            assert (cost != plain[0]) != (validation_cost != plain[1])
            held.append(validation_cost != plain[1])
        assert sum(held) == 10

    def test_weights_are_scaled_among_those_that_are_held_out_and_the_others(self, two_moons):
        """However much heavier the ones are than the others."""
        watched = self.held_out()
        chosen = np.setdiff1d(np.arange(40), watched)
        weight = np.arange(1.0, 41.0)
        apart = self.costs(
            [array[chosen] for array in two_moons], weight[chosen],
            validation=[array[watched] for array in (*two_moons, weight)],
        )  # fmt: skip
        for factor in (1.0, 1e300):
            weight[watched] *= factor
            together = self.costs(two_moons, weight, validation=0.25)
            assert together == pytest.approx(apart, rel=64 * 2.0**-53)

    @pytest.mark.parametrize("where", ["trained on", "held out"])
    def test_no_weight_on_one_side(self, two_moons, where):
        watched, weight = self.held_out(), np.zeros(40)
        weight[watched if where == "trained on" else np.setdiff1d(np.arange(40), watched)] = 1.0
        message = f"^sample_weight: wanted weights at least 0 and not all 0 among .*{where}\\.$"
        with pytest.raises(ann.InvalidArgument, match=message):
            self.costs(two_moons, weight, validation=0.25)

    def test_fraction_keeps_at_least_one_of_each(self):
        X, Y = np.ones((2, 2)), np.asarray([0.0, 1.0])
        for fraction in (0.001, 0.999):
            history = ann.train(network(), X, Y, epochs=1, validation=fraction)
            assert np.isfinite(history["cost"][0])
            assert np.isfinite(history["validation_cost"][0])

    def test_r2_for_regression(self, two_moons):
        X = two_moons[0]
        net = ann.Network([2, 4, 1], "squared_error", dtype="float64")
        target = X[:, :1] - X[:, 1:]
        history = ann.train(net, X, target, epochs=2, validation=(X, target))
        left = np.sum((net.predict(X) - target) ** 2)
        expected = 1.0 - left / np.sum((target - target.mean()) ** 2)
        assert history["validation_score"][-1] == pytest.approx(expected, rel=1e-12)


class TestEarlyStopping:
    def overfitting(self, two_moons):
        """A validation set with its labels turned around gets worse as training gets better."""
        X, Y = two_moons
        return X, Y, (X, 1.0 - Y)

    def test_restores_the_best_epoch(self, two_moons):
        X, Y, turned = self.overfitting(two_moons)
        seen = []
        net = network()
        history = ann.train(net, X, Y, epochs=50, patience=4, validation=turned,
                            optimizer=ann.Adam(0.05),
                            callbacks=[lambda net, _: seen.append(net.theta.copy())])  # fmt: skip
        best = int(np.argmin(history["validation_cost"]))
        assert len(history["epoch"]) == best + 1 + 4 < 50
        np.testing.assert_array_equal(net.theta, seen[best])
        assert net.cost(*turned) == history["validation_cost"][best]

    def test_goes_on_while_the_cost_falls(self, two_moons):
        history = ann.train(network(), *two_moons, epochs=12, patience=1, batch_size=40,
                            optimizer=ann.SGD(0.1))  # fmt: skip
        assert len(history["epoch"]) == 12

    def test_training_cost_is_watched_where_there_is_no_other(self, two_moons):
        history = ann.train(network(), *two_moons, epochs=50, patience=3, optimizer=ann.SGD(0.0),
                            batch_size=40, shuffle=False)  # fmt: skip
        assert len(history["epoch"]) == 4

    def test_tolerance(self, two_moons):
        history = ann.train(network(), *two_moons, epochs=50, patience=3, tolerance=1e6)
        assert len(history["epoch"]) == 4

    def test_training_goes_on_after_it(self, two_moons):
        X, Y, turned = self.overfitting(two_moons)
        net = network()
        first = len(ann.train(net, X, Y, epochs=50, patience=2, validation=turned)["epoch"])
        history = ann.train(net, X, Y, epochs=3, validation=turned)
        assert history["epoch"] == list(range(1, first + 4))


class TestCallbacks:
    def test_each_is_called_after_each_epoch(self, two_moons):
        calls = []
        net = network()
        ann.train(net, *two_moons, epochs=3, callbacks=[
            lambda n, history: calls.append((n is net, history["epoch"][-1]))])  # fmt: skip
        assert calls == [(True, 1), (True, 2), (True, 3)]

    def test_a_true_answer_stops(self, two_moons):
        after = []
        history = ann.train(network(), *two_moons, epochs=10, callbacks=[
            lambda _, history: len(history["epoch"]) == 4,
            lambda *_: after.append(1)])  # fmt: skip
        assert len(history["epoch"]) == 4
        assert len(after) == 4

    def replacing(self, two_moons, begin, then, after=2):
        """Three epochs, of which a callback gives the last ones another optimizer."""
        net = network()

        def put(net, history):
            if len(history["epoch"]) == after:
                net.training.optimizer = then

        ann.train(net, *two_moons, epochs=3, batch_size=10, optimizer=begin, callbacks=[put])
        return net

    def test_another_kind_of_optimizer(self, two_moons):
        """From the next epoch on, and as if it had been given to `train`."""
        net, apart = self.replacing(two_moons, ann.Adam(0.05), ann.Momentum(0.2)), network()
        ann.train(apart, *two_moons, epochs=2, batch_size=10, optimizer=ann.Adam(0.05))
        ann.train(apart, *two_moons, epochs=1, batch_size=10, optimizer=ann.Momentum(0.2))
        assert net.theta.tobytes() == apart.theta.tobytes()
        assert len(net.training.state) == 1
        assert net.training.step == 4

    def test_other_settings_of_the_optimizer(self, two_moons):
        """All of them take effect, and what it remembers goes on."""
        net, apart = self.replacing(two_moons, ann.Adam(0.05), ann.Adam(0.01, beta1=0.5)), network()
        ann.train(apart, *two_moons, epochs=2, batch_size=10, optimizer=ann.Adam(0.05))
        apart.training.optimizer = ann.Adam(0.01, beta1=0.5)
        ann.train(apart, *two_moons, epochs=1, batch_size=10)
        assert net.theta.tobytes() == apart.theta.tobytes()
        assert net.training.step == 12

    def test_an_optimizer_put_in_place_after_the_last_epoch(self, two_moons):
        net = self.replacing(two_moons, ann.Adam(0.05), "momentum", after=3)
        ann.train(net, *two_moons, epochs=1)
        assert net.training.optimizer == ann.Momentum()

    def test_what_is_no_optimizer(self, two_moons):
        with pytest.raises(ann.InvalidArgument, match="optimizer='momentun' is not known"):
            self.replacing(two_moons, "adam", "momentun")

    def test_an_iterator_is_called_every_epoch(self, two_moons):
        calls = []
        ann.train(network(), *two_moons, epochs=3,
                  callbacks=iter([lambda *_: calls.append(1)]))  # fmt: skip
        assert len(calls) == 3

    def test_puts_another_objective_in_place(self, backend, two_moons):
        """Of layers that compare equal: their class brings a setting that no field holds."""

        class Scaled(ann.layers.Dense):
            def forward(self, A_prev, p, *, xp):
                A, cache = super().forward(A_prev, p, xp=xp)
                return A * self.scale, cache

        def network_of(scale):
            layer = Scaled(4, "tanh")
            object.__setattr__(layer, "scale", scale)
            return ann.Network(
                [2, layer, 1], "squared_error", backend=backend.of, dtype=backend.dtype
            )

        def exchange(net, history):
            net.objective = other

        one, two, other = network_of(1.0), network_of(1.0), network_of(0.5).objective
        ann.train(one, *two_moons, epochs=2, callbacks=[exchange])
        ann.train(two, *two_moons, epochs=1)
        two.objective = other
        ann.train(two, *two_moons, epochs=1)
        np.testing.assert_array_equal(*map(backend.to_numpy, (one.theta, two.theta)))


class TestNotFinite:
    def diverge(self, backend="numpy", **options):
        """Squared error with a rate far too large doubles its error again and again."""
        net = ann.Network([1, 1], "squared_error", backend=backend, initializer="zeros")
        X, Y = [[30.0], [-30.0]], [1.0, -1.0]
        with pytest.warns(ann.TrainingWarning, match=r"cost is not finite after epoch \d+: train"):
            history = ann.train(net, X, Y, epochs=60, optimizer=ann.SGD(1.0), **options)
        return net, history, X, Y

    def test_warns_and_keeps_the_best(self, backend):
        with np.errstate(all="ignore"):
            net, history, X, Y = self.diverge(backend.backend)
        assert len(history["epoch"]) < 60
        assert not np.isfinite(history["cost"][-1])
        assert np.all(np.isfinite(backend.to_numpy(net.theta)))
        # the cost of an epoch is that at its beginning, with one batch; the first is the lowest
        assert int(np.argmin(history["cost"])) == 0
        assert np.isfinite(net.cost(X, Y))

    def test_names_the_epoch_that_is_kept(self):
        net = ann.Network([1, 1], "squared_error", initializer="zeros")
        with (
            np.errstate(all="ignore"),
            pytest.warns(ann.TrainingWarning, match="those of epoch 1"),
        ):
            ann.train(net, [[30.0], [-30.0]], [1.0, -1.0], epochs=60, optimizer=ann.SGD(1.0))

    def test_no_numpy_warning_besides(self):
        self.diverge()  # every warning that is not expected is an error here

    def test_nothing_worth_keeping(self):
        net = ann.Network([1, 1], "squared_error", initializer="zeros")
        net.theta[...] = np.inf
        with (
            np.errstate(all="ignore"),
            pytest.warns(ann.TrainingWarning, match="after epoch 1: .* not worth keeping"),
        ):
            ann.train(net, [[30.0]], [1.0], epochs=3)


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "nesterov", "rmsprop", "adam", "adamw"])
def test_float32_stays_float32(optimizer, backend, two_moons):
    X, Y = two_moons
    net = network(backend.backend, dtype="float32", dropout=0.25, l2=0.01)
    ann.train(net, X, Y, epochs=1, optimizer=optimizer, sample_weight=np.full(40, 2.0),
              clip_norm=1.0, validation=(X, Y), batch_size=16)  # fmt: skip
    float32 = backend.asarray([0.0], "float32").dtype
    assert {array.dtype for array in (net.theta, *net.training.state)} == {float32}
    assert net.predict(backend.asarray(X)).dtype == float32


def test_50_adam_steps_on_numpy_and_on_a_device_that_refuses_host_copies(two_moons):
    pytest.importorskip("array_api_strict", reason="array_api_strict is not installed")

    def trained(backend):
        net = network(backend, dropout=0.25, l2=0.01)
        ann.train(net, *two_moons, epochs=10, batch_size=8, optimizer=ann.Adam(0.01))
        assert net.training.step == 50
        return net.backend.to_numpy(net.theta)

    numpy, strict = trained("numpy"), trained("array_api_strict:device1")
    np.testing.assert_allclose(strict, numpy, rtol=0.0, atol=1e-12)


def test_saturation_on_the_lesson_s_path():
    """10,000 steps on separable data in float32, from dA[L] and not from A[L] - Y."""
    X = np.asarray([[-2.0, -1.0, 1.0, 2.0]], dtype=np.float32)
    Y = np.asarray([[0.0, 0.0, 1.0, 1.0]], dtype=np.float32)
    W = [np.full((2, 1), 0.5, dtype=np.float32), np.full((1, 2), 0.5, dtype=np.float32)]
    b = [np.zeros((2, 1), dtype=np.float32), np.zeros((1, 1), dtype=np.float32)]
    activations = ["tanh", "sigmoid"]
    for _ in range(10_000):
        AL, caches = ann.forward_propagation(X, list(zip(W, b, strict=True)), activations, xp=np)
        cost = ann.compute_cost(AL, Y, xp=np)
        dAL = ann.initialize_backward(AL, Y, xp=np)
        gradients = ann.backward_propagation(dAL, caches, activations, xp=np)
        for layer, (dW, db) in enumerate(gradients):
            W[layer] = W[layer] - 100.0 * dW  # so fast that A[L] is soon 1 exactly
            b[layer] = b[layer] - 100.0 * db
        assert np.isfinite(cost)
        assert np.all(np.isfinite(dAL))
    assert AL.max() == 1.0  # so 1 - A[L] is 0, and the lesson's quotient 0 / 0
    assert all(np.all(np.isfinite(array)) for array in (*W, *b))
    assert {array.dtype for array in (*W, *b, AL, dAL)} == {np.dtype("float32")}


@pytest.mark.parametrize("output", ["sigmoid", "softmax"])
def test_saturation_in_training(output):
    """A pairing of output and loss that starts from dA[L]: nothing becomes NaN either."""
    loss = "categorical_cross_entropy" if output == "sigmoid" else "binary_cross_entropy"
    net = ann.Network([1, 2], loss, output=output)
    assert not net.objective.paired
    X, Y = [[-2.0], [-1.0], [1.0], [2.0]], [[1.0, 0.0]] * 2 + [[0.0, 1.0]] * 2
    history = ann.train(net, X, Y, epochs=2000, batch_size=4, optimizer=ann.SGD(10.0))
    assert np.all(np.isfinite(history["cost"]))
    assert np.all(np.isfinite(net.theta))


def test_data_decide_where_training_runs(backend, two_moons):
    net = ann.Network([2, 3, 1], "binary_cross_entropy")
    X, Y = (backend.asarray(array) for array in two_moons)
    ann.train(net, X, Y, epochs=1)
    # Numba's arrays are NumPy's, CUDA's are CuPy's
    owner = {"numba": "numpy", "cuda": "cupy"}.get(backend.of, backend.of)
    assert net.backend.name == owner
    assert backend.backend.owns(net.theta)
    assert backend.backend.owns(net.predict(X))


@pytest.mark.parametrize("fresh", [False, True])
def test_what_was_trained_may_be_written_to(fresh, backend, two_moons):
    """Also where a rule returns an array of its own, and not theta changed in place."""

    class Fresh(ann.SGD):
        def update(self, theta, g, state, rate, xp):
            del state, xp
            return theta - rate * g, ()

    net = network(dtype=backend.dtype, backend=backend.backend)
    ann.train(net, *two_moons, epochs=1, optimizer=Fresh() if fresh else ann.SGD())
    before = backend.to_numpy(net.theta).copy()
    net.theta *= 0.5
    np.testing.assert_array_equal(backend.to_numpy(net.theta), 0.5 * before)


def test_data_are_not_changed(two_moons):
    X, Y = two_moons
    before = X.copy(), Y.copy()
    for array in two_moons:
        array.setflags(write=False)
    ann.train(network(), X, Y, epochs=1, validation=0.2, sample_weight=np.ones(40))
    np.testing.assert_array_equal(X, before[0])
    np.testing.assert_array_equal(Y, before[1])


class WritesToWhatItIsGiven(ann.layers.Layer):
    def forward(self, A_prev, p, *, xp):
        A_prev *= 2.0
        return A_prev, None

    def backward(self, dA, cache, *, input_gradient=True, xp):
        dA *= 2.0
        return dA, ()


@pytest.mark.filterwarnings("ignore::agnostic_nn.RecordingWarning")
def test_data_are_not_changed_by_a_layer_that_writes_to_them(backend, two_moons):
    X, Y = (backend.asarray(array) for array in two_moons)
    before = backend.to_numpy(X).copy()
    net = ann.Network([2, WritesToWhatItIsGiven(), 1], "binary_cross_entropy", dtype=backend.dtype)
    ann.train(net, X, Y, epochs=1, shuffle=False, validation=(X, Y))
    net.predict(X)
    np.testing.assert_array_equal(backend.to_numpy(X), before)


def test_no_progress_bar_without_a_terminal(capsys, two_moons):
    ann.train(network(), *two_moons, epochs=2)
    captured = capsys.readouterr()
    assert captured.out == captured.err == ""


def test_out_of_memory_says_what_was_needed_and_what_there_was():
    """10 million examples at once over a million units: 40 TB, which no machine gives."""
    net = ann.Network([1, 10**6, 1], "squared_error", backend="numpy")
    before = net.theta.copy()
    X = np.zeros((10**7, 1), dtype=np.float32)
    with pytest.raises(
        ann.OutOfMemory,
        match=r"^a step with batch_size=10000000 needs about [\d,.]+ GiB .* CPU has",
    ):
        ann.train(net, X, X, epochs=1, batch_size=10**7)
    assert np.array_equal(net.theta, before)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"net": "net"}, "net is of type str: wanted a Network."),
        ({"shuffle": 1}, "shuffle=1: wanted True or False."),
        ({"progress": "no"}, "progress='no': wanted True or False."),
        ({"callbacks": print}, "callbacks is of type builtin_function_or_method: wanted a list."),
        ({"callbacks": [3]}, "callbacks holds 3: wanted what can be called."),
        ({"checkpoint": True}, "checkpoint=True: wanted the name of a file."),
        ({"checkpoint_every": 3}, "checkpoint_every=3: wanted checkpoint as well."),
        (
            {"batch_size": 2**63},
            f"batch_size={2**63}: wanted a whole number at least 1 and below {2**63}.",
        ),
    ],
)
def test_messages(two_moons, options, message):
    X, Y = two_moons
    with pytest.raises(ann.AgnosticNNError) as refusal:
        ann.train(**{"net": network(), "X": X, "Y": Y, "epochs": 1} | options)
    assert str(refusal.value) == message


@pytest.mark.parametrize("as_column", [False, True])
def test_labels_are_one_hot_rows(backend, as_column):
    """Whole numbers from 0 on, of any kind, are what their one-hot rows would be."""
    X, labels = np.linspace(-1.0, 1.0, 24).reshape(12, 2), np.arange(12) % 3
    options = {"seed": 3, "backend": backend.backend, "dtype": backend.dtype}
    costs = []
    for Y in (np.eye(3)[labels], labels, labels.astype(float), labels.tolist()):
        net = ann.Network([2, 4, 3], "categorical_cross_entropy", **options)
        Y = np.reshape(Y, (-1, 1)) if as_column and np.ndim(Y) == 1 else Y
        history = ann.train(net, X, Y, epochs=2, batch_size=5, validation=0.25)
        costs.append((history["cost"], history["validation_cost"], net.cost(X, Y)))
    assert costs[0] == costs[1] == costs[2] == costs[3]
    here = ann.Network([2, 4, 3], "categorical_cross_entropy", **options)
    on_backend = backend.backend.asarray(labels.astype("int32"))
    assert here.cost(X, on_backend) == here.cost(X, labels)


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        ([0, 1, 3], "Y holds 3 at row 2: wanted labels from 0 to 2, or one-hot rows"),
        ([1, 2, -1], "Y holds -1 at row 2"),
        ([0.0, 0.5, 1.0], "Y holds 0.5 at row 1"),
        ([0.0, np.nan, 1.0], "Y holds nan at row 1"),
        (["a", "b", "c"], "Y holds 'a' at row 0"),
    ],
)
def test_labels_that_are_none(labels, words):
    net = ann.Network([2, 3], "categorical_cross_entropy")
    with pytest.raises(ann.InvalidArgument, match=words):
        ann.train(net, np.ones((3, 2)), labels)


def test_validation_takes_one_pass_forward(backend, monkeypatch):
    """Cost and score are those of `cost` and `predict`, and the rows are gone through once."""
    net = ann.Network([3, 4, 2], "categorical_cross_entropy", l2=0.1, backend=backend.backend)
    X, Y = np.random.default_rng(0).normal(size=(9, 3)), np.asarray([0, 1, 0, 1, 1, 0, 1, 0, 1])
    asked, kind = [], type(backend.backend)
    plain = kind.predict
    monkeypatch.setattr(kind, "predict", lambda *given: asked.append(1) or plain(*given))
    history = ann.train(net, X, Y, epochs=1, validation=(X, Y))
    assert len(asked) == 1
    assert history["validation_cost"] == [net.cost(X, Y)]
    right = np.argmax(net.predict(X), axis=1) == Y
    assert history["validation_score"] == [pytest.approx(right.mean())]
