"""What is added to a registry in one line is taken up everywhere, and nothing else is edited."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import definitions
import pytest

from agnostic_nn import ACTIVATIONS, LOSSES, OPTIMIZERS, SCHEDULES
from agnostic_nn.initializers import INITIALIZERS
from agnostic_nn.layers import LAYERS

pytest.importorskip("array_api_strict")

TESTS = Path(__file__).parent

#: What each file in additions/ adds, and where its author's definition is tested.
ADDED = {
    "softsign": ("test_activations.py::test_values", "BEND = 1.0"),
    "log_cosh": ("test_losses.py::test_cost_is_the_mean_over_examples", "SCALE = 1.0"),
    "heavy_ball": ("test_optimizers.py::test_textbook", "MOMENTUM = 0.75"),
    "Bend": ("test_layers.py::test_definition", "SCALE = 0.5"),
    "linear": ("test_schedules.py::test_definition", "FALL = 1.0"),
}


@pytest.mark.parametrize(
    ("registry", "defined"),
    [
        pytest.param(ACTIVATIONS, definitions.ACTIVATIONS, id="activations"),
        pytest.param(LOSSES, definitions.LOSSES, id="losses"),
        pytest.param(OPTIMIZERS, definitions.OPTIMIZERS, id="optimizers"),
        pytest.param(SCHEDULES, definitions.SCHEDULES, id="schedules"),
        pytest.param(LAYERS, definitions.LAYERS, id="layers"),
        pytest.param(INITIALIZERS, definitions.INITIALIZERS, id="initializers"),
    ],
)
def test_every_entry_has_a_definition_that_knows_nothing_of_it(registry, defined):
    assert set(registry) == set(defined), "write what is missing in tests/definitions.py"


def run(additions, *options):
    """Run the tests that name an addition, and return which passed and which failed."""
    answer = subprocess.run(
        [
            *(sys.executable, "-c"),
            "import registered, sys, pytest; sys.exit(pytest.main(sys.argv[1:]))",
            *("-v", "-p", "no:cacheprovider"),
            *("--agnostic-nn-backends", "numpy,array_api_strict,mirror"),
            *options,
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=500,
        cwd=TESTS.parent,
        env=os.environ
        | {"PYTHONPATH": os.pathsep.join([str(additions), str(TESTS), str(TESTS.parent)])},
    )
    tests = re.findall(r"^tests/(\S+(?: \S+)*) (PASSED|FAILED|ERROR)", answer.stdout, re.MULTILINE)
    assert tests, answer.stdout + answer.stderr
    passed = [name for name, verdict in tests if verdict == "PASSED"]
    return passed, [name for name, verdict in tests if verdict != "PASSED"]


def test_all_that_walks_the_registries_takes_additions_up():
    names = [*ADDED, "mirror"]
    passed, failed = run(TESTS / "additions", "tests", "-k", " or ".join(names))
    assert failed == []
    for name in names:
        files = {test.partition("::")[0] for test in passed if name in test}
        assert len(files) >= 2, f"{name}: {files}"
    for name, (test, _) in ADDED.items():
        assert any(test in each and name in each for each in passed)


def test_a_wrong_constant_is_found_by_the_definition(tmp_path):
    """And by nothing else: the derivative is that of the wrong function."""
    shutil.copytree(TESTS / "additions", tmp_path, dirs_exist_ok=True)
    for name, (_, constant) in ADDED.items():
        file = tmp_path / f"{name.lower()}.py"
        right = file.read_text()
        file.write_text(right.replace(constant, f"{constant} - 0.01"))
        assert file.read_text() != right
    files = [f"tests/{test.partition('::')[0]}" for test, _ in ADDED.values()]
    _, failed = run(tmp_path, *files, "-k", " or ".join(ADDED))
    for name, (test, _) in ADDED.items():
        found = {each.partition("[")[0] for each in failed if name in each}
        assert test in found, name
    allowed = {test for test, _ in ADDED.values()} | {
        "test_losses.py::test_sample_weights",
        "test_layers.py::test_definition_of_a_prediction",
    }
    assert {each.partition("[")[0] for each in failed} <= allowed
