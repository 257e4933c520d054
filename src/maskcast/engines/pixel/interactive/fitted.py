"""The fitted numbers of live segmentation: what each measurement says of a hypothesis.

A hypothesis is a region that may be the object. Its measurements, times these weights, add up to
its score; softmax over all hypotheses of one question turns scores into probabilities.

`benchmarks/fit_interactive.py` fits all of them: it maximises the expected intersection over union
of the softmax choice, over the measuring packs and drawn scenes, and prints these classes.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class BoxWeights:
    """What speaks for a region as the object in a box.

    Attributes:
        gap_root: mean over the box's sides of the root of the gap between region and side, in box
            sides.
        gap_mean: mean of those gaps.
        gap_max: the largest of them.
        fill: squared logarithm of the share of the box that the region fills.
        contact: share of the box's outline that the region touches.
        crossing: share of the touching pixels where the cut goes on outside.
        level: share of the box that the cut covers, region or not.
        pieces: logarithm of the number of components in the cut.
        thickness: area over length of the outline, in roots of the box's area.
        shell_color: logarithm of the difference in colour from a shell around, in deviations.
        shell_texture: the same in roughness.
        color: logarithm of the difference in colour from all else in the frame.
        texture: the same in roughness.
        edge: logarithm of the gradient along the outline, against the strong ones of the frame.
        outline_contrast: logarithm of outline squared over area, times the difference from the
            shell: a long outline is believed where it is clear.
    """

    gap_root: float = -2.99
    gap_mean: float = -43.8
    gap_max: float = -17.9
    fill: float = -0.375
    contact: float = -10.5
    crossing: float = -3.55
    level: float = 3.96
    pieces: float = -1.23
    thickness: float = 59.8
    shell_color: float = 1.24
    shell_texture: float = 0.489
    color: float = 0.893
    texture: float = 1.83
    edge: float = 3.84
    outline_contrast: float = 0.59


@dataclass(frozen=True)
class ClickWeights:
    """What speaks for a region around a click as what the click means.

    Attributes:
        roundness: logarithm of the largest depth in roots of the area.
        centred: depth of the click against the largest depth.
        centred_log: logarithm of the same.
        free_outline: share of the outline that does not follow the old mask.
        share: logarithm of the share of all pixels that may change.
        share_squared: its square.
        growth: logarithm of the area against that of the old mask.
        gap_change: how much farther from the sides of the box the mask gets.
        belief: log-odds that the hypotheses give to the new label.
        misfit: logarithm of the distance in look from the label it has.
        better_fit: by how much that exceeds the distance from the label it would get.
        shell_light: logarithm of the difference in lightness from a shell around.
    """

    roundness: float = 1.18
    centred: float = 7.24
    centred_log: float = 1.31
    free_outline: float = -6.08
    share: float = -0.413
    share_squared: float = -0.133
    growth: float = -0.0993
    gap_change: float = -10.5
    belief: float = 0.627
    misfit: float = 1.09
    better_fit: float = 0.491
    shell_light: float = 0.408


@dataclass(frozen=True)
class WholeWeights:
    """What speaks for a mask that would replace the old one, against the regions around a click.

    Attributes:
        whole: 1: how likely replacing is at all.
        merit: logarithm of the overlap with the object that the hypotheses expect.
        overlap: intersection over union with the old mask.
        roundness: of all that would change, as for regions.
        centred: of all that would change, as for regions.
    """

    whole: float = -0.333
    merit: float = 0.887
    overlap: float = -1.4
    roundness: float = 1.67
    centred: float = -1.09


@dataclass(frozen=True)
class StartWeights:
    """What speaks for a region around a first click, in windows of different size.

    Attributes:
        share: logarithm of the share of the window.
        share_squared: its square.
        roundness: logarithm of the largest depth in roots of the area.
        centred: depth of the click against the largest depth.
        shell_color: logarithm of the difference in colour from a shell around, in deviations.
        color: logarithm of the difference in colour from all else in the window.
        edge: logarithm of the gradient along the outline, against the strong ones of the window.
        edge_strength: logarithm of that gradient itself.
    """

    share: float = -0.984
    share_squared: float = -0.299
    roundness: float = 2.72
    centred: float = 7.41
    shell_color: float = 2.07
    color: float = 0.904
    edge: float = 3.88
    edge_strength: float = 0.588


@dataclass(frozen=True)
class Weights:
    """All that is fitted, 40 numbers."""

    box: BoxWeights = field(default_factory=BoxWeights)
    click: ClickWeights = field(default_factory=ClickWeights)
    whole: WholeWeights = field(default_factory=WholeWeights)
    start: StartWeights = field(default_factory=StartWeights)


FITTED = Weights()

WeightSet = BoxWeights | ClickWeights | WholeWeights | StartWeights
"""The weights of one kind of question."""
