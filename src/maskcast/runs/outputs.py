"""The four folders that a run writes for every target."""

from __future__ import annotations

import csv
import io
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from maskcast.drawing.overlay import draw_overlay
from maskcast.drawing.palette import default_spec
from maskcast.io.images import MAX_JPEG_SIDE, encode_jpeg, encode_label_png, encode_mask_png
from maskcast.io.rasters import read_raster
from maskcast.io.read_options import ReadOptions
from maskcast.io.storage import Readable
from maskcast.masks import Component, components, compose_label_map
from maskcast.runs.ledger_rows import FoundObject
from maskcast.runs.sinks import FolderSink
from maskcast.types import MAX_OBJECT_ID, Mask, ObjectSpec, RgbImage, Segmentation

BOX_COLUMNS = ("id", "xmin", "ymin", "xmax", "ymax", "score", "right")
"""Header of a boxes file; ``right`` is empty where nobody judged it."""

PARTS = ("id_masks", "masks", "overlays", "bboxes")
"""The folders of an output."""

_ID_MASK = re.compile(r"([1-9][0-9]{0,2})\.png")


@dataclass(frozen=True)
class OutputFolders:
    """Where the files of a target go; ``name`` is its output name.

    Attributes:
        root: the output folder.
    """

    root: Path

    def id_masks(self, name: str) -> Path:
        """The folder of a target's binary masks."""
        return self.root / "id_masks" / name

    def id_mask(self, name: str, object_id: int) -> Path:
        """A binary PNG, 0 and 255."""
        return self.id_masks(name) / f"{object_id}.png"

    def mask(self, name: str) -> Path:
        """A palette PNG, pixel value = object id."""
        return self.root / "masks" / f"{name}.png"

    def overlay(self, name: str) -> Path:
        """The target with everything found drawn onto it."""
        return self.root / "overlays" / f"{name}.jpg"

    def boxes(self, name: str) -> Path:
        """A CSV with one row per connected component."""
        return self.root / "bboxes" / f"{name}.csv"

    def files(self, name: str) -> list[Path]:
        """Where all files of a target are; binary masks are those on disk."""
        masks = self.written_id_masks(name).values()
        return [*masks, self.mask(name), self.overlay(name), self.boxes(name)]

    def written_id_masks(self, name: str) -> dict[int, Path]:
        """Object id -> binary mask of a target, of those on disk, by ascending id.

        Folders beside the masks (of targets further down) and other files are left out.
        """
        folder = self.id_masks(name)
        if not folder.is_dir():
            return {}
        found = {
            int(match[1]): path
            for path in folder.iterdir()
            if (match := _ID_MASK.fullmatch(path.name)) and path.is_file()
        }
        return {key: found[key] for key in sorted(found) if key <= MAX_OBJECT_ID}


def write_outputs(
    folders: OutputFolders,
    name: str,
    image: RgbImage,
    segmentation: Segmentation,
    specs: Mapping[int, ObjectSpec],
) -> list[FoundObject]:
    """Write all files of one target to folders; see ``render_outputs`` and ``FolderSink``.

    What an interrupted run left of the target is replaced.

    Raises:
        StorageError: if the disk is full or the folder cannot be written.
        OSError: if this target's files cannot be written, e.g. for the length of its name.
    """
    files, found = render_outputs(name, image, segmentation, specs)
    FolderSink(folders.root).put(name, files)
    return found


def read_id_mask(file: Readable) -> Mask:
    """A binary mask of a run, bool (H, W); quicker than ``read_label_map``, which asks more.

    Raises:
        ImageError: if it cannot be read.
    """
    return np.asarray(read_raster(file, ReadOptions(sys.maxsize)).samples[..., 0] > 0)


def render_outputs(
    name: str,
    image: RgbImage,
    segmentation: Segmentation,
    specs: Mapping[int, ObjectSpec],
) -> tuple[dict[str, bytes], list[FoundObject]]:
    """Make all files of one target; the same arguments give the same bytes.

    An overlay too long for a JPEG is made smaller.

    Args:
        name: the target's output name, POSIX and relative.
        image: the target, uint8 (H, W, 3) RGB.
        segmentation: what was found; an object without a pixel counts as not found.
        specs: object id -> name and colour; ids that are missing get defaults.

    Returns:
        POSIX path in the output -> content, in the order to be written; and what was found, by
        ascending id.
    """
    masks = _found_masks(segmentation)
    parts = {object_id: components(mask) for object_id, mask in masks.items()}
    judged = _judged(segmentation)
    label_map = compose_label_map(list(masks), list(masks.values()), image.shape[:2])
    colors = {key: default_spec(key).color for key in masks}
    colors.update({key: spec.color for key, spec in specs.items()})
    overlay = draw_overlay(image, segmentation, specs, parts)
    rows = [(key, *part.box, *figures(*judged[key])) for key in masks for part in parts[key]]
    files = {
        f"id_masks/{name}/{object_id}.png": encode_mask_png(mask)
        for object_id, mask in masks.items()
    }
    files[f"masks/{name}.png"] = encode_label_png(label_map, colors)
    files[f"overlays/{name}.jpg"] = encode_jpeg(_fitting_jpeg(overlay))
    files[f"bboxes/{name}.csv"] = boxes_csv(rows)
    return files, [summary(key, *judged[key], parts[key]) for key in masks]


def _fitting_jpeg(overlay: RgbImage) -> RgbImage:
    """The overlay, made smaller if a side is too long for a JPEG (line scans can be)."""
    height, width = overlay.shape[:2]
    scale = MAX_JPEG_SIDE / max(height, width)
    if scale >= 1:
        return overlay
    size = max(1, int(width * scale)), max(1, int(height * scale))
    return np.asarray(cv2.resize(overlay, size, interpolation=cv2.INTER_AREA), np.uint8)


def _found_masks(segmentation: Segmentation) -> dict[int, Mask]:
    """Object id -> mask, of the masks that have a pixel."""
    return {
        object_id: mask
        for object_id, mask in zip(
            segmentation.object_ids.tolist(), segmentation.masks, strict=True
        )
        if mask.any()
    }


def _judged(segmentation: Segmentation) -> dict[int, tuple[float, float | None]]:
    """Object id -> score, and probability that its mask is right."""
    ids, scores = segmentation.object_ids.tolist(), segmentation.scores.tolist()
    right = [None] * len(ids) if segmentation.right is None else segmentation.right.tolist()
    return {key: (score, share) for key, score, share in zip(ids, scores, right, strict=True)}


def figures(score: float, right: float | None) -> tuple[str, str]:
    """Score and probability as a boxes file has them."""
    return f"{score:.4f}", "" if right is None else f"{right:.4f}"


def summary(
    object_id: int, score: float, right: float | None, parts: Sequence[Component]
) -> FoundObject:
    """What the ledger says of an object with these components."""
    xmins, ymins, xmaxs, ymaxs = zip(*(part.box for part in parts), strict=True)
    return FoundObject(
        object_id=object_id,
        score=score,
        area=sum(part.area for part in parts),
        components=len(parts),
        box=(min(xmins), min(ymins), max(xmaxs), max(ymaxs)),
        right=right,
        largest=max(part.area for part in parts),
    )


def boxes_csv(rows: Iterable[tuple[object, ...]]) -> bytes:
    """A boxes file: ``BOX_COLUMNS`` and a row for each connected component."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(BOX_COLUMNS)
    writer.writerows(rows)
    return text.getvalue().encode("utf-8")
