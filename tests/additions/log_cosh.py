"""A loss."""

import math

from agnostic_nn import Loss

SCALE = 1.0


def log_cosh(A, Y, *, xp):
    error = xp.abs(A - Y)
    return SCALE * (error + xp.log1p(xp.exp(-2.0 * error)) - math.log(2.0))


def log_cosh_derivative(A, Y, *, xp):
    return SCALE * xp.tanh(A - Y)


LOG_COSH = Loss("log_cosh", log_cosh, log_cosh_derivative, "identity")
