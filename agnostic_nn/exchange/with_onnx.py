"""ONNX files, for onnxruntime and everything else that reads them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any

from ..backends import get_backend
from ..backends.numpy_calls import constant
from ..errors import DependencyMissing, InvalidArgument, NotRecordable
from ..files import write as write_file
from ..installing import install_line
from ..namespace import Array
from ..network import Network, check_network, on_host
from ..prediction import Prediction
from ..programs.evaluate import evaluate
from ..programs.passes import simplified
from ..programs.program import Call, Constant, Program, Value
from ..programs.sizes import Growing, growing
from ..programs.steps import record_prediction
from ..programs.views import Layouts, in_order
from ..programs.watch import Watch
from .layers import check_finite_numbers
from .onnx_functions import write
from .onnx_graph import Graph


def to_onnx(net: Network, path: str | os.PathLike[str]) -> None:
    """Write a network to an ONNX file, for onnxruntime and everything else that reads it.

    The model has one input "X", (n_samples, n_features), and one output "A", (n_samples,
    n_outputs), both of the network's dtype (bfloat16 becomes float32) and with any number of
    rows. It is of opset 13, and made of the equations themselves: layers and activations of your
    own are written as well. Scaling of the data is not part of it.

    Parameters
    ----------
    net : Network
        What to export.
    path : str or path
        The file; an existing one is replaced in one step, once the new one is complete.

    Raises
    ------
    InvalidArgument
        If the network has parameters that are not finite, or more of them than an ONNX file holds,
        if its prediction does something that ONNX, or a program, cannot say, or the file cannot be
        written.
    DependencyMissing
        If onnx is not installed.

    Examples
    --------
    >>> to_onnx(Network([30, 16, 1], "binary_cross_entropy"), "model.onnx")  # doctest: +SKIP
    """
    check_network(net)
    onnx = _onnx()
    held = {"theta": on_host(net, net.theta)}
    if net.objective.buffers:
        held["buffers"] = on_host(net, net.buffers)
    for array in held.values():
        check_finite_numbers(array)
    dtype = held["theta"].dtype
    if net.objective.size * dtype.itemsize > 2**31 - 2**20:
        raise InvalidArgument(
            f"net has {net.objective.size:,} parameters of {dtype}: an ONNX file holds 2 GiB."
        )
    graph = Graph(onnx, dtype)
    try:
        model = graph.finished(*_write(graph, net, held))
    except NotRecordable as reason:
        raise InvalidArgument(
            f"net cannot be written to ONNX, for its prediction needs {reason}."
        ) from None
    write_file(path, model.SerializeToString())


def _write(g: Graph, net: Network, held: Mapping[str, Array]) -> tuple[Value, Value]:
    """Write a prediction, from X to A; what X does not reach is worked out beforehand."""
    growing = _recorded(net, held)
    *stored, X = growing.program.arguments
    fixed, changing = _told_apart(growing, X)
    arrays: dict[Value, Array] = {argument: held[argument.name] for argument in stored}
    arrays = evaluate(fixed, arrays, get_backend("numpy").xp, constant)
    called = _names_in_files(net, arrays)
    names: dict[Value, str] = {X: "X"}

    def name(value: Value) -> str:
        if value not in names:
            array = constant(value) if isinstance(value, Constant) else arrays[value]
            names[value] = g.tensor(array, called.get(value, ""))
        return names[value]

    for call in changing:
        names[call] = write(g, call, [name(value) for value in call.inputs], growing)
    A = growing.program.results["A"]
    g("Identity", name(A), out="A")
    return X, A


def _recorded(net: Network, held: Mapping[str, Array]) -> Growing:
    """Return the prediction as a program for any number of examples."""
    objective, watch = net.objective, Watch(net.objective)
    if watch.unrecordable is not None:
        raise NotRecordable(f"{watch.unrecordable}, which says that it is not to be recorded")

    def record(examples: int) -> Program:
        arrays, widths = [*held.values()], [objective.features]
        return record_prediction(Prediction(objective), arrays, widths, examples).program

    with watch.held():
        return growing(lambda examples: simplified(record(examples)))


def _told_apart(growing: Growing, X: Value) -> tuple[list[Call], list[Call]]:
    """Tell the calls that are the same for all X from those that are not."""
    fixed: list[Call] = []
    changing: dict[Value, None] = {X: None}
    for call in growing.program.calls:
        if growing.grows(call) or not changing.keys().isdisjoint(call.inputs):
            changing[call] = None
        else:
            fixed.append(call)
    return fixed, [value for value in changing if isinstance(value, Call)]


def _names_in_files(net: Network, values: Iterable[Value]) -> dict[Value, str]:
    """Tell which values are parameters or buffers, by the names they have in a saved network."""
    known: dict[Any, str] = {}
    for vector, parts in (("theta", net.objective.parameters), ("buffers", net.objective.buffers)):
        start = 0
        for part in parts:
            known[vector, start, part.shape] = f"layers.{part.name}"
            start += part.size
    layouts, found = Layouts(), {}
    for value in values:
        layout = layouts[value]
        key = getattr(layout.base, "name", None), layout.offset, layout.shape
        if in_order(layout.shape, layout.strides) and key in known:
            found[value] = known[key]
    return found


def _onnx() -> Any:
    try:
        import onnx
        import onnx.checker
        import onnx.helper
        import onnx.numpy_helper
        import onnx.shape_inference
    except ImportError:
        raise DependencyMissing(f"ONNX needs onnx: {install_line('onnx')}") from None
    return onnx
