"""To and from other libraries: scikit-learn's MLP, PyTorch's nn.Sequential, and ONNX.

What is exchanged is what a network computes: its layers, their activations, and the loss they
were trained for. What only training uses (L2, the optimizer's state) stays behind.
"""

from .with_onnx import to_onnx
from .with_sklearn import from_sklearn, to_sklearn
from .with_torch import from_torch, to_torch

__all__ = ["from_sklearn", "from_torch", "to_onnx", "to_sklearn", "to_torch"]
