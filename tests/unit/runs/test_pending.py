"""The list of targets, streamed, has the names and the order that the whole list would have."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maskcast.io.listing import ImageStream, find_images
from maskcast.io.output_names import output_names, unusual_names, usual_name
from maskcast.io.storage import Url
from maskcast.runs.comparing import TargetList
from maskcast.runs.ledger import Ledger
from maskcast.runs.ledger_rows import TargetRow
from maskcast.runs.pending import PendingTargets

NAMES = st.lists(
    st.tuples(
        st.sampled_from(["a", "A", "é", "e\u0301", "a.png", "a~2", "b"]),
        st.sampled_from([".png", ".jpg", ".PNG", ".png.png", ".jpg~2.png"]),
    ).map("".join),
    unique=True,
    max_size=12,
)


@given(NAMES, NAMES)
def test_names_of_a_folder_are_those_of_the_whole_list(names: list[str], done: list[str]) -> None:
    taken = output_names(done)
    every = sorted({*names, *done})
    unusual = unusual_names(every, taken)
    assert {one: unusual.get(one) or usual_name(one) for one in every} == output_names(every, taken)


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(name.encode())


def pending(folder: Path, ledger: Ledger) -> PendingTargets:
    return PendingTargets(TargetList(ImageStream(folder), folder, ledger))


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.create(tmp_path / "run.db", {}) as opened:
        yield opened


def test_streamed_names_are_those_of_the_whole_list(tmp_path: Path, ledger: Ledger) -> None:
    folder = tmp_path / "targets"
    touch(folder, "b.png", "a.png", "a.jpg", "lot/a.png", "lot/x/a.png", "Lot/A.tif", "z/1.png")
    (folder / "again").symlink_to(folder / "z")
    targets = pending(folder, ledger)
    items = list(targets.items())
    found = [target.image_id for target in find_images(folder).targets]
    assert {item.image_id: item.name for item in items} == output_names(found)
    assert (targets.listed, targets.pending) == (7, 7)
    assert any("listed already" in note for note in targets.notes())


def test_what_is_done_is_left_out_and_keeps_its_name(tmp_path: Path, ledger: Ledger) -> None:
    folder = tmp_path / "targets"
    touch(folder, "a.png", "lot/b.png", "lot/b.jpg", "lot/c.png", "lot 2/b.png")
    ledger.record(TargetRow("lot/b.png", "lot/b", "done", file_size=len("lot/b.png")))
    ledger.record(TargetRow("a.png", "a", "done", file_size=len("a.png")))
    ledger.record(TargetRow("lot/c.png", "lot/c", "failed", reason="it was broken"))
    targets = pending(folder, ledger)
    items = [(item.image_id, item.name) for item in targets.items()]
    expected = [("lot/b.jpg", "lot/b.jpg"), ("lot/c.png", "lot/c"), ("lot 2/b.png", "lot 2/b")]
    assert sorted(items) == sorted(expected)
    assert (targets.listed, targets.pending) == (5, 3)
    assert targets.notes() == ()


def test_the_first_targets_come_before_the_list_ends(tmp_path: Path, ledger: Ledger) -> None:
    folder = tmp_path / "targets"
    touch(folder, "lot 1/a.png", "lot 2/a.png")
    targets = pending(folder, ledger)
    first = next(targets.items())
    assert first.image_id == "lot 1/a.png"
    assert targets.listed == 1


def test_a_store_is_listed_like_a_folder(tmp_path: Path, ledger: Ledger) -> None:
    pytest.importorskip("fsspec")
    names = ["a.png", "a.jpg", "lot/x/b.png", "notes.txt", "out/masks/a.png"]
    touch(tmp_path / "targets", *names)
    place = Url.parse("memory://listed")
    for name in names:
        (place / name).write_bytes(name.encode())
    here = ImageStream(tmp_path / "targets", [tmp_path / "targets" / "out"])
    there = ImageStream(place, [place / "out"])
    listed = [
        [[image_id for images in group for image_id in images.image_ids()] for group in groups]
        for groups in (here.groups(), there.groups())
    ]
    assert listed[0] == listed[1] == [["a.jpg", "a.png"], [], ["lot/x/b.png"]]
    assert "1 file is not an image" in there.sentences()[0]
    fresh = PendingTargets(TargetList(ImageStream(place, [place / "out"]), place, ledger))
    assert [(item.name, item.size) for item in fresh.items()] == [
        ("a.jpg", 5),
        ("a.png", 5),
        ("lot/x/b", 11),
    ]
