"""XML files of other tools: read without trusting them, written piece by piece."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from xml.etree.ElementTree import Element, ParseError
from xml.sax.saxutils import escape, quoteattr

import defusedxml.ElementTree
from defusedxml.common import DefusedXmlException

from maskcast.errors import AnnotationError
from maskcast.interchange.formats.records import count
from maskcast.interchange.formats.writing import fitting_names
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


def read_xml(path: Path) -> Element:
    """The root of an XML file.

    Raises:
        AnnotationError: if it cannot be read, is not XML, or declares entities or a document
            type, with which a small file can fill the memory or reach other files.
    """
    try:
        root: Element = defusedxml.ElementTree.parse(path, forbid_dtd=True).getroot()
    except (ParseError, ValueError, LookupError) as error:
        if isinstance(error, DefusedXmlException):
            raise AnnotationError(
                f"{path} declares a document type or entities, which are not trusted; "
                "remove the declaration"
            ) from error
        raise AnnotationError(f"{path} is not XML ({error}); correct the file") from error
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise AnnotationError(f"{path} cannot be read ({reason}); correct that") from error
    return root


def require(value: str | None, place: str, expected: str) -> str:
    """The value unless it is None.

    Raises:
        AnnotationError: if it is.
    """
    if value is None:
        raise AnnotationError(f"{place}: expected {expected}, got nothing; correct the file")
    return value


def number(text: str | None, place: str, what: str) -> float:
    """A finite number.

    Raises:
        AnnotationError: if the text is none.
    """
    given = require(text, place, what)
    try:
        value = float(given)
    except ValueError:
        value = float("nan")
    if not abs(value) < 2**31:
        raise AnnotationError(f"{place}: expected {what}, got {given[:40]!r}; correct the file")
    return value


def numbered(elements: Iterator[Element], place: str) -> Iterator[tuple[str, Element]]:
    """Each element with its place, such as ``a.xml: image 3``."""
    for index, element in enumerate(elements):
        yield f"{place}: {element.tag} {index + 1}", element
