"""True masks of targets: label maps in a folder, or what was annotated in a labeler.

Label maps are PNGs (pixel = object id) named as the results in ``masks/``: ``<name>.png``, or
``<image id>.png`` with the target's suffix kept (``a.jpg.png``). Pixels of 255 beside other ids are
unknown, unless there is an object 255. An annotation file, or a folder that holds one, tells of the
targets of the same image ids.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol

from maskcast.errors import AnnotationError, EvaluationError
from maskcast.io.label_maps import read_label_picture
from maskcast.io.label_picture import VOID, LabelRules
from maskcast.io.read_options import ReadOptions
from maskcast.masks import split_label_map
from maskcast.project.annotations import Annotation, read_annotations
from maskcast.project.folder import ANNOTATIONS_NAME
from maskcast.runs.ledger_rows import TargetRow
from maskcast.types import Mask

_MOST_ASKED = 200
"""Label maps that are looked at to learn whether 255 is their border."""


@dataclass(frozen=True, eq=False)
class Truth:
    """What is on a target.

    Attributes:
        masks: object id -> bool (H, W), without pixels that are unknown.
        shape: (H, W).
        unknown: bool (H, W), pixels that are not counted; None if there are none.
        was_cut: whether a mask with gray borders was cut at the middle.
    """

    masks: dict[int, Mask]
    shape: tuple[int, int]
    unknown: Mask | None = None
    was_cut: bool = False


class Truths(Protocol):
    """The true masks of many targets."""

    names: Set[str]
    """Of all of them, as a person knows them."""

    def of(self, row: TargetRow) -> Sequence[str]:
        """Names of those that belong to a target, the best first."""

    def read(self, name: str) -> Truth:
        """Read one of them.

        Raises:
            AnnotationError, EvaluationError: if it cannot be read or tells no masks.
        """


def open_truths(path: Path, options: ReadOptions, object_ids: Set[int]) -> Truths:
    """The truths in a folder or an annotation file.

    Args:
        path: of the folder of label maps, an annotation file, or a folder that holds one.
        options: larger label maps than these allow are not read.
        object_ids: that the project knows.

    Raises:
        EvaluationError: if there is no such folder or file.
        AnnotationError: if the annotation file cannot be read.
    """
    annotations = path / ANNOTATIONS_NAME if path.is_dir() else path
    if annotations.is_file():
        return _AnnotatedTruths(annotations)
    if not path.is_dir():
        raise EvaluationError(
            f"the truth folder {path} does not exist; give the folder of true label maps, or an "
            f"{ANNOTATIONS_NAME}"
        )
    return _LabelMapTruths(path, options, object_ids)


class _LabelMapTruths:
    """The label maps of a folder, read alike: 255 is unknown in all of them or in none."""

    def __init__(self, folder: Path, options: ReadOptions, object_ids: Set[int]) -> None:
        self._folder = folder
        self._paths = sorted(folder.rglob("*.png"))
        self._options = options
        self._rules = LabelRules(named=object_ids)
        self._void_is_object = VOID in object_ids
        self.names: Set[str] = {path.relative_to(folder).as_posix() for path in self._paths}

    def of(self, row: TargetRow) -> Sequence[str]:
        named = (f"{row.name}.png", f"{row.image_id}.png")
        return [name for name in named if (self._folder / name).is_file()]

    def read(self, name: str) -> Truth:
        picture = read_label_picture(self._folder / name, self._options, self._rules)
        # Alone, 255 is a mask of object 1, unless other label maps tell that it is the border.
        void = picture.has_void() or (picture.present() == {VOID} and self._has_void)
        labels, unknown = picture.labels(void=void and not self._void_is_object)
        shape = labels.shape[0], labels.shape[1]
        was_cut = picture.gray_share is not None
        return Truth(split_label_map(labels), shape, unknown, was_cut)

    @cached_property
    def _has_void(self) -> bool:
        step = -(-len(self._paths) // _MOST_ASKED)
        return any(map(self._shows_void, self._paths[::step]))

    def _shows_void(self, path: Path) -> bool:
        try:
            return read_label_picture(path, self._options, self._rules).has_void()
        except AnnotationError:
            return False


class _AnnotatedTruths:
    """What an annotation file holds."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._annotations = {
            image_id: known
            for image_id, known in read_annotations(path).annotations.items()
            if known.clean or known.objects
        }
        self.names: Set[str] = self._annotations.keys()

    def of(self, row: TargetRow) -> Sequence[str]:
        return [row.image_id] if row.image_id in self._annotations else []

    def read(self, name: str) -> Truth:
        annotation = self._annotations[name]
        unknown = None if annotation.unknown is None else annotation.unknown.pixels
        masks = self._masks(annotation)
        if unknown is not None:
            masks = {object_id: mask & ~unknown for object_id, mask in masks.items()}
        return Truth(masks, (annotation.height, annotation.width), unknown)

    def _masks(self, annotation: Annotation) -> dict[int, Mask]:
        masks = {}
        for object_id, entry in annotation.objects.items():
            if entry.stored is None:
                raise EvaluationError(
                    f"object {object_id} of {annotation.image_id} in {self._path} has no mask yet; "
                    "open it in a labeler"
                )
            masks[object_id] = entry.stored.pixels
        return masks
