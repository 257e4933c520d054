"""``fiftyone``: FiftyOne's ``COCODetectionDataset``, a folder for each part of the set.

::

    [<split>/]labels.json            as ``coco`` has it
    [<split>/]data/<file name>       if pictures are copied or linked

A picture that is not in ``data/`` is told by its absolute path, if it is on this machine.

Of the layouts that its importers read this one holds masks and scores and is the same in every
version; ``FiftyOneDataset`` is a copy of its database and hangs on the version.
"""

from __future__ import annotations

from pathlib import Path

from maskcast.interchange.formats.coco import write_instances
from maskcast.interchange.formats.writing import DEFAULT_SPLIT, ExportedImage, ExportedSet
from maskcast.interchange.options import ExportOptions


def picture_path(image: ExportedImage) -> str:
    """Where a picture goes in an export."""
    return f"{_part(image.split)}data/{image.file_name}"


def write_fiftyone(exported: ExportedSet, folder: Path, options: ExportOptions) -> tuple[str, ...]:
    """Write one JSON file for each split.

    Returns:
        What could not be kept.
    """
    paths = {split: folder / f"{_part(split)}labels.json" for split in exported.splits}
    for split in exported.splits:  # which the importer wants, even if pictures are elsewhere
        (folder / f"{_part(split)}data").mkdir(parents=True, exist_ok=True)
    return write_instances(exported, paths, options, _file_name)


def _file_name(image: ExportedImage) -> str:
    elsewhere = image.picture_elsewhere
    return image.file_name if elsewhere is None else elsewhere.as_posix()


def _part(split: str) -> str:
    return "" if split == DEFAULT_SPLIT else f"{split}/"
