"""Probability planes beside the results of a run."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from maskcast.engines.planes import HIGHEST
from maskcast.errors import RunError
from maskcast.interchange.importing import import_annotations
from maskcast.project.folder import ProjectFolder
from maskcast.runs.kept_planes import (
    level_counts,
    planes_path,
    read_calibration,
    read_planes,
)
from maskcast.runs.outputs import OutputFolders, read_id_mask
from maskcast.runs.run import run_project
from support import picture, result_digests, write_png
from web_support import Quiet


class Told(Quiet):
    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


def open_project(root: Path, **flags: object) -> ProjectFolder:
    return ProjectFolder.open(root, {"engine": "fake", **flags})


@pytest.fixture
def root(tmp_path: Path) -> Path:
    image, mask = picture(1, 2)
    write_png(tmp_path / "p" / "references" / "r.png", image)
    write_png(tmp_path / "labels" / "r.png", mask.astype(np.uint8) * 255)
    for number in range(4):
        write_png(tmp_path / "p" / "targets" / "sub" / f"t{number}.png", picture(number, number)[0])
    import_annotations(open_project(tmp_path / "p"), "masks", tmp_path / "labels")
    return tmp_path / "p"


def test_planes_are_kept_only_when_asked_and_change_no_result(root: Path) -> None:
    run_project(open_project(root), Quiet())
    output = root / "output"
    assert not (output / "probabilities").exists()
    plain = result_digests(output)
    shutil.rmtree(output)

    run_project(open_project(root, keep_probabilities="1MB"), Quiet())
    assert result_digests(output) == plain
    calibration = read_calibration(output)
    assert calibration is not None
    for number in range(4):
        planes = read_planes(planes_path(output, f"sub/t{number}"))
        masks = OutputFolders(output).written_id_masks(f"sub/t{number}")
        above = planes.planes[1] > calibration.levels[1]
        assert above.any() == bool(masks)
        assert planes.own.keys() == masks.keys()
        if masks:
            assert np.array_equal(above, read_id_mask(masks[1]))
    counts = level_counts(output, [f"sub/t{number}" for number in range(4)])
    assert counts[1].shape == (HIGHEST + 1,)
    assert counts[1].sum() == 4 * above.size


def test_the_bound_holds_and_is_told(root: Path) -> None:
    run_project(open_project(root, keep_probabilities="1MB"), Quiet())
    sizes = sorted(path.stat().st_size for path in root.glob("output/probabilities/sub/*.zip"))
    shutil.rmtree(root / "output")

    told = Told()
    bound = sum(sizes[-2:])
    run_project(open_project(root, keep_probabilities=bound), told)
    files = list(root.glob("output/probabilities/sub/*.zip"))
    assert 2 <= len(files) < 4
    assert sum(path.stat().st_size for path in files) <= bound
    left_out = 4 - len(files)
    assert f"probabilities of {left_out} target" in told.notes[-1]
    assert "no more room" in told.notes[-1]

    # What is there counts when the run goes on, and a target done again takes no more room.
    write_png(root / "targets" / "sub" / "t9.png", picture(9, 3)[0])
    run_project(open_project(root, keep_probabilities=bound), Quiet())
    after = list(root.glob("output/probabilities/sub/*.zip"))
    assert sum(path.stat().st_size for path in after) <= bound


def test_an_engine_that_cannot_tell_says_so(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = open_project(root).create_engine()
    parts = ("info", "segment", "memorize", "propagate", "close")
    plain = SimpleNamespace(**{name: getattr(fake, name) for name in parts})
    monkeypatch.setattr(ProjectFolder, "create_engine", lambda _: plain)
    told = Told()
    run_project(open_project(root, keep_probabilities="1MB"), told)
    assert any("the engine fake does not tell" in note for note in told.notes)
    assert not (root / "output" / "probabilities").exists()


def test_damaged_planes_are_told(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="no probabilities are kept"):
        read_planes(tmp_path / "x.zip")
    (tmp_path / "x.zip").write_bytes(b"no zip")
    with pytest.raises(RunError, match="damaged"):
        read_planes(tmp_path / "x.zip")
