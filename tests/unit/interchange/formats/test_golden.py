"""Small files drawn by hand, as the tools of each format write them."""

from __future__ import annotations

import base64
import json
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from formats_support import (
    KnownPictures,
    decode_brush,
    encode_brush,
    image_of,
    mask_of,
    masks_by_label,
    read_all,
    set_of,
)
from maskcast.interchange.formats import load_writer
from maskcast.interchange.options import ExportOptions
from maskcast.interchange.reading.entries import ReadingOptions
from maskcast.interchange.reading.joining import ReadImage, read_images
from maskcast.interchange.reading.left_out import LeftOut
from maskcast.interchange.reading.readers import load_reader

# 4 rows of 6 pixels: a ring with its hole, and a pixel.
RING = mask_of("###...", "#.#...", "###...", "......")
DOT = mask_of("......", "......", "......", ".....#")
PICTURES = KnownPictures({"a.png": (4, 6)})

RING_COCO = {"size": [4, 6], "counts": [0, 3, 1, 1, 1, 1, 1, 3, 13]}
DOT_BOX = [5, 3, 1, 1]
COCO = {
    "images": [{"id": 7, "file_name": "a.png", "width": 6, "height": 4}],
    "categories": [{"id": 3, "name": "ring"}, {"id": 9, "name": "dot"}],
    "annotations": [
        {"id": 1, "image_id": 7, "category_id": 3, "iscrowd": 1, "segmentation": RING_COCO},
        {"id": 2, "image_id": 7, "category_id": 9, "segmentation": [[5, 3, 6, 3, 6, 4, 5, 4]]},
    ],
}
LABELME_PNG = BytesIO()
Image.fromarray(RING[:3, :3].astype(np.uint8)).save(LABELME_PNG, "PNG")  # 0 and 1, as labelme does
LABELME: dict[str, Any] = {
    "version": "6.3.1",
    "flags": {},
    "shapes": [
        {
            "label": "ring",
            "points": [[0.0, 0.0], [2.0, 2.0]],
            "group_id": None,
            "description": "",
            "shape_type": "mask",
            "flags": {},
            "mask": base64.b64encode(LABELME_PNG.getvalue()).decode(),
        },
        {"label": "dot", "points": [[5, 3], [6, 3], [6, 4], [5, 4]], "shape_type": "polygon"},
    ],
    "imagePath": "..\\pictures\\a.png",
    "imageData": None,
    "imageHeight": 4,
    "imageWidth": 6,
}
CVAT = """<?xml version="1.0" encoding="utf-8"?>
<annotations>
  <version>1.1</version>
  <meta><task><labels><label><name>ring</name></label><label><name>dot</name></label></labels>
  </task></meta>
  <image id="0" name="a.png" width="6" height="4">
    <mask label="ring" source="manual" occluded="0" rle="0, 4, 1, 4" left="0" top="0" width="3"
      height="3" z_order="0"></mask>
    <polygon label="dot" source="manual" occluded="0"
      points="5.00,3.00;6.00,3.00;6.00,4.00;5.00,4.00" z_order="0"></polygon>
    <tag label="good"></tag>
  </image>
</annotations>
"""
VOC = """<annotation>
  <folder>JPEGImages</folder><filename>a.png</filename>
  <size><width>6</width><height>4</height><depth>3</depth></size><segmented>1</segmented>
  <object><name>ring</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>3</xmax><ymax>3</ymax></bndbox>
  </object>
  <object><name>dot</name><bndbox><xmin>6</xmin><ymin>4</ymin><xmax>6</xmax><ymax>4</ymax></bndbox>
  </object>
</annotation>
"""
LABELMAP = "# label:color_rgb:parts:actions\nbackground:0,0,0::\nring:128,0,0::\ndot:0,128,0::\n"
YOLO = "0 0 0 0.5 0 0.5 0.75 0 0.75\n1 0.833333 0.75 1 0.75 1 1 0.833333 1\n"
# Bits by hand: 96 values; words of 8 bits; sizes 3, 4, 8, 16; then runs of 4 x 24 values. The
# ring's rows are 3 on, 3 off, 1 on, 1 off, 1 on, 3 off, 3 on, 9 off; times 4 for the channels.
BRUSH_BITS = f"{96:032b}" + f"{7:05b}" + "".join(f"{size - 1:04b}" for size in (3, 4, 8, 16))
for pixels, value in ((3, 255), (3, 0), (1, 255), (1, 0), (1, 255), (3, 0), (3, 255), (9, 0)):
    length = 4 * pixels - 1
    # Up to 8 values in 3 bits, up to 16 in 4, up to 256 in 8.
    size = "00" + f"{length:03b}" if length < 8 else "01" + f"{length:04b}"
    size = size if length < 16 else "10" + f"{length:08b}"
    BRUSH_BITS += "1" + size + f"{value:08b}"
BRUSH_BITS += "0" * (8 - len(BRUSH_BITS) % 8)
BRUSH = [int(BRUSH_BITS[place : place + 8], 2) for place in range(0, len(BRUSH_BITS), 8)]


def studio_result(kind: str, **value: Any) -> dict[str, Any]:  # noqa: ANN401
    return {
        "id": "x",
        "type": kind,
        "original_width": 6,
        "original_height": 4,
        "image_rotation": 0,
        "value": value,
    }


STUDIO = [
    {
        "id": 1,
        "data": {"image": "/data/upload/3/0123abcd-a.png"},
        "annotations": [
            {"was_cancelled": True, "result": []},
            {
                "was_cancelled": False,
                "result": [
                    studio_result("brushlabels", format="rle", rle=BRUSH, brushlabels=["ring"]),
                    studio_result(
                        "polygonlabels",
                        points=[[83.3333333333, 75], [100, 75], [100, 100], [83.3333333333, 100]],
                        polygonlabels=["dot"],
                    ),
                ],
            },
        ],
    }
]


# As QuPath exports objects: a class of two names, an annotation without a class in a plain list.
GEOJSON_RING = {
    "type": "Feature",
    "id": "4cbc4d6a-0000-4000-8000-000000000001",
    "geometry": {
        "type": "Polygon",
        "coordinates": [
            [[0, 0], [3, 0], [3, 3], [0, 3], [0, 0]],
            [[1, 1], [1, 2], [2, 2], [2, 1], [1, 1]],
        ],
    },
    "properties": {
        "objectType": "annotation",
        "name": "the first",
        "classification": {"name": "ring", "color": [200, 0, 0]},
        "measurements": {"score": 0.5},
    },
}
GEOJSON_DOT = {
    "type": "Feature",
    "geometry": {
        "type": "MultiPolygon",
        "coordinates": [[[[5, 3], [6, 3], [6, 4], [5, 4], [5, 3]]]],
        "plane": {"c": -1, "z": 0, "t": 0},
    },
    "properties": {"objectType": "detection", "classification": "dot"},
}
GEOJSON = {"type": "FeatureCollection", "features": [GEOJSON_RING, GEOJSON_DOT]}
HF_ROW: dict[str, Any] = {
    "file_name": "a.png",
    "objects": {
        "bbox": [[0, 0, 3, 3], [5, 3, 1, 1]],
        # The runs of RING_COCO; from the fourth on, differences to the one before the last.
        "counts": ["031N0002<", "g01"],
        "category": [0, 1],
        "name": ["ring", "dot"],
    },
}


def write_files(folder: Path, files: dict[str, str | bytes | object]) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")
    return folder


def voc_png(labels: npt.NDArray[np.uint8]) -> bytes:
    image = Image.fromarray(labels).convert("P")
    image.putpalette([0, 0, 0, 128, 0, 0, 0, 128, 0, 224, 224, 192])
    stream = BytesIO()
    image.save(stream, "PNG")
    return stream.getvalue()


def read(name: str, source: Path) -> ReadImage:
    (image,) = read_all(name, source, PICTURES)
    assert image.image_id == "a.png"
    found: ReadImage = image
    return found


GOLDEN: list[tuple[str, dict[str, str | bytes | object]]] = [
    ("geojson", {"a.geojson": GEOJSON}),
    ("geojson", {"annotations/deep/a.geojson": [GEOJSON_RING, GEOJSON_DOT]}),
    ("hf", {"train/metadata.jsonl": json.dumps(HF_ROW) + "\n"}),
    ("fiftyone", {"labels.json": COCO, "data/splits.json": {}}),
    ("coco", {"annotations/instances_train.json": COCO}),
    ("labelme", {"deep/a.json": LABELME}),
    ("cvat", {"annotations.xml": CVAT}),
    ("labelstudio", {"project-3.json": STUDIO}),
    (
        "voc",
        {
            "Annotations/a.xml": VOC,
            "labelmap.txt": LABELMAP,
            "SegmentationClass/a.png": voc_png(np.where(DOT, 2, RING).astype(np.uint8)),
        },
    ),
]


@pytest.mark.parametrize(("name", "files"), GOLDEN, ids=[name for name, _ in GOLDEN])
def test_files_as_the_tools_write_them(
    tmp_path: Path, name: str, files: dict[str, str | bytes | object]
) -> None:
    found = masks_by_label(read(name, write_files(tmp_path, files)))
    assert sorted(found) == ["dot", "ring"]
    np.testing.assert_array_equal(found["ring"], RING)
    np.testing.assert_array_equal(found["dot"], DOT)


@pytest.mark.parametrize("names", ["[ring, dot]", "{0: ring, 1: dot}"])
def test_yolo_outlines_with_six_digits(tmp_path: Path, names: str) -> None:
    files: dict[str, str | bytes | object] = {
        "data.yaml": f"train: images/train\nnames: {names}\n",
        "labels/train/a.txt": YOLO,
    }
    found = masks_by_label(read("yolo", write_files(tmp_path, files)))
    np.testing.assert_array_equal(found["ring"], mask_of("###...", "###...", "###...", "......"))
    np.testing.assert_array_equal(found["dot"], DOT)


def test_yolo_with_a_list_of_names(tmp_path: Path) -> None:
    files: dict[str, str | bytes | object] = {
        "classes.txt": "ring\r\ndot\r\n",
        "labels/a.txt": "1 0.9166667 0.875 0.1666667 0.25\n",
    }
    (dot,) = read("yolo", write_files(tmp_path, files)).objects
    assert dot.label == "dot"
    assert dot.prompts[0].box is not None
    assert dot.prompts[0].box.tolist() == pytest.approx([5, 3, 6, 4], abs=1e-5)


YOLO_NAMES = "names: [ring, dot]\n"
LAYOUTS: list[tuple[str, dict[str, str | bytes | object]]] = [
    # Roboflow: labels inside each part, readmes beside them.
    (
        "yolo",
        {
            "data.yaml": "train: ../train/images\n" + YOLO_NAMES,
            "README.roboflow.txt": "Exported ...",
            "README.dataset.txt": "Provided by ...",
            "train/labels/a.txt": YOLO,
        },
    ),
    # CVAT's YOLO 1.1: lists of pictures beside a folder of labels.
    (
        "yolo",
        {
            "obj.names": "ring\ndot\n",
            "obj.data": "classes = 2",
            "train.txt": "data/obj_train_data/a.png\n",
            "obj_train_data/a.txt": YOLO,
        },
    ),
    # labelImg: all in one folder.
    ("yolo", {"classes.txt": "ring\ndot\n", "a.txt": "\ufeff" + YOLO}),
    ("yolo", {"coco8-seg.yaml": YOLO_NAMES, "labels/train/a.txt": YOLO}),
    ("coco", {"train/_annotations.coco.json": COCO}),
    (
        "coco",  # ids may be texts, and sizes and boxes be missing
        {
            "a.json": {
                "images": [{"id": "x", "file_name": "a.png"}],
                "categories": [{"id": "r", "name": "ring"}, {"id": "d", "name": "dot"}],
                "annotations": [
                    {"image_id": "x", "category_id": "r", "segmentation": RING_COCO},
                    {"image_id": "x", "category_id": "d", "bbox": DOT_BOX, "segmentation": []},
                ],
            }
        },
    ),
    # Official sets have other files of the same images beside the instances.
    ("coco", {"annotations/instances_val.json": COCO, "annotations/captions_val.json": {}}),
    # Datumaro, where no colours were given: they are those of VOC.
    (
        "voc",
        {
            "labelmap.txt": "# label:color_rgb:parts:actions\nbackground:::\nring:::\ndot:::\n",
            "SegmentationClass/a.png": voc_png(np.where(DOT, 2, RING).astype(np.uint8)),
        },
    ),
    # CVAT's segmentation mask 1.1: no XML files.
    (
        "voc",
        {
            "labelmap.txt": LABELMAP,
            "ImageSets/Segmentation/default.txt": "a\n",
            "SegmentationClass/a.png": voc_png(np.where(DOT, 2, RING).astype(np.uint8)),
        },
    ),
]


@pytest.mark.parametrize(("name", "files"), LAYOUTS)
def test_layouts_of_other_tools(
    tmp_path: Path, name: str, files: dict[str, str | bytes | object]
) -> None:
    objects = {one.label: one for one in read(name, write_files(tmp_path, files)).objects}
    assert sorted(objects) == ["dot", "ring"]
    assert objects["ring"].mask is not None
    assert objects["ring"].mask[0].tolist() == RING[0].tolist()
    dot = objects["dot"]
    if dot.mask is not None:
        np.testing.assert_array_equal(dot.mask, DOT)
    else:
        assert dot.prompts[0].box is not None
        assert dot.prompts[0].box.tolist() == [5, 3, 6, 4]


def test_a_picture_called_like_a_list_has_labels_too(tmp_path: Path) -> None:
    files: dict[str, str | bytes | object] = {
        "data.yaml": YOLO_NAMES,
        "labels/classes.txt": YOLO,
        "labels/train.txt": "images/classes.png\n",
    }
    pictures = KnownPictures({"classes.png": (4, 6)})
    (image,) = read_all("yolo", write_files(tmp_path, files), pictures)
    assert sorted({one.label for one in image.objects}) == ["dot", "ring"]


def test_one_voc_file_is_enough(tmp_path: Path) -> None:
    folder = write_files(tmp_path, {"a.xml": VOC, "other.xml": "<a>"})
    assert [one.label for one in read("voc", folder / "a.xml").objects] == ["ring", "dot"]


def test_the_brush_code_by_hand() -> None:
    assert list(encode_brush(RING)) == BRUSH
    np.testing.assert_array_equal(decode_brush(BRUSH, (4, 6)), RING)


def test_single_values_of_a_brush_code() -> None:
    # 8 values: a run of 4 zeros, then 4 single ones of 0, 0, 0, 255: two pixels, the second on.
    bits = f"{8:032b}" + f"{7:05b}" + "".join(f"{size - 1:04b}" for size in (3, 4, 8, 16))
    bits += "1" + "00" + f"{3:03b}" + f"{0:08b}" + "0" + "00" + f"{3:03b}" + "0" * 24 + "1" * 8
    bits += "0" * (-len(bits) % 8)
    code = [int(bits[place : place + 8], 2) for place in range(0, len(bits), 8)]
    assert decode_brush(code, (1, 2)).tolist() == [[False, True]]


@pytest.mark.parametrize("code", [[], BRUSH[:-4], BRUSH[:3], [255] * 30])
def test_a_brush_code_that_is_cut_off(code: list[int]) -> None:
    with pytest.raises(ValueError, match=r"cut off|expected"):
        decode_brush(code, (4, 6))


def test_boxes_and_points_become_prompts(tmp_path: Path) -> None:
    rectangle = {"x": 50, "y": 25, "width": 50, "height": 50, "rotation": 0}
    ellipse = {"x": 25, "y": 37.5, "radiusX": 1.1 / 6 * 100, "radiusY": 1.1 / 4 * 100}
    task = {
        "data": {"photo": "https://somewhere/pictures/a.png?token=1"},
        "predictions": [
            {
                "result": [
                    studio_result("rectanglelabels", rectanglelabels=["box"], **rectangle),
                    studio_result("keypointlabels", keypointlabels=["point"], x=50, y=50, width=1),
                    studio_result("ellipselabels", ellipselabels=["disc"], **ellipse),
                    studio_result("textarea", text=["a word"]),
                    {"type": "relation", "from_id": "x", "to_id": "y", "direction": "right"},
                ]
            }
        ],
    }
    files: dict[str, str | bytes | object] = {"tasks.json": [task]}
    box, point, disc = read("labelstudio", write_files(tmp_path / "s", files)).objects
    np.testing.assert_array_equal(disc.mask, mask_of(".#....", "###...", ".#....", "......"))
    assert box.prompts[0].box is not None
    assert box.prompts[0].box.tolist() == [3, 1, 6, 3]
    assert point.prompts[0].points.tolist() == [[3, 2]]

    shapes = [
        {"label": "box", "points": [[6, 3], [3, 1]], "shape_type": "rectangle"},
        {"label": "4", "points": [[3, 1], [6, 1], [6, 3], [3, 3]], "shape_type": "rectangle"},
        {"label": "point", "points": [[3, 2]], "shape_type": "point"},
        {"label": "disc", "points": [[1.5, 1.5], [1.5, 0.4]], "shape_type": "circle"},
    ]
    files = {"a.json": LABELME | {"shapes": shapes}}
    box, four, point, disc = read("labelme", write_files(tmp_path / "l", files)).objects
    assert box.prompts[0].box is not None
    assert box.prompts[0].box.tolist() == [3, 1, 6, 3]
    assert point.prompts[0].points.tolist() == [[3, 2]]
    np.testing.assert_array_equal(disc.mask, mask_of(".#....", "###...", ".#....", "......"))
    assert four.prompts[0].box is not None
    assert four.prompts[0].box.tolist() == [3, 1, 6, 3]

    inner = (
        '<box label="box" xtl="3" ytl="1" xbr="6" ybr="3" rotation="0.000"/>'
        '<points label="p" points="3,2;1,1"/>'
        '<ellipse label="e" cx="1.5" cy="1.5" rx="1.1" ry="1.1"/>'
    )
    xml = f'<annotations><image name="a.png">{inner}</image></annotations>'
    files = {"annotations.xml": xml}
    box, point, disc = read("cvat", write_files(tmp_path / "c", files)).objects
    assert box.prompts[0].box is not None
    assert box.prompts[0].box.tolist() == [3, 1, 6, 3]
    assert point.prompts[0].points.tolist() == [[3, 2], [1, 1]]
    np.testing.assert_array_equal(disc.mask, mask_of(".#....", "###...", ".#....", "......"))

    files = {"Annotations/a.xml": VOC}
    box, dot = read("voc", write_files(tmp_path / "v", files)).objects
    assert box.prompts[0].box is not None
    assert dot.prompts[0].box is not None
    assert (box.prompts[0].box.tolist(), dot.prompts[0].box.tolist()) == (
        [0, 0, 3, 3],
        [5, 3, 6, 4],
    )


def test_points_lines_and_what_has_no_class_in_geojson(tmp_path: Path) -> None:
    def feature(kind: str, corners: object, **properties: object) -> dict[str, object]:
        geometry = {"type": kind, "coordinates": corners}
        return {"type": "Feature", "geometry": geometry, "properties": properties}

    derived = {"names": ["cell", "positive"], "color": [0, 0, 0]}
    features = [
        feature("Point", [3.5, 2], classification=derived),
        feature("MultiPoint", [[1, 1], [2, 2, 0]], label="seen"),
        feature("LineString", [[0, 0], [3, 3]], name="edge"),
        feature("Polygon", [[[0, 0], [1, 0], [1, 1], [0, 0]]]),
        {"type": "Feature", "geometry": None, "properties": {"name": "nothing"}},
    ]
    path = write_files(tmp_path, {"a.geojson": features}) / "a.geojson"
    left_out = LeftOut()
    source = load_reader("geojson")(path, ReadingOptions(), left_out)
    (image,) = read_images(source, PICTURES, left_out)
    cell, seen = image.objects
    assert (cell.label, seen.label) == ("cell: positive", "seen")
    assert cell.prompts[0].points.tolist() == [[3.5, 2]]
    assert seen.prompts[0].points.tolist() == [[1, 1], [2, 2]]
    told = {tally.kind.key: tally.count for tally in left_out.tallies()}
    assert told == {"line": 1, "no label": 1, "malformed": 1}


def test_boxes_of_hugging_face_and_of_tables(tmp_path: Path) -> None:
    row = {"file_name": "a.png", "objects": {"bbox": [[3, 1, 3, 2]], "categories": [7]}}
    folder = write_files(tmp_path / "hf", {"metadata.jsonl": json.dumps(row)})
    (found,) = read("hf", folder).objects
    assert found.label == "7"
    assert found.prompts[0].box is not None
    assert found.prompts[0].box.tolist() == [3, 1, 6, 3]
    head = "filename;width;height;class;xmin;ymin;xmax;ymax\n"  # as a spreadsheet saves it
    table = write_files(tmp_path / "t", {"x.csv": "\ufeff" + head + "a.png;6;4;box;3;1;6;3\n"})
    (found,) = read("csv", table / "x.csv").objects
    assert found.label == "box"
    assert found.prompts[0].box is not None
    assert found.prompts[0].box.tolist() == [3, 1, 6, 3]


def test_voc_without_a_label_map_has_the_twenty_classes(tmp_path: Path) -> None:
    aeroplane = voc_png(np.where(DOT, 3, RING).astype(np.uint8))  # 3 is VOC's border colour here
    files: dict[str, str | bytes | object] = {
        "Annotations/a.xml": "<annotation><filename>a.png</filename></annotation>",
        "SegmentationClass/a.png": aeroplane,
    }
    found = masks_by_label(read("voc", write_files(tmp_path, files)))
    assert list(found) == ["aeroplane"]
    np.testing.assert_array_equal(found["aeroplane"], RING)


def test_what_is_written_is_as_documented(tmp_path: Path) -> None:
    exported = set_of(image_of("a.png", {1: RING, 2: DOT}, (4, 6)))
    for name in ("coco", "cvat", "yolo", "labelme", "voc", "geojson", "hf", "csv"):
        (tmp_path / name).mkdir()
        load_writer(name).write(exported, tmp_path / name, ExportOptions())
    coco = json.loads((tmp_path / "coco/annotations/instances_default.json").read_text())
    # Column-major runs by hand: 3 on, then the single pixels of the hole's column, 3 on, rest.
    assert coco["annotations"][0]["bbox"] == [0, 0, 3, 3]
    assert coco["annotations"][0]["area"] == 8
    assert coco["annotations"][1]["bbox"] == DOT_BOX
    cvat = (tmp_path / "cvat/annotations.xml").read_text("utf-8")
    assert 'rle="0, 4, 1, 4" left="0" top="0" width="3" height="3"' in cvat
    assert 'rle="0, 1" left="5" top="3" width="1" height="1"' in cvat
    rows = (tmp_path / "yolo/labels/train/a.txt").read_text().splitlines()
    assert rows[1] == "1 0.8333333333 0.75 1 0.75 1 1 0.8333333333 1"
    shape = json.loads((tmp_path / "labelme/a.json").read_text())["shapes"][0]
    assert shape["points"] == [[0, 0], [2, 2]]  # inclusive corners
    xml = (tmp_path / "voc/Annotations/a.xml").read_text()
    assert "<xmin>6</xmin><ymin>4</ymin><xmax>6</xmax><ymax>4</ymax>" in xml
    assert (tmp_path / "voc/labelmap.txt").read_text() == (
        "background:0,0,0::\nobject 1:128,0,0::\nobject 2:0,128,0::\n"
    )
    features = json.loads((tmp_path / "geojson/annotations/a.geojson").read_text())["features"]
    ring, dot = (feature["geometry"] for feature in features)
    assert [len(part) for part in ring["coordinates"]] == [5, 5]  # outline and hole, both closed
    assert dot == {"type": "Polygon", "coordinates": [[[5, 3], [6, 3], [6, 4], [5, 4], [5, 3]]]}
    assert features[1]["properties"]["classification"]["name"] == "object 2"
    (row,) = (tmp_path / "hf/train/metadata.jsonl").read_text().splitlines()
    objects = json.loads(row)["objects"]
    assert objects["counts"] == HF_ROW["objects"]["counts"]
    assert (objects["bbox"], objects["category"]) == ([[0, 0, 3, 3], DOT_BOX], [0, 1])
    head, ring_row, dot_row = (tmp_path / "csv/instances.csv").read_text("utf-8-sig").splitlines()
    assert head.startswith("image,split,label,object_id,name,score,intensity_mean,area,bbox-0,")
    assert ring_row.startswith("a.png,,1,1,object 1,0.5,,8,0,0,3,3,1.0,1.0,")
    assert dot_row.startswith("a.png,,2,2,object 2,0.5,,1,3,5,4,6,3.0,5.0,")
    assert (tmp_path / "csv/images.csv").read_text("utf-8-sig").splitlines() == [
        "image,split,width,height,instances,area",
        "a.png,,6,4,2,9",
    ]
