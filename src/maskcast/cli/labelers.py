"""``annotate`` and ``serve``: the labelers in a window and in a browser."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from maskcast.cli.options import (
    EXIT_STOPPED,
    DeviceOption,
    EngineOption,
    OutputOption,
    ProjectArgument,
    ReferencesOption,
    TargetsOption,
    WeightsOption,
    path_flags,
)
from maskcast.errors import SettingsError


def annotate(
    project: ProjectArgument = Path(),
    references: ReferencesOption = None,
    engine: EngineOption = None,
    weights: WeightsOption = None,
    device: DeviceOption = None,
) -> None:
    """Annotate the references in a window."""
    from maskcast.project.folder import ProjectFolder
    from maskcast.ui.desktop import annotate as annotate_in_window

    flags = {
        "engine": engine,
        "weights": weights,
        "device": device,
        "paths": path_flags(references, None, None),
    }
    annotate_in_window(ProjectFolder.open(project, flags))


def serve(
    project: Annotated[
        Path | None,
        typer.Argument(help="Project folder; without it, a new and empty one is made here."),
    ] = None,
    host: Annotated[
        str, typer.Option(help="Name or address to listen at; 0.0.0.0 is all of them.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes any free one.")] = 7860,
    auth: Annotated[
        str | None,
        typer.Option(
            metavar="USER:PASSWORD",
            help="Asked of everybody; others on this machine can read it in the list of "
            "processes, so better give --auth-file.",
        ),
    ] = None,
    auth_file: Annotated[
        Path | None,
        typer.Option(help="File whose first line is user:password."),
    ] = None,
    lang: Annotated[
        str | None, typer.Option(help="Texts in en or ko; as each browser asks unless given.")
    ] = None,
    references: ReferencesOption = None,
    targets: TargetsOption = None,
    output: OutputOption = None,
    engine: EngineOption = None,
    weights: WeightsOption = None,
    device: DeviceOption = None,
) -> None:
    """Annotate, run, review and download in a browser."""
    from maskcast.project.folder import ProjectFolder

    try:
        from maskcast.ui.web.options import ServeOptions, read_password

        password = read_password(auth, auth_file)
        from maskcast.ui.web.server import serve as serve_until_stopped
        from maskcast.ui.web.workspace import Workspace
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("maskcast"):
            raise
        raise SettingsError(
            f"the web labeler needs the package {error.name!r}, which is not installed; "
            "run: pip install 'maskcast[web]'"
        ) from error
    flags = {
        "engine": engine,
        "weights": weights,
        "device": device,
        "paths": path_flags(references, targets, output),
    }
    opened = ProjectFolder.open(_new_project() if project is None else project, flags)
    options = ServeOptions(host, port, password, lang)
    if serve_until_stopped(Workspace(opened, options.bounds), options):
        raise typer.Exit(EXIT_STOPPED)


def _new_project() -> Path:
    """An empty project folder, named by the time."""
    folder = Path(f"maskcast-{datetime.now():%Y%m%d-%H%M%S}")
    try:
        for name in ("references", "targets"):
            (folder / name).mkdir(parents=True)
    except OSError as error:
        raise SettingsError(
            f"the folder {folder} cannot be made here ({error.strerror}); "
            "give the folder of a project"
        ) from error
    return folder
