"""``demo``: a drawn project from start to end."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from maskcast.cli.options import (
    EngineOption,
    WeightsOption,
    exit_code,
    path_flags,
    print_evaluation,
    program,
    run_in_console,
    say,
)

if TYPE_CHECKING:
    from maskcast.demo.example import DemoProject
    from maskcast.project.folder import ProjectFolder
    from maskcast.results.evaluation import Evaluation
    from maskcast.runs.summary import RunSummary


def demo(
    folder: Annotated[Path, typer.Argument(help="Folder to make.")] = Path("maskcast-demo"),
    targets: Annotated[int, typer.Option(min=1, help="Targets to draw.")] = 60,
    seed: Annotated[int, typer.Option(help="Of the drawn pictures.")] = 0,
    big: Annotated[
        bool, typer.Option("--big", help="One huge wafer with known particles as the target.")
    ] = False,
    side: Annotated[
        int, typer.Option(min=512, max=100_000, help="Of the huge wafer, pixels.")
    ] = 20_000,
    engine: EngineOption = None,
    weights: WeightsOption = None,
) -> None:
    """Draw an inspection set, run on it, tell how well it went.

    With an engine other than the default both run, and what it gains is told.
    """
    from maskcast.demo.example import write_big_project, write_demo_project
    from maskcast.interchange.importing import import_annotations
    from maskcast.project.folder import ProjectFolder

    if big:
        say(f"drawing references and a wafer of {side} x {side} pixels into {folder}", err=True)
        drawn = write_big_project(folder, seed, side)
    else:
        say(f"drawing references and {targets} targets into {folder}", err=True)
        drawn = write_demo_project(folder, seed, targets)
    opened = ProjectFolder.open(folder)
    import_annotations(opened, "masks", drawn.reference_truth)
    default = opened.settings.engine
    chosen = engine or default
    overrides = {"engine": chosen, "weights": weights}
    summary, evaluation = _run(ProjectFolder.open(folder, overrides), drawn)
    if chosen != default:
        plain = {"engine": default, "paths": path_flags(None, None, folder / f"output-{default}")}
        _, expected = _run(ProjectFolder.open(folder, plain), drawn)
        say(_gain((chosen, evaluation), (default, expected)))
    command = program()
    say(
        f"look at {folder / 'output' / 'overlays'}, then try:\n"
        f"  {command} status {folder}\n"
        f"  {command} evaluate {folder} --truth {drawn.target_truth}\n"
        f"  {command} run {folder} --threshold 0.5 --output {folder / 'output-0.5'}\n"
        f"  {command} annotate {folder}    (pip install 'maskcast[desktop]')\n"
        f"  {command} serve {folder}       (pip install 'maskcast[web]')"
    )
    raise typer.Exit(exit_code(summary))


def _run(project: ProjectFolder, drawn: DemoProject) -> tuple[RunSummary, Evaluation]:
    """Run with a project's engine, and tell how near to the true masks it came."""
    from maskcast.results.evaluation import evaluate_output

    summary = run_in_console(project)
    evaluation = evaluate_output(project, drawn.target_truth)
    print_evaluation(
        evaluation,
        f"{project.settings.engine}: {summary.counts.done} targets against their true masks",
    )
    if summary.finished_now:
        say(f"{1000 * summary.seconds / summary.finished_now:.0f} ms per target, learning included")
    return summary, evaluation


def _gain(chosen: tuple[str, Evaluation], default: tuple[str, Evaluation]) -> str:
    """What an engine gains over the default one on the same targets, in a sentence."""
    reached, expected = (found.overall.iou or 0.0 for _, found in (chosen, default))
    return (
        f"IoU over all objects: {reached:.3f} with {chosen[0]}, {expected:.3f} with {default[0]} "
        f"({reached - expected:+.3f})"
    )
