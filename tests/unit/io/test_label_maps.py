"""Label maps of maskcast's own, and encoding pictures."""

from __future__ import annotations

import io
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest
import tifffile
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from maskcast.errors import AnnotationError, ImageError
from maskcast.io.images import encode_jpeg, encode_label_png, encode_mask_png
from maskcast.io.label_maps import read_label_map
from maskcast.io.read_options import ReadOptions
from pictures import bare_png

LABELS = np.array([[0, 1, 2], [3, 200, 255]], np.uint8)
SHAPES = hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=40)


def opened(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


# ---- reading


@pytest.mark.parametrize("suffix", ["png", "bmp", "tif", "pgm"])
def test_gray_pictures_give_their_values(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(LABELS).save(path)
    labels = read_label_map(path)
    np.testing.assert_array_equal(labels, LABELS)
    assert labels.dtype == np.uint8


@pytest.mark.parametrize("suffix", ["png", "bmp", "tif", "gif"])
def test_palette_pictures_give_their_indices(tmp_path: Path, suffix: str) -> None:
    image = Image.fromarray(LABELS % 5).convert("P")
    image.putpalette([9, 9, 9, 255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 0, 0])
    path = tmp_path / f"a.{suffix}"
    image.save(path)
    np.testing.assert_array_equal(read_label_map(path), LABELS % 5)


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_palette_pngs_of_few_bits(tmp_path: Path, bits: int) -> None:
    labels = np.arange(16, dtype=np.uint8).reshape(2, 8) % 2**bits
    image = Image.fromarray(labels).convert("P")
    image.putpalette([0, 0, 0, 255, 0, 0] + [7] * 42)
    image.save(tmp_path / "a.png", bits=bits)
    assert (tmp_path / "a.png").read_bytes()[24] == bits
    np.testing.assert_array_equal(read_label_map(tmp_path / "a.png"), labels)


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_16_bit_values_that_are_object_ids(tmp_path: Path, suffix: str) -> None:
    cv2.imwrite(str(tmp_path / f"a.{suffix}"), LABELS.astype(np.uint16))
    np.testing.assert_array_equal(read_label_map(tmp_path / f"a.{suffix}"), LABELS)


@pytest.mark.parametrize("suffix", ["png", "tif", "pbm", "bmp"])
def test_one_bit_pictures_mean_id_1(tmp_path: Path, suffix: str) -> None:
    bits = np.array([[True, False, True], [False, False, True]])
    Image.fromarray(bits).save(tmp_path / f"a.{suffix}")
    np.testing.assert_array_equal(read_label_map(tmp_path / f"a.{suffix}"), bits)


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "P", "LA"])
def test_0_and_255_mean_id_1(tmp_path: Path, mode: str) -> None:
    picture = np.array([[0, 255, 255], [0, 0, 255]], np.uint8)
    Image.fromarray(picture).convert(mode).save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_label_map(tmp_path / "a.png"), picture // 255)


def test_a_palette_picture_with_a_coloured_id_255(tmp_path: Path) -> None:
    labels = np.array([[0, 255]], np.uint8)
    (tmp_path / "a.png").write_bytes(encode_label_png(labels, {255: (255, 0, 0)}))
    np.testing.assert_array_equal(read_label_map(tmp_path / "a.png"), labels)


def test_255_beside_other_values_is_an_id_in_what_maskcast_wrote(tmp_path: Path) -> None:
    Image.fromarray(LABELS).save(tmp_path / "a.png")
    assert read_label_map(tmp_path / "a.png")[1, 2] == 255


def test_all_zero(tmp_path: Path) -> None:
    Image.new("L", (4, 3)).save(tmp_path / "a.png")
    labels = read_label_map(tmp_path / "a.png")
    assert labels.shape == (3, 4)
    assert not labels.any()


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "LA"])
def test_equal_channels_give_their_values(tmp_path: Path, mode: str) -> None:
    Image.fromarray(LABELS).convert(mode).save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_label_map(tmp_path / "a.png"), LABELS)


def test_orientation_is_applied(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by a quarter, clockwise
    Image.fromarray(LABELS).save(tmp_path / "a.png", exif=exif)
    assert read_label_map(tmp_path / "a.png").tolist() == [[3, 0], [200, 1], [255, 2]]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("colour.png", "colour picture"),
        ("photo.jpg", "gray levels from"),
        ("lossy.webp", "colour picture|gray levels from"),
        ("deep.png", "values go from 0 to 256; .* --instances"),
        ("negative.tif", "values go from -1 to 1"),
        ("float.tif", "floats"),
        ("channels.tif", "it has 2 channels"),
        ("inverted.tif", "zero means white"),
        ("four_bits.png", "2 or 4 bits"),
        ("pages.tif", "several pictures"),
        ("text.png", "not a PNG"),
        ("none.png", "no such file"),
    ],
)
def test_what_is_no_label_map(tmp_path: Path, name: str, reason: str) -> None:
    rgb = Image.new("RGB", (4, 4), (1, 2, 3))
    rgb.save(tmp_path / "colour.png")
    Image.fromarray(np.arange(256, dtype=np.uint8).reshape(16, 16)).save(tmp_path / "photo.jpg")
    Image.fromarray(LABELS).save(tmp_path / "lossy.webp")
    cv2.imwrite(str(tmp_path / "deep.png"), np.array([[0, 256]], np.uint16))
    tifffile.imwrite(tmp_path / "negative.tif", np.array([[-1, 1]], np.int16))
    tifffile.imwrite(tmp_path / "float.tif", np.array([[0, 0.25]], np.float32))
    pair = np.zeros((4, 4, 2), np.uint8)
    tifffile.imwrite(
        tmp_path / "channels.tif", pair, photometric="minisblack", planarconfig="contig"
    )
    tifffile.imwrite(tmp_path / "inverted.tif", LABELS, photometric="miniswhite")
    tifffile.imwrite(tmp_path / "pages.tif", np.zeros((2, 5, 6), np.uint8))
    (tmp_path / "four_bits.png").write_bytes(bare_png(2, 1, 4, 0, b"\0\x12"))
    (tmp_path / "text.png").write_text("no picture")
    with pytest.raises(AnnotationError, match=reason) as caught:
        read_label_map(tmp_path / name)
    assert str(tmp_path / name) in str(caught.value)


def test_the_size_of_label_maps_is_bounded(tmp_path: Path) -> None:
    Image.new("L", (10, 10)).save(tmp_path / "a.png")
    with pytest.raises(AnnotationError, match="max_pixels"):
        read_label_map(tmp_path / "a.png", ReadOptions(99))


# ---- encoding


@given(hnp.arrays(np.bool_, SHAPES))
def test_masks_are_gray_pngs_of_0_and_255(mask: npt.NDArray[np.bool_]) -> None:
    data = encode_mask_png(mask)
    image = opened(data)
    assert (image.format, image.mode) in {("PNG", "L"), ("PNG", "1")}
    assert data[24:26] == b"\x08\x00"  # 8 bits, gray
    np.testing.assert_array_equal(np.asarray(image), mask * np.uint8(255))
    assert encode_mask_png(mask.copy()) == data


@given(
    hnp.arrays(np.uint8, SHAPES),
    st.dictionaries(st.integers(1, 255), st.tuples(*[st.integers(0, 255)] * 3), max_size=9),
)
def test_label_maps_are_palette_pngs(
    labels: npt.NDArray[np.uint8], colors: dict[int, tuple[int, int, int]]
) -> None:
    data = encode_label_png(labels, colors)
    image = opened(data)
    assert (image.format, image.mode) == ("PNG", "P")
    np.testing.assert_array_equal(np.asarray(image), labels)
    palette = image.getpalette("RGB")
    assert palette is not None
    assert len(palette) == 768
    assert palette[:3] == [0, 0, 0]
    for object_id, color in colors.items():
        assert tuple(palette[3 * object_id : 3 * object_id + 3]) == color
    assert encode_label_png(labels.copy(), colors) == data


@given(hnp.arrays(np.uint8, SHAPES))
@example(np.full((1, 1), 255, np.uint8))
def test_label_maps_are_read_back(
    tmp_path_factory: pytest.TempPathFactory, labels: npt.NDArray[np.uint8]
) -> None:
    path = tmp_path_factory.getbasetemp() / "labels.png"
    path.write_bytes(encode_label_png(labels, {1: (255, 0, 0)}))
    np.testing.assert_array_equal(read_label_map(path), labels)


def test_views_are_encoded_like_copies() -> None:
    labels = np.arange(80, dtype=np.uint8).reshape(8, 10)
    for view in (labels[::2, 1::3], labels.T):
        assert encode_label_png(view, {}) == encode_label_png(view.copy(), {})
        assert encode_mask_png(view > 9) == encode_mask_png((view > 9).copy())


def test_jpeg_has_the_colours_in_order() -> None:
    rgb = np.full((16, 16, 3), (200, 100, 50), np.uint8)
    data = encode_jpeg(rgb, quality=100)
    image = opened(data)
    assert (image.format, image.mode) == ("JPEG", "RGB")
    np.testing.assert_allclose(np.asarray(image).astype(int), rgb, atol=3)
    assert encode_jpeg(rgb, quality=100) == data


def test_jpeg_quality() -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    assert len(encode_jpeg(rgb, quality=30)) < len(encode_jpeg(rgb)) < len(encode_jpeg(rgb, 98))


def test_jpeg_cannot_hold_very_long_sides() -> None:
    assert opened(encode_jpeg(np.zeros((1, 65500, 3), np.uint8))).size == (65500, 1)
    with pytest.raises(ImageError, match="65536 x 1 pixels cannot be a JPEG"):
        encode_jpeg(np.zeros((1, 65536, 3), np.uint8))
