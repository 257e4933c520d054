"""Drawing results again whose names or colours changed: from their masks, without an engine."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np

from maskcast.errors import MaskcastError, RunError, StorageError
from maskcast.io.printable import printable
from maskcast.io.storage import Place, Readable
from maskcast.runs.ledger import Ledger
from maskcast.runs.ledger_rows import TargetRow, known_right
from maskcast.runs.outputs import read_id_mask
from maskcast.runs.pipeline import Record, WorkItem, map_ahead, until
from maskcast.runs.shards import FOLDER, Gathered, ShardPlan, paths_of, unpack
from maskcast.runs.work import FileWork
from maskcast.types import Segmentation

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Redrawing:
    """Draws results again.

    Attributes:
        targets: the place of the targets.
        output: of the results.
        work: how targets are read and results written, with the names and colours of today.
        shards: how results are packed; None = not.
        workers: threads.
    """

    targets: Place
    output: Place
    work: FileWork
    shards: ShardPlan | None
    workers: int

    def run(self, ledger: Ledger, stop: threading.Event, record: Record) -> None:
        """Draw all results that look otherwise and whose target is there unchanged.

        The others keep their look: those that changed are masked again anyway.

        Args:
            ledger: open to be read.
            stop: set to end early; the next run goes on.
            record: is given the new rows.

        Raises:
            StorageError: if nothing more can be written.
        """
        look = self.work.look
        with ThreadPoolExecutor(self.workers, "draw") as threads:
            if self.shards is None:
                rows = until(stop, ledger.rows_of_other_look(look))
                for row in map_ahead(threads, self._redraw, rows, ahead=2 * self.workers):
                    record([row] if row is not None else [])
            else:
                for name in until(stop, ledger.shards_of_other_look(look)):
                    record(self._redraw_shard(threads, name, ledger.rows_in_shard(name)))

    def _redraw(self, row: TargetRow) -> TargetRow | None:
        """The new row of one target; None if it cannot be drawn."""
        masks = {
            found.object_id: self.output / f"id_masks/{row.name}/{found.object_id}.png"
            for found in row.objects
        }
        return self._draw(self.work, row, masks)

    def _draw(
        self, work: FileWork, row: TargetRow, masks: Mapping[int, Readable]
    ) -> TargetRow | None:
        path = self.targets / row.image_id
        item = WorkItem(row.image_id, path, row.name, row.file_size, row.tag)
        try:
            decoded = work.read(item)
            height, width = decoded.image.shape[:2]
            if (height, width) != row.size or row.digest not in {None, decoded.digest}:
                return None
            found = Segmentation(
                np.array(list(masks), np.int32),
                np.array([read_id_mask(mask) for mask in masks.values()], np.bool_).reshape(
                    -1, height, width
                ),
                np.array([known.score for known in row.objects], np.float32),
                known_right([known.right for known in row.objects]),
                evidence=row.evidence,
            )
            return work.write(item, decoded, found)
        except StorageError:
            raise
        except (MaskcastError, OSError, ValueError):
            logger.debug("%s cannot be drawn again", printable(row.image_id), exc_info=True)
            return None

    def _redraw_shard(
        self, threads: ThreadPoolExecutor, name: str, rows: list[TargetRow]
    ) -> list[TargetRow]:
        """Put a shard in the place of the old one, in which the same targets look anew."""
        plan = self.shards
        if plan is None or plan.name_of(rows) != name:  # the latter was tampered with
            return []
        try:
            files = unpack((self.output / f"{FOLDER}/{name}").read_bytes())
        except (RunError, OSError):  # the run tells of it, or does its targets again
            return []
        gathered = Gathered()
        work = replace(self.work, sink=gathered)

        def draw(row: TargetRow) -> TargetRow | None:
            paths = {
                found.object_id: f"id_masks/{row.name}/{found.object_id}.png"
                for found in row.objects
            }
            masks = {key: _Held(path, files.get(path, b"")) for key, path in paths.items()}
            drawn = self._draw(work, row, masks)
            if drawn is None:
                gathered.put(row.name, {key: files[key] for key in paths_of(row) if key in files})
            return None if drawn is None else replace(drawn, shard=name)

        drawn = [row for row in map_ahead(threads, draw, rows, self.workers) if row is not None]
        if drawn:
            plan.write(rows, gathered.results)
        return drawn


@dataclass(frozen=True)
class _Held:
    """A file that was read already."""

    path: str
    data: bytes

    def __str__(self) -> str:
        return self.path

    def read_bytes(self) -> bytes:
        """See ``Readable``."""
        return self.data
