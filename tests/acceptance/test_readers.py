"""Every export, loaded with the reader that its format's own tools use.

pycocotools and supervision are in the test environment; the others cannot share one with it, and
run in the environment that ``make readers`` makes.
"""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import unquote

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from scipy import ndimage

from finished import SIZE, finished_project
from formats_support import decode_brush, encode_brush, mask_of
from maskcast.interchange.exporting import export_project
from maskcast.interchange.formats import FORMATS
from maskcast.interchange.options import ExportOptions, InstanceChoice, PictureMode
from maskcast.interchange.readback import check_export
from maskcast.polygons import trace_simple_parts
from maskcast.project.folder import ProjectFolder

Mask = npt.NDArray[np.bool_]
Expected = dict[str, dict[str, Mask]]

# How other people's packages do their work is not ours to judge.
pytestmark = pytest.mark.filterwarnings("ignore")

RING = mask_of("########", "#......#", "#.##.#.#", "#.##...#", "#......#", "########")
DOT = mask_of("........", "........", "........", "........", "....#...", "........")
SPECKS = mask_of("#......#", ".#......", "........", "...##...", "........", "#......#")
FULL = np.ones(SIZE, np.bool_)
NAMES = {1: '흠집, "deep" & <wide>', 2: "scratch's", 3: " two\r\nlines: ", 255: "last"}
VOC_NAMES = {**NAMES, 3: "two__lines_"}  # what labelmap.txt can hold
FOUND: dict[str, dict[int, Mask]] = {
    "a.png": {1: RING, 255: DOT},
    "a.jpg": {2: SPECKS},
    "한글 이름, 'b'.png": {1: RING, 2: FULL},
    "nothing.png": {},
    "deep/a.png": {3: SPECKS},
    "splits.png": {3: DOT},
}
FILES = {"a.png": "a.png.png", "a.jpg": "a.jpg.jpg"}


@pytest.fixture
def project(tmp_path: Path) -> ProjectFolder:
    return named_project(tmp_path / "project", FOUND)


def named_project(root: Path, found: dict[str, dict[int, Mask]]) -> ProjectFolder:
    opened = finished_project(root, found)
    objects = "".join(
        f"[[objects]]\nid = {key}\nname = {json.dumps(name, ensure_ascii=False)}\n"
        for key, name in NAMES.items()
    )
    (opened.root / "maskcast.toml").write_text(objects, encoding="utf-8")
    return ProjectFolder.open(opened.root)


def export(
    project: ProjectFolder,
    name: str,
    folder: Path,
    polygons: bool = False,
    instances: InstanceChoice = "auto",
) -> Path:
    options = ExportOptions(pictures="copy", polygons=polygons, instances=instances)
    export_project(project, name, folder / "export", options)
    return folder / "export"


def expected_masks(
    found: dict[str, dict[int, Mask]] = FOUND, names: dict[int, str] = NAMES
) -> Expected:
    """Name of the picture in the export, without suffix -> class name -> mask."""
    return {
        FILES.get(image_id, image_id).rpartition(".")[0]: {
            names[key]: mask for key, mask in masks.items()
        }
        for image_id, masks in found.items()
    }


def add(seen: Expected, image: str, name: str, mask: Mask) -> None:
    """Join an instance to the others of its class; it is one region and overlaps none of them."""
    _, parts = ndimage.label(mask, np.ones((3, 3)))
    assert parts == 1
    masks = seen.setdefault(image, {})
    joined = masks.get(name, np.zeros_like(mask))
    assert not (joined & mask).any()
    masks[name] = joined | mask


def boxes_of(mask: Mask) -> list[tuple[int, int, int, int]]:
    """``xmin, ymin, xmax, ymax`` round each of its parts, as scipy tells them."""
    labels, _ = ndimage.label(mask, np.ones((3, 3)))
    places = ndimage.find_objects(labels)
    return sorted((x.start, y.start, x.stop, y.stop) for y, x in places)


def assert_equal(actual: Expected, expected: Expected) -> None:
    assert actual.keys() == expected.keys()
    for image, masks in expected.items():
        assert actual[image].keys() == masks.keys(), image
        for name, mask in masks.items():
            np.testing.assert_array_equal(actual[image][name], mask, f"{image}: {name}")


def visible(masks: dict[int, Mask]) -> dict[int, Mask]:
    """What is left where a pixel holds one object and the smaller one is on top."""
    covered = np.zeros(SIZE, np.bool_)
    left = {}
    for key, mask in sorted(masks.items(), key=lambda one: np.count_nonzero(one[1])):
        left[key] = mask & ~covered
        covered |= mask
    return left


@pytest.mark.parametrize("polygons", [False, True])
def test_pycocotools_sees_the_masks_of_coco(
    project: ProjectFolder, tmp_path: Path, polygons: bool
) -> None:
    pycocotools = pytest.importorskip("pycocotools.coco")
    folder = export(project, "coco", tmp_path, polygons)
    coco = pycocotools.COCO(str(folder / "annotations/instances_default.json"))
    assert {one["id"]: one["name"] for one in coco.cats.values()} == NAMES
    seen: Expected = {}
    for image in coco.imgs.values():
        assert (folder / "images" / image["file_name"]).is_file()
        stem = image["file_name"].rpartition(".")[0]
        seen[stem] = {}
        for entry in coco.imgToAnns[image["id"]]:
            mask = coco.annToMask(entry).astype(np.bool_)
            add(seen, stem, coco.cats[entry["category_id"]]["name"], mask)
            assert entry["area"] == mask.sum()
            assert (entry["iscrowd"], entry["score"]) == (0, 0.75)
            ((xmin, ymin, xmax, ymax),) = boxes_of(mask)
            assert entry["bbox"] == [xmin, ymin, xmax - xmin, ymax - ymin]
    assert_equal(seen, expected_masks())


def datumaro_items(folder: Path, name: str, **options: str) -> tuple[list[Any], list[str]]:
    datumaro: ModuleType = pytest.importorskip("datumaro")
    dataset = datumaro.Dataset.import_from(str(folder), name, **options)
    labels = next(value for key, value in dataset.categories().items() if key.name == "label")
    return list(dataset), [label.name for label in labels.items]


def datumaro_masks(items: list[Any], labels: list[str]) -> Expected:
    seen: Expected = {item.id: {} for item in items}
    for item in items:
        for shape in item.annotations:
            if shape.type.name == "mask":
                add(seen, item.id, labels[shape.label], np.asarray(shape.image, np.bool_))
    return seen


def test_datumaro_sees_the_masks_of_coco(project: ProjectFolder, tmp_path: Path) -> None:
    items, labels = datumaro_items(export(project, "coco", tmp_path), "coco")
    assert labels == list(NAMES.values())
    assert_equal(datumaro_masks(items, labels), expected_masks())


def test_datumaro_sees_the_masks_of_cvat(project: ProjectFolder, tmp_path: Path) -> None:
    items, labels = datumaro_items(export(project, "cvat", tmp_path), "cvat")
    assert labels == list(NAMES.values())
    assert_equal(datumaro_masks(items, labels), expected_masks())


def test_datumaro_sees_polygons_of_cvat_round_the_parts(
    project: ProjectFolder, tmp_path: Path
) -> None:
    folder = export(project, "cvat", tmp_path, polygons=True, instances="one")
    items, _ = datumaro_items(folder, "cvat")
    (specks,) = (item for item in items if item.id == "a.jpg")
    boxes = sorted(tuple(one.get_bbox()) for one in specks.annotations)
    # x, y, width, height; two pixels that touch at a corner are one part.
    assert boxes == [(0, 0, 2, 2), (0, 5, 1, 1), (3, 3, 2, 1), (7, 0, 1, 1), (7, 5, 1, 1)]
    assert {one.group for one in specks.annotations} == {2}


def test_datumaro_sees_masks_and_boxes_of_voc(project: ProjectFolder, tmp_path: Path) -> None:
    folder = export(project, "voc", tmp_path)
    items, labels = datumaro_items(folder, "voc", coordinate_mode="voc-one-based")
    assert labels == ["background", *VOC_NAMES.values()]
    shown = {image_id: visible(masks) for image_id, masks in FOUND.items()}
    assert_equal(datumaro_masks(items, labels), expected_masks(shown, VOC_NAMES))
    for item in items:
        boxes: dict[str, list[tuple[float, ...]]] = {}
        for shape in item.annotations:
            if shape.type.name == "bbox":
                x, y, width, height = shape.get_bbox()
                boxes.setdefault(labels[shape.label], []).append((x, y, x + width, y + height))
        expected = expected_masks(FOUND, VOC_NAMES)[item.id]
        assert {name: sorted(found) for name, found in boxes.items()} == {
            name: boxes_of(mask) for name, mask in expected.items()
        }


def test_supervision_sees_boxes_of_voc(project: ProjectFolder, tmp_path: Path) -> None:
    supervision = pytest.importorskip("supervision")
    folder = export(project, "voc", tmp_path)
    dataset = supervision.DetectionDataset.from_pascal_voc(
        str(folder / "JPEGImages"), str(folder / "Annotations")
    )
    boxes = {
        Path(path).stem: sorted(map(tuple, detections.xyxy.tolist()))
        for path, _, detections in dataset
    }
    assert boxes["a.png"] == sorted([*boxes_of(RING), *boxes_of(DOT)])
    assert boxes["nothing"] == []


def test_datumaro_sees_boxes_of_yolo(tmp_path: Path) -> None:
    # It takes the folders of pictures for parts of the set, so here are none.
    flat = {image_id: masks for image_id, masks in FOUND.items() if "/" not in image_id}
    project = named_project(tmp_path / "project", flat)
    items, labels = datumaro_items(export(project, "yolo-detect", tmp_path), "yolo")
    assert labels == list(NAMES.values())
    boxes = {item.id: [shape.get_bbox() for shape in item.annotations] for item in items}
    assert boxes["nothing"] == []
    assert boxes["a.png"][0] == pytest.approx((0, 0, 8, 6))
    assert boxes["a.png"][-1] == pytest.approx((4, 4, 1, 1))
    assert len(boxes["a.png"]) == len(boxes_of(RING)) + 1


@pytest.mark.parametrize("name", ["yolo", "yolo-detect"])
def test_supervision_sees_yolo(project: ProjectFolder, tmp_path: Path, name: str) -> None:
    supervision = pytest.importorskip("supervision")
    folder = export(project, name, tmp_path)
    dataset = supervision.DetectionDataset.from_yolo(
        str(folder / "images/train"), str(folder / "labels/train"), str(folder / "data.yaml")
    )
    assert dataset.classes == list(NAMES.values())
    seen = {Path(path).stem: detections for path, _, detections in dataset}
    assert len(seen["nothing"]) == 0
    assert seen["a.png"].xyxy[-1].tolist() == pytest.approx([4, 4, 5, 5])
    assert seen["a.png"].class_id[-1] == 3
    parts = seen["a.jpg"].xyxy.round(4).tolist()
    assert sorted(map(tuple, parts)) == boxes_of(SPECKS)
    assert boxes_of(SPECKS)[0] == (0, 0, 2, 2)  # two pixels that touch at a corner


@pytest.mark.parametrize("polygons", [False, True])
def test_labelme_sees_its_files(project: ProjectFolder, tmp_path: Path, polygons: bool) -> None:
    labelme = pytest.importorskip("labelme")
    folder = export(project, "labelme", tmp_path, polygons)
    seen: Expected = {}
    for path in folder.rglob("*.json"):
        file = labelme.LabelFile(str(path))  # reads the picture and compares its size
        name = path.relative_to(folder).as_posix().removesuffix(".json")
        seen[name] = {}
        for shape in file.shapes:
            if polygons:
                assert len(shape["points"]) >= 3
                seen[name][shape["label"]] = FULL  # it draws polygons too wide to compare pixels
            else:
                (left, top), (right, bottom) = shape["points"]
                mask = np.zeros(SIZE, np.bool_)
                mask[top : bottom + 1, left : right + 1] = shape["mask"]
                add(seen, name, shape["label"], mask)
    if polygons:
        expected = expected_masks()
        assert {key: one.keys() for key, one in seen.items()} == {
            key: one.keys() for key, one in expected.items()
        }
    else:
        assert_equal(seen, expected_masks())


def test_label_studio_sees_the_brushes(project: ProjectFolder, tmp_path: Path) -> None:
    brush = pytest.importorskip("label_studio_sdk.converter.brush")
    folder = export(project, "labelstudio", tmp_path)
    seen: Expected = {}
    for task in json.loads((folder / "tasks.json").read_text("utf-8")):
        results = task["predictions"][0]["result"]
        address = task["data"]["image"].removeprefix("/data/local-files/?d=")
        path = unquote(address)
        assert (folder / path).is_file()
        stem = path.removeprefix("images/").rpartition(".")[0]
        seen[stem] = {}
        for result in results:
            size = result["original_height"], result["original_width"], 4
            shown = brush.decode_rle(result["value"]["rle"]).reshape(size)[..., 3] > 0
            add(seen, stem, result["value"]["brushlabels"][0], shown)
    assert_equal(seen, expected_masks())


@pytest.mark.parametrize("density", [0.001, 0.1, 0.5])
def test_brush_codes_are_the_bytes_of_label_studio(density: float) -> None:
    brush = pytest.importorskip("label_studio_sdk.converter.brush")
    mask = np.random.default_rng(0).random((300, 301)) < density
    theirs = brush.mask2rle(mask.astype(np.uint8) * 255)
    assert list(encode_brush(mask)) == theirs
    np.testing.assert_array_equal(decode_brush(theirs, (300, 301)), mask)


def test_pillow_sees_the_label_maps(project: ProjectFolder, tmp_path: Path) -> None:
    folder = export(project, "masks", tmp_path)
    with Image.open(folder / "masks/a.png.png") as image:
        assert image.mode == "P"
        np.testing.assert_array_equal(np.asarray(image), np.where(DOT, 255, RING))


def test_pandas_sees_the_tables(project: ProjectFolder, tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    folder = export(project, "csv", tmp_path)
    table = pandas.read_csv(folder / "instances.csv", keep_default_na=False)
    seen: dict[tuple[str, str], list[tuple[int, ...]]] = {}
    for row in table.to_dict("records"):
        top, left, bottom, right = (row[f"bbox-{number}"] for number in range(4))
        seen.setdefault((row["image"], row["name"]), []).append((left, top, right, bottom))
    assert {key: sorted(boxes) for key, boxes in seen.items()} == {
        (image_id, NAMES[key]): boxes_of(mask)
        for image_id, masks in FOUND.items()
        for key, mask in masks.items()
    }
    assert sorted(pandas.read_csv(folder / "images.csv")["image"]) == sorted(FOUND)


def test_shapely_sees_valid_polygons_of_geojson(project: ProjectFolder, tmp_path: Path) -> None:
    shapely = pytest.importorskip("shapely")
    folder = export(project, "geojson", tmp_path)
    height, width = SIZE
    pixels = [shapely.Point(x + 0.5, y + 0.5) for y in range(height) for x in range(width)]
    seen: Expected = {}
    for path in (folder / "annotations").rglob("*.geojson"):
        content = json.loads(path.read_text("utf-8"))
        stem = content["image"]["file_name"].rpartition(".")[0]
        assert (folder / "images" / content["image"]["file_name"]).is_file()
        seen[stem] = {}
        for feature in content["features"]:
            shape = shapely.from_geojson(json.dumps(feature["geometry"]))
            assert shape.is_valid
            mask = np.array([shape.contains(pixel) for pixel in pixels]).reshape(SIZE)
            assert shape.area == mask.sum() == feature["properties"]["measurements"]["area"]
            add(seen, stem, feature["properties"]["classification"]["name"], mask)
    assert_equal(seen, expected_masks())


@pytest.mark.parametrize("density", [0.3, 0.5, 0.7])
def test_outlines_of_any_mask_are_valid_to_shapely(density: float) -> None:
    shapely = pytest.importorskip("shapely")
    rng = np.random.default_rng(0)
    for _ in range(50):
        mask = rng.random((9, 9)) < density
        parts = trace_simple_parts(mask)
        shape = shapely.MultiPolygon([(part.outer, part.holes) for part in parts])
        assert shapely.is_valid_reason(shape) == "Valid Geometry"
        assert shape.area == mask.sum()


def test_datasets_sees_hf(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    # It takes any folder called like a split for one, unless the card says what they are.
    project = named_project(tmp_path / "project", {**FOUND, "test/b.png": {1: RING}})
    folder = export(project, "hf", tmp_path)
    loaded = datasets.load_dataset(str(folder), cache_dir=str(tmp_path / "cache"))
    assert list(loaded) == ["train"]
    sizes = {row["image"].size for row in loaded["train"]}
    assert sizes == {(SIZE[1], SIZE[0])}
    maps = sorted(np.asarray(row["mask"]).tobytes() for row in loaded["train"])
    expected = []
    for masks in ({"": {}, **FOUND, "b": {1: RING}}).values():
        shown = np.zeros(SIZE, np.uint8)
        for key, mask in visible(masks).items():
            shown[mask] = key
        expected.append(shown.tobytes())
    assert maps == sorted(expected[1:])
    seen: dict[str, list[int]] = {}
    for row in loaded["train"]:
        for name, area in zip(row["objects"]["name"], row["objects"]["area"], strict=True):
            seen.setdefault(name, []).append(area)
    assert sum(seen[NAMES[2]]) == SPECKS.sum() + FULL.sum()


def test_pycocotools_sees_the_codes_of_hf(project: ProjectFolder, tmp_path: Path) -> None:
    coder = pytest.importorskip("pycocotools.mask")
    folder = export(project, "hf", tmp_path)
    seen: Expected = {}
    for line in (folder / "train/metadata.jsonl").read_text("utf-8").splitlines():
        row = json.loads(line)
        stem = row["file_name"].removeprefix("images/").rpartition(".")[0]
        seen[stem] = {}
        for name, counts in zip(row["objects"]["name"], row["objects"]["counts"], strict=True):
            code = {"size": [row["height"], row["width"]], "counts": counts}
            add(seen, stem, name, coder.decode(code).astype(np.bool_))
    assert_equal(seen, expected_masks())


@pytest.mark.parametrize("pictures", ["copy", "none"])
def test_fiftyone_sees_masks_and_scores(
    project: ProjectFolder, tmp_path: Path, pictures: PictureMode
) -> None:
    coco = pytest.importorskip("fiftyone.utils.coco")  # its importer; a data set needs MongoDB
    folder = tmp_path / "export"
    export_project(project, "fiftyone", folder, ExportOptions(pictures=pictures))
    seen: Expected = {}
    importer = coco.COCODetectionDatasetImporter(
        dataset_dir=str(folder), label_types="segmentations"
    )
    top = folder / "data" if pictures == "copy" else project.targets_folder
    with importer:
        assert importer.get_dataset_info()["classes"] == list(NAMES.values())
        for path, metadata, label in importer:
            assert Path(path).is_file()
            assert (metadata.height, metadata.width) == SIZE
            name = Path(path).relative_to(top.resolve()).as_posix()
            stem = FILES.get(name, name).rpartition(".")[0]
            seen[stem] = {}
            for detection in label.detections if label is not None else ():
                assert detection.confidence == 0.75
                x, y, width, height = np.multiply(detection.bounding_box, [*SIZE[::-1]] * 2)
                mask = np.zeros(SIZE, np.bool_)
                rows = slice(round(y), round(y + height))
                mask[rows, round(x) : round(x + width)] = detection.mask
                add(seen, stem, detection.label, mask)
    assert_equal(seen, expected_masks())


READERS = {
    "coco": "pycocotools",
    "yolo": "supervision",
    "yolo-detect": "supervision",
    "voc": "datumaro",
    "labelme": "labelme",
    "cvat": "datumaro",
    "labelstudio": "label_studio_sdk",
    "masks": "PIL",
    "csv": "pandas",
    "geojson": "shapely",
    "hf": "datasets",
    "fiftyone": "fiftyone",
}


@pytest.mark.parametrize("instances", ["components", "one"])
@pytest.mark.parametrize("polygons", [False, True])
@pytest.mark.parametrize("name", FORMATS)
def test_check_finds_what_was_exported(
    project: ProjectFolder,
    tmp_path: Path,
    name: str,
    polygons: bool,
    instances: InstanceChoice,
) -> None:
    pytest.importorskip(READERS[name])
    options = ExportOptions(
        pictures="copy", split=(0.5, 0.5), polygons=polygons, instances=instances
    )
    summary = export_project(project, name, tmp_path / "export", options)
    assert "6 images" in check_export(summary)
