from __future__ import annotations

import gc
import json
import tracemalloc
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from maskcast.errors import AnnotationError
from maskcast.masks import RunLengths
from maskcast.project.annotations import (
    Annotation,
    AnnotationFile,
    ObjectAnnotation,
    StoredMask,
    is_image_id,
    read_annotations,
    write_annotations,
)
from maskcast.types import ObjectSpec, Prompts

Mask = npt.NDArray[np.bool_]

# The pixels True in a 2 x 3 image: (0, 1) and (1, 1). Column by column: two 0, two 1, two 0.
MASK = np.array([[False, True, False], [False, True, False]])
MASK_JSON = {"size": [2, 3], "counts": "222"}


def document() -> dict[str, Any]:
    return {
        "format": "maskcast-annotations",
        "version": 1,
        "objects": [{"id": 1, "name": "긁힘 scratch", "color": "#e69f00"}],
        "images": {
            "폴더/a b.png": {
                "size": [2, 3],
                "clean": False,
                "version": 3,
                "objects": {
                    "1": {
                        "box": [0, 0.1, 2.5, 2],
                        "points": [[1, 0.5, True], [0.25, 1, False]],
                        "paint": MASK_JSON,
                        "erase": None,
                        "mask": MASK_JSON,
                    }
                },
            },
            "clean.png": {"size": [5, 7], "clean": True, "version": 1, "objects": {}},
        },
    }


def write_json(path: Path, value: object) -> Path:
    path.write_text(json.dumps(value), encoding="utf-8")
    return path


# ---- reading and writing


def test_a_file_by_hand(tmp_path: Path) -> None:
    file = read_annotations(write_json(tmp_path / "annotations.json", document()))
    assert file.objects == (ObjectSpec(1, "긁힘 scratch", (0xE6, 0x9F, 0x00)),)
    assert set(file.annotations) == {"폴더/a b.png", "clean.png"}
    clean = file.annotations["clean.png"]
    assert clean == Annotation("clean.png", 5, 7, clean=True)
    annotation = file.annotations["폴더/a b.png"]
    assert (annotation.image_id, annotation.height, annotation.width) == ("폴더/a b.png", 2, 3)
    assert (annotation.clean, annotation.version) == (False, 3)
    entry = annotation.objects[1]
    assert entry.mask is not None
    assert entry.prompts.box is not None
    assert entry.prompts.paint is not None
    np.testing.assert_array_equal(entry.mask, MASK)
    np.testing.assert_array_equal(entry.prompts.paint, MASK)
    assert entry.prompts.erase is None
    assert entry.prompts.box.tolist() == np.array([0, 0.1, 2.5, 2], np.float32).tolist()
    assert entry.prompts.points.tolist() == [[1, 0.5], [0.25, 1]]
    assert entry.prompts.point_labels.tolist() == [True, False]


def test_what_is_written_is_the_documented_json(tmp_path: Path) -> None:
    path = tmp_path / "annotations.json"
    file = read_annotations(write_json(tmp_path / "by_hand.json", document()))
    write_annotations(path, file)
    written = path.read_text(encoding="utf-8")
    assert json.loads(written) == document()
    assert "긁힘" in written
    assert list(json.loads(written)["images"]) == ["clean.png", "폴더/a b.png"]
    lines = [line.strip().rstrip(",") for line in written.splitlines()]
    assert '"points": [[1, 0.5, true], [0.25, 1, false]]' in lines
    assert '"mask": {"size": [2, 3], "counts": "222"}' in lines
    assert '{"id": 1, "name": "긁힘 scratch", "color": "#e69f00"}' in lines
    assert written.endswith("}\n")


def test_unknown_pixels_are_kept_and_their_key_is_there_only_with_some(tmp_path: Path) -> None:
    path = tmp_path / "annotations.json"
    unknown = Annotation("a.png", 2, 3, clean=True, unknown=StoredMask(MASK))
    write_annotations(path, AnnotationFile((), {"a.png": unknown}))
    (entry,) = json.loads(path.read_text())["images"].values()
    assert entry["unknown"] == MASK_JSON
    assert read_annotations(path).annotations["a.png"] == unknown
    assert unknown != replace(unknown, unknown=StoredMask(~MASK))
    assert unknown != replace(unknown, unknown=None)
    write_annotations(
        path, AnnotationFile((), {"a.png": replace(unknown, unknown=StoredMask(MASK & ~MASK))})
    )
    (entry,) = json.loads(path.read_text())["images"].values()
    assert "unknown" not in entry


def test_things_of_an_object_are_kept_each_with_its_own_points(tmp_path: Path) -> None:
    content = document()
    drawn = content["images"]["폴더/a b.png"]["objects"]["1"]
    drawn["more"] = [
        {"box": [1, 1, 2, 2], "points": [[1.5, 1.5, False]]},
        {"box": None, "points": [[0.5, 1.5, True]]},
    ]
    path = tmp_path / "annotations.json"
    path.write_text(json.dumps(content), "utf-8")
    file = read_annotations(path)
    things = file.annotations["폴더/a b.png"].objects[1].marks.things
    assert [None if thing.box is None else thing.box.tolist() for thing in things[1:]] == [
        [1, 1, 2, 2],
        None,
    ]
    assert [thing.points.tolist() for thing in things[1:]] == [[[1.5, 1.5]], [[0.5, 1.5]]]
    write_annotations(path, file)
    assert json.loads(path.read_text("utf-8")) == content
    drawn["more"] = [{"box": None, "points": []}]
    path.write_text(json.dumps(content), "utf-8")
    with pytest.raises(AnnotationError, match="a box or points"):
        read_annotations(path)


def test_the_order_of_things_does_not_change_the_file(tmp_path: Path) -> None:
    specs = [ObjectSpec(number, "", (0, 0, 0)) for number in (2, 10, 1)]
    entry = ObjectAnnotation(Prompts(), MASK)
    pairs = [
        (name, Annotation(name, 2, 3, objects=dict.fromkeys((10, 9, 1), entry)))
        for name in ("b", "a")
    ]
    turned = [
        (name, replace(one, objects=dict(sorted(one.objects.items())))) for name, one in pairs[::-1]
    ]
    write_annotations(tmp_path / "1.json", AnnotationFile(tuple(specs), dict(pairs)))
    write_annotations(tmp_path / "2.json", AnnotationFile(tuple(specs[::-1]), dict(turned)))
    assert (tmp_path / "1.json").read_bytes() == (tmp_path / "2.json").read_bytes()


def test_a_missing_file_is_empty(tmp_path: Path) -> None:
    assert read_annotations(tmp_path / "none.json") == AnnotationFile((), {})


def test_the_file_before_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "references" / "annotations.json"
    first = AnnotationFile((), {"a.png": Annotation("a.png", 2, 3, clean=True)})
    write_annotations(path, first)
    assert [entry.name for entry in path.parent.iterdir()] == ["annotations.json"]
    write_annotations(path, AnnotationFile())
    backup = path.with_name("annotations.json.bak")
    assert read_annotations(backup) == first
    assert read_annotations(path) == AnnotationFile()


def test_writing_the_same_again_keeps_the_older_backup(tmp_path: Path) -> None:
    path = tmp_path / "annotations.json"
    first = AnnotationFile((), {"a.png": Annotation("a.png", 2, 3, clean=True)})
    write_annotations(path, first)
    write_annotations(path, AnnotationFile())
    write_annotations(path, AnnotationFile())
    assert read_annotations(tmp_path / "annotations.json.bak") == first


def test_a_byte_order_mark_does_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "annotations.json"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps(document()).encode())
    assert len(read_annotations(path).annotations) == 2


COORDINATES = st.floats(width=32, allow_nan=False, allow_infinity=False)
NAMES = st.text(min_size=1, max_size=8).filter(is_image_id)


@st.composite
def object_annotations(draw: st.DrawFn, shape: tuple[int, int]) -> ObjectAnnotation:
    pixels = st.none() | hnp.arrays(np.bool_, shape)
    count = draw(st.integers(0, 4))
    prompts = Prompts(
        box=draw(st.none() | hnp.arrays(np.float32, 4, elements=COORDINATES)),
        points=draw(hnp.arrays(np.float32, (count, 2), elements=COORDINATES)),
        point_labels=draw(hnp.arrays(np.bool_, count)),
        paint=draw(pixels),
        erase=draw(pixels),
    )
    return ObjectAnnotation(prompts, draw(pixels))


@st.composite
def annotation_files(draw: st.DrawFn) -> AnnotationFile:
    colors = st.tuples(*[st.integers(0, 255)] * 3)
    specs = draw(st.dictionaries(st.integers(1, 255), st.tuples(st.text(max_size=8), colors)))
    annotations = {}
    for image_id in draw(st.sets(NAMES, max_size=3)):
        height, width = draw(st.integers(1, 6)), draw(st.integers(1, 6))
        objects = draw(
            st.dictionaries(st.integers(1, 255), object_annotations((height, width)), max_size=3)
        )
        clean = not objects and draw(st.booleans())
        version = draw(st.integers(1, 10**6))
        annotations[image_id] = Annotation(image_id, height, width, clean, objects, version)
    return AnnotationFile(tuple(ObjectSpec(key, *specs[key]) for key in sorted(specs)), annotations)


def plain(file: AnnotationFile) -> object:
    """Everything in the file as plain values, floats by their 32 bits."""

    def pixels(mask: Mask | None) -> object:
        return None if mask is None else mask.tolist()

    def bits(numbers: npt.NDArray[np.float32] | None) -> object:
        # 0.0 and -0.0 are the same coordinate
        return None if numbers is None else (numbers + 0.0).view(np.uint32).tolist()

    return (
        file.objects,
        {
            image_id: (
                one.image_id, one.height, one.width, one.clean, one.version,
                {
                    key: (
                        bits(entry.prompts.box), bits(entry.prompts.points),
                        entry.prompts.point_labels.tolist(), pixels(entry.prompts.paint),
                        pixels(entry.prompts.erase), pixels(entry.mask),
                    )
                    for key, entry in one.objects.items()
                },
            )
            for image_id, one in file.annotations.items()
        },
    )  # fmt: skip


@given(annotation_files())
def test_round_trip(tmp_path_factory: pytest.TempPathFactory, file: AnnotationFile) -> None:
    path = tmp_path_factory.getbasetemp() / "round_trip.json"
    write_annotations(path, file)
    again = read_annotations(path)
    assert plain(again) == plain(file)
    assert again == file


def test_an_escaped_lone_surrogate_survives(tmp_path: Path) -> None:
    value = document()
    value["objects"][0]["name"] = "\ud83d"
    path = write_json(tmp_path / "a.json", value)
    write_annotations(path, replace(read_annotations(path), annotations={}))
    assert read_annotations(path).objects[0].name == "\ud83d"


# ---- pixels only when they are asked for


LARGE = RunLengths.of(np.eye(3000, 4000, dtype=bool)).to_json()


def large_document() -> dict[str, Any]:
    value = document()
    prompted: dict[str, Any] = {
        "box": None,
        "points": [],
        "paint": LARGE,
        "erase": None,
        "mask": LARGE,
    }
    value["images"] = {
        f"{number}.png": {
            "size": [3000, 4000], "clean": False, "version": 1,
            "objects": {"1": prompted, "2": {**prompted, "paint": None}},
        }
        for number in range(3)
    }  # fmt: skip
    return value


@pytest.fixture
def no_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("pixels were decoded or encoded")

    monkeypatch.setattr(RunLengths, "mask", refuse)
    monkeypatch.setattr(RunLengths, "of", refuse)


@pytest.mark.usefixtures("no_pixels")
def test_names_ids_and_counts_cost_no_pixels(tmp_path: Path) -> None:
    path = write_json(tmp_path / "annotations.json", large_document())
    tracemalloc.start()
    file = read_annotations(path)
    assert [sorted(one.objects) for one in file.annotations.values()] == [[1, 2]] * 3
    entry = file.annotations["0.png"].objects[1]
    assert entry.is_resolved
    assert entry.has_prompts
    assert not file.annotations["0.png"].objects[2].has_prompts
    assert entry.stored is not None
    assert (entry.stored.code.area, entry.stored.code.box) == (3000, (0, 0, 3000, 3000))
    assert entry == file.annotations["1.png"].objects[1]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 3_000_000  # one of the nine masks has 12 million pixels


@pytest.mark.usefixtures("no_pixels")
def test_masks_that_did_not_change_are_written_as_they_were_read(tmp_path: Path) -> None:
    value = large_document()
    value["images"]["1.png"]["objects"]["1"]["mask"] = {
        "size": [3000, 4000],
        "counts": "00" + LARGE["counts"],  # two empty runs that encoding would not write
    }
    path = write_json(tmp_path / "annotations.json", value)
    file = read_annotations(path)
    clean = Annotation("clean.png", 5, 7, clean=True)
    write_annotations(path, replace(file, annotations={**file.annotations, "clean.png": clean}))
    written = json.loads(path.read_text("utf-8"))
    assert {key: written["images"][key] for key in value["images"]} == value["images"]


def test_a_mask_of_any_size_costs_nothing_to_read(tmp_path: Path) -> None:
    side = 100_000
    value = document()
    counts = RunLengths.parse({"size": [side, side], "counts": [side**2]}).counts
    set_image("size", [side, side])(value)
    for name in ("mask", "paint"):
        set_object(name, {"size": [side, side], "counts": counts})(value)
    path = write_json(tmp_path / "annotations.json", value)
    tracemalloc.start()
    read_annotations(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1_000_000


def test_pixels_are_kept_only_while_somebody_uses_them() -> None:
    entry = ObjectAnnotation(Prompts(paint=MASK.copy()), MASK.copy())
    in_use = entry.mask
    assert entry.mask is in_use
    assert entry.stored is not None
    assert entry.stored.code == RunLengths.of(MASK)
    assert entry.mask is in_use
    used = weakref.ref(in_use) if in_use is not None else None
    del in_use
    gc.collect()
    assert used is not None
    assert used() is None
    np.testing.assert_array_equal(entry.mask, MASK)
    np.testing.assert_array_equal(entry.prompts.paint, MASK)


def test_threads_share_a_mask() -> None:
    masks = [np.random.default_rng(seed).random((50, 60)) > 0.5 for seed in range(40)]
    stored = [StoredMask(mask.copy()) for mask in masks]

    def look(_: int) -> None:
        for mask, one in zip(masks, stored, strict=True):
            assert one.code.shape == one.shape == one.pixels.shape
            np.testing.assert_array_equal(one.pixels, mask)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(look, range(8)))


# ---- equality


def test_object_annotations_are_compared_by_value() -> None:
    def entry(**prompts: Any) -> ObjectAnnotation:  # noqa: ANN401
        return ObjectAnnotation(Prompts(**prompts), MASK.copy())

    box = np.array([0, 0, 1, 1], np.float32)
    assert entry(box=box) == entry(box=box.copy())
    assert entry(box=box) != entry(box=box + 1)
    assert entry(box=box) != entry()
    assert entry(paint=MASK) != entry(erase=MASK)
    assert entry() != ObjectAnnotation(Prompts(), ~MASK)
    assert entry() != ObjectAnnotation(Prompts(), None)
    assert entry() != "something else"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"height": 0}, "at least 1 x 1"),
        ({"version": 0}, "version"),
        ({"clean": True}, "clean"),
        ({"image_id": "../a.png"}, "image_id"),
        ({"height": 3}, "shape"),
        ({"objects": {0: ObjectAnnotation(Prompts(), MASK)}}, "object id"),
        ({"objects": {1: ObjectAnnotation(Prompts(erase=MASK[:1]))}}, "shape"),
    ],
)
def test_annotations_that_contradict_themselves(change: dict[str, Any], message: str) -> None:
    annotation = Annotation("a.png", 2, 3, objects={1: ObjectAnnotation(Prompts(), MASK)})
    with pytest.raises(ValueError, match=message):
        replace(annotation, **change)


# ---- files that are refused


def image(value: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = value["images"]["폴더/a b.png"]
    return found


def set_object(name: str, content: object) -> Callable[[dict[str, Any]], None]:
    return lambda value: image(value)["objects"]["1"].update({name: content})


def set_image(name: str, content: object) -> Callable[[dict[str, Any]], None]:
    return lambda value: image(value).update({name: content})


def set_top(name: str, content: object) -> Callable[[dict[str, Any]], None]:
    return lambda value: value.update({name: content})


OBJECT = 'images."폴더/a b.png".objects.1'
SPEC = {"id": 1, "name": "a", "color": "#ffffff"}


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (set_object("box", [1, 2, 3]), f"{OBJECT}.box: expected four numbers, got [1, 2, 3]"),
        (set_object("box", "wide"), f'{OBJECT}.box: expected four numbers, got "wide"'),
        (set_object("box", [1, 2, 3, True]), f"{OBJECT}.box: expected four numbers"),
        (set_object("box", [1, 2, 3, float("nan")]), f"{OBJECT}.box: expected four numbers"),
        (set_object("box", [1, 2, 3, 1e39]), f"{OBJECT}.box: expected four numbers"),
        (set_object("box", [1, 2, 3, 10**400]), f"{OBJECT}.box: expected four numbers"),
        (set_object("points", 5), f"{OBJECT}.points: expected a list"),
        (set_object("points", [[1, 2, True], 5]), f"{OBJECT}.points[1]: expected x, y and"),
        (set_object("points", [[1, 2]]), f"{OBJECT}.points[0]: expected x, y and true"),
        (set_object("points", [[1, 2, 1]]), f"{OBJECT}.points[0]: expected x, y and true"),
        (set_object("points", [["1", 2, True]]), f"{OBJECT}.points[0]: expected x, y and"),
        (set_object("points", [[1, float("inf"), True]]), f"{OBJECT}.points[0]: expected x"),
        (set_object("mask", "222"), f"{OBJECT}.mask: expected an object"),
        (set_object("mask", {"size": [2, 3]}), f"{OBJECT}.mask.counts: expected a run-length"),
        (
            set_object("mask", {"size": [2, 3], "counts": "22"}),
            f"{OBJECT}.mask.counts: expected a run-length code of 2 x 3 pixels",
        ),
        (
            set_object("paint", {"size": [3, 2], "counts": "222"}),
            f"{OBJECT}.paint.size: expected the size of the image, [2, 3], got [3, 2]",
        ),
        (set_object("boxes", []), f"{OBJECT}.boxes: expected no such key beside box, points"),
        (set_image("objects", {"0": {}}), "objects.0: expected an object id of 1..255 as the"),
        (set_image("objects", {"01": {}}), "objects.01: expected an object id"),
        (set_image("objects", {"256": {}}), "objects.256: expected an object id"),
        (set_image("objects", {"1": None}), f"{OBJECT}: expected an object, got null"),
        (set_image("objects", []), "objects: expected an object, got []"),
        (set_image("clean", 0), "clean: expected true or false, got 0"),
        (set_image("clean", True), "clean: expected false beside objects, got true"),
        (set_image("size", [2]), "size: expected height and width, got [2]"),
        (set_image("size", [0, 3]), "size[0]: expected a whole number of 1.."),
        (set_image("size", [2.0, 3]), "size[0]: expected a whole number of 1.."),
        (set_image("version", 0), "version: expected a whole number of 1.."),
        (set_image("version", None), "version: expected a whole number of 1.."),
        (set_top("images", {"../a.png": {}}), 'images."../a.png": expected a path in the ref'),
        (set_top("images", {"/a.png": {}}), 'images."/a.png": expected a path in the ref'),
        (set_top("images", None), "images: expected an object, got null"),
        (set_top("objects", None), "objects: expected a list, got null"),
        (set_top("objects", [SPEC, SPEC]), "objects: expected each id once"),
        (set_top("objects", [{**SPEC, "id": 256}]), "objects[0].id: expected a whole number of"),
        (set_top("objects", [{**SPEC, "id": True}]), "objects[0].id: expected a whole number"),
        (set_top("objects", [{**SPEC, "name": 5}]), "objects[0].name: expected a text, got 5"),
        (set_top("objects", [{**SPEC, "color": "red"}]), "objects[0].color: expected a colour"),
        (set_top("extra", 1), "extra: expected no such key beside format, version"),
        (set_top("version", 2), "format version 2 and this maskcast reads version 1; update"),
        (set_top("version", None), "format version None and this maskcast reads version 1"),
        (set_top("format", "coco"), 'expected an object with "format": "maskcast-annotations"'),
    ],
)
def test_what_does_not_fit_is_refused_with_its_place(
    tmp_path: Path, change: Callable[[dict[str, Any]], None], sentence: str
) -> None:
    value = document()
    change(value)
    path = write_json(tmp_path / "annotations.json", value)
    with pytest.raises(AnnotationError) as caught:
        read_annotations(path)
    assert sentence in str(caught.value)
    assert str(path) in str(caught.value)
    assert len(str(caught.value)) < len(str(path)) + 300


def test_a_later_version_is_named_before_what_it_added(tmp_path: Path) -> None:
    path = write_json(tmp_path / "a.json", {**document(), "version": 2, "layers": []})
    with pytest.raises(AnnotationError, match="update maskcast"):
        read_annotations(path)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is not JSON"),
        (b"{", "is not JSON"),
        (b"[]", "expected an object"),
        (b"null", "expected an object"),
        (b"\xff\xfe{}", "is not JSON"),
        (b'{"images": {}, "images": {}}', 'the key "images" occurs twice'),
        (b"[" * 100_000, "nested too deeply"),
    ],
)
def test_other_content_is_refused(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "annotations.json"
    path.write_bytes(content)
    with pytest.raises(AnnotationError, match=reason) as caught:
        read_annotations(path)
    assert str(path) in str(caught.value)


def test_a_folder_in_place_of_the_file(tmp_path: Path) -> None:
    with pytest.raises(AnnotationError, match="cannot be read"):
        read_annotations(tmp_path)
