"""Tables as people have them: read from files, and made into what a network learns from."""

from typing import TYPE_CHECKING, Any

from .categorical import Categorical
from .columns import Column, Differences, LeftOut
from .encoding import tell
from .frames import as_frame, as_series, check_complete, few, import_pandas
from .inputs import Blocks, Inputs
from .measured import Boolean, DateTime, Numeric
from .preparation import Preparation
from .readers import BUILT_IN
from .reading import Table, read_parts, read_table
from .targets import natural, task_of
from .text import MISSING
from .writing import table_written

if TYPE_CHECKING:
    from .estimators import TableClassifier, TableRegressor, TableTransformer
    from .recipes.estimators import (
        RealMLPClassifier,
        RealMLPRegressor,
        TabMClassifier,
        TabMRegressor,
    )

__all__ = [
    "BUILT_IN",
    "MISSING",
    "Blocks",
    "Boolean",
    "Categorical",
    "Column",
    "DateTime",
    "Differences",
    "Inputs",
    "LeftOut",
    "Numeric",
    "Preparation",
    "RealMLPClassifier",
    "RealMLPRegressor",
    "TabMClassifier",
    "TabMRegressor",
    "Table",
    "TableClassifier",
    "TableRegressor",
    "TableTransformer",
    "as_frame",
    "as_series",
    "check_complete",
    "few",
    "import_pandas",
    "natural",
    "read_parts",
    "read_table",
    "table_written",
    "task_of",
    "tell",
]


def __getattr__(name: str) -> Any:
    if name in ("TableClassifier", "TableRegressor", "TableTransformer"):  # need scikit-learn
        from . import estimators

        return getattr(estimators, name)
    if name.startswith(("RealMLP", "TabM")) and name in __all__:
        from .recipes import estimators as of_recipes

        return getattr(of_recipes, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
