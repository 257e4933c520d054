"""Which rows of a ledger a person wants to see, and in which order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, get_args

from maskcast.types import check_object_id

Kind = Literal["all", "found", "empty", "failed"]
Order = Literal["name", "best", "worst"]

_KINDS: Final[dict[str, str]] = {
    "found": "state = 'done' AND EXISTS (SELECT 1 FROM objects AS o WHERE o.image_id = t.image_id)",
    "empty": "state = 'done' AND NOT EXISTS "
    "(SELECT 1 FROM objects AS o WHERE o.image_id = t.image_id)",
    "failed": "state = 'failed'",
}


@dataclass(frozen=True)
class RowQuery:
    """A choice of ledger rows.

    Attributes:
        kind: all rows, those with something found, the empty ones, the failed ones.
        object_id: only targets in which this object was found; None = any.
        low: only targets with an object (``object_id`` if it is given) of at least this score.
        high: and of at most this score. The range counts only where it leaves something out.
        order: by image id, or by the score of the target's objects (of ``object_id`` alone if it
            is given): ``worst`` takes each target's lowest, ascending, ``best`` its highest,
            descending. Targets without an object come last.

    Raises:
        ValueError: if a value is none of these, or ``low`` and ``high`` are not in [0, 1].
    """

    kind: Kind = "all"
    object_id: int | None = None
    low: float = 0.0
    high: float = 1.0
    order: Order = "name"

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind) or self.order not in get_args(Order):
            raise ValueError(f"there is no kind {self.kind!r} or no order {self.order!r}")
        if not 0 <= self.low <= self.high <= 1:
            raise ValueError(f"expected 0 <= low <= high <= 1, got {self.low}, {self.high}")
        if self.object_id is not None:
            check_object_id(self.object_id)

    def where(self) -> tuple[str, tuple[float, ...]]:
        """The condition on ``targets AS t`` as SQL, and its parameters."""
        conditions = [_KINDS[self.kind]] if self.kind in _KINDS else []
        parameters: tuple[float, ...] = ()
        if self.object_id is not None or (self.low, self.high) != (0.0, 1.0):
            of_object, ids = self._of_object()
            conditions.append(
                f"EXISTS (SELECT 1 FROM objects AS o WHERE o.image_id = t.image_id {of_object}"  # noqa: S608
                " AND o.score BETWEEN ? AND ?)"
            )
            parameters = (*ids, self.low, self.high)
        return " AND ".join(conditions) or "TRUE", parameters

    def order_by(self) -> tuple[str, tuple[float, ...]]:
        """The order as SQL, total, and its parameters."""
        if self.order == "name":
            return "t.image_id", ()
        of_object, ids = self._of_object()
        pick, direction = ("max", "DESC") if self.order == "best" else ("min", "ASC")
        score = (
            f"(SELECT {pick}(o.score) FROM objects AS o WHERE o.image_id = t.image_id {of_object})"  # noqa: S608
        )
        return f"{score} {direction} NULLS LAST, t.image_id", ids

    def _of_object(self) -> tuple[str, tuple[float, ...]]:
        if self.object_id is None:
            return "", ()
        return "AND o.object_id = ?", (self.object_id,)
