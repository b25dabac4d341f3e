"""Handwritten digits: a network with dropout, early stopping and a learning rate that falls.

Run it with ``python examples/digits.py``; it needs scikit-learn for the data.
"""

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import agnostic_nn as ann


def main() -> float:
    """Train, and return the accuracy on the examples held out."""
    images, digits = load_digits(return_X_y=True)
    X = (images / 16.0).astype(np.float32)  # 1797 images of 8 x 8
    Y = np.eye(10, dtype=np.float32)[digits]  # one-hot rows
    X_train, X_test, Y_train, Y_test = train_test_split(
        X, Y, test_size=0.2, random_state=0, stratify=digits
    )

    net = ann.Network([64, 128, 64, 10], "categorical_cross_entropy", dropout=0.2, seed=0)
    history = ann.train(
        net,
        X_train,
        Y_train,
        epochs=100,
        batch_size=64,
        optimizer=ann.Adam(learning_rate=ann.Cosine(0.003)),
        validation=0.1,
        patience=20,
    )
    best = int(np.argmin(history["validation_cost"]))
    print(f"{net}")
    print(f"best epoch {best + 1} of {len(history['epoch'])}")

    accuracy = float((net.predict(X_test).argmax(axis=1) == Y_test.argmax(axis=1)).mean())
    print(f"accuracy on {len(X_test)} examples held out: {accuracy:.3f}")
    return accuracy


if __name__ == "__main__":
    main()
