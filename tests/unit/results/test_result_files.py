"""Files of results are read wherever they lie, and a tar is not trusted."""

from __future__ import annotations

import io
import os
import pickle
import shutil
import tarfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from finished import SIZE, finished_project, packed
from maskcast.errors import ImageError
from maskcast.io.storage import Url
from maskcast.project.folder import ProjectFolder
from maskcast.results import result_files as stored
from maskcast.results.result import read_results
from maskcast.results.result_files import ResultFiles
from maskcast.runs.ledger import Ledger
from maskcast.runs.ledger_rows import TargetRow

FULL = np.ones(SIZE, np.bool_)
NAMES = ["a.b%c.png", "a.png", "a.jpg", "deep.er/x.png", "deep.er/한 글.png", "z.png", "zz.png"]
ROW = TargetRow("a.png", "a", "done", SIZE, shard="x.tar")
EXPECTED = "a.overlay.jpg"


@pytest.fixture
def projects(tmp_path: Path) -> tuple[ProjectFolder, ProjectFolder]:
    """One whose results are files, and the same in shards of two."""
    whole = finished_project(tmp_path / "p", {name: {1: FULL, 12: FULL} for name in NAMES})
    return whole, packed(whole, 2, tmp_path / "packed")


@pytest.fixture
def indexed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the shards whose headers are read."""
    asked: list[str] = []
    extents = stored._extents

    def watched(file: io.BufferedReader, size: int) -> Iterator[tuple[str, tuple[int, int]]]:
        asked.append(Path(file.name).name)
        return extents(file, size)

    monkeypatch.setattr(stored, "_extents", watched)
    return asked


def rows(project: ProjectFolder) -> list[TargetRow]:
    with Ledger.open(project.ledger_path) as ledger:
        return list(ledger.rows())


def test_shards_give_the_bytes_of_the_files_and_each_is_indexed_once(
    projects: tuple[ProjectFolder, ProjectFolder], indexed: list[str]
) -> None:
    files = [ResultFiles(one.output_place) for one in projects]
    for whole, member in zip(*map(rows, projects), strict=True):
        assert whole == replace(member, shard=None)
        assert files[0].overlay(whole).read_bytes() == files[1].overlay(member).read_bytes()
        for key in (1, 12):
            data = [
                each.id_mask(row, key) for each, row in zip(files, (whole, member), strict=True)
            ]
            assert data[0].read_bytes() == data[1].read_bytes()
    assert len(indexed) == len(set(indexed)) == 4


def test_results_of_shards_can_be_kept_sent_and_read_in_any_order(
    projects: tuple[ProjectFolder, ProjectFolder],
    monkeypatch: pytest.MonkeyPatch,
    indexed: list[str],
) -> None:
    monkeypatch.setattr(stored, "_MOST_MEMBERS", 1)
    results = list(read_results(projects[1]))
    sent = pickle.loads(pickle.dumps(results[0]))  # noqa: S301 (our own)
    np.testing.assert_array_equal(sent.masks()[12], FULL)
    for result in [*results, *reversed(results)]:
        assert sorted(result.masks()) == [1, 12]
    assert len(indexed) == 1 + 4 + 3, "only the last shard is kept"


def test_shards_in_a_store_are_copied_here_and_few_copies_are_kept(
    projects: tuple[ProjectFolder, ProjectFolder], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fsspec = pytest.importorskip("fsspec")
    fsspec.filesystem("memory").put(str(tmp_path / "packed"), "/stored-test", recursive=True)
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    monkeypatch.setattr(stored, "_MOST_COPIES", 2)
    files = ResultFiles(Url("memory", "stored-test"))
    here = ResultFiles(projects[1].output_place)
    for row in rows(projects[1]) * 2:
        assert files.overlay(row).read_bytes() == here.overlay(row).read_bytes()
        assert 1 <= len(list((tmp_path / "temporary").glob("*/*"))) <= 2
    (copied, *_) = (tmp_path / "temporary").glob("*/*")
    shutil.rmtree(copied.parent)  # as cleaners of temporary folders do
    row = rows(projects[1])[-1]
    assert files.overlay(row).read_bytes() == here.overlay(row).read_bytes()
    del files
    assert list((tmp_path / "temporary").iterdir()) == []


def test_a_shard_that_is_gone_comes_back_or_changes_is_noticed(
    projects: tuple[ProjectFolder, ProjectFolder],
) -> None:
    files, row = ResultFiles(projects[1].output_place), rows(projects[1])[0]
    before = files.overlay(row).read_bytes()
    shard = projects[1].output_folder / "shards" / str(row.shard)
    shard.rename(shard.with_name("away"))
    with pytest.raises(ImageError, match=r"the shard .*\.tar is missing; put it back"):
        files.overlay(row).read_bytes()
    os.mkfifo(shard)
    with pytest.raises(ImageError, match="is missing"):
        files.overlay(row).read_bytes()
    shard.unlink()
    data = shard.with_name("away").read_bytes()
    shard.write_bytes(shifted(data))
    assert files.overlay(row).read_bytes() == before


def test_what_is_cut_off_or_no_shard_is_named_and_the_rest_is_read(
    projects: tuple[ProjectFolder, ProjectFolder],
) -> None:
    files, found = ResultFiles(projects[1].output_place), rows(projects[1])
    shard = projects[1].output_folder / "shards" / str(found[0].shard)
    whole = shard.read_bytes()
    shard.write_bytes(whole[: len(whole) // 2])
    first, second = (files.overlay(row) for row in found[:2])
    assert first.read_bytes().startswith(b"\xff\xd8")
    with pytest.raises(ImageError, match=r"\.tar does not hold .*overlay\.jpg: it is damaged"):
        second.read_bytes()
    shard.write_bytes(b"nothing of the kind" * 1000)
    with pytest.raises(ImageError, match="is damaged"):
        first.read_bytes()


def shifted(data: bytes) -> bytes:
    """The same tar with another member first."""
    first = io.BytesIO()
    with tarfile.open(fileobj=first, mode="w") as tar:
        member = tarfile.TarInfo("first")
        member.size = 700
        tar.addfile(member, io.BytesIO(bytes(700)))
        length = tar.offset
    return first.getvalue()[:length] + data


def link(kind: bytes) -> tarfile.TarInfo:
    member = tarfile.TarInfo(EXPECTED)
    member.type, member.linkname = kind, "/etc/hostname"
    return member


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE]
)
def test_only_regular_members_are_read(tmp_path: Path, kind: bytes) -> None:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        tar.addfile(link(kind))
    assert_refused(tmp_path, stream.getvalue())


@pytest.mark.parametrize("size", [10**6, 10**15, -512, -(2**40)])
def test_sizes_that_cannot_be_end_the_shard(tmp_path: Path, size: int) -> None:
    member = tarfile.TarInfo(EXPECTED)
    member.size = size
    assert_refused(tmp_path, member.tobuf(tarfile.GNU_FORMAT) + bytes(20480))


def test_names_of_names_of_names_end_too(tmp_path: Path) -> None:
    long = tarfile.TarInfo("././@LongLink")
    long.type, long.size = tarfile.GNUTYPE_LONGNAME, 0
    assert_refused(tmp_path, long.tobuf(tarfile.GNU_FORMAT) * 5000 + bytes(10240))


def assert_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "shards").mkdir()
    (tmp_path / "shards" / "x.tar").write_bytes(data)
    with pytest.raises(ImageError, match="is damaged or cut off"):
        ResultFiles(tmp_path).overlay(ROW).read_bytes()
