"""Results are on the disk before the ledger says that they are there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from maskcast.io.on_disk import settle
from maskcast.io.storage import Place
from maskcast.runs.ledger_rows import TargetRow
from maskcast.runs.outputs import OutputFolders
from maskcast.runs.shards import FOLDER


def settle_results(output: Place, rows: Sequence[TargetRow]) -> None:
    """Return once a power cut can take none of the files of these targets.

    Args:
        output: the output place; a store has its objects for good once they are put.
        rows: of targets whose files are in place.

    Raises:
        StorageError: if the disk is full or fails.
    """
    done = [row for row in rows if row.state == "done"]
    if done and isinstance(output, Path):
        settle(output, lambda: _files(output, done))


def _files(output: Path, rows: Sequence[TargetRow]) -> Iterator[Path]:
    for row in rows:
        if row.shard is None:
            yield from OutputFolders(output).files(row.name)
        else:
            yield output / FOLDER / row.shard
