"""ONNX files, for onnxruntime and everything else that reads them."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from typing import Any

from ..backends import get_backend, host
from ..errors import DependencyMissing, InvalidArgument
from ..files import write
from ..installing import install_line
from ..namespace import Array
from ..network import Network, check_network
from ..version import __version__
from .layers import check_own, layers_of, perceptron_of

#: The operators of this version are in every runtime of the last years.
_OPSET, _IR_VERSION = 13, 7


class _Graph:
    """An ONNX graph in the making; values go by their names."""

    def __init__(self, onnx: Any, dtype: Any) -> None:
        self.onnx, self.dtype = onnx, dtype
        self.nodes: list[Any] = []
        self.tensors: list[Any] = []

    def tensor(self, array: Array, name: str) -> str:
        self.tensors.append(self.onnx.numpy_helper.from_array(array, name))
        return name

    def __call__(self, operator: str, *inputs: str | float, out: str = "", **settings: Any) -> str:
        """Add a node; a number among its inputs becomes a constant."""
        names = [
            value
            if isinstance(value, str)
            else self.tensor(host.asarray(value).astype(self.dtype), f"c{len(self.tensors)}")
            for value in inputs
        ]
        out = out or f"v{len(self.nodes)}"
        self.nodes.append(self.onnx.helper.make_node(operator, names, [out], **settings))
        return out


def _elu(g: _Graph, Z: str, alpha: float = 1.0) -> str:
    below = g("Sub", g("Exp", g("Min", Z, 0.0)), 1.0)
    return g("Add", g("Relu", Z), g("Mul", alpha, below))


def _softplus(g: _Graph, Z: str) -> str:
    rest = g("Log", g("Add", 1.0, g("Exp", g("Neg", g("Abs", Z)))))
    return g("Add", g("Relu", Z), rest)


def _gelu(g: _Graph, Z: str) -> str:
    U = g("Min", g("Max", Z, -10.0), 10.0)
    inner = g("Mul", U, g("Add", 1.0, g("Mul", 0.044715, g("Mul", U, U))))
    t = g("Tanh", g("Mul", math.sqrt(2.0 / math.pi), inner))
    return g("Mul", g("Mul", 0.5, Z), g("Add", 1.0, t))


def _exponential(g: _Graph, Z: str) -> str:
    largest = float(get_backend("numpy").xp.finfo(g.dtype).max)
    return g("Exp", g("Min", Z, math.log(largest) - 1.0))


#: Every activation in ONNX's terms. LeakyRelu, Elu, Selu and Softplus are spelled out, because
#: onnxruntime has those operators for float32 alone.
_IN_ONNX: dict[str, Callable[[_Graph, str], str]] = {
    "identity": lambda g, Z: g("Identity", Z),
    "relu": lambda g, Z: g("Relu", Z),
    "leaky_relu": lambda g, Z: g("Max", Z, g("Mul", 0.01, Z)),
    "elu": _elu,
    "selu": lambda g, Z: g("Mul", 1.0507009873554805, _elu(g, Z, 1.6732632423543772)),
    "gelu": _gelu,
    "silu": lambda g, Z: g("Mul", Z, g("Sigmoid", Z)),
    "mish": lambda g, Z: g("Mul", Z, g("Tanh", _softplus(g, Z))),
    "softplus": _softplus,
    "tanh": lambda g, Z: g("Tanh", Z),
    "sigmoid": lambda g, Z: g("Sigmoid", Z),
    "exponential": _exponential,
    "softmax": lambda g, Z: g("Softmax", Z, axis=1),
}


def to_onnx(net: Network, path: str | os.PathLike[str]) -> None:
    """Write a network to an ONNX file, for onnxruntime and everything else that reads it.

    The model has one input "X", (n_samples, n_features), and one output "A", (n_samples,
    n_outputs), both of the network's dtype (bfloat16 becomes float32) and with any number of
    rows. It is of opset 13. Scaling of the data is not part of it.

    Parameters
    ----------
    net : Network
        What to export.
    path : str or path
        The file; an existing one is replaced in one step, once the new one is complete.

    Raises
    ------
    InvalidArgument
        If the network has an activation that is not the package's own, parameters that are not
        finite, or more of them than an ONNX file holds, or the file cannot be written.
    DependencyMissing
        If onnx is not installed.

    Examples
    --------
    >>> to_onnx(Network([30, 16, 1], "binary_cross_entropy"), "model.onnx")  # doctest: +SKIP
    """
    check_network(net)
    onnx = _onnx()
    plain = perceptron_of(net)
    check_own(*plain.activations)
    for activation in plain.activations:
        if activation.name not in _IN_ONNX:
            raise InvalidArgument(f"net has the activation {activation.name!r}: ONNX has no such.")
    layers = layers_of(net)
    dtype = layers[0][0].dtype
    if net.objective.size * dtype.itemsize > 2**31 - 2**20:
        raise InvalidArgument(
            f"net has {net.objective.size:,} parameters of {dtype}: an ONNX file holds 2 GiB."
        )
    g, A = _Graph(onnx, dtype), "X"
    for i, ((W, b), activation) in enumerate(zip(layers, plain.activations, strict=True)):
        names = g.tensor(W, f"layers.{i}.weight"), g.tensor(b, f"layers.{i}.bias")
        Z = g("Gemm", A, *names, transB=1)  # rows are examples: Z = A_prev W^T + b
        A = _IN_ONNX[activation.name](g, Z)
    g("Identity", A, out="A")

    kind = onnx.helper.np_dtype_to_tensor_dtype(dtype)
    first, *_, last = plain.widths
    X, Y = (
        onnx.helper.make_tensor_value_info(name, kind, ["n_samples", width])
        for name, width in (("X", first), ("A", last))
    )
    graph = onnx.helper.make_graph(g.nodes, "network", [X], [Y], initializer=g.tensors)
    model = onnx.helper.make_model(
        graph,
        opset_imports=[onnx.helper.make_opsetid("", _OPSET)],
        ir_version=_IR_VERSION,
        producer_name="agnostic_nn",
        producer_version=__version__,
    )
    onnx.checker.check_model(model, full_check=True)
    write(path, model.SerializeToString())


def _onnx() -> Any:
    try:
        import onnx
        import onnx.checker
        import onnx.helper
        import onnx.numpy_helper
    except ImportError:
        raise DependencyMissing(f"ONNX needs onnx: {install_line('onnx')}") from None
    return onnx
