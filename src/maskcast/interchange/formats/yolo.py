"""``yolo`` and ``yolo-detect``: a text file of outlines or boxes for each image.

::

    data.yaml                         names by class number; without ``path``, so that its own
                                      folder counts
    labels/<split>/<name>.txt         class x1 y1 x2 y2 ... (outline) or class cx cy w h (box)
    images/<split>/<file name>        if pictures are copied or linked

Coordinates are shares of width and height. The class number is the object's place among the ids.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import yaml

from maskcast.errors import AnnotationError
from maskcast.interchange.formats.outlines import OutlineTally
from maskcast.interchange.formats.records import (
    DEFAULT_SPLIT,
    LabeledImage,
    LabeledObject,
    LabeledSet,
    Pictures,
    count,
)
from maskcast.interchange.formats.shapes import box_prompts
from maskcast.interchange.formats.writing import (
    ExportedImage,
    ExportedSet,
    class_numbers,
    lost_scores,
)
from maskcast.interchange.options import ExportOptions
from maskcast.io.atomic import write_atomically
from maskcast.polygons import fill_rings
from maskcast.types import ObjectSpec

_NAME_LISTS = ("classes.txt", "obj.names")
_OTHER_TEXTS = frozenset({*_NAME_LISTS, "train.txt", "val.txt", "valid.txt", "test.txt"})
"""Texts beside labels that are none: names of classes, and lists of pictures."""
_IMAGES = re.compile("images_*")  # so that two folders never become one
_SLACK = 1e-6


def picture_path(image: ExportedImage) -> str:
    """Where a picture goes in an export.

    Trainers find the labels of a picture by the last ``images`` in its path, so no folder of its
    own may be called that.
    """
    *folders, name = image.file_name.split("/")
    safe = (f"{folder}_" if _IMAGES.fullmatch(folder) else folder for folder in folders)
    return "/".join(["images", _folder(image.split), *safe, name])


def write_yolo(exported: ExportedSet, folder: Path, options: ExportOptions) -> tuple[str, ...]:
    """Write outlines, a row for each part of an instance.

    Returns:
        What could not be kept.
    """
    tally, scored, moved = OutlineTally(), 0, 0
    numbers = class_numbers(exported.specs)
    for image in exported.images:
        scale = np.array([image.width, image.height])
        rows = [
            _row(numbers[found.object_id], (ring / scale).ravel())
            for found in image.instances
            for ring in tally.outlines(found.cutout, options)
        ]
        scored += len(image.instances)
        moved += _write_rows(folder, image, rows)
    _write_yaml(folder, exported.specs, exported.splits)
    sentences = tally.sentences(parts_are_rows="a row of its own")
    return (*sentences, *lost_scores(scored, "YOLO"), *_moved_sentence(moved))


def write_yolo_detect(exported: ExportedSet, folder: Path, _: ExportOptions) -> tuple[str, ...]:
    """Write one box for each instance, around all its parts.

    Returns:
        What could not be kept.
    """
    numbers = class_numbers(exported.specs)
    boxes = moved = 0
    for image in exported.images:
        rows = []
        for found in image.instances:
            xmin, ymin, xmax, ymax = found.cutout.box
            middle = (xmin + xmax) / 2 / image.width, (ymin + ymax) / 2 / image.height
            size = (xmax - xmin) / image.width, (ymax - ymin) / image.height
            rows.append(_row(numbers[found.object_id], np.array([*middle, *size])))
        boxes += len(rows)
        moved += _write_rows(folder, image, rows)
    _write_yaml(folder, exported.specs, exported.splits)
    told = f"{count(boxes, 'mask')} became boxes; the format yolo keeps outlines"
    return (*((told,) * bool(boxes)), *lost_scores(boxes, "YOLO"), *_moved_sentence(moved))


def _moved_sentence(moved: int) -> tuple[str, ...]:
    told = (
        f"{count(moved, 'picture')} in a folder called images, which is called images_ now: "
        "trainers find labels by the last images in a path"
    )
    return (told,) * bool(moved)


def _row(number: int, values: npt.NDArray[np.float64]) -> str:
    # Ten digits: a share of the widest picture still names its pixel edge.
    return " ".join([str(number), *(f"{value:.10g}" for value in values)])


def _write_rows(folder: Path, image: ExportedImage, rows: Sequence[str]) -> bool:
    """Write the label file; returns whether the picture has another path than its own."""
    stem = picture_path(image).removeprefix("images/").rpartition(".")[0]
    path = folder / "labels" / f"{stem}.txt"
    write_atomically(path, "".join(f"{row}\n" for row in rows).encode())
    return not picture_path(image).endswith(f"/{image.file_name}")


def _write_yaml(folder: Path, specs: Sequence[ObjectSpec], splits: Sequence[str]) -> None:
    folders = [_folder(split) for split in splits]
    for name in folders:  # trainers stumble over a part that is missing rather than empty
        (folder / "labels" / name).mkdir(parents=True, exist_ok=True)
        (folder / "images" / name).mkdir(parents=True, exist_ok=True)
    places = {name: f"images/{name}" for name in folders}
    places.setdefault("val", places["train"])  # trainers ask for one
    lines = [f"{name}: {place}\n" for name, place in places.items()]
    lines.append("names:\n" if specs else "names: {}\n")
    lines += [f"  {number}: {_quoted(spec.name)}" for number, spec in enumerate(specs)]
    write_atomically(folder / "data.yaml", "".join(lines).encode())


def _quoted(name: str) -> str:
    """A line of YAML; other styles of quotes do not keep every character."""
    text: str = yaml.safe_dump(name, allow_unicode=True, default_style='"', width=sys.maxsize)
    return text


def _folder(split: str) -> str:
    return "train" if split == DEFAULT_SPLIT else split


def read_yolo(source: Path, pictures: Pictures) -> LabeledSet:
    """Read a folder with ``data.yaml``, or the path of the YAML file.

    Label files lie in ``labels/``, or in a ``labels/`` inside each part, or beside the pictures.
    Instead of ``data.yaml`` there may be another YAML file, or ``classes.txt`` or ``obj.names``
    with a name on each line. A row of five numbers is a box, a longer one an outline.

    Raises:
        AnnotationError: naming the file and the line.
    """
    root, names = _read_names(source)
    folder = root / "labels" if (root / "labels").is_dir() else root
    inner = [path for path in sorted(folder.glob("*/labels")) if path.is_dir()]
    inside = inner if folder == root and inner else [folder]
    files = [path for folder in inside for path in sorted(folder.rglob("*.txt"))]
    # labels/<split>/<name>.txt belongs to images/<split>/<name>.<any suffix>.
    stems = {path: path.relative_to(folder).as_posix().removesuffix(".txt") for path in files}
    images = [
        _read_image(path, stem, names, pictures)
        for path, stem in stems.items()
        if not _is_other_text(path, stem, pictures)
    ]
    if not images:
        raise AnnotationError(f"there is no label file in {folder}; give the folder of data.yaml")
    return LabeledSet(images, labels=tuple(filter(None, names.values())))


def _is_other_text(path: Path, stem: str, pictures: Pictures) -> bool:
    """Whether tools put such a text beside labels, and no picture has its name."""
    if path.name not in _OTHER_TEXTS and not path.name.startswith("README."):
        return False
    try:
        pictures.find(stem + ".*", str(path))
    except AnnotationError:
        return True
    return False


def _read_names(source: Path) -> tuple[Path, Mapping[int, str]]:
    """The folder, and class names by number."""
    path = source if source.is_file() else source / "data.yaml"
    for name in _NAME_LISTS:
        if not path.is_file() and (source / name).is_file():
            lines = (source / name).read_text("utf-8-sig", errors="replace").split("\n")
            return source, dict(enumerate(line.strip() for line in lines))
    others = [] if path.is_file() else [*source.glob("*.yaml"), *source.glob("*.yml")]
    path = others[0] if len(others) == 1 else path
    if path.suffix not in {".yaml", ".yml"} or not path.is_file():
        raise AnnotationError(
            f"there is no data.yaml in {source}, which holds the names of the classes; "
            "add it or give its path"
        )
    return path.parent, _parse_yaml(path)


def _parse_yaml(path: Path) -> Mapping[int, str]:
    try:
        content = yaml.safe_load(path.read_bytes())
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        detail = " ".join(str(error).split())
        raise AnnotationError(f"{path} is not YAML ({detail}); correct the file") from error
    if isinstance(content, dict) and "kpt_shape" in content:
        raise AnnotationError(f"{path} is of key points, which are no masks; give a set of masks")
    names: Any = content.get("names") if isinstance(content, dict) else None
    if isinstance(names, list):
        names = dict(enumerate(names))
    if not isinstance(names, dict) or not all(
        type(number) is int and isinstance(name, str | int | float)
        for number, name in names.items()
    ):
        raise AnnotationError(f"{path}: names: expected the names of the classes by number")
    return {number: str(name) for number, name in sorted(names.items())}


def _read_image(
    path: Path, stem: str, names: Mapping[int, str], pictures: Pictures
) -> LabeledImage:
    try:
        image_id = pictures.find(stem + ".*", str(path))
    except AnnotationError:
        image_id = pictures.find(_original(stem) + ".*", str(path))
    size = pictures.size(image_id)
    try:
        lines = path.read_text("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise AnnotationError(f"{path} is not a text file; leave it out") from error
    return LabeledImage(image_id, *size, tuple(_objects(lines, path, names, size)))


def _original(stem: str) -> str:
    """The stem before ``picture_path`` changed folders called ``images``."""
    *folders, name = stem.split("/")
    known = (
        name[:-1] if name != "images" and _IMAGES.fullmatch(name) else name for name in folders
    )
    return "/".join([*known, name])


def _objects(
    lines: Sequence[str], path: Path, names: Mapping[int, str], size: tuple[int, int]
) -> Iterator[LabeledObject]:
    height, width = size
    for index, line in enumerate(lines):
        if not line.strip():
            continue
        place = f"{path}: line {index + 1}"
        number, values = _parse_row(line, place)
        if not names.get(number):
            raise AnnotationError(f"{place}: class {number} is not among the names of data.yaml")
        if len(values) == 4:
            middle, extent = (pair * (width, height) for pair in (values[:2], values[2:]))
            edges = (*(middle - extent / 2), *(middle + extent / 2))
            yield LabeledObject(names[number], prompts=box_prompts(edges, size, place))
        else:
            ring = values.reshape(-1, 2) * (width, height)
            # Shares are rounded: what was a pixel edge becomes one again.
            near = np.abs(ring - np.rint(ring)) < 1e-3
            ring = np.where(near, np.rint(ring), ring)
            yield LabeledObject(names[number], fill_rings([ring], size))


def _parse_row(line: str, place: str) -> tuple[int, npt.NDArray[np.float64]]:
    expected = "a class and 4 numbers of a box, or x and y of at least 3 corners"
    try:
        number, *texts = line.split()
        values = np.array([float(text) for text in texts])
        class_number = int(number)
    except ValueError as error:
        raise AnnotationError(f"{place}: expected {expected}, got {line[:60]!r}") from error
    if len(values) != 4 and (len(values) < 6 or len(values) % 2):
        raise AnnotationError(f"{place}: expected {expected}, got {len(values)} numbers")
    if not np.all((values >= -_SLACK) & (values <= 1 + _SLACK)):
        raise AnnotationError(f"{place}: expected shares of the picture in 0..1; correct the row")
    return class_number, values
