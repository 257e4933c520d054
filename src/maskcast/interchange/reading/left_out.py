"""What an import leaves out: counted by kind, with one example each, or refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeVar

from maskcast.errors import AnnotationError

_Result = TypeVar("_Result")


class Kind(Enum):
    """Why something is left out: a name for programs, and the words after ``1`` and after ``2``."""

    FILE = "file", "file cannot be read", "files cannot be read"
    PICTURE = "picture", "image is not a reference", "images are not references"
    AMBIGUOUS = (
        "ambiguous",
        "image could be any of several references",
        "images could be any of several references",
    )
    TWICE = (
        "twice",
        "reference is annotated more than once, and differently",
        "references are annotated more than once, and differently",
    )
    SIZE = (
        "size",
        "image has another size than its reference",
        "images have another size than their references",
    )
    UNREADABLE = "unreadable", "picture cannot be read", "pictures cannot be read"
    OTHER_PICTURE = (
        "other picture",
        "reference of this name is another picture",
        "references of these names are other pictures",
    )
    NOTHING_LEFT = (
        "nothing left",
        "image shows nothing but what is left out",
        "images show nothing but what is left out",
    )
    NOT_ANNOTATED = (
        "not annotated",
        "image is not annotated",
        "images are not annotated",
    )
    NOT_A_MAP = (
        "not a map",
        "picture is neither a mask nor a label map",
        "pictures are neither masks nor label maps",
    )
    SECOND = (
        "second",
        "entry is of a reference that another entry fits better",
        "entries are of references that other entries fit better",
    )
    LINE = "line", "shape is a line, not an area", "shapes are lines, not areas"
    SOLID = (
        "solid",
        "shape is a cuboid, a skeleton or of another kind that is no area",
        "shapes are cuboids, skeletons or of other kinds that are no areas",
    )
    TRACK = "track", "shape is a track of a video", "shapes are tracks of a video"
    CORNERS = (
        "corners",
        "outline has fewer than three corners",
        "outlines have fewer than three corners",
    )
    EMPTY = "empty", "shape holds no pixel of its image", "shapes hold no pixel of their images"
    NUMBER = (
        "number",
        "shape has a number that cannot be: NaN, infinite or negative",
        "shapes have numbers that cannot be: NaN, infinite or negative",
    )
    SHARE = (
        "share",
        "row is not in shares of its image",
        "rows are not in shares of their images",
    )
    CODE = "code", "mask has a damaged code", "masks have damaged codes"
    CLASS = (
        "class",
        "shape is of a class that the file does not name",
        "shapes are of classes that the file does not name",
    )
    NO_LABEL = "no label", "shape has no label", "shapes have no label"
    OWNER = (
        "owner",
        "shape is of an image that the file does not list",
        "shapes are of images that the file does not list",
    )
    TURNED_PICTURE = (
        "turned picture",
        "shape was drawn on a turned image",
        "shapes were drawn on turned images",
    )
    MALFORMED = "malformed", "entry is malformed", "entries are malformed"

    def __init__(self, key: str, single: str, several: str) -> None:
        self.key = key
        self._one = single
        self._several = several

    def counted(self, number: int) -> str:
        """``1 shape is a line, not an area``."""
        return f"{number} {self._one if number == 1 else self._several}"


class MisfitError(AnnotationError):
    """Something that an import leaves out, or refuses if it is strict.

    Attributes:
        kind: why.
        example: what, in few words, such as ``a.json "edge"``.
        whole_image: whether nothing else of the image may be taken either.
    """

    def __init__(
        self, kind: Kind, example: str, sentence: str, *, whole_image: bool = False
    ) -> None:
        """Say it in few words and, for those who are strict, in a sentence."""
        super().__init__(sentence)
        self.kind = kind
        self.example = example
        self.whole_image = whole_image


@dataclass
class Tally:
    """How often something was left out.

    Attributes:
        kind: why.
        count: how often.
        example: the first of them.
        sentence: what a strict import says of the first of them.
    """

    kind: Kind
    count: int
    example: str
    sentence: str

    def describe(self) -> str:
        """``3 shapes are lines, not areas: a.json "edge"``."""
        return f"{self.kind.counted(self.count)}: {self.example}"

    def to_json(self) -> dict[str, Any]:
        """JSON-able."""
        what = self.kind.counted(self.count).partition(" ")[2]
        return {
            "kind": self.kind.key,
            "count": self.count,
            "what": what,
            "example": self.example,
        }


class LeftOut:
    """Collects what is left out; a strict one raises instead."""

    def __init__(self, *, strict: bool = False) -> None:
        """Nothing is left out yet."""
        self.strict = strict
        self._tallies: dict[Kind, Tally] = {}

    def add(self, misfit: AnnotationError, count: int = 1) -> None:
        """Count what was left out; an error that is no misfit tells of a malformed entry.

        Raises:
            AnnotationError: the error itself, if this is strict.
        """
        if self.strict:
            raise misfit
        kind, example = Kind.MALFORMED, str(misfit)
        if isinstance(misfit, MisfitError):
            kind, example = misfit.kind, misfit.example
        tally = self._tallies.setdefault(kind, Tally(kind, 0, example, str(misfit)))
        tally.count += count

    def tried(self, work: Callable[[], _Result]) -> _Result | None:
        """What the work comes to; None if it does not fit, which is counted."""
        try:
            return work()
        except AnnotationError as misfit:
            self.add(misfit)
            return None

    @property
    def total(self) -> int:
        """How much was left out."""
        return sum(tally.count for tally in self._tallies.values())

    def tallies(self) -> tuple[Tally, ...]:
        """What was left out, kind by kind, in the order of ``Kind``."""
        return tuple(self._tallies[kind] for kind in Kind if kind in self._tallies)
