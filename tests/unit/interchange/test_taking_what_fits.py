"""What fits is imported, what does not is counted and said, in every format alike."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from import_support import (
    SIZE,
    SQUARE,
    WITH_SQUARE,
    Files,
    annotated,
    areas,
    base64_png,
    coco,
    cvat,
    cvat_polygon,
    flat,
    import_files,
    labelme,
    make_project,
    png,
    said,
    square_map,
    studio,
    studio_region,
    voc,
    voc_object,
    write_files,
    yolo_row,
)
from maskcast.errors import AnnotationError
from maskcast.interchange.importing import import_annotations

ONE = 100
NAN = float("nan")


@pytest.mark.parametrize("name", WITH_SQUARE)
def test_the_square_is_a_square(tmp_path: Path, name: str) -> None:
    project = make_project(tmp_path / "p", "a.png")
    summary = import_files(project, name, tmp_path / "in", WITH_SQUARE[name], strict=True)
    assert areas(project) == {"a.png": {1: ONE}}
    assert (summary.annotated, summary.left_out, summary.notes) == (1, (), ())


def listing(name: str, *pictures: str) -> Files:
    """Files that tell of several pictures, each with the square."""
    if name == "coco":
        parts = [coco([{"segmentation": [flat(SQUARE)]}], picture) for picture in pictures]
        images: list[dict[str, Any]] = [
            {**part["images"][0], "id": i} for i, part in enumerate(parts)
        ]
        rows = [{**part["annotations"][0], "image_id": i} for i, part in enumerate(parts)]
        return {"a.json": {**parts[0], "images": images, "annotations": rows}}
    if name == "cvat":
        image = cvat(cvat_polygon(SQUARE)).partition("<image ")[2].partition("</annotations>")[0]
        more = "".join(f"<image {image}".replace("a.png", picture) for picture in pictures[1:])
        return {"a.xml": cvat(cvat_polygon(SQUARE), pictures[0], more)}
    if name == "labelstudio":
        tasks = [task for picture in pictures for task in studio([studio_region(SQUARE)], picture)]
        return {"a.json": tasks}
    stems = [picture.rpartition(".")[0] for picture in pictures]
    if name == "yolo":
        rows_of = {f"labels/{stem}.txt": yolo_row(SQUARE) for stem in stems}
        return {"data.yaml": "names: [disc]", **rows_of}
    if name == "voc":
        pairs = zip(stems, pictures, strict=True)
        return {f"Annotations/{stem}.xml": voc(voc_object(SQUARE), file) for stem, file in pairs}
    if name == "labelme":
        shapes = [{"points": SQUARE, "shape_type": "polygon"}]
        return {
            f"{stem}.json": labelme(shapes, file)
            for stem, file in zip(stems, pictures, strict=True)
        }
    return {f"{stem}.png": png(square_map()) for stem in stems}


@pytest.mark.parametrize("name", WITH_SQUARE)
def test_pictures_that_are_no_references_are_left_out(tmp_path: Path, name: str) -> None:
    project = make_project(tmp_path / "p", "a.png", "c.png")
    files = listing(name, "z1.png", "a.png", "z2.png", "c.png", "z3.png")
    summary = import_files(project, name, tmp_path / "in", files)
    assert areas(project) == {"a.png": {1: ONE}, "c.png": {1: ONE}}
    assert said(summary) == {"picture": 3}
    assert "3 images are not references: z1" in summary.describe()
    assert summary.to_json()["left_out"][0]["count"] == 3
    strict = make_project(tmp_path / "strict", "a.png", "c.png")
    with pytest.raises(AnnotationError, match="belongs to no image: no reference is called 'z1"):
        import_files(strict, name, tmp_path / "in", files, strict=True)
    assert not strict.annotations_path.exists()


@pytest.mark.parametrize("name", WITH_SQUARE)
def test_nothing_that_fits_is_an_error(tmp_path: Path, name: str) -> None:
    project = make_project(tmp_path / "p", "a.png")
    files = listing(name, "z1.png", "z2.png")
    with pytest.raises(AnnotationError, match=r"nothing of .* 2 images are not references: z1"):
        import_files(project, name, tmp_path / "in", files)
    assert not project.annotations_path.exists()


@pytest.mark.parametrize("name", WITH_SQUARE)
def test_a_reference_of_another_size_is_left_out(tmp_path: Path, name: str) -> None:
    project = make_project(tmp_path / "p", "a.png")
    other = np.zeros((SIZE[0] + 1, SIZE[1], 3), np.uint8)
    (project.references_folder / "c.png").write_bytes(png(other))
    files = listing(name, "a.png", "c.png")
    summary = import_files(project, name, tmp_path / "in", files)
    if name == "yolo":  # which says no size
        assert sorted(areas(project)) == ["a.png", "c.png"]
    else:
        assert areas(project) == {"a.png": {1: ONE}}
        assert said(summary)["size"] == 1


@pytest.mark.parametrize("name", WITH_SQUARE)
def test_a_reference_that_cannot_be_read_is_left_out(tmp_path: Path, name: str) -> None:
    project = make_project(tmp_path / "p", "a.png")
    (project.references_folder / "c.png").write_bytes(b"\x89PNG\r\n\x1a\n damaged")
    summary = import_files(project, name, tmp_path / "in", listing(name, "a.png", "c.png"))
    assert areas(project) == {"a.png": {1: ONE}}
    assert said(summary) == {"unreadable": 1}


# ---- shapes that are no areas, or damaged, beside the square

STRAY: dict[str, tuple[str, Files, Mapping[str, int]]] = {
    "coco ring of two points": (
        "coco",
        {"a.json": coco([{"segmentation": [flat(SQUARE)]}, {"segmentation": [[1, 1, 2, 2]]}])},
        {"corners": 1},
    ),
    "coco stray ring beside a good one": (
        "coco",
        {"a.json": coco([{"segmentation": [flat(SQUARE), [1, 1], [1, 1, 2, 2], []]}])},
        {},
    ),
    "coco NaN": (
        "coco",
        {"a.json": coco([{"segmentation": [flat(SQUARE)]}, {"segmentation": [[NAN, *[5] * 5]]}])},
        {"number": 1},
    ),
    "coco negative box": (
        "coco",
        {"a.json": coco([{"segmentation": [flat(SQUARE)]}, {"bbox": [9, 9, -4, 5]}])},
        {"number": 1},
    ),
    "coco box of nothing": (
        "coco",
        {"a.json": coco([{"segmentation": [flat(SQUARE)]}, {"bbox": [9, 9, 0, 5]}])},
        {"empty": 1},
    ),
    "coco box elsewhere": (
        "coco",
        {"a.json": coco([{"segmentation": [flat(SQUARE)]}, {"bbox": [90, 9, 4, 5]}])},
        {"empty": 1},
    ),
    "coco unknown category": (
        "coco",
        {
            "a.json": coco(
                [{"segmentation": [flat(SQUARE)]}, {"bbox": [1, 1, 4, 5], "category_id": 9}]
            )
        },
        {"class": 1},
    ),
    "coco image that is not listed": (
        "coco",
        {"a.json": coco([{"segmentation": [flat(SQUARE)]}, {"bbox": [1, 1, 4, 5], "image_id": 9}])},
        {"owner": 1},
    ),
    "coco damaged code": (
        "coco",
        {
            "a.json": coco(
                [
                    {"segmentation": [flat(SQUARE)]},
                    {"segmentation": {"size": list(SIZE), "counts": "zzz"}},
                    {"segmentation": {"size": [9, 9], "counts": [81]}},
                ]
            )
        },
        {"code": 2},
    ),
    "coco entries that are none": (
        "coco",
        {"a.json": coco([{"segmentation": [flat(SQUARE)]}, {"segmentation": "?", "bbox": "?"}])},
        {"malformed": 1},
    ),
    "yolo": (
        "yolo",
        {
            "data.yaml": "names: [disc]",
            "labels/a.txt": "\n".join(
                [
                    "0 0.1 0.1 0.2",
                    "what is this",
                    "7 0.5 0.5 0.2 0.2",
                    "0 nan 0.5 0.2 0.2",
                    "0 0.5 0.5 -0.2 0.2",
                    "0 120 80 40 40",
                    "",
                    yolo_row(SQUARE),
                ]
            ),
        },
        {"malformed": 2, "class": 1, "number": 2, "share": 1},
    ),
    "voc": (
        "voc",
        {
            "Annotations/a.xml": voc(
                "<object><bndbox/></object>"
                "<object><name>disc</name></object>"
                "<object><name>disc</name><bndbox><xmin>9</xmin><ymin>9</ymin><xmax>2</xmax>"
                "<ymax>12</ymax></bndbox></object>"
                "<object><name>disc</name><polygon><x1>1</x1><y1>2</y1></polygon></object>"
                "<object><name>disc</name><bndbox><xmin>NaN</xmin><ymin>9</ymin><xmax>12</xmax>"
                "<ymax>12</ymax></bndbox></object>" + voc_object(SQUARE)
            )
        },
        {"no label": 1, "malformed": 1, "number": 2, "corners": 1},
    ),
    "cvat tracks": (
        "cvat",
        {"a.xml": cvat(cvat_polygon(SQUARE), more='<track id="0" label="disc"></track>')},
        {"track": 1},
    ),
    "labelme": (
        "labelme",
        {
            "a.json": labelme(
                [
                    {"points": [[1, 1], [5, 5]], "shape_type": "line"},
                    {
                        "points": [[1, 1], [5, 5], [9, 3]],
                        "shape_type": "linestrip",
                        "label": "edge",
                    },
                    {"points": [[1, 1], [5, 5]], "shape_type": "polygon"},
                    {"points": [[1, 1]] * 8, "shape_type": "cuboid"},
                    {"points": [[NAN, 1], [5, 5], [9, 3]], "shape_type": "polygon"},
                    {"points": [[40, 1], [50, 5], [49, 9]], "shape_type": "polygon"},
                    {"points": [[3, 3], [3, 3]], "shape_type": "circle"},
                    {"points": [[3, 3], [4, 4]], "shape_type": "mask", "mask": "????"},
                    {"points": [[3, 3], [9, 9]], "shape_type": "rectangle", "label": None},
                    {"points": SQUARE, "shape_type": "polygon"},
                ]
            )
        },
        {"line": 2, "corners": 1, "solid": 1, "number": 1, "empty": 2, "code": 1, "no label": 1},
    ),
    "labelme damaged file": (
        "labelme",
        {**WITH_SQUARE["labelme"], "b.json": "{", "settings.json": {"x": 1}},
        {"file": 1},
    ),
    "cvat": (
        "cvat",
        {
            "a.xml": cvat(
                '<polyline label="edge" points="1,1;5,5;9,9"/><cuboid label="disc" xtl1="1"/>'
                '<skeleton label="disc"><points label="1" points="3,3"/></skeleton>'
                '<polygon label="disc" points="1,1;5,5"/><polygon label="disc" points=""/>'
                '<polygon label="disc" points="nan,1;5,5;9,9"/>'
                '<box xtl="1" ytl="1" xbr="5" ybr="5"/>'
                '<box label="disc" xtl="5" ytl="1" xbr="1" ybr="5"/>'
                '<ellipse label="disc" cx="5" cy="5" rx="-3" ry="2"/>'
                '<mask label="disc" rle="3,3" left="0" top="0" width="3" height="3"/>'
                '<tag label="good"/>' + cvat_polygon(SQUARE)
            )
        },
        {"line": 1, "solid": 2, "corners": 2, "number": 3, "code": 1, "no label": 1},
    ),
    "labelstudio": (
        "labelstudio",
        {
            "a.json": studio(
                [
                    studio_region(SQUARE[:2]),
                    studio_region(SQUARE, value={"points": [[1, NAN]], "polygonlabels": ["disc"]}),
                    studio_region(SQUARE, id="s", value={"points": [[1, 2]] * 3}),
                    studio_region(SQUARE, image_rotation=90),
                    studio_region(SQUARE, value={"rle": [1, 2, 3], "brushlabels": ["disc"]}),
                    studio_region(SQUARE, value={"vertices": [], "labels": ["disc"]}),
                    {"type": "choices", "value": {"choices": ["good"]}},
                    studio_region(SQUARE),
                ]
            )
        },
        {"corners": 1, "number": 1, "no label": 1, "turned picture": 1, "code": 1, "solid": 1},
    ),
    "masks": (
        "masks",
        {
            "b.png": b"no picture",
            "c.png": png(np.arange(SIZE[0] * SIZE[1], dtype=np.uint16).reshape(SIZE)),
            "d.png": png(square_map()[:-1]),
            **WITH_SQUARE["masks"],
        },
        {"file": 1, "not a map": 1, "size": 1},
    ),
}


@pytest.mark.parametrize("case", STRAY)
def test_strays_are_counted_and_the_square_is_imported(tmp_path: Path, case: str) -> None:
    name, files, expected = STRAY[case]
    project = make_project(tmp_path / "p", "a.png", "b.png", "c.png", "d.png")
    summary = import_files(project, name, tmp_path / "in", files)
    assert areas(project) == {"a.png": {1: ONE}}
    assert said(summary) == expected
    lines = summary.describe().splitlines()
    assert lines[-1].startswith("imported 1 annotated and 0 clean references; object ids: 1")
    assert all(tally.example for tally in summary.left_out)
    if expected:
        strict = make_project(tmp_path / "strict", "a.png", "b.png", "c.png", "d.png")
        with pytest.raises(AnnotationError):
            import_files(strict, name, tmp_path / "in", files, strict=True)
        assert not strict.annotations_path.exists()


def test_the_sentences_are_those_a_person_reads(tmp_path: Path) -> None:
    project = make_project(tmp_path / "p", "a.png")
    edge = {"points": [[1, 1], [5, 5]], "shape_type": "line", "label": "edge"}
    shapes = [edge, edge, {"points": SQUARE, "shape_type": "polygon"}]
    summary = import_files(project, "labelme", tmp_path / "in", {"a.json": labelme(shapes)})
    assert summary.describe().splitlines()[0] == (
        f'2 shapes are lines, not areas: {tmp_path / "in" / "a.json"}: shapes[0] "edge"'
    )
    assert summary.describe().endswith("; 2 left out")
    assert summary.to_json()["left_out"] == [
        {
            "kind": "line",
            "count": 2,
            "what": "shapes are lines, not areas",
            "example": f'{tmp_path / "in" / "a.json"}: shapes[0] "edge"',
        }
    ]


# ---- never a clean reference by accident

ONLY_STRAY: dict[str, tuple[str, Files]] = {
    "coco": ("coco", {"a.json": coco([{"segmentation": [[1, 1, 2, 2]]}])}),
    "yolo": ("yolo", {"data.yaml": "names: [disc]", "labels/a.txt": "7 0.5 0.5 0.1 0.1"}),
    "voc": ("voc", {"Annotations/a.xml": voc("<object><name>disc</name></object>")}),
    "labelme": (
        "labelme",
        {"a.json": labelme([{"points": [[1, 1], [5, 5]], "shape_type": "line"}])},
    ),
    "cvat": ("cvat", {"a.xml": cvat('<polyline label="edge" points="1,1;5,5"/>')}),
    "labelstudio": ("labelstudio", {"a.json": studio([studio_region(SQUARE[:2])])}),
}


@pytest.mark.parametrize("name", ONLY_STRAY)
def test_an_image_of_which_everything_is_left_out_is_not_clean(tmp_path: Path, name: str) -> None:
    project = make_project(tmp_path / "p", "a.png")
    with pytest.raises(AnnotationError, match="nothing of"):
        import_files(project, name, tmp_path / "in", ONLY_STRAY[name][1], clean=True)
    assert not project.annotations_path.exists()


NOTHING: dict[str, Files] = {
    "coco": {"a.json": coco([])},
    "yolo": {"data.yaml": "names: [disc]", "labels/a.txt": ""},
    "voc": {"Annotations/a.xml": voc("")},
    "labelme": {"a.json": labelme([])},
    "cvat": {"a.xml": cvat("")},
    "labelstudio": {"a.json": studio([])},
}


@pytest.mark.parametrize("name", NOTHING)
def test_a_source_without_any_object_must_be_meant(tmp_path: Path, name: str) -> None:
    project = make_project(tmp_path / "p", "a.png")
    with pytest.raises(AnnotationError, match=r"shows no object on its image; .* --clean"):
        import_files(project, name, tmp_path / "in", NOTHING[name])
    assert not project.annotations_path.exists()
    summary = import_files(project, name, tmp_path / "in", NOTHING[name], clean=True)
    assert (summary.annotated, summary.clean) == (0, 1)
    assert annotated(project)["a.png"].clean


@pytest.mark.parametrize("value", [None, "missing"])
def test_a_file_of_coco_may_lack_annotations(tmp_path: Path, value: str | None) -> None:
    """As the files of COCO's test images do."""
    file: dict[str, Any] = {**coco([]), "annotations": None, "categories": None}
    if value == "missing":
        del file["annotations"], file["categories"]
    project = make_project(tmp_path / "p", "a.png")
    with pytest.raises(AnnotationError, match="--clean"):
        import_files(project, "coco", tmp_path / "in", {"a.json": file})
    summary = import_files(project, "coco", tmp_path / "in", {"a.json": file}, clean=True)
    assert summary.clean == 1


def test_a_black_label_map_is_a_clean_reference_without_a_word(tmp_path: Path) -> None:
    project = make_project(tmp_path / "p", "a.png")
    summary = import_files(project, "masks", tmp_path / "in", {"a.png": png(square_map(0))})
    assert summary.clean == 1


@pytest.mark.parametrize("name", ["yolo", "voc", "labelme", "masks"])
def test_an_image_without_objects_beside_others_is_clean(tmp_path: Path, name: str) -> None:
    project = make_project(tmp_path / "p", "a.png", "b.png")
    empty = {file.replace("a.", "b."): content for file, content in NOTHING.get(name, {}).items()}
    empty = {k: v.replace("a.png", "b.png") if isinstance(v, str) else v for k, v in empty.items()}
    if name == "labelme":
        empty = {"b.json": labelme([], "b.png")}
    if name == "masks":
        empty = {"b.png": png(square_map(0))}
    import_files(project, name, tmp_path / "in", {**empty, **WITH_SQUARE[name]})
    assert annotated(project)["b.png"].clean


# ---- two entries of one picture


def test_ids_that_occur_twice_in_coco(tmp_path: Path) -> None:
    """The same entry again, as merged files have it, is one picture; two of one id are none."""
    file: dict[str, Any] = coco([{"segmentation": [flat(SQUARE)]}])
    file["images"] *= 2
    project = make_project(tmp_path / "p", "a.png", "b.png")
    summary = import_files(project, "coco", tmp_path / "in", {"a.json": file}, strict=True)
    assert areas(project) == {"a.png": {1: ONE}}
    assert summary.left_out == ()
    file["images"][1] = {**file["images"][0], "file_name": "b.png"}
    with pytest.raises(AnnotationError, match="an id that no other entry has"):
        import_files(project, "coco", tmp_path / "in", {"a.json": file}, strict=True)


def test_all_outlines_of_an_object_of_voc_count(tmp_path: Path) -> None:
    polygon = voc_object(SQUARE).partition("<polygon>")[2].partition("</polygon>")[0]
    other = "<x1>21</x1><y1>1</y1><x2>25</x2><y2>1</y2><x3>25</x3><y3>6</y3><x4>21</x4><y4>6</y4>"
    shapes = f"<polygon>{polygon}</polygon><polygon>{other}</polygon>"
    project = make_project(tmp_path / "p", "a.png")
    files = {"Annotations/a.xml": voc(f"<object><name>disc</name>{shapes}</object>")}
    import_files(project, "voc", tmp_path / "in", files)
    assert areas(project) == {"a.png": {1: ONE + 20}}


def test_two_entries_of_a_picture_count_once_if_they_say_the_same(tmp_path: Path) -> None:
    project = make_project(tmp_path / "p", "a.png")
    same = coco([{"segmentation": [flat(SQUARE)]}])
    import_files(project, "coco", tmp_path / "in", {"train.json": same, "val.json": same})
    assert areas(project) == {"a.png": {1: ONE}}


def test_two_entries_that_differ_are_left_out_both(tmp_path: Path) -> None:
    project = make_project(tmp_path / "p", "a.png", "b.png")
    files = {
        "x.json": coco([{"segmentation": [flat(SQUARE)]}]),
        "y.json": coco([{"segmentation": [flat(SQUARE[:3])]}]),
        "z.json": coco([{"segmentation": [flat(SQUARE)]}], "b.png"),
    }
    summary = import_files(project, "coco", tmp_path / "in", files)
    assert areas(project) == {"b.png": {1: ONE}}
    assert said(summary) == {"twice": 1}
    with pytest.raises(AnnotationError, match=r"annotates a\.png twice"):
        import_files(project, "coco", tmp_path / "in", files, strict=True, conflict="replace")


def test_of_two_entries_the_one_that_is_named_like_the_picture_counts(tmp_path: Path) -> None:
    project = make_project(tmp_path / "p", "a.png")
    photo = np.random.default_rng(0).integers(0, 256, SIZE, dtype=np.uint8)
    files = {"a_mask.png": png(square_map()), "a.jpg": b"", "a.png": png(photo)}
    files["a.jpg"] = png(photo)  # told by its content
    summary = import_files(project, "masks", tmp_path / "in", files)
    assert areas(project) == {"a.png": {1: ONE}}
    assert said(summary) == {"not a map": 2}
    both = {"a_mask.png": png(square_map()), "a.png": png(square_map(2))}
    other = make_project(tmp_path / "other", "a.png")
    summary = import_files(other, "masks", tmp_path / "both", both)
    assert areas(other) == {"a.png": {2: ONE}}
    assert said(summary) == {"second": 1}


Change = Callable[[dict[str, Any]], object]


def test_objects_that_the_person_calls_background_are_not_taken(tmp_path: Path) -> None:
    project = make_project(tmp_path / "p", "a.png", "b.png")
    files = {
        "a.json": labelme(
            [
                {"points": SQUARE, "shape_type": "polygon"},
                {"points": [[20, 2], [24, 2], [24, 6], [20, 6]], "label": "dust"},
                {"points": [[1, 18], [5, 22]], "label": "edge", "shape_type": "rectangle"},
            ]
        ),
        "b.json": labelme([{"points": SQUARE, "label": "dust"}], "b.png"),
    }
    meanings = {"dust": "background", "edge": "unknown", "disc": 7}
    import_files(project, "labelme", tmp_path / "in", files, classes=meanings)
    assert areas(project) == {"a.png": {7: ONE}, "b.png": {}}
    assert annotated(project)["b.png"].clean
    unknown = annotated(project)["a.png"].unknown
    assert unknown is not None
    assert unknown.code.area == 16


def test_masks_cut_out_of_a_picture_are_cut_at_its_border(tmp_path: Path) -> None:
    project = make_project(tmp_path / "p", "a.png")
    cut = base64_png(np.ones((10, 10), np.uint8))
    shape = {"points": [[-4, 20], [5, 29]], "shape_type": "mask", "mask": cut}
    import_files(project, "labelme", tmp_path / "in", {"a.json": labelme([shape])})
    assert areas(project) == {"a.png": {1: 6 * 4}}
    mask = '<mask label="disc" rle="0,100" left="-4" top="20" width="10" height="10"/>'
    other = make_project(tmp_path / "other", "a.png")
    import_files(other, "cvat", tmp_path / "cvat", {"a.xml": cvat(mask)})
    assert areas(other) == {"a.png": {1: 6 * 4}}


def test_json_of_an_import(tmp_path: Path) -> None:
    project = make_project(tmp_path / "p", "a.png")
    summary = import_files(project, "coco", tmp_path / "in", WITH_SQUARE["coco"])
    content = json.loads(json.dumps(summary.to_json()))
    assert content["annotated"] == 1
    assert content["object_ids"] == [1]
    assert content["new_names"] == {"disc": 1}
    assert content["left_out"] == []


@pytest.mark.parametrize("label", ["__ignore__", "Ignore"])
def test_what_a_tool_calls_to_be_ignored_is_unknown_and_said(tmp_path: Path, label: str) -> None:
    project = make_project(tmp_path / "p", "a.png")
    other = [(x + 16, y) for x, y in SQUARE]
    shapes = [
        {"points": SQUARE, "shape_type": "polygon"},
        {"points": other, "shape_type": "polygon", "label": label},
        {"points": [(0, 0), (3, 0), (3, 3)], "shape_type": "polygon", "label": "_background_"},
    ]

    summary = import_files(project, "labelme", tmp_path / "in", {"a.json": labelme(shapes)})

    assert areas(project) == {"a.png": {1: 100}}
    unknown = annotated(project)["a.png"].unknown
    assert unknown is not None
    assert unknown.code.area == 100
    assert summary.new_names == {"disc": 1}
    assert [note.partition(";")[0] for note in summary.notes] == [
        f"what is called {label!r} counts as unknown",
        "what is called '_background_' counts as background",
    ]


def test_an_object_that_the_person_calls_ignore_is_one(tmp_path: Path) -> None:
    project = make_project(tmp_path / "p", "a.png")
    shapes = [{"points": SQUARE, "shape_type": "polygon", "label": "ignore"}]
    files: Files = {"a.json": labelme(shapes)}

    summary = import_files(project, "labelme", tmp_path / "in", files, classes={"ignore": 4})

    assert areas(project) == {"a.png": {4: 100}}
    assert summary.notes == ()
    again = import_files(project, "labelme", tmp_path / "in", files)  # the project knows it now
    assert again.changed == 0


def test_a_source_that_shows_only_background_must_be_meant(tmp_path: Path) -> None:
    project = make_project(tmp_path / "p", "a.png")
    shapes = [{"points": SQUARE, "shape_type": "polygon", "label": "background"}]
    with pytest.raises(AnnotationError, match="say so with --clean"):
        import_files(project, "labelme", tmp_path / "in", {"a.json": labelme(shapes)})


def test_the_folder_of_labels_may_be_given_for_the_one_above(tmp_path: Path) -> None:
    project = make_project(tmp_path / "p", "a.png")
    folder = write_files(tmp_path / "in", WITH_SQUARE["yolo"])
    import_annotations(project, "yolo", folder / "labels")
    assert areas(project) == {"a.png": {1: 100}}


@pytest.mark.parametrize("name", WITH_SQUARE)
def test_what_macos_puts_beside_files_is_passed_over(tmp_path: Path, name: str) -> None:
    project = make_project(tmp_path / "p", "a.png")
    beside = b"\0\5\x16\7\0\2\0\0Mac OS X        \xff"
    files: dict[str, Any] = dict(WITH_SQUARE[name])
    for path in list(files):
        folder, slash, last = path.rpartition("/")
        files |= {f"{folder}{slash}._{last}": beside, f"__MACOSX/{folder}{slash}._{last}": beside}

    summary = import_files(project, name, tmp_path / "in", files, strict=True)

    assert areas(project) == {"a.png": {1: ONE}}
    assert said(summary) == {}
