"""Connections: so many at once, none that is open for nothing, none that takes no answer.

Uvicorn bounds requests and not connections, and times only the pause between two requests: a few
hundred connections that say nothing would use up the process's files before a password is asked.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
import time
from typing import Any, Final, Literal

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from maskcast.ui.web.asgi import App
from maskcast.ui.web.bounds import Bounds

logger = logging.getLogger(__name__)

_SECONDS_BETWEEN_WARNINGS: Final = 60.0
_SECONDS_TO_CLOSE: Final = 1
_ACCEPTED_IN_A_ROW: Final = 16
_WAITING_TO_BE_ACCEPTED: Final = 128
_OUT_OF_FILES: Final = frozenset({errno.EMFILE, errno.ENFILE})


class ServingConfig(uvicorn.Config):
    """Uvicorn's settings with bounds on connections.

    Attributes:
        bounds: of the server.
        seats: of its connections.
    """

    def __init__(self, app: App, bounds: Bounds, lifespan: Literal["on", "off"] = "on") -> None:
        """Serve ``app``, without a word in the log."""
        super().__init__(
            app,
            http=Connection,
            ws="none",
            loop="asyncio",
            lifespan=lifespan,
            log_config=None,
            access_log=False,
            server_header=False,
            # This is also what asyncio accepts in a row, before any of it can be refused.
            backlog=_ACCEPTED_IN_A_ROW,
            timeout_graceful_shutdown=_SECONDS_TO_CLOSE,
        )
        self.bounds = bounds
        self.seats = Seats(bounds.connections)


class BoundedServer(uvicorn.Server):
    """Uvicorn's server under a ``ServingConfig``."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to answer."""
        await super().startup(sockets)
        for listener in sockets or ():
            listener.listen(_WAITING_TO_BE_ACCEPTED)
        asyncio.get_running_loop().set_exception_handler(_Complaints().tell)


class Seats:
    """Which connections are open, and which of them ask for nothing; for one event loop."""

    def __init__(self, count: int) -> None:
        """Let ``count`` connections be open at once."""
        self._count = count
        self._open: set[Connection] = set()
        self._idle: dict[Connection, None] = {}  # that for longest first
        self._warning = _Warning()

    def take(self, connection: Connection) -> None:
        """A connection was opened; if there are too many, the one idle for longest is cut.

        If none is idle, it is the new one.
        """
        self._open.add(connection)
        if len(self._open) > self._count:
            self._warning.give(
                f"more than {self._count} connections at once; those that ask for nothing are cut"
            )
            next(iter(self._idle), connection).cut()

    def leave(self, connection: Connection) -> None:
        """A connection is closed."""
        self._open.discard(connection)
        self._idle.pop(connection, None)

    def note(self, connection: Connection, *, idle: bool) -> None:
        """A connection waits for its next request, or has one."""
        if idle and connection in self._open:
            self._idle.setdefault(connection)
        else:
            self._idle.pop(connection, None)


class Connection(H11Protocol):
    """A connection that is cut if the other side lets the server wait for too long."""

    def __init__(
        self,
        config: ServingConfig,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        """As Uvicorn makes it."""
        super().__init__(config, server_state, app_state, _loop)
        self._bounds = config.bounds
        self._seats = config.seats
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """See ``asyncio.Protocol``."""
        super().connection_made(transport)
        self._seats.take(self)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """See ``asyncio.Protocol``."""
        self._unwatch()
        self._seats.leave(self)
        super().connection_lost(exc)

    def handle_events(self) -> None:
        """Bytes have come, or the next of several requests that came together is due."""
        super().handle_events()
        self._watch()

    def on_response_complete(self) -> None:
        """An answer was given."""
        super().on_response_complete()
        self._watch()

    def pause_writing(self) -> None:
        """See ``asyncio.Protocol``."""
        super().pause_writing()
        self._watch()

    def resume_writing(self) -> None:
        """See ``asyncio.Protocol``."""
        super().resume_writing()
        self._watch()

    def cut(self) -> None:
        """End it now, whatever is still to be sent."""
        self._seats.leave(self)
        self.transport.abort()

    def _watch(self) -> None:
        """Time it as long as it is the other side's turn: to ask, or to take an answer."""
        idle = self.cycle is None or self.cycle.response_complete
        self._seats.note(self, idle=idle)
        if not (idle or self.flow.write_paused):
            self._unwatch()
        elif self._timer is None:
            self._start_timer()

    def _unwatch(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _start_timer(self) -> None:
        untaken = self.transport.get_write_buffer_size()
        bounds = self._bounds
        seconds = bounds.answer_seconds if untaken else bounds.header_seconds
        self._timer = self.loop.call_later(seconds, self._time_is_up, untaken)

    def _time_is_up(self, untaken: int) -> None:
        """Once more if some of an answer was taken meanwhile."""
        if self.transport.get_write_buffer_size() < untaken:
            self._start_timer()
        else:
            self.cut()


class _Warning:
    """A line of the log that is written once a minute at most."""

    def __init__(self) -> None:
        self._last = -_SECONDS_BETWEEN_WARNINGS

    def give(self, sentence: str) -> None:
        now = time.monotonic()
        if now - self._last >= _SECONDS_BETWEEN_WARNINGS:
            self._last = now
            logger.warning(sentence)


class _Complaints:
    """What an event loop has to say, without a page for each connection there is no file for."""

    def __init__(self) -> None:
        self._warning = _Warning()

    def tell(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if isinstance(error, OSError) and error.errno in _OUT_OF_FILES:
            self._warning.give("no more files can be opened; new connections have to wait")
        else:
            loop.default_exception_handler(context)
