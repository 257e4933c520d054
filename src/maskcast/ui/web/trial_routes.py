"""The routes behind the strip beside the canvas: trying the references on a few targets."""

from __future__ import annotations

from typing import Any, Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from maskcast.errors import SettingsError
from maskcast.ui.web.fence import without_places
from maskcast.ui.web.trying import TRIED, TrialState
from maskcast.ui.web.wire import error_response, json_response, read_json
from maskcast.ui.web.workspace import Workspace

_MOST_BODY: Final = 20_000
_FOR_GOOD: Final = "private, max-age=3600, immutable"


class TrialRoutes:
    """Answers for the trials of one served project."""

    def __init__(self, workspace: Workspace) -> None:
        """Try the references of ``workspace``."""
        self._project = workspace.project
        self._trial = workspace.trial

    async def start(self, request: Request) -> Response:
        """Try the references as they are saved now, on targets of one's choice and others."""
        content = await read_json(request, _MOST_BODY)
        image_ids = content.get("ids", [])
        if not isinstance(image_ids, list) or not all(isinstance(key, str) for key in image_ids):
            raise SettingsError("ids: expected a list of names")
        return json_response({"number": await run_in_threadpool(self._trial.start, image_ids)})

    async def state(self, _: Request) -> Response:
        """How the latest trial stands, and what is found so far."""
        return json_response(self._shown(self._trial.state()))

    def _shown(self, state: TrialState) -> dict[str, Any]:
        error = None if state.error is None else without_places(state.error, self._project)
        return {
            "number": state.number,
            "state": state.state,
            "of": TRIED,
            "quick": state.quick,
            "error": error,
            "tried": [
                {"id": tried.image_id, "objects": tried.objects, "problem": tried.problem}
                for tried in state.tried
            ],
        }

    async def picture(self, request: Request) -> Response:
        """What was found on a target in a trial, which is in the address."""
        image_id, number = request.query_params.get("id"), request.query_params.get("number")
        state = self._trial.state()
        for tried in state.tried:
            if tried.image_id == image_id and str(state.number) == number and tried.picture:
                headers = {"cache-control": _FOR_GOOD}
                return Response(tried.picture, media_type="image/jpeg", headers=headers)
        return error_response(404, "there is no such picture any more")
