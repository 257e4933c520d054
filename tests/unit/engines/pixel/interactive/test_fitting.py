"""The program that fits the weights: its objective, its questions, its drawn scenes."""

from __future__ import annotations

from dataclasses import fields

import cv2
import numpy as np
import pytest

from drawn_scenes import SHAPES, draw_scenes
from fit_interactive import Sheet, expected_overlap, fit, fit_all
from interactive import iou, tight_box
from interactive_questions import KINDS, Question, ask, overlaps
from maskcast.engines.pixel.interactive.fitted import FITTED
from maskcast.engines.pixel.interactive.frame import make_frame
from maskcast.engines.pixel.interactive.segment import segment_object
from maskcast.types import Prompts


def drawn(rng: np.random.Generator, group: str, features: int = 3) -> Question:
    """The more of the first measurement and the less of the second, the better; no more matters."""
    measures = rng.normal(0, (1.0, 5.0, 1.0)[:features], (rng.integers(2, 9), features))
    overlap = 1 / (1 + np.exp(-(2 * measures[:, 0] - 0.4 * measures[:, 1])))
    return Question("box", group, measures, overlap)


def test_the_gradient_is_that_of_the_objective() -> None:
    rng = np.random.default_rng(0)
    sheet = Sheet.of([drawn(rng, group) for group in "aab"])
    assert sheet.weight.tolist() == [0.25, 0.25, 0.5]
    weights = rng.normal(size=3)
    _, gradient = expected_overlap(sheet, weights)
    for i, step in enumerate(1e-6 * np.eye(3)):
        up, down = (expected_overlap(sheet, weights + by)[0] for by in (step, -step))
        assert gradient[i] == pytest.approx((up - down) / 2e-6, abs=1e-7)


def test_the_objective_is_the_mean_over_groups_of_what_is_expected() -> None:
    questions = [
        Question("box", "a", np.array([[0.0], [np.log(3)]]), np.array([0.2, 0.6])),
        Question("box", "b", np.array([[0.0]]), np.array([0.9])),
    ]
    value, _ = expected_overlap(Sheet.of(questions), np.ones(1))
    assert value == pytest.approx(((0.2 * 0.25 + 0.6 * 0.75) + 0.9) / 2)


def test_fitting_finds_what_matters() -> None:
    rng = np.random.default_rng(1)
    weights = fit([drawn(rng, "a") for _ in range(400)])
    assert weights[0] > 0 > weights[1]
    assert weights[0] / -weights[1] == pytest.approx(5, rel=0.15)
    assert abs(weights[2]) < 0.1 * weights[0]


def test_questions_have_a_column_for_every_weight_and_know_the_truth() -> None:
    scene = next(iter(draw_scenes(1, seed=3)))
    questions = list(ask(scene.kind, scene.image, scene.truth, seed=0))
    assert {question.kind for question in questions} == set(KINDS)
    for question in questions:
        columns = sum(len(fields(weights)) for weights in KINDS[question.kind])
        assert question.measures.shape == (len(question.overlap), columns)
        assert np.isfinite(question.measures).all()
        assert 0 <= question.overlap.min() <= question.overlap.max() <= 1
    assert type(fit_all(questions)) is type(FITTED)


def test_overlaps_are_those_of_the_image_and_count_what_the_frame_misses() -> None:
    truth = np.zeros((60, 80), np.bool_)
    truth[10:30, 20:60] = True
    image = np.zeros((60, 80, 3), np.uint8)
    frame = make_frame(image, (0, 0, 40, 60), None)
    left = truth[:, :40]
    found = overlaps(frame, np.stack([left, ~left]), truth)
    assert found.tolist() == pytest.approx([0.5, 0])
    small = make_frame(image, (0, 0, 80, 60), None, area=1200)
    assert small.shape == (30, 40)
    assert overlaps(small, truth[None, ::2, ::2], truth).tolist() == pytest.approx([1])


def test_scenes_hold_one_region_that_can_be_found() -> None:
    scenes = list(draw_scenes(2, seed=1))
    assert [scene.kind for scene in scenes] == [kind for kind in SHAPES for _ in range(2)]
    again = list(draw_scenes(2, seed=1))
    for scene, same in zip(scenes, again, strict=True):
        assert cv2.connectedComponents(scene.truth.astype(np.uint8))[0] == 2
        assert np.array_equal(scene.image, same.image)
        assert scene.image.shape == (*scene.truth.shape, 3)
    reached = [
        iou(segment_object(scene.image, Prompts(box=tight_box(scene.truth))), scene.truth)
        for scene in scenes
    ]
    assert np.mean(reached) > 0.6
