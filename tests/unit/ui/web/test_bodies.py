"""Bodies are bounded in length and in time, whatever is behind reads them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from maskcast.ui.web.asgi import App, Message, Receive, Scope, Send
from maskcast.ui.web.bodies import Bodies
from maskcast.ui.web.bounds import Bounds

BOUNDS = Bounds(message_bytes=1000, body_seconds=0.2, slowest_bytes=1000)


class Reader:
    """An app that reads the whole body, as Gradio's routes do."""

    def __init__(self) -> None:
        self.read = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def read(request: Request) -> PlainTextResponse:
            async for chunk in request.stream():
                self.read += len(chunk)
            return PlainTextResponse("read")

        routes = [Route(path, read, methods=["POST"]) for path in ("/message", "/upload")]
        await Starlette(routes=routes)(scope, receive, send)


async def deaf(_scope: Scope, _receive: Receive, send: Send) -> None:
    """An app that answers without reading."""
    await send({"type": "http.response.start", "status": 401, "headers": []})
    await send({"type": "http.response.body", "body": b"no"})


def ask(
    app: App,
    chunks: list[bytes],
    path: str = "/message",
    *,
    declared: bool = False,
    pause: float = 0.0,
    ends: bool = True,
) -> tuple[int, dict[bytes, bytes]]:
    """Status and headers of what a server would send."""
    length = [(b"content-length", str(sum(map(len, chunks))).encode())]
    headers = length if declared else [(b"transfer-encoding", b"chunked")]
    scope = {"type": "http", "method": "POST", "path": path, "query_string": b""}
    sent: list[Message] = []

    def parts() -> Iterator[Message]:
        for number, chunk in enumerate(chunks, 1):
            more = number < len(chunks) or not ends
            yield {"type": "http.request", "body": chunk, "more_body": more}

    coming = parts()

    async def receive() -> Message:
        await asyncio.sleep(pause)
        message = next(coming, None)
        if message is None:
            await asyncio.Event().wait()
        assert message is not None
        return message

    async def send(message: Message) -> None:
        sent.append(message)

    bodies = Bodies(app, BOUNDS, {"/upload": 5000})
    asyncio.run(bodies({**scope, "headers": headers}, receive, send))
    starts = [message for message in sent if message["type"] == "http.response.start"]
    (start,) = starts
    return start["status"], dict(start["headers"])


@pytest.mark.parametrize("declared", [True, False])
def test_a_body_up_to_the_bound_is_read(declared: bool) -> None:
    reader = Reader()
    status, headers = ask(reader, [b"x" * 400, b"x" * 600], declared=declared)
    assert (status, reader.read) == (200, 1000)
    assert b"connection" not in headers


@pytest.mark.parametrize("declared", [True, False])
def test_a_longer_one_is_not(declared: bool) -> None:
    reader = Reader()
    status, headers = ask(reader, [b"x" * 600] * 1000, declared=declared)
    assert status == 413
    assert headers[b"connection"] == b"close"
    assert reader.read <= 600


def test_a_route_can_have_a_bound_of_its_own() -> None:
    reader = Reader()
    assert ask(reader, [b"x" * 5000], "/upload")[0] == 200
    assert ask(reader, [b"x" * 5001], "/upload")[0] == 413
    assert reader.read == 5000


def test_a_body_that_stops_coming_is_given_up() -> None:
    status, headers = ask(Reader(), [b"x" * 10], ends=False)
    assert status == 408
    assert headers[b"connection"] == b"close"


def test_a_body_that_drips_is_given_up() -> None:
    assert ask(Reader(), [b"x"] * 1000, pause=0.01)[0] == 408


def test_a_slow_body_that_comes_steadily_is_read() -> None:
    assert ask(Reader(), [b"x" * 50] * 15, pause=0.02)[0] == 200, "0.3 s, and 0.2 s are free"


def test_a_connection_with_an_unread_body_is_not_used_again() -> None:
    status, headers = ask(deaf, [b"x" * 10] * 2)
    assert status == 401
    assert headers[b"connection"] == b"close"


def test_an_app_that_breaks_breaks() -> None:
    async def broken(_scope: Scope, _receive: Receive, _send: Send) -> None:
        raise LookupError("as it is")

    with pytest.raises(LookupError, match="as it is"):
        ask(broken, [b"x"])
