"""The plots of a report as SVG. Importing this module loads matplotlib."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Mapping, Sequence

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator

_BLUE, _ORANGE, _GRAY = "#0072b2", "#d55e00", "#888888"
"""Okabe & Ito's colours, told apart by colour-blind eyes."""

_SIZE = (2.6, 1.8)
"""Inches of a plot of which four stand in a row; text in it is as large as that of the page."""

_LARGE, _SMALL = 9, 8
"""Points of what axes say, and of their figures."""


def histogram(counts: npt.NDArray[np.int64], label: str) -> str:
    """Counts in equal bins over 0 to 1."""

    def draw(axes: Axes) -> None:
        edges = np.linspace(0, 1, len(counts) + 1)
        axes.bar(edges[:-1], counts, width=1 / len(counts), align="edge", color=_BLUE)
        axes.set_xlim(0, 1)
        axes.set_xlabel(label)
        _count_upwards(axes)

    return _svg(draw)


def sizes(areas: Sequence[float], label: str) -> str:
    """Areas as shares of the picture, on a logarithmic axis."""

    def draw(axes: Axes) -> None:
        shares = np.maximum(np.array(areas), 1e-8)
        low, high = shares.min() * 0.9, min(1.0, shares.max() * 1.1)
        axes.hist(shares, bins=np.geomspace(low, high, 25).tolist(), color=_BLUE)
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 3), numticks=5))
        axes.xaxis.set_major_formatter(FuncFormatter(_percent))
        axes.tick_params(which="minor", labelbottom=False)
        axes.set_xlabel(label)
        _count_upwards(axes)

    return _svg(draw)


def positions(places: npt.NDArray[np.int64], label: str) -> str:
    """Where on the picture, from its top left."""

    def draw(axes: Axes) -> None:
        axes.imshow(places, cmap="cividis", vmin=0, extent=(0, 1, 1, 0), aspect="auto")
        axes.set_xticks([])
        axes.set_yticks([])
        axes.set_xlabel(label)

    return _svg(draw)


def trend(
    shares: npt.NDArray[np.float64],
    means: npt.NDArray[np.float64],
    targets: int,
    labels: tuple[str, str, str],
) -> str:
    """Two lines over so many targets in file order; ``labels`` of the axis and of the lines."""

    def draw(axes: Axes) -> None:
        across = (np.arange(len(shares)) + 0.5) * targets / len(shares)
        axes.plot(across, shares, color=_BLUE, marker="o", markersize=2, label=labels[1])
        axes.plot(across, means, color=_ORANGE, linestyle="--", marker="s", markersize=2)
        axes.lines[-1].set_label(labels[2])
        axes.set_xlim(0, max(targets, 1))
        axes.set_ylim(0, 1.02)
        axes.set_xlabel(labels[0])
        axes.legend(
            fontsize=_SMALL, frameon=False, loc="lower right", bbox_to_anchor=(1, 1), ncols=2
        )

    return _svg(draw, (7.0, 2.3))


def expectations(
    bars: Mapping[str, tuple[float, float, float, float | None, float | None]],
) -> str:
    """Of each object: low, expected and high IoU from references, mean score, and true IoU.

    None = unknown.
    """

    def draw(axes: Axes) -> None:
        for place, (low, middle, high, seen, true) in enumerate(bars.values()):
            axes.plot([low, high], [place, place], color=_BLUE, linewidth=4, alpha=0.5)
            axes.plot([middle], [place], "o", color=_BLUE)
            if seen is not None:
                axes.plot([seen], [place], "D", color=_ORANGE)
            if true is not None:
                axes.plot([true], [place], "x", color="black", markeredgewidth=2)
        axes.set_yticks(range(len(bars)), list(bars))
        axes.set_xlim(0, 1)
        axes.set_ylim(len(bars) - 0.5, -0.5)
        axes.set_xlabel("IoU")

    return _svg(draw, (7.0, 0.8 + 0.35 * len(bars)))


def reliability(
    told: npt.NDArray[np.float64],
    happened: npt.NDArray[np.float64],
    counts: npt.NDArray[np.int64],
    labels: tuple[str, str],
) -> str:
    """Frequencies against probabilities, larger dots for more masks; on the diagonal they agree."""

    def draw(axes: Axes) -> None:
        axes.plot([0, 1], [0, 1], color=_GRAY, linestyle=":")
        axes.plot(told, happened, color=_BLUE, linewidth=1)
        axes.scatter(told, happened, s=8 + 80 * counts / counts.sum(), color=_BLUE)
        axes.set_xlim(0, 1)
        axes.set_ylim(0, 1.02)
        axes.set_xlabel(labels[0])
        axes.set_ylabel(labels[1])

    return _svg(draw, (3.4, 3.0))


def _count_upwards(axes: Axes) -> None:
    axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))


def _percent(share: float, _: object) -> str:
    return f"{100 * share:.3g} %"


def _svg(draw: Callable[[Axes], None], size: tuple[float, float] = _SIZE) -> str:
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots()
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=_SMALL)
    axes.xaxis.label.set_fontsize(_LARGE)
    axes.yaxis.label.set_fontsize(_LARGE)
    draw(axes)
    out = io.StringIO()
    # Text stays text, in the reader's fonts, which have Korean.
    with (
        mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "maskcast"}),
        warnings.catch_warnings(),
    ):
        # Only the width of a text is wrong where a font here lacks its letters.
        warnings.filterwarnings("ignore", message="Glyph")
        figure.savefig(out, format="svg", metadata={"Date": None})
    text = out.getvalue()
    return text[text.index("<svg") :]
