"""An engine for tests that ends its process where a picture tells it to, as a crash would."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from fake_engine import FakeEngine
from maskcast.engines.base import EngineSettings
from maskcast.types import MemoryBank, RgbImage, Segmentation

POISON = (1, 254, 3)
"""Colour of the first pixel of a picture that no process survives."""


class FragileEngine(FakeEngine):
    """The fake engine, mortal.

    Options: ``seconds`` makes each target take that long; ``diary`` is a file in which it leaves
    the id of its process when a target begins.
    """

    def __init__(self, settings: EngineSettings) -> None:
        super().__init__(settings)
        self.info = replace(self.info, name="fragile", max_batch=1)
        self._seconds = float(settings.options.get("seconds", 0))
        self._diary = settings.options.get("diary")

    def propagate(self, bank: MemoryBank, images: Sequence[RgbImage]) -> list[Segmentation]:
        """Mask the pictures, or die."""
        for image in images:
            if self._diary is not None:
                Path(self._diary).write_text(str(os.getpid()))
            time.sleep(self._seconds)
            if np.array_equal(image[0, 0], POISON):
                os.kill(os.getpid(), signal.SIGKILL)
        return super().propagate(bank, images)
