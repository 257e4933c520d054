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
        print_json([one.to_json() for one in found])
        return
    for one in found:
        state = f"ready on {one.device}" if one.ready else "not ready"
        say(f"{one.name:10} {state}: {one.description or one.next_step}")
        if one.description and one.next_step:
            say(f"{'':10} {one.next_step}")
        for offer in one.weights:
            where = "downloaded" if offer.here else f"maskcast engines pull {offer.name}"
            say(f"{'':12} {offer.name:17} {offer.megabytes:5} MB  {offer.licence:11} {where}")


@engines_app.command()
def pull(
    name: Annotated[str, typer.Argument(help="Weights as maskcast engines lists them.")],
) -> None:
    """Download the weights of an engine."""
    from maskcast.engines.sam.weights import pull

    say(f"{name} is in {pull(name)}", err=True)
