"""How far rounding can take a result: running error analysis of the equations as they stand.

`Bounding` is an Array API namespace whose arrays carry, beside each value in float64, a bound on
how far any backend that computes in a given dtype can be away from it. An equation that runs in
this namespace is the same function that runs on every backend, so its tolerance is derived from
the equation itself and from the data, and nobody sets it (Wilkinson's running error analysis;
Higham, "Accuracy and Stability of Numerical Algorithms", 2002, section 3.3).

With u the dtype's unit roundoff, every operation adds what it may round to what it was handed:

====  ==================================================================================
code  what is allowed
====  ==================================================================================
``=`` nothing: the operations are exact, the results must be equal
``R`` u for each +, - and x (IEEE 754 rounds correctly), 2 ULP for each division and square
      root (correct on CPUs; the bound of CUDA's fast division), u for each constant
``F`` 4 ULP for each exp, expm1, log, log1p, tanh, cos and sin: the largest error stated for
      NumPy's vector loops (numpy/numpy#19478); CUDA and most host libraries state less
``S`` gamma_n = n u / (1 - n u) times the sum of the magnitudes, |W| |A| for a product, for
      sums of n terms in any order (Higham 2002, section 3.1)
====  ==================================================================================

One ULP is at most 2 u. Errors that were there before are carried on with the condition of the
operation. Numbers below the smallest normal one may be flushed to zero, as some compilers do.
"""

from .arrays import DIVISION_ULPS, FUNCTION_ULPS, Bounded, Decision
from .functions import Bounding, rounding_of
from .reference import Reference

__all__ = [
    "DIVISION_ULPS",
    "FUNCTION_ULPS",
    "Bounded",
    "Bounding",
    "Decision",
    "Reference",
    "rounding_of",
]
