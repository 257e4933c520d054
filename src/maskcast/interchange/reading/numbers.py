"""Numbers as other tools write them: ``1.0`` for 1, ``0.000000e+00`` for 0, sizes as texts."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from maskcast.interchange.reading.left_out import Kind, MisfitError
from maskcast.io.jsonfile import Node

_MOST = float(2**31)
"""Beyond it lies no coordinate of any picture."""

_SHOWN = 40


def finite(value: object, place: str, what: str) -> float:
    """A number within any picture's reach.

    Args:
        value: a number, or a text that holds one.
        place: where it is written, for the sentence.
        what: what it stands for, for the sentence.

    Raises:
        MisfitError: if it is none, NaN or infinite.
    """
    number = _float(value)
    if number is None:
        raise MisfitError(
            Kind.MALFORMED,
            f"{place}: {_shown(value)}",
            f"{place}: expected {what}, got {_shown(value)}; correct the file",
        )
    if not abs(number) < _MOST:
        raise MisfitError(
            Kind.NUMBER,
            f"{place}: {_shown(value)}",
            f"{place}: expected {what}, got {_shown(value)}; correct the file",
        )
    return number


def whole(value: object, place: str, what: str) -> int:
    """A whole number, however it is written.

    Raises:
        MisfitError: if it is none.
    """
    number = finite(value, place, what)
    if not number.is_integer():
        raise MisfitError(
            Kind.MALFORMED,
            f"{place}: {_shown(value)}",
            f"{place}: expected {what} as a whole number, got {_shown(value)}; correct the file",
        )
    return int(number)


def node_numbers(node: Node, what: str) -> list[float]:
    """A JSON list of numbers.

    Raises:
        AnnotationError: if it is no list.
        MisfitError: if something else than a number is in it.
    """
    if not isinstance(node.value, list):
        raise node.error(what)
    where = node.where
    return [finite(value, where, what) for value in node.value]


def plain_id(value: object) -> int | str | None:
    """What two ids have in common that stand for one thing: 1, 1.0 and "1" are the same.

    Returns:
        None if it is no id.
    """
    if isinstance(value, str):
        text = value.strip()
        return int(text) if text.isdecimal() and text == str(int(text)) else value
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if isinstance(value, int):
        return value
    return int(value) if math.isfinite(value) and value.is_integer() else None


def declared_size(height: object, width: object) -> tuple[int | None, int | None]:
    """Height and width as a file gives them; None where it gives none worth the name.

    Tools that do not know the size write 0, -1, NaN or nothing.
    """
    sides = (_float(height), _float(width))
    known = [side if side is not None and 0 < side < _MOST else None for side in sides]
    return tuple(None if side is None else round(side) for side in known)  # type: ignore[return-value]


def corners(values: Sequence[float]) -> list[tuple[float, float]]:
    """Pairs of ``x, y`` of a list that has them one after the other."""
    return list(zip(values[0::2], values[1::2], strict=True))


def some(numbers: Iterable[float]) -> str:
    """A few numbers for a sentence: ``(1, 2.5)``."""
    return "(" + ", ".join(f"{number:.6g}" for number in numbers) + ")"


def _float(value: object) -> float | None:
    """The number that a value is or holds, NaN and infinity too; None if it is none."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return float(value)
    except (ValueError, OverflowError):
        return math.inf if isinstance(value, int) else None


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."
