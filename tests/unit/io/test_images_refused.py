"""Files that cannot be read."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from maskcast.errors import ImageError
from maskcast.io.images import read_image
from maskcast.io.read_options import DEFAULT_MAX_PIXELS, ReadOptions
from pictures import bare_png, smooth_photo


@pytest.fixture(scope="module")
def photo() -> npt.NDArray[np.uint8]:
    return smooth_photo()


# ---- files that cannot be read


def assert_refused(path: Path, reason: str, max_pixels: int = DEFAULT_MAX_PIXELS) -> None:
    with pytest.raises(ImageError, match=reason) as caught:
        read_image(path, options=ReadOptions(max_pixels))
    message = str(caught.value)
    assert str(path) in message
    assert "\n" not in message
    assert not message.endswith(".")


@pytest.mark.parametrize("share", [0.05, 0.3, 0.6, 0.9, 0.99])
@pytest.mark.parametrize(
    ("suffix", "options"),
    [
        ("jpg", {}),
        ("jpg", {"progressive": True}),
        ("png", {}),
        ("bmp", {}),
        ("gif", {}),
        ("webp", {}),
        ("ppm", {}),
        ("tif", {}),
        ("tif", {"compression": "tiff_lzw"}),
    ],
)
def test_cut_off_files(
    tmp_path: Path,
    photo: npt.NDArray[np.uint8],
    suffix: str,
    options: dict[str, Any],
    share: float,
) -> None:
    path = tmp_path / f"a.{suffix}"
    noise = np.random.default_rng(0).integers(-20, 20, photo.shape)
    Image.fromarray((photo + noise).clip(0, 255).astype(np.uint8)).save(path, **options)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    assert_refused(path, "cut off")


@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
@pytest.mark.parametrize("suffix", ["png", "ppm"])
def test_cut_off_deep_files(
    tmp_path: Path, photo: npt.NDArray[np.uint8], suffix: str, depth: type[np.generic]
) -> None:
    path = tmp_path / f"a.{suffix}"
    cv2.imwrite(str(path), photo.astype(depth))
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    assert_refused(path, "cut off")


def test_jpeg_whose_end_was_never_copied(tmp_path: Path, photo: npt.NDArray[np.uint8]) -> None:
    # A copy that stopped half-way into a file already set to its full length.
    path = tmp_path / "a.jpg"
    Image.fromarray(photo).save(path)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2].ljust(len(data), b"\0"))
    assert_refused(path, "cut off")


def test_cut_off_jpeg_with_a_whole_thumbnail(tmp_path: Path, photo: npt.NDArray[np.uint8]) -> None:
    thumbnail = io.BytesIO()
    Image.fromarray(photo[:8, :8].copy()).save(thumbnail, "JPEG")
    path = tmp_path / "a.jpg"
    Image.fromarray(photo).save(path, exif=b"Exif\0\0" + thumbnail.getvalue())
    read_image(path)
    path.write_bytes(path.read_bytes()[:-200])
    assert_refused(path, "cut off")


def test_bytes_after_the_end_of_a_jpeg_do_no_harm(
    tmp_path: Path, photo: npt.NDArray[np.uint8]
) -> None:
    path = tmp_path / "a.jpg"
    Image.fromarray(photo).save(path)
    whole = read_image(path).rgb
    path.write_bytes(path.read_bytes() + b"\xff\xda a film clip, as phones append it")
    np.testing.assert_array_equal(read_image(path).rgb, whole)


def test_zero_bytes(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"")
    assert_refused(tmp_path / "a.png", "empty")


@pytest.mark.parametrize("suffix", ["png", "jpg", "tif", "gif"])
def test_text(tmp_path: Path, suffix: str) -> None:
    (tmp_path / f"a.{suffix}").write_text("this is not a picture\n" * 20)
    assert_refused(tmp_path / f"a.{suffix}", "not a PNG, JPEG, TIFF")


@pytest.mark.parametrize(
    "head",
    [b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b"GIF89a", b"BM", b"P6\n", b"II*\0", b"MM\0+"],
)
@given(tail=st.binary(max_size=200))
def test_garbage_after_a_known_head(
    tmp_path_factory: pytest.TempPathFactory, head: bytes, tail: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "garbage.bin"
    path.write_bytes(head + tail)
    with pytest.raises(ImageError, match=r"garbage\.bin cannot be read"):
        read_image(path, options=ReadOptions(100))


def test_missing(tmp_path: Path) -> None:
    assert_refused(tmp_path / "none.png", "no such file")


def test_folder(tmp_path: Path) -> None:
    (tmp_path / "a.png").mkdir()
    assert_refused(tmp_path / "a.png", "folder")


def test_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.png")
    assert_refused(tmp_path / "a.png", "not a regular file")


def test_no_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.png"
    Image.new("L", (2, 2)).save(path)
    path.chmod(0)
    if os.access(path, os.R_OK):  # the superuser may read anything

        def denied(self: Path, *_: object) -> None:
            raise PermissionError(13, "Permission denied", str(self))

        monkeypatch.setattr(Path, "open", denied)
    assert_refused(path, "permission is denied")


def test_broken_link(tmp_path: Path) -> None:
    (tmp_path / "a.png").symlink_to(tmp_path / "gone.png")
    assert_refused(tmp_path / "a.png", "no such file")


def test_decompression_bomb_is_refused_by_its_header(tmp_path: Path) -> None:
    # 60000 x 60000 pixels promised; there is no pixel data to decode at all.
    path = tmp_path / "a.png"
    path.write_bytes(bare_png(60000, 60000, 8, 2, b"0"))
    assert_refused(path, f"60000 x 60000 pixels and the bound is {DEFAULT_MAX_PIXELS}.*max_pixels")


@pytest.mark.parametrize("suffix", ["png", "jpg", "tif", "gif", "bmp", "webp", "ppm"])
def test_the_bound_is_an_option(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    Image.new("RGB", (20, 30)).save(path)
    assert_refused(path, "20 x 30 pixels and the bound is 599.*max_pixels", max_pixels=599)
    assert read_image(path, options=ReadOptions(600)).rgb.shape == (30, 20, 3)


def test_many_channels_count_against_the_bound(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    stack = np.zeros((10, 10, 40), np.uint8)
    tifffile.imwrite(path, stack, photometric="minisblack", planarconfig="contig")
    assert_refused(path, "max_pixels", max_pixels=999)
    read_image(path, options=ReadOptions(1000))


def test_pictures_above_pillows_own_bound_need_only_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    Image.new("RGB", (20, 30)).save(tmp_path / "a.gif")
    assert read_image(tmp_path / "a.gif").rgb.shape == (30, 20, 3)


def test_no_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise MemoryError

    Image.new("RGB", (20, 30)).save(tmp_path / "a.png")
    monkeypatch.setattr("imagecodecs.png_decode", full)
    assert_refused(tmp_path / "a.png", "not enough memory")
