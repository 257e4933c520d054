"""The routes of the Review tab: what waits, deciding, taking back, and the update that follows."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any, Final, get_args

from cachetools import TTLCache
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from maskcast.errors import SettingsError
from maskcast.languages import Language
from maskcast.project.folder import ProjectFolder
from maskcast.review.audit_words import told_audit
from maskcast.review.auditing import read_audit
from maskcast.review.decisions import DECISIONS, Decision, DecisionLog
from maskcast.review.queue import QueueOrder
from maskcast.review.reviewing import (
    count_review,
    decide,
    default_reviewer,
    results_to_review,
    take_back,
    waiting,
)
from maskcast.runs.ledger import Ledger
from maskcast.runs.ledger_rows import TargetRow
from maskcast.ui.web.controller import RunController
from maskcast.ui.web.fixing import FixService
from maskcast.ui.web.pictures import shown_run
from maskcast.ui.web.wire import json_response, read_json, text_in

_MOST_BODY: Final = 10_000
_MOST_ROWS: Final = 40
_HELD_SECONDS: Final = 120.0
_MOST_HELD: Final = 1000
_LONGEST_NAME: Final = 80
_PACE_OVER: Final = 20
_PACE_SECONDS: Final = 300.0

_AUDIT: Final = "audit"
"""The order of a sample that was drawn."""

Row = Callable[[TargetRow, str], dict[str, Any]]
_ORDERS: Final[Mapping[str, QueueOrder]] = {order: order for order in get_args(QueueOrder)}
_WORDS: Final[Mapping[str, Decision]] = {word: word for word in DECISIONS if word != "corrected"}


class ReviewRoutes:
    """Answers the Review tab of one served project."""

    def __init__(
        self, project: ProjectFolder, runs: RunController, row: Row, fixing: FixService
    ) -> None:
        """Serve the review of ``project``.

        Args:
            project: whose results are reviewed.
            runs: its runs, which updates are.
            row: what pages are told of a target of a run.
            fixing: has what is drawn on targets.
        """
        self._fixing = fixing
        self._project = project
        self._runs = runs
        self._row = row
        self._held: TTLCache[str, str] = TTLCache(_MOST_HELD, _HELD_SECONDS)
        self._lock = threading.Lock()

    async def queue(self, request: Request) -> Response:
        """The next targets that nobody decided on and that are not in the hands of another page."""
        parameters = request.query_params
        if parameters.get("order") == _AUDIT:
            lang: Language = "ko" if parameters.get("lang") == "ko" else "en"
            page, who = parameters.get("page", ""), self._who(parameters.get("who"))
            return json_response(await run_in_threadpool(self._sample, page, who, lang))
        order = _ORDERS.get(parameters.get("order", "useful"))
        if order is None:
            raise SettingsError(f"order: expected {', '.join(_ORDERS)}")
        page = parameters.get("page", "")[:_LONGEST_NAME]
        who = self._who(parameters.get("who"))
        return json_response(await run_in_threadpool(self._queue, order, page, who))

    def _queue(self, order: QueueOrder, page: str, who: str) -> dict[str, Any]:
        names = [entry.image_id for entry in waiting(self._project, order)]
        return self._offered(names, page, who)

    def _sample(self, page: str, who: str, lang: Language) -> dict[str, Any]:
        """What is left of the last audit, to be looked at blind, and what the audit states."""
        state = read_audit(self._project)
        offered = self._offered([] if state is None else state.left, page, who)
        told = [] if state is None else told_audit(state, lang)
        return {**offered, "rows": [_blinded(row) for row in offered["rows"]], "audit": told}

    def _offered(self, names: Sequence[str], page: str, who: str) -> dict[str, Any]:
        free = [image_id for image_id in names if self._is_free(image_id, page)]
        with results_to_review(self._project) as ledger:
            rows = [ledger.row(image_id) for image_id in free[:_MOST_ROWS]]
            objects, run = self._objects(ledger), shown_run(ledger)
        return {
            "rows": [self._row(row, run) for row in rows if row is not None],
            "objects": objects,
            "who": who,
            **self._standing(who),
        }

    def _objects(self, ledger: Ledger) -> list[dict[str, Any]]:
        ids = ledger.object_ids()
        specs = self._project.object_specs(ids)
        return [
            {"id": key, "name": specs[key].name, "color": list(specs[key].color)} for key in ids
        ]

    def _standing(self, who: str) -> dict[str, Any]:
        counts = count_review(self._project)
        pace = self._pace(who)
        left = None if not pace else round(60 * counts.left / pace)
        return {"counts": counts.to_json(), "per_minute": pace, "seconds_left": left}

    def _pace(self, who: str) -> float | None:
        """Decisions a minute of a person over the last few.

        Pauses are left out, and so is where the clock was put back.
        """
        log = DecisionLog.read(self._project.review_folder)
        if log is None:
            return None
        with log:
            moments = log.moments(who, _PACE_OVER)
        gaps = [
            seconds
            for later, earlier in pairwise(moments)
            if 0 <= (seconds := (later - earlier).total_seconds()) < _PACE_SECONDS
        ]
        return round(60 * len(gaps) / sum(gaps), 1) if sum(gaps) > 0 else None

    async def hold(self, request: Request) -> Response:
        """A page has a target in hand: for a while no other page is offered it."""
        content = await read_json(request, _MOST_BODY)
        image_id, page = text_in(content, "id") or "", text_in(content, "page") or ""
        with self._lock:
            self._held[image_id] = page[:_LONGEST_NAME]
        return json_response({})

    def _is_free(self, image_id: str, page: str) -> bool:
        with self._lock:
            return self._held.get(image_id, page) == page

    async def decide(self, request: Request) -> Response:
        """Decide on a target."""
        content = await read_json(request, _MOST_BODY)
        decision = _WORDS.get(text_in(content, "decision") or "")
        if decision is None:
            raise SettingsError(f"decision: expected {', '.join(_WORDS)}")
        image_id, who = text_in(content, "id") or "", self._who(text_in(content, "who"))
        objects = _object_ids(content.get("objects"))
        return json_response(
            await run_in_threadpool(self._decide, image_id, decision, who, objects)
        )

    def _decide(
        self, image_id: str, decision: Decision, who: str, objects: tuple[int, ...]
    ) -> dict[str, Any]:
        applied = decide(self._project, [image_id], decision, who, objects=objects)
        return {"remarks": applied.remarks(), **self._about(image_id), **self._standing(who)}

    async def correct(self, request: Request) -> Response:
        """Let what was drawn on a target be what is on it."""
        content = await read_json(request, _MOST_BODY)
        desk, image_id = text_in(content, "desk") or "", text_in(content, "id") or ""
        who = self._who(text_in(content, "who"))
        return json_response(await run_in_threadpool(self._correct, desk, image_id, who))

    def _correct(self, desk: str, image_id: str, who: str) -> dict[str, Any]:
        applied = self._fixing.save(desk, image_id, who)
        return {"remarks": applied.remarks(), **self._about(image_id), **self._standing(who)}

    async def drop_draft(self, request: Request) -> Response:
        """Forget what was drawn on a target."""
        content = await read_json(request, _MOST_BODY)
        await run_in_threadpool(self._fixing.drop, text_in(content, "id") or "")
        return json_response({})

    async def undo(self, request: Request) -> Response:
        """Take back the last decision of a person."""
        content = await read_json(request, _MOST_BODY)
        who = self._who(text_in(content, "who"))
        return json_response(await run_in_threadpool(self._undo, who))

    def _undo(self, who: str) -> dict[str, Any]:
        taken, applied = take_back(self._project, who)
        about = self._about(taken[0].image_id)
        return {"remarks": applied.remarks(), **about, **self._standing(who)}

    def _about(self, image_id: str) -> dict[str, Any]:
        with results_to_review(self._project) as ledger:
            row = ledger.row(image_id)
            return {"row": None if row is None else self._row(row, shown_run(ledger))}

    def _who(self, given: str | None) -> str:
        return (given or "").strip()[:_LONGEST_NAME] or default_reviewer()


def _blinded(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row without what would tell how good it is."""
    objects = [{**found, "score": None, "right": None} for found in row["objects"]]
    return {**row, "objects": objects, "decision": None, "blind": True}


def _object_ids(given: object) -> tuple[int, ...]:
    if given is None:
        return ()
    if isinstance(given, list) and all(type(key) is int and 1 <= key <= 255 for key in given):
        return tuple(given)
    raise SettingsError("objects: expected a list of object ids")
