"""Names as pictures show them: not too long, each its own, in letters that a font here has."""

from __future__ import annotations

import functools
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any

from ..errors import printable

#: A longer name loses its middle.
LONGEST = 28

#: What matplotlib brings along.
OWN = "DejaVu Sans"


def label_names(labels: Sequence[Any]) -> list[str]:
    """Return names for labels: without what steers a terminal, cut in the middle, all different.

    Examples
    --------
    >>> label_names(["setosa", "a name that is very much longer than a picture has place for"])
    ['setosa', 'a name that is v…s place for']
    """
    names = [printable(str(label)) for label in labels]
    cut = [
        name if len(name) <= LONGEST else f"{name[:16]}…{name[17 - LONGEST :]}" for name in names
    ]
    seen: dict[str, int] = {}
    for i, name in enumerate(cut):
        seen[name] = seen.get(name, 0) + 1
        if seen[name] > 1:
            cut[i] = f"{name} ({seen[name]})"
    return cut


def fonts_for(texts: Iterable[str]) -> tuple[list[str], set[str]]:
    """Return matplotlib's own font and those installed here that have the letters it lacks.

    The second part is the letters that no font here has.
    """
    own = _letters(_file(OWN))
    lacking = {
        ord(c) for text in texts for c in text if not unicodedata.category(c).startswith("C")
    }
    lacking -= own
    fonts = [OWN]
    for name, file in _installed() if lacking else ():
        has = lacking & _letters(file)
        if has:
            fonts.append(name)
            lacking -= has
        if not lacking:
            break
    return fonts, set(map(chr, lacking))


def spelled(text: str, lacking: set[str]) -> str:
    r"""Return a text with escapes for letters that no font here has: boxes all look the same.

    Examples
    --------
    >>> spelled("größe", {"ö"})
    'gr\\xf6ße'
    """
    return "".join(c.encode("unicode_escape").decode() if c in lacking else c for c in text)


def _file(name: str) -> str:
    from matplotlib.font_manager import findfont

    return str(findfont(name))


def _installed() -> list[tuple[str, str]]:
    """Return the names and files of regular fonts."""
    from matplotlib.font_manager import fontManager

    found = {
        font.name: font.fname
        for font in fontManager.ttflist
        if font.style == "normal"
        and str(font.weight) in ("400", "normal", "regular")
        and not font.name.startswith("Last Resort")  # which has a box for every letter
    }
    return sorted(found.items())


@functools.cache
def _letters(file: str) -> frozenset[int]:
    """Return the letters a font has, by number."""
    from matplotlib.ft2font import FT2Font

    try:
        return frozenset(FT2Font(file).get_charmap())
    except (OSError, RuntimeError):  # gone, or of a kind that cannot be drawn with
        return frozenset()
