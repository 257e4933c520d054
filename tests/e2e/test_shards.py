"""A run into shards: the same files, resumed exactly, here and in a cluster."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from maskcast.project.folder import ProjectFolder
from maskcast.quality.expectation import SelfTest
from maskcast.runs.ledger import Ledger
from maskcast.runs.ledger_rows import LedgerCounts, TargetRow
from maskcast.runs.run import run_project
from maskcast.runs.shards import unpack
from maskcast.runs.stages import RunStage
from support import MakeProject, Maskcast, result_digests


def unpacked(output: Path) -> dict[str, str]:
    files: dict[str, str] = {}
    for shard in (output / "shards").iterdir():
        found = unpack(shard.read_bytes())
        assert not files.keys() & found.keys(), "a target is in two shards"
        files |= {path: hashlib.sha256(data).hexdigest() for path, data in found.items()}
    return files


def rows(output: Path) -> list[TargetRow]:
    with Ledger.open(output / "run.db") as ledger:
        return list(ledger.rows())


def test_shards_hold_the_files_of_the_folders_and_resume_exactly(
    make_project: MakeProject, maskcast: Maskcast, tmp_path: Path
) -> None:
    project = make_project(10)
    (project / "targets" / "broken.png").write_bytes(b"not a picture")
    whole, packed = tmp_path / "whole", tmp_path / "packed"
    assert maskcast("run", project, "--engine", "fake", "--output", whole).returncode == 3
    command = ["run", project, "--engine", "fake", "--output", packed]
    shards = [*command, "--shards", "--shard-size", "3"]
    assert maskcast(*shards, "--limit", "4").returncode == 0
    before = {path: path.stat().st_mtime_ns for path in (packed / "shards").iterdir()}
    assert len(before) == 2
    refused = maskcast(*command)
    assert refused.returncode == 1
    assert "layout: shards -> None" in refused.stderr
    kept, lost = sorted(before, key=lambda path: len(unpack(path.read_bytes())))
    lost.unlink()
    ended = maskcast(*shards)
    assert ended.returncode == 3, ended.stderr
    assert "shards are gone; done again: 3 targets" in ended.stderr
    assert kept.stat().st_mtime_ns == before[kept], "a shard in place was done again"
    assert unpacked(packed) == result_digests(whole)
    assert [replace(row, shard=None) for row in rows(packed)] == rows(whole)


@pytest.mark.parametrize("told", [1, 2, 5])
def test_a_shard_is_recorded_whole_or_not_at_all(
    make_project: MakeProject, tmp_path: Path, told: int
) -> None:
    project, output = make_project(9), tmp_path / "packed"
    opened = ProjectFolder.open(project, {"engine": "fake", "paths": {"output": output}})

    class Killed(SilentObserver):
        def row(self, row: TargetRow) -> None:  # noqa: ARG002
            self.rows += 1
            if self.rows == told:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_project(opened, Killed(), shard_size=3)
    assert len(rows(output)) % 3 == 0
    assert run_project(opened, SilentObserver(), shard_size=3).pending == 0
    assert len({path.split("/")[-1] for path in unpacked(output) if "bboxes" in path}) == 9


class SilentObserver:
    def __init__(self) -> None:
        self.rows = 0

    def stage(self, stage: RunStage) -> None: ...

    def note(self, text: str) -> None: ...

    def tested(self, selftest: SelfTest, names: Mapping[int, str]) -> None: ...

    def start(self, total: int, counts: LedgerCounts) -> None: ...

    def row(self, row: TargetRow) -> None: ...


def test_packed_results_are_counted_compared_and_exported_as_files_are(
    make_project: MakeProject, maskcast: Maskcast, tmp_path: Path
) -> None:
    project = make_project(7)
    (project / "targets" / "broken.png").write_bytes(b"not a picture")
    said, digests = [], []
    for layout in ([], ["--shards", "--shard-size", "3"]):
        flags = ["--output", tmp_path / f"output {len(layout)}"]
        assert maskcast("run", project, "--engine", "fake", *layout, *flags).returncode == 3
        told = maskcast("status", project, *flags, "--json").stdout
        truth = ["--truth", tmp_path / "truth", "--json"]
        compared = maskcast("evaluate", project, *truth, *flags)
        assert compared.returncode == 0, compared.stderr
        choice = ["--split", "0.5", "0.3", "0.2", "--min-score", "0.2", "--json"]
        export = ["export", "yolo", tmp_path / "yolo", "--project", project, *choice, *flags]
        exported = maskcast(*export)
        assert exported.returncode == 0, exported.stderr
        status = {**json.loads(told), "output": None}
        said.append((status, compared.stdout, exported.stdout))
        digests.append(result_digests(tmp_path / "yolo"))
        (tmp_path / "yolo").rename(tmp_path / f"yolo {len(layout)}")
    assert said[0] == said[1]
    assert digests[0] == digests[1]
    assert len(digests[0]) > 7
