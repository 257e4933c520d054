"""Bodies of requests: so long and no longer, so slow and no slower, on whatever route.

It stands in front of all routes, those of Gradio too, which read a body of any length into memory.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import anyio

from maskcast.ui.web.asgi import App, Headers, Message, Receive, Scope, Send, answer
from maskcast.ui.web.bounds import Bounds

_CLOSE: Final[Headers] = ((b"connection", b"close"),)


class Bodies:
    """ASGI middleware that ends a request whose body is too long or too slow."""

    def __init__(self, app: App, bounds: Bounds, longer: Mapping[str, int]) -> None:
        """Stand in front of ``app``.

        Args:
            app: what reads the bodies.
            bounds: how long and how slow they may be.
            longer: path -> bytes of a body there, where not ``bounds.message_bytes``.
        """
        self._app = app
        self._bounds = bounds
        self._longer = longer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on with a bounded body."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        most = self._longer.get(scope["path"], self._bounds.message_bytes)
        exchange = _Exchange(scope, receive, send, self._bounds, most)
        try:
            await self._app(scope, exchange.receive, exchange.send)
        except Exception:
            # What reads a body that ends in the middle may fail in any way.
            if exchange.refusal is None or exchange.has_begun:
                raise
        if exchange.refusal is not None and not exchange.has_begun:
            await answer(send, exchange.refusal.status, exchange.refusal.sentence, _CLOSE)


@dataclass(frozen=True)
class _Refusal:
    status: int
    sentence: str


class _Exchange:
    """A request and its answer: what came of its body, and whether the answer has begun."""

    def __init__(
        self, scope: Scope, receive: Receive, send: Send, bounds: Bounds, most: int
    ) -> None:
        self.refusal: _Refusal | None = None
        self.has_begun = False
        self._receive, self._send = receive, send
        self._bounds = bounds
        self._most = most
        self._declared, self._is_whole = _declared(scope)
        self._came, self._waited = 0, 0.0

    async def receive(self) -> Message:
        """A part of the body; the other side seems gone once it is refused."""
        if self._is_whole:
            return await self._receive()
        if self.refusal is None and self._declared > self._most:
            self._refuse_length()
        if self.refusal is None:
            message = await self._receive_in_time()
            if message is not None:
                return message
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        """A part of the answer; not any more once the body is refused."""
        if message["type"] == "http.response.start":
            if self.refusal is not None:
                return
            self.has_begun = True
            if not self._is_whole:  # nobody reads what is left of it
                message["headers"] = [*message.get("headers", ()), *_CLOSE]
        if self.has_begun:
            await self._send(message)

    async def _receive_in_time(self) -> Message | None:
        bounds = self._bounds
        left = bounds.body_seconds + self._came / bounds.slowest_bytes - self._waited
        before = time.monotonic()
        message: Message | None = None
        with anyio.move_on_after(None if self.has_begun else left):
            message = await self._receive()
        self._waited += time.monotonic() - before
        if message is None:
            self.refusal = _Refusal(408, "the request came too slowly; send it again")
        elif message["type"] == "http.request":
            self._came += len(message.get("body", b""))
            self._is_whole = not message.get("more_body", False)
            if self._came > self._most:
                self._refuse_length()
        return message if self.refusal is None else None

    def _refuse_length(self) -> None:
        self.refusal = _Refusal(
            413, f"the request is longer than {self._most} bytes, which is the bound here"
        )


def _declared(scope: Scope) -> tuple[int, bool]:
    """The length a body says it has, 0 if it does not say; and whether there is no body."""
    headers = dict(scope.get("headers", ()))
    length = int(headers.get(b"content-length", b"0"))
    return length, length == 0 and b"transfer-encoding" not in headers
