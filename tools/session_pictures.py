"""The pictures of the documentation, taken of a session in a real browser, and the session moving.

    python tools/session_pictures.py docs/images

The demo's drawn references are annotated by the demo's own truth: the first by hand, as a person
would, the others by importing. Then targets are masked, looked at and reviewed. Needs the test
extra and a Chromium; the pictures hold nothing but what maskcast draws.
"""

from __future__ import annotations

import argparse
import io
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image
from playwright.sync_api import Page, expect

import maskcast
from maskcast.demo.example import DemoProject, write_demo_project
from maskcast.demo.wafers import PARTICLE, SCRATCH
from maskcast.masks import components
from maskcast.types import Mask
from web_support import launched_browser, served

TARGETS: Final = 24
SIZE: Final = (1120, 700)
FRAME: Final = (896, 560)
"""Width and height in pixels of the page, and of the moving picture."""

_BRUSH: Final = 4  # pixels of its radius
_FADING: Final = 1500  # milliseconds until what was loaded is drawn and stands still

_POINTER: Final = """() => {
  const dot = document.createElement("div");
  dot.className = "pointer";
  dot.style = "position:fixed;z-index:99999;width:18px;height:18px;margin:-9px;border-radius:50%;"
    + "background:#f97316cc;border:2px solid #fff;box-shadow:0 0 4px #000;pointer-events:none";
  document.body.append(dot);
  addEventListener("mousemove", ({ clientX, clientY }) => {
    dot.style.left = `${clientX}px`;
    dot.style.top = `${clientY}px`;
  }, true);
}"""

_IS_SHOWN: Final = """() => new Promise((done) => requestAnimationFrame(() => {
  const inSight = [...document.images].filter((image) => {
    const { top, bottom } = image.getBoundingClientRect();
    return image.offsetParent && bottom > 0 && top < innerHeight;
  });
  done(inSight.length > 0 && inSight.every((image) => image.complete && image.naturalWidth));
}))"""
"""Whether all pictures in sight are there."""


class Film:
    """Frames of a page, and how long each is seen."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._frames: list[Image.Image] = []
        self._milliseconds: list[int] = []

    def take(self, milliseconds: int) -> None:
        """Add what the page shows."""
        with Image.open(io.BytesIO(self._page.screenshot())) as picture:
            self._frames.append(picture.convert("RGB").resize(FRAME, Image.Resampling.LANCZOS))
        self._milliseconds.append(milliseconds)

    def save(self, path: Path) -> None:
        """As an animated WebP."""
        first, *others = self._frames
        first.save(
            path,
            save_all=True,
            append_images=others,
            duration=self._milliseconds,
            loop=0,
            quality=70,
            method=6,
        )

    def still(self, path: Path) -> None:
        """What the page shows, as a JPEG."""
        without_pointer = ".pointer { display: none }"
        self._page.screenshot(path=path, type="jpeg", quality=85, style=without_pointer)


def draw_project(folder: Path) -> DemoProject:
    """The demo's pictures; all references but the first are annotated by the demo's truth."""
    drawn = write_demo_project(folder, 0, TARGETS)
    known = folder.with_name("known")
    shutil.copytree(drawn.reference_truth, known)
    (known / "reference-1.png").unlink()
    maskcast.Project.open(drawn.root).import_annotations("masks", known)
    return drawn


def annotate(page: Page, film: Film, truth: Path) -> None:
    """A box round each particle of the first reference, and the brush along its scratch."""
    page.locator('.mc-frame[data-image="reference-1.png"]').click()
    _settle(page)
    film.take(1200)
    with Image.open(truth) as picture:
        labels = np.asarray(picture)
    page.keyboard.press(str(PARTICLE))
    for thing in components(labels == PARTICLE, min_area=12):
        xmin, ymin, xmax, ymax = thing.box
        _drag(page, film, [(xmin - 3, ymin - 3), (xmax + 3, ymax + 3)])
        film.take(700)
    page.keyboard.press(str(SCRATCH))
    page.keyboard.press("b")
    size = page.locator(".mc-radius-value")
    while float((size.text_content() or "").split()[0]) > _BRUSH:
        page.keyboard.press("[")
    _drag(page, film, _along(labels == SCRATCH))
    film.take(700)


def _along(scratch: Mask) -> list[tuple[int, int]]:
    """Places along a scratch that goes down the picture."""
    rows = np.flatnonzero(scratch.any(axis=1))
    some = rows[np.linspace(0, len(rows) - 1, 12).astype(int)]
    return [(int(np.flatnonzero(scratch[row]).mean()), int(row)) for row in some]


def run(page: Page, film: Film) -> None:
    """Mask all targets."""
    page.get_by_role("tab", name="Run").click()
    start = page.get_by_role("button", name="Start")
    expect(start).to_be_enabled()
    film.take(1000)
    start.click()
    state = page.locator(".run .state")
    while "all done" not in (state.text_content() or ""):
        page.wait_for_timeout(1500)
        film.take(400)
    film.take(1200)


def look(page: Page, film: Film, folder: Path) -> None:
    """Through the results, and at one of them."""
    page.get_by_role("tab", name="Results").click()
    cards = page.locator(".results .card")
    expect(cards).to_have_count(TARGETS)
    page.wait_for_function(_IS_SHOWN)
    page.wait_for_timeout(_FADING)
    film.still(folder / "web-results.jpg")
    film.take(2000)
    cards.nth(1).click()
    page.wait_for_function(_IS_SHOWN)
    page.wait_for_timeout(_FADING)
    film.take(1500)
    page.keyboard.press("Space")
    film.take(900)
    page.keyboard.press("Space")
    film.take(900)
    page.keyboard.press("Escape")


def review(page: Page, film: Film, folder: Path) -> None:
    """Say of some targets whether they are right, by key."""
    page.get_by_role("tab", name="Review").click()
    page.wait_for_function(_IS_SHOWN)
    page.locator(".review .who").fill("kim")
    page.locator(".review .stage").click()
    film.take(1500)
    film.still(folder / "web-review.jpg")
    for _ in range(4):
        page.keyboard.press("a")
        page.wait_for_function(_IS_SHOWN)
        film.take(700)


def _drag(page: Page, film: Film, places: Sequence[tuple[int, int]]) -> None:
    mouse = page.mouse
    mouse.move(*_on_page(page, places[0]), steps=8)
    mouse.down()
    for place in places[1:]:
        mouse.move(*_on_page(page, place), steps=4)
    film.take(350)
    mouse.up()
    _settle(page)


def _on_page(page: Page, place: tuple[int, int]) -> tuple[float, float]:
    """Where a place of the picture that is annotated is on the page."""
    stage = page.locator(".mc-stage")
    bounds = stage.bounding_box()
    scale, left, top = map(float, (stage.get_attribute("data-view") or "").split())
    if bounds is None:
        raise RuntimeError("the page shows no picture to annotate")
    return bounds["x"] + left + place[0] * scale, bounds["y"] + top + place[1] * scale


def _settle(page: Page) -> None:
    page.wait_for_function("new Promise((done) => requestAnimationFrame(() => done(true)))")
    page.wait_for_selector(".mc-stage[data-drawn]:not([data-drawn=''])")


def main() -> None:
    """Take the pictures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    folder: Path = parser.parse_args().folder
    with tempfile.TemporaryDirectory() as temporary:
        drawn = draw_project(Path(temporary) / "wafers")
        with served(drawn.root) as server, launched_browser() as browser:
            width, height = SIZE
            context = browser.new_context(
                viewport={"width": width, "height": height}, locale="en-US", color_scheme="light"
            )
            page = context.new_page()
            page.goto(server.url)
            page.evaluate(_POINTER)
            film = Film(page)
            annotate(page, film, drawn.reference_truth / "reference-1.png")
            film.still(folder / "web-annotate.jpg")
            run(page, film)
            look(page, film, folder)
            review(page, film, folder)
        film.save(folder / "session.webp")


if __name__ == "__main__":
    main()
