"""Run a project and look at its results.

::

python examples/results_in_python.py myproject
"""

from __future__ import annotations

import sys
from pathlib import Path

import maskcast


def main(folder: Path) -> None:
    """Run what is not done yet, then print what was found on each target."""
    project = maskcast.Project.open(folder)
    summary = project.run()
    print(summary.describe())
    for result in project.results():
        masks = result.masks()
        found = [
            f"{result.names[seen.object_id]} {seen.score:.2f} ({masks[seen.object_id].mean():.2%})"
            for seen in result.found
        ]
        print(result.image_id, ", ".join(found) or "nothing found")
    draw_first(project)


def draw_first(project: maskcast.Project) -> None:
    """Draw the first target with supervision, if that is installed."""
    try:
        import supervision
    except ImportError:
        print("pip install -e '.[supervision]' to draw the results")
        return
    result = next((result for result in project.results() if result.found), None)
    if result is not None:
        scene = result.image()[..., ::-1].copy()
        drawn = supervision.MaskAnnotator().annotate(scene, result.detections())
        print(f"drew {result.image_id}, {drawn.shape[1]} x {drawn.shape[0]} pixels")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
