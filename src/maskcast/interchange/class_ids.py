"""Which object id a class of another tool gets."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from maskcast.drawing.palette import default_spec
from maskcast.errors import AnnotationError, SettingsError
from maskcast.interchange.formats.records import LabeledImage
from maskcast.project.annotations import read_annotations
from maskcast.project.folder import ProjectFolder
from maskcast.types import MAX_OBJECT_ID, ObjectSpec


def read_classes(texts: Sequence[str]) -> dict[str, int]:
    """The table of class names: each text is ``name=id`` or a CSV file of ``name,id`` lines.

    The file may begin with a line that says ``name,id``.

    Raises:
        SettingsError: if a text is neither, or an id is not in 1..255.
    """
    table: dict[str, int] = {}
    for text in texts:
        rows: list[tuple[str, str]]
        if Path(text).is_file():
            try:
                with Path(text).open(encoding="utf-8-sig", newline="") as file:
                    lines = [row for row in csv.reader(file) if row]
            except (OSError, UnicodeDecodeError, csv.Error) as error:
                raise SettingsError(
                    f"classes: {text} is no CSV file in UTF-8 ({error}); save it as such"
                ) from error
            rows = [(row[0], row[1] if len(row) == 2 else "") for row in lines]
            rows = rows[1:] if rows[:1] == [("name", "id")] else rows
        else:
            name, equals, number = text.rpartition("=")
            if not equals:
                raise SettingsError(
                    f"classes: {text!r} is neither name=id nor a file of name,id lines"
                )
            rows = [(name, number)]
        for name, number in rows:
            if not number.strip().isdecimal() or not 1 <= int(number) <= MAX_OBJECT_ID:
                raise SettingsError(
                    f"classes: expected an object id of 1..{MAX_OBJECT_ID} for {name!r} in {text}, "
                    f"got {number!r}"
                )
            table[name] = int(number)
    return table


class ObjectNames:
    """Object ids of class names, as a table, the project or a format gives them."""

    def __init__(self, project: ProjectFolder, classes: Mapping[str, int], source: Path) -> None:
        """Know the ids and names of a project.

        Args:
            project: its names count, and ids in its annotations are not given away.
            classes: the table of the user, class name -> object id.
            source: file or folder the classes come from, for errors.

        Raises:
            AnnotationError: if the annotations of the project cannot be read.
        """
        file = read_annotations(project.annotations_path)
        self._specs = project.object_specs((), file)
        self._used = {key for one in file.annotations.values() for key in one.objects}
        self._classes = classes
        self._source = source
        self._usual = {default_spec(key).name: key for key in range(1, MAX_OBJECT_ID + 1)}
        self.new_specs: list[ObjectSpec] = []

    def assign(
        self, images: Sequence[LabeledImage], labels: Sequence[str]
    ) -> dict[tuple[str, int | None], int]:
        """The id of each (label, id of the format) that occurs; see ``import_annotations``."""
        seen = dict.fromkeys(
            (one.label, one.object_id) for image in images for one in image.objects
        )
        order = {label: index for index, label in enumerate(labels)}
        wanted = sorted(seen, key=lambda one: order.get(one[0], len(order)))
        ids = {one: key for one in wanted if (key := self._known_id(*one)) is not None}
        taken = {*self._specs, *self._used, *self._classes.values(), *ids.values()}
        free = iter(sorted(set(range(1, MAX_OBJECT_ID + 1)) - taken))
        for label, object_id in wanted:
            if (label, object_id) not in ids:
                ids[label, object_id] = self._next(free, label)
        for label, object_id in wanted:
            self._name(ids[label, object_id], label)
        return ids

    def unknown(self, labels: Iterable[str]) -> tuple[str, ...]:
        """Names in the table that no class has, which may be misspelt."""
        known = set(labels)
        return tuple(name for name in self._classes if name not in known)

    def _known_id(self, label: str, object_id: int | None) -> int | None:
        """The id that the table, the project or the format gives; None if a new one is needed."""
        if label in self._classes:
            return self._classes[label]
        named = [key for key, spec in self._specs.items() if spec.name == label]
        if named and label:
            return named[0]
        if object_id is None:
            usual = self._usual.get(label)
            is_taken = usual in self._specs or usual in self._classes.values()
            return None if is_taken else usual
        spec = self._specs.get(object_id)
        if spec is not None and label not in {"", default_spec(object_id).name}:
            raise AnnotationError(
                f"{self._source}: object {object_id} is called {label!r} there and {spec.name!r} "
                f"in the project; say which id it is with --classes {label}=ID"
            )
        return object_id

    def _next(self, free: Iterator[int], label: str) -> int:
        for object_id in free:
            return object_id
        raise AnnotationError(
            f"there is no object id left for {label!r}: {MAX_OBJECT_ID} are taken; join classes "
            "with --classes name=id"
        )

    def _name(self, object_id: int, label: str) -> None:
        """Keep a name for an id that has none; ``object 3`` is none, but for another id."""
        if object_id in self._specs or self._usual.get(label) == object_id or not label:
            return
        if label in self._usual and label in self._classes:
            return
        spec = replace(default_spec(object_id), name=label)
        self._specs[object_id] = spec
        self.new_specs.append(spec)
