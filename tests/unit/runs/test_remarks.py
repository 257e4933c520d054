"""What is told before the first target: sizes apart, targets that are references, no font."""

from __future__ import annotations

from pathlib import Path

import pytest

from maskcast.drawing import fonts
from maskcast.project.folder import ProjectFolder
from maskcast.runs.run import run_project
from quiet import Quiet
from runnable import SIZE, runnable_project
from support import picture, write_png


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        (4, "about 4.0 times larger than the references (192 x 160 beside 48 x 40 pixels)"),
        (0.3, "about 3.4 times smaller than the references (14 x 12 beside 48 x 40 pixels)"),
        (2, None),
        (1, None),
    ],
)
def test_targets_of_another_size_are_told(
    tmp_path: Path, times: float, expected: str | None
) -> None:
    project = runnable_project(tmp_path / "project", targets=0)
    image = picture(1, size=(200, 200))[0]
    for number in range(3):
        part = image[: int(SIZE[0] * times), : int(SIZE[1] * times)]
        write_png(project.targets_folder / f"{number}.png", part)
    (project.targets_folder / "broken.png").write_bytes(b"no picture")
    observer = Quiet()
    run_project(project, observer)
    told = [note for note in observer.notes if "times" in note]
    assert len(told) == (expected is not None)
    if expected is not None:
        assert expected in told[0]
        assert "scale the targets to about 4" in told[0]


def told(project: ProjectFolder) -> str:
    observer = Quiet()
    run_project(project, observer)
    return "\n".join(observer.notes)


def test_targets_that_are_the_references_are_told(tmp_path: Path) -> None:
    root = tmp_path / "project"
    assert "references themselves" not in told(runnable_project(root))
    flags = {"engine": "fake", "paths": {"targets": root / "references", "output": Path("o")}}
    assert "references themselves" in told(ProjectFolder.open(root, flags))


def test_a_name_that_no_font_can_write_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = runnable_project(tmp_path / "project")
    (project.root / "maskcast.toml").write_text('objects = [{id = 1, name = "결함"}]\n')
    named = ProjectFolder.open(project.root, {"engine": "fake"})
    fonts._source_for.cache_clear()
    monkeypatch.setattr(fonts, "_system_fonts", tuple)
    assert "no font here has all the letters of 결함" in told(named)
    fonts._source_for.cache_clear()
