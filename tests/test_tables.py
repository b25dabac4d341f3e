"""Tables: reading them, and making numbers of them and predictions of numbers."""

import json
import re
import sys

import numpy as np
import pytest

import agnostic_nn as ann
from agnostic_nn.installing import install_line
from agnostic_nn.tabular import (
    BUILT_IN,
    Boolean,
    Categorical,
    Numeric,
    Preparation,
    read_table,
    task_of,
)

pd = pytest.importorskip("pandas")


@pytest.fixture
def mixed():
    return pd.DataFrame(
        {
            "age": [20, 30, 40, 50],
            "city": ["Rome", "Oslo", "Rome", "Bonn"],
            "member": [True, False, True, True],
            "same": [0.1, 0.1, 0.1, 0.1],
            "bought": ["yes", "no", "yes", "no"],
        }
    )


def raises(*words):
    class Raises:
        def __enter__(self):
            self.context = pytest.raises(ann.AgnosticNNError)
            self.caught = self.context.__enter__()

        def __exit__(self, *error):
            suppressed = self.context.__exit__(*error)
            for word in words:
                assert word in str(self.caught.value)
            assert "\n" not in str(self.caught.value)
            return suppressed

    return Raises()


def warns(*words):
    return pytest.warns(ann.TableWarning, match=".*".join(map(re.escape, words)))


# Reading


@pytest.mark.parametrize("name", BUILT_IN)
def test_built_in(name):
    table = read_table(name)
    X, y = table.split()
    assert table.name == name
    assert len(X) == len(y) > 100
    assert task_of(y)[0] == ("regression" if name == "diabetes" else "classification")


def test_built_in_classes_have_their_names():
    assert set(read_table("wine").split()[1]) == {"class_0", "class_1", "class_2"}
    assert set(read_table("digits").split()[1]) == set(range(10))
    _, y = read_table("breast_cancer").split()
    assert set(y) == {"benign", "malignant"}


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_files_with_mixed_columns(mixed, tmp_path, ending):
    path = str(tmp_path / f"shop.{ending}")
    mixed.to_csv(path, index=False) if ending == "csv" else mixed.to_parquet(path)
    table = read_table(path)
    if ending == "csv":  # what a value is, is not for the reader to say
        mixed = mixed.astype(str)
    texts = {name: mixed[name].dtype for name in ("city", "bought")}  # or categories, in pandas 2
    frame = table.frame.astype(texts)
    pd.testing.assert_frame_equal(frame, mixed, check_dtype=ending == "parquet")
    assert table.name == "shop"
    X, y = table.split("bought")
    assert list(X.columns) == ["age", "city", "member", "same"]
    assert y.tolist() == ["yes", "no", "yes", "no"]


def test_npy_and_npz(tmp_path):
    X, y = np.arange(12.0).reshape(6, 2), np.asarray([0, 1, 0, 1, 0, 1])
    np.save(tmp_path / "a.npy", np.column_stack([X, y]))
    np.savez(tmp_path / "a.npz", X=X, y=y)
    np.savez(tmp_path / "column.npz", X=X, y=y[:, None])
    np.savez(tmp_path / "bare.npz", X=X)
    for name in ("a.npy", "a.npz", "column.npz"):
        features, target = read_table(str(tmp_path / name)).split()
        assert list(features.columns) == ["0", "1"]
        np.testing.assert_array_equal(features.to_numpy(), X)
        np.testing.assert_array_equal(target, y)
    features, target = read_table(str(tmp_path / "a.npy")).split("0")
    assert list(features.columns) == ["1", "2"]
    with raises("target is needed"):
        read_table(str(tmp_path / "bare.npz")).split()


def test_names_that_are_no_data(tmp_path):
    with raises("data='digit' is not known", "Did you mean 'digits'?", "iris"):
        read_table("digit")
    with raises("there is no such file"):
        read_table(str(tmp_path / "a.csv"))
    with raises("is a folder without a table"):
        read_table(str(tmp_path))
    (tmp_path / "a.xls").write_text("x")
    with raises("ends in '.xls'", ".csv, .tsv, .jsonl", ".npy", "digits"):
        read_table(str(tmp_path / "a.xls"))


@pytest.mark.parametrize("ending", ["csv", "parquet", "npy", "npz"])
def test_files_that_hold_nothing_or_nonsense(tmp_path, ending):
    path = tmp_path / f"a.{ending}"
    path.write_bytes(b"")
    with raises("the file is empty"):
        read_table(str(path))
    path.write_bytes(b'\xff\xfe"nonsense' * 50)
    with raises("has no rows" if ending == "csv" else f"cannot be read as {ending}"):
        read_table(str(path))


def test_a_header_alone(tmp_path):
    (tmp_path / "a.csv").write_text("x,y\n")
    with raises("has no rows"):
        read_table(str(tmp_path / "a.csv"))


def test_arrays_of_the_wrong_kind(tmp_path):
    np.save(tmp_path / "a.npy", np.ones(3))
    with raises("has shape (3,)", "wanted one array"):
        read_table(str(tmp_path / "a.npy"))
    np.savez(tmp_path / "a.npz", x=np.ones(3))
    with raises("holds x", "wanted the arrays X and y"):
        read_table(str(tmp_path / "a.npz"))
    np.savez(tmp_path / "a.npz", X=np.ones((3, 2)), y=np.ones(2))
    with raises("X (3, 2) and y (2,)"):
        read_table(str(tmp_path / "a.npz"))


def test_nothing_is_unpickled(tmp_path):
    np.save(tmp_path / "a.npy", np.asarray([[print]], dtype=object), allow_pickle=True)
    with raises("cannot be read as npy"):
        read_table(str(tmp_path / "a.npy"))


def test_targets_that_are_none(mixed, tmp_path):
    path = str(tmp_path / "shop.csv")
    mixed.to_csv(path, index=False)
    with raises("target is needed", "age, city, member, same, bought"):
        read_table(path).split()
    with raises("target='baught' is not known", "Did you mean 'bought'?", "city"):
        read_table(path).split("baught")
    mixed[["age"]].to_csv(path, index=False)
    with raises("has the column 'age' alone", "commas"):
        read_table(path).split("age")
    mixed.assign(bought=["yes", None, "no", None]).to_csv(path, index=False)
    with raises("target has 2 missing values in 4 rows of the column 'bought'"):
        read_table(path).split("bought")
    table = read_table(path).labelled("bought")
    assert table.split()[1].tolist() == ["yes", "no"]
    assert table.split()[0]["age"].tolist() == ["20", "40"]
    assert table.notes == ("2 of 4 rows are left out: they have no 'bought'.",)


# Telling classification from regression


@pytest.mark.parametrize(
    ("values", "task"),
    [
        (["a", "b"], "classification"),
        ([True, False], "classification"),
        ([0, 1] * 5, "classification"),
        ([1.0, 2.0] * 5, "classification"),
        ([1, 2, 3, 4], "regression"),
        ([0.5, 1.0] * 50, "regression"),
        (list(range(30)) * 10, "regression"),
    ],
)
def test_task(values, task):
    assert task_of(pd.Series(values))[0] == task


def test_task_is_overridden():
    X, y = pd.DataFrame({"x": [1.0, 2.0, 3.0]}), pd.Series([1, 2, 2], name="y")
    assert Preparation.fit(X, y).task == "regression"
    assert Preparation.fit(X, y, "classification").classes == (1, 2)
    with raises("task='clasification' is not known", "Did you mean 'classification'?"):
        Preparation.fit(X, y, "clasification")


# Preparing


def test_features_are_standardized_and_one_hot(mixed):
    X, y = mixed.drop(columns="bought"), mixed["bought"]
    preparation = Preparation.fit(X, y)
    assert [type(column) for column in preparation.columns] == [Numeric, Categorical, Boolean]
    features = preparation.features(X)
    assert features.shape == (4, preparation.n_features) == (4, 5)
    np.testing.assert_allclose(features[:, 0].mean(), 0.0, atol=1e-15)
    np.testing.assert_allclose(features[:, 0].std(), 1.0)
    np.testing.assert_array_equal(features[:, 1:4], [[0, 0, 1], [0, 1, 0], [0, 0, 1], [1, 0, 0]])
    assert preparation.notes == ("'same': left out: the same in every row.",)
    assert preparation.feature_names == [
        "age", "city = Bonn", "city = Oslo", "city = Rome", "member",
    ]  # fmt: skip


def test_order_index_and_other_columns_do_not_matter(mixed):
    X, y = mixed.drop(columns="bought"), mixed["bought"]
    preparation = Preparation.fit(X, y)
    other = mixed[mixed.columns[::-1]].assign(more=[None] * 4).set_index(pd.Index([9, 9, 3, 1]))
    np.testing.assert_array_equal(preparation.features(other), preparation.features(X))


def test_an_unseen_category_is_all_zeros(mixed):
    preparation = Preparation.fit(mixed[["city"]], mixed["bought"])
    with warns("in 2 rows: a category not seen in training: 'city' (1 rows, such as 'Paris')"):
        found = preparation.features(pd.DataFrame({"city": ["Paris", "Oslo"]}))
    np.testing.assert_array_equal(found, [[0, 0, 0], [0, 1, 0]])


def test_columns_that_do_not_fit_the_model(mixed):
    preparation = Preparation.fit(mixed[["age", "city"]], mixed["bought"])
    with warns("in 4 rows: no column 'city': taken as missing in every row"):
        found = preparation.features(mixed[["age"]])
    np.testing.assert_array_equal(found[:, 1:], 0.0)
    with raises("no column 'age' and 1 more"):
        preparation.features(mixed[["same"]])
    with raises("holds 'old' in the column 'age'", "wanted numbers"):
        preparation.features(mixed.assign(age=["20", "old", "3", "4"]))


def test_numbers_that_cannot_be_standardized(mixed):
    with raises("data holds infinity in 1 of 4 rows of the column 'age'"):
        Preparation.fit(mixed[["age"]].assign(age=[1.0, np.inf, 2.0, 3.0]), mixed["bought"])
    with raises("too large to standardize in the column 'age'"):
        Preparation.fit(mixed[["age"]].assign(age=[-1.7e308] + [1.7e308] * 3), mixed["bought"])


@pytest.mark.parametrize("size", [1e300, 1e-300])
def test_numbers_of_any_size_are_standardized(mixed, size):
    X = mixed[["age"]] * size  # warnings are errors here: none may come from a library
    features = Preparation.fit(X, mixed["bought"]).features(X)
    np.testing.assert_allclose(features.std(), 1.0)


@pytest.mark.parametrize("value", ["yes", 3, True, 2.5])
def test_a_target_of_one_value(mixed, value):
    with raises(f"target='y' is {value!r} in every row"):
        Preparation.fit(mixed[["age"]], pd.Series([value] * 4, name="y"))


# Targets and predictions


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        (["b", "a", "b"], ("a", "b")),
        ([True, False, True], (False, True)),
        ([3, 1, 3], (1, 3)),
    ],
)
def test_two_classes(labels, classes):
    y = pd.Series(labels, name="y")
    preparation = Preparation.fit(pd.DataFrame({"x": [1, 2, 3]}), y, "classification")
    assert preparation.classes == classes
    assert preparation.loss == "binary_cross_entropy"
    np.testing.assert_array_equal(preparation.targets(y), [[1.0], [0.0], [1.0]])
    predicted = preparation.predictions(np.asarray([[0.9], [0.1], [0.5001]]))
    assert predicted.tolist() == labels
    assert type(predicted.tolist()[0]) is type(labels[0])
    probabilities = preparation.probabilities(np.asarray([[0.75]]))
    assert probabilities.to_dict("list") == {classes[0]: [0.25], classes[1]: [0.75]}


def test_many_classes():
    y = pd.Series(["b", "c", "a", "c"], name="y")
    preparation = Preparation.fit(pd.DataFrame({"x": [1, 2, 3, 4]}), y)
    assert preparation.loss == "categorical_cross_entropy"
    assert preparation.shares == (0.25, 0.25, 0.5)
    np.testing.assert_array_equal(preparation.targets(y)[0], [0.0, 1.0, 0.0])
    assert preparation.predictions(preparation.targets(y)).tolist() == y.tolist()
    with raises("target='y' holds 'd'", "one of a, b, c"):
        preparation.targets(pd.Series(["a", "d"]))


def test_labels_that_look_like_numbers_in_another_file():
    y = pd.Series(["1", "2", "x"], name="y")
    preparation = Preparation.fit(pd.DataFrame({"x": [1, 2, 3]}), y)
    np.testing.assert_array_equal(preparation.targets(pd.Series([2, 1])).argmax(axis=1), [1, 0])


def test_a_quantity_is_standardized_and_turned_back():
    y = pd.Series([10.5, 20.0, 33.0], name="y")
    preparation = Preparation.fit(pd.DataFrame({"x": [1, 2, 3]}), y)
    targets = preparation.targets(y)
    np.testing.assert_allclose(targets.std(), 1.0)
    np.testing.assert_allclose(preparation.predictions(targets), y)
    assert preparation.loss == "squared_error"


def test_json(mixed):
    for target in ("bought", "member", "age"):
        preparation = Preparation.fit(mixed.drop(columns=target), mixed[target])
        text = json.dumps(preparation.to_json(), allow_nan=False)
        assert Preparation.from_json(json.loads(text)) == preparation


@pytest.mark.parametrize("content", [None, {}, [], {"columns": 3}, "x"])
def test_json_of_something_else(content):
    with raises("does not say how its data is prepared"):
        Preparation.from_json(content)


def test_without_the_libraries(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with raises("scikit-learn", install_line("cli")):
        read_table("iris")
    monkeypatch.setitem(sys.modules, "pandas", None)
    with raises("tables need pandas", install_line("tables")):
        task_of([1])
