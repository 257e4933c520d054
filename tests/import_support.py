"""Projects to import into, and files as other tools write them."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from maskcast.interchange.import_summary import ImportSummary
from maskcast.interchange.importing import ImportOptions, import_annotations
from maskcast.project.annotations import Annotation, read_annotations
from maskcast.project.folder import ProjectFolder
from support import write_png

SIZE = (24, 32)
"""Height and width of every reference."""

SQUARE = ((4, 6), (14, 6), (14, 16), (4, 16))
"""Corners of a square of 100 pixels."""

Corners = Sequence[tuple[float, float]]
Files = Mapping[str, str | bytes | object]


def make_project(folder: Path, *names: str) -> ProjectFolder:
    """A project of the fake engine with a black reference of each name."""
    (folder / "references").mkdir(parents=True, exist_ok=True)
    (folder / "maskcast.toml").write_text('engine = "fake"\n')
    for name in names:
        write_png(folder / "references" / name, np.zeros((*SIZE, 3), np.uint8))
    return ProjectFolder.open(folder)


def write_files(folder: Path, files: Files) -> Path:
    """Texts, bytes, and everything else as JSON."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")
    return folder


def import_files(
    project: ProjectFolder,
    name: str,
    folder: Path,
    files: Files,
    **options: Any,  # noqa: ANN401
) -> ImportSummary:
    """Import files of a format."""
    source = write_files(folder, files)
    return import_annotations(project, name, source, ImportOptions(**options))


def annotated(project: ProjectFolder) -> Mapping[str, Annotation]:
    return read_annotations(project.annotations_path).annotations


def areas(project: ProjectFolder) -> dict[str, dict[int, int]]:
    """Pixels of each object on each annotated reference; -1 if it is a prompt."""
    return {
        image_id: {
            key: -1 if entry.stored is None else entry.stored.code.area
            for key, entry in annotation.objects.items()
        }
        for image_id, annotation in annotated(project).items()
    }


def said(summary: ImportSummary) -> dict[str, int]:
    """How often what was left out, by kind."""
    return {tally.kind.key: tally.count for tally in summary.left_out}


# ---- one picture with shapes, in each format


def coco(
    shapes: Sequence[Mapping[str, object]], name: str = "a.png", **image: object
) -> dict[str, list[dict[str, object]]]:
    """A COCO file of one picture; category 1 is ``disc``, 2 is ``edge``."""
    known = {"id": 1, "file_name": name, "height": SIZE[0], "width": SIZE[1]}
    rows = [
        {"id": number, "image_id": 1, "category_id": 1, "iscrowd": 0} | dict(shape)
        for number, shape in enumerate(shapes)
    ]
    categories = [{"id": 1, "name": "disc"}, {"id": 2, "name": "edge"}]
    return {"images": [known | image], "annotations": rows, "categories": categories}


def flat(corners: Corners) -> list[float]:
    return [value for corner in corners for value in corner]


def yolo_row(corners: Corners, number: object = 0) -> str:
    values = [
        value / side for corner in corners for value, side in zip(corner, SIZE[::-1], strict=True)
    ]
    return " ".join(map(str, [number, *values]))


def labelme(shapes: Sequence[Mapping[str, object]], name: str = "a.png") -> dict[str, object]:
    return {
        "version": "5.5.0",
        "flags": {},
        "imagePath": name,
        "imageData": None,
        "imageHeight": SIZE[0],
        "imageWidth": SIZE[1],
        "shapes": [
            {"group_id": None, "flags": {}, "label": "disc"} | dict(shape) for shape in shapes
        ],
    }


def cvat(shapes: str, name: str = "a.png", more: str = "") -> str:
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n<annotations><version>1.1</version><meta><task>'
        "<labels><label><name>disc</name></label><label><name>edge</name></label></labels></task>"
        f'</meta><image id="0" name="{name}" width="{SIZE[1]}" height="{SIZE[0]}">{shapes}</image>'
        f"{more}</annotations>"
    )


def cvat_polygon(corners: Corners, label: str = "disc") -> str:
    points = ";".join(f"{x},{y}" for x, y in corners)
    return f'<polygon label="{label}" points="{points}" occluded="0" z_order="0"></polygon>'


def studio_region(corners: Corners, label: str = "disc", **changes: object) -> dict[str, object]:
    """A polygon of Label Studio."""
    percent = [[100 * x / SIZE[1], 100 * y / SIZE[0]] for x, y in corners]
    return {
        "id": "r",
        "type": "polygonlabels",
        "from_name": "label",
        "to_name": "image",
        "original_width": SIZE[1],
        "original_height": SIZE[0],
        "image_rotation": 0,
        "value": {"points": percent, "polygonlabels": [label], "closed": True},
    } | changes


def studio(regions: Sequence[object], name: str = "a.png") -> list[object]:
    annotation = {"id": 1, "was_cancelled": False, "result": list(regions)}
    return [{"id": 1, "data": {"image": name}, "annotations": [annotation]}]


def voc(objects: str, name: str = "a.png") -> str:
    return (
        f"<annotation><filename>{name}</filename><size><width>{SIZE[1]}</width>"
        f"<height>{SIZE[0]}</height><depth>3</depth></size>{objects}</annotation>"
    )


def voc_object(corners: Corners, name: str = "disc") -> str:
    """An object with box and polygon, counted from 1."""
    x, y = zip(*corners, strict=True)
    edges = {"xmin": min(x) + 1, "ymin": min(y) + 1, "xmax": max(x), "ymax": max(y)}
    box = "".join(f"<{key}>{edge}</{key}>" for key, edge in edges.items())
    polygon = "".join(
        f"<x{number}>{px + 1}</x{number}><y{number}>{py + 1}</y{number}>"
        for number, (px, py) in enumerate(corners, 1)
    )
    return f"<object><name>{name}</name><bndbox>{box}</bndbox><polygon>{polygon}</polygon></object>"


def png(picture: npt.NDArray[np.generic]) -> bytes:
    stream = BytesIO()
    Image.fromarray(picture).save(stream, "PNG")
    return stream.getvalue()


def base64_png(picture: npt.NDArray[np.generic]) -> str:
    return base64.b64encode(png(picture)).decode()


def square_map(value: int = 1) -> npt.NDArray[np.uint8]:
    picture = np.zeros(SIZE, np.uint8)
    picture[6:16, 4:14] = value
    return picture


WITH_SQUARE: dict[str, Files] = {
    "coco": {"a.json": coco([{"segmentation": [flat(SQUARE)]}])},
    "yolo": {"data.yaml": "names: [disc, edge]", "labels/a.txt": yolo_row(SQUARE)},
    "voc": {"Annotations/a.xml": voc(voc_object(SQUARE))},
    "labelme": {"a.json": labelme([{"points": SQUARE, "shape_type": "polygon"}])},
    "cvat": {"a.xml": cvat(cvat_polygon(SQUARE))},
    "labelstudio": {"a.json": studio([studio_region(SQUARE)])},
    "masks": {"a.png": png(square_map())},
}
"""The square on ``a.png``, in each format."""
