"""``import``: annotations from the formats of other tools."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated

import typer

from maskcast.cli.options import (
    AcceptDamagedOption,
    JsonOption,
    LastProjectArgument,
    ReferencesOption,
    SameProjectOption,
    completed,
    path_flags,
    print_json,
    project_of,
)
from maskcast.errors import SettingsError
from maskcast.interchange.reading.readers import READ_FORMATS

_NAMES = ", ".join(READ_FORMATS)


def import_annotations(
    format_name: Annotated[
        str,
        typer.Argument(
            metavar="FORMAT", help=", ".join(READ_FORMATS), autocompletion=completed(READ_FORMATS)
        ),
    ],
    source: Annotated[
        Path,
        typer.Argument(
            help="File or folder. masks: a folder of label maps or masks (PNG, TIFF, BMP, NPY, "
            "JPEG) named as the references; pixel = object id, black and white means id 1, all "
            "zero = clean reference."
        ),
    ],
    project_argument: LastProjectArgument = None,
    project_option: SameProjectOption = None,
    references: ReferencesOption = None,
    classes: Annotated[
        list[str] | None,
        typer.Option(
            "--classes",
            help="What a class is, as name=id, name=unknown or name=background (repeat it), or a "
            "CSV file of name,id lines; else names the project knows, else ids that nothing has "
            "yet. Of pictures also by colour or value: '#ff0000=1', 128=2.",
        ),
    ] = None,
    take_images: Annotated[
        Path | None,
        typer.Option(
            help="Copy the pictures that the source tells of from this folder into the references; "
            "a project folder that does not exist is made."
        ),
    ] = None,
    take: Annotated[
        int | None,
        typer.Option(help="With --take-images: only so many, spread over the classes."),
    ] = None,
    instances: Annotated[
        bool,
        typer.Option(
            "--instances", help="masks: every value above 0 is the same object, as in Cellpose."
        ),
    ] = False,
    clean: Annotated[
        bool,
        typer.Option(
            "--clean", help="Not a single object in the source is meant: all its images are clean."
        ),
    ] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Refuse the whole source if anything does not fit.")
    ] = False,
    accept_damaged: AcceptDamagedOption = False,
    merge: Annotated[
        bool,
        typer.Option("--merge", help="Add objects that are missing, keep those that are there."),
    ] = False,
    replace: Annotated[
        bool, typer.Option("--replace", help="Replace annotations that differ; keeps the old file.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Bring annotations of references into the project: what fits is taken, the rest is told."""
    from rich.console import Console

    from maskcast.cli.progress import CountedProgress
    from maskcast.interchange.class_ids import read_classes
    from maskcast.interchange.importing import ImportOptions, import_annotations
    from maskcast.project.folder import ProjectFolder

    project = project_of(project_argument, project_option)
    if merge and replace:
        raise SettingsError("--merge and --replace exclude each other; give one")
    options = ImportOptions(
        classes=read_classes(classes or []),
        conflict="merge" if merge else "replace" if replace else "refuse",
        strict=strict,
        clean=clean,
        instances=instances,
        take_images=take_images,
        take=take,
    )
    with (
        _there(project, may_be_made=take_images is not None),
        CountedProgress(Console(stderr=True)) as progress,
    ):
        opened = ProjectFolder.open(
            project,
            {
                "paths": path_flags(references, None, None),
                "images": {"accept_damaged": accept_damaged or None},
            },
        )
        summary = import_annotations(opened, format_name, source, options, progress)
    if as_json:
        print_json(summary.to_json())
    else:
        typer.echo(summary.describe(), err=True)


@contextmanager
def _there(project: Path, *, may_be_made: bool) -> Iterator[None]:
    """The project's folder is there, made if it may be; gone again if nothing came into it."""
    is_made = may_be_made and not project.exists() and project.parent.is_dir()
    if is_made:
        project.mkdir()
    try:
        yield
    finally:
        if is_made:
            with suppress(OSError):  # it holds something now
                project.rmdir()
