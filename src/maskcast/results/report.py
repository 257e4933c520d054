"""``maskcast report``: one HTML file that tells how a run went. No network, no engine."""

from __future__ import annotations

import base64
import html
import importlib.util
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

import cv2
import numpy as np

from maskcast import __version__
from maskcast.errors import MaskcastError, RunError
from maskcast.io.atomic import write_atomically
from maskcast.io.images import encode_jpeg, read_image
from maskcast.project.folder import ProjectFolder
from maskcast.quality.expectation import SelfTest
from maskcast.results.figures import Figures, ObjectFigures
from maskcast.results.report_words import STYLE, WORDS
from maskcast.results.result_files import ResultFiles
from maskcast.runs.copies import opened_ledger
from maskcast.runs.ledger import Ledger, LedgerCounts

Language = Literal["en", "ko"]

_PICTURES = 6
"""Of each kind on the contact sheet."""

_SIDE = 320
"""Longest side of a picture on it: 24 of them stay under 1 MB."""

_MOST_FOLDERS = 40
_MOST_OBJECTS = 20


def write_report(project: ProjectFolder, out: Path | None = None, lang: Language = "en") -> Path:
    """Write the report of a project's run.

    Args:
        project: its ledger is read; a run may be going on.
        out: where to; ``report.html`` in the project unless given.
        lang: ``en`` or ``ko``.

    Raises:
        RunError: if there are no results yet, or matplotlib is not installed.
        StorageError: if it cannot be written.
    """
    path = out or project.root / "report.html"
    write_atomically(path, render_report(project, lang).encode())
    return path


def render_report(project: ProjectFolder, lang: Language = "en") -> str:
    """The report as HTML.

    Raises:
        RunError: if there are no results yet, or matplotlib is not installed.
    """
    if importlib.util.find_spec("matplotlib") is None:
        raise RunError(
            "a report needs matplotlib, which is not installed; pip install 'maskcast[report]'"
        )
    with opened_ledger(project) as ledger:
        if ledger is None:
            raise RunError(f"there are no results in {project.output_place} yet; run it first")
        figures = Figures.of(ledger.rows())
        specs = project.object_specs(figures.objects)
        names = {key: specs[key].name or f"object {key}" for key in figures.objects}
        return _Page(project, ledger, figures, names, lang).render()


@dataclass(frozen=True)
class _Page:
    project: ProjectFolder
    ledger: Ledger
    figures: Figures
    names: Mapping[int, str]
    lang: Language

    def render(self) -> str:
        title = f"{self._word('title')}: {self.project.root.resolve().name}"
        parts = [
            f"<h1>{_text(title)}</h1>",
            self._run(self.ledger.counts()),
            self._objects(),
            self._folders(),
            self._selftest(self.ledger.selftest),
            self._trend(),
            self._plots(),
            self._sheet(),
        ]
        return (
            f'<!doctype html><html lang="{self.lang}"><head><meta charset="utf-8">'
            f'<meta name="viewport" content="width=device-width"><title>{_text(title)}</title>'
            f"<style>{STYLE}</style></head><body>{''.join(parts)}</body></html>"
        )

    def _word(self, key: str) -> str:
        return WORDS[key][self.lang == "ko"]

    def _heading(self, key: str) -> str:
        about = self._word(f"{key}_about")
        return f"<h2>{_text(self._word(key))}</h2><p class=about>{_text(about)}</p>"

    def _run(self, counts: LedgerCounts) -> str:
        known = self.ledger.fingerprint
        facts = {
            "engine": str(known.get("engine", "")),
            "settings": json.dumps(known.get("engine settings", {}), ensure_ascii=False),
            "references": str(len(known.get("references", {}))),
            "run": self.ledger.run_id,
            "version": __version__,
            "written": f"{datetime.now():%Y-%m-%d %H:%M}",
        }
        cards = {"done": counts.done, "empty": counts.empty, "failed": counts.failed}
        shown = "".join(
            f"<div class=card><b>{number:,}</b> {_text(self._word(key))}</div>"
            for key, number in cards.items()
        )
        rows = ((self._word(key), value) for key, value in facts.items())
        return f"<div class=cards>{shown}</div>{_table((), rows)}"

    def _objects(self) -> str:
        rows = []
        for key, found in self.figures.objects.items():
            middles = (np.arange(20) + 0.5) / 20
            score = float(found.scores @ middles / max(1, found.scores.sum()))
            likely = int(found.right[10:].sum())
            known = bool(found.right.sum())
            area = f"{100 * float(np.median(found.areas)):.3f} %" if found.areas else "-"
            cells = (f"{found.found:,}", f"{likely:,}" if known else "-", f"{score:.2f}", area)
            rows.append((f"{key} {self.names[key]}", *cells))
        columns = ("object", "found", "likely_right", "mean_score", "median_area")
        return self._heading("objects") + _table(map(self._word, columns), rows)

    def _folders(self) -> str:
        folders = list(self.figures.folders.items())
        rows = [
            (name or ".", *(f"{n:,}" for n in (f.targets, f.shown, f.doubtful, f.clean, f.failed)))
            for name, f in folders[:_MOST_FOLDERS]
        ]
        columns = ("folder", "done", "shown", "doubtful", "empty", "failed")
        more = len(folders) - len(rows)
        tail = f"<p>+ {more:,}</p>" if more > 0 else ""
        return self._heading("folders") + _table(map(self._word, columns), rows) + tail

    def _selftest(self, selftest: SelfTest | None) -> str:
        from maskcast.results import plots

        if selftest is None:
            return ""
        middles = (np.arange(20) + 0.5) / 20
        bars = {}
        for known in selftest.expectations():
            found = self.figures.objects.get(known.object_id, ObjectFigures())
            seen = float(found.scores @ middles / found.found) if found.found else None
            name = self.names.get(known.object_id, f"object {known.object_id}")
            bars[name] = (known.low, known.expected, known.high, seen)
        advice = "".join(f"<li>{_text(told)}</li>" for told in selftest.advice(self.names))
        return f"{self._heading('selftest')}{plots.expectations(bars)}<ul>{advice}</ul>"

    def _trend(self) -> str:
        from maskcast.results import plots

        labels = (self._word("order"), self._word("share_found"), self._word("mean_right"))
        return self._heading("trend") + plots.trend(*self.figures.trend(), labels)

    def _plots(self) -> str:
        from maskcast.results import plots

        parts = [self._heading("details")]
        for key, found in list(self.figures.objects.items())[:_MOST_OBJECTS]:
            drawn = [
                plots.histogram(found.scores, self._word("score")),
                plots.histogram(found.right, self._word("right")) if found.right.any() else "",
                plots.sizes(found.areas, self._word("area")) if found.areas else "",
                plots.positions(found.places),
            ]
            parts.append(f"<h3>{key} {_text(self.names[key])}</h3><div class=plots>")
            parts += [f"<figure>{plot}</figure>" for plot in drawn if plot]
            parts.append("</div>")
        return "".join(parts)

    def _sheet(self) -> str:
        parts = [self._heading("sheet")]
        files = ResultFiles(self.project.output_place)
        for kind, image_ids in self.figures.chosen(_PICTURES).items():
            shown = [self._picture(files, image_id) for image_id in image_ids]
            if any(shown):
                parts.append(f"<h3>{_text(self._word(kind))}</h3>")
                parts.append(f"<div class=sheet>{''.join(shown)}</div>")
        return "".join(parts)

    def _picture(self, files: ResultFiles, image_id: str) -> str:
        row = self.ledger.row(image_id)
        if row is None:
            return ""
        try:
            overlay = read_image(files.overlay(row)).rgb
        except (MaskcastError, OSError):
            return ""
        scale = min(1.0, _SIDE / max(overlay.shape[:2]))
        size = max(1, round(overlay.shape[1] * scale)), max(1, round(overlay.shape[0] * scale))
        small = np.asarray(cv2.resize(overlay, size, interpolation=cv2.INTER_AREA), np.uint8)
        data = base64.b64encode(encode_jpeg(small)).decode()
        judged = ", ".join(
            f"{self.names.get(found.object_id, found.object_id)} {found.score:.2f}"
            for found in row.objects
        )
        return (
            f'<figure><img alt="" src="data:image/jpeg;base64,{data}">'
            f"<figcaption>{_text(image_id)}<br>{_text(judged)}</figcaption></figure>"
        )


def _text(words: object) -> str:
    return html.escape(str(words))


def _table(columns: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    head = "".join(f"<th>{_text(column)}</th>" for column in columns)
    body = "".join(
        f"<tr>{''.join(f'<td>{_text(cell)}</td>' for cell in cells)}</tr>" for cells in rows
    )
    return f"<table>{f'<tr>{head}</tr>' if head else ''}{body}</table>"
