"""Masks as outlines for the formats that hold polygons, and a tally of what that costs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from maskcast.interchange.formats.writing import count
from maskcast.interchange.options import ExportOptions
from maskcast.masks import Cutout
from maskcast.polygons import (
    Part,
    Ring,
    bridge_holes,
    fill_rings,
    simplify_part,
    trace_parts,
    trace_simple_parts,
)


@dataclass
class OutlineTally:
    """What outlines could not keep so far.

    Attributes:
        bridged: instances whose holes were joined to the outline by a cut of no width.
        parted: instances that became several polygons.
        changed: instances that lost or gained pixels by leaving out corners.
    """

    bridged: int = 0
    parted: int = 0
    changed: int = 0

    def outlines(self, cutout: Cutout, options: ExportOptions) -> list[Ring]:
        """One ring, in the image, for each part of a mask, holes joined to it."""
        parts = [simplify_part(part, options.tolerance) for part in trace_parts(cutout.pixels)]
        rings = [bridge_holes(part) for part in parts]
        self.bridged += any(part.holes for part in parts)
        self.parted += len(parts) > 1
        self._compare([[ring] for ring in rings], cutout, options)
        corner = np.array(cutout.box[:2])
        return [ring + corner for ring in rings]

    def simple_parts(self, cutout: Cutout, options: ExportOptions) -> list[Part]:
        """The outlines of a mask with its holes, in the image; see ``trace_simple_parts``."""
        traced = trace_simple_parts(cutout.pixels)
        parts = [simplify_part(part, options.tolerance) for part in traced]
        self._compare([[part.outer, *part.holes] for part in parts], cutout, options)
        corner = np.array(cutout.box[:2])
        return [
            Part(part.outer + corner, tuple(hole + corner for hole in part.holes)) for part in parts
        ]

    def _compare(self, parts: list[list[Ring]], cutout: Cutout, options: ExportOptions) -> None:
        """Count a mask of which the rings of its parts do not hold the very pixels."""
        if options.tolerance > 0:
            filled = [fill_rings(rings, cutout.pixels.shape) for rings in parts]
            self.changed += not np.array_equal(np.logical_or.reduce(filled), cutout.pixels)

    def sentences(self, *, parts_are_rows: str | None = None) -> tuple[str, ...]:
        """What to tell the user.

        Args:
            parts_are_rows: what each part became where one entry cannot hold several, e.g.
                ``a row of its own``.
        """
        told = []
        if self.bridged:
            told.append(
                f"{count(self.bridged, 'instance')} with holes: polygons hold no holes, so each "
                "hole is joined to the outline by a cut of no width"
            )
        if self.parted and parts_are_rows:
            told.append(
                f"{count(self.parted, 'instance')} in several parts: each part is {parts_are_rows}"
            )
        if self.changed:
            told.append(
                f"{count(self.changed, 'instance')} changed at the border by the tolerance; "
                "0 keeps every pixel"
            )
        return tuple(told)


def corners(ring: Ring) -> list[list[float]]:
    """``[[x, y], ...]``, whole numbers as such."""
    return [[_plain(x), _plain(y)] for x, y in ring.tolist()]


def _plain(value: float) -> float:
    return int(value) if value.is_integer() else round(value, 3)
