"""Tables in Python: a transformer, estimators that answer in labels, saved without pickle."""

import re
from pathlib import Path

import numpy as np
import pytest

import agnostic_nn as ann
from agnostic_nn.tabular import Preparation, read_table

pd = pytest.importorskip("pandas")
pytest.importorskip("sklearn")

from sklearn.model_selection import cross_val_score  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.preprocessing import StandardScaler  # noqa: E402
from sklearn.utils.estimator_checks import parametrize_with_checks  # noqa: E402

TABLES = Path(__file__).parent / "data" / "tables"


pytestmark = pytest.mark.filterwarnings("ignore:training went through all")  # quick trainings


@pytest.fixture(scope="module")
def flats():
    table = read_table(TABLES / "flats.csv").labelled("verkauft")
    return table.split()


#: A DataFrame in each library's form.
LIBRARIES = {
    "pandas": lambda frame: frame,
    "polars": lambda frame: pytest.importorskip("polars").from_pandas(frame),
    "arrow": lambda frame: pytest.importorskip("pyarrow").Table.from_pandas(frame),
    "dict": lambda frame: frame.to_dict("list"),
}


@pytest.fixture
def quick(backend):
    """A short training on the backend."""
    options = {
        "hidden_layer_sizes": (8,),
        "max_iter": 30,
        "random_state": 0,
        "learning_rate_init": 0.05,
    }
    options["backend"] = backend.of
    return lambda kind=ann.MLPClassifier, **more: kind(**options, **more)


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_table_of_any_library_is_transformed_alike(flats, library):
    (X, _), of = flats, LIBRARIES[library]
    expected = ann.TableTransformer().fit(X)
    transformer = ann.TableTransformer().fit(of(X))
    np.testing.assert_array_equal(transformer.transform(of(X)), expected.transform(X))
    assert transformer.preparation_ == Preparation.fit(X)
    assert transformer.n_features_in_ == X.shape[1]
    assert transformer.feature_names_in_.tolist() == list(X.columns)


@pytest.mark.parametrize("typed", [True, False])
def test_typed_columns_of_polars_and_arrow(typed):
    """Dates, categories, booleans and missing values as each library has them."""
    pl, pa = pytest.importorskip("polars"), pytest.importorskip("pyarrow")
    frame = pd.DataFrame(
        {
            "n": [1, 2, None, 4], "b": [True, None, False, True],
            "d": pd.to_datetime(["2020-01-01", "2021-02-03", None, "2022-05-05"]),
            "c": pd.Categorical(["x", "y", None, "x"]),
        }
    )  # fmt: skip
    if not typed:
        frame = frame.astype(object)
        frame["d"] = ["2020-01-01", "2021-02-03", None, "2022-05-05"]
    expected = ann.TableTransformer().fit_transform(frame)
    assert np.isfinite(expected).all()
    for other in (pl.from_pandas(frame), pa.Table.from_pandas(frame)):
        np.testing.assert_allclose(ann.TableTransformer().fit_transform(other), expected)


def test_arrays_and_what_is_no_table():
    X = np.random.default_rng(0).random((30, 3))
    transformer = ann.TableTransformer().fit(X)
    assert transformer.get_feature_names_out().tolist() == ["0", "1", "2"]
    with pytest.raises(ann.InvalidArgument, match="X has 2 features, but TableTransformer is exp"):
        transformer.transform(X[:, :2])
    with pytest.raises(ann.InvalidArgument, match=r"X has shape \(3,\): wanted a table"):
        ann.TableTransformer().fit([1.0, 2.0, 3.0])
    sparse = pytest.importorskip("scipy.sparse")
    with pytest.raises(ann.InvalidType, match="X is sparse, which is not supported"):
        ann.TableTransformer().fit(sparse.csr_matrix(X))
    for nonsense in (3, "text", None):
        with pytest.raises(ann.InvalidType, match="wanted a DataFrame of pandas or polars"):
            ann.TableTransformer().fit(nonsense)
    twice = pd.DataFrame([[1, 2]], columns=["a", "a"])
    with pytest.raises(ann.InvalidArgument, match="X has the column 'a' more than once"):
        ann.TableTransformer().fit(twice)


@pytest.mark.filterwarnings("ignore:data differs")  # of a fold from the others
def test_the_transformer_is_one_of_scikit_learn(flats):
    X, y = flats
    out = ann.TableTransformer(drop=["Tag"], dtype="float32").set_output(transform="pandas")
    found = out.fit_transform(X)
    assert list(found.columns) == out.get_feature_names_out().tolist()
    assert not any("Tag" in name for name in found.columns)
    assert found.dtypes.eq("float32").all()
    net = ann.MLPClassifier(hidden_layer_sizes=(8,), solver="lbfgs", random_state=0)
    scores = cross_val_score(make_pipeline(ann.TableTransformer(), net), X, y, cv=3)
    assert np.isfinite(scores).all()
    assert scores.mean() > 0.6


def test_the_transformer_passes_scikit_learn_s_checks():
    from sklearn.utils.estimator_checks import check_estimator

    results = check_estimator(ann.TableTransformer(), on_skip=None)
    assert all(result["status"] in ("passed", "skipped") for result in results)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
@pytest.mark.filterwarnings("ignore:.*A column-vector y:sklearn.exceptions.DataConversionWarning")
@parametrize_with_checks(
    [
        ann.TableClassifier(ann.MLPClassifier(random_state=0, max_iter=100)),
        ann.TableRegressor(ann.MLPRegressor(random_state=0, max_iter=100)),
    ],
    expected_failed_checks=lambda _: {
        "check_sample_weight_equivalence_on_dense_data": "columns are standardized by all rows "
        "alike, whatever these count for"
    },
)
def test_estimators_pass_scikit_learn_s_checks(estimator, check):
    check(estimator)


def test_a_classifier_answers_in_labels(flats, quick):
    X, y = flats
    model = ann.TableClassifier(quick()).fit(X, y)
    assert model.classes_.tolist() == ["ja", "nein"]
    answers = model.predict(X)
    assert set(answers) <= {"ja", "nein"}
    probabilities = model.predict_proba(X)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0, rtol=1e-5)
    assert (model.classes_[probabilities.argmax(axis=1)] == answers).all()
    assert model.score(X, y) == (answers == y).mean()


def test_a_regressor_answers_in_units(flats, quick):
    X, _ = flats
    y = pd.Series(np.linspace(1000.0, 5000.0, len(X)), name="rent")
    model = ann.TableRegressor(quick(ann.MLPRegressor)).fit(X, y)
    answers = model.predict(X)
    assert answers.shape == y.shape
    assert 1000.0 < answers.mean() < 5000.0
    assert np.isfinite(model.score(X, y))


@pytest.mark.parametrize("labels", [("ja", "nein"), (1, 2), (False, True), ("a", "b", "c")])
def test_estimators_are_saved_with_preparation_and_classes(flats, quick, tmp_path, labels):
    X, _ = flats
    y = pd.Series([labels[i % len(labels)] for i in range(len(X))], name="y")
    path = tmp_path / "m.safetensors"
    model = ann.TableClassifier(quick()).fit(X, y)
    ann.save(model, path)
    again = ann.load(path)
    assert isinstance(again, ann.TableClassifier)
    assert again.classes_.tolist() == list(labels)
    assert again.predict(X).tolist() == model.predict(X).tolist()
    assert type(again.predict(X).tolist()[0]) is type(labels[0])
    np.testing.assert_allclose(again.predict_proba(X), model.predict_proba(X), rtol=1e-5)
    assert b"pickle" not in path.read_bytes()


def test_a_regressor_is_saved(flats, quick, tmp_path):
    X, _ = flats
    model = ann.TableRegressor(quick(ann.MLPRegressor)).fit(X, np.arange(len(X)))
    ann.save(model, tmp_path / "m")
    again = ann.load(tmp_path / "m", backend="numpy")
    assert isinstance(again, ann.TableRegressor)
    np.testing.assert_allclose(again.predict(X), model.predict(X), rtol=1e-4)


@pytest.mark.parametrize("kind", [ann.MLPClassifier, ann.MLPRegressor])
def test_a_pipeline_is_saved_as_one_estimator(flats, quick, tmp_path, kind):
    X, y = flats
    y = y if kind is ann.MLPClassifier else np.linspace(0.0, 1.0, len(X))
    pipeline = make_pipeline(ann.TableTransformer(), quick(kind)).fit(X, y)
    ann.save(pipeline, tmp_path / "m")
    again, expected = ann.load(tmp_path / "m").predict(X), pipeline.predict(X)
    if kind is ann.MLPClassifier:
        assert again.tolist() == expected.tolist()
    else:
        np.testing.assert_allclose(again, expected, rtol=1e-4)
    other = make_pipeline(StandardScaler(), quick()).fit(np.eye(4), [0, 1, 0, 1])
    with pytest.raises(ann.InvalidArgument, match="pipeline of StandardScaler and MLPClassifier"):
        ann.save(other, tmp_path / "n")


def test_a_model_of_the_command_line_is_an_estimator(tmp_path, capsys):
    pytest.importorskip("typer")
    from agnostic_nn.cli import main

    path, folder = TABLES / "flats.csv", tmp_path / "run"
    for arguments in (
        ["train", path, "--target", "verkauft", "--out", folder, "--hidden", 8, "--epochs", 2],
        ["predict", folder, path, "--out", tmp_path / "p.csv"],
    ):
        with pytest.raises(SystemExit) as exit_:
            main([str(each) for each in arguments])
        assert exit_.value.code == 0
    model = ann.load(folder / "model.safetensors")
    answers = pd.read_csv(tmp_path / "p.csv")
    frame = read_table(path).frame
    assert model.predict(frame).tolist() == answers["prediction"].tolist()
    np.testing.assert_allclose(
        model.predict_proba(frame), answers[["probability_ja", "probability_nein"]], atol=1e-5
    )
    # and the other way round
    ann.save(model, tmp_path / "m.safetensors")
    with pytest.raises(SystemExit) as exit_:
        main(["predict", str(tmp_path / "m.safetensors"), str(path)])
    assert exit_.value.code == 0


def test_old_models_of_the_command_line_are_estimators():
    folder = Path(__file__).parent / "data"
    model = ann.load(folder / "models" / "v1-command-line.safetensors")
    assert isinstance(model, ann.TableClassifier)
    assert model.classes_.tolist() == ["no", "yes"]
    answers = model.predict(pd.read_csv(folder / "shop.csv"))
    assert set(answers) <= {"no", "yes"}


def test_a_network_with_something_of_the_users_own_stays_a_network(tmp_path):
    net = ann.Network([2, 1], "squared_error")
    for preparation in (None, {"columns": ["a", "b"]}, [1, 2], "scaled"):
        ann.save(net, tmp_path / "m", preparation=preparation)
        assert isinstance(ann.load(tmp_path / "m"), ann.Network)


def test_what_is_of_the_network_is_said_to_be(flats, quick):
    model = ann.TableClassifier(quick()).fit(*flats)
    words = re.escape("TableClassifier has no 'theta', its network has: wanted .network_.theta.")
    with pytest.raises(AttributeError, match=words):
        model.theta  # noqa: B018
    with pytest.raises(AttributeError, match="no attribute 'thetta'"):
        model.thetta  # noqa: B018
    assert not hasattr(ann.TableClassifier(), "network_")


def test_a_preparation_that_does_not_fit_its_network(tmp_path):
    frame = pd.DataFrame({"x": [1.0, 2.0, 4.0]})
    preparation = Preparation.fit(frame, pd.Series([1.0, 2.5, 3.0], name="y"))
    net = ann.Network([2, 1], "squared_error")
    ann.save(net, tmp_path / "m", preparation=preparation.to_json())
    words = "preparation gives 1 features and 1 outputs, the network has 2 and 1"
    with pytest.raises(ann.InvalidArgument, match=words):
        ann.load(tmp_path / "m")


def test_targets_that_no_estimator_takes(flats):
    X, y = flats
    with pytest.raises(ann.InvalidArgument, match="has 1 missing values"):
        ann.TableClassifier().fit(X, [None, *y[1:]])
    with pytest.raises(ann.InvalidArgument, match="y has one class only, 'ja': wanted"):
        ann.TableClassifier().fit(X, ["ja"] * len(X))


def test_a_quantity_is_no_label(flats):
    X, _ = flats
    with pytest.raises(ann.InvalidArgument, match=r"y holds .*0.5.*: Unknown label type"):
        ann.TableClassifier().fit(X, np.arange(len(X)) + 0.5)
    with pytest.raises(ann.InvalidArgument, match="requires y to be passed"):
        ann.TableRegressor().fit(X, None)


def test_what_differs_from_training_is_told(flats, quick):
    X, y = flats
    model = ann.TableClassifier(quick()).fit(X, y)
    with pytest.warns(ann.TableWarning, match="category not seen in training: 'Stadt'"):
        model.predict(X.assign(Stadt="Paris"))


def test_weights_reach_the_network(flats, quick):
    X, y = flats
    weight = np.where(y == "ja", 1000.0, 1e-3)
    model = ann.TableClassifier(quick()).fit(X, y, sample_weight=weight)
    assert (model.predict(X) == "ja").all()
