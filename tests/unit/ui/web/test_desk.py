from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest

from maskcast.errors import ConflictError
from maskcast.project.annotations import read_annotations
from maskcast.project.folder import ProjectFolder
from maskcast.ui.edits import AddPoint, Clear, SetBox
from maskcast.ui.session import Session
from maskcast.ui.web.desk import Desk
from maskcast.ui.web.workspace import MOST_DESKS, Workspace
from support import picture, write_png

IMAGE = "a.png"


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    (tmp_path / "maskcast.toml").write_text('engine = "fake"\n')
    for name in (IMAGE, "b.png"):
        write_png(tmp_path / "references" / name, picture(1, size=(64, 80))[0])
    return Workspace(ProjectFolder.open(tmp_path))


@pytest.fixture
def desk(workspace: Workspace) -> Desk:
    made = workspace.new_desk()
    made.open(IMAGE)
    return made


def _point(session: Session) -> None:
    session.apply(AddPoint(20, 30, positive=True))


def _box(session: Session) -> None:
    session.apply(SetBox(10, 20, 14, 23))


def test_a_change_is_saved_at_once(workspace: Workspace, desk: Desk) -> None:
    desk.change(1, IMAGE, [_point])

    saved = read_annotations(workspace.project.annotations_path).annotations[IMAGE]
    assert saved.objects[1].prompts.points.tolist() == [[20, 30]]


def test_a_repeated_change_is_done_once(desk: Desk) -> None:
    desk.change(1, IMAGE, [_point])
    desk.change(1, IMAGE, [_point])

    assert len(desk.snapshot().annotation.objects[1].prompts.points) == 1


def test_a_change_of_another_image_is_not_done(desk: Desk) -> None:
    desk.change(1, "b.png", [_point])

    assert desk.snapshot().annotation.objects == {}


def test_a_preview_waits_for_the_change_it_belongs_to(workspace: Workspace, desk: Desk) -> None:
    def preview() -> None:
        assert desk.await_change(1)
        desk.preview(workspace.segmenter())

    previewing = threading.Thread(target=preview)
    previewing.start()

    desk.change(1, IMAGE, [_box])
    previewing.join(timeout=10)

    expected = np.zeros((64, 80), np.bool_)
    expected[20:23, 10:14] = True
    mask = desk.snapshot().annotation.objects[1].mask
    assert mask is not None
    assert np.array_equal(mask, expected)
    saved = read_annotations(workspace.project.annotations_path).annotations[IMAGE]
    assert saved.objects[1].mask is not None


def test_snapshots_grow_and_only_what_changed_has_a_new_key(desk: Desk) -> None:
    desk.change(1, IMAGE, [_box, lambda session: session.select(2), _point])
    before = desk.snapshot()
    desk.change(2, IMAGE, [_point])
    after = desk.snapshot()

    assert after.revision > before.revision
    assert after.keys[1] == before.keys[1]
    assert after.keys[2] != before.keys[2]


def test_a_key_never_comes_again(desk: Desk) -> None:
    seen: list[int] = []
    for number in range(4):
        step = _box if number % 2 == 0 else lambda session: session.apply(Clear())
        desk.change(number + 1, IMAGE, [step])
        seen += desk.snapshot().keys.values()

    assert len(seen) == 2
    assert len(set(seen)) == 2


def test_after_a_conflict_undo_brings_ones_own_back(workspace: Workspace, desk: Desk) -> None:
    other = workspace.new_desk()
    other.open(IMAGE)
    other.change(1, IMAGE, [_box])

    with pytest.raises(ConflictError):
        desk.change(1, IMAGE, [_point])

    assert desk.snapshot().annotation.objects[1].prompts.box is not None
    desk.change(2, IMAGE, [lambda session: session.undo()])
    mine = desk.snapshot().annotation.objects[1].prompts
    assert mine.points.tolist() == [[20, 30]]
    assert mine.box is None


def test_what_others_saved_is_taken_in_hand(workspace: Workspace, desk: Desk) -> None:
    other = workspace.new_desk()
    other.open(IMAGE)
    other.change(1, IMAGE, [_box])

    assert desk.refresh()
    assert desk.snapshot().annotation.objects[1].prompts.box is not None
    assert not desk.refresh()


def test_desks_are_bounded_and_the_one_unused_longest_goes(workspace: Workspace) -> None:
    first, second = workspace.new_desk(), workspace.new_desk()
    assert workspace.desk(first.name) is first
    for _ in range(MOST_DESKS - 1):
        workspace.new_desk()

    assert workspace.desk(first.name) is first
    assert workspace.desk(second.name) is None


def test_names_of_desks_cannot_be_guessed(workspace: Workspace) -> None:
    names = {workspace.new_desk().name for _ in range(20)}

    assert len(names) == 20
    assert min(len(name) for name in names) >= 32
