"""Reading Hugging Face's ``imagefolder`` with ``metadata.jsonl`` and its objects."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from maskcast.errors import AnnotationError
from maskcast.interchange.reading.areas import Area
from maskcast.interchange.reading.entries import Entry, Part, ReadingOptions, Shape, Source
from maskcast.interchange.reading.left_out import Kind, LeftOut, MisfitError
from maskcast.interchange.reading.numbers import declared_size, node_numbers, plain_id
from maskcast.interchange.reading.shapes import Size, box_prompts, shown_area
from maskcast.interchange.reading.source_files import files_of, read_text_file
from maskcast.io.jsonfile import Node
from maskcast.masks import RunLengths

_NAME = "metadata.jsonl"
_CLASSES = ("name", "names", "category", "categories", "label", "labels")
"""Lists of what the objects are, the most telling first."""


def read_hf(source: Path, _: ReadingOptions, left_out: LeftOut) -> Source:
    """Read a ``metadata.jsonl``, or all of those in a folder.

    ``objects`` holds lists with an element for each object: ``counts`` (run-length codes) or
    ``bbox``, and the class by ``name`` or ``category``. A row without ``objects`` is left out.

    Raises:
        AnnotationError: if there is no such file.
    """
    files = [source] if source.is_file() else files_of(source.rglob(_NAME))
    if not files:
        raise AnnotationError(f"there is no {_NAME} in {source}; give the file or its folder")
    return Source(entry for path in files for entry in _entries(path, left_out))


def _entries(path: Path, left_out: LeftOut) -> Iterator[Entry]:
    text = left_out.tried(partial(_text, path))
    for number, line in enumerate((text or "").split("\n"), 1):
        if line.strip():
            entry = left_out.tried(partial(_entry, line, f"line {number}", path))
            if entry is not None:
                yield entry


def _text(path: Path) -> str:
    try:
        return read_text_file(path)
    except AnnotationError as error:
        raise MisfitError(Kind.FILE, str(error), str(error)) from error


def _entry(line: str, place: str, path: Path) -> Entry:
    try:
        row = Node(json.loads(line), place, path)
    except (ValueError, RecursionError) as error:
        sentence = f"{path}: {place} is not JSON ({error}); correct the file"
        raise MisfitError(Kind.MALFORMED, f"{path}: {place}", sentence) from error
    name, objects = row.member("file_name"), row.member("objects")
    size = declared_size(row.member("height").value, row.member("width").value)
    if objects.value is None:
        sentence = str(objects.error("the objects on the picture"))
        raise MisfitError(Kind.NOT_ANNOTATED, name.where, sentence)
    return Entry((name.text(),), name.where, _parts(objects), *size)


def _parts(objects: Node) -> Iterator[Part]:
    """A part for each object."""
    known = dict(objects.members())
    codes, boxes = known.get("counts"), known.get("bbox")
    given = codes or boxes
    if given is None:
        raise objects.error("a list of bbox or of counts")
    classes = next((known[name] for name in _CLASSES if name in known), None)
    if classes is None:
        raise MisfitError(Kind.NO_LABEL, objects.where, str(objects.error("the name of each")))
    if len(classes.items()) != len(given.items()):
        raise classes.error(f"{len(given.items())} of them, as there are objects")
    shape = _coded if given is codes else _boxed
    for label, node in zip(classes.elements(), given.elements(), strict=True):
        yield partial(shape, label, node)


def _coded(label: Node, node: Node, size: Size) -> Iterator[Shape]:
    yield Shape(_label(label), _area(node, size))


def _boxed(label: Node, node: Node, size: Size) -> Iterator[Shape]:
    numbers = node_numbers(node, "x, y, width and height")
    if len(numbers) != 4:
        raise node.error("x, y, width and height")
    x, y, width, height = numbers
    prompts = box_prompts((x, y, x + width, y + height), size, node.where)
    yield Shape(_label(label), prompts=prompts)


def _label(node: Node) -> str:
    """A class name; numbers are names too."""
    label = plain_id(node.value)
    if label is None or label == "":
        raise MisfitError(Kind.NO_LABEL, node.where, str(node.error("a name")))
    return str(label)


def _area(node: Node, size: Size) -> Area:
    try:
        code = RunLengths.parse({"size": list(size), "counts": node.text()})
    except ValueError as error:
        expected = f"a run-length code of {size[1]} x {size[0]} pixels ({error})"
        raise MisfitError(Kind.CODE, node.where, str(node.error(expected))) from error
    return shown_area(Area(*code.runs(), size), node.where)
