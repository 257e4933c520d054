"""Where a run may write: in a folder of its own, and to a ledger that is nothing else."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from maskcast.errors import MaskcastError, SettingsError, StorageError
from maskcast.io.atomic import is_temporary
from maskcast.io.images import is_image_name
from maskcast.io.storage import Place, Url
from maskcast.project.folder import ANNOTATIONS_NAME, LEDGER_NAME, TAUGHT_NAME, ProjectFolder
from maskcast.project.settings import SETTINGS_NAME
from maskcast.runs.identity import check_identity, run_of_output
from maskcast.runs.ledger import Ledger, holds_ledger
from maskcast.runs.lock import LOCK_NAME, lock_of_ledger

if sys.platform != "win32":
    import os
    import pwd

_NO_CONTENT: Final = frozenset(
    {LOCK_NAME, ".gitignore", ".gitkeep", ".DS_Store", "Thumbs.db", "desktop.ini", "lost+found"}
)
"""What a folder may hold and still count as empty."""

_BEGUN: Final = frozenset(
    {TAUGHT_NAME, *(f"{LEDGER_NAME}{ending}" for ending in ("", "-wal", "-shm", "-journal"))}
)
"""What a run that was killed at its very start leaves."""


def check_output(project: ProjectFolder, *, fresh: bool) -> None:
    """Refuse an output or a ledger that a run must not write to, or that cannot be moved aside.

    Nothing is written, and nothing may have been.

    Raises:
        SettingsError: if the output can only be read, is or contains a home folder or one of the
            project, lies in its references, holds what is not of a run, or lies in a store and
            would have to be moved; if the ledger is a folder, or has the name of something else.
        RunError: if the ledger is none, or the output does not say what it is.
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
    _check_is_its_own(project)
    _check_ledger(project)
    foreign = None if _is_ours(project) else _first_foreign(output)
    if foreign is not None:
        raise SettingsError(
            f"{output} holds what is not of a run, such as {foreign}, and results are not put "
            "among other files; give an --output that is empty or does not exist yet"
        )
    if fresh and is_ledger_elsewhere(project) and holds_ledger(project.ledger_path):
        Ledger.read(project.ledger_path).close()  # what is no ledger is not moved


def content_of(output: Place) -> Iterator[str]:
    """Names of what an output holds, beside what an empty folder may hold.

    Raises:
        StorageError: if it cannot be listed.
    """
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


def is_ledger_elsewhere(project: ProjectFolder) -> bool:
    """Whether the ledger lies outside of the output folder, and so does not move with it."""
    return project.ledger_path.parent.resolve() != project.state_folder.resolve()


def _check_is_its_own(project: ProjectFolder) -> None:
    output = project.output_place
    folders: list[tuple[str, Place]] = [
        ("the project folder", project.root),
        ("the targets folder", project.targets_place),
        ("the references folder", project.references_place),
        *(("the home folder", home) for home in _homes()),
    ]
    for what, folder in folders:
        if _contains(output, folder):
            relation = "is" if _contains(folder, output) else "contains"
            raise _not_its_own(output, f"{relation} {what} {folder}")
    if _contains(project.references_place, output):  # its pictures would count as references
        raise _not_its_own(output, f"is in the references folder {project.references_place}")


def _not_its_own(output: Place, relation: str) -> SettingsError:
    return SettingsError(
        f"the output {output} {relation}, and results go into a folder of their own; give another "
        "--output"
    )


def _homes() -> set[Path]:
    """Of who started this, by the environment and by the system."""
    found = set()
    with suppress(RuntimeError):  # there is none
        found.add(Path.home())
    if sys.platform != "win32":
        with suppress(KeyError):
            found.add(Path(pwd.getpwuid(os.getuid()).pw_dir))
    return found


def _contains(outer: Place, inner: Place) -> bool:
    if isinstance(outer, Path) and isinstance(inner, Path):
        return inner.resolve().is_relative_to(outer.resolve())
    return f"{inner}/".startswith(f"{outer}/") and type(outer) is type(inner)


def _check_ledger(project: ProjectFolder) -> None:
    path = project.ledger_path
    if path.is_dir():
        raise SettingsError(f"the ledger {path} is a folder; give a file with --ledger")
    if path.name in {ANNOTATIONS_NAME, SETTINGS_NAME} or is_image_name(path.name):
        raise SettingsError(
            f"the ledger {path} has the name of something else; give a file with --ledger whose "
            "name ends in .db"
        )
    lock = lock_of_ledger(path)
    if is_ledger_elsewhere(project) and lock.exists() and (lock.is_dir() or lock.stat().st_size):
        raise SettingsError(  # locking would empty it
            f"{lock} is not the lock of a ledger but something else; give another --ledger"
        )


def _is_ours(project: ProjectFolder) -> bool:
    """Whether an output is that of a run, of 0.1 perhaps, whose ledger may lie elsewhere."""
    output = project.output_place
    if run_of_output(output) is not None:
        return True
    inside = output / LEDGER_NAME
    if isinstance(inside, Url):
        if inside.exists():
            return True
    elif holds_ledger(inside):
        Ledger.read(inside).close()  # which raises if it is something else of this name
        return True
    if not holds_ledger(project.ledger_path):
        return False
    with suppress(MaskcastError), Ledger.read(project.ledger_path) as ledger:
        check_identity(output, ledger)
        return bool(ledger.counts().done)
    return False


def _first_foreign(output: Place) -> str | None:
    return next((name for name in content_of(output) if name not in _BEGUN), None)
