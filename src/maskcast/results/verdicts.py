"""``verdicts.csv`` in the output: defect or not, for each target that is done."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Sequence

from maskcast.errors import MaskcastError
from maskcast.project.folder import ProjectFolder
from maskcast.quality.verdict import VERDICTS, Decider, Goal, Signs, Verdict
from maskcast.runs.copies import opened_ledger
from maskcast.runs.identity import put_file
from maskcast.runs.ledger import Ledger
from maskcast.runs.ledger_rows import TargetRow

VERDICTS_NAME = "verdicts.csv"


def write_verdicts(project: ProjectFolder, goal: Goal | None = None) -> tuple[str, ...]:
    """Write the verdicts on all targets that are done; what was there is replaced.

    Columns: image, verdict, probability that it is defective, objects found, and for each object
    id ``<id>_number`` (connected components), ``<id>_area`` (pixels of all) and ``<id>_largest``
    (pixels of the largest one; empty where an old ledger does not tell).

    Args:
        project: its ledger is read.
        goal: how sensitive to be.

    Returns:
        What the references cannot tell.

    Raises:
        StorageError: if it cannot be written.
    """
    with opened_ledger(project) as ledger:
        if ledger is None:
            return ()
        selftest = ledger.selftest
        decider = Decider.of(() if selftest is None else selftest.trials, goal)
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(_rows(ledger, decider))
        data = text.getvalue().encode()
        put_file(project.output_place / VERDICTS_NAME, data, ledger.run_id)
    return decider.notes


def given_verdicts(project: ProjectFolder, ledger: Ledger) -> Callable[[TargetRow], Verdict]:
    """The verdict on a target as ``verdicts.csv`` has it, or as it would be where it is not there.

    Args:
        project: its output may hold ``verdicts.csv``.
        ledger: of the project.
    """
    given = _read(project)
    selftest = ledger.selftest
    decider = Decider.of(() if selftest is None else selftest.trials)

    def verdict(row: TargetRow) -> Verdict:
        return given.get(row.image_id) or _verdict_on(row, decider)[0]

    return verdict


def _read(project: ProjectFolder) -> dict[str, Verdict]:
    """Image id -> verdict; empty where there is no table."""
    known: dict[str, Verdict] = {verdict: verdict for verdict in VERDICTS}
    try:
        text = (project.output_place / VERDICTS_NAME).read_bytes().decode()
        rows = [(row["image"], row["verdict"]) for row in csv.DictReader(io.StringIO(text))]
    except (MaskcastError, OSError, UnicodeDecodeError, csv.Error, KeyError):
        return {}
    return {image_id: known[verdict] for image_id, verdict in rows if verdict in known}


def _verdict_on(row: TargetRow, decider: Decider) -> tuple[Verdict, float]:
    """The verdict, and how probable a defect is; what a person decided is certain."""
    if row.decision not in {None, "undecided"}:
        return ("defect", 1.0) if row.objects else ("ok", 0.0)
    best = max((found.score for found in row.objects), default=0.0)
    signs = Signs(best, row.evidence)
    return decider.verdict(signs), decider.probability(signs)


def _rows(ledger: Ledger, decider: Decider) -> Iterator[Sequence[object]]:
    ids = ledger.object_ids()
    columns = [f"{key}_{what}" for key in ids for what in ("number", "area", "largest")]
    yield ("image", "verdict", "probability", "objects", *columns)
    for row in ledger.rows():
        if row.state == "done":
            yield (*_judged(row, decider), *_counted(row, ids))


def _judged(row: TargetRow, decider: Decider) -> tuple[object, ...]:
    verdict, likely = _verdict_on(row, decider)
    return row.image_id, verdict, f"{likely:.4f}", len(row.objects)


def _counted(row: TargetRow, ids: Sequence[int]) -> Iterator[int | None]:
    objects = {known.object_id: known for known in row.objects}
    for key in ids:
        if (found := objects.get(key)) is None:
            yield from (0, 0, 0)
        else:
            yield from (found.components, found.area, found.largest)
