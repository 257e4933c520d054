"""JSON files whose long lists are decoded an element at a time.

A set of 300,000 annotations takes 1.5 GB as Python objects and 100 MB as text. The text is walked
once, which checks all of it and finds where the elements of its lists begin; each is decoded again
when it is asked for. The parser is Python's own, since others refuse the NaN that it writes.
"""

from __future__ import annotations

import json
import re
from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, overload

from maskcast.errors import AnnotationError
from maskcast.interchange.reading.source_files import read_text_file
from maskcast.io.jsonfile import Node

_SPACE = re.compile(r"[ \t\n\r]*")
_DECODER = json.JSONDecoder()


@dataclass(frozen=True)
class JsonList:
    """A list in a JSON file.

    Attributes:
        path: of the file.
        place: of the list in it; empty for the whole file.
    """

    path: Path
    place: str
    _text: str
    _offsets: array[int]

    @classmethod
    def empty(cls, path: Path, place: str) -> JsonList:
        """A list that the file lacks."""
        return cls(path, place, "", array("Q"))

    def __len__(self) -> int:
        return len(self._offsets)

    @overload
    def __getitem__(self, index: int) -> Node: ...
    @overload
    def __getitem__(self, index: slice) -> list[Node]: ...
    def __getitem__(self, index: int | slice) -> Node | list[Node]:
        if isinstance(index, slice):
            return [self[number] for number in range(*index.indices(len(self)))]
        value, _ = _DECODER.raw_decode(self._text, self._offsets[index])
        return Node(value, f"{self.place}[{index}]", self.path)

    def __iter__(self) -> Iterator[Node]:
        return (self[index] for index in range(len(self)))


Member = Node | JsonList
Root = JsonList | Mapping[str, Member] | Node
"""A list, the members of an object, or any other value."""


def read_json_lists(path: Path) -> Root:
    """A JSON file whose list, or whose lists in its object, are decoded when asked for.

    Raises:
        AnnotationError: if it cannot be read or is not JSON.
    """
    text = read_text_file(path)
    try:
        return _Walk(path, text).root()
    except (ValueError, RecursionError, IndexError) as error:
        raise AnnotationError(f"{path} is not JSON ({error}); correct the file") from error


class _Walk:
    """Goes through a JSON text once."""

    def __init__(self, path: Path, text: str) -> None:
        self._path = path
        self._text = text
        self._position = 0

    def root(self) -> Root:
        sign = self._next_sign()
        value: Root
        if sign == "{":
            value = self._members()
        else:
            value = self._list("") if sign == "[" else Node(self._value(), "", self._path)
        if self._next_sign():
            raise ValueError(f"something follows its end at character {self._position}")
        return value

    def _members(self) -> Mapping[str, Member]:
        members: dict[str, Member] = {}
        self._position += 1
        while self._goes_on(first=not members, end="}"):
            key = self._value()
            if not isinstance(key, str) or self._next_sign() != ":":
                raise ValueError(f"expected a name at character {self._position}")
            if key in members:
                raise ValueError(f"the key {json.dumps(key)} occurs twice in one object")
            self._position += 1
            is_list = self._next_sign() == "["
            members[key] = self._list(key) if is_list else Node(self._value(), key, self._path)
        return members

    def _list(self, place: str) -> JsonList:
        offsets = array("Q")
        self._position += 1
        while self._goes_on(first=not offsets, end="]"):
            self._next_sign()
            offsets.append(self._position)
            self._value()
        return JsonList(self._path, place, self._text, offsets)

    def _goes_on(self, *, first: bool, end: str) -> bool:
        """Whether there is another element; goes past the comma before it, or past the end."""
        sign = self._next_sign()
        if sign == end:
            self._position += 1
            return False
        if first:
            return True
        if sign != ",":
            raise ValueError(f"expected , or {end} at character {self._position}")
        self._position += 1
        return True

    def _next_sign(self) -> str:
        """The next sign that is no blank; empty at the end."""
        match = _SPACE.match(self._text, self._position)
        self._position = self._position if match is None else match.end()
        return self._text[self._position : self._position + 1]

    def _value(self) -> Any:  # noqa: ANN401
        self._next_sign()
        value, self._position = _DECODER.raw_decode(self._text, self._position)
        return value
