"""Files that are not looked through for doctests where their library is missing."""

from importlib.util import find_spec

#: It is written for Numba's compiler, and can be imported where that is installed alone.
collect_ignore = [] if find_spec("numba") else ["agnostic_nn/backends/numba_functions.py"]
