"""Masks as outlines for the formats that hold polygons, and a tally of what that costs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from maskcast.interchange.formats.records import WriteOptions, count
from maskcast.polygons import Ring, bridge_holes, fill_rings, simplify_part, trace_parts
from maskcast.types import Mask


@dataclass
class OutlineTally:
    """What outlines could not keep so far.

    Attributes:
        bridged: objects whose holes were joined to the outline by a cut of no width.
        parted: objects that became several polygons.
        changed: objects that lost or gained pixels by leaving out corners.
    """

    bridged: int = 0
    parted: int = 0
    changed: int = 0

    def outlines(self, mask: Mask, options: WriteOptions) -> list[Ring]:
        """One ring for each part of a bool (H, W) mask, holes joined to it."""
        parts = [simplify_part(part, options.tolerance) for part in trace_parts(mask)]
        rings = [bridge_holes(part) for part in parts]
        self.bridged += any(part.holes for part in parts)
        self.parted += len(parts) > 1
        if options.tolerance > 0:
            filled = [fill_rings([ring], mask.shape) for ring in rings]
            self.changed += not np.array_equal(np.logical_or.reduce(filled), mask)
        return rings

    def sentences(self, *, parts_are_rows: str | None = None) -> tuple[str, ...]:
        """What to tell the user.

        Args:
            parts_are_rows: what each part became where one entry cannot hold several, e.g.
                ``a row of its own``.
        """
        told = []
        if self.bridged:
            told.append(
                f"{count(self.bridged, 'object')} with holes: polygons hold no holes, so each hole "
                "is joined to the outline by a cut of no width"
            )
        if self.parted and parts_are_rows:
            told.append(
                f"{count(self.parted, 'object')} in several parts: each part is {parts_are_rows}"
            )
        if self.changed:
            told.append(
                f"{count(self.changed, 'object')} changed at the border by the tolerance; "
                "0 keeps every pixel"
            )
        return tuple(told)


def corners(ring: Ring) -> list[list[float]]:
    """``[[x, y], ...]``, whole numbers as such."""
    return [[_plain(x), _plain(y)] for x, y in ring.tolist()]


def _plain(value: float) -> float:
    return int(value) if value.is_integer() else round(value, 3)
