"""Results on disk."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def keep(file: Path, content: Any) -> None:
    """Write JSON beside its place and rename it, so that a reader never sees half of it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    beside = file.with_suffix(".part")
    beside.write_text(json.dumps(content, indent=1) + "\n")
    beside.replace(file)
