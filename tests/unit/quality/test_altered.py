"""Altered views of a reference."""

from __future__ import annotations

import numpy as np
import pytest

from maskcast.quality.altered import altered_views, of_all_views
from maskcast.quality.trials import Trial
from maskcast.types import Reference


@pytest.fixture
def views() -> dict[str, Reference]:
    image = np.full((10, 20, 3), 60, np.uint8)
    mask = np.zeros((10, 20), np.bool_)
    mask[2:4, 1:6] = True
    image[mask] = 200
    unknown = np.zeros_like(mask)
    unknown[0, 0] = True
    made = altered_views(Reference("a.png", image, {3: mask}, unknown))
    return {view.image_id.removeprefix("a.png-"): view for view in made}


def test_masks_go_with_the_picture(views: dict[str, Reference]) -> None:
    assert views.keys() == {"mirrored", "smaller", "darker", "brighter"}
    for name in ("mirrored", "darker", "brighter"):
        view = views[name]
        bright = view.image[..., 0] > view.image[..., 0].mean()
        assert np.array_equal(bright, view.masks[3])
    assert np.argwhere(views["mirrored"].masks[3]).tolist()[0] == [2, 14]
    known = views["mirrored"].unknown
    assert known is not None
    assert np.argwhere(known).tolist() == [[0, 19]]
    assert views["smaller"].image.shape == (8, 16, 3)
    assert views["smaller"].masks[3].shape == (8, 16)


def test_light_changes_as_told(views: dict[str, Reference]) -> None:
    assert views["darker"].image[9, 9, 0] == round(255 * (60 / 255) ** 1.5)
    assert views["brighter"].image[9, 9, 0] > 60


def test_views_count_as_one_reference() -> None:
    trials = [
        Trial("a-mirrored", 1, True, 0.8, 10, 0.7),
        Trial("a-smaller", 1, True, 0.0, 0, 0.0),
    ]
    (mean,) = of_all_views(trials, "a")
    assert (mean.image_id, mean.iou, mean.area, mean.score) == ("a", 0.4, 5, 0.7)
