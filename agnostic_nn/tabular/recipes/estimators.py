"""The recipes with scikit-learn's interface."""

from __future__ import annotations

from .base_estimator import RecipeClassifier, RecipeRegressor


class RealMLPClassifier(RecipeClassifier):
    """A classifier of tables as people have them, by the recipe RealMLP, without tuning.

    Holzmüller, Grinsztajn & Steinwart, "Better by default", NeurIPS 2024.

    Parameters
    ----------
    recipe : str or Recipe, optional
        "realmlp" or "realmlp-s", or a recipe with settings of its own; left out, "realmlp".
    probabilities : bool, default False
        Whether it is good probabilities that count (log-loss, AUC), and not labels. Then no label
        is smoothed, which makes a network less sure than it should be, and the best epoch is that
        of the least cross-entropy, where it else is the one with the fewest errors.
    class_weight : dict, 'balanced' or None, default=None
        What each class counts for, times the sample weights.
    epochs : int, optional
        How often training goes through all examples; left out, what the recipe says.
    validation_fraction : float, default 0.2
        The share of the examples that is held out to choose the best epoch by.
    n_ens : int, default 1
        How many networks are trained, as one batched program. They begin with weights of their
        own, and see the same minibatches behind dropout masks of their own. The mean of what they
        predict is what is predicted, and what the best epoch is chosen by.
    time_limit : float, optional
        Seconds after which no epoch begins; the best one until then counts.
    random_state : int, RandomState instance or None, default=None
        Of the initial weights, the order of the examples, the split and dropout.
    backend, dtype, callbacks, progress
        As for `Network` and `train`; the table itself is read on the host.
    categorical, numeric, drop, missing
        As for `TableTransformer`.

    Attributes
    ----------
    classes_ : array
        The labels.
    preparation_ : Preparation
        How the table is read; its `notes` tell what was decided about the columns.
    network_ : Network
        What was trained, the members of an ensemble as one network: `agnostic_nn.members_of` splits
        it, `agnostic_nn.save` takes the estimator.

    Examples
    --------
    >>> import pandas as pd
    >>> X = pd.DataFrame({"size": [1.0, None, 4.0] * 9, "colour": ["red", "blue", "red"] * 9})
    >>> model = RealMLPClassifier("realmlp-s", epochs=8, random_state=0)
    >>> model.fit(X, ["no", "no", "yes"] * 9).predict(X[:3]).tolist()
    ['no', 'no', 'yes']
    """

    _default = "realmlp"


class RealMLPRegressor(RecipeRegressor):
    """A regressor of tables as people have them, by the recipe RealMLP, without tuning.

    Holzmüller, Grinsztajn & Steinwart, "Better by default", NeurIPS 2024.

    Parameters
    ----------
    recipe, epochs, validation_fraction, n_ens, time_limit, random_state
        As for `RealMLPClassifier`.
    backend, dtype, callbacks, progress
        As for `Network` and `train`; the table itself is read on the host.
    categorical, numeric, drop, missing
        As for `TableTransformer`.

    Attributes
    ----------
    preparation_, network_
        As of `RealMLPClassifier`.

    Examples
    --------
    >>> X = [[float(i)] for i in range(50)]
    >>> y = [2.0 * i for i in range(50)]
    >>> model = RealMLPRegressor("realmlp-s", epochs=32, random_state=0).fit(X, y)
    >>> model.score(X, y) > 0.9
    True
    """

    _default = "realmlp"


class TabMClassifier(RecipeClassifier):
    """A classifier of tables as people have them, by the recipe TabM, without tuning.

    Gorishniy, Kotelnikov & Babenko, "TabM", ICLR 2025. It is an ensemble already, of members that
    share nearly all their weights, and takes its time: many times that of `RealMLPClassifier`.

    Parameters
    ----------
    recipe : str or Recipe, optional
        "tabm", or `TabM` with settings of its own, such as `TabM(embeddings="piecewise-linear")`.
    probabilities, class_weight, epochs, validation_fraction, n_ens, time_limit, random_state
        As for `RealMLPClassifier`.
    backend, dtype, callbacks, progress, categorical, numeric, drop, missing
        As for `RealMLPClassifier`.

    Attributes
    ----------
    classes_, preparation_, network_
        As of `RealMLPClassifier`.

    Examples
    --------
    >>> from agnostic_nn.tabular.recipes import TabM
    >>> X, y = [[float(i)] for i in range(60)], ["low"] * 30 + ["high"] * 30
    >>> model = TabMClassifier(TabM(k=4, units=16), epochs=100, random_state=0).fit(X, y)
    >>> model.score(X, y) > 0.9
    True
    """

    _default = "tabm"


class TabMRegressor(RecipeRegressor):
    """A regressor of tables as people have them, by the recipe TabM, without tuning.

    Gorishniy, Kotelnikov & Babenko, "TabM", ICLR 2025.

    Parameters
    ----------
    recipe, epochs, validation_fraction, n_ens, time_limit, random_state
        As for `TabMClassifier`.
    backend, dtype, callbacks, progress, categorical, numeric, drop, missing
        As for `RealMLPClassifier`.

    Attributes
    ----------
    preparation_, network_
        As of `RealMLPClassifier`.

    Examples
    --------
    >>> from agnostic_nn.tabular.recipes import TabM
    >>> X, y = [[float(i)] for i in range(60)], [2.0 * i for i in range(60)]
    >>> model = TabMRegressor(TabM(k=4, units=32), epochs=200, random_state=0).fit(X, y)
    >>> model.score(X, y) > 0.8
    True
    """

    _default = "tabm"
