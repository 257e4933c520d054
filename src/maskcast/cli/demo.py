"""``demo``: a drawn project from start to end."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from maskcast.cli.options import (
    EngineOption,
    exit_code,
    print_evaluation,
    program,
    run_in_console,
    say,
)


def demo(
    folder: Annotated[Path, typer.Argument(help="Folder to make.")] = Path("maskcast-demo"),
    targets: Annotated[int, typer.Option(min=1, help="Targets to draw.")] = 60,
    seed: Annotated[int, typer.Option(help="Of the drawn pictures.")] = 0,
    engine: EngineOption = None,
) -> None:
    """Draw an inspection set, run on it, tell how well it went."""
    from maskcast.demo.example import write_demo_project
    from maskcast.interchange.importing import import_annotations
    from maskcast.project.folder import ProjectFolder
    from maskcast.results.evaluation import evaluate_output

    say(f"drawing references and {targets} targets into {folder}", err=True)
    drawn = write_demo_project(folder, seed, targets)
    opened = ProjectFolder.open(folder, {"engine": engine})
    import_annotations(opened, "masks", drawn.reference_truth)
    summary = run_in_console(opened)
    print_evaluation(
        evaluate_output(opened, drawn.target_truth),
        f"{summary.counts.done} targets against their true masks",
    )
    if summary.finished_now:
        say(f"{1000 * summary.seconds / summary.finished_now:.0f} ms per target, learning included")
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
