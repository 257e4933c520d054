"""Which object id a class of another tool gets."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from maskcast.drawing.palette import default_spec
from maskcast.errors import AnnotationError, SettingsError
from maskcast.interchange.reading.entries import ClassMeaning
from maskcast.project.annotations import read_annotations
from maskcast.project.folder import ProjectFolder
from maskcast.types import MAX_OBJECT_ID, ObjectSpec

_RESERVED: Mapping[str, ClassMeaning] = MappingProxyType(
    {
        "__ignore__": "unknown",
        "ignore": "unknown",
        "_background_": "background",
        "background": "background",
    }
)
"""Names that tools give to what is no object: LabelMe's own, and those that many sets have."""


def read_classes(texts: Sequence[str]) -> dict[str, ClassMeaning]:
    """The table of class names: each text is ``name=id`` or a CSV file of ``name,id`` lines.

    In place of an id there may be ``unknown``, for pixels that count neither as object nor as
    background, or ``background``. The file may begin with a line that says ``name,id``.

    Raises:
        SettingsError: if a text is neither, or an id is not in 1..255.
    """
    table: dict[str, ClassMeaning] = {}
    for text in texts:
        rows = _read_table(Path(text)) if Path(text).is_file() else [_split(text)]
        for name, meaning in rows:
            table[name] = _meaning(name, meaning.strip(), text)
    return table


def _read_table(path: Path) -> list[tuple[str, str]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = [row for row in csv.reader(file) if row]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise SettingsError(
            f"classes: {path} is no CSV file in UTF-8 ({error}); save it as such"
        ) from error
    rows = [(row[0], row[1] if len(row) == 2 else "") for row in lines]
    return rows[1:] if rows[:1] == [("name", "id")] else rows


def _split(text: str) -> tuple[str, str]:
    name, equals, meaning = text.rpartition("=")
    if not equals:
        raise SettingsError(f"classes: {text!r} is neither name=id nor a file of name,id lines")
    return name, meaning


def _meaning(name: str, text: str, source: str) -> ClassMeaning:
    if text == "unknown":
        return "unknown"
    if text == "background":
        return "background"
    if not text.isdecimal() or not 1 <= int(text) <= MAX_OBJECT_ID:
        raise SettingsError(
            f"classes: expected an object id of 1..{MAX_OBJECT_ID}, unknown or background for "
            f"{name!r} in {source}, got {text!r}"
        )
    return int(text)


class ObjectNames:
    """Object ids of class names, as a table, the project or a format gives them."""

    def __init__(
        self, project: ProjectFolder, classes: Mapping[str, ClassMeaning], source: Path
    ) -> None:
        """Know the ids and names of a project.

        Args:
            project: its names count, and ids in its annotations are not given away.
            classes: the table of the user, class name -> what it is.
            source: file or folder the classes come from, for errors.

        Raises:
            AnnotationError: if the annotations of the project cannot be read.
        """
        file = read_annotations(project.annotations_path)
        self._specs = project.object_specs((), file)
        self._used = {key for known in file.annotations.values() for key in known.objects}
        self._classes = classes
        self._ids = {name: key for name, key in classes.items() if isinstance(key, int)}
        self._source = source
        self._usual = {default_spec(key).name: key for key in range(1, MAX_OBJECT_ID + 1)}
        self.new_specs: list[ObjectSpec] = []

    def reserved(self, labels: Iterable[str]) -> dict[str, ClassMeaning]:
        """Which of these names stand for no object: neither the table nor the project has them."""
        named = {*self._classes, *(spec.name for spec in self._specs.values())}
        return {
            label: _RESERVED[label.casefold()]
            for label in labels
            if label.casefold() in _RESERVED and label not in named
        }

    def knows(self, object_id: int) -> bool:
        """Whether the project has this object, by name or on a reference."""
        return object_id in self._specs or object_id in self._used

    def assign(
        self, seen: Iterable[tuple[str, int | None]], labels: Sequence[str]
    ) -> dict[tuple[str, int | None], int]:
        """The id of each class that occurs; see ``import_annotations``.

        Args:
            seen: label and id of the format, as often as they occur.
            labels: in the order in which the format lists them.
        """
        order = {label: index for index, label in enumerate(labels)}
        wanted = sorted(dict.fromkeys(seen), key=lambda found: order.get(found[0], len(order)))
        ids = {found: key for found in wanted if (key := self._known_id(*found)) is not None}
        taken = {*self._specs, *self._used, *self._ids.values(), *ids.values()}
        free = iter(sorted(set(range(1, MAX_OBJECT_ID + 1)) - taken))
        for label, object_id in wanted:
            if (label, object_id) not in ids:
                ids[label, object_id] = self._next(free, label)
        for label, object_id in wanted:
            self._name(ids[label, object_id], label)
        return ids

    def misspelt(self, labels: Iterable[str]) -> tuple[str, ...]:
        """Names in the table that no class has, which may be misspelt."""
        known = set(labels)
        return tuple(name for name in self._classes if name not in known)

    def _known_id(self, label: str, object_id: int | None) -> int | None:
        """The id that the table, the project or the format gives; None if a new one is needed."""
        if label in self._ids:
            return self._ids[label]
        named = [key for key, spec in self._specs.items() if spec.name == label]
        if named and label:
            return named[0]
        if object_id is None:
            usual = self._usual.get(label)
            is_taken = usual in self._specs or usual in self._ids.values()
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
        if label in self._usual and label in self._ids:
            return
        spec = replace(default_spec(object_id), name=label)
        self._specs[object_id] = spec
        self.new_specs.append(spec)
