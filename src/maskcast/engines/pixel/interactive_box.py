"""What a box may mean: several hundred hypotheses, weighed against each other.

A person draws a box tightly: the right mask touches its four sides, hardly runs along them and does
not go on outside. Every cue map is cut at many thresholds and connected regions of each cut become
hypotheses; so do the regions that edges of a given strength seal off from the surroundings. A
linear score over a few measurements (how the region fits the box, how it stands out, how strong
the edges along it are) turns into a probability by softmax. The answer is not the most probable
hypothesis but the one with the highest *expected* intersection over union under that distribution.

The weights were found by maximising that expectation over measured images of many kinds and drawn
ones; each is the effect of one measurement, and leaving a kind of image out hardly moves them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from maskcast.engines.pixel.interactive_frame import Frame, Look, Plane, Rect, cue_maps
from maskcast.types import Mask

Measures = dict[str, float]

BOX_WEIGHTS: Measures = {
    "contact": -10.9,
    "gap_root": -11.5,
    "gap_mean": -12.2,
    "gap_max": -7.68,
    "crossing": -3.65,
    "fill": -0.185,
    "pieces": -1.28,
    "level": 4.07,
    "thickness": 63.6,
    "shell_color": 1.26,
    "shell_texture": 1.0,
    "color": 0.797,
    "texture": 0.860,
    "edge": 2.64,
    "outline_contrast": 0.537,
}
"""Effect of each measurement of a hypothesis on its log-probability."""

_SHARES = (0.015, 0.03, 0.05, 0.08, 0.12, 0.18, 0.26, 0.35, 0.45, 0.55, 0.65, 0.76, 0.88)
_EDGE_SHARES = tuple(np.linspace(0.3, 0.97, 13).tolist())
_PIECE_SHARE = 0.15
_SHORT_LIST = 48
_SAMPLES = 6000
_SQUARE = np.ones((3, 3), np.uint8)


@dataclass(frozen=True)
class Hypotheses:
    """What the object may be.

    Attributes:
        masks: bool (N, h, w), N may be 0.
        merits: float32 (N,), expected intersection over union with the object.
        belief: float32 (h, w) in [0, 1], probability of each pixel.
        maps: the cue maps they came from.
    """

    masks: npt.NDArray[np.bool_]
    merits: npt.NDArray[np.float32]
    belief: Plane
    maps: dict[str, Plane]

    def best(self) -> Mask | None:
        """The hypothesis to answer with, bool (h, w)."""
        if not len(self.masks):
            return None
        answer: Mask = self.masks[int(np.argmax(self.merits))]
        return answer


@dataclass(frozen=True)
class _Region:
    mask: Mask
    area: int
    measures: Measures


def box_hypotheses(frame: Frame, box: Rect) -> Hypotheses:
    """Hypotheses for the object in a box, given in frame pixels."""
    maps = cue_maps(frame)
    regions = list(_regions(frame, box, maps))
    if not regions:
        nothing = np.zeros((0, *frame.shape), np.bool_)
        return Hypotheses(nothing, np.zeros(0, np.float32), frame.inside.astype(np.float32), maps)
    promise = np.array([_score(region.measures) for region in regions])
    chosen = [regions[i] for i in np.argsort(-promise, kind="stable")[:_SHORT_LIST]]
    whole = Look.of(frame.channels, np.ones(frame.shape, np.uint8))
    for region in chosen:
        region.measures.update(_appearance(frame, region, whole))
    scores = np.array([_score(region.measures) for region in chosen])
    return weigh(np.stack([region.mask for region in chosen]), scores, maps)


def weigh(
    masks: npt.NDArray[np.bool_], scores: npt.NDArray[np.float64], maps: dict[str, Plane]
) -> Hypotheses:
    """Turn scores (N,) of masks (N, h, w) into probabilities and expected overlaps."""
    share = np.exp(scores - scores.max())
    share = (share / share.sum()).astype(np.float32)
    flat = masks.reshape(len(masks), -1).astype(np.float32)
    belief = (share @ flat).reshape(masks.shape[1:])
    some = flat[:, :: max(1, flat.shape[1] // _SAMPLES)]
    both = some @ some.T
    area = np.diag(both)
    overlap = both / (area[:, None] + area[None] - both + np.float32(1e-6))
    return Hypotheses(masks, overlap @ share, belief, maps)


def side_gaps(mask: Mask, box: Rect) -> npt.NDArray[np.float64]:
    """Distance of a mask from each side of a box, in box sides (0 = touches), (4,)."""
    left, top, width, height = cv2.boundingRect(mask.view(np.uint8))
    return _gaps((left, top, left + width, top + height), box)


def soft_log(value: float) -> float:
    """Logarithm that ends at about -3 for 0."""
    return float(np.log(max(value, 0.0) + 0.05))


def _score(measures: Measures) -> float:
    return sum(BOX_WEIGHTS[name] * value for name, value in measures.items())


def _cuts(frame: Frame, maps: dict[str, Plane]) -> Iterator[Mask]:
    """Nested binary pictures of the whole frame, map by map."""
    for cue in maps.values():
        ranked = np.sort(cue[frame.inside])
        if ranked[-1] - ranked[0] < 1e-6:
            continue
        for share in _SHARES:
            yield cue > ranked[int((1 - share) * (ranked.size - 1))]
    ring = ~frame.inside
    edges = np.sort(frame.gradient[frame.inside])
    if not ring.any() or edges[-1] - edges[0] < 1e-6:
        return
    for share in _EDGE_SHARES:
        open_ground = (frame.gradient <= edges[int(share * (edges.size - 1))]) | ring
        _, labels = cv2.connectedComponents(
            open_ground.view(np.uint8), connectivity=4, ltype=cv2.CV_16U
        )
        reached = np.zeros(int(labels.max()) + 1, np.bool_)
        reached[labels[ring]] = True
        yield ~reached[labels]


def _regions(frame: Frame, box: Rect, maps: dict[str, Plane]) -> Iterator[_Region]:
    """The widest component of every cut, and it together with the other large ones."""
    box_area = int(np.count_nonzero(frame.inside))
    for cut in _cuts(frame, maps):
        count, labels, table, _ = cv2.connectedComponentsWithStats(
            (cut & frame.inside).view(np.uint8), connectivity=8, ltype=cv2.CV_16U
        )
        if count < 2:
            continue
        stats = np.asarray(table, np.int32)
        areas = stats[:, cv2.CC_STAT_AREA]
        extent = stats[1:, cv2.CC_STAT_WIDTH] * stats[1:, cv2.CC_STAT_HEIGHT] + areas[1:]
        widest = 1 + int(np.argmax(extent))
        large = areas >= _PIECE_SHARE * areas[widest]
        large[0] = False
        choices = [(labels == widest, stats[widest : widest + 1])]
        if np.count_nonzero(large) > 1:
            choices.append((large[labels], stats[large]))
        level = max(0.01, float(areas[1:].sum()) / box_area)
        for mask, parts in choices:
            area = int(parts[:, cv2.CC_STAT_AREA].sum())
            measures = _fit_to_box(mask, parts, cut, box)
            measures["fill"] = float(np.log(area / box_area)) ** 2
            measures["level"], measures["pieces"] = level, float(np.log(count))
            yield _Region(mask, area, measures)


def _fit_to_box(mask: Mask, parts: npt.NDArray[np.int32], cut: Mask, box: Rect) -> Measures:
    """How a region touches the sides of the box, and whether its cut goes on outside.

    Args:
        mask: bool (h, w), inside the box.
        parts: (P, 5) statistics of its components, as OpenCV gives them.
        cut: bool (h, w), what it was taken from, outside the box too.
        box: in frame pixels.
    """
    left, top = parts[:, cv2.CC_STAT_LEFT], parts[:, cv2.CC_STAT_TOP]
    right, bottom = left + parts[:, cv2.CC_STAT_WIDTH], top + parts[:, cv2.CC_STAT_HEIGHT]
    bounds = int(left.min()), int(top.min()), int(right.max()), int(bottom.max())
    gaps = _gaps(bounds, box)
    touching, going_on = _border_pixels(mask, cut, box)
    around = 2 * (box[2] - box[0] + box[3] - box[1])
    return {
        "contact": touching / around,
        "crossing": going_on / max(1, touching),
        "gap_root": float(np.sqrt(gaps).mean()),
        "gap_mean": float(gaps.mean()),
        "gap_max": float(gaps.max()),
    }


def _gaps(bounds: Rect, box: Rect) -> npt.NDArray[np.float64]:
    x0, y0, x1, y1 = box
    left, right = (bounds[0] - x0) / (x1 - x0), (x1 - bounds[2]) / (x1 - x0)
    top, bottom = (bounds[1] - y0) / (y1 - y0), (y1 - bounds[3]) / (y1 - y0)
    return np.maximum([left, right, top, bottom], 0.0)


def _border_pixels(mask: Mask, cut: Mask, box: Rect) -> tuple[int, int]:
    """Pixels of a mask along the box, and those of them that go on outside the box in the cut.

    A side that lies on the border of the frame (of the image, then) counts for neither.
    """
    x0, y0, x1, y1 = box
    height, width = mask.shape
    lines = []
    if y0 > 0:
        lines.append((mask[y0, x0:x1], cut[y0 - 1, x0:x1]))
    if y1 < height:
        lines.append((mask[y1 - 1, x0:x1], cut[y1, x0:x1]))
    if x0 > 0:
        lines.append((mask[y0:y1, x0], cut[y0:y1, x0 - 1]))
    if x1 < width:
        lines.append((mask[y0:y1, x1 - 1], cut[y0:y1, x1]))
    touching = sum(int(np.count_nonzero(line)) for line, _ in lines)
    going_on = sum(int(np.count_nonzero(line & beyond)) for line, beyond in lines)
    return touching, going_on


def _appearance(frame: Frame, region: _Region, whole: Look) -> Measures:
    """How a region differs from a shell around it and from everything else in the frame."""
    pixels = region.mask.view(np.uint8)
    grown = cv2.dilate(pixels, _SQUARE)
    shell = cv2.dilate(grown, _SQUARE, iterations=2) - grown
    core = cv2.erode(pixels, _SQUARE, borderType=cv2.BORDER_CONSTANT, borderValue=0)
    edge = cv2.mean(frame.gradient, mask=grown - core)[0]
    outline = max(1, region.area - int(cv2.countNonZero(core)))
    own = Look.of(frame.channels, pixels)
    near, rest = own.contrast(Look.of(frame.channels, shell)), own.contrast(whole.without(own))
    color, roundness = near[:3].max(), float(np.log(outline**2 / region.area))
    return {
        "thickness": region.area / outline / float(np.sqrt(np.count_nonzero(frame.inside))),
        "shell_color": soft_log(float(np.hypot(near[1], near[2]))),
        "shell_texture": soft_log(float(near[3])),
        "color": soft_log(float(np.hypot(rest[1], rest[2]))),
        "texture": soft_log(float(rest[3])),
        "edge": soft_log(edge / frame.strong_edge),
        "outline_contrast": roundness * soft_log(float(color)),
    }
