"""XML files of other tools, read without trusting them."""

from __future__ import annotations

from collections.abc import Iterator, Set
from io import BytesIO
from pathlib import Path
from xml.etree.ElementTree import Element, ParseError

import defusedxml.ElementTree
from defusedxml.common import DefusedXmlException

from maskcast.errors import AnnotationError
from maskcast.interchange.reading.left_out import Kind, MisfitError
from maskcast.interchange.reading.source_files import read_file

_NOT_XML = (ParseError, ValueError, LookupError)


def read_xml(path: Path) -> Element:
    """The root of an XML file.

    Raises:
        AnnotationError: if it cannot be read, is not XML, or declares entities or a document
            type, with which a small file can fill the memory or reach other files.
    """
    data = read_file(path)
    try:
        root: Element = defusedxml.ElementTree.parse(BytesIO(data), forbid_dtd=True).getroot()
    except _NOT_XML as error:
        raise _refusal(path, error) from error
    return root


def stream_xml(path: Path, wanted: Set[str]) -> Iterator[tuple[int, Element]]:
    """The root of an XML file, still without content, then each element of a wanted tag.

    The whole file is looked through before anything is given out, so that one that is cut off gives
    nothing. An element is emptied once the next is asked for.

    Returns:
        Depth of the element, 0 for the root, and the element.

    Raises:
        AnnotationError: as ``read_xml``.
    """
    data = read_file(path)
    try:
        for _ in _events(data, set()):
            pass
        yield from _events(data, wanted)
    except _NOT_XML as error:
        raise _refusal(path, error) from error


def _events(data: bytes, wanted: Set[str]) -> Iterator[tuple[int, Element]]:
    depth = -1
    inside = 0
    for event, element in defusedxml.ElementTree.iterparse(
        BytesIO(data), events=("start", "end"), forbid_dtd=True
    ):
        if event == "start":
            depth += 1
            inside += element.tag in wanted
            if depth == 0:
                yield 0, element
            continue
        if element.tag in wanted and depth:
            inside -= 1
            yield depth, element
        if not inside:
            element.clear()
        depth -= 1


def required(value: str | None, place: str, expected: str) -> str:
    """The value unless it is None.

    Raises:
        MisfitError: if it is.
    """
    if value is None:
        raise MisfitError(
            Kind.MALFORMED,
            f"{place}: {expected} is missing",
            f"{place}: expected {expected}, got nothing; correct the file",
        )
    return value


def _refusal(path: Path, error: Exception) -> AnnotationError:
    if isinstance(error, DefusedXmlException):
        return AnnotationError(
            f"{path} declares a document type or entities, which are not trusted; remove the "
            "declaration"
        )
    return AnnotationError(f"{path} is not XML ({error}); correct the file")
