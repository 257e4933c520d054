"""The results of a run, target by target, as arrays; read from the ledger and the binary masks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from maskcast.errors import ExportError, ImageError, RunError
from maskcast.io.images import IntensityWindow, read_image
from maskcast.io.read_options import DEFAULT_OPTIONS, ReadOptions
from maskcast.io.storage import Place, Readable
from maskcast.masks import compose_label_map
from maskcast.project.folder import ProjectFolder
from maskcast.results.instances import Instances, check_instances, split_instances
from maskcast.results.result_files import ResultFiles
from maskcast.runs.copies import opened_ledger
from maskcast.runs.fingerprint import seen_window
from maskcast.runs.ledger_rows import FoundObject, TargetRow, known_right
from maskcast.runs.outputs import read_id_mask
from maskcast.types import MAX_OBJECT_ID, LabelMap, Mask, RgbImage, Segmentation

if TYPE_CHECKING:
    from supervision import Detections


@dataclass(frozen=True)
class Result:
    """What was found in one target; masks are read from disk when asked for.

    Attributes:
        image_id: POSIX path relative to the targets folder, suffix kept.
        path: the target.
        height: of the oriented target, pixels.
        width: of the oriented target, pixels.
        found: what is known of each object, by ascending id; empty = nothing found.
        names: object id -> name.
        mask_paths: object id -> binary PNG: a path, a URL or a member of a shard.
        window: that the run saw pictures of more than 8 bits through.
        options: that pictures are read with.
        decision: what a person said of it: accepted, corrected, rejected or undecided; None if
            nobody did. Masks are what holds then: corrected ones, without what was rejected.
    """

    image_id: str
    path: Place
    height: int
    width: int
    found: tuple[FoundObject, ...]
    names: Mapping[int, str]
    mask_paths: Mapping[int, Readable]
    window: IntensityWindow | None = None
    options: ReadOptions = DEFAULT_OPTIONS
    decision: str | None = None

    def masks(self) -> dict[int, Mask]:
        """Object id -> bool (H, W), ascending; they may overlap.

        Raises:
            ImageError: if a mask cannot be read.
        """
        return {key: read_id_mask(path) for key, path in self.mask_paths.items()}

    def segmentation(self) -> Segmentation:
        """Ids int32 (K,), masks bool (K, H, W), scores and probabilities to be right float32 (K,).

        Raises:
            ImageError: if a mask cannot be read.
        """
        if not self.found:
            return Segmentation.empty(self.height, self.width)
        return Segmentation(
            np.array([seen.object_id for seen in self.found], np.int32),
            np.stack(list(self.masks().values())),
            np.array([seen.score for seen in self.found], np.float32),
            known_right([seen.right for seen in self.found]),
        )

    def label_map(self) -> LabelMap:
        """uint8 (H, W), pixel = object id; where masks overlap the smaller one is on top."""
        masks = self.masks()
        return compose_label_map(list(masks), list(masks.values()), (self.height, self.width))

    def image(self) -> RgbImage:
        """The target as the engine saw it: uint8 (H, W, 3), upright.

        Raises:
            ImageError: if it cannot be read, or has another size than it had in the run.
        """
        rgb = read_image(self.path, window=self.window, options=self.options).rgb
        if rgb.shape[:2] != (self.height, self.width):
            raise ImageError(
                f"{self.path} is {rgb.shape[1]} x {rgb.shape[0]} pixels but was {self.width} x "
                f"{self.height} in the run; restore it or run again"
            )
        return rgb

    def detections(self, instances: Instances = "components", min_area: int = 0) -> Detections:
        """The instances as ``supervision.Detections``, as an export to a format of boxes has them.

        Class id = object id, names in ``class_name``, by object id, then top to bottom. Each has a
        mask of the whole picture, bool (N, H, W), because that is what supervision expects.

        Args:
            instances: what one is; see ``instances.Instances``.
            min_area: instances of fewer pixels are left out.

        Raises:
            ExportError: if supervision is not installed, or what splits instances that touch.
            ImageError: if a mask cannot be read.
        """
        try:
            from supervision import Detections
        except ImportError as error:
            raise ExportError(
                "supervision is not installed; pip install 'maskcast[supervision]'"
            ) from error
        check_instances(instances)
        masks = self.masks()
        found = [
            (seen, cutout)
            for seen in self.found
            for cutout in split_instances(masks[seen.object_id], instances)
            if cutout.area >= min_area
        ]
        shown = np.zeros((len(found), self.height, self.width), np.bool_)
        for mask, (_, cutout) in zip(shown, found, strict=True):
            mask[cutout.place] = cutout.pixels
        return Detections(
            xyxy=np.array([cutout.box for _, cutout in found], np.float32).reshape(-1, 4),
            mask=shown,
            confidence=np.array([seen.score for seen, _ in found], np.float32),
            class_id=np.array([seen.object_id for seen, _ in found], int),
            data={"class_name": np.array([self.names[seen.object_id] for seen, _ in found], str)},
        )


def read_results(project: ProjectFolder) -> Iterator[Result]:
    """The results of all targets that are done, ascending by image id, streamed.

    A run may be writing meanwhile.

    Raises:
        RunError: if there are no results yet, or the ledger cannot be read.
    """
    specs = project.object_specs(range(1, MAX_OBJECT_ID + 1))
    names = {key: spec.name for key, spec in specs.items()}
    with opened_ledger(project) as ledger:
        if ledger is None:
            raise RunError(f"there are no results in {project.output_place} yet; run it first")
        files = ResultFiles(project.output_place)
        window = seen_window(ledger.fingerprint)
        for row in ledger.rows():
            if row.state == "done" and row.size is not None:
                yield _result(project, files, row, row.size, names, window)


def _result(
    project: ProjectFolder,
    files: ResultFiles,
    row: TargetRow,
    size: tuple[int, int],
    names: Mapping[int, str],
    window: IntensityWindow | None,
) -> Result:
    ids = [found.object_id for found in row.objects]
    return Result(
        row.image_id,
        project.targets_place / row.image_id,
        *size,
        row.objects,
        {key: names[key] for key in ids},
        {key: files.id_mask(row, key) for key in ids},
        window,
        project.settings.images.read_options,
        row.decision,
    )
