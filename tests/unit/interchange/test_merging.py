"""Imported annotations beside those that are there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from maskcast.errors import AnnotationError
from maskcast.interchange.merging import Conflict, with_annotations
from maskcast.project.annotations import Annotation, AnnotationFile, ObjectAnnotation
from maskcast.types import Prompts

Mask = npt.NDArray[np.bool_]
MASK = np.array([[False, True, False], [False, True, False]])
BOX = Prompts(box=np.array([0, 0, 2, 2], np.float32))
CONFLICTS: tuple[Conflict, ...] = ("refuse", "merge", "replace")


def drawn(masks: Mapping[int, Mask], version: int = 1, image_id: str = "a.png") -> Annotation:
    objects = {key: ObjectAnnotation(Prompts(), mask) for key, mask in masks.items()}
    return Annotation(image_id, 2, 3, not objects, objects, version)


def file_of(*annotations: Annotation) -> AnnotationFile:
    return AnnotationFile((), {one.image_id: one for one in annotations})


def test_annotations_are_added() -> None:
    before = file_of(Annotation("old.png", 1, 1, clean=True))
    after = with_annotations(before, [drawn({1: MASK}, version=7)])
    assert list(before.annotations) == ["old.png"]
    assert after.annotations["old.png"] is before.annotations["old.png"]
    assert after.annotations["a.png"] == drawn({1: MASK}, version=1)


@pytest.mark.parametrize("conflict", CONFLICTS)
def test_importing_twice_changes_nothing(conflict: Conflict) -> None:
    imported = [
        drawn({1: MASK, 2: ~MASK}),
        drawn({}, image_id="clean.png"),
        Annotation("box.png", 2, 3, objects={1: ObjectAnnotation(BOX)}),
    ]
    once = with_annotations(AnnotationFile(), imported)
    assert with_annotations(once, imported, conflict) is once


@pytest.mark.parametrize("conflict", CONFLICTS)
def test_the_same_mask_keeps_its_prompts(conflict: Conflict) -> None:
    file = file_of(Annotation("a.png", 2, 3, objects={1: ObjectAnnotation(BOX, MASK)}, version=4))
    assert with_annotations(file, [drawn({1: MASK})], conflict) is file


@pytest.mark.parametrize("conflict", CONFLICTS)
def test_the_same_prompts_keep_the_mask_they_became(conflict: Conflict) -> None:
    file = file_of(Annotation("a.png", 2, 3, objects={1: ObjectAnnotation(BOX, MASK)}, version=4))
    again = Annotation("a.png", 2, 3, objects={1: ObjectAnnotation(BOX)})
    assert with_annotations(file, [again], conflict) is file


@pytest.mark.parametrize(
    "existing",
    [
        drawn({1: ~MASK}, version=4),
        drawn({2: MASK}, version=4),
        Annotation("a.png", 2, 3, objects={1: ObjectAnnotation(Prompts(paint=MASK))}, version=4),
        drawn({}, version=4),
        Annotation("a.png", 6, 1, clean=True, version=4),
    ],
)
def test_different_annotations_are_kept_unless_replaced(existing: Annotation) -> None:
    file = file_of(existing)
    with pytest.raises(AnnotationError, match=r"a\.png is already annotated.*--merge.*--replace"):
        with_annotations(file, [drawn({1: MASK})])
    replaced = with_annotations(file, [drawn({1: MASK})], "replace")
    assert replaced.annotations["a.png"] == drawn({1: MASK}, version=5)


def test_merging_adds_what_is_missing_and_keeps_the_rest() -> None:
    file = file_of(drawn({1: ~MASK}, version=4), drawn({}, version=2, image_id="clean.png"))
    imported = [drawn({1: MASK, 2: MASK}), drawn({3: MASK}, image_id="clean.png")]
    merged = with_annotations(file, imported, "merge").annotations
    assert merged["a.png"] == drawn({1: ~MASK, 2: MASK}, version=5)
    assert merged["clean.png"] == drawn({3: MASK}, version=3, image_id="clean.png")


def test_unknown_pixels_are_merged_like_an_object() -> None:
    told = replace(drawn({1: MASK}), unknown=~MASK)
    file = file_of(drawn({1: MASK}, version=4))
    with pytest.raises(AnnotationError, match="already annotated differently"):
        with_annotations(file, [told])
    merged = with_annotations(file, [told], "merge")
    assert merged.annotations["a.png"] == replace(told, version=5)
    assert with_annotations(merged, [told]) is merged
    assert with_annotations(merged, [replace(told, unknown=MASK)], "merge") is merged
    assert with_annotations(merged, [drawn({1: MASK})], "merge") is merged
    clean = replace(drawn({}), unknown=MASK)
    merged = with_annotations(file_of(drawn({}, version=4)), [clean], "merge")
    assert merged.annotations["a.png"] == replace(clean, version=5)


def test_merging_a_clean_image_into_an_annotated_one_keeps_it() -> None:
    file = file_of(drawn({1: MASK}, version=4))
    assert with_annotations(file, [drawn({})], "merge") is file


def test_merging_needs_the_same_size() -> None:
    file = file_of(Annotation("a.png", 6, 1, clean=True))
    with pytest.raises(AnnotationError, match=r"a\.png was annotated as 1 x 6 .* 3 x 2 now"):
        with_annotations(file, [drawn({1: MASK})], "merge")


def test_a_clean_reference_of_another_size_is_a_conflict() -> None:
    file = file_of(Annotation("a.png", 6, 1, clean=True))
    with pytest.raises(AnnotationError, match="already annotated"):
        with_annotations(file, [drawn({})])


def test_a_reference_saved_without_annotation_is_filled_in() -> None:
    file = file_of(Annotation("a.png", 2, 3, version=4))
    after = with_annotations(file, [drawn({})])
    assert after.annotations["a.png"] == drawn({}, version=5)


def test_many_conflicts_are_named_in_short() -> None:
    names = [f"{number}.png" for number in range(8)]
    file = file_of(*(Annotation(name, 2, 3, clean=True) for name in names))
    with pytest.raises(AnnotationError) as caught:
        with_annotations(file, [drawn({1: MASK}, image_id=name) for name in names])
    expected = "0.png, 1.png, 2.png, 3.png, 4.png and 3 more are already annotated differently"
    assert str(caught.value).startswith(expected)
