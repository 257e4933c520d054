"""What an engine learned of references that are being annotated, in its quick way if it has one."""

from __future__ import annotations

from dataclasses import dataclass

from maskcast.engines.base import Engine, QuickLearner
from maskcast.io.images import IntensityWindow
from maskcast.project.folder import ProjectFolder
from maskcast.project.references import LoadedReferences
from maskcast.runs.crumbs import found_only, smallest_areas, without_crumbs
from maskcast.types import MemoryBank, RgbImage, Segmentation


@dataclass(frozen=True)
class QuicklyLearned:
    """What pictures are masked with while references are being annotated.

    Attributes:
        engine: that learned.
        bank: what it learned.
        window: that pictures of more than 8 bits are seen through.
        least: object id -> pixels of its smallest part that counts.
    """

    engine: Engine
    bank: MemoryBank
    window: IntensityWindow | None
    least: dict[int, int]

    def find(self, image: RgbImage) -> Segmentation:
        """As a run would, but for what the engine learned.

        Args:
            image: uint8 (H, W, 3) RGB.

        Raises:
            EngineError: if the engine cannot do it.
        """
        found = self.engine.propagate(self.bank, [image])[0]
        return found_only(without_crumbs(found, self.least))


def learn_quickly(
    project: ProjectFolder, engine: Engine, loaded: LoadedReferences
) -> QuicklyLearned:
    """Learn, in the engine's quick way if it has one.

    Raises:
        EngineError: if no reference shows an object.
    """
    if isinstance(engine, QuickLearner):
        bank = engine.memorize_quickly(loaded.references)
    else:
        bank = engine.memorize(loaded.references)
    least = smallest_areas(loaded.references, project.settings.min_area)
    return QuicklyLearned(engine, bank, loaded.window, least)
