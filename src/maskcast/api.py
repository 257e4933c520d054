"""What a Python user needs, in one class: the commands as methods."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

from maskcast.interchange.export_summary import ExportSummary
from maskcast.interchange.exporting import Progress, export_project
from maskcast.interchange.import_summary import ImportSummary
from maskcast.interchange.importing import ImportOptions, import_annotations
from maskcast.interchange.merging import Conflict
from maskcast.interchange.options import ExportOptions
from maskcast.interchange.reading.entries import ClassMeaning
from maskcast.project.annotations import Annotation
from maskcast.project.folder import ProjectFolder
from maskcast.project.inventory import (
    FileChange,
    ReferenceEntry,
    drop_gone_references,
    drop_references,
    list_references,
    rename_reference,
)
from maskcast.quality.expectation import SelfTest
from maskcast.results.choosing import settled
from maskcast.results.evaluation import Evaluation, evaluate_output
from maskcast.results.result import Result, read_results
from maskcast.results.status import Status, read_status
from maskcast.results.verdicts import write_verdicts
from maskcast.review.applying import Applied, show_decisions
from maskcast.review.decisions import Decided, Decision
from maskcast.review.queue import Queued, QueueOrder
from maskcast.review.reviewing import decide, default_reviewer, take_back, waiting
from maskcast.review.updating import rethreshold_project, return_to_earlier, update_project
from maskcast.runs.cuts import Cut, Cuts
from maskcast.runs.executor import Executor
from maskcast.runs.generations import UpdateSummary
from maskcast.runs.ledger_rows import LedgerCounts, TargetRow
from maskcast.runs.rethresholding import CutSummary
from maskcast.runs.run import run_project
from maskcast.runs.stages import RunStage
from maskcast.runs.summary import RunObserver, RunSummary


class Project(ProjectFolder):
    """A project folder: import annotations, run, look at the results, export them.

    ::

        project = maskcast.Project.open("myproject")
        project.import_annotations("coco", "labels.json")
        project.run()
        for result in project.results():
            print(result.image_id, {key: mask.sum() for key, mask in result.masks().items()})
        project.export("yolo", "dataset", pictures="copy", split=(0.8, 0.1, 0.1))
    """

    @classmethod
    def open(cls, root: Path | str, flags: Mapping[str, Any] | None = None) -> Self:
        """Open the project in ``root``.

        Args:
            root: the project folder.
            flags: settings over those of ``maskcast.toml``, nested like it, e.g.
                ``{"engine": "sam2", "paths": {"output": "out"}}``; paths are relative to ``root``.

        Raises:
            SettingsError: if the folder does not exist or a setting is not usable.
        """
        return super().open(Path(root), flags)

    def import_annotations(
        self,
        format_name: str,
        source: Path | str,
        *,
        classes: Mapping[str, ClassMeaning] | None = None,
        conflict: Conflict = "refuse",
        strict: bool = False,
        clean: bool = False,
        instances: bool = False,
        take_images: Path | str | None = None,
        take: int | None = None,
    ) -> ImportSummary:
        """Annotate references; see ``importing.import_annotations`` and its ``ImportOptions``."""
        options = ImportOptions(
            classes=classes or {},
            conflict=conflict,
            strict=strict,
            clean=clean,
            instances=instances,
            take_images=None if take_images is None else Path(take_images),
            take=take,
        )
        return import_annotations(self, format_name, Path(source), options)

    def references(self) -> list[ReferenceEntry]:
        """Annotated, clean, open and gone ones; see ``inventory.list_references``."""
        return list_references(self)

    def drop_references(self, image_ids: Iterable[str]) -> FileChange:
        """Take references out of the annotation file; see ``inventory.drop_references``."""
        return drop_references(self, image_ids)

    def drop_gone_references(self) -> FileChange:
        """The same for all whose pictures are gone; see ``inventory.drop_gone_references``."""
        return drop_gone_references(self)

    def rename_reference(self, old: str, new: str) -> FileChange:
        """Give an annotation to the picture's new name; see ``inventory.rename_reference``."""
        return rename_reference(self, old, new)

    def run(
        self,
        *,
        limit: int | None = None,
        fresh: bool = False,
        redo: Collection[str] = (),
        redo_failed: bool = False,
        observer: RunObserver | None = None,
        executor: Executor | None = None,
    ) -> RunSummary:
        """Mask every target that is not done yet; see ``runs.run.run_project``."""
        silent = observer or _Silent()
        summary = run_project(
            settled(self, silent.note, fresh=fresh),
            silent,
            limit=limit,
            fresh=fresh,
            redo=redo,
            redo_failed=redo_failed,
            executor=executor,
        )
        show_decisions(self, silent.note)
        write_verdicts(self)
        return summary

    def update(
        self,
        *,
        teach: int | None = None,
        observer: RunObserver | None = None,
        executor: Executor | None = None,
    ) -> UpdateSummary:
        """Let corrections teach, as the next generation; see ``updating.update_project``."""
        silent = observer or _Silent()
        project = settled(self, silent.note)
        summary = update_project(project, silent, teach=teach, executor=executor)
        write_verdicts(self)
        return summary

    def rethreshold(
        self, cuts: Mapping[int, Cut], *, observer: RunObserver | None = None
    ) -> CutSummary:
        """Cut masks anew out of kept probabilities; see ``updating.rethreshold_project``.

        ``project.run()`` keeps them if ``keep_probabilities`` is set, as with
        ``Project.open("myproject", {"keep_probabilities": "2GB"})``.

        Args:
            cuts: object id -> what was chosen; objects without one are as calibrated.
            observer: is told how it goes.
        """
        summary = rethreshold_project(self, observer or _Silent(), Cuts(cuts))
        write_verdicts(self)
        return summary

    def go_back(self) -> int:
        """Return to the generation before; see ``updating.return_to_earlier``."""
        return return_to_earlier(self, _Silent().note)

    def decide(
        self,
        names: Sequence[str],
        decision: Decision,
        *,
        who: str | None = None,
        objects: Sequence[int] = (),
        correction: Annotation | None = None,
    ) -> Applied:
        """Accept, correct or reject what was found; see ``reviewing.decide``."""
        reviewer = who or default_reviewer()
        return decide(self, names, decision, reviewer, objects=objects, correction=correction)

    def take_back(self, names: Collection[str] = (), *, who: str | None = None) -> list[Decided]:
        """Take back decisions; see ``reviewing.take_back``."""
        return take_back(self, who or default_reviewer(), names)[0]

    def review_queue(self, order: QueueOrder = "useful") -> list[Queued]:
        """Targets that nobody decided on, in the order to look at them; see ``queue``."""
        return waiting(self, order)

    def results(self) -> Iterator[Result]:
        """The results of all targets that are done; see ``results.read_results``."""
        return read_results(self)

    def status(self) -> Status:
        """What is done, empty, failed and pending; see ``status.read_status``."""
        return read_status(self)

    def evaluate(self, truth: Path | str) -> Evaluation:
        """Compare the results with label maps or annotations; see ``evaluate_output``."""
        return evaluate_output(self, Path(truth))

    def export(
        self,
        format_name: str,
        folder: Path | str,
        options: ExportOptions | None = None,
        *,
        progress: Progress | None = None,
        **changes: Any,  # noqa: ANN401 (whatever ExportOptions has)
    ) -> ExportSummary:
        """Write the results in the format of another tool.

        Args:
            format_name: one of ``formats.FORMATS``.
            folder: is made; if it exists it must be empty.
            options: what to export and how; all that is done, as the format is meant, unless
                given.
            progress: is told after each target how many are written, and of how many.
            changes: options by name, such as ``instances="touching"``; see ``ExportOptions``.

        Raises:
            TypeError: if there is no such option.
            SettingsError, ExportError, RunError, StorageError: see ``exporting.export_project``.
        """
        wanted = replace(options or ExportOptions(), **changes)
        return export_project(self, format_name, Path(folder), wanted, progress)


class _Silent:
    """An observer that shows nothing."""

    def stage(self, stage: RunStage) -> None:
        """See ``RunObserver``."""

    def note(self, text: str) -> None:
        """See ``RunObserver``."""

    def tested(self, selftest: SelfTest, names: Mapping[int, str]) -> None:
        """See ``RunObserver``."""

    def start(self, total: int, counts: LedgerCounts) -> None:
        """See ``RunObserver``."""

    def row(self, row: TargetRow) -> None:
        """See ``RunObserver``."""
