"""What a worker does with one target: decode its file, write its results."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from maskcast.io.images import IntensityWindow, read_image
from maskcast.io.read_options import ReadOptions
from maskcast.runs.ledger import TargetRow
from maskcast.runs.outputs import render_outputs
from maskcast.runs.pipeline import Decoded, WorkItem
from maskcast.runs.sinks import Sink
from maskcast.types import ObjectSpec, Segmentation


@dataclass(frozen=True)
class FileWork:
    """Reads targets from files or objects and makes their results.

    Attributes:
        sink: where results go.
        specs: object id -> name and colour.
        window: intensities shown as black and white in pictures of more than 8 bits.
        options: how pictures are read.
    """

    sink: Sink
    specs: Mapping[int, ObjectSpec]
    window: IntensityWindow | None
    options: ReadOptions

    def read(self, item: WorkItem) -> Decoded:
        """See ``Work``."""
        source = item.source
        decoded = read_image(source, window=self.window, options=self.options)
        size = source.stat().st_size if isinstance(source, Path) else item.size
        return Decoded(decoded.rgb, decoded.notes, size)

    def write(self, item: WorkItem, decoded: Decoded, found: Segmentation) -> TargetRow:
        """See ``Work``."""
        height, width = decoded.image.shape[:2]
        files, objects = render_outputs(item.name, decoded.image, found, self.specs)
        self.sink.put(item.name, files)
        return TargetRow(
            item.image_id,
            item.name,
            "done",
            (height, width),
            decoded.file_size,
            decoded.notes,
            None,
            tuple(objects),
        )
