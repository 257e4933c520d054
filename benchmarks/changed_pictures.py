"""Reading of damaged pictures: each must give a picture or a sentence, in time and in bounds.

Small pictures of every kind that is read are changed at random, mostly in their headers: bits flip,
numbers become extreme ones, tags, chunks and ends go missing, and pieces of other pictures take
their place. Each is read as a picture, damaged ones accepted half of the time, and as a label map::

    python benchmarks/changed_pictures.py [100000] [--seed 0]

A failure is anything but a picture or a ``MaskcastError`` of a single line, a warning (but
Pillow's, which the command keeps to itself), a decoder that ends its process, a picture that takes
over 10 seconds or lets the process' memory grow by over 700 MB, and memory that goes on growing
with their number. Pictures that failed are kept in a folder, which is named. Reading happens in a
process of its own, which is started again after it ended.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from random import Random
from typing import Any

import cv2
import imagecodecs
import numpy as np
import numpy.typing as npt
import tifffile
from PIL import Image

from maskcast.errors import MaskcastError
from maskcast.io.images import read_image
from maskcast.io.label_maps import read_label_map
from maskcast.io.read_options import ReadOptions

LONGEST = 10.0
"""Seconds that a picture may take on a busy machine."""

LARGEST = 700
"""MB that a process may grow by with a picture: two of 4 bytes for each of 200 million pixels
would be 1,600, of what small files may claim a third of that."""

GROWTH = 60
"""MB between what a process holds after a tenth of its pictures and after all of them."""

_PAGE = resource.getpagesize()
_HEADER = 160
_EXTREMES = (0, 1, 2, 3, 7, 8, 0x7F, 0x80, 0xFF, 0x100, 0x7FFF, 0x8000, 0xFFFF, 0x10000, 0x4000)
_WIDE = (*_EXTREMES, 10_000, 14_142, 65_500, 2**24, 2**31 - 1, 2**31, 2**32 - 1)


@dataclass
class Outcome:
    """What reading came to.

    Attributes:
        kinds: suffix -> how many were read and refused.
        failures: of each picture that failed, its number and what was wrong.
        growth: MB between the first tenth and the end, of the process that grew most.
        peak: MB that the largest process ever held.
    """

    kinds: dict[str, Counter[str]] = field(default_factory=dict)
    failures: list[tuple[int, str]] = field(default_factory=list)
    growth: float = 0.0
    peak: float = 0.0


def main() -> None:
    """Change, read, print a line for each kind; exit 1 if any failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("count", type=int, nargs="?", default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--from", dest="first", type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument("--reader", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.reader:
        read_changed(arguments.seed, range(arguments.first, arguments.count))
        return
    began = time.monotonic()
    outcome = read_in_processes(arguments.count, arguments.seed)
    print("| kind | changed pictures | read | refused | failed |")
    print("|---|---|---|---|---|")
    for kind, counts in sorted(outcome.kinds.items()):
        numbers = (counts.total(), counts["read"], counts["refused"], counts["failed"])
        print(f"| {kind} | {' | '.join(map(str, numbers))} |")
    spent = time.monotonic() - began
    print(f"\n{spent:.0f} s, {outcome.peak:.0f} MB at most, grown by {outcome.growth:.0f} MB")
    if outcome.failures:
        report(outcome, arguments.seed)
    sys.exit(1 if outcome.failures or outcome.growth > GROWTH else 0)


def report(outcome: Outcome, seed: int) -> None:
    """Keep the pictures that failed and say what was wrong with them."""
    kept = Path(tempfile.mkdtemp(prefix="maskcast-changed-pictures-"))
    sources = pictures()
    for number, reason in outcome.failures:
        name, data = changed(seed, number, sources)
        path = kept / f"{number}{Path(name).suffix}"
        path.write_bytes(data)
        print(f"{path}: {reason}", file=sys.stderr)


def read_in_processes(count: int, seed: int = 0) -> Outcome:
    """Read ``count`` changed pictures, whatever happens to the process that reads them."""
    outcome = Outcome()
    first = 0
    while first < count:
        first = _read_in_process(first, count, seed, outcome)
    return outcome


def _read_in_process(first: int, count: int, seed: int, outcome: Outcome) -> int:
    """Read pictures until all are read or the process ends; returns which one is next."""
    command = [sys.executable, __file__, str(count), "--seed", str(seed), "--from", str(first)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "1"}
    held: list[float] = []
    kind, following = "?", first
    with subprocess.Popen(
        [*command, "--reader"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment
    ) as reader:
        for said in _sayings(reader):
            if "reads" in said:
                kind, following = said["kind"], said["reads"]
                continue
            following += 1
            outcome.kinds.setdefault(kind, Counter())[said["ended"]] += 1
            if said["ended"] == "failed":
                outcome.failures.append((following - 1, said["reason"]))
            outcome.peak = max(outcome.peak, said["peak"])
            held.append(said["held"])
    if held:
        outcome.growth = max(outcome.growth, held[-1] - max(held[: 1 + len(held) // 10]))
    if reader.returncode:
        outcome.kinds.setdefault(kind, Counter())["failed"] += 1
        reason = f"its process ended with {reader.returncode} (-9: it was ended, too long)"
        outcome.failures.append((following, reason))
        following += 1
    return following


def _sayings(reader: subprocess.Popen[bytes]) -> Iterator[dict[str, Any]]:
    """What a reader says until it ends, or is ended because it says nothing for too long."""
    assert reader.stdout is not None
    while True:
        watch = threading.Timer(6 * LONGEST, reader.kill)
        watch.start()
        line = reader.stdout.readline()
        watch.cancel()
        if not line.endswith(b"\n"):
            return
        yield json.loads(line)


# ---- in the process that reads


def read_changed(seed: int, numbers: range) -> None:
    """Read changed pictures and tell of each, a line of JSON, on standard output."""
    logging.disable()  # what libraries say of each damaged file
    sources = pictures()
    with tempfile.TemporaryDirectory() as folder:
        for number in numbers:
            name, data = changed(seed, number, sources)
            kind = Path(name).suffix
            _say(reads=number, kind=kind)
            path = Path(folder, f"a{kind}")
            path.write_bytes(data)
            before, began = _peak(), time.monotonic()
            with warnings.catch_warnings(record=True) as warned:
                warnings.simplefilter("always")
                warnings.filterwarnings("ignore", module="PIL")  # as the command does
                ended, reason = _end_of_reading(path, accept_damaged=number % 2 == 1)
            spent, grown = time.monotonic() - began, _peak() - before
            if warned:
                ended, reason = "failed", f"it warned: {warned[0].message}"
            if spent > LONGEST:
                ended, reason = "failed", f"it took {spent:.0f} s"
            if grown > LARGEST:
                ended, reason = "failed", f"it took {grown:.0f} MB"
            _say(ended=ended, reason=reason, peak=_peak(), held=_held())


def _say(**what: object) -> None:
    print(json.dumps(what), flush=True)


def _end_of_reading(path: Path, *, accept_damaged: bool) -> tuple[str, str]:
    """``read``, ``refused`` or ``failed``, and why."""
    ended = "refused"
    options = ReadOptions(accept_damaged=accept_damaged)
    for read in (lambda: read_image(path, options=options), lambda: read_label_map(path, options)):
        try:
            read()
            ended = "read"
        except MaskcastError as error:
            if "\n" in str(error) or not str(error).startswith(str(path)):
                return "failed", f"not a sentence about the file: {error}"
        except Exception:  # noqa: BLE001 - that is what is looked for
            return "failed", traceback.format_exc()
    return ended, ""


def _peak() -> float:
    """MB that this process held at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _held() -> float:
    """MB that this process holds."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE / 2**20


# ---- pictures


def pictures() -> Mapping[str, bytes]:
    """Name, unique and with a suffix, -> a small whole picture of every kind that is read."""
    return dict(_pictures())


def _pictures() -> Iterator[tuple[str, bytes]]:
    rng = np.random.default_rng(0)
    gray = np.asarray(cv2.resize(rng.integers(0, 256, (6, 8), np.uint8), (48, 32)), np.uint8)
    rgb = np.dstack([gray, gray[::-1], 255 - gray])
    deep: npt.NDArray[Any] = gray.astype(np.uint16) * 200
    array: npt.NDArray[Any]
    yield from _by_pillow(rgb, gray)
    yield from _tiffs(rgb, gray, deep)
    for name, array in (("gray16.png", deep), ("rgb16.png", np.dstack([deep, deep, deep]))):
        yield name, cv2.imencode(".png", array)[1].tobytes()
    pnm: tuple[tuple[str, npt.NDArray[Any]], ...] = (
        ("a.pgm", gray),
        ("b.ppm", rgb),
        ("c.pgm", deep),
    )
    for name, array in pnm:
        yield name, cv2.imencode(Path(name).suffix, array)[1].tobytes()
    yield "bits.pbm", b"P4\n48 32\n" + np.packbits(gray > 99, axis=1).tobytes()
    yield "text.pgm", b"P2\n8 4\n255\n" + b" ".join(b"%d" % value for value in gray[:4, :8].flat)
    for suffix, codec in ((".jp2", "jp2"), (".j2k", "j2k")):
        for name, array in (("rgb", rgb), ("deep", deep)):
            encoded = imagecodecs.jpeg2k_encode(array, codecformat=codec, level=0)
            yield name + suffix, bytes(encoded)
    yield "lossy.j2k", bytes(imagecodecs.jpeg2k_encode(rgb, codecformat="j2k", level=35))
    for name, array in (("rgb.jxl", rgb), ("deep.jxl", deep)):
        yield name, bytes(imagecodecs.jpegxl_encode(array, lossless=True))
    boxed = imagecodecs.jpegxl_encode(rgb, level=80, usecontainer=True)
    yield "lossy.jxl", bytes(boxed)


def _by_pillow(
    rgb: npt.NDArray[np.uint8], gray: npt.NDArray[np.uint8]
) -> Iterator[tuple[str, bytes]]:
    colors, shades = Image.fromarray(rgb), Image.fromarray(gray)
    alpha = Image.fromarray(np.dstack([rgb, gray]))
    exif = Image.Exif()
    exif[0x0112] = 6
    frames: dict[str, Any] = {"save_all": True, "append_images": [colors.rotate(90), colors]}
    each: tuple[tuple[str, Image.Image, dict[str, Any]], ...] = (
        ("rgb.png", colors, {"exif": exif}),
        ("alpha.png", alpha, {"dpi": (72, 72)}),
        ("bits.png", shades.convert("1"), {}),
        ("palette.png", colors.quantize(11), {}),
        ("rgb.jpg", colors, {"exif": exif, "quality": 80}),
        ("progressive.jpg", colors, {"progressive": True, "restart_marker_blocks": 2}),
        ("gray.jpg", shades, {"optimize": True}),
        ("ink.jpg", colors.convert("CMYK"), {}),
        ("rgb.bmp", colors, {}),
        ("palette.bmp", colors.quantize(11), {}),
        ("palette.gif", colors.quantize(11), {}),
        ("film.gif", colors, frames),
        ("lossy.webp", colors, {"quality": 70}),
        ("alpha.webp", alpha, {"lossless": True, "exif": exif}),
        ("film.webp", colors, frames),
        ("rgb.avif", colors, {"quality": 70, "exif": exif}),
        ("film.avif", colors, frames),
    )
    for name, image, options in each:
        stream = BytesIO()
        image.save(stream, Image.registered_extensions()[Path(name).suffix], **options)
        yield name, stream.getvalue()


def _tiffs(
    rgb: npt.NDArray[np.uint8], gray: npt.NDArray[np.uint8], deep: npt.NDArray[np.uint16]
) -> Iterator[tuple[str, bytes]]:
    each: tuple[tuple[str, npt.NDArray[Any], dict[str, Any]], ...] = (
        ("strips.tif", gray, {"rowsperstrip": 4}),
        ("tiles.tif", rgb, {"tile": (16, 16), "compression": "lzw"}),
        ("big.tif", deep, {"bigtiff": True, "compression": "zlib", "predictor": True}),
        ("other_end.tif", deep, {"byteorder": ">", "rowsperstrip": 8}),
        ("floats.tif", deep.astype(np.float32) / 65535, {"compression": "zstd"}),
        ("planes.tif", np.stack([gray, gray, gray]), {"photometric": "rgb", "planarconfig": 2}),
        ("pages.tif", np.stack([gray, gray, gray]), {"photometric": "minisblack"}),
        ("photo.tif", rgb, {"compression": "jpeg", "tile": (16, 16)}),
        ("j2k.tif", rgb, {"compression": "jpeg2000"}),
        ("packed.tif", gray, {"compression": "packbits"}),
        ("bits.tif", gray > 99, {"photometric": "minisblack"}),
    )
    for name, array, options in each:
        stream = BytesIO()
        tifffile.imwrite(stream, array, **options)
        yield name, stream.getvalue()


# ---- how they are changed


def changed(seed: int, number: int, sources: Mapping[str, bytes]) -> tuple[str, bytes]:
    """A picture, one to four times changed; the same numbers change the same.

    Returns:
        The name of the picture it was, and its content.
    """
    rng = Random(f"{seed} {number}")  # noqa: S311 - nothing is hidden by it
    name = rng.choice(list(sources))
    data = bytearray(sources[name])
    for _ in range(rng.choice((1, 1, 2, 4))):
        _change(rng, data, sources)
    return name, bytes(data)


def _change(rng: Random, data: bytearray, sources: Mapping[str, bytes]) -> None:
    """Change some bytes in place."""
    if not data:
        return
    at = rng.randrange(min(_HEADER, len(data)) if rng.random() < 0.6 else len(data))
    kind = rng.randrange(8)
    if kind == 0:
        data[at] ^= 1 << rng.randrange(8)
    elif kind == 1:
        data[at] = rng.choice((0, 1, 0x7F, 0x80, 0xFE, 0xFF, rng.randrange(256)))
    elif kind in {2, 3}:
        size = rng.choice((2, 4))
        value = rng.choice(_WIDE if size == 4 else _EXTREMES) & (256**size - 1)
        data[at : at + size] = value.to_bytes(size, rng.choice(("big", "little")))
    elif kind == 4:
        del data[rng.randrange(len(data)) :]
    elif kind == 5:
        del data[at : at + rng.choice((1, 2, 4, 12, 200))]
    elif kind == 6:
        data[at:at] = data[at : at + rng.choice((1, 4, 12, 50))] * rng.choice((1, 2, 300))
    else:
        other = sources[rng.choice(list(sources))]
        start = rng.randrange(len(other))
        piece = other[start : start + rng.choice((4, 12, 64, 500))]
        data[at : at + rng.choice((0, len(piece)))] = piece


if __name__ == "__main__":
    main()
