"""The words of maskcast as types: frozen dataclasses over numpy arrays.

All coordinates are pixels of the original image in its oriented frame (EXIF applied): x to the
right, y down, ``(0, 0)`` the outer corner of the top-left pixel. Arrays are (row, column) =
(y, x) and are never modified after construction.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

RgbImage = npt.NDArray[np.uint8]
"""uint8 (H, W, 3), red-green-blue."""

Mask = npt.NDArray[np.bool_]
"""bool (H, W), True where the object is."""

Plane = npt.NDArray[np.uint8]
"""uint8 (H, W), how probable it is of each pixel that it is the object; see ``engines.planes``."""

LabelMap = npt.NDArray[np.uint8]
"""uint8 (H, W), pixel = object id, 0 = background."""

MAX_OBJECT_ID = 255
"""Object ids are 1..255, so that a label map fits one byte."""


@dataclass(frozen=True)
class ObjectSpec:
    """What one object id stands for.

    Attributes:
        object_id: 1..255, the same thing in every image.
        name: for people; free text.
        color: (red, green, blue), each 0..255.

    Raises:
        ValueError: if the id or the colour is out of range.
    """

    object_id: int
    name: str
    color: tuple[int, int, int]

    def __post_init__(self) -> None:
        check_object_id(self.object_id)
        if len(self.color) != 3 or not all(0 <= channel <= 255 for channel in self.color):
            raise ValueError(f"color: expected three numbers in 0..255, got {self.color!r}")


@dataclass(frozen=True)
class Prompts:
    """The prompts of one object in one image.

    Attributes:
        box: float32 (4,) ``xmin, ymin, xmax, ymax`` in pixel edges, or None.
        points: float32 (N, 2) ``x, y``; N may be 0.
        point_labels: bool (N,), True = on the object, False = not on it.
        paint: bool (H, W) pixels painted with the brush, or None.
        erase: bool (H, W) pixels erased with the brush, or None. Where both are set, erase wins.
        others: further things of the same object, each with a box and points of its own and
            nothing else. An engine is asked for each thing by itself, see ``things``.
        start: bool (H, W) that the object is to begin from, as an engine found it, say; or None.
            Without further prompts it is the mask; a point adds a piece to it or takes one away,
            a box adds what is in it.

    Raises:
        ValueError: if a shape is wrong, a coordinate is not finite, or one of ``others`` is empty
            or has more than a box and points.
    """

    box: npt.NDArray[np.float32] | None = None
    points: npt.NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, 2), np.float32))
    point_labels: npt.NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, np.bool_))
    paint: Mask | None = None
    erase: Mask | None = None
    others: tuple[Prompts, ...] = ()
    start: Mask | None = None

    def __post_init__(self) -> None:
        if not all(map(_is_thing, self.others)):
            raise ValueError("others: expected things with a box or points, and nothing else")
        if self.box is not None:
            _store(self, "box", np.asarray(self.box, np.float32), (4,))
        points = np.asarray(self.points, np.float32)
        _store(self, "points", points, (len(points), 2))
        _store(self, "point_labels", np.asarray(self.point_labels, np.bool_), (len(points),))
        shape = None
        for name in ("start", "paint", "erase"):
            pixels = getattr(self, name)
            if pixels is not None:
                shape = shape or pixels.shape
                _store(self, name, _as_mask(name, pixels), shape)
        for name, values in (("box", self.box), ("points", points)):
            if values is not None and not np.isfinite(values).all():
                raise ValueError(f"{name}: expected finite coordinates, got {values.tolist()}")

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to segment from."""
        return not self.kinds and self.start is None

    @property
    def kinds(self) -> frozenset[str]:
        """The kinds of prompt that are present: of ``box``, ``point``, ``brush``."""
        present = {
            "box": self.box is not None,
            "point": len(self.points) > 0,
            "brush": self.paint is not None or self.erase is not None,
        }
        own = frozenset(kind for kind, there in present.items() if there)
        return own.union(*(other.kinds for other in self.others))

    @property
    def things(self) -> tuple[Prompts, ...]:
        """What an engine is asked for by itself: a box and its points each, and nothing else."""
        own = Prompts(self.box, self.points, self.point_labels)
        return (*((own,) if own.kinds else ()), *self.others)

    def same_marks(self, other: Prompts) -> bool:
        """Whether boxes and points are the same, whatever is painted or there from the start."""
        return (
            (self.box is None) == (other.box is None)
            and (self.box is None or np.array_equal(self.box, other.box))  # type: ignore[arg-type]
            and np.array_equal(self.points, other.points)
            and np.array_equal(self.point_labels, other.point_labels)
            and len(self.others) == len(other.others)
            and all(map(Prompts.same_marks, self.others, other.others))
        )


@dataclass(frozen=True)
class Reference:
    """An annotated image, resolved to masks.

    Attributes:
        image_id: POSIX path relative to the references folder, suffix kept.
        image: uint8 (H, W, 3) RGB.
        masks: object id -> bool (H, W), without pixels that are unknown. Empty for a **clean
            reference**: nothing is on it.
        unknown: bool (H, W), pixels that count neither as object nor as background: they are
            taken out of the masks given; None if there are none.

    Raises:
        ValueError: if a mask's size is not the image's, or an id is out of range.
    """

    image_id: str
    image: RgbImage
    masks: Mapping[int, Mask]
    unknown: Mask | None = None

    def __post_init__(self) -> None:
        check_rgb(self.image)
        for object_id, mask in self.masks.items():
            check_object_id(object_id)
            _expect(
                f"mask of object {object_id} in {self.image_id}",
                self.image.shape[:2],
                _as_mask("mask", mask).shape,
            )
        if self.unknown is not None:
            _expect(
                f"unknown pixels of {self.image_id}",
                self.image.shape[:2],
                _as_mask("unknown", self.unknown).shape,
            )
            known = {key: mask & ~self.unknown for key, mask in self.masks.items()}
            object.__setattr__(self, "masks", known)

    @property
    def is_clean(self) -> bool:
        """Whether no object is on the image."""
        return not any(mask.any() for mask in self.masks.values())


@dataclass(frozen=True)
class Target:
    """An image to be masked.

    Attributes:
        image_id: POSIX path relative to the targets folder, suffix kept.
        path: where the file is.
    """

    image_id: str
    path: Path


@dataclass(frozen=True)
class MemoryBank:
    """What an engine derived from the references.

    Attributes:
        engine: name of the engine that made it.
        object_ids: ids the references show, ascending; no other id is ever predicted.
        fingerprint: sha256 (hex) over references, engine, options and weights.
        state: engine-private, never modified by ``propagate``.
    """

    engine: str
    object_ids: tuple[int, ...]
    fingerprint: str
    state: Any


@dataclass(frozen=True)
class Segmentation:
    """What an engine found in one target.

    Attributes:
        object_ids: int32 (K,), strictly ascending; K may be 0.
        masks: bool (K, H, W) at the target's size; masks may overlap.
        scores: float32 (K,) in [0, 1], expected IoU of each mask.
        right: float32 (K,) in [0, 1], probability that each mask's IoU is at least 0.5; None where
            nobody judged that, as in what engines give.
        signals: what the engine measured of each object beside its score, by name, float32 (K,);
            `quality` makes scores and probabilities of them.
        evidence: how far the picture's highest logits are above the threshold, for the object of
            which they are farthest, found or not: a verdict goes by it. None where it is not known.
        planes: object id -> probabilities, of objects that were not found, too; empty unless they
            were asked for, see ``engines.base.Probabilistic``.

    Raises:
        ValueError: if lengths disagree, ids are not ascending, or a score or a probability is out
            of range.
    """

    object_ids: npt.NDArray[np.int32]
    masks: npt.NDArray[np.bool_]
    scores: npt.NDArray[np.float32]
    right: npt.NDArray[np.float32] | None = None
    signals: Mapping[str, npt.NDArray[np.float32]] = field(default_factory=dict)
    planes: Mapping[int, Plane] = field(default_factory=dict)
    evidence: float | None = None

    def __post_init__(self) -> None:
        count = len(self.object_ids)
        _store(self, "object_ids", np.asarray(self.object_ids, np.int32), (count,))
        _store(self, "scores", np.asarray(self.scores, np.float32), (count,))
        if self.masks.ndim != 3 or self.masks.dtype != np.bool_:
            raise ValueError(
                f"masks: expected bool (K, H, W), got {self.masks.dtype} {self.masks.shape}"
            )
        _expect("number of masks", count, self.masks.shape[0])
        if np.any(np.diff(self.object_ids) <= 0):
            raise ValueError(f"object_ids: expected ascending, got {self.object_ids.tolist()}")
        if not np.all((self.scores >= 0) & (self.scores <= 1)):
            raise ValueError(f"scores: expected in [0, 1], got {self.scores.tolist()}")
        if self.right is not None:
            _store(self, "right", np.asarray(self.right, np.float32), (count,))
            if not np.all((self.right >= 0) & (self.right <= 1)):
                raise ValueError(f"right: expected in [0, 1], got {self.right.tolist()}")
        for name, values in self.signals.items():
            _expect(f"length of the signal {name}", (count,), values.shape)
        for key, plane in self.planes.items():
            _expect(f"shape of the plane of object {key}", self.masks.shape[1:], plane.shape)

    @classmethod
    def empty(cls, height: int, width: int) -> Segmentation:
        """Nothing found in an image of ``height`` x ``width`` pixels."""
        return cls(
            np.zeros(0, np.int32), np.zeros((0, height, width), np.bool_), np.zeros(0, np.float32)
        )


def _is_thing(prompts: Prompts) -> bool:
    """Whether there is a box or points, and nothing else."""
    has_more = prompts.others or prompts.start is not None or "brush" in prompts.kinds
    return bool(prompts.kinds) and not has_more


def check_object_id(object_id: int) -> None:
    """Raise ``ValueError`` unless ``object_id`` is in 1..255."""
    if not 1 <= object_id <= MAX_OBJECT_ID:
        raise ValueError(f"object id: expected 1..{MAX_OBJECT_ID}, got {object_id}")


def check_rgb(image: npt.NDArray[Any]) -> None:
    """Raise ``ValueError`` unless ``image`` is uint8 (H, W, 3) with at least one pixel."""
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or image.size == 0:
        raise ValueError(f"image: expected uint8 (H, W, 3), got {image.dtype} {tuple(image.shape)}")


def _as_mask(name: str, mask: npt.NDArray[Any]) -> Mask:
    if mask.dtype != np.bool_ or mask.ndim != 2:
        raise ValueError(f"{name}: expected bool (H, W), got {mask.dtype} {tuple(mask.shape)}")
    return mask


def _store(owner: object, name: str, array: npt.NDArray[Any], shape: tuple[int, ...]) -> None:
    """Keep ``array`` on a frozen dataclass after checking its shape."""
    _expect(f"{name} shape", shape, array.shape)
    object.__setattr__(owner, name, array)


def _expect(what: str, expected: object, actual: object) -> None:
    if expected != actual:
        raise ValueError(f"{what}: expected {expected}, got {actual}")
