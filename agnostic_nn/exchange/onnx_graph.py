"""An ONNX graph in the making."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import NotRecordable
from ..namespace import Array
from ..programs.dtypes import DType
from ..programs.program import Value
from ..programs.sizes import Size, Sizes
from ..version import __version__

#: The operators of this version are in every runtime of the last years.
OPSET, IR_VERSION = 13, 7


class Graph:
    """An ONNX graph in the making, in which values go by their names."""

    def __init__(self, onnx: Any, dtype: Any) -> None:
        self._onnx, self._dtype = onnx, dtype
        self._nodes: list[Any] = []
        self._tensors: dict[str, Any] = {}

    def tensor(self, array: Array, name: str = "") -> str:
        """Add an array that is always the same."""
        name = name if name and name not in self._tensors else f"c{len(self._tensors)}"
        array = np.ascontiguousarray(array).reshape(array.shape)
        self._tensors[name] = self._onnx.numpy_helper.from_array(array, name)
        return name

    def __call__(self, operator: str, *inputs: str | float, out: str = "", **settings: Any) -> str:
        """Add a node; a number among its inputs becomes a constant."""
        names = [
            value if isinstance(value, str) else self.tensor(np.asarray(value, self._dtype))
            for value in inputs
        ]
        out = out or f"v{len(self._nodes)}"
        self._nodes.append(self._onnx.helper.make_node(operator, names, [out], **settings))
        return out

    def whole(self, *numbers: int) -> str:
        """Return whole numbers as a vector."""
        return self.tensor(np.asarray(numbers, np.int64))

    def sizes(self, sizes: Sizes) -> str:
        """Return sizes as a vector, which is computed where they grow with the examples."""
        if not any(isinstance(n, Size) for n in sizes):
            return self.whole(*sizes)  # type: ignore[arg-type]
        examples = self("Gather", self("Shape", "X"), self.whole(0))
        parts = [
            self("Add", self("Mul", examples, self.whole(n.each)), self.whole(n.besides))
            if isinstance(n, Size)
            else self.whole(n)
            for n in sizes
        ]
        return self("Concat", *parts, axis=0)

    def kind(self, dtype: DType) -> int:
        """Return the number by which ONNX knows a type."""
        return int(self._onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype.name)))

    def finished(self, X: Value, A: Value) -> Any:
        """Return the model from X to A, once ONNX has checked it."""
        onnx, helper = self._onnx, self._onnx.helper
        (given, made) = (
            helper.make_tensor_value_info(
                name, self.kind(value.dtype), ["n_samples", value.shape[1]]
            )
            for name, value in (("X", X), ("A", A))
        )
        tensors = list(self._tensors.values())
        model = helper.make_model(
            helper.make_graph(self._nodes, "network", [given], [made], initializer=tensors),
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=IR_VERSION,
            producer_name="agnostic_nn",
            producer_version=__version__,
        )
        try:
            onnx.checker.check_model(model, full_check=True)
        except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
            reason = str(error).strip().splitlines()[0]
            raise NotRecordable(f"what ONNX has not ({reason})") from error
        return model
