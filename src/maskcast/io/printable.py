"""Text for a terminal: names of files may hold anything, and a terminal obeys what it is sent.

A name can hold escape codes that move the cursor or set a title, a newline that forges a line of
output, and marks that turn the direction of the text. Whatever a person reads in a terminal or a
log goes through here.
"""

from __future__ import annotations

import unicodedata

_HARMLESS = frozenset("\u200c\u200d")
"""Joiners, which Persian, Indic scripts and emoji need."""


def printable(text: str) -> str:
    r"""One line in which everything that is not a visible character shows as ``\x1b`` or the like.

    Letters of any script, spaces and backslashes stay as they are.
    """
    if text.isprintable():
        return text
    return "".join(
        character if _is_harmless(character) else _escaped(character) for character in text
    )


def printable_lines(text: str) -> str:
    """The same for a text of several lines, whose own line ends stay."""
    return "\n".join(map(printable, text.split("\n")))


def counted(number: int, what: str) -> str:
    """``1 target``, ``2 targets``."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _is_harmless(character: str) -> bool:
    return (
        character.isprintable()
        or character in _HARMLESS
        or unicodedata.category(character) in {"Zs", "Co", "Cn"}
    )


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
