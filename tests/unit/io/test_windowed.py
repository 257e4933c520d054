"""Windows look as the same part of the whole picture does, whatever the file is cut into."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest
import tifffile

from maskcast.errors import ImageError
from maskcast.io.images import IntensityWindow, read_image
from maskcast.io.read_options import ReadOptions
from maskcast.io.windowed import open_picture

GRAY = np.random.default_rng(1).integers(0, 256, (83, 117), np.uint8)
COLOR = np.random.default_rng(2).integers(0, 256, (83, 117, 3), np.uint8)
DEEP = np.random.default_rng(3).integers(0, 4000, (83, 117), np.uint16)
SPANS = ((0, 0, 83, 117), (0, 0, 1, 1), (82, 116, 83, 117), (10, 20, 60, 90), (32, 64, 64, 96))

FILES: dict[str, tuple[npt.NDArray[Any], dict[str, Any]]] = {
    "tiles": (GRAY, {"tile": (32, 16), "compression": "deflate"}),
    "tiles in colour": (COLOR, {"tile": (16, 48), "compression": "lzw"}),
    "tiles as they are": (GRAY, {"tile": (16, 16)}),
    "JPEG tiles": (
        cv2.GaussianBlur(COLOR, (0, 0), 5),
        {"tile": (32, 32), "compression": "jpeg", "photometric": "ycbcr"},
    ),
    "strips": (COLOR, {"rowsperstrip": 7, "compression": "deflate", "predictor": True}),
    "one strip": (GRAY, {"compression": "zstd", "rowsperstrip": 83}),
    "as it is": (GRAY, {}),
    "as it is in colour": (COLOR, {}),
    "planes as they are": (np.moveaxis(COLOR, -1, 0), {"planarconfig": "separate"}),
    "planes in tiles": (
        np.moveaxis(COLOR, -1, 0),
        {"planarconfig": "separate", "tile": (32, 32), "compression": "deflate"},
    ),
    "big-endian": (DEEP, {"byteorder": ">"}),
    "16 bits in tiles": (DEEP, {"tile": (32, 32), "compression": "deflate"}),
    "white is zero": (GRAY, {"photometric": "miniswhite", "tile": (32, 32)}),
    "a bit": (GRAY > 128, {"tile": (32, 32)}),
    "OME": (GRAY, {"tile": (32, 32), "ome": True}),
}


@pytest.mark.parametrize("kind", FILES)
def test_a_window_is_that_part_of_the_picture(tmp_path: Path, kind: str) -> None:
    pixels, options = FILES[kind]
    options = {"photometric": "rgb", **options} if "colo" in kind or "plane" in kind else options
    file = {name: options.pop(name) for name in ("byteorder", "ome") if name in options}
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path, bigtiff="tiles" in kind, **file) as writer:
        writer.write(pixels, **options)
    window = IntensityWindow(100, 3000)
    whole = read_image(path, window=window)

    with open_picture(path, window=window) as picture:
        assert (picture.height, picture.width) == (83, 117)
        assert picture.notes == whole.notes
        for top, left, bottom, right in SPANS:
            seen = picture.read(top, left, bottom, right)
            np.testing.assert_array_equal(seen, whole.rgb[top:bottom, left:right])


@pytest.mark.parametrize("orientation", range(1, 9))
def test_windows_are_of_the_oriented_frame(tmp_path: Path, orientation: int) -> None:
    path = tmp_path / "a.tif"
    tags = [(274, 3, 1, orientation, True)]
    tifffile.imwrite(path, COLOR, tile=(32, 32), photometric="rgb", extratags=tags)
    whole = read_image(path).rgb

    with open_picture(path) as picture:
        assert (picture.height, picture.width) == whole.shape[:2]
        np.testing.assert_array_equal(picture.read(9, 21, 70, 50), whole[9:70, 21:50])


def test_a_pyramid_is_read_at_its_full_resolution(tmp_path: Path) -> None:
    path = tmp_path / "slide.ome.tif"
    with tifffile.TiffWriter(path, ome=True, bigtiff=True) as writer:
        options: dict[str, Any] = {"tile": (32, 32), "photometric": "rgb", "compression": "jpeg"}
        writer.write(COLOR, subifds=2, metadata={"axes": "YXS"}, **options)
        writer.write(COLOR[::2, ::2], subfiletype=1, **options)
        writer.write(COLOR[::4, ::4], subfiletype=1, **options)

    with open_picture(path) as picture:
        assert (picture.height, picture.width) == (83, 117)
        whole = read_image(path)
        assert picture.notes == whole.notes == ()
        np.testing.assert_array_equal(picture.read(5, 6, 80, 110), whole.rgb[5:80, 6:110])


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp"])
def test_what_cannot_be_cut_is_decoded_once(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    cv2.imwrite(str(path), COLOR)
    whole = read_image(path).rgb

    with open_picture(path) as picture:
        np.testing.assert_array_equal(picture.read(3, 5, 70, 99), whole[3:70, 5:99])


def test_the_bound_of_pixels_holds_for_what_is_decoded_at_once(tmp_path: Path) -> None:
    tiled, strip, png = (tmp_path / name for name in ("a.tif", "b.tif", "c.png"))
    tifffile.imwrite(tiled, GRAY, tile=(32, 32), compression="deflate")
    tifffile.imwrite(strip, GRAY, rowsperstrip=83, compression="deflate")
    cv2.imwrite(str(png), GRAY)
    options = ReadOptions(max_pixels=5000)

    with open_picture(tiled, options=options) as picture:
        assert picture.read(0, 0, 83, 117).shape == (83, 117, 3)
    with pytest.raises(ImageError, match="a target can be masked by tiles"):
        read_image(tiled, options=options)
    with pytest.raises(ImageError, match="strips or tiles have 117 x 83 pixels"):
        open_picture(strip, options=options).__enter__()
    with pytest.raises(ImageError, match="117 x 83 pixels and the bound is 5000"):
        open_picture(png, options=options).__enter__()


def test_damage_is_met_in_its_window_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, GRAY, tile=(32, 32), compression="deflate")
    with tifffile.TiffFile(path) as tiff:
        offset = tiff.pages[0].dataoffsets[5]
    content = bytearray(path.read_bytes())
    content[offset : offset + 8] = bytes(8)
    path.write_bytes(content)

    with open_picture(path) as picture:
        np.testing.assert_array_equal(
            picture.read(0, 0, 32, 117), np.repeat(GRAY[:32, :, None], 3, axis=2)
        )
        with pytest.raises(ImageError, match="damaged"):
            picture.read(30, 30, 40, 40)


def test_a_file_that_cannot_be_shown_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.full((40, 40), 7.5, np.float32), tile=(16, 16))

    with pytest.raises(ImageError, match="its floats go from"):  # an open file is a warning here
        open_picture(path)


def test_a_header_that_claims_the_world_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, GRAY, tile=(32, 32), compression="deflate")
    content = bytearray(path.read_bytes())
    with tifffile.TiffFile(path) as tiff:
        page = tiff.pages.first
        places = [page.tags[code].valueoffset for code in (256, 257)]
    for place in places:
        content[place : place + 4] = (2_000_000).to_bytes(4, "little")
    path.write_bytes(content)

    with pytest.raises(ImageError, match="cannot be read"):
        open_picture(path).__enter__()
