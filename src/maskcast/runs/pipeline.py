"""The run on one screen: decode ahead, propagate in batches, write behind, record.

Targets flow through three stages that overlap: threads decode, the engine propagates in the
calling thread (on a GPU in its own), threads write the files and hand over the row of each target
that is finished, while the engine may be busy with the next batch. Every stage holds a bounded
number of targets, so memory does not grow with their count, and no stage knows what the others do.
"""

from __future__ import annotations

import logging
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Final, Protocol, TypeVar

from maskcast.engines.base import Engine, Probabilistic
from maskcast.engines.large import LargeEngine, LargeSegmentation, Tiles, Unfinished
from maskcast.errors import MaskcastError, StorageError
from maskcast.io.atomic import raise_if_storage
from maskcast.io.printable import printable
from maskcast.io.storage import Place, Tag
from maskcast.io.windowed import OpenedPicture
from maskcast.runs.by_tiles import mask_by_tiles
from maskcast.runs.ledger_rows import TargetRow
from maskcast.types import MemoryBank, RgbImage, Segmentation

logger = logging.getLogger(__name__)

PIXELS_AHEAD: Final = 24_000_000
"""Of targets that are decoded ahead, and of those that an engine on a CPU gets at a time."""

Item = TypeVar("Item")
Result = TypeVar("Result")

Record = Callable[[Sequence[TargetRow]], None]
"""Takes the rows of targets whose files are in place, from any thread; see ``Recorder``."""


@dataclass(frozen=True)
class WorkItem:
    """A target to be done.

    Attributes:
        image_id: POSIX path relative to the targets folder, suffix kept.
        source: where its file is.
        name: what its output files get.
        size: bytes of the file, where the listing told.
        tag: see ``storage.Tag``, where the listing told.
    """

    image_id: str
    source: Place
    name: str
    size: int | None = None
    tag: Tag = None


@dataclass(frozen=True)
class Failure:
    """Why a target could not be done."""

    reason: str


@dataclass(frozen=True)
class Decoded:
    """A decoded target.

    Attributes:
        image: uint8 (H, W, 3) RGB.
        notes: what the user should know of how it was read.
        file_size: bytes of the file; None if unknown.
        tag: see ``storage.Tag``.
        digest: of the bytes that were read; None if they changed meanwhile.
    """

    image: RgbImage
    notes: tuple[str, ...]
    file_size: int | None
    tag: Tag = None
    digest: bytes | None = None


@dataclass(frozen=True)
class Opened:
    """A target that is masked tile by tile; see ``Decoded``.

    Attributes:
        picture: read by windows; closed by whoever writes its results or says why there are none.
        file_size: bytes of the file; None if unknown.
        tag: see ``storage.Tag``.
        digest: of the file; None if it changed meanwhile.
        kept: file where an engine may keep what is done of it; None = nowhere.
        notes: what the user should know of its results, beside the picture's own.
    """

    picture: OpenedPicture
    file_size: int | None
    tag: Tag = None
    digest: bytes | None = None
    kept: Path | None = None
    notes: tuple[str, ...] = ()


class Work(Protocol):
    """What the stages do: ``work.FileWork``; tests may build another."""

    @property
    def tiles(self) -> Tiles | None:
        """How large targets are cut; None = none are."""

    def open(self, item: WorkItem) -> Opened | None:
        """Open a target that is masked tile by tile; None of one that is read whole.

        Whatever is raised makes it fail alone.
        """

    def write_large(self, item: WorkItem, opened: Opened, found: LargeSegmentation) -> TargetRow:
        """See ``write``."""

    def weigh(self, item: WorkItem, /) -> int:
        """About how many pixels reading a target takes, by its header; 0 if that is not known."""

    def read(self, item: WorkItem) -> Decoded:
        """Decode a target; whatever is raised makes it fail alone."""

    def write(self, item: WorkItem, decoded: Decoded, found: Segmentation) -> TargetRow:
        """Write all files of a target; ``StorageError`` ends the run, others fail it alone."""


Content = Decoded | Opened | Failure
_Found = Segmentation | LargeSegmentation | Failure
_Segmented = tuple[WorkItem, Content, _Found]


def run_pipeline(
    items: Iterable[WorkItem],
    work: Work,
    batches: BatchRunner,
    workers: int,
    record: Record,
) -> None:
    """Take targets through read, propagate and write.

    Args:
        items: consumed lazily; end it early to stop, what is in flight is still finished.
        work: what to read and write.
        batches: runs the engine.
        workers: threads for reading, and as many for writing.
        record: is given each row as soon as the files of its target are in place.

    Raises:
        StorageError: if the disk is full or not writable.
    """

    def finish(step: _Segmented) -> None:
        record([_write(work, *step)])

    with (
        ThreadPoolExecutor(workers, "read") as readers,
        ThreadPoolExecutor(workers, "write") as writers,
    ):
        decoded = map_ahead(
            readers,
            lambda item: (item, _read(work, item)),
            items,
            ahead=batches.size + workers,
            weigh=work.weigh,
        )
        segmented = batches.run(decoded)
        deque(map_ahead(writers, finish, segmented, workers, weigh=_pixels), maxlen=0)


def map_ahead(
    executor: Executor,
    function: Callable[[Item], Result],
    items: Iterable[Item],
    ahead: int,
    weigh: Callable[[Item], int] = lambda _: 0,
) -> Iterator[Result]:
    """Map in threads, in order, some items ahead.

    Args:
        executor: of the threads.
        function: to be mapped.
        items: consumed as they are started.
        ahead: most items that are started and not yet yielded.
        weigh: pixels of an item; no more than ``PIXELS_AHEAD`` are started and not yet yielded,
            unless a single item has more.
    """
    source = iter(items)
    pending: deque[tuple[Future[Result], int]] = deque()
    waiting: list[tuple[Item, int]] = []  # at most one, which there was no room for

    def start(held: int) -> None:
        """Start what there is room for beside the result that was yielded last."""
        while len(pending) < ahead:
            waiting.extend((item, weigh(item)) for item in islice(source, 1 - len(waiting)))
            if not waiting:
                return
            pixels = held + sum(weight for _, weight in pending)
            item, weight = waiting[0]
            if pixels and pixels + weight > PIXELS_AHEAD:
                return
            waiting.clear()
            pending.append((executor.submit(function, item), weight))

    start(0)
    while pending:
        future, weight = pending.popleft()
        result = future.result()
        start(weight)
        yield result
        if not pending:
            start(0)


def _pixels(step: _Segmented) -> int:
    _, content, _ = step
    return pixels_of(content)


def pixels_of(content: Content) -> int:
    """Of a target; 0 if it could not be read."""
    if isinstance(content, Opened):
        return content.picture.height * content.picture.width
    return content.image[..., 0].size if isinstance(content, Decoded) else 0


def _has_room(pending: Iterable[tuple[object, int]], ahead: int, weight: int) -> bool:
    weights = [other for _, other in pending]
    return not weights or (len(weights) < ahead and sum(weights) + weight <= PIXELS_AHEAD)


def until(stop: threading.Event, items: Iterable[Item]) -> Iterator[Item]:
    """``items``, ending early once ``stop`` is set."""
    for item in items:
        if stop.is_set():
            return
        yield item


class BatchRunner:
    """Runs the engine over a stream of decoded targets in batches of one size.

    An engine on a GPU gets a thread of its own: what it found in a batch is taken up and written
    while it is busy with the next. On a CPU that would gain nothing and hold more in memory.

    A batch that raises is tried again one target at a time, so that a bad one fails alone; a batch
    that runs out of memory is halved, and the smaller size is kept. Several threads may ``run`` at
    a time; the engine serves one batch at a time.
    """

    def __init__(
        self,
        engine: Engine,
        bank: MemoryBank,
        size: int,
        *,
        planes: bool = False,
        tiles: Tiles | None = None,
    ) -> None:
        """Run ``engine``.

        Args:
            engine: has learned ``bank``.
            bank: of the references.
            size: most targets in a batch.
            planes: whether it is asked for probability planes, too.
            tiles: how targets that are opened are cut.
        """
        self.size = size
        self._tiles = tiles
        self._engine = engine
        self._cast = (
            engine.propagate_with_planes
            if planes and isinstance(engine, Probabilistic)
            else engine.propagate
        )
        self._bank = bank
        self._turn = threading.Lock()  # engines are not thread-safe

    def run(
        self,
        decoded: Iterable[tuple[WorkItem, Content]],
    ) -> Iterator[_Segmented]:
        """Yield each target with what was found in it, in input order."""
        batches = self._batches(decoded)
        if self._engine.info.device == "cpu":
            yield from chain.from_iterable(map(self._mask, batches))
            return
        with ThreadPoolExecutor(1, "engine") as thread:
            yield from chain.from_iterable(map_ahead(thread, self._mask, batches, ahead=1))

    def _batches(
        self, decoded: Iterable[tuple[WorkItem, Content]]
    ) -> Iterator[list[tuple[WorkItem, Content]]]:
        """At most ``size`` targets; on a CPU ``PIXELS_AHEAD`` pixels unless a single one has more.

        A GPU has its own memory, and needs its batches full.
        """
        most = PIXELS_AHEAD if self._engine.info.device == "cpu" else sys.maxsize
        batch: list[tuple[WorkItem, Content]] = []
        pixels = 0
        for item, content in decoded:
            more = pixels_of(content)
            if batch and (len(batch) >= self.size or pixels + more > most):
                yield batch
                batch, pixels = [], 0
            batch.append((item, content))
            pixels += more
        if batch:
            yield batch

    def _mask(
        self,
        batch: list[tuple[WorkItem, Content]],
    ) -> list[_Segmented]:
        images = [content.image for _, content in batch if isinstance(content, Decoded)]
        found: list[Segmentation | Failure] = []
        while len(found) < len(images):  # the size may shrink meanwhile
            found += self._propagate(images[len(found) : len(found) + self.size])
        each = iter(found)
        segmented: list[_Segmented] = []
        for item, content in batch:
            if isinstance(content, Opened):
                segmented.append((item, content, self._mask_large(content)))
            else:
                result = content if isinstance(content, Failure) else next(each)
                segmented.append((item, content, result))
        return segmented

    def _mask_large(self, opened: Opened) -> LargeSegmentation | Failure:
        """Mask one target tile by tile."""
        tiles = self._tiles or Tiles.of_large()
        try:
            with self._turn:
                if isinstance(self._engine, LargeEngine):
                    unfinished = self._unfinished(opened)
                    return self._engine.propagate_large(
                        self._bank, opened.picture, tiles, unfinished
                    )
                return mask_by_tiles(self._engine, self._bank, opened.picture, tiles, self.size)
        except StorageError:
            raise
        except MaskcastError as error:
            return Failure(str(error))
        except OSError as error:
            raise_if_storage(error, opened.kept or Path(tempfile.gettempdir()))
            return Failure(_engine_reason(error))
        except Exception as error:
            logger.debug("the engine failed on a large target", exc_info=True)
            return Failure(_engine_reason(error))

    def _unfinished(self, opened: Opened) -> Unfinished | None:
        """Where the rows of tiles that are done are kept; nowhere if the file is changing."""
        if opened.kept is None or opened.digest is None:
            return None
        return Unfinished(opened.kept, f"{self._bank.fingerprint} {opened.digest.hex()}")

    def _propagate(self, images: list[RgbImage]) -> list[Segmentation | Failure]:
        try:
            with self._turn:
                return list(self._cast(self._bank, images))
        except Exception as error:
            logger.debug("the engine failed on %d targets", len(images), exc_info=True)
            if len(images) == 1:
                return [Failure(_engine_reason(error))]
            part = len(images) // 2 if is_out_of_memory(error) else 1
        if part > 1:
            self.size = part
        return [
            result
            for start in range(0, len(images), part)
            for result in self._propagate(images[start : start + part])
        ]


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an engine ran out of memory, on the host or (by class name) on a device."""
    return isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"


def _read(work: Work, item: WorkItem) -> Content:
    try:
        return work.open(item) or work.read(item)
    except MemoryError:
        return Failure("there is not enough memory to decode it")
    except Exception as error:
        logger.debug("%s cannot be read", printable(str(item.source)), exc_info=True)
        return Failure(_sentence(error))


def _write(work: Work, item: WorkItem, content: Content, found: _Found) -> TargetRow:
    try:
        if isinstance(content, Failure):
            return _failed(item, content)
        if isinstance(found, Failure):
            return _failed(item, found)
        if isinstance(content, Decoded) and isinstance(found, Segmentation):
            return work.write(item, content, found)
        if isinstance(content, Opened) and isinstance(found, LargeSegmentation):
            return work.write_large(item, content, found)
        return _failed(item, Failure("the engine gave no masks for it"))
    except StorageError:
        raise
    except Exception as error:
        shown = printable(str(item.source))
        logger.debug("the files of %s cannot be written", shown, exc_info=True)
        return _failed(item, Failure(f"its files cannot be written: {_sentence(error)}"))
    finally:
        if isinstance(content, Opened):
            content.picture.close()


def _failed(item: WorkItem, failure: Failure) -> TargetRow:
    return TargetRow(item.image_id, item.name, "failed", reason=failure.reason)


def _engine_reason(error: BaseException) -> str:
    if is_out_of_memory(error):
        return "the engine ran out of memory on this image alone; use a smaller image"
    return f"the engine failed on it: {_sentence(error)}"


def _sentence(error: BaseException) -> str:
    """What went wrong, for a person; errors that are not ours also say their class."""
    if isinstance(error, (MaskcastError, OSError)):
        return str(error)
    return f"{type(error).__name__}: {error}"
