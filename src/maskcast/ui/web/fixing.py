"""Fix in the Review tab: the messages of the Annotate tab, about targets instead of references."""

from __future__ import annotations

from typing import Any

from maskcast.errors import ReviewError
from maskcast.review.applying import Applied
from maskcast.review.correcting import begin_correction, drop_draft, finish_correction
from maskcast.ui.web import messages
from maskcast.ui.web.annotate import AnnotateService, Reply
from maskcast.ui.web.desk import Desk
from maskcast.ui.web.fence import Fence
from maskcast.ui.web.workspace import Workspace


class FixService(AnnotateService):
    """Answers pages on which targets are corrected; what is drawn there are drafts."""

    def __init__(self, workspace: Workspace) -> None:
        """Answer for the targets of ``workspace``."""
        super().__init__(workspace)
        self._fence = Fence(workspace.project.targets_folder)
        self._images = workspace.target_images

    def save(self, desk_name: str, image_id: str, who: str) -> Applied:
        """Let what is drawn on a target be what is on it.

        Raises:
            ReviewError: if the page is not known any more, or has another target in hand.
            EngineError: if a mask that is missing cannot be made.
            StorageError: if it cannot be written.
        """
        desk = self._workspace.desk(desk_name)
        if desk is None or not desk.is_open or desk.session.annotation.image_id != image_id:
            raise ReviewError(f"{image_id} is not open here any more; open it again to correct it")
        desk.preview(self._workspace.segmenter())
        return finish_correction(self._workspace.project, self._workspace.drafts, image_id, who)

    def drop(self, image_id: str) -> None:
        """Forget what is drawn on a target."""
        drop_draft(self._workspace.drafts, image_id)

    def _new_desk(self) -> Desk:
        return self._workspace.new_desk(for_targets=True)

    def _open(self, desk: Desk, message: messages.Open) -> None:
        self._check_shown(message.image)
        begin_correction(self._workspace.project, self._workspace.drafts, message.image)
        super()._open(desk, message)

    def _list(self) -> Reply:
        """Objects as everywhere; which target is next is the queue's to say."""
        known: dict[str, Any] = super()._list()
        return {**known, "references": []}

    def _image_ids(self) -> list[str]:
        return []

    def _check_shown(self, image_id: str) -> None:
        path = self._workspace.project.targets_folder / image_id
        if not self._fence.admits(path):
            raise ReviewError(f"there is no target {image_id} (any more); choose another one")
