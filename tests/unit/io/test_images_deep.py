"""Reading pictures of more than 8 bits, the intensity window, and TIFF."""

from __future__ import annotations

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
from maskcast.io.images import (
    IntensityWindow,
    measure_window,
    read_image,
)
from maskcast.io.rasters import may_be_deep, read_raster
from maskcast.io.read_options import DEFAULT_OPTIONS
from pictures import STORED, gray_rgb, smooth_photo


@pytest.fixture(scope="module")
def photo() -> npt.NDArray[np.uint8]:
    return smooth_photo()


# ---- more than 8 bits


@pytest.mark.parametrize(
    ("name", "dtype", "deep"),
    [
        ("gray.png", np.uint16, True),
        ("gray.tif", np.uint16, True),
        ("gray.pgm", np.uint16, True),
        ("gray.png", np.uint8, False),
        ("gray.jpg", np.uint8, False),
        ("gray.bmp", np.uint8, False),
        ("gray.webp", np.uint8, False),
    ],
)
def test_depth_is_told_by_the_first_bytes(
    tmp_path: Path, name: str, dtype: type[np.generic], deep: bool
) -> None:
    for shape in ((5, 7), (5, 7, 3)):
        path = tmp_path / (name if len(shape) == 2 else name.replace("pgm", "ppm"))
        cv2.imwrite(str(path), np.ones(shape, dtype))
        assert (read_raster(path, DEFAULT_OPTIONS).samples.itemsize > 1) == deep
        assert may_be_deep(path) == deep


def test_what_cannot_be_opened_is_not_deep(tmp_path: Path) -> None:
    (tmp_path / "short.png").write_bytes(b"\x89PNG")
    for path in (tmp_path, tmp_path / "missing.tif", tmp_path / "short.png"):
        assert not may_be_deep(path)


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


@pytest.mark.parametrize("scale", [1, 257])
def test_palette_tiff_with_colours_of_8_or_16_bits(tmp_path: Path, scale: int) -> None:
    colors = np.zeros((3, 256), np.uint16)
    colors[:, 1] = np.array([10, 20, 30]) * scale
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.array([[1, 0]], np.uint8), photometric="palette", colormap=colors)
    assert read_image(path).rgb.tolist() == [[[10, 20, 30], [0, 0, 0]]]


def test_palette_tiff_of_16_bits_is_not_windowed(tmp_path: Path) -> None:
    colors = np.zeros((3, 65536), np.uint16)
    colors[:, 40000] = np.array([10, 20, 30]) * 257
    path = tmp_path / "a.tif"
    indices = np.array([[40000, 0]], np.uint16)
    tifffile.imwrite(path, indices, photometric="palette", colormap=colors)
    decoded = read_image(path, window=IntensityWindow(0, 1))
    assert decoded.rgb.tolist() == [[[10, 20, 30], [0, 0, 0]]]
    assert measure_window([path]) is None


def test_white_is_zero_tiff(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.array([[0, 55, 255]], np.uint8), photometric="miniswhite")
    np.testing.assert_array_equal(read_image(path).rgb, gray_rgb([[255, 200, 0]]))


@pytest.mark.parametrize(
    ("channels", "note"),
    [
        (2, "only the first of 2 channels is used, as gray; [images] channel shows another one"),
        (4, "only the first 3 of 4 channels are used, as RGB; [images] channel shows another one"),
        (5, "only the first 3 of 5 channels are used, as RGB; [images] channel shows another one"),
        (9, "only the first 3 of 9 channels are used, as RGB; [images] channel shows another one"),
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


def test_window_is_that_of_the_channels_that_are_seen(tmp_path: Path) -> None:
    values = np.zeros((10, 10, 5), np.uint16)
    values[..., :3] = np.arange(100).reshape(10, 10, 1)
    values[..., 4] = 65535
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, values, photometric="minisblack", planarconfig="contig")
    window = measure_window([path])
    assert window is not None
    assert window.high <= 99


def test_window_of_very_large_references_is_sampled_evenly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("maskcast.io.images._WINDOW_SAMPLES_PER_IMAGE", 500)
    values = np.repeat(np.arange(501, dtype=np.uint16), 3)[None]
    values[:, 1::3] = 60000  # between the samples: 501 x 3 values, every fourth is taken
    values[:, ::4] = 7
    tifffile.imwrite(tmp_path / "a.tif", values)
    assert measure_window([tmp_path / "a.tif"]) == IntensityWindow(7, 8)


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


def test_a_picture_that_cannot_be_read_has_no_say_in_the_window(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.full((5, 5), 300, np.uint16))
    (tmp_path / "torn.tif").write_bytes(b"II*\0")
    paths = [tmp_path / name for name in ("none.tif", "torn.tif", "a.tif")]
    assert measure_window(paths) == IntensityWindow(300, 301)
    assert measure_window(paths[:2]) is None


def test_many_pictures_give_fewer_samples_each_to_the_window(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("maskcast.io.images._WINDOW_SAMPLES", 300)
    values = np.arange(10_000, dtype=np.uint16).reshape(100, 100)
    tifffile.imwrite(tmp_path / "a.tif", values)
    window = measure_window([tmp_path / "a.tif"] * 3)  # every hundredth: 0, 100, ... 9900
    assert window is not None
    assert window.low % 100 == 0
    assert window.high % 100 == 0
    assert window.high == 9900
