"""What the results of the benchmark on tables add up to."""

import json

import numpy as np
import pytest

pytest.importorskip("pandas")
pytest.importorskip("sklearn")

from benchmarks import tables, tables_report


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


def test_who_fails_on_a_table_is_left_out_until_the_next_run(tmp_path, monkeypatch, capsys):
    class First:
        """Predicts the first label; fails in its first run."""

        runs = 0

        def __call__(self, X_train, y_train, X_test, quantity, seed):
            self.runs += 1
            if self.runs == 1:
                raise MemoryError("too little\nand more")
            return np.full(len(X_test), y_train[0])

    out = tmp_path / "new" / "tables.json"
    wish = f"tables --tables digits --contenders realmlp,LightGBM --splits 1 --out {out}"
    monkeypatch.setitem(tables.CONTENDERS, "realmlp", First())
    monkeypatch.setitem(tables.CONTENDERS, "LightGBM", lambda *given: given[2].iloc[:, 0])
    monkeypatch.setattr("sys.argv", wish.split())
    tables.main()
    printed = capsys.readouterr().out
    assert "realmlp is left out on digits, split 0: MemoryError: too little\n" in printed
    assert "| digits, 1,797 rows |" in printed
    tables.main()
    results = json.loads(out.read_text())["results"]
    assert [row["contender"] for row in results] == ["LightGBM", "realmlp"]
    assert results[1]["error"] > 0.8
