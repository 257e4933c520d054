"""Damaged pictures, pictures of many pages and of other kinds, from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import tifffile

from support import Maskcast, picture, write_png


def test_a_run_records_damage_goes_on_and_takes_it_where_told(
    tmp_path: Path, maskcast: Maskcast
) -> None:
    image, mask = picture(0, discs=1)
    write_png(tmp_path / "references" / "r.png", image)
    write_png(tmp_path / "labels" / "r.png", mask.astype(np.uint8))
    targets = tmp_path / "targets"
    write_png(targets / "whole.png", image)
    noisy = np.random.default_rng(0).integers(0, 256, (200, 200, 3), np.uint8)
    data = cv2.imencode(".jpg", noisy)[1].tobytes()
    (targets / "damaged.jpg").write_bytes(data[: len(data) // 2] + data[len(data) // 2 + 500 :])
    (targets / "photo.heic").write_bytes(b"")
    with tifffile.TiffWriter(targets / "pages.tif") as writer:
        for _ in range(2):
            writer.write(image[..., 0], photometric="minisblack", contiguous=False)
    assert maskcast("import", "masks", "labels", "--project", ".", cwd=tmp_path).returncode == 0

    run = maskcast("run", ".", "--engine", "fake", cwd=tmp_path)
    assert run.returncode == 3
    assert "pages.tif: the file holds several pages" in run.stderr
    assert "1 picture is of a kind that is not read (1 .heic; first: photo.heic)" in run.stderr
    status = json.loads(maskcast("status", ".", "--json", cwd=tmp_path).stdout)
    assert (status["done"], status["failed"]) == (2, 1)
    (failure,) = status["failures"]
    assert failure["image_id"] == "damaged.jpg"
    assert "damaged" in failure["reason"]
    assert "--accept-damaged" in failure["reason"]

    run = maskcast("run", ".", "--engine", "fake", "--accept-damaged", cwd=tmp_path)
    assert run.returncode == 0
    assert "damaged.jpg: it is damaged" in run.stderr


def test_an_import_tells_of_pages(tmp_path: Path, maskcast: Maskcast) -> None:
    image, mask = picture(0, discs=1)
    (tmp_path / "references").mkdir()
    with tifffile.TiffWriter(tmp_path / "references" / "r.tif") as writer:
        for _ in range(2):
            writer.write(image[..., 0], photometric="minisblack", contiguous=False)
    write_png(tmp_path / "labels" / "r.png", mask.astype(np.uint8))
    done = maskcast("import", "masks", "labels", "--project", ".", cwd=tmp_path)
    assert done.returncode == 0
    assert "r.tif: the file holds several pages" in done.stderr
