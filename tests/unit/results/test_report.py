"""The report of a run: what is counted, and that it is one whole page."""

from __future__ import annotations

import json
import re
import sqlite3
from contextlib import closing
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from finished import SIZE, finished_project
from maskcast.errors import RunError
from maskcast.io.images import encode_jpeg
from maskcast.project.folder import ProjectFolder
from maskcast.quality.expectation import SelfTest
from maskcast.quality.trials import Trial
from maskcast.results.figures import Figures
from maskcast.results.report import render_report, write_report
from maskcast.results.report_words import WORDS
from maskcast.results.verdicts import VERDICTS_NAME, write_verdicts
from maskcast.runs.ledger import Ledger
from maskcast.runs.ledger_rows import FoundObject, TargetRow
from support import write_png

TRUE = np.zeros(SIZE, np.bool_)
TRUE[1:4, 2:6] = True


def row(image_id: str, *right: float, area: int = 100) -> TargetRow:
    objects = tuple(
        FoundObject(key, 0.55, area, 1, (0, 0, 20, 10), share)
        for key, share in enumerate(right, start=1)
    )
    return TargetRow(image_id, image_id, "done", (100, 200), objects=objects)


ROWS = [
    row("a/1.png", 0.9),
    row("a/2.png", 0.2, 0.95),
    row("a/3.png"),
    row("b/1.png", 0.1),
    TargetRow("b/2.png", "b/2", "failed", reason="broken"),
]


def test_folders_are_counted_by_what_was_found() -> None:
    folders = Figures.of(ROWS).folders
    a, b = folders["a"], folders["b"]
    assert (a.targets, a.shown, a.doubtful, a.clean, a.failed) == (3, 2, 0, 1, 0)
    assert (b.targets, b.shown, b.doubtful, b.clean, b.failed) == (1, 0, 1, 0, 1)


def test_objects_have_histograms_sizes_and_places() -> None:
    found = Figures.of(ROWS).objects[1]
    assert found.found == 3
    assert found.scores[11] == 3  # 0.55 of 20 bins
    assert found.right[[2, 4, 18]].tolist() == [1, 1, 1]
    assert found.areas == [100 / 20_000] * 3
    assert found.places[1, 1] == 3  # middle (10, 5) of 200 x 100 pixels, in 24 cells
    assert found.places.sum() == 3


def test_no_picture_is_on_the_sheet_twice() -> None:
    figures = Figures.of([row(f"{i}.png", i / 40) for i in range(40)])
    chosen = figures.chosen(5)
    assert chosen["best"][0] == "39.png"
    assert chosen["worst"][0] == "0.png"
    assert chosen["doubtful"][0] == "20.png"
    everything = [image_id for ids in chosen.values() for image_id in ids]
    assert len(set(everything)) == len(everything) == 20


def test_drift_shows_in_the_trend() -> None:
    rows = [row(f"{i:03}.png", 0.9) for i in range(100)] + [row(f"{i}.png") for i in range(100)]
    shares, means = Figures.of(rows).trend(points=4)
    assert shares.tolist() == [1, 1, 0, 0]
    assert means[:2] == pytest.approx([0.9, 0.9])
    assert np.isnan(means[2:]).all()


class Links(HTMLParser):
    """Everything that a browser would fetch, and headings."""

    def __init__(self) -> None:
        super().__init__()
        self.fetched: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Called for each tag."""
        self.fetched += [
            value or ""
            for name, value in attrs
            if name == "src" or (name == "href" and tag in {"link", "script"})
        ]


@pytest.fixture
def project(tmp_path: Path) -> ProjectFolder:
    project = finished_project(tmp_path / "p<b>", {"1.jpg": {1: TRUE}, "x/2.jpg": {}})
    trials = tuple(Trial(f"r{i}.png", 1, True, 0.65, 9, 0.6) for i in range(3))
    with Ledger.open(project.ledger_path) as ledger:
        ledger.keep_selftest(SelfTest("pixel", trials))
    return project


def test_truth_shows_what_verdicts_and_probabilities_are_worth(
    project: ProjectFolder, tmp_path: Path
) -> None:
    """Target 1 is rightly called a defect; 2, on which nothing was found, is wrongly called ok."""
    for name in ("1.png", "x/2.png"):
        write_png(tmp_path / "truth" / name, np.where(TRUE, 255, 0).astype(np.uint8))
    write_verdicts(project)
    page = render_report(project, truth=tmp_path / "truth")
    assert WORDS["truth_known"][0] in page
    shown = re.sub("<[^>]*>", " ", page)
    assert re.search(
        r"in truth\s+defect\s+ok\s+undecided\s+defective\s+1\s+1\s+0\s+clean\s+0\s+0\s+0\s", shown
    )
    assert "2 targets have a truth." in page
    assert WORDS["truth_known"][0] not in render_report(project)


def test_it_begins_with_what_came_of_it_and_with_what(project: ProjectFolder) -> None:
    signature = {"version": [2, "1"], "encoder": {"file": "vits"}, "threshold": None}
    references = {f"r{number:02}.png": "digest" for number in range(14)}

    def beginning(threshold: float | None) -> str:
        settings = {**signature, "threshold": threshold}
        known = {"engine": "deep", "engine settings": settings, "references": references}
        with closing(sqlite3.connect(project.ledger_path)) as ledger, ledger:
            text = json.dumps(known)
            ledger.execute("UPDATE meta SET value = ? WHERE key = 'fingerprint'", (text,))
        page = render_report(project)
        return re.sub(r"\s+", " ", re.sub("<[^>]*>", " ", page[: page.index("<h2>")]))

    shown = beginning(None)
    assert "2 done 1 nothing found 0 failed 1 defect 1 ok 0 undecided" in shown
    assert "version: 2.1, encoder: (file: vits), threshold: calibrated on the references" in shown
    assert "references 14: r00.png, " in shown
    assert ", r11.png + 2" in shown
    other = beginning(0.3)
    assert "threshold: 0.3" in other
    digests = [re.findall(r"fingerprint ([0-9a-f]{16}) ", each) for each in (shown, other)]
    assert all(digests)
    assert digests[0] != digests[1]


def test_folders_have_the_verdicts_of_the_table(project: ProjectFolder) -> None:
    table = project.output_folder / VERDICTS_NAME
    table.write_text("image,verdict\n1.jpg,ok\nx/2.jpg,defect\n", "utf-8")
    shown = re.sub("<[^>]*>", " ", render_report(project))
    assert re.search(r"folder\s+defect\s+ok\s+undecided\s+\.\s+0\s+1\s+0\s+x\s+1\s+0\s+0\s", shown)


def test_the_self_test_stands_beside_what_was_found(project: ProjectFolder) -> None:
    """0.64 is 0.9 * 0.65 + 0.1 * 0.55 of three references; found in 1 of 2 targets at 0.75."""
    shown = re.sub("<[^>]*>", " ", render_report(project))
    row = r"object 1\s+0\.64 \(0\.46.0\.82\)\s+3 / 3\s+0 / 0\s+1 / 2\s+0\.7\d\s+-\s"
    assert re.search(row, shown)


def test_advice_is_in_the_language_of_the_report(project: ProjectFolder) -> None:
    assert "깨끗한 이미지를 한 장 표시하면" in render_report(project, "ko")
    assert "mark one clean picture" in render_report(project)


def test_it_stays_small_at_any_number_of_targets(project: ProjectFolder) -> None:
    """Noise is the worst that a JPEG can meet; folders and targets are many."""
    rng = np.random.default_rng(0)
    noise = encode_jpeg(rng.integers(0, 255, (400, 400, 3), np.uint8))
    (project.output_folder / "overlays" / "noise.jpg").write_bytes(noise)

    def size(objects: int, count: int) -> int:
        rows = [noisy(f"{index % 300:03}/{index}.png", rng, objects) for index in range(count)]
        with Ledger.open(project.ledger_path) as ledger:
            ledger.record_all(rows)
        page = render_report(project)
        assert page.count("data:image/jpeg") == 24
        return len(page.encode())

    few, many = size(1, 600), size(2, 3000)
    of_an_object = many - few
    assert many + 18 * of_an_object < 5_000_000  # plots are of 20 objects at most


def noisy(image_id: str, rng: np.random.Generator, objects: int) -> TargetRow:
    """With noise as its overlay, and objects anywhere, of any size and score."""
    found = tuple(
        FoundObject(key, share, 1 + int(9e4 * share * share), 1, (0, 0, int(800 * share), 9), share)
        for key, share in enumerate(rng.random(objects) * 0.98, start=1)
    )
    return TargetRow(image_id, "noise", "done", (400, 400), objects=found)


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_it_is_one_page_that_fetches_nothing(project: ProjectFolder, lang: str) -> None:
    page = render_report(project, "ko" if lang == "ko" else "en")
    links = Links()
    links.feed(page)
    assert links.fetched
    assert all(link.startswith("data:image/jpeg;base64,") for link in links.fetched)
    assert "p&lt;b&gt;" in page
    assert "<b>2</b>" in page  # done
    for key in ("objects", "folders", "selftest", "trend", "details", "sheet", "verdicts"):
        assert f"<h2>{WORDS[key][lang == 'ko']}</h2>" in page
    assert len(re.findall("<svg", page)) >= 5


def test_it_is_written_where_it_is_asked_for(project: ProjectFolder, tmp_path: Path) -> None:
    assert write_report(project) == project.root / "report.html"
    asked = write_report(project, tmp_path / "far" / "r.html")
    assert asked.read_text("utf-8").startswith("<!doctype html>")


def test_without_results_there_is_no_report(tmp_path: Path) -> None:
    (tmp_path / "references").mkdir()
    with pytest.raises(RunError, match="there are no results in"):
        write_report(ProjectFolder.open(tmp_path))


def test_every_text_is_in_both_languages() -> None:
    assert all(english and korean for english, korean in WORDS.values())
    assert all(re.search("[가-힣]", WORDS[key][1]) for key in WORDS if key.endswith("_about"))
