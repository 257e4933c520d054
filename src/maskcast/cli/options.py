"""What the commands share: arguments, exit codes, how results are printed."""

from __future__ import annotations

import json
import re
import shutil
import sys
import threading
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from maskcast.project.folder import ProjectFolder
    from maskcast.quality.verdict import Goal
    from maskcast.results.evaluation import Evaluation
    from maskcast.runs.executor import Executor
    from maskcast.runs.generations import UpdateSummary
    from maskcast.runs.summary import RunSummary

from maskcast.io.printable import printable, printable_lines

EXIT_OK = 0
EXIT_ERROR = 1
EXIT_SOME_FAILED = 3
EXIT_STOPPED = 130

_NOT_PLAIN = re.compile(r"[^\n\x20-\x7e]")

ProjectArgument = Annotated[Path, typer.Argument(help="Project folder.")]
ProjectOption = Annotated[Path, typer.Option("--project", help="Project folder.")]
SameProjectOption = Annotated[
    Path | None, typer.Option("--project", help="Project folder, given in this way.")
]
LastProjectArgument = Annotated[
    Path | None, typer.Argument(metavar="[PROJECT]", help="Project folder; this one unless given.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON on stdout.")]
ReferencesOption = Annotated[
    str | None, typer.Option("--references", help="Folder or URL of reference images.")
]
TargetsOption = Annotated[
    str | None, typer.Option("--targets", help="Folder or URL of target images, any depth.")
]
EngineOption = Annotated[
    str | None,
    typer.Option("--engine", help="See maskcast engines; a run with auto takes the best."),
]
WeightsOption = Annotated[
    str | None,
    typer.Option(
        "--weights", help="Weights of the engine: a name as maskcast engines lists it, or a path."
    ),
]
DeviceOption = Annotated[str | None, typer.Option("--device", help="auto, cpu, cuda, mps.")]
OutputOption = Annotated[
    str | None, typer.Option("--output", help="Folder or URL for the results.")
]
AcceptDamagedOption = Annotated[
    bool,
    typer.Option(
        "--accept-damaged", help="Use what can be decoded of damaged pictures, with a note."
    ),
]
LedgerOption = Annotated[
    Path | None, typer.Option("--ledger", help="File of the ledger; in the output unless given.")
]


def project_of(argument: Path | None, option: Path | None) -> Path:
    """The project folder, given in one way or the other.

    Raises:
        SettingsError: if it is given in both and they differ.
    """
    from maskcast.errors import SettingsError

    if argument is not None and option is not None and argument != option:
        raise SettingsError(f"the project is given twice: {argument} and --project {option}")
    return argument or option or Path()


def completed(choices: Sequence[str]) -> Callable[[str], list[str]]:
    """What a shell offers for the begin of one of these."""

    def matching(incomplete: str) -> list[str]:
        return [choice for choice in choices if choice.startswith(incomplete)]

    return matching


def path_flags(
    references: str | Path | None,
    targets: str | Path | None,
    output: str | Path | None,
    ledger: Path | None = None,
) -> dict[str, Any]:
    """Flags for ``[paths]``; relative to where the command was started, not to the project."""
    from maskcast.io.storage import parse_place

    given = {"references": references, "targets": targets, "output": output}
    places = {name: None if text is None else parse_place(text) for name, text in given.items()}
    return {
        name: place.absolute() if isinstance(place, Path) else place
        for name, place in {**places, "ledger": ledger}.items()
    }


def run_in_console(
    project: ProjectFolder,
    *,
    limit: int | None = None,
    fresh: bool = False,
    redo: Collection[str] = (),
    redo_failed: bool = False,
    executor: Executor | None = None,
    shard_size: int | None = None,
    selftest: bool = True,
    goal: Goal | None = None,
) -> RunSummary:
    """Run with a progress bar on stderr; Ctrl-C finishes what is in flight."""
    from rich.console import Console

    from maskcast.cli.console import ConsoleObserver
    from maskcast.results.choosing import settled
    from maskcast.results.verdicts import write_verdicts
    from maskcast.review.applying import show_decisions
    from maskcast.runs.run import run_project

    stop = threading.Event()
    observer = ConsoleObserver(Console(stderr=True), stop)
    with observer.shown():
        project = settled(project, observer.note, fresh=fresh)
        summary = run_project(
            project,
            observer,
            limit=limit,
            fresh=fresh,
            redo=redo,
            redo_failed=redo_failed,
            stop=stop,
            executor=executor,
            shard_size=shard_size,
            selftest=selftest,
        )
        show_decisions(project, observer.note)
        for told in write_verdicts(project, goal):
            observer.note(told)
        return summary


def update_in_console(
    project: ProjectFolder,
    *,
    teach: int | None = None,
    executor: Executor | None = None,
    goal: Goal | None = None,
) -> UpdateSummary:
    """Make the next generation with a progress bar on stderr; Ctrl-C as in ``run_in_console``."""
    from rich.console import Console

    from maskcast.cli.console import ConsoleObserver
    from maskcast.results.choosing import settled
    from maskcast.results.verdicts import write_verdicts
    from maskcast.review.updating import update_project

    stop = threading.Event()
    observer = ConsoleObserver(Console(stderr=True), stop)
    with observer.shown():
        project = settled(project, observer.note)
        summary = update_project(project, observer, teach=teach, stop=stop, executor=executor)
        for told in write_verdicts(project, goal):
            observer.note(told)
        return summary


def program() -> str:
    """How this command line can be started again: its name, or its path where that is not known."""
    started = Path(sys.argv[0])
    if started.name == "__main__.py":
        return "python -m maskcast"
    if shutil.which("maskcast"):
        return "maskcast"
    return str(started)


def exit_code(summary: RunSummary) -> int:
    """What a run exits with."""
    if summary.stopped and summary.pending:
        return EXIT_STOPPED
    return EXIT_SOME_FAILED if summary.counts.failed else EXIT_OK


def say(text: str, *, err: bool = False) -> None:
    """Print lines for a person, on stdout or on stderr.

    A name that may hold a newline goes through ``printable`` before it is put into ``text``.
    """
    typer.echo(printable_lines(text), err=err)


def print_json(content: dict[str, Any] | list[dict[str, Any]]) -> None:
    """Machine output, on stdout; what a terminal would obey is escaped as JSON does it."""
    text = json.dumps(content, ensure_ascii=False, indent=2)
    typer.echo(_NOT_PLAIN.sub(_json_escaped, text))


def print_evaluation(evaluation: Evaluation, title: str) -> None:
    """A table on stdout, remarks on stderr."""
    from rich.console import Console

    from maskcast.cli.console import evaluation_table

    Console().print(evaluation_table(evaluation, title))
    for remark in evaluation.remarks():
        say(printable(remark), err=True)


def _json_escaped(match: re.Match[str]) -> str:
    character = match[0]
    shown = printable(character)
    return character if shown == character else json.dumps(character)[1:-1]
