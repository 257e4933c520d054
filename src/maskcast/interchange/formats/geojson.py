"""``geojson``: a GeoJSON file for each picture, as QuPath and geographic tools read it.

::

    annotations/[<split>/]<name>.geojson    a FeatureCollection, a feature for each instance
    images/[<split>/]<file name>            if pictures are copied or linked

Coordinates are pixels: x to the right, y down, from the picture's top left corner. Features are
QuPath's detections with classification and measurements; ``image`` beside them, which other tools
pass over, tells the picture and its size.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from maskcast.interchange.formats.outlines import OutlineTally, corners
from maskcast.interchange.formats.writing import (
    DEFAULT_SPLIT,
    ExportedSet,
    Instance,
    path_in_images,
)
from maskcast.interchange.options import ExportOptions
from maskcast.io.atomic import write_atomically
from maskcast.polygons import Part, Ring

picture_path = path_in_images


def write_geojson(exported: ExportedSet, folder: Path, options: ExportOptions) -> tuple[str, ...]:
    """Write one file for each image; outlines have holes, and several parts where need be.

    Returns:
        What could not be kept.
    """
    tally = OutlineTally()
    colors = {spec.object_id: spec.color for spec in exported.specs}
    for image in exported.images:
        content = {
            "type": "FeatureCollection",
            "image": {
                "file_name": image.file_name,
                "width": image.width,
                "height": image.height,
            },
            "features": [_feature(found, colors, options, tally) for found in image.instances],
        }
        part = "" if image.split == DEFAULT_SPLIT else f"{image.split}/"
        path = folder / "annotations" / f"{part}{image.name}.geojson"
        write_atomically(path, json.dumps(content, ensure_ascii=False).encode())
    return tally.sentences()


def _feature(
    found: Instance,
    colors: Mapping[int, tuple[int, int, int]],
    options: ExportOptions,
    tally: OutlineTally,
) -> dict[str, Any]:
    polygons = [_polygon(part) for part in tally.simple_parts(found.cutout, options)]
    is_single = len(polygons) == 1
    return {
        "type": "Feature",
        "geometry": {
            "type": "Polygon" if is_single else "MultiPolygon",
            "coordinates": polygons[0] if is_single else polygons,
        },
        "properties": {
            "objectType": "detection",
            "classification": {"name": found.label, "color": list(colors[found.object_id])},
            "measurements": {"score": round(found.score, 6), "area": found.cutout.area},
        },
    }


def _polygon(part: Part) -> list[list[list[float]]]:
    """Outline and holes, each closed."""
    return [_closed(ring) for ring in (part.outer, *part.holes)]


def _closed(ring: Ring) -> list[list[float]]:
    points = corners(ring)
    return [*points, points[0]]
