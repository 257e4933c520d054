"""Results in the formats of other tools: read from the ledger, no engine, no GPU.

Targets stream from the ledger through their binary masks, which hold overlaps exactly, into the
format's writer. An export appears whole or not at all, and never in a folder that holds anything.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from maskcast.errors import ExportError, MaskcastError, SettingsError
from maskcast.interchange.destination import appearing, check_destination
from maskcast.interchange.formats import Format, load_format
from maskcast.interchange.formats.placing import Placer
from maskcast.interchange.formats.records import (
    DEFAULT_SPLIT,
    LabeledImage,
    LabeledObject,
    LabeledSet,
    WriteOptions,
    count,
)
from maskcast.interchange.formats.splits import (
    SPLIT_NAMES,
    SPLITS_FILE,
    assign_splits,
    write_splits,
)
from maskcast.io.printable import printable
from maskcast.project.annotations import read_annotations
from maskcast.project.folder import ANNOTATIONS_NAME, ProjectFolder
from maskcast.results.files import ResultFiles
from maskcast.runs.copies import opened_ledger
from maskcast.runs.ledger import Ledger, TargetRow
from maskcast.runs.outputs import read_id_mask
from maskcast.types import ObjectSpec

Only = Literal["all", "accepted"]
PictureMode = Literal["none", "copy", "link"]


@dataclass(frozen=True)
class ExportOptions:
    """What to export and how.

    Attributes:
        only: ``all`` exports every target that is done; objects below ``min_score`` are left out
            of it. ``accepted`` leaves out the whole target instead, because what is left out of
            a picture counts as background in training.
        min_score: in [0, 1].
        split: shares of train, val and test, or of train and val; None does not split.
        seed: of the split.
        pictures: whether the targets are copied or linked into the export. Copies are turned as
            EXIF says, because many tools do not look at that.
        write: see ``WriteOptions``.

    Raises:
        SettingsError: if a value is out of range.
    """

    only: Only = "all"
    min_score: float = 0.0
    split: tuple[float, ...] | None = None
    seed: int = 0
    pictures: PictureMode = "none"
    write: WriteOptions = field(default_factory=WriteOptions)

    def __post_init__(self) -> None:
        if not 0 <= self.min_score <= 1:
            raise SettingsError(f"min-score: expected 0 to 1, got {self.min_score}")
        if self.split is not None and not (
            2 <= len(self.split) <= len(SPLIT_NAMES)
            and all(share >= 0 for share in self.split)
            and abs(sum(self.split) - 1) < 1e-6
        ):
            raise SettingsError(
                "split: expected two or three shares that add up to 1, such as 0.8 0.1 0.1, got "
                f"{' '.join(map(str, self.split))}"
            )


@dataclass(frozen=True)
class ExportSummary:
    """What an export came to.

    Attributes:
        format_name: the format.
        folder: where it is.
        images: exported, negatives included.
        objects: exported.
        pixels: of the masks of all objects together.
        with_pictures: whether the pictures were copied or linked.
        negatives: images on which nothing was found, or nothing above the least score.
        splits: images in each part.
        left_out: targets left out by ``accepted``.
        objects_left_out: objects below the least score on targets that were exported.
        failed: targets that failed in the run, which are never exported.
        unreadable: image id -> why the result of a target could not be read; it is left out.
        remarks: what the format could not keep, and other things to know.
    """

    format_name: str
    folder: Path
    images: int
    objects: int
    pixels: int
    with_pictures: bool
    negatives: int
    splits: Mapping[str, int]
    left_out: int
    objects_left_out: int
    failed: int
    unreadable: Mapping[str, str]
    remarks: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """JSON-able."""
        return {
            "format": self.format_name,
            "folder": str(self.folder),
            "images": self.images,
            "objects": self.objects,
            "negatives": self.negatives,
            "splits": dict(self.splits),
            "left_out": self.left_out,
            "objects_left_out": self.objects_left_out,
            "failed": self.failed,
            "unreadable": dict(self.unreadable),
            "remarks": list(self.remarks),
        }

    def describe(self) -> str:
        """A few lines for a person."""
        negatives = f"of these {count(self.negatives, 'negative')}"
        objects = f"{count(self.objects, 'object')} as {self.format_name}"
        lines = [f"{self.folder}: {count(self.images, 'image')} ({negatives}), {objects}"]
        if len(self.splits) > 1:
            lines.append(", ".join(f"{name} {number}" for name, number in self.splits.items()))
        if self.left_out:
            lines.append(f"{count(self.left_out, 'target')} not accepted and left out")
        if self.objects_left_out:
            lines.append(f"{count(self.objects_left_out, 'object')} below the least score left out")
        if self.failed:
            lines.append(f"{count(self.failed, 'target')} failed in the run and are not exported")
        for image_id, reason in list(self.unreadable.items())[:5]:
            lines.append(f"{image_id} is left out: {reason}")
        if len(self.unreadable) > 5:
            lines.append(f"... and {len(self.unreadable) - 5} more")
        lines += [f"note: {remark}" for remark in self.remarks]
        return "\n".join(map(printable, lines))


def export_project(
    project: ProjectFolder,
    format_name: str,
    folder: Path,
    options: ExportOptions | None = None,
) -> ExportSummary:
    """Write the results of a project's run in the format of another tool.

    Args:
        project: its run may still be going on; what is done by now is exported.
        format_name: one of ``formats.FORMATS``.
        folder: is made; if it exists it must be empty.
        options: what to export and how.

    Raises:
        SettingsError: if there is no such format.
        ExportError: if there are no results, or the folder cannot be used.
        RunError: if the ledger cannot be read.
        StorageError: if the disk is full or the folder cannot be written.
    """
    chosen = load_format(format_name)
    options = options or ExportOptions()
    check_destination(folder, project)
    if options.pictures == "link" and not isinstance(project.targets_place, Path):
        raise ExportError(
            f"{project.targets_place} is in a store, and links can only lead to files of this "
            "machine; pass --copy-images"
        )
    with opened_ledger(project) as ledger:
        if ledger is None:
            raise ExportError(
                f"there are no results in {project.output_place} yet; run maskcast run first"
            )
        with appearing(folder) as temporary:
            return _Export(project, chosen, options, ledger).write(temporary, folder)


@dataclass
class _Tally:
    """Counts while images stream past."""

    images: Counter[str] = field(default_factory=Counter)
    objects: int = 0
    pixels: int = 0
    negatives: int = 0
    objects_left_out: int = 0
    unreadable: dict[str, str] = field(default_factory=dict)
    renamed: int = 0


class _Export:
    """One export under way."""

    def __init__(
        self, project: ProjectFolder, chosen: Format, options: ExportOptions, ledger: Ledger
    ) -> None:
        self._project = project
        self._format = chosen
        self._options = options
        self._ledger = ledger
        self._files = ResultFiles(project.output_place)
        self._tally = _Tally()

    def write(self, temporary: Path, folder: Path) -> ExportSummary:
        """Write everything into ``temporary``, which will become ``folder``."""
        accepted, found_ids, failed, left_out = self._survey()
        if not accepted:
            raise ExportError(
                f"no target in {self._project.output_place} is done"
                + (f" and accepted; {left_out} are left out" if left_out else "")
            )
        specs, spec_remarks = _unique_names(self._specs(found_ids))
        splits = assign_splits(accepted, self._options.split, self._options.seed)
        placer = Placer(self._options.pictures, temporary)
        labeled = LabeledSet(
            self._images(splits, specs, placer),
            specs=tuple(specs.values()),
            splits=self._split_names(),
            destination=folder,
        )
        lost = self._format.write(labeled, temporary, self._options.write)
        if self._options.split is not None:
            written = {key: splits[key] for key in splits if key not in self._tally.unreadable}
            write_splits(temporary / SPLITS_FILE, written, self._options.split, self._options.seed)
        counts = {name: self._tally.images[name] for name in labeled.splits}
        return ExportSummary(
            self._format.name,
            folder,
            sum(counts.values()),
            self._tally.objects,
            self._tally.pixels,
            self._options.pictures != "none",
            self._tally.negatives,
            counts,
            left_out,
            self._tally.objects_left_out,
            failed,
            self._tally.unreadable,
            (*lost, *spec_remarks, *placer.remarks(), *self._remarks()),
        )

    def _survey(self) -> tuple[list[str], set[int], int, int]:
        """Image ids to export, object ids on them, targets that failed, and that are left out."""
        accepted, found_ids, failed, left_out = [], set(), 0, 0
        for row in self._ledger.rows():
            if row.state != "done":
                failed += 1
            elif not self._is_accepted(row):
                left_out += 1
            else:
                accepted.append(row.image_id)
                found_ids |= {found.object_id for found in row.objects}
        return accepted, found_ids, failed, left_out

    def _specs(self, found_ids: set[int]) -> dict[int, ObjectSpec]:
        """All ids that the project knows, so that class numbers do not hang on what was found."""
        file = read_annotations(self._project.references_place / ANNOTATIONS_NAME)
        annotated = {key for one in file.annotations.values() for key in one.objects}
        return self._project.object_specs(found_ids | annotated, file)

    def _is_accepted(self, row: TargetRow) -> bool:
        return self._options.only == "all" or all(
            found.score >= self._options.min_score for found in row.objects
        )

    def _split_names(self) -> tuple[str, ...]:
        shares = self._options.split
        return (DEFAULT_SPLIT,) if shares is None else SPLIT_NAMES[: len(shares)]

    def _images(
        self,
        splits: Mapping[str, str],
        specs: Mapping[int, ObjectSpec],
        placer: Placer,
    ) -> Iterator[LabeledImage]:
        for row in self._ledger.rows():
            if row.image_id not in splits or row.state != "done":
                continue
            try:
                image = self._image(row, specs, splits[row.image_id])
            except (MaskcastError, ValueError) as error:
                self._tally.unreadable[row.image_id] = str(error)
                continue
            original = self._project.targets_place / row.image_id
            placer.place(original, self._format.picture_path(image))
            if self._options.pictures == "none" and isinstance(original, Path):
                image = replace(image, picture=original.resolve())
            self._count(image, row)
            yield image

    def _image(self, row: TargetRow, specs: Mapping[int, ObjectSpec], split: str) -> LabeledImage:
        if row.size is None:
            raise ExportError("the ledger does not know its size; run it again")
        objects = [
            LabeledObject(
                specs[found.object_id].name,
                read_id_mask(self._files.id_mask(row, found.object_id)),
                found.object_id,
                score=found.score,
            )
            for found in row.objects
            if found.score >= self._options.min_score
        ]
        return LabeledImage(row.image_id, *row.size, tuple(objects), row.name, split)

    def _count(self, image: LabeledImage, row: TargetRow) -> None:
        self._tally.images[image.split] += 1
        self._tally.objects += len(image.objects)
        self._tally.pixels += sum(
            found.area for found in row.objects if found.score >= self._options.min_score
        )
        self._tally.negatives += not image.objects
        self._tally.objects_left_out += len(row.objects) - len(image.objects)
        self._tally.renamed += image.file_name != image.image_id

    def _remarks(self) -> list[str]:
        told = []
        outlines, write = self._format.outlines, self._options.write
        has_outlines = outlines == "always" or (write.polygons and outlines == "option")
        if write.polygons and not has_outlines:
            told.append(f"{self._format.name} has no outlines, so --polygons does nothing")
        if write.tolerance and not has_outlines:
            told.append("--tolerance is for outlines, of which there are none here")
        if self._tally.renamed:
            told.append(
                f"{count(self._tally.renamed, 'picture')} differ from others only in the suffix "
                "and are called with both suffixes, such as a.jpg.jpg"
            )
        if self._options.only == "accepted" and self._options.min_score == 0:
            told.append(
                "accepted means that every score on a target reaches --min-score, which is 0 now, "
                "so nothing is left out"
            )
        return told


def _unique_names(
    specs: Mapping[int, ObjectSpec],
) -> tuple[dict[int, ObjectSpec], tuple[str, ...]]:
    """Specs of which no two have one name: later ones get their id added."""
    unique: dict[int, ObjectSpec] = {}
    taken: set[str] = set()
    for object_id, spec in specs.items():
        name = spec.name or f"object {object_id}"
        while name in taken:
            name = f"{name} ({object_id})"
        taken.add(name)
        unique[object_id] = replace(spec, name=name)
    changed = sum(unique[key].name != spec.name for key, spec in specs.items())
    told = f"{count(changed, 'name')} of objects were empty or not unique and got the id added"
    return unique, (told,) * bool(changed)
