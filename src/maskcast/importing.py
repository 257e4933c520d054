"""Bringing annotations made elsewhere into a project."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from maskcast.annotations import read_annotations, with_masks, write_annotations
from maskcast.errors import SettingsError
from maskcast.formats.masks_png import read_masks
from maskcast.images import measure_window, read_image
from maskcast.project import Project
from maskcast.targets import find_images


@dataclass(frozen=True)
class ImportSummary:
    """What an import came to.

    Attributes:
        annotated: references that show an object.
        clean: references that show none.
        object_ids: ids seen, ascending.
        left_out: images in the references folder without a label map.
    """

    annotated: int
    clean: int
    object_ids: tuple[int, ...]
    left_out: int

    def describe(self) -> str:
        """One sentence for a person."""
        ids = ", ".join(str(object_id) for object_id in self.object_ids) or "none"
        sentence = (
            f"imported {self.annotated} annotated and {self.clean} clean references; "
            f"object ids: {ids}"
        )
        return sentence + (
            f"; {self.left_out} images in the references folder have no label map and are left out"
            if self.left_out
            else ""
        )


def import_masks(project: Project, source: Path, *, replace: bool = False) -> ImportSummary:
    """Annotate references with the label maps in ``source``; see ``formats.masks_png``.

    Importing the same twice changes nothing.

    Args:
        project: its references folder holds the images.
        source: folder of PNG label maps.
        replace: overwrite annotations that differ; the file before is kept as ``.bak``.

    Raises:
        SettingsError: if the references folder does not exist.
        AnnotationError: if a label map does not fit; the project is untouched.
        ImageError: if a reference cannot be read.
    """
    folder = project.references_folder
    if not folder.is_dir():
        raise SettingsError(
            f"the references folder {folder} does not exist; put the images there "
            "or give --references"
        )
    images = {target.image_id: target.path for target in find_images(folder).targets}
    masks = read_masks(source, list(images))
    window = measure_window(
        [images[image_id] for image_id in masks], project.settings.images.max_pixels
    )
    sizes = {}
    for image_id in masks:
        image = read_image(
            images[image_id], window=window, max_pixels=project.settings.images.max_pixels
        ).rgb
        sizes[image_id] = (image.shape[0], image.shape[1])
    before = read_annotations(project.annotations_path)
    after = with_masks(before, masks, sizes, replace)
    if after != before:
        write_annotations(project.annotations_path, after)
    shown = [one for one in masks.values() if one]
    return ImportSummary(
        len(shown),
        len(masks) - len(shown),
        tuple(sorted({key for one in shown for key in one})),
        len(images) - len(masks),
    )
