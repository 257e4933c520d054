from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from maskcast.errors import StorageError
from maskcast.io.atomic import is_temporary, remove_stale_temporaries, write_atomically


def _names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def _fail_replace(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    def replace(self: Path, target: Path) -> Path:
        raise OSError(number, os.strerror(number), str(self), None, str(target))

    monkeypatch.setattr(Path, "replace", replace)


def test_creates_parents_and_leaves_only_the_file(tmp_path: Path) -> None:
    write_atomically(tmp_path / "a" / "b" / "c.bin", b"one")
    assert (tmp_path / "a" / "b" / "c.bin").read_bytes() == b"one"
    assert _names(tmp_path / "a" / "b") == ["c.bin"]


def test_replaces_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "c.bin").write_bytes(b"a much longer old content")
    write_atomically(tmp_path / "c.bin", b"new")
    assert (tmp_path / "c.bin").read_bytes() == b"new"


@pytest.mark.parametrize("name", ["n" * 255, "결" * 85])
def test_a_name_of_255_bytes_can_be_written(tmp_path: Path, name: str) -> None:
    write_atomically(tmp_path / name, b"x")
    assert _names(tmp_path) == [name]


def test_a_name_that_is_too_long_concerns_only_that_file(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="\\[Errno") as caught:
        write_atomically(tmp_path / ("n" * 256), b"x")
    assert caught.value.errno == errno.ENAMETOOLONG
    assert _names(tmp_path) == []


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_a_storage_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    (tmp_path / "a").write_bytes(b"old")
    _fail_replace(monkeypatch, number)
    with pytest.raises(StorageError, match="no space is left") as caught:
        write_atomically(tmp_path / "a", b"new")
    assert str(tmp_path) in str(caught.value)
    assert (tmp_path / "a").read_bytes() == b"old"
    assert _names(tmp_path) == ["a"]


@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES, errno.EPERM])
def test_a_forbidden_folder_is_a_storage_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    _fail_replace(monkeypatch, number)
    with pytest.raises(StorageError, match="cannot be written") as caught:
        write_atomically(tmp_path / "a", b"x")
    assert str(tmp_path) in str(caught.value)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_seen_by_the_write_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write_bytes(self: Path, data: bytes) -> int:
        self.touch()
        with Path("/dev/full").open("wb", buffering=0) as full:
            return full.write(data)

    monkeypatch.setattr(Path, "write_bytes", write_bytes)
    with pytest.raises(StorageError, match="no space is left"):
        write_atomically(tmp_path / "a", b"x")
    assert _names(tmp_path) == []


def test_a_folder_at_the_path_is_left_as_os_error(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    with pytest.raises(OSError, match="\\[Errno") as caught:
        write_atomically(tmp_path / "a", b"x")
    assert not isinstance(caught.value, StorageError)
    assert _names(tmp_path) == ["a"]


def test_a_file_where_a_folder_is_needed_is_left_as_os_error(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"a file")
    with pytest.raises(OSError, match="\\[Errno") as caught:
        write_atomically(tmp_path / "a" / "b" / "c", b"x")
    assert caught.value.errno in {errno.ENOTDIR, errno.EEXIST}
    assert (tmp_path / "a").read_bytes() == b"a file"


def test_an_interrupt_leaves_no_temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def replace(*_: Path) -> Path:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", replace)
    with pytest.raises(KeyboardInterrupt):
        write_atomically(tmp_path / "a", b"x")
    assert _names(tmp_path) == []


def test_the_temporary_of_a_killed_writer_is_recognised_and_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        _fail_replace(patch, errno.EIO)
        patch.setattr(Path, "unlink", lambda *_, **__: None)
        with pytest.raises(OSError, match="Input/output"):
            write_atomically(tmp_path / "deep" / "a.png", b"half", "0123abcd")
    (left,) = _names(tmp_path / "deep")
    assert left.startswith(".")
    assert is_temporary(left)
    assert remove_stale_temporaries([tmp_path], "0123abcd") == 1
    assert _names(tmp_path / "deep") == []


@pytest.mark.parametrize(
    "name",
    [
        "a.tmp",
        ".mc-01234567.tmp",
        ".mc-0123abce-01234567.tmp",
        ".mc-0123abcd-0123456.tmp",
        ".mc-0123abcd-0123456G.tmp",
        "x.mc-0123abcd-01234567.tmp",
        ".mc-0123abcd-01234567.tmp.png",
    ],
)
def test_only_temporaries_of_the_owner_are_removed(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"someone else's")
    assert remove_stale_temporaries([tmp_path], "0123abcd") == 0
    assert _names(tmp_path) == [name]


def test_links_to_folders_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / ".mc-0123abcd-01234567.tmp").write_bytes(b"x")
    (tmp_path / "output").mkdir()
    (tmp_path / "output" / "link").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    assert remove_stale_temporaries([tmp_path / "output"], "0123abcd") == 0


def test_a_folder_that_does_not_exist_has_no_temporaries(tmp_path: Path) -> None:
    assert remove_stale_temporaries([tmp_path / "none"], "0123abcd") == 0
