"""Names find their picture the way a person would match them."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from formats_support import KnownNames
from import_support import (
    SQUARE,
    Files,
    areas,
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
    yolo_row,
)
from maskcast.errors import AnnotationError
from maskcast.interchange.reading.left_out import Kind, MisfitError

KOREAN = "결함 é.png"
NFC, NFD = (unicodedata.normalize(form, KOREAN) for form in ("NFC", "NFD"))
ONE = 100

FOUND: list[tuple[str, str, Sequence[str]]] = [
    # what the file says, what is meant, the references
    ("a.png", "a.png", ["a.png", "b.png"]),
    (NFD, NFC, [NFC, "b.png"]),
    (NFC, NFD, [NFD, "b.png"]),
    ("DSC_1.JPG", "dsc_1.jpg", ["dsc_1.jpg", "dsc_2.jpg"]),
    ("A.png", "A.png", ["a.png", "A.png"]),
    ("a", "a.png", ["a.png", "ab.png"]),
    ("a.jpg", "a.png", ["a.png"]),
    ("a.jpg", "a.jpg", ["a.png", "a.jpg"]),
    ("A.JPEG", "a.png", ["a.png"]),
    ("img.001", "img.001.png", ["img.001.png", "img.002.png"]),
    ("0.25", "0.25.png", ["0.25.png", "0.5.png"]),
    ("0123abcd-a.png", "a.png", ["a.png"]),
    ("images/0123abcd-a.png", "a.png", ["a.png"]),
    ("0123abcd-a.png", "0123abcd-a.png", ["a.png", "0123abcd-a.png"]),
    ("0123abcd-%EA%B2%B0%ED%95%A8%20%C3%A9.png", NFC, [NFC]),
    ("my%20picture.png", "my picture.png", ["my picture.png"]),
    ("my%20picture.png", "my%20picture.png", ["my picture.png", "my%20picture.png"]),
    ("0123abcd-my_picture_1.png", "my picture (1).png", ["my picture (1).png"]),
    ("part_7_jpg.rf.0123456789abcdef0123456789abcdef.jpg", "part_7.jpg", ["part_7.jpg"]),
    ("a_mask.png", "a.png", ["a.png", "b.png"]),
    ("a-Label.tif", "a.png", ["a.png"]),
    ("a_seg.png", "a.png", ["a.png"]),
    ("a_cp_masks.png", "a.png", ["a.png"]),
    ("a_gtFine_labelIds.png", "a_gtFine.png", ["a_gtFine.png"]),
    ("a_mask.png", "a_mask.png", ["a.png", "a_mask.png"]),
    ("C:\\Users\\me\\line 1\\0001.png", "line 1/0001.png", ["line 1/0001.png", "line 2/0001.png"]),
    ("C:\\pictures\\a.png", "a.png", ["a.png", "b.png"]),
    ("..\\..\\images\\a.png", "a.png", ["a.png"]),
    ("/mnt/data/set/deep/a.png", "deep/a.png", ["deep/a.png", "other/a.png"]),
    ("train/a.png", "deep/a.png", ["deep/a.png"]),
    ("Images/a.png", "deep/a.png", ["deep/a.png"]),
    ("https://host/x/deep/a.png?token=1#y", "deep/a.png", ["deep/a.png"]),
    ("s3://bucket/deep/my%20a.png", "deep/my a.png", ["deep/my a.png"]),
    ("a.*", "a.png", ["a.png"]),
    ("a.jpg.*", "a.jpg", ["a.jpg", "a.png"]),
    ("a_mask.*", "a.png", ["a.png"]),
    ("DEEP/a.*", "deep/a.png", ["deep/a.png", "a.png"]),
    ("Train/a.png", "images/Train/a.png", ["images/Train/a.png", "images/Test/a.png"]),
    ("D:\\x\\Train\\a.png", "images/Train/a.png", ["images/Train/a.png", "images/Test/a.png"]),
    ("a.png", "a.png", ["a.png", "images/a.png"]),
    ("x/line 1/a.png", "images/line 1/a.png", ["images/line 1/a.png", "images/line 2/a.png"]),
    ("line 1/a.png", "day 1/line 1/a.png", ["day 1/line 1/a.png", "day 1/line 2/a.png"]),
    ("a.png ", "a.png", ["a.png", "b.png"]),
    ("a_seg_mask.png", "a.png", ["a.png"]),
    ("a_gtFine_labelIds.png", "a.png", ["a.png"]),
    ("mask_a.png", "a.png", ["a.png"]),
    ("a.jpg.*", "a.png", ["a.png", "b.png"]),
]


@pytest.mark.parametrize(("name", "image_id", "references"), FOUND)
def test_a_picture_is_found(name: str, image_id: str, references: Sequence[str]) -> None:
    assert KnownNames(references).find((name,), "here").image_id == image_id


LEFT_OUT: list[tuple[str, Kind, Sequence[str]]] = [
    ("a.jpg", Kind.AMBIGUOUS, ["a.png", "a.tif"]),
    ("A.png", Kind.AMBIGUOUS, ["a.png", "A.Png"]),
    ("a.png", Kind.AMBIGUOUS, ["x/a.png", "y/a.png"]),
    ("a.*", Kind.AMBIGUOUS, ["a.png", "a.tif"]),
    ("0123abcd-a.png", Kind.AMBIGUOUS, ["x/a.png", "y/a.png"]),
    ("z.png", Kind.PICTURE, ["a.png"]),
    ("ab.png", Kind.PICTURE, ["a.png"]),
    ("line 3/0001.png", Kind.PICTURE, ["line 1/0001.png", "line 2/0001.png"]),
    ("other/a.png", Kind.PICTURE, ["deep/a.png"]),
    ("day 2/line 1/a.png", Kind.PICTURE, ["day 1/line 1/a.png"]),
    ("line 1/a.png", Kind.AMBIGUOUS, ["day 1/line 1/a.png", "day 2/line 1/a.png"]),
    ("mask_.png", Kind.PICTURE, ["a.png"]),
    ("_mask.png", Kind.PICTURE, ["a.png"]),
    ("", Kind.PICTURE, ["a.png"]),
    ("..", Kind.PICTURE, ["a.png"]),
    ("data:image/png;base64,AAAA", Kind.PICTURE, ["a.png"]),
]


@pytest.mark.parametrize(("name", "kind", "references"), LEFT_OUT)
def test_what_is_ambiguous_or_unknown_is_not_guessed(
    name: str, kind: Kind, references: Sequence[str]
) -> None:
    with pytest.raises(MisfitError) as caught:
        KnownNames(references).find((name,), "here")
    assert caught.value.kind is kind


def test_an_ambiguous_name_is_left_out_and_said(tmp_path: Path) -> None:
    project = make_project(tmp_path / "p", "a.png", "x/b.png", "y/b.png")
    files = {
        "a.json": labelme([{"points": SQUARE}]),
        "b.json": labelme([{"points": SQUARE}], "b.png"),
    }
    summary = import_files(project, "labelme", tmp_path / "in", files)
    assert areas(project) == {"a.png": {1: ONE}}
    assert said(summary) == {"ambiguous": 1}
    expected = "1 image could be any of several references: b.png (x/b.png or y/b.png)"
    assert expected in summary.describe()


CALLED: dict[str, Files] = {
    "coco": {"a.json": coco([{"segmentation": [flat(SQUARE)]}], NFC)},
    "yolo": {"data.yaml": "names: [disc]", f"labels/{NFC[:-4]}.txt": yolo_row(SQUARE)},
    "voc": {"Annotations/1.xml": voc(voc_object(SQUARE), NFC)},
    "labelme": {"1.json": labelme([{"points": SQUARE}], NFC)},
    "cvat": {"a.xml": cvat(cvat_polygon(SQUARE), NFC)},
    "labelstudio": {"a.json": studio([studio_region(SQUARE)], NFC)},
    "masks": {NFC: png(square_map())},
}


@pytest.mark.parametrize("name", CALLED)
def test_every_format_asks_the_same_matcher(tmp_path: Path, name: str) -> None:
    project = make_project(tmp_path / "p", NFD)
    import_files(project, name, tmp_path / "in", CALLED[name])
    assert areas(project) == {NFD: {1: ONE}}


def test_of_several_names_one_that_is_not_ambiguous_counts() -> None:
    known = KnownNames(["x/a.png", "y/a.png"])
    assert known.find(("a.png", "y/a.*"), "here").image_id == "y/a.png"
    with pytest.raises(MisfitError, match="could belong to") as caught:
        known.find(("a.png", "b.png"), "here")
    assert caught.value.kind is Kind.AMBIGUOUS


@pytest.mark.parametrize("folder", ["", "images/"])
def test_the_folders_of_a_subset_may_be_inside_or_outside(tmp_path: Path, folder: str) -> None:
    image = cvat(cvat_polygon(SQUARE), "images/a.png")
    first = image.replace('<image id="0"', '<image id="0" subset="Train"')
    second = '<image id="1" subset="Test" name="images/a.png" width="32" height="24"></image>'
    files = {"a.xml": first.replace("</annotations>", second + "</annotations>")}
    names = [f"{folder}Train/a.png", f"{folder}Test/a.png"]
    project = make_project(tmp_path / "p", *names)
    import_files(project, "cvat", tmp_path / "in", files)
    assert areas(project) == {names[0]: {1: ONE}, names[1]: {}}


def test_the_subset_of_cvat_is_a_folder(tmp_path: Path) -> None:
    image = cvat(cvat_polygon(SQUARE), "img0.png")
    first = image.replace('<image id="0"', '<image id="0" subset="Train"')
    second = '<image id="1" subset="Test" name="img0.png" width="32" height="24"></image>'
    files = {"a.xml": first.replace("</annotations>", second + "</annotations>")}
    project = make_project(tmp_path / "p", "Train/img0.png", "test/img0.png")
    import_files(project, "cvat", tmp_path / "in", files)
    assert areas(project) == {"Train/img0.png": {1: ONE}, "test/img0.png": {}}
    # Where all pictures lie in one folder, nobody can tell which of the two is meant.
    flat_project = make_project(tmp_path / "flat", "img0.png", "b.png")
    with pytest.raises(AnnotationError, match=r"annotates img0\.png twice"):
        import_files(flat_project, "cvat", tmp_path / "in", files)


@pytest.mark.parametrize("name", ["voc", "labelme"])
def test_a_file_called_like_the_picture_belongs_to_it(tmp_path: Path, name: str) -> None:
    project = make_project(tmp_path / "p", "deep/a.png")
    files: dict[str, object] = {"deep/a.json": labelme([{"points": SQUARE}], "IMG_0007.JPG")}
    if name == "voc":
        files = {"Annotations/deep/a.xml": voc(voc_object(SQUARE), "IMG_0007.JPG")}
    import_files(project, name, tmp_path / "in", files)
    assert areas(project) == {"deep/a.png": {1: ONE}}


def test_endings_of_masks(tmp_path: Path) -> None:
    project = make_project(tmp_path / "p", "a.png", "b.png", "c.png", "d_mask.png")
    names = ("a_mask.png", "b-label.tif", "c_seg.npy", "d_mask.bmp")
    files = {name: png(square_map()) for name in names if not name.endswith("npy")}
    (tmp_path / "in").mkdir()
    np.save(tmp_path / "in" / "c_seg.npy", square_map())
    import_files(project, "masks", tmp_path / "in", files)
    assert set(areas(project)) == {"a.png", "b.png", "c.png", "d_mask.png"}
