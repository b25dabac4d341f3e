"""Scores of predictions, a linear model to compare with, and what a model leans on."""

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics
from sklearn.linear_model import LogisticRegression

import agnostic_nn as ann
from agnostic_nn.tabular import Preparation, importance, linear
from agnostic_nn.tabular.importance import mean_importance, permutation_importance
from agnostic_nn.tabular.linear import fit_linear
from agnostic_nn.tabular.scores import by_class, calibration, leading, scores_of

RANDOM = np.random.default_rng(0)
R2 = leading("r2", "regression")


def classes(k, n=200):
    """A preparation for k classes, targets, and outputs that are right about half of the time."""
    codes = np.arange(n) % k
    y = pd.Series([f"class {i}" for i in codes], name="y")
    preparation = Preparation.fit(pd.DataFrame({"x": np.arange(n)}), y)
    P = RANDOM.dirichlet(np.ones(k), n) + 0.6 * np.eye(k)[codes] * RANDOM.random((n, 1))
    P /= P.sum(axis=1, keepdims=True)
    outputs = P[:, 1:] if k == 2 else P
    return preparation, preparation.targets(y), outputs, codes, P


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("k", [2, 4])
def test_classification_is_scored_as_scikit_learn_does(k, weighted):
    preparation, targets, outputs, codes, P = classes(k)
    weight = RANDOM.random(len(codes)) if weighted else None
    options = {"sample_weight": weight}
    found, said = scores_of(preparation, targets, outputs, weight), P.argmax(axis=1)
    one_hot = np.eye(k)[codes]
    expected = {
        "accuracy": metrics.accuracy_score(codes, said, **options),
        "balanced_accuracy": metrics.balanced_accuracy_score(codes, said, **options),
        "f1": metrics.f1_score(codes, said, average="macro", **options),
        "auc": metrics.roc_auc_score(codes, P[:, 1], **options)
        if k == 2
        else np.mean([metrics.roc_auc_score(codes == c, P[:, c], **options) for c in range(k)]),
        "log_loss": metrics.log_loss(codes, P, **options),
        "brier": metrics.brier_score_loss(codes, P[:, 1], **options)
        if k == 2
        else np.average(((P - one_hot) ** 2).sum(axis=1), weights=weight),
    }
    error = found.pop("calibration_error")
    assert found == pytest.approx(expected)
    assert 0.0 <= error <= 1.0


def test_regression_is_scored_in_units():
    y = pd.Series(RANDOM.normal(50.0, 10.0, 90), name="y")
    preparation = Preparation.fit(pd.DataFrame({"x": np.arange(90)}), y, "regression")
    said, weight = y + RANDOM.normal(0.0, 3.0, 90), RANDOM.random(90)
    outputs = ((said - preparation.mean) / preparation.scale).to_numpy().reshape(-1, 1)
    for w in (None, weight):
        assert scores_of(preparation, preparation.targets(y), outputs, w) == pytest.approx(
            {
                "r2": metrics.r2_score(y, said, sample_weight=w),
                "rmse": metrics.mean_squared_error(y, said, sample_weight=w) ** 0.5,
                "mae": metrics.mean_absolute_error(y, said, sample_weight=w),
            }
        )


def test_a_score_that_is_not_defined_is_none():
    preparation, targets, outputs, _, _ = classes(2)
    alone = scores_of(preparation, targets[:1], outputs[:1])
    assert alone["auc"] is None
    assert alone["accuracy"] in (0.0, 1.0)
    y = pd.Series([1.5, 2.5], name="y")
    preparation = Preparation.fit(pd.DataFrame({"x": [1, 2]}), y)
    assert scores_of(preparation, preparation.targets(y)[:1], np.zeros((1, 1)))["r2"] is None
    far = scores_of(preparation, preparation.targets(y), np.full((2, 1), 1e300))
    assert far["r2"] is None
    assert far["rmse"] is None


def test_where_no_row_counts_no_score_is_defined():
    preparation, targets, outputs, codes, _ = classes(3)
    assert set(scores_of(preparation, targets, outputs, np.zeros(len(codes))).values()) == {None}


def test_calibration_by_hand():
    y = pd.Series(["a", "b"] * 5, name="y")
    preparation = Preparation.fit(pd.DataFrame({"x": range(10)}), y)
    outputs = np.full((10, 1), 0.75)  # "b", with 3/4, which half of the rows are
    (part,) = calibration(preparation, preparation.targets(y), outputs)
    assert part == {"confidence": 0.75, "accuracy": 0.5, "weight": 10.0}
    assert scores_of(preparation, preparation.targets(y), outputs)["calibration_error"] == 0.25
    weight = preparation.targets(y)[:, 0]  # which counts "b" alone
    (part,) = calibration(preparation, preparation.targets(y), outputs, weight)
    assert part["accuracy"] == 1.0


def test_by_class():
    preparation, targets, outputs, codes, P = classes(3)
    said = P.argmax(axis=1)
    for code, row in enumerate(by_class(preparation, targets, outputs)):
        assert row["class"] == f"class {code}"
        assert row["rows"] == (codes == code).sum()
        assert row["recall"] == pytest.approx((said[codes == code] == code).mean())
        assert row["precision"] == pytest.approx((codes[said == code] == code).mean())


def test_the_score_that_leads():
    assert leading(None, "classification").name == "accuracy"
    assert leading("mae", "regression").title == "MAE"
    with pytest.raises(ann.InvalidArgument, match=r"metric='r2'.*task is classificat"):
        leading("r2", "classification")


@pytest.mark.parametrize("k", [2, 3])
def test_the_linear_model_is_logistic_regression(k):
    X = RANDOM.normal(size=(150, 3))
    codes = np.clip(np.digitize(X[:, 0], [-0.5, 0.5]), 0, k - 1)
    y = pd.Series([f"c{code}" for code in codes], name="y")
    preparation, weight = Preparation.fit(pd.DataFrame(X), y), RANDOM.random(150)
    predict, rows = fit_linear(preparation, X, preparation.targets(y), weight)
    model = LogisticRegression(max_iter=200).fit(X, codes, weight)
    expected = model.predict_proba(X)
    np.testing.assert_allclose(predict(X), expected[:, 1:] if k == 2 else expected)
    assert rows == 150


def test_the_linear_model_of_very_many_numbers_is_fitted_to_some(monkeypatch):
    monkeypatch.setattr(linear, "MOST_NUMBERS", 1)
    X = RANDOM.normal(size=(3000, 2))
    y = pd.Series(X[:, 0] + 5.0, name="y")
    preparation = Preparation.fit(pd.DataFrame(X), y, "regression")
    predict, rows = fit_linear(preparation, X, preparation.targets(y))
    assert rows == 1000
    assert scores_of(preparation, preparation.targets(y), predict(X))["r2"] > 0.99
    rare = pd.Series(["a"] * 2999 + ["b"], name="y")  # no row of which is drawn
    preparation = Preparation.fit(pd.DataFrame(X), rare)
    predict, _ = fit_linear(preparation, X, preparation.targets(rare))
    assert (predict(X) == 0.0).all()


def frame(n=300):
    table = pd.DataFrame(
        {
            "noise": RANDOM.random(n),
            "kind": RANDOM.choice(["a", "b", "c"], n),
            "x": 300.0 * RANDOM.random(n),
        }
    )
    table["y"] = 10.0 * (table["kind"] == "b") + 0.01 * table["x"]
    preparation = Preparation.fit(table[["noise", "kind", "x"]], table["y"], "regression")
    return preparation, preparation.features(table), preparation.targets(table["y"])


def test_importance_is_how_much_worse_the_score_is_without_a_column():
    preparation, X, targets = frame()
    predict, _ = fit_linear(preparation, X, targets)
    found = permutation_importance(predict, preparation, X, targets, score=R2)
    assert [one.column for one in found] == ["kind", "x", "noise"]
    assert found[0].mean > 1.0  # which are three inputs, shuffled as one column
    assert abs(found[2].mean) < 0.01
    errors = permutation_importance(
        predict, preparation, X, targets, score=leading("rmse", "regression")
    )
    assert errors[0].mean > 0.0  # a larger error is worse
    again = permutation_importance(predict, preparation, X, targets, score=R2)
    assert again == found
    assert mean_importance([found, found])[0][:2] == pytest.approx(found[0][:2])
    assert mean_importance([found, found])[0].spread == 0.0


def test_importance_of_too_many_columns_is_not_looked_for(monkeypatch):
    monkeypatch.setattr(importance, "MOST_SHUFFLES", 2)
    preparation, X, targets = frame()
    predict, _ = fit_linear(preparation, X, targets)
    assert permutation_importance(
        predict, preparation, X, targets, score=R2
    ) == []  # fmt: skip
