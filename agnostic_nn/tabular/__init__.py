"""Tables as people have them: read from files, and made into what a network learns from."""

from .preparation import Categorical, Numeric, Preparation, task_of
from .reading import BUILT_IN, Table, check_complete, few, import_pandas, read_table

__all__ = [
    "BUILT_IN",
    "Categorical",
    "Numeric",
    "Preparation",
    "Table",
    "check_complete",
    "few",
    "import_pandas",
    "read_table",
    "task_of",
]
