"""The screen and the pictures: what is printed for whom, and what a picture can hold."""

import itertools
import json
import math
import re
import sys
from pathlib import Path

import pandas as pd
import pytest

import agnostic_nn as ann
from agnostic_nn.cli import common, lettering, main, pictures
from agnostic_nn.cli.lettering import LONGEST, fonts_for, label_names, spelled
from agnostic_nn.tabular.importance import Importance
from agnostic_nn.tabular.scores import leading

PNG = b"\x89PNG\r\n\x1a\n"
QUICK = ["--hidden", "4", "--epochs", "2"]


@pytest.fixture(scope="module")
def iris(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "iris"
    with pytest.raises(SystemExit):
        main(["train", "iris", *QUICK, "--id", "sepal width (cm)", "--out", str(folder)])
    return folder


# The screen


def test_version(run):
    assert run("--version") == (0, f"agnostic-nn {ann.__version__}\n", "")


def test_without_a_command_there_is_help_and_no_empty_error(run):
    code, out, error = run()
    assert code in (0, 2)  # as the version of typer has it
    assert "Usage: agnostic-nn" in out + error
    assert "error" not in error


def test_an_error_of_the_system_without_words_is_not_empty(fails, monkeypatch):
    from agnostic_nn import backends

    def fault():
        raise OSError

    monkeypatch.setattr(backends, "available_backends", fault)
    fails("backends", words=["a file: OSError."])


def test_shell_completion(run, monkeypatch):
    # typer asks which shell it was started from, unless it is told not to
    monkeypatch.setenv("_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION", "1")
    script = run("--show-completion", "bash")[1]
    assert "_AGNOSTIC_NN_COMPLETE" in script
    completed = {"agnostic-nn tr": "train", "agnostic-nn train --pati": "--patience"}
    for words, expected in completed.items():
        monkeypatch.setenv("_AGNOSTIC_NN_COMPLETE", "complete_bash")
        monkeypatch.setenv("COMP_WORDS", words)
        monkeypatch.setenv("COMP_CWORD", str(len(words.split()) - 1))
        assert run()[1].split() == [expected]


@pytest.mark.usefixtures("undrawn")
def test_every_command_speaks_json(run, iris, tmp_path):
    def spoken(*arguments):
        code, out, _ = run(*arguments)
        assert code == 0
        return json.loads(out)

    found = spoken("train", "iris", *QUICK, "--out", tmp_path / "r", "--json")
    written = json.loads((tmp_path / "r" / "metrics.json").read_text())
    assert found == {"run": str(tmp_path / "r"), "model": str(tmp_path / "r/model.safetensors"),
                     **written}  # fmt: skip
    assert spoken("evaluate", iris, "iris", "--json")["rows"] == 150
    assert spoken("show", iris, "--json")["task"] == "classification"
    assert spoken("backends", "--json")["numpy"]["usable"] is True
    quick = ["--backends", "numpy,array_api_strict", "--dtypes", "float64", "--steps", "0"]
    assert spoken("parity", *quick, "--json", "-")["holds"] is True


def test_predict_speaks_json_a_row_a_line(capfdbinary, iris):
    with pytest.raises(SystemExit):
        main(["predict", str(iris), "iris", "--json"])
    lines = capfdbinary.readouterr().out.decode().splitlines()
    assert len(lines) == 150
    first = json.loads(lines[0])
    assert set(first) == {
        "sepal width (cm)", "prediction", "probability_setosa", "probability_versicolor",
        "probability_virginica",
    }  # fmt: skip


@pytest.mark.usefixtures("undrawn")
def test_a_line_an_epoch_now_and_then_where_nobody_watches(run, tmp_path, monkeypatch):
    monkeypatch.setattr(common, "FIRST_LINE", 0.0)
    _, _, error = run("train", "iris", *QUICK, "--out", tmp_path / "a")
    lines = error.splitlines()
    assert len(lines) == 2
    for epoch, line in enumerate(lines, 1):
        assert line.startswith(f"epoch {epoch}: cost ")
        assert "on rows that are watched" in line
    monkeypatch.setattr(common, "FIRST_LINE", 60.0)
    assert run("train", "iris", *QUICK, "--out", tmp_path / "b")[2] == ""


def test_lines_come_further_and_further_apart(monkeypatch):
    now, said = [0.0], []
    monkeypatch.setattr(common.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(common, "say", lambda *_, **__: said.append(now[0]))
    lines = common.EpochLines()
    history = {"epoch": [1], "cost": [0.5], "seconds": [1.0]}
    for second in range(1, 301):
        now[0] = float(second)
        assert lines(None, history) is None  # a true answer would stop training
    assert said == [5.0, 15.0, 35.0, 75.0, 135.0, 195.0, 255.0]


def test_no_lines_beside_a_progress_bar(monkeypatch):
    monkeypatch.setattr(common, "FIRST_LINE", 0.0)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(common, "say", lambda *_, **__: pytest.fail("a line beside the bar"))
    common.EpochLines()(None, {"epoch": [1], "cost": [0.5], "seconds": [1.0]})


def test_float16_is_not_offered(fails, run, tmp_path):
    words = ["dtype='float16' is too narrow to train in: wanted one of float32, float64, bfloat16"]
    fails("train", "iris", "--dtype", "float16", "--out", tmp_path / "r", words=words)
    assert not (tmp_path / "r").exists()
    assert "float16," not in run("train", "--help")[1].replace("bfloat16", "")


def test_training_that_ends_worse_than_it_began_leaves_nothing(fails, tmp_path):
    said = ["--hidden", "0", "--optimizer", "sgd", "--epochs", "3", "--checkpoint-every", "1"]
    fails(
        "train", "diabetes", *said, "--learning-rate", "2", "--out", tmp_path / "run",
        words=["learning_rate=2: training diverged and ended with rmse ", "wanted a smaller"],
    )  # fmt: skip
    assert not (tmp_path / "run").exists()


@pytest.mark.usefixtures("undrawn")
def test_a_run_says_in_a_sentence_what_the_network_adds(run, tmp_path):
    sentences = ("Beyond a linear model the network adds ", "A linear model does as well: ",
                 "The network is no better than giving the same answer to every row.")  # fmt: skip
    out = run("train", "iris", *QUICK, "--out", tmp_path / "r")[1]
    assert sum(sentence in out for sentence in sentences) == 1


@pytest.mark.usefixtures("undrawn")
def test_classes_come_in_natural_order(run, tmp_path):
    table = pd.DataFrame({"x": [(7 * i) % 13 / 13 for i in range(120)]})
    table["y"] = [f"grade {1 + i % 12}" for i in range(120)]
    table.to_csv(tmp_path / "t.csv", index=False)
    run("train", tmp_path / "t.csv", "--target", "y", *QUICK, "--out", tmp_path / "r")
    found = json.loads((tmp_path / "r" / "metrics.json").read_text())
    assert [row["class"] for row in found["by_class"]] == [f"grade {i}" for i in range(1, 13)]


# The pictures


STRANGE = [
    "a name that is very much longer than any picture has place for, one",
    "a name that is very much longer than any picture has place for, two",
    "日本語の名前", "العربية", "हिन्दी", "$a_b^{", "tab\there", "<b>&", "",
]  # fmt: skip


def many_classes(n=50):
    return [*STRANGE, *(f"class {i}" for i in range(n - len(STRANGE)))]


@pytest.mark.parametrize("n", [9, 20, 50, 130])
def test_a_confusion_matrix_of_many_classes_with_any_names(n):
    names = many_classes(n)
    truth = [name for name in names for _ in range(3)]
    predicted = [*truth[1:], truth[0]]
    picture = pictures.confusion_matrix(truth, predicted, names, "Held-out rows: accuracy 0.67")
    width, height = picture.figure.get_size_inches()
    assert max(width, height) <= 12.0
    svg = picture.svg()
    assert svg.startswith("<svg")
    if n <= 50:
        assert "日本語の名前" in svg
    assert picture.png().startswith(PNG)
    (axes, _) = picture.figure.axes
    boxes = [label.get_window_extent() for label in axes.get_yticklabels() if label.get_text()]
    assert len(boxes) <= pictures.MOST_NAMES
    for above, below in itertools.pairwise(boxes):
        assert above.y0 >= below.y1 - 1.5  # names stand below each other, not in each other


def test_learning_curves_after_divergence():
    cost = [0.5, 1e3, math.inf]
    history = {"epoch": [1, 2, 3], "cost": cost, "validation_cost": [0.5, 1e9, math.nan],
               "validation_score": [0.1, -1e9, math.nan]}  # fmt: skip
    picture = pictures.learning_curves(history, "R2")
    assert picture.png().startswith(PNG)
    assert len(picture.figure.axes[0].lines) == 3  # two curves, and where they end
    everything = {name: [math.nan] for name in history} | {"epoch": [1]}
    assert pictures.learning_curves(everything, "R2").png().startswith(PNG)
    no_rows = {"epoch": [1, 2], "cost": [0.5, 0.25]}
    assert len(pictures.learning_curves(no_rows, "R2").figure.axes) == 1


def test_other_pictures_of_any_names_and_of_many_points():
    frame = pd.DataFrame({"y": range(6000)})
    drawn = [
        pictures.importance([Importance(name, 0.1, 0.01) for name in many_classes()],
                            leading("auc", "classification")),
        pictures.predicted_against_true(frame["y"], frame["y"] + 0.5, "$y_", "Held-out rows"),
        pictures.predicted_against_true(frame["y"][:9], frame["y"][:9], STRANGE[0], "Held-out"),
        pictures.reliability([{"confidence": 0.7, "accuracy": 0.5, "weight": 3.0}]),
    ]  # fmt: skip
    for picture in drawn:
        assert picture.png().startswith(PNG)
        assert picture.svg().startswith("<svg")
    assert "The first 20 of 50." in drawn[0].caption


def test_names_in_pictures_are_short_and_different():
    names = label_names(many_classes())
    assert len(set(names)) == len(names)
    assert max(map(len, names)) <= LONGEST
    assert "tab\\there" in names
    assert label_names(["a" * 100, "a" * 99]) == [
        f"{16 * 'a'}…{11 * 'a'}",
        f"{16 * 'a'}…{11 * 'a'} (2)",
    ]


def test_letters_come_from_a_font_that_has_them(monkeypatch):
    assert fonts_for(["größe", "Ελλάδα"]) == ([lettering.OWN], set())
    fonts = {"serif": {ord("日")}, "sans": {ord("日"), ord("本")}}
    own = {ord("a")}
    monkeypatch.setattr(lettering, "_installed", lambda: [(name, name) for name in fonts])
    monkeypatch.setattr(lettering, "_letters", lambda file: frozenset(fonts.get(file, own)))
    assert fonts_for(["a日"]) == ([lettering.OWN, "serif"], set())
    assert fonts_for(["日本語"]) == ([lettering.OWN, "serif", "sans"], {"語"})
    assert spelled("語a", {"語"}) == "\\u8a9ea"


def test_letters_that_no_font_has_are_spelled_out_in_png(monkeypatch):
    monkeypatch.setattr(lettering, "_installed", list)
    picture = pictures.importance([Importance("日", 0.1, 0.0)], leading("r2", "regression"))
    assert "日" in picture.svg()  # a browser has fonts of its own
    picture.png()
    assert picture.figure.axes[0].get_yticklabels()[0].get_text() == "\\u65e5"


# What is written about it


def test_every_option_and_score_that_is_written_about_is_there(run):
    from agnostic_nn.tabular.scores import SCORES

    root = Path(__file__).parents[1]
    page = (root / "docs" / "command_line.md").read_text()
    readme = (root / "README.md").read_text()
    section = readme[readme.index("## The command line") : readme.index("## Tables")]
    helps = "".join(
        run(name, "--help")[1] for name in ("train", "compare", "predict", "parity", "show")
    )
    helps += run("--help")[1]
    written = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", page + section))
    assert len(written) > 20
    assert {option for option in written if option not in helps} == set()
    for score in (score.name for scores in SCORES.values() for score in scores):
        assert f"`{score}`" in page
        assert score in run("train", "--help")[1]
