"""The huge wafer: what is said to be on it is on it, also where strips meet."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from maskcast.demo.big_wafer import TILE, BigWafer, write_big_wafer
from maskcast.demo.example import write_big_project
from maskcast.io.images import read_image
from maskcast.io.label_maps import read_label_map
from maskcast.io.windowed import open_picture
from maskcast.masks import components


def test_a_wafer_is_written_as_it_is_drawn(tmp_path: Path) -> None:
    wafer = BigWafer.drawn(3, 1300)
    image, truth = tmp_path / "targets" / "wafer.tif", tmp_path / "truth" / "wafer.png"

    write_big_wafer(image, truth, wafer)

    strips = [wafer.strip(top) for top in range(0, 1300, TILE)]
    gray, labels = (np.concatenate(part) for part in zip(*strips, strict=True))
    np.testing.assert_array_equal(read_image(image).rgb[..., 1], gray)
    np.testing.assert_array_equal(read_label_map(truth), labels)
    with open_picture(image) as picture:
        np.testing.assert_array_equal(picture.read(600, 70, 700, 99)[..., 0], gray[600:700, 70:99])


def test_every_particle_is_whole() -> None:
    wafer = BigWafer.drawn(5, 2300)
    labels = np.concatenate([wafer.strip(top)[1] for top in range(0, 2300, TILE)])
    starts = wafer.particles[:, 1]

    found = components(labels == 1)

    assert len(found) == len(wafer.particles) == 25
    assert any(start % TILE > TILE - 60 for start in starts)  # some lie on seams
    for part in found:
        width, height = part.box[2] - part.box[0], part.box[3] - part.box[1]
        assert 6 < min(width, height) <= max(width, height) < 60
        assert part.area > 0.4 * width * height


def test_the_project_is_drawn_once(tmp_path: Path) -> None:
    drawn = write_big_project(tmp_path / "big", 0, 600)
    image = drawn.root / "targets" / "wafer.tif"
    before = image.stat().st_mtime_ns

    write_big_project(tmp_path / "big", 0, 600)

    assert image.stat().st_mtime_ns == before
    assert len(list((drawn.root / "references").glob("*.png"))) == 7
