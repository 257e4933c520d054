"""A pixel here and there does not count as found; masks, boxes, ledger and presence agree."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from maskcast.errors import FingerprintError
from maskcast.io.label_maps import read_label_map
from maskcast.project.folder import ProjectFolder
from maskcast.runs.crumbs import MOST, smallest_areas, without_crumbs
from maskcast.runs.fingerprint import describe_changes
from maskcast.runs.ledger import Ledger
from maskcast.runs.run import run_project
from maskcast.types import Mask, Reference, Segmentation
from quiet import Quiet
from runnable import runnable_project
from support import GRAY, RED, picture, write_png


def squares(*sides: int) -> Mask:
    """Squares apart from one another."""
    mask = np.zeros((max(sides) + 2, sum(sides) + 2 * len(sides)), np.bool_)
    left = 0
    for side in sides:
        mask[:side, left : left + side] = True
        left += side + 2
    return mask


def reference(mask: Mask) -> Reference:
    return Reference("r.png", np.zeros((*mask.shape, 3), np.uint8), {2: mask})


@pytest.mark.parametrize(
    ("sides", "least"),
    [((16,), 16), ((4, 4), 1), ((8,), 4), ((100,), MOST), ((16,) * 20 + (1,), 16)],
)
def test_what_is_too_small_is_told_by_what_the_references_show(
    sides: tuple[int, ...], least: int
) -> None:
    assert smallest_areas([reference(squares(*sides))], None) == {2: least}


def test_a_person_can_say_what_is_too_small() -> None:
    assert smallest_areas([reference(squares(16))], 3) == {2: 3}


def test_only_small_parts_of_the_objects_concerned_go() -> None:
    mask = squares(1, 3, 5)
    found = Segmentation(
        np.array([1, 2], np.int32), np.stack([mask, mask]), np.array([0.5, 0.5], np.float32)
    )
    kept = without_crumbs(found, {2: 9})
    np.testing.assert_array_equal(kept.masks[0], mask)
    np.testing.assert_array_equal(kept.masks[1], squares(1, 3, 5) & (np.arange(15) > 2))
    assert without_crumbs(found, {2: 1}) is found


@pytest.fixture
def project(tmp_path: Path) -> ProjectFolder:
    """The reference shows a disc of 253 pixels, one target a pixel of red, another both."""
    opened = runnable_project(tmp_path / "project", targets=0)
    lone = np.full((40, 48, 3), GRAY, np.uint8)
    lone[20, 20] = RED
    write_png(opened.targets_folder / "lone.png", lone)
    both = picture(1, size=(40, 48))[0]
    both[38:, 46:] = RED
    write_png(opened.targets_folder / "both.png", both)
    return opened


def parts(project: ProjectFolder, name: str) -> int:
    """Rows of a boxes file, which the ledger and the masks must agree with."""
    output = project.output_folder
    with (output / "bboxes" / f"{name}.csv").open() as file:
        rows = len(list(csv.reader(file))) - 1
    with Ledger.read(project.ledger_path) as ledger:
        row = ledger.row(f"{name}.png")
    assert row is not None
    assert sum(found.components for found in row.objects) == rows
    labels = read_label_map(output / "masks" / f"{name}.png")
    assert np.count_nonzero(labels) == sum(found.area for found in row.objects)
    assert (output / "id_masks" / name / "1.png").exists() == bool(rows)
    return rows


def test_a_single_pixel_is_not_found(project: ProjectFolder) -> None:
    run_project(project, Quiet())
    assert (parts(project, "lone"), parts(project, "both")) == (0, 1)
    with Ledger.read(project.ledger_path) as ledger:
        assert ledger.counts().empty == 1
        assert ledger.fingerprint["smallest area"] == {"1": 15}


def test_unless_it_is_asked_for_and_that_is_another_run(project: ProjectFolder) -> None:
    asked = ProjectFolder.open(project.root, {"engine": "fake", "min_area": 1})
    run_project(asked, Quiet())
    assert (parts(project, "lone"), parts(project, "both")) == (1, 2)
    with pytest.raises(FingerprintError, match="smallest area: 1 1 -> 15"):
        run_project(project, Quiet())


def test_a_run_of_before_goes_on(project: ProjectFolder) -> None:
    run_project(project, Quiet())
    with Ledger.read(project.ledger_path) as ledger:
        now = ledger.fingerprint
    before = {key: facts for key, facts in now.items() if key != "smallest area"}
    assert describe_changes(before, now) == []
