"""What a picture takes to decode is told by its header, and never too little."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image

from maskcast.io.read_options import ReadOptions
from maskcast.io.sizes import picture_size, pixels_in

OPTIONS = ReadOptions(max_pixels=10_000)
SHAPE = (30, 50)


@pytest.mark.parametrize("suffix", ["png", "jpg", "bmp", "webp", "tif", "avif"])
def test_pictures_of_eight_bits(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    if suffix == "tif":
        tifffile.imwrite(path, np.zeros((*SHAPE, 3), np.uint8), photometric="rgb")
    else:
        Image.new("RGB", SHAPE[::-1]).save(path)
    assert pixels_in(path, OPTIONS) in {1500, 4 * 1500}
    assert picture_size(path, OPTIONS) == SHAPE


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_deeper_pixels_count_more(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    cv2.imwrite(str(path), np.zeros(SHAPE, np.uint16))
    assert pixels_in(path, OPTIONS) == 4 * 1500


def test_of_several_pages_the_one_that_is_read_counts(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        writer.write(np.zeros((10, 10), np.uint16), photometric="minisblack")
        writer.write(np.zeros((20, 20), np.uint16), photometric="minisblack")
    assert pixels_in(tmp_path / "a.tif", OPTIONS) == 4 * 100
    assert pixels_in(tmp_path / "a.tif", ReadOptions(10_000, page=2)) == 4 * 400


def test_many_channels_are_many_pixels(tmp_path: Path) -> None:
    stack = np.zeros((9, *SHAPE), np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", stack, planarconfig="separate", photometric="minisblack")
    assert pixels_in(tmp_path / "a.tif", ReadOptions()) >= 4 * 1500


@pytest.mark.parametrize("data", [b"", b"\x89PNG", b"II*\0", b"no picture", b"GIF8"])
def test_what_tells_no_size_counts_as_much_as_any(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.png").write_bytes(data)
    assert pixels_in(tmp_path / "a.png", OPTIONS) == 10_000
    assert pixels_in(tmp_path / "missing.png", OPTIONS) == 10_000


def test_a_claim_beyond_the_bound_counts_as_the_bound(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((200, 200), np.uint8))
    assert pixels_in(tmp_path / "a.png", OPTIONS) == 10_000
