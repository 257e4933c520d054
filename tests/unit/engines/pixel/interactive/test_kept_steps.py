"""Digests of pictures: remembered only where they cannot change."""

from __future__ import annotations

import gc
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from maskcast.engines.pixel.interactive import kept_steps as memory_module
from maskcast.engines.pixel.interactive.kept_steps import Memory
from maskcast.project.folder import ProjectFolder
from maskcast.types import RgbImage
from maskcast.ui.shown_references import ReferenceImages


def picture(value: int = 7) -> RgbImage:
    return np.full((20, 30, 3), value, np.uint8)


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Ids of the pictures that were hashed."""
    seen: list[int] = []
    digest = memory_module._digest

    def watched(image: RgbImage) -> bytes:
        seen.append(id(image))
        return digest(image)

    monkeypatch.setattr(memory_module, "_digest", watched)
    return seen


def test_a_reference_in_a_labeler_is_hashed_once(tmp_path: Path, hashed: list[int]) -> None:
    for name, mode in (("color.png", "RGB"), ("gray.png", "L"), ("palette.png", "P")):
        path = tmp_path / "references" / name
        path.parent.mkdir(exist_ok=True)
        Image.new(mode, (30, 20), 5).save(path)
        image = ReferenceImages(ProjectFolder.open(tmp_path)).load(name)
        memory: Memory[int] = Memory(1)
        hashed.clear()
        assert memory.digest(image) == memory.digest(image)
        assert len(hashed) == 1


def test_what_may_have_changed_is_hashed_again() -> None:
    memory: Memory[int] = Memory(1)
    image = picture()
    before = memory.digest(image)
    image[3, 4] = 99
    assert memory.digest(image) != before
    view = image[:]
    view.flags.writeable = False  # its pixels are still written to by the other name
    before = memory.digest(view)
    image[3, 4] = 100
    assert memory.digest(view) != before


def test_another_picture_in_the_same_place_of_memory_is_another_one() -> None:
    memory: Memory[int] = Memory(1)
    digests = set()
    for value in range(50):
        image = picture(value)
        image.flags.writeable = False
        digests.add(memory.digest(image))
        del image
        gc.collect()
    assert len(digests) == 50
