"""The line that each addition has in its registry, and the definition its author is asked for."""

import math

import bend
import definitions
import heavy_ball
import linear
import log_cosh
import softsign

from agnostic_nn import ACTIVATIONS, LOSSES, OPTIMIZERS, SCHEDULES
from agnostic_nn.backends import BACKENDS
from agnostic_nn.layers import LAYERS

ACTIVATIONS["softsign"] = softsign.SOFTSIGN
LOSSES["log_cosh"] = log_cosh.LOG_COSH
OPTIMIZERS["heavy_ball"] = heavy_ball.HeavyBall
SCHEDULES["linear"] = linear.Linear
LAYERS["Bend"] = bend.Bend
BACKENDS["mirror"] = ("mirror", "MirrorBackend")

definitions.ACTIVATIONS["softsign"] = lambda z: z / (1.0 + abs(z))
definitions.LOSSES["log_cosh"] = lambda a, y: math.log(math.cosh(a - y))
definitions.OPTIMIZERS["heavy_ball"] = definitions.momentum(0.05, 0.75)
definitions.LAYERS["Bend"] = lambda A, w: A + w * A**2 / 2.0
definitions.SCHEDULES["linear"] = lambda t, T: 0.001 * (T - t) / T
