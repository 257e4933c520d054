"""What is written comes back bit for bit, through every pair of writer and reader."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from formats_support import assert_same_masks, image_of, known, labeled_sets, set_of
from maskcast.interchange.formats import FORMATS, load_format
from maskcast.interchange.formats.records import (
    LabeledImage,
    LabeledObject,
    LabeledSet,
    WriteOptions,
)
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
]


def write_and_read(name: str, labeled: LabeledSet, folder: Path, polygons: bool) -> LabeledSet:
    chosen = load_format(name)
    chosen.write(labeled, folder, WriteOptions(polygons=polygons))
    return chosen.read(folder, known(labeled.images))


@pytest.mark.parametrize(("name", "names", "polygons"), OVERLAPPING)
def test_masks_that_may_overlap(
    tmp_path_factory: pytest.TempPathFactory,
    name: str,
    names: st.SearchStrategy[str],
    polygons: bool,
) -> None:
    @EXAMPLES
    @given(labeled_sets(names))
    def check(labeled: LabeledSet) -> None:
        read = write_and_read(name, labeled, tmp_path_factory.mktemp(name), polygons)
        assert_same_masks(read.images, labeled.images)

    check()


@EXAMPLES
@given(labeled_sets(SAFE_TEXT, disjoint=True))
def test_voc_keeps_masks_that_do_not_overlap(
    tmp_path_factory: pytest.TempPathFactory, labeled: LabeledSet
) -> None:
    read = write_and_read("voc", labeled, tmp_path_factory.mktemp("voc"), False)
    assert_same_masks(read.images, labeled.images)


@EXAMPLES
@given(labeled_sets(ANY_TEXT, disjoint=True))
def test_label_maps_keep_masks_that_do_not_overlap_and_their_ids(
    tmp_path_factory: pytest.TempPathFactory, labeled: LabeledSet
) -> None:
    read = write_and_read("masks", labeled, tmp_path_factory.mktemp("masks"), False)
    images = list(read.images)
    assert_same_masks(images, labeled.images)
    ids = {one.label: one.object_id for image in images for one in image.objects}
    assert ids.items() <= {spec.name: spec.object_id for spec in labeled.specs}.items()


@EXAMPLES
@given(labeled_sets(ANY_TEXT))
def test_yolo_boxes_go_round_the_masks(
    tmp_path_factory: pytest.TempPathFactory, labeled: LabeledSet
) -> None:
    read = write_and_read("yolo-detect", labeled, tmp_path_factory.mktemp("yolo"), False)
    found = {image.image_id: image for image in read.images}
    for image in labeled.images:
        boxes = [one.prompts.box for one in found[image.image_id].objects]
        assert len(boxes) == len(image.objects)
        for box, one in zip(boxes, image.objects, strict=True):
            assert box is not None
            assert one.mask is not None
            corners = np.argwhere(one.mask)[:, ::-1]
            expected = [*corners.min(axis=0), *(corners.max(axis=0) + 1)]
            assert box.tolist() == pytest.approx(expected, abs=1e-4)


def test_names_that_voc_cannot_hold_are_changed_and_counted(tmp_path: Path) -> None:
    names = ["a:b", "a_b", " c ", "background", "#d", "\x01", "ok"]
    specs = tuple(ObjectSpec(key, name, (1, 2, 3)) for key, name in enumerate(names, 1))
    mask = np.ones((1, 1), np.bool_)
    objects = (LabeledObject("a:b", mask, 1),)
    labeled = LabeledSet([LabeledImage("a.png", 1, 1, objects, "a")], specs)
    told = load_format("voc").write(labeled, tmp_path, WriteOptions())
    assert any("5 names changed" in sentence for sentence in told)
    lines = (tmp_path / "labelmap.txt").read_text("utf-8").splitlines()[1:]
    written = [line.rpartition(":")[0].rpartition(":")[0].rpartition(":")[0] for line in lines]
    assert len(set(written)) == len(names)
    assert written[-1] == "ok"
    read = load_format("voc").read(tmp_path, known(labeled.images))
    assert [one.label for image in read.images for one in image.objects] == [written[0]]


def test_control_characters_are_changed_in_xml_and_counted(tmp_path: Path) -> None:
    specs = (ObjectSpec(1, "a\x01b", (1, 2, 3)),)
    objects = (LabeledObject("a\x01b", np.ones((1, 1), np.bool_), 1),)
    labeled = LabeledSet([LabeledImage("a.png", 1, 1, objects, "a")], specs)
    told = load_format("cvat").write(labeled, tmp_path, WriteOptions())
    assert any("1 name changed" in sentence for sentence in told)
    (image,) = load_format("cvat").read(tmp_path, known(labeled.images)).images
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
    objects = tuple(LabeledObject(name, mask, key) for key, name in enumerate(names, 1))
    labeled = LabeledSet([LabeledImage("a.png", 1, 1, objects, "a")], specs)
    load_format("yolo").write(labeled, tmp_path, WriteOptions())
    read = load_format("yolo").read(tmp_path, known(labeled.images))
    assert [one.label for image in read.images for one in image.objects] == names


@pytest.mark.parametrize("name", [name for name in FORMATS if name != "yolo-detect"])
@pytest.mark.parametrize("polygons", [False, True])
def test_255_objects_of_one_pixel_each(tmp_path: Path, name: str, polygons: bool) -> None:
    masks = {key: np.arange(256).reshape(16, 16) == key for key in range(1, 256)}
    labeled = set_of(image_of("a.png", masks, (16, 16)))
    read = write_and_read(name, labeled, tmp_path, polygons)
    assert_same_masks(read.images, labeled.images)
