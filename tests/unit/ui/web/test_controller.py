"""The run of a served project: as the command line runs it, whoever looks at it."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from maskcast.errors import SettingsError
from maskcast.interchange.importing import import_annotations
from maskcast.project.folder import ProjectFolder
from maskcast.quality.expectation import SelfTest
from maskcast.quality.trials import Trial
from maskcast.runs.fingerprint import Fingerprint
from maskcast.runs.ledger import Ledger
from maskcast.runs.ledger_rows import LedgerCounts, TargetRow
from maskcast.runs.lock import output_lock
from maskcast.runs.reference_changes import ReferenceChanges, ReferenceWatch
from maskcast.runs.run import run_project
from maskcast.runs.stages import RunStage
from maskcast.runs.summary import RunObserver
from maskcast.runs.swapping import generations_folder
from maskcast.ui.web.controller import HowToRun, RunController
from maskcast.ui.web.run_state import Live, RunChoice, RunProgress
from support import picture, result_digests, write_png
from web_support import Quiet


@pytest.fixture
def project(tmp_path: Path) -> ProjectFolder:
    image, mask = picture(1, 2)
    write_png(tmp_path / "p" / "references" / "r.png", image)
    write_png(tmp_path / "labels" / "r.png", mask.astype(np.uint8) * 255)
    for number in range(5):
        write_png(tmp_path / "p" / "targets" / f"{number}.png", picture(number, number % 2)[0])
    (tmp_path / "p" / "targets" / "broken.png").write_bytes(b"")
    opened = ProjectFolder.open(tmp_path / "p", {"engine": "fake"})
    import_annotations(opened, "masks", tmp_path / "labels")
    return opened


def wait_for(controller: RunController, met: Callable[[RunProgress], bool]) -> RunProgress:
    for _ in range(600):
        progress = controller.progress()
        if met(progress):
            return progress
        time.sleep(0.02)
    raise AssertionError(f"it never came: {controller.progress()}")


def wait_until_idle(controller: RunController) -> RunProgress:
    return wait_for(controller, lambda progress: progress.state == "idle")


def test_it_writes_what_the_command_line_writes(project: ProjectFolder, tmp_path: Path) -> None:
    run_project(
        ProjectFolder.open(project.root, {"engine": "fake", "paths": {"output": "cli"}}), Quiet()
    )
    controller = RunController(project)
    assert controller.start(RunChoice())
    progress = wait_until_idle(controller)
    assert (progress.total, progress.done, progress.empty, progress.failed) == (6, 5, 3, 1)
    assert progress.choice == RunChoice("fake")
    assert progress.error is None
    assert result_digests(project.output_folder) == result_digests(project.root / "cli")
    assert tmp_path.exists()


def test_another_server_offers_the_settings_of_the_results(project: ProjectFolder) -> None:
    controller = RunController(project)
    assert controller.progress().choice is None
    assert controller.start(RunChoice(threshold=0.7))
    assert controller.progress().choice == RunChoice("fake", 0.7)
    before = wait_until_idle(controller)

    another = RunController(ProjectFolder.open(project.root))
    choice = another.progress().choice
    assert choice == RunChoice("fake", 0.7)
    (project.root / "targets" / "5.png").write_bytes(
        (project.root / "targets" / "0.png").read_bytes()
    )
    assert another.start(choice)
    after = wait_until_idle(another)

    assert after.error is None
    assert after.done == before.done + 1


@dataclass(frozen=True)
class Watched:
    """Passes on what an observer is told, and looks after each."""

    observer: RunObserver
    look: Callable[[], object]

    def stage(self, stage: RunStage) -> None:
        self.observer.stage(stage)
        self.look()

    def note(self, text: str) -> None:
        self.observer.note(text)

    def tested(self, selftest: SelfTest, names: Mapping[int, str]) -> None:
        self.observer.tested(selftest, names)

    def start(self, total: int, counts: LedgerCounts) -> None:
        self.observer.start(total, counts)

    def row(self, row: TargetRow) -> None:
        self.observer.row(row)
        self.look()


def test_a_page_is_told_what_the_self_test_says_during_the_run_and_after_a_restart(
    project: ProjectFolder,
) -> None:
    selftest = SelfTest("pixel", (Trial("r.png", 1, True, 0.5, 9, 0.5),))
    live = Live()
    live.tested(selftest, {1: "scratch"})
    during = live.progress(stopping=False, total=5).to_json()["selftest"]
    assert during["en"][0].startswith("scratch: expect an IoU of ")
    assert during["ko"][0].startswith("scratch: 예상 IoU ")

    run_project(project, Quiet())
    with Ledger.open(project.ledger_path) as ledger:
        ledger.keep_selftest(selftest)
    after = RunController(project).progress()
    assert after.notes == ()
    assert [said[0].split(":")[1] for said in after.selftest.values()] == [
        said[0].split(":")[1] for said in during.values()
    ]


def test_a_page_is_told_what_the_run_is_busy_with(
    project: ProjectFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    controller = RunController(project)
    told: list[object] = []

    def look() -> None:
        told.append(controller.progress().to_json()["stage"])

    def watched(project: ProjectFolder, live: RunObserver, **options: object) -> object:
        look()
        return run_project(project, Watched(live, look), **options)  # type: ignore[arg-type]

    monkeypatch.setattr("maskcast.ui.web.controller.run_project", watched)
    controller.start(RunChoice())
    done = wait_until_idle(controller)
    reading, learning, *masking = told
    assert reading == {"name": "reading", "references": 0, "engine": ""}
    assert learning == {"name": "learning", "references": 1, "engine": "fake"}
    assert masking == [{"name": "masking", "references": 1, "engine": "fake"}] * 6
    assert done.stage is None


def test_a_second_start_waits_for_the_first(
    project: ProjectFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = threading.Event()

    def slow(*arguments: object, **options: object) -> object:
        go_on.wait(10)
        return run_project(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr("maskcast.ui.web.controller.run_project", slow)
    controller = RunController(project)
    assert controller.start(RunChoice())
    assert not controller.start(RunChoice())
    assert controller.progress().state == "preparing"
    controller.stop()
    assert controller.progress().state == "stopping"
    go_on.set()
    stopped = wait_until_idle(controller)
    assert (stopped.done, stopped.failed) == (0, 0)
    assert controller.start(RunChoice())
    assert wait_until_idle(controller).done == 5


def test_changed_settings_offer_to_run_again(project: ProjectFolder) -> None:
    controller = RunController(project)
    controller.start(RunChoice())
    wait_until_idle(controller)
    before = result_digests(project.output_folder)
    controller.start(RunChoice(threshold=0.7))
    refused = wait_until_idle(controller)
    assert refused.differs == ("engine settings: threshold None -> 0.7",)
    assert not refused.can_start_afresh
    assert "other settings" in (refused.error or "")
    assert result_digests(project.output_folder) == before
    controller.start(RunChoice(threshold=0.7), "again")
    again = wait_until_idle(controller)
    assert (again.error, again.differs, again.done) == (None, (), 5)
    assert again.renewed is not None
    assert result_digests(generations_folder(project.output_folder) / "1") == before
    assert controller.back() == 1
    assert result_digests(project.output_folder) == before


def test_results_in_a_foreign_ledger_offer_a_fresh_start(project: ProjectFolder) -> None:
    controller = RunController(project)
    controller.start(RunChoice())
    wait_until_idle(controller)
    project.ledger_path.unlink()
    controller.start(RunChoice())
    assert wait_until_idle(controller).can_start_afresh
    controller.start(RunChoice(), "fresh")
    assert wait_until_idle(controller).done == 5


@pytest.mark.parametrize("how", ["go on", "again", "fresh"])
def test_a_run_into_a_folder_of_something_else_is_refused(
    project: ProjectFolder, how: HowToRun
) -> None:
    before = sorted(project.root.rglob("*"))
    for place in (project.root, project.targets_folder):
        opened = ProjectFolder.open(project.root, {"engine": "fake", "paths": {"output": place}})
        controller = RunController(opened)
        controller.start(RunChoice(), how)
        refused = wait_until_idle(controller).error
        assert "results go into a folder of their own" in (refused or "")
    assert sorted(project.root.rglob("*")) == before


def test_an_output_in_use_elsewhere_is_said(project: ProjectFolder) -> None:
    controller = RunController(project)
    with output_lock(project.output_folder):
        controller.start(RunChoice())
        progress = wait_until_idle(controller)
    assert "another run is writing" in (progress.error or "")
    assert not progress.can_start_afresh


def test_a_run_of_the_command_line_is_seen(project: ProjectFolder) -> None:
    controller = RunController(project)
    assert controller.progress().total == 6
    run_project(project, Quiet(), limit=3)
    progress = controller.progress()
    assert (progress.state, progress.done, progress.elsewhere) == ("idle", 3, True)
    controller.start(RunChoice())
    assert not wait_until_idle(controller).elsewhere


def test_closing_tells_whether_a_run_was_cut(
    project: ProjectFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    controller = RunController(project)
    assert not controller.close()
    controller.start(RunChoice())
    wait_until_idle(controller)
    assert not controller.close()

    def stopped(*_: object, stop: threading.Event, **__: object) -> object:
        stop.wait(10)
        return run_project(project, Quiet(), stop=stop)

    (project.targets_folder / "new.png").write_bytes(b"")
    monkeypatch.setattr("maskcast.ui.web.controller.run_project", stopped)
    controller.start(RunChoice())
    assert controller.close()


def test_anything_that_breaks_is_told_and_the_next_run_works(
    project: ProjectFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    controller = RunController(project)

    def broken(*_: object, **__: object) -> object:
        raise RuntimeError("out of luck")

    with monkeypatch.context() as patched:
        patched.setattr("maskcast.ui.web.controller.run_project", broken)
        controller.start(RunChoice())
        assert "out of luck" in (wait_until_idle(controller).error or "")
    controller.start(RunChoice())
    assert wait_until_idle(controller).error is None


@pytest.mark.skipif(sys.platform != "linux", reason="threads count one by one on Linux only")
def test_a_run_and_all_its_threads_give_way_to_clicks(
    project: ProjectFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[int] = []

    def note() -> None:
        found.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))

    def running(*_: object, **__: object) -> object:
        note()
        with ThreadPoolExecutor(1) as pool:
            pool.submit(note).result()
        return run_project(project, Quiet())

    monkeypatch.setattr("maskcast.ui.web.controller.run_project", running)
    controller = RunController(project)
    controller.start(RunChoice())
    wait_until_idle(controller)
    note()
    run, started_by_it, page = found
    assert run == started_by_it
    assert run > page


@pytest.mark.parametrize("choice", [RunChoice(threshold=0.0), RunChoice(threshold=1.5)])
def test_a_choice_out_of_range_is_refused(project: ProjectFolder, choice: RunChoice) -> None:
    with pytest.raises(SettingsError, match="threshold"):
        RunController(project).start(choice)


def test_a_choice_is_what_the_flags_are(project: ProjectFolder) -> None:
    chosen = RunChoice("sam2", 0.4, "sam2.1-tiny").apply(project)
    flags = {"engine": "sam2", "threshold": 0.4, "weights": "sam2.1-tiny"}
    assert chosen.settings == ProjectFolder.open(project.root, flags).settings


def test_weights_of_the_project_stay_with_its_engine(project: ProjectFolder) -> None:
    opened = ProjectFolder.open(project.root, {"engine": "sam2", "weights": "sam2.1-tiny"})
    assert RunChoice("sam2").apply(opened).settings.weights == "sam2.1-tiny"
    assert RunChoice(None).apply(opened).settings.weights == "sam2.1-tiny"
    assert RunChoice("pixel").apply(opened).settings.weights is None


def test_a_new_target_is_counted_without_a_listing(
    project: ProjectFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    controller = RunController(project)
    assert controller.progress().total == 6

    def listed(_: ProjectFolder) -> None:
        raise AssertionError("the folder was listed again")

    monkeypatch.setattr(ProjectFolder, "stream_targets", listed)
    controller.note_new_target()
    assert controller.progress().total == 7


def test_no_page_waits_for_references_that_take_long(
    project: ProjectFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_project(project, Quiet())
    looked_at = threading.Event()
    compare = ReferenceWatch.compare

    def slowly(watch: ReferenceWatch, fingerprint: Fingerprint) -> ReferenceChanges:
        looked_at.wait(30)
        return compare(watch, fingerprint)

    monkeypatch.setattr(ReferenceWatch, "compare", slowly)
    controller = RunController(project)
    assert controller.progress().since is None
    looked_at.set()
    assert controller._watched is not None
    controller._watched.result(30)
    assert controller.progress().since == ReferenceChanges()
