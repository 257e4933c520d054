from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maskcast.io.output_names import output_names


def test_path_without_suffix() -> None:
    assert output_names(["b/c.d.PNG", "a.jpg", ".h.png", "한 글.tif"]) == {
        "b/c.d.PNG": "b/c.d",
        "a.jpg": "a",
        ".h.png": ".h",
        "한 글.tif": "한 글",
    }


def test_collisions_keep_their_suffix() -> None:
    assert output_names(["a.jpg", "a.png", "b.png", "x/a.jpg"]) == {
        "a.jpg": "a.jpg",
        "a.png": "a.png",
        "b.png": "b",
        "x/a.jpg": "x/a",
    }


def test_collisions_with_names_that_kept_their_suffix() -> None:
    assert output_names(["a.jpg", "a.png", "a.jpg.png"]) == {
        "a.jpg": "a.jpg",
        "a.png": "a.png",
        "a.jpg.png": "a.jpg.png",
    }
    assert output_names(["a.jpg.png", "a.jpg.png.tif"]) == {
        "a.jpg.png": "a.jpg",
        "a.jpg.png.tif": "a.jpg.png",
    }


def test_names_that_differ_only_in_case_collide() -> None:
    assert output_names(["A.jpg", "a.png"]) == {"A.jpg": "A.jpg", "a.png": "a.png"}
    assert output_names(["A.png", "a.png"]) == {"A.png": "A.png", "a.png": "a.png~2"}
    assert output_names(["X/a.png", "x/A.png", "x/a.PNG", "X/a.png~2.png"]) == {
        "X/a.png": "X/a.png",
        "x/A.png": "x/A.png~3",
        "x/a.PNG": "x/a.PNG~4",
        "X/a.png~2.png": "X/a.png~2",
    }
    assert output_names(["A.png", "a.png", "a.png~2.png"]) == {
        "A.png": "A.png",
        "a.png": "a.png~3",
        "a.png~2.png": "a.png~2",
    }


def test_names_that_differ_only_in_normalisation_collide() -> None:
    composed = "é한.png"
    decomposed = unicodedata.normalize("NFD", composed)
    assert composed != decomposed
    names = output_names([composed, decomposed])
    assert {unicodedata.normalize("NFC", name) for name in names.values()} == {
        "é한.png",
        "é한.png~2",
    }


def test_taken_names_are_kept_and_never_given_away() -> None:
    taken = {"a.jpg": "a", "gone.png": "gone"}
    assert output_names(["a.jpg", "a.png", "gone.tif", "new.png"], taken) == {
        "a.jpg": "a",
        "a.png": "a.png",
        "gone.tif": "gone.tif",
        "new.png": "new",
    }
    assert output_names(["a.jpg"], {"a.jpg.png": "a.jpg", "a.png": "A"}) == {"a.jpg": "a.jpg~2"}


@pytest.mark.parametrize("image_id", ["..png", "...png", "x/...png", "x/..png"])
def test_no_name_leads_out_of_its_folder(image_id: str) -> None:
    (name,) = output_names([image_id]).values()
    assert name == image_id


PARTS = st.sampled_from(["a", "A", "b", "é", "e\u0301", "ß", "SS", "a~2"])
SUFFIXES = st.sampled_from([".png", ".PNG", ".jpg", ".png.jpg", ".jpg~2.png"])
IMAGE_IDS = st.builds(lambda folder, part, suffix: folder + part + suffix,
                      st.sampled_from(["", "x/", "X/"]), PARTS, SUFFIXES)  # fmt: skip


def collapsed(name: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", name.casefold()).casefold())


@given(st.lists(IMAGE_IDS, max_size=30, unique=True))
def test_names_are_distinct_and_do_not_depend_on_order(
    image_ids: list[str],
) -> None:
    names = output_names(image_ids)
    assert list(names) == image_ids
    assert len({collapsed(name) for name in names.values()}) == len(image_ids)
    assert output_names(sorted(image_ids)) == names


@given(st.lists(IMAGE_IDS, max_size=15, unique=True), st.lists(IMAGE_IDS, max_size=15))
def test_names_given_earlier_stay_when_images_are_added(
    earlier: list[str], added: list[str]
) -> None:
    taken = output_names(earlier)
    names = output_names(earlier + added, taken)
    assert {image_id: names[image_id] for image_id in earlier} == taken
    assert len({collapsed(name) for name in names.values()}) == len(set(earlier + added))
