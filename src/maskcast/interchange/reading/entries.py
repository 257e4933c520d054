"""What a format's reader makes of its files: entries, whose shapes are parsed when asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from maskcast.interchange.reading.areas import Area
from maskcast.interchange.reading.left_out import LeftOut
from maskcast.interchange.reading.shapes import Size
from maskcast.types import Prompts

ClassMeaning = int | Literal["background", "unknown"]
"""What a class of another tool is: an object id, nothing, or pixels of which nothing is known."""

ANY_SUFFIX = ".*"
"""Ends the name of a picture whose suffix a format does not say."""


@dataclass(frozen=True, eq=False)
class Shape:
    """One instance of a class on a picture: an area, or prompts for one.

    Attributes:
        label: name of its class; empty if the format knows only numbers.
        area: its pixels; None if there are only prompts.
        prompts: box and points, in pixel edges; empty beside an area.
        object_id: 1..255 where the format holds object ids; None where it holds names.
        is_unknown: whether these are pixels that count neither as object nor as background.
    """

    label: str
    area: Area | None = None
    prompts: Prompts = field(default_factory=Prompts)
    object_id: int | None = None
    is_unknown: bool = False


Part = Callable[[Size], Iterable[Shape]]
"""Parses a part of an entry, given the size of the picture; raises ``MisfitError`` to leave it out
and any other ``AnnotationError`` if it is malformed."""


@dataclass(frozen=True, eq=False)
class Entry:
    """What a file tells of one picture.

    Attributes:
        names: what the picture may be called, the likeliest first; one that ends in ``.*`` has any
            suffix. They are compared with the names of references and never opened.
        place: file and place in it, for sentences.
        parts: of what is on the picture; none for a picture on which nothing is.
        height: as the file has it; None if it does not say.
        width: as the file has it; None if it does not say.
        is_optional: whether this may be no entry at all, so that nothing is said of it if there
            is no such picture.
        handicap: how much worse this is than another entry of the same picture, beside how much
            the names differ.
    """

    names: tuple[str, ...]
    place: str
    parts: Iterable[Part] = ()
    height: int | None = None
    width: int | None = None
    is_optional: bool = False
    handicap: int = 0


@dataclass(frozen=True)
class ReadingOptions:
    """What a person told of the files.

    Attributes:
        classes: what classes are, by name; of pictures also by colour, such as ``#ff0000``, or by
            value.
        instances: whether every value above 0 of a label map is the same object.
        keeps_255: whether the project has an object 255, so that 255 does not mean unknown.
    """

    classes: Mapping[str, ClassMeaning] = field(default_factory=dict)
    instances: bool = False
    keeps_255: bool = False


@dataclass(frozen=True, eq=False)
class Source:
    """The entries of the files of one format.

    Attributes:
        entries: streamed, once.
        labels: class names in the order in which the format lists them; complete once all entries
            were read.
        notes: what was assumed, in sentences; complete once all parts were parsed.
        total: how many entries there are at most; None if nobody knows yet.
    """

    entries: Iterator[Entry]
    labels: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    total: int | None = None


Reader = Callable[[Path, ReadingOptions, LeftOut], Source]
"""Reads the files of a format; the message of an error names the file and the place."""
