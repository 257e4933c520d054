"""Bringing annotations made elsewhere into a project."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from filelock import FileLock, Timeout

from maskcast.engines.base import Engine
from maskcast.errors import AnnotationError, SettingsError
from maskcast.interchange.class_ids import ObjectNames
from maskcast.interchange.formats import load_reader
from maskcast.interchange.formats.pictures import ReferencePictures
from maskcast.interchange.formats.records import LabeledImage, LabeledObject, count
from maskcast.interchange.merging import Conflict, differing_objects, with_annotations
from maskcast.io.atomic import raise_if_storage
from maskcast.io.images import measure_window, read_image
from maskcast.io.listing import find_images
from maskcast.io.printable import printable
from maskcast.project.annotations import (
    Annotation,
    AnnotationFile,
    ObjectAnnotation,
    backup_path,
    read_annotations,
    write_annotations,
)
from maskcast.project.folder import ProjectFolder
from maskcast.types import Mask, ObjectSpec, Prompts, RgbImage

# The labelers hold this lock while they save.
_LOCK_NAME = ".annotations.lock"
_LOCK_SECONDS = 10
_MOST_NAMED = 5


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
        empty: objects without a pixel, which were left out.
        unknown: names in the table of classes that no imported class has.
        backup: where the annotations before are kept; None if there were none or nothing changed.
    """

    annotated: int
    clean: int
    object_ids: tuple[int, ...]
    left_out: int
    changed: int = 0
    new_names: Mapping[str, int] = field(default_factory=dict)
    joined: int = 0
    kept: int = 0
    empty: int = 0
    unknown: tuple[str, ...] = ()
    backup: Path | None = None

    def describe(self) -> str:
        """A few lines for a person."""
        ids = ", ".join(str(object_id) for object_id in self.object_ids) or "none"
        counts = f"{self.annotated} annotated and {self.clean} clean references"
        lines = [f"imported {counts}; object ids: {ids}"]
        if not self.changed and not self.new_names:
            lines.append("all of it was there already; nothing changed")
        lines += [f"{name} is object {key} from now on" for name, key in self.new_names.items()]
        if self.joined:
            lines.append(
                f"{count(self.joined, 'instance')} joined: an object id has one mask on an image"
            )
        if self.kept:
            lines.append(f"{count(self.kept, 'object')} there already with another mask, and kept")
        if self.empty:
            lines.append(f"{count(self.empty, 'object')} without a pixel left out")
        if self.left_out:
            lines.append(
                f"{count(self.left_out, 'image')} in the references folder left out: "
                "no annotations are there for them"
            )
        if self.unknown:
            names = ", ".join(map(repr, self.unknown[:_MOST_NAMED]))
            names += " ..." if len(self.unknown) > _MOST_NAMED else ""
            lines.append(f"no imported class is called {names}, as --classes says")
        if self.backup is not None:
            lines.append(f"the annotations before are kept in {self.backup}")
        return "\n".join(map(printable, lines))


def import_annotations(
    project: ProjectFolder,
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
            such as ``object 3``, then get ids that nothing has yet, in the order of the source.
            Names of ids that had none are kept.
        conflict: what to do about references that are annotated differently already; the file
            before is kept as ``annotations.json.bak``. Importing the same twice changes nothing.

    Raises:
        SettingsError: if there is no such format or no references folder.
        AnnotationError: if something does not fit, or a labeler is saving all the time; the
            project is untouched.
        StorageError: if the disk is full or the folder cannot be written.
        ImageError: if a reference cannot be read.
        EngineError: if boxes or points must be resolved and the engine cannot.
    """
    read = load_reader(format_name)
    folder = project.references_folder
    if not folder.is_dir():
        raise SettingsError(
            f"the references folder {folder} does not exist; put the images there "
            "or give --references"
        )
    if not source.exists():
        raise AnnotationError(f"{source} does not exist; correct the path")
    paths = {target.image_id: target.path for target in find_images(folder).targets}
    pictures = ReferencePictures(paths, project.settings.images.read_options)
    labeled = read(source, pictures)
    images = _distinct(labeled.images, source)
    names = ObjectNames(project, classes or {}, source)
    ids = names.assign(images, labeled.labels)
    annotate = _Annotator(project, [paths[image.image_id] for image in images])
    try:
        imported = [annotate.annotation(image, ids, paths[image.image_id]) for image in images]
    finally:
        annotate.close()
    written = _write(project.annotations_path, imported, names.new_specs, conflict)
    shown = [one for one in imported if one.objects]
    return ImportSummary(
        annotated=len(shown),
        clean=len(imported) - len(shown),
        object_ids=tuple(sorted({key for one in shown for key in one.objects})),
        left_out=len(paths) - len(imported),
        changed=written.changed,
        new_names={spec.name: spec.object_id for spec in names.new_specs},
        joined=annotate.joined,
        kept=written.kept,
        empty=annotate.empty,
        unknown=names.unknown([*labeled.labels, *(label for label, _ in ids)]),
        backup=written.backup,
    )


def _distinct(images: Iterable[LabeledImage], source: Path) -> list[LabeledImage]:
    found: dict[str, LabeledImage] = {}
    for image in images:
        if image.image_id in found:
            raise AnnotationError(
                f"{source} annotates {image.image_id} twice; keep one of the two entries"
            )
        found[image.image_id] = image
    return list(found.values())


class _Annotator:
    """Turns labeled images into annotations; starts the engine only if it is needed."""

    def __init__(self, project: ProjectFolder, paths: Sequence[Path]) -> None:
        self._project = project
        self._paths = paths
        self._engine: Engine | None = None
        self.joined = self.empty = 0

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
            instances[ids[one.label, one.object_id]].append(one)
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
        if not masks and (prompt := _one_prompt(prompts)) is not None:
            return ObjectAnnotation(prompt)
        masks += self._resolved(object_id, prompts, path)
        mask = np.logical_or.reduce(masks)
        self.empty += not mask.any()
        return ObjectAnnotation(Prompts(), mask) if mask.any() else None

    def _resolved(self, object_id: int, prompts: Sequence[Prompts], path: Path) -> list[Mask]:
        if not prompts:
            return []
        if self._engine is None:
            self._engine = self._project.create_engine()
        image = self._read(path)
        return [self._engine.segment(image, {object_id: one})[object_id] for one in prompts]

    def _read(self, path: Path) -> RgbImage:
        options = self._project.settings.images.read_options
        window = self._project.settings.images.intensity_window
        window = window or measure_window(self._paths, options)
        return read_image(path, window=window, options=options).rgb


def _one_prompt(prompts: Sequence[Prompts]) -> Prompts | None:
    """All prompts as those of one thing: points, and at most one box, round them; else None."""
    boxes = [one.box for one in prompts if one.box is not None]
    points = np.concatenate([one.points for one in prompts])
    labels = np.concatenate([one.point_labels for one in prompts])
    if not boxes:
        return Prompts(None, points, labels)
    inside = (points >= boxes[0][:2]) & (points <= boxes[0][2:])
    return Prompts(boxes[0], points, labels) if len(boxes) == 1 and inside.all() else None


@dataclass(frozen=True)
class _Written:
    changed: int
    kept: int
    backup: Path | None


def _write(
    path: Path, imported: Sequence[Annotation], new_specs: Sequence[ObjectSpec], conflict: Conflict
) -> _Written:
    """Add to the annotation file."""
    try:
        with FileLock(path.parent / _LOCK_NAME, timeout=_LOCK_SECONDS):
            before = read_annotations(path)
            merged = with_annotations(before, imported, conflict)
            specs = {spec.object_id: spec for spec in (*new_specs, *before.objects)}
            after = AnnotationFile(tuple(specs[key] for key in sorted(specs)), merged.annotations)
            after = after if new_specs else merged
            existed = after != before and path.exists()
            if existed and conflict == "replace":
                _keep_backup(path)
            if after != before:
                write_annotations(path, after)
    except Timeout as error:
        raise AnnotationError(
            f"{path} is being saved by a labeler all the time; import again when it is idle"
        ) from error
    except OSError as error:
        raise_if_storage(error, path.parent)
        raise AnnotationError(f"{path} cannot be written ({error}); correct that") from error
    changed = sum(
        before.annotations.get(image_id) != annotation
        for image_id, annotation in merged.annotations.items()
    )
    kept = differing_objects(before, imported) if conflict == "merge" else 0
    return _Written(changed, kept, backup_path(path) if existed else None)


def _keep_backup(path: Path) -> None:
    """Move a backup that is there to a name of its own, since it will be written anew."""
    backup = backup_path(path)
    if backup.exists():
        numbers = itertools.count(1)
        backup.rename(next(other for n in numbers if not (other := Path(f"{backup}.{n}")).exists()))
