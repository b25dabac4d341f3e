"""Whatever a table holds: it is learned and read again, or refused in one sentence."""

import json

import numpy as np
import pytest

import agnostic_nn as ann
from agnostic_nn.tabular import Differences, Preparation, read_table

pd = pytest.importorskip("pandas")
hypothesis = pytest.importorskip("hypothesis")

from hypothesis import given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

PIECES = [
    "", "?", "NA", "1", "0", "01", "-1.5", "1,5", "1.234,5", "$3", "7 %", "(2)", "1e400", "inf",
    "true", "False", "2020-01-02", "03/04/2020", "2020-02-30", "10:30", "a", " a ", "=1+1",
    "\u0661", "a,b", 'say "x"', "two\nlines", "\x00", "\u202e", "nan", "None", "9" * 400,
    "0" * 40, "1_0",
]  # fmt: skip

texts = st.one_of(st.sampled_from(PIECES), st.text(max_size=4))
values = st.one_of(
    texts, st.none(), st.booleans(), st.integers(), st.floats(), st.dates(), st.datetimes(),
    st.decimals(allow_nan=False), st.binary(max_size=2), st.tuples(st.integers()),
)  # fmt: skip


def columns(of):
    return st.integers(2, 30).flatmap(
        lambda n: st.dictionaries(
            st.text(max_size=3), st.lists(of, min_size=n, max_size=n), min_size=1, max_size=4
        )
    )


@st.composite
def alike(draw):
    """Columns whose values are of one kind, as a library types them."""
    kind = draw(st.sampled_from([st.floats(), st.integers(-(2**63), 2**63 - 1), st.booleans(),
                                 st.datetimes(), texts, st.sampled_from(PIECES[:16])]))  # fmt: skip
    return draw(columns(kind))


def learned(frame):
    """The preparation of a table; None where it was refused, in one sentence."""
    try:
        return Preparation.fit(frame)
    except ann.AgnosticNNError as error:
        assert "\n" not in str(error)  # noqa: PT017
        return None


def check(frame):
    preparation = learned(frame)
    if preparation is None:
        return
    counted = Differences()
    features = preparation.features(frame, differences=counted)
    assert features.shape == (len(frame), preparation.n_features)
    assert np.isfinite(features).all()
    assert not counted.sentence()  # a table does not differ from itself
    text = json.dumps(preparation.to_json(), allow_nan=False)
    again = Preparation.from_json(json.loads(text))
    assert again == preparation
    np.testing.assert_array_equal(again.features(frame), features)
    assert all("\n" not in note for note in preparation.notes)
    first = preparation.features(frame[:1], differences=Differences())
    np.testing.assert_array_equal(first, features[:1])


@settings(max_examples=60, deadline=None)
@given(st.one_of(columns(values), alike()))
def test_any_frame(content):
    try:
        frame = pd.DataFrame(content)
    except (OverflowError, ValueError):  # pandas cannot hold it
        return
    check(frame)


@settings(max_examples=60, deadline=None)
@given(columns(texts))
def test_any_text_file(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("any") / "a.csv"
    pd.DataFrame(content).to_csv(path, index=False)
    try:
        table = read_table(path)
    except ann.AgnosticNNError as error:
        assert "\n" not in str(error)  # noqa: PT017
        return
    check(table.frame)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=80), st.sampled_from(["csv", "tsv", "jsonl", "json", "csv.gz", "parquet",
                                                "feather", "xlsx", "npy", "npz"]))  # fmt: skip
def test_any_bytes(tmp_path_factory, content, ending):
    path = tmp_path_factory.mktemp("any") / f"a.{ending}"
    path.write_bytes(content)
    try:
        table = read_table(path, max_memory=10_000_000)
    except ann.AgnosticNNError as error:
        assert "\n" not in str(error)  # noqa: PT017
        return
    check(table.frame)
