"""Reading GeoJSON in pixels of a picture, as QuPath exports it and ``write_geojson`` writes it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from maskcast.errors import AnnotationError
from maskcast.interchange.reading.entries import (
    ANY_SUFFIX,
    Entry,
    ReadingOptions,
    Shape,
    Source,
)
from maskcast.interchange.reading.jsonlists import JsonList, read_json_lists
from maskcast.interchange.reading.left_out import Kind, LeftOut, MisfitError
from maskcast.interchange.reading.numbers import declared_size, node_numbers
from maskcast.interchange.reading.shapes import Size, outline_area, point_prompts
from maskcast.interchange.reading.source_files import files_of
from maskcast.io.jsonfile import Node

_LINES = frozenset({"LineString", "MultiLineString"})
_LABELS = ("classification", "label", "class", "category", "name")
"""Properties that tell what something is, the most telling first; the first is QuPath's."""

_EXPECTED = "a FeatureCollection, a list of features or a feature, as GeoJSON has them"
_Corners = list[tuple[float, float]]


def read_geojson(source: Path, _: ReadingOptions, left_out: LeftOut) -> Source:
    """Read a file, or those in ``annotations/`` or else in the folder, at any depth.

    Polygons become masks, holes included, and points prompts. A file is of the picture that it
    tells, or of the one it is called after.

    Raises:
        AnnotationError: if there is no such file.
    """
    folder = source / "annotations" if (source / "annotations").is_dir() else source
    top = source.parent if source.is_file() else folder
    files = [source] if source.is_file() else files_of(folder.rglob("*.geojson"))
    if not files:
        raise AnnotationError(
            f"there is no GeoJSON file in {source}; give the file, or the folder of files that end "
            "in .geojson"
        )
    entries = (
        entry for path in files if (entry := left_out.tried(partial(_entry, path, top))) is not None
    )
    return Source(entries, total=len(files))


def _entry(path: Path, top: Path) -> Entry:
    features, image = _read(path)
    own = path.relative_to(top).as_posix().removesuffix(path.suffix) + ANY_SUFFIX
    name = image.member("file_name").value if isinstance(image.value, dict) else None
    names = (name, own) if isinstance(name, str) and name else (own,)
    size: tuple[int | None, int | None] = (None, None)
    if isinstance(image.value, dict):
        size = declared_size(image.member("height").value, image.member("width").value)
    parts = (partial(_shapes, feature) for feature in features)
    return Entry(names, str(path), parts, *size)


def _read(path: Path) -> tuple[JsonList | list[Node], Node]:
    """The features of a file, and what it tells of its picture."""
    nothing = Node(None, "image", path)
    try:
        root = read_json_lists(path)
    except AnnotationError as error:
        raise MisfitError(Kind.FILE, str(error), str(error)) from error
    if isinstance(root, JsonList):
        return root, nothing
    if isinstance(root, Node):
        raise _not_geojson(path)
    features, image = root.get("features"), root.get("image")
    image = image if isinstance(image, Node) else nothing
    if isinstance(features, JsonList):
        return features, image
    if not {"geometry", "properties"} <= set(root):
        raise _not_geojson(path)
    members = {name: part.value for name, part in root.items() if isinstance(part, Node)}
    return [Node(members, "", path)], image


def _not_geojson(path: Path) -> MisfitError:
    sentence = f"{path}: expected {_EXPECTED}; give another file or leave it out"
    return MisfitError(Kind.FILE, str(path), sentence)


def _shapes(feature: Node, size: Size) -> Iterator[Shape]:
    label = _label(feature.member("properties"))
    geometry = feature.member("geometry")
    kind, where = geometry.member("type").value, geometry.member("coordinates")
    shown = f'{feature.where} "{label}"' if label else feature.where
    if not label:
        expected = "a classification, a label or a name"
        sentence = str(feature.member("properties").error(expected))
        raise MisfitError(Kind.NO_LABEL, feature.where, sentence)
    if kind == "Polygon":
        yield Shape(label, outline_area([_rings(where)], size, where.where))
    elif kind == "MultiPolygon":
        polygons = [_rings(node) for node in where.elements()]
        yield Shape(label, outline_area(polygons, size, where.where))
    elif kind in {"Point", "MultiPoint"}:
        points = [_point(where)] if kind == "Point" else _corners(where)
        if not points:
            raise MisfitError(Kind.CORNERS, shown, str(where.error("x and y of a point")))
        yield Shape(label, prompts=point_prompts(points, size, where.where))
    else:
        sentence = str(geometry.member("type").error("Polygon, MultiPolygon, Point or MultiPoint"))
        is_line = isinstance(kind, str) and kind in _LINES
        raise MisfitError(Kind.LINE if is_line else Kind.SOLID, shown, sentence)


def _label(properties: Node) -> str:
    """What a feature is called; empty if nothing says."""
    if not isinstance(properties.value, dict):
        return ""
    for name in _LABELS:
        text = _text(properties.value.get(name))
        if text:
            return text
    return ""


def _text(value: object) -> str:
    """A name, or QuPath's classification, which may be of several names."""
    if isinstance(value, dict):
        names = value.get("names")
        if isinstance(names, list) and all(isinstance(name, str) for name in names):
            return ": ".join(names)
        value = value.get("name")
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    return str(value)


def _rings(node: Node) -> list[_Corners]:
    return [_corners(ring) for ring in node.elements()]


def _corners(node: Node) -> _Corners:
    return [_point(corner) for corner in node.elements()]


def _point(node: Node) -> tuple[float, float]:
    values = node_numbers(node, "x and y")
    if len(values) not in {2, 3}:  # a third is the height above the ground
        raise node.error("x and y")
    return values[0], values[1]
