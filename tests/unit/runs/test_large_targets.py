"""Targets that are masked tile by tile get the files that they get in one piece."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from pycocotools.coco import COCO

from maskcast.engines import large
from maskcast.engines.large import PackedMask
from maskcast.errors import FingerprintError
from maskcast.interchange.exporting import export_project
from maskcast.interchange.options import ExportOptions
from maskcast.io.rasters import read_raster
from maskcast.io.read_options import DEFAULT_OPTIONS
from maskcast.masks import components
from maskcast.project.folder import ProjectFolder
from maskcast.quality.judge import compactness, compactness_of_large
from maskcast.runs import large_outputs
from maskcast.runs.large_outputs import components_of
from maskcast.runs.ledger import Ledger
from maskcast.runs.ledger_rows import TargetRow
from maskcast.runs.run import run_project
from maskcast.runs.summary import RunSummary
from quiet import Quiet
from runnable import runnable_project
from support import picture

SHAPE = (170, 230)


def project_with_large(root: Path, engine: str = "fake", shape: tuple[int, int] = SHAPE) -> None:
    """Two pictures, one read by windows and one that is decoded first; discs lie on seams."""
    runnable_project(root, targets=1, engine=engine)
    image, _ = picture(5, discs=25, size=shape)
    tifffile.imwrite(
        root / "targets" / "tiled.tif", image, tile=(32, 32), photometric="rgb", compression="lzw"
    )
    cv2.imwrite(str(root / "targets" / "whole.png"), image[..., ::-1])


def run(
    root: Path, output: str, engine: str = "fake", *, min_area: object = None, **tiles: object
) -> RunSummary:
    flags = {"engine": engine, "paths": {"output": root / output}, "tiles": tiles, "workers": 2}
    flags["min_area"] = min_area
    return run_project(ProjectFolder.open(root, flags), Quiet(), selftest=False)


def samples(path: Path) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return read_raster(path, DEFAULT_OPTIONS).samples


def boxes(path: Path) -> list[list[str]]:
    with path.open(newline="") as file:
        return [row[:5] for row in csv.reader(file)]


def test_an_engine_that_is_shown_tiles_gives_whole_objects(tmp_path: Path) -> None:
    project_with_large(tmp_path)

    assert run(tmp_path, "whole").counts.done == 3
    assert run(tmp_path, "tiles", side=64, halo=16).counts.done == 3

    whole, tiles = tmp_path / "whole", tmp_path / "tiles"
    for name in ("0", "tiled", "whole"):
        for path in (f"id_masks/{name}/1.png", f"masks/{name}.png"):
            np.testing.assert_array_equal(samples(tiles / path), samples(whole / path))
        assert boxes(tiles / f"bboxes/{name}.csv") == boxes(whole / f"bboxes/{name}.csv")
        np.testing.assert_array_equal(
            samples(tiles / f"overlays/{name}.jpg").shape,
            samples(whole / f"overlays/{name}.jpg").shape,
        )
    assert set(np.unique(samples(tiles / "id_masks/tiled/1.png"))) == {0, 255}
    palettes = [
        read_raster(place / "masks/tiled.png", DEFAULT_OPTIONS).palette for place in (whole, tiles)
    ]
    np.testing.assert_array_equal(palettes[0], palettes[1])


def test_pixel_gives_the_same_to_the_last_digit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project_with_large(tmp_path, "pixel", (300, 620))

    run(tmp_path, "whole", "pixel")
    run(tmp_path, "tiles", "pixel", side=300)
    monkeypatch.setattr(large, "_WHOLE_PIXELS", 100_000)
    monkeypatch.setattr(large_outputs, "OVERLAY_PIXELS", 100_000)  # shows that they were cut
    run(tmp_path, "unasked", "pixel")

    whole = tmp_path / "whole"
    assert len(boxes(whole / "bboxes/tiled.csv")) > 3
    for other, notes in (("tiles", ()), ("unasked", ("its overlay is drawn at 1/2 of its size",))):
        for name in ("0", "tiled", "whole"):
            table = Path("bboxes") / f"{name}.csv"
            assert (tmp_path / other / table).read_bytes() == (whole / table).read_bytes()
            np.testing.assert_array_equal(
                samples(tmp_path / other / f"masks/{name}.png"),
                samples(whole / f"masks/{name}.png"),
            )
        assert not (tmp_path / other / "unfinished").exists()
        for name in ("tiled.tif", "whole.png"):
            expected = replace(row_of(whole, name), notes=notes)
            assert row_of(tmp_path / other, name) == expected


def row_of(output: Path, image_id: str) -> TargetRow:
    with Ledger.read(output / "run.db") as ledger:
        row = ledger.row(image_id)
    assert row is not None
    return row


def test_only_who_asks_for_tiles_has_targets_beyond_the_bound(tmp_path: Path) -> None:
    project_with_large(tmp_path, "pixel")
    (tmp_path / "targets" / "whole.png").unlink()
    flags = {"engine": "pixel", "images": {"max_pixels": 20_000}, "workers": 1}

    refused = Quiet()
    run_project(ProjectFolder.open(tmp_path, flags), refused, selftest=False)
    taken = run_project(
        ProjectFolder.open(tmp_path, {**flags, "tiles": {"side": 100}}),
        Quiet(),
        selftest=False,
        redo_failed=True,
    )

    (row,) = (row for row in refused.rows if row.state == "failed")
    assert row.reason is not None
    assert "a target can be masked by tiles: maskcast run --tile auto" in row.reason
    assert taken.counts.failed == 0


def test_small_parts_are_left_out_of_the_whole(tmp_path: Path) -> None:
    project_with_large(tmp_path)
    least = 300  # a disc has 253 pixels, and some overlap

    run(tmp_path, "whole", min_area=least)
    run(tmp_path, "tiles", min_area=least, side=64, halo=16)

    table = Path("bboxes") / "tiled.csv"
    assert 1 < len(boxes(tmp_path / "whole" / table)) < 15
    assert boxes(tmp_path / "tiles" / table) == boxes(tmp_path / "whole" / table)


def test_only_results_that_depend_on_tiles_are_refused(tmp_path: Path) -> None:
    project_with_large(tmp_path)
    run(tmp_path, "fake", side=64)
    with pytest.raises(FingerprintError, match="tiles: side 64 -> 128"):
        run(tmp_path, "fake", side=128)


def test_an_overlay_that_is_too_large_is_made_smaller_and_said_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(large_outputs, "OVERLAY_PIXELS", 10_000)
    project_with_large(tmp_path)

    run(tmp_path, "tiles", side=64)

    assert samples(tmp_path / "tiles/overlays/tiled.jpg").shape == (85, 115, 3)
    assert row_of(tmp_path / "tiles", "tiled.tif").notes == (
        "its overlay is drawn at 1/2 of its size",
    )


def test_a_large_target_that_is_damaged_fails_alone(tmp_path: Path) -> None:
    project_with_large(tmp_path)
    path = tmp_path / "targets" / "tiled.tif"
    with tifffile.TiffFile(path) as tiff:
        offset = tiff.pages.first.dataoffsets[20]
    content = bytearray(path.read_bytes())
    content[offset : offset + 400] = b"\xff" * 400
    path.write_bytes(content)

    summary = run(tmp_path, "tiles", side=64)

    assert (summary.counts.done, summary.counts.failed) == (2, 1)
    flags = {"engine": "fake", "tiles": {"side": 64}, "images": {"accept_damaged": True}}
    observer = Quiet()
    run_project(ProjectFolder.open(tmp_path, flags), observer, selftest=False)
    row = next(row for row in observer.rows if row.image_id == "tiled.tif")
    assert row.state == "done"
    assert row.notes[0].startswith("it is damaged (a strip or tile: ")


@pytest.mark.parametrize("share", [0.02, 0.3, 0.6])
def test_what_is_told_of_a_mask_is_told_of_the_whole(
    monkeypatch: pytest.MonkeyPatch, share: float
) -> None:
    monkeypatch.setattr(large, "_STRIP_PIXELS", 400)
    mask = np.random.default_rng(3).random((70, 101)) < share
    packed = PackedMask(70, 101)
    packed.put(0, mask)

    assert components_of(packed) == components(mask)
    assert packed.area == mask.sum()
    assert compactness_of_large(packed) == compactness(mask)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.parametrize("polygons", [False, True])
def test_instances_are_exported_in_the_frame_of_the_whole(
    tmp_path: Path, *, polygons: bool
) -> None:
    project_with_large(tmp_path)
    run(tmp_path, "output", side=64, halo=16)

    folder = tmp_path / "coco"
    options = ExportOptions(polygons=polygons)
    export_project(ProjectFolder.open(tmp_path), "coco", folder, options)

    reader = COCO(folder / "annotations" / "instances_default.json")
    (image,) = (each for each in reader.imgs.values() if each["file_name"] == "tiled.tif")
    found = reader.loadAnns(reader.getAnnIds(imgIds=image["id"]))
    union = np.any([reader.annToMask(each) for each in found], axis=0)
    assert (image["height"], image["width"]) == SHAPE
    assert len(found) == len(boxes(tmp_path / "output/bboxes/tiled.csv")) - 1
    mask = samples(tmp_path / "output/id_masks/tiled/1.png")[..., 0] > 0
    assert (union != mask).sum() <= (mask.sum() // 10 if polygons else 0)  # it fills outlines anew
