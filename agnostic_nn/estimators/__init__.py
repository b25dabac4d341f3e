"""scikit-learn's interface: `MLPClassifier` and `MLPRegressor`, trained by `agnostic_nn.train`.

The parameters, labels and checks are here; every equation and every step is the package's own.
"""

from importlib.util import find_spec

from ..errors import DependencyMissing
from ..installing import install_line

if find_spec("sklearn") is None:
    raise DependencyMissing(
        f"MLPClassifier and MLPRegressor need scikit-learn: {install_line('sklearn')}"
    )

from .classifier import MLPClassifier
from .regressor import MLPRegressor

__all__ = ["MLPClassifier", "MLPRegressor"]
