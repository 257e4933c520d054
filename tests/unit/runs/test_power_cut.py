"""A power cut at any moment leaves no row in the ledger whose files are not on the disk.

The disk is drawn here: what reached it is what was there when a sync was asked for. Of everything
else a power cut leaves the name of a file and none of its bytes, which is what file systems do.
"""

from __future__ import annotations

import errno
import os
import sqlite3
import sys
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from maskcast.errors import StorageError
from maskcast.io import on_disk
from maskcast.project.folder import ProjectFolder
from maskcast.runs.ledger import Ledger
from maskcast.runs.ledger_rows import TargetRow
from maskcast.runs.run import run_project
from maskcast.runs.swapping import swap
from quiet import Quiet
from runnable import runnable_project
from support import result_digests

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="draws a disk of Linux")

Files = dict[str, bytes]


def files_in(folder: Path) -> Files:
    """All but the ledger's own files, and those that another thread renames meanwhile."""
    files = {}
    for path in folder.rglob("*"):
        if path.is_file() and not path.name.startswith("run.db"):
            with suppress(FileNotFoundError):
                files[path.relative_to(folder).as_posix()] = path.read_bytes()
    return files


@dataclass
class Disk:
    """What would be left of an output.

    Attributes:
        synced: files and contents that reached the disk.
        moments: after each commit of the ledger: what a power cut then leaves.
    """

    output: Path
    synced: Files = field(default_factory=dict)
    moments: list[tuple[Files, bytes]] = field(default_factory=list)

    def sync(self, _: Path) -> None:
        self.synced = files_in(self.output)

    def committed(self) -> None:
        left = {name: self.synced.get(name, b"") for name in files_in(self.output)}
        self.moments.append((left, ledger_bytes(self.output / "run.db")))


def ledger_bytes(path: Path) -> bytes:
    """The ledger with its log, as a whole file."""
    copy = path.with_name("copy")
    with closing(sqlite3.connect(path)) as found, closing(sqlite3.connect(copy)) as into:
        found.backup(into)
    content = copy.read_bytes()
    copy.unlink()
    return content


@pytest.fixture
def project(tmp_path: Path) -> ProjectFolder:
    return runnable_project(tmp_path / "project", targets=12, batch_size=2)


def watched(project: ProjectFolder, monkeypatch: pytest.MonkeyPatch) -> Disk:
    """A disk that sees every sync and every commit of runs from now on."""
    disk = Disk(project.output_folder)
    record_all = Ledger.record_all

    def record(self: Ledger, rows: Sequence[TargetRow]) -> None:
        record_all(self, rows)
        disk.committed()

    monkeypatch.setattr(on_disk, "_sync_file_system", disk.sync)
    monkeypatch.setattr(Ledger, "record_all", record)
    monkeypatch.setattr("maskcast.runs.recorder._COMMIT_EVERY_S", 0.0)
    return disk


def test_a_run_goes_on_after_a_power_cut_as_if_nothing_had_been(
    project: ProjectFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        disk = watched(project, patch)
        run_project(project, Quiet())
    whole = result_digests(project.output_folder)
    assert len(disk.moments) > 3
    for number, (left, ledger) in enumerate(disk.moments):
        output = tmp_path / f"after {number}"
        for name, content in left.items():
            path = output / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        (output / "run.db").write_bytes(ledger)
        run_project(
            ProjectFolder.open(project.root, {"engine": "fake", "paths": {"output": output}}),
            Quiet(),
        )
        assert result_digests(output) == whole, number


def test_each_file_and_folder_is_synced_where_there_is_no_call_for_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[Path] = []

    def note(descriptor: int) -> None:
        synced.append(Path(f"/proc/self/fd/{descriptor}").readlink())

    monkeypatch.setattr(
        os, "fsync", lambda fd: synced.append(Path(f"/proc/self/fd/{fd}").readlink())
    )
    path = tmp_path / "out" / "masks" / "lot" / "a.png"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"x")
    on_disk._sync_each(tmp_path / "out", [path, path.with_name("gone.png")])
    assert synced[0] == path
    assert set(synced[1:]) == {tmp_path / "out", tmp_path / "out/masks", path.parent}


@pytest.mark.parametrize(
    ("number", "sentence"),
    [(errno.ENOSPC, "no space is left"), (errno.EIO, "look after the disk")],
)
def test_a_disk_that_fails_ends_a_run_with_a_sentence_and_without_rows(
    project: ProjectFolder, monkeypatch: pytest.MonkeyPatch, number: int, sentence: str
) -> None:
    run_project(project, Quiet(), limit=2)

    def fail(_: Path) -> None:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr(on_disk, "_sync_file_system", fail)
        with pytest.raises(StorageError, match=sentence):
            run_project(project, Quiet())
    with Ledger.read(project.ledger_path) as ledger:
        assert ledger.counts().done == 2
    run_project(project, Quiet())
    with Ledger.read(project.ledger_path) as ledger:
        assert ledger.counts().done == 12


def test_a_swap_is_written_down_before_anything_moves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output, folder = tmp_path / "output", tmp_path / "output.generations"
    for place in (output, folder / "next"):
        place.mkdir(parents=True)
    seen: list[tuple[bool, bool]] = []
    monkeypatch.setattr(
        on_disk,
        "_sync_file_system",
        lambda _: seen.append(((folder / "moving.json").stat().st_size > 0, output.exists())),
    )
    monkeypatch.setattr(Path, "rename", lambda *_: seen.append((False, False)))
    swap(output, folder / "next", folder / "1")
    assert seen[0] == (True, True)
