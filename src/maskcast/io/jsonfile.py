"""JSON files that people may have edited: values that know their place, and a readable layout."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from maskcast.errors import AnnotationError
from maskcast.io.regular import read_regular
from maskcast.io.storage import Place

_PLAIN_KEY = re.compile(r"[A-Za-z0-9_]+")
_LARGEST = 3.4028235e38  # the largest float32 in its shortest form, which is a little above it
_SHOWN = 60


@dataclass(frozen=True)
class Node:
    """A value in a JSON file.

    Its methods return the value as what it is expected to be, or raise ``AnnotationError`` with
    the file, the place in it, what was expected and what is there.

    Attributes:
        value: what ``json.loads`` made of it.
        place: such as ``images."a.png".objects.1.box``; empty for the whole file.
        path: the file.
    """

    value: Any
    place: str
    path: Place

    def error(self, expected: str) -> AnnotationError:
        """The error that something else than ``expected`` is here."""
        shown = json.dumps(self.value)
        shown = shown if len(shown) <= _SHOWN else shown[: _SHOWN - 3] + "..."
        place = f"{self.place}: " if self.place else ""
        return AnnotationError(
            f"{self.path}: {place}expected {expected}, got {shown}; correct the file or restore "
            "its backup"
        )

    @property
    def where(self) -> str:
        """File and place, for a sentence."""
        return f"{self.path}: {self.place}" if self.place else str(self.path)

    def member(self, name: str) -> Node:
        """One member of an object that may have others; one that is missing counts as null."""
        if not isinstance(self.value, dict):
            raise self.error("an object")
        return Node(self.value.get(name), self._inside(name), self.path)

    def members(self) -> Iterator[tuple[str, Node]]:
        """Key and value of each member of an object."""
        if not isinstance(self.value, dict):
            raise self.error("an object")
        for key, value in self.value.items():
            yield key, Node(value, self._inside(key), self.path)

    def record(self, *names: str) -> dict[str, Node]:
        """The members of an object that has exactly these; one that is missing counts as null."""
        known = dict(self.members())
        for key in known.keys() - set(names):
            raise known[key].error(f"no such key beside {', '.join(names)}")
        return {name: known.get(name, Node(None, self._inside(name), self.path)) for name in names}

    def items(self) -> list[Any]:
        """The values in a list, for one too long to ask each for its place; see ``elements``."""
        if not isinstance(self.value, list):
            raise self.error("a list")
        return self.value

    def elements(self) -> list[Node]:
        """The elements of a list."""
        return [
            Node(value, f"{self.place}[{index}]", self.path)
            for index, value in enumerate(self.items())
        ]

    def numbers(self, count: int, expected: str) -> list[float]:
        """A list of ``count`` numbers that fit float32."""
        if not (
            isinstance(self.value, list)
            and len(self.value) == count
            and all(is_number(value) for value in self.value)
        ):
            raise self.error(expected)
        return [float(value) for value in self.value]

    def integer(self, low: int, high: int) -> int:
        """A whole number in ``low..high``."""
        if type(self.value) is not int or not low <= self.value <= high:
            raise self.error(f"a whole number of {low}..{high}")
        return self.value

    def boolean(self) -> bool:
        """True or false."""
        if not isinstance(self.value, bool):
            raise self.error("true or false")
        return self.value

    def text(self) -> str:
        """A string."""
        if not isinstance(self.value, str):
            raise self.error("a text")
        return self.value

    def _inside(self, key: str) -> str:
        name = key if _PLAIN_KEY.fullmatch(key) else json.dumps(key, ensure_ascii=False)
        return f"{self.place}.{name}" if self.place else name


def is_number(value: object) -> bool:
    """Whether a JSON value is a finite number that fits float32; true and false are none."""
    return type(value) in {int, float} and abs(value) <= _LARGEST  # type: ignore[arg-type]


def read_json(path: Place) -> Node:
    """The whole of a JSON file in UTF-8.

    Raises:
        FileNotFoundError: if there is no such file.
        AnnotationError: if it cannot be read or is not JSON.
    """
    try:
        text = read_regular(path).decode("utf-8-sig")
        return Node(json.loads(text, object_pairs_hook=_distinct), "", path)
    except FileNotFoundError:
        raise
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise AnnotationError(f"{path} cannot be read ({reason}): correct that.") from error
    except RecursionError as error:
        raise AnnotationError(
            f"{path} is nested too deeply; correct the file or restore its backup"
        ) from error
    except ValueError as error:
        raise AnnotationError(
            f"{path} is not JSON ({error}); correct the file or restore its backup"
        ) from error


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object; of a key that occurs twice one value would be lost."""
    members = dict(pairs)
    if len(members) < len(pairs):
        twice, _ = Counter(key for key, _ in pairs).most_common(1)[0]
        raise ValueError(f"the key {json.dumps(twice)} occurs twice in one object")
    return members


class Laid(str):
    """JSON text that ``layout`` made before, for the indentation at which it is put."""

    __slots__ = ()


def layout(value: object, indent: str = "") -> str:
    """JSON text with a line for each thing a person looks for.

    Objects take a line per member, except run-length codes and objects in lists, which take one
    line each, as all other lists do. Letters of any script are written as they are.
    """
    if isinstance(value, Laid):
        return value
    inner = indent + "  "
    if isinstance(value, dict) and value and "counts" not in value:
        lines = [f"{_plain(key)}: {layout(member, inner)}" for key, member in value.items()]
        return "{\n" + ",\n".join(inner + line for line in lines) + f"\n{indent}}}"
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return "[\n" + ",\n".join(inner + _plain(element) for element in value) + f"\n{indent}]"
    return _plain(value)


def _plain(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
