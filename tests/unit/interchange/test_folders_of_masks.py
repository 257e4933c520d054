"""Folders of masks and label maps: what 255 means in them, colours, values, instances."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest
import tifffile
from PIL import Image

from import_support import (
    SIZE,
    Files,
    annotated,
    areas,
    import_files,
    make_project,
    png,
    said,
    square_map,
    write_files,
)
from maskcast.drawing.palette import default_spec
from maskcast.errors import AnnotationError
from maskcast.interchange.class_ids import read_classes
from maskcast.interchange.importing import import_annotations
from maskcast.io.images import encode_label_png
from maskcast.project.folder import ProjectFolder

ONE = 100
BORDER = 12 * 12 - ONE


def with_border(value: int) -> npt.NDArray[np.uint8]:
    """The square in a border of 255, as VOC draws it."""
    picture = square_map(value)
    picture[5:17, 3:15] = np.where(picture[5:17, 3:15] > 0, value, 255)
    return picture


def unknown_pixels(project: ProjectFolder, image_id: str) -> int:
    unknown = annotated(project)[image_id].unknown
    return 0 if unknown is None else unknown.code.area


def test_255_beside_other_ids_is_unknown_in_all_maps_of_the_folder(tmp_path: Path) -> None:
    project = make_project(tmp_path / "p", "a.png", "b.png", "c.png")
    files: Files = {
        "a.png": png(square_map(255)),  # only a border here, and no mask of object 1
        "b.png": png(with_border(3)),
        "c.png": png(square_map(3)),
    }
    summary = import_files(project, "masks", tmp_path / "in", files)
    assert areas(project) == {"a.png": {}, "b.png": {3: ONE}, "c.png": {3: ONE}}
    assert annotated(project)["a.png"].clean
    assert [unknown_pixels(project, name) for name in ("a.png", "b.png", "c.png")] == [
        ONE,
        BORDER,
        0,
    ]
    assert summary.unknown == 2
    (note,) = summary.notes
    assert "255 in 2 label maps is unknown, neither object nor background" in note


def test_255_is_an_object_where_somebody_says_so(tmp_path: Path) -> None:
    files: Files = {"a.png": png(with_border(3))}
    project = make_project(tmp_path / "told", "a.png")
    import_files(project, "masks", tmp_path / "in", files, classes={"255": 9})
    assert areas(project) == {"a.png": {3: ONE, 9: BORDER}}
    (tmp_path / "named").mkdir()
    (tmp_path / "named" / "maskcast.toml").write_text("[[objects]]\nid = 255\nname = 'rim'\n")
    (tmp_path / "named" / "references").mkdir()
    (tmp_path / "named" / "references" / "a.png").write_bytes(
        (project.references_folder / "a.png").read_bytes()
    )
    named = ProjectFolder.open(tmp_path / "named")
    import_files(named, "masks", tmp_path / "in", files)
    assert areas(named) == {"a.png": {3: ONE, 255: BORDER}}
    listed = make_project(tmp_path / "listed", "a.png")
    import_files(
        listed, "masks", tmp_path / "csv", {**files, "objects.csv": "id,name\n3,disc\n255,rim\n"}
    )
    assert areas(listed) == {"a.png": {3: ONE, 255: BORDER}}


def test_what_maskcast_exported_is_never_taken_for_a_photograph(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 200, SIZE, dtype=np.uint8)
    project = make_project(tmp_path / "p", "a.png")
    data = encode_label_png(noise, {key: default_spec(key).color for key in range(1, 200)})
    table = "id,name\n" + "".join(f"{key},object {key}\n" for key in range(1, 200))
    import_files(project, "masks", tmp_path / "in", {"masks/a.png": data, "objects.csv": table})
    assert sum(areas(project)["a.png"].values()) == np.count_nonzero(noise)


@pytest.mark.parametrize("suffix", ["png", "tif", "bmp", "npy"])
def test_label_maps_of_every_kind_of_file(tmp_path: Path, suffix: str) -> None:
    project = make_project(tmp_path / "p", "a.png")
    (tmp_path / "in").mkdir()
    path = tmp_path / "in" / f"a.{suffix}"
    if suffix == "npy":
        np.save(path, square_map(5).astype(np.int64))
    elif suffix == "bmp":
        Image.fromarray(square_map(5)).save(path)
    else:
        cv2.imwrite(str(path), square_map(5).astype(np.uint16))
    import_files(project, "masks", tmp_path / "in", {})
    assert areas(project) == {"a.png": {5: ONE}}


def test_instances_become_one_object(tmp_path: Path) -> None:
    many = np.zeros(SIZE, np.uint16)
    many[2:22:2, 1:31] = np.arange(10 * 30).reshape(10, 30) + 1  # 300 of a pixel each
    files: Files = {"b.png": png(square_map(1)), "readme.txt": "x"}
    project = make_project(tmp_path / "p", "a.png", "b.png")
    (tmp_path / "in").mkdir()
    tifffile.imwrite(tmp_path / "in" / "a.tif", many)
    summary = import_files(project, "masks", tmp_path / "in", files)
    assert areas(project) == {"b.png": {1: ONE}}
    assert said(summary) == {"not a map": 1}
    assert "--instances" in summary.describe()
    import_files(project, "masks", tmp_path / "in", files, instances=True)
    assert areas(project) == {"a.png": {1: 300}, "b.png": {1: ONE}}


def test_colours_and_values_mean_what_the_person_says(tmp_path: Path) -> None:
    picture = np.zeros((*SIZE, 3), np.uint8)
    picture[6:16, 4:14] = (255, 0, 0)
    picture[20:22] = (0, 255, 0)
    picture[:2] = (9, 9, 9)
    gray = square_map(128)
    gray[20:22] = 64
    files: Files = {"a.png": png(picture), "b.png": png(gray)}
    project = make_project(tmp_path / "p", "a.png", "b.png")
    summary = import_files(project, "masks", tmp_path / "in", files)
    assert areas(project) == {"b.png": {64: 64, 128: ONE}}
    assert said(summary) == {"not a map": 1}
    assert "#ff0000" in summary.left_out[0].example
    project.annotations_path.unlink()
    texts = ["#FF0000=1", "0,255,0=unknown", "#090909=background", "128=2", "64=background"]
    summary = import_files(
        project, "masks", tmp_path / "in", files, classes=read_classes([*texts, "#0000ff=7"])
    )
    assert areas(project) == {"a.png": {1: ONE}, "b.png": {2: ONE}}
    assert unknown_pixels(project, "a.png") == 64
    assert summary.misspelt == ("#0000ff",)
    assert summary.new_names == {}


def test_a_folder_of_photographs_is_refused(tmp_path: Path) -> None:
    photo = np.random.default_rng(0).integers(0, 256, (*SIZE, 3), dtype=np.uint8)
    project = make_project(tmp_path / "p", "a.png")
    (tmp_path / "in").mkdir()
    Image.fromarray(photo).save(tmp_path / "in" / "a.jpg")
    with pytest.raises(AnnotationError, match=r"a\.jpg is not a label map: it .* colours"):
        import_files(project, "masks", tmp_path / "in", {})


def test_smoothed_masks_are_said(tmp_path: Path) -> None:
    smoothed = cv2.GaussianBlur(square_map(255), (0, 0), 0.8)
    project = make_project(tmp_path / "p", "a.png", "b.png")
    files: Files = {"a.png": png(smoothed), "b.png": png(square_map(255))}
    summary = import_files(project, "masks", tmp_path / "in", files)
    assert areas(project)["b.png"] == {1: ONE}
    assert list(areas(project)["a.png"]) == [1]
    (note,) = summary.notes
    assert note.startswith("1 mask held gray and was cut at the middle: ")


def test_a_map_of_many_values_asks_for_instances(tmp_path: Path) -> None:
    cells = np.zeros(SIZE, np.uint8)
    numbers = np.arange(1, 49, dtype=np.uint8).reshape(6, 8)
    for y, x in np.ndindex(*numbers.shape):
        cells[4 * y : 4 * y + 3, 4 * x : 4 * x + 3] = numbers[y, x]
    project = make_project(tmp_path / "p", "a.png", "b.png")
    files: Files = {"a.png": png(cells), "b.png": png(square_map())}
    (note,) = import_files(project, "masks", tmp_path / "in", files).notes
    assert "a.png holds 48 object ids; " in note
    assert "--instances" in note
    again = make_project(tmp_path / "again", "a.png", "b.png")
    assert import_files(again, "masks", tmp_path / "in", files, instances=True).notes == ()
    assert areas(again) == {"a.png": {1: 48 * 9}, "b.png": {1: ONE}}


def test_the_border_of_voc_is_unknown(tmp_path: Path) -> None:
    """Palette pictures whose border is VOC's colour, and gray ones of class numbers."""
    labels = with_border(2)
    colors = {2: (0, 128, 0), 255: (224, 224, 192)}
    table = "ring:128,0,0::\ndisc:0,128,0::\nignored:224,224,192::\n"
    for name, data in (("palette", encode_label_png(labels, colors)), ("gray", png(labels))):
        project = make_project(tmp_path / name, "a.png")
        files: Files = {"labelmap.txt": table, "SegmentationClass/a.png": data}
        summary = import_files(project, "voc", tmp_path / f"in-{name}", files)
        assert areas(project) == {"a.png": {1: ONE}}
        assert summary.new_names == {"disc": 1}
        assert unknown_pixels(project, "a.png") == BORDER


def test_one_file_may_be_given(tmp_path: Path) -> None:
    project = make_project(tmp_path / "p", "a.png", "b.png")
    folder = write_files(
        tmp_path / "in", {"a_mask.png": png(square_map(2)), "b.png": png(square_map(3))}
    )

    import_annotations(project, "masks", folder / "a_mask.png")

    assert areas(project) == {"a.png": {2: ONE}}


def test_a_colour_of_which_nothing_was_said_is_no_background(tmp_path: Path) -> None:
    picture = np.zeros((*SIZE, 3), np.uint8)
    picture[6:16, 4:14] = (255, 0, 0)
    picture[20:23, 20:24] = (0, 255, 0)  # 12 of 768 pixels
    project = make_project(tmp_path / "p", "a.png")

    with pytest.raises(AnnotationError, match=r"#00ff00, of which nothing was said.*background"):
        import_files(
            project, "masks", tmp_path / "in", {"a.png": png(picture)}, classes={"#ff0000": 1}
        )

    assert annotated(project) == {}


def test_colours_of_a_smoothed_edge_are_the_nearest_and_said(tmp_path: Path) -> None:
    picture = np.zeros((*SIZE, 3), np.uint8)
    picture[6:16, 4:14] = (255, 0, 0)
    picture[6:16, 14] = (100, 0, 0)
    project = make_project(tmp_path / "p", "a.png")

    summary = import_files(
        project, "masks", tmp_path / "in", {"a.png": png(picture)}, classes={"#ff0000": 1}
    )

    assert areas(project) == {"a.png": {1: ONE}}
    (note,) = summary.notes
    assert "1 picture had colours beside those of --classes" in note
    assert "1.3% of its pixels" in note  # 10 of 768


@pytest.mark.parametrize("white", [254, 240, 65000])
def test_black_and_almost_white_is_a_mask(tmp_path: Path, white: int) -> None:
    kind = np.uint8 if white < 256 else np.uint16
    picture = np.where(square_map() > 0, white, 0).astype(kind)
    project = make_project(tmp_path / "p", "a.png")

    summary = import_files(project, "masks", tmp_path / "in", {"a.png": png(picture)})

    assert areas(project) == {"a.png": {1: ONE}}
    assert "cut at the middle" in summary.notes[0]


def test_an_almost_white_value_that_the_person_names_is_an_id(tmp_path: Path) -> None:
    project = make_project(tmp_path / "p", "a.png")
    files = {"a.png": png(square_map(254))}
    import_files(project, "masks", tmp_path / "in", files, classes={"254": 7})
    assert areas(project) == {"a.png": {7: ONE}}
