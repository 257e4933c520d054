"""``import``: annotations from the formats of other tools."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from maskcast.cli.options import ProjectOption, ReferencesOption, path_flags, say
from maskcast.errors import SettingsError
from maskcast.interchange.formats import READ_FORMATS

_NAMES = ", ".join(READ_FORMATS)


def import_annotations(
    format_name: Annotated[str, typer.Argument(metavar="FORMAT", help=_NAMES)],
    source: Annotated[
        Path,
        typer.Argument(
            help="File or folder. masks: a folder of PNG label maps named as the references; "
            "pixel = object id, a 0/255 picture means id 1, all zero = clean reference."
        ),
    ],
    project: ProjectOption = Path(),
    references: ReferencesOption = None,
    classes: Annotated[
        list[str] | None,
        typer.Option(
            "--classes",
            help="Object id of a class, as name=id (repeat it), or a CSV file of name,id lines; "
            "else names the project knows, else ids that nothing has yet.",
        ),
    ] = None,
    merge: Annotated[
        bool,
        typer.Option("--merge", help="Add objects that are missing, keep those that are there."),
    ] = False,
    replace: Annotated[
        bool, typer.Option("--replace", help="Replace annotations that differ; keeps the old file.")
    ] = False,
) -> None:
    """Bring annotations of references into the project."""
    from maskcast.interchange.class_ids import read_classes
    from maskcast.interchange.importing import import_annotations
    from maskcast.project.folder import ProjectFolder

    if merge and replace:
        raise SettingsError("--merge and --replace exclude each other; give one")
    opened = ProjectFolder.open(project, {"paths": path_flags(references, None, None)})
    summary = import_annotations(
        opened,
        format_name,
        source,
        classes=read_classes(classes or []),
        conflict="merge" if merge else "replace" if replace else "refuse",
    )
    say(summary.describe(), err=True)
