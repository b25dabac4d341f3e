"""The pytest plugin: the fixtures `backend` and `xp`, once for every variant asked for.

Only who asks for it gets it, by ``-p agnostic_nn.testing.plugin`` or in a ``conftest.py``. It
looks for no array library but NumPy before a test runs that needs one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from .variants import Variant


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--agnostic-nn-backends``."""
    parser.getgroup("agnostic_nn").addoption(
        "--agnostic-nn-backends",
        metavar="NAMES",
        help="where the fixtures `backend` and `xp` of agnostic_nn run tests: names with commas "
        "between them, such as numpy,torch:cuda; a library's name stands for all of its "
        "variants. Default: every one that is known; those not usable here are skipped.",
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that asks for `backend` or `xp` once for each variant."""
    if _VARIANT not in metafunc.fixturenames:
        return
    from ..errors import InvalidArgument
    from .variants import VARIANTS, choose_variants

    names = metafunc.config.getoption("agnostic_nn_backends")
    try:
        variants = choose_variants(
            [name.strip() for name in names.split(",")] if names else list(VARIANTS)
        )
    except InvalidArgument as error:
        raise pytest.UsageError(f"--agnostic-nn-{error}") from None
    metafunc.parametrize(_VARIANT, variants, ids=[variant.name for variant in variants])


_VARIANT = "_agnostic_nn_variant"  # a name that no other plugin's argument has


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip where the variant is not usable: here and not in the fixture, so that -ra tells once."""
    callspec = getattr(item, "callspec", None)
    variant = callspec.params.get(_VARIANT) if callspec is not None else None
    if variant is not None and (reason := variant.why_not()):
        pytest.skip(reason)


@pytest.fixture
def backend(_agnostic_nn_variant: Variant) -> Iterator[Variant]:
    """Where to run: an `agnostic_nn.testing.Variant` with asarray, to_numpy, xp, dtype, backend."""
    with _agnostic_nn_variant.restricted():
        yield _agnostic_nn_variant


@pytest.fixture
def xp(backend: Variant) -> Any:
    """The array namespace of `backend`."""
    return backend.xp
