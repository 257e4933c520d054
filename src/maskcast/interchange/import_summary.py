"""What an import came to, for a person and for programs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from maskcast.interchange.reading.left_out import Tally
from maskcast.io.printable import printable

_MOST_NAMED = 5
_MOST_IDS = 12


@dataclass(frozen=True)
class ImportSummary:
    """What an import came to.

    Attributes:
        annotated: references that show an object.
        clean: references that show none.
        object_ids: ids seen, ascending.
        left_out: what of the source was left out, kind by kind.
        notes: what was assumed about the source, in sentences.
        without: images in the references folder that the source tells nothing of.
        changed: references that were added or changed; 0 if all was there already.
        taken: pictures that were copied into the references folder.
        new_names: names of classes that got an object id by this import -> that id.
        joined: instances that became one mask with others of their object id.
        kept: imported objects that were there already with another mask, which was kept.
        unknown: references with pixels that count neither as object nor as background.
        misspelt: names in the table of classes that no imported class has.
        backup: where the annotations before are kept; None if there were none or nothing changed.
    """

    annotated: int
    clean: int
    object_ids: tuple[int, ...]
    left_out: tuple[Tally, ...] = ()
    notes: tuple[str, ...] = ()
    without: int = 0
    changed: int = 0
    taken: int = 0
    new_names: Mapping[str, int] = field(default_factory=dict)
    joined: int = 0
    kept: int = 0
    unknown: int = 0
    misspelt: tuple[str, ...] = ()
    backup: Path | None = None

    def describe(self) -> str:
        """A few lines for a person; the last one has the counts."""
        lines = [tally.describe() for tally in self.left_out]
        lines += self.notes
        if self.taken:
            lines.append(f"{_counted(self.taken, 'picture')} copied into the references folder")
        if not self.changed and not self.new_names:
            lines.append("all of it was there already; nothing changed")
        lines += [f"{name} is object {key} from now on" for name, key in self.new_names.items()]
        if self.joined:
            lines.append(
                f"{_counted(self.joined, 'instance')} joined: an object id has one mask on an image"
            )
        if self.kept:
            lines.append(
                f"{_counted(self.kept, 'object')} there already with another mask, and kept"
            )
        if self.without:
            lines.append(
                f"{_counted(self.without, 'reference')} left alone: the source tells nothing of "
                + ("it" if self.without == 1 else "them")
            )
        if self.misspelt:
            names = ", ".join(map(repr, self.misspelt[:_MOST_NAMED]))
            names += " ..." if len(self.misspelt) > _MOST_NAMED else ""
            lines.append(f"no imported class is called {names}, as --classes says")
        if self.backup is not None:
            lines.append(f"the annotations before are kept in {self.backup}")
        return "\n".join(map(printable, [*lines, self._counts()]))

    def _counts(self) -> str:
        ids = ", ".join(map(str, self.object_ids[:_MOST_IDS])) or "none"
        if len(self.object_ids) > _MOST_IDS:
            ids += f" and {len(self.object_ids) - _MOST_IDS} more"
        line = f"imported {self.annotated} annotated and {self.clean} clean references; "
        line += f"object ids: {ids}"
        total = sum(tally.count for tally in self.left_out)
        return f"{line}; {total} left out" if total else line

    def to_json(self) -> dict[str, Any]:
        """JSON-able."""
        return {
            "annotated": self.annotated,
            "clean": self.clean,
            "unknown": self.unknown,
            "object_ids": list(self.object_ids),
            "changed": self.changed,
            "taken": self.taken,
            "new_names": dict(self.new_names),
            "joined": self.joined,
            "kept": self.kept,
            "without": self.without,
            "left_out": [tally.to_json() for tally in self.left_out],
            "notes": list(self.notes),
            "misspelt": list(self.misspelt),
            "backup": None if self.backup is None else str(self.backup),
        }


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
