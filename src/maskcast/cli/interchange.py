"""``import`` and ``export``: the formats of other tools."""

from __future__ import annotations

import signal
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from maskcast.cli.options import (
    EXIT_SOME_FAILED,
    AcceptDamagedOption,
    JsonOption,
    LedgerOption,
    OutputOption,
    ProjectOption,
    ReferencesOption,
    TargetsOption,
    path_flags,
    print_json,
    say,
)
from maskcast.errors import SettingsError
from maskcast.interchange.formats import FORMATS
from maskcast.interchange.reading.readers import READ_FORMATS
from maskcast.io.printable import printable

_NAMES = ", ".join(FORMATS)


class _Only(StrEnum):
    all = "all"
    accepted = "accepted"


def import_annotations(
    format_name: Annotated[str, typer.Argument(metavar="FORMAT", help=", ".join(READ_FORMATS))],
    source: Annotated[
        Path,
        typer.Argument(
            help="File or folder. masks: a folder of label maps or masks (PNG, TIFF, BMP, NPY, "
            "JPEG) named as the references; pixel = object id, black and white means id 1, all "
            "zero = clean reference."
        ),
    ],
    project: ProjectOption = Path(),
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
            help="Copy the pictures that the source tells of from this folder into the references."
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
    opened = ProjectFolder.open(
        project,
        {
            "images": {"accept_damaged": accept_damaged or None},
            "paths": path_flags(references, None, None),
        },
    )
    with CountedProgress(Console(stderr=True)) as progress:
        summary = import_annotations(opened, format_name, source, options, progress)
    if as_json:
        print_json(summary.to_json())
    else:
        typer.echo(summary.describe(), err=True)


def export_results(
    format_name: Annotated[str, typer.Argument(metavar="FORMAT", help=_NAMES)],
    dest: Annotated[Path, typer.Argument(help="Folder to make; if it exists it must be empty.")],
    project: ProjectOption = Path(),
    targets: TargetsOption = None,
    output: OutputOption = None,
    only: Annotated[
        _Only,
        typer.Option(
            help="all targets that are done, or those accepted: every score on them reaches "
            "--min-score."
        ),
    ] = _Only.all,
    min_score: Annotated[
        float, typer.Option(help="Leave out objects with a lower score, 0 to 1.")
    ] = 0.0,
    split: Annotated[
        tuple[float, float, float] | None,
        typer.Option(help="Shares of train, val and test that add up to 1, such as 0.8 0.1 0.1."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the split.")] = 0,
    copy_images: Annotated[
        bool, typer.Option("--copy-images", help="Copy the targets too, turned as EXIF says.")
    ] = False,
    link_images: Annotated[
        bool, typer.Option("--link-images", help="Link to the targets instead of copying them.")
    ] = False,
    polygons: Annotated[
        bool,
        typer.Option(
            "--polygons", help="Outlines instead of masks: coco, labelme, cvat, labelstudio."
        ),
    ] = False,
    tolerance: Annotated[
        float,
        typer.Option(help="Pixels by which outlines may leave the border; 0 keeps every pixel."),
    ] = 0.0,
    check: Annotated[
        bool, typer.Option("--check", help="Read the files back with the format's own reader.")
    ] = False,
    ledger: LedgerOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write the results in the format of another tool; needs no engine."""
    from maskcast.interchange.exporting import ExportOptions, export_project
    from maskcast.interchange.formats.records import WriteOptions
    from maskcast.project.folder import ProjectFolder

    if copy_images and link_images:
        raise SettingsError("--copy-images and --link-images exclude each other; give one")
    options = ExportOptions(
        only=only.value,
        min_score=min_score,
        split=split,
        seed=seed,
        pictures="copy" if copy_images else "link" if link_images else "none",
        write=WriteOptions(polygons, tolerance),
    )
    opened = ProjectFolder.open(project, {"paths": path_flags(None, targets, output, ledger)})
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that nothing half stays
    summary = export_project(opened, format_name, dest, options)
    if as_json:
        print_json(summary.to_json())
    else:
        say(summary.describe(), err=True)
    if check:
        from maskcast.interchange.readback import check_export

        say(printable(check_export(summary)), err=True)
    if summary.unreadable:
        raise typer.Exit(EXIT_SOME_FAILED)
