"""``export``: results in the formats of other tools. Its flags are made from ``ExportOptions``."""

from __future__ import annotations

import inspect
import signal
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from maskcast.cli.options import (
    EXIT_SOME_FAILED,
    JsonOption,
    LastProjectArgument,
    LedgerOption,
    OutputOption,
    SameProjectOption,
    TargetsOption,
    completed,
    path_flags,
    print_json,
    project_of,
    say,
)
from maskcast.errors import SettingsError
from maskcast.interchange.formats import FORMATS
from maskcast.interchange.options import ExportOptions, Option, options_by_name
from maskcast.io.printable import printable


def _spelled(command: Callable[..., None]) -> Callable[..., None]:
    """The command with a parameter for each option in the place of its ``**flags``."""
    hints = get_type_hints(command, include_extras=True)
    parameters = []
    for name, parameter in inspect.signature(command).parameters.items():
        if parameter.kind is inspect.Parameter.VAR_KEYWORD:
            continue
        parameters.append(parameter.replace(annotation=hints[name]))
    for option in options_by_name().values():
        parameters += _parameters(option)
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return command


def _parameters(option: Option) -> Iterator[inspect.Parameter]:
    """The parameter of an option, or one for each of its flags."""
    spelling = option.spelling
    for value, text in spelling.flags.items():
        name = _flag_name(option, value)
        yield _parameter(name, bool, False, _flag(name, text))
    if spelling.flags:
        return
    if option.kind is bool:
        yield _parameter(option.name, bool, option.default, _flag(option.name, spelling.help))
    elif option.choices or option.kind in {int, float}:
        yield _parameter(option.name, option.kind, option.default, _help(spelling.help))
    else:  # a flag takes a fixed number of values
        kind = tuple[float, float, float] | None
        yield _parameter(option.name, kind, option.default, _help(spelling.help))


def _parameter(name: str, kind: Any, default: object, info: Any) -> inspect.Parameter:  # noqa: ANN401
    place = inspect.Parameter.KEYWORD_ONLY
    return inspect.Parameter(name, place, default=default, annotation=Annotated[kind, info])


def _help(text: str) -> Any:  # noqa: ANN401 (what typer makes of it)
    return typer.Option(help=text)


def _flag(name: str, text: str) -> Any:  # noqa: ANN401
    """A flag without its opposite."""
    return typer.Option(f"--{name.replace('_', '-')}", help=text)


def _flag_name(option: Option, value: str) -> str:
    """``copy`` of ``pictures`` is ``--copy-images``."""
    return f"{value}_{_PLURALS[option.name]}"


_PLURALS = {"pictures": "images"}


def _options(flags: Mapping[str, Any]) -> ExportOptions:
    """The options that were given."""
    values = {}
    for option in options_by_name().values():
        if not option.spelling.flags:
            values[option.name] = flags[option.name]
            continue
        names = {value: _flag_name(option, value) for value in option.spelling.flags}
        given = [value for value, name in names.items() if flags[name]]
        if len(given) > 1:
            both = " and ".join(f"--{names[value].replace('_', '-')}" for value in given)
            raise SettingsError(f"{both} exclude each other; give one")
        values[option.name] = given[0] if given else option.default
    return ExportOptions(**values)


@_spelled
def export_results(
    format_name: Annotated[
        str,
        typer.Argument(
            metavar="FORMAT", help=", ".join(FORMATS), autocompletion=completed(FORMATS)
        ),
    ],
    dest: Annotated[Path, typer.Argument(help="Folder to make; if it exists it must be empty.")],
    project_argument: LastProjectArgument = None,
    project_option: SameProjectOption = None,
    targets: TargetsOption = None,
    output: OutputOption = None,
    ledger: LedgerOption = None,
    check: Annotated[
        bool, typer.Option("--check", help="Read the files back with the format's own reader.")
    ] = False,
    as_json: JsonOption = False,
    **flags: Any,  # noqa: ANN401 (made from ExportOptions)
) -> None:
    """Write the results in the format of another tool; needs no engine."""
    from maskcast.cli.console import shown_progress
    from maskcast.interchange.exporting import export_project
    from maskcast.project.folder import ProjectFolder

    project = project_of(project_argument, project_option)
    options = _options(flags)
    opened = ProjectFolder.open(project, {"paths": path_flags(None, targets, output, ledger)})
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that nothing half stays
    with shown_progress("exporting") as progress:
        summary = export_project(opened, format_name, dest, options, progress)
    if as_json:
        print_json(summary.to_json())
    else:
        for line in summary.notes():
            say(line, err=True)
    if check:
        from maskcast.interchange.readback import check_export

        say(printable(check_export(summary)), err=True)
    if not as_json:
        say(summary.counts(), err=True)
    if summary.unreadable:
        raise typer.Exit(EXIT_SOME_FAILED)
