"""The command line: thin commands over the same functions that Python users call.

Each command is a function in the module of its theme and is registered here. Commands import what
they need when they run, so that ``maskcast --help`` stays quick.
"""

from __future__ import annotations

import logging
import sys
import traceback
import warnings
from typing import Annotated

import typer

from maskcast import __version__
from maskcast.cli.audit import audit
from maskcast.cli.demo import demo
from maskcast.cli.doctor import doctor
from maskcast.cli.engines import engines_app
from maskcast.cli.exporting import export_results
from maskcast.cli.importing import import_annotations
from maskcast.cli.judging import report, selftest
from maskcast.cli.labelers import annotate, serve
from maskcast.cli.options import EXIT_ERROR, EXIT_OK, EXIT_STOPPED, say
from maskcast.cli.references import references_app
from maskcast.cli.review import review_app
from maskcast.cli.running import evaluate, run, status
from maskcast.cli.thresholds import rethreshold
from maskcast.errors import MaskcastError
from maskcast.io.printable import printable, printable_lines

_EXIT_USAGE = 2

app = typer.Typer(
    name="maskcast",
    help="Annotate a few reference images, get masks for thousands of targets.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command()(demo)
app.command()(annotate)
app.command()(serve)
app.command()(run)
app.command()(rethreshold)
app.command()(status)
app.command()(evaluate)
app.command()(selftest)
app.command()(report)
app.command()(audit)
app.command("import")(import_annotations)
app.command("export")(export_results)
app.add_typer(references_app, name="references")
app.add_typer(review_app, name="review")
app.add_typer(engines_app, name="engines")
app.command()(doctor)


def main() -> None:
    """Run the command line and exit: 0 done, 1 error, 3 some targets failed, 130 stopped."""
    _quiet_decoders()
    _escape_logs()
    arguments = sys.argv[1:]
    debug = "--debug" in arguments
    code: int | str | None = EXIT_OK
    try:
        app([argument for argument in arguments if argument != "--debug"], prog_name="maskcast")
    except SystemExit as end:
        code = EXIT_ERROR if end.code == _EXIT_USAGE else end.code
    except MaskcastError as error:
        say(traceback.format_exc() if debug else f"error: {printable(str(error))}", err=True)
        code = EXIT_ERROR
    if code == EXIT_STOPPED:
        typer.echo("stopped; nothing that was done is lost", err=True)
    sys.exit(code)


def _quiet_decoders() -> None:
    """Keep decoders from writing past us to stderr; what matters is in notes and reasons."""
    logging.getLogger("tifffile").setLevel(logging.CRITICAL)
    warnings.filterwarnings("ignore", module="PIL")


def _escape_logs() -> None:
    """Names in what is logged reach the terminal as harmless as those that are printed."""
    if logging.lastResort is not None:
        logging.lastResort.setFormatter(_Escaping())


class _Escaping(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return printable_lines(super().format(record))


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
