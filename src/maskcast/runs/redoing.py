"""Targets that a person wants to be done again, by name."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import PurePosixPath

from maskcast.errors import SettingsError
from maskcast.project.folder import ProjectFolder
from maskcast.runs.ledger import Ledger


def chosen_targets(
    project: ProjectFolder, ledger: Ledger, names: Collection[str], *, failed: bool
) -> frozenset[str] | None:
    """Image ids of the only targets to be done this time; None if nobody chose any.

    Args:
        project: whose targets they are.
        ledger: of its run.
        names: image ids, or names of results, as ``maskcast status`` and the output show them.
        failed: whether those that failed are chosen.

    Raises:
        SettingsError: if there is no target of a name.
        StorageError: if a store does not tell.
    """
    if not names and not failed:
        return None
    chosen = {_image_id(project, ledger, name) for name in names}
    return frozenset(chosen | ledger.failures().keys() if failed else chosen)


def _image_id(project: ProjectFolder, ledger: Ledger, name: str) -> str:
    image_id = name if ledger.row(name) is not None else ledger.image_id_of(name) or name
    parts = PurePosixPath(image_id).parts
    is_inside = bool(parts) and not image_id.startswith("/") and ".." not in parts
    if is_inside and (project.targets_place / image_id).exists():
        return image_id
    raise SettingsError(
        f"there is no target {name!r} in {project.targets_place}; name it as maskcast status "
        "does, or by its path in there"
    )
