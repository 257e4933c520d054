"""Reading boxes from a table: ``write_csv``'s, and those of tools that name edges by x and y."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from functools import partial
from io import StringIO
from pathlib import Path

from maskcast.errors import AnnotationError
from maskcast.interchange.reading.entries import Entry, Part, ReadingOptions, Shape, Source
from maskcast.interchange.reading.left_out import Kind, LeftOut, MisfitError
from maskcast.interchange.reading.numbers import declared_size, finite
from maskcast.interchange.reading.shapes import Size, box_prompts
from maskcast.interchange.reading.source_files import read_text_file

_IMAGES = ("image", "filename", "file_name", "path")
_CLASSES = ("name", "class", "class_name", "category")
_EDGES = (
    ("bbox-1", "bbox-0", "bbox-3", "bbox-2"),
    ("xmin", "ymin", "xmax", "ymax"),
    ("x_min", "y_min", "x_max", "y_max"),
)
"""Columns of left, top, right and bottom; the first are scikit-image's, rows before columns."""

_Sides = tuple[str | None, str | None]
"""Height and width of a picture, as a table has them."""


def read_csv(source: Path, _: ReadingOptions, left_out: LeftOut) -> Source:
    """Read a table with a row for each instance, or the two in a folder that ``write_csv`` wrote.

    Each row is a box. Images that only ``images.csv`` lists are those on which nothing is.

    Raises:
        AnnotationError: if there is no such table, or it lacks columns.
    """
    path = source if source.is_file() else source / "instances.csv"
    if not path.is_file():
        raise AnnotationError(f"there is no instances.csv in {source}; give the CSV file")
    table = _Table(path)
    edges = next((names for names in _EDGES if set(names) <= set(table.columns)), None)
    if edges is None:
        raise table.lacks("the edges of boxes", [", ".join(names) for names in _EDGES])
    label, image = table.named(_CLASSES, "the class"), table.named(_IMAGES, "the picture")
    parts: dict[str, list[Part]] = {}
    sizes: dict[str, _Sides] = {}
    for where, row in table.rows(left_out):
        name = row[image]
        sizes.setdefault(name, (row.get("height"), row.get("width")))
        box = tuple(row[edge] for edge in edges)
        parts.setdefault(name, []).append(partial(_shapes, row[label], box, where))
    listed = path.with_name("images.csv")
    if listed != path and listed.is_file():
        sizes |= _sizes(_Table(listed), left_out)
    entries = (
        Entry((name,), f"{path}: {name}", parts.get(name, ()), *declared_size(*sides))
        for name, sides in sizes.items()
    )
    return Source(entries, total=len(sizes))


def _sizes(table: _Table, left_out: LeftOut) -> dict[str, _Sides]:
    """Height and width of each picture that is listed."""
    image = table.named(_IMAGES, "the picture")
    return {row[image]: (row.get("height"), row.get("width")) for _, row in table.rows(left_out)}


def _shapes(label: str, box: Sequence[str], where: str, size: Size) -> Iterator[Shape]:
    if not label:
        raise MisfitError(Kind.NO_LABEL, where, f"{where}: expected a class, got nothing")
    edges = [finite(text, where, "an edge of a box") for text in box]
    yield Shape(label, prompts=box_prompts(edges, size, where))


class _Table:
    """A CSV file, its columns known, its rows not yet read."""

    def __init__(self, path: Path) -> None:
        """Read the head.

        Raises:
            AnnotationError: if it cannot be read.
        """
        self._path = path
        text = read_text_file(path)
        head = text.partition("\n")[0]
        # Spreadsheets write semicolons where a comma ends whole numbers.
        self._reader = csv.reader(StringIO(text, newline=""), delimiter=max(",;\t", key=head.count))
        self.columns = [name.strip() for name in next(self._lines(), [])]

    def named(self, names: Sequence[str], what: str) -> str:
        """The first of these columns that there is.

        Raises:
            AnnotationError: if there is none.
        """
        found = next((name for name in names if name in self.columns), None)
        if found is None:
            raise self.lacks(what, names)
        return found

    def lacks(self, what: str, names: Sequence[str]) -> AnnotationError:
        """The error that columns are missing."""
        return AnnotationError(
            f"{self._path}: expected a column for {what}: {' or '.join(names)}; add it or give "
            "another file"
        )

    def rows(self, left_out: LeftOut) -> Iterator[tuple[str, dict[str, str]]]:
        """Place and cells of each row; one of another length is left out."""
        for cells in self._lines():
            where = f"{self._path}: line {self._reader.line_num}"
            if len(cells) == len(self.columns):
                yield where, dict(zip(self.columns, cells, strict=True))
            elif cells:
                sentence = f"{where}: expected {len(self.columns)} cells, got {len(cells)}"
                left_out.add(MisfitError(Kind.MALFORMED, where, sentence))

    def _lines(self) -> Iterator[list[str]]:
        try:
            yield from self._reader
        except csv.Error as error:
            raise AnnotationError(f"{self._path} is not CSV ({error}); correct the file") from error
