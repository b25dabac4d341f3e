"""Predictions for tables other than the one of training: read as it was, told what differs."""

import gzip
import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import agnostic_nn as ann
from agnostic_nn.cli import main
from agnostic_nn.saving import load_with_preparation
from agnostic_nn.tabular import Differences, Preparation, read_parts, read_table, table_written

pd = pytest.importorskip("pandas")
pytest.importorskip("typer")

QUICK = [
    "--hidden", "8", "--dropout", "0", "--learning-rate", "0.03", "--epochs", "60",
    "--test-fraction", "0.25",
]  # fmt: skip


@pytest.fixture(scope="module")
def homes(tmp_path_factory):
    """A table whose zip codes begin with 0, and the folder of a model that learned from it."""
    folder = tmp_path_factory.mktemp("homes")
    random = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "zip": random.choice(["01234", "02345", "98765"], 120),
            "sex": random.choice(["male", "female"], 120),
            "rooms": random.integers(1, 9, 120),
        }
    )
    frame["sold"] = np.where(frame["zip"] == "01234", "yes", "no")
    frame.to_csv(folder / "homes.csv", index=False)
    with pytest.raises(SystemExit) as exit_:
        main(["train", str(folder / "homes.csv"), "--target", "sold", "--recipe", "plain",
              "--out", str(folder / "run"), *QUICK])  # fmt: skip
    assert exit_.value.code == 0
    return folder


@pytest.fixture
def run(capfdbinary):
    def run(*arguments):
        with pytest.raises(SystemExit) as exit_:
            main([str(argument) for argument in arguments])
        streams = capfdbinary.readouterr()
        return exit_.value.code, streams.out.decode(), streams.err.decode()

    return run


def predictions(text):
    return pd.read_csv(io.StringIO(text))


def test_the_saved_columns_decide_how_a_file_is_read(homes, run, tmp_path):
    """A file with the zip codes alone looks like numbers, and is not read as such."""
    frame = pd.read_csv(homes / "homes.csv", dtype=str)
    frame[["zip", "sex", "rooms"]].to_csv(tmp_path / "text.csv", index=False)
    frame.to_parquet(tmp_path / "text.parquet")
    code, expected, error = run("predict", homes / "run", tmp_path / "text.csv")
    assert (code, error) == (0, "")
    assert (predictions(expected)["prediction"] == frame["sold"]).all()
    for name in ("text.parquet", "../homes/homes.csv"):
        path = tmp_path / name if "/" not in name else homes / "homes.csv"
        assert run("predict", homes / "run", path) == (0, expected, "")


def test_what_differs_is_counted_in_one_warning(homes, run, tmp_path):
    frame = pd.read_csv(homes / "homes.csv", dtype=str)
    other = frame.assign(sex=["0", "1"] * 60, rooms=[""] + ["3"] * 119).drop(columns="zip")
    other.to_csv(tmp_path / "a.csv", index=False)
    code, out, error = run("predict", homes / "run", tmp_path / "a.csv")
    assert code == 0
    assert len(predictions(out)) == 120
    assert error == (
        "agnostic-nn: warning: data differs from training in 120 rows: no column 'zip': taken as "
        "missing in every row; a category not seen in training: 'sex' (120 rows, such as '0'); no "
        "value where training had one in every row: 'rooms' (1 rows).\n"
    )


def test_a_file_is_predicted_part_by_part(homes, run, tmp_path, monkeypatch):
    """The same predictions and the same counts, however small the parts are."""
    import importlib

    command = importlib.import_module("agnostic_nn.cli.predict")
    frame = pd.read_csv(homes / "homes.csv", dtype=str)
    frame.loc[frame.index % 7 == 0, "sex"] = "none of these"
    frame.to_csv(tmp_path / "a.csv", index=False)
    frame.to_parquet(tmp_path / "a.parquet")
    frame.to_feather(tmp_path / "a.feather")
    _, expected, error = run("predict", homes / "run", tmp_path / "a.csv")
    assert "'sex' (18 rows" in error
    monkeypatch.setattr(command, "ROWS", 11)
    for ending in ("csv", "parquet", "feather"):
        _, out, again = run("predict", homes / "run", tmp_path / f"a.{ending}")
        assert again == error
        # products of fewer rows may round differently
        pd.testing.assert_frame_equal(predictions(out), predictions(expected), rtol=1e-4)
    assert max(len(part.frame) for part in read_parts(tmp_path / "a.csv", rows=11)) == 11


@pytest.mark.parametrize(
    ("ending", "read"),
    [
        ("csv", pd.read_csv),
        ("tsv", lambda path: pd.read_csv(path, sep="\t")),
        ("csv.gz", pd.read_csv),
        ("jsonl", lambda path: pd.read_json(path, lines=True)),
        ("parquet", pd.read_parquet),
        ("feather", pd.read_feather),
        ("xlsx", lambda path: pd.read_excel(path)),
    ],
)
def test_the_format_of_predictions_is_that_of_the_name(homes, run, tmp_path, ending, read):
    if ending == "xlsx":
        pytest.importorskip("openpyxl")
    expected = predictions(run("predict", homes / "run", homes / "homes.csv")[1])
    out = tmp_path / f"p.{ending}"
    code, said, error = run("predict", homes / "run", homes / "homes.csv", "--out", out)
    assert (code, said, error) == (0, f"120 predictions: {out}\n", "")
    pd.testing.assert_frame_equal(
        read(out), expected, check_exact=False, rtol=1e-4, check_dtype=False
    )
    assert [path.name for path in tmp_path.iterdir()] == [out.name]


def test_names_that_predictions_cannot_have(homes, run, tmp_path):
    (tmp_path / "there.csv").write_text("mine")
    for name, words in (("p.doc", "ends in '.doc': wanted one of .csv"), ("there.csv", "exists")):
        code, _, error = run(
            "predict", homes / "run", homes / "homes.csv", "--out", tmp_path / name
        )
        assert code == 2
        assert words in error
    assert (tmp_path / "there.csv").read_text() == "mine"


def test_predictions_that_break_off_leave_nothing(homes, run, tmp_path):
    """The second file has other columns: what was written by then is taken back."""
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "1.csv").write_bytes((homes / "homes.csv").read_bytes())
    (tmp_path / "in" / "2.csv").write_text("other\n1\n")
    code, _, error = run("predict", homes / "run", tmp_path / "in", "--out", tmp_path / "p.csv")
    assert code == 2
    assert "wanted the same columns in all files" in error
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def test_standard_input_and_output(homes, tmp_path):
    """CSV, packed or not, and Parquet: told apart by what they are."""
    frame = pd.read_csv(homes / "homes.csv", dtype=str)
    text = (homes / "homes.csv").read_bytes()
    parquet = io.BytesIO()
    frame.to_parquet(parquet)
    answers = [
        subprocess.run(
            [sys.executable, "-m", "agnostic_nn.cli", "predict", str(homes / "run"), "-"],
            input=content, capture_output=True, check=True, timeout=60,
        ).stdout
        for content in (text, gzip.compress(text), parquet.getvalue())
    ]  # fmt: skip
    assert answers[0].startswith(b"prediction,probability_no,probability_yes\n")
    assert answers[0] == answers[1] == answers[2]


def test_how_a_file_is_written_can_be_said(homes, run, tmp_path):
    frame = pd.read_csv(homes / "homes.csv", dtype=str)
    expected = run("predict", homes / "run", homes / "homes.csv")[1]
    frame.to_csv(tmp_path / "a.csv", index=False, sep="~", encoding="utf-16-le")
    options = ["--sep", "~", "--encoding", "utf-16-le"]
    assert run("predict", homes / "run", tmp_path / "a.csv", *options) == (0, expected, "")
    for option, words in (
        (["--sep", "ab"], "separator='ab': wanted one character, or tab"),
        (["--encoding", "utf-7x"], "encoding='utf-7x' is not known"),
        (["--decimal", ";"], "decimal=';' is not known"),
        (["--max-memory", "many"], "max_memory='many': wanted a number of bytes"),
        (["--max-memory", "1kB"], "takes more than 1 kB of memory"),
    ):
        code, _, error = run("predict", homes / "run", homes / "homes.csv", *option)
        assert code == 2
        assert words in error
        assert error.count("\n") == 1


def test_rows_of_training_are_known_again(homes, run, tmp_path):
    code, _, error = run("evaluate", homes / "run", homes / "homes.csv")
    assert code == 0
    assert "rows are equal to rows that the model was trained on" not in error  # too much alike

    random = np.random.default_rng(1)
    frame = pd.DataFrame(random.random((80, 3)), columns=["a", "b", "c"])
    frame["y"] = frame["a"] + frame["b"]
    frame.to_csv(tmp_path / "a.csv", index=False)
    assert (
        run(
            "train",
            tmp_path / "a.csv",
            "--target",
            "y",
            "--recipe",
            "plain",
            "--out",
            tmp_path / "r",
            *QUICK,
        )[0]
        == 0
    )
    frame.to_parquet(tmp_path / "a.parquet")
    for name in ("a.csv", "a.parquet"):
        code, _, error = run("evaluate", tmp_path / "r", tmp_path / name)
        assert code == 0
        assert "60 of 80 rows are equal to rows that the model was trained on" in error
    new = pd.DataFrame(random.random((80, 3)), columns=["a", "b", "c"]).assign(y=1.0)
    new.to_csv(tmp_path / "new.csv", index=False)
    assert run("evaluate", tmp_path / "r", tmp_path / "new.csv")[2] == ""


def test_evaluate_leaves_out_rows_without_a_target(homes, run, tmp_path):
    frame = pd.read_csv(homes / "homes.csv", dtype=str)
    frame.loc[:9, "sold"] = "?"
    frame.to_csv(tmp_path / "a.csv", index=False)
    code, out, _ = run("evaluate", homes / "run", tmp_path / "a.csv")
    assert code == 0
    assert "10 of 120 rows are left out: they have no 'sold' ('?')." in out
    assert "a: 110 rows" in out


def test_models_of_the_first_format_predict_as_they_did():
    """What they called a column, a class, and a number without a word about missing ones."""
    data = Path(__file__).parent / "data"
    expected = json.loads((data / "models" / "v1-command-line.json").read_text())
    net, stored = load_with_preparation(data / "models" / "v1-command-line.safetensors")
    preparation = Preparation.from_json(stored)
    features = preparation.features(read_table(data / "shop.csv").frame)
    np.testing.assert_array_equal(features, expected["X"])
    np.testing.assert_allclose(net.predict(features), expected["predictions"], rtol=1e-5)
    counted = Differences()
    lacking = pd.DataFrame({"size": [None], "colour": ["red"]})
    features = preparation.features(lacking, differences=counted)
    assert features[0, 0] == 0.0  # the mean: no median is known
    assert counted.absent == {"size": (1, "")}


def test_parts_of_one_table_are_one_table(tmp_path):
    with table_written(tmp_path / "a.parquet") as write:
        write(pd.DataFrame({"a": [1]}))
        write(pd.DataFrame({"a": [2]}))
    assert pd.read_parquet(tmp_path / "a.parquet")["a"].tolist() == [1, 2]
    nowhere = tmp_path / "nowhere" / "a.csv"
    with pytest.raises(ann.InvalidArgument, match="cannot be written"), table_written(nowhere):
        pass


@pytest.mark.parametrize("ending", ["csv", "csv.gz", "jsonl", "parquet", "xlsx"])
def test_a_table_is_written_whole_or_not_at_all(tmp_path, ending):
    """What a killed writer left is cleared away, and nothing else."""
    path = tmp_path / f"p.{ending}"
    (tmp_path / f".p.{ending}.ann-part").mkdir()
    (tmp_path / f".p.{ending}.ann-part" / path.name).write_bytes(b"half")
    (tmp_path / f".p.{ending}.mine").write_bytes(b"")

    def begin(write):
        write(pd.DataFrame({"a": [1]}))
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), table_written(path) as write:
        begin(write)
    assert [file.name for file in tmp_path.iterdir()] == [f".p.{ending}.mine"]
    with table_written(path) as write:
        write(pd.DataFrame({"a": [1]}))
    assert {file.name for file in tmp_path.iterdir()} == {f".p.{ending}.mine", path.name}


def test_no_heading_is_a_formula(tmp_path):
    with table_written(tmp_path / "a.csv") as write:
        write(pd.DataFrame({"=1+1": ["-x"], "-1": [-1.5]}))
    assert (tmp_path / "a.csv").read_text() == "'=1+1,-1\n'-x,-1.5\n"


@pytest.mark.parametrize("ending", ["csv", "tsv", "xlsx"])
def test_nothing_in_a_spreadsheet_is_a_formula(tmp_path, ending):
    if ending == "xlsx":
        pytest.importorskip("openpyxl")
    path = tmp_path / f"a.{ending}"
    with table_written(path) as write:
        write(pd.DataFrame({"=name": ["=1+1", "-1.5", "plain"]}))
    found = read_table(path).frame
    assert list(found.columns) == ["'=name"]
    assert found["'=name"].astype(str).tolist() == ["'=1+1", "-1.5", "plain"]
