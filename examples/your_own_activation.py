"""An activation of your own: write g and g', check them, train with them, on every backend."""

import numpy as np

import agnostic_nn as ann
from agnostic_nn.testing import assert_gradients, assert_parity


def snake(Z, *, xp):
    """g(Z) = Z + sin(Z)^2 (Ziyin et al. 2020): a line that can learn what repeats."""
    return Z + xp.sin(Z) ** 2


def snake_derivative(Z, *, xp):
    """g'(Z) = 1 + sin(2 Z)."""
    return 1.0 + xp.sin(2.0 * Z)


SNAKE = ann.Activation("snake", snake, snake_derivative)


def main() -> float:
    """Check the derivative, compare the backends, train; return the cost."""
    assert_gradients(SNAKE)
    usable = [name for name, found in ann.available_backends().items() if found.usable]
    if usable == ["numpy"]:
        print(
            "NumPy alone is usable here. To compare another with it: pip install array-api-strict"
        )
    else:
        assert_parity(snake, np.linspace(-5.0, 5.0, 101))

    X = np.linspace(-2 * np.pi, 2 * np.pi, 512)[:, np.newaxis]
    net = ann.Network([1, 32, 32, 1], "squared_error", activation=SNAKE)
    history = ann.train(net, X, np.sin(2 * X), epochs=200, batch_size=32)
    print(f"{net}: cost {history['cost'][0]:.4f} -> {history['cost'][-1]:.5f}")
    return history["cost"][-1]


if __name__ == "__main__":
    main()
