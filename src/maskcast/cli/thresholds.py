"""``rethreshold``: other masks out of kept probabilities, without the engine."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from maskcast.cli.options import (
    EXIT_OK,
    EXIT_STOPPED,
    JsonOption,
    OutputOption,
    ProjectArgument,
    TargetsOption,
    path_flags,
    print_json,
    say,
)

if TYPE_CHECKING:
    from maskcast.project.folder import ProjectFolder
    from maskcast.runs.cuts import Cuts
    from maskcast.runs.rethresholding import CutSummary

_OF_OBJECT = "; for one object ID=VALUE (repeat it), for all VALUE."


def rethreshold(
    project: ProjectArgument = Path(),
    targets: TargetsOption = None,
    output: OutputOption = None,
    threshold: Annotated[
        list[str] | None,
        typer.Option(help="Probability above which a pixel is the object" + _OF_OBJECT),
    ] = None,
    smallest: Annotated[
        list[str] | None, typer.Option(help="Pixels of the smallest part kept" + _OF_OBJECT)
    ] = None,
    fill_holes: Annotated[
        list[str] | None, typer.Option(help="Fill holes of at most so many pixels" + _OF_OBJECT)
    ] = None,
    smooth: Annotated[
        list[str] | None, typer.Option(help="Smooth edges over so many pixels" + _OF_OBJECT)
    ] = None,
    calibrated: Annotated[
        bool, typer.Option("--calibrated", help="Forget what was chosen before.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Cut masks anew out of what run --keep-probabilities kept; settled targets stay."""
    from maskcast.project.folder import ProjectFolder

    opened = ProjectFolder.open(project, {"paths": path_flags(None, targets, output, None)})
    given = {
        "threshold": threshold or (),
        "smallest": smallest or (),
        "holes": fill_holes or (),
        "smooth": smooth or (),
    }
    summary = _rethreshold_in_console(opened, _chosen(opened, given, calibrated=calibrated))
    if as_json:
        print_json(summary.to_json())
    else:
        say(summary.describe(), err=True)
    raise typer.Exit(EXIT_OK if summary.is_complete else EXIT_STOPPED)


def _rethreshold_in_console(project: ProjectFolder, cuts: Cuts) -> CutSummary:
    """With a progress bar on stderr; Ctrl-C leaves the output as it was."""
    from rich.console import Console

    from maskcast.cli.console import ConsoleObserver
    from maskcast.results.verdicts import write_verdicts
    from maskcast.review.updating import rethreshold_project

    stop = threading.Event()
    observer = ConsoleObserver(Console(stderr=True), stop)
    with observer.shown():
        summary = rethreshold_project(project, observer, cuts, stop=stop)
        write_verdicts(project)
        return summary


def _chosen(
    project: ProjectFolder, given: Mapping[str, Sequence[str]], *, calibrated: bool
) -> Cuts:
    """What was chosen before, under what is given now."""
    from maskcast.errors import SettingsError
    from maskcast.runs.cuts import Cuts
    from maskcast.runs.kept_planes import read_calibration, read_cuts

    if not calibrated and not any(given.values()):
        raise SettingsError(
            "nothing is chosen; give --threshold, --smallest, --fill-holes or --smooth, or "
            "--calibrated to go back to what was calibrated"
        )
    output = project.output_place
    known = read_calibration(output) if isinstance(output, Path) else None
    all_ids = [str(key) for key in known.levels] if known is not None else []
    content = {} if calibrated else read_cuts(output).to_json()
    for name, texts in given.items():
        for text in texts:
            object_id, is_of_one, value = text.rpartition("=")
            for key in [object_id] if is_of_one else all_ids:
                content.setdefault(key, {})[name] = _number(name, value)
    return Cuts.from_json(content)


def _number(name: str, text: str) -> float | int:
    from maskcast.errors import SettingsError

    try:
        return float(text) if name == "threshold" else int(text)
    except ValueError as error:
        raise SettingsError(f"{name}: expected a number or ID=NUMBER, got {text!r}") from error
