"""``review``: what people decide of targets, for scripts; the web labeler has a tab for it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from maskcast.cli.options import (
    JsonOption,
    LedgerOption,
    OutputOption,
    ProjectArgument,
    ProjectOption,
    path_flags,
    print_json,
    say,
)
from maskcast.io.printable import counted, printable

if TYPE_CHECKING:
    from maskcast.project.folder import ProjectFolder
    from maskcast.review.applying import Applied
    from maskcast.review.decisions import Decision
    from maskcast.review.queue import Queued

review_app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Accept, reject and correct what a run found; decisions outlive every run.",
)

_AUDIT: Final = "audit"
"""The order of a sample that was drawn, see ``maskcast audit``."""

NamesArgument = Annotated[
    list[str] | None, typer.Argument(help="Targets as maskcast review list names them.")
]
WhoOption = Annotated[
    str | None, typer.Option("--who", help="Who decides; the name of this account unless given.")
]
ObjectOption = Annotated[
    list[int] | None, typer.Option("--object", min=1, max=255, help="Only this object id.")
]
OrderOption = Annotated[
    str, typer.Option("--order", help="useful (doubtful, like many others), doubt, name or audit.")
]


@review_app.command("list")
def list_all(
    project: ProjectArgument = Path(),
    decision: Annotated[
        str | None,
        typer.Option(
            "--decision", help="Only these: accepted, corrected, rejected, undecided or none."
        ),
    ] = None,
    output: OutputOption = None,
    ledger: LedgerOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the targets that are done and what was decided of each."""
    from maskcast.review.reviewing import count_review, results_to_review, standing

    opened = _open(project, output, ledger)
    with results_to_review(opened) as read:
        decided: Mapping[str, str] = standing(opened, read)
        names = sorted(read.digests())
    listed = [(name, decided.get(name)) for name in names]
    chosen = [
        (name, found)
        for name, found in listed
        if decision is None or found == (None if decision == "none" else decision)
    ]
    counts = count_review(opened)
    if as_json:
        targets = [{"image": name, "decision": found} for name, found in chosen]
        print_json({"counts": counts.to_json(), "targets": targets})
        return
    for name, found in chosen:
        say(f"{found or '-':10} {printable(name)}")
    say(", ".join(f"{word} {number}" for word, number in counts.to_json().items()), err=True)


@review_app.command("next")
def next_up(
    project: ProjectArgument = Path(),
    count: Annotated[int, typer.Option("--n", min=1, help="How many.")] = 1,
    order: OrderOption = "useful",
    again: Annotated[bool, typer.Option("--again", help="Undecided ones come again.")] = False,
    output: OutputOption = None,
    ledger: LedgerOption = None,
    as_json: JsonOption = False,
) -> None:
    """Name the targets to look at next, those that help most first."""
    opened = _open(project, output, ledger)
    if order == _AUDIT:
        names = _to_audit(opened)
        entries: list[dict[str, Any]] = [{"image": image_id} for image_id in names]
    else:
        queued = _queued(opened, order, again=again)
        entries = [{"image": entry.image_id, "doubt": round(entry.doubt, 4)} for entry in queued]
    if as_json:
        print_json(entries[:count])
        return
    for entry in entries[:count]:
        say(printable(entry["image"]))
    say(f"{counted(len(entries), 'target')} left", err=True)


def _queued(project: ProjectFolder, order: str, *, again: bool) -> list[Queued]:
    from maskcast.errors import SettingsError
    from maskcast.review.queue import QUEUE_ORDERS
    from maskcast.review.reviewing import waiting

    known = {name: name for name in QUEUE_ORDERS}
    if order not in known:
        raise SettingsError(f"--order: expected {', '.join(known)} or {_AUDIT}, got {order!r}")
    return waiting(project, known[order], again=again)


def _to_audit(project: ProjectFolder) -> list[str]:
    from maskcast.review.auditing import read_audit

    state = read_audit(project)
    return [] if state is None else state.left


@review_app.command()
def accept(
    names: NamesArgument = None,
    score_above: Annotated[
        float | None,
        typer.Option(
            "--score-above",
            min=0,
            max=1,
            help="All that nobody decided, where all that was found has at least this score.",
        ),
    ] = None,
    who: WhoOption = None,
    project: ProjectOption = Path(),
    output: OutputOption = None,
    ledger: LedgerOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say that the masks of targets are right."""
    from maskcast.errors import SettingsError
    from maskcast.review.reviewing import above

    if bool(names) == (score_above is not None):
        raise SettingsError("name the targets to accept, or give --score-above; not both")
    opened = _open(project, output, ledger)
    chosen = names or above(opened, score_above or 0.0)
    _decide(opened, chosen, "accepted", who, seen=bool(names), as_json=as_json)


@review_app.command()
def reject(
    names: Annotated[list[str], typer.Argument(help="Targets as maskcast review list names them.")],
    objects: ObjectOption = None,
    who: WhoOption = None,
    project: ProjectOption = Path(),
    output: OutputOption = None,
    ledger: LedgerOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say that nothing of what was found is there, or that an object is not; it goes."""
    opened = _open(project, output, ledger)
    _decide(opened, names, "rejected", who, objects=tuple(objects or ()), as_json=as_json)


@review_app.command()
def undecided(
    names: Annotated[list[str], typer.Argument(help="Targets as maskcast review list names them.")],
    who: WhoOption = None,
    project: ProjectOption = Path(),
    output: OutputOption = None,
    ledger: LedgerOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say that a person looked at targets and could not tell."""
    _decide(_open(project, output, ledger), names, "undecided", who, as_json=as_json)


@review_app.command()
def undo(
    names: NamesArgument = None,
    who: WhoOption = None,
    project: ProjectOption = Path(),
    output: OutputOption = None,
    ledger: LedgerOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take back the last decision of these targets, or your own last one."""
    from maskcast.review.reviewing import default_reviewer, take_back

    opened = _open(project, output, ledger)
    taken, applied = take_back(opened, who or default_reviewer(), names or ())
    if as_json:
        print_json([{"image": last.image_id, "taken_back": last.decision} for last in taken])
    for last in taken:
        say(f"{printable(last.image_id)} is not {last.decision} any more", err=True)
    _tell(applied)


def _decide(
    project: ProjectFolder,
    names: list[str],
    decision: Decision,
    who: str | None,
    *,
    objects: tuple[int, ...] = (),
    seen: bool = True,
    as_json: bool,
) -> None:
    from maskcast.review.reviewing import decide, default_reviewer

    reviewer = who or default_reviewer()
    applied = decide(project, names, decision, reviewer, objects=objects, seen=seen)
    if as_json:
        content: dict[str, Any] = {"decision": decision, "images": names}
        print_json({**content, "remarks": applied.remarks()})
    say(f"{decision}: {counted(len(set(names)), 'target')}", err=True)
    _tell(applied)


def _tell(applied: Applied) -> None:
    for remark in applied.remarks():
        say(remark, err=True)


def _open(project: Path, output: str | None, ledger: Path | None) -> ProjectFolder:
    from maskcast.project.folder import ProjectFolder

    return ProjectFolder.open(project, {"paths": path_flags(None, None, output, ledger)})
