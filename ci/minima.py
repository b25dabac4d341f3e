"""Print the least version of everything that pyproject.toml asks for: "numpy>=2.0" as "numpy==2.0".

What needs a GPU is left out. Usage: ci/minima.py [EXTRA]; without one, all but a contributor's
tools, which are to agree with the newest of the rest.
"""

import re
import sys
import tomllib
from pathlib import Path

project = tomllib.loads(Path("pyproject.toml").read_text())["project"]
extras = project["optional-dependencies"]
if sys.argv[1:]:
    wanted = extras[sys.argv[1]]
else:
    wanted = [*project["dependencies"]]
    for extra, needs in extras.items():
        if extra not in ("cuda12", "cuda13", "dev"):
            wanted += needs
for requirement in dict.fromkeys(wanted):
    name, least = re.fullmatch(r"([\w.-]+)(?:\[.*\])?(?:>=([\w.]+))?", requirement).groups()
    if name != "agnostic-nn":
        assert least, f"{requirement}: wanted a least version"
        print(f"{name}=={least}")
