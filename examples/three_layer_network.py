"""The lesson's complete example, line by line: a 3-layer network for a yes or no.

Layer 1 and 2 are ReLU, layer 3 is a sigmoid; the data are 569 breast tumours with 30 features.
Run it with ``python examples/three_layer_network.py``; it needs scikit-learn for the data.
"""

import numpy as np
from sklearn.datasets import load_breast_cancer

import agnostic_nn as ann


def main() -> float:
    """Train for 300 iterations, and return the accuracy on the examples held out."""
    features, labels = load_breast_cancer(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(labels))
    train, test = order[100:], order[:100]
    mean, scale = features[train].mean(axis=0), features[train].std(axis=0)
    A0 = ((features - mean) / scale).T  # one example per column: (30, 569)
    X, Y = A0[:, train], labels[np.newaxis, train]  # (30, 469), (1, 469)

    rng = np.random.default_rng(1)
    W1, b1 = rng.standard_normal((16, 30)) * np.sqrt(2 / 30), np.zeros((16, 1))
    W2, b2 = rng.standard_normal((8, 16)) * np.sqrt(2 / 16), np.zeros((8, 1))
    W3, b3 = rng.standard_normal((1, 8)) * np.sqrt(1 / 8), np.zeros((1, 1))
    alpha = 0.3

    for iteration in range(301):
        # Forward propagation
        A1, cache1 = ann.forward_propagation_layer(X, W1, b1, "relu")
        A2, cache2 = ann.forward_propagation_layer(A1, W2, b2, "relu")
        A3, cache3 = ann.forward_propagation_layer(A2, W3, b3, "sigmoid")

        # Cost
        cost = ann.compute_cost(A3, Y)
        if iteration % 50 == 0:
            print(f"iteration {iteration:3d}   cost {cost:.4f}")

        # Backward propagation: starts from dA[3], needs no dA[0]
        dA3 = ann.initialize_backward(A3, Y)
        dA2, dW3, db3 = ann.backward_propagation_layer(dA3, cache3, "sigmoid")
        dA1, dW2, db2 = ann.backward_propagation_layer(dA2, cache2, "relu")
        _, dW1, db1 = ann.backward_propagation_layer(dA1, cache1, "relu")

        # Update
        W3, b3 = W3 - alpha * dW3, b3 - alpha * db3
        W2, b2 = W2 - alpha * dW2, b2 - alpha * db2
        W1, b1 = W1 - alpha * dW1, b1 - alpha * db1

    parameters = [(W1, b1), (W2, b2), (W3, b3)]
    AL, _ = ann.forward_propagation(A0[:, test], parameters, ["relu", "relu", "sigmoid"])
    accuracy = float(((AL > 0.5) == labels[test]).mean())
    print(f"accuracy on 100 examples held out: {accuracy:.3f}")
    return accuracy


if __name__ == "__main__":
    main()
