"""Bringing annotations made elsewhere into a project."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from filelock import FileLock

from maskcast.annotations import (
    Annotation,
    AnnotationFile,
    ObjectAnnotation,
    read_annotations,
    write_annotations,
)
from maskcast.engines.base import Engine
from maskcast.errors import AnnotationError, SettingsError
from maskcast.formats import load_format
from maskcast.formats.pictures import ReferencePictures
from maskcast.formats.records import LabeledImage, LabeledObject, count
from maskcast.images import measure_window, read_image
from maskcast.merging import Conflict, differing_objects, with_annotations
from maskcast.palette import default_spec
from maskcast.project import Project
from maskcast.targets import find_images
from maskcast.types import MAX_OBJECT_ID, Mask, ObjectSpec, Prompts, RgbImage

# The labelers hold this lock while they save.
_LOCK_NAME = ".annotations.lock"
_LOCK_SECONDS = 10


@dataclass(frozen=True)
class ImportSummary:
    """What an import came to.

    Attributes:
        annotated: references that show an object.
        clean: references that show none.
        object_ids: ids seen, ascending.
        left_out: images in the references folder without imported annotations.
        changed: references that were added or changed; 0 if all was there already.
        new_names: names of classes that got an object id by this import -> that id.
        joined: instances that became one mask with others of their object id.
        kept: imported objects that were there already with another mask, which was kept.
    """

    annotated: int
    clean: int
    object_ids: tuple[int, ...]
    left_out: int
    changed: int = 0
    new_names: Mapping[str, int] = field(default_factory=dict)
    joined: int = 0
    kept: int = 0

    def describe(self) -> str:
        """A few lines for a person."""
        ids = ", ".join(str(object_id) for object_id in self.object_ids) or "none"
        counts = f"{self.annotated} annotated and {self.clean} clean references"
        lines = [f"imported {counts}; object ids: {ids}"]
        if not self.changed:
            lines.append("all of it was there already; nothing changed")
        lines += [f"{name} is object {key} from now on" for name, key in self.new_names.items()]
        if self.joined:
            lines.append(
                f"{count(self.joined, 'instance')} joined: an object id has one mask on an image"
            )
        if self.kept:
            lines.append(f"{count(self.kept, 'object')} there already with another mask, and kept")
        if self.left_out:
            lines.append(
                f"{count(self.left_out, 'image')} in the references folder left out: "
                "no annotations are there for them"
            )
        return "\n".join(lines)


def import_annotations(
    project: Project,
    format_name: str,
    source: Path,
    *,
    classes: Mapping[str, int] | None = None,
    conflict: Conflict = "refuse",
) -> ImportSummary:
    """Annotate references with what another tool wrote.

    Masks are kept exactly. A single box, and points, become prompts, which the engine resolves
    when references are loaded; boxes beside other instances of the same object are resolved by
    the project's engine now, because an object has one mask.

    Args:
        project: its references folder holds the images.
        format_name: one of ``formats.FORMATS``.
        source: file or folder, as the format's reader says.
        classes: object id of class names. Others go by the names the project has, then by names
            such as ``object 3``, then get new ids in the order in which they appear.
        conflict: what to do about references that are annotated differently already; the file
            before is kept as ``.bak``. Importing the same twice changes nothing.

    Raises:
        SettingsError: if there is no such format or no references folder.
        AnnotationError: if something does not fit; the project is untouched.
        ImageError: if a reference cannot be read.
        EngineError: if boxes or points must be resolved and the engine cannot.
    """
    chosen = load_format(format_name)
    folder = project.references_folder
    if not folder.is_dir():
        raise SettingsError(
            f"the references folder {folder} does not exist; put the images there "
            "or give --references"
        )
    if not source.exists():
        raise AnnotationError(f"{source} does not exist; correct the path")
    paths = {target.image_id: target.path for target in find_images(folder).targets}
    pictures = ReferencePictures(paths, project.settings.images.max_pixels)
    labeled = chosen.read(source, pictures)
    images = _distinct(labeled.images, source)
    names = _Names(project, classes or {})
    ids = names.assign(images, labeled.labels)
    annotate = _Annotator(project, [paths[image.image_id] for image in images])
    try:
        imported = [annotate.annotation(image, ids, paths[image.image_id]) for image in images]
    finally:
        annotate.close()
    changed, kept = _write(project.annotations_path, imported, names.new_specs, conflict)
    shown = [one for one in imported if one.objects]
    return ImportSummary(
        annotated=len(shown),
        clean=len(imported) - len(shown),
        object_ids=tuple(sorted({key for one in shown for key in one.objects})),
        left_out=len(paths) - len(imported),
        changed=changed,
        new_names={spec.name: spec.object_id for spec in names.new_specs},
        joined=annotate.joined,
        kept=kept,
    )


def read_classes(texts: Sequence[str]) -> dict[str, int]:
    """The table of class names: each text is ``name=id`` or a CSV file of ``name,id`` lines.

    Raises:
        SettingsError: if a text is neither, or an id is not in 1..255.
    """
    table: dict[str, int] = {}
    for text in texts:
        rows: list[tuple[str, str]]
        if Path(text).is_file():
            with Path(text).open(encoding="utf-8-sig", newline="") as file:
                lines = [row for row in csv.reader(file) if row]
            rows = [(row[0], row[1] if len(row) == 2 else "") for row in lines]
        else:
            name, equals, number = text.rpartition("=")
            if not equals:
                raise SettingsError(
                    f"classes: {text!r} is neither name=id nor a file of name,id lines"
                )
            rows = [(name, number)]
        for name, number in rows:
            if not number.strip().isdecimal() or not 1 <= int(number) <= MAX_OBJECT_ID:
                raise SettingsError(
                    f"classes: expected an object id of 1..{MAX_OBJECT_ID} for {name!r} in {text}, "
                    f"got {number!r}"
                )
            table[name] = int(number)
    return table


def _distinct(images: Iterable[LabeledImage], source: Path) -> list[LabeledImage]:
    found: dict[str, LabeledImage] = {}
    for image in images:
        if image.image_id in found:
            raise AnnotationError(
                f"{source} annotates {image.image_id} twice; keep one of the two entries"
            )
        found[image.image_id] = image
    return list(found.values())


class _Names:
    """Object ids of class names."""

    def __init__(self, project: Project, classes: Mapping[str, int]) -> None:
        self._specs = project.object_specs(())
        self._ids = {spec.name: key for key, spec in reversed(self._specs.items())} | dict(classes)
        self._reserved = set(self._specs) | set(self._ids.values())
        self.new_specs: list[ObjectSpec] = []

    def assign(
        self, images: Sequence[LabeledImage], labels: Sequence[str]
    ) -> dict[tuple[str, int | None], int]:
        """The id of each (label, id of the format) that occurs; see ``import_annotations``."""
        objects = [one for image in images for one in image.objects]
        seen = dict.fromkeys((one.label, one.object_id) for one in objects)
        order = {label: index for index, label in enumerate(labels)}
        self._reserved |= {key for _, key in seen if key is not None}
        wanted = sorted(seen, key=lambda one: order.get(one[0], len(order)))
        return {(label, key): self._assign(label, key) for label, key in wanted}

    def _assign(self, label: str, object_id: int | None) -> int:
        if label in self._ids and label:
            return self._ids[label]
        known = object_id is not None and object_id in self._specs
        if object_id is not None and (known or label in {"", default_spec(object_id).name}):
            return object_id
        usual = {default_spec(key).name: key for key in range(1, MAX_OBJECT_ID + 1)}.get(label)
        if object_id is None and usual is not None and usual not in self._specs:
            self._reserved.add(usual)
            return usual
        if object_id is None:
            free = sorted(set(range(1, MAX_OBJECT_ID + 1)) - self._reserved)
            if not free:
                raise AnnotationError(
                    f"there is no object id left for {label!r}: {MAX_OBJECT_ID} are taken; join "
                    "classes with --classes name=id"
                )
            object_id = free[0]
        self._reserved.add(object_id)
        self._ids[label] = object_id
        self.new_specs.append(replace(default_spec(object_id), name=label))
        return object_id


class _Annotator:
    """Turns labeled images into annotations; starts the engine only if it is needed."""

    def __init__(self, project: Project, paths: Sequence[Path]) -> None:
        self._project = project
        self._paths = paths
        self._engine: Engine | None = None
        self.joined = 0

    def close(self) -> None:
        """Release the engine."""
        if self._engine is not None:
            self._engine.close()

    def annotation(
        self, image: LabeledImage, ids: Mapping[tuple[str, int | None], int], path: Path
    ) -> Annotation:
        """The annotation of one image; one without a pixel is clean."""
        instances: dict[int, list[LabeledObject]] = defaultdict(list)
        for one in image.objects:
            instances[ids[one.label, one.object_id]].append(_inside(one, image))
        objects = {
            key: entry
            for key, group in sorted(instances.items())
            if (entry := self._joined(key, group, path)) is not None
        }
        return Annotation(image.image_id, *image.size, clean=not objects, objects=objects)

    def _joined(
        self, object_id: int, group: Sequence[LabeledObject], path: Path
    ) -> ObjectAnnotation | None:
        self.joined += len(group) - 1
        masks = [one.mask for one in group if one.mask is not None]
        prompts = [one.prompts for one in group if one.mask is None]
        boxes = [one for one in prompts if one.box is not None]
        if not masks and len(boxes) < 2:
            return ObjectAnnotation(_one_prompt(prompts))
        masks += self._resolved(object_id, prompts, path)
        mask = np.logical_or.reduce(masks)
        return ObjectAnnotation(Prompts(), mask) if mask.any() else None

    def _resolved(self, object_id: int, prompts: Sequence[Prompts], path: Path) -> list[Mask]:
        if not prompts:
            return []
        if self._engine is None:
            self._engine = self._project.create_engine()
        image = self._read(path)
        return [self._engine.segment(image, {object_id: one})[object_id] for one in prompts]

    def _read(self, path: Path) -> RgbImage:
        bound = self._project.settings.images.max_pixels
        window = self._project.settings.images.intensity_window
        window = window or measure_window(self._paths, bound)
        return read_image(path, window=window, max_pixels=bound).rgb


def _one_prompt(prompts: Sequence[Prompts]) -> Prompts:
    """At most one box, and the points of all."""
    return Prompts(
        next((one.box for one in prompts if one.box is not None), None),
        np.concatenate([one.points for one in prompts]),
        np.concatenate([one.point_labels for one in prompts]),
    )


def _inside(one: LabeledObject, image: LabeledImage) -> LabeledObject:
    """The object with its box cut at the border of the image."""
    if one.prompts.box is None:
        return one
    box = np.clip(one.prompts.box, 0, [image.width, image.height] * 2).astype(np.float32)
    if box[0] >= box[2] or box[1] >= box[3]:
        raise AnnotationError(
            f"the box {one.prompts.box.tolist()} of {one.label!r} on {image.image_id} holds no "
            "pixel; correct or remove it"
        )
    return replace(one, prompts=replace(one.prompts, box=box))


def _write(
    path: Path, imported: Sequence[Annotation], new_specs: Sequence[ObjectSpec], conflict: Conflict
) -> tuple[int, int]:
    """Add to the annotation file; returns how many references changed, how many objects stayed."""
    with FileLock(path.parent / _LOCK_NAME, timeout=_LOCK_SECONDS):
        before = read_annotations(path)
        merged = with_annotations(before, imported, conflict)
        specs = {spec.object_id: spec for spec in (*new_specs, *before.objects)}
        after = (
            AnnotationFile(tuple(specs[key] for key in sorted(specs)), merged.annotations)
            if new_specs
            else merged
        )
        if after != before:
            write_annotations(path, after)
    changed = sum(
        before.annotations.get(image_id) != annotation
        for image_id, annotation in merged.annotations.items()
    )
    return changed, differing_objects(before, imported) if conflict == "merge" else 0
