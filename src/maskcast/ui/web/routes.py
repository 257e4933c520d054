"""The routes that the Run, Results and Review tabs talk to, beside those of Gradio.

All of them are below ``/maskcast/`` and answer JSON, pictures or a ZIP. None takes a path: targets
are named by the image id that the ledger knows them by. An error is
``{"error": "one sentence to a person"}`` with a status of 4xx or 5xx.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, get_args
from urllib.parse import quote

from cachetools import TTLCache, cached
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from maskcast.engines.catalog import EngineEntry, list_engines
from maskcast.errors import MaskcastError, SettingsError, StorageError, UploadError
from maskcast.languages import Language
from maskcast.project.folder import AUTO_ENGINE
from maskcast.results.report import render_report
from maskcast.review.signing import review_sections
from maskcast.runs.copies import opened_ledger
from maskcast.runs.ledger_rows import TargetRow
from maskcast.runs.outputs import PARTS
from maskcast.runs.query import RowQuery
from maskcast.ui.web.bin_routes import BinRoutes
from maskcast.ui.web.controller import HowToRun
from maskcast.ui.web.downloads import Archive, zip_export, zip_results
from maskcast.ui.web.earlier import EarlierPictures
from maskcast.ui.web.fence import without_places
from maskcast.ui.web.fixing import FixService
from maskcast.ui.web.guard import OWN_ROUTES
from maskcast.ui.web.pictures import TargetPictures, shown_as, shown_run
from maskcast.ui.web.review_routes import ReviewRoutes
from maskcast.ui.web.run_state import RunChoice
from maskcast.ui.web.threshold_routes import ThresholdRoutes, cuts_in
from maskcast.ui.web.trial_routes import TrialRoutes
from maskcast.ui.web.uploads import UploadFolder, UploadLimits
from maskcast.ui.web.wire import error_response, json_response, number_in, read_json, text_in
from maskcast.ui.web.workspace import Workspace

logger = logging.getLogger(__name__)

UPLOADS: Final = f"{OWN_ROUTES}upload"
"""The route whose bodies are files."""

_MOST_ROWS: Final = 500
_MOST_BODY: Final = 100_000
_AUTO: Final = EngineEntry(
    AUTO_ENGINE, True, None, None, "The engine that does best on references left out.", ""
)
"""Offered where the project says it."""

_LAST_ROW: Final = 2**53  # the last whole number that a page can name
_ENGINES_SECONDS: Final = 5.0
_CLIENT_GONE: Final = 499

Handler = Callable[[Request], Awaitable[Response]]


class Api:
    """The routes of one served project."""

    def __init__(self, workspace: Workspace, limits: UploadLimits) -> None:
        """Serve ``workspace``; what is uploaded is bounded by ``limits`` and the project."""
        project = workspace.project
        self._project = project
        self._store = workspace.store
        self._runs = workspace.runs
        self._pictures = TargetPictures(project, workspace.turns)
        self._bin = BinRoutes(workspace)
        self._earlier = EarlierPictures(project, workspace.turns)
        self._uploads = {
            name: UploadFolder(
                folder, limits, project.settings.images.read_options, workspace.turns
            )
            for name, folder in (
                ("references", project.references_folder),
                ("targets", project.targets_folder),
            )
        }
        self._decoding = workspace.decoding
        self._thresholds = ThresholdRoutes(project, workspace.runs)
        self._trial = TrialRoutes(workspace)
        self._review = ReviewRoutes(project, workspace.runs, self._row, FixService(workspace))
        # Weights that are pulled meanwhile are seen when a page asks again.
        self._engines = cached(TTLCache(1, _ENGINES_SECONDS), condition=threading.Condition())(
            list_engines
        )

    def routes(self) -> list[BaseRoute]:
        """To be put before Gradio's."""
        reading: dict[str, Handler] = {
            "run": self._progress,
            "engines": self._list_engines,
            "results": self._results,
            "bin": self._bin.list_all,
            "changes": self._changes,
            "before": self._before,
            "thumbnail": self._thumbnail,
            "overlay": self._overlay,
            "blind": self._blind,
            "original": self._original,
            "layers": self._layers,
            "thresholds": self._thresholds.state,
            "download": self._download,
            "report": self._report,
            "trial": self._trial.state,
            "tried": self._trial.picture,
            "review": self._review.queue,
        }
        writing: dict[str, Handler] = {
            "start": self._start,
            "rethreshold": self._thresholds.apply,
            "try": self._trial.start,
            "stop": self._stop,
            "back": self._back,
            "remove": self._bin.remove,
            "replace": self._bin.replace,
            "put-back": self._bin.put_back,
            "upload": self._upload,
            "hold": self._review.hold,
            "decide": self._review.decide,
            "correct": self._review.correct,
            "drop-draft": self._review.drop_draft,
            "undo": self._review.undo,
        }
        return [
            *(self._route(name, handler, "GET") for name, handler in reading.items()),
            *(self._route(name, handler, "POST") for name, handler in writing.items()),
        ]

    def _route(self, name: str, handler: Handler, method: str) -> Route:
        """A route that answers errors in words."""

        async def handle(request: Request) -> Response:
            try:
                return await handler(request)
            except ClientDisconnect:
                return Response(status_code=_CLIENT_GONE)
            except sqlite3.Error:
                logger.debug("the ledger cannot be read just now", exc_info=True)
                return error_response(503, "the ledger is being moved or written; try again")
            except MaskcastError as error:
                return error_response(
                    507 if isinstance(error, StorageError) else 400, self._shown(str(error))
                )

        return Route(f"{OWN_ROUTES}{name}", handle, methods=[method])

    async def _progress(self, _: Request) -> Response:
        progress = await run_in_threadpool(self._runs.progress)
        shown = {
            "error": None if progress.error is None else self._shown(progress.error),
            "notes": [self._shown(note) for note in progress.notes],
            "folder": self._project.targets_folder.name,
            "references": await run_in_threadpool(self._count_references),
            "checking": sum(folder.waiting for folder in self._uploads.values()),
        }
        return json_response({**progress.to_json(), **shown})

    def _count_references(self) -> int | None:
        """References with an object on them; None if the annotations cannot be read."""
        try:
            annotations = self._store.read().annotations
        except MaskcastError:  # the Annotate tab and the run tell why
            return None
        return sum(1 for annotation in annotations.values() if annotation.objects)

    def _shown(self, sentence: str) -> str:
        return without_places(sentence, self._project)

    async def _list_engines(self, _: Request) -> Response:
        engines = list(await run_in_threadpool(self._engines))
        settings = self._project.settings
        if settings.engine == AUTO_ENGINE:
            engines.insert(0, _AUTO)
        return json_response(
            {
                "engines": [entry.to_json() for entry in engines],
                "engine": settings.engine,
                "weights": settings.weights,
                "threshold": settings.threshold,
            }
        )

    async def _start(self, request: Request) -> Response:
        content = await read_json(request, _MOST_BODY)
        choice = RunChoice(
            text_in(content, "engine"), number_in(content, "threshold"), text_in(content, "weights")
        )
        await run_in_threadpool(self._check_offered, choice)
        started = await run_in_threadpool(self._runs.start, choice, _how_to_run(content))
        return json_response({"started": started})

    def _check_offered(self, choice: RunChoice) -> None:
        """Weights can be a path on the command line, and only a name here."""
        engines = self._engines()
        names = {entry.name for entry in engines} | {self._project.settings.engine}
        if choice.engine is not None and choice.engine not in names:
            raise SettingsError(f"engine: there is none called {choice.engine!r} here")
        offered = {offer.name for entry in engines for offer in entry.weights}
        if choice.weights is not None and choice.weights not in offered:
            raise SettingsError(f"weights: there are none called {choice.weights!r} here")

    async def _stop(self, _: Request) -> Response:
        self._runs.stop()
        return json_response({})

    async def _back(self, _: Request) -> Response:
        await run_in_threadpool(self._runs.back)
        return json_response({})

    async def _changes(self, _: Request) -> Response:
        return json_response({"rows": await run_in_threadpool(self._earlier.list_changed)})

    async def _before(self, request: Request) -> Response:
        return await self._picture(self._earlier.thumbnail, request)

    async def _upload(self, request: Request) -> Response:
        to = request.query_params.get("to", "")
        folder = self._uploads.get(to)
        if folder is None:
            raise UploadError("uploads go to references or to targets")
        name = request.query_params.get("name", "")
        uploaded = await folder.receive(request.stream(), name, self._decoding)
        if uploaded.is_new and to == "targets":
            self._runs.note_new_target()
        return json_response(
            {"image_id": uploaded.image_id, "new": uploaded.is_new, "wanted": uploaded.wanted}
        )

    async def _results(self, request: Request) -> Response:
        parameters = request.query_params
        try:
            query = RowQuery(
                parameters.get("kind", "all"),  # type: ignore[arg-type]  # checked by RowQuery
                int(parameters["object"]) if parameters.get("object") else None,
                float(parameters.get("low", 0)),
                float(parameters.get("high", 1)),
                parameters.get("order", "name"),  # type: ignore[arg-type]
            )
            offset, limit = int(parameters.get("offset", 0)), int(parameters.get("limit", 100))
        except ValueError as error:
            raise SettingsError(str(error)) from error
        if not 0 <= offset <= _LAST_ROW:
            raise SettingsError(f"offset: expected 0 to {_LAST_ROW}")
        bounded = max(0, min(limit, _MOST_ROWS))
        return json_response(await run_in_threadpool(self._read_results, query, offset, bounded))

    def _read_results(self, query: RowQuery, offset: int, limit: int) -> dict[str, Any]:
        with opened_ledger(self._project) as ledger:
            if ledger is None:
                return {"total": 0, "rows": [], "objects": []}
            rows = ledger.page(query, offset, limit)
            total, object_ids = ledger.count(query), ledger.object_ids()
            run = shown_run(ledger)
        specs = self._project.object_specs(object_ids, self._store.read())
        shown = [spec for key, spec in specs.items() if key in set(object_ids)]
        return {
            "total": total,
            "rows": [self._row(row, run) for row in rows],
            "objects": [
                {"id": spec.object_id, "name": spec.name, "color": list(spec.color)}
                for spec in shown
            ],
        }

    def _row(self, row: TargetRow, run: str) -> dict[str, Any]:
        return {
            "id": row.image_id,
            "shows": shown_as(row, run),
            "decision": row.decision,
            "binned": self._runs.removed_targets().get(row.image_id),
            "state": row.state,
            "size": row.size,
            "reason": None if row.reason is None else self._shown(row.reason),
            "notes": [self._shown(note) for note in row.notes],
            "objects": [
                {
                    "id": found.object_id,
                    "score": round(found.score, 4),
                    "right": None if found.right is None else round(found.right, 4),
                    "area": found.area,
                    "parts": found.components,
                }
                for found in row.objects
            ],
        }

    async def _thumbnail(self, request: Request) -> Response:
        return await self._picture(self._pictures.thumbnail, request)

    async def _original(self, request: Request) -> Response:
        return await self._picture(self._pictures.original, request)

    async def _overlay(self, request: Request) -> Response:
        return await self._picture(self._pictures.overlay, request)

    async def _blind(self, request: Request) -> Response:
        return await self._picture(self._pictures.blind, request)

    async def _picture(self, show: Callable[[str], bytes | None], request: Request) -> Response:
        """Pictures wait for one another here, and not in threads that others need."""
        image_id = request.query_params.get("id", "")
        async with self._decoding:
            if await request.is_disconnected():  # it was scrolled away
                return Response(status_code=_CLIENT_GONE)
            return _jpeg(await run_in_threadpool(show, image_id))

    async def _layers(self, request: Request) -> Response:
        image_id = request.query_params.get("id", "")
        chosen = request.query_params.get("cuts")
        cuts = None if chosen is None else cuts_in(chosen)
        async with self._decoding:
            if await request.is_disconnected():
                return Response(status_code=_CLIENT_GONE)
            layers = await run_in_threadpool(self._pictures.layers, image_id, cuts)
        if layers is None:
            return error_response(404, "nothing was found there, or it is not done")
        return json_response(layers)

    async def _report(self, request: Request) -> Response:
        lang: Language = "ko" if request.query_params.get("lang") == "ko" else "en"
        page = await run_in_threadpool(self._rendered, lang)
        # It has no scripts, and whatever a file is called cannot become one.
        policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
        headers = {"content-security-policy": policy, "cache-control": "no-store"}
        return Response(page, media_type="text/html", headers=headers)

    def _rendered(self, lang: Language) -> str:
        sections = review_sections(self._project, lang)
        return render_report(self._project, lang, sections=sections)

    async def _download(self, request: Request) -> Response:
        texts = dict(request.query_params)
        format_name = texts.pop("format", None)
        if format_name is not None:
            return _zip(await run_in_threadpool(zip_export, self._project, format_name, texts))
        part = request.query_params.get("part")
        if part is not None and part not in PARTS:
            raise SettingsError(f"there is no part {part!r}; there are: {', '.join(PARTS)}")
        return _zip(await run_in_threadpool(zip_results, self._project, part))


def _how_to_run(content: Mapping[str, Any]) -> HowToRun:
    how = content.get("how", "go on")
    if how not in get_args(HowToRun):
        raise SettingsError(f"how: expected {', '.join(get_args(HowToRun))}")
    return how  # type: ignore[no-any-return]


def _jpeg(data: bytes | None) -> Response:
    if data is None:
        return error_response(404, "there is no such picture, or it is a link out of the project")
    return Response(data, media_type="image/jpeg", headers={"cache-control": "no-cache"})


def _zip(archive: Archive) -> Response:
    headers = {
        "content-length": str(archive.size),
        "content-disposition": f"attachment; filename*=UTF-8''{quote(archive.name)}",
        "cache-control": "no-store",
    }
    return StreamingResponse(archive.chunks, media_type="application/zip", headers=headers)
