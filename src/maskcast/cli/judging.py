"""``selftest`` and ``report``: how good it will be before the run, and how it went after it."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from maskcast.cli.options import (
    DeviceOption,
    EngineOption,
    JsonOption,
    LedgerOption,
    OutputOption,
    ProjectArgument,
    ReferencesOption,
    WeightsOption,
    path_flags,
    print_json,
    say,
)
from maskcast.io.printable import printable

_ALL = ("all", "auto")


class LanguageName(StrEnum):
    """What people are spoken to in."""

    EN = "en"
    KO = "ko"


LanguageOption = Annotated[LanguageName, typer.Option(help="Language.")]


def selftest(
    project: ProjectArgument = Path(),
    references: ReferencesOption = None,
    engine: EngineOption = None,
    weights: WeightsOption = None,
    device: DeviceOption = None,
    as_json: JsonOption = False,
    lang: LanguageOption = LanguageName.EN,
) -> None:
    """Leave each reference out once: how good masks will be, and what would help most.

    With --engine all, every installed engine is tested that has what it needs.
    """
    from maskcast.cli.console import shown_progress
    from maskcast.engines.base import installed_engines
    from maskcast.errors import EngineError, EngineMissingError
    from maskcast.project.folder import ProjectFolder
    from maskcast.quality.advice import told
    from maskcast.results.selftesting import run_selftest

    names = sorted(installed_engines()) if engine in _ALL else [engine]
    tested = []
    for name in names:
        opened = ProjectFolder.open(
            project,
            {
                "engine": name,
                "weights": weights,
                "device": device,
                "paths": path_flags(references, None, None),
            },
        )
        try:
            with shown_progress("testing") as progressed:
                tested.append(run_selftest(opened, progressed))
        except (EngineMissingError, EngineError) as error:
            if engine not in _ALL:
                raise
            say(f"{name}: {printable(str(error))}", err=True)
    if as_json:
        print_json([{**each.selftest.to_json(), "pictures": str(each.pictures)} for each in tested])
        return
    for each in tested:
        say(printable(f"{each.selftest.engine}:"))
        for sentence in each.selftest.describe(each.names, lang.value):
            say(f"  {printable(sentence)}")
        say(printable(f"  {told('pictures', lang.value, folder=each.pictures)}"))


def report(
    project: ProjectArgument = Path(),
    output: OutputOption = None,
    ledger: LedgerOption = None,
    out: Annotated[
        Path | None, typer.Option(help="File to write; report.html in the project unless given.")
    ] = None,
    truth: Annotated[
        Path | None,
        typer.Option(help="True masks to compare with, as for evaluate; none unless given."),
    ] = None,
    lang: LanguageOption = LanguageName.EN,
) -> None:
    """Write one HTML page that tells how the run went; it can be mailed and printed."""
    from maskcast.project.folder import ProjectFolder
    from maskcast.results.report import write_report
    from maskcast.review.signing import review_sections

    opened = ProjectFolder.open(project, {"paths": path_flags(None, None, output, ledger)})
    reviewed = review_sections(opened, lang.value)
    say(printable(str(write_report(opened, out, lang.value, truth, reviewed))))
