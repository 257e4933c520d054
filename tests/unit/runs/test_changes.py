"""Targets that changed, went away or lost their results; never an old mask for a new picture."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from fake_engine import FakeEngine
from maskcast.errors import FingerprintError, SettingsError
from maskcast.io.digests import digest_of_file
from maskcast.io.listing import ImageStream
from maskcast.io.storage import Place, Url
from maskcast.project.folder import ProjectFolder
from maskcast.results.status import read_status
from maskcast.runs.comparing import TargetList
from maskcast.runs.ledger import Ledger
from maskcast.runs.ledger_rows import TargetRow
from maskcast.runs.run import run_project
from maskcast.runs.shards import unpack
from maskcast.runs.summary import RunSummary
from maskcast.types import MemoryBank, Segmentation
from of_old import turn_into_0_1
from quiet import Quiet
from runnable import draw_target, runnable_project
from support import result_digests

SHARDS = pytest.mark.parametrize("shard_size", [None, 2])


@pytest.fixture
def project(tmp_path: Path) -> ProjectFolder:
    return runnable_project(tmp_path / "project")


def run(
    project: ProjectFolder, shard_size: int | None = None, **options: object
) -> tuple[RunSummary, list[str]]:
    observer = Quiet()
    summary = run_project(project, observer, shard_size=shard_size, **options)  # type: ignore[arg-type]
    return summary, observer.notes


def rows(project: ProjectFolder) -> dict[str, TargetRow]:
    with Ledger.read(project.ledger_path) as ledger:
        return {row.image_id: row for row in ledger.rows()}


def files(project: ProjectFolder) -> dict[str, bytes]:
    """Path in the output -> content, whether in shards or not; a file may be in one shard only."""
    output, found = project.output_folder, dict[str, bytes]()
    for path in output.rglob("*"):
        if path.is_file() and path.suffix in {".png", ".jpg", ".csv"}:
            found[path.relative_to(output).as_posix()] = path.read_bytes()
        elif path.suffix == ".tar":
            packed = unpack(path.read_bytes())
            assert not found.keys() & packed.keys(), "a target is in two shards"
            found |= packed
    return found


def replace_keeping_size_and_name(path: Path, other: Path) -> None:
    """As a camera does that writes BMPs."""
    content = bytearray(other.read_bytes())
    content += b"\0" * (path.stat().st_size - len(content))
    assert len(content) == path.stat().st_size
    path.write_bytes(content)


@SHARDS
def test_a_target_that_was_replaced_is_masked_again_and_no_other(
    project: ProjectFolder, shard_size: int | None
) -> None:
    run(project, shard_size)
    before, kept = rows(project), files(project)
    draw_target(project.root, "1.png", 77)
    told = read_status(project)
    assert (told.changed, told.done, told.pending) == (("1.png",), 2, 1)
    assert "changed since it was done: 1.png" in told.describe()
    summary, notes = run(project, shard_size)
    assert (summary.finished_now, summary.counts.done, summary.pending) == (1, 3, 0)
    assert notes == ["changed since done, done again: 1 target, such as 1.png"]
    now = files(project)
    assert now.keys() == kept.keys()
    assert {path for path in kept if kept[path] != now[path]} >= {"masks/1.png", "overlays/1.jpg"}
    assert all("1." in path for path in kept if kept[path] != now[path])
    fresh, _ = run(project, shard_size, fresh=True)
    assert fresh.counts == summary.counts
    assert files(project) == now, "what was done again is not what a fresh run gives"
    assert before["1.png"].digest != rows(project)["1.png"].digest


def test_the_same_size_does_not_hide_another_picture(project: ProjectFolder) -> None:
    target, other = (project.root / "targets" / name for name in ("0.png", "1.png"))
    smaller, larger = sorted((target, other), key=lambda path: path.stat().st_size)
    run(project)
    replace_keeping_size_and_name(larger, smaller)
    assert read_status(project).changed == (larger.name,)
    assert run(project)[0].finished_now == 1


def test_a_target_that_was_only_touched_is_compared_once(
    project: ProjectFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(project)
    os.utime(project.root / "targets" / "1.png")
    compared: list[Place] = []

    def noting(place: Place) -> bytes:
        compared.append(place)
        return digest_of_file(place)

    monkeypatch.setattr("maskcast.runs.comparing.digest_of_file", noting)
    assert read_status(project).changed == ()
    assert run(project)[0].finished_now == 0
    assert len(compared) == 2
    assert read_status(project).changed == ()
    assert run(project)[0].finished_now == 0
    assert len(compared) == 2, "nothing was read again once the new time was noted"


def test_targets_that_are_gone_count_as_gone_and_come_back(project: ProjectFolder) -> None:
    (project.root / "targets" / "sub").mkdir()
    draw_target(project.root, "sub/9.png", 9)
    run(project)
    shutil.move(project.root / "targets" / "sub", project.root / "away")
    (project.root / "targets" / "2.png").rename(project.root / "2.png")
    summary, notes = run(project)
    assert summary.describe().startswith(f"{project.output_place}: done 2 of 2")
    assert summary.describe().endswith("2 targets are gone")
    assert notes == ["gone, with their results kept: 2 targets, such as 2.png"]
    told = read_status(project)
    assert (told.done, told.pending, told.gone) == (2, 0, ("2.png", "sub/9.png"))
    assert (project.output_folder / "masks" / "2.png").is_file()
    (project.root / "2.png").rename(project.root / "targets" / "2.png")
    summary, _ = run(project)
    assert (summary.gone, summary.finished_now, summary.counts.done) == (1, 0, 3)


def test_targets_in_a_folder_that_cannot_be_listed_are_not_gone(
    project: ProjectFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project.root / "targets" / "sub").mkdir()
    draw_target(project.root, "sub/9.png", 9)
    run(project)
    scandir = os.scandir

    def refusing(path: str) -> Iterator[os.DirEntry[str]]:
        if str(path).endswith("targets/sub"):
            raise PermissionError(13, "permission denied")
        return scandir(path)

    monkeypatch.setattr("maskcast.io.listing.os.scandir", refusing)
    assert run(project)[0].gone == 0
    assert read_status(project).gone == ()


@pytest.mark.parametrize(
    "lost", ["masks/1.png", "overlays/1.jpg", "bboxes/1.csv", "id_masks/1/1.png", "masks"]
)
def test_result_files_that_were_deleted_are_made_again(project: ProjectFolder, lost: str) -> None:
    run(project)
    before = result_digests(project.output_folder)
    path = project.output_folder / lost
    (shutil.rmtree if path.is_dir() else Path.unlink)(path)
    summary, notes = run(project)
    assert summary.finished_now == (3 if lost == "masks" else 1)
    assert notes[0].startswith("lacking result files, done again: ")
    assert result_digests(project.output_folder) == before
    again, notes = run(project)
    assert (replace(again, seconds=0), notes) == (replace(summary, finished_now=0, seconds=0), [])


@SHARDS
def test_chosen_targets_are_done_again_and_no_others(
    project: ProjectFolder, shard_size: int | None
) -> None:
    run(project, shard_size, limit=2)
    (project.root / "targets" / "broken.png").write_bytes(b"not a picture")
    before, done = files(project), project.ledger_path.stat().st_mtime_ns
    observer = Quiet()
    summary = run_project(project, observer, redo=["1.png", "0"], shard_size=shard_size)
    assert sorted(row.image_id for row in observer.rows) == ["0.png", "1.png"]
    assert (summary.finished_now, summary.pending, summary.counts.done) == (2, 2, 2)
    assert files(project) == before
    assert project.ledger_path.stat().st_mtime_ns >= done
    summary, _ = run(project, shard_size)
    assert (summary.counts.done, summary.counts.failed) == (3, 1)
    draw_target(project.root, "broken.png", 5)
    draw_target(project.root, "4.png", 4)
    observer = Quiet()
    summary = run_project(project, observer, redo_failed=True, shard_size=shard_size)
    assert [(row.image_id, row.state) for row in observer.rows] == [("broken.png", "done")]
    assert summary.pending == 1


@pytest.mark.parametrize("name", ["2.jpg", "../references/r.png", "/etc/passwd", ""])
def test_a_target_that_is_not_there_cannot_be_chosen(project: ProjectFolder, name: str) -> None:
    run(project)
    with pytest.raises(SettingsError, match="there is no target"):
        run(project, redo=[name])
    with pytest.raises(SettingsError, match="--fresh does all"):
        run(project, redo=["1.png"], fresh=True)


def test_a_changed_target_that_fails_leaves_no_old_result_that_counts(
    project: ProjectFolder,
) -> None:
    run(project, 2)
    (project.root / "targets" / "1.png").write_bytes(b"not a picture")
    summary, _ = run(project, 2)
    assert (summary.counts.done, summary.counts.failed) == (2, 1)
    old = ("masks/1.", "overlays/1.", "bboxes/1.", "id_masks/1/")
    assert not [path for path in files(project) if path.startswith(old)]


class Idle(FakeEngine):
    """An engine that must not be asked."""

    def memorize(self, _: object) -> MemoryBank:
        raise AssertionError("the references were learnt again")

    def propagate(self, *_: object) -> list[Segmentation]:
        raise AssertionError("a target was masked again")


def renamed(project: ProjectFolder) -> ProjectFolder:
    text = '[[objects]]\nid = 1\nname = "입자"\ncolor = "#ff00ff"\n'
    (project.root / "maskcast.toml").write_text(text, "utf-8")
    return ProjectFolder.open(project.root, {"engine": "fake"})


@SHARDS
def test_names_and_colours_are_drawn_again_without_the_engine(
    project: ProjectFolder, shard_size: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(project, shard_size)
    with Ledger.open(project.ledger_path) as ledger:
        ledger.record_all([replace(row, evidence=1.5) for row in list(ledger.rows())])
    before = files(project)
    monkeypatch.setattr(ProjectFolder, "create_engine", lambda self: Idle(self.engine_settings))
    (project.root / "targets" / "2.png").rename(project.root / "2.png")
    summary, notes = run(renamed(project), shard_size)
    assert (summary.finished_now, summary.counts.done, summary.gone) == (0, 2, 1)
    assert notes[0] == "names or colours changed; drawn again: 2 results"
    now = files(project)
    changed = {path for path in before if before[path] != now[path]}
    assert changed == {"masks/0.png", "masks/1.png", "overlays/0.jpg", "overlays/1.jpg"}
    with Ledger.read(project.ledger_path) as ledger:
        assert {row.evidence for row in ledger.rows()} == {1.5}
    monkeypatch.undo()
    (project.root / "2.png").rename(project.root / "targets" / "2.png")
    assert run(renamed(project), shard_size)[1] == [
        "names or colours changed; drawn again: 1 result"
    ]
    now = files(project)
    assert run(renamed(project), shard_size)[1] == []
    run(renamed(project), shard_size, fresh=True)
    assert files(project) == now, "what was drawn again is not what a fresh run draws"


def test_new_targets_are_masked_after_a_colour_changed(project: ProjectFolder) -> None:
    run(project)
    draw_target(project.root, "3.png", 3)
    summary, _ = run(renamed(project))
    assert (summary.finished_now, summary.counts.done) == (1, 4)
    with pytest.raises(FingerprintError):
        run(ProjectFolder.open(project.root, {"engine": "fake", "threshold": 0.3}))


@pytest.mark.parametrize("color", [[230, 159, 0], [1, 2, 3]], ids=["alike", "other"])
def test_an_output_of_0_1_is_gone_on_with(project: ProjectFolder, color: list[int]) -> None:
    run(project, limit=2)
    turn_into_0_1(project.ledger_path, {"1": ["object 1", color], "9": ["other", [0, 0, 0]]})
    summary, notes = run(project)
    assert (summary.finished_now, summary.counts.done) == (1, 3)
    redrawn = color == [1, 2, 3]
    assert notes == ["names or colours changed; drawn again: 2 results"] * redrawn
    draw_target(project.root, "0.png", 50)
    assert run(project)[0].finished_now == 1


def test_objects_in_a_store_are_told_by_their_tags(tmp_path: Path) -> None:
    pytest.importorskip("fsspec")
    place = Url.parse("memory://changing")
    for name in ("a.png", "b.png", "c.png"):
        (place / name).write_bytes(name.encode())
    tags = {entry.url.name: entry.tag for entry in place.entries()}
    assert all(isinstance(tag, str) for tag in tags.values())
    with Ledger.create(tmp_path / "run.db", {}) as ledger:
        for name in tags:
            digest = digest_of_file(place / name)
            ledger.record(TargetRow(name, name, "done", file_size=5, tag=tags[name], digest=digest))
        time.sleep(0.001)  # the store here tells objects by their time
        (place / "b.png").write_bytes(b"B.png")
        (place / "c.png").write_bytes(b"c.png")
        targets = TargetList(ImageStream(place), place, ledger)
        assert [group.image_ids for group in targets.groups()] == [["a.png", "b.png", "c.png"]]
        assert targets.changed == ["b.png"]
        assert set(targets.touched) == {"c.png"}


def test_the_summary_tells_what_is_gone_to_programs(project: ProjectFolder) -> None:
    run(project)
    (project.root / "targets" / "2.png").unlink()
    assert json.loads(json.dumps(run(project)[0].to_json()))["gone"] == 1
