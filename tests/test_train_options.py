"""What a user says to `agnostic-nn train`: columns, rows, weights, folds, when to stop."""

import json
from pathlib import Path

import pandas as pd
import pytest

from agnostic_nn.cli.data import Source
from agnostic_nn.cli.options import Settings
from agnostic_nn.saving import describe, load

CLINIC = Path(__file__).parent / "data" / "tables" / "clinic.csv"
TRAIN = ["train", CLINIC, "--hidden", "8", "--epochs", "3", "--drop", "visit"]

pytestmark = pytest.mark.usefixtures("undrawn")


@pytest.fixture
def train(run, tmp_path):
    """Train on the clinic's table; return the run's folder and what was printed."""
    runs = []

    def train(*options, target="ill"):
        folder = tmp_path / f"run{len(runs)}"
        runs.append(folder)
        code, out, error = run(*TRAIN, "--target", target, "--out", folder, *options)
        assert (code, error) == (0, "")
        return folder, out

    return train


def columns_of(folder):
    preparation = describe(folder / "model.safetensors")["preparation"]
    return {column["name"]: column["kind"] for column in preparation["columns"]}


def read(folder, name="metrics.json"):
    return json.loads((folder / name).read_text())


def predictions(folder):
    return pd.read_csv(folder / "predictions.csv")


def settings(**changes):
    return Settings(data=[str(CLINIC)], target="ill", **changes)


# Columns


def test_columns_are_dropped_chosen_and_told_what_they_are(train):
    everything = columns_of(train()[0])
    assert set(everything) == {"patient", "day", "age", "arm", "stage", "weight", "cost"}
    assert everything["stage"] == "numeric"
    found = columns_of(
        train("--drop", "patient,day", "--drop", "cost", "--categorical", "stage")[0]
    )
    assert found == {"age": "numeric", "arm": "categorical", "stage": "categorical",
                     "weight": "numeric"}  # fmt: skip
    assert columns_of(train("--features", "age,arm")[0]) == {"age": "numeric", "arm": "categorical"}
    numeric = train("--features", "age", "--numeric", "age", target="cost")[0]
    assert columns_of(numeric) == {"age": "numeric"}


def test_a_column_whose_name_holds_a_comma(run, tmp_path):
    table = pd.DataFrame({"a,b": range(40), "a": [1, 2] * 20, "y": ["u", "v"] * 20})
    table.sample(frac=1.0, random_state=0).to_csv(tmp_path / "t.csv", index=False)
    arguments = ["--target", "y", "--drop", "a,b", "--out", tmp_path / "r", "--epochs", 1]
    assert run("train", tmp_path / "t.csv", *arguments)[0] == 0
    assert set(columns_of(tmp_path / "r")) == {"a"}


def test_a_column_named_twice_is_there_once(train):
    assert columns_of(train("--features", "age,age", "--features", "age")[0]) == {"age": "numeric"}


def test_a_column_that_nothing_can_be_learned_from_may_be_dropped(run, tmp_path):
    table = pd.read_csv(CLINIC).assign(tags=[["a", "b"]] * 120)
    table.to_parquet(tmp_path / "t.parquet")
    said = ["--target", "ill", "--drop", "tags", "--epochs", 1, "--out", tmp_path / "run"]
    assert run("train", tmp_path / "t.parquet", *said)[0] == 0
    digest = read(tmp_path / "run", "settings.json")["data"]["digest"]
    assert run("train", "--like", tmp_path / "run", "--out", tmp_path / "again")[2] == ""
    table.assign(tags=[["a", "c"]] * 120).to_parquet(tmp_path / "t.parquet")
    run("train", "--like", tmp_path / "run", "--out", tmp_path / "other")
    assert read(tmp_path / "again", "settings.json")["data"]["digest"] == digest
    assert read(tmp_path / "other", "settings.json")["data"]["digest"] != digest


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--drop", "agee"], "drop='agee' is not known. Did you mean 'age'?"),
        (["--features", "age,arn"], "features='arn' is not known. Did you mean 'arm'?"),
        (["--categorical", "sage"], "categorical='sage' is not known"),
        (["--numeric", "arm"], "column 'arm'"),
        (["--id", "name"], "id='name' is not known"),
        (["--group", "patients"], "group='patients' is not known. Did you mean 'patient'?"),
        (["--weight", "ill"], "weight='ill' is the target: wanted another column."),
        (["--weight", "arm"], "weight='arm' holds 'C' in 120 of 120 rows: wanted numbers"),
        (["--features", "age", "--drop", "age"], "no column is left to predict from"),
        (["--time", "day", "--group", "patient"], "group='patient' and time='day': wanted one"),
        (["--folds", "1"], "folds=1: wanted a whole number at least 2"),
        (["--repeats", "2"], "repeats=2: wanted folds as well"),
        (["--folds", "3", "--checkpoint-every", "1"], "checkpoint_every=1 and folds=3: wanted one"),
        (["--validation", "1.5"], "validation=1.5"),
        (["--patience", "0"], "patience=0: wanted a whole number at least 1"),
        (["--weight-decay", "-1"], "weight_decay=-1.0"),
        (["--n-ens", "0"], "n_ens=0: wanted a whole number at least 1"),
        (["--class-weight", "equal"], "class_weight='equal' is not known"),
        (["--metric", "acuracy"], "metric='acuracy' is not known. Did you mean 'accuracy'?"),
        (["--metric", "rmse"], "The task is classification."),
    ],
)
def test_what_is_refused(fails, tmp_path, options, words):
    fails(*TRAIN, "--target", "ill", "--out", tmp_path / "run", *options, words=[words])
    assert not (tmp_path / "run").exists()


def test_class_weights_want_classes(fails, tmp_path):
    words = ["class_weight='balanced': wanted classes, the task is regression"]
    fails(*TRAIN, "--target", "cost", "--class-weight", "balanced", words=words)


def test_the_column_that_names_rows_is_carried_through(run, tmp_path):
    arguments = ["train", CLINIC, "--target", "ill", "--id", "visit", "--epochs", "1"]
    assert run(*arguments, "--out", tmp_path / "run")[0] == 0
    assert "visit" not in columns_of(tmp_path / "run")
    held, table = predictions(tmp_path / "run"), pd.read_csv(CLINIC)
    assert (table["visit"].iloc[held["row"] - 1].to_numpy() == held["visit"]).all()
    assert (table["ill"].iloc[held["row"] - 1].to_numpy() == held["true"]).all()
    run("predict", tmp_path / "run", CLINIC, "--out", tmp_path / "p.csv")
    answers = pd.read_csv(tmp_path / "p.csv")
    assert list(answers.columns) == ["visit", "prediction", "probability_no", "probability_yes"]
    assert (answers["visit"] == table["visit"]).all()
    table.drop(columns="visit").to_csv(tmp_path / "unnamed.csv", index=False)
    run("predict", tmp_path / "run", tmp_path / "unnamed.csv", "--out", tmp_path / "q.csv")
    assert list(pd.read_csv(tmp_path / "q.csv").columns) == list(answers.columns)[1:]


def test_the_name_of_rows_is_not_one_that_predictions_have(fails, tmp_path):
    pd.read_csv(CLINIC).rename(columns={"visit": "row"}).to_csv(tmp_path / "t.csv", index=False)
    words = ["id='row': predictions have a column of that name"]
    fails("train", tmp_path / "t.csv", "--target", "ill", "--id", "row", words=words)


# Rows


def test_groups_are_held_out_whole(train):
    folder, out = train("--group", "patient")
    assert "held out (whole groups of 'patient')" in out
    assert "patient" not in columns_of(folder)
    table = pd.read_csv(CLINIC)
    held = predictions(folder)["row"] - 1
    assert not set(table["patient"].iloc[held]) & set(table["patient"].drop(held))


def test_the_latest_rows_are_held_out(train):
    folder, out = train("--time", "day", "--patience", "2")
    assert "12 watched, 24 held out (the latest by 'day')" in out or "held out (the latest" in out
    table = pd.read_csv(CLINIC)
    held = predictions(folder)["row"] - 1
    assert table["day"].iloc[held].min() > table["day"].drop(held).max()
    assert "day" not in columns_of(folder)
    assert "day" in columns_of(train("--time", "day", "--features", "day,age")[0])


def test_folds_hold_each_row_out_once_and_the_model_has_seen_all(train):
    folder, out = train("--recipe", "plain", "--folds", "3", "--repeats", "2", "--group", "patient")
    assert "fold 6 of 6: test accuracy: " in out
    assert "240 held-out rows, mean and standard deviation over 6 folds" in out
    assert " ± " in out.splitlines()[-2]
    found, held = read(folder), predictions(folder)
    assert len(found["folds"]) == 6
    values = pd.Series([fold["network"]["accuracy"] for fold in found["folds"]])
    assert found["test"]["network"]["accuracy"] == pytest.approx(values.mean())
    assert found["spread"]["network"]["accuracy"] == pytest.approx(values.std())
    assert set(found["folds"][0]) == {"network", "linear model", "baseline"}
    assert found["train"]["rows"] == 120
    patients = pd.read_csv(CLINIC)["patient"]
    for _, repeat in held.groupby("repeat"):
        assert sorted(repeat["row"]) == list(range(1, 121))
        assert (
            repeat.groupby(patients.iloc[repeat["row"] - 1].to_numpy())["fold"].nunique().max() == 1
        )
    held["right"] = held["true"] == held["prediction"]
    right = held.groupby(["repeat", "fold"])["right"].mean()
    assert right.tolist() == pytest.approx(values.tolist())


def test_folds_of_many_classes(train):
    folder, _ = train("--folds", "3", target="arm")
    held = predictions(folder)
    names = [f"probability_{label}" for label in "ABC"]
    assert list(held.columns) == ["row", "repeat", "fold", "true", "prediction", *names]
    assert held[names].sum(axis=1).tolist() == pytest.approx([1.0] * 120, abs=1e-4)
    best = held[names].idxmax(axis=1).str.removeprefix("probability_")
    assert (best == held["prediction"]).all()


def test_folds_of_a_quantity_are_on_its_scale(train):
    held = predictions(train("--folds", "3", "--features", "age,stage", "--epochs", "60",
                             target="cost")[0])  # fmt: skip
    assert held["true"].corr(held["prediction"]) > 0.9
    assert abs(held["true"].mean() - held["prediction"].mean()) < 10.0


# Weights


def test_weights_count_in_training_and_in_scores(train):
    plain, weighted = train("--drop", "weight")[0], train("--weight", "weight")[0]
    assert columns_of(plain) == columns_of(weighted)
    thetas = [load(folder / "model.safetensors").theta for folder in (plain, weighted)]
    assert (thetas[0] != thetas[1]).any()
    held = predictions(weighted)
    weight = pd.read_csv(CLINIC)["weight"].iloc[held["row"] - 1].to_numpy()
    right = (held["true"] == held["prediction"]).to_numpy()
    accuracy = read(weighted)["test"]["network"]["accuracy"]
    assert accuracy == pytest.approx((right * weight).sum() / weight.sum())


def test_balanced_classes_count_the_same_together():
    data = Source.read(settings(class_weight="balanced")).divide(settings(class_weight="balanced"))
    part = data.train
    weights = pd.Series(part.cost_weight).groupby(part.examples.y.to_numpy()).sum()
    assert weights["yes"] == pytest.approx(weights["no"])
    assert part.weight is None  # scores count rows as they are
    both = settings(class_weight="balanced", weight="weight")
    part = Source.read(both).divide(both).train
    expected = part.examples.weight * part.examples.y.map(part.class_weight)
    assert part.cost_weight.tolist() == pytest.approx(expected.tolist())


def test_balanced_classes_are_found_more_often(train):
    options = ["--epochs", "40", "--features", "age,arm,stage"]
    recalls = [
        read(train(*options, *more)[0])["by_class"][1]["recall"]
        for more in ([], ["--class-weight", "balanced"])
    ]
    assert recalls[1] >= recalls[0]
    folder, _ = train("--class-weight", "balanced")
    assert (load(folder / "model.safetensors").theta
            != load(train()[0] / "model.safetensors").theta).any()  # fmt: skip


# When to stop, and the rest


def test_patience_stops_on_rows_that_are_watched(train):
    folder, out = train(
        "--recipe", "plain", "--patience", "2", "--epochs", "400", "--learning-rate", "0.05"
    )
    assert "10 watched, 24 held out" in out
    history = pd.read_csv(folder / "history.csv")
    assert len(history) < 400
    assert read(folder, "settings.json")["settings"]["validation"] == 0.1
    best = history["validation_cost"].idxmin()
    assert len(history) == best + 1 + 2
    found = read(folder)
    assert [found[part]["rows"] for part in ("train", "validation", "test")] == [86, 10, 24]
    # the model is that of the best epoch
    assert found["validation"]["network"]["log_loss"] == pytest.approx(
        history["validation_cost"].min(), rel=1e-4
    )


def test_rows_may_be_watched_without_deciding_anything(train):
    folder, _ = train("--validation", "0.25")
    assert read(folder)["validation"]["rows"] == 24
    assert len(pd.read_csv(folder / "history.csv")) == 3


def test_weight_decay_reaches_the_optimizer(train):
    folders = [train("--recipe", "plain", "--weight-decay", decay)[0] for decay in ("0", "50")]
    norms = [float((load(folder / "model.safetensors").theta ** 2).sum()) for folder in folders]
    assert norms[1] < norms[0]


def test_the_score_that_leads(train):
    folder, out = train("--metric", "auc")
    assert out.splitlines()[-2].startswith("test AUC: ")
    assert read(folder)["metric"] == "auc"
    assert read(train("--metric", "mae", target="cost")[0])["metric"] == "mae"


def test_words_that_stand_for_no_value(run, tmp_path):
    table = pd.read_csv(CLINIC)
    table.loc[::3, "arm"] = "unknown"
    table.to_csv(tmp_path / "t.csv", index=False)
    arguments = ["train", tmp_path / "t.csv", "--target", "ill", "--epochs", 1]
    run(*arguments, "--out", tmp_path / "plain")
    run(*arguments, "--na", "unknown,nothing", "--out", tmp_path / "said")
    kinds = [
        next(c for c in describe(tmp_path / name / "model.safetensors")["preparation"]["columns"]
             if c["name"] == "arm")["categories"]
        for name in ("plain", "said")
    ]  # fmt: skip
    assert "unknown" in kinds[0]
    assert "unknown" not in kinds[1]


def test_several_files_are_one_table(run, tmp_path):
    table = pd.read_csv(CLINIC)
    table[:60].to_csv(tmp_path / "a.csv", index=False)
    table[60:].to_csv(tmp_path / "b.csv", index=False)
    arguments = ["--target", "ill", "--epochs", 1, "--out", tmp_path / "run"]
    code, out, _ = run("train", tmp_path / "a.csv", tmp_path / "b.csv", *arguments)
    assert code == 0
    assert "data: a, 120 rows" in out


def test_a_fit_is_a_function_of_data_and_settings():
    """What a recipe replaces: no command, no folder."""
    from agnostic_nn import get_backend
    from agnostic_nn.cli import fitting
    from agnostic_nn.cli.choices import settled
    from agnostic_nn.cli.parts import TaskData

    chosen = settings(drop=["visit"], epochs=2, hidden="4")
    data = Source.read(chosen).divide(chosen)
    net = fitting.fit(data, settled(chosen, len(data.train)), get_backend("numpy"))
    assert net.training.history["epoch"] == [1, 2]
    assert isinstance(data, TaskData)


def test_all_of_it_on_a_strict_device(train):
    """What is said reaches a device that the host cannot reach into, with the same numbers."""
    pytest.importorskip("array_api_strict")
    said = ["--weight", "weight", "--class-weight", "balanced", "--patience", "2", "--group",
            "patient", "--folds", "2"]  # fmt: skip
    scores = [
        read(train(*said, "--backend", backend)[0])["test"]["network"]
        for backend in ("numpy", "array_api_strict:device1")
    ]
    assert scores[0] == pytest.approx(scores[1], abs=1e-4)


def test_a_number_far_from_those_of_training(fails, tmp_path):
    """In float32 it would be infinite, and not even a message of NumPy may say so."""
    table = pd.DataFrame({"x": [(7 * i) % 13 / 13 for i in range(60)], "y": ["u", "v"] * 30})
    table.loc[59, "x"] = 1e300
    table["t"] = range(60)
    table.to_csv(tmp_path / "t.csv", index=False)
    said = ["--target", "y", "--time", "t", "--epochs", 1, "--out", tmp_path / "r"]
    words = ["data holds 1e+300 in the column 'x', which is too far from the numbers of training"]
    fails("train", tmp_path / "t.csv", *said, words=words)
