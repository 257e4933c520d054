"""Pictures of an annotated set become references."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from import_support import (
    SIZE,
    SQUARE,
    WITH_SQUARE,
    areas,
    coco,
    flat,
    import_files,
    labelme,
    make_project,
    png,
    said,
)
from maskcast.errors import AnnotationError, SettingsError
from maskcast.interchange.taking import spread
from maskcast.project.folder import ProjectFolder

ONE = 100


def picture(seed: int = 0, size: tuple[int, int] = SIZE) -> bytes:
    return png(np.full((*size, 3), seed, np.uint8))


def a_set(folder: Path, shown: dict[str, list[str]]) -> dict[str, object]:
    """Pictures in a folder, and a COCO file of squares of these classes on them."""
    labels = sorted({label for labels in shown.values() for label in labels})
    images: list[dict[str, object]] = []
    rows: list[dict[str, object]] = []
    for number, (name, on_it) in enumerate(shown.items()):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(picture(number))
        images.append({"id": number, "file_name": name, "height": SIZE[0], "width": SIZE[1]})
        for label in on_it:
            row: dict[str, object] = {"image_id": number, "category_id": labels.index(label)}
            rows.append(row | {"id": len(rows), "segmentation": [flat(SQUARE)]})
    categories = [{"id": number, "name": label} for number, label in enumerate(labels)]
    return {"a.json": {"images": images, "annotations": rows, "categories": categories}}


def files_of(project: ProjectFolder) -> list[str]:
    folder = project.references_folder
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.png"))


@pytest.mark.parametrize("name", WITH_SQUARE)
def test_all_pictures_that_a_file_names_are_copied(tmp_path: Path, name: str) -> None:
    (tmp_path / "pictures" / "deep").mkdir(parents=True)
    for file in ("deep/a.png", "other.png"):
        (tmp_path / "pictures" / file).write_bytes(picture())
    (tmp_path / "p").mkdir()
    project = ProjectFolder.open(tmp_path / "p")  # not even a folder of references is there
    options: dict[str, Any] = {"take_images": tmp_path / "pictures"}
    summary = import_files(project, name, tmp_path / "in", WITH_SQUARE[name], **options)
    assert files_of(project) == ["deep/a.png"]
    assert summary.taken == 1
    assert "1 picture copied into the references folder" in summary.describe()
    assert areas(project) == {"deep/a.png": {1: ONE}}
    again = import_files(project, name, tmp_path / "in", WITH_SQUARE[name], **options)
    assert (again.taken, again.changed) == (0, 0)


def test_some_are_taken_that_show_every_class(tmp_path: Path) -> None:
    shown = {f"{number:03}.png": ["common"] for number in range(40)}
    shown |= {"100.png": ["rare"], "101.png": ["common", "other"], "102.png": []}
    shown |= {f"2{number:02}.png": ["other"] for number in range(5)}
    files = a_set(tmp_path / "pictures", shown)
    (tmp_path / "p").mkdir()
    project = ProjectFolder.open(tmp_path / "p")
    options: dict[str, Any] = {"take_images": tmp_path / "pictures", "take": 4}
    summary = import_files(project, "coco", tmp_path / "in", files, **options)
    taken = files_of(project)
    assert len(taken) == summary.taken == 4
    counts = Counter(label for name in taken for label in shown[name])
    assert min(counts.values()) >= 1
    assert set(counts) == {"common", "rare", "other"}
    again = import_files(project, "coco", tmp_path / "in", files, **options)
    assert (again.taken, again.changed) == (0, 0)
    assert files_of(project) == taken
    more = import_files(project, "coco", tmp_path / "in", files, **(options | {"take": 6}))
    assert more.taken == 2
    assert set(taken) < set(files_of(project))


def test_a_picture_that_does_not_fit_is_replaced_by_another(tmp_path: Path) -> None:
    files = a_set(tmp_path / "pictures", {f"{number}.png": ["disc"] for number in range(4)})
    (tmp_path / "pictures" / "0.png").write_bytes(picture(0, (9, 9)))
    (tmp_path / "pictures" / "1.png").write_bytes(b"\x89PNG\r\n\x1a\n damaged")
    (tmp_path / "p").mkdir()
    project = ProjectFolder.open(tmp_path / "p")
    options: dict[str, Any] = {"take_images": tmp_path / "pictures", "take": 2}
    summary = import_files(project, "coco", tmp_path / "in", files, **options)
    assert files_of(project) == ["2.png", "3.png"]
    assert said(summary) == {"size": 1, "unreadable": 1}


def test_a_reference_is_never_overwritten(tmp_path: Path) -> None:
    project = make_project(tmp_path / "p", "0.png", "1.png")
    files = a_set(tmp_path / "pictures", {f"{number}.png": ["disc"] for number in range(3)})
    same = (project.references_folder / "1.png").read_bytes()
    (tmp_path / "pictures" / "1.png").write_bytes(same)
    before = (project.references_folder / "0.png").read_bytes()
    options: dict[str, Any] = {"take_images": tmp_path / "pictures"}
    summary = import_files(project, "coco", tmp_path / "in", files, **options)
    assert (project.references_folder / "0.png").read_bytes() == before
    assert areas(project) == {"1.png": {1: ONE}, "2.png": {1: ONE}}
    assert said(summary) == {"other picture": 1}
    assert summary.taken == 1


def test_nothing_is_copied_where_annotations_stand_against_it(tmp_path: Path) -> None:
    project = make_project(tmp_path / "p", "a.png")
    other = [{"points": SQUARE[:3]}]
    import_files(project, "labelme", tmp_path / "first", {"a.json": labelme(other)})
    files = {
        "a.json": labelme([{"points": SQUARE}]),
        "b.json": labelme([{"points": SQUARE}], "b.png"),
    }
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "b.png").write_bytes(picture())
    with pytest.raises(AnnotationError, match="already annotated differently"):
        import_files(project, "labelme", tmp_path / "in", files, take_images=tmp_path / "pictures")
    assert files_of(project) == ["a.png"]


def test_pictures_in_several_folders_are_told_apart(tmp_path: Path) -> None:
    project = make_project(tmp_path / "p", "0001.png")
    name = "line 2/0001.png"
    (tmp_path / "pictures" / "line 2").mkdir(parents=True)
    (tmp_path / "pictures" / name).write_bytes(picture())
    content = coco([{"segmentation": [flat(SQUARE)]}], name)
    import_files(
        project, "coco", tmp_path / "in", {"a.json": content}, take_images=tmp_path / "pictures"
    )
    assert areas(project) == {name: {1: ONE}}


@pytest.mark.parametrize("options", [{"take": 3}, {"take": 0, "take_images": Path()}])
def test_options_that_mean_nothing_are_refused(tmp_path: Path, options: dict[str, Any]) -> None:
    project = make_project(tmp_path / "p", "a.png")
    with pytest.raises(SettingsError, match="take: expected a number above 0"):
        import_files(project, "coco", tmp_path / "in", WITH_SQUARE["coco"], **options)
    with pytest.raises(SettingsError, match="nowhere does not exist; correct --take-images"):
        import_files(
            project,
            "coco",
            tmp_path / "in",
            WITH_SQUARE["coco"],
            take_images=tmp_path / "nowhere",
        )


def test_the_order_shows_what_was_rare_so_far() -> None:
    shown = {"a": {"x"}, "b": {"x"}, "c": {"x", "y"}, "d": {"z"}, "e": set[str]()}
    assert list(spread(shown, [])) == ["c", "d", "a", "b"]
    assert next(spread(shown, ["c"])) == "d"
