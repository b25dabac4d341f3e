"""Layers: each a value with two functions, forward and backward, in a file of its own.

A layer of one's own is a subclass of `Layer`, wherever it is written; under a name in `LAYERS` it
can be saved as well, and everything that walks the registry takes it up.
"""

from ..layer import Buffer, Layer, Mask, Parameter
from .activate import Activate
from .batch_norm import BatchNorm
from .clip import Clip
from .dense import Dense
from .dropout import Dropout
from .embedding import Embedding
from .ensemble import Ensemble
from .ensemble_dense import EnsembleDense
from .layer_norm import LayerNorm
from .member_dense import MemberDense
from .members import Members
from .neural_tangent import NeuralTangentDense
from .parametric_activation import ParametricActivation
from .periodic_embedding import PeriodicEmbedding
from .piecewise_linear_embedding import PiecewiseLinearEmbedding
from .residual import Residual
from .rms_norm import RMSNorm
from .scale import Scale
from .sequential import Sequential

__all__ = [
    "LAYERS",
    "Activate",
    "BatchNorm",
    "Buffer",
    "Clip",
    "Dense",
    "Dropout",
    "Embedding",
    "Ensemble",
    "EnsembleDense",
    "Layer",
    "LayerNorm",
    "Mask",
    "MemberDense",
    "Members",
    "NeuralTangentDense",
    "Parameter",
    "ParametricActivation",
    "PeriodicEmbedding",
    "PiecewiseLinearEmbedding",
    "RMSNorm",
    "Residual",
    "Scale",
    "Sequential",
]

#: Every layer by name. A new one is a file and a line here.
LAYERS: dict[str, type[Layer]] = {
    layer.__name__: layer
    for layer in (
        Activate,
        BatchNorm,
        Clip,
        Dense,
        Dropout,
        Embedding,
        Ensemble,
        EnsembleDense,
        LayerNorm,
        MemberDense,
        Members,
        NeuralTangentDense,
        ParametricActivation,
        PeriodicEmbedding,
        PiecewiseLinearEmbedding,
        RMSNorm,
        Residual,
        Scale,
        Sequential,
    )
}
