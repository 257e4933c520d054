"""A font that has the glyphs of a text: Pillow's own for Latin, else one of the system's.

No font is shipped. The usual font folders are looked through once, and only when a text needs it
(Hangul, accents, Greek); only files of well-known families are opened.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from PIL import ImageFont

Font = ImageFont.FreeTypeFont

FONT_FOLDERS = (
    Path("/usr/share/fonts"),
    Path("/usr/local/share/fonts"),
    Path("/System/Library/Fonts"),
    Path("/Library/Fonts"),
    Path("~/Library/Fonts").expanduser(),
    Path("~/.local/share/fonts").expanduser(),
    Path("~/.fonts").expanduser(),
    Path(os.environ.get("WINDIR", "C:/Windows")) / "Fonts",
)
"""Where Linux, macOS and Windows keep fonts."""

# File names without punctuation, in the order they are tried; Hangul and CJK before the others,
# because a family with many scripts often draws Hangul worse than one made for it.
_FAMILIES = (
    "notosanscjk",
    "notosanskr",
    "nanumgothic",
    "malgun",
    "applesdgothicneo",
    "applegothic",
    "undotum",
    "baekmuk",
    "gulim",
    "msgothic",
    "hiragino",
    "msyh",
    "pingfang",
    "wqy",
    "arialunicode",
    "dejavusans",
    "notosans",
    "liberationsans",
    "segoeui",
    "arial",
)
_SUFFIXES = (".ttf", ".ttc", ".otf")
_NOT_A_CHARACTER = "\U0010ffff"
_PROBE_SIZE = 16


def font_for(text: str, size: int) -> Font | None:
    """A font that can draw every character of ``text`` at ``size`` pixels; None if none is found.

    The answer depends on the fonts of this machine, never on what was asked before.
    """
    source = _source_for(text)
    return None if source is None else _load(source, size)


@lru_cache(maxsize=1024)
def _source_for(text: str) -> str | None:
    """The first font that covers ``text``: a path, ``""`` for Pillow's own, None if none does."""
    if _covers("", text):
        return ""
    return next((path for path in _system_fonts() if _covers(path, text)), None)


def _covers(source: str, text: str) -> bool:
    """Whether a font draws no character of ``text`` as the box that stands for a missing one."""
    try:
        font = _load(source, _PROBE_SIZE)
    except OSError:  # not a font after all, or not readable
        return False
    missing = _drawing(font, _NOT_A_CHARACTER)
    return all(char.isspace() or _drawing(font, char) != missing for char in set(text))


def _drawing(font: Font, char: str) -> tuple[tuple[int, int], bytes]:
    glyph = font.getmask(char)
    return glyph.size, bytes(glyph)


@lru_cache(maxsize=256)
def _load(source: str, size: int) -> Font:
    if source:
        font = ImageFont.truetype(source, size)
        # Pillow takes a font of the same name from elsewhere where this one cannot be opened.
        if font.path != source:
            raise OSError(f"{source} is not a font")
        return font
    default = ImageFont.load_default(size)
    if not isinstance(default, Font):  # pragma: no cover - only a Pillow built without FreeType
        raise OSError("Pillow was built without FreeType")
    return default


@lru_cache(maxsize=1)
def _system_fonts() -> tuple[str, ...]:
    """Paths of fonts of the known families, best first."""
    ranked = (
        (_rank(path.stem), len(path.name), str(path))
        for folder in FONT_FOLDERS
        for path in _files_under(folder)
    )
    return tuple(path for rank, _, path in sorted(ranked) if rank[0] < len(_FAMILIES))


def _files_under(folder: Path) -> Iterator[Path]:
    for parent, _, names in os.walk(folder):
        yield from (Path(parent, name) for name in names if name.lower().endswith(_SUFFIXES))


def _rank(stem: str) -> tuple[int, bool]:
    """(place of the family, whether it is another cut than the regular one)."""
    plain = re.sub(r"[^a-z0-9]", "", stem.lower())
    for place, family in enumerate(_FAMILIES):
        if plain.startswith(family):
            return place, plain not in (family, f"{family}regular")
    return len(_FAMILIES), True
