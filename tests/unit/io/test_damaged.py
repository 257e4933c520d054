"""Damaged pictures never pass as whole: refused, or taken with a note where that was asked for."""

from __future__ import annotations

import io
from pathlib import Path

import cv2
import imagecodecs
import numpy as np
import numpy.typing as npt
import pytest
import tifffile
from PIL import Image

from maskcast.errors import ImageError
from maskcast.io.images import read_image
from maskcast.io.read_options import ReadOptions

ACCEPTING = ReadOptions(accept_damaged=True)


def photo(side: int = 256) -> npt.NDArray[np.uint8]:
    """Waves and noise: no part of it looks like what a decoder fills in."""
    rng = np.random.default_rng(0)
    waves = 96 + 60 * np.sin(np.add.outer(np.arange(side), 2 * np.arange(side)) / 9)
    noisy = waves[..., None] + rng.normal(0, 12, (side, side, 3))
    return np.clip(noisy, 0, 255).astype(np.uint8)


def jpeg(progressive: bool = False) -> bytes:
    options = [cv2.IMWRITE_JPEG_PROGRESSIVE, int(progressive)]
    return cv2.imencode(".jpg", photo(), options)[1].tobytes()


def with_zeros(data: bytes, size: int) -> bytes:
    middle = len(data) // 2
    return data[:middle] + bytes(size) + data[middle + size :]


def without(data: bytes, size: int) -> bytes:
    middle = len(data) // 2
    return data[:middle] + data[middle + size :]


def tiff_without_strips(count: int) -> bytes:
    """Of 16 strips only so many are there: their places in the file are beyond its end."""
    stream = io.BytesIO()
    tifffile.imwrite(stream, photo(), photometric="rgb", rowsperstrip=16, compression="lzw")
    with tifffile.TiffFile(io.BytesIO(stream.getvalue())) as tiff:
        return stream.getvalue()[: tiff.pages[0].dataoffsets[count]]


def png() -> bytes:
    return cv2.imencode(".png", photo())[1].tobytes()


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("zeroed.jpg", with_zeros(jpeg(), 2000)),
        ("missing.jpg", without(jpeg(), 500)),
        ("progressive.jpg", without(jpeg(progressive=True), 500)),
        ("strips.tif", tiff_without_strips(3)),
        ("zeroed.png", with_zeros(png(), 2000)),
        ("cut.bmp", cv2.imencode(".bmp", photo())[1].tobytes()[:-5000]),
    ],
)
def test_damage_is_refused_and_taken_only_where_that_is_asked_for(
    tmp_path: Path, name: str, data: bytes
) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(ImageError, match=r"damaged.*accept it with --accept-damaged") as caught:
        read_image(path)
    assert str(path) in str(caught.value)
    decoded = read_image(path, options=ACCEPTING)
    assert decoded.rgb.shape == (256, 256, 3)
    assert any("damaged" in note for note in decoded.notes)
    # Something of the picture is there, and the rest is not made up from it.
    same = np.abs(decoded.rgb.astype(int) - photo()[..., ::-1]).max(axis=2) < 60
    if name.endswith(".tif"):
        same = (decoded.rgb == photo()).all(axis=2)
    # The last scans of a progressive file only refine what is there.
    assert 0.05 < same.mean() < (1.0 if name == "progressive.jpg" else 0.99)


@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_that_lacks_only_its_end_marker_is_whole(tmp_path: Path, progressive: bool) -> None:
    whole, path = tmp_path / "whole.jpg", tmp_path / "noeoi.jpg"
    whole.write_bytes(jpeg(progressive))
    path.write_bytes(jpeg(progressive)[:-2])
    decoded = read_image(path)
    np.testing.assert_array_equal(decoded.rgb, read_image(whole).rgb)
    assert decoded.notes == ("its end marker is missing; all pixels are there",)


def test_padding_before_the_end_marker_is_no_damage(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(jpeg()[:-2] + bytes(6) + b"\xff\xd9")
    assert read_image(path).notes == ()


def test_a_small_file_that_claims_much_is_refused(tmp_path: Path) -> None:
    blank = bytearray(cv2.imencode(".jpg", np.full((1200, 1200), 128, np.uint8))[1].tobytes())
    frame = blank.find(b"\xff\xc0")
    blank[frame + 5 : frame + 9] = (14_000).to_bytes(2) * 2
    (tmp_path / "a.jpg").write_bytes(bytes(blank))
    with pytest.raises(ImageError, match="claims 14000 x 14000 pixels"):
        read_image(tmp_path / "a.jpg")


@pytest.mark.parametrize("suffix", ["jp2", "j2k", "jxl", "avif", "webp"])
def test_kinds_that_libraries_here_read_are_read(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    stream = io.BytesIO()
    if suffix in {"jp2", "j2k"}:
        stream.write(imagecodecs.jpeg2k_encode(photo(64), codecformat=suffix))
    elif suffix == "jxl":
        stream.write(imagecodecs.jpegxl_encode(photo(64), lossless=True))
    else:
        Image.fromarray(photo(64)).save(stream, suffix, lossless=True, quality=100)
    path.write_bytes(stream.getvalue())
    found = read_image(path).rgb.astype(int)
    # AVIF keeps colour at half the size, whatever the quality.
    assert np.abs(found - photo(64)).mean() <= (12 if suffix == "avif" else 0)


def test_the_page_and_the_channel_that_are_chosen_are_shown(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    pages = [np.full((8, 9), value, np.uint8) for value in (10, 20, 30)]
    with tifffile.TiffWriter(path) as writer:
        for page in pages:
            writer.write(page, photometric="minisblack", contiguous=False)
    assert (read_image(path).rgb == 10).all()
    assert any("[images] page" in note for note in read_image(path).notes)
    chosen = read_image(path, options=ReadOptions(page=3))
    assert (chosen.rgb == 30).all()
    assert chosen.notes == ()
    with pytest.raises(ImageError, match=r"3 pages and .* page is 4"):
        read_image(path, options=ReadOptions(page=4))
    color = tmp_path / "b.png"
    Image.fromarray(np.dstack(pages)).save(color)
    assert (read_image(color, options=ReadOptions(channel=2)).rgb == 20).all()
    with pytest.raises(ImageError, match=r"3 channels and .* channel is 4"):
        read_image(color, options=ReadOptions(channel=4))
    Image.fromarray(pages[0]).save(color)  # a gray picture has no other channel
    assert (read_image(color, options=ReadOptions(channel=2)).rgb == 10).all()
