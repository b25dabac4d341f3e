"""Accuracy and R^2 of the estimators beside scikit-learn's: same data, same settings, five seeds.

Each seed splits the data (a quarter is held out), draws the initial weights and the order of the
examples. Features are standardized, and so is the target of the regression. Run it with

    OPENBLAS_NUM_THREADS=1 python benchmarks/accuracy.py
"""

import argparse
import platform
import statistics
import time
import warnings
from datetime import date

import numpy as np
import sklearn
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris, load_wine
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier as TheirClassifier
from sklearn.neural_network import MLPRegressor as TheirRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import agnostic_nn
from agnostic_nn.estimators import MLPClassifier, MLPRegressor

DATA = {
    "digits": load_digits,
    "breast_cancer": load_breast_cancer,
    "wine": load_wine,
    "iris": load_iris,
    "diabetes": load_diabetes,
}
SETTINGS = {
    "default": {},
    "early stopping": {"early_stopping": True, "max_iter": 1000},
    "sgd": {"solver": "sgd", "learning_rate_init": 0.05, "max_iter": 200},
    "lbfgs": {"solver": "lbfgs", "alpha": 1.0, "max_iter": 500},
}


def model(name, ours, settings, seed):
    settings = {"max_iter": 200, "random_state": seed} | settings
    if name != "diabetes":
        estimator = (MLPClassifier if ours else TheirClassifier)(**settings)
        return make_pipeline(StandardScaler(), estimator)
    estimator = (MLPRegressor if ours else TheirRegressor)(**settings)
    return make_pipeline(
        StandardScaler(), TransformedTargetRegressor(estimator, transformer=StandardScaler())
    )


def scores(name, settings, seeds):
    """Return the test score and the seconds of `fit` of every seed, ours and theirs."""
    X, y = DATA[name](return_X_y=True)
    found = {True: [], False: []}
    for seed in range(seeds):
        stratify = None if name == "diabetes" else y
        parts = train_test_split(X, y, random_state=seed, stratify=stratify)
        for ours in (True, False):
            fitted = model(name, ours, settings, seed)
            began = time.perf_counter()
            fitted.fit(parts[0], parts[2])
            seconds = time.perf_counter() - began
            found[ours].append((fitted.score(parts[1], parts[3]), seconds))
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    seeds = parser.parse_args().seeds
    warnings.simplefilter("ignore", ConvergenceWarning)
    print(
        f"{date.today()}  agnostic_nn {agnostic_nn.__version__}, scikit-learn "
        f"{sklearn.__version__}, NumPy {np.__version__}, Python {platform.python_version()}, "
        f"{platform.machine()}; {seeds} seeds, mean ± standard deviation on held-out data; "
        "the difference is taken seed by seed\n"
    )
    print("| data | settings | agnostic_nn | scikit-learn | difference | fit, seconds |")
    print("|---|---|---|---|---|---|")
    for name in DATA:
        for title, settings in SETTINGS.items():
            found = scores(name, settings, seeds)
            cells, seconds = [], []
            for ours in (True, False):
                values, times = zip(*found[ours], strict=True)
                cells.append(f"{statistics.mean(values):.4f} ± {statistics.stdev(values):.4f}")
                seconds.append(f"{statistics.median(times):.2f}")
            pairs = [a[0] - b[0] for a, b in zip(found[True], found[False], strict=True)]
            difference = f"{statistics.mean(pairs):+.4f} ± {statistics.stdev(pairs):.4f}"
            row = (name, title, *cells, difference, " / ".join(seconds))
            print("| " + " | ".join(row) + " |", flush=True)


if __name__ == "__main__":
    main()
