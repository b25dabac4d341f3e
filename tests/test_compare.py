"""`agnostic-nn compare`: several models on the same folds, one table and one picture."""

import json
from pathlib import Path

import pandas as pd
import pytest

from agnostic_nn.cli.compare import summary, verdict
from agnostic_nn.tabular.scores import leading

CLINIC = Path(__file__).parent / "data" / "tables" / "clinic.csv"
QUICK = ["--epochs", 2, "--folds", 3, "--drop", "visit", "--backend", "numpy"]


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
