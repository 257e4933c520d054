"""The whole labeler on a canvas without a window: what is shown, told and saved."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock
from matplotlib.backend_bases import LocationEvent, MouseButton, MouseEvent, ResizeEvent
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from desk_support import LEFT, MIDDLE, NAMES, PANEL, RIGHT, SHAPE, WINDOW, Desk
from maskcast.drawing.palette import Color
from maskcast.errors import StorageError
from maskcast.project.annotations import Annotation, read_annotations
from maskcast.project.folder import ProjectFolder
from maskcast.project.store import AnnotationStore
from maskcast.ui.brush import stroke_mask
from maskcast.ui.controls import Tool
from maskcast.ui.desktop.stage import Stage
from maskcast.ui.desktop.view import BACKGROUND
from maskcast.ui.desktop.worker import Changed, News
from support import picture, write_png


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    for number, name in enumerate(NAMES):
        write_png(tmp_path / "references" / name, picture(number, size=SHAPE)[0])
    desk = Desk(ProjectFolder.open(tmp_path))
    yield desk
    desk.worker.close()


def test_the_image_fills_its_part_of_the_window(desk: Desk) -> None:
    room = WINDOW[0] - PANEL, WINDOW[1]
    scale = min(room[0] / SHAPE[1], room[1] / SHAPE[0]) / 1.04
    assert desk.labeler.stage.view.scale == pytest.approx(scale)
    # Where the top left pixel of the image is shown, as large as ``scale``.
    left, top = (side / 2 - scale * half for side, half in zip(room, (40, 32), strict=True))
    pixels = desk.pixels
    assert tuple(pixels[round(top + scale / 2), round(left + scale / 2)]) == tuple(
        desk.session.image[0, 0]
    )
    assert tuple(pixels[round(top) - 3, round(left) - 3]) == BACKGROUND
    assert desk.window.title == "a.png - maskcast"


def test_a_stroke_on_the_window_is_the_stroke_of_its_path(desk: Desk) -> None:
    desk.press("b")
    path = [(10.0, 10.0), (60.0, 12.0), (60.0, 50.0)]
    desk.drag(LEFT, *path)
    paint = desk.annotation.objects[1].prompts.paint
    assert paint is not None
    radius = desk.labeler._radius
    expected = stroke_mask(np.array(path, np.float32), radius, SHAPE)
    assert (paint != expected).mean() < 0.02  # the mouse stands on whole screen pixels


def test_painting_shows_only_what_changed_and_ends_as_if_drawn_anew(desk: Desk) -> None:
    desk.drag(LEFT, (5, 5), (70, 60))  # lines that are over everything
    desk.press("b")
    desk.mouse("button_press_event", 10, 10, LEFT)
    desk.mouse("motion_notify_event", 12, 10)
    desk.window.paper.shown.clear()
    desk.mouse("motion_notify_event", 16, 12)
    assert len(desk.window.paper.shown) == 1
    (left, bottom), (right, top) = desk.window.paper.shown[0]
    assert (right - left) * (top - bottom) < 0.1 * WINDOW[0] * WINDOW[1]
    while_painting = desk.pixels
    desk.labeler.redraw()
    assert (np.abs(while_painting.astype(int) - desk.pixels) > 3).mean() < 0.001


def test_a_mouse_move_without_a_button_draws_only_the_ring(desk: Desk) -> None:
    desk.press("b")
    before = desk.pixels
    desk.mouse("motion_notify_event", 40, 30)
    assert (desk.pixels != before).any()
    figure_leave = LocationEvent("figure_leave_event", desk.canvas, 0, 0)
    desk.canvas.callbacks.process("figure_leave_event", figure_leave)
    assert (desk.pixels == before).all()
    assert desk.annotation.objects == {}


def test_pan_and_zoom_in_progress_make_no_prompts(desk: Desk) -> None:
    view = desk.labeler.stage.view
    desk.press("p")
    desk.drag(LEFT, (20, 20), (40, 30))
    assert desk.labeler.stage.view != view
    desk.drag(RIGHT, (20, 20), (40, 30))
    desk.drag(MIDDLE, (20, 20))
    desk.press("z")
    desk.drag(LEFT, (20, 20), (40, 30))
    assert desk.labeler.stage.view.scale > 1.5 * view.scale
    assert desk.annotation.objects == {}
    desk.press("z", "f")
    assert desk.labeler.stage.view == view
    desk.drag(LEFT, (20, 20))
    assert len(desk.annotation.objects[1].prompts.points) == 1


def test_keys_wait_while_a_button_is_held_and_escape_breaks_off(desk: Desk) -> None:
    desk.press("b")
    desk.mouse("button_press_event", 10, 10, LEFT)
    desk.mouse("motion_notify_event", 30, 10)
    radius = desk.labeler._radius
    desk.press("n", "right", "c", "q", "ctrl+z", "]")
    assert (desk.session.object_id, desk.annotation.image_id) == (1, "a.png")
    assert desk.labeler._radius == radius  # the ring shows what is being painted
    assert not desk.window.closed
    desk.press("escape")
    desk.mouse("button_release_event", 30, 10, LEFT)
    assert desk.annotation.objects == {}


def test_objects_and_pages(desk: Desk) -> None:
    desk.press("pagedown", "pagedown")
    actions = {spot.action.object_id for spot in desk.labeler._spots} - {0}
    assert actions == set(range(33, 49))
    assert desk.session.object_id == 1
    spot = next(spot for spot in desk.labeler._spots if spot.action.object_id == 40)
    event = MouseEvent(
        "button_press_event",
        desk.canvas,
        WINDOW[0] - PANEL + spot.rect.left + 3,
        WINDOW[1] - spot.rect.top - 3,
        LEFT,
    )
    desk.canvas.callbacks.process("button_press_event", event)
    assert desk.session.object_id == 40
    desk.press("n")
    assert desk.session.object_id == 41
    desk.press("7")
    assert desk.session.object_id == 7
    assert desk.labeler._first_id == 1


def test_after_the_last_id_comes_the_first(desk: Desk) -> None:
    desk.session.select(255)
    desk.press("n")
    assert desk.session.object_id == 1


def test_references_are_walked_and_the_ends_are_told(desk: Desk) -> None:
    desk.press("left")
    assert (desk.annotation.image_id, desk.told) == ("a.png", "this is the first image")
    desk.press("right", ".", ".")
    assert (desk.annotation.image_id, desk.told) == ("c.png", "this is the last image")
    desk.press(",")
    assert desk.annotation.image_id == "b.png"
    assert desk.window.title == "b.png - maskcast"


def test_a_damaged_reference_is_told_and_passed_over(desk: Desk) -> None:
    (desk.path.parent / "b.png").write_bytes(b"torn")
    desk.press("right")
    assert desk.annotation.image_id == "c.png"
    assert "b.png" in desk.told


def test_a_reference_goes_into_the_bin_and_comes_back_with_its_annotation(desk: Desk) -> None:
    desk.drag(LEFT, (20, 18), (50, 45))
    desk.press("ctrl+delete")
    path = desk.path.parent
    assert not (path / NAMES[0]).exists()
    assert desk.session.annotation.image_id == NAMES[1]
    assert "in the bin" in desk.labeler._message
    assert NAMES[0] not in read_annotations(desk.path).annotations
    desk.press("ctrl+backspace")
    assert desk.session.annotation.image_id == NAMES[0]
    assert desk.session.annotation.objects[1].prompts.box is not None
    assert desk.labeler._image_ids == list(NAMES)
    desk.press("ctrl+backspace")
    assert "no reference is in the bin" in desk.labeler._message


def test_the_only_reference_stays(desk: Desk) -> None:
    for _ in NAMES:
        desk.press("ctrl+delete")
    assert "only reference" in desk.labeler._message
    assert (desk.path.parent / desk.session.annotation.image_id).exists()


def test_undo_redo_delete_and_clean(desk: Desk) -> None:
    desk.drag(LEFT, (20, 20), (50, 50))
    desk.drag(LEFT, (30, 30))
    desk.mouse("motion_notify_event", 31, 31)
    desk.press("d")
    assert len(desk.annotation.objects[1].prompts.points) == 0
    desk.press("ctrl+z")
    assert len(desk.annotation.objects[1].prompts.points) == 1
    desk.press("ctrl+shift+z")
    assert len(desk.annotation.objects[1].prompts.points) == 0
    desk.press("c")
    assert desk.annotation.clean
    assert "1 object was" in desk.told
    desk.press("c")
    assert not desk.annotation.clean


def test_the_help_covers_the_image_until_any_key(desk: Desk) -> None:
    before = desk.pixels
    desk.press("?")
    assert (desk.pixels != before).mean() > 0.1
    desk.drag(LEFT, (20, 20), (50, 50))  # closes it, draws nothing
    assert desk.annotation.objects == {}
    assert (desk.pixels == before).all()
    desk.press("?", "n")
    assert desk.session.object_id == 2
    assert not desk.labeler.shows_help


def test_a_conflict_is_told_and_undo_brings_ones_own_back(desk: Desk) -> None:
    AnnotationStore(desk.path).save(Annotation("a.png", *SHAPE, clean=True), base=0)
    desk.drag(LEFT, (20, 20), (50, 50))
    desk.press("ctrl+s")
    desk.worker.start()
    desk.wait_until(lambda: "somebody else" in desk.told)
    assert desk.annotation.clean
    desk.press("ctrl+z", "ctrl+s")
    desk.wait_until(lambda: desk.told == "saved")
    saved = read_annotations(desk.path).annotations["a.png"]
    assert saved.objects[1].prompts.box is not None


def test_what_nobody_expected_is_told_and_the_window_lives_on(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> bool:
        raise KeyError("odd")

    monkeypatch.setattr(desk.session, "undo", fail)
    desk.press("ctrl+z")
    assert desk.told == "unexpected: KeyError: 'odd'"
    assert "Traceback" in caplog.text
    desk.press("n")
    assert desk.session.object_id == 2


@pytest.mark.parametrize("key", ["[", "]"])
def test_the_radius_stays_usable(desk: Desk, key: str) -> None:
    radii = []
    for _ in range(60):
        desk.press(key)
        radii.append(desk.labeler._radius)
    assert radii == sorted(radii, reverse=key == "[")
    assert radii[-1] == (0.5 if key == "[" else 500)


def test_the_wheel_changes_the_radius_of_the_brush_and_zooms_elsewhere(desk: Desk) -> None:
    def turn(step: float, *modifiers: str) -> None:
        x, y = 200, 300
        event = MouseEvent("scroll_event", desk.canvas, x, y, None, step=step, modifiers=modifiers)
        desk.canvas.callbacks.process("scroll_event", event)

    scale = desk.labeler.stage.view.scale
    turn(1)
    assert desk.labeler.stage.view.scale == pytest.approx(1.25 * scale)
    turn(-1)
    desk.press("b")
    radius = desk.labeler._radius
    turn(1)
    assert desk.labeler._radius > radius
    assert desk.labeler.stage.view.scale == pytest.approx(scale)
    radius = desk.labeler._radius
    turn(1, "ctrl")
    assert desk.labeler._radius == radius
    assert desk.labeler.stage.view.scale == pytest.approx(1.25 * scale)
    desk.press("b")
    desk.mouse("button_press_event", 20, 20, LEFT)
    turn(1)  # while a box is drawn, the image stays where it is
    assert desk.labeler.stage.view.scale == pytest.approx(1.25 * scale)


def test_q_finishes(desk: Desk) -> None:
    desk.worker.start()
    desk.drag(LEFT, (20, 20), (50, 50))
    desk.press("q")
    desk.wait_until(lambda: desk.window.closed)
    assert read_annotations(desk.path).annotations["a.png"].objects.keys() == {1}


def test_q_shows_a_conflict_before_it_finishes(desk: Desk) -> None:
    AnnotationStore(desk.path).save(Annotation("a.png", *SHAPE, clean=True), base=0)
    desk.drag(LEFT, (20, 20), (50, 50))
    desk.press("q")
    desk.worker.start()
    desk.wait_until(lambda: "undo brings yours back" in desk.told)
    assert not desk.window.closed
    desk.press("q")
    desk.wait_until(lambda: desk.window.closed)


def test_a_full_disk_keeps_nobody_from_leaving(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def save() -> None:
        raise StorageError("no space is left")

    monkeypatch.setattr(desk.session, "save", save)
    desk.worker.start()
    desk.press("q")
    desk.wait_until(lambda: desk.window.closed)


def test_the_window_does_not_wait_for_somebody_who_writes_the_file(desk: Desk) -> None:
    desk.worker.start()

    def work() -> None:
        desk.drag(LEFT, (20, 20), (50, 50))
        desk.press("ctrl+s")
        assert desk.told == "saving"
        desk.press("right")
        desk.drag(LEFT, (20, 20), (50, 50))
        desk.press("left", "ctrl+z", "ctrl+shift+z", "q")
        desk.inputs.take_news()

    with FileLock(desk.path.with_name(".annotations.lock")):
        working = threading.Thread(target=work)
        working.start()
        working.join(5)
        assert not working.is_alive()
        assert not desk.window.closed
        assert not desk.path.exists()
    desk.wait_until(lambda: desk.window.closed)
    assert read_annotations(desk.path).annotations.keys() == {"a.png", "b.png"}


def test_the_mouse_stays_where_it_is_when_the_view_changes(desk: Desk) -> None:
    """D, the ring and the keys of the zoom mean the place under the mouse, not where it was."""
    desk.drag(LEFT, (20, 20))
    desk.mouse("motion_notify_event", 20, 20)
    desk.press("+", "+", "+", "d")  # the view is larger around the mouse
    assert desk.annotation.objects == {}
    desk.drag(LEFT, (30, 30))
    desk.mouse("motion_notify_event", 30, 30)
    desk.press("f", "d")  # and now the point is elsewhere on the screen
    assert desk.told == "no prompt is near"
    desk.press("right", "left")
    assert desk.labeler.mouse is not None


def test_the_middle_button_says_so_when_nothing_is_near(desk: Desk) -> None:
    desk.drag(LEFT, (20, 20))
    desk.drag(MIDDLE, (70, 60))
    assert desk.told == "no prompt is near"
    desk.drag(MIDDLE, (21, 21))
    assert desk.annotation.objects == {}


def test_masks_can_be_hidden_until_something_is_drawn(desk: Desk) -> None:
    bare = desk.pixels[:, : WINDOW[0] - PANEL]
    desk.press("b")
    desk.drag(LEFT, (20, 20), (50, 50))
    desk.press("b")
    painted = desk.pixels[:, : WINDOW[0] - PANEL]
    assert (painted != bare).any()
    desk.press("v")
    assert (desk.pixels[:, : WINDOW[0] - PANEL] == bare).all()
    desk.press("v")
    assert (desk.pixels[:, : WINDOW[0] - PANEL] == painted).all()
    desk.press("v")
    desk.drag(LEFT, (10, 40), (30, 55))
    again = desk.pixels[:, : WINDOW[0] - PANEL]
    view = desk.labeler.stage.view
    x, y = (round((at - corner) * view.scale) for at, corner in ((35, view.x), (35, view.y)))
    assert (again[y, x] != bare[y, x]).any()
    desk.press("v")
    desk.drag(RIGHT, (70, 10))
    assert (desk.pixels[y, x] != bare[y, x]).any()


@pytest.mark.parametrize(("button", "channel"), [(LEFT, 1), (RIGHT, 0)])
def test_points_on_the_object_are_green_and_beside_it_red(
    desk: Desk, button: MouseButton, channel: int
) -> None:
    desk.drag(button, (40, 30))
    view = desk.labeler.stage.view
    x, y = round((40 - view.x) * view.scale), round((30 - view.y) * view.scale)
    color = desk.pixels[y + 3, x + 3].astype(int)  # between the arms of the sign
    assert color.argmax() == channel
    assert color[channel] > 2 * color[1 - channel]


def test_news_do_not_disturb_a_stroke(desk: Desk) -> None:
    desk.press("b")
    desk.mouse("button_press_event", 10, 10, LEFT)
    desk.worker._news.put(Changed())
    desk.window.paper.shown.clear()
    desk.inputs.take_news()
    assert desk.window.paper.shown == []
    desk.mouse("button_release_event", 10, 10, LEFT)
    desk.worker._news.put(Changed())
    desk.inputs.take_news()
    assert len(desk.window.paper.shown) > 0


def test_a_window_that_changes_its_size_keeps_what_is_looked_at(desk: Desk) -> None:
    def resize(width: int, height: int) -> None:
        desk.canvas.figure.set_size_inches(width / 100, height / 100)
        event = ResizeEvent("resize_event", desk.canvas)
        desk.canvas.callbacks.process("resize_event", event)

    whole = desk.labeler.stage.view.scale
    resize(1400, 1000)
    assert desk.labeler.stage.view.scale > whole
    resize(*WINDOW)
    assert desk.labeler.stage.view.scale == pytest.approx(whole)
    desk.press("+", "+")
    closer = desk.labeler.stage.view.scale
    resize(1400, 1000)
    assert desk.labeler.stage.view.scale == closer
    desk.press("?")
    resize(600, 400)
    card = (desk.pixels == (76, 154, 255)).all(axis=2)  # its edge
    assert card[200:, 60].any()  # made smaller, not cut
    assert card[200:, -60].any()


def test_news_that_fail_leave_the_window_alive(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> list[News]:
        raise KeyError("odd")

    monkeypatch.setattr(desk.worker, "news", fail)
    desk.inputs.take_news()
    assert desk.told == "unexpected: KeyError: 'odd'"
    assert "Traceback" in caplog.text


@pytest.mark.parametrize("ratio", [1.0, 2.0])
def test_what_is_near_is_judged_by_the_eye_on_any_screen(desk: Desk, ratio: float) -> None:
    desk.canvas._set_device_pixel_ratio(ratio)  # type: ignore[attr-defined]
    desk.labeler.resize()
    assert desk.labeler.stage.ratio == ratio
    assert desk.labeler.situation().scale * ratio == pytest.approx(desk.labeler.stage.view.scale)


@pytest.mark.parametrize(
    ("inches", "ratio", "panel"),
    [
        ((12.8, 8.0), 1.0, 380),
        ((12.8, 8.0), 2.0, 760),  # twice the pixels on the same window
        ((7.2, 8.0), 1.0, 324),
        ((7.2, 5.6), 1.0, 304),
        ((3.0, 2.0), 1.0, 236),
    ],
)
def test_a_small_window_leaves_room_for_the_image(
    inches: tuple[float, float], ratio: float, panel: int
) -> None:
    canvas = FigureCanvasAgg(Figure(figsize=inches, dpi=100))
    canvas._set_device_pixel_ratio(ratio)  # type: ignore[attr-defined]
    stage = Stage(canvas)
    stage.resize()
    assert stage.panel_area.width == panel
    assert stage.area.width + panel == round(100 * inches[0] * ratio)


def test_u_paints_what_is_unknown_and_goes_back_to_the_object(desk: Desk) -> None:
    desk.press("3", "u")
    assert desk.labeler.has_brush
    desk.drag(LEFT, (20, 20), (60, 20))
    desk.drag(RIGHT, (50, 10), (50, 30))
    unknown = desk.annotation.unknown
    assert unknown is not None
    assert unknown.pixels[20, 25]
    assert not unknown.pixels[20, 50]
    assert desk.annotation.objects == {}

    desk.press("u")
    assert desk.labeler.tool == Tool.BOX
    desk.drag(LEFT, (10, 30), (30, 50))
    assert desk.annotation.objects.keys() == {3}
    desk.press("ctrl+z", "ctrl+z", "ctrl+z")
    assert desk.annotation.unknown is None


def test_a_point_among_unknown_pixels_is_explained(desk: Desk) -> None:
    desk.press("u", "escape")
    desk.drag(LEFT, (20, 20))
    assert desk.annotation.objects == {}
    assert "dragged as a box" in desk.labeler._message
    desk.drag(LEFT, (20, 20), (40, 30))
    assert desk.annotation.unknown is not None
    assert abs(int(desk.annotation.unknown.pixels.sum()) - 200) < 60


def test_the_chosen_object_is_named_and_coloured(desk: Desk) -> None:
    desk.worker.start()
    desk.press("2")
    desk.window.answer, desk.window.chosen = " 긁힘 ", (1, 2, 3)
    desk.press("f2", "k")
    assert desk.window.asked[0] == ("Name of object 2", "object 2")

    def saved() -> list[tuple[str, Color]]:
        return [(spec.name, spec.color) for spec in read_annotations(desk.path).objects]

    desk.wait_until(lambda: saved() == [("긁힘", (1, 2, 3))])
    desk.press("3", "f2")
    desk.wait_until(lambda: "object 2 is called 긁힘 already" in desk.told)
    desk.wait_until(lambda: desk.labeler._summaries[3].spec.name == "object 3")
    desk.press("u", "f2", "k")
    assert desk.told == "unknown pixels have no name; choose an object first"
    desk.window.answer = None
    asked = len(desk.window.asked)
    desk.press("u", "f2")
    assert len(desk.window.asked) == asked + 1


def test_names_of_maskcast_toml_are_changed_there(tmp_path: Path) -> None:
    write_png(tmp_path / "references" / "a.png", picture(0, size=SHAPE)[0])
    (tmp_path / "maskcast.toml").write_text('[[objects]]\nid = 1\nname = "hole"\n')
    desk = Desk(ProjectFolder.open(tmp_path))
    desk.press("f2")
    assert desk.told == "maskcast.toml names object 1; change it there"
    assert desk.window.asked == []
    desk.worker.close()
