"""Pictures whose headers claim what is not there: work and memory follow the file and the bound."""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile

from hostile_files import false_headers, png, tiff
from limited import run_limited
from maskcast.errors import ImageError
from maskcast.io.images import read_image
from maskcast.io.label_maps import read_label_map
from maskcast.io.read_options import ReadOptions
from pictures import png_chunk

_READ_ALL = """
import json, resource, sys
from pathlib import Path
from maskcast.errors import ImageError
from maskcast.io.images import read_image

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024

before, said = peak(), {}
for path in sorted(Path(sys.argv[1]).iterdir()):
    try:
        said[path.name] = list(read_image(path).rgb.shape)
    except ImageError as error:
        said[path.name] = str(error)
print(json.dumps([peak() - before, said]), file=sys.stderr)
"""


def test_headers_that_claim_much_cost_nothing(tmp_path: Path) -> None:
    for name, data in false_headers():
        (tmp_path / name).write_bytes(data)
    megabytes, said = json.loads(run_limited(_READ_ALL, tmp_path, seconds=30).splitlines()[-1])
    assert megabytes < 150
    refused = {name: text for name, text in said.items() if isinstance(text, str)}
    assert not [name for name, text in refused.items() if "not enough memory" in text]
    assert all(shape == [64, 64, 3] for name, shape in said.items() if name not in refused)
    # What is read is a whole picture beside a tag, chunk or frame that claims much.
    for name in said.keys() - refused.keys():
        assert name.startswith(("tag_", "chunks.", "frames."))


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("tile_0.tif", "tiles are 0 x 0 pixels"),
        ("tile_1048576.tif", "larger than the picture"),
        ("overlapping.tif", "overlap"),
        ("loop.tif", "list of pages does not end"),
        ("deep.tif", "bound is 200000000"),
        ("claims_65535_65535_0.jpg", "bound is 200000000"),
        ("claims_14000_14000_0.jpg", "claims 14000 x 14000 pixels in"),
        ("claims_14000_14000_1.jpg", "claims 14000 x 14000 pixels in"),
        ("claims.webp", "claims 14142 x 14142 pixels"),
        ("claims.avif", "claims 14142 x 14142 pixels"),
        ("huge.jxl", "it is damaged or cut off"),
    ],
)
def test_what_was_wrong_is_said(tmp_path: Path, name: str, reason: str) -> None:
    path = tmp_path / name
    path.write_bytes(dict(false_headers())[name])
    with pytest.raises(ImageError, match=reason) as caught:
        read_image(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("tiles_1_8.tif", r"200 ?\d* ?\d* ?strips or tiles|cut into \d+ strips or tiles"),
        ("rows_1_1.tif", "14141 of its 14142 strips or tiles are missing"),
        ("rows_0_1.tif", "strips have 0 rows"),
        ("channels_65535_8.tif", "bound is 200000000"),
        ("few_8_0_0.png", r"\d+ bytes of data cannot be 14142 x 14142 pixels"),
        ("tiles_1.jp2", "tiles in"),
        ("channels.jp2", "16384 channels"),
    ],
)
def test_what_is_not_there_is_missed_also_where_small_files_are_trusted(
    tmp_path: Path, name: str, reason: str
) -> None:
    path = tmp_path / name
    path.write_bytes(dict(false_headers())[name])
    with pytest.raises(ImageError, match=reason):
        read_image(path, options=ReadOptions(trust_small_files=True))


@pytest.mark.parametrize("tile", [(16, 16), None])
def test_many_honest_strips_and_tiles_are_read(
    tmp_path: Path, tile: tuple[int, int] | None
) -> None:
    path = tmp_path / "a.tif"
    pixels = np.random.default_rng(0).integers(0, 256, (700, 900), np.uint8)
    options = {"rowsperstrip": 1} if tile is None else {"tile": tile}
    tifffile.imwrite(path, pixels, photometric="minisblack", compression="lzw", **options)
    assert np.array_equal(read_image(path).rgb[..., 1], pixels)


def test_a_strip_whose_size_is_not_told_is_read(tmp_path: Path) -> None:
    """Old scanners leave the count of bytes out, or write 0."""
    path = tmp_path / "a.tif"
    tags: dict[int, tuple[int, Sequence[int]]] = {256: (4, [3]), 257: (4, [2]), 258: (3, [8])}
    tags |= {259: (3, [1]), 262: (3, [1]), 273: (4, [-1]), 279: (4, [0])}
    path.write_bytes(tiff(tags, bytes([10, 60, 110, 140, 190, 240])))
    assert read_image(path).rgb[..., 0].tolist() == [[10, 60, 110], [140, 190, 240]]


def test_a_nearly_empty_picture_is_read_where_the_bound_is_raised(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(cv2.imencode(".png", np.zeros((1200, 1000), np.uint8))[1].tobytes())
    size = path.stat().st_size
    enough = 6 * (1_200_000 - 128 * size)
    with pytest.raises(ImageError, match=f"raise max_pixels to {enough} if the file"):
        read_image(path, options=ReadOptions(1_200_000))
    assert read_image(path, options=ReadOptions(enough + 5)).rgb.shape == (1200, 1000, 3)


def test_a_tiff_that_is_read_in_two_ways_is_refused(tmp_path: Path) -> None:
    """A width of 48, behind a claim of 500 million of them, that tifffile passes over."""
    path = tmp_path / "a.tif"
    tags: dict[int, tuple[int, Sequence[int]]] = {256: (4, [48, 0]), 257: (4, [1]), 258: (3, [8])}
    tags |= {259: (3, [8]), 262: (3, [1]), 273: (4, [-1]), 279: (4, [9])}
    path.write_bytes(tiff(tags, zlib.compress(bytes(48)), counts={256: 2**29 + 1}))
    for accept_damaged in (False, True):
        with pytest.raises(ImageError, match="its size can be read in two ways"):
            read_image(path, options=ReadOptions(accept_damaged=accept_damaged))


@pytest.mark.parametrize(
    "chunk",
    [
        png_chunk(b"pHYs", bytes(9))[:-1] + b"?",
        png_chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(2**27), 9)),
    ],
)
def test_the_transparency_of_a_label_map_needs_nothing_beside_the_pixels(
    tmp_path: Path, chunk: bytes
) -> None:
    path = tmp_path / "a.png"
    row = b"\0" + bytes((0, 0, 0, 0)) + bytes((1, 1, 1, 255)) * 15  # filter, then RGBA
    path.write_bytes(png(16, 8, 6, zlib.compress(row * 16), more=chunk))
    assert (read_label_map(path).sum(), read_label_map(path)[:, 0].sum()) == (240, 0)


def test_label_maps_may_be_nearly_empty(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(cv2.imencode(".png", np.eye(1000, dtype=np.uint8))[1].tobytes())
    assert read_label_map(path, ReadOptions(1_000_000)).sum() == 1000


def test_texts_in_a_png_are_not_unpacked(tmp_path: Path) -> None:
    """A compressed EXIF block may unpack to anything; the pixels do not need it."""
    body = b"Raw profile type exif\0\0" + zlib.compress(bytes(2**27), 9)
    path = tmp_path / "a.png"
    pixels = zlib.compress(bytes(65 * 64))
    path.write_bytes(png(64, 8, 0, pixels, more=png_chunk(b"zTXt", body)))
    said = run_limited(_READ_ALL, tmp_path, seconds=20).splitlines()[-1]
    megabytes, shapes = json.loads(said)
    assert shapes == {"a.png": [64, 64, 3]}
    assert megabytes < 60
