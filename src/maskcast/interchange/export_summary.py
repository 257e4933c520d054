"""What an export came to, for a person and for a program."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from maskcast.interchange.formats.writing import count
from maskcast.io.printable import printable

_MOST_NAMED = 5


@dataclass(frozen=True)
class ExportSummary:
    """What an export came to.

    Attributes:
        format_name: the format.
        folder: where it is.
        images: exported, negatives included.
        objects: masks of object ids that were exported, one for each id on an image.
        instances: that these masks were told apart into; as many as objects if they were not.
        pixels: of the masks of all instances together.
        with_pictures: whether the pictures were copied or linked.
        negatives: images on which nothing was found, or nothing that was exported.
        splits: images in each part.
        left_out: targets left out by ``accepted``.
        objects_left_out: objects below the least score on targets that were exported.
        instances_left_out: instances below the least area.
        failed: targets that failed in the run, which are never exported.
        changed: targets that are other pictures now than those that were masked, left out.
        gone: targets that are no more there, left out.
        unreadable: image id -> why the result of a target could not be read; it is left out.
        remarks: what the format could not keep, and other things to know.
    """

    format_name: str
    folder: Path
    images: int
    objects: int
    instances: int
    pixels: int
    with_pictures: bool
    negatives: int
    splits: Mapping[str, int]
    left_out: int
    objects_left_out: int
    instances_left_out: int
    failed: int
    changed: int
    gone: int
    unreadable: Mapping[str, str]
    remarks: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """JSON-able."""
        return {
            "format": self.format_name,
            "folder": str(self.folder),
            "images": self.images,
            "objects": self.objects,
            "instances": self.instances,
            "negatives": self.negatives,
            "splits": dict(self.splits),
            "left_out": self.left_out,
            "objects_left_out": self.objects_left_out,
            "instances_left_out": self.instances_left_out,
            "failed": self.failed,
            "changed": self.changed,
            "gone": self.gone,
            "unreadable": dict(self.unreadable),
            "remarks": list(self.remarks),
        }

    def notes(self) -> list[str]:
        """What was left out or could not be kept, a line each."""
        lines = []
        if self.left_out:
            lines.append(f"{count(self.left_out, 'target')} not accepted and left out")
        if self.objects_left_out:
            lines.append(f"{count(self.objects_left_out, 'object')} below the least score left out")
        if self.instances_left_out:
            left_out = count(self.instances_left_out, "instance")
            lines.append(f"{left_out} below the least area left out")
        if self.failed:
            lines.append(f"{count(self.failed, 'target')} failed in the run and are not exported")
        if self.changed:
            lines.append(
                f"{count(self.changed, 'target')} changed since masked and left out; "
                "maskcast run does them again"
            )
        if self.gone:
            lines.append(
                f"{count(self.gone, 'target')} gone and left out; --include-gone takes their "
                "results too"
            )
        for image_id, reason in list(self.unreadable.items())[:_MOST_NAMED]:
            lines.append(f"{image_id} is left out: {reason}")
        if len(self.unreadable) > _MOST_NAMED:
            lines.append(f"... and {len(self.unreadable) - _MOST_NAMED} more")
        lines += [f"note: {remark}" for remark in self.remarks]
        return [printable(line) for line in lines]

    def counts(self) -> str:
        """One line."""
        found = count(self.objects, "object")
        if self.instances != self.objects:
            found = f"{count(self.instances, 'instance')} of {found}"
        parts = ", ".join(f"{name} {number}" for name, number in self.splits.items())
        return printable(
            f"exported {count(self.images, 'image')} ({count(self.negatives, 'negative')}) with "
            f"{found} as {self.format_name} to {self.folder}"
            + (f": {parts}" if len(self.splits) > 1 else "")
        )

    def describe(self) -> str:
        """A few lines for a person, the counts last."""
        return "\n".join([*self.notes(), self.counts()])
