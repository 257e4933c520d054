"""Putting one output folder in the place of another, so that a kill in between loses neither.

What is about to be moved is written down first; whoever opens the output next finishes the moves.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from maskcast.errors import StorageError
from maskcast.io.atomic import write_atomically
from maskcast.io.on_disk import settle
from maskcast.project.folder import ProjectFolder

_JOURNAL: Final = "moving.json"
_LOCK_NAME: Final = ".lock"


def generations_folder(output: Path) -> Path:
    """Where the generations of an output are kept that are not shown now."""
    return output.with_name(f"{output.name}.generations")


def swap(output: Path, incoming: Path, outgoing: Path) -> None:
    """Move the output to ``outgoing`` and ``incoming`` to its place.

    Args:
        output: the folder that everybody reads.
        incoming: in the folder of generations.
        outgoing: in there, too; nothing has this name.

    Raises:
        StorageError: if they cannot be moved; the next start tries again.
    """
    folder = generations_folder(output)
    moves = {"incoming": incoming.name, "outgoing": outgoing.name}
    write_atomically(folder / _JOURNAL, json.dumps(moves).encode())
    settle(folder, lambda: [folder / _JOURNAL])
    _move(output, folder)


def finish_swap(project: ProjectFolder) -> str | None:
    """Finish what a killed ``swap`` began; quick where there is nothing to finish.

    Returns:
        The name that the folder had among the generations which is the output now; None if nothing
        was to be finished.

    Raises:
        StorageError: if the folders cannot be moved.
    """
    output = project.output_place
    if not isinstance(output, Path) or not output.name:  # a root has nothing beside it
        return None
    if (generations_folder(output) / _JOURNAL).exists():
        return _move(output, generations_folder(output))
    return None


def _move(output: Path, folder: Path) -> str | None:
    journal = folder / _JOURNAL
    try:
        moves: dict[str, str] = json.loads(journal.read_bytes())
        incoming, outgoing = folder / moves["incoming"], folder / moves["outgoing"]
        if incoming.exists():
            if not outgoing.exists():
                output.rename(outgoing)
            else:  # moved before the kill; what is there since holds a lock at most
                _remove_stub(output)
            incoming.rename(output)
        journal.unlink(missing_ok=True)
    except FileNotFoundError:
        if not output.exists():
            raise
        journal.unlink(missing_ok=True)  # somebody else finished it at the same time
        return None
    except (OSError, ValueError, KeyError) as error:
        raise StorageError(
            f"the generations in {folder} cannot be moved ({error}); close what has files of "
            f"{output} open and start again"
        ) from error
    return incoming.name


def _remove_stub(output: Path) -> None:
    if output.exists():
        (output / _LOCK_NAME).unlink(missing_ok=True)
        output.rmdir()
