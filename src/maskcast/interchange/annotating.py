"""Pictures as they were read become annotations of references."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from maskcast.engines.base import Engine
from maskcast.interchange.reading.areas import Area
from maskcast.interchange.reading.entries import ClassMeaning
from maskcast.interchange.reading.joining import ReadImage, ReadObject
from maskcast.interchange.reading.left_out import Kind, LeftOut, MisfitError
from maskcast.interchange.reading.shapes import Size
from maskcast.masks import RunLengths
from maskcast.project.annotations import Annotation, ObjectAnnotation, StoredMask
from maskcast.project.folder import ProjectFolder
from maskcast.project.references import ReferencePictures
from maskcast.types import Prompts

ClassKey = tuple[str, int | None]
"""Label and id of a class, as its format has them."""


class Annotator:
    """Turns images into annotations; starts the engine only if it is needed."""

    def __init__(
        self,
        project: ProjectFolder,
        ids: Mapping[ClassKey, int],
        classes: Mapping[str, ClassMeaning],
        left_out: LeftOut,
    ) -> None:
        """Annotate references of ``project``.

        Args:
            project: its engine resolves what only an engine can.
            ids: object id of each class.
            classes: what the person said of classes; some may be unknown or background.
            left_out: takes what comes to nothing.
        """
        self._project = project
        self._ids = ids
        self._classes = classes
        self._left_out = left_out
        self._pictures = ReferencePictures(project)
        self._engine: Engine | None = None
        self.joined = 0

    def close(self) -> None:
        """Release the engine."""
        if self._engine is not None:
            self._engine.close()

    def annotation(self, image: ReadImage) -> Annotation | None:
        """The annotation of an image; one on which nothing is becomes clean.

        Returns:
            None if something is on it that could not be resolved to a pixel, which is counted.
        """
        groups: dict[int, list[ReadObject]] = defaultdict(list)
        unknown = [] if image.unknown is None else [image.unknown]
        for found in image.objects:
            meaning = self._classes.get(found.label)
            if meaning == "unknown":
                unknown.append(_whole_area(found, image.size))
            elif meaning != "background":
                groups[self._ids[found.label, found.object_id]].append(found)
        objects = {}
        for object_id, group in sorted(groups.items()):
            entry = self._object(object_id, group, image)
            if entry is not None:
                objects[object_id] = entry
        if groups and not objects:
            return None
        return Annotation(
            image.image_id,
            *image.size,
            clean=not objects,
            objects=objects,
            unknown=_stored(Area.joined(unknown, image.size)),
        )

    def _object(
        self, object_id: int, group: Sequence[ReadObject], image: ReadImage
    ) -> ObjectAnnotation | None:
        self.joined += sum(found.instances for found in group) - 1
        areas = [found.area for found in group if found.area is not None]
        prompts = [prompt for found in group for prompt in found.prompts]
        if not areas and (prompt := _single_prompt(prompts)) is not None:
            return ObjectAnnotation(prompt)
        areas += self._resolved(object_id, prompts, image.image_id)
        stored = _stored(Area.joined(areas, image.size))
        if stored is None:
            sentence = f"{image.place}: the engine finds no pixel of object {object_id}"
            self._left_out.add(MisfitError(Kind.EMPTY, f"{image.image_id}, {object_id}", sentence))
            return None
        return ObjectAnnotation(Prompts(), stored)

    def _resolved(self, object_id: int, prompts: Sequence[Prompts], image_id: str) -> list[Area]:
        if not prompts:
            return []
        if self._engine is None:
            self._engine = self._project.create_engine()
        rgb = self._pictures.read(image_id).rgb
        answers = (self._engine.segment(rgb, {object_id: prompt}) for prompt in prompts)
        return [Area.of_mask(answer[object_id]) for answer in answers]


def _stored(area: Area) -> StoredMask | None:
    """What the annotation file holds of an area; None if it is empty."""
    if area.is_empty:
        return None
    return StoredMask(RunLengths.of_runs(area.starts, area.ends, area.size))


def _whole_area(found: ReadObject, size: Size) -> Area:
    """The pixels of an object, and all those in its boxes."""
    areas = [] if found.area is None else [found.area]
    for prompt in found.prompts:
        if prompt.box is not None:
            xmin, ymin = np.floor(prompt.box[:2]).astype(int).tolist()
            xmax, ymax = np.ceil(prompt.box[2:]).astype(int).tolist()
            inside = np.ones((ymax - ymin, xmax - xmin), np.bool_)
            areas.append(Area.of_patch(inside, (xmin, ymin), size))
    return Area.joined(areas, size)


def _single_prompt(prompts: Sequence[Prompts]) -> Prompts | None:
    """All prompts as those of one thing: points, and at most one box, round them; else None."""
    boxes = [prompt.box for prompt in prompts if prompt.box is not None]
    points = np.concatenate([prompt.points for prompt in prompts])
    labels = np.concatenate([prompt.point_labels for prompt in prompts])
    if not boxes:
        return Prompts(None, points, labels)
    inside = (points >= boxes[0][:2]) & (points <= boxes[0][2:])
    return Prompts(boxes[0], points, labels) if len(boxes) == 1 and inside.all() else None
