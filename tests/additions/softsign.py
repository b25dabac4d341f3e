"""An activation."""

from agnostic_nn import Activation

BEND = 1.0


def softsign(Z, *, xp):
    return Z / (BEND + xp.abs(Z))


def softsign_derivative(Z, *, xp):
    return BEND / (BEND + xp.abs(Z)) / (BEND + xp.abs(Z))


SOFTSIGN = Activation("softsign", softsign, softsign_derivative)
