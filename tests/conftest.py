"""What several test files share: tolerances that come from the dtype, and small data."""

from __future__ import annotations

import time

import numpy as np
import pytest

from agnostic_nn.checkpoints import progress_of

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
def has_learned():
    """Wait until a process that trains has kept an epoch in its checkpoint."""

    def wait(process, checkpoint):
        while not (checkpoint.exists() and progress_of(checkpoint)[0] > 0):
            assert process.poll() is None
            time.sleep(0.01)

    return wait


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


@pytest.fixture
def run(capsys):
    """Run a command; return its exit code, and what it wrote to each stream."""

    from agnostic_nn.cli import main

    def run(*arguments):
        with pytest.raises(SystemExit) as exit_:
            main([str(argument) for argument in arguments])
        streams = capsys.readouterr()
        return exit_.value.code, streams.out, streams.err

    return run


@pytest.fixture
def fails(run):
    """Run a command that must fail with one line holding the given words."""

    def fails(*arguments, words, code=2):
        got, _, error = run(*arguments)
        assert got == code
        assert error.startswith("agnostic-nn: error: ")
        assert error.count("\n") == 1
        assert "Traceback" not in error
        for word in words:
            assert word in error

    return fails


@pytest.fixture
def undrawn(monkeypatch):
    """Leave the drawing out, which takes most of a short run's time."""
    from agnostic_nn.cli import pictures

    def drawn(self, form, settings, **options):
        return b"\x89PNG\r\n\x1a\n" if form == "png" else b"<svg/>"

    monkeypatch.setattr(pictures.Picture, "_drawn", drawn)
