"""Numbers and shapes as pandas, Matlab, numpy, CVAT, Label Studio and others write them."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from import_support import (
    SIZE,
    SQUARE,
    Files,
    annotated,
    areas,
    coco,
    cvat,
    flat,
    import_files,
    labelme,
    make_project,
    said,
    studio,
    studio_region,
    voc,
    voc_object,
    yolo_row,
)

ONE = 100

SAME: dict[str, tuple[str, Files]] = {
    "coco: ids 1.0, as pandas and Matlab write them": (
        "coco",
        {
            "a.json": coco(
                [{"segmentation": [flat(SQUARE)], "image_id": 1.0, "category_id": 1.0}], id=1.0
            )
        },
    ),
    "coco: ids as texts in one place and numbers in the other": (
        "coco",
        {"a.json": coco([{"segmentation": [flat(SQUARE)], "image_id": "1", "category_id": "1"}])},
    ),
    "coco: sizes as floats": (
        "coco",
        {"a.json": coco([{"segmentation": [flat(SQUARE)]}], height=24.0, width=32.0)},
    ),
    "coco: sizes as texts": (
        "coco",
        {"a.json": coco([{"segmentation": [flat(SQUARE)]}], height="24", width="32")},
    ),
    "coco: sizes that nobody knew": (
        "coco",
        {"a.json": coco([{"segmentation": [flat(SQUARE)]}], height=-1, width=None)},
    ),
    "coco: a ring that is in no list": (
        "coco",
        {"a.json": coco([{"segmentation": flat(SQUARE)}])},
    ),
    "coco: rings of pairs": (
        "coco",
        {"a.json": coco([{"segmentation": [[list(corner) for corner in SQUARE]]}])},
    ),
    "coco: one ring of pairs": (
        "coco",
        {"a.json": coco([{"segmentation": [list(corner) for corner in SQUARE]}])},
    ),
    "coco: a run-length code of floats": (
        "coco",
        {
            "a.json": coco(
                [
                    {
                        "segmentation": {
                            "size": [24.0, 32.0],
                            "counts": [102.0, *([10.0, 14.0] * 9), 10.0, 440.0],
                        }
                    }
                ]
            )
        },
    ),
    "yolo: a class as numpy.savetxt writes it": (
        "yolo",
        {"data.yaml": "names: [disc]", "labels/a.txt": yolo_row(SQUARE, "0.000000e+00")},
    ),
    "yolo: a class 0.0": (
        "yolo",
        {"data.yaml": "names: [disc]", "labels/a.txt": yolo_row(SQUARE, 0.0)},
    ),
    "labelme: corners as texts": (
        "labelme",
        {"a.json": labelme([{"points": [[str(x), str(y)] for x, y in SQUARE]}])},
    ),
    "cvat: blanks and a semicolon at the end": (
        "cvat",
        {"a.xml": cvat('<polygon label="disc" points=" 4.00, 6.0; 14,6;14,16;4,16; "/>')},
    ),
    "cvat: a mask whose runs are floats": (
        "cvat",
        {
            "a.xml": cvat(
                '<mask label="disc" rle="0.0, 100.0" left="4.0" top="6" width="10" height="10"/>'
            )
        },
    ),
    "voc: corners as floats, and points of the older LabelMe": (
        "voc",
        {
            "Annotations/a.xml": voc(
                "<object><name>disc</name><polygon><pt><x>5.0</x><y>7.0</y></pt>"
                "<pt><x>15</x><y>7</y></pt><pt><x>15</x><y>17</y></pt><pt><x>5</x><y>17</y></pt>"
                "</polygon></object>"
            )
        },
    ),
    "voc: a turned box of roLabelImg": (
        "voc",
        {
            "Annotations/a.xml": voc(
                "<object><name>disc</name><robndbox><cx>9</cx><cy>11</cy><w>10</w><h>10</h>"
                f"<angle>{math.pi / 2}</angle></robndbox></object>"
            )
        },
    ),
    "labelstudio: a rectangle that was turned by a quarter about its corner": (
        "labelstudio",
        {
            "a.json": studio(
                [
                    studio_region(
                        SQUARE,
                        type="rectanglelabels",
                        value={
                            "x": 100 * 14 / 32,
                            "y": 25,
                            "width": 100 * 10 / 32,
                            "height": 100 * 10 / 24,
                            "rotation": 90,
                            "rectanglelabels": ["disc"],
                        },
                    )
                ]
            )
        },
    ),
    "cvat: a box that was turned by half about its middle": (
        "cvat",
        {"a.xml": cvat('<box label="disc" xtl="4" ytl="6" xbr="14" ybr="16" rotation="180.0"/>')},
    ),
    "labelme: a rotation of X-AnyLabeling": (
        "labelme",
        {"a.json": labelme([{"points": SQUARE, "shape_type": "rotation", "direction": 0.0}])},
    ),
    "labelme: an old file without a type": ("labelme", {"a.json": labelme([{"points": SQUARE}])}),
    "labelme: a file in UTF-16": (
        "labelme",
        {"a.json": json.dumps(labelme([{"points": SQUARE}])).encode("utf-16")},
    ),
}


@pytest.mark.parametrize("case", SAME)
def test_the_square_however_it_is_written(tmp_path: Path, case: str) -> None:
    name, files = SAME[case]
    project = make_project(tmp_path / "p", "a.png")
    summary = import_files(project, name, tmp_path / "in", files)
    assert said(summary) == {}
    assert areas(project) == {"a.png": {1: ONE}}


def test_shares_may_be_a_little_off_and_shapes_stick_out(tmp_path: Path) -> None:
    project = make_project(tmp_path / "p", "a.png", "b.png")
    rows = {
        "data.yaml": "names: [disc]",
        "labels/a.txt": "0 0 0 1.00001 -0.000002 1.00001 0.5 0 0.5",
        "labels/b.txt": "0 0.9 0.5 0.4 0.5",
    }
    import_files(project, "yolo", tmp_path / "in", rows)
    assert areas(project)["a.png"] == {1: SIZE[0] * SIZE[1] // 2}
    box = annotated(project)["b.png"].objects[1].prompts.box
    assert box is not None
    assert box.tolist() == pytest.approx([0.7 * 32, 6, 32, 18], abs=1e-4)


BOXES: dict[str, tuple[str, Files]] = {
    "coco": ("coco", {"a.json": coco([{"bbox": [-5, 20, 15, 15]}])}),
    "coco, an empty ring": (
        "coco",
        {"a.json": coco([{"bbox": [-5, 20, 15, 15], "segmentation": [[]]}])},
    ),
    "yolo": (
        "yolo",
        {
            "data.yaml": "names: [disc]",
            "labels/a.txt": f"0 {2.5 / 32} {27.5 / 24} {15 / 32} {15 / 24}",
        },
    ),
    "voc": (
        "voc",
        {
            "Annotations/a.xml": voc(
                "<object><name>disc</name><bndbox><xmin>-4.0</xmin><ymin>21</ymin><xmax>10</xmax>"
                "<ymax>35</ymax></bndbox></object>"
            )
        },
    ),
    "labelme": (
        "labelme",
        {"a.json": labelme([{"points": [[10, 35], [-5, 20]], "shape_type": "rectangle"}])},
    ),
    "cvat": ("cvat", {"a.xml": cvat('<box label="disc" xtl="-5" ytl="20" xbr="10.0" ybr="35"/>')}),
    "labelstudio": (
        "labelstudio",
        {
            "a.json": studio(
                [
                    studio_region(
                        SQUARE,
                        type="rectanglelabels",
                        value={
                            "x": -500 / 32,
                            "y": 2000 / 24,
                            "width": 1500 / 32,
                            "height": 1500 / 24,
                            "rotation": 0,
                            "rectanglelabels": ["disc"],
                        },
                    )
                ]
            )
        },
    ),
}


@pytest.mark.parametrize("case", BOXES)
def test_boxes_that_stick_out_are_cut(tmp_path: Path, case: str) -> None:
    name, files = BOXES[case]
    project = make_project(tmp_path / "p", "a.png")
    summary = import_files(project, name, tmp_path / "in", files)
    assert said(summary) == {}
    box = annotated(project)["a.png"].objects[1].prompts.box
    assert box is not None
    assert box.tolist() == pytest.approx([0, 20, 10, 24], abs=1e-3)


def diamond(x0: float, y0: float, side: float) -> int:
    """Pixels whose middle is in a square of this side that stands on its corner."""
    y, x = np.mgrid[: SIZE[0], : SIZE[1]] + 0.5
    return int(np.count_nonzero(np.abs(x - x0) + np.abs(y - y0) <= side / math.sqrt(2)))


def test_turned_boxes_and_ellipses_are_areas(tmp_path: Path) -> None:
    project = make_project(tmp_path / "p", "a.png", "b.png", "c.png")
    box = '<box label="disc" xtl="8" ytl="5" xbr="18" ybr="15" rotation="45"/>'
    import_files(project, "cvat", tmp_path / "a", {"a.xml": cvat(box)})
    expected = diamond(13, 10, 10)
    assert expected == pytest.approx(100, abs=15)
    assert areas(project)["a.png"] == {1: expected}

    # A wide ellipse turned by a quarter is a tall one; by 30 degrees it leans down to the right.
    tall = '<ellipse label="disc" cx="13" cy="12" rx="9" ry="3" rotation="90"/>'
    import_files(project, "cvat", tmp_path / "b", {"b.xml": cvat(tall, "b.png")})
    y, x = np.mgrid[: SIZE[0], : SIZE[1]] + 0.5
    stored = annotated(project)["b.png"].objects[1].mask
    np.testing.assert_array_equal(stored, ((x - 13) / 3) ** 2 + ((y - 12) / 9) ** 2 <= 1)
    value = {
        "x": 100 * 13 / 32,
        "y": 50,
        "radiusX": 100 * 9 / 32,
        "radiusY": 100 * 3 / 24,
        "rotation": 30,
        "ellipselabels": ["disc"],
    }
    leaning = studio_region(SQUARE, type="ellipselabels", value=value)
    import_files(project, "labelstudio", tmp_path / "c", {"c.json": studio([leaning], "c.png")})
    mask = annotated(project)["c.png"].objects[1].mask
    assert mask is not None
    along = (x - 13) * math.cos(math.pi / 6) + (y - 12) * math.sin(math.pi / 6)
    across = (y - 12) * math.cos(math.pi / 6) - (x - 13) * math.sin(math.pi / 6)
    np.testing.assert_array_equal(mask, (along / 9) ** 2 + (across / 3) ** 2 <= 1)
    assert mask[15, 19]
    assert not mask[8, 19]


def test_words_that_yaml_takes_for_something_else_are_names(tmp_path: Path) -> None:
    project = make_project(tmp_path / "p", "a.png")
    names = ["no", "yes", "on", "null", "1", "1.0", "~", "2024-01-01", "0x1f", "1_000", ".inf"]
    yaml = f"names: [{', '.join(names)}]"
    rows = "\n".join(yolo_row(SQUARE, number) for number in range(len(names)))
    summary = import_files(
        project, "yolo", tmp_path / "in", {"data.yaml": yaml, "labels/a.txt": rows}
    )
    assert list(summary.new_names) == names
    table = "names:\n  0: no\n  '1': yes\n  2.0: off\n"
    other = make_project(tmp_path / "other", "a.png")
    summary = import_files(
        other,
        "yolo",
        tmp_path / "b",
        {"data.yaml": table, "labels/a.txt": "\n".join(rows.split("\n")[:2])},
    )
    assert list(summary.new_names) == ["no", "yes"]


def test_names_that_are_numbers_are_names(tmp_path: Path) -> None:
    project = make_project(tmp_path / "p", "a.png", "b.png")
    content = coco([{"segmentation": [flat(SQUARE)]}])
    content["categories"] = [{"id": 1, "name": 7}]
    assert list(import_files(project, "coco", tmp_path / "a", {"a.json": content}).new_names) == [
        "7"
    ]
    shapes = [{"points": SQUARE, "label": 8}]
    summary = import_files(project, "labelme", tmp_path / "b", {"b.json": labelme(shapes, "b.png")})
    assert list(summary.new_names) == ["8"]


_TWO_CORNERS: dict[str, tuple[str, Files]] = {
    "coco": (
        "coco",
        {"a.json": coco([{"segmentation": [[4, 6, 14, 16]], "bbox": [4, 6, 10, 10]}])},
    ),
    "coco: a point": (
        "coco",
        {"a.json": coco([{"segmentation": [[4, 6], []], "bbox": [4, 6, 10, 10]}])},
    ),
    "voc": (
        "voc",
        {"Annotations/a.xml": voc(voc_object(SQUARE).replace("x4", "z").replace("x3", "z"))},
    ),
}


@pytest.mark.parametrize("case", _TWO_CORNERS)
def test_the_box_counts_where_no_ring_is_an_outline(tmp_path: Path, case: str) -> None:
    name, files = _TWO_CORNERS[case]
    project = make_project(tmp_path / "p", "a.png")

    summary = import_files(project, name, tmp_path / "in", files)

    box = annotated(project)["a.png"].objects[1].prompts.box
    assert box is not None
    assert box.tolist() == [4, 6, 14, 16]
    assert said(summary) == {}
