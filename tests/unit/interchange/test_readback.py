"""What is said when an export cannot be checked, or does not hold what it should."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from finished import finished_project
from formats_support import mask_of
from maskcast.errors import ExportError
from maskcast.interchange.export_summary import ExportSummary
from maskcast.interchange.exporting import export_project
from maskcast.interchange.options import ExportOptions
from maskcast.interchange.readback import check_export

DOT = mask_of("........", "........", "........", "........", "....#...", "........")

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.fixture
def coco(tmp_path: Path) -> ExportSummary:
    project = finished_project(tmp_path / "project", {"a.png": {1: DOT}, "b.png": {}})
    return export_project(project, "coco", tmp_path / "coco")


def test_a_missing_reader_is_named(coco: ExportSummary, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pycocotools.coco", None)
    assert check_export(coco).startswith(
        "not checked: pycocotools is not installed; run: pip install pycocotools"
    )


def test_a_reader_that_needs_pictures_says_so(tmp_path: Path) -> None:
    pytest.importorskip("supervision")
    project = finished_project(tmp_path / "project", {"a.png": {1: DOT}})
    summary = export_project(project, "yolo", tmp_path / "yolo")
    assert check_export(summary) == (
        "not checked: supervision needs the pictures; export with --copy-images or --link-images"
    )
    options = ExportOptions(pictures="link", split=(0.5, 0.5, 0))
    assert "finds 1 image, as" in check_export(
        export_project(project, "yolo", tmp_path / "two", options)
    )


@pytest.mark.parametrize(
    ("key", "sentence"),
    [("annotations", "0 instances instead of 1, 0 pixels instead of 1"), ("images", "0 images")],
)
def test_what_is_missing_is_counted(coco: ExportSummary, key: str, sentence: str) -> None:
    assert "2 images, 1 instance, 1 pixel, as exported" in check_export(coco)
    path = coco.folder / "annotations/instances_default.json"
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | {key: [], "annotations": []}))
    with pytest.raises(ExportError, match=sentence):
        check_export(coco)


def test_what_cannot_be_read_is_said(coco: ExportSummary) -> None:
    (coco.folder / "annotations/instances_default.json").write_text("{")
    with pytest.raises(ExportError, match=r"pycocotools cannot read .*JSONDecodeError"):
        check_export(coco)
