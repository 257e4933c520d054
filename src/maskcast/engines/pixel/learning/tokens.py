"""Token maps beside the feature bank: what a pretrained encoder says of a picture.

An encoder's tokens are coarse: one for a patch of 14 or 16 pixels. They are kept at that size and
enlarged strip by strip, so that a large picture costs no more memory with them than without.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from maskcast.engines.pixel.filters import Stack

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class TokenGrid:
    """Token maps and where they lie on a picture.

    The token in row r and column c stands for the picture's pixels around
    ``(top + (r + 0.5) * step_y, left + (c + 0.5) * step_x)``, where pixel 0 reaches from 0 to 1.

    Attributes:
        values: float32 (C, h, w).
        step_y: height of a token in the picture's pixels.
        step_x: width of a token.
        top: upper edge of the first row of tokens, in the picture's pixels.
        left: left edge of the first column.
    """

    values: Stack
    step_y: float
    step_x: float
    top: float = 0.0
    left: float = 0.0

    def window(self, top: int, left: int) -> TokenGrid:
        """The grid of a part of the picture whose first pixel is at ``top``, ``left``."""
        return replace(self, top=self.top - top, left=self.left - left)

    def resized(self, factor_y: float, factor_x: float) -> TokenGrid:
        """The grid of the picture made larger by both factors (or smaller)."""
        return TokenGrid(
            self.values,
            self.step_y * factor_y,
            self.step_x * factor_x,
            self.top * factor_y,
            self.left * factor_x,
        )

    def rows(self, top: int, bottom: int, width: int) -> Stack:
        """Rows ``top`` to ``bottom`` at the picture's resolution, float32 (C, bottom - top, width).

        Bilinear between the middles of tokens; outside of them the nearest.
        """
        _, height, columns = self.values.shape
        above, down = _between(np.arange(top, bottom), self.top, self.step_y, height)
        before, across = _between(np.arange(width), self.left, self.step_x, columns)
        first, last = int(above[0]), min(int(above[-1]) + 2, height)
        part = self.values[:, first:last]
        after = np.minimum(before + 1, columns - 1)
        wide = part[:, :, before]
        wide += across * (part[:, :, after] - wide)
        below = np.minimum(above + 1, height - 1) - first
        out = wide[:, above - first]
        out += down[:, None] * (wide[:, below] - out)
        return out


def _between(
    pixels: npt.NDArray[np.intp], start: float, step: float, count: int
) -> tuple[npt.NDArray[np.intp], Floats]:
    """For each pixel the token before its middle, and how far it is to the next, in [0, 1]."""
    at = np.clip((pixels + 0.5 - start) / step - 0.5, 0, count - 1)
    before = np.minimum(at.astype(np.intp), max(count - 2, 0))
    return before, (at - before).astype(np.float32)
