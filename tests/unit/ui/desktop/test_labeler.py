"""The whole labeler on a canvas without a window: what is shown, told and saved."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from matplotlib.backend_bases import KeyEvent, LocationEvent, MouseButton, MouseEvent
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from maskcast.annotations import Annotation, read_annotations
from maskcast.engines.base import EngineSettings
from maskcast.engines.fake import FakeEngine
from maskcast.project import Project
from maskcast.ui.brush import stroke_mask
from maskcast.ui.desktop.inputs import Inputs
from maskcast.ui.desktop.labeler import Labeler
from maskcast.ui.desktop.view import BACKGROUND
from maskcast.ui.desktop.worker import Worker
from maskcast.ui.images import ReferenceImages
from maskcast.ui.session import Segmenter, Session
from maskcast.ui.store import AnnotationStore
from maskcast.ui.thumbnails import ObjectGallery
from support import picture, write_png

NAMES = ("a.png", "b.png", "c.png")
SHAPE = (64, 80)
WINDOW = (780, 600)
PANEL = 380


class Canvas(FigureCanvasAgg):
    """Remembers what was shown anew."""

    shown: list[npt.NDArray[np.float64]]

    def blit(self, bbox: object = None) -> None:
        assert bbox is not None
        self.shown.append(np.asarray(bbox))


class PaperWindow:
    """A window that nobody sees."""

    def __init__(self) -> None:
        figure = Figure(figsize=(WINDOW[0] / 100, WINDOW[1] / 100), dpi=100)
        self.paper = Canvas(figure)
        self.paper.shown = []
        self.canvas: FigureCanvasAgg = self.paper
        self.title = ""
        self.closed = False

    def set_title(self, title: str) -> None:
        self.title = title

    def show(self) -> None:
        """Never."""

    def run(self) -> None:
        """Never."""

    def close(self) -> None:
        self.closed = True


class Desk:
    """A labeler whose worker does not run by itself, and somebody at its mouse."""

    def __init__(self, project: Project) -> None:
        self.path = project.annotations_path
        images, store = ReferenceImages(project), AnnotationStore(project.annotations_path)
        self.session = Session(store, images)
        self.session.open("a.png")
        segmenter = Segmenter(FakeEngine(EngineSettings()))
        self.worker = Worker(self.session, segmenter, ObjectGallery(project, store, images))
        self.window = PaperWindow()
        self.canvas = self.window.canvas
        self.labeler = Labeler(self.window, self.session, self.worker, NAMES)
        self.labeler.stage.resize()
        Inputs(self.canvas, self.labeler)
        self.labeler.show_image()

    def mouse(self, name: str, x: float, y: float, button: MouseButton | None = None) -> None:
        view = self.labeler.stage.view
        at = (x - view.x) * view.scale, WINDOW[1] - (y - view.y) * view.scale
        event = MouseEvent(name, self.canvas, round(at[0]), round(at[1]), button)
        self.canvas.callbacks.process(name, event)

    def drag(self, button: MouseButton, *places: tuple[float, float]) -> None:
        self.mouse("button_press_event", *places[0], button)
        for place in places[1:]:
            self.mouse("motion_notify_event", *place)
        self.mouse("button_release_event", *places[-1], button)

    def press(self, *keys: str) -> None:
        for key in keys:
            self.canvas.callbacks.process(
                "key_press_event", KeyEvent("key_press_event", self.canvas, key)
            )

    @property
    def annotation(self) -> Annotation:
        return self.session.annotation

    @property
    def pixels(self) -> npt.NDArray[np.uint8]:
        """What the canvas holds, uint8 (H, W, 3)."""
        buffer = self.canvas.buffer_rgba()  # type: ignore[no-untyped-call]
        pixels: npt.NDArray[np.uint8] = np.asarray(buffer)[..., :3].copy()
        return pixels

    @property
    def told(self) -> str:
        return self.labeler._message


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    for number, name in enumerate(NAMES):
        write_png(tmp_path / "references" / name, picture(number, size=SHAPE)[0])
    desk = Desk(Project.open(tmp_path))
    yield desk
    desk.worker.close()


LEFT, RIGHT, MIDDLE = MouseButton.LEFT, MouseButton.RIGHT, MouseButton.MIDDLE


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
    desk.press("n", "right", "c", "q", "ctrl+z")
    assert (desk.session.object_id, desk.annotation.image_id) == (1, "a.png")
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
    theirs = Annotation("a.png", *SHAPE, clean=True)
    desk.drag(LEFT, (20, 20), (50, 50))
    AnnotationStore(desk.path).save(theirs, base=0)
    desk.press("s")
    assert "somebody else" in desk.told
    assert desk.annotation.clean
    desk.press("ctrl+z", "s")
    assert desk.told == "saved"
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
    assert radii[-1] == (1 if key == "[" else 500)


def test_the_wheel_changes_the_radius_of_the_brush_and_zooms_elsewhere(desk: Desk) -> None:
    def turn(step: float) -> None:
        x, y = 200, 300
        event = MouseEvent("scroll_event", desk.canvas, x, y, None, step=step)
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


def test_q_finishes(desk: Desk) -> None:
    desk.press("q")
    assert desk.window.closed
