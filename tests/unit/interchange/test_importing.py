"""Annotations of other tools become annotations of references."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from filelock import FileLock
from PIL import Image

from formats_support import mask_of
from maskcast.errors import AnnotationError, SettingsError, StorageError
from maskcast.interchange.class_ids import read_classes
from maskcast.interchange.importing import ImportOptions, import_annotations
from maskcast.project.annotations import read_annotations
from maskcast.project.folder import ProjectFolder
from maskcast.project.references import load_references
from support import write_png

SIZE = (4, 6)
LEFT = mask_of("##....", "##....", "......", "......")
RIGHT = mask_of("......", "......", "....##", "....##")


@pytest.fixture
def project(tmp_path: Path) -> ProjectFolder:
    root = tmp_path / "project"
    for name in ("a.png", "b.png", "deep/c.png"):
        write_png(root / "references" / name, np.zeros((*SIZE, 3), np.uint8))
    (root / "maskcast.toml").write_text(
        'engine = "fake"\n[[objects]]\nid = 7\nname = "scratch"\n', encoding="utf-8"
    )
    return ProjectFolder.open(root)


def coco_file(path: Path, *annotations: dict[str, Any], **image: Any) -> Path:  # noqa: ANN401
    """One image, a.png, of ``SIZE``; categories 10 scratch, 11 void, 12 object 3."""
    content = {
        "images": [{"id": 5, "file_name": "a.png", "height": 4, "width": 6} | image],
        "categories": [
            {"id": 12, "name": "object 3"},
            {"id": 10, "name": "scratch"},
            {"id": 11, "name": "void"},
        ],
        "annotations": [
            {"id": number, "image_id": 5, "bbox": [0, 0, 1, 1], "iscrowd": 0} | one
            for number, one in enumerate(annotations)
        ],
    }
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def box(category: int, *edges: float) -> dict[str, Any]:
    return {"category_id": category, "bbox": list(edges)}


def polygon(category: int, *corners: float) -> dict[str, Any]:
    return {"category_id": category, "segmentation": [list(corners)]}


LEFT_OUTLINE = (0, 0, 2, 0, 2, 2, 0, 2)


def stored_mask(
    project: ProjectFolder, image_id: str, object_id: int
) -> npt.NDArray[np.bool_] | None:
    annotation = read_annotations(project.annotations_path).annotations[image_id]
    return annotation.objects[object_id].mask


def test_names_go_by_the_project_then_by_number_then_get_new_ids(
    project: ProjectFolder, tmp_path: Path
) -> None:
    source = coco_file(
        tmp_path / "in.json",
        polygon(11, *LEFT_OUTLINE),
        polygon(10, *LEFT_OUTLINE),
        polygon(12, *LEFT_OUTLINE),
    )
    summary = import_annotations(project, "coco", source)
    assert summary.object_ids == (1, 3, 7)
    assert summary.new_names == {"void": 1}
    assert (summary.annotated, summary.clean, summary.without, summary.changed) == (1, 0, 2, 1)
    np.testing.assert_array_equal(stored_mask(project, "a.png", 1), LEFT)
    # The name is kept, so the next import finds it.
    assert ProjectFolder.open(project.root).object_specs(())[1].name == "void"
    assert "void is object 1 from now on" in summary.describe()


def test_a_table_names_ids_and_may_join_classes(project: ProjectFolder, tmp_path: Path) -> None:
    source = coco_file(
        tmp_path / "in.json",
        polygon(11, *LEFT_OUTLINE),
        polygon(10, 4, 2, 6, 2, 6, 4, 4, 4),
    )
    table = read_classes(["void=9", "scratch=9"])
    summary = import_annotations(project, "coco", source, ImportOptions(classes=table))
    assert (summary.object_ids, summary.joined) == ((9,), 1)
    np.testing.assert_array_equal(stored_mask(project, "a.png", 9), LEFT | RIGHT)


def test_a_table_may_be_a_file(tmp_path: Path) -> None:
    path = tmp_path / "classes.csv"
    path.write_text('"a, b",1\n흠집,255\n', encoding="utf-8")
    assert read_classes([str(path), "x=y=3"]) == {"a, b": 1, "흠집": 255, "x=y": 3}


@pytest.mark.parametrize("text", ["scratch", "a=0", "a=256", "a=b", "a="])
def test_a_table_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="classes: "):
        read_classes([text])


def test_one_box_becomes_a_prompt_that_the_engine_resolves(
    project: ProjectFolder, tmp_path: Path
) -> None:
    import_annotations(project, "coco", coco_file(tmp_path / "in.json", box(10, 4, 2, 2, 99)))
    entry = read_annotations(project.annotations_path).annotations["a.png"].objects[7]
    assert entry.mask is None
    assert entry.prompts.box is not None
    assert entry.prompts.box.tolist() == [4, 2, 6, 4]  # cut at the border
    (reference,) = load_references(project, project.create_engine()).references
    np.testing.assert_array_equal(reference.masks[7], RIGHT)


def test_several_boxes_of_an_object_are_resolved_at_once(
    project: ProjectFolder, tmp_path: Path
) -> None:
    source = coco_file(tmp_path / "in.json", box(10, 0, 0, 2, 2), box(10, 4, 2, 2, 2))
    assert import_annotations(project, "coco", source).joined == 1
    np.testing.assert_array_equal(stored_mask(project, "a.png", 7), LEFT | RIGHT)
    again = import_annotations(project, "coco", source)
    assert again.changed == 0


def test_importing_twice_adds_nothing_and_a_conflict_needs_a_word(
    project: ProjectFolder, tmp_path: Path
) -> None:
    source = coco_file(tmp_path / "in.json", polygon(11, *LEFT_OUTLINE))
    import_annotations(project, "coco", source)
    before = project.annotations_path.read_bytes()
    assert import_annotations(project, "coco", source).changed == 0
    assert project.annotations_path.read_bytes() == before
    other = coco_file(tmp_path / "other.json", polygon(10, *LEFT_OUTLINE))
    with pytest.raises(AnnotationError, match="--merge"):
        import_annotations(project, "coco", other)
    assert project.annotations_path.read_bytes() == before
    import_annotations(project, "coco", other, ImportOptions(conflict="merge"))
    merged = read_annotations(project.annotations_path).annotations["a.png"]
    assert sorted(merged.objects) == [1, 7]
    third = coco_file(tmp_path / "third.json", polygon(10, 4, 2, 6, 2, 6, 4, 4, 4))
    kept = import_annotations(project, "coco", third, ImportOptions(conflict="merge"))
    assert (kept.changed, kept.kept) == (0, 1)
    assert "1 object there already with another mask, and kept" in kept.describe()
    import_annotations(project, "coco", other, ImportOptions(conflict="replace"))
    replaced = read_annotations(project.annotations_path).annotations["a.png"]
    assert sorted(replaced.objects) == [7]
    backup = project.annotations_path.with_name("annotations.json.bak")
    assert sorted(read_annotations(backup).annotations["a.png"].objects) == [1, 7]


def test_an_image_without_objects_is_a_clean_reference(
    project: ProjectFolder, tmp_path: Path
) -> None:
    meant = ImportOptions(clean=True)
    summary = import_annotations(project, "coco", coco_file(tmp_path / "in.json"), meant)
    assert (summary.annotated, summary.clean) == (0, 1)
    assert read_annotations(project.annotations_path).annotations["a.png"].clean


@pytest.mark.parametrize(
    ("name", "image_id"),
    [
        ("c.png", "deep/c.png"),
        ("images/train/c.png", "deep/c.png"),
        ("train/deep/c.png", "deep/c.png"),
        ("C:\\x\\a.png", "a.png"),
    ],
)
def test_pictures_are_found_by_the_end_of_their_path(
    project: ProjectFolder, tmp_path: Path, name: str, image_id: str
) -> None:
    source = coco_file(tmp_path / "in.json", polygon(10, *LEFT_OUTLINE), file_name=name)
    import_annotations(project, "coco", source)
    assert list(read_annotations(project.annotations_path).annotations) == [image_id]


@pytest.mark.parametrize(
    ("annotation", "image", "sentence"),
    [
        ({}, {"file_name": "z.png"}, r"in\.json: images\[0\]\.file_name belongs to no image"),
        ({}, {"file_name": "../../etc/passwd"}, "belongs to no image"),
        ({}, {"file_name": "other/c.png"}, "no reference is called 'other/c.png'"),
        ({}, {"height": 5}, r"images\[0\]\.file_name: a\.png is 6 x 5 pixels there but .* 6 x 4"),
        ({"category_id": 99}, {}, r"annotations\[0\]\.category_id: expected the id of a category"),
        ({"image_id": 6}, {}, "expected the id of an image"),
        ({"segmentation": [[1, 2, 3]]}, {}, r"segmentation\[0\]: expected x and y of at least"),
        ({"segmentation": {"size": [9, 9], "counts": "x"}}, {}, "expected a run-length code"),
        ({"segmentation": {"size": [4, 6], "counts": "x"}}, {}, "expected a run-length code"),
        ({"bbox": [0, 0, "a", 1]}, {}, "bbox: expected x, y, width and height"),
        ({"bbox": [10, 10, 5, 5]}, {}, "holds no pixel"),
    ],
)
def test_what_does_not_fit_is_named_and_changes_nothing(
    project: ProjectFolder,
    tmp_path: Path,
    annotation: dict[str, Any],
    image: dict[str, Any],
    sentence: str,
) -> None:
    source = coco_file(tmp_path / "in.json", {"category_id": 10} | annotation, **image)
    with pytest.raises(AnnotationError, match=sentence):
        import_annotations(project, "coco", source)
    assert not project.annotations_path.exists()


@pytest.mark.parametrize("format_name", ["coco", "yolo", "voc", "labelme", "cvat", "labelstudio"])
def test_a_source_that_is_missing_or_empty_is_named(
    project: ProjectFolder, tmp_path: Path, format_name: str
) -> None:
    with pytest.raises(AnnotationError, match="nowhere does not exist"):
        import_annotations(project, format_name, tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(AnnotationError, match=r"there is no .* in .*empty"):
        import_annotations(project, format_name, tmp_path / "empty")


def test_a_picture_turned_by_exif_has_its_upright_size(
    project: ProjectFolder, tmp_path: Path
) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    stored = Image.fromarray(np.zeros((6, 4, 3), np.uint8))
    stored.save(project.references_folder / "turned.jpg", exif=exif)
    source = coco_file(tmp_path / "in.json", polygon(10, *LEFT_OUTLINE), file_name="turned.jpg")
    import_annotations(project, "coco", source)
    np.testing.assert_array_equal(stored_mask(project, "turned.jpg", 7), LEFT)


def test_more_classes_than_ids_are_refused(project: ProjectFolder, tmp_path: Path) -> None:
    lines = "".join(f"{number} 0.5 0.5 0.5 0.5\n" for number in range(256))
    (tmp_path / "in" / "labels").mkdir(parents=True)
    (tmp_path / "in/labels/a.txt").write_text(lines)
    names = json.dumps({"names": [f"class {number}" for number in range(256)]})
    (tmp_path / "in/data.yaml").write_text(names)
    with pytest.raises(AnnotationError, match="there is no object id left"):
        import_annotations(project, "yolo", tmp_path / "in")


def test_a_new_class_gets_no_id_that_anything_has(project: ProjectFolder, tmp_path: Path) -> None:
    write_png(tmp_path / "maps" / "b.png", np.array(LEFT * 1 + RIGHT * 2, np.uint8))
    import_annotations(project, "masks", tmp_path / "maps")  # ids 1 and 2, without names
    categories = [{"id": number, "name": f"{name}"} for number, name in NEW_AND_USUAL.items()]
    source = coco_file(
        tmp_path / "in.json", *(polygon(number, *LEFT_OUTLINE) for number in NEW_AND_USUAL)
    )
    source.write_text(json.dumps(json.loads(source.read_text()) | {"categories": categories}))
    summary = import_annotations(project, "coco", source)
    # 1 and 2 are on b.png, 3 and 5 are named by number in the file, 7 is scratch.
    assert summary.new_names == {"dent": 4, "hole": 6}
    assert summary.object_ids == (3, 4, 5, 6)


NEW_AND_USUAL = {10: "dent", 11: "object 5", 12: "hole", 13: "object 3"}


def test_names_of_a_table_are_kept_and_misspelt_ones_told(
    project: ProjectFolder, tmp_path: Path
) -> None:
    source = coco_file(tmp_path / "in.json", polygon(11, *LEFT_OUTLINE))
    summary = import_annotations(
        project, "coco", source, ImportOptions(classes={"void": 9, "viod": 8})
    )
    assert project.object_specs(())[9].name == "void"
    assert summary.new_names == {"void": 9}
    assert "no imported class is called 'viod'" in summary.describe()
    # A name that only says another number is none; one that is declared is not misspelt.
    source = coco_file(tmp_path / "more.json", polygon(12, *LEFT_OUTLINE), file_name="b.png")
    summary = import_annotations(
        project, "coco", source, ImportOptions(classes={"object 3": 20, "scratch": 7})
    )
    assert (summary.object_ids, summary.new_names, summary.misspelt) == ((20,), {}, ())


def test_label_maps_whose_names_disagree_are_refused(
    project: ProjectFolder, tmp_path: Path
) -> None:
    write_png(tmp_path / "maps" / "a.png", np.array(LEFT * 7, np.uint8))
    table = tmp_path / "maps" / "objects.csv"
    table.write_text("id,name,color\n7,dent,#ffffff\n")
    with pytest.raises(AnnotationError, match="object 7 is called 'dent' there and 'scratch' in"):
        import_annotations(project, "masks", tmp_path / "maps")
    assert not project.annotations_path.exists()
    summary = import_annotations(
        project, "masks", tmp_path / "maps", ImportOptions(classes={"dent": 3})
    )
    assert (summary.object_ids, summary.new_names) == ((3,), {"dent": 3})


def test_every_replaced_file_is_kept(project: ProjectFolder, tmp_path: Path) -> None:
    states: list[bytes] = []
    for outline in (LEFT_OUTLINE, (4, 2, 6, 2, 6, 4, 4, 4), (0, 0, 1, 0, 1, 1, 0, 1), LEFT_OUTLINE):
        source = coco_file(tmp_path / "in.json", polygon(10, *outline))
        summary = import_annotations(project, "coco", source, ImportOptions(conflict="replace"))
        assert (summary.backup is None) == (not states)
        states.append(project.annotations_path.read_bytes())
    kept = [path.read_bytes() for path in project.references_folder.glob("annotations.json.bak*")]
    assert sorted(kept) == sorted(states[:3])
    assert project.annotations_path.with_name("annotations.json.bak").read_bytes() == states[2]
    assert "annotations.json.bak" in summary.describe()


def test_an_outline_without_a_pixel_is_told(project: ProjectFolder, tmp_path: Path) -> None:
    tiny = polygon(10, 1.1, 1.1, 1.2, 1.1, 1.2, 1.2)
    source = coco_file(tmp_path / "in.json", tiny, polygon(10, *LEFT_OUTLINE))
    summary = import_annotations(project, "coco", source)
    assert summary.annotated == 1
    assert "1 shape holds no pixel of its image" in summary.describe()


def test_an_object_of_which_the_engine_finds_nothing_is_told(
    project: ProjectFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two boxes and a mask elsewhere; and where nothing else is on it, it is not clean."""
    nothing = np.zeros(SIZE, np.bool_)
    monkeypatch.setattr("fake_engine.FakeEngine.segment", lambda *_: {7: nothing, 1: nothing})
    boxes = (box(10, 0, 0, 2, 2), box(10, 4, 2, 2, 2))
    source = coco_file(tmp_path / "in.json", *boxes, polygon(11, *LEFT_OUTLINE))
    summary = import_annotations(project, "coco", source)
    assert (summary.annotated, summary.object_ids) == (1, (1,))
    assert "1 shape holds no pixel of its image: a.png, 7" in summary.describe()
    project.annotations_path.unlink()
    with pytest.raises(AnnotationError, match="finds no pixel of object 7"):
        import_annotations(project, "coco", coco_file(tmp_path / "two.json", *boxes))


def test_a_point_beside_the_box_is_another_instance(project: ProjectFolder, tmp_path: Path) -> None:
    box = '<box label="scratch" xtl="0" ytl="0" xbr="2" ybr="2"/>'
    for points, is_prompt in (("1,1", True), ("5,3", False)):
        name = "a.png" if is_prompt else "b.png"
        source = tmp_path / f"{name}.xml"
        image = f'<image name="{name}">{box}<points label="scratch" points="{points}"/></image>'
        source.write_text(f"<annotations>{image}</annotations>")
        import_annotations(project, "cvat", source)
        assert (stored_mask(project, name, 7) is None) == is_prompt


def test_a_labeler_that_saves_all_the_time_is_waited_for(
    project: ProjectFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("maskcast.project.store._LOCK_SECONDS", 0)
    source = coco_file(tmp_path / "in.json", polygon(10, *LEFT_OUTLINE))
    with (
        FileLock(project.references_folder / ".annotations.lock"),
        pytest.raises(StorageError, match=r"annotations\.json is being written by another program"),
    ):
        import_annotations(project, "coco", source)


def test_a_table_of_another_encoding_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "classes.csv"
    path.write_bytes("흠집,2\n".encode("cp949"))  # as Excel in Korea saves it
    with pytest.raises(SettingsError, match=r"classes\.csv is no CSV file in UTF-8"):
        read_classes([str(path)])


def test_a_table_may_begin_with_a_heading(tmp_path: Path) -> None:
    path = tmp_path / "classes.csv"
    path.write_text("name,id\nscratch,2\n")
    assert read_classes([str(path)]) == {"scratch": 2}
