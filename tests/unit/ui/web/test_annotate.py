from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from maskcast.project.folder import ProjectFolder
from maskcast.types import Mask
from maskcast.ui.session import Segmenter, SegmentRequest
from maskcast.ui.shown_references import ReferenceImages
from maskcast.ui.web.annotate import AnnotateService
from maskcast.ui.web.bounds import Bounds
from maskcast.ui.web.workspace import Workspace
from pictures import picture_in
from support import picture, write_png


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    root.mkdir()
    (root / "maskcast.toml").write_text('engine = "fake"\n[[objects]]\nid = 3\nname = "crack"\n')
    for name in ("a.png", "b.png"):
        write_png(root / "references" / name, picture(1, size=(64, 80))[0])
    return root


@pytest.fixture
def service(folder: Path) -> AnnotateService:
    return AnnotateService(Workspace(ProjectFolder.open(folder)))


def start(service: AnnotateService, image: str = "a.png") -> str:
    desk: str = service.answer({"do": "start"})["desk"]
    assert service.answer({"do": "open", "desk": desk, "image": image})["ok"]
    return desk


def change(desk: str, number: int, *steps: dict[str, Any], image: str = "a.png") -> dict[str, Any]:
    return {"do": "change", "desk": desk, "image": image, "number": number, "steps": list(steps)}


def in_background(call: Callable[[], dict[str, Any]]) -> Future[dict[str, Any]]:
    """Unlike a pool's, a thread that hangs lets the tests end."""
    future: Future[dict[str, Any]] = Future()
    threading.Thread(target=lambda: future.set_result(call()), daemon=True).start()
    return future


POINT = {"kind": "point", "object": 1, "x": 20.5, "y": 30.5, "positive": True}
BOX = {"kind": "box", "object": 2, "x0": 14, "y0": 23, "x1": 10, "y1": 20}
STROKE = {"kind": "stroke", "object": 3, "path": [[5, 5], [9, 5]], "radius": 2, "erase": False}


def test_a_page_starts_with_all_references_and_sixteen_objects(service: AnnotateService) -> None:
    reply = service.answer({"do": "start"})

    assert [entry["image"] for entry in reply["references"]] == ["a.png", "b.png"]
    assert [entry["id"] for entry in reply["objects"]] == list(range(1, 17))
    assert reply["objects"][2]["name"] == "crack"
    assert reply["objects"][2]["fixed"]
    assert not reply["objects"][0]["fixed"]


def test_steps_of_every_kind_arrive(service: AnnotateService) -> None:
    desk = start(service)

    scene = service.answer(change(desk, 1, POINT, BOX, STROKE))["scene"]

    assert scene["objects"]["1"]["points"] == [[20.5, 30.5, True]]
    assert scene["objects"]["2"]["box"] == [10, 20, 14, 23]
    assert scene["objects"]["3"]["mask"]["area"] > 0
    delete = {"kind": "delete", "object": 1, "x": 21, "y": 31, "reach": 3}
    clear = {"kind": "clear", "object": 2}
    scene = service.answer(change(desk, 2, delete, clear))["scene"]
    assert list(scene["objects"]) == ["3"]
    scene = service.answer(change(desk, 3, {"kind": "clean", "clean": True}))["scene"]
    assert scene["clean"]
    assert scene["objects"] == {}
    scene = service.answer(change(desk, 4, {"kind": "undo"}, {"kind": "undo"}))["scene"]
    assert list(scene["objects"]) == ["2", "3"]
    scene = service.answer(change(desk, 5, {"kind": "redo"}))["scene"]
    assert list(scene["objects"]) == ["3"]


def test_problems_do_not_tell_where_the_project_is(service: AnnotateService, folder: Path) -> None:
    (folder / "references" / "cut.png").write_bytes(b"no picture")

    for image in ("cut.png", "gone.png"):
        text = service.answer({"do": "picture", "image": image})["problem"]["text"]
        assert image in text
        assert str(folder.parent) not in text


def test_a_preview_brings_the_mask_once(service: AnnotateService) -> None:
    desk = start(service)
    service.answer(change(desk, 1, BOX))

    preview = {"do": "preview", "desk": desk, "number": 1}
    found = service.answer(preview)["scene"]["objects"]["2"]

    assert (found["mask"]["x"], found["mask"]["y"], found["mask"]["area"]) == (10, 20, 12)
    again = service.answer({**preview, "known": [found["key"]]})["scene"]["objects"]["2"]
    assert again["key"] == found["key"]
    assert "mask" not in again


def test_counts_and_thumbnails_follow(service: AnnotateService) -> None:
    desk = start(service)
    service.answer(change(desk, 1, STROKE))

    reply = service.answer({"do": "list"})

    assert reply["references"][0] == {"image": "a.png", "clean": False, "objects": [3]}
    assert reply["objects"][2]["count"] == 1
    assert reply["objects"][2]["thumbnail"].startswith("data:image/jpeg;base64,")


def test_a_conflict_is_told_and_shows_the_other_work(service: AnnotateService) -> None:
    first, second = start(service), start(service)
    service.answer(change(first, 1, BOX))

    reply = service.answer(change(second, 1, POINT))

    assert reply["problem"]["kind"] == "conflict"
    assert "somebody else" in reply["problem"]["text"]
    assert list(reply["scene"]["objects"]) == ["2"]


def test_a_desk_that_is_not_known_has_expired(service: AnnotateService) -> None:
    assert service.answer(change("nobody", 1, POINT))["expired"]


@pytest.mark.parametrize(
    "image", ["../maskcast.toml", "/etc/passwd", "annotations.json", "", "link.png", "nothing.png"]
)
def test_only_references_are_opened(service: AnnotateService, folder: Path, image: str) -> None:
    write_png(folder.parent / "outside.png", picture(1)[0])
    (folder / "references" / "link.png").symlink_to(folder.parent / "outside.png")
    desk = start(service)

    assert "problem" in service.answer({"do": "open", "desk": desk, "image": image})
    assert "problem" in service.answer({"do": "picture", "image": image})
    shown = service.answer({"do": "thumbnails", "images": [image]})["thumbnails"]
    assert shown == {image: None}
    listed = service.answer({"do": "list"})["references"]
    assert [entry["image"] for entry in listed] == ["a.png", "b.png"]


@pytest.mark.parametrize(
    "message",
    [
        {},
        {"do": "dance"},
        {"do": "start", "more": 1},
        {"do": "name", "object": 256, "name": "x", "color": "#112233"},
        {"do": "name", "object": 1, "name": "x", "color": "red"},
        {"do": "name", "object": 1, "name": "x" * 101, "color": "#112233"},
        change("d", 0, POINT),
        change("d", 1),
        change("d", 1, {**POINT, "x": float("nan")}),
        change("d", 1, {**POINT, "x": 1e300}),
        change("d", 1, {**POINT, "object": -1}),
        change("d", 1, {**STROKE, "radius": 0}),
        change("d", 1, {**STROKE, "path": []}),
        change("d", 1, {**STROKE, "path": [[1, 2]] * 20_001}),
        change("d", 1, {"kind": "explode"}),
    ],
)
def test_anything_else_is_refused_in_words(
    service: AnnotateService, message: dict[str, Any]
) -> None:
    reply = service.answer(message)

    assert not reply["ok"]
    assert "load it again" in reply["problem"]["text"]


def test_a_damaged_reference_is_told_and_the_one_in_hand_stays(
    service: AnnotateService, folder: Path
) -> None:
    (folder / "references" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    desk = start(service)

    reply = service.answer({"do": "open", "desk": desk, "image": "broken.png"})

    assert "broken.png" in reply["problem"]["text"]
    assert reply["scene"]["image"] == "a.png"


def test_two_objects_have_two_names(service: AnnotateService) -> None:
    name = {"do": "name", "name": "crack", "color": "#abcdef"}
    refused = service.answer({**name, "object": 1})
    assert "object 3 is called crack already" in refused["problem"]["text"]
    assert service.answer({**name, "object": 1, "name": "scratch"})["ok"]
    assert service.answer({**name, "object": 1, "name": "scratch"})["ok"]
    assert not service.answer({**name, "object": 2, "name": " scratch "})["ok"]


def test_a_name_is_kept_and_shown_to_all(service: AnnotateService) -> None:
    service.answer({"do": "name", "object": 1, "name": " 긁힘 ", "color": "#ABCDEF"})

    first = service.answer({"do": "list"})["objects"][0]
    assert (first["name"], first["color"]) == ("긁힘", "#abcdef")


def test_sixteen_bits_are_shown_through_the_window_of_the_references(
    service: AnnotateService, folder: Path
) -> None:
    values = np.linspace(1000, 1255, 64 * 80).reshape(64, 80).astype(np.uint16)
    tifffile.imwrite(folder / "references" / "deep.tif", values)

    url = service.answer({"do": "picture", "image": "deep.tif"})["picture"]

    shown = picture_in(url)
    assert shown.shape == (64, 80, 3)
    assert shown.min() <= 1
    assert shown.max() >= 254


def test_a_part_of_a_picture_is_in_full(service: AnnotateService) -> None:
    whole = picture_in(service.answer({"do": "picture", "image": "a.png"})["picture"])
    message = {"do": "picture", "image": "a.png", "part": [10, 20, 30, 25]}

    part = picture_in(service.answer(message)["picture"])

    assert np.array_equal(part, whole[20:25, 10:30])
    assert "problem" in service.answer({**message, "part": [30, 20, 30, 25]})


def test_another_picture_is_opened_while_a_mask_is_computed(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both need the desk and a turn: whoever has a turn may wait for the desk, not the reverse."""
    service = AnnotateService(Workspace(ProjectFolder.open(folder), Bounds(pixels=1)))
    desk = start(service)
    service.answer(change(desk, 1, POINT))
    begun, go_on = threading.Event(), threading.Event()
    segment, turn = Segmenter.segment, ReferenceImages.turn

    def slow(segmenter: Segmenter, request: SegmentRequest) -> Mask:
        begun.set()
        assert go_on.wait(10)
        return segment(segmenter, request)

    def told(images: ReferenceImages, image_id: str) -> AbstractContextManager[None]:
        go_on.set()
        return turn(images, image_id)

    monkeypatch.setattr(Segmenter, "segment", slow)
    preview = in_background(lambda: service.answer({"do": "preview", "desk": desk, "number": 1}))
    assert begun.wait(10)
    monkeypatch.setattr(ReferenceImages, "turn", told)
    opened = in_background(lambda: service.answer({"do": "open", "desk": desk, "image": "b.png"}))
    assert preview.result(10)["ok"]
    assert opened.result(10)["scene"]["image"] == "b.png"
