"""From references annotated elsewhere to a training set.

::

    python examples/train_set_from_results.py myproject labels.json dataset

``labels.json`` holds COCO instances of the references; ``dataset`` becomes a YOLO training set of
the targets on which every score is at least 0.5.
"""

from __future__ import annotations

import sys
from pathlib import Path

import maskcast


def main(folder: Path, labels: Path, dataset: Path) -> None:
    """Import, run, export."""
    project = maskcast.Project.open(folder)
    print(project.import_annotations("coco", labels, conflict="merge").describe())
    print(project.run().describe())
    summary = project.export(
        "yolo",
        dataset,
        only="accepted",
        min_score=0.5,
        split=(0.8, 0.1, 0.1),
        pictures="copy",
    )
    print(summary.describe())


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(
            "usage: train_set_from_results.py PROJECT LABELS.json DATASET (see its first lines)"
        )
    main(*map(Path, sys.argv[1:]))
