"""One script for CPU and GPU: the backend is a word on the command line, the rest stays.

``python examples/cpu_or_gpu.py numpy`` trains on the CPU, ``... cupy`` on a CUDA GPU, and
``... auto``, the default, on the GPU where one is usable.
"""

import sys

import numpy as np

import agnostic_nn as ann


def main(backend: str = "auto") -> float:
    """Fit a noisy wave in two dimensions, and return the cost on fresh examples."""
    for name, found in ann.available_backends().items():
        print(f"{name:>16}: {found.device if found.usable else found.reason}")

    rng = np.random.default_rng(0)
    X = rng.uniform(-3, 3, (20_000, 2)).astype(np.float32)
    Y = np.sin(X[:, 0]) * np.cos(X[:, 1]) + 0.1 * rng.standard_normal(len(X)).astype(np.float32)

    net = ann.Network([2, 64, 64, 1], "squared_error", activation="tanh", backend=backend)
    history = ann.train(net, X[:16_000], Y[:16_000], epochs=10, batch_size=100)
    seconds = sum(history["seconds"])
    print(f"{net}: {10 * 16_000 / seconds:,.0f} examples/s")

    cost = net.cost(X[16_000:], Y[16_000:])  # the noise alone costs 0.005
    print(f"cost on fresh examples: {cost:.4f}")
    return cost


if __name__ == "__main__":
    main(*sys.argv[1:])
