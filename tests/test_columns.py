"""What is in a table: missing values, numbers and dates as text, codes, ids, too many texts."""

import json
from pathlib import Path

import numpy as np
import pytest

import agnostic_nn as ann
from agnostic_nn.cli import main
from agnostic_nn.saving import load_with_preparation
from agnostic_nn.tabular import (
    Boolean,
    Categorical,
    DateTime,
    Differences,
    Numeric,
    Preparation,
    read_table,
)
from agnostic_nn.tabular.described import FORMAT
from agnostic_nn.tabular.text import (
    are_codes,
    date_format_of,
    decimal_in,
    distinct,
    is_ambiguous,
    numbers_in,
)

pd = pytest.importorskip("pandas")

TABLES = Path(__file__).parent / "data" / "tables"


def prepare(**columns):
    """The preparation of a table, its notes by column, and its features by name."""
    frame = pd.DataFrame(columns)
    preparation = Preparation.fit(frame)
    features = dict(zip(preparation.feature_names, preparation.features(frame).T, strict=True))
    found = (*preparation.columns, *preparation.left_out)
    return preparation, {column.name: column.note for column in found}, features


def kinds(preparation):
    return {column.name: type(column) for column in preparation.columns}


# Missing values


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA, "", "NA", "?"])
def test_a_missing_number_is_the_median_and_is_indicated(missing):
    values = ["1", "2", missing, "9"] if isinstance(missing, str) else [1, 2, missing, 9]
    _, _, features = prepare(x=values, y=["a", "b", "a", "b"])
    np.testing.assert_array_equal(features["x is missing"], [0, 0, 1, 0])
    x = np.asarray([1.0, 2.0, 2.0, 9.0])
    np.testing.assert_allclose(features["x"], (x - x.mean()) / x.std())


@pytest.mark.parametrize("missing", [None, np.nan, "", "n/a", "?"])
def test_a_missing_category_is_one_of_its_own(missing):
    _, _, features = prepare(x=["a", "b", missing, "b"])
    np.testing.assert_array_equal(features["x is missing"], [0, 0, 1, 0])
    np.testing.assert_array_equal(features["x = b"], [0, 1, 0, 1])


def test_values_are_missing_where_training_had_all():
    frame = pd.DataFrame(
        {"x": [1.0, 2.0, 9.0], "c": ["a", "b", "a"], "d": ["2020-01-01"] * 2 + ["2021-03-04"]}
    )
    preparation = Preparation.fit(frame)
    lacking = pd.DataFrame({"x": [None], "c": [None], "d": [None]})
    counted = Differences()
    found = preparation.features(lacking, differences=counted)
    np.testing.assert_allclose(found[0, 0], (2.0 - 4.0) / np.std([1, 2, 9]))  # the median
    np.testing.assert_array_equal(found[0, 1:3], 0.0)
    assert counted.absent == {"x": (1, ""), "c": (1, ""), "d": (1, "")}
    assert np.isfinite(found).all()


def test_rows_without_a_target_are_left_out_and_counted():
    table = read_table(TABLES / "flats.csv").labelled("verkauft")
    assert len(table.frame) == 58
    assert "2 of 60 rows are left out: they have no 'verkauft'." in table.notes
    frame = pd.DataFrame({"x": [1, 2, 3], "y": ["None", "b", "?"]})
    table = ann.tabular.Table("t", frame).labelled("y")
    assert table.notes == ("2 of 3 rows are left out: they have no 'y' ('?', 'None').",)
    table = ann.tabular.Table("t", frame, missing=("?",)).labelled("y")
    assert table.split()[1].tolist() == ["None", "b"]


def test_whole_numbers_stay_so_where_some_are_missing():
    frame = pd.DataFrame({"x": range(12), "y": ["1", "2", ""] * 4})
    _, y = ann.tabular.Table("t", frame).labelled("y").split()
    assert y.tolist() == [1, 2] * 4
    assert Preparation.fit(frame[["x"]][:8], y, "classification").classes == (1, 2)


def test_a_word_among_the_numbers_of_a_target_is_no_number():
    """As in a column of features; among a few classes it is a class."""
    frame = pd.DataFrame({"x": range(60), "y": [f"${i}.50" for i in range(59)] + ["call us"]})
    table = ann.tabular.Table("t", frame).labelled("y")
    assert table.notes == ("1 of 60 rows are left out: they have no 'y' ('call us').",)
    _, y = table.split()
    assert y.tolist() == [i + 0.5 for i in range(59)]
    assert ann.tabular.task_of(y)[0] == "regression"
    cards = ["2", "3", "4"] * 33 + ["Q"]
    assert ann.tabular.natural(pd.Series(cards)).tolist() == cards


# Numbers that are text


@pytest.mark.parametrize(
    ("text", "decimal", "number"),
    [
        ("7", ".", 7.0), ("-1.5e3", ".", -1500.0), ("+3", ".", 3.0), (".5", ".", 0.5),
        ("$8,348.88", ".", 8348.88), ("-$5", ".", -5.0), ("$-5", ".", -5.0), ("5 €", ".", 5.0),
        ("12%", ".", 0.12), ("12.5 %", ".", 0.125), ("(1,200)", ".", -1200.0),
        ("1 234 567", ".", 1234567.0), ("1'234.5", ".", 1234.5), ("1\u00a0234", ".", 1234.0),
        ("\u22123", ".", -3.0), ("39,1", ",", 39.1), ("1.234,5", ",", 1234.5),
        ("1.234", ",", 1234.0), ("1.234.567", ",", 1234567.0), ("0,5 %", ",", 0.005),
    ],
)  # fmt: skip
def test_numbers_as_people_write_them(text, decimal, number):
    np.testing.assert_allclose(numbers_in([text], decimal), [number], rtol=1e-15)


@pytest.mark.parametrize(
    ("text", "decimal"),
    [
        ("", "."), ("a", "."), ("1,23", "."), ("1,2345", "."), ("12-5", "."), ("1.2.3", "."),
        ("1,234 567", "."), ("(5", "."), ("0x1A", "."), ("1_000", "."), ("1.5", ","), ("5 km", "."),
    ],
)  # fmt: skip
def test_texts_that_are_no_numbers(text, decimal):
    assert np.isnan(numbers_in([text], decimal)).all()


@pytest.mark.parametrize(
    ("texts", "decimal"),
    [
        (["39,1", "7"], ","), (["1.234,50"], ","), (["0,123"], ","), (["1,234,567"], "."),
        (["1,234.5"], "."), (["1,234", "9,876"], None), (["1.234"], None), (["a, b", "c"], None),
        (["1.5", "39,1", "7,25"], ","), (["12.345", "0.123"], "."), (["1.234.567"], ","),
        (["1234.567"], "."), (["$12.50"], "."), (["5,5 €"], ","), (["1.5e-3"], "."),
    ],
)  # fmt: skip
def test_what_comes_before_a_fraction(texts, decimal):
    assert decimal_in(texts) == decimal


def test_numbers_written_as_text_are_read_and_told():
    texts = [f"${i},000.50" for i in range(1, 40)] + ["call us"]
    preparation, notes, features = prepare(price=texts)
    assert kinds(preparation) == {"price": Numeric}
    assert notes["price"] == (
        "text such as '$1,000.50' is read as a number; 1 values such as 'call us' are taken as "
        "missing"
    )
    assert features["price is missing"].sum() == 1
    np.testing.assert_allclose(preparation.columns[0].fill, 20000.5)
    # the words of training are missing later, too, and are no news
    preparation.features(pd.DataFrame({"price": ["call us"] * 3}))
    with pytest.raises(ann.InvalidArgument, match="holds 'ask' in the column 'price': wanted num"):
        preparation.features(pd.DataFrame({"price": ["ask", "$3"]}))


def test_texts_are_numbers_only_where_nearly_all_are():
    few_words = ["1"] * 94 + ["a", "b", "c", "d", "e", "f"]
    assert kinds(prepare(x=few_words)[0]) == {"x": Categorical}
    assert kinds(prepare(x=[*few_words[:95], "2", "3", "4", "5", "6"])[0]) == {"x": Numeric}


def test_a_decimal_comma_is_kept_in_mind():
    """Of 1.234 the column knows that it is more than a thousand, whatever the other file shows."""
    preparation, _, _ = prepare(x=["39,1", "40,2", "1.000,5"])
    values = preparation.blocks(pd.DataFrame({"x": ["1.234", "7"]})).numeric[:, 0]
    np.testing.assert_array_equal(values, [1234.0, 7.0])
    assert Preparation.from_json(preparation.to_json()).columns[0].decimal == ","


def test_codes_with_leading_zeros_stay_text():
    assert are_codes(["01234", "12345"])
    assert not are_codes(["0", "1"])
    preparation, notes, _ = prepare(zip=["01234", "12345", "01234", "99999"])
    assert kinds(preparation) == {"zip": Categorical}
    assert "leading zeros" in notes["zip"]


@pytest.mark.parametrize(
    "values", [[True, False, True], ["true", "false", "true"], ["TRUE", "False", "true"]]
)
def test_true_and_false(values):
    preparation, _, features = prepare(x=values)
    assert kinds(preparation) == {"x": Boolean}
    np.testing.assert_allclose(features["x"], np.asarray([0.5, -1.0, 0.5]) * np.sqrt(2.0))
    for other in ([1, 0], ["1", "0"], ["True", "FALSE"], [True, None]):
        found = preparation.blocks(pd.DataFrame({"x": other}), differences=Differences())
        assert found.numeric[0, 0] == 1.0


# Dates


@pytest.mark.parametrize(
    ("texts", "form"),
    [
        (["2020-01-31", "2021-02-03"], "ISO8601"),
        (["2020-01-31T10:00:00Z", "2021-02-03T11:30:00Z"], "ISO8601"),
        (["2020-01-31 10:00", "2021-02-03 23:59"], "ISO8601"),
        (["31.01.2020", "03.02.2021"], "%d.%m.%Y"),
        (["01/31/2020", "02/03/2021"], "%m/%d/%Y"),
        (["31/01/2020", "03/02/2021"], "%d/%m/%Y"),
        (["31/01/2020 10:00", "03/02/2021 11:30"], "%d/%m/%Y %H:%M"),
        (["Jun 12 1998", "May 01 1999"], "%b %d %Y"),
        (["12-Jun-98", "01-May-99"], "%d-%b-%y"),
        (["10:30", "23:59"], "%H:%M"),
        (["a-1", "b-2"], None),
        (["555-1234", "555-9876"], None),
        (["12", "13"], None),
    ],
)
def test_dates_as_people_write_them(texts, form):
    assert date_format_of(distinct(pd.Series(texts * 20))) == form


def test_dates_become_elapsed_time_and_parts():
    days = pd.date_range("2020-01-01", periods=400, freq="D")
    preparation, notes, features = prepare(when=days.astype(str))
    assert kinds(preparation) == {"when": DateTime}
    assert notes["when"] == ""
    assert preparation.columns[0].parts == ("month", "day", "weekday")
    np.testing.assert_allclose(np.diff(features["when"]), 1 / np.std(np.arange(400.0)))
    np.testing.assert_allclose(
        features["sine of the weekday of when"],
        np.sin(2 * np.pi * days.day_of_week / 7),
        atol=1e-12,
    )
    # the same from dates that are no text, and with a time zone
    for other in (days, days.tz_localize("UTC"), days.date):
        again = preparation.features(pd.DataFrame({"when": other}))
        np.testing.assert_allclose(again[:, 0], features["when"], atol=1e-9)


def test_dates_that_do_not_tell_day_from_month():
    values = distinct(pd.Series(["01/02/2020", "03/04/2020"]))
    assert is_ambiguous(values.texts, "%m/%d/%Y")
    assert not is_ambiguous(np.asarray(["13/02/2020"]), "%d/%m/%Y")
    _, notes, _ = prepare(when=["01/02/2020", "03/04/2020"] * 3)
    assert "do not tell day from month, read with the month first" in notes["when"]


def test_dates_that_are_missing_or_none():
    texts = [f"2020-01-{i:02}" for i in range(1, 31)] + ["", "soon"]
    preparation, _, features = prepare(when=texts)
    np.testing.assert_array_equal(features["when is missing"], [0] * 30 + [1, 1])
    assert features["sine of the day of when"][-1] == 0.0
    with pytest.raises(ann.InvalidArgument, match=r"holds 'x'.*wanted dates or times such as 20"):
        preparation.features(pd.DataFrame({"when": ["x"]}))


# What is left out


@pytest.mark.parametrize(
    ("name", "values", "why"),
    [
        ("x", [3] * 30, "the same in every row"),
        ("x", ["a"] * 30, "'a' in every row"),
        ("x", [None] * 30, "it has no value in any row"),
        ("x", ["", "NA"] * 15, "it has no value in any row"),
        ("Unnamed: 0", range(100, 130), "an index that was saved with the table"),
        ("customer_id", range(0, 3000, 100), "an id, a different whole number in each row"),
        ("PassengerId", range(0, 3000, 100), "an id, a different whole number in each row"),
        ("x", np.random.default_rng(0).permutation(30), "it counts the rows"),
        ("x", [f"row {i}" for i in range(30)], "a different text in every row"),
        ("x", [f"row {i // 2}" for i in range(28)] + ["u", "v"], "16 different texts in 30 rows"),
    ],
)
def test_columns_that_are_left_out_and_told(name, values, why):
    other = np.linspace(0.0, 1.0, 30) ** 2
    preparation, notes, _ = prepare(**{name: list(values), "other": other})
    assert list(kinds(preparation)) == ["other"]
    assert notes[name] == f"left out: {why}"
    assert f"{name!r}: left out: {why}." in preparation.notes
    again = Preparation.from_json(json.loads(json.dumps(preparation.to_json())))
    assert again.notes == preparation.notes


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("year", range(1950, 1980)),  # a quantity that happens to differ in each row
        ("paid", range(0, 3000, 100)),
        ("Cabin", [None] * 15 + [f"C{i}" for i in range(15)]),  # whether there is one may tell
        ("key", [1, 2] * 15),
        ("x", np.linspace(0, 1, 30)),
    ],
)
def test_columns_that_are_kept(name, values):
    preparation, _, _ = prepare(**{name: list(values), "other": [0.5, 1.5, 4.5] * 10})
    assert list(kinds(preparation)) == [name, "other"]


def test_a_count_is_kept_where_it_is_all_there_is():
    assert kinds(prepare(x=range(30))[0]) == {"x": Numeric}
    with pytest.raises(
        ann.InvalidArgument, match=r"no column to learn from .'id' is left out: an i"
    ):
        prepare(id=range(30))


def test_what_somebody_says_goes_before_what_it_looks_like():
    frame = pd.DataFrame(
        {"id": range(30), "year": ["2019", "2020", "2021"] * 10, "z": [0.5, 2] * 15}
    )
    preparation = Preparation.fit(frame, numeric=["id"], categorical=["year"], drop=["z"])
    assert kinds(preparation) == {"id": Numeric, "year": Categorical}
    assert preparation.notes == ("'z': left out, as was asked for.",)
    with pytest.raises(ann.InvalidArgument, match=r"drop='yaer' is not known. Did you mean 'year'"):
        Preparation.fit(frame, drop=["yaer"])
    with pytest.raises(ann.InvalidArgument, match=r"categorical and numeric both name .* 'z'"):
        Preparation.fit(frame, categorical=["z"], numeric=["z"])
    with pytest.raises(ann.InvalidArgument, match="drop='z': wanted a list of columns"):
        Preparation.fit(frame, drop="z")
    with pytest.raises(ann.InvalidArgument, match="holds 'x' in the column 'a': wanted numbers"):
        Preparation.fit(pd.DataFrame({"a": ["x", "y"]}), numeric=["a"])


def test_categories_of_numbers_are_known_however_they_are_written():
    preparation = Preparation.fit(pd.DataFrame({"year": [2019, 2020]}), categorical=["year"])
    expected = preparation.features(pd.DataFrame({"year": [2019, 2020]}))
    for other in (["2019", "2020"], [2019.0, 2020.0], ["2019.0", "2020.00"], [" 2019", "2020 "]):
        found = preparation.features(pd.DataFrame({"year": other}))
        np.testing.assert_array_equal(found, expected)


# Very many texts


def test_of_very_many_texts_the_frequent_ones_are_kept():
    rare = [f"rare {i}" for i in range(1200)]
    frequent = ["often"] * 700 + ["seldom"] * 600
    preparation, notes, features = prepare(x=rare + frequent)
    assert notes["x"] == (
        "1,202 different texts in 2,500 rows: the 2 most frequent are kept, all others are one"
    )
    assert preparation.columns[0].categories == ("often", "seldom")
    assert features["x is another"].sum() == 1200
    # a text never seen is another one, and no news
    found = preparation.features(pd.DataFrame({"x": ["new", "often"]}))
    np.testing.assert_array_equal(found, [[0, 0, 1], [1, 0, 0]])


def test_texts_of_which_only_it_counts_whether_there_is_one():
    _, notes, features = prepare(x=[None] * 30 + [f"C{i}" for i in range(20)])
    assert notes["x"] == "20 different texts in 20 rows: only whether there is one is kept"
    np.testing.assert_array_equal(features["x is missing"], [1] * 30 + [0] * 20)


# What no column may hold


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([b"a", b"b"], "holds bytes in the column 'x'"),
        ([1 + 2j, 3j], "holds complex numbers in the column 'x'"),
        ([{"a": 1}, {"a": 2}], r"holds \{'a': 1\} in the column 'x'"),
        ([[1], [2]], r"holds \[1\] in the column 'x'"),
        ([np.inf, 1.0], "holds infinity in 1 of 2 rows of the column 'x'"),
        (["inf", "1"], "holds infinity in 1 of 2 rows of the column 'x'"),
    ],
)
def test_values_that_no_column_may_hold(values, words):
    with pytest.raises(ann.InvalidArgument, match=words) as caught:
        prepare(x=values, other=[1.0, 2.0])
    assert "\n" not in str(caught.value)
    assert kinds(Preparation.fit(pd.DataFrame({"x": values, "o": [1.0, 2.0]}), drop=["x"]))


def test_tables_of_nothing():
    with pytest.raises(ann.InvalidArgument, match=r"data has 0 feature\(s\) \(shape=\(3, 0\)\)"):
        Preparation.fit(pd.DataFrame(index=range(3)))
    with pytest.raises(ann.InvalidArgument, match="data has n_samples = 1 rows: wanted at"):
        Preparation.fit(pd.DataFrame({"x": [1.0]}))


# Parts that are not encoded yet


def test_blocks_are_what_features_are_made_of():
    frame = pd.DataFrame(
        {
            "n": [1.0, None, 5.0], "c": ["a", "b", None], "b": [True, False, True],
            "d": ["2020-01-01", "2020-02-01", "2020-03-01"],
        }
    )  # fmt: skip
    preparation = Preparation.fit(frame)
    blocks = preparation.blocks(frame)
    np.testing.assert_array_equal(blocks.numeric[:, 0], [1.0, 3.0, 5.0])
    np.testing.assert_array_equal(blocks.indicators, [[False], [True], [False]])
    np.testing.assert_array_equal(blocks.codes, [[0], [1], [2]])
    assert blocks.numeric_names[:3] == ("n", "b", "d")
    assert (blocks.indicator_names, blocks.categorical_names, blocks.sizes) == (
        ("n",),
        ("c",),
        (3,),
    )
    unseen = preparation.blocks(frame.assign(c="z"), differences=Differences())
    assert (unseen.codes == -1).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_features_have_the_type_that_is_asked_for(dtype):
    frame = pd.DataFrame({"x": [1.0, 2.0, 4.0], "c": ["a", "b", "a"]})
    preparation = Preparation.fit(frame)
    found = preparation.features(frame, dtype=dtype)
    assert found.dtype == dtype
    np.testing.assert_allclose(found, preparation.features(frame), rtol=1e-6)


# Stored


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("columns", 0, "kind"), "magic"),
        (("columns", 0, "scale"), 0.0),
        (("columns", 0, "fill"), "x"),
        (("columns", 0, "decimal"), ";"),
        (("columns", 1, "categories"), ["a", "a"]),
        (("columns", 1, "categories"), []),
        (("columns", 2, "parts"), ["eon"]),
        (("columns", 2, "mean"), float("nan")),
        (("seen", "lowest"), "not base 64"),
        (("seen", "other"), 1),
        (("missing",), 3),
        (("format",), "x"),
    ],
)
def test_descriptions_that_cannot_be(path, value):
    frame = pd.DataFrame({"n": [1.0, 2.0], "c": ["a", "b"], "d": ["2020-01-01", "2020-02-01"]})
    content = Preparation.fit(frame).to_json()
    inner = content
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    with pytest.raises(ann.InvalidArgument, match="does not say how its data is prepared"):
        Preparation.from_json(content)


def test_a_description_of_a_later_version():
    content = Preparation.fit(pd.DataFrame({"x": [1.0, 2.0]})).to_json()
    words = f"preparation has format {FORMAT + 1}: wanted {FORMAT} or less"
    with pytest.raises(ann.InvalidArgument, match=words):
        Preparation.from_json(content | {"format": FORMAT + 1})


# Through the command line


@pytest.mark.parametrize("backend", ["numpy", "array_api_strict"])
@pytest.mark.parametrize(("name", "target"), [("flats", "verkauft"), ("shop", "bought")])
def test_real_messes_train_at_once_and_predict(capsys, tmp_path, backend, name, target):
    pytest.importorskip("typer")
    pytest.importorskip(backend)

    def run(*arguments):
        with pytest.raises(SystemExit) as exit_:
            main([str(each) for each in arguments])
        assert exit_.value.code == 0
        return capsys.readouterr()

    path, folder = TABLES / f"{name}.csv", tmp_path / "run"
    said = run(
        "train", path, "--target", target, "--out", folder, "--backend", backend,
        "--hidden", 8, "--epochs", 2,
    )  # fmt: skip
    assert said.err == ""
    _, stored = load_with_preparation(folder / "model.safetensors")
    preparation = Preparation.from_json(stored)
    for note in preparation.notes:
        assert f"data: {note}" in said.out
    assert preparation.notes
    said = run("predict", folder, path)
    assert said.out.count("\n") == 61  # rows without a target have a prediction


def test_what_is_told_of_a_mess():
    """The two committed tables, each decision about them."""
    table = read_table(TABLES / "flats.csv").labelled("verkauft")
    flats = Preparation.fit(*table.split())
    assert table.notes[0] == (
        "read with ';' between the columns, a comma before fractions, text in cp1252 (a guess: it "
        "is not UTF-8)."
    )
    assert kinds(flats) == {
        "Stadt": Categorical, "Fläche": Numeric, "Preis": Numeric, "Anteil": Numeric,
        "Tag": DateTime, "Keller": Boolean,
    }  # fmt: skip
    assert flats.columns[0].categories == ("Köln", "Wien", "Zürich")
    assert [column.name for column in flats.left_out] == ["Nr", "Land"]
    shop = Preparation.fit(*read_table(TABLES / "shop.csv").labelled("bought").split())
    assert kinds(shop) == {
        "zip": Categorical, "price": Numeric, "share": Numeric, "when": DateTime,
        "sex": Categorical, "income": Numeric, "spam": Categorical,
    }  # fmt: skip
    assert [column.name for column in shop.left_out] == [
        "Unnamed: 0", "customer_id", "comment", "country",
    ]  # fmt: skip
    assert shop.classes == (0, 1)
