"""A layer of your own: a gate that learns how much of each feature to let through."""

from dataclasses import dataclass

import numpy as np

import agnostic_nn as ann
from agnostic_nn.layers import Layer, Parameter


@dataclass(frozen=True, repr=False)
class Gate(Layer):
    """A = sigmoid(g) A_prev, with one g for each feature."""

    def parameters(self, n_prev):
        """Return g, (n, 1), which begins at 0: every gate is half open."""
        return [Parameter("g", (n_prev, 1), 0.0)]

    def forward(self, A_prev, p, *, xp):
        """A = s A_prev with s = sigmoid(g)."""
        (g,) = p
        s = ann.sigmoid(g, xp=xp)  # (n, 1)
        return s * A_prev, (A_prev, g, s)

    def backward(self, dA, cache, *, input_gradient=True, xp):  # noqa: ARG002
        """dA_prev = s dA, and dg = sigmoid'(g) (1/m) sum(dA A_prev)."""
        A_prev, g, s = cache
        m = dA.shape[1]
        ds = 1 / m * xp.sum(dA * A_prev, axis=1, keepdims=True)  # (n, 1)
        return s * dA, (ann.sigmoid_derivative(g, xp=xp) * ds,)


def main() -> list[float]:
    """Check the gradient, train, and return how far each gate is open."""
    random = np.random.default_rng(0)
    X = random.standard_normal((500, 10))
    y = X[:, 0] * X[:, 1] > 0.0  # two features count, eight do not

    net = ann.Network([10, Gate(), 32, 1], "binary_cross_entropy", dtype="float64")
    print(f"{net}: gradient check {ann.gradient_check(net, X[:5], y[:5]):.0e}")

    ann.train(net, X, y, epochs=200, optimizer=ann.Adam(0.01))
    (g,), *_ = net.parameters
    gates = [float(gate) for gate in ann.sigmoid(g)[:, 0]]
    print("open:", " ".join(f"{gate:.2f}" for gate in gates))
    return gates


if __name__ == "__main__":
    main()
