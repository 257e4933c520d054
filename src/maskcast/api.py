"""What a Python user needs, in one class: the commands as methods."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

from maskcast.interchange.export_summary import ExportSummary
from maskcast.interchange.exporting import Progress, export_project
from maskcast.interchange.importing import ImportSummary, import_annotations
from maskcast.interchange.merging import Conflict
from maskcast.interchange.options import ExportOptions
from maskcast.project.folder import ProjectFolder
from maskcast.results.evaluation import Evaluation, evaluate_output
from maskcast.results.reading import Result, read_results
from maskcast.results.status import Status, read_status
from maskcast.runs.executor import Executor
from maskcast.runs.ledger import LedgerCounts, TargetRow
from maskcast.runs.run import RunObserver, RunSummary, run_project


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
        classes: Mapping[str, int] | None = None,
        conflict: Conflict = "refuse",
    ) -> ImportSummary:
        """Annotate references; see ``importing.import_annotations``."""
        return import_annotations(
            self, format_name, Path(source), classes=classes, conflict=conflict
        )

    def run(
        self,
        *,
        limit: int | None = None,
        fresh: bool = False,
        observer: RunObserver | None = None,
        executor: Executor | None = None,
    ) -> RunSummary:
        """Mask every target that is not done yet; see ``runs.run.run_project``."""
        silent = observer or _Silent()
        return run_project(self, silent, limit=limit, fresh=fresh, executor=executor)

    def results(self) -> Iterator[Result]:
        """The results of all targets that are done; see ``results.read_results``."""
        return read_results(self)

    def status(self) -> Status:
        """What is done, empty, failed and pending; see ``status.read_status``."""
        return read_status(self)

    def evaluate(self, truth: Path | str) -> Evaluation:
        """Compare the results with true label maps; see ``evaluate.evaluate_output``."""
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

    def stage(self, text: str) -> None:
        """See ``RunObserver``."""

    def note(self, text: str) -> None:
        """See ``RunObserver``."""

    def start(self, total: int, counts: LedgerCounts) -> None:
        """See ``RunObserver``."""

    def row(self, row: TargetRow) -> None:
        """See ``RunObserver``."""
