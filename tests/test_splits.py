"""Which rows are held out: nothing that is trained on tells of what is tested on."""

import pandas as pd
import pytest
from sklearn.model_selection import train_test_split

import agnostic_nn as ann
from agnostic_nn.tabular.splits import Splits

Y = pd.Series(["yes" if i % 4 == 0 else "no" for i in range(80)], name="ill")
GROUPS = pd.Series([f"p{i // 4}" for i in range(80)], name="patient")
DAYS = pd.Series([f"2024-{1 + i // 10:02d}-{1 + i % 10 // 2:02d}" for i in range(80)], name="day")


def both(kept, held):
    """Every row is on one side, and on one only."""
    assert sorted([*kept, *held]) == list(range(80))
    return set(kept), set(held)


def test_at_random_it_is_the_split_that_scikit_learn_makes():
    rows = list(range(80))
    for stratified in (True, False):
        kept, held = Splits(Y, stratified, 7).hold_out(0.25)
        expected = train_test_split(
            rows, test_size=0.25, random_state=7, stratify=Y if stratified else None
        )
        assert [list(kept), list(held)] == expected


@pytest.mark.parametrize("stratified", [True, False])
def test_a_group_is_on_one_side(stratified):
    splits = Splits(Y, stratified, 0, groups=GROUPS)
    kept, held = both(*splits.hold_out(0.25))
    assert not {GROUPS[i] for i in kept} & {GROUPS[i] for i in held}
    assert 10 <= len(held) <= 30
    folds = list(splits.folds(4, 2))
    assert [(fold.repeat, fold.number) for fold in folds] == [
        (repeat, number) for repeat in (1, 2) for number in (1, 2, 3, 4)
    ]
    for fold in folds:
        kept, held = both(fold.kept, fold.held)
        assert not {GROUPS[i] for i in kept} & {GROUPS[i] for i in held}
    for repeat in (folds[:4], folds[4:]):
        assert sorted(i for fold in repeat for i in fold.held) == list(range(80))
    assert [set(f.held) for f in folds[:4]] != [set(f.held) for f in folds[4:]]


def test_classes_are_held_out_in_their_proportions():
    for groups in (None, GROUPS):
        splits = Splits(Y, True, 0, groups=groups)
        for held in [splits.hold_out(0.25)[1], *(fold.held for fold in splits.folds(4))]:
            assert 0.2 <= (Y.iloc[held] == "yes").mean() <= 0.3


@pytest.mark.parametrize("as_dates", [False, True])
def test_what_is_held_out_is_later_than_what_is_trained_on(as_dates):
    times = pd.to_datetime(DAYS) if as_dates else DAYS
    order = [(31 * i) % 80 for i in range(80)]  # rows come in any order
    times = times.iloc[order].reset_index(drop=True)
    splits = Splits(Y, True, 0, times=times)
    kept, held = both(*splits.hold_out(0.25))
    assert max(times[i] for i in kept) < min(times[i] for i in held)
    assert len(held) == 20
    folds = list(splits.folds(4))
    for fold in folds:
        assert max(times[i] for i in fold.kept) < min(times[i] for i in fold.held)
    assert [len(fold.kept) for fold in folds] == sorted(len(fold.kept) for fold in folds)


def test_rows_of_one_moment_stay_together():
    times = pd.Series([0] * 70 + [1] * 10, name="t")
    kept, held = Splits(Y, False, 0, times=times).hold_out(0.01)
    assert (len(kept), len(held)) == (70, 10)
    with pytest.raises(ann.InvalidArgument, match="80 rows: 80 of them have the time 0"):
        Splits(Y, False, 0, times=times * 0).hold_out(0.2)
    with pytest.raises(ann.InvalidArgument, match="folds=3 cannot split 80 rows: too many of them"):
        list(Splits(Y, False, 0, times=times).folds(3))


def test_rows_are_divided_again_by_the_same_rule():
    splits = Splits(Y, True, 0, groups=GROUPS)
    kept, held = splits.hold_out(0.25)
    inner, watched = splits.hold_out(0.2, kept, "validation")
    assert {*inner, *watched} == {*kept}
    assert not {GROUPS[i] for i in inner} & {GROUPS[i] for i in watched}
    assert not {*watched} & {*held}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"groups": GROUPS, "times": DAYS}, "group='patient' and time='day': wanted one of them"),
        ({"groups": GROUPS.mask(GROUPS == "p3")}, "group='patient' has 4 missing values in 80"),
        ({"times": DAYS.replace("2024-01-01", "NA")}, "time='day' has 2 missing values in 80 rows"),
        ({"times": Y.rename("t")}, "time='t' holds 'yes': wanted numbers, or dates such as 2024"),
        (
            {"times": pd.Series(["03/04/2024", "05/06/2024"] * 40, name="t")},
            "time='t' holds '03/04/2024', where day and month could be either",
        ),
    ],
)
def test_columns_that_cannot_decide(arguments, words):
    with pytest.raises(ann.InvalidArgument, match=words):
        Splits(Y, False, 0, **arguments)


@pytest.mark.parametrize("categorical", [False, True])
def test_a_row_alone_in_its_class_is_never_held_out(categorical):
    """It is learned from; all others are divided as if it were not there."""
    y = Y.copy()
    y[[5, 70]] = ["rare", "unique"]
    others = [i for i in range(80) if i not in (5, 70)]
    splits = Splits(y.astype("category") if categorical else y, True, 7)
    expected = train_test_split(
        others, test_size=0.25, random_state=7, stratify=y[others].factorize(sort=True)[0]
    )
    kept, held = both(*splits.hold_out(0.25))
    assert [kept, held] == [{*expected[0], 5, 70}, {*expected[1]}]
    folds = list(splits.folds(4))
    assert all({5, 70} <= {*fold.kept} for fold in folds)
    assert sorted(i for fold in folds for i in fold.held) == others
    inner, _ = splits.watch(0.2, [*expected[0], 5, 70])
    assert {5, 70} <= {*inner}
    assert splits.notes == ("2 classes have a single row, never held out: rare, unique.",)
    assert Splits(y.replace("rare", "no"), True, 0).notes == (
        "the class 'unique' has a single row: it is never held out.",
    )
    assert Splits(y, True, 0, groups=GROUPS).notes == Splits(Y, True, 0).notes == ()
    assert Splits(y, False, 0).notes == ()


@pytest.mark.parametrize(
    ("y", "stratified", "words"),
    [
        (["a", "b"] * 2, True, "4 rows: 1 would be held out and 3 kept, wanted one of each of 2"),
        ([1.0], False, "1 rows: 1 would be held out and 0 kept, wanted one on either side"),
    ],
)
def test_too_few_rows_to_divide(y, stratified, words):
    with pytest.raises(ann.InvalidArgument, match=f"test_fraction=0.2 cannot split {words}"):
        Splits(pd.Series(y, name="y"), stratified, 0).hold_out(0.2)


def test_a_class_for_every_row():
    with pytest.raises(ann.InvalidArgument, match=r"^target='y' has a class of its own in each "):
        Splits(pd.Series(list("abcdef"), name="y"), True, 0).hold_out(0.2)


def test_what_cannot_be_split():
    with pytest.raises(ann.InvalidArgument, match="repeats=2: wanted 1 with time='day'"):
        list(Splits(Y, False, 0, times=DAYS).folds(3, 2))
    with pytest.raises(ann.InvalidArgument, match="folds=30 cannot split 80 rows: "):
        list(Splits(Y, True, 0, groups=GROUPS).folds(30))
    with pytest.raises(ann.InvalidArgument, match=r"validation=0\.001 cannot split 80 rows: "):
        Splits(Y, True, 0).hold_out(0.001, argument="validation")
    late = pd.Series(["no"] * 70 + ["yes"] * 10, name="ill")
    with pytest.raises(ann.InvalidArgument, match="'yes' is in held-out rows alone, which are the"):
        Splits(late, True, 0, times=DAYS).hold_out(0.125)


def test_how_rows_are_held_out_is_said():
    assert Splits(Y, True, 0).describe() == "rows at random, each class in its proportion"
    assert Splits(Y, False, 0).describe() == "rows at random"
    assert Splits(Y, True, 0, groups=GROUPS).describe() == "whole groups of 'patient'"
    assert Splits(Y, True, 0, times=DAYS).describe() == "the latest by 'day'"
