"""The table of verdicts."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from finished import SIZE, finished_project
from maskcast.results.verdicts import VERDICTS_NAME, write_verdicts


def test_every_target_that_is_done_has_a_row(tmp_path: Path) -> None:
    mask = np.zeros(SIZE, np.bool_)
    mask[1, 1] = mask[3:5, 4:6] = True
    project = finished_project(
        tmp_path / "p", {"a.png": {1: mask, 3: mask}, "x/b.png": {}}, failed={"c.png": "broken"}
    )
    assert write_verdicts(project) == ()
    lines = (project.output_folder / VERDICTS_NAME).read_text("utf-8").splitlines()
    first, second = csv.DictReader(lines)
    columns = ("image", "verdict", "objects", "1_number", "3_area", "3_largest")
    counted = {key: first[key] for key in columns}
    assert counted == {
        "image": "a.png",
        "verdict": "defect",
        "objects": "2",
        "1_number": "2",
        "3_area": "5",
        "3_largest": "4",
    }
    assert (second["image"], second["verdict"], second["1_number"]) == ("x/b.png", "undecided", "0")
    assert float(first["probability"]) > float(second["probability"])
