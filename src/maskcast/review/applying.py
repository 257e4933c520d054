"""Letting results show decisions: corrected masks drawn, rejected objects gone, the engine's kept.

The log says what holds; the output and its ledger are made to agree with it, target by target, and
say of each which decision they show. So whatever reads results (gallery, status, export, evaluate,
Python) needs to know nothing of reviews, and a new output is brought up to the log by the same
step. What the engine had found is kept in the ledger and comes back, byte for byte, when a decision
is taken back.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np

from maskcast.errors import MaskcastError, ReviewError, StorageError
from maskcast.io.printable import counted, printable
from maskcast.masks import RunLengths
from maskcast.project.folder import ProjectFolder
from maskcast.results.result_files import ResultFiles
from maskcast.review.decisions import Decided, DecisionLog
from maskcast.runs.fingerprint import seen_window
from maskcast.runs.ledger import Ledger, holds_ledger
from maskcast.runs.ledger_rows import ShownDecision, TargetRow, known_right
from maskcast.runs.outputs import read_id_mask
from maskcast.runs.pipeline import WorkItem
from maskcast.runs.settling import settle_results
from maskcast.runs.sinks import sink_for
from maskcast.runs.work import FileWork
from maskcast.types import Mask, Segmentation

logger = logging.getLogger(__name__)

Scored = dict[int, tuple[float, float | None, Mask]]
"""Object id -> score, probability to be right, and bool (H, W)."""

_BEING_DRAWN = 0
"""Number of no decision: a kill may have left the results half drawn."""

CORRECTED_SCORE = 1.0
"""Of a mask that a person drew or left as it was when correcting; and its ``right``."""


@dataclass
class Applied:
    """What came of letting results show decisions.

    Attributes:
        changed: how many targets show another decision now.
        stale: image ids of decided targets that are other pictures now.
        packed: image ids of targets whose results are in shards, which are not drawn again.
        unreadable: image id -> why its results could not be drawn.
    """

    changed: int
    stale: list[str]
    packed: list[str]
    unreadable: dict[str, str]

    def remarks(self) -> list[str]:
        """One sentence for each thing that a person should know."""
        told = []
        if self.stale:
            told.append(
                f"{counted(len(self.stale), 'decision')} of targets that are other pictures now do "
                f"not hold for them: {printable(self.stale[0])}"
            )
        if self.packed:
            told.append(
                f"{counted(len(self.packed), 'result')} in shards keep the engine's masks; run "
                "without --shards to have corrections in the output"
            )
        told += [
            f"{printable(image_id)} could not be drawn again: {reason}"
            for image_id, reason in self.unreadable.items()
        ]
        return told


def apply_decisions(project: ProjectFolder, image_ids: Iterable[str] | None = None) -> Applied:
    """Let the results of a project show the decisions that stand.

    Args:
        project: what is not done yet is left for later.
        image_ids: only these targets; None = all that are or were decided.

    Raises:
        RunError, ReviewError: if ledger or log cannot be read.
        StorageError: if results cannot be written; those done so far agree with the log.
    """
    applied = Applied(0, [], [], {})
    log = DecisionLog.read(project.review_folder)
    if log is None or not holds_ledger(project.ledger_path):
        return applied
    with log, Ledger.open(project.ledger_path) as ledger:
        drawing = _Drawing(project, ledger, log)
        for image_id in _to_look_at(ledger, log) if image_ids is None else image_ids:
            drawing.bring_up(image_id, applied)
    return applied


def show_decisions(project: ProjectFolder, tell: Callable[[str], None]) -> None:
    """After a run: let new results show what was decided before, and tell what does not hold.

    Raises:
        StorageError: if results cannot be written.
    """
    try:
        applied = apply_decisions(project)
    except StorageError:
        raise
    except MaskcastError as error:  # the run itself is done
        tell(str(error))
        return
    if applied.changed:
        tell(f"decisions of a review hold for {counted(applied.changed, 'new result')}")
    for remark in applied.remarks():
        tell(remark)


def _to_look_at(ledger: Ledger, log: DecisionLog) -> list[str]:
    """Image ids of targets whose results may show something else than the log says."""
    shown = ledger.shown_decisions()
    current = {decided.image_id: decided.number for decided in log.all_current()}
    return sorted(
        image_id
        for image_id in current.keys() | shown.keys()
        if current.get(image_id) != shown.get(image_id, (None, ""))[0]
    )


class _Drawing:
    """Draws results of one output again."""

    def __init__(self, project: ProjectFolder, ledger: Ledger, log: DecisionLog) -> None:
        self._project = project
        self._ledger = ledger
        self._log = log
        self._files = ResultFiles(project.output_place)
        window = seen_window(ledger.fingerprint)
        sink = sink_for(project.output_place, ledger.run_id)
        specs = project.object_specs(ledger.object_ids())
        self._work = FileWork(sink, specs, window, project.settings.images.read_options)

    def bring_up(self, image_id: str, applied: Applied) -> None:
        """Let the results of a target show the decision that stands."""
        row = self._ledger.row(image_id)
        if row is None or row.state != "done":
            return
        decided = self._log.current(image_id)
        if decided is not None and not decided.holds_for(row.digest):
            applied.stale.append(image_id)
            decided = None
        shown = self._ledger.shown_decision(image_id)
        if (decided and decided.number) == (shown and shown.number):
            return
        if row.shard is not None and (_draws(decided) or (shown and shown.own)):
            applied.packed.append(image_id)
            return
        try:
            self._show(row, decided, shown)
        except StorageError:
            raise
        except (MaskcastError, OSError, ValueError) as error:
            logger.debug("%s cannot be drawn again", printable(image_id), exc_info=True)
            applied.unreadable[image_id] = str(error)
        else:
            applied.changed += 1

    def _show(self, row: TargetRow, decided: Decided | None, shown: ShownDecision | None) -> None:
        own = None if shown is None or shown.own is None else own_from_json(shown.own)
        if not _draws(decided):
            drawn = None if own is None else self._draw(row, own, own)
            note = None if decided is None else ShownDecision(decided.number, decided.decision)
            self._ledger.show_decision(row.image_id, note, drawn)
            return
        assert decided is not None  # noqa: S101 (mypy does not see what _draws says)
        own = self._found(row) if own is None else own
        drawn = self._draw(row, self._decided_masks(decided, own), own)
        note = ShownDecision(decided.number, decided.decision, _own_to_json(own))
        self._ledger.show_decision(row.image_id, note, drawn)

    def _found(self, row: TargetRow) -> Scored:
        """What the results hold, which is the engine's."""
        return {
            found.object_id: (
                found.score,
                found.right,
                read_id_mask(self._files.id_mask(row, found.object_id)),
            )
            for found in row.objects
        }

    def _decided_masks(self, decided: Decided, own: Scored) -> Scored:
        if decided.decision == "rejected":
            gone = set(decided.objects) or own.keys()
            return {key: scored for key, scored in own.items() if key not in gone}
        correction = decided.annotation(self._log.path)
        if correction is None:
            raise ReviewError(f"{self._log.path} holds no correction of {decided.image_id}")
        return {
            key: (CORRECTED_SCORE, CORRECTED_SCORE, entry.mask)
            for key, entry in correction.objects.items()
            if entry.mask is not None
        }

    def _draw(self, row: TargetRow, masks: Scored, own: Scored) -> TargetRow:
        """Write the results of a target anew; returns its row.

        First the ledger notes that they show no decision there is, so that they are drawn again
        after a kill, whatever is decided or taken back until then.
        """
        path = self._project.targets_place / row.image_id
        item = WorkItem(row.image_id, path, row.name, row.file_size, row.tag)
        decoded = self._work.read(item)
        height, width = decoded.image.shape[:2]
        if (height, width) != row.size or row.digest not in {None, decoded.digest}:
            raise ReviewError("it is another picture than when it was masked; run again")
        ids = sorted(masks)
        found = Segmentation(
            np.array(ids, np.int32),
            np.array([masks[key][2] for key in ids], np.bool_).reshape(-1, height, width),
            np.array([masks[key][0] for key in ids], np.float32),
            known_right([masks[key][1] for key in ids]),
            evidence=row.evidence,
        )
        begun = ShownDecision(_BEING_DRAWN, "undecided", _own_to_json(own))
        self._ledger.show_decision(row.image_id, begun)
        drawn = self._work.write(item, decoded, found)
        settle_results(self._project.output_place, [drawn])
        return replace(drawn, notes=row.notes, file_size=row.file_size, tag=row.tag, look=row.look)


def _draws(decided: Decided | None) -> bool:
    """Whether results show other masks than the engine's for a decision."""
    return decided is not None and decided.decision in {"corrected", "rejected"}


def _own_to_json(own: Scored) -> str:
    content = {
        str(key): {"score": score, "right": right, "mask": RunLengths.of(mask).to_json()}
        for key, (score, right, mask) in own.items()
    }
    return json.dumps({"objects": content})


def own_from_json(text: str) -> Scored:
    """What the engine had found, as ``ShownDecision.own`` holds it.

    Raises:
        ReviewError: if it is damaged.
    """
    try:
        content = json.loads(text)["objects"]
        return {
            int(key): (
                float(entry["score"]),
                None if entry.get("right") is None else float(entry["right"]),
                RunLengths.parse(entry["mask"]).mask(),
            )
            for key, entry in content.items()
        }
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ReviewError(
            "what the engine had found is damaged in the ledger; do it again with --redo"
        ) from error
