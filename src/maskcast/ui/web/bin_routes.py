"""The routes of the bin: removing references and targets, replacing them, putting them back."""

from __future__ import annotations

from typing import Any, Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from maskcast.errors import SettingsError
from maskcast.project.bin import Binned, Kind
from maskcast.ui.web.fence import Fence
from maskcast.ui.web.wire import json_response, read_json, text_in
from maskcast.ui.web.workspace import Workspace

_MOST_BODY: Final = 10_000
_MOST_LISTED: Final = 200


class BinRoutes:
    """Answers for the bin of one served project."""

    def __init__(self, workspace: Workspace) -> None:
        """Serve the bin of ``workspace``."""
        project = workspace.project
        self._bin = workspace.bin
        self._runs = workspace.runs
        self._fences = {
            "references": (project.references_folder, Fence(project.references_folder)),
            "targets": (project.targets_folder, Fence(project.targets_folder)),
        }

    async def list_all(self, _: Request) -> Response:
        """What is in the bin, the latest first."""
        entries = await run_in_threadpool(self._bin.entries)
        return json_response({"entries": [_about(entry) for entry in entries[:_MOST_LISTED]]})

    async def remove(self, request: Request) -> Response:
        """Put a reference or a target into the bin."""
        content = await read_json(request, _MOST_BODY)
        kind, image_id = _kind_in(content), text_in(content, "id") or ""
        return json_response(await run_in_threadpool(self._remove, kind, image_id))

    def _remove(self, kind: Kind, image_id: str) -> dict[str, Any]:
        self._check(kind, image_id)
        entry = self._bin.remove(kind, image_id)
        self._runs.forget_listing()
        return _about(entry)

    async def replace(self, request: Request) -> Response:
        """Let a picture that is there under another name take the place of one."""
        content = await read_json(request, _MOST_BODY)
        kind, image_id = _kind_in(content), text_in(content, "id") or ""
        by = text_in(content, "by") or ""
        return json_response(await run_in_threadpool(self._replace, kind, image_id, by))

    def _replace(self, kind: Kind, image_id: str, by: str) -> dict[str, Any]:
        self._check(kind, image_id)
        self._check(kind, by)
        entry = self._bin.replace(kind, image_id, by)
        self._runs.forget_listing()
        return _about(entry)

    async def put_back(self, request: Request) -> Response:
        """Put something back where it was."""
        content = await read_json(request, _MOST_BODY)
        entry = await run_in_threadpool(self._bin.put_back, text_in(content, "name") or "")
        self._runs.forget_listing()
        return json_response(_about(entry))

    def _check(self, kind: Kind, image_id: str) -> None:
        folder, fence = self._fences[kind]
        if not fence.encloses(folder / image_id):
            raise SettingsError(f"there is no {image_id} in the {kind}")


def _kind_in(content: dict[str, Any]) -> Kind:
    match content.get("kind"):
        case "references":
            return "references"
        case "targets":
            return "targets"
    raise SettingsError("kind: expected references or targets")


def _about(entry: Binned) -> dict[str, Any]:
    return {
        "name": entry.name,
        "kind": entry.kind,
        "id": entry.image_id,
        "replaced": entry.is_replaced,
    }
