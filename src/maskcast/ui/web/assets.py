"""Files of the package that go to the browser as they are."""

from __future__ import annotations

from importlib.resources import files


def asset(name: str) -> str:
    """The text of one file in ``static``."""
    return files(__package__).joinpath("static", name).read_text("utf-8")
