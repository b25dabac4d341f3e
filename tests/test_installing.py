"""The line that installs an extra, for each way there is to install this package."""

import json
from importlib import metadata
from pathlib import Path

import pytest

from agnostic_nn import installing
from agnostic_nn.installing import install_line


class Installed:
    """A distribution with the notes an installer leaves."""

    def __init__(self, origin, installer="pip"):
        self.notes = {"INSTALLER": f"{installer}\n", "direct_url.json": origin}

    def read_text(self, name):
        return self.notes[name]


@pytest.fixture
def installed(monkeypatch, tmp_path):
    """Pretend that the package lies where nothing but packages does, installed in some way."""

    def installed(distribution):
        def find(name):
            if distribution is None:
                raise metadata.PackageNotFoundError(name)
            return distribution

        monkeypatch.setattr(installing, "__file__", str(tmp_path / "agnostic_nn" / "x.py"))
        monkeypatch.setattr(metadata, "distribution", find)
        return install_line("cli")

    return installed


def test_from_a_package_index(installed):
    assert installed(Installed(None)) == 'pip install "agnostic-nn[cli]"'
    assert installed(Installed(None, "uv")) == 'uv pip install "agnostic-nn[cli]"'
    assert installed(None) == 'pip install "agnostic-nn[cli]"'


@pytest.mark.parametrize(
    ("origin", "address"),
    [
        ({"url": "file:///src/ann", "dir_info": {}}, "file:///src/ann"),
        ({"url": "https://a.b/ann.whl", "archive_info": {}}, "https://a.b/ann.whl"),
        (
            {"url": "https://a.b/ann", "vcs_info": {"vcs": "git", "commit_id": "1f"}},
            "git+https://a.b/ann@1f",
        ),
    ],
)
def test_from_an_address(installed, origin, address):
    line = installed(Installed(json.dumps(origin)))
    assert line == f'pip install "agnostic-nn[cli] @ {address}"'


def test_from_a_clone(monkeypatch, tmp_path):
    (tmp_path / "pyproject.toml").touch()
    monkeypatch.setattr(installing, "__file__", str(tmp_path / "agnostic_nn" / "x.py"))
    assert install_line("onnx") == f'pip install -e "{tmp_path}[onnx]"'
    monkeypatch.chdir(tmp_path)
    assert install_line("onnx") == 'pip install -e ".[onnx]"'


def test_the_extras_it_names_are_there():
    house = Path(installing.__file__).parent
    project = house.parent / "pyproject.toml"
    if not project.is_file():
        pytest.skip("installed without its pyproject.toml")
    import re
    import tomllib

    extras = tomllib.loads(project.read_text())["project"]["optional-dependencies"]
    sources = "".join(path.read_text() for path in house.rglob("*.py"))
    named = set(re.findall(r"install_line\(['\"](\w+)['\"]\)", sources))
    assert {"cli", "save", "onnx", "sklearn", "cuda13"} <= named <= set(extras)
