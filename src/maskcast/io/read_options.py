"""How the pictures of a project are read: what its settings say, and nothing of a single file."""

from __future__ import annotations

from dataclasses import dataclass

DEFAULT_MAX_PIXELS = 200_000_000
"""Bound on width x height; RGB of that size takes 600 MB."""


@dataclass(frozen=True)
class ReadOptions:
    """What a reader of pictures is told.

    Attributes:
        max_pixels: pictures with more pixels are refused before they are decoded.
        page: which page of a TIFF that has several, from 1; None = the first, with a note.
        channel: which channel is shown as gray, from 1; None = gray or RGB as the file has it.
        accept_damaged: take what can be decoded of a damaged picture, with a note.
        trust_small_files: whether a few bytes may unpack to as many pixels as the bound allows.
            Label maps do, photographs never.
    """

    max_pixels: int = DEFAULT_MAX_PIXELS
    page: int | None = None
    channel: int | None = None
    accept_damaged: bool = False
    trust_small_files: bool = False


DEFAULT_OPTIONS = ReadOptions()
"""For a picture that no project's settings are about."""
