"""What a killed server left of uploads goes; what is being written stays."""

from __future__ import annotations

from pathlib import Path

import pytest

from maskcast.io.atomic import temporary_name
from maskcast.ui.web.spool import remove_left_behind, spooled


def test_a_spooled_file_is_gone_afterwards(tmp_path: Path) -> None:
    with spooled(tmp_path) as (path, file):
        file.write(b"x")
        assert list(tmp_path.iterdir()) == [path]
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(LookupError), spooled(tmp_path):
        raise LookupError
    assert list(tmp_path.iterdir()) == []


def test_what_is_left_behind_is_removed_and_nothing_else(tmp_path: Path) -> None:
    left = [tmp_path / temporary_name("upload"), tmp_path / "a" / "b" / temporary_name("upload")]
    other = [
        tmp_path / "a" / temporary_name("run1"),
        tmp_path / temporary_name(),
        tmp_path / ".mc-upload-notes.tmp",
        tmp_path / "a.png",
    ]
    for path in (*left, *other):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    with spooled(tmp_path / "a") as (in_work, _):
        assert remove_left_behind([tmp_path, tmp_path / "missing"]) == 2
        assert in_work.exists(), "another server is writing it"
    assert not any(path.exists() for path in left)
    assert all(path.exists() for path in other)


def test_links_out_are_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    kept = outside / temporary_name("upload")
    kept.write_bytes(b"x")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "link").symlink_to(outside)
    assert remove_left_behind([tmp_path / "in"]) == 0
    assert kept.exists()
