"""For tests of your own activation, loss or layer: the same numbers everywhere, right gradients.

`assert_parity` runs a function on every backend that is usable here, `assert_gradients` holds a
derivative against differences. With pytest, ``-p agnostic_nn.testing.plugin``, or
``pytest_plugins = ["agnostic_nn.testing.plugin"]`` in the outermost ``conftest.py``, brings the
fixtures ``backend`` and ``xp``. They run a test once for each of `VARIANTS`;
``--agnostic-nn-backends numpy,torch`` chooses among them, and what is not usable shows as
skipped, with the reason.

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

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import Any

from ..activations import Activation, get_activation
from ..backends import Backend, backend_of, get_backend, host, move
from ..errors import AgnosticNNError, InvalidArgument, unknown_name
from ..gradients import gradient_check
from ..losses import Loss
from ..namespace import Array, Namespace
from ..network import Network

__all__ = ["VARIANTS", "Variant", "assert_gradients", "assert_parity", "usable_variants"]


@dataclass(frozen=True)
class Variant:
    """A backend as tests use it: with a dtype, and perhaps with less allowed than usual.

    Parameters
    ----------
    name : str
        What tests show, and ``--agnostic-nn-backends`` takes.
    of : str
        The backend's own name, as `get_backend` takes it.
    dtype : str
        The type of the floating-point arrays that `asarray` makes.
    read_only : bool, default False
        Whether those arrays refuse to be written to, which finds functions that change what
        they are given. NumPy alone can.
    minimal : bool, default False
        Whether every optional feature of the standard is switched off while a test runs.
        array-api-strict alone can.

    Examples
    --------
    >>> numpy = VARIANTS["numpy (read-only)"]
    >>> A = numpy.asarray([1, 2.5])
    >>> A.dtype.name, A.flags.writeable
    ('float32', False)
    >>> numpy.to_numpy(A)
    array([1. , 2.5], dtype=float32)
    """

    name: str
    of: str
    dtype: str
    read_only: bool = False
    minimal: bool = False

    @property
    def backend(self) -> Backend:
        """The backend itself; raises where it is not usable."""
        return get_backend(self.of)

    @property
    def xp(self) -> Namespace:
        """Its array namespace."""
        return self.backend.xp

    @property
    def unit_roundoff(self) -> float:
        """The largest relative error of rounding to `dtype`."""
        return unit_roundoff(self.dtype)

    def asarray(self, values: Any, dtype: str | None = None) -> Array:
        """Return `values` as an array there, of `dtype`, or else the variant's own.

        Arrays of whole numbers or booleans keep their type.
        """
        source = backend_of(values)
        floating = source is None or source.xp.isdtype(values.dtype, "real floating")
        kind = self.backend.dtype(dtype or self.dtype) if floating else None
        array = move(values if source else host.asarray(values), self.backend, kind)
        return host.read_only(array) if self.read_only else array

    def to_numpy(self, array: Array) -> Any:
        """Copy an array to the host."""
        return self.backend.to_numpy(array)

    def restricted(self) -> AbstractContextManager[Any]:
        """Switch off what this variant does without, inside a ``with``."""
        if not self.minimal:
            return nullcontext()
        flags: AbstractContextManager[Any] = self.xp.ArrayAPIStrictFlags(
            boolean_indexing=False, data_dependent_shapes=False, enabled_extensions=()
        )
        return flags

    def why_not(self) -> str:
        """Return why it is not usable here; empty where it is."""
        return _why_not(self.of)


#: Every variant by name. A backend need not be installed to stand here.
VARIANTS: dict[str, Variant] = {
    variant.name: variant
    for variant in (
        Variant("numpy", "numpy", "float64"),
        Variant("numpy (read-only)", "numpy", "float32", read_only=True),
        Variant("array_api_strict", "array_api_strict", "float64"),
        Variant("array_api_strict:device1", "array_api_strict:device1", "float32", minimal=True),
        Variant("torch", "torch", "float32"),
        Variant("torch:cuda", "torch:cuda", "float32"),
        Variant("jax", "jax", "float32"),
        Variant("jax:gpu", "jax:gpu", "float32"),
        Variant("cupy", "cupy", "float32"),
    )
}


def choose_variants(names: Sequence[str]) -> list[Variant]:
    """Return the variants of those names; a library's name alone stands for all of its own."""
    chosen = []
    for name in names:
        found = [
            variant
            for variant in VARIANTS.values()
            if name in (variant.name, variant.of.partition(":")[0])
        ]
        if not found:
            raise unknown_name("backends", name, VARIANTS)
        chosen += [variant for variant in found if variant not in chosen]
    return chosen


def usable_variants() -> list[Variant]:
    """Return every variant whose backend can be used here."""
    return [variant for variant in VARIANTS.values() if not variant.why_not()]


@functools.cache
def _why_not(backend: str) -> str:
    try:
        get_backend(backend)
    except AgnosticNNError as error:
        return str(error)
    return ""


def assert_parity(
    function: Callable[..., Any],
    *arrays: Any,
    backends: Iterable[str | Backend | Variant] | None = None,
    dtype: str | None = None,
    tolerance: float | None = None,
) -> None:
    """Assert that a function gives the same numbers on every backend.

    The reference is NumPy in float64, given the arrays as rounded to the tested dtype.

    Parameters
    ----------
    function : callable
        ``function(*arrays, xp=...)``, which returns an array, or arrays in lists and tuples.
    *arrays : array-like
        Its arguments. Lists and floating-point arrays take the tested dtype, arrays of whole
        numbers or booleans stay what they are.
    backends : iterable of str, Backend or Variant, optional
        Where to run it: names in `VARIANTS`, or backends. Left out, every variant usable here.
    dtype : str, optional
        The dtype to test; left out, each variant's own.
    tolerance : float, optional
        How far a number may lie from the reference, in unit roundoffs u of the dtype times the
        largest magnitude in that result: ``|got - expected| <= tolerance * u * max|expected|``.
        Left out, 8 + n for the longest axis n among the arrays: a sum of n terms is right to
        n u (Higham 2002, section 3.1), and 8 leaves room for the elementary functions, which
        libraries compute to a few u each.

    Raises
    ------
    AssertionError
        If a number, a shape or a dtype differs, or if a result is not an array of the backend
        it was computed on: two results that both became NumPy arrays prove nothing.

    Examples
    --------
    >>> def softsign(Z, *, xp):
    ...     return Z / (1.0 + xp.abs(Z))
    >>> assert_parity(softsign, [[-1.0, 0.5]], backends=["numpy"])
    >>> def mean(Z, *, xp):
    ...     return float(xp.mean(Z))
    >>> assert_parity(mean, [[-1.0, 0.5]], backends=["numpy"])
    Traceback (most recent call last):
    AssertionError: mean on numpy in float64: the result is a float, wanted an array of numpy.
    """
    variants = _variants(backends, dtype)
    for variant in variants:
        given = [variant.asarray(array) for array in arrays]
        reference = VARIANTS["numpy"]
        exact = [reference.asarray(variant.to_numpy(array), "float64") for array in given]
        expected = list(_flat(function(*exact, xp=reference.xp)))
        where = f"{_name(function)} on {variant.name} in {variant.dtype}"
        with variant.restricted():
            got = list(_flat(function(*given, xp=variant.xp)))
        if len(got) != len(expected):
            raise AssertionError(f"{where}: expected {len(expected)} arrays, got {len(got)}.")
        axes = [n for array in exact for n in array.shape]
        allowed = (8 + max(axes, default=0) if tolerance is None else tolerance) * unit_roundoff(
            variant.dtype
        )
        for i, (a, b) in enumerate(zip(got, expected, strict=True)):
            result = "the result" if len(got) == 1 else f"result {i}"
            _check_kind(f"{where}: {result}", a, b, variant)
            _check_close(f"{where}: {result}", variant.to_numpy(a), b, allowed)


def _variants(
    backends: Iterable[str | Backend | Variant] | None, dtype: str | None
) -> list[Variant]:
    if backends is None:
        variants = usable_variants()
        if all(variant.of == "numpy" for variant in variants):
            raise AssertionError(
                "NumPy alone is usable here, and compared with itself it proves nothing: "
                "pip install array-api-strict, or name backends=[...]."
            )
    else:
        variants = []
        for one in backends:
            if isinstance(one, Variant):
                variants.append(one)
            elif isinstance(one, str) and one in VARIANTS:
                variants.append(VARIANTS[one])
            else:
                variants.append(Variant(name := get_backend(one).name, name, "float64"))
    return variants if dtype is None else [replace(v, dtype=dtype) for v in variants]


def _flat(result: Any) -> Iterator[Any]:
    if isinstance(result, (list, tuple)):
        for part in result:
            yield from _flat(part)
    elif result is not None:
        yield result


def _check_kind(what: str, got: Any, expected: Any, variant: Variant) -> None:
    if not variant.backend.owns(got):
        kind = f"{type(got).__module__}.{type(got).__qualname__}".removeprefix("builtins.")
        raise AssertionError(f"{what} is a {kind}, wanted an array of {variant.of}.")
    if tuple(got.shape) != tuple(expected.shape):
        raise AssertionError(
            f"{what} has shape {tuple(got.shape)}, expected {tuple(expected.shape)}."
        )
    home = variant.asarray(0.0)
    if VARIANTS["numpy"].xp.isdtype(expected.dtype, "real floating") and got.dtype != home.dtype:
        raise AssertionError(f"{what} has dtype {got.dtype}, expected {home.dtype}.")
    places = [type(variant.backend).device_of(array) for array in (got, home)]
    if places[0] != places[1]:
        raise AssertionError(
            f"{what} is on the device {places[0] or 'default'!r}, "
            f"its arguments on {places[1] or 'default'!r}."
        )


def _check_close(what: str, got: Any, expected: Any, allowed: float) -> None:
    """Both on the host; `allowed` is relative to the largest expected magnitude."""
    xp = VARIANTS["numpy"].xp
    got, expected = (xp.astype(xp.asarray(array), xp.float64) for array in (got, expected))
    finite = xp.isfinite(expected)
    largest = float(xp.max(xp.where(finite, xp.abs(expected), 0.0))) if expected.size else 0.0
    # what is not finite must be the same; it takes no part in the difference
    same = (got == expected) | (xp.isnan(got) & xp.isnan(expected))
    comparable = finite & xp.isfinite(got)
    difference = xp.abs(xp.where(comparable, got, 0.0) - xp.where(comparable, expected, 0.0))
    wrong = ~(same | (comparable & (difference <= allowed * largest)))
    if xp.any(wrong):
        worst = _place(int(xp.argmax(xp.where(wrong & comparable, difference, 0.0))), got.shape)
        if not wrong[worst]:
            worst = _place(int(xp.argmax(wrong)), got.shape)
        raise AssertionError(
            f"{what} at {list(worst)}: expected {expected[worst]!s}, got {got[worst]!s}; "
            f"a difference of {allowed * largest:.3g} is allowed."
        )


def _place(flat: int, shape: Sequence[int]) -> tuple[int, ...]:
    """The index along each axis of the element with that number."""
    index: list[int] = []
    for n in reversed(shape):
        flat, i = divmod(flat, n)
        index.insert(0, i)
    return tuple(index)


def _name(function: Any) -> str:
    return str(getattr(function, "name", None) or getattr(function, "__name__", function))


def unit_roundoff(dtype: str) -> float:
    digits = {"float64": 53, "float32": 24, "float16": 11, "bfloat16": 8}
    return float(2.0 ** -digits[dtype])


def assert_gradients(
    subject: str | Activation | Loss | Network,
    *points: Any,
    tolerance: float = 1e-7,
    seed: int = 0,
) -> None:
    r"""Assert that a derivative is that of its function, by central differences in float64.

    .. math:: f'(z) \approx \frac{f(z + h) - f(z - h)}{2 h}, \qquad h = u^{1/3} \max(1, |z|)

    Parameters
    ----------
    subject : Activation, Loss, Network or str
        An activation: its derivative, and Eq. 1. A loss: dA[L], and dZ[L] and the cost from
        logits where it has them. A network in float64: every parameter's gradient, after those
        of its activations and its loss. A name in `ACTIVATIONS` will do.
    *points : array-like
        Where to look, besides 3 by 8 random points: Z for an activation; A and Y, of one shape,
        for a loss. X and Y, one example per row, for a network, which has no random ones. At a
        kink, where there is no derivative, differences find another number.
    tolerance : float, default 1e-7
        Allowed difference, relative to 1 + \|f'\|; for a network the relative error that
        `gradient_check` returns. Differences are right to about h^2 f''' and u f / h, some
        4e-11; a wrong equation is usually off in its first digits.
    seed : int, default 0
        Of the random points.

    Raises
    ------
    AssertionError
        If a gradient is off: which element, what was expected, what came.

    Examples
    --------
    >>> wrong = Activation("square", lambda Z, *, xp: Z * Z, lambda Z, *, xp: 3.0 * Z)
    >>> assert_gradients(wrong, [[0.5]])
    Traceback (most recent call last):
    AssertionError: the derivative of square at Z[0, 0] = 0.5: expected 1, got 1.5.
    """
    if isinstance(subject, Network):
        _assert_network_gradients(subject, points, tolerance, seed)
    elif isinstance(subject, Loss):
        _assert_loss_gradients(subject, points, tolerance, seed)
    else:
        _assert_activation_gradients(get_activation(subject), points, tolerance, seed)


def _assert_activation_gradients(
    g: Activation, points: Sequence[Any], tolerance: float, seed: int
) -> None:
    xp, random = VARIANTS["numpy"].xp, host.generator(seed)
    if len(points) > 1:
        raise InvalidArgument(f"points: wanted Z alone for the activation {g.name}.")
    for given in (*points, 2.0 * random.standard_normal((3, 8))):
        Z = VARIANTS["numpy"].asarray(given)
        if g.derivative is not None:  # element by element, so that 1 stands for every dA
            expected = _differences(lambda Z: g(Z, xp=xp), Z, xp.ones_like(Z))
            got = g.derivative(Z, xp=xp)
            _check_gradient(f"the derivative of {g.name}", "Z", Z, expected, got, tolerance)
        dA = random.standard_normal(Z.shape)
        expected = _differences(lambda Z: g(Z, xp=xp), Z, dA)
        got = g.backward(dA, Z, xp=xp)
        _check_gradient(f"Eq. 1 of {g.name}, dZ", "Z", Z, expected, got, tolerance)


def _assert_loss_gradients(loss: Loss, points: Sequence[Any], tolerance: float, seed: int) -> None:
    xp, random = VARIANTS["numpy"].xp, host.generator(seed)
    if len(points) not in (0, 2):
        raise InvalidArgument(f"points: wanted A and Y for the loss {loss.name}.")
    output = loss.activation  # its range is that of both A and Y
    Z, Y = random.standard_normal((3, 8)), output(random.standard_normal((3, 8)), xp=xp)
    for given in (points, (output(Z, xp=xp), Y)) if points else ((output(Z, xp=xp), Y),):
        A, targets = (VARIANTS["numpy"].asarray(array) for array in given)

        def losses(A: Any, Y: Any = targets) -> Any:
            return loss.function(A, Y, xp=xp)

        expected = _differences(losses, A, xp.ones_like(A))
        got = loss.derivative(A, targets, xp=xp)
        _check_gradient(f"dA[L] of {loss.name}", "A", A, expected, got, tolerance)
    if loss.of_logits is not None:
        expected = _differences(lambda Z: loss.logit_function(Z, Y, xp=xp), Z, xp.ones_like(Z))
        got = loss.logit_derivative(Z, Y, xp=xp)
        _check_gradient(f"dZ[L] of {loss.name} from logits", "Z", Z, expected, got, tolerance)
        expected = loss.function(output(Z, xp=xp), Y, xp=xp)
        got = loss.logit_function(Z, Y, xp=xp)
        _check_gradient(f"the loss {loss.name} from logits", "Z", Z, expected, got, tolerance)


def _assert_network_gradients(
    net: Network, points: Sequence[Any], tolerance: float, seed: int
) -> None:
    if len(points) not in (2, 3):
        raise InvalidArgument(f"points: wanted X and Y, and perhaps sample_weight, for {net!r}.")
    if net.dtype_name != "float64":
        raise InvalidArgument(
            f"differences say little in {net.dtype_name}: wanted dtype='float64' for {net!r}."
        )
    for g in net.architecture.activations:  # these can say which element is wrong
        _assert_activation_gradients(g, (), tolerance, seed)
    _assert_loss_gradients(net.architecture.loss, (), tolerance, seed)
    X, Y, *weight = points
    error = gradient_check(net, X, Y, sample_weight=weight[0] if weight else None)
    if not error <= tolerance:
        raise AssertionError(
            f"the gradient of {net!r}: expected that of the cost within a relative error of "
            f"{tolerance:.3g}, got {error:.3g}."
        )


def _differences(function: Callable[[Any], Any], at: Any, weights: Any) -> Any:
    """Return the derivative of sum(weights * function(at)) by every element of `at`."""
    xp = VARIANTS["numpy"].xp
    result = xp.zeros_like(at)
    for i in range(at.size):
        place = _place(i, at.shape)
        h = unit_roundoff("float64") ** (1 / 3) * max(1.0, abs(float(at[place])))
        above, below = (xp.asarray(at, copy=True) for _ in range(2))
        above[place] += h
        below[place] -= h
        # subtracted before they are added up: most elements do not move, and cancel exactly
        rise = xp.sum(weights * (function(above) - function(below)))
        result[place] = rise / (above[place] - below[place])
    return result


def _check_gradient(
    what: str, name: str, at: Any, expected: Any, got: Any, tolerance: float
) -> None:
    xp = VARIANTS["numpy"].xp
    if tuple(got.shape) != tuple(at.shape):
        raise AssertionError(f"{what} has shape {tuple(got.shape)}, expected {tuple(at.shape)}.")
    wrong = ~(xp.abs(got - expected) <= tolerance * (1.0 + xp.abs(expected)))  # NaN is wrong too
    if xp.any(wrong):
        place = _place(int(xp.argmax(wrong)), at.shape)
        raise AssertionError(
            f"{what} at {name}{list(place)} = {at[place]:.9g}: "
            f"expected {expected[place]:.9g}, got {got[place]:.9g}."
        )
