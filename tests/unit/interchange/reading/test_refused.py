"""Files that do not fit: one sentence with file and place, and nothing is trusted."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from formats_support import KnownPictures, read_all
from maskcast.errors import AnnotationError
from maskcast.io.images import encode_mask_png

PICTURES = KnownPictures({"a.png": (4, 6), "x/b.png": (4, 6), "y/b.png": (4, 6)})


def cvat(shape: str, image: str = 'name="a.png" width="6" height="4"') -> str:
    return f"<annotations><image {image}>{shape}</image></annotations>"


def mask(**changes: object) -> str:
    given = {"rle": "0, 1", "left": 0, "top": 0, "width": 1, "height": 1} | changes
    return "<mask label='a' " + " ".join(f'{key}="{value}"' for key, value in given.items()) + "/>"


def labelme(**changes: object) -> str:
    shape: dict[str, object] = {"label": "a", "points": [[0, 0], [1, 1]], "shape_type": "rectangle"}
    top: dict[str, object] = {"imagePath": "a.png", "imageHeight": 4, "imageWidth": 6}
    top |= {key: value for key, value in changes.items() if key in top}
    shape |= {key: value for key, value in changes.items() if key not in top}
    return json.dumps(top | {"shapes": [shape]})


def studio(**changes: Any) -> str:  # noqa: ANN401
    result = {"type": "brushlabels", "value": {"rle": [1], "brushlabels": ["a"]}} | changes
    task = {"data": {"image": "a.png"}, "annotations": [{"result": [result]}]}
    return json.dumps([task])


def voc(inner: str) -> str:
    return f"<annotation><filename>a.png</filename>{inner}</annotation>"


def studio_box(**changes: float) -> str:
    value: dict[str, object] = {"x": 0, "y": 0, "width": 9, "height": 9, "rectanglelabels": ["a"]}
    return studio(type="rectanglelabels", value=value | changes)


def coco(ids: Sequence[object] = (1,), **annotation: object) -> str:
    images = [{"id": number, "file_name": "a.png"} for number in ids]
    one = {"image_id": 1, "category_id": 1, "bbox": [0, 0, 1, 1]} | annotation
    categories = [{"id": 1, "name": "a"}]
    return json.dumps({"images": images, "annotations": [one], "categories": categories})


YAML_LAUGHS = "a: &a [x,x,x,x,x,x,x,x]\n" + "".join(
    f"{name}: &{name} [{','.join([f'*{before}'] * 8)}]\n"
    for before, name in zip("abcd", "bcde", strict=True)
) + "names: [*e]\n"  # fmt: skip
LAUGHS = (
    '<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY lol "lol"><!ENTITY lol2 "&lol;&lol;&lol;">]>'
    "<annotations>&lol2;</annotations>"
)
STEALS = (
    '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY f SYSTEM "file:///etc/passwd">]>'
    "<annotations><meta>&f;</meta></annotations>"
)
ONE_PIXEL = base64.b64encode(encode_mask_png(np.ones((1, 1), np.bool_))).decode()
OF_NO_TOOL = {"type": "videorectangle", "value": {"labels": ["a"]}}
DECLARES = '<?xml version="1.0"?><!DOCTYPE annotations SYSTEM "x.dtd"><annotations/>'
CASES: list[tuple[str, str, str, str]] = [
    ("cvat", "a.xml", LAUGHS, r"a\.xml declares a document type or entities"),
    ("cvat", "a.xml", STEALS, r"a\.xml declares a document type or entities"),
    ("voc", "Annotations/a.xml", LAUGHS, "declares a document type or entities"),
    ("cvat", "a.xml", DECLARES, r"a\.xml declares a document type or entities"),
    ("cvat", "a.xml", "<annotations", r"a\.xml is not XML"),
    ("cvat", "a.xml", "<other/>", "is not a CVAT file"),
    ("cvat", "a.xml", "<annotations><track/></annotations>", "track 1: it is a track of a video"),
    ("cvat", "a.xml", cvat("", 'name="a.png" width="9" height="4"'), "image 1: a.png is 9"),
    ("cvat", "a.xml", cvat("", 'name="z.png"'), "image 1 belongs to no image"),
    ("cvat", "a.xml", cvat("", 'name="b.png"'), "could belong to x/b.png or y/b.png"),
    ("cvat", "a.xml", cvat("", ""), "image 1: expected the name of a picture, got nothing"),
    ("cvat", "a.xml", cvat("<box/>"), "image 1: box 1: expected a label"),
    ("cvat", "a.xml", cvat('<box label="a" xtl="q"/>'), "expected xtl, got 'q'"),
    ("cvat", "a.xml", cvat('<box label="a" xtl="nan"/>'), "expected xtl, got 'nan'"),
    ("cvat", "a.xml", cvat('<box label="a" rotation="45"/>'), "box 1: expected xtl, got nothing"),
    ("cvat", "a.xml", cvat('<cuboid label="a"/>'), "a cuboid is no mask"),
    ("cvat", "a.xml", cvat('<polygon label="a" points="1;2"/>'), "expected points as x,y"),
    ("cvat", "a.xml", cvat(mask(left=6)), "mask 1: it holds no pixel of a picture of 6 x 4"),
    ("cvat", "a.xml", cvat(mask(width=10**9)), "reaches beyond the picture"),
    ("cvat", "a.xml", cvat(mask(rle="0, 2")), "rle holds 2 pixels but the mask is 1 x 1"),
    ("cvat", "a.xml", cvat(mask(rle="-1, 2")), "rle holds negative run lengths"),
    ("voc", "z.xml", "<annotation><filename>z.png</filename></annotation>", "belongs to no image"),
    ("voc", "a.xml", "<other/>", "is not a VOC file"),
    ("voc", "a.xml", voc("<size><width>7</width></size>"), "7 x None pixels|is 7"),
    ("voc", "a.xml", voc("<object/>"), "object 1: expected a name"),
    ("voc", "a.xml", voc("<object><name>a</name></object>"), "object 1: xmin: expected a number"),
    ("labelme", "a.json", "{", r"a\.json is not JSON"),
    ("labelme", "a.json", "[1]", "there is no labelme file"),
    ("labelme", "z.json", labelme(imagePath="../../z.png"), "imagePath belongs to no image"),
    ("labelme", "a.json", labelme(imageHeight=6, imageWidth=4), "a.png is 4 x 6 pixels there"),
    ("labelme", "a.json", labelme(label=[3]), r"shapes\[0\]\.label: expected"),
    ("labelme", "a.json", labelme(points=[[1, "x"]]), r"points\[0\]: expected x and y"),
    ("labelme", "a.json", labelme(shape_type="line"), "expected mask, polygon, rectangle"),
    ("labelme", "a.json", labelme(shape_type="mask", mask="??"), "expected a PNG in base64"),
    ("labelme", "a.json", labelme(shape_type="mask", mask="AAAA"), "expected a PNG in base64"),
    ("labelstudio", "t.json", "{}", "there is no"),
    ("labelstudio", "t.json", studio(), r"rle: expected Label Studio's code of 4 x 6 pixels"),
    ("labelstudio", "t.json", studio(value={"rle": 10**12, "brushlabels": ["a"]}), "list of bytes"),
    (
        "labelstudio",
        "t.json",
        studio(original_width=9),
        "9 x None pixels and the picture has 6 x 4",
    ),
    (
        "labelstudio",
        "t.json",
        studio(type="videorectangle", value={"labels": ["a"]}),
        "expected a brush, polygon",
    ),
    ("labelstudio", "t.json", studio(image_rotation=90), "no rotation"),
    (
        "labelstudio",
        "t.json",
        studio(type=["brushlabels"], value={"labels": ["a"]}),
        "expected a brush, polygon",
    ),
    (
        "labelme",
        "a.json",
        labelme(points=[[2**70, 0], [2**71, 1]]),
        r"points\[0\]: expected x and y",
    ),
    (
        "labelme",
        "a.json",
        labelme(shape_type="mask", points=[[2**70, 0], [2**70, 1]], mask=ONE_PIXEL),
        r"points\[0\]: expected x and y",
    ),
    (
        "cvat",
        "a.xml",
        cvat('<points label="a" points="1,1;7,1"/>'),
        r"points 1: the point \(7, 1\)",
    ),
    ("cvat", "a.xml", cvat('<box label="a" xtl="6" ytl="0" xbr="9" ybr="9"/>'), "holds no pixel"),
    ("cvat", "a.xml", cvat('<ellipse label="a" cx="1" cy="1" rx="0" ry="1"/>'), "radii above 0"),
    (
        "labelme",
        "a.json",
        labelme(shape_type="point", points=[[1e30, 1]]),
        r"points\[0\]: expected x and",
    ),
    (
        "labelme",
        "a.json",
        labelme(shape_type="point", points=[[float("nan"), 1]]),
        "expected x and",
    ),
    ("labelstudio", "t.json", studio_box(x=float("nan")), r"value\.x: expected a number in perc"),
    ("labelstudio", "t.json", studio_box(x=float("inf")), r"value\.x: expected a number in perc"),
    ("labelstudio", "t.json", studio_box(x=101), r"result\[0\]\.value: the box .* holds no pixel"),
    ("coco", "a.json", coco(ids=([],)), r"images\[0\]\.id: expected an id, a whole number or a"),
    ("coco", "a.json", coco(image_id={}), r"annotations\[0\]\.image_id: expected an id"),
    ("coco", "a.json", coco(category_id=True), r"annotations\[0\]\.category_id: expected an id"),
    ("yolo", "data.yaml", "names: [a]\nkpt_shape: [17, 3]", "is of key points"),
    ("yolo", "data.yaml", YAML_LAUGHS, "names: expected the names of the classes"),
    ("yolo", "data.yaml", "names: [a", "is not YAML"),
    ("yolo", "data.yaml", "nc: 1", "names: expected the names"),
    (
        "yolo",
        "data.yaml",
        "names: !!python/object/apply:os.system [id]",
        "names: expected the names",
    ),
    ("yolo", "data.yaml", "names: [a]", "there is no label file"),
]


@pytest.mark.parametrize(("name", "file", "content", "sentence"), CASES)
def test_what_does_not_fit_is_named(
    tmp_path: Path, name: str, file: str, content: str, sentence: str
) -> None:
    path = tmp_path / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")
    with pytest.raises(AnnotationError, match=sentence):
        read_all(name, tmp_path, PICTURES)


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ("0 0.1 0.1 0.1", "line 2: expected a class and 4 numbers .* got 3 numbers"),
        ("0 a b c d", "line 2: expected a class"),
        ("5 0.1 0.1 0.1 0.1", "line 2: class 5 is not among the names"),
        ("0 0.1 0.1 0.1 15", "shares of the picture in 0..1"),
        ("0 nan 0.1 0.1 0.5", "expected a share of the picture, got 'nan'"),
        ("0 0.1 0.1 0.2 0.2 0.3 0.3 0.4", "got 7 numbers"),
    ],
)
def test_a_wrong_row_of_yolo(tmp_path: Path, row: str, sentence: str) -> None:
    (tmp_path / "data.yaml").write_text("names: [a]")
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels/a.txt").write_text(f"0 0.5 0.5 0.5 0.5\n{row}\n")
    with pytest.raises(AnnotationError, match=sentence):
        read_all("yolo", tmp_path, PICTURES)


def test_a_voc_class_picture_that_does_not_fit(tmp_path: Path) -> None:
    from PIL import Image

    (tmp_path / "Annotations").mkdir()
    (tmp_path / "SegmentationClass").mkdir()
    (tmp_path / "Annotations/a.xml").write_text(voc(""))
    picture = tmp_path / "SegmentationClass/a.png"
    Image.new("RGB", (6, 4), (1, 2, 3)).save(picture)
    with pytest.raises(AnnotationError, match=r"the colour \(1, 2, 3\), which labelmap.txt"):
        read_all("voc", tmp_path, PICTURES)
    Image.new("RGB", (7, 4)).save(picture)
    with pytest.raises(AnnotationError, match="is 7 x 4 pixels but the reference is 6 x 4"):
        read_all("voc", tmp_path, PICTURES)
    (tmp_path / "labelmap.txt").write_text("a;1,2,3\n")
    with pytest.raises(AnnotationError, match=r"labelmap.txt: line 1: expected name:r,g,b::"):
        read_all("voc", tmp_path, PICTURES)
