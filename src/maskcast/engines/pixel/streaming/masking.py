"""Masks of the objects in one large picture."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from typing import BinaryIO

from maskcast.engines.large import LargeSegmentation, Tiles, Unfinished
from maskcast.engines.pixel.learning.model import PixelModel
from maskcast.engines.pixel.streaming.casting import Casting
from maskcast.engines.pixel.streaming.deciding import Seen, decide_large, floor_of
from maskcast.engines.pixel.streaming.logit_store import LogitStore
from maskcast.io.windowed import Picture


def predict_large(
    model: PixelModel,
    picture: Picture,
    tiles: Tiles,
    pool: Executor,
    unfinished: Unfinished | None = None,
) -> LargeSegmentation:
    """What `model.predict` finds in the whole picture, to the bit.

    Args:
        model: from the references.
        picture: read by several threads.
        tiles: about how large they are.
        pool: computes tiles side by side.
        unfinished: where to go on, and to keep what is needed for that; None = nowhere.
    """
    casting = Casting(model, picture, tiles.side, pool)
    decisions = dict(zip(model.object_ids, model.decisions, strict=True))
    grid = (casting.grid.rows, casting.grid.columns)
    with _opened(unfinished) as file:
        identity = f"{unfinished.identity if unfinished else ''} {grid}"
        store = LogitStore(file, identity, len(decisions))
        begin = store.rows_kept
        for row, logits in enumerate(casting.rows(begin), begin):
            for index, decision in enumerate(decisions.values()):
                store.put(row, index, logits[index], floor_of(decision))
        seen = Seen(picture, casting.light, model.color, casting.grid.rows, store)
        return decide_large(seen, decisions, exclusive=model.exclusive)


@contextmanager
def _opened(unfinished: Unfinished | None) -> Iterator[BinaryIO]:
    if unfinished is None:
        with tempfile.TemporaryFile(prefix="maskcast-") as file:
            yield file
        return
    unfinished.path.parent.mkdir(parents=True, exist_ok=True)
    unfinished.path.touch()
    with unfinished.path.open("r+b") as kept:
        yield kept
