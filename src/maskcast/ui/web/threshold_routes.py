"""The routes behind the thresholds of the large view: what can be chosen, and choosing it."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from cachetools import LRUCache
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from maskcast.engines.planes import HIGHEST, probability_of
from maskcast.errors import SettingsError
from maskcast.project.folder import ProjectFolder
from maskcast.runs.copies import opened_ledger
from maskcast.runs.cuts import Cuts
from maskcast.runs.kept_planes import level_counts, planes_path, read_calibration, read_cuts
from maskcast.runs.ledger import Ledger
from maskcast.ui.web.controller import RunController
from maskcast.ui.web.pictures import shown_run
from maskcast.ui.web.wire import json_response, read_json

_MOST_BODY: Final = 100_000
_DIGITS: Final = 6

_Counts = dict[int, npt.NDArray[np.int64]]


def cuts_in(text: str) -> Cuts:
    """What a page chose, JSON.

    Raises:
        SettingsError: if it is something else.
    """
    try:
        return Cuts.from_json(json.loads(text))
    except (ValueError, RecursionError) as error:
        raise SettingsError("cuts: expected JSON") from error


class ThresholdRoutes:
    """Answers the thresholds of one served project."""

    def __init__(self, project: ProjectFolder, runs: RunController) -> None:
        """Nothing is read yet."""
        self._project = project
        self._runs = runs
        self._lock = threading.Lock()
        self._counts: LRUCache[tuple[str, int], tuple[int, _Counts]] = LRUCache(2)

    async def state(self, _: Request) -> Response:
        """What is calibrated, what was chosen, and how many pixels there are of each level."""
        return json_response(await run_in_threadpool(self._state))

    def _state(self) -> dict[str, Any]:
        output = self._project.output_place
        calibration = read_calibration(output) if isinstance(output, Path) else None
        with opened_ledger(self._project) as ledger:
            if calibration is None or ledger is None or not isinstance(output, Path):
                return {"objects": []}
            kept, counts = self._counted(output, ledger)
        specs = self._project.object_specs(calibration.levels)
        nothing = np.zeros(HIGHEST + 1, np.int64)
        return {
            "kept": kept,
            "cuts": read_cuts(output).to_json(),
            "probabilities": [round(probability_of(level), _DIGITS) for level in range(HIGHEST)],
            "objects": [
                {
                    "id": key,
                    "name": specs[key].name,
                    "color": list(specs[key].color),
                    "level": level,
                    "counts": counts.get(key, nothing).tolist(),
                }
                for key, level in sorted(calibration.levels.items())
            ],
        }

    def _counted(self, output: Path, ledger: Ledger) -> tuple[int, _Counts]:
        """Targets with planes, and the pixels of each level on them."""
        key = shown_run(ledger), ledger.counts().done
        with self._lock:
            if key not in self._counts:
                names = [row.name for row in ledger.rows() if row.state == "done"]
                kept = [name for name in names if planes_path(output, name).is_file()]
                self._counts[key] = len(kept), level_counts(output, kept)
            return self._counts[key]

    async def apply(self, request: Request) -> Response:
        """Lay what a page chose over all targets."""
        content = await read_json(request, _MOST_BODY)
        cuts = Cuts.from_json(content.get("cuts"))
        return json_response({"started": await run_in_threadpool(self._runs.rethreshold, cuts)})
