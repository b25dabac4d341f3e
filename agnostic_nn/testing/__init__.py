"""For tests of your own activation, loss or layer: the same numbers everywhere, right gradients.

`assert_parity` runs a function on every backend that is usable here, `assert_gradients` holds a
derivative against differences. With pytest, ``-p agnostic_nn.testing.plugin``, or
``pytest_plugins = ["agnostic_nn.testing.plugin"]`` in the outermost ``conftest.py``, brings the
fixtures ``backend`` and ``xp``. They run a test once for each of `VARIANTS`;
``--agnostic-nn-backends numpy,torch`` chooses among them, and what is not usable shows as
skipped, with the reason. What is compiled only where that pays is compiled from the first step on.

Examples
--------
A test file for an activation of your own::

    from agnostic_nn import Activation
    from agnostic_nn.testing import assert_gradients, assert_parity

    bent = Activation("bent", lambda Z, *, xp: xp.sqrt(Z * Z + 1.0) - 1.0 + Z,
                      lambda Z, *, xp: Z / xp.sqrt(Z * Z + 1.0) + 1.0)

    def test_derivative():
        assert_gradients(bent)

    def test_parity():
        assert_parity(bent, [[-2.0, 0.0, 3.0]])

    def test_zero(backend):                     # once for each backend
        Z = backend.asarray([0.0])              # in backend.dtype, where backend keeps its arrays
        assert backend.to_numpy(bent(Z, xp=backend.xp)).tolist() == [0.0]

    def test_large(xp):                         # the namespace alone is enough
        assert bool(xp.isfinite(bent(xp.asarray(1e3), xp=xp)))
"""

from .gradients import assert_gradients
from .parity import assert_parity
from .variants import VARIANTS, Variant, usable_variants

__all__ = ["VARIANTS", "Variant", "assert_gradients", "assert_parity", "usable_variants"]
