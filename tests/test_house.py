"""The rules that hold the house up, read from the source itself."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import agnostic_nn

HOUSE = Path(agnostic_nn.__file__).parent
FILES = sorted(HOUSE.rglob("*.py"))

#: From the ground up. A file imports from floors below its own, and from none beside it; a folder
#: is one room. What stands nowhere here is a room of its own at the top, which nobody imports.
FLOORS = [
    {"errors", "installing", "standard", "version"},
    {"namespace", "values"},
    {"batched", "checks", "files", "interrupts"},
    {"activations", "schedules", "initializers", "metrics"},
    {"layer"},
    {"losses", "propagation", "optimizers", "dropout"},
    {"layers"},
    {"objective"},
    {"step", "prediction", "registered", "training_state", "programs"},
    {"backends"},
    {"rows", "progress", "bounds"},
    {"predicting"},
    {"network"},
    {"container", "ensembles", "fingerprints", "training_files", "deadlines"},
    {"descriptions"},
    {"saving"},
    {"checkpoints"},
    {"epochs"},
    {"training", "gradients", "inspection"},
    {"estimators"},
    {"tabular", "exchange"},
    {"models"},
    {"parity", "testing"},
    {"cli"},
]

EQUATIONS = {
    "activations",
    "batched",
    "dropout",
    "initializers",
    "layer",
    "layers",
    "losses",
    "metrics",
    "objective",
    "optimizers",
    "prediction",
    "propagation",
    "schedules",
    "step",
}

ARRAY_LIBRARIES = {"numpy", "numba", "cupy", "nvmath", "torch", "jax", "array_api_strict"}


def room_of(path):
    """The file, or the folder it lies in: "losses", "backends"; "" for the front door."""
    first = path.relative_to(HOUSE).parts[0].removesuffix(".py")
    return "" if first == "__init__" else first


def imports(path):
    """Every import, also those inside functions: absolute names, and rooms of this house."""
    package = ["agnostic_nn", *path.relative_to(HOUSE).parts[:-1]]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*base, *([node.module] if node.module else [])])
            if base == "agnostic_nn":  # from . import errors
                yield from (f"{base}.{alias.name}" for alias in node.names)
            else:
                yield base


def names_of(paths):
    return [str(path.relative_to(HOUSE)) for path in paths]


@pytest.mark.parametrize("path", FILES, ids=names_of(FILES))
def test_array_libraries_are_named_in_backends_alone(path):
    found = {name.split(".")[0] for name in imports(path)} & ARRAY_LIBRARIES
    found |= {
        name for name in imports(path) if name.startswith("array_api_compat.")
    }  # array_api_compat.numpy and its like
    if room_of(path) not in EQUATIONS:
        found -= {"numpy"}  # what is plainly of the host is NumPy's, by its own name
    assert room_of(path) == "backends" or not found


OF_EQUATIONS = [path for path in FILES if room_of(path) in EQUATIONS]


@pytest.mark.parametrize("path", OF_EQUATIONS, ids=names_of(OF_EQUATIONS))
def test_equations_name_no_backend(path):
    """Neither by import nor by a string to compare with."""
    assert not any("backends" in name for name in imports(path))
    tree = ast.parse(path.read_text(encoding="utf-8"))
    documentation = {
        node.body[0].value
        for node in ast.walk(tree)
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef))
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            words = set(node.value.replace(":", " ").replace(".", " ").split())
            assert node in documentation or not words & ARRAY_LIBRARIES, node.value
        if isinstance(node, ast.Name):
            assert node.id not in ("np", *ARRAY_LIBRARIES)
        if isinstance(node, ast.Attribute):
            asked = ast.unparse(node)
            assert node.attr != "backend" and not asked.startswith("xp.__"), asked  # noqa: PT018


@pytest.mark.parametrize("path", FILES, ids=names_of(FILES))
def test_imports_run_one_way(path):
    floors = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}
    top = len(FLOORS)
    here = room_of(path)
    for name in imports(path):
        if not name.startswith("agnostic_nn"):
            continue
        there = [*name.split("."), ""][1]
        if there == here or here == "":
            continue  # within a room, and through the front door, everything is in reach
        # the front door lies above all: who comes in by it stands at the top
        assert there in floors or floors.get(here, top) == top, f"{here} imports {name}"
        if there in floors:
            assert floors[there] < floors.get(here, top), f"{here} imports {name}"


def test_every_floor_is_there():
    rooms = {room_of(path) for path in FILES}
    assert set().union(*FLOORS) <= rooms


def test_importing_the_package_is_light():
    heavy = ["cupy", "numba", "torch", "jax", "sklearn", "pandas", "matplotlib", "rich", "typer",
             "safetensors", "filelock", "onnx", "array_api_strict", "scipy",
             "pytest"]  # fmt: skip
    code = f"import sys, agnostic_nn; print([n for n in {heavy} if n in sys.modules])"
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert found.stdout.strip() == "[]"


def test_the_pytest_plugin_is_light():
    heavy = ["cupy", "numba", "torch", "jax", "sklearn", "array_api_strict"]
    code = (
        "import sys, agnostic_nn.testing, agnostic_nn.testing.plugin; "
        f"print([n for n in {heavy} if n in sys.modules])"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert found.stdout.strip() == "[]"


def test_every_public_name_is_there():
    assert all(hasattr(agnostic_nn, name) for name in agnostic_nn.__all__)
