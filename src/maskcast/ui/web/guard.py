"""What stands in front of the whole server: password, where a request may come from, which routes.

Gradio brings routes that this app does not use (files by path, proxy, uploads into a temporary
folder, monitoring). They are not reachable: only what is listed here is.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import ipaddress
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

OWN_ROUTES: Final = "/maskcast/"

_PAGES: Final = frozenset(
    {"/", "/config", "/config/", "/theme.css", "/favicon.ico", "/manifest.json"}
    | {"/gradio_api/info", "/gradio_api/component_server", "/gradio_api/component_server/"}
    | {"/gradio_api/queue/join", "/gradio_api/queue/data", "/gradio_api/reset"}
    | {"/gradio_api/cancel", "/gradio_api/startup-events", "/gradio_api/app_id", "/login_check"}
)
_BELOW: Final = (OWN_ROUTES, "/assets/", "/static/", "/svelte/", "/gradio_api/heartbeat/")
_READING: Final = frozenset({"GET", "HEAD", "OPTIONS"})

# Gradio compiles templates in the browser, hence unsafe-eval; nothing is loaded from elsewhere.
_POLICY: Final = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; "
    "connect-src 'self'; worker-src 'self' blob:; object-src 'none'; base-uri 'self'; "
    "form-action 'self'; frame-ancestors 'none'"
)
_HEADERS: Final = (
    (b"content-security-policy", _POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
)


@dataclass(frozen=True)
class Password:
    """Who may come in.

    Attributes:
        user: the name to give.
        secret: the password to give.
    """

    user: str
    secret: str

    def fits(self, authorization: str) -> bool:
        """Whether an ``Authorization`` header (HTTP Basic) holds them; takes the same time."""
        scheme, _, encoded = authorization.partition(" ")
        if scheme.lower() != "basic":
            return False
        try:
            given = base64.b64decode(encoded.strip(), validate=True)
        except (binascii.Error, ValueError):
            return False
        return hmac.compare_digest(given, f"{self.user}:{self.secret}".encode())


class Guard:
    """ASGI middleware around the whole app."""

    def __init__(self, app: App, password: Password | None, *, any_host: bool) -> None:
        """Stand in front of ``app``.

        Args:
            app: what is guarded.
            password: asked of everybody; None = of nobody.
            any_host: whether the server may be called by any name. If not, only by those of this
                machine's loopback, so that a page elsewhere whose name was pointed here (DNS
                rebinding) gets nothing.
        """
        self._app = app
        self._password = password
        self._any_host = any_host

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer it with what it lacks."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        if scope["type"] != "http":
            # No part of the app speaks anything else.
            await send({"type": "websocket.close", "code": 1008})
        elif refusal is None:
            await self._app(scope, receive, _with_headers(send))
        else:
            await _answer(_with_headers(send), *refusal)

    def _refusal(self, scope: Scope) -> tuple[int, str, tuple[tuple[bytes, bytes], ...]] | None:
        headers = {key: value.decode("latin-1") for key, value in scope.get("headers", ())}
        host = headers.get(b"host", "")
        if not (self._any_host or is_loopback(_without_port(host))):
            return 421, "this server answers only to localhost; start it with --host", ()
        if self._password and not self._password.fits(headers.get(b"authorization", "")):
            challenge = (b"www-authenticate", b'Basic realm="maskcast", charset="UTF-8"')
            return 401, "a user name and a password are needed", (challenge,)
        if scope.get("method") not in _READING and not _same_site(headers, host):
            return 403, "the request comes from a page of another site", ()
        path = scope.get("path", "")
        if path not in _PAGES and not path.startswith(_BELOW):
            return 404, "there is no such page", ()
        return None


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine itself, seen from itself."""
    if host.lower().rstrip(".") == "localhost" or host.lower().endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _without_port(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _same_site(headers: Mapping[bytes, str], host: str) -> bool:
    """Whether a request was made by a page of this server, or by no page at all."""
    origin = headers.get(b"origin")
    if headers.get(b"sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
        return False
    return origin is None or urlsplit(origin).netloc == host


def _with_headers(send: Send) -> Send:
    async def send_with_headers(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", ()), *_HEADERS]
        await send(message)

    return send_with_headers


async def _answer(
    send: Send, status: int, sentence: str, headers: tuple[tuple[bytes, bytes], ...]
) -> None:
    body = sentence.encode()
    fixed = (
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
    )
    await send({"type": "http.response.start", "status": status, "headers": [*fixed, *headers]})
    await send({"type": "http.response.body", "body": body})
