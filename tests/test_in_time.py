"""Time limits: what is tried, kept and used up, by a clock that the test moves."""

import json
import math
from dataclasses import replace
from types import SimpleNamespace

import pytest

from agnostic_nn import deadlines
from agnostic_nn.deadlines import Deadline

pytest.importorskip("pandas")
pytest.importorskip("typer")

from agnostic_nn.cli import common, fitting, in_time, outcome
from agnostic_nn.cli.choices import settled
from agnostic_nn.cli.data import Source
from agnostic_nn.cli.options import Settings
from agnostic_nn.epochs import Run
from agnostic_nn.errors import InvalidArgument
from agnostic_nn.tabular import Preparation, importance
from agnostic_nn.tabular.importance import permutation_importance
from agnostic_nn.tabular.scores import SCORES


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands, but for who moves it."""
    clock = SimpleNamespace(now=100.0)
    clock.perf_counter = lambda: clock.now
    for module in (deadlines, in_time):
        monkeypatch.setattr(module, "time", clock)
    monkeypatch.setattr(common, "FIRST_LINE", math.inf)
    return clock


def test_seconds_that_were_used_before_count(clock):
    deadline = Deadline(60.0, used=50.0)
    clock.now += 4.0
    assert (deadline.used, deadline.since, deadline.left) == (54.0, 4.0, 6.0)
    clock.now += 8.0
    assert (deadline.left, deadline.share()) == (-2.0, 0.0)


def test_an_epoch_takes_what_comes_after_it_as_well(clock):
    """As watched rows do, which are not in the history's seconds."""
    deadline = Deadline(10.0)
    clock.now += 4.0
    assert not deadline(None, {"seconds": [1.0]})
    clock.now += 3.0
    assert deadline(None, {"seconds": [1.0, 1.0]})


@pytest.mark.parametrize(
    ("read", "least", "kept"), [(1.0, 0.2, 59.0 * 0.2), (20.0, 0.2, 40.0), (20.0, 0.0, 40.0)]
)
def test_what_is_kept_for_the_rest(clock, read, least, kept):
    deadline = Deadline(60.0)
    clock.now += read
    in_time.keep_some(deadline, least)
    assert deadline.kept == pytest.approx(kept)
    assert in_time.share(deadline, of=2) == pytest.approx(max(0.0, 60.0 - read - kept) / 2)
    assert in_time.share(None, of=2) is None


def test_tests_on_folds_take_their_time_too(clock):
    deadline = Deadline(100.0)
    deadline.kept = 10.0
    assert in_time.share(deadline, of=4, tests=3) == (100.0 - 10.0 - 3 * 5.0) / 4
    clock.now += 90.0
    assert in_time.share(deadline, of=4, tests=3) == 0.0


@pytest.mark.usefixtures("undrawn")
def test_the_network_that_is_kept_has_its_share(run, clock, tmp_path, monkeypatch):
    """Of 112 seconds that are left, 22.4 are kept for the last test, and 11.2 for each other."""
    seconds = []

    def fitted(data, settings, backend, tell, share, **_):
        seconds.append(share)
        clock.now += share
        return fitting.fit(data, replace(settings, epochs=1), backend)

    def tested(*arguments):
        clock.now += 11.2
        return whole(*arguments)

    whole = outcome.tested
    monkeypatch.setattr(outcome, "fitted_in_time", fitted)
    monkeypatch.setattr(outcome, "tested", tested)
    said = ["--folds", 3, "--time-limit", 112, "--backend", "numpy", "--out", tmp_path / "run"]
    assert run("train", "iris", *said)[0] == 0
    assert seconds == pytest.approx([14.0] * 4)


@pytest.mark.parametrize(
    ("seconds", "asked"), [(None, 1 + 5 * 3), (9.0, 1 + 2 * 3), (100.0, 1 + 5 * 3), (2.0, 1)]
)
def test_columns_are_shuffled_as_often_as_there_is_time_for(clock, seconds, asked):
    """An answer takes a second: three columns are shuffled in three."""
    import pandas as pd

    X = pd.DataFrame({name: [1.0, 2.0, 3.0, 4.0] for name in "abc"})
    y = pd.Series([1.5, 2.5, 3.5, 4.5], name="y")
    preparation = Preparation.fit(X, y, "regression", numeric=list("abc"))
    answers = []

    def predict(inputs):
        clock.now += 1.0
        answers.append(len(inputs))
        return inputs[:, :1]

    found = permutation_importance(
        predict, preparation, preparation.features(X), preparation.targets(y),
        score=SCORES["regression"][0], seconds=seconds,
    )  # fmt: skip
    assert len(answers) == asked
    assert len(found) == (3 if asked > 1 else 0)


@pytest.mark.usefixtures("undrawn", "clock")
def test_columns_that_there_was_no_time_for_are_told_of(run, tmp_path, monkeypatch):
    given = []

    def nothing(*_, seconds, **__):
        given.append(seconds)
        return []

    monkeypatch.setattr(importance, "permutation_importance", nothing)
    said = ["train", "iris", "--recipe", "plain", "--epochs", 1, "--backend", "numpy"]
    code, _, error = run(*said, "--time-limit", 100, "--out", tmp_path / "a")
    assert code == 0
    assert error.startswith(
        "agnostic-nn: warning: what each column is worth is left out: time_limit=100 leaves too "
    )
    assert run(*said, "--out", tmp_path / "b")[2] == ""
    assert given == [10.0, None]  # half of the fifth that is kept


@pytest.mark.usefixtures("undrawn")
def test_a_score_that_is_not_defined_is_no_lack_of_time(run, tmp_path):
    rows = (f"{i * i},{'b' if i % 2 and i < 30 else 'a'},{i}" for i in range(40))
    (tmp_path / "t.csv").write_text("\n".join(["x,y,t", *rows]))
    code, out, error = run(
        "train", tmp_path / "t.csv", "--target", "y", "--time", "t", "--metric", "auc",
        "--recipe", "plain", "--epochs", 1, "--backend", "numpy", "--time-limit", 100,
        "--out", tmp_path / "run",
    )  # fmt: skip
    assert code == 0
    assert "AUC: not defined" in out
    assert "time_limit" not in error


def prepared(**said):
    settings = Settings(data=["iris"], recipe="realmlp-s", **said)
    source = Source.read(settings)
    data = source.divide(settings)
    return data, settled(settings, len(data.train))


@pytest.mark.parametrize(
    ("seconds", "per_row", "tried", "epochs"),
    [
        (0.0, 1.0, [], 1),
        (-1.0, 1.0, [], 1),
        (402.0, 1.0, [4], 4),  # 4 rows take 4 s: enough to tell
        (300.0, 0.1, [4, 32], 31),
        (100.0, 1e-4, [4, 32, 96], 256),
        (50.0, 100.0, [4], 1),
        (50.0, math.inf, [4], 1),
    ],
)
def test_how_many_epochs_there_is_time_for(clock, monkeypatch, seconds, per_row, tried, epochs):
    def took(data, *_):
        found.append(len(data.train))
        clock.now += 2.0 if per_row == 1.0 else 0.0
        return len(data.train) * per_row

    found = []
    monkeypatch.setattr(in_time, "seconds_of_epoch", took)
    data, settings = prepared(batch_size=2)
    assert len(data.train) == 96
    assert in_time.epochs_within(Deadline(seconds), data, settings, None) == epochs
    assert found == tried


@pytest.mark.parametrize("weighed", [False, True])
def test_some_of_the_rows_take_a_second_epoch(clock, monkeypatch, weighed):
    """Of all parts alike; without weights, which may be 0 for all of them."""
    data, settings = prepared(class_weight="balanced" if weighed else None)
    some = data.some(0.5)
    assert [len(part) for part in some.parts.values()] == [48, 12, 15]
    assert some.train.cost_weight is None
    trained = []

    class Seen(fitting.EpochLines):
        def __call__(self, *_):
            raise AssertionError

    whole = Run._epoch

    def slow(self):
        clock.now += 3.0 if trained else 7.0
        trained.append(self.examples.n)
        return whole(self)

    monkeypatch.setattr(fitting, "EpochLines", Seen)
    monkeypatch.setattr(Run, "_epoch", slow)
    assert in_time.seconds_of_epoch(some, settings, "numpy") == 3.0
    assert trained == [48, 48]


def test_a_network_that_diverges_tells_nothing(clock, monkeypatch):
    monkeypatch.setattr(fitting, "fit", lambda *_, callbacks, **__: callbacks[0]())
    data, settings = prepared()
    assert in_time.seconds_of_epoch(data, settings, None) == math.inf


def test_a_clock_is_written_once_a_second(clock, tmp_path):
    deadline = Deadline(60.0, used=10.0)
    kept = in_time.Clock(tmp_path, deadline)
    said = []
    for _ in range(5):
        clock.now += 0.5
        kept(None, {})
        said.append(in_time.used(tmp_path))
    assert said == [10.5, 10.5, 11.5, 11.5, 12.5]


@pytest.mark.parametrize("content", ["{", "{}", '{"seconds": -1}', '{"seconds": "1"}', "[]"])
def test_a_damaged_clock(tmp_path, content):
    assert in_time.used(tmp_path) == 0.0
    (tmp_path / "clock.json").write_text(content)
    with pytest.raises(InvalidArgument, match=r"run=.*: its clock.json is damaged"):
        in_time.used(tmp_path)


@pytest.mark.usefixtures("undrawn")
def test_a_run_that_goes_on_has_the_seconds_that_are_left(run, clock, tmp_path, monkeypatch):
    """Of 200 two epochs used 60, and of the others a fifth is kept: there is time for three."""

    def within(*_):
        return 256

    def slow(self):
        clock.now += 30.0
        if len(begun) == 2 and not stopped:
            stopped.append(True)
            raise KeyboardInterrupt
        begun.append(clock.now)
        return whole(self)

    begun, stopped, whole = [], [], Run._epoch
    monkeypatch.setattr(in_time, "epochs_within", within)
    monkeypatch.setattr(Run, "_epoch", slow)
    folder = tmp_path / "run"
    said = ["--recipe", "realmlp-s", "--backend", "numpy", "--checkpoint-every", 1]
    code, *_ = run("train", "iris", "--time-limit", 200, *said, "--out", folder)
    assert code == 130
    assert json.loads((folder / "clock.json").read_text()) == {"seconds": 60.0}
    code, out, error = run("resume", folder)
    assert code == 0
    assert "goes on after epoch 2 of 256, with 140.0 s left of time_limit=200" in out
    assert "training: 5 of at most 256 epochs, within time_limit=200" in out
    assert error == ""
    assert len(begun) == 5
    assert not (folder / "clock.json").exists()


@pytest.mark.usefixtures("undrawn")
def test_a_limit_that_is_overrun_is_said(run, clock, tmp_path, monkeypatch):
    whole = fitting.fit

    def slow(*arguments, **options):
        clock.now += 5.0
        return whole(*arguments, **options)

    monkeypatch.setattr(fitting, "fit", slow)
    monkeypatch.setattr(in_time, "epochs_within", lambda *_: 1)
    for limit, said in ((4, True), (6, False)):
        code, out, error = run("train", "iris", "--time-limit", limit, "--backend", "numpy",
                               "--json", "--out", tmp_path / str(limit))  # fmt: skip
        assert code == 0
        assert json.loads(out)["epochs"] == 1
        assert error.startswith("agnostic-nn: warning: time_limit=4 was overrun by 1.0 s: ") == said
