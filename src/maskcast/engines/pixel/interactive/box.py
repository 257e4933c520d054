"""What a box may mean: several hundred hypotheses, weighed against each other.

A person draws a box tightly: the right mask touches its four sides, hardly runs along them and does
not go on outside. Every cue map is cut at many thresholds and connected regions of each cut become
hypotheses; so do the regions that edges of a given strength seal off from the surroundings. A
linear score over a few measurements (how the region fits the box, how it stands out, how strong
the edges along it are) turns into a probability by softmax. The answer is not the most probable
hypothesis but the one with the highest *expected* intersection over union under that distribution.

How far the fitted weights carry over is in docs/adr/0003.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from maskcast.engines.pixel.filters import SQUARE_3, SQUARE_7, Plane
from maskcast.engines.pixel.interactive.fitted import BoxWeights, WeightSet
from maskcast.engines.pixel.interactive.frame import Floats, Frame, Look, cue_maps
from maskcast.masks import Box
from maskcast.types import Mask

Measures = dict[str, Floats]
"""Name of a measurement -> float64 (N,), one value per region."""


@dataclass(frozen=True)
class BoxConstants:
    """Fixed by hand, with ``benchmarks/interactive.py`` on the measuring packs (docs/adr/0003).

    Attributes:
        shares: a cue map is cut so that these shares of the box lie above.
        halfway_shares: and halfway between the surroundings and the levels of these shares.
        edge_shares: edges seal off at the steepness that these shares of the box stay below.
        piece_share: area, against the widest component, of those that belong to it.
        short_list: regions whose appearance is looked at.
        doubt: what is left of the probability of a hypothesis that a click contradicts.
        samples: about so many pixels say how masks overlap.
        mean_pixels: about so many pixels say what a mean over a mask is.
    """

    shares: tuple[float, ...] = (0.02, 0.045, 0.09, 0.15, 0.24, 0.36, 0.52, 0.7, 0.88)
    halfway_shares: tuple[float, ...] = (0.1, 0.5)
    edge_shares: tuple[float, ...] = tuple(np.linspace(0.3, 0.97, 8).tolist())
    piece_share: float = 0.15
    short_list: int = 40
    doubt: float = 0.1
    samples: int = 3000
    mean_pixels: int = 7000


_FIXED = BoxConstants()


@dataclass(frozen=True)
class Hypotheses:
    """What the object may be.

    Attributes:
        masks: bool (N, h, w), N may be 0.
        share: float32 (N,), probability of each; sums to 1.
        overlap: float32 (N, N), intersection over union of each with each.
        belief: float32 (h, w) in [0, 1], probability of each pixel.
        maps: the cue maps they came from.
    """

    masks: npt.NDArray[np.bool_]
    share: Plane
    overlap: Plane
    belief: Plane
    maps: dict[str, Plane]

    @property
    def merits(self) -> Plane:
        """float32 (N,), expected intersection over union of each with the object."""
        return self.overlap @ self.share

    def merits_of(self, masks: npt.NDArray[np.bool_]) -> Plane:
        """The same of any masks, bool (K, h, w); 1 if there is no hypothesis."""
        if not len(self.masks):
            return np.ones(len(masks), np.float32)
        return _overlap(_sample(masks), _sample(self.masks)) @ self.share

    def best(self) -> Mask | None:
        """The hypothesis to answer with, bool (h, w)."""
        if not len(self.masks):
            return None
        answer: Mask = self.masks[int(np.argmax(self.merits))]
        return answer

    def doubt(self, wrong: npt.NDArray[np.bool_]) -> Hypotheses:
        """The same with less trust in some, bool (N,)."""
        if not wrong.any():
            return self
        share = self.share * np.where(wrong, np.float32(_FIXED.doubt), np.float32(1))
        share = share / share.sum()
        return replace(self, share=share, belief=_mix(share, self.masks))


def most_promising(masks: npt.NDArray[np.bool_], scores: Floats) -> Mask:
    """Of masks (N, h, w) with scores (N,) the one with the highest expected overlap."""
    some = _sample(masks)
    answer: Mask = masks[int(np.argmax(_overlap(some, some) @ _softmax(scores)))]
    return answer


def weigh(masks: npt.NDArray[np.bool_], scores: Floats, maps: dict[str, Plane]) -> Hypotheses:
    """Turn scores (N,) of masks (N, h, w) into probabilities."""
    share, some = _softmax(scores), _sample(masks)
    return Hypotheses(masks, share, _overlap(some, some), _mix(share, masks), maps)


def no_hypotheses(belief: Plane, maps: dict[str, Plane]) -> Hypotheses:
    """Nothing but a belief, float32 (h, w)."""
    nothing = np.zeros((0, *belief.shape), np.bool_)
    return Hypotheses(nothing, np.zeros(0, np.float32), np.zeros((0, 0), np.float32), belief, maps)


def box_hypotheses(frame: Frame, box: Box, weights: BoxWeights) -> Hypotheses:
    """Hypotheses for the object in a box, given in frame pixels."""
    maps = cue_maps(frame)
    shapes = shapes_in_box(frame, box, maps)
    if not len(shapes):
        return no_hypotheses(frame.inside.astype(np.float32), maps)
    promise = score(shapes.fit, weights)
    short_list = np.argsort(-promise, kind="stable")[: _FIXED.short_list]
    chosen = shapes.masks(short_list)
    scores = promise[short_list] + score(appearance(frame, chosen), weights)
    return weigh(chosen, scores, maps)


def score(measures: Measures, weights: WeightSet) -> Floats:
    """Weighted sum of the measurements, (N,)."""
    parts = [getattr(weights, name) * values for name, values in measures.items()]
    total: Floats = np.sum(parts, axis=0)
    return total


def soft_log(values: Floats) -> Floats:
    """Logarithm that ends at about -3 for 0."""
    return np.log(np.maximum(values, 0.0) + 0.05)


def side_gaps(bounds: Box, box: Box) -> tuple[float, float, float, float]:
    """Distance of a region's bounds from each side of a box, in box sides; 0 = touches."""
    x0, y0, x1, y1 = box
    across, down = x1 - x0, y1 - y0
    return (
        max(0.0, (bounds[0] - x0) / across),
        max(0.0, (x1 - bounds[2]) / across),
        max(0.0, (bounds[1] - y0) / down),
        max(0.0, (y1 - bounds[3]) / down),
    )


def _sample(masks: npt.NDArray[np.bool_]) -> Plane:
    """Some pixels of every mask, float32 (N, S)."""
    flat = masks.reshape(len(masks), -1)
    return flat[:, :: max(1, flat.shape[1] // _FIXED.samples)].astype(np.float32)


def _overlap(first: Plane, second: Plane) -> Plane:
    """Intersection over union of samples (N, S) with samples (M, S), float32 (N, M)."""
    both = first @ second.T
    either = first.sum(axis=1)[:, None] + second.sum(axis=1)[None] - both
    return np.asarray(both / np.maximum(either, np.float32(1e-6)), np.float32)


def _softmax(scores: Floats) -> Plane:
    share = np.exp(scores - scores.max())
    return np.asarray(share / share.sum(), np.float32)


def _mix(share: Plane, masks: npt.NDArray[np.bool_]) -> Plane:
    flat = masks.reshape(len(masks), -1).astype(np.float32)
    return np.asarray(np.minimum(share @ flat, 1), np.float32).reshape(masks.shape[1:])


def _cuts(frame: Frame, maps: dict[str, Plane]) -> Iterator[Mask]:
    """Nested binary pictures of the whole frame, map by map.

    A map is cut so that given shares of the box lie above, and halfway between the surroundings
    and the level that a given share of the box exceeds.
    """
    ring = ~frame.inside
    for cue in maps.values():
        ranked = np.sort(cue[frame.inside])
        if ranked[-1] - ranked[0] < 1e-6:
            continue
        for share in _FIXED.shares:
            yield cue > ranked[int((1 - share) * (ranked.size - 1))]
        if ring.any():
            around = np.median(cue[ring])
            for share in _FIXED.halfway_shares:
                yield cue > (around + ranked[int((1 - share) * (ranked.size - 1))]) / 2
    edges = np.sort(frame.steepness[frame.inside])
    if not ring.any() or edges[-1] - edges[0] < 1e-6:
        return
    for share in _FIXED.edge_shares:
        open_ground = (frame.steepness <= edges[int(share * (edges.size - 1))]) | ring
        _, labels = cv2.connectedComponents(
            open_ground.view(np.uint8), connectivity=4, ltype=cv2.CV_16U
        )
        reached = np.zeros(int(labels.max()) + 1, np.bool_)
        reached[labels[ring]] = True
        yield ~reached[labels]


@dataclass(frozen=True)
class Shapes:
    """The regions that may be the object in a box, by their shape alone.

    Attributes:
        frame: what they lie on.
        box: in frame pixels.
        fit: how each lies in the box, (N,) per measurement.
    """

    frame: Frame
    box: Box
    fit: Measures
    regions: Sequence[_Region]

    def __len__(self) -> int:
        """How many regions there are."""
        return len(self.regions)

    def masks(self, chosen: npt.NDArray[np.intp]) -> npt.NDArray[np.bool_]:
        """Some of the regions, at least one, as bool (K, h, w)."""
        return np.stack([self.regions[i].mask(self.frame, self.box) for i in chosen])


def shapes_in_box(frame: Frame, box: Box, maps: dict[str, Plane]) -> Shapes:
    """Every region that the cuts of the cue maps and of the edges give, some hundreds."""
    regions = list(_regions(frame, box, maps))
    names = regions[0].fit if regions else ()
    fit = {name: np.array([region.fit[name] for region in regions]) for name in names}
    return Shapes(frame, box, fit, regions)


@dataclass(frozen=True)
class _Region:
    """Some components of a cut, inside the box.

    Attributes:
        labels: uint16, the components of the cut, in the pixels of the box.
        chosen: bool, by label.
        fit: how the region lies in the box.
    """

    labels: npt.NDArray[Any]
    chosen: npt.NDArray[np.bool_]
    fit: dict[str, float]

    def mask(self, frame: Frame, box: Box) -> Mask:
        """The region as bool (h, w) of the frame."""
        mask = np.zeros(frame.shape, np.bool_)
        mask[box[1] : box[3], box[0] : box[2]] = self.chosen[self.labels]
        return mask


def _regions(frame: Frame, box: Box, maps: dict[str, Plane]) -> Iterator[_Region]:
    """The widest component of every cut, and it together with the other large ones."""
    x0, y0, x1, y1 = box
    box_area = (x1 - x0) * (y1 - y0)
    rim = _Rim.of(box, frame.shape)
    for cut in _cuts(frame, maps):
        count, labels, table, _ = cv2.connectedComponentsWithStats(
            cut[y0:y1, x0:x1].astype(np.uint8), connectivity=8, ltype=cv2.CV_16U
        )
        if count < 2:
            continue
        stats = np.asarray(table, np.int32)
        areas = stats[:, cv2.CC_STAT_AREA]
        extent = stats[:, cv2.CC_STAT_WIDTH] * stats[:, cv2.CC_STAT_HEIGHT] + areas
        extent[0] = 0
        widest = np.zeros(count, np.bool_)
        widest[np.argmax(extent)] = True
        large = areas >= _FIXED.piece_share * areas[widest]
        large[0] = False
        on_rim = labels.ravel()[rim.inner]
        going_on = cut.ravel()[rim.outer]
        for chosen in (widest, large) if np.count_nonzero(large) > 1 else (widest,):
            fit = _fit_to_box(stats[chosen], box_area, (x1 - x0, y1 - y0))
            touching = chosen[on_rim]
            contact = int(np.count_nonzero(touching))
            fit["contact"] = contact / rim.length
            fit["crossing"] = int(np.count_nonzero(touching & going_on)) / max(1, contact)
            fit["level"] = max(0.01, 1 - int(areas[0]) / box_area)
            fit["pieces"] = math.log(count)
            yield _Region(labels, chosen, fit)


def _fit_to_box(
    parts: npt.NDArray[np.int32], box_area: int, size: tuple[int, int]
) -> dict[str, float]:
    """How much of the box a region fills and how far it is from its sides.

    Args:
        parts: (P, 5) statistics of its components, as OpenCV gives them, relative to the box.
        box_area: pixels of the box.
        size: width and height of the box.
    """
    left, top, width, height, area = parts.T
    bounds = (
        int(left.min()),
        int(top.min()),
        int((left + width).max()),
        int((top + height).max()),
    )
    gaps = side_gaps(bounds, (0, 0, *size))
    return {
        "gap_root": sum(math.sqrt(gap) for gap in gaps) / 4,
        "gap_mean": sum(gaps) / 4,
        "gap_max": max(gaps),
        "fill": math.log(int(area.sum()) / box_area) ** 2,
    }


@dataclass(frozen=True)
class _Rim:
    """The pixels along the inside of a box, and those just beyond.

    Sides of the box on the border of the frame (of the image, then) are left out.

    Attributes:
        inner: flat indices into the box, (R,).
        outer: flat indices into the frame of the neighbour outside of each, (R,).
        length: of the whole outline.
    """

    inner: npt.NDArray[np.intp]
    outer: npt.NDArray[np.intp]
    length: int

    @classmethod
    def of(cls, box: Box, shape: tuple[int, int]) -> _Rim:
        x0, y0, x1, y1 = box
        height, width = shape
        within = np.arange((y1 - y0) * (x1 - x0)).reshape(y1 - y0, x1 - x0)
        index = np.arange(height * width).reshape(shape)
        pairs = [(within[0, :0], index[0, :0])]
        if y0 > 0:
            pairs.append((within[0], index[y0 - 1, x0:x1]))
        if y1 < height:
            pairs.append((within[-1], index[y1, x0:x1]))
        if x0 > 0:
            pairs.append((within[:, 0], index[y0:y1, x0 - 1]))
        if x1 < width:
            pairs.append((within[:, -1], index[y0:y1, x1]))
        inner, outer = (np.concatenate(parts) for parts in zip(*pairs, strict=True))
        return cls(inner, outer, 2 * (x1 - x0 + y1 - y0))


def appearance(frame: Frame, masks: npt.NDArray[np.bool_]) -> Measures:
    """How regions (N, h, w) differ from a shell around them and from all else in the frame."""
    edges, shells = np.empty(masks.shape, np.uint8), np.empty(masks.shape, np.uint8)
    area, outline = np.empty(len(masks)), np.empty(len(masks))
    for i, pixels in enumerate(masks.view(np.uint8)):
        grown = cv2.dilate(pixels, SQUARE_3)
        core = cv2.erode(pixels, SQUARE_3, borderType=cv2.BORDER_CONSTANT, borderValue=0)
        edges[i], shells[i] = grown - core, cv2.dilate(pixels, SQUARE_7) - grown
        area[i] = cv2.countNonZero(pixels)
        outline[i] = max(1, area[i] - cv2.countNonZero(core))
    edge = mean_over(frame.steepness, edges)
    whole = Look.of(frame, np.ones((1, *frame.shape), np.uint8))
    own = Look.of(frame, masks)
    near, rest = own.contrast(Look.of(frame, shells)), own.contrast(whole.without(own))
    return {
        "thickness": area / outline / np.sqrt(np.count_nonzero(frame.inside)),
        "shell_color": soft_log(np.hypot(near[:, 1], near[:, 2])),
        "shell_texture": soft_log(near[:, 3]),
        "color": soft_log(np.hypot(rest[:, 1], rest[:, 2])),
        "texture": soft_log(rest[:, 3]),
        "edge": soft_log(edge / frame.strong_edge),
        "outline_contrast": np.log(outline**2 / area) * soft_log(near[:, :3].max(axis=1)),
    }


def mean_over(plane: Plane, pixels: npt.NDArray[np.uint8]) -> Floats:
    """Mean of a plane (h, w) over each of N sets of pixels, uint8 (N, h, w) of 0 and 1."""
    step = 1 + plane.size // _FIXED.mean_pixels
    flat = pixels.reshape(len(pixels), -1)[:, ::step].astype(np.float32)
    total = flat @ plane.ravel()[::step]
    mean: Floats = (total / np.maximum(flat.sum(axis=1), 1)).astype(np.float64)
    return mean
