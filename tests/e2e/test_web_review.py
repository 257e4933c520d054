"""Reviewing in a real browser: by keys alone, taken back, and an update that teaches."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, expect

from maskcast.interchange.importing import import_annotations
from maskcast.project.folder import ProjectFolder
from maskcast.review.auditing import draw_audit
from maskcast.review.decisions import DecisionLog
from maskcast.review.reviewing import decide
from maskcast.runs.ledger import Ledger
from maskcast.runs.outputs import read_id_mask
from maskcast.runs.run import run_project
from support import picture, write_png
from web_support import Quiet, served


@pytest.fixture
def project(tmp_path: Path) -> ProjectFolder:
    root = tmp_path / "p"
    for number in range(5):
        image, mask = picture(number, discs=1)
        if number == 0:
            write_png(root / "references" / "r.png", image)
            write_png(tmp_path / "labels" / "r.png", mask.astype(np.uint8))
        write_png(root / "targets" / f"{number}.png", image)
    (root / "maskcast.toml").write_text('engine = "fake"\n')
    project = ProjectFolder.open(root)
    import_annotations(project, "masks", tmp_path / "labels")
    run_project(project, Quiet())
    return project


def test_a_review_from_the_first_key_to_the_update(
    browser: Browser, project: ProjectFolder
) -> None:
    context = browser.new_context(locale="en-US")
    problems: list[str] = []
    context.on("weberror", lambda error: problems.append(str(error.error)))
    page = context.new_page()
    with served(project.root) as server:
        page.goto(server.url)
        page.get_by_role("tab", name="Review").click()
        review = page.locator(".review")
        review.locator(".order").select_option("name")
        review.locator(".who").fill("ann")
        name = review.locator(".name")
        expect(name).to_have_text("0.png")
        review.locator(".stage").click()
        page.keyboard.press("a")
        page.keyboard.press("x")  # no key waits for an answer, and none is lost
        expect(name).to_have_text("2.png")
        expect(review.locator(".counts")).to_contain_text("3 left, 2 reviewed")
        page.keyboard.press("ArrowLeft")
        expect(name).to_have_text("1.png")
        expect(review.locator(".decided")).to_have_text("rejected")
        expect(review.locator(".found")).to_have_text("nothing found")
        page.keyboard.press("z")  # the last decision comes back, and what was found with it
        expect(review.locator(".decided")).to_have_text("")
        expect(review.locator(".found")).to_contain_text("not there")
        review.locator(".fade").focus()
        page.keyboard.press("x")
        expect(review.locator(".counts")).to_contain_text("3 left, 2 reviewed")
        page.keyboard.press("Space")
        expect(review.locator(".overlay")).to_have_css("opacity", "0")
        with DecisionLog.open(project.review_folder) as log:
            decided = {entry.image_id: (entry.decision, entry.who) for entry in log.all_current()}
        assert decided == {"0.png": ("accepted", "ann"), "1.png": ("rejected", "ann")}
        review.get_by_role("button", name=re.compile("Update")).click()
        expect(page.locator(".run .state")).to_contain_text("all done", timeout=60_000)
        with Ledger.read(project.ledger_path) as ledger:
            assert ledger.generation == 2
            row = ledger.row("1.png")
            assert row is not None
            assert (row.objects, row.decision) == ((), "rejected")
    context.close()
    assert problems == []


def test_a_target_is_fixed_on_the_canvas_and_taken_back(
    browser: Browser, project: ProjectFolder
) -> None:
    context = browser.new_context(locale="en-US")
    problems: list[str] = []
    context.on("weberror", lambda error: problems.append(str(error.error)))
    page = context.new_page()
    written = project.output_folder / "id_masks" / "0" / "1.png"
    before = written.read_bytes()
    found = read_id_mask(written)
    assert not found[5, 5]
    namesake = project.references_folder / "0.png"
    namesake.write_bytes((project.targets_folder / "0.png").read_bytes())
    with served(project.root) as server:
        page.goto(server.url)
        page.get_by_role("tab", name="Review").click()
        review, fixing = page.locator(".review"), page.locator(".fixing")
        review.locator(".order").select_option("name")
        expect(review.locator(".name")).to_have_text("0.png")
        page.keyboard.press("f")
        expect(fixing.locator(".fixed")).to_have_text("0.png")
        stage = fixing.locator(".mc-stage[data-drawn]:not([data-drawn=''])")
        bounds = stage.bounding_box()
        assert bounds is not None
        scale, left, top = map(float, (stage.get_attribute("data-view") or "").split())
        page.mouse.click(bounds["x"] + left + 5.5 * scale, bounds["y"] + top + 5.5 * scale)
        expect(fixing.locator("[data-do=undo]")).to_be_enabled()
        expect(stage).to_be_visible()  # all is answered
        page.keyboard.press("Control+Delete")  # takes references away, and this is none
        page.keyboard.press("Control+s")
        expect(review.locator(".name")).to_have_text("1.png")
        expect(review.locator(".counts")).to_contain_text("4 left, 1 reviewed")
        corrected = read_id_mask(written)
        assert corrected[5, 5]
        assert corrected[found].all(), "what was found is the start"
        page.keyboard.press("z")
        expect(review.locator(".name")).to_have_text("0.png")
        expect(review.locator(".counts")).to_contain_text("5 left")
        assert written.read_bytes() == before
    assert namesake.exists()
    context.close()
    assert problems == []


def test_a_sample_is_looked_at_blind_and_the_statement_comes_with_the_last_key(
    browser: Browser, project: ProjectFolder
) -> None:
    everything = [f"{number}.png" for number in range(5)]
    decide(project, everything, "accepted", "ann", seen=False)
    state = draw_audit(project, "ann", size=3, seed=1)
    context = browser.new_context(locale="en-US")
    page = context.new_page()
    with served(project.root) as server:
        page.goto(server.url)
        page.get_by_role("tab", name="Review").click()
        review = page.locator(".review")
        review.locator(".who").fill("bob")
        review.locator(".order").select_option("audit")
        review.locator(".order").focus()
        for image_id in state.left:
            expect(review.locator(".name")).to_have_text(image_id)
            expect(review.locator(".decided")).to_contain_text("nothing is missing")
            expect(review.locator(".found b")).to_have_text("")
            expect(review.locator(".overlay")).to_have_attribute("src", re.compile("/blind"))
            expect(review.locator(".overlay")).to_have_js_property("complete", True)
            assert review.locator(".overlay").evaluate("image => image.naturalWidth") > 0
            page.keyboard.press("a")
        expect(review.locator(".nothing")).to_contain_text("of the 5 targets accepted unseen")
        expect(review.locator(".nothing")).to_contain_text("3 of 3 were right that bob looked at")
        report = page.request.get(f"{server.url}/maskcast/report").text()
        assert "of the 5 targets accepted unseen" in report
    context.close()
