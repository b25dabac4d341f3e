"""The command line: what a person sees, what lies on the disk after, and every error's line."""

import io
import os
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

import agnostic_nn as ann
from agnostic_nn.cli import main
from agnostic_nn.installing import install_line
from agnostic_nn.saving import load, save

pd = pytest.importorskip("pandas")
pytest.importorskip("typer")

QUICK = ["--hidden", "8", "--epochs", "3"]
without_gpu = pytest.mark.skipif(
    ann.get_backend("auto").name.startswith("cupy"), reason="there is a GPU here"
)
PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """A folder with a table of mixed columns as shop.csv and shop.parquet."""
    folder = tmp_path_factory.mktemp("shop")
    random = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "age": random.integers(18, 80, 120),
            "city": random.choice(["Rome", "Oslo", "Bonn"], 120),
            "member": random.random(120) < 0.5,
        }
    )
    frame["price"] = 2.0 * frame["age"] + 10.0 * frame["member"] + random.random(120)
    frame["bought"] = np.where((frame["city"] == "Rome") | (frame["age"] > 60), "yes", "no")
    frame.to_csv(folder / "shop.csv", index=False)
    frame.to_parquet(folder / "shop.parquet")
    return folder


@pytest.fixture(scope="module")
def iris(tmp_path_factory):
    """The run folder of a quick training on iris."""
    folder = tmp_path_factory.mktemp("runs") / "iris"
    with pytest.raises(SystemExit) as exit_:
        main(["train", "iris", "--out", str(folder), "--epochs", "40"])
    assert exit_.value.code == 0
    return folder


# train


def test_train_classifier(run, tmp_path):
    code, out, error = run("train", "digits", "--out", tmp_path / "run", *QUICK)
    assert (code, error) == (0, "")
    lines = out.splitlines()
    assert lines[0].startswith("backend: ")
    assert "data: digits, 1,797 rows, 59 numeric columns, 59 inputs" in lines
    assert "recipe: realmlp" in lines
    assert "10 classes (the target is whole numbers, 10 distinct values in 1797 rows)" in out
    assert "baseline (majority class)" in out
    assert "log-loss" in out
    assert "examples/s" in out
    assert lines[-2].startswith("test accuracy: 0.")
    assert lines[-1] == f"pictures: {tmp_path / 'run'}"
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == [
        "calibration.png",
        "confusion_matrix.png",
        "history.csv",
        "importance.png",
        "learning_curves.png",
        "metrics.json",
        "model.safetensors",
        "predictions.csv",
        "report.html",
        "settings.json",
    ]
    history = pd.read_csv(tmp_path / "run" / "history.csv")
    assert history["epoch"].tolist() == [1, 2, 3]
    assert {"cost", "validation_cost", "validation_score", "seconds"} <= set(history.columns)
    for picture in (tmp_path / "run").glob("*.png"):
        assert picture.read_bytes().startswith(PNG)
    net = load(tmp_path / "run" / "model.safetensors")
    assert (net.objective.widths[0], net.objective.widths[-1]) == (59, 10)


def test_train_regressor(run, tmp_path):
    code, out, _ = run("train", "diabetes", "--out", tmp_path / "run", *QUICK)
    assert code == 0
    assert "regression of 'target' (the target is whole numbers, 214 distinct" in out
    assert "baseline (mean)" in out
    for score in ("R2", "RMSE (in units of target)", "MAE (in units of target)"):
        assert score in out
    assert out.splitlines()[-2].startswith("test R2: ")
    assert (tmp_path / "run" / "predicted_against_true.png").read_bytes().startswith(PNG)


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize(("data", "least"), [("breast_cancer", 0.95), ("diabetes", 0.33)])
def test_the_defaults_are_good(run, tmp_path, data, least):
    _, out, _ = run("train", data, "--out", tmp_path / "run")
    assert float(out.splitlines()[-2].split()[-1]) >= least


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_train_on_a_file_of_mixed_columns(run, shop, tmp_path, ending):
    code, out, _ = run(
        "train", shop / f"shop.{ending}", "--target", "bought", "--out", tmp_path / "run"
    )
    assert code == 0
    assert "3 numeric columns and 1 column of categories, 6 inputs" in out
    assert "2 classes (the target is text)" in out
    assert float(out.splitlines()[-2].split()[-1]) >= 0.9

    # the order of the columns does not matter, and the target need not be there
    frame = pd.read_csv(shop / "shop.csv")
    frame[["price", "member", "city", "age"]].to_csv(tmp_path / "new.csv", index=False)
    code, out, _ = run("predict", tmp_path / "run", tmp_path / "new.csv")
    answer = pd.read_csv(io.StringIO(out))
    assert list(answer.columns) == ["prediction", "probability_no", "probability_yes"]
    assert (answer["prediction"] == frame["bought"]).mean() >= 0.9
    np.testing.assert_allclose(answer["probability_no"] + answer["probability_yes"], 1.0, atol=1e-5)


@pytest.mark.usefixtures("undrawn")
def test_train_a_quantity_in_its_units(run, shop, tmp_path):
    csv = shop / "shop.csv"
    code, out, _ = run("train", csv, "--target", "price", "--out", tmp_path / "run")
    assert code == 0
    assert float(out.splitlines()[-2].split()[-1]) > 0.9
    code, out, _ = run("predict", tmp_path / "run", csv, "--out", tmp_path / "p.csv")
    assert out == f"120 predictions: {tmp_path / 'p.csv'}\n"
    answer = pd.read_csv(tmp_path / "p.csv")
    assert list(answer.columns) == ["prediction"]
    assert np.corrcoef(answer["prediction"], pd.read_csv(csv)["price"])[0, 1] > 0.9


@pytest.mark.usefixtures("undrawn")
def test_train_on_arrays(run, tmp_path):
    X, y = np.random.default_rng(0).random((60, 3)), np.arange(60) % 2
    np.savez(tmp_path / "a.npz", X=X, y=y)
    np.save(tmp_path / "a.npy", np.column_stack([y, X]))
    assert run("train", tmp_path / "a.npz", "--out", tmp_path / "1", *QUICK)[0] == 0
    arguments = ["--target", "0", "--out", tmp_path / "2", *QUICK]
    assert run("train", tmp_path / "a.npy", *arguments)[0] == 0
    assert run("predict", tmp_path / "2", tmp_path / "a.npy")[1].count("\n") == 61


def test_options_reach_the_network(run, tmp_path):
    code, out, error = run(
        "train", "wine", "--out", tmp_path / "run", "--epochs", 2, "--hidden", "7,5",
        "--activation", "tanh", "--optimizer", "momentum", "--learning-rate", "0.01",
        "--batch-size", 50, "--dropout", 0.1, "--dtype", "float64", "--seed", 3,
        "--test-fraction", 0.5, "--backend", "numpy", "--task", "classification",
    )  # fmt: skip
    assert (code, error) == (0, "")
    assert "backend: numpy: as --backend says" in out
    assert "Network([13, 7, 5, 3], tanh, tanh, softmax" in out
    assert (
        "89 rows, 89 held out; 2 epochs in batches of 50, momentum from learning rate 0.01" in out
    )
    assert "(as --task says)" in out
    net = load(tmp_path / "run" / "model.safetensors")
    assert (net.seed, net.dtype_name, net.objective.perceptron.dropout) == (
        3,
        "float64",
        (0.1, 0.1, 0.0),
    )


@pytest.mark.usefixtures("undrawn")
def test_a_backend_other_than_numpy(run, tmp_path):
    pytest.importorskip("array_api_strict")
    backend = ["--backend", "array_api_strict"]
    assert run("train", "iris", "--out", tmp_path / "r", *QUICK, *backend)[0] == 0
    one, other = (run("predict", tmp_path / "r", "iris", *choice)[1] for choice in ([], backend))
    one, other = (pd.read_csv(io.StringIO(text)) for text in (one, other))
    assert (one["prediction"] == other["prediction"]).all()
    assert run("evaluate", tmp_path / "r", "iris", *backend)[0] == 0


@pytest.mark.usefixtures("undrawn")
def test_no_hidden_layer(run, tmp_path):
    code, out, _ = run("train", "iris", "--out", tmp_path / "r", "--recipe", "plain",
                       "--hidden", 0, "--epochs", 2)  # fmt: skip
    assert code == 0
    assert "Network([4, 3], softmax" in out


@pytest.mark.usefixtures("undrawn")
def test_task_overrides_what_the_target_looks_like(run, tmp_path):
    path = tmp_path / "a.csv"
    pd.DataFrame({"x": range(60), "y": [1, 2, 3] * 20}).to_csv(path, index=False)
    arguments = ["train", path, "--target", "y", *QUICK]
    assert "classification of 'y'" in run(*arguments, "--out", tmp_path / "1")[1]
    out = run(*arguments, "--out", tmp_path / "2", "--task", "regression")[1]
    assert "regression of 'y' (as --task says)" in out


@pytest.mark.usefixtures("undrawn")
def test_a_seed_decides_everything(run, tmp_path):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        run("train", "wine", "--out", tmp_path / name, "--seed", seed, *QUICK)
    a, b, c = (load(tmp_path / name / "model.safetensors").theta for name in "abc")
    np.testing.assert_array_equal(a, b)
    assert (a != c).any()
    histories = [pd.read_csv(tmp_path / name / "history.csv")["cost"].tolist() for name in "ab"]
    assert histories[0] == histories[1]


@pytest.mark.usefixtures("undrawn")
def test_default_folder_is_new_each_time(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(time, "strftime", lambda form: form.replace("%Y%m%d-%H%M%S", "now"))
    for _ in range(3):
        assert run("train", "iris", *QUICK)[0] == 0
    assert sorted(path.name for path in (tmp_path / "runs").iterdir()) == [
        "iris-now",
        "iris-now_2",
        "iris-now_3",
    ]


@pytest.mark.usefixtures("undrawn")
def test_default_folders_of_a_name_with_an_underscore(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(time, "strftime", lambda form: form.replace("%Y%m%d-%H%M%S", "now"))
    frame = pd.DataFrame({"x": range(40), "y": ["a", "b"] * 20})
    frame.to_csv("big_%H.csv", index=False)
    for _ in range(2):
        assert run("train", "big_%H.csv", "--target", "y", *QUICK)[0] == 0
    names = sorted(path.name for path in (tmp_path / "runs").iterdir())
    assert names == ["big_%H-now", "big_%H-now_2"]


@pytest.mark.usefixtures("undrawn")
def test_the_environment_names_a_backend(run, tmp_path, monkeypatch):
    monkeypatch.setenv("AGNOSTIC_NN_BACKEND", "numpy")
    out = run("train", "iris", "--out", tmp_path / "run", *QUICK)[1]
    assert out.startswith("backend: numpy: as AGNOSTIC_NN_BACKEND says")


@pytest.mark.usefixtures("undrawn")
@without_gpu
def test_auto_says_why_there_is_no_gpu(run, tmp_path, monkeypatch):
    monkeypatch.delenv("AGNOSTIC_NN_BACKEND", raising=False)
    out = run("train", "iris", "--out", tmp_path / "run", *QUICK)[1]
    assert re.match(r"backend: (numpy|numba): no usable CUDA GPU \(cupy: ", out)


STRANGE = (
    "a$_\x1b[31m\n$b^{\u202e\u4f60"  # a formula, colours, lines, the other direction, no glyph
)
ESCAPED = r"a$_\x1b[31m\n$b^{\u202e\u4f60".replace(r"\u4f60", "\u4f60")


@pytest.mark.parametrize("kind", ["class", "quantity"])
def test_names_are_shown_and_not_obeyed(run, tmp_path, kind):
    y = [STRANGE, "b"] * 30 if kind == "class" else np.linspace(0.0, 1.0, 60)
    frame = pd.DataFrame({"x": np.arange(60.0), STRANGE: y})
    frame.to_csv(tmp_path / "a\x1b[2J.csv", index=False)
    out_folder = tmp_path / "run\x07"
    code, out, error = run(
        "train", tmp_path / "a\x1b[2J.csv", "--target", STRANGE, "--out", out_folder, *QUICK
    )
    assert (code, error) == (0, "")
    assert {"learning_curves.png", "report.html"} <= {path.name for path in out_folder.iterdir()}
    code, again, error = run("evaluate", out_folder, tmp_path / "a\x1b[2J.csv")
    assert code == 0
    assert "38 of 60 rows are equal" in error
    for shown in (out, again):
        assert all(each.isprintable() for each in shown.replace("\n", ""))
        assert r"a\x1b[2J" in shown
    if kind == "quantity":
        assert ESCAPED in out.replace("\n", "")
    _, _, error = run("train", tmp_path / "a\x1b[2J.csv", "--target", "z")
    assert ESCAPED.replace(r"\n", " ") in error  # an error is a line, whatever is in it
    assert error[:-1].isprintable()


@pytest.mark.usefixtures("undrawn")
def test_predictions_are_no_formulas(run, tmp_path, monkeypatch):
    labels = ["=1+1", "+a", "-b", "@c", "d-", "-1.5", "+inf"]
    frame = pd.DataFrame({"x": np.repeat(np.arange(7.0), 10), "y": np.repeat(labels, 10)})
    path, folder = tmp_path / "a.csv", tmp_path / "run"
    frame.to_csv(path, index=False)
    assert run("train", path, "--target", "y", "--out", folder, "--epochs", 200)[0] == 0
    _, out, _ = run("predict", folder, path)
    found = {line.split(",")[0] for line in out.splitlines()[1:]}
    assert found == {"'=1+1", "'+a", "'-b", "'@c", "d-", "-1.5", "+inf"}
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    assert run("predict", folder, path)[1] == out


@pytest.mark.usefixtures("undrawn")
def test_negative_quantities_stay_numbers(run, tmp_path):
    path = tmp_path / "a.csv"
    pd.DataFrame({"x": np.arange(60.0), "y": -1.0 - np.arange(60.0)}).to_csv(path, index=False)
    assert run("train", path, "--target", "y", "--out", tmp_path / "run", *QUICK)[0] == 0
    answer = pd.read_csv(io.StringIO(run("predict", tmp_path / "run", path)[1]))
    assert answer["prediction"].dtype == np.float64
    assert (answer["prediction"] < 0.0).any()


# What train refuses


def test_what_train_refuses_about_the_data(fails, shop, tmp_path):
    csv = shop / "shop.csv"
    fails("train", "digit", words=["'digit' is not known", "Did you mean 'digits'?"])
    fails("train", tmp_path / "x.csv", words=["there is no such file"])
    fails("train", csv, words=["target is needed", "age, city, member, price, bought"])
    fails("train", csv, "--target", "pirce", words=["target='pirce'", "'price'?", "city"])
    (tmp_path / "empty.csv").touch()
    fails("train", tmp_path / "empty.csv", words=["the file is empty"])
    (tmp_path / "a.txt").write_text("x")
    fails("train", tmp_path / "a.txt", words=["ends in '.txt'", ".parquet"])


def test_what_train_refuses_in_the_table(fails, tmp_path):
    def table(**columns):
        path = tmp_path / "a.csv"
        pd.DataFrame({"x": np.arange(40.0), "y": ["a", "b"] * 20} | columns).to_csv(path)
        return ["train", path, "--target", "y"]

    fails(*table(x=[np.inf, *range(39)]), words=["infinity", "column 'x'"])
    fails(*table(y=[None] * 40), words=["target='y' has no value in any row"])
    fails(*table(y=["a"] * 40), words=["target='y' is 'a' in every row"])
    fails(*table(y=[5] * 40), words=["target='y' is 5 in every row"])
    fails(*table(y=[f"c{i}" for i in range(40)]), words=["a class of its own in each of 40 rows"])
    fails(*table(), "--test-fraction", "0.01", words=["test_fraction=0.01", "split 40 rows"])


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("--backend", "nunpy", ["backend='nunpy' is not known", "'numpy'?"]),
        ("--hidden", "8,x", ["hidden='8,x'", "such as 128,64"]),
        ("--hidden", "8,-1", ["hidden='8,-1'"]),
        ("--hidden", "", ["hidden=''"]),
        ("--activation", "rellu", ["activation='rellu' is not known", "'relu'?"]),
        ("--optimizer", "adamm", ["optimizer='adamm' is not known", "'adam'"]),
        ("--learning-rate", "0", ["learning_rate=0.0", "above 0"]),
        ("--learning-rate", "nan", ["learning_rate=nan"]),
        ("--learning-rate", "fast", ["--learning-rate"]),
        ("--epochs", "0", ["epochs=0", "at least 1"]),
        ("--batch-size", "0", ["batch_size=0", "at least 1"]),
        ("--dropout", "1.0", ["dropout=1.0", "at most 0.9999"]),
        ("--dtype", "float31", ["dtype='float31' is not known", "'float32'"]),
        ("--dtype", "bfloat16", ["bfloat16"]),
        ("--seed", "-1", ["seed=-1", "at least 0"]),
        ("--test-fraction", "1.5", ["test_fraction=1.5", "below 1"]),
        ("--task", "clasification", ["task='clasification'", "'classification'?"]),
        ("--no-such-option", "1", ["--no-such-option"]),
    ],
)
def test_options_that_train_refuses(fails, tmp_path, monkeypatch, option, value, words):
    monkeypatch.chdir(tmp_path)
    backend = [] if option == "--backend" else ["--backend", "numpy"]
    fails("train", "iris", option, value, *backend, words=words)
    assert list(tmp_path.iterdir()) == []


@without_gpu
def test_a_backend_that_is_not_usable(fails):
    words = ["backend='cupy' is not usable", "pip install"]
    fails("train", "iris", "--backend", "cupy", words=words)


@pytest.mark.usefixtures("undrawn")
def test_a_run_is_never_overwritten(fails, run, tmp_path):
    (tmp_path / "run").mkdir()
    assert run("train", "iris", "--out", tmp_path / "run", *QUICK)[0] == 0
    before = (tmp_path / "run" / "model.safetensors").read_bytes()
    fails("train", "iris", "--out", tmp_path / "run", words=["exists", "new or empty"])
    assert (tmp_path / "run" / "model.safetensors").read_bytes() == before
    (tmp_path / "file").write_text("x")
    fails("train", "iris", "--out", tmp_path / "file", words=["exists"])
    fails("train", "iris", "--out", tmp_path / "file" / "run", words=["file", "directory"])


def test_training_that_diverges(run, tmp_path):
    code, _, error = run(
        "train", "diabetes", "--out", tmp_path / "run", "--optimizer", "sgd",
        "--learning-rate", "1e30", "--epochs", 3,
    )  # fmt: skip
    lines = error.splitlines()
    assert code == 2
    assert all(line.startswith("agnostic-nn: ") for line in lines)
    assert any("the cost is not finite after epoch 1" in line for line in lines)
    assert "smaller learning rate" in lines[-1]
    assert not (tmp_path / "run").exists()


def test_pictures_of_a_run_that_broke_off():
    from agnostic_nn.cli.pictures import learning_curves

    broken = {
        "epoch": [1, 2],
        "cost": [1.0, float("inf")],
        "validation_cost": [0.1, float("nan")],
        "validation_score": [0.5, float("nan")],
    }
    assert learning_curves(broken, "R2").png().startswith(PNG)


# predict and evaluate


def test_predict_many_classes(run, iris):
    code, out, error = run("predict", iris, "iris")
    assert (code, error) == (0, "")
    answer = pd.read_csv(io.StringIO(out))
    names = ["setosa", "versicolor", "virginica"]
    assert list(answer.columns) == ["prediction", *(f"probability_{name}" for name in names)]
    assert len(answer) == 150
    assert set(answer["prediction"]) <= set(names)
    best = answer.drop(columns="prediction").idxmax(axis=1).str.removeprefix("probability_")
    assert (best == answer["prediction"]).all()


def test_evaluate(run, iris, tmp_path):
    code, out, error = run("evaluate", iris / "model.safetensors", "iris")
    assert code == 0
    assert "97 of 150 rows are equal to rows that the model was trained on" in error
    assert "iris: 150 rows" in out
    row = next(line for line in out.splitlines() if "accuracy" in line)
    network, baseline = (float(cell.strip(" │")) for cell in row.split("│")[2:4])
    assert network > 0.8
    assert baseline == pytest.approx(1 / 3, abs=1e-3)
    assert "log-loss" in out


def test_what_predict_and_evaluate_refuse(fails, iris, shop, tmp_path):
    csv, model = shop / "shop.csv", iris / "model.safetensors"
    fails("predict", tmp_path / "none", "iris", words=["there is no such file"])
    fails("predict", csv, "iris", words=["is not a model file"])
    fails("predict", model, csv, words=["no column 'sepal length (cm)'"])
    fails("predict", model, "irsi", words=["Did you mean 'iris'?"])
    fails("evaluate", model, csv, words=["target='target' is not known"])
    (tmp_path / "p.csv").write_text("mine")
    fails("predict", model, "iris", "--out", tmp_path / "p.csv", words=["exists"])
    assert (tmp_path / "p.csv").read_text() == "mine"
    content = model.read_bytes()
    (tmp_path / "cut").write_bytes(content[:-4])
    fails("predict", tmp_path / "cut", "iris", words=["cut short"])
    (tmp_path / "bent").write_bytes(content[:-4] + b"\0\0\0\0")
    fails("predict", tmp_path / "bent", "iris", words=["damaged"])
    save(ann.Network([4, 3], "categorical_cross_entropy"), tmp_path / "bare")
    fails("predict", tmp_path / "bare", "iris", words=["does not say how its data is prepared"])


def test_evaluate_on_classes_never_seen(fails, iris, tmp_path):
    from agnostic_nn.tabular import read_table

    frame = read_table("iris").frame.assign(target="rose")
    frame.to_csv(tmp_path / "a.csv", index=False)
    fails("evaluate", iris, tmp_path / "a.csv", words=["holds 'rose'", "setosa"])


# the rest


def test_backends(run):
    code, out, error = run("backends")
    assert (code, error) == (0, "")
    for name, found in ann.available_backends().items():
        assert name in out
        if found.usable:
            assert found.version in out
    assert "yes" in out


def test_usage_errors(fails):
    fails("trian", words=["trian"])
    fails("train", words=["DATA"])


def test_help_names_the_commands(run):
    code, out, _ = run("--help")
    assert code == 0
    for command in ("train", "predict", "evaluate", "backends"):
        assert command in out


def test_missing_extras(fails, monkeypatch, tmp_path):
    line = install_line("cli")
    with monkeypatch.context() as patch:
        patch.delitem(sys.modules, "agnostic_nn.cli.app", raising=False)
        patch.setitem(sys.modules, "typer", None)
        fails("backends", words=["typer", line])
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "pandas", None)
        (tmp_path / "a.csv").write_text("x,y\n1,2\n")
        fails(
            "train", tmp_path / "a.csv", "--target", "y", words=["pandas", install_line("tables")]
        )
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "matplotlib.figure", None)
        fails("train", "iris", "--out", tmp_path / "r", *QUICK, words=["matplotlib", line])


def test_help_is_quick_and_loads_nothing_large():
    code = (
        "import sys\nfrom agnostic_nn.cli import main\ntry: main(['--help'])\n"
        "except SystemExit: pass\n"
        "print({'pandas', 'sklearn', 'matplotlib', 'torch', 'jax', 'cupy'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "set()"


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_ctrl_c_says_one_line(tmp_path, has_learned):
    arguments = ["train", "digits", "--epochs", "100000", "--out", str(tmp_path / "run")]
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "agnostic_nn.cli", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    checkpoint = tmp_path / "run" / "checkpoint.safetensors"
    has_learned(process, checkpoint)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 130
    assert error.splitlines()[-1].startswith("agnostic-nn: error: interrupted")
    assert checkpoint.exists()
