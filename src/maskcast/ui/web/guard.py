"""What stands in front of the whole server: password, where a request may come from, which routes.

Gradio brings routes that this app does not use (files by path, proxy, uploads into a temporary
folder, monitoring). They are not reachable: only what is listed here is.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import ipaddress
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from maskcast.ui.web.asgi import App, Headers, Message, Receive, Scope, Send, answer
from maskcast.ui.web.attempts import Attempts

OWN_ROUTES: Final = "/maskcast/"

_PAGES: Final = frozenset(
    {"/", "/config", "/config/", "/theme.css", "/favicon.ico", "/manifest.json"}
    | {"/gradio_api/info", "/gradio_api/queue/join", "/gradio_api/queue/data", "/gradio_api/reset"}
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


_Refusal = tuple[int, str, Headers]
"""Status, sentence, headers of an answer."""


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
        self._attempts = Attempts()

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
            await answer(_with_headers(send), *refusal)

    def _refusal(self, scope: Scope) -> _Refusal | None:
        headers = {key: value.decode("latin-1") for key, value in scope.get("headers", ())}
        host = headers.get(b"host", "")
        if not (self._any_host or is_loopback(_without_port(host))):
            return 421, "this server answers only to localhost; start it with --host", ()
        if self._password is not None:
            refusal = self._look_at_password(scope, headers, self._password)
            if refusal is not None:
                return refusal
        if scope.get("method") not in _READING and not _same_site(headers, host):
            return 403, "the request comes from a page of another site", ()
        path = scope.get("path", "")
        if path not in _PAGES and not path.startswith(_BELOW):
            return 404, "there is no such page", ()
        return None

    def _look_at_password(
        self, scope: Scope, headers: Mapping[bytes, str], password: Password
    ) -> _Refusal | None:
        given = headers.get(b"authorization")
        if given is not None:
            address = (scope.get("client") or ("", 0))[0]
            seconds = math.ceil(self._attempts.seconds_to_wait(address))
            if seconds > 0:
                sentence = f"too many wrong passwords came; try again in {seconds} s"
                return 429, sentence, ((b"retry-after", str(seconds).encode()),)
            is_right = password.fits(given)
            self._attempts.note(address, right=is_right)
            if is_right:
                return None
        challenge = (b"www-authenticate", b'Basic realm="maskcast", charset="UTF-8"')
        return 401, "a user name and a password are needed", (challenge,)


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
    if headers.get(b"sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
        return False
    origin = headers.get(b"origin")
    # The whole of it is compared: a browser sends nothing but scheme and host.
    return origin is None or origin in {f"http://{host}", f"https://{host}"}


def _with_headers(send: Send) -> Send:
    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", ()), *_HEADERS]
        await send(message)

    return send_with_headers
