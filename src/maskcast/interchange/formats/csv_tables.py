"""``csv``: tables for a spreadsheet or pandas, a row for each instance and one for each image.

::

    instances.csv                     measures, by the names of scikit-image's regionprops_table
    images.csv                        size, instances and covered pixels of each image
    images/[<split>/]<file name>      if pictures are copied or linked

``image`` is the path of the target. Both are UTF-8 with a mark that lets Excel see it. ``label`` is
the number of an instance on its image, from 1, as pixels in the instance maps of ``masks`` have it.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from maskcast.errors import ImageError
from maskcast.interchange.formats.regionprops import (
    SHAPE_COLUMNS,
    mean_intensity,
    measure_shape,
)
from maskcast.interchange.formats.writing import (
    DEFAULT_SPLIT,
    ExportedImage,
    ExportedSet,
    count,
    path_in_images,
)
from maskcast.interchange.options import ExportOptions

INSTANCES_NAME = "instances.csv"
IMAGES_NAME = "images.csv"
INSTANCE_COLUMNS = (
    *("image", "split", "label", "object_id", "name", "score", "intensity_mean"),
    *SHAPE_COLUMNS,
)
IMAGE_COLUMNS = ("image", "split", "width", "height", "instances", "area")
_DIGITS = 6

picture_path = path_in_images


def write_csv(exported: ExportedSet, folder: Path, _: ExportOptions) -> tuple[str, ...]:
    """Write both tables, row by row.

    The mean intensity is that of the gray picture, 0 to 255, as the engine saw it; it is empty
    where the picture cannot be seen.

    Returns:
        What could not be kept.
    """
    unseen = unmeasured = 0
    with ExitStack() as stack:
        instances = _table(stack, folder / INSTANCES_NAME, INSTANCE_COLUMNS)
        images = _table(stack, folder / IMAGES_NAME, IMAGE_COLUMNS)
        for image in exported.images:
            gray = _gray(image) if image.instances else None
            if gray is None and image.instances:
                unseen, unmeasured = unseen + 1, unmeasured + len(image.instances)
            instances.writerows(_rows(image, gray))
            images.writerow(_image_row(image))
    told = (
        f"{count(unseen, 'picture')} could not be seen, so the mean intensity of "
        f"{count(unmeasured, 'instance')} is empty"
    )
    return (told,) * bool(unseen)


def _table(stack: ExitStack, path: Path, columns: Sequence[str]) -> Any:  # noqa: ANN401 (csv's)
    """A table to write rows to, its head written."""
    # Lines end as CSV has it, so that a name with either letter of that is quoted.
    file = stack.enter_context(path.open("w", encoding="utf-8-sig", newline=""))
    writer = csv.writer(file, lineterminator="\r\n")
    writer.writerow(columns)
    return writer


def _rows(image: ExportedImage, gray: npt.NDArray[np.uint8] | None) -> Iterator[tuple[object, ...]]:
    for number, found in enumerate(image.instances, 1):
        shape = (round(value, _DIGITS) for value in measure_shape(found.cutout))
        mean = "" if gray is None else round(mean_intensity(found.cutout, gray), _DIGITS)
        score = round(found.score, _DIGITS)
        names = (image.image_id, _split(image), number, found.object_id, found.label)
        yield (*names, score, mean, *shape)


def _image_row(image: ExportedImage) -> tuple[object, ...]:
    area = sum(found.cutout.area for found in image.instances)
    sizes = (image.width, image.height, len(image.instances), area)
    return (image.image_id, _split(image), *sizes)


def _split(image: ExportedImage) -> str:
    return "" if image.split == DEFAULT_SPLIT else image.split


def _gray(image: ExportedImage) -> npt.NDArray[np.uint8] | None:
    """The gray picture; None if it cannot be seen or has another size by now."""
    if image.look is None:
        return None
    try:
        seen = image.look()
    except ImageError:
        return None
    if seen.shape[:2] != image.size:
        return None
    return np.asarray(cv2.cvtColor(seen, cv2.COLOR_RGB2GRAY), np.uint8)
