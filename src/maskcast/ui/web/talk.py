"""The route that the Annotate tab talks to: a message, an answer, both JSON.

A message that has to wait, for the engine or to decode a picture, holds no thread meanwhile that
a list or a saving could need.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final, TypeVar

import anyio
import anyio.to_thread
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from maskcast.errors import SettingsError
from maskcast.ui.web.annotate import AnnotateService
from maskcast.ui.web.guard import OWN_ROUTES
from maskcast.ui.web.wire import json_response, read_json
from maskcast.ui.web.workspace import MOST_DESKS, Workspace

Result = TypeVar("Result")

_SMALL: Final = 64_000
_LARGE_AT_ONCE: Final = 8
_PREVIEWS_AT_ONCE: Final = 2
_CLIENT_GONE: Final = 499


class Talk:
    """Answers the messages of ``AnnotateService`` over HTTP."""

    def __init__(
        self,
        workspace: Workspace,
        service: AnnotateService,
        most_bytes: int,
        route: str = "annotate",
    ) -> None:
        """Answer with ``service`` at ``route``; a message has at most ``most_bytes``."""
        self._route = route
        self._service = service
        self._most_bytes = most_bytes
        # What a message holds in memory is many times its length.
        self._large = anyio.CapacityLimiter(_LARGE_AT_ONCE)
        self._following = anyio.CapacityLimiter(MOST_DESKS)
        previews = anyio.CapacityLimiter(_PREVIEWS_AT_ONCE)  # the engine computes one at a time
        decoding = workspace.decoding
        self._limiters = {
            "preview": previews,
            "open": decoding,
            "picture": decoding,
            "thumbnails": decoding,
        }

    def route(self) -> Route:
        """To be put before Gradio's."""
        return Route(f"{OWN_ROUTES}{self._route}", self._answer, methods=["POST"])

    async def _answer(self, request: Request) -> Response:
        try:
            if _may_be_large(request):
                async with self._large:
                    return await self._talk(request)
            return await self._talk(request)
        except ClientDisconnect:
            return Response(status_code=_CLIENT_GONE)
        except SettingsError as error:
            problem = {"kind": "error", "text": str(error)}
            return json_response({"ok": False, "problem": problem}, 400)

    async def _talk(self, request: Request) -> Response:
        message = await read_json(request, self._most_bytes)
        kind = message.get("do")
        if kind == "preview":
            await _in_thread(self._service.await_change, message, self._following)
        limiter = self._limiters.get(kind) if isinstance(kind, str) else None
        return json_response(await _in_thread(self._service.answer, message, limiter))


def _may_be_large(request: Request) -> bool:
    length = request.headers.get("content-length", "")
    return not length.isdigit() or int(length) > _SMALL


async def _in_thread(
    work: Callable[[Mapping[str, Any]], Result],
    message: Mapping[str, Any],
    limiter: anyio.CapacityLimiter | None,
) -> Result:
    return await anyio.to_thread.run_sync(partial(work, message), limiter=limiter)
