"""Reading CVAT for images 1.1, image by image."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from xml.etree.ElementTree import Element

import numpy as np

from maskcast.errors import AnnotationError
from maskcast.interchange.reading.areas import Area
from maskcast.interchange.reading.entries import Entry, ReadingOptions, Shape, Source
from maskcast.interchange.reading.left_out import Kind, LeftOut, MisfitError
from maskcast.interchange.reading.matching import without_folders_of_sets
from maskcast.interchange.reading.numbers import declared_size, finite, whole
from maskcast.interchange.reading.shapes import (
    Size,
    box_prompts,
    ellipse_area,
    placed_area,
    point_prompts,
    ring_area,
    turned_box,
)
from maskcast.interchange.reading.source_files import files_of
from maskcast.interchange.reading.xmltree import required, stream_xml

_PIXELS_OF_CUT = 4
"""A mask whose box has more than so many times the pixels of its picture is damaged."""


def read_cvat(source: Path, _: ReadingOptions, left_out: LeftOut) -> Source:
    """Read an XML file of CVAT for images 1.1, or all those in a folder.

    Masks, polygons, ellipses and turned boxes become masks, upright boxes boxes, and points
    prompts.

    Raises:
        AnnotationError: if there is no such file.
    """
    files = [source] if source.is_file() else files_of(source.glob("*.xml"))
    if not files:
        raise AnnotationError(f"there is no CVAT file in {source}; give annotations.xml")
    labels: list[str] = []
    return Source(_all_entries(files, labels, left_out), labels)


def _all_entries(files: list[Path], labels: list[str], left_out: LeftOut) -> Iterator[Entry]:
    for path in files:
        try:
            yield from _entries(path, labels, left_out)
        except AnnotationError as error:
            if len(files) == 1:
                raise
            left_out.add(MisfitError(Kind.FILE, str(error), str(error)))


def _entries(path: Path, labels: list[str], left_out: LeftOut) -> Iterator[Entry]:
    number = tracks = 0
    for depth, element in stream_xml(path, {"image", "track", "label"}):
        if depth == 0 and element.tag != "annotations":
            raise AnnotationError(f"{path} is not a CVAT file: it has no <annotations>")
        if element.tag == "track":
            tracks += 1
            left_out.add(_track(element, f"{path}: track {tracks}"))
        if element.tag == "label":
            name = element.findtext("name")
            if name and name not in labels:
                labels.append(name)
        if element.tag == "image":
            number += 1
            entry = left_out.tried(partial(_entry, element, f"{path}: image {number}"))
            if entry is not None:
                yield entry


def _track(track: Element, place: str) -> MisfitError:
    return MisfitError(
        Kind.TRACK,
        f'{place} "{track.get("label")}"',
        f"{place}: it is a track of a video; export the images from CVAT as CVAT for images 1.1",
    )


def _entry(image: Element, place: str) -> Entry:
    name = required(image.get("name"), place, "the name of a picture")
    subset = image.get("subset")
    names: tuple[str, ...] = (name,)
    if subset:
        inside = (f"{subset}/{name}", f"{subset}/{without_folders_of_sets(name)}")
        names = tuple(dict.fromkeys((*inside, name)))
    size = declared_size(image.get("height"), image.get("width"))
    shapes = [child for child in image if child.tag != "tag"]
    parts = (
        partial(_shapes, shape, f"{place}: {shape.tag} {number}")
        for number, shape in enumerate(shapes, 1)
    )
    return Entry(names, place, parts, *size)


def _shapes(shape: Element, place: str, size: Size) -> Iterator[Shape]:
    label = shape.get("label")
    if not label:
        raise MisfitError(
            Kind.NO_LABEL, place, f"{place}: expected a label, got nothing; correct the file"
        )
    if shape.tag == "points":
        yield Shape(label, prompts=point_prompts(_points(shape, place), size, place))
    elif shape.tag == "box" and not _rotation(shape, place):
        edges = [_number(shape, key, place) for key in ("xtl", "ytl", "xbr", "ybr")]
        yield Shape(label, prompts=box_prompts(edges, size, place))
    else:
        yield Shape(label, _area(shape, label, place, size))


def _area(shape: Element, label: str, place: str, size: Size) -> Area:
    if shape.tag == "mask":
        return _mask(shape, place, size)
    if shape.tag == "polygon":
        return ring_area([_points(shape, place)], size, place)
    if shape.tag == "ellipse":
        x, y, across, down = (_number(shape, key, place) for key in ("cx", "cy", "rx", "ry"))
        return ellipse_area((x, y), (across, down), size, place, _rotation(shape, place))
    if shape.tag == "box":
        edges = [_number(shape, key, place) for key in ("xtl", "ytl", "xbr", "ybr")]
        corners = turned_box(edges, _rotation(shape, place), place)
        return ring_area([corners], size, place)
    raise MisfitError(
        Kind.LINE if shape.tag == "polyline" else Kind.SOLID,
        f'{place} "{label}"',
        f"{place}: a {shape.tag} is no mask, polygon, ellipse, box or points; remove it",
    )


def _rotation(shape: Element, place: str) -> float:
    return finite(shape.get("rotation", "0"), place, "rotation") % 360


def _number(shape: Element, key: str, place: str) -> float:
    return finite(required(shape.get(key), place, key), place, key)


def _points(shape: Element, place: str) -> list[tuple[float, float]]:
    text = required(shape.get("points"), place, "points").strip().strip(";")
    pairs = [pair.split(",") for pair in text.split(";") if pair.strip()]
    if not pairs:
        raise MisfitError(Kind.CORNERS, place, f"{place}: expected points, got none; remove it")
    if not all(len(pair) == 2 for pair in pairs):
        raise MisfitError(
            Kind.MALFORMED,
            f"{place}: points {text[:40]!r}",
            f"{place}: expected points as x,y;x,y, got {text[:40]!r}",
        )
    return [(finite(x, place, "a coordinate"), finite(y, place, "a coordinate")) for x, y in pairs]


def _mask(shape: Element, place: str, size: Size) -> Area:
    left, top = (whole(shape.get(key), place, key) for key in ("left", "top"))
    width, height = (whole(shape.get(key), place, key) for key in ("width", "height"))
    if min(width, height) < 0:
        raise MisfitError(
            Kind.NUMBER, f"{place}: {width} x {height}", f"{place}: the mask has a negative size"
        )
    if width * height > _PIXELS_OF_CUT * size[0] * size[1]:
        raise _damaged(place, f"the mask of {width} x {height} reaches beyond the picture")
    text = required(shape.get("rle"), place, "run lengths in rle")
    runs = [whole(run, place, "a run length") for run in text.split(",")]
    if min(runs) < 0:
        raise _damaged(place, "rle holds negative run lengths")
    if sum(runs) != width * height:
        raise _damaged(place, f"rle holds {sum(runs)} pixels but the mask is {width} x {height}")
    flat = np.repeat(np.arange(len(runs)) % 2 == 1, runs)
    return placed_area(flat.reshape(height, width), (left, top), size, place)


def _damaged(place: str, reason: str) -> MisfitError:
    return MisfitError(Kind.CODE, f"{place}: {reason}", f"{place}: {reason}; correct the file")
