"""Bringing annotations made elsewhere into a project: what fits is taken, the rest is said."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from maskcast.errors import AnnotationError, SettingsError
from maskcast.interchange.annotating import Annotator, ClassKey
from maskcast.interchange.class_ids import ObjectNames
from maskcast.interchange.import_summary import ImportSummary
from maskcast.interchange.merging import Conflict, differing_objects, with_annotations
from maskcast.interchange.reading.entries import ClassMeaning, ReadingOptions, Source
from maskcast.interchange.reading.joining import ReadImage, measured, read_images
from maskcast.interchange.reading.left_out import Kind, LeftOut, MisfitError
from maskcast.interchange.reading.matching import NamedPictures
from maskcast.interchange.reading.readers import load_reader
from maskcast.interchange.taking import PictureFolder, spread
from maskcast.io.listing import find_images
from maskcast.project.annotations import Annotation, AnnotationFile
from maskcast.project.folder import ProjectFolder
from maskcast.project.store import AnnotationStore
from maskcast.types import MAX_OBJECT_ID, ObjectSpec

Progress = Callable[[str, int, int | None], None]
"""Told what is being done, and how much of how much is done; None where nobody knows yet."""

_EXPLICITLY_CLEAN = frozenset({"masks"})
"""Formats in which a picture without objects can only be meant so."""

_MOST_NAMED = 5


@dataclass(frozen=True)
class ImportOptions:
    """How an import is done.

    Attributes:
        classes: what classes are, by name: an object id, ``unknown`` or ``background``. Others go
            by the names the project has, then by names such as ``object 3``, then get ids that
            nothing has yet, in the order of the source. Names of ids that had none are kept. Of
            label maps, colours (``#ff0000``) and values (``128``) have meanings too.
        conflict: what to do about references that are annotated differently already; the file
            before is kept as ``annotations.json.bak``.
        strict: whether anything that does not fit is an error.
        clean: whether a source without a single object is meant: all its images are clean.
        instances: whether every value above 0 of a label map is the same object.
        take_images: a folder from which the pictures that the source tells of are copied into the
            references folder; None takes none.
        take: how many of the source's pictures become references at most, spread over the classes;
            None takes all.

    Raises:
        SettingsError: if ``take`` is not above 0 or there is no folder to take from.
    """

    classes: Mapping[str, ClassMeaning] = field(default_factory=dict)
    conflict: Conflict = "refuse"
    strict: bool = False
    clean: bool = False
    instances: bool = False
    take_images: Path | None = None
    take: int | None = None

    def __post_init__(self) -> None:
        if self.take is not None and (self.take < 1 or self.take_images is None):
            raise SettingsError(
                f"take: expected a number above 0 beside --take-images, got {self.take}"
            )


def import_annotations(
    project: ProjectFolder,
    format_name: str,
    source: Path,
    options: ImportOptions | None = None,
    progress: Progress = lambda _stage, _done, _total: None,
) -> ImportSummary:
    """Annotate references with what another tool wrote.

    Masks are kept exactly. A single box, and points, become prompts, which the engine resolves
    when references are loaded; boxes beside other instances of the same object are resolved by
    the project's engine now, because an object has one mask. Importing the same twice changes
    nothing, and then nothing is written.

    Args:
        project: its references folder holds the images.
        format_name: one of ``readers.READ_FORMATS``.
        source: file or folder, as the format's reader says.
        options: see ``ImportOptions``.
        progress: told what is done.

    Raises:
        SettingsError: if there is no such format or no references folder.
        AnnotationError: if nothing fits, or anything does not and the import is strict, or
            references are annotated differently; the project is untouched.
        StorageError: if the disk is full, the folder cannot be written, or another program keeps
            the annotation file.
        ImageError: if a reference cannot be read that an engine must see.
        EngineError: if boxes or points must be resolved and the engine cannot.
    """
    options = options or ImportOptions()
    work = _Import(project, format_name, source, options, progress)
    return work.run()


class _Import:
    """The steps of one import."""

    def __init__(
        self,
        project: ProjectFolder,
        format_name: str,
        source: Path,
        options: ImportOptions,
        progress: Progress,
    ) -> None:
        self._reader = load_reader(format_name)
        self._project = project
        self._format = format_name
        self._source = source
        self._options = options
        self._progress = progress
        self._left_out = LeftOut(strict=options.strict)
        _check_source(source)
        folder = project.references_folder
        self._references = _references(folder, may_be_missing=options.take_images is not None)
        self._folder = PictureFolder(options.take_images, self._references)
        self._pictures = NamedPictures(self._folder.paths, project.settings.images.read_options)
        self._names = ObjectNames(project, options.classes, source)
        self._meanings = dict(options.classes)

    def run(self) -> ImportSummary:
        opened = self._open()
        found = self._distinct(self._read(opened))
        reserved = self._names.reserved(_labels(found))
        self._meanings |= reserved
        images = self._chosen(found)
        self._check_found(images)
        ids = self._names.assign(self._classes(images), opened.labels)
        annotations, joined = self._annotated(images, ids)
        if not annotations:
            raise self._nothing()
        taken = self._take(annotations)
        written = self._write(annotations)
        shown = [annotation for annotation in annotations if annotation.objects]
        imported = {annotation.image_id for annotation in annotations}
        return ImportSummary(
            annotated=len(shown),
            clean=len(annotations) - len(shown),
            object_ids=tuple(sorted({key for known in shown for key in known.objects})),
            left_out=self._left_out.tallies(),
            notes=(*opened.notes, *map(_reserved_note, reserved.items()), *self._pictures.notes()),
            without=len(self._references.keys() - imported),
            changed=written.changed,
            taken=taken,
            new_names={spec.name: spec.object_id for spec in self._names.new_specs},
            joined=joined,
            kept=written.kept,
            unknown=sum(annotation.unknown is not None for annotation in annotations),
            misspelt=self._names.misspelt([*opened.labels, *_labels(images)]),
            backup=written.backup,
        )

    def _open(self) -> Source:
        reading = ReadingOptions(
            self._options.classes, self._options.instances, self._names.knows(MAX_OBJECT_ID)
        )
        return self._reader(self._source, reading, self._left_out)

    def _read(self, opened: Source) -> Iterable[ReadImage]:
        takes_some = self._options.take is not None
        return read_images(
            opened,
            self._pictures,
            self._left_out,
            trusts_sizes=lambda image_id: takes_some and self._folder.is_new(image_id),
            progress=lambda done, total: self._progress("reading annotations", done, total),
        )

    def _distinct(self, images: Iterable[ReadImage]) -> list[ReadImage]:
        """One image for each picture: of several the one whose name fits best, or none."""
        found: dict[str, ReadImage] = {}
        disputed: set[str] = set()
        for image in images:
            known = found.get(image.image_id)
            if known is None or known.distance > image.distance:
                found[image.image_id] = image
                disputed.discard(image.image_id)
            if known is None:
                continue
            if known.distance != image.distance:
                self._left_out.add(self._twice(Kind.SECOND, image))
            elif not known.same_as(image):
                disputed.add(image.image_id)
                self._left_out.add(self._twice(Kind.TWICE, image))
        return [image for image in found.values() if image.image_id not in disputed]

    def _twice(self, kind: Kind, image: ReadImage) -> MisfitError:
        sentence = f"{self._source} annotates {image.image_id} twice; keep one of the two entries"
        return MisfitError(kind, f"{image.image_id} ({image.place})", sentence)

    def _chosen(self, images: Sequence[ReadImage]) -> list[ReadImage]:
        """The images that become references, all measured."""
        fitting = [image for image in images if self._fits(image)]
        wanted = self._options.take
        if wanted is None:
            return fitting
        by_id = {image.image_id: image for image in fitting}
        chosen = [image for image in fitting if not self._folder.is_new(image.image_id)]
        shown = {key: set(self._classes([image])) for key, image in by_id.items()}
        for image_id in spread(shown, [image.image_id for image in chosen]):
            if len(chosen) >= wanted:
                break
            image = by_id[image_id]
            if not image.is_measured and not self._left_out.tried(
                lambda: measured(image, self._pictures)  # noqa: B023
            ):
                continue
            chosen.append(image)
        return sorted(chosen, key=lambda image: image.image_id)

    def _fits(self, image: ReadImage) -> bool:
        """Whether the reference of the image's name, if there is one, is the same picture."""
        try:
            self._folder.check(image.image_id)
        except MisfitError as misfit:
            self._left_out.add(misfit)
            return False
        return True

    def _classes(self, images: Iterable[ReadImage]) -> list[ClassKey]:
        """The classes on the images that are objects."""
        return [
            (found.label, found.object_id)
            for image in images
            for found in image.objects
            if self._meanings.get(found.label) not in ("unknown", "background")
        ]

    def _check_found(self, images: Sequence[ReadImage]) -> None:
        if not images:
            raise self._nothing()
        is_meant = self._options.clean or self._format in _EXPLICITLY_CLEAN
        if not is_meant and not any(map(self._shows_anything, images)):
            told = self._told()
            raise AnnotationError(
                f"{self._source} shows no object on {_images(len(images))}; if nothing is there, "
                "say so with --clean, and each becomes a clean reference"
                + (f" (left out: {told})" if told else "")
            )

    def _shows_anything(self, image: ReadImage) -> bool:
        meanings = (self._meanings.get(found.label) for found in image.objects)
        return image.unknown is not None or any(known != "background" for known in meanings)

    def _nothing(self) -> AnnotationError:
        """The error that nothing of the source fits."""
        told = self._told() or "it tells of no image"
        return AnnotationError(f"nothing of {self._source} can be imported: {told}")

    def _told(self) -> str:
        """What was left out so far, in a sentence; empty if nothing was."""
        reasons = [
            tally.sentence if tally.count == 1 else tally.describe()
            for tally in self._left_out.tallies()
            if tally.kind is not Kind.NOTHING_LEFT
        ]
        return "; ".join(reasons[:_MOST_NAMED])

    def _annotated(
        self, images: Sequence[ReadImage], ids: Mapping[ClassKey, int]
    ) -> tuple[list[Annotation], int]:
        annotator = Annotator(self._project, ids, self._meanings, self._left_out)
        annotations = []
        try:
            for number, image in enumerate(images):
                self._progress("annotating references", number, len(images))
                annotation = annotator.annotation(image)
                if annotation is not None:
                    annotations.append(annotation)
        finally:
            annotator.close()
        return annotations, annotator.joined

    def _take(self, annotations: Sequence[Annotation]) -> int:
        """Copy the pictures that are no references yet, once nothing stands against it."""
        store = AnnotationStore(self._project.annotations_path)
        with_annotations(store.read(), annotations, self._options.conflict)
        image_ids = [annotation.image_id for annotation in annotations]
        return self._folder.take(image_ids, self._project.references_folder)

    def _write(self, annotations: Sequence[Annotation]) -> _Written:
        """Add to the annotation file."""
        conflict, new_specs = self._options.conflict, self._names.new_specs

        def added(before: AnnotationFile) -> AnnotationFile:
            merged = with_annotations(before, annotations, conflict)
            return _with_specs(merged, new_specs) if new_specs else merged

        store = AnnotationStore(self._project.annotations_path)
        update = store.update(added, keep=conflict == "replace")
        changed = sum(
            update.before.annotations.get(image_id) != annotation
            for image_id, annotation in update.after.annotations.items()
        )
        kept = differing_objects(update.before, annotations) if conflict == "merge" else 0
        return _Written(changed, kept, update.backup)


@dataclass(frozen=True)
class _Written:
    changed: int
    kept: int
    backup: Path | None


def _with_specs(file: AnnotationFile, new_specs: Iterable[ObjectSpec]) -> AnnotationFile:
    specs = {spec.object_id: spec for spec in (*new_specs, *file.objects)}
    return AnnotationFile(tuple(specs[key] for key in sorted(specs)), file.annotations)


def _check_source(source: Path) -> None:
    if not source.exists():
        raise AnnotationError(f"{source} does not exist; correct the path")
    if source.suffix.lower() in {".zip", ".tar", ".gz", ".tgz", ".7z", ".rar"} and source.is_file():
        raise AnnotationError(f"{source} is an archive; unpack it and give the folder")


def _references(folder: Path, *, may_be_missing: bool) -> dict[str, Path]:
    if not folder.is_dir():
        if may_be_missing:
            return {}
        raise SettingsError(
            f"the references folder {folder} does not exist; put the images there, give "
            "--references, or take them from another folder with --take-images"
        )
    return {target.image_id: target.path for target in find_images(folder).targets}


def _labels(images: Iterable[ReadImage]) -> list[str]:
    return [found.label for image in images for found in image.objects]


def _reserved_note(reserved: tuple[str, ClassMeaning]) -> str:
    label, meaning = reserved
    return (
        f"what is called {label!r} counts as {meaning}; if it is an object, say so with --classes "
        f"{label}=ID"
    )


def _images(count: int) -> str:
    return "its image" if count == 1 else f"any of its {count} images"
