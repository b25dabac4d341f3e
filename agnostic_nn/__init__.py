"""Neural networks whose equations are written once and run on NumPy, CuPy, torch or JAX."""

import importlib
from typing import TYPE_CHECKING, Any

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
    NotRecordable,
    OutOfMemory,
    RecordingWarning,
    TableWarning,
    TrainingWarning,
)
from .initializers import INITIALIZERS
from .layers import LAYERS
from .losses import LOSSES, Loss, compute_cost, initialize_backward
from .network import Network
from .propagation import (
    LayerCache,
    LayerGradients,
    LayerParameters,
    backward_propagation,
    backward_propagation_layer,
    forward_propagation,
    forward_propagation_layer,
)
from .version import __version__

if TYPE_CHECKING:
    from .ensembles import members_of, side_by_side
    from .estimators import MLPClassifier, MLPRegressor
    from .gradients import gradient_check
    from .inspection import program
    from .models import load, save
    from .optimizers import OPTIMIZERS, SGD, Adam, AdamW, Momentum, Nesterov, Optimizer, RMSprop
    from .schedules import (
        SCHEDULES,
        Constant,
        Cosine,
        CosLog,
        Exponential,
        FlatCosine,
        InverseScaling,
        OneCycle,
        ReduceOnPlateau,
        Schedule,
        StepDecay,
        WarmUp,
    )
    from .tabular import (
        RealMLPClassifier,
        RealMLPRegressor,
        TableClassifier,
        TableRegressor,
        TableTransformer,
        TabMClassifier,
        TabMRegressor,
    )
    from .training import resume, train

#: What is imported when it is first asked for, so that the import of the package is light, and
#: needs NumPy and array-api-compat alone.
_LATER = {
    "ensembles": ("members_of", "side_by_side"),
    "estimators": ("MLPClassifier", "MLPRegressor"),
    "gradients": ("gradient_check",),
    "inspection": ("program",),
    "models": ("load", "save"),
    "optimizers": (
        "Adam",
        "AdamW",
        "Momentum",
        "Nesterov",
        "OPTIMIZERS",
        "Optimizer",
        "RMSprop",
        "SGD",
    ),
    "schedules": (
        "Constant",
        "CosLog",
        "Cosine",
        "Exponential",
        "FlatCosine",
        "InverseScaling",
        "OneCycle",
        "ReduceOnPlateau",
        "SCHEDULES",
        "Schedule",
        "StepDecay",
        "WarmUp",
    ),
    "tabular": (
        "RealMLPClassifier",
        "RealMLPRegressor",
        "TabMClassifier",
        "TabMRegressor",
        "TableClassifier",
        "TableRegressor",
        "TableTransformer",
    ),
    "training": ("resume", "train"),
}

__all__ = [
    "ACTIVATIONS",
    "INITIALIZERS",
    "LAYERS",
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
    "CosLog",
    "Cosine",
    "DependencyMissing",
    "Exponential",
    "FlatCosine",
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
    "NotRecordable",
    "OneCycle",
    "Optimizer",
    "OutOfMemory",
    "RMSprop",
    "RealMLPClassifier",
    "RealMLPRegressor",
    "RecordingWarning",
    "ReduceOnPlateau",
    "Schedule",
    "StepDecay",
    "TabMClassifier",
    "TabMRegressor",
    "TableClassifier",
    "TableRegressor",
    "TableTransformer",
    "TableWarning",
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
    "members_of",
    "program",
    "relu",
    "relu_derivative",
    "resume",
    "save",
    "side_by_side",
    "sigmoid",
    "sigmoid_derivative",
    "softmax",
    "train",
    "use_backend",
]


def __getattr__(name: str) -> Any:
    for module, names in _LATER.items():
        if name in names:
            found = getattr(importlib.import_module(f".{module}", __name__), name)
            globals()[name] = found
            return found
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
