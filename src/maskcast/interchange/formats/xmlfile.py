"""XML files of other tools: read without trusting them, written piece by piece."""

from __future__ import annotations

import re
from collections.abc import Iterable
from xml.sax.saxutils import escape, quoteattr

from maskcast.interchange.formats.writing import count, fitting_names
from maskcast.types import ObjectSpec

# What XML 1.0 cannot hold, not even escaped.
_FORBIDDEN = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def is_xml_text(text: str) -> bool:
    """Whether XML can hold the text and gives it back unchanged."""
    return _FORBIDDEN.search(text) is None


def xml_text(text: str) -> str:
    """The text with characters that XML cannot hold replaced by ``_``."""
    return _FORBIDDEN.sub("_", text)


def xml_names(specs: Iterable[ObjectSpec]) -> tuple[dict[str, str], int]:
    """Each class name as XML can hold it, unique, and how many were changed for that."""
    names = fitting_names((spec.name for spec in specs), is_xml_text, xml_text)
    return names, sum(name != fitting for name, fitting in names.items())


def renamed_sentence(changed: int) -> tuple[str, ...]:
    """What to tell about ``changed`` names that XML cannot hold."""
    told = f"{count(changed, 'name')} changed: XML cannot hold control characters"
    return (told,) * bool(changed)


def element(name: str, text: str) -> str:
    """``<name>text</name>``."""
    return f"<{name}>{escape(xml_text(text), {chr(13): '&#13;'})}</{name}>"


def tag(name: str, /, **attributes: object) -> str:
    """``<name a="1"``, still open: add ``>`` or ``/>``."""
    written = [f" {key}={quoteattr(xml_text(str(value)))}" for key, value in attributes.items()]
    return f"<{name}{''.join(written)}"
