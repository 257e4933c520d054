"""Targets and overlays as a browser shows them: found through the ledger, never by a path."""

from __future__ import annotations

import threading
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from cachetools import LRUCache

from maskcast.drawing.overlay import draw_overlay
from maskcast.errors import ImageError, MaskcastError, RunError
from maskcast.io.images import encode_jpeg, read_image
from maskcast.io.sizes import pixels_in
from maskcast.io.stamps import stamp_of
from maskcast.io.storage import Readable
from maskcast.project.folder import ProjectFolder
from maskcast.project.references import ReferencePictures
from maskcast.results.result_files import ResultFiles, file_behind
from maskcast.runs.copies import opened_ledger
from maskcast.runs.crumbs import areas_in, without_crumbs
from maskcast.runs.cuts import Cuts, recut
from maskcast.runs.fingerprint import SMALLEST
from maskcast.runs.kept_planes import planes_path, read_calibration, read_planes
from maskcast.runs.ledger import Ledger
from maskcast.runs.ledger_rows import TargetRow
from maskcast.runs.outputs import read_id_mask
from maskcast.types import Mask, RgbImage, Segmentation
from maskcast.ui.turns import Turns
from maskcast.ui.web.fence import Fence
from maskcast.ui.web.shown_layers import encode_layers

THUMBNAIL_SIDE: Final = 320
_LARGE_SIDE: Final = 4096
_KEPT_BYTES: Final = 48_000_000


def shown_run(ledger: Ledger) -> str:
    """Tells the results of a run from those of every other, and of another generation."""
    return f"{ledger.run_id} {ledger.generation}"


def shown_as(row: TargetRow, run: str) -> str:
    """A part of the addresses of a target's pictures: another one once they show something else.

    Args:
        row: the target.
        run: as ``shown_run`` tells.
    """
    return sha256(f"{run} {row}".encode("utf-8", "backslashreplace")).hexdigest()[:12]


class TargetPictures:
    """JPEGs of targets and overlays; safe to use from any thread.

    A target that is a link to somewhere outside of the targets folder is not shown, nor is its
    overlay, which holds its pixels.
    """

    def __init__(self, project: ProjectFolder, turns: Turns) -> None:
        """Nothing is read yet; decoding waits for its turn."""
        self._project = project
        self._files = ResultFiles(project.output_place)
        self._kept: LRUCache[object, bytes] = LRUCache(_KEPT_BYTES, getsizeof=len)
        self._lock = threading.Lock()
        self._turns = turns
        self._references = ReferencePictures(project)

    def overlay(self, image_id: str) -> bytes | None:
        """The overlay of a target that is done, a JPEG; None if there is none to be shown.

        Raises:
            ImageError: if it cannot be read, as when its shard is missing.
        """
        row = self._row(image_id)
        found = None if row is None else self._overlay(row)
        try:
            return None if found is None else found.read_bytes()
        except FileNotFoundError as error:
            raise ImageError(f"{found} is missing; put it back, or run with --fresh") from error
        except OSError as error:
            raise ImageError(f"{found} cannot be read ({error.strerror or error})") from error

    def layers(self, image_id: str, cuts: Cuts | None = None) -> dict[str, Any] | None:
        """What was found on a target that is done, see ``encode_layers``; None if there is none.

        Args:
            image_id: of the target.
            cuts: what would be found by another choice; None = what was found.

        Raises:
            ImageError: if a mask cannot be read, as when its shard is missing.
            RunError: if there is to be another choice, and no planes of the target are kept.
        """
        row = self._row(image_id)
        if row is None or row.state != "done" or row.size is None:
            return None
        with self._turns.take(row.size[0] * row.size[1]):
            if cuts is not None:
                return encode_layers(self._cut(row, cuts))
            masks = {found.object_id: self._mask(row, found.object_id) for found in row.objects}
            shown = {key: mask for key, mask in masks.items() if mask is not None}
            return encode_layers(shown)

    def _cut(self, row: TargetRow, cuts: Cuts) -> dict[int, Mask]:
        output = self._project.output_folder
        path, calibration = planes_path(output, row.name), read_calibration(output)
        if calibration is None or (path.exists() and not Fence(output).admits(path)):
            raise RunError("no probabilities are kept of this target")
        kept = read_planes(path)
        with opened_ledger(self._project) as ledger:
            least = areas_in(None if ledger is None else ledger.fingerprint.get(SMALLEST))
        found = recut(kept.planes, kept.own, calibration, cuts)
        found = without_crumbs(found, cuts.without_chosen(least))
        return dict(zip(found.object_ids.tolist(), found.masks, strict=True))

    def _mask(self, row: TargetRow, object_id: int) -> Mask | None:
        """A mask of a target; None if it is a link out of the project."""
        found = self._files.id_mask(row, object_id)
        file = file_behind(found)
        fence = Fence(self._project.output_folder)
        if file is not None and file.exists() and not fence.admits(file):
            return None
        return read_id_mask(found)

    def thumbnail(self, image_id: str) -> bytes | None:
        """A small JPEG of the overlay, else of the target; None if there is nothing to be shown."""
        row = self._row(image_id)
        if row is None:
            return None
        small = THUMBNAIL_SIDE
        return self._encoded(self._overlay(row), row, small) or self._encoded(
            self._target(row), row, small
        )

    def original(self, image_id: str) -> bytes | None:
        """The target as a JPEG of at most 4096 pixels a side; None if it cannot be shown."""
        row = self._row(image_id)
        return None if row is None else self._encoded(self._target(row), row, _LARGE_SIDE)

    def blind(self, image_id: str) -> bytes | None:
        """The overlay without scores, as a JPEG of at most 4096 pixels a side; None as above.

        Raises:
            ImageError: if the target or a mask cannot be read.
        """
        row = self._row(image_id)
        target = None if row is None else self._target(row)
        if row is None or target is None or row.state != "done" or row.size is None:
            return None
        height, width = row.size
        options, window = self._project.settings.images.read_options, self._references.window()
        with self._turns.take(height * width):
            image = read_image(target, window=window, options=options).rgb
            if image.shape[:2] != row.size:
                raise ImageError(f"{target} is another picture now than when it was masked")
            masks = {found.object_id: self._mask(row, found.object_id) for found in row.objects}
            shown = {key: mask for key, mask in masks.items() if mask is not None}
            found = Segmentation(
                np.array(list(shown), np.int32),
                np.array(list(shown.values()), np.bool_).reshape(-1, height, width),
                np.zeros(len(shown), np.float32),
            )
            specs = self._project.object_specs(shown)
            drawn = draw_overlay(image, found, specs, tells_scores=False)
            return encode_jpeg(_fitted(drawn, _LARGE_SIDE), quality=85)

    def _row(self, image_id: str) -> TargetRow | None:
        """What the ledger says of a target; None if there is none of it to be shown."""
        with opened_ledger(self._project) as ledger:
            row = None if ledger is None else ledger.row(image_id)
        if row is None:
            return None
        targets = self._project.targets_folder
        return row if Fence(targets).encloses(targets / row.image_id) else None

    def _overlay(self, row: TargetRow) -> Readable | None:
        if row.state != "done":
            return None
        found = self._files.overlay(row)
        file = file_behind(found)
        if file is None or not file.exists():  # reading it will tell
            return found
        return found if Fence(self._project.output_folder).admits(file) else None

    def _target(self, row: TargetRow) -> Path | None:
        path = self._project.targets_folder / row.image_id
        return path if path.is_file() else None

    def _encoded(self, picture: Readable | None, row: TargetRow, side: int) -> bytes | None:
        if picture is None:
            return None
        key = str(picture), stamp_of(file_behind(picture)), side
        with self._lock:
            found = self._kept.get(key)
        if found is None:
            try:
                found = self._encode(picture, row, side)
            except MaskcastError:
                return None
            with self._lock, suppress(ValueError):  # larger than all that is kept
                self._kept[key] = found
        return found

    def _encode(self, picture: Readable, row: TargetRow, side: int) -> bytes:
        options = self._project.settings.images.read_options
        height, width = row.size or (1, options.max_pixels)
        pixels = pixels_in(picture, options) if isinstance(picture, Path) else height * width
        with self._turns.take(pixels):
            image = read_image(picture, window=self._references.window(), options=options).rgb
            return encode_jpeg(_fitted(image, side), quality=85)


def _fitted(image: RgbImage, side: int) -> RgbImage:
    height, width = image.shape[:2]
    scale = side / max(height, width)
    if scale >= 1:
        return image
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
