import numpy as np
import pytest

from agnostic_nn.metrics import r2_score

#: R^2 = 1 - 2.04 / 4 for the first column, 1 - 0 for the second.
Y = np.asarray([[0.0, 4.0], [2.0, 2.0], [0.0, 3.0], [2.0, 1.0]])
A = np.asarray([[1.0, 4.0], [1.8, 2.0], [0.0, 3.0], [1.0, 1.0]])
R2 = (1.0 - 2.04 / 4.0 + 1.0) / 2.0


@pytest.mark.parametrize("scale", [1.0, 2.0**100, 2.0**-100, -1.0])
def test_r2_of_any_scale(scale, backend, close):
    """A square of 2**100 is more than float32 holds, one of 2**-100 less."""
    got = r2_score(backend.asarray(scale * A), backend.asarray(scale * Y))
    close(got, R2, units=64)


@pytest.mark.parametrize("scale", [1.0, 1000.0])
def test_r2_in_half_precision(scale, backend):
    """Where the sum of all squares overflows, it was 1: 300 million, against 65504."""
    if not hasattr(backend.xp, "float16"):
        pytest.skip("the standard has no float16")
    many = [backend.asarray(scale * np.tile(x, (100, 1)), "float16") for x in (A, Y)]
    score = r2_score(*many)
    assert score.dtype == many[0].dtype
    assert float(backend.to_numpy(score)) == pytest.approx(R2, abs=2.0**-10)


def test_r2_of_a_constant_target(backend, close):
    Y = backend.asarray(np.full((3, 2), 2.0))
    A = backend.asarray([[2.0, 2.0], [2.0, 2.0], [2.0, 3.0]])
    close(r2_score(A, Y), 0.5, units=0)  # 1 where it is met, 0 where it is not
