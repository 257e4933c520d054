"""An import that changes nothing writes nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from import_support import WITH_SQUARE, import_files, make_project
from maskcast.interchange.importing import ImportOptions, import_annotations


def snapshot(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    return {
        path.relative_to(folder).as_posix(): (
            path.stat().st_ino,
            path.stat().st_mtime_ns,
            path.read_bytes() if path.is_file() else b"",
        )
        for path in folder.rglob("*")
    }


@pytest.mark.parametrize("name", WITH_SQUARE)
def test_the_same_again_touches_nothing(tmp_path: Path, name: str) -> None:
    project = make_project(tmp_path / "p", "a.png")
    import_files(project, name, tmp_path / "in", WITH_SQUARE[name])
    (project.references_folder / ".annotations.lock").unlink(missing_ok=True)
    before = snapshot(tmp_path / "p")
    summary = import_annotations(project, name, tmp_path / "in", ImportOptions())
    assert summary.changed == 0
    assert "all of it was there already; nothing changed" in summary.describe()
    assert snapshot(tmp_path / "p") == before


def test_progress_is_told(tmp_path: Path) -> None:
    project = make_project(tmp_path / "p", "a.png")
    told: list[tuple[str, int, int | None]] = []
    import_files(project, "coco", tmp_path / "in", WITH_SQUARE["coco"])
    import_annotations(project, "coco", tmp_path / "in", progress=lambda *step: told.append(step))
    assert told == [("reading annotations", 0, 1), ("annotating references", 0, 1)]
