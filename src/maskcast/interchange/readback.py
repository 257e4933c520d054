"""Reading an export back with the reader that tools of its format use.

The readers are optional packages; where one is missing the export is not checked, and the sentence
says so with the line that installs it. What they find is compared with what was exported: how many
pictures and instances, and how many pixels the masks have where the format keeps every one.
"""

from __future__ import annotations

import contextlib
import io
import json
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from maskcast.errors import ExportError
from maskcast.interchange.export_summary import ExportSummary
from maskcast.interchange.formats.csv_tables import IMAGES_NAME, INSTANCES_NAME
from maskcast.interchange.formats.splits import SPLITS_FILE
from maskcast.interchange.formats.writing import count


@dataclass(frozen=True)
class Found:
    """What a reader found.

    Attributes:
        images: pictures.
        instances: None where the format splits them up.
        pixels: of all masks; None where the format does not keep each.
    """

    images: int
    instances: int | None = None
    pixels: int | None = None


@dataclass(frozen=True)
class _Reader:
    package: str
    module: str
    read: Callable[[Any, Path], Found]
    needs_pictures: bool = False


def check_export(summary: ExportSummary) -> str:
    """Read an export back and compare, where the format's own reader is installed.

    Returns:
        A sentence that tells what was found, or why the export was not checked.

    Raises:
        ExportError: if the reader cannot read the export or finds something else than was
            exported; the export stays as it is.
    """
    reader = _READERS[summary.format_name]
    try:
        with _silence():
            module = import_module(reader.module)
    except ImportError:
        return (
            f"not checked: {reader.package} is not installed; run: pip install {reader.package}, "
            "in an environment of its own if need be"
        )
    if reader.needs_pictures and not summary.with_pictures:
        return (
            f"not checked: {reader.package} needs the pictures; export with --copy-images or "
            "--link-images"
        )
    try:
        with _silence():
            found = reader.read(module, summary.folder)
    except Exception as error:  # whatever a reader stumbles over is what a user wants to know
        raise ExportError(
            f"{reader.package} cannot read {summary.folder} ({type(error).__name__}: {error}); "
            "please report this"
        ) from error
    return _compare(f"{reader.package} {version(reader.package)}", found, summary)


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Some readers talk; what they log goes to where stderr led when they were loaded."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        yield


def _compare(reader: str, found: Found, summary: ExportSummary) -> str:
    pairs = (
        ("image", found.images, summary.images),
        ("instance", found.instances, summary.instances),
        ("pixel", found.pixels, summary.pixels),
    )
    known = [(what, got, expected) for what, got, expected in pairs if got is not None]
    wrong = [
        f"{count(got, what)} instead of {expected}"
        for what, got, expected in known
        if got != expected
    ]
    if wrong:
        raise ExportError(
            f"{reader} finds {', '.join(wrong)} in {summary.folder}; please report this"
        )
    return f"{reader} finds {', '.join(count(got, what) for what, got, _ in known)}, as exported"


def _read_coco(module: Any, folder: Path) -> Found:  # noqa: ANN401 (a module without types)
    images = instances = pixels = 0
    for path in sorted((folder / "annotations").glob("*.json")):
        coco = module.COCO(str(path))
        images += len(coco.imgs)
        instances += len(coco.anns)
        pixels += sum(int(coco.annToMask(entry).sum()) for entry in coco.anns.values())
    return Found(images, instances, pixels)


def _read_datumaro(format_name: str, **options: str) -> Callable[[Any, Path], Found]:
    def read(module: Any, folder: Path) -> Found:  # noqa: ANN401
        dataset = module.Dataset.import_from(str(folder), format_name, **options)
        # VOC's masks lose what is covered; its boxes are all there.
        kinds = {"bbox"} if format_name == "voc" else {"mask", "polygon"}
        shapes = [
            (item.id, shape)
            for item in dataset
            for shape in item.annotations
            if shape.type.name in kinds
        ]
        instances = _grouped((item_id, shape.label, shape.group) for item_id, shape in shapes)
        are_masks = all(shape.type.name == "mask" for _, shape in shapes)
        pixels = sum(int(np.sum(shape.image)) for _, shape in shapes) if are_masks else None
        return Found(len(dataset), instances, pixels)

    return read


def _read_labelme(module: Any, folder: Path) -> Found:  # noqa: ANN401
    images = instances = 0
    for path in _json_files(folder):
        shapes = module.LabelFile(str(path)).shapes
        images += 1
        instances += _grouped((shape["label"], shape["group_id"]) for shape in shapes)
    return Found(images, instances)


def _grouped(shapes: Iterable[tuple[Any, ...]]) -> int:
    """Instances among shapes that are told by all but the last, their group; no group = alone."""
    groups = Counter(shapes)
    return sum(1 if shape[-1] else number for shape, number in groups.items())


def _read_labelstudio(module: Any, folder: Path) -> Found:  # noqa: ANN401
    images = shapes = pixels = brushes = 0
    for path in _json_files(folder):
        for task in json.loads(path.read_text("utf-8")):
            images += 1
            results = task["predictions"][0]["result"]
            shapes += len(results)
            for result in results:
                if result["type"] == "brushlabels":
                    brushes += 1
                    values = module.decode_rle(result["value"]["rle"])
                    pixels += int(np.count_nonzero(values[3::4]))
    return Found(images, shapes, pixels) if brushes == shapes else Found(images)


def _read_yolo(module: Any, folder: Path) -> Found:  # noqa: ANN401
    return Found(_read_boxes(module, folder).images)  # outlines are rows, not instances


def _read_boxes(module: Any, folder: Path) -> Found:  # noqa: ANN401
    images = rows = 0
    for labels in sorted(path for path in (folder / "labels").rglob("*") if path.is_dir()):
        pictures = folder / "images" / labels.relative_to(folder / "labels")
        dataset = module.DetectionDataset.from_yolo(
            str(pictures), str(labels), str(folder / "data.yaml")
        )
        images += len(dataset)
        rows += sum(len(detections) for _, _, detections in dataset)
    return Found(images, rows)


def _read_masks(module: Any, folder: Path) -> Found:  # noqa: ANN401
    images = 0
    for path in sorted((folder / "masks").rglob("*.png")):
        with module.open(path) as image:
            if image.mode != "P":
                raise ValueError(f"{path} has no palette")
            image.load()
        images += 1
    return Found(images)


def _read_tables(module: Any, folder: Path) -> Found:  # noqa: ANN401
    images, rows = module.read_csv(folder / IMAGES_NAME), module.read_csv(folder / INSTANCES_NAME)
    return Found(len(images), len(rows), int(rows["area"].sum()))


def _read_geojson(module: Any, folder: Path) -> Found:  # noqa: ANN401
    images = instances = 0
    area = 0.0
    for path in sorted((folder / "annotations").rglob("*.geojson")):
        features = json.loads(path.read_text("utf-8"))["features"]
        images += 1
        instances += len(features)
        area += sum(module.shape(feature["geometry"]).area for feature in features)
    return Found(images, instances, round(area) if area.is_integer() else None)


def _read_imagefolder(module: Any, folder: Path) -> Found:  # noqa: ANN401
    module.disable_progress_bars()
    with tempfile.TemporaryDirectory() as cache:
        loaded = module.load_dataset(str(folder), cache_dir=cache)
        rows = [row for part in loaded.values() for row in part.select_columns(["objects"])]
    areas = [row["objects"]["area"] for row in rows]
    return Found(len(rows), sum(map(len, areas)), sum(map(sum, areas)))


def _read_fiftyone(module: Any, folder: Path) -> Found:  # noqa: ANN401
    images = instances = pixels = 0
    for path in sorted(folder.rglob("labels.json")):
        importer = module.COCODetectionDatasetImporter(
            dataset_dir=str(path.parent), label_types="segmentations"
        )
        with importer:
            for _, _, label in importer:
                images += 1
                found = label.detections if label is not None else []
                instances += len(found)
                pixels += sum(int(np.count_nonzero(detection.mask)) for detection in found)
    return Found(images, instances, pixels)


def _json_files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*.json")) if path != folder / SPLITS_FILE)


_READERS: Mapping[str, _Reader] = MappingProxyType(
    {
        "coco": _Reader("pycocotools", "pycocotools.coco", _read_coco),
        "yolo": _Reader("supervision", "supervision", _read_yolo, needs_pictures=True),
        "yolo-detect": _Reader("supervision", "supervision", _read_boxes, needs_pictures=True),
        "voc": _Reader(
            "datumaro", "datumaro", _read_datumaro("voc", coordinate_mode="voc-one-based")
        ),
        "labelme": _Reader("labelme", "labelme", _read_labelme),
        "cvat": _Reader("datumaro", "datumaro", _read_datumaro("cvat"), needs_pictures=True),
        "labelstudio": _Reader(
            "label-studio-sdk", "label_studio_sdk.converter.brush", _read_labelstudio
        ),
        "masks": _Reader("pillow", "PIL.Image", _read_masks),
        "csv": _Reader("pandas", "pandas", _read_tables),
        "geojson": _Reader("shapely", "shapely.geometry", _read_geojson),
        "hf": _Reader("datasets", "datasets", _read_imagefolder, needs_pictures=True),
        "fiftyone": _Reader("fiftyone", "fiftyone.utils.coco", _read_fiftyone),
    }
)
