"""`agnostic-nn compare`: several models on the same folds, one table and one picture."""

import json
import math
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.neural_network import MLPClassifier

from agnostic_nn import deadlines, tabular
from agnostic_nn.cli import common, contenders
from agnostic_nn.cli.options import Settings
from agnostic_nn.cli.ranking import summary, verdict
from agnostic_nn.tabular import read_table
from agnostic_nn.tabular.scores import leading

CLINIC = Path(__file__).parent / "data" / "tables" / "clinic.csv"
QUICK = ["--epochs", 2, "--folds", 3, "--drop", "visit", "--backend", "numpy"]


@pytest.fixture(autouse=True)
def _no_lines_meanwhile(monkeypatch):
    """However busy the machine is."""
    monkeypatch.setattr(common, "FIRST_LINE", math.inf)


@pytest.mark.parametrize(
    ("target", "said", "metric"),
    [
        ("ill", ["--group", "patient"], "accuracy"),
        ("stage", ["--metric", "log_loss", "--task", "classification"], "log_loss"),
        ("cost", ["--time", "day", "--weight", "weight", "--na", "?"], "r2"),
    ],
)
def test_everybody_is_tested_on_the_same_folds(run, tmp_path, target, said, metric):
    out = tmp_path / "run"
    code, printed, error = run("compare", CLINIC, "--target", target, *QUICK, *said, "--out", out)
    assert (code, error) == (0, "")
    found = json.loads((out / "metrics.json").read_text())
    assert found["metric"] == metric
    names = {"realmlp", "realmlp-s", "plain", "sklearn-mlp", "gradient-boosting", "linear"}
    assert {one["model"] for one in found["models"]} == names
    table = pd.read_csv(out / "comparison.csv")
    assert table.groupby("model").size().eq(3).all()
    means = table.groupby("model")[metric].mean()
    ordered = [one["mean"] for one in found["models"]]
    assert ordered == pytest.approx(means.sort_values(ascending=metric == "log_loss").tolist())
    assert found["verdict"].split()[0] == found["models"][0]["model"]
    assert all(name in printed for name in names)
    assert (out / "comparison.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize("target", ["ill", "cost"])
@pytest.mark.parametrize("name", ["realmlp", "realmlp-s", "plain"])
def test_a_recipe_has_the_scores_that_train_gives_it(run, tmp_path, name, target):
    said = ["--target", target, "--drop", "visit", "--folds", 2, "--epochs", 2, "--seed", 3]
    said += ["--weight", "weight", "--na", "?", "--backend", "numpy"]
    run("train", CLINIC, *said, "--recipe", name, "--out", tmp_path / "train")
    code, printed, _ = run(
        "compare", CLINIC, *said, "--models", name, "--json", "--out", tmp_path / "compare"
    )
    assert code == 0
    trained = json.loads((tmp_path / "train" / "metrics.json").read_text())
    compared = json.loads(printed)["folds"]
    for fold, row in zip(trained["folds"], compared, strict=True):
        assert {score: row[score] for score in fold["network"]} == fold["network"]


@pytest.mark.usefixtures("undrawn")
def test_the_linear_model_is_that_of_train(run, tmp_path):
    said = ["--target", "ill", "--folds", 3, "--drop", "visit", "--epochs", 2]
    run("train", CLINIC, *said, "--recipe", "plain", "--out", tmp_path / "train")
    code, printed, _ = run(
        "compare", CLINIC, *said, "--models", "linear", "--json", "--out", tmp_path / "compare"
    )
    assert code == 0
    trained = json.loads((tmp_path / "train" / "metrics.json").read_text())
    expected = [fold["linear model"]["log_loss"] for fold in trained["folds"]]
    assert [fold["log_loss"] for fold in json.loads(printed)["folds"]] == pytest.approx(expected)


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize("said", [[], ["--epochs", 7]])
def test_scikit_learn_has_its_own_defaults(run, tmp_path, monkeypatch, said):
    models = []

    def answers(entry, model, *_):
        models.append(model.get_params())
        return entry.test.targets

    monkeypatch.setattr(contenders, "_answers", answers)
    names = ["--models", "sklearn-mlp,gradient-boosting"]
    run("compare", "iris", "--folds", 2, *names, *said, "--out", tmp_path / "run")
    mlp = MLPClassifier(random_state=0, **({"max_iter": 7} if said else {})).get_params()
    boosting = HistGradientBoostingClassifier(categorical_features=None, random_state=0)
    assert models == [mlp, boosting.get_params()] * 2


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands, for deadlines and contenders, but for who moves it."""
    clock = SimpleNamespace(now=0.0, perf_counter=lambda: clock.now)
    monkeypatch.setattr(deadlines, "time", clock)
    monkeypatch.setattr(contenders, "time", clock)
    return clock


@pytest.fixture
def two(monkeypatch):
    """Two contenders, a and b, which say what the test wants them to do when it is their turn."""
    turns = SimpleNamespace(had=[], act=lambda _: None)

    def contender(name):
        def answer(entry):
            turns.had.append((name, entry.seconds))
            turns.act(len(turns.had))
            return entry.test.targets

        return contenders.Contender("plain", answer)

    monkeypatch.setattr(contenders, "CONTENDERS", {name: contender(name) for name in "ab"})
    return turns


@pytest.mark.usefixtures("undrawn")
def test_a_time_limit_is_shared_by_all_turns(run, tmp_path, clock, two):
    took = {1: 5.0, 2: 2.0, 3: 24.0}

    def act(turn):
        clock.now += took[turn]

    two.act = act
    code, printed, error = run(
        "compare", "iris", "--folds", 3, "--time-limit", 30, "--out", tmp_path / "run"
    )
    assert code == 0
    assert error.startswith("agnostic-nn: warning: time_limit=30 was overrun by 1.0 s: ")
    # what one leaves is for the others
    assert two.had == [("a", 5.0), ("b", 5.0), ("a", 23.0 / 4)]
    sentence = "The time limit was over before these had their turn: b in fold 2; all in fold 3."
    assert sentence in printed
    assert "of one fold" in printed
    found = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert found["left_out"] == sentence
    assert len(found["folds"]) == 3
    assert [one["spread"] for one in found["models"]] == [None, None]


@pytest.mark.usefixtures("undrawn")
def test_somebody_has_a_turn_however_short_the_limit(run, tmp_path, clock, two, monkeypatch):
    def slow(path, **options):
        clock.now += 1.0
        return read_table(path, **options)

    monkeypatch.setattr(tabular, "read_table", slow)
    run("compare", "iris", "--folds", 3, "--time-limit", 0.5, "--out", tmp_path / "run")
    assert two.had == [("a", 0.0)]


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize(
    ("stopped_at", "sentence"),
    [(4, "b in fold 2; all in fold 3."), (3, "all in folds 2 to 3."), (2, "b in fold 1; all in")],
)
def test_a_stopped_comparison_leaves_what_there_is(run, tmp_path, two, stopped_at, sentence):
    def act(turn):
        if turn == stopped_at:
            raise KeyboardInterrupt

    two.act = act
    code, printed, error = run("compare", "iris", "--folds", 3, "--out", tmp_path / "run")
    assert (code, error) == (130, "agnostic-nn: error: interrupted.\n")
    assert f"The comparison was stopped before these had their turn: {sentence}" in printed
    assert len(pd.read_csv(tmp_path / "run" / "comparison.csv")) == stopped_at - 1
    found = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert {one["model"] for one in found["models"]} == set("a" if stopped_at == 2 else "ab")
    assert (tmp_path / "run" / "comparison.png").exists()


@pytest.mark.usefixtures("undrawn")
def test_ctrl_c_stops_it_while_scikit_learn_s_perceptron_learns(run, tmp_path, monkeypatch):
    """Which would go on with what it has learned until then."""

    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(MLPClassifier, "_backprop", interrupt)
    said = ["--folds", 2, "--models", "linear,sklearn-mlp", "--out", tmp_path / "run"]
    code, printed, _ = run("compare", "iris", *said)
    assert code == 130
    assert "before these had their turn: sklearn-mlp in fold 1; all in fold 2." in printed


@pytest.mark.usefixtures("undrawn")
def test_each_turn_is_written_when_it_is_over(run, tmp_path, two):
    """So that not even a killed comparison was for nothing."""
    seen = []

    def act(_):
        file = tmp_path / "run" / "comparison.csv"
        seen.append(len(pd.read_csv(file)) if file.exists() else 0)

    two.act = act
    run("compare", "iris", "--folds", 2, "--out", tmp_path / "run")
    assert seen == [0, 1, 2, 3]


def test_a_comparison_stopped_before_its_first_turn_leaves_nothing(run, tmp_path, two):
    def act(_):
        raise KeyboardInterrupt

    two.act = act
    assert run("compare", "iris", "--folds", 2, "--out", tmp_path / "run")[0] == 130
    assert not (tmp_path / "run").exists()


class Counting:
    """A model whose every fit takes a second, and another one for each iteration."""

    max_iter = 100

    def set_params(self, max_iter):
        self.max_iter = max_iter
        return self


@pytest.mark.parametrize(
    ("seconds", "tried", "said"),
    [
        (1000.0, [2, 100], []),
        (10.0, [2, 4], ["training: 4 of at most 100 iterations, within time_limit=60"]),
        (0.0, [2], ["training: 2 of at most 100 iterations, within time_limit=60"]),
    ],
)
def test_a_model_of_iterations_has_as_many_as_there_is_time_for(clock, seconds, tried, said):
    fits, told = [], []

    def fit(model):
        fits.append(model.max_iter)
        clock.now += 1.0 + model.max_iter

    settings = Settings(time_limit=60.0)
    contenders._fit_in_time(
        Counting(), fit, contenders.Entry(None, settings, None, seconds, told.append)
    )
    assert (fits, told) == (tried, said)


def rows(a, b, score="accuracy"):
    return [
        {"model": model, "repeat": 1, "fold": fold, "seconds": 1.0, score: value}
        for model, values in (("a", a), ("b", b))
        for fold, value in enumerate(values)
    ]


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ([0.5, 0.7, 0.9], [0.4, 0.6, 0.8], "a is ahead of b by 0.1 in accuracy, on 3 of 3 folds"),
        ([0.1, 0.9], [0.6, 0.8], "too little to tell which is better."),
        ([0.5, 0.6], [0.5, 0.6], "a and b are equal in accuracy."),
        ([0.5], [0.6], "there is no telling who is ahead."),
        ([0.5, 0.6], [None, None], "There is nothing to compare: accuracy is defined for one"),
    ],
)
def test_the_lead_is_told_beside_its_spread(a, b, expected):
    lead = leading(None, "classification")
    found = rows(a, b)
    assert expected in verdict(summary(found, lead), found, lead)


def test_messages(fails, tmp_path):
    said = ["compare", CLINIC, "--target", "ill", "--out", tmp_path / "run"]
    fails(*said, "--models", "realmlp,boosting", words=["models='boosting' is not known"])
    fails(*said, "--folds", 1, words=["folds=1: wanted"])
    fails(*said, "--metric", "r2", words=["metric='r2'"])
    assert not (tmp_path / "run").exists()
