"""Connections are bounded in number, and none keeps the server waiting for long."""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import pytest

from maskcast.ui.web.asgi import App, Receive, Scope, Send, answer
from maskcast.ui.web.bounds import Bounds
from maskcast.ui.web.connections import BoundedServer, ServingConfig

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Connect = Callable[[], Awaitable[Streams]]

REQUEST = b"GET /page HTTP/1.1\r\nHost: localhost\r\n\r\n"


async def hello(_scope: Scope, _receive: Receive, send: Send) -> None:
    await answer(send, 200, "hello")


@asynccontextmanager
async def serving(app: App, bounds: Bounds) -> AsyncIterator[Connect]:
    """A server in this event loop; gives what connects to it."""
    writers: list[asyncio.StreamWriter] = []

    async def connect() -> Streams:
        port = listener.getsockname()[1]
        streams = await asyncio.open_connection("127.0.0.1", port, limit=2**20)
        writers.append(streams[1])
        return streams

    config = ServingConfig(app, bounds, lifespan="off")
    server = BoundedServer(config)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        task = asyncio.create_task(server.serve(sockets=[listener]))
        while not server.started:
            await asyncio.sleep(0.01)
        yield connect
        for writer in writers:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()
        server.should_exit = True
        await task


async def ask(streams: Streams) -> bytes:
    streams[1].write(REQUEST)
    return await asyncio.wait_for(streams[0].readuntil(b"hello"), 10)


async def is_cut(streams: Streams) -> bool:
    """Waits for the server to end a connection."""
    try:
        return await asyncio.wait_for(streams[0].read(1), 10) == b""
    except ConnectionError:
        return True


def test_the_connection_that_is_idle_for_longest_makes_room(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def scenario() -> None:
        async with serving(hello, Bounds(connections=4)) as connect:
            opened = []
            for _ in range(4):
                opened.append(await connect())
                await asyncio.sleep(0.01)
            assert b"200" in await ask(opened[0])  # so it is not the one idle for longest any more
            for _ in range(5):
                assert b"200" in await ask(await connect())
            assert await is_cut(opened[1])

    with caplog.at_level(logging.WARNING, "maskcast"):
        asyncio.run(scenario())
    (line,) = caplog.messages
    assert "more than 4 connections" in line


def test_connections_at_work_are_not_cut_for_others() -> None:
    async def scenario() -> None:
        go_on, count = asyncio.Event(), 0

        async def slow(scope: Scope, receive: Receive, send: Send) -> None:
            nonlocal count
            count += 1
            await go_on.wait()
            await hello(scope, receive, send)

        async with serving(slow, Bounds(connections=3)) as connect:
            at_work = [await connect() for _ in range(3)]
            asking = [asyncio.create_task(ask(streams)) for streams in at_work]
            while count < 3:
                await asyncio.sleep(0.01)
            assert await is_cut(await connect())
            go_on.set()
            assert all(b"200" in said for said in await asyncio.gather(*asking))

    asyncio.run(scenario())


@pytest.mark.parametrize("said", [b"", b"GET /page HT", REQUEST])
def test_headers_have_to_come_in_time(said: bytes) -> None:
    """Of the first request of a connection, and of the next."""

    async def scenario() -> None:
        async with serving(hello, Bounds(header_seconds=0.2)) as connect:
            streams = await connect()
            streams[1].write(said)
            if said == REQUEST:
                await asyncio.wait_for(streams[0].readuntil(b"hello"), 10)
            dripping = asyncio.create_task(drip(streams[1]))
            assert await is_cut(streams)
            dripping.cancel()

    async def drip(writer: asyncio.StreamWriter) -> None:
        for byte in b"GET /" + b"x" * 1000:
            writer.write(bytes([byte]))
            await asyncio.sleep(0.02)

    asyncio.run(scenario())


def test_an_answer_that_nobody_takes_is_cut_and_a_slow_reader_is_not() -> None:
    async def endless(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(400):
            await send({"type": "http.response.body", "body": b"x" * 65536, "more_body": True})
        await send({"type": "http.response.body", "body": b"the end"})

    async def scenario() -> None:
        async with serving(endless, Bounds(answer_seconds=0.3)) as connect:
            idle, slow = await connect(), await connect()
            for streams in (idle, slow):
                streams[1].write(REQUEST)
            tail = b""
            while b"the end" not in tail:
                some = await asyncio.wait_for(slow[0].read(2**20), 10)
                assert some, "it was cut"
                tail = some[-100:]
                await asyncio.sleep(0.02)
            assert await length_of(idle[0]) < 400 * 65536

    async def length_of(reader: asyncio.StreamReader) -> int:
        length = 0
        with suppress(ConnectionError):
            while some := await asyncio.wait_for(reader.read(2**20), 10):
                length += len(some)
        return length

    asyncio.run(scenario())


def test_running_out_of_files_is_one_line(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        async with serving(hello, Bounds()):
            loop = asyncio.get_running_loop()
            for _ in range(100):
                error = OSError(errno.EMFILE, "too many open files")
                loop.call_exception_handler({"message": "accept", "exception": error})

    with caplog.at_level(logging.WARNING):
        asyncio.run(scenario())
    (line,) = caplog.messages
    assert "no more files" in line
