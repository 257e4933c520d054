"""Correcting a target: what was found on it becomes a draft to draw on, and the draft a decision.

Drafts are kept as an annotation file in the review folder, in the form of references: closing the
page or killing the server loses nothing of them. Each object starts from its mask as results show
it (``Prompts.start``), and the decision holds the masks that the drawing led to.
"""

from __future__ import annotations

from dataclasses import replace

from maskcast.errors import ReviewError
from maskcast.project.annotations import Annotation, AnnotationFile, ObjectAnnotation
from maskcast.project.folder import ProjectFolder
from maskcast.project.store import AnnotationStore
from maskcast.results.result_files import ResultFiles
from maskcast.review.applying import Applied
from maskcast.review.decisions import DecisionLog
from maskcast.review.reviewing import decide, results_to_review
from maskcast.runs.ledger_rows import TargetRow
from maskcast.runs.outputs import read_id_mask
from maskcast.types import Prompts

DRAFTS_NAME = "drafts.json"
_UNTOUCHED = 1
"""Version of a draft on which nothing was drawn."""


def drafts_of(project: ProjectFolder) -> AnnotationStore:
    """Where the drafts of a project are kept."""
    return AnnotationStore(project.review_folder / DRAFTS_NAME)


def begin_correction(project: ProjectFolder, drafts: AnnotationStore, image_id: str) -> None:
    """Make sure that there is a draft of a target; one that somebody drew on is gone on with.

    Args:
        project: whose results are corrected.
        drafts: see ``drafts_of``.
        image_id: of the target.

    Raises:
        ReviewError: if the target has no result.
        AnnotationError, StorageError: if drafts cannot be read or written.
    """
    with results_to_review(project) as ledger:
        row = ledger.row(image_id)
    if row is None or row.state != "done" or row.size is None:
        raise ReviewError(f"there is no result of {image_id!r} to correct; run it first")
    found = _correction(project, row) or _found(project, row, row.size)
    begun = replace(found, version=_UNTOUCHED)

    def add(file: AnnotationFile) -> AnnotationFile:
        known = file.annotations.get(image_id)
        is_drawn = known is not None and known.version > _UNTOUCHED
        if is_drawn and known is not None and (known.height, known.width) == row.size:
            return file
        return replace(file, annotations={**file.annotations, image_id: begun})

    drafts.update(add)


def finish_correction(
    project: ProjectFolder, drafts: AnnotationStore, image_id: str, who: str
) -> Applied:
    """Decide that the draft of a target is what is on it; results show it then.

    Raises:
        ReviewError: if there is no draft, or one of its masks is not there yet.
        StorageError: if log, results or drafts cannot be written.
    """
    draft = drafts.read().annotations.get(image_id)
    if draft is None:
        raise ReviewError(f"nothing was drawn on {image_id}; open it again to correct it")
    if not all(entry.is_resolved for entry in draft.objects.values()):
        raise ReviewError(f"the masks of {image_id} are not there yet; save again in a moment")
    applied = decide(project, [image_id], "corrected", who, correction=_settled(draft))
    drop_draft(drafts, image_id)
    return applied


def drop_draft(drafts: AnnotationStore, image_id: str) -> None:
    """Forget what was drawn on a target.

    Raises:
        AnnotationError, StorageError: if drafts cannot be read or written.
    """

    def without(file: AnnotationFile) -> AnnotationFile:
        kept = {key: known for key, known in file.annotations.items() if key != image_id}
        return replace(file, annotations=kept)

    drafts.update(without)


def _settled(draft: Annotation) -> Annotation:
    """The draft without objects of which nothing is left; clean if none is."""
    objects = {
        key: entry
        for key, entry in draft.objects.items()
        if entry.stored is not None and entry.stored.code.area
    }
    return replace(draft, objects=objects, clean=not objects)


def _correction(project: ProjectFolder, row: TargetRow) -> Annotation | None:
    """The correction that stands for this picture, with its unknown pixels."""
    log = DecisionLog.read(project.review_folder)
    if log is None:
        return None
    with log:
        current = log.current(row.image_id)
        holds = current is not None and current.holds_for(row.digest)
        return current.annotation(log.path) if current is not None and holds else None


def _found(project: ProjectFolder, row: TargetRow, size: tuple[int, int]) -> Annotation:
    files = ResultFiles(project.output_place)
    objects = {
        found.object_id: ObjectAnnotation(
            Prompts(), read_id_mask(files.id_mask(row, found.object_id))
        )
        for found in row.objects
    }
    return Annotation(row.image_id, *size, objects=objects)
