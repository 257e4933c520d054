"""How long a click in the browser waits for its mask.

``maskcast serve`` with a drawn project of 1 megapixel and a real Chromium. A person's gestures come
through the browser's input; the time runs from the event's own time stamp until the frame is drawn
that shows the resolved mask: script, request, segment, saving, answer, decoding and drawing.

    PYTHONPATH=tests python benchmarks/web_latency.py [--gestures N] [--json FILE]

With ``--clients N`` so many people work at once beside a run, without browsers; see ``web_crowd``.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from playwright.sync_api import Page

from maskcast.demo.wafers import KINDS, draw_inspection_image
from support import write_png
from web_crowd import measure
from web_support import launched_browser, served

SIDE = 1000
_OBJECTS = 16
_WATCH = """() => {
  const stage = document.querySelector(".mc-stage");
  window.since = null;
  window.spent = null;
  stage.addEventListener("pointerup", (event) => { window.since = event.timeStamp; }, true);
  new MutationObserver(() => {
    if (window.since === null || stage.dataset.drawn === "") return;
    window.spent = performance.now() - window.since;
    window.since = null;
  }).observe(stage, { attributes: true, attributeFilter: ["data-drawn"] });
}"""
# A frame that was drawn before the gesture had an effect shows what is already known.
_FORGET = "() => { window.since = null; window.spent = null; }"

Gesture = Callable[[Page, tuple[float, float]], None]


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gestures", type=int, default=12, help="of each kind")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--clients", type=int, help="so many at once, beside a run")
    parser.add_argument("--seconds", type=float, default=60.0, help="with --clients")
    parser.add_argument("--no-run", action="store_true", help="with --clients: no run beside")
    arguments = parser.parse_args()
    if arguments.clients:
        measure(arguments.clients, arguments.seconds, with_run=not arguments.no_run)
        return
    with _opened_page() as page:
        spent = {kind: _measure(page, kind, arguments.gestures) for kind in GESTURES}
    print("| after | gestures | median ms | 90 % ms | slowest ms |")
    print("|---|---|---|---|---|")
    for kind, times in spent.items():
        row = [np.median(times), np.percentile(times, 90), max(times)]
        print(f"| {kind} | {len(times)} | " + " | ".join(f"{value:.0f}" for value in row) + " |")
    if arguments.json:
        arguments.json.write_text(json.dumps(spent, indent=2))


@contextmanager
def _opened_page() -> Iterator[Page]:
    """The Annotate tab with one reference of 1 megapixel."""
    rng = np.random.default_rng(0)
    quarters = [draw_inspection_image(rng, KINDS).image for _ in range(4)]
    image = np.vstack([np.hstack(quarters[:2]), np.hstack(quarters[2:])])[:SIDE, :SIDE]
    with tempfile.TemporaryDirectory() as folder, launched_browser() as browser:
        write_png(Path(folder, "references", "megapixel.png"), image)
        with served(folder) as server:
            page = browser.new_page(viewport={"width": 1280, "height": 900})
            page.goto(server.url)
            page.wait_for_selector(".mc-stage:not([data-drawn=''])[data-drawn]", timeout=60_000)
            page.evaluate(_WATCH)
            yield page


def _measure(page: Page, kind: str, count: int) -> list[float]:
    """Milliseconds of ``count`` gestures, each on an object of its own."""
    rng = np.random.default_rng(sum(kind.encode()))
    bounds = page.locator(".mc-stage").bounding_box()
    assert bounds is not None
    middle = bounds["x"] + bounds["width"] / 2, bounds["y"] + bounds["height"] / 2
    times = []
    while page.locator(".mc-slot:visible").count() < _OBJECTS:
        page.locator(".mc-more").click()
    for number in range(count + 1):
        page.locator(".mc-slot").nth(number % _OBJECTS).click()
        spread = bounds["height"] * 0.35
        place = (
            middle[0] + float(rng.uniform(-spread, spread)),
            middle[1] + float(rng.uniform(-spread, spread)),
        )
        GESTURES[kind](page, place)
        times.append(_await_mask(page))
        page.keyboard.press("Shift+D")
        page.wait_for_timeout(400)
    return times[1:]  # the first one also makes the engine


def _await_mask(page: Page) -> float:
    handle = page.wait_for_function("() => window.spent", timeout=30_000)
    spent = float(handle.json_value())
    page.evaluate(_FORGET)
    return spent


def _click(page: Page, place: tuple[float, float]) -> None:
    page.mouse.move(*place)
    page.evaluate(_FORGET)
    page.mouse.click(*place)


def _click_again(page: Page, place: tuple[float, float]) -> None:
    _click(page, place)
    _await_mask(page)
    page.wait_for_timeout(300)
    _click(page, (place[0] + 20, place[1] + 12))


def _drag(page: Page, place: tuple[float, float]) -> None:
    page.mouse.move(*place)
    page.mouse.down()
    page.mouse.move(place[0] + 30, place[1] + 20)
    page.mouse.move(place[0] + 60, place[1] + 50)
    page.evaluate(_FORGET)
    page.mouse.up()


def _paint(page: Page, place: tuple[float, float]) -> None:
    page.keyboard.press("b")
    _drag(page, place)
    page.keyboard.press("b")


GESTURES: dict[str, Gesture] = {
    "a first click": _click,
    "a click more": _click_again,
    "a box": _drag,
    "a brush stroke": _paint,
}


if __name__ == "__main__":
    main()
