"""Models as they are saved and loaded: a network, or an estimator with its preparation."""

from __future__ import annotations

import os
from typing import Any

from . import saving
from .backends import Backend
from .checks import check_flag


def save(
    model: Any,
    path: str | os.PathLike[str],
    *,
    preparation: dict[str, Any] | None = None,
    training: bool = False,
) -> None:
    """Write a model to a safetensors file, whole or not at all, and without pickle.

    Parameters
    ----------
    model : Network or fitted estimator
        The network, or an estimator whose `network_` it is. Of a `TableClassifier`, a
        `TableRegressor`, and a pipeline of a `TableTransformer` and an MLP, the preparation and
        the classes travel along: `load` returns an estimator, and `agnostic-nn predict` takes the
        file.
    path : str or path
        The file; an existing one is replaced in one step, once the new one is complete.
    preparation : dict, optional
        How data is made ready for the network, or whatever else should travel with it, in terms
        of JSON.
    training : bool, default False
        Whether the optimizer, what it remembers and the history travel along, so that `train`
        goes on with the network that ``load(path, training=True)`` returns as with this one.

    Raises
    ------
    InvalidType
        If an argument is of another kind than described.
    InvalidArgument
        If the network's parameters are not finite, if the preparation is not JSON, or if the
        file cannot be written.
    DependencyMissing
        If safetensors is not installed.

    Examples
    --------
    >>> import tempfile
    >>> from agnostic_nn import Network
    >>> net = Network([2, 3, 1], "squared_error")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(net, f"{folder}/model.safetensors")
    ...     load(f"{folder}/model.safetensors")
    Network([2, 3, 1], relu, identity; squared_error; float32 on numpy)
    """
    if hasattr(model, "steps") and not hasattr(model, "network_"):
        from .tabular.estimators import of_pipeline

        model = of_pipeline(model)
    own = getattr(model, "preparation_", None)
    if preparation is None and own is not None:
        preparation = own.to_json()
    saving.save(model, path, preparation=preparation, training=training)


def load(
    path: str | os.PathLike[str],
    *,
    backend: str | Backend | None = None,
    dtype: str | None = None,
    training: bool = False,
) -> Any:
    """Read a model that `save` or ``agnostic-nn train`` wrote.

    Parameters
    ----------
    path : str or path
        The file.
    backend : str or Backend, optional
        Where the network will live; see `get_backend`.
    dtype : str, optional
        The type of every number; left out, the one it was saved with.
    training : bool, default False
        Whether `train` is to go on where it stood, where the file says that.

    Returns
    -------
    Network, TableClassifier or TableRegressor
        A network where a network was saved. Where a table's preparation was saved with it, as by
        the command line, an estimator, which takes DataFrames and answers in labels, and whose
        `network_` is the network.

    Raises
    ------
    InvalidArgument
        If the file does not exist, is not a model file, is damaged or cut short, comes from a
        later version, or needs an activation, a loss, or for training an optimizer or a
        schedule, that is not registered.
    BackendUnavailable
        If the backend cannot be used here.
    DependencyMissing
        If safetensors is not installed, or scikit-learn for an estimator.

    Examples
    --------
    >>> load("nowhere.safetensors")
    Traceback (most recent call last):
        ...
    agnostic_nn.errors.InvalidArgument: path='nowhere.safetensors': there is no such file.
    """
    check_flag("training", training)
    net, description, _ = saving.decode(path, backend=backend, dtype=dtype, training=training)
    stored = description.get("preparation")
    if not _is_of_a_table(stored):
        return net
    from .tabular import Preparation
    from .tabular.estimators import table_model

    return table_model(net, Preparation.from_json(stored))


def _is_of_a_table(stored: Any) -> bool:
    """Whether a preparation is one of this package; a user's may be anything in terms of JSON."""
    return isinstance(stored, dict) and {"target", "columns", "classes", "shares"} <= stored.keys()
