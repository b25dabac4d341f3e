"""The line that installs an extra, true for how this package was installed."""

from __future__ import annotations


def install_line(extra: str) -> str:
    """Return the command that installs one of the package's extras.

    From a clone it names the clone, after an installation from an address that address, and the
    package's name otherwise.

    Parameters
    ----------
    extra : str
        A name from pyproject.toml: "cli", "save", "onnx", and so on.

    Examples
    --------
    >>> line = install_line("cli")
    >>> "pip install" in line, line.endswith('[cli]"')
    (True, True)
    """
    import os
    from pathlib import Path

    tree = Path(__file__).resolve().parents[1]
    if (tree / "pyproject.toml").is_file():  # which no installed package lies beside
        place = "." if tree == Path(os.path.realpath(os.curdir)) else str(tree)
        return f'pip install -e "{place}[{extra}]"'
    return _as_installed(extra)


def _as_installed(extra: str) -> str:
    """Read how it was installed from what the installer noted (PEP 610, PEP 376)."""
    import json
    from importlib.metadata import PackageNotFoundError, distribution

    name = "agnostic-nn"
    try:
        found = distribution(name)
        installer = (found.read_text("INSTALLER") or "").strip()
        origin = json.loads(found.read_text("direct_url.json") or "{}")
    except (PackageNotFoundError, ValueError):
        installer, origin = "", {}
    pip = "uv pip" if installer == "uv" else "pip"
    url, source = origin.get("url"), origin.get("vcs_info")
    if url is None:
        return f'{pip} install "{name}[{extra}]"'
    if source is not None:
        url = f"{source['vcs']}+{url}@{source['commit_id']}"
    return f'{pip} install "{name}[{extra}] @ {url}"'
