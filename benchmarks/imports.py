"""Speed and memory of imports: 2,000 instances of five classes on one picture of 12 megapixels.

The same outlines, runs and label maps in every format that is read, each imported in a process of
its own; ``export.py`` runs this as its last step::

    python benchmarks/imports.py [--instances 2000]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from maskcast.interchange.formats.brush_rle import encode_runs
from maskcast.masks import cut_out, encode_rle

WIDTH, HEIGHT = 4000, 3000
CLASSES = 5
NAMES = [f"c{number}" for number in range(1, CLASSES + 1)]
MOST_BRUSHES = 200
"""A brush of Label Studio holds the whole picture, so nobody has thousands of them on one."""

PROGRAM = """
import json, resource, sys, time
from pathlib import Path
import maskcast
from maskcast.interchange.importing import ImportOptions, import_annotations
root, name, source, instances = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]), sys.argv[4]
project = maskcast.Project.open(root)
began = time.monotonic()
import_annotations(project, name, source, ImportOptions(instances=instances == "True"))
spent = time.monotonic() - began
usage = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps({"seconds": spent, "mb": usage.ru_maxrss / 1024}))
"""

Ring = npt.NDArray[np.float64]


def main() -> None:
    """Draw, import, print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--instances", type=int, default=2000)
    measure_imports(parser.parse_args().instances)


def measure_imports(instances: int) -> None:
    """Import the instances in every format and print a row for each."""
    print("| import | instances | seconds | peak MB |")
    print("|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for label, name, source, count in written(root / "in", rings(instances)):
            project = root / label.replace(" ", "-")
            draw_reference(project)
            is_instances = "instances" in label
            paths = (str(project), name, str(source))
            command = [sys.executable, "-c", PROGRAM, *paths, str(is_instances)]
            ended = subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE)
            found = json.loads(ended.stdout.splitlines()[-1])
            print(f"| {label} | {count} | {found['seconds']:.1f} | {found['mb']:.0f} |", flush=True)


def rings(count: int) -> list[Ring]:
    """Outlines of discs of 20 to 240 pixels, 40 corners each."""
    rng = np.random.default_rng(0)
    angles = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    circle = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    middles = rng.uniform((50, 50), (WIDTH - 50, HEIGHT - 50), (count, 2))
    return [
        np.asarray((middle + radius * circle).clip(0, (WIDTH, HEIGHT)).round(2))
        for middle, radius in zip(middles, rng.uniform(10, 120, count), strict=True)
    ]


def draw_reference(project: Path) -> None:
    """A project of one picture."""
    (project / "references").mkdir(parents=True)
    noise = np.random.default_rng(1).integers(0, 256, (HEIGHT // 8, WIDTH // 8, 3), dtype=np.uint8)
    picture = Image.fromarray(noise).resize((WIDTH, HEIGHT))
    picture.save(project / "references" / "a.jpg")


def written(folder: Path, outlines: list[Ring]) -> Iterator[tuple[str, str, Path, int]]:
    """The outlines in each format: label, format, source and how many there are."""
    folder.mkdir()
    count = len(outlines)
    rows = list(enumerate(outlines))
    polygons = [[ring.ravel().tolist()] for ring in outlines]
    yield "coco", "coco", coco(folder / "polygons.json", polygons), count
    codes = [encode_rle(filled(ring)) for ring in outlines]
    yield "coco runs", "coco", coco(folder / "runs.json", codes), count
    yield "yolo", "yolo", yolo(folder / "yolo", rows), count
    yield "voc", "voc", voc(folder / "voc", rows), count
    yield "labelme", "labelme", labelme(folder / "a.json", rows), count
    yield "cvat", "cvat", cvat(folder / "a.xml", rows), count
    yield "labelstudio", "labelstudio", tasks(folder / "tasks.json", rows, brushes=False), count
    brushed = rows[:MOST_BRUSHES]
    source = tasks(folder / "brushes.json", brushed, brushes=True)
    yield "labelstudio brushes", "labelstudio", source, len(brushed)
    yield "masks", "masks", label_map(folder / "ids", rows, CLASSES), count
    yield "masks instances", "masks", label_map(folder / "cells", rows, count), count


def filled(ring: Ring) -> npt.NDArray[np.bool_]:
    """The pixels of an outline, near enough."""
    canvas = np.zeros((HEIGHT, WIDTH), np.uint8)
    cv2.fillPoly(canvas, [ring.astype(np.int32)], 1)
    return canvas.view(np.bool_)


def coco(path: Path, segmentations: Sequence[object]) -> Path:
    """A file of instances."""
    common = {"image_id": 1, "iscrowd": 0}
    annotations = [
        {"id": number, "category_id": 1 + number % CLASSES, **common, "segmentation": shape}
        for number, shape in enumerate(segmentations)
    ]
    image = {"id": 1, "file_name": "a.jpg", "width": WIDTH, "height": HEIGHT}
    categories = [{"id": number, "name": name} for number, name in enumerate(NAMES, 1)]
    parts = {"images": [image], "annotations": annotations, "categories": categories}
    path.write_text(json.dumps(parts))
    return path


def yolo(folder: Path, rows: list[tuple[int, Ring]]) -> Path:
    """A folder of labels."""
    (folder / "labels").mkdir(parents=True)
    (folder / "data.yaml").write_text(json.dumps({"names": NAMES}))
    lines = [
        f"{number % CLASSES} " + " ".join(map(str, (ring / (WIDTH, HEIGHT)).ravel().tolist()))
        for number, ring in rows
    ]
    (folder / "labels" / "a.txt").write_text("\n".join(lines))
    return folder


def voc(folder: Path, rows: list[tuple[int, Ring]]) -> Path:
    """A file of polygons, counted from 1."""
    objects = []
    for number, ring in rows:
        corners = "".join(
            f"<x{i}>{x:.2f}</x{i}><y{i}>{y:.2f}</y{i}>" for i, (x, y) in enumerate(ring + 1, 1)
        )
        name = NAMES[number % CLASSES]
        objects.append(f"<object><name>{name}</name><polygon>{corners}</polygon></object>")
    folder.mkdir()
    size = f"<size><width>{WIDTH}</width><height>{HEIGHT}</height></size>"
    path = folder / "a.xml"
    path.write_text(f"<annotation>{size}{''.join(objects)}</annotation>")
    return path


def labelme(path: Path, rows: list[tuple[int, Ring]]) -> Path:
    """A file of polygons."""
    shapes = [
        {"label": NAMES[number % CLASSES], "points": ring.tolist(), "shape_type": "polygon"}
        for number, ring in rows
    ]
    path.write_text(json.dumps({"imagePath": "a.jpg", "imageData": None, "shapes": shapes}))
    return path


def cvat(path: Path, rows: list[tuple[int, Ring]]) -> Path:
    """A file of polygons."""
    polygons = []
    for number, ring in rows:
        points = ";".join(f"{x},{y}" for x, y in ring.tolist())
        polygons.append(f'<polygon label="{NAMES[number % CLASSES]}" points="{points}"/>')
    image = f'<image id="0" name="a.jpg" width="{WIDTH}" height="{HEIGHT}">'
    path.write_text(f"<annotations>{image}{''.join(polygons)}</image></annotations>")
    return path


def runs_of(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """Lengths of background and mask in turn, row by row."""
    cutout = cut_out(mask)
    return np.array([mask.size]) if cutout is None else cutout.runs(mask.shape)


def tasks(path: Path, rows: list[tuple[int, Ring]], *, brushes: bool) -> Path:
    """A task of polygons or of brushes."""
    size = {"original_width": WIDTH, "original_height": HEIGHT}
    result: list[dict[str, object]] = []
    for number, ring in rows:
        labels = [NAMES[number % CLASSES]]
        if brushes:
            code = list(encode_runs(runs_of(filled(ring))))
            value: dict[str, object] = {"format": "rle", "rle": code, "brushlabels": labels}
        else:
            percent = (ring / (WIDTH, HEIGHT) * 100).tolist()
            value = {"points": percent, "polygonlabels": labels}
        result.append({"id": str(number), "value": value, **size})
    task = {"id": 1, "data": {"image": "a.jpg"}, "annotations": [{"id": 1, "result": result}]}
    path.write_text(json.dumps([task]))
    return path


def label_map(folder: Path, rows: list[tuple[int, Ring]], most: int) -> Path:
    """A label map with so many values, of 16 bits where that needs them."""
    folder.mkdir()
    canvas = np.zeros((HEIGHT, WIDTH), np.int32)
    for number, ring in rows:
        cv2.fillPoly(canvas, [ring.astype(np.int32)], 1 + number % most)
    kind = np.uint8 if most < 256 else np.uint16
    Image.fromarray(canvas.astype(kind)).save(folder / "a.png", compress_level=1)
    return folder


if __name__ == "__main__":
    main()
