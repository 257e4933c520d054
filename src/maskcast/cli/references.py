"""``references``: which there are, and mending the list when pictures were renamed or deleted."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from maskcast.cli.options import (
    JsonOption,
    ProjectArgument,
    ProjectOption,
    ReferencesOption,
    path_flags,
    print_json,
    say,
)
from maskcast.io.printable import printable

if TYPE_CHECKING:
    from maskcast.project.folder import ProjectFolder
    from maskcast.project.inventory import FileChange, ReferenceEntry

references_app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="List the references; take one out of the annotation file or rename it there.",
)


@references_app.command("list")
def list_all(
    project: ProjectArgument = Path(),
    references: ReferencesOption = None,
    as_json: JsonOption = False,
) -> None:
    """List all references: annotated, clean, open (not annotated yet) and gone."""
    from maskcast.project.inventory import list_references

    entries = list_references(_open(project, references))
    if as_json:
        print_json([entry.to_json() for entry in entries])
        return
    for entry in entries:
        say(f"{entry.state:10} {printable(entry.image_id)}{_objects(entry)}")
    say(_counts(entries), err=True)


@references_app.command()
def drop(
    names: Annotated[
        list[str] | None, typer.Argument(help="References as maskcast references list names them.")
    ] = None,
    gone: Annotated[
        bool, typer.Option("--gone", help="All annotated ones whose pictures are gone.")
    ] = False,
    project: ProjectOption = Path(),
    references: ReferencesOption = None,
) -> None:
    """Take references out of the annotation file; pictures stay where they are."""
    from maskcast.errors import SettingsError
    from maskcast.project.inventory import drop_gone_references, drop_references

    if bool(names) == gone:
        raise SettingsError("name the references to drop, or give --gone; not both")
    opened = _open(project, references)
    change = drop_gone_references(opened) if gone else drop_references(opened, names or ())
    count = len(change.image_ids)
    say(f"dropped {count} reference{'' if count == 1 else 's'}{_kept(change)}", err=True)


@references_app.command()
def rename(
    old: Annotated[str, typer.Argument(help="Name in the annotation file.")],
    new: Annotated[str, typer.Argument(help="Name that the picture has now.")],
    project: ProjectOption = Path(),
    references: ReferencesOption = None,
) -> None:
    """Give an annotation to the picture's new name; the picture was renamed already."""
    from maskcast.project.inventory import rename_reference

    change = rename_reference(_open(project, references), old, new)
    say(f"{printable(old)} is {printable(new)} now{_kept(change)}", err=True)


def _open(project: Path, references: str | None) -> ProjectFolder:
    from maskcast.project.folder import ProjectFolder

    return ProjectFolder.open(project, {"paths": path_flags(references, None, None)})


def _objects(entry: ReferenceEntry) -> str:
    noun = "object" if len(entry.object_ids) == 1 else "objects"
    return f": {noun} {', '.join(map(str, entry.object_ids))}" if entry.object_ids else ""


def _counts(entries: list[ReferenceEntry]) -> str:
    from maskcast.project.inventory import ReferenceState

    counts = {state: sum(entry.state is state for entry in entries) for state in ReferenceState}
    return ", ".join(f"{state} {count}" for state, count in counts.items())


def _kept(change: FileChange) -> str:
    return "" if change.backup is None else f"; what was there is kept in {change.backup}"
