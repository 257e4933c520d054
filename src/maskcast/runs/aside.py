"""Where a run may write, and how what is there is moved aside for a fresh start."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Final

from maskcast.errors import MaskcastError, SettingsError, StorageError
from maskcast.io.atomic import is_temporary
from maskcast.io.storage import Place, Url
from maskcast.project.folder import IDENTITY_NAME, LEDGER_NAME, ProjectFolder
from maskcast.runs import database
from maskcast.runs.identity import check_identity
from maskcast.runs.ledger import Ledger, holds_ledger
from maskcast.runs.lock import LOCK_NAME, RunLock

_NO_CONTENT: Final = frozenset(
    {LOCK_NAME, ".gitignore", ".gitkeep", ".DS_Store", "Thumbs.db", "desktop.ini", "lost+found"}
)
"""What a folder may hold and still count as empty."""

_Move = tuple[Path, Path]


def check_output(project: ProjectFolder, *, fresh: bool) -> None:
    """Refuse an output that a run must not write to, or that cannot be moved aside.

    Raises:
        SettingsError: if it can only be read, is or contains a folder of the project, holds what
            is not of a run, or lies in a store and would have to be moved.
        RunError: if the ledger would have to be moved and is none.
        StorageError: if the output cannot be looked at.
    """
    output = project.output_place
    if isinstance(output, Url) and output.is_read_only:
        raise SettingsError(f"{output} can only be read; give another --output")
    if isinstance(output, Url) and fresh:
        raise SettingsError(
            f"{output} is in a store, where nothing can be moved aside; give another --output "
            "instead of --fresh"
        )
    _check_contains_nothing(project)
    foreign = None if _is_ours(project) else next(_content(output), None)
    if foreign is not None:
        raise SettingsError(
            f"{output} holds what is not of a run, such as {foreign}, and results are not put "
            "among other files; give an --output that is empty or does not exist yet"
        )
    if fresh and _is_elsewhere(project) and holds_ledger(project.ledger_path):
        Ledger.read(project.ledger_path).close()  # what is no ledger is not moved


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
    moved = [output] if any(True for _ in _content(output)) else []
    if _is_elsewhere(project) and project.ledger_path.exists():
        moved.append(project.ledger_path)
    moves = _to_free_names(moved)
    _move_all(moves)
    if output in moved:
        lock.renew()
    told = [f"{'output' if old == output else 'ledger'} is now in {new}" for old, new in moves]
    return f"the old {' and the old '.join(told)}" if told else None


def _check_contains_nothing(project: ProjectFolder) -> None:
    output = project.output_place
    folders = {
        "the project folder": project.root,
        "the targets folder": project.targets_place,
        "the references folder": project.references_place,
    }
    for what, folder in folders.items():
        if _contains(output, folder):
            relation = "is" if _contains(folder, output) else "contains"
            raise SettingsError(
                f"the output {output} {relation} {what} {folder}, and results go into a folder of "
                "their own; give another --output"
            )


def _contains(outer: Place, inner: Place) -> bool:
    if isinstance(outer, Path) and isinstance(inner, Path):
        return inner.resolve().is_relative_to(outer.resolve())
    return f"{inner}/".startswith(f"{outer}/") and type(outer) is type(inner)


def _is_ours(project: ProjectFolder) -> bool:
    """Whether an output is that of a run, of 0.1 perhaps, whose ledger may lie elsewhere."""
    output = project.output_place
    if (output / IDENTITY_NAME).exists() or (output / LEDGER_NAME).exists():
        return True
    if not holds_ledger(project.ledger_path):
        return False
    with suppress(MaskcastError), Ledger.read(project.ledger_path) as ledger:
        check_identity(output, ledger)
        return bool(ledger.counts().done)
    return False


def _content(output: Place) -> Iterator[str]:
    """Names of what an output holds, beside what an empty folder may hold."""
    if isinstance(output, Url):
        try:
            yield from (entry.url.name for entry in output.entries())
        except OSError as error:
            raise StorageError(
                f"{output} cannot be listed ({error}); check credentials and connection"
            ) from error
    elif output.is_dir():
        try:
            names = sorted(path.name for path in output.iterdir())
        except OSError as error:
            raise StorageError(
                f"the output folder {output} cannot be listed ({error.strerror}); make it readable "
                "or give another --output"
            ) from error
        yield from (name for name in names if name not in _NO_CONTENT and not is_temporary(name))


def _is_elsewhere(project: ProjectFolder) -> bool:
    """Whether the ledger lies outside of the output folder, and so does not move with it."""
    return project.ledger_path.parent.resolve() != project.state_folder.resolve()


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
