"""Reviewing in a real browser: by keys alone, taken back, and an update that teaches."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, expect

from maskcast.interchange.importing import import_annotations
from maskcast.project.folder import ProjectFolder
from maskcast.review.decisions import DecisionLog
from maskcast.runs.ledger import Ledger
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
        expect(name).to_have_text("1.png")
        expect(review.locator(".counts")).to_contain_text("4 left, 1 reviewed")
        page.keyboard.press("x")
        expect(name).to_have_text("2.png")
        page.keyboard.press("ArrowLeft")
        expect(name).to_have_text("1.png")
        expect(review.locator(".decided")).to_have_text("rejected")
        expect(review.locator(".found")).to_have_text("nothing found")
        page.keyboard.press("z")  # the last decision comes back, and what was found with it
        expect(review.locator(".decided")).to_have_text("")
        expect(review.locator(".found")).to_contain_text("not there")
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
