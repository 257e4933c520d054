"""The table of verdicts."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np

from finished import SIZE, finished_project
from maskcast.project.folder import ProjectFolder
from maskcast.results.verdicts import VERDICTS_NAME, write_verdicts
from maskcast.review.reviewing import decide, take_back
from maskcast.runs.ledger import Ledger


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


def verdicts(project: ProjectFolder) -> dict[str, tuple[str, float]]:
    """Image id -> verdict and probability, as a new table has them."""
    write_verdicts(project)
    lines = (project.output_folder / VERDICTS_NAME).read_text("utf-8").splitlines()
    table = csv.DictReader(lines)
    return {row["image"]: (row["verdict"], float(row["probability"])) for row in table}


def test_evidence_speaks_and_then_a_person_does(tmp_path: Path) -> None:
    mask = np.ones(SIZE, np.bool_)
    project = finished_project(tmp_path / "p", {"a.png": {1: mask}, "b.png": {}, "c.png": {}})
    with Ledger.open(project.ledger_path) as ledger:
        for row, evidence in zip(list(ledger.rows()), (-2.0, 9.0, None), strict=True):
            ledger.record(replace(row, evidence=evidence))
    engine = verdicts(project)
    assert engine["a.png"][0] == "ok"  # a mask that is weaker than what clean pictures show
    assert engine["b.png"][0] == "defect"  # although nothing was found
    assert engine["c.png"][0] == "undecided"  # of which only that is known

    decide(project, ["a.png", "b.png"], "accepted", "ann")
    assert verdicts(project) == engine | {"a.png": ("defect", 1.0), "b.png": ("ok", 0.0)}
    decide(project, ["a.png"], "rejected", "ann")
    assert verdicts(project)["a.png"] == ("ok", 0.0)
    decide(project, ["a.png", "b.png"], "undecided", "ann")
    assert verdicts(project) == engine
    take_back(project, "ann", ["a.png"])
    assert verdicts(project)["a.png"] == ("ok", 0.0)
    take_back(project, "ann", ["a.png"])
    take_back(project, "ann", ["a.png"])
    assert verdicts(project) == engine
