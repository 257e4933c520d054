"""What became of a project's targets so far, read from the ledger; no engine, no images."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from maskcast.io.printable import printable
from maskcast.project.folder import ProjectFolder
from maskcast.runs.copies import opened_ledger
from maskcast.runs.ledger import LedgerCounts

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
        return "\n".join(map(printable, lines))

    def _counts(self) -> str:
        return (
            f"done {self.done} (of these empty {self.empty}), failed {self.failed}, "
            f"pending {self.pending}"
        )


def read_status(project: ProjectFolder) -> Status:
    """Read the state of ``project``; a run may be writing meanwhile.

    Raises:
        SettingsError: if the targets folder does not exist.
        RunError: if the ledger cannot be read.
    """
    with opened_ledger(project) as ledger:
        listed = pending = 0
        for group in project.stream_targets().groups():
            for images in group:
                known = ledger.known_in(images.relative) if ledger else set()
                listed += len(images.names)
                pending += sum(image_id not in known for image_id in images.image_ids())
        counts = ledger.counts() if ledger else LedgerCounts(0, 0, 0)
        return Status(
            output=str(project.output_place),
            engine=ledger.fingerprint.get("engine") if ledger else None,
            targets=listed,
            done=counts.done,
            empty=counts.empty,
            failed=counts.failed,
            pending=pending,
            found_in=ledger.found_in() if ledger else {},
            failures=ledger.failures() if ledger else {},
            notes=ledger.notes() if ledger else {},
        )


def _listed(label: str, sentences: list[str]) -> list[str]:
    more = len(sentences) - _SHOWN
    tail = [f"{label}: ... and {more} more (--json lists all)"] if more > 0 else []
    return [f"{label}: {sentence}" for sentence in sentences[:_SHOWN]] + tail
