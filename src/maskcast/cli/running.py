"""``run``, ``status`` and ``evaluate``: the targets."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from maskcast.cli.options import (
    AcceptDamagedOption,
    DeviceOption,
    EngineOption,
    JsonOption,
    LedgerOption,
    OutputOption,
    ProjectArgument,
    ReferencesOption,
    TargetsOption,
    WeightsOption,
    exit_code,
    path_flags,
    print_evaluation,
    print_json,
    run_in_console,
    say,
    update_in_console,
)
from maskcast.io.printable import printable

if TYPE_CHECKING:
    from maskcast.project.folder import ProjectFolder
    from maskcast.runs.executor import Executor
    from maskcast.runs.generations import UpdateSummary
    from maskcast.runs.summary import RunSummary


class ExecutorName(StrEnum):
    """Where a run computes."""

    LOCAL = "local"
    RAY = "ray"


def run(
    project: ProjectArgument = Path(),
    references: ReferencesOption = None,
    targets: TargetsOption = None,
    output: OutputOption = None,
    engine: EngineOption = None,
    weights: WeightsOption = None,
    device: DeviceOption = None,
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
    min_area: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=2**31 - 1,
            help="Pixels of the smallest part of a mask that counts as found; by what the "
            "references show unless given, 1 = all.",
        ),
    ] = None,
    keep_probabilities: Annotated[
        str | None,
        typer.Option(
            metavar="SIZE",
            help="Keep probabilities beside the results, at most so much (like 2GB), so that "
            "maskcast rethreshold needs no engine.",
        ),
    ] = None,
    max_pixels: Annotated[
        int | None, typer.Option(min=1, help="Refuse pictures with more pixels than this.")
    ] = None,
    tile: Annotated[
        str | None,
        typer.Option(
            help="Mask targets that are larger tile by tile: pixels of a tile's side, or auto."
        ),
    ] = None,
    halo: Annotated[
        int | None,
        typer.Option(min=0, help="Pixels around a tile that the engine is shown as well."),
    ] = None,
    accept_damaged: AcceptDamagedOption = False,
    limit: Annotated[
        int | None, typer.Option(min=1, max=2**31 - 1, help="At most so many targets this time.")
    ] = None,
    fresh: Annotated[
        bool,
        typer.Option("--fresh", help="Start again; the old output and its ledger are moved aside."),
    ] = False,
    redo: Annotated[
        list[str] | None,
        typer.Option(
            "--redo",
            metavar="NAME",
            help="Do only this target, again if it is done (repeat it); named as status does.",
        ),
    ] = None,
    redo_failed: Annotated[
        bool, typer.Option("--redo-failed", help="Do only the targets that failed.")
    ] = False,
    update: Annotated[
        bool,
        typer.Option(
            "--update",
            help="Let what was corrected teach, and do again what nobody settled, as the next "
            "generation.",
        ),
    ] = False,
    teach: Annotated[
        int | None,
        typer.Option(
            "--teach", min=1, help="With --update: so many settled targets become references."
        ),
    ] = None,
    back: Annotated[
        bool, typer.Option("--back", help="Return to the generation before; nothing is computed.")
    ] = False,
    annotate: Annotated[
        bool, typer.Option("--annotate", help="Annotate the references in a window first.")
    ] = False,
    executor: Annotated[
        ExecutorName, typer.Option(help="Where to compute: this process, or Ray workers.")
    ] = ExecutorName.LOCAL,
    address: Annotated[
        str | None,
        typer.Option(help="Ray cluster to use; RAY_ADDRESS or one on this machine unless given."),
    ] = None,
    gpus_per_worker: Annotated[
        float | None,
        typer.Option(
            "--num-gpus-per-worker", min=0, help="GPUs, or part of one, for each Ray worker."
        ),
    ] = None,
    max_workers: Annotated[
        int | None, typer.Option(min=1, help="Most Ray workers; as many as fit unless given.")
    ] = None,
    shards: Annotated[
        bool, typer.Option("--shards", help="Pack the results into WebDataset tar files.")
    ] = False,
    max_miss: Annotated[
        float | None,
        typer.Option(
            min=0, max=1, help="Share of defective targets that verdicts.csv may call ok."
        ),
    ] = None,
    max_false_alarm: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Share of clean targets that it may call a defect."),
    ] = None,
    no_selftest: Annotated[
        bool,
        typer.Option("--no-selftest", help="Do not tell first how good it will be."),
    ] = False,
    shard_size: Annotated[
        int, typer.Option(min=1, help="Targets in a shard, with --shards.")
    ] = 500,
    ledger: LedgerOption = None,
    as_json: JsonOption = False,
) -> None:
    """Mask every target; goes on where an earlier run stopped."""
    from maskcast.project.folder import ProjectFolder
    from maskcast.quality.verdict import Goal

    opened = ProjectFolder.open(
        project,
        {
            "engine": engine,
            "weights": weights,
            "device": device,
            "batch_size": _number_or_word(batch_size),
            "workers": workers,
            "threshold": threshold,
            "tiles": {"side": _number_or_word(tile), "halo": halo},
            "min_area": min_area,
            "keep_probabilities": keep_probabilities,
            "images": {"max_pixels": max_pixels, "accept_damaged": accept_damaged or None},
            "paths": path_flags(references, targets, output, ledger),
        },
    )
    if update or back or teach is not None:
        _check_alone(update, back, teach, others=fresh or redo_failed or shards or bool(redo))
    if back:
        _go_back(opened, as_json)
        return
    if annotate:
        from maskcast.ui.desktop import annotate as annotate_in_window

        annotate_in_window(opened)
    place = _executor(executor, address, gpus_per_worker, max_workers)
    if update:
        renewed = update_in_console(
            opened, teach=teach, executor=place, goal=Goal(max_miss, max_false_alarm)
        )
        _print_summary(renewed, as_json)
        raise typer.Exit(exit_code(renewed.run))
    summary = run_in_console(
        opened,
        limit=limit,
        fresh=fresh,
        redo=redo or (),
        redo_failed=redo_failed,
        executor=place,
        shard_size=shard_size if shards else None,
        selftest=not no_selftest,
        goal=Goal(max_miss, max_false_alarm),
    )
    _print_summary(summary, as_json)
    raise typer.Exit(exit_code(summary))


def status(
    project: ProjectArgument = Path(),
    targets: TargetsOption = None,
    output: OutputOption = None,
    ledger: LedgerOption = None,
    as_json: JsonOption = False,
) -> None:
    """Tell what is done, empty, failed (with reasons) and pending."""
    from maskcast.project.folder import ProjectFolder
    from maskcast.results.status import read_status

    opened = ProjectFolder.open(project, {"paths": path_flags(None, targets, output, ledger)})
    found = read_status(opened)
    if as_json:
        print_json(found.to_json())
    else:
        say(found.describe())


def evaluate(
    truth: Annotated[
        Path,
        typer.Option(
            help="Folder of true label maps, named as the results in masks/; or an "
            "annotations.json, or the folder that holds it."
        ),
    ],
    project: ProjectArgument = Path(),
    output: OutputOption = None,
    ledger: LedgerOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare the results with true masks."""
    from maskcast.project.folder import ProjectFolder
    from maskcast.results.evaluation import evaluate_output

    opened = ProjectFolder.open(project, {"paths": path_flags(None, None, output, ledger)})
    evaluation = evaluate_output(opened, truth)
    if as_json:
        print_json(evaluation.to_json())
    else:
        print_evaluation(evaluation, f"{evaluation.targets} targets of {opened.output_place}")


def _check_alone(update: bool, back: bool, teach: int | None, *, others: bool) -> None:
    from maskcast.errors import SettingsError

    if (update and back) or (teach is not None and not update) or others:
        raise SettingsError(
            "--update (with --teach N) and --back stand alone: leave --fresh, --redo, "
            "--redo-failed and --shards out, and give only one of the two"
        )


def _go_back(project: ProjectFolder, as_json: bool) -> None:
    from maskcast.review.updating import return_to_earlier

    generation = return_to_earlier(project, lambda told: say(printable(told), err=True))
    if as_json:
        print_json({"output": str(project.output_place), "generation": generation})
    say(f"{project.output_place} holds generation {generation} again", err=True)


def _print_summary(summary: RunSummary | UpdateSummary, as_json: bool) -> None:
    if as_json:
        print_json(summary.to_json())
    else:
        say(summary.describe(), err=True)


def _executor(
    name: ExecutorName,
    address: str | None,
    gpus_per_worker: float | None,
    max_workers: int | None,
) -> Executor:
    from maskcast.errors import SettingsError
    from maskcast.runs.executor import LocalExecutor
    from maskcast.runs.ray import RayExecutor

    if name is ExecutorName.RAY:
        return RayExecutor(address, gpus_per_worker, max_workers)
    if (address, gpus_per_worker, max_workers) != (None, None, None):
        raise SettingsError(
            "--address, --num-gpus-per-worker and --max-workers are for Ray; add --executor ray"
        )
    return LocalExecutor()


def _number_or_word(text: str | None) -> int | str | None:
    return int(text) if text is not None and text.isdigit() else text
