"""Neural networks whose equations are written once and run on NumPy, CuPy, torch or JAX."""

from typing import Any

from .activations import (
    ACTIVATIONS,
    Activation,
    relu,
    relu_derivative,
    sigmoid,
    sigmoid_derivative,
    softmax,
)
from .backends import available_backends, get_backend, use_backend
from .errors import (
    AgnosticNNError,
    BackendUnavailable,
    DependencyMissing,
    InvalidArgument,
    InvalidType,
    OutOfMemory,
    TrainingWarning,
)
from .gradients import gradient_check
from .initializers import INITIALIZERS
from .losses import LOSSES, Loss, compute_cost, initialize_backward
from .network import Network
from .optimizers import OPTIMIZERS, SGD, Adam, AdamW, Momentum, Nesterov, Optimizer, RMSprop
from .propagation import (
    LayerCache,
    LayerGradients,
    LayerParameters,
    backward_propagation,
    backward_propagation_layer,
    forward_propagation,
    forward_propagation_layer,
)
from .schedules import (
    SCHEDULES,
    Constant,
    Cosine,
    Exponential,
    InverseScaling,
    OneCycle,
    ReduceOnPlateau,
    Schedule,
    StepDecay,
    WarmUp,
)
from .training import resume, train
from .version import __version__

__all__ = [
    "ACTIVATIONS",
    "INITIALIZERS",
    "LOSSES",
    "OPTIMIZERS",
    "SCHEDULES",
    "SGD",
    "Activation",
    "Adam",
    "AdamW",
    "AgnosticNNError",
    "BackendUnavailable",
    "Constant",
    "Cosine",
    "DependencyMissing",
    "Exponential",
    "InvalidArgument",
    "InvalidType",
    "InverseScaling",
    "LayerCache",
    "LayerGradients",
    "LayerParameters",
    "Loss",
    "MLPClassifier",
    "MLPRegressor",
    "Momentum",
    "Nesterov",
    "Network",
    "OneCycle",
    "Optimizer",
    "OutOfMemory",
    "RMSprop",
    "ReduceOnPlateau",
    "Schedule",
    "StepDecay",
    "TrainingWarning",
    "WarmUp",
    "__version__",
    "available_backends",
    "backward_propagation",
    "backward_propagation_layer",
    "compute_cost",
    "forward_propagation",
    "forward_propagation_layer",
    "get_backend",
    "gradient_check",
    "initialize_backward",
    "load",
    "relu",
    "relu_derivative",
    "resume",
    "save",
    "sigmoid",
    "sigmoid_derivative",
    "softmax",
    "train",
    "use_backend",
]


def __getattr__(name: str) -> Any:
    # what needs more than NumPy, or more time to import, is imported when it is asked for
    if name in ("MLPClassifier", "MLPRegressor"):
        from . import estimators

        return getattr(estimators, name)
    if name in ("load", "save"):
        from . import saving

        return getattr(saving, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
