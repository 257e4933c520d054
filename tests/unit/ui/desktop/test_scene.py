"""What is shown of masks while they are painted and while they are awaited."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from maskcast.drawing.palette import default_color
from maskcast.project.annotations import Annotation, ObjectAnnotation, StoredMask
from maskcast.types import Prompts
from maskcast.ui.brush import stroke_mask
from maskcast.ui.desktop.gestures import Piece
from maskcast.ui.desktop.scene import Scene
from maskcast.ui.edits import UNKNOWN

SHAPE = (40, 60)


def block(xmin: int) -> npt.NDArray[np.bool_]:
    mask = np.zeros(SHAPE, np.bool_)
    mask[10:20, xmin : xmin + 10] = True
    return mask


def annotation(masks: dict[int, npt.NDArray[np.bool_] | None]) -> Annotation:
    prompts = Prompts(box=np.array([1, 1, 9, 9], np.float32))
    objects = {key: ObjectAnnotation(prompts, mask) for key, mask in masks.items()}
    return Annotation("a.png", *SHAPE, objects=objects)


def test_the_chosen_object_is_drawn_last_and_strongest() -> None:
    layers = Scene().layers(annotation({1: block(0), 2: block(5), 3: block(9)}), 2, default_color)
    assert [layer.color for layer in layers] == [default_color(key) for key in (1, 3, 2)]
    assert layers[-1].opacity > layers[0].opacity
    assert layers[-1].contour > layers[0].contour


def test_while_a_mask_is_awaited_the_one_before_stays_fainter() -> None:
    scene = Scene()
    settled = scene.layers(annotation({1: block(0)}), 1, default_color)[0]
    awaited = scene.layers(annotation({1: None}), 1, default_color)[0]
    assert (awaited.mask == block(0)).all()
    assert awaited.opacity < settled.opacity


def test_an_object_that_is_gone_is_not_shown() -> None:
    scene = Scene()
    scene.layers(annotation({1: block(0)}), 1, default_color)
    assert scene.layers(annotation({}), 1, default_color) == []
    assert scene.layers(annotation({1: None}), 1, default_color) == []


def test_another_image_begins_with_nothing() -> None:
    scene = Scene()
    scene.layers(annotation({1: block(0)}), 1, default_color)
    scene.forget()
    assert scene.layers(annotation({1: None}), 1, default_color) == []


def test_a_stroke_is_shown_as_it_will_be_and_the_mask_itself_is_untouched() -> None:
    scene, mask = Scene(), block(0)
    reference = annotation({1: mask})
    scene.layers(reference, 1, default_color)
    path = [(5.0, 15.0), (30.0, 15.0), (50.0, 30.0)]
    for start, end in ((path[0], path[0]), (path[0], path[1]), (path[1], path[2])):
        assert scene.paint(Piece(start, end, 4.0, erase=False), 1, SHAPE) is not None
    shown = scene.layers(reference, 1, default_color)[0].mask
    stroke = stroke_mask(np.array(path, np.float32), 4.0, SHAPE)
    assert (shown == (block(0) | stroke)).all()
    assert (mask == block(0)).all()


def test_an_eraser_takes_away_only_what_it_reaches() -> None:
    scene = Scene()
    reference = annotation({1: block(0)})
    scene.layers(reference, 1, default_color)
    scene.paint(Piece((0.0, 12.0), (12.0, 12.0), 2.0, erase=True), 1, SHAPE)
    shown = scene.layers(reference, 1, default_color)[0].mask
    stroke = stroke_mask(np.array([(0, 12), (12, 12)], np.float32), 2.0, SHAPE)
    assert (shown == (block(0) & ~stroke)).all()


def test_a_stroke_outside_the_image_changes_nothing() -> None:
    scene = Scene()
    assert scene.paint(Piece((-90.0, -90.0), (-80.0, -90.0), 4.0, erase=False), 1, SHAPE) is None


def test_a_finished_stroke_stays_until_its_mask_comes() -> None:
    scene = Scene()
    scene.paint(Piece((5.0, 5.0), (5.0, 5.0), 3.0, erase=False), 1, SHAPE)
    scene.end_stroke(1)
    shown = scene.layers(annotation({1: None}), 1, default_color)[0].mask
    assert (shown == stroke_mask(np.array([(5, 5)], np.float32), 3.0, SHAPE)).all()


def test_a_dropped_stroke_leaves_nothing() -> None:
    scene = Scene()
    scene.paint(Piece((5.0, 5.0), (5.0, 5.0), 3.0, erase=False), 1, SHAPE)
    scene.drop_stroke()
    assert scene.layers(annotation({}), 1, default_color) == []


def test_what_is_unknown_is_hatched_over_all_and_shown_while_it_is_painted() -> None:
    scene = Scene()
    known = replace(annotation({1: block(0), 2: block(5)}), unknown=StoredMask(block(3)))
    layers = scene.layers(known, 2, default_color)
    assert [layer.is_hatched for layer in layers] == [False, False, True]
    assert (layers[-1].mask == block(3)).all()

    scene.paint(Piece((30.5, 30.5), (30.5, 30.5), 2, erase=False), UNKNOWN, SHAPE)
    painted = scene.layers(known, UNKNOWN, default_color)[-1]
    assert painted.is_hatched
    assert painted.mask.sum() == block(3).sum() + 13  # 13: a disc of radius 2
