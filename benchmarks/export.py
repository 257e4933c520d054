"""Speed and memory of exports, beside supervision's own exporters, from the same results.

Results of drawn targets (512 x 512, up to three objects) are written once; each export then runs in
a process of its own::

    python benchmarks/export.py [--targets 20000] [--peer-targets 2000] [--instances 2000]
    python benchmarks/export.py --targets 2000 --exports coco coco+one  # and nothing else

supervision holds all masks in memory, so it gets fewer targets; its memory grows with them. Its
writers take detections; reading the masks into them counts, as it does for us. Rates per second of
processor time do not suffer from what else a machine does. The last step imports, see
``imports.py``.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from itertools import islice
from pathlib import Path

import numpy as np
from PIL import Image

from imports import measure_imports
from maskcast.demo.wafers import KINDS, draw_inspection_image
from maskcast.interchange.formats import FORMATS
from maskcast.io.images import encode_mask_png
from maskcast.masks import components
from maskcast.runs.ledger import Ledger
from maskcast.runs.ledger_rows import FoundObject, TargetRow
from maskcast.runs.outputs import OutputFolders

VARIANTS = 25

PROGRAM = """
import json, resource, sys, time
from pathlib import Path
root, name, dest = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
import maskcast
project = maskcast.Project.open(root)
if name.startswith("supervision-"):
    import supervision
    began = time.monotonic()
    found = {str(one.path): one.detections('one') for one in project.results()}
    names = [spec.name for spec in project.object_specs(range(1, 4)).values()]
    for one in found.values():
        one.class_id = one.class_id - 1
    data = supervision.DetectionDataset(names, list(found), found)
    labels = str(dest / "labels")
    Path(labels).mkdir(parents=True)
    if name.endswith("coco"):
        data.as_coco(annotations_path=labels + "/coco.json", show_progress=False)
    elif name.endswith("yolo"):
        data.as_yolo(annotations_directory_path=labels, show_progress=False)
    else:
        data.as_pascal_voc(annotations_directory_path=labels, show_progress=False)
else:
    name, *asked = name.split("+")
    options = {"polygons": True} if "polygons" in asked else {}
    options |= {"instances": how for how in asked if how in ("components", "touching", "one")}
    began = time.monotonic()
    project.export(name, dest, **options)
spent = time.monotonic() - began
size = sum(path.stat().st_size for path in dest.rglob("*") if path.is_file())
usage = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps({
    "seconds": spent, "cpu": usage.ru_utime + usage.ru_stime, "mb": usage.ru_maxrss / 1024,
    "size": size / 1e6,
}))
"""


def main() -> None:
    """Draw, export, print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--targets", type=int, default=20000)
    parser.add_argument("--peer-targets", type=int, default=2000)
    parser.add_argument("--exports", nargs="+", help="only these, such as coco+one; no peers")
    parser.add_argument("--instances", type=int, default=2000, help="of the import at the end")
    arguments = parser.parse_args()
    print("| export | targets | images/s | per CPU second | peak MB | MB written |")
    print("|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        few, many = root / "few", root / "many"
        write_results(many, arguments.targets)
        others = ["coco+polygons", "coco+one", "coco+touching", "masks+components"]
        ours = arguments.exports or [*FORMATS, *others]
        for name in ours:
            measure(many, name, root / "out" / name, arguments.targets)
        if arguments.exports:
            return
        write_results(few, arguments.peer_targets)
        measure(few, "coco", root / "out/few", arguments.peer_targets)
        for name in ("coco", "yolo", "voc"):
            label = f"supervision-{name}"
            measure(few, label, root / "out" / label, arguments.peer_targets)
    print()
    measure_imports(arguments.instances)


def measure(project: Path, name: str, dest: Path, targets: int) -> None:
    """Export in a process of its own and print a row."""
    command = [sys.executable, "-c", PROGRAM, str(project), name, str(dest)]
    ended = subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE)
    found = json.loads(ended.stdout.splitlines()[-1])
    rates = f"{targets / found['seconds']:.0f} | {targets / found['cpu']:.0f}"
    print(f"| {name} | {targets} | {rates} | {found['mb']:.0f} | {found['size']:.0f} |", flush=True)


def write_results(root: Path, targets: int) -> None:
    """A project whose run is over; its files are hard links to those of a few drawn targets."""
    folders = OutputFolders(root / "output")
    (root / "references").mkdir(parents=True)
    (root / "targets").mkdir()
    (root / "output").mkdir()
    rng = np.random.default_rng(0)
    drawn = [
        draw_inspection_image(rng, [] if number % 5 == 0 else list(islice(KINDS, 1 + number % 3)))
        for number in range(min(VARIANTS, targets))
    ]
    with Ledger.create(root / "output" / "run.db", {"engine": "none"}) as ledger:
        rows = []
        for number in range(targets):
            reference, name = drawn[number % len(drawn)], f"{number:06}"
            source = f"{number % len(drawn):06}"
            masks = {key: mask for key, mask in reference.masks.items() if mask.any()}
            if number < len(drawn):
                Image.fromarray(reference.image).save(root / "targets" / f"{name}.png")
            else:
                os.link(root / "targets" / f"{source}.png", root / "targets" / f"{name}.png")
            for key, mask in masks.items():
                path = folders.id_mask(name, key)
                path.parent.mkdir(parents=True, exist_ok=True)
                if number < len(drawn):
                    path.write_bytes(encode_mask_png(mask))
                else:
                    os.link(folders.id_mask(source, key), path)
            objects = tuple(found_object(key, mask) for key, mask in masks.items())
            size = (reference.image.shape[0], reference.image.shape[1])
            rows.append(TargetRow(f"{name}.png", name, "done", size, objects=objects))
        ledger.record_all(rows)


def found_object(
    object_id: int, mask: np.ndarray[tuple[int, int], np.dtype[np.bool_]]
) -> FoundObject:
    """What the ledger says of a mask."""
    parts = components(mask)
    edges = np.array([part.box for part in parts])
    box = (*edges[:, :2].min(axis=0).tolist(), *edges[:, 2:].max(axis=0).tolist())
    return FoundObject(object_id, 0.9, int(mask.sum()), len(parts), box)


if __name__ == "__main__":
    main()
