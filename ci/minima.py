"""Print the least version of everything that pyproject.toml asks for: "numpy>=2.0" as "numpy==2.0".

What needs a GPU is left out, and what a contributor's tools are.
"""

import re
import tomllib
from pathlib import Path

project = tomllib.loads(Path("pyproject.toml").read_text())["project"]
wanted = [*project["dependencies"]]
for extra, needs in project["optional-dependencies"].items():
    if extra not in ("cuda12", "cuda13", "dev"):
        wanted += needs
for requirement in dict.fromkeys(wanted):
    name, least = re.fullmatch(r"([\w.-]+)(?:\[.*\])?(?:>=([\w.]+))?", requirement).groups()
    if name != "agnostic-nn":
        assert least, f"{requirement}: wanted a least version"
        print(f"{name}=={least}")
