"""What is written comes back bit for bit, through every pair of writer and reader."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from formats_support import (
    assert_same_masks,
    exported_sets,
    image_of,
    instances_of,
    known,
    read_all,
    set_of,
)
from maskcast.interchange.formats import load_writer
from maskcast.interchange.formats.writing import ExportedImage, ExportedSet
from maskcast.interchange.options import ExportOptions
from maskcast.interchange.reading.joining import ReadImage
from maskcast.interchange.reading.readers import READ_FORMATS
from maskcast.types import ObjectSpec

ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)
# XML 1.0 cannot hold these; what becomes of them is tested apart.
NOT_IN_XML = "".join(map(chr, [*range(9), 11, 12, *range(14, 32), 0xFFFE, 0xFFFF]))
XML_TEXT = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters=NOT_IN_XML), min_size=1, max_size=8
)
SAFE_TEXT = XML_TEXT.filter(
    lambda text: text == text.strip() and not set(text) & set(":\r\n") and text[0] != "#"
)
EXAMPLES = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
MASK_FORMATS = [name for name in READ_FORMATS if name not in {"yolo-detect", "csv"}]
OVERLAPPING = [
    ("coco", ANY_TEXT, False),
    ("coco", ANY_TEXT, True),
    ("yolo", ANY_TEXT, False),
    ("labelme", ANY_TEXT, False),
    ("labelme", ANY_TEXT, True),
    ("cvat", XML_TEXT, False),
    ("cvat", XML_TEXT, True),
    ("labelstudio", XML_TEXT, False),
    ("labelstudio", XML_TEXT, True),
    ("geojson", ANY_TEXT, False),
    ("hf", ANY_TEXT, False),
    ("fiftyone", ANY_TEXT, False),
    ("fiftyone", ANY_TEXT, True),
]


def write_and_read(
    name: str, exported: ExportedSet, folder: Path, polygons: bool
) -> list[ReadImage]:
    load_writer(name).write(exported, folder, ExportOptions(polygons=polygons))
    return read_all(name, folder, known(exported.images))


@pytest.mark.parametrize(("name", "names", "polygons"), OVERLAPPING)
def test_masks_that_may_overlap(
    tmp_path_factory: pytest.TempPathFactory,
    name: str,
    names: st.SearchStrategy[str],
    polygons: bool,
) -> None:
    @EXAMPLES
    @given(exported_sets(names))
    def check(exported: ExportedSet) -> None:
        read = write_and_read(name, exported, tmp_path_factory.mktemp(name), polygons)
        assert_same_masks(read, exported.images)

    check()


@EXAMPLES
@given(exported_sets(SAFE_TEXT, disjoint=True))
def test_voc_keeps_masks_that_do_not_overlap(
    tmp_path_factory: pytest.TempPathFactory, exported: ExportedSet
) -> None:
    read = write_and_read("voc", exported, tmp_path_factory.mktemp("voc"), False)
    assert_same_masks(read, exported.images)


@EXAMPLES
@given(exported_sets(ANY_TEXT, disjoint=True))
def test_label_maps_keep_masks_that_do_not_overlap_and_their_ids(
    tmp_path_factory: pytest.TempPathFactory, exported: ExportedSet
) -> None:
    read = write_and_read("masks", exported, tmp_path_factory.mktemp("masks"), False)
    images = list(read)
    assert_same_masks(images, exported.images)
    ids = {one.label: one.object_id for image in images for one in image.objects}
    assert ids.items() <= {spec.name: spec.object_id for spec in exported.specs}.items()


@pytest.mark.parametrize("name", ["yolo-detect", "csv"])
@EXAMPLES
@given(exported=exported_sets(ANY_TEXT))
def test_boxes_go_round_the_masks(
    tmp_path_factory: pytest.TempPathFactory, name: str, exported: ExportedSet
) -> None:
    read = write_and_read(name, exported, tmp_path_factory.mktemp("boxes"), False)
    found = {image.image_id: image for image in read}
    for image in exported.images:
        things = found[image.image_id].objects
        boxes = [prompts.box for thing in things for prompts in thing.prompts]
        assert len(boxes) == len(image.instances)
        for box, found_one in zip(boxes, image.instances, strict=True):
            assert box is not None
            corners = np.argwhere(found_one.cutout.on(image.size))[:, ::-1]
            expected = [*corners.min(axis=0), *(corners.max(axis=0) + 1)]
            assert box.tolist() == pytest.approx(expected, abs=1e-4)


def test_names_that_voc_cannot_hold_are_changed_and_counted(tmp_path: Path) -> None:
    names = ["a:b", "a_b", " c ", "background", "#d", "\x01", "ok"]
    specs = tuple(ObjectSpec(key, name, (1, 2, 3)) for key, name in enumerate(names, 1))
    mask = np.ones((1, 1), np.bool_)
    instances = tuple(instances_of("a:b", 1, mask))
    exported = ExportedSet([ExportedImage("a.png", 1, 1, instances, "a")], specs)
    told = load_writer("voc").write(exported, tmp_path, ExportOptions())
    assert any("5 names changed" in sentence for sentence in told)
    lines = (tmp_path / "labelmap.txt").read_text("utf-8").splitlines()[1:]
    written = [line.rpartition(":")[0].rpartition(":")[0].rpartition(":")[0] for line in lines]
    assert len(set(written)) == len(names)
    assert written[-1] == "ok"
    read = read_all("voc", tmp_path, known(exported.images))
    assert [one.label for image in read for one in image.objects] == [written[0]]


def test_control_characters_are_changed_in_xml_and_counted(tmp_path: Path) -> None:
    specs = (ObjectSpec(1, "a\x01b", (1, 2, 3)),)
    instances = tuple(instances_of("a\x01b", 1, np.ones((1, 1), np.bool_)))
    exported = ExportedSet([ExportedImage("a.png", 1, 1, instances, "a")], specs)
    told = load_writer("cvat").write(exported, tmp_path, ExportOptions())
    assert any("1 name changed" in sentence for sentence in told)
    (image,) = read_all("cvat", tmp_path, known(exported.images))
    assert [one.label for one in image.objects] == ["a_b"]


def test_yolo_keeps_any_name(tmp_path: Path) -> None:
    names = [
        "\x85",
        "\x00\n\t ",
        "\u2028\ufeff",
        "\U0001f600",
        "'\"\\: #- {}",
        "yes",
        "1",
        "x" * 500,
    ]
    specs = tuple(ObjectSpec(key, name, (1, 2, 3)) for key, name in enumerate(names, 1))
    mask = np.ones((1, 1), np.bool_)
    instances = [
        found for key, name in enumerate(names, 1) for found in instances_of(name, key, mask)
    ]
    exported = ExportedSet([ExportedImage("a.png", 1, 1, tuple(instances), "a")], specs)
    load_writer("yolo").write(exported, tmp_path, ExportOptions())
    read = read_all("yolo", tmp_path, known(exported.images))
    assert [one.label for image in read for one in image.objects] == names


@pytest.mark.parametrize("name", MASK_FORMATS)
@pytest.mark.parametrize("polygons", [False, True])
def test_255_objects_of_one_pixel_each(tmp_path: Path, name: str, polygons: bool) -> None:
    masks = {key: np.arange(256).reshape(16, 16) == key for key in range(1, 256)}
    exported = set_of(image_of("a.png", masks, (16, 16)))
    read = write_and_read(name, exported, tmp_path, polygons)
    assert_same_masks(read, exported.images)
