"""Results in the formats of other tools: read from the ledger, no engine, no GPU.

Targets stream from the ledger through their binary masks, which hold overlaps exactly, into the
format's writer. An export appears whole or not at all, and never in a folder that holds anything.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Set
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from maskcast.errors import ExportError, MaskcastError, SettingsError
from maskcast.interchange.destination import appearing, check_destination
from maskcast.interchange.export_summary import ExportSummary
from maskcast.interchange.formats import Format, load_writer
from maskcast.interchange.formats.placing import Placer
from maskcast.interchange.formats.splits import (
    SPLIT_NAMES,
    SPLITS_FILE,
    assign_splits,
    write_splits,
)
from maskcast.interchange.formats.writing import (
    DEFAULT_SPLIT,
    ExportedImage,
    ExportedSet,
    Instance,
    count,
)
from maskcast.interchange.options import ExportOptions
from maskcast.io.images import read_image
from maskcast.io.storage import Place
from maskcast.masks import Cutout
from maskcast.project.annotations import read_annotations
from maskcast.project.folder import ANNOTATIONS_NAME, ProjectFolder
from maskcast.results.instances import Instances, check_instances, split_instances
from maskcast.results.result_files import ResultFiles
from maskcast.runs.comparing import TargetList
from maskcast.runs.copies import opened_ledger
from maskcast.runs.fingerprint import seen_window
from maskcast.runs.ledger import Ledger
from maskcast.runs.ledger_rows import TargetRow
from maskcast.runs.outputs import read_id_mask
from maskcast.types import ObjectSpec, RgbImage

_SETTLED = frozenset({"accepted", "corrected", "rejected"})
"""Decisions after which a person knows what is on a target."""

Progress = Callable[[int, int], None]
"""Told how many targets are written, and of how many."""


def export_project(
    project: ProjectFolder,
    format_name: str,
    folder: Path,
    options: ExportOptions | None = None,
    progress: Progress | None = None,
) -> ExportSummary:
    """Write the results of a project's run in the format of another tool.

    Args:
        project: its run may still be going on; what is done by now is exported.
        format_name: one of ``formats.FORMATS``.
        folder: is made; if it exists it must be empty.
        options: what to export and how.
        progress: is called after each target, from this thread.

    Raises:
        SettingsError: if there is no such format.
        ExportError: if there are no results, the folder cannot be used, or what splits instances
            that touch is not installed.
        RunError: if the ledger cannot be read.
        StorageError: if the disk is full or the folder cannot be written.
    """
    chosen = load_writer(format_name)
    options = options or ExportOptions()
    how = chosen.instances if options.instances == "auto" else options.instances
    options = replace(options, instances=how)
    check_instances(how)
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
            export = _Export(project, chosen, options, how, ledger, progress)
            return export.write(temporary, folder)


@dataclass
class _Tally:
    """Counts while images stream past."""

    images: Counter[str] = field(default_factory=Counter)
    objects: int = 0
    instances: int = 0
    instances_left_out: int = 0
    pixels: int = 0
    negatives: int = 0
    objects_left_out: int = 0
    unreadable: dict[str, str] = field(default_factory=dict)
    renamed: int = 0


class _Export:
    """One export under way."""

    def __init__(
        self,
        project: ProjectFolder,
        chosen: Format,
        options: ExportOptions,
        how: Instances,
        ledger: Ledger,
        progress: Progress | None,
    ) -> None:
        self._project = project
        self._format = chosen
        self._options = options
        self._how = how
        self._ledger = ledger
        self._progress = progress
        self._files = ResultFiles(project.output_place)
        self._is_reviewed = bool(ledger.shown_decisions())
        self._window = seen_window(ledger.fingerprint)
        self._tally = _Tally()

    def write(self, temporary: Path, folder: Path) -> ExportSummary:
        """Write everything into ``temporary``, which will become ``folder``."""
        changed, gone = self._not_as_masked()
        accepted, found_ids, failed, left_out = self._survey(changed | gone)
        if not accepted:
            raise ExportError(
                f"no target in {self._project.output_place} is done"
                + (f" and accepted; {left_out} are left out" if left_out else "")
                + (f"; {len(changed | gone)} changed or are gone" if changed | gone else "")
            )
        specs, spec_remarks = _unique_names(self._specs(found_ids))
        splits = assign_splits(accepted, self._options.split, self._options.seed)
        placer = Placer(self._options.pictures, temporary)
        exported = ExportedSet(
            self._images(splits, specs, placer),
            specs=tuple(specs.values()),
            splits=self._split_names(),
            destination=folder,
        )
        lost = self._format.write(exported, temporary, self._options)
        if self._options.split is not None:
            written = {key: splits[key] for key in splits if key not in self._tally.unreadable}
            write_splits(temporary / SPLITS_FILE, written, self._options.split, self._options.seed)
        counts = {name: self._tally.images[name] for name in exported.splits}
        return ExportSummary(
            self._format.name,
            folder,
            sum(counts.values()),
            self._tally.objects,
            self._tally.instances,
            self._tally.pixels,
            self._options.pictures != "none",
            self._tally.negatives,
            counts,
            left_out,
            self._tally.objects_left_out,
            self._tally.instances_left_out,
            failed,
            len(changed),
            len(gone),
            self._tally.unreadable,
            (*lost, *spec_remarks, *placer.remarks(), *self._remarks()),
        )

    def _not_as_masked(self) -> tuple[set[str], set[str]]:
        """Image ids that are other pictures now, and of those that are gone and not wanted."""
        try:
            stream = self._project.stream_targets()
        except SettingsError:  # the results alone were brought here: nothing to compare them with
            return set(), set()
        targets = TargetList(stream, self._project.targets_place, self._ledger)
        deque(targets.groups(), maxlen=0)
        gone = set() if self._options.include_gone else set(targets.gone())
        return set(targets.changed), gone

    def _survey(self, aside: Set[str]) -> tuple[list[str], set[int], int, int]:
        """Image ids to export, object ids on them, targets that failed, and not accepted ones.

        Those ``aside`` are none of these.
        """
        accepted, found_ids, failed, left_out = [], set(), 0, 0
        for row in self._ledger.rows():
            if row.image_id in aside:
                continue
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
        annotated = {key for shown in file.annotations.values() for key in shown.objects}
        return self._project.object_specs(found_ids | annotated, file)

    def _is_accepted(self, row: TargetRow) -> bool:
        if self._options.only == "all":
            return True
        if self._options.only == "reviewed" or row.decision is not None:
            return row.decision in _SETTLED
        least = self._options.min_score
        may_pass = least > 0 or not self._is_reviewed
        return may_pass and all(found.score >= least for found in row.objects)

    def _split_names(self) -> tuple[str, ...]:
        shares = self._options.split
        return (DEFAULT_SPLIT,) if shares is None else SPLIT_NAMES[: len(shares)]

    def _images(
        self,
        splits: Mapping[str, str],
        specs: Mapping[int, ObjectSpec],
        placer: Placer,
    ) -> Iterator[ExportedImage]:
        passed = 0
        for row in self._ledger.rows():
            if row.image_id not in splits or row.state != "done":
                continue
            passed += 1
            try:
                image = self._image(row, specs, splits[row.image_id])
            except (MaskcastError, ValueError) as error:
                self._tally.unreadable[row.image_id] = str(error)
                continue
            if image.original is not None:
                placer.place(image.original, self._format.picture_path(image))
            self._count(image, row)
            yield image
            if self._progress is not None:
                self._progress(passed, len(splits))

    def _image(self, row: TargetRow, specs: Mapping[int, ObjectSpec], split: str) -> ExportedImage:
        if row.size is None:
            raise ExportError("the ledger does not know its size; run it again")
        instances = [
            Instance(specs[found.object_id].name, found.object_id, found.score, cutout, found.right)
            for found in row.objects
            if found.score >= self._options.min_score
            for cutout in self._cutouts(row, found.object_id, row.size)
        ]
        large = [found for found in instances if found.cutout.area >= self._options.min_area]
        self._tally.instances_left_out += len(instances) - len(large)
        original = self._project.targets_place / row.image_id
        return ExportedImage(
            row.image_id,
            *row.size,
            tuple(large),
            row.name,
            split,
            original,
            is_placed=self._options.pictures != "none",
            look=partial(self._look, original),
        )

    def _look(self, original: Place) -> RgbImage:
        options = self._project.settings.images.read_options
        return read_image(original, window=self._window, options=options).rgb

    def _cutouts(self, row: TargetRow, object_id: int, size: tuple[int, int]) -> list[Cutout]:
        mask = read_id_mask(self._files.id_mask(row, object_id))
        if mask.shape != size:
            raise ExportError(
                f"its mask of object {object_id} is {mask.shape[1]} x {mask.shape[0]} pixels but "
                f"it was {size[1]} x {size[0]} in the run; run it again"
            )
        return split_instances(mask, self._how)

    def _count(self, image: ExportedImage, row: TargetRow) -> None:
        scores = [found.score for found in row.objects]
        self._tally.images[image.split] += 1
        self._tally.objects += len({found.object_id for found in image.instances})
        self._tally.instances += len(image.instances)
        self._tally.pixels += sum(found.cutout.area for found in image.instances)
        self._tally.negatives += not image.instances
        self._tally.objects_left_out += sum(score < self._options.min_score for score in scores)
        self._tally.renamed += image.file_name != image.image_id

    def _remarks(self) -> list[str]:
        told = []
        outlines, options = self._format.outlines, self._options
        has_outlines = outlines == "always" or (options.polygons and outlines == "option")
        if options.polygons and not has_outlines:
            told.append(f"{self._format.name} has no outlines, so --polygons does nothing")
        if options.tolerance and not has_outlines:
            told.append("--tolerance is for outlines, of which there are none here")
        if self._tally.renamed:
            told.append(
                f"{count(self._tally.renamed, 'picture')} differ from others only in the suffix "
                "and are called with both suffixes, such as a.jpg.jpg"
            )
        if options.only == "accepted" and options.min_score == 0 and not self._is_reviewed:
            told.append(
                "accepted means that a person accepted a target, or that every score on it reaches "
                "--min-score; nobody reviewed any, and that is 0 now, so nothing is left out"
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
