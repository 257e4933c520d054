"""Imports of damaged files: each must end in a summary or in a sentence, never in a traceback.

Files of every format that is read, as maskcast writes them and as other tools do, are changed at
random: in their bytes, in the words and numbers of their texts, and in the values of their JSON.
Each change is imported into a project of its own references::

    python benchmarks/mutations.py [2000] [--formats coco voc] [--seed 0]

A failure is anything but a summary or a ``MaskcastError``, a warning of numpy or of anybody else,
an annotation file that changed though the import failed or cannot be read afterwards, and an import
that takes over 20 seconds. What failed is kept in a folder, which is named.
"""

from __future__ import annotations

import argparse
import json
import logging
import re
import shutil
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from maskcast.errors import MaskcastError
from maskcast.interchange.exporting import export_project
from maskcast.interchange.formats import FORMATS
from maskcast.interchange.importing import ImportOptions, import_annotations
from maskcast.interchange.options import ExportOptions
from maskcast.interchange.reading.readers import READ_FORMATS
from maskcast.project.annotations import read_annotations
from maskcast.project.folder import ProjectFolder
from maskcast.runs.ledger import Ledger
from maskcast.runs.ledger_rows import TargetRow
from maskcast.runs.outputs import OutputFolders, write_outputs
from maskcast.types import Segmentation

HEIGHT, WIDTH = 24, 32
NAMES = ("a.png", "b.png", "c.png")
LONGEST = 20.0
"""Seconds that an import of these small files may take on a busy machine."""

Files = Mapping[str, bytes]
"""Path in the source -> content."""

Change = Callable[[Random, bytes], bytes]


@dataclass(frozen=True)
class Failure:
    """An import that did not end as it should.

    Attributes:
        format_name: of the files.
        number: of the change; the same with the same seed.
        reason: a traceback, or what was wrong.
        source: the changed files.
    """

    format_name: str
    number: int
    reason: str
    source: Path


def main() -> None:
    """Change, import, print a line for each format; exit 1 if any import failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("count", type=int, nargs="?", default=2000, help="changes of each format")
    parser.add_argument("--formats", nargs="+", choices=READ_FORMATS, default=READ_FORMATS)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    kept = Path(tempfile.mkdtemp(prefix="maskcast-mutations-"))
    failed = 0
    logging.disable()  # what libraries say of each damaged file
    print("| format | changed files | imported | refused | failed | seconds |")
    print("|---|---|---|---|---|---|")
    for name in arguments.formats:
        began = time.monotonic()
        outcome = import_mutations(name, arguments.count, kept / name, arguments.seed)
        spent = time.monotonic() - began
        counts = f"{outcome.imported} | {outcome.refused} | {len(outcome.failures)}"
        print(f"| {name} | {arguments.count} | {counts} | {spent:.0f} |", flush=True)
        for failure in outcome.failures:
            print(f"{failure.source}:\n{failure.reason}", file=sys.stderr)
        failed += len(outcome.failures)
    if not failed:
        shutil.rmtree(kept)
    sys.exit(1 if failed else 0)


@dataclass(frozen=True)
class Outcome:
    """What the imports of one format came to."""

    imported: int
    refused: int
    failures: list[Failure]


def import_mutations(name: str, count: int, folder: Path, seed: int = 0) -> Outcome:
    """Import ``count`` changed sources of a format.

    Args:
        name: one of ``READ_FORMATS``.
        count: how many.
        folder: is made; what failed stays in it.
        seed: the same seed changes the same.
    """
    sources = seeds(name, folder / "seeds")
    project = folder / "project"
    draw_pictures(project / "references")
    imported, failures = 0, []
    for number in range(count):
        rng = Random(f"{seed} {name} {number}")  # noqa: S311 - nothing is hidden by it
        source = folder / f"changed-{number}"
        write_files(source, changed(rng, sources))
        options = ImportOptions(strict=rng.random() < 0.1, clean=rng.random() < 0.3)
        is_imported, reason = outcome_of(project, name, source, options)
        imported += is_imported
        if reason is None:
            shutil.rmtree(source)
        else:
            failures.append(Failure(name, number, reason, source))
    return Outcome(imported, count - imported - len(failures), failures)


def outcome_of(
    folder: Path, name: str, source: Path, options: ImportOptions
) -> tuple[bool, str | None]:
    """Import into a project that has no annotations.

    Returns:
        Whether it was imported, and what is wrong with how that ended, if anything.
    """
    project = ProjectFolder.open(folder)
    for left in folder.glob("references/annotations.json*"):
        left.unlink()
    began = time.monotonic()
    is_imported = False
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            import_annotations(project, name, source, options).describe()
            is_imported = True
            read_annotations(project.annotations_path)
        except MaskcastError as error:
            if is_imported:
                return False, f"what was written cannot be read: {error}"
            if "\n" in str(error):
                return False, f"not a sentence: {error}"
            if project.annotations_path.exists():
                return False, f"annotations were written, and then it was refused: {error}"
        except Exception:  # noqa: BLE001 - that is what is looked for
            return False, traceback.format_exc()
    spent = time.monotonic() - began
    return is_imported, f"it took {spent:.0f} s" if spent > LONGEST else None


# ---- what is changed


def seeds(name: str, folder: Path) -> Sequence[Files]:
    """Sources of a format: what maskcast writes, and what others do."""
    written: list[Files] = []
    if name in FORMATS:
        project = finished_project(folder / "project")
        for polygons in (False, True):
            for instances in ("one", "components"):
                dest = folder / f"{polygons}-{instances}"
                options = ExportOptions(polygons=polygons, instances=instances, pictures="none")
                export_project(project, name, dest, options)
                written.append(read_files(dest))
    written += [
        {path: content.encode() for path, content in files.items()}
        for files in OTHERS.get(name, ())
    ]
    return [*written, *pictures()] if name == "masks" else written


def pictures() -> Sequence[Files]:
    """Label maps and masks of further kinds of files."""
    labels = np.where(disc(10, 10, 6), 2, 0).astype(np.uint8)
    white = np.where(labels > 0, 255, 0).astype(np.uint8)
    array = BytesIO()
    np.save(array, labels.astype(np.int32))
    colored = np.where(labels[..., None] > 0, (255, 0, 0), (0, 0, 0)).astype(np.uint8)
    alpha = np.dstack([colored, white])
    kinds: dict[str, list[npt.NDArray[Any]]] = {
        "PNG": [white, labels.astype(np.uint16) * 300, alpha, colored],
        "TIFF": [labels, labels.astype(np.uint16)],
        "JPEG": [white],
        "BMP": [labels],
    }
    return [{"a.npy": array.getvalue()}] + [
        {f"a.{kind.lower()}": encoded(picture, kind)}
        for kind, several in kinds.items()
        for picture in several
    ]


def encoded(picture: npt.NDArray[Any], kind: str) -> bytes:
    """A picture file."""
    stream = BytesIO()
    Image.fromarray(picture).save(stream, kind)
    return stream.getvalue()


def finished_project(folder: Path) -> ProjectFolder:
    """A project with three targets and results on two of them."""
    draw_pictures(folder / "targets")
    (folder / "references").mkdir()
    project = ProjectFolder.open(folder)
    project.output_folder.mkdir()
    with Ledger.create(project.ledger_path, {"engine": "none"}) as ledger:
        for number, image_id in enumerate(NAMES):
            masks = [disc(8 + 4 * key, 10, 5) | disc(26, 18, 2 + key) for key in range(number)]
            found = Segmentation(
                np.arange(1, number + 1, dtype=np.int32),
                np.array(masks, np.bool_).reshape(-1, HEIGHT, WIDTH),
                np.full(number, 0.5, np.float32),
            )
            picture = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
            stem = image_id.removesuffix(".png")
            folders = OutputFolders(project.output_folder)
            objects = tuple(write_outputs(folders, stem, picture, found, {}))
            ledger.record(TargetRow(image_id, stem, "done", (HEIGHT, WIDTH), objects=objects))
    return project


def disc(x: float, y: float, radius: float) -> npt.NDArray[np.bool_]:
    """Bool (24, 32)."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH] + 0.5
    return np.asarray((columns - x) ** 2 + (rows - y) ** 2 <= radius**2)


def draw_pictures(folder: Path) -> None:
    """The pictures that are annotated."""
    folder.mkdir(parents=True)
    for number, name in enumerate(NAMES):
        picture = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
        picture[disc(10, 10, 5 + number)] = (200, 40, 40)
        Image.fromarray(picture).save(folder / name)


def read_files(folder: Path) -> Files:
    """All files below a folder."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def write_files(folder: Path, files: Files) -> None:
    """Write files into a new folder."""
    folder.mkdir(parents=True)
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


# ---- how it is changed


def changed(rng: Random, sources: Sequence[Files]) -> Files:
    """One of the sources, one to three times changed in any of its files."""
    files = dict(rng.choice(sources))
    for _ in range(rng.choice((1, 1, 2, 3))):
        name = rng.choice(sorted(files))
        content = files[name]
        kinds: list[Change] = [change_bytes, change_words]
        if name.endswith(".json"):
            kinds = [change_json, change_json, *kinds]
        if b"\0" in content:  # a picture
            kinds = [change_bytes]
        files[name] = rng.choice(kinds)(rng, content)
        if rng.random() < 0.05:
            renamed = rng.choice(RENAMED)(name)
            if renamed not in files and not any(other.startswith(renamed) for other in files):
                files[renamed] = files.pop(name)
    return files


RENAMED: Sequence[Callable[[str], str]] = (
    str.upper,
    lambda name: name + "x",
    lambda name: f"deeper/{name}",
    lambda name: name.rpartition("/")[2],
    lambda name: name.replace(".", "_"),
)

NUMBERS = (
    *("0", "-0", "-1", "1", "2", "1.0", "1e0", "0.5", "-0.5", "1e-320", "1e9", "1e308", "1e400"),
    *("-1e400", "NaN", "nan", "Infinity", "-Infinity", "inf", "0x10", "1_000", "1e", "٣", "²"),
    *("255", "256", "65536", "2147483647", "2147483648", "4294967296", "9223372036854775808"),
    *("1" * 400, "", " ", "null", "true", "1,5", "1;5"),
)
"""What a number in a text becomes."""

WORDS = (
    *("", "a", "a.png", "../a.png", "/etc/passwd", "C:\\a.png", "a\\u0000b", "\ud7ff", "no", "[]"),
    *("{}", "<a/>", "&amp;", "&#0;", "&x;", "a" * 5000, "\u202ea", "🙂", "null", "é", "rle", "%"),
    *("%ff", "http://[::1", "file:///a.png", "a.png\n", "\t", "polygon", "mask", "rectangle"),
    *("circle", "!!python/object:a", "*x", "&x", "#ff0000", "'", '"', ":", "-", "true"),
)
"""What a word in a text becomes."""

VALUES: Sequence[Any] = (
    *(None, True, False, 0, -1, 1, 2, 1.5, -0.0, 1e308, 2**31, 2**63, 2**64, 10**400, "", "a", "1"),
    *("1.0", "a.png", [], {}, [[]], [{}], {"": 0}, [None], [0, 0], [1, 2, 3], [[1, 2], [3, 4]]),
    *([float("nan")] * 6, float("inf"), float("-inf"), ["1"] * 6, [1e300] * 8, [[-5, -5]] * 3),
    *({"size": [24, 32], "counts": "abc"}, {"size": [24, 32], "counts": [768]}, {"counts": [1]}),
    *({"size": [100000, 100000], "counts": [10**10]}, {"size": [24, 32], "counts": [-1, 769]}),
    *({"size": [2**40, 2], "counts": []}, list(range(200)), "\ud800", "x" * 10000),
)
"""What a value in JSON becomes."""


DEEP = "lists in lists in lists"
"""Stands for what is nested too deeply to be written by json."""


def change_bytes(rng: Random, content: bytes) -> bytes:
    """Flip, cut, repeat or put in bytes anywhere."""
    start = rng.randrange(len(content) + 1)
    end = min(len(content), start + rng.choice((1, 2, 8, 64)))
    kind = rng.randrange(6)
    if kind == 0:
        return content[:start]
    if kind == 1:
        return content[:start] + content[end:]
    if kind == 2:
        return content[:end] + content[start:]
    if kind == 3:
        return content[:start] + rng.randbytes(end - start) + content[end:]
    if kind == 4:
        put = rng.choice(
            (b"\0", b"\xff", b"\xed\xa0\x80", b"\xef\xbb\xbf", b'"', b"<", b"\n", b"[")
        )
        return content[:start] + put * rng.choice((1, 1, 3000)) + content[start:]
    flipped = bytes(byte ^ (1 << rng.randrange(8)) for byte in content[start:end])
    return content[:start] + flipped + content[end:]


def change_words(rng: Random, content: bytes) -> bytes:
    """Replace, leave out or repeat a number, a word or a line."""
    text = content.decode("utf-8", "surrogateescape")
    kind = rng.randrange(4)
    if kind == 3:
        lines = text.split("\n")
        number = rng.randrange(len(lines))
        lines[number : number + 1] = [lines[number]] * rng.choice((0, 2, 50))
        return "\n".join(lines).encode("utf-8", "surrogateescape")
    pattern, others = (r"-?\d+(\.\d+)?", NUMBERS) if kind < 2 else (r"[^\W\d]\w*", WORDS)
    found = list(re.finditer(pattern, text))
    if not found:
        return content
    match = rng.choice(found)
    text = text[: match.start()] + rng.choice(others) + text[match.end() :]
    return text.encode("utf-8", "surrogatepass" if kind == 2 else "surrogateescape")


def change_json(rng: Random, content: bytes) -> bytes:
    """Replace, leave out, repeat or wrap a value anywhere."""
    try:
        root = [json.loads(content)]
    except (ValueError, RecursionError):
        return change_bytes(rng, content)
    places = list(places_in(root))
    holder, key = rng.choice(places)
    value = holder[key]
    kind = rng.randrange(6)
    if kind < 3:
        holder[key] = rng.choice(VALUES)
    elif kind == 3 and holder is not root:
        del holder[key]
    elif kind == 4 and isinstance(holder, list):
        holder[key:key] = [value] * rng.choice((1, 3))
    else:
        holder[key] = rng.choice(([value], {"value": value}, str(value), DEEP))
    depth = rng.choice((200, 5000, 200000))
    return json.dumps(root[0]).replace(f'"{DEEP}"', "[" * depth + "]" * depth).encode()


def places_in(value: Any) -> Iterator[tuple[Any, Any]]:  # noqa: ANN401 - of any JSON
    """Every holder and key of a value in JSON."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in pairs:
        yield value, key
        if isinstance(inner, dict | list):
            yield from places_in(inner)


# ---- files of others


def _coco() -> str:
    square = [4, 6, 14, 6, 14, 16, 4, 16]
    runs = {"size": [HEIGHT, WIDTH], "counts": [100, 10, 658]}
    shapes: list[dict[str, Any]] = [
        {"segmentation": [square, [1, 1, 2, 2]], "bbox": [4, 6, 10, 10]},
        {"segmentation": runs, "iscrowd": 1},
        {"bbox": [1.5, 2.0, 30, 5]},
        {"segmentation": [], "bbox": [1, 1, 3, 3], "category_id": "2"},
    ]
    rows = [{"id": n, "image_id": 1.0, "category_id": 1, **shape} for n, shape in enumerate(shapes)]
    images = [
        {"id": 1, "file_name": "images/a.png", "height": HEIGHT, "width": float(WIDTH)},
        {"id": 2, "file_name": "C:\\x\\b.png"},
    ]
    categories = [{"id": 1, "name": "disc"}, {"id": 2, "name": "edge", "supercategory": "x"}]
    return json.dumps({"images": images, "annotations": rows, "categories": categories})


def _labelme() -> str:
    points = [[4.0, 6.0], [14, 6], [14, 16], [4, 16]]
    kinds = {"polygon": 4, "rectangle": 2, "circle": 2, "line": 2, "point": 1, "rotation": 4}
    shapes = [
        {"label": kind, "shape_type": kind, "points": points[:number], "group_id": None}
        for kind, number in kinds.items()
    ]
    size = {"imageHeight": HEIGHT, "imageWidth": WIDTH}
    return json.dumps({"shapes": shapes, "imagePath": "..\\a.png", "imageData": None, **size})


def _studio() -> str:
    values: dict[str, dict[str, Any]] = {
        "polygonlabels": {"points": [[10, 10], [50, 10], [50, 60]]},
        "rectanglelabels": {"x": 10, "y": 20, "width": 30, "height": 20, "rotation": 30},
        "ellipselabels": {"x": 50, "y": 50, "radiusX": 20, "radiusY": 10, "rotation": 0},
        "keypointlabels": {"x": 10, "y": 20, "width": 0.5},
    }
    results = [
        {
            "id": kind,
            "type": kind,
            "original_width": WIDTH,
            "original_height": HEIGHT,
            "image_rotation": 0,
            "value": {**value, kind: ["disc"]},
        }
        for kind, value in values.items()
    ]
    times = ("2024-01-01T00:00:00Z", "2025-01-01T00:00:00.123456+09:00")
    annotations = [
        {"id": n, "result": results[n:], "updated_at": time, "was_cancelled": False}
        for n, time in enumerate(times)
    ]
    address = "/data/upload/1/3f8a12bc-a%20b.png?d=a.png"
    tasks = [{"id": 1, "data": {"image": address}, "annotations": annotations, "predictions": []}]
    rows = [{"image": "b.png", "label": [results[0]["value"]], "annotator": 1}]
    return json.dumps([*tasks, *rows])


_CVAT = f"""<?xml version="1.0" encoding="utf-8"?>
<annotations><version>1.1</version><meta><task><labels><label><name>disc</name></label></labels>
</task></meta><image id="0" name="a.png" subset="Train" width="{WIDTH}" height="{HEIGHT}">
<box label="disc" xtl="1.0" ytl="2" xbr="9" ybr="12" rotation="20.5" occluded="0"></box>
<ellipse label="disc" cx="16" cy="12" rx="6.5" ry="4" rotation="30"></ellipse>
<polygon label="disc" points="4,6;14,6;14,16;4,16"></polygon>
<polyline label="disc" points="4,6;14,6"></polyline><points label="disc" points="20,20;21,20"/>
<mask label="disc" rle="3, 4, 5" left="2" top="3" width="4" height="3"></mask>
<tag label="bad"></tag><skeleton label="s"><points label="1" points="1,2"/></skeleton>
</image><track id="0" label="disc"><box frame="0" xtl="1" ytl="1" xbr="2" ybr="2"/></track>
</annotations>
"""

_VOC = f"""<annotation><folder>x</folder><filename>a.png</filename>
<size><width>{WIDTH}</width><height>{HEIGHT}</height><depth>3</depth></size>
<object><name>disc</name><difficult>0</difficult>
<bndbox><xmin>5</xmin><ymin>7.0</ymin><xmax>14</xmax><ymax>16</ymax></bndbox>
<polygon><x1>5</x1><y1>7</y1><x2>14</x2><y2>7</y2><x3>14</x3><y3>16</y3></polygon></object>
<object><name>turned</name><robndbox><cx>16</cx><cy>12</cy><w>9</w><h>4</h><angle>0.5</angle>
</robndbox></object>
<object><name>pt</name><polygon><pt><x>3</x><y>3</y></pt><pt><x>9</x><y>3</y></pt><pt><x>9</x>
<y>9</y></pt></polygon></object></annotation>
"""

_ROWS = "0.000000e+00 0.5 0.5 0.25 0.25\n1 0.1 0.1 1.00001 0.1 0.5 0.9\n\n1.0 0.2 0.2 0.1 0.1\n"

_TABLE = (
    "image,id,label,annotator,annotation_id,updated_at\n"
    'a.png,1,"[{""points"":[[10,10],[50,10],[50,60]],""polygonlabels"":[""disc""],'
    '""original_width"":32,""original_height"":24}]",1,1,2024-01-01\n'
)

OTHERS: Mapping[str, Sequence[Mapping[str, str]]] = {
    "coco": ({"instances_train.json": _coco()},),
    "yolo": (
        {"data.yaml": "path: .\nnames: [no, yes]\nnc: 2\n", "labels/train/a.txt": _ROWS},
        {"classes.txt": "disc\nedge\n", "a.txt": _ROWS, "b.txt": ""},
        {"data.yml": "names:\n  0: disc\n  '1': edge\n", "train/labels/a.txt": _ROWS},
    ),
    "voc": ({"Annotations/a.xml": _VOC}, {"a.xml": _VOC, "labelmap.txt": "disc:1,2,3::\n"}),
    "labelme": ({"a.json": _labelme()},),
    "cvat": ({"annotations.xml": _CVAT},),
    "labelstudio": ({"tasks.json": _studio()}, {"rows.csv": _TABLE}),
}
"""Formats -> sources as other tools write them."""


if __name__ == "__main__":
    main()
