"""The languages that maskcast speaks, and how a text is looked up in one of them.

What is said stands beside what says it, in tables of this shape; errors are English everywhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, get_args

Language = Literal["en", "ko"]
LANGUAGES: Final[tuple[Language, ...]] = get_args(Language)

Wording = Mapping[str, tuple[str, str]]
"""Key -> its text in each of ``LANGUAGES``; a word in braces is filled in."""


def spoken(wording: Wording, key: str, lang: Language, **values: object) -> str:
    """A text with its words in braces filled in.

    Raises:
        KeyError: if there is no such text, or a word of it has no value.
    """
    return wording[key][LANGUAGES.index(lang)].format(**values)
