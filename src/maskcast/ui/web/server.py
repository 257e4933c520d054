"""Serving a project: the app, its guard, the port, and how it all ends."""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Final

import gradio as gr
from fastapi import FastAPI

from maskcast.errors import SettingsError
from maskcast.io.printable import printable
from maskcast.project.folder import ProjectFolder
from maskcast.runs.copies import fetch_ledger
from maskcast.ui.web.annotate import AnnotateService
from maskcast.ui.web.app import build_app, page_css, page_head, theme
from maskcast.ui.web.asgi import App
from maskcast.ui.web.assets import page_scripts
from maskcast.ui.web.bodies import Bodies
from maskcast.ui.web.connections import BoundedServer, ServingConfig
from maskcast.ui.web.fixing import FixService
from maskcast.ui.web.guard import Guard, is_loopback
from maskcast.ui.web.options import ServeOptions
from maskcast.ui.web.routes import UPLOADS, Api
from maskcast.ui.web.spool import remove_left_behind
from maskcast.ui.web.talk import Talk
from maskcast.ui.web.texts import Texts
from maskcast.ui.web.workspace import Workspace

_EXIT_STOPPED: Final = 130
_SWITCH_S: Final = 0.0005
"""After which a run's Python lets that of a click go on; 5 ms unless told otherwise, and a click
waits so long at each of its many short steps."""


def create_app(workspace: Workspace, options: ServeOptions) -> App:
    """The whole server as one ASGI app: our routes, Gradio's page, the guard in front of both."""
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    api = Api(workspace, options.limits)
    talk = Talk(workspace, AnnotateService(workspace), options.bounds.message_bytes)
    fix = Talk(workspace, FixService(workspace), options.bounds.message_bytes, "fix")
    app.router.routes.extend([*api.routes(), talk.route(), fix.route(), page_scripts().route()])
    blocks = build_app(workspace, options.lang)
    gr.mount_gradio_app(
        app,
        blocks,
        path="/",
        footer_links=[],
        run_history=False,
        show_error=True,
        max_file_size=0,
        ssr_mode=False,
        enable_monitoring=False,
        pwa=False,
        mcp_server=False,
        i18n=Texts(options.lang).i18n(),
        theme=theme(),
        css=page_css(),
        head=page_head(),
    )
    guarded = Guard(app, options.password, any_host=not is_loopback(options.host))
    return Bodies(guarded, options.bounds, {UPLOADS: options.limits.file_bytes})


def serve(workspace: Workspace, options: ServeOptions) -> bool:
    """Serve until Ctrl-C or SIGTERM, then finish what is in flight.

    Returns:
        Whether a run was cut short.

    Raises:
        SettingsError: if the host or port cannot be listened at, or references or targets are in
            a store.
        RunError: if the ledger of an output in a store cannot be had.
    """
    sys.setswitchinterval(_SWITCH_S)
    _check_folders(workspace.project)
    fetch_ledger(workspace.project)
    _clean_up(workspace.project)
    with _listening(options) as listener:
        app = create_app(workspace, options)
        config = ServingConfig(app, options.bounds)
        # Pages keep connections open; that they are cut at the end is no error.
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
        sentences = _announcement(workspace, options, listener)
        try:
            with _signals_end_the_server():
                _Server(config, sentences).run(sockets=[listener])
            return _close(workspace)
        except KeyboardInterrupt:
            # As safe as a kill: files appear whole or not at all, and so do the ledger's rows.
            os._exit(_EXIT_STOPPED)


class _Server(BoundedServer):
    """Says where it is once it answers, and so once it can be stopped."""

    def __init__(self, config: ServingConfig, sentences: Sequence[str]) -> None:
        super().__init__(config)
        self._sentences = sentences

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        _tell("closing (Ctrl-C again to stop at once)")
        await super().shutdown(sockets)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        for sentence in self._sentences:
            _tell(sentence)


def _check_folders(project: ProjectFolder) -> None:
    for place in (project.references_place, project.targets_place):
        if not isinstance(place, Path):
            raise SettingsError(
                f"{place} is in a store, and the web labeler works in folders of this machine; "
                "use maskcast run for it, or give a folder"
            )


def _clean_up(project: ProjectFolder) -> None:
    """Remove what a killed server left of uploads; beside the rest, for folders can be large."""
    folders = [project.references_folder, project.targets_folder]
    threading.Thread(target=remove_left_behind, args=(folders,), daemon=True).start()


def _close(workspace: Workspace) -> bool:
    if workspace.runs.is_running:
        _tell("stopping: the targets in flight are being finished (again to stop at once)")
    cut_short = workspace.runs.close()
    workspace.close()
    return cut_short


@contextmanager
def _listening(options: ServeOptions) -> Iterator[socket.socket]:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            options.host, options.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise SettingsError(f"the host {options.host!r} is unknown ({error.strerror})") from error
    with listener:
        if os.name == "posix":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(address)
            listener.listen()
        except OSError as error:
            raise SettingsError(
                f"{options.host} port {options.port} cannot be listened at "
                f"({(error.strerror or str(error)).lower()}); give another --port or --host"
            ) from error
        yield listener


@contextmanager
def _signals_end_the_server() -> Iterator[None]:
    """Uvicorn ends on these and then raises them again; here that is the normal way to end."""

    def ignore(_number: int, _frame: FrameType | None) -> None:
        pass

    previous = {number: signal.signal(number, ignore) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _announcement(
    workspace: Workspace, options: ServeOptions, listener: socket.socket
) -> list[str]:
    port = listener.getsockname()[1]
    host = f"[{options.host}]" if ":" in options.host else options.host
    sentences = [f"{workspace.project.root} is served at http://{host}:{port} (Ctrl-C ends it)"]
    if not is_loopback(options.host) and options.password is None:
        sentences.insert(
            0,
            "warning: everybody who can reach this machine can see and change this project; "
            "give --auth-file FILE, whose first line is user:password",
        )
    return sentences


def _tell(sentence: str) -> None:
    sys.stderr.write(f"{printable(sentence)}\n")
    sys.stderr.flush()
