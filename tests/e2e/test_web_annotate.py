"""The Annotate tab in a real Chromium: mouse, keyboard, uploads, two people, a narrow window."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import tifffile
from playwright.sync_api import (
    APIResponse,
    Browser,
    BrowserContext,
    Page,
    Route,
    ViewportSize,
    expect,
)

from maskcast.interchange.importing import import_annotations
from maskcast.project.annotations import Annotation, ObjectAnnotation, read_annotations
from maskcast.project.folder import ProjectFolder
from maskcast.types import Mask
from support import picture, write_png
from web_support import Server, served

SHAPE = (120, 160)

# Events of the mouse are handled with the next frame at the latest.
_AFTER_INPUT = """() => new Promise((done) => {
  requestAnimationFrame(() => requestAnimationFrame(done));
})"""


_NOTE_REVISIONS = """() => {
  const stage = document.querySelector(".mc-stage");
  window.revisions = [];
  new MutationObserver(() => {
    window.revisions.push(Number(stage.dataset.revision));
  }).observe(stage, { attributes: true, attributeFilter: ["data-revision"] });
}"""


@dataclass(frozen=True)
class Labeler:
    """The Annotate tab of one browser window, used as a person would."""

    page: Page
    annotations: Path

    def open(self, image: str) -> None:
        """Click on a picture of the filmstrip."""
        self.page.locator(f'.mc-frame[data-image="{image}"]').click()
        self.settled(image)

    def settled(self, image: str | None = None) -> None:
        """Wait until everything is answered, drawn and saved."""
        self.page.evaluate(_AFTER_INPUT)
        of_image = f'[data-image="{image}"]' if image else ""
        self.page.wait_for_selector(
            f".mc-stage{of_image}[data-drawn]:not([data-drawn=''])", timeout=20_000
        )

    def still(self) -> None:
        """Wait until the view no longer moves: the browser spreads turns of the wheel."""
        stage, before = self.page.locator(".mc-stage"), None
        while (now := stage.get_attribute("data-view")) != before:
            before = now
            self.page.wait_for_timeout(150)

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Where a place of the picture is in the window."""
        stage = self.page.locator(".mc-stage")
        bounds = stage.bounding_box()
        assert bounds is not None
        view = stage.get_attribute("data-view") or ""
        scale, left, top = map(float, view.split())
        return bounds["x"] + left + x * scale, bounds["y"] + top + y * scale

    def drag(self, *places: tuple[float, float], button: str = "left") -> None:
        """Drag over places of the picture."""
        mouse = self.page.mouse
        mouse.move(*self.at(*places[0]))
        mouse.down(button=button)  # type: ignore[arg-type]
        for place in places[1:]:
            mouse.move(*self.at(*place), steps=4)
        mouse.up(button=button)  # type: ignore[arg-type]
        self.settled()

    def click(self, x: float, y: float, button: str = "left") -> None:
        """Click on a place of the picture."""
        self.page.mouse.click(*self.at(x, y), button=button)  # type: ignore[arg-type]
        self.settled()

    def press(self, *keys: str) -> None:
        """Press keys one after another."""
        for key in keys:
            self.page.keyboard.press(key)
        self.settled()

    def color_at(self, x: float, y: float) -> tuple[int, int, int]:
        """What is painted at a place of the picture: the picture and its masks."""
        found = self.page.evaluate(
            """([x, y]) => {
              const stage = document.querySelector(".mc-stage");
              const [scale, left, top] = stage.dataset.view.split(" ").map(Number);
              const ratio = window.devicePixelRatio;
              const both = new OffscreenCanvas(1, 1).getContext("2d");
              const [u, v] = [(left + x * scale) * ratio, (top + y * scale) * ratio];
              for (const name of [".mc-under", ".mc-base"]) {
                both.drawImage(stage.querySelector(name), -Math.floor(u), -Math.floor(v));
              }
              return [...both.getImageData(0, 0, 1, 1).data];
            }""",
            [x, y],
        )
        return found[0], found[1], found[2]

    def saved(self, image: str) -> Annotation:
        """What the annotation file holds of an image."""
        return read_annotations(self.annotations).annotations[image]

    def entry(self, image: str, object_id: int = 1) -> ObjectAnnotation:
        """What the annotation file holds of an object."""
        return self.saved(image).objects[object_id]


def wait_for(page: Page, happened: Callable[[], bool], seconds: float = 20) -> None:
    """Wait for something that no page shows; fails after so many seconds."""
    for _ in range(int(seconds * 20)):
        if happened():
            return
        page.wait_for_timeout(50)
    pytest.fail("it did not happen")


def mask_of(entry: ObjectAnnotation) -> Mask:
    assert entry.mask is not None
    return entry.mask


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """References for each test; the fake engine fills boxes, and discs round points."""
    folder = tmp_path_factory.mktemp("annotate") / "project"
    names = (
        "points",
        "box",
        "brush",
        "clean",
        "shared",
        "keys",
        "narrow",
        "zoom",
        "reload",
        "stay",
        "late",
        "touch",
        "unknown",
        "things",
        "layers",
        "wide",
    )
    for number, name in enumerate(names):
        write_png(folder / "references" / f"{name}.png", picture(number, size=SHAPE)[0])
    (folder / "references" / "broken.png").write_bytes(b"no picture")
    (folder / "maskcast.toml").write_text('engine = "fake"\n')
    return folder


@pytest.fixture(scope="module")
def server(project: Path) -> Iterator[Server]:
    with served(project) as running:
        yield running


def new_labeler(context: BrowserContext, server: Server, project: Path, path: str = "") -> Labeler:
    page = context.new_page()
    page.on("pageerror", lambda error: pytest.fail(f"the page failed: {error}"))
    page.goto(server.url + path)
    labeler = Labeler(page, project / "references" / "annotations.json")
    labeler.settled()
    return labeler


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    with browser.new_context(viewport={"width": 1200, "height": 760}) as made:
        yield made


@pytest.fixture
def labeler(context: BrowserContext, server: Server, project: Path) -> Labeler:
    return new_labeler(context, server, project)


def test_a_reference_is_removed_replaced_and_put_back(
    context: BrowserContext, tmp_path: Path
) -> None:
    project = tmp_path / "project"
    for number, name in enumerate("ab"):
        write_png(project / "references" / f"{name}.png", picture(number, size=SHAPE)[0])
    (project / "maskcast.toml").write_text('engine = "fake"\n')
    with served(project) as server:
        labeler = new_labeler(context, server, project)
        page, frames = labeler.page, labeler.page.locator(".mc-frame")
        labeler.open("a.png")
        labeler.drag((30, 20), (90, 80))
        labeler.entry("a.png")
        page.keyboard.press("Control+Delete")
        expect(frames).to_have_count(1)
        assert [path.name for path in (project / "references").glob("*.png")] == ["b.png"]
        page.get_by_role("button", name="Put it back").click()
        expect(frames).to_have_count(2)
        expect(page.locator(".mc-frame[aria-current=true]")).to_contain_text("a.png")
        assert labeler.entry("a.png").prompts.box is not None

        other = tmp_path / "b.png"
        write_png(other, picture(9, size=SHAPE)[0])
        page.locator(".mc-files").set_input_files(other)
        page.get_by_role("button", name="Replace b.png").click()
        expect(frames).to_have_count(2)
        page.wait_for_load_state()
        assert (project / "references" / "b.png").read_bytes() == other.read_bytes()
        for left in (1, 0):
            page.get_by_role("button", name="Remove this reference").click()
            expect(frames).to_have_count(left)
        expect(page.locator(".mc-empty")).to_be_visible()
        page.keyboard.press("Control+Backspace")
        expect(frames).to_have_count(1)


def test_a_dragged_box_is_shown_saved_and_adjusted(labeler: Labeler) -> None:
    labeler.open("box.png")
    before = labeler.color_at(50, 50)

    labeler.drag((30, 20), (90, 80))

    box = labeler.entry("box.png").prompts.box
    assert box is not None
    assert np.abs(box - [30, 20, 90, 80]).max() < 0.5
    mask = mask_of(labeler.entry("box.png"))
    assert mask[25:75, 35:85].all()
    assert not mask[:15].any()
    # Object 1 is orange: more red, less blue than the gray or red that was there.
    after = labeler.color_at(50, 50)
    assert after[0] - after[2] > before[0] - before[2] + 30
    assert labeler.color_at(120, 100)[0] == pytest.approx(labeler.color_at(120, 100)[2], abs=60)
    labeler.drag((90, 50), (110, 50))
    adjusted = labeler.entry("box.png").prompts.box
    assert adjusted is not None
    assert np.abs(adjusted - [30, 20, 110, 80]).max() < 0.7
    # The handles of a side and of a corner: a press that moves nothing is no point.
    labeler.click(110, 50)
    labeler.click(30.5, 20.5)
    assert len(labeler.entry("box.png").prompts.points) == 0
    labeler.click(60, 50)
    assert len(labeler.entry("box.png").prompts.points) == 1


def test_layers_and_objects_are_switched_and_stay_so(labeler: Labeler) -> None:
    labeler.open("layers.png")
    plain = labeler.color_at(60, 50)
    labeler.drag((30, 20), (90, 80))
    filled, outlined = labeler.color_at(60, 50), labeler.color_at(60, 20.5)
    page = labeler.page
    page.get_by_label("What is drawn").click()

    page.get_by_label("Fill", exact=True).uncheck()
    labeler.settled()
    assert filled != plain
    assert labeler.color_at(60, 50) == plain
    assert labeler.color_at(60, 20.5) == outlined
    page.locator("[data-object='1']").uncheck()
    labeler.settled()
    assert labeler.color_at(60, 20.5) != outlined

    page.reload()
    labeler.settled("layers.png")
    assert labeler.color_at(60, 20.5) != outlined
    labeler.click(60, 50)  # what is drawn on is seen
    assert labeler.color_at(60, 20.5) == outlined
    assert labeler.color_at(60, 50) == plain


def test_what_is_annotated_is_tried_on_targets_after_each_change(
    context: BrowserContext, tmp_path: Path
) -> None:
    project = tmp_path / "project"
    write_png(project / "references" / "a.png", picture(0, size=SHAPE)[0])
    for number in range(7):
        write_png(project / "targets" / f"{number}.png", picture(number, size=SHAPE)[0])
    (project / "maskcast.toml").write_text('engine = "fake"\n')
    with served(project) as server:
        labeler = new_labeler(context, server, project)
        page, strip = labeler.page, labeler.page.locator(".mc-trial")
        labeler.press("t")
        expect(strip).to_contain_text("Annotate an object first.")
        labeler.drag((30, 20), (90, 80))
        page.get_by_role("button", name="Try again").click()
        expect(strip).to_contain_text("as annotated now")
        expect(strip.locator(".mc-try")).to_have_count(6)
        shown = strip.locator("img").first.get_attribute("src")
        labeler.drag((90, 50), (110, 50))
        expect(strip).to_contain_text("changed since")
        page.get_by_label("after each change").check()
        expect(strip).to_contain_text("as annotated now")
        labeler.click(60, 50)
        expect(strip.locator("img").first).not_to_have_attribute("src", shown or "")
        expect(strip).to_contain_text("as annotated now")

        strip.locator("input[type=text]").fill("nowhere.png")
        page.keyboard.press("Enter")
        expect(strip).to_contain_text("there is no nowhere.png in the targets")
        strip.locator(".mc-try").first.click()
        page.get_by_label("always try this one").check()
        page.get_by_role("button", name="Close").click()


def test_a_reference_is_filled_in_from_the_others(context: BrowserContext, tmp_path: Path) -> None:
    project = tmp_path / "project"
    (first, disc), (second, other) = picture(0, size=SHAPE), picture(1, size=SHAPE)
    write_png(project / "references" / "a.png", first)
    write_png(project / "references" / "b.png", second)
    write_png(tmp_path / "labels" / "a.png", disc.astype(np.uint8) * 255)
    (project / "maskcast.toml").write_text('engine = "fake"\n')
    import_annotations(ProjectFolder.open(project), "masks", tmp_path / "labels")
    with served(project) as server:
        labeler = new_labeler(context, server, project)
        labeler.open("b.png")
        labeler.page.keyboard.press("s")
        expect(labeler.page.locator("[data-do=undo]")).to_be_enabled()
        found = mask_of(labeler.entry("b.png"))
        assert (found & other).sum() / (found | other).sum() > 0.9
        labeler.press("s")  # once something is there
        expect(labeler.page.locator(".mc-notice.mc-error")).to_contain_text("annotated already")
        labeler.press("Control+z")
        assert labeler.saved("b.png").objects == {}


def test_what_is_drawn_and_reached_grows_on_a_4k_screen(
    browser: Browser, server: Server, project: Path
) -> None:
    with browser.new_context(viewport={"width": 3840, "height": 2160}) as context:
        labeler = new_labeler(context, server, project)
        labeler.open("wide.png")
        button = labeler.page.locator("[data-do=undo]").bounding_box()
        assert button is not None
        assert button["height"] >= 48  # of 32 on a usual screen
        labeler.drag((30, 20), (90, 80))
        x, y = labeler.at(90, 50)
        mouse = labeler.page.mouse
        mouse.move(x + 12, y)  # out of reach on a usual screen, where that is 9 pixels
        mouse.down()
        mouse.move(*labeler.at(110, 50), steps=4)
        mouse.up()
        labeler.settled()
        box = labeler.entry("wide.png").prompts.box
        assert box is not None
        assert box == pytest.approx([30, 20, 110, 80], abs=1.5)


def test_points_undo_redo_and_delete(labeler: Labeler) -> None:
    labeler.open("points.png")
    labeler.press("2")

    labeler.click(60, 40)
    labeler.click(70, 60, button="right")
    labeler.page.locator('[data-tool="minus"]').click()
    labeler.click(100, 90)

    prompts = labeler.entry("points.png", 2).prompts
    assert np.abs(prompts.points - [[60, 40], [70, 60], [100, 90]]).max() < 0.5
    assert prompts.point_labels.tolist() == [True, False, False]
    labeler.press("Control+z", "Control+z")
    assert len(labeler.entry("points.png", 2).prompts.points) == 1
    labeler.press("Control+Shift+z")
    assert len(labeler.entry("points.png", 2).prompts.points) == 2
    labeler.page.mouse.move(*labeler.at(60, 41))
    labeler.press("d")
    assert labeler.entry("points.png", 2).prompts.point_labels.tolist() == [False]
    labeler.press("Shift+d")
    assert labeler.saved("points.png").objects == {}


def test_brush_strokes_paint_and_erase(labeler: Labeler) -> None:
    labeler.open("brush.png")
    labeler.press("3", "b", "]", "[")

    labeler.drag((20, 30), (100, 30))
    painted = mask_of(labeler.entry("brush.png", 3))
    assert painted[30, 20:100].all()
    assert not painted[60:].any()
    thickness = int(painted[:, 60].sum())
    labeler.drag((60, 10), (60, 50), button="right")

    erased = mask_of(labeler.entry("brush.png", 3))
    assert not erased[30, 58:62].any()
    assert erased[30, 22:40].all()
    labeler.page.mouse.move(*labeler.at(60, 90))
    size = labeler.page.locator(".mc-radius-value")
    before = size.inner_text()
    labeler.page.mouse.wheel(0, -300)
    labeler.page.mouse.wheel(0, -300)
    expect(size).not_to_have_text(before)
    labeler.page.wait_for_timeout(100)
    labeler.drag((20, 90), (100, 90))
    assert mask_of(labeler.entry("brush.png", 3))[60:, 60].sum() > thickness


def test_clicks_hit_the_same_pixels_at_any_zoom(labeler: Labeler) -> None:
    labeler.open("zoom.png")
    labeler.page.mouse.move(*labeler.at(40, 70))
    for _ in range(6):
        labeler.page.mouse.wheel(0, -100)
    expect(labeler.page.locator(".mc-zoom")).to_have_text(re.compile(r"[12]\d{3}%"))
    labeler.still()
    x, y = labeler.at(40, 70)

    labeler.page.mouse.move(x, y)
    labeler.page.keyboard.down(" ")
    labeler.page.mouse.down()
    labeler.page.mouse.move(x + 30, y + 20)
    labeler.page.mouse.up()
    labeler.page.keyboard.up(" ")
    labeler.still()
    assert labeler.at(40, 70) == pytest.approx((x + 30, y + 20), abs=1)
    labeler.click(40.5, 70.5)

    assert labeler.entry("zoom.png").prompts.points == pytest.approx(
        np.array([[40.5, 70.5]]), abs=0.06
    )
    labeler.press("f")
    assert labeler.at(0, 0)[0] < labeler.at(160, 120)[0] <= 1200


def test_clean_names_and_neighbours(labeler: Labeler) -> None:
    labeler.open("clean.png")
    labeler.press("c")

    assert labeler.saved("clean.png").clean
    frame = labeler.page.locator('.mc-frame[data-image="clean.png"]')
    expect(frame).to_have_attribute("aria-label", re.compile("clean$"))
    labeler.press("n")
    labeler.page.locator(".mc-name").fill("Kratzer")
    labeler.page.locator(".mc-name").press("Enter")
    chosen = labeler.page.locator('.mc-slot[aria-pressed="true"]')
    expect(chosen).to_contain_text("Kratzer")
    slots = labeler.page.locator(".mc-slot:visible")
    there = slots.count()
    assert there < 9  # of 255 that there could be
    labeler.page.get_by_role("button", name="+ add an object").click()
    expect(slots).to_have_count(there + 1)
    expect(labeler.page.locator(".mc-name")).to_be_focused()
    labeler.page.locator(".mc-slot", has_text="Kratzer").click()
    expect(slots).to_have_count(there + 1)
    assert read_annotations(labeler.annotations).objects[0].name == "Kratzer"
    labeler.press(".")
    labeler.settled("keys.png")
    labeler.press("ArrowLeft")
    labeler.settled("clean.png")
    labeler.page.keyboard.press("?")
    expect(labeler.page.locator(".mc-help")).to_be_visible()
    labeler.page.keyboard.press("Escape")
    expect(labeler.page.locator(".mc-help")).to_be_hidden()


def test_hasty_changes_and_a_damaged_reference_leave_a_whole_one(labeler: Labeler) -> None:
    for image in ("box.png", "clean.png", "stay.png"):
        labeler.page.locator(f'.mc-frame[data-image="{image}"]').click()
    labeler.settled("stay.png")
    labeler.page.locator('.mc-frame[data-image="broken.png"]').click()
    expect(labeler.page.locator(".mc-notice.mc-error")).to_contain_text("broken.png")
    expect(labeler.page.locator('.mc-frame[aria-current="true"]')).to_have_attribute(
        "data-image", "stay.png"
    )

    labeler.click(40, 40)

    assert labeler.saved("stay.png").objects.keys() == {1}
    assert labeler.entry("stay.png").mask is not None


def test_a_late_answer_never_replaces_a_newer_one(labeler: Labeler) -> None:
    labeler.open("late.png")
    page = labeler.page
    held: list[tuple[Route, APIResponse]] = []

    def hold_the_first_preview(route: Route) -> None:
        if held or '"preview"' not in (route.request.post_data or ""):
            route.continue_()
        else:
            held.append((route, route.fetch()))

    page.evaluate(_NOTE_REVISIONS)
    page.route(re.compile("maskcast/annotate"), hold_the_first_preview)
    page.mouse.click(*labeler.at(40, 40))
    wait_for(page, lambda: bool(held))
    page.mouse.click(*labeler.at(110, 80))
    wait_for(page, lambda: len(labeler.entry("late.png").prompts.points) == 2)
    late, answer = held[0]
    late.fulfill(response=answer)
    labeler.settled()

    shown = page.evaluate("() => window.revisions")
    assert answer.json()["scene"]["revision"] < shown[-1]
    assert shown == sorted(shown)
    assert mask_of(labeler.entry("late.png"))[80, 110]


def test_uploads_join_the_references(labeler: Labeler, project: Path, tmp_path: Path) -> None:
    write_png(tmp_path / "new.png", picture(50, size=SHAPE)[0])
    deep = np.linspace(200, 900, SHAPE[0] * SHAPE[1]).reshape(SHAPE).astype(np.uint16)
    tifffile.imwrite(tmp_path / "deep.tif", deep)
    (tmp_path / "notes.png").write_text("no picture")

    labeler.page.locator(".mc-files").set_input_files(
        [tmp_path / name for name in ("deep.tif", "new.png", "notes.png")]
    )
    labeler.settled("deep.tif")

    assert (project / "references" / "deep.tif").read_bytes() == (
        tmp_path / "deep.tif"
    ).read_bytes()
    assert (project / "references" / "new.png").exists()
    assert not (project / "references" / "notes.png").exists()
    expect(labeler.page.locator(".mc-notice.mc-error", has_text="notes.png")).to_be_visible()
    # Dark at the top, bright at the bottom: through a window, not black as 900 of 65535 is.
    assert labeler.color_at(80, 10)[0] < 60
    assert labeler.color_at(80, 110)[0] > 190


def test_a_reload_and_a_second_server_find_everything(
    context: BrowserContext, server: Server, project: Path
) -> None:
    labeler = new_labeler(context, server, project)
    labeler.open("reload.png")
    labeler.drag((30, 20), (90, 80))
    shown = labeler.color_at(50, 50)

    labeler.page.reload()
    labeler.settled("reload.png")

    assert labeler.color_at(50, 50) == shown
    with served(project) as another:
        elsewhere = new_labeler(context, another, project)
        elsewhere.open("reload.png")
        assert elsewhere.color_at(50, 50) == shown


def test_what_is_drawn_while_the_server_is_gone_arrives_when_it_is_back(
    context: BrowserContext, tmp_path: Path
) -> None:
    folder = tmp_path / "project"
    write_png(folder / "references" / "a.png", picture(1, size=SHAPE)[0])
    (folder / "maskcast.toml").write_text('engine = "fake"\n')
    with served(folder) as first:
        labeler = new_labeler(context, first, folder)
        labeler.click(40, 40)
        first.kill()
        for place in ((110, 80), (60, 90)):
            labeler.page.mouse.click(*labeler.at(*place))
        expect(labeler.page.locator(".mc-status")).to_have_text("No connection")
        assert len(labeler.entry("a.png").prompts.points) == 1

    with served(folder, port=first.port):
        labeler.settled("a.png")

    entry = labeler.entry("a.png")
    assert np.abs(entry.prompts.points - [[40, 40], [110, 80], [60, 90]]).max() < 0.5
    assert mask_of(entry)[80, 110]


def test_a_dropped_folder_joins_with_all_that_is_in_it(
    context: BrowserContext, server: Server, project: Path, tmp_path: Path
) -> None:
    labeler = new_labeler(context, server, project)
    for name in ("first.png", "deep/second.png"):
        write_png(tmp_path / "dropped" / name, picture(7, size=SHAPE)[0])
    devtools = context.new_cdp_session(labeler.page)
    x, y = labeler.at(80, 60)
    files = {"items": [], "files": [str(tmp_path / "dropped")], "dragOperationsMask": 1}

    for kind in ("dragEnter", "dragOver", "drop"):
        devtools.send("Input.dispatchDragEvent", {"type": kind, "x": x, "y": y, "data": files})

    for name in ("first.png", "deep/second.png"):
        wait_for(labeler.page, (project / "references" / name).exists)
        expect(labeler.page.locator(f'.mc-frame[data-image="{name}"]')).to_be_visible()


def test_two_people_do_not_lose_each_others_work(
    browser: Browser, server: Server, project: Path
) -> None:
    with browser.new_context() as one, browser.new_context() as two:
        first, second = (new_labeler(context, server, project) for context in (one, two))
        first.open("shared.png")
        second.open("shared.png")
        first.click(40, 40)

        second.drag((70, 60), (110, 100))

        notice = second.page.locator(".mc-notice.mc-conflict")
        expect(notice).to_contain_text("Somebody else")
        assert len(second.entry("shared.png").prompts.points) == 1
        assert second.entry("shared.png").prompts.box is None
        second.press("Control+z")
        box = second.entry("shared.png").prompts.box
        assert box is not None
        assert np.abs(box - [70, 60, 110, 100]).max() < 0.7


def test_the_keyboard_is_enough(labeler: Labeler) -> None:
    page = labeler.page
    page.locator('.mc-frame[data-image="keys.png"]').focus()
    labeler.press("Enter")
    labeler.settled("keys.png")
    labeler.press("4")
    page.locator(".mc-slot[data-id='4']").focus()
    for _ in range(40):
        page.keyboard.press("Shift+Tab")
        if page.evaluate("document.activeElement.classList.contains('mc-stage')"):
            break
    else:
        pytest.fail("the picture cannot be reached with the Tab key")

    labeler.press("Enter")
    labeler.press("ArrowRight", "ArrowRight", "Shift+ArrowDown", "Shift+Enter")
    labeler.press(" ", "ArrowRight", "ArrowRight", "ArrowDown", "ArrowDown", " ")

    prompts = labeler.entry("keys.png", 4).prompts
    assert prompts.points[0].tolist() == [80.5, 60.5]
    assert prompts.points[1, 0] > 80.5
    assert prompts.points[1, 1] == 61.5
    assert prompts.point_labels.tolist() == [True, False]
    assert prompts.box is not None
    assert prompts.box[:2].tolist() == prompts.points[1].tolist()


def test_a_narrow_window_works(browser: Browser, server: Server, project: Path) -> None:
    with browser.new_context(viewport={"width": 400, "height": 760}, locale="ko-KR") as context:
        labeler = new_labeler(context, server, project)
        # All of it is seen without scrolling; the tabs have the room of the project's name, which
        # is read aloud all the same.
        heading = labeler.page.get_by_role("heading", level=1)
        expect(heading).to_have_text("maskcast · project")
        expect(heading.locator("xpath=ancestor::*[@id='maskcast-heading']")).to_have_css(
            "clip-path", "inset(50%)"
        )
        assert labeler.page.evaluate("document.documentElement.scrollHeight") <= 760
        page = labeler.page
        labeler.open("narrow.png")
        labeler.drag((30, 20), (90, 80))

        assert labeler.entry("narrow.png").mask is not None
        assert page.evaluate("document.documentElement.scrollWidth") <= 400
        # Buttons of closed panels have a place too, though nobody sees them there.
        for control in page.locator(".mc-tools button:visible").all():
            bounds = control.bounding_box()
            assert bounds is not None
            assert bounds["x"] >= 0
            assert bounds["x"] + bounds["width"] <= 400
        expect(page.locator('[data-do="clean"]')).to_contain_text("이상 없음")
        slot = page.locator('.mc-slot[data-id="9"]')
        expect(slot).to_be_hidden()  # until somebody asks for it
        labeler.press("9")
        expect(slot).to_contain_text("물체 9")
        slot.click()
        page.locator(".mc-color").fill("#123456")
        page.locator(".mc-color").dispatch_event("change")
        wait_for(page, lambda: saved_objects(project).get(9) == ("object 9", (0x12, 0x34, 0x56)))


def saved_objects(project: Path) -> dict[int, tuple[str, tuple[int, int, int]]]:
    specs = read_annotations(project / "references" / "annotations.json").objects
    return {spec.object_id: (spec.name, spec.color) for spec in specs}


def test_fingers_click_draw_and_zoom(browser: Browser, server: Server, project: Path) -> None:
    viewport = ViewportSize(width=400, height=760)
    with browser.new_context(viewport=viewport, has_touch=True, is_mobile=True) as context:
        labeler = new_labeler(context, server, project)
        page = labeler.page
        devtools = context.new_cdp_session(page)

        def touch(kind: str, *places: tuple[float, float]) -> None:
            points = [{"x": x, "y": y, "id": key} for key, (x, y) in enumerate(places)]
            devtools.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

        page.locator('.mc-frame[data-image="touch.png"]').click()
        labeler.settled("touch.png")
        touch("touchStart", labeler.at(120, 90))
        touch("touchEnd")
        labeler.settled()
        touch("touchStart", labeler.at(30, 20))
        for step in (1, 2, 3):
            touch("touchMove", labeler.at(30 + 20 * step, 20 + 20 * step))
        touch("touchEnd")
        labeler.settled()
        prompts = labeler.entry("touch.png").prompts
        assert np.abs(prompts.points - [[120, 90]]).max() < 0.7
        assert prompts.box is not None
        assert np.abs(prompts.box - [30, 20, 90, 80]).max() < 0.7

        x, y = labeler.at(80, 60)
        scale = float((page.locator(".mc-stage").get_attribute("data-view") or "").split()[0])
        touch("touchStart", (x - 20, y))
        touch("touchStart", (x - 20, y), (x + 20, y))
        for step in (1, 2, 3):
            touch("touchMove", (x - 20 - 10 * step, y), (x + 20 + 10 * step, y))
        touch("touchEnd")
        labeler.settled()

        spread = float((page.locator(".mc-stage").get_attribute("data-view") or "").split()[0])
        assert spread == pytest.approx(2.5 * scale, rel=0.02)
        assert labeler.entry("touch.png").prompts.box is not None
        assert len(labeler.entry("touch.png").prompts.points) == 1


def test_nothing_leaves_the_machine(context: BrowserContext, server: Server, project: Path) -> None:
    asked: list[str] = []
    context.on("request", lambda request: asked.append(request.url))

    labeler = new_labeler(context, server, project)
    labeler.open("box.png")
    labeler.page.wait_for_timeout(300)

    assert len(asked) > 10
    own = (server.url, "data:", "blob:")
    assert [url for url in asked if not url.startswith(own)] == []


def test_unknown_pixels_are_painted_shown_hatched_and_saved(labeler: Labeler) -> None:
    labeler.open("unknown.png")
    before = np.array([labeler.color_at(x, 100) for x in range(20, 60)])
    button = labeler.page.locator('button[data-do="unknown"]')

    labeler.press("u")
    assert button.get_attribute("aria-pressed") == "true"
    labeler.drag((20, 100), (120, 100))
    labeler.drag((100, 90), (100, 110), button="right")

    unknown = labeler.saved("unknown.png").unknown
    assert unknown is not None
    assert unknown.pixels[100, 20:60].all()
    assert not unknown.pixels[100, 100]
    assert labeler.saved("unknown.png").objects == {}
    after = np.array([labeler.color_at(x, 100) for x in range(20, 60)])
    stripes = (after == 216).all(axis=1)  # the gray of stripes, and what is between them
    assert 5 < stripes.sum() < 35
    assert (np.abs(after.astype(int) - before).max(axis=1) > 5)[~stripes].mean() > 0.5

    button.click()
    assert button.get_attribute("aria-pressed") == "false"
    labeler.drag((30, 20), (60, 60))
    assert labeler.saved("unknown.png").objects.keys() == {1}
    labeler.press("Control+z", "Control+z")
    unknown = labeler.saved("unknown.png").unknown
    assert unknown is not None
    assert unknown.pixels[100, 100]


def test_things_of_an_object_add_up_and_clean_asks_and_is_undone_after_a_reload(
    labeler: Labeler,
) -> None:
    labeler.open("things.png")
    labeler.drag((20, 20), (60, 50))
    labeler.drag((80, 60), (130, 100))
    labeler.click(100, 80)
    labeler.click(40, 35)
    first, second = labeler.entry("things.png").marks.things
    assert [len(thing.points) for thing in (first, second)] == [1, 1]
    mask = mask_of(labeler.entry("things.png"))
    assert mask[20:50, 20:60].any()
    assert mask[60:100, 80:130].any()

    page = labeler.page
    page.once("dialog", lambda dialog: dialog.dismiss())
    labeler.press("c")
    assert labeler.saved("things.png").objects
    page.once("dialog", lambda dialog: dialog.accept())
    labeler.press("c")
    expect(page.locator(".mc-notice")).to_contain_text("Ctrl+Z brings them back")
    wait_for(page, lambda: labeler.saved("things.png").clean)
    page.reload()
    labeler.settled("things.png")
    labeler.press("Control+z")
    assert len(labeler.entry("things.png").marks.things) == 2


def test_a_reference_that_is_there_already_keeps_its_thumbnail(
    labeler: Labeler, project: Path
) -> None:
    page = labeler.page
    thumbnail = page.locator('.mc-frame[data-image="box.png"] img')
    expect(thumbnail).to_be_visible()
    page.locator(".mc-files").set_input_files(project / "references" / "box.png")
    expect(page.locator(".mc-notice")).to_contain_text("Already there: box.png")
    labeler.settled("box.png")
    expect(thumbnail).to_be_visible()
