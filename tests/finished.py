"""Projects whose run is over, without running an engine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from maskcast.io.digests import digest_of_file
from maskcast.io.images import encode_jpeg
from maskcast.io.output_names import output_names
from maskcast.project.folder import ProjectFolder
from maskcast.runs.comparing import stamp_of
from maskcast.runs.ledger import Ledger
from maskcast.runs.ledger_rows import TargetRow
from maskcast.runs.outputs import OutputFolders, write_outputs
from maskcast.runs.shards import ShardPlan
from maskcast.types import Segmentation
from support import write_png

Mask = npt.NDArray[np.bool_]

SIZE = (6, 8)


def finished_project(
    root: Path,
    found: Mapping[str, Mapping[int, Mask]],
    scores: Mapping[int, float] | None = None,
    failed: Mapping[str, str] | None = None,
) -> ProjectFolder:
    """A project with drawn targets, their results and the ledger.

    Args:
        root: the project folder to make.
        found: image id -> object id -> mask of shape ``SIZE``.
        scores: of object ids; 0.75 unless given.
        failed: image id -> reason.
    """
    root.mkdir(parents=True, exist_ok=True)
    (root / "references").mkdir(exist_ok=True)
    project = ProjectFolder.open(root)
    project.output_folder.mkdir()
    names = output_names(found)
    with Ledger.create(project.ledger_path, {"engine": "none"}) as ledger:
        for image_id, masks in found.items():
            segmentation = Segmentation(
                np.array(sorted(masks), np.int32),
                np.array([masks[key] for key in sorted(masks)], np.bool_).reshape(-1, *SIZE),
                np.array([(scores or {}).get(key, 0.75) for key in sorted(masks)], np.float32),
            )
            image = picture_of(image_id)
            write_picture(project.targets_folder / image_id, image)
            folders = OutputFolders(project.output_folder)
            objects = write_outputs(folders, names[image_id], image, segmentation, {})
            row = TargetRow(image_id, names[image_id], "done", SIZE, objects=tuple(objects))
            ledger.record(row)
        for image_id, reason in (failed or {}).items():
            (project.targets_folder / image_id).touch()
            ledger.record(TargetRow(image_id, image_id, "failed", reason=reason))
    masked_as_they_are(project)
    return project


def masked_as_they_are(project: ProjectFolder) -> None:
    """Let the ledger say that the targets were masked as they are now."""
    with Ledger.open(project.ledger_path) as ledger:
        for row in list(ledger.rows()):
            path = project.targets_folder / row.image_id
            size, tag = stamp_of(path)
            ledger.record(replace(row, file_size=size, tag=tag, digest=digest_of_file(path)))


def packed(project: ProjectFolder, size: int, output: Path) -> ProjectFolder:
    """The same project with the same results in shards of so many targets.

    Args:
        project: its results are files.
        size: targets in a shard.
        output: the output folder to make.
    """
    folders = OutputFolders(project.output_folder)
    with Ledger.open(project.ledger_path) as ledger:
        rows = list(ledger.rows())
    output.mkdir()
    with Ledger.create(output / "run.db", {"engine": "none", "layout": "shards"}) as ledger:
        plan = ShardPlan(output, ledger.run_id, size)
        done = [row for row in rows if row.state == "done"]
        for start in range(0, len(done), size):
            chunk = done[start : start + size]
            results = {
                row.name: {
                    path.relative_to(folders.root).as_posix(): path.read_bytes()
                    for path in folders.files(row.name)
                }
                for row in chunk
            }
            shard = plan.write(chunk, results)
            ledger.record_all([replace(row, shard=shard) for row in chunk])
        ledger.record_all([row for row in rows if row.state == "failed"])
    return ProjectFolder.open(project.root, {"paths": {"output": output}})


def picture_of(image_id: str) -> npt.NDArray[np.uint8]:
    """A picture of shape ``SIZE`` with a colour of its own."""
    rng = np.random.default_rng(len(image_id))
    return np.broadcast_to(rng.integers(0, 255, 3, np.uint8), (*SIZE, 3)).copy()


def write_picture(path: Path, image: npt.NDArray[np.uint8]) -> None:
    """A JPEG or PNG, by the suffix."""
    if path.suffix == ".png":
        write_png(path, image)
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encode_jpeg(image))
