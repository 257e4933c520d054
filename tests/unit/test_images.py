from __future__ import annotations

import io
import os
import struct
import zlib
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
import numpy.typing as npt
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from maskcast.errors import ImageError
from maskcast.images import (
    DEFAULT_MAX_PIXELS,
    IntensityWindow,
    is_image_name,
    measure_window,
    read_image,
)

# A picture of 2 x 3 different grays, and how EXIF says that it is to be seen.
STORED = [[10, 60, 110], [140, 190, 240]]
ORIENTED = {
    1: [[10, 60, 110], [140, 190, 240]],
    2: [[110, 60, 10], [240, 190, 140]],
    3: [[240, 190, 140], [110, 60, 10]],
    4: [[140, 190, 240], [10, 60, 110]],
    5: [[10, 140], [60, 190], [110, 240]],
    6: [[140, 10], [190, 60], [240, 110]],
    7: [[240, 110], [190, 60], [140, 10]],
    8: [[110, 240], [60, 190], [10, 140]],
}


@pytest.fixture(scope="module")
def photo() -> npt.NDArray[np.uint8]:
    """A smooth colour picture of 60 x 90, uint8."""
    y, x = np.mgrid[:60, :90]
    waves = [127 + 100 * np.sin(x / 9 + k) * np.cos(y / 7 - k) for k in range(3)]
    return np.stack(waves, axis=-1).astype(np.uint8)


def gray_rgb(values: npt.ArrayLike) -> npt.NDArray[np.uint8]:
    return np.repeat(np.asarray(values, np.uint8)[..., None], 3, axis=2)


def exif(orientation: int) -> Image.Exif:
    block = Image.Exif()
    block[0x0112] = orientation
    return block


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


# ---- names


@pytest.mark.parametrize(
    "name", ["a.png", "A.JPG", ".hidden.Png", " 한글 이름.TIFF", "a.b.webp", "x.jpeg", "x.pgm"]
)
def test_names_of_images(name: str) -> None:
    assert is_image_name(name)


@pytest.mark.parametrize("name", ["png", ".png", "a.txt", "a.png.bak", "a.pdf", "", "a.", "a.svg"])
def test_names_of_other_files(name: str) -> None:
    assert not is_image_name(name)


# ---- kinds of pictures, against the values they were made from


@pytest.mark.parametrize(
    ("mode", "suffix"),
    [("RGB", "png"), ("RGB", "bmp"), ("RGB", "tif"), ("RGB", "ppm"), ("RGB", "webp")],
)
def test_lossless_colour(
    tmp_path: Path, photo: npt.NDArray[np.uint8], mode: str, suffix: str
) -> None:
    path = tmp_path / f"a.{suffix}"
    options: dict[str, Any] = {"lossless": True} if suffix == "webp" else {}
    Image.fromarray(photo).convert(mode).save(path, **options)
    decoded = read_image(path)
    np.testing.assert_array_equal(decoded.rgb, photo)
    assert decoded.notes == ()
    assert decoded.rgb.flags.c_contiguous
    assert decoded.rgb.flags.writeable


@pytest.mark.parametrize("suffix", ["png", "bmp", "tif", "pgm", "gif"])
def test_gray_becomes_three_equal_channels(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(np.asarray(STORED, np.uint8)).save(path)
    np.testing.assert_array_equal(read_image(path).rgb, gray_rgb(STORED))


@pytest.mark.parametrize("suffix", ["png", "tif", "pbm", "bmp", "gif"])
def test_one_bit(tmp_path: Path, suffix: str) -> None:
    bits = np.array([[True, False, True], [False, False, True]])
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(bits).save(path)
    np.testing.assert_array_equal(read_image(path).rgb, gray_rgb(bits * 255))


@pytest.mark.parametrize("bits", [2, 4])
def test_gray_png_of_few_bits_spans_black_to_white(tmp_path: Path, bits: int) -> None:
    path = tmp_path / "a.png"
    header = struct.pack(">IIBBBBB", 8 // bits, 1, bits, 0, 0, 0, 0)
    row = bytes([0, 0b0011_0110 if bits == 2 else 0x0F])
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + png_chunk(b"IHDR", header)
        + png_chunk(b"IDAT", zlib.compress(row))
        + png_chunk(b"IEND", b"")
    )
    expected = [[0, 255, 85, 170]] if bits == 2 else [[0, 255]]
    np.testing.assert_array_equal(read_image(path).rgb, gray_rgb(expected))


@pytest.mark.parametrize("interlaced_mode", ["RGB", "L", "P"])
def test_interlaced_png(tmp_path: Path, photo: npt.NDArray[np.uint8], interlaced_mode: str) -> None:
    image = Image.fromarray(photo).convert(interlaced_mode)
    path = tmp_path / "a.png"
    image.save(path, interlace=1)
    np.testing.assert_array_equal(read_image(path).rgb, np.asarray(image.convert("RGB")))


@pytest.mark.parametrize("suffix", ["png", "gif", "bmp", "tif"])
def test_palette_gives_its_colours(tmp_path: Path, suffix: str) -> None:
    image = Image.new("P", (3, 1))
    image.putpalette([10, 20, 30, 200, 100, 50, 0, 0, 255])
    image.putdata([0, 1, 2])
    path = tmp_path / f"a.{suffix}"
    image.save(path)
    assert read_image(path).rgb.tolist() == [[[10, 20, 30], [200, 100, 50], [0, 0, 255]]]


def test_palette_with_transparency_keeps_its_colours(tmp_path: Path) -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 200, 100, 50])
    image.putdata([0, 1])
    image.save(tmp_path / "a.png", transparency=1)
    assert read_image(tmp_path / "a.png").rgb.tolist() == [[[10, 20, 30], [200, 100, 50]]]


@pytest.mark.parametrize("suffix", ["png", "tif", "webp"])
def test_a_transparent_pixel_keeps_its_colour(tmp_path: Path, suffix: str) -> None:
    rgba = np.array([[[200, 100, 50, 0], [10, 20, 30, 255], [1, 2, 3, 128]]], np.uint8)
    path = tmp_path / f"a.{suffix}"
    options: dict[str, Any] = {"lossless": True, "exact": True} if suffix == "webp" else {}
    Image.fromarray(rgba).save(path, **options)
    decoded = read_image(path)
    np.testing.assert_array_equal(decoded.rgb, rgba[..., :3])
    assert decoded.notes == ()


@pytest.mark.parametrize("mode", ["LA", "L"])
def test_gray_with_transparency(tmp_path: Path, mode: str) -> None:
    image = Image.fromarray(np.asarray(STORED, np.uint8)).convert(mode)
    if mode == "LA":
        image.putalpha(77)
        image.save(tmp_path / "a.png")
    else:
        image.save(tmp_path / "a.png", transparency=60)
    np.testing.assert_array_equal(read_image(tmp_path / "a.png").rgb, gray_rgb(STORED))


def test_colour_png_with_a_transparent_colour(tmp_path: Path) -> None:
    rgb = np.array([[[1, 2, 3], [4, 5, 6]]], np.uint8)
    Image.fromarray(rgb).save(tmp_path / "a.png", transparency=(4, 5, 6))
    np.testing.assert_array_equal(read_image(tmp_path / "a.png").rgb, rgb)


# ---- JPEG


@pytest.mark.parametrize("subsampling", [0, 1, 2])
@pytest.mark.parametrize("progressive", [False, True])
def test_jpeg_equals_pillow(
    tmp_path: Path, photo: npt.NDArray[np.uint8], subsampling: int, progressive: bool
) -> None:
    path = tmp_path / "a.jpg"
    Image.fromarray(photo).save(path, subsampling=subsampling, progressive=progressive)
    with Image.open(path) as image:
        np.testing.assert_array_equal(read_image(path).rgb, np.asarray(image))


def test_jpeg_stored_as_rgb(tmp_path: Path, photo: npt.NDArray[np.uint8]) -> None:
    path = tmp_path / "a.jpg"
    Image.fromarray(photo).save(path, quality=100, keep_rgb=True)
    np.testing.assert_allclose(read_image(path).rgb.astype(int), photo, atol=3)


def test_gray_jpeg(tmp_path: Path, photo: npt.NDArray[np.uint8]) -> None:
    path = tmp_path / "a.jpg"
    Image.fromarray(photo[..., 0]).save(path, quality=100)
    np.testing.assert_allclose(read_image(path).rgb.astype(int), gray_rgb(photo[..., 0]), atol=3)


@pytest.mark.parametrize("ink", [(0, 0, 0, 0), (255, 0, 0, 0), (0, 255, 255, 0), (0, 0, 0, 255)])
def test_cmyk_jpeg(tmp_path: Path, ink: tuple[int, int, int, int]) -> None:
    # Pillow writes CMYK as Adobe does, inverted and with Adobe's marker.
    path = tmp_path / "a.jpg"
    Image.new("CMYK", (16, 16), ink).save(path, quality=100)
    assert b"Adobe" in path.read_bytes()
    expected = [(255 - c) * (255 - ink[3]) // 255 for c in ink[:3]]
    np.testing.assert_allclose(read_image(path).rgb[8, 8].astype(int), expected, atol=3)


def test_cmyk_tiff(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    Image.new("CMYK", (2, 2), (255, 0, 0, 51)).save(path)
    assert read_image(path).rgb[0, 0].tolist() == [0, 204, 204]


# ---- more than 8 bits


@pytest.mark.parametrize("suffix", ["png", "tif", "pgm"])
def test_16_bit_gray_without_a_window_is_the_full_range(tmp_path: Path, suffix: str) -> None:
    values = np.array([[0, 257, 128 * 257, 65535]], np.uint16)
    path = tmp_path / f"a.{suffix}"
    cv2.imwrite(str(path), values)
    decoded = read_image(path)
    np.testing.assert_array_equal(decoded.rgb, gray_rgb([[0, 1, 128, 255]]))
    assert decoded.notes == ("no intensity window; 0 to 65535 is black to white",)


@pytest.mark.parametrize("suffix", ["png", "tif", "ppm"])
def test_16_bit_colour_keeps_its_detail(tmp_path: Path, suffix: str) -> None:
    # Neighbours that 8 bits could not tell apart.
    rgb = np.array([[[1000, 1001, 1002], [1255, 1003, 1000]]], np.uint16)
    path = tmp_path / f"a.{suffix}"
    cv2.imwrite(str(path), rgb[..., ::-1])
    decoded = read_image(path, window=IntensityWindow(1000, 1255))
    assert decoded.rgb.tolist() == [[[0, 1, 2], [255, 3, 0]]]
    assert decoded.notes == ()


def test_16_bit_png_with_alpha(tmp_path: Path) -> None:
    bgra = np.array([[[3, 2, 1, 0], [6, 5, 4, 65535]]], np.uint16)
    cv2.imwrite(str(tmp_path / "a.png"), bgra)
    decoded = read_image(tmp_path / "a.png", window=IntensityWindow(0, 255))
    assert decoded.rgb.tolist() == [[[1, 2, 3], [4, 5, 6]]]


def test_12_bit_pgm_spans_its_own_range(tmp_path: Path) -> None:
    path = tmp_path / "a.pgm"
    path.write_bytes(b"P5\n3 1\n4095\n" + np.array([0, 819, 4095], ">u2").tobytes())
    np.testing.assert_array_equal(read_image(path).rgb, gray_rgb([[0, 51, 255]]))


def test_12_bit_tiff_spans_its_own_range(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    values = np.zeros((16, 16), np.uint16)
    values[0, :2] = 819, 4095
    tifffile.imwrite(path, values, bitspersample=12)
    assert read_image(path).rgb[0, :3, 0].tolist() == [51, 255, 0]


@pytest.mark.parametrize(
    ("dtype", "values", "expected"),
    [
        (np.int8, [-128, 0, 127], [0, 128, 255]),
        (np.int16, [-32768, 0, 32767], [0, 128, 255]),
        (np.uint32, [0, 2**31, 2**32 - 1], [0, 128, 255]),
        (np.int32, [-(2**31), -1, 2**31 - 1], [0, 127, 255]),
        (np.float16, [0, 0.2, 1], [0, 51, 255]),
        (np.float32, [0, 0.2, 1], [0, 51, 255]),
        (np.float64, [0, 0.2, 1], [0, 51, 255]),
    ],
)
def test_tiff_without_a_window(
    tmp_path: Path, dtype: type[np.generic], values: list[float], expected: list[int]
) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.array([values], dtype))
    np.testing.assert_array_equal(read_image(path).rgb, gray_rgb([expected]))


@pytest.mark.parametrize(
    "dtype", [np.int16, np.uint16, np.int32, np.uint32, np.float32, np.float64]
)
@pytest.mark.parametrize("byteorder", ["<", ">"])
def test_window_on_every_deep_type(
    tmp_path: Path, dtype: type[np.generic], byteorder: Literal["<", ">"]
) -> None:
    path = tmp_path / "a.tif"
    values = np.array([[0, 100, 151, 202, 355, 3000]]).astype(dtype)
    tifffile.imwrite(path, values, byteorder=byteorder)
    decoded = read_image(path, window=IntensityWindow(100, 355))
    np.testing.assert_array_equal(decoded.rgb, gray_rgb([[0, 0, 51, 102, 255, 255]]))


def test_window_on_negative_values(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.array([[-300, -200, -149, 55, 90]], np.int16))
    decoded = read_image(path, window=IntensityWindow(-200, 55))
    np.testing.assert_array_equal(decoded.rgb, gray_rgb([[0, 0, 51, 255, 255]]))


def test_8_bit_pictures_are_never_windowed(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.fromarray(np.asarray(STORED, np.uint8)).save(path)
    decoded = read_image(path, window=IntensityWindow(50, 60))
    np.testing.assert_array_equal(decoded.rgb, gray_rgb(STORED))


@pytest.mark.parametrize("window", [None, IntensityWindow(0, 1)])
def test_not_finite_floats(tmp_path: Path, window: IntensityWindow | None) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.array([[np.nan, np.inf, -np.inf, 0.2]], np.float32))
    np.testing.assert_array_equal(read_image(path, window=window).rgb, gray_rgb([[0, 255, 0, 51]]))


def test_all_nan_is_black(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.full((2, 2), np.nan, np.float32))
    assert not read_image(tmp_path / "a.tif").rgb.any()


@pytest.mark.parametrize("value", [-0.5, 1.5, 4000.0])
def test_floats_outside_0_to_1_need_a_window(tmp_path: Path, value: float) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.array([[0.5, value, np.nan]], np.float32))
    with pytest.raises(ImageError, match=r"\[images\] window in maskcast.toml") as caught:
        read_image(path)
    assert str(path) in str(caught.value)
    read_image(path, window=IntensityWindow(-1, 4000))


@given(
    low=st.integers(-40000, 60000),
    width=st.integers(1, 70000),
    values=st.lists(st.integers(0, 65535), min_size=1, max_size=20),
)
def test_window_property(
    tmp_path_factory: pytest.TempPathFactory, low: int, width: int, values: list[int]
) -> None:
    path = tmp_path_factory.getbasetemp() / "window.tif"
    tifffile.imwrite(path, np.array([values], np.uint16))
    shown = read_image(path, window=IntensityWindow(low, low + width)).rgb[0, :, 0]
    for value, level in zip(values, shown.tolist(), strict=True):
        exact = min(max((value - low) / width, 0), 1) * 255
        assert abs(level - exact) <= 0.5 + 1e-9


@pytest.mark.parametrize(("low", "high"), [(1, 1), (2, 1), (np.nan, 1), (0, np.inf)])
def test_a_window_needs_finite_bounds_in_order(low: float, high: float) -> None:
    with pytest.raises(ValueError, match="low < high"):
        IntensityWindow(low, high)


# ---- TIFF


@pytest.mark.parametrize(
    "options",
    [
        {"bigtiff": True},
        {"compression": "lzw"},
        {"compression": "zlib", "predictor": True},
        {"compression": "zstd"},
        {"tile": (16, 16)},
        {"tile": (32, 16), "compression": "lzw", "bigtiff": True},
        {"rowsperstrip": 7},
        {"byteorder": ">"},
    ],
    ids=str,
)
def test_tiff_layouts(
    tmp_path: Path, photo: npt.NDArray[np.uint8], options: dict[str, Any]
) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, photo, photometric="rgb", **options)
    np.testing.assert_array_equal(read_image(path).rgb, photo)


def test_jpeg_in_tiff(tmp_path: Path, photo: npt.NDArray[np.uint8]) -> None:
    path = tmp_path / "a.tif"
    Image.fromarray(photo).save(path, compression="jpeg", quality=95)
    np.testing.assert_allclose(read_image(path).rgb.astype(int), photo, atol=12)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_planar_tiff(tmp_path: Path, photo: npt.NDArray[np.uint8], dtype: type[np.generic]) -> None:
    path = tmp_path / "a.tif"
    planes = np.moveaxis(photo, -1, 0).astype(dtype)
    tifffile.imwrite(path, planes, photometric="rgb", planarconfig="separate")
    decoded = read_image(path, window=IntensityWindow(0, 255))
    np.testing.assert_array_equal(decoded.rgb, photo)


def test_white_is_zero_tiff(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.array([[0, 55, 255]], np.uint8), photometric="miniswhite")
    np.testing.assert_array_equal(read_image(path).rgb, gray_rgb([[255, 200, 0]]))


@pytest.mark.parametrize(
    ("channels", "note"),
    [
        (2, "only the first of 2 channels is used, as gray"),
        (4, "only the first 3 of 4 channels are used, as RGB"),
        (5, "only the first 3 of 5 channels are used, as RGB"),
        (9, "only the first 3 of 9 channels are used, as RGB"),
    ],
)
@pytest.mark.parametrize("planar", ["contig", "separate"])
def test_many_channels(tmp_path: Path, channels: int, note: str, planar: str) -> None:
    values = np.arange(4 * 6 * channels, dtype=np.uint8).reshape(4, 6, channels)
    stored = values if planar == "contig" else np.moveaxis(values, -1, 0)
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, stored, photometric="minisblack", planarconfig=planar)
    decoded = read_image(path)
    expected = gray_rgb(values[..., 0]) if channels == 2 else values[..., :3]
    np.testing.assert_array_equal(decoded.rgb, expected)
    assert decoded.notes == (note,)


def test_gray_tiff_with_alpha(tmp_path: Path) -> None:
    values = np.array([[[7, 0], [9, 255]]], np.uint8)
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, values, photometric="minisblack", extrasamples=["unassalpha"])
    decoded = read_image(path)
    np.testing.assert_array_equal(decoded.rgb, gray_rgb([[7, 9]]))
    assert decoded.notes == ()


def test_complex_tiff_is_refused(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((4, 4), np.complex64))
    with pytest.raises(ImageError, match=r"a\.tif cannot be read: pixels of type complex64"):
        read_image(tmp_path / "a.tif")


def test_lab_tiff_is_refused(tmp_path: Path) -> None:
    Image.new("LAB", (4, 4)).save(tmp_path / "a.tif")
    with pytest.raises(ImageError, match=r"a\.tif cannot be read: its colour space"):
        read_image(tmp_path / "a.tif")


# ---- several pictures in one file


@pytest.mark.parametrize("suffix", ["tif", "gif", "png", "webp"])
def test_first_of_several_pictures(tmp_path: Path, suffix: str) -> None:
    frames = [Image.new("RGB", (20, 10), color) for color in ("red", "blue", "lime")]
    path = tmp_path / f"a.{suffix}"
    options: dict[str, Any] = {"lossless": True} if suffix == "webp" else {}
    frames[0].save(path, save_all=True, append_images=frames[1:], **options)
    decoded = read_image(path)
    assert np.unique(decoded.rgb.reshape(-1, 3), axis=0).tolist() == [[255, 0, 0]]
    assert decoded.rgb.shape == (10, 20, 3)
    assert decoded.notes == ("the file holds several pictures; the first one is used",)


# ---- orientation


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["png", "webp", "tif"])
def test_orientation_lossless(tmp_path: Path, suffix: str, orientation: int) -> None:
    path = tmp_path / f"a.{suffix}"
    options: dict[str, Any] = {"lossless": True} if suffix == "webp" else {}
    image = Image.fromarray(gray_rgb(STORED))
    image.save(path, exif=exif(orientation), **options)
    np.testing.assert_array_equal(read_image(path).rgb, gray_rgb(ORIENTED[orientation]))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_orientation_jpeg(tmp_path: Path, mode: str, orientation: int) -> None:
    path = tmp_path / "a.jpg"
    blocks = gray_rgb(np.kron(STORED, np.ones((16, 16))))
    image = Image.fromarray(blocks).convert(mode)
    image.save(path, quality=100, exif=exif(orientation))
    seen = read_image(path).rgb[8::16, 8::16].astype(int)
    np.testing.assert_allclose(seen, gray_rgb(ORIENTED[orientation]), atol=4)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_16_bit(tmp_path: Path, orientation: int) -> None:
    path = tmp_path / "a.tif"
    values = np.asarray(STORED, np.uint16)
    tifffile.imwrite(path, values, extratags=[(274, 3, 1, orientation, True)])
    shown = read_image(path, window=IntensityWindow(0, 255)).rgb
    np.testing.assert_array_equal(shown, gray_rgb(ORIENTED[orientation]))


def test_orientation_of_a_palette_png_after_its_pixels(tmp_path: Path) -> None:
    stream = io.BytesIO()
    Image.fromarray(np.asarray(STORED, np.uint8)).convert("P").save(stream, "PNG")
    data = stream.getvalue()
    block = png_chunk(b"eXIf", exif(6).tobytes().removeprefix(b"Exif\0\0"))
    path = tmp_path / "a.png"
    path.write_bytes(data[:-12] + block + data[-12:])  # IEND is the last 12 bytes
    np.testing.assert_array_equal(read_image(path).rgb, gray_rgb(ORIENTED[6]))


@pytest.mark.parametrize("orientation", [0, 9, 77])
def test_orientations_that_do_not_exist_are_ignored(tmp_path: Path, orientation: int) -> None:
    path = tmp_path / "a.png"
    Image.fromarray(gray_rgb(STORED)).save(path, exif=exif(orientation))
    np.testing.assert_array_equal(read_image(path).rgb, gray_rgb(STORED))


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data:UserWarning")
def test_damaged_exif_does_not_spoil_the_picture(
    tmp_path: Path, photo: npt.NDArray[np.uint8]
) -> None:
    path = tmp_path / "a.jpg"
    Image.fromarray(photo).save(path, exif=b"Exif\0\0II*\0\xff\xff\xff\x7fgarbage")
    assert read_image(path).rgb.shape == photo.shape


# ---- names and sizes


@pytest.mark.parametrize(
    "name", ["with space.png", "한글 이미지.png", ".leading dot.png", "n" * 196 + ".png"]
)
def test_names_from_real_life(tmp_path: Path, name: str) -> None:
    Image.fromarray(np.asarray(STORED, np.uint8)).save(tmp_path / name)
    np.testing.assert_array_equal(read_image(tmp_path / name).rgb, gray_rgb(STORED))


@pytest.mark.parametrize("name", ["한글.tif", "한글.jpg"])
def test_korean_names_for_every_decoder(tmp_path: Path, name: str) -> None:
    Image.fromarray(np.full((8, 8), 200, np.uint8)).save(tmp_path / name)
    assert (read_image(tmp_path / name).rgb == 200).all()


@pytest.mark.parametrize("suffix", ["png", "jpg", "tif"])
@pytest.mark.parametrize(("width", "height"), [(1, 1), (20000, 50), (50, 20000)])
def test_extreme_sizes(tmp_path: Path, suffix: str, width: int, height: int) -> None:
    path = tmp_path / f"a.{suffix}"
    Image.new("L", (width, height), 77).save(path)
    decoded = read_image(path)
    assert decoded.rgb.shape == (height, width, 3)
    assert (decoded.rgb == 77).all()


def test_content_counts_and_not_the_suffix(tmp_path: Path, photo: npt.NDArray[np.uint8]) -> None:
    Image.fromarray(photo).save(tmp_path / "a.jpg", format="PNG")
    np.testing.assert_array_equal(read_image(tmp_path / "a.jpg").rgb, photo)


# ---- files that cannot be read


def assert_refused(path: Path, reason: str, max_pixels: int = DEFAULT_MAX_PIXELS) -> None:
    with pytest.raises(ImageError, match=reason) as caught:
        read_image(path, max_pixels=max_pixels)
    message = str(caught.value)
    assert str(path) in message
    assert "\n" not in message
    assert message.endswith(".")


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
        read_image(path, max_pixels=100)


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
    header = struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0)
    chunks = png_chunk(b"IHDR", header) + png_chunk(b"IDAT", zlib.compress(b"0"))
    path = tmp_path / "a.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunks + png_chunk(b"IEND", b""))
    assert_refused(path, f"60000 x 60000 pixels and the bound is {DEFAULT_MAX_PIXELS}.*max_pixels")


@pytest.mark.parametrize("suffix", ["png", "jpg", "tif", "gif", "bmp", "webp", "ppm"])
def test_the_bound_is_an_option(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    Image.new("RGB", (20, 30)).save(path)
    assert_refused(path, "20 x 30 pixels and the bound is 599.*max_pixels", max_pixels=599)
    assert read_image(path, max_pixels=600).rgb.shape == (30, 20, 3)


def test_many_channels_count_against_the_bound(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    stack = np.zeros((10, 10, 40), np.uint8)
    tifffile.imwrite(path, stack, photometric="minisblack", planarconfig="contig")
    assert_refused(path, "max_pixels", max_pixels=999)
    read_image(path, max_pixels=1000)


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


# ---- one window for a project


def test_window_of_8_bit_references_is_none(tmp_path: Path, photo: npt.NDArray[np.uint8]) -> None:
    paths = [tmp_path / name for name in ("a.png", "b.jpg", "c.gif")]
    for path in paths:
        Image.fromarray(photo).save(path)
    assert measure_window(paths) is None
    assert measure_window([]) is None


def test_window_pools_all_deep_references(tmp_path: Path) -> None:
    # 0..1000 shared between two files: percentiles of 1001 equally spaced values are themselves.
    first, second = np.arange(0, 500, dtype=np.uint16), np.arange(500, 1001, dtype=np.uint16)
    cv2.imwrite(str(tmp_path / "a.png"), first[None])
    tifffile.imwrite(tmp_path / "b.tif", second[None])
    Image.new("L", (2, 2), 255).save(tmp_path / "c.png")
    window = measure_window([tmp_path / "a.png", tmp_path / "b.tif", tmp_path / "c.png"])
    assert window is not None
    assert [window.low, window.high] == pytest.approx([1, 999])


def test_window_ignores_what_is_not_finite(tmp_path: Path) -> None:
    values = np.concatenate([np.linspace(-5, 5, 1001), [np.nan, np.inf, -np.inf]])
    tifffile.imwrite(tmp_path / "a.tif", values.astype(np.float32)[None])
    window = measure_window([tmp_path / "a.tif"])
    assert window is not None
    assert [window.low, window.high] == pytest.approx([-4.99, 4.99])


def test_window_ignores_alpha(tmp_path: Path) -> None:
    bgra = np.zeros((10, 10, 4), np.uint16)
    bgra[..., :3] = np.arange(100).reshape(10, 10, 1)
    bgra[..., 3] = 65535
    cv2.imwrite(str(tmp_path / "a.png"), bgra)
    window = measure_window([tmp_path / "a.png"])
    assert window is not None
    assert window.high <= 99


@pytest.mark.parametrize("dtype", [np.uint16, np.float32])
def test_window_of_constant_references_has_width_1(tmp_path: Path, dtype: type[np.generic]) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.full((5, 5), 300).astype(dtype))
    assert measure_window([tmp_path / "a.tif"]) == IntensityWindow(300, 301)


def test_window_of_references_with_a_few_bright_pixels(tmp_path: Path) -> None:
    values = np.full((100, 100), 300, np.uint16)
    values[4, 4] = 900
    tifffile.imwrite(tmp_path / "a.tif", values)
    assert measure_window([tmp_path / "a.tif"]) == IntensityWindow(300, 900)


def test_window_of_nothing_finite_is_none(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.full((5, 5), np.nan, np.float32))
    assert measure_window([tmp_path / "a.tif"]) is None


def test_window_of_an_unreadable_reference(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"none\.tif"):
        measure_window([tmp_path / "none.tif"])
