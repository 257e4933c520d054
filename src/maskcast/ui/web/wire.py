"""JSON to and from a page: objects of a bounded length, answers of any text."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

import anyio.to_thread
from starlette.requests import Request
from starlette.responses import JSONResponse

from maskcast.errors import SettingsError

_PARSED_AT_ONCE: Final = 50_000
"""Bytes up to which parsing is quicker than a thread."""


class _JsonResponse(JSONResponse):
    """JSON of any text: what a page sent, or a file is called, may have halves of characters."""

    def render(self, content: object) -> bytes:
        return json.dumps(content, ensure_ascii=False, allow_nan=False).encode("utf-8", "replace")


def json_response(content: Mapping[str, Any], status: int = 200) -> JSONResponse:
    """An answer that no browser keeps."""
    return _JsonResponse(content, status, headers={"cache-control": "no-store"})


def error_response(status: int, sentence: str) -> JSONResponse:
    """``{"error": sentence}``."""
    return json_response({"error": sentence}, status)


async def read_json(request: Request, most: int) -> dict[str, Any]:
    """The body of a request, a JSON object of at most ``most`` bytes; nothing is an empty one.

    Raises:
        SettingsError: if it is longer, or something else.
    """
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > most:
            raise SettingsError("the request is too long")
    try:
        if len(body) <= _PARSED_AT_ONCE:
            content = json.loads(bytes(body) or b"{}")
        else:
            content = await anyio.to_thread.run_sync(json.loads, bytes(body))
    except (ValueError, RecursionError) as error:
        raise SettingsError("the request is not JSON, or nested too deeply") from error
    if not isinstance(content, dict):
        raise SettingsError("the request is not a JSON object")
    return content


def text_in(content: Mapping[str, Any], key: str) -> str | None:
    """The text under a key; None if there is none.

    Raises:
        SettingsError: if it is something else.
    """
    value = content.get(key)
    if value is not None and not isinstance(value, str):
        raise SettingsError(f"{key}: expected a text, got {value!r}")
    return value


def number_in(content: Mapping[str, Any], key: str) -> float | None:
    """The number under a key; see ``text_in``."""
    value = content.get(key)
    if value is not None and (isinstance(value, bool) or not isinstance(value, (int, float))):
        raise SettingsError(f"{key}: expected a number, got {value!r}")
    return value
