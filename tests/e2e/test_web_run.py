"""Running and reviewing in a real browser."""

from __future__ import annotations

import re
import shutil
import signal
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, Route, ViewportSize, expect

from maskcast.demo.example import write_demo_project
from maskcast.engines.catalog import list_engines
from maskcast.interchange.importing import import_annotations
from maskcast.project.folder import ProjectFolder
from maskcast.project.inventory import drop_references
from maskcast.project.store import AnnotationStore
from maskcast.runs.ledger import Ledger
from maskcast.runs.run import run_project
from support import picture, result_digests, write_png
from web_support import Quiet, Server, served

TARGETS = 60
SLOW_MS = 60_000


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A fresh browser profile that fails on script errors and on requests to other hosts."""
    context = browser.new_context(accept_downloads=True, locale="en-US")
    problems: list[str] = []
    context.on("weberror", lambda error: problems.append(str(error.error)))
    context.on("request", lambda request: problems.extend(_foreign(request.url)))
    yield context
    for page in context.pages:
        # A page that asks on while it closes would fail whichever test comes next.
        page.unroute_all(behavior="ignoreErrors")
    context.close()
    assert problems == []


def _foreign(url: str) -> list[str]:
    return [] if re.match(r"http://127\.0\.0\.1:\d+/|data:|blob:", url) else [url]


def open_tab(context: BrowserContext, url: str, tab: str) -> Page:
    page = context.new_page()
    page.goto(url)
    page.get_by_role("tab", name=tab).click()
    return page


def figure(page: Page, name: str) -> int:
    """The first number in one of the figures under the progress bar."""
    shown = page.locator(f".run dd.{name}").inner_text()
    found = re.match(r"\d+", shown)
    return int(found[0]) if found else -1


def wait_until_done(page: Page, least: int) -> None:
    page.wait_for_function(
        "least => parseInt(document.querySelector('.run dd.done').textContent) >= least",
        arg=least,
        timeout=SLOW_MS,
    )


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixty targets: pictures of the demo, each in four orientations.

    Learning is quick, from two references at half size. Masking is slow, with one thread: it must
    not be over before another tab is open.
    """
    folder = tmp_path_factory.mktemp("web") / "demo"
    drawn = write_demo_project(folder, 0, TARGETS // 4)
    truth = drawn.reference_truth
    for of_references in (truth, folder / "references"):
        for path in sorted(of_references.glob("*.png"))[2:]:
            path.unlink()
    for path in truth.glob("*.png"):  # their pixels are object ids
        labels = np.asarray(Image.open(path))
        write_png(path, labels[::2, ::2])
    for path in folder.glob("references/*.png"):
        write_png(path, halved(path))
    for path in sorted((folder / "targets").rglob("*.png")):
        image = np.asarray(Image.open(path))
        path.unlink()
        for turns in range(4):
            write_png(path.with_stem(f"{path.stem}-{turns}"), np.rot90(image, turns))
    settings = folder / "maskcast.toml"
    settings.write_text(f"workers = 1\n{settings.read_text('utf-8')}", "utf-8")
    import_annotations(ProjectFolder.open(folder), "masks", truth)
    return folder


def halved(path: Path) -> npt.NDArray[np.uint8]:
    return np.asarray(Image.open(path).reduce(2))


def test_a_run_outlives_its_tab_and_is_stopped_resumed_and_downloaded(
    context: BrowserContext, demo: Path, tmp_path: Path
) -> None:
    with served(demo) as server:
        page = open_tab(context, server.url, "Run")
        expect(page.locator(".run .counted")).to_contain_text(str(TARGETS))
        page.get_by_role("button", name="Start").click()
        wait_until_done(page, 1)
        assert figure(page, "done") < TARGETS
        expect(page.locator(".run dd.rate")).to_contain_text("/s")
        page.close()

        page = open_tab(context, server.url, "Run")
        expect(page.get_by_role("button", name="Stop")).to_be_enabled()
        before = figure(page, "done")
        wait_until_done(page, before + 1)
        page.get_by_role("button", name="Stop").click()
        go_on = page.get_by_role("button", name="Go on")
        expect(go_on).to_be_enabled(timeout=SLOW_MS)
        stopped = figure(page, "done")
        assert before < stopped < TARGETS
        with Ledger.open(demo / "output" / "run.db") as ledger:
            assert ledger.counts().done == stopped

        go_on.click()
        wait_until_done(page, TARGETS)
        expect(page.locator(".run .state")).to_have_text("all done")
        expect(page.locator(".run .selftest li").first).to_contain_text("expect an IoU of")

        page.get_by_role("tab", name="Results").click()
        expect(page.locator(".results .card")).to_have_count(TARGETS)
        with page.expect_download() as downloading:
            page.get_by_role("link", name="Download ZIP").click()
        downloading.value.save_as(tmp_path / "all.zip")
        code, _ = server.stop()
        assert code == 0
    assert_same_files(tmp_path / "all.zip", demo / "output")


def test_ctrl_c_finishes_what_is_in_flight_behind_a_password_in_korean(
    browser: Browser, demo: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "output"
    (tmp_path / "password").write_text("김:비밀 단어\n", "utf-8")
    context = browser.new_context(
        locale="ko-KR", http_credentials={"username": "김", "password": "비밀 단어"}
    )
    with served(demo, "--output", folder, "--auth-file", tmp_path / "password") as server:
        page = open_tab(context, server.url, "실행")
        page.get_by_role("button", name="시작").click()
        wait_until_done(page, 1)
        expect(page.locator(".run .selftest li").first).to_contain_text("예상 IoU")
        code, said = server.stop()
    assert code == 130
    assert said.startswith("closing")  # at once, for the end takes seconds
    assert "being finished" in said
    assert "Traceback" not in said
    with Ledger.open(folder / "run.db") as ledger:
        assert 0 < ledger.counts().done < TARGETS
    context.close()


def test_a_second_ctrl_c_does_not_wait(demo: Path, tmp_path: Path) -> None:
    with served(demo, "--output", tmp_path / "output") as server:
        assert server.request("/maskcast/start", "POST", b"{}").json()["started"]
        server.process.send_signal(signal.SIGINT)
        assert server.process.stderr is not None
        assert "closing" in server.process.stderr.readline()
        assert "again to stop at once" in server.process.stderr.readline()
        code, said = server.stop()
    assert code == 130
    assert "Traceback" not in said
    assert len(list((tmp_path / "output").glob("masks/**/*.png"))) < TARGETS


def assert_same_files(archive: Path, output: Path) -> None:
    """All results, byte by byte, and nothing else."""
    with zipfile.ZipFile(archive) as content:
        assert content.testzip() is None
        content.extractall(archive.with_suffix(""))
        names = sorted(content.namelist())
    assert names == list(result_digests(output))
    assert result_digests(archive.with_suffix("")) == result_digests(output)


@pytest.fixture(scope="module")
def reviewed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """130 done targets (each third empty), and two that fail: one damaged, one no picture."""
    folder = tmp_path_factory.mktemp("reviewed") / "project"
    image, mask = picture(1, 2)
    write_png(folder / "references" / "r.png", image)
    write_png(folder.parent / "labels" / "r.png", mask.astype(np.uint8) * 255)
    for number in range(130):
        drawn, _ = picture(number, discs=0 if number % 3 == 2 else 1)
        write_png(folder / "targets" / f"t{number:03}.png", drawn)
    (folder / "targets" / "a-broken.png").write_bytes(b"no picture at all")
    write_png(folder / "targets" / "b-cut.png", picture(3)[0])
    cut = folder / "targets" / "b-cut.png"
    cut.write_bytes(cut.read_bytes()[:2000])
    (folder / "maskcast.toml").write_text('engine = "fake"\n')
    opened = ProjectFolder.open(folder)
    import_annotations(opened, "masks", folder.parent / "labels")
    run_project(opened, Quiet())
    return folder


@pytest.fixture(scope="module")
def reviewing(reviewed: Path) -> Iterator[Server]:
    with served(reviewed) as server:
        yield server


def test_results_page_filter_and_open(context: BrowserContext, reviewing: Server) -> None:
    page = open_tab(context, reviewing.url, "Results")
    cards, where = page.locator(".results .card"), page.locator(".results .where")
    expect(cards).to_have_count(60)
    expect(where).to_have_text("1-60 of 132")
    page.get_by_label("next page").click()
    expect(where).to_have_text("61-120 of 132")

    page.get_by_label("Show").select_option("empty")
    expect(where).to_have_text("1-43 of 43")
    page.get_by_label("Show").select_option("found")
    expect(where).to_have_text("1-60 of 87")
    page.get_by_label("Show").select_option("failed")
    expect(cards).to_have_count(2)
    expect(cards.first.locator(".reason")).to_contain_text("cannot be read")
    cards.first.click()
    expect(page.locator(".large .message")).to_contain_text("a-broken.png")
    page.keyboard.press("ArrowRight")
    expect(page.locator(".large .name")).to_have_text("b-cut.png")
    page.keyboard.press("Escape")
    expect(page.locator("dialog.large")).to_be_hidden()


def test_large_view_compares_zooms_and_pages(context: BrowserContext, reviewing: Server) -> None:
    page = open_tab(context, reviewing.url, "Results")
    page.locator(".results .card", has_text="t057.png").click()
    expect(page.locator(".large .place")).to_have_text("60 / 132")
    page.keyboard.press(".")  # as in the labelers: onto the next page of the gallery
    expect(page.locator(".large .name")).to_have_text("t058.png")
    expect(page.locator(".large .found")).to_contain_text("0.98")
    original = page.locator(".large .original")
    page.wait_for_function(
        "node => node.complete && node.naturalWidth === 80", arg=original.element_handle()
    )
    assert visible_share(page) == 1
    slider = page.get_by_label("original or masks")
    slider.fill("25")
    assert visible_share(page) == pytest.approx(0.25)
    slider.fill("0")
    assert visible_share(page) == 0
    fitted = width_of(page)
    box = page.locator(".large .stage").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.wheel(0, -600)
    page.wait_for_function(
        "width => document.querySelector('.large .original').getBoundingClientRect().width"
        " > 2 * width",
        arg=fitted,
    )
    page.locator(".large .fit").click()
    assert width_of(page) == pytest.approx(fitted)


def test_what_was_found_is_drawn_by_the_browser_and_switched(
    context: BrowserContext, reviewed: Path, reviewing: Server
) -> None:
    page = open_tab(context, reviewing.url, "Results")
    page.locator(".results .card", has_text="t004.png").click()
    page.wait_for_function(DRAWN)
    with Image.open(reviewed / "output" / "id_masks" / "t004" / "1.png") as picture_of_mask:
        mask = np.asarray(picture_of_mask) > 0
    rows, columns = np.nonzero(mask)
    inside = int(columns.mean()), int(rows.mean())
    edge = int(columns[rows == inside[1]].min()), inside[1]
    beside = int(columns.max()) + 4, inside[1]  # within the box's line, beyond the mask
    assert mask[inside[1], inside[0]]
    assert alpha_at(page, inside) == pytest.approx(0.35, abs=0.02)
    page.locator(".large").get_by_label("Opacity").fill("80")
    wait_for_alpha(page, inside, 0.8)
    assert alpha_at(page, beside) == 0
    for part, where in (("Fill", inside), ("Outline", edge)):
        page.get_by_role("button", name=part).click()
        wait_for_alpha(page, where, 0)
    assert page.evaluate(DRAWN)  # boxes and labels
    page.get_by_role("button", name="Boxes").click()
    page.get_by_role("button", name="Labels").click()
    page.wait_for_function(f"!({DRAWN})()")
    page.reload()  # what was switched off stays so
    expect(page.get_by_role("button", name="Labels")).to_have_attribute("aria-pressed", "false")
    page.get_by_role("button", name="Fill").click()
    page.wait_for_function(DRAWN)
    page.keyboard.down("v")
    page.wait_for_function(f"!({DRAWN})()")
    page.wait_for_function("start => performance.now() > start + 350", arg=now(page))
    page.keyboard.up("v")
    page.wait_for_function(DRAWN)
    page.get_by_role("checkbox", name=re.compile("^show 1")).uncheck()
    page.wait_for_function(f"!({DRAWN})()")


def test_what_was_found_is_drawn_though_the_gallery_looked_again_meanwhile(
    context: BrowserContext, reviewing: Server
) -> None:
    page = open_tab(context, reviewing.url, "Results")
    expect(page.locator(".results .card").first).to_be_visible()
    rows: list[Route] = []
    layers: list[Route] = []
    page.route("**/maskcast/results?*", lambda route: rows.append(route))
    page.route("**/maskcast/layers?*", lambda route: layers.append(route))
    with page.expect_request("**/maskcast/results?*"):
        pass  # the gallery looks again by itself
    with page.expect_request("**/maskcast/layers?*"):
        page.locator(".results .card", has_text="t004.png").click()
    with page.expect_response("**/maskcast/results?*"):
        rows[0].continue_()
    layers[0].continue_()
    page.wait_for_function(DRAWN)
    page.unroute_all(behavior="ignoreErrors")


def test_thresholds_act_on_the_open_picture_and_then_on_all(
    context: BrowserContext, tmp_path: Path
) -> None:
    project = tmp_path / "project"
    image, mask = picture(1, 2)
    write_png(project / "references" / "r.png", image)
    for number in (1, 2):
        write_png(project / "targets" / f"t{number}.png", picture(number, number)[0])
    write_png(tmp_path / "labels" / "r.png", mask.astype(np.uint8))
    (project / "maskcast.toml").write_text('engine = "fake"\nkeep_probabilities = "1MB"\n')
    opened = ProjectFolder.open(project)
    import_annotations(opened, "masks", tmp_path / "labels")
    run_project(opened, Quiet())
    with served(project) as server:
        page = open_tab(context, server.url, "Results")
        page.locator(".results .card", has_text="t2.png").click()
        page.locator(".large .cutting summary").click()
        page.wait_for_function(DRAWN)
        apply = page.get_by_role("button", name="Apply to all targets")
        expect(apply).to_be_disabled()
        slider = page.get_by_label(re.compile("^threshold of 1"))
        slider.fill(slider.get_attribute("max") or "")
        expect(page.locator(".cut-head output")).to_have_text("1.00")
        smallest = page.get_by_label("pixels of the smallest part")
        smallest.fill("9999")
        smallest.press("Enter")
        page.wait_for_function(f"!({DRAWN})()")
        expect(page.locator(".cut-found")).to_have_text("here 0 px, 0 parts")
        apply.click()
        expect(page.locator(".run .renewed")).to_contain_text("2 of them newly empty")

        page.get_by_role("tab", name="Results").click()
        expect(page.locator(".results .finding").first).to_have_text("nothing found")
        page.locator(".results .card", has_text="t2.png").click()
        expect(smallest).to_have_value("9999")
        page.get_by_role("button", name="Back to calibrated").click()
        expect(page.locator(".run .state")).to_have_text("all done")
        page.get_by_role("tab", name="Results").click()
        expect(page.locator(".results .finding").first).to_have_text(re.compile(r"0\.\d\d"))


def test_tone_changes_the_picture_on_the_screen_in_all_tabs_and_is_kept(
    context: BrowserContext, reviewing: Server
) -> None:
    page = open_tab(context, reviewing.url, "Results")
    page.locator(".results .card", has_text="t004.png").click()
    original, under = page.locator(".large .original"), page.locator(".mc-under")
    assert original.evaluate("node => node.style.filter") == ""
    before = page.locator(".large .stage").screenshot()
    page.locator(".large .tone summary").click()
    page.locator(".large").get_by_role("slider", name="Gamma").fill("-80")
    page.locator(".large .tone summary").click()
    for shown in (original, under):
        assert "#maskcast-tone" in shown.evaluate("node => getComputedStyle(node).filter")
    assert brightness(page.locator(".large .stage").screenshot()) < brightness(before) - 10
    page.reload()
    assert "#maskcast-tone" in original.evaluate("node => getComputedStyle(node).filter")
    page.locator(".large .tone summary").click()
    page.locator(".large").get_by_role("button", name="As it is").click()
    assert original.evaluate("node => node.style.filter") == ""


def brightness(screenshot: bytes) -> float:
    with Image.open(BytesIO(screenshot)) as shown:
        return float(np.asarray(shown.convert("L")).mean())


DRAWN = """() => {
  const canvas = document.querySelector(".large .layers");
  const { width, height } = canvas;
  if (!width || !height) return false;
  return canvas.getContext("2d").getImageData(0, 0, width, height).data.some((value) => value > 0);
}"""
"""Whether anything is drawn over the open picture."""

ALPHA = """([x, y]) => {
  const canvas = document.querySelector(".large .layers");
  const sheet = document.querySelector(".large .original").getBoundingClientRect();
  const area = canvas.getBoundingClientRect();
  const scale = sheet.width / 80;
  const left = sheet.left - area.left + (x + 0.5) * scale;
  const top = sheet.top - area.top + (y + 0.5) * scale;
  return canvas.getContext("2d").getImageData(left, top, 1, 1).data[3] / 255;
}"""
"""How opaque the layers are over the middle of a pixel of a picture of 80 columns."""


def now(page: Page) -> float:
    moment: float = page.evaluate("performance.now()")
    return moment


def alpha_at(page: Page, place: tuple[int, int]) -> float:
    alpha: float = page.evaluate(ALPHA, list(place))
    return alpha


def wait_for_alpha(page: Page, place: tuple[int, int], alpha: float) -> None:
    page.wait_for_function(
        f"([place, alpha]) => Math.abs(({ALPHA})(place) - alpha) < 0.02", arg=[list(place), alpha]
    )


def test_the_address_holds_filters_and_the_open_picture(
    context: BrowserContext, reviewing: Server
) -> None:
    page = open_tab(context, reviewing.url, "Results")
    expect(page.get_by_role("heading", level=1)).to_have_text("maskcast · project")
    page.get_by_label("Show").select_option("found")
    expect(page.locator(".results .where")).to_have_text("1-60 of 87")
    page.locator(".results .card", has_text="t004.png").click()
    page.keyboard.press("Space")
    assert visible_share(page) == 0
    page.keyboard.press("ArrowRight")  # whose mask is shown, though the one before was not
    expect(page.locator(".large .name")).to_have_text("t006.png")
    assert visible_share(page) == 1
    assert page.url.endswith("#results?kind=found&open=t006.png")
    page.reload()
    expect(page.locator(".large .name")).to_have_text("t006.png")
    expect(page.locator(".large .place")).to_have_text("5 / 87")
    page.go_back()
    expect(page.locator("dialog.large")).to_be_hidden()
    expect(page.locator(".results .where")).to_have_text("1-60 of 87")
    page.get_by_role("spinbutton", name="highest score").fill("0")
    page.get_by_role("spinbutton", name="highest score").press("Enter")
    page.get_by_role("button", name="Show all results again").click()
    expect(page.locator(".results .where")).to_have_text("1-60 of 132")
    page.go_back()
    expect(page.get_by_role("tab", name="Annotate")).to_have_attribute("aria-selected", "true")


def test_a_second_run_shows_its_own_pictures(context: BrowserContext, tmp_path: Path) -> None:
    project = tmp_path / "project"
    image, mask = picture(1, 2)
    write_png(project / "references" / "r.png", image)
    write_png(project / "targets" / "t.png", image)
    write_png(tmp_path / "labels" / "r.png", mask.astype(np.uint8))
    (project / "maskcast.toml").write_text('engine = "fake"\n')
    opened = ProjectFolder.open(project)
    import_annotations(opened, "masks", tmp_path / "labels")
    run_project(opened, Quiet())
    with served(project) as server:
        page = open_tab(context, server.url, "Results")
        thumbnail = page.locator(".results .card img")
        before = thumbnail.get_attribute("src")
        run_project(opened, Quiet(), fresh=True)
        expect(thumbnail).not_to_have_attribute("src", before or "")
        page.locator(".results .card").click()
        shown = page.locator(".large .original").get_attribute("src") or ""
        assert re.search(r"shows=\w+", shown)
        assert (before or "").split("shows=")[1] not in shown


def test_changed_references_are_told_and_run_again_shows_old_beside_new(
    context: BrowserContext, tmp_path: Path
) -> None:
    """Three references change: two show another object than was said, one goes."""
    project = tmp_path / "project"
    for name, seed, step, object_id in (("a", 1, 1, 1), ("b", 2, 1, 1), ("blue", 3, -1, 2)):
        image, mask = picture(seed)
        write_png(project / "references" / f"{name}.png", image[..., ::step])
        write_png(tmp_path / "labels" / f"{name}.png", mask.astype(np.uint8) * object_id)
    for number in range(12):
        step = -1 if number < 4 else 1
        write_png(project / "targets" / f"t{number:02}.png", picture(10 + number)[0][..., ::step])
    (project / "maskcast.toml").write_text('engine = "fake"\n')
    opened = ProjectFolder.open(project)
    import_annotations(opened, "masks", tmp_path / "labels")
    run_project(opened, Quiet())
    with served(project) as server:
        page = open_tab(context, server.url, "Run")
        expect(page.locator(".run .state")).to_have_text("all done")
        expect(page.locator(".run .since")).to_be_hidden()
        store = AnnotationStore(opened.annotations_path)
        for name in ("a.png", "b.png"):
            known = store.read().annotations[name]
            store.save(replace(known, objects={3: known.objects[1]}), known.version)
        drop_references(opened, ["blue.png"])
        since = page.locator(".run .since")
        expect(since).to_contain_text("3 references changed since this run")
        expect(since).to_contain_text("a.png, b.png, blue.png (gone)")
        expect(page.get_by_role("button", name="Start")).to_be_hidden()
        assert "--" not in since.inner_text()

        page.get_by_role("button", name="Run again").click()
        renewed = page.locator(".run .renewed")
        expect(renewed).to_contain_text("12 targets changed, 4 of them newly empty")
        expect(since).to_be_hidden()
        renewed.get_by_role("button", name="Show what changed").click()
        expect(renewed.locator("li")).to_have_count(12)
        expect(renewed.get_by_text("newly empty", exact=True)).to_have_count(4)
        page.wait_for_function(
            "() => [...document.querySelectorAll('.run .changed li:first-child img')]"
            ".every((image) => image.complete && image.naturalWidth > 0)"
        )
        assert len(list((project / "output.generations" / "1" / "overlays").iterdir())) == 12
        renewed.get_by_role("button", name="Go back").click()
        expect(since).to_contain_text("3 references changed")


def test_a_removed_target_keeps_its_result_and_comes_back(
    context: BrowserContext, tmp_path: Path
) -> None:
    project = tmp_path / "project"
    image, mask = picture(1, 2)
    write_png(project / "references" / "r.png", image)
    write_png(tmp_path / "labels" / "r.png", mask.astype(np.uint8))
    for number in range(2):
        write_png(project / "targets" / f"t{number}.png", picture(number)[0])
    (project / "maskcast.toml").write_text('engine = "fake"\n')
    opened = ProjectFolder.open(project)
    import_annotations(opened, "masks", tmp_path / "labels")
    run_project(opened, Quiet())
    with served(project) as server:
        page = open_tab(context, server.url, "Results")
        page.locator(".results .card", has_text="t0.png").click()
        page.get_by_role("button", name="Remove target").click()
        expect(page.locator(".large .message")).to_contain_text("its result is kept")
        assert sorted(path.name for path in (project / "targets").iterdir()) == ["t1.png"]
        assert (project / "output" / "masks" / "t0.png").exists()
        page.keyboard.press("Escape")
        expect(page.locator(".results .card", has_text="t0.png")).to_contain_text("removed")
        page.get_by_role("tab", name="Run").click()
        expect(page.locator(".run dd.done")).to_have_text("1 of 1")

        page.get_by_role("tab", name="Results").click()
        page.locator(".results .card", has_text="t0.png").click()
        page.get_by_role("button", name="Put target back").click()
        expect(page.get_by_role("button", name="Remove target")).to_be_visible()
        assert (project / "targets" / "t0.png").exists()
        page.keyboard.press("Escape")
        page.get_by_role("tab", name="Run").click()
        expect(page.locator(".run dd.done")).to_have_text("2 of 2")

        other = tmp_path / "t1.png"
        write_png(other, picture(9)[0])
        page.locator(".run input.files").set_input_files(other)
        page.get_by_role("button", name="Replace t1.png").click()
        expect(page.locator(".run .refused")).to_contain_text("the picture from before is in")
        assert (project / "targets" / "t1.png").read_bytes() == other.read_bytes()
        assert sorted(path.name for path in (project / "targets").iterdir()) == ["t0.png", "t1.png"]


def test_engines_that_are_not_ready_say_why_and_what_to_do(
    context: BrowserContext, reviewing: Server
) -> None:
    page = open_tab(context, reviewing.url, "Run")
    unready = page.locator(".run .unready")
    unready.locator("summary").click()
    known = [entry for entry in list_engines() if not entry.ready]
    expect(unready.locator("dt")).to_have_text([entry.name for entry in known])
    for entry in known:
        expect(unready).to_contain_text(entry.next_step)


def test_masks_that_cannot_be_had_say_why(context: BrowserContext, reviewing: Server) -> None:
    page = open_tab(context, reviewing.url, "Results")
    missing = re.compile(r"maskcast/layers\?id=t000.png")
    reason = {"error": "the shard output/shards/x.tar is missing"}
    page.route(missing, lambda route: route.fulfill(status=400, json=reason))
    page.locator(".results .card", has_text="t000.png").click()
    expect(page.locator(".large .message")).to_have_text(reason["error"])
    expect(page.locator(".large .layers")).to_be_hidden()
    expect(page.locator(".large .wipe")).to_be_hidden()
    page.keyboard.press("ArrowRight")
    expect(page.locator(".large .message")).to_be_hidden()
    expect(page.locator(".large .layers")).to_be_visible()


def test_fingers_zoom_and_move_a_result(browser: Browser, reviewing: Server) -> None:
    viewport = ViewportSize(width=400, height=760)
    with browser.new_context(viewport=viewport, has_touch=True, is_mobile=True) as context:
        page = context.new_page()
        page.goto(reviewing.url)
        page.get_by_role("tab", name="Results").click()
        page.locator(".results .card", has_text="t000.png").click()
        expect(page.locator(".large .place")).to_have_text("3 / 132")
        assert page.evaluate("document.documentElement.scrollWidth") <= 400
        devtools = context.new_cdp_session(page)
        page.wait_for_function("document.querySelector('.large .original').naturalWidth > 0")
        page.evaluate("new Promise((done) => requestAnimationFrame(() => setTimeout(done, 50)))")
        fitted = width_of(page)

        def touch(kind: str, *columns: float) -> None:
            points = [{"x": x, "y": 380, "id": key} for key, x in enumerate(columns)]
            devtools.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

        touch("touchStart", 180)
        touch("touchStart", 180, 220)
        for step in (1, 2, 3):
            touch("touchMove", 180 - 10 * step, 220 + 10 * step)
        touch("touchEnd")
        wait_for_bounds(page, "width", 2.5 * fitted)
        before = left_of(page)
        touch("touchStart", 200)
        touch("touchMove", 215)
        touch("touchMove", 230)
        touch("touchEnd")
        wait_for_bounds(page, "left", before + 30)
        page.get_by_role("button", name="zoom out").click()
        wait_for_bounds(page, "width", 2 * fitted)


def wait_for_bounds(page: Page, side: str, pixels: float) -> None:
    page.wait_for_function(
        """([side, pixels]) => {
          const bounds = document.querySelector(".large .original").getBoundingClientRect();
          return Math.abs(bounds[side] - pixels) < 2;
        }""",
        arg=[side, pixels],
    )


def left_of(page: Page) -> float:
    left: float = page.locator(".large .original").evaluate(
        "node => node.getBoundingClientRect().left"
    )
    return left


def visible_share(page: Page) -> float:
    """How much of the picture the masks are drawn over, from the left."""
    share: float = page.evaluate(
        """() => {
          const canvas = document.querySelector(".large .layers");
          const sheet = document.querySelector(".large .original").getBoundingClientRect();
          const cut = /^inset\\(0(?:px)? ([-\\d.]+)px/.exec(getComputedStyle(canvas).clipPath);
          const edge = canvas.getBoundingClientRect().right - (cut ? Number(cut[1]) : 0);
          return Math.min(1, (edge - sheet.left) / sheet.width);
        }"""
    )
    return share


def width_of(page: Page) -> float:
    width: float = page.locator(".large .original").evaluate(
        "node => node.getBoundingClientRect().width"
    )
    return width


def test_keys_alone_walk_the_gallery(context: BrowserContext, reviewing: Server) -> None:
    page = open_tab(context, reviewing.url, "Results")
    page.locator(".results .card").nth(58).focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(page.locator(".results .where")).to_have_text("61-120 of 132")
    expect(page.locator(".results .card:focus")).to_contain_text("t058.png")

    def empty_one(route: Route) -> None:
        answer = route.fetch()
        content = answer.json()
        content["rows"][5]["objects"] = []
        route.fulfill(response=answer, json=content)

    # What a run changes meanwhile does not take the focus away.
    page.route(re.compile("maskcast/results"), empty_one)
    expect(page.locator(".results .card").nth(5)).to_contain_text("nothing found")
    expect(page.locator(".results .card:focus")).to_contain_text("t058.png")
    page.keyboard.press("Enter")
    expect(page.locator(".large .name")).to_have_text("t058.png")
    page.keyboard.press("Escape")
    expect(page.locator(".results .card:focus")).to_contain_text("t058.png")


def test_any_page_is_reached_at_once(context: BrowserContext, reviewing: Server) -> None:
    page = open_tab(context, reviewing.url, "Results")
    where = page.locator(".results .where")
    expect(where).to_have_text("1-60 of 132")
    # The pages are at hand without scrolling.
    expect(page.locator(".results .pages")).to_be_in_viewport(ratio=1)
    number = page.locator(".results input.page")
    for typed, shown in (("3", "121-132 of 132"), ("99", "121-132 of 132"), ("0", "1-60 of 132")):
        number.fill(typed)
        number.press("Enter")
        expect(where).to_have_text(shown)


def test_a_first_time_user_needs_only_the_browser(context: BrowserContext, tmp_path: Path) -> None:
    image, mask = picture(1, size=(120, 160))
    write_png(tmp_path / "reference.png", image)
    for number in range(3):
        write_png(tmp_path / f"{number}.png", picture(number)[0])
    targets = [tmp_path / f"{number}.png" for number in range(3)]
    (tmp_path / "here").mkdir()
    with served("--engine", "fake", cwd=tmp_path / "here") as server:
        page = open_tab(context, server.url, "Results")
        page.get_by_role("button", name="Go to Run").click()
        expect(page.locator(".run .state")).to_have_text("first annotate at least one reference")
        expect(page.get_by_role("button", name="Start")).to_be_disabled()
        page.get_by_role("button", name="Annotate references").click()
        expect(page.locator(".mc-steps li")).to_have_count(3)

        page.locator(".mc-files").set_input_files(tmp_path / "reference.png")
        page.wait_for_selector(".mc-stage[data-image='reference.png'][data-drawn]")
        stage = page.locator(".mc-stage")
        scale, left, top = map(float, (stage.get_attribute("data-view") or "").split())
        bounds = stage.bounding_box()
        assert bounds is not None
        rows, columns = np.nonzero(mask)
        x = bounds["x"] + left + scale * (columns[len(columns) // 2] + 0.5)
        y = bounds["y"] + top + scale * (rows[len(rows) // 2] + 0.5)
        page.mouse.click(x, y)
        expect(page.locator(".mc-slot[data-id='1'] .mc-count")).to_have_text("1")

        page.get_by_role("tab", name="Run").click()
        expect(page.locator(".run .state")).to_have_text("first add the targets above")
        page.locator(".run input.files").set_input_files(targets)
        page.get_by_role("button", name="Start").click()
        wait_until_done(page, 3)
        page.get_by_role("button", name="Look at the results").click()
        expect(page.locator(".results .card")).to_have_count(3)
        (project,) = (tmp_path / "here").iterdir()
    assert sorted(path.name for path in (project / "output" / "masks").iterdir()) == [
        "0.png",
        "1.png",
        "2.png",
    ]


def test_a_tab_whose_scripts_cannot_be_had_says_so(
    context: BrowserContext, reviewing: Server
) -> None:
    context.route("**/maskcast/static/*/results/main.js", lambda route: route.abort())
    page = open_tab(context, reviewing.url, "Results")
    expect(page.get_by_role("alert")).to_contain_text("load it again")
    page.get_by_role("tab", name="Run").click()
    expect(page.locator(".run .counted")).not_to_be_empty()


def test_what_better_masks_take_is_said_beside_the_engines(
    context: BrowserContext, tmp_path: Path
) -> None:
    (tmp_path / "references").mkdir()
    with served(tmp_path, env={"HF_HOME": str(tmp_path / "hub")}) as server:
        page = open_tab(context, server.url, "Run")
        line = page.locator(".run .next-engine")
        expect(line).to_contain_text("The next step, deep: better masks, one download of 88 MB")
        expect(line).to_contain_text("maskcast engines pull dinov2-small")


def test_targets_by_upload_and_running_again_keeps_the_old_output(
    context: BrowserContext, reviewed: Path, tmp_path: Path
) -> None:
    project = tmp_path / "project"
    (project / "targets").mkdir(parents=True)
    shutil.copytree(reviewed / "references", project / "references")
    write_png(tmp_path / "new.png", picture(9)[0])
    (tmp_path / "no-picture.png").write_text("not a picture")
    with served(project, "--engine", "fake") as server:
        page = open_tab(context, server.url, "Run")
        expect(page.locator(".run .counted")).to_contain_text("0 images")
        expect(page.get_by_role("button", name="Start")).to_be_disabled()
        files = [tmp_path / "new.png", tmp_path / "no-picture.png"]
        page.locator(".run input.files").set_input_files(files)
        expect(page.locator(".run .counted")).to_contain_text("1 images")
        expect(page.locator(".run .refused")).to_contain_text("no-picture.png")
        page.get_by_role("button", name="Start").click()
        wait_until_done(page, 1)
        before = result_digests(project / "output")

        page.get_by_label("Threshold calibrated").uncheck()
        page.get_by_role("spinbutton").fill("0.7")
        page.get_by_role("button", name="Start").click()
        since = page.locator(".run .since")
        expect(since).to_contain_text("made with other settings")
        assert "--" not in since.inner_text()
        assert result_digests(project / "output") == before
        page.get_by_role("button", name="Run again").click()
        expect(page.locator(".run .renewed")).to_be_visible()
        wait_until_done(page, 1)
        another = open_tab(context, server.url, "Run")
        expect(another.get_by_label("Threshold calibrated")).not_to_be_checked()
        expect(another.get_by_role("spinbutton")).to_have_value("0.7")
    assert (project / "targets" / "new.png").read_bytes() == (tmp_path / "new.png").read_bytes()
    assert result_digests(project / "output.generations" / "1") == before
    assert (project / "output" / "masks" / "new.png").is_file()
