"""Cuts: how masks are made of kept probability planes when a person chooses, without the engine.

Where nothing is chosen for an object, its mask is the one that the engine made, to the pixel.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, Self

import cv2
import numpy as np
import numpy.typing as npt

from maskcast.engines.planes import HIGHEST, Calibration, level_of, log_odds_of
from maskcast.errors import SettingsError
from maskcast.runs.ledger_rows import known_right
from maskcast.types import Mask, Plane, Segmentation, check_object_id

MOST_PIXELS: Final = 1_000_000
"""Of a smallest area, and of a hole that is filled."""

MOST_SMOOTH: Final = 20
"""Pixels over which an edge is smoothed."""

_LEAST_DOUBT: Final = 0.02
"""Scores stay this far from 0 and 1, as those of engines do."""

Judged = Mapping[int, tuple[float, float | None]]
"""Object id -> score, and probability that its mask is right, of the engine's own masks."""


@dataclass(frozen=True)
class Cut:
    """What was chosen for one object.

    Attributes:
        threshold: probability in (0, 1) above which a pixel is the object; None = calibrated.
        smallest: pixels of the smallest part that is kept; 0 = all.
        holes: pixels of the largest hole that is filled; 0 = none.
        smooth: pixels over which the edge is smoothed; 0 = not.

    Raises:
        SettingsError: if a value is out of range.
    """

    threshold: float | None = None
    smallest: int = 0
    holes: int = 0
    smooth: int = 0

    def __post_init__(self) -> None:
        if self.threshold is not None and not 0 < self.threshold < 1:
            raise SettingsError(f"threshold: expected between 0 and 1, got {self.threshold}")
        most = {"smallest": MOST_PIXELS, "holes": MOST_PIXELS, "smooth": MOST_SMOOTH}
        for name, limit in most.items():
            value = getattr(self, name)
            if not 0 <= value <= limit:
                raise SettingsError(f"{name}: expected 0 to {limit} pixels, got {value}")

    @property
    def is_calibrated(self) -> bool:
        """Whether nothing was chosen."""
        return self == Cut()

    @classmethod
    def from_json(cls, content: object) -> Self:
        """Of a JSON object with some of the attributes.

        Raises:
            SettingsError: if it is something else.
        """
        if not isinstance(content, dict) or not content.keys() <= asdict(Cut()).keys():
            raise SettingsError(f"a cut: expected {', '.join(asdict(Cut()))}")
        threshold = content.get("threshold")
        whole = {key: value for key, value in content.items() if key != "threshold"}
        if not _is_number(threshold, float) or not all(_is_number(v, int) for v in whole.values()):
            raise SettingsError("a cut: expected numbers, of pixels whole ones")
        return cls(None if threshold is None else float(threshold), **whole)


def _is_number(value: object, kind: type) -> bool:
    if value is None:
        return kind is float
    return not isinstance(value, bool) and isinstance(value, (kind, int))


@dataclass(frozen=True)
class Cuts:
    """What was chosen for all objects.

    Attributes:
        chosen: object id -> cut; objects without one are as calibrated.
    """

    chosen: Mapping[int, Cut]

    def __bool__(self) -> bool:
        return bool(self.to_json())

    def of(self, object_id: int) -> Cut:
        """The cut of an object."""
        return self.chosen.get(object_id, Cut())

    def without_chosen(self, least: Mapping[int, int]) -> dict[int, int]:
        """Of the smallest areas by object id those that nobody chose another one for."""
        return {key: area for key, area in least.items() if not self.of(key).smallest}

    def to_json(self) -> dict[str, Any]:
        """JSON-able: only what was chosen, the same for the same choice."""
        plain = asdict(Cut())
        shown = {
            str(key): {name: value for name, value in asdict(cut).items() if value != plain[name]}
            for key, cut in sorted(self.chosen.items())
        }
        return {key: cut for key, cut in shown.items() if cut}

    @classmethod
    def from_json(cls, content: object) -> Self:
        """See ``to_json``.

        Raises:
            SettingsError: if it is something else.
        """
        if not isinstance(content, dict):
            raise SettingsError("cuts: expected a cut for each object id")
        try:
            chosen = {int(key): Cut.from_json(cut) for key, cut in content.items()}
            for key in chosen:
                check_object_id(key)
        except ValueError as error:
            raise SettingsError(f"cuts: {error}") from error
        return cls(chosen)


def cut_mask(plane: Plane, level: int, cut: Cut) -> Mask:
    """The mask of one object, bool (H, W).

    Args:
        plane: uint8 (H, W).
        level: that the engine calibrated.
        cut: what was chosen.
    """
    if cut.threshold is not None:
        level = min(level_of(cut.threshold), HIGHEST - 1)
    mask = np.asarray(plane > level)
    if cut.smooth and mask.any():
        mask = _smoothed(mask, cut.smooth)
    if cut.holes and mask.any():
        mask = mask | _small_parts(~mask, cut.holes, connectivity=4)
    if cut.smallest > 1 and mask.any():
        mask = mask & ~_small_parts(mask, cut.smallest - 1, connectivity=8)
    return mask


def recut(
    planes: Mapping[int, Plane], own: Judged, calibration: Calibration, cuts: Cuts
) -> Segmentation:
    """What is found in a target by what was chosen.

    Scores follow the pixels: how certain those of the new mask are beside those of the engine's
    own. The probability that a mask is right is known only of the engine's own masks.

    Args:
        planes: object id -> uint8 (H, W), all of one size.
        own: of the engine's own masks.
        calibration: how the engine made them.
        cuts: what was chosen.
    """
    ids = sorted(planes.keys() & calibration.levels.keys())
    shape = next(iter(planes.values())).shape if planes else (1, 1)
    masks = [cut_mask(planes[key], calibration.levels[key], cuts.of(key)) for key in ids]
    if calibration.exclusive and cuts:
        levels = calibration.levels
        margins = [planes[key].astype(np.int16) - np.int16(levels[key]) for key in ids]
        masks = _settled(masks, margins)
    found = [(key, mask) for key, mask in zip(ids, masks, strict=True) if mask.any()]
    if not found:
        return Segmentation.empty(*shape)
    judged = [_judge(planes[key], mask, key, own, calibration) for key, mask in found]
    return Segmentation(
        np.array([key for key, _ in found], np.int32),
        np.stack([mask for _, mask in found]),
        np.array([score for score, _ in judged], np.float32),
        known_right([right for _, right in judged]),
    )


def _judge(
    plane: Plane, mask: Mask, key: int, own: Judged, calibration: Calibration
) -> tuple[float, float | None]:
    level = calibration.levels[key]
    before = plane > level
    if key in own and np.array_equal(mask, before):
        return own[key]
    trust = calibration.reliability.get(key, 1.0)
    score = trust * _certainty(plane, mask, level)
    if key in own and before.any():
        score = own[key][0] * _certainty(plane, mask, level) / _certainty(plane, before, level)
    return float(np.clip(score, _LEAST_DOUBT, 1 - _LEAST_DOUBT)), None


def _certainty(plane: Plane, mask: Mask, level: int) -> float:
    """Mean probability over a mask's pixels, in (0, 1), with the calibrated level as even odds."""
    counts = np.bincount(plane[mask], minlength=HIGHEST + 1)
    odds = np.array([log_odds_of(other) for other in range(len(counts))]) - log_odds_of(level)
    return float((counts / (1 + np.exp(-odds))).sum() / counts.sum())


def _settled(masks: list[Mask], margins: list[npt.NDArray[np.int16]]) -> list[Mask]:
    """A pixel that several objects claim belongs to the one farthest above its calibrated level.

    That is the one that the engine gave it to, if it gave it to any.
    """
    claims = np.sum(masks, axis=0, dtype=np.uint8) if masks else np.zeros((1, 1), np.uint8)
    if claims.max(initial=0) < 2:
        return masks
    contested = claims > 1
    claimed = np.stack(
        [
            np.where(mask[contested], margin[contested], np.int16(-HIGHEST))
            for mask, margin in zip(masks, margins, strict=True)
        ]
    )
    winner = claimed.argmax(axis=0)
    settled = []
    for index, mask in enumerate(masks):
        kept = mask.copy()
        kept[contested] &= winner == index
        settled.append(kept)
    return settled


def _smoothed(mask: Mask, radius: int) -> Mask:
    """Where most of the surroundings, a Gaussian of that radius, are the mask."""
    blurred = cv2.GaussianBlur(mask.view(np.uint8) * np.uint8(255), (0, 0), radius / 2)
    return np.asarray(blurred > 127)


def _small_parts(mask: Mask, most: int, connectivity: int) -> Mask:
    """The parts of a mask of at most so many pixels."""
    # Counting is four times as quick as asking for all that cv2 knows of the parts.
    count, labels = cv2.connectedComponents(
        np.ascontiguousarray(mask).view(np.uint8), connectivity=connectivity
    )
    small = np.bincount(labels.ravel(), minlength=count) <= most
    small[0] = False
    return np.asarray(small[labels])
