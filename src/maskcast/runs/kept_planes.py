"""Probability planes on disk, beside the results: one file a target, within a bound.

A file is a ZIP that any program opens: a gray PNG for each object, whose pixels are levels (see
``engines.planes``), and ``found.json`` with what the engine said of its own masks.
"""

from __future__ import annotations

import io
import json
import threading
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt

from maskcast.engines.planes import HIGHEST, Calibration
from maskcast.errors import RunError, SettingsError, StorageError
from maskcast.io.atomic import write_atomically
from maskcast.runs.cuts import Cuts, Judged, recut
from maskcast.types import Plane, Segmentation, check_object_id

FOLDER: Final = "probabilities"
_SUFFIX: Final = ".zip"
_FOUND: Final = "found.json"
_CALIBRATION: Final = "calibration.json"
_CUTS: Final = "cuts.json"


@dataclass(frozen=True)
class KeptPlanes:
    """What is kept of one target.

    Attributes:
        planes: object id -> uint8 (H, W).
        own: of the engine's own masks.
    """

    planes: Mapping[int, Plane]
    own: Judged


def planes_path(output: Path, name: str) -> Path:
    """Where the planes of a target are, by its output name."""
    return output / FOLDER / f"{name}{_SUFFIX}"


def encode_planes(found: Segmentation) -> bytes:
    """A file of the planes of a target."""
    right = [None] * len(found.scores) if found.right is None else found.right.tolist()
    judged = zip(found.object_ids.tolist(), found.scores.tolist(), right, strict=True)
    told = {
        "objects": {str(key): {"score": score, "right": share} for key, score, share in judged},
        "levels": {str(key): _histogram(plane) for key, plane in found.planes.items()},
    }
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as file:
        file.writestr(_FOUND, json.dumps(told))
        for key, plane in sorted(found.planes.items()):
            _, png = cv2.imencode(".png", plane, [cv2.IMWRITE_PNG_COMPRESSION, 1])
            file.writestr(f"{key}.png", png.tobytes())
    return data.getvalue()


def _histogram(plane: Plane) -> list[int]:
    """Pixels of each level."""
    counts: list[int] = np.bincount(plane.ravel(), minlength=HIGHEST + 1).tolist()
    return counts


def read_planes(path: Path) -> KeptPlanes:
    """The planes of a target.

    Raises:
        RunError: if they are not there, or damaged.
    """
    try:
        with zipfile.ZipFile(path) as file:
            told = json.loads(file.read(_FOUND))
            own = {
                int(key): (float(each["score"]), None if (r := each["right"]) is None else float(r))
                for key, each in told["objects"].items()
            }
            names = [name for name in file.namelist() if name.endswith(".png")]
            planes = {_object_id(name): _decoded(file.read(name)) for name in names}
    except FileNotFoundError as error:
        raise RunError(f"{path} is not there: no probabilities are kept of it") from error
    except (OSError, zipfile.BadZipFile, ValueError, KeyError, TypeError, AttributeError) as error:
        raise RunError(f"{path} is damaged; do its target again with --redo") from error
    if len({plane.shape for plane in planes.values()}) > 1:
        raise RunError(f"{path} is damaged; do its target again with --redo")
    return KeptPlanes(planes, own)


def _object_id(name: str) -> int:
    object_id = int(name.removesuffix(".png"))
    check_object_id(object_id)
    return object_id


def _decoded(png: bytes) -> Plane:
    plane = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_UNCHANGED)
    if plane is None or plane.ndim != 2 or plane.dtype != np.uint8:
        raise ValueError("not a gray PNG of 8 bits")
    return np.asarray(plane, np.uint8)


def level_counts(output: Path, names: Iterable[str]) -> dict[int, npt.NDArray[np.int64]]:
    """Object id -> pixels of each level over all these targets, int64; damaged ones left out."""
    counts: dict[int, npt.NDArray[np.int64]] = {}
    for name in names:
        try:
            with zipfile.ZipFile(planes_path(output, name)) as file:
                told = json.loads(file.read(_FOUND))["levels"]
            for key, values in told.items():
                zeros = np.zeros(HIGHEST + 1, np.int64)
                counts[int(key)] = counts.get(int(key), zeros) + np.array(values, np.int64)
        except (OSError, zipfile.BadZipFile, ValueError, KeyError, TypeError, AttributeError):
            continue
    return counts


def calibration_path(output: Path) -> Path:
    """Where it says how the engine made masks of the planes of an output."""
    return output / FOLDER / _CALIBRATION


def write_calibration(output: Path, calibration: Calibration, run_id: str = "") -> None:
    """Keep how the engine made masks of the planes of an output.

    Raises:
        StorageError: if the disk is full or not writable.
    """
    content = json.dumps(calibration.to_json()).encode()
    write_atomically(calibration_path(output), content, run_id)


def read_calibration(output: Path) -> Calibration | None:
    """How the engine made masks of the planes of an output; None if none are kept.

    Raises:
        RunError: if the file is damaged.
    """
    path = calibration_path(output)
    try:
        return Calibration.from_json(json.loads(path.read_bytes()))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise RunError(f"{path} is damaged; run again with --fresh") from error


def write_cuts(output: Path, cuts: Cuts) -> None:
    """Keep what the results of an output were cut with.

    Raises:
        StorageError: if the disk is full or not writable.
    """
    write_atomically(output / FOLDER / _CUTS, json.dumps(cuts.to_json()).encode())


def read_cuts(output: object) -> Cuts:
    """What the results of an output place were cut with; nothing where nobody chose.

    Raises:
        RunError: if the file is damaged.
    """
    if not isinstance(output, Path):
        return Cuts({})
    path = output / FOLDER / _CUTS
    try:
        return Cuts.from_json(json.loads(path.read_bytes()))
    except FileNotFoundError:
        return Cuts({})
    except (OSError, ValueError, SettingsError) as error:
        raise RunError(f"{path} is damaged; run again with --fresh") from error


class PlaneKeeper:
    """Keeps planes of one run within a bound, and cuts by them; safe to use from any thread."""

    def __init__(self, output: Path, bound: int, run_id: str, cuts: Cuts) -> None:
        """Keep planes in ``output``, at most ``bound`` bytes of them together.

        Args:
            output: the output folder.
            bound: bytes; 0 = none are kept.
            run_id: whose temporaries these are.
            cuts: what was chosen for all results of the output.
        """
        self.left_out = 0  # targets that there was no room for
        self._output = output
        self._bound = bound
        self._run_id = run_id
        self._cuts = cuts
        self._calibration: Calibration | None = None
        self._lock = threading.Lock()
        self._used: int | None = None  # bytes; None before the first target

    def begin(self, calibration: Calibration) -> None:
        """The engine has learnt; nothing is written before the first target is."""
        self._calibration = calibration

    def keep(self, name: str, found: Segmentation) -> None:
        """Keep the planes of a target, if there is room.

        Raises:
            StorageError: if the disk is full or not writable.
        """
        if not self._bound:
            return
        path, data = planes_path(self._output, name), encode_planes(found)
        before = path.stat().st_size if path.exists() else 0
        if not self._has_taken(len(data) - before):
            self.left_out += 1
            path.unlink(missing_ok=True)  # they would be those of other masks
            return
        try:
            write_atomically(path, data, self._run_id)
        except StorageError:
            raise
        except OSError:  # of this target alone, as for the length of its name
            self.left_out += 1

    def _has_taken(self, size: int) -> bool:
        """Takes room for so many more bytes, if there is that much."""
        with self._lock:
            if self._used is None:
                self._used = self._measured()
            if self._used + size > self._bound:
                return False
            self._used += size
            return True

    def _measured(self) -> int:
        """Bytes of what is there already; the first target's calibration is written, too."""
        if self._calibration is not None:
            write_calibration(self._output, self._calibration, self._run_id)
        return sum(path.stat().st_size for path in (self._output / FOLDER).rglob(f"*{_SUFFIX}"))

    def cut(self, found: Segmentation) -> Segmentation:
        """What is found by what was chosen for the output."""
        if not self._cuts or not found.planes or self._calibration is None:
            return found
        right: list[Any] = (
            [None] * len(found.scores) if found.right is None else found.right.tolist()
        )
        ids, scores = found.object_ids.tolist(), found.scores.tolist()
        own = dict(zip(ids, zip(scores, right, strict=True), strict=True))
        return recut(found.planes, own, self._calibration, self._cuts)
