"""What a worker does with one target: decode its file, write its results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from maskcast.engines.large import LargeSegmentation, Tiles
from maskcast.io.digests import digest_of, digest_of_file
from maskcast.io.images import IntensityWindow, read_image
from maskcast.io.read_options import ReadOptions
from maskcast.io.sizes import picture_size, pixels_in
from maskcast.io.storage import Url
from maskcast.io.windowed import MOST_WINDOWS, open_picture
from maskcast.quality.judge import Judge
from maskcast.runs.comparing import stamp_of
from maskcast.runs.crumbs import without_crumbs
from maskcast.runs.kept_planes import PlaneKeeper
from maskcast.runs.large_outputs import render_large_outputs, without_crumbs_of_large
from maskcast.runs.ledger_rows import FoundObject, TargetRow
from maskcast.runs.looks import look_of
from maskcast.runs.outputs import render_outputs
from maskcast.runs.pipeline import Decoded, Opened, WorkItem
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
        judge: of what the engine finds; None leaves scores as they are.
        tiles: how targets that are larger than a tile are cut; None = all are read whole.
        unfinished: folder for what is done of such targets; None = an interruption loses it.
        keeper: of probability planes, which cuts masks by them; None where nobody asks for planes.
        least: object id -> pixels of the smallest part that counts as found; see ``crumbs.py``.
    """

    sink: Sink
    specs: Mapping[int, ObjectSpec]
    window: IntensityWindow | None
    options: ReadOptions
    judge: Judge | None = None
    tiles: Tiles | None = None
    unfinished: Path | None = None
    keeper: PlaneKeeper | None = None
    least: Mapping[int, int] = field(default_factory=dict)

    @property
    def look(self) -> int:
        """See ``TargetRow``."""
        return look_of(self.specs)

    def weigh(self, item: WorkItem) -> int:
        """See ``Work``; nothing is known beforehand of what lies in a store."""
        return pixels_in(item.source, self.options) if isinstance(item.source, Path) else 0

    def open(self, item: WorkItem) -> Opened | None:
        """See ``Work``; what lies in a store is fetched whole, and read whole."""
        path = item.source
        if self.tiles is None or not isinstance(path, Path):
            return None
        times = MOST_WINDOWS if self.tiles.is_asked_for else 1
        height, width = picture_size(path, self.options) or (0, 0)
        if not self.tiles.most_whole < height * width <= times * self.options.max_pixels:
            return None
        size, tag = before = stamp_of(path)
        picture = open_picture(path, window=self.window, options=self.options, times=times)
        digest = digest_of_file(path)
        unchanged = stamp_of(path) == before
        kept = None if self.unfinished is None else self.unfinished / f"{digest.hex()}.tiles"
        return Opened(picture, size, tag, digest if unchanged else None, kept)

    def read(self, item: WorkItem) -> Decoded:
        """See ``Work``."""
        if isinstance(item.source, Path):
            return self._read_file(item.source)
        fetched = _Fetched(item.source)
        decoded = read_image(fetched, window=self.window, options=self.options)
        data = fetched.read_bytes()
        return Decoded(decoded.rgb, decoded.notes, len(data), item.tag, digest_of(data))

    def _read_file(self, path: Path) -> Decoded:
        size, tag = before = stamp_of(path)
        decoded = read_image(path, window=self.window, options=self.options)
        digest = digest_of_file(path)
        # What was replaced while it was read is done again by the next run.
        return Decoded(
            decoded.rgb, decoded.notes, size, tag, digest if stamp_of(path) == before else None
        )

    def write(self, item: WorkItem, decoded: Decoded, found: Segmentation) -> TargetRow:
        """See ``Work``."""
        height, width = decoded.image.shape[:2]
        evidence = found.evidence
        if self.judge is not None:
            found = self.judge.judge(found)
        if self.keeper is not None and found.planes:
            self.keeper.keep(item.name, found)
            found = self.keeper.cut(found)
        shown = without_crumbs(found, self.least)
        files, objects = render_outputs(item.name, decoded.image, shown, self.specs)
        self.sink.put(item.name, files)
        return self._row(item, decoded, (height, width), objects, evidence)

    def write_large(self, item: WorkItem, opened: Opened, found: LargeSegmentation) -> TargetRow:
        """See ``Work``."""
        if self.judge is not None:
            found = self.judge.judge(found)
        found = without_crumbs_of_large(found, self.least)
        files, objects, notes = render_large_outputs(item.name, opened.picture, found, self.specs)
        self.sink.put(item.name, files)
        if opened.kept is not None:
            opened.kept.unlink(missing_ok=True)
            with suppress(OSError):  # others are not finished
                opened.kept.parent.rmdir()
        told = replace(opened, notes=opened.picture.notes + notes)
        return self._row(item, told, (found.height, found.width), objects, found.evidence)

    def _row(
        self,
        item: WorkItem,
        read: Decoded | Opened,
        size: tuple[int, int],
        objects: Sequence[FoundObject],
        evidence: float | None,
    ) -> TargetRow:
        return TargetRow(
            item.image_id,
            item.name,
            "done",
            size,
            read.file_size,
            read.notes,
            None,
            tuple(objects),
            tag=read.tag,
            digest=read.digest,
            look=self.look,
            evidence=evidence,
        )


class _Fetched:
    """An object of a store, fetched once however often it is read."""

    def __init__(self, url: Url) -> None:
        self._url = url
        self._data: bytes | None = None

    def __str__(self) -> str:
        return str(self._url)

    def read_bytes(self) -> bytes:
        """See ``Readable``."""
        if self._data is None:
            self._data = self._url.read_bytes()
        return self._data
