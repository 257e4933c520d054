"""Label Studio: which annotation of a task counts, and its other exports."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from import_support import (
    SIZE,
    SQUARE,
    annotated,
    areas,
    import_files,
    make_project,
    said,
    studio_region,
)
from maskcast.errors import AnnotationError

ONE = 100
SMALL = ((4, 6), (9, 6), (9, 16), (4, 16))


def task(*annotations: Mapping[str, object], **more: object) -> dict[str, object]:
    image = "/data/upload/3/0123abcd-a.png"
    return {"id": 1, "data": {"image": image}, "annotations": list(annotations)} | more


def made(corners: Sequence[tuple[float, float]] | None, **more: object) -> dict[str, object]:
    return {"result": [] if corners is None else [studio_region(corners)]} | more


OLD, NEW = "2026-01-01T00:00:00Z", "2026-02-01T00:00:00.5Z"

CHOSEN: dict[str, tuple[dict[str, object], int]] = {
    "the newer": (task(made(None, updated_at=OLD), made(SQUARE, updated_at=NEW)), ONE),
    "the newer, though it is first": (
        task(made(SQUARE, updated_at=NEW), made(SMALL, updated_at=OLD)),
        ONE,
    ),
    "the newer, of several zones": (
        task(
            made(SMALL, updated_at="2026-01-01T02:00:00+09:00"),
            made(SQUARE, updated_at="2025-12-31T18:00:00Z"),
        ),
        ONE,
    ),
    "the later, where it was only created": (
        task(made(SQUARE, created_at=NEW), made(SMALL, created_at=OLD, updated_at=OLD)),
        ONE,
    ),
    "the higher id, where nothing is known": (task(made(SQUARE, id=9), made(SMALL, id=3)), ONE),
    "the last, where nothing is known": (task(made(SMALL), made(SQUARE)), ONE),
    "the ground truth": (
        task(made(SQUARE, updated_at=OLD, ground_truth=True), made(SMALL, updated_at=NEW)),
        ONE,
    ),
    "none that was cancelled": (
        task(made(SQUARE, updated_at=OLD), made(SMALL, updated_at=NEW, was_cancelled=True)),
        ONE,
    ),
    "an annotation before a prediction": (
        task(made(SQUARE, updated_at=OLD), predictions=[made(SMALL, created_at=NEW)]),
        ONE,
    ),
    "completions of the first versions": (
        {"data": {"image": "a.png"}, "completions": [made(SMALL, skipped=True), made(SQUARE)]},
        ONE,
    ),
}


@pytest.mark.parametrize("case", CHOSEN)
def test_one_annotation_of_a_task_counts(tmp_path: Path, case: str) -> None:
    content, area = CHOSEN[case]
    project = make_project(tmp_path / "p", "a.png")
    summary = import_files(project, "labelstudio", tmp_path / "in", {"a.json": [content]})
    assert areas(project) == {"a.png": {1: area}}
    annotations: Any = content.get("annotations", ())
    valid = [one for one in annotations if not one.get("was_cancelled")]
    told = [note for note in summary.notes if "annotated several times" in note]
    assert len(told) == (len(valid) > 1)


def test_what_nobody_annotated_is_left_out(tmp_path: Path) -> None:
    project = make_project(tmp_path / "p", "a.png", "b.png", "c.png", "d.png")
    cancelled = made(SQUARE, was_cancelled=True)
    predicted = {"data": {"image": "c.png"}, "predictions": [made(SQUARE)]}
    tasks = [
        {"data": {"image": "a.png"}, "annotations": []},
        {"data": {"image": "b.png"}, "annotations": [cancelled], "predictions": [made(SQUARE)]},
        predicted,
        {"data": {"image": "d.png"}},
    ]
    summary = import_files(project, "labelstudio", tmp_path / "in", {"a.json": tasks})
    assert areas(project) == {"c.png": {1: ONE}}
    assert said(summary) == {"not annotated": 3}
    assert any("1 image was only predicted" in note for note in summary.notes)


def row(name: str | None = None, /, **more: object) -> dict[str, object]:
    """A row of JSON-MIN."""
    name = name or "/data/upload/3/0123abcd-a.png"
    return {"image": name, "id": 1, "annotator": 1, "annotation_id": 1, "lead_time": 3.5} | more


def min_region(corners: Sequence[tuple[float, float]], **more: object) -> dict[str, object]:
    region = studio_region(corners)
    value: Any = region["value"]
    return {**value, "original_width": SIZE[1], "original_height": SIZE[0]} | more


def as_csv(rows: Sequence[Mapping[str, object]], separator: str = ",") -> str:
    """As pandas writes it: what is no text is JSON in a cell."""
    stream = io.StringIO()
    columns = list(dict.fromkeys(key for one in rows for key in one))
    writer = csv.DictWriter(stream, columns, delimiter=separator)
    writer.writeheader()
    writer.writerows(
        {key: value if isinstance(value, str | int | float) else json.dumps(value)
         for key, value in one.items()}
        for one in rows
    )  # fmt: skip
    return stream.getvalue()


@pytest.mark.parametrize("name", ["a.json", "a.csv", "a.tsv"])
@pytest.mark.parametrize("column", ["label", "부위 outline"])
def test_rows_are_read_like_tasks(tmp_path: Path, name: str, column: str) -> None:
    project = make_project(tmp_path / "p", "a.png", "b.png", "c.png")
    rows = [
        row(updated_at=OLD) | {column: [min_region(SMALL)]},
        row(updated_at=NEW, annotation_id=2, choice="good") | {column: [min_region(SQUARE)]},
        row("b.png"),
        row("z.png") | {column: [min_region(SQUARE)]},
        row("c.png") | {column: [min_region(SQUARE, original_width=9)]},
    ]
    content = as_csv(rows, "\t" if name.endswith("tsv") else ",")
    files = {name: rows if name.endswith("json") else content}
    summary = import_files(project, "labelstudio", tmp_path / "in", files)
    assert areas(project) == {"a.png": {1: ONE}, "b.png": {}}
    assert annotated(project)["b.png"].clean
    assert said(summary) == {"picture": 1, "size": 1}
    assert any("annotated several times" in note for note in summary.notes)


def test_a_long_brush_in_a_cell(tmp_path: Path) -> None:
    """Cells of more than 128 kB, where Python's csv stops by itself."""
    project = make_project(tmp_path / "p", "a.png")
    regions = [min_region(SQUARE, note="x" * 200_000)]
    files = {"a.csv": as_csv([row(label=regions)])}
    import_files(project, "labelstudio", tmp_path / "in", files)
    assert areas(project) == {"a.png": {1: ONE}}
    assert csv.field_size_limit() < 200_000


@pytest.mark.parametrize(
    "files",
    [
        {"a.json": [{"text": "a"}, {"text": "b"}]},
        {"a.json": [1, 2]},
        {"a.csv": "x,y\n1,2\n"},
        {"a.json": {"images": []}},
        {"a.json": "{"},
    ],
)
def test_other_files_are_refused_by_name(tmp_path: Path, files: dict[str, object]) -> None:
    project = make_project(tmp_path / "p", "a.png")
    with pytest.raises(AnnotationError, match=r"a\.(json|csv)|no JSON file of tasks"):
        import_files(project, "labelstudio", tmp_path / "in", files)
    assert not project.annotations_path.exists()


def test_an_annotation_as_a_storage_gets_it(tmp_path: Path) -> None:
    project = make_project(tmp_path / "p", "a.png", "b.png")
    files = {
        "1": None,
        "2.json": {"id": 7, "task": {"id": 1, "data": {"image": "a.png"}}, **made(SQUARE)},
        "3.json": {"id": 1, "data": {"image": "b.png"}, "annotations": [made(SQUARE)]},
    }
    del files["1"]
    import_files(project, "labelstudio", tmp_path / "in", files)
    assert areas(project) == {"a.png": {1: ONE}, "b.png": {1: ONE}}


def test_regions_that_are_drawn_with_one_tag_and_labeled_with_another(tmp_path: Path) -> None:
    project = make_project(tmp_path / "p", "a.png")
    region = studio_region(SQUARE, type="polygon", from_name="shape")
    value: Any = region["value"]
    drawn = {key: given for key, given in value.items() if key != "polygonlabels"}
    results = [
        region | {"value": drawn},
        region | {"type": "labels", "value": {**drawn, "labels": ["disc", "bright"]}},
        studio_region(SMALL, id="other", type="polygon", value=drawn),
    ]
    summary = import_files(
        project, "labelstudio", tmp_path / "in", {"a.json": [task({"result": results})]}
    )
    assert areas(project) == {"a.png": {1: ONE, 2: ONE}}
    assert said(summary) == {"no label": 1}


@pytest.mark.parametrize(
    "address",
    [
        "/data/local-files/?d=pictures/deep/a.png",
        "https://host/bucket/deep/a.png?X-Amz-Signature=1",
        "s3://bucket/deep/a.png",
        "/tasks/1/resolve/?fileuri=czM6Ly9idWNrZXQvZGVlcC9hLnBuZw==",
        "/data/upload/3/0123abcd-a.png",
    ],
)
def test_where_pictures_are(tmp_path: Path, address: str) -> None:
    project = make_project(tmp_path / "p", "deep/a.png" if "deep" in address else "a.png", "b.png")
    content = {"data": {"photo": address, "batch": "7"}, "annotations": [made(SQUARE)]}
    import_files(project, "labelstudio", tmp_path / "in", {"a.json": [content]})
    assert len(areas(project)) == 1


def test_the_uploaded_file_tells_where_the_address_does_not(tmp_path: Path) -> None:
    project = make_project(tmp_path / "p", "a.png")
    tasks = [task(made(SQUARE)) | {"data": {"image": "/image7"}, "file_upload": "0123abcd-a.png"}]
    import_files(project, "labelstudio", tmp_path / "in", {"tasks.json": tasks})
    assert areas(project) == {"a.png": {1: ONE}}
