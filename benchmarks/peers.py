"""The peers, each written as its own documentation would have it.

A builder takes the task, features X, class numbers y and "cpu" or "gpu", and returns what runs
some epochs (or predictions, or fits) and reports the loss. Every training run has the same
examples, float32, Adam with learning rate 0.001, and a new order for every epoch.
"""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

from .tasks import Task, one_hot

#: ``run(repeats)`` does the work so often, waits until it is done, and says what came out.
Run = Callable[[int], dict[str, Any]]


# scikit-learn


def sklearn_train(task: Task, X: Any, y: Any, device: str) -> Run:
    from sklearn.neural_network import MLPClassifier

    del device
    model = MLPClassifier(task.widths[1:-1], batch_size=task.batch, alpha=0.0, random_state=0)
    classes = list(range(task.widths[-1]))

    def run(epochs: int) -> dict[str, Any]:
        for _ in range(epochs):
            model.partial_fit(X, y, classes=classes)  # one call is one epoch
        return {"loss": float(model.loss_)}

    return run


def sklearn_predict(task: Task, X: Any, y: Any, device: str) -> Run:
    from sklearn.neural_network import MLPClassifier

    del device
    model = MLPClassifier(task.widths[1:-1], random_state=0)
    model.partial_fit(X[:1000], y[:1000], classes=list(range(task.widths[-1])))

    def run(times: int) -> dict[str, Any]:
        for _ in range(times):
            model.predict_proba(X)
        return {}

    return run


def sklearn_fit(task: Task, X: Any, y: Any, device: str) -> Run:
    from sklearn.neural_network import MLPClassifier

    del device
    return fit_of(partial(MLPClassifier, **task.settings), X, y)


def fit_of(make: Callable[[], Any], X: Any, y: Any) -> Run:
    """Return what fits a classifier with scikit-learn's interface, a new one each time."""
    scored: dict[str, float] = {}

    def run(times: int) -> dict[str, Any]:
        for _ in range(times):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # 200 epochs may end before it has converged
                model = make().fit(X, y)
        if not scored:  # while it warms up; every fit ends alike
            scored["accuracy"] = float(model.score(X, y))
        return {"loss": float(model.loss_), "epochs": int(model.n_iter_), **scored}

    return run


# PyTorch


def _torch_model(widths: tuple[int, ...], device: str) -> Any:
    from torch import nn

    layers: list[Any] = []
    for n_in, n_out in itertools.pairwise(widths):
        layers += [nn.Linear(n_in, n_out), nn.ReLU()]
    return nn.Sequential(*layers[:-1]).to(device)


def torch_train(task: Task, X: Any, y: Any, device: str, *, compiled: bool = False) -> Run:
    import torch

    device = "cuda" if device == "gpu" else "cpu"
    torch.manual_seed(0)
    model = _torch_model(task.widths, device)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.001, fused=True)
    loss_of = torch.nn.CrossEntropyLoss()
    if compiled:  # on a GPU with CUDA graphs, as the documentation has it for small batches
        model = torch.compile(model, mode="reduce-overhead" if device == "cuda" else "default")
    X, y = torch.as_tensor(X, device=device), torch.as_tensor(y, device=device)

    def run(epochs: int) -> dict[str, Any]:
        for _ in range(epochs):
            total = torch.zeros((), device=device)
            for rows in torch.randperm(len(X), device=device).split(task.batch):
                optimizer.zero_grad()
                loss = loss_of(model(X[rows]), y[rows])
                loss.backward()
                optimizer.step()
                total += loss.detach()
            mean = float(total) / task.steps  # waits for the device
        return {"loss": mean}

    return run


def torch_predict(task: Task, X: Any, y: Any, device: str, *, compiled: bool = False) -> Run:
    import torch

    del y
    device = "cuda" if device == "gpu" else "cpu"
    model = _torch_model(task.widths, device).eval()
    if compiled:
        model = torch.compile(model)
    X = torch.as_tensor(X, device=device)

    @torch.inference_mode()
    def run(times: int) -> dict[str, Any]:
        for _ in range(times):
            float(torch.softmax(model(X), dim=1)[0, 0])  # waits for the device
        return {}

    return run


def skorch_train(task: Task, X: Any, y: Any, device: str) -> Run:
    import torch
    from skorch import NeuralNetClassifier

    torch.manual_seed(0)
    model = NeuralNetClassifier(
        _torch_model(task.widths, "cpu"),
        criterion=torch.nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam,
        optimizer__fused=True,
        lr=0.001,
        batch_size=task.batch,
        iterator_train__shuffle=True,
        train_split=None,
        device="cuda" if device == "gpu" else "cpu",
        verbose=0,
    ).initialize()

    def run(epochs: int) -> dict[str, Any]:
        model.fit_loop(X, y, epochs=epochs)
        return {"loss": float(model.history[-1, "train_loss"])}

    return run


# JAX


def _jax_parameters(widths: tuple[int, ...], device: Any) -> Any:
    import jax

    keys = jax.random.split(jax.random.key(0), len(widths))
    parameters = [
        (jax.random.normal(key, (n_in, n_out)) * (2.0 / n_in) ** 0.5, jax.numpy.zeros(n_out))
        for key, n_in, n_out in zip(keys, widths, widths[1:], strict=False)
    ]
    return jax.device_put(parameters, device)


def _jax_logits(parameters: Any, X: Any) -> Any:
    import jax

    for W, b in parameters[:-1]:
        X = jax.nn.relu(X @ W + b)
    W, b = parameters[-1]
    return X @ W + b


def jax_train(task: Task, X: Any, y: Any, device: str) -> Run:
    import jax
    import optax

    place = jax.devices(device)[0]
    optimizer = optax.adam(0.001)
    parameters = _jax_parameters(task.widths, place)
    state = jax.device_put(optimizer.init(parameters), place)
    key = jax.device_put(jax.random.key(1), place)
    X, y = jax.device_put(X, place), jax.device_put(y, place)

    def loss_of(parameters: Any, X: Any, y: Any) -> Any:
        logits = _jax_logits(parameters, X)
        return optax.softmax_cross_entropy_with_integer_labels(logits, y).mean()

    @partial(jax.jit, donate_argnums=(0, 1))
    def epoch(parameters: Any, state: Any, key: Any, X: Any, y: Any) -> Any:
        def step(carry: Any, rows: Any) -> Any:
            parameters, state = carry
            loss, gradient = jax.value_and_grad(loss_of)(parameters, X[rows], y[rows])
            updates, state = optimizer.update(gradient, state, parameters)
            return (optax.apply_updates(parameters, updates), state), loss

        order = jax.random.permutation(key, len(X)).reshape(task.steps, task.batch)
        (parameters, state), losses = jax.lax.scan(step, (parameters, state), order)
        return parameters, state, losses.mean()

    def run(epochs: int) -> dict[str, Any]:
        nonlocal parameters, state, key
        for _ in range(epochs):
            key, now = jax.random.split(key)
            parameters, state, loss = epoch(parameters, state, now, X, y)
            mean = float(loss)  # waits for the device
        return {"loss": mean}

    return run


def jax_predict(task: Task, X: Any, y: Any, device: str) -> Run:
    import jax

    del y
    place = jax.devices(device)[0]
    parameters, X = _jax_parameters(task.widths, place), jax.device_put(X, place)
    predict = jax.jit(lambda parameters, X: jax.nn.softmax(_jax_logits(parameters, X)))

    def run(times: int) -> dict[str, Any]:
        for _ in range(times):
            predict(parameters, X).block_until_ready()
        return {}

    return run


# thinc


def _thinc_model(widths: tuple[int, ...], X: Any, Y: Any) -> Any:
    from thinc.api import Relu, Softmax, chain

    model = chain(*(Relu(n) for n in widths[1:-1]), Softmax(widths[-1]))
    model.initialize(X=X[:5], Y=Y[:5])
    return model


def thinc_train(task: Task, X: Any, y: Any, device: str) -> Run:
    from thinc.api import Adam

    del device
    Y = one_hot(y, task.widths[-1])
    model = _thinc_model(task.widths, X, Y)
    # its defaults also average the parameters and clip the gradient, which nobody else does
    optimizer = Adam(0.001, use_averages=False, grad_clip=0.0)

    def run(epochs: int) -> dict[str, Any]:
        for _ in range(epochs):
            total = 0.0
            for rows, truth in model.ops.multibatch(task.batch, X, Y, shuffle=True):
                predicted, backprop = model.begin_update(rows)
                backprop(predicted - truth)
                model.finish_update(optimizer)
                total -= float(model.ops.xp.log((predicted * truth).sum(axis=1) + 1e-30).mean())
        return {"loss": total / task.steps}

    return run


def thinc_predict(task: Task, X: Any, y: Any, device: str) -> Run:
    del device
    model = _thinc_model(task.widths, X, one_hot(y[:5], task.widths[-1]))

    def run(times: int) -> dict[str, Any]:
        for _ in range(times):
            model.predict(X)
        return {}

    return run
