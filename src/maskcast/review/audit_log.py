"""The samples that audits drew, as they were drawn: a log that is only ever added to.

What people answered is in the log of decisions.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal

from maskcast.review.audit_sample import Candidate, Stratum
from maskcast.review.log_file import LogFile, LogKind, only_added

Covered = Literal["accepted unseen", "unseen", "scored"]
"""Of what an audit speaks: of targets accepted without a look; of all that nobody looked at; or of
those among the latter on which all that was found has some score."""

_TABLES: Final = (
    """CREATE TABLE audits (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        who TEXT NOT NULL,
        moment TEXT NOT NULL,
        run TEXT NOT NULL,
        decided INTEGER NOT NULL,
        plan TEXT NOT NULL
    )""",
    """CREATE TABLE drawn (
        audit INTEGER NOT NULL REFERENCES audits (number),
        place INTEGER NOT NULL,
        image_id TEXT NOT NULL,
        digest BLOB,
        is_empty INTEGER NOT NULL,
        PRIMARY KEY (audit, place)
    ) WITHOUT ROWID""",
    *only_added("audits"),
    *only_added("drawn"),
)


@dataclass(frozen=True)
class AuditPlan:
    """What an audit is of, and how it was drawn.

    Attributes:
        covered: the targets it speaks of.
        score_above: the least score of these; None unless they are ``scored``.
        population: how many there are.
        strata: what the sample is spread over.
        seed: of the draw.
        confidence: in (0, 1), of the statement.
        aim: share of wrong ones that it is to be told from, so that it may stop early; None = the
            whole sample is looked at.
    """

    covered: Covered
    score_above: float | None
    population: int
    strata: tuple[Stratum, ...]
    seed: int
    confidence: float
    aim: float | None


@dataclass(frozen=True)
class Drawn:
    """A place of a sample.

    Attributes:
        image_id: of the target.
        digest: of the picture; None if unknown.
        is_empty: whether nothing was found on it.
    """

    image_id: str
    digest: bytes | None
    is_empty: bool


@dataclass(frozen=True)
class Audit:
    """A sample as it was drawn.

    Attributes:
        number: from 1.
        who: drew it.
        moment: when, with time zone.
        run: id of the run whose results it is of.
        decided: number of the last entry of the log of decisions at that moment.
        plan: what it is of.
        sample: in the order to look at it.
    """

    number: int
    who: str
    moment: datetime
    run: str
    decided: int
    plan: AuditPlan
    sample: tuple[Drawn, ...]


class AuditLog(LogFile):
    """An open log of audits."""

    KIND = LogKind("audits.db", "audits", "maskcast-audits-1", _TABLES)

    def record(
        self, plan: AuditPlan, sample: Sequence[Candidate], who: str, run: str, decided: int
    ) -> Audit:
        """Add an audit; it is on disk when this returns. For what is given see ``Audit``.

        Raises:
            StorageError: if the log cannot be written.
        """
        moment = datetime.now(UTC)
        places = tuple(Drawn(each.image_id, each.digest, not each.objects) for each in sample)
        with self.transaction() as connection:
            cursor = connection.execute(
                "INSERT INTO audits (who, moment, run, decided, plan) VALUES (?, ?, ?, ?, ?)",
                (who, moment.isoformat(), run, decided, json.dumps(vars(plan))),
            )
            number = int(cursor.lastrowid or 0)
            connection.executemany(
                "INSERT INTO drawn VALUES (?, ?, ?, ?, ?)",
                [
                    (number, place, drawn.image_id, drawn.digest, drawn.is_empty)
                    for place, drawn in enumerate(places)
                ],
            )
        return Audit(number, who, moment, run, decided, plan, places)

    def last(self) -> Audit | None:
        """The audit that was drawn last; None if there is none."""
        found = self.connection.execute(
            "SELECT number, who, moment, run, decided, plan FROM audits "
            "ORDER BY number DESC LIMIT 1"
        ).fetchone()
        if found is None:
            return None
        number, who, moment, run, decided, plan = found
        rows = self.connection.execute(
            "SELECT image_id, digest, is_empty FROM drawn WHERE audit = ? ORDER BY place", (number,)
        )
        sample = tuple(Drawn(name, digest, bool(empty)) for name, digest, empty in rows)
        content = json.loads(plan)
        content["strata"] = tuple(content["strata"])
        at = datetime.fromisoformat(moment)
        return Audit(number, who, at, run, decided, AuditPlan(**content), sample)
