"""What a run leaves: settings to run it again, scores, predictions, a report; and `show`."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest
from sklearn import metrics

import agnostic_nn as ann
from agnostic_nn.files import write
from agnostic_nn.saving import describe, load

CLINIC = Path(__file__).parent / "data" / "tables" / "clinic.csv"
OLD_MODEL = Path(__file__).parent / "data" / "models" / "v1-command-line.safetensors"


@pytest.fixture(scope="module")
def clinic(tmp_path_factory):
    """The folder of a run on the clinic's table, with everything drawn."""
    from agnostic_nn.cli import main

    folder = tmp_path_factory.mktemp("runs") / "clinic"
    said = [
        "--target", "ill", "--id", "visit", "--group", "patient", "--validation", "0.2",
        "--recipe", "plain", "--epochs", "5",
    ]  # fmt: skip
    with pytest.raises(SystemExit) as exit_:
        main(["train", str(CLINIC), *said, "--out", str(folder)])
    assert exit_.value.code == 0
    return folder


def read(folder, name="metrics.json"):
    return json.loads((folder / name).read_text())


def theta(folder):
    return load(folder / "model.safetensors").theta


# Scores and predictions


def test_scores_can_be_had_again_from_the_predictions(clinic):
    held, found = pd.read_csv(clinic / "predictions.csv"), read(clinic)
    assert list(held.columns) == ["row", "visit", "true", "prediction", "probability_no",
                                  "probability_yes"]  # fmt: skip
    truth, said = held["true"] == "yes", held["prediction"] == "yes"
    expected = {
        "accuracy": metrics.accuracy_score(truth, said),
        "balanced_accuracy": metrics.balanced_accuracy_score(truth, said),
        "f1": metrics.f1_score(truth, said, average="macro"),
        "auc": metrics.roc_auc_score(truth, held["probability_yes"]),
        "log_loss": metrics.log_loss(truth, held["probability_yes"]),
        "brier": metrics.brier_score_loss(truth, held["probability_yes"]),
    }
    got = found["test"]["network"]
    assert {name: got[name] for name in expected} == pytest.approx(expected, abs=1e-4)
    assert [row["class"] for row in found["by_class"]] == ["no", "yes"]
    assert sum(part["weight"] for part in found["calibration"]) == len(held)
    for part in ("train", "validation", "test"):
        assert set(found[part]) == {"rows", "network", "linear model", "baseline"}
    assert sum(found[part]["rows"] for part in ("train", "validation", "test")) == 120
    assert {one["column"] for one in found["importance"]} == {
        "day", "age", "arm", "stage", "weight", "cost",
    }  # fmt: skip


@pytest.mark.usefixtures("undrawn")
def test_rows_without_a_target_keep_their_neighbours_numbers(run, tmp_path):
    table = pd.read_csv(CLINIC)
    table.loc[::5, "ill"] = None
    table.to_csv(tmp_path / "t.csv", index=False)
    run("train", tmp_path / "t.csv", "--target", "ill", "--epochs", 1, "--out", tmp_path / "run")
    held = pd.read_csv(tmp_path / "run" / "predictions.csv")
    assert (table["ill"].iloc[held["row"] - 1].to_numpy() == held["true"]).all()


@pytest.mark.usefixtures("undrawn")
def test_a_class_that_a_spreadsheet_would_run(run, tmp_path):
    table = pd.read_csv(CLINIC)
    table["ill"] = table["ill"].map({"yes": "=1+1", "no": "no"})
    table.to_csv(tmp_path / "t.csv", index=False)
    run("train", tmp_path / "t.csv", "--target", "ill", "--epochs", 1, "--out", tmp_path / "run")
    held = pd.read_csv(tmp_path / "run" / "predictions.csv")
    assert set(held["true"]) == {"'=1+1", "no"}


def test_the_linear_model_stands_beside_the_baseline(run, tmp_path):
    """Where the truth is a sum, the linear model has it, and the screen shows all three."""
    x = [(37 * i) % 101 / 101 for i in range(100)]
    table = pd.DataFrame({"x": x, "y": [3.0 * value + 0.5 for value in x]})
    table.to_csv(tmp_path / "t.csv", index=False)
    arguments = ["--target", "y", "--epochs", 3, "--out", tmp_path / "run"]
    _, out, _ = run("train", tmp_path / "t.csv", *arguments)
    assert re.search(r"network\W+linear model\W+baseline \(mean\)", out)
    found = read(tmp_path / "run")["test"]
    assert found["linear model"]["r2"] > 0.99 > found["network"]["r2"]
    assert found["baseline"]["r2"] <= 0.0
    page = (tmp_path / "run" / "report.html").read_text()
    assert "A linear model does as well" in page or "no better than giving the same" in page


# Again


def test_settings_say_all_there_is_to_say(clinic):
    found = read(clinic, "settings.json")
    said = found["settings"]
    assert said["data"] == [str(CLINIC)]
    assert (said["target"], said["id"], said["group"]) == ("ill", "visit", "patient")
    assert (said["epochs"], said["batch_size"], said["learning_rate"]) == (5, 128, 0.001)
    assert {"target", "id", "group", "validation", "epochs"} <= set(found["given"])
    assert "learning_rate" not in found["given"]
    assert found["versions"]["agnostic_nn"] == ann.__version__
    assert {"python", "numpy", "pandas", "scikit-learn", "machine"} <= set(found["versions"])
    assert found["data"]["rows"] == 120
    assert len(found["data"]["digest"]) == 64


@pytest.mark.usefixtures("undrawn")
def test_a_run_is_done_again_from_its_folder(run, clinic, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # wherever that is
    code, _, error = run("train", "--like", clinic, "--out", "again")
    assert (code, error) == (0, "")
    models = [(folder / "model.safetensors").read_bytes() for folder in (clinic, Path("again"))]
    assert models[0] == models[1]
    code, out, _ = run("train", "--like", clinic, "--epochs", 2, "--out", "other")
    assert code == 0
    assert "2 epochs in batches of 85" in out
    assert read(Path("other"), "settings.json")["settings"]["group"] == "patient"
    assert (theta(Path("other")) != theta(clinic)).any()


@pytest.mark.usefixtures("undrawn")
def test_data_that_changed_is_told(run, tmp_path):
    table = pd.read_csv(CLINIC)
    table.to_csv(tmp_path / "t.csv", index=False)
    arguments = ["--target", "ill", "--epochs", 1, "--out", tmp_path / "one"]
    run("train", tmp_path / "t.csv", *arguments)
    table.loc[0, "cost"] += 0.01
    table.to_csv(tmp_path / "t.csv", index=False)
    _, _, error = run("train", "--like", tmp_path / "one", "--out", tmp_path / "two")
    assert error.startswith(f"agnostic-nn: warning: the data are not those of {tmp_path / 'one'}")
    digests = [read(tmp_path / name, "settings.json")["data"]["digest"] for name in ("one", "two")]
    assert digests[0] != digests[1]


def test_what_train_like_refuses(fails, tmp_path):
    fails("train", "--like", tmp_path, words=["holds no settings.json: wanted the folder of a run"])
    (tmp_path / "settings.json").write_text("{")
    fails("train", "--like", tmp_path, words=["like=", "its settings.json is damaged"])
    (tmp_path / "settings.json").write_text('{"settings": {"colour": 1}}')
    fails("train", "--like", tmp_path, words=["'colour'"])
    fails("train", words=["DATA is missing"])


@pytest.mark.usefixtures("undrawn")
def test_a_run_that_was_stopped_goes_on_with_all_it_was_told(run, tmp_path, monkeypatch):
    from agnostic_nn.cli import fitting

    said = ["train", CLINIC, "--target", "ill", "--group", "patient", "--weight", "weight",
            "--class-weight", "balanced", "--patience", "4", "--epochs", "8"]  # fmt: skip
    run(*said, "--out", tmp_path / "whole")

    class Stop(fitting.EpochLines):
        def __call__(self, net, history):
            if history["epoch"][-1] == 3:
                raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(fitting, "EpochLines", Stop)
        code, out, _ = run(*said, "--out", tmp_path / "stopped")
    assert code == 130
    assert f"Go on with: agnostic-nn resume {tmp_path / 'stopped'}" in out
    code, out, error = run("resume", tmp_path / "stopped", "--json")
    assert (code, error) == (0, "")
    assert json.loads(out)["run"] == str(tmp_path / "stopped")
    models = [tmp_path / name / "model.safetensors" for name in ("whole", "stopped")]
    assert models[0].read_bytes() == models[1].read_bytes()
    assert {path.name for path in models[0].parent.iterdir()} == {
        path.name for path in models[1].parent.iterdir()
    }


@pytest.mark.usefixtures("undrawn")
def test_a_run_of_an_earlier_version_goes_on(run, tmp_path, monkeypatch):
    """Whose settings were all that was written, and few."""
    from agnostic_nn.cli import fitting

    class Stop(fitting.EpochLines):
        def __call__(self, net, history):
            if history["epoch"][-1] == 2:
                raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(fitting, "EpochLines", Stop)
        run("train", CLINIC, "--target", "ill", "--recipe", "plain", "--epochs", 4,
            "--out", tmp_path / "run")  # fmt: skip
    old = {"data": str(CLINIC), "target": "ill", "task": None, "test_fraction": 0.2, "seed": 0}
    (tmp_path / "run" / "settings.json").write_text(json.dumps(old))
    code, _, error = run("resume", tmp_path / "run")
    assert (code, error) == (0, "")
    assert (tmp_path / "run" / "report.html").exists()


# The report


class Page(HTMLParser):
    """What a page holds: its text, and what it would fetch."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.fetched, self.text = set(), [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        self.fetched += [
            value for name, value in attributes
            if name in ("src", "href", "xlink:href", "data") and not value.startswith("#")
            and not value.startswith("data:")
        ]  # fmt: skip

    def handle_data(self, data):
        self.text.append(data)


def test_the_report_is_one_page_with_everything_in_it(clinic):
    text = (clinic / "report.html").read_text()
    page = Page(text)
    assert page.fetched == []
    assert not {"script", "link", "iframe"} & page.tags
    assert "url(http" not in text
    assert "@import" not in text
    assert text.count("<svg") == 4
    words = " ".join(page.text)
    for heading in ("Scores", "Training", "Predictions on held-out rows", "By class",
                    "What it leans on", "The rows it got most wrong", "Data",
                    "Choices, and why", "Again"):  # fmt: skip
        assert heading in words
    for said in ("whole groups of 'patient'", "names a row", "says what is held out together",
                 "as asked for", "by default: what the recipe says; plain: 0.001",
                 f"agnostic-nn train --like {clinic}"):  # fmt: skip
        assert said in words
    for score in ("accuracy", "AUC", "calibration error"):
        assert score in words
    assert f"{read(clinic)['test']['network']['accuracy']:.4f}" in words


def test_the_rows_that_are_most_wrong_come_first(clinic):
    held = pd.read_csv(clinic / "predictions.csv")
    sure = held["probability_yes"].where(held["true"] == "yes", held["probability_no"])
    worst = held.loc[sure.idxmin(), "visit"]
    text = (clinic / "report.html").read_text()
    after = text[text.index("The rows it got most wrong") :]
    assert re.search(r"v\d\d\d", after)[0] == worst


def test_names_are_text_in_the_report(run, tmp_path):
    table = pd.read_csv(CLINIC).rename(columns={"age": "<script>alert(1)</script>"})
    table["ill"] = table["ill"].map({"yes": "<b>$x$</b>", "no": "日本 & 語"})
    table.to_csv(tmp_path / "t.csv", index=False)
    arguments = ["--target", "ill", "--epochs", 2, "--out", tmp_path / "run"]
    code, _, error = run("train", tmp_path / "t.csv", *arguments)
    assert (code, error) == (0, "")
    page = Page((tmp_path / "run" / "report.html").read_text())
    assert not {"script", "b script"} & page.tags
    words = " ".join(page.text)
    for name in ("<script>alert(1)</script>", "<b>$x$</b>", "日本 & 語"):
        assert name in words


# What a model says of itself


def test_show(run, clinic):
    code, out, error = run("show", clinic)
    assert (code, error) == (0, "")
    assert "predicts: 'ill', classification of 2 classes: no, yes" in out
    for column in ("day", "age", "arm", "stage", "cost"):
        assert re.search(rf"\b{column}\b", out)
    assert "data: clinic, 120 rows: " in out
    assert "group patient" in out
    assert "held-out rows" in out
    assert f"{read(clinic)['test']['network']['accuracy']:.4f}" in out
    assert str(CLINIC) not in out  # where the data lie is nobody else's affair
    code, out, _ = run("show", clinic / "model.safetensors", "--json")
    found = json.loads(out)
    assert found["run"]["scores"] == {
        part: {name: scores for name, scores in read(clinic)[part].items() if name != "rows"}
        for part in ("train", "validation", "test")
    }
    assert [column["name"] for column in found["columns"]] == [
        "day", "age", "arm", "stage", "weight", "cost",
    ]  # fmt: skip


def test_show_a_model_of_an_earlier_version(run):
    code, out, _ = run("show", OLD_MODEL)
    assert code == 0
    assert "predicts: 'sold'" in out
    assert "tested on: the file does not say" in out
    assert json.loads(run("show", OLD_MODEL, "--json")[1])["run"] is None


def test_show_a_model_that_says_something_else(fails, clinic, tmp_path):
    from agnostic_nn.saving import encode, load_with_preparation

    net, preparation = load_with_preparation(clinic / "model.safetensors")
    for run in ({"data": 3}, {"data": {}, "rows": {}}, [1]):
        write(tmp_path / "m", encode(net, preparation=preparation, run=run))
        fails("show", tmp_path / "m", words=["what it says of its run is damaged"])
    assert "run" in describe(clinic / "model.safetensors")


def test_a_constant_column_of_the_first_rows_is_no_harm(run, tmp_path):
    """A fold may lack what another has: classes and columns are put together by name."""
    table = pd.DataFrame({"x": [i % 7 for i in range(60)], "t": range(60)})
    table["y"] = ["a" if i % 3 else "b" for i in range(60)]
    table.loc[50:, "y"] = ["c", "a"] * 5
    table.to_csv(tmp_path / "t.csv", index=False)
    said = ["--target", "y", "--folds", 3, "--epochs", 1, "--out", tmp_path / "run"]
    code, _, error = run("train", tmp_path / "t.csv", *said)
    assert (code, error) == (0, "")
    held = pd.read_csv(tmp_path / "run" / "predictions.csv")
    assert list(held.columns[-3:]) == ["probability_a", "probability_b", "probability_c"]


@pytest.mark.usefixtures("undrawn")
def test_rows_are_called_by_their_place_whatever_index_a_file_has(run, tmp_path):
    table = pd.read_csv(CLINIC)
    table.set_index("visit").to_parquet(tmp_path / "t.parquet")
    said = ["--target", "ill", "--epochs", 1, "--out", tmp_path / "run"]
    assert run("train", tmp_path / "t.parquet", *said)[0] == 0
    held = pd.read_csv(tmp_path / "run" / "predictions.csv")
    assert (table["ill"].iloc[held["row"] - 1].to_numpy() == held["true"]).all()


@pytest.mark.usefixtures("undrawn")
def test_evaluate_counts_rows_as_training_did(run, tmp_path):
    said = ["--target", "ill", "--weight", "weight", "--epochs", 1, "--out", tmp_path / "run"]
    run("train", CLINIC, *said)
    held, table = pd.read_csv(tmp_path / "run" / "predictions.csv"), pd.read_csv(CLINIC)
    rows = table.iloc[held["row"] - 1]
    rows.to_csv(tmp_path / "held.csv", index=False)
    code, out, error = run("evaluate", tmp_path / "run", tmp_path / "held.csv")
    assert (code, error) == (0, "")
    assert "data: rows count for what 'weight' says, as in training" in out
    found = json.loads(run("evaluate", tmp_path / "run", tmp_path / "held.csv", "--json")[1])
    expected = read(tmp_path / "run")["test"]["network"]
    assert found["network"] == pytest.approx(expected, abs=1e-5)
    rows.drop(columns="weight").to_csv(tmp_path / "plain.csv", index=False)
    _, _, error = run("evaluate", tmp_path / "run", tmp_path / "plain.csv")
    assert error.startswith("agnostic-nn: warning: data has no column 'weight'")


@pytest.mark.usefixtures("undrawn")
def test_what_was_asked_for_stays_asked_for_in_a_run_like_it(run, clinic, tmp_path):
    run("train", "--like", clinic, "--seed", 1, "--out", tmp_path / "run")
    given = read(tmp_path / "run", "settings.json")["given"]
    assert {"target", "group", "epochs", "seed"} <= set(given)
