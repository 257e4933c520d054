"""The command line: thin commands over the same functions that Python users call.

Commands import what they need when they run, so that ``maskcast --help`` stays quick.
"""

from __future__ import annotations

import json
import logging
import sys
import threading
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from maskcast import __version__
from maskcast.errors import MaskcastError, SettingsError

if TYPE_CHECKING:
    from maskcast.evaluate import Evaluation
    from maskcast.project import Project
    from maskcast.runs.run import RunSummary

EXIT_OK = 0
EXIT_ERROR = 1
EXIT_SOME_FAILED = 3
EXIT_STOPPED = 130
_EXIT_USAGE = 2

app = typer.Typer(
    name="maskcast",
    help="Annotate a few reference images, get masks for thousands of targets.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

ProjectArgument = Annotated[Path, typer.Argument(help="Project folder.")]
ProjectOption = Annotated[Path, typer.Option("--project", help="Project folder.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON on stdout.")]
ReferencesOption = Annotated[
    Path | None, typer.Option("--references", help="Folder of reference images.")
]
TargetsOption = Annotated[
    Path | None, typer.Option("--targets", help="Folder of target images, any depth.")
]
OutputOption = Annotated[Path | None, typer.Option("--output", help="Folder for the results.")]


def main() -> None:
    """Run the command line and exit: 0 done, 1 error, 3 some targets failed, 130 stopped."""
    _quiet_decoders()
    arguments = sys.argv[1:]
    debug = "--debug" in arguments
    code: int | str | None = EXIT_OK
    try:
        app([argument for argument in arguments if argument != "--debug"], prog_name="maskcast")
    except SystemExit as end:
        code = EXIT_ERROR if end.code == _EXIT_USAGE else end.code
    except MaskcastError as error:
        if debug:
            raise
        typer.echo(f"error: {error}", err=True)
        code = EXIT_ERROR
    if code == EXIT_STOPPED:
        typer.echo("stopped; nothing that was done is lost", err=True)
    sys.exit(code)


def _quiet_decoders() -> None:
    """Keep decoders from writing past us to stderr; what matters is in notes and reasons."""
    logging.getLogger("tifffile").setLevel(logging.CRITICAL)
    warnings.filterwarnings("ignore", module="PIL")


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"maskcast {__version__}")
        raise typer.Exit


@app.callback()
def _common(
    _version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
    _debug: Annotated[
        bool,
        typer.Option(
            "--debug", help="Show the traceback of an error; works after the command too."
        ),
    ] = False,
) -> None:
    """Annotate a few reference images, get masks for thousands of targets."""


@app.command()
def run(
    project: ProjectArgument = Path(),
    references: ReferencesOption = None,
    targets: TargetsOption = None,
    output: OutputOption = None,
    engine: Annotated[str | None, typer.Option(help="See maskcast engines.")] = None,
    weights: Annotated[
        str | None,
        typer.Option(help="Weights of the engine: a name as maskcast engines lists it, or a path."),
    ] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu, cuda, mps.")] = None,
    batch_size: Annotated[
        str | None, typer.Option(help="Targets per engine call, or auto.")
    ] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="CPU threads.")] = None,
    threshold: Annotated[
        float | None,
        typer.Option(
            help="Probability between 0 and 1 above which a pixel is the object; "
            "calibrated on the references unless given."
        ),
    ] = None,
    max_pixels: Annotated[
        int | None, typer.Option(min=1, help="Refuse pictures with more pixels than this.")
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="At most so many targets this time.")
    ] = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Start again; the old output is moved aside.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Mask every target; goes on where an earlier run stopped."""
    from maskcast.project import Project

    opened = Project.open(
        project,
        {
            "engine": engine,
            "weights": weights,
            "device": device,
            "batch_size": _number_or_word(batch_size),
            "workers": workers,
            "threshold": threshold,
            "images": {"max_pixels": max_pixels},
            "paths": _paths(references, targets, output),
        },
    )
    summary = _run(opened, limit=limit, fresh=fresh)
    _print_summary(summary, as_json)
    raise typer.Exit(_exit_code(summary))


@app.command()
def status(
    project: ProjectArgument = Path(),
    targets: TargetsOption = None,
    output: OutputOption = None,
    as_json: JsonOption = False,
) -> None:
    """Tell what is done, empty, failed (with reasons) and pending."""
    from maskcast.project import Project
    from maskcast.status import read_status

    opened = Project.open(project, {"paths": _paths(None, targets, output)})
    found = read_status(opened)
    if as_json:
        _print_json(found.to_json())
    else:
        typer.echo(found.describe())


@app.command("import")
def import_annotations(
    format_name: Annotated[str, typer.Argument(metavar="FORMAT", help="masks")],
    source: Annotated[
        Path,
        typer.Argument(
            help="masks: a folder of PNG label maps named as the references; pixel = object id, a "
            "0/255 picture means id 1, all zero = clean reference."
        ),
    ],
    project: ProjectOption = Path(),
    references: ReferencesOption = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Replace annotations that differ; keeps the old file.")
    ] = False,
) -> None:
    """Bring annotations of references into the project."""
    from maskcast.importing import import_masks
    from maskcast.project import Project

    if format_name != "masks":
        raise SettingsError(f"there is no import format {format_name!r}; there is: masks")
    opened = Project.open(project, {"paths": _paths(references, None, None)})
    typer.echo(import_masks(opened, source, replace=replace).describe(), err=True)


@app.command()
def evaluate(
    truth: Annotated[
        Path, typer.Option(help="Folder of true label maps, named as the results in masks/.")
    ],
    project: ProjectArgument = Path(),
    output: OutputOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare the results with true masks."""
    from maskcast.evaluate import evaluate_output
    from maskcast.project import Project

    opened = Project.open(project, {"paths": _paths(None, None, output)})
    evaluation = evaluate_output(opened, truth)
    if as_json:
        _print_json(evaluation.to_json())
    else:
        _print_evaluation(evaluation, f"{evaluation.targets} targets of {opened.output_folder}")


engines_app = typer.Typer(invoke_without_command=True, rich_markup_mode=None)
app.add_typer(engines_app, name="engines")


@engines_app.callback()
def engines(context: typer.Context, as_json: JsonOption = False) -> None:
    """List the engines: what is installed, what has weights, how to get the rest."""
    if context.invoked_subcommand is not None:
        return
    from maskcast.engines.catalog import list_engines

    found = list_engines()
    if as_json:
        _print_json([one.to_json() for one in found])
        return
    for one in found:
        state = f"ready on {one.device}" if one.ready else "not ready"
        typer.echo(f"{one.name:10} {state}: {one.description or one.next_step}")
        if one.description and one.next_step:
            typer.echo(f"{'':10} {one.next_step}")
        for offer in one.weights:
            where = "downloaded" if offer.here else f"maskcast engines pull {offer.name}"
            typer.echo(
                f"{'':12} {offer.name:17} {offer.megabytes:5} MB  {offer.licence:11} {where}"
            )


@engines_app.command()
def pull(
    name: Annotated[str, typer.Argument(help="Weights as maskcast engines lists them.")],
) -> None:
    """Download the weights of an engine."""
    from maskcast.engines.sam.weights import pull

    typer.echo(f"{name} is in {pull(name)}", err=True)


@app.command()
def demo(
    folder: Annotated[Path, typer.Argument(help="Folder to make.")] = Path("maskcast-demo"),
    targets: Annotated[int, typer.Option(min=1, help="Targets to draw.")] = 60,
    seed: Annotated[int, typer.Option(help="Of the drawn pictures.")] = 0,
    engine: Annotated[str | None, typer.Option(help="See maskcast engines.")] = None,
) -> None:
    """Draw an inspection set, run on it, tell how well it went."""
    from maskcast.demo import write_demo_project
    from maskcast.evaluate import evaluate_output
    from maskcast.importing import import_masks
    from maskcast.project import Project

    typer.echo(f"drawing references and {targets} targets into {folder}", err=True)
    drawn = write_demo_project(folder, seed, targets)
    opened = Project.open(folder, {"engine": engine})
    import_masks(opened, drawn.reference_truth)
    summary = _run(opened)
    _print_evaluation(
        evaluate_output(opened, drawn.target_truth),
        f"{summary.counts.done} targets against their true masks",
    )
    if summary.finished_now:
        typer.echo(
            f"{1000 * summary.seconds / summary.finished_now:.0f} ms per target, learning included"
        )
    typer.echo(
        f"look at {folder / 'output' / 'overlays'}, then try:\n"
        f"  maskcast status {folder}\n"
        f"  maskcast evaluate {folder} --truth {drawn.target_truth}\n"
        f"  maskcast run {folder} --threshold 0.5 --output {folder / 'output-0.5'}"
    )
    raise typer.Exit(_exit_code(summary))


def _run(project: Project, *, limit: int | None = None, fresh: bool = False) -> RunSummary:
    from rich.console import Console

    from maskcast.console import ConsoleObserver
    from maskcast.runs.run import run_project

    stop = threading.Event()
    observer = ConsoleObserver(Console(stderr=True), stop)
    with observer.shown():
        return run_project(project, observer, limit=limit, fresh=fresh, stop=stop)


def _print_summary(summary: RunSummary, as_json: bool) -> None:
    if as_json:
        _print_json(summary.to_json())
    else:
        typer.echo(summary.describe(), err=True)


def _print_json(content: dict[str, Any] | list[dict[str, Any]]) -> None:
    typer.echo(json.dumps(content, ensure_ascii=False, indent=2))


def _exit_code(summary: RunSummary) -> int:
    if summary.stopped and summary.pending:
        return EXIT_STOPPED
    return EXIT_SOME_FAILED if summary.counts.failed else EXIT_OK


def _print_evaluation(evaluation: Evaluation, title: str) -> None:
    from rich.console import Console

    from maskcast.console import evaluation_table

    Console().print(evaluation_table(evaluation, title))
    for remark in evaluation.remarks():
        typer.echo(remark, err=True)


def _paths(references: Path | None, targets: Path | None, output: Path | None) -> dict[str, Any]:
    """Flags for ``[paths]``; relative to where the command was started, not to the project."""
    given = {"references": references, "targets": targets, "output": output}
    return {name: None if path is None else path.absolute() for name, path in given.items()}


def _number_or_word(text: str | None) -> int | str | None:
    return int(text) if text is not None and text.isdigit() else text
