"""Thumbnails: the object bright in the middle, the rest dim; counts and the latest reference."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from maskcast.drawing.palette import default_color
from maskcast.project.annotations import Annotation, ObjectAnnotation
from maskcast.project.folder import ProjectFolder
from maskcast.project.store import AnnotationStore
from maskcast.types import Prompts
from maskcast.ui.shown_references import ReferenceImages
from maskcast.ui.thumbnails import ObjectGallery, draw_thumbnail
from support import write_png

GRAYS = {"a.png": 50, "b.png": 100, "c.png": 200}


def square(ymin: int, xmin: int, side: int, shape: tuple[int, int] = (60, 90)) -> np.ndarray:
    mask = np.zeros(shape, np.bool_)
    mask[ymin : ymin + side, xmin : xmin + side] = True
    return mask


def flat(gray: int, shape: tuple[int, int] = (60, 90)) -> np.ndarray:
    return np.full((*shape, 3), gray, np.uint8)


def test_a_thumbnail_shows_the_object_bright_and_its_surroundings_dim() -> None:
    # 20 pixels with room on each side: 26, from row 17 and column 37.
    thumbnail = draw_thumbnail(flat(200), square(20, 40, 20), side=26)
    expected = np.full((26, 26), 80)
    expected[3:23, 3:23] = 200
    assert (thumbnail == expected[..., None]).all()


def test_a_crop_at_the_border_stays_inside_the_image() -> None:
    thumbnail = draw_thumbnail(flat(200), square(0, 70, 20), side=26)
    assert (thumbnail[:20, 6:] == 200).all()
    assert (thumbnail[20:] == 80).all()
    assert (thumbnail[:, :6] == 80).all()


def test_an_object_larger_than_the_image_is_wide_gets_black_bars() -> None:
    mask = np.ones((20, 80), np.bool_)
    thumbnail = draw_thumbnail(flat(100, (20, 80)), mask, side=104)
    assert (thumbnail[42:62, 12:92] == 100).all()
    assert thumbnail.astype(int).sum() == 20 * 80 * 3 * 100


def test_the_largest_part_is_shown() -> None:
    mask = square(20, 40, 20) | square(0, 0, 3)
    assert (draw_thumbnail(flat(200), mask) == draw_thumbnail(flat(200), square(20, 40, 20))).all()


@pytest.mark.parametrize("shape", [(1, 1), (1, 500), (500, 3), (40, 40)])
@pytest.mark.parametrize("filled", [False, True])
def test_every_picture_gives_a_square(shape: tuple[int, int], filled: bool) -> None:
    thumbnail = draw_thumbnail(flat(90, shape), np.full(shape, filled), side=17)
    assert thumbnail.shape == (17, 17, 3)
    assert thumbnail.dtype == np.uint8


def test_a_speck_keeps_its_surroundings() -> None:
    thumbnail = draw_thumbnail(flat(200), square(30, 40, 1), side=24)
    assert np.count_nonzero((thumbnail == 200).all(axis=2)) == 1


@pytest.fixture
def gallery(tmp_path: Path) -> ObjectGallery:
    for name, gray in GRAYS.items():
        write_png(tmp_path / "references" / name, flat(gray))
    (tmp_path / "maskcast.toml").write_text('[[objects]]\nid = 7\nname = "void"\n')
    project = ProjectFolder.open(tmp_path)
    store = AnnotationStore(project.annotations_path)
    return ObjectGallery(project, store, ReferenceImages(project), side=26)


def save(gallery: ObjectGallery, name: str, entries: dict[int, ObjectAnnotation]) -> None:
    """Through a store of its own, as another program would."""
    store = AnnotationStore(gallery._store.path)
    known = store.read().annotations.get(name)
    version = 0 if known is None else known.version
    store.save(Annotation(name, 60, 90, objects=entries), version)


def brightest(gallery: ObjectGallery, object_id: int) -> int:
    thumbnail = gallery.summaries([object_id])[object_id].thumbnail
    assert thumbnail is not None
    return int(thumbnail.max())


MASKED = ObjectAnnotation(Prompts(), square(20, 40, 20))
UNRESOLVED = ObjectAnnotation(Prompts(box=np.array([1, 1, 9, 9], np.float32)))
EMPTY = ObjectAnnotation(Prompts(), np.zeros((60, 90), np.bool_))


def test_ids_are_known_from_annotations_and_from_their_names(gallery: ObjectGallery) -> None:
    assert gallery.known_ids() == [7]
    save(gallery, "a.png", {200: MASKED})
    assert gallery.known_ids() == [7, 200]


def test_an_id_without_annotation_has_name_and_colour(gallery: ObjectGallery) -> None:
    summaries = gallery.summaries([9, 7])
    assert list(summaries) == [9, 7]
    assert [one.spec.name for one in summaries.values()] == ["object 9", "void"]
    assert summaries[7].spec.color == default_color(7)
    assert [(one.references, one.thumbnail) for one in summaries.values()] == [(0, None)] * 2


def test_references_that_show_the_object_are_counted(gallery: ObjectGallery) -> None:
    save(gallery, "a.png", {1: MASKED, 2: EMPTY})
    save(gallery, "b.png", {1: UNRESOLVED})
    save(gallery, "c.png", {2: MASKED})
    assert [one.references for one in gallery.summaries([1, 2]).values()] == [2, 1]


def test_the_thumbnail_is_of_the_latest_annotation(gallery: ObjectGallery) -> None:
    for name in GRAYS:
        save(gallery, name, {1: MASKED, 2: MASKED})
    assert brightest(gallery, 1) == GRAYS["c.png"]
    save(gallery, "a.png", {1: ObjectAnnotation(Prompts(), square(0, 0, 5)), 2: MASKED})
    assert brightest(gallery, 1) == GRAYS["a.png"]
    assert brightest(gallery, 2) == GRAYS["c.png"]  # not touched by the last save


def test_an_unresolved_annotation_leaves_the_thumbnail_before(gallery: ObjectGallery) -> None:
    save(gallery, "a.png", {1: MASKED})
    assert brightest(gallery, 1) == GRAYS["a.png"]
    save(gallery, "b.png", {1: UNRESOLVED})
    assert brightest(gallery, 1) == GRAYS["a.png"]


def test_an_object_that_is_gone_has_no_thumbnail(gallery: ObjectGallery) -> None:
    save(gallery, "a.png", {1: MASKED})
    assert brightest(gallery, 1) == GRAYS["a.png"]
    save(gallery, "a.png", {})
    summary = gallery.summaries([1])[1]
    assert (summary.references, summary.thumbnail) == (0, None)


def test_a_picture_that_cannot_be_read_gives_no_thumbnail(
    gallery: ObjectGallery, tmp_path: Path
) -> None:
    save(gallery, "a.png", {1: MASKED})
    (tmp_path / "references" / "a.png").write_bytes(b"torn")
    summary = gallery.summaries([1])[1]
    assert (summary.references, summary.thumbnail) == (1, None)


def test_a_picture_of_another_size_gives_no_thumbnail(
    gallery: ObjectGallery, tmp_path: Path
) -> None:
    save(gallery, "a.png", {1: MASKED})
    write_png(tmp_path / "references" / "a.png", flat(50, (30, 30)))
    assert gallery.summaries([1])[1].thumbnail is None
