"""How what an output and its ledger hold is moved aside for a fresh start."""

from __future__ import annotations

from datetime import datetime
from itertools import count
from pathlib import Path

from maskcast.errors import StorageError
from maskcast.project.folder import ProjectFolder
from maskcast.runs import database
from maskcast.runs.lock import RunLock
from maskcast.runs.premises import content_of, is_ledger_elsewhere

_Move = tuple[Path, Path]


def move_aside(project: ProjectFolder, lock: RunLock) -> str | None:
    """Move the output, and a ledger that lies elsewhere, to free names beside them.

    The output folder is made and locked anew.

    Returns:
        A sentence for the user; None if there was nothing to be moved.

    Raises:
        StorageError: if one of them cannot be moved; then both are where they were.
        RunLockedError: if another run was quicker to begin in the output.
    """
    output = project.output_folder
    moved = [output] if any(True for _ in content_of(output)) else []
    if is_ledger_elsewhere(project) and project.ledger_path.exists():
        moved.append(project.ledger_path)
    moves = _to_free_names(moved)
    _move_all(moves)
    if output in moved:
        lock.renew()
    told = [f"{'output' if old == output else 'ledger'} is now in {new}" for old, new in moves]
    return f"the old {' and the old '.join(told)}" if told else None


def _to_free_names(moved: list[Path]) -> list[_Move]:
    """Each with a name that tells the time and that nothing has yet."""
    moment = f"{datetime.now():%Y%m%d-%H%M%S}"
    for number in count(1):
        ending = moment if number == 1 else f"{moment}-{number}"
        # A folder keeps its whole name, of which the part after a dot is no suffix.
        moves = [
            (old, old.with_name(f"{old.name}-{ending}"))
            if old.is_dir()
            else (old, old.with_name(f"{old.stem}-{ending}{old.suffix}"))
            for old in moved
        ]
        if not any(new.exists() for _, new in moves):
            return moves
    raise AssertionError("numbers do not end")


def _move_all(moves: list[_Move]) -> None:
    done: list[_Move] = []
    for old, new in moves:
        try:
            if old.is_dir():
                old.rename(new)
            else:
                database.move(old, new)
        except OSError as error:
            for before, after in done:
                after.rename(before)
            raise StorageError(
                f"{old} cannot be moved to {new} ({error.strerror}); move it yourself, or give "
                "another --output or --ledger"
            ) from error
        done.append((old, new))
