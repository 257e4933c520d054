"""What a person can do to one object of one reference, as data.

The desktop window and the browser turn gestures into these edits; ``apply_edit`` is the only place
that knows what they mean, so the same gestures give the same annotation in both. All coordinates
are pixels of the original image, edges included: x in [0, W], y in [0, H].
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from maskcast.project.annotations import ObjectAnnotation
from maskcast.types import Mask, Prompts
from maskcast.ui.brush import stroke_mask

UNKNOWN: Final = 0
"""In place of an object id: the pixels that count neither as object nor as background."""

_SMALLEST_SIDE = 1.0
_SAME_BOX: Final = 0.5  # intersection over union from which a box takes the place of another


@dataclass(frozen=True)
class SetBox:
    """Draw a box round a thing, or change the box of one: two opposite corners, in any order.

    It is the box in hand, changed, if it keeps an upright and a level side of that, as a handle
    does; a box drawn anew that covers most of what one did takes its place; any other is of a
    further thing of the object.
    """

    x0: float
    y0: float
    x1: float
    y1: float


@dataclass(frozen=True)
class AddPoint:
    """Click on the object (``positive``) or beside it."""

    x: float
    y: float
    positive: bool


@dataclass(frozen=True)
class Stroke:
    """Paint or erase along a path.

    Attributes:
        path: (x, y) of the mouse, at least one.
        radius: of the brush, in pixels.
        erase: whether pixels are taken away.

    Raises:
        ValueError: if the path is empty or the radius is not above 0.
    """

    path: tuple[tuple[float, float], ...]
    radius: float
    erase: bool = False

    def __post_init__(self) -> None:
        if not self.path or not self.radius > 0:
            raise ValueError(
                f"stroke: expected a path and a radius above 0, got {len(self.path)} points and "
                f"radius {self.radius}"
            )


@dataclass(frozen=True)
class DeleteNearest:
    """Take away the prompt nearest to a place: a point, a box, or else what is brushed there.

    Where nothing is brushed, what is there from the start goes as far as it hangs together.

    Attributes:
        x: of the place.
        y: of the place.
        reach: most distance to a point or to the outline of the box, in pixels.
    """

    x: float
    y: float
    reach: float


@dataclass(frozen=True)
class Clear:
    """Take away everything of the object."""


Edit = SetBox | AddPoint | Stroke | DeleteNearest | Clear


def apply_edit(
    entry: ObjectAnnotation | None,
    edit: Edit,
    shape: tuple[int, int],
) -> ObjectAnnotation | None:
    """One object after an edit; ``entry`` itself is unchanged.

    A mask that came without prompts (an imported one, or what an engine found) is what the object
    starts from: boxes add to it, a click adds a piece or takes one away, and so does the brush.

    Args:
        entry: the object so far; None if there is nothing of it.
        edit: what the person did.
        shape: (H, W) of the image.

    Returns:
        The object with ``mask`` None, to be resolved; ``entry`` itself if the edit changes
        nothing (it is outside the image, say); None if nothing of the object is left.
    """
    before = Prompts() if entry is None else _adopted(entry)
    match edit:
        case SetBox():
            after = _set_box(before, edit, shape)
        case AddPoint():
            after = _add_point(before, edit, shape)
        case Stroke():
            after = _stroke(before, edit, shape)
        case DeleteNearest():
            after = _delete_nearest(before, edit)
        case Clear():
            after = before if before.is_empty else Prompts()
    if after is before:
        return entry
    return None if after.is_empty else ObjectAnnotation(after)


def apply_to_unknown(pixels: Mask | None, edit: Edit, shape: tuple[int, int]) -> Mask | None:
    """The unknown pixels of a reference after an edit, which paints, or fills a box.

    Args:
        pixels: bool (H, W) so far, unchanged; None if there are none.
        edit: what the person did; a point does nothing.
        shape: (H, W) of the image.

    Returns:
        ``pixels`` itself if the edit changes nothing; None if none are left.
    """
    match edit:
        case Stroke():
            drawn = stroke_mask(np.asarray(edit.path, np.float32), edit.radius, shape)
            after = _without(pixels, drawn) if edit.erase else _with(pixels, drawn)
        case SetBox():
            after = _with(pixels, _filled_box(edit, shape))
        case DeleteNearest():
            part = _component_at(pixels, edit.x, edit.y)
            after = pixels if part is None else _without(pixels, part)
        case Clear():
            after = None
        case AddPoint():
            return pixels
    if after is None or pixels is None:
        return after if after is None or after.any() else pixels
    return pixels if np.array_equal(after, pixels) else after


def _filled_box(edit: SetBox, shape: tuple[int, int]) -> Mask:
    """The pixels whose middle is between the corners."""
    x0, x1 = np.clip(np.rint(sorted((edit.x0, edit.x1))), 0, shape[1]).astype(int)
    y0, y1 = np.clip(np.rint(sorted((edit.y0, edit.y1))), 0, shape[0]).astype(int)
    inside = np.zeros(shape, np.bool_)
    inside[y0:y1, x0:x1] = True
    return inside


def _adopted(entry: ObjectAnnotation) -> Prompts:
    if not entry.has_prompts and entry.stored is not None and entry.stored.code.area:
        return Prompts(start=entry.mask)
    return entry.prompts


def _set_box(prompts: Prompts, edit: SetBox, shape: tuple[int, int]) -> Prompts:
    height, width = shape
    x0, x1 = np.clip(sorted((edit.x0, edit.x1)), 0, width)
    y0, y1 = np.clip(sorted((edit.y0, edit.y1)), 0, height)
    if min(x1 - x0, y1 - y0) < _SMALLEST_SIDE:
        return prompts
    box = np.array([x0, y0, x1, y1], np.float32)
    things = prompts.things
    place = _thing_of_box(prompts, box)
    if place is None:
        return _with_things(prompts, [Prompts(box), *things])
    if things[place].box is not None and np.array_equal(things[place].box, box):  # type: ignore[arg-type]
        return prompts
    return _with_things(prompts, _in_hand(things, place, replace(things[place], box=box)))


def _add_point(prompts: Prompts, edit: AddPoint, shape: tuple[int, int]) -> Prompts:
    if not (0 <= edit.x < shape[1] and 0 <= edit.y < shape[0]):
        return prompts
    point = np.array([[edit.x, edit.y]], np.float32)
    things = prompts.things or (Prompts(),)
    if prompts.start is not None and all(thing.box is not None for thing in things):
        things = (*things, Prompts())  # the points that correct what is there from the start
    has_start = prompts.start is not None
    place = min(
        range(len(things)), key=lambda index: _away(things[index], edit.x, edit.y, has_start)
    )
    thing = replace(
        things[place],
        points=np.concatenate([things[place].points, point]),
        point_labels=np.append(things[place].point_labels, edit.positive),
    )
    return _with_things(prompts, _in_hand(things, place, thing))


def _stroke(prompts: Prompts, edit: Stroke, shape: tuple[int, int]) -> Prompts:
    pixels = stroke_mask(np.asarray(edit.path, np.float32), edit.radius, shape)
    if not pixels.any():
        return prompts
    paint, erase = prompts.paint, prompts.erase
    if edit.erase:
        return replace(prompts, paint=_without(paint, pixels), erase=_with(erase, pixels))
    return replace(prompts, paint=_with(paint, pixels), erase=_without(erase, pixels))


def _delete_nearest(prompts: Prompts, edit: DeleteNearest) -> Prompts:
    things = list(prompts.things)
    points = [
        (away, place, index)
        for place, thing in enumerate(things)
        if (found := _nearest_point(thing, edit)) is not None
        for index, away in (found,)
    ]
    outlines = [
        (_distance_to_outline(thing.box, edit), place) for place, thing in enumerate(things)
    ]
    point, outline = min(points, default=None), min(outlines, default=(np.inf, 0))
    if point is not None and point[0] <= min(outline[0], edit.reach):
        thing = things[point[1]]
        kept = np.arange(len(thing.points)) != point[2]
        things[point[1]] = replace(
            thing, points=thing.points[kept], point_labels=thing.point_labels[kept]
        )
        return _with_things(prompts, things)
    if outline[0] <= edit.reach:
        things[outline[1]] = replace(things[outline[1]], box=None)
        return _with_things(prompts, things)
    paint = _component_at(prompts.paint, edit.x, edit.y)
    if paint is not None:
        return replace(prompts, paint=_without(prompts.paint, paint))
    begun = _component_at(prompts.start, edit.x, edit.y)
    if begun is not None:
        return replace(prompts, start=_without(prompts.start, begun))
    erase = _component_at(prompts.erase, edit.x, edit.y)
    if erase is not None:
        return replace(prompts, erase=_without(prompts.erase, erase))
    return prompts


def _with_things(prompts: Prompts, things: Iterable[Prompts]) -> Prompts:
    """The prompts with other things, of which the first is in hand; empty ones are left out."""
    kept = [thing for thing in things if thing.kinds]
    if prompts.start is not None:
        kept = _joined_points(kept)
    first, *others = kept or [Prompts()]
    return replace(
        first,
        paint=prompts.paint,
        erase=prompts.erase,
        start=prompts.start,
        others=tuple(others),
    )


def _joined_points(things: Sequence[Prompts]) -> list[Prompts]:
    """The things with all points that are in no box as one, since they correct the same mask."""
    loose = [thing for thing in things if thing.box is None]
    if len(loose) < 2:
        return list(things)
    joined = Prompts(
        points=np.concatenate([thing.points for thing in loose]),
        point_labels=np.concatenate([thing.point_labels for thing in loose]),
    )
    return [joined, *(thing for thing in things if thing.box is not None)]


def _in_hand(things: Sequence[Prompts], place: int, thing: Prompts) -> list[Prompts]:
    """The things with a changed one first."""
    return [thing, *things[:place], *things[place + 1 :]]


def _thing_of_box(prompts: Prompts, box: npt.NDArray[np.float32]) -> int | None:
    """The place among the things of the one that a box is drawn round; None for a new thing.

    Of a thing without a box it is, if a point on it is inside, or nearer than the box is long;
    not where such points correct what is there from the start.
    """
    reach = (box[2:] - box[:2]).max()
    things = prompts.things
    boxed = [(_overlap(thing.box, box), place) for place, thing in enumerate(things)]
    if things and things[0].box is not None and _keeps_sides(things[0].box, box):
        return 0
    if boxed and max(boxed)[0] >= _SAME_BOX:
        return max(boxed)[1]
    for place, thing in enumerate(things):
        on_it = thing.points[thing.point_labels]
        near = (on_it >= box[:2] - reach).all(axis=1) & (on_it <= box[2:] + reach).all(axis=1)
        if thing.box is None and prompts.start is None and near.any():
            return place
    return None


def _keeps_sides(before: npt.NDArray[np.float32], after: npt.NDArray[np.float32]) -> bool:
    return all(np.isin(before[side::2], after[side::2]).any() for side in (0, 1))


def _overlap(first: npt.NDArray[np.float32] | None, second: npt.NDArray[np.float32]) -> float:
    """Intersection over union of two boxes."""
    if first is None:
        return 0.0
    shared = np.clip(np.minimum(first[2:], second[2:]) - np.maximum(first[:2], second[:2]), 0, None)
    areas = [float(np.prod(box[2:] - box[:2])) for box in (first, second)]
    common = float(np.prod(shared))
    return common / (sum(areas) - common)


def _away(thing: Prompts, x: float, y: float, has_start: bool) -> tuple[float, float]:
    """How far a place is from a thing, and its size: of the boxes round it the smallest is meant.

    A place beside all boxes is of the nearest thing; of one without a box, from its points. Where
    there is a mask from the start, whatever is in no box is of that.
    """
    if thing.box is None and has_start:
        return 0.0, np.inf
    if thing.box is None:
        apart = thing.points - np.array([x, y], np.float32)
        return float(np.hypot(*apart.T).min(initial=np.inf)), 0.0
    xmin, ymin, xmax, ymax = thing.box.tolist()
    beside = max(xmin - x, x - xmax, 0), max(ymin - y, y - ymax, 0)
    return float(np.hypot(*beside)), (xmax - xmin) * (ymax - ymin)


def _with(stroke: Mask | None, pixels: Mask) -> Mask:
    return pixels if stroke is None else stroke | pixels


def _without(stroke: Mask | None, pixels: Mask) -> Mask | None:
    if stroke is None:
        return None
    rest: Mask = stroke & ~pixels
    return rest if rest.any() else None


def _nearest_point(prompts: Prompts, edit: DeleteNearest) -> tuple[int, float] | None:
    if len(prompts.points) == 0:
        return None
    distances = np.hypot(*(prompts.points - np.array([edit.x, edit.y], np.float32)).T)
    index = int(distances.argmin())
    return index, float(distances[index])


def _distance_to_outline(box: npt.NDArray[np.float32] | None, edit: DeleteNearest) -> float:
    if box is None:
        return np.inf
    xmin, ymin, xmax, ymax = box.tolist()
    beside = max(xmin - edit.x, edit.x - xmax), max(ymin - edit.y, edit.y - ymax)
    if max(beside) <= 0:
        return float(-max(beside))
    return float(np.hypot(max(beside[0], 0), max(beside[1], 0)))


def _component_at(stroke: Mask | None, x: float, y: float) -> Mask | None:
    """The 8-connected region of ``stroke`` that holds a place, if any."""
    if stroke is None:
        return None
    row, column = int(np.floor(y)), int(np.floor(x))
    inside = 0 <= row < stroke.shape[0] and 0 <= column < stroke.shape[1]
    if not inside or not stroke[row, column]:
        return None
    _, labels = cv2.connectedComponents(stroke.view(np.uint8), connectivity=8)
    part: Mask = labels == labels[row, column]
    return part
