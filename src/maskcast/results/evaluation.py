"""Comparing a run's results with true masks.

The truth is a folder of PNG label maps (pixel = object id) named as the results in ``masks/``:
``<name>.png``, or ``<image id>.png`` with the target's suffix kept (``a.jpg.png``). Pixels of 255
beside other ids are unknown and not counted, unless the project has an object 255.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

from maskcast.errors import AnnotationError, EvaluationError, MaskcastError
from maskcast.io.label_maps import VOID, LabelRules, read_label_picture
from maskcast.io.read_options import DEFAULT_MAX_PIXELS, ReadOptions
from maskcast.io.storage import Place
from maskcast.masks import split_label_map
from maskcast.project.folder import ProjectFolder
from maskcast.results.metrics import (
    Agreement,
    Quality,
    agreements,
    overall_quality,
    quality_by_object,
)
from maskcast.results.result_files import ResultFiles
from maskcast.runs.copies import opened_ledger
from maskcast.runs.ledger import TargetRow
from maskcast.runs.outputs import read_id_mask
from maskcast.types import LabelMap, Mask

_MOST_ASKED = 200
"""Label maps that are looked at to learn whether 255 is their border."""


@dataclass(frozen=True)
class Evaluation:
    """How well a run did; what could not be compared is named, never silently dropped.

    Attributes:
        targets: how many were compared.
        missing_truth: image ids of targets that are done but have no truth.
        failed: image ids of targets that the run could not do.
        unusable: image id -> why its truth or its result could not be compared: the sizes
            disagree, or a file cannot be read.
        unmatched_truth: truth files, relative to their folder, that belong to no target of the
            run (other images, or targets that were not run yet).
        unknown_truth: image ids of targets whose truth is unknown in part, which is not counted.
        cut_truth: image ids of targets whose truth has gray borders, which were cut at the middle.
        objects: object id -> quality, ascending.
        overall: see ``metrics.overall_quality``.
    """

    targets: int
    missing_truth: tuple[str, ...]
    failed: tuple[str, ...]
    unusable: Mapping[str, str]
    unmatched_truth: tuple[str, ...]
    objects: Mapping[int, Quality]
    overall: Quality
    unknown_truth: tuple[str, ...] = ()
    cut_truth: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """JSON-able; null where a figure is undefined."""
        return {
            "targets": self.targets,
            "missing_truth": list(self.missing_truth),
            "failed": list(self.failed),
            "unusable": dict(self.unusable),
            "unmatched_truth": list(self.unmatched_truth),
            "unknown_truth": list(self.unknown_truth),
            "cut_truth": list(self.cut_truth),
            "objects": {str(key): quality.to_json() for key, quality in self.objects.items()},
            "overall": self.overall.to_json(),
        }

    def remarks(self) -> list[str]:
        """A sentence for each kind of thing that could not be compared."""
        kinds = (
            ("targets are done but have no truth", self.missing_truth),
            ("targets failed in the run and are left out", self.failed),
            ("targets could not be compared", [f"{k} ({why})" for k, why in self.unusable.items()]),
            ("truth files belong to no target of the run", self.unmatched_truth),
            ("truth files have unknown pixels (255), which are not counted", self.unknown_truth),
            ("truth files hold gray and are cut at the middle", self.cut_truth),
        )
        return [
            f"{len(names)} {kind}: {', '.join(names[:3])}{', ...' if len(names) > 3 else ''}"
            for kind, names in kinds
            if names
        ]


def evaluate_output(project: ProjectFolder, truth: Path) -> Evaluation:
    """Compare the results of a project's run with the label maps in ``truth``.

    Raises:
        EvaluationError: if there is no run, no truth folder, or nothing could be compared.
        RunError: if the ledger cannot be read.
        AnnotationError: if the annotation file, which holds the objects' names, is not usable.
    """
    output = project.output_place
    names = {key: spec.name for key, spec in project.object_specs(()).items()}
    with opened_ledger(project) as ledger:
        if ledger is None:
            raise EvaluationError(f"there are no results in {output} yet; run maskcast run first")
        bound = project.settings.images.max_pixels
        return evaluate_rows(ledger.rows(), output, truth, names, bound)


def evaluate_rows(
    rows: Iterable[TargetRow],
    output: Place,
    truth: Path,
    names: Mapping[int, str],
    max_pixels: int = DEFAULT_MAX_PIXELS,
) -> Evaluation:
    """Compare targets with their truth, one at a time.

    Args:
        rows: what the ledger says of each target.
        output: the output folder or place.
        truth: the folder of label maps.
        names: object id -> name.
        max_pixels: label maps with more pixels are not compared.

    Raises:
        EvaluationError: if there is no truth folder, or nothing could be compared.
    """
    if not truth.is_dir():
        raise EvaluationError(
            f"the truth folder {truth} does not exist; give the folder of true label maps"
        )
    files = ResultFiles(output)
    truths = _Truths(truth, ReadOptions(max_pixels), frozenset(names))
    unmatched = {path.relative_to(truth).as_posix() for path in truths.paths}
    compared: list[dict[int, Agreement]] = []
    missing, failed, unusable = [], [], {}
    for row in rows:
        matching = [name for name in _truth_names(row) if (truth / name).is_file()]
        unmatched.difference_update(matching)
        if row.state != "done":
            failed.append(row.image_id)
        elif not matching:
            missing.append(row.image_id)
        else:
            try:
                compared.append(_compare(row, files, truths, truth / matching[0]))
            except (MaskcastError, OSError) as error:
                unusable[row.image_id] = str(error)
    if not compared:
        raise EvaluationError(_nothing_compared(truth, missing, failed, unusable))
    return Evaluation(
        targets=len(compared),
        missing_truth=tuple(missing),
        failed=tuple(failed),
        unusable=unusable,
        unmatched_truth=tuple(sorted(unmatched)),
        objects=quality_by_object(compared, names),
        overall=overall_quality(compared),
        unknown_truth=tuple(truths.unknown),
        cut_truth=tuple(truths.cut),
    )


class _Truths:
    """The label maps of a folder, read alike: 255 is unknown in all of them or in none."""

    def __init__(self, folder: Path, options: ReadOptions, object_ids: Set[int]) -> None:
        self.paths = sorted(folder.rglob("*.png"))
        self.unknown: list[str] = []
        self.cut: list[str] = []
        self._options = options
        self._rules = LabelRules(named=object_ids)
        self._void_is_object = VOID in object_ids

    def read(self, path: Path, image_id: str) -> tuple[LabelMap, Mask | None]:
        """Object ids, and the pixels of which nothing is known.

        Raises:
            AnnotationError: if it cannot be read, or is neither a mask nor a label map.
        """
        picture = read_label_picture(path, self._options, self._rules)
        if picture.gray_share is not None:
            self.cut.append(image_id)
        # Alone, 255 is a mask of object 1, unless other label maps tell that it is the border.
        void = picture.has_void() or (picture.present() == {VOID} and self._has_void)
        labels, unknown = picture.labels(void=void and not self._void_is_object)
        if unknown is not None:
            self.unknown.append(image_id)
        return labels, unknown

    @cached_property
    def _has_void(self) -> bool:
        step = -(-len(self.paths) // _MOST_ASKED)
        return any(map(self._shows_void, self.paths[::step]))

    def _shows_void(self, path: Path) -> bool:
        try:
            return read_label_picture(path, self._options, self._rules).has_void()
        except AnnotationError:
            return False


def _truth_names(row: TargetRow) -> tuple[str, str]:
    """How a target's label map may be called, best first."""
    return f"{row.name}.png", f"{row.image_id}.png"


def _compare(
    row: TargetRow, files: ResultFiles, truths: _Truths, truth: Path
) -> dict[int, Agreement]:
    """Compare one target with its truth, where that is known.

    Raises:
        EvaluationError: if the sizes disagree.
        MaskcastError, OSError: if a file cannot be read.
    """
    labels, unknown = truths.read(truth, row.image_id)
    predicted: dict[int, Mask] = {
        found.object_id: read_id_mask(files.id_mask(row, found.object_id)) for found in row.objects
    }
    shape = labels.shape[0], labels.shape[1]
    sizes = [mask.shape for mask in predicted.values()] or [row.size or shape]
    for size in sizes:
        if size != shape:
            raise EvaluationError(
                f"its truth {truth} is {shape[1]} x {shape[0]} pixels, "
                f"the target is {size[1]} x {size[0]}"
            )
    if unknown is not None:
        predicted = {object_id: mask & ~unknown for object_id, mask in predicted.items()}
    return agreements(predicted, split_label_map(labels), shape)


def _nothing_compared(
    truth: Path, missing: Sequence[str], failed: Sequence[str], unusable: Mapping[str, str]
) -> str:
    """The sentence for an evaluation that has nothing to tell."""
    if unusable:
        image_id, reason = next(iter(unusable.items()))
        return f"no target could be compared with its truth, e.g. {image_id}: {reason}"
    if missing:
        return (
            f"no target has its truth in {truth}; name the label maps like the results in masks/, "
            f"e.g. {missing[0]} -> {PurePosixPath(missing[0]).with_suffix('.png')}"
        )
    if failed:
        return f"all {len(failed)} targets failed in the run; see maskcast status"
    return "the run has no results yet; run maskcast run first"
