"""Masks of the objects in one large picture."""

from __future__ import annotations

import tempfile
from concurrent.futures import Executor

from maskcast.engines.large import LargeSegmentation, Tiles
from maskcast.engines.pixel.learning.model import PixelModel
from maskcast.engines.pixel.streaming.casting import Casting
from maskcast.engines.pixel.streaming.deciding import Seen, decide_large, floor_of
from maskcast.engines.pixel.streaming.logit_store import LogitStore
from maskcast.io.windowed import Picture


def predict_large(
    model: PixelModel, picture: Picture, tiles: Tiles, pool: Executor
) -> LargeSegmentation:
    """What `model.predict` finds in the whole picture, to the bit."""
    casting = Casting(model, picture, tiles.side, pool)
    decisions = dict(zip(model.object_ids, model.decisions, strict=True))
    with tempfile.TemporaryFile(prefix="maskcast-") as file:
        store = LogitStore(file)
        for row, logits in enumerate(casting.rows()):
            for index, decision in enumerate(decisions.values()):
                store.put(row, index, logits[index], floor_of(decision))
        seen = Seen(picture, casting.light, model.color, casting.grid.rows, store)
        return decide_large(seen, decisions, exclusive=model.exclusive)
