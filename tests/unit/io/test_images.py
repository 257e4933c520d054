"""Reading pictures of 8 bits: kinds of files, JPEG, orientation, names."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import tifffile
from PIL import Image

from maskcast.io.images import (
    IntensityWindow,
    is_image_name,
    read_image,
)
from pictures import STORED, bare_png, gray_rgb, png_chunk, smooth_photo


@pytest.fixture(scope="module")
def photo() -> npt.NDArray[np.uint8]:
    return smooth_photo()


# How EXIF says that STORED is to be seen.
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


def exif(orientation: int) -> Image.Exif:
    block = Image.Exif()
    block[0x0112] = orientation
    return block


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
    row = bytes([0, 0b0011_0110 if bits == 2 else 0x0F])
    path.write_bytes(bare_png(8 // bits, 1, bits, 0, row))
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


def test_jpeg_with_padding_between_its_segments(
    tmp_path: Path, photo: npt.NDArray[np.uint8]
) -> None:
    path = tmp_path / "a.jpg"
    Image.fromarray(photo).save(path)
    whole, data = read_image(path).rgb, path.read_bytes()
    tables = data.index(b"\xff\xdb")
    path.write_bytes(data[:tables] + b"\xff\xff\xff" + data[tables:])
    np.testing.assert_array_equal(read_image(path).rgb, whole)


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
    assert decoded.notes == (
        "the file holds several pages; the first is used, and [images] page chooses another"
        if suffix == "tif"
        else "the file holds several pictures; the first one is used",
    )


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


def test_orientation_as_imagemagick_stores_it(tmp_path: Path) -> None:
    block = exif(6).tobytes()
    text = f"\nexif\n{len(block):8d}\n{block.hex()}\n".encode("ascii")
    chunk = png_chunk(b"tEXt", b"Raw profile type exif\0" + text)
    stream = io.BytesIO()
    Image.fromarray(gray_rgb(STORED)).save(stream, "PNG")
    data = stream.getvalue()
    path = tmp_path / "a.png"
    path.write_bytes(data[:33] + chunk + data[33:])  # the header ends at 33
    np.testing.assert_array_equal(read_image(path).rgb, gray_rgb(ORIENTED[6]))


def test_damaged_exif_of_a_png_does_not_spoil_the_picture(tmp_path: Path) -> None:
    stream = io.BytesIO()
    Image.fromarray(gray_rgb(STORED)).save(stream, "PNG")
    data = stream.getvalue()
    path = tmp_path / "a.png"
    path.write_bytes(data[:33] + png_chunk(b"eXIf", b"no exif at all") + data[33:])
    np.testing.assert_array_equal(read_image(path).rgb, gray_rgb(STORED))


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
