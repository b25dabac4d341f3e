"""`agnostic-nn train --recipe`: recipes on the command line, and all that reads their models."""

import json
import math

import numpy as np
import pytest

import agnostic_nn as ann
from agnostic_nn.tabular import Preparation
from agnostic_nn.tabular.importance import permutation_importance
from agnostic_nn.tabular.recipes import RECIPES, get_recipe
from agnostic_nn.tabular.scores import SCORES, scores_of
from agnostic_nn.tabular.splits import Splits

pd = pytest.importorskip("pandas")
pytest.importorskip("typer")


@pytest.fixture(scope="module")
def frame():
    """A table in which `x` and `city` decide, `noise` does not, and much is of another kind."""
    random = np.random.default_rng(0)
    n = 300
    frame = pd.DataFrame({
        "noise": random.random(n),
        "city": random.choice([f"c{i}" for i in range(12)], n),
        "member": random.random(n) < 0.5,
        "x": random.random(n),
        "size": random.choice(["small", "large"], n),
        "since": pd.Timestamp("2024-01-01") + pd.to_timedelta(random.integers(0, 900, n), unit="D"),
    })  # fmt: skip
    frame.loc[::9, "noise"] = None
    frame["sold"] = np.where((frame["x"] > 0.5) ^ (frame["city"] < "c2"), "yes", "no")
    frame["price"] = 3.0 * frame["x"] + (frame["city"] < "c2")
    return frame


@pytest.fixture
def run(capfdbinary, monkeypatch):
    from agnostic_nn.cli import common, main, pictures

    monkeypatch.setattr(pictures, "of_run", lambda *_: [])
    monkeypatch.setattr(common, "FIRST_LINE", math.inf)  # however busy the machine is

    def run(*arguments):
        with pytest.raises(SystemExit) as exit_:
            main([str(argument) for argument in arguments])
        out, error = capfdbinary.readouterr()
        return exit_.value.code, out.decode(), error.decode()

    return run


@pytest.mark.parametrize("target", ["sold", "price"])
@pytest.mark.parametrize("recipe", list(RECIPES))
def test_a_model_answers_as_it_was_tested(run, frame, tmp_path, recipe, target):
    frame.to_parquet(tmp_path / "t.parquet")
    folder = tmp_path / "run"
    said = ["--target", target, "--recipe", recipe, "--epochs", 2 if recipe == "tabm" else 12]
    code, out, error = run("train", tmp_path / "t.parquet", *said, "--out", folder)
    assert (code, error) == (0, "")
    assert f"recipe: {recipe}" in out
    assert "192 rows, 48 watched, 60 held out" in out
    held = pd.read_csv(folder / "predictions.csv")
    found = json.loads((folder / "metrics.json").read_text())["test"]["network"]
    if target == "sold":
        assert found["accuracy"] == pytest.approx((held["true"] == held["prediction"]).mean())
    else:
        assert found["rmse"] == pytest.approx(
            ((held["true"] - held["prediction"]) ** 2).mean() ** 0.5
        )
    # the model that was saved says the same of the same rows
    model = ann.load(folder / "model.safetensors")
    rows = frame.iloc[held["row"] - 1]
    again = model.predict(rows.drop(columns=["sold", "price"]).assign(
        **{name: rows[name] for name in ("sold", "price") if name != target}))  # fmt: skip
    if target == "sold":
        assert again.tolist() == held["prediction"].tolist()
    else:
        np.testing.assert_allclose(again, held["prediction"], rtol=1e-5)
    rows.to_parquet(tmp_path / "held.parquet")
    code, out, _ = run("evaluate", folder, tmp_path / "held.parquet", "--json")
    assert code == 0
    assert json.loads(out)["network"] == pytest.approx(found, rel=1e-4)


@pytest.mark.parametrize("recipe", ["realmlp-s", "plain"])
def test_several_networks_are_one_model(run, frame, tmp_path, recipe):
    frame.to_parquet(tmp_path / "t.parquet")
    said = ["--target", "sold", "--recipe", recipe, "--epochs", 1, "--hidden", "16,8", "--seed", 5]
    for name, more in (("one", []), ("three", ["--n-ens", 3]), ("again", ["--n-ens", 3])):
        folder = tmp_path / name
        code, _, error = run("train", tmp_path / "t.parquet", *said, *more, "--out", folder)
        assert (code, error) == (0, "")
    one, three, again = (
        ann.load(tmp_path / name / "model.safetensors") for name in ("one", "three", "again")
    )
    assert three.network_.objective.layers.members == 3
    np.testing.assert_array_equal(three.network_.theta, again.network_.theta)
    first, *others = ann.members_of(three.network_)
    assert first.objective == one.network_.objective
    # dropout masks are drawn for all at once, and so are others
    if recipe == "realmlp-s":
        np.testing.assert_allclose(first.theta, one.network_.theta, rtol=0, atol=1e-4)
    assert all(np.abs(net.theta - first.theta).max() > 0.1 for net in others)
    held = pd.read_csv(tmp_path / "three" / "predictions.csv")
    rows = frame.iloc[held["row"] - 1].drop(columns="sold")
    assert three.predict(rows).tolist() == held["prediction"].tolist()


def test_the_linear_model_reads_the_plain_table(run, frame, tmp_path):
    """It is the same, on the same rows, whatever the network reads."""
    frame.to_parquet(tmp_path / "t.parquet")
    found = []
    for recipe in ("plain", "realmlp"):
        said = ["--recipe", recipe, "--validation", "0.2", "--epochs", 1, "--drop", "price"]
        folder = tmp_path / recipe
        run("train", tmp_path / "t.parquet", "--target", "sold", *said, "--out", folder)
        found.append(json.loads((folder / "metrics.json").read_text())["test"])
    assert found[0]["linear model"] == pytest.approx(found[1]["linear model"])
    assert found[0]["baseline"] == pytest.approx(found[1]["baseline"])


@pytest.mark.parametrize("recipe", [None, *RECIPES])
def test_every_input_has_the_column_it_is_made_of(frame, recipe):
    """Shuffling a column changes the inputs that are its own, and no others."""
    X = frame.drop(columns=["sold", "price"])
    preparation = Preparation.fit(X, frame["sold"])
    if recipe is not None:
        preparation = get_recipe(recipe)().prepared(preparation, preparation.blocks(X))
    before = preparation.features(X)
    owners = np.asarray(preparation.owners)
    assert len(owners) == before.shape[1] == len(preparation.feature_names)
    assert len(set(preparation.feature_names)) == len(owners)
    order = np.random.default_rng(1).permutation(len(X))
    for column in X.columns:
        after = preparation.features(X.assign(**{column: X[column].to_numpy()[order]}))
        changed = (after != before).any(axis=0)
        assert changed.any()
        np.testing.assert_array_equal(changed, owners == column)


def test_importance_is_of_columns_whatever_the_network_reads(frame):
    X = frame.drop(columns=["sold", "price"])
    preparation = Preparation.fit(X, frame["sold"])
    preparation = get_recipe("realmlp")().prepared(preparation, preparation.blocks(X))
    place = preparation.feature_names.index("x")

    def predict(inputs):
        yes = (inputs[:, [place]] > 0.0).astype(float)
        return np.hstack([1.0 - yes, yes])

    found = permutation_importance(
        predict, preparation, preparation.features(X), preparation.targets(frame["sold"]),
        score=SCORES["classification"][0],
    )  # fmt: skip
    assert found[0].column == "x"
    assert found[0].mean > 0.1
    assert {one.mean for one in found[1:]} == {0.0}


def test_scores_of_two_classes_with_an_output_each(frame):
    X = frame[["x"]]
    plain = Preparation.fit(X, frame["sold"])
    two = get_recipe("realmlp-s")().prepared(plain, plain.blocks(X))
    P = np.random.default_rng(0).random((len(frame), 1))
    one = scores_of(plain, plain.targets(frame["sold"]), P)
    both = scores_of(two, two.targets(frame["sold"]), np.hstack([1.0 - P, P]))
    assert one == pytest.approx(both)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (["--recipe", "realmpl"], ["recipe='realmpl'", "'realmlp'", "plain"]),
        (["--recipe", "realmlp", "--activation", "relu"], ["activation='relu'", "realmlp"]),
        (["--recipe", "tabm", "--hidden", "8"], ["hidden='8'", "no such setting"]),
        (["--recipe", "realmlp", "--learning-rate", "0"], ["learning_rate=0.0", "above 0"]),
        (["--time-limit", "0"], ["time_limit=0.0", "above 0"]),
    ],
)  # fmt: skip
def test_what_is_refused(run, tmp_path, said, words):
    code, _, error = run("train", "iris", *said, "--out", tmp_path / "r")
    assert code == 2
    assert error.count("\n") == 1
    for word in words:
        assert word in error
    assert not (tmp_path / "r").exists()


def test_which_recipe(run, tmp_path):
    for name, said, recipe in [("a", [], "realmlp"), ("b", ["--activation", "tanh"], "plain"),
                               ("c", ["--optimizer", "sgd"], "plain")]:  # fmt: skip
        _, out, _ = run("train", "iris", *said, "--epochs", 1, "--out", tmp_path / name)
        assert f"recipe: {recipe}\n" in out or f"recipe: {recipe}, as --" in out
    # another recipe says the rest anew, but for what was asked for
    code, out, _ = run("train", "--like", tmp_path / "b", "--recipe", "realmlp-s",
                       "--out", tmp_path / "d")  # fmt: skip
    assert code == 2  # tanh was asked for
    _, out, _ = run("train", "--like", tmp_path / "a", "--recipe", "plain", "--out", tmp_path / "e")
    assert "recipe: plain" in out
    assert "1 epochs" in out


def test_a_time_limit_ends_a_run_with_the_best_so_far(run, tmp_path):
    """As if no time were left: one epoch is what there is."""
    _, out, _ = run("train", "iris", "--time-limit", "0.001", "--out", tmp_path / "r")
    assert "training: 1 of at most 256 epochs, within time_limit=0.001" in out
    assert (tmp_path / "r" / "model.safetensors").exists()
    code, out, _ = run("train", "iris", "--time-limit", "0.001", "--folds", 3, "--drop",
                       "sepal width (cm)", "--out", tmp_path / "f")  # fmt: skip
    assert code == 0
    assert out.count("1 of at most 256") == 4


def test_watched_rows_of_few():
    """A class of one row is learned from, and not watched; nothing is watched where nothing is."""
    y = pd.Series(["a"] * 10 + ["b"], name="y")
    splits = Splits(y, True, 0)
    for seed in range(5):
        kept, held = Splits(y, True, seed).watch(0.2, splits.rows)
        assert sorted([*kept, *held]) == list(range(11))
        assert 10 in kept
        assert len(held) > 0
    kept, held = splits.watch(0.2, splits.rows[:1])
    assert (list(kept), held) == ([0], None)


@pytest.mark.parametrize("recipe", ["realmlp", "realmlp-s"])
def test_a_recipe_goes_on_to_the_same_end(run, tmp_path, monkeypatch, recipe):
    from agnostic_nn.cli import fitting

    class Stop(fitting.EpochLines):
        def __call__(self, net, history):
            if history["epoch"][-1] == 3:
                raise KeyboardInterrupt

    said = ["--recipe", recipe, "--epochs", 6, "--checkpoint-every", 1]
    run("train", "iris", *said, "--out", tmp_path / "whole")
    with monkeypatch.context() as patch:
        patch.setattr(fitting, "EpochLines", Stop)
        assert run("train", "iris", *said, "--out", tmp_path / "run")[0] == 130
    code, _, error = run("resume", tmp_path / "run")
    assert (code, error) == (0, "")
    whole, again = (
        ann.saving.load(tmp_path / name / "model.safetensors") for name in ("whole", "run")
    )
    np.testing.assert_array_equal(whole.theta, again.theta)
