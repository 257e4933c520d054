"""What became of a project's targets so far, read from the ledger; no engine, no images."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any

from maskcast.project import Project
from maskcast.runs.ledger import Ledger, TargetRow, holds_ledger

_SHOWN = 20


@dataclass(frozen=True)
class Status:
    """State of a project's run.

    Attributes:
        output: the output folder.
        engine: name of the engine the results are from; None before the first run.
        targets: in the targets folder now.
        done: finished, empty ones included.
        empty: of those done, how many show nothing.
        failed: could not be done.
        pending: in the folder and neither done nor failed.
        found_in: object id -> number of targets it was found in.
        failures: image id -> reason.
        notes: image id -> what to know of how it was read.
    """

    output: str
    engine: str | None
    targets: int
    done: int
    empty: int
    failed: int
    pending: int
    found_in: dict[int, int]
    failures: dict[str, str]
    notes: dict[str, list[str]]

    def to_json(self) -> dict[str, Any]:
        """JSON-able, with failures and notes as lists of objects."""
        content = asdict(self)
        content["failures"] = [
            {"image_id": image_id, "reason": reason} for image_id, reason in self.failures.items()
        ]
        content["notes"] = [
            {"image_id": image_id, "notes": notes} for image_id, notes in self.notes.items()
        ]
        return content

    def describe(self) -> str:
        """A few lines for a person."""
        lines = [
            f"{self.output} (engine: {self.engine or 'no run yet'})",
            f"targets {self.targets}: {self._counts()}",
        ]
        lines += [
            f"object {object_id}: found in {count} targets"
            for object_id, count in self.found_in.items()
        ]
        lines += _listed("failed", [f"{name}: {reason}" for name, reason in self.failures.items()])
        lines += _listed(
            "note", [f"{name}: {'; '.join(notes)}" for name, notes in self.notes.items()]
        )
        return "\n".join(lines)

    def _counts(self) -> str:
        return (
            f"done {self.done} (of these empty {self.empty}), failed {self.failed}, "
            f"pending {self.pending}"
        )


def read_status(project: Project) -> Status:
    """Read the state of ``project``; a run may be writing meanwhile.

    Raises:
        SettingsError: if the targets folder does not exist.
        RunError: if the ledger cannot be read.
    """
    image_ids = {target.image_id for target in project.find_targets().targets}
    path = project.ledger_path
    rows: list[TargetRow] = []
    engine = None
    if holds_ledger(path):
        with Ledger.open(path) as ledger:
            rows, engine = list(ledger.rows()), ledger.fingerprint.get("engine")
    states = Counter(row.state for row in rows)
    found_in = Counter(found.object_id for row in rows for found in row.objects)
    return Status(
        output=str(project.output_folder),
        engine=engine,
        targets=len(image_ids),
        done=states["done"],
        empty=sum(row.is_empty for row in rows),
        failed=states["failed"],
        pending=len(image_ids - {row.image_id for row in rows}),
        found_in=dict(sorted(found_in.items())),
        failures={row.image_id: row.reason for row in rows if row.reason is not None},
        notes={row.image_id: list(row.notes) for row in rows if row.notes},
    )


def _listed(label: str, sentences: list[str]) -> list[str]:
    more = len(sentences) - _SHOWN
    tail = [f"{label}: ... and {more} more (--json lists all)"] if more > 0 else []
    return [f"{label}: {sentence}" for sentence in sentences[:_SHOWN]] + tail
