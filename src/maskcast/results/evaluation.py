"""Comparing a run's results with true masks, which ``truths.py`` reads.

Pixels of which nothing is known are not counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from maskcast.errors import EvaluationError, MaskcastError
from maskcast.io.read_options import DEFAULT_MAX_PIXELS, ReadOptions
from maskcast.io.storage import Place
from maskcast.project.folder import ProjectFolder
from maskcast.results.metrics import (
    Agreement,
    Quality,
    agreements,
    overall_quality,
    quality_by_object,
)
from maskcast.results.result_files import ResultFiles
from maskcast.results.truths import Truth, open_truths
from maskcast.runs.copies import opened_ledger
from maskcast.runs.ledger_rows import TargetRow
from maskcast.runs.outputs import read_id_mask
from maskcast.types import Mask


@dataclass(frozen=True)
class Evaluation:
    """How well a run did; what could not be compared is named, never silently dropped.

    Attributes:
        targets: how many were compared.
        missing_truth: image ids of targets that are done but have no truth.
        failed: image ids of targets that the run could not do.
        unusable: image id -> why its truth or its result could not be compared: the sizes
            disagree, or a file cannot be read.
        unmatched_truth: truths that belong to no target of the run (other images, or targets that
            were not run yet): label maps, relative to their folder, or image ids.
        unknown_truth: image ids of targets whose truth is unknown in part, which is not counted.
        cut_truth: image ids of targets whose truth has gray borders, which were cut at the middle.
        compared: image id -> object id -> agreement, of each target that was compared.
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
    compared: Mapping[str, Mapping[int, Agreement]] = field(default_factory=dict)

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
            ("truths belong to no target of the run", self.unmatched_truth),
            ("truths have unknown pixels, which are not counted", self.unknown_truth),
            ("truths hold gray and are cut at the middle", self.cut_truth),
        )
        return [
            f"{len(names)} {kind}: {', '.join(names[:3])}{', ...' if len(names) > 3 else ''}"
            for kind, names in kinds
            if names
        ]


def evaluate_output(project: ProjectFolder, truth: Path) -> Evaluation:
    """Compare the results of a project's run with the truths in a folder or an annotation file.

    Raises:
        EvaluationError: if there is no run, no truth, or nothing could be compared.
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
        truth: the folder of label maps, or an annotation file; see ``truths``.
        names: object id -> name.
        max_pixels: label maps with more pixels are not compared.

    Raises:
        EvaluationError: if there is no truth, or nothing could be compared.
        AnnotationError: if the annotation file cannot be read.
    """
    files = ResultFiles(output)
    truths = open_truths(truth, ReadOptions(max_pixels), frozenset(names))
    unmatched = set(truths.names)
    compared: dict[str, dict[int, Agreement]] = {}
    missing, failed, unusable = [], [], {}
    unknown, cut = [], []
    for row in rows:
        matching = truths.of(row)
        unmatched.difference_update(matching)
        if row.state != "done":
            failed.append(row.image_id)
        elif not matching:
            missing.append(row.image_id)
        else:
            try:
                true = truths.read(matching[0])
                compared[row.image_id] = _compare(row, files, true, matching[0])
                unknown += [row.image_id] * (true.unknown is not None)
                cut += [row.image_id] * true.was_cut
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
        objects=quality_by_object(list(compared.values()), names),
        overall=overall_quality(list(compared.values())),
        unknown_truth=tuple(unknown),
        cut_truth=tuple(cut),
        compared=compared,
    )


def _compare(row: TargetRow, files: ResultFiles, true: Truth, name: str) -> dict[int, Agreement]:
    """Compare one target with its truth, where that is known.

    Raises:
        EvaluationError: if the sizes disagree.
        MaskcastError, OSError: if a file cannot be read.
    """
    predicted: dict[int, Mask] = {
        found.object_id: read_id_mask(files.id_mask(row, found.object_id)) for found in row.objects
    }
    sizes = [mask.shape for mask in predicted.values()] or [row.size or true.shape]
    for size in sizes:
        if size != true.shape:
            raise EvaluationError(
                f"its truth {name} is {true.shape[1]} x {true.shape[0]} pixels, "
                f"the target is {size[1]} x {size[0]}"
            )
    if true.unknown is not None:
        predicted = {object_id: mask & ~true.unknown for object_id, mask in predicted.items()}
    return agreements(predicted, true.masks, true.shape)


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
