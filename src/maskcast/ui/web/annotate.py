"""The Annotate tab: the canvas component and what it asks the server."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

import gradio as gr
import numpy as np

from maskcast.drawing.palette import hex_color, parse_hex_color
from maskcast.errors import AnnotationError, ConflictError, MaskcastError
from maskcast.types import ObjectSpec
from maskcast.ui.controls import page_controls
from maskcast.ui.naming import ObjectNames
from maskcast.ui.web import messages, scene
from maskcast.ui.web.assets import asset, page_scripts
from maskcast.ui.web.desk import Desk
from maskcast.ui.web.fence import Fence, without_places
from maskcast.ui.web.texts import Texts
from maskcast.ui.web.workspace import Workspace

logger = logging.getLogger(__name__)

_THUMBNAIL_SIDE: Final = 144
_OBJECT_SIDE: Final = 40
_SLOTS: Final = 16
_MOST_PART_PIXELS: Final = 6_000_000

Reply = dict[str, Any]
_AtDesk = messages.Open | messages.Change | messages.Preview | messages.Suggest | messages.Refresh


def build(texts: Texts, key: str) -> None:
    """Put the tab's component where the caller is; see ``results.build``."""
    gr.HTML(
        html_template=asset("annotate/annotate.html"),
        css_template=asset("annotate/annotate.css"),
        js_on_load=page_scripts().loader("annotate/main.js"),
        apply_default_css=False,
        elem_id="maskcast-annotate",
        texts=texts.tables("shared.", "annotate."),
        lang=texts.lang or "",
        project=key,
        controls=page_controls(),
    )


class AnnotateService:
    """Answers what pages ask; safe to call from many threads."""

    def __init__(self, workspace: Workspace) -> None:
        """Answer for ``workspace``."""
        self._workspace = workspace
        self._fence = Fence(workspace.project.references_folder)
        self._images = workspace.images

    def await_change(self, data: Mapping[str, Any]) -> None:
        """Wait, not for long, until the change is done that a message follows, if it does."""
        with suppress(MaskcastError):
            message = messages.parse_message(data)
            if isinstance(message, messages.Preview):
                desk = self._workspace.desk(message.desk)
                if desk is not None:
                    desk.await_change(message.number)

    def answer(self, data: Mapping[str, Any]) -> Reply:
        """The answer to a message: JSON-able, with ``problem`` if it could not be done."""
        try:
            return {"ok": True, **self._dispatch(messages.parse_message(data))}
        except MaskcastError as error:
            return {"ok": False, "problem": self._problem(error)}
        except Exception as error:
            logger.exception("the page asked for %s", data.get("do"))
            sentence = f"something went wrong ({type(error).__name__}); the server's log tells more"
            return {"ok": False, "problem": {"kind": "error", "text": sentence}}

    def _dispatch(self, message: messages.AnyMessage) -> Reply:
        match message:
            case messages.Start():
                desk = self._workspace.desk(message.desk or "") or self._new_desk()
                return {"desk": desk.name, "number": desk.applied, **self._list()}
            case messages.ListAll():
                return self._list()
            case messages.Picture():
                return self._picture(message)
            case messages.Thumbnails():
                return self._thumbnails(message)
            case messages.NameObject():
                return self._name(message)
            case _:
                return self._at_desk(message)

    def _at_desk(self, message: _AtDesk) -> Reply:
        """Do it and show what is in hand then; a problem does not hide that."""
        desk = self._workspace.desk(message.desk)
        if desk is None or (not isinstance(message, messages.Open) and not desk.is_open):
            return {"expired": True}
        reply: Reply = {}
        try:
            self._work(desk, message)
        except MaskcastError as error:
            reply["problem"] = self._problem(error)
        if desk.is_open:
            reply["scene"] = scene.encode_scene(desk.snapshot(), set(message.known))
        return reply

    def _work(self, desk: Desk, message: _AtDesk) -> None:
        match message:
            case messages.Open():
                self._open(desk, message)
            case messages.Change():
                desk.change(message.number, message.image, [step.do for step in message.steps])
            case messages.Preview():
                segmenter = self._workspace.segmenter()
                annotation = desk.session.annotation
                with self._workspace.turns.take(annotation.height * annotation.width):
                    desk.preview(segmenter)
            case messages.Suggest():
                annotation = desk.session.annotation
                with self._workspace.turns.take(annotation.height * annotation.width):
                    desk.suggest(message.image, self._workspace.suggester)
            case messages.Refresh():
                desk.refresh()

    def _new_desk(self) -> Desk:
        return self._workspace.new_desk()

    def _open(self, desk: Desk, message: messages.Open) -> None:
        self._check_shown(message.image)
        # Before the desk's lock, which whoever has a turn may be waiting for.
        with self._images.turn(message.image):
            desk.open(message.image)

    def _list(self) -> Reply:
        workspace = self._workspace
        annotations = workspace.store.read().annotations
        references = []
        for image_id in self._image_ids():
            known = annotations.get(image_id)
            references.append(
                {
                    "image": image_id,
                    "clean": known is not None and known.clean,
                    "objects": [] if known is None else sorted(known.objects),
                }
            )
        ids = range(1, max(_SLOTS, *workspace.gallery.known_ids(), 1) + 1)
        fixed = {entry.id for entry in workspace.project.settings.objects}
        objects = [
            {
                "id": object_id,
                "name": summary.spec.name,
                "color": hex_color(summary.spec.color),
                "fixed": object_id in fixed,
                "count": summary.references,
                "thumbnail": None
                if summary.thumbnail is None
                else scene.encode_thumbnail(summary.thumbnail, _OBJECT_SIDE),
            }
            for object_id, summary in workspace.gallery.summaries(ids).items()
        ]
        return {"references": references, "objects": objects}

    def _picture(self, message: messages.Picture) -> Reply:
        self._check_shown(message.image)
        with self._images.turn(message.image):
            rgb = self._images.load(message.image)
            if message.part is None:
                step = scene.shown_step(*rgb.shape[:2])
                return {"picture": scene.encode_picture(scene.reduce_picture(rgb, step))}
            x0, y0, x1, y1 = message.part
            part = rgb[y0:y1, x0:x1]
            if not 0 < part.shape[0] * part.shape[1] <= _MOST_PART_PIXELS:
                raise AnnotationError(
                    f"{message.image} has no part {message.part} of a usable size"
                )
            return {"picture": scene.encode_picture(np.ascontiguousarray(part))}

    def _thumbnails(self, message: messages.Thumbnails) -> Reply:
        found: dict[str, str | None] = {}
        for image_id in message.images:
            try:
                self._check_shown(image_id)
                with self._images.turn(image_id):
                    rgb = self._images.load(image_id)
                    found[image_id] = scene.encode_thumbnail(rgb, _THUMBNAIL_SIDE)
            except MaskcastError:  # a damaged picture keeps its place, without a thumbnail
                found[image_id] = None
        return {"thumbnails": found}

    def _name(self, message: messages.NameObject) -> Reply:
        color, name = parse_hex_color(message.color), message.name.strip()
        names = ObjectNames(self._workspace.project, self._workspace.store)
        names.give(ObjectSpec(message.object, name, color))
        return self._list()

    def _image_ids(self) -> list[str]:
        """References that are shown: links that lead out of their folder are not."""
        folder = self._workspace.project.references_folder
        ids = self._images.image_ids()
        return [image_id for image_id in ids if self._fence.admits(folder / image_id)]

    def _check_shown(self, image_id: str) -> None:
        if image_id not in self._image_ids():
            raise AnnotationError(
                f"there is no reference {image_id} in {self._workspace.project.references_folder} "
                "(any more); choose another one"
            )

    def _problem(self, error: MaskcastError) -> dict[str, str]:
        kind = "conflict" if isinstance(error, ConflictError) else "error"
        return {"kind": kind, "text": without_places(str(error), self._workspace.project)}
