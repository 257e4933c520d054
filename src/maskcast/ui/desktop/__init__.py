"""The desktop labeler: a window for precise work on the references (extra ``desktop``)."""

from __future__ import annotations

import logging
import signal

from maskcast.errors import AnnotationError, ImageError, MaskcastError, SettingsError
from maskcast.project.bin import Bin
from maskcast.project.folder import ProjectFolder
from maskcast.project.store import AnnotationStore
from maskcast.ui.desktop.windows import Window, open_window
from maskcast.ui.desktop.worker import Failed, Worker
from maskcast.ui.naming import ObjectNames
from maskcast.ui.session import Segmenter, Session
from maskcast.ui.shown_references import ReferenceImages
from maskcast.ui.suggesting import Suggester
from maskcast.ui.thumbnails import ObjectGallery

_POLL_MILLISECONDS = 30
_LOG = logging.getLogger(__name__)


def annotate(project: ProjectFolder) -> None:
    """Open the labeler on the references of ``project``; come back when its window is closed.

    It begins at the first reference that is not annotated yet.

    Raises:
        DisplayError: if there is no display, no toolkit or no matplotlib.
        SettingsError: if there is no reference to show, or no such engine.
        EngineMissingError: if the engine's extra or weights are missing.
        AnnotationError: if the annotation file cannot be read.
        ConflictError, StorageError: if the last change could not be saved.
    """
    images = ReferenceImages(project)
    image_ids = images.image_ids()
    if not image_ids:
        raise SettingsError(
            f"there is no image in {project.references_folder}; put a few there that show what "
            "to find"
        )
    window = open_window()
    store = AnnotationStore(project.annotations_path)
    session = Session(store, images)
    _open_first(session, store, image_ids)
    segmenter = Segmenter(project.create_engine())
    suggester = Suggester(project, store)
    try:
        names = ObjectNames(project, store)
        gallery = ObjectGallery(project, store, images)
        worker = Worker(session, segmenter, gallery, suggester, names)
        _label(window, session, worker, image_ids, Bin(project, store), names)
        session.save()
    finally:
        segmenter.close()
        suggester.close()


def _label(
    window: Window,
    session: Session,
    worker: Worker,
    image_ids: list[str],
    removed: Bin,
    names: ObjectNames,
) -> None:
    """Until the window is closed."""
    from maskcast.ui.desktop.inputs import Inputs  # with matplotlib, which may be missing
    from maskcast.ui.desktop.labeler import Labeler

    labeler = Labeler(window, session, worker, image_ids, removed, names)
    labeler.stage.resize()
    inputs = Inputs(window.canvas, labeler)
    timer = window.canvas.new_timer(_POLL_MILLISECONDS)
    timer.add_callback(inputs.take_news)
    window.show()
    worker.start()
    labeler.show_image()
    timer.start()
    before = signal.signal(signal.SIGINT, lambda *_: window.close())  # Ctrl-C finishes, like Q
    try:
        window.run()
    finally:
        signal.signal(signal.SIGINT, before)
        timer.stop()
        if worker.busy:
            _LOG.warning("waiting for the mask that is being computed")
        worker.close()
        for news in worker.news():  # that came too late to be shown
            if isinstance(news, Failed):
                _LOG.warning(news.sentence)


def _open_first(session: Session, store: AnnotationStore, image_ids: list[str]) -> None:
    """Open the first reference without annotation, else the first; damaged ones are passed over."""
    annotations = store.read().annotations
    done = {key for key, known in annotations.items() if known.clean or known.objects}
    problem: MaskcastError | None = None
    for image_id in sorted(image_ids, key=lambda image_id: image_id in done):
        try:
            session.open(image_id)
        except (AnnotationError, ImageError) as error:
            problem = problem or error
        else:
            return
    if problem is not None:
        raise problem
