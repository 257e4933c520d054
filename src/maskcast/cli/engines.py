"""``engines``: what is installed, and its weights."""

from __future__ import annotations

from typing import Annotated

import typer

from maskcast.cli.options import (
    JsonOption,
    print_json,
    say,
)

engines_app = typer.Typer(invoke_without_command=True, rich_markup_mode=None)


@engines_app.callback()
def engines(context: typer.Context, as_json: JsonOption = False) -> None:
    """List the engines: what is installed, what has weights, how to get the rest."""
    if context.invoked_subcommand is not None:
        return
    from maskcast.engines.catalog import list_engines

    found = list_engines()
    if as_json:
        print_json([entry.to_json() for entry in found])
        return
    for entry in found:
        state = f"ready on {entry.device}" if entry.ready else "not ready"
        say(f"{entry.name:10} {state}: {entry.description or entry.next_step}")
        if entry.promise:
            say(f"{'':10} the next step: {entry.promise}")
        if entry.description and entry.next_step:
            say(f"{'':10} {entry.next_step}")
        width = max((len(offer.name) for offer in entry.weights), default=0)
        for offer in entry.weights:
            where = "downloaded" if offer.here else f"maskcast engines pull {offer.name}"
            size = f"{offer.megabytes:5} MB"
            say(f"{'':12} {offer.name:{width}} {size}  {offer.licence:14} {where}")


@engines_app.command()
def pull(
    name: Annotated[str, typer.Argument(help="Weights as maskcast engines lists them.")],
) -> None:
    """Download the weights of an engine."""
    from maskcast.engines.catalog import pull

    say(f"{name} is in {pull(name)}", err=True)
