"""What the results of the benchmark on tables add up to."""

import pytest

pytest.importorskip("pandas")
pytest.importorskip("sklearn")

from benchmarks import tables_report


def test_what_results_on_tables_add_up_to():
    def rows(table, name, errors):
        return [
            {"table": table, "contender": name, "split": i, "error": error, "seconds": 1.0,
             "rows": 100}
            for i, error in enumerate(errors)
        ]  # fmt: skip

    results = []
    for i, table in enumerate(tables_report.TABLES):
        results += rows(table, "realmlp-s", [0.1, 0.2, 0.3])
        results += rows(table, "pytabkit RealMLP-TD-S", [0.1, 0.1, 0.1])
        results += rows(table, "scikit-learn MLP", [0.2, 0.2, 0.2] if i else [0.4, 0.4, 0.4])
    results += rows("digits", "LightGBM", [0.01])
    found = tables_report.by_table(results)
    ranks = tables_report.mean_ranks(found)
    n = len(tables_report.TABLES)
    assert set(ranks) == {"realmlp-s", "pytabkit RealMLP-TD-S", "scikit-learn MLP"}  # all tables
    assert ranks["pytabkit RealMLP-TD-S"] == 1.0
    assert ranks["realmlp-s"] == pytest.approx((2.0 + 2.5 * (n - 1)) / n)  # ties are averaged
    ratio, tables = tables_report.ratio(found, "realmlp-s")
    assert tables == n - len(tables_report.QUANTITIES)
    assert ratio == pytest.approx(0.5 ** (1 / tables))
    pair = ("realmlp-s", "pytabkit RealMLP-TD-S")
    assert tables_report.difference(found, "digits", *pair) == pytest.approx((0.1, 0.1 / 3**0.5))
    assert tables_report.difference(found, "digits", "realmlp-s", "LightGBM") is None
    text = "\n".join(tables_report.markdown(found))
    assert f"Missing: LightGBM: {n} of {n} tables: breast_cancer, digits" in text
    assert f"Missing: realmlp: {n} of {n} tables" in text
    assert "Missing: realmlp-s" not in text
