"""What several test files share: tolerances that come from the dtype, and small data."""

from __future__ import annotations

import numpy as np
import pytest

#: What test_additions.py adds, in a process of its own.
collect_ignore = ["additions"]


@pytest.fixture
def close(backend):
    """Assert that an array equals a float64 reference, within a number of unit roundoffs."""

    def check(got, expected, units, scale=None):
        got = np.asarray(backend.to_numpy(got))
        expected = np.asarray(expected, dtype=np.float64)
        assert got.dtype.name == backend.dtype
        assert got.shape == expected.shape
        scale = np.max(np.abs(expected), initial=0.0) if scale is None else scale
        np.testing.assert_allclose(
            got.astype(np.float64), expected, rtol=0.0, atol=units * backend.unit_roundoff * scale
        )

    return check


@pytest.fixture
def two_moons():
    """40 examples of two classes that a small network can tell apart: X (40, 2), Y (40, 1)."""
    random = np.random.default_rng(7)
    angle = np.pi * random.random(40)
    label = np.arange(40) % 2
    x = np.where(label == 0, np.cos(angle), 1.0 - np.cos(angle))
    y = np.where(label == 0, np.sin(angle), 0.5 - np.sin(angle))
    X = np.stack([x, y], axis=1) + 0.05 * random.standard_normal((40, 2))
    return X - X.mean(axis=0), label.astype(np.float64)[:, None]
