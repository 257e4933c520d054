"""What became of a project's targets so far, read from the ledger; no engine, no images."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

from maskcast.io.printable import printable
from maskcast.project.folder import ProjectFolder
from maskcast.runs.comparing import TargetList
from maskcast.runs.copies import opened_ledger
from maskcast.runs.ledger import Ledger

_SHOWN = 20

_Told = TypeVar("_Told")


@dataclass(frozen=True)
class Status:
    """State of a project's run.

    Attributes:
        output: the output folder.
        engine: name of the engine the results are from; None before the first run.
        targets: in the targets folder now.
        done: finished as they are now, empty ones included.
        empty: of those done, how many show nothing.
        failed: could not be done.
        pending: in the folder and neither done nor failed; those that changed are pending.
        found_in: object id -> number of targets that are done it was found in.
        failures: image id -> reason.
        notes: image id -> what to know of how it was read.
        changed: image ids of targets that are other pictures now than those that were masked.
        gone: image ids of targets that were masked, or failed, and are not there any more. Nothing
            else counts them.
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
    changed: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()

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
        lines += _listed("changed since it was done", self.changed)
        lines += _listed("gone", self.gone)
        lines += _listed("failed", [f"{name}: {reason}" for name, reason in self.failures.items()])
        lines += _listed(
            "note", [f"{name}: {'; '.join(notes)}" for name, notes in self.notes.items()]
        )
        return "\n".join(map(printable, lines))

    def _counts(self) -> str:
        gone = f", gone {len(self.gone)}" if self.gone else ""
        return (
            f"done {self.done} (of these empty {self.empty}), failed {self.failed}, "
            f"pending {self.pending}{gone}"
        )


def read_status(project: ProjectFolder) -> Status:
    """Read the state of ``project``; a run may be writing meanwhile.

    Raises:
        SettingsError: if the targets folder does not exist.
        RunError: if the ledger cannot be read.
        IdentityError: if output and ledger belong to different runs.
    """
    with opened_ledger(project) as ledger:
        targets = TargetList(project.stream_targets(), project.targets_place, ledger)
        unknown = sum(
            image_id not in group.known
            for group in targets.groups()
            for image_id in group.image_ids
        )
        if ledger is None:
            return Status(
                str(project.output_place), None, targets.listed, 0, 0, 0, unknown, {}, {}, {}
            )
        gone = targets.gone()
        aside = [*targets.changed, *gone]
        counts = ledger.counts().without(ledger.counts_of(aside))
        return Status(
            output=str(project.output_place),
            engine=ledger.fingerprint.get("engine"),
            targets=targets.listed,
            done=counts.done,
            empty=counts.empty,
            failed=counts.failed,
            pending=unknown + len(targets.changed),
            found_in=_found_in(ledger, aside),
            failures=_without(ledger.failures(), aside),
            notes=_without(ledger.notes(), aside),
            changed=tuple(targets.changed),
            gone=tuple(gone),
        )


def _found_in(ledger: Ledger, aside: Sequence[str]) -> dict[int, int]:
    """Object id -> number of targets it was found in, some of them left aside."""
    found = Counter(ledger.found_in())
    for image_id in aside:
        row = ledger.row(image_id)
        found.subtract(known.object_id for known in (row.objects if row is not None else ()))
    return {object_id: count for object_id, count in found.items() if count}


def _without(told: Mapping[str, _Told], aside: Iterable[str]) -> dict[str, _Told]:
    left_out = set(aside)
    return {image_id: words for image_id, words in told.items() if image_id not in left_out}


def _listed(label: str, sentences: Sequence[str]) -> list[str]:
    more = len(sentences) - _SHOWN
    tail = [f"{label}: ... and {more} more (--json lists all)"] if more > 0 else []
    return [f"{label}: {sentence}" for sentence in sentences[:_SHOWN]] + tail
