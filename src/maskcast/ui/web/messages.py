"""What the page of the Annotate tab may ask, checked before anything is done.

A browser can send anything: each message is a model with bounds, and unknown keys are refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from maskcast.drawing.palette import parse_hex_color
from maskcast.errors import AnnotationError
from maskcast.types import MAX_OBJECT_ID
from maskcast.ui.edits import UNKNOWN, AddPoint, Clear, DeleteNearest, Edit, SetBox, Stroke
from maskcast.ui.session import Session

_FARTHEST = 10_000_000
_LONGEST_STROKE = 20_000
_LONGEST_NAME = 100

Place = Annotated[float, Field(ge=-_FARTHEST, le=_FARTHEST, allow_inf_nan=False)]
Length = Annotated[float, Field(gt=0, le=_FARTHEST, allow_inf_nan=False)]
ObjectId = Annotated[int, Field(ge=1, le=MAX_OBJECT_ID)]
ObjectOrUnknown = Annotated[int, Field(ge=UNKNOWN, le=MAX_OBJECT_ID)]
Count = Annotated[int, Field(ge=0)]


class Message(BaseModel):
    """Base of all messages."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class EditStep(Message):
    """Base of the steps that edit one object, or what is unknown."""

    object: ObjectOrUnknown

    def do(self, session: Session) -> None:
        """Apply it to the session."""
        session.select(self.object)
        session.apply(self.edit())

    def edit(self) -> Edit:
        """The edit it stands for."""
        raise NotImplementedError


class BoxStep(EditStep):
    """``SetBox``."""

    kind: Literal["box"]
    x0: Place
    y0: Place
    x1: Place
    y1: Place

    def edit(self) -> Edit:
        """The edit it stands for."""
        return SetBox(self.x0, self.y0, self.x1, self.y1)


class PointStep(EditStep):
    """``AddPoint``."""

    kind: Literal["point"]
    x: Place
    y: Place
    positive: bool

    def edit(self) -> Edit:
        """The edit it stands for."""
        return AddPoint(self.x, self.y, self.positive)


class StrokeStep(EditStep):
    """``Stroke``."""

    kind: Literal["stroke"]
    path: Annotated[
        tuple[tuple[Place, Place], ...], Field(min_length=1, max_length=_LONGEST_STROKE)
    ]
    radius: Length
    erase: bool

    def edit(self) -> Edit:
        """The edit it stands for."""
        return Stroke(self.path, self.radius, self.erase)


class DeleteStep(EditStep):
    """``DeleteNearest``."""

    kind: Literal["delete"]
    x: Place
    y: Place
    reach: Length

    def edit(self) -> Edit:
        """The edit it stands for."""
        return DeleteNearest(self.x, self.y, self.reach)


class ClearStep(EditStep):
    """``Clear``."""

    kind: Literal["clear"]

    def edit(self) -> Edit:
        """The edit it stands for."""
        return Clear()


class CleanStep(Message):
    """Mark the reference as clean, or take that back."""

    kind: Literal["clean"]
    clean: bool

    def do(self, session: Session) -> None:
        """Apply it to the session."""
        session.mark_clean(self.clean)


class UndoStep(Message):
    """Undo or redo."""

    kind: Literal["undo", "redo"]

    def do(self, session: Session) -> None:
        """Apply it to the session."""
        if self.kind == "undo":
            session.undo()
        else:
            session.redo()


Step = Annotated[
    BoxStep | PointStep | StrokeStep | DeleteStep | ClearStep | CleanStep | UndoStep,
    Field(discriminator="kind"),
]


class Start(Message):
    """A page was loaded; ``desk`` is the one it had before, if it was loaded again."""

    do: Literal["start"]
    desk: str | None = None


class DeskMessage(Message):
    """Base of what a page says at its desk; ``known`` are the keys of masks that it has."""

    desk: str
    known: tuple[Count, ...] = ()


class Open(DeskMessage):
    """Take a reference in hand."""

    do: Literal["open"]
    image: str


class Change(DeskMessage):
    """Edits of the reference in hand, numbered from 1 so that none is done twice."""

    do: Literal["change"]
    image: str
    number: Annotated[int, Field(ge=1)]
    steps: Annotated[tuple[Step, ...], Field(min_length=1, max_length=1000)]


class Preview(DeskMessage):
    """The masks that are missing after change ``number``."""

    do: Literal["preview"]
    number: Count


class Suggest(DeskMessage):
    """Fill in a reference that has nothing on it from those that are annotated."""

    do: Literal["suggest"]
    image: str


class Refresh(DeskMessage):
    """What others changed meanwhile."""

    do: Literal["refresh"]


class ListAll(Message):
    """All references and all objects."""

    do: Literal["list"]


class Picture(Message):
    """The picture of a reference, or a part of it in full: x0, y0, x1, y1."""

    do: Literal["picture"]
    image: str
    part: tuple[Count, Count, Count, Count] | None = None


class Thumbnails(Message):
    """Small pictures of references."""

    do: Literal["thumbnails"]
    images: Annotated[tuple[str, ...], Field(max_length=50)]


class NameObject(Message):
    """Name and colour an object."""

    do: Literal["name"]
    object: ObjectId
    name: Annotated[str, Field(max_length=_LONGEST_NAME)]
    color: str

    @field_validator("color")
    @classmethod
    def _hex(cls, color: str) -> str:
        parse_hex_color(color)
        return color


AnyMessage = Annotated[
    Start
    | Open
    | Change
    | Preview
    | Suggest
    | Refresh
    | ListAll
    | Picture
    | Thumbnails
    | NameObject,
    Field(discriminator="do"),
]


class _Envelope(BaseModel):
    message: AnyMessage


def parse_message(data: Mapping[str, Any]) -> AnyMessage:
    """What a page asks.

    Raises:
        AnnotationError: if it is none of the messages above; says where.
    """
    try:
        return _Envelope.model_validate({"message": data}).message
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"][1:])
        raise AnnotationError(
            f"the page asked for something unknown at {place}: {first['msg']}; load it again"
        ) from error
