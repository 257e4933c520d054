"""Pure functions on masks: run-length codes, boxes, components, label maps, overlap, the brush.

Masks are bool (H, W) in the oriented frame; a ``Cutout`` is a mask without the empty space round
it, for pictures on which there are many. Nothing here reads files or changes its arguments.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import cv2
import numpy as np
import numpy.typing as npt

from maskcast.types import LabelMap, Mask

Box = tuple[int, int, int, int]
"""``xmin, ymin, xmax, ymax`` in pixel edges: xmax and ymax are exclusive."""

# A run length of 63 bits takes 13 characters of 5 bits.
_MAX_CHARACTERS = 13


@dataclass(frozen=True)
class Component:
    """A connected region of a mask.

    Attributes:
        box: ``xmin, ymin, xmax, ymax`` in pixel edges.
        area: number of pixels, at least 1.
    """

    box: Box
    area: int


@dataclass(frozen=True, eq=False)
class Cutout:
    """The part of a mask that holds all its pixels.

    Attributes:
        box: ``xmin, ymin, xmax, ymax`` in pixel edges of the image, the smallest round the pixels.
        pixels: bool (ymax - ymin, xmax - xmin).
    """

    box: Box
    pixels: Mask

    @cached_property
    def area(self) -> int:
        """Number of pixels, at least 1."""
        return int(np.count_nonzero(self.pixels))

    @property
    def place(self) -> tuple[slice, slice]:
        """Rows and columns of the image that the box takes."""
        xmin, ymin, xmax, ymax = self.box
        return slice(ymin, ymax), slice(xmin, xmax)

    def on(self, shape: tuple[int, int]) -> Mask:
        """The whole mask, bool (H, W)."""
        mask = np.zeros(shape, np.bool_)
        mask[self.place] = self.pixels
        return mask

    def runs(self, shape: tuple[int, int]) -> npt.NDArray[np.int64]:
        """Lengths of the runs of the whole mask row by row, background first (0 if there is none).

        Args:
            shape: (H, W) of the whole mask.

        Returns:
            int64, which add up to H x W; an even number of them ends with pixels of the mask.
        """
        return _runs(self.pixels, (self.box[1], self.box[0]), shape)

    def rle(self, shape: tuple[int, int]) -> dict[str, Any]:
        """``encode_rle`` of the whole mask, without making it."""
        counts = _runs(self.pixels.T, (self.box[0], self.box[1]), shape[::-1])
        return {"size": list(shape), "counts": _pack(counts)}


def cut_out(mask: Mask) -> Cutout | None:
    """A bool (H, W) mask without the empty space round it, a view; None if it has no pixel."""
    box = bounding_box(mask)
    return None if box is None else Cutout(box, mask[box[1] : box[3], box[0] : box[2]])


@dataclass(frozen=True)
class RunLengths:
    """A mask as COCO's run-length code, checked, and what is known of it without its pixels.

    Nothing here but ``mask`` needs memory for more than the code, whatever size it claims.

    Attributes:
        height: of the mask, pixels.
        width: of the mask, pixels.
        counts: the compressed code, ASCII, column by column.
    """

    height: int
    width: int
    counts: str

    @classmethod
    def of(cls, mask: Mask) -> Self:
        """The code of a bool (H, W) mask."""
        height, width = mask.shape
        return cls(height, width, encode_rle(mask)["counts"])

    @classmethod
    def parse(cls, rle: Mapping[str, Any]) -> Self:
        """A code of COCO, compressed (str or bytes) or not (list of counts).

        Args:
            rle: ``{"size": [H, W], "counts": ...}``.

        Raises:
            ValueError: if the code is malformed or does not fill its size exactly.
        """
        height, width = _size(rle.get("size"))
        given = rle.get("counts")
        counts = _counts(given)
        ends = np.append(0, np.cumsum(counts))  # one that overflows is below 0 on its way
        pixels = height * width
        if np.any(counts < 0) or np.any((ends < 0) | (ends > pixels)) or ends[-1] != pixels:
            raise ValueError(f"counts: expected runs that fill {height} x {width} pixels exactly")
        text = given.decode("ascii") if isinstance(given, bytes) else given
        return cls(height, width, text if isinstance(text, str) else _pack(counts))

    def to_json(self) -> dict[str, Any]:
        """``{"size": [H, W], "counts": str}``."""
        return {"size": [self.height, self.width], "counts": self.counts}

    @property
    def shape(self) -> tuple[int, int]:
        """(H, W)."""
        return self.height, self.width

    @property
    def area(self) -> int:
        """Number of True pixels."""
        starts, ends = self.runs()
        return int((ends - starts).sum())

    @property
    def box(self) -> Box | None:
        """The smallest box around all True pixels; None if there are none."""
        starts, ends = self.runs()
        if starts.size == 0:
            return None
        first, last = starts // self.height, (ends - 1) // self.height
        top, bottom = starts % self.height, (ends - 1) % self.height + 1
        turns = bool(np.any(first < last))  # a run that goes on in the next column
        ymin, ymax = (0, self.height) if turns else (int(top.min()), int(bottom.max()))
        return int(first[0]), ymin, int(last[-1]) + 1, ymax

    @classmethod
    def of_runs(
        cls, starts: npt.NDArray[np.int64], ends: npt.NDArray[np.int64], shape: tuple[int, int]
    ) -> Self:
        """The code of runs as ``runs`` gives them, of a mask of ``shape`` (H, W)."""
        edges = np.stack([starts, ends], axis=1).ravel()
        counts = np.diff(edges, prepend=0, append=shape[0] * shape[1])
        is_cut = len(counts) > 1 and counts[-1] == 0  # the last run ends with the mask
        return cls(shape[0], shape[1], _pack(counts[:-1] if is_cut else counts))

    def runs(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Start and end of each run of True pixels, numbered down the columns; none is empty."""
        edges = np.cumsum(_unpack(self.counts.encode("ascii")))
        if edges.size % 2:
            edges = np.append(edges, edges[-1])
        if np.any(edges[1:] == edges[:-1]):  # where an empty run lies between two others
            edges, times = np.unique(edges, return_counts=True)
            edges = edges[times % 2 == 1]
        return edges[0::2], edges[1::2]

    def mask(self) -> Mask:
        """The pixels: bool (H, W)."""
        counts = _unpack(self.counts.encode("ascii"))
        flat = np.repeat(np.arange(len(counts)) % 2 == 1, counts)
        return np.ascontiguousarray(flat.reshape(self.width, self.height).T)

    def same_pixels(self, other: RunLengths) -> bool:
        """Whether both are the same mask; the same pixels can be written in several ways."""
        return self == other or (
            self.shape == other.shape and all(map(np.array_equal, self.runs(), other.runs()))
        )


def encode_rle(mask: Mask) -> dict[str, Any]:
    """COCO's compressed run-length code of a bool (H, W) mask, column by column.

    Returns:
        ``{"size": [H, W], "counts": str}``; the counts are ASCII.
    """
    cutout = cut_out(mask)
    if cutout is None:
        return {"size": list(mask.shape), "counts": _pack(np.array([mask.size], np.int64))}
    return cutout.rle(mask.shape)


def decode_rle(rle: Mapping[str, Any]) -> Mask:
    """The mask of a COCO run-length code; see ``RunLengths.parse``.

    Returns:
        bool (H, W).

    Raises:
        ValueError: if the code is malformed or does not fill its size exactly.
    """
    return RunLengths.parse(rle).mask()


def bounding_box(mask: Mask) -> Box | None:
    """The smallest box around all True pixels of a bool (H, W) mask; None if there are none."""
    rows = np.flatnonzero(mask.any(axis=1))
    if rows.size == 0:
        return None
    ymin, ymax = int(rows[0]), int(rows[-1]) + 1
    columns = np.flatnonzero(mask[ymin:ymax].any(axis=0))
    return int(columns[0]), ymin, int(columns[-1]) + 1, ymax


def components(mask: Mask, min_area: int = 1) -> list[Component]:
    """The 8-connected regions of at least ``min_area`` pixels.

    Args:
        mask: bool (H, W).
        min_area: smaller regions are left out.

    Returns:
        Ordered by their boxes, top to bottom, then left to right.
    """
    box = bounding_box(mask)
    if box is None:
        return []
    xmin, ymin, xmax, ymax = box  # most masks fill a small part of their image
    pixels = mask[ymin:ymax, xmin:xmax].view(np.uint8)
    _, _, stats, _ = cv2.connectedComponentsWithStats(pixels, connectivity=8)
    found = [
        Component((xmin + x, ymin + y, xmin + x + width, ymin + y + height), area)
        for x, y, width, height, area in stats[1:].tolist()
        if area >= min_area
    ]
    return sorted(found, key=reading_order)


def without_small_parts(mask: Mask, least: int) -> Mask:
    """A bool (H, W) mask without its 8-connected regions of less than ``least`` pixels."""
    box = bounding_box(mask)
    if box is None or least < 2:
        return mask
    xmin, ymin, xmax, ymax = box
    inside = np.ascontiguousarray(mask[ymin:ymax, xmin:xmax])
    count, labels = cv2.connectedComponents(inside.view(np.uint8), connectivity=8)
    kept = np.bincount(labels.ravel(), minlength=count) >= least
    kept[0] = False
    cleaned = np.zeros_like(mask)
    cleaned[ymin:ymax, xmin:xmax] = kept[labels]
    return cleaned


def split_components(cutout: Cutout) -> list[Cutout]:
    """The 8-connected regions of a mask, in the order of ``components``."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(
        cutout.pixels.view(np.uint8), connectivity=8
    )
    boxes = np.asarray(stats[1:, :4], np.int32)
    return [cutout] if count == 2 else cut_labels(np.asarray(labels), boxes, cutout.box[:2])


def cut_labels(
    labels: npt.NDArray[Any], boxes: npt.NDArray[np.int32], corner: tuple[int, int]
) -> list[Cutout]:
    """Each region of a picture of labels as a mask of its own.

    Args:
        labels: whole numbers (h, w), 0 = background, else 1..N.
        boxes: int32 (N, 4) ``x, y, width, height`` round each label.
        corner: x and y of the picture's corner in the image.

    Returns:
        In the order of ``components``.
    """
    parts = []
    for label, (x, y, width, height) in enumerate(boxes.tolist(), 1):
        left, top = corner[0] + x, corner[1] + y
        pixels = labels[y : y + height, x : x + width] == label
        parts.append(Cutout((left, top, left + width, top + height), pixels))
    return sorted(parts, key=reading_order)


def reading_order(part: Component | Cutout) -> tuple[object, ...]:
    """Top to bottom, then left to right, and the same in every run."""
    return part.box[1], part.box[0], part.box, part.area


def compose_label_map(
    object_ids: Sequence[int] | npt.NDArray[np.int32],
    masks: Sequence[Mask] | npt.NDArray[np.bool_],
    shape: tuple[int, int],
) -> LabelMap:
    """Lay masks over one another.

    Where masks overlap the object with the smaller area wins, and the lower id among equals: a
    particle on a scratch stays visible, the other way round it would vanish.

    Args:
        object_ids: K ids of 1..255.
        masks: K masks, bool (H, W) each.
        shape: (H, W), needed when K is 0.

    Returns:
        uint8 (H, W), 0 where no mask is.
    """
    label_map = np.zeros(shape, np.uint8)
    layers = [
        (np.count_nonzero(mask), int(object_id), mask)
        for object_id, mask in zip(object_ids, masks, strict=True)
    ]
    for _, object_id, mask in sorted(layers, key=lambda layer: layer[:2], reverse=True):
        label_map[mask] = object_id
    return label_map


def split_label_map(label_map: LabelMap) -> dict[int, Mask]:
    """The mask of each id in a uint8 (H, W) label map, ascending; empty if all is background."""
    present = np.flatnonzero(np.bincount(label_map.ravel(), minlength=1)[1:]) + 1
    return {object_id: label_map == object_id for object_id in present.tolist()}


def iou(first: Mask, second: Mask) -> float:
    """Intersection over union of two bool (H, W) masks; 1 if both are empty."""
    union = np.count_nonzero(first | second)
    return np.count_nonzero(first & second) / union if union else 1.0


def apply_brush(mask: Mask, paint: Mask | None, erase: Mask | None) -> Mask:
    """Brush strokes on top of a mask, all bool (H, W); where both are set, erase wins."""
    result = mask.copy()
    if paint is not None:
        result |= paint
    if erase is not None:
        result &= ~erase
    return result


def take_piece(mask: Mask, other: Mask, pixel: tuple[int, int], positive: bool) -> Mask:
    """A mask with a piece of another one: what hangs together with a pixel where they differ.

    Args:
        mask: bool (H, W), unchanged.
        other: bool (H, W), what it may become.
        pixel: row and column; it is as wanted afterwards, whatever ``other`` says.
        positive: whether the piece is added, else taken away.

    Returns:
        bool (H, W).
    """
    result = mask.copy()
    result[pixel] = positive
    differs = (other & ~mask if positive else mask & ~other).view(np.uint8)
    if differs[pixel]:
        _, labels = cv2.connectedComponents(differs, connectivity=8)
        result[labels == labels[pixel]] = positive
    return result


def _runs(pixels: Mask, corner: tuple[int, int], shape: tuple[int, int]) -> npt.NDArray[np.int64]:
    """Run lengths, row by row, of a picture of which only a part is not empty.

    Args:
        pixels: bool (h, w), the part.
        corner: row and column of its corner.
        shape: (H, W) of the picture.
    """
    height, width = shape
    top, left = corner
    # A column of background ends what would run on into the next row, unless the picture does.
    whole = pixels.shape[1] == width
    rows = pixels if whole else np.pad(pixels, ((0, 0), (0, 1)))
    flat = np.concatenate([[False], rows.ravel(), [False]])
    edges = np.flatnonzero(flat[1:] != flat[:-1])
    row, column = np.divmod(edges, rows.shape[1])
    places = (top + row) * width + left + column
    counts = np.diff(np.concatenate([[0], places, [height * width]])).astype(np.int64)
    return counts if counts[-1] else counts[:-1]


def _pack(counts: npt.NDArray[np.int64]) -> str:
    """Counts as COCO's string.

    From the fourth on, a count is stored as its difference to the one before the last. Numbers
    are cut into 5 bits, lowest first; bit 5 says that more follow, and bit 4 of the last is the
    sign. 48 is added to make it printable.
    """
    rest = counts.copy()
    rest[3:] -= counts[1:-2]
    characters = np.zeros((len(rest), _MAX_CHARACTERS), np.uint8)
    active = np.ones(len(rest), np.bool_)
    used = np.zeros(characters.shape, np.bool_)
    for column in range(_MAX_CHARACTERS):
        bits = rest & 31
        rest >>= 5
        more = active & (rest != np.where(bits & 16, -1, 0))
        characters[:, column] = bits + 32 * more + 48
        used[:, column] = active
        active = more
        if not active.any():
            break
    return characters[used].tobytes().decode("ascii")


def _unpack(text: bytes) -> npt.NDArray[np.int64]:
    """The counts in COCO's string; the inverse of ``_pack``."""
    codes = np.frombuffer(text, np.uint8).astype(np.int64) - 48
    if codes.size == 0:
        return codes
    last = codes & 32 == 0
    if codes.min() < 0 or codes.max() > 63 or not last[-1]:
        raise ValueError(f"counts: expected COCO's run-length characters, got {text[:20]!r}")
    ends = np.flatnonzero(last)
    starts = np.concatenate([[0], ends[:-1] + 1])
    lengths = ends - starts + 1
    if lengths.max() >= _MAX_CHARACTERS:
        raise ValueError(f"counts: expected numbers of pixels, got {text[:20]!r}")
    places = np.arange(codes.size) - np.repeat(starts, lengths)
    counts = np.add.reduceat((codes & 31) << (5 * places), starts)
    counts -= np.where(codes[ends] & 16, np.int64(1) << (5 * lengths), 0)
    counts[1::2] = np.cumsum(counts[1::2])
    counts[2::2] = np.cumsum(counts[2::2])
    return counts


def _size(size: object) -> tuple[int, int]:
    if (
        isinstance(size, list | tuple)
        and len(size) == 2
        and all(type(side) is int and side >= 0 for side in size)
    ):
        return size[0], size[1]
    raise ValueError(f"size: expected [height, width], got {size!r}")


def _counts(counts: object) -> npt.NDArray[np.int64]:
    if isinstance(counts, str):
        if not counts.isascii():
            raise ValueError(f"counts: expected ASCII, got {counts[:20]!r}")
        return _unpack(counts.encode("ascii"))
    if isinstance(counts, bytes):
        return _unpack(counts)
    if isinstance(counts, list) and all(type(run) is int and 0 <= run < 2**62 for run in counts):
        return np.asarray(counts, np.int64)
    raise ValueError(f"counts: expected a string or a list of counts, got {str(counts)[:20]!r}")
