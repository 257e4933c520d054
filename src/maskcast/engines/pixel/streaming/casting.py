"""Both stages of the learner over a large picture, rows of tiles after rows of tiles.

Tiles of a row are computed side by side. First-stage logits are kept for as many rows as context
reaches; see docs/adr/0050 for what makes the numbers equal to those of the whole picture.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np

from maskcast.engines.pixel.filters import Plane, Stack
from maskcast.engines.pixel.learning.context import build_context, sampled, strip_context
from maskcast.engines.pixel.learning.exact import mean_of, total_of
from maskcast.engines.pixel.learning.features import (
    FEATURES,
    Frame,
    Light,
    Pyramid,
    build_pyramid,
    gray_of,
    light_step,
    strip_features,
    strips,
)
from maskcast.engines.pixel.learning.model import OpenPixels, PixelModel
from maskcast.engines.pixel.learning.perceptron import sigmoid
from maskcast.io.windowed import Picture, Span

HALO: Final = 256
"""Pixels around a tile that its results depend on; the features reach 222, the context 190."""

GRID: Final = 512
"""Windows begin at multiples of it across: at the coarsest level whole vectors of 16 numbers, so
that no number is computed as the last few of a row in a window and as others in the whole."""

_ROW_VALUES: Final = 32 << 20
"""Logits of all objects in a row of tiles, about; float32."""

_KEPT_BYTES: Final = 96 << 20
"""Of features of a row of tiles that both stages use."""

_LIGHT_ROWS: Final = 512


@dataclass(frozen=True)
class Grid:
    """How a picture is cut into rows of tiles.

    Attributes:
        height: of the picture.
        width: of the picture.
        rows: (top, bottom) of each row of tiles.
        columns: (left, right) of the tiles in each.
    """

    height: int
    width: int
    rows: tuple[tuple[int, int], ...]
    columns: tuple[tuple[int, int], ...]

    @classmethod
    def of(cls, height: int, width: int, side: int, objects: int) -> Grid:
        """Tiles of about ``side`` x ``side`` pixels, lower where many objects or columns are."""
        room = _ROW_VALUES // (objects * width)
        down = max(HALO, min(side, room) // FEATURES.align * FEATURES.align)
        across = max(1, round(side / GRID)) * GRID
        cuts = [0, *range(across - HALO, width - HALO, across), width]
        tops = [*range(0, height, down)]
        if len(tops) > 1 and height - tops[-1] < HALO:
            tops.pop()  # the context of the row above reaches into the last one only
        return cls(
            height,
            width,
            tuple(zip(tops, [*tops[1:], height], strict=True)),
            tuple(pairwise(cuts)),
        )

    def around(self, span: Span) -> Span:
        """The window that the results of a span depend on."""
        top, left, bottom, right = span
        return (
            max(0, top - HALO),
            max(0, (left - HALO) // GRID * GRID),
            min(self.height, -(-(bottom + HALO) // FEATURES.align) * FEATURES.align),
            min(self.width, -(-(right + HALO) // GRID) * GRID),
        )


@dataclass(frozen=True)
class _FirstTile:
    logits: Stack
    kept: dict[int, OpenPixels] | None


class Casting:
    """Final logits of one large picture, from the top down."""

    def __init__(self, model: PixelModel, picture: Picture, side: int, pool: Executor) -> None:
        """Measure what is of the whole picture; nothing is masked yet.

        Args:
            model: from the references.
            picture: read by several threads.
            side: of a tile, pixels.
            pool: computes tiles side by side.
        """
        self._model, self._picture, self._pool = model, picture, pool
        self.grid = Grid.of(picture.height, picture.width, side, len(model.object_ids))
        self.light = measure_light(picture)
        self._means: list[float] = []

    def rows(self, begin: int = 0) -> Iterator[Stack]:
        """Final logits of each row of tiles, float32 (K, h, W), from row ``begin`` down."""
        count = len(self.grid.rows)
        if begin == count:
            return
        self._means = self._mean_probabilities()
        above: Stack | None = None
        if begin:
            above = self._first_row(begin - 1)[0][:, -HALO:].copy()
        first, kept = self._first_row(begin)
        for row in range(begin, count):
            following = self._first_row(row + 1) if row + 1 < count else None
            below = None if following is None else following[0][:, :HALO]
            known = _Known.of(above, first, below)
            yield self._second_row(row, first, known, kept)
            above = first[:, -HALO:].copy()
            if following is not None:
                first, kept = following

    def _first_row(self, row: int) -> tuple[Stack, list[dict[int, OpenPixels] | None]]:
        spans = self._spans(row)
        top, bottom = self.grid.rows[row]
        room = _KEPT_BYTES // len(spans)
        out = np.empty((len(self._model.object_ids), bottom - top, self.grid.width), np.float32)
        kept = []
        for span, tile in zip(
            spans, self._pool.map(lambda span: self._first(span, room), spans), strict=True
        ):
            out[:, :, span[1] : span[3]] = tile.logits
            kept.append(tile.kept)
        return out, kept

    def _second_row(
        self,
        row: int,
        first: Stack,
        known: _Known,
        kept: list[dict[int, OpenPixels] | None],
    ) -> Stack:
        out = first.copy()
        spans = self._spans(row)

        def refine(number: int) -> None:
            span = spans[number]
            part = out[:, :, span[1] : span[3]]
            self._second(span, part, known, kept[number])

        for _ in self._pool.map(refine, range(len(spans))):
            pass
        return out

    def _spans(self, row: int) -> list[Span]:
        top, bottom = self.grid.rows[row]
        return [(top, left, bottom, right) for left, right in self.grid.columns]

    def _pyramid(self, span: Span) -> tuple[Pyramid, int, int]:
        """Of a span and what is around it; and the window's first row and column."""
        top, left, bottom, right = self.grid.around(span)
        frame = Frame(top, left, self.grid.height, self.grid.width)
        image = self._picture.read(top, left, bottom, right)
        return (
            build_pyramid(image, color=self._model.color, light=self.light, frame=frame),
            top,
            left,
        )

    def _first(self, span: Span, room: int) -> _FirstTile:
        """First-stage logits of a span, and the features of its open pixels if there is room."""
        pyramid, top, left = self._pyramid(span)
        networks, gates = self._model.first, self._model.gates
        limits = np.array(gates, np.float32)[:, None, None]
        height, width = span[2] - span[0], span[3] - span[1]
        out = np.empty((networks.outputs, height, width), np.float32)
        kept: dict[int, OpenPixels] | None = {}
        for first, last, columns in _strips(span, top, left, pyramid.padded):
            stack = strip_features(pyramid, first, last, columns)
            shape = last - first, columns[1] - columns[0]
            logits = networks.logits(stack.reshape(len(stack), -1)).reshape(-1, *shape)
            at = first + top - span[0]
            shown = logits[:, : height - at, :width]
            out[:, at : at + shape[0]] = shown
            if kept is not None:
                row, column = np.nonzero((shown > limits).any(axis=0))
                room -= len(row) * len(stack) * stack.itemsize
                kept[at] = OpenPixels(at + row, column, stack[:, row, column])
                kept = kept if room > 0 else None
        return _FirstTile(out, kept)

    def _second(
        self, span: Span, out: Stack, known: _Known, kept: dict[int, OpenPixels] | None
    ) -> None:
        """Refine a span's logits (K, h, w) where the first stage leaves pixels open."""
        model = self._model
        wanted = [
            index
            for index, (networks, gate) in enumerate(zip(model.second, model.gates, strict=True))
            if networks is not None and bool((out[index] > gate).any())
        ]
        if not wanted:
            return
        top, left, _, right = self.grid.around(span)
        contexts = {
            index: build_context(known.window(index, left, right), self._means[index])
            for index in wanted
        }
        pyramid = None if kept is not None else self._pyramid(span)[0]
        first = out.copy()
        rows_padded, columns_padded = next(iter(contexts.values())).logit.shape
        for start, stop, columns in _strips(span, top, left, (rows_padded, columns_padded)):
            at = start + top - span[0]
            features = None
            for index, context in contexts.items():
                gate, networks = model.gates[index], model.second[index]
                rows = first[index, at : at + stop - start]
                row, column = np.nonzero(rows > gate)
                if not len(row) or networks is None:
                    continue
                if pyramid is not None:
                    if features is None:
                        features = strip_features(pyramid, start, stop, columns)
                    own = features[:, row, column]
                elif kept is not None:
                    pixels = kept[at]
                    own = pixels.features[:, first[index, pixels.row, pixels.column] > gate]
                around = strip_context(context, start, stop, columns)[:, row, column]
                refined = networks.logits(np.concatenate([own, around]))[0]
                before = rows[row, column]
                out[index, at + row, column] = (before + refined) * np.float32(0.5)

    def _mean_probabilities(self) -> list[float]:
        """Per object, as `context.mean_probability` of the whole."""
        spans = [
            span
            for window in sampled(self.grid.height, self.grid.width)
            for span in self._spans_of(window)
        ]

        def measure(span: Span) -> list[int]:
            return [total_of(sigmoid(logits)) for logits in self._first(span, 0).logits]

        totals = np.array(list(self._pool.map(measure, spans)), object).sum(axis=0)
        count = sum((bottom - top) * (right - left) for top, left, bottom, right in spans)
        return [mean_of(int(total), count) for total in totals]

    def _spans_of(self, window: Span) -> list[Span]:
        """A window by itself, or the tiles where it is the whole picture."""
        if window != (0, 0, self.grid.height, self.grid.width):
            return [window]
        return [span for row in range(len(self.grid.rows)) for span in self._spans(row)]


@dataclass(frozen=True)
class _Known:
    """First-stage logits of a row of tiles and what context needs around it.

    Attributes:
        parts: float32 (K, h, W), from the top down: up to `HALO` rows above, the row of tiles
            itself, and up to `HALO` rows below.
    """

    parts: tuple[Stack, ...]

    @classmethod
    def of(cls, above: Stack | None, first: Stack, below: Stack | None) -> _Known:
        """Of a row of tiles; None where the picture ends."""
        return cls(tuple(part for part in (above, first, below) if part is not None))

    def window(self, index: int, left: int, right: int) -> Plane:
        """Of one object in some columns, from the first row to the last, (h, w)."""
        return np.concatenate([part[index, :, left:right] for part in self.parts])


def measure_light(picture: Picture) -> Light:
    """What intensities are normalised by, as `features.normalise` measures it of the whole."""
    step = light_step(picture.height, picture.width)
    samples = []
    for top in range(0, picture.height, _LIGHT_ROWS):
        bottom = min(picture.height, top + _LIGHT_ROWS)
        if (first := -top % step) < bottom - top:
            rows = picture.read(top, 0, bottom, picture.width)[first::step, ::step]
            samples.append(gray_of(np.ascontiguousarray(rows)))
    return Light.of(np.concatenate(samples))


def _strips(
    span: Span, top: int, left: int, padded: tuple[int, int]
) -> Iterator[tuple[int, int, tuple[int, int]]]:
    """First and last row and the columns, in a padded window, of the strips that cover a span."""
    align = FEATURES.align
    begin, start = span[0] - top, span[1] - left
    end = min(padded[0], -(-(span[2] - top) // align) * align)
    stop = min(padded[1], -(-(span[3] - left) // align) * align)
    for first, last in strips(end - begin, stop - start):
        yield begin + first, begin + last, (start, stop)
