"""``maskcast report``: one HTML file that tells how a run went. No network, no engine."""

from __future__ import annotations

import base64
import hashlib
import html
import importlib.util
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from pathlib import Path

import cv2
import numpy as np

from maskcast import __version__
from maskcast.errors import MaskcastError, RunError
from maskcast.io.atomic import write_atomically
from maskcast.io.images import encode_jpeg, read_image
from maskcast.languages import Language, spoken
from maskcast.project.folder import ProjectFolder
from maskcast.quality.advice import told
from maskcast.quality.expectation import SelfTest
from maskcast.quality.verdict import VERDICTS, Verdict
from maskcast.results.checking import Checked, Verdicts
from maskcast.results.evaluation import Evaluation, evaluate_output
from maskcast.results.figures import Figures, ObjectFigures, folder_of
from maskcast.results.report_words import STYLE, WORDS
from maskcast.results.result_files import ResultFiles
from maskcast.results.verdicts import given_verdicts
from maskcast.runs.copies import opened_ledger
from maskcast.runs.cuts import Cut
from maskcast.runs.fingerprint import CUTS
from maskcast.runs.ledger import Ledger
from maskcast.runs.ledger_rows import LedgerCounts, TargetRow

_PICTURES = 6
"""Of each kind on the contact sheet."""

_SIDE = 320
"""Longest side of a picture on it: 24 of them stay under 1 MB."""

_QUALITY = 80
"""Of a JPEG on it: noise of this size takes 60 KB."""

_MOST_FOLDERS = 40
_MOST_NAMES = 12
_MOST_OBJECTS = 20


def write_report(
    project: ProjectFolder,
    out: Path | None = None,
    lang: Language = "en",
    truth: Path | None = None,
    sections: Sequence[Section] = (),
) -> Path:
    """Write the report of a project's run.

    Args:
        project: its ledger is read; a run may be going on.
        out: where to; ``report.html`` in the project unless given.
        lang: ``en`` or ``ko``.
        truth: true masks to compare with, as for ``evaluate_output``.
        sections: what others have to say, after what was found.

    Raises:
        RunError: if there are no results yet, or matplotlib is not installed.
        EvaluationError: if there is no truth in ``truth``.
        StorageError: if it cannot be written.
    """
    path = out or project.root / "report.html"
    write_atomically(path, render_report(project, lang, truth, sections).encode())
    return path


def render_report(
    project: ProjectFolder,
    lang: Language = "en",
    truth: Path | None = None,
    sections: Sequence[Section] = (),
) -> str:
    """The report as HTML; see ``write_report``.

    Raises:
        RunError: if there are no results yet, or matplotlib is not installed.
        EvaluationError: if there is no truth in ``truth``.
    """
    if importlib.util.find_spec("matplotlib") is None:
        raise RunError(
            "a report needs matplotlib, which is not installed; pip install 'maskcast[report]'"
        )
    with opened_ledger(project) as ledger:
        if ledger is None:
            raise RunError(f"there are no results in {project.output_place} yet; run it first")
        evaluation = None if truth is None else evaluate_output(project, truth)
        judged = _Judged(given_verdicts(project, ledger), evaluation)
        figures = Figures.of(judged.watched(ledger.rows()))
        specs = project.object_specs(figures.objects)
        names = {key: specs[key].name or told("object", lang, number=key) for key in specs}
        return _Page(project, ledger, figures, judged, names, lang, sections).render()


@dataclass(frozen=True)
class Section:
    """A part of a report that somebody else writes.

    Attributes:
        heading: of it.
        sentences: what it says.
        columns: of a table below.
        rows: of the table.
    """

    heading: str
    sentences: Sequence[str]
    columns: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()

    def render(self) -> str:
        """As HTML."""
        told = "".join(f"<p>{_text(sentence)}</p>" for sentence in self.sentences)
        table = _table(self.columns, self.rows) if self.rows else ""
        return f"<h2>{_text(self.heading)}</h2>{told}{table}"


class _Judged:
    """The verdicts on targets, and what the truth says of them."""

    def __init__(
        self, verdict: Callable[[TargetRow], Verdict], evaluation: Evaluation | None
    ) -> None:
        self.evaluation = evaluation
        self.checked = Checked({} if evaluation is None else evaluation.compared)
        self.all = Verdicts()
        self.folders: dict[str, Verdicts] = {}
        self._verdict = verdict

    def watched(self, rows: Iterable[TargetRow]) -> Iterator[TargetRow]:
        """The same rows; they are counted as they pass."""
        for row in rows:
            if row.state == "done":
                folder = self.folders.setdefault(folder_of(row.image_id), Verdicts())
                for counted in (self.all, folder):
                    counted.add(self._verdict(row), self.checked.is_defective(row))
                self.checked.add(row)
            yield row


@dataclass(frozen=True)
class _Page:
    project: ProjectFolder
    ledger: Ledger
    figures: Figures
    judged: _Judged
    names: Mapping[int, str]
    lang: Language
    sections: Sequence[Section]

    def render(self) -> str:
        title = f"{self._word('title')}: {self.project.root.resolve().name}"
        parts = [
            f"<h1>{_text(title)}</h1>",
            self._run(self.ledger.counts()),
            *(section.render() for section in self.sections),
            self._objects(),
            self._folders(),
            self._verdicts(),
            self._truth(),
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

    def _word(self, key: str, **values: object) -> str:
        return spoken(WORDS, key, self.lang, **values)

    def _heading(self, key: str) -> str:
        about = self._word(f"{key}_about")
        return f"<h2>{_text(self._word(key))}</h2><p class=about>{_text(about)}</p>"

    def _run(self, counts: LedgerCounts) -> str:
        known = self.ledger.fingerprint
        facts = {
            "engine": str(known.get("engine", "")),
            "settings": self._settings(known.get("engine settings", {})),
            **self._chosen(),
            "references": _listed(known.get("references", {})),
            "run": self.ledger.run_id,
            "fingerprint": _digest(known),
            "version": __version__,
            "written": f"{datetime.now():%Y-%m-%d %H:%M}",
        }
        given = self.judged.all.given
        done = self._cards({"done": counts.done, "empty": counts.empty, "failed": counts.failed})
        verdicts = self._cards({f"verdict_{verdict}": given[verdict] for verdict in VERDICTS})
        rows = [(self._word(key), value) for key, value in facts.items()]
        return (
            f"<div class=cards>{done}<i class=gap></i>{verdicts}</div>{_table((), rows, 'facts')}"
        )

    def _cards(self, counts: Mapping[str, int]) -> str:
        return "".join(
            f"<div class=card><b>{count:,}</b> {_text(self._word(key))}</div>"
            for key, count in counts.items()
        )

    def _settings(self, known: Mapping[str, object]) -> str:
        """What an engine's results depend on beside the references, in words."""
        told = {**known, "threshold": known.get("threshold") or self._word("calibrated")}
        return ", ".join(f"{key}: {_flat(value)}" for key, value in told.items())

    def _chosen(self) -> dict[str, str]:
        """What a person chose with the results in view; nothing if nobody did."""
        chosen = self.ledger.fingerprint.get(CUTS)
        if not isinstance(chosen, dict) or not chosen:
            return {}
        told = []
        for key, cut in chosen.items():
            names = (field.name for field in fields(Cut) if field.name in cut)
            values = (f"{self._word(f'cut_{name}')} {cut[name]:g}" for name in names)
            told.append(f"{key} {self.names.get(int(key), '')}: {', '.join(values)}")
        return {"cuts": "; ".join(told)}

    def _objects(self) -> str:
        rows = []
        for key, found in self.figures.objects.items():
            likely = int(found.right[10:].sum())
            known = bool(found.right.sum())
            area = f"{100 * float(np.median(found.areas)):.3f} %" if found.areas else "-"
            cells = (
                f"{found.found:,}",
                f"{likely:,}" if known else "-",
                _share(found.mean_score),
                area,
            )
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

    def _verdicts(self) -> str:
        known = self.judged.all.known
        about = self._heading("verdicts")
        if known:
            rows = [
                (self._word(kind), *(f"{known[truth, verdict]:,}" for verdict in VERDICTS))
                for kind, truth in (("truly_defective", True), ("truly_clean", False))
            ]
            columns = ("truth", *(f"verdict_{verdict}" for verdict in VERDICTS))
            about += _table(map(self._word, columns), rows) + "<br>"
        columns = ("folder", *(f"verdict_{verdict}" for verdict in VERDICTS))
        rows = [
            (name or ".", *(f"{given.given[verdict]:,}" for verdict in VERDICTS), *_wrong(given))
            for name, given in list(self.judged.folders.items())[:_MOST_FOLDERS]
        ]
        if known:
            columns += ("defective_ok", "clean_defect")
        else:
            rows = [row[: len(columns)] for row in rows]
        more = len(self.judged.folders) - len(rows)
        tail = f"<p>+ {more:,}</p>" if more > 0 else ""
        return about + _table(map(self._word, columns), rows) + tail

    def _truth(self) -> str:
        from maskcast.results import plots

        evaluation = self.judged.evaluation
        if evaluation is None:
            return ""
        rows = [
            (
                f"{key} {self.names.get(key, quality.name)}",
                *map(_share, (quality.mean_iou, quality.iou, quality.boundary_f)),
                *map(_share, (quality.presence.precision, quality.presence.recall)),
            )
            for key, quality in evaluation.objects.items()
        ]
        columns = ("object", "mean_iou", "pooled_iou", "boundary_f", "precision", "recall")
        parts = [self._heading("truth_known"), _table(map(self._word, columns), rows)]
        compared = self._word("compared", count=f"{evaluation.targets:,}")
        if (known := self.judged.checked.reliability()) is not None:
            errors = {"calibration": known.calibration_error, "score": known.score_error}
            compared += " " + self._word("errors", **errors)
            labels = self._word("right"), self._word("share_right")
            plot = plots.reliability(known.told, known.happened, known.counts, labels)
            parts.append(f"<figure class=square>{plot}</figure>")
        return "".join([*parts, f"<p>{_text(compared)}</p>"])

    def _selftest(self, selftest: SelfTest | None) -> str:
        from maskcast.results import plots

        if selftest is None:
            return ""
        bars, rows = {}, []
        for known in selftest.expectations():
            key = known.object_id
            name = self.names.get(key) or told("object", self.lang, number=key)
            found = self.figures.objects.get(key, ObjectFigures())
            seen, true = found.mean_score, self.judged.checked.mean_iou(key)
            bars[name] = (known.low, known.expected, known.high, seen, true)
            interval = f"{known.expected:.2f} ({known.low:.2f}\N{EN DASH}{known.high:.2f})"
            shown = f"{known.found} / {known.found + known.missed}"
            alarms = f"{known.false_alarms} / {known.false_alarms + known.silent}"
            share = f"{found.found:,} / {self.ledger.counts().done:,}"
            rows.append((name, interval, shown, alarms, share, _share(seen), _share(true)))
        before = ("expected", "found_left_out", "false_alarms")
        columns = ("object", *before, "found_targets", "mean_score", "true_iou")
        sentences = selftest.advice(self.names, self.lang)
        advice = "".join(f"<li>{_text(sentence)}</li>" for sentence in sentences)
        table = _table(map(self._word, columns), rows)
        plot = plots.expectations(dict(list(bars.items())[:_MOST_FOLDERS]))
        return f"{self._heading('selftest')}{plot}{table}<ul>{advice}</ul>"

    def _trend(self) -> str:
        from maskcast.results import plots

        labels = (self._word("order"), self._word("share_found"), self._word("mean_right"))
        shares, means = self.figures.trend()
        drawn = plots.trend(shares, means, len(self.figures.order), labels)
        return self._heading("trend") + drawn

    def _plots(self) -> str:
        from maskcast.results import plots

        parts = [self._heading("details")]
        for key, found in list(self.figures.objects.items())[:_MOST_OBJECTS]:
            drawn = [
                plots.histogram(found.scores, self._word("score")),
                plots.histogram(found.right, self._word("right")) if found.right.any() else "",
                plots.sizes(found.areas, self._word("area")) if found.areas else "",
                plots.positions(found.places, self._word("place")),
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
        data = base64.b64encode(encode_jpeg(small, _QUALITY)).decode()
        judged = ", ".join(
            f"{self.names.get(found.object_id, found.object_id)} {found.score:.2f}"
            for found in row.objects
        )
        return (
            f'<figure><img alt="" src="data:image/jpeg;base64,{data}">'
            f"<figcaption>{_text(image_id)}<br>{_text(judged)}</figcaption></figure>"
        )


def _wrong(given: Verdicts) -> tuple[str, str]:
    """Defective targets that were called ok, of how many; clean ones called a defect."""
    known = given.known
    defective, clean = (
        sum(known[truth, verdict] for verdict in VERDICTS) for truth in (True, False)
    )
    return f"{known[True, 'ok']:,} / {defective:,}", f"{known[False, 'defect']:,} / {clean:,}"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _text(words: object) -> str:
    return html.escape(str(words))


def _flat(value: object) -> str:
    """A setting in one line; what is in it stands in brackets."""
    if isinstance(value, Mapping):
        return f"({', '.join(f'{key}: {_flat(item)}' for key, item in value.items())})"
    return ".".join(map(str, value)) if isinstance(value, list) else str(value)


def _listed(names: Iterable[str]) -> str:
    """So many, and which; of many the first few."""
    known = sorted(names)
    more = f" + {len(known) - _MOST_NAMES:,}" if len(known) > _MOST_NAMES else ""
    return f"{len(known):,}: {', '.join(known[:_MOST_NAMES])}{more}" if known else "0"


def _digest(fingerprint: Mapping[str, object]) -> str:
    """Sixteen digits that any change of references, engine, weights or settings changes."""
    content = json.dumps(fingerprint, sort_keys=True).encode()
    return hashlib.sha256(content).hexdigest()[:16]


def _table(columns: Iterable[str], rows: Iterable[Iterable[str]], kind: str = "figures") -> str:
    head = "".join(f"<th>{_text(column)}</th>" for column in columns)
    body = "".join(
        f"<tr>{''.join(f'<td>{_text(cell)}</td>' for cell in cells)}</tr>" for cells in rows
    )
    # A browser prints the head again on each page that the table goes on to.
    head = f"<thead><tr>{head}</tr></thead>" if head else ""
    return f"<table class='{kind}'>{head}<tbody>{body}</tbody></table>"
