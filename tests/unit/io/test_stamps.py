"""A file's stamp changes when the file does."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from maskcast.io.stamps import stamp_of
from maskcast.io.storage import Place, Url


def test_a_stamp_is_the_same_until_the_file_is_written_again(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"one")
    os.utime(path, ns=(5, 7))
    first = stamp_of(path)
    assert first == (7, 3)
    assert stamp_of(path) == first
    path.write_bytes(b"longer")
    os.utime(path, ns=(5, 7))
    assert stamp_of(path) == (7, 6)
    os.utime(path, ns=(5, 8))
    assert stamp_of(path) == (8, 6)


@pytest.mark.parametrize("place", [None, Path("gone.png"), Url("s3://bucket", "a.png")])
def test_what_cannot_be_told_has_none(place: Place | None) -> None:
    assert stamp_of(place) is None
