from dataclasses import replace

import numpy as np

from maskcast.engines.pixel.learning.options import LearnerOptions
from maskcast.engines.pixel.learning.views import is_fixed_scene, is_gray, make_views
from maskcast.types import Reference


def reference(name: str, *columns: tuple[int, int, int], height: int = 40) -> Reference:
    """A gray image; each of `columns` is (object id, first column, last column + 1)."""
    gray = np.random.default_rng(len(name)).integers(60, 200, (height, 100), dtype=np.uint8)
    masks = {}
    for object_id, first, last in columns:
        masks[object_id] = np.zeros((height, 100), np.bool_)
        masks[object_id][10:30, first:last] = True
    return Reference(name, np.repeat(gray[..., None], 3, axis=2), masks)


def test_whole_references_are_left_out_when_objects_are_on_several() -> None:
    references = [reference(f"{i}", (1, 10, 30)) for i in range(3)]
    views, folds = make_views(references, [1], LearnerOptions(views=1))
    assert folds == 3
    assert len(views) == 6
    assert [view.is_original for view in views] == [True, False] * 3
    for original, altered in zip(views[::2], views[1::2], strict=True):
        assert len(np.unique(original.fold)) == 1
        assert set(altered.fold) == set(original.fold)
    assert len({int(view.fold[0]) for view in views}) == 3


def test_clean_references_are_spread_over_the_folds() -> None:
    references = [reference(f"{i}", (1, 10, 30)) for i in range(2)]
    references += [reference(f"clean{i}") for i in range(2)]
    views, _ = make_views(references, [1], LearnerOptions(views=0, folds=2))
    shown = [int(view.fold[0]) for view in views if view.masks.any()]
    assert sorted(shown) == [0, 1]


def test_a_single_reference_is_split_through_every_object() -> None:
    views, folds = make_views(
        [reference("only", (1, 10, 30), (4, 60, 90))], [1, 4], LearnerOptions(views=0)
    )
    assert folds == 2
    for mask in views[0].masks:
        sides = [int((mask & (views[0].fold == fold)).sum()) for fold in range(2)]
        assert min(sides) > 0.4 * sum(sides)


def test_altered_copies_keep_image_masks_and_folds_in_step() -> None:
    views, _ = make_views([reference("only", (1, 10, 30))], [1], LearnerOptions(views=6))
    original, *altered = views
    sizes = {view.image.shape for view in altered}
    assert len(sizes) > 1
    for view in altered:
        height, width = view.image.shape[:2]
        assert view.masks.shape == (1, height, width)
        assert view.fold.shape == (width,)
        assert is_gray(view.image)
        np.testing.assert_allclose(view.masks.mean(), original.masks.mean(), rtol=0.15)
        assert not np.array_equal(view.image, original.image)


def test_unknown_pixels_follow_their_views() -> None:
    """Parts of a large reference, altered in size, whose lower half is unknown."""
    drawn = reference("only", (1, 10, 30), height=400)
    unknown = np.zeros((400, 100), np.bool_)
    unknown[200:] = True
    bright = np.where(unknown[..., None], np.uint8(255), drawn.image // 4)
    options = LearnerOptions(views=4, altered_pixels=20_000, gain=0.0, detail=0.0)
    views, _ = make_views([replace(drawn, image=bright, unknown=unknown)], [1], options)
    assert views[0].unknown is unknown
    for view in views[1:]:
        assert view.unknown is not None
        assert view.unknown.shape == view.image.shape[:2]
        assert view.unknown[view.image[..., 0] > 200].all()
        assert abs(view.unknown.mean() - (view.image[..., 0] > 200).mean()) < 0.05
    assert make_views([drawn], [1], LearnerOptions(views=1))[0][1].unknown is None


def test_the_seed_decides_the_copies() -> None:
    only = [reference("only", (1, 10, 30))]
    first, again, other = (
        make_views(only, [1], LearnerOptions(seed=seed))[0][1].image for seed in (3, 3, 4)
    )
    np.testing.assert_array_equal(first, again)
    assert first.shape != other.shape or not np.array_equal(first, other)


def test_a_fixed_scene_is_recognised_by_its_structure() -> None:
    rng = np.random.default_rng(0)
    scene = rng.integers(0, 256, (96, 96, 3)).astype(np.float32)
    scene = np.repeat(np.repeat(scene[::8, ::8], 8, axis=0), 8, axis=1)
    shots = [
        np.clip(scene * gain + rng.normal(0, 5, scene.shape), 0, 255).astype(np.uint8)
        for gain in (0.7, 0.85, 1.0)
    ]
    assert is_fixed_scene(shots)
    assert not is_fixed_scene([*shots, np.ascontiguousarray(shots[0][::-1])])
    assert not is_fixed_scene([shots[0], shots[1][:80]])
    assert not is_fixed_scene(shots[:1])
    assert not is_fixed_scene([np.zeros((50, 50, 3), np.uint8)] * 2)


def test_copies_of_large_references_are_parts_that_show_an_object() -> None:
    references = [reference(f"{i}", (1, 10, 30), height=400) for i in range(2)]
    views, _ = make_views(references, [1], LearnerOptions(views=3, altered_pixels=20_000))
    altered = [view for view in views if not view.is_original]
    assert len(altered) == 2
    for view in altered:
        height, width = view.image.shape[:2]
        # 10,000 pixels each, larger or smaller by exp(0.35) at either side.
        assert height * width < 10_000 * 2.1
        assert view.masks.any()
        assert view.fold.shape == (width,)
