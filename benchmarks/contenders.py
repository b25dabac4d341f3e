"""Who takes part: the products alone, this package on each backend, and its peers."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from typing import Any

from . import machine, peers
from .peers import Run
from .tasks import Task, one_hot

#: What takes the task, X and y and returns what runs it.
Build = Callable[[Task, Any, Any], Run]

#: Contenders are compared with this one, on the device they run on.
PRODUCTS = "products alone"
#: On a GPU they are one graph; beside it they are launched one by one, as a library does it.
LAUNCHED = f"{PRODUCTS}, one by one"
OURS = "agnostic_nn"
#: What `fit` is compared with: behind the name of who fits.
TRAIN = ", train"


@dataclass(frozen=True)
class Contender:
    name: str
    device: str  # "cpu" or "gpu"
    build: Build | None
    reason: str = ""  # why it is left out, where it is


#: Name, the modules it needs, the devices it runs on, and its builder for each kind of task.
PEERS: tuple[tuple[str, tuple[str, ...], tuple[str, ...], dict[str, Any]], ...] = (
    (
        "JAX scan + optax",
        ("jax", "optax"),
        ("cpu", "gpu"),
        {"train": peers.jax_train, "predict": peers.jax_predict},
    ),
    (
        "PyTorch compiled",
        ("torch",),
        ("cpu", "gpu"),
        {
            "train": partial(peers.torch_train, compiled=True),
            "predict": partial(peers.torch_predict, compiled=True),
        },
    ),
    (
        "PyTorch eager",
        ("torch",),
        ("cpu", "gpu"),
        {"train": peers.torch_train, "predict": peers.torch_predict},
    ),
    (
        "scikit-learn",
        ("sklearn",),
        ("cpu",),
        {
            "train": peers.sklearn_train,
            "predict": peers.sklearn_predict,
            "fit": peers.sklearn_fit,
        },
    ),
    (
        "thinc",
        ("thinc",),
        ("cpu",),
        {"train": peers.thinc_train, "predict": peers.thinc_predict},
    ),
    ("skorch", ("skorch", "torch"), ("cpu", "gpu"), {"train": peers.skorch_train}),
)


def contenders(task: Task, backends: Sequence[str], quick: bool) -> Iterator[Contender]:
    """Yield who takes part in a task, and who would but cannot."""
    import agnostic_nn as ann

    devices: list[str] = []
    products: dict[str, Any] = {}
    ours = []
    for name in backends:
        full = f"{OURS} {name}"
        try:
            backend = ann.get_backend(name)
        except ann.AgnosticNNError as error:
            ours.append(Contender(full, "cpu", None, str(error).splitlines()[0]))
            continue
        device = device_of(backend)
        devices += [] if device in devices else [device]
        if device == "cpu" or not name.startswith("jax"):  # whose functions have no out=
            products.setdefault(device, backend)
        if task.kind == "fit" and not hasattr(ann, "MLPClassifier"):
            ours.append(Contender(full, device, None, "has no MLPClassifier yet"))
        else:
            ours.append(Contender(full, device, partial(_OURS[task.kind], backend=backend)))
        if task.kind == "fit" and task.epochs:
            ours.append(Contender(full + TRAIN, device, partial(train_anew, backend=backend)))
    if task.gpu_only:
        devices = [device for device in devices if device != "cpu"]

    for device in devices:
        if task.kind != "fit" and device in products:
            backend = ann.get_backend("numpy") if device == "cpu" else products[device]
            build = partial(products_alone, backend=backend)
            name = PRODUCTS
            if device == "gpu" and task.kind == "train" and _torch_has_a_gpu():
                yield Contender(_named(PRODUCTS, device), device, products_captured)
                name = LAUNCHED
            yield Contender(_named(name, device), device, build)
    yield from (one for one in ours if one.device in devices or one.build is None)
    for name, needs, places, builders in PEERS:
        missing = _missing(needs)
        for device in devices:
            if device not in places or task.kind not in builders:
                continue
            full = _named(name, device)
            if missing:
                yield Contender(full, device, None, f"{missing[0]} is not installed")
            elif quick and name == "PyTorch compiled":
                yield Contender(full, device, None, "compiling takes longer than --quick should")
            else:
                build = partial(_on_device, builders[task.kind], device)
                yield Contender(full, device, build)


def takes_part(name: str, only: str) -> bool:
    """Whether a contender's name holds one of the words that are asked for; "" asks for all."""
    asked = [words for words in only.split(",") if words]
    return not asked or any(words.lower() in name.lower() for words in asked)


def missing_peers(only: str) -> Iterator[tuple[str, str]]:
    """Yield who would take part but cannot, and what is missing."""
    for name, needs, _, _ in PEERS:
        if takes_part(name, only):
            yield from ((name, module) for module in _missing(needs)[:1])


def _missing(modules: Sequence[str]) -> list[str]:
    return [module for module in modules if find_spec(module) is None]


def device_of(backend: Any) -> str:
    """Return "cpu" or "gpu"."""
    place = backend.device
    kind = getattr(place, "platform", None) or getattr(place, "type", "cpu")
    return "gpu" if machine.is_on_a_gpu(backend.name) or kind != "cpu" else "cpu"


def _torch_has_a_gpu() -> bool:
    if find_spec("torch") is None:
        return False
    import torch

    return bool(torch.cuda.is_available())


def _named(name: str, device: str) -> str:
    return name if device == "cpu" else f"{name} ({device})"


def _on_device(build: Any, device: str, task: Task, X: Any, y: Any) -> Run:
    run: Run = build(task, X, y, device)
    return run


def products_alone(task: Task, X: Any, y: Any, *, backend: Any) -> Run:
    """The matrix products of a step, or of a prediction, into memory of their own: the limit."""
    del y
    dtype, matmul = backend.dtype("float32"), backend.xp.matmul
    forward, step, m = _products(task, matmul, lambda A: backend.asarray(A, dtype))
    training = task.kind == "train"
    chunks = [] if training else [backend.asarray(X[i : i + m]).T for i in range(0, len(X), m)]

    def run(repeats: int) -> dict[str, Any]:
        for _ in range(repeats):
            if training:
                for _ in range(task.steps):
                    step()
            else:
                for chunk in chunks:
                    forward(chunk)
            backend.synchronize()
        return {}

    return run


def products_captured(task: Task, X: Any, y: Any) -> Run:
    """The matrix products of a training step as one CUDA graph: on a GPU the limit."""
    import torch

    del X, y
    _, step, _ = _products(task, torch.matmul, lambda A: torch.as_tensor(A, device="cuda"))
    aside = torch.cuda.Stream()
    aside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(aside):  # what a first product allocates may not be in a graph
        step()
    torch.cuda.current_stream().wait_stream(aside)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()

    def run(repeats: int) -> dict[str, Any]:
        for _ in range(repeats):
            for _ in range(task.steps):
                graph.replay()
            torch.cuda.synchronize()
        return {}

    return run


def _products(task: Task, matmul: Any, put: Any) -> tuple[Any, Any, int]:
    """Return the products forward, those of a whole step, and how many examples they are for."""
    import numpy as np

    random = np.random.default_rng(0)

    def array(*shape: int) -> Any:
        return put(np.float32(0.1) * random.standard_normal(shape, dtype=np.float32))

    m = task.batch if task.kind == "train" else min(5000, task.rows)
    n = task.widths
    W = [array(n_out, n_in) for n_in, n_out in itertools.pairwise(n)]
    # the examples lie in memory row after row, and the equations see them as columns
    A = [array(m, n[0]).T, *(array(width, m) for width in n[1:-1])]
    dZ = [array(width, m) for width in n[1:]]
    Z, dA, dW = ([array(*x.shape) for x in like] for like in (dZ, A, W))

    def forward(A0: Any) -> None:
        for i in range(len(W)):
            matmul(W[i], A[i] if i else A0, out=Z[i])

    def step() -> None:
        forward(A[0])
        for i in reversed(range(len(W))):
            matmul(dZ[i], A[i].T, out=dW[i])
            if i > 0:
                matmul(W[i].T, dZ[i], out=dA[i])

    return forward, step, m


def train(task: Task, X: Any, y: Any, *, backend: Any) -> Run:
    import agnostic_nn as ann

    net = ann.Network(task.widths, "categorical_cross_entropy", backend=backend)
    X = backend.asarray(X, net.dtype)
    Y = backend.asarray(one_hot(y, task.widths[-1]), net.dtype)

    def run(epochs: int) -> dict[str, Any]:
        history = ann.train(
            net, X, Y, epochs=epochs, batch_size=task.batch, optimizer="adam", progress=False
        )
        backend.synchronize()
        return {"loss": history["cost"][-1]}

    return run


def predict(task: Task, X: Any, y: Any, *, backend: Any) -> Run:
    import agnostic_nn as ann

    del y
    net = ann.Network(task.widths, "categorical_cross_entropy", backend=backend)
    X = backend.asarray(X, net.dtype)

    def run(times: int) -> dict[str, Any]:
        for _ in range(times):
            outputs = net.predict(X)
            float(backend.to_numpy(outputs[-1, 0]))  # waits until it is there
        return {}

    return run


def fit(task: Task, X: Any, y: Any, *, backend: Any) -> Run:
    import agnostic_nn as ann

    inner = peers.fit_of(partial(ann.MLPClassifier, **task.settings), X, y)

    def run(times: int) -> dict[str, Any]:
        with ann.use_backend(backend):
            return inner(times)

    return run


def train_anew(task: Task, X: Any, y: Any, *, backend: Any) -> Run:
    """What a fit comes down to: a network like the classifier's, trained on the same numbers."""
    import agnostic_nn as ann

    classes = task.widths[-1]
    outputs, kind = (classes, "categorical") if classes > 2 else (1, "binary")
    Y = one_hot(y, classes)[:, -outputs:].astype(task.dtype)
    l2 = ann.MLPClassifier().alpha / task.batch

    def run(times: int) -> dict[str, Any]:
        for _ in range(times):
            net = ann.Network(
                (*task.widths[:-1], outputs), f"{kind}_cross_entropy",
                l2=l2, dtype=task.dtype, backend=backend,
            )  # fmt: skip
            history = ann.train(
                net, X, Y, epochs=task.epochs, batch_size=task.batch, progress=False
            )
            backend.synchronize()
        return {"loss": history["cost"][-1]}

    return run


_OURS = {"train": train, "predict": predict, "fit": fit}
