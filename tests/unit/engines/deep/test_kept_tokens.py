"""What is kept of references that were encoded."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from maskcast.engines.deep import kept_tokens
from maskcast.engines.deep.encoder import TokenMaps
from maskcast.engines.deep.kept_tokens import KeptTokens
from maskcast.types import RgbImage

SIGNATURE = {"weights": "abc", "dtype": "float32"}


class Eye:
    """An encoder that counts the pictures it is shown."""

    def __init__(self) -> None:
        self.seen = 0

    def __call__(self, images: Sequence[RgbImage], scale: float) -> list[TokenMaps]:
        self.seen += len(images)
        return [np.full((4, 2, 2), image.mean() * scale, np.float16) for image in images]


def picture(seed: int) -> RgbImage:
    return np.full((8, 8, 3), seed, np.uint8)


def test_each_picture_is_encoded_once_for_each_scale() -> None:
    eye, kept = Eye(), KeptTokens(SIGNATURE, None)
    first = kept.of([picture(1), picture(2)], 1.0, eye)
    again = kept.of([picture(2), picture(3), picture(1), picture(3)], 1.0, eye)
    assert eye.seen == 3
    for maps, truth in zip(again, (first[1], None, first[0], None), strict=True):
        if truth is not None:
            np.testing.assert_array_equal(maps, truth)
    assert [float(maps[0, 0, 0]) for maps in again] == [2, 3, 1, 3]
    assert float(kept.of([picture(1)], 2.0, eye)[0][0, 0, 0]) == 2
    assert eye.seen == 4


def test_the_next_run_finds_them_and_other_weights_do_not(tmp_path: Path) -> None:
    eye = Eye()
    (first,) = KeptTokens(SIGNATURE, tmp_path).of([picture(5)], 1.0, eye)
    (again,) = KeptTokens(SIGNATURE, tmp_path).of([picture(5)], 1.0, eye)
    np.testing.assert_array_equal(first, again)
    assert eye.seen == 1
    KeptTokens(SIGNATURE | {"weights": "xyz"}, tmp_path).of([picture(5)], 1.0, eye)
    assert eye.seen == 2


def test_a_damaged_file_is_encoded_again(tmp_path: Path) -> None:
    eye = Eye()
    KeptTokens(SIGNATURE, tmp_path).of([picture(5)], 1.0, eye)
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:20])
    (maps,) = KeptTokens(SIGNATURE, tmp_path).of([picture(5)], 1.0, eye)
    assert (eye.seen, float(maps[0, 0, 0])) == (2, 5)


def test_a_folder_that_cannot_be_written_is_told_and_no_error(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_bytes(b"")
    with caplog.at_level(logging.WARNING):
        (maps,) = KeptTokens(SIGNATURE, tmp_path / "file").of([picture(5)], 1.0, Eye())
    assert float(maps[0, 0, 0]) == 5
    assert "kept_tokens in maskcast.toml" in caplog.text


def test_the_oldest_are_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_tokens, "_BYTES_ON_DISK", 500)
    kept = KeptTokens(SIGNATURE, tmp_path)
    kept.of([picture(seed) for seed in range(9)], 1.0, Eye())
    assert 1 <= len(list(tmp_path.iterdir())) < 9
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 500


def test_what_is_larger_than_memory_allows_is_not_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_tokens, "_BYTES_IN_MEMORY", 10)
    eye, kept = Eye(), KeptTokens(SIGNATURE, None)
    for _ in range(2):
        kept.of([picture(1)], 1.0, eye)
    assert eye.seen == 2
